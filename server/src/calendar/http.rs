//! Business calendars over HTTP.

use super::service;
use crate::app::Shared;
use crate::http::{Body, Caller, Code, IfMatch, List, Params, Problem, Result, Segment};
use crate::organisation::http::{same_key, tagged};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use domain::calendar::{
    BUILT_IN, Calendar, Change, DayKind, Days, Explanation, MAX_ICS_BYTES, MAX_MINUTES, MAX_PAUSES,
    Pause, Refusal, Walk, check, explain, merged, notices, read_ics,
};
use domain::identity::Operation;
use domain::organisation::{Bilingual, Department};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most calendars of an organisation.
const MAX_CALENDARS: usize = 200;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_calendars))
        .routes(routes!(read_calendar, write_calendar, delete_calendar))
        .routes(routes!(import_calendar))
        .routes(routes!(read_year))
        .routes(routes!(preview_due))
}

/// All business calendars, the built-in one first (`version` 0).
#[utoipa::path(get, path = "/calendars", tag = "calendars", responses((status = 200, body = List<Calendar>)),
    security(("bearer" = ["read_loop"])))]
async fn list_calendars(State(app): State<Shared>, caller: Caller) -> Result<Json<List<Calendar>>> {
    caller.may(Operation::ReadLoop)?;
    let mut all = vec![Calendar::built_in()];
    all.extend(storage::organisation::all::<Calendar>(&app.db).await?);
    Ok(List::whole(all))
}

async fn require(db: &impl storage::Read, key: &str) -> Result<Calendar> {
    service::current(db, key)
        .await?
        .ok_or_else(|| Problem::not_found("calendar"))
}

/// One business calendar.
#[utoipa::path(get, path = "/calendars/{key}", tag = "calendars", params(("key" = String, Path)),
    responses((status = 200, body = Calendar)), security(("bearer" = ["read_loop"])))]
async fn read_calendar(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<(HeaderMap, Json<Calendar>)> {
    caller.may(Operation::ReadLoop)?;
    let found = require(&app.db, &key).await?;
    let version = found.version;
    Ok(tagged(found, version))
}

fn not_built_in(key: &str) -> Result<()> {
    if key == BUILT_IN {
        return Err(Problem::new(
            Code::Conflict,
            "the built-in calendar is part of the program; make one of your own with it as base",
        ));
    }
    Ok(())
}

/// Writes a calendar; its open tasks are computed again by a job of the same transaction.
async fn save(
    app: &Shared,
    tx: &storage::Tx,
    new: &Calendar,
    expected: Option<i64>,
) -> Result<Calendar> {
    let all: Vec<Calendar> = storage::organisation::all(tx).await?;
    if all.len() >= MAX_CALENDARS && !all.iter().any(|c| c.key == new.key) {
        let detail = format!("at most {MAX_CALENDARS} calendars");
        return Err(Problem::new(Code::Conflict, detail));
    }
    let saved = storage::calendars::put(tx, new, expected).await?;
    service::edition(tx, &saved).await?;
    service::recalculate_soon(app, tx, &saved.key).await?;
    Ok(saved)
}

/// Creates or replaces a business calendar. Due times of open tasks that were computed with it are
/// computed again: a line in each task's history, and a mail to the owner where the time moved.
#[utoipa::path(put, path = "/calendars/{key}", request_body = Calendar, tag = "calendars",
    params(("key" = String, Path)), responses((status = 200, body = Calendar)),
    security(("bearer" = ["manage_organisation"])))]
async fn write_calendar(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(mut new): Body<Calendar>,
) -> Result<(HeaderMap, Json<Calendar>)> {
    caller.may(Operation::ManageOrganisation)?;
    same_key(&key, &mut new.key)?;
    not_built_in(&key)?;
    check(&new)?;
    let tx = app.begin().await?;
    let saved = save(&app, &tx, &new, expected).await?;
    tx.commit().await?;
    app.wake_workers();
    let version = saved.version;
    Ok(tagged(saved, version))
}

/// Removes a business calendar that nobody and no open task names.
#[utoipa::path(delete, path = "/calendars/{key}", tag = "calendars", params(("key" = String, Path)),
    responses((status = 204)), security(("bearer" = ["manage_organisation"])))]
async fn delete_calendar(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<StatusCode> {
    caller.may(Operation::ManageOrganisation)?;
    not_built_in(&key)?;
    let tx = app.begin().await?;
    let used = |by: String| {
        Err(Problem::new(
            Code::Conflict,
            format!("this calendar is used by {by}"),
        ))
    };
    let organisation = storage::organisation::organisation(&tx).await?;
    if organisation.calendar.as_deref() == Some(&key) {
        return used("the organisation".to_owned());
    }
    let departments: Vec<Department> = storage::organisation::all(&tx).await?;
    if let Some(department) = departments
        .iter()
        .find(|d| d.calendar.as_deref() == Some(&key))
    {
        return used(format!("department {}", department.key));
    }
    let tasks = storage::calendars::in_use(&tx).await?;
    if let Some((_, n)) = tasks.iter().find(|(calendar, _)| *calendar == key) {
        return used(format!("{n} open tasks"));
    }
    if !storage::organisation::delete::<Calendar>(&tx, &key).await? {
        return Err(Problem::not_found("calendar"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A file to be read into a calendar.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IcsImport {
    /// The text of an iCalendar file (RFC 5545), at most 1 MiB.
    ics: String,
    /// First year that is read; this one when missing.
    #[serde(default)]
    from_year: Option<i32>,
    /// Last year that is read; the fifth after the first when missing.
    #[serde(default)]
    to_year: Option<i32>,
    /// Whether the calendar is changed; otherwise it is only shown what would change.
    #[serde(default)]
    apply: bool,
}

/// An event that was left out.
#[derive(Serialize, ToSchema)]
struct IcsSkipped {
    /// Its name.
    name: String,
    /// Line of the file where it begins.
    line: usize,
    /// Why.
    reason: Refusal,
    /// Why, in words.
    sentence: Bilingual,
}

/// What an import changes.
#[derive(Serialize, ToSchema)]
struct IcsOutcome {
    /// Days that change, in order.
    changes: Vec<Change>,
    /// Events that were left out, with the reason.
    skipped: Vec<IcsSkipped>,
    /// Events that were read.
    read: usize,
    /// Whether the calendar was changed.
    applied: bool,
    /// The calendar as it is, or would be, afterwards.
    calendar: Calendar,
}

/// Reads holidays and make-up workdays out of an iCalendar file: what changes, and with `apply` the
/// change itself. Events whose Chinese name marks them as workdays are make-up days, those marked as days
/// off are days off; where a file has no such marks, every event is. The calendar's other entries stay.
#[utoipa::path(post, path = "/calendars/{key}/import", request_body = IcsImport, tag = "calendars",
    params(("key" = String, Path)), responses((status = 200, body = IcsOutcome)),
    security(("bearer" = ["manage_organisation"])))]
async fn import_calendar(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(body): Body<IcsImport>,
) -> Result<(HeaderMap, Json<IcsOutcome>)> {
    caller.may(Operation::ManageOrganisation)?;
    if body.ics.len() > MAX_ICS_BYTES {
        return Err(Problem::new(Code::TooLarge, "a file has at most 1 MiB"));
    }
    let tx = app.begin().await?;
    let calendar = require(&tx, &key).await?;
    not_built_in(&key)?;
    if expected.is_some_and(|e| e != calendar.version) {
        return Err(Code::Stale.into());
    }
    let year = app.now().with_timezone(&calendar.zone).year();
    let first = body.from_year.unwrap_or(year);
    let last = body.to_year.unwrap_or(first.saturating_add(5));
    if !(2000..=2199).contains(&first) || !(first..=2199).contains(&last) {
        return Err(Problem::field(
            "to_year",
            "out_of_range",
            "years from 2000 to 2199, the last not before the first",
        ));
    }
    let (entries, unread) = read_ics(&body.ics, calendar.zone, &(first..=last))
        .map_err(|error| Problem::field("ics", "invalid", error.to_string()))?;
    let (mut next, changes) = merged(&calendar, &entries);
    let applied = body.apply && !changes.is_empty();
    if !changes.is_empty() {
        check(&next)?;
    }
    if applied {
        next = save(&app, &tx, &next, Some(calendar.version)).await?;
        tx.commit().await?;
        app.wake_workers();
    }
    let version = next.version;
    let outcome = IcsOutcome {
        changes,
        skipped: unread
            .into_iter()
            .map(|u| IcsSkipped {
                name: u.name,
                line: u.line,
                reason: u.why,
                sentence: u.why.sentence(),
            })
            .collect(),
        read: entries.len(),
        applied,
        calendar: next,
    };
    Ok(tagged(outcome, version))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct YearQuery {
    /// The year; this one when missing.
    year: Option<i32>,
}

/// A day of a business calendar.
#[derive(Serialize, ToSchema)]
struct CalendarDay {
    day: NaiveDate,
    kind: DayKind,
    /// Of the holiday or make-up day.
    name: Option<Bilingual>,
    /// Working minutes on the clock.
    minutes: u32,
}

/// A year of a business calendar.
#[derive(Serialize, ToSchema)]
struct CalendarYear {
    year: i32,
    /// Every day.
    days: Vec<CalendarDay>,
    /// Days with hours.
    working_days: usize,
    /// Their minutes.
    working_minutes: u32,
    /// Whether the public holidays of that year are known, where the calendar uses built-in dates. If
    /// not, only the week and its own entries count.
    known: bool,
    /// The notice that the built-in dates of that year come from.
    source: Option<String>,
}

/// Every day of a year, as the calendar sees it.
#[utoipa::path(get, path = "/calendars/{key}/year", tag = "calendars", params(("key" = String, Path), YearQuery),
    responses((status = 200, body = CalendarYear)), security(("bearer" = ["read_loop"])))]
async fn read_year(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    Params(query): Params<YearQuery>,
) -> Result<Json<CalendarYear>> {
    caller.may(Operation::ReadLoop)?;
    let calendar = require(&app.db, &key).await?;
    let this = app.now().with_timezone(&calendar.zone).year();
    let year = query.year.unwrap_or(this);
    let first = (2000..=2199)
        .contains(&year)
        .then(|| NaiveDate::from_ymd_opt(year, 1, 1))
        .flatten()
        .ok_or_else(|| Problem::query("year", "out_of_range", "2000 to 2199"))?;
    let days = Days::of(&calendar);
    let all: Vec<CalendarDay> = first
        .iter_days()
        .take_while(|d| d.year() == year)
        .map(|d| {
            let day = days.day(d);
            CalendarDay {
                day: d,
                kind: day.kind,
                name: day.name.cloned(),
                minutes: day.minutes(),
            }
        })
        .collect();
    let source = notices()
        .iter()
        .find(|n| calendar.base.is_some() && n.year == year)
        .map(|n| n.number.to_owned());
    Ok(Json(CalendarYear {
        year,
        working_days: all.iter().filter(|d| d.minutes > 0).count(),
        working_minutes: all.iter().map(|d| d.minutes).sum(),
        known: days.knows(year),
        source,
        days: all,
    }))
}

/// A question to a calendar.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DueQuestion {
    /// Key of a calendar; the organisation's when missing.
    #[serde(default)]
    calendar: Option<String>,
    /// A calendar that is not kept yet, instead.
    #[serde(default)]
    draft: Option<Calendar>,
    /// Since when time counts; now when missing.
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    /// Working minutes.
    minutes: u32,
    /// Times that do not count.
    #[serde(default)]
    pauses: Vec<Pause>,
}

/// When something is due, and how that comes about.
#[derive(Serialize, ToSchema)]
struct DueAnswer {
    /// Null where a pause lasts.
    due_at: Option<DateTime<Utc>>,
    /// Since when the clock stands.
    standing_since: Option<DateTime<Utc>>,
    /// The zone of the calendar's clock.
    zone: String,
    explanation: Explanation,
}

/// When so many working minutes would be over, with every span that counts or is skipped. Nothing is
/// written.
#[utoipa::path(post, path = "/calendars/preview-due", request_body = DueQuestion, tag = "calendars",
    responses((status = 200, body = DueAnswer)), security(("bearer" = ["read_loop"])))]
async fn preview_due(
    State(app): State<Shared>,
    caller: Caller,
    Body(body): Body<DueQuestion>,
) -> Result<Json<DueAnswer>> {
    caller.may(Operation::ReadLoop)?;
    if body.minutes > MAX_MINUTES {
        let detail = format!("at most {MAX_MINUTES}");
        return Err(Problem::field("minutes", "out_of_range", detail));
    }
    if body.pauses.len() > MAX_PAUSES {
        let detail = format!("at most {MAX_PAUSES}");
        return Err(Problem::field("pauses", "too_many", detail));
    }
    let now = app.now();
    let from = body.from.unwrap_or(now);
    if !(2000..=2150).contains(&from.year()) {
        return Err(Problem::field(
            "from",
            "out_of_range",
            "a time of the years 2000 to 2150",
        ));
    }
    for (n, pause) in body.pauses.iter().enumerate() {
        let end = pause.until.unwrap_or(pause.from);
        if end < pause.from
            || !(2000..=2160).contains(&pause.from.year())
            || !(2000..=2160).contains(&end.year())
        {
            return Err(Problem::field(
                format!("pauses[{n}]"),
                "out_of_range",
                "it ends after it starts, in the years 2000 to 2160",
            ));
        }
    }
    let calendar = match (body.draft, body.calendar) {
        (Some(_), Some(_)) => {
            return Err(Problem::field(
                "draft",
                "conflict",
                "a key or a draft, not both",
            ));
        }
        (Some(mut draft), None) => {
            if draft.key.is_empty() {
                "draft".clone_into(&mut draft.key);
            }
            check(&draft)?;
            draft
        }
        (None, Some(key)) => service::current(&app.db, &key)
            .await?
            .ok_or_else(|| Problem::field("calendar", "unknown", "no such calendar"))?,
        (None, None) => service::of_department(&app.db, None).await?,
    };
    let days = Days::of(&calendar);
    let (explanation, end) = explain(&days, from, body.minutes, &body.pauses, now)
        .map_err(|error| Problem::field("minutes", "unreachable", error.to_string()))?;
    let (due_at, standing_since) = match end {
        Walk::Reached(at) => (Some(at), None),
        Walk::Standing(at) => (None, Some(at)),
    };
    Ok(Json(DueAnswer {
        due_at,
        standing_since,
        zone: calendar.zone.name().to_owned(),
        explanation,
    }))
}
