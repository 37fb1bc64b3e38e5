//! What stands beside the goal metric: metrics that must not become worse, siblings that the trouble
//! may have moved to, and flags that say when a comparison should be read with care.

use super::baseline::{Panel, Series, Span, Usual, Window, Windows, noise};
use super::evaluate::{
    Case, count, in_unit, interval, level_of, no_change_within, on_scale, sign, whole,
};
use super::sentence::Fallen;
use super::{
    BaselineRule, ChannelEffect, Contract, Control, Course, Displaced, Facts, Guard, GuardMetric,
    GuardResult, Heterogeneity, Metric, MetricKind, Sentence, TippingPoint,
};
use crate::statistics::distributions::{chi2_sf, normal_sf};
use crate::statistics::multiplicity::benjamini_hochberg;
use crate::statistics::proportions::{Z95, pooled_z};
use crate::statistics::sequential::{RHO, boundaries};
use crate::statistics::stratified::{Contrast, Sums};
use crate::statistics::tables::{Table, breslow_day};
use chrono::NaiveDate;

/// Error budget of each metric that must not become worse.
const GUARD_ALPHA: f64 = 0.01;
/// p-value, adjusted for the number of siblings, below which one counts as risen.
const ROSE: f64 = 0.05;
/// p-value below which the effect differs between channels.
const DIFFERS: f64 = 0.01;
/// Relative change of the share of raters that is worth a flag.
const RESPONSE_MOVED: f64 = 0.25;

/// A metric that must not become worse, and how it does.
pub(super) struct Guarded {
    goal: GuardMetric,
    panel: Panel,
    noise: f64,
    before: Vec<Sums>,
    after: Vec<Sums>,
    last: Option<(Contrast, f64)>,
    worse: bool,
    /// The look that found it worse first: its day, estimate and line.
    decided: Option<(NaiveDate, Contrast, f64)>,
}

impl Guarded {
    /// For the sentence, where it is worse: as it stands, or, where what came later weakened it so
    /// far that the present interval includes no change, as it was decided and as it is by now.
    pub(super) fn fallen(&self) -> Option<Fallen> {
        let metric = self.goal.metric;
        let (now, line) = self.last.filter(|_| self.worse)?;
        let now = interval(metric, &now, line);
        let weakened = self
            .decided
            .filter(|_| no_change_within(Some(now.low), Some(now.high)))
            .map(|(day, c, line)| (day, interval(metric, &c, line)));
        Some(Fallen {
            metric,
            effect: weakened.map_or(now, |(_, effect)| effect),
            weakened: weakened.map(|(day, _)| (day, now)),
        })
    }

    /// The day on which it was found worse first, if it is.
    pub(super) fn fell_on(&self) -> Option<NaiveDate> {
        self.decided.filter(|_| self.worse).map(|(day, ..)| day)
    }

    pub(super) fn result(&self) -> GuardResult {
        let level = |x: f64| level_of(self.goal.metric, x);
        let contrast = self.last.map(|(c, _)| c);
        GuardResult {
            metric: self.goal.metric,
            limit: self.goal.limit.abs(),
            before: contrast.map(|c| level(c.before)),
            after: contrast.map(|c| level(c.after)),
            effect: self
                .last
                .map(|(c, line)| interval(self.goal.metric, &c, line)),
            worse: self.worse,
        }
    }
}

/// The metrics of the contract whose answers lie in the same rows as the goal's.
pub(super) fn prepare(case: &Case<'_>) -> Vec<Guarded> {
    case.contract
        .guards
        .iter()
        .filter(|g| g.metric != case.metric && g.metric.classes() == case.metric.classes())
        .map(|goal| {
            let panel = case.series.panel(goal.metric, case.panel.against());
            let before = panel.window(&case.baseline);
            let end = case.baseline.first().map_or(0, |s| s.to);
            let usual = Usual::of(
                &panel,
                case.baseline.first().copied().unwrap_or_default(),
                case.series.closed(),
                None,
            );
            let noise = noise(&panel, case.series.known_from(end), end, usual).factor;
            Guarded {
                goal: *goal,
                noise,
                after: vec![Sums::default(); before.len()],
                before,
                panel,
                last: None,
                worse: false,
                decided: None,
            }
        })
        .collect()
}

/// The lines of the guard metrics at the looks; empty where there are none.
pub(super) fn lines(guarded: &[Guarded], fractions: &[f64]) -> Vec<f64> {
    if guarded.is_empty() {
        return Vec::new();
    }
    boundaries(fractions, GUARD_ALPHA, RHO)
}

/// Looks at the guard metrics over the days `after`, whose last day is given.
pub(super) fn look(
    case: &Case<'_>,
    guarded: &mut [Guarded],
    (after, day): (Span, NaiveDate),
    line: Option<f64>,
) {
    let Some(line) = line else { return };
    let least = f64::from(case.contract.min_answers);
    for g in guarded {
        g.after.fill(Sums::default());
        g.panel.add_window(&[after], &mut g.after);
        if count(&g.before) < least || count(&g.after) < least {
            continue;
        }
        let Some((c, _)) = g.panel.contrast(&g.before, &g.after, g.noise) else {
            continue;
        };
        let gain = sign(g.goal.metric) * c.delta;
        let fell = gain + line * c.variance.sqrt() < 0.0
            && gain <= -on_scale(g.goal.metric, g.goal.limit)
            && c.variance > 0.0;
        g.last = Some((c, line));
        // What the whole window refutes (it is better now, beyond doubt) was no fall.
        let refuted = gain - line * c.variance.sqrt() > 0.0;
        g.worse = (g.worse && !refuted) || fell;
        if fell {
            g.decided.get_or_insert((day, c, line));
        } else if refuted {
            g.decided = None;
        }
    }
}

fn as_percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// Ratings, satisfied and contacts of before and after.
fn totals(case: &Case<'_>) -> (Sums, Sums, f64, f64) {
    let all = |sums: &[Sums]| {
        sums.iter().fold(Sums::default(), |mut all, s| {
            all.add(s);
            all
        })
    };
    let ratings = case.series.panel(Metric::Csat, false);
    let contacts = case.series.panel(Metric::Volume, false);
    (
        all(&ratings.window(&case.baseline)),
        all(&ratings.window(&[case.after])),
        count(&contacts.window(&case.baseline)),
        count(&contacts.window(&[case.after])),
    )
}

/// The flags beside the verdict. They never change it.
pub(super) fn flags(case: &Case<'_>, control: &Control, gap: Option<(f64, &str)>) -> Vec<Guard> {
    let mut out = Vec::new();
    let (rated_b, rated_a, contacts_b, contacts_a) = totals(case);
    // Who rates matters to goals that are ratings.
    let of_raters = matches!(case.metric, Metric::Csat | Metric::MeanRating);
    if let Some((b, a)) =
        response(rated_b.n, contacts_b, rated_a.n, contacts_a).filter(|_| of_raters)
    {
        out.push(Guard {
            code: "response_rate".to_owned(),
            before: b,
            after: a,
            sentence: Sentence {
                zh: format!("评分率从 {} 变为 {}，前后的评分者可能不是同一类人。", as_percent(b), as_percent(a)),
                en: format!("The share of contacts with a rating went from {} to {}: those who rate may not be the same people.", as_percent(b), as_percent(a)),
            },
        });
    }
    let before = case.series.channel_mix(&case.panel, &case.baseline);
    let after = case.series.channel_mix(&case.panel, &[case.after]);
    let moved = before
        .iter()
        .zip(&after)
        .max_by(|x, y| (x.1.1 - x.0.1).abs().total_cmp(&(y.1.1 - y.0.1).abs()))
        .filter(|(b, a)| (a.1 - b.1).abs() > 0.10);
    if let Some(((channel, b), (_, a))) = moved {
        out.push(Guard {
            code: "channel_mix".to_owned(),
            before: *b,
            after: *a,
            sentence: Sentence {
                zh: format!("渠道构成变了：{channel} 的占比从 {} 变为 {}（比较时已按渠道分层）。", as_percent(*b), as_percent(*a)),
                en: format!("The mix of channels changed: {channel} went from {} to {} of the answers (the comparison is made within channels).", as_percent(*b), as_percent(*a)),
            },
        });
    }
    let (days_b, days_a): (f64, f64) = (
        case.baseline.iter().map(Span::days).sum(),
        case.after.days(),
    );
    if case.metric == Metric::Csat
        && days_b > 0.0
        && days_a > 0.0
        && rated_b.n > 0.0
        && rated_a.n > 0.0
    {
        let (vb, va) = (contacts_b / days_b, contacts_a / days_a);
        if vb > 0.0 && va / vb < 0.8 && rated_a.sum / rated_a.n < rated_b.sum / rated_b.n {
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
    // Topics that nobody speaks of are none to compare with, however many there are.
    let too_few = match control {
        Control::None { why } if why == "too_few_topics" => Some(Sentence::new(
            "可比较的其他主题不足 3 个，这次没有与其他主题比较。",
            "Fewer than three other topics can be compared with, so there is no comparison.",
        )),
        Control::None { why } if why == "too_few_answers" => Some(Sentence::new(
            "其他主题的数据太少，不足以比较，这次没有与其他主题比较。",
            "The other topics have too few answers to be compared with, so there is no comparison.",
        )),
        _ => None,
    };
    if let Some(sentence) = too_few {
        out.push(Guard {
            code: "control_topics".to_owned(),
            before: 0.0,
            after: 0.0,
            sentence,
        });
    }
    if let Some((share, what)) = gap {
        out.push(Guard {
            code: "gap".to_owned(),
            before: 0.0,
            after: share,
            sentence: Sentence {
                zh: format!("数据源 {what} 有中断，修复后约 {} 的数据缺失；这些天两边都不计入。", as_percent(share)),
                en: format!("The source {what} was silent: about {} of the data after the fix is missing; those days count on neither side.", as_percent(share)),
            },
        });
    }
    out
}

/// The shares of raters before and after, where they moved by more than a quarter and more than
/// chance allows. More ratings than contacts are surveys without contacts: a share means nothing.
fn response(rated_b: f64, contacts_b: f64, rated_a: f64, contacts_a: f64) -> Option<(f64, f64)> {
    if !(contacts_b > 0.0 && contacts_a > 0.0 && rated_b <= contacts_b && rated_a <= contacts_a) {
        return None;
    }
    let (b, a) = (rated_b / contacts_b, rated_a / contacts_a);
    let certain = pooled_z(rated_a, contacts_a, rated_b, contacts_b).is_some_and(|(_, p)| p < 0.01);
    (certain && b > 0.0 && (a / b - 1.0).abs() > RESPONSE_MOVED).then_some((b, a))
}

/// The satisfaction that additional (or lost) raters would need for the effect to vanish, where the
/// share of raters moved.
pub(super) fn tipping_point(case: &Case<'_>, contrast: &Contrast) -> Option<TippingPoint> {
    if case.metric != Metric::Csat {
        return None;
    }
    let (rated_b, rated_a, contacts_b, contacts_a) = totals(case);
    let (rate_b, rate_a) = response(rated_b.n, contacts_b, rated_a.n, contacts_a)?;
    let (effect, before, after) = (contrast.delta, contrast.before, contrast.after);
    let up = rate_a > rate_b;
    let satisfaction = if up {
        after + effect * rate_b / (rate_a - rate_b)
    } else {
        before - effect * rate_a / (rate_b - rate_a)
    };
    let can_erase = (0.0..=1.0).contains(&satisfaction);
    let at = as_percent(satisfaction);
    let (zh, en) = match (up, can_erase) {
        (true, true) => (
            format!("新增的评分者的满意度要高达 {at}，这个变化才会只是由他们造成的。"),
            format!(
                "The additional raters would have to be {at} satisfied for the change to be theirs alone."
            ),
        ),
        (false, true) => (
            format!("不再评分的人过去的满意度要是 {at}，这个变化才会只是由他们造成的。"),
            format!(
                "Those who no longer rate would have to have been {at} satisfied for the change to be theirs alone."
            ),
        ),
        (_, false) => (
            "无论多出或少掉的评分者怎么评，都抵消不了这个变化。".to_owned(),
            "However the additional or lost raters rate, they cannot explain the change."
                .to_owned(),
        ),
    };
    Some(TippingPoint {
        rate_before: rate_b,
        rate_after: rate_a,
        satisfaction,
        can_erase,
        sentence: Sentence { zh, en },
    })
}

/// Whether the effect on a share differs between channels; `None` for one channel or other metrics.
pub(super) fn heterogeneity(case: &Case<'_>) -> Option<Heterogeneity> {
    let names = case.series.channels();
    if names.len() < 2 {
        return None;
    }
    let before = case.panel.window(&case.baseline);
    let merge = |sums: &[Sums], channel: usize| {
        let mut all = sums[2 * channel];
        all.add(&sums[2 * channel + 1]);
        all
    };
    let (days_b, days_a): (f64, f64) = (
        case.baseline.iter().map(Span::days).sum(),
        case.after.days(),
    );
    let mut channels = Vec::new();
    let mut tables = Vec::new();
    let mut effects = Vec::new();
    let phi = case.noise.factor;
    for (at, name) in names.iter().enumerate() {
        let (b, a) = (merge(&before, at), merge(&case.after_sums, at));
        if b.n <= 0.0 || a.n <= 0.0 {
            continue;
        }
        let mean = |s: &Sums| s.sum / s.n;
        let delta = if case.metric.kind() == MetricKind::Rate {
            (a.n / days_a.max(1.0) / (b.n / days_b.max(1.0))).ln()
        } else {
            mean(&a) - mean(&b)
        };
        let part = |s: &Sums| (s.squares - s.sum * s.sum / s.n).max(0.0) / s.n / s.n;
        let variance = match case.metric.kind() {
            MetricKind::Rate => phi * (1.0 / a.n + 1.0 / b.n),
            _ => phi * (part(&a) + part(&b)),
        };
        effects.push((delta, variance));
        channels.push(ChannelEffect {
            channel: (*name).to_owned(),
            n_before: whole(b.n),
            n_after: whole(a.n),
            value: in_unit(case.metric, delta),
        });
        // Noisy answers are worth less.
        tables.push(Table {
            after: a.sum / phi,
            n_after: a.n / phi,
            before: b.sum / phi,
            n_before: b.n / phi,
        });
    }
    let p_value = if case.metric.kind() == MetricKind::Share {
        breslow_day(&tables).map(|(_, p)| p)
    } else {
        unequal(&effects)
    };
    (channels.len() >= 2).then(|| Heterogeneity {
        differs: p_value.is_some_and(|p| p < DIFFERS),
        p_value,
        channels,
    })
}

/// p-value of Cochran's Q, that independent estimates with these variances are of one value; `None` for
/// fewer than two that have any.
fn unequal(effects: &[(f64, f64)]) -> Option<f64> {
    let known = || effects.iter().filter(|(d, v)| d.is_finite() && *v > 0.0);
    let degrees = known().count().checked_sub(1).filter(|n| *n > 0)?;
    let weight: f64 = known().map(|(_, v)| 1.0 / v).sum();
    let mean = known().map(|(d, v)| d / v).sum::<f64>() / weight;
    let q: f64 = known().map(|(d, v)| (d - mean) * (d - mean) / v).sum();
    #[expect(clippy::cast_precision_loss, reason = "a number of channels")]
    Some(chi2_sf(q, degrees as f64))
}

/// The siblings whose contacts rose over the days that the fix is judged by.
pub(super) fn displacement(
    contract: &Contract,
    course: &Course,
    facts: &Facts<'_>,
    series: &Series<'_>,
    windows: &Windows,
    rule: BaselineRule,
) -> Vec<Displaced> {
    let days = [windows.quiet, windows.alarm];
    // The bad spell may have been bad for siblings too: quiet days are what is usual.
    let baseline: &[Window] = if rule == BaselineRule::Acute {
        &days[..1]
    } else {
        &days
    };
    let mut rose = Vec::new();
    let mut p = Vec::new();
    for (name, rows) in facts.siblings {
        let sibling = Series::between(
            rows,
            facts.control,
            &contract.channels,
            &course.closed_days,
            &course.gaps,
            Window {
                from: windows.earliest(),
                to: windows.after.to.max(course.effective_day),
            },
        );
        let against =
            facts.control_topics >= 3 && series.channels().len() >= sibling.channels().len();
        let mut panel = sibling.panel(Metric::Volume, against);
        let spans: Vec<Span> = baseline.iter().map(|w| sibling.span(*w)).collect();
        let after = sibling.span(windows.after);
        let (before, since) = (panel.window(&spans), panel.window(&[after]));
        let days_b: f64 = spans.iter().map(Span::days).sum();
        panel.choose_strata(&before, days_b);
        let quiet = sibling.span(windows.quiet);
        let usual = Usual::of(&panel, quiet, sibling.closed(), None);
        let noise = noise(&panel, sibling.known_from(quiet.to), quiet.to, usual).factor;
        let found = panel.contrast(&before, &since, noise).map(|(c, _)| c);
        let Some((c, z)) = found.and_then(|c| c.z().map(|z| (c, z))) else {
            continue;
        };
        let per_day = |sums: &[Sums], days: f64| if days > 0.0 { count(sums) / days } else { 0.0 };
        p.push(normal_sf(z));
        rose.push(Displaced {
            key: String::new(),
            topic: name.clone(),
            before: per_day(&before, days_b),
            after: per_day(&since, after.days()),
            effect: interval(Metric::Volume, &c, Z95),
            p_value: 1.0,
        });
    }
    for (found, adjusted) in rose.iter_mut().zip(benjamini_hochberg(&p)) {
        found.p_value = adjusted;
    }
    rose.retain(|found| found.p_value < ROSE && found.effect.value > 0.0);
    rose.sort_by(|a, b| a.p_value.total_cmp(&b.p_value));
    rose
}
