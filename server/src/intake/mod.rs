//! Collect: voices and ratings by API and by file.

pub mod collect;
pub mod export_http;
pub mod file;
pub mod http;
pub mod import;
pub mod jobs;
mod service;

pub use service::{
    Arrived, Options, Prepared, Receipt, Refusal, Rules, prepare, rate, receive, rules,
    store_batch, wait_analysed,
};
