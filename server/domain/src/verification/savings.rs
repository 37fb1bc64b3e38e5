//! What a verified improvement is worth, in contacts, hours and money.
//!
//! - Cost per ticket = total cost ÷ tickets resolved; none resolved gives no figure, never 0. What a
//!   ticket that does not come saves is less than the average, because desks and systems stay: only
//!   the marginal share v counts.
//! - Contacts avoided over the days since the fix: A = Y (1/RR − 1), where Y is how many came and RR
//!   the ratio that the verification measured; its repeated interval gives the range. After the days that
//!   the verdict looked at, what would come without the fix stays what it was then: Y counts at most as
//!   much as came then, and what came beyond it is taken off. Else the worse it gets the more is saved.
//! - Money: handled seconds that would have been, minus those that were, times the cost of a second,
//!   so that fewer contacts and shorter ones are not counted twice; without handling times A · v · c.
//! - *Secured* is the lower end of the range, *estimated* the middle. Only `improved` earns money, and
//!   only on a metric that counts work: satisfaction alone earns none, nor does a return to normal.

use super::{Control, Effect, Metric, Sentence, Verdict, Verification};
use serde::{Deserialize, Serialize};

/// Share of the average cost that a ticket saves which does not come, unless the organisation says
/// otherwise.
pub const MARGINAL_SHARE: f64 = 0.6;
/// Days of the year that a projection covers: at most twelve months.
pub const YEAR_DAYS: f64 = 365.0;

/// What contacts cost in a period. Money is in cents.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Costs {
    /// Total support cost of the period, in cents; `None` = nobody told.
    pub total_cents: Option<i64>,
    /// Tickets resolved in the same period.
    pub resolved: i64,
    /// Share (0–1) of the average cost that a missing ticket saves.
    pub marginal_share: f64,
    /// Cost of a minute of handling, in cents; `None` = nobody told.
    pub cents_per_minute: Option<i64>,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            total_cents: None,
            resolved: 0,
            marginal_share: MARGINAL_SHARE,
            cents_per_minute: None,
        }
    }
}

/// Total cost ÷ tickets resolved, in the unit of the cost; `None` = no data, where none was resolved.
#[must_use]
pub fn cost_per_ticket(total: f64, resolved: i64) -> Option<f64> {
    (resolved > 0).then(|| total / float(resolved))
}

impl Costs {
    /// Average cost of a ticket, in cents; `None` = no data.
    #[must_use]
    pub fn per_ticket(&self) -> Option<f64> {
        cost_per_ticket(float(self.total_cents?), self.resolved)
    }

    /// What a ticket that does not come saves, in cents.
    #[must_use]
    pub fn per_avoided(&self) -> Option<f64> {
        self.per_ticket()
            .map(|cost| cost * self.marginal_share.clamp(0.0, 1.0))
    }

    /// Cost of a handled second, in cents.
    #[must_use]
    pub fn per_second(&self) -> Option<f64> {
        self.cents_per_minute.map(|cents| float(cents) / 60.0)
    }
}

/// What a ticket cost in a period, in cents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TicketCost {
    /// The month whose cost and tickets these are, `YYYY-MM`: the one before, while a month is not over;
    /// `None` = a month that has not begun has neither.
    pub month: Option<String>,
    /// Total support cost; `None` = nobody told.
    pub total_cents: Option<i64>,
    /// Tickets resolved.
    pub resolved: i64,
    /// Total ÷ resolved; `None` = no data.
    pub per_ticket_cents: Option<f64>,
    /// What a ticket that does not come saves: the marginal share of the average.
    pub per_avoided_cents: Option<f64>,
}

impl From<&Costs> for TicketCost {
    fn from(costs: &Costs) -> Self {
        Self {
            month: None,
            total_cents: costs.total_cents,
            resolved: costs.resolved,
            per_ticket_cents: costs.per_ticket(),
            per_avoided_cents: costs.per_avoided(),
        }
    }
}

/// A figure with its range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Range {
    /// The middle.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Range {
    const fn exactly(value: f64) -> Self {
        Self {
            value,
            low: value,
            high: value,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            low: self.low + other.low,
            high: self.high + other.high,
        }
    }

    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self {
            value: f(self.value),
            low: f(self.low),
            high: f(self.high),
        }
    }

    /// A relative change (−0.20 = a fifth less) as a ratio after/before.
    #[must_use]
    pub fn ratio_of(effect: &Effect) -> Self {
        Self {
            value: 1.0 + effect.value,
            low: 1.0 + effect.low,
            high: 1.0 + effect.high,
        }
    }
}

/// Why no money is named, or less than one might hope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoMoney {
    /// The verdict is not `improved`.
    NotImproved,
    /// Back to normal, cause unproven.
    Recovered,
    /// The metric does not count work (satisfaction and the like).
    Metric,
    /// The date of the fix was given afterwards: nothing is secured.
    BackDated,
    /// It was not compared with other topics: nothing is secured, because all may have moved alike.
    NotCompared,
    /// Nobody told what a contact or a minute costs, or no ticket was resolved: no data.
    NoCost,
}

impl NoMoney {
    /// In words.
    #[must_use]
    pub fn sentence(self) -> Sentence {
        let (zh, en) = match self {
            Self::NotImproved => (
                "只有“已验证有效”的改进才计算节省。",
                "Savings are counted for verified improvements only.",
            ),
            Self::Recovered => (
                "已恢复，但原因未证实，不计算节省。",
                "It is back to normal, but the cause is unproven: no savings are counted.",
            ),
            Self::Metric => (
                "这个指标不衡量工作量，满意度提高本身不折算成钱。",
                "This metric does not count work: better satisfaction alone is not turned into money.",
            ),
            Self::BackDated => (
                "修复日期是事后填写的，不计入确定节省。",
                "The date of the fix was given afterwards: nothing is counted as secured.",
            ),
            Self::NotCompared => (
                "没有与其他主题比较，可能是所有主题一起变化，不计入确定节省。",
                "It was not compared with other topics, and all may have moved alike: nothing is counted as secured.",
            ),
            Self::NoCost => (
                "没有成本数据，无法折算成钱。",
                "No data on cost, so no amount can be given.",
            ),
        };
        Sentence::new(zh, en)
    }
}

/// What a verification measured, as far as savings need it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The verdict.
    pub verdict: Verdict,
    /// The metric that earned it.
    pub metric: Metric,
    /// The date of the fix was given afterwards.
    pub edited_afterwards: bool,
    /// It was compared with other topics.
    pub compared: bool,
    /// Ratio of contact rates after/before with its repeated interval, where it was measured.
    pub volume: Option<Range>,
    /// Ratio of handling times after/before with its interval, where it was measured.
    pub handling: Option<Range>,
    /// Contacts a day that would come without the fix, at the other topics' present level: needed
    /// where none come any more.
    pub expected_per_day: Option<f64>,
}

impl Measured {
    /// What `verification` measured. `handling` = the change of handling times, where the goal was the
    /// number of contacts and they were measured too: the effect of the same contract judged by
    /// [`Metric::Aht`] without guards.
    #[must_use]
    pub fn of(verification: &Verification, handling: Option<&Effect>) -> Self {
        let ratio = |metric| {
            verification
                .effect
                .as_ref()
                .filter(|_| verification.metric == metric)
                .map(Range::ratio_of)
        };
        let others = match &verification.control {
            Control::OtherTopics { effect, .. } => 1.0 + effect,
            Control::None { .. } => 1.0,
        };
        Self {
            verdict: verification.verdict,
            metric: verification.metric,
            edited_afterwards: verification.edited_afterwards,
            compared: matches!(verification.control, Control::OtherTopics { .. }),
            volume: ratio(Metric::Volume),
            handling: ratio(Metric::Aht).or_else(|| handling.map(Range::ratio_of)),
            expected_per_day: verification
                .before
                .value
                .filter(|_| verification.metric == Metric::Volume)
                .map(|per_day| per_day * others),
        }
    }

    /// Why it earns no money at all, if it does not.
    #[must_use]
    pub const fn no_money(&self) -> Option<NoMoney> {
        match (self.verdict, self.metric) {
            (Verdict::Recovered, _) => Some(NoMoney::Recovered),
            (Verdict::Improved, Metric::Volume | Metric::Aht) => None,
            (Verdict::Improved, _) => Some(NoMoney::Metric),
            _ => Some(NoMoney::NotImproved),
        }
    }

    /// Why nothing of the money may be called secured, though some is estimated.
    const fn unsecured(&self) -> Option<NoMoney> {
        match (self.edited_afterwards, self.compared) {
            (true, _) => Some(NoMoney::BackDated),
            (false, false) => Some(NoMoney::NotCompared),
            (false, true) => None,
        }
    }

    /// Contacts that did not come in the days that were counted; negative = extra ones.
    #[must_use]
    pub fn avoided(&self, counted: &Counted) -> Option<Range> {
        let ratio = self.volume?;
        let none = counted.contacts <= 0.0;
        let known = counted.level.map(|l| l.contacts_per_day * counted.days);
        if none || known.is_some_and(|known| known <= 0.0) {
            // None came: all that would have come were avoided; of the range only the ratio's upper
            // end says something.
            let expected = self.expected_per_day? * counted.days;
            let came = counted.contacts.max(0.0);
            return Some(Range {
                value: expected - came,
                low: expected * (1.0 - ratio.high) - came,
                high: expected - came,
            });
        }
        let counts = known.map_or(counted.contacts, |known| known.min(counted.contacts));
        // A ratio's lower end is the upper end of what was avoided.
        let of = |ratio: f64| counts / ratio.max(1e-9) - counted.contacts;
        Some(Range {
            value: of(ratio.value),
            low: of(ratio.high),
            high: of(ratio.low),
        })
    }
}

/// What came in the days that the verdict looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Contacts a day.
    pub contacts_per_day: f64,
    /// Mean handling time in seconds, where measured.
    pub seconds: Option<f64>,
}

/// What was counted over some days since the fix.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    /// Days.
    pub days: f64,
    /// Of days that the verdict did not look at: what came in those that it did.
    pub level: Option<Level>,
    /// Contacts that came.
    pub contacts: f64,
    /// Mean handling time in seconds, where measured.
    pub seconds: Option<f64>,
    /// Compensation paid, in cents.
    pub compensation_cents: f64,
    /// Compensation per contact before the fix, in cents, where any is recorded.
    pub compensation_before: Option<f64>,
}

/// What an improvement is worth over some days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Savings {
    /// Days that were counted.
    pub days: i64,
    /// Contacts that did not come, with range; negative = extra contacts. `None` where the number of
    /// contacts was not compared.
    pub contacts_avoided: Option<Range>,
    /// What a contact that does not come saves, in cents (the marginal share of the average).
    pub cost_per_contact_cents: Option<f64>,
    /// Lower end, in cents: what one may write into a report.
    pub secured_cents: Option<i64>,
    /// Middle of the range, in cents.
    pub estimated_cents: Option<i64>,
    /// Hours of handling that were freed, middle of the range; `None` without handling times.
    pub freed_hours: Option<f64>,
    /// Compensation that was not paid, in cents; beside the savings, not in them.
    pub compensation_avoided_cents: Option<i64>,
    /// Estimated savings of a year, in cents, if it lasts; `None` after a relapse.
    pub per_year_cents: Option<i64>,
    /// Why there is no amount, or none that is secured.
    pub no_money: Option<NoMoney>,
    /// In words.
    pub sentence: Sentence,
}

/// What the days in `counted` are worth, those that the verdict looked at and later ones apart.
/// `relapsed` = it came back, so no year is projected. Later days may take off what earlier ones of the
/// same sum saved, and no more: what came on top of that is not the fix's doing.
#[must_use]
pub fn savings(measured: &Measured, counted: &[Counted], costs: &Costs, relapsed: bool) -> Savings {
    let later = counted.iter().any(|c| c.level.is_some());
    let settled = |r: Range| if later { r.map(|x| x.max(0.0)) } else { r };
    let sum = |of: &dyn Fn(&Counted) -> Option<Range>| {
        counted
            .iter()
            .filter_map(of)
            .reduce(Range::plus)
            .map(settled)
    };
    let days: f64 = counted.iter().map(|c| c.days).sum();
    let avoided = sum(&|c| measured.avoided(c));
    let seconds = sum(&|c| freed(measured, c));
    let by_time = seconds
        .zip(costs.per_second())
        .map(|(s, cost)| s.map(|s| s * cost));
    let by_contact = avoided
        .zip(costs.per_avoided())
        .map(|(a, cost)| a.map(|a| a * cost));
    let worth = by_time.or(by_contact);
    let none = measured.no_money();
    let earned = none.is_none();
    let no_money = none
        .or_else(|| worth.is_none().then_some(NoMoney::NoCost))
        .or_else(|| measured.unsecured());
    let money = worth.filter(|_| earned);
    let contacts: f64 = counted.iter().map(|c| c.contacts).sum();
    let paid: f64 = counted.iter().map(|c| c.compensation_cents).sum();
    let compensation = counted
        .iter()
        .find_map(|c| c.compensation_before)
        .filter(|_| earned)
        .map(|before| cents(before * (contacts + avoided.map_or(0.0, |a| a.value)) - paid));
    let mut savings = Savings {
        days: whole(days),
        contacts_avoided: avoided,
        cost_per_contact_cents: costs.per_avoided(),
        secured_cents: money
            .filter(|_| measured.unsecured().is_none())
            .map(|m| cents(m.low.max(0.0))),
        estimated_cents: money.map(|m| cents(m.value)),
        freed_hours: seconds.map(|s| s.value / 3600.0).filter(|_| earned),
        compensation_avoided_cents: compensation,
        per_year_cents: money
            .filter(|_| !relapsed && days > 0.0)
            .map(|m| cents(m.value * YEAR_DAYS / days)),
        no_money,
        sentence: Sentence::default(),
    };
    savings.sentence = words(&savings);
    savings
}

/// Handled seconds that would have been without the fix, minus those that were.
fn freed(m: &Measured, counted: &Counted) -> Option<Range> {
    let now = counted.seconds?;
    let known = counted.level.and_then(|l| l.seconds).unwrap_or(now);
    let avoided = m.avoided(counted);
    let Some(ratio) = m.handling else {
        // Nobody compared how long a contact takes: a missing one is no dearer than it was then.
        let each = |contacts: f64| contacts * if contacts < 0.0 { now } else { now.min(known) };
        return Some(avoided.unwrap_or(Range::exactly(0.0)).map(each));
    };
    // A handling time of a task that ended all contacts is the one before; then there is none now.
    let before = |ratio: f64| now.min(known) / ratio.max(1e-9);
    let came = avoided.map_or(Range::exactly(counted.contacts), |avoided| {
        avoided.map(|avoided| counted.contacts + avoided)
    });
    let spent = counted.contacts * now;
    Some(Range {
        value: came.value * before(ratio.value) - spent,
        low: came.low.max(0.0) * before(ratio.high) - spent,
        high: came.high * before(ratio.low) - spent,
    })
}

/// Cents as people read money.
#[must_use]
pub fn yuan(cents: i64) -> String {
    let (sign, cents) = (if cents < 0 { "−" } else { "" }, cents.unsigned_abs());
    let digits = (cents / 100).to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match cents % 100 {
        0 => format!("{sign}{grouped}"),
        rest => format!("{sign}{grouped}.{rest:02}"),
    }
}

/// The contacts of a range in words: avoided ones, or extra ones.
pub(super) fn contacts_in_words(avoided: &Range) -> Sentence {
    let n = |x: f64| whole(x).to_string().replace('-', "−");
    if whole(avoided.value) < 0 {
        let (few, many) = (-avoided.high, -avoided.low);
        return Sentence::new(
            format!(
                "多了约 {} 次联系（{}～{}）",
                n(-avoided.value),
                n(few),
                n(many)
            ),
            format!(
                "about {} extra contacts ({} to {})",
                n(-avoided.value),
                n(few),
                n(many)
            ),
        );
    }
    Sentence::new(
        format!(
            "少了约 {} 次联系（{}～{}）",
            n(avoided.value),
            n(avoided.low),
            n(avoided.high)
        ),
        format!(
            "about {} fewer contacts ({} to {})",
            n(avoided.value),
            n(avoided.low),
            n(avoided.high)
        ),
    )
}

fn words(savings: &Savings) -> Sentence {
    let mut zh = format!("修复后 {} 天", savings.days);
    let mut en = format!("In the {} days since the fix", savings.days);
    if let Some(avoided) = &savings.contacts_avoided {
        let contacts = contacts_in_words(avoided);
        zh.push_str(&format!("，{}", contacts.zh));
        en.push_str(&format!(", {}", contacts.en));
    }
    if let Some(estimated) = savings.estimated_cents {
        zh.push_str(&format!("，估计节省 {} 元", yuan(estimated)));
        en.push_str(&format!(", an estimated {} yuan saved", yuan(estimated)));
    }
    if let Some(secured) = savings.secured_cents {
        zh.push_str(&format!("，其中确定 {} 元", yuan(secured)));
        en.push_str(&format!(", {} of them secured", yuan(secured)));
    }
    if let Some(hours) = savings.freed_hours {
        zh.push_str(&format!("，释放 {hours:.0} 小时"));
        en.push_str(&format!(", {hours:.0} hours freed"));
    }
    if let Some(year) = savings.per_year_cents {
        zh.push_str(&format!("；如果保持下去，一年约 {} 元", yuan(year)));
        en.push_str(&format!("; if it lasts, about {} a year", yuan(year)));
    }
    zh.push('。');
    en.push('.');
    if let Some(reason) = savings.no_money {
        let reason = reason.sentence();
        zh.push_str(&reason.zh);
        en.push(' ');
        en.push_str(&reason.en);
    }
    Sentence { zh, en }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and cents stay far below 2^53"
)]
pub(super) const fn float(count: i64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, reason = "bounded")]
pub(super) fn whole(value: f64) -> i64 {
    value.round().clamp(-1e15, 1e15) as i64
}

fn cents(value: f64) -> i64 {
    whole(value)
}

#[cfg(test)]
mod tests {
    use super::{
        Costs, Counted, Level, Measured, NoMoney, Range, Savings, cost_per_ticket, savings, yuan,
    };
    use crate::verification::{Metric, Verdict};

    fn range(value: f64, low: f64, high: f64) -> Range {
        Range { value, low, high }
    }

    const IMPROVED: Measured = Measured {
        verdict: Verdict::Improved,
        metric: Metric::Volume,
        edited_afterwards: false,
        compared: true,
        volume: Some(Range {
            value: 0.80,
            low: 0.70,
            high: 0.91,
        }),
        handling: None,
        expected_per_day: None,
    };

    const MONTH: Counted = Counted {
        days: 28.0,
        level: None,
        contacts: 1120.0,
        seconds: None,
        compensation_cents: 0.0,
        compensation_before: None,
    };

    fn costs() -> Costs {
        Costs {
            total_cents: Some(120_000_000),
            resolved: 60_000,
            ..Costs::default()
        }
    }

    fn of(measured: Measured) -> Savings {
        savings(&measured, &[MONTH], &costs(), false)
    }

    #[test]
    fn cost_of_a_ticket() {
        assert_eq!(cost_per_ticket(3600.0, 1200), Some(3.0));
        assert_eq!(cost_per_ticket(3600.0, 0), None);
        assert_eq!(Costs::default().per_ticket(), None);
        let none_resolved = Costs {
            resolved: 0,
            ..costs()
        };
        assert_eq!(none_resolved.per_avoided(), None);
        let s = savings(&IMPROVED, &[MONTH], &none_resolved, false);
        assert_eq!((s.secured_cents, s.estimated_cents), (None, None));
        assert_eq!(s.no_money, Some(NoMoney::NoCost));
        assert!(s.sentence.en.contains("No data"), "{:?}", s.sentence);
    }

    /// The specification's check value: 1,200,000 for 60,000 tickets, v = 0.6, RR 0.80 (0.70–0.91),
    /// 1,120 contacts in 28 days.
    #[test]
    fn check_value() {
        assert_eq!(costs().per_ticket(), Some(2000.0));
        assert!((costs().per_avoided().unwrap() - 1200.0).abs() < 1e-9);
        let s = of(IMPROVED);
        let avoided = s.contacts_avoided.unwrap();
        assert_eq!(
            (
                avoided.value.round(),
                avoided.low.round(),
                avoided.high.round()
            ),
            (280.0, 111.0, 480.0)
        );
        assert_eq!(s.estimated_cents, Some(336_000));
        assert_eq!(s.secured_cents.map(|c| c / 100), Some(1329));
        // 3,360 in 28 days: 43,800 in a year, if it lasts.
        assert_eq!(s.per_year_cents, Some(4_380_000));
        assert_eq!(s.no_money, None);
        assert_eq!(
            s.sentence.zh,
            "修复后 28 天，少了约 280 次联系（111～480），估计节省 3,360 元，其中确定 1,329.23 元；如果保持下去，一年约 43,800 元。"
        );
        assert_eq!(
            s.sentence.en,
            "In the 28 days since the fix, about 280 fewer contacts (111 to 480), an estimated 3,360 yuan saved, 1,329.23 of them secured; if it lasts, about 43,800 a year."
        );
        assert_eq!(
            savings(&IMPROVED, &[MONTH], &costs(), true).per_year_cents,
            None
        );
    }

    #[test]
    fn only_an_improvement_that_counts_work_earns_money() {
        for (verdict, metric, reason) in [
            (Verdict::Recovered, Metric::Volume, NoMoney::Recovered),
            (Verdict::Improved, Metric::Csat, NoMoney::Metric),
            (Verdict::NoEffect, Metric::Volume, NoMoney::NotImproved),
            (Verdict::Pending, Metric::Aht, NoMoney::NotImproved),
        ] {
            let s = of(Measured {
                verdict,
                metric,
                ..IMPROVED
            });
            assert_eq!(s.no_money, Some(reason));
            assert_eq!(
                (
                    s.secured_cents,
                    s.estimated_cents,
                    s.per_year_cents,
                    s.freed_hours
                ),
                (None, None, None, None)
            );
        }
    }

    #[test]
    fn a_date_given_afterwards_secures_nothing() {
        let s = of(Measured {
            edited_afterwards: true,
            ..IMPROVED
        });
        assert_eq!(s.secured_cents, None);
        assert_eq!(s.estimated_cents, Some(336_000));
        assert_eq!(s.no_money, Some(NoMoney::BackDated));
    }

    /// Without other topics nothing shows that all of them moved: in four of five streams where they did
    /// the fix would be paid for it.
    #[test]
    fn what_was_compared_with_nothing_secures_nothing() {
        let s = of(Measured {
            compared: false,
            ..IMPROVED
        });
        assert_eq!((s.secured_cents, s.estimated_cents), (None, Some(336_000)));
        assert_eq!(s.no_money, Some(NoMoney::NotCompared));
    }

    #[test]
    fn more_contacts_are_shown_not_cut() {
        let s = of(Measured {
            verdict: Verdict::Worse,
            volume: Some(range(1.25, 1.10, 1.40)),
            ..IMPROVED
        });
        let extra = s.contacts_avoided.unwrap();
        assert!((extra.value + 224.0).abs() < 1e-9);
        assert!((extra.high + 1120.0 * (1.0 - 1.0 / 1.1)).abs() < 1e-9 && extra.low < extra.value);
        assert!(
            s.sentence
                .en
                .contains("about 224 extra contacts (102 to 320)"),
            "{:?}",
            s.sentence
        );
        assert!(s.sentence.zh.contains("多了约 224 次联系"));
    }

    #[test]
    fn no_contact_any_more() {
        let m = Measured {
            volume: Some(range(0.001, 0.0, 0.10)),
            expected_per_day: Some(20.0),
            ..IMPROVED
        };
        let none = Counted {
            contacts: 0.0,
            ..MONTH
        };
        let a = savings(&m, &[none], &costs(), false)
            .contacts_avoided
            .unwrap();
        assert_eq!((a.value, a.low, a.high), (560.0, 504.0, 560.0));
    }

    /// Fewer contacts and shorter ones: seconds with and without the fix, once.
    #[test]
    fn handling_time_is_not_counted_twice() {
        let m = Measured {
            handling: Some(range(0.90, 0.85, 0.95)),
            ..IMPROVED
        };
        let timed = Counted {
            seconds: Some(540.0),
            ..MONTH
        };
        let costs = Costs {
            cents_per_minute: Some(120),
            ..costs()
        };
        let s = savings(&m, &[timed], &costs, false);
        // 1,400 contacts of 600 s against 1,120 of 540 s, two cents a second.
        let seconds = 1400.0 * 600.0 - 1120.0 * 540.0;
        assert_eq!(s.estimated_cents, Some(seconds as i64 * 2));
        assert!((s.freed_hours.unwrap() - seconds / 3600.0).abs() < 1e-9);
        let low: f64 = 1120.0 / 0.91 * (540.0 / 0.95) - 1120.0 * 540.0;
        assert_eq!(s.secured_cents, Some((low * 2.0).round() as i64));
        // Handling time alone: the same contacts, shorter.
        let aht = Measured {
            metric: Metric::Aht,
            volume: None,
            ..m
        };
        let s = savings(&aht, &[timed], &costs, false);
        assert_eq!(s.contacts_avoided, None);
        assert_eq!(s.estimated_cents, Some(1120 * 60 * 2));
        // And where no minute has a price, contacts alone are worth something.
        let s = savings(&m, &[timed], &self::costs(), false);
        assert_eq!(s.estimated_cents, Some(336_000));
        assert_eq!(
            savings(&aht, &[timed], &self::costs(), false).no_money,
            Some(NoMoney::NoCost)
        );
    }

    /// 40 a day in the days of the verdict, of 50 without the fix.
    fn later(contacts: f64) -> Counted {
        Counted {
            contacts,
            level: Some(Level {
                contacts_per_day: 40.0,
                seconds: Some(300.0),
            }),
            ..MONTH
        }
    }

    /// After the days of the verdict, what would come without the fix no longer moves: as much came,
    /// the same is saved; more, and what is more comes off; less, and it is the ratio of what came.
    #[test]
    fn the_worse_it_gets_the_less_is_saved() {
        let avoided = |contacts: f64| {
            let s = savings(&IMPROVED, &[later(contacts)], &costs(), false);
            let a = s.contacts_avoided.unwrap();
            assert_eq!(s.estimated_cents, Some((a.value * 1200.0).round() as i64));
            (a.value.round(), a.low.round(), a.high.round())
        };
        assert_eq!(avoided(1120.0), (280.0, 111.0, 480.0));
        assert_eq!(avoided(1200.0), (200.0, 31.0, 400.0));
        assert_eq!(avoided(1350.0), (50.0, 0.0, 250.0));
        assert_eq!(avoided(1400.0), (0.0, 0.0, 200.0));
        assert_eq!(avoided(9000.0), (0.0, 0.0, 0.0));
        assert_eq!(avoided(560.0), (140.0, 55.0, 240.0));
        // What was saved in the days of the verdict is taken off too, but nothing of it is owed.
        let both = |contacts| {
            let s = savings(&IMPROVED, &[MONTH, later(contacts)], &costs(), false);
            assert_eq!(s.days, 56);
            s.contacts_avoided.unwrap().value.round()
        };
        assert_eq!(
            (both(1120.0), both(1500.0), both(5000.0)),
            (560.0, 180.0, 0.0)
        );
        // Where none came in the days of the verdict, one contact later is no thousand saved.
        let gone = Measured {
            volume: Some(range(0.001, 0.0, 0.10)),
            expected_per_day: Some(20.0),
            ..IMPROVED
        };
        let one = Counted {
            contacts: 1.0,
            level: Some(Level {
                contacts_per_day: 0.0,
                seconds: None,
            }),
            ..MONTH
        };
        let a = savings(&gone, &[one], &costs(), false)
            .contacts_avoided
            .unwrap();
        assert_eq!((a.value, a.low, a.high), (559.0, 503.0, 559.0));
    }

    #[test]
    fn longer_contacts_free_no_hours() {
        let m = Measured {
            metric: Metric::Aht,
            volume: None,
            handling: Some(range(0.75, 0.70, 0.80)),
            ..IMPROVED
        };
        let hours = |m: &Measured, seconds: f64| {
            let c = Counted {
                seconds: Some(seconds),
                ..later(1120.0)
            };
            savings(m, &[c], &costs(), false).freed_hours.unwrap() * 3600.0 / 1120.0
        };
        // 300 s when it was verified, 400 s without the fix.
        for (now, freed) in [
            (300.0, 100.0),
            (350.0, 50.0),
            (400.0, 0.0),
            (1200.0, 0.0),
            (150.0, 50.0),
        ] {
            assert!(
                (hours(&m, now) - freed).abs() < 1e-6,
                "{now}: {}",
                hours(&m, now)
            );
        }
        // Fewer contacts, whose length nobody compared, are worth no more because they became longer.
        assert!(
            (hours(&IMPROVED, 1200.0) - 75.0).abs() < 1e-6,
            "a quarter of 300 s"
        );
    }

    #[test]
    fn compensation_stands_beside() {
        let counted = Counted {
            compensation_cents: 100_000.0,
            compensation_before: Some(150.0),
            ..MONTH
        };
        let s = savings(&IMPROVED, &[counted], &costs(), false);
        // 1,400 contacts at 1.50 would have cost 2,100; 1,000 were paid.
        assert_eq!(s.compensation_avoided_cents, Some(110_000));
        assert_eq!(s.estimated_cents, Some(336_000));
    }

    #[test]
    fn money_is_written_with_groups() {
        for (cents, text) in [
            (0, "0"),
            (5, "0.05"),
            (123_456_700, "1,234,567"),
            (-100_050, "−1,000.50"),
            (99_900, "999"),
        ] {
            assert_eq!(yuan(cents), text);
        }
    }
}
