//! Kinds that count voices, votes or searches towards a line, and agents against themselves.

use super::params::{AgentDriftParams, NoResultParams, Params, UnhelpfulParams};
use super::series::QUIET_DAYS;
use super::volume::as_f64;
use super::{Detector, Signal, Subject};
use crate::facts::{Counters, MICRO};
use crate::text::fold;
use chrono::{Datelike, Days, NaiveDate, Weekday};
use std::collections::BTreeMap;

/// What an immediate kind sees of one voice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voice<'a> {
    /// The rating on the scale of 1 to 5.
    pub rating: Option<u8>,
    /// Whether a risk was found.
    pub risk: bool,
    /// A search without result.
    pub no_result: bool,
    /// What was said.
    pub text: &'a str,
}

impl Detector {
    /// Whether `voice` is one that this detector counts.
    #[must_use]
    pub fn counts(&self, voice: &Voice<'_>) -> bool {
        match &self.params {
            Params::Threshold(_) => true,
            Params::Risk(_) => voice.risk,
            Params::LowRating(p) => voice.rating.is_some_and(|r| r <= p.max_rating),
            Params::NoResultSearch(_) => voice.no_result,
            Params::Phrase(p) => {
                let text = fold(voice.text);
                p.phrases
                    .iter()
                    .any(|phrase| text.text.contains(&*fold(phrase).text))
            }
            _ => false,
        }
    }

    /// How many voices of a day's row this detector counts; `None` where it counts none.
    #[must_use]
    pub fn count_of(&self, facts: &Counters) -> Option<i64> {
        match &self.params {
            Params::Threshold(_) => Some(facts.contacts),
            Params::Risk(_) => Some(facts.risky),
            Params::LowRating(p) => Some(facts.bad_marks(p.max_rating)),
            Params::NoResultSearch(_) => Some(facts.no_result),
            // Rows of phrases are made of what was heard: nothing else counts in them.
            Params::Phrase(_) => Some(facts.voices),
            _ => None,
        }
    }
}

/// Who stands behind a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// What was counted.
    pub count: i64,
    /// Distinct customers; a voice of nobody stands for itself.
    pub customers: i64,
    /// How much of it is the one customer's who did it most; 0 where that is not known.
    pub loudest: i64,
}

impl Crowd {
    /// Whether they may cross a line: one customer alone crosses none above zero, however often, nor does
    /// one whose repeats make up most of the count and without whom it would not be reached.
    #[must_use]
    pub fn crosses(self, limit: i64) -> bool {
        let repeats = (self.loudest - 1).max(0);
        let one = 2 * self.loudest > self.count && self.count - repeats <= limit;
        self.count > limit && self.customers > limit.min(1) && !one
    }

    /// Whether one customer can be most of it, as far as the number of customers tells.
    #[must_use]
    pub const fn may_be_one(self) -> bool {
        2 * (self.customers - 1) <= self.count
    }
}

/// What a known customer did on one day, of what a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Teller {
    /// Index of the day in [`Rows::days`].
    pub day: usize,
    /// Which customer; the same one has the same number in all rows of a subject.
    pub customer: u32,
    /// What the rule counts; `false`: what speaks against it (a helpful vote).
    pub counted: bool,
    /// How often.
    pub n: i64,
}

/// Dense rows of one subject: one a day, from `start` on.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The day of the first row.
    pub start: NaiveDate,
    /// One row a day: of class `search` for searches, `vote` for articles.
    pub days: &'a [Counters],
    /// What known customers did on these days, in whatever order. Rows of thresholds of one day say in
    /// `customers` how many there were, and need none.
    pub tellers: &'a [Teller],
}

impl Rows<'_> {
    fn date(&self, d: usize) -> NaiveDate {
        u64::try_from(d)
            .ok()
            .and_then(|d| self.start.checked_add_days(Days::new(d)))
            .unwrap_or(NaiveDate::MAX)
    }

    /// How often each known customer did it on the `length` days that end on day `d`.
    fn known(&self, d: usize, length: usize, counted: bool) -> BTreeMap<u32, i64> {
        let first = (d + 1).saturating_sub(length);
        let mut known = BTreeMap::new();
        for t in self.tellers {
            if (first..=d).contains(&t.day) && t.counted == counted && t.n > 0 {
                *known.entry(t.customer).or_default() += t.n;
            }
        }
        known
    }

    /// How many customers stand behind `count` voices of these days, where any of them is known: one who
    /// does it again and again is one, a voice of nobody stands for itself.
    fn distinct(&self, d: usize, length: usize, count: i64, counted: bool) -> Option<i64> {
        let known = self.known(d, length, counted);
        let voices: i64 = known.values().sum();
        let customers = i64::try_from(known.len()).unwrap_or(i64::MAX);
        (voices > 0).then(|| (count - voices).max(0) + customers)
    }

    /// The same with those among them that nobody is known to stand behind, and all of it together.
    fn people(&self, d: usize, length: usize, count: i64) -> (Option<i64>, Option<i64>, Crowd) {
        let known = self.known(d, length, true);
        let anonymous = (count - known.values().sum::<i64>()).max(0);
        let customers = self.distinct(d, length, count, true);
        let crowd = Crowd {
            count,
            customers: customers.unwrap_or(count),
            loudest: known.values().copied().max().unwrap_or_default(),
        };
        (customers, Some(anonymous), crowd)
    }

    /// The sum of the `length` days that end on day `d`.
    fn sum(&self, d: usize, length: usize) -> Counters {
        let mut sum = Counters::default();
        for row in &self.days[(d + 1).saturating_sub(length)..=d] {
            sum.add(row);
        }
        sum
    }
}

/// What a counting kind would have raised on the days from `from` to `to`, both included. Kinds per
/// day fire on every day above the limit; those that add days up are silent for as many days as
/// they add up, agents for 14. Days before `from` are replayed. Mutes are not looked at.
#[must_use]
pub fn backtest_counts(
    detector: &Detector,
    subject: &Subject,
    rows: Rows<'_>,
    from: NaiveDate,
    to: NaiveDate,
) -> Vec<Signal> {
    let mut found = Vec::new();
    if !detector.enabled {
        return found;
    }
    let mut quiet = 0;
    for d in 0..rows.days.len() {
        let day = rows.date(d);
        if day > to || d < quiet {
            continue;
        }
        let (signal, silence) = match &detector.params {
            Params::NoResultSearch(p) => (
                no_result(detector, p, subject, rows, d),
                usize::from(p.window_days),
            ),
            Params::UnhelpfulArticle(p) => (
                unhelpful(detector, p, subject, rows, d),
                usize::from(p.window_days),
            ),
            Params::AgentDrift(p) => (drift(detector, p, subject, rows, d), QUIET_DAYS + 1),
            // What ends with a voice is not decided by days: see `first_crossing`.
            _ if detector.window().is_some_and(|w| w.rolling().is_some()) => (None, 1),
            _ => (
                per_window(detector, subject, rows, d),
                detector.days().into(),
            ),
        };
        if let Some(signal) = signal {
            quiet = d + silence;
            if day >= from {
                found.push(signal);
            }
        }
    }
    found
}

fn per_window(detector: &Detector, subject: &Subject, rows: Rows<'_>, d: usize) -> Option<Signal> {
    let days = detector.days();
    let sum = rows.sum(d, days.into());
    let count = detector.count_of(&sum)?;
    let limit = detector.limit()?;
    // It fires with the voice that crosses the line, not on quiet days after it.
    if count <= limit || detector.count_of(&rows.days[d])? == 0 {
        return None;
    }
    let (mut customers, mut anonymous, mut crowd) = rows.people(d, days.into(), count);
    if detector.kind == super::Kind::Threshold && days == 1 {
        // Facts know how many there were; who did it most stands beside them where one can be most.
        customers = (sum.customers > 0).then_some(sum.customers);
        anonymous = customers.map(|_| sum.anonymous);
        crowd.customers = customers.unwrap_or(count);
    }
    // One person who writes again and again is no crowd.
    crowd.crosses(limit).then(|| Signal {
        anonymous,
        change_day: (days > 1).then(|| first_day(rows, d, days)),
        ..Signal::counted(detector, subject.clone(), rows.date(d), count, customers)
    })
}

fn no_result(
    detector: &Detector,
    params: &NoResultParams,
    subject: &Subject,
    rows: Rows<'_>,
    d: usize,
) -> Option<Signal> {
    let sum = rows.sum(d, params.window_days.into());
    let share = as_f64(sum.no_result) / as_f64(sum.voices.max(1));
    // It fires with the search that crosses the line, not on quiet days after it.
    if rows.days[d].no_result == 0 || sum.no_result <= params.limit || share < params.min_share {
        return None;
    }
    let (customers, anonymous, crowd) = rows.people(d, params.window_days.into(), sum.no_result);
    if !crowd.crosses(params.limit) {
        return None;
    }
    Some(Signal {
        anonymous,
        level: Some(share),
        sample: Some(sum.voices),
        change_day: Some(first_day(rows, d, params.window_days)),
        ..Signal::counted(
            detector,
            subject.clone(),
            rows.date(d),
            sum.no_result,
            customers,
        )
    })
}

fn unhelpful(
    detector: &Detector,
    params: &UnhelpfulParams,
    subject: &Subject,
    rows: Rows<'_>,
    d: usize,
) -> Option<Signal> {
    let sum = rows.sum(d, params.window_days.into());
    if rows.days[d].unhelpful == 0 || sum.voices < params.min_views {
        return None;
    }
    // Who votes again and again has one vote of each sort.
    let window = params.window_days.into();
    let customers = rows.distinct(d, window, sum.unhelpful, true);
    let against = customers.unwrap_or(sum.unhelpful);
    let helped = rows.distinct(d, window, sum.helpful, false);
    let votes = helped.unwrap_or(sum.helpful) + against;
    let share = as_f64(against) / as_f64(votes.max(1));
    if votes < params.min_votes || share <= params.max_unhelpful_share {
        return None;
    }
    Some(Signal {
        limit: super::volume::rounded((params.max_unhelpful_share * as_f64(votes)).floor()),
        level: Some(share),
        sample: Some(votes),
        statistic: Some(share),
        threshold: Some(params.max_unhelpful_share),
        change_day: Some(first_day(rows, d, params.window_days)),
        ..Signal::counted(
            detector,
            subject.clone(),
            rows.date(d),
            sum.unhelpful,
            customers,
        )
    })
}

fn first_day(rows: Rows<'_>, d: usize, window: u16) -> NaiveDate {
    rows.date((d + 1).saturating_sub(window.into()))
}

fn drift(
    detector: &Detector,
    params: &AgentDriftParams,
    subject: &Subject,
    rows: Rows<'_>,
    d: usize,
) -> Option<Signal> {
    slower(detector, params, subject, rows, d)
        .or_else(|| falling(detector, params, subject, rows, d))
}

/// Handling time of the last week against the eight weeks before.
fn slower(
    detector: &Detector,
    params: &AgentDriftParams,
    subject: &Subject,
    rows: Rows<'_>,
    d: usize,
) -> Option<Signal> {
    let before = rows.sum(d.checked_sub(7)?, super::series::BASELINE_DAYS);
    let now = rows.sum(d, 7);
    if now.handle_n < params.min_handled || before.handle_n < 2 * params.min_handled {
        return None;
    }
    let moments = |c: &Counters| {
        let n = as_f64(c.handle_n);
        let mean = as_f64(c.handle_ln) / MICRO / n;
        let variance = (as_f64(c.handle_ln_sq) / MICRO / n - mean * mean).max(0.0);
        (mean, variance / n)
    };
    let ((was, v), (is, w)) = (moments(&before), moments(&now));
    let ratio = (is - was).exp();
    let far = is - was >= params.min_deviation * (v + w).sqrt();
    if ratio <= params.max_handling_ratio || !far {
        return None;
    }
    Some(Signal {
        limit: super::volume::rounded(was.exp() * params.max_handling_ratio),
        baseline: Some(was.exp()),
        level: Some(is.exp()),
        sample: Some(now.handle_n),
        statistic: Some(ratio),
        threshold: Some(params.max_handling_ratio),
        change_day: Some(first_day(rows, d, 7)),
        ..Signal::counted(
            detector,
            subject.clone(),
            rows.date(d),
            super::volume::rounded(is.exp()),
            None,
        )
    })
}

/// Satisfaction of calendar weeks, each below the one before.
fn falling(
    detector: &Detector,
    params: &AgentDriftParams,
    subject: &Subject,
    rows: Rows<'_>,
    d: usize,
) -> Option<Signal> {
    let falls = usize::from(params.falls);
    if rows.date(d).weekday() != Weekday::Sun || d + 1 < 7 * (falls + 1) {
        return None;
    }
    let week = |back: usize| rows.sum(d - 7 * back, 7);
    let mut next = week(0);
    if next.rated < params.min_rated {
        return None;
    }
    let (last, level) = (next, next.csat()?);
    for back in 1..=falls {
        let earlier = week(back);
        if earlier.rated < params.min_rated || earlier.csat()? <= next.csat()? {
            return None;
        }
        next = earlier;
    }
    let was = next.csat()?;
    if was - level < params.min_fall {
        return None;
    }
    Some(Signal {
        limit: params.falls.into(),
        baseline: Some(was),
        level: Some(level),
        sample: Some(last.rated),
        statistic: Some(f64::from(params.falls)),
        threshold: Some(f64::from(params.falls)),
        change_day: Some(rows.date(d + 1 - 7 * falls)),
        ..Signal::counted(
            detector,
            subject.clone(),
            rows.date(d),
            last.rated - last.satisfied,
            None,
        )
    })
}
