//! What verified tasks are worth: over their after-window, month by month, and in sum.

use crate::app::App;
use crate::tasks::{Setting, Span, topic_rows};
use chrono::{NaiveDate, TimeDelta};
use domain::clock::local_day;
use domain::detection::SubjectKind;
use domain::facts::{Class, Counters};
use domain::issues::Issue;
use domain::organisation::Topic;
use domain::tasks::Task;
use domain::verification::savings::{Costs, Counted, Level, Measured, Savings, savings};
use domain::verification::statement::{Earned, Month, Report, Statement, report, statement};
use domain::verification::{DayRow, Metric, Verdict, Verification};
use storage::{DbError, Read, Tx};

/// Days after the end of a month in which its ratings and contacts may still come.
const CLOSING_DAYS: i64 = 3;

const CONTACTS: [Class; 2] = [Class::Contact, Class::Survey];

/// The month whose cost is counted with `day`: its own, or the last complete one while its own is not
/// over, because its cost belongs to tickets that are still to come. `None` for a month to come.
fn cost_month(day: NaiveDate, today: NaiveDate) -> Option<Month> {
    let (month, running) = (Month::of(day), Month::of(today));
    if month > running {
        None
    } else if month == running {
        Some(Month::of(running.first() - TimeDelta::days(1)))
    } else {
        Some(month)
    }
}

/// What contacts cost in a month. Nobody guesses money: what is not told is not there.
async fn costs(db: &impl Read, month: Option<Month>) -> Result<Costs, DbError> {
    let organisation = storage::organisation::organisation(db).await?;
    let rates = Costs {
        total_cents: None,
        resolved: 0,
        marginal_share: organisation.marginal_share,
        cents_per_minute: organisation.unit_cost_cents_per_minute,
    };
    let Some(month) = month else {
        return Ok(rates);
    };
    let query = storage::facts::Query {
        from: Some(month.first()),
        to: Some(month.last()),
        classes: vec![Class::Contact],
        ..Default::default()
    };
    let resolved = storage::facts::sum(db, &query)
        .await?
        .first()
        .map_or(0, |s| s.counters.resolved);
    Ok(Costs {
        total_cents: organisation
            .support_cost(&month.to_string())
            .map(|cost| cost.total_cents()),
        resolved,
        ..rates
    })
}

/// The day on which the trouble came back after the task's fix, if it did.
fn relapsed_on(task: &Task, issue: Option<&Issue>, zone: chrono_tz::Tz) -> Option<NaiveDate> {
    let issue = issue.filter(|i| i.openings > 1)?;
    let fixed = task.effective_at?;
    (issue.opened_at > fixed).then(|| local_day(issue.opened_at, zone).max(issue.alarm_day))
}

fn sum(rows: &[DayRow], from: NaiveDate, to: NaiveDate) -> Counters {
    let mut all = Counters::default();
    for row in rows.iter().filter(|r| from <= r.day && r.day <= to) {
        all.add(&row.counters);
    }
    all
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn float(count: i64) -> f64 {
    count.max(0) as f64
}

/// Compensation per contact in the days before, in cents, where any is recorded.
fn compensation_before(verification: &Verification, rows: &[DayRow]) -> Option<f64> {
    let (from, to) = verification.before.from.zip(verification.before.to)?;
    let before = sum(rows, from, to);
    (before.compensation_cents > 0)
        .then(|| ratio(before.compensation_cents, before.contacts))
        .flatten()
}

/// What was measured, handling times included where they were a guard of a goal of volume.
fn measured(verification: &Verification) -> Measured {
    let handling = verification
        .guard_metrics
        .iter()
        .find(|g| g.metric == Metric::Aht)
        .and_then(|g| g.effect)
        .filter(|_| verification.metric == Metric::Volume);
    Measured::of(verification, handling.as_ref())
}

async fn rows(
    db: &impl Read,
    setting: &Setting,
    task: &Task,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<DayRow>, DbError> {
    let span = Span {
        anchor: from,
        windows_from: from,
        history_end: from,
        today: to,
    };
    let channels = &task.contract.channels;
    let mut rows = topic_rows(db, setting, task.contract.watched(), &CONTACTS, span).await?;
    rows.retain(|row| channels.is_empty() || channels.contains(&row.channel));
    Ok(rows)
}

/// Whether a result can be worth money: contacts about a topic that no longer come are saved. Fewer by
/// one channel may have come by another, and searches, votes and one agent's calls are no contacts less.
fn has_worth(task: &Task) -> bool {
    task.contract.subject.kind == SubjectKind::Topic && task.contract.measurable
}

/// What the days of the after-window were worth; `None` before anything was measured.
pub async fn since_fix(
    app: &App,
    setting: &Setting,
    task: &Task,
    verification: &Verification,
) -> Result<Option<Savings>, DbError> {
    let Some((from, to)) = verification.after.from.zip(verification.after.to) else {
        return Ok(None);
    };
    if !has_worth(task) {
        return Ok(None);
    }
    if verification.verdict == Verdict::Pending || from > to {
        return Ok(None);
    }
    let first = verification.before.from.unwrap_or(from).min(from);
    let all = rows(&app.db, setting, task, first, to).await?;
    let after = sum(&all, from, to);
    let counted = Counted {
        days: float((to - from).num_days() + 1),
        level: None,
        contacts: float(after.contacts),
        seconds: ratio(after.handle_sum, after.handle_n),
        compensation_cents: float(after.compensation_cents),
        compensation_before: compensation_before(verification, &all),
    };
    let issue = storage::issues::get(&app.db, task.issue_id).await?;
    let relapsed = relapsed_on(task, issue.as_ref(), setting.zone).is_some();
    let costs = costs(&app.db, cost_month(to, local_day(app.now(), setting.zone))).await?;
    Ok(Some(savings(
        &measured(verification),
        &[counted],
        &costs,
        relapsed,
    )))
}

fn above(topic: &str, topics: &[Topic]) -> Vec<String> {
    let mut all = Vec::new();
    let mut at = topic.to_owned();
    // As many steps as there are topics: a circle ends too.
    while all.len() < topics.len() {
        let Some(parent) = topics
            .iter()
            .find(|t| t.key == at)
            .and_then(|t| t.parent.clone())
        else {
            break;
        };
        all.push(parent.clone());
        at = parent;
    }
    all
}

/// A task as its statements need it; `None` while it is not verified.
async fn earned(
    db: &impl Read,
    setting: &Setting,
    task: &Task,
    verification: &Verification,
) -> Result<Option<Earned>, DbError> {
    if !has_worth(task) || !matches!(verification.verdict, Verdict::Improved | Verdict::Recovered) {
        return Ok(None);
    }
    let issue = storage::issues::get(db, task.issue_id).await?;
    let topic = task.contract.watched().to_owned();
    let before = match verification.before.from.zip(verification.before.to) {
        Some((from, to)) => {
            let all = rows(db, setting, task, from, to).await?;
            compensation_before(verification, &all)
        }
        None => None,
    };
    let looked_at = match verification.after.from.zip(verification.after.to) {
        Some((from, to)) if from <= to => {
            let after = sum(&rows(db, setting, task, from, to).await?, from, to);
            let level = Level {
                contacts_per_day: float(after.contacts) / float((to - from).num_days() + 1),
                seconds: ratio(after.handle_sum, after.handle_n),
            };
            Some((to, level))
        }
        _ => None,
    };
    Ok(Some(Earned {
        task: task.id.to_string(),
        above: above(&topic, &setting.topics),
        name: crate::issues::topic_name(&topic, &setting.topics),
        topic,
        effective_day: verification.effective_day,
        relapsed_on: relapsed_on(task, issue.as_ref(), setting.zone),
        together_with: verification.together_with.clone(),
        measured: measured(verification),
        looked_at,
        compensation_before: before,
    }))
}

async fn of_month(
    db: &impl Read,
    setting: &Setting,
    task: &Task,
    earned: &Earned,
    month: Month,
    today: NaiveDate,
) -> Result<Option<Statement>, DbError> {
    let all = rows(db, setting, task, month.first(), month.last()).await?;
    let costs = costs(db, cost_month(month.last(), today)).await?;
    Ok(statement(earned, month, &all, &costs, today))
}

/// Whether a month is over for good.
fn is_closed(month: Month, today: NaiveDate) -> bool {
    today > month.last() + TimeDelta::days(CLOSING_DAYS)
}

/// A month's statement and whether it is frozen.
#[derive(Clone, Debug)]
pub struct Monthly {
    /// What it says.
    pub statement: Statement,
    /// Written down for good; the others are computed anew whenever they are asked for.
    pub frozen: bool,
    /// The verdict that it stood on fell since: the amount no longer counts.
    pub withdrawn: bool,
}

/// A frozen statement of a verdict that fell: its amounts stay as they were written down, and it says
/// that they no longer count.
fn withdrawn(mut statement: Statement) -> Statement {
    statement
        .sentence
        .zh
        .push_str("（后来到的数据推翻了验证结论，这些金额不再计入。）");
    statement
        .sentence
        .en
        .push_str(" (Later data overturned the verdict: these amounts no longer count.)");
    statement
}

/// The monthly statements of a task, oldest first.
pub async fn statements(app: &App, task: &Task) -> Result<Vec<Monthly>, DbError> {
    let mut all: Vec<Monthly> = storage::verification::statements::<Statement>(&app.db, task.id)
        .await?
        .into_iter()
        .map(|(_, statement)| Monthly {
            statement,
            frozen: true,
            withdrawn: false,
        })
        .collect();
    let setting = Setting::read(&app.db, app.now()).await?;
    let today = local_day(app.now(), setting.zone);
    let Some(verification) = storage::verification::latest(&app.db, task.id).await? else {
        return Ok(all);
    };
    let Some(earned) = earned(&app.db, &setting, task, &verification).await? else {
        let fallen = all.into_iter().map(|m| Monthly {
            statement: withdrawn(m.statement),
            frozen: true,
            withdrawn: true,
        });
        return Ok(fallen.collect());
    };
    for month in earned.months(today) {
        let name = month.to_string();
        if all.iter().any(|m| m.statement.month == name) {
            continue;
        }
        let fresh = of_month(&app.db, &setting, task, &earned, month, today).await?;
        all.extend(fresh.map(|statement| Monthly {
            statement,
            frozen: false,
            withdrawn: false,
        }));
    }
    all.sort_by(|a, b| a.statement.month.cmp(&b.statement.month));
    Ok(all)
}

/// Freezes the statements of a task's closed months that are not frozen yet.
pub(super) async fn freeze(tx: &Tx, task: &Task) -> Result<(), DbError> {
    let Some(verification) = storage::verification::latest(tx, task.id).await? else {
        return Ok(());
    };
    let setting = Setting::read(tx, tx.now()).await?;
    let today = local_day(tx.now(), setting.zone);
    let Some(earned) = earned(tx, &setting, task, &verification).await? else {
        return Ok(());
    };
    let frozen = storage::verification::statements::<Statement>(tx, task.id).await?;
    for month in earned.months(today) {
        let name = month.to_string();
        if !is_closed(month, today) || frozen.iter().any(|(m, _)| *m == name) {
            continue;
        }
        if let Some(fresh) = of_month(tx, &setting, task, &earned, month, today).await? {
            storage::verification::freeze(tx, task.id, &name, &fresh).await?;
            tracing::debug!(task = %task.id, month = name, "a statement was frozen");
        }
    }
    Ok(())
}

/// The organisation's month: the statements of all verified tasks of the departments that `seen` lets
/// through, every topic counted once.
pub async fn savings_of(
    app: &App,
    month: Month,
    seen: impl Fn(&str) -> bool,
) -> Result<Report, DbError> {
    let setting = Setting::read(&app.db, app.now()).await?;
    let today = local_day(app.now(), setting.zone);
    let frozen =
        storage::verification::statements_of::<Statement>(&app.db, &month.to_string()).await?;
    let mut all = Vec::new();
    let mut fallen = Vec::new();
    for task in setting.deployed.iter().filter(|t| seen(&t.department)) {
        let Some(verification) = storage::verification::latest(&app.db, task.id).await? else {
            continue;
        };
        let id = task.id.to_string();
        let Some(earned) = earned(&app.db, &setting, task, &verification).await? else {
            // The month was closed with it: whoever saw that sum must find where it went.
            let of_task = frozen.iter().filter(|(task, _)| *task == id);
            fallen.extend(of_task.map(|(_, s)| withdrawn(s.clone())));
            continue;
        };
        let kept = frozen
            .iter()
            .find(|(task, _)| *task == id)
            .map(|(_, s)| s.clone());
        let statement = match kept {
            Some(statement) => Some(statement),
            None => of_month(&app.db, &setting, task, &earned, month, today).await?,
        };
        all.extend(statement.map(|s| (earned, s)));
    }
    let base = cost_month(month.last(), today);
    let costs = costs(&app.db, base).await?;
    let mut report = report(month, &costs, all);
    report.cost.month = base.map(|m| m.to_string());
    report.withdraw(fallen);
    Ok(report)
}
