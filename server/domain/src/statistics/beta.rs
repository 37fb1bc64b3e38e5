//! The regularized incomplete beta function, right in the middle of narrow distributions too.
//!
//! statrs stops its continued fraction after a fixed number of steps, which from about 10⁵ contacts on
//! is too early near the mean: exactly where shares are compared.

/// Steps of the continued fraction: it settles after about √max(a, b) of them near the mean.
const MOST_STEPS: usize = 100_000;
const TINY: f64 = 1e-300;

/// ln Γ(n + 1) − ln(√(2πn) (n/e)ⁿ): what Stirling's formula leaves out.
fn stirling_rest(n: f64) -> f64 {
    if n < 15.0 {
        let half_ln_two_pi = 0.5 * libm::log(2.0 * std::f64::consts::PI);
        return libm::lgamma(n + 1.0) - (n + 0.5) * libm::log(n) + n - half_ln_two_pi;
    }
    let square = n * n;
    let series = 1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square;
    (1.0 / 12.0 - (1.0 / 360.0 - series / square) / square) / n
}

/// x ln(x/m) + m − x, without cancellation where x is close to m.
fn deviance(x: f64, m: f64) -> f64 {
    let distance = x - m;
    if distance.abs() >= 0.1 * (x + m) {
        return x * libm::log(x / m) - distance;
    }
    let v = distance / (x + m);
    let mut sum = distance * v;
    let mut term = 2.0 * x * v;
    let mut odd = 1.0;
    for _ in 0..1000 {
        term *= v * v;
        odd += 2.0;
        let next = sum + term / odd;
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// xᵃ (1 − x)ᵇ / B(a, b), as Loader computes binomial probabilities ("Fast and accurate computation of
/// binomial probabilities", 2000): no large logarithms are subtracted from each other.
fn front(x: f64, y: f64, a: f64, b: f64) -> f64 {
    let n = a + b;
    let exponent = stirling_rest(n)
        - stirling_rest(a)
        - stirling_rest(b)
        - deviance(a, n * x)
        - deviance(b, n * y);
    libm::exp(exponent) * (a * b / (2.0 * std::f64::consts::PI * n)).sqrt()
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut f = d;
    let mut m = 0.0;
    for _ in 0..MOST_STEPS {
        m += 1.0;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        f *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let step = c * d;
        f *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    f
}

/// P(X ≤ x) and P(X > x) of Beta(a, b), each without loss where it is small; NaN unless a, b > 0 and x
/// is a number.
pub(super) fn tails(x: f64, a: f64, b: f64) -> (f64, f64) {
    let in_domain = a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite() && !x.is_nan();
    if !in_domain {
        return (f64::NAN, f64::NAN);
    }
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x >= 1.0 {
        return (1.0, 0.0);
    }
    let y = 1.0 - x;
    let front = front(x, y, a, b);
    // On its own side of the mean the fraction settles quickly.
    if x < (a + 1.0) / (a + b + 2.0) {
        let lower = (front * fraction(x, a, b) / a).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (front * fraction(y, b, a) / b).min(1.0);
        (1.0 - upper, upper)
    }
}

/// ln(a B(a, b)): near 0 the distribution function is xᵃ / (a B(a, b)).
pub(super) fn ln_start(a: f64, b: f64) -> f64 {
    libm::lgamma(a + 1.0) + libm::lgamma(b) - libm::lgamma(a + b)
}
