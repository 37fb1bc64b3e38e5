//! Shadows over HTTP.

use super::{MOST, begin};
use crate::app::Shared;
use crate::http::extract::{Body, Segment};
use crate::http::{Caller, Problem, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use storage::shadow::{self, Shadow};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(begin_shadow, read_shadow, end_shadow))
}

/// How many voices of the past a shadow looks at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ShadowStart {
    /// 0 to 20000; 1000 when left out.
    #[serde(default)]
    voices: Option<i64>,
}

/// Where voices of a topic would go.
#[derive(Serialize, ToSchema)]
struct ShadowMove {
    /// Null: no topic.
    topic: Option<String>,
    voices: i64,
}

/// What would change for a topic.
#[derive(Serialize, ToSchema)]
struct ShadowTopic {
    /// Null: voices that no topic explains.
    topic: Option<String>,
    /// Voices that it has now.
    before: i64,
    /// Voices that it would have.
    after: i64,
    /// Voices that would come to it.
    gained: i64,
    /// Voices that would leave it.
    lost: i64,
    /// Where they would go, most first.
    moved_to: Vec<ShadowMove>,
}

/// A classifier that reads along.
#[derive(Serialize, ToSchema)]
#[schema(as = Shadow)]
struct ShadowView {
    plugin_id: String,
    /// The active classifier when it began.
    against_id: String,
    /// `running` or `ended`.
    state: String,
    /// Voices of the past that it was asked to look at.
    voices: i64,
    looked_at: i64,
    /// Voices that would get another topic.
    changed: i64,
    sentiment_changed: i64,
    /// Voices that it could not read.
    failed: i64,
    /// Why it stopped.
    error: Option<String>,
    started_at: DateTime<Utc>,
    /// Most changes first.
    topics: Vec<ShadowTopic>,
}

fn key(topic: &str) -> Option<String> {
    (!topic.is_empty()).then(|| topic.to_owned())
}

fn view(shadow: Shadow, moves: &[(String, String, i64)]) -> ShadowView {
    let mut topics: BTreeMap<&str, ShadowTopic> = BTreeMap::new();
    for (from, to, n) in moves {
        for topic in [from, to] {
            topics.entry(topic).or_insert_with(|| ShadowTopic {
                topic: key(topic),
                before: 0,
                after: 0,
                gained: 0,
                lost: 0,
                moved_to: Vec::new(),
            });
        }
        if let Some(left) = topics.get_mut(from.as_str()) {
            left.before += n;
            if from != to {
                left.lost += n;
                left.moved_to.push(ShadowMove {
                    topic: key(to),
                    voices: *n,
                });
            }
        }
        if let Some(reached) = topics.get_mut(to.as_str()) {
            reached.after += n;
            reached.gained += if from == to { 0 } else { *n };
        }
    }
    let mut topics: Vec<ShadowTopic> = topics.into_values().collect();
    for topic in &mut topics {
        topic.moved_to.sort_by_key(|m| std::cmp::Reverse(m.voices));
    }
    topics.sort_by_key(|t| std::cmp::Reverse(t.gained + t.lost));
    ShadowView {
        plugin_id: shadow.plugin_id,
        against_id: shadow.against_id,
        state: shadow.state,
        voices: shadow.seen.wanted,
        looked_at: shadow.seen.looked_at,
        changed: shadow.seen.changed,
        sentiment_changed: shadow.seen.sentiment_changed,
        failed: shadow.seen.failed,
        error: shadow.seen.error,
        started_at: shadow.seen.started_at,
        topics,
    }
}

/// Lets a classifier read along: the last voices and those to come. Nothing is relabelled.
#[utoipa::path(post, path = "/plugins/{id}/shadow", tag = "plugins", params(("id" = String, Path)),
    request_body = ShadowStart, responses((status = 202, body = ShadowView)), security(("bearer" = ["manage_plugins"])))]
async fn begin_shadow(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
    Body(body): Body<ShadowStart>,
) -> Result<(StatusCode, Json<ShadowView>)> {
    caller.may(Operation::ManagePlugins)?;
    let shadow = begin(
        &app,
        &caller.actor,
        &id,
        body.voices.unwrap_or(1000.min(MOST)),
    )
    .await?;
    Ok((StatusCode::ACCEPTED, Json(view(shadow, &[]))))
}

/// How many labels would change, by topic.
#[utoipa::path(get, path = "/plugins/{id}/shadow", tag = "plugins", params(("id" = String, Path)),
    responses((status = 200, body = ShadowView)), security(("bearer" = ["read_plugins"])))]
async fn read_shadow(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<ShadowView>> {
    caller.may(Operation::ReadPlugins)?;
    let Some(found) = shadow::get(&app.db, &id).await? else {
        return Err(Problem::not_found("shadow"));
    };
    let moves = shadow::moves(&app.db, &id).await?;
    Ok(Json(view(found, &moves)))
}

/// Ends a shadow; what it has seen stays.
#[utoipa::path(delete, path = "/plugins/{id}/shadow", tag = "plugins", params(("id" = String, Path)),
    responses((status = 204)), security(("bearer" = ["manage_plugins"])))]
async fn end_shadow(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<StatusCode> {
    caller.may(Operation::ManagePlugins)?;
    let tx = app.begin().await?;
    if shadow::get(&tx, &id).await?.is_none() {
        return Err(Problem::not_found("shadow"));
    }
    shadow::end(&tx, &id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
