//! Table A7, measured, beside the specification's numbers.

use super::world::{Change, Manner, Random, topic, weekend};
use chrono::{Days, NaiveDate};
use domain::detection::params::{CsatFallParams, SpikeParams};
use domain::detection::{
    Context, Day, Detector, Params, Series, Signal, Subject, Watched, backtest,
};

pub const BURN: usize = 70;
pub const YEAR: usize = 365;
const SPEC_FALSE: [(f64, f64, f64); 4] = [
    (10.0, 0.46, 0.71),
    (30.0, 0.56, 0.72),
    (100.0, 0.64, 0.70),
    (300.0, 0.79, 0.71),
];
/// Share found within 14 days (%), median delay in days (`None`: above 60).
type Found = (f64, Option<f64>);
const SPEC_FOUND: [(&str, f64, f64, [Found; 4]); 6] = [
    (
        "csat -5",
        -0.05,
        1.0,
        [
            (4.0, None),
            (12.0, None),
            (30.0, Some(29.0)),
            (59.0, Some(11.0)),
        ],
    ),
    (
        "csat -10",
        -0.10,
        1.0,
        [
            (12.0, Some(53.0)),
            (35.0, Some(20.0)),
            (81.0, Some(8.0)),
            (99.0, Some(3.0)),
        ],
    ),
    (
        "csat -15",
        -0.15,
        1.0,
        [
            (20.0, Some(28.0)),
            (61.0, Some(12.0)),
            (98.0, Some(5.0)),
            (100.0, Some(2.0)),
        ],
    ),
    (
        "vol x1.25",
        0.0,
        1.25,
        [
            (29.0, Some(32.0)),
            (43.0, Some(17.0)),
            (54.0, Some(13.0)),
            (57.0, Some(12.0)),
        ],
    ),
    (
        "vol x1.5",
        0.0,
        1.5,
        [
            (78.0, Some(9.0)),
            (92.0, Some(7.0)),
            (97.0, Some(6.0)),
            (98.0, Some(5.0)),
        ],
    ),
    (
        "vol x2",
        0.0,
        2.0,
        [
            (100.0, Some(6.0)),
            (100.0, Some(5.0)),
            (100.0, Some(4.0)),
            (100.0, Some(4.0)),
        ],
    ),
];

pub fn start() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 1, 6).unwrap_or_default()
}

pub fn date(d: usize) -> NaiveDate {
    start() + Days::new(u64::try_from(d).unwrap_or(0))
}

pub fn calendar(days: usize) -> Vec<Day> {
    (0..days)
        .map(|d| Day {
            off: weekend(d),
            left_out: false,
        })
        .collect()
}

pub fn context(days: usize, topics: &[Series]) -> Context {
    Context::new(start(), calendar(days), vec!["phone".to_owned()], topics)
}

pub fn csat() -> Detector {
    Detector::new("csat", Params::CsatFall(CsatFallParams::default()))
}

pub fn spike() -> Detector {
    Detector::new("spike", Params::Spike(SpikeParams::default()))
}

/// The signals of one topic on the days `from..to`.
pub fn run(
    detector: &Detector,
    context: &Context,
    series: &Series,
    (from, to): (usize, usize),
) -> Vec<Signal> {
    let subject = Subject::topic("t");
    let watched = Watched {
        subject: &subject,
        series,
        open: &[],
    };
    backtest(detector, context, watched, date(from), date(to - 1))
}

#[expect(clippy::cast_precision_loss, reason = "counts of topics")]
pub fn real(n: usize) -> f64 {
    n as f64
}

/// Rate and its standard error from counts per topic.
pub fn rate(counts: &[usize]) -> (f64, f64) {
    let n = real(counts.len());
    let mean = counts.iter().map(|&c| real(c)).sum::<f64>() / n;
    let spread = counts
        .iter()
        .map(|&c| (real(c) - mean).powi(2))
        .sum::<f64>()
        / (n - 1.0).max(1.0);
    (mean, (spread / n).sqrt())
}

pub fn print(topics: usize) {
    let worse = false_alarms(topics) + delays(topics);
    println!();
    println!(
        "{worse} of 32 figures are worse than the specification's by more than two standard errors of the difference (marked !)"
    );
    super::extras::print(topics);
}

/// Marks a figure that is worse than the specification's. `gap`: how much worse; `error`: its
/// standard error here; the specification's figure comes from 2,000 topics and is rounded by up to
/// `rounding`.
fn mark(gap: f64, error: f64, topics: usize, rounding: f64) -> bool {
    let both = (1.0 + real(topics) / 2000.0).sqrt() * error;
    gap > 2.0 * both + rounding
}

fn false_alarms(topics: usize) -> usize {
    let mut worse = 0;
    println!("False alarms per topic-year ({topics} topics x 1 year; specification in brackets)");
    println!(
        "{:>10}  {:>22}  {:>22}",
        "contacts", "csat_fall", "spike (sum + day)"
    );
    for (i, (contacts, spec_csat, spec_volume)) in SPEC_FALSE.into_iter().enumerate() {
        let days = BURN + YEAR;
        let mut random = Random::new(7_000 + i as u64);
        let manner = Manner {
            rate: contacts,
            response: 0.2,
            days,
        };
        let all: Vec<Series> = (0..topics)
            .map(|_| topic(&mut random, manner, Change::NONE, &[]))
            .collect();
        let context = context(days, &all);
        let count = |detector: &Detector| -> (f64, f64) {
            let counts: Vec<usize> = all
                .iter()
                .map(|s| run(detector, &context, s, (BURN, days)).len())
                .collect();
            rate(&counts)
        };
        let (c, v) = (count(&csat()), count(&spike()));
        let marks = [(c, spec_csat), (v, spec_volume)].map(|((mean, error), spec)| {
            let is = mark(mean - spec, error, topics, 0.005);
            worse += usize::from(is);
            if is { "!" } else { "" }
        });
        println!(
            "{contacts:>4}/{:<5.0}  {:>6.2} ± {:.2} ({spec_csat:.2}){}    {:>6.2} ± {:.2} ({spec_volume:.2}){}",
            contacts * 0.2,
            c.0,
            c.1,
            marks[0],
            v.0,
            v.1,
            marks[1]
        );
    }
    worse
}

fn delays(topics: usize) -> usize {
    let mut worse = 0;
    println!();
    println!("Found within 14 days, %; median delay in days (specification in brackets)");
    let from = BURN + 60;
    let days = from + 60;
    for (label, csat_shift, volume, spec) in SPEC_FOUND {
        let mut line = format!("{label:<10}");
        for (i, (contacts, _, _)) in SPEC_FALSE.into_iter().enumerate() {
            let manner = Manner {
                rate: contacts,
                response: 0.2,
                days,
            };
            // The others of the company stay as they are.
            let mut random = Random::new(11_000 + i as u64);
            let others: Vec<Series> = (0..topics.min(300))
                .map(|_| topic(&mut random, manner, Change::NONE, &[]))
                .collect();
            let context = context(days, &others);
            let change = Change {
                from,
                to: days,
                csat: csat_shift,
                volume,
            };
            let detector = if volume > 1.0 { spike() } else { csat() };
            let mut delay: Vec<f64> = (0..topics)
                .map(|_| {
                    let series = topic(&mut random, manner, change, &[]);
                    run(&detector, &context, &series, (from, days))
                        .first()
                        .and_then(|s| context.index(s.window))
                        .map_or(999.0, |d| real(d - from + 1))
                })
                .collect();
            delay.sort_unstable_by(f64::total_cmp);
            let share = real(delay.iter().filter(|&&d| d <= 14.0).count()) / real(topics);
            let error = (share * (1.0 - share) / real(topics)).sqrt() * 100.0;
            let median = f64::midpoint(delay[(topics - 1) / 2], delay[topics / 2]);
            let days_of = |m: Option<f64>| m.map_or("> 60".to_owned(), |m| format!("{m:.0}"));
            let is = mark(spec[i].0 - share * 100.0, error, topics, 0.5);
            worse += usize::from(is);
            line.push_str(&format!(
                "  {:>5.1} ± {error:.1} ({:.0}){}; {:>4} ({})",
                share * 100.0,
                spec[i].0,
                if is { "!" } else { "" },
                days_of((median < 999.0).then_some(median)),
                days_of(spec[i].1)
            ));
        }
        println!("{line}");
    }
    worse
}
