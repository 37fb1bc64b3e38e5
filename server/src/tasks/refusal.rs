//! Refusals: the one too many goes to the arbiter, and a re-route that was agreed proposes an owner rule.

use super::people::People;
use crate::app::App;
use crate::http::{Code, Problem};
use chrono_tz::Tz;
use domain::detection::Scope;
use domain::identity::Actor;
use domain::organisation::Locale;
use domain::routing::{By, Route, parse};
use domain::tasks::refusal::{HopKind, must_refer};
use domain::tasks::{Command, Task};
use storage::refusals::Proposal;
use storage::{DbError, Tx};

/// The command that a refusal or hand-over becomes when it is one too many.
pub(super) async fn referred(
    app: &App,
    tx: &Tx,
    task: &Task,
    command: &Command,
) -> Result<Option<Command>, DbError> {
    let organisation = storage::organisation::organisation(tx).await?;
    if !must_refer(task, command, organisation.refusal_hops) {
        return Ok(None);
    }
    let arbiter = match organisation.arbiter_email {
        Some(email) => People::read(app, tx).await?.there(&email),
        None => None,
    };
    Ok(Some(Command::Refer {
        refusal: Box::new(command.clone()),
        arbiter,
    }))
}

/// How a task came to its arbiter, and for whom somebody stands in: what goes before its description.
pub(super) fn preface(task: &Task, name: impl Fn(&str) -> String) -> String {
    let zh = task.owner.language == Locale::ZhCn;
    let zone: Tz = task.owner.time_zone;
    let mut lines = Vec::new();
    if let Some(whom) = &task.on_behalf_of {
        lines.push(if zh {
            format!("（{whom}不在岗或未答复，由您代为处理。）")
        } else {
            format!("(You stand in for {whom}, who is away or did not answer.)")
        });
    }
    if task.with_arbiter {
        lines.push(if zh {
            "各部门对由谁处理没有一致意见，请您裁定：接受，或转交给应当负责的部门。流转经过：".to_owned()
        } else {
            "The departments do not agree on who should do this. Please decide: hand it to the department that \
             should do it, or accept it. How it came here:"
                .to_owned()
        });
        for hop in &task.hops {
            let at = hop.at.with_timezone(&zone).format("%Y-%m-%d %H:%M");
            let (from, to) = (name(&hop.from), hop.to.as_deref().map(&name));
            let reason = if hop.reason.is_empty() {
                "–"
            } else {
                &hop.reason
            };
            let to = match (&to, zh) {
                (Some(to), true) => format!("，应归：{to}"),
                (Some(to), false) => format!(", names {to}"),
                (None, _) => String::new(),
            };
            let what = match (hop.kind, zh) {
                (HopKind::Declined, true) => "拒绝",
                (HopKind::HandedOver, true) => "转交",
                (HopKind::Declined, false) => "declined",
                (HopKind::HandedOver, false) => "handed it over",
            };
            lines.push(if zh {
                format!("· {at} {from}（{}）{what}{to}。原因：{reason}", hop.by)
            } else {
                format!("· {at} {from} ({}) {what}{to}: {reason}", hop.by)
            });
        }
    }
    lines.join("\n")
}

/// Who has a topic now: by the owner rules, else by the topic itself.
async fn present_owner(tx: &Tx, topic: &str) -> Result<Route, DbError> {
    let directory = crate::routing::Directory::read(tx).await?;
    Ok(directory.decide(&crate::routing::matter_of(topic, &Scope::default(), None)))
}

/// Where an owner rule gives a topic to another department, a rule for the topic alone right before it: what was
/// agreed must not be without effect. The line's number; `None`: no rule stands in the way.
pub(super) async fn rule_before(
    app: &App,
    tx: &Tx,
    topic: &str,
    department: &str,
    actor: &Actor,
) -> Result<Option<usize>, Problem> {
    let route = present_owner(tx, topic).await?;
    let By::Rule { line, .. } = route.by else {
        return Ok(None);
    };
    if route.department.as_deref() == Some(department) {
        return Ok(None);
    }
    let Some(rules) = storage::routing::rules(tx).await? else {
        return Ok(None);
    };
    let quoted = |key: &str| {
        if key.chars().any(char::is_whitespace) {
            format!("\"{key}\"")
        } else {
            key.to_owned()
        }
    };
    let new = format!(
        "topic:{} -> department:{}",
        quoted(topic),
        quoted(department)
    );
    let mut lines: Vec<&str> = rules.text.lines().collect();
    lines.insert((line - 1).min(lines.len()), &new);
    let text = lines.join("\n");
    if parse(&text).is_err() {
        return Err(Problem::new(
            Code::Conflict,
            "the owner rules have no place for one more: edit them by hand",
        ));
    }
    let saved = storage::routing::put(tx, &text, actor, Some(rules.version)).await?;
    let data = serde_json::json!({
        "version": saved.version, "text": saved.text, "before": rules.text, "line": line, "why": "proposal",
    });
    let (event, kind) = (app.ids.next(), "owner_rules.changed");
    storage::events::record(tx, event, "owner_rules", "1", kind, actor, &data).await?;
    Ok(Some(line))
}

/// Keeps that a topic should belong to the department that a task was re-routed to: one open proposal
/// for a topic and department, with all tasks that say so.
pub(super) async fn propose(
    app: &App,
    tx: &Tx,
    task: &Task,
    department: &str,
) -> Result<Option<Proposal>, DbError> {
    let present = present_owner(tx, &task.topic).await?.department;
    if present.as_deref() == Some(department) {
        return Ok(None);
    }
    let proposal = match storage::refusals::open_proposal(tx, &task.topic, department).await? {
        Some(mut known) => {
            let id = task.id.to_string();
            if !known.tasks.contains(&id) && known.tasks.len() < 100 {
                known.tasks.push(id);
            }
            known
        }
        None => Proposal {
            id: app.ids.next().to_string(),
            topic: task.topic.clone(),
            department: department.to_owned(),
            present,
            state: "open".to_owned(),
            tasks: vec![task.id.to_string()],
            refused_by: task.hops.last().map(|h| h.from.clone()).unwrap_or_default(),
            reason: task
                .hops
                .last()
                .map(|h| h.reason.clone())
                .unwrap_or_default(),
            created_at: tx.now(),
            decided_by: None,
        },
    };
    storage::refusals::save_proposal(tx, &proposal).await?;
    Ok(Some(proposal))
}
