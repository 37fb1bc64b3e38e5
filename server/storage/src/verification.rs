//! Verdicts: the present one of each task, every one that differed from the one before it, and the
//! monthly statements.

use crate::tx::{Document, json, micros, one, parse, rows};
use crate::{DbError, Read, Tx};
use domain::ids::TaskId;
use domain::verification::Verification;
use sea_orm::FromQueryResult;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Keeps the present result of a task in the place of the one before.
pub async fn put(tx: &Tx, task: TaskId, verification: &Verification) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO verdict_now (task_id, verdict, data, computed_at) VALUES ($1,$2,$3,$4) \
         ON CONFLICT (task_id) DO UPDATE SET verdict = excluded.verdict, data = excluded.data, \
         computed_at = excluded.computed_at",
        vec![
            task.to_string().into(),
            verification.verdict.as_str().into(),
            json(verification).into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Adds a result to the history of a task: nothing there is ever overwritten.
pub async fn append(
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

/// Tasks that are proven: `recovered` is not.
pub async fn improved(db: &impl Read) -> Result<i64, DbError> {
    crate::tx::count(
        db,
        "SELECT COUNT(*) AS n FROM verdict_now WHERE verdict = 'improved'",
        vec![],
    )
    .await
}

/// The present result of a task.
pub async fn latest(db: &impl Read, task: TaskId) -> Result<Option<Verification>, DbError> {
    let sql = "SELECT data FROM verdict_now WHERE task_id = $1";
    match one::<Document>(db, sql, vec![task.to_string().into()]).await? {
        Some(row) => parse("verdict_now", &task.to_string(), &row.data).map(Some),
        None => Ok(None),
    }
}

/// The results of a task that differed from the one before, oldest first.
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

/// Freezes what a task's statement of a closed month says (`YYYY-MM`). `false`: it was frozen before,
/// and stays as it was.
pub async fn freeze(
    tx: &Tx,
    task: TaskId,
    month: &str,
    statement: &impl Serialize,
) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO statement (task_id, month, data, frozen_at) VALUES ($1,$2,$3,$4) \
             ON CONFLICT (task_id, month) DO NOTHING",
            vec![
                task.to_string().into(),
                month.into(),
                json(statement).into(),
                micros(tx.now()).into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// The frozen statements of a task, oldest month first, with their months.
pub async fn statements<T: DeserializeOwned>(
    db: &impl Read,
    task: TaskId,
) -> Result<Vec<(String, T)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        month: String,
        data: String,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT month, data FROM statement WHERE task_id = $1 ORDER BY month",
        vec![task.to_string().into()],
    )
    .await?;
    found
        .into_iter()
        .map(|r| {
            let read = parse("statement", &task.to_string(), &r.data)?;
            Ok((r.month, read))
        })
        .collect()
}

/// The frozen statements of a month, by task.
pub async fn statements_of<T: DeserializeOwned>(
    db: &impl Read,
    month: &str,
) -> Result<Vec<(String, T)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        task_id: String,
        data: String,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT task_id, data FROM statement WHERE month = $1 ORDER BY task_id",
        vec![month.into()],
    )
    .await?;
    found
        .into_iter()
        .map(|r| {
            let read = parse("statement", &r.task_id, &r.data)?;
            Ok((r.task_id, read))
        })
        .collect()
}

/// Topics of issues that are not solved: what happens there is no measure for others.
pub async fn alarmed_topics(db: &impl Read) -> Result<Vec<String>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        topic: String,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT DISTINCT topic FROM issue WHERE state NOT IN ('resolved','dismissed') ORDER BY topic",
        vec![],
    )
    .await?;
    Ok(found.into_iter().map(|r| r.topic).collect())
}
