//! Plugins: what is installed, what is active, and the one way to call them.

mod connector;
mod failed;
pub mod gauges;
mod health;
pub mod http;
pub mod installations;
mod installed;
mod ledger;
mod letter;
mod manage;
mod outbox;
mod schedule;
mod service;
mod settings;
mod vault;
mod waiting;

pub use connector::{Answer, Connected, Hooked, Keep, Meant, Onward, Proof, Pulled, Unusable};
pub use failed::{Failed, Kind};
pub use health::{failed, look_for_silence, rests, succeeded};
pub use installed::{Installed, find};
pub use manage::checked;
pub use outbox::revive;
pub use plugin_host::sha256;
pub use schedule::next;
pub use service::{FollowError, Plugins, PublishError, install, install_first_party};
pub use vault::VaultError;

/// A message for a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Note {
    /// One line.
    pub title: String,
    /// Plain text.
    pub text: String,
    /// The same with Markdown.
    pub markdown: String,
    /// `zh-CN` or `en`.
    pub language: String,
    /// Where it leads: the console, never a personal link.
    pub link: Option<String>,
    /// The same message repeated carries the same key.
    pub key: String,
}

/// The knowledge base that the program brings along: a folder of Markdown files.
pub const BUILT_IN_KNOWLEDGE_BASE: &str = "markdown-kb";
