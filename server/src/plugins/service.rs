//! The plugin host and what runs in it.

use super::failed::{Failed, Kind};
use super::installed::{self, Granted, Installed};
use super::ledger::Ledger;
use super::vault::Vault;
use crate::app::{App, failure};
use crate::config::Config;
use domain::identity::Actor;
use domain::knowledge::Article as Knowledge;
use plugin_host::{
    Article, BodyFormat, CacheConfig, Classification, Classifier, Compiled, Cursor, Document,
    Failure, FailureClass, FileGrant, Host, HostConfig, Inspection, Installation, Message,
    PluginError, RemoteState, Visibility, taxonomy::Taxonomy,
};
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use storage::plugins::Plugin;
use storage::{DbError, Read};
use tokio::sync::{Mutex, Notify, OnceCell, RwLock};

include!(concat!(env!("OUT_DIR"), "/first_party.rs"));

/// Components that are kept compiled. More than one organisation uses at a time.
const COMPILED: usize = 48;

/// What runs in the host.
#[derive(Default)]
struct Running {
    /// The active classifier and the digest of its component.
    classifier: Option<(Classifier, String, String, String)>,
    taxonomy: Taxonomy,
    /// What that defines the topics by, as one word.
    definition: String,
    /// Stamp of the taxonomy that the classifier has.
    stamp: String,
}

/// A component that is compiled once, whoever asks first.
type Slot = Arc<OnceCell<Compiled>>;

/// The plugin host and what runs in it.
pub struct Plugins {
    pub(super) host: Host,
    /// Opens and seals.
    pub vault: Vault,
    /// What calls needed, what plugins wrote.
    pub ledger: Ledger,
    /// Senders who wait for what the plugin says to their request.
    pub waiting: super::waiting::Waiting,
    /// Woken when an installation has something to do.
    pub wake: Notify,
    running: RwLock<Running>,
    /// By digest, in the order of their first use.
    compiled: Mutex<(HashMap<String, Slot>, Vec<String>)>,
    knowledge_dir: PathBuf,
}

/// Why an article did not go out.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No knowledge base is active.
    #[error("no knowledge-base plugin is active")]
    NoPublisher,
    /// The installation that it was meant for was removed.
    #[error("the installation that it was meant for was removed")]
    Gone,
    /// Somebody else edited it: a person decides.
    #[error("the article was edited at the target: a person must decide")]
    ChangedRemotely,
    /// The plugin failed.
    #[error(transparent)]
    Plugin(#[from] Failed),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl PublishError {
    /// Whether trying again can help.
    #[must_use]
    pub fn can_retry(&self) -> bool {
        match self {
            Self::NoPublisher | Self::Database(_) => true,
            Self::Gone | Self::ChangedRemotely => false,
            Self::Plugin(failed) => failed.can_retry(),
        }
    }
}

/// Labels with name and version of the classifier that gave them, and the definition that it knew.
type Classified = (String, String, String, Vec<Result<Classification, Failure>>);

impl Plugins {
    /// Starts the host. Nothing is loaded yet.
    pub fn new(config: &Config) -> failure::Result<Self> {
        // Without it plugins are compiled at every start, and nothing else changes.
        let cache = CacheConfig::in_data_dir(&config.data_dir)
            .inspect_err(|error| tracing::warn!(%error, "no cache of compiled plugins"))
            .ok();
        let ledger = Ledger::default();
        let (calls, lines, figures) = (ledger.clone(), ledger.clone(), ledger.clone());
        let host = Host::new(HostConfig {
            cache,
            calls: Arc::new(move |call| calls.call(call)),
            logs: Arc::new(move |line| lines.line(line)),
            metrics: Arc::new(move |metric| figures.measured(metric)),
            mask: Arc::new(|text| domain::text::mask::mask(text).text),
            ..HostConfig::default()
        })?;
        Ok(Self {
            host,
            vault: Vault::new(config),
            ledger,
            waiting: super::waiting::Waiting::default(),
            wake: Notify::new(),
            running: RwLock::default(),
            compiled: Mutex::default(),
            knowledge_dir: config.knowledge_dir.clone(),
        })
    }

    /// A plugin ready to run, compiled once per digest.
    pub(super) async fn compiled(
        &self,
        db: &impl Read,
        plugin: &Plugin,
    ) -> Result<Compiled, Failed> {
        let slot = {
            let mut held = self.compiled.lock().await;
            let (slots, order) = &mut *held;
            if !slots.contains_key(&plugin.digest) {
                order.push(plugin.digest.clone());
                if order.len() > COMPILED {
                    let oldest = order.remove(0);
                    slots.remove(&oldest);
                }
            }
            slots.entry(plugin.digest.clone()).or_default().clone()
        };
        let compiled = slot
            .get_or_try_init(|| async {
                let bytes = storage::plugins::component(db, &plugin.id)
                    .await?
                    .ok_or_else(|| {
                        Failed::new(Kind::Settings, "not_found", "the component is gone")
                    })?;
                self.host.compile(bytes).await.map_err(Failed::from)
            })
            .await?;
        Ok(compiled.clone())
    }

    /// Lets the next use of a role's plugin read its grant anew.
    pub async fn forget(&self, role: &str) {
        if role == "classifier" {
            self.running.write().await.stamp.clear();
        }
    }

    /// Whether a classifier is ready.
    pub async fn has_classifier(&self) -> bool {
        self.running.read().await.classifier.is_some()
    }

    /// The classifier that labels now ([`domain::analysis::ruler`]); `None`: none is ready.
    pub async fn ruler(&self) -> Option<String> {
        let running = self.running.read().await;
        let (_, _, name, version) = running.classifier.as_ref()?;
        Some(domain::analysis::ruler(name, version, &running.definition))
    }

    /// Gives the classifier another taxonomy, which defines the topics by `definition`.
    pub async fn set_taxonomy(
        &self,
        taxonomy: &Taxonomy,
        definition: String,
    ) -> Result<(), PluginError> {
        let mut running = self.running.write().await;
        running.taxonomy = taxonomy.clone();
        running.definition = definition;
        if let Some((classifier, ..)) = &running.classifier {
            classifier.set_taxonomy(taxonomy).await?;
        }
        Ok(())
    }

    /// Follows what other replicas changed: the active classifier and the taxonomy. Called before a
    /// batch is labelled; normally one small query.
    pub async fn follow(&self, app: &App) -> Result<(), FollowError> {
        let stamp = crate::analysis::stamp(&app.db).await?;
        let active = storage::plugins::active(&app.db, "classifier").await?;
        let digest = active
            .as_ref()
            .map(|p| p.digest.clone())
            .unwrap_or_default();
        {
            let running = self.running.read().await;
            let loaded = running
                .classifier
                .as_ref()
                .map(|c| c.1.as_str())
                .unwrap_or_default();
            if running.stamp == stamp && loaded == digest {
                return Ok(());
            }
        }
        if let Some(plugin) = active {
            let loaded = self
                .running
                .read()
                .await
                .classifier
                .as_ref()
                .map(|c| c.1.clone());
            if loaded.as_deref() != Some(digest.as_str()) {
                self.load_classifier(app, &plugin).await?;
            }
        }
        crate::analysis::refresh(app)
            .await
            .map_err(|e| FollowError::Other(e.to_string()))?;
        self.running.write().await.stamp = stamp;
        Ok(())
    }

    async fn load_classifier(&self, app: &App, plugin: &Plugin) -> Result<(), FollowError> {
        let classifier = self.open_classifier(app, plugin).await?;
        let entry = (
            classifier,
            plugin.digest.clone(),
            plugin.name.clone(),
            plugin.version.clone(),
        );
        self.running.write().await.classifier = Some(entry);
        Ok(())
    }

    /// Labels of some documents, in their order.
    pub async fn classify(&self, documents: Vec<Document>) -> Result<Classified, PluginError> {
        let running = self.running.read().await;
        let Some((classifier, _, name, version)) = &running.classifier else {
            return Err(PluginError::Refused {
                detail: "no classifier is active".to_owned(),
            });
        };
        let (classifier, name, version) = (classifier.clone(), name.clone(), version.clone());
        let definition = running.definition.clone();
        drop(running);
        let answers = classifier.classify(documents).await?;
        // A topic that was changed meanwhile may have been known to half of the calls: unknown.
        let same = self.running.read().await.definition == definition;
        let definition = if same { definition } else { String::new() };
        Ok((name, version, definition, answers))
    }

    /// A classifier of its own, with the present taxonomy.
    async fn open_classifier(&self, app: &App, plugin: &Plugin) -> Result<Classifier, Failed> {
        let compiled = self.compiled(&app.db, plugin).await?;
        let installation = Installation {
            id: plugin.id.clone(),
            ..Installation::default()
        };
        let taxonomy = self.running.read().await.taxonomy.clone();
        Ok(self
            .host
            .classifier(&compiled, installation, &taxonomy)
            .await?)
    }

    /// Publishes an article; answers the target's name for it and what the plugin keeps. Asks first what the
    /// target has: a repeat after a crash changes nothing. `target` is an installation, or the name of the
    /// knowledge base that comes with the program.
    pub async fn publish(
        &self,
        app: &App,
        target: &str,
        article: &Knowledge,
        content_hash: &str,
    ) -> Result<(String, super::Keep), PublishError> {
        let (compiled, mut installation) = match installed::find(&app.db, target).await? {
            Some(found) if !found.row.enabled => return Err(PublishError::NoPublisher),
            Some(found) => self.ready(app, &found).await?,
            // Meant for somebody who is gone: nobody else gets it in their place.
            None if target != super::BUILT_IN_KNOWLEDGE_BASE => return Err(PublishError::Gone),
            None => {
                let own = storage::plugins::active_of_name(&app.db, target).await?;
                let plugin = match own {
                    Some(plugin) => Some(plugin),
                    None => storage::plugins::active(&app.db, "knowledge-base").await?,
                };
                let Some(plugin) = plugin else {
                    return Err(PublishError::NoPublisher);
                };
                let installation = Installation {
                    id: plugin.id.clone(),
                    files: Some(FileGrant::new(self.knowledge_dir.clone())),
                    ..Installation::default()
                };
                (self.compiled(&app.db, &plugin).await?, installation)
            }
        };
        let open = |installation: &Installation| {
            self.host
                .knowledge_base(&compiled, installation.clone())
                .map_err(Failed::from)
        };
        let zh = &article.evidence.sentence.zh;
        let out = Article {
            id: article.id.to_string(),
            title: article.title.clone(),
            format: BodyFormat::Markdown,
            body: format!(
                "{}\n\n## 验证结果\n\n{zh}\n\n{}\n",
                article.body, article.evidence.sentence.en
            ),
            locale: "zh-CN".to_owned(),
            path: vec![article.topic.clone()],
            tags: vec![article.topic.clone(), "improved".to_owned()],
            visibility: Visibility::Internal,
            updated_at_ms: article.created_at.timestamp_millis(),
            content_hash: content_hash.to_owned(),
            idempotency_key: format!("{}:{content_hash}", article.id),
            external_ref: None,
            external_version: None,
            attributes: Vec::new(),
        };
        let found = open(&installation)?
            .lookup(out.clone())
            .await
            .map_err(Failed::from)?;
        let mut staged = found.staged;
        let next = match found.value {
            RemoteState::Unchanged(receipt) => {
                return Ok((receipt.external_ref, staged.into()));
            }
            RemoteState::ChangedRemotely(_) => return Err(PublishError::ChangedRemotely),
            RemoteState::Absent => out,
            RemoteState::Ours(receipt) => Article {
                external_ref: Some(receipt.external_ref),
                external_version: receipt.external_version,
                ..out
            },
        };
        // What the first call keeps the second one sees, and both are written with the published mark.
        staged.apply_to(&mut installation.state, app.now().timestamp_millis());
        let written = open(&installation)?
            .upsert(next)
            .await
            .map_err(Failed::from)?;
        staged.extend(written.staged);
        Ok((written.value.external_ref, staged.into()))
    }

    /// Posts a message into a chat; answers what the plugin keeps.
    pub async fn notify(
        &self,
        app: &App,
        target: &str,
        note: super::Note,
    ) -> Result<super::Keep, Failed> {
        let Some(found) = installed::find(&app.db, target).await? else {
            return Err(Failed::new(
                Kind::Settings,
                "not_found",
                "no installation of that name",
            ));
        };
        if !found.row.enabled {
            return Err(Failed::new(
                Kind::Settings,
                "switched_off",
                "this installation is switched off",
            ));
        }
        let (compiled, ready) = self.ready(app, &found).await?;
        let notifier = self.host.notifier(&compiled, ready)?;
        let message = Message {
            title: note.title,
            text: note.text,
            markdown: note.markdown,
            language: note.language,
            link: note.link,
            idempotency_key: note.key,
            ..Message::default()
        };
        Ok(notifier.notify(message).await?.staged.into())
    }

    // ------------------------------------------------------------ questions about versions and settings

    /// What a version says of settings.
    pub(super) async fn validate_config(
        &self,
        app: &App,
        plugin: &Plugin,
        row: &domain::plugins::Installation,
    ) -> Result<(), Failed> {
        let compiled = self.compiled(&app.db, plugin).await?;
        compiled.validate_config(&Arc::new(powerless(row))).await?;
        Ok(())
    }

    /// Settings of an older version in the shape of this one.
    pub(super) async fn migrate_config(
        &self,
        app: &App,
        plugin: &Plugin,
        row: &domain::plugins::Installation,
    ) -> Result<Value, Failed> {
        let compiled = self.compiled(&app.db, plugin).await?;
        Ok(compiled
            .migrate_config(
                &Arc::new(powerless(row)),
                row.set.config_version,
                &row.set.settings,
            )
            .await?)
    }

    /// A cursor of an older version in the layout of this one. A plugin that does not know better gets its
    /// cursor as it stands: when it cannot read it, `pull` says so and the stream starts over.
    pub(super) async fn migrate_cursor(
        &self,
        app: &App,
        plugin: &Plugin,
        row: &domain::plugins::Installation,
        stream: &str,
        cursor: &(i64, String),
    ) -> Result<Option<(i64, String)>, Failed> {
        if plugin.role != "connector" {
            return Ok(Some(cursor.clone()));
        }
        let compiled = self.compiled(&app.db, plugin).await?;
        let connector = self.host.connector(&compiled, powerless(row))?;
        if !connector.exports().puller {
            return Ok(Some(cursor.clone()));
        }
        let old = Cursor {
            format: u32::try_from(cursor.0).unwrap_or(0),
            value: cursor.1.clone(),
        };
        match connector.migrate_cursor(stream, old).await {
            Ok(new) => Ok(Some((i64::from(new.format), new.value))),
            Err(PluginError::Failed(failure)) if failure.class == FailureClass::CursorExpired => {
                Ok(Some(cursor.clone()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a version runs at all: compiled, and a classifier with the present taxonomy.
    pub(super) async fn try_out(&self, app: &App, plugin: &Plugin) -> Result<(), Failed> {
        if plugin.role == "classifier" {
            self.open_classifier(app, plugin).await.map(|_| ())
        } else {
            self.compiled(&app.db, plugin).await.map(|_| ())
        }
    }

    /// The self check of an installation: whether it works, a sentence, and more.
    pub async fn check_installation(
        &self,
        app: &App,
        found: &Installed,
    ) -> Result<(bool, String, Value), Failed> {
        let (compiled, ready) = self.ready(app, found).await?;
        let report = compiled.check(&Arc::new(ready)).await?.value;
        let details = serde_json::from_str(&report.details).unwrap_or(Value::Null);
        Ok((report.ok, report.message, details))
    }

    /// Labels of some documents by a classifier that has no say.
    pub async fn read_along(
        &self,
        app: &App,
        plugin: &Plugin,
        documents: Vec<Vec<Document>>,
    ) -> Result<Vec<Result<Classification, Failure>>, Failed> {
        let classifier = self.open_classifier(app, plugin).await?;
        let mut all = Vec::new();
        for batch in documents {
            all.extend(classifier.classify(batch).await?);
        }
        Ok(all)
    }

    /// Compiles a component and checks it against the contract.
    pub async fn check(&self, bytes: Vec<u8>) -> Result<(), PluginError> {
        self.host.compile(bytes).await.map(|_| ())
    }
}

/// Settings without any power: for questions that have no effect.
fn powerless(row: &domain::plugins::Installation) -> Installation {
    Installation {
        id: row.key.clone(),
        settings: row.set.settings.to_string(),
        ..Installation::default()
    }
}

/// Why the replica could not follow.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The plugin failed.
    #[error(transparent)]
    Plugin(#[from] Failed),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// Keeps a component. The same bytes are kept once. A newer version of a known plugin begins with the grant of
/// the active one: what it asks for beyond has no effect before somebody grants it. The grant counts at once only
/// where the bytes come from the same hand as those that it was given to (the same signature; without one,
/// `trusted`):
/// whoever may install must not reach what an administrator entrusted to somebody else's code.
pub async fn install(
    app: &App,
    bytes: &[u8],
    inspection: &Inspection,
    signer: Option<String>,
    trusted: bool,
    active: bool,
    actor: &Actor,
) -> Result<Plugin, DbError> {
    if let Some(present) = storage::plugins::by_digest(&app.db, &inspection.digest).await? {
        return Ok(present);
    }
    let manifest = &inspection.manifest;
    let role = manifest.role.as_str();
    let before = storage::plugins::active_of_name(&app.db, &manifest.name).await?;
    let now = app.now();
    let everything = Granted::everything(manifest);
    let (grant, granted_at) = match &before {
        // Ours comes with what it needs; so does nothing else.
        _ if active => (everything, Some(now)),
        Some(before) => {
            let old = super::installed::manifest(before)?;
            let held = Granted::of(before).by_name(&old);
            let enough = held.covers(manifest, &old);
            // A name that has a signature goes on in the same hand, whoever carries it here.
            let same_hand = match &before.signer {
                Some(known) => signer.as_ref() == Some(known),
                None => trusted,
            };
            (held, before.granted_at.filter(|_| enough && same_hand))
        }
        None => (Granted::default(), None),
    };
    let plugin = Plugin {
        id: app.ids.next().to_string(),
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        role: role.to_owned(),
        digest: inspection.digest.clone(),
        state: "installed".to_owned(),
        manifest: serde_json::to_value(manifest).unwrap_or_default(),
        grant: serde_json::to_value(&grant).unwrap_or_default(),
        granted_at,
        active_since: None,
        size: i64::try_from(bytes.len()).unwrap_or(0),
        signer,
        created_at: now,
        version_of_row: 1,
    };
    let tx = app.begin().await?;
    match storage::plugins::insert(&tx, &plugin, bytes).await {
        // Another replica was quicker with the same bytes.
        Err(DbError::Conflict { .. }) => {
            tx.rollback().await?;
            return Ok(storage::plugins::by_digest(&app.db, &inspection.digest)
                .await?
                .unwrap_or(plugin));
        }
        other => other?,
    }
    if active {
        storage::plugins::activate(&tx, &plugin, true).await?;
    }
    let data = serde_json::json!({"name": plugin.name, "version": plugin.version, "role": role, "digest": plugin.digest, "signer": plugin.signer});
    storage::events::record(
        &tx,
        app.ids.next(),
        "plugin",
        &plugin.id,
        "plugin.installed",
        actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    Ok(storage::plugins::get(&app.db, &plugin.id)
        .await?
        .unwrap_or(plugin))
}

/// Installs the plugins that come with this binary and loads the active classifier.
pub async fn install_first_party(app: &App) -> failure::Result<()> {
    for (name, bytes) in FIRST_PARTY {
        let inspection = Host::inspect(bytes)
            .map_err(|e| format!("the built-in plugin {name} is unusable: {e}"))?;
        let role = inspection.manifest.role.as_str();
        let known = storage::plugins::by_digest(&app.db, &inspection.digest)
            .await?
            .is_some();
        if !known {
            // A plugin that somebody put in place of ours stays in place; a newer one of ours takes over. What
            // reaches outside waits for somebody to grant it and to set it up.
            let alone = matches!(*name, "keyword-classifier" | "markdown-kb");
            let active = storage::plugins::active(&app.db, role).await?;
            let ours = alone && active.is_none_or(|p| p.name == inspection.manifest.name);
            install(app, bytes, &inspection, None, true, ours, &Actor::system()).await?;
        }
    }
    if FIRST_PARTY.is_empty() {
        tracing::warn!(
            "this binary was built without its plugins: run `cargo xtask plugins` and build again, or nothing is classified"
        );
    }
    app.plugins.follow(app).await?;
    Ok(())
}
