//! Secrets: they live in the host, and guests hold handles.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret that an administrator filled in. Overwritten in memory when the last clone goes; never
/// shown by `Debug`.
#[derive(Clone)]
pub struct SecretValue {
    inner: Arc<Inner>,
}

struct Inner {
    bytes: Zeroizing<Vec<u8>>,
    /// Still accepted while senders change over.
    previous: Option<Zeroizing<Vec<u8>>>,
    version: u32,
    origins: Vec<String>,
}

impl SecretValue {
    /// `version` grows with every change of the value; `origins` are those that it may be sent to
    /// over HTTP (see [`crate::effective`]), none: it never goes on the wire.
    #[must_use]
    pub fn new(bytes: Vec<u8>, version: u32, origins: Vec<String>) -> Self {
        Self {
            inner: Arc::new(Inner {
                bytes: Zeroizing::new(bytes),
                previous: None,
                version,
                origins,
            }),
        }
    }

    /// Also accepts an earlier value where the host compares (webhooks): for rotation.
    #[must_use]
    pub fn with_previous(&self, previous: Vec<u8>) -> Self {
        Self {
            inner: Arc::new(Inner {
                bytes: self.inner.bytes.clone(),
                previous: Some(Zeroizing::new(previous)),
                version: self.inner.version,
                origins: self.inner.origins.clone(),
            }),
        }
    }

    /// Number of the value.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.inner.version
    }

    /// Where it may be sent.
    #[must_use]
    pub fn origins(&self) -> &[String] {
        &self.inner.origins
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.inner.bytes
    }

    /// The present value, then the one before it.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.expose()).chain(self.inner.previous.as_ref().map(|p| p.as_slice()))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretValue")
            .field("version", &self.inner.version)
            .field("origins", &self.inner.origins)
            .finish_non_exhaustive()
    }
}

impl PartialEq for SecretValue {
    fn eq(&self, other: &Self) -> bool {
        bool::from(self.expose().ct_eq(other.expose()))
            && self.inner.version == other.inner.version
            && self.inner.origins == other.inner.origins
    }
}

impl Eq for SecretValue {}

/// What a guest's handle stands for.
pub struct Handle {
    pub(crate) name: String,
    pub(crate) value: SecretValue,
}

impl Handle {
    pub(crate) fn id(&self) -> String {
        format!("{}@{}", self.name, self.value.version())
    }
}

/// Replaces every secret in a text for people. A plugin that puts a secret together itself cannot
/// be stopped here; it never had one.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    needles: Vec<Zeroizing<String>>,
    long: OnceLock<Option<AhoCorasick>>,
}

/// Shorter values would tear ordinary texts apart.
const MIN_REDACTED: usize = 4;

/// Shorter values may stand in an answer by chance.
const MIN_TAKEN_OUT: usize = 8;

/// A secret as it stands, and in the forms that the host gives it on the wire: in an address, in a form, in JSON,
/// and in base64 at whatever place of a longer text (`user:secret`).
fn forms(bytes: &[u8]) -> Vec<Zeroizing<String>> {
    let mut forms: Vec<String> = Vec::new();
    if let Ok(text) = std::str::from_utf8(bytes) {
        forms.push(text.to_owned());
        forms.push(text.trim().to_owned());
        forms.push(text.strip_prefix("whsec_").unwrap_or(text).to_owned());
        let quoted = serde_json::Value::from(text).to_string();
        forms.push(quoted[1..quoted.len() - 1].to_owned());
    }
    let escaped: String = url::form_urlencoded::byte_serialize(bytes).collect();
    // RFC 3986: a space is %20 and the tilde stands for itself.
    let strict = escaped.replace('+', "%20").replace("%7E", "~");
    for form in [escaped, strict] {
        forms.push(lower_escapes(&form));
        forms.push(form);
    }
    let engines = [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD];
    for (engine, before) in engines
        .into_iter()
        .flat_map(|e| (0..3).map(move |n| (e, n)))
    {
        let mut placed = vec![0; before];
        placed.extend_from_slice(bytes);
        let whole = engine.encode(&placed);
        // Characters at either end also tell of what stands before and behind.
        let (first, last) = ((before * 8).div_ceil(6), placed.len() * 8 / 6);
        if let Some(inner) = whole.get(first..last).filter(|i| i.len() >= MIN_TAKEN_OUT) {
            forms.push(inner.to_owned());
        }
    }
    forms.into_iter().map(Zeroizing::new).collect()
}

/// `%2F` as `%2f`.
fn lower_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left = 0;
    for c in text.chars() {
        if c == '%' {
            left = 3;
        }
        out.push(if left > 0 { c.to_ascii_lowercase() } else { c });
        left = i32::max(left - 1, 0);
    }
    out
}

impl Redactor {
    pub(crate) fn new<'a>(values: impl Iterator<Item = &'a SecretValue>) -> Self {
        let mut needles: Vec<Zeroizing<String>> = Vec::new();
        for form in values.flat_map(|v| v.accepted()).flat_map(forms) {
            if form.len() >= MIN_REDACTED && !needles.iter().any(|n| **n == *form) {
                needles.push(form);
            }
        }
        // Longest first: a secret that holds another one is replaced whole.
        needles.sort_by_key(|n| std::cmp::Reverse(n.len()));
        Self {
            needles,
            long: OnceLock::new(),
        }
    }

    /// Takes secrets out of what a service answers: one that echoes its requests would hand them to the guest.
    /// Only what is long enough never to stand there by chance. In one pass: a service knows the secret that it is
    /// sent, and may answer with nothing else.
    pub(crate) fn take_out(&self, bytes: &mut Vec<u8>) {
        let Some(long) = self.long() else {
            return;
        };
        let mut found: Vec<(usize, usize)> = long
            .find_overlapping_iter(bytes.as_slice())
            .map(|m| (m.start(), m.end()))
            .collect();
        if found.is_empty() {
            return;
        }
        found.sort_unstable();
        let mut left = Vec::with_capacity(bytes.len());
        let mut done = 0;
        for (start, end) in found {
            // Forms that overlap are one hole.
            if start >= done {
                left.extend_from_slice(&bytes[done..start]);
                left.extend_from_slice(b"***");
            }
            done = done.max(end);
        }
        left.extend_from_slice(&bytes[done..]);
        *bytes = left;
    }

    /// [`Self::take_out`] of a text.
    pub(crate) fn without(&self, text: String) -> String {
        let mut bytes = text.into_bytes();
        self.take_out(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Finds the long forms. Made when the first answer comes: most calls never need it.
    fn long(&self) -> Option<&AhoCorasick> {
        let build = || {
            let needles = self.needles.iter().filter(|n| n.len() >= MIN_TAKEN_OUT);
            let all: Vec<&str> = needles.map(|n| n.as_str()).collect();
            (!all.is_empty()).then(|| AhoCorasick::new(all).ok())?
        };
        self.long.get_or_init(build).as_ref()
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for needle in &self.needles {
            if text.contains(needle.as_str()) {
                text = text.replace(needle.as_str(), "***");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_shown() {
        let value = SecretValue::new(b"hunter2hunter2".to_vec(), 3, vec![])
            .with_previous(b"old-one".to_vec());
        assert!(!format!("{value:?}").contains("hunter"));
        let redactor = Redactor::new([&value].into_iter());
        assert_eq!(
            redactor.redact("key=hunter2hunter2, before old-one!"),
            "key=***, before ***!"
        );
        let spaced = SecretValue::new(b"a b&c=d".to_vec(), 1, vec![]);
        assert_eq!(
            Redactor::new([&spaced].into_iter()).redact("?k=a+b%26c%3Dd"),
            "?k=***"
        );
    }

    #[test]
    fn forms_of_the_wire_are_hidden_too() {
        use base64::engine::general_purpose::{STANDARD, URL_SAFE};
        let secret = r#"S3cr3t/+? "v~lue""#;
        let value = SecretValue::new(secret.as_bytes().to_vec(), 1, vec![]);
        let redactor = Redactor::new([&value].into_iter());
        let core = |text: &str| {
            let shown = redactor.redact(text);
            assert!(shown.contains("***"), "{text} is shown as {shown}");
            shown.replace("***", "")
        };
        for user in ["", "u", "us", "user", "user:"] {
            for more in ["", "x", "xy", "xyz"] {
                let plain = format!("{user}{secret}{more}");
                for encoded in [STANDARD.encode(&plain), URL_SAFE.encode(&plain)] {
                    let left = core(&format!("Basic {encoded}"));
                    // At most the characters that also hold a neighbour's bits.
                    let own = encoded.len() - (user.len() + more.len()) * 8 / 6;
                    assert!(left.len() < 6 + encoded.len() - own + 6, "{left}");
                }
            }
        }
        assert_eq!(core(r#"{"k":"S3cr3t/+? \"v~lue\""}"#), r#"{"k":""}"#);
        assert_eq!(core("?k=S3cr3t%2F%2B%3F+%22v%7Elue%22"), "?k=");
        assert_eq!(core("?k=S3cr3t%2F%2B%3F%20%22v~lue%22"), "?k=");
        assert_eq!(core("?k=S3cr3t%2f%2b%3f%20%22v~lue%22"), "?k=");
    }

    #[test]
    fn an_echo_gives_nothing_away() {
        let long = SecretValue::new(b"hunter2hunter2".to_vec(), 1, vec![]);
        let short = SecretValue::new(b"true".to_vec(), 1, vec![]);
        let redactor = Redactor::new([&long, &short].into_iter());
        let mut body = br#"{"ok":true,"key":"hunter2hunter2","again":"hunter2hunter2"}"#.to_vec();
        redactor.take_out(&mut body);
        assert_eq!(
            String::from_utf8_lossy(&body),
            r#"{"ok":true,"key":"***","again":"***"}"#
        );
    }

    #[test]
    fn an_answer_full_of_secrets_takes_one_pass() {
        let value = SecretValue::new(b"aaaaaaaaaaaa".to_vec(), 1, vec![]);
        let other = SecretValue::new(b"aaaaaaaaaaaabbbb".to_vec(), 1, vec![]);
        let redactor = Redactor::new([&value, &other].into_iter());
        // Cutting them out one by one would move 16 TB.
        let mut body = b"aaaaaaaaaaaa-".repeat(8 << 20 >> 3);
        redactor.take_out(&mut body);
        assert_eq!(body.len(), "***-".len() * (8 << 20 >> 3));
        assert!(body.chunks(4).all(|c| c == b"***-"));
        let mut overlapping = b"xaaaaaaaaaaaaaaaabbbby".to_vec();
        redactor.take_out(&mut overlapping);
        assert_eq!(overlapping, b"x***y");
    }

    #[test]
    fn ids_follow_name_and_version() {
        let id = |name: &str, version| {
            Handle {
                name: name.to_owned(),
                value: SecretValue::new(b"x".to_vec(), version, vec![]),
            }
            .id()
        };
        assert_eq!(id("token", 1), id("token", 1));
        assert_ne!(id("token", 1), id("token", 2));
        assert_ne!(id("token", 1), id("other", 1));
    }
}
