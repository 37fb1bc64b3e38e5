//! When tasks are due: by the calendar of their department, with pauses, and again when it changes.

use super::offer::Actions;
use super::service::record;
use crate::app::{App, Shared};
use crate::http::Problem;
use crate::jobs::{JobError, Outcome};
use chrono::{DateTime, TimeDelta, Utc};
use domain::calendar::{BUILT_IN, Calendar, Days, add_working_time};
use domain::identity::Actor;
use domain::organisation::{Bilingual, Department};
use domain::tasks::{DueRule, Task};
use storage::queue::NewJob;
use storage::{DbError, Tx};

/// Tasks of one transaction of a recalculation.
const BATCH: u32 = 200;
/// Days after the due time for which a link lives.
const LINK_DAYS: i64 = 7;

/// The due time of `hours` working hours from now on, and its rule.
pub(super) async fn by_calendar(
    app: &App,
    db: &impl storage::Read,
    department: Option<&Department>,
    hours: u32,
) -> Result<(DateTime<Utc>, DueRule), Problem> {
    let calendar = crate::calendar::of_department(db, department).await?;
    let (from, minutes) = (app.now(), hours * 60);
    let due_at = add_working_time(&Days::of(&calendar), from, minutes)
        .map_err(|error| Problem::field("due_at", "unreachable", error.to_string()))?;
    let rule = DueRule::Calendar {
        stamp: calendar.stamp(),
        calendar: calendar.key,
        minutes,
        from,
    };
    Ok((due_at, rule))
}

/// Keeps what a new task's due time was computed with.
pub(super) async fn keep(tx: &Tx, task: &Task) -> Result<(), DbError> {
    let DueRule::Calendar {
        calendar, stamp, ..
    } = &task.due_rule
    else {
        return Ok(());
    };
    if let Some(current) = crate::calendar::current(tx, calendar).await?
        && current.stamp() == *stamp
    {
        crate::calendar::edition(tx, &current).await?;
    }
    storage::calendars::set_clock(tx, task.id, calendar, stamp).await
}

/// What people read of a rule: `48 个工作小时，「中国大陆」日历`.
pub(super) async fn spoken(
    db: &impl storage::Read,
    rule: &DueRule,
) -> Result<Option<Bilingual>, DbError> {
    let DueRule::Calendar {
        calendar, minutes, ..
    } = rule
    else {
        return Ok(None);
    };
    let title = crate::calendar::title(db, calendar).await?;
    let hours = f64::from(*minutes) / 60.0;
    Ok(Some(Bilingual::new(
        format!(
            "{hours} 个工作小时，按「{}」工作日历计，下班、周末和节假日不计",
            title.zh
        ),
        format!(
            "{hours} working hours of the calendar {}; nights, weekends and holidays do not count",
            title.en
        ),
    )))
}

/// Moves the due time of a task whose pause has just ended. Answers the time before, if it moved.
pub(super) async fn resumed(tx: &Tx, task: &mut Task) -> Result<Option<DateTime<Utc>>, DbError> {
    let DueRule::Calendar {
        calendar, stamp, ..
    } = &task.due_rule
    else {
        return Ok(None);
    };
    let Some(days) = storage::calendars::edition(tx, calendar, stamp).await? else {
        return Ok(None);
    };
    match task.due_by_rule(&days) {
        Ok(Some(due_at)) if due_at != task.due_at => {
            let before = std::mem::replace(&mut task.due_at, due_at);
            storage::calendars::prolong_links(tx, task.id, due_at + TimeDelta::days(LINK_DAYS))
                .await?;
            Ok(Some(before))
        }
        _ => Ok(None),
    }
}

/// Computes the due times of open tasks again that were computed with another edition of a calendar:
/// one batch, and the next one in the same transaction. Killed in between, nothing is doubled, because
/// what was done names the new edition.
pub async fn recalculate(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let tx = app.begin().await?;
    let keys: Vec<String> = match payload["calendar"].as_str() {
        Some(key) => vec![key.to_owned()],
        None => {
            let used = storage::calendars::in_use(&tx).await?;
            used.into_iter().map(|(key, _)| key).collect()
        }
    };
    for key in keys {
        // A calendar that is gone moves nothing; none is removed while an open task names it.
        let Some(calendar) = crate::calendar::current(&tx, &key).await? else {
            continue;
        };
        let stamp = calendar.stamp();
        let tasks = storage::calendars::behind(&tx, &key, &stamp, BATCH).await?;
        if tasks.is_empty() {
            continue;
        }
        let days = crate::calendar::edition(&tx, &calendar).await?;
        let more = tasks.len() == BATCH as usize;
        for task in tasks {
            moved(app, &tx, task, &calendar, &days).await?;
        }
        if more {
            crate::calendar::recalculate_soon(app, &tx, &key).await?;
        }
    }
    Ok(Outcome::Done(tx))
}

/// One task after an edit of its calendar.
async fn moved(
    app: &App,
    tx: &Tx,
    task: Task,
    calendar: &Calendar,
    days: &Days,
) -> Result<(), JobError> {
    let stamp_now = calendar.stamp();
    storage::calendars::set_clock(tx, task.id, &calendar.key, &stamp_now).await?;
    let can_move = task.due_can_move();
    let mut next = task;
    let DueRule::Calendar { stamp, .. } = &mut next.due_rule else {
        return Ok(());
    };
    if !can_move || *stamp == stamp_now {
        return Ok(());
    }
    let stamp_before = std::mem::replace(stamp, stamp_now.clone());
    let before = next.due_at;
    // Where the calendar does not get there any more, the time that was promised stands.
    let computed = next.due_by_rule(days).ok().flatten();
    next.due_at = computed.unwrap_or(before);
    next.version += 1;
    storage::tasks::update(tx, &next).await?;
    let title = calendar.title();
    let data = serde_json::json!({
        "calendar": calendar.key, "calendar_name": title, "edition_before": stamp_before, "edition": stamp_now,
        "due_before": before, "due_at": next.due_at, "unreachable": computed.is_none(), "why": "calendar",
    });
    let kind = if next.due_at == before {
        "task.due_checked"
    } else {
        "task.due_moved"
    };
    record(app, tx, &next, kind, &Actor::system(), &data).await?;
    super::escalation::plan(app, tx, &next).await?;
    if next.due_at != before {
        let until = next.due_at + TimeDelta::days(LINK_DAYS);
        storage::calendars::prolong_links(tx, next.id, until).await?;
        Actions::due_moved(app, tx, &next, before, &title).await?;
    }
    Ok(())
}

/// Writes down that open tasks are compared with their calendars: at the start of a server, because a
/// new version of the program may know other holidays, and now and then.
pub async fn reconcile(app: &App) -> Result<(), DbError> {
    let mut behind = false;
    for (key, _) in storage::calendars::in_use(&app.db).await? {
        let current = crate::calendar::current(&app.db, &key).await?;
        if let Some(calendar) = current {
            let tasks = storage::calendars::behind(&app.db, &key, &calendar.stamp(), 1).await?;
            behind |= !tasks.is_empty();
        }
    }
    if !behind {
        return Ok(());
    }
    let tx = app.begin().await?;
    let job = NewJob {
        unique_key: Some("recalculate:all".to_owned()),
        ..crate::jobs::job(
            app.ids.as_ref(),
            "recalculate",
            serde_json::json!({}),
            tx.now(),
        )
    };
    storage::queue::enqueue(&tx, &job).await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(())
}

/// The calendar that a rule names, for an explanation: exactly the edition, or the present one where
/// that was never kept.
pub(super) async fn edition(
    db: &impl storage::Read,
    calendar: &str,
    stamp: &str,
) -> Result<Days, DbError> {
    if let Some(days) = storage::calendars::edition(db, calendar, stamp).await? {
        return Ok(days);
    }
    let current = crate::calendar::current(db, calendar).await?;
    let fallback = current.unwrap_or_else(|| Calendar {
        key: BUILT_IN.to_owned(),
        ..Calendar::built_in()
    });
    Ok(Days::of(&fallback))
}
