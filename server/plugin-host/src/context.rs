//! What belongs to one instance: its limits, its budget, and the host's side of the contract.
//! Every power and every quota is decided here and nowhere else.

use std::sync::Arc;
use std::time::Instant;

use plugin_sdk::host::PANIC_FIELD;
use plugin_sdk::manifest::Manifest;
use wasmtime::ResourceLimiter;

use crate::bindings::{files as wit_files, host};
use crate::config::{CallLimits, Installation};
use crate::files::{self, FileFault};

/// Log lines of one call that are kept.
const LOG_LINES: u32 = 200;
/// Bytes of log of one call that are kept.
const LOG_BYTES: usize = 64 << 10;
/// Longest log line or panic message in bytes.
const LINE_BYTES: usize = 4 << 10;
/// Random bytes of one call.
const RANDOM_BYTES: usize = 64 << 10;
/// Metric records of one call that are kept.
const METRICS: u32 = 100;
/// File operations of one call.
const FILE_CALLS: u32 = 1000;

/// Data of a store.
pub(crate) struct Context {
    manifest: Arc<Manifest>,
    installation: Arc<Installation>,
    limits: CallLimits,
    now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    pub(crate) memory: MemoryLimiter,
    pub(crate) call: Call,
}

/// What one call has used up.
pub(crate) struct Call {
    /// Epoch ticks of computing left.
    pub(crate) ticks: u64,
    /// The guest's own words about its end.
    pub(crate) panic: Option<String>,
    /// A power that the guest wanted and does not have.
    pub(crate) denied: Option<&'static str>,
    started: Instant,
    number: u64,
    log_lines: u32,
    log_bytes: usize,
    log_dropped: u32,
    random_bytes: usize,
    metrics: u32,
    file_calls: u32,
}

impl Call {
    fn new(ticks: u64, number: u64) -> Self {
        Self {
            ticks,
            panic: None,
            denied: None,
            started: Instant::now(),
            number,
            log_lines: 0,
            log_bytes: 0,
            log_dropped: 0,
            random_bytes: 0,
            metrics: 0,
            file_calls: 0,
        }
    }
}

impl Context {
    pub(crate) fn new(
        manifest: Arc<Manifest>,
        installation: Arc<Installation>,
        limits: CallLimits,
        now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    ) -> Self {
        Self {
            manifest,
            installation,
            limits,
            now_ms,
            memory: MemoryLimiter {
                limit: limits.memory_bytes,
                refused: false,
            },
            call: Call::new(0, 0),
        }
    }

    pub(crate) const fn limits(&self) -> CallLimits {
        self.limits
    }

    /// Fresh budgets for the next call.
    pub(crate) fn begin(&mut self, ticks: u64) {
        self.end();
        self.memory.refused = false;
        self.call = Call::new(ticks, self.call.number + 1);
    }

    /// Says what was left out of the log.
    pub(crate) fn end(&mut self) {
        if self.call.log_dropped > 0 {
            let (plugin, dropped) = (self.manifest.name.as_str(), self.call.log_dropped);
            tracing::warn!(target: "plugin", plugin, dropped, "log lines of the plugin were dropped");
            self.call.log_dropped = 0;
        }
    }

    /// Counts a line against the call's quota.
    fn may_log(&mut self, bytes: usize) -> bool {
        let call = &mut self.call;
        if call.log_lines >= LOG_LINES || call.log_bytes + bytes > LOG_BYTES {
            call.log_dropped = call.log_dropped.saturating_add(1);
            return false;
        }
        call.log_lines += 1;
        call.log_bytes += bytes;
        true
    }
}

/// Shortens and removes what could drive a terminal.
pub(crate) fn clean(text: &str) -> String {
    let mut end = text.len().min(LINE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end]
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

impl host::types::Host for Context {}

impl host::log::Host for Context {
    fn log(
        &mut self,
        level: host::log::Level,
        message: String,
        fields: Vec<host::log::Field>,
    ) -> wasmtime::Result<()> {
        use host::log::Level;
        let message = clean(&message);
        if matches!(level, Level::Error) && fields.iter().any(|f| f.key == PANIC_FIELD) {
            self.call.panic = Some(message.clone());
        }
        let fields: Vec<String> = fields
            .iter()
            .take(16)
            .map(|f| format!("{}={}", clean(&f.key), clean(&f.value)))
            .collect();
        let fields = fields.join(" ");
        if !self.may_log(message.len() + fields.len()) {
            return Ok(());
        }
        let (plugin, installation) = (self.manifest.name.as_str(), self.installation.id.as_str());
        match level {
            Level::Trace => {
                tracing::trace!(target: "plugin", plugin, installation, fields, "{message}")
            }
            Level::Debug => {
                tracing::debug!(target: "plugin", plugin, installation, fields, "{message}")
            }
            Level::Info => {
                tracing::info!(target: "plugin", plugin, installation, fields, "{message}")
            }
            Level::Warn => {
                tracing::warn!(target: "plugin", plugin, installation, fields, "{message}")
            }
            Level::Error => {
                tracing::error!(target: "plugin", plugin, installation, fields, "{message}")
            }
        }
        Ok(())
    }
}

impl host::config::Host for Context {
    fn get(&mut self) -> wasmtime::Result<String> {
        let settings = &self.installation.settings;
        Ok(if settings.is_empty() {
            "{}".to_owned()
        } else {
            settings.clone()
        })
    }

    fn invocation(&mut self) -> wasmtime::Result<host::config::InvocationInfo> {
        let wall = u64::try_from(self.limits.wall.as_millis()).unwrap_or(u64::MAX);
        Ok(host::config::InvocationInfo {
            installation_id: self.installation.id.clone(),
            invocation_id: format!("{}-{}", self.installation.id, self.call.number),
            attempt: 1,
            deadline_ms: wall,
        })
    }
}

impl host::clock::Host for Context {
    fn now(&mut self) -> wasmtime::Result<i64> {
        Ok((self.now_ms)())
    }

    fn elapsed_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(u64::try_from(self.call.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

impl host::random::Host for Context {
    fn bytes(&mut self, len: u32) -> wasmtime::Result<Vec<u8>> {
        let left = RANDOM_BYTES.saturating_sub(self.call.random_bytes);
        let mut bytes = vec![0; (len as usize).min(1024).min(left)];
        self.call.random_bytes += bytes.len();
        getrandom::fill(&mut bytes).map_err(|e| wasmtime::Error::msg(e.to_string()))?;
        Ok(bytes)
    }
}

impl Context {
    fn metric(&mut self, name: &str, value: f64) {
        self.call.metrics = self.call.metrics.saturating_add(1);
        if self.call.metrics > METRICS || !self.manifest.metrics.iter().any(|m| m == name) {
            return;
        }
        let plugin = self.manifest.name.as_str();
        tracing::debug!(target: "plugin", plugin, metric = name, value, "metric");
    }
}

impl host::metrics::Host for Context {
    fn add(&mut self, name: String, value: u64) -> wasmtime::Result<()> {
        self.metric(&name, value as f64);
        Ok(())
    }

    fn record_value(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        self.metric(&name, value);
        Ok(())
    }
}

impl From<FileFault> for wit_files::FileError {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::InvalidPath(path) => Self::InvalidPath(path),
            FileFault::TooLarge(limit) => Self::TooLarge(limit),
            FileFault::Io(detail) => Self::Io(detail),
        }
    }
}

impl Context {
    /// Runs a file operation on a thread for blocking work: host functions run on the guest's
    /// small stack, and a slow disk must not hold up a worker.
    async fn with_files<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&crate::FileGrant) -> Result<T, FileFault> + Send + 'static,
    ) -> wasmtime::Result<Result<T, wit_files::FileError>> {
        let Some(grant) = self.installation.files.clone() else {
            self.call.denied = Some("files");
            return Ok(Err(wit_files::FileError::Denied(
                "no folder is granted".to_owned(),
            )));
        };
        self.call.file_calls += 1;
        if self.call.file_calls > FILE_CALLS {
            return Ok(Err(wit_files::FileError::Denied(
                "too many file operations in one call".to_owned(),
            )));
        }
        let done = tokio::task::spawn_blocking(move || work(&grant)).await;
        Ok(done
            .map_err(|e| wasmtime::Error::msg(e.to_string()))?
            .map_err(Into::into))
    }
}

impl wit_files::Host for Context {
    async fn read(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, wit_files::FileError>> {
        self.with_files(move |grant| files::read(grant, &path))
            .await
    }

    async fn write(
        &mut self,
        path: String,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<(), wit_files::FileError>> {
        self.with_files(move |grant| files::write(grant, &path, &content))
            .await
    }

    async fn remove(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<bool, wit_files::FileError>> {
        self.with_files(move |grant| files::remove(grant, &path))
            .await
    }
}

/// Caps memories and tables; remembers a refusal, because a guest without memory only traps.
pub(crate) struct MemoryLimiter {
    limit: usize,
    pub(crate) refused: bool,
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.limit;
        self.refused |= !allowed;
        Ok(allowed)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= crate::engine::TABLE_ELEMENTS)
    }

    // The pool has the limits of each engine; these only bound what no pool bounds.
    fn instances(&self) -> usize {
        128
    }

    fn tables(&self) -> usize {
        16
    }

    fn memories(&self) -> usize {
        4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_are_cleaned_and_cut_between_characters() {
        assert_eq!(clean("a\u{1b}[31m\nb"), "a [31m b");
        let long = "好".repeat(LINE_BYTES);
        assert!(clean(&long).len() <= LINE_BYTES);
    }
}
