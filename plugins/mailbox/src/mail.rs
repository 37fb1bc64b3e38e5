//! One message.

use mail_parser::{HeaderValue, Message, MessageParser};
use plugin_sdk::connector::{Item, Scalar};
use plugin_sdk::host::imap::Mail;
use plugin_sdk::{Attribute, time};

/// Longest text of a voice, in bytes; the host's limit of one.
const MAX_TEXT: usize = 60 * 1024;

/// What a message is.
pub enum Read {
    /// Somebody writes to us.
    Voice(Box<Item>),
    /// We write ourselves.
    Own,
    /// No message at all.
    Unreadable,
}

/// Reads a message as the server stored it.
pub fn read(mail: &Mail, folder: &str, own: &[String]) -> Read {
    let Some(message) = MessageParser::default().parse(&mail.raw) else {
        return Read::Unreadable;
    };
    let from = message
        .from()
        .and_then(|from| from.first())
        .and_then(|a| a.address())
        .map(str::to_lowercase);
    if message.headers().is_empty() || (from.is_none() && message.date().is_none()) {
        return Read::Unreadable;
    }
    let is_own = |address: &String| {
        own.iter().map(|o| o.trim().to_lowercase()).any(|own| {
            if own.starts_with('@') {
                address.ends_with(&own)
            } else {
                *address == own
            }
        })
    };
    if from.as_ref().is_some_and(is_own) {
        return Read::Own;
    }
    // The date of the writer when there is one that can be: spam lives in 1970 and 2040.
    let written = message
        .date()
        .map(|date| date.to_timestamp().saturating_mul(1000))
        .filter(|at| *at > 0 && mail.received_at.is_none_or(|got| *at <= got + 86_400_000));
    let text = message.body_text(0).map(|text| own_words(&text));
    let mut attributes = vec![Attribute {
        name: "folder".to_owned(),
        value: folder.to_owned(),
    }];
    let attachments = message.attachment_count();
    if attachments > 0 {
        attributes.push(Attribute {
            name: "attachments".to_owned(),
            value: attachments.to_string(),
        });
    }
    if mail.truncated {
        attributes.push(Attribute {
            name: "truncated".to_owned(),
            value: "true".to_owned(),
        });
    }
    let id = message.message_id().map(str::to_owned);
    let external_id = id.clone().unwrap_or_else(|| identity(&mail.raw));
    Read::Voice(Box::new(Item {
        external_id: cut(external_id, 500),
        occurred_at: written
            .or(mail.received_at)
            .map(|at| Scalar::Text(time::rfc3339(at))),
        kind: Some("email".to_owned()),
        title: message.subject().map(|s| cut(s.to_owned(), 4000)),
        text: text.filter(|t| !t.is_empty()).map(|t| cut(t, MAX_TEXT)),
        customer_ref: from,
        thread_id: thread(&message).or(id).map(|t| cut(t, 250)),
        attributes,
        ..Item::default()
    }))
}

/// The first message of the conversation: the head of `References`, else what this one answers.
fn thread(message: &Message<'_>) -> Option<String> {
    let first = |value: &HeaderValue<'_>| match value {
        HeaderValue::Text(id) => Some(id.to_string()),
        HeaderValue::TextList(ids) => ids.first().map(ToString::to_string),
        _ => None,
    };
    first(message.references()).or_else(|| first(message.in_reply_to()))
}

/// Identifier of a message that has none of its own: two hashes of its bytes (FNV-1a forwards and
/// backwards), so that the same message has the same one in every folder and after renumbering.
pub fn identity(raw: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let start = 0xcbf2_9ce4_8422_2325;
    let (there, back) = (
        raw.iter().fold(start, step),
        raw.iter().rev().fold(start, step),
    );
    format!("bytes-{there:016x}{back:016x}")
}

/// What the writer says now, without what was said before: quoted lines and everything behind the
/// line with which mail programs begin a quotation.
fn own_words(text: &str) -> String {
    let begins_quotation = |line: &str| {
        let line = line.trim();
        let dashes = line.starts_with("-----") || line.starts_with("_____");
        (dashes
            && ["原始邮件", "Original Message", "转发邮件", "Forwarded"]
                .iter()
                .any(|w| line.contains(w)))
            || line.starts_with("------------------ 原始邮件")
            || (line.starts_with("On ") && line.ends_with("wrote:"))
            || (line.starts_with('在') && (line.ends_with("写道：") || line.ends_with("写道:")))
    };
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines() {
        // A quotation at the very start is an answer below it: keep reading.
        if begins_quotation(line) && kept.iter().any(|l| !l.trim().is_empty()) {
            break;
        }
        if !line.trim_start().starts_with('>') {
            kept.push(line.trim_end());
        }
    }
    let own = kept.join("\n").trim().to_owned();
    if own.is_empty() {
        text.trim().to_owned()
    } else {
        own
    }
}

fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
    }
    text
}
