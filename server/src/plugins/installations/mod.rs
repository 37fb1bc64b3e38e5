//! Installations over HTTP.

pub mod http;
