//! What the host offers, in Rust's terms. In native builds [`crate::testing::Host`] answers instead;
//! outside of one, logs vanish, the settings are empty and every power is denied.

pub mod clock;
pub mod crypto;
pub mod http;
pub mod imap;
pub mod metrics;
pub mod random;
pub mod secrets;
pub mod state;

use serde::de::DeserializeOwned;

use crate::{Failure, FileError, failure};

/// Severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For the author of the plugin.
    Debug,
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warn,
    /// Something failed.
    Error,
}

/// Writes a line to the host's log. Never put customers' texts into it.
pub fn log(level: Level, message: &str) {
    log_with(level, message, &[]);
}

/// Name of the field that marks a panic's message, so that the host can put it into its error.
pub const PANIC_FIELD: &str = "panic";

#[cfg(target_arch = "wasm32")]
fn log_with(level: Level, message: &str, fields: &[(&str, &str)]) {
    use crate::bindings::base::bihuan::plugin::log;
    let level = match level {
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    let fields: Vec<log::Field> = fields
        .iter()
        .map(|(k, v)| log::Field {
            key: (*k).to_owned(),
            value: (*v).to_owned(),
        })
        .collect();
    log::log(level, message, &fields);
}

#[cfg(not(target_arch = "wasm32"))]
fn log_with(level: Level, message: &str, _fields: &[(&str, &str)]) {
    crate::testing::with(|world| world.logs.push((level, message.to_owned())));
}

/// Sends the message of a panic to the host before the trap: without it only "unreachable" would
/// be left. Installed once; [`crate::export`] calls it at every entry.
pub fn install_panic_hook() {
    #[cfg(target_arch = "wasm32")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            std::panic::set_hook(Box::new(|info| {
                log_with(Level::Error, &info.to_string(), &[(PANIC_FIELD, "true")]);
            }));
        });
    }
}

/// The settings of this installation.
///
/// # Errors
/// A failure of class `config` when they do not fit `T`.
pub fn config<T: DeserializeOwned>() -> Result<T, Failure> {
    #[cfg(target_arch = "wasm32")]
    let json = crate::bindings::base::bihuan::plugin::config::get();
    #[cfg(not(target_arch = "wasm32"))]
    let json =
        crate::testing::with(|world| world.settings.to_string()).unwrap_or_else(|| "{}".to_owned());
    serde_json::from_str(&json).map_err(|e| failure::config("config.malformed", e))
}

/// A folder with files, relative paths with `/` (the rules stand in `host.wit`).
pub trait Files {
    /// The whole file, or `None` when there is none.
    ///
    /// # Errors
    /// The host's refusal.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FileError>;
    /// Replaces the file in one step.
    ///
    /// # Errors
    /// The host's refusal.
    fn write(&self, path: &str, content: &[u8]) -> Result<(), FileError>;
    /// `false` when there was no file.
    ///
    /// # Errors
    /// The host's refusal.
    fn remove(&self, path: &str) -> Result<bool, FileError>;
}

impl<F: Files> Files for &F {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FileError> {
        (**self).read(path)
    }
    fn write(&self, path: &str, content: &[u8]) -> Result<(), FileError> {
        (**self).write(path, content)
    }
    fn remove(&self, path: &str) -> Result<bool, FileError> {
        (**self).remove(path)
    }
}

/// The folder that an administrator granted.
#[derive(Debug, Clone, Copy, Default)]
pub struct GrantedFolder;

#[cfg(target_arch = "wasm32")]
impl Files for GrantedFolder {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FileError> {
        crate::bindings::powers::bihuan::plugin::files::read(path)
    }
    fn write(&self, path: &str, content: &[u8]) -> Result<(), FileError> {
        crate::bindings::powers::bihuan::plugin::files::write(path, content)
    }
    fn remove(&self, path: &str) -> Result<bool, FileError> {
        crate::bindings::powers::bihuan::plugin::files::remove(path)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Files for GrantedFolder {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FileError> {
        crate::testing::granted_folder(|files| files.read(path))
    }
    fn write(&self, path: &str, content: &[u8]) -> Result<(), FileError> {
        crate::testing::granted_folder(|files| files.write(path, content))
    }
    fn remove(&self, path: &str) -> Result<bool, FileError> {
        crate::testing::granted_folder(|files| files.remove(path))
    }
}

/// What a refused file operation means for the host's next step.
impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Denied(detail) => failure::config("files.denied", detail),
            FileError::InvalidPath(detail) => failure::invalid_input("files.invalid_path", detail),
            FileError::TooLarge(limit) => failure::invalid_input(
                "files.too_large",
                format!("larger than the {limit} bytes granted"),
            ),
            FileError::Io(detail) => failure::transient("files.io", detail),
        }
    }
}
