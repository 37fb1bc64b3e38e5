//! A due date for calendars (RFC 5545): one event that replaces its earlier versions.

use crate::clock::Timestamp;

/// What a calendar is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due<'a> {
    /// Stays the same for all versions of the event.
    pub uid: &'a str,
    /// When this version was made; later ones win.
    pub made_at: Timestamp,
    /// When the task is due.
    pub due_at: Timestamp,
    /// One line.
    pub title: &'a str,
    /// Where it can be answered.
    pub url: &'a str,
}

/// Text as a value (RFC 5545, 3.3.11); line breaks and control characters cannot end a line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Lines of at most 75 bytes, never cut inside a character (RFC 5545, 3.1).
fn fold(line: &str, out: &mut String) {
    let mut used = 0;
    for c in line.chars() {
        if used + c.len_utf8() > 75 {
            out.push_str("\r\n ");
            used = 1;
        }
        out.push(c);
        used += c.len_utf8();
    }
    out.push_str("\r\n");
}

fn utc(at: Timestamp) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// The calendar with the one event: half an hour up to the due time, with a reminder a day before.
#[must_use]
pub fn due(event: &Due<'_>) -> String {
    let begins = event.due_at - chrono::TimeDelta::minutes(30);
    // Later versions have higher numbers; seconds since 2020 fit for a long time.
    let sequence = (event.made_at.timestamp() - 1_577_836_800).clamp(0, i64::from(i32::MAX));
    let lines = [
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Bihuan//Bihuan//ZH".to_owned(),
        "CALSCALE:GREGORIAN".to_owned(),
        "METHOD:PUBLISH".to_owned(),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}", escaped(event.uid)),
        format!("DTSTAMP:{}", utc(event.made_at)),
        format!("SEQUENCE:{sequence}"),
        format!("DTSTART:{}", utc(begins)),
        format!("DTEND:{}", utc(event.due_at)),
        format!("SUMMARY:{}", escaped(event.title)),
        format!("DESCRIPTION:{}", escaped(event.url)),
        "TRANSP:TRANSPARENT".to_owned(),
        "BEGIN:VALARM".to_owned(),
        "ACTION:DISPLAY".to_owned(),
        format!("DESCRIPTION:{}", escaped(event.title)),
        "TRIGGER:-P1D".to_owned(),
        "END:VALARM".to_owned(),
        "END:VEVENT".to_owned(),
        "END:VCALENDAR".to_owned(),
    ];
    let mut out = String::new();
    for line in lines {
        fold(&line, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    /// Undoes the folding, as a reader does.
    fn unfolded(text: &str) -> Vec<String> {
        text.replace("\r\n ", "")
            .split("\r\n")
            .filter(|l| !l.is_empty())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn an_event_is_one_whatever_its_title() {
        let at = Utc.with_ymd_and_hms(2026, 12, 3, 10, 0, 0).unwrap();
        let title = format!(
            "{}; a, b\\c\r\nATTENDEE:mailto:x@example.com",
            "资费说明看不懂".repeat(12)
        );
        let text = due(&Due {
            uid: "task-1@example.com",
            made_at: at - chrono::TimeDelta::days(3),
            due_at: at,
            title: &title,
            url: "https://voc.example.com/a/token",
        });
        assert!(text.split("\r\n").all(|l| l.len() <= 75), "{text}");
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text}");
        let lines = unfolded(&text);
        assert!(lines.iter().all(|l| !l.starts_with("ATTENDEE")), "{text}");
        assert!(lines.contains(&"DTEND:20261203T100000Z".to_owned()));
        assert!(lines.contains(&"DTSTART:20261203T093000Z".to_owned()));
        let summary = lines.iter().find(|l| l.starts_with("SUMMARY:")).unwrap();
        assert!(summary.contains("\\; a\\, b\\\\c\\nATTENDEE"), "{summary}");
        let begins = lines.iter().filter(|l| l.starts_with("BEGIN:")).count();
        assert_eq!(
            begins,
            lines.iter().filter(|l| l.starts_with("END:")).count()
        );
    }
}
