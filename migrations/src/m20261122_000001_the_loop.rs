//! Everything that one turn of the loop needs.
#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000001_the_loop"
    }
}

/// The counters of a fact row as they were when this migration was written.
const COUNTERS: [&str; 25] = [
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
];

const SQL: &str = r"
CREATE TABLE organisation (id BIGINT PRIMARY KEY, data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE secret (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE channel (key TEXT PRIMARY KEY, data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE topic (key TEXT PRIMARY KEY, parent TEXT, state TEXT NOT NULL, data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE department (key TEXT PRIMARY KEY, data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE detector (key TEXT PRIMARY KEY, enabled BOOLEAN NOT NULL, data TEXT NOT NULL, version BIGINT NOT NULL);

CREATE TABLE account (
  id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
  department TEXT, language TEXT NOT NULL, password_hash TEXT NOT NULL, created_at BIGINT NOT NULL,
  disabled BOOLEAN NOT NULL, version BIGINT NOT NULL);
CREATE TABLE session (
  id_hash TEXT PRIMARY KEY, account_id TEXT NOT NULL, csrf_token TEXT NOT NULL,
  created_at BIGINT NOT NULL, last_seen_at BIGINT NOT NULL);
CREATE INDEX session_account ON session (account_id);
CREATE TABLE api_token (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, scopes TEXT NOT NULL,
  secret_hash TEXT NOT NULL UNIQUE, created_at BIGINT NOT NULL, expires_at BIGINT, last_used_at BIGINT);
CREATE TABLE login_attempt (who TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX login_attempt_who ON login_attempt (who, at);

CREATE TABLE feedback (
  shard_key BIGINT NOT NULL, id TEXT NOT NULL, channel TEXT NOT NULL, external_id TEXT NOT NULL,
  content_hash TEXT NOT NULL, revision BIGINT NOT NULL, kind TEXT NOT NULL, class TEXT NOT NULL,
  occurred_at BIGINT, day TEXT, text TEXT NOT NULL, rating BIGINT, region TEXT NOT NULL,
  data TEXT NOT NULL, batch_id TEXT NOT NULL, received_at BIGINT NOT NULL,
  PRIMARY KEY (shard_key, id),
  UNIQUE (shard_key, channel, external_id));
CREATE INDEX feedback_id ON feedback (id);
CREATE INDEX feedback_batch ON feedback (batch_id);
CREATE INDEX feedback_external ON feedback (channel, external_id);
CREATE INDEX feedback_occurred ON feedback (occurred_at);
CREATE TABLE feedback_revision (
  shard_key BIGINT NOT NULL, feedback_id TEXT NOT NULL, revision BIGINT NOT NULL,
  content TEXT NOT NULL, replaced_at BIGINT NOT NULL,
  PRIMARY KEY (shard_key, feedback_id, revision));
CREATE TABLE label (
  shard_key BIGINT NOT NULL, feedback_id TEXT NOT NULL, topic TEXT NOT NULL, occurred_at BIGINT,
  customer_hash TEXT NOT NULL, data TEXT NOT NULL, repeat BOOLEAN NOT NULL, labelled_at BIGINT NOT NULL,
  PRIMARY KEY (shard_key, feedback_id));
CREATE INDEX label_customer ON label (customer_hash, occurred_at);
CREATE INDEX label_topic ON label (topic, occurred_at);
CREATE INDEX label_feedback ON label (feedback_id);
CREATE TABLE fact (
  day TEXT NOT NULL, class TEXT NOT NULL, topic TEXT NOT NULL, cause TEXT NOT NULL,
  channel TEXT NOT NULL, region TEXT NOT NULL, business_line TEXT NOT NULL, tier TEXT NOT NULL,
  {counters},
  PRIMARY KEY (day, class, topic, cause, channel, region, business_line, tier));
CREATE TABLE topic_day (
  day TEXT NOT NULL, class TEXT NOT NULL, topic TEXT NOT NULL, channel TEXT NOT NULL,
  {counters},
  PRIMARY KEY (day, class, topic, channel));
CREATE INDEX topic_day_topic ON topic_day (topic, day);

CREATE TABLE import (
  id TEXT PRIMARY KEY, state TEXT NOT NULL, data TEXT NOT NULL, position BIGINT NOT NULL,
  created_at BIGINT NOT NULL);
CREATE TABLE import_file (import_id TEXT PRIMARY KEY, content {blob} NOT NULL);
CREATE TABLE import_rejected (
  import_id TEXT NOT NULL, row BIGINT NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
  raw TEXT NOT NULL, PRIMARY KEY (import_id, row));

CREATE TABLE issue (
  id TEXT PRIMARY KEY, issue_key TEXT NOT NULL UNIQUE, state TEXT NOT NULL, topic TEXT NOT NULL,
  quadrant TEXT NOT NULL, opened_at BIGINT NOT NULL, data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE INDEX issue_state ON issue (state, opened_at);
CREATE TABLE signal (
  id TEXT PRIMARY KEY, issue_id TEXT NOT NULL, detector TEXT NOT NULL, subject TEXT NOT NULL,
  day TEXT NOT NULL, data TEXT NOT NULL, fired_at BIGINT NOT NULL,
  UNIQUE (detector, subject, day));
CREATE INDEX signal_issue ON signal (issue_id, fired_at);
CREATE TABLE quadrant_seen (topic TEXT PRIMARY KEY, quadrant TEXT NOT NULL, seen_at BIGINT NOT NULL);
CREATE TABLE task (
  id TEXT PRIMARY KEY, issue_id TEXT NOT NULL, state TEXT NOT NULL, department TEXT NOT NULL,
  owner_email TEXT NOT NULL, topic TEXT NOT NULL, due_at BIGINT NOT NULL, created_at BIGINT NOT NULL,
  data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE INDEX task_issue ON task (issue_id);
CREATE INDEX task_state ON task (state, due_at);
CREATE TABLE action_link (
  token_hash TEXT PRIMARY KEY, task_id TEXT NOT NULL, email TEXT NOT NULL, assignment BIGINT NOT NULL,
  created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, revoked_at BIGINT);
CREATE INDEX action_link_task ON action_link (task_id);
CREATE TABLE action_use (nonce TEXT PRIMARY KEY, token_hash TEXT NOT NULL, at BIGINT NOT NULL);
CREATE TABLE attachment (
  id TEXT PRIMARY KEY, task_id TEXT NOT NULL, name TEXT NOT NULL, media_type TEXT NOT NULL,
  content {blob} NOT NULL, created_at BIGINT NOT NULL);
CREATE INDEX attachment_task ON attachment (task_id);
CREATE TABLE verification (
  id TEXT PRIMARY KEY, task_id TEXT NOT NULL, verdict TEXT NOT NULL, data TEXT NOT NULL,
  computed_at BIGINT NOT NULL);
CREATE INDEX verification_task ON verification (task_id, computed_at);
CREATE TABLE article (
  id TEXT PRIMARY KEY, task_id TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, length BIGINT NOT NULL,
  created_at BIGINT NOT NULL, data TEXT NOT NULL);
CREATE TABLE article_word (
  word TEXT NOT NULL, article_id TEXT NOT NULL, count BIGINT NOT NULL, PRIMARY KEY (word, article_id));

CREATE TABLE plugin (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, role TEXT NOT NULL,
  digest TEXT NOT NULL UNIQUE, state TEXT NOT NULL, manifest TEXT NOT NULL, grant_data TEXT NOT NULL,
  component {blob} NOT NULL, created_at BIGINT NOT NULL, row_version BIGINT NOT NULL);

CREATE TABLE delivery (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, dedupe_key TEXT NOT NULL UNIQUE,
  serial_key TEXT NOT NULL, state TEXT NOT NULL, attempts BIGINT NOT NULL, data TEXT NOT NULL,
  task_id TEXT, issue_id TEXT, last_error TEXT, left_machine BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL, sent_at BIGINT);
CREATE INDEX delivery_task ON delivery (task_id);
CREATE INDEX delivery_issue ON delivery (issue_id);
CREATE INDEX delivery_state ON delivery (state, created_at);
CREATE TABLE mailbox (
  id TEXT PRIMARY KEY, recipient TEXT NOT NULL, message_id TEXT NOT NULL UNIQUE, data TEXT NOT NULL,
  created_at BIGINT NOT NULL);
CREATE TABLE event (
  id TEXT PRIMARY KEY, subject TEXT NOT NULL, subject_id TEXT NOT NULL, kind TEXT NOT NULL,
  actor TEXT NOT NULL, data TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX event_subject ON event (subject, subject_id, id);
CREATE TABLE job (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, unique_key TEXT, serial_key TEXT, payload TEXT NOT NULL,
  run_at BIGINT NOT NULL, priority BIGINT NOT NULL, state TEXT NOT NULL, attempt BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL, lease_until BIGINT, worker TEXT, last_error TEXT, trace TEXT,
  created_at BIGINT NOT NULL);
CREATE UNIQUE INDEX job_unique ON job (unique_key);
CREATE INDEX job_ready ON job (state, run_at, id);
CREATE INDEX job_serial ON job (serial_key, id);
CREATE TABLE idempotency (
  idempotency_key TEXT PRIMARY KEY, request_hash TEXT NOT NULL, status BIGINT NOT NULL,
  body TEXT NOT NULL, created_at BIGINT NOT NULL);
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let counters: Vec<String> = COUNTERS
            .iter()
            .map(|c| format!("{c} BIGINT NOT NULL DEFAULT 0"))
            .collect();
        crate::run(manager, SQL, &counters.join(", ")).await
    }
}
