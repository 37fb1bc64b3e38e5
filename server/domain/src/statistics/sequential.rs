//! How far the statistic must go at each look, so that all looks together err as rarely as one.
//!
//! Group sequential bounds with the error budget spent over the information (Lan and DeMets; power
//! family of Kim and DeMets, α·t^ρ): with a fixed baseline and a growing after-window the statistic
//! at information t is a Brownian motion, so looking early costs a part of the budget and nothing
//! else. One look at the horizon is the case of a single fraction of 1. Checked against the port of
//! R `ldbounds::landem` in spotify-confidence and against the multivariate normal distribution.

use super::distributions::{normal_cdf, normal_quantile, normal_sf};

/// Error budget of one direction.
pub const ALPHA: f64 = 0.025;
/// Exponent of the spending function.
pub const RHO: f64 = 1.5;
/// What a look costs when nothing of the budget is left: no statistic reaches it by chance.
pub const CLOSED: f64 = 9.0;

/// Half the number of intervals of Simpson's rule.
const HALF_GRID: usize = 161;

/// One-sided upper boundaries at the cumulative information `fractions` (increasing, in (0, 1]),
/// spending `alpha`·t^`rho`. A fraction that does not grow gets [`CLOSED`].
#[must_use]
pub fn boundaries(fractions: &[f64], alpha: f64, rho: f64) -> Vec<f64> {
    let spent = |t: f64| alpha * t.clamp(0.0, 1.0).powf(rho);
    let mut out = Vec::with_capacity(fractions.len());
    // Density of the not yet stopped score at the last look: points and density × weight.
    let mut grid: Vec<(f64, f64)> = Vec::new();
    let mut last = 0.0_f64;
    for &t in fractions {
        let step = t - last;
        let budget = spent(t) - spent(last);
        if step <= 0.0 || budget <= 1e-12 {
            out.push(CLOSED);
            continue;
        }
        let sd = step.sqrt();
        let root = t.sqrt();
        let crossing = |z: f64| -> f64 {
            if grid.is_empty() {
                normal_sf(z)
            } else {
                grid.iter()
                    .map(|&(x, f)| f * normal_cdf((x - z * root) / sd))
                    .sum()
            }
        };
        let z = if grid.is_empty() {
            normal_quantile(1.0 - budget)
        } else {
            let (mut low, mut high) = (-1.0, CLOSED);
            for _ in 0..60 {
                let mid = f64::midpoint(low, high);
                if crossing(mid) > budget {
                    low = mid
                } else {
                    high = mid
                }
            }
            f64::midpoint(low, high)
        };
        out.push(z);
        grid = advance(&grid, z * root, root, t, sd);
        last = t;
    }
    out
}

/// Density of the score at the next look, cut at `upper`, with the weights of Simpson's rule.
#[expect(clippy::cast_precision_loss, reason = "an index below 400")]
fn advance(grid: &[(f64, f64)], upper: f64, root: f64, t: f64, sd: f64) -> Vec<(f64, f64)> {
    let lower = -8.0 * root;
    let h = (upper - lower) / (2 * HALF_GRID) as f64;
    let norm = (2.0 * std::f64::consts::PI).sqrt();
    (0..=2 * HALF_GRID)
        .map(|i| {
            let x = lower + h * i as f64;
            let weight = match i {
                0 => 1.0,
                i if i == 2 * HALF_GRID => 1.0,
                i if i % 2 == 1 => 4.0,
                _ => 2.0,
            } * h
                / 3.0;
            let density = if grid.is_empty() {
                (-0.5 * x * x / t).exp() / (norm * t.sqrt())
            } else {
                let sum: f64 = grid
                    .iter()
                    .map(|&(u, f)| {
                        let d = (x - u) / sd;
                        f * (-0.5 * d * d).exp()
                    })
                    .sum();
                sum / (norm * sd)
            };
            (x, density * weight)
        })
        .collect()
}
