//! Mails that wait: for the digest that their reader wished, for the end of quiet hours, for the budget of
//! the hour. Each is visible in the outbox with its reason and time, and each has a job that releases it.

use crate::app::{App, Shared};
use crate::jobs::{JobError, Outcome};
use crate::mail::{DigestItem, Envelope, Letter, preference};
use domain::clock::Timestamp;
use domain::mail::schedule::Decision;
use storage::notify::Delivery;
use storage::queue::NewJob;
use storage::{DbError, Tx};

/// Mails that a digest names; the rest is counted.
const NAMED: usize = 40;
/// Why a mail waits when the hour has no place left.
const BUDGET: &str = "hourly_budget";

/// Writes the job that lets something go at its time. It stands in no task's line: a job that waits there for
/// hours would keep the task's next mails from being looked at, and nobody would see that they wait.
async fn later(
    app: &App,
    tx: &Tx,
    payload: serde_json::Value,
    key: String,
    at: Timestamp,
    priority: i64,
) -> Result<(), DbError> {
    let job = NewJob {
        unique_key: Some(key),
        priority,
        ..crate::jobs::job(app.ids.as_ref(), "deliver", payload, at)
    };
    storage::queue::enqueue(tx, &job).await.map(|_| ())
}

/// Holds a mail as its reader wishes. `None`: it goes now.
pub(super) async fn by_wish(
    app: &App,
    delivery: &Delivery,
    envelope: &Envelope,
) -> Result<Option<Tx>, DbError> {
    if envelope.letter.is_answer() {
        return Ok(None);
    }
    let wish = preference(&app.db, &delivery.target).await?;
    let urgent = envelope.letter.is_urgent();
    let (why, until) = match wish.decide(urgent, app.now(), envelope.to.time_zone) {
        Decision::Now => return Ok(None),
        Decision::Digest(until) => ("digest", until),
        Decision::Quiet(until) => ("quiet_hours", until),
    };
    let tx = app.begin().await?;
    storage::notify::hold(&tx, &delivery.id, why, Some(until)).await?;
    let key = format!("release:{}:{}", delivery.target, until.timestamp());
    let payload = serde_json::json!({"release": delivery.target});
    later(app, &tx, payload, key, until, 5).await?;
    Ok(Some(tx))
}

/// Holds a mail for which the hour has no place left, or that must not overtake one of its task.
pub(super) async fn by_budget(
    app: &App,
    tx: &Tx,
    delivery: &Delivery,
    envelope: &Envelope,
) -> Result<bool, DbError> {
    let Some(an_hour) = app.config.mail_per_hour else {
        return Ok(false);
    };
    let urgent = envelope.letter.is_urgent();
    let before = storage::notify::waits_before(tx, &delivery.serial_key, &delivery.id).await?;
    let until = match before {
        Some(until) => until,
        None => match storage::notify::budget(tx, &delivery.id, an_hour, urgent).await? {
            Some(until) => until,
            None => return Ok(false),
        },
    };
    storage::notify::hold(tx, &delivery.id, BUDGET, Some(until)).await?;
    let key = format!("free:{}:{}", delivery.id, until.timestamp_micros());
    let payload = serde_json::json!({"free": delivery.id});
    let priority = if urgent { 9 } else { 5 };
    later(app, tx, payload, key, until, priority).await?;
    Ok(true)
}

/// Puts a mail that waited for the hour's budget back into its task's line; there it is looked at again.
pub(super) async fn free(app: &Shared, id: &str) -> Result<Outcome, JobError> {
    let tx = app.begin().await?;
    if !storage::notify::let_go(&tx, id, BUDGET).await? {
        return Ok(Outcome::Nothing);
    }
    if let Some(delivery) = storage::notify::get(&tx, id).await? {
        crate::mail::carry_out_now(app, &tx, &delivery).await?;
    }
    Ok(Outcome::Done(tx))
}

/// Sends what was held for a person until now: one mail as it is, several as a digest.
pub(super) async fn release(app: &Shared, person: &str) -> Result<Outcome, JobError> {
    let tx = app.begin().await?;
    let due = storage::notify::due_of(&tx, person, tx.now()).await?;
    match due.as_slice() {
        [] => return Ok(Outcome::Nothing),
        [one] => {
            storage::notify::queue_again(&tx, &one.id).await?;
            crate::mail::carry_out_now(app, &tx, one).await?;
        }
        [first, ..] => {
            let mut items = Vec::new();
            let mut to = None;
            for delivery in &due {
                let Ok(envelope) = serde_json::from_value::<Envelope>(delivery.data.clone()) else {
                    continue;
                };
                let rendered = envelope.render(app).map_err(JobError::fail)?;
                items.push(DigestItem {
                    subject: rendered.subject,
                    link: envelope.letter.link().map(str::to_owned),
                });
                to.get_or_insert(envelope.to);
            }
            let Some(to) = to else {
                return Err(JobError::fail("no held mail can be read"));
            };
            let more = items.len().saturating_sub(NAMED);
            items.truncate(NAMED);
            let letter = Letter::Digest { items, more };
            let key = format!("digest:{}", first.id);
            let serial = format!("digest:{}", app.hash(person.as_bytes()));
            let digest = crate::mail::delivery(app.ids.next(), &to, &letter, key, serial, tx.now());
            crate::mail::enqueue(app, &tx, &digest).await?;
            for delivery in &due {
                storage::notify::merged(&tx, &delivery.id, &digest.id).await?;
            }
        }
    }
    Ok(Outcome::Done(tx))
}

/// Sends everything at once that the old wish of a person held: the new one counts from here.
pub(super) async fn reconsider(app: &App, tx: &Tx, person: &str) -> Result<usize, DbError> {
    let mut n = 0;
    for why in ["digest", "quiet_hours"] {
        for delivery in storage::notify::held(tx, person, why).await? {
            storage::notify::queue_again(tx, &delivery.id).await?;
            crate::mail::carry_out(app, tx, &delivery).await?;
            n += 1;
        }
    }
    Ok(n)
}
