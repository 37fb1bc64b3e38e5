//! Detection: what people said that a rule watches for, signals that were held back, and marks of
//! zero to six where there is no other.
#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000003_detection"
    }
}

const SQL: &str = r"
ALTER TABLE fact ADD COLUMN nps_alone BIGINT NOT NULL DEFAULT 0;
ALTER TABLE topic_day ADD COLUMN nps_alone BIGINT NOT NULL DEFAULT 0;
ALTER TABLE detail_day ADD COLUMN nps_alone BIGINT NOT NULL DEFAULT 0;
INSERT INTO upkeep (name) SELECT 'rebuild-facts' WHERE EXISTS (SELECT 1 FROM label)
  AND NOT EXISTS (SELECT 1 FROM upkeep WHERE name = 'rebuild-facts');

CREATE TABLE detector_hit (
  detector TEXT NOT NULL, feedback_id TEXT NOT NULL, subject TEXT NOT NULL, day TEXT NOT NULL,
  customer_hash TEXT NOT NULL, PRIMARY KEY (detector, feedback_id));
CREATE INDEX detector_hit_day ON detector_hit (detector, subject, day);
ALTER TABLE signal ADD COLUMN withheld BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX signal_detector ON signal (detector, day);
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
