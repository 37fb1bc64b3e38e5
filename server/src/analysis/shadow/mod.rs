//! A classifier that reads along without having a say: what would change if it labelled. It looks at the last
//! voices and then at those that come, in jobs of its own; nobody waits for it.

pub mod http;

use super::service::{documents, label_of};
use crate::app::{App, Shared};
use crate::http::{Code, Problem};
use crate::jobs::{JobError, Outcome};
use chrono::TimeDelta;
use domain::analysis::{Source, overrule};
use domain::identity::Actor;
use std::collections::BTreeMap;
use storage::shadow::{self, Seen, Shadow};
use storage::{DbError, Tx};

/// Voices of one step.
const STEP: u64 = 200;
/// Between two looks for new voices.
const LOOK: TimeDelta = TimeDelta::seconds(5);
/// A shadow that nobody ends.
const LONGEST: TimeDelta = TimeDelta::days(7);
/// Most voices of the past.
pub(super) const MOST: i64 = 20_000;

/// Lets a classifier read along, over the last `wanted` voices and those to come. Begun again, it begins anew.
pub async fn begin(
    app: &Shared,
    actor: &Actor,
    plugin_id: &str,
    wanted: i64,
) -> Result<Shadow, Problem> {
    if !(0..=MOST).contains(&wanted) {
        return Err(Problem::field("voices", "out_of_range", "0 to 20000"));
    }
    let Some(plugin) = storage::plugins::get(&app.db, plugin_id).await? else {
        return Err(Problem::not_found("plugin"));
    };
    if plugin.role != "classifier" || plugin.state != "installed" {
        return Err(Problem::new(
            Code::WrongState,
            "only a classifier that is installed and not active can read along",
        ));
    }
    let Some(active) = storage::plugins::active(&app.db, "classifier").await? else {
        return Err(Code::NoClassifier.into());
    };
    let tx = app.begin().await?;
    let shadow = Shadow {
        plugin_id: plugin_id.to_owned(),
        against_id: active.id,
        state: "running".to_owned(),
        seen: Seen {
            wanted,
            started_at: tx.now(),
            ..Seen::default()
        },
        position: shadow::position(&tx, wanted).await?,
        version: 0,
    };
    shadow::begin(&tx, &shadow).await?;
    next(app, &tx, &shadow, TimeDelta::zero()).await?;
    let data = serde_json::json!({"voices": wanted});
    storage::events::record(
        &tx,
        app.ids.next(),
        "plugin",
        plugin_id,
        "plugin.shadow_begun",
        actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    app.wake_workers();
    shadow::get(&app.db, plugin_id)
        .await?
        .ok_or_else(|| Problem::not_found("shadow"))
}

async fn next(app: &App, tx: &Tx, shadow: &Shadow, wait: TimeDelta) -> Result<(), DbError> {
    // The beginning stands in the job: one that was begun anew ends the steps of the old one.
    let payload = serde_json::json!({"plugin": shadow.plugin_id,
        "begun": shadow.seen.started_at.timestamp_micros()});
    let job = crate::jobs::job(app.ids.as_ref(), "shadow", payload, tx.now() + wait);
    storage::queue::enqueue(tx, &job).await.map(|_| ())
}

/// One step of a shadow.
pub async fn step(app: &Shared, payload: &serde_json::Value) -> Result<Outcome, JobError> {
    let id = payload["plugin"]
        .as_str()
        .ok_or_else(|| JobError::fail("no plugin is named"))?;
    let Some(mut shadow) = shadow::get(&app.db, id).await? else {
        return Ok(Outcome::Nothing);
    };
    let begun = shadow.seen.started_at.timestamp_micros();
    if shadow.state != "running" || payload["begun"].as_i64() != Some(begun) {
        return Ok(Outcome::Nothing);
    }
    let Some(plugin) = storage::plugins::get(&app.db, id).await? else {
        return Ok(Outcome::Nothing);
    };
    let voices = storage::feedback::scan(&app.db, &shadow.position, STEP).await?;
    let full = voices.len() as u64 == STEP;
    // A voice without its label yet is compared at the next step, when it has one.
    let fresh = voices
        .iter()
        .position(|v| v.label.is_none() && app.now() - v.received_at < TimeDelta::minutes(5));
    let voices = &voices[..fresh.unwrap_or(voices.len())];
    let Some(last) = voices.last() else {
        let tx = app.begin().await?;
        if app.now() - shadow.seen.started_at > LONGEST {
            shadow::end(&tx, id).await?;
        } else {
            next(app, &tx, &shadow, LOOK).await?;
        }
        return Ok(Outcome::Done(tx));
    };
    shadow.position = last.id.to_string();
    // What people and senders are sure of stays, whoever classifies.
    let open: Vec<_> = voices
        .iter()
        .filter(|v| {
            v.label
                .as_ref()
                .is_some_and(|(l, _)| l.source == Source::Classifier)
        })
        .collect();
    let records: Vec<_> = open.iter().map(|v| &v.feedback).collect();
    let batch = documents(app, &records).await;
    let answers = match app.plugins.read_along(app, &plugin, batch).await {
        Ok(answers) => answers,
        Err(failed) => {
            // It has no say, and nothing depends on it: it stops, and says why.
            shadow.state = "ended".to_owned();
            shadow.seen.error = Some(failed.to_string());
            let tx = app.begin().await?;
            shadow::advance(&tx, &shadow, &[]).await?;
            return Ok(Outcome::Done(tx));
        }
    };
    let mut moves: BTreeMap<(String, String), i64> = BTreeMap::new();
    for (voice, answer) in open.iter().zip(answers) {
        let Some((present, _)) = &voice.label else {
            continue;
        };
        shadow.seen.looked_at += 1;
        shadow.seen.failed += i64::from(answer.is_err());
        let said = overrule(
            label_of((&plugin.name, &plugin.version, ""), answer),
            &voice.feedback.labels,
            Source::Sender,
        );
        let from = present.topic.clone().unwrap_or_default();
        let to = said.topic.clone().unwrap_or_default();
        shadow.seen.changed += i64::from(from != to);
        shadow.seen.sentiment_changed += i64::from(present.polarity != said.polarity);
        *moves.entry((from, to)).or_default() += 1;
    }
    let moves: Vec<_> = moves.into_iter().map(|((f, t), n)| (f, t, n)).collect();
    let tx = app.begin().await?;
    shadow::advance(&tx, &shadow, &moves).await?;
    next(
        app,
        &tx,
        &shadow,
        if full { TimeDelta::zero() } else { LOOK },
    )
    .await?;
    Ok(Outcome::Done(tx))
}
