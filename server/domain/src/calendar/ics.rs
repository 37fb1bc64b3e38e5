//! Reads days off and extra workdays out of an iCalendar file (RFC 5545).
//!
//! Own code: the crates that parse it switch on features of `chrono` and `uuid` for the whole program,
//! and none of them says why it leaves an event out, which is what people need to see here. Read are
//! events of whole days, once or every year; everything else is refused event by event, with a reason.

use crate::organisation::Bilingual;
use chrono::{
    DateTime, Datelike as _, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _,
};
use chrono_tz::Tz;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Most bytes of a file.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Most events of a file.
const MAX_EVENTS: usize = 5000;
/// Most days of one event.
const MAX_DAYS: i64 = 366;

/// What an event says of its days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = IcsSort))]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Nobody works.
    Holiday,
    /// People work.
    ExtraWorkday,
}

/// Days that an event names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without the mark 休 or 班.
    pub name: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day, included.
    pub to: NaiveDate,
    /// What it says of them.
    pub sort: Sort,
}

/// Why an event is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = IcsRefusal))]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It has no name, or one that cannot be kept.
    Name,
    /// It has no start, or a date that cannot be read.
    Date,
    /// It takes part of a day only.
    PartOfDay,
    /// Its zone is not known.
    Zone,
    /// It lasts too long.
    TooLong,
    /// It ends before it starts.
    Order,
    /// It is repeated in another way than every year.
    Repetition,
    /// It was cancelled.
    Cancelled,
    /// Others in this file are marked 休 or 班, and it is not: a day to know of, not a day off.
    Unmarked,
    /// 调休 alone: it can mean a day off or a day of work.
    Ambiguous,
    /// None of its days lies in the years that are read.
    OutsideYears,
}

impl Refusal {
    /// In words.
    #[must_use]
    pub fn sentence(self) -> Bilingual {
        let (zh, en) = match self {
            Self::Name => (
                "没有名称，或名称超过 100 个字",
                "no name, or one of more than 100 characters",
            ),
            Self::Date => (
                "没有开始日期，或日期无法识别",
                "no start, or a date that cannot be read",
            ),
            Self::PartOfDay => (
                "只占一天中的一部分；这里只导入整天",
                "part of a day only; whole days are read",
            ),
            Self::Zone => ("时区无法识别", "its time zone is not known"),
            Self::TooLong => ("超过 366 天", "longer than 366 days"),
            Self::Order => ("结束早于开始", "it ends before it starts"),
            Self::Repetition => (
                "只支持“每年重复”，其他重复规则请先展开",
                "only repetition every year is read; write other ones out",
            ),
            Self::Cancelled => ("已取消的事件", "it was cancelled"),
            Self::Unmarked => (
                "文件里其他事件标了“休”或“班”，这一条没有标，视为普通纪念日",
                "others in this file are marked 休 or 班 and this is not: a day to know of, not a day off",
            ),
            Self::Ambiguous => (
                "只写了“调休”，看不出是放假还是上班",
                "调休 alone can mean a day off or a day of work",
            ),
            Self::OutsideYears => ("不在导入的年份内", "outside the years that are read"),
        };
        Bilingual::new(zh, en)
    }
}

/// An event that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its name.
    pub name: String,
    /// Line of the file where it begins, from 1.
    pub line: usize,
    /// Why.
    pub why: Refusal,
}

/// Why a text is no calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACalendar {
    /// It does not begin and end as RFC 5545 section 3.4 says.
    #[error("it is no iCalendar file: BEGIN:VCALENDAR and END:VCALENDAR are not where they belong")]
    Frame,
    /// A line is no content line (section 3.1).
    #[error("line {0} is not a line of an iCalendar file")]
    Line(usize),
    /// More than the limit.
    #[error("more than {MAX_EVENTS} events")]
    Events,
    /// More than the limit.
    #[error("more than {MAX_BYTES} bytes")]
    Bytes,
}

/// A content line: name, parameters, value (section 3.1).
struct Property {
    name: String,
    parameters: BTreeMap<String, String>,
    value: String,
}

#[derive(Default)]
struct Event {
    line: usize,
    properties: Vec<Property>,
}

impl Event {
    fn get(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|p| p.name == name)
    }

    fn name(&self) -> String {
        let text = self.get("SUMMARY").map_or("", |p| p.value.as_str());
        unescaped(text)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Section 3.3.11.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            _ => out.push(c),
        }
    }
    out
}

/// Unfolds the lines (section 3.1); each with the number of its first line.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (n, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), out.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ => out.push((n + 1, line.to_owned())),
        }
    }
    out.retain(|(_, line)| !line.trim().is_empty());
    out
}

fn property(line: &str) -> Option<Property> {
    let mut quoted = false;
    let mut parts = Vec::new();
    let mut start = 0;
    let mut value = None;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ';' if !quoted => {
                parts.push(&line[start..at]);
                start = at + 1;
            }
            ':' if !quoted => {
                parts.push(&line[start..at]);
                value = Some(line[at + 1..].to_owned());
                break;
            }
            _ => {}
        }
    }
    let value = value?;
    let mut parts = parts.into_iter();
    let name = parts.next()?.trim().to_ascii_uppercase();
    let token = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !token(&name) {
        return None;
    }
    let mut parameters = BTreeMap::new();
    for part in parts {
        let (key, value) = part.split_once('=')?;
        parameters.insert(
            key.trim().to_ascii_uppercase(),
            value.trim_matches('"').to_owned(),
        );
    }
    Some(Property {
        name,
        parameters,
        value,
    })
}

fn events(text: &str) -> Result<Vec<Event>, NotACalendar> {
    if text.len() > MAX_BYTES {
        return Err(NotACalendar::Bytes);
    }
    let mut open: Vec<String> = Vec::new();
    let mut seen = false;
    let mut all = Vec::new();
    let mut event: Option<Event> = None;
    for (n, line) in unfolded(text) {
        let Some(found) = property(&line) else {
            return Err(if seen {
                NotACalendar::Line(n)
            } else {
                NotACalendar::Frame
            });
        };
        match found.name.as_str() {
            "BEGIN" => {
                let what = found.value.trim().to_ascii_uppercase();
                if open.is_empty() != (what == "VCALENDAR") {
                    return Err(NotACalendar::Frame);
                }
                seen = true;
                if what == "VEVENT" && open.len() == 1 {
                    event = Some(Event {
                        line: n,
                        ..Event::default()
                    });
                }
                open.push(what);
            }
            "END" => {
                let what = found.value.trim().to_ascii_uppercase();
                if open.pop() != Some(what) {
                    return Err(NotACalendar::Frame);
                }
                if open.len() == 1 {
                    all.extend(event.take());
                    if all.len() > MAX_EVENTS {
                        return Err(NotACalendar::Events);
                    }
                }
            }
            _ if open.is_empty() => return Err(NotACalendar::Frame),
            // Alarms inside of an event say nothing of its days.
            _ if open.len() == 2 => {
                if let Some(event) = &mut event {
                    event.properties.push(found);
                }
            }
            _ => {}
        }
    }
    if seen && open.is_empty() {
        Ok(all)
    } else {
        Err(NotACalendar::Frame)
    }
}

/// A date or an instant on the calendar's clock.
fn moment(property: &Property, zone: Tz) -> Result<(NaiveDateTime, bool), Refusal> {
    let value = property.value.trim();
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y%m%d").map_err(|_| Refusal::Date);
    if value.len() == 8 {
        return Ok((date(value)?.and_time(NaiveTime::MIN), true));
    }
    let (day, time) = value.split_once('T').ok_or(Refusal::Date)?;
    let (time, utc) = match time.strip_suffix('Z') {
        Some(time) => (time, true),
        None => (time, false),
    };
    if day.len() != 8 || time.len() != 6 {
        return Err(Refusal::Date);
    }
    let time = NaiveTime::parse_from_str(time, "%H%M%S").map_err(|_| Refusal::Date)?;
    let wall = date(day)?.and_time(time);
    if utc {
        return Ok((wall.and_utc().with_timezone(&zone).naive_local(), false));
    }
    let Some(named) = property.parameters.get("TZID") else {
        return Ok((wall, false));
    };
    // Outlook names zones of Windows; those of China are all it takes here.
    let named: Tz = match named.trim_start_matches('/') {
        "China Standard Time" => chrono_tz::Asia::Shanghai,
        other => other.parse().map_err(|_| Refusal::Zone)?,
    };
    let at: DateTime<Tz> = named
        .from_local_datetime(&wall)
        .earliest()
        .ok_or(Refusal::Date)?;
    Ok((at.with_timezone(&zone).naive_local(), false))
}

/// Whole days of a duration (section 3.3.6).
fn duration(text: &str) -> Result<TimeDelta, Refusal> {
    let rest = text.trim().trim_start_matches('+');
    let rest = rest.strip_prefix('P').ok_or(Refusal::Date)?;
    let (number, unit) = rest.split_at(rest.len().saturating_sub(1));
    let (number, hours) = match number.strip_prefix('T') {
        Some(number) => (number, true),
        None => (number, false),
    };
    let n: i64 = number.parse().map_err(|_| Refusal::PartOfDay)?;
    if !(1..=100_000).contains(&n) {
        return Err(Refusal::TooLong);
    }
    match (unit, hours) {
        ("D", false) => Ok(TimeDelta::days(n)),
        ("W", false) => Ok(TimeDelta::days(n * 7)),
        ("H", true) if n % 24 == 0 => Ok(TimeDelta::hours(n)),
        _ => Err(Refusal::PartOfDay),
    }
}

/// First and last day of the first time.
fn first_days(event: &Event, zone: Tz) -> Result<(NaiveDate, NaiveDate), Refusal> {
    let start = event.get("DTSTART").ok_or(Refusal::Date)?;
    let (from, dated) = moment(start, zone)?;
    let until = match (event.get("DTEND"), event.get("DURATION")) {
        (Some(end), _) => {
            let (until, end_dated) = moment(end, zone)?;
            if end_dated != dated {
                return Err(Refusal::Date);
            }
            // Some programs write the same day as start and end of a single day.
            if dated && until == from {
                until + TimeDelta::days(1)
            } else {
                until
            }
        }
        (None, Some(length)) => from + duration(&length.value)?,
        (None, None) if dated => from + TimeDelta::days(1),
        (None, None) => return Err(Refusal::PartOfDay),
    };
    if until <= from {
        return Err(Refusal::Order);
    }
    if from.time() != NaiveTime::MIN || until.time() != NaiveTime::MIN {
        return Err(Refusal::PartOfDay);
    }
    if (until - from).num_days() > MAX_DAYS {
        return Err(Refusal::TooLong);
    }
    Ok((from.date(), until.date() - TimeDelta::days(1)))
}

/// The years of a yearly rule (section 3.3.10) that starts on `from`, within `years`.
fn repeated(
    rule: &str,
    from: NaiveDate,
    zone: Tz,
    years: &RangeInclusive<i32>,
) -> Result<Vec<NaiveDate>, Refusal> {
    let mut interval = 1;
    let mut count = None;
    let mut until = None;
    let mut yearly = false;
    for part in rule.trim().split(';').filter(|p| !p.is_empty()) {
        let (key, value) = part.split_once('=').ok_or(Refusal::Repetition)?;
        let number = || value.parse::<i32>().map_err(|_| Refusal::Repetition);
        match key.trim().to_ascii_uppercase().as_str() {
            "FREQ" if value.eq_ignore_ascii_case("YEARLY") => yearly = true,
            "INTERVAL" if (1..=100).contains(&number()?) => interval = number()?,
            "COUNT" if number()? >= 1 => count = Some(number()?),
            "UNTIL" => {
                let property = Property {
                    name: String::new(),
                    parameters: BTreeMap::new(),
                    value: value.to_owned(),
                };
                until = Some(moment(&property, zone)?.0.date());
            }
            "BYMONTH" if number()? == from.month() as i32 => {}
            "BYMONTHDAY" if number()? == from.day() as i32 => {}
            "WKST" => {}
            _ => return Err(Refusal::Repetition),
        }
    }
    if !yearly || count.is_some() && until.is_some() {
        return Err(Refusal::Repetition);
    }
    let mut out = Vec::new();
    let mut left = count.unwrap_or(i32::MAX);
    let mut year = from.year();
    while year <= *years.end() && left > 0 {
        // The 29th of February does not come every year; a time that does not exist is not counted.
        if let Some(day) = from.with_year(year) {
            if until.is_some_and(|end| day > end) {
                break;
            }
            out.push(day);
            left -= 1;
        }
        year += interval;
    }
    Ok(out)
}

/// What the name says: sort, and the name without the mark. `None`: nothing.
fn mark(name: &str) -> Result<Option<(Sort, String)>, Refusal> {
    let bare = |marks: &[&str]| {
        let mut text = name.to_owned();
        for mark in marks {
            for framed in [
                format!("（{mark}）"),
                format!("({mark})"),
                format!("[{mark}]"),
                format!("【{mark}】"),
            ] {
                text = text.replace(&framed, "");
            }
            if let Some(head) = text.strip_suffix(&format!(" {mark}")) {
                text = head.to_owned();
            }
        }
        let text = text.trim().to_owned();
        if text.is_empty() {
            name.to_owned()
        } else {
            text
        }
    };
    let lower = name.to_lowercase();
    let core = name.trim_end_matches([')', '）', ']', '】', ' ']);
    let shift = ["值班", "夜班", "早班", "中班", "晚班", "白班"];
    let on = core.ends_with('班') && !shift.iter().any(|s| core.ends_with(s));
    if name.contains("补班")
        || name.contains("上班")
        || on
        || lower.contains("make-up workday")
        || lower.contains("working day")
    {
        return Ok(Some((Sort::ExtraWorkday, bare(&["班", "补班", "上班"]))));
    }
    if core.ends_with("调休") && !name.contains("放假") {
        return Err(Refusal::Ambiguous);
    }
    if name.contains('休')
        || name.contains("放假")
        || name.contains("假期")
        || lower.contains("holiday")
    {
        return Ok(Some((Sort::Holiday, bare(&["休", "放假"]))));
    }
    Ok(None)
}

/// Reads the days of a file that lie in `years`, on the clock of `zone`; and the events that are left
/// out, each with its reason.
///
/// # Errors
///
/// [`NotACalendar`] where nothing of it can be read.
pub fn read(
    text: &str,
    zone: Tz,
    years: &RangeInclusive<i32>,
) -> Result<(Vec<Entry>, Vec<Unread>), NotACalendar> {
    let events = events(text)?;
    let marked = events
        .iter()
        .any(|e| matches!(mark(&e.name()), Ok(Some(_))));
    let mut entries = Vec::new();
    let mut unread = Vec::new();
    for event in &events {
        match entries_of(event, zone, years, marked) {
            Ok(found) => entries.extend(found),
            Err(why) => unread.push(Unread {
                name: event.name().chars().take(100).collect(),
                line: event.line,
                why,
            }),
        }
    }
    Ok((entries, unread))
}

fn entries_of(
    event: &Event,
    zone: Tz,
    years: &RangeInclusive<i32>,
    marked: bool,
) -> Result<Vec<Entry>, Refusal> {
    let name = event.name();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Refusal::Name);
    }
    let status = event
        .get("STATUS")
        .map(|p| p.value.trim().to_ascii_uppercase());
    if status.as_deref() == Some("CANCELLED") {
        return Err(Refusal::Cancelled);
    }
    let (sort, name) = match mark(&name)? {
        Some(found) => found,
        None if marked => return Err(Refusal::Unmarked),
        None => (Sort::Holiday, name),
    };
    let (from, to) = first_days(event, zone)?;
    let many = |name: &str| event.properties.iter().filter(|p| p.name == name).count();
    if event.get("RECURRENCE-ID").is_some() || event.get("RDATE").is_some() || many("RRULE") > 1 {
        return Err(Refusal::Repetition);
    }
    let starts = match event.get("RRULE") {
        Some(rule) => repeated(&rule.value, from, zone, years)?,
        None => vec![from],
    };
    let mut left_out = BTreeSet::new();
    for property in event.properties.iter().filter(|p| p.name == "EXDATE") {
        for value in property.value.split(',') {
            let one = Property {
                name: String::new(),
                parameters: property.parameters.clone(),
                value: value.to_owned(),
            };
            left_out.insert(moment(&one, zone)?.0.date());
        }
    }
    let length = Days::new((to - from).num_days().unsigned_abs());
    let found: Vec<Entry> = starts
        .into_iter()
        .filter(|start| !left_out.contains(start))
        .filter_map(|start| {
            let end = start.checked_add_days(length)?;
            let within = years.contains(&start.year()) && years.contains(&end.year());
            within.then(|| Entry {
                name: name.clone(),
                from: start,
                to: end,
                sort,
            })
        })
        .collect();
    if found.is_empty() {
        return Err(Refusal::OutsideYears);
    }
    Ok(found)
}
