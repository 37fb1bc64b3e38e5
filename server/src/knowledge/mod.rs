//! Know: proven solutions, found again by words, published to outside knowledge bases.

pub mod http;
mod service;

pub use service::{Found, publish, search, similar, write_article};
