//! Splitting an issue in two, and the way back: the mirror of a merge.

use super::hold::{check_note, check_text};
use super::kind::IssueKind;
use super::state::{Hypothesis, Issue, Refused, State};
use crate::clock::Timestamp;
use crate::detection::Signal;
use crate::identity::Actor;
use crate::ids::{IssueId, TaskId};
use crate::organisation::Bilingual;
use serde::{Deserialize, Serialize};

/// Most characters of the new issue's title.
pub const LONGEST_TITLE: usize = 200;

/// What an issue took along when it was split off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// The issue that it was part of.
    pub from: IssueId,
    /// When.
    pub at: Timestamp,
    /// Who said so.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// Rules whose signals are its own from then on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Single signals that went along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<String>,
    /// Tasks that went along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskId>,
    /// The rule that the other issue showed the count of until then.
    pub detector: String,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

/// An issue's tasks, by what they say of its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tasks {
    /// Somebody still has to deliver them, or to answer for them.
    pub under_way: usize,
    /// Delivered, and not judged yet.
    pub waiting: usize,
    /// Judged to have helped.
    pub solved: usize,
}

impl Tasks {
    fn state(self, otherwise: State) -> State {
        match self {
            Self { under_way: 1.., .. } => State::InProgress,
            Self { waiting: 1.., .. } => State::Verifying,
            Self { solved: 1.., .. } => State::Resolved,
            _ => otherwise,
        }
    }
}

/// What an issue has after signals and tasks came or went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Left {
    /// Its tasks.
    pub tasks: Tasks,
    /// Its signals that stand, the newest first.
    pub signals: Vec<Signal>,
}

impl Left {
    /// The latest signal of a rule, else of any.
    fn latest(&self, detector: &str) -> Option<&Signal> {
        let own = self.signals.iter().find(|s| s.detector == detector);
        own.or(self.signals.first())
    }
}

/// What a person wants an issue to be split by.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What the new issue is called.
    pub title: String,
    /// What it is.
    pub kind: IssueKind,
    /// What went along; `from` is the issue that is split.
    pub split: Split,
    /// Numbers of the supposed causes that go along.
    pub hypotheses: Vec<i64>,
    /// What the new issue has.
    pub has: Left,
}

impl Issue {
    /// The issue that is split off: it stands where its tasks say, and was alarmed by its own signals.
    pub fn split_off(&self, id: IssueId, wanted: &Wanted, at: Timestamp) -> Result<Self, Refused> {
        if matches!(self.state, State::Dismissed | State::Snoozed) {
            return Err(Refused::State { state: self.state });
        }
        let title = check_text("title", &wanted.title, LONGEST_TITLE, true)?;
        let split = Split {
            reason: check_note("reason", &wanted.split.reason, true)?,
            detector: self.detector.clone(),
            at,
            ended: None,
            ..wanted.split.clone()
        };
        let otherwise = match self.state {
            State::Relapsed | State::Resolved => self.state,
            _ => State::Open,
        };
        let has = &wanted.has;
        let latest = has.latest(&self.detector);
        let rule = split.rules.first().unwrap_or(&self.detector);
        let first = has.signals.iter().map(|s| s.window);
        Ok(Self {
            id,
            key: format!("split\u{1d}{id}"),
            state: has.tasks.state(otherwise),
            heading: Some(Bilingual::new(title.clone(), title.clone())),
            title,
            kind: wanted.kind,
            detector: latest.map_or(rule, |s| &s.detector).clone(),
            count: latest.map_or(0, |s| s.count),
            // Days before this opening belong to an earlier story.
            alarm_day: first
                .filter(|day| *day >= self.alarm_day)
                .min()
                .unwrap_or(self.alarm_day),
            hypotheses: self
                .hypotheses
                .iter()
                .filter(|h| wanted.hypotheses.contains(&h.number))
                .cloned()
                .collect(),
            openings: 1,
            before: None,
            held: None,
            merged: None,
            split: Some(split),
            outcome: None,
            version: 1,
            ..self.clone()
        })
    }

    /// What stays when `hypotheses` went along.
    pub(super) fn keep_rest(&mut self, hypotheses: &[i64], left: &Left) {
        self.hypotheses.retain(|h| !hypotheses.contains(&h.number));
        self.recount(left, None);
        if matches!(self.state, State::InProgress | State::Verifying) {
            self.state = left.tasks.state(State::Open);
        }
    }

    /// What comes back.
    pub(super) fn take_back(&mut self, part: &Self, left: &Left) {
        for back in &part.hypotheses {
            let taken = |h: &Hypothesis| h.number == back.number;
            let number = if self.hypotheses.iter().any(taken) {
                self.hypotheses.iter().map(|h| h.number).max().unwrap_or(0) + 1
            } else {
                back.number
            };
            self.hypotheses.push(Hypothesis {
                number,
                ..back.clone()
            });
        }
        self.hypotheses.sort_by_key(|h| h.number);
        self.recount(left, part.split.as_ref().map(|s| s.detector.as_str()));
        match left.tasks {
            Tasks { under_way: 1.., .. } => self.enter(State::InProgress),
            Tasks { waiting: 1.., .. } if !self.state.is_quiet() => self.enter(State::Verifying),
            _ => {}
        }
    }

    fn recount(&mut self, left: &Left, former: Option<&str>) {
        let wanted = former.unwrap_or(&self.detector);
        if let Some(latest) = left.latest(wanted) {
            self.detector.clone_from(&latest.detector);
            self.count = latest.count;
        } else {
            self.count = 0;
        }
    }
}
