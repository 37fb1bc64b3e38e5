//! A classifier plugin: warm instances, prepared with the taxonomy, recycled.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_sdk::taxonomy::Taxonomy;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::Instrument as _;
use wasmtime::Store;

use crate::bindings::classifier::ClassifierPart;
use crate::bindings::classifier::exports::bihuan::plugin::classifier as wit;
use crate::call::{begin, failed, finish_instantiation, settle};
use crate::context::{Context, Mode};
use crate::engine::Pre;
use crate::shapes::{
    Answer, CheckReport, Classification, Document, Failure, FailureClass, Label, ModelInfo,
};
use crate::{Compiled, Host, Installation, PluginError, Role};

/// Bytes of text in one crossing: bounds the guest's memory whatever the batch.
const BATCH_BYTES: usize = 4 << 20;
/// Labels, spans or attributes of one kind in an answer.
const MAX_LIST: usize = 256;
/// Longest id, name or value in an answer, in bytes.
const MAX_TEXT: usize = 4096;

/// A classifier ready for use. Cheap to clone; calls beyond its instances wait for one.
#[derive(Clone)]
pub struct Classifier {
    shared: Arc<Shared>,
}

struct Shared {
    compiled: Compiled,
    installation: Arc<Installation>,
    /// One permit an instance: calls at the same time.
    running: Semaphore,
    state: Mutex<State>,
}

struct State {
    prepared: Arc<Prepared>,
    idle: Vec<Warm>,
}

/// A taxonomy as instances and answers need it.
struct Prepared {
    generation: u64,
    json: String,
    /// Topic → its causes.
    known: HashMap<String, HashSet<String>>,
    info: Option<ModelInfo>,
}

impl Prepared {
    fn new(generation: u64, taxonomy: &Taxonomy) -> Result<Self, PluginError> {
        taxonomy
            .validate()
            .map_err(|detail| PluginError::Refused { detail })?;
        let causes = |topic: &plugin_sdk::taxonomy::Topic| {
            topic.causes.iter().map(|c| c.key.clone()).collect()
        };
        let known = taxonomy
            .topics
            .iter()
            .map(|t| (t.key.clone(), causes(t)))
            .collect();
        Ok(Self {
            generation,
            json: taxonomy.to_json(),
            known,
            info: None,
        })
    }
}

/// A prepared instance. Dropped, never reused, after any error.
struct Warm {
    store: Store<Context>,
    guest: ClassifierPart,
    info: ModelInfo,
    generation: u64,
    batches: u32,
    _slot: OwnedSemaphorePermit,
}

impl Host {
    /// Prepares a classifier with a taxonomy.
    ///
    /// # Errors
    /// [`PluginError::Refused`] for a component of another role or a broken taxonomy, and
    /// whatever preparing the first instance leads to.
    pub async fn classifier(
        &self,
        compiled: &Compiled,
        installation: Installation,
        taxonomy: &Taxonomy,
    ) -> Result<Classifier, PluginError> {
        if compiled.inspection().role != Role::Classifier {
            return Err(PluginError::Refused {
                detail: "this plugin is no classifier".to_owned(),
            });
        }
        let mut prepared = Prepared::new(0, taxonomy)?;
        let installation = Arc::new(installation);
        let first = Warm::start(compiled, &installation, &prepared).await?;
        prepared.info = Some(first.info.clone());
        let instances = self.inner.config.classifier_instances.max(1);
        let state = State {
            prepared: Arc::new(prepared),
            idle: vec![first],
        };
        Ok(Classifier {
            shared: Arc::new(Shared {
                compiled: compiled.clone(),
                installation,
                running: Semaphore::new(instances),
                state: Mutex::new(state),
            }),
        })
    }
}

impl std::fmt::Debug for Classifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Classifier")
            .field("plugin", &self.shared.compiled.inspection().manifest.name)
            .finish_non_exhaustive()
    }
}

impl Classifier {
    /// Labels of each document, in order. A document that the plugin refuses has its own failure;
    /// an error of the whole call leaves the classifier usable with a fresh instance.
    ///
    /// # Errors
    /// Traps, limits, invalid answers; [`PluginError::Failed`] when the plugin refuses the batch.
    pub async fn classify(
        &self,
        documents: Vec<Document>,
    ) -> Result<Vec<Result<Classification, Failure>>, PluginError> {
        let shared = &*self.shared;
        let _running = shared
            .running
            .acquire()
            .await
            .map_err(|e| PluginError::Host {
                detail: e.to_string(),
            })?;
        let (prepared, idle) = {
            let mut state = shared.lock();
            (Arc::clone(&state.prepared), state.idle.pop())
        };
        let mut warm = match idle {
            Some(warm) if warm.generation == prepared.generation => warm,
            _ => Warm::start(&shared.compiled, &shared.installation, &prepared).await?,
        };
        let mut answers = Vec::with_capacity(documents.len());
        let mut batch = Batch::new(&warm.info);
        for document in documents {
            if batch.is_full_for(&document) {
                warm.run(&mut batch, &prepared, &mut answers).await?;
            }
            batch.push(document);
        }
        warm.run(&mut batch, &prepared, &mut answers).await?;
        if warm.batches < shared.compiled.host.inner.config.batches_per_instance {
            let mut state = shared.lock();
            if state.prepared.generation == warm.generation {
                state.idle.push(warm);
            }
        }
        Ok(answers)
    }

    /// Uses another taxonomy from the next call on. Calls already running finish with the old
    /// one; when the plugin refuses the new taxonomy, the old one stays.
    ///
    /// # Errors
    /// As [`Host::classifier`].
    pub async fn set_taxonomy(&self, taxonomy: &Taxonomy) -> Result<(), PluginError> {
        let shared = &*self.shared;
        let generation = shared.lock().prepared.generation + 1;
        let mut prepared = Prepared::new(generation, taxonomy)?;
        let first = Warm::start(&shared.compiled, &shared.installation, &prepared).await?;
        prepared.info = Some(first.info.clone());
        let mut state = shared.lock();
        if state.prepared.generation >= generation {
            return Err(PluginError::Refused {
                detail: "another taxonomy was set at the same time".to_owned(),
            });
        }
        state.prepared = Arc::new(prepared);
        state.idle = vec![first];
        Ok(())
    }

    /// What the plugin says of its model.
    #[must_use]
    pub fn model(&self) -> Option<ModelInfo> {
        self.shared.lock().prepared.info.clone()
    }

    /// The plugin's check of its settings, then its self check, in an instance of their own.
    ///
    /// # Errors
    /// [`PluginError::Failed`] when the plugin refuses its settings; traps and limits.
    pub async fn check(&self) -> Result<Answer<CheckReport>, PluginError> {
        let shared = &*self.shared;
        shared.compiled.check(&shared.installation).await
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing inside can panic half-way: a poisoned lock is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Warm {
    async fn start(
        compiled: &Compiled,
        installation: &Arc<Installation>,
        prepared: &Prepared,
    ) -> Result<Self, PluginError> {
        let Pre::Classifier(pre) = &compiled.inner.pre else {
            return Err(PluginError::Refused {
                detail: "this plugin is no classifier".to_owned(),
            });
        };
        let slot = compiled.slot().await?;
        let mut store = compiled.store(installation);
        let wall = begin(&mut store, "prepare", Mode::NoEffects);
        let span = store.data().span();
        let done = timeout(wall, pre.instantiate_async(&mut store))
            .instrument(span.clone())
            .await;
        let guest = finish_instantiation(&mut store, done).map_err(|e| failed(&mut store, e))?;
        let done = timeout(
            wall,
            guest
                .bihuan_plugin_classifier()
                .call_prepare(&mut store, &prepared.json),
        )
        .instrument(span)
        .await;
        let info: ModelInfo = settle(&mut store, done)?.value.into();
        if info.max_batch == 0
            || info.max_text_bytes == 0
            || info.name.len() > MAX_TEXT
            || info.version.len() > MAX_TEXT
        {
            return Err(PluginError::InvalidAnswer {
                detail: "model-info has empty limits or endless names".to_owned(),
            });
        }
        Ok(Self {
            store,
            guest,
            info,
            generation: prepared.generation,
            batches: 0,
            _slot: slot,
        })
    }

    /// Sends what is in the batch and empties it.
    async fn run(
        &mut self,
        batch: &mut Batch,
        prepared: &Prepared,
        answers: &mut Vec<Result<Classification, Failure>>,
    ) -> Result<(), PluginError> {
        let places = std::mem::take(&mut batch.places);
        let sent = std::mem::take(&mut batch.sent);
        batch.bytes = 0;
        if places.is_empty() {
            return Ok(());
        }
        let mut got = Vec::new();
        if !sent.is_empty() {
            self.batches += 1;
            let wall = begin(&mut self.store, "classify", Mode::Full);
            let span = self.store.data().span();
            let done = timeout(
                wall,
                self.guest
                    .bihuan_plugin_classifier()
                    .call_classify(&mut self.store, &sent),
            )
            .instrument(span)
            .await;
            got = settle(&mut self.store, done)?.value;
            if got.len() != sent.len() {
                let detail = format!("{} answers for {} documents", got.len(), sent.len());
                return Err(PluginError::InvalidAnswer { detail });
            }
        }
        let mut got = got.into_iter().zip(&sent);
        for place in places {
            answers.push(match place {
                Some(refused) => Err(refused),
                None => match got.next() {
                    Some((Ok(classification), document)) => {
                        Ok(checked(classification.into(), document, prepared)?)
                    }
                    Some((Err(failure), _)) => Err(failure.into()),
                    None => {
                        return Err(PluginError::InvalidAnswer {
                            detail: "answers are missing".to_owned(),
                        });
                    }
                },
            });
        }
        Ok(())
    }
}

/// Documents on their way into one call.
struct Batch {
    max_documents: usize,
    max_text: usize,
    sent: Vec<wit::Document>,
    /// In the caller's order: `None` is sent, `Some` was refused by the host.
    places: Vec<Option<Failure>>,
    bytes: usize,
}

impl Batch {
    fn new(info: &ModelInfo) -> Self {
        Self {
            max_documents: (info.max_batch as usize).min(10_000),
            max_text: info.max_text_bytes as usize,
            sent: Vec::new(),
            places: Vec::new(),
            bytes: 0,
        }
    }

    fn is_full_for(&self, document: &Document) -> bool {
        self.sent.len() >= self.max_documents
            || (!self.sent.is_empty() && self.bytes + document.text.len() > BATCH_BYTES)
    }

    fn push(&mut self, document: Document) {
        if document.text.len() > self.max_text {
            self.places.push(Some(Failure {
                class: FailureClass::InvalidInput,
                code: "host.text_too_long".to_owned(),
                message: format!(
                    "the text has more than the {} bytes this classifier takes",
                    self.max_text
                ),
                retry_after_ms: None,
                attributes: Vec::new(),
            }));
            return;
        }
        self.bytes += document.text.len();
        self.sent.push(document.into());
        self.places.push(None);
    }
}

/// Refuses what breaks the contract: nothing that a guest says is taken on trust.
fn checked(
    answer: Classification,
    document: &wit::Document,
    prepared: &Prepared,
) -> Result<Classification, PluginError> {
    let wrong = |detail: String| Err(PluginError::InvalidAnswer { detail });
    let mut of_best = None;
    for (place, topic) in answer.topics.iter().enumerate() {
        let Some(causes) = prepared.known.get(&topic.id) else {
            return wrong(format!(
                "the topic {:?} is not in the taxonomy",
                short(&topic.id)
            ));
        };
        if place == 0 {
            of_best = Some(causes);
        }
    }
    for cause in &answer.causes {
        if !of_best.is_some_and(|causes| causes.contains(&cause.id)) {
            return wrong(format!(
                "the cause {:?} is not one of the best topic",
                short(&cause.id)
            ));
        }
    }
    let lists: [&[Label]; 4] = [
        &answer.topics,
        &answer.causes,
        &answer.intents,
        &answer.emotions,
    ];
    for label in lists.iter().flat_map(|l| l.iter()) {
        if !(0.0..=1.0).contains(&label.confidence) {
            return wrong(format!(
                "the confidence {} of {:?} is not in 0..1",
                label.confidence,
                short(&label.id)
            ));
        }
        if label.id.is_empty() || label.id.len() > MAX_TEXT {
            return wrong("a label is empty or endless".to_owned());
        }
    }
    if lists.iter().any(|l| l.len() > MAX_LIST)
        || answer.evidence.len() > MAX_LIST
        || answer.extracted.len() > MAX_LIST
        || answer.attributes.len() > MAX_LIST
    {
        return wrong(format!("more than {MAX_LIST} entries in one list"));
    }
    for (name, value, least) in [
        ("sentiment", answer.sentiment, -1.0),
        ("sentiment-confidence", answer.sentiment_confidence, 0.0),
        ("risk", answer.risk, 0.0),
    ] {
        if !(least..=1.0).contains(&value) {
            return wrong(format!("{name} is {value}"));
        }
    }
    for span in &answer.evidence {
        let (start, end) = (span.start as usize, span.end as usize);
        if start >= end
            || !document.text.is_char_boundary(start)
            || !document.text.is_char_boundary(end)
        {
            return wrong(format!(
                "the evidence {start}..{end} is not inside the text"
            ));
        }
        if span.label.len() > MAX_TEXT {
            return wrong("a label is endless".to_owned());
        }
    }
    if answer
        .extracted
        .iter()
        .chain(&answer.attributes)
        .any(|a| a.name.len() > MAX_TEXT || a.value.len() > MAX_TEXT)
    {
        return wrong("an attribute is endless".to_owned());
    }
    Ok(answer)
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
