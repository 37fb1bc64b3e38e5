//! When streams are pulled. `cron` reads the expression and finds firings on the wall clock of the
//! organisation; what a clock change does to them is ours.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use domain::clock::Timestamp;
use domain::plugins::{Schedule, USUAL_EVERY};
use std::str::FromStr;

/// Reads an expression of five fields (minutes first) or six (seconds first), week days 0 or 7 for Sunday as
/// everywhere else.
pub fn parse(text: &str) -> Result<cron::Schedule, String> {
    let mut fields: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    if fields.len() == 5 {
        fields.insert(0, "0".to_owned());
    }
    if fields.len() != 6 {
        return Err("five or six fields: [seconds] minutes hours days months week-days".to_owned());
    }
    let free = |field: &str| field == "*" || field == "?";
    if !free(&fields[3]) && !free(&fields[5]) {
        return Err("days of the month or days of the week, not both".to_owned());
    }
    fields[5] = week_days(&fields[5])?;
    cron::Schedule::from_str(&fields.join(" "))
        .map_err(|_| "it is no expression of cron".to_owned())
}

/// Numbers of week days as names: the library counts from Sunday = 1, people from Sunday = 0.
fn week_days(field: &str) -> Result<String, String> {
    const NAMES: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let mut out = String::new();
    let mut step = false;
    let mut number = String::new();
    for c in field.chars().chain(std::iter::once(' ')) {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        if !number.is_empty() {
            if step {
                out.push_str(&number);
            } else {
                let day: usize = number
                    .parse()
                    .map_err(|_| "week days are 0 to 7".to_owned())?;
                out.push_str(NAMES.get(day).ok_or("week days are 0 to 7")?);
            }
            number.clear();
        }
        step = c == '/';
        if c != ' ' {
            out.push(c);
        }
    }
    Ok(out)
}

/// The instant of a wall-clock time: the first valid one where a clock change skips it, the earlier one where
/// it comes twice.
fn instant(mut local: NaiveDateTime, zone: Tz) -> Timestamp {
    for _ in 0..16 {
        match zone.from_local_datetime(&local) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => {
                return at.with_timezone(&Utc);
            }
            LocalResult::None => local += TimeDelta::minutes(15),
        }
    }
    local.and_utc()
}

/// The first regular pull after `now`.
#[must_use]
pub fn next(schedule: &Schedule, now: Timestamp, zone: Tz) -> Timestamp {
    let every = schedule.every_seconds.unwrap_or(USUAL_EVERY);
    let by_interval = now + TimeDelta::seconds(i64::from(every));
    let Some(expression) = schedule.cron.as_deref().and_then(|c| parse(c).ok()) else {
        return by_interval;
    };
    let wall: DateTime<Utc> = now.with_timezone(&zone).naive_local().and_utc();
    // An hour back: where the clock was turned back, firings of the repeated hour lie behind the wall clock.
    let from = wall - TimeDelta::hours(1);
    expression
        .after(&from)
        .take(100_000)
        .map(|firing| instant(firing.naive_utc(), zone))
        .find(|at| *at > now)
        // An expression that never fires again: once a year somebody may look.
        .unwrap_or(now + TimeDelta::days(365))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(cron: &str, zone: Tz, from: &str, n: usize) -> Vec<String> {
        let schedule = Schedule {
            every_seconds: None,
            cron: Some(cron.to_owned()),
        };
        let mut now: Timestamp = DateTime::parse_from_rfc3339(from)
            .unwrap()
            .with_timezone(&Utc);
        (0..n)
            .map(|_| {
                now = next(&schedule, now, zone);
                now.with_timezone(&zone).to_rfc3339()
            })
            .collect()
    }

    #[test]
    fn expressions_are_read_as_everywhere_else() {
        let shanghai = chrono_tz::Asia::Shanghai;
        assert_eq!(
            fires("30 2 * * *", shanghai, "2026-11-21T20:00:00Z", 2),
            ["2026-11-23T02:30:00+08:00", "2026-11-24T02:30:00+08:00"]
        );
        // 1 is Monday, 0 and 7 are Sunday; 2026-11-22 is one.
        assert_eq!(
            fires("0 0 9 * * 1", shanghai, "2026-11-22T00:00:00Z", 1),
            ["2026-11-23T09:00:00+08:00"]
        );
        for sunday in ["0 9 * * 0", "0 9 * * 7", "0 9 * * SUN"] {
            assert_eq!(
                fires(sunday, shanghai, "2026-11-22T00:00:00Z", 1),
                ["2026-11-22T09:00:00+08:00"]
            );
        }
        assert_eq!(
            fires("*/20 * * * 1-5", shanghai, "2026-11-22T15:50:00Z", 2),
            ["2026-11-23T00:00:00+08:00", "2026-11-23T00:20:00+08:00"]
        );
        for wrong in ["", "* * * *", "61 * * * *", "0 9 1 * 1", "0 9 * * 8", "x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn clock_changes_neither_skip_nor_repeat_a_day() {
        let new_york = chrono_tz::America::New_York;
        // 2026-03-08: 02:30 does not exist. 2026-11-01: 01:30 comes twice.
        assert_eq!(
            fires("30 2 * * *", new_york, "2026-03-07T12:00:00Z", 2),
            ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]
        );
        assert_eq!(
            fires("30 1 * * *", new_york, "2026-10-31T12:00:00Z", 2),
            ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]
        );
        let lord_howe = chrono_tz::Australia::Lord_Howe;
        assert_eq!(
            fires("15 2 * * *", lord_howe, "2026-10-03T00:00:00Z", 2),
            ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]
        );
    }

    #[test]
    fn without_an_expression_it_is_an_interval() {
        let now = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
        let every = Schedule {
            every_seconds: Some(60),
            cron: None,
        };
        assert_eq!(
            next(&every, now, chrono_tz::UTC),
            now + TimeDelta::seconds(60)
        );
        assert_eq!(
            next(&Schedule::default(), now, chrono_tz::UTC),
            now + TimeDelta::seconds(300)
        );
    }
}
