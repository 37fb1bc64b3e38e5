//! Detectors: rules that watch facts and raise signals.
//!
//! Immediate kinds fire with the voice that crosses the line; the others are functions of dense
//! daily series that end on the day that is judged, so that a day can be judged again when late
//! data arrives and a back-test is the same code as the live scan.

mod daily;
mod fall;
mod new_topic;
pub mod params;
mod present;
mod rule;
mod series;
mod short;
mod signal;
mod silent;
mod volume;

pub use daily::{backtest, history_start, relapse, scan_day};
pub use fall::After;
pub use params::{InvalidParam, Params, ThresholdParams, Window};
pub use present::{Expectation, expectation};
pub use rule::{Detector, Kind, Mute, Scope, issue_key};
pub use series::{
    BASELINE_DAYS, Context, Day, FIRST_DAYS, FULL_DAYS, GAP_DAYS, Lane, Point, QUIET_DAYS, Series,
    Span, Watched,
};
pub use short::{Above, Earlier};
pub use signal::{Signal, Subject, SubjectKind};
pub use silent::{Band, band};

#[cfg(test)]
mod tests;
