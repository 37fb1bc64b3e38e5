//! One delivery: mark it as being sent, send it, write down what became of it.

use crate::app::Shared;
use crate::jobs::{JobError, Outcome};
use crate::mail::{Envelope, SendError, build, render};
use crate::plugins::{Kind, Note};
use chrono::TimeDelta;
use domain::ids::ArticleId;
use storage::notify::{Delivery, Mail, set_state};
use storage::queue::Job;
use storage::{DbError, Tx};

fn id(payload: &serde_json::Value) -> Result<&str, JobError> {
    payload
        .get("delivery")
        .and_then(|d| d.as_str())
        .ok_or_else(|| JobError::fail("no delivery is named"))
}

/// Carries a delivery out. At least once: when a worker dies between sending and writing it down,
/// the same mail goes out again with the same Message-ID.
pub async fn deliver(
    app: &Shared,
    job: &Job,
    payload: &serde_json::Value,
) -> Result<Outcome, JobError> {
    let id = id(payload)?;
    let Some(delivery) = storage::notify::get(&app.db, id).await? else {
        return Ok(Outcome::Nothing);
    };
    if matches!(delivery.state.as_str(), "sent" | "dead" | "withdrawn") {
        return Ok(Outcome::Nothing);
    }
    if let Some(reason) = delivery.withdrawn() {
        let tx = app.begin().await?;
        let (attempts, left) = (delivery.attempts, delivery.left_machine);
        set_state(&tx, id, "withdrawn", attempts, Some(reason), left).await?;
        return Ok(Outcome::Done(tx));
    }
    match delivery.kind.as_str() {
        "mail" => mail(app, job, &delivery).await,
        "publication" => publication(app, job, &delivery).await,
        "chat" => chat(app, job, &delivery).await,
        other => Err(JobError::fail(format!("nobody delivers {other}"))),
    }
}

async fn mark_sending(app: &Shared, job: &Job, delivery: &Delivery) -> Result<(), DbError> {
    let tx = app.begin().await?;
    set_state(
        &tx,
        &delivery.id,
        "sending",
        job.attempt,
        None,
        delivery.left_machine,
    )
    .await?;
    tx.commit().await
}

async fn note_retry(
    app: &Shared,
    job: &Job,
    delivery: &Delivery,
    reason: &str,
) -> Result<(), DbError> {
    let tx = app.begin().await?;
    set_state(
        &tx,
        &delivery.id,
        "retry",
        job.attempt,
        Some(reason),
        delivery.left_machine,
    )
    .await?;
    tx.commit().await
}

async fn mail(app: &Shared, job: &Job, delivery: &Delivery) -> Result<Outcome, JobError> {
    let envelope: Envelope =
        serde_json::from_value(delivery.data.clone()).map_err(JobError::fail)?;
    let rendered =
        render(&envelope.letter, &envelope.to, &app.config.public_url).map_err(JobError::fail)?;
    let outgoing = build(
        &app.config,
        &delivery.id,
        &envelope.to,
        envelope.letter.thread(),
        &rendered,
    )
    .map_err(JobError::fail)?;
    if !app.mail.leaves_machine() {
        let tx = app.begin().await?;
        let kept = Mail {
            id: delivery.id.clone(),
            to: envelope.to.email,
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
            message_id: outgoing.message_id,
            headers: outgoing.headers,
            created_at: tx.now(),
        };
        storage::notify::keep(&tx, &kept).await?;
        gone_out(app, &tx, job, delivery, false).await?;
        return Ok(Outcome::Done(tx));
    }
    mark_sending(app, job, delivery).await?;
    match app.mail.send(outgoing).await {
        Ok(()) => {
            let tx = app.begin().await?;
            gone_out(app, &tx, job, delivery, true).await?;
            Ok(Outcome::Done(tx))
        }
        Err(SendError::Transient(reason)) => {
            note_retry(app, job, delivery, &reason).await?;
            Err(JobError::retry(reason))
        }
        Err(SendError::Permanent(reason)) => Err(JobError::fail(reason)),
    }
}

/// Writes down that a mail went out; if its reason went away while it did, what takes it back follows.
async fn gone_out(
    app: &Shared,
    tx: &Tx,
    job: &Job,
    delivery: &Delivery,
    left_machine: bool,
) -> Result<(), DbError> {
    set_state(tx, &delivery.id, "sent", job.attempt, None, left_machine).await?;
    let present = storage::notify::get(tx, &delivery.id).await?;
    if let Some(next) = present.and_then(|d| d.follow_up()) {
        crate::mail::enqueue(app, tx, &next).await?;
    }
    Ok(())
}

async fn publication(app: &Shared, job: &Job, delivery: &Delivery) -> Result<Outcome, JobError> {
    let text = |name: &str| {
        delivery
            .data
            .get(name)
            .and_then(|v| v.as_str())
            .unwrap_or_default()
    };
    let article: ArticleId = text("article").parse().map_err(JobError::fail)?;
    let Some(article) = storage::knowledge::get(&app.db, article).await? else {
        return Err(JobError::fail("the article is gone"));
    };
    mark_sending(app, job, delivery).await?;
    match app
        .plugins
        .publish(app, &delivery.target, &article, text("content_hash"))
        .await
    {
        Ok((reference, keep)) => {
            let tx = app.begin().await?;
            keep.write(&tx, &delivery.target).await?;
            storage::notify::set_reference(&tx, delivery, &reference).await?;
            set_state(&tx, &delivery.id, "sent", job.attempt, None, false).await?;
            Ok(Outcome::Done(tx))
        }
        Err(error) => {
            let reason = error.to_string();
            if error.can_retry() {
                note_retry(app, job, delivery, &reason).await?;
                Err(JobError::retry(reason))
            } else {
                Err(JobError::fail(reason))
            }
        }
    }
}

/// Posts a message into a chat. At least once; the plugin gets the same key every time.
async fn chat(app: &Shared, job: &Job, delivery: &Delivery) -> Result<Outcome, JobError> {
    let note: Note = serde_json::from_value(delivery.data.clone()).map_err(JobError::fail)?;
    let key = &delivery.target;
    mark_sending(app, job, delivery).await?;
    let posted = app.plugins.notify(app, key, note).await;
    let tx = app.begin().await?;
    let held = storage::installations::lock(&tx, key).await?.is_some();
    match posted {
        Ok(keep) => {
            if held {
                keep.write(&tx, key).await?;
                crate::plugins::succeeded(app, &tx, key, "notify").await?;
            }
            set_state(&tx, &delivery.id, "sent", job.attempt, None, true).await?;
            Ok(Outcome::Done(tx))
        }
        Err(failed) => {
            let reason = failed.to_string();
            let again = !matches!(failed.kind, Kind::Input | Kind::Settings);
            if held {
                let failures = u32::try_from(job.attempt - 1).unwrap_or(u32::MAX);
                crate::plugins::failed(app, &tx, key, "notify", &failed, failures, tx.now())
                    .await?;
            }
            if again {
                set_state(
                    &tx,
                    &delivery.id,
                    "retry",
                    job.attempt,
                    Some(&reason),
                    false,
                )
                .await?;
            }
            tx.commit().await?;
            if !again {
                return Err(JobError::fail(reason));
            }
            let first_wait = match failed.kind {
                Kind::Patience(ms) => {
                    TimeDelta::milliseconds(i64::try_from(ms.min(3_600_000)).unwrap_or(60_000))
                }
                _ => TimeDelta::seconds(2),
            };
            Err(JobError::Retry { reason, first_wait })
        }
    }
}

/// A delivery that will not be tried again: people see it as dead, with the reason.
pub async fn gave_up(tx: &Tx, job: &Job, reason: &str) -> Result<(), DbError> {
    let payload: serde_json::Value = serde_json::from_str(&job.payload).unwrap_or_default();
    let Ok(id) = id(&payload) else { return Ok(()) };
    set_state(tx, id, "dead", job.attempt, Some(reason), false).await
}
