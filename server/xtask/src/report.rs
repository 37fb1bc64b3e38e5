//! What the terminal sees: a line before each step, and a table of all steps at the end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::shell::Failure;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// Nothing to do: the product belongs to the present sources.
    Fresh,
    /// Not done, and why; never in CI.
    Skipped(String),
    /// The step that ended the run.
    Failed,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    name: String,
    outcome: Outcome,
    took: Duration,
}

/// The steps of a run, in order.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Runs one step, timed, and notes how it ended.
    pub(crate) fn step(
        &mut self,
        name: &str,
        what: &str,
        run: impl FnOnce() -> Result<Outcome, Failure>,
    ) -> Result<(), Failure> {
        say(&format!("\n==> {name}: {what}"));
        let start = Instant::now();
        let result = run();
        let outcome = match &result {
            Ok(outcome) => outcome.clone(),
            Err(_) => Outcome::Failed,
        };
        match &outcome {
            Outcome::Fresh => say("    nothing changed since the last time"),
            Outcome::Skipped(why) => say(&format!("    SKIPPED: {why}")),
            Outcome::Done | Outcome::Failed => {}
        }
        self.rows.push(Row {
            name: name.to_owned(),
            outcome,
            took: start.elapsed(),
        });
        result.map(|_| ())
    }

    /// The table: step, outcome, seconds; skipped steps with their reason.
    pub(crate) fn table(&self) -> String {
        let width = self.rows.iter().map(|row| row.name.len()).max();
        let width = width.unwrap_or_default().max("total".len());
        let mut text = String::new();
        for row in &self.rows {
            let outcome = match &row.outcome {
                Outcome::Done => "ok",
                Outcome::Fresh => "up to date",
                Outcome::Skipped(_) => "skipped",
                Outcome::Failed => "FAILED",
            };
            let seconds = row.took.as_secs_f64();
            let _ = write!(text, "  {:width$}  {outcome:10}  {seconds:7.1} s", row.name);
            if let Outcome::Skipped(why) = &row.outcome {
                let _ = write!(text, "  {why}");
            }
            text.push('\n');
        }
        let total: Duration = self.rows.iter().map(|row| row.took).sum();
        let seconds = total.as_secs_f64();
        let _ = writeln!(text, "  {:width$}  {:10}  {seconds:7.1} s", "total", "");
        text
    }
}

/// Writes one line to the terminal. Standard error, so that nothing of ours mixes with what a
/// command is asked to print.
#[expect(
    clippy::print_stderr,
    reason = "a task runner talks to the terminal; this is the one place that does"
)]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, outcome: Outcome, millis: u64) -> Row {
        Row {
            name: name.to_owned(),
            outcome,
            took: Duration::from_millis(millis),
        }
    }

    #[test]
    fn the_table_lines_up_and_adds_up() {
        let report = Report {
            rows: vec![
                row("fmt", Outcome::Done, 1_240),
                row("console-build", Outcome::Fresh, 40),
                row(
                    "deny",
                    Outcome::Skipped("cargo-deny is not installed".to_owned()),
                    0,
                ),
                row("tests", Outcome::Failed, 60_000),
            ],
        };
        let expected = "  fmt            ok              1.2 s
  console-build  up to date      0.0 s
  deny           skipped         0.0 s  cargo-deny is not installed
  tests          FAILED         60.0 s
  total                         61.3 s
";
        assert_eq!(report.table(), expected);
    }

    #[test]
    fn a_failed_step_is_noted_and_handed_on() {
        let mut report = Report::default();
        let failed = report.step("tests", "…", || Err(Failure::new("broken")));
        assert!(failed.is_err());
        assert_eq!(report.rows[0].outcome, Outcome::Failed);
    }
}
