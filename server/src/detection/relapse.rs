//! C9: what a verdict found good is watched from then on, whatever its goal was and whether a rule watches
//! it or not.

use super::history::{History, Setup};
use super::judge::{Found, Shelf};
use crate::app::App;
use chrono::{NaiveDate, TimeDelta};
use domain::detection::{
    After, DayType, Detector, Params, Reached, Signal, Subject, SubjectKind, Watched, goal_lost,
    metric_is_watched, relapse,
};
use domain::facts::Detail;
use domain::ids::IssueId;
use domain::issues::{Issue, IssueKind, State};
use domain::organisation::{path, subtree};
use domain::tasks::Task;
use domain::verification::{DayRow, Metric, Verification};
use storage::{DbError, Read};
use tokio::task::block_in_place;

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

/// C9: what was improved or recovered is watched from the level after the fix on, whether a rule
/// watches the topic or not.
pub(super) async fn relapses(
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
            let Some(fix) = fix_of(&app.db, &issue).await? else {
                continue;
            };
            let days = (day, yesterday);
            if let Some((rule, signal)) = lost_again(app, setup, shelf, &issue, &fix, days).await? {
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

/// The fix that resolved an issue, and its verdict: the latest one.
pub(super) async fn fix_of(
    db: &impl Read,
    issue: &Issue,
) -> Result<Option<(Task, Verification)>, DbError> {
    let filter = storage::tasks::Filter {
        issue: Some(issue.id),
        states: vec![domain::tasks::State::Verified.as_str().to_owned()],
        ..Default::default()
    };
    let tasks = storage::tasks::list(db, &filter, 50).await?.items;
    let Some(latest) = tasks.into_iter().max_by_key(|t| t.effective_at) else {
        return Ok(None);
    };
    let verdict = storage::verification::latest(db, latest.id).await?;
    Ok(verdict.map(|verdict| (latest, verdict)))
}

/// What a day says of a fix: satisfaction and contacts of a topic are watched as their detectors watch
/// them, every other goal by its own level.
pub(super) async fn lost_again(
    app: &App,
    setup: &Setup,
    shelf: &mut Shelf,
    issue: &Issue,
    (task, verdict): &(Task, Verification),
    (day, yesterday): (NaiveDate, NaiveDate),
) -> Result<Option<(Detector, Signal)>, DbError> {
    let of_topic = issue.subject.kind == SubjectKind::Topic;
    if of_topic && issue.topic.is_empty() {
        return Ok(None);
    }
    let as_detectors = of_topic && matches!(verdict.metric, Metric::Csat | Metric::Volume);
    if !as_detectors && let Some(reached) = reached(task, verdict) {
        return goal(app, setup, issue, task, &reached, day).await;
    }
    if !of_topic {
        return Ok(None);
    }
    let history = shelf
        .get(&app.db, setup, &issue.scope, day, yesterday)
        .await?;
    Ok(block_in_place(|| {
        came_back(setup, history, issue, verdict, day)
    }))
}

/// The level that a verdict found; `None` where it found none, or where contacts are counted.
fn reached(task: &Task, verdict: &Verification) -> Option<Reached> {
    let (before, after) = match (verdict.before.adjusted, verdict.after.adjusted) {
        (Some(before), Some(after)) => (before, after),
        _ => (verdict.before.value?, verdict.after.value?),
    };
    metric_is_watched(verdict.metric).then_some(Reached {
        metric: verdict.metric,
        before,
        after,
        smallest_change: task.contract.smallest_change,
        noise: verdict.method.noise_factor,
        from: verdict.after.from?,
        to: verdict.after.to?,
    })
}

/// Days of silence after a relapse that somebody heard of.
const QUIET: i64 = 14;

/// Whether a day says that the goal of a verdict is lost.
async fn goal(
    app: &App,
    setup: &Setup,
    issue: &Issue,
    task: &Task,
    reached: &Reached,
    day: NaiveDate,
) -> Result<Option<(Detector, Signal)>, DbError> {
    let rule = Detector {
        scope: issue.scope.clone(),
        ..Detector::new(watcher(issue), Params::Spike(Default::default()))
    };
    let heard = setup
        .heard
        .as_ref()
        .and_then(|all| all.get(&(rule.key.clone(), issue.subject.key.clone())));
    if heard.is_some_and(|days| {
        let silent = day - TimeDelta::days(QUIET)..day;
        days.iter().any(|d| silent.contains(d))
    }) {
        return Ok(None);
    }
    let rows = measured(&app.db, setup, task, reached, day).await?;
    let above = match issue.subject.kind {
        SubjectKind::Topic => path(&issue.topic, &setup.topics),
        _ => Vec::new(),
    };
    let events = setup.events(&above, issue.scope.channel.as_deref(), reached.from, day);
    let day_type = |on: NaiveDate| {
        let of_all = setup.day(on);
        if of_all.left_out || events.iter().any(|(from, to)| (*from..=*to).contains(&on)) {
            DayType::LeftOut
        } else if of_all.off {
            DayType::Off
        } else {
            DayType::Working
        }
    };
    let signal = goal_lost(&rule, &issue.subject, reached, &rows, day_type, day);
    Ok(signal.map(|signal| (rule, signal)))
}

/// The days of a verdict and those since, of what its contract measures.
async fn measured(
    db: &impl Read,
    setup: &Setup,
    task: &Task,
    reached: &Reached,
    until: NaiveDate,
) -> Result<Vec<DayRow>, DbError> {
    let contract = &task.contract;
    let subject = &contract.subject;
    let detail = match subject.kind {
        SubjectKind::Topic | SubjectKind::Channel => None,
        SubjectKind::Agent => Some(Detail::Agent),
        SubjectKind::SearchTerm => Some(Detail::SearchTerm),
        SubjectKind::Article => Some(Detail::Article),
    };
    if let Some(kind) = detail {
        let of = [subject.key.clone()];
        let sums = storage::facts::detail_days(db, kind, &of, reached.from, until).await?;
        let row = |s: storage::facts::DetailSum| {
            Some(DayRow {
                day: s.day?,
                channel: String::new(),
                counters: s.counters,
            })
        };
        return Ok(sums.into_iter().filter_map(row).collect());
    }
    let of_topic = subject.kind == SubjectKind::Topic;
    let query = storage::facts::Query {
        from: Some(reached.from),
        to: Some(until),
        topics: of_topic.then(|| subtree(contract.watched(), &setup.topics)),
        channel: (!of_topic).then(|| subject.key.clone()),
        classes: reached.metric.classes().to_vec(),
        by_day: true,
        by_channel: true,
        ..Default::default()
    };
    let sums = storage::facts::sum(db, &query).await?;
    Ok(sums
        .into_iter()
        .filter_map(|s| {
            Some(DayRow {
                day: s.day?,
                channel: s.channel.unwrap_or_default(),
                counters: s.counters,
            })
        })
        .filter(|row| contract.channels.is_empty() || contract.channels.contains(&row.channel))
        .collect())
}

/// The running sums of A1 or A2, started anew after the days that judged the fix.
fn came_back(
    setup: &Setup,
    history: &History,
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
    let counts = verdict.metric == Metric::Volume || rated <= 0.0;
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
