//! The list of new tickets: one mail a day and person, whatever came.

use super::service;
use crate::app::Shared;
use crate::jobs::{JobError, Outcome};
use serde::Deserialize;

#[derive(Deserialize)]
struct List {
    email: String,
}

/// Sends a person the list of the tickets that stand in no list yet.
pub async fn tell(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let list: List = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    let tx = app.begin().await?;
    service::tell(app, &tx, &list.email).await?;
    Ok(Outcome::Done(tx))
}
