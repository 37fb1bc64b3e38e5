//! Many tests on one page: how sure one may be of those that stand out.
//!
//! Each function answers adjusted p-values in the order of its input. A p-value that is not a number
//! is one that says nothing: it counts as a test and is adjusted to 1.

/// Benjamini and Hochberg 1995: the expected share of false ones among those at or under the level.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    step_up(p, 1.0)
}

/// Benjamini and Yekutieli 2001: the same whatever the dependence between the tests.
#[must_use]
pub fn benjamini_yekutieli(p: &[f64]) -> Vec<f64> {
    let mut rank = 0.0;
    let price = p
        .iter()
        .map(|_| {
            rank += 1.0;
            1.0 / rank
        })
        .sum();
    step_up(p, price)
}

/// Holm 1979: the chance of any false one at or under the level.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut out = vec![1.0; p.len()];
    let (mut left, mut highest) = (count(p.len()), 0.0_f64);
    for i in order {
        highest = highest.max(left * bounded(p[i])).min(1.0);
        out[i] = highest;
        left -= 1.0;
    }
    out
}

fn step_up(p: &[f64], price: f64) -> Vec<f64> {
    let m = count(p.len());
    let mut out = vec![1.0; p.len()];
    let (mut rank, mut lowest) = (m, 1.0_f64);
    for i in ascending(p).into_iter().rev() {
        lowest = lowest.min(bounded(p[i]) * price * m / rank);
        out[i] = lowest;
        rank -= 1.0;
    }
    out
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| bounded(p[*a]).total_cmp(&bounded(p[*b])));
    order
}

fn bounded(p: f64) -> f64 {
    if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) }
}

#[expect(clippy::cast_precision_loss, reason = "a number of tests")]
const fn count(n: usize) -> f64 {
    n as f64
}
