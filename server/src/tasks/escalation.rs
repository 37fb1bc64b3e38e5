//! What happens by itself to tasks that are unanswered, silent or late: one look at a time, in one
//! transaction with the mails and the history that it writes.

use super::offer::Actions;
use super::people::{Clocks, People};
use super::service::{ActError, act_in, record};
use crate::app::{App, Shared};
use crate::jobs::{JobError, Outcome, job};
use chrono::TimeDelta;
use domain::calendar::Days;
use domain::clock::Timestamp;
use domain::identity::Actor;
use domain::ids::TaskId;
use domain::organisation::Owner;
use domain::tasks::escalation::{
    Action, DEFAULT, Fired, Life, Look, Move, Policy, look, policy_for,
};
use domain::tasks::{Command, PassOn, State, Task};
use std::collections::BTreeMap;
use storage::escalation::{self as store, Done};
use storage::{DbError, Read, Tx};

/// Who a step goes to.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) person: Owner,
    /// What is really done: a manager who is not there is no reason to be silent.
    pub(super) action: Action,
    /// `done`, `voc_owner_instead` or `substitute`.
    pub(super) outcome: &'static str,
}

/// Everything that a look at a task needs.
pub(super) struct Scene {
    pub(super) policy: Policy,
    pub(super) people: People,
    life: Life,
    fired: Vec<Fired>,
    owner_zone: chrono_tz::Tz,
    targets: BTreeMap<&'static str, Target>,
    clocks: Clocks,
    days: Days,
}

impl Scene {
    pub(super) async fn read(
        app: &App,
        db: &impl Read,
        task: &Task,
        policy: Policy,
    ) -> Result<Self, DbError> {
        let people = People::read(app, db).await?;
        let steps = store::steps(db, task.id, Some(task.assignment)).await?;
        let asked = store::asked(db, task.id).await?;
        let targets: BTreeMap<&'static str, Target> = Action::ALL
            .into_iter()
            .filter_map(|action| Some((action.as_str(), target(&people, task, &asked, action)?)))
            .collect();
        let department = people.department(&task.department);
        let calendar = crate::calendar::of_department(db, department).await?;
        let owner_zone = people.as_wished(task.owner.clone()).time_zone;
        let zones = targets.values().map(|t| t.person.time_zone);
        Ok(Self {
            life: Life::of(task),
            fired: steps.into_iter().map(|s| s.fired).collect(),
            owner_zone,
            clocks: Clocks::new(calendar.clone(), zones.chain([owner_zone])),
            days: Days::of(&calendar),
            targets,
            policy,
            people,
        })
    }

    pub(super) fn target(&self, action: Action) -> Option<&Target> {
        self.targets.get(action.as_str())
    }

    pub(super) fn look(&self, now: Timestamp) -> Look {
        let of = |zone| self.clocks.of(zone).unwrap_or(&self.days);
        look(
            &self.policy,
            &self.life,
            &self.fired,
            of(self.owner_zone),
            |action| {
                of(self
                    .target(action)
                    .map_or(self.owner_zone, |t| t.person.time_zone))
            },
            now,
        )
    }
}

/// Who a step goes to now. `asked`: who was offered the task before. `None`: nobody is known at all.
fn target(people: &People, task: &Task, asked: &[String], action: Action) -> Option<Target> {
    let to = |person: Owner, outcome| Target {
        person,
        action,
        outcome,
    };
    let instead = || {
        people.voc_owner(task).map(|person| Target {
            person,
            action: Action::TellVocOwner,
            outcome: "voc_owner_instead",
        })
    };
    let named = |email: Option<&str>| {
        let email = email?;
        let person = people.there(email)?;
        let outcome = if person.email == email.to_lowercase() {
            "done"
        } else {
            "substitute"
        };
        Some(to(person, outcome))
    };
    let department = people.department(&task.department);
    match action {
        Action::RemindOwner => {
            let present = people.present(&task.owner.email, &task.department);
            Some(match present {
                Some(found) if found.email != task.owner.email => {
                    to(people.person(&found.email), "substitute")
                }
                _ => to(people.as_wished(task.owner.clone()), "done"),
            })
        }
        Action::TellManager => {
            named(department.and_then(|d| d.manager_email.as_deref())).or_else(instead)
        }
        Action::HandToDeputy => {
            if task.with_arbiter {
                return instead();
            }
            let deputy = department.and_then(|d| d.deputy_email.as_deref());
            let owners = department.into_iter().flat_map(|d| &d.owners);
            deputy
                .into_iter()
                .chain(owners.map(|o| o.email.as_str()))
                .filter_map(|email| named(Some(email)))
                // Nobody gets back what was taken from them because they did not answer.
                .find(|t| t.person.email != task.owner.email && !asked.contains(&t.person.email))
                .or_else(instead)
        }
        Action::TellVocOwner => people.voc_owner(task).map(|person| to(person, "done")),
        Action::RemindApprover => task.open_approval().map(|a| to(a.approver.clone(), "done")),
        Action::TellArbiter => named(people.organisation.arbiter_email.as_deref()).or_else(instead),
    }
}

/// Every policy, the one in the box where nobody changed it.
pub(super) async fn policies(db: &impl Read) -> Result<Vec<Policy>, DbError> {
    let mut all: Vec<Policy> = storage::organisation::all(db).await?;
    if !all.iter().any(|p| p.key == DEFAULT) {
        all.insert(0, Policy::in_the_box());
    }
    Ok(all)
}

fn timer(app: &App, task: TaskId) -> storage::queue::NewJob {
    storage::queue::NewJob {
        // Behind everything that somebody waits for.
        priority: -1,
        ..job(
            app.ids.as_ref(),
            "escalate",
            serde_json::json!({"task": task.to_string()}),
            app.now(),
        )
    }
}

/// Writes down when to look at a task again, in the transaction that changed it. A new owner gets the
/// policy that holds for the department now; it stays as it is for as long as they have the task.
pub async fn plan(app: &App, tx: &Tx, task: &Task) -> Result<(), DbError> {
    let chain = store::chain(tx, task.id).await?;
    if !task.state.is_chased() {
        return match chain {
            Some(_) => store::rearm(tx, task.id, None, &timer(app, task.id)).await,
            None => Ok(()),
        };
    }
    let kept = match chain.filter(|c| c.assignment == task.assignment) {
        Some(chain) => store::version(tx, &chain.policy_key, chain.policy_version).await?,
        None => None,
    };
    let policy = match kept {
        Some(policy) => policy,
        None => {
            let all = policies(tx).await?;
            let policy = policy_for(&task.department, &all)
                .cloned()
                .unwrap_or_else(Policy::in_the_box);
            store::begin(tx, task, &policy).await?;
            policy
        }
    };
    let scene = Scene::read(app, tx, task, policy).await?;
    let seen = scene.look(tx.now());
    let next = if seen.due.is_empty() {
        seen.ahead.first().map(|m| m.act_at)
    } else {
        Some(tx.now())
    };
    store::rearm(tx, task.id, next, &timer(app, task.id)).await
}

fn task_of(payload: &serde_json::Value) -> Result<TaskId, JobError> {
    payload["task"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| JobError::fail("no task is named"))
}

/// Looks at a task whose timer rang: does what is due, each step once, and sets the next timer.
pub async fn escalate(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let id = task_of(payload)?;
    let tx = app.begin().await?;
    let Some(task) = storage::tasks::hold(&tx, id).await? else {
        return Ok(Outcome::Nothing);
    };
    let chain = store::chain(&tx, id).await?;
    let chain = chain.filter(|c| c.assignment == task.assignment && task.state.is_chased());
    let policy = match &chain {
        Some(chain) => store::version(&tx, &chain.policy_key, chain.policy_version).await?,
        None => None,
    };
    let Some(policy) = policy else {
        plan(app, &tx, &task).await?;
        return Ok(Outcome::Done(tx));
    };
    let scene = Scene::read(app, &tx, &task, policy).await?;
    let seen = scene.look(tx.now());
    for due in &seen.due {
        let next = seen.ahead.first();
        if step(app, &tx, &scene, &task, due, next).await? {
            // Somebody else has it: their chain began with the offer.
            return Ok(Outcome::Done(tx));
        }
    }
    plan(app, &tx, &task).await?;
    Ok(Outcome::Done(tx))
}

/// Does one step. `true`: the task has another owner now.
async fn step(
    app: &App,
    tx: &Tx,
    scene: &Scene,
    task: &Task,
    due: &Move,
    next: Option<&Move>,
) -> Result<bool, JobError> {
    let Some(step) = scene.policy.steps.get(due.step) else {
        return Ok(false);
    };
    let target = scene.target(step.action);
    let late_by = (tx.now() - due.ideal_at).num_seconds().max(0);
    let done = Done {
        assignment: task.assignment,
        fired: Fired {
            step: due.step,
            n: due.n,
            base: due.base,
            at: tx.now(),
        },
        planned_at: due.planned_at,
        late_by,
        missed: i64::from(due.missed),
        when: step.when.as_str().to_owned(),
        action: step.action.as_str().to_owned(),
        recipient: target.map(|t| t.person.email.clone()).unwrap_or_default(),
        outcome: target.map_or("nobody", |t| t.outcome).to_owned(),
    };
    if !store::done(tx, task.id, &done).await? {
        return Ok(false);
    }
    let data = serde_json::json!({
        "step": due.step, "when": step.when, "do": step.action, "n": due.n, "planned_at": due.planned_at,
        "late_by": late_by, "missed": due.missed, "outcome": done.outcome,
        "to": target.map(|t| t.person.display_name()),
        "policy": scene.policy.key, "policy_version": scene.policy.version,
    });
    record(app, tx, task, "task.escalated", &Actor::system(), &data).await?;
    let Some(target) = target else {
        return Ok(false);
    };
    if target.action == Action::HandToDeputy {
        let command = Command::PassOn {
            owner: target.person.clone(),
            why: PassOn::Escalated,
        };
        act_in(app, tx, task.clone(), &command, &Actor::system())
            .await
            .map_err(failed)?;
        return Ok(true);
    }
    let ahead = next.and_then(|m| Some((scene.policy.steps.get(m.step)?.action, m.act_at)));
    let key = format!(
        "task:{}:escalation:{}:{}:{}:{}",
        task.id,
        task.assignment,
        due.step,
        due.base.timestamp_micros(),
        due.n
    );
    Actions::escalation(app, tx, task, step.when, due, target, ahead, key).await?;
    Ok(false)
}

pub(super) fn failed(error: ActError) -> JobError {
    match error {
        ActError::Database(error) => error.into(),
        ActError::Stale => JobError::retry("the task changed meanwhile"),
        ActError::NotFound => JobError::fail("the task is gone"),
        ActError::Refused(why) => JobError::fail(why),
    }
}

/// Tasks of one transaction of [`adopt`].
const BATCH: u64 = 200;
/// Minutes after which a timer that should have rung is missed.
const MISSED: i64 = 10;

/// Gives chains to open tasks that have none, because they are older than escalation, and timers to
/// chains that lost theirs. Waits of adopted tasks begin now: an update sends no flood of reproaches.
pub async fn reconcile_timers(app: &App) -> Result<(), DbError> {
    while adopt(app).await? {}
    let overdue = app.now() - TimeDelta::minutes(MISSED);
    for id in store::without_timer(&app.db, overdue).await? {
        let Ok(id) = id.parse::<TaskId>() else {
            continue;
        };
        let tx = app.begin().await?;
        if let Some(task) = storage::tasks::hold(&tx, id).await? {
            plan(app, &tx, &task).await?;
            tx.commit().await?;
        }
    }
    app.wake_workers();
    Ok(())
}

async fn adopt(app: &App) -> Result<bool, DbError> {
    let found = store::without_chain(&app.db, BATCH).await?;
    if found.is_empty() {
        return Ok(false);
    }
    let tx = app.begin().await?;
    for task in &found {
        let Some(task) = storage::tasks::hold(&tx, task.id).await? else {
            continue;
        };
        if !task.state.is_under_way() || store::chain(&tx, task.id).await?.is_some() {
            continue;
        }
        let spoke_at = (task.state != State::Assigned).then(|| tx.now());
        let watched = Task {
            since: Some(tx.now()),
            spoke_at,
            version: task.version + 1,
            ..task
        };
        storage::tasks::update(&tx, &watched).await?;
        let data = serde_json::json!({});
        record(app, &tx, &watched, "task.watched", &Actor::system(), &data).await?;
        plan(app, &tx, &watched).await?;
    }
    tx.commit().await?;
    Ok(found.len() as u64 == BATCH)
}
