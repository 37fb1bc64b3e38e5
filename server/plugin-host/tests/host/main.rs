//! The host with real and with bad guests.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod attacks;
mod classifier;
mod compile;
mod fixtures;
mod granted;
mod guests;
mod hostile;
mod inspect;
mod knowledge;
mod lab;
mod mutations;
mod outside;
