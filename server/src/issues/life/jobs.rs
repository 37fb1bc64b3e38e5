//! The end of what was put aside, and the reminder before.

use super::service;
use crate::app::Shared;
use crate::jobs::{JobError, Outcome};
use domain::ids::IssueId;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Wake,
    Remind,
}

#[derive(Deserialize)]
struct Held {
    issue: IssueId,
    /// Microseconds: which hold.
    since: i64,
    what: What,
}

/// Wakes an issue, or reminds of it. Of a hold that is over it does nothing, however often it runs.
pub async fn hold(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let held: Held = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    let tx = app.begin().await?;
    let done = match held.what {
        What::Wake => match service::wake(app, &tx, held.issue, held.since).await {
            Ok(done) => done,
            // Too early can only be a clock that is behind the one that wrote the date.
            Err(problem) => return Err(JobError::retry(problem.detail)),
        },
        What::Remind => service::remind(app, &tx, held.issue, held.since).await?,
    };
    Ok(if done {
        Outcome::Done(tx)
    } else {
        Outcome::Nothing
    })
}
