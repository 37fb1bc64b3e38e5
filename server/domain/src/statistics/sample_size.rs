//! How much must be seen before a difference of a stated size shows: textbook formulas for display.
//! The plan of a contract also knows its baseline, its noise and its control
//! (`verification::power`).

use super::distributions::{normal_cdf, normal_quantile, normal_sf};

/// Variances of the difference of two shares per answer of the first side: (under equality, under
/// the difference). `ratio` = answers of the second side per answer of the first.
fn variances(second: f64, difference: f64, ratio: f64) -> Option<(f64, f64)> {
    let first = second + difference;
    let share = |p: f64| (0.0..=1.0).contains(&p);
    if !(share(second) && share(first) && ratio > 0.0 && ratio.is_finite()) {
        return None;
    }
    let pooled = (first + second * ratio) / (1.0 + ratio);
    let spread = |p: f64, q: f64| p * (1.0 - p) + q * (1.0 - q) / ratio;
    Some((spread(pooled, pooled), spread(first, second)))
}

/// Answers of the side after the change that a two-sided test at `alpha` needs, so that
/// `before` → `before + difference` shows with probability `power`; the side before holds `ratio`
/// times as many. `None` when a share leaves 0–1, the difference is 0, or power ≤ α/2 (no answer is
/// needed to reach that).
///
/// As `samplesize_proportions_2indep_onetail` of statsmodels; at `ratio` 1 as `power.prop.test` of R.
#[must_use]
pub fn two_shares(before: f64, difference: f64, power: f64, alpha: f64, ratio: f64) -> Option<f64> {
    let (null, alternative) = variances(before, difference, ratio)?;
    if difference == 0.0 || !(power > 0.0 && power < 1.0) || !(alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let reach = normal_quantile(1.0 - alpha / 2.0) * null.sqrt()
        + normal_quantile(power) * alternative.sqrt();
    (reach > 0.0).then(|| (reach / difference).powi(2))
}

/// Probability that a two-sided test at `alpha` shows `before` → `before + difference` from `n`
/// answers after the change and `ratio` times as many before, by either tail.
///
/// As `power_proportions_2indep` of statsmodels.
#[must_use]
pub fn power_two_shares(
    before: f64,
    difference: f64,
    n: f64,
    alpha: f64,
    ratio: f64,
) -> Option<f64> {
    let (null, alternative) = variances(before, difference, ratio)?;
    if alternative <= 0.0 || n.is_nan() || n < 0.0 {
        return None;
    }
    Some(two_tails(
        difference * (n / alternative).sqrt(),
        alpha,
        (null / alternative).sqrt(),
    ))
}

/// Answers of the first side on the arcsine scale (Cohen's h), where the variance does not depend on
/// the shares; `ratio` = answers of the second side per answer of the first. `None` as
/// [`two_shares`].
///
/// As `NormalIndPower().solve_power` of statsmodels, both tails counted.
#[must_use]
pub fn two_shares_arcsine(
    before: f64,
    difference: f64,
    power: f64,
    alpha: f64,
    ratio: f64,
) -> Option<f64> {
    variances(before, difference, ratio)?;
    if difference == 0.0 || !(power > alpha && power < 1.0) || !(alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let angle = |p: f64| 2.0 * p.sqrt().asin();
    let h = (angle(before + difference) - angle(before)).abs();
    let reached = |n: f64| two_tails(h * (n / (1.0 + 1.0 / ratio)).sqrt(), alpha, 1.0) >= power;
    let (mut low, mut high) = (0.0, 1.0);
    while !reached(high) {
        low = high;
        high *= 2.0;
        if high > 1e15 {
            return None;
        }
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if reached(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(f64::midpoint(low, high))
}

/// Power of a two-sided test whose statistic is centred at `shift` and whose critical value is
/// stretched by `stretch` (the standard deviations under the hypothesis and in truth differ).
fn two_tails(shift: f64, alpha: f64, stretch: f64) -> f64 {
    let critical = normal_quantile(1.0 - alpha / 2.0) * stretch;
    normal_sf(critical - shift) + normal_cdf(-critical - shift)
}

/// Two rates whose ratio is to be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Contacts per day on the first side.
    pub first: f64,
    /// Contacts per day on the second side.
    pub second: f64,
    /// Days of the first side.
    pub days: f64,
    /// Days of the second side per day of the first.
    pub ratio: f64,
}

impl Rates {
    fn valid(self) -> bool {
        [self.first, self.second, self.days, self.ratio]
            .iter()
            .all(|v| *v > 0.0 && v.is_finite())
    }
}

/// Probability that a two-sided test at `alpha` on the logarithm of the ratio shows that the rates
/// differ, when counts have the variance mean + `dispersion`·mean² (0 = Poisson). `None` for rates
/// or days that are not positive.
///
/// As `power_negbin_ratio_2indep` of statsmodels (Zhu and Lakkis 2014).
#[must_use]
pub fn power_two_rates(rates: Rates, dispersion: f64, alpha: f64) -> Option<f64> {
    if !rates.valid() || dispersion.is_nan() || dispersion < 0.0 {
        return None;
    }
    let variance = 1.0 / rates.first
        + 1.0 / (rates.ratio * rates.second)
        + (1.0 + rates.ratio) / rates.ratio * dispersion;
    let shift = libm::log(rates.first / rates.second) * (rates.days / variance).sqrt();
    Some(two_tails(shift, alpha, 1.0))
}

/// Probability that a one-sided test at `alpha` shows a ratio first/second *below* `margin`, counts
/// with the variance `factor`·mean. A ratio is never below 0, so a margin of 0 is never shown.
/// `None` for rates or days that are not positive, or a negative margin.
///
/// As `power_poisson_ratio_2indep(alternative='smaller')` of statsmodels, whose margin is 0 unless
/// stated.
#[must_use]
pub fn power_rate_below(rates: Rates, margin: f64, factor: f64, alpha: f64) -> Option<f64> {
    if !rates.valid() || margin.is_nan() || margin < 0.0 || factor.is_nan() || factor <= 0.0 {
        return None;
    }
    let variance = factor * (1.0 / rates.first + 1.0 / (rates.ratio * rates.second));
    // ln 0 = −∞: the shift is infinite and the power 0.
    let shift = (libm::log(rates.first / rates.second) - libm::log(margin))
        * (rates.days / variance).sqrt();
    Some(normal_cdf(normal_quantile(alpha) - shift))
}
