//! Tables of two groups × two answers in several strata: pooled ratios and differences, their tests,
//! and whether the strata agree.

use super::distributions::{chi2_sf, normal_sf};

/// One stratum: successes and answers after and before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Table {
    /// Successes after.
    pub after: f64,
    /// Answers after.
    pub n_after: f64,
    /// Successes before.
    pub before: f64,
    /// Answers before.
    pub n_before: f64,
}

impl Table {
    fn n(&self) -> f64 {
        self.n_after + self.n_before
    }

    /// The four cells: after yes, after no, before yes, before no.
    fn cells(&self) -> (f64, f64, f64, f64) {
        (
            self.after,
            self.n_after - self.after,
            self.before,
            self.n_before - self.before,
        )
    }

    fn used(&self) -> bool {
        self.n_after > 0.0 && self.n_before > 0.0
    }
}

/// An estimate with its standard error; ratios on the logarithmic scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
}

impl Estimate {
    /// Estimate ∓ z standard errors.
    #[must_use]
    pub fn interval(&self, z: f64) -> (f64, f64) {
        (self.value - z * self.se, self.value + z * self.se)
    }

    /// Two-sided p-value of "the estimate is 0"; `None` without any variance.
    #[must_use]
    pub fn p(&self) -> Option<f64> {
        (self.se > 0.0).then(|| 2.0 * normal_sf((self.value / self.se).abs()))
    }
}

/// The logarithm of the pooled odds ratio after/before (Mantel and Haenszel 1959) with the variance
/// of Robins, Breslow and Greenland 1986. `None` when a sum of products is 0: the ratio is then 0 or
/// infinite.
///
/// As `rma.mh(measure="OR")` of metafor.
#[must_use]
pub fn odds_ratio(strata: &[Table]) -> Option<Estimate> {
    let (mut r, mut s, mut pr, mut mixed, mut qs) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for t in strata.iter().filter(|t| t.used()) {
        let (a, b, c, d) = t.cells();
        let n = t.n();
        let (ri, si) = (a * d / n, b * c / n);
        let (p, q) = ((a + d) / n, (b + c) / n);
        r += ri;
        s += si;
        pr += p * ri;
        mixed += p * si + q * ri;
        qs += q * si;
    }
    if !(r > 0.0 && s > 0.0) {
        return None;
    }
    let variance = (pr / (r * r) + mixed / (r * s) + qs / (s * s)) / 2.0;
    Some(Estimate {
        value: libm::log(r / s),
        se: variance.sqrt(),
    })
}

/// The pooled ratio of shares after/before (Mantel–Haenszel weights). `None` when no stratum has
/// successes before.
///
/// As `StratifiedTable.riskratio_pooled` of statsmodels.
#[must_use]
pub fn risk_ratio(strata: &[Table]) -> Option<f64> {
    let (above, below) = strata
        .iter()
        .filter(|t| t.used())
        .fold((0.0, 0.0), |(a, b), t| {
            (
                a + t.after * t.n_before / t.n(),
                b + t.before * t.n_after / t.n(),
            )
        });
    (below > 0.0).then(|| above / below)
}

/// The pooled difference of shares after − before (Mantel–Haenszel weights) with the variance of
/// Sato 1989, which holds for few large and for many small strata. `None` when no stratum has
/// answers on both sides.
///
/// As `rma.mh(measure="RD")` of metafor. Verdicts use [`super::stratified::share_difference`], the
/// same estimate with the variance of the test.
#[must_use]
pub fn risk_difference(strata: &[Table]) -> Option<Estimate> {
    let (mut weight, mut sum, mut first, mut second) = (0.0, 0.0, 0.0, 0.0);
    for t in strata.iter().filter(|t| t.used()) {
        let n = t.n();
        let (u, v) = (t.n_after / n, t.n_before / n);
        weight += t.n_after * v;
        sum += t.after * v - t.before * u;
        first += t.before * u * u - t.after * v * v + u * v * (t.n_before - t.n_after) / 2.0;
        second += t.after * (t.n_before - t.before) / n + t.before * (t.n_after - t.after) / n;
    }
    if weight <= 0.0 {
        return None;
    }
    let value = sum / weight;
    let variance = (value * first + second / 2.0) / (weight * weight);
    Some(Estimate {
        value,
        // Rounding may leave a little less than 0 where all answers are alike.
        se: variance.max(0.0).sqrt(),
    })
}

/// The Cochran–Mantel–Haenszel test that no stratum differs: χ² with one degree of freedom and
/// p-value, on request with continuity correction. A stratum of one answer says nothing and is left
/// out. `None` without any variance.
///
/// As `mantelhaen.test(correct = …)` of R, except that the correction never takes more than there is.
#[must_use]
pub fn cochran_mantel_haenszel(strata: &[Table], correction: bool) -> Option<(f64, f64)> {
    let (mut sum, mut variance) = (0.0, 0.0);
    for t in strata.iter().filter(|t| t.used()) {
        let n = t.n();
        let yes = t.after + t.before;
        sum += t.after - t.n_after * yes / n;
        variance += t.n_after * t.n_before * yes * (n - yes) / (n * n * (n - 1.0));
    }
    if variance <= 0.0 {
        return None;
    }
    let distance = if correction {
        sum.abs() - 0.5
    } else {
        sum.abs()
    };
    let chi2 = distance * distance / variance;
    Some((chi2, chi2_sf(chi2, 1.0)))
}

/// The test of Breslow and Day 1980 that all strata have the same odds ratio: χ² with strata − 1
/// degrees of freedom and p-value, without Tarone's correction. Strata where all answers are alike
/// add nothing, but count, as in the library. `None` with fewer than two strata or without a pooled
/// ratio.
///
/// As `StratifiedTable.test_equal_odds` of statsmodels.
#[must_use]
pub fn breslow_day(strata: &[Table]) -> Option<(f64, f64)> {
    let ratio = libm::exp(odds_ratio(strata)?.value);
    let (mut chi2, mut used) = (0.0, 0.0);
    for t in strata.iter().filter(|t| t.used()) {
        used += 1.0;
        let yes = t.after + t.before;
        if yes <= 0.0 || yes >= t.n() {
            continue;
        }
        let expected = expected_cell(t.n_after, t.n_before, yes, ratio);
        let variance = 1.0
            / (1.0 / expected
                + 1.0 / (yes - expected)
                + 1.0 / (t.n_after - expected)
                + 1.0 / (t.n_before - yes + expected));
        chi2 += (t.after - expected).powi(2) / variance;
    }
    (used >= 2.0 && chi2.is_finite()).then(|| (chi2, chi2_sf(chi2, used - 1.0)))
}

/// Successes after that give the odds `ratio` with the margins of the table.
fn expected_cell(n_after: f64, n_before: f64, yes: f64, ratio: f64) -> f64 {
    // a x² + b x + c = 0; written so that a near 0 (ratio near 1) loses nothing.
    let a = 1.0 - ratio;
    let b = ratio * (n_after + yes) + n_before - yes;
    let c = -ratio * n_after * yes;
    -2.0 * c / (b + (b * b - 4.0 * a * c).max(0.0).sqrt())
}

/// Difference-in-differences of four shares, (treated after − before) − (control after − before).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DoubleDifference {
    /// In shares, with unpooled standard error; `None` only without answers.
    pub shares: Estimate,
    /// In logarithms of odds; `None` when a cell is 0.
    pub logit: Option<Estimate>,
}

/// Difference-in-differences without strata. `None` when a cell of answers is empty.
///
/// As the interaction of binomial GLMs with identity and logit link in statsmodels. Verdicts use the
/// stratified statistic.
#[must_use]
pub fn double_difference(treated: Table, control: Table) -> Option<DoubleDifference> {
    if !treated.used() || !control.used() {
        return None;
    }
    let share = |t: &Table| {
        let (a, b) = (t.after / t.n_after, t.before / t.n_before);
        (
            a - b,
            a * (1.0 - a) / t.n_after + b * (1.0 - b) / t.n_before,
        )
    };
    let ((d1, v1), (d0, v0)) = (share(&treated), share(&control));
    let logit = |t: &Table| {
        let (a, b, c, d) = t.cells();
        (a > 0.0 && b > 0.0 && c > 0.0 && d > 0.0).then(|| {
            (
                libm::log(a / b) - libm::log(c / d),
                1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d,
            )
        })
    };
    Some(DoubleDifference {
        shares: Estimate {
            value: d1 - d0,
            se: (v1 + v0).sqrt(),
        },
        logit: logit(&treated)
            .zip(logit(&control))
            .map(|((d1, v1), (d0, v0))| Estimate {
                value: d1 - d0,
                se: (v1 + v0).sqrt(),
            }),
    })
}
