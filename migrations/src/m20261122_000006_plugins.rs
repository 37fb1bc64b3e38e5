//! Plugins as something that people run: installations with settings and secrets, the streams of
//! connectors, requests that sources sent, records that were refused, and what calls needed.
#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000006_plugins"
    }
}

/// `plugin_work` is what has to be done again and again for an installation, each with a lease of its
/// own; `lease_epoch` fences whoever lost it, `seq` counts commits. Bodies of requests and refused
/// records are sealed: they are not masked yet. `plugin_point` is where a roll-back returns to.
const SQL: &str = r"
ALTER TABLE plugin ADD COLUMN granted_at BIGINT;
ALTER TABLE plugin ADD COLUMN active_since BIGINT;
UPDATE plugin SET granted_at = created_at, active_since = created_at WHERE state = 'active';
CREATE INDEX plugin_name ON plugin (name, created_at);
CREATE TABLE installation (
  key TEXT PRIMARY KEY, plugin TEXT NOT NULL, role TEXT NOT NULL, plugin_id TEXT NOT NULL,
  previous_id TEXT, enabled BOOLEAN NOT NULL, data TEXT NOT NULL, created_at BIGINT NOT NULL,
  version BIGINT NOT NULL);
CREATE INDEX installation_plugin ON installation (plugin);
CREATE TABLE installation_health (key TEXT PRIMARY KEY, state TEXT NOT NULL, data TEXT NOT NULL, changed_at BIGINT NOT NULL);
CREATE TABLE plugin_secret (
  installation TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, sealed {blob} NOT NULL,
  previous {blob}, set_at BIGINT NOT NULL, PRIMARY KEY (installation, name));
CREATE TABLE plugin_work (
  id TEXT PRIMARY KEY, installation TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
  format BIGINT, value TEXT, seq BIGINT NOT NULL, lease_epoch BIGINT NOT NULL,
  lease_until BIGINT NOT NULL, next_at BIGINT, data TEXT NOT NULL,
  UNIQUE (installation, kind, name));
CREATE INDEX plugin_work_due ON plugin_work (next_at);
CREATE TABLE plugin_state (
  installation TEXT NOT NULL, key TEXT NOT NULL, value {blob} NOT NULL, expires_at BIGINT,
  PRIMARY KEY (installation, key));
CREATE TABLE plugin_point (
  installation TEXT PRIMARY KEY, plugin_id TEXT NOT NULL, data {blob} NOT NULL, taken_at BIGINT NOT NULL);
CREATE TABLE webhook_inbox (
  id TEXT PRIMARY KEY, installation TEXT NOT NULL, delivery_id TEXT, request {blob},
  state TEXT NOT NULL, attempts BIGINT NOT NULL, error TEXT, received_at BIGINT NOT NULL,
  UNIQUE (installation, delivery_id));
CREATE INDEX webhook_inbox_waiting ON webhook_inbox (installation, state, id);
CREATE INDEX webhook_inbox_age ON webhook_inbox (received_at);
CREATE TABLE plugin_rejected (
  id TEXT PRIMARY KEY, installation TEXT NOT NULL, fingerprint TEXT NOT NULL, stream TEXT NOT NULL,
  source TEXT NOT NULL, external_id TEXT, code TEXT NOT NULL, detail TEXT NOT NULL,
  raw {blob} NOT NULL, hook_id TEXT, state TEXT NOT NULL, times BIGINT NOT NULL, created_at BIGINT NOT NULL,
  UNIQUE (installation, fingerprint));
CREATE INDEX plugin_rejected_list ON plugin_rejected (installation, state, id);
CREATE TABLE plugin_ack (
  id TEXT PRIMARY KEY, installation TEXT NOT NULL, token TEXT NOT NULL, attempts BIGINT NOT NULL,
  created_at BIGINT NOT NULL);
CREATE INDEX plugin_ack_installation ON plugin_ack (installation, id);
CREATE TABLE plugin_log (
  id TEXT PRIMARY KEY, installation TEXT NOT NULL, at BIGINT NOT NULL, level TEXT NOT NULL,
  message TEXT NOT NULL);
CREATE INDEX plugin_log_installation ON plugin_log (installation, id);
CREATE TABLE plugin_call (
  id TEXT PRIMARY KEY, installation TEXT NOT NULL, plugin TEXT NOT NULL, operation TEXT NOT NULL,
  outcome TEXT NOT NULL, data TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX plugin_call_installation ON plugin_call (installation, id);
CREATE TABLE shadow (
  plugin_id TEXT PRIMARY KEY, against_id TEXT NOT NULL, state TEXT NOT NULL, data TEXT NOT NULL,
  position TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE shadow_move (
  plugin_id TEXT NOT NULL, from_topic TEXT NOT NULL, to_topic TEXT NOT NULL, n BIGINT NOT NULL,
  PRIMARY KEY (plugin_id, from_topic, to_topic))
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
