//! Labels and facts first, then the immediate rules, in one transaction; and the days at their close.

use super::daily::{self, Occasion};
use super::watch::{Mode, watch};
use crate::analysis::{Labelled, StillUnlabelled};
use crate::app::{App, Shared};
use crate::jobs::{JobError, Outcome};
use chrono::{NaiveDate, TimeDelta};
use domain::clock::{Timestamp, local_day};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use storage::queue::NewJob;
use storage::{DbError, Tx};
use tokio::time::sleep;

/// How often the end of a day is looked for.
const LOOK: Duration = Duration::from_secs(15);
/// Days that what people said is remembered for.
const REMEMBER: i64 = 90;

#[derive(Deserialize)]
struct Stored {
    batch: String,
    #[serde(default)]
    backfill: bool,
}

/// What a job counted: what it comes to, and the days whose counts it changed.
pub struct Counted {
    /// The end of the job.
    pub outcome: Outcome,
    /// Days of the organisation's calendar.
    pub days: BTreeSet<NaiveDate>,
}

/// Labels a batch, counts it, and raises what its detectors find.
pub async fn analyse(app: &Shared, payload: &serde_json::Value) -> Result<Counted, JobError> {
    let payload: Stored = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
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
    if mode == Mode::Live {
        crate::reviews::open(app, &tx, &counted).await?;
    }
    Ok(Counted {
        days: days_of(&counted),
        outcome: Outcome::Done(tx),
    })
}

fn days_of(voices: &[Labelled]) -> BTreeSet<NaiveDate> {
    voices
        .iter()
        .filter_map(|(voice, _, _)| voice.feedback.day)
        .collect()
}

#[derive(Deserialize)]
struct Rated {
    feedback: domain::ids::FeedbackId,
}

/// Looks at a voice that was rated after it had been analysed.
pub async fn rated(app: &Shared, payload: &serde_json::Value) -> Result<Counted, JobError> {
    let payload: Rated = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    let tx = app.begin().await?;
    // Whoever rates another voice of this topic and day meanwhile waits, and then asks again.
    storage::feedback::hold(&tx).await?;
    let nothing = Counted {
        outcome: Outcome::Nothing,
        days: BTreeSet::new(),
    };
    let Some(voice) = storage::feedback::get(&tx, payload.feedback).await? else {
        return Ok(nothing);
    };
    let Some((label, flags)) = voice.label.clone() else {
        // Its batch will be analysed with the rating.
        return Ok(nothing);
    };
    let counted = [(voice, label, flags)];
    watch(app, &tx, &counted, Mode::Rated).await?;
    crate::reviews::rated(app, &tx, &counted).await?;
    Ok(Counted {
        days: days_of(&counted),
        outcome: Outcome::Done(tx),
    })
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Day {
    day: NaiveDate,
    #[serde(default)]
    backfill: bool,
    /// It is the day's first look, at its close: late data has changed nothing yet.
    #[serde(default)]
    close: bool,
    /// Something is counted no more: what rang with the voice may have lost its reason too.
    #[serde(default)]
    less: bool,
    /// When the look was first asked for; `None` in jobs of an earlier version.
    #[serde(default)]
    since: Option<Timestamp>,
}

impl Day {
    /// Of jobs that can do the same work.
    fn key(&self) -> String {
        let of = if self.close {
            "close"
        } else if self.less {
            "less"
        } else if self.backfill {
            "backfill"
        } else {
            "late"
        };
        format!("detect:{}:{of}", self.day)
    }
}

/// Judges a closed day, once the files that are being read are read.
pub async fn detect(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let day: Day = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    let since = day.since.unwrap_or_else(|| app.now());
    if crate::jobs::should_wait(app, since).await? {
        let tx = app.begin().await?;
        let again = Day {
            since: Some(since),
            ..day
        };
        crate::jobs::gather(&tx, day_job(app, &again), &again.key()).await?;
        return Ok(Outcome::Done(tx));
    }
    if day.less {
        super::withdraw::corrected(app, day.day).await?;
    }
    let occasion = if day.close {
        Occasion::Close
    } else if day.backfill {
        Occasion::Backfill
    } else {
        Occasion::Late
    };
    let tx = daily::detect(app, day.day, occasion).await?;
    Ok(Outcome::Done(tx))
}

fn day_job(app: &App, day: &Day) -> NewJob {
    let payload = serde_json::to_value(day).unwrap_or_default();
    NewJob {
        // One after the other: a day's signals join the issues that the day before opened.
        serial_key: Some("detect".to_owned()),
        ..crate::jobs::job(app.ids.as_ref(), "detect", payload, app.now())
    }
}

/// Asks for a closed day to be judged again, soon and once for whatever arrives until then.
pub(super) async fn ask(app: &App, tx: &Tx, day: NaiveDate, backfill: bool) -> Result<(), DbError> {
    let day = Day {
        day,
        backfill,
        since: Some(tx.now()),
        ..Day::default()
    };
    crate::jobs::gather(tx, day_job(app, &day), &day.key()).await
}

#[derive(Deserialize)]
struct Shrunk {
    days: BTreeSet<NaiveDate>,
}

/// Asks for days of which something is counted no more to be judged again, as far back as that is done.
pub async fn counted_less(app: &App, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let shrunk: Shrunk = serde_json::from_value(payload.clone()).map_err(JobError::fail)?;
    let tx = app.begin().await?;
    let zone = storage::organisation::organisation(&tx).await?.zone;
    let today = local_day(tx.now(), zone);
    let oldest = today - TimeDelta::days(super::watch::JUDGED_AGAIN);
    for day in shrunk.days.range(oldest..=today) {
        let day = Day {
            day: *day,
            less: true,
            since: Some(tx.now()),
            ..Day::default()
        };
        crate::jobs::gather(&tx, day_job(app, &day), &day.key()).await?;
    }
    Ok(Outcome::Done(tx))
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
            let closed = Day {
                day,
                close: true,
                since: Some(tx.now()),
                ..Day::default()
            };
            let job = NewJob {
                unique_key: Some(closed.key()),
                ..day_job(app, &closed)
            };
            storage::queue::enqueue(&tx, &job).await?;
        }
        day += TimeDelta::days(1);
    }
    storage::detection::sweep_hits(&tx, yesterday - TimeDelta::days(REMEMBER)).await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(())
}

/// Looks for the end of days, and of hours, until the server stops.
pub async fn watch_the_calendar(app: Shared) {
    let mut looked = None;
    loop {
        if let Err(error) = super::hours::look(&app, &mut looked).await {
            tracing::warn!(error = %error, "the hours of the day could not be looked at");
        }
        if let Err(error) = close_days(&app).await {
            tracing::warn!(error = %error, "the end of a day could not be looked for");
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = sleep(LOOK) => {}
        }
    }
}
