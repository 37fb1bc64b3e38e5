//! Runs plugins: the only crate that names wasmtime, and nothing of wasmtime shows in its API.
//!
//! ```text
//! bytes ──Host::inspect──▶ Inspection      static, no compilation, says what it asks for
//!       ──Host::compile──▶ Compiled        checked against the contract by a dry instantiation;
//!                 │                        in a child process, or from the cache
//!                 ├─ Host::classifier     ──▶ Classifier     warm instances, recycled
//!                 ├─ Host::knowledge_base ──▶ KnowledgeBase  a fresh instance per call
//!                 ├─ Host::connector      ──▶ Connector      a fresh instance per call
//!                 └─ Host::notifier       ──▶ Notifier       a fresh instance per call
//! ```
//!
//! A guest has no ambient power: no WASI, no clock of its own, no files but a granted folder.
//! Computing time is limited by epochs, waiting by the wall clock, memory by the pool and a
//! limiter; an instance that trapped, timed out or answered nonsense is never entered again.

mod address;
mod bindings;
pub mod breaker;
mod cache;
mod call;
mod classifier;
mod compile;
mod config;
mod connector;
mod context;
mod crypto;
pub mod egress;
mod engine;
mod error;
mod files;
mod grant;
mod imap;
mod inspect;
mod knowledge;
mod lifecycle;
mod notifier;
mod observe;
mod secrets;
pub mod shapes;
pub mod webhook;

pub use address::is_public;
pub use cache::CacheConfig;
pub use classifier::Classifier;
pub use compile::{COMPILE_COMMAND, CompileLimits, Compiler, run_as_compiler};
pub use config::{CallLimits, HostConfig, Random};
pub use connector::{Connector, ConnectorExports};
pub use crypto::sha256;
pub use engine::{Compiled, Host};
pub use error::{Limit, PluginError};
pub use grant::{
    Effective, FileGrant, Grant, GrantFault, HostGrant, ImapGrant, ImapTls, Installation, Network,
    asked_methods, effective,
};
pub use inspect::{EngineKind, Inspection, MAX_COMPONENT_BYTES};
pub use knowledge::KnowledgeBase;
pub use notifier::Notifier;
pub use observe::{CallRecord, LogLevel, LogLine, Metric, MetricValue};
pub use plugin_sdk::manifest::{Limits, Manifest, Powers, Role, Scheme, Title};
pub use plugin_sdk::taxonomy;
pub use secrets::SecretValue;
pub use shapes::{
    Answer, Article, Attribute, BodyFormat, CheckReport, Classification, Cursor, Document,
    Evidence, Failure, FailureClass, Header, HookRequest, Item, Label, Message, ModelInfo, Next,
    Outcome, Page, Polarity, PullMode, PullRequest, Receipt, Rejected, RemoteState, Reply, Scalar,
    Staged, StreamSpec, Turn, Urgency, Used, Visibility,
};

/// Version of the contract that this host offers.
pub const API_VERSION: &str = plugin_sdk::API_VERSION;
