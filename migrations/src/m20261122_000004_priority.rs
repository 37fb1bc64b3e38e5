//! Where topics stand: lines of a month, moves between quadrants, and what people decided instead.
#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000004_priority"
    }
}

const SQL: &str = r"
CREATE TABLE quadrant_lines (month TEXT PRIMARY KEY, data TEXT NOT NULL, drawn_at BIGINT NOT NULL);
CREATE TABLE quadrant_move (
  id TEXT PRIMARY KEY, topic TEXT NOT NULL, from_quadrant TEXT, to_quadrant TEXT NOT NULL,
  day TEXT NOT NULL, data TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX quadrant_move_topic ON quadrant_move (topic, at);
CREATE TABLE quadrant_override (
  issue_id TEXT PRIMARY KEY, quadrant TEXT NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL,
  at BIGINT NOT NULL);
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
