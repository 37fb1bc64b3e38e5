//! The rules with what they name, read together.

use domain::detection::Scope;
use domain::issues::Issue;
use domain::routing::{Directory, Matter, parse};
use storage::{DbError, Read};

/// Everything that a decision needs, as it is now.
pub async fn directory(db: &impl Read) -> Result<Directory, DbError> {
    let rules = storage::routing::rules(db).await?;
    let rules = rules.map(|r| parse(&r.text)).transpose();
    Ok(Directory {
        // What was kept had been read; a later version of the grammar must not stop notices.
        rules: rules.unwrap_or_default().unwrap_or_default(),
        topics: storage::organisation::all(db).await?,
        departments: storage::organisation::all(db).await?,
        arbiter: storage::organisation::organisation(db).await?.arbiter_email,
    })
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
