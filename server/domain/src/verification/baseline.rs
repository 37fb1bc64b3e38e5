//! Which days are compared, and how noisy they are.
//!
//! A topic is looked at because something bad was seen, so the days that made the alarm ring are
//! worse than usual by selection alone. They form the *guard* and are never used. What remains:
//!
//! ```text
//!   … noise history (112 days) …
//!            ├── quiet: 56 days ──┤── guard: 14 days, alarm included ──┤── alarm days ──┤ fix ├── after ──→
//! ```
//!
//! *Alarm days* (after the alarm, before the fix) are fair whatever made it ring, but few; *quiet*
//! days are many, but from before the trouble. They are pooled unless they differ
//! (test-then-pool): then the trouble was real, only the alarm days are "before", and an
//! improvement must beat the quiet days too to be more than a return to normal.

use super::{Contract, Course, DayRow, Metric};
use crate::statistics::stratified::{Contrast, Rate, Share, rate_ratio, share_difference};
use chrono::{Datelike, Days, NaiveDate, Weekday};
use std::collections::BTreeMap;

/// Days of noise history before the guard.
pub const HISTORY_DAYS: u64 = 112;
/// Length of a block of noise history. Long on purpose: weeks miss slow noise.
pub const BLOCK_DAYS: u64 = 28;
/// Noise factor where neither this topic's history nor other topics tell one.
pub const DEFAULT_NOISE: f64 = 1.2;
/// The same for contact volumes, which are far from independent.
pub const DEFAULT_VOLUME_NOISE: f64 = 4.0;
/// Degrees of freedom that the usual noise of the organisation's topics counts for.
const KNOWN_WEIGHT: f64 = 20.0;
/// The same where no other topics tell it: a default, or days that know nothing of slow noise.
const DEFAULT_WEIGHT: f64 = 6.0;
/// Share of after-answers without a counterpart before, above which strata are merged.
const MOST_DROPPED: f64 = 0.2;

/// Days from `from` to `to`, both included; empty when `to` is before `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

impl Window {
    /// The `days` days that end on `to`.
    #[must_use]
    pub fn ending(to: NaiveDate, days: u64) -> Self {
        Self {
            from: minus(to, days.saturating_sub(1)),
            to: if days == 0 { minus(to, 1) } else { to },
        }
    }

    /// Whether `day` lies in it.
    #[must_use]
    pub fn contains(&self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.to
    }

    /// Number of days.
    #[must_use]
    pub fn days(&self) -> i64 {
        (self.to - self.from).num_days().saturating_add(1).max(0)
    }

    fn not_before(self, day: NaiveDate) -> Self {
        Self {
            from: self.from.max(day),
            to: self.to,
        }
    }
}

/// `day` − `days`.
#[must_use]
pub fn minus(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days))
        .unwrap_or(NaiveDate::MIN)
}

/// `day` + `days`.
#[must_use]
pub fn plus(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days))
        .unwrap_or(NaiveDate::MAX)
}

/// The windows of one verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Quiet days before the guard, or before the fix where there is no guard.
    pub quiet: Window,
    /// Days after the alarm and before the fix.
    pub alarm: Window,
    /// Full days since the fix that are old enough, at most the horizon.
    pub after: Window,
    /// Last day of the horizon.
    pub horizon: NaiveDate,
    /// No alarm came before the fix: there is no guard.
    pub before_fix: bool,
}

impl Windows {
    /// The windows of `contract` in this `course`.
    #[must_use]
    pub fn of(contract: &Contract, course: &Course) -> Self {
        let fix = course.effective_day;
        let last = minus(fix, 1);
        let none = Window {
            from: fix,
            to: last,
        };
        let long = u64::from(contract.baseline_days);
        let (mut quiet, mut alarm, before_fix) =
            match contract.alarm_day.filter(|alarm| *alarm <= fix) {
                Some(rang) => {
                    let guard = minus(rang, u64::from(contract.guard_days).saturating_sub(1));
                    let guard = contract
                        .change_day
                        .map_or(guard, |change| guard.min(change));
                    (
                        Window::ending(minus(guard, 1), long),
                        Window {
                            from: plus(rang, 1),
                            to: last,
                        },
                        false,
                    )
                }
                None => (Window::ending(last, long), none, true),
            };
        // Another fix of the same topic before this one: only what came after it is this topic's level.
        if let Some(cut) = course
            .other_fixes
            .iter()
            .map(|o| o.day)
            .filter(|day| *day < fix)
            .max()
        {
            quiet = quiet.not_before(plus(cut, 1));
            alarm = alarm.not_before(plus(cut, 1));
        }
        let horizon = plus(fix, u64::from(contract.horizon_days));
        let mature = minus(course.today, 1 + u64::from(course.maturity_days));
        let after = Window {
            from: plus(fix, 1),
            to: horizon.min(mature),
        };
        Self {
            quiet,
            alarm,
            after,
            horizon,
            before_fix,
        }
    }
}

/// How answers are grouped before they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strata {
    /// Channel × weekday/weekend.
    ChannelDayType,
    /// Channel.
    Channel,
    /// Weekday/weekend.
    DayType,
    /// All together.
    None,
}

impl Strata {
    /// The name in results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChannelDayType => "channel_day_type",
            Self::Channel => "channel",
            Self::DayType => "day_type",
            Self::None => "none",
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    contacts: f64,
    rated: f64,
    satisfied: f64,
}

/// The daily counts of one topic, ready to be summed over windows.
#[derive(Clone, Debug)]
pub struct Series {
    channels: Vec<String>,
    days: BTreeMap<NaiveDate, Vec<Cell>>,
}

fn weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
const fn float(count: i64) -> f64 {
    count as f64
}

impl Series {
    /// The rows of the contract's channels (`channels` empty = all), summed by day and channel.
    #[must_use]
    pub fn new(rows: &[DayRow], channels: &[String]) -> Self {
        let wanted = |row: &&DayRow| channels.is_empty() || channels.contains(&row.channel);
        let mut names: Vec<String> = rows
            .iter()
            .filter(wanted)
            .map(|row| row.channel.clone())
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut days: BTreeMap<NaiveDate, Vec<Cell>> = BTreeMap::new();
        for row in rows.iter().filter(wanted) {
            let Ok(channel) = names.binary_search(&row.channel) else {
                continue;
            };
            let cells = days
                .entry(row.day)
                .or_insert_with(|| vec![Cell::default(); names.len()]);
            if let Some(cell) = cells.get_mut(channel) {
                cell.contacts += float(row.counters.contacts.max(0));
                cell.rated += float(row.counters.rated.max(0));
                cell.satisfied += float(row.counters.satisfied.max(0));
            }
        }
        Self {
            channels: names,
            days,
        }
    }

    /// The first day with any row: nothing is known of the days before it.
    #[must_use]
    pub fn first_day(&self) -> Option<NaiveDate> {
        self.days.keys().next().copied()
    }

    fn cells<'a>(
        &'a self,
        windows: &'a [Window],
    ) -> impl Iterator<Item = (NaiveDate, usize, Cell)> + 'a {
        windows
            .iter()
            .filter(|w| w.from <= w.to)
            .flat_map(move |w| {
                self.days.range(w.from..=w.to).flat_map(|(day, cells)| {
                    cells
                        .iter()
                        .enumerate()
                        .map(move |(channel, cell)| (*day, channel, *cell))
                })
            })
    }

    /// Ratings by stratum.
    #[must_use]
    pub fn shares(&self, windows: &[Window], strata: Strata) -> Vec<Share> {
        let (wide, types) = match strata {
            Strata::ChannelDayType => (self.channels.len(), 2),
            Strata::Channel => (self.channels.len(), 1),
            Strata::DayType => (1, 2),
            Strata::None => (1, 1),
        };
        let mut out = vec![Share::default(); wide * types];
        for (day, channel, cell) in self.cells(windows) {
            let channel = if wide > 1 { channel } else { 0 };
            let kind = if types > 1 {
                usize::from(weekend(day))
            } else {
                0
            };
            if let Some(share) = out.get_mut(channel * types + kind) {
                share.n += cell.rated;
                share.s += cell.satisfied;
            }
        }
        out
    }

    /// Contacts and days by day type. Days before the first row do not count as days without contacts.
    #[must_use]
    pub fn rates(&self, windows: &[Window]) -> Vec<Rate> {
        let mut out = vec![Rate::default(); 2];
        let Some(first) = self.first_day() else {
            return out;
        };
        for window in windows {
            for day in window
                .not_before(first)
                .from
                .iter_days()
                .take_while(|day| *day <= window.to)
            {
                out[usize::from(weekend(day))].t += 1.0;
            }
        }
        for (day, _, cell) in self.cells(windows) {
            out[usize::from(weekend(day))].y += cell.contacts;
        }
        out
    }

    /// Ratings, satisfied, contacts and days of the windows.
    #[must_use]
    pub fn totals(&self, windows: &[Window]) -> Totals {
        let mut totals = Totals {
            days: self.rates(windows).iter().map(|r| r.t).sum(),
            ..Totals::default()
        };
        for (_, _, cell) in self.cells(windows) {
            totals.rated += cell.rated;
            totals.satisfied += cell.satisfied;
            totals.contacts += cell.contacts;
        }
        totals
    }

    /// Share of each channel in the ratings of the windows; empty without ratings.
    #[must_use]
    pub fn channel_mix(&self, windows: &[Window]) -> Vec<(&str, f64)> {
        let shares = self.shares(windows, Strata::Channel);
        let total: f64 = shares.iter().map(|s| s.n).sum();
        if total <= 0.0 {
            return Vec::new();
        }
        self.channels
            .iter()
            .zip(shares)
            .map(|(name, s)| (name.as_str(), s.n / total))
            .collect()
    }

    /// After minus before by the statistic of `metric`. CSAT uses channel × day type; if more than a
    /// fifth of the after-ratings have no counterpart there, day types are merged, then channels.
    #[must_use]
    pub fn contrast(
        &self,
        metric: Metric,
        before: &[Window],
        after: &[Window],
        phi: f64,
    ) -> Option<(Contrast, Strata)> {
        if metric == Metric::Volume {
            return rate_ratio(&self.rates(before), &self.rates(after), phi)
                .map(|c| (c, Strata::DayType));
        }
        let by = |strata| {
            share_difference(
                &self.shares(before, strata),
                &self.shares(after, strata),
                phi,
            )
        };
        for strata in [Strata::ChannelDayType, Strata::Channel] {
            if let Some(contrast) = by(strata).filter(|c| c.dropped <= MOST_DROPPED) {
                return Some((contrast, strata));
            }
        }
        by(Strata::None).map(|c| (c, Strata::None))
    }
}

/// Sums over windows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Ratings.
    pub rated: f64,
    /// Satisfied among them.
    pub satisfied: f64,
    /// Contacts.
    pub contacts: f64,
    /// Days since the first row.
    pub days: f64,
}

impl Totals {
    /// What counts as answers of the metric.
    #[must_use]
    pub const fn answers(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => self.rated,
            Metric::Volume => self.contacts,
        }
    }
}

/// The noise factor φ and the number of blocks it was learnt from.
///
/// Of the 112 days up to `end`, each whole block of 28 days is compared with the other blocks; the
/// Pearson sum X of these deviations (J − 1 degrees of freedom) is shrunk towards the usual noise:
/// φ = max(1, (k φ₀ + X) / (k + J − 1)), k = 20 where other topics of the organisation tell φ₀ and 6
/// where it is a default. With fewer than two blocks φ = φ₀.
#[must_use]
pub fn noise_factor(
    series: &Series,
    metric: Metric,
    quiet: Window,
    usual: Option<f64>,
) -> (f64, u32) {
    let weight = if usual.is_some() {
        KNOWN_WEIGHT
    } else {
        DEFAULT_WEIGHT
    };
    let usual = match metric {
        Metric::Csat
        | Metric::MeanRating
        | Metric::Fcr
        | Metric::RepeatShare
        | Metric::NoResultShare
        | Metric::NegativeShare
        | Metric::Containment
        | Metric::Aht => usual.unwrap_or(DEFAULT_NOISE),
        Metric::Volume => usual
            .or_else(|| daily_dispersion(series, quiet))
            .unwrap_or(DEFAULT_VOLUME_NOISE),
    }
    .max(1.0);
    let Some(first) = series.first_day() else {
        return (usual, 0);
    };
    let history = Window::ending(quiet.to, HISTORY_DAYS).not_before(first);
    let count = u64::try_from(history.days()).unwrap_or(0) / BLOCK_DAYS;
    if count < 2 {
        return (usual, 0);
    }
    let block = |j: u64| Window::ending(minus(quiet.to, j * BLOCK_DAYS), BLOCK_DAYS);
    #[expect(clippy::cast_precision_loss, reason = "at most 4 blocks")]
    let j_all = count as f64;
    let mut x = 0.0;
    for j in 0..count {
        let rest: Vec<Window> = (0..count).filter(|i| *i != j).map(block).collect();
        if let Some((c, _)) = series.contrast(metric, &rest, &[block(j)], 1.0)
            && c.variance > 0.0
        {
            x += c.delta * c.delta / c.variance * (j_all - 1.0) / j_all;
        }
    }
    let phi = (weight * usual + x) / (weight + j_all - 1.0);
    (phi.max(1.0), u32::try_from(count).unwrap_or(0))
}

/// Pearson dispersion of the daily contacts within day types; `None` under two weeks.
fn daily_dispersion(series: &Series, window: Window) -> Option<f64> {
    let window = window.not_before(series.first_day()?);
    if window.days() < 14 {
        return None;
    }
    let rates = series.rates(&[window]);
    let mut x = 0.0;
    for day in window.from.iter_days().take_while(|day| *day <= window.to) {
        let rate = rates[usize::from(weekend(day))];
        let expected = rate.y / rate.t;
        if expected > 0.0 {
            let seen: f64 = series
                .days
                .get(&day)
                .map_or(0.0, |cells| cells.iter().map(|c| c.contacts).sum());
            x += (seen - expected).powi(2) / expected;
        }
    }
    let groups = rates.iter().filter(|r| r.t > 0.0).count();
    #[expect(clippy::cast_precision_loss, reason = "at most 2 groups")]
    let freedom = float(window.days()) - groups as f64;
    (freedom > 0.0).then(|| x / freedom)
}
