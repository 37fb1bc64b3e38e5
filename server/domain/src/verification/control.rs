//! Which topics the change is compared with, and how noisy topics of this organisation usually are.

use super::baseline::{Series, Window, noise_factor};
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
        .filter(|t| own_parent.is_none() || t.parent.as_deref() != own_parent)
        .filter(|t| own_parent.is_none_or(|parent| !descends(&t.key, parent)))
        .filter(|t| !descends(topic, &t.key) && !descends(&t.key, topic))
        .filter(|t| !t.open_alarm && t.fix_days.iter().all(|day| *day < from))
        .map(|t| t.key.clone())
        .collect()
}

/// The usual noise factor of untreated topics, learnt from the 112 days up to `until`: the mean of
/// their own ones, at least 1. `None` with fewer than five topics that tell one.
#[must_use]
pub fn usual_noise(metric: Metric, topics: &[&[DayRow]], until: NaiveDate) -> Option<f64> {
    let quiet = Window::ending(until, 56);
    let (mut sum, mut n) = (0.0, 0_usize);
    for rows in topics {
        let (noise, blocks) = noise_factor(&Series::new(rows, &[]), metric, quiet, None);
        if blocks >= 2 {
            sum += noise;
            n += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of topics")]
    let mean = sum / n as f64;
    (n >= LEAST_TOPICS).then(|| mean.max(1.0))
}
