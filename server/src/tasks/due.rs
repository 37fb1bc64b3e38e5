//! Another due date: proposed by the owner, by mail or on the page, and agreed to by whoever assigned the task.

use super::offer::Actions;
use super::service::{ActError, check_due};
use crate::app::App;
use chrono::TimeDelta;
use domain::clock::Timestamp;
use domain::identity::Actor;
use domain::tasks::{DueRule, Refused, Task};
use storage::{DbError, Read, Tx};

/// Proposes another due date to whoever assigned the task. `cause` names what asked for it, so that it is told
/// once.
pub async fn propose_due(
    app: &App,
    tx: &Tx,
    task: &Task,
    at: Timestamp,
    words: &str,
    actor: &Actor,
    cause: &str,
) -> Result<(), ActError> {
    if !task.state.is_under_way() {
        return Err(ActError::Refused(Refused::State { state: task.state }));
    }
    if let Err(problem) = check_due(at, tx.now()) {
        return Err(ActError::Refused(Refused::Field {
            field: "due_at",
            code: "out_of_range",
            detail: problem.detail,
        }));
    }
    if at == task.due_at {
        return Err(ActError::Refused(Refused::Field {
            field: "due_at",
            code: "unchanged",
            detail: "that is when it is due already".to_owned(),
        }));
    }
    // Texts of people are masked like voices: they travel by mail.
    let words = domain::text::mask(words).text;
    let data = serde_json::json!({"due_at": at, "comment": words});
    let id = task.id.to_string();
    let kind = "task.due_proposed";
    storage::events::record(tx, app.ids.next(), "task", &id, kind, actor, &data).await?;
    let key = format!("task:{id}:{cause}:{kind}");
    Actions::due_proposed(app, tx, task, at, &words, &actor.name, key).await?;
    Ok(())
}

/// Another date that an owner asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// When they asked.
    pub at: Timestamp,
    /// For which date.
    pub due_at: Timestamp,
    /// Who.
    pub by: String,
    /// In their words.
    pub comment: String,
}

/// The date that stands proposed in a task's history and that nobody has answered.
#[must_use]
pub fn proposed(history: &[storage::events::Event]) -> Option<Proposed> {
    let last = history.iter().rev().find(|e| {
        matches!(
            e.kind.as_str(),
            "task.due_proposed" | "task.due_changed" | "task.due_refused"
        )
    })?;
    if last.kind != "task.due_proposed" {
        return None;
    }
    Some(Proposed {
        at: last.at,
        due_at: last.data["due_at"].as_str()?.parse().ok()?,
        by: last.actor.name.clone(),
        comment: last.data["comment"].as_str().unwrap_or_default().to_owned(),
    })
}

/// The same, of a task.
pub async fn open_proposal(db: &impl Read, task: &Task) -> Result<Option<Timestamp>, DbError> {
    let history = storage::events::of(db, "task", &task.id.to_string()).await?;
    Ok(proposed(&history).map(|p| p.due_at))
}

/// Moves the due date of a task that is under way, with its history; the owner's link lives as long as the
/// new date needs.
pub async fn set_due(
    app: &App,
    tx: &Tx,
    task: Task,
    at: Timestamp,
    actor: &Actor,
    words: &str,
) -> Result<Task, ActError> {
    if !task.state.is_under_way() {
        return Err(ActError::Refused(Refused::State { state: task.state }));
    }
    if let Err(problem) = check_due(at, tx.now()) {
        return Err(ActError::Refused(Refused::Field {
            field: "due_at",
            code: "out_of_range",
            detail: problem.detail,
        }));
    }
    let before = task.due_at;
    let next = Task {
        due_at: at,
        // Two people agreed: no calendar moves it any more.
        due_rule: DueRule::Person,
        version: task.version + 1,
        ..task
    };
    storage::tasks::update(tx, &next).await?;
    storage::calendars::prolong_links(tx, next.id, at.max(tx.now()) + TimeDelta::days(7)).await?;
    let data = serde_json::json!({"due_at": at, "before": before, "comment": words});
    let id = next.id.to_string();
    storage::events::record(
        tx,
        app.ids.next(),
        "task",
        &id,
        "task.due_changed",
        actor,
        &data,
    )
    .await?;
    super::escalation::plan(app, tx, &next).await?;
    Ok(next)
}
