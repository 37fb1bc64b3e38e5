//! What the tests stand on: the real program on a database of its own, callers, a mail server, a reader
//! of action pages, files to import.
//!
//! Everything here is small and real: no fake of anything that we wrote, and no fixed sleeps. What goes
//! wrong panics with what was seen, because a test has no other use for an error.
#![allow(
    clippy::unwrap_used,
    reason = "a harness fails by panicking, with the line that expected otherwise"
)]

pub mod database;
pub mod dovecot;
pub mod files;
pub mod http;
pub mod page;
pub mod postfix;
pub mod random;
pub mod server;
pub mod smtp;
pub mod time;
pub mod wait;

pub use database::{Database, Engine};
pub use dovecot::Dovecot;
pub use http::{Caller, Reply};
pub use postfix::Postfix;
pub use random::Random;
pub use server::{Command, Options, Server};
pub use smtp::{Letter, Smtp};
pub use wait::{until, until_within};

/// Says on the real standard error that something was left out: the test runner swallows what
/// passing tests print.
pub fn skipped(what: &str, why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "skipped: {what}: {why}");
}

/// Says something on the real standard error: figures of a test that counts.
pub fn report(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Whether a missing thing is a failure.
#[must_use]
pub fn strict() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Writes a test that runs on both engines: `on_sqlite` and `on_postgres` in a module of its name.
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$doc:meta])* fn $name:ident($engine:ident) $body:block)+) => {$(
        $(#[$doc])*
        mod $name {
            #[allow(unused_imports, reason = "a test need not use everything that stands above it")]
            use super::*;

            fn story($engine: $crate::Engine) $body

            #[test]
            fn on_sqlite() {
                story($crate::Engine::Sqlite);
            }

            #[test]
            fn on_postgres() {
                if $crate::database::postgres_is_there(concat!(module_path!(), "::on_postgres")) {
                    story($crate::Engine::Postgres);
                }
            }
        }
    )+};
}
