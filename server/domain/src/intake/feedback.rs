//! One voice: as it arrives ([`Incoming`]) and as it is kept ([`Feedback`]).
//!
//! # Limits
//! All in bytes of UTF-8 unless said otherwise; what is above is refused with `too_long`,
//! `too_many` or `out_of_range`, never cut.
//!
//! | what | limit |
//! |---|---|
//! | `channel` | [`MAX_CHANNEL`] |
//! | `external_id`, `customer_ref`, `thread_id`, `agent_ref`, `article` | [`MAX_ID`] |
//! | `text`, and all turns together | [`MAX_TEXT`] |
//! | turns | [`MAX_TURNS`] |
//! | `title`, `query` | [`MAX_TITLE`] |
//! | `url` | [`MAX_URL`] |
//! | `customer_tier`, `team`, `region`, `business_line`, `process_step`, `topic`, `cause` | [`MAX_WORD`] |
//! | `language`, `kind`, `sentiment`, `handled_by` | [`MAX_CODE`] |
//! | `attributes` | [`MAX_ATTRIBUTES`] of names of [`MAX_ATTRIBUTE_NAME`] and values of [`MAX_ATTRIBUTE`] |
//! | seconds | 0 to [`MAX_SECONDS`] |
//! | `compensation_cents` | 0 to [`MAX_CENTS`] |
//! | `hits` | 0 to 4294967295 |
//! | `script_score` | −1000000 to 1000000 |
//! | `occurred_at` | 1990 to [`MAX_FUTURE`] after now |

use super::values::{
    ExcelEpoch, Mark, Scalar, TimeError, is_default_mark, number_text, parse_bool, parse_mark,
    parse_number, parse_seconds, parse_time,
};
use crate::clock::{Timestamp, local_day};
use crate::text::{mask, turns};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// See the table of limits.
pub const MAX_CHANNEL: usize = 64;
/// See the table of limits.
pub const MAX_ID: usize = 512;
/// See the table of limits.
pub const MAX_TEXT: usize = 64 * 1024;
/// See the table of limits.
pub const MAX_TURNS: usize = 2_000;
/// See the table of limits.
pub const MAX_TITLE: usize = 4 * 1024;
/// See the table of limits.
pub const MAX_URL: usize = 4 * 1024;
/// See the table of limits.
pub const MAX_WORD: usize = 256;
/// See the table of limits.
pub const MAX_CODE: usize = 64;
/// See the table of limits.
pub const MAX_ATTRIBUTES: usize = 64;
/// See the table of limits.
pub const MAX_ATTRIBUTE_NAME: usize = 128;
/// See the table of limits.
pub const MAX_ATTRIBUTE: usize = 8 * 1024;
/// A year, in seconds.
pub const MAX_SECONDS: f64 = 366.0 * 86_400.0;
/// Ten thousand million yuan, in cents.
pub const MAX_CENTS: f64 = 1.0e12;
/// Clocks differ; days do not.
pub const MAX_FUTURE: TimeDelta = TimeDelta::hours(24);

/// The names of all fields of [`Incoming`]: the API's record, the columns of an import and the
/// record of a connector. A test compares the three.
pub const FIELDS: [&str; 40] = [
    "channel",
    "external_id",
    "occurred_at",
    "text",
    "turns",
    "kind",
    "rating",
    "rating_max",
    "nps",
    "ces",
    "invited",
    "customer_ref",
    "customer_tier",
    "agent_ref",
    "team",
    "region",
    "business_line",
    "language",
    "title",
    "url",
    "thread_id",
    "process_step",
    "handle_seconds",
    "talk_seconds",
    "after_seconds",
    "response_seconds",
    "resolved",
    "resolved_first_contact",
    "handled_by",
    "transferred",
    "script_score",
    "compensation_cents",
    "query",
    "hits",
    "article",
    "helpful",
    "topic",
    "cause",
    "sentiment",
    "attributes",
];

/// A turn as it arrives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncomingTurn {
    /// Who speaks.
    pub speaker: Speaker,
    /// When, if known; read as `occurred_at`.
    #[serde(default)]
    pub at: Option<Scalar>,
    /// What was said.
    pub text: String,
}

/// One voice as it arrives, from the API, a file or a connector. Figures, marks and times may be
/// numbers or text; everything else has one type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Incoming {
    /// Key of the channel. Required.
    pub channel: Option<String>,
    /// The sender's own identifier; with `channel` it identifies the voice.
    pub external_id: Option<String>,
    /// When the customer spoke.
    pub occurred_at: Option<Scalar>,
    /// What the customer wrote, or a transcript with `客服:`/`用户:` prefixes.
    pub text: Option<String>,
    /// A transcript, turn by turn; then `text` must be empty.
    pub turns: Option<Vec<IncomingTurn>>,
    /// What kind of voice; default `ticket`.
    pub kind: Option<String>,
    /// The mark: 1 to `rating_max`, or words.
    pub rating: Option<Scalar>,
    /// Best mark of the scale; default 5.
    pub rating_max: Option<Scalar>,
    /// Likelihood to recommend, 0 to 10.
    pub nps: Option<Scalar>,
    /// Customer effort, 1 to 7.
    pub ces: Option<Scalar>,
    /// Whether a rating was asked for.
    pub invited: Option<Scalar>,
    /// The sender's identifier of the customer; kept as keyed hash only.
    pub customer_ref: Option<String>,
    /// VIP, gold …
    pub customer_tier: Option<String>,
    /// Who served the customer.
    pub agent_ref: Option<String>,
    /// That person's team.
    pub team: Option<String>,
    /// Where.
    pub region: Option<String>,
    /// Line of business.
    pub business_line: Option<String>,
    /// Language tag: `zh`, `en` …
    pub language: Option<String>,
    /// Subject or headline.
    pub title: Option<String>,
    /// Where a person can read the original.
    pub url: Option<String>,
    /// Groups voices of one conversation.
    pub thread_id: Option<String>,
    /// Step of the customer's journey.
    pub process_step: Option<String>,
    /// Handling time in seconds.
    pub handle_seconds: Option<Scalar>,
    /// Talking time in seconds.
    pub talk_seconds: Option<Scalar>,
    /// After-call work in seconds.
    pub after_seconds: Option<Scalar>,
    /// Time to the first answer in seconds.
    pub response_seconds: Option<Scalar>,
    /// Whether the customer's matter was settled.
    pub resolved: Option<Scalar>,
    /// Whether it was settled at the first contact.
    pub resolved_first_contact: Option<Scalar>,
    /// `bot` or `human`.
    pub handled_by: Option<String>,
    /// Whether the contact was passed on.
    pub transferred: Option<Scalar>,
    /// Score of script adherence, the sender's scale.
    pub script_score: Option<Scalar>,
    /// What was paid to the customer, in cents.
    pub compensation_cents: Option<Scalar>,
    /// `search`: what was looked for.
    pub query: Option<String>,
    /// `search`: how many hits.
    pub hits: Option<Scalar>,
    /// `article_vote`: which article.
    pub article: Option<String>,
    /// `article_vote`: the vote.
    pub helpful: Option<Scalar>,
    /// A topic that the sender is sure of.
    pub topic: Option<String>,
    /// A cause that the sender is sure of.
    pub cause: Option<String>,
    /// A sentiment that the sender is sure of.
    pub sentiment: Option<String>,
    /// Everything else; those declared as dimensions can be filtered by.
    pub attributes: Option<BTreeMap<String, String>>,
}

impl Incoming {
    /// Reads one item of JSON. Unlike plain `serde`, the refusal names the field.
    pub fn from_json(value: serde_json::Value) -> Result<Self, Rejection> {
        let error = match serde_json::from_value::<Self>(value.clone()) {
            Ok(incoming) => return Ok(incoming),
            Err(error) => error,
        };
        let serde_json::Value::Object(object) = value else {
            return Err(Rejection::new(
                Code::WrongType,
                "",
                "an item must be an object",
            ));
        };
        for (name, value) in object {
            if !FIELDS.contains(&name.as_str()) {
                let name: String = name.chars().take(64).collect();
                return Err(Rejection::new(Code::UnknownField, name, "unknown field"));
            }
            let mut alone = serde_json::Map::new();
            alone.insert(name.clone(), value);
            if let Err(error) = serde_json::from_value::<Self>(serde_json::Value::Object(alone)) {
                return Err(Rejection::new(Code::WrongType, name, wrong_type(&error)));
            }
        }
        Err(Rejection::new(Code::WrongType, "", wrong_type(&error)))
    }
}

/// serde's message without the value: values may hold personal data.
fn wrong_type(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.find("expected") {
        Some(at) => message[at..].to_owned(),
        None if message.contains("did not match any variant") => {
            "expected a number, text or yes/no".to_owned()
        }
        None if message.starts_with("missing field") || message.starts_with("unknown variant") => {
            message
                .split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        }
        None => "wrong type".to_owned(),
    }
}

// ---------------------------------------------------------------- kinds

/// What kind of voice.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Telephone call.
    Call,
    /// Chat.
    Chat,
    /// E-mail.
    Email,
    /// Post on a social network.
    Social,
    /// Review in a shop or app store.
    Review,
    /// Answer to a survey.
    Survey,
    /// Work order, complaint, case.
    #[default]
    Ticket,
    /// Search in a help centre.
    Search,
    /// Vote on a help article.
    ArticleVote,
    /// An employee's remark about customers.
    Voe,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Call,
        Self::Chat,
        Self::Email,
        Self::Social,
        Self::Review,
        Self::Survey,
        Self::Ticket,
        Self::Search,
        Self::ArticleVote,
        Self::Voe,
    ];

    /// The name in the API and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Chat => "chat",
            Self::Email => "email",
            Self::Social => "social",
            Self::Review => "review",
            Self::Survey => "survey",
            Self::Ticket => "ticket",
            Self::Search => "search",
            Self::ArticleVote => "article_vote",
            Self::Voe => "voe",
        }
    }

    /// Reads the name, or what Chinese exports write instead.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let t = text.trim().to_lowercase();
        Self::ALL
            .into_iter()
            .find(|k| k.as_str() == t)
            .or(match t.as_str() {
                "电话" | "来电" | "呼入" | "通话" | "语音" | "phone" => Some(Self::Call),
                "在线" | "在线客服" | "聊天" | "会话" | "im" => Some(Self::Chat),
                "邮件" | "e-mail" | "mail" => Some(Self::Email),
                "社交媒体" | "微博" | "论坛" => Some(Self::Social),
                "评论" | "评价" => Some(Self::Review),
                "问卷" | "调研" | "调查" => Some(Self::Survey),
                "工单" | "投诉" | "留言" | "case" | "complaint" => Some(Self::Ticket),
                "搜索" => Some(Self::Search),
                "文章评价" => Some(Self::ArticleVote),
                "员工反馈" | "员工之声" => Some(Self::Voe),
                _ => None,
            })
    }

    /// Which counts this kind belongs to.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::Survey => Class::Survey,
            Self::Search => Class::Search,
            Self::ArticleVote => Class::Vote,
            Self::Voe => Class::Voe,
            Self::Call | Self::Chat | Self::Email | Self::Social | Self::Review | Self::Ticket => {
                Class::Contact
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

pub use crate::facts::Class;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The customer: classified and quoted.
    Customer,
    /// An employee.
    Agent,
    /// A program.
    Bot,
}

impl Speaker {
    /// The name in the API and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::Bot => "bot",
        }
    }
}

/// One turn of a conversation, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub speaker: Speaker,
    /// When, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What was said, masked.
    pub text: String,
}

/// Who handled a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandledBy {
    /// A program alone.
    Bot,
    /// A person.
    Human,
}

/// What a sender says a customer felt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sentiment {
    /// Unhappy.
    Negative,
    /// Neither.
    Neutral,
    /// Happy.
    Positive,
    /// Both.
    Mixed,
}

impl Sentiment {
    /// The name in the API and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Neutral => "neutral",
            Self::Positive => "positive",
            Self::Mixed => "mixed",
        }
    }

    /// Reads the name, or its Chinese.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_lowercase().as_str() {
            "negative" | "neg" | "负面" | "消极" | "负向" => Self::Negative,
            "neutral" | "neu" | "中性" | "中立" => Self::Neutral,
            "positive" | "pos" | "正面" | "积极" | "正向" => Self::Positive,
            "mixed" | "混合" => Self::Mixed,
            _ => return None,
        })
    }
}

// ---------------------------------------------------------------- refusals

/// Why a voice was refused. Stable: programs compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A required field is missing.
    MissingField,
    /// A field that does not exist.
    UnknownField,
    /// A field of another JSON type.
    WrongType,
    /// Longer than its limit.
    TooLong,
    /// More entries than allowed.
    TooMany,
    /// A `kind` that does not exist.
    UnknownKind,
    /// Another closed list does not hold this value.
    UnknownValue,
    /// No voice of that channel and id is known.
    Unknown,
    /// A mark outside its scale.
    RatingOutOfRange,
    /// Not a mark.
    BadRating,
    /// Not a time, or a time nobody can mean.
    BadTime,
    /// More than 24 hours in the future.
    FutureTime,
    /// Not a number, duration or yes/no.
    BadValue,
    /// A figure outside its limits.
    OutOfRange,
    /// Neither text nor mark nor anything else that says something.
    Empty,
    /// Two fields contradict each other.
    Conflict,
}

impl Code {
    /// The code in answers and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingField => "missing_field",
            Self::UnknownField => "unknown_field",
            Self::WrongType => "wrong_type",
            Self::TooLong => "too_long",
            Self::TooMany => "too_many",
            Self::UnknownKind => "unknown_kind",
            Self::UnknownValue => "unknown_value",
            Self::Unknown => "unknown",
            Self::RatingOutOfRange => "rating_out_of_range",
            Self::BadRating => "bad_rating",
            Self::BadTime => "bad_time",
            Self::FutureTime => "future_time",
            Self::BadValue => "bad_value",
            Self::OutOfRange => "out_of_range",
            Self::Empty => "empty",
            Self::Conflict => "conflict",
        }
    }
}

/// A refusal of one voice. Never quotes the voice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}: {detail} ({})", code.as_str())]
pub struct Rejection {
    /// Stable reason.
    pub code: Code,
    /// Field it is about; empty for the whole item.
    pub field: String,
    /// For people, English.
    pub detail: String,
}

impl Rejection {
    /// A refusal.
    pub fn new(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code,
            field: field.into(),
            detail: detail.into(),
        }
    }
}

// ---------------------------------------------------------------- rules

/// Which marks count as satisfied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatingRule {
    /// Top two of five, top of two or three, 8 and more of ten; on other scales 80 % and more of the
    /// best mark.
    #[default]
    Standard,
    /// The channel's own: this mark and better.
    AtLeast(f64),
}

/// What [`normalise`] needs to know besides the voice.
pub struct Rules<'a> {
    /// Zone of times without one, and of the calendar day.
    pub zone: Tz,
    /// Keyed hash (the installation's secret), of at least 128 bits, as text safe in URLs: for
    /// customers, missing identifiers and identifiers that are personal data. Must never change.
    pub hash: &'a dyn Fn(&[u8]) -> String,
    /// The channel's rule for marks.
    pub rating: RatingRule,
    /// Best mark where the voice does not say; normally 5.
    pub rating_max: f64,
    /// Kind where the voice does not say: the channel's, else `ticket`.
    pub kind: Kind,
    /// Time of voices without one (an import can set one date for all).
    pub occurred_at: Option<Timestamp>,
    /// How day numbers count.
    pub excel_epoch: ExcelEpoch,
}

impl<'a> Rules<'a> {
    /// The usual rules.
    pub fn new(zone: Tz, hash: &'a dyn Fn(&[u8]) -> String) -> Self {
        Self {
            zone,
            hash,
            rating: RatingRule::Standard,
            rating_max: 5.0,
            kind: Kind::Ticket,
            occurred_at: None,
            excel_epoch: ExcelEpoch::Y1900,
        }
    }
}

/// A mark, mapped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// 1 to 5; 4 and 5 exactly when satisfied, so that `r4 + r5` of the facts is CSAT.
    pub band: u8,
    /// Whether the customer counts as satisfied.
    pub satisfied: bool,
    /// The mark as given.
    pub value: f64,
    /// Best mark of its scale.
    pub max: f64,
    /// How it was mapped: `>=4/5`, `>=8/10`; with `channel:` in front where the channel decided.
    pub rule: String,
}

/// Maps a mark of 1…`max` to satisfied or not and to five bands.
#[must_use]
pub fn map_rating(value: f64, max: f64, rule: RatingRule) -> Option<Rating> {
    if !value.is_finite() || !(2.0..=100.0).contains(&max) || !(1.0..=max).contains(&value) {
        return None;
    }
    let (least, prefix) = match rule {
        RatingRule::AtLeast(least) => (least, "channel:"),
        RatingRule::Standard if max <= 3.0 => (max, ""),
        RatingRule::Standard => ((max * 0.8 * 1e6).round() / 1e6, ""),
    };
    let satisfied = value >= least;
    let linear = 1.0 + ((value - 1.0) / (max - 1.0) * 4.0).round();
    let band = if satisfied {
        linear.clamp(4.0, 5.0)
    } else {
        linear.clamp(1.0, 3.0)
    } as u8;
    let rule = format!("{prefix}>={}/{}", number_text(least), number_text(max));
    Some(Rating {
        band,
        satisfied,
        value,
        max,
        rule,
    })
}

// ---------------------------------------------------------------- the clean record

/// Optional figures of a voice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Handling time in seconds.
    pub handle_seconds: Option<u32>,
    /// Talking time in seconds.
    pub talk_seconds: Option<u32>,
    /// After-call work in seconds.
    pub after_seconds: Option<u32>,
    /// Time to the first answer in seconds.
    pub response_seconds: Option<u32>,
    /// Whether the matter was settled.
    pub resolved: Option<bool>,
    /// Whether it was settled at the first contact.
    pub resolved_first_contact: Option<bool>,
    /// Who handled it.
    pub handled_by: Option<HandledBy>,
    /// Whether it was passed on.
    pub transferred: Option<bool>,
    /// Script adherence, the sender's scale.
    pub script_score: Option<f64>,
    /// What was paid, in cents.
    pub compensation_cents: Option<i64>,
    /// `search`: how many hits.
    pub hits: Option<u32>,
    /// `article_vote`: the vote.
    pub helpful: Option<bool>,
}

/// Labels that the sender is sure of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GivenLabels {
    /// Topic: a key or a name; unknown ones become proposed topics.
    pub topic: Option<String>,
    /// Cause.
    pub cause: Option<String>,
    /// Sentiment.
    pub sentiment: Option<Sentiment>,
}

/// A clean voice: checked, masked, mapped. All text in it may be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// Key of the channel.
    pub channel: String,
    /// Identifier inside the channel: the sender's (hashed where it is personal data), else
    /// `h-` and a hash of channel, time, customer and text.
    pub external_id: String,
    /// Whether the sender gave `external_id`.
    pub has_own_id: bool,
    /// Hash of all content: equal means duplicate, other means a new revision.
    pub content_hash: String,
    /// What kind of voice.
    pub kind: Kind,
    /// Which counts it belongs to.
    pub class: Class,
    /// When; `None`: undated, outside facts.
    pub occurred_at: Option<Timestamp>,
    /// The organisation's calendar day of `occurred_at`.
    pub day: Option<NaiveDate>,
    /// What the customer said, masked; of a transcript only the customer's turns, a line each.
    pub text: String,
    /// The transcript, masked; empty where there is none.
    pub turns: Vec<Turn>,
    /// The mark, if there is a real one.
    pub rating: Option<Rating>,
    /// Likelihood to recommend, 0 to 10.
    pub nps: Option<u8>,
    /// Customer effort, 1 to 7.
    pub ces: Option<u8>,
    /// Whether a rating was asked for.
    pub invited: Option<bool>,
    /// Keyed hash of the customer.
    pub customer_hash: Option<String>,
    /// VIP, gold …
    pub customer_tier: Option<String>,
    /// Who served; hashed where it is personal data.
    pub agent_ref: Option<String>,
    /// That person's team.
    pub team: Option<String>,
    /// Where.
    pub region: Option<String>,
    /// Line of business.
    pub business_line: Option<String>,
    /// Language tag, lower case.
    pub language: Option<String>,
    /// Headline, masked.
    pub title: Option<String>,
    /// Where a person can read the original, masked.
    pub url: Option<String>,
    /// Groups voices of one conversation; hashed where it is personal data.
    pub thread_id: Option<String>,
    /// Step of the customer's journey.
    pub process_step: Option<String>,
    /// `search`: what was looked for, masked.
    pub query: Option<String>,
    /// `article_vote`: which article.
    pub article: Option<String>,
    /// Figures.
    pub figures: Figures,
    /// Labels that the sender is sure of.
    pub labels: GivenLabels,
    /// Everything else, masked.
    pub attributes: BTreeMap<String, String>,
    /// How much personal data was masked in this voice.
    pub masked: mask::Counts,
}

// ---------------------------------------------------------------- normalise

/// Removes what no reader can see and some databases refuse: control characters (but line breaks
/// and tabs), byte order marks, zero-width and direction characters; line ends become `\n`; trimmed.
#[must_use]
pub fn clean(text: &str) -> String {
    let dirty = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c,
                '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
                | '\u{feff}' | '\u{ad}' | '\u{fff9}'..='\u{fffb}')
    };
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || dirty(c));
    if !trimmed.chars().any(dirty) {
        return trimmed.to_owned();
    }
    let mut out = String::with_capacity(trimmed.len());
    let mut chars = trimmed.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\r' {
            if chars.peek() != Some(&'\n') {
                out.push('\n');
            }
        } else if !dirty(c) {
            out.push(c);
        }
    }
    out
}

/// Turns what arrived into a clean voice, or says why not. Pure: equal input, rules and hour give
/// equal output.
pub fn normalise(
    incoming: Incoming,
    rules: &Rules<'_>,
    now: Timestamp,
) -> Result<Feedback, Rejection> {
    let channel = word("channel", incoming.channel, MAX_CHANNEL)?
        .ok_or_else(|| Rejection::new(Code::MissingField, "channel", "channel is required"))?;
    let kind = match word("kind", incoming.kind, MAX_CODE)? {
        None => rules.kind,
        Some(kind) => Kind::parse(&kind)
            .ok_or_else(|| Rejection::new(Code::UnknownKind, "kind", "no such kind"))?,
    };
    let occurred_at = match &incoming.occurred_at {
        None => None,
        Some(at) => time("occurred_at", at, rules)?,
    }
    .or(rules.occurred_at);
    if occurred_at.is_some_and(|at| at > now + MAX_FUTURE) {
        return Err(Rejection::new(
            Code::FutureTime,
            "occurred_at",
            "more than 24 hours in the future",
        ));
    }

    let mut found = mask::Counts::default();
    let given_id = word("external_id", incoming.external_id, MAX_ID)?;
    let customer = word("customer_ref", incoming.customer_ref, MAX_ID)?;
    let title = word("title", incoming.title, MAX_TITLE)?;
    let query = word("query", incoming.query, MAX_TITLE)?;
    let mut raw_text = word("text", incoming.text, MAX_TEXT)?.unwrap_or_default();
    let raw_turns = match incoming.turns {
        Some(given) if !given.is_empty() => {
            if !raw_text.is_empty() {
                return Err(Rejection::new(
                    Code::Conflict,
                    "turns",
                    "give either text or turns",
                ));
            }
            given_turns(given, rules)?
        }
        _ if kind == Kind::Voe => Vec::new(),
        _ => {
            let split = turns::split(&raw_text);
            if split.len() > MAX_TURNS {
                return Err(Rejection::new(
                    Code::TooMany,
                    "text",
                    "more than 2000 turns",
                ));
            }
            split
                .into_iter()
                .map(|t| Turn {
                    speaker: t.speaker,
                    at: None,
                    text: t.text.to_owned(),
                })
                .collect()
        }
    };
    if !raw_turns.is_empty() {
        raw_text = raw_turns
            .iter()
            .filter(|t| t.speaker == Speaker::Customer && !t.text.is_empty())
            .map(|t| t.text.as_str())
            .collect::<Vec<_>>()
            .join("\n");
    }
    if raw_text.is_empty() && raw_turns.is_empty() {
        if let Some(query) = query.as_ref().filter(|_| kind == Kind::Search) {
            raw_text = query.clone();
        } else if let Some(title) = &title {
            raw_text = title.clone();
        }
    }

    let rating = rating(
        incoming.rating.as_ref(),
        incoming.rating_max.as_ref(),
        &raw_text,
        rules,
    )?;
    let nps = small("nps", incoming.nps.as_ref(), 0.0, 10.0)?;
    let ces = small("ces", incoming.ces.as_ref(), 1.0, 7.0)?;
    let figures = Figures {
        handle_seconds: seconds("handle_seconds", incoming.handle_seconds.as_ref())?,
        talk_seconds: seconds("talk_seconds", incoming.talk_seconds.as_ref())?,
        after_seconds: seconds("after_seconds", incoming.after_seconds.as_ref())?,
        response_seconds: seconds("response_seconds", incoming.response_seconds.as_ref())?,
        resolved: yes_no("resolved", incoming.resolved.as_ref())?,
        resolved_first_contact: yes_no(
            "resolved_first_contact",
            incoming.resolved_first_contact.as_ref(),
        )?,
        handled_by: handled_by(word("handled_by", incoming.handled_by, MAX_CODE)?)?,
        transferred: yes_no("transferred", incoming.transferred.as_ref())?,
        script_score: number(
            "script_score",
            incoming.script_score.as_ref(),
            -1.0e6,
            1.0e6,
        )?,
        compensation_cents: number(
            "compensation_cents",
            incoming.compensation_cents.as_ref(),
            0.0,
            MAX_CENTS,
        )?
        .map(|n| n.round() as i64),
        hits: number("hits", incoming.hits.as_ref(), 0.0, f64::from(u32::MAX))?
            .map(|n| n.round() as u32),
        helpful: yes_no("helpful", incoming.helpful.as_ref())?,
    };
    let topic = word("topic", incoming.topic, MAX_WORD)?;
    let cause = word("cause", incoming.cause, MAX_WORD)?;
    let sentiment = match word("sentiment", incoming.sentiment, MAX_CODE)? {
        None => None,
        Some(text) => Some(Sentiment::parse(&text).ok_or_else(|| {
            Rejection::new(
                Code::UnknownValue,
                "sentiment",
                "positive, negative, neutral or mixed",
            )
        })?),
    };
    let article = word("article", incoming.article, MAX_ID)?;
    let says_something = !raw_text.is_empty()
        || !raw_turns.is_empty()
        || rating.is_some()
        || nps.is_some()
        || ces.is_some()
        || topic.is_some()
        || (kind == Kind::ArticleVote && article.is_some());
    if !says_something {
        return Err(Rejection::new(
            Code::Empty,
            "text",
            "neither text nor rating nor topic",
        ));
    }

    let mut masked = |text: &str| {
        let masked = mask(text);
        found += masked.found;
        masked.text
    };
    let turns: Vec<Turn> = raw_turns
        .iter()
        .map(|t| Turn {
            speaker: t.speaker,
            at: t.at,
            text: masked(&t.text),
        })
        .collect();
    let text = if turns.is_empty() {
        masked(&raw_text)
    } else {
        turns
            .iter()
            .filter(|t| t.speaker == Speaker::Customer && !t.text.is_empty())
            .map(|t| t.text.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let mut plain = |name: &str, value: Option<String>, limit: usize| {
        word(name, value, limit).map(|value| value.map(|v| masked(&v)))
    };
    let customer_tier = plain("customer_tier", incoming.customer_tier, MAX_WORD)?;
    let team = plain("team", incoming.team, MAX_WORD)?;
    let region = plain("region", incoming.region, MAX_WORD)?;
    let business_line = plain("business_line", incoming.business_line, MAX_WORD)?;
    let process_step = plain("process_step", incoming.process_step, MAX_WORD)?;
    let url = plain("url", incoming.url, MAX_URL)?;
    let language = plain("language", incoming.language, MAX_CODE)?.map(|l| l.to_lowercase());
    let title = plain("title", title, MAX_TITLE)?;
    let query = plain("query", query, MAX_TITLE)?;
    let topic = plain("topic", topic, MAX_WORD)?;
    let cause = plain("cause", cause, MAX_WORD)?;
    let given_attributes = incoming.attributes.unwrap_or_default();
    if given_attributes.len() > MAX_ATTRIBUTES {
        return Err(Rejection::new(
            Code::TooMany,
            "attributes",
            "more than 64 attributes",
        ));
    }
    let mut attributes = BTreeMap::new();
    for (name, value) in given_attributes {
        let Some(name) = word("attributes", Some(name), MAX_ATTRIBUTE_NAME)? else {
            continue;
        };
        if let Some(value) = plain("attributes", Some(value), MAX_ATTRIBUTE)? {
            attributes.insert(
                plain("attributes", Some(name), usize::MAX)?.unwrap_or_default(),
                value,
            );
        }
    }

    let id = |name: &str, value: Option<String>, domain: &str| {
        word(name, value, MAX_ID).map(|value| {
            value.map(|v| {
                if mask::is_personal(&v) {
                    format!("p-{}", hashed(rules, domain, &[&v]))
                } else {
                    v
                }
            })
        })
    };
    let agent_ref = id("agent_ref", incoming.agent_ref, "agent")?;
    let thread_id = id("thread_id", incoming.thread_id, "thread")?;
    let article = id("article", article, "article")?;
    let has_own_id = given_id.is_some();
    let at_text = occurred_at
        .map(|at| at.timestamp_micros().to_string())
        .unwrap_or_default();
    let turns_text = || {
        raw_turns
            .iter()
            .map(|t| format!("{}\u{1f}{}\u{1e}", t.speaker.as_str(), t.text))
            .collect::<String>()
    };
    let external_id = match given_id {
        Some(given) => id("external_id", Some(given), "external_id")?.unwrap_or_default(),
        None => {
            let said = if raw_turns.is_empty() {
                raw_text.clone()
            } else {
                turns_text()
            };
            let customer = customer.as_deref().unwrap_or_default();
            format!(
                "h-{}",
                hashed(rules, "identity", &[&channel, &at_text, customer, &said])
            )
        }
    };
    let customer_hash = customer.map(|c| hashed(rules, "customer", &[&c]));

    let mut feedback = Feedback {
        day: occurred_at.map(|at| local_day(at, rules.zone)),
        class: kind.class(),
        content_hash: String::new(),
        labels: GivenLabels {
            topic,
            cause,
            sentiment,
        },
        invited: yes_no("invited", incoming.invited.as_ref())?,
        masked: mask::Counts::default(),
        channel,
        external_id,
        has_own_id,
        kind,
        occurred_at,
        text,
        turns,
        rating,
        nps,
        ces,
        customer_hash,
        customer_tier,
        agent_ref,
        team,
        region,
        business_line,
        language,
        title,
        url,
        thread_id,
        process_step,
        query,
        article,
        figures,
        attributes,
    };
    feedback.content_hash = content_hash(&feedback, &raw_text, &turns_text(), rules);
    feedback.masked = found;
    Ok(feedback)
}

/// Hash of everything the sender said. The text goes in unmasked, so that a better mask of a later
/// version does not make every voice that is sent again look changed.
fn content_hash(feedback: &Feedback, text: &str, turns: &str, rules: &Rules<'_>) -> String {
    let Feedback {
        channel: _,
        external_id: _,
        has_own_id: _,
        content_hash: _,
        kind,
        class: _,
        occurred_at,
        day: _,
        text: _,
        turns: _,
        rating,
        nps,
        ces,
        invited,
        customer_hash,
        customer_tier,
        agent_ref,
        team,
        region,
        business_line,
        language,
        title,
        url,
        thread_id,
        process_step,
        query,
        article,
        figures,
        labels,
        attributes,
        masked: _,
    } = feedback;
    let rest = serde_json::json!([
        kind,
        occurred_at.map(|at| at.timestamp_micros()),
        rating.as_ref().map(|r| (r.value, r.max)),
        nps,
        ces,
        invited,
        customer_hash,
        customer_tier,
        agent_ref,
        team,
        region,
        business_line,
        language,
        title,
        url,
        thread_id,
        process_step,
        query,
        article,
        figures,
        labels,
        attributes,
    ]);
    hashed(rules, "content", &[text, turns, &rest.to_string()])
}

/// Hash of several parts, each with its length in front, so that no two lists look alike.
fn hashed(rules: &Rules<'_>, domain: &str, parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in std::iter::once(&domain).chain(parts) {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    (rules.hash)(&bytes)
}

/// A cleaned text inside its limit; `None` when nothing is left.
fn word(field: &str, value: Option<String>, limit: usize) -> Result<Option<String>, Rejection> {
    let Some(value) = value else { return Ok(None) };
    let value = clean(&value);
    if value.len() > limit {
        return Err(Rejection::new(
            Code::TooLong,
            field,
            format!("{} bytes, at most {limit}", value.len()),
        ));
    }
    Ok(Some(value).filter(|v| !v.is_empty()))
}

fn time(field: &str, value: &Scalar, rules: &Rules<'_>) -> Result<Option<Timestamp>, Rejection> {
    parse_time(value, rules.zone, rules.excel_epoch)
        .map_err(|error: TimeError| Rejection::new(Code::BadTime, field, error.to_string()))
}

fn given_turns(given: Vec<IncomingTurn>, rules: &Rules<'_>) -> Result<Vec<Turn>, Rejection> {
    if given.len() > MAX_TURNS {
        return Err(Rejection::new(
            Code::TooMany,
            "turns",
            "more than 2000 turns",
        ));
    }
    let mut left = MAX_TEXT;
    let mut turns = Vec::with_capacity(given.len());
    for turn in given {
        let text = clean(&turn.text);
        left = left.checked_sub(text.len()).ok_or_else(|| {
            Rejection::new(
                Code::TooLong,
                "turns",
                format!("together more than {MAX_TEXT} bytes"),
            )
        })?;
        let at = match &turn.at {
            None => None,
            Some(at) => time("turns.at", at, rules)?,
        };
        if !text.is_empty() {
            turns.push(Turn {
                speaker: turn.speaker,
                at,
                text,
            });
        }
    }
    Ok(turns)
}

/// The mark, `None` where nobody rated. 0 on a scale of up to five is how many systems write "not
/// rated"; on longer scales it is refused, because there it may be the worst mark.
fn rating(
    value: Option<&Scalar>,
    max: Option<&Scalar>,
    text: &str,
    rules: &Rules<'_>,
) -> Result<Option<Rating>, Rejection> {
    let Some(value) = value else { return Ok(None) };
    let said_max = match max {
        None => None,
        Some(max) => number("rating_max", Some(max), 2.0, 100.0)?,
    };
    let mark = parse_mark(value).map_err(|()| {
        Rejection::new(
            Code::BadRating,
            "rating",
            "neither a number nor a known word",
        )
    })?;
    let Mark::Rated { value, max } = mark else {
        return Ok(None);
    };
    if is_default_mark(text) && text.chars().count() <= 24 {
        return Ok(None);
    }
    let max = max.or(said_max).unwrap_or(rules.rating_max);
    if value == 0.0 && max <= 5.0 {
        return Ok(None);
    }
    map_rating(value, max, rules.rating)
        .map(Some)
        .ok_or_else(|| {
            Rejection::new(
                Code::RatingOutOfRange,
                "rating",
                format!(
                    "{} is outside 1 to {}",
                    number_text(value),
                    number_text(max)
                ),
            )
        })
}

fn number(
    field: &str,
    value: Option<&Scalar>,
    least: f64,
    most: f64,
) -> Result<Option<f64>, Rejection> {
    let Some(value) = value else { return Ok(None) };
    let n =
        parse_number(value).map_err(|()| Rejection::new(Code::BadValue, field, "not a number"))?;
    within(field, n, least, most)
}

fn within(
    field: &str,
    value: Option<f64>,
    least: f64,
    most: f64,
) -> Result<Option<f64>, Rejection> {
    match value {
        Some(n) if !(least..=most).contains(&n) => Err(Rejection::new(
            Code::OutOfRange,
            field,
            format!("outside {} to {}", number_text(least), number_text(most)),
        )),
        other => Ok(other),
    }
}

fn seconds(field: &str, value: Option<&Scalar>) -> Result<Option<u32>, Rejection> {
    let Some(value) = value else { return Ok(None) };
    let n = parse_seconds(value)
        .map_err(|()| Rejection::new(Code::BadValue, field, "not a duration"))?;
    Ok(within(field, n, 0.0, MAX_SECONDS)?.map(|n| n.round() as u32))
}

fn small(
    field: &str,
    value: Option<&Scalar>,
    least: f64,
    most: f64,
) -> Result<Option<u8>, Rejection> {
    match number(field, value, least, most)? {
        Some(n) if n.fract() != 0.0 => {
            Err(Rejection::new(Code::BadValue, field, "not a whole number"))
        }
        n => Ok(n.map(|n| n as u8)),
    }
}

fn yes_no(field: &str, value: Option<&Scalar>) -> Result<Option<bool>, Rejection> {
    value
        .map_or(Ok(None), parse_bool)
        .map_err(|()| Rejection::new(Code::BadValue, field, "neither yes nor no"))
}

fn handled_by(value: Option<String>) -> Result<Option<HandledBy>, Rejection> {
    Ok(match value.map(|v| v.to_lowercase()).as_deref() {
        None | Some("-" | "无" | "null") => None,
        Some("bot" | "机器人" | "智能客服" | "robot" | "ai") => Some(HandledBy::Bot),
        Some("human" | "人工" | "agent" | "坐席" | "客服" | "人工客服") => {
            Some(HandledBy::Human)
        }
        Some(_) => {
            return Err(Rejection::new(
                Code::UnknownValue,
                "handled_by",
                "bot or human",
            ));
        }
    })
}
