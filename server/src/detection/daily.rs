//! A day at its close, and again when late data changed it: what every rule raises, which channels
//! fell silent, and whether what was solved came back.

use super::history::Setup;
use super::judge::{Found, Shelf, by_series, counts, read_counts, series};
use super::raise::{Raising, raise};
use super::withdraw;
use crate::app::App;
use chrono::{NaiveDate, TimeDelta};
use domain::clock::local_day;
use domain::detection::params::SilentParams;
use domain::detection::{
    After, Detector, Params, Scope, Signal, Subject, SubjectKind, Watched, relapse,
};
use domain::ids::IssueId;
use domain::issues::{Issue, IssueKind, State};
use domain::verification::{Metric, Verification};
use storage::detection::Gap;
use storage::{DbError, Read, Tx};
use tokio::task::block_in_place;

/// Days whose gaps are worked out anew at every look: what the windows of a verdict reach back to, so that
/// an outage that was imported with its history is known too.
const GAP_DAYS: i64 = 120;
/// The name under which the watch after a verdict signs its signals.
const RELAPSE: &str = "relapse";

/// What watches an issue after its verdict. An issue that signals of its topic's key do not lead to is
/// named: a part that was split off, an opportunity, what a person called so.
fn watcher(issue: &Issue) -> String {
    if issue.split.is_none() && issue.kind == IssueKind::Problem {
        RELAPSE.to_owned()
    } else {
        format!("{RELAPSE}:{}", issue.id)
    }
}

/// The issue that such a watcher names.
pub(super) fn watched_part(detector: &str) -> Option<IssueId> {
    let named = detector.strip_prefix(RELAPSE)?.strip_prefix(':')?;
    named.parse().ok()
}

/// Whether it is no rule of anybody's, but the watch after a verdict.
pub(super) fn is_watcher(detector: &str) -> bool {
    detector == RELAPSE || watched_part(detector).is_some()
}

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
    // At its close a day has nothing yet that late data could have changed.
    let doubtful = match occasion {
        Occasion::Close => Vec::new(),
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

/// C9: what was improved or recovered is watched from the level after the fix on, whether a rule
/// watches the topic or not.
async fn relapses(
    app: &App,
    setup: &Setup,
    shelf: &mut Shelf,
    day: NaiveDate,
    yesterday: NaiveDate,
) -> Result<Vec<(Detector, Found)>, DbError> {
    let mut found = Vec::new();
    let mut filter = storage::issues::Filter {
        states: vec![State::Resolved.as_str().to_owned()],
        ..Default::default()
    };
    loop {
        let page = storage::issues::list(&app.db, &filter, 200).await?;
        for issue in page.items {
            if issue.subject.kind != SubjectKind::Topic || issue.topic.is_empty() {
                continue;
            }
            let Some(verdict) = verdict_of(&app.db, &issue).await? else {
                continue;
            };
            let history = shelf
                .get(&app.db, setup, &issue.scope, day, yesterday)
                .await?;
            if let Some((rule, signal)) =
                block_in_place(|| came_back(setup, history, &issue, &verdict, day))
            {
                let topic = issue.topic.clone();
                found.push((rule, Found { signal, topic }));
            }
        }
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return Ok(found),
        }
    }
}

/// The verdict that resolved an issue: that of its latest fix.
pub(super) async fn verdict_of(
    db: &impl Read,
    issue: &Issue,
) -> Result<Option<Verification>, DbError> {
    let filter = storage::tasks::Filter {
        issue: Some(issue.id),
        states: vec![domain::tasks::State::Verified.as_str().to_owned()],
        ..Default::default()
    };
    let tasks = storage::tasks::list(db, &filter, 50).await?.items;
    let latest = tasks.iter().max_by_key(|t| t.effective_at);
    match latest {
        Some(task) => storage::verification::latest(db, task.id).await,
        None => Ok(None),
    }
}

/// The running sums of A1 or A2, started anew after the days that judged the fix.
pub(super) fn came_back(
    setup: &Setup,
    history: &super::history::History,
    issue: &Issue,
    verdict: &Verification,
    day: NaiveDate,
) -> Option<(Detector, Signal)> {
    let context = &history.context;
    let (first, last) = context.range(verdict.after.from?, verdict.after.to?)?;
    let series = history.below(&issue.topic, &setup.topics);
    let (mut contacts, mut rated, mut satisfied) = (0_u64, 0_u64, 0_u64);
    for d in first..=last {
        let p = series.day(d);
        contacts += u64::from(p.contacts);
        rated += u64::from(p.rated);
        satisfied += u64::from(p.satisfied);
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of contacts and days")]
    let (contacts, rated, satisfied, days) = (
        contacts as f64,
        rated as f64,
        satisfied as f64,
        (last - first + 1) as f64,
    );
    let counts = matches!(
        verdict.metric,
        Metric::Volume | Metric::RepeatShare | Metric::Containment | Metric::Aht
    ) || rated <= 0.0;
    let params = if counts {
        Params::Spike(Default::default())
    } else {
        Params::CsatFall(Default::default())
    };
    let after = After {
        from: last + 1,
        level: if counts {
            contacts / days
        } else {
            satisfied / rated
        },
        pace: rated / days,
    };
    let rule = Detector {
        scope: issue.scope.clone(),
        ..Detector::new(watcher(issue), params)
    };
    let subject = Subject::topic(issue.topic.clone());
    let events = history.left_out(setup, &issue.topic, issue.scope.channel.as_deref(), day);
    let watched = Watched {
        subject: &subject,
        series: &series,
        open: &events,
    };
    let signal = relapse(&rule, context, watched, after, day)?;
    // One that rang before is either raised already or history.
    (signal.window == day).then_some((rule, signal))
}
