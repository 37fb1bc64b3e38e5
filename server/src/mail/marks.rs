//! The marks of mails about tasks: a tag in the subject, a secret line in the body.

use super::{Envelope, Letter, Shown};
use crate::app::App;
use domain::clock::Timestamp;
use domain::mail::marks;
use domain::tasks::Task;
use domain::tasks::kind::Track;
use serde::{Deserialize, Serialize};
use storage::incoming::Mark;
use storage::notify::Delivery;
use storage::{DbError, Tx};

/// What a delivery keeps of its marks: all but the secret, which is made anew from the installation's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The task.
    pub task: String,
    /// Its tag.
    pub tag: String,
    /// `owner`, `assigner` or `approver`: what the reader may do by answering; `None`: nothing.
    pub kind: Option<String>,
    /// Which offer of the task this is; of an approver which round of the approval.
    pub assignment: i64,
    /// When the task is due, as it stood: examples of dates make sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// What the owner's task counts, as it stood: a reply speaks of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<Track>,
}

/// What the reader of a mail is to its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Delivers it.
    Owner,
    /// Gave it.
    Assigner,
    /// Approves what was delivered.
    Approver,
}

impl Role {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Assigner => "assigner",
            Self::Approver => "approver",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Owner, Self::Assigner, Self::Approver]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

/// How the secret of a mail is kept: only its hash.
#[must_use]
pub fn mark_of_token(bare: &str) -> String {
    crate::identity::hash_secret(&format!("reply:{bare}"))
}

/// How a tag is kept.
#[must_use]
pub fn mark_of_tag(tag: &str) -> String {
    format!("tag:{tag}")
}

/// The secret of one reader for one offer of one task: the same whenever it is asked for.
fn token(app: &App, marks: &Marks, kind: &str, email: &str) -> String {
    let input = format!("reply:{}:{}:{kind}:{email}", marks.task, marks.assignment);
    marks::token(blake3::keyed_hash(&app.key, input.as_bytes()).as_bytes())
}

/// What a mail with these marks shows. Without a mailbox that is read nobody is asked to reply.
#[must_use]
pub fn shown(app: &App, marks: &Marks, email: &str) -> Shown {
    Shown {
        tag: marks.tag.clone(),
        token: app
            .mail_in
            .as_ref()
            .and(marks.kind.as_deref())
            .map(|kind| token(app, marks, kind, email)),
        role: marks.kind.as_deref().and_then(Role::parse),
        due_at: marks.due_at,
        track: marks.track.clone().unwrap_or_default(),
    }
}

/// The tag of a task; another one where two tasks would have the same.
async fn tag(app: &App, tx: &Tx, task: &Task) -> Result<String, DbError> {
    let own = Mark {
        task_id: task.id,
        kind: "tag".to_owned(),
        email: String::new(),
        assignment: 0,
    };
    let mut n = 0_u32;
    loop {
        let input = format!("task-tag:{}:{n}", task.id);
        let tag = marks::tag(blake3::keyed_hash(&app.key, input.as_bytes()).as_bytes());
        let mark = mark_of_tag(&tag);
        if storage::incoming::put_mark(tx, &mark, &own).await?
            || storage::incoming::mark(tx, &mark)
                .await?
                .is_some_and(|m| m.task_id == task.id)
        {
            return Ok(tag);
        }
        n += 1;
    }
}

/// The delivery with its marks, written in the transaction that causes it. `None`: it is no mail about a
/// task.
pub(super) async fn put(
    app: &App,
    tx: &Tx,
    delivery: &Delivery,
) -> Result<Option<Delivery>, DbError> {
    let Some(id) = delivery
        .task_id
        .as_ref()
        .filter(|_| delivery.kind == "mail")
    else {
        return Ok(None);
    };
    let Ok(id) = id.parse() else { return Ok(None) };
    let Ok(mut envelope) = serde_json::from_value::<Envelope>(delivery.data.clone()) else {
        return Ok(None);
    };
    let Some(task) = storage::tasks::get(tx, id).await? else {
        return Ok(None);
    };
    let to = envelope.to.email.clone();
    // Whoever just lost the task is not asked any more.
    let approval = task
        .open_approval()
        .filter(|approval| approval.approver.email == to);
    let role = match &envelope.letter {
        // Whoever just lost the task is not asked any more.
        Letter::TaskTaken { .. } => None,
        Letter::ApprovalAsked { .. } | Letter::TaskEscalated { .. } | Letter::MailAnswer { .. }
            if approval.is_some() =>
        {
            Some(Role::Approver)
        }
        _ if to == task.owner.email => Some(Role::Owner),
        _ if task.assigned_by.email.as_ref() == Some(&to) => Some(Role::Assigner),
        _ => None,
    };
    if role == Some(Role::Owner) && task.state.is_under_way() {
        // What a mail offers works for a week at least, however late the task is.
        let until = task.due_at.max(tx.now()) + chrono::TimeDelta::days(7);
        storage::calendars::prolong_links(tx, task.id, until).await?;
    }
    let kind = role.map(Role::as_str);
    let round = approval.filter(|_| role == Some(Role::Approver));
    let marks = Marks {
        task: task.id.to_string(),
        tag: tag(app, tx, &task).await?,
        kind: kind.map(str::to_owned),
        assignment: round.map_or(task.assignment, |a| a.round),
        due_at: Some(task.due_at),
        track: (role == Some(Role::Owner) && task.track != Track::Percent)
            .then(|| task.track.clone()),
    };
    if let Some(kind) = kind {
        let mark = Mark {
            task_id: task.id,
            kind: kind.to_owned(),
            email: to.clone(),
            assignment: marks.assignment,
        };
        let bare = marks::bare(&token(app, &marks, kind, &to));
        storage::incoming::put_mark(tx, &mark_of_token(&bare), &mark).await?;
    }
    envelope.marks = Some(marks);
    Ok(Some(Delivery {
        data: serde_json::to_value(envelope).unwrap_or_default(),
        ..delivery.clone()
    }))
}
