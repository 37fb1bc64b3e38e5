//! Dense rows of searches, articles, agents and topics.

use chrono::{NaiveDate, TimeDelta};
use domain::facts::Counters;
use std::collections::BTreeMap;

/// Sparse sums by subject and day as one row a day from `start` to `end`. Sums of the same subject and
/// day add up.
pub(super) fn rows_of(
    sums: impl IntoIterator<Item = (String, NaiveDate, Counters)>,
    start: NaiveDate,
    end: NaiveDate,
) -> BTreeMap<String, Vec<Counters>> {
    let length = usize::try_from((end - start).num_days() + 1).unwrap_or(0);
    let mut all: BTreeMap<String, Vec<Counters>> = BTreeMap::new();
    for (subject, day, counters) in sums {
        let Ok(index) = usize::try_from((day - start).num_days()) else {
            continue;
        };
        let rows = all
            .entry(subject)
            .or_insert_with(|| vec![Counters::default(); length]);
        if let Some(row) = rows.get_mut(index) {
            row.add(&counters);
        }
    }
    all
}

/// The first of the days that a rule which adds `window_days` up replays before `day`.
pub(super) fn replay_from(day: NaiveDate, window_days: u16) -> NaiveDate {
    day - TimeDelta::days(4 * i64::from(window_days))
}
