//! Where topics stand, how they came there, and what people decided instead.

use crate::tx::{Document, json, micros, one, parse, placeholders, rows, timestamp};
use crate::{DbError, Read, Tx};
use chrono::NaiveDate;
use domain::clock::Timestamp;
use domain::identity::Actor;
use domain::ids::IssueId;
use domain::issues::quadrant::{Drawn, Move, Quadrant};
use sea_orm::{FromQueryResult, Value};
use std::collections::BTreeMap;
use std::str::FromStr;
use uuid::Uuid;

/// Where a topic stands, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Where.
    pub quadrant: Quadrant,
    /// Since when.
    pub since: Timestamp,
}

/// Where every topic stands that was ever placed.
pub async fn stands(db: &impl Read) -> Result<BTreeMap<String, Stand>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        topic: String,
        quadrant: String,
        seen_at: i64,
    }
    let sql = "SELECT topic, quadrant, seen_at FROM quadrant_seen";
    let found: Vec<Row> = rows(db, sql, vec![]).await?;
    Ok(found
        .into_iter()
        .filter_map(|r| {
            let stand = Stand {
                quadrant: Quadrant::parse(&r.quadrant)?,
                since: timestamp(r.seen_at),
            };
            Some((r.topic, stand))
        })
        .collect())
}

/// A move as it was written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// When it was noticed.
    pub at: Timestamp,
    /// The organisation's day of it.
    pub day: NaiveDate,
    /// From where to where, and why.
    pub step: Move,
}

/// Writes a move down and where the topic stands now.
pub async fn moved(tx: &Tx, id: Uuid, day: NaiveDate, step: &Move) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO quadrant_move (id, topic, from_quadrant, to_quadrant, day, data, at) \
         VALUES ($1,$2,$3,$4,$5,$6,$7)",
        vec![
            id.to_string().into(),
            step.topic.clone().into(),
            step.from.map(Quadrant::as_str).into(),
            step.to.as_str().into(),
            day.to_string().into(),
            json(step).into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    tx.exec(
        "INSERT INTO quadrant_seen (topic, quadrant, seen_at) VALUES ($1,$2,$3) \
         ON CONFLICT (topic) DO UPDATE SET quadrant = excluded.quadrant, seen_at = excluded.seen_at",
        vec![
            step.topic.clone().into(),
            step.to.as_str().into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Moves on or after a day, oldest first; of one topic or of all.
pub async fn moves(
    db: &impl Read,
    topic: Option<&str>,
    since: NaiveDate,
) -> Result<Vec<Moved>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        id: String,
        day: String,
        data: String,
        at: i64,
    }
    let mut values: Vec<Value> = vec![since.to_string().into()];
    let mut sql = "SELECT id, day, data, at FROM quadrant_move WHERE day >= $1".to_owned();
    if let Some(topic) = topic {
        values.push(topic.into());
        sql.push_str(" AND topic = $2");
    }
    sql.push_str(" ORDER BY at, id LIMIT 5000");
    let found: Vec<Row> = rows(db, &sql, values).await?;
    found
        .into_iter()
        .map(|r| {
            Ok(Moved {
                at: timestamp(r.at),
                day: NaiveDate::from_str(&r.day).map_err(|e| DbError::Corrupt {
                    table: "quadrant_move",
                    column: "day",
                    id: r.id.clone(),
                    detail: e.to_string(),
                })?,
                step: parse("quadrant_move", &r.id, &r.data)?,
            })
        })
        .collect()
}

/// The lines that were drawn last.
pub async fn lines(db: &impl Read) -> Result<Option<Drawn>, DbError> {
    let sql = "SELECT data FROM quadrant_lines ORDER BY month DESC LIMIT 1";
    match one::<Document>(db, sql, vec![]).await? {
        Some(row) => parse("quadrant_lines", "", &row.data).map(Some),
        None => Ok(None),
    }
}

/// Freezes the lines of a month, in place of those that it had.
pub async fn freeze(tx: &Tx, drawn: &Drawn) -> Result<(), DbError> {
    let month = drawn.on.format("%Y-%m").to_string();
    tx.exec(
        "INSERT INTO quadrant_lines (month, data, drawn_at) VALUES ($1,$2,$3) \
         ON CONFLICT (month) DO UPDATE SET data = excluded.data, drawn_at = excluded.drawn_at",
        vec![month.into(), json(drawn).into(), micros(tx.now()).into()],
    )
    .await?;
    Ok(())
}

/// What a person decided about an issue.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// The issue.
    pub issue: String,
    /// Where it stands until it is released.
    pub quadrant: Quadrant,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}

/// The decisions about these issues.
pub async fn overrides(db: &impl Read, issues: &[String]) -> Result<Vec<Override>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        issue_id: String,
        quadrant: String,
        reason: String,
        actor: String,
        at: i64,
    }
    if issues.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT issue_id, quadrant, reason, actor, at FROM quadrant_override WHERE issue_id IN {}",
        placeholders(1, issues.len(), 1)
    );
    let values = issues.iter().map(|i| Value::from(i.clone())).collect();
    let found: Vec<Row> = rows(db, &sql, values).await?;
    found
        .into_iter()
        .map(|r| {
            Ok(Override {
                quadrant: Quadrant::parse(&r.quadrant).ok_or_else(|| DbError::Corrupt {
                    table: "quadrant_override",
                    column: "quadrant",
                    id: r.issue_id.clone(),
                    detail: r.quadrant.clone(),
                })?,
                actor: parse("quadrant_override", &r.issue_id, &r.actor)?,
                issue: r.issue_id,
                reason: r.reason,
                at: timestamp(r.at),
            })
        })
        .collect()
}

/// Writes a decision; a later one replaces it.
pub async fn put_override(
    tx: &Tx,
    issue: IssueId,
    quadrant: Quadrant,
    reason: &str,
    actor: &Actor,
) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO quadrant_override (issue_id, quadrant, reason, actor, at) VALUES ($1,$2,$3,$4,$5) \
         ON CONFLICT (issue_id) DO UPDATE SET quadrant = excluded.quadrant, reason = excluded.reason, \
         actor = excluded.actor, at = excluded.at",
        vec![
            issue.to_string().into(),
            quadrant.as_str().into(),
            reason.into(),
            json(actor).into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Releases a decision. `false`: there was none.
pub async fn delete_override(tx: &Tx, issue: IssueId) -> Result<bool, DbError> {
    let sql = "DELETE FROM quadrant_override WHERE issue_id = $1";
    Ok(tx.exec(sql, vec![issue.to_string().into()]).await? == 1)
}

/// Contacts by topic and customer tier: the tier as it was sent, empty where there was none.
pub async fn tiers(
    db: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<(String, String, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        topic: String,
        tier: String,
        n: i64,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT topic, tier, CAST(SUM(contacts) AS BIGINT) AS n FROM fact \
         WHERE class = 'contact' AND day >= $1 AND day <= $2 GROUP BY topic, tier ORDER BY topic, tier",
        vec![from.to_string().into(), to.to_string().into()],
    )
    .await?;
    Ok(found.into_iter().map(|r| (r.topic, r.tier, r.n)).collect())
}
