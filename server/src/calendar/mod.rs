//! Business calendars: kept, edited, imported, and asked when something is due.

pub mod http;
mod service;

pub use service::{current, edition, of_department, recalculate_soon, title};
