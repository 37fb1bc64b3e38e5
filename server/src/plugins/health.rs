//! How an installation is doing: what a call led to, what follows, and who is told.

use super::failed::Failed;
use crate::app::App;
use domain::clock::Timestamp;
use domain::identity::Actor;
use domain::plugins::{State, Step, after_trouble};
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

/// Writes down that a call succeeded, in the transaction that keeps its results. The caller holds the
/// installation.
pub async fn succeeded(app: &App, tx: &Tx, key: &str, operation: &str) -> Result<(), DbError> {
    let before = storage::installations::health(tx, key).await?;
    let mut breaker = breaker(&before, operation);
    let now_ms = tx.now().timestamp_millis();
    let _ = breaker.ask(now_ms);
    breaker.learn(Verdict::Sound, now_ms, 0.0);
    let recovered = !matches!(before.state, State::Ok | State::New);
    let health = Health {
        state: State::Ok,
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
    let fault = matches!(failed.kind, super::failed::Kind::Fault);
    // Whoever comes here was called: after a rest that call was the trial.
    let _ = breaker.ask(now_ms);
    let jitter = (seed(key, before.failures) % 1000) as f64 / 1000.0;
    let verdict = if fault {
        Verdict::Faulty
    } else {
        Verdict::Sound
    };
    let opened = breaker.learn(verdict, now_ms, jitter);
    let openings = before.openings + u32::from(opened);
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
    let health = Health {
        state: step.state,
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
    let told = match step.state {
        State::Paused => Some("installation.paused"),
        State::Quarantined => Some("installation.quarantined"),
        State::Resting if before.state != State::Resting => Some("installation.resting"),
        _ => None,
    };
    if let Some(kind) = told.filter(|_| before.state != step.state) {
        tracing::warn!(
            plugin.installation = key,
            operation,
            code = failed.code,
            state = step.state.as_str(),
            "an installation needs a look"
        );
        let data = serde_json::json!({"operation": operation, "code": failed.code, "message": failed.message});
        record(app, tx, key, kind, data).await?;
    }
    Ok(step)
}

/// Lets an installation that waits for a person work again, with a clean slate. The caller holds it.
pub async fn reset(tx: &Tx, key: &str) -> Result<(), DbError> {
    let before = storage::installations::health(tx, key).await?;
    let health = Health {
        state: State::New,
        failures: 0,
        openings: 0,
        breakers: std::collections::BTreeMap::new(),
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
