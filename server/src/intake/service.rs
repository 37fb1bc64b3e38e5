//! What arrives becomes durable, once, and is labelled soon after.

use crate::app::{App, Shared};
use chrono::TimeDelta;
use domain::clock::Timestamp;
use domain::facts::Batch;
use domain::ids::FeedbackId;
use domain::intake::feedback::{self, Feedback, Incoming, RatingRule, Rejection};
use domain::organisation::{Channel, Topic, TopicState, check_key};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use storage::feedback::{NewVoice, Outcome};
use storage::{DbError, Tx};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

/// Voices in one transaction.
pub const BATCH: usize = 1000;

/// One item as it was read from the wire or a file.
pub struct Arrived {
    /// Where it stood, counted from 0 (API) or the row of the file.
    pub index: i64,
    /// The sender's id, for refusals.
    pub external_id: Option<String>,
    /// The item, or why it could not be read.
    pub item: Result<Incoming, Rejection>,
}

/// An item that was refused. A bad item never spoils its batch.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Rejected)]
pub struct Refusal {
    /// Where it stood, counted from 0.
    pub index: i64,
    /// The sender's id, unless it is personal data.
    pub external_id: Option<String>,
    /// Path of the field in what was sent, `items[3].occurred_at`; empty lines before it do not count.
    pub field: String,
    /// Stable code.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// What became of the items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// New voices.
    pub accepted: i64,
    /// Voices with new content.
    pub updated: i64,
    /// Voices that were there already.
    pub duplicates: i64,
    /// Voices without a time, among the accepted and updated.
    pub undated: i64,
    /// Items that were refused.
    pub rejected: Vec<Refusal>,
    /// Topics that senders named and nobody knows: proposed now.
    pub proposed: BTreeSet<String>,
    /// Jobs that label what was stored.
    pub jobs: Vec<Uuid>,
}

/// What an import or a connector knows beside the items.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Channel of items that name none.
    pub channel: Option<String>,
    /// Time of items that have none.
    pub occurred_at: Option<Timestamp>,
}

/// Rules that need the database, read once per request or file.
pub struct Rules {
    zone: chrono_tz::Tz,
    channels: BTreeMap<String, Channel>,
    options: Options,
    history_before: Timestamp,
}

/// Reads what [`prepare`] needs to know.
pub async fn rules(app: &App, options: Options) -> Result<Rules, DbError> {
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    let channels: Vec<Channel> = storage::organisation::all(&app.db).await?;
    Ok(Rules {
        zone,
        channels: channels.into_iter().map(|c| (c.key.clone(), c)).collect(),
        options,
        history_before: app.now() - TimeDelta::days(app.config.history_days),
    })
}

/// Items after normalisation: clean voices and refusals.
#[derive(Default)]
pub struct Prepared {
    /// Clean voices.
    pub voices: Vec<Feedback>,
    /// Items that were refused.
    pub rejected: Vec<Refusal>,
    /// Voices with a time.
    pub dated: usize,
    /// Those of them that are older than history reaches.
    pub old: usize,
}

/// A refusal for who sent the item.
pub(super) fn refusal(index: i64, external_id: Option<String>, rejection: &Rejection) -> Refusal {
    let detail = if rejection.field.is_empty() {
        rejection.detail.clone()
    } else {
        format!("{}: {}", rejection.field, rejection.detail)
    };
    Refusal {
        index,
        external_id: external_id
            .filter(|id| id.len() <= 512 && !domain::text::mask::is_personal(id)),
        field: match rejection.field.as_str() {
            "" => format!("items[{index}]"),
            field => format!("items[{index}].{field}"),
        },
        code: rejection.code.as_str().to_owned(),
        detail,
    }
}

impl Prepared {
    /// Most of it is older than history reaches: this is no live traffic. A late voice among live
    /// ones changes nothing.
    #[must_use]
    pub fn is_backfill(&self) -> bool {
        self.old * 2 > self.dated
    }
}

/// Normalises items. Pure but for the present time.
#[must_use]
pub fn prepare(app: &App, rules: &Rules, items: Vec<Arrived>) -> Prepared {
    let now = app.now();
    let hash = |bytes: &[u8]| app.hash(bytes);
    let mut prepared = Prepared::default();
    for arrived in items {
        let outcome = arrived.item.and_then(|mut incoming| {
            if incoming.channel.is_none() {
                incoming.channel.clone_from(&rules.options.channel);
            }
            let mut by = feedback::Rules::new(rules.zone, &hash);
            by.occurred_at = rules.options.occurred_at;
            let channel = incoming
                .channel
                .as_deref()
                .map(str::trim)
                .unwrap_or_default();
            if let Some(from) = rules.channels.get(channel).and_then(|c| c.satisfied_from) {
                by.rating = RatingRule::AtLeast(f64::from(from));
            }
            let voice = feedback::normalise(incoming, &by, now)?;
            if check_key(&voice.channel).is_err() || domain::text::mask::is_personal(&voice.channel) {
                return Err(Rejection::new(
                    feedback::Code::BadValue,
                    "channel",
                    "a channel key has no slash, control character or space at its ends and is nobody's number",
                ));
            }
            Ok(voice)
        });
        match outcome {
            Ok(voice) => {
                prepared.dated += usize::from(voice.occurred_at.is_some());
                prepared.old += usize::from(
                    voice
                        .occurred_at
                        .is_some_and(|at| at < rules.history_before),
                );
                prepared.voices.push(voice);
            }
            Err(rejection) => {
                prepared
                    .rejected
                    .push(refusal(arrived.index, arrived.external_id, &rejection));
            }
        }
    }
    prepared
}

/// First ten bits of a hash of the identity. Not of the customer: the same voice sent again with
/// another customer must meet its first self, and a unique key can only see one shard.
fn shard_key(voice: &Feedback) -> i64 {
    let of = format!("{}\u{1f}{}", voice.channel, voice.external_id);
    let digest = blake3::hash(of.as_bytes());
    let bytes = digest.as_bytes();
    i64::from(u16::from_be_bytes([bytes[0], bytes[1]]) >> 6)
}

/// Stores a batch in an open transaction, with the job that labels it. `backfill` voices open issues
/// for the present but send nothing.
pub async fn store_batch(
    app: &App,
    tx: &Tx,
    voices: Vec<Feedback>,
    backfill: bool,
    receipt: &mut Receipt,
) -> Result<(), DbError> {
    if voices.is_empty() {
        return Ok(());
    }
    let voices = settle_names(tx, voices, receipt).await?;
    let batch = app.ids.next();
    let new: Vec<NewVoice> = voices
        .into_iter()
        .map(|feedback| NewVoice {
            id: FeedbackId(app.ids.next()),
            shard_key: shard_key(&feedback),
            feedback,
        })
        .collect();
    let mut facts = Batch::new();
    let outcomes = storage::feedback::store(tx, &batch.to_string(), &new, &mut facts).await?;
    storage::facts::apply(tx, &facts).await?;
    crate::jobs::counted_less(app, tx, &facts).await?;
    let mut changed = false;
    for (voice, outcome) in new.iter().zip(&outcomes) {
        match outcome {
            Outcome::Accepted(_) => receipt.accepted += 1,
            Outcome::Updated(_) => receipt.updated += 1,
            Outcome::Duplicate(_) => receipt.duplicates += 1,
        }
        if !matches!(outcome, Outcome::Duplicate(_)) {
            changed = true;
            receipt.undated += i64::from(voice.feedback.occurred_at.is_none());
        }
    }
    if changed {
        let payload = serde_json::json!({"batch": batch.to_string(), "backfill": backfill});
        let job = crate::jobs::job(app.ids.as_ref(), "analyse", payload, tx.now());
        storage::queue::enqueue(tx, &job).await?;
        receipt.jobs.push(job.id);
    }
    Ok(())
}

/// Makes channels that are new, turns topic names into keys, and proposes topics nobody knows.
async fn settle_names(
    tx: &Tx,
    mut voices: Vec<Feedback>,
    receipt: &mut Receipt,
) -> Result<Vec<Feedback>, DbError> {
    let channels: BTreeSet<&str> = voices.iter().map(|v| v.channel.as_str()).collect();
    for key in channels {
        let channel = Channel {
            key: key.to_owned(),
            name: key.to_owned(),
            ..Channel::default()
        };
        storage::organisation::put_new(tx, &channel).await?;
    }
    if voices.iter().all(|v| v.labels.topic.is_none()) {
        return Ok(voices);
    }
    let topics: Vec<Topic> = storage::organisation::all(tx).await?;
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    // A key wins over a name of another topic.
    for topic in topics.iter().rev() {
        for name in [&topic.name_en, &topic.name] {
            if !name.is_empty() {
                keys.insert(name.clone(), topic.key.clone());
            }
        }
    }
    for topic in &topics {
        keys.insert(topic.key.clone(), topic.key.clone());
    }
    for voice in &mut voices {
        let Some(named) = voice.labels.topic.clone() else {
            continue;
        };
        if let Some(key) = keys.get(&named) {
            voice.labels.topic = Some(key.clone());
            continue;
        }
        if check_key(&named).is_err() {
            // What cannot be a key is no topic: the classifier decides, the name stays visible.
            voice.labels.topic = None;
            voice.attributes.insert("topic".to_owned(), named);
            continue;
        }
        let topic = Topic {
            key: named.clone(),
            name: named.clone(),
            state: TopicState::Proposed,
            ..Topic::default()
        };
        storage::organisation::put_new(tx, &topic).await?;
        keys.insert(named.clone(), named.clone());
        receipt.proposed.insert(named);
    }
    Ok(voices)
}

/// Takes items in: each batch is durable before the answer.
pub async fn receive(app: &Shared, items: Vec<Arrived>) -> Result<Receipt, DbError> {
    let rules = rules(app, Options::default()).await?;
    let shared = app.clone();
    let prepared = tokio::task::spawn_blocking(move || prepare(&shared, &rules, items))
        .await
        .map_err(|_| DbError::Busy)?;
    let backfill = prepared.is_backfill();
    let mut receipt = Receipt {
        rejected: prepared.rejected,
        ..Receipt::default()
    };
    let mut voices = prepared.voices;
    while !voices.is_empty() {
        let rest = voices.split_off(voices.len().min(BATCH));
        let tx = app.begin().await?;
        store_batch(app, &tx, voices, backfill, &mut receipt).await?;
        tx.commit().await?;
        app.wake_workers();
        voices = rest;
    }
    Ok(receipt)
}

/// Waits until jobs have ended, at most half a minute. `false`: they have not.
pub async fn wait_analysed(app: &App, jobs: &[Uuid]) -> Result<bool, DbError> {
    let until = Instant::now() + Duration::from_secs(30);
    for job in jobs {
        loop {
            let ended = app.ended.notified();
            if !storage::queue::is_pending(&app.db, *job).await? {
                break;
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            // Another replica may end it: look again soon, whoever tells.
            let _ = timeout(Duration::from_millis(100), ended).await;
        }
    }
    Ok(true)
}

/// Merges a late rating into its voice.
pub async fn rate(
    app: &App,
    rules: &Rules,
    incoming: Incoming,
) -> Result<Result<bool, Rejection>, DbError> {
    let not_found = || {
        Rejection::new(
            feedback::Code::Unknown,
            "external_id",
            "no voice of that channel and id",
        )
    };
    let (Some(channel), Some(external_id)) =
        (incoming.channel.clone(), incoming.external_id.clone())
    else {
        return Ok(Err(Rejection::new(
            feedback::Code::MissingField,
            "external_id",
            "channel and external_id are required",
        )));
    };
    // The mark passes the same rules as one that comes with its voice; so does the identity.
    let probe = Incoming {
        channel: Some(channel.clone()),
        external_id: Some(external_id),
        text: Some("-".to_owned()),
        ..incoming
    };
    let marked = {
        let hash = |bytes: &[u8]| app.hash(bytes);
        let mut by = feedback::Rules::new(rules.zone, &hash);
        if let Some(from) = rules
            .channels
            .get(channel.trim())
            .and_then(|c| c.satisfied_from)
        {
            by.rating = RatingRule::AtLeast(f64::from(from));
        }
        feedback::normalise(probe, &by, app.now())
    };
    let marked = match marked {
        Ok(marked) => marked,
        Err(rejection) => return Ok(Err(rejection)),
    };
    if marked.rating.is_none() && marked.nps.is_none() && marked.ces.is_none() {
        return Ok(Err(Rejection::new(
            feedback::Code::BadRating,
            "rating",
            "no mark is given",
        )));
    }
    let tx = app.begin().await?;
    storage::feedback::hold(&tx).await?;
    let Some(voice) =
        storage::feedback::by_external(&tx, &marked.channel, &marked.external_id).await?
    else {
        return Ok(Err(not_found()));
    };
    let rated = Feedback {
        rating: marked.rating.or_else(|| voice.feedback.rating.clone()),
        nps: marked.nps.or(voice.feedback.nps),
        ces: marked.ces.or(voice.feedback.ces),
        ..voice.feedback.clone()
    };
    if rated == voice.feedback {
        return Ok(Ok(false));
    }
    let mut facts = Batch::new();
    storage::feedback::rate(&tx, &voice, &rated, &mut facts).await?;
    storage::facts::apply(&tx, &facts).await?;
    crate::jobs::counted_less(app, &tx, &facts).await?;
    if let (Some((label, _)), Some(day)) = (&voice.label, rated.day) {
        // One look for all late ratings of a topic and day that wait together.
        let place = [
            label.topic.as_deref().unwrap_or_default(),
            &rated.channel,
            rated.region.as_deref().unwrap_or_default(),
        ];
        let payload = serde_json::json!({"feedback": voice.id});
        let job = storage::queue::NewJob {
            unique_key: Some(format!("rated:{day}:{}", place.join("\u{1f}"))),
            ..crate::jobs::job(app.ids.as_ref(), "rated", payload, tx.now())
        };
        storage::queue::enqueue(&tx, &job).await?;
    }
    tx.commit().await?;
    app.wake_workers();
    Ok(Ok(true))
}
