//! Addresses that mails came back from.

use crate::tx::{Page, micros, one, placeholders, rows, timestamp};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use sea_orm::{FromQueryResult, Value};
use std::collections::BTreeMap;

/// An address and its bounces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Lower case.
    pub email: String,
    /// Hard bounces since the last sign of life.
    pub hard_bounces: i64,
    /// What the last one said.
    pub last_reason: String,
    /// When it came.
    pub last_bounce_at: Timestamp,
    /// Since when nothing is sent there; `None`: mails go there.
    pub disabled_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct Row {
    email: String,
    hard_bounces: i64,
    last_reason: String,
    last_bounce_at: i64,
    disabled_at: Option<i64>,
}

impl From<Row> for Address {
    fn from(r: Row) -> Self {
        Self {
            email: r.email,
            hard_bounces: r.hard_bounces,
            last_reason: r.last_reason,
            last_bounce_at: timestamp(r.last_bounce_at),
            disabled_at: r.disabled_at.map(timestamp),
        }
    }
}

const ADDRESS: &str =
    "SELECT email, hard_bounces, last_reason, last_bounce_at, disabled_at FROM mail_address";

/// What is known of an address; `None`: nothing ever came back from it.
pub async fn get(db: &impl Read, email: &str) -> Result<Option<Address>, DbError> {
    let row: Option<Row> = one(
        db,
        &format!("{ADDRESS} WHERE email = $1"),
        vec![email.into()],
    )
    .await?;
    Ok(row.map(Address::from))
}

/// Whether nothing is sent there.
pub async fn is_disabled(db: &impl Read, email: &str) -> Result<bool, DbError> {
    Ok(get(db, email)
        .await?
        .is_some_and(|a| a.disabled_at.is_some()))
}

/// Addresses with bounces, by name.
pub async fn list(
    db: &impl Read,
    only_disabled: bool,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Address>, DbError> {
    let mut values: Vec<Value> = Vec::new();
    let mut sql = format!("{ADDRESS} WHERE hard_bounces > 0");
    if only_disabled {
        sql.push_str(" AND disabled_at IS NOT NULL");
    }
    if let Some(after) = after {
        values.push(after.into());
        sql.push_str(" AND email > $1");
    }
    values.push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    sql.push_str(&format!(" ORDER BY email LIMIT ${}", values.len()));
    let found: Vec<Row> = rows(db, &sql, values).await?;
    Ok(Page::cut(
        found.into_iter().map(Address::from).collect(),
        limit,
        |a| a.email.clone(),
    ))
}

/// Writes down that a mail came back. `false`: this was known.
pub async fn record_bounce(
    tx: &Tx,
    delivery: &str,
    email: &str,
    severity: &str,
    reason: &str,
) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO bounce (delivery_id, email, severity, reason, at) VALUES ($1,$2,$3,$4,$5) \
             ON CONFLICT (delivery_id, email, severity) DO NOTHING",
            vec![
                delivery.into(),
                email.into(),
                severity.into(),
                reason.into(),
                micros(tx.now()).into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// Which of these deliveries did not arrive after all, and what the last report said. A delay is none.
pub async fn came_back(
    db: &impl Read,
    deliveries: &[String],
) -> Result<BTreeMap<String, (String, String)>, DbError> {
    #[derive(FromQueryResult)]
    struct Bounce {
        delivery_id: String,
        severity: String,
        reason: String,
    }
    if deliveries.is_empty() {
        return Ok(BTreeMap::new());
    }
    let list = placeholders(1, deliveries.len(), 1);
    let sql = format!(
        "SELECT delivery_id, severity, reason FROM bounce WHERE delivery_id IN {list} \
         AND severity IN ('hard','soft') ORDER BY at"
    );
    let values = deliveries.iter().map(|d| d.clone().into()).collect();
    let found: Vec<Bounce> = rows(db, &sql, values).await?;
    let pair = |b: Bounce| (b.delivery_id, (b.severity, b.reason));
    Ok(found.into_iter().map(pair).collect())
}

/// Counts a hard bounce, and closes the address with the `limit`-th. Answers the address as it is then.
pub async fn count_hard(
    tx: &Tx,
    email: &str,
    reason: &str,
    limit: i64,
) -> Result<Option<Address>, DbError> {
    tx.exec(
        "INSERT INTO mail_address (email, hard_bounces, last_reason, last_bounce_at) VALUES ($1,1,$2,$3) \
         ON CONFLICT (email) DO UPDATE SET hard_bounces = mail_address.hard_bounces + 1, \
         last_reason = excluded.last_reason, last_bounce_at = excluded.last_bounce_at",
        vec![email.into(), reason.into(), micros(tx.now()).into()],
    )
    .await?;
    tx.exec(
        "UPDATE mail_address SET disabled_at = $1 WHERE email = $2 AND hard_bounces >= $3 AND disabled_at IS NULL",
        vec![micros(tx.now()).into(), email.into(), limit.into()],
    )
    .await?;
    get(tx, email).await
}

/// Forgets the bounces of an address: somebody wrote from it, or an administrator opened it again.
pub async fn clear(tx: &Tx, email: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE mail_address SET hard_bounces = 0, disabled_at = NULL WHERE email = $1",
        vec![email.into()],
    )
    .await?;
    Ok(())
}
