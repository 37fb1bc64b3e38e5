//! What an issue is: a problem, an opportunity, or customers who are about to leave.

use crate::detection::Detector;
use crate::organisation::{Bilingual, Topic, path};
use serde::{Deserialize, Serialize};

/// What an issue is. A problem is to go away; an opportunity is demand that nobody meets yet; a churn
/// risk is about keeping those who speak of leaving.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IssueKind {
    /// Something is wrong.
    #[default]
    Problem,
    /// Many ask for what we do not offer.
    Opportunity,
    /// Customers say that they will leave.
    ChurnRisk,
}

impl IssueKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Problem, Self::Opportunity, Self::ChurnRisk];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Opportunity => "opportunity",
            Self::ChurnRisk => "churn_risk",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == name)
    }

    /// The name for people.
    #[must_use]
    pub fn title(self) -> Bilingual {
        let (zh, en) = match self {
            Self::Problem => ("问题", "problem"),
            Self::Opportunity => ("机会", "opportunity"),
            Self::ChurnRisk => ("流失风险", "churn risk"),
        };
        Bilingual::new(zh, en)
    }

    /// The kind of issue that a rule's signal of a topic opens: what the rule says, else what the topic
    /// or the next one above it says, else a problem.
    #[must_use]
    pub fn of(rule: &Detector, topic: &str, topics: &[Topic]) -> Self {
        rule.raises
            .or_else(|| {
                let above = path(topic, topics);
                above.iter().find_map(|key| {
                    let topic = topics.iter().find(|t| t.key == *key)?;
                    topic.issue_kind
                })
            })
            .unwrap_or_default()
    }

    /// The key of an issue of this kind, of the key that a problem would have: the same topic can be a
    /// problem and an opportunity at once, and their signals never join.
    #[must_use]
    pub fn key(self, of_problem: String) -> String {
        match self {
            Self::Problem => of_problem,
            other => format!("{}\u{1d}{of_problem}", other.as_str()),
        }
    }
}
