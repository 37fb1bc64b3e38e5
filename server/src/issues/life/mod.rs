//! What people decide about issues: dismiss, snooze, open again, merge, split; and the end of what was put aside.

mod bulk_http;
pub mod http;
pub mod jobs;
mod service;
mod split;
