//! Days of the organisation, as tests speak of them.

use chrono::{
    DateTime, Days, NaiveDate, SecondsFormat, TimeDelta, TimeZone as _, Timelike as _, Utc,
};
use chrono_tz::Tz;

/// The present time.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the program under test is another process and has the machine's clock"
)]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Zone of the test's organisation: Shanghai, but for an hour round its midnight, when "today" would
/// change during the test.
#[must_use]
pub fn zone() -> Tz {
    let shanghai = chrono_tz::Asia::Shanghai;
    match now().with_timezone(&shanghai).hour() {
        0 | 23 => chrono_tz::Europe::Berlin,
        _ => shanghai,
    }
}

/// Today in [`zone`].
#[must_use]
pub fn today() -> NaiveDate {
    now().with_timezone(&zone()).date_naive()
}

/// The day `days` before today.
#[must_use]
pub fn ago(days: u64) -> NaiveDate {
    today().checked_sub_days(Days::new(days)).expect("a day")
}

/// A time of `day`, `seconds` after nine o'clock there, as the API takes it.
#[must_use]
pub fn on(day: NaiveDate, seconds: u32) -> String {
    let nine = day.and_hms_opt(9, 0, 0).expect("nine o'clock");
    let local = nine + TimeDelta::seconds(i64::from(seconds % 36_000));
    let at = zone()
        .from_local_datetime(&local)
        .earliest()
        .expect("no gap at nine");
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `seconds` before now, as the API takes it: surely today.
#[must_use]
pub fn just_now(seconds: u32) -> String {
    let at = now() - TimeDelta::seconds(i64::from(seconds % 1800));
    at.with_timezone(&zone())
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}
