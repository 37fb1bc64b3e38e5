//! What the history keeps of an issue's life, and reading it back: the events alone say in which state
//! an issue is, how often it opened, and how it was put aside.

use super::hold::Hold;
use super::state::{Command, Issue, State};
use crate::detection::Signal;
use crate::ids::IssueId;
use serde_json::{Value, json};

/// One line of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What happened, past tense: `issue.dismissed`.
    pub kind: &'static str,
    /// Details.
    pub data: Value,
}

impl Line {
    fn new(kind: &'static str, data: Value) -> Self {
        Self { kind, data }
    }
}

const fn entered(state: State) -> &'static str {
    match state {
        State::Open => "issue.open",
        State::InProgress => "issue.in_progress",
        State::Verifying => "issue.verifying",
        State::Resolved => "issue.resolved",
        State::Relapsed => "issue.relapsed",
        State::Dismissed => "issue.dismissed",
        State::Snoozed => "issue.snoozed",
    }
}

/// What the history keeps of `command`, which made `after` of `before`; `None`: nothing that anybody
/// has to know (a count went up).
#[must_use]
pub fn line(before: &Issue, after: &Issue, command: &Command) -> Option<Line> {
    let (from, to) = (before.state, after.state);
    Some(match command {
        Command::Signalled(signal) | Command::RangAfter { signal, .. } => {
            if after.openings == before.openings {
                return None;
            }
            let kind = if to == State::Relapsed {
                "issue.relapsed"
            } else {
                "issue.opened"
            };
            // The signal's own fields stand at the top: what reads alarms from the history finds them.
            let mut data = serde_json::to_value(signal).unwrap_or_else(|_| json!({}));
            data["from"] = json!(from);
            if let Some(held) = &before.held {
                data["outgrown"] = json!({"factor": held.factor, "sizes": held.sizes});
            }
            Line::new(kind, data)
        }
        Command::TaskAssigned => Line::new("issue.task_assigned", json!({"from": from, "to": to})),
        Command::TaskDone { .. } | Command::Judged { .. } | Command::NoTaskLeft => {
            if from == to {
                return None;
            }
            Line::new(entered(to), json!({"from": from, "to": to}))
        }
        Command::Withdrawn => Line::new(
            "issue.alarm_withdrawn",
            json!({"from": from, "to": to, "hold": after.held}),
        ),
        Command::PutAside { hold, .. } => Line::new(
            entered(to),
            json!({"from": from, "to": to, "hold": after.held, "reason": hold.reason, "text": hold.note,
                   "until": hold.until, "factor": hold.factor}),
        ),
        Command::Reopen { reason } => Line::new(
            "issue.reopened",
            json!({"from": from, "to": to, "reason": reason}),
        ),
        Command::Wake => Line::new(
            "issue.woken",
            json!({"from": from, "to": to, "until": before.held.as_ref().map(|h| h.until)}),
        ),
        Command::Merge { into, tasks, .. } => Line::new(
            "issue.merged",
            json!({"from": from, "to": to, "into": into, "hold": before.held, "tasks": tasks}),
        ),
        Command::Suppose { .. } => {
            let new = after.hypotheses.last();
            Line::new("issue.hypothesis_added", json!(new))
        }
        Command::Settle { number, state, why } => Line::new(
            "issue.hypothesis_judged",
            json!({"number": number, "state": state, "reason": why,
                   "text": after.hypotheses.iter().find(|h| h.number == *number).map(|h| &h.text)}),
        ),
        Command::SplitOff {
            into,
            reason,
            hypotheses,
            left,
        } => Line::new(
            "issue.split_off",
            json!({"from": from, "to": to, "part": into, "target": into, "reason": reason,
                   "hypotheses": hypotheses, "signals_left": left.signals.len()}),
        ),
        Command::Rejoin { reason, .. } => Line::new(
            "issue.rejoined",
            json!({"from": from, "to": to, "reason": reason, "hold": before.held,
                   "into": after.merged.as_ref().map(|m| m.into)}),
        ),
        Command::TakeBack { part, .. } => Line::new(
            "issue.taken_back",
            json!({"from": from, "to": to, "hold": after.held, "part": part.id, "target": part.title}),
        ),
        Command::Call { kind, reason } => Line::new(
            "issue.kind_changed",
            json!({"from_kind": before.kind, "to_kind": kind, "reason": reason}),
        ),
        Command::Report {
            revenue_cents,
            text,
            ..
        } => Line::new(
            "issue.outcome_reported",
            json!({"revenue_cents": revenue_cents, "comment": text}),
        ),
        Command::Unmerge { reason } => Line::new(
            "issue.unmerged",
            json!({"from": from, "to": to, "reason": reason, "hold": after.held,
                   "out_of": before.merged.as_ref().map(|m| m.into)}),
        ),
    })
}

/// The first line of an issue that was split off: `signal` is the first of those that went along, whose
/// fields stand at the top as in every alarm.
#[must_use]
pub fn opening(issue: &Issue, signal: Option<&Signal>) -> Line {
    let mut data = signal
        .and_then(|s| serde_json::to_value(s).ok())
        .unwrap_or_else(|| json!({}));
    data["to"] = json!(issue.state);
    if let Some(split) = &issue.split {
        data["split_from"] = json!(split.from);
        data["rules"] = json!(split.rules);
        data["comment"] = json!(split.reason);
    }
    Line::new("issue.opened", data)
}

/// What the history says of an issue.
#[derive(Clone, Debug, PartialEq)]
pub struct Life {
    /// Where it is in its life.
    pub state: State,
    /// How often it opened.
    pub openings: i64,
    /// How it is put aside.
    pub held: Option<Hold>,
    /// Where its signals go.
    pub merged_into: Option<IssueId>,
}

impl Life {
    /// The same of the issue itself.
    #[must_use]
    pub fn of(issue: &Issue) -> Self {
        Self {
            state: issue.state,
            openings: issue.openings,
            held: issue.held.clone(),
            merged_into: issue.merged.as_ref().map(|m| m.into),
        }
    }
}

/// Reads a life back from its history, oldest line first, each as kind and details. Lines about other
/// things (mails, quadrants) are passed over. `None`: it never opened.
pub fn replay<'a>(lines: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Option<Life> {
    let mut life: Option<Life> = None;
    for (kind, data) in lines {
        let to = || data["to"].as_str().and_then(State::parse);
        let hold = || serde_json::from_value::<Hold>(data["hold"].clone()).ok();
        if kind == "issue.opened" && life.is_none() {
            life = Some(Life {
                state: to().unwrap_or(State::Open),
                openings: 1,
                held: None,
                merged_into: None,
            });
            continue;
        }
        let Some(now) = life.as_mut() else { continue };
        let mut enter = |state: Option<State>, held: Option<Hold>| {
            now.state = state.unwrap_or(now.state);
            now.held = held;
        };
        match kind {
            "issue.opened" => {
                enter(Some(State::Open), None);
                now.openings += 1;
            }
            "issue.relapsed" => {
                enter(Some(State::Relapsed), None);
                now.openings += 1;
            }
            "issue.task_assigned" | "issue.in_progress" => enter(Some(State::InProgress), None),
            "issue.open" => enter(Some(State::Open), None),
            "issue.verifying" => enter(Some(State::Verifying), None),
            "issue.resolved" => enter(Some(State::Resolved), None),
            "issue.dismissed" | "issue.snoozed" | "issue.alarm_withdrawn" => enter(to(), hold()),
            "issue.reopened" | "issue.woken" => enter(to(), None),
            "issue.split_off" | "issue.taken_back" => enter(to(), hold()),
            "issue.merged" | "issue.rejoined" => {
                enter(to(), None);
                now.merged_into = data["into"].as_str().and_then(|id| id.parse().ok());
            }
            "issue.unmerged" => {
                enter(to(), hold());
                now.merged_into = None;
            }
            _ => {}
        }
    }
    life
}
