//! Two samples side by side: means, and how often one lies above the other. For display; verdicts
//! use [`super::stratified`].

use super::distributions::{normal_sf, student_quantile, student_sf};

/// A sample by its sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Observations.
    pub n: f64,
    /// Their mean.
    pub mean: f64,
    /// Their variance with n − 1 below.
    pub variance: f64,
}

impl Sample {
    /// From the number of ratings of each value 1, 2, 3 …; `None` for fewer than two ratings, whose
    /// variance is unknown.
    #[must_use]
    pub fn of_ratings(counts: &[f64]) -> Option<Self> {
        let (n, sum) = sums(counts);
        if n < 2.0 {
            return None;
        }
        let mean = sum / n;
        let mut value = 0.0;
        let mut squares = 0.0;
        for c in counts {
            value += 1.0;
            squares += c * (value - mean).powi(2);
        }
        Some(Self {
            n,
            mean,
            variance: squares / (n - 1.0),
        })
    }

    /// From n, Σ and Σ² of whole seconds or ratings; `None` for fewer than two observations.
    #[must_use]
    pub fn of_sums(n: f64, sum: f64, squares: f64) -> Option<Self> {
        if n < 2.0 {
            return None;
        }
        let mean = sum / n;
        Some(Self {
            n,
            mean,
            // Rounding may leave a little less than 0 where all are alike.
            variance: ((squares - sum * mean) / (n - 1.0)).max(0.0),
        })
    }
}

fn sums(counts: &[f64]) -> (f64, f64) {
    let mut value = 0.0;
    counts.iter().fold((0.0, 0.0), |(n, sum), c| {
        value += 1.0;
        (n + c, sum + value * c)
    })
}

/// Welch's test of two equal means, first − second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welch {
    /// Difference of the means.
    pub difference: f64,
    /// Its standard error.
    pub se: f64,
    /// Difference over standard error.
    pub t: f64,
    /// Satterthwaite's degrees of freedom.
    pub df: f64,
    /// Two-sided p-value.
    pub p: f64,
}

impl Welch {
    /// The interval of the difference at the two-sided level `alpha`.
    #[must_use]
    pub fn interval(&self, alpha: f64) -> (f64, f64) {
        let half = student_quantile(1.0 - alpha / 2.0, self.df) * self.se;
        (self.difference - half, self.difference + half)
    }
}

/// Welch's t-test (Welch 1947; degrees of freedom of Satterthwaite 1946). `None` with fewer than two
/// observations on a side, or when both sides do not vary at all: then there is no test.
///
/// As `ttest_ind(equal_var=False)` of scipy.
#[must_use]
pub fn welch(first: Sample, second: Sample) -> Option<Welch> {
    let valid = |s: &Sample| s.n >= 2.0 && s.variance >= 0.0 && s.mean.is_finite();
    if !valid(&first) || !valid(&second) {
        return None;
    }
    let (v1, v2) = (first.variance / first.n, second.variance / second.n);
    let variance = v1 + v2;
    if variance <= 0.0 {
        return None;
    }
    // Shares of the variance, so that squares of small numbers do not vanish.
    let (s1, s2) = (v1 / variance, v2 / variance);
    let df = 1.0 / (s1 * s1 / (first.n - 1.0) + s2 * s2 / (second.n - 1.0));
    let difference = first.mean - second.mean;
    let se = variance.sqrt();
    let t = difference / se;
    Some(Welch {
        difference,
        se,
        t,
        df,
        p: 2.0 * student_sf(t.abs(), df),
    })
}

/// How often a rating of the first side lies above one of the second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// U of the first side: pairs in which it is higher, ties half.
    pub u: f64,
    /// U ÷ number of pairs: P(first > second) + ½ P(equal).
    pub superiority: f64,
    /// Two-sided p-value; `None` when all ratings are alike.
    pub p: Option<f64>,
    /// One-sided p-value for "the first side is higher"; 1 when all ratings are alike.
    pub p_greater: f64,
}

/// The Mann–Whitney test on numbers of ratings of each value, with correction for ties and
/// continuity. `None` for an empty side.
///
/// As `mannwhitneyu(method='asymptotic')` of scipy.
#[must_use]
pub fn mann_whitney(first: &[f64], second: &[f64]) -> Option<MannWhitney> {
    let ((n1, _), (n2, _)) = (sums(first), sums(second));
    if n1 < 1.0 || n2 < 1.0 {
        return None;
    }
    let n = n1 + n2;
    let (mut u, mut below, mut ties) = (0.0, 0.0, 0.0);
    for i in 0..first.len().max(second.len()) {
        let (a, b) = (at(first, i), at(second, i));
        u += a * (below + b / 2.0);
        below += b;
        let t = a + b;
        ties += t * t * t - t;
    }
    let pairs = n1 * n2;
    let variance = pairs / 12.0 * ((n + 1.0) - ties / (n * (n - 1.0)));
    // All ratings in one value: nothing but rounding is left.
    let varies = variance > 1e-12 * pairs;
    let z = |u: f64| (u - pairs / 2.0 - 0.5) / variance.sqrt();
    Some(MannWhitney {
        u,
        superiority: u / pairs,
        p: varies.then(|| (2.0 * normal_sf(z(u.max(pairs - u)))).min(1.0)),
        p_greater: if varies { normal_sf(z(u)) } else { 1.0 },
    })
}

fn at(counts: &[f64], i: usize) -> f64 {
    counts.get(i).copied().unwrap_or(0.0)
}

/// The Brunner–Munzel test (2000) on numbers of ratings of each value: as Mann–Whitney, but the two
/// sides may spread differently. Statistic (positive = the *second* side is higher) and two-sided
/// p-value by Student's t. `None` with fewer than two ratings on a side, or when no rating of one
/// side overlaps the other's.
///
/// As `brunnermunzel` of scipy.
#[must_use]
pub fn brunner_munzel(first: &[f64], second: &[f64]) -> Option<(f64, f64)> {
    let ((n1, _), (n2, _)) = (sums(first), sums(second));
    if n1 < 2.0 || n2 < 2.0 {
        return None;
    }
    // Placement of a value: how many of the other side lie below it, ties half. Rank among all minus
    // rank among its own.
    let placements = |own: &[f64], other: &[f64]| -> (f64, f64) {
        let (mut below, mut n, mut sum, mut squares) = (0.0, 0.0, 0.0, 0.0);
        for i in 0..own.len().max(other.len()) {
            let place = below + at(other, i) / 2.0;
            below += at(other, i);
            n += at(own, i);
            sum += at(own, i) * place;
            squares += at(own, i) * place * place;
        }
        let mean = sum / n;
        (mean, ((squares - sum * mean) / (n - 1.0)).max(0.0))
    };
    let ((m1, s1), (m2, s2)) = (placements(first, second), placements(second, first));
    let (a, b) = (n1 * s1, n2 * s2);
    if a + b <= 1e-12 * n1 * n2 {
        return None;
    }
    // Mean ranks among all: own mean rank + mean placement.
    let difference = (n2 + 1.0) / 2.0 + m2 - (n1 + 1.0) / 2.0 - m1;
    let statistic = n1 * n2 * difference / ((n1 + n2) * (a + b).sqrt());
    let df = (a + b).powi(2) / (a * a / (n1 - 1.0) + b * b / (n2 - 1.0));
    Some((statistic, 2.0 * student_sf(statistic.abs(), df)))
}
