//! Sub-tasks: parts of a task that other departments deliver, each with its own offer, due time and mail.

use super::service::{ActError, Due, act_in, check_due, masked, owner_of, record};
use super::{absence, clock, escalation};
use crate::app::App;
use crate::http::Problem;
use chrono::{DateTime, Utc};
use domain::identity::Actor;
use domain::ids::TaskId;
use domain::organisation::Bilingual;
use domain::tasks::kind::{Kind, Track, Wanted};
use domain::tasks::{self, Command, DueRule, Task, check_texts, family};
use storage::{DbError, Tx};

/// A part to be given to somebody.
#[derive(Clone, Debug)]
pub struct Part {
    /// What to do, in one line.
    pub title: String,
    /// In full.
    pub description: String,
    /// Who is responsible.
    pub department: String,
    /// The person; the department's first owner when missing.
    pub owner_email: Option<String>,
    /// When it is due; by the department's calendar when missing, never after the task above.
    pub due_at: Option<DateTime<Utc>>,
    /// Single steps.
    pub measures: Vec<String>,
    /// What sort of improvement it is.
    pub kind: Kind,
    /// How its progress is told; by its kind when missing.
    pub track: Option<Wanted>,
}

/// Gives a part of a task to somebody, in one transaction with the mail that offers it.
pub async fn split(
    app: &App,
    tx: &Tx,
    parent: Task,
    part: &Part,
    actor: &Actor,
) -> Result<Task, Problem> {
    check_texts(&part.title, &part.description, &part.measures)?;
    let (department, owner) = owner_of(tx, &part.department, part.owner_email.as_deref()).await?;
    let due = due(app, tx, &parent, &department, part.due_at).await?;
    let measures: Vec<String> = part.measures.iter().map(|m| masked(m.trim())).collect();
    let track = Track::new(part.kind, part.track.clone(), &measures)?;
    let child = TaskId(app.ids.next());
    let command = Command::Split {
        child,
        title: masked(part.title.trim()),
        department: department.key.clone(),
    };
    // The task above changes too: whoever completes it at this moment has seen another version.
    let parent = act_in(app, tx, parent, &command, actor).await?;
    let Some(issue) = storage::issues::get(tx, parent.issue_id).await? else {
        return Err(Problem::not_found("issue"));
    };
    let meant = absence::meant_for(app, tx, &department.key, &owner).await?;
    let contract = domain::verification::Contract {
        sentence: Bilingual::new(
            format!(
                "效果随上级任务「{}」一并验证，这一部分不单独验证。",
                parent.title
            ),
            format!(
                "Judged together with the task above, \"{}\"; this part is not judged by itself.",
                parent.title
            ),
        ),
        ..parent.contract.clone()
    };
    let (task, effects) = tasks::assigned(
        child,
        parent.issue_id,
        parent.topic.clone(),
        &masked(&part.title),
        &masked(&part.description),
        &department,
        meant.owner,
        actor.clone(),
        due.at,
        parent.fast_track,
        measures,
        contract,
        tx.now(),
    );
    let task = family::below(
        &parent,
        Task {
            due_rule: due.rule,
            on_behalf_of: meant.for_whom,
            kind: part.kind,
            track,
            ..task
        },
    );
    storage::tasks::insert(tx, &task).await?;
    clock::keep(tx, &task).await?;
    let data = serde_json::json!({
        "department": department.key, "owner": task.owner.display_name(), "due_at": task.due_at,
        "title": task.title, "due_rule": task.due_rule, "parent": parent.id.to_string(),
        "for": task.on_behalf_of, "nobody_stands_in": meant.nobody,
    });
    record(app, tx, &task, "task.assigned", actor, &data).await?;
    super::service::carry(app, tx, &task, &issue, &effects, "task.assigned", actor, "").await?;
    escalation::plan(app, tx, &task).await?;
    Ok(task)
}

async fn due(
    app: &App,
    tx: &Tx,
    parent: &Task,
    department: &domain::organisation::Department,
    wished: Option<DateTime<Utc>>,
) -> Result<Due, Problem> {
    let (at, rule) = match wished {
        Some(at) => {
            check_due(at, tx.now())?;
            if at > parent.due_at.max(tx.now()) {
                return Err(Problem::field(
                    "due_at",
                    "after_parent",
                    "not after the task above is due",
                ));
            }
            (at, DueRule::Person)
        }
        None => {
            let organisation = storage::organisation::organisation(tx).await?;
            let hours = if parent.fast_track {
                organisation.fast_track_hours
            } else {
                organisation.task_hours
            };
            let (at, rule) = clock::by_calendar(app, tx, Some(department), hours).await?;
            if parent.due_at > tx.now() && at > parent.due_at {
                (parent.due_at, DueRule::Person)
            } else {
                (at, rule)
            }
        }
    };
    Ok(Due {
        at,
        rule,
        urgent: parent.fast_track,
        days_to_fix: None,
    })
}

/// Withdraws what is open below a task that is over.
pub(super) async fn close_below(
    app: &App,
    tx: &Tx,
    task: &Task,
    actor: &Actor,
) -> Result<(), ActError> {
    let below = storage::tasks::below(tx, task.id).await?;
    for id in family::orphans(task, &below) {
        let Some(child) = below.iter().find(|t| t.id == id) else {
            continue;
        };
        let zh = child.owner.language == domain::organisation::Locale::ZhCn;
        let cancel = Command::Cancel {
            reason: if zh {
                format!("上级任务「{}」已结束，这一部分不再需要。", task.title)
            } else {
                format!(
                    "The task above, \"{}\", is over: this part is not needed any more.",
                    task.title
                )
            },
        };
        Box::pin(act_in(app, tx, child.clone(), &cancel, actor)).await?;
    }
    Ok(())
}

/// Writes into the history of the task above that a part is over, and tells its owner: with the last one
/// it can be completed.
pub(super) async fn tell_parent(
    app: &App,
    tx: &Tx,
    child: &Task,
    actor: &Actor,
) -> Result<(), DbError> {
    let Some(id) = child.parent else {
        return Ok(());
    };
    let Some(parent) = storage::tasks::get(tx, id).await? else {
        return Ok(());
    };
    if !parent.state.is_open() {
        return Ok(());
    }
    let below = storage::tasks::below(tx, id).await?;
    let open = below
        .iter()
        .filter(|t| t.id != child.id && t.state.is_open())
        .count();
    let data = serde_json::json!({
        "task": child.id.to_string(), "title": child.title, "state": child.state, "open": open,
    });
    record(app, tx, &parent, "task.sub_task_closed", actor, &data).await?;
    let words = match (&child.solution, parent.owner.language) {
        (Some(solution), _) => format!("{}\n{solution}", child.title),
        (None, _) => child.title.clone(),
    };
    let what = if open == 0 {
        "sub_tasks_closed"
    } else {
        "sub_task_closed"
    };
    let key = format!("task:{}:part:{}", parent.id, child.id);
    let who = child.owner.display_name();
    super::Actions::note(app, tx, &parent, &parent.owner, what, (who, &words), key).await
}
