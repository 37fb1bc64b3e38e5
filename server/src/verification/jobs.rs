//! The scheduled look, when the horizon is over.

use super::service::evaluate;
use crate::app::Shared;
use crate::http::Code;
use crate::jobs::{JobError, Outcome};
use domain::identity::Actor;
use domain::ids::TaskId;
use domain::verification::MATURITY_SCHEDULED;

/// Judges a task. What is no longer due (cancelled, reopened) is dropped: the timer is a hint, the
/// state is the truth.
pub async fn verify(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let id: TaskId = payload
        .get("task")
        .and_then(|t| t.as_str())
        .and_then(|t| t.parse().ok())
        .ok_or_else(|| JobError::fail("a verify job without a task"))?;
    match evaluate(app, id, &Actor::system(), MATURITY_SCHEDULED).await {
        Ok(_) => Ok(Outcome::Nothing),
        Err(problem) => match problem.code {
            Code::WrongState | Code::NotFound => Ok(Outcome::Nothing),
            _ => Err(JobError::retry(problem.code.as_str())),
        },
    }
}
