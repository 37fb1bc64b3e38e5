//! The host's own forms of what crosses the border. They follow `plugin-sdk/wit`, which holds the
//! meaning of every field; here are only units and differences.

/// Open key/value pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Key.
    pub name: String,
    /// Value.
    pub value: String,
}

/// What the host does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A failure that the plugin answered.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
