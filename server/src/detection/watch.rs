//! The immediate rules: what a batch changed, looked at in its own transaction.

use super::details::{days_of, distinct, known_of, replay_from, rows_of, tellers};
use super::raise::{Raising, raise};
use super::rolling;
use crate::analysis::Labelled;
use crate::app::App;
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use domain::analysis::{Label, RISKY, search_term};
use domain::clock::{Timestamp, local_day, start_of_day};
use domain::detection::{
    Crowd, Detector, Params, Point, Rows, Signal, Subject, SubjectKind, backtest_counts,
};
use domain::facts::{Class, Counters, Detail};
use domain::ids::FeedbackId;
use domain::intake::feedback::Feedback;
use domain::organisation::{Topic, path, subtree};
use std::collections::{BTreeMap, BTreeSet};
use storage::detection::Hit;
use storage::facts::DetailQuery;
use storage::{DbError, Tx};

/// The topics that a signal about `subject` counts: without a topic of its own a rule watches every
/// topic by itself.
pub(super) fn counted(detector: &Detector, subject: &str, topics: &[Topic]) -> Vec<String> {
    if detector.scope.topic.is_some() {
        subtree(subject, topics)
    } else {
        vec![subject.to_owned()]
    }
}

/// What a look is about, and what the issue and the signal take from the voice that caused it.
#[derive(Clone, Debug, Default)]
struct Cause {
    topic: String,
    classifier: Option<String>,
    /// Voices that can have made a rule ring that listens to single ones, with how bad they are.
    voices: Vec<(f64, FeedbackId)>,
    /// The first and the last instant at which something may be counted that was not before.
    times: Option<(Timestamp, Timestamp)>,
}

impl Cause {
    fn spans(&mut self, (first, last): (Timestamp, Timestamp)) {
        let (from, to) = self.times.unwrap_or((first, last));
        self.times = Some((from.min(first), to.max(last)));
    }
}

/// Voices of a topic among which the badly rated ones are looked for.
const LATEST: u64 = 500;
/// Voices that are kept with a signal.
const QUOTED: usize = 3;

type Looks = BTreeMap<(usize, Subject, NaiveDate), Cause>;

/// Who labelled a voice: `name@version`; nothing where the sender or a person did.
pub(super) fn ruler(label: &Label) -> Option<String> {
    (!label.classifier.is_empty())
        .then(|| format!("{}@{}", label.classifier, label.classifier_version))
}

/// Days back that late data has judged again.
pub(super) const JUDGED_AGAIN: i64 = 14;

/// Where voices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As they are said.
    Live,
    /// Mostly history: issues open for the present, and nobody is told.
    Backfill,
    /// One voice of a topic and day that has late ratings: its own need not be the bad one.
    Rated,
}

/// Looks at what a batch changed, in its transaction. Voices older than history reaches raise
/// nothing.
pub(super) async fn watch(
    app: &App,
    tx: &Tx,
    voices: &[Labelled],
    mode: Mode,
) -> Result<(), DbError> {
    let backfill = mode == Mode::Backfill;
    let detectors: Vec<Detector> = storage::organisation::all::<Detector>(tx)
        .await?
        .into_iter()
        .filter(|d| d.enabled)
        .collect();
    let zone = storage::organisation::organisation(tx).await?.zone;
    let today = local_day(tx.now(), zone);
    mark_days(app, tx, voices, today, backfill).await?;
    if detectors.is_empty() {
        return Ok(());
    }
    let topics: Vec<Topic> = storage::organisation::all(tx).await?;
    let since = tx.now() - TimeDelta::days(app.config.history_days);
    let phrases = super::phrases::Phrases::of(&detectors);
    if !phrases.is_empty() {
        // New content says other things: what the old one said counts no more.
        let changed: Vec<FeedbackId> = voices
            .iter()
            .filter(|(v, _, _)| v.revision > 1)
            .map(|(v, _, _)| v.id)
            .collect();
        storage::detection::forget_hits(tx, &changed).await?;
    }
    let mut looks = Looks::new();
    for (voice, label, _) in voices {
        let f = &voice.feedback;
        let (Some(day), Some(at)) = (f.day, f.occurred_at) else {
            continue;
        };
        if at < since {
            continue;
        }
        let topic = label.topic.clone().unwrap_or_default();
        let above = if topic.is_empty() {
            Vec::new()
        } else {
            path(&topic, &topics)
        };
        let said = phrases.said(f);
        for (index, detector) in detectors.iter().enumerate() {
            let heard = Heard {
                voice: f,
                label,
                above: &above,
                is_today: day == today,
                says: said.contains(&index),
                rated: mode == Mode::Rated,
            };
            let Some(subject) = touched(detector, &heard) else {
                continue;
            };
            if matches!(detector.params, Params::Phrase(_)) {
                let hit = Hit {
                    detector: detector.key.clone(),
                    voice: voice.id,
                    subject: subject.key.clone(),
                    day,
                    customer: f.customer_hash.clone().unwrap_or_default(),
                };
                storage::detection::hit(tx, &hit).await?;
            }
            // An issue of a search or an article belongs to the topic that its voices were given.
            let belongs = match subject.kind {
                SubjectKind::Topic => subject.key.clone(),
                _ => topic.clone(),
            };
            let cause = looks.entry((index, subject, day)).or_default();
            cause.topic = belongs;
            cause.classifier = ruler(label).or(cause.classifier.take());
            cause.spans(if mode == Mode::Rated {
                let next = start_of_day(day + TimeDelta::days(1), zone);
                (start_of_day(day, zone), next)
            } else {
                (at, at)
            });
            if let Some(bad) = badness(detector, &heard) {
                cause.voices.push((bad, voice.id));
            }
        }
    }
    for ((index, subject, day), mut cause) in looks {
        let detector = &detectors[index];
        let asked = Asked {
            detector,
            day,
            today,
            times: cause.times,
            zone,
            topics: &topics,
        };
        for signal in look(app, tx, &asked, &subject).await? {
            let signal = signal.with_classifier(cause.classifier.clone());
            if mode == Mode::Rated && cause.voices.is_empty() {
                cause.voices = rated_badly(tx, detector, &signal, &topics).await?;
            }
            cause.voices.sort_by(|a, b| b.0.total_cmp(&a.0));
            let voices: Vec<FeedbackId> = cause.voices.iter().map(|v| v.1).take(QUOTED).collect();
            let raising = Raising {
                detector,
                signal: &signal,
                topic: &cause.topic,
                voices: &voices,
                quiet: backfill,
            };
            raise(app, tx, &topics, &raising).await?;
        }
    }
    Ok(())
}

/// A voice as immediate rules hear it.
struct Heard<'a> {
    voice: &'a Feedback,
    label: &'a Label,
    /// Its topic and everything above; empty: none.
    above: &'a [String],
    /// It is of the present day.
    is_today: bool,
    /// It holds a phrase of the rule.
    says: bool,
    /// It, or another of its topic and day, was rated late.
    rated: bool,
}

/// What an immediate rule would be asked about because of this voice; `None`: nothing.
fn touched(detector: &Detector, heard: &Heard<'_>) -> Option<Subject> {
    let Heard {
        voice,
        label,
        above,
        is_today,
        says,
        rated,
    } = *heard;
    let region = voice.region.as_deref().unwrap_or_default();
    let in_scope = if above.is_empty() {
        // No topic explains the voice: whoever watches every topic is told all the same.
        detector.scope.topic.is_none() && detector.watches(&[String::new()], &voice.channel, region)
    } else {
        detector.watches(above, &voice.channel, region)
    };
    if !in_scope {
        return None;
    }
    let topic = above.first().map_or("", String::as_str);
    let of_topic = || Subject::topic(detector.subject(topic));
    let spoken = matches!(voice.class, Class::Contact | Class::Survey);
    match &detector.params {
        Params::Threshold(_) => (voice.class == Class::Contact && !topic.is_empty()).then(of_topic),
        Params::Spike(_) => {
            (is_today && voice.class == Class::Contact && !topic.is_empty()).then(of_topic)
        }
        Params::Risk(_) => (spoken && label.risk >= RISKY).then(of_topic),
        Params::LowRating(p) => (spoken && (rated || is_bad(voice, p.max_rating))).then(of_topic),
        Params::Phrase(_) => says.then(of_topic),
        Params::NoResultSearch(_) => {
            let nothing = voice.class == Class::Search && voice.figures.hits == Some(0);
            let term = voice.query.as_deref().map(search_term)?;
            (nothing && !term.is_empty()).then(|| Subject::new(SubjectKind::SearchTerm, term))
        }
        Params::UnhelpfulArticle(_) => {
            let article = voice.article.clone().filter(|a| !a.is_empty())?;
            (voice.class == Class::Vote).then(|| Subject::new(SubjectKind::Article, article))
        }
        Params::CsatFall(_)
        | Params::AgentDrift(_)
        | Params::SilentSource(_)
        | Params::NewTopic(_) => None,
    }
}

/// How bad a voice is in the eyes of a rule that listens to single ones, if it is what the rule listens for.
fn badness(detector: &Detector, heard: &Heard<'_>) -> Option<f64> {
    match &detector.params {
        Params::LowRating(p) => is_bad(heard.voice, p.max_rating).then(|| mark(heard.voice)),
        Params::Risk(_) => (heard.label.risk >= RISKY).then_some(heard.label.risk),
        Params::Phrase(_) => heard.says.then_some(0.0),
        _ => None,
    }
}

/// How bad a mark is: the share of the scale that is missing.
fn mark(voice: &Feedback) -> f64 {
    match (&voice.rating, voice.nps) {
        (Some(rating), _) => 1.0 - f64::from(rating.band) / 5.0,
        (None, Some(nps)) => 1.0 - f64::from(nps) / 10.0,
        (None, None) => 0.0,
    }
}

/// The voices whose late marks a rule counts on a day: the one that was looked at stands for others
/// of its topic, which may be the bad ones.
async fn rated_badly(
    tx: &Tx,
    detector: &Detector,
    signal: &Signal,
    topics: &[Topic],
) -> Result<Vec<(f64, FeedbackId)>, DbError> {
    let Params::LowRating(params) = &detector.params else {
        return Ok(Vec::new());
    };
    let counted = counted(detector, &signal.subject.key, topics);
    let latest = storage::feedback::latest(tx, &counted, None, LATEST).await?;
    Ok(latest
        .iter()
        .filter(|v| v.feedback.day == Some(signal.window))
        .filter(|v| is_bad(&v.feedback, params.max_rating))
        .map(|v| (mark(&v.feedback), v.id))
        .collect())
}

/// A mark of up to `worst`, or 0 to 6 on the likelihood to recommend where there is no other.
pub(super) fn is_bad(voice: &Feedback, worst: u8) -> bool {
    match &voice.rating {
        Some(rating) => rating.band <= worst,
        None => voice.nps.is_some_and(|n| n <= 6),
    }
}

/// What a rule is asked about.
struct Asked<'a> {
    detector: &'a Detector,
    /// The day of the voices that have arrived.
    day: NaiveDate,
    /// The present day: sums of several days are looked at until it.
    today: NaiveDate,
    times: Option<(Timestamp, Timestamp)>,
    zone: Tz,
    topics: &'a [Topic],
}

impl Asked<'_> {
    /// The days on which a sum of `length` days can end that holds the day.
    fn ends(&self, length: u16) -> (NaiveDate, NaiveDate) {
        let last = self.day + TimeDelta::days(i64::from(length) - 1);
        (self.day, last.min(self.today).max(self.day))
    }
}

/// Counts what an immediate rule counts; the signals if that is too many.
async fn look(
    app: &App,
    tx: &Tx,
    asked: &Asked<'_>,
    subject: &Subject,
) -> Result<Vec<Signal>, DbError> {
    let Asked {
        detector,
        day,
        zone,
        topics,
        ..
    } = *asked;
    if let Some(window) = detector.window() {
        return match (window.rolling(), asked.times) {
            (Some(length), Some(times)) => {
                rolling::look(tx, detector, length, subject, (topics, zone), times).await
            }
            _ if window.days() == 1 && !matches!(detector.params, Params::Phrase(_)) => {
                one_day(tx, detector, subject, day, topics).await
            }
            _ => several_days(tx, asked, subject, window.days()).await,
        };
    }
    Ok(match &detector.params {
        Params::NoResultSearch(_) => details(tx, asked, Detail::SearchTerm, subject).await?,
        Params::UnhelpfulArticle(_) => details(tx, asked, Detail::Article, subject).await?,
        Params::Spike(p) => {
            let scope = &detector.scope;
            let row = storage::facts::on_day(
                tx,
                day,
                &counted(detector, &subject.key, topics),
                scope.channel.as_deref(),
                scope.region.as_deref(),
                rolling::classes(detector),
            )
            .await?;
            let found = app.lines.judge(detector, p, subject, day, Point::new(&row));
            found.into_iter().collect()
        }
        _ => Vec::new(),
    })
}

/// Whether an immediate rule still says what it once said; `None` where it cannot be asked: another job
/// judges closed days.
pub(super) async fn still_rings(
    app: &App,
    tx: &Tx,
    detector: &Detector,
    signal: &Signal,
    (topics, zone, today): (&[Topic], Tz, NaiveDate),
) -> Result<Option<bool>, DbError> {
    let (subject, day) = (&signal.subject, signal.window);
    match &detector.params {
        Params::CsatFall(_)
        | Params::AgentDrift(_)
        | Params::SilentSource(_)
        | Params::NewTopic(_) => return Ok(None),
        Params::Spike(_) if day != today => return Ok(None),
        _ => {}
    }
    if let Some(length) = detector.window().and_then(|w| w.rolling()) {
        let found = rolling::on_day(tx, detector, length, subject, (topics, zone), day).await?;
        return Ok(Some(found));
    }
    let asked = Asked {
        detector,
        day,
        today: day,
        times: None,
        zone,
        topics,
    };
    let found = look(app, tx, &asked, subject).await?;
    Ok(Some(found.iter().any(|s| s.window == day)))
}

/// A limit of one day, from that day's facts alone.
async fn one_day(
    tx: &Tx,
    detector: &Detector,
    subject: &Subject,
    day: NaiveDate,
    topics: &[Topic],
) -> Result<Vec<Signal>, DbError> {
    let scope = &detector.scope;
    let mut row = storage::facts::on_day(
        tx,
        day,
        &counted(detector, &subject.key, topics),
        scope.channel.as_deref(),
        scope.region.as_deref(),
        rolling::classes(detector),
    )
    .await?;
    let beyond = |count: i64| detector.limit().is_some_and(|limit| count > limit);
    if !detector.count_of(&row).is_some_and(beyond) {
        return Ok(Vec::new());
    }
    if matches!(detector.params, Params::Threshold(_))
        && let Some(found) = distinct(tx, detector, &subject.key, topics, (day, day)).await?
    {
        row.customers = found.get(&day).copied().unwrap_or_default();
    }
    let known = if matches!(detector.params, Params::Threshold(_)) && !may_be_one(&row) {
        Vec::new()
    } else {
        known_of(tx, detector, &subject.key, topics, (day, day)).await?
    };
    let rows = Rows {
        start: day,
        days: &[row],
        tellers: &known,
    };
    Ok(backtest_counts(detector, subject, rows, day, day))
}

/// Whether one customer can be most of a day's contacts.
pub(super) fn may_be_one(row: &Counters) -> bool {
    let crowd = Crowd {
        count: row.contacts,
        customers: row.customers,
        loudest: 0,
    };
    row.customers > 0 && crowd.may_be_one()
}

/// A limit of several days, or of what was heard: as a back-test replays it.
async fn several_days(
    tx: &Tx,
    asked: &Asked<'_>,
    subject: &Subject,
    days: u16,
) -> Result<Vec<Signal>, DbError> {
    let Asked {
        detector, topics, ..
    } = *asked;
    let (first, last) = asked.ends(days);
    let start = if days == 1 {
        first
    } else {
        replay_from(first, days)
    };
    let span = (start, last);
    let rows = days_of(tx, detector, &subject.key, topics, span).await?;
    let sum: i64 = rows.iter().filter_map(|r| detector.count_of(r)).sum();
    if detector.limit().is_none_or(|limit| sum <= limit) {
        return Ok(Vec::new());
    }
    let known = known_of(tx, detector, &subject.key, topics, span).await?;
    let rows = Rows {
        start,
        days: &rows,
        tellers: &known,
    };
    Ok(backtest_counts(detector, subject, rows, first, last))
}

/// What a rule about searches or articles says of a day and of those that add it up.
async fn details(
    tx: &Tx,
    asked: &Asked<'_>,
    kind: Detail,
    subject: &Subject,
) -> Result<Vec<Signal>, DbError> {
    let detector = asked.detector;
    let (first, last) = asked.ends(detector.days());
    let start = replay_from(first, detector.days());
    let query = DetailQuery {
        from: Some(start),
        to: Some(last),
        subject: Some(subject.key.clone()),
        by_day: true,
        ..DetailQuery::of(kind)
    };
    let sums = storage::facts::sum_details(tx, &query).await?;
    let by_day = sums
        .into_iter()
        .filter_map(|s| Some((subject.key.clone(), s.day?, s.counters)));
    let rows = rows_of(by_day, start, last);
    let days = rows.get(&subject.key).map_or(&[][..], Vec::as_slice);
    let known = tellers(tx, detector, Some(&subject.key), &[], (start, last)).await?;
    let rows = Rows {
        start,
        days,
        tellers: known.get(&subject.key).map_or(&[][..], Vec::as_slice),
    };
    Ok(backtest_counts(detector, subject, rows, first, last))
}

/// Days that are closed and that this batch changed: they are judged again. What has become history
/// raises nothing then, but an alarm of those days may have lost its reason.
async fn mark_days(
    app: &App,
    tx: &Tx,
    voices: &[Labelled],
    today: NaiveDate,
    backfill: bool,
) -> Result<(), DbError> {
    let oldest = today - TimeDelta::days(JUDGED_AGAIN);
    let days: BTreeSet<NaiveDate> = voices
        .iter()
        .filter_map(|(v, _, _)| v.feedback.day)
        .filter(|day| (oldest..today).contains(day))
        .collect();
    for day in days {
        super::jobs::ask(app, tx, day, backfill).await?;
    }
    Ok(())
}
