//! Classifiers and knowledge bases.

use std::cell::RefCell;

use crate::{
    Article, Classification, Document, Failure, Lifecycle, ModelInfo, Receipt, RemoteState, host,
    taxonomy::Taxonomy,
};

/// Gives feedback its labels.
pub trait Classifier: Lifecycle + Sized + 'static {
    /// Called once in a fresh instance, before the first batch.
    ///
    /// # Errors
    /// A [`Failure`] when the taxonomy cannot be used.
    fn prepare(taxonomy: Taxonomy) -> Result<(Self, ModelInfo), Failure>;

    /// Labels of one document. Must depend on nothing but the taxonomy and the document.
    ///
    /// # Errors
    /// A [`Failure`] concerns this document only.
    fn classify(&self, document: &Document) -> Result<Classification, Failure>;
}

/// Keeps articles somewhere outside. Every function may be called again with the same arguments
/// (after a crash) and must then lead to the same state.
pub trait KnowledgeBase: Lifecycle + Sized + 'static {
    /// Called at the start of every call: each call has an instance of its own.
    ///
    /// # Errors
    /// A [`Failure`] when the settings do not allow to work.
    fn open() -> Result<Self, Failure>;

    /// Creates or replaces the article.
    ///
    /// # Errors
    /// A [`Failure`] whose class says what the host does next.
    fn upsert(&self, article: &Article) -> Result<Receipt, Failure>;

    /// How the target stands to this article.
    ///
    /// # Errors
    /// A [`Failure`] whose class says what the host does next.
    fn look_up(&self, article: &Article) -> Result<RemoteState, Failure>;

    /// Removes the article; removing what is not there is a success.
    ///
    /// # Errors
    /// A [`Failure`] whose class says what the host does next.
    fn retract(&self, external_ref: &str) -> Result<(), Failure>;

    /// Replaces the list of (word people use, official term).
    ///
    /// # Errors
    /// A [`Failure`] whose class says what the host does next.
    fn put_synonyms(&self, terms: &[(String, String)]) -> Result<(), Failure>;

    /// Marks the article as doubtful without removing it.
    ///
    /// # Errors
    /// A [`Failure`] whose class says what the host does next.
    fn flag(&self, external_ref: &str, reason: &str) -> Result<Receipt, Failure>;
}

/// Short ways to make a [`Failure`]; `code` is dotted and stable, for machines.
pub mod failure {
    use crate::{Failure, FailureClass};
    use std::fmt::Display;

    /// A failure of any class.
    pub fn new(class: FailureClass, code: &str, message: impl Display) -> Failure {
        Failure {
            class,
            code: code.to_owned(),
            message: message.to_string(),
            retry_after_ms: None,
            attributes: Vec::new(),
        }
    }

    /// Settings or grants are wrong; a person must act.
    pub fn config(code: &str, message: impl Display) -> Failure {
        new(FailureClass::Config, code, message)
    }

    /// Worth trying again later.
    pub fn transient(code: &str, message: impl Display) -> Failure {
        new(FailureClass::Transient, code, message)
    }

    /// This input can never succeed.
    pub fn invalid_input(code: &str, message: impl Display) -> Failure {
        new(FailureClass::InvalidInput, code, message)
    }

    /// A bug in the plugin.
    pub fn internal(code: &str, message: impl Display) -> Failure {
        new(FailureClass::Internal, code, message)
    }
}

/// Holds the prepared classifier of this instance between calls.
pub struct Slot<T>(RefCell<Option<T>>);

impl<T: Classifier> Default for Slot<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Classifier> Slot<T> {
    /// Empty: nothing prepared yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Glue of [`crate::export`].
    ///
    /// # Errors
    /// `invalid-input` when the taxonomy is malformed, else what the plugin answers.
    pub fn prepare(&self, taxonomy: &str) -> Result<ModelInfo, Failure> {
        host::install_panic_hook();
        let taxonomy = Taxonomy::from_json(taxonomy)
            .map_err(|e| failure::invalid_input("taxonomy.malformed", e))?;
        let (prepared, info) = T::prepare(taxonomy)?;
        *self.0.borrow_mut() = Some(prepared);
        Ok(info)
    }

    /// Glue of [`crate::export`].
    ///
    /// # Errors
    /// `internal` when `prepare` was never called.
    pub fn classify(
        &self,
        batch: &[Document],
    ) -> Result<Vec<Result<Classification, Failure>>, Failure> {
        host::install_panic_hook();
        let prepared = self.0.borrow();
        let Some(prepared) = prepared.as_ref() else {
            return Err(failure::internal(
                "classifier.not_prepared",
                "classify was called before prepare",
            ));
        };
        Ok(batch
            .iter()
            .map(|document| prepared.classify(document))
            .collect())
    }
}
