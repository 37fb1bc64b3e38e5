//! Time, which `std` does not have inside of a plugin.

/// Milliseconds since the Unix epoch.
#[must_use]
pub fn now_ms() -> i64 {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::base::bihuan::plugin::clock::now();
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::with(|world| world.now).unwrap_or_default()
}

/// Milliseconds since the start of this call.
#[must_use]
pub fn elapsed_ms() -> u64 {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::base::bihuan::plugin::clock::elapsed_ms();
    // The clock of tests stands still.
    #[cfg(not(target_arch = "wasm32"))]
    0
}
