//! The use cases: put aside, open again, wake.

use crate::app::App;
use crate::http::{Code, Problem};
use crate::mail::Letter;
use chrono::TimeDelta;
use domain::clock::{Timestamp, local_day};
use domain::detection::Signal;
use domain::identity::Actor;
use domain::ids::IssueId;
use domain::issues::{self, Asked, Belief, Command, Effect, Hold, Issue, Sizes, State};
use domain::organisation::{Bilingual, Department};
use storage::{DbError, Read, Tx};

/// Days before the end of a hold at which those who run the loop are reminded, if it lasts longer than
/// twice that.
const REMIND_DAYS: i64 = 1;

/// The issue of that id in a transaction, if it still is at `expected` (`None`: whatever it is).
pub async fn read(tx: &Tx, id: IssueId, expected: Option<i64>) -> Result<Issue, Problem> {
    let Some(issue) = storage::issues::get(tx, id).await? else {
        return Err(Problem::not_found("issue"));
    };
    if expected.is_some_and(|e| e != issue.version) {
        return Err(Problem::new(Code::Stale, format!("issue {id}")));
    }
    Ok(issue)
}

/// Applies a command: state, history and effects together. An issue whose state does not allow it is
/// refused.
pub async fn change(
    app: &App,
    tx: &Tx,
    issue: Issue,
    command: &Command,
    actor: &Actor,
) -> Result<Issue, Problem> {
    let (next, effects) = issues::apply(issue.clone(), command, tx.now())?;
    storage::issues::update(tx, &next).await?;
    if let Some(line) = issues::line(&issue, &next, command) {
        record(app, tx, next.id, line.kind, actor, &line.data).await?;
    }
    for effect in effects {
        match effect {
            Effect::ScheduleWake => schedule(app, tx, &next).await?,
            Effect::TellLoop => woken(app, tx, &issue, &next).await?,
            // Detection tells of what rings: it knows the signal.
            Effect::Notify => {}
        }
    }
    Ok(next)
}

pub(super) async fn record(
    app: &App,
    tx: &Tx,
    id: IssueId,
    kind: &str,
    actor: &Actor,
    data: &serde_json::Value,
) -> Result<(), DbError> {
    let (event, id) = (app.ids.next(), id.to_string());
    storage::events::record(tx, event, "issue", &id, kind, actor, data).await
}

/// What the signals of an issue that stand speak of.
async fn sizes(db: &impl Read, id: IssueId) -> Result<Sizes, DbError> {
    let signals: Vec<Signal> = storage::issues::signals(db, id)
        .await?
        .into_iter()
        .filter(|s| s.withdrawn_at.is_none())
        .map(|s| s.signal)
        .collect();
    Ok(issues::sizes(&signals))
}

/// Tasks of an issue that somebody still has to deliver or to answer for.
async fn open_tasks(db: &impl Read, id: IssueId) -> Result<usize, DbError> {
    let filter = storage::tasks::Filter {
        issue: Some(id),
        ..Default::default()
    };
    let all = storage::tasks::list(db, &filter, 500).await?.items;
    let open = all
        .iter()
        .filter(|t| t.parent.is_none() && t.state.is_open());
    Ok(open.count())
}

/// Puts an issue aside.
pub async fn put_aside(
    app: &App,
    tx: &Tx,
    issue: Issue,
    asked: &Asked,
    actor: &Actor,
) -> Result<Issue, Problem> {
    let asked = Asked {
        note: domain::text::mask(&asked.note).text,
        ..asked.clone()
    };
    let sizes = sizes(tx, issue.id).await?;
    let hold = Hold::new(&asked, issue.state, sizes, actor.clone(), tx.now())
        .map_err(issues::Refused::from)?;
    let open_tasks = open_tasks(tx, issue.id).await?;
    let command = Command::PutAside { hold, open_tasks };
    change(app, tx, issue, &command, actor).await
}

/// Opens an issue again that was put aside or resolved.
pub async fn reopen(
    app: &App,
    tx: &Tx,
    issue: Issue,
    reason: &str,
    actor: &Actor,
) -> Result<Issue, Problem> {
    let reason = domain::text::mask(reason).text;
    change(app, tx, issue, &Command::Reopen { reason }, actor).await
}

/// Writes down when a hold ends, and the reminder before. Both name the hold: of a later one they know
/// nothing and do nothing.
async fn schedule(app: &App, tx: &Tx, issue: &Issue) -> Result<(), DbError> {
    let Some(hold) = &issue.held else {
        return Ok(());
    };
    let since = hold.since.timestamp_micros();
    let mut write = vec![("wake", hold.until)];
    let remind = TimeDelta::days(REMIND_DAYS);
    if hold.until - hold.since > remind * 2 {
        write.push(("remind", hold.until - remind));
    }
    for (what, run_at) in write {
        let payload =
            serde_json::json!({"issue": issue.id.to_string(), "since": since, "what": what});
        let job = storage::queue::NewJob {
            unique_key: Some(format!("hold:{}:{since}:{what}", issue.id)),
            ..crate::jobs::job(app.ids.as_ref(), "hold", payload, run_at)
        };
        storage::queue::enqueue(tx, &job).await?;
    }
    Ok(())
}

/// What is known of a hold, for whoever decides again.
async fn about(db: &impl Read, issue: &Issue, hold: &Hold) -> Result<Vec<Bilingual>, DbError> {
    let zone = storage::organisation::organisation(db).await?.zone;
    let (since, until) = (local_day(hold.since, zone), local_day(hold.until, zone));
    let by = &hold.by.name;
    let mut lines = vec![match hold.reason {
        Some(reason) => Bilingual::new(
            format!(
                "{by} 于 {since} 忽略了它（{}），复查日期 {until}。",
                reason.title().zh
            ),
            format!(
                "{by} dismissed it on {since} ({}), to be reviewed on {until}.",
                reason.title().en
            ),
        ),
        None => Bilingual::new(
            format!("{by} 于 {since} 暂缓了它，到 {until} 为止。"),
            format!("{by} snoozed it on {since}, until {until}."),
        ),
    }];
    if !hold.note.is_empty() {
        lines.push(Bilingual::new(
            format!("说明：{}", hold.note),
            format!("Note: {}", hold.note),
        ));
    }
    let now = sizes(db, issue.id).await?;
    let level = |sizes: &Sizes| -> String {
        let all: Vec<String> = sizes.values().map(|v| format!("{v:.0}")).collect();
        if all.is_empty() {
            "–".to_owned()
        } else {
            all.join(" / ")
        }
    };
    lines.push(Bilingual::new(
        format!(
            "当时每天约 {} 次，最近一次触发约 {} 次；增长到 {} 倍会自动提前打开。",
            level(&hold.sizes),
            level(&now),
            hold.factor
        ),
        format!(
            "About {} a day then, about {} when it last rang; growing by {} times opens it before its day.",
            level(&hold.sizes),
            level(&now),
            hold.factor
        ),
    ));
    Ok(lines)
}

/// A note to everybody who runs the loop, once per `key`; the history says whom.
pub async fn tell_loop(
    app: &App,
    tx: &Tx,
    issue: &Issue,
    key: &str,
    event: &str,
    letter: &Letter,
) -> Result<(), DbError> {
    let departments: Vec<Department> = storage::organisation::all(tx).await?;
    let organisation = storage::organisation::organisation(tx).await?;
    let readers = crate::detection::loop_people(tx, &departments, &organisation).await?;
    if readers.to.is_empty() {
        let data = serde_json::json!({"about": event});
        let actor = Actor::system();
        return record(app, tx, issue.id, "issue.nobody_to_tell", &actor, &data).await;
    }
    for (index, to) in readers.to.iter().enumerate() {
        let mut delivery = crate::mail::delivery(
            app.ids.next(),
            to,
            letter,
            format!("{key}:{index}"),
            format!("issue:{}", issue.id),
            tx.now(),
        );
        delivery.issue_id = Some(issue.id.to_string());
        if crate::mail::enqueue(app, tx, &delivery).await? {
            let data = serde_json::json!({"to": to.email, "delivery": delivery.id});
            record(app, tx, issue.id, event, &Actor::system(), &data).await?;
        }
    }
    Ok(())
}

fn letter(issue: &Issue, what: Bilingual, lines: Vec<Bilingual>) -> Letter {
    Letter::LoopNote {
        heading: issue
            .heading
            .clone()
            .unwrap_or_else(|| Bilingual::new(issue.title.clone(), issue.title.clone())),
        what,
        lines,
        link: format!("/issues/{}", issue.id),
    }
}

/// Tells that a hold has ended. `before` still has it.
async fn woken(app: &App, tx: &Tx, before: &Issue, issue: &Issue) -> Result<(), DbError> {
    let Some(hold) = &before.held else {
        return Ok(());
    };
    let what = match hold.reason {
        Some(_) => Bilingual::new("请复查已忽略的问题", "A dismissed issue is to be reviewed"),
        None => Bilingual::new("暂缓到期", "A snooze has ended"),
    };
    let mut lines = about(tx, before, hold).await?;
    lines.push(Bilingual::new(
        "它已重新打开，请决定：指派任务、再次暂缓，或忽略。",
        "It is open again. Please decide: assign a task, snooze it once more, or dismiss it.",
    ));
    let key = format!("issue:{}:woken:{}", issue.id, hold.since.timestamp_micros());
    let letter = letter(issue, what, lines);
    tell_loop(app, tx, issue, &key, "issue.notified", &letter).await
}

/// The end of the hold that began at `since` (microseconds): the issue is open again. `false`: that
/// hold is no more.
pub async fn wake(app: &App, tx: &Tx, id: IssueId, since: i64) -> Result<bool, Problem> {
    let Some(issue) = held_since(tx, id, since).await? else {
        return Ok(false);
    };
    change(app, tx, issue, &Command::Wake, &Actor::system()).await?;
    Ok(true)
}

/// Reminds of the hold that began at `since`, unless it is over already: then its end is told.
pub async fn remind(app: &App, tx: &Tx, id: IssueId, since: i64) -> Result<bool, DbError> {
    let Some(issue) = held_since(tx, id, since).await? else {
        return Ok(false);
    };
    let Some(hold) = issue.held.as_ref().filter(|h| h.until > tx.now()) else {
        return Ok(false);
    };
    let what = Bilingual::new(
        "搁置的问题即将到期",
        "An issue that was put aside comes back soon",
    );
    let key = format!("issue:{id}:remind:{since}");
    let letter = letter(&issue, what, about(tx, &issue, hold).await?);
    tell_loop(app, tx, &issue, &key, "issue.reminded", &letter).await?;
    Ok(true)
}

async fn held_since(tx: &Tx, id: IssueId, since: i64) -> Result<Option<Issue>, DbError> {
    let issue = storage::issues::get(tx, id).await?;
    let same = |at: Timestamp| at.timestamp_micros() == since;
    Ok(issue.filter(|i| i.held.as_ref().is_some_and(|h| same(h.since))))
}

/// Most issues that can be merged into one.
const MOST_MERGED: u64 = 100;
/// Most tasks that go along with an issue.
const MOST_TASKS: u64 = 500;

/// What a merge does, in figures.
#[derive(Clone, Debug)]
pub struct Merging {
    /// The issue whose signals go to the other.
    pub from: Issue,
    /// The other.
    pub into: Issue,
    /// Its signals, at most 100.
    pub signals: usize,
    /// Its tasks, which go along.
    pub tasks: Vec<domain::tasks::Task>,
    /// How many of them are under way.
    pub under_way: usize,
    /// Issues that were merged into it before and follow it.
    pub following: usize,
    /// Issues that have been merged into the other already.
    pub merged_before: usize,
}

/// Looks at a merge without doing it.
pub async fn merging(db: &impl Read, from: Issue, into: IssueId) -> Result<Merging, Problem> {
    if from.id == into {
        return Err(issues::Refused::Loop.into());
    }
    let Some(target) = storage::issues::get(db, into).await? else {
        return Err(Problem::field("into", "unknown", "no such issue"));
    };
    // With this there can be no loop: whoever was merged is no target any more.
    if let Some(merged) = &target.merged {
        return Err(issues::Refused::Merged { into: merged.into }.into());
    }
    if let Some(merged) = &from.merged {
        return Err(issues::Refused::Merged { into: merged.into }.into());
    }
    let merged_before = storage::issues::merged_into(db, into, MOST_MERGED)
        .await?
        .len();
    if merged_before as u64 >= MOST_MERGED {
        return Err(Problem::field(
            "into",
            "too_many",
            crate::http::spoken(&Bilingual::new(
                "最多 100 个问题并入同一个问题",
                "at most 100 issues in one",
            )),
        ));
    }
    let filter = storage::tasks::Filter {
        issue: Some(from.id),
        ..Default::default()
    };
    let tasks = storage::tasks::list(db, &filter, MOST_TASKS).await?.items;
    Ok(Merging {
        signals: storage::issues::signals(db, from.id).await?.len(),
        under_way: tasks.iter().filter(|t| t.state.is_under_way()).count(),
        following: storage::issues::merged_into(db, from.id, MOST_MERGED)
            .await?
            .len(),
        tasks,
        merged_before,
        from,
        into: target,
    })
}

pub(super) async fn move_tasks(
    app: &App,
    tx: &Tx,
    tasks: &[domain::tasks::Task],
    from: IssueId,
    to: IssueId,
    actor: &Actor,
) -> Result<(), DbError> {
    for task in tasks {
        storage::tasks::move_to(tx, task, to).await?;
        let data = serde_json::json!({"from_issue": from, "to_issue": to});
        let (event, id) = (app.ids.next(), task.id.to_string());
        storage::events::record(tx, event, "task", &id, "task.issue_changed", actor, &data).await?;
    }
    Ok(())
}

/// Merges: from now on the signals of one issue join the other, and its tasks belong to it.
pub async fn merge(app: &App, tx: &Tx, merging: Merging, actor: &Actor) -> Result<Issue, Problem> {
    let Merging {
        from, into, tasks, ..
    } = &merging;
    let command = Command::Merge {
        into: into.id,
        by: actor.clone(),
        tasks: tasks.iter().map(|t| t.id).collect(),
    };
    let gone = change(app, tx, from.clone(), &command, actor).await?;
    move_tasks(app, tx, tasks, from.id, into.id, actor).await?;
    let data = serde_json::json!({
        "issue": from.id, "target": from.title, "signals": merging.signals, "tasks": tasks.len(),
    });
    record(app, tx, into.id, "issue.absorbed", actor, &data).await?;
    let idle = !matches!(into.state, State::InProgress);
    if merging.under_way > 0 && idle {
        change(app, tx, into.clone(), &Command::TaskAssigned, actor).await?;
    }
    Ok(gone)
}

/// Takes a merge back: signals are the issue's own again from now on, and the tasks that went along
/// come back. What joined the other issue meanwhile stays there.
pub async fn unmerge(
    app: &App,
    tx: &Tx,
    issue: Issue,
    reason: &str,
    actor: &Actor,
) -> Result<Issue, Problem> {
    let merged = issue.merged.clone();
    let reason = domain::text::mask(reason).text;
    let id = issue.id;
    let mut back = change(app, tx, issue, &Command::Unmerge { reason }, actor).await?;
    let Some(merged) = merged else {
        return Ok(back);
    };
    let mut tasks = Vec::new();
    for task in &merged.tasks {
        let task = storage::tasks::hold(tx, *task).await?;
        tasks.extend(task.filter(|t| t.issue_id == merged.into));
    }
    move_tasks(app, tx, &tasks, merged.into, id, actor).await?;
    if let Some(target) = storage::issues::get(tx, merged.into).await? {
        let data = serde_json::json!({"issue": id, "target": back.title, "tasks": tasks.len()});
        record(app, tx, target.id, "issue.released", actor, &data).await?;
        settle(app, tx, target, actor).await?;
    }
    if tasks.iter().any(|t| t.state.is_under_way()) && back.state != State::InProgress {
        back = change(app, tx, back, &Command::TaskAssigned, actor).await?;
    } else {
        back = settle(app, tx, back, actor).await?;
    }
    Ok(back)
}

/// Where nobody works on an issue any more it is open.
async fn settle(app: &App, tx: &Tx, issue: Issue, actor: &Actor) -> Result<Issue, Problem> {
    if issue.state == State::InProgress && open_tasks(tx, issue.id).await? == 0 {
        return change(app, tx, issue, &Command::NoTaskLeft, actor).await;
    }
    Ok(issue)
}

/// Writes down a supposed cause.
pub async fn suppose(
    app: &App,
    tx: &Tx,
    issue: Issue,
    text: &str,
    department: Option<&str>,
    actor: &Actor,
) -> Result<Issue, Problem> {
    if let Some(key) = department
        && storage::organisation::get::<Department>(tx, key)
            .await?
            .is_none()
    {
        return Err(Problem::field(
            "department",
            "unknown",
            "no such department",
        ));
    }
    let command = Command::Suppose {
        text: domain::text::mask(text).text,
        department: department.map(str::to_owned),
        by: actor.clone(),
    };
    change(app, tx, issue, &command, actor).await
}

/// Writes down what somebody thinks of a supposed cause.
pub async fn judge(
    app: &App,
    tx: &Tx,
    issue: Issue,
    number: i64,
    state: Belief,
    why: &str,
    actor: &Actor,
) -> Result<Issue, Problem> {
    if !issue.hypotheses.iter().any(|h| h.number == number) {
        return Err(Problem::not_found("hypothesis"));
    }
    let command = Command::Settle {
        number,
        state,
        why: domain::text::mask(why).text,
    };
    change(app, tx, issue, &command, actor).await
}
