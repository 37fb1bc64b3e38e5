//! What the server learns of a running plugin: lines, figures, calls.

use std::sync::Arc;

use crate::shapes::Used;

/// Severity of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For the author of the plugin.
    Debug,
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// In lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line that a plugin wrote: at most 4 KiB, without control characters and secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Name of the plugin.
    pub plugin: String,
    /// Version of the plugin.
    pub version: String,
    /// Which installation.
    pub installation: String,
    /// During which operation: `pull`, `handle` and so on.
    pub operation: &'static str,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Severity.
    pub level: LogLevel,
    /// What it says.
    pub message: String,
    /// At most 16 pairs.
    pub fields: Vec<(String, String)>,
}

/// How a figure adds up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricValue {
    /// A counter goes up.
    Add(u64),
    /// One value of a distribution; finite.
    Record(f64),
}

/// A figure of a name that the manifest declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Name of the plugin.
    pub plugin: String,
    /// Version of the plugin.
    pub version: String,
    /// Which installation.
    pub installation: String,
    /// Declared in the manifest.
    pub name: String,
    /// The figure.
    pub value: MetricValue,
}

/// A call that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Name of the plugin.
    pub plugin: Arc<str>,
    /// Version of the plugin.
    pub version: Arc<str>,
    /// Which installation.
    pub installation: Arc<str>,
    /// `pull`, `handle`, `notify` and so on.
    pub operation: &'static str,
    /// When it began, in Unix milliseconds.
    pub at_ms: i64,
    /// `ok`, the class of the plugin's failure, or [`crate::PluginError::code`].
    pub outcome: &'static str,
    /// What it took.
    pub used: Used,
}
