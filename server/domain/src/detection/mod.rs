//! Detectors: rules that watch facts and raise signals.
//!
//! Immediate kinds fire with the voice that crosses the line; the others are functions of dense
//! daily series that end on the day that is judged, so that a day can be judged again when late
//! data arrives and a back-test is the same code as the live scan.

mod counted;
mod daily;
mod fall;
mod goal;
mod moments;
mod new_topic;
pub mod params;
mod present;
mod rule;
mod series;
mod shock;
mod short;
mod signal;
mod silent;
mod unusual;
mod volume;

pub use counted::{Crowd, Rows, Teller, Voice, backtest_counts};
pub use daily::{backtest, history_start, relapse, scan_day, scan_heard};
pub use fall::{After, FallDay, fall_days, watched_in};
pub use goal::{DayType, Goal, Reached, goal_lost, metric_is_watched};
pub use moments::{Crossing, Moment, first_crossing};
pub use params::{InvalidParam, Params, ThresholdParams, Window};
pub use present::{Expectation, RiseDay, expectation, rise_days};
pub use rule::{Detector, Kind, Mute, Scope, issue_key};
pub use series::{
    BASELINE_DAYS, Context, Day, FIRST_DAYS, FULL_DAYS, GAP_DAYS, Lane, Point, QUIET_DAYS, Series,
    Span, Watched,
};
pub use shock::{ChannelAlarm, attach, channel_alarms, fall_against, rise_against};
pub use short::{Above, Earlier};
pub use signal::{Signal, Subject, SubjectKind, TimeSpan};
pub use silent::{Band, band, silence, silent_so_far};
pub use unusual::{Finding, Unusual, unusual};

#[cfg(test)]
mod tests;
