//! The schema, as a list that only grows.
//!
//! One SQL for both engines: `TEXT`, `BIGINT`, `DOUBLE PRECISION`, `BOOLEAN`, and `{blob}`, which
//! becomes the engine's type for bytes. Times are microseconds since 1970 in UTC, days are ISO
//! dates, ids are lower-case text. Columns that are filtered by are columns; the rest of an object
//! is JSON in `data`.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261122_000001_the_loop;
mod m20261122_000002_facts;
mod m20261122_000003_detection;
mod m20261122_000004_priority;
mod m20261122_000005_verdicts;
mod m20261122_000006_plugins;
mod m20261122_000007_customers;
mod m20261122_000008_windows;
mod m20261122_000009_signers;
mod m20261122_000010_calendars;
mod m20261122_000011_mail;
mod m20261122_000012_issues;
mod m20261122_000013_tasks;
mod m20261122_000014_parts;
mod m20261122_000015_kinds;
mod m20261122_000016_old_mails;

/// Applies the migrations in their order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_the_loop::Migration),
            Box::new(m20261122_000002_facts::Migration),
            Box::new(m20261122_000003_detection::Migration),
            Box::new(m20261122_000004_priority::Migration),
            Box::new(m20261122_000005_verdicts::Migration),
            Box::new(m20261122_000006_plugins::Migration),
            Box::new(m20261122_000007_customers::Migration),
            Box::new(m20261122_000008_windows::Migration),
            Box::new(m20261122_000009_signers::Migration),
            Box::new(m20261122_000010_calendars::Migration),
            Box::new(m20261122_000011_mail::Migration),
            Box::new(m20261122_000012_issues::Migration),
            Box::new(m20261122_000013_tasks::Migration),
            Box::new(m20261122_000014_parts::Migration),
            Box::new(m20261122_000015_kinds::Migration),
            Box::new(m20261122_000016_old_mails::Migration),
        ]
    }
}

/// Runs several statements, with `{blob}` and `{counters}` filled in.
pub(crate) async fn run(
    manager: &SchemaManager<'_>,
    sql: &str,
    counters: &str,
) -> Result<(), DbErr> {
    let blob = match manager.get_database_backend() {
        sea_orm::DatabaseBackend::Postgres => "BYTEA",
        _ => "BLOB",
    };
    let sql = sql.replace("{blob}", blob).replace("{counters}", counters);
    for statement in sql.split(";\n").map(str::trim).filter(|s| !s.is_empty()) {
        manager
            .get_connection()
            .execute_unprepared(statement)
            .await?;
    }
    Ok(())
}

use sea_orm_migration::sea_orm;
