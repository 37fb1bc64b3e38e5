//! A channel from which less arrives than its history lets expect: an alarm of its own, because a
//! topic that nobody can speak of looks like one that is solved.

use super::params::SilentParams;
use super::series::{Context, Watched};
use super::{Detector, Params, Signal, Subject};
use crate::statistics::cusum::{Dispersion, count_below};
use chrono::NaiveDate;

/// What a channel usually brings on one kind of day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Voices expected.
    pub expected: f64,
    /// The most voices that count as silence; −1 where so little is expected that silence says
    /// nothing.
    pub silent_at: i64,
}

/// The band that earlier days of the same weekday make (all complete, or all cut at the same hour
/// as the day that is compared). `None` with fewer than `params.weeks` / 2 of them, or fewer than 2.
#[must_use]
pub fn band(earlier: &[u32], params: &SilentParams) -> Option<Band> {
    if earlier.len() < 2 || earlier.len() < usize::from(params.weeks) / 2 {
        return None;
    }
    // The median: a peak or an outage among the days moves no band.
    let mut sorted = earlier.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    let expected = if sorted.len() % 2 == 1 {
        f64::from(sorted[middle])
    } else {
        f64::midpoint(f64::from(sorted[middle - 1]), f64::from(sorted[middle]))
    };
    if expected < params.min_expected {
        return Some(Band {
            expected,
            silent_at: -1,
        });
    }
    let mut noise = Dispersion::default();
    for y in &sorted {
        noise.add(f64::from(*y).min(2.0 * expected), expected);
    }
    // Few days say little about noise: at least 20 %, at most 100 %.
    let dispersion = noise.value().unwrap_or(0.04).clamp(0.04, 1.0);
    let mut silent_at = -1;
    let mut y = 0.0;
    while y <= params.max_share * expected
        && count_below(y, expected, dispersion) < params.probability
    {
        silent_at += 1;
        y += 1.0;
    }
    Some(Band {
        expected,
        silent_at,
    })
}

/// The signals of the days `from..=to`: every silent day is one. The days are judged in order from
/// the first on, whatever is asked for, because a day that was silent belongs to no later band: an
/// outage that did would become what is expected after a few weeks.
pub(super) fn scan(
    detector: &Detector,
    params: &SilentParams,
    context: &Context,
    watched: Watched<'_>,
    (from, to): (usize, usize),
) -> Vec<Signal> {
    let mut found = Vec::new();
    let mut silent = vec![false; to + 1];
    let mut earlier = Vec::with_capacity(params.weeks.into());
    for d in 0..=to {
        if context.left_out(d) {
            continue;
        }
        let Some(start) = context.source_start(d) else {
            continue;
        };
        earlier.clear();
        let mut e = d;
        while earlier.len() < usize::from(params.weeks) && e >= start + 7 {
            e -= 7;
            // A holiday is compared with nothing but what it is.
            if context.kind(e) == context.kind(d) && !context.left_out(e) && !silent[e] {
                earlier.push(watched.series.day(e).contacts);
            }
        }
        let Some(band) = band(&earlier, params) else {
            continue;
        };
        let count = watched.series.day(d).contacts;
        if let Some(signal) = silence(detector, watched.subject, context.date(d), count, band) {
            silent[d] = true;
            if d >= from {
                found.push(signal);
            }
        }
    }
    found
}

/// The signal of a channel that brought `count` voices on `day`, if that is silence. For a day that
/// is not over, count and band are those of the same hours.
#[must_use]
pub fn silence(
    detector: &Detector,
    subject: &Subject,
    day: NaiveDate,
    count: u32,
    band: Band,
) -> Option<Signal> {
    let Params::SilentSource(params) = &detector.params else {
        return None;
    };
    (i64::from(count) <= band.silent_at).then(|| Signal {
        limit: band.silent_at,
        baseline: Some(band.expected),
        threshold: Some(params.probability),
        ..Signal::counted(detector, subject.clone(), day, count.into(), None)
    })
}
