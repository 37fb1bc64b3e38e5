//! Workers: they carry out what transactions have written down.

mod worker;

pub use worker::{JobError, Outcome, pending_of, run_workers, run_workers_for, settle};

use domain::clock::Timestamp;
use domain::ids::Ids;
use storage::queue::NewJob;

/// Kinds of jobs. One job per batch, import, delivery or verdict: never one per voice.
pub const KINDS: [&str; 9] = [
    "analyse",
    "deliver",
    "detect",
    "import",
    "prioritise",
    "rated",
    "relabel",
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
