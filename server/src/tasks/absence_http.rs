//! Absences over HTTP.

use super::absence::{schedule, timer};
use super::people::{MOST_ABSENCES, People};
use crate::app::Shared;
use crate::http::{Body, Caller, IfMatch, List, Problem, Result, Segment};
use crate::organisation::http::{same_key, tagged};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use domain::identity::Operation;
use domain::tasks::absence::{Absence, Refused, check};
use storage::organisation as store;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_absences))
        .routes(routes!(read_absence, write_absence, delete_absence))
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::Field { field, detail } => Self::field(field, "invalid", detail),
            Refused::Overlap { .. } => Self::field("from", "overlap", detail),
            Refused::Cycle { .. } => Self::field("substitute", "cycle", detail),
            Refused::TooLong { .. } => Self::field("substitute", "too_long", detail),
        }
    }
}

/// Absences that are not over, by their end.
#[utoipa::path(get, path = "/absences", tag = "tasks", responses((status = 200, body = List<Absence>)),
    security(("bearer" = ["run_loop"])))]
async fn list_absences(State(app): State<Shared>, caller: Caller) -> Result<Json<List<Absence>>> {
    caller.may(Operation::RunLoop)?;
    let all = storage::escalation::absences(&app.db, app.now(), MOST_ABSENCES).await?;
    Ok(List::whole(all))
}

/// One absence.
#[utoipa::path(get, path = "/absences/{key}", tag = "tasks", params(("key" = String, Path)),
    responses((status = 200, body = Absence)), security(("bearer" = ["run_loop"])))]
async fn read_absence(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<(HeaderMap, Json<Absence>)> {
    caller.may(Operation::RunLoop)?;
    let found: Absence = crate::organisation::http::require(&app, &key, "absence").await?;
    let version = found.version;
    Ok(tagged(found, version))
}

/// Creates or replaces an absence. New tasks for the person go to the substitute from its first day on, and
/// so do unanswered ones on that day. Its zone is the person's.
#[utoipa::path(put, path = "/absences/{key}", request_body = Absence, tag = "tasks",
    params(("key" = String, Path)), responses((status = 200, body = Absence)),
    security(("bearer" = ["run_loop"])))]
async fn write_absence(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(mut new): Body<Absence>,
) -> Result<(HeaderMap, Json<Absence>)> {
    caller.may(Operation::RunLoop)?;
    same_key(&key, &mut new.key)?;
    new.email = new.email.trim().to_lowercase();
    new.substitute = new
        .substitute
        .map(|s| s.trim().to_lowercase())
        .filter(|s| !s.is_empty());
    new.reason = new.reason.trim().to_owned();
    let tx = app.begin().await?;
    let people = People::read(&app, &tx).await?;
    new.zone = people.person(&new.email).time_zone;
    let others = storage::escalation::absences(&tx, tx.now(), MOST_ABSENCES).await?;
    check(&new, &others)?;
    if new.end() <= tx.now() {
        return Err(Problem::field("to", "in_the_past", "this is over already"));
    }
    if others.len() as u64 >= MOST_ABSENCES {
        return Err(Problem::field("key", "too_many", "at most 10000 absences"));
    }
    let saved = store::put(&tx, &new, expected).await?;
    schedule(&app, &tx, &saved).await?;
    // Why somebody is away is nobody's business in a history.
    let data = serde_json::json!({
        "version": saved.version, "from": saved.from, "to": saved.to, "substitute": saved.substitute,
    });
    let id = app.ids.next();
    let (subject, kind) = ("absence", "absence.changed");
    storage::events::record(&tx, id, subject, &saved.key, kind, &caller.actor, &data).await?;
    tx.commit().await?;
    app.wake_workers();
    let version = saved.version;
    Ok(tagged(saved, version))
}

/// Removes an absence. What was handed over stays where it is.
#[utoipa::path(delete, path = "/absences/{key}", tag = "tasks", params(("key" = String, Path)),
    responses((status = 204)), security(("bearer" = ["run_loop"])))]
async fn delete_absence(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<StatusCode> {
    caller.may(Operation::RunLoop)?;
    let tx = app.begin().await?;
    let found: Option<Absence> = store::get(&tx, &key).await?;
    let Some(found) = found else {
        return Err(Problem::not_found("absence"));
    };
    store::delete::<Absence>(&tx, &key).await?;
    storage::queue::cancel(&tx, &timer(&key, found.version)).await?;
    let data = serde_json::json!({"from": found.from, "to": found.to});
    let id = app.ids.next();
    let (subject, kind) = ("absence", "absence.removed");
    storage::events::record(&tx, id, subject, &key, kind, &caller.actor, &data).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
