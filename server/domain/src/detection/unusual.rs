//! A6: the unusual topics of a day, for a page that shows many: information, no alarm.

use super::params::CsatFallParams;
use super::series::{Context, GAP_DAYS, Watched, baseline};
use super::volume::Levels;
use super::{Subject, fall};
use crate::statistics::cusum::count_tail;
use crate::statistics::distributions::binomial_cdf;
use crate::statistics::multiplicity::benjamini_hochberg;

/// Expected share of false ones on the list.
const FALSE_SHARE: f64 = 0.10;

/// What is unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusual {
    /// More contacts than expected.
    Contacts,
    /// Less satisfaction than expected.
    Satisfaction,
}

/// A topic of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The topic.
    pub subject: Subject,
    /// What is unusual about it.
    pub what: Unusual,
    /// Contacts, or satisfied ratings.
    pub count: u32,
    /// How many were expected.
    pub expected: f64,
    /// One-sided chance of that when nothing is the matter.
    pub chance: f64,
}

/// The unusual ones among `topics` on day `d`, by Benjamini and Hochberg: about one in ten of the
/// list is there by chance. The least likely first. Topics with less than two weeks of history are
/// not looked at.
#[must_use]
pub fn unusual(context: &Context, topics: &[Watched<'_>], d: usize) -> Vec<Finding> {
    let mut all = Vec::with_capacity(2 * topics.len());
    let mut levels = Levels::default();
    for watched in topics {
        let Some(first) = watched.series.first() else {
            continue;
        };
        if d >= context.len() || context.left_out(d) || d < first + 2 * GAP_DAYS {
            continue;
        }
        levels.restart(watched.series.lanes.len());
        let day = watched.series.day(d);
        if let Some(mu) = levels.advance(context, watched.series, first, d, true, |_| false) {
            all.push(Finding {
                subject: watched.subject.clone(),
                what: Unusual::Contacts,
                count: day.contacts,
                expected: mu,
                // Of contacts and of the customers behind them, whichever is the less unusual: one who
                // writes again and again is nothing that a topic has.
                chance: count_tail(f64::from(day.contacts), mu, context.dispersion(d)).max(
                    count_tail(
                        f64::from(day.customers),
                        mu * levels.people(),
                        context.dispersion(d),
                    ),
                ),
            });
        }
        if day.rated > 0 {
            let window = baseline(d, first);
            let level = fall::level(context, *watched, window, d, &CsatFallParams::default());
            all.push(Finding {
                subject: watched.subject.clone(),
                what: Unusual::Satisfaction,
                count: day.satisfied,
                expected: level * f64::from(day.rated),
                chance: binomial_cdf(day.satisfied.into(), day.rated.into(), level),
            });
        }
    }
    let chances: Vec<f64> = all.iter().map(|f| f.chance).collect();
    let adjusted = benjamini_hochberg(&chances);
    let mut list: Vec<Finding> = all
        .into_iter()
        .zip(adjusted)
        .filter(|(_, p)| *p <= FALSE_SHARE)
        .map(|(finding, _)| finding)
        .collect();
    list.sort_by(|a, b| {
        a.chance
            .total_cmp(&b.chance)
            .then_with(|| a.subject.cmp(&b.subject))
    });
    list
}
