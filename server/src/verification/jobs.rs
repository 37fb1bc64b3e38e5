//! The nightly look, and labelling anew what another classifier labelled.

use super::service::{Look, evaluate};
use crate::analysis::StillUnlabelled;
use crate::app::Shared;
use crate::http::Code;
use crate::jobs::{JobError, Outcome};
use chrono::TimeDelta;
use domain::clock::Timestamp;
use domain::identity::Actor;
use domain::ids::TaskId;
use serde::Deserialize;
use storage::DbError;

#[derive(Deserialize)]
struct Night {
    task: TaskId,
}

/// Judges a task and writes down the next look. What is no longer due (cancelled, reopened) is
/// dropped: the timer is a hint, the state is the truth. Doing it twice does nothing twice.
pub async fn verify(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let night: Night = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    judge(app, night.task, Look::Scheduled).await?;
    let tx = app.begin().await?;
    if let Some(task) = storage::tasks::get(&tx, night.task).await?
        && task.state.is_judged()
    {
        super::worth::freeze(&tx, &task).await?;
        crate::tasks::schedule(app, &tx, &task).await?;
    }
    Ok(Outcome::Done(tx))
}

async fn judge(app: &Shared, task: TaskId, look: Look) -> Result<(), JobError> {
    match evaluate(app, task, &Actor::system(), look).await {
        Ok(_) => Ok(()),
        Err(problem) => match problem.code {
            Code::WrongState | Code::NotFound => Ok(()),
            _ => Err(JobError::retry(problem.code.as_str())),
        },
    }
}

#[derive(Deserialize)]
struct Relabel {
    task: TaskId,
    from: Timestamp,
    to: Timestamp,
    #[serde(default)]
    on_request: bool,
}

/// Labels the windows of a task anew, batch by batch, then judges it. Killed, it goes on where it
/// stopped: what is left stands in the labels.
pub async fn relabel(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let work: Relabel = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    loop {
        if app.stop.is_cancelled() {
            return Err(JobError::retry("the server stops"));
        }
        match crate::analysis::relabel_some(app, work.from, work.to).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(StillUnlabelled::Database(error)) => return Err(error.into()),
            Err(StillUnlabelled::Plugin(error)) => return Err(JobError::retry(error)),
            Err(StillUnlabelled::Follow(error)) => return Err(JobError::retry(error)),
        }
    }
    let look = if work.on_request {
        Look::OnRequest
    } else {
        Look::Scheduled
    };
    judge(app, work.task, look).await?;
    Ok(Outcome::Nothing)
}

/// Writes down looks that are owed and that nothing waits for: of tasks from before this version, and
/// of those whose look came to nothing.
pub async fn reconcile(app: &Shared) -> Result<(), DbError> {
    let since = app.now() - TimeDelta::days(800);
    let owed = storage::tasks::without_look(&app.db, since).await?;
    if owed.is_empty() {
        return Ok(());
    }
    let tx = app.begin().await?;
    for task in owed {
        crate::tasks::schedule(app, &tx, &task).await?;
    }
    tx.commit().await
}
