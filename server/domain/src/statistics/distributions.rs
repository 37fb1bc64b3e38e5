//! The distributions that the statistics need: thin, checked wrappers.
//!
//! Φ goes through `erfc`, which is right to the last digits in both tails; the rest is statrs
//! (releases before 0.19.1 had wrong inverse functions, hence the pinned version and the table
//! tests). Arguments outside a distribution's domain answer NaN, which no comparison accepts.

use super::beta;
use statrs::distribution::{
    Beta, Binomial, ChiSquared, Continuous, ContinuousCDF, DiscreteCDF, Gamma, NegativeBinomial,
    Normal, Poisson, StudentsT,
};

/// Φ(x), the standard normal distribution function.
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// 1 − Φ(x), without loss in the upper tail.
#[must_use]
pub fn normal_sf(x: f64) -> f64 {
    normal_cdf(-x)
}

/// Φ⁻¹(p) for 0 < p < 1.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return f64::NAN;
    }
    // The upper half by symmetry: 1 − p is exact there, and the correction below needs a small tail.
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    let Ok(normal) = Normal::new(0.0, 1.0) else {
        return f64::NAN;
    };
    let mut x = normal.inverse_cdf(p);
    // Newton on ln Φ, which is concave: the steps settle from any start, far into the tail.
    let target = libm::log(p);
    for _ in 0..20 {
        let cdf = normal_cdf(x);
        let density = libm::exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt();
        if cdf <= 0.0 || density <= 0.0 {
            break;
        }
        let step = (libm::log(cdf) - target) * cdf / density;
        x -= step;
        if step.abs() <= 4.0 * f64::EPSILON * x.abs() {
            break;
        }
    }
    x
}

/// Improves the quantile `x` of a continuous distribution by Newton's steps: statrs searches to an
/// absolute precision, which is coarse for quantiles near 0. `lower` and `upper` are the two tails,
/// of which the smaller is compared; steps that leave the support are not taken.
fn polish(
    mut x: f64,
    p: f64,
    support: (f64, f64),
    lower: impl Fn(f64) -> f64,
    upper: impl Fn(f64) -> f64,
    density: impl Fn(f64) -> f64,
) -> f64 {
    for _ in 0..8 {
        let d = density(x);
        let step = if p <= 0.5 {
            (lower(x) - p) / d
        } else {
            ((1.0 - p) - upper(x)) / d
        };
        let next = x - step;
        if !step.is_finite() || next <= support.0 || next >= support.1 {
            return x;
        }
        let small = step.abs() <= 1e-13 * next.abs();
        x = next;
        if small {
            break;
        }
    }
    x
}

/// P(X ≤ x), X ~ Beta(a, b).
#[must_use]
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    beta::tails(x, a, b).0
}

/// (c p)^(1/power): the quantile of a distribution function that starts as x^power / c, where that is
/// so close to 0 that the rest hardly counts: the search of statrs, absolute in precision, ends far from
/// it. Never 0: above p = 0 a quantile is at least the smallest number.
fn near_zero(ln_c: f64, p: f64, power: f64) -> Option<f64> {
    let x = libm::exp((libm::log(p) + ln_c) / power);
    (p > 0.0 && x < 1e-6).then(|| x.max(f64::MIN_POSITIVE))
}

/// Quantile of Beta(a, b).
#[must_use]
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    match Beta::new(a, b) {
        Ok(d) if (0.0..=1.0).contains(&p) => polish(
            near_zero(beta::ln_start(a, b), p, a).unwrap_or_else(|| d.inverse_cdf(p)),
            p,
            (0.0, 1.0),
            |x| beta::tails(x, a, b).0,
            |x| beta::tails(x, a, b).1,
            |x| d.pdf(x),
        ),
        _ => f64::NAN,
    }
}

/// P(X ≤ x), X ~ Gamma(shape, rate).
#[must_use]
pub fn gamma_cdf(x: f64, shape: f64, rate: f64) -> f64 {
    Gamma::new(shape, rate).map_or(f64::NAN, |d| d.cdf(x))
}

/// Quantile of Gamma(shape, rate).
#[must_use]
pub fn gamma_quantile(p: f64, shape: f64, rate: f64) -> f64 {
    match Gamma::new(shape, rate) {
        Ok(d) if (0.0..=1.0).contains(&p) => polish(
            near_zero(libm::lgamma(shape + 1.0), p, shape)
                .map_or_else(|| d.inverse_cdf(p), |x| x / rate),
            p,
            (0.0, f64::INFINITY),
            |x| d.cdf(x),
            |x| d.sf(x),
            |x| d.pdf(x),
        ),
        _ => f64::NAN,
    }
}

/// P(X ≤ k), X ~ Binomial(n, p).
#[must_use]
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    Binomial::new(p, n).map_or(f64::NAN, |d| d.cdf(k))
}

/// P(X = k), X ~ Binomial(n, p); in logarithms, so that large n do not overflow.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub fn binomial_pmf(k: u64, n: u64, p: f64) -> f64 {
    if k > n || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let (k, n) = (k as f64, n as f64);
    let term = |count: f64, share: f64| {
        if count == 0.0 {
            0.0
        } else {
            count * libm::log(share)
        }
    };
    libm::exp(ln_choose(n, k) + term(k, p) + term(n - k, 1.0 - p))
}

/// P(X > x), X ~ Student's t with `df` degrees of freedom (not only whole ones).
#[must_use]
pub fn student_sf(x: f64, df: f64) -> f64 {
    StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |d| d.sf(x))
}

/// Quantile of Student's t.
#[must_use]
pub fn student_quantile(p: f64, df: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, df) {
        Ok(d) if p > 0.0 && p < 1.0 => polish(
            d.inverse_cdf(p),
            p,
            (f64::NEG_INFINITY, f64::INFINITY),
            |x| d.cdf(x),
            |x| d.sf(x),
            |x| d.pdf(x),
        ),
        _ => f64::NAN,
    }
}

/// P(X > x), X ~ χ² with `df` degrees of freedom.
#[must_use]
pub fn chi2_sf(x: f64, df: f64) -> f64 {
    ChiSquared::new(df).map_or(f64::NAN, |d| d.sf(x))
}

/// P(X = k), X ~ Poisson(mean).
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub fn poisson_pmf(k: u64, mean: f64) -> f64 {
    if !(mean >= 0.0 && mean.is_finite()) {
        return f64::NAN;
    }
    if mean == 0.0 {
        return if k == 0 { 1.0 } else { 0.0 };
    }
    let k = k as f64;
    libm::exp(k * libm::log(mean) - mean - libm::lgamma(k + 1.0))
}

/// P(X > k), X ~ Poisson(mean).
#[must_use]
pub fn poisson_sf(k: u64, mean: f64) -> f64 {
    Poisson::new(mean).map_or(f64::NAN, |d| d.sf(k))
}

/// P(X > k), X ~ negative binomial: `r` successes wanted (not only whole ones), each with
/// probability `p`; mean r(1 − p)/p.
#[must_use]
pub fn negative_binomial_sf(k: u64, r: f64, p: f64) -> f64 {
    NegativeBinomial::new(r, p).map_or(f64::NAN, |d| d.sf(k))
}

/// ln B(a, b).
#[must_use]
pub fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

/// ln of n over k.
#[must_use]
pub fn ln_choose(n: f64, k: f64) -> f64 {
    libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0)
}
