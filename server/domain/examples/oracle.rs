//! Compares the statistics of this crate with results of published implementations.
//!
//! `cargo run -p domain --release --example oracle -- FILE…` reads files
//! `{oracle, what, calls, versions, tolerance, notes, cases: [{in, out}]}` and prints per function
//! the cases, the figures compared, the worst error, the tolerance that the file states and the
//! failures. Figures that are set aside are counted with the reason. It ends with 1 when a case
//! fails or has no counterpart; files that are for comparison only are named as such.

use domain::statistics as v;
use std::collections::{BTreeMap, BTreeSet};
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
    aside: usize,
    worst: f64,
    failures: usize,
    first_failure: Option<String>,
}

fn run() -> Result<bool, Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        return Err("give at least one oracle file".into());
    }
    writeln!(
        out,
        "{:<24}{:<28}{:>6}{:>9}{:>7}{:>13}{:>11}{:>10}",
        "file", "function", "cases", "figures", "aside", "worst error", "tolerance", "failures"
    )?;
    let (mut good, mut cases_seen, mut failures) = (true, 0, 0);
    let mut notes: BTreeSet<String> = BTreeSet::new();
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
        if oracle_cases::comparison_only(oracle) {
            writeln!(
                out,
                "{oracle:<24}for comparison only: Bihuan does not use this method ({} cases)",
                cases.len()
            )?;
            continue;
        }
        let text = document["tolerance"].as_str().unwrap_or_default();
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        let mut unread = 0;
        for case in cases {
            let Some(comparisons) = oracle_cases::compare(oracle, case) else {
                unread += 1;
                continue;
            };
            for c in comparisons {
                let (tolerance, absolute) = oracle_cases::tolerance(text, &c.function)
                    .ok_or_else(|| format!("{file}: no number in the tolerance {text:?}"))?;
                let tally = tallies.entry(c.function.clone()).or_default();
                tally.cases += 1;
                let mut failed = false;
                for f in &c.figures {
                    if let Some(why) = f.aside {
                        tally.aside += 1;
                        notes.insert(format!("{oracle} {}: aside, because {why}", c.function));
                        continue;
                    }
                    tally.figures += 1;
                    let error = oracle_cases::error(f, absolute);
                    // `<=` is false for NaN: an undefined figure is a failure.
                    if error <= tolerance {
                        tally.worst = tally.worst.max(error);
                    } else {
                        tally.worst = if error.is_nan() {
                            f64::INFINITY
                        } else {
                            tally.worst.max(error)
                        };
                        failed = true;
                        tally.first_failure.get_or_insert_with(|| {
                            format!(
                                "{:?} for {}",
                                (f.want, f.got),
                                shorten(&case["in"].to_string())
                            )
                        });
                    }
                }
                tally.failures += usize::from(failed);
            }
        }
        cases_seen += cases.len();
        if unread > 0 {
            good = false;
            writeln!(
                out,
                "{oracle:<24}no counterpart for {unread} of {} cases",
                cases.len()
            )?;
        }
        for (function, t) in tallies {
            let (tolerance, absolute) =
                oracle_cases::tolerance(text, &function).unwrap_or_default();
            let kind = if absolute { "abs" } else { "rel" };
            writeln!(
                out,
                "{oracle:<24}{function:<28}{:>6}{:>9}{:>7}{:>13.1e}{:>7.0e} {kind}{:>10}",
                t.cases, t.figures, t.aside, t.worst, tolerance, t.failures
            )?;
            if let Some(first) = t.first_failure {
                writeln!(out, "    first failure: {first}")?;
            }
            if let Some((_, why)) = oracle_cases::precision(&function) {
                notes.insert(format!(
                    "{oracle} {function}: at its own tolerance, because {why}"
                ));
            }
            good &= t.failures == 0;
            failures += t.failures;
        }
        let left_out = oracle_cases::left_out(oracle);
        if !left_out.is_empty() {
            notes.insert(format!(
                "{oracle}: not compared, nothing uses them: {left_out}"
            ));
        }
    }
    for note in notes {
        writeln!(out, "note: {note}")?;
    }
    writeln!(
        out,
        "{} files, {cases_seen} cases compared, {failures} failures",
        files.len()
    )?;
    Ok(good)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
