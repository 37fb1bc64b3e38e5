//! Mails that come back: which of them a person wrote, what that person says, and what it means.
//!
//! ```text
//! parsed mail ─ bounce::read ──▶ a report of the mail system (RFC 3464)
//!             ├ automatic() ──▶ nobody wrote it: say why, answer nothing
//!             └ marks::find ──▶ which task, which person, and what proves it
//!                  └ quote::own_words ─▶ the last reply only
//!                        └ command::parse ─▶ what is to happen
//! ```
//!
//! Pure text in, decisions out. MIME, character sets and the network are the shell's.

pub mod automatic;
pub mod bounce;
pub mod command;
mod counted;
pub mod dates;
pub mod ics;
pub mod marks;
pub mod quote;
pub mod refusal;
pub mod schedule;
pub mod thread;

pub use automatic::{Automatic, automatic};

/// Bytes of a mail that are read and kept; a larger one is refused with a word to its sender.
pub const RAW_LIMIT: usize = 25 * 1024 * 1024;
/// Bytes of one attached file, as on the action page.
pub const FILE_LIMIT: usize = 10 * 1024 * 1024;
/// Files of one mail that are kept.
pub const FILES: usize = 10;
/// Characters of a reply that are read: what stands behind is a document, not an answer.
pub const TEXT_LIMIT: usize = 20_000;

/// A mail after MIME: everything decoded, nothing decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// Header fields in their order: name in lower case, value unfolded and decoded.
    pub headers: Vec<(String, String)>,
    /// Address of the writer, lower case.
    pub from: Option<String>,
    /// Subject, decoded.
    pub subject: String,
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// Message-IDs of `References` and `In-Reply-To`, nearest first, without angle brackets.
    pub references: Vec<String>,
    /// The text, or what the HTML says.
    pub text: String,
    /// The HTML as text with every tag taken out: a mark may stand only there.
    pub html_text: String,
    /// The `message/delivery-status` part of a report (RFC 3464, 2).
    pub delivery_status: Option<String>,
    /// Header of the message that a report is about.
    pub reported_header: Option<String>,
}

impl Incoming {
    /// The first header field of that name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.trim())
    }
}

/// Full-width characters to half width and ASCII letters to lower case, one for one: positions in the
/// result are positions in the original.
pub(crate) fn plain(text: &str) -> Vec<char> {
    text.chars().map(plain_char).collect()
}

pub(crate) fn plain_char(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        '。' | '｡' => '.',
        '、' => ',',
        c => c,
    }
    .to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
