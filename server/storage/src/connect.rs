//! Opening the database, with the cures for what is known to go wrong.

use crate::{Db, DbError};
use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{ConnectOptions, Executor};
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr, SqlxPostgresConnector, SqlxSqliteConnector};
use std::str::FromStr;
use std::time::Duration;

/// Which engine a database runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, one machine.
    Sqlite,
    /// A server, several replicas.
    Postgres,
}

fn conn(error: sea_orm::sqlx::Error) -> DbError {
    DbError::Other(DbErr::Conn(RuntimeErr::SqlxError(error.into())))
}

/// Opens `url` (`sqlite:PATH` or `postgres://…`) and brings the schema up to date.
pub async fn connect(url: &str) -> Result<Db, DbError> {
    let (connection, engine) = if let Some(path) = url.strip_prefix("sqlite:") {
        (sqlite(path).await?, Engine::Sqlite)
    } else {
        (postgres(url).await?, Engine::Postgres)
    };
    migrate(&connection, engine).await?;
    Ok(Db::new(connection, engine))
}

async fn sqlite(path: &str) -> Result<DatabaseConnection, DbError> {
    let options = SqliteConnectOptions::from_str(&format!("sqlite:{path}"))
        .map_err(conn)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Acknowledged means durable, also when the power fails.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // A CLI command writes beside the running server.
        .busy_timeout(Duration::from_secs(20))
        .pragma("cache_size", "-65536")
        // An uploaded file is raw until its rows are masked: when it is deleted, its bytes go too.
        .pragma("secure_delete", "on")
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new()
        .max_connections(8)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
        .map_err(conn)?;
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

async fn postgres(url: &str) -> Result<DatabaseConnection, DbError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(conn)?
        .application_name("bihuan")
        .options([
            ("lock_timeout", "15s"),
            ("idle_in_transaction_session_timeout", "60s"),
            ("timezone", "UTC"),
            // The ROLLBACK below is needed seldom: its notice every other time is noise.
            ("client_min_messages", "error"),
        ])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(12)
        .acquire_timeout(Duration::from_secs(20))
        // sqlx 0.9.0 can hand a connection back with a transaction open when `begin` was cancelled;
        // what the next user writes is then lost although it was acknowledged (sqlx #4385). Every
        // connection is rolled back before it is used again. All our database work also runs in
        // tasks that nobody cancels.
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.execute("ROLLBACK").await?;
                Ok(true)
            })
        })
        .connect_with(options)
        .await
        .map_err(conn)?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// Applies missing migrations. Replicas that start together take turns.
async fn migrate(connection: &DatabaseConnection, engine: Engine) -> Result<(), DbError> {
    use sea_orm::{ConnectionTrait, TransactionTrait};
    if engine == Engine::Postgres {
        let lock = connection.begin().await?;
        lock.execute_unprepared("SELECT pg_advisory_xact_lock(4207020260001)")
            .await?;
        let outcome = Migrator::up(connection, None).await;
        lock.commit().await?;
        outcome?;
    } else {
        Migrator::up(connection, None).await?;
    }
    Ok(())
}
