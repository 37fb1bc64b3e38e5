//! From contract, counts and course to the verdict.

use super::baseline::{Series, Totals, Window, Windows, minus, noise_factor, plus};
use super::sentence::{self, Figures};
use super::{
    BaselineRule, Chance, Chosen, Contract, Control, Course, Effect, Facts, Guard, Look,
    MATURITY_SCHEDULED, METHOD_VERSION, Method, Metric, Missing, Naive, NaiveSide, PastVerdict,
    Sentence, Side, State, Verdict, Verification,
};
use crate::statistics::distributions::normal_cdf;
use crate::statistics::proportions::{Z95, poisson_score, pooled_z, wilson};
use crate::statistics::sequential::{ALPHA, RHO, boundaries};
use crate::statistics::stratified::{Contrast, no_contact_z};

/// Statistic above which the days between alarm and fix count as different from the quiet days.
const POOL_Z: f64 = 1.645;
/// An estimate below this is never called a change, however many answers there are: three points.
const LEAST_POINTS: f64 = 0.03;
/// The same for volumes, on the logarithm of the ratio.
const LEAST_LOG_RATIO: f64 = 0.05;
/// Days before the fix that the naive comparison looks at.
const NAIVE_DAYS: u64 = 14;

/// Computes the verification of a fix from the daily counts of its topic. May be called on any day
/// and again: what is left of the error budget is read from `course.previous`.
///
/// `rows` should reach back to 112 days before the alarm for the noise factor, and at least 70 days.
#[must_use]
pub fn evaluate(contract: &Contract, facts: &Facts<'_>, course: &Course) -> Verification {
    let series = Series::new(facts.topic, &contract.channels);
    let windows = Windows::of(contract, course);
    let metric = deciding_metric(contract, &series, &windows);
    let case = Case::new(contract, course, &series, &windows, metric);
    case.result()
}

/// The contract's metric; a rule's fallback to volume is taken back when the days before the fix
/// hold enough ratings after all. Looks at nothing after the fix.
fn deciding_metric(contract: &Contract, series: &Series, windows: &Windows) -> Metric {
    let before = series.totals(&[windows.quiet, windows.alarm]);
    let enough = before.rated >= f64::from(contract.min_answers);
    if contract.metric == Metric::Volume && contract.chosen == Chosen::Rule && enough {
        Metric::Csat
    } else {
        contract.metric
    }
}

struct Case<'a> {
    contract: &'a Contract,
    course: &'a Course,
    series: &'a Series,
    windows: &'a Windows,
    metric: Metric,
    /// Smallest change worth while on the scale of the statistic.
    smallest: f64,
    /// Estimates below this are no change.
    least: f64,
    noise: f64,
    noise_blocks: u32,
    rule: BaselineRule,
    baseline: Vec<Window>,
    alarm_days_z: Option<f64>,
    before: Totals,
    after: Totals,
}

/// What was decided at this look.
struct Decision {
    verdict: Verdict,
    effect: Option<Effect>,
    against_quiet: Option<Effect>,
    contrast: Option<Contrast>,
    z: Option<f64>,
    look: Option<Look>,
    missing: Vec<Missing>,
    strata: &'static str,
}

impl<'a> Case<'a> {
    fn new(
        contract: &'a Contract,
        course: &'a Course,
        series: &'a Series,
        windows: &'a Windows,
        metric: Metric,
    ) -> Self {
        let (smallest, least) = match metric {
            // A contract that fell back to volume carries volume's figures: five points then.
            Metric::Csat if contract.metric == Metric::Volume => (0.05, LEAST_POINTS),
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => (contract.smallest_change.abs().max(0.01), LEAST_POINTS),
            Metric::Volume => (
                -(1.0 - contract.smallest_change.abs().clamp(0.01, 0.9)).ln(),
                LEAST_LOG_RATIO,
            ),
        };
        let (noise, noise_blocks) = noise_factor(series, metric, windows.quiet, course.usual_noise);
        let (quiet, alarm) = (
            series.totals(&[windows.quiet]),
            series.totals(&[windows.alarm]),
        );
        let alarm_days_z = series
            .contrast(metric, &[windows.quiet], &[windows.alarm], noise)
            .and_then(|(c, _)| c.z());
        let alarm_answers = alarm.answers(metric);
        let enough = alarm_answers >= f64::from(contract.min_answers);
        let (rule, baseline) = if windows.before_fix {
            (BaselineRule::BeforeFix, vec![windows.quiet])
        } else if enough && alarm_days_z.is_some_and(|z| z.abs() > POOL_Z) {
            (BaselineRule::Acute, vec![windows.alarm])
        } else if alarm_answers > 0.0 && quiet.answers(metric) + alarm_answers > 0.0 {
            (BaselineRule::Pooled, vec![windows.quiet, windows.alarm])
        } else {
            (BaselineRule::Quiet, vec![windows.quiet])
        };
        let before = series.totals(&baseline);
        let after = series.totals(&[windows.after]);
        Self {
            contract,
            course,
            series,
            windows,
            metric,
            smallest,
            least,
            noise,
            noise_blocks,
            rule,
            baseline,
            alarm_days_z,
            before,
            after,
        }
    }

    /// +1 where a rise is good.
    const fn sign(&self) -> f64 {
        match self.metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => 1.0,
            Metric::Volume => -1.0,
        }
    }

    fn at_horizon(&self) -> bool {
        self.windows.after.to >= self.windows.horizon
    }

    /// What is missing before anything may be said at all.
    fn missing(&self) -> Vec<Missing> {
        let mut out = Vec::new();
        let min = f64::from(self.contract.min_answers);
        let have_days = self.windows.after.days();
        let need_days = i64::from(self.contract.min_days);
        if have_days < need_days {
            let over = (self.course.today - self.course.effective_day).num_days() - 1;
            let (code, zh, en) = if over >= need_days {
                (
                    "immature",
                    format!(
                        "最近 {} 天的评分可能还没收齐，暂不计入。",
                        self.course.maturity_days
                    ),
                    format!(
                        "Ratings of the last {} days may still come and are not counted yet.",
                        self.course.maturity_days
                    ),
                )
            } else {
                (
                    "days",
                    format!(
                        "修复后需要满 {need_days} 天，目前 {} 天。",
                        have_days.max(0)
                    ),
                    format!(
                        "{need_days} full days after the fix are needed, there are {}.",
                        have_days.max(0)
                    ),
                )
            };
            out.push(Missing {
                code: code.to_owned(),
                need: need_days,
                have: have_days.max(0),
                sentence: Sentence { zh, en },
            });
        }
        let (unit_zh, unit_en) = match self.metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => ("条评分", "ratings"),
            Metric::Volume => ("次联系", "contacts"),
        };
        // A fix may end the contacts altogether: for volumes what counts is how many there would be.
        let after = match self.metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => self.after.rated,
            Metric::Volume if self.before.days > 0.0 => {
                self.before.contacts / self.before.days * self.after.days
            }
            Metric::Volume => 0.0,
        };
        if after < min {
            out.push(Missing {
                code: "answers".to_owned(),
                need: whole(min),
                have: whole(after),
                sentence: Sentence {
                    zh: format!("修复后至少需要 {min:.0} {unit_zh}，目前 {after:.0}。"),
                    en: format!("At least {min:.0} {unit_en} after the fix are needed, there are {after:.0}."),
                },
            });
        }
        let before = self.before.answers(self.metric);
        if before < min {
            out.push(Missing {
                code: "baseline".to_owned(),
                need: whole(min),
                have: whole(before),
                sentence: Sentence {
                    zh: format!("没有可用的基线：修复前只有 {before:.0} {unit_zh}，至少需要 {min:.0}。"),
                    en: format!("There is no baseline: only {before:.0} {unit_en} before the fix, at least {min:.0} are needed."),
                },
            });
        }
        out
    }

    /// The looks before this one, if they were at the same fix by the same metric.
    fn earlier_looks(&self) -> Vec<Look> {
        match &self.course.previous {
            Some(p) if p.effective_day == self.course.effective_day && p.metric == self.metric => p
                .looks
                .iter()
                .copied()
                .filter(|look| look.last_day < self.windows.after.to)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Share of the planned information that is there. It looks at numbers of answers only, never at
    /// outcomes: what the horizon will hold is the larger of the baseline's pace and the present one.
    fn fraction(&self, contrast: &Contrast) -> f64 {
        if self.at_horizon() {
            return 1.0;
        }
        let horizon = f64::from(self.contract.horizon_days);
        let size = |t: &Totals| match self.metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => t.rated,
            Metric::Volume => t.days,
        };
        let base = size(&self.before);
        let weight = |after: f64| {
            if base + after > 0.0 {
                base * after / (base + after)
            } else {
                0.0
            }
        };
        let by_baseline = if self.before.days > 0.0 {
            weight(base / self.before.days * horizon)
        } else {
            0.0
        };
        let by_present = if self.after.days > 0.0 {
            weight(size(&self.after) / self.after.days * horizon)
        } else {
            0.0
        };
        let whole = by_baseline.max(by_present);
        if whole > 0.0 {
            (contrast.weight / whole).min(1.0)
        } else {
            1.0
        }
    }

    fn look(&self, contrast: &Contrast, earlier: &[Look]) -> Look {
        let mut fractions: Vec<f64> = earlier.iter().map(|look| look.fraction).collect();
        let last = fractions.last().copied().unwrap_or(0.0);
        // A look that adds no planned information still costs a little: it is a look.
        let fraction = self.fraction(contrast).max(last + 1e-4);
        fractions.push(fraction);
        let most = fraction.max(1.0);
        for f in &mut fractions {
            *f /= most;
        }
        let boundary = boundaries(&fractions, ALPHA, RHO)
            .last()
            .copied()
            .unwrap_or(f64::INFINITY);
        Look {
            last_day: self.windows.after.to,
            fraction,
            boundary,
            effect: None,
            low: None,
            high: None,
        }
    }

    fn effect(&self, contrast: &Contrast, boundary: f64) -> Effect {
        let half = boundary * contrast.variance.sqrt();
        let scale = |x: f64| match self.metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => x.clamp(-1.0, 1.0),
            Metric::Volume => x.exp() - 1.0,
        };
        Effect {
            value: scale(contrast.delta),
            low: scale(contrast.delta - half),
            high: scale(contrast.delta + half),
        }
    }

    /// The statistic: exact where one side has no contact at all.
    fn z(&self, contrast: &Contrast, baseline: &[Window]) -> Option<f64> {
        let exact = (self.metric == Metric::Volume)
            .then(|| {
                no_contact_z(
                    &self.series.rates(baseline),
                    &self.series.rates(&[self.windows.after]),
                    self.noise,
                )
            })
            .flatten();
        exact.or_else(|| contrast.z())
    }

    fn decide(&self) -> Decision {
        let missing = self.missing();
        let contrast = self.series.contrast(
            self.metric,
            &self.baseline,
            &[self.windows.after],
            self.noise,
        );
        let strata = contrast.map_or("none", |(_, strata)| strata.as_str());
        let contrast = contrast.map(|(c, _)| c);
        let earlier = self.earlier_looks();
        let open = |verdict, missing| Decision {
            verdict,
            effect: None,
            against_quiet: None,
            contrast,
            z: None,
            look: None,
            missing,
            strata,
        };
        if !missing.is_empty() {
            let only_baseline = missing.iter().all(|m| m.code == "baseline");
            let verdict = if only_baseline && self.at_horizon() {
                Verdict::Inconclusive
            } else {
                Verdict::Pending
            };
            return open(verdict, missing);
        }
        let usable = contrast.and_then(|c| self.z(&c, &self.baseline).map(|z| (c, z)));
        let Some((c, z)) = usable else {
            // All answers alike on both sides: nothing varies, so nothing can be tested.
            let verdict = if self.at_horizon() {
                Verdict::Inconclusive
            } else {
                Verdict::Pending
            };
            return open(verdict, vec![self.no_evidence(0.0)]);
        };
        let look = self.look(&c, &earlier);
        let quiet = (self.rule == BaselineRule::Acute)
            .then(|| {
                self.series.contrast(
                    self.metric,
                    &[self.windows.quiet],
                    &[self.windows.after],
                    self.noise,
                )
            })
            .flatten()
            .map(|(c, _)| c);
        let verdict = self.verdict(&c, z, look.boundary, quiet.as_ref());
        let missing = if verdict == Verdict::Pending {
            vec![self.no_evidence(look.fraction)]
        } else {
            Vec::new()
        };
        Decision {
            verdict,
            effect: Some(self.effect(&c, look.boundary)),
            against_quiet: quiet.map(|q| self.effect(&q, look.boundary)),
            contrast,
            z: Some(z),
            look: Some(look),
            missing,
            strata,
        }
    }

    /// The rules, in their order.
    fn verdict(&self, c: &Contrast, z: f64, boundary: f64, quiet: Option<&Contrast>) -> Verdict {
        let (gain, half, z) = (
            self.sign() * c.delta,
            boundary * c.variance.sqrt(),
            self.sign() * z,
        );
        let (low, high) = (gain - half, gain + half);
        if z > boundary && gain >= self.least {
            if self.rule == BaselineRule::Acute {
                let better_than_usual = quiet.is_some_and(|q| {
                    let gain = self.sign() * q.delta;
                    gain - boundary * q.variance.sqrt() > 0.0 && gain >= self.least
                });
                // Without a comparison with other topics an improvement must also be worth while.
                return if better_than_usual && gain >= self.smallest {
                    Verdict::Improved
                } else {
                    Verdict::Recovered
                };
            }
            if gain >= self.smallest {
                return Verdict::Improved;
            }
        }
        if z < -boundary && gain <= -self.least {
            return Verdict::Worse;
        }
        if high < self.smallest && (low > -self.smallest || self.at_horizon()) {
            return Verdict::NoEffect;
        }
        if self.at_horizon() {
            Verdict::Inconclusive
        } else {
            Verdict::Pending
        }
    }

    fn no_evidence(&self, fraction: f64) -> Missing {
        let done = whole(fraction.min(1.0) * 100.0);
        Missing {
            code: "evidence".to_owned(),
            need: 100,
            have: done,
            sentence: Sentence {
                zh: format!("目前的数据还分不出有没有效果(已有所需信息的 {done}%)。"),
                en: format!(
                    "The data so far cannot tell whether it worked ({done}% of the planned information is in)."
                ),
            },
        }
    }

    /// A verdict that stands does not flip because more days came; a recovery may still become an
    /// improvement. The same days looked at again (late ratings, corrected labels) are judged anew.
    fn standing(&self, new: Verdict) -> Verdict {
        let Some(previous) = &self.course.previous else {
            return new;
        };
        let same_fix =
            previous.effective_day == self.course.effective_day && previous.metric == self.metric;
        let more_days = previous
            .looks
            .last()
            .is_some_and(|look| look.last_day < self.windows.after.to);
        match previous.verdict {
            Verdict::Pending => new,
            Verdict::Recovered if new == Verdict::Improved => new,
            old if same_fix && more_days => old,
            _ => new,
        }
    }

    fn result(&self) -> Verification {
        let decision = self.decide();
        let verdict = self.standing(decision.verdict);
        let mut looks = self.earlier_looks();
        looks.extend(decision.look);
        let mut history = self
            .course
            .previous
            .as_ref()
            .map(|p| p.history.clone())
            .unwrap_or_default();
        if history.last().is_none_or(|past| past.verdict != verdict) {
            history.push(PastVerdict {
                computed_at: self.course.now,
                verdict,
            });
        }
        Verification {
            verdict,
            state: if self.at_horizon() {
                State::Final
            } else {
                State::Provisional
            },
            metric: self.metric,
            effective_day: self.course.effective_day,
            edited_afterwards: self.course.edited_afterwards,
            before: self.side(
                &self.baseline,
                &self.before,
                decision.contrast.map(|c| c.before),
            ),
            after: self.side(
                &[self.windows.after],
                &self.after,
                decision.contrast.map(|c| c.after),
            ),
            effect: decision.effect,
            control: Control::default(),
            guards: self.guards(),
            sentence: self.sentence(verdict, &decision),
            method: Method {
                statistic: match self.metric {
                    Metric::Csat
                    | Metric::MeanRating
                    | Metric::Fcr
                    | Metric::RepeatShare
                    | Metric::NoResultShare
                    | Metric::NegativeShare
                    | Metric::Containment
                    | Metric::Aht => "cmh_risk_difference",
                    Metric::Volume => "mh_rate_ratio",
                }
                .to_owned(),
                strata: decision.strata.to_owned(),
                dropped_share: decision.contrast.map_or(0.0, |c| c.dropped),
                noise_factor: self.noise,
                noise_blocks: self.noise_blocks,
                control_factor: 0.0,
                z: decision.z,
                boundary: decision.look.map(|look| look.boundary),
                alpha: 2.0 * ALPHA,
                alarm_days_z: self.alarm_days_z,
                against_quiet: decision.against_quiet,
                chance_if_nothing: match self.metric {
                    Metric::Csat
                    | Metric::MeanRating
                    | Metric::Fcr
                    | Metric::RepeatShare
                    | Metric::NoResultShare
                    | Metric::NegativeShare
                    | Metric::Containment
                    | Metric::Aht => sentence::CHANCE_CSAT,
                    Metric::Volume => sentence::CHANCE_VOLUME,
                },
                version: METHOD_VERSION,
            },
            missing: decision.missing,
            naive: self.naive(),
            baseline_rule: self.rule,
            decided_on: None,
            guard_metrics: Vec::new(),
            displacement: Vec::new(),
            trend: None,
            tipping_point: None,
            heterogeneity: None,
            chance: Chance::default(),
            looks,
            history,
            together_with: self
                .course
                .other_fixes
                .iter()
                .filter(|o| o.day >= self.course.effective_day && o.day <= self.windows.after.to)
                .map(|o| o.name.clone())
                .collect(),
            computed_at: self.course.now,
        }
    }

    fn side(&self, windows: &[Window], totals: &Totals, adjusted: Option<f64>) -> Side {
        let (value, interval) = match self.metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => (
                (totals.rated > 0.0).then(|| totals.satisfied / totals.rated),
                wilson(totals.satisfied.min(totals.rated), totals.rated, Z95),
            ),
            Metric::Volume if totals.days > 0.0 => {
                let half = Z95 * (self.noise * totals.contacts).sqrt();
                let per_day = |y: f64| (y / totals.days).max(0.0);
                (
                    Some(per_day(totals.contacts)),
                    Some((
                        per_day(totals.contacts - half),
                        per_day(totals.contacts + half),
                    )),
                )
            }
            Metric::Volume => (None, None),
        };
        // Nothing is known of days before the first row: they are not "used".
        let first = self.series.first_day().unwrap_or(chrono::NaiveDate::MAX);
        let used = || windows.iter().filter(|w| w.days() > 0 && w.to >= first);
        let from = used().map(|w| w.from.max(first)).min();
        let to = used().map(|w| w.to).max();
        Side {
            n: whole(totals.answers(self.metric)),
            value,
            low: interval.map(|i| i.0),
            high: interval.map(|i| i.1),
            adjusted,
            from,
            to,
        }
    }

    fn naive(&self) -> Naive {
        let fix = self.course.effective_day;
        let before = self
            .series
            .totals(&[Window::ending(minus(fix, 1), NAIVE_DAYS)]);
        let after = &self.after;
        let (b, a, test, method) = match self.metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => (
                (before.rated > 0.0).then(|| before.satisfied / before.rated),
                (after.rated > 0.0).then(|| after.satisfied / after.rated),
                pooled_z(after.satisfied, after.rated, before.satisfied, before.rated),
                "pooled_z_14_days_before",
            ),
            Metric::Volume => (
                (before.days > 0.0).then(|| before.contacts / before.days),
                (after.days > 0.0).then(|| after.contacts / after.days),
                poisson_score(after.contacts, after.days, before.contacts, before.days),
                "poisson_score_14_days_before",
            ),
        };
        let difference = match (b, a, self.metric) {
            (
                Some(b),
                Some(a),
                Metric::Csat
                | Metric::MeanRating
                | Metric::Fcr
                | Metric::RepeatShare
                | Metric::NoResultShare
                | Metric::NegativeShare
                | Metric::Containment
                | Metric::Aht,
            ) => Some(a - b),
            (Some(b), Some(a), Metric::Volume) if b > 0.0 => Some(a / b - 1.0),
            _ => None,
        };
        Naive {
            before: NaiveSide {
                n: whole(before.answers(self.metric)),
                value: b,
            },
            after: NaiveSide {
                n: whole(after.answers(self.metric)),
                value: a,
            },
            difference,
            p_value: test.map(|t| t.1),
            claims_success: test.is_some_and(|(z, p)| self.sign() * z > 0.0 && p < 0.05),
            method: method.to_owned(),
        }
    }

    fn guards(&self) -> Vec<Guard> {
        let mut out = Vec::new();
        let (b, a) = (&self.before, &self.after);
        let as_percent = |share: f64| format!("{:.0}%", share * 100.0);
        // More ratings than contacts: surveys without contacts, so that a response rate means nothing.
        if b.contacts > 0.0 && a.contacts > 0.0 && b.rated <= b.contacts && a.rated <= a.contacts {
            let (rb, ra) = (b.rated / b.contacts, a.rated / a.contacts);
            let certain =
                pooled_z(a.rated, a.contacts, b.rated, b.contacts).is_some_and(|(_, p)| p < 0.01);
            if certain && rb > 0.0 && (ra / rb - 1.0).abs() > 0.25 {
                out.push(Guard {
                    code: "response_rate".to_owned(),
                    before: rb,
                    after: ra,
                    sentence: Sentence {
                        zh: format!("评分率从 {} 变为 {}，前后的评分者可能不是同一类人。", as_percent(rb), as_percent(ra)),
                        en: format!("The share of contacts with a rating went from {} to {}: those who rate may not be the same people.", as_percent(rb), as_percent(ra)),
                    },
                });
            }
        }
        let before_mix = self.series.channel_mix(&self.baseline);
        let after_mix = self.series.channel_mix(&[self.windows.after]);
        let moved = before_mix
            .iter()
            .zip(&after_mix)
            .max_by(|x, y| (x.1.1 - x.0.1).abs().total_cmp(&(y.1.1 - y.0.1).abs()))
            .filter(|(b, a)| (a.1 - b.1).abs() > 0.10);
        if let Some(((channel, b), (_, a))) = moved {
            out.push(Guard {
                code: "channel_mix".to_owned(),
                before: *b,
                after: *a,
                sentence: Sentence {
                    zh: format!("渠道构成变了:{channel} 的评分占比从 {} 变为 {}(比较时已按渠道分层)。", as_percent(*b), as_percent(*a)),
                    en: format!("The mix of channels changed: {channel} went from {} to {} of the ratings (the comparison is made within channels).", as_percent(*b), as_percent(*a)),
                },
            });
        }
        if self.metric == Metric::Csat
            && b.days > 0.0
            && a.days > 0.0
            && b.rated > 0.0
            && a.rated > 0.0
        {
            let (vb, va) = (b.contacts / b.days, a.contacts / a.days);
            if vb > 0.0 && va / vb < 0.8 && a.satisfied / a.rated < b.satisfied / b.rated {
                out.push(Guard {
                    code: "easy_contacts".to_owned(),
                    before: vb,
                    after: va,
                    sentence: Sentence {
                        zh: format!("联系量从每天 {vb:.0} 次降到 {va:.0} 次，满意度同时下降：可能是容易的问题不再来了。"),
                        en: format!("Contacts fell from {vb:.0} to {va:.0} a day while satisfaction fell too: perhaps the easy ones no longer come."),
                    },
                });
            }
        }
        out
    }

    /// Answers still to come, and the chance to miss a change just worth while at the horizon.
    fn waiting(&self, decision: &Decision) -> Sentence {
        if let Some(first) = decision
            .missing
            .iter()
            .find(|m| matches!(m.code.as_str(), "baseline" | "days" | "immature"))
        {
            return first.sentence.clone();
        }
        let per_day = if self.before.days > 0.0 {
            self.before.answers(self.metric) / self.before.days
        } else {
            0.0
        };
        let horizon = f64::from(self.contract.horizon_days);
        let planned = self
            .contract
            .planned
            .answers_needed
            .filter(|_| self.metric == self.contract.metric);
        let have = whole(self.after.answers(self.metric));
        let least = i64::from(self.contract.min_answers);
        let to_horizon = whole(per_day * horizon);
        let need = planned.unwrap_or(to_horizon).max(least);
        // The plan's number is in and the data still cannot tell: the rest of the horizon is needed.
        let need = if have >= need {
            to_horizon.max(have + 1)
        } else {
            need
        };
        sentence::waiting(
            self.metric,
            need - have,
            per_day,
            self.shown_smallest(),
            self.contract.horizon_days,
            self.miss(per_day * horizon),
        )
    }

    fn shown_smallest(&self) -> f64 {
        match self.metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => self.smallest,
            Metric::Volume => 1.0 - (-self.smallest).exp(),
        }
    }

    /// Chance that a change just worth while is not seen at the horizon, one look.
    fn miss(&self, after: f64) -> Option<f64> {
        let before = self.before.answers(self.metric);
        if before <= 0.0 || after <= 0.0 {
            return None;
        }
        let variance = match self.metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => {
                let p = self.before.satisfied / self.before.rated;
                self.noise * p * (1.0 - p) * (1.0 / before + 1.0 / after)
            }
            Metric::Volume => self.noise * (1.0 / before + 1.0 / after),
        };
        (variance > 0.0).then(|| normal_cdf(Z95 - self.smallest / variance.sqrt()))
    }

    fn sentence(&self, verdict: Verdict, decision: &Decision) -> Sentence {
        let (Some(contrast), Some(effect)) = (decision.contrast, decision.effect) else {
            return if verdict == Verdict::Pending {
                self.waiting(decision)
            } else {
                no_basis(&decision.missing)
            };
        };
        let figures = Figures {
            metric: self.metric,
            topic: &self.course.topic_name,
            before: contrast.before,
            after: contrast.after,
            effect,
            answers: whole(self.after.answers(self.metric)),
            smallest: self.shown_smallest(),
            horizon: self.contract.horizon_days,
            edited_afterwards: self.course.edited_afterwards,
        };
        match verdict {
            Verdict::Improved => figures.improved(),
            Verdict::Recovered => figures.recovered(),
            Verdict::NoEffect => {
                let worst = match self.metric {
                    Metric::Csat
                    | Metric::MeanRating
                    | Metric::Fcr
                    | Metric::RepeatShare
                    | Metric::NoResultShare
                    | Metric::NegativeShare
                    | Metric::Containment
                    | Metric::Aht => effect.low <= -self.shown_smallest(),
                    Metric::Volume => effect.high >= self.shown_smallest(),
                };
                figures.no_effect(worst)
            }
            Verdict::Worse => figures.worse(),
            Verdict::Inconclusive => figures.inconclusive(),
            Verdict::Pending => self.waiting(decision),
        }
    }
}

/// The horizon is over and there was never anything to compare with.
fn no_basis(missing: &[Missing]) -> Sentence {
    missing
        .first()
        .map(|m| m.sentence.clone())
        .unwrap_or_default()
}

#[expect(clippy::cast_possible_truncation, reason = "counts far below 2^53")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// The day on which a scheduled look can take in the whole horizon: its last day is over and mature.
#[must_use]
pub fn horizon_look_day(
    contract: &Contract,
    effective_day: chrono::NaiveDate,
) -> chrono::NaiveDate {
    plus(
        effective_day,
        u64::from(contract.horizon_days + MATURITY_SCHEDULED) + 1,
    )
}
