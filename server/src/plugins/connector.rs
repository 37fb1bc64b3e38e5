//! A connector as intake sees it: voices in, in the words of the domain; nothing of the plugin host.

use super::failed::Failed;
use super::installed::{self, Installed};
use super::service::Plugins;
use crate::app::App;
use domain::intake::feedback::{Incoming, IncomingTurn, Speaker};
use domain::intake::values::Scalar as Value;
use domain::plugins::Installation;
use plugin_host::{
    Connector, Cursor, Header, HookRequest, Item, Next, Outcome, PullMode, PullRequest, Rejected,
    Reply, Scalar, Staged, webhook,
};
use std::collections::BTreeMap;
use storage::{DbError, Tx};

/// A connector that is ready to be called.
pub struct Connected {
    /// What is set.
    pub installation: Installation,
    connector: Connector,
}

/// A record that the plugin could not make a voice of.
pub struct Unusable {
    /// The source's id.
    pub external_id: Option<String>,
    /// Stable word of the plugin.
    pub code: String,
    /// For people.
    pub detail: String,
    /// As it came, JSON. Not masked.
    pub raw: String,
}

/// What a plugin wants to keep for itself, to be written with what it brought.
pub struct Keep(Staged);

impl Keep {
    /// Writes it.
    pub async fn write(&self, tx: &Tx, key: &str) -> Result<(), DbError> {
        if self.0.set.is_empty() && self.0.deleted.is_empty() {
            return Ok(());
        }
        storage::installations::apply_state(tx, key, &self.0.set, &self.0.deleted).await
    }
}

impl From<Staged> for Keep {
    fn from(staged: Staged) -> Self {
        Self(staged)
    }
}

/// When a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// At once.
    More,
    /// As scheduled, or when so many milliseconds have passed if that is later.
    Idle(Option<u64>),
}

/// One page of a stream.
pub struct Pulled {
    /// Voices, with the id that they carry.
    pub items: Vec<Incoming>,
    /// What is none.
    pub unusable: Vec<Unusable>,
    /// Where the next page starts.
    pub cursor: (i64, String),
    /// When.
    pub onward: Onward,
    /// What the source wants to be told once this is kept.
    pub acks: Vec<String>,
    /// What the plugin keeps.
    pub keep: Keep,
}

/// A request of a source, as it is kept until it is worked off.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hooked {
    /// Method of HTTP.
    pub method: String,
    /// Behind the installation's address.
    pub path: String,
    /// Without the question mark.
    pub query: String,
    /// Those that the manifest names, and `content-type`.
    pub headers: Vec<(String, String)>,
    /// Bytes, after the host has decrypted them.
    #[serde(with = "bytes")]
    pub body: Vec<u8>,
    /// Unix milliseconds.
    pub received_at_ms: i64,
    /// Whether the host proved the sender.
    pub verified: bool,
}

mod bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}

/// What the plugin answers to a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200 to 299, or 400 to 429.
    pub status: u16,
    /// Plain text or JSON.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self {
            status: reply.status,
            content_type: reply.content_type,
            body: reply.body,
        }
    }
}

/// What a request meant.
pub enum Meant {
    /// Voices.
    Voices {
        /// Voices, with the id that they carry.
        items: Vec<Incoming>,
        /// What is none.
        unusable: Vec<Unusable>,
    },
    /// A handshake or a ping: nothing is kept.
    Handshake(Answer),
    /// Not ours.
    Refused(String),
}

fn value(scalar: Scalar) -> Value {
    match scalar {
        Scalar::Number(n) => Value::Number(n),
        Scalar::Text(text) => Value::Text(text),
        Scalar::Flag(flag) => Value::Bool(flag),
    }
}

/// An item of the contract as it arrives everywhere else. Nothing is read here: numbers, times and marks are
/// understood by the same rules as those of files and of the API.
fn incoming(item: Item) -> Result<Incoming, Unusable> {
    let mut turns = Vec::with_capacity(item.turns.len());
    for turn in item.turns {
        let speaker = match turn.speaker.as_str() {
            "customer" => Speaker::Customer,
            "agent" => Speaker::Agent,
            "bot" => Speaker::Bot,
            other => {
                return Err(Unusable {
                    external_id: Some(item.external_id),
                    code: "bad_value".to_owned(),
                    detail: format!("turns: {other:?} is nobody who speaks"),
                    raw: String::new(),
                });
            }
        };
        turns.push(IncomingTurn {
            speaker,
            at: turn.at.map(value),
            text: turn.text,
        });
    }
    let attributes: BTreeMap<String, String> = item
        .attributes
        .into_iter()
        .map(|a| (a.name, a.value))
        .collect();
    Ok(Incoming {
        channel: item.channel,
        external_id: Some(item.external_id),
        occurred_at: item.occurred_at.map(value),
        text: item.text,
        turns: (!turns.is_empty()).then_some(turns),
        kind: item.kind,
        rating: item.rating.map(value),
        rating_max: item.rating_max.map(value),
        nps: item.nps.map(value),
        ces: item.ces.map(value),
        invited: item.invited.map(value),
        customer_ref: item.customer_ref,
        customer_tier: item.customer_tier,
        agent_ref: item.agent_ref,
        team: item.team,
        region: item.region,
        business_line: item.business_line,
        language: item.language,
        title: item.title,
        url: item.url,
        thread_id: item.thread_id,
        process_step: item.process_step,
        handle_seconds: item.handle_seconds.map(value),
        talk_seconds: item.talk_seconds.map(value),
        after_seconds: item.after_seconds.map(value),
        response_seconds: item.response_seconds.map(value),
        resolved: item.resolved.map(value),
        resolved_first_contact: item.resolved_first_contact.map(value),
        handled_by: item.handled_by,
        transferred: item.transferred.map(value),
        script_score: item.script_score.map(value),
        compensation_cents: item.compensation_cents.map(value),
        query: item.query,
        hits: item.hits.map(value),
        article: item.article,
        helpful: item.helpful.map(value),
        topic: item.topic,
        cause: item.cause,
        sentiment: item.sentiment,
        attributes: (!attributes.is_empty()).then_some(attributes),
    })
}

fn sorted(items: Vec<Item>, rejected: Vec<Rejected>) -> (Vec<Incoming>, Vec<Unusable>) {
    let mut unusable: Vec<Unusable> = rejected
        .into_iter()
        .map(|r| Unusable {
            external_id: r.external_id,
            code: r.failure.code,
            detail: r.failure.message,
            raw: r.raw,
        })
        .collect();
    let mut good = Vec::with_capacity(items.len());
    for item in items {
        match incoming(item) {
            Ok(item) => good.push(item),
            Err(bad) => unusable.push(bad),
        }
    }
    (good, unusable)
}

impl Connected {
    /// Whether the plugin asks its source.
    #[must_use]
    pub fn pulls(&self) -> bool {
        self.connector.exports().puller
    }

    /// Whether the source calls the plugin.
    #[must_use]
    pub fn hooks(&self) -> bool {
        self.connector.exports().webhook
    }

    /// The streams that exist with the present settings: name and title.
    pub async fn streams(&self) -> Result<Vec<(String, String)>, Failed> {
        let answer = self.connector.streams().await?;
        Ok(answer
            .value
            .into_iter()
            .map(|s| (s.name, s.title))
            .collect())
    }

    /// The next page of a stream.
    pub async fn pull(
        &self,
        stream: &str,
        cursor: Option<&(i64, String)>,
        most: u32,
    ) -> Result<Pulled, Failed> {
        let request = PullRequest {
            stream: stream.to_owned(),
            mode: PullMode::Incremental,
            cursor: cursor.map(|(format, value)| Cursor {
                format: u32::try_from(*format).unwrap_or(0),
                value: value.clone(),
            }),
            since_ms: None,
            until_ms: None,
            max_items: most,
        };
        let answer = self.connector.pull(request).await?;
        let page = answer.value;
        let (items, unusable) = sorted(page.items, page.rejected);
        Ok(Pulled {
            items,
            unusable,
            cursor: (i64::from(page.cursor.format), page.cursor.value),
            onward: match page.next {
                Next::More => Onward::More,
                Next::Idle(ms) => Onward::Idle(ms),
            },
            acks: page.ack_tokens,
            keep: Keep(answer.staged),
        })
    }

    /// What a stream would bring, for somebody who looks before it counts: at most `most` items. Nothing is kept
    /// of it, neither the place in the stream nor what the plugin stages.
    pub async fn preview(
        &self,
        stream: &str,
        most: u32,
    ) -> Result<(Vec<Incoming>, Vec<Unusable>), Failed> {
        let request = PullRequest {
            stream: stream.to_owned(),
            mode: PullMode::Preview,
            cursor: None,
            since_ms: None,
            until_ms: None,
            max_items: most,
        };
        let page = self.connector.pull(request).await?.value;
        Ok(sorted(page.items, page.rejected))
    }

    /// What a request of the source means.
    pub async fn handle(&self, hooked: &Hooked) -> Result<(Meant, Keep), Failed> {
        let answer = self.connector.handle(request(hooked)).await?;
        let meant = match answer.value {
            Outcome::Accept { items, rejected } => {
                let (items, unusable) = sorted(items, rejected);
                Meant::Voices { items, unusable }
            }
            Outcome::Respond(reply) => Meant::Handshake(reply.into()),
            Outcome::Reject(reason) => Meant::Refused(reason),
        };
        Ok((meant, Keep(answer.staged)))
    }

    /// Whether the plugin itself holds a request for authentic.
    pub async fn verify(&self, hooked: &Hooked) -> Result<bool, Failed> {
        Ok(self.connector.verify(request(hooked)).await?)
    }

    /// Tells the source what was kept.
    pub async fn ack(&self, tokens: &[String]) -> Result<Keep, Failed> {
        Ok(Keep(self.connector.ack(tokens).await?.staged))
    }
}

fn request(hooked: &Hooked) -> HookRequest {
    HookRequest {
        method: hooked.method.clone(),
        path: hooked.path.clone(),
        query: hooked.query.clone(),
        headers: hooked
            .headers
            .iter()
            .map(|(name, value)| Header {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
        body: hooked.body.clone(),
        received_at_ms: hooked.received_at_ms,
        verified_by_host: hooked.verified,
    }
}

/// A request that has proved where it comes from.
pub enum Proof {
    /// The body, decrypted where the scheme encrypts.
    Proved(Vec<u8>),
    /// The host answers the handshake by itself.
    Answer(Answer),
    /// The plugin has to say.
    AskPlugin,
    /// It has not, and why; for the log, not for the sender.
    Refused(String),
}

impl Plugins {
    /// A connector, ready to be called.
    pub async fn connect(&self, app: &App, key: &str) -> Result<Connected, Failed> {
        let Some(installed) = installed::find(&app.db, key).await? else {
            return Err(Failed::new(
                super::failed::Kind::Settings,
                "not_found",
                "no installation of that name",
            ));
        };
        self.connect_to(app, installed).await
    }

    /// The same of an installation that was read already.
    pub async fn connect_to(&self, app: &App, installed: Installed) -> Result<Connected, Failed> {
        let (compiled, ready) = self.ready(app, &installed).await?;
        let connector = self.host.connector(&compiled, ready)?;
        Ok(Connected {
            connector,
            installation: installed.row,
        })
    }

    /// Proves where a request comes from, by the scheme that the manifest and the settings name. Runs nothing
    /// of the plugin.
    pub async fn prove(
        &self,
        app: &App,
        installed: &Installed,
        hooked: &Hooked,
        headers: &[(String, String)],
    ) -> Result<Proof, Failed> {
        let Some(hook) = &installed.manifest.webhook else {
            return Ok(Proof::Refused("the plugin takes no requests".to_owned()));
        };
        let settings = &installed.row.set.settings;
        let Some(scheme) = webhook::scheme(hook, settings) else {
            return Ok(Proof::Refused(
                "the settings name no scheme of the plugin".to_owned(),
            ));
        };
        let power = installed.power(app);
        let secrets = self
            .secrets(&app.db, &installed.row.key, &power.secrets)
            .await?;
        let headers: Vec<Header> = headers
            .iter()
            .map(|(name, value)| Header {
                name: name.clone(),
                value: value.clone(),
            })
            .collect();
        let request = webhook::Request {
            method: &hooked.method,
            path: &hooked.path,
            query: &hooked.query,
            headers: &headers,
            body: &hooked.body,
        };
        match webhook::verify(scheme, &secrets, settings, &request, hooked.received_at_ms) {
            Ok(webhook::Proved {
                reply: Some(reply), ..
            }) => Ok(Proof::Answer(reply.into())),
            Ok(proved) => Ok(Proof::Proved(proved.body)),
            Err(webhook::Refusal::ByPlugin) => Ok(Proof::AskPlugin),
            // Nobody can be proved yet: the sender is not at fault and comes again.
            Err(refusal @ webhook::Refusal::NoSecret(_)) => Err(Failed::new(
                super::failed::Kind::Settings,
                refusal.code(),
                refusal.to_string(),
            )),
            Err(refusal) => Ok(Proof::Refused(refusal.to_string())),
        }
    }
}
