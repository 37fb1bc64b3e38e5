//! C9 for every goal that is a share, a mean or a time: what a verdict found reached is watched from the
//! day after on, and is lost when it falls back to where it was before the fix, or near it.
//!
//! The running sum of A1 between two levels: the one after the fix, and three quarters of the way back.
//! It is stratified like a verdict, by channel and day type, so that another mix of channels is no
//! relapse; what the days before the verdict did not tell of a stratum is taken from all of them. A
//! crossing counts only where the days of the change are at least half of the way back: what is lost a
//! little is no relapse.

use super::{Detector, Kind, Signal, Subject};
use crate::statistics::cusum::{ShareShift, step, threshold};
use crate::verification::{Answers, DayRow, Metric, MetricKind};
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// False alarms a year that the line is drawn for. The real rate is smaller: see `docs/detection.md`.
const PER_YEAR: f64 = 0.25;
/// How much of the way back the sum looks for.
const LOOKED_FOR: f64 = 0.75;
/// How much of it the days of the change must have gone.
const GONE: f64 = 0.5;
/// Answers of all strata together that count for a stratum beside its own.
const PRIOR_ANSWERS: f64 = 40.0;
/// Answers below which the days of a change tell no level.
const FEWEST: f64 = 10.0;
/// The most of the way back that doubt about the level after the fix is granted.
const DOUBT: f64 = 0.25;

/// The goal of a verdict, in a signal that says that it is lost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = SignalGoal))]
pub struct Goal {
    /// What was measured.
    pub metric: Metric,
    /// Its level before the fix, as `level` and `baseline` are: a share, stars, seconds.
    pub before: f64,
}

/// What a verdict found, to be held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// The goal.
    pub metric: Metric,
    /// Its level before the fix and after it, by one ruler: a share, stars, seconds.
    pub before: f64,
    /// After.
    pub after: f64,
    /// The smallest change worth while, without sign: where nothing had been worse before the fix, so
    /// much worse is a relapse.
    pub smallest_change: f64,
    /// Noise factor φ of the verdict.
    pub noise: f64,
    /// The days that the verdict was decided by.
    pub from: NaiveDate,
    /// The last of them.
    pub to: NaiveDate,
}

/// How a day is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayType {
    /// Like most.
    Working,
    /// Weekends and holidays.
    Off,
    /// Planned events: neither learnt from nor judged.
    LeftOut,
}

/// Answers of one stratum.
#[derive(Clone, Copy, Default)]
struct Stratum {
    n: f64,
    sum: f64,
}

/// The level that a stratum is expected at, and the step of the sum from there.
#[derive(Clone, Copy)]
enum Shift {
    Share {
        base: f64,
        shift: ShareShift,
    },
    Mean {
        base: f64,
        from: f64,
        by: f64,
        variance: f64,
    },
}

impl Shift {
    fn base(&self) -> f64 {
        match self {
            Self::Share { base, .. } | Self::Mean { base, .. } => *base,
        }
    }

    fn increment(&self, n: f64, sum: f64) -> f64 {
        match self {
            Self::Share { shift, .. } => shift.increment(n, sum),
            Self::Mean {
                from, by, variance, ..
            } => by / variance * (sum - n * (from + by / 2.0)),
        }
    }

    /// Mean and variance of a day's increment, already divided by the noise, as long as nothing moves.
    fn day(&self, pace: f64, noise: f64) -> (f64, f64) {
        match self {
            Self::Share { shift, .. } => shift.day(pace, noise),
            Self::Mean { by, variance, .. } => {
                let one = by * by / variance;
                let mean = -pace * one / 2.0 / noise;
                (mean, pace / noise * (one + one * one / 4.0 / noise))
            }
        }
    }
}

/// Shares and means as they are, times by their logarithm.
fn scale(metric: Metric, level: f64) -> f64 {
    match metric.kind() {
        MetricKind::LogMean => level.max(1e-9).ln(),
        _ => level,
    }
}

fn level(metric: Metric, scaled: f64) -> f64 {
    match metric.kind() {
        MetricKind::LogMean => scaled.exp(),
        _ => scaled,
    }
}

fn odds(p: f64) -> f64 {
    let p = p.clamp(0.005, 0.995);
    p / (1.0 - p)
}

/// What `day` says of the goal of a verdict: a signal where, with the days since the verdict added up, it
/// is lost. Days that were history when their data came keep nothing silent: a goal that is lost stays so.
#[must_use]
pub fn goal_lost(
    detector: &Detector,
    subject: &Subject,
    reached: &Reached,
    rows: &[DayRow],
    day_type: impl Fn(NaiveDate) -> DayType,
    day: NaiveDate,
) -> Option<Signal> {
    let judged =
        metric_is_watched(reached.metric) && day > reached.to && day_type(day) != DayType::LeftOut;
    if !judged {
        return None;
    }
    let strata = by_stratum(reached.metric, rows, &day_type);
    let watch = Watch::of(reached, &strata)?;
    let mut s = 0.0;
    let mut since = Since::of(day);
    let mut next = reached.to + TimeDelta::days(1);
    while next <= day {
        if s <= 0.0 {
            since = Since::of(next);
        }
        let mut increment = 0.0;
        for ((_, channel, off), answers) in strata.range((next, "", false)..=(next, LAST, true)) {
            let shift = watch.shift(channel, *off);
            increment += shift.increment(answers.n, answers.sum);
            since.n += answers.n;
            since.sum += answers.sum;
            since.expected += answers.n * shift.base();
        }
        s = step(s, increment / watch.noise);
        next += TimeDelta::days(1);
    }
    let lost = s >= watch.line && since.n >= FEWEST && {
        let off = (since.sum - since.expected) / since.n;
        off * watch.way.signum() >= GONE * watch.way.abs()
    };
    lost.then(|| watch.signal(detector, subject, (s, day), &since))
}

/// Whether this rule watches it: contacts have their own ([`super::relapse`]).
#[must_use]
pub fn metric_is_watched(metric: Metric) -> bool {
    metric.kind() != MetricKind::Rate
}

/// Behind every channel's name.
const LAST: &str = "\u{10ffff}";

/// Answers since the sum was last at 0.
#[derive(Clone, Copy)]
struct Since {
    first: NaiveDate,
    n: f64,
    sum: f64,
    expected: f64,
}

impl Since {
    const fn of(first: NaiveDate) -> Self {
        Self {
            first,
            n: 0.0,
            sum: 0.0,
            expected: 0.0,
        }
    }
}

type ByStratum<'a> = BTreeMap<(NaiveDate, &'a str, bool), Answers>;

/// Answers by day, channel and day type.
fn by_stratum<'a>(
    metric: Metric,
    rows: &'a [DayRow],
    day_type: &impl Fn(NaiveDate) -> DayType,
) -> ByStratum<'a> {
    let mut all = ByStratum::new();
    for row in rows {
        let off = match day_type(row.day) {
            DayType::Working => false,
            DayType::Off => true,
            DayType::LeftOut => continue,
        };
        let more = metric.answers(&row.counters);
        if more.n <= 0.0 {
            continue;
        }
        let sum = all.entry((row.day, row.channel.as_str(), off)).or_default();
        sum.n += more.n;
        sum.sum += more.sum;
        sum.squares += more.squares;
    }
    all
}

/// What days are held against.
struct Watch<'a> {
    reached: &'a Reached,
    /// From the level after the fix to the one before it, on the scale of the sum.
    way: f64,
    strata: BTreeMap<(&'a str, bool), Shift>,
    /// Of strata that the verdict's days did not show.
    unknown: Shift,
    noise: f64,
    line: f64,
}

impl<'a> Watch<'a> {
    fn of(reached: &'a Reached, strata: &ByStratum<'a>) -> Option<Self> {
        let metric = reached.metric;
        let mut totals: BTreeMap<(&str, bool), Stratum> = BTreeMap::new();
        let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
        let judged = (reached.from, "", false)..=(reached.to, LAST, true);
        for (key, answers) in strata.range(judged) {
            let total = totals.entry((key.1, key.2)).or_default();
            total.n += answers.n;
            total.sum += answers.sum;
            n += answers.n;
            sum += answers.sum;
            squares += answers.squares;
        }
        if n < FEWEST {
            return None;
        }
        let noise = reached.noise.max(1.0);
        let mean = sum / n;
        let one = match metric.kind() {
            MetricKind::Share => mean.clamp(0.005, 0.995) * (1.0 - mean.clamp(0.005, 0.995)),
            _ => (squares / n - mean * mean).max(1e-6),
        };
        let worse = if metric.higher_is_better() { -1.0 } else { 1.0 };
        let smallest = match metric.kind() {
            MetricKind::LogMean => reached.smallest_change.abs().ln_1p(),
            _ => reached.smallest_change.abs(),
        }
        .max(1e-6);
        // What had not been worse before the fix has no way back to go: so much worse is a relapse.
        let way = scale(metric, reached.before) - scale(metric, reached.after);
        let way = worse * (worse * way).max(smallest);
        // A verdict is found where luck helped it: the level is believed a standard error less.
        let doubt = (noise * one / n).sqrt().min(DOUBT * way.abs());
        let (from, to) = (way.signum() * doubt, LOOKED_FOR * way);
        let shift = |base: f64| match metric.kind() {
            MetricKind::Share => {
                let around = |by: f64| {
                    let odds = odds(base) * odds(mean + by) / odds(mean);
                    (odds / (1.0 + odds)).clamp(0.005, 0.995)
                };
                Shift::Share {
                    base,
                    shift: ShareShift::between(around(from), around(to)),
                }
            }
            _ => Shift::Mean {
                base,
                from: base + from,
                by: to - from,
                variance: one,
            },
        };
        let strata: BTreeMap<(&str, bool), Shift> = totals
            .iter()
            .map(|(key, of)| {
                let base = (of.sum + PRIOR_ANSWERS * mean) / (of.n + PRIOR_ANSWERS);
                (*key, shift(base))
            })
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a window of some weeks")]
        let days = ((reached.to - reached.from).num_days() + 1).max(1) as f64;
        let (mut drift, mut variance) = (0.0, 0.0);
        for (key, of) in &totals {
            let (m, v) = strata[key].day(of.n / days, noise);
            drift += m;
            variance += v;
        }
        Some(Self {
            reached,
            way,
            unknown: shift(mean),
            strata,
            noise,
            line: threshold(drift, variance, 365.0 / PER_YEAR),
        })
    }

    fn shift(&self, channel: &str, off: bool) -> Shift {
        self.strata
            .get(&(channel, off))
            .copied()
            .unwrap_or(self.unknown)
    }

    fn signal(
        &self,
        detector: &Detector,
        subject: &Subject,
        (s, day): (f64, NaiveDate),
        since: &Since,
    ) -> Signal {
        let metric = self.reached.metric;
        // Of shares the answers that speak against the goal, as of satisfaction; else all of them.
        let (seen, expected) = match metric.kind() {
            MetricKind::Share if metric.higher_is_better() => {
                (since.n - since.sum, since.n - since.expected)
            }
            MetricKind::Share => (since.sum, since.expected),
            _ => (since.n, since.n),
        };
        #[expect(clippy::cast_possible_truncation, reason = "counts of answers")]
        let whole = |x: f64| x.round() as i64;
        Signal {
            kind: Kind::GoalLost,
            limit: whole(expected),
            level: Some(level(metric, since.sum / since.n)),
            baseline: Some(level(metric, since.expected / since.n)),
            sample: Some(whole(since.n)),
            statistic: Some(s),
            threshold: Some(self.line),
            change_day: Some(since.first),
            goal: Some(Goal {
                metric,
                before: self.reached.before,
            }),
            ..Signal::counted(detector, subject.clone(), day, whole(seen), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::Params;
    use crate::facts::Counters;
    use chrono::{Datelike, Weekday};

    fn day(n: i64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, 2).expect("a Monday") + TimeDelta::days(n)
    }

    fn kind(day: NaiveDate) -> DayType {
        match day.weekday() {
            Weekday::Sat | Weekday::Sun => DayType::Off,
            _ => DayType::Working,
        }
    }

    /// A day with `n` answers of a metric at a level: a share, stars, seconds.
    fn row(metric: Metric, on: i64, channel: &str, n: i64, level: f64) -> DayRow {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "small counts"
        )]
        let yes = (n as f64 * level).round() as i64;
        let mut c = Counters {
            voices: n,
            contacts: n,
            ..Counters::default()
        };
        match metric {
            Metric::Csat => (c.rated, c.satisfied) = (n, yes),
            Metric::Fcr => (c.fcr_known, c.fcr) = (n, yes),
            Metric::RepeatShare => c.repeats = yes,
            Metric::NoResultShare => c.no_result = yes,
            Metric::NegativeShare => (c.sentiment_n, c.negative) = (n, yes),
            Metric::Containment => c.bot = yes,
            Metric::HelpfulShare => (c.helpful, c.unhelpful) = (yes, n - yes),
            Metric::MeanRating => {
                // As many fives as the level wants, the rest ones.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_precision_loss,
                    reason = "small counts"
                )]
                let fives = (n as f64 * (level - 1.0) / 4.0).round() as i64;
                (c.rated, c.r5, c.r1) = (n, fives, n - fives);
            }
            Metric::Aht => {
                // Half of them half as long again, half of them shorter by as much.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_precision_loss,
                    reason = "small counts"
                )]
                let micro = |x: f64| (x * 1e6 * n as f64) as i64;
                let spread = 1.5_f64.ln();
                c.handle_n = n;
                c.handle_ln = micro(level.ln());
                c.handle_ln_sq = micro(level.ln().powi(2) + spread * spread);
            }
            Metric::Volume => {}
        }
        DayRow {
            day: on_day(on),
            channel: channel.to_owned(),
            counters: c,
        }
    }

    fn on_day(n: i64) -> NaiveDate {
        day(n)
    }

    fn reached(metric: Metric, before: f64, after: f64) -> Reached {
        Reached {
            metric,
            before,
            after,
            smallest_change: metric.smallest_change(),
            noise: 1.2,
            from: day(0),
            to: day(27),
        }
    }

    fn asked(reached: &Reached, rows: &[DayRow], until: i64) -> Option<Signal> {
        let rule = Detector::new("relapse", Params::Spike(Default::default()));
        goal_lost(&rule, &Subject::topic("t"), reached, rows, kind, day(until))
    }

    /// The first day on which it rings.
    fn first(reached: &Reached, rows: &[DayRow], until: i64) -> Option<Signal> {
        (28..=until).find_map(|d| asked(reached, rows, d))
    }

    const GOALS: [(Metric, f64, f64); 9] = [
        (Metric::Csat, 0.60, 0.80),
        (Metric::MeanRating, 3.2, 4.0),
        (Metric::Fcr, 0.50, 0.75),
        (Metric::RepeatShare, 0.30, 0.10),
        (Metric::NoResultShare, 0.40, 0.15),
        (Metric::NegativeShare, 0.50, 0.25),
        (Metric::Containment, 0.20, 0.45),
        (Metric::HelpfulShare, 0.45, 0.75),
        (Metric::Aht, 294.0, 221.0),
    ];

    #[test]
    fn every_goal_is_lost_when_it_is_back_where_it_was() {
        for (metric, before, after) in GOALS {
            let goal = reached(metric, before, after);
            let mut rows: Vec<DayRow> = (0..60)
                .map(|d| row(metric, d, "phone", 40, after))
                .collect();
            assert_eq!(first(&goal, &rows, 59), None, "{metric:?} holds");
            for d in 40..60 {
                rows[usize::try_from(d).expect("a day")] = row(metric, d, "phone", 40, before);
            }
            let signal = first(&goal, &rows, 59).unwrap_or_else(|| panic!("{metric:?} is back"));
            assert!(
                signal.window >= day(40) && signal.window <= day(42),
                "{metric:?} {}",
                signal.window
            );
            let scale = |x: Option<f64>| x.expect("a level");
            assert!(
                (scale(signal.level) - before).abs() < 0.06 * before,
                "{metric:?} {signal:?}"
            );
            assert!(
                (scale(signal.baseline) - after).abs() < 0.03 * after,
                "{metric:?} {signal:?}"
            );
            assert_eq!(signal.goal, Some(Goal { metric, before }), "{metric:?}");
            let why = signal.explanation();
            assert!(why.zh.contains(&metric.names().zh), "{why:?}");
            assert!(why.zh.contains("修复前"), "{why:?}");
            assert!(why.en.contains("before the fix"), "{why:?}");
            // It goes on: whoever was not told yet is told on any later day.
            assert!(asked(&goal, &rows, 55).is_some(), "{metric:?}");
        }
    }

    #[test]
    fn what_is_lost_a_little_or_gets_better_is_no_relapse() {
        for (metric, before, after) in GOALS {
            let goal = reached(metric, before, after);
            for part in [-0.8, -0.3, 0.2, 0.35] {
                let level = after + part * (before - after);
                let mut rows: Vec<DayRow> = (0..28)
                    .map(|d| row(metric, d, "phone", 40, after))
                    .collect();
                rows.extend((28..120).map(|d| row(metric, d, "phone", 40, level)));
                assert_eq!(first(&goal, &rows, 119), None, "{metric:?} {part}");
            }
        }
    }

    #[test]
    fn another_mix_of_channels_is_no_relapse() {
        // The bot answers short, people long; after the verdict nearly all calls come to people.
        let goal = reached(Metric::Aht, 300.0, 200.0);
        let mut rows = Vec::new();
        for d in 0..90 {
            let (bot, people) = if d < 28 { (60, 20) } else { (5, 75) };
            rows.push(row(Metric::Aht, d, "bot", bot, 160.0));
            rows.push(row(Metric::Aht, d, "people", people, 390.0));
        }
        assert_eq!(first(&goal, &rows, 89), None);
        // Weekends are not what working days are.
        let goal = reached(Metric::Fcr, 0.5, 0.7);
        let mut rows = Vec::new();
        for d in 0..90 {
            let level = if kind(day(d)) == DayType::Off {
                0.5
            } else {
                0.78
            };
            rows.push(row(Metric::Fcr, d, "phone", 40, level));
        }
        assert_eq!(first(&goal, &rows, 89), None);
    }

    #[test]
    fn what_had_not_been_worse_before_is_lost_when_it_is_worse_by_what_matters() {
        // A recovery that is compared with good days: the level before was no worse.
        let goal = reached(Metric::Fcr, 0.75, 0.74);
        let mut rows: Vec<DayRow> = (0..60)
            .map(|d| row(Metric::Fcr, d, "phone", 100, 0.74))
            .collect();
        assert_eq!(first(&goal, &rows, 59), None);
        for d in 40..60 {
            rows[usize::try_from(d).expect("a day")] = row(Metric::Fcr, d, "phone", 100, 0.5);
        }
        assert!(first(&goal, &rows, 59).is_some());
    }

    #[test]
    fn a_planned_event_few_answers_and_contacts_say_nothing() {
        let goal = reached(Metric::Fcr, 0.5, 0.75);
        let mut rows: Vec<DayRow> = (0..28)
            .map(|d| row(Metric::Fcr, d, "phone", 40, 0.75))
            .collect();
        rows.extend((28..31).map(|d| row(Metric::Fcr, d, "phone", 40, 0.2)));
        let rule = Detector::new("relapse", Params::Spike(Default::default()));
        let events = |on: NaiveDate| {
            if on >= day(28) {
                DayType::LeftOut
            } else {
                DayType::Working
            }
        };
        let ask = |d| goal_lost(&rule, &Subject::topic("t"), &goal, &rows, events, day(d));
        assert_eq!((28..31).find_map(ask), None);
        assert!(first(&goal, &rows, 30).is_some());
        let few = [
            rows[..28].to_vec(),
            vec![row(Metric::Fcr, 28, "phone", 6, 0.0)],
        ]
        .concat();
        assert_eq!(first(&goal, &few, 28), None);
        assert_eq!(first(&goal, &rows[..1], 40), None, "nothing was judged");
        let contacts = reached(Metric::Volume, 30.0, 20.0);
        assert_eq!(first(&contacts, &rows, 30), None);
    }
}
