//! Requests that may come twice and must act once: `Idempotency-Key`.

use super::{Caller, Code, Problem, Result};
use crate::app::Shared;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The key of a POST that must not act twice.
pub struct Once {
    key: String,
    hash: String,
}

impl Once {
    /// Of a request, if it has a key: `what` names the call, `body` is what was sent.
    pub fn of(
        app: &Shared,
        caller: &Caller,
        headers: &HeaderMap,
        what: &str,
        body: &str,
    ) -> Result<Option<Self>> {
        let Some(value) = headers.get("idempotency-key") else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or_default();
        if text.is_empty() || text.len() > 255 {
            return Err(Problem::field(
                "Idempotency-Key",
                "out_of_range",
                "1 to 255 characters",
            ));
        }
        let who = format!(
            "{}:{}",
            caller.actor.name,
            caller.actor.email.as_deref().unwrap_or_default()
        );
        Ok(Some(Self {
            key: app.hash(format!("{who}\u{1f}{text}").as_bytes()),
            hash: app.hash(format!("{what}\u{1f}{body}").as_bytes()),
        }))
    }

    /// The answer that was given before, if there was one.
    pub async fn replay(&self, app: &Shared) -> Result<Option<Response>> {
        let Some((hash, status, body)) = storage::access::idempotent(&app.db, &self.key).await?
        else {
            return Ok(None);
        };
        if hash != self.hash {
            return Err(Code::KeyReused.into());
        }
        let status = u16::try_from(status)
            .ok()
            .and_then(|s| StatusCode::from_u16(s).ok());
        let mut response = (status.unwrap_or(StatusCode::OK), body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
        headers.insert(
            "idempotent-replayed",
            header::HeaderValue::from_static("true"),
        );
        Ok(Some(response))
    }

    /// Keeps the answer, in the transaction that acts.
    pub async fn keep(
        &self,
        tx: &storage::Tx,
        status: StatusCode,
        body: &serde_json::Value,
    ) -> Result<()> {
        let status = i64::from(status.as_u16());
        storage::access::keep_answer(tx, &self.key, &self.hash, status, &body.to_string()).await?;
        Ok(())
    }
}
