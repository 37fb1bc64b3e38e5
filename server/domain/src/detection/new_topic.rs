//! A3: a topic without history that people begin to speak of.

use super::params::NewTopicParams;
use super::series::{BASELINE_DAYS, Context, FULL_DAYS, Watched};
use super::{Detector, Signal};

/// The signal of the days `from..=to`, at most one: new is a topic once.
pub(super) fn scan(
    detector: &Detector,
    params: &NewTopicParams,
    context: &Context,
    watched: Watched<'_>,
    (from, to): (usize, usize),
) -> Vec<Signal> {
    let Some(first) = watched.series.first() else {
        return Vec::new();
    };
    let window = usize::from(params.window_days);
    // While the source itself is new, so is every topic: that says nothing.
    let known = context
        .source_start(first)
        .is_some_and(|s| s + FULL_DAYS <= first);
    if !known {
        return Vec::new();
    }
    // A topic that stays thin for eight weeks is no news any more.
    for d in first..=to.min(first + BASELINE_DAYS) {
        let start = (d + 1).saturating_sub(window).max(first);
        let (mut contacts, mut customers, mut anonymous, mut days) = (0_i64, 0_i64, 0_i64, 0_u16);
        for e in start..=d {
            let p = watched.series.day(e);
            contacts += i64::from(p.contacts);
            customers += i64::from(p.customers);
            anonymous += i64::from(p.anonymous);
            days += u16::from(p.contacts > 0);
        }
        // One person who writes again and again is no topic.
        let many = contacts >= params.min_contacts && customers > params.min_contacts / 2;
        if many && days >= params.min_days {
            if d < from {
                return Vec::new();
            }
            return vec![Signal {
                anonymous: Some(anonymous),
                limit: params.min_contacts,
                baseline: Some(0.0),
                change_day: Some(context.date(start)),
                ..Signal::counted(
                    detector,
                    watched.subject.clone(),
                    context.date(d),
                    contacts,
                    Some(customers),
                )
            }];
        }
    }
    Vec::new()
}
