//! Business calendars, their editions, and which tasks are due by them.

use crate::organisation::Keyed;
use crate::tx::{Document, count, json, micros, one, parse, rows};
use crate::{DbError, Read, Tx};
use domain::calendar::{Calendar, Days};
use domain::clock::Timestamp;
use domain::ids::TaskId;
use domain::tasks::{State, Task};
use sea_orm::{FromQueryResult, Value};

impl Keyed for Calendar {
    const TABLE: &'static str = "calendar";
    fn key(&self) -> &str {
        &self.key
    }
    fn with_version(self, version: i64) -> Self {
        Self { version, ..self }
    }
}

/// Creates or replaces a calendar, if it still is at `expected` (`None`: whatever it is). Versions go on
/// counting where a calendar of that key was removed: its editions are still there.
pub async fn put(tx: &Tx, new: &Calendar, expected: Option<i64>) -> Result<Calendar, DbError> {
    let n = |sql| count(tx, sql, vec![new.key.clone().into()]);
    let present = n("SELECT version AS n FROM calendar WHERE key = $1").await?;
    if expected.is_some_and(|e| e != present) {
        return Err(DbError::Stale {
            table: "calendar",
            id: new.key.clone(),
        });
    }
    let former = n("SELECT MAX(version) AS n FROM calendar_edition WHERE key = $1").await?;
    let saved = new.clone().with_version(present.max(former) + 1);
    tx.exec(
        "INSERT INTO calendar (key, data, version) VALUES ($1,$2,$3) \
         ON CONFLICT (key) DO UPDATE SET data = excluded.data, version = excluded.version",
        vec![
            saved.key.clone().into(),
            json(&saved).into(),
            saved.version.into(),
        ],
    )
    .await?;
    Ok(saved)
}

/// Keeps what due times are computed with, once.
pub async fn keep_edition(tx: &Tx, calendar: &Calendar, days: &Days) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO calendar_edition (key, stamp, version, data, at) VALUES ($1,$2,$3,$4,$5) \
         ON CONFLICT (key, stamp) DO NOTHING",
        vec![
            calendar.key.clone().into(),
            calendar.stamp().into(),
            calendar.version.into(),
            json(days).into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    Ok(())
}

/// What due times of that stamp were computed with.
pub async fn edition(db: &impl Read, key: &str, stamp: &str) -> Result<Option<Days>, DbError> {
    let row: Option<Document> = one(
        db,
        "SELECT data FROM calendar_edition WHERE key = $1 AND stamp = $2",
        vec![key.into(), stamp.into()],
    )
    .await?;
    row.map(|r| parse("calendar_edition", key, &r.data))
        .transpose()
}

/// Writes down which edition of which calendar a task is due by.
pub async fn set_clock(tx: &Tx, task: TaskId, calendar: &str, stamp: &str) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO task_clock (task_id, calendar, stamp) VALUES ($1,$2,$3) \
         ON CONFLICT (task_id) DO UPDATE SET calendar = excluded.calendar, stamp = excluded.stamp",
        vec![task.to_string().into(), calendar.into(), stamp.into()],
    )
    .await?;
    Ok(())
}

/// States in which a due time can still move.
fn open() -> String {
    let open = State::ALL.into_iter().filter(|s| s.is_open());
    let names: Vec<String> = open.map(|s| format!("'{}'", s.as_str())).collect();
    names.join(",")
}

/// Up to `limit` open tasks that are due by another edition of that calendar than `stamp`, oldest first.
pub async fn behind(
    db: &impl Read,
    calendar: &str,
    stamp: &str,
    limit: u32,
) -> Result<Vec<Task>, DbError> {
    let sql = format!(
        "SELECT t.data FROM task_clock c JOIN task t ON t.id = c.task_id \
         WHERE c.calendar = $1 AND c.stamp <> $2 AND t.state IN ({}) ORDER BY t.id LIMIT $3",
        open()
    );
    let values: Vec<Value> = vec![calendar.into(), stamp.into(), i64::from(limit).into()];
    let found: Vec<Document> = rows(db, &sql, values).await?;
    found.iter().map(|r| parse("task", "", &r.data)).collect()
}

/// Keys of the calendars by which open tasks are due, with how many.
pub async fn in_use(db: &impl Read) -> Result<Vec<(String, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        calendar: String,
        n: i64,
    }
    let sql = format!(
        "SELECT c.calendar, COUNT(*) AS n FROM task_clock c JOIN task t ON t.id = c.task_id \
         WHERE t.state IN ({}) GROUP BY c.calendar ORDER BY c.calendar",
        open()
    );
    let found: Vec<Row> = rows(db, &sql, vec![]).await?;
    Ok(found.into_iter().map(|r| (r.calendar, r.n)).collect())
}

/// Links of a task's owner live at least until then: a due time that moves takes them along.
pub async fn prolong_links(tx: &Tx, task: TaskId, until: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "UPDATE action_link SET expires_at = $1 WHERE task_id = $2 AND revoked_at IS NULL AND expires_at < $1",
        vec![micros(until).into(), task.to_string().into()],
    )
    .await?;
    Ok(())
}
