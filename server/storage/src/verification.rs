//! Verdicts, each kept: the history of a task's verdicts is never overwritten.

use crate::tx::{Document, json, micros, one, parse, rows};
use crate::{DbError, Read, Tx};
use domain::ids::TaskId;
use domain::verification::Verification;
use uuid::Uuid;

/// Keeps a verdict.
pub async fn insert(
    tx: &Tx,
    id: Uuid,
    task: TaskId,
    verification: &Verification,
) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO verification (id, task_id, verdict, data, computed_at) VALUES ($1,$2,$3,$4,$5)",
        vec![
            id.to_string().into(),
            task.to_string().into(),
            verification.verdict.as_str().into(),
            json(verification).into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Tasks that were proven: `recovered` is not.
pub async fn improved(db: &impl Read) -> Result<i64, DbError> {
    crate::tx::count(
        db,
        "SELECT COUNT(DISTINCT task_id) AS n FROM verification WHERE verdict = 'improved'",
        vec![],
    )
    .await
}

/// The latest verdict of a task.
pub async fn latest(db: &impl Read, task: TaskId) -> Result<Option<Verification>, DbError> {
    let sql = "SELECT data FROM verification WHERE task_id = $1 ORDER BY computed_at DESC, id DESC LIMIT 1";
    match one::<Document>(db, sql, vec![task.to_string().into()]).await? {
        Some(row) => parse("verification", &task.to_string(), &row.data).map(Some),
        None => Ok(None),
    }
}

/// All verdicts of a task, oldest first.
pub async fn history(db: &impl Read, task: TaskId) -> Result<Vec<Verification>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT data FROM verification WHERE task_id = $1 ORDER BY computed_at, id LIMIT 200",
        vec![task.to_string().into()],
    )
    .await?;
    found
        .iter()
        .map(|r| parse("verification", &task.to_string(), &r.data))
        .collect()
}
