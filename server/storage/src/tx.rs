//! The two ways to the database: reading, and writing in a transaction.

use crate::{DbError, Engine};
use domain::clock::Timestamp;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, FromQueryResult, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    connection: DatabaseConnection,
    engine: Engine,
    /// SQLite has one writer: waiting here in order beats waiting in the engine by luck.
    writer: Arc<Mutex<()>>,
}

/// A transaction with one point in time. Dropped without [`Tx::commit`], it never happened.
pub struct Tx {
    inner: DatabaseTransaction,
    engine: Engine,
    now: Timestamp,
    _writer: Option<OwnedMutexGuard<()>>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Where the next page starts; `None`: this was the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts a list that was asked for with one item more than `limit`.
    pub(crate) fn cut(mut items: Vec<T>, limit: u64, cursor: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

/// Values without NUL characters: PostgreSQL's text cannot hold them and nobody can see them.
fn clean(values: Vec<Value>) -> Vec<Value> {
    values
        .into_iter()
        .map(|value| match value {
            Value::String(Some(text)) if text.contains('\0') => {
                Value::String(Some(text.replace('\0', "")))
            }
            other => other,
        })
        .collect()
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Db {}
    impl Sealed for super::Tx {}
}

/// What can be read from: the database or an open transaction.
pub trait Read: sealed::Sealed + Sync {
    /// The engine behind it.
    fn engine(&self) -> Engine;
    #[doc(hidden)]
    fn query(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<QueryResult>, DbError>> + Send;
}

impl Read for Db {
    fn engine(&self) -> Engine {
        self.engine
    }
    async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, DbError> {
        let statement = Statement::from_sql_and_values(
            self.connection.get_database_backend(),
            sql,
            clean(values),
        );
        Ok(self.connection.query_all_raw(statement).await?)
    }
}

impl Read for Tx {
    fn engine(&self) -> Engine {
        self.engine
    }
    async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, DbError> {
        let statement =
            Statement::from_sql_and_values(self.inner.get_database_backend(), sql, clean(values));
        Ok(self.inner.query_all_raw(statement).await?)
    }
}

impl Db {
    pub(crate) fn new(connection: DatabaseConnection, engine: Engine) -> Self {
        Self {
            connection,
            engine,
            writer: Arc::default(),
        }
    }

    /// Opens a transaction that may write. On SQLite it takes the write lock at once: a read that
    /// turns into a write would otherwise fail with "busy" when somebody else wrote in between.
    pub async fn begin(&self, now: Timestamp) -> Result<Tx, DbError> {
        let (guard, mode) = match self.engine {
            Engine::Sqlite => (
                Some(self.writer.clone().lock_owned().await),
                Some(SqliteTransactionMode::Immediate),
            ),
            Engine::Postgres => (None, None),
        };
        let options = TransactionOptions {
            sqlite_transaction_mode: mode,
            ..Default::default()
        };
        let inner = self.connection.begin_with_options(options).await?;
        Ok(Tx {
            inner,
            engine: self.engine,
            now,
            _writer: guard,
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.query("SELECT 1", vec![]).await.map(|_| ())
    }

    /// Closes every connection.
    pub async fn close(self) -> Result<(), DbError> {
        Ok(self.connection.close().await?)
    }
}

impl Tx {
    /// The one point in time of this transaction.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Makes everything that was written durable.
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(self.inner.commit().await?)
    }

    /// Undoes everything that was written.
    pub async fn rollback(self) -> Result<(), DbError> {
        Ok(self.inner.rollback().await?)
    }

    /// Runs a statement that writes; answers how many rows it touched.
    pub(crate) async fn exec(&self, sql: &str, values: Vec<Value>) -> Result<u64, DbError> {
        let statement =
            Statement::from_sql_and_values(self.inner.get_database_backend(), sql, clean(values));
        Ok(self.inner.execute_raw(statement).await?.rows_affected())
    }
}

/// All rows of a query.
pub(crate) async fn rows<T: FromQueryResult>(
    db: &impl Read,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<T>, DbError> {
    let found = db.query(sql, values).await?;
    found
        .iter()
        .map(|row| T::from_query_result(row, "").map_err(DbError::from))
        .collect()
}

/// The first row of a query.
pub(crate) async fn one<T: FromQueryResult>(
    db: &impl Read,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<T>, DbError> {
    Ok(rows(db, sql, values).await?.into_iter().next())
}

/// The first column, named `n`, of the first row of a query that counts.
pub(crate) async fn count(db: &impl Read, sql: &str, values: Vec<Value>) -> Result<i64, DbError> {
    match db.query(sql, values).await?.first() {
        Some(row) => Ok(row.try_get::<Option<i64>>("", "n")?.unwrap_or(0)),
        None => Ok(0),
    }
}

/// A row that is a JSON document with its version.
#[derive(FromQueryResult)]
pub(crate) struct Document {
    pub(crate) data: String,
}

/// A query for the documents of one table, filtered by columns.
pub(crate) struct Select {
    table: &'static str,
    sql: String,
    values: Vec<Value>,
}

impl Select {
    /// All of them.
    pub(crate) fn from(table: &'static str) -> Self {
        Self {
            table,
            sql: format!("SELECT data FROM {table} WHERE 1 = 1"),
            values: Vec::new(),
        }
    }

    /// Those with one of these values; without any value, all.
    pub(crate) fn any(mut self, column: &str, values: &[String]) -> Self {
        if !values.is_empty() {
            let list = placeholders(1, values.len(), self.values.len() + 1);
            self.sql.push_str(&format!(" AND {column} IN {list}"));
            self.values
                .extend(values.iter().map(|v| Value::from(v.clone())));
        }
        self
    }

    /// Those with this value; without one, all.
    pub(crate) fn is(self, column: &str, value: Option<&String>) -> Self {
        match value {
            Some(value) => self.any(column, std::slice::from_ref(value)),
            None => self,
        }
    }

    /// Those whose time is in `from..to`; an end that is missing is open.
    pub(crate) fn between(
        mut self,
        column: &str,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Self {
        for (sign, end) in [(">=", from), ("<", to)] {
            if let Some(end) = end {
                self.values.push(micros(end).into());
                self.sql
                    .push_str(&format!(" AND {column} {sign} ${}", self.values.len()));
            }
        }
        self
    }

    /// Those after the cursor of the page before, the newest first: what has no other time than its
    /// id's.
    pub(crate) async fn newest<T: serde::de::DeserializeOwned>(
        mut self,
        db: &impl Read,
        after: Option<&String>,
        limit: u64,
        id: impl Fn(&T) -> String,
    ) -> Result<Page<T>, DbError> {
        if let Some(after) = after {
            self.values.push(after.clone().into());
            self.sql
                .push_str(&format!(" AND id < ${}", self.values.len()));
        }
        self.sql.push_str(" ORDER BY id DESC");
        self.page(db, limit, id).await
    }

    /// Those after a time and id, the newest first; `cursor` tells both, with a dot between them.
    pub(crate) async fn newest_by<T: serde::de::DeserializeOwned>(
        mut self,
        db: &impl Read,
        column: &str,
        after: Option<&String>,
        limit: u64,
        cursor: impl Fn(&T) -> String,
    ) -> Result<Page<T>, DbError> {
        if let Some((at, id)) = after.and_then(|c| c.split_once('.')) {
            let at: i64 = at.parse().unwrap_or(i64::MAX);
            self.values.extend([at.into(), id.into()]);
            let (at, id) = (self.values.len() - 1, self.values.len());
            self.sql.push_str(&format!(
                " AND ({column} < ${at} OR ({column} = ${at} AND id < ${id}))"
            ));
        }
        self.sql
            .push_str(&format!(" ORDER BY {column} DESC, id DESC"));
        self.page(db, limit, cursor).await
    }

    async fn page<T: serde::de::DeserializeOwned>(
        mut self,
        db: &impl Read,
        limit: u64,
        cursor: impl Fn(&T) -> String,
    ) -> Result<Page<T>, DbError> {
        self.values
            .push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
        self.sql.push_str(&format!(" LIMIT ${}", self.values.len()));
        let found: Vec<Document> = rows(db, &self.sql, self.values).await?;
        let items: Vec<T> = found
            .iter()
            .map(|row| parse(self.table, "", &row.data))
            .collect::<Result<_, _>>()?;
        Ok(Page::cut(items, limit, cursor))
    }
}

/// Reads a JSON column back.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(
    table: &'static str,
    id: &str,
    data: &str,
) -> Result<T, DbError> {
    serde_json::from_str(data).map_err(|e| DbError::Corrupt {
        table,
        column: "data",
        id: id.to_owned(),
        detail: e.to_string(),
    })
}

/// Writes a JSON column.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    // Types of the domain have string keys and finite numbers only; serde_json refuses nothing else.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// `($1,$2),($3,$4)` for `rows` rows of `columns` values, counted on from `start` (1-based).
pub(crate) fn placeholders(rows: usize, columns: usize, start: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 5);
    let mut n = start;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                text.push(',');
            }
            text.push('$');
            text.push_str(&n.to_string());
            n += 1;
        }
        text.push(')');
    }
    text
}

/// Microseconds since 1970, as kept in the tables.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

/// The time of a column.
pub(crate) fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_timestamp_micros(micros).unwrap_or_default()
}
