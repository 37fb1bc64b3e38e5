//! Limits of windows that end with a voice (`1h`, `15m`): what days cannot tell is read from the voices,
//! and only where a day holds more of them than the limit.

use super::judge::{Counted, Found};
use super::watch::{counted, is_bad};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use domain::analysis::RISKY;
use domain::clock::{Timestamp, local_day, start_of_day};
use domain::detection::{Detector, Moment, Params, Signal, Subject, first_crossing};
use domain::facts::{Class, Counters};
use domain::organisation::Topic;
use storage::detection::Raised;
use storage::feedback::Within;
use storage::{DbError, Read};

/// Most voices that a back-test reads, newest days first.
const VOICES: usize = 500_000;

/// The classes that a counting rule looks at.
pub(super) fn classes(detector: &Detector) -> &'static [Class] {
    match &detector.params {
        Params::Threshold(_) | Params::Spike(_) => &[Class::Contact],
        _ => &[Class::Contact, Class::Survey],
    }
}

/// The voices that a rule counts for a subject after `from` and up to `to`, in the order of time.
pub(super) async fn moments(
    db: &impl Read,
    detector: &Detector,
    subject: &str,
    topics: &[Topic],
    times: (Timestamp, Timestamp),
) -> Result<Vec<Moment>, DbError> {
    if matches!(detector.params, Params::Phrase(_)) {
        return storage::detection::hit_moments(db, &detector.key, subject, times).await;
    }
    let of = counted(detector, subject, topics);
    let within = Within {
        topics: &of,
        classes: classes(detector),
        channel: detector.scope.channel.as_deref(),
        region: detector.scope.region.as_deref(),
    };
    if matches!(detector.params, Params::Threshold(_)) {
        return storage::feedback::moments(db, &within, times).await;
    }
    let voices = storage::feedback::between(db, &within, times).await?;
    Ok(voices
        .into_iter()
        .filter(|v| match &detector.params {
            Params::Risk(_) => v.label.as_ref().is_some_and(|(l, _)| l.risk >= RISKY),
            Params::LowRating(p) => is_bad(&v.feedback, p.max_rating),
            _ => false,
        })
        .filter_map(|v| {
            Some(Moment {
                at: v.feedback.occurred_at?,
                customer: v.feedback.customer_hash.unwrap_or_default(),
            })
        })
        .collect())
}

/// What a rule says once voices between `first` and `last` have arrived: the first window too full of
/// every day on which one can end that holds any of them. A signal that stands and began earlier stays.
pub(super) async fn look(
    db: &impl Read,
    detector: &Detector,
    length: TimeDelta,
    subject: &Subject,
    (topics, zone): (&[Topic], Tz),
    (first, last): (Timestamp, Timestamp),
) -> Result<Vec<Signal>, DbError> {
    let limit = detector.limit().unwrap_or_default();
    let until = last + length;
    let (from, to) = (local_day(first, zone), local_day(until, zone));
    let mut days = Vec::new();
    let mut day = from;
    while day <= to {
        let known = storage::detection::fired(db, &detector.key, &subject.key, day).await?;
        days.push((
            day,
            known.filter(|k| {
                k.withdrawn_at.is_none() && k.signal.detector_version == detector.version
            }),
        ));
        day += TimeDelta::days(1);
    }
    let ended = |k: &Raised| k.signal.span.map(|s| s.to.to_utc());
    let settled = |(day, known): &(NaiveDate, Option<Raised>)| {
        let earliest = first.max(start_of_day(*day, zone));
        known
            .as_ref()
            .and_then(ended)
            .is_some_and(|to| to <= earliest)
    };
    let mut voices = Vec::new();
    if !days.iter().all(settled) {
        let reach = (local_day(first - length, zone), to);
        let rows = super::details::days_of(db, detector, &subject.key, topics, reach).await?;
        let sum: i64 = rows.iter().filter_map(|r| detector.count_of(r)).sum();
        if sum > limit {
            let times = (first - length, until);
            voices = moments(db, detector, &subject.key, topics, times).await?;
        }
    }
    let mut signals = Vec::new();
    for (day, known) in days {
        let (start, end) = bounds(day, zone);
        let ends = (first.max(start), until.min(end));
        let found = first_crossing(&voices, length, limit, ends);
        let earlier = |to: Timestamp| known.as_ref().and_then(ended).is_none_or(|k| to < k);
        match (found, &known) {
            (Some(found), _) if earlier(found.to) => {
                signals.push(found.signal(detector, subject.clone(), zone));
            }
            // What was held back while the rule was muted may be said now.
            (_, Some(known)) if known.withheld => signals.push(known.signal.clone()),
            _ => {}
        }
    }
    Ok(signals)
}

/// Whether a window that is too full ends on a day.
pub(super) async fn on_day(
    db: &impl Read,
    detector: &Detector,
    length: TimeDelta,
    subject: &Subject,
    (topics, zone): (&[Topic], Tz),
    day: NaiveDate,
) -> Result<bool, DbError> {
    let ends = bounds(day, zone);
    let times = (ends.0 - length - TimeDelta::microseconds(1), ends.1);
    let voices = moments(db, detector, &subject.key, topics, times).await?;
    let limit = detector.limit().unwrap_or_default();
    Ok(first_crossing(&voices, length, limit, ends).is_some())
}

/// First and last instant of a day.
fn bounds(day: NaiveDate, zone: Tz) -> (Timestamp, Timestamp) {
    let next = start_of_day(day + TimeDelta::days(1), zone);
    (start_of_day(day, zone), next - TimeDelta::microseconds(1))
}

/// What a rule would have raised on the days from `from` to `to`, given what the days count; and the
/// first day that was looked at, where there were too many voices for all of them.
pub(super) async fn backtest(
    db: &impl Read,
    detector: &Detector,
    length: TimeDelta,
    all: &[Counted],
    (topics, zone): (&[Topic], Tz),
    (from, to): (NaiveDate, NaiveDate),
) -> Result<(Vec<Found>, Option<NaiveDate>), DbError> {
    let limit = detector.limit().unwrap_or_default();
    let count = |row: Option<&Counters>| row.and_then(|r| detector.count_of(r)).unwrap_or_default();
    let (mut found, mut read) = (Vec::new(), 0);
    let mut day = to;
    while day >= from {
        for rows in all {
            let Ok(index) = usize::try_from((day - rows.start).num_days()) else {
                continue;
            };
            // A window that ends on a day begins on the day before at the earliest; when clocks go
            // forward, on the one before that.
            let reach: i64 = (index.saturating_sub(2)..=index)
                .map(|i| count(rows.days.get(i)))
                .sum();
            if reach <= limit || count(rows.days.get(index)) == 0 {
                continue;
            }
            let ends = bounds(day, zone);
            let times = (ends.0 - length - TimeDelta::microseconds(1), ends.1);
            let voices = moments(db, detector, &rows.subject.key, topics, times).await?;
            read += voices.len();
            if let Some(crossing) = first_crossing(&voices, length, limit, ends) {
                found.push(Found::of(crossing.signal(
                    detector,
                    rows.subject.clone(),
                    zone,
                )));
            }
        }
        if read > VOICES && day > from {
            return Ok((found, Some(day)));
        }
        day -= TimeDelta::days(1);
    }
    Ok((found, None))
}

/// The same from voices that were read already, in whatever order.
pub(super) fn of_moments(
    detector: &Detector,
    length: TimeDelta,
    subject: &Subject,
    mut voices: Vec<Moment>,
    zone: Tz,
    (from, to): (NaiveDate, NaiveDate),
) -> Vec<Signal> {
    voices.sort_unstable();
    let limit = detector.limit().unwrap_or_default();
    let mut days: Vec<NaiveDate> = voices.iter().map(|v| local_day(v.at, zone)).collect();
    days.dedup();
    days.into_iter()
        .filter(|day| (from..=to).contains(day))
        .filter_map(|day| first_crossing(&voices, length, limit, bounds(day, zone)))
        .map(|crossing| crossing.signal(detector, subject.clone(), zone))
        .collect()
}
