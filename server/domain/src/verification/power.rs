//! How long it will take, and how likely it is that a change is seen at all.
//!
//! A verification looks every day at a statistic whose information grows with the answers, so it is a
//! Brownian motion with a drift where there is an effect. Two views of the same thing:
//!
//! - [`Design::answers_needed`]: the closed formula. A single look needs δ² / V = (z₀.₉₇₅ + z₀.₈₀)²;
//!   daily looks need [`PRICE_OF_LOOKS`] times that.
//! - [`Design::power`]: the recursion of Armitage, McPherson and Rowe with drift, for the chance of a
//!   verdict by each day (checked against the `plan` of the prototype).
//!
//! The scale is that of the statistic: a difference of shares or of mean ratings, of the mean
//! logarithm of handling times, the logarithm of a ratio of contact rates.

use crate::statistics::distributions::{normal_cdf, normal_quantile};
use crate::statistics::sequential::{ALPHA, RHO, boundaries};

/// Price of looking every day, as a factor on the information needed for a chance of 80 %.
pub const PRICE_OF_LOOKS: f64 = 1.13;
/// The chance that a plan aims at.
pub const POWER: f64 = 0.80;
/// How fine the grid of the recursion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grid {
    /// 323 points from eight standard deviations below, as the prototype has it.
    Fine,
    /// As many points as the steps ask for, where the density is: right to 1e-3, for planning many
    /// metrics at once.
    Coarse,
}

/// Most intervals of Simpson's rule.
const MOST: usize = 322;
/// Days of a plan's looks. Every day would be a look; these give the same power within a point and
/// cost a quarter.
const PLANNED_LOOKS: [u32; 16] = [7, 8, 9, 10, 12, 14, 16, 18, 21, 24, 28, 33, 38, 42, 49, 56];

/// A comparison that is planned: the change, what one answer is worth, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Design {
    /// Change on the scale of the statistic; its sign does not matter.
    pub change: f64,
    /// Variance that one answer of the baseline contributes: n × variance of the baseline's level,
    /// noise factor and control included.
    pub variance_before: f64,
    /// The same for an answer after the fix.
    pub variance_after: f64,
    /// Answers that the baseline will hold.
    pub baseline: f64,
    /// Days that the baseline covers: what the looks' share of the information is measured with.
    pub baseline_days: f64,
    /// Answers a day after the fix, if it works.
    pub per_day: f64,
    /// Estimates below this are never called a change, on the scale of the statistic.
    pub least: f64,
}

/// The topics it is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ControlSize {
    /// Their answers as a multiple of the topic's.
    pub ratio: f64,
}

impl Design {
    /// Shares (CSAT and the like): level `before` (0–1) changes by `change`; `noise` is the factor φ.
    ///
    /// The control's contrast is scaled to the topic's own variance (a common shock is taken as equal
    /// on the arcsine scale), so only its size matters.
    #[must_use]
    pub fn share(
        before: f64,
        change: f64,
        noise: f64,
        control: Option<ControlSize>,
        baseline: f64,
        per_day: f64,
    ) -> Self {
        let after = (before + change).clamp(0.01, 0.99);
        let middle = f64::midpoint(before, after);
        let own = noise * middle * (1.0 - middle);
        let all = own + control.map_or(0.0, |c| before * (1.0 - before) / c.ratio);
        Self::even(change, all, baseline, per_day)
    }

    /// Means (ratings, logarithms of handling times): `variance` of one answer.
    #[must_use]
    pub fn mean(
        variance: f64,
        change: f64,
        noise: f64,
        control: Option<ControlSize>,
        baseline: f64,
        per_day: f64,
    ) -> Self {
        let all = variance * (noise + control.map_or(0.0, |c| 1.0 / c.ratio));
        Self::even(change, all, baseline, per_day)
    }

    /// Contact rates: a relative `change` (−0.20 = a fifth fewer; above −1). `per_day` is the present
    /// pace: after a fix that works fewer contacts come, and they are what is counted.
    #[must_use]
    pub fn rate(
        change: f64,
        noise: f64,
        control: Option<ControlSize>,
        baseline: f64,
        per_day: f64,
    ) -> Self {
        let ratio = 1.0 + change.max(-0.99);
        let others = control.map_or(0.0, |c| 1.0 / c.ratio);
        Self {
            change: ratio.ln(),
            variance_before: noise + others,
            variance_after: noise + others * ratio,
            baseline,
            baseline_days: days_of(baseline, per_day),
            per_day: per_day * ratio,
            least: 0.0,
        }
    }

    fn even(change: f64, variance: f64, baseline: f64, per_day: f64) -> Self {
        Self {
            change,
            variance_before: variance,
            variance_after: variance,
            baseline,
            baseline_days: days_of(baseline, per_day),
            per_day,
            least: 0.0,
        }
    }

    /// The same with a least estimate: what is smaller is never called a change.
    #[must_use]
    pub const fn at_least(mut self, least: f64) -> Self {
        self.least = least;
        self
    }

    /// The same with a baseline of `answers` that cover `days` days.
    #[must_use]
    pub const fn with_baseline(mut self, answers: f64, days: f64) -> Self {
        self.baseline = answers;
        self.baseline_days = days;
        self
    }

    /// Answers needed after the fix for a chance of 80 % where looks cost `price`
    /// ([`PRICE_OF_LOOKS`]); `None` = this baseline can never show the change.
    #[must_use]
    pub fn answers_needed(&self, price: f64) -> Option<f64> {
        if !(self.baseline > 0.0 && self.change.is_finite() && self.variance_after > 0.0) {
            return None;
        }
        let allowed = self.change * self.change / (price * spread());
        let spent = self.variance_before / self.baseline;
        (allowed > spent).then(|| self.variance_after / (allowed - spent))
    }

    /// Days that `answers` take at the pace after the fix, at least one whole week.
    #[must_use]
    pub fn days(&self, answers: f64, first: u32) -> Option<f64> {
        (self.per_day > 0.0).then(|| (answers / self.per_day).ceil().max(f64::from(first)))
    }

    /// Variance of the effect when `days` days after the fix are in.
    #[must_use]
    pub fn variance(&self, days: f64) -> f64 {
        self.variance_before / self.baseline + self.variance_after / (self.per_day * days)
    }

    /// Share of the baseline's harmonic weight after `days` days: information without the outcome.
    fn weight(&self, days: f64) -> f64 {
        self.baseline_days * days / (self.baseline_days + days)
    }

    /// Chance that the boundary has been crossed in the right direction by each of the `looks`
    /// (days after the fix, increasing; the last is the horizon).
    #[must_use]
    pub fn power(&self, looks: &[u32], grid: Grid) -> Vec<f64> {
        let Some(horizon) = looks.last().map(|day| f64::from(*day)) else {
            return Vec::new();
        };
        if !(self.baseline > 0.0 && self.per_day > 0.0 && self.variance_after > 0.0) {
            return vec![0.0; looks.len()];
        }
        let fractions: Vec<f64> = looks
            .iter()
            .map(|day| self.weight(f64::from(*day)) / self.weight(horizon))
            .collect();
        self.crossing(looks, &boundaries(&fractions, ALPHA, RHO), grid)
    }

    fn crossing(&self, looks: &[u32], bounds: &[f64], grid: Grid) -> Vec<f64> {
        let Some(horizon) = looks.last().map(|day| f64::from(*day)) else {
            return Vec::new();
        };
        let last = self.variance(horizon);
        let information: Vec<f64> = looks
            .iter()
            .map(|day| last / self.variance(f64::from(*day)))
            .collect();
        let bounds: Vec<f64> = bounds
            .iter()
            .zip(looks)
            .map(|(z, day)| z.max(self.least / self.variance(f64::from(*day)).sqrt()))
            .collect();
        crossing(&information, &bounds, self.change.abs() / last.sqrt(), grid)
    }
}

/// Boundaries of planned looks, kept because many metrics of one topic share their schedule.
#[derive(Debug, Default)]
pub struct Schedules {
    known: Vec<(u32, u32, Vec<f64>)>,
}

impl Schedules {
    /// Chance of seeing the change of `design` by day `horizon`, to about a point.
    #[must_use]
    pub fn power(&mut self, design: &Design, horizon: u32) -> f64 {
        if !(design.baseline > 0.0 && design.per_day > 0.0 && design.variance_after > 0.0) {
            return 0.0;
        }
        let looks: Vec<u32> = PLANNED_LOOKS
            .into_iter()
            .filter(|day| *day < horizon)
            .chain([horizon])
            .collect();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "days of a baseline"
        )]
        let days = design.baseline_days.round().clamp(1.0, 1000.0) as u32;
        let known = self
            .known
            .iter()
            .position(|(d, h, _)| (*d, *h) == (days, horizon));
        let at = known.unwrap_or_else(|| {
            let whole = Design {
                baseline_days: f64::from(days),
                ..*design
            };
            let fractions: Vec<f64> = looks
                .iter()
                .map(|day| whole.weight(f64::from(*day)) / whole.weight(f64::from(horizon)))
                .collect();
            self.known
                .push((days, horizon, boundaries(&fractions, ALPHA, RHO)));
            self.known.len() - 1
        });
        let bounds = self.known.get(at).map_or(&[][..], |k| k.2.as_slice());
        design
            .crossing(&looks, bounds, Grid::Coarse)
            .last()
            .map_or(0.0, |p| p.clamp(0.0, 1.0))
    }
}

/// Days that a baseline of `answers` covers at `per_day`.
fn days_of(answers: f64, per_day: f64) -> f64 {
    if per_day > 0.0 {
        answers / per_day
    } else {
        0.0
    }
}

/// (z₀.₉₇₅ + z₀.₈₀)².
fn spread() -> f64 {
    (normal_quantile(1.0 - ALPHA) + normal_quantile(POWER)).powi(2)
}

/// Cumulative probability that a Brownian motion with drift `drift` (the expected statistic at
/// information 1) has crossed the upper `bounds` (on the scale of the statistic) at the cumulative
/// `information` fractions.
///
/// Armitage, McPherson and Rowe 1969; the counterpart of [`boundaries`] under an alternative.
#[must_use]
pub fn crossing(information: &[f64], bounds: &[f64], drift: f64, grid: Grid) -> Vec<f64> {
    let mut out = Vec::with_capacity(information.len());
    let mut alive: Vec<(f64, f64)> = Vec::new();
    let (mut total, mut last) = (0.0_f64, 0.0_f64);
    for (k, (&t, &bound)) in information.iter().zip(bounds).enumerate() {
        let step = (t - last).max(1e-9);
        let (sd, root) = (step.sqrt(), t.sqrt());
        let upper = bound * root;
        total += if k == 0 {
            normal_cdf((drift * t - upper) / sd)
        } else {
            alive
                .iter()
                .map(|&(x, f)| f * normal_cdf((x + drift * step - upper) / sd))
                .sum()
        };
        out.push(total);
        let (lower, intervals) = match grid {
            Grid::Fine => (-8.0 * root + (drift * t).min(0.0), MOST),
            Grid::Coarse => {
                let lower = drift * t - 5.5 * root;
                let next = information
                    .get(k + 1)
                    .map_or(sd, |next| (next - t).max(1e-9).sqrt());
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "clamped to the size of the grid"
                )]
                let intervals =
                    ((upper - lower) / (0.6 * sd.min(next))).clamp(24.0, 322.0) as usize & !1;
                (lower, intervals)
            }
        };
        alive = if lower < upper {
            advance(
                &alive,
                k == 0,
                (lower, upper),
                drift * step,
                step,
                intervals,
            )
        } else {
            Vec::new()
        };
        last = t;
    }
    out
}

/// Density of the score that has not crossed yet, with the weights of Simpson's rule.
#[expect(clippy::cast_precision_loss, reason = "an index below 400")]
fn advance(
    alive: &[(f64, f64)],
    first: bool,
    (lower, upper): (f64, f64),
    shift: f64,
    variance: f64,
    intervals: usize,
) -> Vec<(f64, f64)> {
    let sd = variance.sqrt();
    let h = (upper - lower) / intervals as f64;
    let norm = 1.0 / ((2.0 * std::f64::consts::PI).sqrt() * sd);
    let scale = -0.5 / variance;
    (0..=intervals)
        .map(|i| {
            let x = lower + h * i as f64;
            let simpson = match i {
                0 => 1.0,
                i if i == intervals => 1.0,
                i if i % 2 == 1 => 4.0,
                _ => 2.0,
            } * h
                / 3.0;
            let density = if first {
                (scale * (x - shift).powi(2)).exp()
            } else {
                // Steps of more than seven standard deviations do not happen.
                let from = alive.partition_point(|p| p.0 < x - shift - 7.0 * sd);
                let to = alive.partition_point(|p| p.0 <= x - shift + 7.0 * sd);
                alive[from..to]
                    .iter()
                    .map(|&(u, f)| f * (scale * (x - u - shift).powi(2)).exp())
                    .sum()
            };
            (x, density * norm * simpson)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{ControlSize, Design, Grid, PLANNED_LOOKS, PRICE_OF_LOOKS, Schedules, crossing};

    const EIGHT: Option<ControlSize> = Some(ControlSize { ratio: 8.0 });

    fn near(got: f64, want: f64, tolerance: f64) {
        assert!((got - want).abs() <= tolerance, "{got} against {want}");
    }

    fn csat(pace: f64, level: f64, change: f64) -> Design {
        Design::share(level, change, 1.15, EIGHT, 69.0 * pace, pace)
    }

    /// The table of the specification: noise 1.15, control eight times as large, 56 + 13 days.
    #[test]
    fn examples_of_the_plan() {
        for (pace, level, change, answers, days) in [
            (34.0, 0.78, 0.14, 79.0, 7.0),
            (34.0, 0.78, 0.08, 299.0, 9.0),
            (34.0, 0.78, 0.05, 1032.0, 31.0),
            (20.0, 0.772, 0.10, 193.0, 10.0),
            (20.0, 0.772, 0.05, 1587.0, 80.0),
            (6.0, 0.772, 0.10, 285.0, 48.0),
        ] {
            let design = csat(pace, level, change);
            let need = design.answers_needed(PRICE_OF_LOOKS).unwrap();
            assert_eq!(need.ceil(), answers, "{pace} a day, {change}");
            assert_eq!(design.days(need, 7), Some(days));
        }
        // A baseline that can never show it.
        let thin = Design::share(0.77, 0.05, 1.15, None, 30.0, 6.0);
        assert_eq!(thin.answers_needed(PRICE_OF_LOOKS), None);
    }

    /// `plan` and `gst_power` of the prototype (numpy, scipy) for the same arguments.
    #[test]
    fn power_of_the_prototype() {
        let daily = |horizon: u32| (7..=horizon).collect::<Vec<_>>();
        for (design, need, horizon, by) in [
            (
                csat(34.0, 0.78, 0.08),
                298.687_983_953_825_44,
                28,
                &[
                    (7, 0.531),
                    (10, 0.719),
                    (14, 0.881),
                    (21, 0.976),
                    (28, 0.995_111_064_903_575_4),
                ][..],
            ),
            (
                csat(34.0, 0.78, 0.05),
                1_031.615_517_569_134_7,
                42,
                &[(14, 0.360), (28, 0.722), (42, 0.877_463_479_720_980_4)][..],
            ),
            (
                csat(20.0, 0.77, 0.05),
                1_611.753_564_811_244_1,
                56,
                &[(7, 0.055), (28, 0.419), (56, 0.718_773_263_692_547_5)][..],
            ),
            (
                csat(6.0, 0.77, 0.10),
                288.963_065_109_566_86,
                56,
                &[(21, 0.398), (42, 0.729), (56, 0.831_388_438_867_970_1)][..],
            ),
            (
                Design::share(0.77, -0.10, 1.3, None, 20.0 * 69.0, 20.0),
                279.528_138_478_034_46,
                28,
                &[(7, 0.341), (14, 0.705), (28, 0.958_951_183_055_234_1)][..],
            ),
        ] {
            near(design.answers_needed(PRICE_OF_LOOKS).unwrap(), need, 1e-6);
            let looks = daily(horizon);
            let power = design.power(&looks, Grid::Fine);
            for (day, want) in by {
                let at = looks.iter().position(|d| d == day).unwrap();
                let tolerance = if *day == horizon { 1e-4 } else { 6e-4 };
                near(power[at], *want, tolerance);
            }
        }
    }

    #[test]
    fn crossing_of_the_prototype() {
        let t = [0.2, 0.4, 0.6, 0.8, 1.0];
        let c = [
            2.842_784_06,
            2.592_275_86,
            2.425_647_23,
            2.290_833_98,
            2.175_011_68,
        ];
        for (drift, want) in [
            (
                2.8,
                [
                    0.055_851_39,
                    0.217_568_44,
                    0.424_193_01,
                    0.615_366_37,
                    0.762_286_89,
                ],
            ),
            (
                0.0,
                [
                    0.002_236_07,
                    0.006_324_56,
                    0.011_618_95,
                    0.017_888_54,
                    0.025,
                ],
            ),
            (
                -1.0,
                [
                    0.000_500_94,
                    0.001_049_22,
                    0.001_544_68,
                    0.001_987_07,
                    0.002_384_01,
                ],
            ),
        ] {
            for (got, want) in crossing(&t, &c, drift, Grid::Fine).into_iter().zip(want) {
                near(got, want, 2e-8);
            }
        }
    }

    /// The plan's few looks on a coarse grid against every day on the fine one.
    #[test]
    fn few_looks_are_enough_for_planning() {
        let mut schedules = Schedules::default();
        for design in [
            csat(34.0, 0.78, 0.05),
            csat(6.0, 0.77, 0.10),
            csat(2.0, 0.85, 0.10),
            Design::rate(-0.2, 2.0, EIGHT, 70.0 * 12.0, 12.0),
            Design::mean(1.4, 0.30, 1.2, None, 300.0, 9.0).at_least(0.09),
        ] {
            for horizon in [28, 42, 56] {
                let daily = design.power(&(7..=horizon).collect::<Vec<_>>(), Grid::Fine);
                near(
                    schedules.power(&design, horizon),
                    *daily.last().unwrap(),
                    0.01,
                );
                let few: Vec<u32> = PLANNED_LOOKS
                    .into_iter()
                    .filter(|d| *d <= horizon)
                    .collect();
                let fine = *design.power(&few, Grid::Fine).last().unwrap();
                near(
                    *design.power(&few, Grid::Coarse).last().unwrap(),
                    fine,
                    1e-3,
                );
            }
        }
    }

    #[test]
    fn more_is_quicker() {
        let mut schedules = Schedules::default();
        let need = |d: &Design| d.answers_needed(PRICE_OF_LOOKS).unwrap_or(f64::INFINITY);
        for kind in 0..3 {
            let design = |change: f64, pace: f64, days: f64| match kind {
                0 => Design::share(0.7, change, 1.2, EIGHT, days * pace, pace),
                1 => Design::mean(0.5, -change, 1.2, None, days * pace, pace),
                _ => Design::rate(-change, 1.5, EIGHT, days * pace, pace),
            };
            for step in 1..12 {
                let change = 0.02 * f64::from(step);
                let (small, large) = (
                    design(change, 20.0, 70.0),
                    design(change + 0.02, 20.0, 70.0),
                );
                assert!(need(&large) < need(&small) || need(&small).is_infinite());
                assert!(schedules.power(&large, 28) >= schedules.power(&small, 28) - 1e-3);
                assert!(schedules.power(&small, 56) >= schedules.power(&small, 28) - 1e-3);
                // More answers a day: fewer days; a longer baseline: fewer answers.
                let busy = design(change, 40.0, 70.0);
                let days = |d: &Design| d.answers_needed(PRICE_OF_LOOKS).and_then(|n| d.days(n, 7));
                if let (Some(few), Some(many)) = (days(&small), days(&busy)) {
                    assert!(many <= few);
                }
                assert!(need(&design(change, 20.0, 90.0)) <= need(&small));
            }
        }
    }

    /// A least estimate above the change itself leaves less than an even chance.
    #[test]
    fn an_estimate_below_the_least_is_no_change() {
        let design = Design::share(0.95, 0.02, 1.0, None, 50_000.0, 500.0);
        let mut schedules = Schedules::default();
        assert!(schedules.power(&design, 28) > 0.95);
        let with = schedules.power(&design.at_least(0.03), 28);
        assert!(with < 0.05, "{with}");
    }

    #[test]
    fn nothing_comes_of_nothing() {
        let none = Design::share(0.8, 0.1, 1.0, None, 0.0, 0.0);
        assert_eq!(none.answers_needed(PRICE_OF_LOOKS), None);
        assert_eq!(none.power(&[7, 28], Grid::Fine), vec![0.0, 0.0]);
        assert!(none.power(&[], Grid::Fine).is_empty());
        assert_eq!(Schedules::default().power(&none, 28), 0.0);
        assert_eq!(none.days(100.0, 7), None);
    }
}
