//! Refusals by department, and owner rules that they led to.

use crate::tx::{Page, json, micros, one, parse, rows, timestamp};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use domain::routing::Change;
use domain::tasks::Task;
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};

/// Notes the newest refusal or hand-over of a task; noting it twice does nothing.
pub async fn note(tx: &Tx, task: &Task) -> Result<(), DbError> {
    let Some(hop) = task.hops.last() else {
        return Ok(());
    };
    tx.exec(
        "INSERT INTO task_refusal (task_id, hop, at, department, to_department, kind, reason, topic, ping_pong) \
         VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (task_id, hop) DO NOTHING",
        vec![
            task.id.to_string().into(),
            i64::try_from(task.hops.len()).unwrap_or(i64::MAX).into(),
            micros(hop.at).into(),
            hop.from.clone().into(),
            hop.to.clone().into(),
            hop.kind.as_str().into(),
            hop.reason.clone().into(),
            task.topic.clone().into(),
            hop.ping_pong.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Figures of a department.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Figures {
    /// Department.
    pub department: String,
    /// Times that a task was offered to it.
    pub offered: i64,
    /// Refused.
    pub declined: i64,
    /// Passed on.
    pub handed_over: i64,
    /// Of both, to a department that had passed it on before.
    pub ping_pong: i64,
    /// Highest number of a hop that it was.
    pub most_hops: i64,
}

/// Offers and refusals by department, of offers and refusals from `from` on and before `to`.
pub async fn by_department(
    db: &impl Read,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Figures>, DbError> {
    rows(
        db,
        "SELECT department, CAST(SUM(offered) AS BIGINT) AS offered, CAST(SUM(declined) AS BIGINT) AS declined, \
         CAST(SUM(handed_over) AS BIGINT) AS handed_over, CAST(SUM(ping_pong) AS BIGINT) AS ping_pong, \
         CAST(MAX(hop) AS BIGINT) AS most_hops FROM ( \
         SELECT department, 1 AS offered, 0 AS declined, 0 AS handed_over, 0 AS ping_pong, 0 AS hop \
         FROM task_offer WHERE offered_at >= $1 AND offered_at < $2 UNION ALL \
         SELECT department, 0, CASE WHEN kind = 'declined' THEN 1 ELSE 0 END, \
         CASE WHEN kind = 'handed_over' THEN 1 ELSE 0 END, CASE WHEN ping_pong THEN 1 ELSE 0 END, hop \
         FROM task_refusal WHERE at >= $1 AND at < $2) AS both_kinds GROUP BY department ORDER BY department",
        vec![micros(from).into(), micros(to).into()],
    )
    .await
}

/// How often a department gave a reason, the most frequent first.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Reason {
    /// Department.
    pub department: String,
    /// In its words.
    pub reason: String,
    /// How often.
    pub n: i64,
}

/// Reasons of refusals from `from` on and before `to`, by department.
pub async fn reasons(
    db: &impl Read,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Reason>, DbError> {
    rows(
        db,
        "SELECT department, reason, COUNT(*) AS n FROM task_refusal WHERE at >= $1 AND at < $2 AND reason <> '' \
         GROUP BY department, reason ORDER BY department, COUNT(*) DESC, reason LIMIT 2000",
        vec![micros(from).into(), micros(to).into()],
    )
    .await
}

/// A topic should belong to another department, as a re-routed task suggests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Identity.
    pub id: String,
    /// The topic.
    pub topic: String,
    /// Who should have it.
    pub department: String,
    /// Who has it.
    pub present: Option<String>,
    /// `open`, `accepted` or `dismissed`.
    pub state: String,
    /// Tasks that were re-routed so, the first one first.
    pub tasks: Vec<String>,
    /// Who refused the first of them, and why.
    pub refused_by: String,
    /// In their words.
    pub reason: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who decided.
    #[serde(default)]
    pub decided_by: Option<String>,
    /// What accepting it changed.
    #[serde(default)]
    pub changes: Vec<Change>,
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    state: String,
    data: String,
    created_at: i64,
}

impl Row {
    fn read(self) -> Result<Proposal, DbError> {
        let kept: Proposal = parse("owner_rule_proposal", &self.id, &self.data)?;
        Ok(Proposal {
            state: self.state,
            created_at: timestamp(self.created_at),
            ..kept
        })
    }
}

const PROPOSAL: &str = "SELECT id, state, data, created_at FROM owner_rule_proposal";

/// The open proposal for a topic and department.
pub async fn open_proposal(
    db: &impl Read,
    topic: &str,
    department: &str,
) -> Result<Option<Proposal>, DbError> {
    let sql = format!("{PROPOSAL} WHERE topic = $1 AND department = $2 AND state = 'open'");
    let row: Option<Row> = one(db, &sql, vec![topic.into(), department.into()]).await?;
    row.map(Row::read).transpose()
}

/// The proposal of that id.
pub async fn proposal(db: &impl Read, id: &str) -> Result<Option<Proposal>, DbError> {
    let row: Option<Row> = one(db, &format!("{PROPOSAL} WHERE id = $1"), vec![id.into()]).await?;
    row.map(Row::read).transpose()
}

/// Writes a proposal, new or changed.
pub async fn save_proposal(tx: &Tx, proposal: &Proposal) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO owner_rule_proposal (id, topic, department, state, data, created_at) VALUES ($1,$2,$3,$4,$5,$6) \
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, data = excluded.data",
        vec![
            proposal.id.clone().into(),
            proposal.topic.clone().into(),
            proposal.department.clone().into(),
            proposal.state.clone().into(),
            json(proposal).into(),
            micros(proposal.created_at).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Proposals, newest first.
pub async fn proposals(
    db: &impl Read,
    state: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Proposal>, DbError> {
    let mut values: Vec<Value> = Vec::new();
    let mut sql = format!("{PROPOSAL} WHERE 1 = 1");
    for (column, value, sign) in [("state", state, "="), ("id", after, "<")] {
        if let Some(value) = value {
            values.push(value.into());
            sql.push_str(&format!(" AND {column} {sign} ${}", values.len()));
        }
    }
    values.push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    sql.push_str(&format!(" ORDER BY id DESC LIMIT ${}", values.len()));
    let found: Vec<Row> = rows(db, &sql, values).await?;
    let all: Vec<Proposal> = found.into_iter().map(Row::read).collect::<Result<_, _>>()?;
    Ok(Page::cut(all, limit, |p| p.id.clone()))
}
