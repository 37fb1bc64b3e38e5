//! Escalation over HTTP: policies, the chain of a task, putting reminders off.

use super::escalation::{Scene, policies};
use super::http::{TaskView, command, require};
use crate::app::Shared;
use crate::http::{Body, Caller, IfMatch, List, Problem, Result, Segment};
use crate::organisation::http::{same_key, tagged};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use domain::organisation::Department;
use domain::tasks::Command;
use domain::tasks::escalation::{Action, Policy, When, check};
use serde::{Deserialize, Serialize};
use storage::organisation as store;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_policies))
        .routes(routes!(read_policy, write_policy))
        .routes(routes!(read_escalation))
        .routes(routes!(snooze_reminders))
}

/// All policies; `default` is among them even where nobody changed it.
#[utoipa::path(get, path = "/escalation-policies", tag = "tasks",
    responses((status = 200, body = List<Policy>)), security(("bearer" = ["read_tasks"])))]
async fn list_policies(State(app): State<Shared>, caller: Caller) -> Result<Json<List<Policy>>> {
    caller.may(Operation::ReadTasks)?;
    Ok(List::whole(policies(&app.db).await?))
}

/// One policy.
#[utoipa::path(get, path = "/escalation-policies/{key}", tag = "tasks", params(("key" = String, Path)),
    responses((status = 200, body = Policy)), security(("bearer" = ["read_tasks"])))]
async fn read_policy(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<(HeaderMap, Json<Policy>)> {
    caller.may(Operation::ReadTasks)?;
    let found = policies(&app.db).await?.into_iter().find(|p| p.key == key);
    let found = found.ok_or_else(|| Problem::not_found("escalation policy"))?;
    let version = found.version;
    Ok(tagged(found, version))
}

/// Creates or replaces a policy. Tasks that their owners have already keep the version they were offered
/// with.
#[utoipa::path(put, path = "/escalation-policies/{key}", request_body = Policy, tag = "tasks",
    params(("key" = String, Path)), responses((status = 200, body = Policy)),
    security(("bearer" = ["manage_organisation"])))]
async fn write_policy(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(mut new): Body<Policy>,
) -> Result<(HeaderMap, Json<Policy>)> {
    caller.may(Operation::ManageOrganisation)?;
    same_key(&key, &mut new.key)?;
    let tx = app.begin().await?;
    let departments: Vec<Department> = store::all(&tx).await?;
    let keys: Vec<String> = departments.into_iter().map(|d| d.key).collect();
    check(&new, &policies(&tx).await?, &keys)?;
    let saved = store::put(&tx, &new, expected).await?;
    storage::escalation::keep_version(&tx, &saved).await?;
    let data = serde_json::json!({"version": saved.version, "departments": saved.departments, "steps": saved.steps});
    storage::events::record(
        &tx,
        app.ids.next(),
        "escalation_policy",
        &saved.key,
        "escalation_policy.changed",
        &caller.actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    let version = saved.version;
    Ok(tagged(saved, version))
}

/// A step that is ahead.
#[derive(Serialize, ToSchema)]
struct StepAhead {
    /// Place in the policy, from 0.
    step: usize,
    when: When,
    #[serde(rename = "do")]
    action: Action,
    /// Which time, from 1.
    n: u8,
    /// When its wait is over.
    planned_at: DateTime<Utc>,
    /// When it is done, if nothing happens before: in the working time of who it goes to.
    act_at: DateTime<Utc>,
    /// Name of who it goes to, as things are now.
    to: Option<String>,
}

/// A step that was done.
#[derive(Serialize, ToSchema)]
struct StepDone {
    /// Which offer of the task, from 1.
    assignment: i64,
    step: usize,
    when: String,
    #[serde(rename = "do")]
    action: String,
    n: u8,
    planned_at: DateTime<Utc>,
    at: DateTime<Utc>,
    /// Seconds later than it could have been done.
    late_by: i64,
    /// Earlier repeats that it stands for.
    missed: i64,
    /// Name of who it went to; empty: nobody was known.
    to: String,
    /// `done`, `substitute`, `voc_owner_instead` or `nobody`.
    outcome: String,
}

/// What happens to a task by itself.
#[derive(Serialize, ToSchema)]
struct Escalation {
    task_id: String,
    /// The policy that it holds to; null: nothing happens any more.
    policy: Option<String>,
    policy_name: String,
    policy_version: Option<i64>,
    /// The policy was changed since: that counts for the next owner.
    policy_changed: bool,
    snoozed_until: Option<DateTime<Utc>>,
    ahead: Vec<StepAhead>,
    done: Vec<StepDone>,
}

/// What has happened to a task by itself, what will, when, and who is told.
#[utoipa::path(get, path = "/tasks/{id}/escalation", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, body = Escalation)), security(("bearer" = ["read_tasks"])))]
async fn read_escalation(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<Escalation>> {
    caller.may(Operation::ReadTasks)?;
    let task = require(&app, &caller, &id).await?;
    let now = app.now();
    let mut found = Escalation {
        task_id: task.id.to_string(),
        policy: None,
        policy_name: String::new(),
        policy_version: None,
        policy_changed: false,
        snoozed_until: task.snoozed_until.filter(|at| *at > now),
        ahead: Vec::new(),
        done: Vec::new(),
    };
    let chain = storage::escalation::chain(&app.db, task.id).await?;
    let chain = chain.filter(|c| c.assignment == task.assignment);
    let policy = match &chain {
        Some(chain) => {
            storage::escalation::version(&app.db, &chain.policy_key, chain.policy_version).await?
        }
        None => None,
    };
    let scene = Scene::read(
        &app,
        &app.db,
        &task,
        policy.clone().unwrap_or_else(Policy::in_the_box),
    )
    .await?;
    if let Some(policy) = policy {
        let present = policies(&app.db).await?;
        let department = &task.department;
        let now_for = domain::tasks::escalation::policy_for(department, &present);
        found.policy_changed = now_for.map(|p| (p.key.as_str(), p.version))
            != Some((policy.key.as_str(), policy.version));
        let seen = scene.look(now);
        let view = |m: &domain::tasks::escalation::Move| {
            let step = policy.steps.get(m.step)?;
            Some(StepAhead {
                step: m.step,
                when: step.when,
                action: step.action,
                n: m.n,
                planned_at: m.planned_at,
                act_at: m.act_at,
                to: scene
                    .target(step.action)
                    .map(|t| t.person.display_name().to_owned()),
            })
        };
        found.ahead = seen
            .due
            .iter()
            .chain(&seen.ahead)
            .filter_map(view)
            .collect();
        found.policy_name.clone_from(&policy.name);
        found.policy_version = Some(policy.version);
        found.policy = Some(policy.key);
    }
    let done = storage::escalation::steps(&app.db, task.id, None).await?;
    found.done = done
        .into_iter()
        .map(|step| StepDone {
            assignment: step.assignment,
            step: step.fired.step,
            when: step.when,
            action: step.action,
            n: step.fired.n,
            planned_at: step.planned_at,
            at: step.fired.at,
            late_by: step.late_by,
            missed: step.missed,
            to: if step.recipient.is_empty() {
                String::new()
            } else {
                scene
                    .people
                    .person(&step.recipient)
                    .display_name()
                    .to_owned()
            },
            outcome: step.outcome,
        })
        .collect();
    Ok(Json(found))
}

/// A day to be reminded on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Snoozing {
    /// When reminders begin again: ahead, and not after the task is due.
    until: DateTime<Utc>,
}

/// Puts the owner's reminders off. Whoever else is told is told as before.
#[utoipa::path(post, path = "/tasks/{id}/snooze", request_body = Snoozing, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["do_task"])))]
async fn snooze_reminders(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Snoozing>,
) -> Result<Response> {
    caller.may(Operation::DoTask)?;
    let until = body.until;
    command(
        &app,
        &caller,
        &headers,
        expected,
        &id,
        Command::Snooze { until },
    )
    .await
}
