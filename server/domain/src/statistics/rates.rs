//! Counts over exposures: intervals of one rate, two rates side by side, standardised rates, and how
//! much blocks differ beyond chance. For display; verdicts use [`super::stratified`].

use super::distributions::{
    beta_quantile, binomial_pmf, gamma_quantile, normal_quantile, normal_sf, poisson_pmf,
    poisson_sf,
};

/// A count that can be one: not negative, finite.
fn count(y: f64) -> bool {
    y >= 0.0 && y.is_finite()
}

/// Exposure that can be divided by.
fn exposure(t: f64) -> bool {
    t > 0.0 && t.is_finite()
}

/// The exact interval of a Poisson rate, `y` contacts over `t`, at the two-sided level `alpha`
/// (Garwood 1936). `None` without exposure.
///
/// As `confint_poisson(method='exact-c')` of statsmodels.
#[must_use]
pub fn exact_interval(y: f64, t: f64, alpha: f64) -> Option<(f64, f64)> {
    if !(count(y) && exposure(t) && alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let low = if y == 0.0 {
        0.0
    } else {
        gamma_quantile(alpha / 2.0, y, 1.0)
    };
    Some((low / t, gamma_quantile(1.0 - alpha / 2.0, y + 1.0, 1.0) / t))
}

/// The score interval of a Poisson rate (Rao; Patil and Kulkarni 2012). `None` without exposure.
#[must_use]
pub fn score_interval(y: f64, t: f64, alpha: f64) -> Option<(f64, f64)> {
    if !(count(y) && exposure(t) && alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let z = normal_quantile(1.0 - alpha / 2.0);
    let centre = y + z * z / 2.0;
    let half = z * (y + z * z / 4.0).sqrt();
    Some((((centre - half) / t).max(0.0), (centre + half) / t))
}

/// The mid-p interval of a Poisson rate: as the exact one, but the observed count enters with half
/// its probability. `None` without exposure or for a count that is not whole.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked: a whole count, not negative"
)]
pub fn mid_p_interval(y: f64, t: f64, alpha: f64) -> Option<(f64, f64)> {
    let (low, high) = exact_interval(y, t, alpha)?;
    if y.fract() != 0.0 {
        return None;
    }
    let k = y as u64;
    // Mid-p of "at least k" and of "at most k" under the mean m.
    let above = |m: f64| poisson_sf(k, m) + 0.5 * poisson_pmf(k, m);
    let below = |m: f64| 1.0 - poisson_sf(k, m) - 0.5 * poisson_pmf(k, m);
    let (low, high) = (low * t, high * t);
    let start = if k == 0 {
        0.0
    } else {
        bisect(low, y, |m| above(m) < alpha / 2.0)
    };
    Some((start / t, bisect(y, high, |m| below(m) > alpha / 2.0) / t))
}

/// Jeffreys' interval of a Poisson rate: quantiles of Gamma(y + ½, t). `None` without exposure.
#[must_use]
pub fn jeffreys_interval(y: f64, t: f64, alpha: f64) -> Option<(f64, f64)> {
    if !(count(y) && exposure(t) && alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let end = |p: f64| gamma_quantile(p, y + 0.5, 1.0) / t;
    Some((end(alpha / 2.0), end(1.0 - alpha / 2.0)))
}

/// Where `inside` turns from true (at `low`) to false (at `high`).
fn bisect(mut low: f64, mut high: f64, inside: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if inside(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Two rates compared given their total: exact, without an approximation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactRates {
    /// Two-sided p-value: all splits of the total that are no more likely.
    pub p: f64,
    /// The same with half of the observed split's probability taken off.
    pub mid_p: f64,
    /// Lower end of the interval of the ratio first/second.
    pub low: f64,
    /// Upper end; infinite when the second side has no contact.
    pub high: f64,
}

/// The exact conditional test of two equal Poisson rates and the interval of their ratio (Clopper
/// and Pearson on the split of the total). `None` without exposure, without any contact, or for
/// counts that are not whole.
///
/// As `poisson.test` of R and `test_poisson_2indep(method='exact-cond')` of statsmodels.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked: whole counts, not negative"
)]
pub fn exact_rates(y1: f64, t1: f64, y2: f64, t2: f64, alpha: f64) -> Option<ExactRates> {
    let whole = |y: f64| count(y) && y.fract() == 0.0 && y < 1e9;
    if !exposure(t1) || !exposure(t2) || !whole(y1) || !whole(y2) || y1 + y2 < 1.0 {
        return None;
    }
    let (k, n) = (y1 as u64, (y1 + y2) as u64);
    let share = t1 / (t1 + t2);
    let own = binomial_pmf(k, n, share);
    // R and scipy count a split as equally likely up to this factor.
    let limit = own * (1.0 + 1e-7);
    let p: f64 = (0..=n)
        .map(|i| binomial_pmf(i, n, share))
        .filter(|w| *w <= limit)
        .sum();
    // The odds of a share's quantile, without cancellation near 1.
    let odds = |q: f64, a: f64, b: f64| {
        let x = beta_quantile(q, a, b);
        if x <= 0.5 {
            x / (1.0 - x)
        } else {
            let rest = beta_quantile(1.0 - q, b, a);
            (1.0 - rest) / rest
        }
    };
    let scale = t2 / t1;
    Some(ExactRates {
        p: p.min(1.0),
        mid_p: (p.min(1.0) - 0.5 * own).max(0.0),
        low: if y1 == 0.0 {
            0.0
        } else {
            odds(alpha / 2.0, y1, y2 + 1.0) * scale
        },
        high: if y2 == 0.0 {
            f64::INFINITY
        } else {
            odds(1.0 - alpha / 2.0, y1 + 1.0, y2) * scale
        },
    })
}

/// The interval of the ratio first/second that the score test does not reject at `z`; the upper end
/// is infinite when the second side has no contact. `None` without exposure or contacts.
///
/// The square of the statistic is a quadratic in the ratio (Gu, Ng, Tang and Schucany 2008, W2).
#[must_use]
pub fn score_ratio_interval(y1: f64, t1: f64, y2: f64, t2: f64, z: f64) -> Option<(f64, f64)> {
    if !exposure(t1) || !exposure(t2) || !count(y1) || !count(y2) || y1 + y2 <= 0.0 {
        return None;
    }
    let z2 = z * z;
    // (y1 − y2 r)² = z² (y1 + y2) r, r = ratio × t1/t2.
    let b = 2.0 * y1 * y2 + z2 * (y1 + y2);
    let scale = t2 / t1;
    if y2 == 0.0 {
        return Some((y1 / z2 * scale, f64::INFINITY));
    }
    let root = (b * b - 4.0 * y1 * y1 * y2 * y2).max(0.0).sqrt();
    let high = (b + root) / (2.0 * y2 * y2);
    // The product of the roots is (y1/y2)²: no cancellation.
    let low = (y1 / y2).powi(2) / high;
    Some((low * scale, high * scale))
}

/// Wald's test of two equal rates on the logarithmic scale: statistic (first − second), two-sided
/// p-value. `None` when a side has no contact.
#[must_use]
pub fn wald_log(y1: f64, t1: f64, y2: f64, t2: f64) -> Option<(f64, f64)> {
    let seen = |y: f64| count(y) && y > 0.0;
    if !(exposure(t1) && exposure(t2) && seen(y1) && seen(y2)) {
        return None;
    }
    let z = (libm::log(y1 / y2) - libm::log(t1 / t2)) / (1.0 / y1 + 1.0 / y2).sqrt();
    Some((z, 2.0 * normal_sf(z.abs())))
}

/// The E-test of two equal rates (Krishnamoorthy and Thomson 2004, with the score statistic and the
/// most likely common rate): score statistic, and the probability of one at least as far from 0 when
/// both counts are drawn anew. `None` without exposure.
///
/// As `etest_poisson_2indep(method='score')` of statsmodels: summed over counts up to where one
/// count has a tail of 1e-13, at least 100. Both sides without a contact give (0, 1).
#[must_use]
pub fn e_test(y1: f64, t1: f64, y2: f64, t2: f64) -> Option<(f64, f64)> {
    if !exposure(t1) || !exposure(t2) || !count(y1) || !count(y2) {
        return None;
    }
    let ratio = 1.0 / (t2 / t1);
    let rate = (y1 + y2) / t2 / (1.0 + ratio);
    let (mean1, mean2) = (t1 * rate, t2 * rate);
    let statistic = |a: f64, b: f64| (a - b * ratio) / ((a + b) * ratio + 1e-20).sqrt();
    let own = statistic(y1, y2);
    let top = mean1.max(mean2);
    let mut last = 100_u64;
    while poisson_sf(last, top) > 1e-13 {
        last += 1;
    }
    let weights = |mean: f64| -> Vec<(f64, f64)> {
        let mut k = 0.0;
        (0..=last)
            .map(|i| {
                let pair = (k, poisson_pmf(i, mean));
                k += 1.0;
                pair
            })
            .collect()
    };
    let (first, second) = (weights(mean1), weights(mean2));
    let limit = own.abs() - 1e-15;
    let mut p = 0.0;
    for (a, wa) in &first {
        for (b, wb) in &second {
            if statistic(*a, *b).abs() >= limit {
                p += wa * wb;
            }
        }
    }
    Some((own, p.min(1.0)))
}

/// A rate at a standard mix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standardised {
    /// Σ w x/n ÷ Σ w.
    pub rate: f64,
    /// Lower end of the gamma interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Direct standardisation: what the share of `x` in `n` would be at the mix of `standard`, with the
/// gamma interval of Fay and Feuer 1997 at the two-sided level `alpha`. Strata without exposure are
/// left out with their weight. `None` when nothing is left.
///
/// As `epi.directadj` of epiR.
#[must_use]
pub fn standardise(strata: &[(f64, f64, f64)], alpha: f64) -> Option<Standardised> {
    let used = || {
        strata
            .iter()
            .filter(|(x, n, w)| count(*x) && exposure(*n) && *w > 0.0 && w.is_finite())
    };
    let total: f64 = used().map(|s| s.2).sum();
    if total <= 0.0 {
        return None;
    }
    let (mut rate, mut variance, mut widest) = (0.0, 0.0, 0.0_f64);
    for (x, n, w) in used() {
        let each = w / total / n;
        rate += each * x;
        variance += each * each * x;
        widest = widest.max(each);
    }
    let low = if rate > 0.0 {
        gamma_quantile(alpha / 2.0, rate * rate / variance, rate / variance)
    } else {
        0.0
    };
    let (mean, spread) = (rate + widest, variance + widest * widest);
    Some(Standardised {
        rate,
        low,
        high: gamma_quantile(1.0 - alpha / 2.0, mean * mean / spread, mean / spread),
    })
}

/// Pearson's χ² of blocks around their common level, and per degree of freedom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dispersion {
    /// Σ (observed − expected)² / variance.
    pub chi2: f64,
    /// χ² per degree of freedom: 1 when blocks differ by chance alone.
    pub factor: f64,
}

/// How much shares of blocks `(x, n)` differ beyond chance. Blocks without answers do not count;
/// `None` with fewer than two, or when all answers are alike.
///
/// As the Pearson χ² of an intercept-only binomial GLM in statsmodels.
#[must_use]
pub fn share_dispersion(blocks: &[(f64, f64)]) -> Option<Dispersion> {
    let used = || blocks.iter().filter(|b| b.1 > 0.0);
    let (x, n) = used().fold((0.0, 0.0), |(x, n), b| (x + b.0, n + b.1));
    let p = x / n;
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    let chi2 = used()
        .map(|b| (b.0 - b.1 * p).powi(2) / (b.1 * p * (1.0 - p)))
        .sum();
    per_block(chi2, used().count())
}

/// How much rates of blocks `(contacts, exposure)` differ beyond chance. Blocks without exposure do
/// not count; `None` with fewer than two, or without any contact.
#[must_use]
pub fn rate_dispersion(blocks: &[(f64, f64)]) -> Option<Dispersion> {
    let used = || blocks.iter().filter(|b| b.1 > 0.0);
    let (y, t) = used().fold((0.0, 0.0), |(y, t), b| (y + b.0, t + b.1));
    let rate = y / t;
    if !(rate > 0.0 && rate.is_finite()) {
        return None;
    }
    let chi2 = used()
        .map(|b| (b.0 - b.1 * rate).powi(2) / (b.1 * rate))
        .sum();
    per_block(chi2, used().count())
}

#[expect(clippy::cast_precision_loss, reason = "a number of blocks")]
fn per_block(chi2: f64, blocks: usize) -> Option<Dispersion> {
    (blocks >= 2).then(|| Dispersion {
        chi2,
        factor: chi2 / (blocks - 1) as f64,
    })
}
