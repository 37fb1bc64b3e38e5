//! The host with real and with bad guests.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod classifier;
mod fixtures;
mod granted;
mod guests;
mod hostile;
mod inspect;
mod knowledge;
mod lab;
mod outside;
