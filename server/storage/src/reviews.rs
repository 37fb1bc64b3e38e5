//! Review tickets.

use crate::tx::{Document, Page, count, json, micros, one, parse, placeholders, rows};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use domain::ids::FeedbackId;
use domain::reviews::Ticket;
use sea_orm::Value;
use uuid::Uuid;

/// The ticket of that id.
pub async fn get(db: &impl Read, id: Uuid) -> Result<Option<Ticket>, DbError> {
    let sql = "SELECT data FROM review_ticket WHERE id = $1";
    match one::<Document>(db, sql, vec![id.to_string().into()]).await? {
        Some(row) => parse("review_ticket", &id.to_string(), &row.data).map(Some),
        None => Ok(None),
    }
}

/// Whether a voice has a ticket of its own.
pub async fn exists(db: &impl Read, voice: FeedbackId) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) AS n FROM review_ticket WHERE feedback_id = $1";
    Ok(count(db, sql, vec![voice.to_string().into()]).await? > 0)
}

/// Writes a new ticket. `false`: its voice has one.
pub async fn insert(tx: &Tx, ticket: &Ticket) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO review_ticket (id, feedback_id, state, topic, department, owner_email, created_at, data, \
             version) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (feedback_id) DO NOTHING",
            vec![
                ticket.id.to_string().into(),
                ticket.feedback.to_string().into(),
                ticket.state.as_str().into(),
                ticket.topic.clone().into(),
                ticket.department.clone().into(),
                ticket.owner_email.clone().into(),
                micros(ticket.created_at).into(),
                json(ticket).into(),
                ticket.version.into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// Writes a changed ticket; its version counts from the one that was read.
pub async fn update(tx: &Tx, ticket: &Ticket) -> Result<(), DbError> {
    let changed = tx
        .exec(
            "UPDATE review_ticket SET state = $1, data = $2, version = $3 WHERE id = $4 AND version = $5",
            vec![
                ticket.state.as_str().into(),
                json(ticket).into(),
                ticket.version.into(),
                ticket.id.to_string().into(),
                (ticket.version - 1).into(),
            ],
        )
        .await?;
    if changed == 1 {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "review_ticket",
            id: ticket.id.to_string(),
        })
    }
}

/// Tickets of a topic that were opened from `since` on, the newest first; at most `limit`.
pub async fn of_topic(
    db: &impl Read,
    topic: &str,
    since: Timestamp,
    limit: u64,
) -> Result<Vec<Ticket>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT data FROM review_ticket WHERE topic = $1 AND created_at >= $2 ORDER BY id DESC LIMIT $3",
        vec![
            topic.into(),
            micros(since).into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    found
        .iter()
        .map(|row| parse("review_ticket", "", &row.data))
        .collect()
}

/// Takes the tickets of a person that stand in no list yet and are not closed, oldest first.
pub async fn take_untold(tx: &Tx, email: &str) -> Result<Vec<Ticket>, DbError> {
    let found: Vec<Document> = rows(
        tx,
        "SELECT data FROM review_ticket WHERE owner_email = $1 AND told_at IS NULL ORDER BY id LIMIT 5000",
        vec![email.into()],
    )
    .await?;
    let all: Vec<Ticket> = found
        .iter()
        .map(|row| parse("review_ticket", "", &row.data))
        .collect::<Result<_, _>>()?;
    for chunk in all.chunks(200) {
        let mut values: Vec<Value> = vec![micros(tx.now()).into()];
        values.extend(chunk.iter().map(|t| Value::from(t.id.to_string())));
        let sql = format!(
            "UPDATE review_ticket SET told_at = $1 WHERE id IN {}",
            placeholders(1, chunk.len(), 2)
        );
        tx.exec(&sql, values).await?;
    }
    Ok(all)
}

/// Which tickets to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// States; empty: all.
    pub states: Vec<String>,
    /// Department.
    pub department: Option<String>,
    /// Topic.
    pub topic: Option<String>,
    /// Owner's address.
    pub owner: Option<String>,
    /// Cursor of the page before.
    pub after: Option<String>,
}

/// Tickets, newest first.
pub async fn list(db: &impl Read, filter: &Filter, limit: u64) -> Result<Page<Ticket>, DbError> {
    let mut values: Vec<Value> = Vec::new();
    let mut sql = "SELECT data FROM review_ticket WHERE 1 = 1".to_owned();
    if !filter.states.is_empty() {
        sql.push_str(&format!(
            " AND state IN {}",
            placeholders(1, filter.states.len(), 1)
        ));
        values.extend(filter.states.iter().map(|s| Value::from(s.clone())));
    }
    for (column, value) in [
        ("department", &filter.department),
        ("topic", &filter.topic),
        ("owner_email", &filter.owner),
    ] {
        if let Some(value) = value {
            values.push(value.clone().into());
            sql.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    if let Some(after) = &filter.after {
        values.push(after.clone().into());
        sql.push_str(&format!(" AND id < ${}", values.len()));
    }
    values.push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    sql.push_str(&format!(" ORDER BY id DESC LIMIT ${}", values.len()));
    let found: Vec<Document> = rows(db, &sql, values).await?;
    let all: Vec<Ticket> = found
        .iter()
        .map(|row| parse("review_ticket", "", &row.data))
        .collect::<Result<_, _>>()?;
    Ok(Page::cut(all, limit, |t| t.id.to_string()))
}
