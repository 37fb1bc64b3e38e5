//! Figures of the plugin's own; their names stand in the manifest's `metrics`.

/// Adds to a counter.
pub fn add(name: &str, value: u64) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::base::bihuan::plugin::metrics::add(name, value);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::with(|world| *world.metrics.entry(name.to_owned()).or_default() += value);
}

/// One observation of a value.
pub fn record(name: &str, value: f64) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::base::bihuan::plugin::metrics::record_value(name, value);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::with(|world| world.observed.push((name.to_owned(), value)));
}
