//! Mails that answer mails: at most one help for each task and person, a few answers a day, never a loop.

use super::inbox::Writer;
use crate::app::App;
use crate::mail::{Letter, Problem, Recipient, Role, Thread};
use chrono::TimeDelta;
use domain::organisation::{Bilingual, Department};
use domain::tasks::Task;
use storage::{DbError, Tx};

/// Answers that one person gets about one task in a day.
const A_DAY: i64 = 5;
/// Characters of the writer's words that an answer repeats.
const REPEATED: usize = 300;

/// The thread of a task's later mails.
pub(super) fn thread(task: &Task) -> Thread {
    Thread {
        root: task.thread(),
        first: false,
        topic: task.title.clone(),
    }
}

/// Writes a mail about a task into the outbox.
pub(super) async fn tell(
    app: &App,
    tx: &Tx,
    task: &Task,
    to: &Recipient,
    letter: &Letter,
    dedupe_key: String,
) -> Result<bool, DbError> {
    let serial = storage::notify::task_serial(&task.id.to_string());
    let mut delivery =
        crate::mail::delivery(app.ids.next(), to, letter, dedupe_key, serial, tx.now());
    delivery.task_id = Some(task.id.to_string());
    delivery.issue_id = Some(task.issue_id.to_string());
    crate::mail::enqueue(app, tx, &delivery).await
}

/// A task's state in words.
fn state_words(task: &Task) -> Bilingual {
    Bilingual::new(
        crate::tasks::page::state_name(task.state, true),
        crate::tasks::page::state_name(task.state, false),
    )
}

/// Answers a mail that did not do what its writer wanted. `mail` = its id: one answer each. `false`: the
/// writer had enough answers already.
pub(super) async fn answer(
    app: &App,
    tx: &Tx,
    task: &Task,
    writer: &Writer,
    problem: Problem,
    mail: &str,
    words: &str,
) -> Result<bool, DbError> {
    let person = app.hash(writer.to.email.as_bytes());
    let once = matches!(problem, Problem::NotUnderstood | Problem::NoRuling);
    let start = format!("mail-answer:{}:{person}:", task.id);
    let key = if once {
        format!("mail-help:{}:{person}", task.id)
    } else {
        let day = tx.now() - TimeDelta::days(1);
        if storage::notify::written_since(tx, &start, day).await? >= A_DAY {
            return Ok(false);
        }
        format!("{start}{mail}")
    };
    let page = match (writer.role, task.open_approval()) {
        _ if matches!(
            problem,
            Problem::NotYours | Problem::NoProof | Problem::Decided
        ) =>
        {
            None
        }
        (Role::Owner, _) => Some(crate::tasks::link_token(app, task)),
        (Role::Approver, Some(approval)) => Some(crate::tasks::approval_token(app, task, approval)),
        (Role::Approver, None) | (Role::Assigner, _) => None,
    };
    let departments = if problem == Problem::NoDepartment {
        storage::organisation::all::<Department>(tx)
            .await?
            .into_iter()
            .filter(|d| d.key != task.department && !d.owners.is_empty())
            .map(|d| d.title().to_owned())
            .take(50)
            .collect()
    } else {
        Vec::new()
    };
    let letter = Letter::MailAnswer {
        thread: thread(task),
        title: task.title.clone(),
        problem,
        state: state_words(task),
        due_at: task.due_at,
        yours: page.is_some(),
        departments,
        words: domain::text::mask(&words.chars().take(REPEATED).collect::<String>()).text,
        link: page.map(|token| format!("/a/{token}")),
    };
    tell(app, tx, task, &writer.to, &letter, key).await
}
