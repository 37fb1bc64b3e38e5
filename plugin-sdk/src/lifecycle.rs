//! The part that every plugin exports.

use serde_json::Value;

use crate::Failure;
use crate::host;
use crate::roles::failure;

/// Answer of [`Lifecycle::check`].
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// Whether grants and settings work.
    pub ok: bool,
    /// One sentence for the operator.
    pub message: String,
    /// Anything more, shown as it is.
    pub details: Value,
}

/// What a plugin answers about its settings. Every function has a default, so
/// `impl Lifecycle for X {}` is a complete implementation.
pub trait Lifecycle {
    /// Checks of the settings beyond the manifest's JSON Schema. No effects.
    ///
    /// # Errors
    /// A [`Failure`] of class `config` when the settings cannot work.
    fn validate_config() -> Result<(), Failure> {
        Ok(())
    }

    /// One cheap call which proves that the plugin can work.
    ///
    /// # Errors
    /// A [`Failure`] when the check itself could not be made.
    fn check() -> Result<CheckReport, Failure> {
        Ok(CheckReport {
            ok: true,
            message: String::new(),
            details: Value::Null,
        })
    }

    /// Settings of an older `config-version`, turned into the present shape. Pure.
    ///
    /// # Errors
    /// A [`Failure`] of class `config` when the old settings cannot be understood.
    fn migrate_config(from_version: u32, old: Value) -> Result<Value, Failure> {
        let _ = from_version;
        Ok(old)
    }
}

/// Fields of the generated `check-report`: each world has a type of its own for it.
pub type CheckReportOf = (bool, String, String);

/// Glue of [`crate::export`]: settings check.
///
/// # Errors
/// What the plugin answers.
pub fn validate_config<T: Lifecycle>() -> Result<(), Failure> {
    host::install_panic_hook();
    T::validate_config()
}

/// Glue of [`crate::export`]: self check.
///
/// # Errors
/// What the plugin answers.
pub fn check<T: Lifecycle>() -> Result<CheckReportOf, Failure> {
    host::install_panic_hook();
    T::check().map(|r| (r.ok, r.message, r.details.to_string()))
}

/// Glue of [`crate::export`]: settings of an older version.
///
/// # Errors
/// What the plugin answers, or `invalid-input` when `old` is no JSON.
pub fn migrate_config<T: Lifecycle>(from_version: u32, old: &str) -> Result<String, Failure> {
    host::install_panic_hook();
    let old =
        serde_json::from_str(old).map_err(|e| failure::invalid_input("config.not_json", e))?;
    T::migrate_config(from_version, old).map(|v| v.to_string())
}
