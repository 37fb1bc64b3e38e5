//! Issues: detected problems with a life of their own.

pub mod quadrant;
mod state;

pub use state::{Command, Effect, Issue, Opening, Refused, State, apply, opened};
