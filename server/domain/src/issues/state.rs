//! What may happen to an issue.

use super::hold::{Hold, Unfit, check_note, check_text};
use super::kind::IssueKind;
use super::split::{Left, Split};
use crate::clock::Timestamp;
use crate::detection::{Scope, Signal, Subject};
use crate::identity::Actor;
use crate::ids::{IssueId, TaskId};
use crate::organisation::Bilingual;
use crate::verification::{Verdict, Verification};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Where an issue is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody works on it.
    Open,
    /// At least one task is under way.
    InProgress,
    /// Every task is done and one waits for its verdict.
    Verifying,
    /// Its task was verified.
    Resolved,
    /// It came back after it had been resolved.
    Relapsed,
    /// A person said that nothing is to be done, with a reason and a date of review; or what made the
    /// alarm ring no longer holds.
    Dismissed,
    /// Put aside until a day or until it grows.
    Snoozed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::InProgress,
        Self::Verifying,
        Self::Resolved,
        Self::Relapsed,
        Self::Dismissed,
        Self::Snoozed,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Verifying => "verifying",
            Self::Resolved => "resolved",
            Self::Relapsed => "relapsed",
            Self::Dismissed => "dismissed",
            Self::Snoozed => "snoozed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// Whether nobody has to look at it for now: nobody is told of its signals.
    #[must_use]
    pub const fn is_quiet(self) -> bool {
        matches!(self, Self::Resolved | Self::Dismissed | Self::Snoozed)
    }
}

const fn resolved() -> State {
    State::Resolved
}

/// What an issue was before it came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// When.
    pub at: Timestamp,
    /// The day that made the alarm ring.
    pub alarm_day: chrono::NaiveDate,
    /// What it was called; `None` in issues of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<Bilingual>,
    /// The state it was in.
    #[serde(default = "resolved")]
    pub state: State,
    /// How it had been put aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Hold>,
}

/// An issue whose signals go to another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    /// The issue that has them.
    pub into: IssueId,
    /// When.
    pub at: Timestamp,
    /// Who said so.
    pub by: Actor,
    /// The state it was in and comes back to.
    pub from: State,
    /// How it had been put aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Hold>,
    /// Its tasks, which went along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskId>,
}

/// What people think of a supposed cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Belief {
    /// Nobody knows yet.
    #[default]
    Open,
    /// It is so.
    Confirmed,
    /// It is not so.
    Rejected,
}

/// A supposed cause of an issue: there may be several, with tasks in several departments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// Counts from 1 within its issue.
    pub number: i64,
    /// In one or two sentences.
    pub text: String,
    /// Whose it would be to mend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// What people think of it.
    pub state: Belief,
    /// Why, once somebody has judged it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Who thought of it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// What came of an opportunity, as a person reports it: never counted among verified savings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Revenue in hundredths of the organisation's currency.
    pub revenue_cents: i64,
    /// Where the figure comes from.
    pub text: String,
    /// Who says so.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// Most revenue that can be reported.
pub const MOST_REVENUE: i64 = 100_000_000_000_000;

/// Most supposed causes of an issue.
pub const MOST_HYPOTHESES: usize = 20;
/// Most characters of one.
pub const LONGEST_HYPOTHESIS: usize = 500;

/// A detected problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// Identity.
    pub id: IssueId,
    /// Topic, cause and scope in one: signals of the same key join this issue.
    pub key: String,
    /// Where it is in its life.
    pub state: State,
    /// What it is.
    #[serde(default)]
    pub kind: IssueKind,
    /// One line for people.
    pub title: String,
    /// What it is called in both languages; `None` in issues of an earlier version, which have a title
    /// only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<Bilingual>,
    /// What it is about; in issues of an earlier version empty, they are about their topic.
    #[serde(default)]
    pub subject: Subject,
    /// The topic it is about; empty: no topic explains the voices, or it is about no topic at all.
    pub topic: String,
    /// The cause, where known.
    pub cause: Option<String>,
    /// Channel and region it is limited to.
    pub scope: Scope,
    /// The detector that opened it.
    pub detector: String,
    /// Contacts in the latest window, raised by every further voice.
    pub count: i64,
    /// When it opened, or last relapsed.
    pub opened_at: Timestamp,
    /// The day that made the alarm ring: what verification keeps out of its baseline.
    pub alarm_day: chrono::NaiveDate,
    /// How often it opened: 1, and 1 more for every relapse and whenever it was dismissed too early.
    pub openings: i64,
    /// The opening before a relapse: what a relapse that no longer holds goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Opening>,
    /// How a person put it aside; only in [`State::Dismissed`] (not where late data dismissed it) and
    /// [`State::Snoozed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Hold>,
    /// Where its signals go; only in [`State::Dismissed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
    /// What it was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// What came of it; of opportunities only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Supposed causes, in the order in which people thought of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hypotheses: Vec<Hypothesis>,
    /// Counts changes.
    pub version: i64,
}

/// A fix that a verdict found good: the days of an alarm decide whether the trouble came back after it,
/// not the day on which the issue had opened, which may lie after the fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mended {
    /// The day it went live.
    pub on: NaiveDate,
    /// The last day that the verdict was decided by.
    pub judged_until: NaiveDate,
}

impl Mended {
    /// The fix of a verdict; `None` where no day judged it.
    #[must_use]
    pub fn of(verdict: &Verification) -> Option<Self> {
        let last = verdict.after.to?;
        Some(Self {
            on: verdict.effective_day,
            judged_until: verdict.decided_on.map_or(last, |day| day.min(last)),
        })
    }

    /// Whether a signal is about days after the fix that the verdict has not judged.
    fn is_outlived_by(&self, signal: &Signal) -> bool {
        signal.window > self.judged_until && signal.change_day.is_none_or(|day| day > self.on)
    }
}

/// What can happen to an issue.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A detector fired, or counted on.
    Signalled(Signal),
    /// A detector fired for the first time, and a verdict says until when the fix held.
    RangAfter {
        /// The signal.
        signal: Signal,
        /// What was judged.
        mended: Mended,
    },
    /// A task for it was given to somebody.
    TaskAssigned,
    /// A task's solution went live; `open_tasks` others are still under way.
    TaskDone {
        /// Tasks of this issue that are still under way.
        open_tasks: usize,
    },
    /// A task was judged; `open_tasks` others are still under way.
    Judged {
        /// The verdict.
        verdict: Verdict,
        /// Tasks of this issue that are still under way.
        open_tasks: usize,
    },
    /// The last task was cancelled or came to nothing.
    NoTaskLeft,
    /// Late data arrived, and none of the signals that opened it holds any more.
    Withdrawn,
    /// A person puts it aside.
    PutAside {
        /// Why, until when, and what brings it back.
        hold: Hold,
        /// Tasks of this issue that are still under way.
        open_tasks: usize,
    },
    /// A person opens it again.
    Reopen {
        /// Why.
        reason: String,
    },
    /// The day until which it was put aside has come.
    Wake,
    /// A person says that it is the same as another one.
    Merge {
        /// The other one.
        into: IssueId,
        /// Who says so.
        by: Actor,
        /// Its tasks: they go along.
        tasks: Vec<TaskId>,
    },
    /// A person supposes a cause.
    Suppose {
        /// In one or two sentences.
        text: String,
        /// Whose it would be to mend.
        department: Option<String>,
        /// Who.
        by: Actor,
    },
    /// A person judges a supposed cause.
    Settle {
        /// Which.
        number: i64,
        /// What they think of it.
        state: Belief,
        /// Why; may be empty.
        why: String,
    },
    /// A person says that it is not.
    Unmerge {
        /// Why.
        reason: String,
    },
    /// A person split a part of it off.
    SplitOff {
        /// The part.
        into: IssueId,
        /// Why.
        reason: String,
        /// Numbers of the supposed causes that went along.
        hypotheses: Vec<i64>,
        /// What stays.
        left: Left,
    },
    /// A person says that it is a part of what it was split off from after all.
    Rejoin {
        /// Why.
        reason: String,
        /// Who says so.
        by: Actor,
    },
    /// What had been split off comes back.
    TakeBack {
        /// The part, as it was.
        part: Box<Issue>,
        /// What it has with it.
        left: Left,
    },
    /// A person says what it is.
    Call {
        /// What it is.
        kind: IssueKind,
        /// Why.
        reason: String,
    },
    /// A person reports what came of an opportunity.
    Report {
        /// Revenue in hundredths of the organisation's currency.
        revenue_cents: i64,
        /// Where the figure comes from.
        text: String,
        /// Who.
        by: Actor,
    },
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the topic's department, once per opening.
    Notify,
    /// Tell those who run the loop that it is theirs to decide again.
    TellLoop,
    /// Have it woken on the day of its hold, and those who run the loop reminded before.
    ScheduleWake,
}

/// Why something cannot happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The state does not allow it.
    #[error("an issue that is {} does not allow this", state.as_str())]
    State {
        /// The state it is in.
        state: State,
    },
    /// Somebody works on it.
    #[error("{tasks} of its tasks are still under way: cancel or finish them first")]
    UnderWay {
        /// Tasks that are under way.
        tasks: usize,
    },
    /// Its signals go to another issue.
    #[error("it was merged into issue {into}")]
    Merged {
        /// The other one.
        into: IssueId,
    },
    /// It would be merged into itself.
    #[error("an issue cannot be merged into itself")]
    Loop,
    /// Not yet: its hold has not ended.
    #[error("it is put aside until {until}")]
    TooEarly {
        /// When it ends.
        until: Timestamp,
    },
    /// A text is missing or too long, a figure out of range.
    #[error("{}: {}", .0.field, .0.detail.en)]
    Unfit(Unfit),
}

impl State {
    /// The name for people.
    #[must_use]
    pub fn title(self) -> Bilingual {
        let (zh, en) = match self {
            Self::Open => ("未处理", "open"),
            Self::InProgress => ("改进中", "in progress"),
            Self::Verifying => ("验证中", "verifying"),
            Self::Resolved => ("已解决", "resolved"),
            Self::Relapsed => ("已复发", "relapsed"),
            Self::Dismissed => ("已忽略", "dismissed"),
            Self::Snoozed => ("已暂缓", "snoozed"),
        };
        Bilingual::new(zh, en)
    }
}

impl Refused {
    /// Why, for people.
    #[must_use]
    pub fn sentence(&self) -> Bilingual {
        let zh = match self {
            Self::State { state } => format!("问题的状态是「{}」，不能这样操作", state.title().zh),
            Self::UnderWay { tasks } => format!("还有 {tasks} 项任务在进行，请先取消或完成"),
            Self::Merged { into } => format!("这个问题已并入问题 {into}"),
            Self::Loop => "不能把问题并入它自己".to_owned(),
            Self::TooEarly { until } => format!("暂缓到 {until}，还没有到时间"),
            Self::Unfit(unfit) => return unfit.detail.clone(),
        };
        Bilingual::new(zh, self.to_string())
    }
}

impl From<Unfit> for Refused {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}

/// The issue that a signal opens.
#[must_use]
pub fn opened(
    id: IssueId,
    key: String,
    heading: Bilingual,
    topic: String,
    scope: Scope,
    signal: &Signal,
    at: Timestamp,
) -> Issue {
    Issue {
        id,
        key,
        state: State::Open,
        kind: IssueKind::Problem,
        title: heading.zh.clone(),
        heading: Some(heading),
        subject: signal.subject.clone(),
        topic,
        cause: None,
        scope,
        detector: signal.detector.clone(),
        count: signal.count,
        opened_at: at,
        alarm_day: signal.window,
        openings: 1,
        before: None,
        held: None,
        merged: None,
        split: None,
        outcome: None,
        hypotheses: Vec::new(),
        version: 1,
    }
}

/// The issue after `command`, and what follows from it.
pub fn apply(
    issue: Issue,
    command: &Command,
    at: Timestamp,
) -> Result<(Issue, Vec<Effect>), Refused> {
    use State::{Dismissed, InProgress, Open, Relapsed, Resolved, Snoozed, Verifying};
    let mut next = issue;
    let mut effects = Vec::new();
    if let Some(merged) = &next.merged
        && !matches!(command, Command::Unmerge { .. })
    {
        return Err(Refused::Merged { into: merged.into });
    }
    match command {
        Command::Signalled(signal) => effects = signalled(&mut next, signal, None, at),
        Command::RangAfter { signal, mended } => {
            effects = signalled(&mut next, signal, Some(mended), at);
        }
        Command::TaskAssigned => next.enter(InProgress),
        Command::TaskDone { open_tasks } => match next.state {
            Resolved => return Err(Refused::State { state: next.state }),
            _ if *open_tasks == 0 => next.enter(Verifying),
            _ => next.enter(InProgress),
        },
        // What a person put aside is not a verdict's to open or to resolve.
        Command::Judged { .. } | Command::NoTaskLeft if next.held.is_some() => {
            return Err(Refused::State { state: next.state });
        }
        Command::Judged {
            verdict,
            open_tasks,
        } => next.enter(match verdict {
            Verdict::Improved | Verdict::Recovered if *open_tasks == 0 => Resolved,
            Verdict::Pending if *open_tasks == 0 => Verifying,
            Verdict::Worse | Verdict::NoEffect | Verdict::Inconclusive if *open_tasks == 0 => Open,
            _ => InProgress,
        }),
        Command::NoTaskLeft => {
            if next.state != Resolved {
                next.enter(Open);
            }
        }
        // Where somebody works on it, a person decides; what a person dismissed stays dismissed.
        Command::Withdrawn => match (next.state, next.held.as_ref().map(|h| h.from)) {
            (Open, _) | (Snoozed, Some(Open)) => {
                next.state = Dismissed;
                next.held = None;
            }
            (Relapsed | Snoozed, _) => withdrawn(&mut next, at),
            (state, _) => return Err(Refused::State { state }),
        },
        Command::PutAside { hold, open_tasks } => {
            if *open_tasks > 0 {
                return Err(Refused::UnderWay { tasks: *open_tasks });
            }
            // Who changes a hold keeps what the issue was before the first one.
            let from = match (next.state, &next.held) {
                (Open | Relapsed, _) => next.state,
                (Snoozed | Dismissed, Some(held)) => held.from,
                (state, _) => return Err(Refused::State { state }),
            };
            next.state = hold.state();
            next.held = Some(Hold {
                from,
                ..hold.clone()
            });
            effects.push(Effect::ScheduleWake);
        }
        Command::Reopen { reason } => {
            check_note("reason", reason, true)?;
            match (next.state, &next.held) {
                (Snoozed | Dismissed, Some(held)) => next.enter(held.from),
                (Resolved | Dismissed, _) => next.enter(Open),
                (state, _) => return Err(Refused::State { state }),
            }
        }
        Command::Wake => match &next.held {
            Some(held) if held.until <= at => {
                next.enter(held.from);
                effects.push(Effect::TellLoop);
            }
            Some(held) => return Err(Refused::TooEarly { until: held.until }),
            None => return Err(Refused::State { state: next.state }),
        },
        Command::Suppose {
            text,
            department,
            by,
        } => {
            let text = check_text("text", text, LONGEST_HYPOTHESIS, true)?;
            if next.hypotheses.len() >= MOST_HYPOTHESES {
                return Err(Refused::Unfit(Unfit {
                    field: "text",
                    code: "too_many",
                    detail: Bilingual::new("最多 20 个原因假设", "at most 20 supposed causes"),
                }));
            }
            next.hypotheses.push(Hypothesis {
                number: next.hypotheses.last().map_or(1, |h| h.number + 1),
                text,
                department: department.clone(),
                state: Belief::Open,
                why: String::new(),
                by: by.clone(),
                at,
            });
        }
        Command::Settle { number, state, why } => {
            let why = check_note("reason", why, false)?;
            let known = next.hypotheses.iter_mut().find(|h| h.number == *number);
            let Some(hypothesis) = known else {
                return Err(Refused::Unfit(Unfit {
                    field: "number",
                    code: "unknown",
                    detail: Bilingual::new("没有这个原因假设", "no such supposed cause"),
                }));
            };
            hypothesis.state = *state;
            hypothesis.why = why;
        }
        Command::Merge { into, by, tasks } => {
            if *into == next.id {
                return Err(Refused::Loop);
            }
            next.merged = Some(Merged {
                into: *into,
                at,
                by: by.clone(),
                from: next.state,
                held: next.held.take(),
                tasks: tasks.clone(),
            });
            next.state = Dismissed;
        }
        Command::Unmerge { reason } => {
            check_note("reason", reason, true)?;
            // What was taken back is part of the other issue: it is split off anew, not torn out.
            let taken_back = next.split.as_ref().is_some_and(|s| s.ended.is_some());
            let Some(merged) = next.merged.take().filter(|_| !taken_back) else {
                return Err(Refused::State { state: next.state });
            };
            next.back(merged.from, merged.held, at);
        }
        Command::SplitOff {
            hypotheses, left, ..
        } => {
            if matches!(next.state, Dismissed | Snoozed) {
                return Err(Refused::State { state: next.state });
            }
            next.keep_rest(hypotheses, left);
        }
        Command::Rejoin { reason, by } => {
            check_note("reason", reason, true)?;
            let Some(split) = &mut next.split else {
                return Err(Refused::State { state: next.state });
            };
            split.ended = Some(at);
            next.merged = Some(Merged {
                into: split.from,
                at,
                by: by.clone(),
                from: next.state,
                held: next.held.take(),
                tasks: Vec::new(),
            });
            next.state = Dismissed;
        }
        Command::TakeBack { part, left } => next.take_back(part, left),
        Command::Call { kind, reason } => {
            check_note("reason", reason, true)?;
            next.kind = *kind;
        }
        Command::Report {
            revenue_cents,
            text,
            by,
        } => {
            if next.kind != IssueKind::Opportunity {
                return Err(Refused::Unfit(Unfit {
                    field: "kind",
                    code: "not_an_opportunity",
                    detail: Bilingual::new(
                        "只有机会才记录收益",
                        "only an opportunity has an outcome in money",
                    ),
                }));
            }
            if !(0..=MOST_REVENUE).contains(revenue_cents) {
                return Err(Refused::Unfit(Unfit {
                    field: "revenue_cents",
                    code: "out_of_range",
                    detail: Bilingual::new("0 到 1 万亿元", "0 to 10^14"),
                }));
            }
            next.outcome = Some(Outcome {
                revenue_cents: *revenue_cents,
                text: check_note("text", text, true)?,
                by: by.clone(),
                at,
            });
        }
    }
    next.version += 1;
    Ok((next, effects))
}

/// A signal of the issue's key: it joins, it brings the issue back, or it only counts on.
fn signalled(
    next: &mut Issue,
    signal: &Signal,
    mended: Option<&Mended>,
    at: Timestamp,
) -> Vec<Effect> {
    // A rule that adds days up must have begun to do so after the alarm it once raised.
    let first = signal.change_day.unwrap_or(signal.window);
    let fresh = signal.window >= next.alarm_day;
    let relapses = match next.state {
        State::Resolved => mended.map_or(first > next.alarm_day, |mended| {
            mended.is_outlived_by(signal)
        }),
        // What a person put aside comes back when it is more than what they saw.
        State::Dismissed | State::Snoozed => {
            fresh && next.held.as_ref().is_some_and(|h| h.is_outgrown(signal))
        }
        _ => false,
    };
    // Nothing was mended and nobody decided: even the day that was dismissed may ring again, with
    // other figures.
    let reopens = next.state == State::Dismissed && next.held.is_none() && fresh;
    // Rules count different things: the issue shows what its own rule counts.
    if relapses || reopens || (signal.detector == next.detector && fresh) {
        next.count = signal.count;
    }
    if !relapses && !reopens {
        return Vec::new();
    }
    next.before = relapses.then(|| Opening {
        at: next.opened_at,
        alarm_day: next.alarm_day,
        heading: next.heading.clone(),
        state: next.state,
        held: next.held.take(),
    });
    next.detector.clone_from(&signal.detector);
    next.state = if relapses {
        State::Relapsed
    } else {
        State::Open
    };
    next.openings += 1;
    next.opened_at = at;
    next.alarm_day = signal.window;
    vec![Effect::Notify]
}

/// A relapse that no longer holds: the issue is again what it was before.
fn withdrawn(next: &mut Issue, at: Timestamp) {
    next.held = None;
    let Some(before) = next.before.take() else {
        next.state = State::Resolved;
        return;
    };
    next.opened_at = before.at;
    next.alarm_day = before.alarm_day;
    if let Some(heading) = before.heading {
        next.title.clone_from(&heading.zh);
        next.heading = Some(heading);
    }
    next.back(before.state, before.held, at);
}

impl Issue {
    /// Into a state in which nothing is put aside.
    pub(super) fn enter(&mut self, state: State) {
        self.state = state;
        self.held = None;
    }

    /// Back to what it was, unless that has ended meanwhile.
    fn back(&mut self, state: State, held: Option<Hold>, at: Timestamp) {
        match held {
            Some(held) if held.until <= at => self.enter(held.from),
            held => {
                self.state = state;
                self.held = held;
            }
        }
    }
}
