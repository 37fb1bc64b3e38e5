//! The loop that claims, runs, renews and ends jobs. It survives every database error.

use crate::app::{App, Shared};
use chrono::TimeDelta;
use domain::clock::Timestamp;
use std::time::Duration;
use storage::queue::{self, Job};
use storage::{DbError, Tx};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How long a worker may be silent before another one takes its job.
const LEASE_SECONDS: i64 = 30;
/// Jobs at the same time: two cores, and mails wait for other machines.
const SLOTS: usize = 6;

/// What a job comes to.
pub enum Outcome {
    /// Done: the transaction holds the effects; the worker ends the job in it and commits.
    Done(Tx),
    /// Done, with nothing more to write.
    Nothing,
}

/// Why a job was not done. The job knows whether trying again can help; the worker obeys.
#[derive(Debug)]
pub enum JobError {
    /// Trying again can help.
    Retry {
        /// For the operator.
        reason: String,
        /// The first waits are short: people wait for mails.
        first_wait: TimeDelta,
    },
    /// It was not tried, for a reason that is not its own: that counts as no attempt.
    Wait {
        /// For the operator.
        reason: String,
        /// When it is looked at again.
        until: Timestamp,
    },
    /// Trying again is useless.
    Fail(String),
}

impl JobError {
    /// Trying again can help.
    pub fn retry(reason: impl ToString) -> Self {
        Self::Retry {
            reason: reason.to_string(),
            first_wait: TimeDelta::seconds(1),
        }
    }

    /// Trying again is useless.
    pub fn fail(reason: impl ToString) -> Self {
        Self::Fail(reason.to_string())
    }
}

impl From<DbError> for JobError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Corrupt { .. } => Self::fail(error),
            _ => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                Self::retry(format!("{error} {}", source.unwrap_or_default()))
            }
        }
    }
}

/// Runs workers for every kind of job until the server stops.
pub async fn run_workers(app: Shared) {
    run_workers_for(app, &crate::jobs::KINDS).await;
}

/// Runs workers for some kinds of jobs until the server stops.
pub async fn run_workers_for(app: Shared, kinds: &'static [&'static str]) {
    // Its own name at every start: a stale worker is never taken for a living one.
    let worker = app.ids.next().to_string();
    let slots = std::sync::Arc::new(tokio::sync::Semaphore::new(SLOTS));
    let mut backoff = Duration::from_millis(100);
    let mut swept = tokio::time::Instant::now();
    // At once too: a new version of the program may know other holidays.
    keep_house(&app).await;
    // What kept mails back may be a setting that was changed for this start.
    if let Err(error) = crate::notify::hurry(&app).await {
        tracing::warn!(error = %error, "mails that wait for the mail server wait on");
    }
    loop {
        if app.stop.is_cancelled() {
            break;
        }
        let free = slots.available_permits();
        let claimed = queue::claim(
            &app.db,
            kinds,
            &worker,
            app.now(),
            LEASE_SECONDS,
            free as u64,
        )
        .await;
        match claimed {
            Ok(jobs) if jobs.is_empty() => {
                backoff = Duration::from_millis(100);
                if swept.elapsed() > Duration::from_secs(600) {
                    swept = tokio::time::Instant::now();
                    keep_house(&app).await;
                    if let Err(error) = crate::verification::jobs::reconcile(&app).await {
                        tracing::warn!(error = %error, "looks that are owed could not be written down");
                    }
                }
                tokio::select! {
                    () = app.stop.cancelled() => break,
                    () = app.wake.notified() => {}
                    // Polling always: a wake-up that got lost is a delay, never a loss.
                    () = sleep(Duration::from_millis(500)) => {}
                }
            }
            Ok(jobs) => {
                for job in jobs {
                    let Ok(permit) = slots.clone().acquire_owned().await else {
                        return;
                    };
                    let app = app.clone();
                    let tracker = app.tracker.clone();
                    tracker.spawn(async move {
                        run_one(&app, job).await;
                        drop(permit);
                        app.ended.notify_waiters();
                        app.wake.notify_one();
                    });
                }
                if slots.available_permits() == 0 {
                    tokio::select! {
                        () = app.stop.cancelled() => break,
                        () = app.wake.notified() => {}
                        () = sleep(Duration::from_millis(500)) => {}
                    }
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "no jobs could be claimed, trying again");
                sleep(backoff).await;
                backoff = (backoff * 2).min(Duration::from_secs(5));
            }
        }
    }
}

/// What is put right and thrown away from time to time.
async fn keep_house(app: &App) {
    if let Err(error) = crate::identity::sweep(app).await {
        tracing::warn!(error = %error, "old sessions could not be removed");
    }
    if let Err(error) = crate::notify::inbox::forget(app).await {
        tracing::warn!(error = %error, "the bytes of old mails could not be removed");
    }
    if let Err(error) = crate::tasks::reconcile(app).await {
        tracing::warn!(error = %error, "due times could not be compared with their calendars");
    }
    if let Err(error) = crate::tasks::reconcile_timers(app).await {
        tracing::warn!(error = %error, "timers of tasks could not be checked");
    }
}

/// Runs one claimed job to its end, keeping its lease.
async fn run_one(app: &Shared, job: Job) {
    if job.attempt > job.max_attempts {
        // The attempts were counted when they began: a job that kills its worker ends too.
        finish(
            app,
            &job,
            Err(JobError::fail("every attempt ended without an answer")),
        )
        .await;
        return;
    }
    let work = dispatch(app, &job);
    tokio::pin!(work);
    let mut renewal = interval(Duration::from_secs(LEASE_SECONDS as u64 / 3));
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    renewal.tick().await;
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome,
            _ = renewal.tick() => {
                // In a task of its own: waiting for the writer must not stop the work that holds it.
                let (app, job) = (app.clone(), job.clone());
                tokio::spawn(async move {
                    match queue::renew(&app.db, &job, LEASE_SECONDS, app.now()).await {
                        Ok(true) => {}
                        Ok(false) => tracing::warn!(job.id = job.id, "somebody else has this job now"),
                        Err(error) => tracing::warn!(job.id = job.id, error = %error, "a lease was not renewed"),
                    }
                });
            }
        }
    };
    finish(app, &job, outcome).await;
}

async fn dispatch(app: &Shared, job: &Job) -> Result<Outcome, JobError> {
    let payload: serde_json::Value = serde_json::from_str(&job.payload).map_err(JobError::fail)?;
    match job.kind.as_str() {
        "absence" => crate::tasks::absence_begins(app, &payload).await,
        "escalate" => crate::tasks::escalate(app, &payload).await,
        "analyse" => {
            let counted = crate::detection::jobs::analyse(app, &payload).await?;
            // What was counted may move topics: they are placed anew once, for many batches together.
            if let Outcome::Done(tx) = &counted.outcome {
                crate::issues::jobs::soon(app, tx).await?;
                crate::verification::jobs::late(app, tx, &counted.days).await?;
            }
            Ok(counted.outcome)
        }
        "rated" => {
            let counted = crate::detection::jobs::rated(app, &payload).await?;
            if let Outcome::Done(tx) = &counted.outcome {
                crate::verification::jobs::late(app, tx, &counted.days).await?;
            }
            Ok(counted.outcome)
        }
        "counted_less" => crate::detection::jobs::counted_less(app, &payload).await,
        "detect" => crate::detection::jobs::detect(app, &payload).await,
        "hold" => crate::issues::life::jobs::hold(app, &payload).await,
        "import" => crate::intake::jobs::import(app, &payload).await,
        "deliver" => crate::notify::jobs::deliver(app, job, &payload).await,
        "prioritise" => crate::issues::jobs::prioritise(app, &payload).await,
        "recalculate" => crate::tasks::recalculate(app, &payload).await,
        "relabel" => crate::verification::jobs::relabel(app, &payload).await,
        "reviews" => crate::reviews::jobs::tell(app, &payload).await,
        "shadow" => crate::analysis::shadow::step(app, &payload).await,
        "verify" => crate::verification::jobs::verify(app, &payload).await,
        other => Err(JobError::fail(format!("no worker for {other}"))),
    }
}

async fn finish(app: &App, job: &Job, outcome: Result<Outcome, JobError>) {
    let written = match outcome {
        Ok(outcome) => end(app, job, outcome).await,
        Err(error) => give_back(app, job, error).await,
    };
    if let Err(error) = written {
        // The lease lapses and somebody does it again: every effect is idempotent.
        tracing::warn!(job.id = job.id, job.kind = job.kind, error = %error, "the end of a job was not written");
    }
}

async fn end(app: &App, job: &Job, outcome: Outcome) -> Result<(), DbError> {
    let tx = match outcome {
        Outcome::Done(tx) => tx,
        Outcome::Nothing => app.begin().await?,
    };
    queue::complete(&tx, job).await?;
    tx.commit().await
}

async fn give_back(app: &App, job: &Job, error: JobError) -> Result<(), DbError> {
    let now = app.now();
    let (reason, again) = match error {
        JobError::Wait { reason, until } => {
            tracing::warn!(job.id = job.id, job.kind = job.kind, reason, "a job waits");
            let tx = app.db.begin(now).await?;
            queue::put_off(&tx, job, &reason, until).await?;
            return tx.commit().await;
        }
        JobError::Retry { reason, first_wait } if job.attempt < job.max_attempts => (
            reason,
            Some(now + wait(job.attempt, first_wait, job.id.as_bytes())),
        ),
        JobError::Retry { reason, .. } => (reason, None),
        JobError::Fail(reason) => (reason, None),
    };
    match again {
        Some(_) => tracing::warn!(
            job.id = job.id,
            job.kind = job.kind,
            job.attempt,
            reason,
            "a job waits for another try"
        ),
        None => tracing::error!(
            job.id = job.id,
            job.kind = job.kind,
            job.attempt,
            reason,
            "a job is dead"
        ),
    }
    let tx = app.db.begin(now).await?;
    if again.is_none() && job.kind == "deliver" {
        crate::notify::jobs::gave_up(&tx, job, &reason).await?;
    }
    queue::fail(&tx, job, &reason, again).await?;
    tx.commit().await
}

/// Doubling waits up to an hour, 20 % either way, so that what failed together is not tried together.
fn wait(attempt: i64, first: TimeDelta, salt: &[u8]) -> TimeDelta {
    let doubled = first * 2_i32.pow(u32::try_from(attempt - 1).unwrap_or(0).min(11));
    let capped = doubled.min(TimeDelta::hours(1));
    let digest = blake3::hash(&[salt, &attempt.to_le_bytes()].concat());
    let jitter = 80 + i64::from(digest.as_bytes()[0]) * 40 / 255;
    TimeDelta::milliseconds(capped.num_milliseconds() * jitter / 100)
}

/// Runs everything that is due, here and now, without workers: for commands and tests.
pub async fn settle(app: &Shared) -> Result<(), DbError> {
    let worker = app.ids.next().to_string();
    loop {
        let jobs = queue::claim(
            &app.db,
            &crate::jobs::KINDS,
            &worker,
            app.now(),
            LEASE_SECONDS,
            1,
        )
        .await?;
        let Some(job) = jobs.into_iter().next() else {
            return Ok(());
        };
        run_one(app, job).await;
    }
}

/// Whether jobs of a kind wait or run.
pub async fn pending_of(app: &App, kind: &str) -> Result<bool, DbError> {
    let all = queue::backlog(&app.db).await?;
    Ok(all.iter().any(|b| b.kind == kind && b.state != "dead"))
}
