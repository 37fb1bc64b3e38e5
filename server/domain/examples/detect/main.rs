//! Detectors on streams of known truth, on real ones, and against the clock.
//!
//! - `cargo run -p domain --release --example detect -- table [--topics N]` runs the scenarios of
//!   the specification (table A7) through the detectors and prints the measured rates beside the
//!   specification's, then what the specification did not simulate.
//! - `… --example detect -- STREAM GOLD` lists the spikes of a real stream against a gold file.
//! - `… --example detect -- relapse [--verdicts N]` says how often the watch after a verdict errs and how
//!   soon it finds what came back.
//! - `… --example detect -- bench` judges one day of 10,000 topics.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints tables"
)]

mod bench;
mod extras;
#[path = "../common/random.rs"]
mod random;
mod real;
mod relapse;
mod table;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["table"] => table::print(2000),
        ["table", "--topics", n] => match n.parse() {
            Ok(n) if n >= 40 => table::print(n),
            _ => return usage(),
        },
        ["bench"] => bench::print(),
        ["relapse"] => relapse::print(300),
        ["relapse", "--verdicts", n] => match n.parse() {
            Ok(n) if n >= 10 => relapse::print(n),
            _ => return usage(),
        },
        [stream, gold] => {
            if let Err(error) = real::print(stream, gold) {
                eprintln!("detect: {error}");
                return ExitCode::from(2);
            }
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!(
        "usage: detect table [--topics N (40 or more)] | detect STREAM.jsonl.gz GOLD.json | detect bench \
         | detect relapse [--verdicts N (10 or more)]"
    );
    ExitCode::FAILURE
}
