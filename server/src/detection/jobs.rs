//! The job that follows intake: labels and facts first, then the detectors, in one transaction.

use crate::analysis::StillUnlabelled;
use crate::app::Shared;
use crate::jobs::{JobError, Outcome};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload {
    batch: String,
    #[serde(default)]
    backfill: bool,
}

/// Labels a batch, counts it, and raises what its detectors find.
pub async fn analyse(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let payload: Payload = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    let (tx, counted) = match crate::analysis::label_batch(app, &payload.batch).await {
        Ok(done) => done,
        Err(StillUnlabelled::Database(error)) => return Err(error.into()),
        Err(StillUnlabelled::Plugin(error)) => return Err(JobError::retry(error)),
        Err(StillUnlabelled::Follow(error)) => return Err(JobError::retry(error)),
    };
    super::service::watch(app, &tx, &counted, payload.backfill).await?;
    Ok(Outcome::Done(tx))
}
