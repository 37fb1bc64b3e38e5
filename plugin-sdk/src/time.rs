//! Times as text, without the clock of `std`, which a plugin does not have.

/// Milliseconds since the Unix epoch of a civil time in UTC.
fn from_civil(year: i64, month: i64, day: i64, millis_of_day: i64) -> i64 {
    // Days from civil, after Howard Hinnant's published algorithm: years start in March.
    let (y, m) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * m + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    days * 86_400_000 + millis_of_day
}

/// Year, month, day and milliseconds of the day.
fn to_civil(millis: i64) -> (i64, i64, i64, i64) {
    let days = millis.div_euclid(86_400_000) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let m = (5 * of_year + 2) / 153;
    let day = of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day, millis.rem_euclid(86_400_000))
}

/// `2026-11-22T08:30:00.000Z`.
#[must_use]
pub fn rfc3339(millis: i64) -> String {
    let (year, month, day, rest) = to_civil(millis);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000
    )
}

/// `2026-11-22T08:30:00Z`: the second that `millis` lies in.
#[must_use]
pub fn rfc3339_seconds(millis: i64) -> String {
    let mut text = rfc3339(millis);
    text.replace_range(text.len() - ".000Z".len().., "Z");
    text
}

/// Reads RFC 3339; `None` when it is none or has no zone.
#[must_use]
pub fn from_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| digits(text.get(from..to)?);
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, c)| bytes.get(*at) != Some(c))
        || !matches!(bytes.get(10), Some(b'T' | b't' | b' '))
    {
        return None;
    }
    let (month, day) = (number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !in_range {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut millis = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(fraction.len());
        let three: String = fraction[..end]
            .chars()
            .chain("000".chars())
            .take(3)
            .collect();
        millis = (end > 0).then_some(()).and_then(|()| digits(&three))?;
        rest = &fraction[end..];
    }
    let offset = zone(rest)?;
    let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + millis;
    Some(from_civil(number(0, 4)?, month, day, of_day) - offset)
}

/// `Z`, `+08:00` or `+0800` in milliseconds.
fn zone(text: &str) -> Option<i64> {
    if text == "Z" || text == "z" {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let plain: String = text[1..].chars().filter(|c| *c != ':').collect();
    if plain.len() != 4 {
        return None;
    }
    Some(sign * (digits(&plain[..2])? * 60 + digits(&plain[2..])?) * 60_000)
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// Reads the date of an HTTP header (RFC 9110 section 5.6.7, the present form only), such as
/// `Sun, 06 Nov 1994 08:49:37 GMT`.
#[must_use]
pub fn from_http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let rest = text.trim().split_once(", ")?.1;
    let mut parts = rest.split(' ');
    let day = digits(parts.next()?)?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|m| *m == month)?;
    let year = digits(parts.next()?)?;
    let mut clock = parts.next()?.split(':').map(digits);
    let mut next = || clock.next().flatten();
    let of_day = ((next()? * 60 + next()?) * 60 + next()?) * 1000;
    (parts.next() == Some("GMT"))
        .then(|| from_civil(year, i64::try_from(month).unwrap_or(0) + 1, day, of_day))
}

/// A time as a service wants it in its query or body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Writing {
    /// `2026-11-22T08:30:00.000Z`.
    #[default]
    Rfc3339,
    /// Seconds since the Unix epoch.
    UnixSeconds,
    /// Milliseconds since the Unix epoch.
    UnixMilliseconds,
    /// `2026-11-22 16:30:00` in the zone of the settings.
    DateTime,
    /// `2026-11-22` in the zone of the settings.
    Date,
}

impl Writing {
    /// The time in this writing; `offset_minutes` is the zone of the civil writings, east positive.
    #[must_use]
    pub fn write(self, millis: i64, offset_minutes: i32) -> String {
        let (year, month, day, rest) = to_civil(millis + i64::from(offset_minutes) * 60_000);
        let date = format!("{year:04}-{month:02}-{day:02}");
        match self {
            Self::Rfc3339 => rfc3339(millis),
            Self::UnixSeconds => millis.div_euclid(1000).to_string(),
            Self::UnixMilliseconds => millis.to_string(),
            Self::Date => date,
            Self::DateTime => format!(
                "{date} {:02}:{:02}:{:02}",
                rest / 3_600_000,
                rest / 60_000 % 60,
                rest / 1000 % 60
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2000-02-29T23:59:59.999Z",
            "2026-11-22T08:30:00.125Z",
            "1969-12-31T23:59:59.000Z",
            "2100-03-01T00:00:00.000Z",
        ] {
            assert_eq!(rfc3339(from_rfc3339(text).unwrap()), text);
        }
        let utc = from_rfc3339("2026-11-22T08:30:00Z");
        assert_eq!(from_rfc3339("2026-11-22T16:30:00+08:00"), utc);
        assert_eq!(from_rfc3339("2026-11-22 03:30:00.0-0500"), utc);
        for bad in [
            "2026-11-22",
            "2026-11-22T08:30:00",
            "2026-13-22T08:30:00Z",
            "今天",
        ] {
            assert_eq!(from_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_date_of_the_standard_is_read() {
        assert_eq!(
            from_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777_000)
        );
        assert_eq!(from_http_date("soon"), None);
    }

    #[test]
    fn writings_of_services() {
        let at = from_rfc3339("2026-11-22T20:30:05Z").unwrap();
        assert_eq!(Writing::DateTime.write(at, 480), "2026-11-23 04:30:05");
        assert_eq!(Writing::Date.write(at, 0), "2026-11-22");
        assert_eq!(Writing::UnixSeconds.write(at, 480), (at / 1000).to_string());
    }
}
