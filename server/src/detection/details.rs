//! Rules about searches and articles: sums of some days against fixed lines.

use chrono::{NaiveDate, TimeDelta};
use domain::detection::params::{NoResultParams, UnhelpfulParams};
use domain::detection::{Detector, Signal, Subject};
use domain::facts::Counters;

/// First day of a window that ends with `day`.
pub(super) fn first_day(day: NaiveDate, window_days: u16) -> NaiveDate {
    day - TimeDelta::days(i64::from(window_days.max(1)) - 1)
}

/// Searches of the same words that found nothing: `sums` over the window.
pub(super) fn no_result(
    detector: &Detector,
    params: &NoResultParams,
    subject: Subject,
    day: NaiveDate,
    sums: &Counters,
) -> Option<Signal> {
    let share = sums.no_result_share()?;
    (sums.no_result > params.limit && share >= params.min_share).then(|| Signal {
        sample: Some(sums.voices),
        level: Some(share),
        change_day: (params.window_days > 1).then(|| first_day(day, params.window_days)),
        ..Signal::counted(detector, subject, day, sums.no_result, None)
    })
}

/// An article that its readers do not find helpful: `sums` over the window.
pub(super) fn unhelpful(
    detector: &Detector,
    params: &UnhelpfulParams,
    subject: Subject,
    day: NaiveDate,
    sums: &Counters,
) -> Option<Signal> {
    let share = sums.unhelpful_share()?;
    let votes = sums.helpful + sums.unhelpful;
    let enough = sums.voices >= params.min_views && votes >= params.min_votes;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "counts of votes"
    )]
    let accepted = (params.max_unhelpful_share * votes as f64).floor() as i64;
    (enough && share > params.max_unhelpful_share).then(|| Signal {
        limit: accepted,
        sample: Some(votes),
        level: Some(share),
        statistic: Some(share),
        threshold: Some(params.max_unhelpful_share),
        change_day: Some(first_day(day, params.window_days)),
        ..Signal::counted(detector, subject, day, sums.unhelpful, None)
    })
}
