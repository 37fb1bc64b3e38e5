//! Imports in the background.

use crate::app::Shared;
use crate::jobs::{JobError, Outcome};

/// Reads an uploaded file to its end.
pub async fn import(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let id = payload
        .get("import")
        .and_then(|i| i.as_str())
        .ok_or_else(|| JobError::fail("no import is named"))?;
    match super::import::run(app, id).await? {
        Some(tx) => Ok(Outcome::Done(tx)),
        None => Ok(Outcome::Nothing),
    }
}
