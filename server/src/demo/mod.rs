//! A generated organisation with 120 days of made-up feedback, taken through the real pipeline.

pub mod generator;
mod run;

pub use run::{DemoClock, LOGIN, PASSWORD, continue_stream, prepare};
