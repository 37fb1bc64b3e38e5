//! The contract that is proposed when a task is assigned: which metric, how long, how sure.

use super::baseline::{Series, Window, minus, noise_factor};
use super::{Chosen, Contract, ControlRule, DayRow, Metric, Planned, Sentence};
use crate::statistics::distributions::normal_quantile;
use chrono::NaiveDate;

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
/// Days that usually pass between alarm and fix, for planning only.
const DAYS_TO_FIX: f64 = 14.0;
/// Price of looking every day, as a factor on the information needed.
const PRICE_OF_LOOKS: f64 = 1.13;

/// What is known when a contract is proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Topic.
    pub topic: String,
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
    /// A person's expectation, in the metric's unit; `None` = ten points or a fifth.
    pub expected_change: Option<f64>,
}

impl Asked {
    /// A contract on `topic`, everything by the rule.
    #[must_use]
    pub fn by_rule(
        topic: impl Into<String>,
        today: NaiveDate,
        alarm_day: Option<NaiveDate>,
    ) -> Self {
        Self {
            topic: topic.into(),
            channels: Vec::new(),
            alarm_day,
            change_day: None,
            guard_days: GUARD_DAYS,
            today,
            metric: None,
            expected_change: None,
        }
    }
}

/// Proposes the contract of a task from the topic's daily counts so far.
///
/// CSAT where the baseline holds at least 30 ratings, else contact volume. As the days between
/// alarm and fix are still to come, "holds" means: the quiet days hold them, or the last 56 days do.
#[must_use]
pub fn propose(rows: &[DayRow], asked: &Asked) -> Contract {
    let series = Series::new(rows, &asked.channels);
    let guard = asked
        .alarm_day
        .map(|alarm| minus(alarm, u64::from(asked.guard_days).saturating_sub(1)));
    let guard = match (guard, asked.change_day) {
        (Some(guard), Some(change)) => Some(guard.min(change)),
        (guard, _) => guard,
    };
    let quiet = Window::ending(
        minus(guard.unwrap_or(asked.today), 1),
        u64::from(BASELINE_DAYS),
    );
    let recent = Window::ending(minus(asked.today, 1), u64::from(BASELINE_DAYS));
    let month = Window::ending(minus(asked.today, 1), 28);
    let (held, lately, pace) = (
        series.totals(&[quiet]),
        series.totals(&[recent]),
        series.totals(&[month]),
    );
    let enough = f64::from(MIN_ANSWERS);
    let metric = asked
        .metric
        .unwrap_or(if held.rated >= enough || lately.rated >= enough {
            Metric::Csat
        } else {
            Metric::Volume
        });
    let (noise, _) = noise_factor(&series, metric, quiet, None);
    let level = if held.answers(metric) >= enough {
        held
    } else {
        lately
    };
    let per_day = if pace.days > 0.0 {
        pace.answers(metric) / pace.days
    } else {
        0.0
    };
    let baseline = held.answers(metric) + per_day * DAYS_TO_FIX;
    let csat = if level.rated > 0.0 {
        level.satisfied / level.rated
    } else {
        0.8
    };
    let (expected, smallest) = match metric {
        Metric::Csat
        | Metric::MeanRating
        | Metric::Fcr
        | Metric::RepeatShare
        | Metric::NoResultShare
        | Metric::NegativeShare
        | Metric::Containment
        | Metric::Aht => {
            let expected = asked
                .expected_change
                .unwrap_or_else(|| (0.98 - csat).clamp(0.02, 0.10));
            (expected, expected.abs().min(0.05))
        }
        Metric::Volume => {
            let expected = asked.expected_change.unwrap_or(-0.20);
            (expected, expected.abs().min(0.10))
        }
    };
    let need = |change: f64| match metric {
        Metric::Csat
        | Metric::MeanRating
        | Metric::Fcr
        | Metric::RepeatShare
        | Metric::NoResultShare
        | Metric::NegativeShare
        | Metric::Containment
        | Metric::Aht => answers_needed(csat, change, baseline, noise, None),
        Metric::Volume => contacts_needed(change, baseline, noise),
    };
    // After a fix that works fewer contacts come: what is needed takes longer.
    let after_pace = per_day
        * if metric == Metric::Volume {
            1.0 + expected.min(0.0)
        } else {
            1.0
        };
    let days = |change: f64| {
        need(change)
            .filter(|_| after_pace > 0.0)
            .map(|n| (n / after_pace).ceil().max(f64::from(MIN_DAYS)))
    };
    let planned = Planned {
        answers_needed: need(expected).map(whole),
        answers_per_day: per_day,
        days: days(expected).map(whole),
    };
    let horizon = planned
        .days
        .and_then(|d| HORIZONS.into_iter().find(|h| d <= i64::from(*h)));
    let longest = f64::from(HORIZONS[HORIZONS.len() - 1]);
    let visible = match horizon {
        Some(_) => None,
        None => smallest_visible(expected, |change| {
            days(change).is_some_and(|d| d <= longest)
        }),
    };
    let sentence = plan_sentence(metric, expected, &planned, horizon, visible);
    Contract {
        metric,
        chosen: if asked.metric.is_some() {
            Chosen::Person
        } else {
            Chosen::Rule
        },
        expected_change: expected,
        smallest_change: smallest,
        baseline_days: BASELINE_DAYS,
        horizon_days: horizon.unwrap_or(HORIZONS[0]),
        min_answers: MIN_ANSWERS,
        min_days: MIN_DAYS,
        topic: asked.topic.clone(),
        channels: asked.channels.clone(),
        alarm_day: asked.alarm_day,
        change_day: asked.change_day,
        guard_days: asked.guard_days,
        guards: Vec::new(),
        control: ControlRule::OtherTopics,
        watched_topic: None,
        planned,
        sentence,
    }
}

/// Ratings needed after the fix for a chance of 80 % to see a change of CSAT from `before` by
/// `change`, given `baseline` ratings before and the noise factor; `control` = ratings of the topics
/// it is compared with, as a multiple of its own. `None` = this baseline can never show it.
#[must_use]
pub fn answers_needed(
    before: f64,
    change: f64,
    baseline: f64,
    noise: f64,
    control: Option<f64>,
) -> Option<f64> {
    let after = (before + change).clamp(0.01, 0.99);
    let middle = f64::midpoint(before, after);
    let variance = middle * (1.0 - middle);
    // A control adds its own noise, on the scale where a common shock moves both alike.
    let extra = control.map_or(0.0, |ratio| before * (1.0 - before) / ratio);
    let allowed = change * change / (PRICE_OF_LOOKS * spread());
    let spent = (noise * variance + extra) / baseline;
    (baseline > 0.0 && allowed > spent).then(|| (noise * variance + extra) / (allowed - spent))
}

/// Contacts needed after the fix to see a relative change of volume.
#[must_use]
pub fn contacts_needed(change: f64, baseline: f64, noise: f64) -> Option<f64> {
    if change <= -1.0 || change == 0.0 {
        return None;
    }
    let allowed = (1.0 + change).ln().powi(2) / (PRICE_OF_LOOKS * spread());
    let spent = noise / baseline;
    (baseline > 0.0 && allowed > spent).then(|| noise / (allowed - spent))
}

/// (z₀.₉₇₅ + z₀.₈₀)².
fn spread() -> f64 {
    (normal_quantile(0.975) + normal_quantile(0.80)).powi(2)
}

/// The smallest change above `expected` that can be seen, to a point; `None` when even the largest cannot.
fn smallest_visible(expected: f64, visible: impl Fn(f64) -> bool) -> Option<f64> {
    (1..60)
        .map(|k| expected.signum() * f64::from(k) / 100.0)
        .find(|change| change.abs() > expected.abs() && visible(*change))
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by 1e12")]
fn whole(value: f64) -> i64 {
    value.ceil().clamp(0.0, 1e12) as i64
}

fn plan_sentence(
    metric: Metric,
    expected: f64,
    planned: &Planned,
    horizon: Option<u32>,
    visible: Option<f64>,
) -> Sentence {
    let size = (expected.abs() * 100.0).round();
    let (what_zh, what_en, change_zh, change_en) = match metric {
        Metric::Csat
        | Metric::MeanRating
        | Metric::Fcr
        | Metric::RepeatShare
        | Metric::NoResultShare
        | Metric::NegativeShare
        | Metric::Containment
        | Metric::Aht => (
            "条评分",
            "rated contacts",
            format!("{size} 个百分点的变化"),
            format!("a change of {size} points"),
        ),
        Metric::Volume => (
            "次联系",
            "contacts",
            format!("{size}% 的变化"),
            format!("a change of {size}%"),
        ),
    };
    if let (Some(_), Some(need), Some(days)) = (horizon, planned.answers_needed, planned.days) {
        return Sentence {
            zh: format!(
                "要看出{change_zh}，修复后大约需要 {need} {what_zh}，按目前的速度约 {days} 天。"
            ),
            en: format!(
                "To see {change_en}, about {need} {what_en} are needed after the fix, at the present pace {days} days."
            ),
        };
    }
    if planned.answers_per_day <= 0.0 {
        return Sentence {
            zh: format!(
                "到昨天为止还没有{}，暂时无法预计需要多久。",
                if metric == Metric::Csat {
                    "评分"
                } else {
                    "来访记录"
                }
            ),
            en: format!(
                "Up to yesterday there were no {what_en}, so it cannot be said how long it will take."
            ),
        };
    }
    let longest = HORIZONS[HORIZONS.len() - 1];
    let (zh, en) = match visible {
        Some(v) => {
            let v = (v.abs() * 100.0).round();
            let (unit_zh, unit_en) = if metric == Metric::Csat {
                (" 个百分点", " points")
            } else {
                ("%", "%")
            };
            (
                format!("最小能看出的变化约为 {v}{unit_zh}。"),
                format!("the smallest change that can be seen is about {v}{unit_en}."),
            )
        }
        None => (
            "这个主题的数据太少。".to_owned(),
            "this topic has too little data.".to_owned(),
        ),
    };
    Sentence {
        zh: format!("按目前的速度，{longest} 天内看不出{change_zh}；{zh}"),
        en: format!("At the present pace {change_en} cannot be seen within {longest} days; {en}"),
    }
}
