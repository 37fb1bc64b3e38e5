//! Many rounds of guests that mean harm, mixed, with an honest neighbour at work all the time.
//! Ends with 1 when one of them gets anything but its own error, or the neighbour no answer.
//!
//! `cargo run -p plugin-host --release --example hostile -- 1000 [seed]`
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "shares the helpers of the tests"
)]

#[path = "../tests/host/attacks.rs"]
mod attacks;
#[path = "../tests/host/guests.rs"]
mod guests;
#[path = "../tests/host/memory.rs"]
mod memory;

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use attacks::{Arena, Tally};

fn main() -> ExitCode {
    if let Some(code) = plugin_host::run_as_compiler() {
        return code;
    }
    let number = |place: usize, default: u64| {
        std::env::args()
            .nth(place)
            .map_or(default, |text| text.parse().unwrap())
    };
    let (rounds, mut state) = (number(1, 1000), number(2, 1).max(1));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let arena = Arena::new(guests::small_host()).await;
        let mut tally = Tally::default();
        // Every kind once: what is allocated once is no growth.
        for kind in 0..arena.attacks() {
            arena.round(kind, &mut tally).await;
        }
        let (before, started) = (memory::resident_kib(), Instant::now());
        for _ in 0..rounds {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            arena.round(state as usize, &mut tally).await;
        }
        let after = memory::resident_kib();
        let mut out = std::io::stdout().lock();
        for ((attack, outcome), count) in &tally.outcomes {
            writeln!(out, "{count:>7}  {attack:<34} {outcome}").unwrap();
        }
        writeln!(
            out,
            "{rounds} rounds in {:.1} s; neighbour answered {} of {}; surprises {}; resident {before} KiB → {after} KiB",
            started.elapsed().as_secs_f64(),
            tally.neighbours,
            rounds + arena.attacks() as u64,
            tally.surprises.len(),
        )
        .unwrap();
        for surprise in tally.surprises.iter().take(10) {
            writeln!(out, "  {surprise}").unwrap();
        }
        if tally.surprises.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    })
}
