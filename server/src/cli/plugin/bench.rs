//! A component in the real host, on a stage: cases run here.

use super::stage::{Stage, Trouble};
use crate::analysis::Words;
use plugin_build::case::{Case, Step, differs};
use plugin_build::plugin_sdk::encoding;
use plugin_build::plugin_sdk::testing::Replay;
use plugin_build::plugin_sdk::time;
use plugin_host::taxonomy::Taxonomy;
use plugin_host::{
    Answer, Article, BodyFormat, Compiled, Cursor, Document, FileGrant, Grant, Header, HookRequest,
    Host, HostGrant, Inspection, Installation, Message, Next, Outcome, Page, PluginError, PullMode,
    PullRequest, Receipt, RemoteState, Role, SecretValue, Used, Visibility, effective,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A taxonomy for classifiers that bring no case with their own.
const TOPICS: &str = r#"{"version": 1, "topics": [
    {"key": "tariff", "words": ["资费", "套餐", "话费", "tariff"]},
    {"key": "network", "words": ["网速", "信号", "断网", "network"]}
]}"#;

/// A component, compiled once.
pub(super) struct Bench {
    pub(super) host: Host,
    pub(super) stage: Arc<Stage>,
    pub(super) compiled: Compiled,
}

/// What a case's calls led to.
pub(super) struct Ran {
    /// Operation and what it took.
    pub(super) used: Vec<(String, Used)>,
    /// What was not as the case wants it.
    pub(super) problems: Vec<String>,
}

/// What an installation has between calls.
pub(super) struct Scene {
    pub(super) installation: Installation,
    /// Where the last pull ended.
    pub(super) cursor: Option<Cursor>,
    /// Tokens of the last pull.
    pub(super) tokens: Vec<String>,
    _folder: Option<Folder>,
}

/// A folder that goes away with the case.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("bihuan-plugin-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing was written: then there is no folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Bench {
    /// Compiles a component into a host that reaches nothing.
    pub(super) async fn new(component: Vec<u8>) -> Result<Self, PluginError> {
        let stage = Stage::new();
        let host = Host::new(stage.host())?;
        let compiled = host.compile(component).await?;
        Ok(Self {
            host,
            stage,
            compiled,
        })
    }

    pub(super) fn inspection(&self) -> &Inspection {
        self.compiled.inspection()
    }

    /// What a call took, beside its limits.
    pub(super) fn spent(&self, used: &Used) -> String {
        let limits = self.compiled.limits(&Installation::default());
        let mb = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        format!(
            "computing {} of {} ms, memory {:.1} of {:.0} MiB, {} of {} requests, {} KiB received, {} log lines",
            used.cpu_ms,
            limits.cpu.as_millis(),
            mb(used.memory_bytes),
            mb(limits.memory_bytes as u64),
            used.http_calls,
            limits.http_calls,
            used.http_bytes.div_ceil(1024),
            used.log_lines,
        )
    }

    /// An installation with everything that the plugin asks for and the case needs.
    pub(super) fn scene(&self, case: &Case) -> Scene {
        let manifest = &self.inspection().manifest;
        let origins: Vec<String> = case
            .exchanges
            .iter()
            .filter_map(|e| url::Url::parse(&e.request.url).ok())
            .map(|url| url.origin().ascii_serialization())
            .collect();
        let mut hosts: Vec<HostGrant> = Vec::new();
        for origin in manifest
            .asks
            .hosts
            .iter()
            .map(|h| &h.origin)
            .chain(&origins)
        {
            if origin != "*" && !hosts.iter().any(|h| h.origin == *origin) {
                hosts.push(HostGrant {
                    origin: origin.clone(),
                    methods: Vec::new(),
                    // Plain http needs named networks; nothing is dialled here.
                    networks: if origin.starts_with("http:") {
                        vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()]
                    } else {
                        Vec::new()
                    },
                });
            }
        }
        let folder = manifest.asks.files.as_ref().map(|_| Folder::new());
        let grant = Grant {
            hosts,
            secrets: manifest
                .asks
                .secrets
                .iter()
                .map(|s| s.name.clone())
                .collect(),
            files: folder.as_ref().map(|f| FileGrant::new(f.0.clone())),
            ..Grant::default()
        };
        let effective = effective(manifest, &grant);
        let secrets = effective
            .secrets
            .iter()
            .filter_map(|(name, origins)| {
                let value = case.secrets.get(name)?.clone().into_bytes();
                Some((name.clone(), SecretValue::new(value, 1, origins.clone())))
            })
            .collect();
        // The host remembers per installation who asked for patience: every scene is another one.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let installation = Installation {
            id: format!("bench-{number}"),
            settings: case.settings.to_string(),
            files: effective.files,
            hosts: effective.hosts,
            secrets,
            granted_secrets: grant.secrets,
            state: case
                .state
                .iter()
                .map(|(key, value)| (key.clone(), value.to_string().into_bytes()))
                .collect(),
            limits: effective.limits,
            ..Installation::default()
        };
        Scene {
            installation,
            cursor: None,
            tokens: Vec::new(),
            _folder: folder,
        }
    }

    /// Puts the recorded answers of a case on the stage.
    pub(super) fn set(&self, case: &Case, trouble: Option<(usize, Trouble)>) {
        let now = case.now.as_deref().and_then(time::from_rfc3339);
        self.stage
            .set(Replay::new(case.exchanges.clone()), now, trouble);
    }

    /// Runs a case as it stands.
    pub(super) async fn case(&self, case: &Case) -> Ran {
        let mut scene = self.scene(case);
        self.set(case, None);
        let mut ran = Ran {
            used: Vec::new(),
            problems: Vec::new(),
        };
        for (number, step) in case.calls.iter().enumerate() {
            let at = format!("call {} ({})", number + 1, step.call);
            let answer = self.call(&mut scene, step).await;
            match (answer, &step.fails) {
                (Ok((value, used)), None) => {
                    ran.used.push((step.call.clone(), used));
                    let wanted = step.expect.as_ref();
                    if let Some(difference) = wanted.and_then(|w| differs(w, &value)) {
                        ran.problems.push(format!("{at}: {difference}"));
                    }
                }
                (Ok(_), Some(wanted)) => {
                    ran.problems.push(format!(
                        "{at}: worked, and should have failed with {wanted}"
                    ));
                }
                (Err(error), Some(wanted)) => {
                    let (class, code) = told(&error);
                    if class != *wanted && code != *wanted {
                        ran.problems.push(format!(
                            "{at}: failed with {class} ({code}), not with {wanted}"
                        ));
                    }
                }
                (Err(error), None) => {
                    ran.problems.push(format!("{at}: {error}"));
                    break;
                }
            }
        }
        ran.problems.extend(self.stage.problems());
        ran
    }

    /// One call; its staged state, cursor and tokens become the scene's.
    pub(super) async fn call(
        &self,
        scene: &mut Scene,
        step: &Step,
    ) -> Result<(Value, Used), PluginError> {
        let with = &step.with;
        let text = |name: &str| with[name].as_str().unwrap_or_default().to_owned();
        let installation = scene.installation.clone();
        let wrong = |detail: String| PluginError::Refused { detail };
        // What every role answers.
        match step.call.as_str() {
            "check" => {
                let answer = self.compiled.check(&Arc::new(installation)).await?;
                return self.checked(scene, answer);
            }
            "validate-config" => {
                let installation = Arc::new(installation);
                self.compiled.validate_config(&installation).await?;
                return Ok((Value::Null, Used::default()));
            }
            _ => {}
        }
        match (self.inspection().role, step.call.as_str()) {
            (Role::Connector, call) => {
                let connector = self.host.connector(&self.compiled, installation)?;
                match call {
                    "streams" => {
                        let answer = connector.streams().await?;
                        let names: Vec<&str> =
                            answer.value.iter().map(|s| s.name.as_str()).collect();
                        let value = json!(names);
                        Ok(self.kept(scene, answer.map_value(value)))
                    }
                    "pull" => {
                        let answer = connector.pull(pull_request(with, scene)?).await?;
                        scene.cursor = Some(answer.value.cursor.clone());
                        scene.tokens.clone_from(&answer.value.ack_tokens);
                        let value = page(&answer.value);
                        Ok(self.kept(scene, answer.map_value(value)))
                    }
                    "handle" => {
                        let answer = connector.handle(self.hook_request(with)?).await?;
                        let value = outcome(&answer.value);
                        Ok(self.kept(scene, answer.map_value(value)))
                    }
                    "ack" => {
                        let answer = connector.ack(&scene.tokens.clone()).await?;
                        Ok(self.kept(scene, answer.map_value(Value::Null)))
                    }
                    _ => Err(wrong(format!("a connector has no call {call:?}"))),
                }
            }
            (Role::Notifier, call) => {
                let notifier = self.host.notifier(&self.compiled, installation)?;
                match call {
                    "notify" => {
                        let answer = notifier.notify(message(with)?).await?;
                        Ok(self.kept(scene, answer.map_value(Value::Null)))
                    }
                    _ => Err(wrong(format!("a notifier has no call {call:?}"))),
                }
            }
            (Role::KnowledgeBase, call) => {
                let kb = self.host.knowledge_base(&self.compiled, installation)?;
                let (reference, key) = (text("external_ref"), text("idempotency_key"));
                match call {
                    "upsert" => {
                        let answer = kb.upsert(article(with)).await?;
                        let value = receipt(&answer.value);
                        Ok(self.kept(scene, answer.map_value(value)))
                    }
                    "look-up" => {
                        let answer = kb.lookup(article(with)).await?;
                        let value = state(&answer.value);
                        Ok(self.kept(scene, answer.map_value(value)))
                    }
                    "retract" => {
                        let answer = kb.retract(&reference, &key).await?;
                        Ok(self.kept(scene, answer.map_value(Value::Null)))
                    }
                    "flag" => {
                        let answer = kb.flag(&reference, &text("reason"), &key).await?;
                        let value = receipt(&answer.value);
                        Ok(self.kept(scene, answer.map_value(value)))
                    }
                    "put-synonyms" => {
                        let terms: Vec<(String, String)> =
                            serde_json::from_value(with["terms"].clone())
                                .map_err(|e| wrong(format!("terms: {e}")))?;
                        let answer = kb.put_synonyms(&terms, &key).await?;
                        Ok(self.kept(scene, answer.map_value(Value::Null)))
                    }
                    _ => Err(wrong(format!("a knowledge base has no call {call:?}"))),
                }
            }
            (Role::Classifier, "classify") => {
                let taxonomy = match with.get("taxonomy") {
                    Some(given) => given.to_string(),
                    None => TOPICS.to_owned(),
                };
                let texts: Vec<String> = serde_json::from_value(with["texts"].clone())
                    .map_err(|e| wrong(format!("texts: {e}")))?;
                self.classify(installation, &taxonomy, &texts).await
            }
            (Role::Classifier, call) => Err(wrong(format!("a classifier has no call {call:?}"))),
        }
    }

    /// Labels of texts, in one batch.
    pub(super) async fn classify(
        &self,
        installation: Installation,
        topics: &str,
        texts: &[String],
    ) -> Result<(Value, Used), PluginError> {
        let classifier = self
            .host
            .classifier(&self.compiled, installation, &taxonomy(topics)?)
            .await?;
        let words = Words::new();
        let documents = texts
            .iter()
            .map(|text| Document {
                text: text.clone(),
                token_ends: words.token_ends(text),
                language: None,
                channel: "bench".to_owned(),
                attributes: Vec::new(),
            })
            .collect();
        let answers = classifier.classify(documents).await?;
        let label = |l: &plugin_host::Label| json!({"id": l.id, "confidence": l.confidence});
        let value = answers
            .iter()
            .map(|answer| match answer {
                Ok(c) => json!({
                    "topics": c.topics.iter().map(label).collect::<Vec<_>>(),
                    "causes": c.causes.iter().map(label).collect::<Vec<_>>(),
                    "sentiment": c.sentiment,
                    "risk": c.risk,
                }),
                Err(failure) => json!({"failure": failure.code}),
            })
            .collect();
        Ok((value, Used::default()))
    }

    fn checked(
        &self,
        scene: &mut Scene,
        answer: Answer<plugin_host::CheckReport>,
    ) -> Result<(Value, Used), PluginError> {
        let value = json!({"ok": answer.value.ok, "message": answer.value.message});
        Ok(self.kept(scene, answer.map_value(value)))
    }

    /// Keeps what a call wrote, as the server does in its transaction.
    fn kept(&self, scene: &mut Scene, answer: Answer<Value>) -> (Value, Used) {
        let state = &mut scene.installation.state;
        let now = self.stage.now();
        for (key, value, until) in answer.staged.set {
            if until.is_none_or(|until| until > now) {
                state.insert(key, value);
            }
        }
        for key in answer.staged.deleted {
            state.remove(&key);
        }
        (answer.value, answer.used)
    }

    fn hook_request(&self, with: &Value) -> Result<HookRequest, PluginError> {
        let text = |name: &str| with[name].as_str().unwrap_or_default().to_owned();
        let body = match (&with["json"], &with["text"], &with["base64"]) {
            (Value::Null, Value::String(text), _) => text.clone().into_bytes(),
            (Value::Null, Value::Null, Value::String(coded)) => encoding::from_base64(coded)
                .ok_or_else(|| PluginError::Refused {
                    detail: "base64: this is none".to_owned(),
                })?,
            (json, ..) => json.to_string().into_bytes(),
        };
        let headers: BTreeMap<String, String> =
            serde_json::from_value(with["headers"].clone()).unwrap_or_default();
        Ok(HookRequest {
            method: with["method"].as_str().unwrap_or("POST").to_owned(),
            path: text("path"),
            query: text("query"),
            headers: headers
                .into_iter()
                .map(|(name, value)| Header { name, value })
                .collect(),
            body,
            received_at_ms: self.stage.now(),
            verified_by_host: with["verified"].as_bool().unwrap_or(true),
        })
    }
}

/// Answers whose value is turned into JSON.
trait MapValue {
    fn map_value(self, value: Value) -> Answer<Value>;
}

impl<T> MapValue for Answer<T> {
    fn map_value(self, value: Value) -> Answer<Value> {
        Answer {
            value,
            staged: self.staged,
            used: self.used,
        }
    }
}

/// Class and code of what went wrong, as cases name them.
pub(super) fn told(error: &PluginError) -> (String, String) {
    match error {
        PluginError::Failed(failure) => (failure.class.as_str().to_owned(), failure.code.clone()),
        other => (other.code().to_owned(), other.code().to_owned()),
    }
}

/// A taxonomy of JSON.
fn taxonomy(text: &str) -> Result<Taxonomy, PluginError> {
    Taxonomy::from_json(text).map_err(|e| PluginError::Refused {
        detail: format!("taxonomy: {e}"),
    })
}

/// The request of a step; `"cursor": "last"` goes on where the last pull ended.
fn pull_request(with: &Value, scene: &Scene) -> Result<PullRequest, PluginError> {
    let cursor = match &with["cursor"] {
        Value::Null => None,
        Value::String(last) if last == "last" => scene.cursor.clone(),
        given => Some(
            serde_json::from_value(given.clone()).map_err(|e| PluginError::Refused {
                detail: format!("cursor: {e}"),
            })?,
        ),
    };
    let at = |name: &str| with[name].as_str().and_then(time::from_rfc3339);
    Ok(PullRequest {
        stream: with["stream"].as_str().unwrap_or_default().to_owned(),
        mode: match with["mode"].as_str() {
            Some("backfill") => PullMode::Backfill,
            Some("preview") => PullMode::Preview,
            _ => PullMode::Incremental,
        },
        cursor,
        since_ms: at("since"),
        until_ms: at("until"),
        max_items: with["max_items"]
            .as_u64()
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(1000),
    })
}

/// A page as cases describe it.
pub(super) fn page(page: &Page) -> Value {
    json!({
        "items": page.items,
        "rejected": page.rejected.iter().map(rejected).collect::<Vec<_>>(),
        "cursor": page.cursor,
        "next": match page.next {
            Next::More => "more",
            Next::Idle(_) => "idle",
        },
        "ack_tokens": page.ack_tokens,
    })
}

fn rejected(record: &plugin_host::Rejected) -> Value {
    json!({"external_id": record.external_id, "raw": record.raw, "code": record.failure.code})
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Accept {
            items,
            rejected: bad,
        } => {
            json!({"accept": {"items": items, "rejected": bad.iter().map(rejected).collect::<Vec<_>>()}})
        }
        Outcome::Respond(reply) => json!({"respond": {
            "status": reply.status,
            "content_type": reply.content_type,
            "text": String::from_utf8_lossy(&reply.body),
        }}),
        Outcome::Reject(why) => json!({"reject": why}),
    }
}

fn message(with: &Value) -> Result<Message, PluginError> {
    let mut whole = json!({
        "title": "", "text": "", "markdown": with["text"].as_str().unwrap_or_default(),
        "language": "zh", "link": null, "mention": [], "urgency": "normal",
        "idempotency_key": "bench", "attributes": []
    });
    if let (Some(whole), Some(given)) = (whole.as_object_mut(), with.as_object()) {
        whole.extend(given.clone());
    }
    serde_json::from_value(whole).map_err(|e| PluginError::Refused {
        detail: format!("message: {e}"),
    })
}

/// An article; what a step does not say is made up.
pub(super) fn article(with: &Value) -> Article {
    let text = |name: &str, usual: &str| with[name].as_str().unwrap_or(usual).to_owned();
    let optional = |name: &str| with[name].as_str().map(str::to_owned);
    Article {
        id: text("id", "a-1"),
        title: text("title", "套餐资费"),
        format: BodyFormat::Markdown,
        body: text("body", "办理前逐条确认。"),
        locale: "zh-CN".to_owned(),
        path: vec!["tariff".to_owned()],
        tags: vec!["improved".to_owned()],
        visibility: Visibility::Internal,
        updated_at_ms: 1_767_225_600_000,
        content_hash: text("content_hash", "h1"),
        idempotency_key: text("idempotency_key", "k1"),
        external_ref: optional("external_ref"),
        external_version: optional("external_version"),
        attributes: Vec::new(),
    }
}

fn receipt(receipt: &Receipt) -> Value {
    json!({
        "external_ref": receipt.external_ref,
        "external_version": receipt.external_version,
        "url": receipt.url,
    })
}

fn state(state: &RemoteState) -> Value {
    match state {
        RemoteState::Absent => json!("absent"),
        RemoteState::Unchanged(r) => json!({"unchanged": receipt(r)}),
        RemoteState::ChangedRemotely(r) => json!({"changed-remotely": receipt(r)}),
        RemoteState::Ours(r) => json!({"ours": receipt(r)}),
    }
}
