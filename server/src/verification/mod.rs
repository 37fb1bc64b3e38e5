//! Verify: verdicts, on request and every night until the horizon is over.

mod evidence;
pub mod jobs;
mod service;

pub use evidence::{Evidence, Setting};
pub use service::{Judged, Look, compute, evaluate};
