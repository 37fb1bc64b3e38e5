//! Mails whose bytes have had their time are found without reading those that are kept.

#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000016_old_mails"
    }
}

const SQL: &str = r"
CREATE INDEX inbound_mail_raw ON inbound_mail (read_at) WHERE raw IS NOT NULL;
CREATE INDEX delivery_serial ON delivery (serial_key, id)
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
