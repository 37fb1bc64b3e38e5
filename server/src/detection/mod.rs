//! Detect: rules look at what a batch changed and at every day's close.

mod details;
pub mod http;
pub mod jobs;
mod phrases;
mod present;
mod raise;
mod watch;
mod words;
