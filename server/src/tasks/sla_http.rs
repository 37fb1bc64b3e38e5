//! Due times over HTTP: how one came about, and the question and answer that stop and start its clock.

use super::clock;
use super::http::{TaskView, command, require};
use crate::app::Shared;
use crate::http::{Body, Caller, IfMatch, Result, Segment};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::calendar::{Explanation, Line, Walk, Why, explain, explain_span, working_minutes};
use domain::identity::Operation;
use domain::organisation::Bilingual;
use domain::tasks::{Command, DueRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(explain_due))
        .routes(routes!(ask))
        .routes(routes!(answer))
}

/// Time in which a task's clock stood.
#[derive(Serialize, ToSchema)]
struct SlaPause {
    from: DateTime<Utc>,
    /// Null: it lasts.
    until: Option<DateTime<Utc>>,
    why: Why,
    /// Working minutes in it, so far.
    working_minutes: i64,
}

/// The clock of a computed due time.
#[derive(Serialize, ToSchema)]
struct SlaClock {
    /// Key of the calendar.
    calendar: String,
    /// Its names, as they were when the time was computed.
    calendar_name: Bilingual,
    /// Which edition of it.
    edition: String,
    /// Its zone.
    zone: String,
    /// Working minutes that the task has.
    target_minutes: u32,
    /// Since when they count.
    from: DateTime<Utc>,
    /// Working minutes that have passed by now, or by when the task was done.
    elapsed_minutes: i64,
    /// Working minutes in which the clock stood, up to the due time, or to now where it stands.
    paused_minutes: i64,
    /// Every span from the start to the due time, or to now where the clock stands.
    lines: Vec<Line>,
    /// Lines were left out because there are too many.
    cut: bool,
    /// Years whose public holidays the program does not know.
    unknown_years: Vec<i32>,
}

/// How a task's due time came about.
#[derive(Serialize, ToSchema)]
struct SlaExplanation {
    task_id: String,
    /// `calendar`: computed; `person`: somebody set it, and only somebody moves it.
    rule: String,
    due_at: DateTime<Utc>,
    /// Since when the clock stands; the due time moves when it goes on.
    standing_since: Option<DateTime<Utc>>,
    overdue: bool,
    pauses: Vec<SlaPause>,
    /// Null where a person set the time.
    clock: Option<SlaClock>,
    sentence: Bilingual,
}

/// How a task's due time came about: every span that was counted or skipped, with its reason.
#[utoipa::path(get, path = "/tasks/{id}/sla/explain", tag = "tasks", params(("id" = String, Path)),
    responses((status = 200, body = SlaExplanation)), security(("bearer" = ["read_tasks"])))]
async fn explain_due(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<SlaExplanation>> {
    caller.may(Operation::ReadTasks)?;
    let task = require(&app, &caller, &id).await?;
    let now = app.now();
    let until = task.done_at.unwrap_or(now);
    let standing = task.stands_since();
    let mut said = SlaExplanation {
        task_id: task.id.to_string(),
        rule: "person".to_owned(),
        due_at: task.due_at,
        standing_since: standing,
        overdue: task.is_overdue(now),
        pauses: Vec::new(),
        clock: None,
        sentence: Bilingual::new(
            "截止时间由人指定，不随工作日历或提问移动。",
            "A person set this date; neither calendars nor questions move it.",
        ),
    };
    let DueRule::Calendar {
        calendar,
        stamp,
        minutes,
        from,
    } = &task.due_rule
    else {
        return Ok(Json(said));
    };
    let days = clock::edition(&app.db, calendar, stamp).await?;
    // A question that came when the time was over stops nothing.
    let pauses: Vec<_> = task
        .pauses
        .iter()
        .filter(|p| p.until.is_some() || standing.is_some())
        .copied()
        .collect();
    let explained = explain(&days, *from, *minutes, &pauses, now);
    let (spans, end) = match explained {
        Ok((spans, end)) => (spans, Some(end)),
        // Promised with another edition, and kept where the present one never gets there.
        Err(_) => (Explanation::default(), None),
    };
    said.pauses = task
        .pauses
        .iter()
        .map(|p| SlaPause {
            from: p.from,
            until: p.until,
            why: p.why,
            working_minutes: working_minutes(&days, p.from, p.until.unwrap_or(now)),
        })
        .collect();
    let local = |at: DateTime<Utc>| {
        at.with_timezone(&days.zone())
            .format("%Y-%m-%d %H:%M")
            .to_string()
    };
    let (title, hours) = (days.title(), f64::from(*minutes) / 60.0);
    let start = local(*from);
    said.rule = "calendar".to_owned();
    said.sentence = match (end, standing) {
        (Some(Walk::Standing(_)), _) | (_, Some(_)) => {
            let (zh, en) = match task.waits_for() {
                Some(Why::Approval) => ("等待审批", "until it is approved"),
                _ => ("等待答复", "until the question is answered"),
            };
            Bilingual::new(
                format!(
                    "{start} 起计 {hours} 个工作小时（「{}」日历）；{zh}，时钟已停。",
                    title.zh
                ),
                format!(
                    "{hours} working hours from {start} on (calendar {}); the clock stands {en}.",
                    title.en
                ),
            )
        }
        (Some(Walk::Reached(at)), _) if at == task.due_at => Bilingual::new(
            format!(
                "{start} 起计 {hours} 个工作小时（「{}」日历），截止 {}。",
                title.zh,
                local(at)
            ),
            format!(
                "{hours} working hours from {start} on (calendar {}): due {}.",
                title.en,
                local(at)
            ),
        ),
        _ => Bilingual::new(
            format!(
                "按「{}」日历已无法算出这个截止时间，保留原来承诺的 {}。",
                title.zh,
                local(task.due_at)
            ),
            format!(
                "The calendar {} does not lead to this time any more; what was promised stands: {}.",
                title.en,
                local(task.due_at)
            ),
        ),
    };
    said.clock = Some(SlaClock {
        calendar: calendar.clone(),
        calendar_name: title.clone(),
        edition: stamp.clone(),
        zone: days.zone().name().to_owned(),
        target_minutes: *minutes,
        from: *from,
        elapsed_minutes: explain_span(&days, *from, until, &task.pauses).counted_minutes,
        paused_minutes: spans.paused_minutes,
        lines: spans.lines,
        cut: spans.cut,
        unknown_years: spans.unknown_years,
    });
    Ok(Json(said))
}

/// Words.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Speaking {
    comment: String,
}

/// Asks whoever assigned the task. Until the answer the clock of a computed due time stands.
#[utoipa::path(post, path = "/tasks/{id}/ask", request_body = Speaking, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["do_task"])))]
async fn ask(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Speaking>,
) -> Result<Response> {
    caller.may(Operation::DoTask)?;
    let asked = Command::Ask {
        comment: body.comment,
    };
    command(&app, &caller, &headers, expected, &id, asked).await
}

/// Answers the owner by mail. The clock goes on, and the due time moves by the working time that it stood.
#[utoipa::path(post, path = "/tasks/{id}/answer", request_body = Speaking, tag = "tasks",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView)), security(("bearer" = ["run_loop"])))]
async fn answer(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    IfMatch(expected): IfMatch,
    Segment(id): Segment<String>,
    Body(body): Body<Speaking>,
) -> Result<Response> {
    caller.may(Operation::RunLoop)?;
    let answered = Command::Answer {
        comment: body.comment,
    };
    command(&app, &caller, &headers, expected, &id, answered).await
}
