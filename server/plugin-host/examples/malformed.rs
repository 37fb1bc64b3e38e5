//! Broken components by the thousand: every one gets an answer from `Host::inspect` and
//! `Host::compile`, none a crash or a panic. Ends with 1 after the first panic.
//!
//! `cargo run -p plugin-host --release --example malformed -- 100000 [seed] [child]`
//!
//! What passes the inspection is compiled and instantiated, in this process (a crash would end
//! the run), or with `child` in a process of its own as a server does it.
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
#[path = "../tests/host/mutations.rs"]
mod mutations;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use mutations::{KINDS, Random, mutate};
use plugin_host::{Compiler, Host, HostConfig, PluginError};

fn main() -> ExitCode {
    if let Some(code) = plugin_host::run_as_compiler() {
        return code;
    }
    let args: Vec<String> = std::env::args().collect();
    let number = |place: usize, default| args.get(place).map_or(default, |t| t.parse().unwrap());
    let (inputs, seed): (u64, u64) = (number(1, 10_000), number(2, 1));
    let in_child = args.iter().any(|a| a == "child");

    let panics = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&panics);
    std::panic::set_hook(Box::new(move |panic| {
        if seen.fetch_add(1, Ordering::Relaxed) < 3 {
            let _ = writeln!(std::io::stderr(), "{panic}");
        }
    }));

    let host = Host::new(HostConfig {
        compiler: if in_child {
            Compiler::default()
        } else {
            Compiler::InProcess
        },
        cpu: std::time::Duration::from_millis(50),
        ..HostConfig::default()
    })
    .unwrap();
    // Small ones most of the time: they are mutated closer to what matters, and quicker.
    let small: Vec<Vec<u8>> = attacks::all().into_iter().map(|a| a.component).collect();
    let large = [
        guests::keyword_classifier().to_vec(),
        guests::markdown_kb().to_vec(),
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut random = Random::new(seed);
    let mut inspected: BTreeMap<&str, u64> = BTreeMap::new();
    let mut compiled: BTreeMap<&str, u64> = BTreeMap::new();
    let mut passed: BTreeMap<&str, u64> = BTreeMap::new();
    let started = Instant::now();
    for _ in 0..inputs {
        let mut bytes = if random.below(50) == 0 {
            large[random.below(2)].clone()
        } else {
            small[random.below(small.len())].clone()
        };
        let other = &small[random.below(small.len())];
        let kind = mutate(&mut bytes, other, &mut random);
        let outcome = Host::inspect(&bytes);
        let said = outcome.as_ref().map_or_else(PluginError::code, |_| "ok");
        *inspected.entry(said).or_default() += 1;
        if outcome.is_ok() {
            *passed.entry(KINDS[kind]).or_default() += 1;
            let outcome = runtime.block_on(host.compile(bytes));
            let said = outcome.as_ref().map_or_else(PluginError::code, |_| "ok");
            *compiled.entry(said).or_default() += 1;
        }
    }
    let mut out = std::io::stdout().lock();
    for (title, counts) in [
        ("inspection", &inspected),
        ("passed the inspection, by what was done to them", &passed),
        ("compilation and dry run of those", &compiled),
    ] {
        writeln!(out, "{title}:").unwrap();
        for (what, count) in counts {
            writeln!(out, "{count:>9}  {what}").unwrap();
        }
    }
    let panics = panics.load(Ordering::Relaxed);
    writeln!(
        out,
        "{inputs} inputs of seed {seed} in {:.0} s, compiled {}; panics {panics}; resident {} KiB",
        started.elapsed().as_secs_f64(),
        if in_child {
            "in children"
        } else {
            "in this process"
        },
        memory::resident_kib(),
    )
    .unwrap();
    if panics == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
