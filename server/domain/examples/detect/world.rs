//! Random topics with known truth: the distributions of the specification's simulation, with a
//! generator of our own so that every run draws the same.

use domain::detection::{Lane, Point, Series};

pub use super::random::{Random, expit, logit};

/// How topics behave.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Contacts a day.
    pub rate: f64,
    /// Share of them that is rated.
    pub response: f64,
    /// Days.
    pub days: usize,
}

/// What is different on some days.
#[derive(Clone, Copy)]
pub struct Change {
    pub from: usize,
    pub to: usize,
    /// Added to the share of satisfied.
    pub csat: f64,
    /// Factor of contacts.
    pub volume: f64,
}

impl Change {
    pub const NONE: Self = Self {
        from: usize::MAX,
        to: usize::MAX,
        csat: 0.0,
        volume: 1.0,
    };
}

/// Whether day `d` is a weekend.
pub fn weekend(d: usize) -> bool {
    d % 7 >= 5
}

/// One topic in one channel. Topic levels: Beta(78, 22); weekend ×0.62 and −0.12 log-odds; days
/// vary by gamma (shape 25) in volume and by 0.10 log-odds in satisfaction. `common` is a factor
/// per day that all topics of a company share.
pub fn topic(random: &mut Random, manner: Manner, change: Change, common: &[f64]) -> Series {
    let (a, b) = (random.gamma(78.0), random.gamma(22.0));
    let level = logit(a / (a + b));
    let points = (0..manner.days)
        .map(|d| {
            let off = weekend(d);
            let on = (change.from..change.to).contains(&d);
            let mut mean = manner.rate * if off { 0.62 } else { 1.152 };
            mean *= common.get(d).copied().unwrap_or(1.0);
            if on {
                mean *= change.volume;
            }
            mean *= random.gamma(25.0) / 25.0;
            let shift = if on { change.csat } else { 0.0 };
            let noise = 0.10 * random.normal() - if off { 0.12 } else { 0.0 };
            let p = (expit(level + noise) + shift).clamp(0.01, 0.99);
            // A Poisson number, thinned: the same law as ratings drawn from the contacts.
            let silent = random.poisson(mean * (1.0 - manner.response));
            let satisfied = random.poisson(mean * manner.response * p);
            let rated = satisfied + random.poisson(mean * manner.response * (1.0 - p));
            Point {
                contacts: silent + rated,
                customers: silent + rated,
                rated,
                satisfied,
                anonymous: 0,
            }
        })
        .collect();
    Series {
        lanes: vec![Lane { channel: 0, points }],
    }
}
