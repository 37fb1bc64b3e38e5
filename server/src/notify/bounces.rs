//! Mails that come back: the address is closed after a few, its tasks are flagged, and what would be sent
//! there is held until an administrator opens it again.

use super::answer::{tell, thread};
use crate::app::App;
use crate::mail::{Letter, Recipient};
use domain::identity::Actor;
use domain::mail::Incoming;
use domain::mail::bounce::{Report, Severity};
use domain::tasks::Task;
use serde_json::{Value, json};
use storage::notify::Delivery;
use storage::{DbError, Tx};

/// Why a delivery to a closed address is held.
pub(super) const CLOSED: &str = "address_disabled";

/// Tasks that the mail about an unreachable owner names beside the first; the rest is counted.
const NAMED: usize = 40;

/// The delivery that its id or a Message-ID of ours names.
pub(super) async fn delivery_of(tx: &Tx, named: &str) -> Result<Option<Delivery>, DbError> {
    let left = named.split('@').next().unwrap_or_default();
    match left.strip_prefix("task-") {
        // The first mail of a task is named after the task.
        Some(task) => storage::notify::by_key(tx, &format!("task:{task}:offer:1")).await,
        None => storage::notify::get(tx, left).await,
    }
}

/// What a report means. Only one about a mail of ours to that very address counts: nobody can close
/// somebody's address by writing reports.
pub(super) async fn apply(
    app: &App,
    tx: &Tx,
    report: &Report,
    mail: &Incoming,
) -> Result<(Option<String>, Value), DbError> {
    let named = report.mail.as_ref().or_else(|| mail.references.first());
    let delivery = match named {
        Some(id) => delivery_of(tx, id).await?,
        None => None,
    };
    let Some(delivery) = delivery.filter(|d| d.kind == "mail") else {
        return Ok((None, json!({"reason": "not_about_our_mail"})));
    };
    let Some(failed) = report
        .recipients
        .iter()
        .find(|r| r.addresses.contains(&delivery.target))
    else {
        return Ok((
            delivery.task_id,
            json!({"reason": "not_about_its_recipient"}),
        ));
    };
    let words: Vec<&str> = [failed.status.as_str(), failed.diagnostic.as_str()]
        .into_iter()
        .filter(|w| !w.is_empty())
        .collect();
    came_back(app, tx, &delivery, failed.severity, &words.join(" ")).await?;
    let data = json!({"severity": failed.severity.as_str(), "status": failed.status, "delivery": delivery.id});
    Ok((delivery.task_id, data))
}

/// Writes down that a mail came back, once, and closes the address with the last hard one.
pub(super) async fn came_back(
    app: &App,
    tx: &Tx,
    delivery: &Delivery,
    severity: Severity,
    reason: &str,
) -> Result<(), DbError> {
    if severity == Severity::Delivered {
        return Ok(());
    }
    let email = &delivery.target;
    let reason: String = reason.chars().take(500).collect();
    if !storage::addresses::record_bounce(tx, &delivery.id, email, severity.as_str(), &reason)
        .await?
    {
        return Ok(());
    }
    if let Some(task) = &delivery.task_id {
        let data =
            json!({"severity": severity.as_str(), "reason": reason, "delivery": delivery.id});
        event(app, tx, task, "task.mail_bounced", &data).await?;
    }
    if severity != Severity::Hard {
        return Ok(());
    }
    let limit = app.config.bounce_limit;
    let address = storage::addresses::count_hard(tx, email, &reason, limit).await?;
    let closed_now = address.is_some_and(|a| a.disabled_at == Some(tx.now()));
    if closed_now {
        let filter = storage::tasks::Filter {
            owner: Some(email.clone()),
            states: ["assigned", "accepted", "in_progress"]
                .map(str::to_owned)
                .to_vec(),
            ..Default::default()
        };
        let tasks = storage::tasks::list(tx, &filter, 500).await?.items;
        unreachable(app, tx, &tasks, &reason).await?;
    }
    Ok(())
}

async fn event(app: &App, tx: &Tx, task: &str, kind: &str, data: &Value) -> Result<(), DbError> {
    storage::events::record(
        tx,
        app.ids.next(),
        "task",
        task,
        kind,
        &Actor::system(),
        data,
    )
    .await
}

/// Flags a task whose owner gets no mail, once for each assignment. `false`: it is flagged.
async fn flag(app: &App, tx: &Tx, task: &Task, reason: &str) -> Result<bool, DbError> {
    let id = task.id.to_string();
    let known = storage::events::of(tx, "task", &id).await?.iter().any(|e| {
        e.kind == "task.owner_unreachable" && e.data["assignment"] == json!(task.assignment)
    });
    if known {
        return Ok(false);
    }
    let data = json!({"email": task.owner.email, "reason": reason, "assignment": task.assignment});
    event(app, tx, &id, "task.owner_unreachable", &data).await?;
    Ok(true)
}

/// Flags tasks of one owner who gets no mail: a line in the history of each, and one mail to everybody who
/// assigned some of them. One fact, one mail.
pub(super) async fn unreachable(
    app: &App,
    tx: &Tx,
    tasks: &[Task],
    reason: &str,
) -> Result<(), DbError> {
    let mut told: Vec<(Recipient, Vec<&Task>)> = Vec::new();
    for task in tasks {
        if !flag(app, tx, task, reason).await? {
            continue;
        }
        let to = crate::tasks::assigner(tx, task).await?;
        let Some(to) = to.filter(|to| to.email != task.owner.email) else {
            continue;
        };
        match told.iter_mut().find(|(known, _)| known.email == to.email) {
            Some((_, theirs)) => theirs.push(task),
            None => told.push((to, vec![task])),
        }
    }
    for (to, theirs) in told {
        let Some((task, more)) = theirs.split_first() else {
            continue;
        };
        let letter = Letter::OwnerUnreachable {
            thread: thread(task),
            title: task.title.clone(),
            more: more.iter().take(NAMED).map(|t| t.title.clone()).collect(),
            uncounted: more.len().saturating_sub(NAMED),
            owner: task.owner.display_name().to_owned(),
            email: task.owner.email.clone(),
            reason: reason.to_owned(),
            link: format!("/tasks/{}", task.id),
        };
        let key = format!("task:{}:unreachable:{}", task.id, task.assignment);
        tell(app, tx, task, &to, &letter, key).await?;
    }
    Ok(())
}

/// Holds a delivery to a closed address, and says so where people look. `false`: the address is open.
pub(super) async fn hold_if_closed(
    app: &App,
    tx: &Tx,
    delivery: &Delivery,
) -> Result<bool, DbError> {
    let Some(address) = storage::addresses::get(tx, &delivery.target).await? else {
        return Ok(false);
    };
    if address.disabled_at.is_none() {
        return Ok(false);
    }
    storage::notify::hold(tx, &delivery.id, CLOSED, None).await?;
    if let Some(id) = delivery.task_id.as_ref().and_then(|id| id.parse().ok())
        && let Some(task) = storage::tasks::hold(tx, id).await?
        && task.owner.email == delivery.target
        && task.state.is_under_way()
    {
        unreachable(app, tx, std::slice::from_ref(&task), &address.last_reason).await?;
    }
    Ok(true)
}

/// Opens an address again and sends what was held, in its order. Answers how many mails; `None`: nothing is
/// known of that address.
pub async fn enable(app: &App, tx: &Tx, email: &str) -> Result<Option<usize>, DbError> {
    if storage::addresses::get(tx, email).await?.is_none() {
        return Ok(None);
    }
    storage::addresses::clear(tx, email).await?;
    let held = storage::notify::held(tx, email, CLOSED).await?;
    for delivery in &held {
        storage::notify::queue_again(tx, &delivery.id).await?;
        crate::mail::carry_out(app, tx, delivery).await?;
    }
    Ok(Some(held.len()))
}
