//! The append-only history: who did what to what, when.

use crate::tx::{json, micros, parse, rows, timestamp};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use domain::identity::Actor;
use sea_orm::FromQueryResult;
use uuid::Uuid;

/// One line of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What, past tense: `task.accepted`.
    pub kind: String,
    /// Details.
    pub data: serde_json::Value,
}

/// Appends a line about `subject` (`issue`, `task`, …).
pub async fn record(
    tx: &Tx,
    id: Uuid,
    subject: &str,
    subject_id: &str,
    kind: &str,
    actor: &Actor,
    data: &serde_json::Value,
) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO event (id, subject, subject_id, kind, actor, data, at) VALUES ($1,$2,$3,$4,$5,$6,$7)",
        vec![
            id.to_string().into(),
            subject.into(),
            subject_id.into(),
            kind.into(),
            json(actor).into(),
            data.to_string().into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    Ok(())
}

/// The history of one object, oldest first.
pub async fn of(db: &impl Read, subject: &str, subject_id: &str) -> Result<Vec<Event>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        id: String,
        kind: String,
        actor: String,
        data: String,
        at: i64,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT id, kind, actor, data, at FROM event WHERE subject = $1 AND subject_id = $2 ORDER BY id LIMIT 1000",
        vec![subject.into(), subject_id.into()],
    )
    .await?;
    found
        .into_iter()
        .map(|row| {
            Ok(Event {
                at: timestamp(row.at),
                actor: parse("event", &row.id, &row.actor)?,
                kind: row.kind,
                data: parse("event", &row.id, &row.data)?,
            })
        })
        .collect()
}
