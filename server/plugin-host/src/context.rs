//! What belongs to one instance: its limits, its budget, and the host's side of the contract.
//! Every power and every quota is decided here and nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use plugin_sdk::host::PANIC_FIELD;
use plugin_sdk::manifest::{Manifest, is_invisible};
use tokio::task::JoinSet;
use tracing::Instrument as _;
use url::Url;
use wasmtime::ResourceLimiter;
use wasmtime::component::{Resource, ResourceTable};
use zeroize::Zeroizing;

use crate::bindings::host;
use crate::bindings::host::crypto::{
    CryptoError, Hash as WitHash, Part, Signature as WitSignature,
};
use crate::bindings::host::files as wit_files;
use crate::bindings::host::http::{HttpError, Request as WitRequest, Response as WitResponse};
use crate::bindings::host::imap::ImapError;
use crate::bindings::host::secrets::SecretError;
use crate::bindings::host::state::StateError;
use crate::config::CallLimits;
use crate::crypto::{self, Hash, Signature};
use crate::egress::{self, HttpFault, Placement, Policy, Rates};
use crate::files::{self, FileFault};
use crate::imap::{self, ImapFault, Mailbox};
use crate::observe::{CallRecord, LogLevel, LogLine, Metric, MetricValue};
use crate::secrets::{Handle, Redactor};
use crate::shapes::{Failure, FailureClass, Staged, Used};
use crate::{HostConfig, Installation, PluginError};

/// Log lines of one call that are kept.
const LOG_LINES: u32 = 200;
/// Bytes of log of one call that are kept.
const LOG_BYTES: usize = 64 << 10;
/// Longest log line or panic message in bytes.
const LINE_BYTES: usize = 4 << 10;
/// Random bytes of one call.
const RANDOM_BYTES: usize = 64 << 10;
/// Metric records of one call that are kept.
const METRICS: u32 = 100;
/// Under this name figures are counted that the manifest does not declare.
const UNDECLARED: &str = "undeclared";
/// File operations of one call.
const FILE_CALLS: u32 = 1000;

/// Keys, bytes of a value, bytes in all and operations of an installation's state.
const STATE_KEYS: usize = 1000;
const STATE_VALUE: usize = 64 << 10;
const STATE_BYTES: usize = 4 << 20;
const STATE_CALLS: u32 = 20_000;
/// Operations with secrets in one call; signatures cost the host milliseconds each.
const CRYPTO_CALLS: u32 = 2000;
const SIGNATURES: u32 = 50;
/// Operations on the mailbox in one call.
const IMAP_CALLS: u32 = 50;

/// What an operation may do at all, whatever is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything that is granted.
    Full,
    /// Operations that only compute: nothing that reaches outside, or stays.
    NoEffects,
}

/// Data of a store.
pub(crate) struct Context {
    manifest: Arc<Manifest>,
    /// Name, version and installation, for the record of each call.
    names: [Arc<str>; 3],
    installation: Arc<Installation>,
    limits: CallLimits,
    config: Arc<HostConfig>,
    rates: Arc<Rates>,
    redactor: Redactor,
    policy: Option<Arc<Policy>>,
    handles: ResourceTable,
    pub(crate) memory: MemoryLimiter,
    pub(crate) call: Call,
}

/// A staged value and when it is forgotten, in Unix milliseconds.
type Kept = (Vec<u8>, Option<i64>);

/// What one call has used up.
pub(crate) struct Call {
    /// Epoch ticks of computing left.
    pub(crate) ticks: u64,
    /// The guest's own words about its end.
    pub(crate) panic: Option<String>,
    /// The last wish that was denied: power and detail.
    pub(crate) denied: Option<(&'static str, String)>,
    operation: &'static str,
    mode: Mode,
    ticks_given: u64,
    at_ms: i64,
    started: Instant,
    number: u64,
    log_lines: u32,
    log_bytes: usize,
    log_dropped: u32,
    drops_told: bool,
    random_bytes: usize,
    metrics: u32,
    file_calls: u32,
    state_calls: u32,
    crypto_calls: u32,
    signatures: u32,
    http_calls: u32,
    http_bytes: u64,
    imap_calls: u32,
    mails: u32,
    denials: u32,
    /// By key; none when removed.
    staged: BTreeMap<String, Option<Kept>>,
    mailbox: Option<Mailbox>,
    /// Longest time that a service asked for, as far as requests of this call met it.
    patience_ms: Option<u64>,
    span: tracing::Span,
}

impl Call {
    fn new(ticks: u64, operation: &'static str, mode: Mode, number: u64, at_ms: i64) -> Self {
        Self {
            ticks,
            panic: None,
            denied: None,
            operation,
            mode,
            ticks_given: ticks,
            at_ms,
            started: Instant::now(),
            number,
            log_lines: 0,
            log_bytes: 0,
            log_dropped: 0,
            drops_told: false,
            random_bytes: 0,
            metrics: 0,
            file_calls: 0,
            state_calls: 0,
            crypto_calls: 0,
            signatures: 0,
            http_calls: 0,
            http_bytes: 0,
            imap_calls: 0,
            mails: 0,
            denials: 0,
            staged: BTreeMap::new(),
            mailbox: None,
            patience_ms: None,
            span: tracing::Span::none(),
        }
    }
}

impl Context {
    pub(crate) fn new(
        manifest: Arc<Manifest>,
        installation: Arc<Installation>,
        limits: CallLimits,
        config: Arc<HostConfig>,
        rates: Arc<Rates>,
    ) -> Self {
        let passwords = installation.imap.iter().map(|i| &i.password);
        let names = [
            manifest.name.as_str().into(),
            manifest.version.as_str().into(),
            installation.id.as_str().into(),
        ];
        let redactor = Redactor::new(installation.secrets.values().chain(passwords));
        Self {
            manifest,
            names,
            installation,
            limits,
            config,
            rates,
            redactor,
            policy: None,
            handles: ResourceTable::new(),
            memory: MemoryLimiter {
                limit: limits.memory_bytes,
                used: 0,
                refused: false,
            },
            call: Call::new(0, "start", Mode::NoEffects, 0, 0),
        }
    }

    pub(crate) const fn limits(&self) -> CallLimits {
        self.limits
    }

    /// Fresh budgets for the next call.
    pub(crate) fn begin(&mut self, ticks: u64, operation: &'static str, mode: Mode) {
        self.end();
        self.memory.refused = false;
        let at_ms = (self.config.now_ms)();
        self.call = Call::new(ticks, operation, mode, self.call.number + 1, at_ms);
        // Who, what and how it ended; never what it was about.
        self.call.span = tracing::info_span!(
            target: "plugin",
            "plugin_call",
            plugin = self.manifest.name,
            version = self.manifest.version,
            installation = self.installation.id,
            operation,
            outcome = tracing::field::Empty,
            wall_ms = tracing::field::Empty,
            cpu_ms = tracing::field::Empty,
        );
    }

    /// The trace of this call.
    pub(crate) fn span(&self) -> tracing::Span {
        self.call.span.clone()
    }

    /// Says what was left out of the log.
    pub(crate) fn end(&mut self) {
        let dropped = self.call.log_dropped;
        if dropped > 0 && !std::mem::replace(&mut self.call.drops_told, true) {
            let plugin = self.manifest.name.as_str();
            tracing::warn!(target: "plugin", plugin, dropped, "log lines of the plugin were dropped");
            (self.config.logs)(LogLine {
                plugin: self.manifest.name.clone(),
                version: self.manifest.version.clone(),
                installation: self.installation.id.clone(),
                operation: self.call.operation,
                at_ms: (self.config.now_ms)(),
                level: LogLevel::Warn,
                message: format!(
                    "{dropped} more lines were dropped: at most {LOG_LINES} lines and {} KiB in one call",
                    LOG_BYTES >> 10
                ),
                fields: Vec::new(),
            });
        }
        self.call.mailbox = None;
    }

    /// What the call has used so far.
    pub(crate) fn used(&self) -> Used {
        let call = &self.call;
        let millis = |d: std::time::Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        Used {
            cpu_ms: call
                .ticks_given
                .saturating_sub(call.ticks)
                .saturating_mul(millis(crate::engine::TICK)),
            wall_ms: millis(call.started.elapsed()),
            memory_bytes: self.memory.used as u64,
            http_calls: call.http_calls,
            http_bytes: call.http_bytes,
            mails: call.mails,
            log_lines: call.log_lines,
            log_dropped: call.log_dropped,
            denied: call.denials,
        }
    }

    /// Tells the operator how a call ended.
    pub(crate) fn record(&self, error: Option<&PluginError>) -> Used {
        let outcome = match error {
            None => "ok",
            Some(PluginError::Failed(failure)) => failure.class.as_str(),
            Some(other) => other.code(),
        };
        let (span, used) = (&self.call.span, self.used());
        span.record("outcome", outcome);
        span.record("wall_ms", used.wall_ms);
        span.record("cpu_ms", used.cpu_ms);
        tracing::debug!(target: "plugin", parent: span, "ended");
        let [plugin, version, installation] = &self.names;
        (self.config.calls)(CallRecord {
            plugin: Arc::clone(plugin),
            version: Arc::clone(version),
            installation: Arc::clone(installation),
            operation: self.call.operation,
            at_ms: self.call.at_ms,
            outcome,
            used,
        });
        used
    }

    /// The state that the call leaves behind.
    pub(crate) fn take_staged(&mut self) -> Staged {
        let mut staged = Staged::default();
        for (key, change) in std::mem::take(&mut self.call.staged) {
            match change {
                Some((value, expires)) => staged.set.push((key, value, expires)),
                None => staged.deleted.push(key),
            }
        }
        staged
    }

    /// The error of a call that the plugin answered with a failure.
    pub(crate) fn refusal(&mut self, mut failure: Failure) -> PluginError {
        let grants = matches!(failure.class, FailureClass::Config | FailureClass::Internal);
        if let (true, Some((capability, detail))) = (grants, self.call.denied.take()) {
            return PluginError::Denied { capability, detail };
        }
        if failure.class == FailureClass::RateLimited && failure.retry_after_ms.is_none() {
            // The guest was told in words; the host knows the time.
            failure.retry_after_ms = self.call.patience_ms;
        }
        PluginError::Failed(self.shown_failure(failure))
    }

    /// Words of the guest as people may read them: without secrets, personal data and what plays with a screen.
    pub(crate) fn shown(&self, text: &str) -> String {
        clean(&(self.config.mask)(&self.redactor.redact(text)))
    }

    /// As [`Self::shown`], all words of a failure.
    pub(crate) fn shown_failure(&self, mut failure: Failure) -> Failure {
        failure.code = self.shown(&failure.code);
        failure.message = self.shown(&failure.message);
        failure.attributes.truncate(16);
        for attribute in &mut failure.attributes {
            attribute.name = self.shown(&attribute.name);
            attribute.value = self.shown(&attribute.value);
        }
        failure
    }

    /// Counts a denial: it is a value for the guest and a word for the operator.
    fn deny(&mut self, capability: &'static str, detail: impl Into<String>) -> String {
        let detail = clean(&detail.into());
        self.call.denials = self.call.denials.saturating_add(1);
        let (plugin, installation) = (self.manifest.name.as_str(), self.installation.id.as_str());
        tracing::info!(target: "plugin", plugin, installation, capability, detail, "denied");
        self.call.denied = Some((capability, detail.clone()));
        detail
    }

    /// Why nothing may be reached during this operation.
    fn no_effects(&mut self, capability: &'static str) -> Option<String> {
        (self.call.mode == Mode::NoEffects).then(|| {
            let operation = self.call.operation;
            self.deny(capability, format!("not during {operation}"))
        })
    }

    /// Counts a line against the call's quota.
    fn may_log(&mut self, bytes: usize) -> bool {
        let call = &mut self.call;
        if call.log_lines >= LOG_LINES || call.log_bytes + bytes > LOG_BYTES {
            call.log_dropped = call.log_dropped.saturating_add(1);
            return false;
        }
        call.log_lines += 1;
        call.log_bytes += bytes;
        true
    }
}

/// Shortens and removes what could drive a terminal or turn a line round.
pub(crate) fn clean(text: &str) -> String {
    let mut end = text.len().min(LINE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end]
        .chars()
        .map(|c| {
            if c.is_control() || is_invisible(c) {
                ' '
            } else {
                c
            }
        })
        .collect()
}

impl host::types::Host for Context {}

impl host::log::Host for Context {
    fn log(
        &mut self,
        level: host::log::Level,
        message: String,
        fields: Vec<host::log::Field>,
    ) -> wasmtime::Result<()> {
        use host::log::Level;
        let message = self.shown(&message);
        let panicked = matches!(level, Level::Error) && fields.iter().any(|f| f.key == PANIC_FIELD);
        let fields: Vec<(String, String)> = fields
            .iter()
            // The mark is for the host alone.
            .filter(|f| f.key != PANIC_FIELD)
            .take(16)
            .map(|f| (self.shown(&f.key), self.shown(&f.value)))
            .collect();
        if panicked {
            self.call.panic = Some(message.clone());
        }
        let bytes: usize = fields.iter().map(|(k, v)| k.len() + v.len() + 2).sum();
        if !self.may_log(message.len() + bytes) {
            return Ok(());
        }
        let pairs: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let pairs = pairs.join(" ");
        let (plugin, installation) = (self.manifest.name.as_str(), self.installation.id.as_str());
        let level = match level {
            Level::Trace => {
                tracing::trace!(target: "plugin", plugin, installation, fields = pairs, "{message}");
                LogLevel::Trace
            }
            Level::Debug => {
                tracing::debug!(target: "plugin", plugin, installation, fields = pairs, "{message}");
                LogLevel::Debug
            }
            Level::Info => {
                tracing::info!(target: "plugin", plugin, installation, fields = pairs, "{message}");
                LogLevel::Info
            }
            Level::Warn => {
                tracing::warn!(target: "plugin", plugin, installation, fields = pairs, "{message}");
                LogLevel::Warn
            }
            Level::Error => {
                tracing::error!(target: "plugin", plugin, installation, fields = pairs, "{message}");
                LogLevel::Error
            }
        };
        (self.config.logs)(LogLine {
            plugin: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            installation: self.installation.id.clone(),
            operation: self.call.operation,
            at_ms: (self.config.now_ms)(),
            level,
            message,
            fields,
        });
        Ok(())
    }
}

impl host::config::Host for Context {
    fn get(&mut self) -> wasmtime::Result<String> {
        let settings = &self.installation.settings;
        Ok(if settings.is_empty() {
            "{}".to_owned()
        } else {
            settings.clone()
        })
    }

    fn invocation(&mut self) -> wasmtime::Result<host::config::InvocationInfo> {
        let wall = u64::try_from(self.limits.wall.as_millis()).unwrap_or(u64::MAX);
        Ok(host::config::InvocationInfo {
            installation_id: self.installation.id.clone(),
            invocation_id: format!("{}-{}", self.installation.id, self.call.number),
            attempt: 1,
            deadline_ms: wall,
        })
    }
}

impl host::clock::Host for Context {
    fn now(&mut self) -> wasmtime::Result<i64> {
        Ok((self.config.now_ms)())
    }

    fn elapsed_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(u64::try_from(self.call.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

impl host::random::Host for Context {
    fn bytes(&mut self, len: u32) -> wasmtime::Result<Vec<u8>> {
        let left = RANDOM_BYTES.saturating_sub(self.call.random_bytes);
        let mut bytes = vec![0; (len as usize).min(1024).min(left)];
        self.call.random_bytes += bytes.len();
        (self.config.random)(&mut bytes).map_err(wasmtime::Error::msg)?;
        Ok(bytes)
    }
}

impl Context {
    fn metric(&mut self, name: String, value: MetricValue) {
        self.call.metrics = self.call.metrics.saturating_add(1);
        if self.call.metrics > METRICS {
            return;
        }
        let (name, value) = if self.manifest.metrics.contains(&name) {
            (name, value)
        } else {
            (UNDECLARED.to_owned(), MetricValue::Add(1))
        };
        let plugin = self.manifest.name.as_str();
        tracing::debug!(target: "plugin", plugin, metric = name, ?value, "metric");
        (self.config.metrics)(Metric {
            plugin: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            installation: self.installation.id.clone(),
            name,
            value,
        });
    }
}

impl host::metrics::Host for Context {
    fn add(&mut self, name: String, value: u64) -> wasmtime::Result<()> {
        self.metric(name, MetricValue::Add(value));
        Ok(())
    }

    fn record_value(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        if value.is_finite() {
            self.metric(name, MetricValue::Record(value));
        }
        Ok(())
    }
}

impl host::connector_types::Host for Context {}

impl Context {
    /// Counts an operation on the state; an error when it may not happen.
    fn state_call(&mut self, key: Option<&str>) -> Result<(), StateError> {
        if let Some(why) = self.no_effects("state") {
            return Err(StateError::Unavailable(why));
        }
        self.call.state_calls += 1;
        if self.call.state_calls > STATE_CALLS {
            return Err(StateError::Quota(format!(
                "more than {STATE_CALLS} operations in one call"
            )));
        }
        if key.is_some_and(|k| !(1..=128).contains(&k.len()) || k.chars().any(char::is_control)) {
            return Err(StateError::InvalidKey(
                "1 to 128 bytes without control characters".to_owned(),
            ));
        }
        Ok(())
    }

    /// Keys and bytes when `key` is changed to `bytes`.
    fn state_size(&self, key: &str, bytes: usize) -> (usize, usize) {
        let staged = &self.call.staged;
        let kept = self
            .installation
            .state
            .iter()
            .filter(|(k, _)| !staged.contains_key(*k))
            .map(|(k, v)| (k, v.len()));
        let changed = staged
            .iter()
            .filter_map(|(k, v)| v.as_ref().map(|(v, _)| (k, v.len())));
        kept.chain(changed)
            .filter(|(k, _)| k.as_str() != key)
            .fold((1, key.len() + bytes), |(keys, sum), (k, v)| {
                (keys + 1, sum + k.len() + v)
            })
    }
}

impl host::state::Host for Context {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, StateError>> {
        if let Err(error) = self.state_call(Some(&key)) {
            return Ok(Err(error));
        }
        Ok(Ok(match self.call.staged.get(&key) {
            Some(change) => change.as_ref().map(|(value, _)| value.clone()),
            None => self.installation.state.get(&key).cloned(),
        }))
    }

    fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> wasmtime::Result<Result<(), StateError>> {
        if let Err(error) = self.state_call(Some(&key)) {
            return Ok(Err(error));
        }
        if value.len() > STATE_VALUE {
            return Ok(Err(StateError::Quota(format!(
                "a value has at most {STATE_VALUE} bytes"
            ))));
        }
        let (keys, bytes) = self.state_size(&key, value.len());
        if keys > STATE_KEYS || bytes > STATE_BYTES {
            let text = format!("at most {STATE_KEYS} keys and {STATE_BYTES} bytes");
            return Ok(Err(StateError::Quota(text)));
        }
        let expires = ttl_ms.map(|ttl| {
            (self.config.now_ms)().saturating_add(i64::try_from(ttl).unwrap_or(i64::MAX))
        });
        self.call.staged.insert(key, Some((value, expires)));
        Ok(Ok(()))
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), StateError>> {
        if let Err(error) = self.state_call(Some(&key)) {
            return Ok(Err(error));
        }
        if self.installation.state.contains_key(&key) {
            self.call.staged.insert(key, None);
        } else {
            self.call.staged.remove(&key);
        }
        Ok(Ok(()))
    }

    fn keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, StateError>> {
        if let Err(error) = self.state_call(None) {
            return Ok(Err(error));
        }
        let staged = &self.call.staged;
        let kept = self
            .installation
            .state
            .keys()
            .filter(|k| !staged.contains_key(*k));
        let changed = staged.iter().filter(|(_, v)| v.is_some()).map(|(k, _)| k);
        let mut keys: Vec<&String> = kept
            .chain(changed)
            .filter(|k| k.starts_with(&prefix) && after.as_ref().is_none_or(|a| *k > a))
            .collect();
        keys.sort_unstable();
        Ok(Ok(keys.into_iter().take(limit as usize).cloned().collect()))
    }
}

impl host::secrets::Host for Context {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<Resource<Handle>, SecretError>> {
        if let Some(value) = self.installation.secrets.get(&name) {
            let value = value.clone();
            return match self.handles.push(Handle { name, value }) {
                Ok(handle) => Ok(Ok(handle)),
                Err(error) => Ok(Err(SecretError::Unavailable(error.to_string()))),
            };
        }
        let shown = clean(&name);
        Ok(Err(
            if self.manifest.asks.secret(&name).is_some()
                && self.installation.granted_secrets.contains(&name)
            {
                SecretError::NotSet(format!("the secret {shown:?} is not filled in"))
            } else {
                SecretError::Denied(self.deny("secrets", format!("the secret {shown:?}")))
            },
        ))
    }
}

impl host::secrets::HostSecret for Context {
    fn id(&mut self, handle: Resource<Handle>) -> wasmtime::Result<String> {
        Ok(self.handles.get(&handle)?.id())
    }

    fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.handles.delete(handle)?;
        Ok(())
    }
}

impl Context {
    /// The bytes of the parts, and whether a secret is among them.
    fn joined(&self, parts: &[Part]) -> wasmtime::Result<(Zeroizing<Vec<u8>>, bool)> {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut secret = false;
        for part in parts {
            match part {
                Part::Bytes(known) => bytes.extend_from_slice(known),
                Part::Secret(handle) => {
                    let value = self.handles.get(handle)?.value.expose();
                    secret |= !value.is_empty();
                    bytes.extend_from_slice(value);
                }
            }
        }
        Ok((bytes, secret))
    }

    fn crypto_call(&mut self) -> Result<(), CryptoError> {
        self.call.crypto_calls += 1;
        if self.call.crypto_calls > CRYPTO_CALLS {
            return Err(CryptoError::BudgetExceeded(format!(
                "more than {CRYPTO_CALLS} operations in one call"
            )));
        }
        Ok(())
    }

    fn signature_call(&mut self) -> Result<(), CryptoError> {
        self.crypto_call()?;
        self.call.signatures += 1;
        if self.call.signatures > SIGNATURES {
            return Err(CryptoError::BudgetExceeded(format!(
                "more than {SIGNATURES} signatures in one call"
            )));
        }
        Ok(())
    }

    /// Key and message of a MAC.
    #[expect(
        clippy::type_complexity,
        reason = "two values that are overwritten after use"
    )]
    fn mac_input(
        &mut self,
        key: &[Part],
        message: &[Part],
    ) -> wasmtime::Result<Result<(Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>), CryptoError>> {
        if let Err(error) = self.crypto_call() {
            return Ok(Err(error));
        }
        let (key, secret) = self.joined(key)?;
        if !secret {
            return Ok(Err(CryptoError::BadKey(
                "the key holds no secret".to_owned(),
            )));
        }
        Ok(Ok((key, self.joined(message)?.0)))
    }
}

impl From<WitHash> for Hash {
    fn from(hash: WitHash) -> Self {
        match hash {
            WitHash::Sha1 => Self::Sha1,
            WitHash::Sha256 => Self::Sha256,
            WitHash::Sha512 => Self::Sha512,
        }
    }
}

impl From<WitSignature> for Signature {
    fn from(kind: WitSignature) -> Self {
        match kind {
            WitSignature::RsaPkcs1Sha256 => Self::RsaPkcs1Sha256,
            WitSignature::EcdsaP256Sha256 => Self::EcdsaP256Sha256,
            WitSignature::Ed25519 => Self::Ed25519,
        }
    }
}

impl host::crypto::Host for Context {
    fn mac(
        &mut self,
        key: Vec<Part>,
        hash: WitHash,
        message: Vec<Part>,
    ) -> wasmtime::Result<Result<Vec<u8>, CryptoError>> {
        Ok(self
            .mac_input(&key, &message)?
            .map(|(key, message)| crypto::mac(&key, hash.into(), &message)))
    }

    fn verify_mac(
        &mut self,
        key: Vec<Part>,
        hash: WitHash,
        message: Vec<Part>,
        mac: Vec<u8>,
    ) -> wasmtime::Result<Result<bool, CryptoError>> {
        Ok(self
            .mac_input(&key, &message)?
            .map(|(key, message)| crypto::verify_mac(&key, hash.into(), &message, &mac)))
    }

    fn sign(
        &mut self,
        key: Resource<Handle>,
        kind: WitSignature,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, CryptoError>> {
        if let Err(error) = self.signature_call() {
            return Ok(Err(error));
        }
        let key = self.handles.get(&key)?.value.expose();
        Ok(crypto::sign(key, kind.into(), &message).map_err(CryptoError::BadKey))
    }

    fn verify(
        &mut self,
        public_key: String,
        kind: WitSignature,
        message: Vec<u8>,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<bool, CryptoError>> {
        if let Err(error) = self.signature_call() {
            return Ok(Err(error));
        }
        Ok(crypto::verify(&public_key, kind.into(), &message, &value).map_err(CryptoError::BadKey))
    }
}

impl From<HttpFault> for HttpError {
    fn from(fault: HttpFault) -> Self {
        match fault {
            HttpFault::Denied(why) => Self::Denied(why),
            HttpFault::BlockedAddress(why) => Self::BlockedAddress(why),
            HttpFault::InvalidRequest(why) => Self::InvalidRequest(why),
            HttpFault::Dns(why) => Self::Dns(why),
            HttpFault::Connect(why) => Self::Connect(why),
            HttpFault::Tls(why) => Self::Tls(why),
            HttpFault::Timeout => Self::Timeout,
            HttpFault::TooLarge(limit) => Self::TooLarge(limit),
            // The contract has no case of its own; the wait goes into the failure of the call.
            HttpFault::Patience { .. } => Self::BudgetExceeded(fault.to_string()),
            HttpFault::BudgetExceeded(why) => Self::BudgetExceeded(why),
            HttpFault::Protocol(why) => Self::Protocol(why),
        }
    }
}

impl Context {
    /// A request of the guest in the host's terms; handles become values.
    fn outgoing(&self, request: WitRequest) -> wasmtime::Result<egress::Request> {
        use host::http::{Credential as C, Method};
        let method = match request.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
        };
        let mut credentials = Vec::with_capacity(request.credentials.len());
        for credential in request.credentials {
            let (placement, handle) = match credential {
                C::Bearer(handle) => (Placement::Bearer, handle),
                C::Basic((user, handle)) => (Placement::Basic(user), handle),
                C::Header((name, handle)) => (Placement::Header(name), handle),
                C::Query((name, handle)) => (Placement::Query(name), handle),
                C::Form((name, handle)) => (Placement::Form(name), handle),
                C::Json((name, handle)) => (Placement::Json(name), handle),
            };
            let secret = self.handles.get(&handle)?.value.clone();
            credentials.push(egress::Credential { placement, secret });
        }
        let left = self.limits.wall.saturating_sub(self.call.started.elapsed());
        let wanted = request.timeout_ms.map_or(egress::USUAL_TIMEOUT, |ms| {
            std::time::Duration::from_millis(ms.into())
        });
        Ok(egress::Request {
            method: method.to_owned(),
            url: request.url,
            headers: request
                .headers
                .into_iter()
                .map(|h| (h.name, h.value))
                .collect(),
            body: request.body,
            credentials,
            max_redirects: request.max_redirects,
            timeout: wanted.min(left),
            max_response_bytes: request
                .max_response_bytes
                .map_or(egress::USUAL_RESPONSE, u64::from),
            idempotency_key: request.idempotency_key,
        })
    }

    /// Sends some requests at the same time; each may use its share of the bytes left.
    async fn send_some(
        &mut self,
        requests: Vec<WitRequest>,
    ) -> wasmtime::Result<Vec<Result<WitResponse, HttpError>>> {
        let count = requests.len();
        let mut answers: Vec<Option<Result<WitResponse, HttpError>>> =
            (0..count).map(|_| None).collect();
        let left = self.limits.http_bytes.saturating_sub(self.call.http_bytes);
        let share = left / u64::try_from(count).unwrap_or(1).max(1);
        let policy = Arc::clone(
            self.policy
                .get_or_insert_with(|| Arc::new(Policy::new(&self.installation.hosts))),
        );
        // Tasks of their own: host functions run on the guest's small stack. They end with the set.
        let mut running = JoinSet::new();
        for (place, request) in requests.into_iter().enumerate() {
            if let Some(why) = self.no_effects("http") {
                answers[place] = Some(Err(HttpError::Denied(why)));
                continue;
            }
            self.call.http_calls = self.call.http_calls.saturating_add(1);
            if self.call.http_calls > self.limits.http_calls || share == 0 {
                let text = format!(
                    "at most {} requests and {} bytes in one call",
                    self.limits.http_calls, self.limits.http_bytes
                );
                answers[place] = Some(Err(HttpError::BudgetExceeded(text)));
                continue;
            }
            let mut request = self.outgoing(request)?;
            request.max_response_bytes = request.max_response_bytes.min(share);
            let (transport, rates) = (Arc::clone(&self.config.transport), Arc::clone(&self.rates));
            let (policy, id) = (Arc::clone(&policy), self.installation.id.clone());
            // The host and never the path or the query, which may name a customer.
            let host = Url::parse(&request.url)
                .ok()
                .and_then(|url| url.host_str().map(str::to_owned))
                .unwrap_or_default();
            let span = tracing::info_span!(
                target: "plugin",
                parent: &self.call.span,
                "plugin_http",
                method = request.method,
                server.address = host,
                status = tracing::field::Empty,
            );
            let asked = async move {
                let done = egress::send(&*transport, &policy, &rates, &id, request).await;
                if let Ok(response) = &done {
                    tracing::Span::current().record("status", response.status);
                }
                (place, done)
            };
            running.spawn(asked.instrument(span));
        }
        while let Some(done) = running.join_next().await {
            let (place, done) = done.map_err(|e| wasmtime::Error::msg(e.to_string()))?;
            answers[place] = Some(match done {
                Ok(mut response) => {
                    self.call.http_bytes = self
                        .call
                        .http_bytes
                        .saturating_add(response.body.len() as u64);
                    self.redactor.take_out(&mut response.body);
                    Ok(WitResponse {
                        status: response.status,
                        url: self.redactor.without(response.url),
                        headers: response
                            .headers
                            .into_iter()
                            .map(|(name, value)| host::types::Header {
                                name,
                                value: self.redactor.without(value),
                            })
                            .collect(),
                        body: response.body,
                    })
                }
                Err(fault) => {
                    if let HttpFault::Denied(why) = &fault {
                        self.deny("http", why.clone());
                    }
                    if let HttpFault::Patience { left_ms, .. } = &fault {
                        let known = self.call.patience_ms.unwrap_or(0);
                        self.call.patience_ms = Some(known.max(*left_ms));
                    }
                    Err(fault.into())
                }
            });
        }
        let missing = || Err(HttpError::Protocol("no answer".to_owned()));
        Ok(answers
            .into_iter()
            .map(|a| a.unwrap_or_else(missing))
            .collect())
    }
}

impl host::http::Host for Context {
    async fn send(
        &mut self,
        request: WitRequest,
    ) -> wasmtime::Result<Result<WitResponse, HttpError>> {
        let mut answers = self.send_some(vec![request]).await?;
        Ok(answers.pop().unwrap_or(Err(HttpError::Timeout)))
    }

    async fn send_all(
        &mut self,
        requests: Vec<WitRequest>,
    ) -> wasmtime::Result<Vec<Result<WitResponse, HttpError>>> {
        let mut answers = Vec::with_capacity(requests.len());
        let mut waiting = requests.into_iter();
        loop {
            let some: Vec<WitRequest> = waiting
                .by_ref()
                .take(self.limits.http_parallel as usize)
                .collect();
            if some.is_empty() {
                return Ok(answers);
            }
            answers.extend(self.send_some(some).await?);
        }
    }
}

impl From<ImapFault> for ImapError {
    fn from(fault: ImapFault) -> Self {
        match fault {
            ImapFault::Denied(why) => Self::Denied(why),
            ImapFault::Connect(why) => Self::Connect(why),
            ImapFault::Auth(why) => Self::Auth(why),
            ImapFault::Protocol(why) => Self::Protocol(why),
            ImapFault::Timeout => Self::Timeout,
        }
    }
}

impl Context {
    /// Runs an operation on the mailbox in a task of its own, which ends with the call.
    async fn with_mailbox<T, F>(
        &mut self,
        work: impl FnOnce(Mailbox) -> F + Send,
    ) -> wasmtime::Result<Result<T, ImapError>>
    where
        T: Send + 'static,
        F: Future<Output = (Mailbox, Result<T, ImapFault>)> + Send + 'static,
    {
        if let Some(why) = self.no_effects("imap") {
            return Ok(Err(ImapError::Denied(why)));
        }
        let Some(grant) = &self.installation.imap else {
            return Ok(Err(ImapError::Denied(
                self.deny("imap", "no mailbox is granted"),
            )));
        };
        self.call.imap_calls += 1;
        if self.call.imap_calls > IMAP_CALLS {
            return Ok(Err(ImapError::BudgetExceeded(format!(
                "more than {IMAP_CALLS} operations in one call"
            ))));
        }
        let mailbox = match self.call.mailbox.take() {
            Some(mailbox) => mailbox,
            None => Mailbox::new(grant.clone(), Arc::clone(&self.config.dialer)),
        };
        let mut running = JoinSet::new();
        running.spawn(tokio::time::timeout(imap::OPERATION, work(mailbox)));
        let done = match running.join_next().await {
            Some(done) => done.map_err(|e| wasmtime::Error::msg(e.to_string()))?,
            None => return Ok(Err(ImapError::Timeout)),
        };
        let Ok((mailbox, answer)) = done else {
            return Ok(Err(ImapError::Timeout));
        };
        self.call.mailbox = Some(mailbox);
        Ok(answer.map_err(|fault| {
            if let ImapFault::Denied(why) = &fault {
                self.deny("imap", why.clone());
            }
            fault.into()
        }))
    }
}

impl host::imap::Host for Context {
    async fn examine(
        &mut self,
        folder: String,
    ) -> wasmtime::Result<Result<host::imap::FolderState, ImapError>> {
        let state = self
            .with_mailbox(|mut mailbox| async move {
                let done = mailbox.examine(&folder).await;
                (mailbox, done)
            })
            .await?;
        Ok(state.map(|s| host::imap::FolderState {
            uid_validity: s.uid_validity,
            uid_next: s.uid_next,
            exists: s.exists,
        }))
    }

    async fn fetch(
        &mut self,
        folder: String,
        after: u32,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<host::imap::Mail>, ImapError>> {
        let mails = self
            .with_mailbox(move |mut mailbox| async move {
                let done = mailbox.fetch(&folder, after, limit).await;
                (mailbox, done)
            })
            .await?;
        Ok(mails.map(|mails| {
            self.call.mails = self
                .call
                .mails
                .saturating_add(u32::try_from(mails.len()).unwrap_or(u32::MAX));
            mails
                .into_iter()
                .map(|m| host::imap::Mail {
                    uid: m.uid,
                    received_at: m.received_at_ms,
                    raw: m.raw,
                    truncated: m.truncated,
                })
                .collect()
        }))
    }

    async fn mark_seen(
        &mut self,
        folder: String,
        uids: Vec<u32>,
    ) -> wasmtime::Result<Result<(), ImapError>> {
        if uids.len() > 1000 {
            return Ok(Err(ImapError::BudgetExceeded(
                "at most 1000 mails at once".to_owned(),
            )));
        }
        self.with_mailbox(|mut mailbox| async move {
            let done = mailbox.mark_seen(&folder, &uids).await;
            (mailbox, done)
        })
        .await
    }
}

impl From<FileFault> for wit_files::FileError {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::InvalidPath(path) => Self::InvalidPath(path),
            FileFault::TooLarge(limit) => Self::TooLarge(limit),
            FileFault::Io(detail) => Self::Io(detail),
        }
    }
}

impl Context {
    /// Runs a file operation on a thread for blocking work: host functions run on the guest's
    /// small stack, and a slow disk must not hold up a worker.
    async fn with_files<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&crate::FileGrant) -> Result<T, FileFault> + Send + 'static,
    ) -> wasmtime::Result<Result<T, wit_files::FileError>> {
        let Some(grant) = self.installation.files.clone() else {
            return Ok(Err(wit_files::FileError::Denied(
                self.deny("files", "no folder is granted"),
            )));
        };
        self.call.file_calls += 1;
        if self.call.file_calls > FILE_CALLS {
            return Ok(Err(wit_files::FileError::Denied(
                "too many file operations in one call".to_owned(),
            )));
        }
        let done = tokio::task::spawn_blocking(move || work(&grant)).await;
        Ok(done
            .map_err(|e| wasmtime::Error::msg(e.to_string()))?
            .map_err(Into::into))
    }
}

impl wit_files::Host for Context {
    async fn read(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, wit_files::FileError>> {
        self.with_files(move |grant| files::read(grant, &path))
            .await
    }

    async fn write(
        &mut self,
        path: String,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<(), wit_files::FileError>> {
        self.with_files(move |grant| files::write(grant, &path, &content))
            .await
    }

    async fn remove(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<bool, wit_files::FileError>> {
        self.with_files(move |grant| files::remove(grant, &path))
            .await
    }
}

/// Caps memories and tables; remembers a refusal, because a guest without memory only traps.
pub(crate) struct MemoryLimiter {
    limit: usize,
    /// Linear memory of the instance: it never shrinks.
    used: usize,
    pub(crate) refused: bool,
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let allowed = self.used.saturating_add(more) <= self.limit;
        self.refused |= !allowed;
        if allowed {
            self.used += more;
        }
        Ok(allowed)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= crate::engine::TABLE_ELEMENTS)
    }

    // The pool has the limits of each engine; these only bound what no pool bounds.
    fn instances(&self) -> usize {
        128
    }

    fn tables(&self) -> usize {
        16
    }

    fn memories(&self) -> usize {
        4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_are_cleaned_and_cut_between_characters() {
        assert_eq!(clean("a\u{1b}[31m\nb"), "a [31m b");
        let long = "好".repeat(LINE_BYTES);
        assert!(clean(&long).len() <= LINE_BYTES);
    }
}
