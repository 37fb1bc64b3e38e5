//! Who signed what is installed: later versions of a plugin must come from the same key. And the numbers of
//! secrets that were removed: the next value goes on counting.

#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000009_signers"
    }
}

/// What is installed already came without a signature that anybody looked at.
const SQL: &str = r"
ALTER TABLE plugin ADD COLUMN signer TEXT;
CREATE TABLE plugin_secret_removed (
  installation TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (installation, name))
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
