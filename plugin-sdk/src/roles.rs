//! The roles a plugin can have, and the macro that exports one.

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

/// Exports one type as a plugin: `export!(classifier: Type)` or `export!(knowledge_base: Type)`.
/// Does nothing in native builds, so a plugin's crate is an ordinary library there.
#[macro_export]
macro_rules! export {
    (classifier: $plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod __bihuan_export {
            use super::*;
            use $crate::bindings::base::exports::bihuan::plugin::lifecycle;
            use $crate::bindings::classifier::exports::bihuan::plugin::classifier;
            use $crate::{Classification, Document, Failure, ModelInfo, __private};

            std::thread_local! {
                static SLOT: __private::Slot<$plugin> = const { __private::Slot::new() };
            }

            struct Exported;

            $crate::__lifecycle!($plugin);

            impl classifier::Guest for Exported {
                fn prepare(taxonomy: String) -> Result<ModelInfo, Failure> {
                    SLOT.with(|slot| slot.prepare(&taxonomy))
                }
                fn classify(batch: Vec<Document>) -> Result<Vec<Result<Classification, Failure>>, Failure> {
                    SLOT.with(|slot| slot.classify(&batch))
                }
            }

            $crate::bindings::base::export_base!(Exported with_types_in $crate::bindings::base);
            $crate::bindings::classifier::export_classifier!(Exported with_types_in $crate::bindings::classifier);
        }
    };
    (knowledge_base: $plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod __bihuan_export {
            use super::*;
            use $crate::bindings::base::exports::bihuan::plugin::lifecycle;
            use $crate::bindings::knowledge::exports::bihuan::plugin::knowledge_base;
            use $crate::{Article, Failure, KnowledgeBase, Receipt, RemoteState, __private};

            struct Exported;

            $crate::__lifecycle!($plugin);

            fn open() -> Result<$plugin, Failure> {
                $crate::host::install_panic_hook();
                <$plugin as KnowledgeBase>::open()
            }

            impl knowledge_base::Guest for Exported {
                fn upsert(a: Article) -> Result<Receipt, Failure> {
                    open()?.upsert(&a)
                }
                fn look_up(a: Article) -> Result<RemoteState, Failure> {
                    open()?.look_up(&a)
                }
                fn retract(external_ref: String, _key: String) -> Result<(), Failure> {
                    open()?.retract(&external_ref)
                }
                fn put_synonyms(terms: Vec<(String, String)>, _key: String) -> Result<(), Failure> {
                    open()?.put_synonyms(&terms)
                }
                fn flag(external_ref: String, reason: String, _key: String) -> Result<Receipt, Failure> {
                    open()?.flag(&external_ref, &reason)
                }
            }

            $crate::bindings::base::export_base!(Exported with_types_in $crate::bindings::base);
            $crate::bindings::knowledge::export_knowledge_base!(Exported with_types_in $crate::bindings::knowledge);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __lifecycle {
    ($plugin:ty) => {
        impl lifecycle::Guest for Exported {
            fn validate_config() -> Result<(), Failure> {
                __private::validate_config::<$plugin>()
            }
            fn check() -> Result<lifecycle::CheckReport, Failure> {
                let (ok, message, details) = __private::check::<$plugin>()?;
                Ok(lifecycle::CheckReport {
                    ok,
                    message,
                    details,
                })
            }
            fn migrate_config(from_version: u32, old: String) -> Result<String, Failure> {
                __private::migrate_config::<$plugin>(from_version, &old)
            }
        }
    };
}
