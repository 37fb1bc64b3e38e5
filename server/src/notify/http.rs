//! Outbox and mailbox over HTTP.

use super::inbox;
use crate::app::Shared;
use crate::http::{Body, Caller, Code, List, Params, Problem, Result, Segment, extract};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use storage::addresses::Address;
use storage::incoming::Inbound;
use storage::notify::{Delivery, Mail};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(outbox))
        .routes(routes!(retry))
        .routes(routes!(retry_all))
        .routes(routes!(outbox_trouble))
        .routes(routes!(mailbox))
        .routes(routes!(list_inbox))
        .routes(routes!(read_mail))
        .routes(routes!(shown_mail))
        .routes(routes!(attach_mail))
        .routes(routes!(addresses))
        .routes(routes!(enable_address))
}

/// An effect, and what became of it.
#[derive(Serialize, ToSchema)]
struct OutboxItem {
    id: String,
    /// `mail`, `publication` or `chat`.
    kind: String,
    target: String,
    subject: String,
    /// `queued`, `sending`, `sent`, `retry`, `held`, `merged` (a digest carried it), `dead` or `withdrawn` (its
    /// alarm no longer held).
    state: String,
    attempts: i64,
    last_error: Option<String>,
    /// Why it is held: `address_disabled`, `hourly_budget`, `quiet_hours` or `digest`; why it waits to be tried again:
    /// `mail_login` (the server refuses our log-in), `mail_sender` (it refuses our address) or `mail_server` (it
    /// cannot be reached).
    hold: Option<String>,
    /// Until when it is held; null while it is held: until somebody acts.
    held_until: Option<DateTime<Utc>>,
    /// The digest that carried it.
    merged_into: Option<String>,
    task_id: Option<String>,
    issue_id: Option<String>,
    created_at: DateTime<Utc>,
    sent_at: Option<DateTime<Utc>>,
    /// Whether it went to another machine.
    left_machine: bool,
    /// `hard` or `soft`: the server took it, and a report says that it did not arrive.
    bounced: Option<String>,
    /// In the words of the report.
    bounce_reason: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OutboxQuery {
    /// `queued`, `sending`, `sent`, `retry`, `held`, `merged`, `dead` or `withdrawn`.
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
        hold: d.hold,
        held_until: d.held_until,
        merged_into: d.merged_into,
        task_id: d.task_id,
        issue_id: d.issue_id,
        created_at: d.created_at,
        sent_at: d.sent_at,
        left_machine: d.left_machine,
        bounced: None,
        bounce_reason: None,
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
            "queued" | "sending" | "sent" | "retry" | "held" | "merged" | "dead" | "withdrawn"
        )
    {
        return Err(Problem::query(
            "state",
            "unknown",
            "queued, sending, sent, retry, held, merged, dead or withdrawn",
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
    let ids: Vec<String> = page.items.iter().map(|d| d.id.clone()).collect();
    let mut bounces = storage::addresses::came_back(&app.db, &ids).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for delivery in page.items {
        let (bounced, bounce_reason) = bounces.remove(&delivery.id).unzip();
        items.push(OutboxItem {
            bounced,
            bounce_reason,
            ..item(&app, delivery)?
        });
    }
    Ok(Json(List {
        items,
        next_cursor: page.next,
    }))
}

/// Sends a dead or held delivery again: under its own number, so that a mail that did arrive is known by its
/// Message-ID.
#[utoipa::path(post, path = "/outbox/{id}/retry", tag = "mail", params(("id" = String, Path)),
    responses((status = 200, body = OutboxItem)), security(("bearer" = ["run_loop"])))]
async fn retry(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<OutboxItem>> {
    caller.may(Operation::RunLoop)?;
    let tx = app.begin().await?;
    let Some(delivery) = storage::notify::get(&tx, &id).await? else {
        return Err(Problem::not_found("delivery"));
    };
    if !matches!(delivery.state.as_str(), "dead" | "held") {
        return Err(Problem::new(
            Code::WrongState,
            "only a dead or held delivery can be sent again",
        ));
    }
    storage::notify::queue_again(&tx, &id).await?;
    storage::queue::cancel(&tx, &format!("deliver:{id}")).await?;
    crate::mail::carry_out_now(&app, &tx, &delivery).await?;
    let again = storage::notify::get(&tx, &id)
        .await?
        .ok_or_else(|| Problem::not_found("delivery"))?;
    tx.commit().await?;
    app.wake_workers();
    Ok(Json(item(&app, again)?))
}

/// How many go out again.
#[derive(Serialize, ToSchema)]
struct OutboxRetried {
    queued: u64,
}

/// Sends every dead delivery again, and at once what waits for the mail server: after somebody saw to it.
#[utoipa::path(post, path = "/outbox/retry", operation_id = "retry_outbox", tag = "mail",
    responses((status = 200, body = OutboxRetried)), security(("bearer" = ["run_loop"])))]
async fn retry_all(State(app): State<Shared>, caller: Caller) -> Result<Json<OutboxRetried>> {
    caller.may(Operation::RunLoop)?;
    let mut queued = crate::notify::hurry(&app).await?;
    // What dies once more behind us is not taken a second time.
    let mut last = String::new();
    loop {
        // Oldest first among so many, one transaction each: a long one would keep everybody from writing.
        let tx = app.begin().await?;
        let dead = storage::notify::oldest_dead(&tx, &last, 200).await?;
        for delivery in &dead {
            storage::notify::queue_again(&tx, &delivery.id).await?;
            crate::mail::carry_out_now(&app, &tx, delivery).await?;
            queued += 1;
        }
        tx.commit().await?;
        match dead.into_iter().nth(199) {
            Some(delivery) => last = delivery.id,
            None => break,
        }
    }
    app.wake_workers();
    Ok(Json(OutboxRetried { queued }))
}

/// What does not go out.
#[derive(Serialize, ToSchema)]
struct OutboxTrouble {
    /// Given up.
    dead: i64,
    /// Waiting for the mail server.
    waiting: i64,
    /// What they wait for: `mail_login`, `mail_sender` or `mail_server`.
    why: Option<String>,
    /// In the words of the server.
    error: Option<String>,
}

/// What does not go out: mails that were given up, and whether the mail server refuses us.
#[utoipa::path(get, path = "/outbox/trouble", tag = "mail",
    responses((status = 200, body = OutboxTrouble)), security(("bearer" = ["read_outbox"])))]
async fn outbox_trouble(State(app): State<Shared>, caller: Caller) -> Result<Json<OutboxTrouble>> {
    caller.may(Operation::ReadOutbox)?;
    let mut trouble = OutboxTrouble {
        dead: 0,
        waiting: 0,
        why: None,
        error: None,
    };
    // By name: what an operator must see to (log-in, sender) stands before what may pass by itself.
    for stuck in storage::notify::stuck(&app.db).await? {
        if stuck.state == "dead" {
            trouble.dead += stuck.n;
            continue;
        }
        trouble.waiting += stuck.n;
        if trouble.why.is_none() {
            (trouble.why, trouble.error) = (stuck.hold, stuck.last_error);
        }
    }
    Ok(Json(trouble))
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

/// A mail that came back, and what became of it.
#[derive(Serialize, ToSchema)]
struct InboxItem {
    id: String,
    from: String,
    subject: String,
    /// `acted`, `commented`, `answered` (it could not act and was answered), `refused`, `ignored` (nobody wrote
    /// it), `bounce`, `unmatched`, `failed` or `attached` (somebody put it to a task).
    outcome: String,
    /// How it was matched, what it asked for, why nothing happened.
    #[schema(value_type = Object)]
    details: serde_json::Value,
    task_id: Option<String>,
    /// Bytes on the mail server.
    size: i64,
    read_at: DateTime<Utc>,
}

impl From<Inbound> for InboxItem {
    fn from(m: Inbound) -> Self {
        Self {
            id: m.id,
            from: m.sender,
            subject: m.subject,
            outcome: m.outcome,
            details: m.data,
            task_id: m.task_id,
            size: m.size,
            read_at: m.read_at,
        }
    }
}

/// Mails that came back, and how their mailbox is.
#[derive(Serialize, ToSchema)]
struct Inbox {
    /// The mailbox, without its password; null: none is read (`BIHUAN_MAIL_IN`).
    mailbox: Option<String>,
    /// When it was last looked at.
    looked_at: Option<DateTime<Utc>>,
    /// What stood in the way then.
    error: Option<String>,
    items: Vec<InboxItem>,
    next_cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InboxQuery {
    /// `acted`, `commented`, `answered`, `refused`, `ignored`, `bounce`, `unmatched`, `failed` or `attached`.
    outcome: Option<String>,
    /// Task.
    task: Option<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

const OUTCOMES: [&str; 9] = [
    "acted",
    "commented",
    "answered",
    "refused",
    "ignored",
    "bounce",
    "unmatched",
    "failed",
    "attached",
];

/// What came back by mail, newest first: nothing is dropped without a line here.
#[utoipa::path(get, path = "/inbox", operation_id = "inbox", tag = "mail", params(InboxQuery),
    responses((status = 200, body = Inbox)), security(("bearer" = ["read_outbox"])))]
async fn list_inbox(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<InboxQuery>,
) -> Result<Json<Inbox>> {
    caller.may(Operation::ReadOutbox)?;
    if let Some(outcome) = query.outcome.as_deref()
        && !OUTCOMES.contains(&outcome)
    {
        return Err(Problem::query("outcome", "unknown", OUTCOMES.join(", ")));
    }
    let page = storage::incoming::list(
        &app.db,
        query.outcome.as_deref(),
        query.task.as_deref(),
        extract::cursor(query.cursor)?.as_deref(),
        extract::limit(query.limit)?,
    )
    .await?;
    let mailbox = app.mail_in.as_ref().map(crate::mail::imap::Account::name);
    let looked = match &mailbox {
        Some(name) => storage::incoming::last_look(&app.db, name).await?,
        None => None,
    };
    let (looked_at, error) = looked.map_or((None, None), |(at, error)| (Some(at), error));
    Ok(Json(Inbox {
        mailbox,
        looked_at,
        error,
        items: page.items.into_iter().map(InboxItem::from).collect(),
        next_cursor: page.next,
    }))
}

/// A mail that came back, as far as people need it to decide where it belongs.
#[derive(Serialize, ToSchema)]
struct InboxMail {
    #[serde(flatten)]
    item: InboxItem,
    /// Its writer's own words, masked like voices; null: its bytes are no longer kept.
    words: Option<String>,
    /// Names of its files.
    files: Vec<String>,
}

/// One mail that came back, with its words.
#[utoipa::path(get, path = "/inbox/{id}", tag = "mail", params(("id" = String, Path)),
    responses((status = 200, body = InboxMail)), security(("bearer" = ["run_loop"])))]
async fn shown_mail(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<InboxMail>> {
    caller.may(Operation::RunLoop)?;
    let Some(mail) = storage::incoming::get(&app.db, &id).await? else {
        return Err(Problem::not_found("mail"));
    };
    let said = inbox::words_of(&app.db, &id).await?;
    let (words, files) = match said {
        Some((words, parsed)) => (
            Some(words),
            parsed.files.into_iter().map(|f| f.name).collect(),
        ),
        None => (None, Vec::new()),
    };
    Ok(Json(InboxMail {
        item: InboxItem::from(mail),
        words,
        files,
    }))
}

/// Where a mail belongs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailAttach)]
struct Attach {
    task_id: String,
}

/// Puts a mail that led nowhere to a task: its words stand in the history, its files are kept. It commands nothing.
#[utoipa::path(post, path = "/inbox/{id}/attach", tag = "mail", params(("id" = String, Path)),
    request_body = Attach, responses((status = 200, body = InboxItem)), security(("bearer" = ["run_loop"])))]
async fn attach_mail(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
    Body(wish): Body<Attach>,
) -> Result<Json<InboxItem>> {
    caller.may(Operation::RunLoop)?;
    let task = wish.task_id.trim().parse();
    let task = task.map_err(|_| Problem::field("task_id", "invalid", "not the id of a task"))?;
    let tx = app.begin().await?;
    let Some(mail) = storage::incoming::get(&tx, &id).await? else {
        return Err(Problem::not_found("mail"));
    };
    if !matches!(
        mail.outcome.as_str(),
        "unmatched" | "refused" | "ignored" | "failed"
    ) {
        return Err(Problem::new(
            Code::WrongState,
            "this mail has found its way already",
        ));
    }
    let Some(task) = storage::tasks::get(&tx, task).await? else {
        return Err(Problem::field(
            "task_id",
            "unknown",
            "there is no such task",
        ));
    };
    if inbox::attach(&app, &tx, &mail, &task, &caller.actor)
        .await?
        .is_none()
    {
        return Err(Problem::new(
            Code::WrongState,
            "the bytes of this mail are no longer kept, or they are no mail",
        ));
    }
    let now = storage::incoming::get(&tx, &id).await?;
    tx.commit().await?;
    let now = now.ok_or_else(|| Problem::not_found("mail"))?;
    Ok(Json(InboxItem::from(now)))
}

/// The bytes of a mail that came back, as long as they are kept (90 days).
#[utoipa::path(get, path = "/inbox/{id}/raw", tag = "mail", params(("id" = String, Path)),
    responses((status = 200, content_type = "message/rfc822", body = Vec<u8>)),
    security(("bearer" = ["manage_access"])))]
async fn read_mail(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response> {
    caller.may(Operation::ManageAccess)?;
    let Some(raw) = storage::incoming::raw(&app.db, &id).await? else {
        return Err(Problem::not_found("mail"));
    };
    // A mail of anybody: never shown as a page.
    let headers = [
        (header::CONTENT_TYPE, "message/rfc822"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"mail.eml\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, raw).into_response())
}

/// An address that mails came back from.
#[derive(Serialize, ToSchema)]
struct MailAddress {
    email: String,
    hard_bounces: i64,
    last_reason: String,
    last_bounce_at: DateTime<Utc>,
    /// Since when nothing is sent there.
    disabled_at: Option<DateTime<Utc>>,
}

impl From<Address> for MailAddress {
    fn from(a: Address) -> Self {
        Self {
            email: a.email,
            hard_bounces: a.hard_bounces,
            last_reason: a.last_reason,
            last_bounce_at: a.last_bounce_at,
            disabled_at: a.disabled_at,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AddressQuery {
    /// Only those that nothing is sent to.
    disabled: Option<bool>,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// Addresses that mails came back from.
#[utoipa::path(get, path = "/addresses", tag = "mail", params(AddressQuery),
    responses((status = 200, body = List<MailAddress>)), security(("bearer" = ["read_outbox"])))]
async fn addresses(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<AddressQuery>,
) -> Result<Json<List<MailAddress>>> {
    caller.may(Operation::ReadOutbox)?;
    let page = storage::addresses::list(
        &app.db,
        query.disabled.unwrap_or(false),
        extract::cursor(query.cursor)?.as_deref(),
        extract::limit(query.limit)?,
    )
    .await?;
    Ok(List::page(page, MailAddress::from))
}

/// How many held mails go out now.
#[derive(Serialize, ToSchema)]
struct Released {
    released: usize,
}

/// Opens an address again after somebody saw to it; what was held for it goes out in its order.
#[utoipa::path(post, path = "/addresses/{email}/enable", tag = "mail", params(("email" = String, Path)),
    responses((status = 200, body = Released)), security(("bearer" = ["manage_access"])))]
async fn enable_address(
    State(app): State<Shared>,
    caller: Caller,
    Segment(email): Segment<String>,
) -> Result<Json<Released>> {
    caller.may(Operation::ManageAccess)?;
    let email = email.trim().to_lowercase();
    let tx = app.begin().await?;
    let Some(released) = crate::notify::enable(&app, &tx, &email).await? else {
        return Err(Problem::not_found("address"));
    };
    let data = serde_json::json!({"released": released});
    storage::events::record(
        &tx,
        app.ids.next(),
        "address",
        &app.hash(email.as_bytes()),
        "address.enabled",
        &caller.actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(Json(Released { released }))
}
