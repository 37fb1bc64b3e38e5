//! Detect: rules look at what a batch changed and at every day's close.

mod backtest;
mod daily;
mod details;
mod history;
mod hours;
pub mod http;
pub mod jobs;
mod judge;
mod phrases;
mod present;
mod raise;
mod relapse;
mod rolling;
mod watch;
mod withdraw;
mod words;

pub use backtest::{Backtest, BacktestDay, LONGEST, run as backtest};
pub use present::Lines;
pub(crate) use raise::{loop_people, person};
