//! Compares the statistics of this crate with results of published implementations.
//!
//! `cargo run -p domain --release --example oracle -- FILE…` reads files
//! `{oracle, what, calls, versions, tolerance, cases: [{in, out}]}` and prints per function the
//! number of cases, the worst error and the failures. It ends with 1 when a case fails and says
//! plainly which files have no counterpart in this version.

use domain::statistics as v;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

#[path = "../src/statistics/oracle_cases.rs"]
mod oracle_cases;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "oracle: {e}");
            ExitCode::from(2)
        }
    }
}

#[derive(Default)]
struct Tally {
    cases: usize,
    figures: usize,
    worst: f64,
    failures: usize,
}

fn run() -> Result<bool, Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        return Err("give at least one oracle file".into());
    }
    writeln!(
        out,
        "{:<24}{:<22}{:>7}{:>9}{:>14}{:>11}{:>10}",
        "file", "function", "cases", "figures", "worst error", "tolerance", "failures"
    )?;
    let mut good = true;
    for file in &files {
        let document: serde_json::Value = serde_json::from_str(
            &std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?,
        )
        .map_err(|e| format!("{file}: {e}"))?;
        let oracle = document["oracle"]
            .as_str()
            .ok_or_else(|| format!("{file}: no \"oracle\""))?;
        let cases = document["cases"]
            .as_array()
            .ok_or_else(|| format!("{file}: no \"cases\""))?;
        let (tolerance, absolute) = oracle_cases::tolerance(oracle);
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for case in cases {
            for (function, pairs) in oracle_cases::compare(oracle, case).unwrap_or_default() {
                let tally = tallies.entry(function).or_default();
                tally.cases += 1;
                tally.figures += pairs.len();
                let worst = pairs
                    .iter()
                    .map(|p| oracle_cases::error(*p, absolute))
                    .fold(0.0, f64::max);
                tally.worst = tally.worst.max(worst);
                // `<=` is false for NaN: an undefined figure is a failure.
                if !pairs
                    .iter()
                    .all(|p| oracle_cases::error(*p, absolute) <= tolerance)
                {
                    tally.failures += 1;
                }
            }
        }
        if tallies.is_empty() {
            writeln!(
                out,
                "{oracle:<24}no such function in this version ({} cases not compared)",
                cases.len()
            )?;
        }
        for (function, t) in tallies {
            let kind = if absolute { "abs" } else { "rel" };
            writeln!(
                out,
                "{oracle:<24}{function:<22}{:>7}{:>9}{:>14.2e}{:>7.0e} {kind}{:>10}",
                t.cases, t.figures, t.worst, tolerance, t.failures
            )?;
            good &= t.failures == 0;
        }
    }
    Ok(good)
}
