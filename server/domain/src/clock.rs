//! The clock, injected: tests own time, and one request or transaction has one `now`.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

/// A point in time, UTC, microseconds.
pub type Timestamp = DateTime<Utc>;

/// Where the present time comes from.
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> Timestamp;
}

/// The calendar day of `at` in `zone`: the day that facts, detectors and verdicts count in.
#[must_use]
pub fn local_day(at: Timestamp, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// First instant of `day` in `zone`. Where midnight does not exist (a gap), the first that does.
#[must_use]
pub fn start_of_day(day: NaiveDate, zone: Tz) -> Timestamp {
    let midnight = day.and_hms_opt(0, 0, 0).unwrap_or_default();
    let mut local = midnight;
    for _ in 0..8 {
        if let Some(found) = local.and_local_timezone(zone).earliest() {
            return found.with_timezone(&Utc);
        }
        local += TimeDelta::minutes(30);
    }
    midnight.and_utc()
}
