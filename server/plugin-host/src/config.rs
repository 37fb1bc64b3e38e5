//! What the operator decides.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plugin_sdk::manifest::Limits;

use crate::cache::CacheConfig;
use crate::compile::{CompileLimits, Compiler};
use crate::egress::{Dialer, Direct, Transport};
use crate::inspect::EngineKind;
use crate::observe::{CallRecord, LogLine, Metric};

/// Fills bytes with random ones, or says why it cannot.
pub type Random = dyn Fn(&mut [u8]) -> Result<(), String> + Send + Sync;

/// Ceilings for all plugins. The defaults are right for a server with a few plugins.
#[derive(Clone)]
pub struct HostConfig {
    /// Instances alive at the same time, warm ones included.
    pub max_instances: u32,
    /// Warm instances of one classifier.
    pub classifier_instances: usize,
    /// Batches after which a warm instance is replaced.
    pub batches_per_instance: u32,
    /// Linear memory of one instance in bytes; what a manifest asks for can only be less.
    pub memory_bytes: usize,
    /// Instances alive at the same time in the engine for scripts ([`EngineKind::Script`]).
    pub max_script_instances: u32,
    /// As `memory_bytes`, in the engine for scripts: an interpreter lives in there.
    pub script_memory_bytes: usize,
    /// Computing time of one call; what a manifest asks for can only be less.
    pub cpu: Duration,
    /// Wall-clock time of one call; what a manifest asks for can only be less.
    pub wall: Duration,
    /// Bytes a guest may hand over in one crossing.
    pub crossing_bytes: usize,
    /// Requests of HTTP in one call; what a manifest asks for can only be less.
    pub http_calls: u32,
    /// Requests of HTTP at the same time in one call; what a manifest asks for can only be less.
    pub http_parallel: u32,
    /// Bytes of answers of HTTP in one call.
    pub http_bytes: u64,
    /// Requests a second to one host, for each installation; bursts of twice as many.
    pub http_per_second: u32,
    /// Wall clock given to guests, in Unix milliseconds.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Who turns components into machine code.
    pub compiler: Compiler,
    /// What one compilation may use.
    pub compile_limits: CompileLimits,
    /// Where machine code is kept between two starts; `None`: nowhere.
    pub cache: Option<CacheConfig>,
    /// Random bytes given to guests; tests and replays freeze them.
    pub random: Arc<Random>,
    /// How requests of HTTP leave; replays put a recording here.
    pub transport: Arc<dyn Transport>,
    /// How mailboxes are reached.
    pub dialer: Arc<Dialer>,
    /// Takes out of the words of guests what nobody may read (personal data), before they are logged or reported.
    pub mask: Arc<dyn Fn(&str) -> String + Send + Sync>,
    /// Receives what guests log: cleaned, without secrets, within the quota. Must not block.
    pub logs: Arc<dyn Fn(LogLine) + Send + Sync>,
    /// Receives what guests measure. Must not block.
    pub metrics: Arc<dyn Fn(Metric) + Send + Sync>,
    /// Receives every call that ended, whatever its end. Must not block.
    pub calls: Arc<dyn Fn(CallRecord) + Send + Sync>,
}

impl HostConfig {
    /// Linear memory of one instance of an engine, in bytes.
    pub(crate) const fn memory_of(&self, engine: EngineKind) -> usize {
        match engine {
            EngineKind::Rust => self.memory_bytes,
            EngineKind::Script => self.script_memory_bytes,
        }
    }

    /// Reaches everything, HTTP and mailboxes, through one dialer.
    #[must_use]
    pub fn with_dialer(mut self, dialer: Dialer) -> Self {
        self.dialer = Arc::new(dialer);
        self.transport = Arc::new(Direct::new(Arc::clone(&self.dialer)));
        self
    }
}

impl Default for HostConfig {
    fn default() -> Self {
        let dialer = Arc::new(Dialer::default());
        Self {
            max_instances: 32,
            classifier_instances: 2,
            batches_per_instance: 4096,
            memory_bytes: 64 << 20,
            max_script_instances: 8,
            script_memory_bytes: 256 << 20,
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(30),
            crossing_bytes: 16 << 20,
            http_calls: 100,
            http_parallel: 8,
            http_bytes: 32 << 20,
            http_per_second: 20,
            now_ms: Arc::new(system_now_ms),
            compiler: Compiler::default(),
            compile_limits: CompileLimits::default(),
            cache: None,
            random: Arc::new(system_random),
            transport: Arc::new(Direct::new(Arc::clone(&dialer))),
            dialer,
            mask: Arc::new(str::to_owned),
            logs: Arc::new(|_| ()),
            metrics: Arc::new(|_| ()),
            calls: Arc::new(|_| ()),
        }
    }
}

impl fmt::Debug for HostConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostConfig")
            .field("max_instances", &self.max_instances)
            .field("classifier_instances", &self.classifier_instances)
            .field("batches_per_instance", &self.batches_per_instance)
            .field("memory_bytes", &self.memory_bytes)
            .field("max_script_instances", &self.max_script_instances)
            .field("script_memory_bytes", &self.script_memory_bytes)
            .field("cpu", &self.cpu)
            .field("wall", &self.wall)
            .field("crossing_bytes", &self.crossing_bytes)
            .field("compiler", &self.compiler)
            .field("compile_limits", &self.compile_limits)
            .field("cache", &self.cache)
            .field("http_calls", &self.http_calls)
            .field("http_parallel", &self.http_parallel)
            .field("http_bytes", &self.http_bytes)
            .field("http_per_second", &self.http_per_second)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the default only; the server injects its own clock"
)]
fn system_now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn system_random(bytes: &mut [u8]) -> Result<(), String> {
    getrandom::fill(bytes).map_err(|e| e.to_string())
}

/// The limits of one call: the smallest of what the manifest asks for, the operator granted and the
/// host's ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Linear memory.
    pub memory_bytes: usize,
    /// Computing time.
    pub cpu: Duration,
    /// From the call to the answer.
    pub wall: Duration,
    /// Bytes in one crossing.
    pub crossing_bytes: usize,
    /// Requests of HTTP.
    pub http_calls: u32,
    /// Requests of HTTP at the same time.
    pub http_parallel: u32,
    /// Bytes of answers of HTTP.
    pub http_bytes: u64,
}

impl CallLimits {
    pub(crate) fn new(config: &HostConfig, engine: EngineKind, asked: &Limits) -> Self {
        Self {
            memory_bytes: config.memory_of(engine),
            cpu: config.cpu,
            wall: config.wall,
            crossing_bytes: config.crossing_bytes,
            http_calls: config.http_calls,
            http_parallel: config.http_parallel,
            http_bytes: config.http_bytes,
        }
        .lowered(asked)
    }

    /// The smaller of both.
    pub(crate) fn lowered(self, granted: &Limits) -> Self {
        let millis = |asked: Option<u32>, ceiling: Duration| {
            asked.map_or(ceiling, |ms| ceiling.min(Duration::from_millis(ms.into())))
        };
        let count = |asked: Option<u32>, ceiling: u32| asked.map_or(ceiling, |n| n.min(ceiling));
        Self {
            memory_bytes: granted.memory_mb.map_or(self.memory_bytes, |mb| {
                self.memory_bytes.min((mb as usize).saturating_mul(1 << 20))
            }),
            cpu: millis(granted.cpu_ms, self.cpu),
            wall: millis(granted.wall_ms, self.wall),
            http_calls: count(granted.http_calls, self.http_calls),
            http_parallel: count(granted.http_parallel, self.http_parallel).max(1),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_can_only_lower_the_ceilings() {
        let config = HostConfig::default();
        let asked = Limits {
            memory_mb: Some(1),
            cpu_ms: Some(5),
            wall_ms: Some(u32::MAX),
            ..Limits::default()
        };
        let limits = CallLimits::new(&config, EngineKind::Rust, &asked);
        assert_eq!(
            (limits.memory_bytes, limits.cpu),
            (1 << 20, Duration::from_millis(5))
        );
        assert_eq!(limits.wall, config.wall);
        assert_eq!(
            CallLimits::new(&config, EngineKind::Rust, &Limits::default()).memory_bytes,
            config.memory_bytes
        );
    }
}
