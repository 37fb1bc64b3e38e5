//! Which topics the change is compared with, and how noisy topics of this organisation usually are.

use super::baseline::{BLOCK_DAYS, HISTORY_DAYS, Series, Usual, Window, minus, noise};
use super::{DayRow, Metric};
use chrono::NaiveDate;

/// Topics below which their usual noise is not trusted.
const LEAST_TOPICS: usize = 5;

/// What is known of a topic when it may serve as a control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// The topic.
    pub key: String,
    /// Its parent, if it has one.
    pub parent: Option<String>,
    /// An alarm of it is open.
    pub open_alarm: bool,
    /// Days on which measures for it went live.
    pub fix_days: Vec<NaiveDate>,
}

/// The topics that `topic` may be compared with since `from`: all others, except those on which
/// something was done since then, those under the same parent (a fix may reach them, or the trouble
/// may move there), the topic's own ancestors and descendants, and those with an open alarm.
#[must_use]
pub fn control_topics(topic: &str, all: &[TopicInfo], from: NaiveDate) -> Vec<String> {
    let parent_of = |key: &str| {
        all.iter()
            .find(|t| t.key == key)
            .and_then(|t| t.parent.as_deref())
    };
    let descends = |key: &str, from: &str| {
        // As many steps as there are topics: a circle ends too.
        let mut at = parent_of(key);
        for _ in 0..all.len() {
            match at {
                Some(above) if above == from => return true,
                Some(above) => at = parent_of(above),
                None => return false,
            }
        }
        false
    };
    let own_parent = parent_of(topic);
    all.iter()
        .filter(|t| t.key != topic)
        .filter(|t| own_parent.is_none_or(|parent| !descends(&t.key, parent)))
        .filter(|t| !descends(topic, &t.key) && !descends(&t.key, topic))
        .filter(|t| !t.open_alarm && t.fix_days.iter().all(|day| *day < from))
        .map(|t| t.key.clone())
        .collect()
}

/// The usual noise factor φ₀ of untreated topics, learnt from the 112 days up to `until`: the mean
/// over the topics of X / (J − 1), each compared with the others ([`noise`]), at least 1. `None`
/// with fewer than five topics that hold two blocks of 28 days.
#[must_use]
pub fn usual_noise(
    metric: Metric,
    topics: &[&[DayRow]],
    closed_days: &[NaiveDate],
    until: NaiveDate,
) -> Option<f64> {
    let time = Window {
        from: minus(until, HISTORY_DAYS - 1),
        to: until,
    };
    let (mut sum, mut n) = (0.0, 0_usize);
    for (at, rows) in topics.iter().enumerate() {
        let others: Vec<DayRow> = topics
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .flat_map(|(_, rows)| rows.iter().filter(|row| time.contains(row.day)).cloned())
            .collect();
        let series = Series::between(rows, &others, &[], closed_days, &[], time);
        let mut panel = series.panel(metric, topics.len() > LEAST_TOPICS);
        let span = series.span(time);
        panel.choose_strata(&panel.window(&[span]), span.days());
        if span.days() < 2.0 * BLOCK_DAYS as f64 {
            continue;
        }
        let known = Usual {
            noise: 1.0,
            weight: 1.0,
        };
        let found = noise(&panel, series.known_from(span.to), span.to, known);
        if found.blocks >= 2 {
            sum += found.pearson / (f64::from(found.blocks) - 1.0);
            n += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of topics")]
    let mean = sum / n as f64;
    (n >= LEAST_TOPICS).then(|| mean.max(1.0))
}
