//! Another due date over HTTP: whoever runs the loop sets one, or leaves it as it is.

use super::due::{Proposed, proposed, set_due};
use super::http::{TaskView, held, require, tagged, view};
use super::offer::Actions;
use crate::app::Shared;
use crate::http::{Body, Caller, Code, IfMatch, Once, Problem, Result, Segment};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use domain::tasks::Task;
use serde::{Deserialize, Serialize};
use storage::Tx;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(change_due))
        .routes(routes!(refuse_due))
}

/// Another due date.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DueChange {
    /// Ahead, at most two years: what the owner asked for, or another.
    due_at: DateTime<Utc>,
    /// Said to the owner.
    #[serde(default)]
    comment: String,
}

/// Why the date stays.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DueRefusal {
    /// Said to the owner.
    reason: String,
}

/// What is decided about a date.
enum Decision {
    Set(DateTime<Utc>),
    Keep,
}

fn words(field: &'static str, text: &str, required: bool) -> Result<String> {
    let text = text.trim();
    if required && text.is_empty() {
        return Err(Problem::field(field, "required", "must not be empty"));
    }
    if text.chars().count() > 20_000 {
        return Err(Problem::field(
            field,
            "too_long",
            "at most 20000 characters",
        ));
    }
    Ok(super::service::masked(text))
}

async fn decide(
    app: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    expected: Option<i64>,
    id: &str,
    (decision, said, body): (Decision, String, String),
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    let known = require(app, caller, id).await?;
    let once = Once::of(app, caller, headers, &format!("task.due:{id}"), &body)?;
    if let Some(once) = &once
        && once.replay(app).await?.is_some()
    {
        return Ok(tagged(view(app, caller, known).await?, StatusCode::OK));
    }
    let tx = app.begin().await?;
    let task = held(&tx, known.id, expected).await?;
    let history = storage::events::of(&tx, "task", id).await?;
    let open = proposed(&history);
    let (next, what) = match decision {
        Decision::Set(at) => {
            let what = if open.is_some() {
                "due_agreed"
            } else {
                "due_changed"
            };
            (
                set_due(app, &tx, task, at, &caller.actor, &said).await?,
                what,
            )
        }
        Decision::Keep => {
            let Some(open) = open.filter(|_| task.state.is_under_way()) else {
                return Err(Problem::new(
                    Code::WrongState,
                    "nobody has asked for another date",
                ));
            };
            (
                kept(app, &tx, task, &open, caller, &said).await?,
                "due_refused",
            )
        }
    };
    // Once for each decision: agreeing makes a new version, keeping a line of history.
    let key = format!("task:{}:{what}:{}:{}", next.id, next.version, history.len());
    let from = (caller.actor.name.as_str(), said.as_str());
    Actions::note(app, &tx, &next, &next.owner, what, from, key).await?;
    if let Some(once) = &once {
        once.keep(&tx, StatusCode::OK, &serde_json::json!({"id": id}))
            .await?;
    }
    tx.commit().await?;
    app.wake_workers();
    Ok(tagged(view(app, caller, next).await?, StatusCode::OK))
}

async fn kept(
    app: &Shared,
    tx: &Tx,
    task: Task,
    open: &Proposed,
    caller: &Caller,
    said: &str,
) -> Result<Task> {
    let data = serde_json::json!({"due_at": open.due_at, "comment": said});
    let id = task.id.to_string();
    let (event, kind) = (app.ids.next(), "task.due_refused");
    storage::events::record(tx, event, "task", &id, kind, &caller.actor, &data).await?;
    Ok(task)
}

/// Moves the due date of a task that is under way, at its owner's wish or without it; the owner is told. No
/// calendar moves it any more.
#[utoipa::path(post, path = "/tasks/{id}/due", request_body = DueChange, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["run_loop"])))]
async fn change_due(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<DueChange>,
) -> Result<Response> {
    let text = serde_json::to_string(&body).unwrap_or_default();
    let said = words("comment", &body.comment, false)?;
    let decision = (Decision::Set(body.due_at), said, text);
    decide(&app, &caller, &headers, expected, &id, decision).await
}

/// Leaves the due date as it is, although the owner asked for another; the owner is told why.
#[utoipa::path(post, path = "/tasks/{id}/due/refuse", request_body = DueRefusal, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["run_loop"])))]
async fn refuse_due(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<DueRefusal>,
) -> Result<Response> {
    let text = serde_json::to_string(&body).unwrap_or_default();
    let said = words("reason", &body.reason, true)?;
    decide(
        &app,
        &caller,
        &headers,
        expected,
        &id,
        (Decision::Keep, said, text),
    )
    .await
}
