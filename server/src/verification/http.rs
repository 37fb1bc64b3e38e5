//! Verdicts, statements and savings over HTTP.

use super::service::{self, Look};
use super::worth;
use crate::app::Shared;
use crate::http::{Caller, Code, List, Params, Problem, Result, Segment};
use crate::tasks::{Setting, require};
use axum::Json;
use axum::extract::State;
use chrono::{NaiveDate, TimeDelta};
use domain::clock::local_day;
use domain::identity::Operation;
use domain::tasks::Task;
use domain::verification::Verification;
use domain::verification::savings::Savings;
use domain::verification::statement::{Month, Report, Statement};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(read_verification))
        .routes(routes!(evaluate))
        .routes(routes!(read_statements))
        .routes(routes!(read_savings))
}

/// A task that shares the verdict.
#[derive(Serialize, ToSchema)]
struct SetMember {
    task_id: String,
    title: String,
    /// The day its fix went live.
    effective_day: NaiveDate,
    /// The earliest: its contract and date judge them all.
    first: bool,
}

/// A verdict with what it is worth and whom it is shared with.
#[derive(Serialize, ToSchema)]
struct TaskVerification {
    #[serde(flatten)]
    verification: Verification,
    /// What the days of the after-window are worth; null while nothing is decided.
    savings: Option<Savings>,
    /// All tasks that share this verdict, the earliest fix first; empty where it is this task's alone.
    set: Vec<SetMember>,
    /// The day whose look is the last that can decide: the horizon of the earliest fix's contract, counted
    /// from the last fix of those that share the verdict.
    latest_day: NaiveDate,
}

async fn view(app: &Shared, task: &Task, verification: Verification) -> Result<TaskVerification> {
    let setting = Setting::read(&app.db, app.now()).await?;
    let savings = worth::since_fix(app, &setting, task, &verification).await?;
    let mut set = Vec::new();
    let (mut last_fix, mut horizon) = (verification.effective_day, task.contract.horizon_days);
    if !verification.together_with.is_empty() {
        let own = task.id.to_string();
        let mut members: Vec<(NaiveDate, &Task)> = setting
            .deployed
            .iter()
            .filter(|t| {
                let id = t.id.to_string();
                id == own || verification.together_with.contains(&id)
            })
            .filter_map(|t| Some((local_day(t.effective_at?, setting.zone), t)))
            .collect();
        members.sort_by_key(|(day, t)| (*day, t.id));
        if let (Some((_, first)), Some((day, _))) = (members.first(), members.last()) {
            (last_fix, horizon) = (*day, first.contract.horizon_days);
        }
        set = members
            .into_iter()
            .enumerate()
            .map(|(place, (day, t))| SetMember {
                task_id: t.id.to_string(),
                title: t.title.clone(),
                effective_day: day,
                first: place == 0,
            })
            .collect();
    }
    Ok(TaskVerification {
        verification,
        savings,
        set,
        latest_day: last_fix + TimeDelta::days(i64::from(horizon)),
    })
}

/// The present verdict of a task, with looks, history, guard metrics, displacement and savings.
#[utoipa::path(get, path = "/tasks/{id}/verification", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, body = TaskVerification)), security(("bearer" = ["read_tasks"])))]
async fn read_verification(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<TaskVerification>> {
    caller.may(Operation::ReadTasks)?;
    let task = require(&app, &caller, &id).await?;
    match storage::verification::latest(&app.db, task.id).await? {
        Some(found) => Ok(Json(view(&app, &task, found).await?)),
        None => Err(Problem::new(
            Code::NotFound,
            "this task has not been evaluated yet",
        )),
    }
}

/// Computes the verdict now. May be asked at any time and again: asking costs nothing of the evidence.
#[utoipa::path(post, path = "/tasks/{id}/verification/evaluate", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, body = TaskVerification)), security(("bearer" = ["run_loop"])))]
async fn evaluate(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<TaskVerification>> {
    caller.may(Operation::RunLoop)?;
    let task = require(&app, &caller, &id).await?;
    let found = service::evaluate(&app, task.id, &caller.actor, Look::OnRequest).await?;
    Ok(Json(view(&app, &task, found).await?))
}

/// A month of a verified task.
#[derive(Serialize, ToSchema)]
struct MonthlyStatement {
    #[serde(flatten)]
    statement: Statement,
    /// The month is closed and this will not change any more.
    frozen: bool,
    /// Later data overturned the verdict: the amounts no longer count.
    withdrawn: bool,
}

/// The monthly statements of a verified task, oldest first. Closed months are frozen.
#[utoipa::path(get, path = "/tasks/{id}/statements", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, body = List<MonthlyStatement>)), security(("bearer" = ["read_tasks"])))]
async fn read_statements(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<List<MonthlyStatement>>> {
    caller.may(Operation::ReadTasks)?;
    let task = require(&app, &caller, &id).await?;
    let items = worth::statements(&app, &task)
        .await?
        .into_iter()
        .map(|m| MonthlyStatement {
            statement: m.statement,
            frozen: m.frozen,
            withdrawn: m.withdrawn,
        })
        .collect();
    Ok(List::whole(items))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MonthQuery {
    /// `YYYY-MM`.
    month: String,
}

/// What all verified improvements were worth in a month; every topic's avoided contacts count once. A
/// department owner sees those of the own department.
#[utoipa::path(get, path = "/reports/savings", tag = "reports", params(MonthQuery),
    responses((status = 200, body = Report)), security(("bearer" = ["read_tasks"])))]
async fn read_savings(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<MonthQuery>,
) -> Result<Json<Report>> {
    caller.may(Operation::ReadTasks)?;
    let month =
        Month::parse(&query.month).ok_or_else(|| Problem::query("month", "invalid", "YYYY-MM"))?;
    Ok(Json(
        worth::savings_of(&app, month, |d| caller.sees_department(d)).await?,
    ))
}
