//! Prioritise: issues, and where every topic stands in frequency × impact.

pub mod http;
mod service;

pub use service::{Placed, day_rows, place, topic_name};
