//! The distributions that the statistics need: thin, checked wrappers.
//!
//! Φ goes through `erfc`, which is right to the last digits in both tails; the rest is statrs
//! (releases before 0.19.1 had wrong inverse functions, hence the pinned version and the table
//! tests). Arguments outside a distribution's domain answer NaN, which no comparison accepts.

use statrs::distribution::{Beta, Binomial, ContinuousCDF, DiscreteCDF, Gamma, Normal};

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
    let x = normal.inverse_cdf(p);
    // One Halley step on the precise Φ.
    let density = libm::exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt();
    if density == 0.0 {
        return x;
    }
    let u = (normal_cdf(x) - p) / density;
    x - u / (1.0 + 0.5 * x * u)
}

/// P(X ≤ x), X ~ Beta(a, b).
#[must_use]
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    Beta::new(a, b).map_or(f64::NAN, |d| d.cdf(x))
}

/// Quantile of Beta(a, b).
#[must_use]
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    match Beta::new(a, b) {
        Ok(d) if (0.0..=1.0).contains(&p) => d.inverse_cdf(p),
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
        Ok(d) if (0.0..=1.0).contains(&p) => d.inverse_cdf(p),
        _ => f64::NAN,
    }
}

/// P(X ≤ k), X ~ Binomial(n, p).
#[must_use]
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    Binomial::new(p, n).map_or(f64::NAN, |d| d.cdf(k))
}
