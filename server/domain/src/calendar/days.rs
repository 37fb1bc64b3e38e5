//! A calendar, ready to be asked about days.

use super::{Calendar, Span, TimeOfDay, Weekday, china};
use crate::clock::Timestamp;
use crate::organisation::Bilingual;
use chrono::{LocalResult, NaiveDate, TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What sort of day it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = WorkDayKind))]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// An ordinary day with hours.
    Workday,
    /// A Saturday or Sunday without hours.
    Weekend,
    /// Another day of the week without hours.
    DayOff,
    /// A holiday.
    Holiday,
    /// An extra workday.
    MakeUpDay,
    /// It would be an extra workday, but this calendar does not follow them.
    MakeUpNotFollowed,
}

/// A day.
#[derive(Clone, Debug, PartialEq)]
pub struct Day<'a> {
    /// What sort.
    pub kind: DayKind,
    /// Name of the holiday or extra workday.
    pub name: Option<&'a Bilingual>,
    /// Its hours, in order.
    pub spans: &'a [Span],
}

impl Day<'_> {
    /// Minutes of its hours, on the clock.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        let each = self.spans.iter().map(|s| s.to.minutes() - s.from.minutes());
        each.map(u32::from).sum()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Exception {
    kind: DayKind,
    name: Bilingual,
    spans: Vec<Span>,
}

/// A calendar, ready to be asked. It holds everything that its answers depend on, so that one that is
/// kept gives the same answers for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Days {
    title: Bilingual,
    zone: Tz,
    week: [Vec<Span>; 7],
    exceptions: BTreeMap<NaiveDate, Exception>,
    known: Option<(i32, i32)>,
}

fn named(name: &str, name_en: &str) -> Bilingual {
    Bilingual::new(name, if name_en.is_empty() { name } else { name_en })
}

impl Days {
    /// Of a calendar that [`super::check`] has passed.
    #[must_use]
    pub fn of(calendar: &Calendar) -> Self {
        let week = Weekday::ALL.map(|day| calendar.week.of(day).to_vec());
        let usual = week.iter().find(|spans| !spans.is_empty());
        let mut exceptions = BTreeMap::new();
        let based = calendar.base.is_some();
        let dates = based.then(china::exceptions).unwrap_or_default();
        // The base first: what the calendar itself says of a day replaces it.
        for (holidays, workdays) in [
            (&dates.0, &dates.1),
            (&calendar.holidays, &calendar.extra_workdays),
        ] {
            for holiday in holidays {
                let days = (holiday.last() - holiday.from).num_days();
                for day in holiday.from.iter_days().take(days as usize + 1) {
                    let off = Exception {
                        kind: DayKind::Holiday,
                        name: named(&holiday.name, &holiday.name_en),
                        spans: Vec::new(),
                    };
                    exceptions.insert(day, off);
                }
            }
            for workday in workdays {
                let name = named(&workday.name, &workday.name_en);
                if !calendar.follows_make_up_days {
                    let spans = week[Weekday::of(workday.day) as usize].clone();
                    let ignored = Exception {
                        kind: DayKind::MakeUpNotFollowed,
                        name,
                        spans,
                    };
                    exceptions.entry(workday.day).or_insert(ignored);
                    continue;
                }
                let spans = if workday.spans.is_empty() {
                    workday
                        .like
                        .map(|day| &week[day as usize])
                        .or(usual)
                        .cloned()
                        .unwrap_or_default()
                } else {
                    workday.spans.clone()
                };
                let extra = Exception {
                    kind: DayKind::MakeUpDay,
                    name,
                    spans,
                };
                exceptions.insert(workday.day, extra);
            }
        }
        Self {
            title: calendar.title(),
            zone: calendar.zone,
            week,
            exceptions,
            known: based.then(china::known),
        }
    }

    /// The calendar's names.
    #[must_use]
    pub fn title(&self) -> &Bilingual {
        &self.title
    }

    /// The zone of its clock.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Whether the dates of that year are known. Where they are not, only the week and the calendar's own
    /// entries count.
    #[must_use]
    pub fn knows(&self, year: i32) -> bool {
        self.known
            .is_none_or(|(first, last)| (first..=last).contains(&year))
    }

    /// A day.
    #[must_use]
    pub fn day(&self, day: NaiveDate) -> Day<'_> {
        if let Some(found) = self.exceptions.get(&day) {
            return Day {
                kind: found.kind,
                name: Some(&found.name),
                spans: &found.spans,
            };
        }
        let weekday = Weekday::of(day);
        let spans = &self.week[weekday as usize];
        let kind = match weekday {
            _ if !spans.is_empty() => DayKind::Workday,
            Weekday::Sat | Weekday::Sun => DayKind::Weekend,
            _ => DayKind::DayOff,
        };
        Day {
            kind,
            name: None,
            spans,
        }
    }

    /// The first instant at which the clock of `day` has reached `time`.
    #[must_use]
    pub fn instant(&self, day: NaiveDate, time: TimeOfDay) -> Timestamp {
        let midnight = day.and_hms_opt(0, 0, 0).unwrap_or_default();
        let wall = midnight + TimeDelta::minutes(i64::from(time.minutes()));
        match self.zone.from_local_datetime(&wall) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.to_utc(),
            LocalResult::None => {
                // No zone is further from UTC than these; between them the clock passes `wall` once.
                let mut before = wall.and_utc() - TimeDelta::hours(15);
                let mut reached = wall.and_utc() + TimeDelta::hours(13);
                while reached - before > TimeDelta::seconds(1) {
                    let seconds = (reached - before).num_seconds() / 2;
                    let middle = before + TimeDelta::seconds(seconds);
                    if middle.with_timezone(&self.zone).naive_local() >= wall {
                        reached = middle;
                    } else {
                        before = middle;
                    }
                }
                reached
            }
        }
    }
}
