//! Connectors: sources that are asked ([`Puller`]), that call ([`Webhook`]), that want to be told
//! what was kept ([`Acker`]).

use crate::bindings::{pull, push};
use crate::{Failure, Lifecycle, failure, host};

pub use pull::bihuan::plugin::connector_types::{Cursor, Item, Rejected, Scalar, Turn};
pub use pull::exports::bihuan::plugin::puller::{Next, Page, PullMode, PullRequest, StreamSpec};
pub use push::exports::bihuan::plugin::webhook::{
    Accepted, Outcome, Reply, Request as HookRequest,
};

/// A source that is asked again and again. Each call has an instance of its own: whatever must
/// outlive it belongs into the cursor or into [`host::state`].
pub trait Puller: Lifecycle + Sized + 'static {
    /// Called at the start of every call.
    ///
    /// # Errors
    /// A [`Failure`] of class `config` when the settings do not allow to work.
    fn open() -> Result<Self, Failure>;

    /// The streams that exist with the present settings; each has a cursor of its own.
    ///
    /// # Errors
    /// A [`Failure`] whose class says what the host does next.
    fn streams(&self) -> Result<Vec<StreamSpec>, Failure>;

    /// The next page behind the cursor. The host keeps items, rejected records, staged state and
    /// cursor in one transaction; after a crash the same cursor comes again.
    ///
    /// # Errors
    /// A [`Failure`] whose class says what the host does next.
    fn pull(&self, request: &PullRequest) -> Result<Page, Failure>;

    /// A cursor of an older layout, turned into the present one. Pure.
    ///
    /// # Errors
    /// [`crate::FailureClass::CursorExpired`] by default: the host starts over.
    fn migrate_cursor(&self, stream: &str, old: Cursor) -> Result<Cursor, Failure> {
        let _ = stream;
        Err(failure::new(
            crate::FailureClass::CursorExpired,
            "cursor.unknown_format",
            format!("the layout {} of a cursor is not known", old.format),
        ))
    }
}

/// A source that calls the host.
pub trait Webhook: Lifecycle + Sized + 'static {
    /// Called at the start of every call.
    ///
    /// # Errors
    /// A [`Failure`] of class `config` when the settings do not allow to work.
    fn open() -> Result<Self, Failure>;

    /// Whether the request is authentic; asked only when the manifest's scheme is `plugin`.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot be told.
    fn verify(&self, request: &HookRequest) -> Result<bool, Failure> {
        let _ = request;
        Ok(false)
    }

    /// What the request holds.
    ///
    /// # Errors
    /// A [`Failure`]; `invalid-input` sets the request aside.
    fn handle(&self, request: &HookRequest) -> Result<Outcome, Failure>;
}

/// A source that wants to be told what was kept.
pub trait Acker: Lifecycle + Sized + 'static {
    /// Comes after the commit, at least once per token.
    ///
    /// # Errors
    /// A [`Failure`]; the host tells it again when trying again can help.
    fn ack(tokens: &[String]) -> Result<(), Failure>;
}

impl Default for Item {
    /// Nothing but an empty identifier, which must be filled in.
    fn default() -> Self {
        Self {
            channel: None,
            external_id: String::new(),
            occurred_at: None,
            text: None,
            turns: Vec::new(),
            kind: None,
            rating: None,
            rating_max: None,
            nps: None,
            ces: None,
            invited: None,
            customer_ref: None,
            customer_tier: None,
            agent_ref: None,
            team: None,
            region: None,
            business_line: None,
            language: None,
            title: None,
            url: None,
            thread_id: None,
            process_step: None,
            handle_seconds: None,
            talk_seconds: None,
            after_seconds: None,
            response_seconds: None,
            resolved: None,
            resolved_first_contact: None,
            handled_by: None,
            transferred: None,
            script_score: None,
            compensation_cents: None,
            query: None,
            hits: None,
            article: None,
            helpful: None,
            topic: None,
            cause: None,
            sentiment: None,
            attributes: Vec::new(),
        }
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Scalar {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Scalar {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A name for a stream after something of the source's (a folder, an account), which may hold any
/// character: the host takes 1 to 64 of `a-z0-9_.-`. What fits already stays as it is; anything else
/// gets a number of its own behind it, always the same.
#[must_use]
pub fn stream_name(of: &str) -> String {
    let fits = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(*c);
    if (1..=64).contains(&of.len()) && of.chars().all(|c| fits(&c)) {
        return of.to_owned();
    }
    // FNV-1a: tells names apart that look alike without their other characters.
    let hash = of.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let readable: String = of
        .to_ascii_lowercase()
        .chars()
        .filter(fits)
        .take(40)
        .collect();
    format!("{readable}-{hash:016x}")
}

/// Glue of [`crate::export`].
#[doc(hidden)]
pub fn opened<T>(open: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    host::install_panic_hook();
    open()
}

#[cfg(test)]
mod tests {
    use super::stream_name;

    #[test]
    fn names_of_streams_fit_and_differ() {
        assert_eq!(stream_name("inbox.2026"), "inbox.2026");
        let names = ["INBOX", "Inbox", "收件箱", "", "a/b", &"x".repeat(300)].map(stream_name);
        for (at, name) in names.iter().enumerate() {
            assert!(name.len() <= 64 && !name.is_empty(), "{name}");
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b))
            );
            assert!(!names[..at].contains(name), "{name}");
        }
        assert!(stream_name("INBOX").starts_with("inbox-"));
    }
}
