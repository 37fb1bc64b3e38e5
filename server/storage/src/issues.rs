//! Issues and the signals that opened them.

use crate::detection::{Raised, RaisedRow};
use crate::tx::{Document, Page, Select, json, micros, one, parse, placeholders, rows};
use crate::{DbError, Read, Tx};
use domain::ids::IssueId;
use domain::issues::{Issue, IssueKind};
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

/// Most merges and splits that are followed from one issue to the next.
const MOST_STEPS: usize = 100;

/// The issue that has the signals that a rule raises about the matter of `issue`: a part that was split
/// off with that rule, else itself, or the last of those that it was merged into.
pub async fn target(db: &impl Read, issue: Issue, detector: &str) -> Result<Issue, DbError> {
    let mut present = issue;
    for _ in 0..MOST_STEPS {
        let next = match (
            part_of_rule(db, present.id, detector).await?,
            &present.merged,
        ) {
            (Some(part), _) => part,
            (None, Some(merged)) => merged.into,
            (None, None) => break,
        };
        match get(db, next).await? {
            Some(next) => present = next,
            None => break,
        }
    }
    Ok(present)
}

async fn part_of_rule(
    db: &impl Read,
    id: IssueId,
    detector: &str,
) -> Result<Option<IssueId>, DbError> {
    let sql = "SELECT into_id AS data FROM issue_split WHERE issue_id = $1 AND detector = $2";
    let row = one::<Document>(db, sql, vec![id.to_string().into(), detector.into()]).await?;
    Ok(row.and_then(|r| r.data.parse().ok()))
}

/// From now on the signals of these rules that would join `from` join `into`.
pub async fn give_rules(
    tx: &Tx,
    from: IssueId,
    rules: &[String],
    into: IssueId,
) -> Result<(), DbError> {
    for rule in rules {
        tx.exec(
            "INSERT INTO issue_split (issue_id, detector, into_id) VALUES ($1,$2,$3) \
             ON CONFLICT (issue_id, detector) DO UPDATE SET into_id = excluded.into_id",
            vec![
                from.to_string().into(),
                rule.clone().into(),
                into.to_string().into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Takes back all rules that were given to `into`.
pub async fn take_rules(tx: &Tx, into: IssueId) -> Result<(), DbError> {
    let sql = "DELETE FROM issue_split WHERE into_id = $1";
    tx.exec(sql, vec![into.to_string().into()]).await?;
    Ok(())
}

/// Gives signals to another issue.
pub async fn move_signals(tx: &Tx, ids: &[String], to: IssueId) -> Result<(), DbError> {
    for chunk in ids.chunks(200) {
        let mut values: Vec<Value> = vec![to.to_string().into()];
        values.extend(chunk.iter().map(|id| Value::from(id.clone())));
        let sql = format!(
            "UPDATE signal SET issue_id = $1 WHERE id IN {}",
            placeholders(1, chunk.len(), 2)
        );
        tx.exec(&sql, values).await?;
    }
    Ok(())
}

/// Issues that were split off from this one, in the order of their ids; at most `limit`.
pub async fn split_from(db: &impl Read, id: IssueId, limit: u64) -> Result<Vec<Issue>, DbError> {
    of_column(db, "split_from", id, limit).await
}

/// Issues whose signals go to this one, directly, in the order of their ids; at most `limit`.
pub async fn merged_into(db: &impl Read, id: IssueId, limit: u64) -> Result<Vec<Issue>, DbError> {
    of_column(db, "merged_into", id, limit).await
}

async fn of_column(
    db: &impl Read,
    column: &str,
    id: IssueId,
    limit: u64,
) -> Result<Vec<Issue>, DbError> {
    let found: Vec<Document> = rows(
        db,
        &format!("SELECT data FROM issue WHERE {column} = $1 ORDER BY id LIMIT $2"),
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
            "INSERT INTO issue (id, issue_key, state, topic, quadrant, opened_at, data, version, kind) \
             VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (issue_key) DO NOTHING",
            vec![
                issue.id.to_string().into(),
                issue.key.clone().into(),
                issue.state.as_str().into(),
                issue.topic.clone().into(),
                quadrant.into(),
                micros(issue.opened_at).into(),
                json(issue).into(),
                issue.version.into(),
                issue.kind.as_str().into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// Writes an issue that was split off from another one: it takes signals of the other one's key.
pub async fn insert_part(tx: &Tx, part: &Issue, from: &Issue) -> Result<(), DbError> {
    insert(tx, part, "watch").await?;
    tx.exec(
        "UPDATE issue SET split_from = $1, signal_key = COALESCE((SELECT o.signal_key FROM issue o WHERE o.id = $1), $2) \
         WHERE id = $3",
        vec![
            from.id.to_string().into(),
            from.key.clone().into(),
            part.id.to_string().into(),
        ],
    )
    .await?;
    Ok(())
}

/// Writes a changed issue; its version counts from the one that was read.
pub async fn update(tx: &Tx, issue: &Issue) -> Result<(), DbError> {
    let changed = tx
        .exec(
            "UPDATE issue SET state = $1, opened_at = $2, data = $3, version = $4, merged_into = $7, \
             kind = $8 \
             WHERE id = $5 AND version = $6",
            vec![
                issue.state.as_str().into(),
                micros(issue.opened_at).into(),
                json(issue).into(),
                issue.version.into(),
                issue.id.to_string().into(),
                (issue.version - 1).into(),
                issue.merged.as_ref().map(|m| m.into.to_string()).into(),
                issue.kind.as_str().into(),
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
    /// What they are.
    pub kind: Option<IssueKind>,
    /// Cursor of the page before.
    pub after: Option<String>,
}

/// Issues, newest first.
pub async fn list(db: &impl Read, filter: &Filter, limit: u64) -> Result<Page<Issue>, DbError> {
    Select::from("issue")
        .any("state", &filter.states)
        .is("topic", filter.topic.as_ref())
        .is("kind", filter.kind.map(|k| k.as_str().to_owned()).as_ref())
        .newest_by(
            db,
            "opened_at",
            filter.after.as_ref(),
            limit,
            |i: &Issue| format!("{}.{}", micros(i.opened_at), i.id),
        )
        .await
}

/// Most signals of an issue that a split or its way back moves.
const MOST_SIGNALS: u64 = 5000;

/// Every signal of an issue, the newest first.
pub async fn all_signals(db: &impl Read, issue: IssueId) -> Result<Vec<Raised>, DbError> {
    signals_up_to(db, issue, MOST_SIGNALS).await
}

/// The signals of an issue, newest first.
pub async fn signals(db: &impl Read, issue: IssueId) -> Result<Vec<Raised>, DbError> {
    signals_up_to(db, issue, 100).await
}

async fn signals_up_to(db: &impl Read, issue: IssueId, limit: u64) -> Result<Vec<Raised>, DbError> {
    let found: Vec<RaisedRow> = rows(
        db,
        "SELECT id, issue_id, data, fired_at, withheld FROM signal WHERE issue_id = $1 \
         ORDER BY fired_at DESC, id DESC LIMIT $2",
        vec![
            issue.to_string().into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
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
