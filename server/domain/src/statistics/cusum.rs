//! Running sums of log-likelihood ratios (CUSUM) for shares and counts, and the line that gives
//! them a wanted rate of false alarms.
//!
//! Sources: Page 1954; Steiner et al. 2000 (shares); Höhle & Paul 2008 (counts); Siegmund 1985
//! (threshold). The recursion is that of R's `surveillance::categoricalCUSUM` and `algo.glrnb`.

use super::distributions::{beta_cdf, gamma_cdf};

/// S after a day: `max(0, s + increment)`.
#[must_use]
pub fn step(s: f64, increment: f64) -> f64 {
    (s + increment).max(0.0)
}

/// A fall (or rise) of a share from odds `o` to `o / odds_ratio`, per stratum and day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShareShift {
    /// ln(p₁/p₀): what a satisfied rating adds.
    pub satisfied: f64,
    /// ln((1−p₁)/(1−p₀)): what a dissatisfied one adds.
    pub dissatisfied: f64,
    /// p₀.
    pub level: f64,
}

impl ShareShift {
    /// From the level `p0` to `p1`, both strictly inside (0, 1).
    #[must_use]
    pub fn between(p0: f64, p1: f64) -> Self {
        Self {
            satisfied: (p1 / p0).ln(),
            dissatisfied: ((1.0 - p1) / (1.0 - p0)).ln(),
            level: p0,
        }
    }

    /// From odds `odds` to `odds / odds_ratio`; `ln_odds_ratio` = ln `odds_ratio`. One logarithm.
    #[must_use]
    pub fn of_odds(odds: f64, odds_ratio: f64, ln_odds_ratio: f64) -> Self {
        let dissatisfied = ((1.0 + odds) / (1.0 + odds / odds_ratio)).ln();
        Self {
            satisfied: dissatisfied - ln_odds_ratio,
            dissatisfied,
            level: odds / (1.0 + odds),
        }
    }

    /// The log-likelihood ratio of `satisfied` among `n` ratings.
    #[must_use]
    pub fn increment(&self, n: f64, satisfied: f64) -> f64 {
        satisfied * self.satisfied + (n - satisfied) * self.dissatisfied
    }

    /// Mean of the increment of one rating while the level is p₀.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.level * self.satisfied + (1.0 - self.level) * self.dissatisfied
    }

    /// Mean and variance of a day's increment (already divided by `noise`) with `pace` ratings a
    /// day on average while the level is p₀: outcomes vary `noise` times as much as by chance, and
    /// the number of ratings like a Poisson number.
    #[must_use]
    pub fn day(&self, pace: f64, noise: f64) -> (f64, f64) {
        let p = self.level;
        let one = self.mean();
        let step = self.satisfied - self.dissatisfied;
        let share = noise.recip();
        let mean = pace * one * share;
        let variance = pace * share * (p * (1.0 - p) * step * step + one * one * share);
        (mean, variance)
    }
}

/// A shift of a count from mean `mu` to `factor × mu` under NB2 (`var = mu + dispersion × mu²`),
/// or Poisson where `dispersion` is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountShift {
    /// ln `factor`.
    ln_factor: f64,
    /// ln((1 + aθμ)/(1 + aμ)); Poisson: unused.
    ln_ratio: f64,
    /// 1/a; infinite for Poisson.
    size: f64,
    /// Poisson: μ(θ − 1).
    poisson: f64,
    mu: f64,
    dispersion: f64,
}

impl CountShift {
    /// From `mu` > 0 to `factor × mu`; `ln_factor` = ln `factor`. One logarithm.
    #[must_use]
    pub fn new(mu: f64, factor: f64, ln_factor: f64, dispersion: f64) -> Self {
        let ln_ratio = ((1.0 + dispersion * factor * mu) / (1.0 + dispersion * mu)).ln();
        Self {
            ln_factor,
            ln_ratio,
            size: dispersion.recip(),
            poisson: mu * (factor - 1.0),
            mu,
            dispersion,
        }
    }

    /// The log-likelihood ratio of the count `y`: y ln θ − (y + 1/a) ln((1 + aθμ)/(1 + aμ)).
    #[must_use]
    pub fn increment(&self, y: f64) -> f64 {
        if self.dispersion > 0.0 {
            y * self.ln_factor - (y + self.size) * self.ln_ratio
        } else {
            y * self.ln_factor - self.poisson
        }
    }

    /// Mean and variance of the increment while the mean is μ.
    #[must_use]
    pub fn day(&self) -> (f64, f64) {
        let slope = if self.dispersion > 0.0 {
            self.ln_factor - self.ln_ratio
        } else {
            self.ln_factor
        };
        let variance = self.mu + self.dispersion * self.mu * self.mu;
        (self.increment(self.mu), slope * slope * variance)
    }
}

/// Average run length in control, in days, of a CUSUM with line `h` whose daily increments have
/// `mean` < 0 and standard deviation `sd`: (e^(−2Db) + 2Db − 1)/(2D²), D = mean/sd,
/// b = h/sd + 1.166.
#[must_use]
pub fn run_length(mean: f64, sd: f64, h: f64) -> f64 {
    length(mean / sd, h / sd + CORRECTION)
}

/// Siegmund's correction for overshoot: it stands once on top of the line.
const CORRECTION: f64 = 1.166;

fn length(d: f64, b: f64) -> f64 {
    if d.abs() < 1e-6 {
        return b * b;
    }
    let x = (-2.0 * d * b).min(700.0);
    (x.exp_m1() - x) / (2.0 * d * d)
}

/// The line `h` (at least 0.5) at which the run length in control is `days`. `mean` is taken as a
/// little below 0 when it is not.
///
/// With x = −2Db the run length is (eˣ − 1 − x)/(2D²): Newton's method from above, where the
/// function is convex, so that it never steps below the root.
#[must_use]
pub fn threshold(mean: f64, variance: f64, days: f64) -> f64 {
    let sd = variance.max(1e-12).sqrt();
    let d = mean.min(-1e-9) / sd;
    let b = if d.abs() < 1e-6 {
        days.sqrt()
    } else {
        let k = 2.0 * d * d * days;
        // eˣ − 1 − x ≥ x²/2 and so x ≤ √(2k); then eˣ = 1 + k + x ≤ 1 + k + √(2k).
        let most = (2.0 * k).sqrt();
        let mut x = most.min((1.0 + k + most).ln());
        for _ in 0..30 {
            let slope = x.exp_m1();
            let less = (slope - x - k) / slope;
            x -= less;
            if less <= 1e-13 * x {
                break;
            }
        }
        x / (-2.0 * d)
    };
    ((b.clamp(CORRECTION, 2000.0) - CORRECTION) * sd).max(0.5)
}

/// Whether `s` is at or above the [`threshold`] of `days`: the same answer, without a search.
#[must_use]
pub fn crosses(s: f64, mean: f64, variance: f64, days: f64) -> bool {
    let sd = variance.max(1e-12).sqrt();
    s >= 0.5 && length(mean.min(-1e-9) / sd, s / sd + CORRECTION) >= days
}

/// A value that the [`threshold`] of `days` is never below, close to it where lines are far away:
/// one logarithm instead of a search. From (e^x − 1 − x)/(2D²) ≤ e^x/(2D²), x = −2Db.
#[must_use]
pub fn least_threshold(mean: f64, variance: f64, days: f64) -> f64 {
    let sd = variance.max(1e-12).sqrt();
    let d = mean.min(-1e-9) / sd;
    let b = (2.0 * d * d * days).ln() / (-2.0 * d);
    ((b - CORRECTION) * sd).max(0.5)
}

/// P(Y ≥ y) for a count with mean `mu` under NB2 with `dispersion`, or Poisson where that is 0.
#[must_use]
pub fn count_tail(y: f64, mu: f64, dispersion: f64) -> f64 {
    if y <= 0.0 {
        return 1.0;
    }
    if mu <= 0.0 {
        return 0.0;
    }
    if dispersion > 0.0 {
        let am = dispersion * mu;
        beta_cdf(am / (1.0 + am), y, dispersion.recip())
    } else {
        gamma_cdf(mu, y, 1.0)
    }
}

/// P(Y ≤ y) of the same law, for whole `y`.
#[must_use]
pub fn count_below(y: f64, mu: f64, dispersion: f64) -> f64 {
    if mu <= 0.0 {
        return 1.0;
    }
    if dispersion > 0.0 {
        let am = dispersion * mu;
        beta_cdf((1.0 + am).recip(), dispersion.recip(), y + 1.0)
    } else {
        1.0 - gamma_cdf(mu, y + 1.0, 1.0)
    }
}

/// Sums from which the dispersion of many counts is taken by moments.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dispersion {
    /// Σ[(y − μ)² − μ].
    pub excess: f64,
    /// Σ μ².
    pub square: f64,
}

impl Dispersion {
    /// Adds a count `y` of which `mu` was expected.
    pub fn add(&mut self, y: f64, mu: f64) {
        self.excess += (y - mu) * (y - mu) - mu;
        self.square += mu * mu;
    }

    /// a of NB2 (`var = mu + a mu²`), at least 1e-4; `None` when nothing was added.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.square > 0.0).then(|| (self.excess / self.square).max(1e-4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance * b.abs().max(1.0)
    }

    #[test]
    fn the_recursion_is_that_of_surveillance() {
        // First days of the first public case of cusum_binomial.
        let n = [14., 19., 19., 10., 19., 26., 23., 18., 21., 21., 34., 19.];
        let s = [13., 18., 17., 10., 14., 20., 20., 14., 16., 15., 29., 18.];
        let expected = [
            0.,
            0.,
            0.,
            0.,
            0.860398448605034,
            1.61608182465105,
            1.12893988054896,
            1.57506322243796,
            2.26246494461798,
            3.45064013672654,
            3.01356313714394,
            1.87086770603481,
        ];
        let shift = ShareShift::between(0.861, 0.789655);
        let mut sum = 0.0;
        for ((n, s), e) in n.into_iter().zip(s).zip(expected) {
            sum = step(sum, shift.increment(n, s));
            assert!(close(sum, e, 1e-9), "{sum} {e}");
        }
        // Poisson of the first public case of cusum_negbin (it restarts at 6.48… and 6.88…).
        let shift = CountShift::new(19.47, 1.5, 0.405465, 0.0);
        let day = |s, y| step(s, shift.increment(y));
        assert!(close(day(0.0, 40.0), 6.48360315729877, 1e-5));
        assert!(close(day(0.0, 32.0), 3.23988315729877, 1e-5));
        assert!(close(day(3.23988315729877, 33.0), 6.88523131459754, 1e-5));
    }

    #[test]
    fn both_forms_of_a_share_shift_agree() {
        let (p0, or) = (0.78_f64, 1.65_f64);
        let odds = p0 / (1.0 - p0);
        let p1 = odds / or / (1.0 + odds / or);
        let (a, b) = (
            ShareShift::between(p0, p1),
            ShareShift::of_odds(odds, or, or.ln()),
        );
        assert!(
            close(a.satisfied, b.satisfied, 1e-12) && close(a.dissatisfied, b.dissatisfied, 1e-12)
        );
        assert!(a.mean() < 0.0 && close(a.level, b.level, 1e-12));
    }

    #[test]
    fn siegmund_is_near_the_exact_run_length() {
        // R spc::xcusum.arl(k, h, mu = 0, sided = "one"): increments are N(−k, 1).
        for (k, h, exact) in [
            (0.25, 4.0, 77.0785171271966),
            (0.25, 5.0, 141.687745216856),
            (0.5, 3.0, 117.59570422794),
            (0.5, 5.0, 930.887012064239),
        ] {
            assert!(close(run_length(-k, 1.0, h), exact, 0.05), "{k} {h}");
            let line = threshold(-k, 1.0, run_length(-k, 1.0, h));
            assert!(close(line, h, 1e-6), "{line} {h}");
        }
        // k = 0.5, mu = 0.5: no drift at all.
        assert!(close(run_length(0.0, 1.0, 5.0), 38.0096099218961, 0.05));
        assert!(threshold(-3.0, 0.1, 2.0) >= 0.5);
        for (mean, variance) in [
            (-0.5, 1.0),
            (-0.1, 0.2),
            (-3.0, 0.1),
            (0.0, 2.0),
            (-1e-5, 1.0),
        ] {
            let line = threshold(mean, variance, 730.0);
            assert!(crosses(line + 1e-6, mean, variance, 730.0), "{mean}");
            assert!(!crosses(line - 1e-6, mean, variance, 730.0), "{mean}");
            let least = least_threshold(mean, variance, 730.0);
            assert!(least <= line + 1e-9 && least >= 0.5, "{least} {line}");
        }
    }

    #[test]
    fn tails_of_counts() {
        // scipy.stats: nbinom.sf(19, 25, 1/(1+0.04*10)), poisson.sf(19, 10), nbinom.cdf(3, …).
        let sum = |mu: f64, a: f64, from: u32, to: u32| -> f64 {
            (from..to)
                .map(|y| {
                    let (y, r) = (f64::from(y), 1.0 / a);
                    let p = 1.0 / (1.0 + a * mu);
                    (libm::lgamma(y + r) - libm::lgamma(r) - libm::lgamma(y + 1.0)
                        + r * p.ln()
                        + y * (1.0 - p).ln())
                    .exp()
                })
                .sum()
        };
        assert!(close(
            count_tail(20.0, 10.0, 0.04),
            sum(10.0, 0.04, 20, 400),
            1e-9
        ));
        assert!(close(
            count_below(3.0, 10.0, 0.04),
            sum(10.0, 0.04, 0, 4),
            1e-9
        ));
        assert!(close(
            count_tail(20.0, 10.0, 0.0),
            0.003_454_341_976_568_2,
            1e-9
        ));
        assert!(close(
            count_below(19.0, 10.0, 0.0) + count_tail(20.0, 10.0, 0.0),
            1.0,
            1e-12
        ));
        assert!((count_tail(0.0, 5.0, 0.1) - 1.0).abs() < 1e-15);
        assert!(count_tail(1.0, 0.0, 0.1) < 1e-15);
    }

    #[test]
    fn dispersion_by_moments() {
        let mut d = Dispersion::default();
        assert_eq!(d.value(), None);
        for y in [90.0, 110.0, 130.0, 70.0] {
            d.add(y, 100.0);
        }
        // ((100+100+900+900) − 400)/40 000.
        assert!(close(d.value().unwrap(), 0.04, 1e-12));
        let mut even = Dispersion::default();
        even.add(100.0, 100.0);
        assert!(close(even.value().unwrap(), 1e-4, 1e-12));
    }

    #[test]
    fn the_mean_of_a_day_is_the_increment_at_the_mean() {
        let shift = CountShift::new(30.0, 1.5, 1.5_f64.ln(), 0.04);
        let (mean, variance) = shift.day();
        assert!(mean < 0.0 && variance > 0.0);
        assert!(close(mean, shift.increment(30.0), 1e-12));
        let (m, v) = ShareShift::between(0.78, 0.68).day(20.0, 1.0);
        assert!(close(
            m,
            20.0 * (0.78 * (0.68_f64 / 0.78).ln() + 0.22 * (0.32_f64 / 0.22).ln()),
            1e-12
        ));
        assert!(v > 0.0);
    }
}
