//! Mails: what they say ([`Letter`]), how they look, and how they leave.

mod compose;
mod escalated;
mod letter;
mod message;
mod transport;

pub use compose::{Rendered, render};
pub use letter::{Letter, Quote, Recipient, Thread};
pub use message::{Outgoing, build, clean_name};
pub use transport::{SendError, Transport};

use crate::app::App;
use domain::clock::Timestamp;
use serde::{Deserialize, Serialize};
use storage::notify::Delivery;
use storage::{DbError, Tx};
use uuid::Uuid;

/// What a mail's delivery row holds: enough to make the same mail again at any time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who gets it.
    pub to: Recipient,
    /// What it says.
    pub letter: Letter,
}

/// A delivery row for a letter.
#[must_use]
pub fn delivery(
    id: Uuid,
    to: &Recipient,
    letter: &Letter,
    dedupe_key: String,
    serial_key: String,
    at: Timestamp,
) -> Delivery {
    let envelope = Envelope {
        to: to.clone(),
        letter: letter.clone(),
    };
    let data = serde_json::to_value(envelope).unwrap_or_default();
    storage::notify::delivery(id, "mail", &to.email, dedupe_key, serial_key, data, at)
}

/// Writes a delivery and the job that carries it out, in the transaction that caused it. A second
/// delivery of the same dedupe key is dropped.
pub async fn enqueue(app: &App, tx: &Tx, delivery: &Delivery) -> Result<bool, DbError> {
    if !storage::notify::insert(tx, delivery).await? {
        return Ok(false);
    }
    let payload = serde_json::json!({"delivery": delivery.id});
    let job = storage::queue::NewJob {
        unique_key: Some(format!("deliver:{}", delivery.id)),
        serial_key: Some(delivery.serial_key.clone()),
        priority: 5,
        ..crate::jobs::job(app.ids.as_ref(), "deliver", payload, tx.now())
    };
    storage::queue::enqueue(tx, &job).await
}

#[cfg(test)]
mod tests;
