//! Jobs: what workers have to do, with lease, fencing and back-off.
//!
//! A job is claimed by counting its attempt up; `(id, attempt)` is the fencing token. It is deleted in
//! the transaction of its effects. Leases run on the database's clock (on SQLite that is the
//! machine's), due times on the injected one.

use crate::tx::{count, micros, placeholders, rows};
use crate::{Db, DbError, Engine, Read, Tx};
use domain::clock::Timestamp;
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

/// A job to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// Identity: jobs of one serial key run in the order of their ids.
    pub id: Uuid,
    /// Which worker function.
    pub kind: &'static str,
    /// A second job of this key is dropped.
    pub unique_key: Option<String>,
    /// Jobs of one serial key run one after the other.
    pub serial_key: Option<String>,
    /// What the worker needs to know.
    pub payload: serde_json::Value,
    /// Not before.
    pub run_at: Timestamp,
    /// Higher first.
    pub priority: i64,
    /// Attempts before it is dead.
    pub max_attempts: i64,
}

/// A claimed job.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Job {
    /// Identity.
    pub id: String,
    /// Which worker function.
    pub kind: String,
    /// What the worker needs to know, JSON.
    pub payload: String,
    /// Which attempt this is, from 1: with `id` the fencing token.
    pub attempt: i64,
    /// Attempts before it is dead.
    pub max_attempts: i64,
    /// Jobs of one serial key run one after the other.
    pub serial_key: Option<String>,
}

pub(crate) fn database_clock(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        Engine::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
    }
}

/// Writes a job. `false`: one of the same unique key waits already.
pub async fn enqueue(tx: &Tx, job: &NewJob) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO job (id, kind, unique_key, serial_key, payload, run_at, priority, state, attempt, \
             max_attempts, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7,'ready',0,$8,$9) \
             ON CONFLICT (unique_key) DO NOTHING",
            vec![
                job.id.to_string().into(),
                job.kind.into(),
                job.unique_key.clone().into(),
                job.serial_key.clone().into(),
                job.payload.to_string().into(),
                micros(job.run_at).into(),
                job.priority.into(),
                job.max_attempts.into(),
                micros(tx.now()).into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// Writes a job for what may go on arriving, or puts the one that waits already off to `job.run_at`, at
/// the latest to `most` after it was first asked for. Its unique key is `key`, or `key` and a plus sign
/// while a job of that key runs. Whoever asks holds the waiting job until their transaction ends, so
/// that no run overlooks what they wrote.
pub async fn gather(
    tx: &Tx,
    job: &NewJob,
    key: &str,
    most: chrono::TimeDelta,
) -> Result<(), DbError> {
    let next = format!("{key}+");
    // The second time round somebody wrote one of these keys between the two statements.
    for _ in 0..2 {
        let moved = tx
            .exec(
                "UPDATE job SET run_at = CASE WHEN $1 < created_at + $2 THEN $1 ELSE created_at + $2 END \
                 WHERE unique_key IN ($3, $4) AND state = 'ready'",
                vec![
                    micros(job.run_at).into(),
                    most.num_microseconds().unwrap_or(i64::MAX / 2).into(),
                    key.into(),
                    next.clone().into(),
                ],
            )
            .await?;
        if moved > 0 {
            return Ok(());
        }
        for key in [key, &next] {
            let new = NewJob {
                unique_key: Some(key.to_owned()),
                ..job.clone()
            };
            if enqueue(tx, &new).await? {
                return Ok(());
            }
        }
    }
    // Both run, one of them without knowing that its lease has lapsed.
    let new = NewJob {
        unique_key: Some(format!("{key}+{}", job.id)),
        ..job.clone()
    };
    enqueue(tx, &new).await.map(|_| ())
}

/// Whether data is arriving that was sent before `before`: a file that is being read, or voices and
/// marks that nobody has looked at. What waits for another attempt at `now` does not count: nobody knows how long.
pub async fn arriving(db: &impl Read, before: Timestamp, now: Timestamp) -> Result<bool, DbError> {
    let n = count(
        db,
        "SELECT COUNT(*) AS n FROM job WHERE (kind = 'import' OR (kind IN ('analyse', 'rated') AND created_at < $1)) \
         AND (state = 'running' OR (state = 'ready' AND run_at <= $2))",
        vec![micros(before).into(), micros(now).into()],
    )
    .await?;
    Ok(n > 0)
}

/// Takes up to `free` jobs of `kinds` that are due at `now` or whose lease has lapsed.
/// Never more than can start at once: what is claimed and not started would wait for its lease.
pub async fn claim(
    db: &Db,
    kinds: &[&str],
    worker: &str,
    now: Timestamp,
    lease_seconds: i64,
    free: u64,
) -> Result<Vec<Job>, DbError> {
    if free == 0 || kinds.is_empty() {
        return Ok(Vec::new());
    }
    let clock = database_clock(db.engine());
    let lock = match db.engine() {
        Engine::Postgres => "FOR UPDATE SKIP LOCKED",
        Engine::Sqlite => "",
    };
    let mut values: Vec<Value> = vec![
        worker.into(),
        (lease_seconds * 1_000_000).into(),
        micros(now).into(),
        i64::try_from(free).unwrap_or(i64::MAX).into(),
    ];
    let list = placeholders(1, kinds.len(), values.len() + 1);
    values.extend(kinds.iter().map(|k| Value::from(*k)));
    let sql = format!(
        "UPDATE job SET state = 'running', attempt = attempt + 1, worker = $1, lease_until = {clock} + $2 \
         WHERE id IN (SELECT j.id FROM job j WHERE j.kind IN {list} \
         AND ((j.state = 'ready' AND j.run_at <= $3) OR (j.state = 'running' AND j.lease_until < {clock})) \
         AND (j.serial_key IS NULL OR NOT EXISTS (SELECT 1 FROM job e WHERE e.serial_key = j.serial_key \
         AND e.id < j.id AND e.state IN ('ready','running'))) \
         ORDER BY j.priority DESC, j.run_at, j.id LIMIT $4 {lock}) \
         RETURNING id, kind, payload, attempt, max_attempts, serial_key"
    );
    let tx = db.begin(now).await?;
    let claimed: Vec<Job> = rows(&tx, &sql, values).await?;
    tx.commit().await?;
    Ok(claimed)
}

/// Prolongs a lease. `false`: somebody else has the job now; stop.
pub async fn renew(
    db: &Db,
    job: &Job,
    lease_seconds: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let clock = database_clock(db.engine());
    let tx = db.begin(now).await?;
    let held = tx
        .exec(
            &format!(
                "UPDATE job SET lease_until = {clock} + $1 WHERE id = $2 AND attempt = $3 AND state = 'running'"
            ),
            vec![(lease_seconds * 1_000_000).into(), job.id.clone().into(), job.attempt.into()],
        )
        .await?;
    tx.commit().await?;
    Ok(held == 1)
}

/// Ends a job in the transaction of its effects. Fails when the job is no longer this attempt's: then
/// nothing of the transaction may be kept.
pub async fn complete(tx: &Tx, job: &Job) -> Result<(), DbError> {
    let ended = tx
        .exec(
            "DELETE FROM job WHERE id = $1 AND attempt = $2 AND state = 'running'",
            vec![job.id.clone().into(), job.attempt.into()],
        )
        .await?;
    if ended == 1 {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "job",
            id: job.id.clone(),
        })
    }
}

/// Gives a job back to be tried again at `run_at`, or ends it as dead.
pub async fn fail(
    tx: &Tx,
    job: &Job,
    error: &str,
    run_at: Option<Timestamp>,
) -> Result<(), DbError> {
    let (state, at) = match run_at {
        Some(at) => ("ready", micros(at)),
        None => ("dead", micros(tx.now())),
    };
    // A dead job gives its unique key free: the same work can be asked for again.
    tx.exec(
        "UPDATE job SET state = $1, run_at = $2, last_error = $3, lease_until = NULL, worker = NULL, \
         unique_key = CASE WHEN $1 = 'dead' THEN NULL ELSE unique_key END \
         WHERE id = $4 AND attempt = $5 AND state = 'running'",
        vec![
            state.into(),
            at.into(),
            error.chars().take(2000).collect::<String>().into(),
            job.id.clone().into(),
            job.attempt.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Gives a job back that was not tried: it may be tried as often as before.
pub async fn put_off(tx: &Tx, job: &Job, reason: &str, run_at: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "UPDATE job SET max_attempts = max_attempts + 1 WHERE id = $1 AND attempt = $2 AND state = 'running'",
        vec![job.id.clone().into(), job.attempt.into()],
    )
    .await?;
    fail(tx, job, reason, Some(run_at)).await
}

/// Drops the waiting job of a unique key. `false`: there is none, or it runs.
pub async fn cancel(tx: &Tx, unique_key: &str) -> Result<bool, DbError> {
    let dropped = tx
        .exec(
            "DELETE FROM job WHERE unique_key = $1 AND state = 'ready'",
            vec![unique_key.into()],
        )
        .await?;
    Ok(dropped == 1)
}

/// Drops waiting jobs whose unique key begins so. `prefix` holds no `%` and no `_`.
pub async fn cancel_all(tx: &Tx, prefix: &str) -> Result<(), DbError> {
    tx.exec(
        "DELETE FROM job WHERE unique_key LIKE $1 AND state = 'ready'",
        vec![format!("{prefix}%").into()],
    )
    .await?;
    Ok(())
}

/// Whether a job still waits or runs.
pub async fn is_pending(db: &impl Read, id: Uuid) -> Result<bool, DbError> {
    let n = count(
        db,
        "SELECT COUNT(*) AS n FROM job WHERE id = $1 AND state <> 'dead'",
        vec![id.to_string().into()],
    )
    .await?;
    Ok(n > 0)
}

/// How many jobs stand in each state, by kind.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Backlog {
    /// Kind of job.
    pub kind: String,
    /// `ready`, `running` or `dead`.
    pub state: String,
    /// How many.
    pub n: i64,
}

/// Counts jobs by kind and state.
pub async fn backlog(db: &impl Read) -> Result<Vec<Backlog>, DbError> {
    rows(
        db,
        "SELECT kind, state, COUNT(*) AS n FROM job GROUP BY kind, state ORDER BY kind, state",
        vec![],
    )
    .await
}
