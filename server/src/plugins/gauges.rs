//! How plugins are doing, as Prometheus reads it: what stands in the database, for every replica alike. Labels are
//! names of plugins, never of installations: those stand in the log and in the console.

use crate::app::App;
use domain::clock::Timestamp;
use domain::plugins::State;
use plugin_host::breaker::{Breaker, State as Stands};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use storage::DbError;

/// What is added up of the installations of one plugin.
#[derive(Default)]
struct Sum {
    states: BTreeMap<&'static str, i64>,
    breakers: BTreeMap<(String, &'static str), i64>,
    items: BTreeMap<&'static str, i64>,
    /// Refused records that wait for somebody.
    rejected: i64,
    inbox: BTreeMap<String, i64>,
    /// The stream that was kept longest ago, and the one whose newest voice is oldest.
    pulled: Option<Timestamp>,
    newest: Option<Timestamp>,
}

fn oldest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Prometheus text.
pub async fn text(app: &App) -> Result<String, DbError> {
    let mut plugins: BTreeMap<String, Sum> = BTreeMap::new();
    for row in storage::installations::list(&app.db).await? {
        let sum = plugins.entry(row.plugin.clone()).or_default();
        let health = storage::installations::health(&app.db, &row.key).await?;
        let state = if row.enabled {
            health.state.as_str()
        } else {
            "off"
        };
        *sum.states.entry(state).or_default() += 1;
        for (operation, breaker) in &health.breakers {
            let breaker: Breaker = serde_json::from_value(breaker.clone()).unwrap_or_default();
            let stands = match breaker.state() {
                Stands::Closed => "closed",
                Stands::HalfOpen { .. } => "half_open",
                Stands::Open { .. } => "open",
                Stands::Quarantined => "quarantined",
            };
            *sum.breakers.entry((operation.clone(), stands)).or_default() += 1;
        }
        sum.rejected += storage::collect::count_rejected(&app.db, &row.key).await?;
        for (state, n) in storage::collect::count_hooks(&app.db, &row.key).await? {
            *sum.inbox.entry(state).or_default() += n;
        }
        for work in storage::collect::works(&app.db, &row.key).await? {
            if work.kind != "pull" {
                continue;
            }
            let progress = work.progress;
            for (result, n) in [
                ("new", progress.accepted),
                ("updated", progress.updated),
                ("duplicate", progress.duplicates),
                ("rejected", progress.rejected),
            ] {
                *sum.items.entry(result).or_default() += n;
            }
            if row.enabled {
                let pulled = progress.last_ok_at.unwrap_or(row.created_at);
                sum.pulled = oldest(sum.pulled, Some(pulled));
                sum.newest = oldest(sum.newest, progress.newest_at);
            }
        }
    }
    Ok(written(&plugins, app.now()))
}

fn written(plugins: &BTreeMap<String, Sum>, now: Timestamp) -> String {
    let mut text = String::new();
    let mut series =
        |name: &str, help: &str, kind: &str, lines: &dyn Fn(&Sum) -> Vec<(String, f64)>| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (plugin, sum) in plugins {
                for (labels, value) in lines(sum) {
                    let _ = writeln!(text, "{name}{{plugin=\"{plugin}\"{labels}}} {value}");
                }
            }
        };
    let age = |at: Option<Timestamp>| {
        let seconds = at.map(|at| (now - at).num_seconds().max(0) as f64);
        seconds.map(|s| (String::new(), s)).into_iter().collect()
    };
    series(
        "bihuan_plugin_installations",
        "Installations by how they are doing.",
        "gauge",
        &|sum| {
            // All of them, so that a state that nobody is in any more goes back to nothing.
            let all = STATES.iter().map(|s| s.as_str()).chain(["off"]);
            all.map(|state| {
                let n = sum.states.get(state).copied().unwrap_or(0);
                (format!(",state=\"{state}\""), n as f64)
            })
            .collect()
        },
    );
    series(
        "bihuan_plugin_breakers",
        "Breakers by operation and where they stand.",
        "gauge",
        &|sum| {
            let all = sum.breakers.iter();
            all.map(|((operation, stands), n)| {
                let labels = format!(",operation=\"{operation}\",state=\"{stands}\"");
                (labels, *n as f64)
            })
            .collect()
        },
    );
    series(
        "bihuan_plugin_items_total",
        "Records of streams by what became of them.",
        "counter",
        &|sum| {
            let all = sum.items.iter();
            all.map(|(result, n)| (format!(",result=\"{result}\""), *n as f64))
                .collect()
        },
    );
    series(
        "bihuan_plugin_dead_letters",
        "Refused records that wait for somebody.",
        "gauge",
        &|sum| vec![(String::new(), sum.rejected as f64)],
    );
    series(
        "bihuan_plugin_inbox",
        "Requests of sources by state.",
        "gauge",
        &|sum| {
            let all = sum.inbox.iter();
            all.map(|(state, n)| (format!(",state=\"{state}\""), *n as f64))
                .collect()
        },
    );
    series(
        "bihuan_plugin_pull_age_seconds",
        "Since the last kept page of the stream that waits longest.",
        "gauge",
        &|sum| age(sum.pulled),
    );
    series(
        "bihuan_plugin_cursor_lag_seconds",
        "Age of the newest voice of the stream that is farthest behind.",
        "gauge",
        &|sum| age(sum.newest),
    );
    text
}

const STATES: [State; 7] = [
    State::New,
    State::Ok,
    State::Failing,
    State::Paused,
    State::Resting,
    State::Stale,
    State::Quarantined,
];
