//! What may happen to a task, and what follows.

use crate::clock::Timestamp;
use crate::identity::Actor;
use crate::ids::{IssueId, TaskId};
use crate::organisation::{Department, Owner};
use crate::verification::{Contract, Verdict};
use serde::{Deserialize, Serialize};

/// Hours that an urgent improvement gets (immediate improvement, script templates).
pub const FAST_TRACK_HOURS: i64 = 48;

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Offered, not yet answered.
    Assigned,
    /// The owner took it.
    Accepted,
    /// The owner refused, with a reason.
    Declined,
    /// Progress was reported.
    InProgress,
    /// The solution is described; it goes live at `effective_at`.
    Done,
    /// Being compared before and after.
    Verifying,
    /// Improved or recovered.
    Verified,
    /// No effect seen, or not enough evidence.
    NotVerified,
    /// Withdrawn.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Assigned,
        Self::Accepted,
        Self::Declined,
        Self::InProgress,
        Self::Done,
        Self::Verifying,
        Self::Verified,
        Self::NotVerified,
        Self::Cancelled,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::InProgress => "in_progress",
            Self::Done => "done",
            Self::Verifying => "verifying",
            Self::Verified => "verified",
            Self::NotVerified => "not_verified",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// Whether somebody still has to deliver.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Assigned | Self::Accepted | Self::InProgress)
    }

    /// Whether a verdict is owed or can be renewed.
    #[must_use]
    pub fn is_judged(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Verifying | Self::Verified | Self::NotVerified
        )
    }
}

/// One report of progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// When.
    pub at: Timestamp,
    /// 0 to 100.
    pub percent: u8,
    /// In the reporter's words.
    pub comment: String,
    /// Who.
    pub by: String,
}

/// An improvement that an owner must deliver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Identity.
    pub id: TaskId,
    /// The issue it is for.
    pub issue_id: IssueId,
    /// The issue's topic.
    pub topic: String,
    /// Where it is.
    pub state: State,
    /// What to do, in one line.
    pub title: String,
    /// What to do, in full.
    pub description: String,
    /// Who is responsible.
    pub department: String,
    /// The person who is asked.
    pub owner: Owner,
    /// Who assigned it: gets the owner's answers.
    pub assigned_by: Actor,
    /// When it must be done.
    pub due_at: Timestamp,
    /// Urgent: 48 hours.
    pub fast_track: bool,
    /// Single steps, as suggested.
    pub measures: Vec<String>,
    /// Reports so far, oldest first.
    pub progress: Vec<Progress>,
    /// What was done.
    pub solution: Option<String>,
    /// When the fix went live.
    pub effective_at: Option<Timestamp>,
    /// `effective_at` was given with a date before the report: earns no secured savings.
    pub backdated: bool,
    /// When it was reported done.
    pub done_at: Option<Timestamp>,
    /// Why it was refused.
    pub decline_reason: Option<String>,
    /// Who else should do it, in the refuser's view.
    pub proposed_department: Option<String>,
    /// How it will be judged: frozen at assignment.
    pub contract: Contract,
    /// The latest verdict.
    pub verdict: Option<Verdict>,
    /// Which offer this is: links of earlier ones are dead.
    pub assignment: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

impl Task {
    /// Judged worse and given back, and nothing new delivered yet, by whomever: the fix that the verdict
    /// is about is still the last one, so that late data may still change what was said of it.
    #[must_use]
    pub fn is_reopened(&self) -> bool {
        (self.state.is_under_way() || self.state == State::Declined)
            && self.verdict.is_some()
            && self.effective_at.is_some()
    }

    /// Reopened and offered to somebody else since: what is said of the former fix ends their work only
    /// where it says that there is nothing left to mend.
    fn is_offered_anew(&self) -> bool {
        self.is_reopened()
            && !(self.state == State::InProgress && self.verdict == Some(Verdict::Worse))
    }

    /// Whether its verdict is owed or can be renewed.
    #[must_use]
    pub fn can_be_judged(&self) -> bool {
        self.state.is_judged() || self.is_reopened()
    }

    /// The last reported percentage; 100 when done.
    #[must_use]
    pub fn percent(&self) -> u8 {
        if self.state.is_judged() {
            return 100;
        }
        self.progress.last().map_or(0, |p| p.percent)
    }

    /// The address part of the Message-ID of the task's first mail: all its mails are one thread.
    #[must_use]
    pub fn thread(&self) -> String {
        format!("task-{}", self.id)
    }
}

/// What can happen to a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The owner takes it.
    Accept,
    /// The owner refuses.
    Decline {
        /// Why.
        reason: String,
        /// Who else should do it.
        department: Option<String>,
    },
    /// The owner passes it on.
    HandOver {
        /// To whom.
        department: String,
        /// That department's first owner.
        owner: Owner,
        /// Why.
        reason: Option<String>,
    },
    /// The owner reports.
    Report {
        /// 0 to 100.
        percent: u8,
        /// In the owner's words.
        comment: String,
    },
    /// The owner has a question.
    Ask {
        /// The question.
        comment: String,
    },
    /// The owner has done it.
    Complete {
        /// What was done.
        solution: String,
        /// When it went live; now when missing.
        effective_at: Option<Timestamp>,
    },
    /// The VoC owner gives it to somebody else.
    Reassign {
        /// To whom.
        department: String,
        /// The person there.
        owner: Owner,
        /// Why.
        reason: String,
    },
    /// The VoC owner withdraws it.
    Cancel {
        /// Why.
        reason: String,
    },
    /// A verdict was computed.
    Judge {
        /// The verdict.
        verdict: Verdict,
    },
}

impl Command {
    /// The name of the event that this command leaves in the history.
    #[must_use]
    pub fn event(&self) -> &'static str {
        match self {
            Self::Accept => "task.accepted",
            Self::Decline { .. } => "task.declined",
            Self::HandOver { .. } => "task.handed_over",
            Self::Report { .. } => "task.progress",
            Self::Ask { .. } => "task.asked",
            Self::Complete { .. } => "task.completed",
            Self::Reassign { .. } => "task.reassigned",
            Self::Cancel { .. } => "task.cancelled",
            Self::Judge { .. } => "task.judged",
        }
    }

    /// What the history keeps of it.
    #[must_use]
    pub fn data(&self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Self::Accept => json!({}),
            Self::Decline { reason, department } => {
                json!({"reason": reason, "department": department})
            }
            Self::HandOver {
                department,
                owner,
                reason,
            } => {
                json!({"department": department, "owner": owner.display_name(), "reason": reason})
            }
            Self::Report { percent, comment } => json!({"percent": percent, "comment": comment}),
            Self::Ask { comment } => json!({"comment": comment}),
            Self::Complete {
                solution,
                effective_at,
            } => {
                json!({"solution": solution, "effective_at": effective_at})
            }
            Self::Reassign {
                department,
                owner,
                reason,
            } => {
                json!({"department": department, "owner": owner.display_name(), "reason": reason})
            }
            Self::Cancel { reason } => json!({"reason": reason}),
            Self::Judge { verdict } => json!({"verdict": verdict}),
        }
    }
}

/// What follows from a command: carried out later, by workers.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Mail the (new) owner the task with fresh links.
    OfferTask,
    /// Tell the former owner that the task is no longer theirs.
    TellFormerOwner(Owner),
    /// Tell the owner that it was withdrawn.
    TellCancelled,
    /// Tell the owner how it came out.
    TellVerdict(Verdict),
    /// Tell who assigned it what the owner did.
    TellAssigner,
    /// Links sent so far are dead.
    RevokeLinks,
    /// Compare before and after when there is enough to see.
    ScheduleVerification,
    /// Keep the solution as knowledge.
    PublishArticle,
}

/// Why something cannot happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The state does not allow it.
    #[error("a task that is {} does not allow this", state.as_str())]
    State {
        /// The state it is in.
        state: State,
    },
    /// A text is missing or too long, a figure out of range.
    #[error("{field}: {detail}")]
    Field {
        /// Which input.
        field: &'static str,
        /// Stable code of what is wrong.
        code: &'static str,
        /// For people.
        detail: String,
    },
}

/// Limits of texts, in characters.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of a title.
    pub title: usize,
    /// Of a description, solution, reason or comment.
    pub text: usize,
}

impl Limits {
    /// What every task keeps to.
    pub const TASK: Self = Self {
        title: 200,
        text: 20_000,
    };
}

fn required(field: &'static str, text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refused::Field {
            field,
            code: "required",
            detail: "must not be empty".into(),
        });
    }
    optional(field, text)
}

fn optional(field: &'static str, text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.chars().count() > Limits::TASK.text {
        return Err(Refused::Field {
            field,
            code: "too_long",
            detail: format!("at most {} characters", Limits::TASK.text),
        });
    }
    Ok(text.to_owned())
}

/// Checks the texts of a new task.
pub fn check_texts(title: &str, description: &str, measures: &[String]) -> Result<(), Refused> {
    let title = required("title", title)?;
    if title.chars().count() > Limits::TASK.title {
        return Err(Refused::Field {
            field: "title",
            code: "too_long",
            detail: format!("at most {} characters", Limits::TASK.title),
        });
    }
    optional("description", description)?;
    if measures.len() > 50 {
        return Err(Refused::Field {
            field: "measures",
            code: "too_many",
            detail: "at most 50".into(),
        });
    }
    for measure in measures {
        required("measures", measure)?;
    }
    Ok(())
}

/// A new task, offered to `owner`.
#[must_use]
pub fn assigned(
    id: TaskId,
    issue_id: IssueId,
    topic: String,
    title: &str,
    description: &str,
    department: &Department,
    owner: Owner,
    assigned_by: Actor,
    due_at: Timestamp,
    fast_track: bool,
    measures: Vec<String>,
    contract: Contract,
    at: Timestamp,
) -> (Task, Vec<Effect>) {
    let task = Task {
        id,
        issue_id,
        topic,
        state: State::Assigned,
        title: title.trim().to_owned(),
        description: description.trim().to_owned(),
        department: department.key.clone(),
        owner,
        assigned_by,
        due_at,
        fast_track,
        measures,
        progress: Vec::new(),
        solution: None,
        effective_at: None,
        backdated: false,
        done_at: None,
        decline_reason: None,
        proposed_department: None,
        contract,
        verdict: None,
        assignment: 1,
        created_at: at,
        version: 1,
    };
    (task, vec![Effect::OfferTask])
}

/// What somebody can do with a task, apart from its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// [`Command::Accept`]
    Accept,
    /// [`Command::Decline`]
    Decline,
    /// [`Command::HandOver`]
    HandOver,
    /// [`Command::Report`]
    Report,
    /// [`Command::Ask`]
    Ask,
    /// [`Command::Complete`]
    Complete,
    /// [`Command::Reassign`]
    Reassign,
    /// [`Command::Cancel`]
    Cancel,
    /// [`Command::Judge`]
    Judge,
}

/// Whether a task in `state` allows `change`: what action pages offer and [`apply`] obeys.
#[must_use]
pub fn may(state: State, change: Change) -> bool {
    use State::{Accepted, Assigned, Declined, InProgress};
    match change {
        Change::Accept | Change::Decline => matches!(state, Assigned),
        Change::HandOver | Change::Ask => state.is_under_way(),
        Change::Report | Change::Complete => matches!(state, Accepted | InProgress),
        Change::Reassign | Change::Cancel => state.is_under_way() || state == Declined,
        Change::Judge => state.is_judged(),
    }
}

fn change_of(command: &Command) -> Change {
    match command {
        Command::Accept => Change::Accept,
        Command::Decline { .. } => Change::Decline,
        Command::HandOver { .. } => Change::HandOver,
        Command::Report { .. } => Change::Report,
        Command::Ask { .. } => Change::Ask,
        Command::Complete { .. } => Change::Complete,
        Command::Reassign { .. } => Change::Reassign,
        Command::Cancel { .. } => Change::Cancel,
        Command::Judge { .. } => Change::Judge,
    }
}

/// The task after `command` by `actor`, and what follows from it.
pub fn apply(
    task: Task,
    command: &Command,
    actor: &Actor,
    at: Timestamp,
) -> Result<(Task, Vec<Effect>), Refused> {
    let anew = matches!(command, Command::Judge { .. }) && task.is_reopened();
    if !anew && !may(task.state, change_of(command)) {
        return Err(Refused::State { state: task.state });
    }
    let mut next = task;
    let mut effects = Vec::new();
    match command {
        Command::Accept => {
            next.state = State::Accepted;
            effects.push(Effect::TellAssigner);
        }
        Command::Decline { reason, department } => {
            next.decline_reason = Some(required("reason", reason)?);
            next.proposed_department.clone_from(department);
            next.state = State::Declined;
            effects.push(Effect::TellAssigner);
        }
        Command::HandOver {
            department,
            owner,
            reason,
        } => {
            let reason = optional("reason", reason.as_deref().unwrap_or_default())?;
            offer_to(&mut next, department, owner, &mut effects);
            next.decline_reason = (!reason.is_empty()).then_some(reason);
            effects.push(Effect::TellAssigner);
        }
        Command::Report { percent, comment } => {
            if *percent > 100 {
                return Err(Refused::Field {
                    field: "percent",
                    code: "out_of_range",
                    detail: "0 to 100".into(),
                });
            }
            next.progress.push(Progress {
                at,
                percent: *percent,
                comment: optional("comment", comment)?,
                by: actor.name.clone(),
            });
            next.state = State::InProgress;
        }
        Command::Ask { comment } => {
            required("comment", comment)?;
            effects.push(Effect::TellAssigner);
        }
        Command::Complete {
            solution,
            effective_at,
        } => {
            next.solution = Some(required("solution", solution)?);
            let effective = effective_at.unwrap_or(at);
            if effective > at + chrono::TimeDelta::days(366) {
                return Err(Refused::Field {
                    field: "effective_at",
                    code: "out_of_range",
                    detail: "at most a year ahead".into(),
                });
            }
            if effective < at - chrono::TimeDelta::days(400) {
                return Err(Refused::Field {
                    field: "effective_at",
                    code: "out_of_range",
                    detail: "at most 400 days ago".into(),
                });
            }
            next.backdated = effective < at - chrono::TimeDelta::days(1);
            next.effective_at = Some(effective);
            next.done_at = Some(at);
            next.state = State::Done;
            effects.extend([Effect::TellAssigner, Effect::ScheduleVerification]);
        }
        Command::Reassign {
            department,
            owner,
            reason,
        } => {
            required("reason", reason)?;
            offer_to(&mut next, department, owner, &mut effects);
        }
        Command::Cancel { reason } => {
            required("reason", reason)?;
            next.state = State::Cancelled;
            effects.extend([Effect::RevokeLinks, Effect::TellCancelled]);
        }
        Command::Judge { verdict } => {
            let changed = next.verdict != Some(*verdict);
            let mended = matches!(verdict, Verdict::Improved | Verdict::Recovered);
            let offered = next.is_offered_anew();
            next.verdict = Some(*verdict);
            if offered && !mended {
                next.version += 1;
                return Ok((next, effects));
            }
            if offered {
                effects.push(Effect::RevokeLinks);
            }
            next.state = match verdict {
                Verdict::Improved | Verdict::Recovered => State::Verified,
                Verdict::NoEffect | Verdict::Inconclusive => State::NotVerified,
                Verdict::Worse => State::InProgress,
                Verdict::Pending => State::Verifying,
            };
            if *verdict == Verdict::Pending {
                effects.push(Effect::ScheduleVerification);
            } else if changed {
                effects.extend([Effect::TellVerdict(*verdict), Effect::TellAssigner]);
            }
            if *verdict == Verdict::Improved {
                effects.push(Effect::PublishArticle);
            }
        }
    }
    next.version += 1;
    Ok((next, effects))
}

fn offer_to(task: &mut Task, department: &str, owner: &Owner, effects: &mut Vec<Effect>) {
    let former = std::mem::replace(&mut task.owner, owner.clone());
    task.department = department.to_owned();
    task.state = State::Assigned;
    task.assignment += 1;
    task.decline_reason = None;
    task.proposed_department = None;
    effects.push(Effect::RevokeLinks);
    if former.email != owner.email {
        effects.push(Effect::TellFormerOwner(former));
    }
    effects.push(Effect::OfferTask);
}
