//! Business calendars: when people work, and therefore when something is due.
//!
//! A [`Calendar`] is what an organisation writes down; [`Days`] is the same, ready to be asked. Time is
//! counted in whole minutes on the wall clock of the calendar's zone. What a clock change does is our
//! own rule: **a boundary stands at the first instant at which the clock has reached it**. In a gap that
//! is the first instant after it, in a fold the first of the two.

mod china;
mod days;
mod ics;
mod import;
mod work;

pub use china::{BUILT_IN, Notice, notices};
pub use days::{Day, DayKind, Days};
pub use ics::{
    Entry, MAX_BYTES as MAX_ICS_BYTES, NotACalendar, Refusal, Sort, Unread, read as read_ics,
};
pub use import::{Change, merged};
pub use work::{
    Beyond, Explanation, Line, MAX_LINES, MAX_PAUSES, Pause, Reason, Walk, Why, add_working_time,
    due, explain, explain_span, next_minute, working_minutes,
};

use crate::organisation::{Bilingual, Invalid, check_key};
use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Years ahead for which anything is computed. A target that takes longer is refused.
pub const MAX_YEARS: i64 = 10;
/// Most minutes of a target: more than any calendar counts in [`MAX_YEARS`].
pub const MAX_MINUTES: u32 = 10 * 366 * 24 * 60;
/// Most working hours of a day's spans: a day has no more.
const MAX_SPANS: usize = 12;
/// Most entries of holidays, and of extra workdays.
const MAX_ENTRIES: usize = 1000;
/// Most days of all holidays together.
const MAX_DAYS: usize = 5000;
/// First and last year of a date.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2199;

/// A time on the wall clock, `00:00` to `24:00`, in minutes after midnight.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Midnight at the end of the day.
    pub const END: Self = Self(24 * 60);

    /// `hour` and `minute`; `None` where no clock shows it. 24:00 is the end of the day.
    #[must_use]
    pub fn new(hour: u16, minute: u16) -> Option<Self> {
        let fits = hour < 24 && minute < 60 || hour == 24 && minute == 0;
        fits.then_some(Self(hour * 60 + minute))
    }

    /// Minutes after midnight, at most 1440.
    #[must_use]
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(hour, minute)| {
            let digits = |s: &str| s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit());
            if !digits(hour) || !digits(minute) {
                return None;
            }
            Self::new(hour.parse().ok()?, minute.parse().ok()?)
        });
        parts.ok_or_else(|| "expected a time from 00:00 to 24:00".to_owned())
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// Hours in which people work: from `from` until before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = WorkSpan))]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// `08:00`.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub from: TimeOfDay,
    /// `12:00`; `24:00` is the end of the day.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub to: TimeOfDay,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Weekday {
    /// From Monday on.
    pub const ALL: [Self; 7] = [
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
        Self::Sun,
    ];

    /// The one of a date.
    #[must_use]
    pub fn of(day: NaiveDate) -> Self {
        Self::ALL[day.weekday().num_days_from_monday() as usize]
    }

    /// The stable name: `mon`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

/// The hours of an ordinary week: spans of each day in their order; a day without spans is free.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = WorkWeek))]
#[serde(deny_unknown_fields)]
pub struct Week {
    /// Monday.
    #[serde(default)]
    pub mon: Vec<Span>,
    /// Tuesday.
    #[serde(default)]
    pub tue: Vec<Span>,
    /// Wednesday.
    #[serde(default)]
    pub wed: Vec<Span>,
    /// Thursday.
    #[serde(default)]
    pub thu: Vec<Span>,
    /// Friday.
    #[serde(default)]
    pub fri: Vec<Span>,
    /// Saturday.
    #[serde(default)]
    pub sat: Vec<Span>,
    /// Sunday.
    #[serde(default)]
    pub sun: Vec<Span>,
}

impl Week {
    /// The spans of a day.
    #[must_use]
    pub fn of(&self, day: Weekday) -> &[Span] {
        match day {
            Weekday::Mon => &self.mon,
            Weekday::Tue => &self.tue,
            Weekday::Wed => &self.wed,
            Weekday::Thu => &self.thu,
            Weekday::Fri => &self.fri,
            Weekday::Sat => &self.sat,
            Weekday::Sun => &self.sun,
        }
    }

    /// Monday to Friday with the same spans.
    #[must_use]
    pub fn workdays(spans: &[Span]) -> Self {
        let day = || spans.to_vec();
        Self {
            mon: day(),
            tue: day(),
            wed: day(),
            thu: day(),
            fri: day(),
            sat: Vec::new(),
            sun: Vec::new(),
        }
    }

    /// Minutes of a week.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        let spans = Weekday::ALL.iter().flat_map(|day| self.of(*day));
        spans
            .map(|span| u32::from(span.to.0.saturating_sub(span.from.0)))
            .sum()
    }
}

/// A day, or days, on which nobody works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// First day.
    pub from: NaiveDate,
    /// Last day, included; one day when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
    /// Name for people.
    pub name: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
}

impl Holiday {
    /// The last day.
    #[must_use]
    pub fn last(&self) -> NaiveDate {
        self.to.unwrap_or(self.from)
    }
}

/// A day on which people work although the week, or a holiday of the base, says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ExtraWorkday {
    /// The day.
    pub day: NaiveDate,
    /// Name for people.
    pub name: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
    /// It has the hours of this day of the week; of the first one with hours when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<Weekday>,
    /// It has these hours instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
}

/// When people work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = BusinessCalendar))]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Stable name.
    #[serde(default)]
    pub key: String,
    /// Name for people; the key when empty.
    #[serde(default)]
    pub name: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
    /// IANA zone of its clock.
    #[serde(default = "shanghai")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub zone: chrono_tz::Tz,
    /// Hours of an ordinary week.
    pub week: Week,
    /// The built-in calendar whose holidays and make-up days hold here too, this calendar's own entries
    /// before them: `cn`.
    #[serde(default)]
    pub base: Option<String>,
    /// Days on which nobody works.
    #[serde(default)]
    pub holidays: Vec<Holiday>,
    /// Days on which people work as an exception.
    #[serde(default)]
    pub extra_workdays: Vec<ExtraWorkday>,
    /// Whether extra workdays count, own ones and those of the base. Finance departments and banks often
    /// keep their weekends.
    #[serde(default = "yes")]
    pub follows_make_up_days: bool,
    /// Counts changes; 0: built in.
    #[serde(default)]
    pub version: i64,
}

const fn yes() -> bool {
    true
}

const fn shanghai() -> chrono_tz::Tz {
    chrono_tz::Asia::Shanghai
}

impl Calendar {
    /// The calendar that the program brings along: mainland China, 09:00–12:00 and 13:30–18:00.
    #[must_use]
    pub fn built_in() -> Self {
        china::calendar()
    }

    /// Its names.
    #[must_use]
    pub fn title(&self) -> Bilingual {
        let zh = if self.name.is_empty() {
            &self.key
        } else {
            &self.name
        };
        let en = if self.name_en.is_empty() {
            zh
        } else {
            &self.name_en
        };
        Bilingual::new(zh.clone(), en.clone())
    }

    /// Names exactly what a due time was computed with: the version of the calendar and, where it uses
    /// built-in dates, the last notice that the program knows. Equal stamps mean equal answers.
    #[must_use]
    pub fn stamp(&self) -> String {
        if self.base.is_some() || self.version == 0 {
            format!("{}+{}", self.version, china::REVISION)
        } else {
            self.version.to_string()
        }
    }
}

fn refuse<T>(field: impl Into<String>, detail: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid::Field {
        field: field.into(),
        detail: detail.into(),
    })
}

fn check_spans(field: &str, spans: &[Span]) -> Result<(), Invalid> {
    if spans.len() > MAX_SPANS {
        return refuse(field, format!("at most {MAX_SPANS} spans a day"));
    }
    for (n, span) in spans.iter().enumerate() {
        if span.from >= span.to {
            let detail = "it must end after it starts; split what passes midnight at 24:00";
            return refuse(format!("{field}[{n}]"), detail);
        }
        if n > 0 && spans[n - 1].to > span.from {
            return refuse(
                format!("{field}[{n}]"),
                "spans follow each other and do not overlap",
            );
        }
    }
    Ok(())
}

fn check_names(field: &str, name: &str, name_en: &str) -> Result<(), Invalid> {
    let long = |text: &str| text.chars().count() > 120;
    if name.trim().is_empty() || long(name) {
        return refuse(format!("{field}.name"), "1 to 120 characters");
    }
    if long(name_en) {
        return refuse(format!("{field}.name_en"), "at most 120 characters");
    }
    Ok(())
}

fn check_day(field: String, day: NaiveDate) -> Result<(), Invalid> {
    if YEARS.contains(&day.year()) {
        return Ok(());
    }
    refuse(
        field,
        format!("a day of the years {} to {}", YEARS.start(), YEARS.end()),
    )
}

/// Checks a calendar: what passes can be computed with.
///
/// # Errors
///
/// The field that is wrong; a week without any hours is refused, because nothing would ever be due.
pub fn check(calendar: &Calendar) -> Result<(), Invalid> {
    check_key(&calendar.key)?;
    for (field, text) in [("name", &calendar.name), ("name_en", &calendar.name_en)] {
        if text.chars().count() > 120 {
            return refuse(field, "at most 120 characters");
        }
    }
    for day in Weekday::ALL {
        check_spans(&format!("week.{}", day.as_str()), calendar.week.of(day))?;
    }
    if calendar.week.minutes() == 0 {
        return refuse("week", "at least one day of the week needs hours");
    }
    if let Some(base) = calendar.base.as_deref()
        && base != BUILT_IN
    {
        return Err(Invalid::Unknown {
            field: "base",
            key: base.to_owned(),
        });
    }
    if calendar.holidays.len() > MAX_ENTRIES {
        return refuse("holidays", format!("at most {MAX_ENTRIES}"));
    }
    if calendar.extra_workdays.len() > MAX_ENTRIES {
        return refuse("extra_workdays", format!("at most {MAX_ENTRIES}"));
    }
    let mut free = BTreeSet::new();
    for (n, holiday) in calendar.holidays.iter().enumerate() {
        let field = format!("holidays[{n}]");
        check_names(&field, &holiday.name, &holiday.name_en)?;
        check_day(format!("{field}.from"), holiday.from)?;
        check_day(format!("{field}.to"), holiday.last())?;
        let days = (holiday.last() - holiday.from).num_days();
        if !(0..366).contains(&days) {
            return refuse(
                format!("{field}.to"),
                "not before the first day, at most 366 days",
            );
        }
        free.extend(holiday.from.iter_days().take(days as usize + 1));
        if free.len() > MAX_DAYS {
            return refuse("holidays", format!("at most {MAX_DAYS} days together"));
        }
    }
    let mut extra = BTreeSet::new();
    for (n, workday) in calendar.extra_workdays.iter().enumerate() {
        let field = format!("extra_workdays[{n}]");
        check_names(&field, &workday.name, &workday.name_en)?;
        check_day(format!("{field}.day"), workday.day)?;
        check_spans(&format!("{field}.spans"), &workday.spans)?;
        if let Some(day) = workday.like
            && calendar.week.of(day).is_empty()
        {
            return refuse(format!("{field}.like"), "that day of the week has no hours");
        }
        if workday.like.is_some() && !workday.spans.is_empty() {
            return refuse(
                format!("{field}.like"),
                "hours of a day of the week, or own ones, not both",
            );
        }
        if free.contains(&workday.day) {
            return refuse(format!("{field}.day"), "this day is among the holidays too");
        }
        if !extra.insert(workday.day) {
            return refuse(format!("{field}.day"), "this day is there twice");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
