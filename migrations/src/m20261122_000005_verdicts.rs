//! What verdicts one can trust need: which classifier labelled what, the present verdict beside its
//! history, and the frozen statements of closed months.
#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000005_verdicts"
    }
}

/// `ruler` is `classifier@version`, empty where nothing of a label is a classifier's. Its index answers
/// "which versions are inside these days" in one step per version, and finds what to label anew.
const SQL: &str = r"
ALTER TABLE label ADD COLUMN ruler TEXT NOT NULL DEFAULT '';
UPDATE label SET ruler = {ruler} WHERE {source} = 'classifier' AND {classifier} <> '';
CREATE INDEX label_ruler ON label (ruler, occurred_at);
CREATE TABLE verdict_now (
  task_id TEXT PRIMARY KEY, verdict TEXT NOT NULL, data TEXT NOT NULL, computed_at BIGINT NOT NULL);
INSERT INTO verdict_now (task_id, verdict, data, computed_at)
  SELECT v.task_id, v.verdict, v.data, v.computed_at FROM verification v
  WHERE v.id = (SELECT MAX(w.id) FROM verification w WHERE w.task_id = v.task_id);
CREATE TABLE statement (
  task_id TEXT NOT NULL, month TEXT NOT NULL, data TEXT NOT NULL, frozen_at BIGINT NOT NULL,
  PRIMARY KEY (task_id, month));
CREATE INDEX statement_month ON statement (month)
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let field = |name: &str| match manager.get_database_backend() {
            DatabaseBackend::Postgres => format!("(CAST(data AS json) ->> '{name}')"),
            _ => format!("json_extract(data, '$.{name}')"),
        };
        let ruler = format!(
            "{} || '@' || {}",
            field("classifier"),
            field("classifier_version")
        );
        let sql = SQL
            .replace("{ruler}", &ruler)
            .replace("{source}", &field("source"))
            .replace("{classifier}", &field("classifier"));
        crate::run(manager, &sql, "").await
    }
}
