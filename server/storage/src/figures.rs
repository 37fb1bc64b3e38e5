//! What calls of plugins needed, and what plugins wrote into their logs.

use crate::tx::{Page, micros, parse, rows, timestamp};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

/// Calls and lines of a log that are kept of an installation.
const KEPT: i64 = 500;

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Identity.
    pub id: String,
    /// Of which installation.
    pub installation: String,
    /// Name and version of what ran.
    pub plugin: String,
    /// `pull`, `handle`, `check` …
    pub operation: String,
    /// `ok`, a failure class, or the code of the host's error.
    pub outcome: String,
    /// Budgets used.
    pub used: serde_json::Value,
    /// When it ended.
    pub at: Timestamp,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Line {
    /// Identity.
    pub id: String,
    /// When, microseconds.
    pub at: i64,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// What the plugin wrote; secrets are taken out by the host.
    pub message: String,
}

/// Keeps calls and lines (installation, time, level, message); what is older than the newest 500 of an
/// installation goes. A call that is there already stays as it is.
pub async fn record(
    tx: &Tx,
    calls: &[Call],
    lines: &[(Uuid, String, Timestamp, String, String)],
) -> Result<(), DbError> {
    let mut touched = std::collections::BTreeSet::new();
    for call in calls {
        touched.insert(("plugin_call", call.installation.clone()));
        tx.exec(
            "INSERT INTO plugin_call (id, installation, plugin, operation, outcome, data, at) \
             VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT DO NOTHING",
            vec![
                call.id.clone().into(),
                call.installation.clone().into(),
                call.plugin.clone().into(),
                call.operation.clone().into(),
                call.outcome.clone().into(),
                call.used.to_string().into(),
                micros(call.at).into(),
            ],
        )
        .await?;
    }
    for (id, installation, at, level, message) in lines {
        touched.insert(("plugin_log", installation.clone()));
        tx.exec(
            "INSERT INTO plugin_log (id, installation, at, level, message) VALUES ($1,$2,$3,$4,$5)",
            vec![
                id.to_string().into(),
                installation.clone().into(),
                micros(*at).into(),
                level.clone().into(),
                message.clone().into(),
            ],
        )
        .await?;
    }
    for (table, installation) in touched {
        tx.exec(
            &format!(
                "DELETE FROM {table} WHERE installation = $1 AND id <= (SELECT t.id FROM {table} t \
                 WHERE t.installation = $1 ORDER BY t.id DESC LIMIT 1 OFFSET $2)"
            ),
            vec![installation.into(), KEPT.into()],
        )
        .await?;
    }
    Ok(())
}

/// Calls of an installation, newest first.
pub async fn calls(
    db: &impl Read,
    installation: &str,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Call>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        id: String,
        plugin: String,
        operation: String,
        outcome: String,
        data: String,
        at: i64,
    }
    let (sql, values) = newest(
        "SELECT id, plugin, operation, outcome, data, at FROM plugin_call",
        installation,
        after,
        limit,
    );
    let found: Vec<Row> = rows(db, &sql, values).await?;
    let all = found
        .into_iter()
        .map(|r| {
            Ok(Call {
                used: parse("plugin_call", &r.id, &r.data)?,
                id: r.id,
                installation: installation.to_owned(),
                plugin: r.plugin,
                operation: r.operation,
                outcome: r.outcome,
                at: timestamp(r.at),
            })
        })
        .collect::<Result<Vec<_>, DbError>>()?;
    Ok(Page::cut(all, limit, |c| c.id.clone()))
}

/// Lines of an installation's log, newest first.
pub async fn lines(
    db: &impl Read,
    installation: &str,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Line>, DbError> {
    let (sql, values) = newest(
        "SELECT id, at, level, message FROM plugin_log",
        installation,
        after,
        limit,
    );
    let found: Vec<Line> = rows(db, &sql, values).await?;
    Ok(Page::cut(found, limit, |l| l.id.clone()))
}

fn newest(
    select: &str,
    installation: &str,
    after: Option<&str>,
    limit: u64,
) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![
        installation.into(),
        i64::try_from(limit + 1).unwrap_or(i64::MAX).into(),
    ];
    let mut sql = format!("{select} WHERE installation = $1");
    if let Some(after) = after {
        values.push(after.into());
        sql.push_str(" AND id < $3");
    }
    sql.push_str(" ORDER BY id DESC LIMIT $2");
    (sql, values)
}
