//! A guest for the tests of the host: it runs a script of commands (JSON) and answers what each one
//! led to, so that the tests say what happens and the component stays the same.
//!
//! The script stands in the name of the stream (`pull`), in the body (`handle`, `verify`) or in the
//! text of the message (`notify`). Each role is a feature.

#[cfg(any(feature = "acking-puller", feature = "webhook", feature = "connector", feature = "notifier", feature = "steered"))]
mod script;

use plugin_sdk::Lifecycle;
#[allow(unused_imports, reason = "each feature uses some of them")]
use plugin_sdk::{Failure, FailureClass, connector, failure, notifier};

/// The plugin.
pub struct Probe;

#[cfg(not(feature = "steered"))]
impl Lifecycle for Probe {}

/// A connector whose settings say what it does, for the tests of the whole server:
/// `{"pages": [{…}], "commands": […], "ack": [{…}]}`. `pages` are those of `script::page`, one a pull behind the
/// cursor; `commands` run before each of them; `ack` runs when it is told what was kept, a request's body being
/// the tokens. `{"stays": true}` says that there is more, for ever, and brings nothing.
#[cfg(feature = "steered")]
mod steered {
    use plugin_sdk::connector::{Acker, Cursor, Next, Page, PullRequest, Puller, StreamSpec};
    use serde_json::{Value, json};

    use super::{Failure, FailureClass, Lifecycle, Probe, failure, script};

    impl Lifecycle for Probe {}

    fn settings() -> Result<Value, Failure> {
        plugin_sdk::host::config()
    }

    fn list<'a>(settings: &'a Value, name: &str) -> &'a [Value] {
        settings[name].as_array().map_or(&[], Vec::as_slice)
    }

    /// Answers that are no success are failures that may pass.
    fn run(command: &Value) -> Result<(), Failure> {
        let answer = script::run(command)?;
        let sound = command["do"] != "http" || answer["ok"]["status"] == 200;
        if sound { Ok(()) } else { Err(failure::new(FailureClass::Transient, "probe.answer", answer.to_string())) }
    }

    impl Puller for Probe {
        fn open() -> Result<Self, Failure> {
            Ok(Self)
        }

        fn streams(&self) -> Result<Vec<StreamSpec>, Failure> {
            let named = settings()?;
            let named = list(&named, "streams").iter().map(|n| StreamSpec { name: script::text(n), title: String::new() });
            Ok(named.collect())
        }

        fn pull(&self, request: &PullRequest) -> Result<Page, Failure> {
            let settings = settings()?;
            if settings["stays"] == true {
                let here = || Cursor { format: 1, value: "here".to_owned() };
                let cursor = request.cursor.clone().unwrap_or_else(here);
                return Ok(Page { items: Vec::new(), rejected: Vec::new(), cursor, next: Next::More, ack_tokens: Vec::new() });
            }
            for command in list(&settings, "commands") {
                let only = command["stream"].as_str();
                if only.is_none_or(|s| s == request.stream_name) {
                    run(command)?;
                }
            }
            let at: usize = match &request.cursor {
                None => 0,
                Some(cursor) => cursor.value.parse().map_err(|_| failure::new(FailureClass::CursorExpired, "probe.cursor", ""))?,
            };
            let pages = list(&settings, "pages");
            let mut page = Page {
                items: Vec::new(),
                rejected: Vec::new(),
                cursor: Cursor { format: 1, value: pages.len().min(at + 1).to_string() },
                next: if at + 1 < pages.len() { Next::More } else { Next::Idle(None) },
                ack_tokens: Vec::new(),
            };
            if let Some(command) = pages.get(at) {
                script::page(&mut page, command);
                for item in &mut page.items {
                    item.text = Some(format!("{} {}", request.stream_name, item.external_id));
                    item.external_id = format!("{}-{}", request.stream_name, item.external_id);
                }
            }
            Ok(page)
        }
    }

    impl Acker for Probe {
        fn ack(tokens: &[String]) -> Result<(), Failure> {
            for command in list(&settings()?, "ack") {
                let mut command = command.clone();
                if command["do"] == "http" {
                    command["body"] = json!(tokens.join(","));
                }
                run(&command)?;
            }
            script::note("acked", tokens.join(",").as_bytes())
        }
    }
}

#[cfg(any(feature = "acking-puller", feature = "connector"))]
mod pull {
    use plugin_sdk::connector::{Acker, Cursor, Item, Next, Page, PullRequest, Puller, StreamSpec};
    use serde_json::Value;

    use super::{Failure, Probe, script};

    impl Puller for Probe {
        fn open() -> Result<Self, Failure> {
            Ok(Self)
        }

        fn streams(&self) -> Result<Vec<StreamSpec>, Failure> {
            Ok(vec![StreamSpec { name: "tickets".to_owned(), title: "工单".to_owned() }])
        }

        /// Every command becomes an item whose text is the answer; `page` changes the page itself.
        fn pull(&self, request: &PullRequest) -> Result<Page, Failure> {
            let mut page = Page {
                items: Vec::new(),
                rejected: Vec::new(),
                cursor: Cursor { format: 1, value: "next".to_owned() },
                next: Next::Idle(None),
                ack_tokens: Vec::new(),
            };
            for (place, command) in script::commands(&request.stream_name)?.iter().enumerate() {
                if command["do"] == "page" {
                    script::page(&mut page, command);
                    continue;
                }
                page.items.push(Item {
                    external_id: place.to_string(),
                    text: Some(script::run(command)?.to_string()),
                    ..Item::default()
                });
            }
            Ok(page)
        }

        fn migrate_cursor(&self, stream: &str, old: Cursor) -> Result<Cursor, Failure> {
            for command in script::commands(stream)? {
                let answer = script::run(&command)?;
                if answer != Value::Null {
                    return Ok(Cursor { format: old.format + 1, value: answer.to_string() });
                }
            }
            Ok(Cursor { format: old.format + 1, value: old.value })
        }
    }

    impl Acker for Probe {
        fn ack(tokens: &[String]) -> Result<(), Failure> {
            script::note("acked", tokens.join(",").as_bytes())
        }
    }
}

#[cfg(any(feature = "webhook", feature = "connector"))]
mod push {
    use plugin_sdk::connector::{Accepted, HookRequest, Item, Outcome, Reply, Webhook};

    use super::{Failure, Probe, script};

    impl Webhook for Probe {
        fn open() -> Result<Self, Failure> {
            Ok(Self)
        }

        /// True when the last command answers `{"ok":true}`.
        fn verify(&self, request: &HookRequest) -> Result<bool, Failure> {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let mut last = serde_json::Value::Null;
            for command in script::commands(&body)? {
                last = script::run(&command)?;
            }
            Ok(last["ok"] == true)
        }

        fn handle(&self, request: &HookRequest) -> Result<Outcome, Failure> {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let mut items = Vec::new();
            for (place, command) in script::commands(&body)?.iter().enumerate() {
                match command["do"].as_str() {
                    Some("respond") => {
                        return Ok(Outcome::Respond(Reply {
                            status: script::number(&command["status"]) as u16,
                            content_type: script::text(&command["type"]),
                            body: vec![b'x'; script::number(&command["bytes"]) as usize],
                        }));
                    }
                    Some("reject") => return Ok(Outcome::Reject(script::text(&command["why"]))),
                    _ => {}
                }
                items.push(Item {
                    external_id: place.to_string(),
                    text: Some(script::run(command)?.to_string()),
                    ..Item::default()
                });
            }
            Ok(Outcome::Accept(Accepted { items, rejected: Vec::new() }))
        }
    }
}

#[cfg(feature = "notifier")]
use plugin_sdk::notifier::Notifier;

#[cfg(feature = "notifier")]
impl Notifier for Probe {
    fn open() -> Result<Self, Failure> {
        Ok(Self)
    }

    fn notify(&self, message: &notifier::Message) -> Result<(), Failure> {
        let mut answers = Vec::new();
        for command in script::commands(&message.text)? {
            answers.push(script::run(&command)?.to_string());
        }
        script::note("answers", answers.join("\n").as_bytes())
    }
}

#[cfg(feature = "knowledge-base")]
mod knowledge {
    use plugin_sdk::host::{Files, GrantedFolder};
    use plugin_sdk::{Article, Failure, KnowledgeBase, Receipt, RemoteState};

    use super::Probe;

    fn receipt(article: &Article) -> Receipt {
        Receipt { external_ref: article.id.clone(), external_version: None, url: None }
    }

    impl KnowledgeBase for Probe {
        fn open() -> Result<Self, Failure> {
            Ok(Self)
        }
        fn upsert(&self, article: &Article) -> Result<Receipt, Failure> {
            GrantedFolder.write(&article.id, article.body.as_bytes())?;
            Ok(receipt(article))
        }
        fn look_up(&self, article: &Article) -> Result<RemoteState, Failure> {
            Ok(match GrantedFolder.read(&article.id)? {
                None => RemoteState::Absent,
                Some(content) if content == article.body.as_bytes() => RemoteState::Unchanged(receipt(article)),
                Some(_) => RemoteState::Ours(receipt(article)),
            })
        }
        fn retract(&self, external_ref: &str) -> Result<(), Failure> {
            GrantedFolder.remove(external_ref)?;
            Ok(())
        }
        fn put_synonyms(&self, _terms: &[(String, String)]) -> Result<(), Failure> {
            Ok(())
        }
        fn flag(&self, external_ref: &str, _reason: &str) -> Result<Receipt, Failure> {
            Ok(Receipt { external_ref: external_ref.to_owned(), external_version: None, url: None })
        }
    }
}

#[cfg(feature = "classifier")]
mod classify {
    use plugin_sdk::taxonomy::Taxonomy;
    use plugin_sdk::{Classification, Classifier, Document, Failure, Label, ModelInfo, Polarity};

    use super::Probe;

    impl Classifier for Probe {
        fn prepare(_taxonomy: Taxonomy) -> Result<(Self, ModelInfo), Failure> {
            let info = ModelInfo { name: "probe".to_owned(), version: "1.0.0".to_owned(), max_batch: 100, max_text_bytes: 65_536 };
            Ok((Self, info))
        }
        /// The first word of the text is the topic.
        fn classify(&self, document: &Document) -> Result<Classification, Failure> {
            let topic = document.text.split(' ').next().unwrap_or_default();
            Ok(Classification {
                topics: vec![Label { id: topic.to_owned(), confidence: 1.0 }],
                sub_causes: Vec::new(),
                intents: Vec::new(),
                polarity: Polarity::Neutral,
                sentiment: 0.0,
                sentiment_confidence: 0.0,
                emotions: Vec::new(),
                risk: 0.0,
                extracted: Vec::new(),
                evidence: Vec::new(),
                attributes: Vec::new(),
            })
        }
    }
}

#[cfg(feature = "classifier")]
plugin_sdk::export!(classifier: Probe);
#[cfg(feature = "knowledge-base")]
plugin_sdk::export!(knowledge_base: Probe);
#[cfg(any(feature = "acking-puller", feature = "steered"))]
plugin_sdk::export!(acking_puller: Probe);
#[cfg(feature = "webhook")]
plugin_sdk::export!(webhook: Probe);
#[cfg(feature = "connector")]
plugin_sdk::export!(connector: Probe);
#[cfg(feature = "notifier")]
plugin_sdk::export!(notifier: Probe);
