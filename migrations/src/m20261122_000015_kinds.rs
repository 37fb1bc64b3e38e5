//! What issues are, what was split off from them, and links to review tickets.

#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000015_kinds"
    }
}

/// `signal_key`: the key whose signals an issue takes that has none of its own. `issue_split`: the rule's
/// signals that would join `issue_id` join `into_id`. `review_link` is to tickets what `action_link` is
/// to tasks.
const SQL: &str = r"
ALTER TABLE issue ADD COLUMN kind TEXT NOT NULL DEFAULT 'problem';
ALTER TABLE issue ADD COLUMN split_from TEXT;
ALTER TABLE issue ADD COLUMN signal_key TEXT;
CREATE INDEX issue_split_from ON issue (split_from);
CREATE TABLE issue_split (
  issue_id TEXT NOT NULL, detector TEXT NOT NULL, into_id TEXT NOT NULL, PRIMARY KEY (issue_id, detector));
CREATE INDEX issue_split_into ON issue_split (into_id);
CREATE TABLE review_link (
  token_hash TEXT PRIMARY KEY, ticket_id TEXT NOT NULL, email TEXT NOT NULL, created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL, revoked_at BIGINT);
CREATE INDEX review_link_ticket ON review_link (ticket_id)
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
