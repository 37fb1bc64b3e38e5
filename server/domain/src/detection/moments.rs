//! Limits of windows that end with a voice: `1h`, `4h`, `15m`.

use super::{Crowd, Detector, Signal, Subject, TimeSpan};
use crate::clock::{Timestamp, local_day};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use std::collections::HashMap;

/// A voice that a rule counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// When it was said.
    pub at: Timestamp,
    /// Keyed hash of the customer; empty: nobody knows.
    pub customer: String,
}

/// A window with too many voices in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Beginning of the window, not included.
    pub from: Timestamp,
    /// The voice that it ends with, included.
    pub to: Timestamp,
    /// Voices in it.
    pub count: i64,
    /// Distinct customers among them; a voice of nobody stands for itself.
    pub customers: i64,
    /// Voices of nobody.
    pub anonymous: i64,
}

/// The first window of `length` that ends with a voice in `ends` (first and last instant, both
/// included) and holds more than `limit` voices of a crowd (see [`Crowd::crosses`]). `voices` stand in the order
/// of time and reach back `length` before the first instant. Voices of the same instant are in a window
/// together, so that the answer does not depend on the order in which they arrived.
#[must_use]
pub fn first_crossing(
    voices: &[Moment],
    length: TimeDelta,
    limit: i64,
    ends: (Timestamp, Timestamp),
) -> Option<Crossing> {
    let mut known: HashMap<&str, u32> = HashMap::new();
    let (mut first, mut anonymous, mut next) = (0, 0_i64, 0);
    while let Some(last) = voices.get(next) {
        let to = last.at;
        while let Some(voice) = voices.get(next).filter(|v| v.at == to) {
            if voice.customer.is_empty() {
                anonymous += 1;
            } else {
                *known.entry(&voice.customer).or_default() += 1;
            }
            next += 1;
        }
        let from = to - length;
        while let Some(voice) = voices.get(first).filter(|v| v.at <= from) {
            if voice.customer.is_empty() {
                anonymous -= 1;
            } else if let Some(n) = known.get_mut(voice.customer.as_str()) {
                *n -= 1;
                if *n == 0 {
                    known.remove(voice.customer.as_str());
                }
            }
            first += 1;
        }
        if to > ends.1 {
            return None;
        }
        let count = i64::try_from(next - first).unwrap_or(i64::MAX);
        let customers = i64::try_from(known.len()).unwrap_or(i64::MAX) + anonymous;
        if to < ends.0 || count <= limit {
            continue;
        }
        let crowd = Crowd {
            count,
            customers,
            loudest: known.values().copied().max().unwrap_or_default().into(),
        };
        if crowd.crosses(limit) {
            return Some(Crossing {
                from,
                to,
                count,
                customers,
                anonymous,
            });
        }
    }
    None
}

impl Crossing {
    /// The signal of this window: of the day on which it ends.
    #[must_use]
    pub fn signal(self, detector: &Detector, subject: Subject, zone: Tz) -> Signal {
        let local = |at: Timestamp| at.with_timezone(&zone).fixed_offset();
        let day: NaiveDate = local_day(self.to, zone);
        Signal {
            anonymous: Some(self.anonymous),
            span: Some(TimeSpan {
                from: local(self.from),
                to: local(self.to),
            }),
            ..Signal::counted(detector, subject, day, self.count, Some(self.customers))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::{Params, ThresholdParams, Window};
    use chrono::DateTime;
    use proptest::prelude::*;

    fn at(minute: i64) -> Timestamp {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minute)
    }

    fn said(minute: i64, customer: &str) -> Moment {
        Moment {
            at: at(minute),
            customer: customer.to_owned(),
        }
    }

    const HOUR: TimeDelta = TimeDelta::hours(1);

    #[test]
    fn the_window_ends_with_the_voice_that_crosses_the_line() {
        let voices = [
            said(0, "a"),
            said(30, "b"),
            said(60, "a"),
            said(61, ""),
            said(200, "c"),
        ];
        let all = (at(0), at(1000));
        // 00:00 is an hour before 01:00 and out of its window.
        let found = first_crossing(&voices, HOUR, 2, all).unwrap();
        assert_eq!((found.from, found.to), (at(1), at(61)));
        assert_eq!((found.count, found.customers, found.anonymous), (3, 3, 1));
        assert_eq!(first_crossing(&voices, HOUR, 3, all), None);
        let later = first_crossing(&voices, HOUR, 1, (at(61), at(1000))).unwrap();
        assert_eq!(later.to, at(61), "only windows that end in the span");
        assert_eq!(first_crossing(&voices, HOUR, 1, (at(62), at(1000))), None);
        assert_eq!(first_crossing(&voices, HOUR, 1, (at(0), at(29))), None);
    }

    #[test]
    fn one_customer_crosses_no_line_and_nobody_counts_one_by_one() {
        let alone: Vec<Moment> = (0..10).map(|m| said(m, "a")).collect();
        let all = (at(0), at(100));
        assert_eq!(first_crossing(&alone, HOUR, 3, all), None);
        // Nor does one with another beside him; two who write much do.
        let shared = |of_b: i64| -> Vec<Moment> {
            (0..10)
                .map(|m| said(m, if m >= 10 - of_b { "b" } else { "a" }))
                .collect()
        };
        assert_eq!(first_crossing(&shared(1), HOUR, 3, all), None);
        assert_eq!(first_crossing(&shared(5), HOUR, 3, all).unwrap().to, at(7));
        assert!(
            first_crossing(&alone, HOUR, 0, all).is_some(),
            "0: the first voice"
        );
        let nobody: Vec<Moment> = (0..4).map(|m| said(m, "")).collect();
        let found = first_crossing(&nobody, HOUR, 3, all).unwrap();
        assert_eq!((found.customers, found.anonymous), (4, 4));
    }

    #[test]
    fn a_signal_says_its_hours_in_the_organisations_time() {
        let rule = Detector::new(
            "d",
            Params::Threshold(ThresholdParams {
                limit: 2,
                window: Window::Hours(4),
            }),
        );
        let voices = [
            said(16 * 60 - 200, "a"),
            said(16 * 60 - 20, ""),
            said(16 * 60 + 5, "b"),
        ];
        let length = Window::Hours(4).rolling().unwrap();
        let found = first_crossing(&voices, length, 2, (at(0), at(10_000))).unwrap();
        let signal = found.signal(&rule, Subject::topic("t"), chrono_tz::Asia::Shanghai);
        assert_eq!(signal.window.to_string(), "2024-10-05");
        let said = signal.explanation();
        assert!(
            said.zh.starts_with(
                "2024-10-04 20:05 至 2024-10-05 00:05（4 小时内）3 次联系（2 位可识别客户，另有 1 条匿名），超过上限 2 次"
            ),
            "{}",
            said.zh
        );
        assert!(
            said.en.starts_with(
                "3 contacts (2 known customers, and 1 anonymous) from 2024-10-04 20:05 to 2024-10-05 00:05 (4 hours), \
                 above the limit of 2"
            ),
            "{}",
            said.en
        );
    }

    proptest! {
        /// The sliding count is the plain one, and neither order of arrival nor what lies outside the
        /// look's own reach changes the first crossing.
        #[test]
        fn it_is_the_plain_count(
            mut voices in prop::collection::vec((0_i64..400, 0_u8..5), 0..80),
            length in 1_i64..120, limit in 0_i64..12, cut in 0_i64..400,
        ) {
            voices.sort_unstable();
            let length = TimeDelta::minutes(length);
            let all: Vec<Moment> = voices
                .iter()
                .map(|(m, c)| said(*m, if *c == 0 { "" } else { ["a", "b", "c", "d"][usize::from(*c) - 1] }))
                .collect();
            let plain = |ends: (Timestamp, Timestamp)| {
                all.iter().map(|v| v.at).find(|to| {
                    let inside: Vec<&Moment> =
                        all.iter().filter(|v| v.at > *to - length && v.at <= *to).collect();
                    let mut who: Vec<&str> =
                        inside.iter().map(|v| v.customer.as_str()).filter(|c| !c.is_empty()).collect();
                    who.sort_unstable();
                    who.dedup();
                    let nobody = inside.iter().filter(|v| v.customer.is_empty()).count();
                    let count = i64::try_from(inside.len()).unwrap();
                    let people = i64::try_from(who.len() + nobody).unwrap();
                    let loudest = who.iter().map(|w| inside.iter().filter(|v| v.customer == **w).count());
                    let loudest = i64::try_from(loudest.max().unwrap_or(0)).unwrap();
                    let crowd = Crowd { count, customers: people, loudest };
                    *to >= ends.0 && *to <= ends.1 && crowd.crosses(limit)
                })
            };
            let ends = (at(cut), at(1000));
            let found = first_crossing(&all, length, limit, ends);
            prop_assert_eq!(found.map(|f| f.to), plain(ends));
            // A look reads one length back and no further.
            let read: Vec<Moment> = all.iter().filter(|v| v.at > ends.0 - length).cloned().collect();
            prop_assert_eq!(first_crossing(&read, length, limit, ends), found);
        }
    }
}
