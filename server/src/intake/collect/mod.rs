//! Connectors at work: streams that are pulled, requests of sources that are worked off, sources that are told.
//!
//! A piece of work is a row with a lease. The plugin runs outside of any transaction; what it brought, what is
//! refused, what it keeps and where it goes on are then written in one, which fails when the lease went to
//! somebody else or the settings changed. So a crash repeats a page and neither skips nor doubles anything.

mod hooks;
pub mod http;
mod keep;
mod pull;

use crate::app::Shared;
use crate::plugins::{Failed, Kind};
use chrono::TimeDelta;
use domain::clock::Timestamp;
use domain::plugins::Installation;
use std::sync::Arc;
use std::time::Duration;
use storage::collect::{self, Progress, Work};
use storage::{DbError, Tx};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How long whoever is at a piece of work may be silent before somebody else takes it.
const LEASE_SECONDS: i64 = 10;
/// Pieces of work at the same time: a slow source must not hold up the others.
const SLOTS: usize = 4;
/// Between two self checks of an installation.
const CHECK_EVERY: TimeDelta = TimeDelta::minutes(15);
/// Longest run of one piece of work before the others have their turn.
const RUN: Duration = Duration::from_secs(20);
/// Between two looks for streams that have been silent for too long.
const LISTEN_EVERY: Duration = Duration::from_secs(15);
/// Names of deliveries are known for so long.
const DELIVERIES_KNOWN: TimeDelta = TimeDelta::days(14);

/// Why a run ended early.
enum Stop {
    /// The plugin, or what it needs.
    Failed(Failed),
    /// Somebody else has the work, or somebody changed the installation: nothing was kept.
    Overtaken,
    /// The database; it is tried again.
    Database(DbError),
}

impl From<Failed> for Stop {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Stale { .. } => Self::Overtaken,
            other => Self::Database(other),
        }
    }
}

/// Works until the server stops.
pub async fn run(app: Shared) {
    let slots = Arc::new(Semaphore::new(SLOTS));
    let mut swept = tokio::time::Instant::now();
    let mut listened = tokio::time::Instant::now();
    loop {
        if app.stop.is_cancelled() {
            return;
        }
        if listened.elapsed() > LISTEN_EVERY {
            listened = tokio::time::Instant::now();
            if let Err(error) = crate::plugins::look_for_silence(&app).await {
                tracing::warn!(error = %error, "nobody looked for connectors that are silent");
            }
        }
        if let Err(error) = start(&app, &slots).await {
            tracing::warn!(error = %error, "no work of connectors could be taken, trying again");
        }
        if swept.elapsed() > Duration::from_secs(3600) {
            swept = tokio::time::Instant::now();
            if let Err(error) = sweep(&app).await {
                tracing::warn!(error = %error, "old deliveries could not be removed");
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.plugins.wake.notified() => {}
            // Polling always: a wake-up that got lost is a delay, never a loss.
            () = sleep(Duration::from_millis(500)) => {}
        }
    }
}

async fn sweep(app: &Shared) -> Result<(), DbError> {
    let tx = app.begin().await?;
    collect::sweep(&tx, app.now() - DELIVERIES_KNOWN).await?;
    tx.commit().await
}

async fn start(app: &Shared, slots: &Arc<Semaphore>) -> Result<(), DbError> {
    let free = slots.available_permits();
    if free == 0 || !collect::is_due(&app.db, app.now()).await? {
        return Ok(());
    }
    for work in collect::claim(&app.db, app.now(), LEASE_SECONDS, free as u64).await? {
        let Ok(permit) = slots.clone().acquire_owned().await else {
            return Ok(());
        };
        let app = app.clone();
        let tracker = app.tracker.clone();
        tracker.spawn(async move {
            one(&app, work).await;
            drop(permit);
            app.plugins.wake.notify_one();
        });
    }
    Ok(())
}

/// Does one piece of work, keeping its lease.
async fn one(app: &Shared, work: Work) {
    let doing = attempt(app, work.clone());
    tokio::pin!(doing);
    let mut renewal = interval(Duration::from_secs(LEASE_SECONDS as u64 / 3));
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    renewal.tick().await;
    loop {
        tokio::select! {
            () = &mut doing => return,
            _ = renewal.tick() => {
                // In a task of its own: waiting for the writer must not stop the work that holds it.
                let (app, work) = (app.clone(), work.clone());
                tokio::spawn(async move {
                    if let Err(error) = collect::renew(&app.db, &work, LEASE_SECONDS, app.now()).await {
                        tracing::warn!(plugin.installation = work.installation, error = %error, "a lease was not renewed");
                    }
                });
            }
        }
    }
}

async fn attempt(app: &Shared, mut work: Work) {
    let ended = match work.kind.as_str() {
        "pull" => pull::run(app, &mut work).await,
        "hooks" => hooks::run(app, &mut work).await,
        "acks" => acks(app, &mut work).await,
        "check" => check(app, &mut work).await,
        _ => Ok(()),
    };
    let written = match ended {
        Ok(()) => Ok(()),
        Err(Stop::Overtaken) => {
            tracing::debug!(
                plugin.installation = work.installation,
                work.kind,
                "somebody else goes on"
            );
            // Whoever changed the installation has made it due; a lease that is still ours lapses.
            hand_back(app, &work).await
        }
        Err(Stop::Database(error)) => Err(error),
        Err(Stop::Failed(failed)) => note_failure(app, &work, failed).await,
    };
    if let Err(error) = written {
        tracing::warn!(
            plugin.installation = work.installation,
            work.kind,
            error = %error,
            "the end of a run was not written; its lease lapses"
        );
    }
}

async fn hand_back(app: &Shared, work: &Work) -> Result<(), DbError> {
    let tx = app.begin().await?;
    collect::release(&tx, work, &work.progress, Some(tx.now())).await?;
    tx.commit().await
}

/// When the next regular run of an installation would be.
async fn scheduled(app: &Shared, row: &Installation) -> Result<Timestamp, DbError> {
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    Ok(crate::plugins::next(&row.set.schedule, app.now(), zone))
}

/// Obeys what the rules say of a failure.
async fn note_failure(app: &Shared, work: &Work, failed: Failed) -> Result<(), DbError> {
    // A cursor that is not there cannot expire: the plugin contradicts itself.
    let failed = if failed.kind == Kind::CursorExpired && work.cursor.is_none() {
        Failed {
            kind: Kind::Fault,
            ..failed
        }
    } else {
        failed
    };
    let Some(row) = storage::installations::get(&app.db, &work.installation).await? else {
        return Ok(());
    };
    let scheduled = scheduled(app, &row).await?;
    let tx = app.begin().await?;
    if storage::installations::lock(&tx, &work.installation)
        .await?
        .is_none()
    {
        return Ok(());
    }
    let operation = &work.kind;
    let failures = work.progress.failures;
    let step = crate::plugins::failed(
        app,
        &tx,
        &work.installation,
        operation,
        &failed,
        failures,
        scheduled,
    )
    .await?;
    let progress = Progress {
        failures: failures.saturating_add(1),
        standstills: 0,
        error: Some(failed.to_string().chars().take(500).collect()),
        ..work.progress.clone()
    };
    tracing::warn!(
        plugin.installation = work.installation,
        work.kind,
        stream = work.name,
        code = failed.code,
        failures = progress.failures,
        "a run of a connector failed"
    );
    if !collect::release(&tx, work, &progress, step.at).await? {
        // Somebody else has it: their word counts.
        return tx.rollback().await;
    }
    if step.state.waits_for_person() {
        // All of it: one stream that goes on would hide that another waits.
        for kind in ["pull", "hooks", "acks"] {
            collect::reschedule(&tx, &work.installation, Some(kind), None).await?;
        }
    }
    if step.start_over {
        collect::set_cursor(&tx, &work.id, None).await?;
    }
    tx.commit().await
}

/// Holds the installation as it was when the plugin was asked. Fails when somebody has changed it meanwhile.
async fn hold(tx: &Tx, row: &Installation) -> Result<(), DbError> {
    let present = storage::installations::lock(tx, &row.key).await?;
    if present.is_some_and(|p| p.version == row.version && p.enabled) {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "installation",
            id: row.key.clone(),
        })
    }
}

/// Learns the streams of a connector and whether it works.
async fn check(app: &Shared, work: &mut Work) -> Result<(), Stop> {
    let key = work.installation.clone();
    let Some(found) = crate::plugins::find(&app.db, &key).await? else {
        return Ok(());
    };
    let row = found.row.clone();
    let mut streams = None;
    if row.role == "connector" {
        let connected = app.plugins.connect(app, &key).await?;
        if connected.pulls() {
            streams = Some(connected.streams().await?);
        }
    }
    let checked = crate::plugins::checked(app, app.plugins.check_installation(app, &found).await);
    let tx = app.begin().await?;
    hold(&tx, &row).await?;
    if let Some(streams) = &streams {
        let names: Vec<String> = streams.iter().map(|s| s.0.clone()).collect();
        collect::forget_streams(&tx, &key, &names).await?;
        for (name, title) in streams {
            collect::ensure(&tx, app.ids.next(), &key, "pull", name, title).await?;
        }
    }
    let health = storage::installations::Health {
        checked: Some(checked),
        ..storage::installations::health(&tx, &key).await?
    };
    storage::installations::set_health(&tx, &key, &health).await?;
    work.progress.failures = 0;
    work.progress.error = None;
    if !collect::release(&tx, work, &work.progress, Some(tx.now() + CHECK_EVERY)).await? {
        return Err(Stop::Overtaken);
    }
    tx.commit().await?;
    app.plugins.wake.notify_one();
    Ok(())
}

/// Tells the source what was kept: at least once.
async fn acks(app: &Shared, work: &mut Work) -> Result<(), Stop> {
    let key = work.installation.clone();
    loop {
        let owed = collect::owed_acks(&app.db, &key, 500).await?;
        if owed.is_empty() {
            break;
        }
        let connected = app.plugins.connect(app, &key).await?;
        let tokens: Vec<String> = owed.iter().map(|a| a.token.clone()).collect();
        let keep = connected.ack(&tokens).await?;
        let tx = app.begin().await?;
        hold(&tx, &connected.installation).await?;
        collect::paid_acks(&tx, &owed).await?;
        keep.write(&tx, &key).await?;
        crate::plugins::succeeded(app, &tx, &key, "acks").await?;
        tx.commit().await?;
    }
    work.progress.failures = 0;
    work.progress.error = None;
    let tx = app.begin().await?;
    // First the row, then the look: whoever adds one waits for the row and makes it due again.
    if !collect::release(&tx, work, &work.progress, None).await? {
        return Err(Stop::Overtaken);
    }
    if !collect::owed_acks(&tx, &key, 1).await?.is_empty() {
        collect::hurry(&tx, &key, "acks").await?;
    }
    tx.commit().await?;
    Ok(())
}
