//! One delivery: mark it as being sent, send it, write down what became of it.

use crate::app::Shared;
use crate::jobs::{JobError, Outcome};
use crate::mail::{Envelope, Refused, SendError, build};
use crate::plugins::{Failed, Kind, Note, PublishError};
use chrono::TimeDelta;
use domain::ids::ArticleId;
use domain::mail::bounce;
use domain::mail::refusal::Ours;
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
    if let Some(person) = payload.get("release").and_then(|p| p.as_str()) {
        return super::held::release(app, person).await;
    }
    if let Some(id) = payload.get("free").and_then(|d| d.as_str()) {
        return super::held::free(app, id).await;
    }
    let id = id(payload)?;
    let Some(delivery) = storage::notify::get(&app.db, id).await? else {
        return Ok(Outcome::Nothing);
    };
    if matches!(
        delivery.state.as_str(),
        "sent" | "dead" | "withdrawn" | "merged"
    ) {
        return Ok(Outcome::Nothing);
    }
    if let Some(reason) = delivery.withdrawn() {
        let tx = app.begin().await?;
        let (attempts, left) = (delivery.attempts, delivery.left_machine);
        set_state(&tx, id, "withdrawn", attempts, Some(reason), left).await?;
        return Ok(Outcome::Done(tx));
    }
    match delivery.kind.as_str() {
        "mail" => {
            // What a digest or quiet hours released, or a person sent again, is not held a second time.
            let now = payload.get("now").is_some_and(|n| n == true);
            mail(app, job, &delivery, now).await
        }
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

async fn mail(
    app: &Shared,
    job: &Job,
    delivery: &Delivery,
    now: bool,
) -> Result<Outcome, JobError> {
    let envelope: Envelope =
        serde_json::from_value(delivery.data.clone()).map_err(JobError::fail)?;
    if !now && let Some(tx) = super::held::by_wish(app, delivery, &envelope).await? {
        return Ok(Outcome::Done(tx));
    }
    let rendered = envelope.render(app).map_err(JobError::fail)?;
    let outgoing = build(
        &app.config,
        &delivery.id,
        &envelope.to,
        &envelope.letter,
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
    if let Some(refused) = app.mail_rest.at(app.now()) {
        return wait_for_server(app, delivery, refused).await;
    }
    let tx = app.begin().await?;
    if super::bounces::hold_if_closed(app, &tx, delivery).await? {
        return Ok(Outcome::Done(tx));
    }
    if super::held::by_budget(app, &tx, delivery, &envelope).await? {
        return Ok(Outcome::Done(tx));
    }
    let left = delivery.left_machine;
    set_state(&tx, &delivery.id, "sending", job.attempt, None, left).await?;
    tx.commit().await?;
    match app.mail.send(outgoing).await {
        Ok(()) => {
            app.mail_rest.clear();
            let tx = app.begin().await?;
            gone_out(app, &tx, job, delivery, true).await?;
            Ok(Outcome::Done(tx))
        }
        Err(SendError::Transient(reason)) => {
            note_retry(app, job, delivery, &reason).await?;
            Err(JobError::retry(reason))
        }
        Err(SendError::Ours(ours, reason)) => {
            let refused = if ours == Ours::Server {
                // It may be away for a moment only: the first waits are short, and no account is locked.
                let seconds = 1_i64 << (job.attempt - 1).clamp(0, 10);
                let wait = TimeDelta::seconds(seconds).min(TimeDelta::minutes(15));
                Refused::once(ours, reason, app.now() + wait)
            } else {
                app.mail_rest.refused(ours, reason, app.now())
            };
            wait_for_server(app, delivery, refused).await
        }
        Err(SendError::Permanent(reason)) => {
            // What the server refuses at once needs no report to be a bounce.
            let status = bounce::status_in(&reason).unwrap_or_default();
            let severity = bounce::severity("failed", status, &reason);
            let tx = app.begin().await?;
            super::bounces::came_back(app, &tx, delivery, severity, &reason).await?;
            tx.commit().await?;
            Err(JobError::fail(reason))
        }
    }
}

/// Puts a mail off that the mail server does not even look at: that says nothing about the mail, so it never dies of
/// it.
async fn wait_for_server(
    app: &Shared,
    delivery: &Delivery,
    refused: Refused,
) -> Result<Outcome, JobError> {
    let Refused {
        ours,
        reason,
        until,
        ..
    } = refused;
    let tx = app.begin().await?;
    storage::notify::wait_for_server(&tx, &delivery.id, ours.as_str(), &reason, until).await?;
    tx.commit().await?;
    Err(JobError::Wait { reason, until })
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
    let key = &delivery.target;
    if let Some(failed) = crate::plugins::rests(app, key, "publish").await? {
        return put_off(app, job, delivery, &failed).await;
    }
    mark_sending(app, job, delivery).await?;
    let published = app
        .plugins
        .publish(app, key, &article, text("content_hash"))
        .await;
    match published {
        Ok((reference, keep)) => {
            let tx = app.begin().await?;
            // Held, so that what is kept never outlives the installation.
            if storage::installations::lock(&tx, key).await?.is_some() {
                keep.write(&tx, key).await?;
                crate::plugins::succeeded(app, &tx, key, "publish").await?;
            }
            storage::notify::set_reference(&tx, delivery, &reference).await?;
            set_state(&tx, &delivery.id, "sent", job.attempt, None, false).await?;
            Ok(Outcome::Done(tx))
        }
        Err(PublishError::Plugin(failed)) => {
            plugin_failed(app, job, delivery, "publish", &failed).await
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
    if let Some(failed) = crate::plugins::rests(app, key, "notify").await? {
        return put_off(app, job, delivery, &failed).await;
    }
    mark_sending(app, job, delivery).await?;
    match app.plugins.notify(app, key, note).await {
        Ok(keep) => {
            let tx = app.begin().await?;
            if storage::installations::lock(&tx, key).await?.is_some() {
                keep.write(&tx, key).await?;
                crate::plugins::succeeded(app, &tx, key, "notify").await?;
            }
            set_state(&tx, &delivery.id, "sent", job.attempt, None, true).await?;
            Ok(Outcome::Done(tx))
        }
        Err(failed) => plugin_failed(app, job, delivery, "notify", &failed).await,
    }
}

/// Writes down that a plugin did not deliver, and tries again where that can help. What waits for a person goes
/// out again when they have changed the installation.
async fn plugin_failed(
    app: &Shared,
    job: &Job,
    delivery: &Delivery,
    operation: &str,
    failed: &Failed,
) -> Result<Outcome, JobError> {
    let key = &delivery.target;
    let tx = app.begin().await?;
    if storage::installations::lock(&tx, key).await?.is_some() {
        let failures = u32::try_from(job.attempt - 1).unwrap_or(u32::MAX);
        crate::plugins::failed(app, &tx, key, operation, failed, failures, tx.now()).await?;
    }
    tx.commit().await?;
    put_off(app, job, delivery, failed).await
}

async fn put_off(
    app: &Shared,
    job: &Job,
    delivery: &Delivery,
    failed: &Failed,
) -> Result<Outcome, JobError> {
    let reason = failed.to_string();
    if !failed.can_retry() {
        return Err(JobError::fail(reason));
    }
    note_retry(app, job, delivery, &reason).await?;
    let first_wait = match failed.kind {
        Kind::Patience(ms) => {
            TimeDelta::milliseconds(i64::try_from(ms.min(3_600_000)).unwrap_or(60_000))
        }
        _ => TimeDelta::seconds(2),
    };
    Err(JobError::Retry { reason, first_wait })
}

/// A delivery that will not be tried again: people see it as dead, with the reason.
pub async fn gave_up(tx: &Tx, job: &Job, reason: &str) -> Result<(), DbError> {
    let payload: serde_json::Value = serde_json::from_str(&job.payload).unwrap_or_default();
    let Ok(id) = id(&payload) else { return Ok(()) };
    set_state(tx, id, "dead", job.attempt, Some(reason), false).await
}
