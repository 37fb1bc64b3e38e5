//! Verify: verdicts, on request and when the horizon is over.

pub mod jobs;
mod service;

pub use service::evaluate;
