//! Detectors over HTTP, with their back-test.

use super::service;
use crate::app::Shared;
use crate::http::{Body, Caller, Code, IfMatch, List, Problem, Result, Segment};
use crate::organisation::http::{require, same_key, tagged};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::NaiveDate;
use domain::detection::Detector;
use domain::identity::Operation;
use domain::organisation::check_key;
use serde::{Deserialize, Serialize};
use storage::organisation as store;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_detectors))
        .routes(routes!(read_detector, write_detector, delete_detector))
        .routes(routes!(backtest))
}

/// All detectors.
#[utoipa::path(get, path = "/detectors", tag = "detectors", responses((status = 200, body = List<Detector>)),
    security(("bearer" = ["read_loop"])))]
async fn list_detectors(State(app): State<Shared>, caller: Caller) -> Result<Json<List<Detector>>> {
    caller.may(Operation::ReadLoop)?;
    Ok(List::whole(store::all(&app.db).await?))
}

/// One detector.
#[utoipa::path(get, path = "/detectors/{key}", tag = "detectors", params(("key" = String, Path)),
    responses((status = 200, body = Detector)), security(("bearer" = ["read_loop"])))]
async fn read_detector(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<(HeaderMap, Json<Detector>)> {
    caller.may(Operation::ReadLoop)?;
    let found: Detector = require(&app, &key, "detector").await?;
    let version = found.version;
    Ok(tagged(found, version))
}

/// Creates or replaces a detector. It watches what arrives from now on.
#[utoipa::path(put, path = "/detectors/{key}", request_body = Detector, tag = "detectors",
    params(("key" = String, Path)), responses((status = 200, body = Detector)),
    security(("bearer" = ["manage_organisation"])))]
async fn write_detector(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(mut new): Body<Detector>,
) -> Result<(HeaderMap, Json<Detector>)> {
    caller.may(Operation::ManageOrganisation)?;
    same_key(&key, &mut new.key)?;
    check_key(&new.key)?;
    new.check()
        .map_err(|e| Problem::field(&e.field, e.code, &e.detail))?;
    let tx = app.begin().await?;
    if let Some(topic) = &new.scope.topic
        && store::get::<domain::organisation::Topic>(&tx, topic)
            .await?
            .is_none()
    {
        return Err(Problem::field("scope.topic", "unknown", "no such topic"));
    }
    let saved = store::put(&tx, &new, expected).await?;
    tx.commit().await?;
    let version = saved.version;
    Ok(tagged(saved, version))
}

/// Removes a detector. Its signals stay.
#[utoipa::path(delete, path = "/detectors/{key}", tag = "detectors", params(("key" = String, Path)),
    responses((status = 204)), security(("bearer" = ["manage_organisation"])))]
async fn delete_detector(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<StatusCode> {
    caller.may(Operation::ManageOrganisation)?;
    let tx = app.begin().await?;
    if !store::delete::<Detector>(&tx, &key).await? {
        return Err(Problem::not_found("detector"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Days to look at, both included.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Span {
    from: NaiveDate,
    to: NaiveDate,
}

/// What a detector would have raised.
#[derive(Serialize, ToSchema)]
struct Backtest {
    signals: Vec<BacktestSignal>,
    /// Issues that would have opened: one a topic.
    issues: usize,
}

#[derive(Serialize, ToSchema)]
struct BacktestSignal {
    topic: String,
    day: NaiveDate,
    count: i64,
    limit: i64,
}

/// Runs a detector over stored history. Nothing is raised and nothing is sent.
#[utoipa::path(post, path = "/detectors/{key}/backtest", request_body = Span, tag = "detectors",
    params(("key" = String, Path)), responses((status = 200, body = Backtest)),
    security(("bearer" = ["manage_organisation"])))]
async fn backtest(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    Body(span): Body<Span>,
) -> Result<Json<Backtest>> {
    caller.may(Operation::ManageOrganisation)?;
    let detector: Detector = require(&app, &key, "detector").await?;
    if span.to < span.from || (span.to - span.from).num_days() > 400 {
        return Err(Problem::new(
            Code::InvalidField,
            "from must not be after to, at most 400 days apart",
        ));
    }
    let zone = store::organisation(&app.db).await?.zone;
    let to = span.to.min(service::today(&app, zone));
    let found = service::backtest(&app, &detector, span.from, to).await?;
    let mut topics: Vec<&str> = found.iter().map(|(t, _)| t.as_str()).collect();
    topics.sort_unstable();
    topics.dedup();
    Ok(Json(Backtest {
        issues: topics.len(),
        signals: found
            .iter()
            .map(|(topic, s)| BacktestSignal {
                topic: topic.clone(),
                day: s.window,
                count: s.count,
                limit: s.limit,
            })
            .collect(),
    }))
}
