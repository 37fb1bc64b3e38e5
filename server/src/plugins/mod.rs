//! Plugins: what is installed, what is active, and the one way to call them.

pub mod http;
mod service;

pub use service::{FollowError, Plugins, PublishError, install, install_first_party};
