//! The present day against its own history, while it is still running.

use crate::app::App;
use chrono::NaiveDate;
use domain::detection::{Detector, Signal, Subject};
use domain::organisation::Topic;
use storage::{DbError, Tx};

/// Reads what is needed to judge the present day, outside of any transaction.
pub(super) async fn prepare(_app: &App) -> Result<(), DbError> {
    Ok(())
}

/// A rise that is beyond the line of the whole day already.
pub(super) async fn spike(
    _app: &App,
    _tx: &Tx,
    _detector: &Detector,
    _subject: Subject,
    _day: NaiveDate,
    _topics: &[Topic],
) -> Result<Option<Signal>, DbError> {
    Ok(None)
}
