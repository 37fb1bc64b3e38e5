//! The plugin host and what runs in it.

use crate::app::{App, failure};
use crate::config::Config;
use domain::knowledge::Article as Knowledge;
use plugin_host::{
    Article, BodyFormat, Classification, Classifier, Document, Failure, FailureClass, FileGrant,
    Host, HostConfig, Inspection, Installation, PluginError, RemoteState, Role, Visibility,
    taxonomy::Taxonomy,
};
use std::path::PathBuf;
use storage::DbError;
use storage::plugins::Plugin;
use tokio::sync::RwLock;

include!(concat!(env!("OUT_DIR"), "/first_party.rs"));

/// What runs in the host.
#[derive(Default)]
struct Running {
    /// The active classifier and the digest of its component.
    classifier: Option<(Classifier, String, String, String)>,
    taxonomy: Taxonomy,
    /// Stamp of the taxonomy that the classifier has.
    stamp: String,
}

/// The plugin host and what runs in it.
pub struct Plugins {
    host: Host,
    running: RwLock<Running>,
    knowledge_dir: PathBuf,
}

/// Why an article did not go out.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No knowledge base is active.
    #[error("no knowledge-base plugin is active")]
    NoPublisher,
    /// Somebody else edited it: a person decides.
    #[error("the article was edited at the target: a person must decide")]
    ChangedRemotely,
    /// The plugin failed.
    #[error(transparent)]
    Plugin(#[from] PluginError),
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
            Self::ChangedRemotely => false,
            Self::Plugin(PluginError::Failed(failure)) => {
                matches!(
                    failure.class,
                    FailureClass::Transient | FailureClass::RateLimited
                )
            }
            Self::Plugin(error) => {
                matches!(
                    error,
                    PluginError::TimedOut { .. } | PluginError::Host { .. }
                )
            }
        }
    }
}

/// Labels with the name and version of the classifier that gave them.
type Classified = (String, String, Vec<Result<Classification, Failure>>);

impl Plugins {
    /// Starts the host. Nothing is loaded yet.
    pub fn new(config: &Config) -> failure::Result<Self> {
        let host = Host::new(HostConfig::default())?;
        Ok(Self {
            host,
            running: RwLock::default(),
            knowledge_dir: config.knowledge_dir.clone(),
        })
    }

    /// Whether a classifier is ready.
    pub async fn has_classifier(&self) -> bool {
        self.running.read().await.classifier.is_some()
    }

    /// The classifier that labels now ([`domain::analysis::ruler`]); `None`: none is ready.
    pub async fn ruler(&self) -> Option<String> {
        let running = self.running.read().await;
        let (_, _, name, version) = running.classifier.as_ref()?;
        Some(domain::analysis::ruler(name, version))
    }

    /// Gives the classifier another taxonomy.
    pub async fn set_taxonomy(&self, taxonomy: &Taxonomy) -> Result<(), PluginError> {
        let mut running = self.running.write().await;
        running.taxonomy = taxonomy.clone();
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
        let Some(bytes) = storage::plugins::component(&app.db, &plugin.id).await? else {
            return Ok(());
        };
        let compiled = self.host.compile(bytes).await?;
        let installation = Installation {
            id: plugin.id.clone(),
            ..Installation::default()
        };
        let taxonomy = self.running.read().await.taxonomy.clone();
        let classifier = self
            .host
            .classifier(&compiled, installation, &taxonomy)
            .await?;
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
        let (classifier, name, version) = {
            let running = self.running.read().await;
            match &running.classifier {
                Some((classifier, _, name, version)) => {
                    (classifier.clone(), name.clone(), version.clone())
                }
                None => {
                    return Err(PluginError::Refused {
                        detail: "no classifier is active".to_owned(),
                    });
                }
            }
        };
        let answers = classifier.classify(documents).await?;
        Ok((name, version, answers))
    }

    /// Publishes an article; answers the target's name for it. Asks first what the target has: a repeat
    /// after a crash changes nothing.
    pub async fn publish(
        &self,
        app: &App,
        article: &Knowledge,
        content_hash: &str,
    ) -> Result<String, PublishError> {
        let Some(plugin) = storage::plugins::active(&app.db, "knowledge-base").await? else {
            return Err(PublishError::NoPublisher);
        };
        let Some(bytes) = storage::plugins::component(&app.db, &plugin.id).await? else {
            return Err(PublishError::NoPublisher);
        };
        let compiled = self.host.compile(bytes).await?;
        let installation = Installation {
            id: plugin.id.clone(),
            files: Some(FileGrant::new(self.knowledge_dir.clone())),
            ..Installation::default()
        };
        let target = self.host.knowledge_base(&compiled, installation)?;
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
        match target.lookup(out.clone()).await?.value {
            RemoteState::Unchanged(receipt) => Ok(receipt.external_ref),
            RemoteState::ChangedRemotely(_) => Err(PublishError::ChangedRemotely),
            RemoteState::Absent => Ok(target.upsert(out).await?.value.external_ref),
            RemoteState::Ours(receipt) => {
                let next = Article {
                    external_ref: Some(receipt.external_ref),
                    external_version: receipt.external_version,
                    ..out
                };
                Ok(target.upsert(next).await?.value.external_ref)
            }
        }
    }

    /// Compiles a component and checks it against the contract.
    pub async fn check(&self, bytes: Vec<u8>) -> Result<(), PluginError> {
        self.host.compile(bytes).await.map(|_| ())
    }
}

/// Why the replica could not follow.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The plugin failed.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// The stable name of a role.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Classifier => "classifier",
        Role::KnowledgeBase => "knowledge-base",
    }
}

/// Keeps a component. The same bytes are kept once.
pub async fn install(
    app: &App,
    bytes: &[u8],
    inspection: &Inspection,
    active: bool,
) -> Result<Plugin, DbError> {
    if let Some(present) = storage::plugins::by_digest(&app.db, &inspection.digest).await? {
        return Ok(present);
    }
    let role = role_name(inspection.role);
    let plugin = Plugin {
        id: app.ids.next().to_string(),
        name: inspection.manifest.name.clone(),
        version: inspection.manifest.version.clone(),
        role: role.to_owned(),
        digest: inspection.digest.clone(),
        state: if active { "active" } else { "installed" }.to_owned(),
        manifest: serde_json::to_value(&inspection.manifest).unwrap_or_default(),
        grant: if active {
            serde_json::json!({"files": role == "knowledge-base"})
        } else {
            serde_json::json!({})
        },
        size: i64::try_from(bytes.len()).unwrap_or(0),
        created_at: app.now(),
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
        storage::plugins::retire_others(&tx, role, &plugin.id).await?;
    }
    tx.commit().await?;
    Ok(plugin)
}

/// Installs the plugins that come with this binary and loads the active classifier.
pub async fn install_first_party(app: &App) -> failure::Result<()> {
    for (name, bytes) in FIRST_PARTY {
        let inspection = Host::inspect(bytes)
            .map_err(|e| format!("the built-in plugin {name} is unusable: {e}"))?;
        let role = role_name(inspection.role);
        let known = storage::plugins::by_digest(&app.db, &inspection.digest)
            .await?
            .is_some();
        if !known {
            // A plugin that somebody put in place of ours stays in place; a newer one of ours takes over.
            let active = storage::plugins::active(&app.db, role).await?;
            let ours = active.is_none_or(|p| p.name == inspection.manifest.name);
            install(app, bytes, &inspection, ours).await?;
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
