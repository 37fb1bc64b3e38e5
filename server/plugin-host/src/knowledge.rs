//! A knowledge base plugin: a fresh instance for every call, so nothing survives in the guest.

use std::sync::Arc;

use crate::context::Mode;
use crate::engine::Pre;
use crate::lifecycle::enter;
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
            return Err(other_role());
        }
        Ok(KnowledgeBase {
            compiled: compiled.clone(),
            installation: Arc::new(installation),
        })
    }
}

/// Runs one call in an instance of its own: `call!(self, operation, |store, guest| call)`.
macro_rules! call {
    ($base:expr, $operation:expr, |$store:ident, $guest:ident| $call:expr) => {{
        let Pre::Knowledge(pre) = &$base.compiled.inner.pre else {
            return Err(other_role());
        };
        enter!(
            $base.compiled,
            &$base.installation,
            pre,
            $operation,
            Mode::Full,
            |$store, instance| {
                let $guest = instance.bihuan_plugin_knowledge_base();
                $call
            }
        )
    }};
}

fn other_role() -> PluginError {
    PluginError::Refused {
        detail: "this plugin is no knowledge base".to_owned(),
    }
}

impl KnowledgeBase {
    /// Creates or replaces an article; may be repeated.
    ///
    /// # Errors
    /// [`PluginError::Denied`] without a granted folder, [`PluginError::Failed`] with the
    /// plugin's failure, whose class says whether to retry; traps and limits.
    pub async fn upsert(&self, article: Article) -> Result<Answer<Receipt>, PluginError> {
        let article = article.into();
        call!(self, "upsert", |store, guest| guest
            .call_upsert(store, &article))?
        .try_map(|receipt| checked(receipt.into()))
    }

    /// How the target stands to an article, for instance after a crash.
    ///
    /// # Errors
    /// As [`KnowledgeBase::upsert`].
    pub async fn lookup(&self, article: Article) -> Result<Answer<RemoteState>, PluginError> {
        let article = article.into();
        call!(self, "look-up", |store, guest| guest
            .call_look_up(store, &article))?
        .try_map(|state| {
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
        call!(self, "retract", |store, guest| guest.call_retract(
            store,
            external_ref,
            idempotency_key
        ))
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
        call!(self, "put-synonyms", |store, guest| guest
            .call_put_synonyms(store, terms, idempotency_key))
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
        call!(self, "flag", |store, guest| guest.call_flag(
            store,
            external_ref,
            reason,
            idempotency_key
        ))?
        .try_map(|receipt| checked(receipt.into()))
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
