//! Tasks over HTTP.

use super::offer::link_token;
use super::service::{self, NewTask, Wish, owner_of};
use crate::app::Shared;
use crate::http::{
    Body, Caller, Code, IfMatch, List, Once, Params, Problem, Result, Segment, extract,
};
use crate::issues::http::EventView;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use domain::identity::Operation;
use domain::ids::{IssueId, TaskId};
use domain::organisation::{Bilingual, Department, Owner};
use domain::tasks::kind::Kind;
use domain::tasks::refusal::Hop;
use domain::tasks::{Command, DueRule, Task};
use domain::verification::{Contract, GuardMetric, Metric, Verification};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(assign))
        .routes(routes!(list_tasks))
        .routes(routes!(read_task))
        .routes(routes!(accept))
        .routes(routes!(decline))
        .routes(routes!(hand_over))
        .routes(routes!(progress))
        .routes(routes!(complete))
        .routes(routes!(reassign))
        .routes(routes!(cancel))
        .routes(routes!(read_attachment))
        .routes(routes!(propose_contract))
}

/// One report of progress.
#[derive(Serialize, ToSchema)]
struct TaskProgress {
    at: DateTime<Utc>,
    percent: u8,
    comment: String,
    by: String,
    /// What had been counted by then: `3/5`; empty where it is an estimate.
    figures: String,
}

/// The person who is asked.
#[derive(Serialize, ToSchema)]
struct TaskOwner {
    email: String,
    name: String,
    language: String,
    /// Mails to this address came back, nothing more is sent there.
    unreachable: bool,
}

/// The mail that offered the task.
#[derive(Serialize, ToSchema)]
struct TaskMail {
    delivery_id: String,
    /// `queued`, `sending`, `sent`, `retry` or `dead`.
    state: String,
    /// Whether it went to another machine.
    left_machine: bool,
    subject: String,
    /// The text, to copy where nothing leaves the machine; else without its link and its secret line.
    text: String,
    /// The owner's link where nothing leaves the machine, to be passed on by hand; else nobody but the owner gets
    /// it, for whoever has it acts in the owner's name.
    link: Option<String>,
}

/// A file that somebody attached.
#[derive(Serialize, ToSchema)]
pub(super) struct TaskAttachment {
    id: String,
    name: String,
    size: i64,
    /// Hash of its bytes in hexadecimal; empty for files of before it was kept.
    sha256: String,
    added_by: String,
    added_at: DateTime<Utc>,
}

impl From<storage::tasks::AttachmentRow> for TaskAttachment {
    fn from(file: storage::tasks::AttachmentRow) -> Self {
        Self {
            added_at: file.at(),
            id: file.id,
            name: file.name,
            size: file.size,
            sha256: file.sha256,
            added_by: file.added_by,
        }
    }
}

/// By which rule a task is due.
#[derive(Serialize, ToSchema)]
struct TaskDue {
    /// `calendar` or `person`.
    rule: String,
    /// Working hours that the task has.
    hours: Option<f64>,
    /// Key of the calendar that they are counted with.
    calendar: Option<String>,
    /// Its names.
    calendar_name: Option<Bilingual>,
    /// Since when the owner waits for an answer.
    waits_since: Option<DateTime<Utc>>,
    /// What is waited for: `question` or `approval`.
    waits_for: Option<domain::calendar::Why>,
    /// Since when the clock stands because of that.
    standing_since: Option<DateTime<Utc>>,
}

/// Another due date that an owner asks for.
#[derive(Serialize, ToSchema)]
struct ProposedDue {
    at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    by: String,
    comment: String,
}

async fn due_view(app: &Shared, task: &Task) -> Result<TaskDue> {
    let (waits_since, standing_since) = (task.waits_since(), task.stands_since());
    Ok(match &task.due_rule {
        DueRule::Person => TaskDue {
            rule: "person".to_owned(),
            hours: None,
            calendar: None,
            calendar_name: None,
            waits_since,
            waits_for: task.waits_for(),
            standing_since,
        },
        DueRule::Calendar {
            calendar, minutes, ..
        } => TaskDue {
            rule: "calendar".to_owned(),
            hours: Some(f64::from(*minutes) / 60.0),
            calendar: Some(calendar.clone()),
            calendar_name: Some(crate::calendar::title(&app.db, calendar).await?),
            waits_since,
            waits_for: task.waits_for(),
            standing_since,
        },
    })
}

/// An improvement that an owner must deliver.
#[derive(Serialize, ToSchema)]
#[schema(as = Task)]
pub(super) struct TaskView {
    id: String,
    issue_id: String,
    issue_title: String,
    /// What the issue is called in both languages.
    issue_heading: Bilingual,
    topic: String,
    state: String,
    title: String,
    description: String,
    department: String,
    department_name: String,
    owner: TaskOwner,
    assigned_by: String,
    due_at: DateTime<Utc>,
    due: TaskDue,
    /// Another date that the owner asks for and nobody has answered.
    proposed_due: Option<ProposedDue>,
    overdue: bool,
    fast_track: bool,
    measures: Vec<String>,
    progress: Vec<TaskProgress>,
    percent: u8,
    solution: Option<String>,
    effective_at: Option<DateTime<Utc>>,
    done_at: Option<DateTime<Utc>>,
    decline_reason: Option<String>,
    proposed_department: Option<String>,
    contract: Contract,
    verification: Option<Verification>,
    attachments: Vec<TaskAttachment>,
    timeline: Vec<EventView>,
    mail: Option<TaskMail>,
    handling: TaskHandling,
    kind: Kind,
    track: super::work_http::TaskTrack,
    /// Why it was completed although something that is counted is missing.
    rest: Option<String>,
    /// The task that it is a part of.
    parent: Option<super::work_http::TaskRelative>,
    /// Its parts.
    sub_tasks: Vec<super::work_http::TaskRelative>,
    approval: Option<super::work_http::TaskApproval>,
    created_at: DateTime<Utc>,
    version: i64,
}

/// How it came to its owner.
#[derive(Serialize, ToSchema)]
struct TaskHandling {
    /// For whom the owner stands in.
    on_behalf_of: Option<String>,
    /// The owner wants no reminder before.
    snoozed_until: Option<DateTime<Utc>>,
    /// Refusals and hand-overs so far, oldest first.
    hops: Vec<Hop>,
    /// The arbiter is asked who should do it.
    with_arbiter: bool,
}

pub(super) async fn view(app: &Shared, caller: &Caller, task: Task) -> Result<TaskView> {
    let id = task.id.to_string();
    let issue = storage::issues::get(&app.db, task.issue_id).await?;
    let department = storage::organisation::get::<Department>(&app.db, &task.department).await?;
    let timeline = storage::events::of(&app.db, "task", &id).await?;
    let verification = storage::verification::latest(&app.db, task.id).await?;
    let attachments = storage::tasks::attachments(&app.db, task.id).await?;
    let unreachable = storage::addresses::is_disabled(&app.db, &task.owner.email).await?;
    let mut mail = None;
    if caller.may(Operation::RunLoop).is_ok() {
        let offers = storage::notify::of_task(&app.db, &id).await?;
        let offer = offers.into_iter().rev().find(|d| {
            d.data.pointer("/letter/letter").and_then(|l| l.as_str()) == Some("task_offered")
        });
        if let Some(delivery) = offer {
            let by_hand = !app.mail.leaves_machine();
            let rendered = if by_hand {
                crate::notify::rendered(app, &delivery)?
            } else {
                crate::notify::rendered_without_secrets(app, &delivery)?
            };
            mail = Some(TaskMail {
                link: by_hand
                    .then(|| format!("{}/a/{}", app.config.public_url, link_token(app, &task))),
                delivery_id: delivery.id,
                state: delivery.state,
                left_machine: delivery.left_machine,
                subject: rendered.subject,
                text: rendered.text,
            });
        }
    }
    let due = due_view(app, &task).await?;
    let family = super::work_http::family(app, caller, &task).await?;
    let wish = super::due::proposed(&timeline).filter(|_| task.state.is_under_way());
    Ok(TaskView {
        due,
        proposed_due: wish.map(|p| ProposedDue {
            at: p.at,
            due_at: p.due_at,
            by: p.by,
            comment: p.comment,
        }),
        kind: task.kind,
        track: super::work_http::TaskTrack::of(&task.track),
        rest: task.rest.clone(),
        parent: family.0,
        sub_tasks: family.1,
        approval: super::work_http::approval_view(app, caller, &task),
        issue_id: task.issue_id.to_string(),
        issue_heading: issue
            .as_ref()
            .and_then(|i| i.heading.clone())
            .unwrap_or_else(|| {
                let title = issue.as_ref().map_or("", |i| i.title.as_str());
                Bilingual::new(title, title)
            }),
        issue_title: issue.map(|i| i.title).unwrap_or_default(),
        department_name: department
            .map_or_else(|| task.department.clone(), |d| d.title().to_owned()),
        state: task.state.as_str().to_owned(),
        percent: task.percent(),
        overdue: task.is_overdue(app.now()),
        owner: TaskOwner {
            email: task.owner.email.clone(),
            name: task.owner.display_name().to_owned(),
            language: task.owner.language.as_str().to_owned(),
            unreachable,
        },
        id,
        topic: task.topic,
        title: task.title,
        description: task.description,
        department: task.department,
        assigned_by: task.assigned_by.name,
        due_at: task.due_at,
        fast_track: task.fast_track,
        measures: task.measures,
        progress: task
            .progress
            .into_iter()
            .map(|p| TaskProgress {
                at: p.at,
                percent: p.percent,
                comment: p.comment,
                by: p.by,
                figures: p.figures,
            })
            .collect(),
        solution: task.solution,
        effective_at: task.effective_at,
        done_at: task.done_at,
        decline_reason: task.decline_reason,
        proposed_department: task.proposed_department,
        contract: task.contract,
        verification,
        attachments: attachments.into_iter().map(TaskAttachment::from).collect(),
        timeline: timeline.into_iter().map(EventView::from).collect(),
        mail,
        handling: TaskHandling {
            on_behalf_of: task.on_behalf_of,
            snoozed_until: task.snoozed_until,
            hops: task.hops,
            with_arbiter: task.with_arbiter,
        },
        created_at: task.created_at,
        version: task.version,
    })
}

pub(super) fn tagged(view: TaskView, status: StatusCode) -> Response {
    let version = view.version;
    let mut response = (status, Json(view)).into_response();
    if let Ok(tag) = format!("\"{version}\"").parse() {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

// ---------------------------------------------------------------- assigning

/// How a task will be judged, as far as a person wants to say; the rest is by the rules.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ContractWish {
    /// By the rules when missing.
    #[serde(default)]
    metric: Option<Metric>,
    /// The topic right above the issue's, to be watched instead of it: what a refusal proposes as
    /// `instead_watched_topic`.
    #[serde(default)]
    watched_topic: Option<String>,
    /// In the metric's unit: 0.1 = ten points up, −0.2 = a fifth fewer contacts.
    #[serde(default)]
    expected_change: Option<f64>,
    /// Metrics that must not become worse, each with the smallest worsening that counts.
    #[serde(default)]
    guards: Vec<GuardMetric>,
    /// Channels concerned; the issue's when missing, all when empty.
    #[serde(default)]
    channels: Option<Vec<String>>,
    /// Days after the fix when the verdict falls at the latest, 7 to 56.
    #[serde(default)]
    horizon_days: Option<u32>,
    /// The day the trouble was seen, where it is not the day the detector rang. It decides which days
    /// are the baseline, so the history says who dated it.
    #[serde(default)]
    alarm_day: Option<NaiveDate>,
}

impl From<ContractWish> for Wish {
    fn from(wish: ContractWish) -> Self {
        Self {
            metric: wish.metric,
            watched_topic: wish.watched_topic,
            expected_change: wish.expected_change,
            guards: wish.guards,
            channels: wish.channels,
            horizon_days: wish.horizon_days,
            alarm_day: wish.alarm_day,
        }
    }
}

/// A task to be made.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = NewTask)]
#[serde(deny_unknown_fields)]
struct NewTaskBody {
    title: String,
    #[serde(default)]
    description: String,
    /// By the owner rules when missing: `POST /api/v1/owner-rules/test` says whose it would be.
    #[serde(default)]
    department: Option<String>,
    /// The department's first owner when missing; by the owner rules when the department is missing too.
    #[serde(default)]
    owner_email: Option<String>,
    /// By the department's calendar when missing: the organisation's `fast_track_hours` for what must be
    /// fixed at once, else its `task_hours`.
    #[serde(default)]
    due_at: Option<DateTime<Utc>>,
    #[serde(default)]
    measures: Vec<String>,
    /// What sort of improvement it is.
    #[serde(default)]
    kind: Kind,
    /// How progress is told; by the kind when missing: the measures of most kinds are a checklist, a product
    /// change has a ticket elsewhere.
    #[serde(default)]
    track: Option<super::work_http::TrackWish>,
    #[serde(default)]
    contract: Option<ContractWish>,
}

/// Turns an issue into a task; the mail to its owner goes out.
#[utoipa::path(post, path = "/issues/{id}/tasks", request_body = NewTaskBody, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = TaskView)), security(("bearer" = ["run_loop"])))]
async fn assign(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    Segment(id): Segment<String>,
    Body(body): Body<NewTaskBody>,
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    let issue: IssueId = id.parse().map_err(|_| Problem::not_found("issue"))?;
    let text = serde_json::to_string(&body).unwrap_or_default();
    let once = Once::of(&app, &caller, &headers, &format!("assign:{issue}"), &text)?;
    if let Some(once) = &once
        && let Some(answer) = once.replay(&app).await?
    {
        return Ok(answer);
    }
    let new = NewTask {
        title: body.title,
        description: body.description,
        department: body.department,
        owner_email: body.owner_email,
        due_at: body.due_at,
        measures: body.measures,
        kind: body.kind,
        track: body.track.map(Into::into),
        wish: body.contract.map(Wish::from).unwrap_or_default(),
    };
    let tx = app.begin().await?;
    let task = service::assign(&app, &tx, issue, &new, &caller.actor).await?;
    let short = serde_json::json!({"id": task.id.to_string(), "issue_id": id, "state": task.state});
    created(&app, &caller, tx, once, &short, task).await
}

/// Ends the making of a task. `short`: what a repeated request is told; the rest can be read again.
pub(super) async fn created(
    app: &Shared,
    caller: &Caller,
    tx: storage::Tx,
    once: Option<Once>,
    short: &serde_json::Value,
    task: Task,
) -> Result<Response> {
    if let Some(once) = &once {
        once.keep(&tx, StatusCode::CREATED, short).await?;
    }
    tx.commit().await?;
    app.wake_workers();
    Ok(tagged(view(app, caller, task).await?, StatusCode::CREATED))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ContractQuery {
    /// The metric that is wished for; by the rules when missing.
    metric: Option<Metric>,
    /// The topic right above the issue's, to be watched instead of it.
    watched_topic: Option<String>,
    /// In the metric's unit: 0.1 = ten points up, −0.2 = a fifth fewer contacts.
    expected_change: Option<f64>,
    /// Channels concerned, comma between; the issue's when missing.
    channels: Option<String>,
    /// Days after the fix when the verdict falls at the latest.
    horizon_days: Option<u32>,
    /// The day the trouble was seen, where it is not the day the detector rang.
    alarm_day: Option<NaiveDate>,
    /// When the fix is due; as by the rules for tasks when missing.
    due_at: Option<DateTime<Utc>>,
}

/// The contract that a task of this issue would get, with every metric that it might take and whether
/// it can be decided. Nothing is written.
#[utoipa::path(get, path = "/issues/{id}/contract", tag = "tasks",
    params(("id" = String, Path), ContractQuery),
    responses((status = 200, body = Contract)), security(("bearer" = ["run_loop"])))]
async fn propose_contract(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
    Params(query): Params<ContractQuery>,
) -> Result<Json<Contract>> {
    caller.may(Operation::RunLoop)?;
    let issue: IssueId = id.parse().map_err(|_| Problem::not_found("issue"))?;
    let Some(issue) = storage::issues::get(&app.db, issue).await? else {
        return Err(Problem::not_found("issue"));
    };
    let wish = Wish {
        metric: query.metric,
        watched_topic: query.watched_topic,
        expected_change: query.expected_change,
        guards: Vec::new(),
        channels: query.channels.as_deref().map(|c| extract::words(Some(c))),
        horizon_days: query.horizon_days,
        alarm_day: query.alarm_day,
    };
    if let Some(due) = query.due_at {
        service::check_due(due, app.now()).map_err(|problem| problem.of_query("contract"))?;
    }
    let department = service::of_topic(&app.db, &issue.topic).await?;
    let due = service::due(&app, &app.db, &issue, department.as_ref(), query.due_at).await?;
    let contract = service::contract(&app, &app.db, &issue, &wish, due.days_to_fix)
        .await
        .map_err(|problem| problem.of_query("contract"))?;
    Ok(Json(contract))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TaskQuery {
    /// One or more states, comma between.
    state: Option<String>,
    department: Option<String>,
    owner: Option<String>,
    issue: Option<String>,
    topic: Option<String>,
    /// Sort of improvement.
    kind: Option<Kind>,
    /// The task above.
    parent: Option<String>,
    /// Due on that day or later.
    due_from: Option<NaiveDate>,
    /// Due on that day at the latest.
    due_to: Option<NaiveDate>,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// Tasks, newest first. A department owner sees those of the own department.
#[utoipa::path(get, path = "/tasks", tag = "tasks", params(TaskQuery),
    responses((status = 200, body = List<TaskView>)), security(("bearer" = ["read_tasks"])))]
async fn list_tasks(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<TaskQuery>,
) -> Result<Json<List<TaskView>>> {
    caller.may(Operation::ReadTasks)?;
    let states = extract::words(query.state.as_deref());
    if !states
        .iter()
        .all(|s| domain::tasks::State::parse(s).is_some())
    {
        return Err(Problem::query("state", "unknown", "no such state"));
    }
    let issue = match query.issue {
        Some(id) => Some(
            id.parse()
                .map_err(|_| Problem::query("issue", "invalid", "not an id"))?,
        ),
        None => None,
    };
    let parent = match query.parent {
        Some(id) => Some(
            id.parse()
                .map_err(|_| Problem::query("parent", "invalid", "not an id"))?,
        ),
        None => None,
    };
    extract::in_order(query.due_from, query.due_to)
        .map_err(|_| Problem::query("due_to", "out_of_range", "before due_from"))?;
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    let start = |day: NaiveDate| domain::clock::start_of_day(day, zone);
    let department = if caller.role == domain::identity::Role::DepartmentOwner {
        // Without a department of its own such a caller sees nothing.
        Some(caller.department.clone().unwrap_or_default())
    } else {
        query.department
    };
    let filter = storage::tasks::Filter {
        states,
        department,
        owner: query.owner.map(|o| o.to_lowercase()),
        issue,
        topic: query.topic,
        kind: query.kind.map(|k| k.as_str().to_owned()),
        parent,
        due_from: query.due_from.map(start),
        due_to: query.due_to.and_then(|day| day.succ_opt()).map(start),
        after: extract::cursor(query.cursor)?,
    };
    let page = storage::tasks::list(&app.db, &filter, extract::limit(query.limit)?).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for task in page.items {
        items.push(view(&app, &caller, task).await?);
    }
    Ok(Json(List {
        items,
        next_cursor: page.next,
    }))
}

/// The task, if this caller may know of it. Others do not exist for them.
pub async fn require(app: &Shared, caller: &Caller, id: &str) -> Result<Task> {
    let id: TaskId = id.parse().map_err(|_| Problem::not_found("task"))?;
    storage::tasks::get(&app.db, id)
        .await?
        .filter(|t| caller.sees_department(&t.department))
        .ok_or_else(|| Problem::not_found("task"))
}

/// One task.
#[utoipa::path(get, path = "/tasks/{id}", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["read_tasks"])))]
async fn read_task(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response> {
    caller.may(Operation::ReadTasks)?;
    let task = require(&app, &caller, &id).await?;
    Ok(tagged(view(&app, &caller, task).await?, StatusCode::OK))
}

/// A file of a task, to be saved.
#[utoipa::path(get, path = "/tasks/{id}/attachments/{file}", tag = "tasks",
    params(("id" = String, Path), ("file" = String, Path)),
    responses((status = 200, body = String, content_type = "application/octet-stream")),
    security(("bearer" = ["read_tasks"])))]
async fn read_attachment(
    State(app): State<Shared>,
    caller: Caller,
    Segment((id, file)): Segment<(String, String)>,
) -> Result<Response> {
    caller.may(Operation::ReadTasks)?;
    let task = require(&app, &caller, &id).await?;
    let Some(found) = storage::tasks::attachment(&app.db, task.id, &file).await? else {
        return Err(Problem::not_found("attachment"));
    };
    Ok(super::work_http::download(found))
}

// ---------------------------------------------------------------- doing

/// The task, held for this transaction and still at the version that the caller saw (`If-Match`).
pub(super) async fn held(tx: &storage::Tx, id: TaskId, expected: Option<i64>) -> Result<Task> {
    let task = storage::tasks::hold(tx, id).await?;
    let task = task.ok_or_else(|| Problem::not_found("task"))?;
    if expected.is_some_and(|e| e != task.version) {
        return Err(Code::Stale.into());
    }
    Ok(task)
}

/// Applies a command for the caller.
pub(super) async fn command(
    app: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    expected: Option<i64>,
    id: &str,
    command: Command,
) -> Result<Response> {
    let task = require(app, caller, id).await?;
    let what = format!("{}:{id}", command.event());
    let once = Once::of(app, caller, headers, &what, &command.data().to_string())?;
    if let Some(once) = &once
        && once.replay(app).await?.is_some()
    {
        // The command happened: the present state is the answer.
        return Ok(tagged(view(app, caller, task).await?, StatusCode::OK));
    }
    // Held, not only read: a timer that writes at the same moment is no reason to refuse a person.
    let tx = app.begin().await?;
    let present = held(&tx, task.id, expected).await?;
    let next = service::act_in(app, &tx, present, &command, &caller.actor).await?;
    if let Some(once) = &once {
        once.keep(&tx, StatusCode::OK, &serde_json::json!({"id": id}))
            .await?;
    }
    tx.commit().await?;
    app.wake_workers();
    Ok(tagged(view(app, caller, next).await?, StatusCode::OK))
}

/// Nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Empty {}

/// Takes a task.
#[utoipa::path(post, path = "/tasks/{id}/accept", request_body = Empty, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["do_task"])))]
async fn accept(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(Empty {}): Body<Empty>,
) -> Result<Response> {
    caller.may(Operation::DoTask)?;
    command(&app, &caller, &headers, expected, &id, Command::Accept).await
}

/// A refusal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Declining {
    reason: String,
    /// Who else should do it.
    #[serde(default)]
    department: Option<String>,
}

/// Refuses a task.
#[utoipa::path(post, path = "/tasks/{id}/decline", request_body = Declining, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["do_task"])))]
async fn decline(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Declining>,
) -> Result<Response> {
    caller.may(Operation::DoTask)?;
    let department = known_department(&app, body.department).await?;
    let declined = Command::Decline {
        reason: body.reason,
        department,
    };
    command(&app, &caller, &headers, expected, &id, declined).await
}

async fn known_department(app: &Shared, key: Option<String>) -> Result<Option<String>> {
    let Some(key) = key.filter(|k| !k.is_empty()) else {
        return Ok(None);
    };
    match storage::organisation::get::<Department>(&app.db, &key).await? {
        Some(_) => Ok(Some(key)),
        None => Err(Problem::field(
            "department",
            "unknown",
            "no such department",
        )),
    }
}

/// A hand-over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HandingOver {
    department: String,
    #[serde(default)]
    reason: Option<String>,
}

async fn owner(app: &Shared, department: &str, email: Option<&str>) -> Result<(String, Owner)> {
    let tx = app.begin().await?;
    let (department, owner) = owner_of(&tx, department, email).await?;
    Ok((department.key, owner))
}

/// Passes a task on to another department.
#[utoipa::path(post, path = "/tasks/{id}/hand_over", request_body = HandingOver, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["do_task"])))]
async fn hand_over(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<HandingOver>,
) -> Result<Response> {
    caller.may(Operation::DoTask)?;
    let (department, owner) = owner(&app, &body.department, None).await?;
    let handed = Command::HandOver {
        department,
        owner,
        reason: body.reason,
    };
    command(&app, &caller, &headers, expected, &id, handed).await
}

/// A report.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reporting {
    /// 0 to 100.
    percent: u8,
    #[serde(default)]
    comment: Option<String>,
}

/// Reports progress.
#[utoipa::path(post, path = "/tasks/{id}/progress", request_body = Reporting, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["do_task"])))]
async fn progress(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Reporting>,
) -> Result<Response> {
    caller.may(Operation::DoTask)?;
    let report = Command::Report {
        percent: body.percent,
        comment: body.comment.unwrap_or_default(),
    };
    command(&app, &caller, &headers, expected, &id, report).await
}

/// A solution.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Completing {
    solution: String,
    /// When the fix went live; now when missing. A date in the past is allowed and named in the verdict.
    #[serde(default)]
    effective_at: Option<DateTime<Utc>>,
    /// Why something that is counted is missing: items that are not ticked, people who are not trained.
    #[serde(default)]
    rest: Option<String>,
}

/// Completes a task. Where its kind of improvement needs an approval, it waits for that.
#[utoipa::path(post, path = "/tasks/{id}/complete", request_body = Completing, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["do_task"])))]
async fn complete(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Completing>,
) -> Result<Response> {
    caller.may(Operation::DoTask)?;
    let done = Command::Complete {
        solution: body.solution,
        effective_at: body.effective_at,
        rest: body.rest,
    };
    command(&app, &caller, &headers, expected, &id, done).await
}

/// A reassignment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reassigning {
    department: String,
    #[serde(default)]
    owner_email: Option<String>,
    reason: String,
}

/// Gives a task to somebody else; links sent so far are dead.
#[utoipa::path(post, path = "/tasks/{id}/reassign", request_body = Reassigning, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["run_loop"])))]
async fn reassign(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Reassigning>,
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    let (department, owner) = owner(&app, &body.department, body.owner_email.as_deref()).await?;
    let moved = Command::Reassign {
        department,
        owner,
        reason: body.reason,
    };
    command(&app, &caller, &headers, expected, &id, moved).await
}

/// A withdrawal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Cancelling {
    reason: String,
    /// `cancel`: open sub-tasks are withdrawn too. Without it such a task is not withdrawn.
    #[serde(default)]
    sub_tasks: Option<super::work_http::SubTasks>,
}

/// Withdraws a task and tells its owner.
#[utoipa::path(post, path = "/tasks/{id}/cancel", request_body = Cancelling, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["run_loop"])))]
async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Cancelling>,
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    if body.sub_tasks.is_none() {
        super::work_http::refuse_open_parts(&app.db, &require(&app, &caller, &id).await?).await?;
    }
    command(
        &app,
        &caller,
        &headers,
        expected,
        &id,
        Command::Cancel {
            reason: body.reason,
        },
    )
    .await
}
