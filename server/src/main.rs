//! The `bihuan` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: the child that compiles plugins has neither settings nor a runtime.
    plugin_host::run_as_compiler().unwrap_or_else(server::cli::run)
}
