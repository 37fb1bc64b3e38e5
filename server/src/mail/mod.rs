//! Mails: what they say ([`Letter`]), how they look, and how they leave.

mod compose;
mod escalated;
pub mod imap;
mod letter;
mod marks;
mod message;
pub mod parse;
mod reply;
pub mod samples;
mod transport;

pub use compose::{Rendered, Shown, render};
pub use letter::{DigestItem, Letter, Problem, Quote, Recipient, Thread};
pub use marks::{Marks, Role, mark_of_tag, mark_of_token, shown};
pub use message::{Outgoing, build, clean_name};
pub use transport::{Refused, Rest, SendError, Transport};

use crate::app::App;
use domain::clock::Timestamp;
use domain::mail::schedule::Preference;
use serde::{Deserialize, Serialize};
use storage::notify::Delivery;
use storage::{DbError, Read, Tx};
use uuid::Uuid;

/// What a mail's delivery row holds: enough to make the same mail again at any time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who gets it.
    pub to: Recipient,
    /// What it says.
    pub letter: Letter,
    /// How answers find its task; older rows have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marks: Option<Marks>,
}

impl Envelope {
    /// The mail, made anew: the same every time.
    pub fn render(&self, app: &App) -> Result<Rendered, String> {
        let shown = self.marks.as_ref().map(|m| shown(app, m, &self.to.email));
        render(
            &self.letter,
            &self.to,
            &app.config.public_url,
            shown.as_ref(),
        )
        .map_err(|e| e.to_string())
    }
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
        marks: None,
    };
    let data = serde_json::to_value(envelope).unwrap_or_default();
    storage::notify::delivery(id, "mail", &to.email, dedupe_key, serial_key, data, at)
}

/// What a person wants of mails.
pub async fn preference(db: &impl Read, email: &str) -> Result<Preference, DbError> {
    Ok(storage::notify::person(db, email)
        .await?
        .and_then(|(data, _)| serde_json::from_value(data).ok())
        .unwrap_or_default())
}

/// A mail in the language and on the clock that its reader asked for. `None`: it is that already.
async fn as_wished(tx: &Tx, delivery: &Delivery) -> Result<Option<Delivery>, DbError> {
    let wish = preference(tx, &delivery.target).await?;
    if wish.language.is_none() && wish.zone.is_none() {
        return Ok(None);
    }
    let Ok(mut envelope) = serde_json::from_value::<Envelope>(delivery.data.clone()) else {
        return Ok(None);
    };
    // A trial is in the language that its sender wants to see.
    if matches!(envelope.letter, Letter::Trial { .. }) {
        return Ok(None);
    }
    wish.apply(&mut envelope.to.language, &mut envelope.to.time_zone);
    let mut wished = delivery.clone();
    wished.data = serde_json::to_value(envelope).unwrap_or_default();
    Ok(Some(wished))
}

/// Writes a delivery and the job that carries it out, in the transaction that caused it. A second
/// delivery of the same dedupe key is dropped.
pub async fn enqueue(app: &App, tx: &Tx, delivery: &Delivery) -> Result<bool, DbError> {
    let wished = as_wished(tx, delivery).await?;
    let delivery = wished.as_ref().unwrap_or(delivery);
    let marked = marks::put(app, tx, delivery).await?;
    let delivery = marked.as_ref().unwrap_or(delivery);
    if !storage::notify::insert(tx, delivery).await? {
        return Ok(false);
    }
    carry_out(app, tx, delivery).await
}

/// Writes the job that carries a delivery out; one that waits already is enough.
pub async fn carry_out(app: &App, tx: &Tx, delivery: &Delivery) -> Result<bool, DbError> {
    job_for(app, tx, delivery, false).await
}

/// The same, whatever its reader wishes: they waited already.
pub async fn carry_out_now(app: &App, tx: &Tx, delivery: &Delivery) -> Result<bool, DbError> {
    job_for(app, tx, delivery, true).await
}

async fn job_for(app: &App, tx: &Tx, delivery: &Delivery, now: bool) -> Result<bool, DbError> {
    let payload = serde_json::json!({"delivery": delivery.id, "now": now});
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
