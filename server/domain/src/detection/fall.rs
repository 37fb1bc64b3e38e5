//! A1: satisfaction falls. A Bernoulli CUSUM against the topic's own level.

use super::params::CsatFallParams;
use super::present::silence;
use super::series::{Context, FIRST_DAYS, FULL_DAYS, Series, Watched, baseline};
use super::{Detector, Params, Signal};
use crate::organisation::Bilingual;
use crate::statistics::cusum::{ShareShift, least_threshold, step, threshold};
use chrono::NaiveDate;

/// A level that a verdict has found: the running sum starts anew on the day after it (C9).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct After {
    /// The first day that is watched.
    pub from: usize,
    /// The level after the fix: share of satisfied, or contacts on an average day.
    pub level: f64,
    /// Rated contacts a day after the fix; not used for contacts.
    pub pace: f64,
}

/// Baseline of one lane.
#[derive(Clone, Copy, Default)]
struct Sums {
    rated: [f64; 2],
    satisfied: f64,
}

/// What h is computed from, for the last 7 days.
#[derive(Clone, Copy)]
struct Course {
    mean: f64,
    variance: f64,
    /// h, and a value that it is never below; NaN until they are needed.
    line: f64,
    least: f64,
}

impl Course {
    const NONE: Self = Self {
        mean: 0.0,
        variance: 0.0,
        line: f64::NAN,
        least: f64::NAN,
    };
}

/// What a day is held against, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct FallDay {
    /// The day.
    pub day: NaiveDate,
    /// The usual share of satisfied.
    pub usual: f64,
    /// The share at which this day would have rung, with what the days before it had added up; `None`
    /// where no share of its own could have, or nothing rings.
    pub rings_at: Option<f64>,
    /// Why there is none.
    pub note: Option<Bilingual>,
}

/// The usual level of the days from `from` to `to`, and what each would have rung at.
#[must_use]
pub fn fall_days(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    from: NaiveDate,
    to: NaiveDate,
) -> Vec<FallDay> {
    let (Params::CsatFall(params), Some(range)) = (&detector.params, context.range(from, to))
    else {
        return Vec::new();
    };
    let mut days = Vec::new();
    replay(detector, params, context, watched, (None, range), |day| {
        days.push(day);
    });
    days.retain(|d| (from..=to).contains(&d.day));
    days
}

/// The signals of the days `from..=to`; days before are replayed.
pub(super) fn scan(
    detector: &Detector,
    params: &CsatFallParams,
    context: &Context,
    watched: Watched<'_>,
    after: Option<After>,
    range: (usize, usize),
) -> Vec<Signal> {
    replay(detector, params, context, watched, (after, range), NoDays)
}

/// Whoever wants to know what each day was held against; the lines of quiet days cost time.
trait EachDay {
    const WANTED: bool;
    fn say(&mut self, day: FallDay);
}

/// Nobody.
struct NoDays;

impl EachDay for NoDays {
    const WANTED: bool = false;
    fn say(&mut self, _: FallDay) {}
}

impl<F: FnMut(FallDay)> EachDay for F {
    const WANTED: bool = true;
    fn say(&mut self, day: FallDay) {
        self(day);
    }
}

fn replay<E: EachDay>(
    detector: &Detector,
    params: &CsatFallParams,
    context: &Context,
    watched: Watched<'_>,
    (after, (from, to)): (Option<After>, (usize, usize)),
    mut each: E,
) -> Vec<Signal> {
    let mut found = Vec::new();
    let series = watched.series;
    let Some(first) = series.first() else {
        return found;
    };
    let open = Open::of(context, watched);
    let (odds_ratio, ln_ratio) = (params.odds_ratio, params.odds_ratio.ln());
    let mut sums = vec![Sums::default(); series.lanes.len()];
    let mut days = 0.0;
    let mut window = (0, 0);
    let mut s = 0.0;
    let mut change = 0;
    let mut quiet_until = 0;
    let mut course = [Course::NONE; 7];
    let mut seen = 0_usize;
    let maturity = usize::from(params.maturity_days);
    let start = after.map_or(first + FIRST_DAYS, |a| a.from.max(first));
    for d in start..=to.saturating_sub(maturity) {
        // The baseline moves by a day; while history is short it only grows.
        let next = baseline(d, first);
        if next.0 < window.0 || next.1 < window.1 {
            sums.fill(Sums::default());
            days = 0.0;
            window = (next.0, next.0);
        }
        for e in window.1.max(next.0)..next.1 {
            days += change_sums(context, watched, &open, &mut sums, e, 1.0);
        }
        for e in window.0..next.0.min(window.1) {
            days += change_sums(context, watched, &open, &mut sums, e, -1.0);
        }
        window = next;
        let (rated, satisfied) = sums.iter().fold((0.0, 0.0), |(n, s), lane| {
            (n + lane.rated[0] + lane.rated[1], s + lane.satisfied)
        });
        if open.on(d) {
            s = 0.0;
            continue;
        }
        let mix = Mix::of(context, series, &sums, rated, d);
        let (level, pace) = match after {
            Some(a) => (a.level, a.pace),
            None => {
                let weight = params.prior_ratings;
                (
                    (satisfied + mix.prior * weight) / (rated + weight),
                    rated / f64::max(days, 1.0),
                )
            }
        };
        let level = level.clamp(0.02, 0.98);
        let odds = level / ((1.0 - level) * mix.centre);
        let kind = context.kind(d);
        let mut today = Course::NONE;
        let mut increment = 0.0;
        // What the day would add if nobody, or everybody, were satisfied.
        let (mut worst, mut best) = (0.0, 0.0);
        for (lane, sum) in series.lanes.iter().zip(&sums) {
            let share = (sum.rated[0] + sum.rated[1]) * mix.one;
            let point = lane.at(d);
            if share <= 0.0 && point.rated == 0 {
                continue;
            }
            let o = odds * context.odds(lane.channel, d)[kind];
            let o = o.clamp(0.02 / 0.98, 0.98 / 0.02);
            let shift = ShareShift::of_odds(o, odds_ratio, ln_ratio);
            let (mean, variance) = shift.day(pace * share, params.noise);
            today.mean += mean;
            today.variance += variance;
            let rated = f64::from(point.rated);
            increment += shift.increment(rated, f64::from(point.satisfied));
            if E::WANTED {
                worst += shift.increment(rated, 0.0) / params.noise;
                best += shift.increment(rated, rated) / params.noise;
            }
        }
        increment /= params.noise;
        let filled = seen.min(course.len());
        let before = s;
        if !context.left_out(d) {
            if s <= 0.0 {
                change = d;
            }
            s = step(s, increment);
        }
        let judged = s >= 0.5
            && d >= quiet_until
            && pace >= params.min_rated_per_day
            && !context.left_out(d)
            && filled > 0;
        let cold = after.is_none() && d < first + FULL_DAYS;
        let per_year = params.alarms_per_year * if cold { 0.5 } else { 1.0 };
        if E::WANTED {
            let listens = d >= quiet_until
                && pace >= params.min_rated_per_day
                && !context.left_out(d)
                && worst > best;
            // A sum below 0.5 never rings, whatever the line.
            let line = listens
                .then(|| line(&mut course[..filled], 365.0 / per_year))
                .flatten()
                .map(|line| line.max(0.5));
            let rings_at = line
                .map(|line| (worst + before - line) / (worst - best))
                .filter(|share| (0.0..=1.0).contains(share));
            let note = if rings_at.is_some() {
                None
            } else if d < quiet_until {
                let alarm = quiet_until - usize::from(params.quiet_days) - 1;
                Some(silence(context.date(alarm), params.quiet_days))
            } else if context.left_out(d) {
                Some(Bilingual::new(
                    "计划内的日子，不判断",
                    "a planned day is not judged",
                ))
            } else if pace < params.min_rated_per_day {
                Some(Bilingual::new(
                    format!("平均每天 {pace:.1} 条评分，太少，不判断"),
                    format!("{pace:.1} ratings a day are too few to be judged"),
                ))
            } else if worst <= best {
                Some(Bilingual::new("当天没有评分", "no ratings on this day"))
            } else if line.is_none() {
                Some(Bilingual::new(
                    "历史还太短，不判断",
                    "history is too short yet",
                ))
            } else {
                Some(Bilingual::new(
                    "当天的评分不足以单独触发：要与前后几天累积才够",
                    "the ratings of this day alone cannot make it ring: it takes several days that add up",
                ))
            };
            each.say(FallDay {
                day: context.date(d),
                usual: level,
                rings_at,
                note,
            });
        }
        if judged && let Some(line) = crossed(&mut course[..filled], s, 365.0 / per_year) {
            if (from..=to).contains(&(d + maturity)) {
                let alarm = Alarm {
                    change,
                    s,
                    line,
                    level,
                };
                found.push(signal(detector, context, watched, d, alarm));
            }
            quiet_until = d + usize::from(params.quiet_days) + 1;
            s = 0.0;
        }
        if d + 1 < quiet_until {
            s = 0.0;
        }
        course[seen % course.len()] = today;
        seen += 1;
    }
    found
}

/// The mean of the lines of the last days, if `s` is at or above it. Lines are only searched for
/// when `s` is above a value that they are never below.
fn crossed(course: &mut [Course], s: f64, days: f64) -> Option<f64> {
    let mut n = 0.0;
    let mut least = 0.0;
    for day in course.iter_mut() {
        if day.least.is_nan() {
            day.least = least_threshold(day.mean, day.variance, days);
        }
        least += day.least;
        n += 1.0;
    }
    if s * n < least {
        return None;
    }
    line(course, days).filter(|line| s >= *line)
}

/// The mean of the lines of the last days; `None` before the first.
fn line(course: &mut [Course], days: f64) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0.0);
    for day in course {
        if day.line.is_nan() {
            day.line = threshold(day.mean, day.variance, days);
        }
        sum += day.line;
        n += 1.0;
    }
    (n > 0.0).then(|| sum / n)
}

/// Puts day `e` into the baseline (`sign` 1) or takes it out (−1); returns the days that are.
fn change_sums(
    context: &Context,
    watched: Watched<'_>,
    open: &Open,
    sums: &mut [Sums],
    e: usize,
    sign: f64,
) -> f64 {
    if context.left_out(e) || open.on(e) {
        return 0.0;
    }
    let kind = context.kind(e);
    for (lane, sum) in watched.series.lanes.iter().zip(sums) {
        let p = lane.at(e);
        sum.rated[kind] += sign * f64::from(p.rated);
        sum.satisfied += sign * f64::from(p.satisfied);
    }
    sign
}

/// What the channels and day types that the topic's own ratings come from lead to expect.
struct Mix {
    /// Satisfaction of its channels.
    prior: f64,
    /// Their mean odds against all: what the topic's level already holds.
    centre: f64,
    /// Share of one rating; 0 without ratings.
    one: f64,
}

impl Mix {
    fn of(context: &Context, series: &Series, sums: &[Sums], rated: f64, d: usize) -> Self {
        let lanes = series.lanes.iter().zip(sums);
        if rated <= 0.0 {
            let last = series.lanes.last();
            let prior = last.map_or(0.8, |l| context.level(l.channel, d));
            return Self {
                prior,
                centre: 1.0,
                one: 0.0,
            };
        }
        let one = rated.recip();
        let (mut prior, mut centre) = (0.0, 0.0);
        for (lane, sum) in lanes {
            let [work, off] = sum.rated;
            let odds = context.odds(lane.channel, d);
            prior += (work + off) * context.level(lane.channel, d);
            centre += work * odds[0] + off * odds[1];
        }
        Self {
            prior: prior * one,
            centre: centre * one,
            one,
        }
    }
}

struct Alarm {
    change: usize,
    s: f64,
    line: f64,
    level: f64,
}

fn signal(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    d: usize,
    alarm: Alarm,
) -> Signal {
    let (mut rated, mut satisfied) = (0_i64, 0_i64);
    for e in alarm.change..=d {
        let p = watched.series.day(e);
        rated += i64::from(p.rated);
        satisfied += i64::from(p.satisfied);
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "counts of ratings"
    )]
    let (level, expected) = (
        (rated > 0).then(|| satisfied as f64 / rated as f64),
        ((1.0 - alarm.level) * rated as f64).round() as i64,
    );
    Signal {
        limit: expected,
        baseline: Some(alarm.level),
        level,
        sample: Some(rated),
        statistic: Some(alarm.s),
        threshold: Some(alarm.line),
        change_day: Some(context.date(alarm.change)),
        ..Signal::counted(
            detector,
            watched.subject.clone(),
            context.date(d),
            rated - satisfied,
            None,
        )
    }
}

/// Days on which the subject's issue is open, by number.
pub(super) struct Open(Vec<(usize, usize)>);

impl Open {
    pub(super) fn of(context: &Context, watched: Watched<'_>) -> Self {
        Self(
            watched
                .open
                .iter()
                .filter_map(|&(from, to)| context.range(from, to))
                .collect(),
        )
    }

    pub(super) fn on(&self, d: usize) -> bool {
        self.0.iter().any(|&(from, to)| (from..=to).contains(&d))
    }
}

/// The topic's level on day `d` from the days `[from, to)`, shrunk to its channels', at the day's
/// type.
pub(super) fn level(
    context: &Context,
    watched: Watched<'_>,
    (from, to): (usize, usize),
    d: usize,
    params: &CsatFallParams,
) -> f64 {
    let open = Open::of(context, watched);
    let mut sums = vec![Sums::default(); watched.series.lanes.len()];
    for e in from..to {
        change_sums(context, watched, &open, &mut sums, e, 1.0);
    }
    let (rated, satisfied) = sums.iter().fold((0.0, 0.0), |(n, s), lane| {
        (n + lane.rated[0] + lane.rated[1], s + lane.satisfied)
    });
    let mix = Mix::of(context, watched.series, &sums, rated, d);
    let level = (satisfied + mix.prior * params.prior_ratings) / (rated + params.prior_ratings);
    let level = level.clamp(0.02, 0.98);
    if rated <= 0.0 {
        return level;
    }
    let mut today = 0.0;
    for (lane, sum) in watched.series.lanes.iter().zip(&sums) {
        let share = (sum.rated[0] + sum.rated[1]) * mix.one;
        today += share * context.odds(lane.channel, d)[context.kind(d)];
    }
    let odds = level * today / ((1.0 - level) * mix.centre);
    odds / (1.0 + odds)
}

/// A4: where a topic's satisfaction is watched on `day`: in itself when it has enough ratings, else
/// in the nearest topic above it that has. `rated_per_day` is asked for the topic and then for
/// each of `ancestors` (nearest first; each with everything below it). `None`: nowhere.
#[must_use]
pub fn watched_in<'a>(
    topic: &'a str,
    ancestors: &[&'a str],
    params: &CsatFallParams,
    rated_per_day: impl Fn(&str) -> f64,
) -> Option<&'a str> {
    std::iter::once(topic)
        .chain(ancestors.iter().copied())
        .find(|key| rated_per_day(key) >= params.min_rated_per_day)
}
