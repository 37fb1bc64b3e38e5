//! A2: contacts rise. A negative-binomial CUSUM and a look at the day itself, against the topic's
//! own level, the type of the day and what the rest of the channel does.

use super::fall::{After, Open};
use super::params::SpikeParams;
use super::series::{Context, FIRST_DAYS, FULL_DAYS, Point, Series, Watched, baseline};
use super::short::Earlier;
use super::{Detector, Signal, SubjectKind};
use crate::statistics::cusum::{CountShift, count_below, count_tail, crosses, step, threshold};

/// The moving baseline of a series.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// Contacts and distinct customers of every channel.
    lanes: Vec<[f64; 2]>,
    contacts: f64,
    customers: f64,
    exposure: f64,
    window: (usize, usize),
    /// Expected distinct customers over expected contacts, and the level itself.
    people: f64,
    level: f64,
}

impl Levels {
    /// Begins a series of `lanes` channels.
    pub(super) fn restart(&mut self, lanes: usize) {
        self.lanes.clear();
        self.lanes.resize(lanes, [0.0; 2]);
        self.contacts = 0.0;
        self.customers = 0.0;
        self.exposure = 0.0;
        self.window = (0, 0);
    }

    fn change(&mut self, context: &Context, series: &Series, e: usize, sign: f64) {
        self.exposure += sign * context.factor(e);
        for (lane, sum) in series.lanes.iter().zip(&mut self.lanes) {
            let p = lane.at(e);
            sum[0] += sign * f64::from(p.contacts);
            sum[1] += sign * f64::from(p.customers);
            self.contacts += sign * f64::from(p.contacts);
            self.customers += sign * f64::from(p.customers);
        }
    }

    /// Moves the baseline to day `d` and says how many contacts are expected on it. `others`: with
    /// what the rest of the channels does that day.
    pub(super) fn advance(
        &mut self,
        context: &Context,
        series: &Series,
        first: usize,
        d: usize,
        others: bool,
        skip: impl Fn(usize) -> bool,
    ) -> Option<f64> {
        if d <= first {
            return None;
        }
        let next = baseline(d, first);
        if next.0 < self.window.0 || next.1 < self.window.1 {
            self.restart(series.lanes.len());
            self.window = (next.0, next.0);
        }
        for e in self.window.1.max(next.0)..next.1 {
            if !context.left_out(e) && !skip(e) {
                self.change(context, series, e, 1.0);
            }
        }
        for e in self.window.0..next.0.min(self.window.1) {
            if !context.left_out(e) && !skip(e) {
                self.change(context, series, e, -1.0);
            }
        }
        self.window = next;
        self.level = (self.contacts + 2.0) / (self.exposure + 2.0 / context.mean(d));
        self.people = if self.contacts > 0.0 {
            self.customers / self.contacts
        } else {
            1.0
        };
        Some(self.expect(context, series, d, self.level, others))
    }

    /// Expected distinct customers over expected contacts, at the last day it was moved to.
    pub(super) fn people(&self) -> f64 {
        self.people
    }

    fn expect(
        &self,
        context: &Context,
        series: &Series,
        d: usize,
        level: f64,
        others: bool,
    ) -> f64 {
        let usual = level * context.factor(d);
        let mut moved = 1.0;
        if others && self.contacts > 0.0 {
            moved = 0.0;
            for (lane, [contacts, customers]) in series.lanes.iter().zip(&self.lanes) {
                let share = contacts / self.contacts;
                if share > 0.0 {
                    let own = f64::from(lane.at(d).customers);
                    let expected = usual * customers / self.contacts;
                    moved += share * context.moved(lane.channel, d, own, expected);
                }
            }
        }
        (usual * moved).max(0.05)
    }
}

/// A running sum with what h is computed from.
#[derive(Clone, Copy)]
struct Running {
    s: f64,
    course: [(f64, f64); 7],
    seen: usize,
}

impl Running {
    const fn new() -> Self {
        Self {
            s: 0.0,
            course: [(0.0, 0.0); 7],
            seen: 0,
        }
    }

    /// Mean and variance of an increment, from the last 7 days.
    fn course(&self) -> Option<(f64, f64)> {
        let n = self.seen.min(self.course.len());
        let (mut mean, mut variance, mut weight) = (0.0, 0.0, 0.0);
        for (m, v) in &self.course[..n] {
            mean += m;
            variance += v;
            weight += 1.0;
        }
        (n > 0).then(|| (mean / weight, variance / weight))
    }

    /// The line at which false alarms are `days` apart, if the sum is at or above it.
    fn crossed(&self, days: f64) -> Option<f64> {
        if self.s < 0.5 {
            return None;
        }
        let (mean, variance) = self.course()?;
        crosses(self.s, mean, variance, days).then(|| threshold(mean, variance, days))
    }

    fn remember(&mut self, day: (f64, f64)) {
        self.course[self.seen % self.course.len()] = day;
        self.seen += 1;
    }
}

/// What has gathered since the last time the sum was 0.
#[derive(Clone, Copy, Default)]
struct Gathered {
    from: usize,
    expected: f64,
    contacts: i64,
    customers: i64,
    anonymous: i64,
}

/// The signals of the days `from..=to`; days before are replayed.
pub(super) fn scan(
    detector: &Detector,
    params: &SpikeParams,
    context: &Context,
    watched: Watched<'_>,
    after: Option<After>,
    (from, to): (usize, usize),
) -> Vec<Signal> {
    let mut found = Vec::new();
    let series = watched.series;
    let Some(first) = series.first() else {
        return found;
    };
    if params.weekday_weeks > 0 {
        return by_weekday(detector, params, context, watched, (from, to));
    }
    let open = Open::of(context, watched);
    // A channel as a whole has no rest of the channel, and its falls are worth knowing.
    let channel = watched.subject.kind == SubjectKind::Channel;
    let others = params.with_channel && !channel;
    let alike = series
        .lanes
        .iter()
        .all(|l| l.points.iter().all(|p| p.customers == p.contacts));
    let ln_factor = params.factor.ln();
    let (down, ln_down) = (params.factor.recip(), -ln_factor);
    let mut levels = Levels::default();
    levels.restart(series.lanes.len());
    let (mut rise, mut people, mut fall) = (Running::new(), Running::new(), Running::new());
    let (mut up, mut crowd, mut sunk) = <(Gathered, Gathered, Gathered)>::default();
    let (mut quiet, mut quiet_down) = (0, 0);
    let quiet_days = usize::from(params.quiet_days);
    for d in after.map_or(first, |a| a.from.max(first))..=to {
        let Some(mut mu) = levels.advance(context, series, first, d, others, |e| open.on(e)) else {
            continue;
        };
        if let Some(a) = after {
            mu = levels.expect(context, series, d, a.level, others);
        }
        if open.on(d) {
            (rise.s, people.s, fall.s) = (0.0, 0.0, 0.0);
            continue;
        }
        if context.left_out(d) {
            continue;
        }
        let day = series.day(d);
        let y = f64::from(day.contacts);
        let full = after.is_some() || d >= first + FULL_DAYS;
        // A3: while history is short the day itself is judged by a plainer rule.
        if !full {
            if d >= quiet
                && let Some(signal) = short(detector, params, context, watched, &open, first, d)
            {
                if d >= from {
                    found.push(signal);
                }
                quiet = d + quiet_days + 1;
                (rise.s, people.s) = (0.0, 0.0);
            }
            // What trickled in before the source began in earnest is no history.
            let known = context
                .source_start(d)
                .is_some_and(|s| s.max(first) + FIRST_DAYS <= d);
            if !known {
                continue;
            }
        }
        let a = context.dispersion(d);
        let shift = CountShift::new(mu, params.factor, ln_factor, a);
        if rise.s <= 0.0 {
            up = Gathered {
                from: d,
                ..Gathered::default()
            };
        }
        if people.s <= 0.0 {
            crowd = Gathered {
                from: d,
                ..Gathered::default()
            };
        }
        gather(&mut up, day, mu);
        gather(&mut crowd, day, mu);
        rise.s = step(rise.s, shift.increment(y));
        let mu_people = mu * levels.people;
        if alike {
            people.s = rise.s;
        } else {
            let shift = CountShift::new(mu_people.max(0.05), params.factor, ln_factor, a);
            people.s = step(people.s, shift.increment(f64::from(day.customers)));
            people.remember(shift.day());
        }
        if d >= quiet {
            let per_year = if full { 1.0 } else { 0.5 };
            let days = 365.0 / (params.alarms_per_year * per_year);
            let mut alarm = None;
            if let Some(line) = rise.crossed(days)
                && let Some(of_people) = if alike {
                    Some(line)
                } else {
                    people.crossed(days)
                }
            {
                // Before customers rose as well it was one who wrote again and again: such days are
                // no part of what is said.
                let (since, line) = if crowd.from > up.from {
                    (crowd, (people.s, Some(of_people)))
                } else {
                    (up, (rise.s, Some(line)))
                };
                alarm = Some(added_up(detector, context, watched, d, since, line));
            }
            // What one day says by itself is said as that of one day.
            if full && (alarm.is_none() || up.from.max(crowd.from) == d) {
                alarm =
                    one_day(detector, params, context, watched, d, (mu, mu_people, a)).or(alarm);
            }
            if let Some(signal) = alarm.filter(|_| enough(params, series, d)) {
                if d >= from {
                    found.push(signal);
                }
                quiet = d + quiet_days + 1;
                (rise.s, people.s) = (0.0, 0.0);
            }
        }
        if d + 1 < quiet {
            (rise.s, people.s) = (0.0, 0.0);
        }
        rise.remember(shift.day());
        if channel && full {
            let shift = CountShift::new(mu, down, ln_down, a);
            if fall.s <= 0.0 {
                sunk = Gathered {
                    from: d,
                    ..Gathered::default()
                };
            }
            gather(&mut sunk, day, mu);
            fall.s = step(fall.s, shift.increment(y));
            let line = fall.crossed(365.0 / params.alarms_per_year);
            let gone = mu - y >= 3.0 && count_below(y, mu, a) < params.day_alarms_per_year / 365.0;
            if d >= quiet_down && (line.is_some() || gone) {
                if d >= from {
                    let mut signal = added_up(detector, context, watched, d, sunk, (fall.s, line));
                    signal.information = true;
                    found.push(signal);
                }
                quiet_down = d + quiet_days + 1;
                fall.s = 0.0;
            }
            if d + 1 < quiet_down {
                fall.s = 0.0;
            }
            fall.remember(shift.day());
        }
    }
    found
}

fn gather(sum: &mut Gathered, day: Point, mu: f64) {
    sum.expected += mu;
    sum.contacts += i64::from(day.contacts);
    sum.customers += i64::from(day.customers);
    sum.anonymous += i64::from(day.anonymous);
}

/// A4: some contacts at all in the last week.
fn enough(params: &SpikeParams, series: &Series, d: usize) -> bool {
    let mut week = 0_i64;
    for e in (d + 1).saturating_sub(7)..=d {
        week += i64::from(series.day(e).contacts);
        if week >= params.min_week {
            return true;
        }
    }
    week >= params.min_week
}

fn added_up(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    d: usize,
    since: Gathered,
    (s, line): (f64, Option<f64>),
) -> Signal {
    Signal {
        anonymous: Some(since.anonymous),
        limit: rounded(since.expected),
        baseline: Some(since.expected),
        statistic: Some(s),
        threshold: line,
        change_day: Some(context.date(since.from)),
        ..Signal::counted(
            detector,
            watched.subject.clone(),
            context.date(d),
            since.contacts,
            Some(since.customers),
        )
    }
}

/// The look at the day alone.
fn one_day(
    detector: &Detector,
    params: &SpikeParams,
    context: &Context,
    watched: Watched<'_>,
    d: usize,
    (mu, mu_people, a): (f64, f64, f64),
) -> Option<Signal> {
    let day = watched.series.day(d);
    let y = f64::from(day.contacts);
    // Two standard deviations are never so rare: most days need no tail.
    if y - mu < as_f64(params.min_excess) || y < mu + 2.0 * (mu + a * mu * mu).sqrt() {
        return None;
    }
    let rare = params.day_alarms_per_year / 365.0;
    if count_tail(y, mu, a) >= rare {
        return None;
    }
    // Distinct customers cross the same line: on one ordinary day in many one person who writes again
    // and again must ring no more than nobody.
    let people = f64::from(day.customers);
    if people - mu_people < as_f64(params.min_excess) || count_tail(people, mu_people, a) >= rare {
        return None;
    }
    let (mut accepted, mut too_many) = (0, day.contacts);
    while accepted + 1 < too_many {
        let middle = accepted.midpoint(too_many);
        let m = f64::from(middle);
        if m - mu >= as_f64(params.min_excess) && count_tail(m, mu, a) < rare {
            too_many = middle;
        } else {
            accepted = middle;
        }
    }
    Some(day_signal(
        detector,
        context,
        watched,
        d,
        (mu, accepted.into(), count_tail(y, mu, a), rare),
    ))
}

fn day_signal(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    d: usize,
    (expected, limit, chance, rare): (f64, i64, f64, f64),
) -> Signal {
    let day = watched.series.day(d);
    Signal {
        anonymous: Some(day.anonymous.into()),
        limit,
        baseline: Some(expected),
        statistic: Some(chance),
        threshold: Some(rare),
        ..Signal::counted(
            detector,
            watched.subject.clone(),
            context.date(d),
            day.contacts.into(),
            Some(day.customers.into()),
        )
    }
}

/// The plain rule of a short history, from the source's first day, or the topic's own in a source
/// that is known for long.
fn short(
    detector: &Detector,
    params: &SpikeParams,
    context: &Context,
    watched: Watched<'_>,
    open: &Open,
    first: usize,
    d: usize,
) -> Option<Signal> {
    let day = watched.series.day(d);
    if i64::from(day.contacts) < params.short_min_count {
        return None;
    }
    let source = context.source_start(d)?;
    let start = if d < source + FULL_DAYS {
        source
    } else {
        first
    };
    if d < start + usize::from(params.min_history_days) {
        return None;
    }
    let mut earlier = Earlier::default();
    for e in start..d {
        if !context.left_out(e) && !open.on(e) {
            earlier.add(watched.series.day(e));
        }
    }
    if earlier.days < f64::from(params.min_history_days.min(3)) {
        return None;
    }
    let above = earlier.judge(day, params)?;
    let line = (
        above.expected,
        above.limit,
        above.chance,
        params.short_probability,
    );
    Some(day_signal(detector, context, watched, d, line))
}

/// Every day against the same weekday of the weeks before.
fn by_weekday(
    detector: &Detector,
    params: &SpikeParams,
    context: &Context,
    watched: Watched<'_>,
    (from, to): (usize, usize),
) -> Vec<Signal> {
    let mut found = Vec::new();
    let open = Open::of(context, watched);
    let weeks = usize::from(params.weekday_weeks);
    let mut quiet = 0;
    for d in 7 * weeks..=to {
        let known = context.source_start(d).is_some_and(|s| s + 7 * weeks <= d);
        if d < quiet || !known || context.left_out(d) || open.on(d) {
            continue;
        }
        let mut earlier = Earlier::default();
        for e in (1..=weeks).map(|w| d - 7 * w) {
            if !context.left_out(e) && !open.on(e) {
                earlier.add(watched.series.day(e));
            }
        }
        if earlier.days < 2.0 {
            continue;
        }
        if let Some(above) = earlier.judge(watched.series.day(d), params) {
            if d >= from {
                let line = (
                    above.expected,
                    above.limit,
                    above.chance,
                    params.short_probability,
                );
                found.push(day_signal(detector, context, watched, d, line));
            }
            quiet = d + usize::from(params.quiet_days) + 1;
        }
    }
    found
}

#[expect(clippy::cast_precision_loss, reason = "small limits")]
pub(super) fn as_f64(n: i64) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, reason = "counts of contacts")]
pub(super) fn rounded(value: f64) -> i64 {
    value.round() as i64
}
