//! One night of 10,000 topics, against a fixed piece of work on the same machine.

use super::table::{calendar, csat, real, run, spike, start};
use super::world::{Change, Manner, Random, topic};
use domain::detection::{Context, Series};
use std::hint::black_box;
use std::time::Instant;

const TOPICS: usize = 10_000;
/// As much history as `history_start` asks for on an average day.
const DAYS: usize = 410;

pub fn print() {
    let mut random = Random::new(3);
    let manner = Manner {
        rate: 30.0,
        response: 0.2,
        days: DAYS,
    };
    let all: Vec<Series> = (0..TOPICS)
        .map(|_| topic(&mut random, manner, Change::NONE, &[]))
        .collect();
    let reference = seconds(|| {
        let mut sum = 0.0;
        for i in 0..20_000_000_u32 {
            sum += f64::from(black_box(i) + 1).ln();
        }
        black_box(sum);
    });
    let mut context = None;
    let learned = seconds(|| {
        context = Some(Context::new(
            start(),
            calendar(DAYS),
            vec!["phone".to_owned()],
            &all,
        ));
    });
    let Some(context) = context else { return };
    let mut signals = 0;
    let judged = seconds(|| {
        for detector in [csat(), spike()] {
            for series in &all {
                signals += run(&detector, &context, series, (DAYS - 1, DAYS)).len();
            }
        }
    });
    println!("{TOPICS} topics, {DAYS} days of history, csat_fall and spike, one core:");
    println!("  what all topics say together  {learned:.3} s");
    println!(
        "  one day of every topic        {judged:.3} s ({signals} signals; {:.1} µs a topic)",
        judged * 1e6 / real(TOPICS)
    );
    println!("  sum                           {:.3} s", learned + judged);
    println!(
        "  reference: 20 million logarithms {reference:.3} s; ratio {:.2}",
        (learned + judged) / reference
    );
}

/// The shortest of three runs, in seconds of this core where the system tells them, so that other
/// programs do not count.
fn seconds(mut work: impl FnMut()) -> f64 {
    (0..3)
        .map(|_| {
            let (begin, clock) = (on_core(), Instant::now());
            work();
            match (begin, on_core()) {
                (Some(begin), Some(end)) => end - begin,
                _ => clock.elapsed().as_secs_f64(),
            }
        })
        .fold(f64::INFINITY, f64::min)
}

/// Seconds that this thread has run.
fn on_core() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}
