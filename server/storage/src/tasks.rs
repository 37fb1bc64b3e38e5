//! Tasks, the links that let their owners act, and what owners attach.

use crate::tx::{Document, Page, Select, json, micros, one, parse, rows, timestamp};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use domain::ids::{IssueId, TaskId};
use domain::tasks::Task;
use sea_orm::FromQueryResult;

/// The task of that id.
pub async fn get(db: &impl Read, id: TaskId) -> Result<Option<Task>, DbError> {
    let sql = "SELECT data FROM task WHERE id = $1";
    match one::<Document>(db, sql, vec![id.to_string().into()]).await? {
        Some(row) => parse("task", &id.to_string(), &row.data).map(Some),
        None => Ok(None),
    }
}

/// Writes a new task.
pub async fn insert(tx: &Tx, task: &Task) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO task (id, issue_id, state, department, owner_email, topic, due_at, created_at, data, version) \
         VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)",
        vec![
            task.id.to_string().into(),
            task.issue_id.to_string().into(),
            task.state.as_str().into(),
            task.department.clone().into(),
            task.owner.email.clone().into(),
            task.topic.clone().into(),
            micros(task.due_at).into(),
            micros(task.created_at).into(),
            json(task).into(),
            task.version.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Writes a changed task; its version counts from the one that was read.
pub async fn update(tx: &Tx, task: &Task) -> Result<(), DbError> {
    let changed = tx
        .exec(
            "UPDATE task SET state = $1, department = $2, owner_email = $3, due_at = $4, data = $5, version = $6 \
             WHERE id = $7 AND version = $8",
            vec![
                task.state.as_str().into(),
                task.department.clone().into(),
                task.owner.email.clone().into(),
                micros(task.due_at).into(),
                json(task).into(),
                task.version.into(),
                task.id.to_string().into(),
                (task.version - 1).into(),
            ],
        )
        .await?;
    if changed == 1 {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "task",
            id: task.id.to_string(),
        })
    }
}

/// Gives a task to another issue; its version counts from the one that was read.
pub async fn move_to(tx: &Tx, task: &Task, issue: IssueId) -> Result<Task, DbError> {
    let moved = Task {
        issue_id: issue,
        version: task.version + 1,
        ..task.clone()
    };
    let changed = tx
        .exec(
            "UPDATE task SET issue_id = $1, data = $2, version = $3 WHERE id = $4 AND version = $5",
            vec![
                issue.to_string().into(),
                json(&moved).into(),
                moved.version.into(),
                task.id.to_string().into(),
                task.version.into(),
            ],
        )
        .await?;
    if changed == 1 {
        Ok(moved)
    } else {
        Err(DbError::Stale {
            table: "task",
            id: task.id.to_string(),
        })
    }
}

/// Which tasks to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// States; empty: all.
    pub states: Vec<String>,
    /// Department.
    pub department: Option<String>,
    /// Owner's address.
    pub owner: Option<String>,
    /// Issue.
    pub issue: Option<IssueId>,
    /// Topic.
    pub topic: Option<String>,
    /// Cursor of the page before.
    pub after: Option<String>,
}

/// Tasks, newest first.
pub async fn list(db: &impl Read, filter: &Filter, limit: u64) -> Result<Page<Task>, DbError> {
    Select::from("task")
        .any("state", &filter.states)
        .is("department", filter.department.as_ref())
        .is("owner_email", filter.owner.as_ref())
        .is("issue_id", filter.issue.map(|i| i.to_string()).as_ref())
        .is("topic", filter.topic.as_ref())
        .newest(db, filter.after.as_ref(), limit, |t: &Task| {
            t.id.to_string()
        })
        .await
}

/// Tasks made since `since` whose fix went live, whatever became of them; cancelled ones never did.
/// Bounded by the number of improvements of that time.
pub async fn deployed(db: &impl Read, since: Timestamp) -> Result<Vec<Task>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT data FROM task WHERE created_at >= $1 AND state <> 'cancelled' ORDER BY id",
        vec![micros(since).into()],
    )
    .await?;
    let tasks: Vec<Task> = found
        .iter()
        .map(|r| parse("task", "", &r.data))
        .collect::<Result<_, _>>()?;
    Ok(tasks
        .into_iter()
        .filter(|t| t.effective_at.is_some())
        .collect())
}

/// Tasks made since `since` that are being judged, or were, and wait for no look any more.
pub async fn without_look(db: &impl Read, since: Timestamp) -> Result<Vec<Task>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT t.data FROM task t WHERE t.created_at >= $1 \
         AND t.state IN ('done','verifying','verified','not_verified') \
         AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'verify' \
         AND j.unique_key LIKE 'verify:' || t.id || '%') ORDER BY t.id",
        vec![micros(since).into()],
    )
    .await?;
    found.iter().map(|r| parse("task", "", &r.data)).collect()
}

/// A link that lets one person act on one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which task.
    pub task_id: TaskId,
    /// Who it was sent to.
    pub email: String,
    /// Which offer of the task it belongs to.
    pub assignment: i64,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Writes a link under the hash of its token.
pub async fn insert_link(tx: &Tx, token_hash: &str, link: &Link) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO action_link (token_hash, task_id, email, assignment, created_at, expires_at) \
         VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT (token_hash) DO NOTHING",
        vec![
            token_hash.into(),
            link.task_id.to_string().into(),
            link.email.clone().into(),
            link.assignment.into(),
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
        task_id: String,
        email: String,
        assignment: i64,
        expires_at: i64,
        revoked_at: Option<i64>,
    }
    let row: Option<Row> = one(
        db,
        "SELECT task_id, email, assignment, expires_at, revoked_at FROM action_link WHERE token_hash = $1",
        vec![token_hash.into()],
    )
    .await?;
    row.map(|r| {
        Ok(Link {
            task_id: r.task_id.parse().map_err(|_| DbError::Corrupt {
                table: "action_link",
                column: "task_id",
                id: r.task_id.clone(),
                detail: "not an id".to_owned(),
            })?,
            email: r.email,
            assignment: r.assignment,
            expires_at: timestamp(r.expires_at),
            revoked_at: r.revoked_at.map(timestamp),
        })
    })
    .transpose()
}

/// Kills every link of a task that was sent so far.
pub async fn revoke_links(tx: &Tx, task: TaskId) -> Result<(), DbError> {
    tx.exec(
        "UPDATE action_link SET revoked_at = $1 WHERE task_id = $2 AND revoked_at IS NULL",
        vec![micros(tx.now()).into(), task.to_string().into()],
    )
    .await?;
    Ok(())
}

/// Marks a form as used. `false`: it was used before (a second click acts once).
pub async fn use_form(tx: &Tx, nonce: &str, token_hash: &str) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO action_use (nonce, token_hash, at) VALUES ($1,$2,$3) ON CONFLICT (nonce) DO NOTHING",
            vec![nonce.into(), token_hash.into(), micros(tx.now()).into()],
        )
        .await?;
    Ok(written == 1)
}

/// A file that an owner attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Identity.
    pub id: String,
    /// Its name, without folders.
    pub name: String,
    /// Its type, as the sender says.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Writes an attachment.
pub async fn attach(tx: &Tx, task: TaskId, file: &Attachment) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO attachment (id, task_id, name, media_type, content, created_at) VALUES ($1,$2,$3,$4,$5,$6)",
        vec![
            file.id.clone().into(),
            task.to_string().into(),
            file.name.clone().into(),
            file.media_type.clone().into(),
            file.content.clone().into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Names, types and sizes of a task's attachments.
pub async fn attachments(
    db: &impl Read,
    task: TaskId,
) -> Result<Vec<(String, String, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        id: String,
        name: String,
        size: i64,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT id, name, CAST(LENGTH(content) AS BIGINT) AS size FROM attachment WHERE task_id = $1 ORDER BY id",
        vec![task.to_string().into()],
    )
    .await?;
    Ok(found.into_iter().map(|r| (r.id, r.name, r.size)).collect())
}

/// An attachment with its bytes.
pub async fn attachment(
    db: &impl Read,
    task: TaskId,
    id: &str,
) -> Result<Option<Attachment>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        id: String,
        name: String,
        media_type: String,
        content: Vec<u8>,
    }
    let row: Option<Row> = one(
        db,
        "SELECT id, name, media_type, content FROM attachment WHERE task_id = $1 AND id = $2",
        vec![task.to_string().into(), id.into()],
    )
    .await?;
    Ok(row.map(|r| Attachment {
        id: r.id,
        name: r.name,
        media_type: r.media_type,
        content: r.content,
    }))
}

/// Tasks in each state.
pub async fn count_by_state(db: &impl Read) -> Result<Vec<(String, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        state: String,
        n: i64,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT state, COUNT(*) AS n FROM task GROUP BY state",
        vec![],
    )
    .await?;
    Ok(found.into_iter().map(|r| (r.state, r.n)).collect())
}
