//! A channel from which less arrives than its history lets expect: an alarm of its own, because a
//! topic that nobody can speak of looks like one that is solved.

use super::params::SilentParams;
use super::series::{Context, Watched};
use super::{Detector, Params, Signal, Subject, TimeSpan};
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

/// Looks at a day that is not over: one every hour.
const LOOKS: f64 = 24.0;

/// The signal of a channel that has brought `count` voices of a running day by the end of `span`, where
/// `earlier` days of its kind had brought so many by that hour. All looks of a day share the chance of one.
#[must_use]
pub fn silent_so_far(
    detector: &Detector,
    subject: &Subject,
    day: NaiveDate,
    span: TimeSpan,
    count: u32,
    earlier: &[u32],
) -> Option<Signal> {
    let Params::SilentSource(params) = &detector.params else {
        return None;
    };
    let of_a_look = SilentParams {
        probability: params.probability / LOOKS,
        ..params.clone()
    };
    let band = band(earlier, &of_a_look).filter(|_| params.within_day)?;
    silence(detector, subject, day, count, band).map(|signal| Signal {
        span: Some(span),
        ..signal
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::SubjectKind;

    #[test]
    fn a_running_day_is_held_against_the_same_hours() {
        let at = |text| chrono::DateTime::parse_from_rfc3339(text).expect("a time");
        let span = TimeSpan {
            from: at("2026-03-03T00:00:00+08:00"),
            to: at("2026-03-03T15:00:00+08:00"),
        };
        let day = NaiveDate::from_ymd_opt(2026, 3, 3).expect("a day");
        let subject = Subject::new(SubjectKind::Channel, "phone");
        let rule = |within_day| {
            let params = SilentParams {
                within_day,
                ..SilentParams::default()
            };
            Detector::new("silence", Params::SilentSource(params))
        };
        let ask = |within, count, earlier: &[u32]| {
            silent_so_far(&rule(within), &subject, day, span, count, earlier)
        };
        let usual = [30, 28, 33, 31, 29, 30];
        let signal = ask(true, 0, &usual).expect("silent");
        assert_eq!(
            (signal.count, signal.baseline, signal.span),
            (0, Some(30.0), Some(span))
        );
        let why = signal.explanation();
        assert!(
            why.zh.contains("15 小时内") && why.zh.contains("往常同一时段约 30 条"),
            "{why:?}"
        );
        assert!(why.en.contains("at that hour about 30"), "{why:?}");
        // As much as usual; not asked; a source that sends at night; too short a history.
        assert_eq!(ask(true, 25, &usual), None);
        assert_eq!(ask(false, 0, &usual), None);
        assert_eq!(ask(true, 0, &[0, 0, 0, 1, 0, 0]), None);
        assert_eq!(ask(true, 0, &usual[..1]), None);
        // What is rare on one look of a day happens on some of twenty-four.
        let thin = [12, 10, 11, 13, 12, 11];
        let whole_day = band(&thin, &SilentParams::default()).expect("a band");
        assert!(silence(&rule(true), &subject, day, 0, whole_day).is_some());
        assert!(ask(true, 1, &thin).is_none());
    }
}
