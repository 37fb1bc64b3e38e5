//! What may happen to a task, and what follows.

use super::approval::{Approval, Decision};
use super::kind::{Advance, Kind, Track};
use super::refusal::{Hop, HopKind, has_refused};
use super::time::{DueRule, resume};
use crate::calendar::{MAX_PAUSES, Pause, Why};
use crate::clock::Timestamp;
use crate::identity::Actor;
use crate::ids::{IssueId, TaskId};
use crate::organisation::{Department, Owner};
use crate::verification::{Contract, Verdict};
use serde::{Deserialize, Serialize};

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
    /// Delivered; somebody has to approve it.
    AwaitingApproval,
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
    pub const ALL: [Self; 10] = [
        Self::Assigned,
        Self::Accepted,
        Self::Declined,
        Self::InProgress,
        Self::AwaitingApproval,
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
            Self::AwaitingApproval => "awaiting_approval",
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

    /// Whether it is neither delivered nor given up: somebody has to deliver, approve, or find somebody.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.is_under_way() || matches!(self, Self::Declined | Self::AwaitingApproval)
    }

    /// Whether somebody is waited for who can be reminded.
    #[must_use]
    pub fn is_chased(self) -> bool {
        self.is_under_way() || self == Self::AwaitingApproval
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
    /// What had been counted by then: `3/5`; empty where it is an estimate.
    #[serde(default)]
    pub figures: String,
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
    /// How that time came about.
    #[serde(default)]
    pub due_rule: DueRule,
    /// Times in which the clock of the due time stood, oldest first.
    #[serde(default)]
    pub pauses: Vec<Pause>,
    /// Urgent: it must be fixed at once.
    pub fast_track: bool,
    /// Single steps, as suggested.
    pub measures: Vec<String>,
    /// What sort of improvement it is.
    #[serde(default)]
    pub kind: Kind,
    /// How its progress is told, and how far it is.
    #[serde(default)]
    pub track: Track,
    /// Why it was completed although something of that is missing.
    #[serde(default)]
    pub rest: Option<String>,
    /// The task that it is a part of: judged with that one.
    #[serde(default)]
    pub parent: Option<TaskId>,
    /// Levels below the task that is verified.
    #[serde(default)]
    pub depth: u8,
    /// The latest completion that somebody has to approve.
    #[serde(default)]
    pub approval: Option<Approval>,
    /// When somebody last reminded whoever has to act.
    #[serde(default)]
    pub reminded_at: Option<Timestamp>,
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
    /// Since when the present owner has it, or has it back; `None`: since it was made.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// The present owner's last word: acceptance, progress, question.
    #[serde(default)]
    pub spoke_at: Option<Timestamp>,
    /// The owner wants no reminder before.
    #[serde(default)]
    pub snoozed_until: Option<Timestamp>,
    /// For whom the owner stands in.
    #[serde(default)]
    pub on_behalf_of: Option<String>,
    /// Refusals and hand-overs so far, oldest first.
    #[serde(default)]
    pub hops: Vec<Hop>,
    /// The arbiter is asked who should do it.
    #[serde(default)]
    pub with_arbiter: bool,
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
        self.state.is_open() && self.verdict.is_some() && self.effective_at.is_some()
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
        self.parent.is_none() && (self.state.is_judged() || self.is_reopened())
    }

    /// How far it is by its track; 100 when delivered.
    #[must_use]
    pub fn percent(&self) -> u8 {
        if self.state.is_judged() || self.state == State::AwaitingApproval {
            return 100;
        }
        self.track.percent(self.estimate())
    }

    /// What the owner estimated last.
    #[must_use]
    pub fn estimate(&self) -> u8 {
        self.progress.last().map_or(0, |p| p.percent)
    }

    /// The approval that is asked for now.
    #[must_use]
    pub fn open_approval(&self) -> Option<&Approval> {
        self.approval
            .as_ref()
            .filter(|a| self.state == State::AwaitingApproval && a.decision.is_none())
    }

    /// Whoever has to act now: the approver, else the owner.
    #[must_use]
    pub fn turn(&self) -> &Owner {
        self.open_approval().map_or(&self.owner, |a| &a.approver)
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
    /// The owner reports what can be counted.
    Advance {
        /// What has been done by now.
        step: Advance,
        /// In the owner's words.
        comment: String,
    },
    /// A part of it is given to somebody as a task of its own.
    Split {
        /// That task.
        child: TaskId,
        /// What it asks for.
        title: String,
        /// Whose it is.
        department: String,
    },
    /// The approver agrees with a completion.
    Approve {
        /// In the approver's words.
        comment: String,
    },
    /// The approver does not: the owner has it again.
    Reject {
        /// Why.
        reason: String,
    },
    /// Somebody reminds whoever has to act.
    Remind {
        /// In their words.
        comment: String,
    },
    /// The owner has a question.
    Ask {
        /// The question.
        comment: String,
    },
    /// The VoC owner answers the owner, whose clock goes on.
    Answer {
        /// The answer.
        comment: String,
    },
    /// The owner has done it.
    Complete {
        /// What was done.
        solution: String,
        /// When it went live; now when missing.
        effective_at: Option<Timestamp>,
        /// Why something that is counted is missing.
        rest: Option<String>,
    },
    /// The owner has done it, and somebody has to approve that.
    Submit {
        /// What was done.
        solution: String,
        /// When it goes live; when it is approved where missing.
        effective_at: Option<Timestamp>,
        /// Why something that is counted is missing.
        rest: Option<String>,
        /// Who approves.
        approver: Owner,
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
    /// The owner wants no reminder before.
    Snooze {
        /// When reminders begin again.
        until: Timestamp,
    },
    /// It goes to somebody of the same department by itself.
    PassOn {
        /// To whom.
        owner: Owner,
        /// Why.
        why: PassOn,
    },
    /// A refusal or hand-over too many: the arbiter decides, or where there is none the VoC owner.
    Refer {
        /// What the owner did.
        refusal: Box<Command>,
        /// Who decides.
        arbiter: Option<Owner>,
    },
    /// A verdict was computed.
    Judge {
        /// The verdict.
        verdict: Verdict,
    },
}

/// Why a task goes to somebody else of its department by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum PassOn {
    /// Its owner is away.
    Absent {
        /// First instant at which the owner is back.
        until: Timestamp,
    },
    /// A step of the escalation gives it to the deputy.
    Escalated,
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
            Self::Advance { .. } => "task.advanced",
            Self::Split { .. } => "task.sub_task_added",
            Self::Submit { .. } => "task.submitted",
            Self::Approve { .. } => "task.approved",
            Self::Reject { .. } => "task.rejected",
            Self::Remind { .. } => "task.reminded_by_hand",
            Self::Ask { .. } => "task.asked",
            Self::Answer { .. } => "task.answered",
            Self::Complete { .. } => "task.completed",
            Self::Reassign { .. } => "task.reassigned",
            Self::Cancel { .. } => "task.cancelled",
            Self::Snooze { .. } => "task.snoozed",
            Self::PassOn { .. } => "task.passed_on",
            Self::Refer { .. } => "task.referred",
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
            Self::Ask { comment }
            | Self::Answer { comment }
            | Self::Approve { comment }
            | Self::Remind { comment } => json!({"comment": comment}),
            Self::Advance { step, comment } => {
                let mut data = match step {
                    Advance::Ticked(done) => json!({"done": done}),
                    Advance::Trained { trained, total } => {
                        json!({"trained": trained, "total": total})
                    }
                    Advance::Ticket { url, state } => json!({"url": url, "state": state}),
                };
                data["comment"] = comment.clone().into();
                data
            }
            Self::Split {
                child,
                title,
                department,
            } => {
                json!({"task": child.to_string(), "title": title, "department": department})
            }
            Self::Complete {
                solution,
                effective_at,
                rest,
            } => {
                json!({"solution": solution, "effective_at": effective_at, "rest": rest})
            }
            Self::Submit {
                solution,
                effective_at,
                rest,
                approver,
            } => json!({
                "solution": solution, "effective_at": effective_at, "rest": rest,
                "approver": approver.display_name(),
            }),
            Self::Reject { reason } => json!({"reason": reason}),
            Self::Reassign {
                department,
                owner,
                reason,
            } => {
                json!({"department": department, "owner": owner.display_name(), "reason": reason})
            }
            Self::Cancel { reason } => json!({"reason": reason}),
            Self::Snooze { until } => json!({"until": until}),
            Self::PassOn { owner, why } => {
                let mut data = json!(why);
                data["owner"] = owner.display_name().into();
                data
            }
            Self::Refer { refusal, arbiter } => {
                let mut data = refusal.data();
                data["refusal"] = refusal.event().into();
                data["arbiter"] = json!(arbiter.as_ref().map(Owner::display_name));
                data
            }
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
    /// Tell the owner what whoever assigned it answered.
    TellOwner,
    /// Mail the approver what was done, with a link that lets them decide.
    AskApproval,
    /// Tell the owner what the approver said.
    TellDecision,
    /// Mail whoever has to act, because somebody wants it.
    Remind,
    /// Tell the owner of the task above that this part of it is over.
    TellParent,
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
    /// Parts of it are not over.
    #[error("sub-tasks are still open: {}", titles.join(", "))]
    OpenSubTasks {
        /// What they ask for.
        titles: Vec<String>,
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
        due_rule: DueRule::Person,
        pauses: Vec::new(),
        fast_track,
        measures,
        kind: Kind::default(),
        track: Track::default(),
        rest: None,
        parent: None,
        depth: 0,
        approval: None,
        reminded_at: None,
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
        since: Some(at),
        spoke_at: None,
        snoozed_until: None,
        on_behalf_of: None,
        hops: Vec::new(),
        with_arbiter: false,
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
    /// [`Command::Answer`]
    Answer,
    /// [`Command::Complete`]
    Complete,
    /// [`Command::Reassign`]
    Reassign,
    /// [`Command::Cancel`]
    Cancel,
    /// [`Command::Snooze`]
    Snooze,
    /// [`Command::PassOn`]
    PassOn,
    /// [`Command::Split`]
    Split,
    /// [`Command::Approve`] and [`Command::Reject`]
    Decide,
    /// [`Command::Remind`]
    Remind,
    /// [`Command::Judge`]
    Judge,
}

/// Whether a task in `state` allows `change`: what action pages offer and [`apply`] obeys.
#[must_use]
pub fn may(state: State, change: Change) -> bool {
    use State::{Accepted, Assigned, InProgress};
    match change {
        Change::Accept | Change::Decline => matches!(state, Assigned),
        Change::HandOver
        | Change::Ask
        | Change::Answer
        | Change::Snooze
        | Change::PassOn
        | Change::Split => state.is_under_way(),
        Change::Report | Change::Complete => matches!(state, Accepted | InProgress),
        Change::Reassign | Change::Cancel => state.is_open(),
        Change::Decide => state == State::AwaitingApproval,
        Change::Remind => state.is_chased(),
        Change::Judge => state.is_judged(),
    }
}

fn change_of(command: &Command) -> Change {
    match command {
        Command::Accept => Change::Accept,
        Command::Decline { .. } => Change::Decline,
        Command::HandOver { .. } => Change::HandOver,
        Command::Report { .. } | Command::Advance { .. } => Change::Report,
        Command::Split { .. } => Change::Split,
        Command::Approve { .. } | Command::Reject { .. } => Change::Decide,
        Command::Remind { .. } => Change::Remind,
        Command::Ask { .. } => Change::Ask,
        Command::Answer { .. } => Change::Answer,
        Command::Complete { .. } | Command::Submit { .. } => Change::Complete,
        Command::Reassign { .. } => Change::Reassign,
        Command::Cancel { .. } => Change::Cancel,
        Command::Snooze { .. } => Change::Snooze,
        Command::PassOn { .. } => Change::PassOn,
        Command::Refer { refusal, .. } => change_of(refusal),
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
    let judges = matches!(command, Command::Judge { .. });
    let anew = judges && task.is_reopened();
    let part = judges && task.parent.is_some();
    if part || !anew && !may(task.state, change_of(command)) {
        return Err(Refused::State { state: task.state });
    }
    let mut next = task;
    let mut effects = Vec::new();
    match command {
        Command::Accept => {
            next.state = State::Accepted;
            next.spoke_at = Some(at);
            next.with_arbiter = false;
            effects.push(Effect::TellAssigner);
        }
        Command::Decline { reason, department } => {
            next.decline_reason = Some(required("reason", reason)?);
            next.proposed_department.clone_from(department);
            resume(&mut next.pauses, at);
            next.state = State::Declined;
            hop(&mut next, command, actor, at)?;
            effects.push(Effect::TellAssigner);
        }
        Command::HandOver {
            department,
            owner,
            reason,
        } => {
            let reason = optional("reason", reason.as_deref().unwrap_or_default())?;
            hop(&mut next, command, actor, at)?;
            offer_to(&mut next, department, owner, at, &mut effects);
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
                figures: next.track.figures(),
            });
            next.spoke_at = Some(at);
            next.state = State::InProgress;
        }
        Command::Advance { step, comment } => {
            let comment = optional("comment", comment)?;
            let track = std::mem::take(&mut next.track);
            next.track = track.advanced(step, &actor.name, at)?;
            next.progress.push(Progress {
                at,
                percent: next.track.percent(next.estimate()),
                comment,
                by: actor.name.clone(),
                figures: next.track.figures(),
            });
            next.spoke_at = Some(at);
            next.state = State::InProgress;
        }
        Command::Split { .. } => {}
        Command::Remind { comment } => {
            optional("comment", comment)?;
            let soon = |last: Timestamp| at < last + chrono::TimeDelta::minutes(REMIND_MINUTES);
            if next.reminded_at.is_some_and(soon) {
                return Err(Refused::Field {
                    field: "comment",
                    code: "too_soon",
                    detail: format!("reminded less than {REMIND_MINUTES} minutes ago"),
                });
            }
            next.reminded_at = Some(at);
            effects.push(Effect::Remind);
        }
        Command::Ask { comment } => {
            required("comment", comment)?;
            next.spoke_at = Some(at);
            if next.waits_since().is_none() && next.pauses.len() < MAX_PAUSES {
                next.pauses.push(Pause {
                    from: at,
                    until: None,
                    why: Why::Question,
                });
            }
            effects.push(Effect::TellAssigner);
        }
        Command::Answer { comment } => {
            required("comment", comment)?;
            resume(&mut next.pauses, at);
            // Only now is it the owner's turn again.
            next.spoke_at = Some(at);
            effects.push(Effect::TellOwner);
        }
        Command::Complete {
            solution,
            effective_at,
            rest,
        } => {
            let solution = required("solution", solution)?;
            check_effective(*effective_at, at)?;
            next.rest = left(&next.track, rest.as_deref())?;
            delivered(&mut next, solution, *effective_at, at, &mut effects);
        }
        Command::Submit {
            solution,
            effective_at,
            rest,
            approver,
        } => {
            let solution = required("solution", solution)?;
            check_effective(*effective_at, at)?;
            next.rest = left(&next.track, rest.as_deref())?;
            next.approval = Some(Approval {
                round: next.approval.as_ref().map_or(0, |a| a.round) + 1,
                approver: approver.clone(),
                asked_at: at,
                solution,
                effective_at: *effective_at,
                decision: None,
            });
            // The owner cannot make the approver faster: the clock stands.
            resume(&mut next.pauses, at);
            if next.pauses.len() < MAX_PAUSES {
                next.pauses.push(Pause {
                    from: at,
                    until: None,
                    why: Why::Approval,
                });
            }
            next.spoke_at = Some(at);
            next.state = State::AwaitingApproval;
            effects.extend([Effect::AskApproval, Effect::TellAssigner]);
        }
        Command::Approve { comment } => {
            let words = optional("comment", comment)?;
            let Some(approval) = decide(&mut next, true, words, actor, at) else {
                return Err(Refused::State { state: next.state });
            };
            let live = approval.effective_at.unwrap_or(at);
            delivered(&mut next, approval.solution, Some(live), at, &mut effects);
            // Whether a date was given after the fact is a matter of when it was reported.
            next.backdated = live < approval.asked_at - chrono::TimeDelta::days(1);
            effects.push(Effect::TellDecision);
        }
        Command::Reject { reason } => {
            let words = required("reason", reason)?;
            if decide(&mut next, false, words, actor, at).is_none() {
                return Err(Refused::State { state: next.state });
            }
            resume(&mut next.pauses, at);
            next.rest = None;
            next.state = State::InProgress;
            // The owner has it back: waits begin anew.
            next.spoke_at = Some(at);
            next.snoozed_until = None;
            effects.extend([Effect::TellDecision, Effect::TellAssigner]);
        }
        Command::Reassign {
            department,
            owner,
            reason,
        } => {
            required("reason", reason)?;
            offer_to(&mut next, department, owner, at, &mut effects);
        }
        Command::Cancel { reason } => {
            required("reason", reason)?;
            resume(&mut next.pauses, at);
            next.state = State::Cancelled;
            effects.extend([Effect::RevokeLinks, Effect::TellCancelled]);
            if next.parent.is_some() {
                effects.push(Effect::TellParent);
            }
        }
        Command::Snooze { until } => {
            next.snoozed_until = Some(snoozed(&next, *until, at)?);
        }
        Command::PassOn { owner, .. } => {
            let department = next.department.clone();
            let former = next.owner.display_name().to_owned();
            offer_to(&mut next, &department, owner, at, &mut effects);
            next.on_behalf_of = Some(former);
            effects.push(Effect::TellAssigner);
        }
        Command::Refer { refusal, arbiter } => {
            let (reason, proposed) = match refusal.as_ref() {
                Command::Decline { reason, department } => {
                    (required("reason", reason)?, department.clone())
                }
                Command::HandOver {
                    reason, department, ..
                } => (
                    optional("reason", reason.as_deref().unwrap_or_default())?,
                    Some(department.clone()),
                ),
                _ => return Err(Refused::State { state: next.state }),
            };
            hop(&mut next, refusal, actor, at)?;
            match arbiter {
                Some(arbiter) => {
                    let department = next.department.clone();
                    offer_to(&mut next, &department, arbiter, at, &mut effects);
                    next.with_arbiter = true;
                }
                None => {
                    resume(&mut next.pauses, at);
                    next.state = State::Declined;
                }
            }
            next.decline_reason = (!reason.is_empty()).then_some(reason);
            next.proposed_department = proposed;
            effects.push(Effect::TellAssigner);
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
            // What was asked of an approver before is over: the figures have spoken.
            nobody_approves(&mut next, at);
            if !next.state.is_under_way() {
                resume(&mut next.pauses, at);
            }
            if *verdict == Verdict::Worse && changed {
                // The owner has it back: waits begin anew.
                next.since = Some(at);
                next.spoke_at = None;
                next.snoozed_until = None;
            }
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

/// Takes back what was asked of an approver, where nothing was said yet.
fn nobody_approves(task: &mut Task, at: Timestamp) {
    if let Some(approval) = &mut task.approval {
        approval.decision.get_or_insert_with(|| Decision {
            at,
            approved: false,
            by: String::new(),
            words: String::new(),
        });
    }
}

/// Minutes between two reminders that somebody sends by hand.
const REMIND_MINUTES: i64 = 60;

fn check_effective(effective_at: Option<Timestamp>, at: Timestamp) -> Result<(), Refused> {
    let wrong = |detail: &str| {
        Err(Refused::Field {
            field: "effective_at",
            code: "out_of_range",
            detail: detail.to_owned(),
        })
    };
    match effective_at {
        Some(live) if live > at + chrono::TimeDelta::days(366) => wrong("at most a year ahead"),
        Some(live) if live < at - chrono::TimeDelta::days(400) => wrong("at most 400 days ago"),
        _ => Ok(()),
    }
}

/// Why what is counted is not whole; nothing where it is.
fn left(track: &Track, rest: Option<&str>) -> Result<Option<String>, Refused> {
    let said = optional("rest", rest.unwrap_or_default())?;
    match track.missing() {
        None => Ok(None),
        Some(missing) if said.is_empty() => Err(Refused::Field {
            field: "rest",
            code: "unfinished",
            detail: format!("{}: say why it is left", missing.en),
        }),
        Some(_) => Ok(Some(said)),
    }
}

fn delivered(
    task: &mut Task,
    solution: String,
    effective_at: Option<Timestamp>,
    at: Timestamp,
    effects: &mut Vec<Effect>,
) {
    let effective = effective_at.unwrap_or(at);
    task.solution = Some(solution);
    task.backdated = effective < at - chrono::TimeDelta::days(1);
    task.effective_at = Some(effective);
    task.done_at = Some(at);
    resume(&mut task.pauses, at);
    task.state = State::Done;
    effects.push(Effect::TellAssigner);
    effects.push(if task.parent.is_some() {
        Effect::TellParent
    } else {
        Effect::ScheduleVerification
    });
}

/// Writes down what an approver said; what it was about, if there was something.
fn decide(
    task: &mut Task,
    approved: bool,
    words: String,
    actor: &Actor,
    at: Timestamp,
) -> Option<Approval> {
    let approval = task.approval.as_mut().filter(|a| a.decision.is_none())?;
    approval.decision = Some(Decision {
        at,
        approved,
        by: actor.name.clone(),
        words,
    });
    Some(approval.clone())
}

/// Writes a refusal or hand-over into the task's trail. What the arbiter decides is neither.
fn hop(task: &mut Task, command: &Command, actor: &Actor, at: Timestamp) -> Result<(), Refused> {
    if std::mem::take(&mut task.with_arbiter) {
        return Ok(());
    }
    let (kind, to, reason) = match command {
        Command::Decline { reason, department } => {
            (HopKind::Declined, department.clone(), reason.as_str())
        }
        Command::HandOver {
            department, reason, ..
        } => (
            HopKind::HandedOver,
            Some(department.clone()),
            reason.as_deref().unwrap_or_default(),
        ),
        _ => return Ok(()),
    };
    if task.hops.len() >= Hop::MOST {
        return Err(Refused::Field {
            field: "department",
            code: "too_many",
            detail: format!("a task is handed on at most {} times", Hop::MOST),
        });
    }
    let ping_pong = to.as_deref().is_some_and(|to| has_refused(&task.hops, to));
    task.hops.push(Hop {
        at,
        kind,
        from: task.department.clone(),
        to,
        by: actor.name.clone(),
        reason: reason.trim().to_owned(),
        ping_pong,
    });
    Ok(())
}

/// When reminders begin again: ahead, and not after the due time.
fn snoozed(task: &Task, until: Timestamp, at: Timestamp) -> Result<Timestamp, Refused> {
    let wrong = |code, detail: &str| {
        Err(Refused::Field {
            field: "until",
            code,
            detail: detail.to_owned(),
        })
    };
    if until <= at {
        return wrong("in_the_past", "it must be ahead");
    }
    if until > task.due_at {
        return wrong("after_due", "at the latest when the task is due");
    }
    Ok(until)
}

fn offer_to(
    task: &mut Task,
    department: &str,
    owner: &Owner,
    at: Timestamp,
    effects: &mut Vec<Effect>,
) {
    let former = std::mem::replace(&mut task.owner, owner.clone());
    task.department = department.to_owned();
    task.state = State::Assigned;
    task.assignment += 1;
    resume(&mut task.pauses, at);
    task.decline_reason = None;
    task.proposed_department = None;
    task.since = Some(at);
    task.spoke_at = None;
    task.snoozed_until = None;
    task.on_behalf_of = None;
    task.with_arbiter = false;
    task.rest = None;
    // The next owner submits anew.
    nobody_approves(task, at);
    effects.push(Effect::RevokeLinks);
    if former.email != owner.email {
        effects.push(Effect::TellFormerOwner(former));
    }
    effects.push(Effect::OfferTask);
}
