//! Workers: they carry out what transactions have written down.

mod worker;

pub use worker::{JobError, Outcome, pending_of, run_workers, run_workers_for, settle};

use crate::app::App;
use chrono::TimeDelta;
use domain::clock::Timestamp;
use domain::facts::Batch;
use domain::ids::Ids;
use storage::queue::{self, NewJob};
use storage::{DbError, Tx};

/// Kinds of jobs. One job per batch, import, delivery or verdict: never one per voice.
pub const KINDS: [&str; 15] = [
    "absence",
    "analyse",
    "counted_less",
    "deliver",
    "detect",
    "escalate",
    "hold",
    "import",
    "prioritise",
    "rated",
    "recalculate",
    "relabel",
    "reviews",
    "shadow",
    "verify",
];

/// A job with what most jobs have.
#[must_use]
pub fn job(
    ids: &dyn Ids,
    kind: &'static str,
    payload: serde_json::Value,
    run_at: Timestamp,
) -> NewJob {
    NewJob {
        id: ids.next(),
        kind,
        unique_key: None,
        serial_key: None,
        payload,
        run_at,
        priority: 0,
        max_attempts: 12,
    }
}

/// Quiet seconds after which what arrived late is looked at.
const QUIET: i64 = 3;
/// Seconds after which it is looked at although more keeps coming.
const PATIENCE: i64 = 30;
/// Hours after which a look no longer waits for a file that is still being read.
const LONGEST_WAIT: i64 = 1;

/// Writes a job that looks at late data, once for whatever arrives until it has been quiet for a
/// moment. Its payload must hold `since` ([`NewJob::payload`]): when the look was first asked for.
pub async fn gather(tx: &Tx, job: NewJob, key: &str) -> Result<(), DbError> {
    let job = NewJob {
        run_at: tx.now() + TimeDelta::seconds(QUIET),
        ..job
    };
    queue::gather(tx, &job, key, TimeDelta::seconds(PATIENCE)).await
}

/// Asks for the days to be judged again of which something is counted no more: a voice was corrected,
/// sent anew or given another topic.
pub async fn counted_less(app: &App, tx: &Tx, facts: &Batch) -> Result<(), DbError> {
    let days = facts.shrunk_days();
    if days.is_empty() {
        return Ok(());
    }
    let payload = serde_json::json!({"days": days});
    let job = job(app.ids.as_ref(), "counted_less", payload, tx.now());
    queue::enqueue(tx, &job).await.map(|_| ())
}

/// Whether a look that was first asked for at `since` should wait: half of a file says other things
/// than the whole. A file that takes very long is not waited for.
pub async fn should_wait(app: &App, since: Timestamp) -> Result<bool, DbError> {
    let now = app.now();
    if now - since > TimeDelta::hours(LONGEST_WAIT) {
        return Ok(false);
    }
    queue::arriving(&app.db, now - TimeDelta::seconds(QUIET), now).await
}
