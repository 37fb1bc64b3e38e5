//! Daily counts and sums: everything that is charted, detected, ranked or verified is computed
//! from these, so its cost depends on topics × channels × days and never on how much feedback
//! there is.
//!
//! Every counter is an integer that adds up. Even the logarithms are: they are rounded once, per
//! contact, to millionths, so that a sum is the same whatever the order of its parts and moving a
//! voice from one topic to another leaves no dust behind (`bihuan rebuild-facts --check` compares
//! for equality).
//!
//! [`Batch`] gathers what a transaction changes and yields it in key order, so that two
//! transactions that touch the same rows lock them in the same order.

mod calendar;

pub use calendar::{CalendarNote, LONGEST_NOTE, NoteKind};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The topic of a voice that no topic explains, and the empty value of every other part of a key.
pub const NONE: &str = "";

/// Millionths: the unit of [`Counters::handle_ln`] and [`Counters::handle_ln_sq`].
pub const MICRO: f64 = 1e6;

/// Longest handling time that counts, in seconds (30 days): a broken clock of a source must not
/// overflow a sum of squares.
pub const LONGEST_HANDLING: u32 = 2_592_000;

/// What sort of voice a row counts. Kept apart in the key, so that a search or a vote never
/// enters the number of contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A customer got in touch: call, chat, e-mail, post, review, ticket.
    Contact,
    /// An answer to a survey that belongs to no single contact.
    Survey,
    /// A search in the knowledge base or the help centre.
    Search,
    /// A vote on an article.
    Vote,
    /// A remark of an employee.
    Voe,
}

impl Class {
    /// All classes, in the order of their names in a key.
    pub const ALL: [Self; 5] = [
        Self::Contact,
        Self::Survey,
        Self::Search,
        Self::Vote,
        Self::Voe,
    ];

    /// The name in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Survey => "survey",
            Self::Search => "search",
            Self::Vote => "vote",
            Self::Voe => "voe",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A class name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no class of feedback")]
pub struct UnknownClass(pub String);

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == name)
            .ok_or_else(|| UnknownClass(name.to_owned()))
    }
}

/// Which way a voice leans, as far as the facts need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// Complaint, anger, disappointment.
    Negative,
    /// Neither.
    Neutral,
    /// Praise, thanks.
    Positive,
}

/// What one voice contributes to the facts: its figures, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactInput {
    /// The class of the row.
    pub class: Class,
    /// The rating on the common scale of 1 to 5; other values count as not rated.
    pub rating: Option<u8>,
    /// Whether the rating counts as satisfied, by the rule stored with the voice (the top two of
    /// five unless the channel says otherwise). Without a rating it is ignored.
    pub satisfied: bool,
    /// Whether the customer was asked for a rating.
    pub invited: bool,
    /// Whether the matter was resolved, where that is known.
    pub resolved: Option<bool>,
    /// The same customer came back with the same topic within 7 days.
    pub repeat: bool,
    /// A machine handled it.
    pub bot: bool,
    /// It was handed on to somebody else.
    pub transferred: bool,
    /// Sentiment, where a classifier or the sender gave one.
    pub sentiment: Option<Polarity>,
    /// A risk was found (authority, press, lawyer, leaving …).
    pub risk: bool,
    /// Handling time in seconds, where measured.
    pub handle_seconds: Option<u32>,
    /// Compensation paid, in cents.
    pub compensation_cents: Option<i64>,
    /// No earlier counted voice of the same customer, class, topic and day: one of them stands for the
    /// customer. A voice without customer stands for itself.
    pub first_of_day: bool,
    /// Nobody knows which customer it is of.
    pub anonymous: bool,
    /// Whether it was resolved at the first contact, where that is known.
    pub first_contact: Option<bool>,
    /// A search that found nothing.
    pub no_result: bool,
    /// The vote on an article; `None`: no vote, the article was only looked at.
    pub helpful: Option<bool>,
    /// Likelihood to recommend, 0 to 10; other values count as not asked.
    pub nps: Option<u8>,
}

impl FactInput {
    /// A voice of `class` of which nothing else is known.
    #[must_use]
    pub const fn bare(class: Class) -> Self {
        Self {
            class,
            rating: None,
            satisfied: false,
            invited: false,
            resolved: None,
            repeat: false,
            bot: false,
            transferred: false,
            sentiment: None,
            risk: false,
            handle_seconds: None,
            compensation_cents: None,
            first_of_day: true,
            anonymous: true,
            first_contact: None,
            no_result: false,
            helpful: None,
            nps: None,
        }
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident),* $(,)?) => {
        /// The counts and sums of one row. Two rows add up field by field.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Counters {
            $($(#[$doc])* pub $field: i64,)*
        }

        impl Counters {
            /// The names of all fields, in their fixed order: the columns of both fact tables.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            /// The values in the order of [`Self::NAMES`].
            #[must_use]
            pub const fn values(&self) -> [i64; Self::NAMES.len()] {
                [$(self.$field),*]
            }

            /// The counters whose values stand in the order of [`Self::NAMES`].
            #[must_use]
            pub const fn from_values(values: [i64; Self::NAMES.len()]) -> Self {
                let [$($field),*] = values;
                Self { $($field),* }
            }

            /// The field of this name, if there is one.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<i64> {
                match name {
                    $(stringify!($field) => Some(self.$field),)*
                    _ => None,
                }
            }

            /// Sets the field of this name; `false` when there is none.
            pub fn set(&mut self, name: &str, value: i64) -> bool {
                match name {
                    $(stringify!($field) => self.$field = value,)*
                    _ => return false,
                }
                true
            }

            /// Adds `other`, field by field.
            pub const fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
            }

            /// Takes `other` away, field by field.
            pub const fn sub(&mut self, other: &Self) {
                $(self.$field -= other.$field;)*
            }

            /// Whether every field is zero.
            #[must_use]
            pub const fn is_zero(&self) -> bool {
                true $(&& self.$field == 0)*
            }
        }
    };
}

counters! {
    /// Voices of any class.
    voices,
    /// Voices of class `contact`: surveys, searches, votes and remarks are none.
    contacts,
    /// Voices with a rating.
    rated,
    /// Ratings that count as satisfied.
    satisfied,
    /// Ratings of 1.
    r1,
    /// Ratings of 2.
    r2,
    /// Ratings of 3.
    r3,
    /// Ratings of 4.
    r4,
    /// Ratings of 5.
    r5,
    /// Voices whose customer was asked for a rating.
    invited,
    /// Voices known to be resolved.
    resolved,
    /// Voices of which it is known whether they were resolved.
    resolved_known,
    /// Repeats: same customer, same topic, within 7 days.
    repeats,
    /// Handled by a machine.
    bot,
    /// Handed on.
    transferred,
    /// Negative sentiment.
    negative,
    /// Positive sentiment.
    positive,
    /// Voices with any sentiment: what `negative` is a share of.
    sentiment_n,
    /// Voices with a risk.
    risky,
    /// Voices with a handling time.
    handle_n,
    /// Σ seconds.
    handle_sum,
    /// Σ seconds².
    handle_sq,
    /// Σ ln seconds, in millionths.
    handle_ln,
    /// Σ (ln seconds)², in millionths.
    handle_ln_sq,
    /// Σ compensation, in cents.
    compensation_cents,
    /// Distinct customers of a topic and day: one voice of each, and every voice without customer.
    /// Adds up over channels, not over topics or days. Always 0 in [`DetailKey`] rows.
    customers,
    /// Resolved at the first contact.
    fcr,
    /// Voices of which it is known whether the first contact resolved them: what `fcr` is a share of.
    fcr_known,
    /// Searches that found nothing; the searches are the `voices` of class `search`.
    no_result,
    /// Votes that an article helped.
    helpful,
    /// Votes that it did not. Views are the `voices` of class `vote`, voted or not.
    unhelpful,
    /// Voices with a likelihood to recommend.
    nps_n,
    /// Those of 9 and 10.
    nps_promoters,
    /// Those of 0 to 6.
    nps_detractors,
    /// Those of 0 to 6 without a rating: with one, the rating says whether it is bad.
    nps_alone,
    /// Voices whose customer nobody knows: each stands for itself among `customers`.
    anonymous,
}

impl Counters {
    /// What one voice adds.
    #[must_use]
    pub fn of(input: &FactInput) -> Self {
        let mut c = Self {
            voices: 1,
            contacts: i64::from(input.class == Class::Contact),
            invited: i64::from(input.invited),
            resolved: i64::from(input.resolved == Some(true)),
            resolved_known: i64::from(input.resolved.is_some()),
            repeats: i64::from(input.repeat),
            bot: i64::from(input.bot),
            transferred: i64::from(input.transferred),
            negative: i64::from(input.sentiment == Some(Polarity::Negative)),
            positive: i64::from(input.sentiment == Some(Polarity::Positive)),
            sentiment_n: i64::from(input.sentiment.is_some()),
            risky: i64::from(input.risk),
            compensation_cents: input
                .compensation_cents
                .unwrap_or(0)
                .clamp(-1_000_000_000_000, 1_000_000_000_000),
            customers: i64::from(input.first_of_day),
            anonymous: i64::from(input.anonymous),
            fcr: i64::from(input.first_contact == Some(true)),
            fcr_known: i64::from(input.first_contact.is_some()),
            no_result: i64::from(input.no_result),
            helpful: i64::from(input.helpful == Some(true)),
            unhelpful: i64::from(input.helpful == Some(false)),
            ..Self::default()
        };
        let band = match input.rating {
            Some(1) => Some(&mut c.r1),
            Some(2) => Some(&mut c.r2),
            Some(3) => Some(&mut c.r3),
            Some(4) => Some(&mut c.r4),
            Some(5) => Some(&mut c.r5),
            _ => None,
        };
        if let Some(band) = band {
            *band = 1;
            c.rated = 1;
            c.satisfied = i64::from(input.satisfied);
        }
        if let Some(nps) = input.nps.filter(|n| *n <= 10) {
            c.nps_n = 1;
            c.nps_promoters = i64::from(nps >= 9);
            c.nps_detractors = i64::from(nps <= 6);
            c.nps_alone = i64::from(nps <= 6 && c.rated == 0);
        }
        if let Some(seconds) = input.handle_seconds {
            let seconds = seconds.min(LONGEST_HANDLING);
            // libm, not the platform's: the same logarithm everywhere. A time of 0 s is taken as 1 s.
            let ln = libm::log(f64::from(seconds.max(1)));
            c.handle_n = 1;
            c.handle_sum = i64::from(seconds);
            c.handle_sq = i64::from(seconds) * i64::from(seconds);
            c.handle_ln = micro(ln);
            c.handle_ln_sq = micro(ln * ln);
        }
        c
    }

    /// Voices with a bad mark: ratings of 1 to `worst` (at most 5), and likelihoods to recommend of 0
    /// to 6 where there is no rating.
    #[must_use]
    pub fn bad_marks(&self, worst: u8) -> i64 {
        let bands = [self.r1, self.r2, self.r3, self.r4, self.r5];
        bands.iter().take(usize::from(worst)).sum::<i64>() + self.nps_alone
    }

    /// Share of satisfied among the rated; `None` without ratings (never 0).
    #[must_use]
    pub fn csat(&self) -> Option<f64> {
        ratio(self.satisfied, self.rated)
    }

    /// Mean rating on the scale of 1 to 5; `None` without ratings.
    #[must_use]
    pub fn mean_rating(&self) -> Option<f64> {
        let sum = self.r1 + 2 * self.r2 + 3 * self.r3 + 4 * self.r4 + 5 * self.r5;
        ratio(sum, self.rated)
    }

    /// Share of negative among the voices with a sentiment; `None` without any.
    #[must_use]
    pub fn negative_share(&self) -> Option<f64> {
        ratio(self.negative, self.sentiment_n)
    }

    /// Share resolved at the first contact; `None` where it is never known.
    #[must_use]
    pub fn fcr_share(&self) -> Option<f64> {
        ratio(self.fcr, self.fcr_known)
    }

    /// Share of repeats among the contacts; `None` without contacts.
    #[must_use]
    pub fn repeat_share(&self) -> Option<f64> {
        ratio(self.repeats, self.contacts)
    }

    /// Share of searches without result; `None` without voices. Of rows of class `search`.
    #[must_use]
    pub fn no_result_share(&self) -> Option<f64> {
        ratio(self.no_result, self.voices)
    }

    /// Share handled by a machine; `None` without contacts.
    #[must_use]
    pub fn containment(&self) -> Option<f64> {
        ratio(self.bot, self.contacts)
    }

    /// Share of votes that an article did not help; `None` without votes.
    #[must_use]
    pub fn unhelpful_share(&self) -> Option<f64> {
        ratio(self.unhelpful, self.helpful + self.unhelpful)
    }

    /// Net promoter score, −1 to 1: promoters less detractors; `None` where nobody was asked.
    #[must_use]
    pub fn nps(&self) -> Option<f64> {
        (self.nps_n > 0)
            .then(|| {
                ratio(self.nps_promoters, self.nps_n).zip(ratio(self.nps_detractors, self.nps_n))
            })
            .flatten()
            .map(|(promoters, detractors)| promoters - detractors)
    }

    /// Mean handling time in seconds; `None` where none was measured.
    #[must_use]
    pub fn mean_handling(&self) -> Option<f64> {
        ratio(self.handle_sum, self.handle_n)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "ln² of 30 days is below 219: millionths fit"
)]
fn micro(value: f64) -> i64 {
    libm::round(value * MICRO) as i64
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The key of the wide fact table, for exploring.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FactKey {
    /// Day of the organisation's calendar.
    pub day: NaiveDate,
    /// Class of the voice.
    pub class: Class,
    /// Topic, or [`NONE`].
    pub topic: String,
    /// Cause inside the topic, or [`NONE`].
    pub cause: String,
    /// Channel.
    pub channel: String,
    /// Region, or [`NONE`].
    pub region: String,
    /// Line of business, or [`NONE`].
    pub business_line: String,
    /// Tier of the customer, or [`NONE`].
    pub tier: String,
}

impl FactKey {
    /// The row of the narrow table that the same voice belongs to.
    #[must_use]
    pub fn topic_day(&self) -> TopicDayKey {
        TopicDayKey {
            day: self.day,
            class: self.class,
            topic: self.topic.clone(),
            channel: self.channel.clone(),
        }
    }
}

/// The key of the narrow fact table, for detection, ranking, verdicts and charts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TopicDayKey {
    /// Day of the organisation's calendar.
    pub day: NaiveDate,
    /// Class of the voice.
    pub class: Class,
    /// Topic, or [`NONE`].
    pub topic: String,
    /// Channel.
    pub channel: String,
}

/// What a row of `detail_day` is about, beside topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// Who served: contacts and surveys by `agent_ref`.
    Agent,
    /// A team: contacts and surveys by `team`.
    Team,
    /// What was looked for: searches by their folded query.
    SearchTerm,
    /// An article: its votes and views.
    Article,
}

impl Detail {
    /// All of them, in the order of their names in a key.
    pub const ALL: [Self; 4] = [Self::Agent, Self::Article, Self::SearchTerm, Self::Team];

    /// The name in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Team => "team",
            Self::SearchTerm => "search_term",
            Self::Article => "article",
        }
    }

    /// The detail of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.as_str() == name)
    }
}

/// Longest subject of a [`DetailKey`], in characters: what customers type is not bounded by us.
pub const LONGEST_SUBJECT: usize = 200;

/// The key of `detail_day`: counts of something that is no topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DetailKey {
    /// Day of the organisation's calendar.
    pub day: NaiveDate,
    /// What the subject is.
    pub kind: Detail,
    /// Which agent, team, folded query or article.
    pub subject: String,
}

/// What a customer does that immediate rules count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Says something risky, in a contact or a survey.
    Risk,
    /// Gives a mark of 1.
    Mark1,
    /// Gives a mark of 2.
    Mark2,
    /// Gives a mark of 3.
    Mark3,
    /// Gives a mark of 4.
    Mark4,
    /// Would recommend us with 0 to 6, and gives no other mark.
    NoPromoter,
    /// Searches and finds nothing.
    NoResult,
    /// Votes that an article helped.
    Helpful,
    /// Votes that it did not.
    Unhelpful,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Risk,
        Self::Mark1,
        Self::Mark2,
        Self::Mark3,
        Self::Mark4,
        Self::NoPromoter,
        Self::NoResult,
        Self::Helpful,
        Self::Unhelpful,
    ];

    /// The name in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Mark1 => "mark_1",
            Self::Mark2 => "mark_2",
            Self::Mark3 => "mark_3",
            Self::Mark4 => "mark_4",
            Self::NoPromoter => "no_promoter",
            Self::NoResult => "no_result",
            Self::Helpful => "helpful",
            Self::Unhelpful => "unhelpful",
        }
    }

    /// The deed of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.as_str() == name)
    }

    /// What [`Counters::bad_marks`] counts: marks of 1 to `worst` (at most 4).
    #[must_use]
    pub fn bad_marks(worst: u8) -> Vec<Self> {
        let marks = [Self::Mark1, Self::Mark2, Self::Mark3, Self::Mark4];
        let mut all = vec![Self::NoPromoter];
        all.extend(marks.into_iter().take(usize::from(worst)));
        all
    }

    /// What a voice is, of what rules count about its topic, search or article.
    fn of(input: &FactInput) -> Vec<Self> {
        let c = Counters::of(input);
        match input.class {
            Class::Contact | Class::Survey => [
                (c.risky, Self::Risk),
                (c.r1, Self::Mark1),
                (c.r2, Self::Mark2),
                (c.r3, Self::Mark3),
                (c.r4, Self::Mark4),
                (c.nps_alone, Self::NoPromoter),
            ]
            .into_iter()
            .filter_map(|(n, deed)| (n > 0).then_some(deed))
            .collect(),
            Class::Search if c.no_result > 0 => vec![Self::NoResult],
            Class::Vote if c.helpful > 0 => vec![Self::Helpful],
            Class::Vote if c.unhelpful > 0 => vec![Self::Unhelpful],
            _ => Vec::new(),
        }
    }
}

/// The key of `customer_day`: how often a known customer did something. It is kept exactly, voice by
/// voice, because distinct customers of several topics, channels or days do not add up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeedKey {
    /// Day of the organisation's calendar.
    pub day: NaiveDate,
    /// What was done.
    pub deed: Deed,
    /// Topic (or [`NONE`]), folded query or article.
    pub subject: String,
    /// Channel.
    pub channel: String,
    /// Region, or [`NONE`].
    pub region: String,
    /// Keyed hash of the customer.
    pub customer: String,
}

impl DeedKey {
    /// What a voice of `customer` in the row `key` (and the rows `details` beside topics) tells.
    #[must_use]
    pub fn of(
        key: &FactKey,
        details: &[DetailKey],
        input: &FactInput,
        customer: Option<&str>,
    ) -> Vec<Self> {
        let Some(customer) = customer.filter(|c| !c.is_empty()) else {
            return Vec::new();
        };
        let subject = match input.class {
            Class::Contact | Class::Survey => Some(&key.topic),
            Class::Search | Class::Vote => details
                .iter()
                .find(|d| matches!(d.kind, Detail::SearchTerm | Detail::Article))
                .map(|d| &d.subject),
            Class::Voe => None,
        };
        let Some(subject) = subject else {
            return Vec::new();
        };
        Deed::of(input)
            .into_iter()
            .map(|deed| Self {
                day: key.day,
                deed,
                subject: subject.clone(),
                channel: key.channel.clone(),
                region: key.region.clone(),
                customer: customer.to_owned(),
            })
            .collect()
    }
}

/// What a transaction changes in the facts: contributions taken away and added, summed by row.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    facts: BTreeMap<FactKey, Counters>,
    topic_days: BTreeMap<TopicDayKey, Counters>,
    details: BTreeMap<DetailKey, Counters>,
    deeds: BTreeMap<DeedKey, i64>,
}

impl Batch {
    /// A batch that changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a voice's contribution. The class of the row is the key's.
    pub fn add(&mut self, key: FactKey, input: &FactInput) {
        self.change(key, &Counters::of(input), Counters::add);
    }

    /// Takes away what a voice contributed before (its old labels, rating or revision).
    pub fn remove(&mut self, key: FactKey, input: &FactInput) {
        self.change(key, &Counters::of(input), Counters::sub);
    }

    /// Adds a voice's contribution to what it tells about something that is no topic.
    pub fn add_detail(&mut self, key: DetailKey, input: &FactInput) {
        self.details.entry(key).or_default().add(&of_detail(input));
    }

    /// Takes it away.
    pub fn remove_detail(&mut self, key: DetailKey, input: &FactInput) {
        self.details.entry(key).or_default().sub(&of_detail(input));
    }

    /// Adds what a known customer did.
    pub fn add_deed(&mut self, key: DeedKey) {
        *self.deeds.entry(key).or_default() += 1;
    }

    /// Takes it away.
    pub fn remove_deed(&mut self, key: DeedKey) {
        *self.deeds.entry(key).or_default() -= 1;
    }

    fn change(&mut self, key: FactKey, counters: &Counters, apply: fn(&mut Counters, &Counters)) {
        apply(
            self.topic_days.entry(key.topic_day()).or_default(),
            counters,
        );
        apply(self.facts.entry(key).or_default(), counters);
    }

    /// Days of which something is counted no more, or as something else.
    #[must_use]
    pub fn shrunk_days(&self) -> BTreeSet<NaiveDate> {
        self.facts()
            .filter(|(_, counters)| counters.values().iter().any(|n| *n < 0))
            .map(|(key, _)| key.day)
            .collect()
    }

    /// The changes of the wide table that are not nothing, in key order.
    pub fn facts(&self) -> impl Iterator<Item = (&FactKey, &Counters)> {
        self.facts.iter().filter(|(_, c)| !c.is_zero())
    }

    /// The changes of the narrow table that are not nothing, in key order.
    pub fn topic_days(&self) -> impl Iterator<Item = (&TopicDayKey, &Counters)> {
        self.topic_days.iter().filter(|(_, c)| !c.is_zero())
    }

    /// The changes of the rows beside topics that are not nothing, in key order.
    pub fn details(&self) -> impl Iterator<Item = (&DetailKey, &Counters)> {
        self.details.iter().filter(|(_, c)| !c.is_zero())
    }

    /// The changes of what customers did that are not nothing, in key order.
    pub fn deeds(&self) -> impl Iterator<Item = (&DeedKey, i64)> {
        self.deeds
            .iter()
            .filter_map(|(k, n)| (*n != 0).then_some((k, *n)))
    }

    /// Whether the batch changes nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts().next().is_none()
            && self.topic_days().next().is_none()
            && self.details().next().is_none()
            && self.deeds().next().is_none()
    }
}

/// Customers are distinct per topic and day: for an agent, a search or an article that number would
/// be another one, so none is kept.
fn of_detail(input: &FactInput) -> Counters {
    Counters {
        customers: 0,
        ..Counters::of(input)
    }
}

#[cfg(test)]
mod tests;
