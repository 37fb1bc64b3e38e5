//! Distinct customers, figures that detectors and verdicts ask for, facts of agents,
//! search terms and articles, and what detection remembers between two looks.
#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000002_facts"
    }
}

/// The counters that this migration adds to both fact tables.
const ADDED: [&str; 9] = [
    "customers",
    "fcr",
    "fcr_known",
    "no_result",
    "helpful",
    "unhelpful",
    "nps_n",
    "nps_promoters",
    "nps_detractors",
];

/// All counters as they are after this migration: the columns of `detail_day`.
const COUNTERS: [&str; 34] = [
    "voices",
    "contacts",
    "rated",
    "satisfied",
    "r1",
    "r2",
    "r3",
    "r4",
    "r5",
    "invited",
    "resolved",
    "resolved_known",
    "repeats",
    "bot",
    "transferred",
    "negative",
    "positive",
    "sentiment_n",
    "risky",
    "handle_n",
    "handle_sum",
    "handle_sq",
    "handle_ln",
    "handle_ln_sq",
    "compensation_cents",
    "customers",
    "fcr",
    "fcr_known",
    "no_result",
    "helpful",
    "unhelpful",
    "nps_n",
    "nps_promoters",
    "nps_detractors",
];

const SQL: &str = r"
ALTER TABLE label ADD COLUMN first_of_day BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE detail_day (
  day TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
  {counters},
  PRIMARY KEY (day, kind, subject));
CREATE INDEX detail_day_subject ON detail_day (kind, subject, day);
CREATE TABLE agent_team (agent TEXT PRIMARY KEY, team TEXT NOT NULL, day TEXT NOT NULL);

CREATE TABLE upkeep (name TEXT PRIMARY KEY);
INSERT INTO upkeep (name) SELECT 'rebuild-facts' WHERE EXISTS (SELECT 1 FROM label);

CREATE TABLE calendar_note (key TEXT PRIMARY KEY, first_day TEXT NOT NULL, last_day TEXT NOT NULL, data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE source_gap (
  channel TEXT NOT NULL, from_day TEXT NOT NULL, to_day TEXT, found_at BIGINT NOT NULL,
  PRIMARY KEY (channel, from_day));
CREATE TABLE detect_day (day TEXT PRIMARY KEY, seen_at BIGINT NOT NULL);
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |c: &&str| format!("{c} BIGINT NOT NULL DEFAULT 0");
        let mut sql = String::new();
        // One column at a time: SQLite knows no other way.
        for table in ["fact", "topic_day"] {
            for added in &ADDED {
                sql.push_str(&format!(
                    "ALTER TABLE {table} ADD COLUMN {};\n",
                    column(added)
                ));
            }
        }
        sql.push_str(SQL);
        let counters: Vec<String> = COUNTERS.iter().map(column).collect();
        crate::run(manager, &sql, &counters.join(", ")).await
    }
}
