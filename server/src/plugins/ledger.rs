//! What plugins did: calls with the budgets they used, and the lines they wrote. The host hands both over as
//! they come. A call whose results are kept is written down in the transaction that keeps them: whoever sees
//! the items of a page also finds the call that brought it. Everything else (lines, calls without results) is
//! written once a second, so that a call never waits for the database; a crash may lose the last second of it.

use crate::app::App;
use domain::clock::Timestamp;
use plugin_host::{CallRecord, LogLine, Metric, MetricValue};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use storage::figures::Call;
use storage::{DbError, Tx};
use tokio::time::sleep;
use uuid::Uuid;

/// Most calls and most lines that wait to be written; the oldest go first.
const WAITING: usize = 2000;

/// Collects until it is written down.
#[derive(Clone, Default)]
pub struct Ledger {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// With the identity it was first written under.
    calls: VecDeque<(Option<Uuid>, CallRecord)>,
    lines: VecDeque<LogLine>,
    totals: BTreeMap<Of, Total>,
    /// Plugin, version and the name that its manifest declares.
    own: BTreeMap<(String, String, String), Own>,
    /// The same by installation.
    figures: BTreeMap<(String, String), Own>,
}

/// Figures of installations that are added up; more are only counted by plugin.
const FIGURES: usize = 10_000;

/// A figure of an installation since the server started, under the name of the plugin's manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name; `undeclared` for all that the manifest does not name.
    pub name: String,
    /// What was counted.
    pub added: u64,
    /// How many values were measured.
    pub values: u64,
    /// Their sum.
    pub sum: f64,
}

/// A figure that a plugin measures.
#[derive(Clone, Copy, Default, PartialEq)]
struct Own {
    /// Added up.
    added: u64,
    /// Values of a distribution, and their sum.
    values: u64,
    sum: f64,
}

impl Own {
    fn take(&mut self, value: MetricValue) {
        match value {
            MetricValue::Add(n) => self.added = self.added.saturating_add(n),
            // What is no number would spoil the sum for ever.
            MetricValue::Record(value) if value.is_finite() => {
                self.values += 1;
                self.sum += value;
            }
            MetricValue::Record(_) => {}
        }
    }
}

/// Bounds of the buckets of call times, in milliseconds: a warm call takes microseconds, a pull seconds.
const BUCKETS: [u64; 10] = [1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 30_000];

/// Plugin, version, operation, outcome: every one of them comes from a bounded set.
type Of = (Arc<str>, Arc<str>, &'static str, &'static str);

#[derive(Clone, Copy, Default)]
struct Total {
    calls: u64,
    wall_ms: u64,
    /// Calls up to each of [`BUCKETS`], each counted once.
    buckets: [u64; BUCKETS.len()],
    cpu_ms: u64,
    http_calls: u64,
    http_bytes: u64,
    denied: u64,
    log_dropped: u64,
    memory_peak: u64,
}

/// A name of a manifest as the value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', " ")
}

fn push<T>(queue: &mut VecDeque<T>, value: T) {
    if queue.len() >= WAITING {
        queue.pop_front();
    }
    queue.push_back(value);
}

fn row(id: Uuid, call: &CallRecord, at: Timestamp) -> Call {
    Call {
        id: id.to_string(),
        installation: call.installation.to_string(),
        plugin: format!("{}@{}", call.plugin, call.version),
        operation: call.operation.to_owned(),
        outcome: call.outcome.to_owned(),
        used: serde_json::to_value(call.used).unwrap_or_default(),
        at: Timestamp::from_timestamp_millis(call.at_ms).unwrap_or(at),
    }
}

/// Lines and calls of installations are kept; a classifier or a knowledge base without one carries the id of
/// its plugin and is found in the server's own log.
fn is_kept(installation: &str) -> bool {
    domain::plugins::check_key(installation).is_ok() && installation.parse::<uuid::Uuid>().is_err()
}

impl Ledger {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a call.
    pub fn call(&self, call: CallRecord) {
        let mut inner = self.inner();
        let of = (
            call.plugin.clone(),
            call.version.clone(),
            call.operation,
            call.outcome,
        );
        let total = inner.totals.entry(of).or_default();
        total.calls += 1;
        total.wall_ms += call.used.wall_ms;
        if let Some(at) = BUCKETS.iter().position(|most| call.used.wall_ms <= *most) {
            total.buckets[at] += 1;
        }
        total.cpu_ms += call.used.cpu_ms;
        total.http_bytes += call.used.http_bytes;
        total.http_calls += u64::from(call.used.http_calls);
        total.denied += u64::from(call.used.denied);
        total.log_dropped += u64::from(call.used.log_dropped);
        total.memory_peak = total.memory_peak.max(call.used.memory_bytes);
        if is_kept(&call.installation) {
            push(&mut inner.calls, (None, call));
        }
    }

    /// Takes a line. The host has written it into the server's log.
    pub fn line(&self, line: LogLine) {
        if is_kept(&line.installation) {
            push(&mut self.inner().lines, line);
        }
    }

    /// Takes a figure that a plugin measures.
    pub fn measured(&self, metric: Metric) {
        let mut inner = self.inner();
        let of = (metric.installation, metric.name.clone());
        if is_kept(&of.0) && (inner.figures.len() < FIGURES || inner.figures.contains_key(&of)) {
            inner.figures.entry(of).or_default().take(metric.value);
        }
        inner
            .own
            .entry((metric.plugin, metric.version, label(&metric.name)))
            .or_default()
            .take(metric.value);
    }

    /// What an installation has measured itself since this server started, by name.
    pub fn figures(&self, installation: &str) -> Vec<Figure> {
        let inner = self.inner();
        let from = (installation.to_owned(), String::new());
        inner
            .figures
            .range(from..)
            .take_while(|((of, _), _)| of == installation)
            .map(|((_, name), own)| Figure {
                name: name.clone(),
                added: own.added,
                values: own.values,
                sum: own.sum,
            })
            .collect()
    }

    /// Forgets the figures of an installation that is gone.
    pub fn forget(&self, installation: &str) {
        self.inner().figures.retain(|(of, _), _| of != installation);
    }

    /// Writes down the calls of an installation in the transaction that keeps what they brought. They stay in
    /// line, as the transaction may still fail; the same call is never written twice.
    pub async fn keep(&self, app: &App, tx: &Tx, installation: &str) -> Result<(), DbError> {
        let calls: Vec<Call> = self
            .inner()
            .calls
            .iter_mut()
            .filter(|(_, call)| &*call.installation == installation)
            .map(|(id, call)| row(*id.get_or_insert_with(|| app.ids.next()), call, tx.now()))
            .collect();
        storage::figures::record(tx, &calls, &[]).await
    }

    /// Writes down what has come since the last time.
    pub async fn write(&self, app: &App) -> Result<(), DbError> {
        let (calls, lines) = {
            let mut inner = self.inner();
            (
                std::mem::take(&mut inner.calls),
                std::mem::take(&mut inner.lines),
            )
        };
        if calls.is_empty() && lines.is_empty() {
            return Ok(());
        }
        let now = app.now();
        let calls: Vec<Call> = calls
            .into_iter()
            .map(|(id, call)| row(id.unwrap_or_else(|| app.ids.next()), &call, now))
            .collect();
        let lines: Vec<_> = lines
            .into_iter()
            .map(|l| {
                let mut message = l.message;
                for (name, value) in l.fields {
                    let _ = write!(message, " {name}={value}");
                }
                let at = Timestamp::from_timestamp_millis(l.at_ms).unwrap_or(now);
                (
                    app.ids.next(),
                    l.installation,
                    at,
                    l.level.as_str().to_owned(),
                    message,
                )
            })
            .collect();
        let tx = app.db.begin(now).await?;
        storage::figures::record(&tx, &calls, &lines).await?;
        tx.commit().await
    }

    /// Writes down every second until the server stops.
    pub async fn keep_writing(self, app: crate::app::Shared) {
        loop {
            let stopping = tokio::select! {
                () = app.stop.cancelled() => true,
                () = sleep(Duration::from_secs(1)) => false,
            };
            if let Err(error) = self.write(&app).await {
                tracing::warn!(error = %error, "figures of plugins were not written");
            }
            if stopping {
                return;
            }
        }
    }

    /// Prometheus text.
    #[must_use]
    pub fn metrics(&self) -> String {
        let totals: Vec<(Of, Total)> = self
            .inner()
            .totals
            .iter()
            .map(|(of, total)| (of.clone(), *total))
            .collect();
        let mut text = String::new();
        let mut series = |name: &str, help: &str, kind: &str, value: &dyn Fn(&Total) -> f64| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for ((plugin, version, operation, outcome), total) in &totals {
                let _ = writeln!(
                    text,
                    "{name}{{plugin=\"{plugin}\",version=\"{version}\",operation=\"{operation}\",outcome=\"{outcome}\"}} {}",
                    value(total)
                );
            }
        };
        series(
            "bihuan_plugin_calls_total",
            "Calls of plugins by outcome.",
            "counter",
            &|t| t.calls as f64,
        );
        series(
            "bihuan_plugin_cpu_seconds_total",
            "Computing time, in steps of 10 ms.",
            "counter",
            &|t| t.cpu_ms as f64 / 1000.0,
        );
        series(
            "bihuan_plugin_http_requests_total",
            "Requests that plugins made.",
            "counter",
            &|t| t.http_calls as f64,
        );
        series(
            "bihuan_plugin_http_received_bytes_total",
            "Bytes of answers to them.",
            "counter",
            &|t| t.http_bytes as f64,
        );
        series(
            "bihuan_plugin_denied_total",
            "Wishes beyond the grant.",
            "counter",
            &|t| t.denied as f64,
        );
        series(
            "bihuan_plugin_log_dropped_total",
            "Lines beyond the quota.",
            "counter",
            &|t| t.log_dropped as f64,
        );
        series(
            "bihuan_plugin_memory_peak_bytes",
            "Largest linear memory of one call.",
            "gauge",
            &|t| t.memory_peak as f64,
        );
        text.push_str(
            "# HELP bihuan_plugin_call_seconds Time from call to answer.\n# TYPE bihuan_plugin_call_seconds histogram\n",
        );
        for ((plugin, version, operation, outcome), total) in &totals {
            let labels = format!(
                "plugin=\"{plugin}\",version=\"{version}\",operation=\"{operation}\",outcome=\"{outcome}\""
            );
            let mut below = 0;
            for (most, n) in BUCKETS.iter().zip(total.buckets) {
                below += n;
                let _ = writeln!(
                    text,
                    "bihuan_plugin_call_seconds_bucket{{{labels},le=\"{}\"}} {below}",
                    *most as f64 / 1000.0
                );
            }
            let _ = writeln!(
                text,
                "bihuan_plugin_call_seconds_bucket{{{labels},le=\"+Inf\"}} {n}\n\
                 bihuan_plugin_call_seconds_sum{{{labels}}} {}\n\
                 bihuan_plugin_call_seconds_count{{{labels}}} {n}",
                total.wall_ms as f64 / 1000.0,
                n = total.calls,
            );
        }
        let own: Vec<_> = self.inner().own.clone().into_iter().collect();
        for (name, help, value) in [
            (
                "bihuan_plugin_own_total",
                "What plugins count themselves, under the names of their manifests.",
                (|o| o.added as f64) as fn(&Own) -> f64,
            ),
            (
                "bihuan_plugin_own_values_total",
                "Values that plugins measured.",
                |o| o.values as f64,
            ),
            ("bihuan_plugin_own_values_sum", "Their sum.", |o| o.sum),
        ] {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
            for ((plugin, version, metric), own) in &own {
                let _ = writeln!(
                    text,
                    "{name}{{plugin=\"{plugin}\",version=\"{version}\",metric=\"{metric}\"}} {}",
                    value(own)
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_plugins_are_shown_by_plugin_and_by_installation() {
        let ledger = Ledger::default();
        let tell = |installation: &str, name: &str, value| {
            ledger.measured(Metric {
                plugin: "prober".to_owned(),
                version: "0.1.0".to_owned(),
                installation: installation.to_owned(),
                name: name.to_owned(),
                value,
            });
        };
        tell("one", "probe_count", MetricValue::Add(7));
        tell("one", "probe_count", MetricValue::Add(1));
        tell("one", "probe_value", MetricValue::Record(0.5));
        tell("one", "probe_value", MetricValue::Record(f64::NAN));
        tell("one", "undeclared", MetricValue::Add(1));
        tell("two", "probe_count", MetricValue::Add(2));
        let text = ledger.metrics();
        for line in [
            r#"bihuan_plugin_own_total{plugin="prober",version="0.1.0",metric="probe_count"} 10"#,
            r#"bihuan_plugin_own_total{plugin="prober",version="0.1.0",metric="undeclared"} 1"#,
            r#"bihuan_plugin_own_values_total{plugin="prober",version="0.1.0",metric="probe_value"} 1"#,
            r#"bihuan_plugin_own_values_sum{plugin="prober",version="0.1.0",metric="probe_value"} 0.5"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(
            !text.contains("\"one\""),
            "no label grows with installations"
        );
        let figure = |name: &str, added, values, sum| Figure {
            name: name.to_owned(),
            added,
            values,
            sum,
        };
        assert_eq!(
            ledger.figures("one"),
            [
                figure("probe_count", 8, 0, 0.0),
                figure("probe_value", 0, 1, 0.5),
                figure("undeclared", 1, 0, 0.0)
            ]
        );
        ledger.forget("one");
        assert!(ledger.figures("one").is_empty());
        assert_eq!(ledger.figures("two"), [figure("probe_count", 2, 0, 0.0)]);
    }

    #[test]
    fn many_installations_do_not_fill_the_memory() {
        let ledger = Ledger::default();
        for n in 0..=FIGURES {
            ledger.measured(Metric {
                plugin: "p".to_owned(),
                version: "1.0.0".to_owned(),
                installation: format!("i{n}"),
                name: "a".to_owned(),
                value: MetricValue::Add(1),
            });
        }
        assert_eq!(ledger.inner().figures.len(), FIGURES);
        assert!(
            ledger
                .metrics()
                .contains(&format!("metric=\"a\"}} {}\n", FIGURES + 1))
        );
    }
}
