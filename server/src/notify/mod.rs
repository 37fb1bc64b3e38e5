//! Carries effects out: mails and publications; and reads what comes back. Nobody calls it: it reads the
//! outbox and the mailbox.

mod answer;
mod bounces;
mod held;
pub mod http;
pub mod inbox;
pub mod jobs;
pub mod people_http;

pub use bounces::enable;

use crate::app::App;
use crate::http::{Code, Problem};
use crate::mail::{Envelope, Rendered};
use storage::notify::Delivery;

/// The same for everybody else: with neither the reader's link nor their secret line.
pub fn rendered_without_secrets(app: &App, delivery: &Delivery) -> Result<Rendered, Problem> {
    let mut bare = delivery.clone();
    if let Some(envelope) = bare.data.as_object_mut() {
        envelope.remove("marks");
        if let Some(link) = envelope.get_mut("letter").and_then(|l| l.get_mut("link"))
            && link.as_str().is_some_and(|l| l.starts_with("/a/"))
        {
            *link = "/a/…".into();
        }
    }
    rendered(app, &bare)
}

/// Asks the mail server again at once for everything that waits for it. Answers how many mails.
pub async fn hurry(app: &App) -> Result<u64, storage::DbError> {
    app.mail_rest.clear();
    let tx = app.begin().await?;
    let n = storage::notify::hurry(&tx).await?;
    tx.commit().await?;
    Ok(n)
}

/// The mail of a delivery, made anew: the same every time.
pub fn rendered(app: &App, delivery: &Delivery) -> Result<Rendered, Problem> {
    let envelope: Envelope = serde_json::from_value(delivery.data.clone()).map_err(|error| {
        tracing::error!(delivery.id = delivery.id, error = %error, "a delivery cannot be read");
        Problem::from(Code::Internal)
    })?;
    envelope.render(app).map_err(|error| {
        tracing::error!(delivery.id = delivery.id, error = %error, "a mail cannot be made");
        Problem::from(Code::Internal)
    })
}
