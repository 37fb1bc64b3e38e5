//! Who gets it: the organisation's owner rules.

pub mod http;
mod service;

pub use service::{Directory, matter_of, matter_of_issue};
