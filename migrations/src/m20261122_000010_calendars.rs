//! Business calendars, and by which of them tasks are due.

#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000010_calendars"
    }
}

/// `calendar_edition` only grows: what a due time was computed with can be shown for ever. `task_clock`
/// has a row for each task whose due time was computed; those that a person dated have none.
const SQL: &str = r"
CREATE TABLE calendar (key TEXT PRIMARY KEY, data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE calendar_edition (
  key TEXT NOT NULL, stamp TEXT NOT NULL, version BIGINT NOT NULL, data TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (key, stamp));
CREATE TABLE task_clock (task_id TEXT PRIMARY KEY, calendar TEXT NOT NULL, stamp TEXT NOT NULL);
CREATE INDEX task_clock_calendar ON task_clock (calendar, stamp)
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
