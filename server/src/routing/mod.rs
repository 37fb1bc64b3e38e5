//! Who gets it: the organisation's owner rules.

pub mod http;
mod service;

pub use service::{directory, matter_of, matter_of_issue};
