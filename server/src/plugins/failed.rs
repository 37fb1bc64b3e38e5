//! What went wrong in a call, in the words of the rules.

use domain::plugins::Trouble;
use plugin_host::{FailureClass, PluginError};

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Failed {
    /// What kind of failure.
    pub kind: Kind,
    /// Stable word: the plugin's own, or the host's.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Kinds of failures, as the contract and the host tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person must change settings, secrets or grants.
    Settings,
    /// Not before so many milliseconds.
    Patience(u64),
    /// It may pass.
    Passing,
    /// This input can never succeed.
    Input,
    /// The cursor is no longer usable.
    CursorExpired,
    /// A bug, a trap, a limit: the breaker counts it.
    Fault,
}

impl Failed {
    /// A failure of the server's own finding.
    #[must_use]
    pub fn new(kind: Kind, code: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// Whether the same call can succeed later without anybody doing something.
    #[must_use]
    pub fn can_retry(&self) -> bool {
        !matches!(self.kind, Kind::Settings | Kind::Input)
    }

    /// What the rules make of it; the breaker has said how long a plugin at fault rests.
    #[must_use]
    pub fn trouble(&self, rest_ms: u64, quarantined: bool) -> Trouble {
        match self.kind {
            Kind::Settings => Trouble::Settings,
            Kind::Patience(ms) => Trouble::Patience(ms),
            Kind::Passing => Trouble::Passing,
            Kind::CursorExpired => Trouble::CursorExpired,
            Kind::Input | Kind::Fault => Trouble::Fault {
                rest_ms,
                quarantined,
            },
        }
    }
}

impl From<&PluginError> for Failed {
    fn from(error: &PluginError) -> Self {
        if let PluginError::Failed(failure) = error {
            let kind = match failure.class {
                FailureClass::Config => Kind::Settings,
                FailureClass::RateLimited => {
                    Kind::Patience(failure.retry_after_ms.unwrap_or(60_000))
                }
                FailureClass::Transient => {
                    failure.retry_after_ms.map_or(Kind::Passing, Kind::Patience)
                }
                FailureClass::InvalidInput => Kind::Input,
                FailureClass::CursorExpired => Kind::CursorExpired,
                FailureClass::Internal => Kind::Fault,
            };
            let message = if failure.message.is_empty() {
                &failure.code
            } else {
                &failure.message
            };
            return Self::new(kind, &failure.code, domain::text::mask::mask(message).text);
        }
        let kind = match error {
            PluginError::Denied { .. } => Kind::Settings,
            PluginError::Host { .. } => Kind::Passing,
            PluginError::Refused { .. } => Kind::Input,
            _ => Kind::Fault,
        };
        // Some of these quote the plugin.
        let message = domain::text::mask::mask(&error.to_string()).text;
        Self::new(kind, error.code(), message)
    }
}

impl From<PluginError> for Failed {
    fn from(error: PluginError) -> Self {
        Self::from(&error)
    }
}

impl From<storage::DbError> for Failed {
    fn from(error: storage::DbError) -> Self {
        Self::new(Kind::Passing, "database", error.to_string())
    }
}

impl From<super::vault::VaultError> for Failed {
    fn from(error: super::vault::VaultError) -> Self {
        Self::new(Kind::Settings, "secret_key", error.to_string())
    }
}
