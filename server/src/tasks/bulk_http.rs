//! Many tasks at once, with a preview; and how long tasks waited for others.

use super::http::require;
use super::service::{act_in, owner_of};
use super::work_http::{SubTasks, refuse_open_parts};
use crate::app::Shared;
use crate::http::{Body, Caller, Params, Problem, Result, extract};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::calendar::{Why, working_minutes};
use domain::clock::{local_day, start_of_day};
use domain::identity::Operation;
use domain::organisation::Department;
use domain::tasks::{Command, State as TaskState, Task};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use storage::Tx;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Tasks of one call.
const MOST: usize = 200;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(act_on_many))
        .routes(routes!(pauses))
}

/// What is done to many tasks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BulkVerb {
    /// Given to somebody else.
    Reassign,
    /// Withdrawn.
    Cancel,
    /// Whoever has to act is reminded.
    Remind,
}

/// Many tasks, and what is to be done to each.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkTasks {
    /// At most 200.
    ids: Vec<String>,
    action: BulkVerb,
    /// Of `reassign`.
    #[serde(default)]
    department: Option<String>,
    /// Of `reassign`; the department's first owner when missing.
    #[serde(default)]
    owner_email: Option<String>,
    /// Of `reassign` and `cancel`; what is said in a reminder.
    #[serde(default)]
    reason: Option<String>,
    /// Of `cancel`: open sub-tasks are withdrawn too.
    #[serde(default)]
    sub_tasks: Option<SubTasks>,
    /// Says what would happen; nothing is written.
    #[serde(default)]
    preview: bool,
}

/// What happened to one of them, or would.
#[derive(Serialize, ToSchema)]
struct BulkTaskResult {
    id: String,
    title: String,
    /// It was done, or would be.
    ok: bool,
    /// Why not: the stable code of the problem.
    code: Option<String>,
    /// Why not, for people.
    detail: Option<String>,
    state_before: Option<String>,
    state_after: Option<String>,
    owner_before: Option<String>,
    owner_after: Option<String>,
    /// Addresses that get a mail because of it.
    mails: Vec<String>,
}

/// What happened to each.
#[derive(Serialize, ToSchema)]
struct BulkTaskResults {
    preview: bool,
    done: usize,
    refused: usize,
    items: Vec<BulkTaskResult>,
}

async fn command_of(tx: &Tx, body: &BulkTasks, task: &Task) -> Result<Command> {
    let reason = body.reason.clone().unwrap_or_default();
    Ok(match body.action {
        BulkVerb::Remind => Command::Remind { comment: reason },
        BulkVerb::Cancel => {
            if body.sub_tasks.is_none() {
                refuse_open_parts(tx, task).await?;
            }
            Command::Cancel { reason }
        }
        BulkVerb::Reassign => {
            let Some(department) = &body.department else {
                return Err(Problem::field("department", "required", "who gets them"));
            };
            let (department, owner) = owner_of(tx, department, body.owner_email.as_deref()).await?;
            // A call that comes twice offers nothing twice.
            if task.state == TaskState::Assigned
                && task.department == department.key
                && task.owner.email == owner.email
            {
                return Err(Problem::field(
                    "department",
                    "already_theirs",
                    "this person is asked already",
                ));
            }
            Command::Reassign {
                department: department.key,
                owner,
                reason,
            }
        }
    })
}

/// One of them, in a transaction of its own that a preview takes back.
async fn one(app: &Shared, caller: &Caller, body: &BulkTasks, id: &str) -> Result<BulkTaskResult> {
    let task = require(app, caller, id).await?;
    let tx = app.begin().await?;
    let Some(task) = storage::tasks::hold(&tx, task.id).await? else {
        return Err(Problem::not_found("task"));
    };
    let mut result = BulkTaskResult {
        id: id.to_owned(),
        title: task.title.clone(),
        ok: false,
        code: None,
        detail: None,
        state_before: Some(task.state.as_str().to_owned()),
        state_after: None,
        owner_before: Some(task.owner.display_name().to_owned()),
        owner_after: None,
        mails: Vec::new(),
    };
    let mut ids = vec![id.to_owned()];
    ids.extend(
        storage::tasks::below(&tx, task.id)
            .await?
            .iter()
            .map(|t| t.id.to_string()),
    );
    let mut before = BTreeSet::new();
    for id in &ids {
        let sent = storage::notify::of_task(&tx, id).await?;
        before.extend(sent.into_iter().map(|d| d.id));
    }
    let acted = match command_of(&tx, body, &task).await {
        Ok(command) => act_in(app, &tx, task, &command, &caller.actor)
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let next = match acted {
        Ok(next) => next,
        Err(problem) if problem.code.status().is_server_error() => return Err(problem),
        Err(problem) => {
            let field = problem.errors.first().map(|e| e.code.clone());
            result.code = Some(field.unwrap_or_else(|| problem.code.as_str().to_owned()));
            let title = problem.code.titles();
            result.detail = Some(if problem.detail.is_empty() {
                crate::http::spoken(&title)
            } else {
                problem.detail
            });
            return Ok(result);
        }
    };
    for id in &ids {
        for mail in storage::notify::of_task(&tx, id).await? {
            if mail.kind == "mail" && !before.contains(&mail.id) {
                result.mails.push(mail.target);
            }
        }
    }
    result.ok = true;
    result.state_after = Some(next.state.as_str().to_owned());
    result.owner_after = Some(next.owner.display_name().to_owned());
    if body.preview {
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(result)
}

/// Gives many tasks to somebody else, withdraws them, or reminds whoever has to act. Each for itself: what
/// cannot be done says why, the others are done. With `preview` nothing is written.
#[utoipa::path(post, path = "/tasks/bulk", request_body = BulkTasks, tag = "tasks",
    responses((status = 200, body = BulkTaskResults)), security(("bearer" = ["run_loop"])))]
async fn act_on_many(
    State(app): State<Shared>,
    caller: Caller,
    Body(body): Body<BulkTasks>,
) -> Result<Json<BulkTaskResults>> {
    caller.may(Operation::RunLoop)?;
    if body.ids.is_empty() || body.ids.len() > MOST {
        return Err(Problem::field("ids", "out_of_range", "1 to 200 tasks"));
    }
    let needs_reason = matches!(body.action, BulkVerb::Reassign | BulkVerb::Cancel);
    if needs_reason && body.reason.as_ref().is_none_or(|r| r.trim().is_empty()) {
        return Err(Problem::field("reason", "required", "must not be empty"));
    }
    let mut seen = BTreeSet::new();
    let mut items = Vec::with_capacity(body.ids.len());
    for id in body.ids.iter().filter(|id| seen.insert(id.as_str())) {
        items.push(match one(&app, &caller, &body, id).await {
            Ok(result) => result,
            Err(problem) => BulkTaskResult {
                id: id.clone(),
                title: String::new(),
                ok: false,
                code: Some(problem.code.as_str().to_owned()),
                detail: Some(crate::http::spoken(&problem.code.titles())),
                state_before: None,
                state_after: None,
                owner_before: None,
                owner_after: None,
                mails: Vec::new(),
            },
        });
    }
    app.wake_workers();
    let done = items.iter().filter(|i| i.ok).count();
    Ok(Json(BulkTaskResults {
        preview: body.preview,
        done,
        refused: items.len() - done,
        items,
    }))
}

// ---------------------------------------------------------------- report

/// Waits of one reason in one department.
#[derive(Serialize, ToSchema)]
struct PauseRow {
    /// `question` or `approval`.
    why: Why,
    department: String,
    department_name: String,
    tasks: usize,
    pauses: usize,
    /// Of them, those that last.
    lasting: usize,
    /// Working minutes of the department's calendar in all of them.
    working_minutes: i64,
    /// The longest, in working minutes.
    longest_minutes: i64,
    /// Minutes in all of them, nights and holidays counted.
    minutes: i64,
}

/// How long tasks waited for others.
#[derive(Serialize, ToSchema)]
struct PauseReport {
    from: NaiveDate,
    to: NaiveDate,
    rows: Vec<PauseRow>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PauseQuery {
    /// First day; 30 days before the last when missing.
    from: Option<NaiveDate>,
    /// Last day, included; today when missing.
    to: Option<NaiveDate>,
}

/// Tasks of one read.
const BATCH: u64 = 500;

/// The department that had a task at a time.
fn had(offers: &[(DateTime<Utc>, String)], task: &Task, at: DateTime<Utc>) -> String {
    let offer = offers.iter().rev().find(|(from, _)| *from <= at);
    offer.map_or_else(|| task.department.clone(), |(_, d)| d.clone())
}

/// How long tasks waited for an answer or an approval, by reason and by the department that had them. What
/// lies outside of the days does not count; what lasts counts up to now.
#[utoipa::path(get, path = "/reports/pauses", tag = "tasks", params(PauseQuery),
    responses((status = 200, body = PauseReport)), security(("bearer" = ["read_tasks"])))]
async fn pauses(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<PauseQuery>,
) -> Result<Json<PauseReport>> {
    caller.may(Operation::ReadTasks)?;
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    let to = query.to.unwrap_or_else(|| local_day(app.now(), zone));
    let month = to.checked_sub_days(Days::new(29)).unwrap_or(to);
    let from = query.from.unwrap_or(month);
    extract::in_order(Some(from), Some(to))?;
    let end = to.succ_opt().unwrap_or(to);
    let (start, end) = (start_of_day(from, zone), start_of_day(end, zone));
    let departments: Vec<Department> = storage::organisation::all(&app.db).await?;
    let mut calendars: BTreeMap<String, domain::calendar::Days> = BTreeMap::new();
    let mut rows: BTreeMap<(Why, String), (BTreeSet<String>, PauseRow)> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let tasks = storage::tasks::paused(&app.db, end, &after, BATCH).await?;
        let Some(last) = tasks.last() else { break };
        after = last.id.to_string();
        let more = tasks.len() as u64 == BATCH;
        for task in tasks {
            let within: Vec<_> = task
                .pauses
                .iter()
                .map(|p| {
                    let until = p.until.unwrap_or_else(|| app.now());
                    (p, p.from.max(start), until.min(end))
                })
                .filter(|(_, from, until)| until > from)
                .collect();
            if within.is_empty() {
                continue;
            }
            let offers = storage::tasks::offers(&app.db, task.id).await?;
            for (pause, from, until) in within {
                let department = had(&offers, &task, pause.from);
                if !caller.sees_department(&department) {
                    continue;
                }
                let known = departments.iter().find(|d| d.key == department);
                if !calendars.contains_key(&department) {
                    let calendar = crate::calendar::of_department(&app.db, known).await?;
                    let days = domain::calendar::Days::of(&calendar);
                    calendars.insert(department.clone(), days);
                }
                let minutes = calendars
                    .get(&department)
                    .map_or(0, |days| working_minutes(days, from, until));
                let (ids, row) = rows
                    .entry((pause.why, department.clone()))
                    .or_insert_with(|| {
                        let row = PauseRow {
                            why: pause.why,
                            department_name: known
                                .map_or_else(|| department.clone(), |d| d.title().to_owned()),
                            department,
                            tasks: 0,
                            pauses: 0,
                            lasting: 0,
                            working_minutes: 0,
                            longest_minutes: 0,
                            minutes: 0,
                        };
                        (BTreeSet::new(), row)
                    });
                ids.insert(task.id.to_string());
                row.tasks = ids.len();
                row.pauses += 1;
                row.lasting += usize::from(pause.until.is_none());
                row.working_minutes += minutes;
                row.longest_minutes = row.longest_minutes.max(minutes);
                row.minutes += (until - from).num_minutes();
            }
        }
        if !more {
            break;
        }
    }
    Ok(Json(PauseReport {
        from,
        to,
        rows: rows.into_values().map(|(_, row)| row).collect(),
    }))
}
