//! From a component to machine code: in a child process that can be killed, because a compiler
//! may take any time and memory over foreign bytes and is no part of wasmtime's promises.
//!
//! ```text
//! parent ──component──▶ stdin of `program … plugin-compile MEMORY CPU ADDRESSES`
//!        ◀─answer────── stdout: length of the report (u32, little endian), report (JSON), code
//! ```
//!
//! The child has an empty environment, limits of its own making ([`CompileLimits`]), and neither
//! settings nor secrets; it parses, validates and compiles, and never runs a guest.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::Cache;
use crate::context::clean;
use crate::engine::{Addresses, engine_config, host_error};
use crate::inspect::MAX_COMPONENT_BYTES;
use crate::{Host, HostConfig, Inspection, PluginError};

/// First argument of the child: `bihuan plugin-compile …`.
pub const COMPILE_COMMAND: &str = "plugin-compile";

/// Compilations at the same time: each may take [`CompileLimits::memory_bytes`].
const AT_ONCE: usize = 2;
/// Threads of one compilation; more would only take address space and cores from others.
const THREADS: &str = "2";
/// Longest answer of a child in bytes; machine code is about three times its component.
const MAX_ANSWER: u64 = 512 << 20;
/// Bytes kept of what a child says on stderr.
const MAX_COMPLAINT: u64 = 4096;

/// Whether this process answers to [`COMPILE_COMMAND`].
static ANSWERS: AtomicBool = AtomicBool::new(false);

/// Who turns components into machine code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compiler {
    /// This process, without limits but those on size: for tools that handle their own files.
    InProcess,
    /// A child process for each component.
    Child {
        /// The program.
        program: PathBuf,
        /// What comes before the arguments that [`run_as_compiler`] reads.
        args: Vec<OsString>,
    },
}

impl Default for Compiler {
    /// A child of this very program when its `main` began with [`run_as_compiler`].
    fn default() -> Self {
        if !ANSWERS.load(Ordering::Relaxed) {
            return Self::InProcess;
        }
        // The link and not where it leads: an update may have replaced the file meanwhile.
        let own = PathBuf::from("/proc/self/exe");
        let program = if own.exists() {
            own
        } else if let Ok(path) = std::env::current_exe() {
            path
        } else {
            return Self::InProcess;
        };
        Self::Child {
            program,
            args: vec![COMPILE_COMMAND.into()],
        }
    }
}

/// What one compilation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Address space of the child in bytes.
    pub memory_bytes: u64,
    /// Computing time of the child; whole seconds.
    pub cpu: Duration,
    /// Time from its start to its answer.
    pub wall: Duration,
}

impl Default for CompileLimits {
    /// Room for 32 MiB of interpreter (measured: 371 MiB, 13 s of computing for 12 MB).
    fn default() -> Self {
        Self {
            memory_bytes: 3 << 29,
            cpu: Duration::from_secs(60),
            wall: Duration::from_secs(180),
        }
    }
}

/// What a compilation leads to.
pub(crate) struct Artifact {
    pub(crate) inspection: Inspection,
    pub(crate) code: Code,
}

/// Machine code that this host made or found in its cache. Only this crate can make one.
pub(crate) struct Code(pub(crate) Vec<u8>);

impl Code {
    /// Loads the code into an engine.
    #[expect(
        unsafe_code,
        reason = "wasmtime trusts machine code. These bytes come from our own compiler, or from \
                  the cache with its record verified over the very bytes in this buffer; nobody \
                  can hand in others"
    )]
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: see the reason above; the buffer is read once, and nobody can write to it.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}

/// The way from bytes to machine code for all plugins of a host.
pub(crate) struct Compiling {
    compiler: Compiler,
    limits: CompileLimits,
    addresses: Addresses,
    places: Semaphore,
    /// Only where it is usable; the engine says which code fits.
    cache: Option<Arc<Cache>>,
    /// Kept for the in-process compiler, made when it is first needed.
    engine: Mutex<Option<Engine>>,
}

impl Compiling {
    pub(crate) fn new(config: &HostConfig, addresses: Addresses, engine: &Engine) -> Self {
        let cache = config.cache.as_ref().and_then(|cache| {
            Cache::open(cache, engine)
                .inspect_err(|error| {
                    tracing::warn!(target: "plugin", %error, "no cache of machine code: plugins are compiled at every start");
                })
                .ok()
        });
        Self {
            compiler: config.compiler.clone(),
            limits: config.compile_limits,
            addresses,
            places: Semaphore::new(AT_ONCE),
            cache: cache.map(Arc::new),
            engine: Mutex::new(None),
        }
    }

    /// Machine code of a component as the cache has it.
    pub(crate) async fn cached(
        &self,
        bytes: &Arc<Vec<u8>>,
    ) -> Result<Option<Artifact>, PluginError> {
        let Some(cache) = self.cache.clone() else {
            return Ok(None);
        };
        let bytes = Arc::clone(bytes);
        blocking(move || cache.find(&bytes)).await
    }

    /// Machine code of a component, made now and put into the cache. Where a cache is, whoever
    /// waits for a place may get what was made meanwhile for another caller.
    pub(crate) async fn made(
        &self,
        bytes: Arc<Vec<u8>>,
        look_again: bool,
    ) -> Result<Artifact, PluginError> {
        let waits = self.places.available_permits() == 0;
        let _place = self.places.acquire().await.map_err(failed)?;
        if waits
            && look_again
            && let Some(artifact) = self.cached(&bytes).await?
        {
            return Ok(artifact);
        }
        let artifact = match &self.compiler {
            Compiler::InProcess => self.in_process(Arc::clone(&bytes)).await?,
            Compiler::Child { program, args } => self.in_child(program, args, &bytes).await?,
        };
        let Some(cache) = self.cache.clone() else {
            return Ok(artifact);
        };
        blocking(move || {
            if let Err(error) = cache.keep(&bytes, &artifact) {
                tracing::warn!(target: "plugin", %error, "machine code could not be kept");
            }
            artifact
        })
        .await
    }

    async fn in_process(&self, bytes: Arc<Vec<u8>>) -> Result<Artifact, PluginError> {
        let engine = {
            let mut kept = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
            match &*kept {
                Some(engine) => engine.clone(),
                None => {
                    let engine =
                        Engine::new(&engine_config(self.addresses, None)).map_err(host_error)?;
                    kept.insert(engine).clone()
                }
            }
        };
        let (inspection, code) = blocking(move || {
            catch_unwind(AssertUnwindSafe(|| translate(&engine, &bytes)))
                .unwrap_or_else(|panic| Err(crashed(&words_of(&*panic))))
        })
        .await??;
        Ok(Artifact {
            inspection,
            code: Code(code),
        })
    }

    async fn in_child(
        &self,
        program: &Path,
        args: &[OsString],
        bytes: &[u8],
    ) -> Result<Artifact, PluginError> {
        let limits = self.limits;
        let mut child = tokio::process::Command::new(program)
            .args(args)
            .arg(limits.memory_bytes.to_string())
            .arg(limits.cpu.as_secs().max(1).to_string())
            .arg(self.addresses.as_str())
            .env_clear()
            .env("RAYON_NUM_THREADS", THREADS)
            .env("MALLOC_ARENA_MAX", THREADS)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A caller who leaves takes the child along.
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (mut answer, mut complaint) = (Vec::new(), Vec::new());
        let talk = async {
            let write = async {
                if let Some(mut stdin) = stdin {
                    // A child that died says why by its end.
                    let _ = stdin.write_all(bytes).await;
                }
            };
            let read = async {
                match stdout {
                    Some(stdout) => stdout.take(MAX_ANSWER).read_to_end(&mut answer).await,
                    None => Ok(0),
                }
            };
            let listen = async {
                match stderr {
                    Some(stderr) => stderr.take(MAX_COMPLAINT).read_to_end(&mut complaint).await,
                    None => Ok(0),
                }
            };
            let ((), read, _) = tokio::join!(write, read, listen);
            read?;
            child.wait().await
        };
        let ended = tokio::time::timeout(limits.wall, talk).await;
        let Ok(ended) = ended else {
            // Its end is awaited: nothing of it is left when the caller reads of the failure.
            let _ = child.kill().await;
            return Err(PluginError::CompileTimedOut { after: limits.wall });
        };
        let status = ended.map_err(failed)?;
        let complaint = String::from_utf8_lossy(&complaint);
        if !status.success() {
            return Err(explain(status, &complaint, limits));
        }
        let (report, code) = split(answer).ok_or_else(|| crashed("no answer can be read"))?;
        match report {
            Report::Compiled {
                inspection,
                wall_ms,
                peak_kib,
            } => {
                let plugin = inspection.manifest.name.as_str();
                tracing::info!(target: "plugin", plugin, wall_ms, peak_kib, code_bytes = code.len(), "compiled");
                Ok(Artifact {
                    inspection: *inspection,
                    code: Code(code),
                })
            }
            Report::Refused(refusal) => Err(refusal.into_error()),
            Report::OutOfMemory => Err(PluginError::CompileOutOfMemory {
                limit: limits.memory_bytes,
            }),
            Report::Panicked { message } => Err(crashed(&message)),
        }
    }
}

/// Looks at a component and translates it: the whole work on foreign bytes.
fn translate(engine: &Engine, bytes: &[u8]) -> Result<(Inspection, Vec<u8>), PluginError> {
    let inspection = Host::inspect(bytes)?;
    let code = engine
        .precompile_component(bytes)
        .map_err(|e| PluginError::Malformed {
            detail: clean(&format!("{e:#}")),
        })?;
    Ok((inspection, code))
}

/// Why a child ended without success.
fn explain(status: ExitStatus, complaint: &str, limits: CompileLimits) -> PluginError {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        let signal = status.signal();
        if signal == Some(libc::SIGXCPU) {
            return PluginError::CompileTimedOut { after: limits.cpu };
        }
        // The last words of std's allocator.
        if signal == Some(libc::SIGABRT) && complaint.contains("memory allocation of") {
            return PluginError::CompileOutOfMemory {
                limit: limits.memory_bytes,
            };
        }
    }
    crashed(&format!("{status} {complaint}"))
}

fn crashed(detail: &str) -> PluginError {
    PluginError::CompilerCrashed {
        detail: clean(detail).trim().to_owned(),
    }
}

fn failed(error: impl std::fmt::Display) -> PluginError {
    PluginError::Host {
        detail: format!("compiler: {error}"),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PluginError> {
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap_or_else(|| "a panic without words".to_owned())
}

impl Addresses {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ample => "ample",
            Self::Scarce => "scarce",
        }
    }
}

/// What a child says before the code.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    Compiled {
        inspection: Box<Inspection>,
        wall_ms: u64,
        peak_kib: u64,
    },
    Refused(Refusal),
    OutOfMemory,
    Panicked {
        message: String,
    },
}

/// The errors of [`translate`] on their way between processes.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    NotWasm,
    CoreModule,
    Malformed(String),
    TooLarge(usize, usize),
    ForbiddenImport(String),
    UnknownImport(String),
    NoManifest,
    BadManifest(String),
    Incompatible(String, String),
    Contract(String),
    /// Anything else is the host's own failure.
    Host(String),
}

impl Refusal {
    fn new(error: PluginError) -> Self {
        match error {
            PluginError::NotWasm => Self::NotWasm,
            PluginError::CoreModule => Self::CoreModule,
            PluginError::Malformed { detail } => Self::Malformed(detail),
            PluginError::TooLarge { size, limit } => Self::TooLarge(size, limit),
            PluginError::ForbiddenImport { import } => Self::ForbiddenImport(import),
            PluginError::UnknownImport { import } => Self::UnknownImport(import),
            PluginError::NoManifest => Self::NoManifest,
            PluginError::BadManifest { detail } => Self::BadManifest(detail),
            PluginError::Incompatible { asked, offered } => Self::Incompatible(asked, offered),
            PluginError::Contract { detail } => Self::Contract(detail),
            other => Self::Host(other.to_string()),
        }
    }

    fn into_error(self) -> PluginError {
        match self {
            Self::NotWasm => PluginError::NotWasm,
            Self::CoreModule => PluginError::CoreModule,
            Self::Malformed(detail) => PluginError::Malformed { detail },
            Self::TooLarge(size, limit) => PluginError::TooLarge { size, limit },
            Self::ForbiddenImport(import) => PluginError::ForbiddenImport { import },
            Self::UnknownImport(import) => PluginError::UnknownImport { import },
            Self::NoManifest => PluginError::NoManifest,
            Self::BadManifest(detail) => PluginError::BadManifest { detail },
            Self::Incompatible(asked, offered) => PluginError::Incompatible { asked, offered },
            Self::Contract(detail) => PluginError::Contract { detail },
            Self::Host(detail) => PluginError::Host { detail },
        }
    }
}

fn split(mut answer: Vec<u8>) -> Option<(Report, Vec<u8>)> {
    let length = u32::from_le_bytes(*answer.first_chunk::<4>()?) as usize;
    let report = serde_json::from_slice(answer.get(4..4 + length)?).ok()?;
    answer.drain(..4 + length);
    Some((report, answer))
}

/// Makes a program the compiler of its own hosts: call it first in `main`. In a child process
/// that was started with [`COMPILE_COMMAND`] it compiles and answers the exit code to end with;
/// otherwise it answers `None`, and [`Compiler::default`] is a child from then on.
pub fn run_as_compiler() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == COMPILE_COMMAND) {
        return Some(match compile_child(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "{error}");
                ExitCode::FAILURE
            }
        });
    }
    ANSWERS.store(true, Ordering::Relaxed);
    None
}

/// The life of a child.
fn compile_child(mut args: impl Iterator<Item = OsString>) -> Result<(), String> {
    let mut text = || {
        args.next()
            .and_then(|a| a.into_string().ok())
            .ok_or("usage: plugin-compile MEMORY_BYTES CPU_SECONDS ample|scarce")
    };
    let number = |text: String| text.parse::<u64>().map_err(|e| format!("{text}: {e}"));
    let memory = number(text()?)?;
    let cpu = number(text()?)?;
    let addresses = match text()?.as_str() {
        "ample" => Addresses::Ample,
        "scarce" => Addresses::Scarce,
        other => return Err(format!("unknown address space {other}")),
    };
    let started = Instant::now();
    confine(memory, cpu)?;
    // The parent reads of a panic in the report.
    std::panic::set_hook(Box::new(|_| ()));
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(MAX_COMPONENT_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| e.to_string())?;
    let made = catch_unwind(AssertUnwindSafe(|| {
        let engine = Engine::new(&engine_config(addresses, None)).map_err(host_error)?;
        translate(&engine, &bytes)
    }));
    let (report, code) = match made {
        Ok(Ok((inspection, code))) => {
            let report = Report::Compiled {
                inspection: Box::new(inspection),
                wall_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                peak_kib: peak_kib(),
            };
            (report, code)
        }
        Ok(Err(error)) if is_shortage(&error.to_string()) => (Report::OutOfMemory, Vec::new()),
        Ok(Err(error)) => (Report::Refused(Refusal::new(error)), Vec::new()),
        Err(panic) => {
            let message = words_of(&*panic);
            let report = if is_shortage(&message) {
                Report::OutOfMemory
            } else {
                Report::Panicked { message }
            };
            (report, Vec::new())
        }
    };
    let report = serde_json::to_vec(&report).map_err(|e| e.to_string())?;
    let length = u32::try_from(report.len()).map_err(|e| e.to_string())?;
    let mut out = std::io::stdout().lock();
    for part in [&length.to_le_bytes()[..], &report, &code] {
        out.write_all(part).map_err(|e| e.to_string())?;
    }
    out.flush().map_err(|e| e.to_string())
}

/// Whether an error is the operating system's refusal of memory or of a thread's stack.
fn is_shortage(text: &str) -> bool {
    [
        "os error 12)",
        "os error 11)",
        "Cannot allocate memory",
        "memory allocation",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// Limits this process for good.
#[cfg(unix)]
fn confine(memory_bytes: u64, cpu_seconds: u64) -> Result<(), String> {
    use rlimit::Resource;
    let limits = [
        (Resource::AS, memory_bytes, memory_bytes),
        // The soft limit sends the signal that the parent understands.
        (Resource::CPU, cpu_seconds, cpu_seconds + 1),
        // No core dump, no file, few handles.
        (Resource::CORE, 0, 0),
        (Resource::FSIZE, 0, 0),
        (Resource::NOFILE, 16, 16),
    ];
    for (what, soft, hard) in limits {
        what.set(soft, hard).map_err(|e| format!("{what:?}: {e}"))?;
    }
    Ok(())
}

/// Elsewhere only the parent's clock limits the child.
#[cfg(not(unix))]
fn confine(_memory_bytes: u64, _cpu_seconds: u64) -> Result<(), String> {
    Ok(())
}

/// Peak memory of this process so far in KiB; 0 where the system does not say.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
