//! How an installation is doing: what a call led to, what follows, and who is told.

use super::failed::{Failed, Kind};
use super::installed::INCOMPLETE;
use crate::app::App;
use domain::clock::Timestamp;
use domain::identity::Actor;
use domain::plugins::{MOST_MISSED, State, Step, after_trouble, is_stale, state_after};
use plugin_host::breaker::{Breaker, State as Stands, Verdict};
use storage::installations::{Health, LastError};
use storage::{DbError, Tx};

/// Openings of a breaker without a success between them, after which a person must look.
const MOST_OPENINGS: u32 = 8;

/// Spreads the waits of many installations; the same for the same one.
fn seed(key: &str, failures: u32) -> u64 {
    let digest = blake3::hash(format!("{key}\u{1f}{failures}").as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_be_bytes(bytes)
}

fn breaker(health: &Health, operation: &str) -> Breaker {
    health
        .breakers
        .get(operation)
        .and_then(|state| serde_json::from_value(state.clone()).ok())
        .unwrap_or_default()
}

/// Writes down that a call succeeded, and the call itself, in the transaction that keeps its results. The caller
/// holds the installation.
pub async fn succeeded(app: &App, tx: &Tx, key: &str, operation: &str) -> Result<(), DbError> {
    app.plugins.ledger.keep(app, tx, key).await?;
    let before = storage::installations::health(tx, key).await?;
    let mut breaker = breaker(&before, operation);
    let now_ms = tx.now().timestamp_millis();
    let _ = breaker.ask(now_ms);
    breaker.learn(Verdict::Sound, now_ms, 0.0);
    // Whoever began before a person was asked for says nothing about what the person has to mend.
    let others_rest = before.breakers.keys().any(|other| {
        other != operation
            && matches!(self::breaker(&before, other).state(), Stands::Open { until_ms } if now_ms < until_ms)
    });
    let state = match before.state {
        waits if waits.waits_for_person() => waits,
        State::Resting if others_rest => State::Resting,
        _ => State::Ok,
    };
    let recovered = state == State::Ok && !matches!(before.state, State::Ok | State::New);
    let health = Health {
        state,
        failures: 0,
        openings: 0,
        last_ok_at: Some(tx.now()),
        breakers: with(&before, operation, &breaker),
        ..before
    };
    storage::installations::set_health(tx, key, &health).await?;
    if recovered {
        record(
            app,
            tx,
            key,
            "installation.recovered",
            serde_json::json!({"operation": operation}),
        )
        .await?;
    }
    Ok(())
}

fn with(
    health: &Health,
    operation: &str,
    breaker: &Breaker,
) -> std::collections::BTreeMap<String, serde_json::Value> {
    let mut all = health.breakers.clone();
    all.insert(
        operation.to_owned(),
        serde_json::to_value(breaker).unwrap_or_default(),
    );
    all
}

/// Writes down that a call failed and answers what follows. The caller holds the installation. `scheduled`:
/// when the work would be due otherwise.
pub async fn failed(
    app: &App,
    tx: &Tx,
    key: &str,
    operation: &str,
    failed: &Failed,
    failures: u32,
    scheduled: Timestamp,
) -> Result<Step, DbError> {
    let before = storage::installations::health(tx, key).await?;
    let now_ms = tx.now().timestamp_millis();
    let mut breaker = breaker(&before, operation);
    let fault = matches!(failed.kind, Kind::Fault);
    // Whoever comes here was called: after a rest that call was the trial.
    let _ = breaker.ask(now_ms);
    let jitter = (seed(key, before.failures) % 1000) as f64 / 1000.0;
    let verdict = if fault {
        Verdict::Faulty
    } else {
        Verdict::Sound
    };
    breaker.learn(verdict, now_ms, jitter);
    // Of this operation: what works beside it proves nothing about it.
    let openings = breaker.rests();
    let quarantined = openings >= MOST_OPENINGS;
    if quarantined {
        breaker.quarantine();
    }
    let rest_ms = match breaker.state() {
        Stands::Open { until_ms } => u64::try_from(until_ms - now_ms).unwrap_or(0),
        Stands::Closed | Stands::HalfOpen { .. } | Stands::Quarantined => 0,
    };
    let trouble = failed.trouble(rest_ms, quarantined);
    let step = after_trouble(trouble, failures, tx.now(), scheduled, seed(key, failures));
    let state = state_after(before.state, step.state);
    // An installation that still lacks something and has never worked is being set up.
    let unfinished = before.last_ok_at.is_none() && failed.code == INCOMPLETE;
    let worry = domain::plugins::worry(
        before.state,
        state,
        unfinished,
        |worry| before.told.get(&worry).copied(),
        tx.now(),
    );
    let mut notified = before.told.clone();
    notified.extend(worry.map(|worry| (worry, tx.now())));
    let health = Health {
        state,
        told: notified,
        failures: before.failures.saturating_add(1),
        openings,
        last_error: Some(LastError {
            code: failed.code.clone(),
            message: failed.message.chars().take(1000).collect(),
            operation: operation.to_owned(),
            at: tx.now(),
        }),
        breakers: with(&before, operation, &breaker),
        ..before.clone()
    };
    storage::installations::set_health(tx, key, &health).await?;
    let told = match state {
        State::Paused => Some("installation.paused"),
        State::Quarantined => Some("installation.quarantined"),
        State::Resting if before.state != State::Resting => Some("installation.resting"),
        _ => None,
    };
    if let Some(kind) = told.filter(|_| before.state != state) {
        tracing::warn!(
            plugin.installation = key,
            operation,
            code = failed.code,
            state = state.as_str(),
            "an installation needs a look"
        );
        let data = serde_json::json!({"operation": operation, "code": failed.code, "message": failed.message});
        record(app, tx, key, kind, data).await?;
    }
    if let Some(worry) = worry {
        super::letter::tell(app, tx, key, worry, operation, failed).await?;
    }
    Ok(Step { state, ..step })
}

/// Why this operation of an installation should not be tried now: it waits for a person, or its breaker is open.
pub async fn rests(app: &App, key: &str, operation: &str) -> Result<Option<Failed>, DbError> {
    let health = storage::installations::health(&app.db, key).await?;
    if health.state.waits_for_person() {
        return Ok(Some(Failed::new(
            Kind::Settings,
            "waits_for_person",
            format!(
                "the installation is {} and waits for somebody to act",
                health.state.as_str()
            ),
        )));
    }
    let now_ms = app.now().timestamp_millis();
    Ok(match breaker(&health, operation).state() {
        Stands::Open { until_ms } if now_ms < until_ms => Some(Failed::new(
            Kind::Patience(u64::try_from(until_ms - now_ms).unwrap_or(0)),
            "resting",
            "the plugin failed again and again and rests",
        )),
        _ => None,
    })
}

/// Looks for connectors whose streams have been silent for too long, and says so.
pub async fn look_for_silence(app: &App) -> Result<(), DbError> {
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    for row in storage::installations::of_role(&app.db, "connector").await? {
        let silent = |works: Vec<storage::collect::Work>| {
            works.into_iter().find(|work| {
                let since = work.progress.last_ok_at.unwrap_or(row.created_at);
                let missed = (0..MOST_MISSED).fold(since, |at, _| {
                    super::schedule::next(&row.set.schedule, at, zone)
                });
                let well = work.progress.error.is_none();
                work.kind == "pull" && is_stale(missed, work.next_at, well, app.now())
            })
        };
        let looks = |state| matches!(state, State::New | State::Ok | State::Failing);
        let state = storage::installations::health(&app.db, &row.key)
            .await?
            .state;
        if !looks(state) || silent(storage::collect::works(&app.db, &row.key).await?).is_none() {
            continue;
        }
        // Once more, now that nobody else can write.
        let tx = app.begin().await?;
        let present = storage::installations::lock(&tx, &row.key).await?;
        let before = storage::installations::health(&tx, &row.key).await?;
        let Some(stream) = silent(storage::collect::works(&tx, &row.key).await?) else {
            continue;
        };
        if !present.is_some_and(|p| p.enabled) || !looks(before.state) {
            continue;
        }
        let health = Health {
            state: State::Stale,
            ..before
        };
        storage::installations::set_health(&tx, &row.key, &health).await?;
        tracing::warn!(
            plugin.installation = row.key,
            stream = stream.name,
            "a stream has been silent for too long"
        );
        let data =
            serde_json::json!({"stream": stream.name, "last_ok_at": stream.progress.last_ok_at});
        record(app, &tx, &row.key, "installation.stale", data).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Lets an installation that waits for a person work again, with a clean slate. The caller holds it.
pub async fn reset(tx: &Tx, key: &str) -> Result<(), DbError> {
    let before = storage::installations::health(tx, key).await?;
    let health = Health {
        state: State::New,
        failures: 0,
        openings: 0,
        breakers: std::collections::BTreeMap::new(),
        // A person has acted: what happens from here on is news.
        told: std::collections::BTreeMap::new(),
        ..before
    };
    storage::installations::set_health(tx, key, &health).await
}

async fn record(
    app: &App,
    tx: &Tx,
    key: &str,
    kind: &str,
    data: serde_json::Value,
) -> Result<(), DbError> {
    storage::events::record(
        tx,
        app.ids.next(),
        "installation",
        key,
        kind,
        &Actor::system(),
        &data,
    )
    .await
}
