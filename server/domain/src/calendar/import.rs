//! What an import makes of a calendar, day by day.

use super::ics::{Entry, Sort};
use super::{Calendar, ExtraWorkday, Holiday};
use chrono::{Days, NaiveDate};
use serde::Serialize;
use std::collections::BTreeMap;

/// What becomes of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CalendarChange))]
pub struct Change {
    /// The day.
    pub day: NaiveDate,
    /// What it becomes.
    pub sort: Sort,
    /// Its name.
    pub name: String,
    /// What the calendar's own entries said of it.
    pub before: Option<Sort>,
    /// Its name there.
    pub name_before: Option<String>,
}

/// The calendar with `entries` in the place of its own entries of the same days, and the days that
/// change by that. Where a file says two things of a day, the extra workday wins: that is how feeds
/// mark it inside of a longer holiday.
#[must_use]
pub fn merged(calendar: &Calendar, entries: &[Entry]) -> (Calendar, Vec<Change>) {
    let mut wanted: BTreeMap<NaiveDate, (Sort, String)> = BTreeMap::new();
    for entry in entries {
        let days = (entry.to - entry.from).num_days();
        for day in entry.from.iter_days().take(days as usize + 1) {
            let first = wanted
                .get(&day)
                .is_none_or(|(sort, _)| *sort == Sort::Holiday && entry.sort == Sort::ExtraWorkday);
            if first {
                wanted.insert(day, (entry.sort, entry.name.clone()));
            }
        }
    }
    let mut off: BTreeMap<NaiveDate, (String, String)> = BTreeMap::new();
    for holiday in &calendar.holidays {
        let days = (holiday.last() - holiday.from).num_days();
        for day in holiday.from.iter_days().take(days as usize + 1) {
            off.insert(day, (holiday.name.clone(), holiday.name_en.clone()));
        }
    }
    let mut work: BTreeMap<NaiveDate, ExtraWorkday> = calendar
        .extra_workdays
        .iter()
        .map(|w| (w.day, w.clone()))
        .collect();
    let mut changes = Vec::new();
    for (day, (sort, name)) in &wanted {
        let before = if let Some(workday) = work.get(day) {
            Some((Sort::ExtraWorkday, workday.name.clone()))
        } else {
            off.get(day).map(|(name, _)| (Sort::Holiday, name.clone()))
        };
        if before.as_ref() == Some(&(*sort, name.clone())) {
            continue;
        }
        off.remove(day);
        work.remove(day);
        match sort {
            Sort::Holiday => {
                off.insert(*day, (name.clone(), String::new()));
            }
            Sort::ExtraWorkday => {
                let extra = ExtraWorkday {
                    day: *day,
                    name: name.clone(),
                    ..ExtraWorkday::default()
                };
                work.insert(*day, extra);
            }
        }
        changes.push(Change {
            day: *day,
            sort: *sort,
            name: name.clone(),
            before: before.as_ref().map(|b| b.0),
            name_before: before.map(|b| b.1),
        });
    }
    if changes.is_empty() {
        return (calendar.clone(), changes);
    }
    let next = Calendar {
        holidays: ranges(&off),
        extra_workdays: work.into_values().collect(),
        ..calendar.clone()
    };
    (next, changes)
}

/// Neighbouring days of one name as one entry, none longer than a year.
fn ranges(days: &BTreeMap<NaiveDate, (String, String)>) -> Vec<Holiday> {
    let mut out: Vec<Holiday> = Vec::new();
    for (day, (name, name_en)) in days {
        if let Some(last) = out.last_mut()
            && last.last().checked_add_days(Days::new(1)) == Some(*day)
            && (*day - last.from).num_days() < 366
            && last.name == *name
            && last.name_en == *name_en
        {
            last.to = Some(*day);
            continue;
        }
        out.push(Holiday {
            from: *day,
            to: None,
            name: name.clone(),
            name_en: name_en.clone(),
        });
    }
    out
}
