//! Where everything is kept: one implementation, two engines (SQLite and PostgreSQL).
//!
//! The only crate that names `sea_orm`. Reads take `&impl Read` ([`Db`] and [`Tx`]); writes take
//! `&Tx`, so a write without a transaction does not compile. Statements are written once, in the
//! SQL that both engines share (`$1` placeholders, `ON CONFLICT`, `RETURNING`); what differs stands in
//! [`connect`] and [`queue`]. Rows never leave this crate: functions speak types of `domain` or
//! plain structs of their module.

pub mod access;
pub mod addresses;
pub mod calendars;
pub mod collect;
pub mod connect;
pub mod detection;
mod error;
pub mod escalation;
pub mod events;
pub mod facts;
pub mod feedback;
pub mod figures;
pub mod imports;
pub mod incoming;
pub mod installations;
pub mod issues;
pub mod knowledge;
pub mod notify;
pub mod organisation;
pub mod plugins;
pub mod quadrants;
pub mod queue;
pub mod refusals;
pub mod reviews;
pub mod routing;
pub mod shadow;
pub mod tasks;
mod tx;
pub mod verification;

pub use connect::{Engine, connect};
pub use error::DbError;
pub use tx::{Db, Page, Read, Tx};
