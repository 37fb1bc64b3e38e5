//! What the work of a task is, over HTTP: typed progress, parts, approvals, files.

use super::http::{TaskAttachment, TaskView, command, created, held, require};
use super::parts::{self, Part};
use super::service;
use crate::app::Shared;
use crate::http::{Body, Caller, Code, IfMatch, Once, Problem, Result, Segment};
use axum::Json;
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use domain::organisation::{Bilingual, Department};
use domain::tasks::files::MOST_BYTES;
use domain::tasks::kind::{Advance, Kind, TicketState, Track, Wanted};
use domain::tasks::{Command, Task};
use serde::{Deserialize, Serialize};
use storage::Read;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(advance))
        .routes(routes!(add_sub_task))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(remind))
        .routes(routes!(add_attachment))
}

// ---------------------------------------------------------------- what a task shows

/// An item of a checklist.
#[derive(Serialize, ToSchema)]
pub(super) struct TrackItem {
    text: String,
    done_at: Option<DateTime<Utc>>,
    by: Option<String>,
}

/// How progress is told, and how far it is.
#[derive(Serialize, ToSchema)]
pub(super) struct TaskTrack {
    /// `percent`, `checklist`, `coverage` or `ticket`.
    by: String,
    /// Of a checklist.
    items: Vec<TrackItem>,
    /// Who is trained.
    group: Option<String>,
    /// How many they are.
    total: Option<u32>,
    /// How many of them were trained.
    trained: Option<u32>,
    /// Where the ticket of another system can be seen.
    url: Option<String>,
    /// Where that ticket is.
    ticket_state: Option<TicketState>,
    /// Nothing that is counted is missing.
    whole: bool,
    /// What is missing.
    missing: Option<Bilingual>,
}

impl TaskTrack {
    pub(super) fn of(track: &Track) -> Self {
        let mut view = Self {
            by: track.as_str().to_owned(),
            items: Vec::new(),
            group: None,
            total: None,
            trained: None,
            url: None,
            ticket_state: None,
            whole: track.is_whole(),
            missing: track.missing(),
        };
        match track {
            Track::Percent => {}
            Track::Checklist { items } => {
                view.items = items
                    .iter()
                    .map(|i| TrackItem {
                        text: i.text.clone(),
                        done_at: i.done_at,
                        by: i.by.clone(),
                    })
                    .collect();
            }
            Track::Coverage {
                group,
                total,
                trained,
            } => {
                view.group = Some(group.clone());
                view.total = Some(*total);
                view.trained = Some(*trained);
            }
            Track::Ticket(ticket) => {
                view.url = Some(ticket.url.clone());
                view.ticket_state = Some(ticket.state);
            }
        }
        view
    }
}

/// A task above or below.
#[derive(Serialize, ToSchema)]
pub(super) struct TaskRelative {
    id: String,
    title: String,
    state: String,
    department: String,
    department_name: String,
    owner: String,
    due_at: DateTime<Utc>,
    overdue: bool,
    percent: u8,
    /// It is neither delivered nor given up.
    open: bool,
    /// The caller may open it.
    visible: bool,
}

/// A completion that somebody has to approve, or the last one that somebody had to.
#[derive(Serialize, ToSchema)]
pub(super) struct TaskApproval {
    /// Which one of its task.
    round: i64,
    approver: String,
    approver_email: String,
    asked_at: DateTime<Utc>,
    solution: String,
    effective_at: Option<DateTime<Utc>>,
    /// `asked`, `approved`, `rejected` or `taken_back`.
    outcome: String,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<String>,
    words: Option<String>,
    /// The caller may decide.
    mine: bool,
}

fn may_decide(caller: &Caller, task: &Task) -> bool {
    let approver = task.open_approval().map(|a| a.approver.email.as_str());
    caller.may(Operation::RunLoop).is_ok()
        || approver.is_some() && caller.actor.email.as_deref() == approver
}

pub(super) fn approval_view(_: &Shared, caller: &Caller, task: &Task) -> Option<TaskApproval> {
    let approval = task.approval.as_ref()?;
    let outcome = match &approval.decision {
        None => "asked",
        Some(d) if d.approved => "approved",
        Some(d) if d.by.is_empty() => "taken_back",
        Some(_) => "rejected",
    };
    let decision = approval.decision.as_ref();
    Some(TaskApproval {
        round: approval.round,
        approver: approval.approver.display_name().to_owned(),
        approver_email: approval.approver.email.clone(),
        asked_at: approval.asked_at,
        solution: approval.solution.clone(),
        effective_at: approval.effective_at,
        outcome: outcome.to_owned(),
        decided_at: decision.map(|d| d.at),
        decided_by: decision.map(|d| d.by.clone()),
        words: decision.map(|d| d.words.clone()),
        mine: task.open_approval().is_some() && may_decide(caller, task),
    })
}

/// The task above, and those right below.
pub(super) async fn family(
    app: &Shared,
    caller: &Caller,
    task: &Task,
) -> Result<(Option<TaskRelative>, Vec<TaskRelative>)> {
    let below = storage::tasks::below(&app.db, task.id).await?;
    let above = match task.parent {
        Some(id) => storage::tasks::get(&app.db, id).await?,
        None => None,
    };
    if below.is_empty() && above.is_none() {
        return Ok((None, Vec::new()));
    }
    let departments: Vec<Department> = storage::organisation::all(&app.db).await?;
    let relative = |task: Task| TaskRelative {
        id: task.id.to_string(),
        state: task.state.as_str().to_owned(),
        department_name: departments
            .iter()
            .find(|d| d.key == task.department)
            .map_or_else(|| task.department.clone(), |d| d.title().to_owned()),
        owner: task.owner.display_name().to_owned(),
        due_at: task.due_at,
        overdue: task.is_overdue(app.now()),
        percent: task.percent(),
        open: task.state.is_open(),
        visible: caller.sees_department(&task.department),
        title: task.title,
        department: task.department,
    };
    Ok((
        above.map(relative),
        below.into_iter().map(relative).collect(),
    ))
}

/// What happens to open sub-tasks.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SubTasks {
    /// They are withdrawn too.
    Cancel,
}

/// Refuses to withdraw a task with open parts that nobody spoke of.
pub(super) async fn refuse_open_parts(db: &impl Read, task: &Task) -> Result<()> {
    let below = storage::tasks::below(db, task.id).await?;
    let open: Vec<&str> = below
        .iter()
        .filter(|t| t.state.is_open())
        .map(|t| t.title.as_str())
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        Code::OpenSubTasks,
        crate::http::spoken(&Bilingual::new(
            format!(
                "还有未结束的子任务：{}。要一并取消，请传 sub_tasks: \"cancel\"。",
                open.join("、")
            ),
            format!(
                "sub-tasks are still open: {}. To withdraw them too, send sub_tasks: \"cancel\".",
                open.join(", ")
            ),
        )),
    ))
}

// ---------------------------------------------------------------- typed progress

/// How progress is to be told.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum TrackWish {
    /// In the owner's estimate.
    Percent {},
    /// By items that are ticked.
    Checklist {
        /// The task's measures when missing.
        #[serde(default)]
        items: Vec<String>,
    },
    /// By people of a group that are trained.
    Coverage {
        /// Who they are.
        group: String,
        /// How many.
        total: u32,
    },
    /// By a ticket of another system.
    Ticket {
        /// Where it can be seen.
        #[serde(default)]
        url: String,
    },
}

impl From<TrackWish> for Wanted {
    fn from(wish: TrackWish) -> Self {
        match wish {
            TrackWish::Percent {} => Self::Percent,
            TrackWish::Checklist { items } => {
                Self::Checklist(items.iter().map(|i| service::masked(i.trim())).collect())
            }
            TrackWish::Coverage { group, total } => Self::Coverage {
                group: service::masked(&group),
                total,
            },
            TrackWish::Ticket { url } => Self::Ticket { url },
        }
    }
}

/// What is counted, by the track of the task: `done`, `trained`, or `ticket_state`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Advancing {
    /// Items of the checklist that are done, by their place from 0; the others are not.
    #[serde(default)]
    done: Option<Vec<usize>>,
    /// People trained by now.
    #[serde(default)]
    trained: Option<u32>,
    /// The group has as many people now.
    #[serde(default)]
    total: Option<u32>,
    /// Where the ticket of another system is.
    #[serde(default)]
    ticket_state: Option<TicketState>,
    /// Where it can be seen; as before when missing.
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    comment: Option<String>,
}

/// Reports what can be counted.
#[utoipa::path(post, path = "/tasks/{id}/advance", request_body = Advancing, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["do_task"])))]
async fn advance(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Advancing>,
) -> Result<Response> {
    caller.may(Operation::DoTask)?;
    let step = match (body.done, body.trained, body.ticket_state) {
        (Some(done), None, None) => Advance::Ticked(done),
        (None, Some(trained), None) => Advance::Trained {
            trained,
            total: body.total,
        },
        (None, None, Some(state)) => Advance::Ticket {
            url: body.url,
            state,
        },
        _ => {
            return Err(Problem::field(
                "done",
                "required",
                "one of done, trained and ticket_state",
            ));
        }
    };
    let advanced = Command::Advance {
        step,
        comment: body.comment.unwrap_or_default(),
    };
    command(&app, &caller, &headers, expected, &id, advanced).await
}

// ---------------------------------------------------------------- parts

/// A part of a task, for another department.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSubTask {
    title: String,
    #[serde(default)]
    description: String,
    department: String,
    /// The department's first owner when missing.
    #[serde(default)]
    owner_email: Option<String>,
    /// By the department's calendar when missing; never after the task above.
    #[serde(default)]
    due_at: Option<DateTime<Utc>>,
    #[serde(default)]
    measures: Vec<String>,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    track: Option<TrackWish>,
}

/// Gives a part of a task to somebody, by mail and with a due time of its own. The task above closes
/// last, and it alone is verified.
#[utoipa::path(post, path = "/tasks/{id}/sub-tasks", request_body = NewSubTask, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = TaskView)), security(("bearer" = ["run_loop"])))]
async fn add_sub_task(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<NewSubTask>,
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    let above = require(&app, &caller, &id).await?;
    let text = serde_json::to_string(&body).unwrap_or_default();
    let once = Once::of(&app, &caller, &headers, &format!("split:{id}"), &text)?;
    if let Some(once) = &once
        && let Some(answer) = once.replay(&app).await?
    {
        return Ok(answer);
    }
    let part = Part {
        title: body.title,
        description: body.description,
        department: body.department,
        owner_email: body.owner_email,
        due_at: body.due_at,
        measures: body.measures,
        kind: body.kind,
        track: body.track.map(Into::into),
    };
    let tx = app.begin().await?;
    let present = held(&tx, above.id, expected).await?;
    let child = parts::split(&app, &tx, present, &part, &caller.actor).await?;
    let short = serde_json::json!({"id": child.id.to_string(), "state": child.state});
    created(&app, &caller, tx, once, &short, child).await
}

// ---------------------------------------------------------------- approvals

/// A word.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Approving {
    #[serde(default)]
    comment: Option<String>,
}

/// A reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rejecting {
    reason: String,
}

async fn decide(
    app: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    expected: Option<i64>,
    id: &str,
    decision: Command,
) -> Result<Response> {
    caller.may(Operation::ReadTasks)?;
    // An approver of another department comes by the link; with an account they see what they see.
    let task = require(app, caller, id).await?;
    if !may_decide(caller, &task) {
        return Err(Code::NotAllowed.into());
    }
    command(app, caller, headers, expected, id, decision).await
}

/// Approves what was done: as the approver, or instead of them as who runs the loop.
#[utoipa::path(post, path = "/tasks/{id}/approve", request_body = Approving, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["read_tasks"])))]
async fn approve(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Approving>,
) -> Result<Response> {
    let comment = body.comment.unwrap_or_default();
    let decision = Command::Approve { comment };
    decide(&app, &caller, &headers, expected, &id, decision).await
}

/// Gives a task back to its owner, with the reason.
#[utoipa::path(post, path = "/tasks/{id}/reject", request_body = Rejecting, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["read_tasks"])))]
async fn reject(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Rejecting>,
) -> Result<Response> {
    let decision = Command::Reject {
        reason: body.reason,
    };
    decide(&app, &caller, &headers, expected, &id, decision).await
}

/// Reminds whoever has to act: the owner, or the approver. Once an hour at most.
#[utoipa::path(post, path = "/tasks/{id}/remind", request_body = Approving, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["run_loop"])))]
async fn remind(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Approving>,
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    let reminded = Command::Remind {
        comment: body.comment.unwrap_or_default(),
    };
    command(&app, &caller, &headers, expected, &id, reminded).await
}

// ---------------------------------------------------------------- files

/// A form with a file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form for the API document")]
struct AttachmentForm {
    /// At most 10 MiB; documents, pictures, recordings, archives: nothing that can be run.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Attaches a file to a task: at most 20, together at most 50 MiB. The same file twice is one.
#[utoipa::path(post, path = "/tasks/{id}/attachments", tag = "tasks", params(("id" = String, Path)),
    request_body(content = AttachmentForm, content_type = "multipart/form-data"),
    responses((status = 201, body = TaskAttachment)), security(("bearer" = ["do_task"])))]
async fn add_attachment(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
    mut form: Multipart,
) -> Result<(StatusCode, Json<TaskAttachment>)> {
    caller.may(Operation::DoTask)?;
    let task = require(&app, &caller, &id).await?;
    let broken = |e: axum::extract::multipart::MultipartError| {
        if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(Code::TooLarge, "a file has at most 10 MiB")
        } else {
            Problem::new(Code::MalformedBody, "the form could not be read to its end")
        }
    };
    let mut file = None;
    while let Some(mut part) = form.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        if name != "file" || file.is_some() {
            return Err(Problem::field(name, "unknown_field", "one field: file"));
        }
        let name = part.file_name().unwrap_or_default().to_owned();
        let media_type = part
            .content_type()
            .unwrap_or("application/octet-stream")
            .to_owned();
        let mut content = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(broken)? {
            content.extend_from_slice(&chunk);
            if content.len() > MOST_BYTES {
                return Err(Problem::new(Code::TooLarge, "a file has at most 10 MiB"));
            }
        }
        file = Some(super::files::Upload {
            name,
            media_type,
            content,
        });
    }
    let Some(file) = file else {
        return Err(Problem::field("file", "required", "send a file"));
    };
    let tx = app.begin().await?;
    let Some(task) = storage::tasks::hold(&tx, task.id).await? else {
        return Err(Problem::not_found("task"));
    };
    let kept = super::files::attach(&app, &tx, task.id, file, &caller.actor.name).await??;
    let all = storage::tasks::attachments(&tx, task.id).await?;
    let found = all.into_iter().find(|f| f.id == kept);
    let Some(found) = found else {
        return Err(Code::Internal.into());
    };
    let data = serde_json::json!({"file": found.name, "size": found.size, "sha256": found.sha256});
    service::record(&app, &tx, &task, "task.file_added", &caller.actor, &data).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(found.into())))
}

/// The answer that saves a file. Never shown: what somebody sent is not ours to run.
pub(super) fn download(file: storage::tasks::Attachment) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    // RFC 8187: names are not ASCII here.
    let name: String = file
        .name
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                char::from(b).to_string()
            }
            b => format!("%{b:02X}"),
        })
        .collect();
    if let Ok(value) = format!("attachment; filename*=UTF-8''{name}").parse() {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    (headers, file.content).into_response()
}
