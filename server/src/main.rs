//! The `bihuan` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::run()
}
