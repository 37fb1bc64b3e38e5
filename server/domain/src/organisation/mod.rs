//! Who we are: the organisation, its topics, channels, departments and the people who own tasks.

use crate::issues::quadrant::CutLines;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Language of a person or of the organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Locale {
    /// Simplified Chinese, the default.
    #[default]
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl Locale {
    /// `zh-CN` or `en`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::En => "en",
        }
    }
}

/// A sentence in both languages of the product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Bilingual {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Bilingual {
    /// Both languages at once.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// The sentence in `locale`.
    #[must_use]
    pub fn get(&self, locale: Locale) -> &str {
        match locale {
            Locale::ZhCn => &self.zh,
            Locale::En => &self.en,
        }
    }
}

/// The one organisation of this database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Shown in mails and in the console.
    pub name: String,
    /// IANA zone in which days are counted.
    #[serde(default = "default_zone")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub zone: chrono_tz::Tz,
    /// Language of mails to people without one of their own.
    #[serde(default)]
    pub locale: Locale,
    /// Cost of a minute of handling, in cents; money is never guessed.
    #[serde(default)]
    pub unit_cost_cents_per_minute: Option<i64>,
    /// Share of dissatisfied ratings (0–1) that is still acceptable: the impact line.
    #[serde(default)]
    pub target_dissatisfaction: Option<f64>,
    /// Cut lines of the quadrants that the organisation fixes instead of having them drawn monthly.
    #[serde(default)]
    pub cut_lines: CutLines,
    /// How much a customer of a tier counts beside one without (1): raises the impact of topics that
    /// important customers speak of.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub tier_weights: BTreeMap<String, f64>,
    /// What support costs in a month, from that month (`2026-03`) on until a later entry.
    #[serde(default)]
    pub support_costs: BTreeMap<String, SupportCost>,
    /// Share of a ticket's cost that is saved when it does not come (0–1).
    #[serde(default = "default_marginal_share")]
    pub marginal_share: f64,
    /// Who decides when departments do not agree.
    #[serde(default)]
    pub arbiter_email: Option<String>,
    /// Refusals and hand-overs of one task after which the arbiter decides, 1 to 20.
    #[serde(default = "usual_hops")]
    pub refusal_hops: u32,
    /// Kinds of improvement that somebody approves before they count as done.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub approvals: BTreeMap<crate::tasks::kind::Kind, crate::tasks::approval::Rule>,
    /// Installation of a notifier for departments that name none: a chat beside the mails.
    #[serde(default)]
    pub notifier: Option<String>,
    /// Business calendar of departments that name none; the built-in one (`cn`) when missing.
    #[serde(default)]
    pub calendar: Option<String>,
    /// Working hours, of the department's calendar, for what must be fixed at once: 1 to 2000.
    #[serde(default = "default_fast_track_hours")]
    pub fast_track_hours: u32,
    /// Working hours for every other task that nobody sets a date for: not fewer than those.
    #[serde(default = "default_task_hours")]
    pub task_hours: u32,
    /// When a bad mark opens a review ticket.
    #[serde(default)]
    pub review: crate::reviews::Rule,
    /// Counts changes.
    #[serde(default)]
    pub version: i64,
}

/// What support costs in a month, in cents, by group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SupportCost {
    /// Wages and training.
    pub people_cents: i64,
    /// Systems, telephone, compensation handling.
    pub operations_cents: i64,
    /// Rent and management.
    pub indirect_cents: i64,
}

impl SupportCost {
    /// All groups together.
    #[must_use]
    pub const fn total_cents(self) -> i64 {
        self.people_cents
            .saturating_add(self.operations_cents)
            .saturating_add(self.indirect_cents)
    }
}

impl Organisation {
    /// What support costs in `month` (`2026-03`): the latest entry that is not later.
    #[must_use]
    pub fn support_cost(&self, month: &str) -> Option<SupportCost> {
        self.support_costs
            .range(..=month.to_owned())
            .next_back()
            .map(|(_, cost)| *cost)
    }

    /// How much a customer of that tier counts; 1 without a weight.
    #[must_use]
    pub fn tier_weight(&self, tier: &str) -> f64 {
        self.tier_weights.get(tier).copied().unwrap_or(1.0)
    }
}

/// Checks what an organisation decides about quadrants and money.
pub fn check_priorities(organisation: &Organisation) -> Result<(), Invalid> {
    let refuse = |field: &str, detail: &str| Err(Invalid::field(field, detail));
    let lines = &organisation.cut_lines;
    if lines
        .contacts_per_week
        .is_some_and(|c| !(c > 0.0 && c <= 1e9))
    {
        return refuse("cut_lines.contacts_per_week", "above 0, at most 1000000000");
    }
    if lines
        .negative_share
        .is_some_and(|s| !(0.0..=1.0).contains(&s))
    {
        return refuse("cut_lines.negative_share", "0 to 1");
    }
    if !(1..=20).contains(&organisation.refusal_hops) {
        return refuse("refusal_hops", "1 to 20");
    }
    for (kind, rule) in &organisation.approvals {
        if rule.approver_email.as_deref().is_some_and(|e| !is_email(e)) {
            let field = format!("approvals.{}.approver_email", kind.as_str());
            return refuse(&field, "not an e-mail address");
        }
    }
    if !(0.0..=1.0).contains(&organisation.marginal_share) {
        return refuse("marginal_share", "0 to 1");
    }
    if organisation.tier_weights.len() > 100 {
        return refuse("tier_weights", "at most 100 tiers");
    }
    for (tier, weight) in &organisation.tier_weights {
        check_length("tier_weights", tier, 60)?;
        if !(0.0..=100.0).contains(weight) {
            return refuse(&format!("tier_weights.{tier}"), "a weight from 0 to 100");
        }
    }
    if !(1..=2000).contains(&organisation.fast_track_hours) {
        return refuse("fast_track_hours", "1 to 2000 working hours");
    }
    if !(organisation.fast_track_hours..=2000).contains(&organisation.task_hours) {
        let detail = "at most 2000 working hours, not fewer than what must be fixed at once gets";
        return refuse("task_hours", detail);
    }
    if let Err((field, detail)) = organisation.review.check() {
        return refuse(&format!("review.{field}"), detail);
    }
    for (month, cost) in &organisation.support_costs {
        let date = chrono::NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d");
        if month.len() != 7 || date.is_err() {
            return refuse("support_costs", "months like 2026-03");
        }
        let groups = [
            ("people_cents", cost.people_cents),
            ("operations_cents", cost.operations_cents),
            ("indirect_cents", cost.indirect_cents),
        ];
        for (group, cents) in groups {
            if !(0..=1_000_000_000_000).contains(&cents) {
                let field = format!("support_costs.{month}.{group}");
                return refuse(&field, "0 to 1000000000000 cents");
            }
        }
    }
    Ok(())
}

/// Hours of the calendar for what must be fixed at once.
const fn default_fast_track_hours() -> u32 {
    48
}

/// Two weeks of the built-in calendar: more than the fast track, whose 48 hours are more than a week.
const fn default_task_hours() -> u32 {
    75
}

const fn default_marginal_share() -> f64 {
    0.6
}

const fn usual_hops() -> u32 {
    crate::tasks::refusal::USUAL_HOPS
}

fn default_zone() -> chrono_tz::Tz {
    chrono_tz::Asia::Shanghai
}

impl Default for Organisation {
    fn default() -> Self {
        Self {
            name: "闭环".to_owned(),
            zone: default_zone(),
            locale: Locale::ZhCn,
            unit_cost_cents_per_minute: None,
            target_dissatisfaction: None,
            cut_lines: CutLines::default(),
            tier_weights: BTreeMap::new(),
            support_costs: BTreeMap::new(),
            marginal_share: default_marginal_share(),
            arbiter_email: None,
            refusal_hops: usual_hops(),
            approvals: BTreeMap::new(),
            notifier: None,
            calendar: None,
            fast_track_hours: default_fast_track_hours(),
            task_hours: default_task_hours(),
            review: crate::reviews::Rule::default(),
            version: 0,
        }
    }
}

/// Whether people have confirmed a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TopicState {
    /// In use: classifiers may give it.
    #[default]
    Active,
    /// A sender named it; nobody has confirmed it yet.
    Proposed,
}

/// A sub-reason inside a topic and the words that tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CauseWords {
    /// Stable name of the cause.
    pub key: String,
    /// Words that tell this cause from its siblings.
    #[serde(default)]
    pub words: Vec<String>,
}

/// A node of the organisation's taxonomy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Stable name, chosen by the organisation.
    #[serde(default)]
    pub key: String,
    /// Key of the node above.
    #[serde(default)]
    pub parent: Option<String>,
    /// Chinese name; the key when empty.
    #[serde(default)]
    pub name: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
    /// Words by which a keyword classifier knows it.
    #[serde(default)]
    pub words: Vec<String>,
    /// What customers say → the official word.
    #[serde(default)]
    pub synonyms: BTreeMap<String, String>,
    /// Sub-reasons.
    #[serde(default)]
    pub causes: Vec<CauseWords>,
    /// Department that receives its notices and tasks.
    #[serde(default)]
    pub owner_department: Option<String>,
    /// `failure` (a fault of ours caused the contact) or `value`.
    #[serde(default)]
    pub demand_type: Option<String>,
    /// What issues of this topic and those below it are; a rule may say otherwise. A problem when nobody
    /// says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_kind: Option<crate::issues::IssueKind>,
    /// Confirmed or proposed.
    #[serde(default)]
    pub state: TopicState,
    /// Counts changes.
    #[serde(default)]
    pub version: i64,
}

impl Topic {
    /// The name in `locale`, never empty.
    #[must_use]
    pub fn title(&self, locale: Locale) -> &str {
        let preferred = match locale {
            Locale::ZhCn => &self.name,
            Locale::En if self.name_en.is_empty() => &self.name,
            Locale::En => &self.name_en,
        };
        if preferred.is_empty() {
            &self.key
        } else {
            preferred
        }
    }
}

/// Why an object of the organisation is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A key is empty, too long or holds characters that break addresses.
    #[error(
        "the key {0:?} must have 1 to 120 characters, none of them a control character, a slash or a space at either end"
    )]
    Key(String),
    /// A field is longer than its limit, or not of its form.
    #[error("{field}: {detail}")]
    Field {
        /// Which field, from the object on: `owners[0].email`.
        field: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A topic would be its own ancestor.
    #[error("topic {0:?} would be above itself")]
    Cycle(String),
    /// Something names an object that is not there.
    #[error("{field} names {key:?}, which does not exist")]
    Unknown {
        /// Which field.
        field: &'static str,
        /// The missing key.
        key: String,
    },
}

impl Invalid {
    fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Field {
            field: field.into(),
            detail: detail.into(),
        }
    }
}

/// Checks a key of a topic, channel, department or detector.
pub fn check_key(key: &str) -> Result<(), Invalid> {
    let length = key.chars().count();
    let bad = key
        .chars()
        .any(|c| c.is_control() || matches!(c, '/' | '\\' | '?' | '#'));
    if length == 0 || length > 120 || bad || key.trim() != key {
        return Err(Invalid::Key(key.to_owned()));
    }
    Ok(())
}

fn check_length(field: &str, value: &str, most: usize) -> Result<(), Invalid> {
    if value.chars().count() > most {
        let detail = format!("longer than {most} characters");
        return Err(Invalid::field(field, detail));
    }
    Ok(())
}

/// Checks a topic against the others of its taxonomy.
pub fn check_topic(
    topic: &Topic,
    others: &[Topic],
    departments: &[Department],
) -> Result<(), Invalid> {
    check_key(&topic.key)?;
    check_length("name", &topic.name, 120)?;
    check_length("name_en", &topic.name_en, 120)?;
    let lists = [
        ("words", topic.words.len(), 500),
        ("synonyms", topic.synonyms.len(), 500),
        ("causes", topic.causes.len(), 100),
    ];
    for (field, length, most) in lists {
        if length > most {
            return Err(Invalid::field(field, format!("at most {most}")));
        }
    }
    for (n, word) in topic.words.iter().enumerate() {
        check_length(&format!("words[{n}]"), word, 60)?;
    }
    for (said, official) in &topic.synonyms {
        check_length("synonyms", said, 60)?;
        check_length(&format!("synonyms.{said}"), official, 60)?;
    }
    for (n, cause) in topic.causes.iter().enumerate() {
        if let Err(error) = check_key(&cause.key) {
            return Err(Invalid::field(
                format!("causes[{n}].key"),
                error.to_string(),
            ));
        }
    }
    if let Some(demand) = &topic.demand_type
        && !matches!(demand.as_str(), "failure" | "value")
    {
        return Err(Invalid::field("demand_type", "failure or value"));
    }
    if let Some(department) = &topic.owner_department
        && !departments.iter().any(|d| d.key == *department)
    {
        return Err(Invalid::Unknown {
            field: "owner_department",
            key: department.clone(),
        });
    }
    let mut above = topic.parent.clone();
    let mut seen = BTreeSet::from([topic.key.clone()]);
    while let Some(key) = above.take() {
        if !seen.insert(key.clone()) {
            return Err(Invalid::Cycle(topic.key.clone()));
        }
        match others.iter().find(|t| t.key == key) {
            Some(parent) => above.clone_from(&parent.parent),
            None => {
                return Err(Invalid::Unknown {
                    field: "parent",
                    key,
                });
            }
        }
    }
    Ok(())
}

/// `key` and everything below it: what a detector or a chart of a parent topic counts.
#[must_use]
pub fn subtree(key: &str, topics: &[Topic]) -> Vec<String> {
    let mut found = vec![key.to_owned()];
    let mut next = 0;
    while next < found.len() {
        let above = found[next].clone();
        for topic in topics {
            if topic.parent.as_deref() == Some(above.as_str()) && !found.contains(&topic.key) {
                found.push(topic.key.clone());
            }
        }
        next += 1;
    }
    found
}

/// `key` and everything above it, from the bottom up.
#[must_use]
pub fn path(key: &str, topics: &[Topic]) -> Vec<String> {
    let above = |key: &str| {
        let topic = topics.iter().find(|t| t.key == key);
        topic.and_then(|t| t.parent.clone())
    };
    let mut all = vec![key.to_owned()];
    let mut next = above(key);
    while let Some(parent) = next.filter(|p| !all.contains(p)) {
        next = above(&parent);
        all.push(parent);
    }
    all
}

/// A person who receives tasks; needs no account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// Where mails go, lower case.
    pub email: String,
    /// How the mail addresses them.
    #[serde(default)]
    pub name: String,
    /// Language of mails and action pages.
    #[serde(default)]
    pub language: Locale,
    /// IANA zone of times in mails.
    #[serde(default = "default_zone")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub time_zone: chrono_tz::Tz,
}

impl Owner {
    /// The name, or the part of the address before the at sign.
    #[must_use]
    pub fn display_name(&self) -> &str {
        if self.name.is_empty() {
            self.email.split('@').next().unwrap_or_default()
        } else {
            &self.name
        }
    }
}

/// Who receives tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Department {
    /// Stable name.
    #[serde(default)]
    pub key: String,
    /// Name for people.
    #[serde(default)]
    pub name: String,
    /// The first one is asked when a task names nobody.
    #[serde(default)]
    pub owners: Vec<Owner>,
    /// Who hears of late tasks.
    #[serde(default)]
    pub manager_email: Option<String>,
    /// Who stands in.
    #[serde(default)]
    pub deputy_email: Option<String>,
    /// Installation of a notifier: a chat that hears of tasks beside the mails.
    #[serde(default)]
    pub notifier: Option<String>,
    /// Business calendar by which its tasks are due; the organisation's when missing.
    #[serde(default)]
    pub calendar: Option<String>,
    /// Counts changes.
    #[serde(default)]
    pub version: i64,
}

impl Department {
    /// The name, or the key when it has none.
    #[must_use]
    pub fn title(&self) -> &str {
        if self.name.is_empty() {
            &self.key
        } else {
            &self.name
        }
    }
}

/// Checks an e-mail address as strictly as mail servers need, not as the RFC allows.
#[must_use]
pub fn is_email(address: &str) -> bool {
    let Some((local, host)) = address.rsplit_once('@') else {
        return false;
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    !local.is_empty()
        && local.len() <= 64
        && local.chars().all(allowed)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !host.is_empty()
        && host.len() <= 255
        && host.split('.').all(|part| {
            !part.is_empty()
                && part.len() <= 63
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

/// Checks a department; addresses are compared in lower case afterwards.
pub fn check_department(department: &Department) -> Result<(), Invalid> {
    check_key(&department.key)?;
    check_length("name", &department.name, 120)?;
    if department.owners.len() > 100 {
        return Err(Invalid::field("owners", "at most 100"));
    }
    let address = |field: String, address: &str| {
        if is_email(address) {
            return Ok(());
        }
        Err(Invalid::field(field, "not an e-mail address"))
    };
    for (n, owner) in department.owners.iter().enumerate() {
        address(format!("owners[{n}].email"), &owner.email)?;
        check_length(&format!("owners[{n}].name"), &owner.name, 120)?;
    }
    let others = [
        ("manager_email", &department.manager_email),
        ("deputy_email", &department.deputy_email),
    ];
    for (field, email) in others {
        if let Some(email) = email {
            address(field.to_owned(), email)?;
        }
    }
    Ok(())
}

/// Where voices come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Stable name.
    #[serde(default)]
    pub key: String,
    /// Name for people.
    #[serde(default)]
    pub name: String,
    /// Lowest original rating that counts as satisfied, where the usual rule is wrong here.
    #[serde(default)]
    pub satisfied_from: Option<u8>,
    /// Counts changes.
    #[serde(default)]
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(key: &str, parent: Option<&str>) -> Topic {
        Topic {
            key: key.to_owned(),
            parent: parent.map(str::to_owned),
            ..Topic::default()
        }
    }

    #[test]
    fn a_topic_is_never_above_itself() {
        let others = vec![
            topic("a", Some("c")),
            topic("b", Some("a")),
            topic("c", Some("b")),
        ];
        assert_eq!(
            check_topic(&topic("a", Some("c")), &others, &[]),
            Err(Invalid::Cycle("a".to_owned()))
        );
        assert!(check_topic(&topic("d", Some("d2")), &others, &[]).is_err());
        assert_eq!(check_topic(&topic("x", None), &others, &[]), Ok(()));
    }

    #[test]
    fn a_subtree_holds_every_level() {
        let topics = vec![
            topic("a", None),
            topic("b", Some("a")),
            topic("c", Some("b")),
            topic("d", None),
        ];
        assert_eq!(subtree("a", &topics), ["a", "b", "c"]);
        assert_eq!(subtree("d", &topics), ["d"]);
    }

    #[test]
    fn addresses_that_mail_servers_refuse_are_refused() {
        for good in ["li@example.com", "a.b+c@mail.example.cn", "x@localhost"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a@b c",
            "a\r\nBcc: x@y",
            "王@example.com",
            ".a@b",
            "a@-b.c",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn keys_are_safe_in_addresses() {
        assert!(check_key("套餐资费争议").is_ok());
        for bad in ["", " a", "a/b", "a\nb", "a?"] {
            assert!(check_key(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn costs_hold_until_a_later_entry() {
        let cost = |people_cents| SupportCost {
            people_cents,
            operations_cents: 20,
            indirect_cents: 3,
        };
        let organisation = Organisation {
            support_costs: BTreeMap::from([
                ("2026-02".to_owned(), cost(100)),
                ("2026-05".to_owned(), cost(200)),
            ]),
            tier_weights: BTreeMap::from([("金卡".to_owned(), 3.0)]),
            ..Organisation::default()
        };
        let total = |month| {
            organisation
                .support_cost(month)
                .map(SupportCost::total_cents)
        };
        assert_eq!(total("2026-01"), None);
        assert_eq!((total("2026-04"), total("2027-01")), (Some(123), Some(223)));
        assert_eq!(
            (
                organisation.tier_weight("金卡"),
                organisation.tier_weight("普通")
            ),
            (3.0, 1.0)
        );
        assert_eq!(check_priorities(&organisation), Ok(()));
        let bad = |change: fn(&mut Organisation)| {
            let mut o = organisation.clone();
            change(&mut o);
            check_priorities(&o).is_err()
        };
        assert!(bad(|o| o.fast_track_hours = 0));
        assert!(bad(|o| o.task_hours = o.fast_track_hours - 1));
        assert!(bad(|o| o.marginal_share = 1.5));
        assert!(bad(|o| o.cut_lines.contacts_per_week = Some(0.0)));
        assert!(bad(|o| o.cut_lines.negative_share = Some(f64::NAN)));
        assert!(bad(|o| {
            o.tier_weights.insert("x".to_owned(), -1.0);
        }));
        assert!(bad(|o| {
            o.support_costs
                .insert("2026-3".to_owned(), SupportCost::default());
        }));
        assert!(bad(|o| {
            o.support_costs
                .insert("2026-13".to_owned(), SupportCost::default());
        }));
    }
}
