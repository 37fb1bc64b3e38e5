//! Dense rows of searches, articles, agents and topics.

use super::watch::counted;
use chrono::{NaiveDate, TimeDelta};
use domain::detection::{Detector, Params, Teller};
use domain::facts::{Counters, Deed};
use domain::organisation::Topic;
use std::collections::BTreeMap;
use storage::facts::{DeedQuery, Query};
use storage::feedback::Within;
use storage::{DbError, Read};

/// Sparse sums by subject and day as one row a day from `start` to `end`. Sums of the same subject and
/// day add up.
pub(super) fn rows_of(
    sums: impl IntoIterator<Item = (String, NaiveDate, Counters)>,
    start: NaiveDate,
    end: NaiveDate,
) -> BTreeMap<String, Vec<Counters>> {
    let length = usize::try_from((end - start).num_days() + 1).unwrap_or(0);
    let mut all: BTreeMap<String, Vec<Counters>> = BTreeMap::new();
    for (subject, day, counters) in sums {
        let Ok(index) = usize::try_from((day - start).num_days()) else {
            continue;
        };
        let rows = all
            .entry(subject)
            .or_insert_with(|| vec![Counters::default(); length]);
        if let Some(row) = rows.get_mut(index) {
            row.add(&counters);
        }
    }
    all
}

/// What known customers did that a rule counts, by subject; days are indices from `from` on.
/// `subject`: of this one only.
pub(super) async fn tellers(
    db: &impl Read,
    detector: &Detector,
    subject: Option<&str>,
    topics: &[Topic],
    (from, to): (NaiveDate, NaiveDate),
) -> Result<BTreeMap<String, Vec<Teller>>, DbError> {
    let (deeds, of_topics) = match &detector.params {
        Params::Risk(_) => (vec![Deed::Risk], true),
        Params::LowRating(p) => (Deed::bad_marks(p.max_rating), true),
        Params::NoResultSearch(_) => (vec![Deed::NoResult], false),
        Params::UnhelpfulArticle(_) => (vec![Deed::Unhelpful, Deed::Helpful], false),
        _ => return Ok(BTreeMap::new()),
    };
    let subjects = match (subject.or(detector.scope.topic.as_deref()), of_topics) {
        (Some(topic), true) => Some(counted(detector, topic, topics)),
        (subject, _) => subject.map(|s| vec![s.to_owned()]),
    };
    let query = DeedQuery {
        deeds,
        from,
        to,
        subjects,
        channel: detector.scope.channel.clone(),
        region: detector.scope.region.clone(),
    };
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut all: BTreeMap<String, Vec<Teller>> = BTreeMap::new();
    for done in storage::facts::deeds(db, &query).await? {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        let teller = Teller {
            day: usize::try_from((done.day - from).num_days()).unwrap_or_default(),
            customer: *numbers.entry(done.customer).or_insert(next),
            counted: done.deed != Deed::Helpful,
            n: done.n,
        };
        let subject = if of_topics {
            detector.subject(&done.subject).to_owned()
        } else {
            done.subject
        };
        all.entry(subject).or_default().push(teller);
    }
    Ok(all)
}

/// Distinct customers of a threshold by day, where facts cannot tell them: those of one topic and all
/// channels add up, all others do not. `None`: the facts are right.
pub(super) async fn distinct(
    db: &impl Read,
    detector: &Detector,
    subject: &str,
    topics: &[Topic],
    days: (NaiveDate, NaiveDate),
) -> Result<Option<BTreeMap<NaiveDate, i64>>, DbError> {
    let scope = &detector.scope;
    let of = counted(detector, subject, topics);
    if scope.channel.is_none() && scope.region.is_none() && of.len() == 1 {
        return Ok(None);
    }
    let (channel, region) = (scope.channel.as_deref(), scope.region.as_deref());
    let found = storage::feedback::distinct_customers(db, &of, channel, region, days).await?;
    Ok(Some(found))
}

/// What the days `from` to `to` count for a rule and subject, one row a day.
pub(super) async fn days_of(
    db: &impl Read,
    detector: &Detector,
    subject: &str,
    topics: &[Topic],
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Vec<Counters>, DbError> {
    let empty =
        || vec![Counters::default(); usize::try_from((to - from).num_days() + 1).unwrap_or(0)];
    let sums: Vec<(NaiveDate, Counters)> = if matches!(detector.params, Params::Phrase(_)) {
        let heard = storage::detection::hits(db, &detector.key, subject, (from, to)).await?;
        heard
            .into_iter()
            .filter_map(|h| {
                let row = Counters {
                    voices: h.n,
                    ..Counters::default()
                };
                Some((h.day.parse().ok()?, row))
            })
            .collect()
    } else {
        let query = Query {
            from: Some(from),
            to: Some(to),
            topics: Some(counted(detector, subject, topics)),
            channel: detector.scope.channel.clone(),
            region: detector.scope.region.clone(),
            classes: super::rolling::classes(detector).to_vec(),
            by_day: true,
            ..Query::default()
        };
        let sums = storage::facts::sum(db, &query).await?;
        sums.into_iter()
            .filter_map(|s| Some((s.day?, s.counters)))
            .collect()
    };
    let of = sums.into_iter().map(|(day, c)| (String::new(), day, c));
    let mut rows = rows_of(of, from, to);
    Ok(rows.remove("").unwrap_or_else(empty))
}

/// The known customers behind what [`days_of`] counts, where several days are added up.
pub(super) async fn known_of(
    db: &impl Read,
    detector: &Detector,
    subject: &str,
    topics: &[Topic],
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Vec<Teller>, DbError> {
    let done: Vec<(NaiveDate, String, i64)> = match &detector.params {
        Params::Phrase(_) => {
            let heard = storage::detection::hits(db, &detector.key, subject, (from, to)).await?;
            heard
                .into_iter()
                .filter(|h| !h.customer_hash.is_empty())
                .filter_map(|h| Some((h.day.parse().ok()?, h.customer_hash, h.n)))
                .collect()
        }
        Params::Threshold(_) => {
            let of = counted(detector, subject, topics);
            let within = Within {
                topics: &of,
                classes: super::rolling::classes(detector),
                channel: detector.scope.channel.as_deref(),
                region: detector.scope.region.as_deref(),
            };
            storage::feedback::known(db, &within, (from, to)).await?
        }
        _ => {
            let mut all = tellers(db, detector, Some(subject), topics, (from, to)).await?;
            return Ok(all.remove(subject).unwrap_or_default());
        }
    };
    Ok(numbered(done, from))
}

/// Customers by number: what is counted does not ask who they are.
pub(super) fn numbered(
    done: impl IntoIterator<Item = (NaiveDate, String, i64)>,
    from: NaiveDate,
) -> Vec<Teller> {
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    done.into_iter()
        .map(|(day, customer, n)| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            Teller {
                day: usize::try_from((day - from).num_days()).unwrap_or_default(),
                customer: *numbers.entry(customer).or_insert(next),
                counted: true,
                n,
            }
        })
        .collect()
}

/// The first of the days that a rule which adds `window_days` up replays before `day`.
pub(super) fn replay_from(day: NaiveDate, window_days: u16) -> NaiveDate {
    day - TimeDelta::days(4 * i64::from(window_days))
}
