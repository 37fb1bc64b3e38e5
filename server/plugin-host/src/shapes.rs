//! The host's own forms of what crosses the border. They follow `plugin-sdk/wit`, which holds the
//! meaning of every field; here are only units and differences.

use serde::{Deserialize, Serialize};

/// Open key/value pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Key.
    pub name: String,
    /// Value.
    pub value: String,
}

/// What the host does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// A person must change settings or grants; no retry.
    Config,
    /// Retry no sooner than asked.
    RateLimited,
    /// Retry with back-off.
    Transient,
    /// This input can never succeed.
    InvalidInput,
    /// A stored cursor is no longer usable.
    CursorExpired,
    /// A bug in the plugin.
    Internal,
}

impl FailureClass {
    /// As the contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::RateLimited => "rate-limited",
            Self::Transient => "transient",
            Self::InvalidInput => "invalid-input",
            Self::CursorExpired => "cursor-expired",
            Self::Internal => "internal",
        }
    }
}

/// A failure that the plugin answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What to do.
    pub class: FailureClass,
    /// Dotted word for machines.
    pub code: String,
    /// For the operator.
    pub message: String,
    /// Milliseconds to wait at least.
    pub retry_after_ms: Option<u64>,
    /// More.
    pub attributes: Vec<Attribute>,
}

/// Answer of a plugin's self check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Whether grants and settings work.
    pub ok: bool,
    /// One sentence for the operator.
    pub message: String,
    /// JSON text.
    pub details: String,
}

/// One text to classify.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Masked and folded (half width, simplified, lower case).
    pub text: String,
    /// End of each token in UTF-8 bytes, ascending.
    pub token_ends: Vec<u32>,
    /// BCP 47 tag when known.
    pub language: Option<String>,
    /// Key of the channel.
    pub channel: String,
    /// More.
    pub attributes: Vec<Attribute>,
}

/// An id with a confidence of 0.0 to 1.0.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Topic, cause, intent or emotion.
    pub id: String,
    /// 0.0 to 1.0.
    pub confidence: f32,
}

/// Feeling of a whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polarity {
    /// Complaint.
    Negative,
    /// Neither.
    Neutral,
    /// Praise.
    Positive,
    /// Both, about equally.
    Mixed,
}

/// A place in the text that speaks for a label: half-open range of UTF-8 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
    /// For which label.
    pub label: String,
}

/// Labels of one text; every id of topics and causes is known to the taxonomy.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// Best first; empty: no topic explains the text.
    pub topics: Vec<Label>,
    /// Causes inside the best topic, best first.
    pub causes: Vec<Label>,
    /// Open vocabulary.
    pub intents: Vec<Label>,
    /// Feeling in one word.
    pub polarity: Polarity,
    /// -1.0 to 1.0.
    pub sentiment: f32,
    /// 0.0 to 1.0.
    pub sentiment_confidence: f32,
    /// Open vocabulary: `angry`, `anxious`, `disappointed`, `satisfied`.
    pub emotions: Vec<Label>,
    /// 0.0 to 1.0: wants a person at once.
    pub risk: f32,
    /// Fields filled from the text.
    pub extracted: Vec<Attribute>,
    /// Places in the text.
    pub evidence: Vec<Evidence>,
    /// More.
    pub attributes: Vec<Attribute>,
}

/// What a classifier says of itself once prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// Name of the model.
    pub name: String,
    /// Version of the model.
    pub version: String,
    /// Most documents in one batch.
    pub max_batch: u32,
    /// Longest text in bytes.
    pub max_text_bytes: u32,
}

/// Form of an article's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// CommonMark.
    Markdown,
    /// HTML fragment.
    Html,
    /// Text.
    Plain,
}

/// Who may see an article at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Authors only.
    Draft,
    /// The organisation.
    Internal,
    /// Everybody.
    Public,
}

/// An article to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Our id, stable.
    pub id: String,
    /// Title.
    pub title: String,
    /// Form of `body`.
    pub format: BodyFormat,
    /// Content.
    pub body: String,
    /// BCP 47 tag.
    pub locale: String,
    /// Folders at the target, from the top.
    pub path: Vec<String>,
    /// Topic and other words.
    pub tags: Vec<String>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// Same hash = nothing to do.
    pub content_hash: String,
    /// Stable per (article, content hash).
    pub idempotency_key: String,
    /// From an earlier receipt.
    pub external_ref: Option<String>,
    /// From an earlier receipt.
    pub external_version: Option<String>,
    /// More.
    pub attributes: Vec<Attribute>,
}

/// Where an article went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The target's name for it.
    pub external_ref: String,
    /// For optimistic locking.
    pub external_version: Option<String>,
    /// For people.
    pub url: Option<String>,
}

/// How a target stands to an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteState {
    /// Not there.
    Absent,
    /// Exactly this content.
    Unchanged(Receipt),
    /// Edited by somebody else.
    ChangedRemotely(Receipt),
    /// An older content of ours.
    Ours(Receipt),
}

/// A header of HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// In lower case.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A value as the source writes it; `server` reads it as it reads files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// Finite.
    Number(f64),
    /// Any text.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

/// One utterance of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// `customer`, `agent` or `bot`.
    pub speaker: String,
    /// When, as the source writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Scalar>,
    /// What was said.
    pub text: String,
}

/// One voice, with the fields of `POST /api/v1/feedback`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Absent: the channel of the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// With the channel it identifies the voice.
    pub external_id: String,
    /// When, as the source writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Scalar>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The conversation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<Turn>,
    /// Kind of voice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Stars or marks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Scalar>,
    /// Best possible `rating`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating_max: Option<Scalar>,
    /// 0 to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nps: Option<Scalar>,
    /// Customer effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ces: Option<Scalar>,
    /// Whether the opinion was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited: Option<Scalar>,
    /// The source's name for the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_ref: Option<String>,
    /// Tier of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_tier: Option<String>,
    /// The source's name for the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_ref: Option<String>,
    /// Team of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Line of business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_line: Option<String>,
    /// BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where people see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Voices of one conversation share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// Step of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_step: Option<String>,
    /// Time of handling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle_seconds: Option<Scalar>,
    /// Time of talking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talk_seconds: Option<Scalar>,
    /// Time of work after the talk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seconds: Option<Scalar>,
    /// Time to the first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_seconds: Option<Scalar>,
    /// Whether it was solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Scalar>,
    /// Whether it was solved at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_first_contact: Option<Scalar>,
    /// `human`, `bot` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_by: Option<String>,
    /// Whether it was handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transferred: Option<Scalar>,
    /// Mark of the quality check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_score: Option<Scalar>,
    /// Paid to the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation_cents: Option<Scalar>,
    /// Words of a search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Results of the search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hits: Option<Scalar>,
    /// Article of the knowledge base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<String>,
    /// Whether the article helped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helpful: Option<Scalar>,
    /// Topic told by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Cause told by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Sentiment told by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<String>,
    /// More.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

/// Something that the source sent and that is no item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The source's id when it has one.
    pub external_id: Option<String>,
    /// The record as JSON text.
    pub raw: String,
    /// Why.
    pub failure: Failure,
}

/// Where the next pull goes on; opaque, at most 64 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The plugin's number for the layout of `value`.
    pub format: u32,
    /// Opaque.
    pub value: String,
}

/// A stream of a connector; each has a cursor of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSpec {
    /// 1 to 64 of `a-z0-9_.-`.
    pub name: String,
    /// For people.
    pub title: String,
}

/// Why a source is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullMode {
    /// What is new.
    Incremental,
    /// Everything between two moments.
    Backfill,
    /// A look for the administrator; nothing is kept.
    Preview,
}

/// One question to a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Name of a stream.
    pub stream: String,
    /// Why.
    pub mode: PullMode,
    /// `None`: the first time.
    pub cursor: Option<Cursor>,
    /// Unix milliseconds.
    pub since_ms: Option<i64>,
    /// Unix milliseconds.
    pub until_ms: Option<i64>,
    /// 1 to 1000.
    pub max_items: u32,
}

/// When to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// At once.
    More,
    /// Up to date; the milliseconds may stretch the schedule.
    Idle(Option<u64>),
}

/// What a source answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// At most as many as asked for; ids (with their channel) are unique inside the page.
    pub items: Vec<Item>,
    /// To be set aside in the same transaction.
    pub rejected: Vec<Rejected>,
    /// Valid once the items are committed.
    pub cursor: Cursor,
    /// When to ask again.
    pub next: Next,
    /// For [`crate::Connector::ack`] after the commit.
    pub ack_tokens: Vec<String>,
}

/// A request of a source that calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookRequest {
    /// `POST` and so on.
    pub method: String,
    /// Behind the installation's address: empty or starting with `/`.
    pub path: String,
    /// Without `?`.
    pub query: String,
    /// Those that the manifest names, and `content-type`.
    pub headers: Vec<Header>,
    /// What [`crate::webhook::verify`] proved, or the bytes received.
    pub body: Vec<u8>,
    /// Unix milliseconds.
    pub received_at_ms: i64,
    /// Whether a scheme of the manifest proved the sender.
    pub verified_by_host: bool,
}

/// An answer to a source that calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// 200 to 299, or 400 to 429.
    pub status: u16,
    /// `text/plain` or `application/json`, with an optional charset.
    pub content_type: String,
    /// At most 64 KiB.
    pub body: Vec<u8>,
}

/// What a request of a source means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// To be kept before the sender is answered.
    Accept {
        /// Voices.
        items: Vec<Item>,
        /// To be set aside.
        rejected: Vec<Rejected>,
    },
    /// Handshake or ping.
    Respond(Reply),
    /// Not ours, or not authentic.
    Reject(String),
}

/// How loud a message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// Good to know.
    Info,
    /// Usual.
    #[default]
    Normal,
    /// Somebody must look at once.
    Urgent,
}

/// A message for a chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// One line.
    pub title: String,
    /// Plain text.
    pub text: String,
    /// The same content with Markdown.
    pub markdown: String,
    /// BCP 47 tag.
    pub language: String,
    /// Where it leads.
    pub link: Option<String>,
    /// E-mail addresses or telephone numbers of people to mention.
    pub mention: Vec<String>,
    /// How loud.
    pub urgency: Urgency,
    /// The same message repeated carries the same key.
    pub idempotency_key: String,
    /// More.
    pub attributes: Vec<Attribute>,
}

/// Changes of an installation's state that belong into the transaction of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Staged {
    /// Key, value, and when it is forgotten (Unix milliseconds).
    pub set: Vec<(String, Vec<u8>, Option<i64>)>,
    /// Keys to remove.
    pub deleted: Vec<String>,
}

impl Staged {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.deleted.is_empty()
    }

    /// The state that the next call sees, when this one is not committed yet.
    pub fn apply_to(&self, state: &mut std::collections::BTreeMap<String, Vec<u8>>, now_ms: i64) {
        for key in &self.deleted {
            state.remove(key);
        }
        for (key, value, expires) in &self.set {
            if expires.is_some_and(|at| at <= now_ms) {
                state.remove(key);
            } else {
                state.insert(key.clone(), value.clone());
            }
        }
    }

    /// Adds what a later call staged; of two changes of one key the later one counts.
    pub fn extend(&mut self, later: Self) {
        let touched = |key: &String| {
            later.deleted.contains(key) || later.set.iter().any(|(name, ..)| name == key)
        };
        self.set.retain(|(key, ..)| !touched(key));
        self.deleted.retain(|key| !touched(key));
        self.set.extend(later.set);
        self.deleted.extend(later.deleted);
    }
}

#[cfg(test)]
mod staged_tests {
    use super::*;
    use std::collections::BTreeMap;

    fn staged(set: &[(&str, &str)], deleted: &[&str]) -> Staged {
        let set = set
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec(), None));
        Staged {
            set: set.collect(),
            deleted: deleted.iter().map(|k| (*k).to_owned()).collect(),
        }
    }

    #[test]
    fn two_calls_leave_what_one_after_the_other_would() {
        let first = staged(&[("a", "1"), ("b", "1"), ("c", "1")], &["d"]);
        let second = staged(&[("b", "2"), ("d", "2")], &["c"]);
        let mut one_by_one = BTreeMap::from([("d".to_owned(), b"0".to_vec())]);
        let mut together = one_by_one.clone();
        first.apply_to(&mut one_by_one, 0);
        second.apply_to(&mut one_by_one, 0);
        let mut both = first;
        both.extend(second);
        both.apply_to(&mut together, 0);
        assert_eq!(one_by_one, together);
        let kept: Vec<&str> = together.keys().map(String::as_str).collect();
        assert_eq!(kept, ["a", "b", "d"]);
        assert_eq!(together["d"], b"2");
    }

    #[test]
    fn what_has_expired_is_not_seen() {
        let mut state = BTreeMap::from([("a".to_owned(), b"0".to_vec())]);
        let late = Staged {
            set: vec![("a".to_owned(), b"1".to_vec(), Some(5))],
            deleted: Vec::new(),
        };
        late.apply_to(&mut state, 5);
        assert!(state.is_empty());
        late.apply_to(&mut state, 4);
        assert_eq!(state["a"], b"1");
    }
}

/// What a call used; the limits stand in [`crate::Compiled::limits`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Computing time in steps of 10 ms.
    pub cpu_ms: u64,
    /// From the call to the answer.
    pub wall_ms: u64,
    /// Largest linear memory.
    pub memory_bytes: u64,
    /// Requests of HTTP.
    pub http_calls: u32,
    /// Bytes of answers of HTTP.
    pub http_bytes: u64,
    /// Mails fetched over IMAP.
    pub mails: u32,
    /// Lines that were kept.
    pub log_lines: u32,
    /// Lines that were dropped.
    pub log_dropped: u32,
    /// Wishes that were denied because of a missing grant.
    pub denied: u32,
}

/// A guest's answer with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The answer, checked.
    pub value: T,
    /// To be committed together with it.
    pub staged: Staged,
    /// What it took.
    pub used: Used,
}

impl<T> Answer<T> {
    pub(crate) fn try_map<U, E>(
        self,
        work: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<Answer<U>, E> {
        Ok(Answer {
            value: work(self.value)?,
            staged: self.staged,
            used: self.used,
        })
    }
}
