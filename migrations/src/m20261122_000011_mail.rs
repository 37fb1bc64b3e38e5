//! Mails that come back: where the reading of the mailbox stands, every mail that was read, what marks
//! lead to tasks, and addresses that do not take mail.

#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000011_mail"
    }
}

/// `mail_mark.mark` is the hash of a secret line, or `tag:` and the tag of a subject. `inbound_mail.mail_key`
/// is what makes two copies of one mail the same. A delivery may be held: `hold` says why, `held_until` for
/// how long (nothing: until somebody acts), `merged_into` which digest carried it.
const SQL: &str = r"
CREATE TABLE mail_mark (
  mark TEXT PRIMARY KEY, task_id TEXT NOT NULL, kind TEXT NOT NULL, email TEXT NOT NULL,
  assignment BIGINT NOT NULL, created_at BIGINT NOT NULL);
CREATE INDEX mail_mark_task ON mail_mark (task_id);
CREATE TABLE mail_cursor (
  mailbox TEXT PRIMARY KEY, uid_validity BIGINT NOT NULL, last_uid BIGINT NOT NULL, worker TEXT NOT NULL,
  lease_until BIGINT NOT NULL, looked_at BIGINT, error TEXT);
CREATE TABLE inbound_mail (
  id TEXT PRIMARY KEY, mail_key TEXT NOT NULL UNIQUE, mailbox TEXT NOT NULL, uid_validity BIGINT NOT NULL,
  uid BIGINT NOT NULL, sender TEXT NOT NULL, subject TEXT NOT NULL, outcome TEXT NOT NULL, task_id TEXT,
  data TEXT NOT NULL, size BIGINT NOT NULL, raw {blob}, read_at BIGINT NOT NULL);
CREATE INDEX inbound_mail_outcome ON inbound_mail (outcome, id);
CREATE INDEX inbound_mail_task ON inbound_mail (task_id, id);
CREATE TABLE mail_address (
  email TEXT PRIMARY KEY, hard_bounces BIGINT NOT NULL, last_reason TEXT NOT NULL, last_bounce_at BIGINT NOT NULL,
  disabled_at BIGINT);
CREATE TABLE bounce (
  delivery_id TEXT NOT NULL, email TEXT NOT NULL, severity TEXT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (delivery_id, email, severity));
CREATE TABLE mail_person (email TEXT PRIMARY KEY, data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE mail_budget (name TEXT PRIMARY KEY, at BIGINT NOT NULL);
ALTER TABLE delivery ADD COLUMN hold TEXT;
ALTER TABLE delivery ADD COLUMN held_until BIGINT;
ALTER TABLE delivery ADD COLUMN merged_into TEXT;
CREATE INDEX delivery_target ON delivery (target, state);
CREATE INDEX delivery_sent ON delivery (sent_at)
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
