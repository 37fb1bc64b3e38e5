//! Refusals: the one too many goes to the arbiter, and a re-route that was agreed proposes an owner rule.

use super::people::People;
use crate::app::App;
use crate::routing::{directory, matter_of_issue};
use chrono_tz::Tz;
use domain::ids::TaskId;
use domain::organisation::Locale;
use domain::routing::{Change, Matter, amend, parse};
use domain::tasks::refusal::{HopKind, must_refer};
use domain::tasks::{Command, Task};
use std::collections::BTreeSet;
use storage::refusals::Proposal;
use storage::{DbError, Read, Tx};

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

/// What an accepted proposal changes.
#[derive(Default)]
pub(super) struct Amended {
    /// Step by step.
    pub changes: Vec<Change>,
    /// The rules after all steps.
    pub text: String,
}

/// What accepting a proposal changes, by the rules as they are: whoever gets its tasks' issues today, the
/// proposed department gets them then. `None`: the rules have no room for it.
pub(super) async fn amendments(
    db: &impl Read,
    proposal: &Proposal,
) -> Result<Option<Amended>, DbError> {
    let mut directory = directory(db).await?;
    let mut amended = Amended {
        text: storage::routing::rules(db)
            .await?
            .map_or_else(String::new, |r| r.text),
        ..Amended::default()
    };
    let mut seen = BTreeSet::new();
    for id in &proposal.tasks {
        let Ok(id) = id.parse::<TaskId>() else {
            continue;
        };
        let Some(task) = storage::tasks::get(db, id).await? else {
            continue;
        };
        if !seen.insert(task.issue_id) {
            continue;
        }
        let Some(issue) = storage::issues::get(db, task.issue_id).await? else {
            continue;
        };
        let matter = Matter {
            topic: &proposal.topic,
            ..matter_of_issue(&issue)
        };
        let Some((change, text)) = amend(&amended.text, &directory, &matter, &proposal.department)
        else {
            continue;
        };
        if change == Change::TopicOwner {
            for topic in directory
                .topics
                .iter_mut()
                .filter(|t| t.key == proposal.topic)
            {
                topic.owner_department = Some(proposal.department.clone());
            }
        } else {
            let Ok(rules) = parse(&text) else {
                return Ok(None);
            };
            directory.rules = rules;
            amended.text = text;
        }
        amended.changes.push(change);
    }
    Ok(Some(amended))
}

/// Keeps that a topic should belong to the department that a task was re-routed to: one open proposal
/// for a topic and department, with all tasks that say so.
pub(super) async fn propose(
    app: &App,
    tx: &Tx,
    task: &Task,
    department: &str,
) -> Result<Option<Proposal>, DbError> {
    // Who gets what has no topic is said by rules about places: nothing to learn from one task.
    let issue = storage::issues::get(tx, task.issue_id).await?;
    let Some(issue) = issue.filter(|_| !task.topic.is_empty()) else {
        return Ok(None);
    };
    let present = directory(tx)
        .await?
        .decide(&Matter {
            topic: &task.topic,
            ..matter_of_issue(&issue)
        })
        .department;
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
            changes: Vec::new(),
        },
    };
    storage::refusals::save_proposal(tx, &proposal).await?;
    Ok(Some(proposal))
}
