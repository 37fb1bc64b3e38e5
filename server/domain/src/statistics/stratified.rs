//! Before against after inside strata: what a different mix of channels or weekdays cannot fake.

use super::distributions::{binomial_cdf, normal_quantile};

/// Answers of one stratum on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// Ratings.
    pub n: f64,
    /// Satisfied among them.
    pub s: f64,
}

/// Contacts of one stratum on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Contacts.
    pub y: f64,
    /// Exposure: days.
    pub t: f64,
}

/// After minus before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrast {
    /// Shares: difference of shares. Rates: logarithm of the ratio.
    pub delta: f64,
    /// Variance of `delta`, noise factor included.
    pub variance: f64,
    /// Information that does not look at the outcome: the sum of the strata's weights.
    pub weight: f64,
    /// Level before at the common mix.
    pub before: f64,
    /// Level after at the common mix.
    pub after: f64,
    /// Share of the after-answers in strata without a counterpart before.
    pub dropped: f64,
}

impl Contrast {
    /// Effect over standard error; `None` when there is no variance at all.
    #[must_use]
    pub fn z(&self) -> Option<f64> {
        (self.variance > 0.0).then(|| self.delta / self.variance.sqrt())
    }
}

/// The Mantel–Haenszel difference of shares with the variance of the Cochran–Mantel–Haenszel test,
/// times the noise factor `phi`. Both slices list the same strata in the same order. `None` when no
/// stratum has answers on both sides.
///
/// At `phi` = 1, `delta²/variance` is the CMH χ² without continuity correction, and `delta` the
/// pooled risk difference of `metafor::rma.mh(measure="RD")`. A stratum whose answers are all alike
/// adds nothing to the variance.
#[must_use]
pub fn share_difference(before: &[Share], after: &[Share], phi: f64) -> Option<Contrast> {
    let (mut weight, mut level_b, mut level_a, mut variance) = (0.0, 0.0, 0.0, 0.0);
    let (mut used, mut total) = (0.0, 0.0);
    for (b, a) in before.iter().zip(after) {
        total += a.n;
        if b.n <= 0.0 || a.n <= 0.0 {
            continue;
        }
        used += a.n;
        let n = a.n + b.n;
        let w = a.n * b.n / n;
        let p = (a.s + b.s) / n;
        weight += w;
        level_b += w * b.s / b.n;
        level_a += w * a.s / a.n;
        // n ≥ 2 here, as each side has at least one whole answer.
        variance += w * p * (1.0 - p) * n / (n - 1.0);
    }
    if weight <= 0.0 {
        return None;
    }
    Some(Contrast {
        delta: (level_a - level_b) / weight,
        variance: phi * variance / (weight * weight),
        weight,
        before: level_b / weight,
        after: level_a / weight,
        dropped: 1.0 - used / total,
    })
}

/// The logarithm of the Mantel–Haenszel rate ratio after/before with the variance of Greenland and
/// Robins, times the noise factor `phi`. `None` without exposure on both sides or without any
/// contact at all.
///
/// As `metafor::rma.mh(measure="IRR")` at `phi` = 1. If one side has no contact, 0.5 is added to
/// both sums so that there is an estimate; [`no_contact_z`] then decides.
#[must_use]
pub fn rate_ratio(before: &[Rate], after: &[Rate], phi: f64) -> Option<Contrast> {
    let (mut num, mut den, mut v, mut weight) = (0.0, 0.0, 0.0, 0.0);
    let (mut exposure, mut used, mut total) = (0.0, 0.0, 0.0);
    for (b, a) in before.iter().zip(after) {
        total += a.y;
        if b.t <= 0.0 || a.t <= 0.0 {
            continue;
        }
        used += a.y;
        let m = a.t + b.t;
        num += a.y * b.t / m;
        den += b.y * a.t / m;
        v += (a.y + b.y) * a.t * b.t / (m * m);
        weight += a.t * b.t / m;
        exposure += a.t * b.t / m;
    }
    if exposure <= 0.0 || num + den <= 0.0 {
        return None;
    }
    let (before_level, after_level) = (den / exposure, num / exposure);
    if num <= 0.0 || den <= 0.0 {
        num += 0.5;
        den += 0.5;
    }
    Some(Contrast {
        delta: (num / den).ln(),
        variance: phi * v / (num * den),
        weight,
        before: before_level,
        after: after_level,
        dropped: if total > 0.0 { 1.0 - used / total } else { 0.0 },
    })
}

/// The exact conditional test where no contact came after the fix (or none before): the one-sided
/// probability of that under equal rates, as a normal quantile (negative = fewer after). Counts are
/// divided by the noise factor, because clustered contacts are worth less.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are small and not negative"
)]
pub fn no_contact_z(before: &[Rate], after: &[Rate], phi: f64) -> Option<f64> {
    let (yb, tb) = before
        .iter()
        .fold((0.0, 0.0), |(y, t), r| (y + r.y, t + r.t));
    let (ya, ta) = after
        .iter()
        .fold((0.0, 0.0), |(y, t), r| (y + r.y, t + r.t));
    if tb <= 0.0 || ta <= 0.0 || (ya > 0.0 && yb > 0.0) {
        return None;
    }
    let n = ((ya + yb) / phi.max(1.0)).floor() as u64;
    let (share, sign) = if ya > 0.0 {
        (tb / (ta + tb), 1.0)
    } else {
        (ta / (ta + tb), -1.0)
    };
    // k = 0 of n on the empty side.
    let p = binomial_cdf(0, n, share);
    Some(sign * -normal_quantile(p.clamp(1e-300, 0.5)))
}
