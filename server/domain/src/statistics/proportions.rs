//! Intervals and tests for display: one share, or two shares side by side. Verdicts use
//! [`super::stratified`] instead.

use super::distributions::{ln_choose, normal_sf};

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
    if !share(x1, n1) || !share(x2, n2) {
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

/// Wald's interval with one success and one failure added to each side (Agresti and Caffo 2000),
/// first − second. `None` for an empty side.
///
/// As `confint_proportions_2indep(method='agresti-caffo')` of statsmodels; like there, the ends are
/// not cut at ±1.
#[must_use]
pub fn agresti_caffo(x1: f64, n1: f64, x2: f64, n2: f64, z: f64) -> Option<(f64, f64)> {
    if !share(x1, n1) || !share(x2, n2) {
        return None;
    }
    let (m1, m2) = (n1 + 2.0, n2 + 2.0);
    let (p1, p2) = ((x1 + 1.0) / m1, (x2 + 1.0) / m2);
    let half = z * (p1 * (1.0 - p1) / m1 + p2 * (1.0 - p2) / m2).sqrt();
    Some((p1 - p2 - half, p1 - p2 + half))
}

/// The score statistic of the hypothesis p1 − p2 = `margin` (Miettinen and Nurminen 1985, with
/// their factor N/(N − 1)). Positive = the difference lies above the margin; one-sided and
/// two-sided p-values follow from Φ. `None` for an empty side, a margin outside (−1, 1), or no
/// variance under the hypothesis.
///
/// As `test_proportions_2indep(method='score', correction=True)` of statsmodels.
#[must_use]
pub fn score_z(x1: f64, n1: f64, x2: f64, n2: f64, margin: f64) -> Option<f64> {
    if !share(x1, n1) || !share(x2, n2) || margin.abs() >= 1.0 || margin.is_nan() {
        return None;
    }
    let n = n1 + n2;
    // The root may leave 0–1 where a side has no success or no failure: the most likely shares then
    // lie on the edge.
    let second =
        restricted(x1, n1, x2, n2, margin).clamp((-margin).max(0.0), (1.0 - margin).min(1.0));
    let (p1, p2) = ((second + margin).clamp(0.0, 1.0), second);
    let variance = (p1 * (1.0 - p1) / n1 + p2 * (1.0 - p2) / n2) * n / (n - 1.0);
    (variance > 0.0).then(|| (x1 / n1 - x2 / n2 - margin) / variance.sqrt())
}

/// The second of the most likely shares whose difference is `margin`: the root of the cubic
/// likelihood equation in closed form (Farrington and Manning 1990). It may lie outside 0–1 when a
/// side has no success or no failure.
#[must_use]
pub fn restricted(x1: f64, n1: f64, x2: f64, n2: f64, margin: f64) -> f64 {
    let (n, x) = (n1 + n2, x1 + x2);
    if margin == 0.0 {
        return x / n;
    }
    let b = (n1 + 2.0 * n2) * margin - n - x;
    let c = (x2 * margin - n - 2.0 * x2) * margin + x;
    let d = x2 * margin * (1.0 - margin);
    let third = b / (3.0 * n);
    let q = third.powi(3) - c * b / (6.0 * n * n) + d / (2.0 * n);
    let root = (third * third - c / (3.0 * n)).max(0.0).sqrt();
    let p = if q < 0.0 { -root } else { root };
    let angle = if p == 0.0 {
        std::f64::consts::FRAC_PI_2
    } else {
        (q / p.powi(3)).clamp(-1.0, 1.0).acos()
    };
    2.0 * p * ((std::f64::consts::PI + angle) / 3.0).cos() - third
}

/// Miettinen and Nurminen's score interval for the difference of two shares, first − second: the
/// margins that [`score_z`] does not reject at `z`. `None` for an empty side.
#[must_use]
pub fn score_interval(x1: f64, n1: f64, x2: f64, n2: f64, z: f64) -> Option<(f64, f64)> {
    if !share(x1, n1) || !share(x2, n2) {
        return None;
    }
    let d = x1 / n1 - x2 / n2;
    // The statistic falls as the margin grows; without variance a margin is neither kept nor lost.
    let end = |edge: f64, sign: f64| {
        let (mut kept, mut lost) = (d, edge);
        for _ in 0..80 {
            let middle = f64::midpoint(kept, lost);
            match score_z(x1, n1, x2, n2, middle) {
                Some(s) if sign * s > z => lost = middle,
                None if (middle - d).abs() > 1e-9 => lost = middle,
                _ => kept = middle,
            }
        }
        f64::midpoint(kept, lost)
    };
    Some((end(-1.0, 1.0), end(1.0, -1.0)))
}

/// Fisher's exact test of two equal shares: two-sided p-value, the sum over all tables with the
/// same margins that are no more likely. `None` for an empty side or counts that are not whole.
///
/// As `fisher_exact` of scipy.
#[must_use]
pub fn fisher(x1: f64, n1: f64, x2: f64, n2: f64) -> Option<f64> {
    if !share(x1, n1) || !share(x2, n2) || [x1, n1, x2, n2].iter().any(|v| v.fract() != 0.0) {
        return None;
    }
    let x = x1 + x2;
    let all = ln_choose(n1 + n2, x);
    let weight = |k: f64| libm::exp(ln_choose(n1, k) + ln_choose(n2, x - k) - all);
    // Tables that are equally likely must count whatever their rounding.
    let own = weight(x1) * (1.0 + 1e-11);
    let (mut k, last) = ((x - n2).max(0.0), x.min(n1));
    let (mut p, mut total) = (0.0, 0.0);
    while k <= last {
        let w = weight(k);
        total += w;
        if w <= own {
            p += w;
        }
        k += 1.0;
    }
    // The weights add up to 1 but for rounding: dividing removes what the logarithms lost.
    Some((p / total).min(1.0))
}

/// The score test of two equal Poisson rates, counts `y1`, `y2` over exposures `t1`, `t2`:
/// statistic (first − second) and two-sided p-value. `None` without exposure or counts.
#[must_use]
pub fn poisson_score(y1: f64, t1: f64, y2: f64, t2: f64) -> Option<(f64, f64)> {
    let valid = t1 > 0.0 && t2 > 0.0 && y1 >= 0.0 && y2 >= 0.0 && y1 + y2 > 0.0;
    if !valid {
        return None;
    }
    let expected = (y1 + y2) * t1 / (t1 + t2);
    let variance = (y1 + y2) * t1 * t2 / (t1 + t2).powi(2);
    let z = (y1 - expected) / variance.sqrt();
    Some((z, 2.0 * normal_sf(z.abs())))
}

/// A side that can be a share: at least one answer, no more successes than answers.
fn share(x: f64, n: f64) -> bool {
    n >= 1.0 && (0.0..=n).contains(&x)
}
