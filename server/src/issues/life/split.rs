//! Splitting an issue in two, and taking the part back.

use super::service::{change, move_tasks, record};
use crate::app::App;
use crate::http::{Code, Problem, spoken};
use domain::detection::Detector;
use domain::identity::Actor;
use domain::ids::{IssueId, TaskId};
use domain::issues::{self, Command, Issue, IssueKind, Left, Refused, Split, Tasks, Wanted};
use domain::organisation::Bilingual;
use domain::tasks::{State, Task};
use storage::detection::Raised;
use storage::{DbError, Read, Tx};

/// Most parts of an issue.
const MOST_PARTS: u64 = 100;
/// Most of each that a person can name.
const MOST_NAMED: usize = 500;
/// Most tasks of an issue that are looked at.
const MOST_TASKS: u64 = 500;

/// What a person wants to be an issue of its own.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// What it is called.
    pub title: String,
    /// Why.
    pub reason: String,
    /// What it is; as the issue when missing.
    pub kind: Option<IssueKind>,
    /// Rules whose signals, past and future, are its own.
    pub rules: Vec<String>,
    /// Further signals.
    pub signals: Vec<String>,
    /// Tasks.
    pub tasks: Vec<TaskId>,
    /// Numbers of supposed causes.
    pub hypotheses: Vec<i64>,
}

/// What went where.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The issue that was split, or that has its part back.
    pub whole: Issue,
    /// The part.
    pub part: Issue,
    /// Signals that moved.
    pub signals: usize,
    /// Signals of the whole now.
    pub signals_left: usize,
    /// Tasks that moved.
    pub tasks: usize,
    /// How many of them somebody still has to deliver.
    pub under_way: usize,
    /// Tasks of the whole now.
    pub tasks_left: usize,
}

async fn tasks_of(db: &impl Read, id: IssueId) -> Result<Vec<Task>, DbError> {
    let filter = storage::tasks::Filter {
        issue: Some(id),
        ..Default::default()
    };
    Ok(storage::tasks::list(db, &filter, MOST_TASKS).await?.items)
}

fn count(tasks: &[Task]) -> Tasks {
    let of = |test: fn(State) -> bool| tasks.iter().filter(|t| test(t.state)).count();
    Tasks {
        under_way: of(|s| {
            matches!(
                s,
                State::Assigned | State::Accepted | State::InProgress | State::Declined
            )
        }),
        waiting: of(|s| matches!(s, State::Done | State::Verifying)),
        solved: of(|s| s == State::Verified),
    }
}

fn left(tasks: &[Task], signals: &[Raised]) -> Left {
    let standing = signals.iter().filter(|s| s.withdrawn_at.is_none());
    Left {
        tasks: count(tasks),
        signals: standing.map(|s| s.signal.clone()).collect(),
    }
}

fn unknown(field: String) -> Problem {
    let text = Bilingual::new("不属于这个问题", "not of this issue");
    Problem::field(field, "unknown", spoken(&text))
}

impl Asked {
    /// Refuses what names nothing, or something else than parts of this issue.
    async fn check(
        &self,
        db: &impl Read,
        issue: &Issue,
        signals: &[Raised],
        tasks: &[Task],
    ) -> Result<(), Problem> {
        let named = [
            self.rules.len(),
            self.signals.len(),
            self.tasks.len(),
            self.hypotheses.len(),
        ];
        if named.iter().all(|n| *n == 0) {
            let text = Bilingual::new(
                "请选择要分出去的规则、信号、任务或原因",
                "name rules, signals, tasks or supposed causes that go along",
            );
            return Err(Problem::field("rules", "required", spoken(&text)));
        }
        if named.iter().any(|n| *n > MOST_NAMED) {
            let text = Bilingual::new("每类最多 500 个", "at most 500 of each");
            return Err(Problem::field("rules", "too_many", spoken(&text)));
        }
        for (n, rule) in self.rules.iter().enumerate() {
            let rang = signals.iter().any(|s| s.signal.detector == *rule);
            if !rang
                && storage::organisation::get::<Detector>(db, rule)
                    .await?
                    .is_none()
            {
                return Err(unknown(format!("rules[{n}]")));
            }
        }
        let missing = |known: bool, field: &str, n: usize| {
            if known {
                Ok(())
            } else {
                Err(unknown(format!("{field}[{n}]")))
            }
        };
        for (n, id) in self.signals.iter().enumerate() {
            missing(signals.iter().any(|s| s.id == *id), "signals", n)?;
        }
        for (n, id) in self.tasks.iter().enumerate() {
            missing(tasks.iter().any(|t| t.id == *id), "tasks", n)?;
        }
        for (n, number) in self.hypotheses.iter().enumerate() {
            let known = issue.hypotheses.iter().any(|h| h.number == *number);
            missing(known, "hypotheses", n)?;
        }
        if storage::issues::split_from(db, issue.id, MOST_PARTS)
            .await?
            .len() as u64
            >= MOST_PARTS
        {
            let text = Bilingual::new("一个问题最多分出 100 个", "at most 100 parts of an issue");
            return Err(Problem::field("rules", "too_many", spoken(&text)));
        }
        Ok(())
    }
}

/// Splits: what a person names is an issue of its own from now on. Signals of its rules join it, its
/// tasks and causes belong to it, and both sides are counted anew.
pub async fn split(
    app: &App,
    tx: &Tx,
    issue: Issue,
    asked: &Asked,
    actor: &Actor,
) -> Result<Moved, Problem> {
    let signals = storage::issues::all_signals(tx, issue.id).await?;
    let tasks = tasks_of(tx, issue.id).await?;
    asked.check(tx, &issue, &signals, &tasks).await?;
    let (gone, kept): (Vec<Raised>, Vec<Raised>) = signals
        .into_iter()
        .partition(|s| asked.rules.contains(&s.signal.detector) || asked.signals.contains(&s.id));
    let (go, stay): (Vec<Task>, Vec<Task>) =
        tasks.into_iter().partition(|t| asked.tasks.contains(&t.id));
    let masked = |text: &str| domain::text::mask(text).text;
    let id = IssueId(app.ids.next());
    let reason = masked(&asked.reason);
    let wanted = Wanted {
        title: masked(&asked.title),
        kind: asked.kind.unwrap_or(issue.kind),
        split: Split {
            from: issue.id,
            at: tx.now(),
            by: actor.clone(),
            reason: reason.clone(),
            rules: asked.rules.clone(),
            // Those of its rules come by themselves; these would be led back.
            signals: asked.signals.clone(),
            tasks: asked.tasks.clone(),
            detector: issue.detector.clone(),
            ended: None,
        },
        hypotheses: asked.hypotheses.clone(),
        has: left(&go, &gone),
    };
    let part = issue.split_off(id, &wanted, tx.now())?;
    let command = Command::SplitOff {
        into: id,
        reason,
        hypotheses: asked.hypotheses.clone(),
        left: left(&stay, &kept),
    };
    let whole = change(app, tx, issue, &command, actor).await?;
    storage::issues::insert_part(tx, &part, &whole).await?;
    let first = gone.iter().rev().map(|s| &s.signal);
    let line = issues::opening(&part, first.clone().find(|s| s.window >= part.alarm_day));
    record(app, tx, id, line.kind, actor, &line.data).await?;
    storage::issues::give_rules(tx, whole.id, &asked.rules, id).await?;
    let ids: Vec<String> = gone.iter().map(|s| s.id.clone()).collect();
    storage::issues::move_signals(tx, &ids, id).await?;
    move_tasks(app, tx, &go, whole.id, id, actor).await?;
    Ok(Moved {
        whole,
        part,
        signals: gone.len(),
        signals_left: kept.len(),
        under_way: count(&go).under_way,
        tasks: go.len(),
        tasks_left: stay.len(),
    })
}

/// Takes a part back: its signals, tasks and causes return, also those that came to it meanwhile, and its
/// rules ring for the whole again.
pub async fn rejoin(
    app: &App,
    tx: &Tx,
    part: Issue,
    reason: &str,
    actor: &Actor,
) -> Result<Moved, Problem> {
    let from = match &part.split {
        Some(split) if split.ended.is_none() => split.from,
        _ => return Err(Refused::State { state: part.state }.into()),
    };
    let Some(whole) = storage::issues::get(tx, from).await? else {
        return Err(Problem::not_found("issue"));
    };
    if let Some(merged) = &whole.merged {
        return Err(Refused::Merged { into: merged.into }.into());
    }
    let parts = storage::issues::split_from(tx, part.id, MOST_PARTS).await?;
    let alive = |p: &Issue| p.split.as_ref().is_some_and(|s| s.ended.is_none());
    if parts.iter().any(alive) {
        let text = Bilingual::new(
            "请先收回从它分出的问题",
            "take back first what was split off from it",
        );
        return Err(Problem::new(Code::WrongState, spoken(&text)));
    }
    let signals = storage::issues::all_signals(tx, part.id).await?;
    let tasks = tasks_of(tx, part.id).await?;
    let command = Command::Rejoin {
        reason: domain::text::mask(reason).text,
        by: actor.clone(),
    };
    let gone = change(app, tx, part.clone(), &command, actor).await?;
    storage::issues::take_rules(tx, part.id).await?;
    let ids: Vec<String> = signals.iter().map(|s| s.id.clone()).collect();
    storage::issues::move_signals(tx, &ids, from).await?;
    move_tasks(app, tx, &tasks, part.id, from, actor).await?;
    let (all, now) = (
        storage::issues::all_signals(tx, from).await?,
        tasks_of(tx, from).await?,
    );
    let command = Command::TakeBack {
        part: Box::new(part),
        left: left(&now, &all),
    };
    let whole = change(app, tx, whole, &command, actor).await?;
    Ok(Moved {
        whole,
        part: gone,
        signals: signals.len(),
        signals_left: all.len(),
        under_way: count(&tasks).under_way,
        tasks: tasks.len(),
        tasks_left: now.len(),
    })
}
