//! Knowledge over HTTP.

use super::service::{self, Found};
use crate::app::Shared;
use crate::http::{Body, Caller, Code, List, Listing, Params, Problem, Result, Segment};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use domain::ids::ArticleId;
use domain::knowledge::{Article, Evidence};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_articles))
        .routes(routes!(read_article))
        .routes(routes!(publish_article))
        .routes(routes!(search))
        .routes(routes!(suggest))
}

/// A proven solution with its evidence card.
#[derive(Serialize, ToSchema)]
#[schema(as = Article)]
pub struct ArticleView {
    id: String,
    title: String,
    /// Plain text with the solution.
    body: String,
    topic: String,
    task_id: String,
    issue_id: String,
    evidence: Evidence,
    publications: Vec<Publication>,
    created_at: DateTime<Utc>,
}

/// Where an article went.
#[derive(Serialize, ToSchema)]
pub struct Publication {
    target: String,
    state: String,
    at: DateTime<Utc>,
    reference: Option<String>,
}

async fn view(app: &Shared, article: Article) -> Result<ArticleView> {
    let publications = storage::notify::publications(&app.db, &article.id.to_string()).await?;
    Ok(ArticleView {
        id: article.id.to_string(),
        title: article.title,
        body: article.body,
        topic: article.topic,
        task_id: article.task_id.to_string(),
        issue_id: article.issue_id.to_string(),
        evidence: article.evidence,
        publications: publications
            .into_iter()
            .map(|d| Publication {
                target: d.target,
                state: d.state,
                at: d.sent_at.unwrap_or(d.created_at),
                reference: d
                    .data
                    .get("reference")
                    .and_then(|r| r.as_str())
                    .map(str::to_owned),
            })
            .collect(),
        created_at: article.created_at,
    })
}

/// Articles, newest first.
#[utoipa::path(get, path = "/knowledge/articles", tag = "knowledge", params(Listing),
    responses((status = 200, body = List<ArticleView>)), security(("bearer" = ["read_loop"])))]
async fn list_articles(
    State(app): State<Shared>,
    caller: Caller,
    Params(listing): Params<Listing>,
) -> Result<Json<List<ArticleView>>> {
    caller.may(Operation::ReadLoop)?;
    let page = storage::knowledge::list(
        &app.db,
        crate::http::extract::cursor(listing.cursor.clone())?.as_deref(),
        listing.limit()?,
    )
    .await?;
    let mut items = Vec::with_capacity(page.items.len());
    for article in page.items {
        items.push(view(&app, article).await?);
    }
    Ok(Json(List {
        items,
        next_cursor: page.next,
    }))
}

async fn require(app: &Shared, id: &str) -> Result<Article> {
    let id: ArticleId = id.parse().map_err(|_| Problem::not_found("article"))?;
    storage::knowledge::get(&app.db, id)
        .await?
        .ok_or_else(|| Problem::not_found("article"))
}

/// One article.
#[utoipa::path(get, path = "/knowledge/articles/{id}", tag = "knowledge", params(("id" = String, Path)),
    responses((status = 200, body = ArticleView)), security(("bearer" = ["read_loop"])))]
async fn read_article(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<ArticleView>> {
    caller.may(Operation::ReadLoop)?;
    let article = require(&app, &id).await?;
    Ok(Json(view(&app, article).await?))
}

/// Publishes an article to the knowledge base; the same content goes out once.
#[utoipa::path(post, path = "/knowledge/articles/{id}/publish", tag = "knowledge", params(("id" = String, Path)),
    responses((status = 202, body = ArticleView)), security(("bearer" = ["run_loop"])))]
async fn publish_article(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<(StatusCode, Json<ArticleView>)> {
    caller.may(Operation::RunLoop)?;
    let article = require(&app, &id).await?;
    if storage::plugins::active(&app.db, "knowledge-base")
        .await?
        .is_none()
    {
        return Err(Code::NoPublisher.into());
    }
    let tx = app.begin().await?;
    service::publish(&app, &tx, &article).await?;
    tx.commit().await?;
    app.wake_workers();
    Ok((StatusCode::ACCEPTED, Json(view(&app, article).await?)))
}

/// Articles that were found.
#[derive(Serialize, ToSchema)]
struct SearchResult {
    items: Vec<SolutionView>,
}

/// A proven solution, in short.
#[derive(Serialize, ToSchema)]
#[schema(as = Solution)]
pub struct SolutionView {
    article_id: String,
    title: String,
    /// Comparable inside one search only.
    score: f64,
    excerpt: String,
    evidence: Evidence,
}

impl From<Found> for SolutionView {
    fn from(f: Found) -> Self {
        Self {
            article_id: f.article.id.to_string(),
            title: f.title,
            score: f.score,
            excerpt: f.excerpt,
            evidence: f.article.evidence,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// Words to look for.
    q: String,
    /// 1 to 50, normally 10.
    limit: Option<usize>,
}

/// Finds articles by words.
#[utoipa::path(get, path = "/knowledge/search", tag = "knowledge", params(SearchQuery),
    responses((status = 200, body = SearchResult)), security(("bearer" = ["read_loop"])))]
async fn search(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<SearchQuery>,
) -> Result<Json<SearchResult>> {
    caller.may(Operation::ReadLoop)?;
    let most = query.limit.unwrap_or(10);
    if !(1..=50).contains(&most) {
        return Err(Problem::query("limit", "out_of_range", "1 to 50"));
    }
    if query.q.chars().count() > 500 {
        return Err(Problem::query("q", "too_long", "at most 500 characters"));
    }
    let found = service::search(&app, &app.db, &query.q, most).await?;
    Ok(Json(SearchResult {
        items: found.into_iter().map(SolutionView::from).collect(),
    }))
}

/// A text to find solutions for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SuggestText {
    text: String,
}

/// Finds articles for a whole text, say what a customer writes.
#[utoipa::path(post, path = "/knowledge/suggest", request_body = SuggestText, tag = "knowledge",
    responses((status = 200, body = SearchResult)), security(("bearer" = ["read_loop"])))]
async fn suggest(
    State(app): State<Shared>,
    caller: Caller,
    Body(body): Body<SuggestText>,
) -> Result<Json<SearchResult>> {
    caller.may(Operation::ReadLoop)?;
    if body.text.chars().count() > 20_000 {
        return Err(Problem::field(
            "text",
            "too_long",
            "at most 20000 characters",
        ));
    }
    let found = service::search(&app, &app.db, &body.text, 5).await?;
    Ok(Json(SearchResult {
        items: found.into_iter().map(SolutionView::from).collect(),
    }))
}
