//! Everything a plugin of Bihuan needs: the contract (`wit/`), its bindings, traits to implement,
//! one macro to export, and the typed forms of the JSON that crosses the border.
//!
//! A classifier implements [`Classifier`], a knowledge base [`KnowledgeBase`], a connector
//! [`connector::Puller`] or [`connector::Webhook`] or both, a chat robot [`notifier::Notifier`]; all
//! may override the defaults of [`Lifecycle`]. Then one line exports it:
//!
//! ```ignore
//! plugin_sdk::export!(classifier: MyClassifier);
//! ```
//!
//! The same crate also compiles natively: the host reads [`taxonomy`] and [`manifest`] from here,
//! and plugins test their code without wasm ([`testing`]).

pub mod bindings;
pub mod connector;
pub mod cursor;
pub mod encoding;
mod export;
pub mod host;
mod lifecycle;
pub mod manifest;
pub mod mapping;
#[cfg(any(test, target_arch = "wasm32"))]
mod memory;
pub mod notifier;
mod roles;
pub mod taxonomy;
pub mod testing;
pub mod text;
pub mod time;

pub use bindings::base::bihuan::plugin::types::{Attribute, Failure, FailureClass, Header};
pub use bindings::classifier::exports::bihuan::plugin::classifier::{
    Classification, Document, Label, ModelInfo, Polarity, Span,
};
pub use bindings::knowledge::exports::bihuan::plugin::knowledge_base::{
    Article, BodyFormat, Receipt, RemoteState, Visibility,
};
pub use bindings::powers::bihuan::plugin::files::FileError;
pub use lifecycle::{CheckReport, Lifecycle};
pub use roles::{Classifier, KnowledgeBase};

/// Version of the contract in `wit/`, as in its package name.
pub const API_VERSION: &str = "1.0.0";

/// The contract itself, one file an entry: what a tool needs to make a component offline.
pub const WIT_FILES: [(&str, &str); 4] = [
    ("types.wit", include_str!("../wit/types.wit")),
    ("host.wit", include_str!("../wit/host.wit")),
    ("guest.wit", include_str!("../wit/guest.wit")),
    ("worlds.wit", include_str!("../wit/worlds.wit")),
];

#[doc(hidden)]
pub mod __private {
    pub use crate::connector::opened;
    pub use crate::lifecycle::{CheckReportOf, check, migrate_config, validate_config};
    pub use crate::roles::Slot;
}
pub use roles::failure;
