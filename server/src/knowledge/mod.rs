//! Know: proven solutions, found again by words, published to outside knowledge bases.

pub mod http;
mod service;

pub use service::{Found, prove, publish, search, similar, withdraw};
