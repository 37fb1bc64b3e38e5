//! Which detectors a batch touches, and what they raise.

use crate::analysis::Labelled;
use crate::app::App;
use crate::mail::{Letter, Recipient};
use chrono::{NaiveDate, TimeDelta};
use domain::clock::Timestamp;
use domain::detection::{Detector, Kind, Signal, Subject, issue_key};
use domain::facts::Class;
use domain::identity::Actor;
use domain::ids::IssueId;
use domain::issues::{self, Command, Issue, State};
use domain::organisation::{Bilingual, Department, Topic, subtree};
use std::collections::BTreeSet;
use storage::{DbError, Tx};

/// Topic and everything above it.
fn path(key: &str, topics: &[Topic]) -> Vec<String> {
    let mut all = vec![key.to_owned()];
    let mut above = topics
        .iter()
        .find(|t| t.key == key)
        .and_then(|t| t.parent.clone());
    while let Some(parent) = above.take().filter(|p| !all.contains(p)) {
        above = topics
            .iter()
            .find(|t| t.key == parent)
            .and_then(|t| t.parent.clone());
        all.push(parent);
    }
    all
}

/// Looks at what a batch changed, in its transaction. Voices older than history reaches raise
/// nothing; a `backfill` opens issues for the present and sends no notice.
pub(super) async fn watch(
    app: &App,
    tx: &Tx,
    counted: &[Labelled],
    backfill: bool,
) -> Result<(), DbError> {
    let detectors: Vec<Detector> = storage::organisation::all::<Detector>(tx)
        .await?
        .into_iter()
        .filter(|d| d.enabled && d.kind == Kind::Threshold)
        .collect();
    if detectors.is_empty() {
        return Ok(());
    }
    let topics: Vec<Topic> = storage::organisation::all(tx).await?;
    let since = tx.now() - TimeDelta::days(app.config.history_days);
    let mut touched: BTreeSet<(usize, String, NaiveDate)> = BTreeSet::new();
    for (voice, label, _) in counted {
        let f = &voice.feedback;
        let (Some(topic), Some(day), Some(at)) = (&label.topic, f.day, f.occurred_at) else {
            continue;
        };
        if at < since || f.class != Class::Contact {
            continue;
        }
        let path = path(topic, &topics);
        let region = f.region.as_deref().unwrap_or_default();
        for (index, detector) in detectors.iter().enumerate() {
            if detector.watches(&path, &f.channel, region) {
                touched.insert((index, detector.subject(topic).to_owned(), day));
            }
        }
    }
    for (index, subject, day) in touched {
        let detector = &detectors[index];
        let scope = &detector.scope;
        // Without a topic of its own a detector watches every topic by itself.
        let counted_topics = if scope.topic.is_some() {
            subtree(&subject, &topics)
        } else {
            vec![subject.clone()]
        };
        let count = storage::facts::contacts_on(
            tx,
            day,
            &counted_topics,
            scope.channel.as_deref(),
            scope.region.as_deref(),
        )
        .await?;
        if detector.fires(day, count) {
            let about = Subject::topic(subject.clone());
            let signal = Signal::counted(detector, about, day, count, None);
            raise(app, tx, detector, &subject, &topics, &signal, backfill).await?;
        }
    }
    Ok(())
}

async fn raise(
    app: &App,
    tx: &Tx,
    detector: &Detector,
    subject: &str,
    topics: &[Topic],
    signal: &Signal,
    backfill: bool,
) -> Result<(), DbError> {
    let key = issue_key(subject, None, &detector.scope);
    let topic = topics.iter().find(|t| t.key == subject);
    let name = topic.map_or(subject, |t| t.title(domain::organisation::Locale::ZhCn));
    let scope = domain::detection::Scope {
        topic: None,
        ..detector.scope.clone()
    };
    let system = Actor::system();
    let (issue, opened) = match storage::issues::by_key(tx, &key).await? {
        Some(present) => {
            let same = present.count == signal.count && present.alarm_day == signal.window;
            if same {
                return Ok(());
            }
            // An earlier day that is still inside history adds its signal, not its count.
            let command = Command::Signalled(signal.clone());
            let before = present.openings;
            let Ok((next, _)) = issues::apply(present, &command, tx.now()) else {
                return Ok(());
            };
            storage::issues::update(tx, &next).await?;
            if next.openings > before {
                event(app, tx, next.id, "issue.relapsed", &system, signal).await?;
            }
            let relapsed = next.openings > before;
            (next, relapsed)
        }
        None => {
            let id = IssueId(app.ids.next());
            let title = if scope == domain::detection::Scope::default() {
                format!("{name}：来访超过上限")
            } else {
                let place: Vec<&str> = [scope.channel.as_deref(), scope.region.as_deref()]
                    .into_iter()
                    .flatten()
                    .collect();
                format!("{name}（{}）：来访超过上限", place.join("、"))
            };
            let issue = issues::opened(
                id,
                key.clone(),
                title,
                subject.to_owned(),
                scope,
                signal,
                tx.now(),
            );
            if !storage::issues::insert(tx, &issue, "watch").await? {
                // Another replica opened it in this instant: its next voice counts here as well.
                return Err(DbError::Busy);
            }
            event(app, tx, id, "issue.opened", &system, signal).await?;
            (issue, true)
        }
    };
    storage::issues::signal(tx, app.ids.next(), issue.id, subject, signal).await?;
    if backfill {
        // History opens issues for the present and is silent; the first live voice tells the department.
        if opened {
            event(app, tx, issue.id, "issue.notice_withheld", &system, signal).await?;
        }
        return Ok(());
    }
    let active = !matches!(issue.state, State::Resolved);
    if active && !storage::notify::exists(tx, &notice_key(&issue)).await? {
        notice(app, tx, &issue, topic, signal, opened).await?;
    }
    Ok(())
}

async fn event(
    app: &App,
    tx: &Tx,
    id: IssueId,
    kind: &str,
    actor: &Actor,
    signal: &Signal,
) -> Result<(), DbError> {
    let data = serde_json::to_value(signal).unwrap_or_default();
    storage::events::record(
        tx,
        app.ids.next(),
        "issue",
        &id.to_string(),
        kind,
        actor,
        &data,
    )
    .await
}

/// One notice per opening, whatever happens twice.
fn notice_key(issue: &Issue) -> String {
    format!("issue:{}:{}", issue.id, issue.openings)
}

/// One notice to the topic's department, once per opening.
async fn notice(
    app: &App,
    tx: &Tx,
    issue: &Issue,
    topic: Option<&Topic>,
    signal: &Signal,
    opened: bool,
) -> Result<(), DbError> {
    let system = Actor::system();
    let mut department = None;
    if let Some(key) = topic.and_then(|t| t.owner_department.as_deref()) {
        department = storage::organisation::get::<Department>(tx, key).await?;
    }
    let Some((department, owner)) =
        department.and_then(|d| d.owners.first().cloned().map(|o| (d, o)))
    else {
        // Nobody to tell is worth knowing too, once.
        if opened {
            event(
                app,
                tx,
                issue.id,
                "issue.notice_without_department",
                &system,
                signal,
            )
            .await?;
        }
        return Ok(());
    };
    let similar = crate::knowledge::similar(app, tx, &issue.topic).await?;
    let quotes = crate::analysis::quotes(tx, std::slice::from_ref(&issue.topic), 3).await?;
    let topic_name = topic.map_or_else(
        || Bilingual::new(issue.topic.clone(), issue.topic.clone()),
        |t| {
            use domain::organisation::Locale;
            Bilingual::new(t.title(Locale::ZhCn), t.title(Locale::En))
        },
    );
    let letter = Letter::IssueNotice {
        topic: topic_name,
        department: department.title().to_owned(),
        count: signal.count,
        limit: signal.limit,
        day: signal.window,
        quotes,
        similar: similar.into_iter().map(|s| s.title).collect(),
    };
    let to = Recipient::of(&owner);
    let id = app.ids.next();
    let mut delivery = crate::mail::delivery(
        id,
        &to,
        &letter,
        notice_key(issue),
        format!("issue:{}", issue.id),
        tx.now(),
    );
    delivery.issue_id = Some(issue.id.to_string());
    crate::mail::enqueue(app, tx, &delivery).await?;
    let data = serde_json::json!({"to": department.key, "delivery": delivery.id});
    storage::events::record(
        tx,
        app.ids.next(),
        "issue",
        &issue.id.to_string(),
        "issue.notified",
        &system,
        &data,
    )
    .await
}

/// What a detector would have raised on stored facts: pure counting, nothing is written.
pub(super) async fn backtest(
    app: &App,
    detector: &Detector,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<(String, Signal)>, DbError> {
    let topics: Vec<Topic> = storage::organisation::all(&app.db).await?;
    let wanted = detector.scope.topic.as_ref().map(|t| subtree(t, &topics));
    let mut found = Vec::new();
    let mut day = from;
    while day <= to {
        let subjects: Vec<(String, Vec<String>)> = match &wanted {
            Some(all) => vec![(
                detector.scope.topic.clone().unwrap_or_default(),
                all.clone(),
            )],
            None => {
                let query = storage::facts::Query {
                    from: Some(day),
                    to: Some(day),
                    by_topic: true,
                    classes: vec![Class::Contact],
                    ..Default::default()
                };
                storage::facts::sum(&app.db, &query)
                    .await?
                    .into_iter()
                    .filter_map(|s| s.topic)
                    .filter(|t| !t.is_empty())
                    .map(|t| (t.clone(), vec![t]))
                    .collect()
            }
        };
        for (subject, counted) in subjects {
            let count = storage::facts::contacts_on(
                &app.db,
                day,
                &counted,
                detector.scope.channel.as_deref(),
                detector.scope.region.as_deref(),
            )
            .await?;
            if detector.limit().is_some_and(|limit| count > limit) {
                let about = Subject::topic(subject.clone());
                found.push((subject, Signal::counted(detector, about, day, count, None)));
            }
        }
        day += TimeDelta::days(1);
    }
    Ok(found)
}

/// The present time as a day, for checks of ranges.
pub(super) fn today(app: &App, zone: chrono_tz::Tz) -> NaiveDate {
    let now: Timestamp = app.now();
    domain::clock::local_day(now, zone)
}
