//! A knowledge base plugin: a fresh instance for every call, so nothing survives in the guest.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use wasmtime::Store;

use crate::bindings::knowledge::KnowledgePart;
use crate::call::{begin, failed, finish_instantiation, settle};
use crate::context::{Context, Mode};
use crate::engine::Pre;
use crate::shapes::{Answer, Article, CheckReport, Receipt, RemoteState};
use crate::{Compiled, Host, Installation, PluginError, Role};

/// Longest reference, version or address in a receipt, in bytes.
const MAX_REFERENCE: usize = 4096;

/// A knowledge base with its grant. Cheap to clone.
#[derive(Clone)]
pub struct KnowledgeBase {
    compiled: Compiled,
    installation: Arc<Installation>,
}

impl std::fmt::Debug for KnowledgeBase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnowledgeBase")
            .field("installation", &self.installation)
            .finish_non_exhaustive()
    }
}

impl Host {
    /// Binds a component to a grant. Nothing runs yet.
    ///
    /// # Errors
    /// [`PluginError::Refused`] for a component of another role.
    pub fn knowledge_base(
        &self,
        compiled: &Compiled,
        installation: Installation,
    ) -> Result<KnowledgeBase, PluginError> {
        if compiled.inspection().role != Role::KnowledgeBase {
            return Err(PluginError::Refused {
                detail: "this plugin is no knowledge base".to_owned(),
            });
        }
        Ok(KnowledgeBase {
            compiled: compiled.clone(),
            installation: Arc::new(installation),
        })
    }
}

/// One call's instance.
struct Fresh {
    store: Store<Context>,
    guest: KnowledgePart,
    wall: std::time::Duration,
    _slot: OwnedSemaphorePermit,
}

impl KnowledgeBase {
    async fn fresh(&self, operation: &'static str) -> Result<Fresh, PluginError> {
        let Pre::Knowledge(pre) = &self.compiled.inner.pre else {
            return Err(PluginError::Refused {
                detail: "this plugin is no knowledge base".to_owned(),
            });
        };
        let slot = self.compiled.host.slot().await?;
        let mut store = self.compiled.store(&self.installation);
        let wall = begin(&mut store, operation, Mode::Full);
        let done = timeout(wall, pre.instantiate_async(&mut store)).await;
        let guest = finish_instantiation(&mut store, done).map_err(|e| failed(&mut store, e))?;
        Ok(Fresh {
            store,
            guest,
            wall,
            _slot: slot,
        })
    }

    /// Creates or replaces an article; may be repeated.
    ///
    /// # Errors
    /// [`PluginError::Denied`] without a granted folder, [`PluginError::Failed`] with the
    /// plugin's failure, whose class says whether to retry; traps and limits.
    pub async fn upsert(&self, article: Article) -> Result<Answer<Receipt>, PluginError> {
        let mut f = self.fresh("upsert").await?;
        let article = article.into();
        let done = timeout(
            f.wall,
            f.guest
                .bihuan_plugin_knowledge_base()
                .call_upsert(&mut f.store, &article),
        )
        .await;
        settle(&mut f.store, done)?.try_map(|receipt| checked(receipt.into()))
    }

    /// How the target stands to an article, for instance after a crash.
    ///
    /// # Errors
    /// As [`KnowledgeBase::upsert`].
    pub async fn lookup(&self, article: Article) -> Result<Answer<RemoteState>, PluginError> {
        let mut f = self.fresh("look-up").await?;
        let article = article.into();
        let done = timeout(
            f.wall,
            f.guest
                .bihuan_plugin_knowledge_base()
                .call_look_up(&mut f.store, &article),
        )
        .await;
        settle(&mut f.store, done)?.try_map(|state| {
            Ok(match RemoteState::from(state) {
                RemoteState::Absent => RemoteState::Absent,
                RemoteState::Unchanged(r) => RemoteState::Unchanged(checked(r)?),
                RemoteState::ChangedRemotely(r) => RemoteState::ChangedRemotely(checked(r)?),
                RemoteState::Ours(r) => RemoteState::Ours(checked(r)?),
            })
        })
    }

    /// Removes an article; removing what is not there is a success.
    ///
    /// # Errors
    /// As [`KnowledgeBase::upsert`].
    pub async fn retract(
        &self,
        external_ref: &str,
        idempotency_key: &str,
    ) -> Result<Answer<()>, PluginError> {
        let mut f = self.fresh("retract").await?;
        let guest = f.guest.bihuan_plugin_knowledge_base();
        let done = timeout(
            f.wall,
            guest.call_retract(&mut f.store, external_ref, idempotency_key),
        )
        .await;
        settle(&mut f.store, done)
    }

    /// Replaces the list of (word people use, official term).
    ///
    /// # Errors
    /// As [`KnowledgeBase::upsert`].
    pub async fn put_synonyms(
        &self,
        terms: &[(String, String)],
        idempotency_key: &str,
    ) -> Result<Answer<()>, PluginError> {
        let mut f = self.fresh("put-synonyms").await?;
        let guest = f.guest.bihuan_plugin_knowledge_base();
        let done = timeout(
            f.wall,
            guest.call_put_synonyms(&mut f.store, terms, idempotency_key),
        )
        .await;
        settle(&mut f.store, done)
    }

    /// Marks an article as doubtful without removing it.
    ///
    /// # Errors
    /// As [`KnowledgeBase::upsert`].
    pub async fn flag(
        &self,
        external_ref: &str,
        reason: &str,
        idempotency_key: &str,
    ) -> Result<Answer<Receipt>, PluginError> {
        let mut f = self.fresh("flag").await?;
        let guest = f.guest.bihuan_plugin_knowledge_base();
        let done = timeout(
            f.wall,
            guest.call_flag(&mut f.store, external_ref, reason, idempotency_key),
        )
        .await;
        settle(&mut f.store, done)?.try_map(|receipt| checked(receipt.into()))
    }

    /// The plugin's check of its settings, then its self check.
    ///
    /// # Errors
    /// As [`KnowledgeBase::upsert`].
    pub async fn check(&self) -> Result<Answer<CheckReport>, PluginError> {
        self.compiled.check(&self.installation).await
    }
}

fn checked(receipt: Receipt) -> Result<Receipt, PluginError> {
    let fine = |text: &str| text.len() <= MAX_REFERENCE && !text.chars().any(char::is_control);
    let optional = |text: &Option<String>| text.as_deref().is_none_or(fine);
    if receipt.external_ref.is_empty()
        || !fine(&receipt.external_ref)
        || !optional(&receipt.external_version)
        || !optional(&receipt.url)
    {
        return Err(PluginError::InvalidAnswer {
            detail: "a receipt is empty, endless or holds control characters".to_owned(),
        });
    }
    Ok(receipt)
}
