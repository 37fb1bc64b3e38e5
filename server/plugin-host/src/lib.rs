//! Runs plugins: the only crate that names wasmtime, and nothing of wasmtime shows in its API.
//!
//! ```text
//! bytes ──Host::inspect──▶ Inspection      static, no compilation, says what it asks for
//!       ──Host::compile──▶ Compiled        checked against the contract by a dry instantiation;
//!                 │                        in a child process, or from the cache
//!                 ├─ Host::classifier     ──▶ Classifier     warm instances, recycled
//!                 └─ Host::knowledge_base ──▶ KnowledgeBase  a fresh instance per call
//! ```
//!
//! A guest has no ambient power: no WASI, no clock of its own, no files but a granted folder.
//! Computing time is limited by epochs, waiting by the wall clock, memory by the pool and a
//! limiter; an instance that trapped, timed out or answered nonsense is never entered again.

mod bindings;
mod cache;
mod call;
mod classifier;
mod compile;
mod config;
mod context;
mod engine;
mod error;
mod files;
mod inspect;
mod knowledge;
mod shapes;

pub use cache::CacheConfig;
pub use classifier::Classifier;
pub use compile::{COMPILE_COMMAND, CompileLimits, Compiler, run_as_compiler};
pub use config::{FileGrant, HostConfig, Installation};
pub use engine::{Compiled, Host};
pub use error::{Limit, PluginError};
pub use inspect::{EngineKind, Inspection, MAX_COMPONENT_BYTES};
pub use knowledge::KnowledgeBase;
pub use plugin_sdk::manifest::{Manifest, Powers, Role, Title};
pub use plugin_sdk::taxonomy;
pub use shapes::{
    Article, Attribute, BodyFormat, CheckReport, Classification, Document, Evidence, Failure,
    FailureClass, Label, ModelInfo, Polarity, Receipt, RemoteState, Visibility,
};

/// Version of the contract that this host offers.
pub const API_VERSION: &str = plugin_sdk::API_VERSION;
