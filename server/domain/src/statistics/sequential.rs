//! How far the statistic must go at each look, so that all looks together err as rarely as one.
//!
//! Group sequential bounds with the error budget spent over the information (Lan and DeMets; power
//! family of Kim and DeMets, α·t^ρ): with a fixed baseline and a growing after-window the statistic
//! at information t is a Brownian motion, so looking early costs a part of the budget and nothing
//! else. One look at the horizon is the case of a single fraction of 1. Checked against the port of
//! R `ldbounds::landem` in spotify-confidence and against the multivariate normal distribution.

use super::distributions::{normal_cdf, normal_quantile};

/// Error budget of one direction.
pub const ALPHA: f64 = 0.025;
/// Exponent of the spending function.
pub const RHO: f64 = 1.5;
/// What a look costs when nothing of the budget is left: no statistic reaches it by chance.
pub const CLOSED: f64 = 9.0;

/// Most points of the grid: Simpson's rule wants an odd number.
const GRID: usize = 323;
/// The density is cut this many standard deviations below zero: what lies there never comes back.
const LOWEST: f64 = 5.5;
/// Steps that reach further than this many standard deviations do not happen.
const REACH: f64 = 7.0;
/// 1/√(2π).
const NORM: f64 = 0.398_942_280_401_432_7;

/// Density of the not yet stopped score on an even grid, times the weights of Simpson's rule.
#[derive(Clone)]
struct Grid {
    lower: f64,
    step: f64,
    len: usize,
    mass: [f64; GRID],
}

impl Grid {
    /// An even grid from [`LOWEST`] to `upper`, fine enough for steps of the size `sd`.
    fn reaching(upper: f64, root: f64, sd: f64) -> Self {
        let lower = -LOWEST * root;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the size of the grid"
        )]
        let intervals = ((upper - lower) / (0.45 * sd)).clamp(48.0, 322.0) as usize & !1;
        Self {
            lower,
            step: (upper - lower) / float(intervals),
            len: intervals + 1,
            mass: [0.0; GRID],
        }
    }

    fn at(&self, i: usize) -> f64 {
        self.step.mul_add(float(i), self.lower)
    }

    /// Index of the first point at or above `x`.
    fn first_from(&self, x: f64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the length"
        )]
        let index = ((x - self.lower) / self.step)
            .ceil()
            .clamp(0.0, float(self.len)) as usize;
        index
    }

    fn fill(&mut self, density: impl Fn(f64) -> f64) {
        for i in 0..self.len {
            let weight = if i == 0 || i + 1 == self.len {
                1.0
            } else if i % 2 == 1 {
                4.0
            } else {
                2.0
            };
            self.mass[i] = density(self.at(i)) * weight * self.step / 3.0;
        }
    }

    /// Density at `x` after a normal step of standard deviation `sd`.
    fn moved(&self, x: f64, sd: f64) -> f64 {
        let (from, to) = (
            self.first_from(x - REACH * sd),
            self.first_from(x + REACH * sd),
        );
        let scale = 1.0 / sd;
        let mut sum = 0.0;
        for (i, mass) in self.mass[from..to].iter().enumerate() {
            let d = (x - self.at(from + i)) * scale;
            sum += mass * (-0.5 * d * d).exp();
        }
        sum * NORM * scale
    }

    /// Probability to land above `x` after a step, and how fast it falls with `x`.
    fn above(&self, x: f64, sd: f64) -> (f64, f64) {
        let scale = 1.0 / sd;
        let (mut sum, mut slope) = (0.0, 0.0);
        let from = self.first_from(x - REACH * sd);
        for (i, mass) in self.mass[from..self.len].iter().enumerate() {
            let d = (self.at(from + i) - x) * scale;
            sum += mass * normal_cdf(d);
            slope += mass * (-0.5 * d * d).exp();
        }
        (sum, slope * NORM * scale)
    }
}

#[expect(clippy::cast_precision_loss, reason = "an index below 400")]
const fn float(i: usize) -> f64 {
    i as f64
}

/// One-sided upper boundaries at the cumulative information `fractions` (increasing, in (0, 1]),
/// spending `alpha`·t^`rho`. A fraction that does not grow gets [`CLOSED`].
///
/// The recursion of Armitage, McPherson and Rowe. Only steps that can happen are added up, and the
/// grid is as fine as the smaller of two steps asks for: a schedule of 22 daily looks takes about a
/// tenth of the full kernel's time and differs from it by less than 1e-4.
#[must_use]
pub fn boundaries(fractions: &[f64], alpha: f64, rho: f64) -> Vec<f64> {
    let spent = |t: f64| alpha * t.clamp(0.0, 1.0).powf(rho);
    let mut out = Vec::with_capacity(fractions.len());
    let mut grid: Option<Grid> = None;
    let mut last = 0.0_f64;
    for (k, &t) in fractions.iter().enumerate() {
        let step = t - last;
        let budget = spent(t) - spent(last);
        if step <= 0.0 || budget <= 1e-12 {
            out.push(CLOSED);
            continue;
        }
        let (sd, root) = (step.sqrt(), t.sqrt());
        let z = match &grid {
            None => normal_quantile(1.0 - budget),
            Some(grid) => crossed_with(grid, budget, root, sd),
        };
        out.push(z);
        let next = fractions[k + 1..]
            .iter()
            .find(|f| **f > t)
            .map(|f| (f - t).sqrt());
        let Some(next) = next else { break };
        let mut to = Grid::reaching(z * root, root, sd.min(next));
        match &grid {
            None => to.fill(|x| (-0.5 * x * x / t).exp() * NORM / root),
            Some(from) => to.fill(|x| from.moved(x, sd)),
        }
        grid = Some(to);
        last = t;
    }
    out.resize(fractions.len(), CLOSED);
    out
}

/// The z whose crossing has the probability `budget`: Newton's method on the logarithm, which is
/// nearly a parabola.
fn crossed_with(grid: &Grid, budget: f64, root: f64, sd: f64) -> f64 {
    let mut z = grid.at(grid.len - 1) / root;
    for _ in 0..40 {
        let (p, slope) = grid.above(z * root, sd);
        if p < 1e-300 {
            z -= 0.5;
            continue;
        }
        let step = ((p / budget).ln() * p / (slope * root).max(1e-300)).clamp(-1.0, 1.0);
        z = (z + step).clamp(-1.0, CLOSED);
        if step.abs() < 1e-9 {
            break;
        }
    }
    z
}
