//! Who gets what: the owner rules; issues that were merged; and tickets about single voices.

#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000012_issues"
    }
}

/// `owner_rules` has one row. A voice has at most one ticket, however often it is rated; `told_at`: when
/// its owner was sent the list that it stands in.
const SQL: &str = r"
CREATE TABLE owner_rules (id BIGINT PRIMARY KEY, data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE review_ticket (
  id TEXT PRIMARY KEY, feedback_id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, topic TEXT NOT NULL,
  department TEXT NOT NULL, owner_email TEXT NOT NULL, created_at BIGINT NOT NULL, told_at BIGINT,
  data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE INDEX review_ticket_owner ON review_ticket (owner_email, told_at);
CREATE INDEX review_ticket_topic ON review_ticket (topic, created_at);
ALTER TABLE issue ADD COLUMN merged_into TEXT;
CREATE INDEX issue_merged ON issue (merged_into);
CREATE INDEX review_ticket_state ON review_ticket (state, id);
CREATE INDEX review_ticket_department ON review_ticket (department, id)
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
