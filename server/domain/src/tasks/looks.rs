//! Which nights a done task is looked at.

use crate::verification::MATURITY_SCHEDULED;
use chrono::{Days, NaiveDate};

/// Nights after the last look of the horizon on which late ratings are still expected.
const LATE_NIGHTS: u64 = 7;
/// Days after that in which an import of old data may still change the windows, and in which closed
/// months get their statements: a year and a month.
const LATE_DAYS: u64 = 400;

/// The day whose night looks next at a fix that went live on `effective_day`; `today` was the last
/// (or is the day on which the fix was reported). Every night from the first mature week to the
/// horizon and a week more; then weekly for a year, as data may come late and
/// months close; `None`: no more.
#[must_use]
pub fn next_look(
    effective_day: NaiveDate,
    min_days: u32,
    horizon_days: u32,
    today: NaiveDate,
) -> Option<NaiveDate> {
    let mature = u64::from(MATURITY_SCHEDULED) + 1;
    let first = effective_day.checked_add_days(Days::new(u64::from(min_days) + mature))?;
    let last = effective_day.checked_add_days(Days::new(u64::from(horizon_days) + mature))?;
    let tomorrow = today.succ_opt()?;
    if tomorrow <= last.checked_add_days(Days::new(LATE_NIGHTS))? {
        return Some(tomorrow.max(first));
    }
    let next_week = today.checked_add_days(Days::new(7))?;
    let end = last.checked_add_days(Days::new(LATE_DAYS))?;
    (next_week <= end).then_some(next_week)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(d: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(d)
    }

    #[test]
    fn every_night_from_the_first_mature_week_to_the_horizon_then_weekly() {
        let next = |today| next_look(day(0), 7, 28, day(today));
        assert_eq!(next(0), Some(day(10)), "seven full days, two to mature");
        assert_eq!(next(10), Some(day(11)));
        assert_eq!(next(30), Some(day(31)), "the last look of the horizon");
        assert_eq!(next(37), Some(day(38)), "late ratings");
        assert_eq!(next(38), Some(day(45)), "then weekly");
        assert_eq!(next(500), None, "and not for ever");
        let mut today = 0;
        let mut looks = 0;
        while let Some(look) = next(today) {
            assert!(look > day(today));
            today = (look - day(0)).num_days().unsigned_abs();
            looks += 1;
        }
        assert_eq!(looks, 29 + 56);
    }

    #[test]
    fn a_date_in_the_past_is_looked_at_the_next_night() {
        assert_eq!(next_look(day(0), 7, 28, day(20)), Some(day(21)));
    }
}
