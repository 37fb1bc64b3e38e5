//! The rules with what they name, read together.

use domain::detection::Scope;
use domain::issues::Issue;
use domain::organisation::{Department, Topic};
use domain::routing::{Matter, Route, Rule, decide, parse};
use storage::{DbError, Read};

/// Everything that a decision needs.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// The rules, in their order.
    pub rules: Vec<Rule>,
    /// The taxonomy.
    pub topics: Vec<Topic>,
    /// All departments.
    pub departments: Vec<Department>,
    /// Who decides where nobody else does.
    pub arbiter: Option<String>,
}

impl Directory {
    /// As it is now.
    pub async fn read(db: &impl Read) -> Result<Self, DbError> {
        let rules = storage::routing::rules(db).await?;
        let rules = rules.map(|r| parse(&r.text)).transpose();
        Ok(Self {
            // What was kept had been read; a later version of the grammar must not stop notices.
            rules: rules.unwrap_or_default().unwrap_or_default(),
            topics: storage::organisation::all(db).await?,
            departments: storage::organisation::all(db).await?,
            arbiter: storage::organisation::organisation(db).await?.arbiter_email,
        })
    }

    /// Who gets a matter.
    #[must_use]
    pub fn decide(&self, matter: &Matter<'_>) -> Route {
        let arbiter = self.arbiter.as_deref();
        decide(
            &self.rules,
            matter,
            &self.topics,
            &self.departments,
            arbiter,
        )
    }
}

/// What rules are asked about an issue, or about what a detector of that scope found.
#[must_use]
pub fn matter_of<'a>(topic: &'a str, scope: &'a Scope, cause: Option<&'a str>) -> Matter<'a> {
    Matter {
        topic,
        channel: scope.channel.as_deref(),
        region: scope.region.as_deref(),
        cause,
    }
}

/// The same of an issue.
#[must_use]
pub fn matter_of_issue(issue: &Issue) -> Matter<'_> {
    matter_of(&issue.topic, &issue.scope, issue.cause.as_deref())
}
