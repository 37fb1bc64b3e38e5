//! One decision about many issues: each by itself, with what became of it; or only what would.

use super::http::{Dismissal, Snooze, until};
use super::service;
use crate::app::Shared;
use crate::http::{Body, Caller, Once, Problem, Result, spoken};
use crate::tasks::NewTask;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::identity::{Actor, Operation};
use domain::ids::IssueId;
use domain::issues::{Asked, Issue};
use domain::organisation::Bilingual;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use storage::Tx;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most issues of one call: nobody merges fifteen thousand by a slip.
const MOST: usize = 100;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(bulk))
}

/// An issue, as whoever decides has seen it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = BulkIssue)]
#[serde(deny_unknown_fields)]
struct Seen {
    id: String,
    /// What changed meanwhile stays as it is.
    version: i64,
}

/// The same task for each issue.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = BulkTask)]
#[serde(deny_unknown_fields)]
struct Each {
    /// `{issue}` stands for the issue's title.
    title: String,
    #[serde(default)]
    description: String,
    /// By the owner rules, for each issue by itself, when missing.
    #[serde(default)]
    department: Option<String>,
    #[serde(default)]
    due_at: Option<chrono::DateTime<chrono::Utc>>,
    #[serde(default)]
    measures: Vec<String>,
}

/// The other issue.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = BulkMerge)]
#[serde(deny_unknown_fields)]
struct Other {
    /// The issue that gets the signals and the tasks.
    into: String,
}

/// A decision about several issues; exactly one of `dismiss`, `snooze`, `merge`, `assign`.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = BulkDecision)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// 1 to 100, each once.
    issues: Vec<Seen>,
    /// Only says what would become of each.
    #[serde(default)]
    preview: bool,
    #[serde(default)]
    dismiss: Option<Dismissal>,
    #[serde(default)]
    snooze: Option<Snooze>,
    #[serde(default)]
    merge: Option<Other>,
    #[serde(default)]
    assign: Option<Each>,
}

/// What became of one issue.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkResult)]
struct ResultView {
    id: String,
    /// Empty where nobody knows the issue.
    title: String,
    ok: bool,
    /// Its state then; null where it was left alone.
    state: Option<String>,
    /// Its new task; null in a preview and of other decisions.
    task_id: Option<String>,
    /// Who gets the task.
    department: Option<String>,
    /// Why not: the code and the sentence of the problem.
    code: Option<String>,
    detail: Option<String>,
}

/// What became of all.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkOutcome)]
struct OutcomeView {
    /// Nothing was done.
    preview: bool,
    done: usize,
    failed: usize,
    /// In the order of the request.
    items: Vec<ResultView>,
}

enum What {
    Aside(Asked),
    Merge(IssueId),
    Assign(Each),
}

impl Decision {
    async fn what(&mut self, app: &Shared) -> Result<What> {
        let chosen = (
            self.dismiss.take(),
            self.snooze.take(),
            self.merge.take(),
            self.assign.take(),
        );
        Ok(match chosen {
            (Some(d), None, None, None) => What::Aside(Asked {
                reason: Some(d.reason),
                until: until(app, d.until).await?,
                note: d.text,
                factor: d.factor,
            }),
            (None, Some(s), None, None) => What::Aside(Asked {
                reason: None,
                until: until(app, s.until).await?,
                note: s.text,
                factor: s.factor,
            }),
            (None, None, Some(m), None) => What::Merge(
                m.into
                    .parse()
                    .map_err(|_| Problem::field("merge.into", "unknown", "no such issue"))?,
            ),
            (None, None, None, Some(each)) => What::Assign(each),
            _ => {
                return Err(Problem::field(
                    "dismiss",
                    "invalid",
                    "exactly one of dismiss, snooze, merge, assign",
                ));
            }
        })
    }
}

/// What became of one issue when it went well.
struct Done {
    state: String,
    task_id: Option<String>,
    department: Option<String>,
}

async fn one(app: &Shared, tx: &Tx, issue: Issue, what: &What, actor: &Actor) -> Result<Done> {
    let done = |issue: Issue| Done {
        state: issue.state.as_str().to_owned(),
        task_id: None,
        department: None,
    };
    match what {
        What::Aside(asked) => service::put_aside(app, tx, issue, asked, actor)
            .await
            .map(done),
        What::Merge(into) => {
            let merging = service::merging(tx, issue, *into).await?;
            service::merge(app, tx, merging, actor).await.map(done)
        }
        What::Assign(each) => {
            let new = NewTask {
                title: each.title.replace("{issue}", &issue.title),
                description: each.description.clone(),
                department: each.department.clone(),
                owner_email: None,
                due_at: each.due_at,
                measures: each.measures.clone(),
                kind: Default::default(),
                track: None,
                wish: Default::default(),
            };
            let task = crate::tasks::assign(app, tx, issue.id, &new, actor).await?;
            Ok(Done {
                state: "in_progress".to_owned(),
                task_id: Some(task.id.to_string()),
                department: Some(task.department),
            })
        }
    }
}

/// Dismisses, snoozes or merges several issues, or assigns one task for each. Every issue is decided by
/// itself: what cannot be done to one leaves the others alone and is said.
#[utoipa::path(post, path = "/issues/bulk", tag = "issues", request_body = Decision,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = OutcomeView)), security(("bearer" = ["run_loop"])))]
async fn bulk(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    Body(mut body): Body<Decision>,
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    let text = serde_json::to_string(&body).unwrap_or_default();
    let once = Once::of(&app, &caller, &headers, "bulk", &text)?.filter(|_| !body.preview);
    if let Some(once) = &once
        && let Some(answer) = once.replay(&app).await?
    {
        return Ok(answer);
    }
    let distinct: BTreeSet<&str> = body.issues.iter().map(|i| i.id.as_str()).collect();
    if body.issues.is_empty() || body.issues.len() > MOST || distinct.len() < body.issues.len() {
        let text = Bilingual::new("1 到 100 个不同的问题", "1 to 100 different issues");
        return Err(Problem::field("issues", "out_of_range", spoken(&text)));
    }
    let what = body.what(&app).await?;
    let mut items = Vec::new();
    for seen in &body.issues {
        let id: Option<IssueId> = seen.id.parse().ok();
        // A transaction each: a hundred tasks do not hold up everybody else for their whole time.
        let tx = app.begin().await?;
        let known = match id {
            Some(id) => storage::issues::get(&tx, id).await?,
            None => None,
        };
        let title = known.as_ref().map_or_else(String::new, |i| {
            i.heading.as_ref().map_or_else(|| i.title.clone(), spoken)
        });
        let result = match id {
            Some(id) => match service::read(&tx, id, Some(seen.version)).await {
                Ok(issue) => one(&app, &tx, issue, &what, &caller.actor).await,
                Err(problem) => Err(problem),
            },
            None => Err(Problem::not_found("issue")),
        };
        let keep = result.is_ok() && !body.preview;
        if keep {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        items.push(match result {
            Ok(done) => ResultView {
                id: seen.id.clone(),
                title,
                ok: true,
                state: Some(done.state),
                task_id: done.task_id.filter(|_| keep),
                department: done.department,
                code: None,
                detail: None,
            },
            Err(problem) => ResultView {
                id: seen.id.clone(),
                title,
                ok: false,
                state: None,
                task_id: None,
                department: None,
                code: Some(problem.code.as_str().to_owned()),
                detail: Some(problem.sentence()),
            },
        });
    }
    let failed = items.iter().filter(|i| !i.ok).count();
    let answer = OutcomeView {
        preview: body.preview,
        done: items.len() - failed,
        failed,
        items,
    };
    if let Some(once) = &once {
        // After a crash in between the versions keep what was done from being done twice.
        let tx = app.begin().await?;
        let value = serde_json::to_value(&answer).unwrap_or_default();
        once.keep(&tx, StatusCode::OK, &value).await?;
        tx.commit().await?;
    }
    app.wake_workers();
    Ok(Json(answer).into_response())
}
