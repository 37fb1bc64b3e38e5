//! Topics, starter sets, coverage.

use super::{coverage, refresh, sets};
use crate::app::Shared;
use crate::http::{Body, Caller, Code, IfMatch, List, Params, Problem, Result, Segment};
use crate::organisation::http::{require, same_key, tagged};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use domain::identity::Operation;
use domain::organisation::{Department, Topic, check_topic};
use serde::{Deserialize, Serialize};
use storage::organisation as store;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_topics))
        .routes(routes!(read_topic, write_topic, delete_topic))
        .routes(routes!(list_sets))
        .routes(routes!(apply_set))
        .routes(routes!(read_coverage))
}

async fn learn(app: &Shared) -> Result<()> {
    refresh(app).await.map_err(|error| {
        tracing::error!(error = %error, "the taxonomy could not be given to the classifier");
        Problem::from(Code::NoClassifier)
    })
}

/// All topics.
#[utoipa::path(get, path = "/topics", tag = "topics", responses((status = 200, body = List<Topic>)),
    security(("bearer" = ["read_loop"])))]
async fn list_topics(State(app): State<Shared>, caller: Caller) -> Result<Json<List<Topic>>> {
    caller.may(Operation::ReadLoop)?;
    Ok(List::whole(store::all(&app.db).await?))
}

/// One topic.
#[utoipa::path(get, path = "/topics/{key}", tag = "topics", params(("key" = String, Path)),
    responses((status = 200, body = Topic)), security(("bearer" = ["read_loop"])))]
async fn read_topic(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<(HeaderMap, Json<Topic>)> {
    caller.may(Operation::ReadLoop)?;
    let found: Topic = require(&app, &key, "topic").await?;
    let version = found.version;
    Ok(tagged(found, version))
}

/// Creates or replaces a topic. It applies to the next voice.
#[utoipa::path(put, path = "/topics/{key}", request_body = Topic, tag = "topics", params(("key" = String, Path)),
    responses((status = 200, body = Topic)), security(("bearer" = ["manage_organisation"])))]
async fn write_topic(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(mut new): Body<Topic>,
) -> Result<(HeaderMap, Json<Topic>)> {
    caller.may(Operation::ManageOrganisation)?;
    same_key(&key, &mut new.key)?;
    let tx = app.begin().await?;
    let others: Vec<Topic> = store::all(&tx).await?;
    let departments: Vec<Department> = store::all(&tx).await?;
    check_topic(&new, &others, &departments)?;
    let saved = store::put(&tx, &new, expected).await?;
    tx.commit().await?;
    learn(&app).await?;
    let version = saved.version;
    Ok(tagged(saved, version))
}

/// Removes a topic that has no children. Its voices keep their labels.
#[utoipa::path(delete, path = "/topics/{key}", tag = "topics", params(("key" = String, Path)),
    responses((status = 204)), security(("bearer" = ["manage_organisation"])))]
async fn delete_topic(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<StatusCode> {
    caller.may(Operation::ManageOrganisation)?;
    let tx = app.begin().await?;
    let others: Vec<Topic> = store::all(&tx).await?;
    if let Some(child) = others.iter().find(|t| t.parent.as_deref() == Some(&key)) {
        return Err(Problem::new(
            Code::Conflict,
            format!("topic {} is below this one", child.key),
        ));
    }
    let detectors: Vec<domain::detection::Detector> = store::all(&tx).await?;
    if let Some(detector) = detectors
        .iter()
        .find(|d| d.scope.topic.as_deref() == Some(key.as_str()))
    {
        return Err(Problem::new(
            Code::Conflict,
            format!("detector {} watches this topic", detector.key),
        ));
    }
    let open = storage::issues::Filter {
        states: ["open", "in_progress", "verifying", "relapsed"]
            .map(str::to_owned)
            .to_vec(),
        topic: Some(key.clone()),
        ..Default::default()
    };
    if let Some(issue) = storage::issues::list(&tx, &open, 1).await?.items.first() {
        return Err(Problem::new(
            Code::Conflict,
            format!("issue {} of this topic is not resolved", issue.id),
        ));
    }
    if !store::delete::<Topic>(&tx, &key).await? {
        return Err(Problem::not_found("topic"));
    }
    tx.commit().await?;
    learn(&app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A set of topics to start from.
#[derive(Serialize, ToSchema)]
struct TopicSet {
    key: String,
    name: String,
    name_en: String,
    topics: Vec<Topic>,
}

/// Starter sets of five industries.
#[utoipa::path(get, path = "/topic-sets", tag = "topics", responses((status = 200, body = List<TopicSet>)),
    security(("bearer" = ["read_loop"])))]
async fn list_sets(caller: Caller) -> Result<Json<List<TopicSet>>> {
    caller.may(Operation::ReadLoop)?;
    let all = sets()
        .into_iter()
        .map(|s| TopicSet {
            key: s.key,
            name: s.name,
            name_en: s.name_en,
            topics: s.topics,
        })
        .collect();
    Ok(List::whole(all))
}

/// What applying a set did.
#[derive(Serialize, ToSchema)]
struct Applied {
    /// Topics that were added; those that exist are left as they are.
    added: usize,
}

/// Adds the topics of a starter set. Topics that exist stay as they are.
#[utoipa::path(post, path = "/topic-sets/{key}/apply", tag = "topics", params(("key" = String, Path)),
    responses((status = 200, body = Applied)), security(("bearer" = ["manage_organisation"])))]
async fn apply_set(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<Json<Applied>> {
    caller.may(Operation::ManageOrganisation)?;
    let Some(set) = sets().into_iter().find(|s| s.key == key) else {
        return Err(Problem::not_found("starter set"));
    };
    let tx = app.begin().await?;
    let mut added = 0;
    for topic in &set.topics {
        if store::put_new(&tx, topic).await? {
            added += 1;
        }
    }
    tx.commit().await?;
    learn(&app).await?;
    Ok(Json(Applied { added }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CoverageQuery {
    /// Days to look back: 1 to 366, normally 28.
    days: Option<u32>,
}

/// What no topic explains.
#[derive(Serialize, ToSchema)]
#[schema(as = Coverage)]
struct CoverageView {
    days: u32,
    total: i64,
    unexplained: i64,
    /// 0 to 1; null without voices.
    share: Option<f64>,
    words: Vec<WordView>,
    proposed: Vec<Topic>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TellingWord)]
struct WordView {
    word: String,
    count: i64,
    score: f64,
    examples: Vec<String>,
}

/// Share of voices that no topic explains, their telling words, proposed topics.
#[utoipa::path(get, path = "/coverage", tag = "topics", params(CoverageQuery),
    responses((status = 200, body = CoverageView)), security(("bearer" = ["read_feedback"])))]
async fn read_coverage(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<CoverageQuery>,
) -> Result<Json<CoverageView>> {
    // Examples are voices: whoever may not read those may not read these.
    caller.may(Operation::ReadFeedback)?;
    let days = query.days.unwrap_or(28);
    if !(1..=366).contains(&days) {
        return Err(Problem::query("days", "out_of_range", "1 to 366"));
    }
    let found = coverage(&app, days).await?;
    let share = (found.total > 0).then(|| found.unexplained as f64 / found.total as f64);
    Ok(Json(CoverageView {
        days: found.days,
        total: found.total,
        unexplained: found.unexplained,
        share,
        words: found
            .words
            .into_iter()
            .map(|w| WordView {
                word: w.word,
                count: w.count,
                score: w.score,
                examples: w.examples,
            })
            .collect(),
        proposed: found.proposed,
    }))
}
