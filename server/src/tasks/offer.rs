//! What a mail about a task says, and the link that it carries.

use super::escalation::Target;
use crate::app::App;
use crate::issues::{place, subject_name, topic_name};
use crate::mail::{Letter, Recipient, Thread};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::clock::Timestamp;
use domain::detection::SubjectKind;
use domain::identity::Actor;
use domain::issues::Issue;
use domain::organisation::{Bilingual, Locale, Owner, subtree};
use domain::tasks::escalation::{Action, Move, When};
use domain::tasks::{Effect, Task};
use storage::tasks::Link;
use storage::{DbError, Tx};

/// Effects of a task's commands that are mails.
pub struct Actions;

/// The token of the link that one person gets for one offer of one task: 256 bits that nobody without
/// the installation's key can guess. It is the same whenever it is asked for, so a mail can be made
/// again; only its hash is stored.
#[must_use]
pub fn link_token(app: &App, task: &Task) -> String {
    let input = format!(
        "action-link:{}:{}:{}",
        task.id, task.assignment, task.owner.email
    );
    URL_SAFE_NO_PAD.encode(blake3::keyed_hash(&app.key, input.as_bytes()).as_bytes())
}

pub(super) fn thread(task: &Task, first: bool) -> Thread {
    Thread {
        root: task.thread(),
        first,
        topic: task.title.clone(),
    }
}

fn percent(value: f64) -> String {
    format!("{:.0}%", value * 100.0)
}

/// What made the issue of an agent, an article, a search or a channel open, for people: figures of
/// topics say nothing of it.
async fn reason(tx: &Tx, issue: &Issue) -> Result<(Bilingual, Bilingual), DbError> {
    let none = Bilingual::new(
        "这件事不属于任何主题，没有象限位置。",
        "It is about no topic and has no place in the quadrants.",
    );
    let signals = storage::issues::signals(tx, issue.id).await?;
    let why = signals.first().map_or_else(
        || Bilingual::new(issue.title.clone(), issue.title.clone()),
        |raised| raised.signal.explanation(),
    );
    Ok((why, none))
}

/// The figures behind a task, for people.
async fn figures(app: &App, tx: &Tx, issue: &Issue) -> Result<(Bilingual, Bilingual), DbError> {
    if issue.subject.kind != SubjectKind::Topic {
        return reason(tx, issue).await;
    }
    let placed = place(app, tx, 28).await?;
    let topics = subtree(&issue.topic, &placed.topics);
    let mut sums = domain::facts::Counters::default();
    for (topic, counters) in &placed.sums {
        if topics.contains(topic) {
            sums.add(counters);
        }
    }
    let mut zh = format!(
        "近 28 天联系 {} 次，其中评分 {} 条",
        sums.contacts, sums.rated
    );
    let mut en = format!(
        "{} contacts in the last 28 days, {} of them rated",
        sums.contacts, sums.rated
    );
    if let Some(csat) = sums.csat() {
        zh.push_str(&format!("，满意度 {}", percent(csat)));
        en.push_str(&format!(", satisfaction {}", percent(csat)));
    }
    zh.push_str(&format!(
        "；{} 当天已有 {} 次，超过了提醒的上限。",
        issue.alarm_day, issue.count
    ));
    en.push_str(&format!(
        "; {} on {}, above the limit of its detector.",
        issue.count, issue.alarm_day
    ));
    let impact = placed
        .placement
        .points
        .iter()
        .find(|p| topics.contains(&p.topic))
        .map(|p| p.explanation.clone())
        .unwrap_or_else(|| {
            Bilingual::new("影响暂时无法计算。", "The impact cannot be computed yet.")
        });
    Ok((Bilingual::new(zh, en), impact))
}

impl Actions {
    /// Offers a task to its owner: link and mail.
    pub async fn offer(app: &App, tx: &Tx, task: &Task, issue: &Issue) -> Result<(), DbError> {
        let token = link_token(app, task);
        let link = Link {
            task_id: task.id,
            email: task.owner.email.clone(),
            assignment: task.assignment,
            purpose: storage::tasks::Purpose::Owner,
            expires_at: task.due_at.max(tx.now()) + TimeDelta::days(7),
            revoked_at: None,
        };
        storage::tasks::insert_link(tx, &crate::identity::hash_secret(&token), &link).await?;
        let (data, impact) = figures(app, tx, issue).await?;
        let topics: Vec<domain::organisation::Topic> = storage::organisation::all(tx).await?;
        let of_topic = issue.subject.kind == SubjectKind::Topic;
        let (quotes, similar) = if of_topic {
            (
                crate::analysis::quotes(tx, &subtree(&task.topic, &topics), 3).await?,
                crate::knowledge::similar(app, tx, &task.topic).await?,
            )
        } else {
            (Vec::new(), Vec::new())
        };
        let departments: Vec<domain::organisation::Department> =
            storage::organisation::all(tx).await?;
        let preface = super::refusal::preface(task, |key| {
            let known = departments.iter().find(|d| d.key == key);
            known.map_or_else(|| key.to_owned(), |d| d.title().to_owned())
        });
        let description = format!("{preface}\n{}", task.description);
        let letter = Letter::TaskOffered {
            thread: thread(task, task.assignment == 1),
            title: task.title.clone(),
            description: description.trim().to_owned(),
            measures: task.measures.clone(),
            topic: if of_topic {
                topic_name(&task.topic, &topics)
            } else {
                subject_name(&issue.subject, &topics)
            },
            assigned_by: asker(tx, task).await?,
            due_at: task.due_at,
            due_rule: super::clock::spoken(tx, &task.due_rule)
                .await?
                .map(Box::new),
            work: work(tx, task).await?,
            urgent: task.fast_track,
            data,
            impact,
            contract: task.contract.sentence.clone(),
            quotes,
            similar: similar.into_iter().map(|f| f.title).collect(),
            link: format!("/a/{token}"),
        };
        let key = format!("task:{}:offer:{}", task.id, task.assignment);
        send(app, tx, task, &Recipient::of(&task.owner), &letter, key).await
    }

    /// Carries out one mail effect of a command that `actor` gave with `words`.
    pub async fn mail(
        app: &App,
        tx: &Tx,
        task: &Task,
        effect: &Effect,
        event: &str,
        actor: &Actor,
        words: &str,
    ) -> Result<(), DbError> {
        let key = |what: &str| format!("task:{}:{what}:{}", task.id, task.version);
        match effect {
            Effect::TellFormerOwner(former) => {
                let department = storage::organisation::get::<domain::organisation::Department>(
                    tx,
                    &task.department,
                )
                .await?
                .map_or_else(|| task.department.clone(), |d| d.title().to_owned());
                // Inside the department the name of the person is the news.
                let department = if event == "task.passed_on" || task.with_arbiter {
                    task.owner.display_name().to_owned()
                } else {
                    department
                };
                let letter = Letter::TaskTaken {
                    thread: thread(task, false),
                    title: task.title.clone(),
                    department,
                };
                send(app, tx, task, &Recipient::of(former), &letter, key("taken")).await
            }
            Effect::TellCancelled => {
                let letter = Letter::TaskCancelled {
                    thread: thread(task, false),
                    title: task.title.clone(),
                    reason: words.to_owned(),
                };
                send(
                    app,
                    tx,
                    task,
                    &Recipient::of(&task.owner),
                    &letter,
                    key("cancelled"),
                )
                .await
            }
            Effect::TellAssigner => {
                let Some(to) = assigner(tx, task).await? else {
                    return Ok(());
                };
                let letter = Letter::TaskAnswer {
                    thread: thread(task, false),
                    title: task.title.clone(),
                    event: event.to_owned(),
                    who: actor.name.clone(),
                    words: words.to_owned(),
                    department: match (event, &task.proposed_department) {
                        ("task.handed_over", _) => {
                            let to = department_title(tx, &task.department).await?;
                            Some(format!("{to}（{}）", task.owner.display_name()))
                        }
                        (_, Some(key)) => Some(department_title(tx, key).await?),
                        (_, None) => None,
                    },
                    link: format!("/tasks/{}", task.id),
                };
                send(app, tx, task, &to, &letter, key("answer")).await
            }
            Effect::TellOwner => {
                let letter = Letter::TaskReply {
                    thread: thread(task, false),
                    title: task.title.clone(),
                    who: actor.name.clone(),
                    words: words.to_owned(),
                    due_at: task.due_at,
                    link: format!("/a/{}", link_token(app, task)),
                };
                let to = Recipient::of(&task.owner);
                send(app, tx, task, &to, &letter, key("reply")).await
            }
            Effect::AskApproval => super::approval::ask(app, tx, task, key("approval")).await,
            Effect::Remind if task.open_approval().is_some() => {
                super::approval::ask(app, tx, task, key("reminded")).await
            }
            Effect::Remind => {
                let said = (actor.name.as_str(), words);
                Self::note(
                    app,
                    tx,
                    task,
                    &task.owner,
                    "reminded",
                    said,
                    key("reminded"),
                )
                .await
            }
            Effect::TellDecision => {
                let what = if event == "task.approved" {
                    "approved"
                } else {
                    "rejected"
                };
                let said = (actor.name.as_str(), words);
                Self::note(app, tx, task, &task.owner, what, said, key("decision")).await
            }
            Effect::OfferTask
            | Effect::TellParent
            | Effect::TellVerdict(_)
            | Effect::RevokeLinks
            | Effect::ScheduleVerification
            | Effect::PublishArticle => Ok(()),
        }
    }

    /// Tells the owner that an edit of the calendar moved the due time: once per change of the task.
    pub async fn due_moved(
        app: &App,
        tx: &Tx,
        task: &Task,
        before: domain::clock::Timestamp,
        calendar: &Bilingual,
    ) -> Result<(), DbError> {
        let letter = Letter::TaskDueMoved {
            thread: thread(task, false),
            title: task.title.clone(),
            before,
            due_at: task.due_at,
            calendar: calendar.clone(),
            link: format!("/a/{}", link_token(app, task)),
        };
        let key = format!("task:{}:due:{}", task.id, task.version);
        send(app, tx, task, &Recipient::of(&task.owner), &letter, key).await
    }

    /// Asks whoever assigned the task for another due date; they agree by one word.
    pub(super) async fn due_proposed(
        app: &App,
        tx: &Tx,
        task: &Task,
        at: Timestamp,
        words: &str,
        who: &str,
        key: String,
    ) -> Result<(), DbError> {
        let Some(to) = assigner(tx, task).await? else {
            return Ok(());
        };
        let local = at.with_timezone(&to.time_zone).format("%Y-%m-%d %H:%M");
        let present = task
            .due_at
            .with_timezone(&to.time_zone)
            .format("%Y-%m-%d %H:%M");
        let words = if to.language == Locale::ZhCn {
            format!("希望改到：{local}（现在是 {present}）\n{words}")
        } else {
            format!("Proposed: {local} (now {present})\n{words}")
        };
        let words = words.trim_end().to_owned();
        let letter = Letter::TaskAnswer {
            thread: thread(task, false),
            title: task.title.clone(),
            event: "task.due_proposed".to_owned(),
            who: who.to_owned(),
            words,
            department: None,
            link: format!("/tasks/{}", task.id),
        };
        send(app, tx, task, &to, &letter, key).await
    }

    /// Mails one step of the escalation.
    pub(super) async fn escalation(
        app: &App,
        tx: &Tx,
        task: &Task,
        when: When,
        due: &Move,
        target: &Target,
        next: Option<(Action, Timestamp)>,
        key: String,
    ) -> Result<(), DbError> {
        let own = target.person.email == task.owner.email;
        let department =
            storage::organisation::get::<domain::organisation::Department>(tx, &task.department)
                .await?
                .map_or_else(|| task.department.clone(), |d| d.title().to_owned());
        let letter = Letter::TaskEscalated {
            thread: thread(task, false),
            title: task.title.clone(),
            when,
            action: target.action,
            since: due.base,
            due_at: task.due_at,
            owner: task.owner.display_name().to_owned(),
            department,
            instead: target.outcome != "done",
            next,
            link: if target.action == Action::RemindApprover
                && let Some(approval) = task.open_approval()
            {
                format!("/a/{}", super::approval::token(app, task, approval))
            } else if own {
                format!("/a/{}", link_token(app, task))
            } else {
                format!("/tasks/{}", task.id)
            },
        };
        send(app, tx, task, &Recipient::of(&target.person), &letter, key).await
    }

    /// Tells the owner and whoever assigned the task how it came out: once per change of the task.
    pub async fn verdict(
        app: &App,
        tx: &Tx,
        task: &Task,
        verdict: domain::verification::Verdict,
        sentence: &Bilingual,
    ) -> Result<(), DbError> {
        let of = task.version.to_string();
        tell_verdict(app, tx, task, (verdict, sentence), &of).await
    }

    /// Tells them that a verdict stands that can no longer be computed as it was, once per day on which that
    /// was found out.
    pub async fn verdict_kept(
        app: &App,
        tx: &Tx,
        task: &Task,
        on: chrono::NaiveDate,
        sentence: &Bilingual,
    ) -> Result<(), DbError> {
        let Some(verdict) = task.verdict else {
            return Ok(());
        };
        let of = format!("{}:kept:{on}", task.version);
        tell_verdict(app, tx, task, (verdict, sentence), &of).await
    }
}

/// Tells the owner and whoever assigned the task how it came out; `of` makes it once.
async fn tell_verdict(
    app: &App,
    tx: &Tx,
    task: &Task,
    (verdict, sentence): (domain::verification::Verdict, &Bilingual),
    of: &str,
) -> Result<(), DbError> {
    let owner: &Owner = &task.owner;
    let letter = |link: Option<String>| Letter::TaskVerdict {
        thread: thread(task, false),
        title: task.title.clone(),
        verdict,
        sentence: sentence.clone(),
        link,
    };
    let own = (verdict == domain::verification::Verdict::Worse)
        .then(|| format!("/a/{}", link_token(app, task)));
    let key = format!("task:{}:verdict:{of}", task.id);
    send(app, tx, task, &Recipient::of(owner), &letter(own), key).await?;
    match assigner(tx, task).await? {
        Some(to) if to.email != owner.email => {
            let key = format!("task:{}:verdict-told:{of}", task.id);
            let page = letter(Some(format!("/tasks/{}", task.id)));
            send(app, tx, task, &to, &page, key).await
        }
        _ => Ok(()),
    }
}

/// Tells whose task it is and whoever assigned it that its alarm was taken back, once per opening of the
/// issue: the task goes on until they decide.
pub async fn alarm_withdrawn(
    app: &App,
    tx: &Tx,
    task: &Task,
    issue: &domain::issues::Issue,
    day: chrono::NaiveDate,
    reason: &Bilingual,
) -> Result<(), DbError> {
    let letter = Letter::AlarmWithdrawn {
        thread: thread(task, false),
        heading: issue
            .heading
            .clone()
            .unwrap_or_else(|| Bilingual::new(issue.title.clone(), issue.title.clone())),
        day,
        reason: reason.clone(),
        task: Some(task.title.clone()),
    };
    let key = format!("task:{}:withdrawn:{}", task.id, issue.openings);
    send(
        app,
        tx,
        task,
        &Recipient::of(&task.owner),
        &letter,
        key.clone(),
    )
    .await?;
    match assigner(tx, task).await? {
        Some(to) if to.email != task.owner.email => {
            send(app, tx, task, &to, &letter, format!("{key}:told")).await
        }
        _ => Ok(()),
    }
}

/// What people call a department.
pub(super) async fn department_title(tx: &Tx, key: &str) -> Result<String, DbError> {
    let found = storage::organisation::get::<domain::organisation::Department>(tx, key).await?;
    Ok(found.map_or_else(|| key.to_owned(), |d| d.title().to_owned()))
}

/// What sort of work a task is: its kind, how progress is told, what it is a part of, who approves.
async fn work(tx: &Tx, task: &Task) -> Result<Option<Box<Bilingual>>, DbError> {
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    let mut add = |line: Bilingual| {
        zh.push(line.zh);
        en.push(line.en);
    };
    if let Some(parent) = task.parent
        && let Some(parent) = storage::tasks::get(tx, parent).await?
    {
        add(Bilingual::new(
            format!("这是任务「{}」的一部分", parent.title),
            format!("this is a part of \"{}\"", parent.title),
        ));
    }
    if task.kind != domain::tasks::kind::Kind::Other {
        let title = task.kind.title();
        add(Bilingual::new(
            format!("改进类型：{}", title.zh),
            format!("kind of improvement: {}", title.en),
        ));
    }
    if let Some(track) = task.track.spoken() {
        add(track);
    }
    let organisation = storage::organisation::organisation(tx).await?;
    if organisation.approvals.contains_key(&task.kind) {
        add(Bilingual::new(
            "完成后需要审批",
            "what you complete has to be approved",
        ));
    }
    Ok((!zh.is_empty()).then(|| {
        Box::new(Bilingual::new(
            format!("{}。", zh.join("；")),
            format!("{}.", en.join("; ")),
        ))
    }))
}

/// Whoever assigned a task, where they have an address.
pub async fn assigner(tx: &Tx, task: &Task) -> Result<Option<Recipient>, DbError> {
    let Some(email) = task.assigned_by.email.clone() else {
        return Ok(None);
    };
    let account = storage::access::account_by_email(tx, &email).await?;
    let language = match account.as_ref().map(|a| a.language.as_str()) {
        Some("en") => Locale::En,
        _ => Locale::ZhCn,
    };
    Ok(Some(Recipient {
        email,
        name: task.assigned_by.name.clone(),
        language,
        time_zone: storage::organisation::organisation(tx).await?.zone,
    }))
}

/// Who asks, for the reader of a mail: what a program assigned with a token, the organisation asks; the name
/// of a token says nothing to anybody but who made it.
async fn asker(tx: &Tx, task: &Task) -> Result<String, DbError> {
    let by = &task.assigned_by;
    let program = by.kind == domain::identity::ActorKind::User && by.email.is_none();
    let organisation = match program {
        true => storage::organisation::organisation(tx).await?.name,
        false => String::new(),
    };
    Ok(if organisation.is_empty() {
        by.name.clone()
    } else {
        organisation
    })
}

pub(super) async fn send(
    app: &App,
    tx: &Tx,
    task: &Task,
    to: &Recipient,
    letter: &Letter,
    dedupe_key: String,
) -> Result<(), DbError> {
    let mut delivery = crate::mail::delivery(
        app.ids.next(),
        to,
        letter,
        dedupe_key,
        storage::notify::task_serial(&task.id.to_string()),
        tx.now(),
    );
    delivery.task_id = Some(task.id.to_string());
    delivery.issue_id = Some(task.issue_id.to_string());
    crate::mail::enqueue(app, tx, &delivery).await?;
    if to.email == task.owner.email {
        super::chat::tell(app, tx, task, letter, &delivery.dedupe_key).await?;
    }
    Ok(())
}
