//! Labels and facts first, then the immediate rules, in one transaction; and the days at their close.

use super::daily;
use super::watch::{Mode, watch};
use crate::analysis::StillUnlabelled;
use crate::app::{App, Shared};
use crate::jobs::{JobError, Outcome};
use chrono::{NaiveDate, TimeDelta, Utc};
use domain::clock::local_day;
use serde::Deserialize;
use std::time::Duration;
use storage::queue::NewJob;
use storage::{DbError, Tx};
use tokio::time::sleep;

/// Seconds that late data waits for more of it before its day is judged again.
const GATHER: i64 = 3;
/// How often the end of a day is looked for.
const LOOK: Duration = Duration::from_secs(15);
/// Days that what people said is remembered for.
const REMEMBER: i64 = 90;

#[derive(Deserialize)]
struct Batch {
    batch: String,
    #[serde(default)]
    backfill: bool,
}

/// Labels a batch, counts it, and raises what its detectors find.
pub async fn analyse(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let payload: Batch = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    super::present::prepare(app).await?;
    let (tx, counted) = match crate::analysis::label_batch(app, &payload.batch).await {
        Ok(done) => done,
        Err(StillUnlabelled::Database(error)) => return Err(error.into()),
        Err(StillUnlabelled::Plugin(error)) => return Err(JobError::retry(error)),
        Err(StillUnlabelled::Follow(error)) => return Err(JobError::retry(error)),
    };
    let mode = if payload.backfill {
        Mode::Backfill
    } else {
        Mode::Live
    };
    watch(app, &tx, &counted, mode).await?;
    Ok(Outcome::Done(tx))
}

#[derive(Deserialize)]
struct Rated {
    feedback: domain::ids::FeedbackId,
}

/// Looks at a voice that was rated after it had been analysed.
pub async fn rated(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let payload: Rated = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    let tx = app.begin().await?;
    // Whoever rates another voice of this topic and day meanwhile waits, and then asks again.
    storage::feedback::hold(&tx).await?;
    let Some(voice) = storage::feedback::get(&tx, payload.feedback).await? else {
        return Ok(Outcome::Nothing);
    };
    let Some((label, flags)) = voice.label.clone() else {
        // Its batch will be analysed with the rating.
        return Ok(Outcome::Nothing);
    };
    watch(app, &tx, &[(voice, label, flags)], Mode::Rated).await?;
    Ok(Outcome::Done(tx))
}

#[derive(Deserialize)]
struct Day {
    day: NaiveDate,
    #[serde(default)]
    backfill: bool,
}

/// Judges a closed day.
pub async fn detect(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let payload: Day = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    let tx = daily::detect(app, payload.day, payload.backfill).await?;
    Ok(Outcome::Done(tx))
}

fn day_job(app: &App, day: NaiveDate, backfill: bool, key: String) -> NewJob {
    let payload = serde_json::json!({"day": day, "backfill": backfill});
    NewJob {
        unique_key: Some(key),
        // One after the other: a day's signals join the issues that the day before opened.
        serial_key: Some("detect".to_owned()),
        ..crate::jobs::job(app.ids.as_ref(), "detect", payload, app.now())
    }
}

/// Asks for a closed day to be judged again, soon and once for whatever arrives until then.
pub(super) async fn ask(app: &App, tx: &Tx, day: NaiveDate, backfill: bool) -> Result<(), DbError> {
    let slot = tx.now().timestamp().div_euclid(GATHER);
    let key = format!("detect:{day}:{backfill}:{slot}");
    let mut job = day_job(app, day, backfill, key);
    // One slot later: whoever shares the slot has committed by then.
    job.run_at =
        chrono::DateTime::<Utc>::from_timestamp((slot + 2) * GATHER, 0).unwrap_or(job.run_at);
    storage::queue::enqueue(tx, &job).await?;
    Ok(())
}

/// Closes the days that have ended since somebody last looked: each once, whoever looks. Days older
/// than history reaches raise nothing and are passed over.
pub async fn close_days(app: &App) -> Result<(), DbError> {
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    let yesterday = local_day(app.now(), zone) - TimeDelta::days(1);
    let oldest = yesterday - TimeDelta::days(app.config.history_days - 1);
    let mut day = match storage::detection::last_close(&app.db).await? {
        Some(last) if last >= yesterday => return Ok(()),
        Some(last) => (last + TimeDelta::days(1)).max(oldest),
        None => yesterday,
    };
    let tx = app.begin().await?;
    while day <= yesterday {
        if storage::detection::close(&tx, day).await? {
            let job = day_job(app, day, false, format!("detect:{day}:close"));
            storage::queue::enqueue(&tx, &job).await?;
        }
        day += TimeDelta::days(1);
    }
    storage::detection::sweep_hits(&tx, yesterday - TimeDelta::days(REMEMBER)).await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(())
}

/// Looks for the end of days until the server stops.
pub async fn watch_the_calendar(app: Shared) {
    loop {
        if let Err(error) = close_days(&app).await {
            tracing::warn!(error = %error, "the end of a day could not be looked for");
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = sleep(LOOK) => {}
        }
    }
}
