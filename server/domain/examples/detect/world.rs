//! Random topics with known truth: the distributions of the specification's simulation, with a
//! generator of our own so that every run draws the same.

use domain::detection::{Lane, Point, Series};

/// A small generator (xoshiro256++, Blackman & Vigna 2019), seeded by splitmix64.
pub struct Random([u64; 4]);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut x = seed;
        Self(std::array::from_fn(|_| {
            x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = x;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }))
    }

    fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Inside (0, 1).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Gamma with mean `shape` (Marsaglia & Tsang 2000; `shape` ≥ 1).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Poisson by inversion, in pieces whose chance of 0 is no rounding error.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let mut left = mean;
        let mut sum = 0;
        while left > 0.0 {
            let piece = left.min(12.0);
            left -= piece;
            let u = self.uniform();
            let (mut k, mut p) = (0_u32, (-piece).exp());
            let mut below = p;
            while u > below && k < 200 {
                k += 1;
                p *= piece / f64::from(k);
                below += p;
            }
            sum += k;
        }
        sum
    }
}

pub fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

pub fn expit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

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
