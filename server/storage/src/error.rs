//! What can go wrong with the database. "Not there" is `Ok(None)`, not an error.

use sea_orm::{DbErr, SqlErr};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Somebody else changed the row since it was read.
    #[error("{table} {id} was changed by somebody else")]
    Stale {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
    },
    /// A unique key exists already.
    #[error("this exists already: {constraint}")]
    Conflict {
        /// The constraint, as the engine names it.
        constraint: String,
    },
    /// The database is busy; trying again can help.
    #[error("the database is busy")]
    Busy,
    /// A stored value cannot be read back.
    #[error("{table}.{column} of {id} cannot be read: {detail}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
        /// Why.
        detail: String,
    },
    /// Anything else.
    #[error("the database failed")]
    Other(#[source] DbErr),
}

impl From<DbErr> for DbError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(constraint)) = error.sql_err() {
            return Self::Conflict { constraint };
        }
        let text = error.to_string();
        let transient = [
            "database is locked",
            "could not serialize",
            "deadlock detected",
            "lock timeout",
            "pool timed out",
            "Connection pool timed out",
        ];
        if transient.iter().any(|t| text.contains(t)) {
            return Self::Busy;
        }
        Self::Other(error)
    }
}
