//! Deciding about issues over HTTP.

use super::service;
use crate::app::Shared;
use crate::http::{Body, Caller, IfMatch, Once, Problem, Result, Segment, extract::When};
use crate::issues::http::{IssueView, shown, tagged};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::identity::Operation;
use domain::ids::IssueId;
use domain::issues::{Asked, Belief, Issue, Reason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(dismiss))
        .routes(routes!(snooze))
        .routes(routes!(reopen))
        .routes(routes!(merge))
        .routes(routes!(unmerge))
        .routes(routes!(suppose))
        .routes(routes!(judge))
}

/// Why nothing is to be done, and when it is looked at again.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Dismissal {
    reason: Reason,
    /// In words, at most 1000 characters; required where the reason is `other`.
    #[serde(default)]
    text: String,
    /// A day of the organisation's calendar or an instant, at most 366 days ahead; 90 days when missing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    until: Option<When>,
    /// The growth over the present size that opens it before its day, 1.1 to 10; 3 when missing.
    #[serde(default)]
    factor: Option<f64>,
}

/// Until when an issue is put aside: a date, a growth, or both.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Snooze {
    /// A day of the organisation's calendar or an instant, at most 366 days ahead; that long when missing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    until: Option<When>,
    /// The growth over the present size that opens it before its day, 1.1 to 10; 3 when missing.
    #[serde(default)]
    factor: Option<f64>,
    /// In words, at most 1000 characters.
    #[serde(default)]
    text: String,
}

/// Why an issue is opened again.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reopening {
    /// 1 to 1000 characters.
    reason: String,
}

/// A POST about one issue: who, which, which version, and its key.
struct Asking<'a> {
    caller: &'a Caller,
    headers: &'a HeaderMap,
    expected: Option<i64>,
    id: &'a str,
    call: &'static str,
}

impl Asking<'_> {
    /// Reads the issue, lets `act` change it, and answers it as it is then; a request that comes twice
    /// acts once.
    async fn run<B, F>(&self, app: &Shared, body: &B, act: F) -> Result<Response>
    where
        B: Serialize,
        F: AsyncFnOnce(&storage::Tx, Issue) -> Result<Issue>,
    {
        self.caller.may(Operation::RunLoop)?;
        let id: IssueId = self.id.parse().map_err(|_| Problem::not_found("issue"))?;
        let text = serde_json::to_string(body).unwrap_or_default();
        let what = format!("{}:{id}", self.call);
        let once = Once::of(app, self.caller, self.headers, &what, &text)?;
        if let Some(once) = &once
            && let Some(answer) = once.replay(app).await?
        {
            return Ok(answer);
        }
        let tx = app.begin().await?;
        let issue = service::read(&tx, id, self.expected).await?;
        let issue = act(&tx, issue).await?;
        if let Some(once) = &once {
            let short = serde_json::json!({
                "id": issue.id.to_string(), "state": issue.state, "version": issue.version,
            });
            once.keep(&tx, StatusCode::OK, &short).await?;
        }
        tx.commit().await?;
        app.wake_workers();
        Ok(tagged(shown(app, self.caller, issue).await?))
    }
}

async fn begin(app: &Shared, until: Option<When>) -> Result<Option<chrono::DateTime<chrono::Utc>>> {
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    Ok(until.map(|when| when.begin(zone)))
}

/// Says that nothing is to be done about an issue, with a reason. It is reviewed on its day, or opens
/// before that when it grows.
#[utoipa::path(post, path = "/issues/{id}/dismiss", tag = "issues", request_body = Dismissal,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["run_loop"])))]
async fn dismiss(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<Dismissal>,
) -> Result<Response> {
    let asked = Asked {
        reason: Some(body.reason),
        note: body.text.clone(),
        until: begin(&app, body.until).await?,
        factor: body.factor,
    };
    let asking = Asking {
        caller: &caller,
        headers: &headers,
        expected,
        id: &id,
        call: "dismiss",
    };
    asking
        .run(&app, &body, async |tx, issue| {
            service::put_aside(&app, tx, issue, &asked, &caller.actor).await
        })
        .await
}

/// Puts an issue aside until a day, until it grows, or both.
#[utoipa::path(post, path = "/issues/{id}/snooze", tag = "issues", request_body = Snooze,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["run_loop"])))]
async fn snooze(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<Snooze>,
) -> Result<Response> {
    let asked = Asked {
        reason: None,
        note: body.text.clone(),
        until: begin(&app, body.until).await?,
        factor: body.factor,
    };
    let asking = Asking {
        caller: &caller,
        headers: &headers,
        expected,
        id: &id,
        call: "snooze",
    };
    asking
        .run(&app, &body, async |tx, issue| {
            service::put_aside(&app, tx, issue, &asked, &caller.actor).await
        })
        .await
}

/// Opens an issue again that was dismissed, snoozed or resolved.
#[utoipa::path(post, path = "/issues/{id}/reopen", tag = "issues", request_body = Reopening,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["run_loop"])))]
async fn reopen(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<Reopening>,
) -> Result<Response> {
    let asking = Asking {
        caller: &caller,
        headers: &headers,
        expected,
        id: &id,
        call: "reopen",
    };
    asking
        .run(&app, &body, async |tx, issue| {
            service::reopen(&app, tx, issue, &body.reason, &caller.actor).await
        })
        .await
}

/// Another issue that is about the same.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MergeBody {
    /// The issue that gets the signals and the tasks.
    into: String,
    /// Only says what would happen.
    #[serde(default)]
    preview: bool,
}

/// What a merge does.
#[derive(Serialize, ToSchema)]
#[schema(as = Merge)]
struct MergeView {
    /// Nothing was done.
    preview: bool,
    issue_id: String,
    issue_title: String,
    /// The state of the issue, after the merge `dismissed`.
    state: String,
    into: String,
    into_title: String,
    into_state: String,
    /// Its signals so far, at most 100: they stay where they are and are shown at the other issue too.
    signals: usize,
    /// Tasks that go along.
    tasks: usize,
    tasks_under_way: usize,
    /// Issues that were merged into it before and follow it.
    following: usize,
    /// Issues that have been merged into the other already.
    merged_before: usize,
    version: i64,
}

/// Says that an issue is the same as another one: from now on its signals join that one, its tasks belong
/// to it, and it is dismissed. It can be taken back.
#[utoipa::path(post, path = "/issues/{id}/merge", tag = "issues", request_body = MergeBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = MergeView)), security(("bearer" = ["run_loop"])))]
async fn merge(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<MergeBody>,
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    let id: IssueId = id.parse().map_err(|_| Problem::not_found("issue"))?;
    let into: IssueId = body
        .into
        .parse()
        .map_err(|_| Problem::field("into", "unknown", "no such issue"))?;
    let text = serde_json::to_string(&body).unwrap_or_default();
    let once = Once::of(&app, &caller, &headers, &format!("merge:{id}"), &text)?;
    if let Some(once) = &once
        && let Some(answer) = once.replay(&app).await?
    {
        return Ok(answer);
    }
    let tx = app.begin().await?;
    let issue = service::read(&tx, id, expected).await?;
    let merging = service::merging(&tx, issue, into).await?;
    let mut view = MergeView {
        preview: body.preview,
        issue_id: id.to_string(),
        issue_title: merging.from.title.clone(),
        state: merging.from.state.as_str().to_owned(),
        into: into.to_string(),
        into_title: merging.into.title.clone(),
        into_state: merging.into.state.as_str().to_owned(),
        signals: merging.signals,
        tasks: merging.tasks.len(),
        tasks_under_way: merging.under_way,
        following: merging.following,
        merged_before: merging.merged_before,
        version: merging.from.version,
    };
    if body.preview {
        tx.rollback().await?;
        return Ok(Json(view).into_response());
    }
    let gone = service::merge(&app, &tx, merging, &caller.actor).await?;
    view.state = gone.state.as_str().to_owned();
    view.version = gone.version;
    if let Some(once) = &once {
        let answer = serde_json::to_value(&view).unwrap_or_default();
        once.keep(&tx, StatusCode::OK, &answer).await?;
    }
    tx.commit().await?;
    app.wake_workers();
    Ok(Json(view).into_response())
}

/// Takes a merge back: signals are the issue's own again from now on, its tasks come back.
#[utoipa::path(post, path = "/issues/{id}/unmerge", tag = "issues", request_body = Reopening,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["run_loop"])))]
async fn unmerge(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<Reopening>,
) -> Result<Response> {
    let asking = Asking {
        caller: &caller,
        headers: &headers,
        expected,
        id: &id,
        call: "unmerge",
    };
    asking
        .run(&app, &body, async |tx, issue| {
            service::unmerge(&app, tx, issue, &body.reason, &caller.actor).await
        })
        .await
}

/// A supposed cause.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = NewHypothesis)]
#[serde(deny_unknown_fields)]
struct HypothesisBody {
    /// 1 to 500 characters.
    text: String,
    /// Whose it would be to mend.
    #[serde(default)]
    department: Option<String>,
}

/// Writes down a supposed cause of an issue; there may be 20.
#[utoipa::path(post, path = "/issues/{id}/hypotheses", tag = "issues", request_body = HypothesisBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["run_loop"])))]
async fn suppose(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<HypothesisBody>,
) -> Result<Response> {
    let asking = Asking {
        caller: &caller,
        headers: &headers,
        expected,
        id: &id,
        call: "hypothesis",
    };
    asking
        .run(&app, &body, async |tx, issue| {
            let department = body.department.as_deref();
            service::suppose(&app, tx, issue, &body.text, department, &caller.actor).await
        })
        .await
}

/// What somebody thinks of a supposed cause.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = HypothesisJudgement)]
#[serde(deny_unknown_fields)]
struct BeliefBody {
    state: Belief,
    /// At most 1000 characters.
    #[serde(default)]
    reason: String,
}

/// Confirms or rejects a supposed cause, or opens it again.
#[utoipa::path(put, path = "/issues/{id}/hypotheses/{number}", tag = "issues", request_body = BeliefBody,
    params(("id" = String, Path), ("number" = i64, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["run_loop"])))]
async fn judge(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    Segment((id, number)): Segment<(String, String)>,
    Body(body): Body<BeliefBody>,
) -> Result<Response> {
    let asking = Asking {
        caller: &caller,
        headers: &headers,
        expected,
        id: &id,
        call: "judge",
    };
    let number: i64 = number
        .parse()
        .map_err(|_| Problem::not_found("hypothesis"))
        .or_else(|problem| caller.may(Operation::RunLoop).and(Err(problem)))?;
    asking
        .run(&app, &body, async |tx, issue| {
            service::judge(
                &app,
                tx,
                issue,
                number,
                body.state,
                &body.reason,
                &caller.actor,
            )
            .await
        })
        .await
}
