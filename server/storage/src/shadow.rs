//! Shadows: a classifier that reads along without having a say, and what it would change.

use crate::tx::{json, one, parse, rows};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// What a shadow has seen so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Voices of the past to look at.
    pub wanted: i64,
    /// Voices looked at, past and live.
    pub looked_at: i64,
    /// Voices that would get another topic.
    pub changed: i64,
    /// Voices that would get another sentiment.
    pub sentiment_changed: i64,
    /// Voices that it could not read.
    pub failed: i64,
    /// Why it stopped.
    #[serde(default)]
    pub error: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
}

/// A classifier that reads along.
#[derive(Clone, Debug, PartialEq)]
pub struct Shadow {
    /// The classifier.
    pub plugin_id: String,
    /// The active one when it began.
    pub against_id: String,
    /// `running` or `ended`.
    pub state: String,
    /// What it has seen.
    pub seen: Seen,
    /// The last voice looked at.
    pub position: String,
    /// Counts steps.
    pub version: i64,
}

#[derive(FromQueryResult)]
struct Row {
    plugin_id: String,
    against_id: String,
    state: String,
    data: String,
    position: String,
    version: i64,
}

/// The shadow of a classifier.
pub async fn get(db: &impl Read, plugin_id: &str) -> Result<Option<Shadow>, DbError> {
    let row: Option<Row> = one(
        db,
        "SELECT plugin_id, against_id, state, data, position, version FROM shadow WHERE plugin_id = $1",
        vec![plugin_id.into()],
    )
    .await?;
    row.map(|r| {
        Ok(Shadow {
            seen: parse("shadow", &r.plugin_id, &r.data)?,
            plugin_id: r.plugin_id,
            against_id: r.against_id,
            state: r.state,
            position: r.position,
            version: r.version,
        })
    })
    .transpose()
}

/// The voice before the last `voices` of them: where a shadow begins.
pub async fn position(db: &impl Read, voices: i64) -> Result<String, DbError> {
    #[derive(FromQueryResult)]
    struct Id {
        id: String,
    }
    let row: Option<Id> = one(
        db,
        "SELECT id FROM feedback ORDER BY id DESC LIMIT 1 OFFSET $1",
        vec![voices.into()],
    )
    .await?;
    Ok(row.map(|r| r.id).unwrap_or_default())
}

/// Begins anew: what was seen before is forgotten.
pub async fn begin(tx: &Tx, shadow: &Shadow) -> Result<(), DbError> {
    tx.exec(
        "DELETE FROM shadow_move WHERE plugin_id = $1",
        vec![shadow.plugin_id.clone().into()],
    )
    .await?;
    tx.exec(
        "INSERT INTO shadow (plugin_id, against_id, state, data, position, version) VALUES ($1,$2,$3,$4,$5,1) \
         ON CONFLICT (plugin_id) DO UPDATE SET against_id = excluded.against_id, state = excluded.state, \
         data = excluded.data, position = excluded.position, version = shadow.version + 1",
        vec![
            shadow.plugin_id.clone().into(),
            shadow.against_id.clone().into(),
            shadow.state.clone().into(),
            json(&shadow.seen).into(),
            shadow.position.clone().into(),
        ],
    )
    .await?;
    Ok(())
}

/// Moves a shadow on, with the voices that would change: (topic now, topic then, how many). Fails when somebody
/// else has moved it: then nothing of the transaction may be kept.
pub async fn advance(
    tx: &Tx,
    shadow: &Shadow,
    moves: &[(String, String, i64)],
) -> Result<(), DbError> {
    let moved = tx
        .exec(
            "UPDATE shadow SET state = $1, data = $2, position = $3, version = version + 1 \
             WHERE plugin_id = $4 AND version = $5",
            vec![
                shadow.state.clone().into(),
                json(&shadow.seen).into(),
                shadow.position.clone().into(),
                shadow.plugin_id.clone().into(),
                shadow.version.into(),
            ],
        )
        .await?;
    if moved != 1 {
        return Err(DbError::Stale {
            table: "shadow",
            id: shadow.plugin_id.clone(),
        });
    }
    for (from, to, n) in moves {
        tx.exec(
            "INSERT INTO shadow_move (plugin_id, from_topic, to_topic, n) VALUES ($1,$2,$3,$4) \
             ON CONFLICT (plugin_id, from_topic, to_topic) DO UPDATE SET n = shadow_move.n + excluded.n",
            vec![
                shadow.plugin_id.clone().into(),
                from.clone().into(),
                to.clone().into(),
                (*n).into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Ends the shadow of a classifier.
pub async fn end(tx: &Tx, plugin_id: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE shadow SET state = 'ended', version = version + 1 WHERE plugin_id = $1 AND state = 'running'",
        vec![plugin_id.into()],
    )
    .await?;
    Ok(())
}

/// How many voices went from one topic to another (or stayed: both are the same), by topic; an empty topic
/// is none.
pub async fn moves(db: &impl Read, plugin_id: &str) -> Result<Vec<(String, String, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Move {
        from_topic: String,
        to_topic: String,
        n: i64,
    }
    let found: Vec<Move> = rows(
        db,
        "SELECT from_topic, to_topic, n FROM shadow_move WHERE plugin_id = $1 ORDER BY from_topic, to_topic",
        vec![plugin_id.into()],
    )
    .await?;
    Ok(found
        .into_iter()
        .map(|m| (m.from_topic, m.to_topic, m.n))
        .collect())
}
