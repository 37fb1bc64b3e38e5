//! A5: everybody moves together. While a channel's own alarm is on, a topic's alarm opens an issue
//! of its own only if the topic moved otherwise than the rest of the channel.

use super::daily::backtest;
use super::series::{Context, QUIET_DAYS, Series, Span, Watched, baseline};
use super::volume::as_f64;
use super::{Detector, Params, Signal, Subject};
use chrono::NaiveDate;

/// How far a topic must be off the rest of its channel, in standard errors, to be a case of its own.
const OWN: f64 = 2.0;
/// Days that are compared with the baseline.
const RECENT: usize = 7;

/// Days on which a channel's alarm is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelAlarm {
    /// Which channel, as in [`Context::channels`].
    pub channel: usize,
    /// Its subject.
    pub subject: Subject,
    /// The day on which it rang.
    pub from: usize,
    /// The last day on which it is on.
    pub to: usize,
}

/// The alarms that the channels' totals ring by `detector` (of kind `csat_fall` or `spike`), and
/// the signals themselves. Each is on for 14 days, or as long as an issue of the channel is open
/// (`open`, by channel). With a single topic in a channel both are the same: give no such channels.
#[must_use]
pub fn channel_alarms(
    detector: &Detector,
    context: &Context,
    open: &[Vec<Span>],
) -> (Vec<ChannelAlarm>, Vec<Signal>) {
    let (mut alarms, mut signals) = (Vec::new(), Vec::new());
    let Some(last) = context.len().checked_sub(1) else {
        return (alarms, signals);
    };
    for channel in 0..context.channels.len() {
        let Some((subject, series)) = context.channel(channel) else {
            continue;
        };
        let open = open.get(channel).map_or(&[][..], Vec::as_slice);
        let watched = Watched {
            subject: &subject,
            series: &series,
            open,
        };
        for &(from, to) in open {
            if let Some((from, to)) = context.range(from, to) {
                let subject = subject.clone();
                alarms.push(ChannelAlarm {
                    channel,
                    subject,
                    from,
                    to,
                });
            }
        }
        for signal in backtest(
            detector,
            context,
            watched,
            context.date(0),
            context.date(last),
        ) {
            if let (false, Some(from)) = (signal.information, context.index(signal.window)) {
                let subject = subject.clone();
                let to = from + QUIET_DAYS;
                alarms.push(ChannelAlarm {
                    channel,
                    subject,
                    from,
                    to,
                });
            }
            signals.push(signal);
        }
    }
    (alarms, signals)
}

/// The topic's signals, each with the channel's alarm named that it is part of, if it is.
#[must_use]
pub fn attach(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    alarms: &[ChannelAlarm],
    signals: Vec<Signal>,
) -> Vec<Signal> {
    let noise = match &detector.params {
        Params::CsatFall(p) => Some(p.noise),
        _ => None,
    };
    signals
        .into_iter()
        .map(|mut signal| {
            let Some(d) = context.index(signal.window) else {
                return signal;
            };
            let on: Vec<&ChannelAlarm> = alarms
                .iter()
                .filter(|a| {
                    (a.from..=a.to).contains(&d)
                        && watched.series.lanes.iter().any(|l| l.channel == a.channel)
                })
                .collect();
            if on.is_empty() || rings_without(detector, context, watched, &on, signal.window) {
                return signal;
            }
            // A spike is compared over its own days: seven would hide one.
            let span = signal.change_day.and_then(|day| context.index(day));
            let days = (d + 1 - span.unwrap_or(d).min(d)).min(RECENT);
            let alike = |a: &&&ChannelAlarm| {
                let z = match noise {
                    Some(noise) => {
                        fall_against(context, watched.series, a.channel, d, noise).map(|z| -z)
                    }
                    None => rise_against(context, watched.series, a.channel, (d, days)),
                };
                z.is_none_or(|z| z < OWN)
            };
            if let Some(alarm) = on.iter().find(alike) {
                signal.part_of = Some(alarm.subject.clone());
            }
            signal
        })
        .collect()
}

/// Whether the topic rings that day by what it hears elsewhere alone: then no channel's alarm explains it.
fn rings_without(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    alarms: &[&ChannelAlarm],
    day: NaiveDate,
) -> bool {
    let mut elsewhere = watched.series.clone();
    elsewhere
        .lanes
        .retain(|l| alarms.iter().all(|a| a.channel != l.channel));
    let elsewhere = Watched {
        series: &elsewhere,
        ..watched
    };
    !elsewhere.series.lanes.is_empty()
        && !backtest(detector, context, elsewhere, day, day).is_empty()
}

/// One side of a comparison by day type: ratings, satisfied, and distinct customers.
#[derive(Clone, Copy, Default)]
struct Side {
    n: [f64; 2],
    s: [f64; 2],
    y: [f64; 2],
}

/// Sums of the topic and of the rest of the channel over `[from, to)`.
fn sides(
    context: &Context,
    series: &Series,
    channel: usize,
    (from, to): (usize, usize),
) -> (Side, Side) {
    let (mut own, mut rest) = (Side::default(), Side::default());
    for e in from..to {
        if context.left_out(e) {
            continue;
        }
        let t = context.kind(e);
        let all = context.total(channel, e);
        let (mut y, mut n, mut s) = (0.0, 0.0, 0.0);
        for lane in series.lanes.iter().filter(|l| l.channel == channel) {
            let p = lane.at(e);
            y += f64::from(p.customers);
            n += f64::from(p.rated);
            s += f64::from(p.satisfied);
        }
        own.y[t] += y;
        own.n[t] += n;
        own.s[t] += s;
        rest.y[t] += (f64::from(all.customers) - y).max(0.0);
        rest.n[t] += (f64::from(all.rated) - n).max(0.0);
        rest.s[t] += (f64::from(all.satisfied) - s).max(0.0);
    }
    (own, rest)
}

/// C5: the topic's satisfaction of the last 7 days against its baseline, minus what the rest of the
/// channel did in the same strata, in standard errors. `None` where nothing can be compared.
#[must_use]
pub fn fall_against(
    context: &Context,
    series: &Series,
    channel: usize,
    d: usize,
    noise: f64,
) -> Option<f64> {
    let first = series.first()?;
    let (before, control_before) = sides(context, series, channel, baseline(d, first));
    let recent = ((d + 1).saturating_sub(RECENT), d + 1);
    let (after, control_after) = sides(context, series, channel, recent);
    let (mut weight, mut topic, mut control, mut p, mut q) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let (mut v_topic, mut v_control) = (0.0, 0.0);
    for t in 0..2 {
        let (nb, na) = (before.n[t], after.n[t]);
        let (cb, ca) = (control_before.n[t], control_after.n[t]);
        if nb * na * cb * ca <= 0.0 {
            continue;
        }
        let w = nb * na / (nb + na);
        let pooled = (before.s[t] + after.s[t]) / (nb + na);
        let pooled_control = (control_before.s[t] + control_after.s[t]) / (cb + ca);
        weight += w;
        topic += w * (after.s[t] / na - before.s[t] / nb);
        control += w * (control_after.s[t] / ca - control_before.s[t] / cb);
        p += w * pooled;
        q += w * pooled_control;
        v_topic += w * pooled * (1.0 - pooled) * (nb + na) / (nb + na - 1.0).max(1.0);
        v_control += w * w * pooled_control * (1.0 - pooled_control) * (1.0 / ca + 1.0 / cb);
    }
    if weight <= 0.0 {
        return None;
    }
    let (p, q) = (p / weight, q / weight);
    let ratio = (p * (1.0 - p) / (q * (1.0 - q)).max(1e-9)).sqrt();
    let kappa = ratio.clamp(0.71, 1.41);
    let variance = (noise * v_topic + kappa * kappa * v_control) / (weight * weight);
    (variance > 0.0).then(|| (topic - kappa * control) / weight / variance.sqrt())
}

/// The topic's distinct customers of the `days` that end on day `d` against what the rest of the
/// channel lets expect, as ln ratio in standard errors: one who writes again and again moves neither.
/// `None` where nothing can be compared.
#[must_use]
pub fn rise_against(
    context: &Context,
    series: &Series,
    channel: usize,
    (d, days): (usize, usize),
) -> Option<f64> {
    let first = series.first()?;
    let (before, control_before) = sides(context, series, channel, baseline(d, first));
    let recent = ((d + 1).saturating_sub(days.max(1)), d + 1);
    let (after, control_after) = sides(context, series, channel, recent);
    let (mut seen, mut expected, mut own, mut rest) = (0.0, 0.0, 0.0, 0.0);
    for t in 0..2 {
        if before.y[t] * control_before.y[t] > 0.0 && after.y[t] + control_after.y[t] > 0.0 {
            // Half a customer where the rest of the channel is silent: the topic speaks for itself then.
            let others = control_after.y[t].max(0.5);
            seen += after.y[t];
            expected += before.y[t] * others / control_before.y[t];
            own += before.y[t];
            rest += others;
        }
    }
    if seen <= 0.0 || expected <= 0.0 {
        return None;
    }
    // Days vary by more than chance, several of them by their part of it; a topic and its channel both.
    let share = 1.0 / as_f64(i64::try_from(days.max(1)).unwrap_or(i64::MAX)) + 1.0 / 56.0;
    let variance = 1.0 / seen + 1.0 / own + 1.0 / rest + context.dispersion(d) * share;
    Some((seen / expected).ln() / variance.sqrt())
}
