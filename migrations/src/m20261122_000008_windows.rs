//! How many voices of each day have no customer that anybody knows.
#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000008_windows"
    }
}

const SQL: &str = r"
ALTER TABLE fact ADD COLUMN anonymous BIGINT NOT NULL DEFAULT 0;
ALTER TABLE topic_day ADD COLUMN anonymous BIGINT NOT NULL DEFAULT 0;
ALTER TABLE detail_day ADD COLUMN anonymous BIGINT NOT NULL DEFAULT 0;
INSERT INTO upkeep (name) SELECT 'rebuild-facts' WHERE EXISTS (SELECT 1 FROM label)
  AND NOT EXISTS (SELECT 1 FROM upkeep WHERE name = 'rebuild-facts')
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
