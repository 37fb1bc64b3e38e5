//! Tasks that are parts of others, links of approvers, and what is known of attached files.

#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000014_parts"
    }
}

/// `purpose` of a link: `owner`, whose `assignment` is the offer, or `approver`, whose `assignment` is the
/// round of the approval. Hashes of files that are older stay empty.
const SQL: &str = r"
ALTER TABLE task ADD COLUMN parent_id TEXT;
ALTER TABLE task ADD COLUMN kind TEXT NOT NULL DEFAULT 'other';
CREATE INDEX task_parent ON task (parent_id);
CREATE INDEX task_due ON task (due_at);
ALTER TABLE action_link ADD COLUMN purpose TEXT NOT NULL DEFAULT 'owner';
ALTER TABLE attachment ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';
ALTER TABLE attachment ADD COLUMN added_by TEXT NOT NULL DEFAULT ''
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
