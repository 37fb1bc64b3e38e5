//! Dates as people write them in answers: `12月3日`, `下周三`, `2026-12-03`, `next Wednesday`, `Dec 3`.

use super::plain;
use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime};

/// A date in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The day.
    pub day: NaiveDate,
    /// The time of day, where one is said.
    pub time: Option<NaiveTime>,
}

/// A reader at a place of a normalised text.
#[derive(Clone, Copy)]
struct At<'a> {
    text: &'a [char],
    pos: usize,
}

impl At<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.pos).copied()
    }

    fn space(mut self) -> Self {
        while self.peek().is_some_and(char::is_whitespace) {
            self.pos += 1;
        }
        self
    }

    fn take(mut self, word: &str) -> Option<Self> {
        for c in word.chars() {
            if self.peek() != Some(c) {
                return None;
            }
            self.pos += 1;
        }
        Some(self)
    }

    fn any(self, words: &[&str]) -> Option<Self> {
        words.iter().find_map(|w| self.take(w))
    }

    /// A number in digits or in Chinese, of at most `most` digits.
    fn number(mut self, most: usize) -> Option<(u32, Self)> {
        let mut value = 0;
        let mut digits = 0;
        while let Some(d) = self.peek().and_then(|c| c.to_digit(10)) {
            value = value * 10 + d;
            digits += 1;
            if digits > most {
                return None;
            }
            self.pos += 1;
        }
        if digits > 0 {
            return Some((value, self));
        }
        let (value, used) = chinese(&self.text[self.pos.min(self.text.len())..])?;
        self.pos += used;
        Some((value, self))
    }

    /// No letter and no digit follows.
    fn ends(&self) -> bool {
        self.peek()
            .is_none_or(|c| !c.is_ascii_alphanumeric() || !c.is_ascii())
    }
}

/// `三`, `十二`, `二十一`, `两`: 1 to 99, and how many characters it took.
fn chinese(text: &[char]) -> Option<(u32, usize)> {
    let digit = |c: char| {
        "零一二三四五六七八九"
            .chars()
            .position(|d| d == c)
            .or(match c {
                '两' | '兩' => Some(2),
                _ => None,
            })
            .and_then(|n| u32::try_from(n).ok())
    };
    let mut at = 0;
    let tens = match text.first().copied() {
        Some('十') => {
            at = 1;
            Some(1)
        }
        Some(c) => {
            let first = digit(c)?;
            at += 1;
            if text.get(1) == Some(&'十') {
                at = 2;
                Some(first)
            } else {
                return (first > 0).then_some((first, at));
            }
        }
        None => None,
    }?;
    let ones = text.get(at).and_then(|c| digit(*c));
    at += usize::from(ones.is_some());
    Some((tens * 10 + ones.unwrap_or(0), at))
}

const MONTHS: [(&str, u32); 12] = [
    ("jan", 1),
    ("feb", 2),
    ("mar", 3),
    ("apr", 4),
    ("may", 5),
    ("jun", 6),
    ("jul", 7),
    ("aug", 8),
    ("sep", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
];
const REST_OF_MONTH: [&str; 12] = [
    "uary", "ruary", "ch", "il", "e", "y", "ust", "tember", "t", "ober", "ember", "",
];
const WEEKDAYS: [(&str, u32); 7] = [
    ("mon", 0),
    ("tue", 1),
    ("wed", 2),
    ("thu", 3),
    ("fri", 4),
    ("sat", 5),
    ("sun", 6),
];

/// A month and day without a year: the next one that comes, or one that has only just gone by.
fn without_year(month: u32, day: u32, today: NaiveDate) -> Option<NaiveDate> {
    let this = NaiveDate::from_ymd_opt(today.year(), month, day);
    match this {
        Some(date) if today.signed_duration_since(date).num_days() <= 60 => Some(date),
        _ => NaiveDate::from_ymd_opt(today.year() + 1, month, day),
    }
}

fn weekday(n: u32, week: u64, today: NaiveDate) -> Option<NaiveDate> {
    let monday =
        today.checked_sub_days(Days::new(u64::from(today.weekday().num_days_from_monday())))?;
    monday.checked_add_days(Days::new(week * 7 + u64::from(n)))
}

fn chinese_weekday(at: At<'_>) -> Option<(u32, At<'_>)> {
    let at = at.any(&["周", "星期", "礼拜", "週"])?;
    if let Some(at) = at.any(&["日", "天"]) {
        return Some((6, at));
    }
    let (n, after) = at.number(1)?;
    (1..=6).contains(&n).then(|| (n - 1, after))
}

/// A Chinese date at this place.
fn zh(at: At<'_>, today: NaiveDate) -> Option<(NaiveDate, At<'_>)> {
    let plus = |days: u64| today.checked_add_days(Days::new(days));
    for (word, days) in [
        ("大后天", 3),
        ("后天", 2),
        ("明天", 1),
        ("明日", 1),
        ("今天", 0),
        ("今日", 0),
    ] {
        if let Some(at) = at.take(word) {
            return Some((plus(days)?, at));
        }
    }
    let last_of = |months: u32| {
        let first = today
            .with_day(1)?
            .checked_add_months(Months::new(months + 1))?;
        first.pred_opt()
    };
    for (words, months) in [
        (&["本月底", "这个月底", "月底"][..], 0),
        (&["下月底", "下个月底"], 1),
    ] {
        if let Some(at) = at.any(words) {
            return Some((last_of(months)?, at));
        }
    }
    for (words, week) in [
        (&["下下"][..], 2),
        (&["下个", "下"], 1),
        (&["本", "这个", "这"], 0),
    ] {
        if let Some((n, after)) = at.any(words).and_then(chinese_weekday) {
            return Some((weekday(n, week, today)?, after));
        }
    }
    if let Some((n, after)) = chinese_weekday(at) {
        let this = weekday(n, 0, today)?;
        let day = if this < today {
            weekday(n, 1, today)?
        } else {
            this
        };
        return Some((day, after));
    }
    let (first, after) = at.number(4)?;
    if let Some(next) = after.space().take("年") {
        let (month, next) = next.space().number(2)?;
        let (day, next) = next.space().take("月")?.space().number(2)?;
        let next = next.any(&["日", "号", "號"]).unwrap_or(next);
        return Some((
            NaiveDate::from_ymd_opt(i32::try_from(first).ok()?, month, day)?,
            next,
        ));
    }
    if let Some(next) = after.space().take("月") {
        let (day, next) = next.space().number(2)?;
        let next = next.any(&["日", "号", "號"]).unwrap_or(next);
        return Some((without_year(first, day, today)?, next));
    }
    for (words, days) in [
        (&["天后", "天之后", "日后", "天以后"][..], 1),
        (&["周后", "个星期后", "星期后", "个礼拜后", "周之后"], 7),
    ] {
        if let Some(next) = after.space().any(words) {
            return Some((plus(u64::from(first) * days)?, next));
        }
    }
    None
}

/// `2026-12-03`, `2026/12/3`, `2026.12.3`, `12-03`, `12/3`.
fn numeric(at: At<'_>, today: NaiveDate) -> Option<(NaiveDate, At<'_>)> {
    let digits = |at: At<'_>, most| {
        at.peek()
            .is_some_and(|c| c.is_ascii_digit())
            .then(|| at.number(most))
            .flatten()
            .map(|(n, after)| (n, after.pos))
    };
    let (first, pos) = digits(at, 4)?;
    let after = At { pos, ..at };
    let sign = after.peek().filter(|c| matches!(c, '-' | '/' | '.'))?;
    let next = At { pos: pos + 1, ..at };
    let (second, pos) = digits(next, 2)?;
    let after = At { pos, ..at };
    if first >= 1000 {
        if after.peek() != Some(sign) {
            return None;
        }
        let (day, pos) = digits(At { pos: pos + 1, ..at }, 2)?;
        let date = NaiveDate::from_ymd_opt(i32::try_from(first).ok()?, second, day)?;
        return Some((date, At { pos, ..at }));
    }
    // `1.5` and `3-4` are figures; a day of the year stands alone and its sign does not come again.
    let alone = after
        .peek()
        .is_none_or(|c| !c.is_ascii_alphanumeric() && c != sign && c != '%');
    (alone && sign != '.')
        .then(|| without_year(first, second, today))
        .flatten()
        .map(|date| (date, after))
}

fn month(at: At<'_>) -> Option<(u32, At<'_>)> {
    let (name, n) = MONTHS.iter().find(|(name, _)| at.take(name).is_some())?;
    let after = at.take(name)?;
    let longest = REST_OF_MONTH
        .iter()
        .filter_map(|rest| after.take(rest))
        .filter(At::ends)
        .max_by_key(|a| a.pos)?;
    Some((*n, longest.take(".").unwrap_or(longest)))
}

fn ordinal(at: At<'_>) -> Option<(u32, At<'_>)> {
    if !at.peek()?.is_ascii_digit() {
        return None;
    }
    let (n, after) = at.number(2)?;
    let after = after.any(&["st", "nd", "rd", "th"]).unwrap_or(after);
    (after.ends() && (1..=31).contains(&n)).then_some((n, after))
}

/// An English date at this place.
fn en(at: At<'_>, today: NaiveDate) -> Option<(NaiveDate, At<'_>)> {
    let plus = |days: u64| today.checked_add_days(Days::new(days));
    for (word, days) in [("the day after tomorrow", 2), ("tomorrow", 1), ("today", 0)] {
        if let Some(after) = at.take(word).filter(At::ends) {
            return Some((plus(days)?, after));
        }
    }
    if let Some((n, after)) = at.take("in ").and_then(|a| a.space().number(3)) {
        for (words, days) in [(&["days", "day"][..], 1), (&["weeks", "week"], 7)] {
            if let Some(after) = after.space().any(words).filter(At::ends) {
                return Some((plus(u64::from(n) * days)?, after));
            }
        }
    }
    let (week, named) = match (at.take("next "), at.take("this ")) {
        (Some(after), _) => (Some(1), after.space()),
        (_, Some(after)) => (Some(0), after.space()),
        _ => (None, at),
    };
    if let Some((name, n)) = WEEKDAYS.iter().find(|(name, _)| named.take(name).is_some()) {
        let after = named.take(name)?;
        let after = after
            .any(&["nesday", "rsday", "urday", "sday", "day", "s", "rs"])
            .unwrap_or(after);
        if after.ends() {
            let this = weekday(*n, week.unwrap_or(0), today)?;
            let day = if week.is_none() && this < today {
                weekday(*n, 1, today)?
            } else {
                this
            };
            return Some((day, after));
        }
    }
    let (m, d, after) = match month(at) {
        Some((m, after)) => {
            let (d, after) = ordinal(after.space())?;
            (m, d, after)
        }
        None => {
            let (d, after) = ordinal(at)?;
            let after = after.space();
            let after = after.take("of ").unwrap_or(after);
            let (m, after) = month(after)?;
            (m, d, after)
        }
    };
    let after_comma = after.take(",").unwrap_or(after).space();
    let year = after_comma
        .peek()
        .filter(char::is_ascii_digit)
        .and_then(|_| after_comma.number(4))
        .filter(|(y, _)| *y >= 2000);
    match year {
        Some((y, after)) => Some((
            NaiveDate::from_ymd_opt(i32::try_from(y).ok()?, m, d)?,
            after,
        )),
        None => Some((without_year(m, d, today)?, after)),
    }
}

/// A time of day behind a date: `18:00`, `下午6点`, `at 6 pm`.
fn clock(at: At<'_>) -> Option<NaiveTime> {
    let at = at.space();
    let at = at.any(&["at ", "t", ","]).unwrap_or(at).space();
    let (later, at) = match at.any(&["下午", "晚上", "傍晚"]) {
        Some(after) => (true, after.space()),
        None => (
            false,
            at.any(&["上午", "早上", "中午"]).unwrap_or(at).space(),
        ),
    };
    if !at.peek()?.is_ascii_digit() && !later {
        return None;
    }
    let (hour, after) = at.number(2)?;
    let (minute, after) = match after.take(":") {
        Some(next) => next.number(2)?,
        None => match after.any(&["点半", "點半"]) {
            Some(next) => (30, next),
            None => match after.any(&["点", "點", "时"]) {
                Some(next) => (0, next),
                None => {
                    // A bare number is no clock unless am or pm says so.
                    after.space().any(&["am", "pm"])?;
                    (0, after)
                }
            },
        },
    };
    let pm = after.space().take("pm").is_some();
    let hour = if (later || pm) && hour < 12 {
        hour + 12
    } else {
        hour
    };
    NaiveTime::from_hms_opt(hour, minute, 0)
}

fn at_place(text: &[char], pos: usize, today: NaiveDate) -> Option<Said> {
    let at = At { text, pos };
    let (day, after) = numeric(at, today)
        .or_else(|| zh(at, today))
        .or_else(|| en(at, today))?;
    Some(Said {
        day,
        time: clock(after),
    })
}

/// The first date in the first 120 characters of a text.
#[must_use]
pub fn find(text: &str, today: NaiveDate) -> Option<Said> {
    let text: Vec<char> = plain(text).into_iter().take(160).collect();
    (0..text.len().min(120)).find_map(|pos| {
        let c = text[pos];
        let before = pos.checked_sub(1).map(|p| text[p]);
        // Not in the middle of a word or a number.
        let inside = before.is_some_and(|b| {
            (c.is_ascii_digit() && (b.is_ascii_digit() || matches!(b, '.' | '/' | '-')))
                || (c.is_ascii_alphabetic() && b.is_ascii_alphabetic())
        });
        if inside {
            return None;
        }
        at_place(&text, pos, today)
    })
}

/// So much later than `due`: `一周`, `3天`, `两个工作日`, `by 3 days`, `a week`. Working days are Monday to Friday
/// here: it is a wish, and whoever agrees sees the date.
#[must_use]
pub fn later(text: &str, due: NaiveDate) -> Option<Said> {
    const UNITS: [(&str, u64, bool); 19] = [
        ("个工作日", 1, true),
        ("工作日", 1, true),
        ("working day", 1, true),
        ("business day", 1, true),
        ("workday", 1, true),
        ("天", 1, false),
        ("日", 1, false),
        ("day", 1, false),
        ("个星期", 7, false),
        ("星期", 7, false),
        ("个礼拜", 7, false),
        ("礼拜", 7, false),
        ("周", 7, false),
        ("week", 7, false),
        ("个月", 0, false),
        ("月", 0, false),
        ("month", 0, false),
        ("个季度", 0, false),
        ("fortnight", 14, false),
    ];
    let text: Vec<char> = plain(text).into_iter().take(40).collect();
    let at = At {
        text: &text,
        pos: 0,
    };
    let mut at = at.space();
    for word in [
        "到", "by ", "for ", "another ", "about ", "再", "约", "大约",
    ] {
        at = at.take(word).map_or(at, At::space);
    }
    if at.any(&["半个月", "半月"]).is_some() {
        return Some(Said {
            day: due.checked_add_days(Days::new(15))?,
            time: None,
        });
    }
    const WORDS: [(&str, u32); 7] = [
        ("a ", 1),
        ("one ", 1),
        ("two ", 2),
        ("three ", 3),
        ("four ", 4),
        ("five ", 5),
        ("an ", 1),
    ];
    let spelt = WORDS
        .iter()
        .find_map(|(word, n)| Some((*n, at.take(word)?)));
    let (n, next) = spelt.or_else(|| at.number(3))?;
    let (unit, days, working) = UNITS
        .iter()
        .find(|(unit, ..)| next.space().take(unit).is_some())?;
    let n = u64::from(n);
    if !(1..=366).contains(&n) {
        return None;
    }
    let day = match (*unit, *working) {
        (_, true) => {
            let mut day = due;
            for _ in 0..n {
                day = day.succ_opt()?;
                while day.weekday().number_from_monday() > 5 {
                    day = day.succ_opt()?;
                }
            }
            day
        }
        ("个季度", _) => due.checked_add_months(Months::new(u32::try_from(n * 3).ok()?))?,
        ("个月" | "月" | "month", _) => {
            due.checked_add_months(Months::new(u32::try_from(n).ok()?))?
        }
        _ => due.checked_add_days(Days::new(n * days))?,
    };
    Some(Said { day, time: None })
}
