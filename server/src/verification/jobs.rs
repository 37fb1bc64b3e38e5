//! The nightly look, the look at late data, and labelling anew what another classifier labelled.

use super::service::{Look, evaluate, looks_at};
use crate::analysis::StillUnlabelled;
use crate::app::{App, Shared};
use crate::http::Code;
use crate::jobs::{JobError, Outcome};
use crate::tasks::Setting;
use chrono::{NaiveDate, TimeDelta};
use domain::clock::{Timestamp, local_day};
use domain::identity::Actor;
use domain::ids::TaskId;
use domain::tasks::State;
use serde::Deserialize;
use std::collections::BTreeSet;
use storage::queue::NewJob;
use storage::{DbError, Tx};

#[derive(Deserialize)]
struct Night {
    task: TaskId,
    /// When late data asked for this look; `None`: it is a night's.
    #[serde(default)]
    since: Option<Timestamp>,
    /// The look right after the fix was reported, where its days are over already.
    #[serde(default)]
    first: bool,
}

/// Judges a task and writes down the next look. What is no longer due (cancelled, reopened) is
/// dropped: the timer is a hint, the state is the truth. Doing it twice does nothing twice.
pub async fn verify(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let night: Night = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    if night.first {
        return first(app, night.task).await;
    }
    if let Some(since) = night.since {
        return again(app, night.task, since).await;
    }
    // A file that is being read this night is waited for, but the next night is planned now.
    let waits = crate::jobs::should_wait(app, app.now()).await?;
    if !waits {
        judge(app, night.task, Look::Scheduled).await?;
    }
    let tx = app.begin().await?;
    if waits {
        ask(app, &tx, night.task, tx.now()).await?;
    }
    if let Some(task) = storage::tasks::get(&tx, night.task).await?
        && task.state.is_judged()
    {
        super::worth::freeze(&tx, &task).await?;
        crate::tasks::schedule(app, &tx, &task).await?;
    }
    Ok(Outcome::Done(tx))
}

/// Judges a task whose fix was reported long after it went live, so that nobody waits a night for what
/// is known. Somebody may have asked meanwhile: then there is a verdict.
async fn first(app: &Shared, id: TaskId) -> Result<Outcome, JobError> {
    let task = storage::tasks::get(&app.db, id).await?;
    if task.is_some_and(|t| t.state == State::Done) {
        judge(app, id, Look::First).await?;
    }
    Ok(Outcome::Nothing)
}

/// Judges a task anew because of late data, once the files that are being read are read: half of a file
/// would say one thing by mail and the whole of it another. The night's look stays where it is.
async fn again(app: &Shared, task: TaskId, since: Timestamp) -> Result<Outcome, JobError> {
    if crate::jobs::should_wait(app, since).await? {
        let tx = app.begin().await?;
        ask(app, &tx, task, since).await?;
        return Ok(Outcome::Done(tx));
    }
    judge(app, task, Look::Late).await?;
    Ok(Outcome::Nothing)
}

async fn ask(app: &App, tx: &Tx, task: TaskId, since: Timestamp) -> Result<(), DbError> {
    let payload = serde_json::json!({"task": task.to_string(), "since": since});
    let job: NewJob = crate::jobs::job(app.ids.as_ref(), "verify", payload, tx.now());
    // Not among the keys of the nights: planning the next night drops those that wait.
    crate::jobs::gather(tx, job, &format!("late:{task}")).await
}

/// Asks for every task that has a verdict from some of these days to be judged again: in the
/// transaction that changed what they count, soon, and once for whatever arrives until then.
pub async fn late(app: &App, tx: &Tx, days: &BTreeSet<NaiveDate>) -> Result<(), DbError> {
    let zone = storage::organisation::organisation(tx).await?.zone;
    let today = local_day(tx.now(), zone);
    // What is said today is not late, and no verdict counts it.
    let days: Vec<NaiveDate> = days.iter().copied().filter(|day| *day < today).collect();
    if days.is_empty() {
        return Ok(());
    }
    let tasks = Setting::deployed(tx, tx.now()).await?;
    for task in tasks.iter().filter(|t| t.can_be_judged()) {
        let Some(verdict) = storage::verification::latest(tx, task.id).await? else {
            continue;
        };
        let (from, to) = looks_at(task, &verdict, today, zone);
        if days.iter().any(|day| (from..=to).contains(day)) {
            ask(app, tx, task.id, tx.now()).await?;
        }
    }
    Ok(())
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
    #[serde(default)]
    late: bool,
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
    } else if work.late {
        Look::Late
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
