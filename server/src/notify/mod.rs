//! Carries effects out: mails and publications. Nobody calls it; it reads the outbox.

pub mod http;
pub mod jobs;

use crate::app::App;
use crate::http::{Code, Problem};
use crate::mail::{Envelope, Rendered, render};
use storage::notify::Delivery;

/// The mail of a delivery, made anew: the same every time.
pub fn rendered(app: &App, delivery: &Delivery) -> Result<Rendered, Problem> {
    let envelope: Envelope = serde_json::from_value(delivery.data.clone()).map_err(|error| {
        tracing::error!(delivery.id = delivery.id, error = %error, "a delivery cannot be read");
        Problem::from(Code::Internal)
    })?;
    render(&envelope.letter, &envelope.to, &app.config.public_url).map_err(|error| {
        tracing::error!(delivery.id = delivery.id, error = %error, "a mail cannot be made");
        Problem::from(Code::Internal)
    })
}
