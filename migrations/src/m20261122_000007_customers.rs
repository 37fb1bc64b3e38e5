//! Who did what immediate rules count, so that one person who does it again and again is one.

#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000007_customers"
    }
}

/// One row a day, deed, subject (topic, search term or article), place and known customer; `n` times.
/// Only what rules count stands here: risks, bad marks, searches without result, votes. Rows of voices
/// that are there already come with the rebuild.
const SQL: &str = r"
CREATE TABLE customer_day (
  day TEXT NOT NULL, deed TEXT NOT NULL, subject TEXT NOT NULL, channel TEXT NOT NULL, region TEXT NOT NULL,
  customer_hash TEXT NOT NULL, n BIGINT NOT NULL,
  PRIMARY KEY (day, deed, subject, channel, region, customer_hash));
CREATE INDEX customer_day_subject ON customer_day (deed, subject, day);
INSERT INTO upkeep (name) SELECT 'rebuild-facts' WHERE EXISTS (SELECT 1 FROM label)
  AND NOT EXISTS (SELECT 1 FROM upkeep WHERE name = 'rebuild-facts')
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
