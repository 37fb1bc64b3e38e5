//! The monthly statement: what each verified task was worth in one month, and the organisation's sum.
//!
//! Within a month the ratio that the verdict found is applied to the contacts that really came, from
//! the day after the fix until it came back, at most for twelve months. Days that the verdict did not
//! look at are compared with what would have come without the fix as it was known then
//! ([`super::savings`]): a month that is worse than that saves nothing. In the sum every topic's
//! avoided contacts count once: of several tasks of one topic, or of a topic and one above it, the
//! one that secures most is counted and the others say with which.

use super::baseline::{minus, plus};
use super::savings::{
    Costs, Counted, Level, Measured, NoMoney, Range, Savings, TicketCost, contacts_in_words, float,
    savings, whole, yuan,
};
use super::{DayRow, Sentence};
use crate::facts::Counters;
use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Serialize};

/// Months after which an improvement is no longer counted: it has become the normal state.
const LONGEST_MONTHS: u32 = 12;

/// A calendar month, written `2026-06`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first: NaiveDate,
}

impl Month {
    /// The month of `day`.
    #[must_use]
    pub fn of(day: NaiveDate) -> Self {
        Self {
            first: day.with_day(1).unwrap_or(day),
        }
    }

    /// Reads `2026-06`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        if year.len() != 4 || month.len() != 2 {
            return None;
        }
        NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1)
            .map(|first| Self { first })
    }

    /// First day.
    #[must_use]
    pub const fn first(self) -> NaiveDate {
        self.first
    }

    /// Last day.
    #[must_use]
    pub fn last(self) -> NaiveDate {
        minus(self.next().first, 1)
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self {
            first: self
                .first
                .checked_add_months(Months::new(1))
                .unwrap_or(NaiveDate::MAX),
        }
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

/// A task whose verification stands, as far as statements need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Earned {
    /// The task's id.
    pub task: String,
    /// The topic whose contacts are counted (the watched one).
    pub topic: String,
    /// The topics above it, nearest first.
    pub above: Vec<String>,
    /// The task or topic as people call it, for the sentence.
    pub name: Sentence,
    /// The day it went live: not counted itself.
    pub effective_day: NaiveDate,
    /// The day on which it came back, if it did: that day and later ones are not counted.
    pub relapsed_on: Option<NaiveDate>,
    /// Other tasks that share the verdict.
    pub together_with: Vec<String>,
    /// What was measured.
    pub measured: Measured,
    /// The last day that the verdict looked at and what came until then; `None` = no day was looked at.
    pub looked_at: Option<(NaiveDate, Level)>,
    /// Compensation per contact in the days before, in cents, where any is recorded.
    pub compensation_before: Option<f64>,
}

impl Earned {
    /// Day after the last one that is counted.
    fn end(&self) -> NaiveDate {
        let year = self
            .effective_day
            .checked_add_months(Months::new(LONGEST_MONTHS))
            .map_or(NaiveDate::MAX, |day| plus(day, 1));
        self.relapsed_on.map_or(year, |day| day.min(year))
    }

    /// The months that have a statement, up to the one of `until`.
    #[must_use]
    pub fn months(&self, until: NaiveDate) -> Vec<Month> {
        let last = minus(self.end(), 1).min(until);
        let first = plus(self.effective_day, 1);
        let mut out = Vec::new();
        let mut month = Month::of(first);
        while first <= last && month.first <= last {
            out.push(month);
            month = month.next();
        }
        out
    }
}

/// Why a statement's days end before its month does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The trouble came back.
    Relapse,
    /// Twelve months are over.
    TwelveMonths,
    /// The month is not over yet.
    Running,
}

/// What one task was worth in one month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Statement {
    /// `2026-06`.
    pub month: String,
    /// The task.
    pub task: String,
    /// The topic whose contacts were counted.
    pub topic: String,
    /// First day counted.
    pub from: NaiveDate,
    /// Last day counted.
    pub to: NaiveDate,
    /// Contacts that came on these days.
    pub contacts: i64,
    /// Contacts avoided, money and hours.
    pub savings: Savings,
    /// Why it ends before the month does.
    pub ended: Option<Ended>,
    /// Other tasks that share the verdict.
    pub together_with: Vec<String>,
    /// Counted in the organisation's sum; otherwise the task that it is counted with.
    pub counted_with: Option<String>,
    /// In words.
    pub sentence: Sentence,
}

/// The statement of `month`, from the topic's daily rows of that month (others are ignored) and what
/// a contact costs in it. `today` is not over yet, hence not counted. `None` where no day counts.
#[must_use]
pub fn statement(
    earned: &Earned,
    month: Month,
    rows: &[DayRow],
    costs: &Costs,
    today: NaiveDate,
) -> Option<Statement> {
    let from = month.first.max(plus(earned.effective_day, 1));
    let end = earned.end();
    let to = month.last().min(minus(end, 1)).min(minus(today, 1));
    if from > to {
        return None;
    }
    let between = |from: NaiveDate, to: NaiveDate| {
        let mut sum = Counters::default();
        for row in rows.iter().filter(|r| from <= r.day && r.day <= to) {
            sum.add(&row.counters);
        }
        sum
    };
    let sum = between(from, to);
    let seconds = |c: &Counters| (c.handle_n > 0).then(|| float(c.handle_sum) / float(c.handle_n));
    let known = earned.looked_at.map_or(to, |(day, _)| day.min(to));
    let level = earned.looked_at.map(|(_, level)| level);
    let counted: Vec<Counted> = [(from, known, None), (from.max(plus(known, 1)), to, level)]
        .into_iter()
        .filter(|(from, to, _)| from <= to)
        .map(|(from, to, level)| {
            let part = between(from, to);
            Counted {
                days: float((to - from).num_days() + 1),
                level,
                contacts: float(part.contacts.max(0)),
                seconds: seconds(&part).or_else(|| seconds(&sum)),
                compensation_cents: float(part.compensation_cents),
                compensation_before: earned.compensation_before,
            }
        })
        .collect();
    let ended = if to >= month.last() {
        None
    } else if to == minus(end, 1) {
        Some(if earned.relapsed_on == Some(end) {
            Ended::Relapse
        } else {
            Ended::TwelveMonths
        })
    } else {
        Some(Ended::Running)
    };
    let relapsed = earned.relapsed_on.is_some();
    let savings = savings(&earned.measured, &counted, costs, relapsed);
    let by_time = seconds(&sum).and(costs.cents_per_minute);
    let mut sentence = words(earned, month, &savings, by_time, ended);
    let nothing = savings.contacts_avoided.map_or_else(
        || savings.freed_hours.is_some_and(|hours| hours <= 0.0),
        |avoided| avoided.value <= 0.0,
    );
    if nothing && counted.iter().any(|c| c.level.is_some()) {
        sentence.zh.push_str("这个月不比没有修复时少，不计节省。");
        sentence
            .en
            .push_str(" It was no less than without the fix: nothing is counted as saved.");
    }
    Some(Statement {
        month: month.to_string(),
        task: earned.task.clone(),
        topic: earned.topic.clone(),
        from,
        to,
        contacts: sum.contacts,
        savings,
        ended,
        together_with: earned.together_with.clone(),
        counted_with: None,
        sentence,
    })
}

/// `by_time` = what a minute costs, in cents, where the money is counted by handled time.
fn words(
    earned: &Earned,
    month: Month,
    s: &Savings,
    by_time: Option<i64>,
    ended: Option<Ended>,
) -> Sentence {
    let (year, number) = (month.first.year(), month.first.month());
    let mut zh = format!("{year} 年 {number} 月，“{}”", earned.name.zh);
    let mut en = format!("{month}: “{}”", earned.name.en);
    if let Some(avoided) = &s.contacts_avoided {
        let contacts = contacts_in_words(avoided);
        zh.push_str(&contacts.zh);
        en.push_str(&format!(" had {}", contacts.en));
    } else {
        zh.push_str("没有比较联系量");
        en.push_str(" was not compared by contacts");
    }
    // The factors that make the sum, so that whoever multiplies them finds it.
    if let (Some(cost), Some(hours), Some(_)) = (by_time, s.freed_hours, s.estimated_cents) {
        zh.push_str(&format!(
            "，释放 {hours:.1} 小时处理时间，每分钟按 {} 元计",
            yuan(cost)
        ));
        en.push_str(&format!(
            ", {hours:.1} hours of handling freed at {} yuan a minute",
            yuan(cost)
        ));
    } else if let (Some(cost), Some(_)) = (s.cost_per_contact_cents, s.estimated_cents) {
        zh.push_str(&format!("，每次联系按 {} 元计", yuan(whole(cost))));
        en.push_str(&format!(", {} yuan a contact", yuan(whole(cost))));
    }
    if let Some(estimated) = s.estimated_cents {
        zh.push_str(&format!("，估计节省 {} 元", yuan(estimated)));
        en.push_str(&format!(", an estimated {} yuan saved", yuan(estimated)));
    }
    if let Some(secured) = s.secured_cents {
        zh.push_str(&format!("，确定 {} 元", yuan(secured)));
        en.push_str(&format!(", {} secured", yuan(secured)));
    }
    if let Some(hours) = s
        .freed_hours
        .filter(|_| by_time.is_none() || s.estimated_cents.is_none())
    {
        zh.push_str(&format!("，释放 {hours:.0} 小时"));
        en.push_str(&format!(", {hours:.0} hours freed"));
    }
    zh.push('。');
    en.push('.');
    let (more_zh, more_en) = match ended {
        Some(Ended::Relapse) => (
            "问题已复发，之后不再计算。",
            " It came back; later days are not counted.",
        ),
        Some(Ended::TwelveMonths) => (
            "满十二个月，之后不再计算。",
            " Twelve months are over; later days are not counted.",
        ),
        Some(Ended::Running) => ("本月还没结束。", " The month is not over yet."),
        None => ("", ""),
    };
    zh.push_str(more_zh);
    en.push_str(more_en);
    if let Some(reason) = s.no_money {
        let reason = reason.sentence();
        zh.push_str(&reason.zh);
        en.push_str(&format!(" {}", reason.en));
    }
    Sentence { zh, en }
}

/// The organisation's month: every topic once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Report {
    /// `2026-06`.
    pub month: String,
    /// Contacts avoided. The ends are the sums of the ends: wider than chance makes them, never
    /// narrower. `None` where no task's contacts were compared.
    pub contacts_avoided: Option<Range>,
    /// Sum of the secured amounts, in cents; `None` where no task has an amount.
    pub secured_cents: Option<i64>,
    /// Sum of the estimated amounts, in cents.
    pub estimated_cents: Option<i64>,
    /// Hours freed; `None` without handling times.
    pub freed_hours: Option<f64>,
    /// Compensation not paid, in cents; beside the savings, not in them.
    pub compensation_avoided_cents: Option<i64>,
    /// What a ticket cost: in this month, or in the one before while this one is not over.
    pub cost: TicketCost,
    /// All statements, those that count first by what they secure.
    pub statements: Vec<Statement>,
    /// Statements that the closed month once held and that no longer count: later data overturned their
    /// verdicts.
    pub withdrawn: Vec<Statement>,
    /// In words.
    pub sentence: Sentence,
}

impl Report {
    /// Adds the statements that no longer count, and says by how much the closed month was corrected.
    pub fn withdraw(&mut self, fallen: Vec<Statement>) {
        if fallen.is_empty() {
            return;
        }
        let n = fallen.len();
        let cents: i64 = fallen
            .iter()
            .filter_map(|s| s.savings.estimated_cents)
            .sum();
        let amount = yuan(cents);
        self.sentence.zh.push_str(&format!(
            "更正：{n} 项改进的验证结论后来被新到的数据推翻，原先计入的约 {amount} 元已经扣除。"
        ));
        self.sentence.en.push_str(&format!(
            " Correction: later data overturned the verdicts of {n} improvements; about {amount} yuan that they had been counted with are taken off."
        ));
        self.withdrawn = fallen;
    }
}

/// The sum of a month's statements, each with its task. Statements without an amount and without
/// avoided contacts of an improvement are listed and add nothing.
#[must_use]
pub fn report(month: Month, costs: &Costs, mut statements: Vec<(Earned, Statement)>) -> Report {
    // What secures most first; then what is estimated, then by name, so that the order is settled.
    statements.sort_by(|(_, a), (_, b)| {
        let key = |s: &Statement| {
            let avoided = s.savings.contacts_avoided.map_or(0.0, |a| a.value);
            (
                s.savings.secured_cents.unwrap_or(-1),
                s.savings.estimated_cents.unwrap_or(i64::MIN),
                whole(avoided),
            )
        };
        key(b).cmp(&key(a)).then_with(|| a.task.cmp(&b.task))
    });
    let mut counted: Vec<(String, Vec<String>, String)> = Vec::new();
    let (mut total, mut compared): (Option<Range>, usize) = (None, 0);
    let (mut secured, mut estimated, mut hours, mut compensation) = (None, None, None, None);
    let mut out = Vec::with_capacity(statements.len());
    for (earned, mut statement) in statements {
        let s = &statement.savings;
        let earns = earned.measured.no_money().is_none() || s.no_money == Some(NoMoney::BackDated);
        let before = counted.iter().find(|(topic, above, _)| {
            *topic == earned.topic || above.contains(&earned.topic) || earned.above.contains(topic)
        });
        if let Some((_, _, task)) = before {
            statement.counted_with = Some(task.clone());
        } else if earns {
            if let Some(a) = s.contacts_avoided {
                compared += 1;
                let so_far = total.unwrap_or(Range {
                    value: 0.0,
                    low: 0.0,
                    high: 0.0,
                });
                total = Some(Range {
                    value: so_far.value + a.value,
                    low: so_far.low + a.low,
                    high: so_far.high + a.high,
                });
            }
            add(&mut secured, s.secured_cents);
            add(&mut estimated, s.estimated_cents);
            add(&mut compensation, s.compensation_avoided_cents);
            hours = match (hours, s.freed_hours) {
                (None, more) => more,
                (some, None) => some,
                (Some(a), Some(b)) => Some(a + b),
            };
            counted.push((earned.topic, earned.above, earned.task));
        }
        out.push(statement);
    }
    let mut report = Report {
        month: month.to_string(),
        contacts_avoided: total,
        secured_cents: secured,
        estimated_cents: estimated,
        freed_hours: hours,
        compensation_avoided_cents: compensation,
        cost: costs.into(),
        statements: out,
        withdrawn: Vec::new(),
        sentence: Sentence::default(),
    };
    report.sentence = sum_in_words(month, counted.len(), compared, &report);
    report
}

fn add(sum: &mut Option<i64>, more: Option<i64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or(0).saturating_add(more));
    }
}

fn sum_in_words(month: Month, tasks: usize, compared: usize, report: &Report) -> Sentence {
    let (year, number) = (month.first.year(), month.first.month());
    if tasks == 0 {
        return Sentence::new(
            format!("{year} 年 {number} 月没有可以计算节省的改进。"),
            format!("{month}: no improvement whose savings could be counted."),
        );
    }
    let topics = |n: usize| if n == 1 { "topic" } else { "topics" };
    let (mut zh, mut en) = (
        format!("{year} 年 {number} 月，{tasks} 个主题的改进"),
        format!("{month}: improvements of {tasks} {}", topics(tasks)),
    );
    match &report.contacts_avoided {
        Some(avoided) => {
            let contacts = contacts_in_words(avoided);
            // Only what was compared made for fewer contacts.
            if compared < tasks {
                zh.push_str(&format!("，其中 {compared} 个比较了联系量，合计"));
                en.push_str(&format!(", {compared} of them compared by contacts,"));
            } else {
                zh.push_str("合计");
            }
            zh.push_str(&contacts.zh);
            en.push_str(&format!(" made for {}", contacts.en));
        }
        None => {
            zh.push_str("没有比较联系量");
            en.push_str(", none compared by contacts");
        }
    }
    if let Some(estimated) = report.estimated_cents {
        zh.push_str(&format!("，估计节省 {} 元", yuan(estimated)));
        en.push_str(&format!(", an estimated {} yuan saved", yuan(estimated)));
        if let Some(secured) = report.secured_cents {
            zh.push_str(&format!("，其中确定 {} 元", yuan(secured)));
            en.push_str(&format!(", {} of them secured", yuan(secured)));
        } else {
            zh.push_str("，没有可以确定的部分");
            en.push_str(", nothing of it secured");
        }
    }
    if let Some(hours) = report.freed_hours {
        zh.push_str(&format!("，释放 {hours:.0} 小时"));
        en.push_str(&format!(", {hours:.0} hours freed"));
    }
    zh.push_str("。同一主题只计一次。");
    en.push_str(". Each topic counts once.");
    Sentence { zh, en }
}

#[cfg(test)]
mod tests {
    use super::{Earned, Ended, Month, Statement, report, statement};
    use crate::facts::Counters;
    use crate::verification::savings::{Costs, Level, Measured, NoMoney, Range};
    use crate::verification::{DayRow, Metric, Sentence, Verdict};
    use chrono::NaiveDate;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn earned(task: &str, topic: &str, ratio: f64) -> Earned {
        Earned {
            task: task.to_owned(),
            topic: topic.to_owned(),
            above: topic
                .split_once('/')
                .map(|(p, _)| p.to_owned())
                .into_iter()
                .collect(),
            name: Sentence::new("退款进度", "Refund progress"),
            effective_day: day("2026-05-11"),
            relapsed_on: None,
            together_with: Vec::new(),
            measured: Measured {
                verdict: Verdict::Improved,
                metric: Metric::Volume,
                edited_afterwards: false,
                compared: true,
                volume: Some(Range {
                    value: ratio,
                    low: ratio - 0.1,
                    high: ratio + 0.1,
                }),
                handling: None,
                expected_per_day: Some(50.0),
            },
            looked_at: None,
            compensation_before: None,
        }
    }

    /// 40 contacts on every day of the year, on two channels.
    fn rows() -> Vec<DayRow> {
        day("2026-01-01")
            .iter_days()
            .take(365)
            .flat_map(|day| {
                [10, 30].map(|contacts| DayRow {
                    day,
                    channel: contacts.to_string(),
                    counters: Counters {
                        contacts,
                        ..Counters::default()
                    },
                })
            })
            .collect()
    }

    fn costs() -> Costs {
        Costs {
            total_cents: Some(120_000_000),
            resolved: 60_000,
            ..Costs::default()
        }
    }

    fn of(earned: &Earned, month: &str) -> Option<Statement> {
        statement(
            earned,
            Month::parse(month).unwrap(),
            &rows(),
            &costs(),
            day("2026-12-31"),
        )
    }

    #[test]
    fn months_are_read_and_counted() {
        let may = Month::parse("2026-05").unwrap();
        assert_eq!(
            (may.first(), may.last()),
            (day("2026-05-01"), day("2026-05-31"))
        );
        assert_eq!(may.next().to_string(), "2026-06");
        assert_eq!(Month::of(day("2026-12-07")).next().to_string(), "2027-01");
        for wrong in ["2026", "2026-5", "2026-13", "26-05", "2026-05-01", "x"] {
            assert_eq!(Month::parse(wrong), None, "{wrong}");
        }
        let months = earned("1", "a", 0.8).months(day("2026-07-02"));
        let names: Vec<String> = months.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["2026-05", "2026-06", "2026-07"]);
        assert_eq!(earned("1", "a", 0.8).months(day("2026-05-11")), []);
        assert_eq!(earned("1", "a", 0.8).months(day("2029-01-01")).len(), 13);
    }

    #[test]
    fn a_month_of_one_task() {
        let e = earned("1", "a", 0.8);
        // From the day after the fix: 20 days of 40 contacts.
        let may = of(&e, "2026-05").unwrap();
        assert_eq!(
            (may.from, may.to, may.contacts),
            (day("2026-05-12"), day("2026-05-31"), 800)
        );
        let avoided = may.savings.contacts_avoided.unwrap();
        assert!((avoided.value - 200.0).abs() < 1e-9, "{avoided:?}");
        assert_eq!(may.savings.estimated_cents, Some(240_000));
        assert_eq!(may.ended, None);
        assert_eq!(
            may.sentence.zh,
            "2026 年 5 月，“退款进度”少了约 200 次联系（89～343），每次联系按 12 元计，估计节省 2,400 元，确定 1,066.67 元。"
        );
        assert_eq!(
            may.sentence.en,
            "2026-05: “Refund progress” had about 200 fewer contacts (89 to 343), 12 yuan a contact, an estimated 2,400 yuan saved, 1,066.67 secured."
        );
        assert_eq!(of(&e, "2026-06").unwrap().contacts, 1200);
        assert_eq!(of(&e, "2026-04"), None);
    }

    /// Days after those of the verdict count against the level that it knew: 20 days of 40 and then
    /// 11 days of three times as many.
    #[test]
    fn a_month_that_gets_worse_saves_less() {
        let verified = |until: &str| Earned {
            looked_at: Some((
                day(until),
                Level {
                    contacts_per_day: 40.0,
                    seconds: None,
                },
            )),
            ..earned("1", "a", 0.8)
        };
        let month = |until: &str, from: &str, times: i64| {
            let mut rows = rows();
            for row in rows.iter_mut().filter(|r| r.day >= day(from)) {
                row.counters.contacts *= times;
            }
            let may = Month::parse("2026-05").unwrap();
            statement(&verified(until), may, &rows, &costs(), day("2026-12-31")).unwrap()
        };
        let avoided = |s: &Statement| s.savings.contacts_avoided.unwrap().value;
        let same = month("2026-05-20", "2026-12-01", 1);
        assert!((avoided(&same) - 200.0).abs() < 1e-9, "as before");
        // Three days of 120: 3 × (50 − 120) come off.
        let worse = month("2026-05-20", "2026-05-29", 3);
        assert_eq!(worse.contacts, 17 * 40 + 3 * 120);
        assert!((avoided(&worse) - (170.0 - 210.0_f64).max(0.0)).abs() < 1e-9);
        assert_eq!(worse.savings.estimated_cents, Some(0));
        assert_eq!(worse.savings.days, 20);
        assert!(
            worse.sentence.zh.contains("不计节省"),
            "{:?}",
            worse.sentence
        );
        // Within the days of the verdict the ratio already knows them.
        let within = month("2026-05-31", "2026-05-29", 3);
        assert!((avoided(&within) - 260.0).abs() < 1e-9);
        // A month of which the verdict saw no day.
        let after = month("2026-05-11", "2026-05-12", 3);
        assert_eq!(
            (avoided(&after), after.savings.per_year_cents),
            (0.0, Some(0))
        );
    }

    #[test]
    fn it_stops_at_a_relapse_after_a_year_and_today() {
        let mut e = earned("1", "a", 0.8);
        e.relapsed_on = Some(day("2026-06-11"));
        let june = of(&e, "2026-06").unwrap();
        assert_eq!(
            (june.to, june.contacts, june.ended),
            (day("2026-06-10"), 400, Some(Ended::Relapse))
        );
        assert_eq!(june.savings.per_year_cents, None);
        assert!(june.sentence.zh.contains("复发") && june.sentence.en.contains("came back"));
        assert_eq!(of(&e, "2026-07"), None);
        assert_eq!(e.months(day("2027-01-01")).len(), 2);
        e.relapsed_on = None;
        e.effective_day = day("2025-06-10");
        let june = of(&e, "2026-06").unwrap();
        assert_eq!(
            (june.to, june.ended),
            (day("2026-06-10"), Some(Ended::TwelveMonths))
        );
        let month = Month::parse("2026-05").unwrap();
        let e = earned("1", "a", 0.8);
        let running = statement(&e, month, &rows(), &costs(), day("2026-05-14")).unwrap();
        assert_eq!(
            (running.contacts, running.ended),
            (80, Some(Ended::Running))
        );
        assert_eq!(
            statement(&e, month, &rows(), &costs(), day("2026-05-12")),
            None
        );
    }

    #[test]
    fn a_topic_counts_once_in_the_sum() {
        let list = [
            earned("weak", "a", 0.9),
            earned("strong", "a", 0.8),
            earned("parent", "p", 0.85),
            earned("child", "p/c", 0.8),
            Earned {
                measured: Measured {
                    metric: Metric::Csat,
                    volume: None,
                    ..earned("csat", "b", 0.8).measured
                },
                ..earned("csat", "b", 0.8)
            },
            Earned {
                measured: Measured {
                    verdict: Verdict::Recovered,
                    ..earned("back", "c", 0.8).measured
                },
                ..earned("back", "c", 0.8)
            },
        ];
        let month = Month::parse("2026-06").unwrap();
        let with: Vec<_> = list
            .iter()
            .map(|e| (e.clone(), of(e, "2026-06").unwrap()))
            .collect();
        let costs = Costs {
            total_cents: Some(3_600),
            resolved: 1_200,
            ..Costs::default()
        };
        let sum = report(month, &costs, with);
        assert_eq!(sum.cost.per_ticket_cents, Some(3.0));
        // 1,200 contacts a topic: 300 avoided in each of the two counted ones.
        assert!(
            (sum.contacts_avoided.unwrap().value - 600.0).abs() < 1e-9,
            "{:?}",
            sum.contacts_avoided
        );
        assert_eq!(sum.estimated_cents, Some(720_000));
        let with = |task: &str| {
            let s = sum.statements.iter().find(|s| s.task == task).unwrap();
            (s.counted_with.clone(), s.savings.no_money)
        };
        assert_eq!(with("weak").0.as_deref(), Some("strong"));
        assert_eq!(with("parent").0.as_deref(), Some("child"));
        assert_eq!(with("strong").0, None);
        assert_eq!(with("csat"), (None, Some(NoMoney::Metric)));
        assert_eq!(with("back").1, Some(NoMoney::Recovered));
        assert!(
            sum.sentence.en.contains("improvements of 2 topics"),
            "{:?}",
            sum.sentence
        );
        let none = report(month, &Costs::default(), Vec::new());
        assert_eq!(none.cost.per_ticket_cents, None);
        assert_eq!((none.secured_cents, none.estimated_cents), (None, None));
        assert!(none.sentence.zh.contains("没有"));
    }

    #[test]
    fn nothing_came_any_more() {
        let e = earned("1", "a", 0.11);
        let month = Month::parse("2026-06").unwrap();
        let s = statement(&e, month, &[], &costs(), day("2026-12-31")).unwrap();
        assert_eq!(s.contacts, 0);
        assert!((s.savings.contacts_avoided.unwrap().value - 1500.0).abs() < 1e-9);
    }

    #[test]
    fn what_a_closed_month_no_longer_counts_is_said_with_its_amount() {
        let one = earned("a", "t", 0.8);
        let month = Month::parse("2026-06").unwrap();
        let kept = of(&one, "2026-06").unwrap();
        let amount = kept.savings.estimated_cents.unwrap();
        let mut sum = report(month, &costs(), Vec::new());
        let before = sum.clone();
        sum.withdraw(Vec::new());
        assert_eq!(sum, before, "nothing fell");
        sum.withdraw(vec![kept.clone()]);
        assert_eq!(sum.withdrawn, [kept]);
        assert_eq!(
            sum.estimated_cents, before.estimated_cents,
            "it counts nothing"
        );
        let text = super::yuan(amount);
        assert!(
            sum.sentence.zh.contains(&format!("约 {text} 元已经扣除")),
            "{}",
            sum.sentence.zh
        );
        assert!(sum.sentence.en.contains("Correction") && sum.sentence.en.contains(&text));
    }
}
