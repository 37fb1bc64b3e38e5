//! The contract that is proposed when a task is assigned: which metric, how long, how sure.
//!
//! Every metric that the topic has figures for is planned: answers needed, days at the pace to come,
//! the chance of seeing the change within 28, 42 and 56 days, and the smallest change that can be seen.
//! The contract takes the first one that can be decided; if the topic is too thin for all, the topic
//! above it is looked at; if that is too thin as well, the contract says that nothing can be decided.
//! A metric that a person asks for and that cannot be decided is refused with the reason.

use super::baseline::{self, Series, Usual, Window, minus};
use super::power::{ControlSize, Design, PRICE_OF_LOOKS, Schedules};
use super::{
    Answers, Chosen, Contract, ControlRule, DayRow, Facts, GuardMetric, Metric, MetricKind,
    Planned, Sentence, peers,
};
use crate::detection::{Subject, SubjectKind};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Days up to and including the alarm that are never used.
pub const GUARD_DAYS: u32 = 14;
/// The same where the quadrant of the last 28 days chose the topic.
pub const QUADRANT_GUARD_DAYS: u32 = 28;
/// Quiet days of the baseline: 8 whole weeks.
pub const BASELINE_DAYS: u32 = 56;
/// Answers on each side below which nothing is said.
pub const MIN_ANSWERS: u32 = 30;
/// Full days after the fix below which nothing is said: one whole week.
pub const MIN_DAYS: u32 = 7;
/// Horizons that a plan may choose, shortest first.
pub const HORIZONS: [u32; 3] = [28, 42, 56];
/// Chance of seeing the expected change below which a metric does not count as decidable.
pub const ENOUGH_POWER: f64 = 0.80;
/// Days that usually pass between alarm and fix, for planning only.
const DAYS_TO_FIX: u32 = 14;
/// Days between alarm and fix up to which the days in between tell next to nothing.
const HASTY_DAYS: u32 = 3;
/// Share of the plans whose days between alarm and fix count as different from the quiet days by
/// chance (worse at 5 %, better at 1 %): then those few days are the baseline.
const BY_CHANCE_ACUTE: f64 = 0.06;
/// What is left of the chance after the guards against false praise have had their say: a trend from
/// before the fix that counts against the claim, a guard metric that rings by chance.
pub(super) const AFTER_GUARDS: f64 = 0.97;
/// Topics and answers (as a multiple of the topic's own) that a comparison with others needs.
const CONTROL_TOPICS: usize = 3;
const CONTROL_RATIO: f64 = 2.0;

/// The order in which the rule takes metrics: what customers say first, then what they do. Searches
/// and the bot's share are only taken where a person asks for them: a fall or rise is not good in itself.
const ORDER: [Metric; 7] = [
    Metric::Csat,
    Metric::Volume,
    Metric::RepeatShare,
    Metric::Aht,
    Metric::Fcr,
    Metric::MeanRating,
    Metric::NegativeShare,
];
/// The same in the topic above.
const ORDER_ABOVE: [Metric; 2] = [Metric::Csat, Metric::Volume];

/// What is known when a contract is proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Topic; empty where the subject is none.
    pub topic: String,
    /// What the issue is about; the rows of the facts are its own.
    pub subject: Subject,
    /// The facts hold nothing of the subject that could be better or worse.
    pub unmeasured: bool,
    /// The metric that made the alarm ring, where that is known: the first one that the rule takes.
    pub rang: Option<Metric>,
    /// Channels concerned; empty = all.
    pub channels: Vec<String>,
    /// The day the alarm rang; `None` for a task without a signal.
    pub alarm_day: Option<NaiveDate>,
    /// First day of the change as the detector estimates it.
    pub change_day: Option<NaiveDate>,
    /// [`GUARD_DAYS`], or [`QUADRANT_GUARD_DAYS`] where the quadrant chose the topic.
    pub guard_days: u32,
    /// The present day.
    pub today: NaiveDate,
    /// A person's choice of metric; `None` = the rule.
    pub metric: Option<Metric>,
    /// A person wants the topic above to be watched: what is taken of the proposal to do so.
    pub watch_above: bool,
    /// A person's expectation, in the metric's unit, sign or not; `None` = [`Metric::usual_target`],
    /// less where there is less room.
    pub expected_change: Option<f64>,
    /// A person's horizon: days after the fix when the verdict falls at the latest; `None` = the
    /// shortest of [`HORIZONS`] with a chance of 80 %.
    pub horizon_days: Option<u32>,
    /// Days from the alarm until the fix is due; `None` = two weeks.
    pub days_to_fix: Option<u32>,
    /// Usual noise of the organisation's topics by metric ([`super::usual_noise`]), where known.
    pub usual_noise: Vec<(Metric, f64)>,
    /// The topic's searches: rows of that class only. They decide [`Metric::NoResultShare`] alone.
    pub searches: Vec<DayRow>,
    /// The topic above, to be watched where the topic itself is too thin.
    pub parent: Option<Parent>,
}

/// The topic above the one that is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Parent {
    /// Its key.
    pub topic: String,
    /// What people call it.
    pub name: Sentence,
    /// Its rows, everything under it included.
    pub rows: Vec<DayRow>,
}

impl Asked {
    /// A contract on `topic`, everything by the rule.
    #[must_use]
    pub fn by_rule(
        topic: impl Into<String>,
        today: NaiveDate,
        alarm_day: Option<NaiveDate>,
    ) -> Self {
        let topic = topic.into();
        Self {
            subject: Subject::topic(topic.clone()),
            topic,
            unmeasured: false,
            rang: None,
            channels: Vec::new(),
            alarm_day,
            change_day: None,
            guard_days: GUARD_DAYS,
            today,
            metric: None,
            watch_above: false,
            expected_change: None,
            horizon_days: None,
            days_to_fix: None,
            usual_noise: Vec::new(),
            searches: Vec::new(),
            parent: None,
        }
    }

    /// The horizons that may decide, shortest first.
    fn horizons(&self) -> Vec<u32> {
        self.horizon_days
            .map_or_else(|| HORIZONS.to_vec(), |days| vec![days])
    }

    /// The longest of them.
    fn longest(&self) -> u32 {
        self.horizon_days.unwrap_or(HORIZONS[HORIZONS.len() - 1])
    }

    /// The quiet days before the guard, as far as they are known now.
    fn quiet(&self) -> Window {
        let guard = self
            .alarm_day
            .map(|alarm| minus(alarm, u64::from(self.guard_days).saturating_sub(1)));
        let guard = match (guard, self.change_day) {
            (Some(guard), Some(change)) => Some(guard.min(change)),
            (guard, _) => guard,
        };
        Window::ending(
            minus(guard.unwrap_or(self.today), 1),
            u64::from(BASELINE_DAYS),
        )
    }

    fn lately(&self, days: u64) -> Window {
        Window::ending(minus(self.today, 1), days)
    }
}

/// Whether a metric can be decided, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decidable {
    /// It can: with a chance of at least 80 % within 56 days, or within the horizon wished for.
    Yes,
    /// Nobody answers: no ratings, no times, no known results.
    NoAnswers,
    /// Fewer than 30 answers will be there before the fix.
    NoBaseline,
    /// The answers before the fix are too few to show such a change, however many come after it.
    BaselineTooSmall,
    /// It would take longer than 56 days, or than the horizon wished for.
    TooSlow,
    /// The change is smaller than what is ever called a change.
    ChangeTooSmall,
    /// The facts do not hold this metric of such a subject.
    NotOfSubject,
}

impl Decidable {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::NoAnswers => "no_answers",
            Self::NoBaseline => "no_baseline",
            Self::BaselineTooSmall => "baseline_too_small",
            Self::TooSlow => "too_slow",
            Self::ChangeTooSmall => "change_too_small",
            Self::NotOfSubject => "not_of_subject",
        }
    }
}

/// Chance of seeing the expected change within some days.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Chances {
    /// Days after the fix.
    pub days: u32,
    /// The chance (0–1), as measured on streams like an organisation's.
    pub power: f64,
}

/// A metric that the contract might have taken, with its plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Candidate {
    /// The metric.
    pub metric: Metric,
    /// The topic above, where it would be judged there; `None` = the topic itself.
    pub watched_topic: Option<String>,
    /// Change that is hoped for, with its sign: a share, stars, or relative.
    pub expected_change: f64,
    /// Smallest change worth while, without sign.
    pub smallest_change: f64,
    /// Present level: a share, stars, seconds (geometric mean), or contacts per day.
    pub level: Option<f64>,
    /// Answers needed after the fix for a chance of 80 %; `None` = this baseline can never show it.
    pub answers_needed: Option<i64>,
    /// Present pace.
    pub answers_per_day: f64,
    /// Days that this takes at the pace after the fix.
    pub days: Option<i64>,
    /// Chance by 28, 42 and 56 days, or by the horizon that was wished for.
    pub power: Vec<Chances>,
    /// The shortest horizon with a chance of 80 %.
    pub horizon_days: Option<u32>,
    /// The smallest change that 56 days would show, with its sign.
    pub smallest_visible: Option<f64>,
    /// Whether it can be decided.
    pub decidable: Decidable,
    /// Why, or why not.
    pub reason: Sentence,
}

/// The answer to a person who asked for a metric that cannot be decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Refusal {
    /// The metric that was asked for.
    pub metric: Metric,
    /// The change that was hoped for.
    pub expected_change: f64,
    /// Why it cannot be decided.
    pub why: Decidable,
    /// The smallest change that 56 days would show; `None` = none at all.
    pub smallest_visible: Option<f64>,
    /// What can be decided instead; `None` = nothing.
    pub instead: Option<Metric>,
    /// The topic above, where it can be decided there only: a wish must name it (`watched_topic`).
    #[serde(default)]
    pub instead_watched_topic: Option<String>,
    /// In words.
    pub sentence: Sentence,
}

/// Something that whoever signs a contract should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Note {
    /// `hasty_fix`, `parent_topic`, `no_control`, `not_decidable` or `not_measurable`.
    pub code: String,
    /// In words.
    pub sentence: Sentence,
}

/// Proposes the contract of a task from the daily counts so far.
///
/// `facts.topic` and `facts.control` hold the rows of contacts and surveys and should reach back to
/// 112 days before the alarm.
#[must_use]
pub fn propose(facts: &Facts<'_>, asked: &Asked) -> Contract {
    if asked.unmeasured {
        return unmeasured(asked);
    }
    let mut schedules = Schedules::default();
    let own = Source::new(facts, facts.topic, &asked.channels, None);
    let searches = Source::new(
        &Facts::of_topic(&asked.searches),
        &asked.searches,
        &[],
        None,
    );
    let of_topic = asked.subject.kind == SubjectKind::Topic;
    let mut candidates: Vec<Candidate> = Metric::of_subject(asked.subject.kind)
        .iter()
        .map(|metric| {
            let metric = *metric;
            // Of a search they are its own rows.
            let source = if metric == Metric::NoResultShare && of_topic {
                &searches
            } else {
                &own
            };
            source.candidate(metric, asked, &mut schedules)
        })
        .collect();
    if let Some(parent) = &asked.parent {
        let above = Source::new(facts, &parent.rows, &asked.channels, Some(&parent.topic));
        candidates.extend(
            ORDER_ABOVE
                .into_iter()
                .map(|metric| above.candidate(metric, asked, &mut schedules)),
        );
    }
    let (at, chosen) = choose(&candidates, asked, own.is_empty());
    let taken_above = asked.watch_above && candidates[at].watched_topic.is_some();
    let refused = asked
        .metric
        .filter(|_| chosen != Chosen::Person || taken_above)
        .filter(|_| !taken_above || candidates[at].decidable != Decidable::Yes)
        .and_then(|metric| refusal(&candidates, metric, at, chosen, asked));
    let taken = candidates[at].clone();
    let guards = own.guards(&taken, asked);
    // Whoever cannot get through by one channel takes another: the others are no measure for it.
    let alone = match asked.subject.kind {
        SubjectKind::Topic => taken.metric == Metric::NoResultShare,
        SubjectKind::Channel => true,
        SubjectKind::Agent | SubjectKind::SearchTerm | SubjectKind::Article => false,
    };
    let control = if alone {
        ControlRule::None
    } else {
        ControlRule::OtherTopics
    };
    let mut notes = Vec::new();
    let mut sentence = taken.reason.clone();
    if taken.decidable != Decidable::Yes {
        let said = not_decidable(&taken, &candidates, asked);
        sentence.zh.push_str(&said.zh);
        sentence.en.push_str(&format!(" {}", said.en));
        notes.push(Note {
            code: "not_decidable".to_owned(),
            sentence: said,
        });
    }
    if let (Some(_), Some(parent)) = (&taken.watched_topic, &asked.parent) {
        notes.push(parent_note(parent));
    }
    if asked.alarm_day.is_some() && asked.days_to_fix.is_some_and(|days| days <= HASTY_DAYS) {
        notes.push(hasty_note());
    }
    if control == ControlRule::None || own.control(taken.metric, asked).is_none() {
        notes.push(no_control_note(asked.subject.kind));
    }
    Contract {
        subject: asked.subject.clone(),
        measurable: true,
        metric: taken.metric,
        chosen,
        expected_change: taken.expected_change,
        smallest_change: taken.smallest_change,
        baseline_days: BASELINE_DAYS,
        horizon_days: asked
            .horizon_days
            .or(taken.horizon_days)
            .unwrap_or(HORIZONS[0]),
        min_answers: MIN_ANSWERS,
        min_days: MIN_DAYS,
        topic: asked.topic.clone(),
        channels: asked.channels.clone(),
        alarm_day: asked.alarm_day,
        change_day: asked.change_day,
        guard_days: asked.guard_days,
        guards,
        control,
        watched_topic: taken.watched_topic.clone(),
        planned: Planned {
            answers_needed: taken.answers_needed,
            answers_per_day: taken.answers_per_day,
            days: taken.days,
        },
        sentence,
        candidates,
        refused,
        notes,
    }
}

/// The contract of what nothing is counted of. It says so instead of judging something else.
fn unmeasured(asked: &Asked) -> Contract {
    let sentence = if asked.subject.kind == SubjectKind::Channel {
        Sentence::new(
            "这件事是数据中断，没有可以衡量改善的客户指标：修复后只看数据是否重新到达（连续 7 天没有再中断算恢复正常），不会得出“已验证有效”，也不计算节省。",
            "This is about data that does not arrive: no figure of customers measures it. After the fix it is only asked whether the data arrives again (seven days without another gap count as back to normal); it is never called a proven improvement, and no savings are computed.",
        )
    } else {
        Sentence::new(
            "这件事没有可以衡量效果的指标，不会得出“已验证有效”，也不计算节省。",
            "Nothing that is counted measures this: it is never called a proven improvement, and no savings are computed.",
        )
    };
    let metric = Metric::Volume;
    let refused = asked.metric.map(|metric| Refusal {
        metric,
        expected_change: asked.expected_change.unwrap_or(metric.usual_target()),
        why: Decidable::NotOfSubject,
        smallest_visible: None,
        instead: None,
        instead_watched_topic: None,
        sentence: sentence.clone(),
    });
    Contract {
        metric,
        chosen: Chosen::Plan,
        expected_change: 0.0,
        smallest_change: metric.smallest_change(),
        baseline_days: BASELINE_DAYS,
        horizon_days: asked.horizon_days.unwrap_or(HORIZONS[0]),
        min_answers: MIN_ANSWERS,
        min_days: MIN_DAYS,
        topic: asked.topic.clone(),
        subject: asked.subject.clone(),
        measurable: false,
        channels: asked.channels.clone(),
        alarm_day: asked.alarm_day,
        change_day: asked.change_day,
        guard_days: asked.guard_days,
        guards: Vec::new(),
        control: ControlRule::None,
        watched_topic: None,
        planned: Planned::default(),
        sentence: sentence.clone(),
        candidates: Vec::new(),
        refused,
        notes: vec![Note {
            code: "not_measurable".to_owned(),
            sentence,
        }],
    }
}

/// Which candidate the contract takes, and by what right.
fn choose(candidates: &[Candidate], asked: &Asked, empty: bool) -> (usize, Chosen) {
    let find = |metric: Metric, above: bool| {
        candidates
            .iter()
            .position(|c| c.metric == metric && c.watched_topic.is_some() == above)
    };
    let decidable = |at: &usize| candidates[*at].decidable == Decidable::Yes;
    if asked.watch_above {
        let wished = asked
            .metric
            .as_ref()
            .map_or(&ORDER_ABOVE[..], std::slice::from_ref);
        let mut above = wished.iter().filter_map(|m| find(*m, true));
        if let Some(at) = above.clone().find(decidable).or_else(|| above.next()) {
            return (at, Chosen::Person);
        }
    }
    if let Some(at) = asked.metric.and_then(|metric| find(metric, false))
        // Where nothing at all is known there is nothing to refuse it with.
        && (decidable(&at) || empty)
    {
        return (at, Chosen::Person);
    }
    let order = match asked.subject.kind {
        SubjectKind::Topic => &ORDER[..],
        other => Metric::of_subject(other),
    };
    let own = asked
        .rang
        .into_iter()
        .chain(order.iter().copied())
        .filter_map(|m| find(m, false))
        .find(decidable);
    let above = || {
        ORDER_ABOVE
            .into_iter()
            .filter_map(|m| find(m, true))
            .find(decidable)
    };
    if let Some(at) = own.or_else(above) {
        return (at, Chosen::Plan);
    }
    // Nothing can be decided: satisfaction if anybody rates, else the number of contacts.
    let rated = |at: &usize| {
        !matches!(
            candidates[*at].decidable,
            Decidable::NoAnswers | Decidable::NoBaseline
        )
    };
    let at = asked
        .rang
        .and_then(|metric| find(metric, false))
        .filter(rated)
        .or_else(|| find(Metric::Csat, false).filter(rated))
        .or_else(|| find(Metric::Volume, false))
        .unwrap_or(0);
    (at, Chosen::Rule)
}

fn refusal(
    candidates: &[Candidate],
    metric: Metric,
    at: usize,
    chosen: Chosen,
    wish: &Asked,
) -> Option<Refusal> {
    let plan = candidates.get(at).filter(|_| chosen == Chosen::Plan);
    // Who wants this metric wants it rather of the topic above than another one.
    let above = candidates
        .iter()
        .find(|c| c.metric == metric && c.watched_topic.is_some() && c.decidable == Decidable::Yes);
    let instead = above.or(plan);
    let mut found = Refusal {
        metric,
        expected_change: wish.expected_change.unwrap_or(metric.usual_target()),
        why: Decidable::NotOfSubject,
        smallest_visible: None,
        instead: instead.map(|c| c.metric),
        instead_watched_topic: instead.and_then(|c| c.watched_topic.clone()),
        sentence: not_of_subject(metric, wish.subject.kind),
    };
    if Metric::of_subject(wish.subject.kind).contains(&metric) {
        let asked = candidates
            .iter()
            .find(|c| c.metric == metric && c.watched_topic.is_some() == wish.watch_above)?;
        found.expected_change = asked.expected_change;
        found.why = asked.decidable;
        found.smallest_visible = asked.smallest_visible;
        found.sentence.clone_from(&asked.reason);
    }
    let sentence = &mut found.sentence;
    match instead {
        Some(other) => {
            let name = other.metric.names();
            let (zh, en) = if other.watched_topic.is_some() {
                ("（看上一级主题）", " of the topic above")
            } else {
                ("", "")
            };
            sentence.zh.push_str(&format!("可以改用{}{zh}。", name.zh));
            sentence.en.push_str(&format!(
                " {}{en} can be decided instead.",
                capital(&name.en)
            ));
            let own = plan.filter(|c| c.watched_topic.is_none() && above.is_some());
            if let Some(own) = own {
                let name = own.metric.names();
                sentence
                    .zh
                    .push_str(&format!("只看本主题的话可以改用{}。", name.zh));
                sentence
                    .en
                    .push_str(&format!(" Of the topic itself {} can be decided.", name.en));
            }
        }
        None => {
            sentence.zh.push_str("其他指标目前也无法判断。");
            sentence
                .en
                .push_str(" No other metric can be decided at present either.");
        }
    }
    Some(found)
}

fn not_of_subject(metric: Metric, kind: SubjectKind) -> Sentence {
    let (zh, en) = peers(kind);
    let name = metric.names();
    Sentence {
        zh: format!("{}不是单个{zh}的指标，无法据此判断。", name.zh),
        en: format!("{} is not counted for single {en}.", capital(&name.en)),
    }
}

/// Rows that a metric can be planned from.
struct Source<'a> {
    rows: &'a [DayRow],
    series: Series<'a>,
    channels: &'a [String],
    control: &'a [DayRow],
    control_topics: usize,
    above: Option<&'a str>,
    first: Option<NaiveDate>,
}

impl<'a> Source<'a> {
    fn new(
        facts: &Facts<'a>,
        rows: &'a [DayRow],
        channels: &'a [String],
        above: Option<&'a str>,
    ) -> Self {
        let days = || rows.iter().map(|row| row.day);
        let first = days().min();
        let time = Window {
            from: first.unwrap_or(NaiveDate::MIN),
            to: days().max().unwrap_or(NaiveDate::MIN),
        };
        let series = Series::between(rows, facts.control, channels, &[], &[], time);
        Self {
            rows,
            series,
            channels,
            control: facts.control,
            control_topics: facts.control_topics,
            above,
            first,
        }
    }

    const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn sum(&self, rows: &[DayRow], metric: Metric, window: Window) -> Answers {
        let mut sum = Answers::default();
        for row in rows {
            if window.contains(row.day)
                && (self.channels.is_empty() || self.channels.contains(&row.channel))
            {
                let a = metric.answers(&row.counters);
                sum.n += a.n;
                sum.sum += a.sum;
                sum.squares += a.squares;
            }
        }
        sum
    }

    /// Days of the window since the first row: before it nothing is known.
    #[expect(clippy::cast_precision_loss, reason = "at most 112 days")]
    fn days(&self, window: Window) -> f64 {
        self.first.map_or(0.0, |first| {
            let from = window.from.max(first);
            (window.to - from).num_days().saturating_add(1).max(0) as f64
        })
    }

    /// The other topics' answers as a multiple of these; `None` where there are too few to compare with.
    fn control(&self, metric: Metric, asked: &Asked) -> Option<ControlSize> {
        let window = asked.lately(u64::from(BASELINE_DAYS));
        let own = self.sum(self.rows, metric, window).n;
        let others = self.sum(self.control, metric, window).n;
        let ratio = others / own;
        (self.control_topics >= CONTROL_TOPICS && own > 0.0 && ratio >= CONTROL_RATIO)
            .then_some(ControlSize { ratio })
    }

    /// The noise factor as the verdict will learn it.
    fn noise(&self, metric: Metric, quiet: Window, usual: Option<f64>, against: bool) -> f64 {
        let mut panel = self.series.panel(metric, against);
        let quiet = self.series.span(quiet);
        panel.choose_strata(&panel.window(&[quiet]), quiet.days());
        let usual = Usual::of(&panel, quiet, self.series.closed(), usual);
        let from = self.series.known_from(quiet.to);
        baseline::noise(&panel, from, quiet.to, usual).factor
    }

    fn candidate(&self, metric: Metric, asked: &Asked, schedules: &mut Schedules) -> Candidate {
        let figures = Figures::of(self, metric, asked);
        let expected = figures.expected(asked);
        let smallest = metric.smallest_change().min(expected.abs() / 2.0);
        let design = figures.design(expected, smallest);
        // Below the least number of answers nothing is ever said.
        let need = design
            .and_then(|d| d.answers_needed(PRICE_OF_LOOKS))
            .map(|need| need.max(f64::from(MIN_ANSWERS)));
        let days = design
            .zip(need)
            .and_then(|(d, need)| d.days(need, MIN_DAYS));
        let power: Vec<Chances> = asked
            .horizons()
            .into_iter()
            .map(|days| Chances {
                days,
                power: design.map_or(0.0, |d| figures.chance(&d, days, schedules)),
            })
            .collect();
        let horizon = power
            .iter()
            .find(|chance| chance.power >= ENOUGH_POWER)
            .map(|chance| chance.days);
        let decidable = if figures.answers <= 0.0 {
            Decidable::NoAnswers
        } else if figures.baseline < f64::from(MIN_ANSWERS) {
            Decidable::NoBaseline
        } else if horizon.is_some() {
            Decidable::Yes
        } else if expected.abs() < figures.least_change(smallest) {
            Decidable::ChangeTooSmall
        } else if need.is_none() {
            Decidable::BaselineTooSmall
        } else {
            Decidable::TooSlow
        };
        // The recursion decides; the closed formula may differ from it by a day or two.
        let days = days.map(|days| horizon.map_or(days, |h| days.min(f64::from(h))));
        let smallest_visible = (decidable != Decidable::NoAnswers
            && decidable != Decidable::NoBaseline)
            .then(|| figures.smallest_visible(asked.longest(), schedules))
            .flatten();
        let mut candidate = Candidate {
            metric,
            watched_topic: self.above.map(str::to_owned),
            expected_change: expected,
            smallest_change: smallest,
            level: figures.level,
            answers_needed: need.map(whole),
            answers_per_day: figures.per_day,
            days: days.map(whole),
            power,
            horizon_days: horizon,
            smallest_visible,
            decidable,
            reason: Sentence::default(),
        };
        candidate.reason =
            plan_sentence(&candidate, asked.longest(), figures.least_change(smallest));
        candidate
    }

    /// Metrics that must not become worse while the goal is pursued. Who has fewer contacts by making
    /// it hard to get through has improved nothing, so volumes are guarded by satisfaction, by customers
    /// who come again and by the share that the bot hands on; satisfaction by the time that it costs.
    fn guards(&self, goal: &Candidate, asked: &Asked) -> Vec<GuardMetric> {
        let wanted: &[Metric] = match goal.metric {
            // Not the number of contacts, nor of those who come back: seasons and launches move
            // them, and a topic that is talked about more is not worse for it. A person may add them.
            Metric::Csat | Metric::MeanRating | Metric::NegativeShare | Metric::Fcr => {
                &[Metric::Aht]
            }
            Metric::Volume => &[
                Metric::Csat,
                Metric::RepeatShare,
                Metric::Fcr,
                Metric::Containment,
            ],
            Metric::RepeatShare | Metric::Containment => &[Metric::Csat, Metric::Fcr],
            Metric::Aht => &[Metric::Csat, Metric::RepeatShare, Metric::Fcr],
            // Searches and articles have no other figure of their own.
            Metric::NoResultShare | Metric::HelpfulShare => &[],
        };
        wanted
            .iter()
            .copied()
            .filter(|metric| Figures::of(self, *metric, asked).baseline >= f64::from(MIN_ANSWERS))
            .map(|metric| GuardMetric {
                metric,
                limit: metric.smallest_change(),
            })
            .collect()
    }
}

/// What the plan of one metric starts from.
struct Figures {
    metric: Metric,
    /// Answers in the days that the level was learnt from.
    answers: f64,
    level: Option<f64>,
    /// Mean on the scale of the statistic, and variance of one answer.
    mean: f64,
    variance: f64,
    noise: f64,
    control: Option<ControlSize>,
    /// Answers that there will be before the fix.
    baseline: f64,
    /// Those of them between alarm and fix, and the days that this takes; 0 without an alarm.
    between: f64,
    days_to_fix: f64,
    per_day: f64,
}

impl Figures {
    fn of(source: &Source<'_>, metric: Metric, asked: &Asked) -> Self {
        let quiet = asked.quiet();
        let recent = asked.lately(u64::from(BASELINE_DAYS));
        let month = asked.lately(28);
        let sum = |window| source.sum(source.rows, metric, window);
        // Repeats, bots and searches that are never seen are not recorded rather than perfect.
        let recorded = !matches!(
            metric,
            Metric::RepeatShare | Metric::Containment | Metric::NoResultShare
        ) || sum(quiet).sum + sum(recent).sum > 0.0;
        let sum = |window| {
            if recorded {
                sum(window)
            } else {
                Answers::default()
            }
        };
        let (held, lately, pace) = (sum(quiet), sum(recent), sum(month));
        let basis = if held.n >= f64::from(MIN_ANSWERS) {
            held
        } else {
            lately
        };
        let days = source.days(month);
        let per_day = if days > 0.0 { pace.n / days } else { 0.0 };
        let to_fix = f64::from(asked.days_to_fix.unwrap_or(DAYS_TO_FIX));
        let (mean, variance) = if basis.n > 0.0 {
            let mean = basis.sum / basis.n;
            (mean, (basis.squares / basis.n - mean * mean).max(0.0))
        } else {
            (0.0, 0.0)
        };
        let level = match metric.kind() {
            _ if basis.n <= 0.0 => None,
            MetricKind::Share | MetricKind::Mean => Some(mean),
            MetricKind::LogMean => Some(mean.exp()),
            MetricKind::Rate => Some(per_day),
        };
        let usual = asked
            .usual_noise
            .iter()
            .find(|(m, _)| *m == metric)
            .map(|(_, noise)| *noise);
        let control = source.control(metric, asked);
        Self {
            metric,
            answers: basis.n,
            level,
            mean,
            variance,
            noise: source.noise(metric, quiet, usual, control.is_some()),
            control,
            baseline: held.n + per_day * to_fix,
            between: asked.alarm_day.map_or(0.0, |_| per_day * to_fix),
            days_to_fix: to_fix,
            per_day,
        }
    }

    /// The change that is hoped for, with its sign.
    fn expected(&self, asked: &Asked) -> f64 {
        let sign = if self.metric.higher_is_better() {
            1.0
        } else {
            -1.0
        };
        // A person's number belongs to the metric that the person named, if one was.
        let wished = asked
            .expected_change
            .filter(|_| asked.metric.is_none_or(|metric| metric == self.metric))
            .filter(|_| asked.metric.is_some() || self.metric == Metric::Csat);
        if let Some(wished) = wished {
            return sign * wished.abs();
        }
        let usual = self.metric.usual_target().abs();
        let room = match (self.metric.kind(), self.level) {
            // Of what is nearly perfect no ten points are left.
            (MetricKind::Share, Some(level)) if sign > 0.0 => (0.98 - level).max(0.02),
            // Of what goes wrong seldom, half.
            (MetricKind::Share, Some(level)) => (level / 2.0).max(0.01),
            (MetricKind::Mean, Some(level)) => (4.9 - level).max(0.05),
            _ => usual,
        };
        sign * usual.min(room)
    }

    /// The change on the scale of the statistic.
    fn on_scale(&self, change: f64) -> f64 {
        match self.metric.kind() {
            MetricKind::Share | MetricKind::Mean => change,
            MetricKind::LogMean | MetricKind::Rate => (1.0 + change.max(-0.99)).ln(),
        }
    }

    /// Estimates below this are never called an improvement, in the metric's unit, without sign.
    fn least_change(&self, smallest: f64) -> f64 {
        let with_control = match self.metric.kind() {
            MetricKind::Share => 0.03,
            MetricKind::Mean => 0.09,
            MetricKind::LogMean => 0.03,
            MetricKind::Rate => 0.05,
        };
        // Without a comparison with other topics an improvement must be worth while.
        if self.control.is_some() {
            with_control
        } else {
            smallest.max(with_control)
        }
    }

    fn design(&self, change: f64, smallest: f64) -> Option<Design> {
        if self.answers <= 0.0 || self.baseline <= 0.0 || self.per_day <= 0.0 {
            return None;
        }
        let (noise, control, baseline, pace) =
            (self.noise, self.control, self.baseline, self.per_day);
        let scaled = self.on_scale(change);
        let design = match self.metric.kind() {
            MetricKind::Share => Design::share(self.mean, change, noise, control, baseline, pace),
            MetricKind::Mean | MetricKind::LogMean => Design::mean(
                self.variance.max(1e-4),
                scaled,
                noise,
                control,
                baseline,
                pace,
            ),
            MetricKind::Rate => Design::rate(change, noise, control, baseline, pace),
        };
        let least = self.on_scale(change.signum() * self.least_change(smallest));
        Some(design.at_least(least.abs()))
    }

    /// The chance that the verdict sees the change of `design` by day `horizon`.
    ///
    /// Calibrated with `cargo run -p domain --release --example usefulness -- 4 SEED`: of 240 contracts
    /// each, planned 86.2 % and seen 86.7 ± 2.2 % (seed 777), 86.7 % and 85.4 ± 2.3 % (20261122).
    fn chance(&self, design: &Design, horizon: u32, schedules: &mut Schedules) -> f64 {
        let pooled = schedules.power(design, horizon);
        let alone = self.between >= f64::from(MIN_ANSWERS);
        let seen = if alone {
            let few = design.with_baseline(self.between, self.days_to_fix);
            let acute = schedules.power(&few, horizon);
            pooled + BY_CHANCE_ACUTE * (acute - pooled)
        } else {
            pooled
        };
        AFTER_GUARDS * seen
    }

    /// The smallest change that the longest horizon shows with a chance of 80 %, in steps that people
    /// would name; `None` when even the largest is not seen.
    fn smallest_visible(&self, longest: u32, schedules: &mut Schedules) -> Option<f64> {
        let sign = if self.metric.higher_is_better() {
            1.0
        } else {
            -1.0
        };
        let (step, most) = match self.metric.kind() {
            MetricKind::Share if sign > 0.0 => (0.01, (0.99 - self.mean).max(0.0)),
            MetricKind::Share => (0.01, self.mean),
            MetricKind::Mean => (0.05, (4.9 - self.mean).max(0.0)),
            MetricKind::LogMean | MetricKind::Rate => (0.01, 0.9),
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most a hundred steps"
        )]
        let steps = (most / step + 1e-9).clamp(0.0, 100.0) as u32;
        (1..=steps)
            .map(|k| sign * step * f64::from(k))
            .find(|change| {
                let smallest = self.metric.smallest_change().min(change.abs() / 2.0);
                let Some(design) = self.design(*change, smallest) else {
                    return false;
                };
                // The closed formula is quick and says where it is worth while to look closely.
                let nearly = design
                    .answers_needed(0.9 * PRICE_OF_LOOKS)
                    .and_then(|n| design.days(n, MIN_DAYS))
                    .is_some_and(|days| days <= 1.2 * f64::from(longest));
                nearly
                    && design.change.abs() > design.least
                    && self.chance(&design, longest, schedules) >= ENOUGH_POWER
            })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by 1e12")]
fn whole(value: f64) -> i64 {
    value.ceil().clamp(0.0, 1e12) as i64
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// A change as people say it, without sign: `8 个百分点`, `8 points`; `0.3 分`, `0.3 stars`; `20%`.
fn size_in_words(metric: Metric, change: f64) -> Sentence {
    let size = change.abs();
    match metric.kind() {
        MetricKind::Share => {
            let points = (size * 1000.0).round() / 10.0;
            Sentence::new(format!("{points} 个百分点"), format!("{points} points"))
        }
        MetricKind::Mean => {
            let stars = (size * 100.0).round() / 100.0;
            Sentence::new(format!("{stars} 分"), format!("{stars} stars"))
        }
        MetricKind::LogMean | MetricKind::Rate => {
            let percent = (size * 1000.0).round() / 10.0;
            Sentence::new(format!("{percent}%"), format!("{percent}%"))
        }
    }
}

/// What an answer is called in a plan.
fn unit_in_words(metric: Metric) -> Sentence {
    match metric {
        Metric::Csat | Metric::MeanRating => Sentence::new("条评分", "rated contacts"),
        other => other.unit(),
    }
}

/// Why a wished change can be no goal of the metric, whose present level is `level`: it would be a
/// change for the worse, or end beyond what the metric can reach. `None` = it can.
#[must_use]
pub fn impossible_goal(metric: Metric, change: f64, level: Option<f64>) -> Option<Sentence> {
    let name = metric.names();
    if (change > 0.0) != metric.higher_is_better() {
        let (zh, en) = if metric.higher_is_better() {
            (
                "上升才是改善，期望的变化要写成正数",
                "a rise is the improvement, so the expected change must be positive",
            )
        } else {
            (
                "下降才是改善，期望的变化要写成负数",
                "a fall is the improvement, so the expected change must be negative",
            )
        };
        return Some(Sentence {
            zh: format!("{}{zh}。", name.zh),
            en: format!("For {} {en}.", name.en),
        });
    }
    let (goal, least, most) = match metric.kind() {
        MetricKind::Share => (level? + change, 0.0, 1.0),
        MetricKind::Mean => (level? + change, 1.0, 5.0),
        MetricKind::LogMean | MetricKind::Rate => (1.0 + change, 0.001, f64::INFINITY),
    };
    if (least - 1e-9..=most + 1e-9).contains(&goal) {
        return None;
    }
    let size = size_in_words(metric, change);
    let text = |value: f64| match metric.kind() {
        MetricKind::Share => format!("{:.0}%", value * 100.0),
        _ => format!("{value:.2}"),
    };
    Some(match level {
        Some(level) if matches!(metric.kind(), MetricKind::Share | MetricKind::Mean) => Sentence {
            zh: format!(
                "{}目前是 {}，变化 {}后会是 {}，不可能达到。",
                name.zh,
                text(level),
                size.zh,
                text(goal)
            ),
            en: format!(
                "At present {} is {}; with a change of {} it would be {}, which is impossible.",
                name.en,
                text(level),
                size.en,
                text(goal)
            ),
        },
        _ => Sentence {
            zh: format!("{}不可能减少 {}。", name.zh, size.zh),
            en: format!("It is impossible for {} to fall by {}.", name.en, size.en),
        },
    })
}

/// The pace that the days of a plan are counted at: what is hoped for of a number of contacts changes
/// the pace itself.
fn pace_in_words(c: &Candidate) -> Sentence {
    if c.metric.kind() != MetricKind::Rate {
        return Sentence::new("按目前的速度", "at the present pace");
    }
    let text = |pace: f64| format!("{pace:.*}", usize::from(pace < 10.0));
    let (now, hoped) = (
        text(c.answers_per_day),
        text(c.answers_per_day * (1.0 + c.expected_change)),
    );
    Sentence {
        zh: format!("按期望达到后的速度（目前每天 {now} 次，届时 {hoped} 次）"),
        en: format!("at the pace hoped for ({hoped} a day instead of {now})"),
    }
}

fn plan_sentence(c: &Candidate, longest: u32, least: f64) -> Sentence {
    let (change, unit) = (
        size_in_words(c.metric, c.expected_change),
        unit_in_words(c.metric),
    );
    if let (Decidable::Yes, Some(need), Some(days)) = (c.decidable, c.answers_needed, c.days) {
        let chance = c
            .power
            .iter()
            .find(|p| Some(p.days) == c.horizon_days)
            .map_or(0, |p| percent(p.power));
        let horizon = c.horizon_days.unwrap_or(longest);
        let pace = pace_in_words(c);
        return Sentence {
            zh: format!(
                "要看出 {}的变化，修复后大约需要 {need} {}，{}约 {days} 天；{horizon} 天内看得出来的机会约 {chance}%。",
                change.zh, unit.zh, pace.zh
            ),
            en: format!(
                "To see a change of {}, about {need} {} are needed after the fix, {} {days} days; the chance to see it within {horizon} days is about {chance}%.",
                change.en, unit.en, pace.en
            ),
        };
    }
    match c.decidable {
        Decidable::NoAnswers => {
            let none = no_answers(c.metric);
            return Sentence {
                zh: format!("到昨天为止还没有{}，暂时无法预计需要多久。", none.zh),
                en: format!(
                    "Up to yesterday there were no {}, so it cannot be said how long it will take.",
                    none.en
                ),
            };
        }
        Decidable::NoBaseline => {
            return Sentence {
                zh: format!(
                    "修复前预计不到 {MIN_ANSWERS} {}，没有可以比较的基线，无法验证。",
                    unit.zh
                ),
                en: format!(
                    "Fewer than {MIN_ANSWERS} {} are expected before the fix: there is no baseline, so it cannot be verified.",
                    unit.en
                ),
            };
        }
        Decidable::ChangeTooSmall => {
            let least = size_in_words(c.metric, least);
            return Sentence {
                zh: format!(
                    "期望的变化只有 {}，小于 {}的变化一律不算变化，因此无法验证。",
                    change.zh, least.zh
                ),
                en: format!(
                    "The expected change is only {}; what is smaller than {} is never called a change, so it cannot be verified.",
                    change.en, least.en
                ),
            };
        }
        _ => {}
    }
    let (zh, en) = match c.smallest_visible {
        Some(v) => {
            let v = size_in_words(c.metric, v);
            (
                format!("最小能看出的变化约为 {}。", v.zh),
                format!("the smallest change that can be seen is about {}.", v.en),
            )
        }
        None => (
            "这个主题的数据太少。".to_owned(),
            "this topic has too little data.".to_owned(),
        ),
    };
    let chance = c.power.last().map_or(0, |p| percent(p.power));
    Sentence {
        zh: format!(
            "按目前的速度，{longest} 天内看不出 {}的变化（机会只有约 {chance}%）；{zh}",
            change.zh
        ),
        en: format!(
            "At the present pace a change of {} cannot be seen within {longest} days (the chance is only about {chance}%); {en}",
            change.en
        ),
    }
}

fn no_answers(metric: Metric) -> Sentence {
    match metric {
        Metric::Csat | Metric::MeanRating => Sentence::new("评分", "rated contacts"),
        Metric::Volume => Sentence::new("联系记录", "contacts"),
        // What never happened is taken as not recorded.
        Metric::RepeatShare => Sentence::new(
            "同一客户再次联系的记录",
            "contacts of a customer who came again",
        ),
        Metric::Containment => Sentence::new(
            "由机器人处理完的联系记录",
            "contacts that a bot handled to the end",
        ),
        Metric::Fcr => Sentence::new(
            "标明首次联系是否解决的记录",
            "contacts that say whether the first one solved it",
        ),
        Metric::NoResultShare => Sentence::new("没有结果的搜索记录", "searches without a result"),
        Metric::HelpfulShare => Sentence::new("投票", "votes"),
        Metric::NegativeShare => Sentence::new("带情绪判断的声音", "voices with a sentiment"),
        Metric::Aht => Sentence::new("处理时长的记录", "timed contacts"),
    }
}

/// A chance in whole per cent; never 100, nothing is certain.
fn percent(share: f64) -> i64 {
    whole((share * 100.0).floor()).min(99)
}

/// What it means that the contract cannot be decided, and what would help: another metric or the topic
/// above where one can be decided, a larger change, or more answers.
fn not_decidable(taken: &Candidate, candidates: &[Candidate], asked: &Asked) -> Sentence {
    let longest = asked.longest();
    let other = candidates.iter().find(|c| c.decidable == Decidable::Yes);
    let (zh, en) = match (other, taken.smallest_visible) {
        (Some(other), _) => {
            let name = other.metric.names();
            let (zh, en) = if other.watched_topic.is_some() {
                ("（看上一级主题）", " of the topic above")
            } else {
                ("", "")
            };
            (
                format!("改用{}{zh}就能判断。", name.zh),
                format!("It could with {}{en}.", name.en),
            )
        }
        (None, Some(visible)) => {
            let size = size_in_words(taken.metric, visible);
            (
                format!(
                    "真实变化达到 {}以上、或者有更多数据（例如多邀请评分）时才能判断。",
                    size.zh
                ),
                format!(
                    "It takes a true change of {} or more, or more data (for instance by asking for more ratings).",
                    size.en
                ),
            )
        }
        (None, None) => {
            let unit = unit_in_words(taken.metric);
            (
                format!(
                    "要能判断，先要积累数据：修复前后各至少 {MIN_ANSWERS} {}；多邀请评分、接入更多渠道，或者把措施扩大到上一级主题。",
                    unit.zh
                ),
                format!(
                    "For that data has to gather first: at least {MIN_ANSWERS} {} on each side of the fix. Ask for more ratings, connect more channels, or let the measure reach the topic above.",
                    unit.en
                ),
            )
        }
    };
    Sentence {
        zh: format!("目前无法在 {longest} 天内判断这个任务的效果，到期时多半是“证据不足”。{zh}"),
        en: format!(
            "At present it cannot be decided within {longest} days whether this task helps; it would most likely end as inconclusive. {en}"
        ),
    }
}

fn parent_note(parent: &Parent) -> Note {
    Note {
        code: "parent_topic".to_owned(),
        sentence: Sentence {
            zh: format!(
                "这个主题本身的数据太少，改为在上一级主题“{}”中判断：约定的变化是整个上一级主题的变化，措施要覆盖它。",
                parent.name.zh
            ),
            en: format!(
                "The topic itself is too thin, so the topic above, “{}”, is judged: the agreed change is that of the whole of it, and the measure has to reach it.",
                parent.name.en
            ),
        },
    }
}

fn hasty_note() -> Note {
    Note {
        code: "hasty_fix".to_owned(),
        sentence: Sentence::new(
            format!(
                "报警后 {HASTY_DAYS} 天内就修复的话，几乎没有问题期间的可靠数据可比：只能看出是否恢复到平时，很难证明是修复的功劳。"
            ),
            format!(
                "With a fix within {HASTY_DAYS} days of the alarm there are hardly any unbiased days of the trouble to compare with: a return to normal can be seen, but hardly be credited to the fix."
            ),
        ),
    }
}

fn no_control_note(kind: SubjectKind) -> Note {
    let (zh, en) = peers(kind);
    Note {
        code: "no_control".to_owned(),
        sentence: if kind == SubjectKind::Channel {
            Sentence::new(
                "不与其他渠道对照（客户会在渠道之间转移）：同期对所有渠道都有影响的事情会被算进来。",
                "Not compared with other channels, because customers move between them: what moves all channels at once would be counted in.",
            )
        } else {
            Sentence::new(
                format!("没有足够的其他{zh}可以对照：同期对所有{zh}都有影响的事情会被算进来。"),
                format!(
                    "There are too few other {en} to compare with: what moves all {en} at once would be counted in."
                ),
            )
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Counters, MICRO};
    use chrono::Days;

    fn day(n: i64) -> NaiveDate {
        let base = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap();
        base.checked_add_signed(chrono::TimeDelta::days(n)).unwrap()
    }

    /// `contacts` a day for 168 days before day 0, `rated` of them rated (78 % satisfied), 15 % repeats.
    fn rows(contacts: i64, rated: f64) -> Vec<DayRow> {
        let upto = |d: i64, each: f64| (each * d as f64).floor() as i64;
        (0..168)
            .map(|d| {
                let part = |each: f64| upto(d + 1, each) - upto(d, each);
                let (n, s) = (part(rated), part(0.78 * rated));
                let counters = Counters {
                    voices: contacts,
                    contacts,
                    rated: n,
                    satisfied: s.min(n),
                    r1: n - s.min(n),
                    r5: s.min(n),
                    repeats: part(0.15 * contacts as f64),
                    ..Counters::default()
                };
                DayRow {
                    day: day(d - 168),
                    channel: "phone".to_owned(),
                    counters,
                }
            })
            .collect()
    }

    fn asked() -> Asked {
        Asked {
            usual_noise: vec![(Metric::Csat, 1.1), (Metric::Volume, 1.5)],
            ..Asked::by_rule("t", day(0), Some(day(-1)))
        }
    }

    fn with_control<'a>(rows: &'a [DayRow], control: &'a [DayRow]) -> Facts<'a> {
        Facts {
            topic: rows,
            control,
            control_topics: 9,
            siblings: &[],
        }
    }

    fn candidate(contract: &Contract, metric: Metric) -> &Candidate {
        contract
            .candidates
            .iter()
            .find(|c| c.metric == metric)
            .unwrap()
    }

    #[test]
    fn customers_who_rate_decide_first() {
        let (topic, others) = (rows(300, 34.0), rows(2400, 272.0));
        let contract = propose(
            &with_control(&topic, &others),
            &Asked {
                metric: Some(Metric::Csat),
                expected_change: Some(0.08),
                ..asked()
            },
        );
        // The example of the specification, with the noise that this topic has.
        assert_eq!(
            (contract.metric, contract.chosen),
            (Metric::Csat, Chosen::Person)
        );
        assert_eq!(
            (contract.horizon_days, contract.refused.clone()),
            (28, None)
        );
        let planned = contract.planned;
        assert!(
            (240..330).contains(&planned.answers_needed.unwrap()),
            "{planned:?}"
        );
        assert!((7..=10).contains(&planned.days.unwrap()));
        let days = planned.days.unwrap();
        let need = planned.answers_needed.unwrap();
        assert!(
            contract.sentence.en.starts_with(&format!(
                "To see a change of 8 points, about {need} rated contacts are needed after the fix, at the present pace {days} days; the chance"
            )),
            "{}",
            contract.sentence.en
        );
        assert!(
            contract
                .sentence
                .zh
                .contains(&format!("大约需要 {need} 条评分，按目前的速度约 {days} 天"))
        );
        let by_rule = propose(&with_control(&topic, &others), &asked());
        assert_eq!(
            (by_rule.metric, by_rule.chosen),
            (Metric::Csat, Chosen::Plan)
        );
        assert_eq!(
            by_rule.candidates.len(),
            Metric::of_subject(SubjectKind::Topic).len()
        );
        assert_eq!(
            (by_rule.expected_change, by_rule.smallest_change),
            (0.10, 0.05)
        );
        assert!(by_rule.notes.is_empty(), "{:?}", by_rule.notes);
        // What satisfaction must not cost is time. Nobody measures handling times here.
        assert_eq!(by_rule.guards, []);
    }

    #[test]
    fn a_wished_horizon_is_what_is_planned_with() {
        let (topic, others) = (rows(300, 34.0), rows(2400, 272.0));
        let wish = |horizon: Option<u32>| {
            let asked = Asked {
                metric: Some(Metric::Csat),
                expected_change: Some(0.05),
                horizon_days: horizon,
                ..asked()
            };
            propose(&with_control(&topic, &others), &asked)
        };
        let long = wish(Some(56));
        assert_eq!((long.horizon_days, &long.refused), (56, &None));
        assert!(long.planned.days.unwrap() > 7, "{:?}", long.planned);
        let short = wish(Some(7));
        assert_eq!(short.horizon_days, 7);
        let refused = short.refused.unwrap();
        assert_eq!(
            (refused.metric, refused.why),
            (Metric::Csat, Decidable::TooSlow)
        );
        assert!(
            refused.sentence.zh.contains("7 天内看不出"),
            "{}",
            refused.sentence.zh
        );
        for c in &short.candidates {
            assert_eq!(c.power.iter().map(|p| p.days).collect::<Vec<_>>(), [7]);
            assert!(c.horizon_days.is_none_or(|days| days == 7));
            assert!(c.decidable != Decidable::Yes || c.days.unwrap() <= 7);
        }
        assert_eq!(wish(None).refused, None);
    }

    #[test]
    fn goals_that_nobody_can_reach_or_want_are_named() {
        let wrong = |metric, change, level| impossible_goal(metric, change, Some(level));
        let over = wrong(Metric::Csat, 0.3, 0.76).unwrap();
        assert!(
            over.zh.contains("76%") && over.zh.contains("106%"),
            "{}",
            over.zh
        );
        for (metric, change, level) in [
            (Metric::Csat, -0.1, 0.76),
            (Metric::Volume, 0.2, 50.0),
            (Metric::Aht, 0.1, 300.0),
            (Metric::RepeatShare, -0.2, 0.15),
            (Metric::MeanRating, 2.0, 4.0),
            (Metric::Volume, -1.0, 50.0),
        ] {
            let said =
                wrong(metric, change, level).unwrap_or_else(|| panic!("{metric:?} {change}"));
            assert!(
                said.zh.ends_with('。') && said.en.ends_with('.'),
                "{said:?}"
            );
        }
        for (metric, change, level) in [
            (Metric::Csat, 0.1, 0.76),
            (Metric::Volume, -0.2, 50.0),
            (Metric::RepeatShare, -0.1, 0.15),
            (Metric::MeanRating, 0.5, 4.0),
        ] {
            assert_eq!(wrong(metric, change, level), None);
        }
        assert!(
            impossible_goal(Metric::Csat, 0.3, None).is_none(),
            "nothing is known"
        );
    }

    #[test]
    fn no_plan_needs_fewer_answers_than_are_ever_judged() {
        let (topic, others) = (rows(300, 34.0), rows(2400, 272.0));
        let asked = Asked {
            metric: Some(Metric::Csat),
            expected_change: Some(0.21),
            ..asked()
        };
        let contract = propose(&with_control(&topic, &others), &asked);
        assert!(contract.planned.answers_needed.unwrap() >= i64::from(MIN_ANSWERS));
        // What is too small to be called a change is refused for that, not for a lack of data.
        let asked = Asked {
            expected_change: Some(0.02),
            ..asked
        };
        let refused = propose(&with_control(&topic, &others), &asked)
            .refused
            .unwrap();
        assert_eq!(refused.why, Decidable::ChangeTooSmall);
        assert!(
            refused.sentence.zh.contains("3 个百分点"),
            "{}",
            refused.sentence.zh
        );
    }

    #[test]
    fn few_ratings_but_many_contacts_are_judged_by_volume() {
        let (topic, others) = (rows(40, 1.0), rows(900, 40.0));
        let facts = with_control(&topic, &others);
        let contract = propose(&facts, &asked());
        assert_eq!(
            (contract.metric, contract.chosen),
            (Metric::Volume, Chosen::Plan)
        );
        assert_eq!(
            (contract.expected_change, contract.smallest_change),
            (-0.20, 0.10)
        );
        // Fewer contacts are hoped for, so that they take longer than at the present pace: it is said.
        let planned = contract.planned;
        let (need, days) = (planned.answers_needed.unwrap(), planned.days.unwrap());
        let hoped = planned.answers_per_day * (1.0 + contract.expected_change);
        assert_eq!(days, whole((need as f64 / hoped).ceil()).max(7));
        let (zh, en) = (&contract.sentence.zh, &contract.sentence.en);
        assert!(
            zh.contains(&format!(
                "按期望达到后的速度（目前每天 40 次，届时 32 次）约 {days} 天"
            )),
            "{zh}"
        );
        assert!(
            en.contains(&format!(
                "at the pace hoped for (32 a day instead of 40) {days} days"
            )),
            "{en}"
        );
        // The trap of self-service: fewer contacts must not mean unhappy or returning customers.
        let guards: Vec<Metric> = contract.guards.iter().map(|g| g.metric).collect();
        assert_eq!(guards, [Metric::Csat, Metric::RepeatShare]);
        // Who insists on CSAT is told what could be seen.
        let wish = Asked {
            metric: Some(Metric::Csat),
            ..asked()
        };
        let refused = propose(&facts, &wish).refused.unwrap();
        assert_eq!(
            (refused.metric, refused.why, refused.instead),
            (
                Metric::Csat,
                Decidable::BaselineTooSmall,
                Some(Metric::Volume)
            )
        );
        let visible = refused.smallest_visible.unwrap();
        assert!(visible > 0.10 && visible < 0.22, "{visible}");
        assert!(
            refused.sentence.zh.contains("看不出")
                && refused.sentence.zh.contains("可以改用联系量")
        );
        assert!(
            refused
                .sentence
                .en
                .contains("The number of contacts can be decided instead.")
        );
        // And what it says can be seen is accepted.
        let larger = Asked {
            expected_change: Some(visible),
            ..wish.clone()
        };
        let contract = propose(&facts, &larger);
        assert_eq!((contract.metric, contract.refused), (Metric::Csat, None));
        let smaller = Asked {
            expected_change: Some(visible - 0.01),
            ..wish
        };
        assert!(propose(&facts, &smaller).refused.is_some());
    }

    #[test]
    fn a_thin_topic_is_watched_in_the_one_above() {
        let (topic, above, others) = (rows(1, 0.1), rows(60, 12.0), rows(900, 90.0));
        let asked = Asked {
            parent: Some(Parent {
                topic: "p".to_owned(),
                name: Sentence::new("账单", "Billing"),
                rows: above,
            }),
            ..asked()
        };
        let contract = propose(&with_control(&topic, &others), &asked);
        assert_eq!(contract.watched_topic.as_deref(), Some("p"));
        assert_eq!(
            (contract.metric, contract.chosen),
            (Metric::Csat, Chosen::Plan)
        );
        assert_eq!(
            contract.candidates.len(),
            Metric::of_subject(SubjectKind::Topic).len() + ORDER_ABOVE.len()
        );
        let note = &contract.notes[0];
        assert_eq!(note.code, "parent_topic");
        assert!(note.sentence.zh.contains("账单") && note.sentence.en.contains("Billing"));
    }

    #[test]
    fn what_cannot_be_decided_is_not_pretended() {
        let topic = rows(2, 0.5);
        let contract = propose(&Facts::of_topic(&topic), &asked());
        assert_eq!(
            (contract.metric, contract.chosen),
            (Metric::Csat, Chosen::Rule)
        );
        let codes: Vec<&str> = contract.notes.iter().map(|n| n.code.as_str()).collect();
        assert_eq!(codes, ["not_decidable", "no_control"]);
        assert!(
            contract.sentence.zh.contains("看不出"),
            "{}",
            contract.sentence.zh
        );
        assert!(
            contract
                .candidates
                .iter()
                .all(|c| c.decidable != Decidable::Yes)
        );
        // Whoever gets the task reads that this will come to nothing, and what would help.
        let said = &contract.notes[0].sentence;
        assert!(
            said.zh.contains("证据不足") && said.zh.contains("才能判断"),
            "{}",
            said.zh
        );
        assert!(
            contract.sentence.zh.ends_with(&said.zh),
            "{}",
            contract.sentence.zh
        );
        assert!(
            contract.sentence.en.ends_with(&said.en),
            "{}",
            contract.sentence.en
        );
        let refused = propose(
            &Facts::of_topic(&topic),
            &Asked {
                metric: Some(Metric::Aht),
                ..asked()
            },
        )
        .refused
        .unwrap();
        assert_eq!((refused.why, refused.instead), (Decidable::NoAnswers, None));
        assert!(refused.sentence.en.contains("No other metric"));
        // A topic without any figures yet: nothing to refuse a person with.
        let empty = propose(
            &Facts::default(),
            &Asked {
                metric: Some(Metric::Csat),
                ..asked()
            },
        );
        assert_eq!((empty.metric, empty.chosen), (Metric::Csat, Chosen::Person));
        assert_eq!(empty.refused, None);
        assert!(empty.sentence.zh.contains("暂时无法预计"));
        assert_eq!(propose(&Facts::default(), &asked()).metric, Metric::Volume);
    }

    #[test]
    fn a_hasty_fix_leaves_no_days_to_compare_with() {
        let (topic, others) = (rows(300, 34.0), rows(2400, 272.0));
        let code = |days: Option<u32>| {
            let asked = Asked {
                days_to_fix: days,
                ..asked()
            };
            let contract = propose(&with_control(&topic, &others), &asked);
            contract.notes.first().map(|n| n.code.clone())
        };
        assert_eq!(code(Some(2)).as_deref(), Some("hasty_fix"));
        assert_eq!((code(Some(7)), code(None)), (None, None));
    }

    #[test]
    fn searches_and_times_are_planned_from_their_own_rows() {
        let mut topic = rows(60, 0.0);
        for (d, row) in topic.iter_mut().enumerate() {
            row.counters.handle_n = 60;
            // Mean 6, variance 0.5 on the logarithm.
            row.counters.handle_ln = 360 * MICRO as i64;
            row.counters.handle_ln_sq = 60 * (36.5 * MICRO) as i64 + (d % 2) as i64;
        }
        let searches: Vec<DayRow> = (0..168)
            .map(|d| DayRow {
                day: day(-168) + Days::new(d),
                channel: "app".to_owned(),
                counters: Counters {
                    voices: 50,
                    no_result: 10,
                    ..Counters::default()
                },
            })
            .collect();
        let asked = Asked {
            searches,
            metric: Some(Metric::NoResultShare),
            ..asked()
        };
        let contract = propose(&Facts::of_topic(&topic), &asked);
        let aht = candidate(&contract, Metric::Aht);
        assert_eq!(aht.decidable, Decidable::Yes);
        assert!((aht.level.unwrap() - 6.0_f64.exp()).abs() < 1e-6);
        assert_eq!((aht.expected_change, aht.smallest_change), (-0.10, 0.05));
        let no_result = candidate(&contract, Metric::NoResultShare);
        assert_eq!(
            (no_result.level, no_result.decidable),
            (Some(0.20), Decidable::Yes)
        );
        assert_eq!(no_result.expected_change, -0.10);
        assert_eq!(
            (contract.metric, contract.chosen),
            (Metric::NoResultShare, Chosen::Person)
        );
        assert_eq!(
            candidate(&contract, Metric::Csat).decidable,
            Decidable::NoAnswers
        );
    }

    #[test]
    fn more_answers_need_fewer_days() {
        let others = rows(9000, 2000.0);
        let mut last = f64::INFINITY;
        for rated in [4.0, 6.0, 9.0, 14.0, 20.0, 34.0, 60.0] {
            let topic = rows(400, rated);
            let contract = propose(&with_control(&topic, &others), &asked());
            let c = candidate(&contract, Metric::Csat);
            let exact = c
                .answers_needed
                .map_or(f64::INFINITY, |n| n as f64 / c.answers_per_day);
            assert!(exact <= last, "{rated} a day: {exact} days after {last}");
            assert!(c.power.windows(2).all(|p| p[1].power >= p[0].power - 0.01));
            last = exact;
        }
    }

    #[test]
    fn contracts_are_read_back_and_so_are_those_of_the_first_version() {
        let topic = rows(40, 1.0);
        let contract = propose(
            &Facts::of_topic(&topic),
            &Asked {
                metric: Some(Metric::Csat),
                ..asked()
            },
        );
        let mut json = serde_json::to_value(&contract).unwrap();
        assert_eq!(json["refused"]["metric"], "csat");
        assert_eq!(
            serde_json::from_value::<Contract>(json.clone()).unwrap(),
            contract
        );
        for field in [
            "candidates",
            "refused",
            "notes",
            "guards",
            "control",
            "watched_topic",
        ] {
            json.as_object_mut().unwrap().remove(field);
        }
        let old: Contract = serde_json::from_value(json).unwrap();
        assert_eq!((old.metric, old.candidates.len()), (contract.metric, 0));
    }

    fn about(kind: SubjectKind, key: &str) -> Asked {
        Asked {
            subject: Subject::new(kind, key),
            ..Asked::by_rule("", day(0), Some(day(-1)))
        }
    }

    /// The same counts every day of 168, of something that knows no channels.
    fn each_day(counters: Counters) -> Vec<DayRow> {
        (-168..0)
            .map(|d| DayRow {
                day: day(d),
                channel: String::new(),
                counters,
            })
            .collect()
    }

    #[test]
    fn what_is_no_topic_is_judged_by_its_own_figures() {
        let searches = each_day(Counters {
            voices: 50,
            no_result: 20,
            ..Counters::default()
        });
        let votes = each_day(Counters {
            voices: 90,
            helpful: 20,
            unhelpful: 20,
            ..Counters::default()
        });
        for (kind, key, rows, metric) in [
            (
                SubjectKind::SearchTerm,
                "怎么 销户",
                &searches,
                Metric::NoResultShare,
            ),
            (SubjectKind::Article, "KB-2", &votes, Metric::HelpfulShare),
        ] {
            let contract = propose(&Facts::of_topic(rows), &about(kind, key));
            assert_eq!(
                (contract.metric, contract.chosen, contract.measurable),
                (metric, Chosen::Plan, true)
            );
            assert_eq!(contract.subject, Subject::new(kind, key));
            let planned: Vec<Metric> = contract.candidates.iter().map(|c| c.metric).collect();
            assert_eq!(planned, [metric], "{kind:?} has no other figure");
            // What is not counted of it is refused by name, with what can be had instead.
            let wish = Asked {
                metric: Some(Metric::Volume),
                ..about(kind, key)
            };
            let refused = propose(&Facts::of_topic(rows), &wish).refused.unwrap();
            assert_eq!(
                (refused.why, refused.instead),
                (Decidable::NotOfSubject, Some(metric))
            );
            let name = metric.names().zh;
            assert!(
                refused.sentence.zh.contains(&name),
                "{}",
                refused.sentence.zh
            );
        }
    }

    #[test]
    fn an_agent_is_judged_by_what_rang() {
        let (own, others) = (rows(40, 20.0), rows(400, 200.0));
        let mut timed = own.clone();
        for row in &mut timed {
            row.counters.handle_n = 40;
            row.counters.handle_ln = 40 * (6.0 * MICRO) as i64;
            row.counters.handle_ln_sq = 40 * (36.2 * MICRO) as i64;
        }
        let facts = with_control(&timed, &others);
        let goal = |rang: Option<Metric>| {
            let asked = Asked {
                rang,
                ..about(SubjectKind::Agent, "AG2")
            };
            propose(&facts, &asked).metric
        };
        assert_eq!(goal(Some(Metric::Aht)), Metric::Aht);
        assert_eq!(goal(Some(Metric::Csat)), Metric::Csat);
        let contract = propose(&facts, &about(SubjectKind::Agent, "AG2"));
        assert!(
            contract
                .candidates
                .iter()
                .all(|c| c.metric != Metric::Volume),
            "who is put through to whom is no agent's doing"
        );
        assert_eq!(contract.control, ControlRule::OtherTopics, "other agents");
        let channel = propose(&facts, &about(SubjectKind::Channel, "hotline"));
        assert_eq!(channel.control, ControlRule::None);
        let note = channel
            .notes
            .iter()
            .find(|n| n.code == "no_control")
            .unwrap();
        assert!(note.sentence.zh.contains("渠道"), "{}", note.sentence.zh);
    }

    #[test]
    fn a_silent_channel_has_no_metric_and_says_so() {
        let asked = Asked {
            unmeasured: true,
            ..about(SubjectKind::Channel, "app")
        };
        let contract = propose(&Facts::default(), &asked);
        assert!(!contract.measurable && contract.awaits_data());
        assert_eq!(contract.candidates, []);
        assert_eq!(contract.refused, None);
        assert_eq!(contract.notes[0].code, "not_measurable");
        assert!(contract.sentence.zh.contains("数据是否重新到达"));
        let named = Asked {
            metric: Some(Metric::Aht),
            ..asked
        };
        let refused = propose(&Facts::default(), &named).refused.unwrap();
        assert_eq!(refused.why, Decidable::NotOfSubject);
    }

    #[test]
    fn the_metric_of_the_topic_above_can_be_asked_for() {
        let (topic, above, others) = (rows(3, 0.9), rows(60, 12.0), rows(900, 90.0));
        let of_csat = Asked {
            metric: Some(Metric::Csat),
            parent: Some(Parent {
                topic: "p".to_owned(),
                name: Sentence::new("账单", "Billing"),
                rows: above,
            }),
            ..asked()
        };
        let facts = with_control(&topic, &others);
        let refused = propose(&facts, &of_csat).refused.unwrap();
        assert_eq!(
            (refused.instead, refused.instead_watched_topic.as_deref()),
            (Some(Metric::Csat), Some("p"))
        );
        assert!(refused.sentence.zh.contains("满意度（看上一级主题）"));
        // Following the proposal leads out of the circle.
        let followed = Asked {
            watch_above: true,
            ..of_csat.clone()
        };
        let contract = propose(&facts, &followed);
        assert_eq!(contract.refused, None);
        assert_eq!(
            (
                contract.metric,
                contract.watched_topic.as_deref(),
                contract.chosen
            ),
            (Metric::Csat, Some("p"), Chosen::Person)
        );
        // What cannot be decided there either is refused there.
        let too_small = Asked {
            expected_change: Some(0.035),
            ..followed
        };
        let refused = propose(&facts, &too_small).refused.unwrap();
        assert_eq!(
            (refused.metric, refused.why),
            (Metric::Csat, Decidable::BaselineTooSmall)
        );
    }
}
