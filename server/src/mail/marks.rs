//! The marks of mails about tasks: a tag in the subject, a secret line in the body.

use super::{Envelope, Letter, Shown};
use crate::app::App;
use domain::mail::marks;
use domain::tasks::Task;
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
    /// `owner` or `assigner`: what the reader may do by answering; `None`: nothing.
    pub kind: Option<String>,
    /// Which offer of the task this is.
    pub assignment: i64,
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
        owner: marks.kind.as_deref() == Some("owner"),
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
    let kind = match &envelope.letter {
        // An approver decides on the page: what is answered to such a mail is no answer about the task.
        Letter::TaskTaken { .. } | Letter::ApprovalAsked { .. } => None,
        _ if to == task.owner.email => Some("owner"),
        _ if task.assigned_by.email.as_ref() == Some(&to) => Some("assigner"),
        _ => None,
    };
    let marks = Marks {
        task: task.id.to_string(),
        tag: tag(app, tx, &task).await?,
        kind: kind.map(str::to_owned),
        assignment: task.assignment,
    };
    if let Some(kind) = kind {
        let mark = Mark {
            task_id: task.id,
            kind: kind.to_owned(),
            email: to.clone(),
            assignment: task.assignment,
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
