//! Logs: one line an event, identifiers yes, personal data never.

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error. `wanted` (of `RUST_LOG`) chooses what; `json` the form for machines. `quiet`:
/// for commands whose output is read by people, who want to see what goes wrong and nothing else.
pub fn init(wanted: &str, json: bool, quiet: bool) {
    // Empty is unset, as everywhere.
    let wanted = (!wanted.trim().is_empty()).then(|| EnvFilter::try_new(wanted));
    let filter = wanted.and_then(Result::ok).unwrap_or_else(|| {
        EnvFilter::new(if quiet {
            "error"
        } else {
            "info,sqlx=warn,sea_orm=warn,sea_orm_migration=warn,cranelift=warn"
        })
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in the same process (tests) keeps the first subscriber.
    let _ = if json {
        builder.json().try_init()
    } else {
        builder.with_target(false).try_init()
    };
}
