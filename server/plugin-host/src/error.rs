//! Everything that can go wrong with a plugin.

use std::time::Duration;

use crate::shapes::Failure;

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Computing time inside the guest.
    Cpu,
    /// Time from the call to the answer.
    WallClock,
}

/// Why a plugin cannot be used, or why a call has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PluginError {
    /// The bytes do not start like WebAssembly.
    #[error("this is not a WebAssembly file")]
    NotWasm,
    /// A core module; a component is wanted.
    #[error("this is a core module; make a component of it with `bihuan plugin build`")]
    CoreModule,
    /// WebAssembly, but broken or with features that are switched off.
    #[error("the component is malformed: {detail}")]
    Malformed {
        /// The parser's words.
        detail: String,
    },
    /// Larger than the host accepts.
    #[error("the component has {size} bytes; at most {limit} are accepted")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes accepted.
        limit: usize,
    },
    /// Imports something that this host never offers, such as WASI.
    #[error("the component imports {import}, which plugins never get")]
    ForbiddenImport {
        /// Name of the import.
        import: String,
    },
    /// Imports an interface of the contract that this role does not have.
    #[error("the component imports {import}, which this host does not know for this role")]
    UnknownImport {
        /// Name of the import.
        import: String,
    },
    /// No section `bihuan:manifest`.
    #[error("the component has no manifest; build it with `bihuan plugin build`")]
    NoManifest,
    /// The section is there and cannot be used.
    #[error("the manifest is malformed: {detail}")]
    BadManifest {
        /// What is wrong.
        detail: String,
    },
    /// Built against another version of the contract.
    #[error(
        "the plugin was built against version {asked} of the contract; this host offers {offered}"
    )]
    Incompatible {
        /// The plugin's version.
        asked: String,
        /// Ours.
        offered: String,
    },
    /// Imports or exports do not have the types of the contract, or the role is not exported.
    #[error("the component does not fit the contract: {detail}")]
    Contract {
        /// The linker's words.
        detail: String,
    },
    /// The guest trapped; its own panic message when it had one.
    #[error("the plugin trapped: {message}")]
    Trapped {
        /// Panic message, or the kind of trap with the function it happened in.
        message: String,
    },
    /// Took longer than allowed.
    #[error("the plugin took longer than {} ms ({})", after.as_millis(), match limit { Limit::Cpu => "computing time", Limit::WallClock => "wall clock" })]
    TimedOut {
        /// Which clock.
        limit: Limit,
        /// The limit.
        after: Duration,
    },
    /// Wanted more memory than allowed and could not go on without it.
    #[error("the plugin wanted more memory than its {limit} bytes")]
    OutOfMemory {
        /// The limit in bytes.
        limit: usize,
    },
    /// More data in one crossing than allowed.
    #[error("the plugin sent more than {limit} bytes at once")]
    TooMuchData {
        /// The limit in bytes.
        limit: usize,
    },
    /// A power that was not granted is needed.
    #[error("{capability} is not granted to this plugin: {detail}")]
    Denied {
        /// Name of the power: `files`, `http`, `secrets`, `imap`, `state`.
        capability: &'static str,
        /// What exactly was wanted.
        detail: String,
    },
    /// The answer breaks a rule of the contract.
    #[error("the plugin gave an invalid answer: {detail}")]
    InvalidAnswer {
        /// Which rule.
        detail: String,
    },
    /// The caller gave something that cannot be sent to the plugin.
    #[error("{detail}")]
    Refused {
        /// What and why.
        detail: String,
    },
    /// The plugin answered with a failure.
    #[error("the plugin failed: {} ({})", .0.message, .0.code)]
    Failed(Failure),
    /// The host itself cannot work.
    #[error("the plugin host failed: {detail}")]
    Host {
        /// What happened.
        detail: String,
    },
}

impl PluginError {
    /// Stable word for machines (problem documents, metrics).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotWasm => "plugin_not_wasm",
            Self::CoreModule => "plugin_core_module",
            Self::Malformed { .. } => "plugin_malformed",
            Self::TooLarge { .. } => "plugin_too_large",
            Self::ForbiddenImport { .. } => "plugin_forbidden_import",
            Self::UnknownImport { .. } => "plugin_unknown_import",
            Self::NoManifest => "plugin_no_manifest",
            Self::BadManifest { .. } => "plugin_bad_manifest",
            Self::Incompatible { .. } => "plugin_incompatible",
            Self::Contract { .. } => "plugin_contract",
            Self::Trapped { .. } => "plugin_trapped",
            Self::TimedOut { .. } => "plugin_timed_out",
            Self::OutOfMemory { .. } => "plugin_out_of_memory",
            Self::TooMuchData { .. } => "plugin_too_much_data",
            Self::Denied { .. } => "plugin_denied",
            Self::InvalidAnswer { .. } => "plugin_invalid_answer",
            Self::Refused { .. } => "plugin_refused",
            Self::Failed(_) => "plugin_failed",
            Self::Host { .. } => "plugin_host",
        }
    }

    /// Whether the plugin itself is at fault: what a circuit breaker counts.
    #[must_use]
    pub const fn is_fault_of_plugin(&self) -> bool {
        matches!(
            self,
            Self::Trapped { .. }
                | Self::TimedOut { .. }
                | Self::OutOfMemory { .. }
                | Self::TooMuchData { .. }
                | Self::InvalidAnswer { .. }
        )
    }
}
