//! Review tickets.

use crate::tx::{
    Document, Page, Select, count, json, micros, one, parse, placeholders, rows, timestamp,
};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use domain::ids::FeedbackId;
use domain::reviews::Ticket;
use sea_orm::{FromQueryResult, Value};
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

/// Writes a changed ticket; its version counts from the one that was read. Whoever has it now has been
/// told of it in no list yet.
pub async fn update(tx: &Tx, ticket: &Ticket) -> Result<(), DbError> {
    let changed = tx
        .exec(
            "UPDATE review_ticket SET state = $1, data = $2, version = $3, department = $6, \
             told_at = CASE WHEN owner_email = $7 THEN told_at ELSE NULL END, owner_email = $7 \
             WHERE id = $4 AND version = $5",
            vec![
                ticket.state.as_str().into(),
                json(ticket).into(),
                ticket.version.into(),
                ticket.id.to_string().into(),
                (ticket.version - 1).into(),
                ticket.department.clone().into(),
                ticket.owner_email.clone().into(),
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

/// A link that lets one person work on one ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which ticket.
    pub ticket: Uuid,
    /// Who it was sent to.
    pub email: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Writes a link under the hash of its token; one that is sent again lasts longer.
pub async fn insert_link(tx: &Tx, token_hash: &str, link: &Link) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO review_link (token_hash, ticket_id, email, created_at, expires_at) VALUES ($1,$2,$3,$4,$5) \
         ON CONFLICT (token_hash) DO UPDATE SET expires_at = excluded.expires_at, revoked_at = NULL",
        vec![
            token_hash.into(),
            link.ticket.to_string().into(),
            link.email.clone().into(),
            micros(tx.now()).into(),
            micros(link.expires_at).into(),
        ],
    )
    .await?;
    Ok(())
}

/// The link of that hash.
pub async fn link(db: &impl Read, token_hash: &str) -> Result<Option<Link>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        ticket_id: String,
        email: String,
        expires_at: i64,
        revoked_at: Option<i64>,
    }
    let sql =
        "SELECT ticket_id, email, expires_at, revoked_at FROM review_link WHERE token_hash = $1";
    let row: Option<Row> = one(db, sql, vec![token_hash.into()]).await?;
    row.map(|r| {
        Ok(Link {
            ticket: r.ticket_id.parse().map_err(|_| DbError::Corrupt {
                table: "review_link",
                column: "ticket_id",
                id: r.ticket_id.clone(),
                detail: "not an id".to_owned(),
            })?,
            email: r.email,
            expires_at: timestamp(r.expires_at),
            revoked_at: r.revoked_at.map(timestamp),
        })
    })
    .transpose()
}

/// Kills every link to a ticket that was sent so far.
pub async fn revoke_links(tx: &Tx, ticket: Uuid) -> Result<(), DbError> {
    tx.exec(
        "UPDATE review_link SET revoked_at = $1 WHERE ticket_id = $2 AND revoked_at IS NULL",
        vec![micros(tx.now()).into(), ticket.to_string().into()],
    )
    .await?;
    Ok(())
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
    Select::from("review_ticket")
        .any("state", &filter.states)
        .is("department", filter.department.as_ref())
        .is("topic", filter.topic.as_ref())
        .is("owner_email", filter.owner.as_ref())
        .newest(db, filter.after.as_ref(), limit, |t: &Ticket| {
            t.id.to_string()
        })
        .await
}
