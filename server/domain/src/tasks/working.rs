//! When people work: what a wait is counted in, and when they may be written to.

use crate::clock::Timestamp;
use chrono::{Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
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

/// A week of five days of equal hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfficeWeek {
    /// Where its clock stands.
    pub zone: Tz,
    /// First hour of a day, 0 to 23.
    pub from: u32,
    /// Hour at which it ends, at most 24.
    pub to: u32,
}

/// Days looked at before a walk gives up: none is that long within the limits of [`Wait`].
const HORIZON: usize = 1000;

impl OfficeWeek {
    /// Monday to Friday, nine to six: of whom nobody knows better.
    #[must_use]
    pub fn usual(zone: Tz) -> Self {
        Self {
            zone,
            from: 9,
            to: 18,
        }
    }

    fn works(day: NaiveDate) -> bool {
        !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
    }

    fn at(&self, day: NaiveDate, time: NaiveTime) -> Timestamp {
        let mut local = day.and_time(time);
        // A clock that is put forward leaves an hour out: then the first instant behind it.
        for _ in 0..8 {
            if let Some(found) = local.and_local_timezone(self.zone).earliest() {
                return found.with_timezone(&Utc);
            }
            local += TimeDelta::minutes(30);
        }
        local.and_utc()
    }

    fn hours(&self, day: NaiveDate) -> Option<(Timestamp, Timestamp)> {
        let hour = |h: u32| NaiveTime::from_hms_opt(h, 0, 0);
        if !Self::works(day) {
            return None;
        }
        let start = self.at(day, hour(self.from)?);
        let end = match hour(self.to) {
            Some(time) => self.at(day, time),
            None => self.at(day.succ_opt()?, NaiveTime::MIN),
        };
        (start < end).then_some((start, end))
    }

    fn local(&self, at: Timestamp) -> (NaiveDate, NaiveTime) {
        let local = at.with_timezone(&self.zone);
        (local.date_naive(), local.time())
    }

    /// The working day `n` working days after `day` (negative: before), which is one itself.
    fn shift(day: NaiveDate, n: u16, back: bool) -> NaiveDate {
        let mut at = day;
        let mut left = n;
        for _ in 0..HORIZON {
            if left == 0 {
                break;
            }
            let next = if back { at.pred_opt() } else { at.succ_opt() };
            let Some(next) = next else { break };
            at = next;
            left -= u16::from(Self::works(at));
        }
        at
    }

    /// The last instant of work at or before `at`.
    fn last(&self, at: Timestamp) -> Timestamp {
        let (mut day, _) = self.local(at);
        for _ in 0..HORIZON {
            if let Some((start, end)) = self.hours(day)
                && at > start
            {
                return at.min(end);
            }
            let Some(before) = day.checked_sub_days(Days::new(1)) else {
                break;
            };
            day = before;
        }
        at
    }
}

impl WorkingTime for OfficeWeek {
    fn next(&self, at: Timestamp) -> Timestamp {
        let (mut day, _) = self.local(at);
        for _ in 0..HORIZON {
            if let Some((start, end)) = self.hours(day)
                && at < end
            {
                return at.max(start);
            }
            let Some(after) = day.succ_opt() else { break };
            day = after;
        }
        at
    }

    fn after(&self, from: Timestamp, wait: Wait) -> Timestamp {
        let start = self.next(from);
        match wait {
            Wait::Days(n) => {
                let (day, time) = self.local(start);
                self.next(self.at(Self::shift(day, n, false), time))
            }
            Wait::Hours(h) => {
                let mut left = TimeDelta::hours(i64::from(h));
                let mut at = start;
                for _ in 0..HORIZON {
                    let (day, _) = self.local(at);
                    let Some((_, end)) = self.hours(day) else {
                        break;
                    };
                    if at + left <= end {
                        return at + left;
                    }
                    left -= end - at;
                    at = self.next(end);
                }
                at
            }
        }
    }

    fn before(&self, until: Timestamp, wait: Wait) -> Timestamp {
        let end = self.last(until);
        match wait {
            Wait::Days(n) => {
                let (day, time) = self.local(end);
                self.at(Self::shift(day, n, true), time)
            }
            Wait::Hours(h) => {
                let mut left = TimeDelta::hours(i64::from(h));
                let mut at = end;
                for _ in 0..HORIZON {
                    // The end of a day's hours belongs to that day.
                    let (day, _) = self.local(at - TimeDelta::microseconds(1));
                    let Some((start, _)) = self.hours(day) else {
                        break;
                    };
                    if at - left >= start {
                        return at - left;
                    }
                    left -= at - start;
                    at = self.last(start);
                }
                at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;
    use proptest::prelude::*;

    const SHANGHAI: Tz = chrono_tz::Asia::Shanghai;

    fn local(zone: Tz, d: u32, h: u32, m: u32) -> Timestamp {
        // 2026-11-23 is a Monday.
        zone.with_ymd_and_hms(2026, 11, d, h, m, 0)
            .unwrap()
            .with_timezone(&Utc)
    }

    #[test]
    fn hours_and_days_are_counted_where_people_work() {
        let week = OfficeWeek::usual(SHANGHAI);
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
        let week = OfficeWeek::usual(zone);
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
            let week = OfficeWeek::usual(zone);
            let from = week.next(Utc.with_ymd_and_hms(2025, 1, 1, 0, 0, 0).unwrap() + TimeDelta::minutes(minutes));
            let there = week.after(from, Wait::Hours(a));
            prop_assert!(there >= from);
            let both = week.after(there, Wait::Hours(b));
            prop_assert_eq!(both, week.after(from, Wait::Hours(a + b)));
            let back = week.before(there, Wait::Hours(a));
            // An end of hours and the next start are the same point of working time.
            prop_assert!(back == from || week.next(back) == from, "{} {} {}", from, there, back);
            let days = week.after(from, Wait::Days(a));
            prop_assert_eq!(week.next(days), days);
        }
    }
}
