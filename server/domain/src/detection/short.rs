//! The look at one day with hardly any history: doubled, many, and next to impossible by chance.

use super::params::SpikeParams;
use super::series::Point;
use crate::statistics::cusum::count_tail;

/// Chance below which a rise of distinct customers is believed, once contacts are far above
/// everything: it only has to tell many people from one person who writes again and again.
pub(super) const CONFIRMED: f64 = 0.05;

/// Earlier days that a day is compared with: complete ones, or all cut at the same hour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Earlier {
    /// How many days.
    pub days: f64,
    /// Their contacts.
    pub contacts: f64,
    /// Their distinct customers, day by day.
    pub customers: f64,
}

/// A day above the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Above {
    /// Contacts expected.
    pub expected: f64,
    /// The most contacts that would have been accepted.
    pub limit: i64,
    /// Chance of so many contacts, or more, when nothing is the matter.
    pub chance: f64,
}

impl Earlier {
    /// Adds an earlier day.
    pub fn add(&mut self, day: Point) {
        self.days += 1.0;
        self.contacts += f64::from(day.contacts);
        self.customers += f64::from(day.customers);
    }

    /// Whether `today` is a spike against these days. Distinct customers must have risen too: by
    /// half of what is asked of contacts, and not by chance.
    #[must_use]
    pub fn judge(&self, today: Point, params: &SpikeParams) -> Option<Above> {
        if self.days < 1.0 || i64::from(today.contacts) < params.short_min_count {
            return None;
        }
        let expected = self.contacts / self.days;
        let fires = |count: u32| {
            let y = f64::from(count);
            i64::from(count) >= params.short_min_count
                && y >= params.short_min_ratio * expected
                && count_tail(y, expected, params.short_dispersion) < params.short_probability
        };
        let people = f64::from(today.customers);
        let usual = self.customers / self.days;
        let many = people >= usual * (1.0 + (params.short_min_ratio - 1.0) / 2.0)
            && count_tail(people, usual, 0.0) < CONFIRMED;
        if !many || !fires(today.contacts) {
            return None;
        }
        // Firing is monotone in the count: halve until the last count that is accepted.
        let (mut accepted, mut too_many) = (0, today.contacts);
        while accepted + 1 < too_many {
            let middle = accepted.midpoint(too_many);
            if fires(middle) {
                too_many = middle;
            } else {
                accepted = middle;
            }
        }
        Some(Above {
            expected,
            limit: accepted.into(),
            chance: count_tail(f64::from(today.contacts), expected, params.short_dispersion),
        })
    }
}
