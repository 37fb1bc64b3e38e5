//! Intervals that may be read at any time: they hold at all looks together, without a horizon.
//!
//! All of them are mixtures: the likelihood ratio against the true value, averaged over a prior, is
//! a martingale that reaches 1/α with probability at most α (Ville 1939). They cost more than the
//! planned looks of [`super::sequential`] and serve where no horizon can be planned.

use super::distributions::{ln_beta, normal_cdf};

/// The mixture's tuning: the information at which the interval is to be narrowest.
///
/// ρ = v/(2 ln(1/α) + ln(1 + 2 ln(1/α))); Howard, Ramdas, McAuliffe and Sekhon 2021. `None` unless
/// 0 < α < 1 and `best` > 0.
#[must_use]
pub fn tuning(best: f64, alpha: f64) -> Option<f64> {
    if !(alpha > 0.0 && alpha < 1.0 && best > 0.0 && best.is_finite()) {
        return None;
    }
    let l = -2.0 * libm::log(alpha);
    Some(best / (l + libm::log1p(l)))
}

/// Two-sided boundary of the normal mixture for a sum with variance `v` (our `v` is information,
/// boundary/v the half width): √((v+ρ) ln((v+ρ)/(ρα²))). `None` for v < 0 or ρ ≤ 0.
///
/// As `confseq.boundaries.normal_mixture_bound(is_one_sided=False)`.
#[must_use]
pub fn normal_mixture(v: f64, alpha: f64, rho: f64) -> Option<f64> {
    if !valid(v, alpha, rho) {
        return None;
    }
    Some(((v + rho) * (libm::log((v + rho) / rho) - 2.0 * libm::log(alpha))).sqrt())
}

/// One-sided boundary of the normal mixture: the s at which the martingale of the half-normal prior,
/// √(4ρ/(v+ρ)) exp(s²/(2(v+ρ))) Φ(s/√(v+ρ)), reaches 1/α. Its ρ is tuned with 2α. `None` as
/// [`normal_mixture`].
///
/// As `confseq.boundaries.normal_mixture_bound(is_one_sided=True)`.
#[must_use]
pub fn normal_mixture_one_sided(v: f64, alpha: f64, rho: f64) -> Option<f64> {
    if !valid(v, alpha, rho) {
        return None;
    }
    let total = v + rho;
    let root = total.sqrt();
    let limit = -libm::log(alpha);
    let below = |s: f64| {
        0.5 * libm::log(4.0 * rho / total) + s * s / (2.0 * total) + libm::log(normal_cdf(s / root))
            < limit
    };
    let (mut low, mut high) = (0.0, root);
    while below(high) {
        low = high;
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::midpoint(low, high))
}

fn valid(v: f64, alpha: f64, rho: f64) -> bool {
    v >= 0.0 && v.is_finite() && alpha > 0.0 && alpha < 1.0 && rho > 0.0 && rho.is_finite()
}

/// Evidence against "no effect" from an estimate with information `information` (1/variance) and
/// statistic `z`: √(ρ/(I+ρ)) exp(z² I/(2(I+ρ))). Its expectation without effect is at most 1 at any
/// time; 1/E is a p-value. `None` for information < 0 or ρ ≤ 0.
#[must_use]
pub fn e_value(z: f64, information: f64, rho: f64) -> Option<f64> {
    if !valid(information, 0.5, rho) || !z.is_finite() {
        return None;
    }
    let total = information + rho;
    Some((rho / total).sqrt() * libm::exp(z * z * information / (2.0 * total)))
}

/// The difference of two shares, first − second, read at any time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnyTime {
    /// Estimate.
    pub difference: f64,
    /// Its variance at one look.
    pub variance: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// p-value valid at any time.
    pub p: f64,
}

/// The asymptotic confidence sequence of a difference of two shares, first − second, narrowest near
/// `best` answers in total (Waudby-Smith and others, arXiv 2103.06476, with Robbins' mixture).
/// `None` for an empty side, or when both shares are 0 or 1.
///
/// As `SequentialTwoSidedTTest` of gbstats.
#[must_use]
pub fn two_shares(x1: f64, n1: f64, x2: f64, n2: f64, alpha: f64, best: f64) -> Option<AnyTime> {
    let valid = |x: f64, n: f64| n >= 1.0 && (0.0..=n).contains(&x);
    if !valid(x1, n1) || !valid(x2, n2) {
        return None;
    }
    let (p1, p2) = (x1 / n1, x2 / n2);
    let variance = p1 * (1.0 - p1) / n1 + p2 * (1.0 - p2) / n2;
    let rho = tuning(best, alpha)?;
    if variance <= 0.0 {
        return None;
    }
    let n = n1 + n2;
    let difference = p1 - p2;
    // In units of answers: information n, so the half width is boundary/n × the sd of one answer.
    let half = normal_mixture(n, alpha, rho)? / n * (variance * n).sqrt();
    let evidence = e_value(difference / variance.sqrt(), n, rho)?;
    Some(AnyTime {
        difference,
        variance,
        low: difference - half,
        high: difference + half,
        p: (1.0 / evidence).min(1.0),
    })
}

/// One share at any time: the values whose likelihood the beta mixture does not beat by 1/α. `prior`
/// = the two parameters of the beta distribution, `s` successes of `n`. Before any answer the whole
/// of 0–1. `None` for s outside 0–n or a prior that is none.
///
/// As `ville.BernoulliCS(intersect=False)`.
#[must_use]
pub fn share_beta_mixture(s: f64, n: f64, alpha: f64, prior: (f64, f64)) -> Option<(f64, f64)> {
    let (a, b) = prior;
    let valid = n >= 0.0 && (0.0..=n).contains(&s) && alpha > 0.0 && alpha < 1.0;
    if !(valid && a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite()) {
        return None;
    }
    let mixed = ln_beta(a + s, b + n - s) - ln_beta(a, b);
    let keeps = |p: f64| mixed - likelihood(s, n, p) < -libm::log(alpha);
    Some(around(s, n, keeps))
}

/// s ln p + (n − s) ln(1 − p), 0 ln 0 = 0.
fn likelihood(s: f64, n: f64, p: f64) -> f64 {
    let term = |count: f64, ln: f64| if count == 0.0 { 0.0 } else { count * ln };
    term(s, libm::log(p)) + term(n - s, libm::log1p(-p))
}

/// The interval of the values that `keeps` holds around s/n.
fn around(s: f64, n: f64, keeps: impl Fn(f64) -> bool) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let end = |edge: f64| {
        let (mut kept, mut lost) = (s / n, edge);
        for _ in 0..80 {
            let middle = f64::midpoint(kept, lost);
            if keeps(middle) {
                kept = middle;
            } else {
                lost = middle;
            }
        }
        f64::midpoint(kept, lost)
    };
    (
        if s == 0.0 { 0.0 } else { end(0.0) },
        if s >= n { 1.0 } else { end(1.0) },
    )
}

/// One share at any time by the sub-Bernoulli beta-binomial mixture of Howard and others 2021, tuned
/// so that it is narrowest near `best` answers, at the tuning level `alpha_best`. `None` as
/// [`share_beta_mixture`], and without answers.
///
/// As `confseq.boundaries.bernoulli_confidence_interval(alpha_opt = alpha_best)`.
#[must_use]
pub fn share_sub_bernoulli(
    s: f64,
    n: f64,
    alpha: f64,
    best: f64,
    alpha_best: f64,
) -> Option<(f64, f64)> {
    let valid = n >= 1.0 && (0.0..=n).contains(&s) && alpha > 0.0 && alpha < 1.0;
    if !valid {
        return None;
    }
    tuning(best, alpha_best)?;
    let keeps = |p: f64| {
        let (g, h) = (p, 1.0 - p);
        let unit = g * h;
        let Some(rho) = tuning(best * unit, alpha_best) else {
            return false;
        };
        // Pseudo-answers of the mixture: intrinsic time beyond the one of a single answer.
        let r = (rho - unit).max(1e-3 * unit);
        let prior = ln_beta(r / g, r / h);
        let posterior = ln_beta(r / g + n - s, r / h + s);
        posterior - prior - likelihood(s, n, p) < -libm::log(alpha)
    };
    Some(around(s, n, keeps))
}
