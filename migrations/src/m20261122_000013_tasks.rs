//! What happens to tasks by themselves: escalation, absence, refusals, proposed owner rules.

#![expect(elided_lifetimes_in_paths, reason = "the trait's signature elides it")]

use sea_orm_migration::prelude::*;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000013_tasks"
    }
}

/// `escalation`: one row a task, the chain of its present owner; `seq` counts its timers, so that a timer
/// that runs can write the next. `escalation_step`: what was done, once for each thing that was waited for.
/// `task_offer`: who was asked when. Versions of policies stay as long as a task may hold to them.
const SQL: &str = r"
CREATE TABLE escalation_policy (key TEXT PRIMARY KEY, data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE escalation_policy_version (
  key TEXT NOT NULL, version BIGINT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (key, version));
CREATE TABLE escalation (
  task_id TEXT PRIMARY KEY, assignment BIGINT NOT NULL, policy_key TEXT NOT NULL, policy_version BIGINT NOT NULL,
  next_at BIGINT, seq BIGINT NOT NULL);
CREATE INDEX escalation_next ON escalation (next_at);
CREATE TABLE escalation_step (
  task_id TEXT NOT NULL, assignment BIGINT NOT NULL, step BIGINT NOT NULL, base BIGINT NOT NULL, n BIGINT NOT NULL,
  planned_at BIGINT NOT NULL, fired_at BIGINT NOT NULL, late_by BIGINT NOT NULL, missed BIGINT NOT NULL,
  step_when TEXT NOT NULL, action TEXT NOT NULL, recipient TEXT NOT NULL, outcome TEXT NOT NULL,
  PRIMARY KEY (task_id, assignment, step, base, n));
CREATE TABLE task_offer (
  task_id TEXT NOT NULL, assignment BIGINT NOT NULL, department TEXT NOT NULL, owner_email TEXT NOT NULL,
  topic TEXT NOT NULL, offered_at BIGINT NOT NULL, PRIMARY KEY (task_id, assignment));
CREATE INDEX task_offer_at ON task_offer (offered_at);
CREATE TABLE task_refusal (
  task_id TEXT NOT NULL, hop BIGINT NOT NULL, at BIGINT NOT NULL, department TEXT NOT NULL, to_department TEXT,
  kind TEXT NOT NULL, reason TEXT NOT NULL, topic TEXT NOT NULL, ping_pong BOOLEAN NOT NULL,
  PRIMARY KEY (task_id, hop));
CREATE INDEX task_refusal_at ON task_refusal (at);
CREATE TABLE absence (
  key TEXT PRIMARY KEY, email TEXT NOT NULL, start_at BIGINT NOT NULL, end_at BIGINT NOT NULL,
  data TEXT NOT NULL, version BIGINT NOT NULL);
CREATE INDEX absence_end ON absence (end_at);
CREATE TABLE owner_rule_proposal (
  id TEXT PRIMARY KEY, topic TEXT NOT NULL, department TEXT NOT NULL, state TEXT NOT NULL, data TEXT NOT NULL,
  created_at BIGINT NOT NULL);
CREATE INDEX owner_rule_proposal_state ON owner_rule_proposal (state, id);
CREATE INDEX task_owner ON task (owner_email, state);
INSERT INTO task_offer (task_id, assignment, department, owner_email, topic, offered_at)
  SELECT id, 1, department, owner_email, topic, created_at FROM task
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SQL, "").await
    }
}
