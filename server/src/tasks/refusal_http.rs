//! Refusals over HTTP: re-routing, what it proposes, and the report by department.

use super::http::{TaskView, held, require, tagged, view};
use super::refusal::{Amended, amendments, propose};
use super::service::{act_in, owner_of};
use crate::app::Shared;
use crate::http::{
    Body, Caller, Code, IfMatch, List, Params, Problem, Result, Segment, extract, spoken,
};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::clock::{local_day, start_of_day};
use domain::identity::Operation;
use domain::organisation::{Bilingual, Department, Topic};
use domain::routing::Change;
use domain::tasks::{self, Command};
use serde::{Deserialize, Serialize};
use storage::Tx;
use storage::refusals::Proposal;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(reroute))
        .routes(routes!(list_proposals))
        .routes(routes!(accept_proposal))
        .routes(routes!(dismiss_proposal))
        .routes(routes!(refusals))
}

/// A re-route.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rerouting {
    /// Said to the former owner and in the history; the refusal's reason when missing.
    #[serde(default)]
    reason: Option<String>,
}

/// Gives a refused task to the department that the refusal names, and proposes an owner rule that says so.
#[utoipa::path(post, path = "/tasks/{id}/reroute", request_body = Rerouting, tag = "tasks",
    params(("id" = String, Path)), responses((status = 200, body = TaskView)), security(("bearer" = ["run_loop"])))]
async fn reroute(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Rerouting>,
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    let known = require(&app, &caller, &id).await?;
    let tx = app.begin().await?;
    let task = held(&tx, known.id, expected).await?;
    let proposed = task.proposed_department.clone();
    let Some(proposed) =
        proposed.filter(|_| task.state == tasks::State::Declined || task.with_arbiter)
    else {
        return Err(Problem::new(
            Code::WrongState,
            "nobody has refused this task and named another department",
        ));
    };
    let (department, owner) = owner_of(&tx, &proposed, None).await?;
    let reason = body
        .reason
        .filter(|r| !r.trim().is_empty())
        .or_else(|| task.decline_reason.clone())
        .unwrap_or_else(|| department.title().to_owned());
    let command = Command::Reassign {
        department: department.key.clone(),
        owner,
        reason,
    };
    let next = act_in(&app, &tx, task, &command, &caller.actor).await?;
    if let Some(proposal) = propose(&app, &tx, &next, &department.key).await? {
        let data = serde_json::json!({"proposal": proposal.id, "topic": proposal.topic, "department": department.key});
        let id = next.id.to_string();
        let (subject, kind) = ("task", "task.rule_proposed");
        let event = app.ids.next();
        storage::events::record(&tx, event, subject, &id, kind, &caller.actor, &data).await?;
    }
    tx.commit().await?;
    app.wake_workers();
    Ok(tagged(view(&app, &caller, next).await?, StatusCode::OK))
}

/// A topic's matters should go to another department, as re-routed tasks suggest.
#[derive(Serialize, ToSchema)]
struct OwnerRuleProposal {
    id: String,
    topic: String,
    /// Who should have it.
    department: String,
    /// Who had it when the proposal was made.
    present: Option<String>,
    /// `open`, `accepted` or `dismissed`.
    state: String,
    /// Tasks that were re-routed so.
    tasks: Vec<String>,
    /// The department that refused the first of them.
    refused_by: String,
    /// In its words.
    reason: String,
    created_at: DateTime<Utc>,
    decided_by: Option<String>,
    /// What accepting it changes (of an open one, by the rules as they are now) or changed. Empty: the department
    /// gets it already, or it was dismissed.
    changes: Vec<OwnerRuleChange>,
}

/// A change that makes a department win.
#[derive(Serialize, ToSchema)]
struct OwnerRuleChange {
    /// `rule_added` (before the line that decides), `rule_changed` or `topic_owner`.
    kind: &'static str,
    /// The line of the new rule.
    line: Option<usize>,
    rule: Option<String>,
    /// The line that decides or decided without it.
    before: Option<String>,
    sentence: Bilingual,
}

impl From<Change> for OwnerRuleChange {
    fn from(change: Change) -> Self {
        let sentence = change.sentence();
        let (kind, line, rule, before) = match change {
            Change::RuleAdded { line, rule, before } => {
                ("rule_added", Some(line), Some(rule), Some(before))
            }
            Change::RuleChanged { line, rule, before } => {
                ("rule_changed", Some(line), Some(rule), Some(before))
            }
            Change::TopicOwner => ("topic_owner", None, None, None),
        };
        Self {
            kind,
            line,
            rule,
            before,
            sentence,
        }
    }
}

impl From<Proposal> for OwnerRuleProposal {
    fn from(p: Proposal) -> Self {
        Self {
            changes: p.changes.into_iter().map(Into::into).collect(),
            id: p.id,
            topic: p.topic,
            department: p.department,
            present: p.present,
            state: p.state,
            tasks: p.tasks,
            refused_by: p.refused_by,
            reason: p.reason,
            created_at: p.created_at,
            decided_by: p.decided_by,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ProposalQuery {
    /// `open`, `accepted` or `dismissed`; all when missing.
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// Proposed owners of topics, newest first.
#[utoipa::path(get, path = "/owner-rule-proposals", tag = "tasks", params(ProposalQuery),
    responses((status = 200, body = List<OwnerRuleProposal>)), security(("bearer" = ["run_loop"])))]
async fn list_proposals(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<ProposalQuery>,
) -> Result<Json<List<OwnerRuleProposal>>> {
    caller.may(Operation::RunLoop)?;
    let state = query.state.as_deref();
    if state.is_some_and(|s| !matches!(s, "open" | "accepted" | "dismissed")) {
        return Err(Problem::query("state", "unknown", "no such state"));
    }
    let after = extract::cursor(query.cursor)?;
    let limit = extract::limit(query.limit)?;
    let mut page = storage::refusals::proposals(&app.db, state, after.as_deref(), limit).await?;
    for proposal in page.items.iter_mut().filter(|p| p.state == "open") {
        let amended = amendments(&app.db, proposal).await?;
        proposal.changes = amended.unwrap_or_default().changes;
    }
    Ok(List::page(page, OwnerRuleProposal::from))
}

/// Writes what an accepted proposal changes: the rules, the topic's own department, or both.
async fn carry_out(
    app: &Shared,
    tx: &Tx,
    caller: &Caller,
    proposal: &Proposal,
    topic: Topic,
    department: &Department,
    amended: &Amended,
) -> Result<()> {
    let by_topic = |change: &Change| *change == Change::TopicOwner;
    if !amended.changes.iter().all(by_topic) {
        let before = storage::routing::rules(tx).await?;
        let expected = before.as_ref().map_or(0, |b| b.version);
        let saved = storage::routing::put(tx, &amended.text, &caller.actor, Some(expected)).await?;
        let data = serde_json::json!({
            "version": saved.version,
            "text": saved.text,
            "before": before.map(|b| b.text),
            "proposal": proposal.id,
        });
        let (event, subject, kind) = (app.ids.next(), "owner_rules", "owner_rules.changed");
        storage::events::record(tx, event, subject, "1", kind, &caller.actor, &data).await?;
    }
    if amended.changes.iter().any(by_topic) {
        let from = topic.owner_department.clone();
        let changed = Topic {
            owner_department: Some(department.key.clone()),
            ..topic
        };
        storage::organisation::put(tx, &changed, None).await?;
        let data = serde_json::json!({"from": from, "to": department.key, "proposal": proposal.id});
        let (event, subject, kind) = (app.ids.next(), "topic", "topic.owner_changed");
        storage::events::record(tx, event, subject, &changed.key, kind, &caller.actor, &data)
            .await?;
    }
    Ok(())
}

/// Decides an open proposal.
async fn decide(
    app: &Shared,
    caller: &Caller,
    id: &str,
    accepted: bool,
) -> Result<Json<OwnerRuleProposal>> {
    let tx = app.begin().await?;
    let Some(mut proposal) = storage::refusals::proposal(&tx, id).await? else {
        return Err(Problem::not_found("proposal"));
    };
    if proposal.state != "open" {
        return Err(Problem::new(
            Code::WrongState,
            format!("this proposal is {}", proposal.state),
        ));
    }
    if accepted {
        let topic: Option<Topic> = storage::organisation::get(&tx, &proposal.topic).await?;
        let department: Option<Department> =
            storage::organisation::get(&tx, &proposal.department).await?;
        let (Some(topic), Some(department)) = (topic, department) else {
            return Err(Problem::new(
                Code::Conflict,
                "the topic or the department is gone",
            ));
        };
        let Some(amended) = amendments(&tx, &proposal).await? else {
            return Err(Problem::new(
                Code::Conflict,
                spoken(&Bilingual::new(
                    "责任规则放不下这一条（最多 500 条、100000 个字），请先整理",
                    "the owner rules have no room for this one (at most 500 rules, 100,000 characters): tidy them first",
                )),
            ));
        };
        carry_out(app, &tx, caller, &proposal, topic, &department, &amended).await?;
        proposal.changes = amended.changes;
    }
    proposal.state = if accepted { "accepted" } else { "dismissed" }.to_owned();
    proposal.decided_by = Some(caller.actor.name.clone());
    storage::refusals::save_proposal(&tx, &proposal).await?;
    tx.commit().await?;
    Ok(Json(proposal.into()))
}

/// Makes the department win: by a rule before the one that decides, or where none does as the topic's own department.
#[utoipa::path(post, path = "/owner-rule-proposals/{id}/accept", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, body = OwnerRuleProposal)), security(("bearer" = ["run_loop"])))]
async fn accept_proposal(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<OwnerRuleProposal>> {
    caller.may(Operation::RunLoop)?;
    decide(&app, &caller, &id, true).await
}

/// Leaves the topic where it is.
#[utoipa::path(post, path = "/owner-rule-proposals/{id}/dismiss", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, body = OwnerRuleProposal)), security(("bearer" = ["run_loop"])))]
async fn dismiss_proposal(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<OwnerRuleProposal>> {
    caller.may(Operation::RunLoop)?;
    decide(&app, &caller, &id, false).await
}

/// How often a reason was given.
#[derive(Serialize, ToSchema)]
struct RefusalReason {
    reason: String,
    n: i64,
}

/// Refusals of a department.
#[derive(Serialize, ToSchema)]
struct DepartmentRefusals {
    department: String,
    department_name: String,
    /// Times that a task was offered to it.
    offered: i64,
    declined: i64,
    handed_over: i64,
    /// Of both, to a department that had passed the same task on before.
    ping_pong: i64,
    /// Refusals and hand-overs of each task offered, 0 to 1 and above it where tasks of before came back;
    /// null: nothing was offered.
    share: Option<f64>,
    /// The longest way of a task up to this department's refusal.
    most_hops: i64,
    /// The most frequent first, at most 10.
    reasons: Vec<RefusalReason>,
}

/// Refusals by department.
#[derive(Serialize, ToSchema)]
struct RefusalReport {
    from: NaiveDate,
    to: NaiveDate,
    departments: Vec<DepartmentRefusals>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportQuery {
    /// First day; 30 days before the last when missing.
    from: Option<NaiveDate>,
    /// Last day, included; today when missing.
    to: Option<NaiveDate>,
}

/// Most reasons of a department.
const MOST_REASONS: usize = 10;

/// How often departments refused tasks or passed them on, and why.
#[utoipa::path(get, path = "/reports/refusals", tag = "tasks", params(ReportQuery),
    responses((status = 200, body = RefusalReport)), security(("bearer" = ["read_tasks"])))]
async fn refusals(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<ReportQuery>,
) -> Result<Json<RefusalReport>> {
    caller.may(Operation::ReadTasks)?;
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    let to = query.to.unwrap_or_else(|| local_day(app.now(), zone));
    let month = to.checked_sub_days(Days::new(29)).unwrap_or(to);
    let from = query.from.unwrap_or(month);
    extract::in_order(Some(from), Some(to))?;
    let end = to.succ_opt().unwrap_or(to);
    let span = (start_of_day(from, zone), start_of_day(end, zone));
    let figures = storage::refusals::by_department(&app.db, span.0, span.1).await?;
    let reasons = storage::refusals::reasons(&app.db, span.0, span.1).await?;
    let departments: Vec<Department> = storage::organisation::all(&app.db).await?;
    let share = |refused: i64, offered: i64| (offered > 0).then(|| refused as f64 / offered as f64);
    let items = figures
        .into_iter()
        .filter(|f| caller.sees_department(&f.department))
        .map(|f| DepartmentRefusals {
            department_name: departments
                .iter()
                .find(|d| d.key == f.department)
                .map_or_else(|| f.department.clone(), |d| d.title().to_owned()),
            share: share(f.declined + f.handed_over, f.offered),
            reasons: reasons
                .iter()
                .filter(|r| r.department == f.department)
                .take(MOST_REASONS)
                .map(|r| RefusalReason {
                    reason: r.reason.clone(),
                    n: r.n,
                })
                .collect(),
            department: f.department,
            offered: f.offered,
            declined: f.declined,
            handed_over: f.handed_over,
            ping_pong: f.ping_pong,
            most_hops: f.most_hops,
        })
        .collect();
    Ok(Json(RefusalReport {
        from,
        to,
        departments: items,
    }))
}
