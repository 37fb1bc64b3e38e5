//! Approvals: what some kinds of improvement need before they count as done.

use crate::clock::Timestamp;
use crate::organisation::Owner;
use serde::{Deserialize, Serialize};

/// Who approves what is done of a kind of improvement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ApprovalRule))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The approver; the manager of the owner's department when missing, else whoever assigned the task.
    #[serde(default)]
    pub approver_email: Option<String>,
}

/// What an approver said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// Yes or no.
    pub approved: bool,
    /// Who.
    pub by: String,
    /// In their words: why not.
    pub words: String,
}

/// A completion that somebody approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Which one of its task: links of earlier ones are dead.
    pub round: i64,
    /// Who is asked.
    pub approver: Owner,
    /// Since when.
    pub asked_at: Timestamp,
    /// What was done, in the owner's words.
    pub solution: String,
    /// When it goes live, where the owner says.
    pub effective_at: Option<Timestamp>,
    /// What was said of it.
    #[serde(default)]
    pub decision: Option<Decision>,
}
