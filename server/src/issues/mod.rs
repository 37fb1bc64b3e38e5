//! Prioritise: issues, and where every topic stands in frequency × impact.

pub mod http;
pub mod jobs;
pub mod life;
mod service;

pub use service::{Placed, effective, judged_name, place, subject_name, topic_name};
