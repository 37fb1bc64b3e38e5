//! The present day against its own history, while it is still running: what to expect of the whole
//! day is worked out once and kept, so that a batch costs one comparison.

use super::history::Setup;
use super::judge::Shelf;
use super::raise::key_of;
use crate::app::App;
use chrono::{NaiveDate, TimeDelta};
use domain::clock::{Timestamp, local_day};
use domain::detection::params::SpikeParams;
use domain::detection::{
    Detector, Expectation, Params, Point, Scope, Signal, Subject, Watched, expectation,
};
use domain::issues::IssueKind;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use storage::DbError;

/// How long expectations are kept: late data and new topics change them.
const KEEP: TimeDelta = TimeDelta::minutes(10);

/// What to expect of the present day, by rule and topic.
#[derive(Default)]
pub struct Lines {
    kept: Mutex<Kept>,
    /// One replica's work is done once, however many batches wait for it.
    work: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    /// Changes with the day and with every change of a rule.
    stamp: String,
    at: Option<Timestamp>,
    lines: HashMap<(String, String), Expectation>,
}

impl Lines {
    /// The signal, if a topic's contacts so far are beyond the line of the whole day.
    pub(super) fn judge(
        &self,
        detector: &Detector,
        params: &SpikeParams,
        subject: &Subject,
        day: NaiveDate,
        so_far: Point,
    ) -> Option<Signal> {
        let key = (detector.key.clone(), subject.key.clone());
        let expected = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.stamp
                .starts_with(&day.to_string())
                .then(|| kept.lines.get(&key).copied())
                .flatten()?
        };
        expected.judge(detector, params, subject, day, so_far)
    }

    fn is_fresh(&self, stamp: &str, now: Timestamp) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.stamp == stamp && kept.at.is_some_and(|at| now - at < KEEP && at <= now)
    }
}

/// Works out what to expect of today, outside of any transaction, if a rule asks for it and nobody
/// has lately.
pub(super) async fn prepare(app: &App) -> Result<(), DbError> {
    let rules: Vec<Detector> = storage::organisation::all::<Detector>(&app.db)
        .await?
        .into_iter()
        .filter(|d| d.enabled && matches!(d.params, Params::Spike(_)))
        .collect();
    if rules.is_empty() {
        return Ok(());
    }
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    let now = app.now();
    let today = local_day(now, zone);
    let mut stamp = today.to_string();
    for rule in &rules {
        stamp.push_str(&format!(" {}:{}", rule.key, rule.version));
    }
    if app.lines.is_fresh(&stamp, now) {
        return Ok(());
    }
    let _one = app.lines.work.lock().await;
    if app.lines.is_fresh(&stamp, now) {
        return Ok(());
    }
    let setup = Setup::read(&app.db, zone).await?;
    let mut shelf = Shelf::default();
    let mut lines = HashMap::new();
    for rule in &rules {
        let Params::Spike(params) = &rule.params else {
            continue;
        };
        let history = shelf
            .get(&app.db, &setup, &rule.scope, today, today)
            .await?;
        let places = match &rule.scope.topic {
            Some(topic) => vec![(topic.clone(), history.below(topic, &setup.topics))],
            None => history
                .topics
                .iter()
                .filter(|(key, _)| !key.is_empty())
                .map(|(key, series)| (key.clone(), series.clone()))
                .collect(),
        };
        let scope = Scope {
            topic: None,
            ..rule.scope.clone()
        };
        for (topic, series) in places {
            let subject = Subject::topic(topic.clone());
            let probe = Signal::counted(rule, subject.clone(), today, 0, None);
            let kind = IssueKind::of(rule, &topic, &setup.topics);
            let mut open = setup.open(&key_of(&probe, &scope, kind), today);
            open.extend(history.left_out(&setup, &topic, rule.scope.channel.as_deref(), today));
            let watched = Watched {
                subject: &subject,
                series: &series,
                open: &open,
            };
            if let Some(expected) = expectation(params, &history.context, watched, today) {
                lines.insert((rule.key.clone(), topic), expected);
            }
        }
    }
    let mut kept = app
        .lines
        .kept
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *kept = Kept {
        stamp,
        at: Some(now),
        lines,
    };
    Ok(())
}
