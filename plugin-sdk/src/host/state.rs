//! What the plugin remembers between calls. Writes are kept together with what the call answers,
//! or not at all: reads see this call's own writes, and a call that fails leaves nothing.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::powers::bihuan::plugin::state::StateError;
use crate::{Failure, failure};

/// The value of a key, read as JSON.
///
/// # Errors
/// The host's refusal; `internal` when the value does not fit `T`.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Failure> {
    get_bytes(key)?
        .map(|bytes| {
            serde_json::from_slice(&bytes)
                .map_err(|e| failure::internal("state.malformed", format!("{key}: {e}")))
        })
        .transpose()
}

/// Keeps a value as JSON.
///
/// # Errors
/// The host's refusal.
pub fn set<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<(), Failure> {
    set_bytes(key, json(value)?, None)
}

/// Keeps a value as JSON for so many milliseconds.
///
/// # Errors
/// The host's refusal.
pub fn set_for<T: Serialize + ?Sized>(key: &str, value: &T, ttl_ms: u64) -> Result<(), Failure> {
    set_bytes(key, json(value)?, Some(ttl_ms))
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|e| failure::internal("state.not_json", e))
}

/// The value of a key.
///
/// # Errors
/// The host's refusal.
pub fn get_bytes(key: &str) -> Result<Option<Vec<u8>>, Failure> {
    raw::get(key).map_err(failed)
}

/// Keeps a value, for ever or for so many milliseconds.
///
/// # Errors
/// The host's refusal.
pub fn set_bytes(key: &str, value: Vec<u8>, ttl_ms: Option<u64>) -> Result<(), Failure> {
    raw::set(key, &value, ttl_ms).map_err(failed)
}

/// Forgets a key.
///
/// # Errors
/// The host's refusal.
pub fn delete(key: &str) -> Result<(), Failure> {
    raw::delete(key).map_err(failed)
}

/// At most `limit` keys that start with `prefix`, in byte order, behind `after`.
///
/// # Errors
/// The host's refusal.
pub fn keys(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Failure> {
    raw::keys(prefix, after, limit).map_err(failed)
}

fn failed(error: StateError) -> Failure {
    match error {
        StateError::Quota(d) => failure::internal("state.quota", d),
        StateError::InvalidKey(d) => failure::internal("state.invalid_key", d),
        StateError::Unavailable(d) => failure::transient("state.unavailable", d),
    }
}

#[cfg(target_arch = "wasm32")]
use crate::bindings::powers::bihuan::plugin::state as raw;

#[cfg(not(target_arch = "wasm32"))]
mod raw {
    use super::StateError;
    use crate::testing::{World, with};

    fn world<T>(act: impl FnOnce(&mut World) -> Result<T, StateError>) -> Result<T, StateError> {
        with(act).unwrap_or_else(|| Err(StateError::Unavailable("no host".to_owned())))
    }

    fn checked(key: &str) -> Result<(), StateError> {
        if key.is_empty() || key.len() > 128 || key.chars().any(char::is_control) {
            return Err(StateError::InvalidKey(format!("{key:?}")));
        }
        Ok(())
    }

    pub(super) fn get(key: &str) -> Result<Option<Vec<u8>>, StateError> {
        checked(key)?;
        world(|w| Ok(w.remembered(key)))
    }
    pub(super) fn set(key: &str, value: &[u8], ttl: Option<u64>) -> Result<(), StateError> {
        checked(key)?;
        if value.len() > 64 * 1024 {
            return Err(StateError::Quota("more than 64 KiB".to_owned()));
        }
        world(|w| {
            let until = ttl.map(|ms| w.now.saturating_add_unsigned(ms));
            w.state.insert(key.to_owned(), (value.to_vec(), until));
            Ok(())
        })
    }
    pub(super) fn delete(key: &str) -> Result<(), StateError> {
        checked(key)?;
        world(|w| {
            w.state.remove(key);
            Ok(())
        })
    }
    pub(super) fn keys(
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StateError> {
        world(|w| {
            Ok(w.state
                .iter()
                .filter(|(key, (_, until))| {
                    key.starts_with(prefix)
                        && after.is_none_or(|a| key.as_str() > a)
                        && until.is_none_or(|u| u > w.now)
                })
                .take(limit as usize)
                .map(|(key, _)| key.clone())
                .collect())
        })
    }
}
