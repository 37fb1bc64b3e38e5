//! What the conformance checks found.

use serde::Serialize;
use std::fmt::Write as _;

/// All findings.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Name of the plugin; empty when it could not be read.
    pub(super) plugin: String,
    /// Its version.
    pub(super) version: String,
    /// BLAKE3 of the component.
    pub(super) digest: String,
    /// In the order of the checks.
    pub(super) findings: Vec<Finding>,
}

/// One check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Stable word.
    pub(super) check: &'static str,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// One sentence.
    pub(super) detail: String,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// Could not be looked at; the detail says why.
    Skipped,
}

impl Report {
    /// Adds a finding; problems make it a failed one.
    pub(super) fn add(&mut self, check: &'static str, fine: &str, problems: &[String]) {
        let (outcome, detail) = if problems.is_empty() {
            (Outcome::Passed, fine.to_owned())
        } else {
            (Outcome::Failed, problems.join("; "))
        };
        self.findings.push(Finding {
            check,
            outcome,
            detail,
        });
    }

    /// Says why something could not be looked at.
    pub(super) fn skip(&mut self, check: &'static str, why: &str) {
        self.findings.push(Finding {
            check,
            outcome: Outcome::Skipped,
            detail: why.to_owned(),
        });
    }

    /// Whether nothing failed.
    pub(super) fn passed(&self) -> bool {
        self.findings.iter().all(|f| f.outcome != Outcome::Failed)
    }

    /// One line a finding.
    pub(super) fn for_people(&self) -> String {
        let mut text = format!("{} {}\n", self.plugin, self.version);
        for finding in &self.findings {
            let word = match finding.outcome {
                Outcome::Passed => "passed ",
                Outcome::Failed => "FAILED ",
                Outcome::Skipped => "skipped",
            };
            let _ = writeln!(text, "{word} {:<20} {}", finding.check, finding.detail);
        }
        let count = |outcome| {
            self.findings
                .iter()
                .filter(|f| f.outcome == outcome)
                .count()
        };
        let _ = writeln!(
            text,
            "{} passed, {} failed, {} skipped",
            count(Outcome::Passed),
            count(Outcome::Failed),
            count(Outcome::Skipped)
        );
        text
    }
}
