//! How often the watch after a verdict errs, and how soon it finds what came back: goals that are neither
//! satisfaction nor contacts. Days vary as in the specification's simulation.

use super::table::{YEAR, real};
use super::world::{Random, expit, logit};
use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use domain::detection::{DayType, Detector, Params, Reached, Subject, goal_lost};
use domain::facts::Counters;
use domain::verification::{DayRow, Metric};

/// Days of the verdict, before the fix and after it.
const BEFORE: i64 = 56;
const AFTER: i64 = 28;
/// The day of the year after the verdict on which it comes back.
const BACK: i64 = 60;
/// The standard errors that make a verdict of a difference.
const VERDICT: f64 = 2.3;

/// Metric, level before the fix, level after it.
const GOALS: [(Metric, f64, f64); 7] = [
    (Metric::Fcr, 0.50, 0.75),
    (Metric::Fcr, 0.60, 0.70),
    (Metric::RepeatShare, 0.30, 0.15),
    (Metric::Containment, 0.20, 0.30),
    (Metric::MeanRating, 3.4, 4.0),
    (Metric::Aht, 294.0, 221.0),
    (Metric::Aht, 300.0, 270.0),
];

pub fn print(streams: usize) {
    println!(
        "Watch after a verdict ({streams} verdicts x 1 year each; a verdict needs z = {VERDICT})"
    );
    println!(
        "goal             before, after      false relapses a year at 6, 20, 60, 200 answers a day      all of it back: found in 14 days, %; median day"
    );
    for (metric, before, after) in GOALS {
        let mut quiet = String::new();
        let mut found = String::new();
        for pace in [6.0, 20.0, 60.0, 200.0] {
            let cell = cell(metric, (before, after), pace, streams);
            quiet += &format!("  {:.2} ± {:.2}", cell.false_rate, cell.error);
            let median = match cell.median {
                Some(days) => format!("{days}"),
                None => "> 60".to_owned(),
            };
            found += &format!("  {:3.0}; {median:>4}", cell.found);
        }
        println!(
            "{:<16} {before:>6} {after:>6}   {quiet}     {found}",
            metric.as_str()
        );
    }
}

struct Cell {
    false_rate: f64,
    error: f64,
    found: f64,
    median: Option<i64>,
}

fn cell(metric: Metric, levels: (f64, f64), pace: f64, streams: usize) -> Cell {
    let mut random = Random::new(7 + (pace as u64) * 1000 + (levels.0 * 100.0) as u64);
    let (mut verdicts, mut alarms, mut years) = (0_usize, 0_usize, 0.0);
    let mut delays: Vec<i64> = Vec::new();
    let mut tried = 0;
    while verdicts < streams && tried < 40 * streams {
        tried += 1;
        let base = history(&mut random, metric, levels, pace);
        let Some(reached) = verdict(metric, &base) else {
            continue;
        };
        verdicts += 1;
        let fixed: Vec<DayRow> = base
            .iter()
            .filter(|r| r.day >= reached.from)
            .cloned()
            .collect();
        let mut rows = fixed.clone();
        let year = i64::try_from(YEAR).unwrap_or(365);
        rows.extend((0..year).map(|d| row(&mut random, metric, AFTER + d, levels.1, pace)));
        match first(&reached, &rows, year) {
            Some(day) => {
                alarms += 1;
                years += day as f64 / 365.0;
            }
            None => years += 1.0,
        }
        let mut back = fixed;
        back.extend((0..BACK + 60).map(|d| {
            let level = if d < BACK { levels.1 } else { levels.0 };
            row(&mut random, metric, AFTER + d, level, pace)
        }));
        // One that had rung before, for nothing, was counted above.
        let delay = (BACK..BACK + 60)
            .find(|d| rings(&reached, &back, *d))
            .map_or(61, |d| d - BACK + 1);
        delays.push(delay);
    }
    delays.sort_unstable();
    let all = real(verdicts.max(1));
    let found = delays.iter().filter(|d| **d <= 14).count();
    let rate = real(alarms) / f64::max(years, 1e-9);
    Cell {
        false_rate: rate,
        error: real(alarms.max(1)).sqrt() / f64::max(years, 1e-9),
        found: 100.0 * real(found) / all,
        median: delays.get(delays.len() / 2).copied().filter(|d| *d <= 60),
    }
}

/// The day after the verdict on which it rings first.
fn first(reached: &Reached, rows: &[DayRow], days: i64) -> Option<i64> {
    (0..days).find(|d| rings(reached, rows, *d))
}

fn rings(reached: &Reached, rows: &[DayRow], d: i64) -> bool {
    let rule = Detector::new("relapse", Params::Spike(Default::default()));
    let subject = Subject::topic("t");
    goal_lost(&rule, &subject, reached, rows, day_type, date(AFTER + d)).is_some()
}

fn date(d: i64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 2).expect("a Monday") + TimeDelta::days(d)
}

fn day_type(day: NaiveDate) -> DayType {
    match day.weekday() {
        Weekday::Sat | Weekday::Sun => DayType::Off,
        _ => DayType::Working,
    }
}

/// The days before the fix and those that judge it.
fn history(random: &mut Random, metric: Metric, levels: (f64, f64), pace: f64) -> Vec<DayRow> {
    (-BEFORE..AFTER)
        .map(|d| {
            let level = if d < 0 { levels.0 } else { levels.1 };
            row(random, metric, d, level, pace)
        })
        .collect()
}

/// What days say: level and its standard error, on the scale of the metric.
fn told(metric: Metric, rows: &[&DayRow]) -> (f64, f64) {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for r in rows {
        let a = metric.answers(&r.counters);
        n += a.n;
        sum += a.sum;
        squares += a.squares;
    }
    let mean = sum / f64::max(n, 1.0);
    let variance = f64::max(squares / f64::max(n, 1.0) - mean * mean, 1e-9);
    (mean, 1.2 * variance / f64::max(n, 1.0))
}

/// The verdict, where the days after the fix are better beyond chance: a lucky level among them.
fn verdict(metric: Metric, rows: &[DayRow]) -> Option<Reached> {
    let before: Vec<&DayRow> = rows.iter().filter(|r| r.day < date(0)).collect();
    let after: Vec<&DayRow> = rows.iter().filter(|r| r.day >= date(0)).collect();
    let ((b, vb), (a, va)) = (told(metric, &before), told(metric, &after));
    let good = if metric.higher_is_better() {
        a - b
    } else {
        b - a
    };
    let level = |x: f64| if metric == Metric::Aht { x.exp() } else { x };
    (good / (va + vb).sqrt() >= VERDICT).then(|| Reached {
        metric,
        before: level(b),
        after: level(a),
        smallest_change: metric.smallest_change(),
        noise: 1.2,
        from: date(0),
        to: date(AFTER - 1),
    })
}

/// A day: its answers vary like a gamma of shape 25, its level by 0.10 log-odds (times by 3 %); weekends
/// are ×0.62 and −0.12 log-odds.
fn row(random: &mut Random, metric: Metric, d: i64, level: f64, pace: f64) -> DayRow {
    let off = day_type(date(d)) == DayType::Off;
    let mean = pace * if off { 0.62 } else { 1.152 } * random.gamma(25.0) / 25.0;
    let n = random.poisson(mean);
    let weekend = if off { -0.12 } else { 0.0 };
    let noise = 0.10 * random.normal();
    let mut c = Counters {
        voices: n.into(),
        contacts: n.into(),
        ..Counters::default()
    };
    let mut yes = |p: f64| -> i64 {
        let p = expit(logit(p) + noise + weekend);
        (0..n).filter(|_| random.uniform() < p).count() as i64
    };
    match metric {
        Metric::Fcr => (c.fcr_known, c.fcr) = (n.into(), yes(level)),
        Metric::RepeatShare => c.repeats = yes(level),
        Metric::Containment => c.bot = yes(level),
        Metric::MeanRating => {
            // Fives and ones: as much as ratings can differ.
            let fives = yes((level - 1.0) / 4.0);
            (c.rated, c.r5, c.r1) = (n.into(), fives, i64::from(n) - fives);
        }
        _ => {
            let centre = level.ln() + 0.03 * noise / 0.10 + weekend / 4.0;
            c.handle_n = n.into();
            for _ in 0..n {
                let x = centre + 0.6 * random.normal();
                c.handle_ln += (x * 1e6) as i64;
                c.handle_ln_sq += (x * x * 1e6) as i64;
            }
        }
    }
    DayRow {
        day: date(d),
        channel: "phone".to_owned(),
        counters: c,
    }
}
