//! Dense daily series and what all topics together say of a day: its type, the usual difference
//! between channels, how much counts vary, and how the whole channel moved.
//!
//! Everything a day is judged by comes from days before it, so that judging it again later, or in
//! a back-test, gives the same answer.

use super::signal::{Subject, SubjectKind};
use crate::facts::Counters;
use crate::statistics::cusum::Dispersion;
use chrono::{Days, NaiveDate};

/// Days of a baseline (A1): eight whole weeks.
pub const BASELINE_DAYS: usize = 56;
/// Days between a baseline and the day that is judged (A1).
pub const GAP_DAYS: usize = 7;
/// Days of history before which a topic is new (A3): no running sum.
pub const FIRST_DAYS: usize = 7;
/// Days of history from which the ordinary baseline is used (A3).
pub const FULL_DAYS: usize = 28;
/// Days of silence after an alarm (A1).
pub const QUIET_DAYS: usize = 14;
/// Dispersion of counts until the organisation's own is known: days vary by 20 %.
const USUAL_DISPERSION: f64 = 0.04;
/// Topic-days that [`USUAL_DISPERSION`] is worth.
const DISPERSION_WEIGHT: f64 = 60.0;
/// Days from which dispersion is taken.
const DISPERSION_DAYS: usize = 112;
/// Customers that "nothing moved" is worth in the factor of a channel.
const STEADY: f64 = 20.0;

/// What one day of one topic in one channel counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Contacts.
    pub contacts: u32,
    /// Distinct customers among them.
    pub customers: u32,
    /// Contacts of nobody in particular: each stands for itself among the customers.
    pub anonymous: u32,
    /// Rated contacts.
    pub rated: u32,
    /// Satisfied among them.
    pub satisfied: u32,
}

impl Point {
    /// The point of a row of facts (of one class). Negative counts are nothing.
    #[must_use]
    pub fn new(facts: &Counters) -> Self {
        let count = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
        Self {
            contacts: count(facts.contacts),
            customers: count(facts.customers),
            anonymous: count(facts.anonymous),
            rated: count(facts.rated),
            satisfied: count(facts.satisfied),
        }
    }

    /// Adds another point.
    pub fn add(&mut self, other: Self) {
        self.contacts = self.contacts.saturating_add(other.contacts);
        self.customers = self.customers.saturating_add(other.customers);
        self.anonymous = self.anonymous.saturating_add(other.anonymous);
        self.rated = self.rated.saturating_add(other.rated);
        self.satisfied = self.satisfied.saturating_add(other.satisfied);
    }
}

/// One channel of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// Index of the channel in [`Context::channels`].
    pub channel: usize,
    /// One point a day, from the first day of the context on.
    pub points: Vec<Point>,
}

impl Lane {
    /// Day `d`; a day that it does not have is empty.
    #[must_use]
    pub fn at(&self, d: usize) -> Point {
        self.points.get(d).copied().unwrap_or_default()
    }
}

/// A topic's days, channel by channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// The channels it has; every lane is as long as the context.
    pub lanes: Vec<Lane>,
}

impl Series {
    /// All channels of day `d` together.
    #[must_use]
    pub fn day(&self, d: usize) -> Point {
        let mut sum = Point::default();
        for lane in &self.lanes {
            sum.add(lane.at(d));
        }
        sum
    }

    /// The first day with a contact or a rating.
    #[must_use]
    pub fn first(&self) -> Option<usize> {
        let seen = |p: &Point| p.contacts > 0 || p.rated > 0;
        self.lanes
            .iter()
            .filter_map(|l| l.points.iter().position(seen))
            .min()
    }
}

/// One day of the organisation's calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// A weekend or a holiday.
    pub off: bool,
    /// A planned event or a known gap: neither judged nor part of a baseline.
    pub left_out: bool,
}

/// Days on which an issue of the subject was open, both included.
pub type Span = (NaiveDate, NaiveDate);

/// What is watched: the subject, its days, and the days on which its issue was open.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// What it is.
    pub subject: &'a Subject,
    /// Its days.
    pub series: &'a Series,
    /// Days inside an open issue: silent, and part of no baseline.
    pub open: &'a [Span],
}

/// What one channel's totals say of one day.
#[derive(Clone, Copy, Debug, Default)]
struct ChannelDay {
    /// Odds of satisfaction of working days and of days off over those of all, from earlier weeks.
    odds: [f64; 2],
    /// Satisfaction of the channel in earlier weeks.
    level: f64,
    /// Distinct customers expected of all topics together, day by day and topic by topic.
    expected: f64,
}

/// What all topics of an organisation (or of a detector's scope) say of every day.
#[derive(Clone, Debug)]
pub struct Context {
    start: NaiveDate,
    days: Vec<Day>,
    /// Keys of the channels, for subjects.
    pub channels: Vec<String>,
    totals: Vec<Lane>,
    by_channel: Vec<Vec<ChannelDay>>,
    /// Expected customers of a day over those of an average day.
    factor: Vec<f64>,
    /// Mean contacts a day of a topic.
    mean: Vec<f64>,
    dispersion: Vec<f64>,
    first: usize,
}

impl Context {
    /// The context of `topics` (whose lanes are as long as `days`) from `start` on. A contact
    /// counts in one topic: give no sums over subtrees here, or they count twice.
    #[must_use]
    pub fn new(start: NaiveDate, days: Vec<Day>, channels: Vec<String>, topics: &[Series]) -> Self {
        let mut totals: Vec<Lane> = (0..channels.len())
            .map(|channel| Lane {
                channel,
                points: vec![Point::default(); days.len()],
            })
            .collect();
        for lane in topics.iter().flat_map(|t| &t.lanes) {
            let Some(total) = totals.get_mut(lane.channel) else {
                continue;
            };
            for (sum, point) in total.points.iter_mut().zip(&lane.points) {
                sum.add(*point);
            }
        }
        let first = Series {
            lanes: totals.clone(),
        }
        .first()
        .unwrap_or(days.len());
        let mut context = Self {
            start,
            by_channel: vec![vec![ChannelDay::default(); days.len()]; totals.len()],
            factor: vec![1.0; days.len()],
            mean: vec![1.0; days.len()],
            dispersion: vec![USUAL_DISPERSION; days.len()],
            days,
            channels,
            totals,
            first,
        };
        context.learn_levels(topics);
        context.learn_dispersion(topics);
        context
    }

    /// The first day of the source's history as it looks on day `d`: leading days with next to
    /// nothing (below 5 voices, or below a twentieth of the best day so far) belong to no history.
    /// A collection that begins in earnest on some day has its first day then, whatever trickled in
    /// before. `None`: no history yet.
    #[must_use]
    pub fn source_start(&self, d: usize) -> Option<usize> {
        let total = |e: usize| -> u32 { self.totals.iter().map(|l| l.at(e).contacts).sum() };
        let best = (self.first..d).map(total).max()?;
        let least = best.div_ceil(20).max(5);
        (self.first..d).find(|&e| total(e) >= least)
    }

    /// How many days it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.days.len()
    }

    /// Whether it has no day.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// The date of day `d`.
    #[must_use]
    pub fn date(&self, d: usize) -> NaiveDate {
        u64::try_from(d)
            .ok()
            .and_then(|d| self.start.checked_add_days(Days::new(d)))
            .unwrap_or(NaiveDate::MAX)
    }

    /// The number of the day `date`; `None` outside.
    #[must_use]
    pub fn index(&self, date: NaiveDate) -> Option<usize> {
        usize::try_from((date - self.start).num_days())
            .ok()
            .filter(|&d| d < self.days.len())
    }

    /// The first and last number of the days from `from` to `to` that it has.
    #[must_use]
    pub fn range(&self, from: NaiveDate, to: NaiveDate) -> Option<(usize, usize)> {
        let last = self.days.len().checked_sub(1)?;
        if to < self.start || from > to {
            return None;
        }
        let first = usize::try_from((from - self.start).num_days()).unwrap_or(0);
        let end = usize::try_from((to - self.start).num_days()).unwrap_or(0);
        (first <= last).then(|| (first, end.min(last)))
    }

    /// The sum of all topics in one channel, as something to watch itself (A5).
    #[must_use]
    pub fn channel(&self, channel: usize) -> Option<(Subject, Series)> {
        let key = self.channels.get(channel)?.clone();
        let lane = self.totals.get(channel)?.clone();
        let subject = Subject::new(SubjectKind::Channel, key);
        Some((subject, Series { lanes: vec![lane] }))
    }

    /// Type of day `d`: 1 for weekends and holidays.
    pub(super) fn kind(&self, d: usize) -> usize {
        usize::from(self.days[d].off)
    }

    pub(super) fn left_out(&self, d: usize) -> bool {
        self.days[d].left_out
    }

    /// Expected contacts of day `d` over those of an average day.
    pub(super) fn factor(&self, d: usize) -> f64 {
        self.factor[d]
    }

    /// Mean contacts a day of a topic, before day `d`.
    pub(super) fn mean(&self, d: usize) -> f64 {
        self.mean[d]
    }

    /// a of NB2 for counts of day `d`.
    pub(super) fn dispersion(&self, d: usize) -> f64 {
        self.dispersion[d]
    }

    /// Odds of satisfaction of `channel` around day `d`, of working days and of days off, over those
    /// of all channels and days.
    pub(super) fn odds(&self, channel: usize, d: usize) -> [f64; 2] {
        self.channel_day(channel, d).map_or([1.0; 2], |c| c.odds)
    }

    /// Satisfaction of a channel before day `d`.
    pub(super) fn level(&self, channel: usize, d: usize) -> f64 {
        self.channel_day(channel, d).map_or(0.8, |c| c.level)
    }

    fn channel_day(&self, channel: usize, d: usize) -> Option<&ChannelDay> {
        self.by_channel.get(channel)?.get(d)
    }

    pub(super) fn total(&self, channel: usize, d: usize) -> Point {
        self.totals
            .get(channel)
            .map_or_else(Point::default, |l| l.at(d))
    }

    /// How all other topics of `channel` moved on day `d`, of which `customers` (expected: `mu`)
    /// are the topic's own: their customers over their expectation, between 0.5 and 2. Customers, not
    /// contacts: one who writes again and again is no movement of the channel, and must not hide those
    /// of other topics.
    pub(super) fn moved(&self, channel: usize, d: usize, customers: f64, mu: f64) -> f64 {
        let others = self.channel_day(channel, d).map_or(0.0, |c| c.expected) - mu;
        // With hardly any others there is nothing to compare with.
        if others < 2.0 * STEADY || d < self.first + FULL_DAYS {
            return 1.0;
        }
        let seen = f64::from(self.total(channel, d).customers) - customers;
        ((seen + STEADY) / (others + STEADY)).clamp(0.5, 2.0)
    }

    /// Levels of channels, day types and topics, from the baseline of every day.
    fn learn_levels(&mut self, topics: &[Series]) {
        #[derive(Clone, Copy, Default)]
        struct Sum {
            days: [f64; 2],
            contacts: [f64; 2],
            customers: [f64; 2],
            rated: [f64; 2],
            satisfied: [f64; 2],
        }
        let active: Vec<usize> = topics.iter().filter_map(Series::first).collect();
        let mut sums = vec![Sum::default(); self.totals.len()];
        for d in 0..self.len() {
            let window = baseline(d, self.first);
            for (sum, total) in sums.iter_mut().zip(&self.totals) {
                *sum = Sum::default();
                for e in window.0..window.1 {
                    if self.days[e].left_out {
                        continue;
                    }
                    let (t, p) = (usize::from(self.days[e].off), total.points[e]);
                    sum.days[t] += 1.0;
                    sum.contacts[t] += f64::from(p.contacts);
                    sum.customers[t] += f64::from(p.customers);
                    sum.rated[t] += f64::from(p.rated);
                    sum.satisfied[t] += f64::from(p.satisfied);
                }
            }
            let days = sums.first().map_or([0.0; 2], |s| s.days);
            let both = |f: fn(&Sum) -> [f64; 2]| -> [f64; 2] {
                sums.iter().fold([0.0; 2], |a, s| {
                    let b = f(s);
                    [a[0] + b[0], a[1] + b[1]]
                })
            };
            let (contacts, customers, rated, satisfied) = (
                both(|s| s.contacts),
                both(|s| s.customers),
                both(|s| s.rated),
                both(|s| s.satisfied),
            );
            let all = days[0] + days[1];
            let per_day = (contacts[0] + contacts[1]) / all.max(1.0);
            let people = (customers[0] + customers[1]) / all.max(1.0);
            // A day type that was hardly seen is like any other.
            let t = usize::from(self.days[d].off);
            let factor = if days[t] >= 2.0 && people > 0.0 {
                customers[t] / days[t] / people
            } else {
                1.0
            };
            self.factor[d] = factor.clamp(0.05, 5.0);
            let known = active.iter().filter(|&&f| f < window.1).count().max(1);
            #[expect(clippy::cast_precision_loss, reason = "topics are few")]
            let known = known as f64;
            self.mean[d] = (per_day / known).max(0.05);
            let level = smooth(satisfied[0] + satisfied[1], rated[0] + rated[1], 0.8, 10.0);
            for (channel, sum) in sums.iter().enumerate() {
                let own = smooth(
                    sum.satisfied[0] + sum.satisfied[1],
                    sum.rated[0] + sum.rated[1],
                    level,
                    40.0,
                );
                let odds = [0, 1]
                    .map(|t| odds(smooth(sum.satisfied[t], sum.rated[t], own, 40.0)) / odds(level));
                let customers = sum.customers[0] + sum.customers[1];
                let exposure: f64 = if per_day > 0.0 { all } else { 0.0 };
                self.by_channel[channel][d] = ChannelDay {
                    odds,
                    level: own,
                    expected: customers / exposure.max(1.0) * self.factor[d],
                };
            }
        }
    }

    /// How much more than Poisson the counts of topics vary, from the weeks before every day.
    fn learn_dispersion(&mut self, topics: &[Series]) {
        let days = self.len();
        let mut by_day = vec![(Dispersion::default(), 0.0_f64); days];
        let mut volume = super::volume::Levels::default();
        for topic in topics {
            let Some(first) = topic.first() else {
                continue;
            };
            volume.restart(topic.lanes.len());
            for (d, (sum, cells)) in by_day.iter_mut().enumerate() {
                let mu = volume.advance(self, topic, first, d, true, |_| false);
                if d < first + FULL_DAYS || self.days[d].left_out {
                    continue;
                }
                if let Some(mu) = mu {
                    // A real spike is no noise: it counts as a doubling at most.
                    let y = f64::from(topic.day(d).contacts).min(2.0 * mu + 5.0);
                    sum.add(y, mu);
                    *cells += 1.0;
                }
            }
        }
        let mut sum = Dispersion::default();
        let mut cells = 0.0;
        for d in 0..days {
            if let Some(new) = d.checked_sub(GAP_DAYS + 1) {
                sum.excess += by_day[new].0.excess;
                sum.square += by_day[new].0.square;
                cells += by_day[new].1;
            }
            if let Some(old) = d.checked_sub(GAP_DAYS + 1 + DISPERSION_DAYS) {
                sum.excess -= by_day[old].0.excess;
                sum.square -= by_day[old].0.square;
                cells -= by_day[old].1;
            }
            let own = sum.value().filter(|_| cells > 0.5).unwrap_or(0.0);
            let weight = cells.max(0.0);
            self.dispersion[d] = (own * weight + USUAL_DISPERSION * DISPERSION_WEIGHT)
                / (weight + DISPERSION_WEIGHT);
        }
    }
}

/// The days `[from, to)` of the baseline of day `d` for a history that begins at `first`: 56 days
/// ending 7 days before; while history is short, all of it.
pub(super) fn baseline(d: usize, first: usize) -> (usize, usize) {
    if d < first + FULL_DAYS {
        return (first.min(d), d);
    }
    let to = d.saturating_sub(GAP_DAYS);
    (to.saturating_sub(BASELINE_DAYS).max(first), to)
}

fn smooth(part: f64, whole: f64, prior: f64, weight: f64) -> f64 {
    ((part + prior * weight) / (whole + weight)).clamp(0.02, 0.98)
}

fn odds(p: f64) -> f64 {
    p / (1.0 - p)
}
