//! Verify: verdicts, on request and every night until the horizon is over, and what they are worth.

pub mod http;
pub mod jobs;
mod service;
mod worth;

pub use service::{Judged, Look, compute, evaluate};
