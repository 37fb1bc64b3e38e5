//! Deciding about issues over HTTP.

use super::{service, split};
use crate::app::Shared;
use crate::http::extract::When;
use crate::http::{Body, Caller, IfMatch, Once, Problem, Result, Segment};
use crate::issues::http::{IssueView, shown, tagged};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::identity::Operation;
use domain::ids::{IssueId, TaskId};
use domain::issues::{Asked, Belief, Command, Issue, IssueKind, Reason};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
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
        .routes(routes!(split_issue))
        .routes(routes!(rejoin))
        .routes(routes!(call))
        .routes(routes!(report))
        .routes(routes!(suppose))
        .routes(routes!(judge))
        .merge(super::bulk_http::routes())
}

/// Why nothing is to be done, and when it is looked at again.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dismissal {
    pub(super) reason: Reason,
    /// In words, at most 1000 characters; required where the reason is `other`.
    #[serde(default)]
    pub(super) text: String,
    /// A day of the organisation's calendar or an instant, at most 366 days ahead; 90 days when missing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) until: Option<When>,
    /// The growth over the present size that opens it before its day, 1.1 to 10; 3 when missing.
    #[serde(default)]
    pub(super) factor: Option<f64>,
}

/// Until when an issue is put aside: a date, a growth, or both.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Snooze {
    /// A day of the organisation's calendar or an instant, at most 366 days ahead; that long when missing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) until: Option<When>,
    /// The growth over the present size that opens it before its day, 1.1 to 10; 3 when missing.
    #[serde(default)]
    pub(super) factor: Option<f64>,
    /// In words, at most 1000 characters.
    #[serde(default)]
    pub(super) text: String,
}

/// Why an issue is opened again.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reopening {
    /// 1 to 1000 characters.
    reason: String,
}

/// A change of one issue: who wants it, of which version, and its key.
struct Asking {
    caller: Caller,
    headers: HeaderMap,
    expected: Option<i64>,
    /// What stands in the address, by name.
    names: HashMap<String, String>,
}

impl FromRequestParts<Shared> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let IfMatch(expected) = IfMatch::from_request_parts(parts, app).await?;
        let Segment(names) = Segment::from_request_parts(parts, app).await?;
        Ok(Self {
            headers: parts.headers.clone(),
            caller,
            expected,
            names,
        })
    }
}

impl Asking {
    fn id(&self) -> Result<IssueId> {
        self.caller.may(Operation::RunLoop)?;
        let id = self.names.get("id").and_then(|id| id.parse().ok());
        id.ok_or_else(|| Problem::not_found("issue"))
    }

    /// Reads the issue, lets `act` change it, and answers what `act` made of it (`None`: it was only a
    /// look); a request that comes twice acts once.
    async fn act<B, T, F>(&self, app: &Shared, call: &str, body: &B, act: F) -> Result<Acted<T>>
    where
        B: Serialize,
        T: Serialize,
        F: AsyncFnOnce(&storage::Tx, Issue) -> Result<(T, bool)>,
    {
        let id = self.id()?;
        let text = serde_json::to_string(body).unwrap_or_default();
        let once = Once::of(
            app,
            &self.caller,
            &self.headers,
            &format!("{call}:{id}"),
            &text,
        )?;
        if let Some(once) = &once
            && let Some(answer) = once.replay(app).await?
        {
            return Ok(Acted::Before(answer));
        }
        let tx = app.begin().await?;
        let issue = service::read(&tx, id, self.expected).await?;
        let (answer, keep) = act(&tx, issue).await?;
        if !keep {
            tx.rollback().await?;
            return Ok(Acted::Now(answer));
        }
        if let Some(once) = &once {
            let value = serde_json::to_value(&answer).unwrap_or_default();
            once.keep(&tx, StatusCode::OK, &value).await?;
        }
        tx.commit().await?;
        app.wake_workers();
        Ok(Acted::Now(answer))
    }

    /// The same for what changes the issue alone; answers the issue as it is then.
    async fn run<B, F>(&self, app: &Shared, call: &str, body: &B, act: F) -> Result<Response>
    where
        B: Serialize,
        F: AsyncFnOnce(&storage::Tx, Issue) -> Result<Issue>,
    {
        let mut changed = None;
        let acted = self
            .act(app, call, body, async |tx, issue| {
                let issue = act(tx, issue).await?;
                let short = serde_json::json!({
                    "id": issue.id.to_string(), "state": issue.state, "version": issue.version,
                });
                changed = Some(issue);
                Ok((short, true))
            })
            .await?;
        match (acted, changed) {
            (Acted::Now(_), Some(issue)) => Ok(tagged(shown(app, &self.caller, issue).await?)),
            (acted, _) => Ok(acted.into_response()),
        }
    }
}

/// What was done now, or the answer of the first time.
enum Acted<T> {
    Now(T),
    Before(Response),
}

impl<T: Serialize> IntoResponse for Acted<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Now(answer) => Json(answer).into_response(),
            Self::Before(answer) => answer,
        }
    }
}

/// The instant of a day or time in the organisation's zone.
pub(super) async fn until(
    app: &Shared,
    until: Option<When>,
) -> Result<Option<chrono::DateTime<chrono::Utc>>> {
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
    asking: Asking,
    Body(body): Body<Dismissal>,
) -> Result<Response> {
    let asked = Asked {
        reason: Some(body.reason),
        note: body.text.clone(),
        until: until(&app, body.until).await?,
        factor: body.factor,
    };
    asking
        .run(&app, "dismiss", &body, async |tx, issue| {
            service::put_aside(&app, tx, issue, &asked, &asking.caller.actor).await
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
    asking: Asking,
    Body(body): Body<Snooze>,
) -> Result<Response> {
    let asked = Asked {
        reason: None,
        note: body.text.clone(),
        until: until(&app, body.until).await?,
        factor: body.factor,
    };
    asking
        .run(&app, "snooze", &body, async |tx, issue| {
            service::put_aside(&app, tx, issue, &asked, &asking.caller.actor).await
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
    asking: Asking,
    Body(body): Body<Reopening>,
) -> Result<Response> {
    asking
        .run(&app, "reopen", &body, async |tx, issue| {
            service::reopen(&app, tx, issue, &body.reason, &asking.caller.actor).await
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
    asking: Asking,
    Body(body): Body<MergeBody>,
) -> Result<Response> {
    asking.id()?;
    let into: IssueId = body
        .into
        .parse()
        .map_err(|_| Problem::field("into", "unknown", "no such issue"))?;
    let acted = asking
        .act(&app, "merge", &body, async |tx, issue| {
            let merging = service::merging(tx, issue, into).await?;
            let mut view = MergeView {
                preview: body.preview,
                issue_id: merging.from.id.to_string(),
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
            if !body.preview {
                let gone = service::merge(&app, tx, merging, &asking.caller.actor).await?;
                view.state = gone.state.as_str().to_owned();
                view.version = gone.version;
            }
            Ok((view, !body.preview))
        })
        .await?;
    Ok(acted.into_response())
}

/// Takes a merge back: signals are the issue's own again from now on, its tasks come back.
#[utoipa::path(post, path = "/issues/{id}/unmerge", tag = "issues", request_body = Reopening,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["run_loop"])))]
async fn unmerge(
    State(app): State<Shared>,
    asking: Asking,
    Body(body): Body<Reopening>,
) -> Result<Response> {
    asking
        .run(&app, "unmerge", &body, async |tx, issue| {
            service::unmerge(&app, tx, issue, &body.reason, &asking.caller.actor).await
        })
        .await
}

/// What is to be an issue of its own; at least one of `rules`, `signals`, `tasks` and `hypotheses`.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = SplitBody)]
#[serde(deny_unknown_fields)]
struct SplitAsked {
    /// What the new issue is called, 1 to 200 characters.
    title: String,
    /// Why, 1 to 1000 characters.
    reason: String,
    /// What it is; as the issue when missing.
    #[serde(default)]
    kind: Option<IssueKind>,
    /// Rules whose signals, those so far and those to come, go along.
    #[serde(default)]
    rules: Vec<String>,
    /// Further signals, by id: what their rule raises later stays.
    #[serde(default)]
    signals: Vec<String>,
    /// Tasks that go along, by id.
    #[serde(default)]
    tasks: Vec<String>,
    /// Numbers of the supposed causes that go along.
    #[serde(default)]
    hypotheses: Vec<i64>,
    /// Only says what would happen.
    #[serde(default)]
    preview: bool,
}

/// What a split, or its way back, does.
#[derive(Serialize, ToSchema)]
#[schema(as = SplitResult)]
struct MovedView {
    /// Nothing was done.
    preview: bool,
    issue_id: String,
    /// Its state then.
    issue_state: String,
    /// What its own rule counted last of what it has then.
    issue_count: i64,
    /// The part; null in the preview of a split.
    part_id: Option<String>,
    part_title: String,
    part_state: String,
    part_count: i64,
    /// Signals that move, and those that the issue has then.
    signals: usize,
    signals_left: usize,
    tasks: usize,
    tasks_under_way: usize,
    tasks_left: usize,
    /// Whether rules ring for the part from then on; without any only the watch after its verdict does.
    rings: bool,
    version: i64,
}

impl MovedView {
    fn of(moved: &split::Moved, preview: bool) -> Self {
        let part = &moved.part;
        let rules = part
            .split
            .as_ref()
            .is_some_and(|s| !s.rules.is_empty() && s.ended.is_none());
        Self {
            preview,
            issue_id: moved.whole.id.to_string(),
            issue_state: moved.whole.state.as_str().to_owned(),
            issue_count: moved.whole.count,
            part_id: (!preview || part.version > 1).then(|| part.id.to_string()),
            part_title: part.title.clone(),
            part_state: part.state.as_str().to_owned(),
            part_count: part.count,
            signals: moved.signals,
            signals_left: moved.signals_left,
            tasks: moved.tasks,
            tasks_under_way: moved.under_way,
            tasks_left: moved.tasks_left,
            rings: rules,
            version: moved.whole.version,
        }
    }
}

/// Splits an issue: what is named becomes an issue of its own, with its signals, tasks and supposed
/// causes. It can be taken back.
#[utoipa::path(post, path = "/issues/{id}/split", tag = "issues", request_body = SplitAsked,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = MovedView)), security(("bearer" = ["run_loop"])))]
async fn split_issue(
    State(app): State<Shared>,
    asking: Asking,
    Body(body): Body<SplitAsked>,
) -> Result<Response> {
    asking.id()?;
    let mut tasks: Vec<TaskId> = Vec::new();
    for (n, id) in body.tasks.iter().enumerate() {
        let unknown = |_| Problem::field(format!("tasks[{n}]"), "unknown", "no such task");
        tasks.push(id.parse().map_err(unknown)?);
    }
    let asked = split::Asked {
        title: body.title.clone(),
        reason: body.reason.clone(),
        kind: body.kind,
        rules: body.rules.clone(),
        signals: body.signals.clone(),
        tasks,
        hypotheses: body.hypotheses.clone(),
    };
    // A preview does it and does not keep it: it cannot say anything else than what would happen.
    let acted = asking
        .act(&app, "split", &body, async |tx, issue| {
            let moved = split::split(&app, tx, issue, &asked, &asking.caller.actor).await?;
            Ok((MovedView::of(&moved, body.preview), !body.preview))
        })
        .await?;
    Ok(acted.into_response())
}

/// Why a part is taken back.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = RejoinBody)]
#[serde(deny_unknown_fields)]
struct Rejoining {
    /// 1 to 1000 characters.
    reason: String,
    /// Only says what would happen.
    #[serde(default)]
    preview: bool,
}

/// Takes a part back into the issue that it was split off from, with everything that came to it meanwhile.
#[utoipa::path(post, path = "/issues/{id}/rejoin", tag = "issues", request_body = Rejoining,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = MovedView)), security(("bearer" = ["run_loop"])))]
async fn rejoin(
    State(app): State<Shared>,
    asking: Asking,
    Body(body): Body<Rejoining>,
) -> Result<Response> {
    let acted = asking
        .act(&app, "rejoin", &body, async |tx, issue| {
            let moved = split::rejoin(&app, tx, issue, &body.reason, &asking.caller.actor).await?;
            Ok((MovedView::of(&moved, body.preview), !body.preview))
        })
        .await?;
    Ok(acted.into_response())
}

/// What an issue is.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = IssueKindBody)]
#[serde(deny_unknown_fields)]
struct Calling {
    kind: IssueKind,
    /// Why, 1 to 1000 characters.
    reason: String,
}

/// Says that an issue is a problem, an opportunity or a churn risk. Signals join it as before.
#[utoipa::path(put, path = "/issues/{id}/kind", tag = "issues", request_body = Calling,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["run_loop"])))]
async fn call(
    State(app): State<Shared>,
    asking: Asking,
    Body(body): Body<Calling>,
) -> Result<Response> {
    let command = Command::Call {
        kind: body.kind,
        reason: domain::text::mask(&body.reason).text,
    };
    asking
        .run(&app, "kind", &body, async |tx, issue| {
            service::change(&app, tx, issue, &command, &asking.caller.actor).await
        })
        .await
}

/// What came of an opportunity.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = IssueOutcomeBody)]
#[serde(deny_unknown_fields)]
struct Reported {
    /// Revenue so far, in hundredths of the organisation's currency.
    revenue_cents: i64,
    /// Where the figure comes from, 1 to 1000 characters.
    text: String,
}

/// Reports what came of an opportunity: a person's figure, shown as such and counted among no savings.
#[utoipa::path(put, path = "/issues/{id}/outcome", tag = "issues", request_body = Reported,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["run_loop"])))]
async fn report(
    State(app): State<Shared>,
    asking: Asking,
    Body(body): Body<Reported>,
) -> Result<Response> {
    let command = Command::Report {
        revenue_cents: body.revenue_cents,
        text: domain::text::mask(&body.text).text,
        by: asking.caller.actor.clone(),
    };
    asking
        .run(&app, "outcome", &body, async |tx, issue| {
            service::change(&app, tx, issue, &command, &asking.caller.actor).await
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
    asking: Asking,
    Body(body): Body<HypothesisBody>,
) -> Result<Response> {
    asking
        .run(&app, "hypothesis", &body, async |tx, issue| {
            let department = body.department.as_deref();
            let actor = &asking.caller.actor;
            service::suppose(&app, tx, issue, &body.text, department, actor).await
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
    asking: Asking,
    Body(body): Body<BeliefBody>,
) -> Result<Response> {
    asking.id()?;
    let number: Option<i64> = asking.names.get("number").and_then(|n| n.parse().ok());
    let number = number.ok_or_else(|| Problem::not_found("hypothesis"))?;
    asking
        .run(&app, "judge", &body, async |tx, issue| {
            let (state, actor) = (body.state, &asking.caller.actor);
            service::judge(&app, tx, issue, number, state, &body.reason, actor).await
        })
        .await
}
