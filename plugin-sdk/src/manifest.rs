//! The manifest: what a plugin is and what it asks for. Written as `plugin.toml`, carried as JSON
//! in the component's custom section [`SECTION`].

use serde::{Deserialize, Serialize};

/// Name of the custom section.
pub const SECTION: &str = "bihuan:manifest";

/// Longest accepted manifest, in bytes of JSON.
pub const MAX_BYTES: usize = 64 * 1024;

/// What the plugin does for the host; decides the world it is built against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Gives feedback its labels (world `text-classifier`).
    Classifier,
    /// Keeps articles outside (world `knowledge-publisher`).
    KnowledgeBase,
    /// Brings feedback: asked (`puller`), called (`webhook`) or both (world `connector`).
    Connector,
    /// Posts into chats (world `chat-notifier`).
    Notifier,
}

impl Role {
    /// World of the contract for this role.
    #[must_use]
    pub const fn world(self) -> &'static str {
        match self {
            Self::Classifier => "text-classifier",
            Self::KnowledgeBase => "knowledge-publisher",
            Self::Connector => "connector",
            Self::Notifier => "chat-notifier",
        }
    }

    /// The interfaces, without package and version, of which a component of this role exports at
    /// least one.
    #[must_use]
    pub const fn exports(self) -> &'static [&'static str] {
        match self {
            Self::Classifier => &["classifier"],
            Self::KnowledgeBase => &["knowledge-base"],
            Self::Connector => &["puller", "webhook"],
            Self::Notifier => &["notifier"],
        }
    }

    /// The role's name in manifests and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::KnowledgeBase => "knowledge-base",
            Self::Connector => "connector",
            Self::Notifier => "notifier",
        }
    }
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// 1 to 64 characters of `a-z0-9-`, starting with a letter; never changes.
    pub name: String,
    /// Version of the plugin: three numbers, optionally `-pre` and `+build`.
    pub version: String,
    /// What it does.
    pub role: Role,
    /// For people.
    pub title: Title,
    /// One or two sentences for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Title>,
    /// Number of the shape of the settings; see `lifecycle.migrate-config`.
    #[serde(default = "one")]
    pub config_version: u32,
    /// JSON Schema of the settings; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<serde_json::Value>,
    /// What it asks for; an administrator may grant less.
    #[serde(default, skip_serializing_if = "Powers::is_empty")]
    pub asks: Powers,
    /// How requests of its source are proved, for connectors that are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// What it would like to use; the host's ceiling wins.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Names that `metrics` may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
}

const fn one() -> u32 {
    1
}

/// A text in both languages of the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Powers beyond computing. What a plugin can do is what it asks for and an administrator granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Powers {
    /// Where it wants to reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostAsked>,
    /// Secrets that the administrator fills in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretAsked>,
    /// A folder to write files into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<PurposeAsked>,
    /// One mailbox, read by the host over IMAP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imap: Option<PurposeAsked>,
}

impl Powers {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn validate(&self) -> Result<(), String> {
        if self.hosts.len() > 32 || self.secrets.len() > 16 {
            return Err("at most 32 hosts and 16 secrets".to_owned());
        }
        for host in &self.hosts {
            if host.origin != "*" && !is_origin(&host.origin) {
                return Err(format!(
                    "host {:?} is not like https://api.example.com",
                    host.origin
                ));
            }
            if let Some(method) = host.methods.iter().find(|m| !METHODS.contains(&m.as_str())) {
                return Err(format!("method {method:?} is none of {METHODS:?}"));
            }
        }
        for (place, secret) in self.secrets.iter().enumerate() {
            if !is_secret_name(&secret.name) {
                return Err(format!(
                    "secret {:?}: 1 to 64 of a-z, 0-9 and _",
                    secret.name
                ));
            }
            if self.secrets[..place].iter().any(|s| s.name == secret.name) {
                return Err(format!("secret {:?} stands twice", secret.name));
            }
            let asked = |origin: &String| self.hosts.iter().any(|h| h.origin == *origin);
            if let Some(origin) = secret.hosts.iter().find(|o| !asked(o)) {
                return Err(format!(
                    "secret {:?} goes to {origin:?}, which is not in asks.hosts",
                    secret.name
                ));
            }
        }
        Ok(())
    }

    /// The secret of this name.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&SecretAsked> {
        self.secrets.iter().find(|s| s.name == name)
    }
}

/// An origin that a plugin wants to reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostAsked {
    /// `https://host` or `https://host:port`, nothing behind it; or `*`: the administrator names the
    /// origins (for plugins that speak with whatever server the settings say).
    pub origin: String,
    /// Methods of HTTP in capitals; empty: `GET` and `POST`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// What it does there, for the administrator who decides.
    pub purpose: Title,
}

/// A secret that an administrator fills in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretAsked {
    /// 1 to 64 of `a-z0-9_`.
    pub name: String,
    /// For people.
    pub title: Title,
    /// Origins that it may be sent to, of those in `hosts`; empty: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Whether the plugin works without it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde wants"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Why something is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PurposeAsked {
    /// What it does there, for the administrator who decides.
    pub purpose: Title,
}

/// What a connector that is called needs of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Webhook {
    /// How the host proves that the request is authentic, before the plugin runs. With more than
    /// one, the settings' member `verification` names the scheme to use (default: the first).
    pub verify: Vec<Scheme>,
    /// Headers that the plugin sees, in lower case; `content-type` always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Header with the sender's own number of the delivery: a repeat is answered without a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
}

/// A way to prove that a request is authentic. `secret` names a secret of `asks.secrets`. Times are
/// accepted within 300 seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    tag = "scheme",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Scheme {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature` (`v1,` and base64 of
    /// HMAC-SHA256), the secret being `whsec_` and base64, or plain text.
    StandardWebhooks {
        /// Key of the HMAC.
        secret: String,
    },
    /// HMAC-SHA256 of the body, or of `timestamp "." body` when a header of times is named.
    Hmac {
        /// Key of the HMAC.
        secret: String,
        /// Header with the signature.
        header: String,
        /// What stands before the signature, such as `sha256=`.
        #[serde(default)]
        prefix: String,
        /// `hex` or `base64`.
        #[serde(default)]
        encoding: Encoding,
        /// Header with Unix seconds, signed together with the body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timestamp_header: Option<String>,
    },
    /// The secret itself in a header.
    SharedToken {
        /// The token.
        secret: String,
        /// Header that carries it; `authorization` may hold `Bearer` before it.
        header: String,
    },
    /// WeCom's callbacks: `msg_signature` over token, time, nonce and the encrypted message, which
    /// the host decrypts (AES-256-CBC); the plugin sees the plain XML. The host answers `echostr`.
    Wecom {
        /// Token of the callback.
        token: String,
        /// EncodingAESKey of the callback.
        aes_key: String,
        /// Member of the settings with the receiver's id (corp id); a message for others is refused.
        receiver: String,
    },
    /// The plugin's own `verify`, which has `crypto` and `secrets` only.
    Plugin,
}

impl Scheme {
    /// The name in manifests and settings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::StandardWebhooks { .. } => "standard-webhooks",
            Self::Hmac { .. } => "hmac",
            Self::SharedToken { .. } => "shared-token",
            Self::Wecom { .. } => "wecom",
            Self::Plugin => "plugin",
        }
    }

    /// Secrets that it needs.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        match self {
            Self::StandardWebhooks { secret }
            | Self::Hmac { secret, .. }
            | Self::SharedToken { secret, .. } => vec![secret],
            Self::Wecom { token, aes_key, .. } => vec![token, aes_key],
            Self::Plugin => Vec::new(),
        }
    }
}

/// How bytes are written in a header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Two digits a byte, either case.
    #[default]
    Hex,
    /// RFC 4648, with padding.
    Base64,
}

/// Resources of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Linear memory in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u32>,
    /// Computing time of one call in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u32>,
    /// Wall-clock time of one call in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u32>,
    /// Requests of HTTP in one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_calls: Option<u32>,
    /// Requests of one `send-all` at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_parallel: Option<u32>,
}

impl Limits {
    /// All of them by their names in the API.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, Option<u32>); 5] {
        [
            ("memory_mb", self.memory_mb),
            ("cpu_ms", self.cpu_ms),
            ("wall_ms", self.wall_ms),
            ("http_calls", self.http_calls),
            ("http_parallel", self.http_parallel),
        ]
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Manifest {
    /// Reads the section's JSON and checks names, version and sizes.
    ///
    /// # Errors
    /// One sentence for the author.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_BYTES {
            return Err(format!("the manifest is larger than {MAX_BYTES} bytes"));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// The checks of [`Manifest::from_json`].
    ///
    /// # Errors
    /// One sentence for the author.
    pub fn validate(&self) -> Result<(), String> {
        let name_fine = self.name.len() <= 64
            && self.name.starts_with(|c: char| c.is_ascii_lowercase())
            && self
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !name_fine {
            return Err(format!(
                "name {:?}: 1 to 64 of a-z, 0-9 and -, starting with a letter",
                self.name
            ));
        }
        if !is_version(&self.version) {
            return Err(format!("version {:?} is not like 1.2.3", self.version));
        }
        let asks = &self.asks;
        let purposes = [asks.files.as_ref(), asks.imap.as_ref()];
        let titles = [Some(&self.title), self.description.as_ref()]
            .into_iter()
            .flatten()
            .chain(purposes.into_iter().flatten().map(|p| &p.purpose))
            .chain(asks.hosts.iter().map(|h| &h.purpose))
            .chain(asks.secrets.iter().map(|s| &s.title));
        // They become labels of Prometheus, and every one of them a series.
        let metric_fine = |name: &String| {
            (1..=64).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if self.metrics.len() > 20 {
            return Err("at most 20 metrics".to_owned());
        }
        if let Some(name) = self.metrics.iter().find(|n| !metric_fine(n)) {
            return Err(format!("metric {name:?}: 1 to 64 of a-z, 0-9 and _"));
        }
        for title in titles {
            for text in [&title.zh, &title.en] {
                if text.trim().is_empty()
                    || text.chars().count() > 500
                    || text.chars().any(|c| c.is_control() || is_invisible(c))
                {
                    return Err("a title or description is empty, longer than 500 characters or holds control or invisible characters"
                        .to_owned());
                }
            }
        }
        asks.validate()?;
        if let Some(webhook) = &self.webhook {
            webhook.validate(asks, self.role)?;
        }
        if self.config_version == 0 {
            return Err("config-version starts at 1".to_owned());
        }
        if self.config_schema.as_ref().is_some_and(|s| !s.is_object()) {
            return Err("config-schema is not a JSON object".to_owned());
        }
        Ok(())
    }

    /// As JSON, always the same bytes for the same manifest.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and maps with string keys: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Characters that change how a text looks without being seen: directions (Unicode UAX #9, section 2), spaces of no
/// width, other ends of lines. An administrator grants what the text seems to say.
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Methods that may be asked for.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl Webhook {
    fn validate(&self, asks: &Powers, role: Role) -> Result<(), String> {
        if role != Role::Connector {
            return Err("webhook is for connectors".to_owned());
        }
        if self.verify.is_empty() {
            return Err("webhook.verify is empty: a request must prove itself".to_owned());
        }
        for (place, scheme) in self.verify.iter().enumerate() {
            if let Some(name) = scheme
                .secrets()
                .into_iter()
                .find(|n| asks.secret(n).is_none())
            {
                return Err(format!(
                    "the scheme {} uses the secret {name:?}, which is not in asks.secrets",
                    scheme.name()
                ));
            }
            if self.verify[..place]
                .iter()
                .any(|s| s.name() == scheme.name())
            {
                return Err(format!("the scheme {} stands twice", scheme.name()));
            }
        }
        let lower = |name: &String| {
            !name.is_empty()
                && name.len() <= 64
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let named = self.headers.iter().chain(&self.delivery_id);
        if let Some(name) = named.into_iter().find(|n| !lower(n)) {
            return Err(format!("header {name:?}: lower case, digits and -"));
        }
        Ok(())
    }
}

/// `https://` or `http://`, a name or an address in lower case, optionally a port, nothing else.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return false;
    };
    let (host, port) = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        Some((v6, port)) => {
            if v6.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            (
                "v6",
                port.strip_prefix(':').or(port.is_empty().then_some("")),
            )
        }
        None => match rest.split_once(':') {
            Some((host, port)) => (host, (!port.is_empty()).then_some(port)),
            None => (rest, Some("")),
        },
    };
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    host.len() <= 253
        && host.split('.').all(label)
        && port.is_some_and(|p| p.is_empty() || p.parse::<u16>().is_ok_and(|p| p > 0))
}

fn is_secret_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// `major.minor.patch` with optional `-pre` and `+build`.
fn is_version(text: &str) -> bool {
    let (text, build) = text
        .split_once('+')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let (core, pre) = text
        .split_once('-')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let extra_fine = |extra: &str| {
        !extra.is_empty()
            && extra.len() <= 64
            && extra
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
    };
    let number = |n: &str| {
        !n.is_empty()
            && n.len() <= 9
            && n.chars().all(|c| c.is_ascii_digit())
            && (n == "0" || !n.starts_with('0'))
    };
    core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(extra_fine)
        && build.is_none_or(extra_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"name":"a-b","version":"1.2.3","role":"classifier","title":{"zh":"甲","en":"A"}}"#;

    #[test]
    fn versions_are_three_numbers() {
        for good in ["0.1.0", "1.2.3-rc.1", "10.0.0+x"] {
            assert!(is_version(good), "{good}");
        }
        for bad in [
            "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "", "1.2.3-", "v1.2.3",
        ] {
            assert!(!is_version(bad), "{bad}");
        }
    }

    #[test]
    fn titles_read_as_they_look() {
        let titled = |zh: &str| {
            Manifest::from_json(GOOD.replace('甲', zh).as_bytes()).map(|m| m.title.zh.clone())
        };
        for bad in [
            "\u{202e}", "\u{2066}", "\u{200b}", "\u{feff}", "\u{2028}", "\\u0007",
        ] {
            assert!(titled(&format!("安全{bad}反转")).is_err(), "{bad:?}");
        }
        // Joiners are part of words and pictures.
        for good in ["接入 👩\u{200d}💻", "می\u{200c}خواهم", "Café – “a”"] {
            assert_eq!(titled(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn origins_are_exact() {
        for good in [
            "https://api.example.com",
            "https://127.0.0.1:8443",
            "http://wiki.intranet",
            "https://[::1]:9",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "https://",
            "https://a.b/",
            "https://a.b/c",
            "https://user@a.b",
            "https://*.a.b",
            "https://A.b",
            "ftp://a.b",
            "https://a.b:",
            "https://a.b:0",
            "https://a.b:99999",
            "https://a..b",
            "https://[::g]",
            "a.b",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_asked_for_fits_together() {
        let with = |more: &str| {
            let text = format!("{}{more}}}", GOOD.trim_end_matches('}').to_owned() + "}");
            Manifest::from_json(text.replace("classifier", "connector").as_bytes())
        };
        let t = r#"{"zh":"甲","en":"A"}"#;
        let host = format!(r#""hosts":[{{"origin":"https://a.b","purpose":{t}}}]"#);
        let secret = format!(r#""secrets":[{{"name":"k","title":{t},"hosts":["https://a.b"]}}]"#);
        let hook = r#""webhook":{"verify":[{"scheme":"standard-webhooks","secret":"k"}]}"#;
        let whole = with(&format!(r#","asks":{{{host},{secret}}},{hook}"#)).unwrap();
        assert_eq!(Manifest::from_json(&whole.to_json()).unwrap(), whole);
        assert!(
            with(&format!(r#","asks":{{{secret}}}"#)).is_err(),
            "secret to a host not asked for"
        );
        assert!(
            with(&format!(",{hook}")).is_err(),
            "scheme without its secret"
        );
        assert!(with(r#","webhook":{"verify":[]}"#).is_err(), "no scheme");
    }

    #[test]
    fn a_manifest_reads_back_and_bad_ones_are_refused() {
        let manifest = Manifest::from_json(GOOD.as_bytes()).unwrap();
        assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap(), manifest);
        for (from, to) in [
            ("a-b", "A b"),
            ("1.2.3", "1"),
            ("甲", ""),
            ("classifier", "ruler"),
            ("title", "tilte"),
        ] {
            assert!(
                Manifest::from_json(GOOD.replace(from, to).as_bytes()).is_err(),
                "{to}"
            );
        }
    }
}
