//! Issues and the signals that opened them.

use crate::detection::{Raised, RaisedRow};
use crate::tx::{Document, Page, json, micros, one, parse, placeholders, rows};
use crate::{DbError, Read, Tx};
use domain::ids::IssueId;
use domain::issues::Issue;
use sea_orm::{FromQueryResult, Value};

/// The issue of that id.
pub async fn get(db: &impl Read, id: IssueId) -> Result<Option<Issue>, DbError> {
    let sql = "SELECT data FROM issue WHERE id = $1";
    match one::<Document>(db, sql, vec![id.to_string().into()]).await? {
        Some(row) => parse("issue", &id.to_string(), &row.data).map(Some),
        None => Ok(None),
    }
}

/// The issue of that key: at most one ever.
pub async fn by_key(db: &impl Read, key: &str) -> Result<Option<Issue>, DbError> {
    let sql = "SELECT data FROM issue WHERE issue_key = $1";
    match one::<Document>(db, sql, vec![key.into()]).await? {
        Some(row) => parse("issue", key, &row.data).map(Some),
        None => Ok(None),
    }
}

/// Most merges that are followed from one issue to the next.
const MOST_MERGES: usize = 100;

/// The issue that has the signals of `issue`: itself, or the last of those that it was merged into.
pub async fn target(db: &impl Read, issue: Issue) -> Result<Issue, DbError> {
    let mut present = issue;
    for _ in 0..MOST_MERGES {
        let Some(merged) = &present.merged else {
            break;
        };
        match get(db, merged.into).await? {
            Some(next) => present = next,
            None => break,
        }
    }
    Ok(present)
}

/// Issues whose signals go to this one, directly, in the order of their ids; at most `limit`.
pub async fn merged_into(db: &impl Read, id: IssueId, limit: u64) -> Result<Vec<Issue>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT data FROM issue WHERE merged_into = $1 ORDER BY id LIMIT $2",
        vec![
            id.to_string().into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    found
        .iter()
        .map(|row| parse("issue", "", &row.data))
        .collect()
}

/// Writes a new issue. `false`: one of the same key was opened meanwhile.
pub async fn insert(tx: &Tx, issue: &Issue, quadrant: &str) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO issue (id, issue_key, state, topic, quadrant, opened_at, data, version) \
             VALUES ($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT (issue_key) DO NOTHING",
            vec![
                issue.id.to_string().into(),
                issue.key.clone().into(),
                issue.state.as_str().into(),
                issue.topic.clone().into(),
                quadrant.into(),
                micros(issue.opened_at).into(),
                json(issue).into(),
                issue.version.into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// Writes a changed issue; its version counts from the one that was read.
pub async fn update(tx: &Tx, issue: &Issue) -> Result<(), DbError> {
    let changed = tx
        .exec(
            "UPDATE issue SET state = $1, opened_at = $2, data = $3, version = $4, merged_into = $7 \
             WHERE id = $5 AND version = $6",
            vec![
                issue.state.as_str().into(),
                micros(issue.opened_at).into(),
                json(issue).into(),
                issue.version.into(),
                issue.id.to_string().into(),
                (issue.version - 1).into(),
                issue.merged.as_ref().map(|m| m.into.to_string()).into(),
            ],
        )
        .await?;
    if changed == 1 {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "issue",
            id: issue.id.to_string(),
        })
    }
}

/// Which issues to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// States; empty: all.
    pub states: Vec<String>,
    /// Topic.
    pub topic: Option<String>,
    /// Quadrant last seen.
    pub quadrant: Option<String>,
    /// Cursor of the page before.
    pub after: Option<String>,
}

/// Issues, newest first.
pub async fn list(db: &impl Read, filter: &Filter, limit: u64) -> Result<Page<Issue>, DbError> {
    let mut values: Vec<Value> = Vec::new();
    let mut sql = "SELECT data FROM issue WHERE 1 = 1".to_owned();
    if !filter.states.is_empty() {
        sql.push_str(&format!(
            " AND state IN {}",
            placeholders(1, filter.states.len(), 1)
        ));
        values.extend(filter.states.iter().map(|s| Value::from(s.clone())));
    }
    for (column, value) in [("topic", &filter.topic), ("quadrant", &filter.quadrant)] {
        if let Some(value) = value {
            values.push(value.clone().into());
            sql.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    if let Some((at, id)) = filter.after.as_deref().and_then(|c| c.split_once('.')) {
        let at: i64 = at.parse().unwrap_or(i64::MAX);
        values.push(at.into());
        values.push(id.into());
        let n = values.len();
        sql.push_str(&format!(
            " AND (opened_at < ${} OR (opened_at = ${} AND id < ${n}))",
            n - 1,
            n - 1
        ));
    }
    values.push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    sql.push_str(&format!(
        " ORDER BY opened_at DESC, id DESC LIMIT ${}",
        values.len()
    ));
    let found: Vec<Document> = rows(db, &sql, values).await?;
    let issues: Vec<Issue> = found
        .iter()
        .map(|r| parse("issue", "", &r.data))
        .collect::<Result<_, _>>()?;
    Ok(Page::cut(issues, limit, |i| {
        format!("{}.{}", micros(i.opened_at), i.id)
    }))
}

/// The signals of an issue, newest first.
pub async fn signals(db: &impl Read, issue: IssueId) -> Result<Vec<Raised>, DbError> {
    let found: Vec<RaisedRow> = rows(
        db,
        "SELECT id, issue_id, data, fired_at, withheld FROM signal WHERE issue_id = $1 \
         ORDER BY fired_at DESC, id DESC LIMIT 100",
        vec![issue.to_string().into()],
    )
    .await?;
    found.into_iter().map(RaisedRow::read).collect()
}

/// How many issues stand in each state.
pub async fn count_by_state(db: &impl Read) -> Result<Vec<(String, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        state: String,
        n: i64,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT state, COUNT(*) AS n FROM issue GROUP BY state",
        vec![],
    )
    .await?;
    Ok(found.into_iter().map(|r| (r.state, r.n)).collect())
}
