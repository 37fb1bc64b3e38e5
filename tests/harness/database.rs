//! Databases of tests: one of their own for each server, and a way to look inside.

use sea_orm::{ConnectionTrait as _, Database as SeaOrm, DatabaseConnection, Statement};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::Runtime;

/// Which database a server keeps its data in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file in the data folder.
    Sqlite,
    /// A database on the throw-away server of `BIHUAN_TEST_POSTGRES`.
    Postgres,
}

fn postgres_url() -> Option<String> {
    std::env::var("BIHUAN_TEST_POSTGRES")
        .ok()
        .filter(|url| !url.is_empty())
}

/// Whether tests on PostgreSQL can run; says by name which one cannot. In CI that is a failure.
#[must_use]
pub fn postgres_is_there(test: &str) -> bool {
    if postgres_url().is_some() {
        return true;
    }
    assert!(
        !crate::strict(),
        "BIHUAN_TEST_POSTGRES is not set, and nothing is left out in CI"
    );
    crate::skipped(test, "BIHUAN_TEST_POSTGRES is not set");
    false
}

/// An open database: for what no API tells, such as rows that must not exist twice.
pub struct Database {
    runtime: Runtime,
    connection: DatabaseConnection,
    engine: Engine,
}

impl Database {
    fn connect(url: &str, engine: Engine) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let mut options = sea_orm::ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        let connection = runtime
            .block_on(SeaOrm::connect(options))
            .unwrap_or_else(|error| panic!("the test cannot open {url}: {error}"));
        Self {
            runtime,
            connection,
            engine,
        }
    }

    /// Opens the SQLite file of a data folder.
    #[must_use]
    pub fn sqlite(file: &Path) -> Self {
        Self::connect(&format!("sqlite:{}", file.display()), Engine::Sqlite)
    }

    /// Opens a PostgreSQL database.
    #[must_use]
    pub fn postgres(url: &str) -> Self {
        Self::connect(url, Engine::Postgres)
    }

    /// Which engine it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Runs a statement.
    pub fn run(&self, sql: &str) {
        self.runtime
            .block_on(self.connection.execute_unprepared(sql))
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn query(&self, sql: &str) -> Vec<sea_orm::QueryResult> {
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        self.runtime
            .block_on(self.connection.query_all_raw(statement))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The column `n` of the first row.
    #[must_use]
    pub fn count(&self, sql: &str) -> i64 {
        self.query(sql)
            .first()
            .and_then(|row| {
                row.try_get::<Option<i64>>("", "n")
                    .expect("a column named n")
            })
            .unwrap_or(0)
    }

    /// The column `t` of every row.
    #[must_use]
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let text = |row: &sea_orm::QueryResult| {
            row.try_get::<Option<String>>("", "t")
                .expect("a column named t")
        };
        self.query(sql).iter().filter_map(text).collect()
    }

    /// Names of all tables.
    #[must_use]
    pub fn tables(&self) -> Vec<String> {
        self.texts(match self.engine {
            Engine::Sqlite => "SELECT name AS t FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
            Engine::Postgres => "SELECT table_name::text AS t FROM information_schema.tables WHERE table_schema = 'public'",
        })
    }
}

/// A PostgreSQL database that lives as long as this.
pub struct PostgresDatabase {
    /// Where to find it.
    pub url: String,
    name: String,
}

impl PostgresDatabase {
    /// Makes one.
    #[must_use]
    pub fn create() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let server = postgres_url().expect("BIHUAN_TEST_POSTGRES");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("bihuan_test_{}_{number}", std::process::id());
        Database::postgres(&server).run(&format!("CREATE DATABASE {name}"));
        let (base, _) = server.rsplit_once('/').expect("a path in the address");
        Self {
            url: format!("{base}/{name}"),
            name,
        }
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let Some(server) = postgres_url() else { return };
        // A test that already fails must not abort over what it leaves behind.
        let name = self.name.clone();
        let _ = std::panic::catch_unwind(move || {
            Database::postgres(&server)
                .run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        });
    }
}
