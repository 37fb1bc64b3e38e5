//! Counting working time, and saying how it was counted.

use super::{DayKind, Days, MAX_YEARS, TimeOfDay};
use crate::clock::Timestamp;
use crate::organisation::Bilingual;
use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Timelike as _, Utc};
use serde::{Deserialize, Serialize};

/// Most lines of an explanation; what follows is counted and not listed.
pub const MAX_LINES: usize = 2000;
/// Most pauses that are looked at.
pub const MAX_PAUSES: usize = 200;

/// Why the clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = PauseWhy))]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The owner asked something and waits for the answer.
    Question,
    /// It was delivered, and somebody has to approve it.
    Approval,
}

impl Why {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Approval => "approval",
        }
    }
}

/// Time that does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// From here on.
    pub from: DateTime<Utc>,
    /// Until before here; open: it lasts.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Why.
    pub why: Why,
}

/// Why a line counts or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = SlaReason))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Counted: hours of an ordinary day.
    WorkingHours,
    /// Counted: hours of an extra workday.
    MakeUpDay,
    /// Before the first or after the last hours of a working day.
    OutsideHours,
    /// Between two spans of a day: lunch.
    Break,
    /// Saturday or Sunday.
    Weekend,
    /// Another day of the week without hours.
    DayOff,
    /// A holiday.
    Holiday,
    /// An extra workday that the calendar does not follow.
    MakeUpNotFollowed,
    /// It would count, but the clock stood because of a question.
    PausedQuestion,
    /// It would count, but the clock stood because somebody had to approve.
    PausedApproval,
}

impl Reason {
    /// Whether such time counts.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Self::WorkingHours | Self::MakeUpDay)
    }
}

/// A span that was counted or skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = SlaLine))]
pub struct Line {
    /// Start.
    pub from: DateTime<Utc>,
    /// End, excluded.
    pub until: DateTime<Utc>,
    /// Its minutes.
    pub minutes: i64,
    /// Whether they count.
    pub counted: bool,
    /// Why.
    pub reason: Reason,
    /// Name of the holiday or extra workday.
    pub name: Option<Bilingual>,
}

/// How a due time comes about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = SlaSpans))]
pub struct Explanation {
    /// Every span from the start on, without a gap between them. A span that passes the end is cut there.
    pub lines: Vec<Line>,
    /// Lines were left out because there are too many; the sums hold all of them.
    pub cut: bool,
    /// Minutes that counted.
    pub counted_minutes: i64,
    /// Working minutes in which the clock stood.
    pub paused_minutes: i64,
    /// Years that are touched and whose public holidays nobody has announced to the program: only
    /// weekends and the calendar's own entries are free there.
    pub unknown_years: Vec<i32>,
}

/// The target lies more than [`MAX_YEARS`] years ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not reached within {MAX_YEARS} years")]
pub struct Beyond;

/// Where a count ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// The target is reached then.
    Reached(Timestamp),
    /// The clock stands since then, and nobody knows for how long.
    Standing(Timestamp),
}

/// `at`, or the next full minute after it: clocks start and stop there.
#[must_use]
pub fn next_minute(at: Timestamp) -> Timestamp {
    let past = TimeDelta::seconds(i64::from(at.second()))
        + TimeDelta::nanoseconds(i64::from(at.nanosecond()));
    if past.is_zero() {
        at
    } else {
        at - past + TimeDelta::minutes(1)
    }
}

struct Piece {
    from: Timestamp,
    until: Timestamp,
    reason: Reason,
    name: Option<Bilingual>,
}

/// The pieces of a day on the clock, in order, without a gap.
fn pieces(days: &Days, date: NaiveDate, out: &mut Vec<Piece>) {
    let day = days.day(date);
    let name = day.name.cloned();
    let (from, until) = (
        days.instant(date, TimeOfDay::default()),
        days.instant(date, TimeOfDay::END),
    );
    let mut push = |from: Timestamp, until: Timestamp, reason: Reason, name: &Option<Bilingual>| {
        // A day or span that a clock change swallows.
        if from < until {
            out.push(Piece {
                from,
                until,
                reason,
                name: name.clone(),
            });
        }
    };
    if day.spans.is_empty() {
        let reason = match day.kind {
            DayKind::Holiday => Reason::Holiday,
            DayKind::MakeUpNotFollowed => Reason::MakeUpNotFollowed,
            DayKind::DayOff => Reason::DayOff,
            DayKind::Weekend | DayKind::Workday | DayKind::MakeUpDay => Reason::Weekend,
        };
        push(from, until, reason, &name);
        return;
    }
    let (reason, name) = if day.kind == DayKind::MakeUpDay {
        (Reason::MakeUpDay, name)
    } else {
        (Reason::WorkingHours, None)
    };
    let mut at = from;
    for (n, span) in day.spans.iter().enumerate() {
        let (start, end) = (days.instant(date, span.from), days.instant(date, span.to));
        let idle = if n == 0 {
            Reason::OutsideHours
        } else {
            Reason::Break
        };
        push(at, start, idle, &None);
        push(start, end, reason, &name);
        at = end;
    }
    push(at, until, Reason::OutsideHours, &None);
}

/// Pauses in order, whole minutes, none overlapping another. The earlier one keeps what both claim.
fn in_order(pauses: &[Pause]) -> Vec<Pause> {
    let mut all: Vec<Pause> = pauses
        .iter()
        .take(MAX_PAUSES)
        .map(|p| Pause {
            from: next_minute(p.from),
            until: p.until.map(next_minute),
            why: p.why,
        })
        .collect();
    all.sort_by_key(|p| p.from);
    let mut out: Vec<Pause> = Vec::new();
    for mut pause in all {
        if let Some(last) = out.last() {
            let Some(end) = last.until else { break };
            pause.from = pause.from.max(end);
        }
        if pause.until.is_none_or(|end| end > pause.from) {
            out.push(pause);
        }
    }
    out
}

impl Explanation {
    fn add(
        &mut self,
        days: &Days,
        from: Timestamp,
        until: Timestamp,
        piece: &Piece,
        paused: Option<Why>,
    ) {
        if until <= from {
            return;
        }
        let reason = match paused {
            Some(Why::Question) => Reason::PausedQuestion,
            Some(Why::Approval) => Reason::PausedApproval,
            None => piece.reason,
        };
        let minutes = (until - from).num_minutes();
        if reason.counts() {
            self.counted_minutes += minutes;
        } else if paused.is_some() {
            self.paused_minutes += minutes;
        }
        for at in [from, until - TimeDelta::minutes(1)] {
            let year = at.with_timezone(&days.zone()).year();
            if !days.knows(year) && self.unknown_years.last() != Some(&year) {
                self.unknown_years.push(year);
            }
        }
        let name = if paused.is_some() {
            None
        } else {
            piece.name.clone()
        };
        if let Some(last) = self.lines.last_mut()
            && !self.cut
            && last.until == from
            && last.reason == reason
            && last.name == name
        {
            last.until = until;
            last.minutes += minutes;
            return;
        }
        if self.lines.len() >= MAX_LINES {
            self.cut = true;
            return;
        }
        self.lines.push(Line {
            from,
            until,
            minutes,
            counted: reason.counts(),
            reason,
            name,
        });
    }
}

/// Walks from `start` until `minutes` have counted or `end` is reached, whichever comes first.
fn walk(
    days: &Days,
    start: Timestamp,
    minutes: i64,
    end: Timestamp,
    pauses: &[Pause],
) -> (Explanation, Option<Walk>) {
    let pauses = in_order(pauses);
    let mut said = Explanation::default();
    if minutes <= 0 {
        return (said, Some(Walk::Reached(start)));
    }
    let mut next = 0;
    let mut buffer = Vec::new();
    let first = start.with_timezone(&days.zone()).date_naive();
    for date in first.iter_days() {
        buffer.clear();
        pieces(days, date, &mut buffer);
        for piece in &buffer {
            let mut at = piece.from.max(start);
            let stop = piece.until.min(end);
            if !piece.reason.counts() {
                said.add(days, at, stop, piece, None);
                continue;
            }
            while at < stop {
                while pauses
                    .get(next)
                    .is_some_and(|p| p.until.is_some_and(|u| u <= at))
                {
                    next += 1;
                }
                let pause = pauses.get(next);
                if let Some(pause) = pause.filter(|p| p.from <= at) {
                    let Some(until) = pause.until else {
                        said.add(days, at, stop, piece, Some(pause.why));
                        return (said, Some(Walk::Standing(pause.from.max(start))));
                    };
                    said.add(days, at, until.min(stop), piece, Some(pause.why));
                    at = until.min(stop);
                    continue;
                }
                let free = pause.map_or(stop, |p| p.from.min(stop));
                let left = TimeDelta::minutes(minutes - said.counted_minutes);
                let until = free.min(at + left);
                said.add(days, at, until, piece, None);
                if said.counted_minutes >= minutes {
                    return (said, Some(Walk::Reached(until)));
                }
                at = until;
            }
        }
        if buffer.last().is_some_and(|piece| piece.until >= end) {
            break;
        }
    }
    (said, None)
}

fn horizon(start: Timestamp) -> Timestamp {
    start + TimeDelta::days(MAX_YEARS * 366)
}

/// When `minutes` of working time after `from` are over: the first instant at which that many have
/// counted, so never the morning after where the evening before will do.
///
/// # Errors
///
/// [`Beyond`] where ten years do not suffice.
pub fn add_working_time(days: &Days, from: Timestamp, minutes: u32) -> Result<Timestamp, Beyond> {
    match due(days, from, minutes, &[])? {
        Walk::Reached(at) | Walk::Standing(at) => Ok(at),
    }
}

/// The same with time that does not count.
///
/// # Errors
///
/// [`Beyond`] where ten years do not suffice.
pub fn due(days: &Days, from: Timestamp, minutes: u32, pauses: &[Pause]) -> Result<Walk, Beyond> {
    let start = next_minute(from);
    walk(days, start, i64::from(minutes), horizon(start), pauses)
        .1
        .ok_or(Beyond)
}

/// Working minutes between two instants; 0 where `to` is not after `from`, at most those of ten years.
#[must_use]
pub fn working_minutes(days: &Days, from: Timestamp, to: Timestamp) -> i64 {
    explain_span(days, from, to, &[]).counted_minutes
}

/// Every span between `from` and the due time of `minutes`; where the clock stands, until `now`.
///
/// # Errors
///
/// [`Beyond`] where ten years do not suffice.
pub fn explain(
    days: &Days,
    from: Timestamp,
    minutes: u32,
    pauses: &[Pause],
    now: Timestamp,
) -> Result<(Explanation, Walk), Beyond> {
    let start = next_minute(from);
    let (said, end) = walk(days, start, i64::from(minutes), horizon(start), pauses);
    match end.ok_or(Beyond)? {
        standing @ Walk::Standing(_) => {
            Ok((explain_span(days, from, now.max(start), pauses), standing))
        }
        reached @ Walk::Reached(_) => Ok((said, reached)),
    }
}

/// Every span between two instants.
#[must_use]
pub fn explain_span(days: &Days, from: Timestamp, to: Timestamp, pauses: &[Pause]) -> Explanation {
    let (start, end) = (next_minute(from), next_minute(to));
    let end = end.min(horizon(start));
    // An open pause ends with what is looked at.
    let closed: Vec<Pause> = pauses
        .iter()
        .map(|p| Pause {
            until: Some(p.until.map_or(end.max(p.from), |u| u)),
            ..*p
        })
        .collect();
    if end <= start {
        return Explanation::default();
    }
    // More than there is: the walk ends with the span.
    let all = (end - start).num_minutes() + 1;
    walk(days, start, all, end, &closed).0
}
