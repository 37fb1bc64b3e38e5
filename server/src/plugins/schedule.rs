//! When streams are pulled. `cron` reads the expression and finds firings on the wall clock of the
//! organisation; what a clock change does to them is ours.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Timelike as _, Utc};
use chrono_tz::Tz;
use cron::TimeUnitSpec as _;
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

/// The instants at which a wall-clock time fires. Where a clock change skips it, the first valid one;
/// where it comes twice, the earlier one. An expression that fires in every hour is about hours that pass,
/// not about a time of day: then a skipped time is left to the hours around it, and a time that comes
/// twice fires twice, or an hour would go by without any.
fn instants(mut local: NaiveDateTime, zone: Tz, hourly: bool) -> Vec<Timestamp> {
    for _ in 0..128 {
        match zone.from_local_datetime(&local) {
            LocalResult::Single(at) => return vec![at.with_timezone(&Utc)],
            LocalResult::Ambiguous(first, second) => {
                let mut all = vec![first.with_timezone(&Utc)];
                all.extend(hourly.then(|| second.with_timezone(&Utc)));
                return all;
            }
            LocalResult::None if hourly => return Vec::new(),
            // A quarter of an hour is the finest step of any clock change; a day was skipped once.
            LocalResult::None => {
                let past = i64::from(local.minute() % 15) * 60 + i64::from(local.second());
                local += TimeDelta::seconds(15 * 60 - past);
            }
        }
    }
    Vec::new()
}

/// The first regular pull after `now`.
#[must_use]
pub fn next(schedule: &Schedule, now: Timestamp, zone: Tz) -> Timestamp {
    let every = schedule.every_seconds.unwrap_or(USUAL_EVERY);
    let by_interval = now + TimeDelta::seconds(i64::from(every));
    let Some(expression) = schedule.cron.as_deref().and_then(|c| parse(c).ok()) else {
        return by_interval;
    };
    let hourly = expression.hours().count() == 24;
    let wall: DateTime<Utc> = now.with_timezone(&zone).naive_local().and_utc();
    // Some hours back: where the clock was turned back, firings of the repeated hour lie behind the wall
    // clock. No zone turns it by more than this, but once for a day.
    let from = wall - TimeDelta::hours(3);
    let mut best: Option<Timestamp> = None;
    for firing in expression.after(&from).take(100_000) {
        let all = instants(firing.naive_utc(), zone, hourly);
        // In the repeated hour a later time of the wall clock can be an earlier instant.
        if let (Some(best), Some(first)) = (best, all.first())
            && *first >= best
        {
            break;
        }
        let ahead = all.into_iter().filter(|at| *at > now);
        best = best.into_iter().chain(ahead).min();
    }
    // An expression that never fires again: once a year somebody may look.
    best.unwrap_or(now + TimeDelta::days(365))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    #[test]
    fn hours_that_pass_have_firings_whatever_the_clock_does() {
        let new_york = chrono_tz::America::New_York;
        // 01:00 comes twice: each half hour once, in order.
        assert_eq!(
            fires("*/30 * * * *", new_york, "2026-11-01T04:45:00Z", 6),
            [
                "2026-11-01T01:00:00-04:00",
                "2026-11-01T01:30:00-04:00",
                "2026-11-01T01:00:00-05:00",
                "2026-11-01T01:30:00-05:00",
                "2026-11-01T02:00:00-05:00",
                "2026-11-01T02:30:00-05:00"
            ]
        );
        // 02:00 does not come: no hour without a firing, none with two.
        assert_eq!(
            fires("20 * * * *", new_york, "2026-03-08T06:00:00Z", 3),
            [
                "2026-03-08T01:20:00-05:00",
                "2026-03-08T03:20:00-04:00",
                "2026-03-08T04:20:00-04:00"
            ]
        );
        let london = chrono_tz::Europe::London;
        assert_eq!(
            fires("30 1 * * *", london, "2026-03-28T12:00:00Z", 2),
            ["2026-03-29T02:00:00+01:00", "2026-03-30T01:30:00+01:00"]
        );
        assert_eq!(
            fires("30 1 * * *", london, "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T01:30:00+01:00", "2026-10-26T01:30:00+00:00"]
        );
        // Midnight itself does not exist on 2018-11-04.
        let sao_paulo = chrono_tz::America::Sao_Paulo;
        assert_eq!(
            fires("10 0 * * *", sao_paulo, "2018-11-03T12:00:00Z", 2),
            ["2018-11-04T01:00:00-02:00", "2018-11-05T00:10:00-02:00"]
        );
        let lord_howe = chrono_tz::Australia::Lord_Howe;
        assert_eq!(
            fires("45 * * * *", lord_howe, "2026-04-04T14:00:00Z", 3),
            [
                "2026-04-05T01:45:00+11:00",
                "2026-04-05T01:45:00+10:30",
                "2026-04-05T02:45:00+10:30"
            ]
        );
    }

    #[test]
    fn an_expression_that_never_fires_ends() {
        let never = fires("0 0 30 2 *", chrono_tz::UTC, "2026-01-01T00:00:00Z", 1);
        assert_eq!(never, ["2027-01-01T00:00:00+00:00"]);
    }

    fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
        prop_oneof![
            3 => Just("*".to_owned()),
            3 => (least..=most).prop_map(|n| n.to_string()),
            2 => (2u32..=most / 2).prop_map(|n| format!("*/{n}")),
            2 => (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
            1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{a},{b}")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Where no clock changes, `cron` through our rules and `croner` fire at the same times.
        #[test]
        fn agrees_with_another_implementation(
            minute in field(0, 59), hour in field(0, 23), day in field(1, 28), month in field(1, 12), week in field(0, 6),
            by_week in any::<bool>(), from in 1_767_225_600i64..1_830_000_000,
        ) {
            let (day, week) = if by_week { ("*".to_owned(), week) } else { (day, "*".to_owned()) };
            // Steps of week days: `cron` counts them from Sunday as 1, `croner` from Sunday as 0.
            prop_assume!(!week.contains('/'));
            let text = format!("{minute} {hour} {day} {month} {week}");
            let zone = chrono_tz::Asia::Shanghai;
            let other = croner::parser::CronParser::new().parse(&text).unwrap();
            let schedule = Schedule { every_seconds: None, cron: Some(text.clone()) };
            let mut now = Timestamp::from_timestamp(from, 0).unwrap();
            for _ in 0..5 {
                let theirs = other.find_next_occurrence(&now.with_timezone(&zone), false);
                let Ok(theirs) = theirs else { break };
                let theirs = theirs.with_timezone(&Utc);
                prop_assert_eq!(next(&schedule, now, zone), theirs, "{} after {}", text, now);
                now = theirs;
            }
        }
    }
}
