//! A day at its close, and again when late data changed it: what every rule raises, which channels
//! fell silent, and whether what was solved came back.

use super::history::Setup;
use super::judge::{Found, Shelf, by_series, counts, read_counts, series};
use super::raise::{Raising, raise};
use super::relapse::relapses;
use super::withdraw;
use crate::app::App;
use chrono::{NaiveDate, TimeDelta};
use domain::clock::local_day;
use domain::detection::params::SilentParams;
use domain::detection::{Detector, Params, Scope};
use storage::detection::Gap;
use storage::{DbError, Tx};
use tokio::task::block_in_place;

/// Days whose gaps are worked out anew at every look: what the windows of a verdict reach back to, so that
/// an outage that was imported with its history is known too.
const GAP_DAYS: i64 = 120;
/// Why a closed day is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// It has just ended.
    Close,
    /// Data arrived late for it.
    Late,
    /// A file of old data changed it: nobody is told.
    Backfill,
}

/// Judges a closed day. Answers the transaction, not yet committed: the job ends in it.
pub(super) async fn detect(app: &App, day: NaiveDate, occasion: Occasion) -> Result<Tx, DbError> {
    let backfill = occasion == Occasion::Backfill;
    let organisation = storage::organisation::organisation(&app.db).await?;
    let today = local_day(app.now(), organisation.zone);
    let yesterday = today - TimeDelta::days(1);
    if day > yesterday {
        return app.begin().await;
    }
    let mut setup = Setup::read(&app.db, organisation.zone).await?;
    setup.hear(&app.db, day).await?;
    let mut shelf = Shelf::default();
    let history = shelf
        .get(&app.db, &setup, &Scope::default(), day, yesterday)
        .await?;
    let gaps = block_in_place(|| silences(&setup, history, yesterday));
    let mut found: Vec<(Detector, Found)> = Vec::new();
    let detectors: Vec<Detector> = storage::organisation::all::<Detector>(&app.db)
        .await?
        .into_iter()
        .filter(|d| d.enabled && is_daily(d))
        .collect();
    // At its close a day has nothing yet that late data could have changed, but what its hours said.
    let doubtful = match occasion {
        Occasion::Close => {
            let mut of_day = storage::detection::standing(&app.db, day, day).await?;
            of_day.retain(super::hours::is_of_hours);
            of_day
        }
        Occasion::Late | Occasion::Backfill => {
            storage::detection::standing(&app.db, day, yesterday).await?
        }
    };
    let gone =
        withdraw::without_reason(app, &setup, &mut shelf, &detectors, &doubtful, yesterday).await?;
    // A job that waited too long finds its day history.
    if day >= today - TimeDelta::days(app.config.history_days) {
        for detector in detectors {
            let all = found_on(app, &detector, &setup, &mut shelf, day, yesterday).await?;
            found.extend(all.into_iter().map(|f| (detector.clone(), f)));
        }
        // A file of old data is no relapse: the next close looks again.
        if !backfill {
            found.extend(relapses(app, &setup, &mut shelf, day, yesterday).await?);
        }
    }
    for (_, f) in &mut found {
        f.signal.classifier = ruler(app, &f.topic).await?;
    }
    let tx = app.begin().await?;
    keep_gaps(&tx, &gaps, yesterday).await?;
    for (detector, f) in &found {
        let raising = Raising {
            detector,
            signal: &f.signal,
            topic: &f.topic,
            voices: &[],
            quiet: backfill,
        };
        raise(app, &tx, &setup.topics, &raising).await?;
    }
    withdraw::withdraw(app, &tx, &gone).await?;
    Ok(tx)
}

/// Rules that judge whole days.
fn is_daily(detector: &Detector) -> bool {
    by_series(detector) || matches!(detector.params, Params::AgentDrift(_))
}

/// What a daily rule finds on a day.
pub(super) async fn found_on(
    app: &App,
    detector: &Detector,
    setup: &Setup,
    shelf: &mut Shelf,
    day: NaiveDate,
    yesterday: NaiveDate,
) -> Result<Vec<Found>, DbError> {
    if by_series(detector) {
        let history = shelf
            .get(&app.db, setup, &detector.scope, day, yesterday)
            .await?;
        Ok(block_in_place(|| {
            series(detector, setup, history, true, (day, day))
        }))
    } else {
        let rows = read_counts(&app.db, detector, setup, day, day).await?;
        Ok(block_in_place(|| counts(detector, &rows, day, day)))
    }
}

/// Who labelled the latest voice of a topic: whose counting the signal stands on.
async fn ruler(app: &App, topic: &str) -> Result<Option<String>, DbError> {
    if topic.is_empty() {
        return Ok(None);
    }
    let latest = storage::feedback::latest(&app.db, &[topic.to_owned()], None, 1).await?;
    Ok(latest
        .first()
        .and_then(|v| v.label.as_ref())
        .and_then(|(label, _)| super::watch::ruler(label)))
}

/// The silent days of every channel over the last weeks, whether a rule asks for them or not: what
/// verdicts must know. By channel: its runs of silent days.
fn silences(
    setup: &Setup,
    history: &super::history::History,
    yesterday: NaiveDate,
) -> Vec<(String, Vec<Gap>)> {
    let rule = Detector::new("silence", Params::SilentSource(SilentParams::default()));
    let from = yesterday - TimeDelta::days(GAP_DAYS - 1);
    let mut all: Vec<(String, Vec<Gap>)> = history
        .context
        .channels
        .iter()
        .map(|c| (c.clone(), Vec::new()))
        .collect();
    for f in series(&rule, setup, history, false, (from, yesterday)) {
        let Some((channel, gaps)) = all.iter_mut().find(|(c, _)| *c == f.signal.subject.key) else {
            continue;
        };
        let day = f.signal.window;
        match gaps.last_mut() {
            Some(gap) if gap.to == Some(day - TimeDelta::days(1)) => gap.to = Some(day),
            _ => gaps.push(Gap {
                channel: channel.clone(),
                from: day,
                to: Some(day),
            }),
        }
    }
    for gap in all.iter_mut().filter_map(|(_, gaps)| gaps.last_mut()) {
        // Silent until now: nobody knows yet when it ends.
        if gap.to == Some(yesterday) {
            gap.to = None;
        }
    }
    all
}

async fn keep_gaps(
    tx: &Tx,
    all: &[(String, Vec<Gap>)],
    yesterday: NaiveDate,
) -> Result<(), DbError> {
    let since = yesterday - TimeDelta::days(GAP_DAYS - 1);
    let known = storage::detection::gaps(tx, since - TimeDelta::days(1), since).await?;
    for (channel, gaps) in all {
        let mut gaps = gaps.clone();
        if let Some(first) = gaps.first_mut()
            && first.from == since
            && let Some(older) = known
                .iter()
                .find(|g| g.channel == *channel && g.from < since)
        {
            // It began before the days that were looked at.
            first.from = older.from;
        }
        storage::detection::replace_gaps(tx, channel, since, &gaps).await?;
    }
    Ok(())
}
