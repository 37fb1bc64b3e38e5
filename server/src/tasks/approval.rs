//! Approvals: who is asked, the link that lets them decide without an account, and what they are told.

use super::offer::{Actions, department_title, send, thread};
use super::people::People;
use crate::app::App;
use crate::mail::{Letter, Recipient};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::organisation::Owner;
use domain::tasks::approval::Approval;
use domain::tasks::{Command, Task};
use storage::tasks::{Link, Purpose};
use storage::{DbError, Tx};

/// Days for which an approver's link lives.
const LINK_DAYS: i64 = 60;

/// The command that a completion becomes where its kind of improvement needs an approval; and whether
/// nobody could be found who might give it. Nobody approves their own work.
pub(super) async fn submitted(
    app: &App,
    tx: &Tx,
    task: &Task,
    command: &Command,
) -> Result<(Option<Command>, bool), DbError> {
    let Command::Complete {
        solution,
        effective_at,
        rest,
    } = command
    else {
        return Ok((None, false));
    };
    let organisation = storage::organisation::organisation(tx).await?;
    let Some(rule) = organisation.approvals.get(&task.kind) else {
        return Ok((None, false));
    };
    let people = People::read(app, tx).await?;
    let manager = people
        .department(&task.department)
        .and_then(|d| d.manager_email.clone());
    let approver = [rule.approver_email.clone(), manager]
        .into_iter()
        .flatten()
        .filter_map(|email| people.there(&email))
        .chain(people.voc_owner(task))
        .find(|person| person.email != task.owner.email);
    let Some(approver) = approver else {
        return Ok((None, true));
    };
    let submit = Command::Submit {
        solution: solution.clone(),
        effective_at: *effective_at,
        rest: rest.clone(),
        approver,
    };
    Ok((Some(submit), false))
}

/// The token of the link that an approver gets for one round of a task.
#[must_use]
pub fn token(app: &App, task: &Task, approval: &Approval) -> String {
    let input = format!(
        "approval-link:{}:{}:{}",
        task.id, approval.round, approval.approver.email
    );
    URL_SAFE_NO_PAD.encode(blake3::keyed_hash(&app.key, input.as_bytes()).as_bytes())
}

/// Whether a link is that of the approval that a task has, decided or not.
#[must_use]
pub(super) fn is_of(link: &Link, task: &Task) -> bool {
    link.purpose == Purpose::Approver
        && task.approval.as_ref().is_some_and(|a| {
            a.round == link.assignment
                && a.approver.email == link.email
                // Taken back: nobody was asked in the end.
                && a.decision.as_ref().is_none_or(|d| !d.by.is_empty())
        })
}

/// Mails the approver what was done.
pub(super) async fn ask(app: &App, tx: &Tx, task: &Task, key: String) -> Result<(), DbError> {
    let Some(approval) = task.open_approval() else {
        return Ok(());
    };
    let token = token(app, task, approval);
    let link = Link {
        task_id: task.id,
        email: approval.approver.email.clone(),
        assignment: approval.round,
        purpose: Purpose::Approver,
        expires_at: tx.now() + TimeDelta::days(LINK_DAYS),
        revoked_at: None,
    };
    storage::tasks::insert_link(tx, &crate::identity::hash_secret(&token), &link).await?;
    let files = storage::tasks::attachments(tx, task.id).await?;
    let letter = Letter::ApprovalAsked {
        thread: thread(task, false),
        title: task.title.clone(),
        who: task.owner.display_name().to_owned(),
        department: department_title(tx, &task.department).await?,
        kind: task.kind.title(),
        solution: approval.solution.clone(),
        rest: task.rest.clone(),
        work: task.track.spoken(),
        files: files.into_iter().map(|f| f.name).collect(),
        link: format!("/a/{token}"),
    };
    let to = Recipient::of(&approval.approver);
    send(app, tx, task, &to, &letter, key).await
}

impl Actions {
    /// Tells somebody in a few words how a task stands, with the page that is theirs.
    pub(super) async fn note(
        app: &App,
        tx: &Tx,
        task: &Task,
        to: &Owner,
        what: &str,
        (who, words): (&str, &str),
        key: String,
    ) -> Result<(), DbError> {
        let letter = Letter::TaskNote {
            thread: thread(task, false),
            title: task.title.clone(),
            who: who.to_owned(),
            what: what.to_owned(),
            words: words.to_owned(),
            due_at: task.due_at,
            link: format!("/a/{}", super::offer::link_token(app, task)),
        };
        send(app, tx, task, &Recipient::of(to), &letter, key).await
    }
}
