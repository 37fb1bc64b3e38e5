//! What happens to tasks by themselves: chains, steps that were done, offers; and who is away.

use crate::organisation::Keyed;
use crate::queue;
use crate::tx::{Document, json, micros, one, parse, rows, timestamp};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use domain::ids::TaskId;
use domain::tasks::Task;
use domain::tasks::absence::Absence;
use domain::tasks::escalation::{DEFAULT, Fired, Policy};
use sea_orm::{FromQueryResult, Value};

impl Keyed for Policy {
    const TABLE: &'static str = "escalation_policy";
    fn key(&self) -> &str {
        &self.key
    }
    fn with_version(self, version: i64) -> Self {
        Self { version, ..self }
    }
}

impl Keyed for Absence {
    const TABLE: &'static str = "absence";
    fn key(&self) -> &str {
        &self.key
    }
    fn with_version(self, version: i64) -> Self {
        Self { version, ..self }
    }
    fn columns(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("email", self.email.clone().into()),
            ("start_at", micros(self.start()).into()),
            ("end_at", micros(self.end()).into()),
        ]
    }
}

/// Absences that end after `at`, by their end.
pub async fn absences(db: &impl Read, at: Timestamp, limit: u64) -> Result<Vec<Absence>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT data FROM absence WHERE end_at > $1 ORDER BY end_at, key LIMIT $2",
        vec![
            micros(at).into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    found
        .iter()
        .map(|row| parse("absence", "", &row.data))
        .collect()
}

/// Makes sure that a policy's version can be read as long as a task may hold to it. Versions do not change.
pub async fn keep_version(tx: &Tx, policy: &Policy) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO escalation_policy_version (key, version, data) VALUES ($1,$2,$3) \
         ON CONFLICT (key, version) DO NOTHING",
        vec![
            policy.key.clone().into(),
            policy.version.into(),
            json(policy).into(),
        ],
    )
    .await?;
    Ok(())
}

/// The highest version that a key ever had.
pub async fn last_version(db: &impl Read, key: &str) -> Result<i64, DbError> {
    crate::tx::count(
        db,
        "SELECT MAX(version) AS n FROM escalation_policy_version WHERE key = $1",
        vec![key.into()],
    )
    .await
}

/// A version of a policy.
pub async fn version(db: &impl Read, key: &str, version: i64) -> Result<Option<Policy>, DbError> {
    let sql = "SELECT data FROM escalation_policy_version WHERE key = $1 AND version = $2";
    match one::<Document>(db, sql, vec![key.into(), version.into()]).await? {
        // Of the policy in the box only steps at its end differ from one release to the next.
        Some(_) if key == DEFAULT && version == 0 => Ok(Some(Policy::in_the_box())),
        Some(row) => parse("escalation_policy_version", key, &row.data).map(Some),
        None => Ok(None),
    }
}

/// The chain of a task's present owner.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Chain {
    /// Which offer it belongs to.
    pub assignment: i64,
    /// The policy that it holds to.
    pub policy_key: String,
    /// Its version.
    pub policy_version: i64,
    /// When to look again, microseconds; `None`: nothing is waited for.
    pub next_at: Option<i64>,
    /// Counts timers.
    pub seq: i64,
}

/// The chain of a task.
pub async fn chain(db: &impl Read, task: TaskId) -> Result<Option<Chain>, DbError> {
    one(
        db,
        "SELECT assignment, policy_key, policy_version, next_at, seq FROM escalation WHERE task_id = $1",
        vec![task.to_string().into()],
    )
    .await
}

/// Begins the chain of a task's present owner, in the place of any earlier one, and notes the offer.
pub async fn begin(tx: &Tx, task: &Task, policy: &Policy) -> Result<(), DbError> {
    keep_version(tx, policy).await?;
    tx.exec(
        "INSERT INTO escalation (task_id, assignment, policy_key, policy_version, seq) VALUES ($1,$2,$3,$4,0) \
         ON CONFLICT (task_id) DO UPDATE SET assignment = excluded.assignment, \
         policy_key = excluded.policy_key, policy_version = excluded.policy_version",
        vec![
            task.id.to_string().into(),
            task.assignment.into(),
            policy.key.clone().into(),
            policy.version.into(),
        ],
    )
    .await?;
    tx.exec(
        "INSERT INTO task_offer (task_id, assignment, department, owner_email, topic, offered_at) \
         VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT (task_id, assignment) DO NOTHING",
        vec![
            task.id.to_string().into(),
            task.assignment.into(),
            task.department.clone().into(),
            task.owner.email.clone().into(),
            task.topic.clone().into(),
            micros(task.since.unwrap_or(task.created_at)).into(),
        ],
    )
    .await?;
    Ok(())
}

fn timer(task: TaskId, seq: i64) -> String {
    format!("escalate:{task}:{seq}")
}

/// Puts a task's timer at `next`, in the place of the one that waits. The row is held until the
/// transaction ends: two that set it follow each other.
pub async fn rearm(
    tx: &Tx,
    task: TaskId,
    next: Option<Timestamp>,
    job: &queue::NewJob,
) -> Result<(), DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        seq: i64,
    }
    let sql = "UPDATE escalation SET next_at = $1, seq = seq + 1 WHERE task_id = $2 RETURNING seq";
    let values = vec![next.map(micros).into(), task.to_string().into()];
    let Some(Row { seq }) = one(tx, sql, values).await? else {
        return Ok(());
    };
    queue::cancel(tx, &timer(task, seq - 1)).await?;
    if let Some(at) = next {
        let job = queue::NewJob {
            unique_key: Some(timer(task, seq)),
            run_at: at,
            ..job.clone()
        };
        queue::enqueue(tx, &job).await?;
    }
    Ok(())
}

/// A step that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Which offer.
    pub assignment: i64,
    /// Place in the policy, number, and what it counted from.
    pub fired: Fired,
    /// When its wait was over.
    pub planned_at: Timestamp,
    /// Seconds between when it could have been done and when it was.
    pub late_by: i64,
    /// Earlier times that this one stands for.
    pub missed: i64,
    /// What it waited for.
    pub when: String,
    /// What it does.
    pub action: String,
    /// Who was written to or got the task; empty: nobody is known.
    pub recipient: String,
    /// `done`, or who stood in for whom: `voc_owner_instead`, `nobody`.
    pub outcome: String,
}

/// Writes down that a step was done. `false`: it was done before.
pub async fn done(tx: &Tx, task: TaskId, step: &Done) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO escalation_step (task_id, assignment, step, base, n, planned_at, fired_at, late_by, missed, \
             step_when, action, recipient, outcome) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) \
             ON CONFLICT (task_id, assignment, step, base, n) DO NOTHING",
            vec![
                task.to_string().into(),
                step.assignment.into(),
                i64::try_from(step.fired.step).unwrap_or(i64::MAX).into(),
                micros(step.fired.base).into(),
                i64::from(step.fired.n).into(),
                micros(step.planned_at).into(),
                micros(step.fired.at).into(),
                step.late_by.into(),
                step.missed.into(),
                step.when.clone().into(),
                step.action.clone().into(),
                step.recipient.clone().into(),
                step.outcome.clone().into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// The steps that were done for a task, in their order; of one offer, or of all.
pub async fn steps(
    db: &impl Read,
    task: TaskId,
    assignment: Option<i64>,
) -> Result<Vec<Done>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        assignment: i64,
        step: i64,
        base: i64,
        n: i64,
        planned_at: i64,
        fired_at: i64,
        late_by: i64,
        missed: i64,
        step_when: String,
        action: String,
        recipient: String,
        outcome: String,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT assignment, step, base, n, planned_at, fired_at, late_by, missed, step_when, action, recipient, \
         outcome FROM escalation_step WHERE task_id = $1 AND ($2 < 0 OR assignment = $2) \
         ORDER BY fired_at, planned_at, step LIMIT 1000",
        vec![task.to_string().into(), assignment.unwrap_or(-1).into()],
    )
    .await?;
    Ok(found
        .into_iter()
        .map(|r| Done {
            assignment: r.assignment,
            fired: Fired {
                step: usize::try_from(r.step).unwrap_or(usize::MAX),
                n: u8::try_from(r.n).unwrap_or(u8::MAX),
                base: timestamp(r.base),
                at: timestamp(r.fired_at),
            },
            planned_at: timestamp(r.planned_at),
            late_by: r.late_by,
            missed: r.missed,
            when: r.step_when,
            action: r.action,
            recipient: r.recipient,
            outcome: r.outcome,
        })
        .collect())
}

/// Open tasks without a chain: from before there were any.
pub async fn without_chain(db: &impl Read, limit: u64) -> Result<Vec<Task>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT t.data FROM task t WHERE t.state IN ('assigned','accepted','in_progress') \
         AND NOT EXISTS (SELECT 1 FROM escalation e WHERE e.task_id = t.id) ORDER BY t.id LIMIT $1",
        vec![i64::try_from(limit).unwrap_or(i64::MAX).into()],
    )
    .await?;
    found.iter().map(|r| parse("task", "", &r.data)).collect()
}

/// Tasks whose time has come since `before` and whose timer is gone: a dead job, a row from a backup.
pub async fn without_timer(db: &impl Read, before: Timestamp) -> Result<Vec<String>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        task_id: String,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT e.task_id FROM escalation e WHERE e.next_at IS NOT NULL AND e.next_at <= $1 \
         AND NOT EXISTS (SELECT 1 FROM job j WHERE j.unique_key = 'escalate:' || e.task_id || ':' || e.seq) \
         ORDER BY e.next_at LIMIT 1000",
        vec![micros(before).into()],
    )
    .await?;
    Ok(found.into_iter().map(|r| r.task_id).collect())
}

/// Addresses of everybody who was offered a task.
pub async fn asked(db: &impl Read, task: TaskId) -> Result<Vec<String>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT owner_email AS data FROM task_offer WHERE task_id = $1 ORDER BY assignment LIMIT 1000",
        vec![task.to_string().into()],
    )
    .await?;
    Ok(found.into_iter().map(|row| row.data).collect())
}

/// Unanswered tasks of a person behind the id `after`, the oldest first.
pub async fn unanswered(
    db: &impl Read,
    email: &str,
    after: &str,
    limit: u64,
) -> Result<Vec<Task>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT data FROM task WHERE owner_email = $1 AND state = 'assigned' AND id > $2 ORDER BY id LIMIT $3",
        vec![
            email.into(),
            after.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    found.iter().map(|r| parse("task", "", &r.data)).collect()
}
