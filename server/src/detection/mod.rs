//! Detect: detectors look at what a batch changed.

pub mod http;
pub mod jobs;
mod service;
