//! Another due date, agreed by mail.

use super::service::{ActError, check_due};
use crate::app::App;
use chrono::TimeDelta;
use domain::clock::Timestamp;
use domain::identity::Actor;
use domain::tasks::{DueRule, Refused, Task};
use storage::Tx;

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
