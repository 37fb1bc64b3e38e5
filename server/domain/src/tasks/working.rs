//! When people work: what a wait is counted in, and when they may be written to.

use crate::calendar::{Days, TimeOfDay};
use crate::clock::Timestamp;
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

/// A wait in working time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = WorkingWait))]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Working hours, 0 to 500.
    Hours(u16),
    /// Working days, 0 to 60: the same time of day, so many days on which people work later.
    Days(u16),
}

impl Wait {
    /// Whether it is none at all.
    #[must_use]
    pub fn is_zero(self) -> bool {
        matches!(self, Self::Hours(0) | Self::Days(0))
    }

    /// `n` times as long.
    #[must_use]
    pub fn times(self, n: u16) -> Self {
        match self {
            Self::Hours(h) => Self::Hours(h.saturating_mul(n)),
            Self::Days(d) => Self::Days(d.saturating_mul(n)),
        }
    }
}

/// Somebody's working time.
pub trait WorkingTime {
    /// The first instant of work at or after `at`.
    fn next(&self, at: Timestamp) -> Timestamp;
    /// When `wait` of work has passed since `from`.
    fn after(&self, from: Timestamp, wait: Wait) -> Timestamp;
    /// The instant from which on `wait` of work is left until `until`.
    fn before(&self, until: Timestamp, wait: Wait) -> Timestamp;
}

/// Days looked at before a walk gives up: none is that long within the limits of [`Wait`].
const HORIZON: usize = 1500;

/// The hours of a day, in order.
fn hours(days: &Days, day: NaiveDate) -> Vec<(Timestamp, Timestamp)> {
    let spans = days.day(day).spans.iter();
    spans
        .map(|span| (days.instant(day, span.from), days.instant(day, span.to)))
        .filter(|(from, to)| from < to)
        .collect()
}

fn local_day(days: &Days, at: Timestamp) -> NaiveDate {
    at.with_timezone(&days.zone()).date_naive()
}

/// The last instant of work at or before `at`.
fn last(days: &Days, at: Timestamp) -> Timestamp {
    let mut day = local_day(days, at);
    for _ in 0..HORIZON {
        let found = hours(days, day)
            .into_iter()
            .rev()
            .find(|(from, _)| *from < at);
        if let Some((_, to)) = found {
            return at.min(to);
        }
        let Some(before) = day.pred_opt() else { break };
        day = before;
    }
    at
}

/// The same time of day, `n` days of work later or earlier. Where that time is no working time, it is the
/// first after it.
fn shifted(days: &Days, at: Timestamp, n: u16, back: bool) -> Timestamp {
    let start = local_day(days, at);
    let midnight = days.instant(start, TimeOfDay::default());
    let mut day = start;
    let mut left = n;
    for _ in 0..HORIZON {
        if left == 0 {
            break;
        }
        let next = if back { day.pred_opt() } else { day.succ_opt() };
        let Some(next) = next else { break };
        day = next;
        left -= u16::from(!days.day(day).spans.is_empty());
    }
    days.next(days.instant(day, TimeOfDay::default()) + (at - midnight))
}

impl WorkingTime for Days {
    fn next(&self, at: Timestamp) -> Timestamp {
        let mut day = local_day(self, at);
        for _ in 0..HORIZON {
            if let Some((from, _)) = hours(self, day).into_iter().find(|(_, to)| at < *to) {
                return at.max(from);
            }
            let Some(after) = day.succ_opt() else { break };
            day = after;
        }
        at
    }

    fn after(&self, from: Timestamp, wait: Wait) -> Timestamp {
        let mut at = self.next(from);
        match wait {
            Wait::Days(n) => shifted(self, at, n, false),
            Wait::Hours(h) => {
                let mut left = TimeDelta::hours(i64::from(h));
                for _ in 0..HORIZON {
                    let span = hours(self, local_day(self, at))
                        .into_iter()
                        .find(|(from, to)| *from <= at && at < *to);
                    let Some((_, to)) = span else { break };
                    if at + left <= to {
                        return at + left;
                    }
                    left -= to - at;
                    at = self.next(to);
                }
                at
            }
        }
    }

    fn before(&self, until: Timestamp, wait: Wait) -> Timestamp {
        let mut at = last(self, until);
        match wait {
            Wait::Days(n) => shifted(self, at, n, true),
            Wait::Hours(h) => {
                let mut left = TimeDelta::hours(i64::from(h));
                for _ in 0..HORIZON {
                    // The end of a day's hours belongs to that day.
                    let day = local_day(self, at - TimeDelta::microseconds(1));
                    let span = hours(self, day)
                        .into_iter()
                        .find(|(from, to)| *from < at && at <= *to);
                    let Some((from, _)) = span else { break };
                    if at - left >= from {
                        return at - left;
                    }
                    left -= at - from;
                    at = last(self, from);
                }
                at
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::calendar::{Calendar, Span, Week};
    use chrono::{TimeZone as _, Utc};
    use chrono_tz::Tz;
    use proptest::prelude::*;

    fn time(hour: u16, minute: u16) -> TimeOfDay {
        TimeOfDay::new(hour, minute).unwrap()
    }

    /// Monday to Friday, nine to six without a break, no holidays.
    pub fn office(zone: Tz) -> Days {
        let span = Span {
            from: time(9, 0),
            to: time(18, 0),
        };
        Days::of(&Calendar {
            zone,
            week: Week::workdays(&[span]),
            base: None,
            ..Calendar::built_in()
        })
    }

    /// Lunch is no working time, and neither is the Spring Festival.
    #[test]
    fn breaks_and_holidays_do_not_count() {
        let days = Days::of(&Calendar::built_in());
        let at = |m, d, h, minute| {
            let local = SHANGHAI.with_ymd_and_hms(2026, m, d, h, minute, 0);
            local.unwrap().with_timezone(&Utc)
        };
        // Friday 13 February; Saturday 14 is a make-up day; the 15th to the 23rd are free.
        assert_eq!(
            days.after(at(2, 13, 11, 0), Wait::Hours(2)),
            at(2, 13, 14, 30)
        );
        assert_eq!(
            days.after(at(2, 13, 11, 0), Wait::Days(2)),
            at(2, 24, 11, 0)
        );
        assert_eq!(days.next(at(2, 16, 10, 0)), at(2, 24, 9, 0));
        assert_eq!(
            days.before(at(2, 24, 9, 30), Wait::Hours(1)),
            at(2, 14, 17, 30)
        );
        assert_eq!(
            days.before(at(2, 24, 14, 0), Wait::Hours(1)),
            at(2, 24, 11, 30)
        );
    }

    const SHANGHAI: Tz = chrono_tz::Asia::Shanghai;

    fn local(zone: Tz, d: u32, h: u32, m: u32) -> Timestamp {
        // 2026-11-23 is a Monday.
        zone.with_ymd_and_hms(2026, 11, d, h, m, 0)
            .unwrap()
            .with_timezone(&Utc)
    }

    #[test]
    fn hours_and_days_are_counted_where_people_work() {
        let week = office(SHANGHAI);
        let at = |d, h, m| local(SHANGHAI, d, h, m);
        for (from, wait, expected) in [
            (at(23, 10, 0), Wait::Hours(8), at(23, 18, 0)),
            (at(23, 10, 1), Wait::Hours(8), at(24, 9, 1)),
            (at(23, 10, 0), Wait::Hours(0), at(23, 10, 0)),
            (at(27, 17, 0), Wait::Hours(8), at(30, 16, 0)),
            (at(28, 3, 0), Wait::Hours(1), at(30, 10, 0)),
            (at(22, 12, 0), Wait::Hours(24), at(25, 15, 0)),
            (at(25, 11, 0), Wait::Days(3), at(30, 11, 0)),
            (
                at(28, 11, 0),
                Wait::Days(1),
                at(30, 9, 0) + TimeDelta::days(1),
            ),
        ] {
            assert_eq!(week.after(from, wait), expected, "{from} + {wait:?}");
        }
        for (until, wait, expected) in [
            (at(24, 18, 0), Wait::Hours(8), at(24, 10, 0)),
            (at(24, 10, 0), Wait::Hours(8), at(23, 11, 0)),
            (at(24, 9, 0), Wait::Hours(8), at(23, 10, 0)),
            (at(30, 9, 30), Wait::Hours(1), at(27, 17, 30)),
            (at(29, 12, 0), Wait::Hours(9), at(27, 9, 0)),
            (at(30, 11, 0), Wait::Days(3), at(25, 11, 0)),
        ] {
            assert_eq!(week.before(until, wait), expected, "{until} - {wait:?}");
        }
        assert_eq!(week.next(at(28, 12, 0)), at(30, 9, 0));
        assert_eq!(week.next(at(27, 18, 0)), at(30, 9, 0));
        assert_eq!(week.next(at(27, 17, 59)), at(27, 17, 59));
    }

    /// An owner in New York is written to in the New York morning, whichever clock stands there.
    #[test]
    fn the_clock_of_the_person_counts() {
        let zone = chrono_tz::America::New_York;
        let week = office(zone);
        assert_eq!(week.next(local(SHANGHAI, 24, 10, 0)), local(zone, 24, 9, 0));
        // Clocks go back on 1 November 2026: Friday afternoon plus two hours is Monday morning.
        let friday = zone.with_ymd_and_hms(2026, 10, 30, 17, 0, 0).unwrap();
        let monday = zone.with_ymd_and_hms(2026, 11, 2, 10, 0, 0).unwrap();
        assert_eq!(
            week.after(friday.with_timezone(&Utc), Wait::Hours(2)),
            monday.with_timezone(&Utc)
        );
    }

    proptest! {
        /// What is counted forward is counted backward; waits add up; the result is working time.
        #[test]
        fn walks_there_and_back(minutes in 0_i64..2_000_000, a in 0_u16..100, b in 0_u16..100, zone in 0_usize..3) {
            let zone = [SHANGHAI, chrono_tz::America::New_York, chrono_tz::Australia::Lord_Howe][zone];
            let week = office(zone);
            let from = week.next(Utc.with_ymd_and_hms(2025, 1, 1, 0, 0, 0).unwrap() + TimeDelta::minutes(minutes));
            let there = week.after(from, Wait::Hours(a));
            prop_assert!(there >= from);
            let both = week.after(there, Wait::Hours(b));
            // An end of hours and the next start are the same point of working time.
            prop_assert_eq!(week.next(both), week.next(week.after(from, Wait::Hours(a + b))));
            let back = week.before(there, Wait::Hours(a));
            prop_assert!(back == from || week.next(back) == from, "{} {} {}", from, there, back);
            let days = week.after(from, Wait::Days(a));
            prop_assert_eq!(week.next(days), days);
        }
    }
}
