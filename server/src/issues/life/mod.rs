//! What people decide about issues: dismiss, snooze, open again; and the end of what was put aside.

pub mod http;
pub mod jobs;
mod service;
