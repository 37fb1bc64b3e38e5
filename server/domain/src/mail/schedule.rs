//! When a mail goes to a person: at once, with others in a digest, or after quiet hours. Nothing is ever
//! dropped: what does not go now has a time at which it goes.

use crate::clock::Timestamp;
use crate::intake::values::in_zone;
use crate::organisation::Locale;
use chrono::{Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Timelike, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// How often a person wants to hear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Every mail when it comes.
    #[default]
    Immediate,
    /// One mail at every full hour.
    Hourly,
    /// One mail a day.
    Daily,
}

/// A time without mail, every day or on some days of the week. A span over midnight belongs to the day it
/// begins on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// `22:00`; the same as `to`: the whole day.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    #[serde(with = "clock")]
    pub from: NaiveTime,
    /// `08:00`
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    #[serde(with = "clock")]
    pub to: NaiveTime,
    /// 1 = Monday … 7 = Sunday; empty: every day.
    #[serde(default)]
    pub weekdays: Vec<u8>,
}

mod clock {
    use chrono::NaiveTime;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(time: &NaiveTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&time.format("%H:%M"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(from)?;
        NaiveTime::parse_from_str(&text, "%H:%M").map_err(|_| D::Error::custom("a time is HH:MM"))
    }
}

/// What a person wants of mails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Preference {
    /// How often.
    #[serde(default)]
    pub pace: Pace,
    /// When the daily mail comes, on the person's clock.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    #[serde(default = "nine", with = "clock")]
    pub daily_at: NaiveTime,
    /// Times without mail.
    #[serde(default)]
    pub quiet: Vec<Quiet>,
    /// Urgent mails come at once all the same.
    #[serde(default = "yes")]
    pub urgent_at_once: bool,
    /// Language of mails and pages; as the department or the account says when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Locale>,
    /// The person's clock, an IANA name; as the department or the organisation says when missing.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Tz>,
}

impl Preference {
    /// Puts the person's own language and zone in the place of what others said of them.
    pub fn apply(&self, language: &mut Locale, zone: &mut Tz) {
        *language = self.language.unwrap_or(*language);
        *zone = self.zone.unwrap_or(*zone);
    }
}

fn nine() -> NaiveTime {
    NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default()
}

fn yes() -> bool {
    true
}

impl Default for Preference {
    fn default() -> Self {
        Self {
            pace: Pace::Immediate,
            daily_at: nine(),
            quiet: Vec::new(),
            urgent_at_once: true,
            language: None,
            zone: None,
        }
    }
}

/// What is wrong with a wish: field and reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impossible {
    /// Which input.
    pub field: &'static str,
    /// For people.
    pub detail: &'static str,
}

/// When a mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// At once.
    Now,
    /// With the others of its digest.
    Digest(Timestamp),
    /// After the quiet hours.
    Quiet(Timestamp),
}

fn in_span(quiet: &Quiet, weekday: Weekday, time: NaiveTime) -> bool {
    let on = |day: Weekday| {
        quiet.weekdays.is_empty()
            || quiet
                .weekdays
                .contains(&u8::try_from(day.number_from_monday()).unwrap_or(0))
    };
    if quiet.from < quiet.to {
        on(weekday) && (quiet.from..quiet.to).contains(&time)
    } else {
        // Over midnight, or the whole day when both are the same.
        (on(weekday) && time >= quiet.from) || (on(weekday.pred()) && time < quiet.to)
    }
}

impl Preference {
    /// Checks a wish; times that leave no minute of the week for mail are refused.
    pub fn check(&self) -> Result<(), Impossible> {
        let wrong = |field, detail| Err(Impossible { field, detail });
        if self.quiet.len() > 10 {
            return wrong("quiet", "at most 10");
        }
        if self
            .quiet
            .iter()
            .flat_map(|q| &q.weekdays)
            .any(|d| !(1..=7).contains(d))
        {
            return wrong("quiet", "weekdays are 1 (Monday) to 7 (Sunday)");
        }
        let monday = NaiveDate::from_isoywd_opt(2026, 1, Weekday::Mon).unwrap_or_default();
        let open = (0..7 * 24 * 60).any(|minute| {
            let at = monday.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute);
            !self.is_quiet(at.weekday(), at.time())
        });
        if open {
            Ok(())
        } else {
            wrong("quiet", "some time of the week must be left for mail")
        }
    }

    fn is_quiet(&self, weekday: Weekday, time: NaiveTime) -> bool {
        self.quiet.iter().any(|q| in_span(q, weekday, time))
    }

    /// The first moment from `at` on, minute by minute, that is not quiet.
    fn after_quiet(&self, at: Timestamp, zone: Tz) -> Timestamp {
        let quiet = |at: Timestamp| {
            let local = at.with_timezone(&zone);
            self.is_quiet(local.weekday(), local.time())
        };
        if !quiet(at) {
            return at;
        }
        // Steps in real time, so clocks that are set forward or back need no rule of their own.
        let start = at
            - TimeDelta::seconds(i64::from(at.second()))
            - TimeDelta::nanoseconds(i64::from(at.nanosecond()));
        (1..=8 * 24 * 60)
            .map(|minute| start + TimeDelta::minutes(minute))
            .find(|at| !quiet(*at))
            .unwrap_or(at)
    }

    /// When a mail that is ready at `at` goes to a person of `zone`.
    #[must_use]
    pub fn decide(&self, urgent: bool, at: Timestamp, zone: Tz) -> Decision {
        if urgent && self.urgent_at_once {
            return Decision::Now;
        }
        let local = at.with_timezone(&zone).naive_local();
        let next = match self.pace {
            Pace::Immediate => None,
            Pace::Hourly => Some(
                local
                    .date()
                    .and_hms_opt(local.hour(), 0, 0)
                    .unwrap_or(local)
                    + TimeDelta::hours(1),
            ),
            Pace::Daily => {
                let today = local.date().and_time(self.daily_at);
                let day = if local < today {
                    local.date()
                } else {
                    local
                        .date()
                        .checked_add_days(Days::new(1))
                        .unwrap_or(local.date())
                };
                Some(day.and_time(self.daily_at))
            }
        };
        match next {
            Some(local) => {
                // Where clocks are set back the next full hour may have been once before.
                let due = in_zone(local, zone).max(at + TimeDelta::seconds(1));
                Decision::Digest(self.after_quiet(due, zone))
            }
            None => match self.after_quiet(at, zone) {
                until if until > at => Decision::Quiet(until),
                _ => Decision::Now,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        let local = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        in_zone(local, chrono_tz::Asia::Shanghai)
    }

    fn time(text: &str) -> NaiveTime {
        NaiveTime::parse_from_str(text, "%H:%M").unwrap()
    }

    fn quiet(from: &str, to: &str, weekdays: &[u8]) -> Quiet {
        Quiet {
            from: time(from),
            to: time(to),
            weekdays: weekdays.to_vec(),
        }
    }

    #[test]
    fn times_of_mails() {
        let night = vec![
            quiet("22:00", "08:00", &[]),
            quiet("00:00", "00:00", &[6, 7]),
        ];
        let wish = |pace, quiet: &[Quiet]| Preference {
            pace,
            quiet: quiet.to_vec(),
            ..Preference::default()
        };
        // The 20th of November 2026 is a Friday.
        let cases = [
            (
                wish(Pace::Immediate, &[]),
                "2026-11-20 23:00",
                Decision::Now,
            ),
            (
                wish(Pace::Immediate, &night),
                "2026-11-20 21:59",
                Decision::Now,
            ),
            (
                wish(Pace::Immediate, &night),
                "2026-11-19 22:00",
                Decision::Quiet(at("2026-11-20 08:00")),
            ),
            (
                wish(Pace::Immediate, &night),
                "2026-11-20 07:59",
                Decision::Quiet(at("2026-11-20 08:00")),
            ),
            // Friday night runs into a quiet weekend, and that into Sunday's night.
            (
                wish(Pace::Immediate, &night),
                "2026-11-20 22:30",
                Decision::Quiet(at("2026-11-23 08:00")),
            ),
            (
                wish(Pace::Hourly, &[]),
                "2026-11-20 10:20",
                Decision::Digest(at("2026-11-20 11:00")),
            ),
            (
                wish(Pace::Hourly, &[]),
                "2026-11-20 10:00",
                Decision::Digest(at("2026-11-20 11:00")),
            ),
            (
                wish(Pace::Hourly, &night),
                "2026-11-19 21:20",
                Decision::Digest(at("2026-11-20 08:00")),
            ),
            (
                wish(Pace::Daily, &[]),
                "2026-11-20 08:59",
                Decision::Digest(at("2026-11-20 09:00")),
            ),
            (
                wish(Pace::Daily, &[]),
                "2026-11-20 09:00",
                Decision::Digest(at("2026-11-21 09:00")),
            ),
            (
                wish(Pace::Daily, &night),
                "2026-11-20 12:00",
                Decision::Digest(at("2026-11-23 08:00")),
            ),
        ];
        for (wish, now, expected) in cases {
            assert_eq!(
                wish.decide(false, at(now), chrono_tz::Asia::Shanghai),
                expected,
                "{wish:?} {now}"
            );
            assert_eq!(
                wish.decide(true, at(now), chrono_tz::Asia::Shanghai),
                Decision::Now,
                "urgent at {now}"
            );
            let strict = Preference {
                urgent_at_once: false,
                ..wish
            };
            assert_eq!(
                strict.decide(true, at(now), chrono_tz::Asia::Shanghai),
                expected
            );
        }
    }

    #[test]
    fn clocks_that_change_hold_nothing_for_ever() {
        // Two in the morning does not exist on 2026-03-08 and one comes twice on 2026-11-01.
        let zone = chrono_tz::America::New_York;
        let wish = Preference {
            pace: Pace::Hourly,
            ..Preference::default()
        };
        for utc in [
            (2026, 3, 8, 6, 30),
            (2026, 11, 1, 5, 30),
            (2026, 11, 1, 6, 30),
        ] {
            let at = Utc
                .with_ymd_and_hms(utc.0, utc.1, utc.2, utc.3, utc.4, 0)
                .unwrap();
            let Decision::Digest(until) = wish.decide(false, at, zone) else {
                panic!("a digest")
            };
            let wait = (until - at).num_minutes();
            assert!((0..=90).contains(&wait), "{at} waits {wait} minutes");
        }
    }

    #[test]
    fn wishes_that_leave_no_time_are_refused() {
        let all = Preference {
            quiet: vec![quiet("00:00", "00:00", &[])],
            ..Preference::default()
        };
        assert_eq!(all.check().unwrap_err().field, "quiet");
        let wrong = Preference {
            quiet: vec![quiet("22:00", "08:00", &[8])],
            ..Preference::default()
        };
        assert!(wrong.check().is_err());
        let good = Preference {
            quiet: vec![quiet("22:00", "08:00", &[1, 2])],
            ..Preference::default()
        };
        assert!(good.check().is_ok());
        let text = serde_json::to_string(&good).unwrap();
        assert!(text.contains("\"22:00\""), "{text}");
        assert_eq!(serde_json::from_str::<Preference>(&text).unwrap(), good);
        assert_eq!(
            serde_json::from_str::<Preference>("{}").unwrap(),
            Preference::default()
        );
    }

    proptest! {
        /// Whatever is wished, a mail goes within nine days, never in the past, and not in quiet hours.
        #[test]
        fn every_mail_goes(from in 0_u32..1440, to in 0_u32..1440, day in 1_u8..8, pace in 0_usize..3, minute in 0_i64..20_000) {
            let clock = |m: u32| NaiveTime::from_hms_opt(m / 60, m % 60, 0).unwrap();
            let wish = Preference {
                pace: [Pace::Immediate, Pace::Hourly, Pace::Daily][pace],
                quiet: vec![Quiet { from: clock(from), to: clock(to), weekdays: vec![day] }],
                ..Preference::default()
            };
            prop_assert!(wish.check().is_ok());
            let zone = chrono_tz::America::New_York;
            let now = Utc.with_ymd_and_hms(2026, 10, 25, 0, 0, 0).unwrap() + TimeDelta::minutes(minute);
            let until = match wish.decide(false, now, zone) {
                Decision::Now => now,
                Decision::Digest(until) | Decision::Quiet(until) => { prop_assert!(until > now); until }
            };
            prop_assert!(until - now < TimeDelta::days(9));
            let local = until.with_timezone(&zone);
            prop_assert!(!wish.is_quiet(local.weekday(), local.time()));
        }
    }
}
