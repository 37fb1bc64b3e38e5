//! Secrets by their names in the manifest. Their values never come here: [`super::http`] and
//! [`super::crypto`] name them, and the host puts them in.

use crate::Failure;

/// An identifier that changes when the secret is filled in anew; safe to log. Good as part of a
/// key of [`super::state`] for whatever was obtained with this secret.
///
/// # Errors
/// `config` when the secret is not granted or not filled in.
pub fn id(name: &str) -> Result<String, Failure> {
    #[cfg(target_arch = "wasm32")]
    return Ok(handle(name)?.id());
    #[cfg(not(target_arch = "wasm32"))]
    value(name).map(|_| format!("{name}:1"))
}

#[cfg(target_arch = "wasm32")]
pub(super) use crate::bindings::powers::bihuan::plugin::secrets::Secret;

#[cfg(target_arch = "wasm32")]
pub(super) fn handle(name: &str) -> Result<Secret, Failure> {
    use crate::bindings::powers::bihuan::plugin::secrets::{SecretError, get};
    use crate::failure;
    get(name).map_err(|error| match error {
        SecretError::Denied(d) => failure::config("secrets.denied", d),
        SecretError::NotSet(d) => failure::config("secrets.not_set", d),
        SecretError::Unavailable(d) => failure::transient("secrets.unavailable", d),
    })
}

/// The value, which only stand-ins of the host may know.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn value(name: &str) -> Result<String, Failure> {
    use crate::failure;
    crate::testing::with(|world| world.secrets.get(name).cloned())
        .flatten()
        .ok_or_else(|| {
            failure::config(
                "secrets.not_set",
                format!("the secret {name} is not filled in"),
            )
        })
}
