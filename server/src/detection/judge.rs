//! What a rule finds in stored days: one code path for a day's close, for days that late data
//! changed, and for back-tests.

use super::details::{distinct, known_of, rows_of, tellers};
use super::history::{History, Setup};
use super::raise::key_of;
use super::watch::{counted, may_be_one};
use chrono::{NaiveDate, TimeDelta};
use domain::detection::{
    ChannelAlarm, Context, Detector, Params, Rows, Scope, Series, Signal, Span, Subject,
    SubjectKind, Teller, Watched, attach, backtest, backtest_counts, channel_alarms, fall_against,
    rise_against, scan_heard, watched_in,
};
use domain::facts::{Class, Counters, Detail};
use domain::issues::IssueKind;
use domain::organisation::{Topic, path};
use std::collections::{BTreeMap, BTreeSet};
use storage::facts::{DetailQuery, Query};
use storage::{DbError, Read};

/// Days that an agent's own baseline needs before the first day that is judged.
const AGENT_DAYS: i64 = 140;
/// Windows of a rule that adds days up which are replayed before the first day that is judged.
const WINDOWS: i64 = 4;

/// What a rule found, and the topic that its issue belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// The signal.
    pub signal: Signal,
    /// Topic; empty: none.
    pub topic: String,
}

impl Found {
    /// What a signal's own subject says.
    pub(super) fn of(signal: Signal) -> Self {
        Self {
            topic: match signal.subject.kind {
                SubjectKind::Topic => signal.subject.key.clone(),
                _ => String::new(),
            },
            signal,
        }
    }
}

/// Histories that were read already, by channel and region.
#[derive(Default)]
pub(super) struct Shelf(BTreeMap<(Option<String>, Option<String>), History>);

impl Shelf {
    /// The history of a scope, read once.
    pub(super) async fn get(
        &mut self,
        db: &impl Read,
        setup: &Setup,
        scope: &Scope,
        from: NaiveDate,
        until: NaiveDate,
    ) -> Result<&History, DbError> {
        let key = (scope.channel.clone(), scope.region.clone());
        if !self.0.contains_key(&key) {
            let read = History::read(db, setup, scope, from, until).await?;
            self.0.insert(key.clone(), read);
        }
        self.0.get(&key).ok_or(DbError::Busy)
    }
}

/// Whether the days of topics and channels decide, which [`series`] looks at.
pub(super) fn by_series(detector: &Detector) -> bool {
    matches!(
        detector.params,
        Params::Spike(_) | Params::CsatFall(_) | Params::SilentSource(_) | Params::NewTopic(_)
    )
}

/// What a rule finds on the days from `from` to `to` of a history. `live`: days inside an issue that
/// really was open are silent, as they were.
pub(super) fn series(
    detector: &Detector,
    setup: &Setup,
    history: &History,
    live: bool,
    (from, to): (NaiveDate, NaiveDate),
) -> Vec<Found> {
    let scope = Scope {
        topic: None,
        ..detector.scope.clone()
    };
    let open = |subject: &Subject| -> Vec<Span> {
        if !live {
            return Vec::new();
        }
        let probe = Signal::counted(detector, subject.clone(), to, 0, None);
        let topic = match subject.kind {
            SubjectKind::Topic => subject.key.as_str(),
            _ => "",
        };
        let kind = IssueKind::of(detector, topic, &setup.topics);
        setup.open(&key_of(&probe, &scope, kind), to)
    };
    let channel = detector.scope.channel.as_deref();
    let context = &history.context;
    let mut found = Vec::new();
    match &detector.params {
        Params::SilentSource(_) => {
            for (index, key) in context.channels.iter().enumerate() {
                let subject = Subject::new(SubjectKind::Channel, key.clone());
                let mut days = open(&subject);
                days.extend(setup.events(&[], Some(key), history.start, to));
                let watched = Watched {
                    subject: &subject,
                    series: &history.sources[index],
                    open: &days,
                };
                found.extend(backtest(detector, context, watched, from, to));
            }
        }
        Params::NewTopic(_) | Params::Spike(_) | Params::CsatFall(_) => {
            let watched: Vec<(Subject, Series, Vec<Span>)> = places(detector, setup, history, to)
                .into_iter()
                .map(|(topic, series)| {
                    let subject = Subject::topic(topic.clone());
                    let mut days = open(&subject);
                    days.extend(history.left_out(setup, &topic, channel, to));
                    (subject, series, days)
                })
                .collect();
            let mut alarms = Vec::new();
            if detector.scope.topic.is_none() && !matches!(detector.params, Params::NewTopic(_)) {
                let open: Vec<Vec<Span>> = context
                    .channels
                    .iter()
                    .map(|key| open(&Subject::new(SubjectKind::Channel, key.clone())))
                    .collect();
                let (all, signals) = channel_alarms(detector, context, &open);
                // With one topic in it a channel says nothing that the topic does not.
                let shared = |channel: usize| {
                    let has = |s: &&Series| s.lanes.iter().any(|l| l.channel == channel);
                    history.topics.values().filter(has).count() > 1
                };
                let several: BTreeSet<String> = context
                    .channels
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| shared(*index))
                    .map(|(_, key)| key.clone())
                    .collect();
                alarms = all;
                alarms.retain(|a| {
                    several.contains(&a.subject.key)
                        && moved_together(detector, context, &watched, a)
                });
                found.extend(signals.into_iter().filter(|s| {
                    let on = |a: &ChannelAlarm| {
                        a.subject == s.subject && context.date(a.from) == s.window
                    };
                    (from..=to).contains(&s.window) && (s.information || alarms.iter().any(on))
                }));
            }
            for (subject, series, days) in &watched {
                let watched = Watched {
                    subject,
                    series,
                    open: days,
                };
                let signals = match &setup.heard {
                    Some(heard) if live && from == to => {
                        let key = (detector.key.clone(), subject.key.clone());
                        let heard = heard.get(&key).map_or(&[][..], Vec::as_slice);
                        scan_heard(detector, context, watched, heard, to)
                    }
                    _ => backtest(detector, context, watched, from, to),
                };
                found.extend(attach(detector, context, watched, &alarms, signals));
            }
        }
        _ => {}
    }
    found.into_iter().map(Found::of).collect()
}

/// Standard errors by which a topic must be off the rest of its channel to be a case of its own.
const OWN: f64 = 2.0;

/// Whether a channel's alarm is the whole channel's: without the topics that ring on that day for
/// themselves it still rings. Else one topic alone would name everything that shares its channel.
fn moved_together(
    detector: &Detector,
    context: &Context,
    watched: &[(Subject, Series, Vec<Span>)],
    alarm: &ChannelAlarm,
) -> bool {
    let day = context.date(alarm.from);
    let Some((subject, mut rest)) = context.channel(alarm.channel) else {
        return true;
    };
    let mut alone = false;
    for (topic, series, days) in watched {
        if !series.lanes.iter().any(|l| l.channel == alarm.channel) {
            continue;
        }
        let z = match &detector.params {
            Params::CsatFall(p) => {
                fall_against(context, series, alarm.channel, alarm.from, p.noise).map(|z| -z)
            }
            _ => rise_against(context, series, alarm.channel, (alarm.from, 1)),
        };
        let of_topic = Watched {
            subject: topic,
            series,
            open: days,
        };
        // A known problem or a planned event of one topic is not the whole channel's either.
        let known = days.iter().any(|(from, to)| (*from..=*to).contains(&day));
        // It may have begun to ring some days before, and be silent since.
        let since = day - TimeDelta::days(i64::from(detector.quiet_days().unwrap_or_default()));
        let rings = || !backtest(detector, context, of_topic, since, day).is_empty();
        if !known && (z.is_none_or(|z| z < OWN) || !rings()) {
            continue;
        }
        alone = true;
        for lane in series.lanes.iter().filter(|l| l.channel == alarm.channel) {
            for (sum, point) in rest.lanes[0].points.iter_mut().zip(&lane.points) {
                sum.contacts = sum.contacts.saturating_sub(point.contacts);
                sum.customers = sum.customers.saturating_sub(point.customers);
                sum.rated = sum.rated.saturating_sub(point.rated);
                sum.satisfied = sum.satisfied.saturating_sub(point.satisfied);
            }
        }
    }
    let rest = Watched {
        subject: &subject,
        series: &rest,
        open: &[],
    };
    !alone
        || backtest(detector, context, rest, day, day)
            .iter()
            .any(|s| !s.information)
}

/// The topics that a rule watches, each with the days it is judged by: its own topic with everything
/// below, or every topic by itself. A topic with hardly any rating is watched in the one above.
fn places(
    detector: &Detector,
    setup: &Setup,
    history: &History,
    to: NaiveDate,
) -> Vec<(String, Series)> {
    if let Some(topic) = &detector.scope.topic {
        return vec![(topic.clone(), history.below(topic, &setup.topics))];
    }
    let own = history.topics.iter().filter(|(key, _)| !key.is_empty());
    let Params::CsatFall(params) = &detector.params else {
        return own.map(|(key, s)| (key.clone(), s.clone())).collect();
    };
    // The eight weeks that a baseline has.
    let context = &history.context;
    let Some(range) = context.range(to - TimeDelta::days(62), to - TimeDelta::days(7)) else {
        return Vec::new();
    };
    let pace = |series: &Series| {
        let rated: u64 = (range.0..=range.1)
            .map(|d| u64::from(series.day(d).rated))
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "counts of ratings and days")]
        let (rated, days) = (rated as f64, (range.1 - range.0 + 1) as f64);
        rated / days
    };
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, series) in own {
        let above = path(key, &setup.topics);
        let ancestors: Vec<&str> = above.iter().skip(1).map(String::as_str).collect();
        let place = watched_in(key, &ancestors, params, |asked| {
            if asked == key {
                pace(series)
            } else {
                pace(&history.below(asked, &setup.topics))
            }
        });
        let place = place.unwrap_or(key).to_owned();
        members.entry(place).or_default().push(key.clone());
    }
    members
        .into_iter()
        .map(|(place, members)| {
            let series = history.sum(members.iter().map(String::as_str));
            (place, series)
        })
        .collect()
}

/// Dense days of one subject, from the first day that matters on.
pub(super) struct Counted {
    /// What it is.
    pub subject: Subject,
    /// One row a day from [`Self::start`] on.
    pub days: Vec<Counters>,
    /// The day of the first row.
    pub start: NaiveDate,
    /// What known customers did on these days.
    pub tellers: Vec<Teller>,
}

/// Reads what a counting rule looks at: topics by day, or searches, articles, agents.
pub(super) async fn read_counts(
    db: &impl Read,
    detector: &Detector,
    setup: &Setup,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<Counted>, DbError> {
    let (kind, subject, reach) = match &detector.params {
        Params::NoResultSearch(p) => (
            Detail::SearchTerm,
            SubjectKind::SearchTerm,
            WINDOWS * i64::from(p.window_days),
        ),
        Params::UnhelpfulArticle(p) => (
            Detail::Article,
            SubjectKind::Article,
            WINDOWS * i64::from(p.window_days),
        ),
        Params::AgentDrift(_) => (Detail::Agent, SubjectKind::Agent, AGENT_DAYS),
        Params::Threshold(_) | Params::Risk(_) | Params::LowRating(_) => {
            // Limits of several days are replayed like the others; an hour may begin the day before.
            let reach = match detector.days() {
                1 if detector.window().is_some_and(|w| w.rolling().is_some()) => 2,
                1 => 0,
                days => WINDOWS * i64::from(days),
            };
            return topic_counts(db, detector, setup, from - TimeDelta::days(reach), to).await;
        }
        _ => return Ok(Vec::new()),
    };
    let start = from - TimeDelta::days(reach);
    let query = DetailQuery {
        from: Some(start),
        to: Some(to),
        by_day: true,
        by_subject: true,
        ..DetailQuery::of(kind)
    };
    let sums = storage::facts::sum_details(db, &query).await?;
    let by_subject = sums
        .into_iter()
        .filter_map(|s| Some((s.subject?, s.day?, s.counters)));
    let mut known = tellers(db, detector, None, &setup.topics, (start, to)).await?;
    Ok(rows_of(by_subject, start, to)
        .into_iter()
        .map(|(key, days)| Counted {
            tellers: known.remove(&key).unwrap_or_default(),
            subject: Subject::new(subject, key),
            days,
            start,
        })
        .collect())
}

async fn topic_counts(
    db: &impl Read,
    detector: &Detector,
    setup: &Setup,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<Counted>, DbError> {
    let classes = match detector.params {
        Params::Threshold(_) => vec![Class::Contact],
        _ => vec![Class::Contact, Class::Survey],
    };
    let query = Query {
        from: Some(from),
        to: Some(to),
        topics: detector
            .scope
            .topic
            .as_ref()
            .map(|t| counted(detector, t, &setup.topics)),
        channel: detector.scope.channel.clone(),
        region: detector.scope.region.clone(),
        classes,
        by_day: true,
        by_topic: true,
        ..Query::default()
    };
    let threshold = matches!(detector.params, Params::Threshold(_));
    let sums = storage::facts::sum(db, &query).await?;
    let by_topic = sums.into_iter().filter_map(|s| {
        // A threshold watches topics; what nobody could name is nobody's threshold.
        let topic = s.topic.filter(|t| !threshold || !t.is_empty())?;
        let subject = detector.subject(&topic).to_owned();
        Some((subject, s.day?, s.counters))
    });
    let mut known = tellers(db, detector, None, &setup.topics, (from, to)).await?;
    let several = detector.days() > 1;
    let mut all = Vec::new();
    for (key, mut days) in rows_of(by_topic, from, to) {
        let limit = detector.limit().unwrap_or(i64::MAX);
        let mut behind = known.remove(&key).unwrap_or_default();
        if threshold {
            let ask = (detector, key.as_str(), (from, to));
            if several {
                behind = known_of_several(db, ask, &setup.topics, &days).await?;
            } else {
                behind = known_of_days(db, ask, &setup.topics, &mut days, limit).await?;
            }
        }
        all.push(Counted {
            tellers: behind,
            subject: Subject::topic(key),
            days,
            start: from,
        });
    }
    Ok(all)
}

type Ask<'a> = (&'a Detector, &'a str, (NaiveDate, NaiveDate));

/// The customers behind a threshold of several days, where any such sum is above its limit.
async fn known_of_several(
    db: &impl Read,
    (detector, key, span): Ask<'_>,
    topics: &[Topic],
    days: &[Counters],
) -> Result<Vec<Teller>, DbError> {
    let beyond = |some: &[Counters]| {
        let sum: i64 = some.iter().map(|row| row.contacts).sum();
        detector.limit().is_some_and(|limit| sum > limit)
    };
    let length = usize::from(detector.days()).min(days.len()).max(1);
    if days.windows(length).any(beyond) {
        known_of(db, detector, key, topics, span).await
    } else {
        Ok(Vec::new())
    }
}

/// Sets how many customers stand behind each day, where facts cannot tell; and who they are, where one
/// can be most of it.
async fn known_of_days(
    db: &impl Read,
    (detector, key, span): Ask<'_>,
    topics: &[Topic],
    days: &mut [Counters],
    limit: i64,
) -> Result<Vec<Teller>, DbError> {
    let beyond = |row: &Counters| row.contacts > limit;
    if !days.iter().any(beyond) {
        return Ok(Vec::new());
    }
    if let Some(found) = distinct(db, detector, key, topics, span).await? {
        for (n, row) in (0_i64..).zip(days.iter_mut()) {
            let on = span.0 + TimeDelta::days(n);
            row.customers = found.get(&on).copied().unwrap_or_default();
        }
    }
    if days.iter().any(|row| beyond(row) && may_be_one(row)) {
        known_of(db, detector, key, topics, span).await
    } else {
        Ok(Vec::new())
    }
}

/// What a counting rule finds on the days from `from` to `to`.
pub(super) fn counts(
    detector: &Detector,
    all: &[Counted],
    from: NaiveDate,
    to: NaiveDate,
) -> Vec<Found> {
    all.iter()
        .flat_map(|c| {
            let rows = Rows {
                start: c.start,
                days: &c.days,
                tellers: &c.tellers,
            };
            backtest_counts(detector, &c.subject, rows, from, to)
        })
        .map(Found::of)
        .collect()
}
