//! Times, durations, marks and yes/no, read as people and their exports write them.
//!
//! Every function is total: any text gives a value, "nothing was said", or a refusal.

use crate::clock::{Timestamp, start_of_day};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A value of a figure as it arrives: a number, text or yes/no. Files carry text only; the API
/// accepts either.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// JSON `true` or `false`.
    Bool(bool),
    /// JSON number.
    Number(f64),
    /// JSON string, or a cell of a file.
    Text(String),
}

impl Scalar {
    /// The value as text, trimmed; whole numbers without a fraction.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Bool(b) => b.to_string(),
            Self::Number(n) => number_text(*n),
            Self::Text(t) => t.trim().to_owned(),
        }
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Scalar {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// A number as people write it: `5`, not `5.0`.
#[must_use]
pub fn number_text(n: f64) -> String {
    if n.fract() == 0.0 && n.abs() < 9.0e15 {
        format!("{n:.0}")
    } else {
        n.to_string()
    }
}

/// Full-width digits, letters and signs (`２０２５／１２`) to half width; the ideographic space to a space.
#[must_use]
pub fn half_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '\u{3000}' | '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
            _ => c,
        })
        .collect()
}

/// Whether a cell says that there is no value: empty, dashes, `无`, `null`, `N/A` …
#[must_use]
pub fn is_blank(text: &str) -> bool {
    let t = text.trim();
    if t.is_empty()
        || t.chars()
            .all(|c| matches!(c, '-' | '–' | '—' | '－' | '/' | '\\' | '_'))
    {
        return true;
    }
    t.chars().count() <= 6
        && matches!(
            t.to_ascii_lowercase().as_str(),
            "无" | "無"
                | "空"
                | "暂无"
                | "null"
                | "none"
                | "n/a"
                | "na"
                | "nan"
                | "nil"
                | "#n/a"
                | "(空)"
        )
}

// ---------------------------------------------------------------- times

/// Excel's two ways to count days. Only old files of Excel for Mac use 1904.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExcelEpoch {
    /// Day 1 is 1900-01-01, with the 29th of February 1900 that never was.
    #[default]
    #[serde(rename = "1900")]
    Y1900,
    /// Day 0 is 1904-01-01.
    #[serde(rename = "1904")]
    Y1904,
}

/// Why a time was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// No known way to write a time.
    #[error("not a time")]
    NotATime,
    /// `3/4/2025` may be March or April.
    #[error("day and month cannot be told apart")]
    Ambiguous,
    /// Before 1990 or after 2200: a typing error or an empty date of another program.
    #[error("the year is outside 1990 to 2200")]
    Year,
}

/// First year of a believable time.
const FIRST_YEAR: i32 = 1990;
/// Last year of a believable time.
const LAST_YEAR: i32 = 2200;

/// Reads a time. `Ok(None)`: the cell says nothing (see [`is_blank`]).
///
/// Known: RFC 3339 with zone; the same without zone, also with `/`, `.`, one-digit parts, `T` or
/// spaces, fractions, `上午/下午/AM/PM`; `2025年12月4日 14时13分22秒`; `20251204`, `20251204141322`;
/// `12/4/2025 2:13 PM` where one of the first two parts is above 12 or both are equal; Excel day
/// numbers (20000 to 80000, with fraction); seconds and milliseconds since 1970 (10 and 13 digits).
///
/// A time without zone is in `zone`. In a gap of daylight saving time it is moved forward by the
/// length of the gap; of a doubled hour the first is taken. A date alone is that day's start.
pub fn parse_time(
    value: &Scalar,
    zone: Tz,
    epoch: ExcelEpoch,
) -> Result<Option<Timestamp>, TimeError> {
    let found = match value {
        Scalar::Bool(_) => return Err(TimeError::NotATime),
        Scalar::Number(n) => number_time(*n, zone, epoch)?,
        Scalar::Text(text) => {
            if is_blank(text) {
                return Ok(None);
            }
            if text.len() > 80 {
                return Err(TimeError::NotATime);
            }
            text_time(text, zone, epoch)?
        }
    };
    let year = chrono::Datelike::year(&found);
    if (FIRST_YEAR..=LAST_YEAR).contains(&year) {
        Ok(Some(found))
    } else {
        Err(TimeError::Year)
    }
}

fn text_time(text: &str, zone: Tz, epoch: ExcelEpoch) -> Result<Timestamp, TimeError> {
    let t = half_width(text.trim());
    let t = t.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(t) {
        return Ok(at.with_timezone(&Utc));
    }
    if t.bytes().all(|b| b.is_ascii_digit()) {
        return digits_time(t, zone, epoch);
    }
    if t.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && t.matches('.').count() == 1
        && let Ok(n) = t.parse::<f64>()
    {
        return number_time(n, zone, epoch);
    }
    let (local, offset) = written_time(t)?;
    match offset {
        Some(seconds) => Ok((local - TimeDelta::seconds(i64::from(seconds))).and_utc()),
        None => Ok(in_zone(local, zone)),
    }
}

/// `local` as an instant in `zone`: gaps move forward by their length, doubled hours take the first.
#[must_use]
pub fn in_zone(local: NaiveDateTime, zone: Tz) -> Timestamp {
    if local.time() == NaiveTime::MIN {
        return start_of_day(local.date(), zone);
    }
    if let Some(found) = local.and_local_timezone(zone).earliest() {
        return found.with_timezone(&Utc);
    }
    // In a gap: read it with the offset that held before the gap.
    let before = local - TimeDelta::hours(3);
    match before.and_local_timezone(zone).earliest() {
        Some(found) => (found + TimeDelta::hours(3)).with_timezone(&Utc),
        None => local.and_utc(),
    }
}

/// Only digits: `20251204`, `202512041413`, `20251204141322`, Excel days, epoch seconds or milliseconds.
fn digits_time(t: &str, zone: Tz, epoch: ExcelEpoch) -> Result<Timestamp, TimeError> {
    let part = |from: usize, to: usize| t[from..to].parse::<u32>().unwrap_or(u32::MAX);
    match t.len() {
        8 | 12 | 14 => {
            let date = NaiveDate::from_ymd_opt(part(0, 4) as i32, part(4, 6), part(6, 8))
                .ok_or(TimeError::NotATime)?;
            let (h, m) = if t.len() > 8 {
                (part(8, 10), part(10, 12))
            } else {
                (0, 0)
            };
            let s = if t.len() == 14 { part(12, 14) } else { 0 };
            let time = NaiveTime::from_hms_opt(h, m, s).ok_or(TimeError::NotATime)?;
            Ok(in_zone(date.and_time(time), zone))
        }
        5 | 10 | 13 => number_time(t.parse().map_err(|_| TimeError::NotATime)?, zone, epoch),
        _ => Err(TimeError::NotATime),
    }
}

fn number_time(n: f64, zone: Tz, epoch: ExcelEpoch) -> Result<Timestamp, TimeError> {
    if !n.is_finite() {
        return Err(TimeError::NotATime);
    }
    if (20_000.0..80_000.0).contains(&n) {
        return excel_time(n, epoch)
            .map(|local| in_zone(local, zone))
            .ok_or(TimeError::NotATime);
    }
    if (1.0e7..1.0e8).contains(&n) && n.fract() == 0.0 {
        return digits_time(&format!("{n:.0}"), zone, epoch);
    }
    if (6.0e8..1.0e10).contains(&n) {
        return DateTime::from_timestamp_micros((n * 1.0e6).round() as i64)
            .ok_or(TimeError::NotATime);
    }
    if (6.0e11..1.0e13).contains(&n) {
        return DateTime::from_timestamp_micros((n * 1.0e3).round() as i64)
            .ok_or(TimeError::NotATime);
    }
    Err(TimeError::NotATime)
}

/// The local time of an Excel day number, rounded to the second (Excel stores binary fractions of
/// a day). Day numbers above 60 only: below lies the leap day that Excel invented.
#[must_use]
pub fn excel_time(serial: f64, epoch: ExcelEpoch) -> Option<NaiveDateTime> {
    if !serial.is_finite() || !(61.0..3_000_000.0).contains(&serial) {
        return None;
    }
    let first = match epoch {
        ExcelEpoch::Y1900 => NaiveDate::from_ymd_opt(1899, 12, 30)?,
        ExcelEpoch::Y1904 => NaiveDate::from_ymd_opt(1904, 1, 1)?,
    };
    let seconds = (serial * 86_400.0).round() as i64;
    first
        .and_time(NaiveTime::MIN)
        .checked_add_signed(TimeDelta::seconds(seconds))
}

/// A written date and time: numbers, what stands between them, and words.
/// Answers the local time and the offset from UTC in seconds if one was written.
fn written_time(t: &str) -> Result<(NaiveDateTime, Option<i32>), TimeError> {
    let mut t = t.trim().to_owned();
    let mut afternoon: Option<bool> = None;
    for (word, pm) in [
        ("上午", false),
        ("凌晨", false),
        ("早上", false),
        ("中午", true),
        ("下午", true),
        ("傍晚", true),
        ("晚上", true),
    ] {
        if t.contains(word) {
            t = t.replacen(word, " ", 1);
            afternoon = Some(pm);
            break;
        }
    }
    let upper = t.to_ascii_uppercase();
    let upper_trimmed = upper.trim_end().trim_end_matches('.');
    for (word, pm) in [("A.M", false), ("P.M", true), ("AM", false), ("PM", true)] {
        if let Some(rest) = upper_trimmed.strip_suffix(word) {
            afternoon = Some(pm);
            t.truncate(rest.len());
            break;
        }
    }
    // Weekday names and brackets say nothing that the date does not.
    for day in ["星期", "周", "礼拜"] {
        if let Some(at) = t.find(day) {
            let end = at + day.len();
            let width = t[end..].chars().next().map_or(0, char::len_utf8);
            t.replace_range(at..end + width, " ");
            break;
        }
    }
    let mut offset = None;
    let trimmed_end = t.trim_end().len();
    t.truncate(trimmed_end);
    if let Some(rest) = t
        .strip_suffix(['Z', 'z'])
        .or_else(|| t.strip_suffix(" UTC"))
        .or_else(|| t.strip_suffix(" GMT"))
    {
        offset = Some(0);
        t.truncate(rest.len());
    } else if let Some(at) = t.rfind(['+', '-'])
        && t[..at].contains(':')
        && let Some(seconds) = offset_seconds(&t[at..])
    {
        offset = Some(seconds);
        t.truncate(at);
    }

    let mut numbers: Vec<(u32, usize)> = Vec::new();
    let mut between: Vec<String> = vec![String::new()];
    let mut fraction = String::new();
    let mut in_fraction = false;
    let mut chars = t.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(first) = c.to_digit(10) {
            let (mut n, mut len) = (u64::from(first), 1);
            let mut text = String::from(c);
            while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
                n = n.saturating_mul(10).saturating_add(u64::from(d));
                text.push(char::from_digit(d, 10).unwrap_or('0'));
                len += 1;
                chars.next();
            }
            if in_fraction {
                fraction = text;
                in_fraction = false;
                continue;
            }
            numbers.push((u32::try_from(n).unwrap_or(u32::MAX), len));
            between.push(String::new());
        } else if (c == '.' || c == ',') && numbers.len() == 6 {
            in_fraction = true;
        } else if let Some(last) = between.last_mut() {
            last.push(c);
        }
    }
    let sign = |i: usize| between.get(i).map(|s| s.trim()).unwrap_or_default();
    if !sign(0).is_empty() || !(3..=6).contains(&numbers.len()) {
        return Err(TimeError::NotATime);
    }
    let date_sign = |s: &str| matches!(s, "-" | "/" | "." | "年" | "月");
    if !date_sign(sign(1)) || !date_sign(sign(2)) {
        return Err(TimeError::NotATime);
    }
    if numbers.len() > 3
        && !matches!(
            sign(3),
            "" | "T" | "t" | "日" | "号" | "," | "-" | ":" | "_"
        )
    {
        return Err(TimeError::NotATime);
    }
    for i in 4..numbers.len() {
        if !matches!(sign(i), ":" | "时" | "点" | "分" | "h" | "m" | "." | "-") {
            return Err(TimeError::NotATime);
        }
    }
    if !matches!(
        sign(numbers.len()),
        "" | "日" | "号" | "时" | "点" | "分" | "秒" | "s" | "m" | "h"
    ) {
        return Err(TimeError::NotATime);
    }
    let (a, b, c) = (numbers[0], numbers[1], numbers[2]);
    let (year, month, day) = if a.1 == 4 {
        (a.0, b.0, c.0)
    } else if c.1 == 4 && a.1 <= 2 && b.1 <= 2 {
        match (a.0 > 12, b.0 > 12) {
            (true, false) => (c.0, b.0, a.0),
            (false, true) => (c.0, a.0, b.0),
            // An English AM/PM clock goes with month first: nobody writes 4/12/2025 2:13 PM day
            // first but some do, so only equal parts are safe.
            (false, false) if a.0 == b.0 => (c.0, a.0, b.0),
            (false, false) => return Err(TimeError::Ambiguous),
            (true, true) => return Err(TimeError::NotATime),
        }
    } else if a.1 <= 2 && b.1 <= 2 && c.1 <= 2 && sign(1) == "年" {
        (2000 + a.0, b.0, c.0)
    } else {
        return Err(TimeError::NotATime);
    };
    let date = i32::try_from(year)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
        .ok_or(TimeError::NotATime)?;
    let at = |i: usize| numbers.get(i).map_or(0, |n| n.0);
    let (mut hour, minute, second) = (at(3), at(4), at(5));
    match afternoon {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    // 24:00:00 is the end of the day for some systems.
    let (date, hour) = if hour == 24 && minute == 0 && second == 0 {
        (date.succ_opt().ok_or(TimeError::NotATime)?, 0)
    } else {
        (date, hour)
    };
    let micros = if fraction.is_empty() {
        0
    } else {
        format!("{fraction:0<6}")
            .get(..6)
            .and_then(|f| f.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let time =
        NaiveTime::from_hms_micro_opt(hour, minute, second, micros).ok_or(TimeError::NotATime)?;
    Ok((date.and_time(time), offset))
}

/// `+08:00`, `+0800`, `-05` in seconds.
fn offset_seconds(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let rest = text.get(1..)?;
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits
        .get(2..)
        .filter(|m| !m.is_empty())
        .map_or(Ok(0), str::parse)
        .ok()?;
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

// ---------------------------------------------------------------- durations, numbers, yes and no

/// A duration in seconds: `00:03:25`, `3:25` (minutes and seconds), `3分25秒`, `1小时2分`, `205`, `205秒`,
/// `205s`, `3.5分钟`. `Ok(None)`: nothing was said. `Err(())`: not a duration, or negative.
#[expect(
    clippy::result_unit_err,
    reason = "the caller knows the field and says what is wrong"
)]
pub fn parse_seconds(value: &Scalar) -> Result<Option<f64>, ()> {
    let text = match value {
        Scalar::Bool(_) => return Err(()),
        Scalar::Number(n) => {
            return if n.is_finite() && *n >= 0.0 {
                Ok(Some(*n))
            } else {
                Err(())
            };
        }
        Scalar::Text(t) if is_blank(t) => return Ok(None),
        Scalar::Text(t) => half_width(t.trim()).to_ascii_lowercase(),
    };
    if text.contains(':') {
        let parts: Vec<&str> = text.split(':').map(str::trim).collect();
        if !(2..=3).contains(&parts.len()) {
            return Err(());
        }
        let mut seconds = 0.0;
        for (i, part) in parts.iter().enumerate() {
            let n = plain_number(part).ok_or(())?;
            if i > 0 && n >= 60.0 {
                return Err(());
            }
            seconds = seconds * 60.0 + n;
        }
        return Ok(Some(seconds));
    }
    if let Some(n) = plain_number(&text) {
        return Ok(Some(n));
    }
    let mut rest = text.as_str();
    let mut seconds = 0.0;
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .ok_or(())?;
        let n = plain_number(&rest[..digits]).ok_or(())?;
        rest = rest[digits..].trim_start();
        let units: [(&str, f64); 22] = [
            ("小时", 3600.0),
            ("个小时", 3600.0),
            ("时", 3600.0),
            ("hours", 3600.0),
            ("hour", 3600.0),
            ("hrs", 3600.0),
            ("hr", 3600.0),
            ("h", 3600.0),
            ("分钟", 60.0),
            ("分", 60.0),
            ("minutes", 60.0),
            ("minute", 60.0),
            ("mins", 60.0),
            ("min", 60.0),
            ("m", 60.0),
            ("秒钟", 1.0),
            ("秒", 1.0),
            ("seconds", 1.0),
            ("second", 1.0),
            ("secs", 1.0),
            ("sec", 1.0),
            ("s", 1.0),
        ];
        let unit = units
            .iter()
            .find(|(word, _)| rest.starts_with(word))
            .or(if rest.starts_with('天') {
                Some(&("天", 86_400.0))
            } else {
                None
            })
            .ok_or(())?;
        seconds += n * unit.1;
        rest = &rest[unit.0.len()..];
    }
    Ok(Some(seconds))
}

/// A plain number without sign, with thousands separators allowed.
fn plain_number(text: &str) -> Option<f64> {
    let t = text.trim();
    if t.is_empty()
        || !t
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
    {
        return None;
    }
    let t = t.replace(',', "");
    t.parse().ok().filter(|n: &f64| n.is_finite())
}

/// A number: `12`, `1,234.5`, `95%`, `¥12.50`, `-3`. `Ok(None)`: nothing was said.
#[expect(
    clippy::result_unit_err,
    reason = "the caller knows the field and says what is wrong"
)]
pub fn parse_number(value: &Scalar) -> Result<Option<f64>, ()> {
    match value {
        Scalar::Bool(_) => Err(()),
        Scalar::Number(n) => n.is_finite().then_some(Some(*n)).ok_or(()),
        Scalar::Text(t) if is_blank(t) => Ok(None),
        Scalar::Text(t) => {
            let t = half_width(t.trim());
            let t = t
                .trim_start_matches(['¥', '￥', '$', '+'])
                .trim_end_matches(['%', '分', '元', '次', '条']);
            let (sign, t) = t
                .trim()
                .strip_prefix('-')
                .map_or((1.0, t), |rest| (-1.0, rest));
            plain_number(t).map(|n| Some(sign * n)).ok_or(())
        }
    }
}

/// Yes or no: `true`, `1`, `是`, `Y`, `已解决`, `有用` … `Ok(None)`: nothing was said.
#[expect(
    clippy::result_unit_err,
    reason = "the caller knows the field and says what is wrong"
)]
pub fn parse_bool(value: &Scalar) -> Result<Option<bool>, ()> {
    let text = match value {
        Scalar::Bool(b) => return Ok(Some(*b)),
        Scalar::Number(n) if *n == 1.0 => return Ok(Some(true)),
        Scalar::Number(n) if *n == 0.0 => return Ok(Some(false)),
        Scalar::Number(_) => return Err(()),
        // Here `无` answers the question ("有/无"), other blanks do not.
        Scalar::Text(t) if matches!(t.trim(), "无" | "無") => return Ok(Some(false)),
        Scalar::Text(t) if is_blank(t) => return Ok(None),
        Scalar::Text(t) => half_width(t.trim()).to_ascii_lowercase(),
    };
    match text.as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" | "on" | "是" | "对" | "有" | "√" | "✓" | "✔"
        | "已解决" | "解决" | "已解決" | "resolved" | "solved" | "已邀评" | "已邀请" | "已转接"
        | "转接" | "已转人工" | "有用" | "有帮助" | "helpful" | "已发送" | "一次解决"
        | "首次解决" => Ok(Some(true)),
        "false" | "f" | "no" | "n" | "0" | "0.0" | "off" | "否" | "不是" | "没有" | "×" | "✗"
        | "✘" | "未解决" | "未解決" | "没解决" | "unresolved" | "unsolved" | "未邀评"
        | "未邀请" | "未转接" | "未转人工" | "没用" | "无用" | "没帮助" | "无帮助"
        | "unhelpful" | "未发送" | "非一次解决" | "非首次解决" => Ok(Some(false)),
        _ => Err(()),
    }
}

// ---------------------------------------------------------------- marks

/// A mark as it was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    /// Nobody rated: empty, `未评价`, `默认好评` …
    NotRated,
    /// `value` of 1…`max`; `max` is `None` where only a number was written.
    Rated {
        /// The mark.
        value: f64,
        /// The best mark of its scale, if the mark itself says so (`4/5`, `★★★★☆`, `好评`).
        max: Option<f64>,
    },
}

/// Reads a mark: a number, `4/5`, stars, or words. `Err(())`: none of these.
#[expect(
    clippy::result_unit_err,
    reason = "the caller knows the field and says what is wrong"
)]
pub fn parse_mark(value: &Scalar) -> Result<Mark, ()> {
    let text = match value {
        Scalar::Bool(_) => return Err(()),
        Scalar::Number(n) => {
            return n
                .is_finite()
                .then_some(Mark::Rated {
                    value: *n,
                    max: None,
                })
                .ok_or(());
        }
        Scalar::Text(t) if is_blank(t) => return Ok(Mark::NotRated),
        Scalar::Text(t) => half_width(t.trim()).to_lowercase(),
    };
    if text.len() > 96 {
        return Err(());
    }
    if is_default_mark(&text) {
        return Ok(Mark::NotRated);
    }
    let rated = |value: f64, max: f64| {
        Ok(Mark::Rated {
            value,
            max: Some(max),
        })
    };
    // "5-非常满意", "5分（非常满意）", "非常满意(5)": number and word agree or the number wins.
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if let Some(word) = mark_word(&bare) {
        return rated(word.0, word.1);
    }
    if let Some((a, b)) = bare.split_once(['/', '／'])
        && let (Some(value), Some(max)) = (
            plain_number(a.trim_end_matches('分')),
            plain_number(b.trim_end_matches('分')),
        )
        && max >= 2.0
    {
        return rated(value, max);
    }
    let full = bare
        .chars()
        .filter(|c| matches!(c, '★' | '⭐' | '🌟'))
        .count();
    let empty = bare.chars().filter(|c| *c == '☆').count();
    let other = bare
        .chars()
        .filter(|c| !matches!(c, '★' | '⭐' | '🌟' | '☆' | '\u{fe0f}'))
        .count();
    if full + empty > 0 && other == 0 {
        let max = if full + empty > 5 { full + empty } else { 5 };
        return if full == 0 {
            Ok(Mark::NotRated)
        } else {
            rated(full as f64, max as f64)
        };
    }
    for unit in ["颗星", "星级", "星", "stars", "star"] {
        if let Some(n) = bare.strip_suffix(unit) {
            let n = chinese_digit(n).or_else(|| plain_number(n)).ok_or(())?;
            return rated(n, if n > 5.0 { 10.0 } else { 5.0 });
        }
    }
    for unit in ["分", "points", "point", "级"] {
        if let Some(n) = bare.strip_suffix(unit) {
            let value = chinese_digit(n).or_else(|| plain_number(n)).ok_or(())?;
            return Ok(Mark::Rated { value, max: None });
        }
    }
    if let Some(value) = plain_number(&bare) {
        return Ok(Mark::Rated { value, max: None });
    }
    // A number before or after a word of the scale: `5-非常满意`, `满意(4)`.
    let digits: String = bare
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let words: String = bare
        .chars()
        .filter(|c| {
            !(c.is_ascii_digit()
                || matches!(c, '.' | '-' | '(' | ')' | ':' | '_' | '、' | '分' | '星'))
        })
        .collect();
    if mark_word(&words).is_some()
        && let Some(value) = plain_number(&digits)
    {
        return Ok(Mark::Rated { value, max: None });
    }
    Err(())
}

/// Marks and texts that a system fills in when the customer says nothing.
#[must_use]
pub fn is_default_mark(text: &str) -> bool {
    if text.len() > 96 {
        return false;
    }
    let t: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, ',' | '，' | '.' | '。' | '!' | '！' | '~'))
        .collect();
    [
        "默认好评",
        "系统默认",
        "默认评价",
        "自动好评",
        "自动评价",
        "未评价",
        "未评",
        "没有评价",
        "无评价",
        "未做评价",
        "未作评价",
        "不评价",
        "暂未评价",
        "尚未评价",
        "未参评",
        "未参与评价",
        "未打分",
        "未评分",
        "未回复",
        "放弃评价",
        "没有填写评价",
        "未填写评价",
        "未及时做出评价",
        "未及时评价",
        "notrated",
        "unrated",
        "norating",
        "未邀评",
    ]
    .iter()
    .any(|p| t.to_lowercase().contains(p))
}

fn chinese_digit(text: &str) -> Option<f64> {
    Some(match text {
        "一" | "壹" => 1.0,
        "二" | "两" | "贰" => 2.0,
        "三" | "叁" => 3.0,
        "四" | "肆" => 4.0,
        "五" | "伍" => 5.0,
        "十" => 10.0,
        _ => return None,
    })
}

/// Words of known scales as (value, max).
fn mark_word(word: &str) -> Option<(f64, f64)> {
    Some(match word {
        "非常满意" | "很满意" | "十分满意" | "极满意" | "完全满意" | "非常滿意" | "很好"
        | "非常好" | "优秀" | "力荐" | "verysatisfied" | "excellent" => (5.0, 5.0),
        "满意" | "比较满意" | "较满意" | "滿意" | "比较好" | "良好" | "推荐" | "satisfied"
        | "good" => (4.0, 5.0),
        "一般" | "一般满意" | "基本满意" | "尚可" | "还行" | "普通" | "中立" | "neutral"
        | "average" | "ok" => (3.0, 5.0),
        "不满意" | "不太满意" | "较不满意" | "比较不满意" | "不滿意" | "较差" | "dissatisfied"
        | "unsatisfied" | "poor" => (2.0, 5.0),
        "非常不满意" | "很不满意" | "十分不满意" | "极不满意" | "非常不滿意" | "很差"
        | "非常差" | "极差" | "verydissatisfied" | "verypoor" | "terrible" => (1.0, 5.0),
        "好评" | "好評" => (3.0, 3.0),
        "中评" | "中評" => (2.0, 3.0),
        "差评" | "差評" => (1.0, 3.0),
        "赞" | "点赞" | "👍" | "thumbsup" => (2.0, 2.0),
        "踩" | "点踩" | "👎" | "thumbsdown" => (1.0, 2.0),
        _ => return None,
    })
}
