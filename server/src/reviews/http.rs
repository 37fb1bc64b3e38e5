//! Review tickets over HTTP.

use super::service;
use crate::app::Shared;
use crate::http::{Body, Caller, IfMatch, List, Once, Params, Problem, Result, Segment, extract};
use crate::issues::http::EventView;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::identity::{Operation, Role};
use domain::organisation::{Bilingual, Department};
use domain::reviews::{Command, Outcome, Reason, Ticket};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_tickets))
        .routes(routes!(read_ticket))
        .routes(routes!(analyse))
        .routes(routes!(call_back))
        .routes(routes!(close))
        .routes(routes!(reassign_ticket))
}

/// An attempt to speak to the customer.
#[derive(Serialize, ToSchema)]
struct ReviewCall {
    at: DateTime<Utc>,
    reached: bool,
    text: String,
    by: String,
}

/// A review ticket: one bad mark, one person who finds out why, calls back and says how it ended.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewTicket)]
struct TicketView {
    id: String,
    /// `open`, `analysed`, `called_back` or `closed`.
    state: String,
    feedback_id: String,
    /// What the customer said, masked; null for readers who may not see voices.
    text: Option<String>,
    occurred_at: Option<DateTime<Utc>>,
    reason: Reason,
    topic: String,
    topic_name: Bilingual,
    channel: String,
    /// The issue of the topic that was open when the ticket was.
    issue_id: Option<String>,
    /// Empty: nobody's.
    department: String,
    department_name: String,
    /// The one person who has it; empty: nobody could be found.
    owner: String,
    /// Further voices of the topic and day that were gathered in this ticket.
    gathered: usize,
    cause: Option<String>,
    analysis: String,
    calls: Vec<ReviewCall>,
    outcome: Option<Outcome>,
    outcome_text: String,
    created_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    timeline: Vec<EventView>,
    version: i64,
}

async fn view(app: &Shared, caller: &Caller, ticket: Ticket) -> Result<TicketView> {
    let id = ticket.id.to_string();
    let voice = storage::feedback::get(&app.db, ticket.feedback).await?;
    let department = storage::organisation::get::<Department>(&app.db, &ticket.department).await?;
    let topic = storage::organisation::get(&app.db, &ticket.topic).await?;
    let topics: Vec<domain::organisation::Topic> = topic.into_iter().collect();
    // Who has to call a customer back must know what was said.
    let sees = caller.may(Operation::ReadFeedback).is_ok()
        || caller.may(Operation::RunLoop).is_ok()
        || (caller.role == Role::DepartmentOwner && caller.may(Operation::DoTask).is_ok());
    let timeline = storage::events::of(&app.db, "review", &id).await?;
    Ok(TicketView {
        state: ticket.state.as_str().to_owned(),
        feedback_id: ticket.feedback.to_string(),
        occurred_at: voice.as_ref().and_then(|v| v.feedback.occurred_at),
        text: voice.filter(|_| sees).map(|v| v.feedback.text),
        reason: ticket.reason,
        topic_name: crate::issues::topic_name(&ticket.topic, &topics),
        topic: ticket.topic,
        channel: ticket.channel,
        issue_id: ticket.issue.map(|i| i.to_string()),
        department_name: department
            .map_or_else(|| ticket.department.clone(), |d| d.title().to_owned()),
        department: ticket.department,
        owner: ticket.owner_email,
        gathered: ticket.gathered.len(),
        cause: ticket.cause,
        analysis: ticket.analysis,
        calls: ticket
            .calls
            .into_iter()
            .map(|c| ReviewCall {
                at: c.at,
                reached: c.reached,
                text: c.text,
                by: c.by,
            })
            .collect(),
        outcome: ticket.outcome,
        outcome_text: ticket.outcome_text,
        created_at: ticket.created_at,
        closed_at: ticket.closed_at,
        timeline: timeline.into_iter().map(EventView::from).collect(),
        version: ticket.version,
        id,
    })
}

fn tagged(view: TicketView) -> Response {
    let version = view.version;
    let mut response = Json(view).into_response();
    if let Ok(tag) = format!("\"{version}\"").parse() {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TicketQuery {
    /// One or more of `open,analysed,called_back,closed`.
    state: Option<String>,
    department: Option<String>,
    topic: Option<String>,
    /// Address of the person who has them.
    owner: Option<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// Review tickets, newest first. Department owners see those of their department.
#[utoipa::path(get, path = "/review-tickets", tag = "reviews", params(TicketQuery),
    responses((status = 200, body = List<TicketView>)), security(("bearer" = ["read_tasks"])))]
async fn list_tickets(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<TicketQuery>,
) -> Result<Json<List<TicketView>>> {
    caller.may(Operation::ReadTasks)?;
    let states = extract::words(query.state.as_deref());
    if !states
        .iter()
        .all(|s| domain::reviews::State::parse(s).is_some())
    {
        return Err(Problem::query("state", "unknown", "no such state"));
    }
    let mut department = query.department;
    if caller.role == Role::DepartmentOwner {
        let own = caller.department.clone().unwrap_or_default();
        if own.is_empty() || department.as_ref().is_some_and(|d| *d != own) {
            return Ok(List::whole(Vec::new()));
        }
        department = Some(own);
    }
    let filter = storage::reviews::Filter {
        states,
        department,
        topic: query.topic,
        owner: query.owner.map(|o| o.trim().to_lowercase()),
        after: extract::cursor(query.cursor)?,
    };
    let page = storage::reviews::list(&app.db, &filter, extract::limit(query.limit)?).await?;
    let mut items = Vec::new();
    for ticket in page.items {
        items.push(view(&app, &caller, ticket).await?);
    }
    Ok(Json(List {
        items,
        next_cursor: page.next,
    }))
}

/// The ticket, if this caller may know of it. Others do not exist for them.
async fn require(db: &impl storage::Read, caller: &Caller, id: &str) -> Result<Ticket> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found("ticket"))?;
    storage::reviews::get(db, id)
        .await?
        .filter(|t| caller.sees_department(&t.department))
        .ok_or_else(|| Problem::not_found("ticket"))
}

/// One review ticket.
#[utoipa::path(get, path = "/review-tickets/{id}", tag = "reviews", params(("id" = String, Path)),
    responses((status = 200, body = TicketView)), security(("bearer" = ["read_tasks"])))]
async fn read_ticket(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response> {
    caller.may(Operation::ReadTasks)?;
    let ticket = require(&app.db, &caller, &id).await?;
    Ok(tagged(view(&app, &caller, ticket).await?))
}

/// A POST about one ticket; a request that comes twice acts once.
async fn act<B: Serialize>(
    app: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    expected: Option<i64>,
    id: &str,
    body: &B,
    command: Command,
) -> Result<Response> {
    caller.may(match command {
        Command::Reassign { .. } => Operation::RunLoop,
        _ => Operation::DoTask,
    })?;
    let text = serde_json::to_string(body).unwrap_or_default();
    let what = format!("{}:{id}", command.event());
    let once = Once::of(app, caller, headers, &what, &text)?;
    if let Some(once) = &once
        && let Some(answer) = once.replay(app).await?
    {
        return Ok(answer);
    }
    let tx = app.begin().await?;
    let ticket = require(&tx, caller, id).await?;
    let ticket = service::act(app, &tx, ticket, &command, &caller.actor, expected).await?;
    if let Some(once) = &once {
        let short = serde_json::json!({"id": id, "state": ticket.state, "version": ticket.version});
        once.keep(&tx, StatusCode::OK, &short).await?;
    }
    tx.commit().await?;
    Ok(tagged(view(app, caller, ticket).await?))
}

/// Why the customer was unhappy.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ReviewAnalysis)]
#[serde(deny_unknown_fields)]
struct AnalysisBody {
    /// In a few words, 1 to 200 characters: what is counted.
    cause: String,
    /// In full, at most 4000 characters.
    #[serde(default)]
    text: String,
}

/// Says why the customer was unhappy; may be said anew until the ticket is closed.
#[utoipa::path(post, path = "/review-tickets/{id}/analyse", tag = "reviews", request_body = AnalysisBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TicketView)), security(("bearer" = ["do_task"])))]
async fn analyse(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<AnalysisBody>,
) -> Result<Response> {
    let command = Command::Analyse {
        cause: body.cause.clone(),
        text: body.text.clone(),
    };
    act(&app, &caller, &headers, expected, &id, &body, command).await
}

/// An attempt to speak to the customer.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ReviewCallBack)]
#[serde(deny_unknown_fields)]
struct CallBody {
    reached: bool,
    /// What was said, 1 to 4000 characters.
    text: String,
}

/// Notes an attempt to speak to the customer.
#[utoipa::path(post, path = "/review-tickets/{id}/call_back", tag = "reviews", request_body = CallBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TicketView)), security(("bearer" = ["do_task"])))]
async fn call_back(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<CallBody>,
) -> Result<Response> {
    let command = Command::CallBack {
        reached: body.reached,
        text: body.text.clone(),
    };
    act(&app, &caller, &headers, expected, &id, &body, command).await
}

/// Who has it from now on.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ReviewReassignment)]
#[serde(deny_unknown_fields)]
struct Reassignment {
    department: String,
    /// The department's first owner when missing.
    #[serde(default)]
    owner_email: Option<String>,
    /// Why, 1 to 4000 characters.
    reason: String,
}

/// Gives a ticket to somebody else: links that were sent die, the new person hears with the next list.
#[utoipa::path(post, path = "/review-tickets/{id}/reassign", tag = "reviews", request_body = Reassignment,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TicketView)), security(("bearer" = ["run_loop"])))]
async fn reassign_ticket(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<Reassignment>,
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    let tx = app.begin().await?;
    let asked = body.owner_email.as_deref();
    let (department, owner) = crate::tasks::owner_of(&tx, &body.department, asked).await?;
    tx.rollback().await?;
    let command = Command::Reassign {
        department: department.key,
        owner_email: owner.email,
        reason: body.reason.clone(),
    };
    act(&app, &caller, &headers, expected, &id, &body, command).await
}

/// How it ended.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ReviewClosing)]
#[serde(deny_unknown_fields)]
struct ClosingBody {
    outcome: Outcome,
    /// In words, 1 to 4000 characters.
    text: String,
}

/// Closes a ticket: after the analysis and a call, unless the mark was not about our service.
#[utoipa::path(post, path = "/review-tickets/{id}/close", tag = "reviews", request_body = ClosingBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TicketView)), security(("bearer" = ["do_task"])))]
async fn close(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<ClosingBody>,
) -> Result<Response> {
    let command = Command::Close {
        outcome: body.outcome,
        text: body.text.clone(),
    };
    act(&app, &caller, &headers, expected, &id, &body, command).await
}
