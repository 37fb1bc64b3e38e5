//! Know: proven solutions, found again by words, published to outside knowledge bases.

pub mod http;
mod service;

pub use service::{BUILT_IN, Found, prove, publish, search, similar, withdraw};
