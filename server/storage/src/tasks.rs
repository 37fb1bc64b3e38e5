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

/// A task, held until the transaction ends: whoever changes it meanwhile comes after.
pub async fn hold(tx: &Tx, id: TaskId) -> Result<Option<Task>, DbError> {
    let sql = match tx.engine() {
        crate::Engine::Postgres => "SELECT data FROM task WHERE id = $1 FOR UPDATE",
        // The transaction holds the only writer's place.
        crate::Engine::Sqlite => "SELECT data FROM task WHERE id = $1",
    };
    match one::<Document>(tx, sql, vec![id.to_string().into()]).await? {
        Some(row) => parse("task", &id.to_string(), &row.data).map(Some),
        None => Ok(None),
    }
}

/// Writes a new task.
pub async fn insert(tx: &Tx, task: &Task) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO task (id, issue_id, state, department, owner_email, topic, due_at, created_at, data, version, \
         parent_id, kind) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)",
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
            task.parent.map(|id| id.to_string()).into(),
            task.kind.as_str().into(),
        ],
    )
    .await?;
    Ok(())
}

/// Most tasks below one.
const MOST_BELOW: i64 = 100;

/// The tasks right below a task, oldest first.
pub async fn below(db: &impl Read, parent: TaskId) -> Result<Vec<Task>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT data FROM task WHERE parent_id = $1 ORDER BY id LIMIT $2",
        vec![parent.to_string().into(), MOST_BELOW.into()],
    )
    .await?;
    found.iter().map(|r| parse("task", "", &r.data)).collect()
}

/// Tasks made before `to` whose clock stood at some time, in batches behind the id `after`.
pub async fn paused(
    db: &impl Read,
    to: Timestamp,
    after: &str,
    limit: u64,
) -> Result<Vec<Task>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT data FROM task WHERE created_at < $1 AND id > $2 AND data LIKE '%\"pauses\":[{%' \
         ORDER BY id LIMIT $3",
        vec![
            micros(to).into(),
            after.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    found.iter().map(|r| parse("task", "", &r.data)).collect()
}

/// Which department was offered a task when, oldest first.
pub async fn offers(db: &impl Read, task: TaskId) -> Result<Vec<(Timestamp, String)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        offered_at: i64,
        department: String,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT offered_at, department FROM task_offer WHERE task_id = $1 ORDER BY assignment LIMIT 1000",
        vec![task.to_string().into()],
    )
    .await?;
    Ok(found
        .into_iter()
        .map(|r| (timestamp(r.offered_at), r.department))
        .collect())
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
    /// Sort of improvement.
    pub kind: Option<String>,
    /// The task above.
    pub parent: Option<TaskId>,
    /// Due then or later.
    pub due_from: Option<Timestamp>,
    /// Due before.
    pub due_to: Option<Timestamp>,
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
        .is("kind", filter.kind.as_ref())
        .is("parent_id", filter.parent.map(|id| id.to_string()).as_ref())
        .between("due_at", filter.due_from, filter.due_to)
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
        // A part is no fix of its own: the task above is judged.
        .filter(|t| t.effective_at.is_some() && t.parent.is_none())
        .collect())
}

/// Tasks made since `since` that are being judged, or were, and wait for no look any more.
pub async fn without_look(db: &impl Read, since: Timestamp) -> Result<Vec<Task>, DbError> {
    let found: Vec<Document> = rows(
        db,
        "SELECT t.data FROM task t WHERE t.created_at >= $1 AND t.parent_id IS NULL \
         AND t.state IN ('done','verifying','verified','not_verified') \
         AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'verify' \
         AND j.unique_key LIKE 'verify:' || t.id || '%') ORDER BY t.id",
        vec![micros(since).into()],
    )
    .await?;
    found.iter().map(|r| parse("task", "", &r.data)).collect()
}

/// What a link lets its reader do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Deliver.
    #[default]
    Owner,
    /// Approve what was delivered.
    Approver,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Approver => "approver",
        }
    }
}

/// A link that lets one person act on one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which task.
    pub task_id: TaskId,
    /// Who it was sent to.
    pub email: String,
    /// Which offer of the task it belongs to; the round of the approval where it is an approver's.
    pub assignment: i64,
    /// Whose it is.
    pub purpose: Purpose,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Writes a link under the hash of its token.
pub async fn insert_link(tx: &Tx, token_hash: &str, link: &Link) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO action_link (token_hash, task_id, email, assignment, created_at, expires_at, purpose) \
         VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT (token_hash) DO NOTHING",
        vec![
            token_hash.into(),
            link.task_id.to_string().into(),
            link.email.clone().into(),
            link.assignment.into(),
            micros(tx.now()).into(),
            micros(link.expires_at).into(),
            link.purpose.as_str().into(),
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
        purpose: String,
        expires_at: i64,
        revoked_at: Option<i64>,
    }
    let row: Option<Row> = one(
        db,
        "SELECT task_id, email, assignment, purpose, expires_at, revoked_at FROM action_link WHERE token_hash = $1",
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
            purpose: if r.purpose == "approver" {
                Purpose::Approver
            } else {
                Purpose::Owner
            },
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
    /// Hash of its bytes in hexadecimal.
    pub sha256: String,
    /// Name of who attached it.
    pub added_by: String,
}

/// Writes an attachment.
pub async fn attach(tx: &Tx, task: TaskId, file: &Attachment) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO attachment (id, task_id, name, media_type, content, created_at, sha256, added_by) \
         VALUES ($1,$2,$3,$4,$5,$6,$7,$8)",
        vec![
            file.id.clone().into(),
            task.to_string().into(),
            file.name.clone().into(),
            file.media_type.clone().into(),
            file.content.clone().into(),
            micros(tx.now()).into(),
            file.sha256.clone().into(),
            file.added_by.clone().into(),
        ],
    )
    .await?;
    Ok(())
}

/// What is known of an attachment without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct AttachmentRow {
    /// Identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: i64,
    /// Hash of its bytes in hexadecimal; empty for files of before it was kept.
    pub sha256: String,
    /// Name of who attached it; empty for files of before it was kept.
    pub added_by: String,
    /// When, microseconds.
    pub created_at: i64,
}

impl AttachmentRow {
    /// When it was attached.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        timestamp(self.created_at)
    }
}

/// A task's attachments, oldest first.
pub async fn attachments(db: &impl Read, task: TaskId) -> Result<Vec<AttachmentRow>, DbError> {
    rows(
        db,
        "SELECT id, name, CAST(LENGTH(content) AS BIGINT) AS size, sha256, added_by, created_at \
         FROM attachment WHERE task_id = $1 ORDER BY id",
        vec![task.to_string().into()],
    )
    .await
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
        sha256: String,
        added_by: String,
    }
    let row: Option<Row> = one(
        db,
        "SELECT id, name, media_type, content, sha256, added_by FROM attachment WHERE task_id = $1 AND id = $2",
        vec![task.to_string().into(), id.into()],
    )
    .await?;
    Ok(row.map(|r| Attachment {
        id: r.id,
        name: r.name,
        media_type: r.media_type,
        content: r.content,
        sha256: r.sha256,
        added_by: r.added_by,
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
