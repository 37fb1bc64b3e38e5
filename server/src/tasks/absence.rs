//! People who are away: new tasks go to who stands in, and so do unanswered ones when the absence begins.

use super::escalation::failed;
use super::people::People;
use super::service::{act_in, record};
use crate::app::{App, Shared};
use crate::jobs::{JobError, Outcome, job};
use domain::identity::Actor;
use domain::organisation::Owner;
use domain::tasks::absence::Absence;
use domain::tasks::{Command, PassOn};
use storage::queue::NewJob;
use storage::{DbError, Tx};

/// Tasks of one transaction.
const BATCH: u64 = 50;

/// Who gets a task that is meant for `owner`.
pub(super) struct Meant {
    /// Who gets it.
    pub(super) owner: Owner,
    /// For whom, where that is somebody else.
    pub(super) for_whom: Option<String>,
    /// They are away and nobody stands in.
    pub(super) nobody: bool,
}

/// Who gets a task of `department` that is meant for `owner`.
pub(super) async fn meant_for(
    app: &App,
    tx: &Tx,
    department: &str,
    owner: &Owner,
) -> Result<Meant, DbError> {
    let people = People::read(app, tx).await?;
    Ok(match people.present(&owner.email, department) {
        Some(found) if found.email == owner.email => Meant {
            owner: owner.clone(),
            for_whom: None,
            nobody: false,
        },
        Some(found) => Meant {
            owner: people.person(&found.email),
            for_whom: Some(owner.display_name().to_owned()),
            nobody: false,
        },
        None => Meant {
            owner: owner.clone(),
            for_whom: None,
            nobody: true,
        },
    })
}

/// Writes down that unanswered tasks are handed over when the absence begins: at once when it has.
pub(super) async fn schedule(app: &App, tx: &Tx, absence: &Absence) -> Result<(), DbError> {
    let version = absence.version;
    storage::queue::cancel(tx, &timer(&absence.key, version - 1)).await?;
    let payload = serde_json::json!({"key": absence.key, "version": version});
    let begin = NewJob {
        unique_key: Some(timer(&absence.key, version)),
        ..job(
            app.ids.as_ref(),
            "absence",
            payload,
            absence.start().max(tx.now()),
        )
    };
    storage::queue::enqueue(tx, &begin).await.map(|_| ())
}

pub(super) fn timer(key: &str, version: i64) -> String {
    format!("absence:{version}:{key}")
}

/// Hands the unanswered tasks of somebody who is away to who stands in: one batch, and the next one in
/// the same transaction.
pub async fn begin(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let key = payload["key"].as_str().unwrap_or_default();
    let after = payload["after"].as_str().unwrap_or_default().to_owned();
    let tx = app.begin().await?;
    let found: Option<Absence> = storage::organisation::get(&tx, key).await?;
    // Changed meanwhile: the new version has a timer of its own.
    let present = found
        .filter(|a| payload["version"].as_i64() == Some(a.version))
        .filter(|a| a.covers(tx.now()));
    let Some(absence) = present else {
        return Ok(Outcome::Nothing);
    };
    let people = People::read(app, &tx).await?;
    let tasks = storage::escalation::unanswered(&tx, &absence.email, &after, BATCH).await?;
    let last = tasks.last().map(|t| t.id.to_string());
    let more = tasks.len() as u64 == BATCH;
    for task in tasks {
        let stand_in = people.present(&task.owner.email, &task.department);
        match stand_in.filter(|p| p.email != task.owner.email) {
            Some(found) => {
                let command = Command::PassOn {
                    owner: people.person(&found.email),
                    why: PassOn::Absent {
                        until: absence.end(),
                    },
                };
                act_in(app, &tx, task, &command, &Actor::system())
                    .await
                    .map_err(failed)?;
            }
            None => {
                let data = serde_json::json!({"until": absence.end()});
                record(app, &tx, &task, "task.owner_away", &Actor::system(), &data).await?;
            }
        }
    }
    if more && let Some(last) = last {
        let payload = serde_json::json!({"key": key, "version": absence.version, "after": last});
        let next = job(app.ids.as_ref(), "absence", payload, tx.now());
        storage::queue::enqueue(&tx, &next).await?;
    }
    Ok(Outcome::Done(tx))
}
