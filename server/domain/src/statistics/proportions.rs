//! Intervals and tests for display: one share, or two shares side by side. Verdicts use
//! [`super::stratified`] instead.

use super::distributions::{normal_quantile, normal_sf};

/// Two-sided 95 %.
pub const Z95: f64 = 1.959_963_984_540_054;

/// Wilson's interval for a share of `x` in `n`; `None` for n < 1.
///
/// At x = 0 the lower end is exactly 0, at x = n the upper end exactly 1.
/// Wilson 1927; as `proportion_confint(method='wilson')` of statsmodels.
#[must_use]
pub fn wilson(x: f64, n: f64, z: f64) -> Option<(f64, f64)> {
    if n < 1.0 || !(0.0..=n).contains(&x) {
        return None;
    }
    let z2 = z * z;
    let centre = (x + z2 / 2.0) / (n + z2);
    let half = z / (n + z2) * (x * (n - x) / n + z2 / 4.0).sqrt();
    let low = if x == 0.0 {
        0.0
    } else {
        (centre - half).max(0.0)
    };
    let high = if (x - n).abs() < f64::EPSILON {
        1.0
    } else {
        (centre + half).min(1.0)
    };
    Some((low, high))
}

/// Newcombe's interval for the difference of two shares, first − second; `None` for an empty side.
///
/// Newcombe 1998, method 10; as `confint_proportions_2indep(method='newcomb')` of statsmodels.
#[must_use]
pub fn newcombe(x1: f64, n1: f64, x2: f64, n2: f64, z: f64) -> Option<(f64, f64)> {
    let (l1, u1) = wilson(x1, n1, z)?;
    let (l2, u2) = wilson(x2, n2, z)?;
    let (p1, p2) = (x1 / n1, x2 / n2);
    let d = p1 - p2;
    Some((
        d - ((p1 - l1).powi(2) + (u2 - p2).powi(2)).sqrt(),
        d + ((u1 - p1).powi(2) + (p2 - l2).powi(2)).sqrt(),
    ))
}

/// The pooled z test of two equal shares: statistic (first − second) and two-sided p-value.
/// `None` where it is undefined: an empty side, or all answers the same.
#[must_use]
pub fn pooled_z(x1: f64, n1: f64, x2: f64, n2: f64) -> Option<(f64, f64)> {
    if n1 < 1.0 || n2 < 1.0 {
        return None;
    }
    let p = (x1 + x2) / (n1 + n2);
    let variance = p * (1.0 - p) * (1.0 / n1 + 1.0 / n2);
    if variance <= 0.0 {
        return None;
    }
    let z = (x1 / n1 - x2 / n2) / variance.sqrt();
    Some((z, 2.0 * normal_sf(z.abs())))
}

/// The score test of two equal Poisson rates, counts `y1`, `y2` over exposures `t1`, `t2`:
/// statistic (first − second) and two-sided p-value. `None` without exposure or counts.
#[must_use]
pub fn poisson_score(y1: f64, t1: f64, y2: f64, t2: f64) -> Option<(f64, f64)> {
    if t1 <= 0.0 || t2 <= 0.0 || y1 + y2 <= 0.0 {
        return None;
    }
    let expected = (y1 + y2) * t1 / (t1 + t2);
    let variance = (y1 + y2) * t1 * t2 / (t1 + t2).powi(2);
    let z = (y1 - expected) / variance.sqrt();
    Some((z, 2.0 * normal_sf(z.abs())))
}

/// Textbook sample size of one side for a two-sided test of two shares with equal sides: how many
/// answers `before` → `before + difference` needs. For display only; the plan of a contract also
/// knows its baseline and noise. `None` when a share leaves 0–1 or the difference is 0.
#[must_use]
pub fn sample_size(before: f64, difference: f64, power: f64, alpha: f64) -> Option<f64> {
    let after = before + difference;
    if difference == 0.0 || !(0.0..=1.0).contains(&before) || !(0.0..=1.0).contains(&after) {
        return None;
    }
    let mean = f64::midpoint(before, after);
    let null = normal_quantile(1.0 - alpha / 2.0) * (2.0 * mean * (1.0 - mean)).sqrt();
    let alternative =
        normal_quantile(power) * (before * (1.0 - before) + after * (1.0 - after)).sqrt();
    Some(((null + alternative) / difference).powi(2))
}
