//! The compiling child alone: what `bihuan plugin-compile` is, for the tests of this crate.
//! `plugin-compile plugin-compile MEMORY_BYTES CPU_SECONDS ample|scarce < component > answer`

use std::process::ExitCode;

fn main() -> ExitCode {
    plugin_host::run_as_compiler().unwrap_or(ExitCode::FAILURE)
}
