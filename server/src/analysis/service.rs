//! From voices to labels and facts.

use crate::app::{App, Shared, failure};
use crate::http::Problem;
use chrono::TimeDelta;
use domain::analysis::{Flags, Label, Source, is_repeat, overrule, same_ruler};
use domain::clock::Timestamp;
use domain::facts::Batch;
use domain::ids::FeedbackId;
use domain::intake::feedback::{Feedback, GivenLabels, Sentiment};
use domain::organisation::{Topic, TopicState};
use plugin_host::{Classification, Document, Failure, Polarity, taxonomy};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use storage::feedback::{Place, Stored};
use storage::{DbError, Tx};

/// Most documents in one call of a classifier.
const CALL: usize = 500;

/// Loads the taxonomy into the segmenter and the classifier: at start, and after every change.
pub async fn refresh(app: &App) -> failure::Result<()> {
    let topics: Vec<Topic> = storage::organisation::all(&app.db).await?;
    app.words.learn(&topics);
    let taxonomy = taxonomy_of(&topics);
    let known = definition(&taxonomy);
    app.plugins.set_taxonomy(&taxonomy, known).await?;
    Ok(())
}

/// A word that changes when any topic does. Replicas compare it before they classify.
pub async fn stamp(db: &impl storage::Read) -> Result<String, DbError> {
    let topics: Vec<Topic> = storage::organisation::all(db).await?;
    let all: String = topics
        .iter()
        .map(|t| format!("{}:{};", t.key, t.version))
        .collect();
    Ok(blake3::hash(all.as_bytes()).to_hex()[..16].to_owned())
}

fn folded(words: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    words
        .iter()
        .map(|w| domain::text::fold(w.trim()).text.into_owned())
        .filter(|w| !w.is_empty() && seen.insert(w.clone()))
        .collect()
}

/// What the classifier is told of the topics. Proposed ones are nobody's answer yet.
fn taxonomy_of(topics: &[Topic]) -> taxonomy::Taxonomy {
    let active: BTreeSet<&str> = topics
        .iter()
        .filter(|t| t.state == TopicState::Active)
        .map(|t| t.key.as_str())
        .collect();
    taxonomy::Taxonomy {
        version: topics
            .iter()
            .map(|t| u64::try_from(t.version).unwrap_or(0))
            .sum(),
        topics: topics
            .iter()
            .filter(|t| t.state == TopicState::Active)
            .map(|t| taxonomy::Topic {
                key: t.key.clone(),
                parent: t.parent.clone().filter(|p| active.contains(p.as_str())),
                words: folded(&t.words),
                synonyms: t
                    .synonyms
                    .iter()
                    .map(|(from, to)| {
                        (
                            domain::text::fold(from).text.into_owned(),
                            domain::text::fold(to).text.into_owned(),
                        )
                    })
                    .collect(),
                causes: t
                    .causes
                    .iter()
                    .map(|c| taxonomy::Cause {
                        key: c.key.clone(),
                        words: folded(&c.words),
                    })
                    .collect(),
            })
            .collect(),
        sentiment: None,
        risk: None,
    }
}

/// A word for what the topics are defined by: it changes when a word or synonym of any does, because a
/// voice that one topic gains is lost by another. Names, order and topics without words do not matter.
fn definition(taxonomy: &taxonomy::Taxonomy) -> String {
    let mut all: Vec<String> = taxonomy
        .topics
        .iter()
        .filter(|t| !t.words.is_empty() || !t.synonyms.is_empty())
        .map(|t| {
            let mut words = t.words.clone();
            words.sort_unstable();
            let mut synonyms: Vec<String> = t
                .synonyms
                .iter()
                .map(|(from, to)| format!("{from}\u{1d}{to}"))
                .collect();
            synonyms.sort_unstable();
            [&t.key, &words.join("\u{1e}"), &synonyms.join("\u{1e}")]
                .map(String::as_str)
                .join("\u{1f}")
        })
        .collect();
    all.sort_unstable();
    blake3::hash(all.join("\n").as_bytes()).to_hex()[..12].to_owned()
}

/// What is read of a voice: its headline and what the customer said.
fn readable(voice: &Feedback) -> String {
    let mut text = String::new();
    for part in [
        voice.title.as_deref(),
        Some(&voice.text),
        voice.query.as_deref(),
    ]
    .into_iter()
    .flatten()
    {
        if !part.is_empty() && !text.contains(part) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(part);
        }
    }
    text
}

/// What a classifier reads of some voices, in calls of at most [`CALL`].
pub(super) async fn documents(app: &App, voices: &[&Feedback]) -> Vec<Vec<Document>> {
    let mut all = Vec::new();
    for chunk in voices.chunks(CALL) {
        let words = app.words.clone();
        let texts: Vec<(String, String, Option<String>)> = chunk
            .iter()
            .map(|v| (readable(v), v.channel.clone(), v.language.clone()))
            .collect();
        let documents = tokio::task::spawn_blocking(move || {
            texts
                .into_iter()
                .map(|(text, channel, language)| {
                    let text = domain::text::fold(&text).text.into_owned();
                    let token_ends = words.token_ends(&text);
                    Document {
                        text,
                        token_ends,
                        language,
                        channel,
                        attributes: Vec::new(),
                    }
                })
                .collect::<Vec<_>>()
        })
        .await
        .unwrap_or_default();
        all.push(documents);
    }
    all
}

/// What a classifier said of one voice.
pub(super) fn label_of(
    (name, version, definition): (&str, &str, &str),
    answer: Result<Classification, Failure>,
) -> Label {
    let nothing = Label {
        topic: None,
        confidence: 0.0,
        cause: None,
        polarity: None,
        sentiment: 0.0,
        risk: 0.0,
        source: Source::Classifier,
        classifier: name.to_owned(),
        classifier_version: version.to_owned(),
        definition: definition.to_owned(),
    };
    match answer {
        Ok(c) => Label {
            topic: c.topics.first().map(|t| t.id.clone()),
            confidence: c.topics.first().map_or(0.0, |t| f64::from(t.confidence)),
            cause: c.causes.first().map(|l| l.id.clone()),
            polarity: Some(match c.polarity {
                Polarity::Negative => Sentiment::Negative,
                Polarity::Neutral => Sentiment::Neutral,
                Polarity::Positive => Sentiment::Positive,
                Polarity::Mixed => Sentiment::Mixed,
            }),
            sentiment: f64::from(c.sentiment),
            risk: f64::from(c.risk),
            ..nothing
        },
        // One document that cannot be classified counts as one that no topic explains.
        Err(failure) => {
            tracing::debug!(code = failure.code, "a document was not classified");
            nothing
        }
    }
}

/// Labels of some voices, in their order: the classifier's, overruled by what the sender is sure of.
pub async fn classify(
    app: &App,
    voices: &[&Feedback],
) -> Result<Vec<Label>, plugin_host::PluginError> {
    let mut labels = Vec::with_capacity(voices.len());
    let batches = documents(app, voices).await;
    for (chunk, batch) in voices.chunks(CALL).zip(batches) {
        let (name, version, definition, answers) = app.plugins.classify(batch).await?;
        for (voice, answer) in chunk.iter().zip(answers) {
            let said = label_of((&name, &version, &definition), answer);
            labels.push(overrule(said, &voice.labels, Source::Sender));
        }
    }
    Ok(labels)
}

/// Why a batch still has no labels.
#[derive(Debug, thiserror::Error)]
pub enum StillUnlabelled {
    /// The classifier failed.
    #[error("the classifier failed")]
    Plugin(#[from] plugin_host::PluginError),
    /// This replica could not follow what others changed.
    #[error(transparent)]
    Follow(#[from] crate::plugins::FollowError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// A voice with its label and what the customer's other voices tell of it.
pub type Labelled = (Stored, Label, Flags);

/// Labels a batch and counts it. Doing it twice changes nothing. Answers the transaction, not yet
/// committed, and what was counted in it.
pub async fn label_batch(
    app: &Shared,
    batch_id: &str,
) -> Result<(Tx, Vec<Labelled>), StillUnlabelled> {
    let voices = storage::feedback::unlabelled(&app.db, batch_id).await?;
    app.plugins.follow(app).await?;
    let records: Vec<&Feedback> = voices.iter().map(|v| &v.feedback).collect();
    let labels = classify(app, &records).await?;
    let tx = app.begin().await?;
    // While the classifier worked, somebody may have rated a voice or sent it anew: what is counted is
    // what stands there now. A voice with new content belongs to another batch and is not among these.
    storage::feedback::hold(&tx).await?;
    let mut said: HashMap<FeedbackId, Label> = voices.iter().map(|v| v.id).zip(labels).collect();
    let (voices, labels): (Vec<Stored>, Vec<Label>) = storage::feedback::unlabelled(&tx, batch_id)
        .await?
        .into_iter()
        .filter_map(|voice| said.remove(&voice.id).map(|label| (voice, label)))
        .unzip();
    let repeats = repeats(&tx, &voices, &labels).await?;
    let firsts = firsts(&tx, &voices, &labels).await?;
    let mut labelled: Vec<Labelled> = voices
        .into_iter()
        .zip(labels)
        .zip(repeats.into_iter().zip(firsts))
        .map(|((voice, label), (repeat, first_of_day))| {
            let flags = Flags {
                repeat,
                first_of_day,
            };
            (voice, label, flags)
        })
        .collect();
    let mut facts = Batch::new();
    let written: BTreeSet<FeedbackId> = storage::feedback::label(&tx, &labelled, &mut facts)
        .await?
        .into_iter()
        .collect();
    storage::facts::apply(&tx, &facts).await?;
    labelled.retain(|(voice, _, _)| written.contains(&voice.id));
    Ok((tx, labelled))
}

/// Voices that are labelled anew in one transaction: few, so that others need not wait.
const ANEW: u64 = 200;

/// Labels some voices between two times (the second excluded) anew that another classifier than the
/// present one has labelled, and moves what they count, in one transaction. People's corrections and
/// what senders are sure of stay. Answers how many were looked at: 0 when all are the present
/// classifier's. What is left is found in the labels themselves, so a run that was cut short goes on
/// where it stopped.
pub async fn relabel_some(
    app: &Shared,
    from: Timestamp,
    to: Timestamp,
) -> Result<usize, StillUnlabelled> {
    app.plugins.follow(app).await?;
    let present = app.plugins.ruler().await.unwrap_or_default();
    let rulers = storage::feedback::rulers(&app.db, from, to).await?;
    let Some(old) = rulers
        .into_iter()
        .map(|r| r.ruler)
        .find(|r| !same_ruler(r, &present))
    else {
        return Ok(0);
    };
    let voices = storage::feedback::of_ruler(&app.db, &old, from, to, ANEW).await?;
    let records: Vec<&Feedback> = voices.iter().map(|v| &v.feedback).collect();
    let labels = classify(app, &records).await?;
    let tx = app.begin().await?;
    // While the classifier worked, a voice may have been corrected or sent anew: what stands there now
    // decides, and a new revision is labelled by its own job. One by one: who stands for a customer
    // may have changed with the voice before.
    storage::feedback::hold(&tx).await?;
    let mut facts = Batch::new();
    for (read, label) in voices.iter().zip(&labels) {
        let Some(voice) = storage::feedback::get(&tx, read.id).await? else {
            continue;
        };
        let Some((present, _)) = voice.label.clone() else {
            continue;
        };
        if voice.revision != read.revision {
            continue;
        }
        let label = if present.source == Source::Person {
            &present
        } else {
            label
        };
        storage::feedback::relabel(&tx, &voice, label, &mut facts).await?;
    }
    storage::facts::apply(&tx, &facts).await?;
    crate::jobs::counted_less(app, &tx, &facts).await?;
    tx.commit().await?;
    Ok(voices.len())
}

/// Which voices repeat an earlier one of the same customer and topic within 7 days.
async fn repeats(tx: &Tx, voices: &[Stored], labels: &[Label]) -> Result<Vec<bool>, DbError> {
    let at = |v: &Stored| v.feedback.occurred_at.map(|t| t.timestamp_micros());
    let customers: BTreeSet<String> = voices
        .iter()
        .filter_map(|v| v.feedback.customer_hash.clone())
        .collect();
    let times: Vec<i64> = voices.iter().filter_map(at).collect();
    let mut known: HashMap<(String, String), Vec<i64>> = HashMap::new();
    if let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) {
        let week = TimeDelta::days(7).num_microseconds().unwrap_or(0);
        let customers: Vec<String> = customers.into_iter().collect();
        for (customer, topic, at) in
            storage::feedback::earlier(tx, &customers, first - week, *last).await?
        {
            known.entry((customer, topic)).or_default().push(at);
        }
    }
    // Inside the batch an earlier voice counts too.
    for (voice, label) in voices.iter().zip(labels) {
        if let (Some(customer), Some(at)) = (&voice.feedback.customer_hash, at(voice)) {
            let key = (customer.clone(), label.topic.clone().unwrap_or_default());
            known.entry(key).or_default().push(at);
        }
    }
    Ok(voices
        .iter()
        .zip(labels)
        .map(|(voice, label)| {
            let (Some(customer), Some(topic), Some(at)) =
                (&voice.feedback.customer_hash, &label.topic, at(voice))
            else {
                return false;
            };
            known
                .get(&(customer.clone(), topic.clone()))
                .is_some_and(|all| all.iter().any(|earlier| is_repeat(*earlier, at)))
        })
        .collect())
}

/// Which voices stand for their customer on their day: see [`Flags::first_of_day`].
async fn firsts(tx: &Tx, voices: &[Stored], labels: &[Label]) -> Result<Vec<bool>, DbError> {
    let at = |v: &Stored| v.feedback.occurred_at.map(|t| t.timestamp_micros());
    let customers: BTreeSet<String> = voices
        .iter()
        .filter_map(|v| v.feedback.customer_hash.clone())
        .collect();
    let customers: Vec<String> = customers.into_iter().collect();
    let times: Vec<i64> = voices.iter().filter_map(at).collect();
    let mut taken = match (times.iter().min(), times.iter().max()) {
        (Some(first), Some(last)) => {
            storage::feedback::taken(tx, &customers, *first, *last).await?
        }
        _ => std::collections::HashSet::new(),
    };
    Ok(voices
        .iter()
        .zip(labels)
        .map(|(voice, label)| {
            Place::at(&voice.feedback, label.topic.as_deref())
                .is_none_or(|place| taken.insert(place.key()))
        })
        .collect())
}

/// A person's correction of a voice's labels.
pub async fn correct(
    app: &Shared,
    id: FeedbackId,
    given: &GivenLabels,
    actor: &domain::identity::Actor,
) -> Result<Stored, Problem> {
    let tx = app.begin().await?;
    storage::feedback::hold(&tx).await?;
    let Some(voice) = storage::feedback::get(&tx, id).await? else {
        return Err(Problem::not_found("feedback"));
    };
    if let Some(topic) = given.topic.as_deref().filter(|t| !t.is_empty())
        && storage::organisation::get::<Topic>(&tx, topic)
            .await?
            .is_none()
    {
        return Err(Problem::field("topic", "unknown", "no such topic"));
    }
    let Some((present, _)) = &voice.label else {
        return Err(Problem::new(
            crate::http::Code::WrongState,
            "this voice has no label yet",
        ));
    };
    let mut label = overrule(present.clone(), given, Source::Person);
    // An empty topic is a correction as well: no topic explains this voice.
    if given.topic.as_deref() == Some("") {
        label.topic = None;
        label.cause = None;
    }
    let mut facts = Batch::new();
    storage::feedback::relabel(&tx, &voice, &label, &mut facts).await?;
    storage::facts::apply(&tx, &facts).await?;
    crate::jobs::counted_less(app, &tx, &facts).await?;
    let data = serde_json::json!({
        "from": {"topic": present.topic, "cause": present.cause, "sentiment": present.polarity},
        "to": {"topic": label.topic, "cause": label.cause, "sentiment": label.polarity},
    });
    storage::events::record(
        &tx,
        app.ids.next(),
        "feedback",
        &id.to_string(),
        "feedback.relabelled",
        actor,
        &data,
    )
    .await?;
    let flags = voice.label.as_ref().map(|(_, f)| *f).unwrap_or_default();
    tx.commit().await?;
    Ok(Stored {
        label: Some((label, flags)),
        ..voice
    })
}

/// Computes all facts anew from feedback and labels and compares them with what is kept. With
/// `write` they are replaced. Answers how many rows differ.
pub async fn rebuild(app: &App, write: bool) -> Result<u64, DbError> {
    // One transaction: nothing may be labelled between reading and writing.
    let tx = app.begin().await?;
    let differences = rebuild_in(&tx, write).await?;
    if write && differences > 0 {
        tx.commit().await?;
    }
    Ok(differences)
}

/// Makes facts anew if a migration asked for it. Replicas that start together take turns.
pub async fn upkeep(app: &App) -> Result<(), DbError> {
    if !storage::facts::wants_rebuild(&app.db).await? {
        return Ok(());
    }
    let tx = app.begin().await?;
    storage::feedback::hold(&tx).await?;
    if storage::facts::wants_rebuild(&tx).await? {
        let changed = rebuild_in(&tx, true).await?;
        storage::facts::rebuilt(&tx).await?;
        tx.commit().await?;
        tracing::info!(changed, "facts were made anew for this version");
    }
    Ok(())
}

async fn rebuild_in(tx: &Tx, write: bool) -> Result<u64, DbError> {
    storage::feedback::hold(tx).await?;
    let misplaced = storage::feedback::misplaced(tx).await?;
    if write && misplaced > 0 {
        storage::feedback::place_all(tx).await?;
    }
    let mut fresh = Batch::new();
    let mut after = String::new();
    loop {
        let page = storage::feedback::scan(tx, &after, 2000).await?;
        let Some(last) = page.last() else { break };
        after = last.id.to_string();
        for voice in &page {
            storage::feedback::contribute(voice, &mut fresh);
        }
    }
    let kept = storage::facts::all_facts(tx).await?;
    let kept_days = storage::facts::all_topic_days(tx).await?;
    let kept_details = storage::facts::all_details(tx).await?;
    let facts: BTreeMap<_, _> = fresh.facts().map(|(k, c)| (k.clone(), *c)).collect();
    let days: BTreeMap<_, _> = fresh.topic_days().map(|(k, c)| (k.clone(), *c)).collect();
    let details: BTreeMap<_, _> = fresh.details().map(|(k, c)| (k.clone(), *c)).collect();
    let kept_deeds = storage::facts::all_deeds(tx).await?;
    let deeds: BTreeMap<_, _> = fresh.deeds().map(|(k, n)| (k.clone(), n)).collect();
    let differences = differing(&facts, &kept)
        + differing(&days, &kept_days)
        + differing(&details, &kept_details)
        + differing(&deeds, &kept_deeds)
        + u64::try_from(misplaced).unwrap_or(0);
    if write && differences > 0 {
        storage::facts::clear(tx).await?;
        storage::facts::apply(tx, &fresh).await?;
    }
    Ok(differences)
}

fn differing<K: Ord, V: PartialEq>(a: &BTreeMap<K, V>, b: &BTreeMap<K, V>) -> u64 {
    let changed = a.iter().filter(|(k, v)| b.get(k) != Some(v)).count();
    let gone = b.keys().filter(|k| !a.contains_key(k)).count();
    (changed + gone) as u64
}

/// A few voices worth quoting: recent, unhappy ones first, neither a word nor a novel.
pub async fn quotes(
    db: &impl storage::Read,
    topics: &[String],
    most: usize,
) -> Result<Vec<crate::mail::Quote>, DbError> {
    let mut voices = storage::feedback::latest(db, topics, None, 150).await?;
    voices.retain(|v| v.feedback.text.chars().count() >= 4);
    let rank = |v: &Stored| {
        let length = v.feedback.text.chars().count();
        let mood = match (&v.feedback.rating, &v.label) {
            (Some(rating), _) => {
                if rating.satisfied {
                    3
                } else {
                    0
                }
            }
            (None, Some((label, _))) if label.polarity == Some(Sentiment::Negative) => 1,
            (None, _) => 2,
        };
        (mood, !(10..=140).contains(&length))
    };
    voices.sort_by_key(rank);
    let mut seen = BTreeSet::new();
    Ok(voices
        .into_iter()
        .filter(|v| seen.insert(v.feedback.text.clone()))
        .take(most)
        .map(quote)
        .collect())
}

fn quote(voice: Stored) -> crate::mail::Quote {
    let mut text: String = voice.feedback.text.chars().take(200).collect();
    if voice.feedback.text.chars().count() > 200 {
        text.push('…');
    }
    crate::mail::Quote {
        text,
        channel: voice.feedback.channel,
        day: voice.feedback.day,
        rating: voice.feedback.rating.as_ref().map(|r| r.band),
        feedback_id: voice.id.to_string(),
    }
}

/// These voices, in their order, as quotes; those without words are left out.
pub async fn quotes_of(
    db: &impl storage::Read,
    voices: &[FeedbackId],
) -> Result<Vec<crate::mail::Quote>, DbError> {
    let mut all = Vec::new();
    for id in voices {
        if let Some(voice) = storage::feedback::get(db, *id).await?
            && !voice.feedback.text.trim().is_empty()
        {
            all.push(quote(voice));
        }
    }
    Ok(all)
}
