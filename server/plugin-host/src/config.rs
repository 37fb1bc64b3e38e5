//! What the operator decides.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plugin_sdk::manifest::Limits;

use crate::cache::CacheConfig;
use crate::compile::{CompileLimits, Compiler};
use crate::inspect::EngineKind;

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
    /// Wall clock given to guests, in Unix milliseconds.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Who turns components into machine code.
    pub compiler: Compiler,
    /// What one compilation may use.
    pub compile_limits: CompileLimits,
    /// Where machine code is kept between two starts; `None`: nowhere.
    pub cache: Option<CacheConfig>,
}

impl Default for HostConfig {
    fn default() -> Self {
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
            now_ms: Arc::new(system_now_ms),
            compiler: Compiler::default(),
            compile_limits: CompileLimits::default(),
            cache: None,
        }
    }
}

impl HostConfig {
    /// Linear memory of one instance of an engine, in bytes.
    pub(crate) const fn memory_of(&self, engine: EngineKind) -> usize {
        match engine {
            EngineKind::Rust => self.memory_bytes,
            EngineKind::Script => self.script_memory_bytes,
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

/// What one installation of a plugin may do and how it is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Installation {
    /// Names the installation in logs; told to the guest.
    pub id: String,
    /// Settings as JSON; empty means `{}`.
    pub settings: String,
    /// The granted folder; `None`: every file operation is denied.
    pub files: Option<FileGrant>,
}

/// One folder for files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGrant {
    /// Folder below which the guest may work; made when it is missing.
    pub root: PathBuf,
    /// Largest file in bytes.
    pub max_file_bytes: u64,
}

impl FileGrant {
    /// A grant with the usual limit of 4 MiB a file.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            max_file_bytes: 4 << 20,
        }
    }
}

/// The limits of one call: the smaller of what the manifest asks for and the host's ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallLimits {
    pub memory_bytes: usize,
    pub cpu: Duration,
    pub wall: Duration,
    pub crossing_bytes: usize,
}

impl CallLimits {
    pub(crate) fn new(config: &HostConfig, engine: EngineKind, asked: &Limits) -> Self {
        let memory_bytes = config.memory_of(engine);
        let millis = |asked: Option<u32>, ceiling: Duration| {
            asked.map_or(ceiling, |ms| ceiling.min(Duration::from_millis(ms.into())))
        };
        Self {
            memory_bytes: asked.memory_mb.map_or(memory_bytes, |mb| {
                memory_bytes.min((mb as usize).saturating_mul(1 << 20))
            }),
            cpu: millis(asked.cpu_ms, config.cpu),
            wall: millis(asked.wall_ms, config.wall),
            crossing_bytes: config.crossing_bytes,
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
