//! Imports: a file, how far it was read, and the rows that were refused.

use crate::tx::{Document, Page, json, micros, one, parse, placeholders, rows};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};

/// One import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Import {
    /// Identity.
    pub id: String,
    /// Channel of its voices.
    pub channel: String,
    /// Name of the file.
    pub file_name: String,
    /// `running`, `done` or `failed`.
    pub state: String,
    /// Rows read so far.
    pub rows: i64,
    /// New voices.
    pub accepted: i64,
    /// Voices with new content.
    pub updated: i64,
    /// Voices that were there already.
    pub duplicates: i64,
    /// Rows refused.
    pub rejected: i64,
    /// Voices without a time.
    pub undated: i64,
    /// Why it failed.
    pub error: Option<String>,
    /// How columns map to fields; empty: guessed.
    pub mapping: serde_json::Value,
    /// Time for rows without one.
    pub occurred_at: Option<String>,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// Writes a new import with its file.
pub async fn insert(tx: &Tx, import: &Import, content: &[u8]) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO import (id, state, data, position, created_at) VALUES ($1,$2,$3,0,$4)",
        vec![
            import.id.clone().into(),
            import.state.clone().into(),
            json(import).into(),
            micros(import.created_at).into(),
        ],
    )
    .await?;
    tx.exec(
        "INSERT INTO import_file (import_id, content) VALUES ($1,$2)",
        vec![import.id.clone().into(), content.to_vec().into()],
    )
    .await?;
    Ok(())
}

/// The import of that id and how many rows of its file are done.
pub async fn get(db: &impl Read, id: &str) -> Result<Option<(Import, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        data: String,
        position: i64,
    }
    let row: Option<Row> = one(
        db,
        "SELECT data, position FROM import WHERE id = $1",
        vec![id.into()],
    )
    .await?;
    row.map(|r| Ok((parse("import", id, &r.data)?, r.position)))
        .transpose()
}

/// The bytes of an import's file.
pub async fn file(db: &impl Read, id: &str) -> Result<Option<Vec<u8>>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        content: Vec<u8>,
    }
    let row: Option<Row> = one(
        db,
        "SELECT content FROM import_file WHERE import_id = $1",
        vec![id.into()],
    )
    .await?;
    Ok(row.map(|r| r.content))
}

/// A row that was refused.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Rejected {
    /// Number of the row in the file, from 1.
    pub row: i64,
    /// Stable code.
    pub code: String,
    /// For people.
    pub detail: String,
    /// The row as it stood, personal data masked.
    pub raw: String,
}

/// Moves an import on from `from` to `to` rows, in the transaction that wrote their voices. Fails when
/// somebody else has moved it: then nothing of the transaction may be kept.
pub async fn advance(
    tx: &Tx,
    import: &Import,
    from: i64,
    to: i64,
    rejected: &[Rejected],
) -> Result<(), DbError> {
    let moved = tx
        .exec(
            "UPDATE import SET state = $1, data = $2, position = $3 WHERE id = $4 AND position = $5",
            vec![
                import.state.clone().into(),
                json(import).into(),
                to.into(),
                import.id.clone().into(),
                from.into(),
            ],
        )
        .await?;
    if moved != 1 {
        return Err(DbError::Stale {
            table: "import",
            id: import.id.clone(),
        });
    }
    for chunk in rejected.chunks(500) {
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 5);
        for r in chunk {
            values.extend([
                Value::from(import.id.clone()),
                r.row.into(),
                r.code.clone().into(),
                r.detail.clone().into(),
                r.raw.clone().into(),
            ]);
        }
        let sql = format!(
            "INSERT INTO import_rejected (import_id, row, code, detail, raw) VALUES {} \
             ON CONFLICT (import_id, row) DO NOTHING",
            placeholders(chunk.len(), 5, 1)
        );
        tx.exec(&sql, values).await?;
    }
    if import.state != "running" {
        tx.exec(
            "DELETE FROM import_file WHERE import_id = $1",
            vec![import.id.clone().into()],
        )
        .await?;
    }
    Ok(())
}

/// Rows that were refused, in their order.
pub async fn rejected(db: &impl Read, id: &str) -> Result<Vec<Rejected>, DbError> {
    rows(
        db,
        "SELECT row, code, detail, raw FROM import_rejected WHERE import_id = $1 ORDER BY row LIMIT 100000",
        vec![id.into()],
    )
    .await
}

/// Imports, newest first.
pub async fn list(
    db: &impl Read,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Import>, DbError> {
    let mut values: Vec<Value> = vec![i64::try_from(limit + 1).unwrap_or(i64::MAX).into()];
    let mut sql = "SELECT data FROM import".to_owned();
    if let Some(after) = after {
        values.push(after.into());
        sql.push_str(" WHERE id < $2");
    }
    sql.push_str(" ORDER BY id DESC LIMIT $1");
    let found: Vec<Document> = rows(db, &sql, values).await?;
    let all: Vec<Import> = found
        .iter()
        .map(|r| parse("import", "", &r.data))
        .collect::<Result<_, _>>()?;
    Ok(Page::cut(all, limit, |i| i.id.clone()))
}
