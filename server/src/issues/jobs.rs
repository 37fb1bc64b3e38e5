//! When topics are placed anew: soon after facts have changed, and at the beginning of every day.

use super::service::evaluate;
use crate::app::{App, Shared};
use crate::jobs::{JobError, Outcome, job};
use chrono::TimeDelta;
use domain::clock::{local_day, start_of_day};
use storage::{DbError, Tx};

/// Changes of so many seconds are placed together: under load the cost does not grow with voices.
const TOGETHER: i64 = 3;
/// After midnight, so that the day that ended is complete.
const AFTER_MIDNIGHT_MINUTES: i64 = 10;

/// Places the topics. At the beginning of a day it plans that, and the beginning of the next day.
pub async fn prioritise(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let tx = app.begin().await?;
    if payload.get("daily").is_some() {
        soon(app, &tx).await?;
        tomorrow(app, &tx).await?;
        return Ok(Outcome::Done(tx));
    }
    let moved = evaluate(app, &tx).await?;
    if moved > 0 {
        tracing::info!(moved, "topics changed their quadrant");
    }
    Ok(Outcome::Done(tx))
}

/// Plans a look for facts that this transaction changed.
pub async fn soon(app: &App, tx: &Tx) -> Result<(), DbError> {
    let slot = tx.now().timestamp().div_euclid(TOGETHER);
    // One slot later: whoever shares the slot has committed by then.
    let run_at = domain::clock::Timestamp::from_timestamp((slot + 2) * TOGETHER, 0);
    let mut new = job(
        app.ids.as_ref(),
        "prioritise",
        serde_json::json!({}),
        run_at.unwrap_or_else(|| tx.now()),
    );
    new.unique_key = Some(format!("prioritise:{slot}"));
    new.serial_key = Some("prioritise".to_owned());
    storage::queue::enqueue(tx, &new).await?;
    Ok(())
}

/// Plans the look at the beginning of the next day.
async fn tomorrow(app: &App, tx: &Tx) -> Result<(), DbError> {
    let zone = storage::organisation::organisation(tx).await?.zone;
    let next = local_day(tx.now(), zone) + TimeDelta::days(1);
    let run_at = start_of_day(next, zone) + TimeDelta::minutes(AFTER_MIDNIGHT_MINUTES);
    let payload = serde_json::json!({"daily": next});
    let mut new = job(app.ids.as_ref(), "prioritise", payload, run_at);
    new.unique_key = Some(format!("prioritise:{next}"));
    // Not in the series of the looks: those behind it would wait for tomorrow.
    storage::queue::enqueue(tx, &new).await?;
    Ok(())
}

/// At the start of a server: a look now, and the daily ones.
pub async fn start(app: &Shared) -> Result<(), DbError> {
    let tx = app.begin().await?;
    soon(app, &tx).await?;
    tomorrow(app, &tx).await?;
    tx.commit().await
}
