//! From a rendered mail to a message. What comes from people never reaches a header unfiltered.

use super::Rendered;
use super::letter::{Letter, Recipient, Thread};
use crate::config::Config;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::{ContentDisposition, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

/// A message that is ready to leave, and its parts for the mailbox.
pub struct Outgoing {
    /// As lettre sends it.
    pub message: Message,
    /// With angle brackets.
    pub message_id: String,
    /// Header fields, decoded.
    pub headers: BTreeMap<String, String>,
}

/// Text for a name or a subject: one line, no control, direction or zero-width characters. lettre
/// 0.11.23 panics on a line break in a display name.
#[must_use]
pub fn clean_name(text: &str, most: usize) -> String {
    let visible: String = text
        .chars()
        .map(|c| {
            if c.is_whitespace() || c == '\u{2028}' || c == '\u{2029}' {
                ' '
            } else {
                c
            }
        })
        .filter(|c| {
            !c.is_control()
                && !matches!(c,
                    '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
                    | '\u{2066}'..='\u{2069}' | '\u{feff}')
        })
        .take(most)
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

macro_rules! text_header {
    ($name:ident, $text:literal) => {
        #[derive(Clone)]
        struct $name(String);
        impl Header for $name {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($text)
            }
            fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(text.to_owned()))
            }
            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), self.0.clone())
            }
        }
    };
}

text_header!(AutoSubmitted, "Auto-Submitted");
text_header!(Precedence, "Precedence");
text_header!(ThreadTopic, "Thread-Topic");
text_header!(ThreadIndex, "Thread-Index");
text_header!(LoopMark, "X-Bihuan-Loop");

/// Right part of Message-IDs: the sender's domain.
fn host(from: &str) -> &str {
    from.rsplit_once('@').map_or("localhost", |(_, host)| host)
}

/// Identifiers of threads end in a UUIDv7: `task-…`, or the id of the first delivery.
fn thread_index(thread: &Thread, delivery_id: &str) -> Option<String> {
    let start = thread.root.len().checked_sub(36)?;
    let root = thread.root.get(start..)?.parse().ok()?;
    let mail = if thread.first {
        None
    } else {
        Some(delivery_id.parse().ok()?)
    };
    Some(STANDARD.encode(domain::mail::thread::conversation_index(root, mail)))
}

static CALENDAR: LazyLock<ContentType> = LazyLock::new(|| {
    ContentType::parse("text/calendar; charset=utf-8; method=PUBLISH")
        .unwrap_or(ContentType::TEXT_PLAIN)
});

/// The due date for the reader's calendar; the same event for all mails of the task.
fn calendar(config: &Config, delivery_id: &str, letter: &Letter, host: &str) -> Option<String> {
    let (title, due_at, link) = letter.due()?;
    let root = &letter.thread()?.root;
    let id: uuid::Uuid = delivery_id.parse().ok()?;
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Some(domain::mail::ics::due(&domain::mail::ics::Due {
        uid: &format!("{root}@{host}"),
        made_at: chrono::DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)?,
        due_at,
        title: &clean_name(title, 200),
        url: &format!("{}{link}", config.public_url),
    }))
}

/// Builds the message of a delivery. The same delivery always has the same Message-ID.
pub fn build(
    config: &Config,
    delivery_id: &str,
    to: &Recipient,
    letter: &Letter,
    rendered: &Rendered,
) -> Result<Outgoing, String> {
    let thread = letter.thread();
    let host = host(&config.mail_from);
    let own = match thread {
        Some(Thread {
            root, first: true, ..
        }) => root.clone(),
        _ => delivery_id.to_owned(),
    };
    let message_id = format!("<{own}@{host}>");
    let address = |text: &str| {
        text.parse::<Address>()
            .map_err(|e| format!("bad address: {e}"))
    };
    let from = Mailbox::new(Some("Bihuan 闭环".to_owned()), address(&config.mail_from)?);
    let name = clean_name(&to.name, 80);
    let recipient = Mailbox::new((!name.is_empty()).then_some(name), address(&to.email)?);
    let mut headers = BTreeMap::from([
        ("From".to_owned(), from.to_string()),
        ("To".to_owned(), recipient.to_string()),
        ("Subject".to_owned(), rendered.subject.clone()),
        ("Message-ID".to_owned(), message_id.clone()),
        ("Auto-Submitted".to_owned(), "auto-generated".to_owned()),
        ("Precedence".to_owned(), "list".to_owned()),
        ("X-Bihuan-Loop".to_owned(), delivery_id.to_owned()),
    ]);
    let mut builder = Message::builder()
        .from(from)
        .to(recipient)
        .subject(rendered.subject.clone())
        .message_id(Some(message_id.clone()))
        .header(AutoSubmitted("auto-generated".to_owned()))
        .header(Precedence("list".to_owned()))
        .header(LoopMark(delivery_id.to_owned()));
    let reply_to = config.mail_reply_to.as_deref().unwrap_or(&config.mail_from);
    builder = builder.reply_to(Mailbox::new(None, address(reply_to)?));
    headers.insert("Reply-To".to_owned(), reply_to.to_owned());
    if let Some(thread) = thread {
        let topic = clean_name(&thread.topic, 160);
        builder = builder.header(ThreadTopic(topic.clone()));
        headers.insert("Thread-Topic".to_owned(), topic);
        if let Some(index) = thread_index(thread, delivery_id) {
            builder = builder.header(ThreadIndex(index.clone()));
            headers.insert("Thread-Index".to_owned(), index);
        }
        if !thread.first {
            let root = format!("<{}@{host}>", thread.root);
            builder = builder.in_reply_to(root.clone()).references(root.clone());
            headers.insert("In-Reply-To".to_owned(), root.clone());
            headers.insert("References".to_owned(), root);
        }
    }
    let body = MultiPart::alternative()
        .singlepart(
            SinglePart::builder()
                .header(ContentType::TEXT_PLAIN)
                .body(rendered.text.clone()),
        )
        .singlepart(
            SinglePart::builder()
                .header(ContentType::TEXT_HTML)
                .body(rendered.html.clone()),
        );
    let body = match calendar(config, delivery_id, letter, host) {
        Some(calendar) => MultiPart::mixed().multipart(body).singlepart(
            SinglePart::builder()
                .header(CALENDAR.clone())
                .header(ContentDisposition::attachment("due.ics"))
                .body(calendar),
        ),
        None => body,
    };
    // Names and subjects are cleaned above; whatever lettre still refuses must not end the worker.
    let message = catch_unwind(AssertUnwindSafe(|| builder.multipart(body)))
        .map_err(|_| "the message could not be built".to_owned())?
        .map_err(|e| format!("the message could not be built: {e}"))?;
    Ok(Outgoing {
        message,
        message_id,
        headers,
    })
}
