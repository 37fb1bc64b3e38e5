//! Detectors: rules that watch facts and raise signals.
//!
//! Immediate kinds fire with the voice that crosses the line; the others are functions of dense
//! daily series that end on the day that is judged, so that a day can be judged again when late
//! data arrives and a back-test is the same code as the live scan.

pub mod params;
mod rule;
mod signal;

pub use params::{InvalidParam, Params, ThresholdParams, Window};
pub use rule::{Detector, Kind, Mute, Scope, issue_key};
pub use signal::{Signal, Subject, SubjectKind};

#[cfg(test)]
mod tests;
