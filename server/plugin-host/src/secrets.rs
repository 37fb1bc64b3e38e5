//! Secrets: they live in the host, and guests hold handles.

use std::fmt;
use std::sync::Arc;

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
}

/// Shorter values would tear ordinary texts apart.
const MIN_REDACTED: usize = 4;

impl Redactor {
    pub(crate) fn new<'a>(values: impl Iterator<Item = &'a SecretValue>) -> Self {
        let mut needles: Vec<Zeroizing<String>> = Vec::new();
        for bytes in values.flat_map(|v| v.accepted()) {
            let Ok(text) = std::str::from_utf8(bytes) else {
                continue;
            };
            for form in [
                text,
                text.trim(),
                text.strip_prefix("whsec_").unwrap_or(text),
            ] {
                if form.len() >= MIN_REDACTED && !needles.iter().any(|n| n.as_str() == form) {
                    needles.push(Zeroizing::new(form.to_owned()));
                }
            }
            let escaped: String = url::form_urlencoded::byte_serialize(bytes).collect();
            if escaped.len() >= MIN_REDACTED && escaped != text {
                needles.push(Zeroizing::new(escaped));
            }
        }
        // Longest first: a secret that holds another one is replaced whole.
        needles.sort_by_key(|n| std::cmp::Reverse(n.len()));
        Self { needles }
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
