//! A source of feedback: asked, calling, or both. A fresh instance per call.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::context::{Mode, clean};
use crate::engine::{ConnectorPre, Pre};
use crate::lifecycle::{enter, is_json};
use crate::shapes::{
    Answer, Cursor, Failure, FailureClass, HookRequest, Item, Next, Outcome, Page, PullRequest,
    Rejected, Reply, Scalar, StreamSpec,
};
use crate::{Compiled, Host, Installation, PluginError, Role};

/// Most items of a page.
pub(crate) const MAX_ITEMS: u32 = 1000;
/// Items of one request of a source: nobody can ask it for less. What fits into 1 MiB, unless records are tiny.
const MAX_HOOK_ITEMS: usize = 5000;
/// Longest cursor.
const CURSOR_BYTES: usize = 64 << 10;
/// Longest id of a voice.
const ID_BYTES: usize = 512;
/// One voice, everything together.
const ITEM_BYTES: usize = 1 << 20;
/// One record that was set aside.
const RAW_BYTES: usize = 256 << 10;
/// Tokens for `ack`, and the longest.
const ACK_TOKENS: usize = 2000;
const ACK_BYTES: usize = 4 << 10;
/// Streams of one connector.
const STREAMS: usize = 100;
/// The longest rest that a source may ask for.
const MAX_IDLE_MS: u64 = 24 * 3600 * 1000;
/// An answer to a sender.
const REPLY_BYTES: usize = 64 << 10;

/// What a connector can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectorExports {
    /// [`Connector::streams`], [`Connector::pull`], [`Connector::migrate_cursor`].
    pub puller: bool,
    /// [`Connector::verify`], [`Connector::handle`].
    pub webhook: bool,
    /// [`Connector::ack`].
    pub acker: bool,
}

/// A connector with its grant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connector {
    compiled: Compiled,
    installation: Arc<Installation>,
}

impl Host {
    /// Binds a component to a grant. Nothing runs yet.
    ///
    /// # Errors
    /// [`PluginError::Refused`] for a component of another role.
    pub fn connector(
        &self,
        compiled: &Compiled,
        installation: Installation,
    ) -> Result<Connector, PluginError> {
        if compiled.inspection().role != Role::Connector {
            return Err(missing("connector"));
        }
        Ok(Connector {
            compiled: compiled.clone(),
            installation: Arc::new(installation),
        })
    }
}

fn missing(what: &str) -> PluginError {
    PluginError::Refused {
        detail: format!("this plugin is no {what}"),
    }
}

fn invalid(detail: impl Into<String>) -> PluginError {
    PluginError::InvalidAnswer {
        detail: detail.into(),
    }
}

impl Connector {
    fn pre(&self) -> Result<&ConnectorPre, PluginError> {
        match &self.compiled.inner.pre {
            Pre::Connector(pre) => Ok(pre),
            _ => Err(missing("connector")),
        }
    }

    /// What it can be asked.
    #[must_use]
    pub fn exports(&self) -> ConnectorExports {
        let inspection = self.compiled.inspection();
        ConnectorExports {
            puller: inspection.exports("puller"),
            webhook: inspection.exports("webhook"),
            acker: inspection.exports("acker"),
        }
    }

    /// The streams that exist with the present settings, at least one.
    ///
    /// # Errors
    /// As [`Connector::pull`].
    pub async fn streams(&self) -> Result<Answer<Vec<StreamSpec>>, PluginError> {
        let pre = self.pre()?.pull.as_ref().ok_or_else(|| missing("puller"))?;
        let answer = enter!(
            self.compiled,
            &self.installation,
            pre,
            "streams",
            Mode::Full,
            |store, guest| guest.bihuan_plugin_puller().call_streams(store)
        )?;
        answer.try_map(|streams| checked_streams(streams.into_iter().map(Into::into).collect()))
    }

    /// The next page of a stream.
    ///
    /// # Errors
    /// [`PluginError::Refused`] for a request outside of the contract; [`PluginError::Denied`]
    /// without the grants it needs; [`PluginError::Failed`] with the plugin's failure;
    /// [`PluginError::InvalidAnswer`]; traps and limits.
    pub async fn pull(&self, request: PullRequest) -> Result<Answer<Page>, PluginError> {
        let pre = self.pre()?.pull.as_ref().ok_or_else(|| missing("puller"))?;
        if !(1..=MAX_ITEMS).contains(&request.max_items) {
            return Err(PluginError::Refused {
                detail: format!("max_items is {}, not 1 to {MAX_ITEMS}", request.max_items),
            });
        }
        let most = request.max_items as usize;
        let request = request.into();
        let answer = enter!(
            self.compiled,
            &self.installation,
            pre,
            "pull",
            Mode::Full,
            |store, guest| guest.bihuan_plugin_puller().call_pull(store, &request)
        )?;
        answer.try_map(|page| checked_page(page.into(), most))
    }

    /// A cursor of an older layout, turned into the present one. Pure.
    ///
    /// # Errors
    /// [`PluginError::Failed`] of class `cursor-expired` when the host must start over; as
    /// [`Connector::pull`].
    pub async fn migrate_cursor(&self, stream: &str, old: Cursor) -> Result<Cursor, PluginError> {
        let pre = self.pre()?.pull.as_ref().ok_or_else(|| missing("puller"))?;
        let old = old.into();
        let answer = enter!(
            self.compiled,
            &self.installation,
            pre,
            "migrate-cursor",
            Mode::NoEffects,
            |store, guest| guest
                .bihuan_plugin_puller()
                .call_migrate_cursor(store, stream, &old)
        )?;
        checked_cursor(answer.value.into())
    }

    /// Whether a request is authentic, in the plugin's own words: for the scheme `plugin` only. May
    /// use secrets and nothing else.
    ///
    /// # Errors
    /// As [`Connector::pull`].
    pub async fn verify(&self, request: HookRequest) -> Result<bool, PluginError> {
        let pre = self
            .pre()?
            .push
            .as_ref()
            .ok_or_else(|| missing("webhook"))?;
        let request = request.into();
        let answer = enter!(
            self.compiled,
            &self.installation,
            pre,
            "verify",
            Mode::NoEffects,
            |store, guest| guest.bihuan_plugin_webhook().call_verify(store, &request)
        )?;
        Ok(answer.value)
    }

    /// What a proved request means.
    ///
    /// # Errors
    /// As [`Connector::pull`].
    pub async fn handle(&self, request: HookRequest) -> Result<Answer<Outcome>, PluginError> {
        let pre = self
            .pre()?
            .push
            .as_ref()
            .ok_or_else(|| missing("webhook"))?;
        let request = request.into();
        let answer = enter!(
            self.compiled,
            &self.installation,
            pre,
            "handle",
            Mode::Full,
            |store, guest| guest.bihuan_plugin_webhook().call_handle(store, &request)
        )?;
        answer.try_map(|outcome| checked_outcome(outcome.into()))
    }

    /// Tells the source what was kept; may be repeated.
    ///
    /// # Errors
    /// As [`Connector::pull`].
    pub async fn ack(&self, tokens: &[String]) -> Result<Answer<()>, PluginError> {
        let pre = self.pre()?.ack.as_ref().ok_or_else(|| missing("acker"))?;
        enter!(
            self.compiled,
            &self.installation,
            pre,
            "ack",
            Mode::Full,
            |store, guest| guest.bihuan_plugin_acker().call_ack(store, tokens)
        )
    }
}

fn checked_streams(streams: Vec<StreamSpec>) -> Result<Vec<StreamSpec>, PluginError> {
    if streams.is_empty() || streams.len() > STREAMS {
        return Err(invalid(format!("{} streams", streams.len())));
    }
    let mut names = HashSet::new();
    for stream in &streams {
        let name = stream.name.as_str();
        let fine = (1..=64).contains(&name.len())
            && name.bytes().all(|b| {
                b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-')
            });
        if !fine {
            return Err(invalid(format!("the name {:?} of a stream", clean(name))));
        }
        if !names.insert(name) {
            return Err(invalid(format!("the stream {name:?} stands twice")));
        }
    }
    Ok(streams
        .iter()
        .map(|s| StreamSpec {
            name: s.name.clone(),
            title: clean(&s.title),
        })
        .collect())
}

fn checked_cursor(cursor: Cursor) -> Result<Cursor, PluginError> {
    if cursor.value.len() > CURSOR_BYTES {
        return Err(invalid(format!("a cursor of {} bytes", cursor.value.len())));
    }
    Ok(cursor)
}

fn checked_page(page: Page, most: usize) -> Result<Page, PluginError> {
    if page.items.len() > most {
        return Err(invalid(format!(
            "{} items, {most} were asked for",
            page.items.len()
        )));
    }
    if page.ack_tokens.len() > ACK_TOKENS || page.ack_tokens.iter().any(|t| t.len() > ACK_BYTES) {
        return Err(invalid("too many tokens, or an endless one"));
    }
    let (items, rejected) = checked_items(page.items, page.rejected)?;
    Ok(Page {
        items,
        rejected,
        cursor: checked_cursor(page.cursor)?,
        next: match page.next {
            Next::Idle(Some(ms)) => Next::Idle(Some(ms.min(MAX_IDLE_MS))),
            other => other,
        },
        ack_tokens: page.ack_tokens,
    })
}

/// Sets aside what cannot be kept: one bad record must not hold up the rest for ever.
fn checked_items(
    items: Vec<Item>,
    rejected: Vec<Rejected>,
) -> Result<(Vec<Item>, Vec<Rejected>), PluginError> {
    if rejected.len() > MAX_HOOK_ITEMS {
        return Err(invalid(format!("{} rejected records", rejected.len())));
    }
    let mut aside: Vec<Rejected> = rejected.into_iter().map(checked_rejected).collect();
    let mut kept = Vec::with_capacity(items.len());
    let mut ids = HashSet::new();
    for item in items {
        let wrong = if item.external_id.is_empty() || item.external_id.len() > ID_BYTES {
            Some((
                "host.invalid_id",
                format!("an id has 1 to {ID_BYTES} bytes"),
            ))
        } else if item.external_id.chars().any(char::is_control) {
            Some((
                "host.invalid_id",
                "an id holds control characters".to_owned(),
            ))
        } else if bytes_of(&item) > ITEM_BYTES {
            Some((
                "host.item_too_large",
                format!("an item has at most {ITEM_BYTES} bytes"),
            ))
        } else if scalars_of(&item).any(|s| matches!(s, Scalar::Number(n) if !n.is_finite())) {
            Some((
                "host.not_a_number",
                "a number is infinite or none".to_owned(),
            ))
        } else if !ids.insert((item.channel.clone(), item.external_id.clone())) {
            Some((
                "host.duplicate_id",
                "the id stands twice in one answer".to_owned(),
            ))
        } else {
            None
        };
        match wrong {
            None => kept.push(item),
            Some((code, message)) => aside.push(refused(&item, code, message)),
        }
    }
    Ok((kept, aside))
}

fn refused(item: &Item, code: &str, message: String) -> Rejected {
    let raw = serde_json::to_string(item).unwrap_or_default();
    checked_rejected(Rejected {
        external_id: Some(item.external_id.clone()),
        raw,
        failure: Failure {
            class: FailureClass::InvalidInput,
            code: code.to_owned(),
            message,
            retry_after_ms: None,
            attributes: Vec::new(),
        },
    })
}

/// Always small and always JSON: what is neither becomes a JSON string with its beginning.
fn checked_rejected(rejected: Rejected) -> Rejected {
    let Rejected {
        external_id,
        mut raw,
        mut failure,
    } = rejected;
    if raw.len() > RAW_BYTES || !is_json(&raw) {
        let end = raw.floor_char_boundary(RAW_BYTES / 8);
        raw = Value::String(raw[..end].to_owned()).to_string();
    }
    failure.code = clean(&failure.code);
    failure.message = clean(&failure.message);
    failure.attributes.truncate(16);
    Rejected {
        external_id: external_id.map(|id| clean(&id).chars().take(200).collect()),
        raw,
        failure,
    }
}

fn scalars_of(item: &Item) -> impl Iterator<Item = &Scalar> {
    [
        &item.occurred_at,
        &item.rating,
        &item.rating_max,
        &item.nps,
        &item.ces,
        &item.invited,
        &item.handle_seconds,
        &item.talk_seconds,
        &item.after_seconds,
        &item.response_seconds,
        &item.resolved,
        &item.resolved_first_contact,
        &item.transferred,
        &item.script_score,
        &item.compensation_cents,
        &item.hits,
        &item.helpful,
    ]
    .into_iter()
    .flatten()
    .chain(item.turns.iter().filter_map(|t| t.at.as_ref()))
}

fn bytes_of(item: &Item) -> usize {
    let texts = [
        &item.channel,
        &item.text,
        &item.kind,
        &item.customer_ref,
        &item.customer_tier,
        &item.agent_ref,
        &item.team,
        &item.region,
        &item.business_line,
        &item.language,
        &item.title,
        &item.url,
        &item.thread_id,
        &item.process_step,
        &item.handled_by,
        &item.query,
        &item.article,
        &item.topic,
        &item.cause,
        &item.sentiment,
    ];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    let scalars: usize = scalars_of(item)
        .map(|s| if let Scalar::Text(t) = s { t.len() } else { 8 })
        .sum();
    let turns: usize = item
        .turns
        .iter()
        .map(|t| t.speaker.len() + t.text.len())
        .sum();
    let attributes: usize = item
        .attributes
        .iter()
        .map(|a| a.name.len() + a.value.len())
        .sum();
    texts + scalars + turns + attributes + item.external_id.len()
}

fn checked_outcome(outcome: Outcome) -> Result<Outcome, PluginError> {
    match outcome {
        Outcome::Accept { items, rejected } => {
            if items.len() > MAX_HOOK_ITEMS {
                return Err(invalid(format!("{} items in one request", items.len())));
            }
            let (items, rejected) = checked_items(items, rejected)?;
            Ok(Outcome::Accept { items, rejected })
        }
        Outcome::Respond(reply) => checked_reply(reply).map(Outcome::Respond),
        Outcome::Reject(why) => Ok(Outcome::Reject(clean(&why))),
    }
}

/// The answer goes out from our own address: nothing that a browser would run, and no redirect.
fn checked_reply(reply: Reply) -> Result<Reply, PluginError> {
    if !matches!(reply.status, 200..=299 | 400..=429) {
        return Err(invalid(format!("a reply with the status {}", reply.status)));
    }
    let (essence, parameter) = reply
        .content_type
        .split_once(';')
        .map_or((reply.content_type.as_str(), None), |(e, p)| (e, Some(p)));
    let fine = matches!(essence.trim(), "text/plain" | "application/json")
        && parameter.is_none_or(|p| p.trim().eq_ignore_ascii_case("charset=utf-8"));
    if !fine {
        return Err(invalid(format!(
            "a reply of type {:?}",
            clean(&reply.content_type)
        )));
    }
    if reply.body.len() > REPLY_BYTES {
        return Err(invalid(format!("a reply of {} bytes", reply.body.len())));
    }
    Ok(reply)
}
