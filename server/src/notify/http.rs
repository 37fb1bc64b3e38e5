//! Outbox and mailbox over HTTP.

use crate::app::Shared;
use crate::http::{Caller, List, Params, Problem, Result, extract};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use storage::notify::{Delivery, Mail};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(outbox))
        .routes(routes!(mailbox))
}

/// An effect, and what became of it.
#[derive(Serialize, ToSchema)]
struct OutboxItem {
    id: String,
    /// `mail`, `publication` or `chat`.
    kind: String,
    target: String,
    subject: String,
    /// `queued`, `sending`, `sent`, `retry`, `dead` or `withdrawn` (its alarm no longer held).
    state: String,
    attempts: i64,
    last_error: Option<String>,
    task_id: Option<String>,
    issue_id: Option<String>,
    created_at: DateTime<Utc>,
    sent_at: Option<DateTime<Utc>>,
    /// Whether it went to another machine.
    left_machine: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OutboxQuery {
    /// `queued`, `sending`, `sent`, `retry`, `dead` or `withdrawn` (its alarm no longer held).
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

fn item(app: &Shared, d: Delivery) -> Result<OutboxItem> {
    let subject = if d.kind == "mail" {
        crate::notify::rendered(app, &d)?.subject
    } else {
        d.data["title"].as_str().unwrap_or(&d.target).to_owned()
    };
    Ok(OutboxItem {
        id: d.id,
        kind: d.kind,
        target: d.target,
        subject,
        state: d.state,
        attempts: d.attempts,
        last_error: d.last_error,
        task_id: d.task_id,
        issue_id: d.issue_id,
        created_at: d.created_at,
        sent_at: d.sent_at,
        left_machine: d.left_machine,
    })
}

/// What was or will be sent, newest first.
#[utoipa::path(get, path = "/outbox", tag = "mail", params(OutboxQuery),
    responses((status = 200, body = List<OutboxItem>)), security(("bearer" = ["read_outbox"])))]
async fn outbox(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<OutboxQuery>,
) -> Result<Json<List<OutboxItem>>> {
    caller.may(Operation::ReadOutbox)?;
    if let Some(state) = query.state.as_deref()
        && !matches!(
            state,
            "queued" | "sending" | "sent" | "retry" | "dead" | "withdrawn"
        )
    {
        return Err(Problem::query(
            "state",
            "unknown",
            "queued, sending, sent, retry or dead",
        ));
    }
    let limit = extract::limit(query.limit)?;
    let page = storage::notify::list(
        &app.db,
        query.state.as_deref(),
        extract::cursor(query.cursor)?.as_deref(),
        limit,
    )
    .await?;
    let items = page
        .items
        .into_iter()
        .map(|d| item(&app, d))
        .collect::<Result<_>>()?;
    Ok(Json(List {
        items,
        next_cursor: page.next,
    }))
}

/// A mail that was kept here instead of sent.
#[derive(Serialize, ToSchema)]
struct MailboxItem {
    id: String,
    to: String,
    subject: String,
    text: String,
    html: String,
    message_id: String,
    headers: BTreeMap<String, String>,
    created_at: DateTime<Utc>,
    /// Always false: it did not leave this machine.
    sent_outside: bool,
}

impl From<Mail> for MailboxItem {
    fn from(m: Mail) -> Self {
        Self {
            id: m.id,
            to: m.to,
            subject: m.subject,
            text: m.text,
            html: m.html,
            message_id: m.message_id,
            headers: m.headers,
            created_at: m.created_at,
            sent_outside: false,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MailboxQuery {
    /// Recipient.
    to: Option<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// Kept mails, newest first. None of them left this machine.
#[utoipa::path(get, path = "/mailbox", tag = "mail", params(MailboxQuery),
    responses((status = 200, body = List<MailboxItem>)), security(("bearer" = ["read_outbox"])))]
async fn mailbox(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<MailboxQuery>,
) -> Result<Json<List<MailboxItem>>> {
    caller.may(Operation::ReadOutbox)?;
    let limit = extract::limit(query.limit)?;
    let to = query.to.map(|t| t.to_lowercase());
    let page = storage::notify::mailbox(
        &app.db,
        to.as_deref(),
        extract::cursor(query.cursor)?.as_deref(),
        limit,
    )
    .await?;
    Ok(List::page(page, MailboxItem::from))
}
