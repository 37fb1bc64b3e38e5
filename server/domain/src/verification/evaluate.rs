//! From contract, facts and course to the verdict: all daily looks are replayed, so that the answer
//! of any day is what nightly looks would have given, and late data is simply computed again.

use super::baseline::{
    Noise, Panel, Series, Slope, Span, Strata, Usual, Window, Windows, minus, noise, plus, trend,
};
use super::contract::AFTER_GUARDS;
use super::guards::{self, Guarded};
use super::power::{Design, Schedules};
use super::sentence::{self, Family, Figures};
use super::{
    BaselineRule, Chosen, Contract, Control, ControlRule, Course, Effect, Facts, Guard, Look,
    MATURITY_SCHEDULED, METHOD_VERSION, Method, Metric, MetricKind, Missing, Naive, NaiveSide,
    PastVerdict, Sentence, Side, State, Trend, Verdict, Verification,
};
use crate::analysis::{Unlike, unlike};
use crate::statistics::distributions::normal_cdf;
use crate::statistics::proportions::{Z95, poisson_score, pooled_z, wilson};
use crate::statistics::sequential::{ALPHA, RHO, boundaries};
use crate::statistics::stratified::{Contrast, Sums, no_contact_z};

/// Statistic above which the days between alarm and fix count as worse than the quiet days, and a
/// trend away from the goal as more than chance: 5 % on this side.
const POOL_Z: f64 = 1.644_853_626_951_472_2;
/// The same for days between alarm and fix that were better than the quiet days: 1 %. Better days
/// are no trouble; few of them alone as a baseline would hide even a large effect.
const BETTER_Z: f64 = 2.326_347_874_040_841;
/// The same for a trend towards the goal, which is what is most easily taken for an effect: 10 %.
const RISE_Z: f64 = 1.281_551_565_544_600_4;
/// Error budget of one direction for ratings. Less than [`ALPHA`], because a drift of one
/// topic that is too weak to be seen takes a part of it; volumes keep the whole.
const MEAN_ALPHA: f64 = 0.0225;
/// The same for all other shares: a drift of first-contact resolution or of what the bot ends is as hard
/// to see as one of satisfaction and moves them more.
const OTHER_ALPHA: f64 = 0.0175;
/// The same for handling times, in which a drift is hardest to see and which are turned into money.
const TIME_ALPHA: f64 = 0.013;
/// Error budget of calling a number of contacts worse, where others show what all of them did. The noise
/// factor multiplies the others' part of the variance as well, so that with [`ALPHA`] fewer quiet topics
/// would be called worse than the plain method does, and two points fewer of those that are: it costs
/// another look at the topic, not money.
const WORSE_RATE_ALPHA: f64 = 0.033;
/// Error budget of a return to normal, which claims no cause: it already needs a spell that was
/// significantly bad, and its baseline is held back towards the quiet days.
const RECOVERED_ALPHA: f64 = 0.05;
/// Days before the fix that the naive comparison looks at.
const NAIVE_DAYS: u64 = 14;
/// What each daily look adds to the fraction of the information, so that even a look that brings
/// nothing costs a little.
const LOOK_COST: f64 = 1e-4;
/// Control topics below which there is no comparison.
const LEAST_CONTROL_TOPICS: usize = 3;
/// Answers of the control as a multiple of the topic's, below which there is no comparison.
const LEAST_CONTROL: f64 = 2.0;
/// Share of the expected answers that a silent source may cost: above it nothing is decided.
const MOST_SILENT: f64 = 0.25;

/// Computes the verification of a fix.
///
/// `facts` should reach back to 112 days before the guard (noise and trend are learnt from them),
/// and at least 70 days. A pure function of its arguments: of `course.previous` only the history of
/// verdicts is kept, and that a final result found no improvement.
#[must_use]
pub fn evaluate(contract: &Contract, facts: &Facts<'_>, course: &Course) -> Verification {
    let alone = Windows::of(contract, course, false);
    let joint = Windows::of(contract, course, true);
    let series = Series::between(
        facts.topic,
        facts.control,
        &contract.channels,
        &course.closed_days,
        &course.gaps,
        Window {
            from: alone.earliest().min(joint.earliest()),
            to: alone.after.to.max(joint.after.to).max(course.effective_day),
        },
    );
    if joint.after.from != alone.after.from {
        // Another fix went live later: what was decided before it is this fix's own verdict.
        let own = Case::new(contract, facts, course, &series, alone);
        let outcome = own.outcome();
        if outcome.decided.is_some() {
            return own.result(&outcome);
        }
    }
    let case = Case::new(contract, facts, course, &series, joint);
    let outcome = case.outcome();
    let mut result = case.result(&outcome);
    if !contract.measurable {
        case.unmeasured(&mut result);
    }
    result
}

/// The contract's metric; a rule's fallback to volume is taken back when the days before the fix
/// hold enough ratings after all. Looks at nothing after the fix.
fn deciding_metric(contract: &Contract, series: &Series<'_>, windows: &Windows) -> Metric {
    if contract.metric != Metric::Volume || contract.chosen != Chosen::Rule {
        return contract.metric;
    }
    let before = series.totals(&[windows.quiet, windows.alarm]);
    if before.rated >= f64::from(contract.min_answers) {
        Metric::Csat
    } else {
        Metric::Volume
    }
}

/// Estimates below this are never called a change, however many answers there are, on the scale of
/// the statistic: three points, or about as much.
const fn least(metric: Metric) -> f64 {
    match metric.kind() {
        MetricKind::Share | MetricKind::LogMean => 0.03,
        MetricKind::Mean => 0.09,
        MetricKind::Rate => 0.05,
    }
}

/// Smallest change worth while on the scale of the statistic.
pub(super) fn on_scale(metric: Metric, smallest: f64) -> f64 {
    let smallest = smallest.abs();
    match (metric.kind(), metric.higher_is_better()) {
        (MetricKind::Share | MetricKind::Mean, _) => smallest.max(0.01),
        (_, true) => smallest.max(0.01).ln_1p(),
        (_, false) => -(1.0 - smallest.clamp(0.01, 0.9)).ln(),
    }
}

/// From the scale of the statistic to the unit of [`Effect::value`].
pub(super) fn in_unit(metric: Metric, delta: f64) -> f64 {
    match metric.kind() {
        MetricKind::Share => delta.clamp(-1.0, 1.0),
        MetricKind::Mean => delta,
        MetricKind::LogMean | MetricKind::Rate => delta.exp_m1(),
    }
}

/// A level of the statistic in the metric's unit: shares and stars as they are, seconds.
pub(super) fn level_of(metric: Metric, value: f64) -> f64 {
    if metric.kind() == MetricKind::LogMean {
        value.exp()
    } else {
        value
    }
}

/// +1 where a rise is good.
pub(super) const fn sign(metric: Metric) -> f64 {
    if metric.higher_is_better() { 1.0 } else { -1.0 }
}

/// Answers by the class of answers: what `n` of the sums adds up to.
pub(super) fn count(sums: &[Sums]) -> f64 {
    sums.iter().map(|s| s.n).sum()
}

fn others(sums: &[Sums]) -> f64 {
    sums.iter().map(|s| s.others).sum()
}

/// What was found at one look.
#[derive(Clone, Copy)]
struct At {
    contrast: Contrast,
    strata: Strata,
    look: Look,
    z: Option<f64>,
    /// What a change for the worse has to cross.
    fall: f64,
    /// What a return to normal has to cross; `None` where there was no bad spell.
    back: Option<f64>,
    quiet: Option<Contrast>,
}

/// What all looks came to.
pub(super) struct Outcome {
    verdict: Verdict,
    /// The verdict's rule fired on this day.
    decided: Option<chrono::NaiveDate>,
    looks: Vec<Look>,
    last: Option<At>,
    /// The look of `decided`.
    deciding: Option<At>,
    missing: Vec<Missing>,
    guarded: Vec<Guarded>,
}

pub(super) struct Case<'a> {
    pub(super) contract: &'a Contract,
    pub(super) course: &'a Course,
    facts: &'a Facts<'a>,
    pub(super) series: &'a Series<'a>,
    windows: Windows,
    pub(super) metric: Metric,
    smallest: f64,
    pub(super) panel: Panel,
    control: Result<(), &'static str>,
    pub(super) noise: Noise,
    trend: Option<Slope>,
    rule: BaselineRule,
    pub(super) baseline: Vec<Span>,
    pub(super) after: Span,
    before_sums: Vec<Sums>,
    /// What the days after the fix are compared with, and how many days that is worth: the baseline,
    /// in an acute case with some of the quiet days.
    reference: (Vec<Sums>, f64),
    quiet_sums: Vec<Sums>,
    pub(super) after_sums: Vec<Sums>,
    alarm_days_z: Option<f64>,
}

impl<'a> Case<'a> {
    fn new(
        contract: &'a Contract,
        facts: &'a Facts<'a>,
        course: &'a Course,
        series: &'a Series<'a>,
        windows: Windows,
    ) -> Self {
        let metric = deciding_metric(contract, series, &windows);
        // A contract that fell back to volume carries volume's figures.
        let smallest = if contract.metric == metric {
            contract.smallest_change
        } else {
            metric.smallest_change()
        };
        let (quiet, alarm) = (series.span(windows.quiet), series.span(windows.alarm));
        let after = series.span(windows.after);
        let (panel, control) = comparable(contract, facts, series, metric, &[quiet, alarm]);
        let end = series.span(Window::ending(windows.history_end, 1)).to;
        let from = windows.cut.map_or(0, |cut| {
            series
                .span(Window {
                    from: cut,
                    to: windows.history_end,
                })
                .from
        });
        let usual = Usual::of(&panel, quiet, series.closed(), course.usual_noise);
        let from = from.max(series.known_from(end));
        let noise = noise(&panel, from, end, usual);
        let (quiet_sums, alarm_sums) = (panel.window(&[quiet]), panel.window(&[alarm]));
        let alarm_days_z = panel
            .contrast(&quiet_sums, &alarm_sums, noise.factor)
            .and_then(|(c, _)| c.z());
        let enough = count(&alarm_sums) >= f64::from(contract.min_answers);
        let (rule, baseline) = if windows.before_fix {
            (BaselineRule::BeforeFix, vec![quiet])
        } else if enough
            && alarm_days_z.is_some_and(|z| !(-POOL_Z..=BETTER_Z).contains(&(sign(metric) * z)))
        {
            (BaselineRule::Acute, vec![alarm])
        } else if count(&alarm_sums) > 0.0 {
            (BaselineRule::Pooled, vec![quiet, alarm])
        } else {
            (BaselineRule::Quiet, vec![quiet])
        };
        let since_alarm = (rule == BaselineRule::Pooled && enough).then_some(alarm);
        let trend = trend(&panel, from, end, since_alarm, noise.factor);
        let before_sums = panel.window(&baseline);
        let reference = match (rule, alarm_days_z) {
            (BaselineRule::Acute, Some(z)) => {
                held_back((&alarm_sums, alarm.days()), (&quiet_sums, quiet.days()), z)
            }
            _ => (
                before_sums.clone(),
                baseline.iter().map(Span::days).sum::<f64>(),
            ),
        };
        let after_sums = panel.window(&[after]);
        Self {
            contract,
            course,
            facts,
            series,
            windows,
            metric,
            smallest: on_scale(metric, smallest),
            panel,
            control,
            noise,
            trend,
            rule,
            baseline,
            after,
            before_sums,
            reference,
            quiet_sums,
            after_sums,
            alarm_days_z,
        }
    }

    /// The result where nothing is counted that could be better or worse. Of a silent channel there is
    /// one question: whether its data arrives again, without a gap for the least number of days. That is
    /// back to normal and no more.
    fn unmeasured(&self, result: &mut Verification) {
        let min = u64::from(self.contract.min_days);
        let since = self.windows.after.from;
        let over = (self.course.today - since).num_days().max(0);
        let own = |g: &&super::Gap| g.channel == self.contract.subject.key;
        let last = self.course.gaps.iter().filter(own).map(|g| g.to).max();
        // The days since the last one without data, the present one not counted.
        let whole_since = last.map_or(since, |last| since.max(plus(last, 1)));
        let have = (self.course.today - whole_since).num_days().clamp(0, over);
        let need = i64::from(self.contract.min_days);
        let back = self.contract.awaits_data() && have >= need;
        let (code, text) = if !self.contract.awaits_data() {
            (
                "not_measurable",
                Sentence::new(
                    "这件事没有可以衡量效果的指标，无法判断修复有没有用。",
                    "Nothing that is counted measures this: it cannot be said whether the fix helped.",
                ),
            )
        } else if back {
            (
                "",
                Sentence {
                    zh: format!(
                        "自 {whole_since} 起数据已连续 {have} 天正常到达，恢复正常；这可能是修复的功劳，也可能是问题自己消失了。"
                    ),
                    en: format!(
                        "Data has arrived without a gap since {whole_since} ({have} days): back to normal. The fix may be the reason, or the problem may have passed by itself."
                    ),
                },
            )
        } else {
            (
                "silent",
                Sentence {
                    zh: format!("数据要连续 {need} 天没有中断才算恢复，目前 {have} 天。"),
                    en: format!(
                        "Data has to arrive without a gap for {need} days; so far it has for {have}."
                    ),
                },
            )
        };
        let end = self.course.today > self.windows.horizon;
        result.verdict = match (back, end) {
            (true, _) => Verdict::Recovered,
            (false, true) => Verdict::Inconclusive,
            (false, false) => Verdict::Pending,
        };
        result.state = if end {
            State::Final
        } else {
            State::Provisional
        };
        result.decided_on = back.then(|| plus(whole_since, min.saturating_sub(1)));
        result.effect = None;
        result.looks.clear();
        result.guards.clear();
        result.guard_metrics.clear();
        result.missing = if back {
            Vec::new()
        } else {
            vec![Missing {
                code: code.to_owned(),
                need: if code == "silent" { need } else { 0 },
                have: if code == "silent" { have } else { 0 },
                sentence: text.clone(),
            }]
        };
        let name = &self.course.topic_name;
        result.sentence = Sentence {
            zh: format!("{}：{}", name.zh, text.zh),
            en: format!("{}: {}", name.en, text.en),
        };
        if let Some(last) = result.history.last_mut()
            && last.computed_at == self.course.now
        {
            last.verdict = result.verdict;
        }
    }

    fn baseline_days(&self) -> f64 {
        self.baseline.iter().map(Span::days).sum()
    }

    fn at_horizon(&self) -> bool {
        self.windows.after.to >= self.windows.horizon
    }

    fn day(&self, look: usize) -> chrono::NaiveDate {
        plus(self.windows.after.from, look as u64 - 1)
    }

    /// The answers that decide whether there are enough: a fix may end the contacts altogether, so
    /// that for rates what counts is how many there would be.
    fn enough_of(&self, after: &[Sums], days: f64) -> f64 {
        match self.metric.kind() {
            MetricKind::Rate if self.baseline_days() > 0.0 => {
                count(&self.before_sums) / self.baseline_days() * days
            }
            MetricKind::Rate => 0.0,
            _ => count(after),
        }
    }

    /// What forbids a verdict whatever the numbers say: they would be measured by two rulers.
    fn suspended(&self) -> Vec<Missing> {
        let mut out = Vec::new();
        let windows = [self.windows.quiet, self.windows.alarm, self.windows.after];
        let inside = |from, to| {
            windows
                .iter()
                .any(|w| w.days() > 0 && w.from <= to && from <= w.to)
        };
        let mut rulers: Vec<&str> = self
            .course
            .label_versions
            .iter()
            .filter(|v| inside(v.from, v.to))
            .map(|v| v.name.as_str())
            .collect();
        rulers.sort_unstable();
        rulers.dedup();
        if let Some(unlike) = unlike(rulers.iter().copied()) {
            let (have, sentence) = match unlike {
                Unlike::Classifiers(names) => (
                    names.len(),
                    Sentence {
                        zh: format!(
                            "修复前后的标注出自不同的分类器（{}），需要先用同一个重新标注。",
                            names.join("、")
                        ),
                        en: format!(
                            "The days before and after the fix were labelled by different classifiers ({}); both need the labels of one first.",
                            names.join(", ")
                        ),
                    },
                ),
                Unlike::Definitions(n) => (
                    n,
                    Sentence::new(
                        "主题的关键词在这段时间里改过，前后数的不是同一批声音：先按现在的定义重新标注，再下结论。",
                        "The words of the topics were changed within these days, so that before and after count different voices: both are labelled anew by the present words before anything is concluded.",
                    ),
                ),
            };
            out.push(Missing {
                code: "same_ruler".to_owned(),
                need: 1,
                have: i64::try_from(have).unwrap_or(i64::MAX),
                sentence,
            });
        }
        let rated = matches!(self.metric, Metric::Csat | Metric::MeanRating);
        let from = self
            .baseline_window()
            .map_or(self.windows.after.from, |w| w.from);
        if let Some(note) = self.course.annotations.iter().find(|a| {
            rated && a.kind == "survey_changed" && from < a.day && a.day <= self.windows.after.to
        }) {
            out.push(Missing {
                code: "survey_changed".to_owned(),
                need: 0,
                have: 1,
                sentence: Sentence {
                    zh: format!("{} 问卷有变动（{}），前后的评分不能直接比较。", note.day, note.text),
                    en: format!("The survey was changed on {} ({}): ratings before and after cannot be compared.", note.day, note.text),
                },
            });
        }
        out
    }

    /// What a silent source took from the days compared.
    fn gaps(&self, days: &[Span]) -> Option<(f64, &str)> {
        if self.course.gaps.is_empty() {
            return None;
        }
        let usual = [
            self.series.span(self.windows.quiet),
            self.series.span(self.windows.alarm),
        ];
        let share = days
            .iter()
            .map(|span| self.series.missing_share(&self.panel, &usual, *span))
            .fold(0.0, f64::max);
        let named = self.course.gaps.iter().find(|gap| {
            let days = self.series.span(Window {
                from: gap.from,
                to: gap.to,
            });
            self.series.channels().contains(&gap.channel.as_str())
                && (overlap(days, self.after) || self.baseline.iter().any(|b| overlap(days, *b)))
        })?;
        Some((share, named.what.as_str()))
    }

    fn gap_missing(&self) -> Option<Missing> {
        let mut spans = self.baseline.clone();
        spans.push(self.after);
        let (share, what) = self
            .gaps(&spans)
            .filter(|(share, _)| *share > MOST_SILENT)?;
        let percent = share * 100.0;
        Some(Missing {
            code: "gap".to_owned(),
            need: whole((1.0 - MOST_SILENT) * 100.0),
            have: whole(100.0 - percent),
            sentence: Sentence {
                zh: format!(
                    "数据源 {what} 有中断，比较所用的天数缺了约 {percent:.0}% 的数据，不能下结论。"
                ),
                en: format!(
                    "The source {what} was silent: about {percent:.0}% of the data of the days compared is missing, so nothing is concluded."
                ),
            },
        })
    }

    /// What is missing before anything may be said at all.
    fn missing(&self) -> Vec<Missing> {
        let mut out = self.suspended();
        out.extend(self.gap_missing());
        let min = f64::from(self.contract.min_answers);
        let have_days = self.windows.after.days();
        let need_days = i64::from(self.contract.min_days);
        if have_days < need_days {
            let over = (self.course.today - self.windows.after.from).num_days();
            let late = self.course.maturity_days;
            let (code, zh, en) = if over >= need_days {
                (
                    "immature",
                    format!("最近 {late} 天的评分可能还没收齐，暂不计入。"),
                    format!(
                        "Ratings of the last {late} days may still come and are not counted yet."
                    ),
                )
            } else {
                let have = have_days.max(0);
                (
                    "days",
                    format!("修复后需要满 {need_days} 天，目前 {have} 天。"),
                    format!("{need_days} full days after the fix are needed, there are {have}."),
                )
            };
            out.push(Missing {
                code: code.to_owned(),
                need: need_days,
                have: have_days.max(0),
                sentence: Sentence { zh, en },
            });
        }
        let Sentence {
            zh: unit_zh,
            en: unit_en,
        } = self.metric.unit();
        let after = self.enough_of(&self.after_sums, self.after.days());
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
        let before = count(&self.before_sums);
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

    /// Replays every look from the first whole week to the last day that is old enough.
    fn outcome(&self) -> Outcome {
        let mut missing = self.missing();
        let mut outcome = Outcome {
            verdict: Verdict::Pending,
            decided: None,
            looks: Vec::new(),
            last: None,
            deciding: None,
            missing: Vec::new(),
            guarded: guards::prepare(self),
        };
        if missing.is_empty() {
            self.replay(&mut outcome);
            self.hold(&mut outcome);
            self.reconsider(&mut outcome);
            by_guards(&mut outcome);
        }
        if outcome.verdict == Verdict::Pending {
            // A measure by two rulers stays open, and so does one whose late answers may still come; a
            // horizon without a basis is over, whatever else is missing.
            let forever = |m: &Missing| match m.code.as_str() {
                "baseline" | "gap" => true,
                // How many would come is told by the days before the fix.
                "answers" => self.metric.kind() == MetricKind::Rate,
                _ => false,
            };
            let open = |m: &Missing| matches!(m.code.as_str(), "same_ruler" | "survey_changed");
            if self.at_horizon() && missing.iter().any(forever) && !missing.iter().any(open) {
                outcome.verdict = Verdict::Inconclusive;
                missing.sort_by_key(|m| !matches!(m.code.as_str(), "baseline" | "gap"));
            }
            let fraction = outcome.last.map_or(0.0, |at| at.look.fraction);
            outcome.missing = if !missing.is_empty() {
                missing
            } else if outcome.verdict == Verdict::Pending
                || outcome.last.is_none_or(|at| at.z.is_none())
            {
                vec![no_evidence(fraction)]
            } else {
                Vec::new()
            };
        }
        outcome
    }

    fn replay(&self, outcome: &mut Outcome) {
        let horizon = self.contract.horizon_days as usize;
        let first = self.contract.min_days as usize;
        let available = (self.after.to - self.after.from).min(horizon);
        let planned = self.planned_weight(horizon);
        #[expect(clippy::cast_precision_loss, reason = "a number of days")]
        let most = 1.0 + LOOK_COST * (horizon.max(first) - first) as f64;
        // First pass: how much is known at each look, which no outcome enters.
        let mut after = vec![Sums::default(); self.before_sums.len()];
        let mut found: Vec<(usize, Contrast, Strata, bool)> = Vec::with_capacity(available);
        let mut fractions = Vec::with_capacity(available);
        let mut highest = 0.0_f64;
        for look in first.max(1)..=available {
            let span = Span {
                from: self.after.from,
                to: self.after.from + look,
            };
            after.fill(Sums::default());
            self.panel.add_window(&[span], &mut after);
            #[expect(clippy::cast_precision_loss, reason = "a number of days")]
            if self.enough_of(&after, look as f64) < f64::from(self.contract.min_answers)
                || self
                    .gaps(&[span])
                    .is_some_and(|(share, _)| share > MOST_SILENT)
            {
                continue;
            }
            let Some((contrast, strata)) =
                self.panel
                    .contrast(&self.reference.0, &after, self.noise.factor)
            else {
                continue;
            };
            let compared = !self.panel.against() || others(&after) >= LEAST_CONTROL * count(&after);
            #[expect(clippy::cast_precision_loss, reason = "a number of days")]
            let cost = LOOK_COST * (look - first) as f64;
            highest = if look == horizon {
                most
            } else {
                highest.max((contrast.weight / planned.max(1e-9)).min(1.0) + cost)
            };
            fractions.push(highest / most);
            found.push((look, contrast, strata, compared));
        }
        let lines = boundaries(&fractions, self.alpha(), RHO);
        let falls = if self.metric.kind() == MetricKind::Rate && self.panel.against() {
            boundaries(&fractions, WORSE_RATE_ALPHA, RHO)
        } else {
            lines.clone()
        };
        let back = if self.rule == BaselineRule::Acute {
            boundaries(&fractions, RECOVERED_ALPHA, RHO)
        } else {
            Vec::new()
        };
        // Second pass: the rules, day by day.
        let guard_lines = guards::lines(&outcome.guarded, &fractions);
        for (k, ((look, contrast, strata, compared), (fraction, boundary))) in found
            .into_iter()
            .zip(fractions.iter().zip(lines))
            .enumerate()
        {
            let span = Span {
                from: self.after.from,
                to: self.after.from + look,
            };
            after.fill(Sums::default());
            self.panel.add_window(&[span], &mut after);
            let quiet = (self.rule == BaselineRule::Acute)
                .then(|| {
                    self.panel
                        .contrast(&self.quiet_sums, &after, self.noise.factor)
                })
                .flatten()
                .map(|(c, _)| c);
            let fall = falls.get(k).copied().unwrap_or(boundary);
            let effect = self.effect(&contrast, (boundary, fall));
            let at = At {
                contrast,
                strata,
                look: Look {
                    last_day: self.day(look),
                    fraction: *fraction,
                    boundary,
                    effect: Some(effect.value),
                    low: Some(effect.low),
                    high: Some(effect.high),
                },
                z: self.z(&contrast, &after),
                fall,
                back: back.get(k).copied(),
                quiet,
            };
            outcome.looks.push(at.look);
            outcome.last = Some(at);
            let compared = compared && self.panel.against();
            let verdict = self.verdict(&at, look, look == horizon, compared);
            match outcome.verdict {
                Verdict::Pending if verdict != Verdict::Pending => {
                    outcome.verdict = verdict;
                    outcome.decided = Some(at.look.last_day);
                    outcome.deciding = Some(at);
                }
                Verdict::Recovered if verdict == Verdict::Improved => outcome.verdict = verdict,
                _ => {}
            }
            let line = guard_lines.get(k).copied();
            guards::look(self, &mut outcome.guarded, (span, at.look.last_day), line);
        }
        // "Nothing can be said" is decided by nothing but the end of the horizon.
        if outcome.verdict == Verdict::Inconclusive {
            outcome.decided = None;
        }
    }

    /// A final result that found no improvement does not become one because an early look crosses
    /// now that late answers of an early day are in: what counts then is the look at the horizon,
    /// unless that one excludes no change by itself.
    fn hold(&self, outcome: &mut Outcome) {
        let good = |verdict| matches!(verdict, Verdict::Improved | Verdict::Recovered);
        let Some(previous) = self.course.previous.as_ref().filter(|p| {
            p.state == State::Final
                && !good(p.verdict)
                && p.metric == self.metric
                && p.effective_day == self.course.effective_day
        }) else {
            return;
        };
        let Some(last) = outcome.last else {
            return;
        };
        if !good(outcome.verdict)
            || !self.at_horizon()
            || !no_change_within(last.look.low, last.look.high)
        {
            return;
        }
        let look = self.contract.horizon_days as usize;
        let compared = self.panel.against()
            && others(&self.after_sums) >= LEAST_CONTROL * count(&self.after_sums);
        outcome.verdict = self.verdict(&last, look, true, compared);
        outcome.decided = if matches!(outcome.verdict, Verdict::Pending | Verdict::Inconclusive) {
            None
        } else if outcome.verdict == previous.verdict {
            previous.decided_on
        } else {
            Some(last.look.last_day)
        };
    }

    /// What an early look decided stands while more days only weaken it. Where the whole window says
    /// the opposite (its interval lies wholly on the other side), the early look is no evidence any
    /// more, and the rules are asked again of the whole window: late data does that, hardly ever chance.
    fn reconsider(&self, outcome: &mut Outcome) {
        let Some(last) = outcome.last else {
            return;
        };
        let sign = sign(self.metric);
        let gain = sign * last.contrast.delta;
        let half = last.look.boundary * last.contrast.variance.sqrt();
        let refuted = match outcome.verdict {
            Verdict::Improved | Verdict::Recovered => gain + half < 0.0,
            Verdict::Worse => gain - half > 0.0,
            Verdict::NoEffect => gain - half > self.smallest,
            Verdict::Pending | Verdict::Inconclusive => false,
        };
        if !refuted {
            return;
        }
        let look = self.after.to - self.after.from;
        let compared = self.panel.against()
            && others(&self.after_sums) >= LEAST_CONTROL * count(&self.after_sums);
        outcome.verdict = self.verdict(&last, look, self.at_horizon(), compared);
        let open = matches!(outcome.verdict, Verdict::Pending | Verdict::Inconclusive);
        outcome.decided = (!open).then_some(last.look.last_day);
        outcome.deciding = (!open).then_some(last);
    }

    /// The weight that the horizon will hold at the pace of the baseline.
    fn planned_weight(&self, horizon: usize) -> f64 {
        let (reference, days) = (&self.reference.0, self.reference.1.max(1.0));
        #[expect(clippy::cast_precision_loss, reason = "a number of days")]
        let factor = horizon as f64 / days;
        let planned: Vec<Sums> = reference.iter().map(|s| s.times(factor)).collect();
        self.panel
            .contrast(reference, &planned, 1.0)
            .map_or(0.0, |(c, _)| c.weight)
    }

    /// The change with its interval: each end is where the claim on its side begins to fail.
    fn effect(&self, contrast: &Contrast, (line, fall): (f64, f64)) -> Effect {
        let (good, bad) = (
            interval(self.metric, contrast, line),
            interval(self.metric, contrast, fall),
        );
        if sign(self.metric) > 0.0 {
            Effect {
                high: bad.high,
                ..good
            }
        } else {
            Effect {
                low: bad.low,
                ..good
            }
        }
    }

    /// Error budget of one direction.
    fn alpha(&self) -> f64 {
        match self.metric {
            Metric::Volume => ALPHA,
            Metric::Csat | Metric::MeanRating => MEAN_ALPHA,
            Metric::Aht => TIME_ALPHA,
            _ => OTHER_ALPHA,
        }
    }

    /// The statistic: exact where one side has no contact at all.
    fn z(&self, contrast: &Contrast, after: &[Sums]) -> Option<f64> {
        self.exact(after).or_else(|| contrast.z())
    }

    fn exact(&self, after: &[Sums]) -> Option<f64> {
        (self.metric.kind() == MetricKind::Rate)
            .then(|| no_contact_z(&self.before_sums, after, self.noise.factor))
            .flatten()
    }

    /// The rules, in their order.
    fn verdict(&self, at: &At, look: usize, end: bool, compared: bool) -> Verdict {
        let sign = sign(self.metric);
        let (c, line) = (&at.contrast, at.look.boundary);
        let Some(z) = at.z else {
            return Verdict::Pending;
        };
        let gain = sign * c.delta;
        let half = line * c.variance.sqrt();
        let (low, high) = (gain - half, gain + half);
        // A trend from before the fix counts against the claim, never for it.
        let (drift, drift_variance) = self.drift(look);
        let drift = sign * drift;
        let up = gain - drift.max(0.0);
        let up_spread = (c.variance + if drift > 0.0 { drift_variance } else { 0.0 }).sqrt();
        let down = gain - drift.min(0.0);
        let down_half =
            at.fall * (c.variance + if drift < 0.0 { drift_variance } else { 0.0 }).sqrt();
        let exact = c.z() != Some(z);
        let above = |line: f64| {
            if exact {
                sign * z > line
            } else {
                up - line * up_spread > 0.0
            }
        };
        let fails = if exact {
            sign * z < -at.fall
        } else {
            down + down_half < 0.0
        };
        let least = least(self.metric);
        if up >= least {
            // Without a comparison with other topics an improvement must also be worth while.
            let enough = compared || gain >= self.smallest;
            let better_than_usual = self.rule != BaselineRule::Acute
                || at
                    .quiet
                    .is_some_and(|q| sign * q.delta - line * q.variance.sqrt() > 0.0);
            if above(line) && enough && better_than_usual {
                return Verdict::Improved;
            }
            if at.back.is_some_and(above) {
                return Verdict::Recovered;
            }
        }
        if fails && down <= -least {
            return Verdict::Worse;
        }
        if high < self.smallest && (low > -self.smallest || end) {
            return Verdict::NoEffect;
        }
        if end {
            Verdict::Inconclusive
        } else {
            Verdict::Pending
        }
    }

    /// What a significant trend from before the fix would have brought by this look, and the
    /// variance of that.
    fn drift(&self, look: usize) -> (f64, f64) {
        let Some(slope) = self.slope() else {
            return (0.0, 0.0);
        };
        let middle = |span: &Span| f64::midpoint(usize_f(span.from), usize_f(span.to) - 1.0);
        let (mut at, mut n) = (0.0, 0.0);
        for span in &self.baseline {
            let answers = count(&self.panel.window(&[*span]));
            at += answers * middle(span);
            n += answers;
        }
        if n <= 0.0 {
            return (0.0, 0.0);
        }
        let after = usize_f(self.after.from) + (usize_f(look) - 1.0) / 2.0;
        let weeks = (after - at / n) / 7.0;
        // The trend was learnt from days of the baseline too: what makes the slope steep by chance
        // makes the baseline high, and both errors add up.
        let lever = (at / n - slope.centre) / 7.0;
        let spread = weeks * weeks + 2.0 * (weeks * lever).max(0.0);
        (slope.value * weeks, slope.variance * spread)
    }

    /// The trend that counts: more than chance, and not of rates, whose company-wide seasons leave
    /// nothing to see here.
    fn slope(&self) -> Option<Slope> {
        self.trend
            .filter(|t| self.metric.kind() != MetricKind::Rate && self.is_trend(t))
    }

    /// A trend towards the goal counts sooner than one away from it: a drift of the topic alone is
    /// what is most easily taken for an effect.
    fn is_trend(&self, slope: &Slope) -> bool {
        let z = sign(self.metric) * slope.z();
        !(-POOL_Z..=RISE_Z).contains(&z)
    }

    fn result(&self, outcome: &Outcome) -> Verification {
        let last = outcome.last.as_ref();
        let contrast = last.map(|at| at.contrast);
        let effect = last
            .filter(|at| at.z.is_some())
            .map(|at| self.effect(&at.contrast, (at.look.boundary, at.fall)));
        let mut history = self
            .course
            .previous
            .as_ref()
            .map(|p| p.history.clone())
            .unwrap_or_default();
        if history
            .last()
            .is_none_or(|past| past.verdict != outcome.verdict)
        {
            history.push(PastVerdict {
                computed_at: self.course.now,
                verdict: outcome.verdict,
                occasion: None,
                sentence: None,
                missing: Vec::new(),
            });
        }
        let control = self.control(contrast.as_ref(), &self.after_sums, self.after);
        let guards = guards::flags(self, &control, self.gaps(&[self.after]));
        let chance = sentence::chance(self.metric, self.family(&control, &guards), self.pace());
        let levels = contrast.map(|c| self.levels(&c, &self.after_sums, self.after));
        let mut result = Verification {
            verdict: outcome.verdict,
            // What waits for answers that may still come is not at its end.
            state: if self.at_horizon() && outcome.verdict != Verdict::Pending {
                State::Final
            } else {
                State::Provisional
            },
            metric: self.metric,
            effective_day: self.course.effective_day,
            edited_afterwards: self.edited_afterwards(),
            before: self.side(
                &self.baseline,
                (&self.before_sums, &self.after_sums),
                levels.map(|l| l.0),
            ),
            after: self.side(
                &[self.after],
                (&self.after_sums, &self.before_sums),
                levels.map(|l| l.1),
            ),
            effect,
            control,
            ruler: super::only_ruler(&self.course.label_versions),
            new_ruler: None,
            control_topics: Vec::new(),
            guards,
            sentence: Sentence::default(),
            method: Method {
                statistic: match self.metric.kind() {
                    MetricKind::Share => "cmh_risk_difference",
                    MetricKind::Mean => "cmh_mean_difference",
                    MetricKind::LogMean => "cmh_log_mean_difference",
                    MetricKind::Rate => "mh_rate_ratio",
                }
                .to_owned(),
                strata: last.map_or("none", |at| at.strata.as_str()).to_owned(),
                dropped_share: contrast.map_or(0.0, |c| c.dropped),
                noise_factor: self.noise.factor,
                noise_blocks: self.noise.blocks,
                control_factor: contrast.and_then(|c| c.control).map_or(0.0, |o| o.factor),
                z: last.and_then(|at| at.z),
                boundary: last.map(|at| at.look.boundary),
                alpha: 2.0 * self.alpha(),
                alarm_days_z: self.alarm_days_z,
                against_quiet: last.and_then(|at| {
                    at.quiet
                        .map(|q| self.effect(&q, (at.look.boundary, at.fall)))
                }),
                chance_if_nothing: chance.share,
                version: METHOD_VERSION,
            },
            missing: outcome.missing.clone(),
            naive: self.naive(),
            baseline_rule: self.rule,
            decided_on: outcome.decided,
            guard_metrics: outcome.guarded.iter().map(Guarded::result).collect(),
            displacement: guards::displacement(
                self.contract,
                self.course,
                self.facts,
                self.series,
                &self.windows,
                self.rule,
            ),
            trend: self.trend.map(|slope| Trend {
                slope_per_week: slope.value,
                z: slope.z(),
                significant: self.is_trend(&slope),
                weeks: slope.weeks,
            }),
            tipping_point: contrast.and_then(|c| guards::tipping_point(self, &c)),
            heterogeneity: guards::heterogeneity(self),
            chance,
            looks: outcome.looks.clone(),
            history,
            together_with: self.together(),
            gaps: self
                .course
                .gaps
                .iter()
                .filter(|gap| self.series.channels().contains(&gap.channel.as_str()))
                .cloned()
                .collect(),
            computed_at: self.course.now,
        };
        result.sentence = self.sentence(&result, contrast.as_ref(), outcome);
        result
    }

    /// The date of the fix was given when the alarm had rung already, or later still.
    fn edited_afterwards(&self) -> bool {
        self.course.edited_afterwards
            || self
                .contract
                .alarm_day
                .is_some_and(|alarm| alarm > self.course.effective_day)
    }

    /// Tasks of the same topic whose fix cannot be told from this one.
    fn together(&self) -> Vec<String> {
        let first = self
            .baseline_window()
            .map_or(self.course.effective_day, |w| plus(w.to, 1));
        self.course
            .other_fixes
            .iter()
            .filter(|o| {
                o.day >= first.min(self.course.effective_day) && o.day <= self.windows.after.to
            })
            .map(|o| o.name.clone())
            .collect()
    }

    /// From the first to the last day of the baseline; `None` when it is empty.
    fn baseline_window(&self) -> Option<Window> {
        let windows = match self.rule {
            BaselineRule::Acute => [self.windows.alarm, self.windows.alarm],
            BaselineRule::Pooled => [self.windows.quiet, self.windows.alarm],
            BaselineRule::Quiet | BaselineRule::BeforeFix => {
                [self.windows.quiet, self.windows.quiet]
            }
        };
        let used = || windows.iter().filter(|w| w.days() > 0);
        Some(Window {
            from: used().map(|w| w.from).min()?,
            to: used().map(|w| w.to).max()?,
        })
    }

    /// Levels before and after at the common mix, in the metric's unit; rates per day. `sums` are
    /// those of the days `after`.
    fn levels(&self, contrast: &Contrast, sums: &[Sums], after: Span) -> (f64, f64) {
        if self.metric.kind() == MetricKind::Rate {
            let per_day =
                |sums: &[Sums], days: f64| if days > 0.0 { count(sums) / days } else { 0.0 };
            if self.panel.against() {
                return (
                    per_day(&self.before_sums, self.baseline_days()),
                    per_day(sums, after.days()),
                );
            }
            // Strata are channels × day types, each with its days: back to contacts per day.
            let before = per_day(&self.before_sums, self.baseline_days());
            return (before, before * contrast.after / contrast.before.max(1e-12));
        }
        (
            level_of(self.metric, contrast.before),
            level_of(self.metric, contrast.after),
        )
    }

    /// What the days `after`, with their `sums`, were compared with.
    fn control(&self, contrast: Option<&Contrast>, sums: &[Sums], after: Span) -> Control {
        let why = match self.control {
            Err(why) => why,
            Ok(()) => "too_few_answers",
        };
        let none = || Control::None {
            why: why.to_owned(),
        };
        let Some((c, o)) = contrast.and_then(|c| c.control.map(|o| (c, o))) else {
            return none();
        };
        let _ = c;
        if others(sums) < LEAST_CONTROL * count(sums) {
            return none();
        }
        let (n_before, n_after) = (others(&self.before_sums), others(sums));
        let (before, after, effect) = match self.metric.kind() {
            MetricKind::Rate => {
                let days = (self.baseline_days().max(1.0), after.days().max(1.0));
                let (b, a) = (n_before / days.0, n_after / days.1);
                (b, a, if b > 0.0 { a / b - 1.0 } else { 0.0 })
            }
            _ => (
                level_of(self.metric, o.before),
                level_of(self.metric, o.after),
                in_unit(self.metric, o.after - o.before),
            ),
        };
        Control::OtherTopics {
            topics: u32::try_from(self.facts.control_topics).unwrap_or(u32::MAX),
            before,
            after,
            effect,
            n_before: whole(n_before),
            n_after: whole(n_after),
        }
    }

    /// How many answers of one mix tell as much of the common mix as these `sums` of another, given the
    /// `other` side: strata that count for much here and hold little tell little.
    fn worth_at_common_mix(&self, sums: &[Sums], other: &[Sums]) -> f64 {
        let (mut weight, mut spread) = (0.0, 0.0);
        for (own, other) in sums.iter().zip(other) {
            let comparable = !self.panel.against() || own.others > 0.0 && other.others > 0.0;
            if own.n > 0.0 && other.n > 0.0 && comparable {
                let w = own.n * other.n / (own.n + other.n);
                weight += w;
                spread += w * w / own.n;
            }
        }
        if spread > 0.0 {
            weight * weight / spread
        } else {
            count(sums)
        }
    }

    /// The interval of a level at the common mix; `raw` = level, ends and spread of the mean as the
    /// answers are mixed.
    fn adjusted_interval(
        &self,
        adjusted: f64,
        (sums, other): (&[Sums], &[Sums]),
        (value, low, high): (f64, f64, f64),
    ) -> Option<(f64, f64)> {
        let (n, worth) = (count(sums), self.worth_at_common_mix(sums, other));
        let wider = (n / worth.max(1e-9)).max(1.0).sqrt();
        match self.metric.kind() {
            MetricKind::Share => wilson((adjusted * worth).clamp(0.0, worth), worth, Z95),
            MetricKind::Mean => {
                let half = wider * (high - low) / 2.0;
                Some((adjusted - half, adjusted + half))
            }
            MetricKind::LogMean => {
                let half = (high / low).ln() / 2.0 * wider;
                half.is_finite()
                    .then(|| (adjusted * (-half).exp(), adjusted * half.exp()))
            }
            MetricKind::Rate => {
                let factor = adjusted / value;
                factor.is_finite().then_some((low * factor, high * factor))
            }
        }
    }

    fn side(
        &self,
        spans: &[Span],
        (sums, other): (&[Sums], &[Sums]),
        adjusted: Option<f64>,
    ) -> Side {
        let n = count(sums);
        let total: f64 = sums.iter().map(|s| s.sum).sum();
        let squares: f64 = sums.iter().map(|s| s.squares).sum();
        let days: f64 = spans.iter().map(Span::days).sum();
        let (value, interval) = match self.metric.kind() {
            MetricKind::Share => ((n > 0.0).then(|| total / n), wilson(total.min(n), n, Z95)),
            MetricKind::Mean | MetricKind::LogMean => {
                let mean = (n > 0.0).then(|| total / n);
                let spread = mean
                    .filter(|_| n > 1.0)
                    .map(|m| Z95 * ((squares - total * m).max(0.0) / (n - 1.0) / n).sqrt());
                let level = |x: f64| level_of(self.metric, x);
                (
                    mean.map(level),
                    mean.zip(spread).map(|(m, s)| (level(m - s), level(m + s))),
                )
            }
            MetricKind::Rate if days > 0.0 => {
                let half = Z95 * (self.noise.factor * n).sqrt();
                let per_day = |y: f64| (y / days).max(0.0);
                (
                    Some(per_day(n)),
                    Some((per_day(n - half), per_day(n + half))),
                )
            }
            MetricKind::Rate => (None, None),
        };
        let first = self.series.first_day();
        let used = || spans.iter().filter(|s| s.from < s.to);
        let date = |index: usize| {
            first.map(|f| {
                plus(
                    minus(f, self.series.known_from(usize::MAX) as u64),
                    index as u64,
                )
            })
        };
        let at_common_mix =
            adjusted
                .zip(value.zip(interval))
                .and_then(|(level, (value, (low, high)))| {
                    self.adjusted_interval(level, (sums, other), (value, low, high))
                });
        Side {
            n: whole(n),
            value,
            low: interval.map(|i| i.0),
            high: interval.map(|i| i.1),
            adjusted,
            adjusted_low: at_common_mix.map(|i| i.0),
            adjusted_high: at_common_mix.map(|i| i.1),
            from: used().map(|s| s.from).min().and_then(date),
            to: used().map(|s| s.to - 1).max().and_then(date),
        }
    }

    fn naive(&self) -> Naive {
        let window = Window::ending(minus(self.course.effective_day, 1), NAIVE_DAYS);
        let span = self.series.span(window);
        let before = self.panel.window(&[span]);
        let (bd, ad) = (span.days(), self.after.days());
        let sum = |sums: &[Sums]| {
            sums.iter().fold(Sums::default(), |mut all, s| {
                all.add(s);
                all
            })
        };
        let (b, a) = (sum(&before), sum(&self.after_sums));
        let mean = |s: &Sums| (s.n > 0.0).then(|| s.sum / s.n);
        let rate = |s: &Sums, days: f64| (days > 0.0).then(|| s.n / days);
        let kind = self.metric.kind();
        let (vb, va, test, method) = match kind {
            MetricKind::Share => (
                mean(&b),
                mean(&a),
                pooled_z(a.sum, a.n, b.sum, b.n),
                "pooled_z_14_days_before",
            ),
            MetricKind::Mean | MetricKind::LogMean => (
                mean(&b).map(|x| level_of(self.metric, x)),
                mean(&a).map(|x| level_of(self.metric, x)),
                two_means(&a, &b),
                "two_means_14_days_before",
            ),
            MetricKind::Rate => (
                rate(&b, bd),
                rate(&a, ad),
                poisson_score(a.n, ad, b.n, bd),
                "poisson_score_14_days_before",
            ),
        };
        let difference = match (vb, va, kind) {
            (Some(b), Some(a), MetricKind::Share | MetricKind::Mean) => Some(a - b),
            (Some(b), Some(a), _) if b > 0.0 => Some(a / b - 1.0),
            _ => None,
        };
        Naive {
            before: NaiveSide {
                n: whole(b.n),
                value: vb,
            },
            after: NaiveSide {
                n: whole(a.n),
                value: va,
            },
            difference,
            p_value: test.map(|t| t.1),
            claims_success: test.is_some_and(|(z, p)| sign(self.metric) * z > 0.0 && p < 0.05),
            method: method.to_owned(),
        }
    }

    /// Answers a day of the baseline.
    fn pace(&self) -> f64 {
        if self.baseline_days() > 0.0 {
            count(&self.before_sums) / self.baseline_days()
        } else {
            0.0
        }
    }

    /// The streams that this case is most like.
    fn family(&self, control: &Control, guards: &[Guard]) -> Family {
        let rate = self.metric.kind() == MetricKind::Rate;
        match control {
            Control::None { .. } if rate => return Family::RateAlone,
            Control::None { .. } => return Family::Alone,
            Control::OtherTopics { effect, .. } => {
                let moved = if rate { 0.10 } else { 0.03 };
                let scale = if self.metric.kind() == MetricKind::Mean {
                    3.0
                } else {
                    1.0
                };
                if effect.abs() >= moved * scale {
                    return if rate {
                        Family::RateAllMoved
                    } else {
                        Family::AllMoved
                    };
                }
            }
        }
        if rate {
            Family::Rate
        } else if self.slope().is_some() {
            Family::Drifting
        } else if guards.iter().any(|g| g.code == "channel_mix") {
            Family::MixMoved
        } else {
            Family::Plain
        }
    }

    /// Answers still to come, and the chance to miss a change just worth while at the horizon.
    fn waiting(&self, missing: &[Missing]) -> Sentence {
        if let Some(first) = missing
            .iter()
            .find(|m| !matches!(m.code.as_str(), "answers" | "evidence"))
        {
            return self.of_topic(&first.sentence);
        }
        let per_day = self.present_pace();
        let horizon = f64::from(self.contract.horizon_days);
        let planned = self
            .contract
            .planned
            .answers_needed
            .filter(|_| self.metric == self.contract.metric);
        let have = whole(count(&self.after_sums));
        let least = i64::from(self.contract.min_answers);
        let to_horizon = whole(per_day * horizon);
        let left = (self.windows.horizon - self.windows.after.to).num_days();
        let need = planned.unwrap_or(to_horizon).max(least);
        // The plan's number is in and the data still cannot tell: the rest of the horizon is needed.
        let need = if have >= need {
            to_horizon.max(have + 1)
        } else {
            need
        };
        self.of_topic(&sentence::waiting(
            self.metric,
            need - have,
            per_day,
            self.shown_smallest(),
            (self.contract.horizon_days, left),
            self.miss(),
        ))
    }

    /// Answers a day since the fix, once that is a week; until then, and for rates (which ask how many
    /// there would be without it), those of the baseline.
    fn present_pace(&self) -> f64 {
        let days = self.after.days();
        if self.metric.kind() == MetricKind::Rate || days < 7.0 {
            return self.pace();
        }
        count(&self.after_sums) / days
    }

    fn of_topic(&self, text: &Sentence) -> Sentence {
        sentence::of_topic(self.metric, &self.course.topic_name, text)
    }

    fn shown_smallest(&self) -> f64 {
        in_unit(self.metric, sign(self.metric) * self.smallest).abs()
    }

    /// Chance that a change just worth while is not seen by the horizon: that of daily looks, as the
    /// contract's plan has it.
    fn miss(&self) -> Option<f64> {
        let (baseline, pace) = (count(&self.before_sums), self.pace());
        let horizon = f64::from(self.contract.horizon_days);
        if baseline <= 0.0 || pace <= 0.0 {
            return None;
        }
        let factor = horizon / self.baseline_days();
        let planned: Vec<Sums> = self.before_sums.iter().map(|s| s.times(factor)).collect();
        let (c, _) = self
            .panel
            .contrast(&self.before_sums, &planned, self.noise.factor)?;
        // What one answer contributes, such that the whole horizon has the variance just computed.
        let one = c.variance / (1.0 / baseline + 1.0 / (pace * horizon));
        let design = Design::mean(one, self.smallest, 1.0, None, baseline, pace)
            .at_least(least(self.metric));
        (c.variance > 0.0).then(|| {
            1.0 - AFTER_GUARDS * Schedules::default().power(&design, self.contract.horizon_days)
        })
    }

    /// The look that decided, where what came later weakened it so far that the present interval
    /// includes no change: the verdict stands, and its sentence needs the figures it stands on.
    fn weakened<'b>(&self, result: &Verification, deciding: Option<&'b At>) -> Option<&'b At> {
        let by_guard = result.guard_metrics.iter().any(|g| g.worse);
        let now = result.effect?;
        deciding.filter(|at| {
            (result.verdict == Verdict::Improved || result.verdict == Verdict::Worse && !by_guard)
                && no_change_within(Some(now.low), Some(now.high))
                && result
                    .looks
                    .last()
                    .is_some_and(|last| at.look.last_day < last.last_day)
        })
    }

    fn sentence(
        &self,
        result: &Verification,
        contrast: Option<&Contrast>,
        outcome: &Outcome,
    ) -> Sentence {
        let deciding = outcome.deciding.as_ref();
        let (Some(contrast), Some(effect)) = (contrast, result.effect) else {
            return if result.verdict == Verdict::Pending {
                sentence::with_others(self.waiting(&result.missing), result.together_with.len())
            } else {
                result
                    .missing
                    .first()
                    .map(|m| self.of_topic(&m.sentence))
                    .unwrap_or_default()
            };
        };
        let (mut before, mut after) = self.levels(contrast, &self.after_sums, self.after);
        let (mut shown, mut control, mut weakened) = (effect, result.control.clone(), None);
        if let Some(at) = self.weakened(result, deciding) {
            let to = self.series.span(Window {
                from: self.windows.after.from,
                to: at.look.last_day,
            });
            let sums = self.panel.window(&[to]);
            (before, after) = self.levels(&at.contrast, &sums, to);
            control = self.control(Some(&at.contrast), &sums, to);
            shown = self.effect(&at.contrast, (at.look.boundary, at.fall));
            weakened = Some((at.look.last_day, effect));
        }
        let figures = Figures {
            metric: self.metric,
            topic: &self.course.topic_name,
            kind: self.contract.subject.kind,
            before,
            after,
            effect: shown,
            weakened,
            control: &control,
            chance: &result.chance,
            answers: whole(count(&self.after_sums)),
            smallest: self.shown_smallest(),
            horizon: self.contract.horizon_days,
            edited_afterwards: result.edited_afterwards,
            together: result.together_with.len(),
            trend: result.trend.filter(|t| {
                t.significant
                    && self.metric.kind() != MetricKind::Rate
                    && t.slope_per_week * sign(self.metric) > 0.0
            }),
        };
        let guard = outcome.guarded.iter().find_map(Guarded::fallen);
        match result.verdict {
            Verdict::Improved => figures.improved(),
            Verdict::Recovered => figures.recovered(),
            Verdict::NoEffect => {
                let gain = sign(self.metric)
                    * if sign(self.metric) > 0.0 {
                        effect.low
                    } else {
                        effect.high
                    };
                figures.no_effect(gain <= -self.shown_smallest())
            }
            Verdict::Worse => match guard {
                Some(guard) => figures.guard_worse(&guard),
                None => figures.worse(),
            },
            Verdict::Inconclusive => figures.inconclusive(),
            Verdict::Pending => {
                sentence::with_others(self.waiting(&result.missing), result.together_with.len())
            }
        }
    }
}

/// A metric that must not become worse and did decides alone, from the day on which it did.
fn by_guards(outcome: &mut Outcome) {
    let fallen = outcome.guarded.iter().filter_map(Guarded::fell_on).min();
    let Some(day) = fallen else { return };
    if outcome.verdict == Verdict::Worse && outcome.decided.is_some_and(|own| own <= day) {
        return;
    }
    outcome.verdict = Verdict::Worse;
    outcome.decided = Some(day);
    outcome.deciding = None;
}

/// The bad spell as a baseline, held back towards the quiet days (each with its number of days) as
/// far as chance alone could have made the difference `z` between the two.
///
/// Of z² chance makes 1, so that a share of 1/z² of the difference is taken for chance (empirical
/// Bayes): the quiet days get 1/z² of the weight that they would have if both were simply pooled.
/// Without this a spell that is bad by chance alone is answered by a "recovery" in one of four cases.
fn held_back(alarm: (&[Sums], f64), quiet: (&[Sums], f64), z: f64) -> (Vec<Sums>, f64) {
    let (few, many) = (count(alarm.0), count(quiet.0));
    let share = (1.0 / (z * z).max(1.0)) * many / (few + many).max(1.0);
    if many <= 0.0 || share >= 1.0 {
        return (alarm.0.to_vec(), alarm.1);
    }
    let weight = share * few / ((1.0 - share) * many);
    let mut sums = alarm.0.to_vec();
    for (all, quiet) in sums.iter_mut().zip(quiet.0) {
        all.add(&quiet.times(weight));
    }
    (sums, alarm.1 + weight * quiet.1)
}

/// Whether an interval includes no change.
pub(super) fn no_change_within(low: Option<f64>, high: Option<f64>) -> bool {
    low.zip(high)
        .is_some_and(|(low, high)| low <= 0.0 && high >= 0.0)
}

/// The change with its interval at this line.
pub(super) fn interval(metric: Metric, contrast: &Contrast, line: f64) -> Effect {
    let half = line * contrast.variance.sqrt();
    Effect {
        value: in_unit(metric, contrast.delta),
        low: in_unit(metric, contrast.delta - half),
        high: in_unit(metric, contrast.delta + half),
    }
}

/// The panel of a metric, compared with other topics if that was agreed and there are enough of
/// them; decided by the days before the fix alone.
fn comparable(
    contract: &Contract,
    facts: &Facts<'_>,
    series: &Series<'_>,
    metric: Metric,
    before: &[Span],
) -> (Panel, Result<(), &'static str>) {
    let days = before.iter().map(Span::days).sum();
    let why = match contract.control {
        ControlRule::None => "not_asked",
        ControlRule::OtherTopics if facts.control_topics < LEAST_CONTROL_TOPICS => "too_few_topics",
        ControlRule::OtherTopics => {
            let mut panel = series.panel(metric, true);
            let sums = panel.window(before);
            if others(&sums) >= LEAST_CONTROL * count(&sums) && others(&sums) > 0.0 {
                panel.choose_strata(&sums, days);
                return (panel, Ok(()));
            }
            "too_few_answers"
        }
    };
    (series.panel(metric, false), Err(why))
}

fn no_evidence(fraction: f64) -> Missing {
    let done = whole(fraction.min(1.0) * 100.0);
    Missing {
        code: "evidence".to_owned(),
        need: 100,
        have: done,
        sentence: Sentence {
            zh: format!("目前的数据还分不出有没有效果（已有所需信息的 {done}%）。"),
            en: format!(
                "The data so far cannot tell whether it worked ({done}% of the planned information is in)."
            ),
        },
    }
}

/// Welch's statistic of two means, first − second, and its two-sided normal p-value.
fn two_means(a: &Sums, b: &Sums) -> Option<(f64, f64)> {
    if a.n < 2.0 || b.n < 2.0 {
        return None;
    }
    let part = |s: &Sums| (s.squares - s.sum * s.sum / s.n).max(0.0) / (s.n - 1.0) / s.n;
    let variance = part(a) + part(b);
    (variance > 0.0).then(|| {
        let z = (a.sum / a.n - b.sum / b.n) / variance.sqrt();
        (z, 2.0 * normal_cdf(-z.abs()))
    })
}

const fn overlap(a: Span, b: Span) -> bool {
    a.from < b.to && b.from < a.to
}

#[expect(clippy::cast_precision_loss, reason = "a number of days")]
const fn usize_f(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, reason = "counts far below 2^53")]
pub(super) fn whole(value: f64) -> i64 {
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
