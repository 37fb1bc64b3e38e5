//! Opening tickets, telling of them, and what people do with them.

use super::page;
use crate::analysis::Labelled;
use crate::app::App;
use crate::http::{Code, Problem};
use crate::mail::{Letter, Recipient};
use chrono::TimeDelta;
use domain::clock::{local_day, start_of_day};
use domain::identity::Actor;
use domain::organisation::{Bilingual, Department, Organisation};
use domain::reviews::{Command, MOST_GATHERED, State, Ticket, apply};
use domain::routing::Matter;
use storage::{DbError, Tx};
use uuid::Uuid;

/// Tickets that a mail lists by name.
const LISTED: usize = 20;
/// Characters of a voice in such a list.
const EXCERPT: usize = 80;
/// Voices of a topic and day that are looked at when marks arrived late.
const LATEST: u64 = 500;

async fn record(
    app: &App,
    tx: &Tx,
    id: Uuid,
    kind: &str,
    actor: &Actor,
    data: &serde_json::Value,
) -> Result<(), DbError> {
    let (event, id) = (app.ids.next(), id.to_string());
    storage::events::record(tx, event, "review", &id, kind, actor, data).await
}

/// Opens a ticket for every voice with a bad mark that has none. Voices older than history reaches open
/// none. Doing it twice changes nothing.
pub async fn open(app: &App, tx: &Tx, voices: &[Labelled]) -> Result<(), DbError> {
    let organisation = storage::organisation::organisation(tx).await?;
    let since = tx.now() - TimeDelta::days(app.config.history_days);
    let mut directory = None;
    for (voice, label, _) in voices {
        let feedback = &voice.feedback;
        let rating = feedback.rating.as_ref().map(|r| r.band);
        let Some(reason) = organisation.review.reason(rating, feedback.nps) else {
            continue;
        };
        if feedback.occurred_at.is_none_or(|at| at < since)
            || storage::reviews::exists(tx, voice.id).await?
        {
            continue;
        }
        let topic = label.topic.clone().unwrap_or_default();
        let today = start_of_day(local_day(tx.now(), organisation.zone), organisation.zone);
        let most = u64::from(organisation.review.most_per_topic_and_day);
        let earlier = storage::reviews::of_topic(tx, &topic, today, most).await?;
        if earlier.len() as u64 >= most
            && let Some(last) = earlier.into_iter().find(|t| t.state != State::Closed)
        {
            gather(app, tx, last, voice.id).await?;
            continue;
        }
        let directory = match &directory {
            Some(known) => known,
            None => directory.insert(crate::routing::directory(tx).await?),
        };
        let route = directory.decide(&Matter {
            topic: &topic,
            channel: Some(&feedback.channel),
            region: feedback.region.as_deref(),
            cause: label.cause.as_deref(),
        });
        let owner = match route.owner {
            Some(owner) => owner,
            None => nobody_named(tx, &directory.departments, &organisation).await?,
        };
        let filter = storage::issues::Filter {
            states: ["open", "in_progress", "verifying", "relapsed"]
                .map(str::to_owned)
                .to_vec(),
            topic: Some(topic.clone()),
            ..Default::default()
        };
        let issue = storage::issues::list(tx, &filter, 1).await?.items;
        let ticket = Ticket {
            id: app.ids.next(),
            feedback: voice.id,
            gathered: Vec::new(),
            reason,
            topic,
            channel: feedback.channel.clone(),
            issue: issue.first().map(|i| i.id),
            department: route.department.unwrap_or_default(),
            owner_email: owner,
            state: State::Open,
            cause: None,
            analysis: String::new(),
            calls: Vec::new(),
            outcome: None,
            outcome_text: String::new(),
            created_at: tx.now(),
            closed_at: None,
            version: 1,
        };
        if !storage::reviews::insert(tx, &ticket).await? {
            continue;
        }
        let data = serde_json::json!({
            "department": ticket.department, "owner": ticket.owner_email, "why": reason,
        });
        record(app, tx, ticket.id, "review.opened", &Actor::system(), &data).await?;
        if !ticket.owner_email.is_empty() {
            plan_mail(app, tx, &ticket.owner_email, &organisation).await?;
        }
    }
    Ok(())
}

/// The same for a voice that was rated after it had been analysed, and whatever else of its topic and
/// day was.
pub async fn rated(app: &App, tx: &Tx, voices: &[Labelled]) -> Result<(), DbError> {
    let zone = storage::organisation::organisation(tx).await?.zone;
    for (voice, label, _) in voices {
        let (Some(topic), Some(day)) = (&label.topic, voice.feedback.day) else {
            open(app, tx, voices).await?;
            continue;
        };
        let end = start_of_day(day + TimeDelta::days(1), zone).timestamp_micros();
        let topics = std::slice::from_ref(topic);
        let all: Vec<Labelled> = storage::feedback::latest(tx, topics, Some(end), LATEST)
            .await?
            .into_iter()
            .filter(|v| v.feedback.day == Some(day))
            .filter_map(|v| {
                let (label, flags) = v.label.clone()?;
                Some((v, label, flags))
            })
            .collect();
        open(app, tx, &all).await?;
    }
    Ok(())
}

/// Who gets what nobody is named for: the first of those who run the loop.
async fn nobody_named(
    tx: &Tx,
    departments: &[Department],
    organisation: &Organisation,
) -> Result<String, DbError> {
    let readers = crate::detection::loop_people(tx, departments, organisation).await?;
    Ok(readers
        .to
        .into_iter()
        .next()
        .map(|r| r.email)
        .unwrap_or_default())
}

/// Beyond the day's limit voices are gathered in the last ticket, each once.
async fn gather(
    app: &App,
    tx: &Tx,
    ticket: Ticket,
    voice: domain::ids::FeedbackId,
) -> Result<(), DbError> {
    if ticket.gathered.contains(&voice) || ticket.gathered.len() >= MOST_GATHERED {
        return Ok(());
    }
    let mut next = ticket;
    next.gathered.push(voice);
    next.version += 1;
    storage::reviews::update(tx, &next).await?;
    // One line when it begins: a line for each of a hundred voices helps nobody.
    if next.gathered.len() == 1 {
        let data = serde_json::json!({"feedback": voice});
        record(app, tx, next.id, "review.gathers", &Actor::system(), &data).await?;
    }
    Ok(())
}

/// Plans the mail of the next morning: one for each person and day.
async fn plan_mail(
    app: &App,
    tx: &Tx,
    email: &str,
    organisation: &Organisation,
) -> Result<(), DbError> {
    let zone = organisation.zone;
    let hour = TimeDelta::hours(i64::from(organisation.review.mail_hour));
    let today = local_day(tx.now(), zone);
    let mut day = today;
    if start_of_day(today, zone) + hour <= tx.now() {
        day = today + TimeDelta::days(1);
    }
    let job = storage::queue::NewJob {
        unique_key: Some(format!("reviews:{email}:{day}")),
        ..crate::jobs::job(
            app.ids.as_ref(),
            "reviews",
            serde_json::json!({"email": email}),
            start_of_day(day, zone) + hour,
        )
    };
    storage::queue::enqueue(tx, &job).await?;
    Ok(())
}

/// The person of that address.
pub(super) async fn reader(tx: &impl storage::Read, email: &str) -> Result<Recipient, DbError> {
    let departments: Vec<Department> = storage::organisation::all(tx).await?;
    let organisation = storage::organisation::organisation(tx).await?;
    crate::detection::person(tx, email, &departments, &organisation).await
}

/// Sends a person one mail with the tickets that stand in no list yet.
pub async fn tell(app: &App, tx: &Tx, email: &str) -> Result<(), DbError> {
    let all: Vec<Ticket> = storage::reviews::take_untold(tx, email)
        .await?
        .into_iter()
        .filter(|t| t.state != State::Closed)
        .collect();
    let Some(last) = all.last() else {
        return Ok(());
    };
    let topics = storage::organisation::all(tx).await?;
    let n = all.len();
    let base = app.config.public_url.trim_end_matches('/');
    let mut lines = Vec::new();
    for ticket in all.iter().take(LISTED) {
        let voice = storage::feedback::get(tx, ticket.feedback).await?;
        let words: String = voice
            .map(|v| v.feedback.text)
            .unwrap_or_default()
            .chars()
            .take(EXCERPT)
            .collect();
        let (topic, reason) = (
            crate::issues::topic_name(&ticket.topic, &topics),
            ticket.reason.sentence(),
        );
        let more = ticket.gathered.len();
        let (more_zh, more_en) = if more > 0 {
            (
                format!("（另有 {more} 条同类低分归入此单）"),
                format!(" ({more} more of the kind are gathered here)"),
            )
        } else {
            Default::default()
        };
        let page = page::invite(app, tx, ticket).await?;
        lines.push(Bilingual::new(
            format!(
                "{} · {} · {words}{more_zh} {base}{page}",
                topic.zh, reason.zh
            ),
            format!(
                "{} · {} · {words}{more_en} {base}{page}",
                topic.en, reason.en
            ),
        ));
    }
    if n > LISTED {
        let rest = n - LISTED;
        lines.push(Bilingual::new(
            format!("还有 {rest} 张，见控制台。"),
            format!("And {rest} more in the console."),
        ));
    }
    lines.push(Bilingual::new(
        "请逐张分析原因、回访客户，并写明结果：点每张后面的链接，不需要账号。",
        "Please find out why, call each customer back, and say how it ended: behind each one's link, without an account.",
    ));
    let letter = Letter::LoopNote {
        heading: Bilingual::new("服务回溯工单", "Review tickets"),
        what: Bilingual::new(
            format!("{n} 张新工单待回访"),
            format!("{n} new to call back"),
        ),
        lines,
        link: "/review-tickets".to_owned(),
    };
    let to = reader(tx, email).await?;
    let delivery = crate::mail::delivery(
        app.ids.next(),
        &to,
        &letter,
        format!("reviews:{email}:{}", last.id),
        format!("reviews:{email}"),
        tx.now(),
    );
    crate::mail::enqueue(app, tx, &delivery).await?;
    for ticket in &all {
        let data = serde_json::json!({"to": email, "delivery": delivery.id});
        let actor = Actor::system();
        record(app, tx, ticket.id, "review.notified", &actor, &data).await?;
    }
    Ok(())
}

/// Applies a command to a ticket, if it still is at `expected` (`None`: whatever it is).
pub async fn act(
    app: &App,
    tx: &Tx,
    ticket: Ticket,
    command: &Command,
    actor: &Actor,
    expected: Option<i64>,
) -> Result<Ticket, Problem> {
    if expected.is_some_and(|e| e != ticket.version) {
        return Err(Problem::new(Code::Stale, format!("review {}", ticket.id)));
    }
    let masked = |text: &str| domain::text::mask(text).text;
    let command = match command.clone() {
        Command::Analyse { cause, text } => Command::Analyse {
            cause: masked(&cause),
            text: masked(&text),
        },
        Command::CallBack { reached, text } => Command::CallBack {
            reached,
            text: masked(&text),
        },
        Command::Close { outcome, text } => Command::Close {
            outcome,
            text: masked(&text),
        },
        Command::Reassign {
            department,
            owner_email,
            reason,
        } => Command::Reassign {
            department,
            owner_email,
            reason: masked(&reason),
        },
    };
    if ticket.state == State::Closed {
        return Err(Code::WrongState.into());
    }
    let (next, data) = apply(ticket, &command, actor, tx.now())?;
    storage::reviews::update(tx, &next).await?;
    record(app, tx, next.id, command.event(), actor, &data).await?;
    if matches!(command, Command::Reassign { .. }) {
        // The former person's mails lead nowhere any more; the new one hears with tomorrow's list.
        storage::reviews::revoke_links(tx, next.id).await?;
        let organisation = storage::organisation::organisation(tx).await?;
        plan_mail(app, tx, &next.owner_email, &organisation).await?;
    }
    Ok(next)
}
