//! Requests of sources, and what was refused, over HTTP.
//!
//! `/hooks/{installation}` has no session and no cookies: a request proves itself by the scheme that the plugin's
//! manifest names. It is proved before anything of the plugin runs, and kept before it is answered.

use super::{hooks, keep};
use crate::app::Shared;
use crate::http::extract::{self, Listing, Params, Segment};
use crate::http::{Caller, Code, List, Problem, Result};
use crate::intake::{Arrived, Options, Receipt, prepare, rules, store_batch};
use crate::plugins::{Answer, Failed, Hooked, Installed, Kind, Meant, Proof};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::Operation;
use domain::intake::feedback::Incoming;
use domain::plugins::State as Doing;
use serde::Serialize;
use std::time::Duration;
use storage::collect::{self, Rejected};
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Bytes of a request of a source.
const BODY_LIMIT: usize = 1024 * 1024;
/// Requests that may wait for one installation; then its source has to wait.
const WAITING_LIMIT: i64 = 10_000;
/// How long a sender waits for what the plugin says to a handshake.
const HANDSHAKE: Duration = Duration::from_secs(2);
/// A worker takes a request that nobody has worked off after so many milliseconds.
const WORKER_AFTER_MS: i64 = 3000;
/// Requests before a sender's own that are worth waiting for.
const SHORT_QUEUE: i64 = 8;
/// Longest name of a delivery.
const DELIVERY_BYTES: usize = 256;
/// Headers that a plugin never sees, whatever its manifest names.
const OURS: [&str; 4] = [
    "cookie",
    "authorization",
    "proxy-authorization",
    "x-csrf-token",
];

/// Set on answers of plugins: they go out as they are, not as problems of ours.
#[derive(Clone, Copy)]
pub struct AsItIs;

/// Where sources call. Not below the API: nothing here is ours to version.
pub fn hook_routes() -> Router<Shared> {
    Router::new()
        .route("/hooks/{key}", get(shake_hands).post(take))
        .route("/hooks/{key}/{*rest}", get(shake_hands).post(take))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

/// Routes of the API.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_rejected))
        .routes(routes!(redrive))
}

fn later(seconds: u64) -> Problem {
    Problem {
        retry_after: Some(seconds),
        ..Code::Busy.into()
    }
}

/// The sender is not at fault and comes again: somebody has to switch it on or fill something in.
fn closed(seconds: u64) -> Problem {
    Problem {
        retry_after: Some(seconds),
        ..Code::NotTaking.into()
    }
}

/// What a request that could not be proved is answered.
fn unproved(key: &str, failed: &Failed) -> Problem {
    tracing::warn!(
        plugin.installation = key,
        code = failed.code,
        "a request could not be proved"
    );
    match failed.kind {
        Kind::Settings => closed(60),
        _ => later(60),
    }
}

/// The installation that an address names, when it can take requests now.
async fn open(app: &Shared, key: &str) -> Result<Installed> {
    let found = crate::plugins::find(&app.db, key)
        .await
        .map_err(|_| later(5))?
        .filter(|f| f.manifest.webhook.is_some())
        .ok_or_else(|| Problem::from(Code::NotFound))?;
    if !found.row.enabled {
        return Err(closed(300));
    }
    Ok(found)
}

fn all(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

/// A request as it is proved and kept: of its headers only what the manifest names.
fn hooked(
    app: &Shared,
    found: &Installed,
    method: &Method,
    uri: &axum::http::Uri,
    headers: &[(String, String)],
    body: Vec<u8>,
) -> Hooked {
    let named = found
        .manifest
        .webhook
        .as_ref()
        .map(|w| w.headers.as_slice())
        .unwrap_or_default();
    let path = uri
        .path()
        .strip_prefix("/hooks/")
        .and_then(|rest| rest.find('/').map(|at| rest[at..].to_owned()))
        .unwrap_or_default();
    Hooked {
        method: method.as_str().to_owned(),
        path,
        query: uri.query().unwrap_or_default().to_owned(),
        headers: headers
            .iter()
            .filter(|(name, _)| {
                let asked = name == "content-type" || named.contains(name);
                asked && !OURS.contains(&name.as_str())
            })
            .cloned()
            .collect(),
        body,
        received_at_ms: app.now().timestamp_millis(),
        verified: false,
    }
}

fn refused(key: &str, reason: &str) -> Problem {
    // The sender learns nothing of how it was refused: it may be anybody.
    tracing::info!(
        plugin.installation = key,
        reason,
        "a request of a source was refused"
    );
    Problem::from(Code::HookRefused)
}

fn reply(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    if let Ok(kind) = HeaderValue::from_str(&answer.content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    response.extensions_mut().insert(AsItIs);
    response
}

fn taken() -> Response {
    reply(Answer {
        status: 200,
        content_type: "text/plain".to_owned(),
        body: Vec::new(),
    })
}

/// Proves a request; answers it with the body that the scheme has proved.
async fn proved(
    app: &Shared,
    found: &Installed,
    mut hooked: Hooked,
    headers: &[(String, String)],
) -> Result<std::result::Result<Hooked, Answer>> {
    let key = &found.row.key;
    let proof = app
        .plugins
        .prove(app, found, &hooked, headers)
        .await
        .map_err(|failed| unproved(key, &failed))?;
    match proof {
        Proof::Proved(body) => {
            hooked.body = body;
            hooked.verified = true;
            Ok(Ok(hooked))
        }
        Proof::Answer(answer) => Ok(Err(answer)),
        Proof::AskPlugin => {
            let asked = async { app.plugins.connect(app, key).await?.verify(&hooked).await };
            match asked.await {
                Ok(true) => Ok(Ok(hooked)),
                Ok(false) => Err(refused(key, "the plugin")),
                Err(failed) => Err(unproved(key, &failed)),
            }
        }
        Proof::Refused(reason) => Err(refused(key, &reason)),
    }
}

/// A handshake by GET. It keeps nothing and changes nothing.
async fn shake_hands(
    State(app): State<Shared>,
    Path(parts): Path<Vec<(String, String)>>,
    request: Request,
) -> Result<Response> {
    let key = name_of(&parts)?;
    let found = open(&app, &key).await?;
    let headers = all(request.headers());
    let hooked = hooked(
        &app,
        &found,
        request.method(),
        request.uri(),
        &headers,
        Vec::new(),
    );
    let hooked = match proved(&app, &found, hooked, &headers).await? {
        Ok(hooked) => hooked,
        Err(answer) => return Ok(reply(answer)),
    };
    if rests(&app, &key).await? {
        return Err(later(60));
    }
    let connected = app
        .plugins
        .connect(&app, &key)
        .await
        .map_err(|_| later(60))?;
    match timeout(HANDSHAKE, connected.handle(&hooked)).await {
        Ok(Ok((Meant::Handshake(answer), _))) => Ok(reply(answer)),
        Ok(Ok(_)) => Err(Code::MethodNotAllowed.into()),
        Ok(Err(_)) | Err(_) => Err(later(60)),
    }
}

fn name_of(parts: &[(String, String)]) -> Result<String> {
    parts
        .iter()
        .find(|(name, _)| name == "key")
        .map(|(_, value)| value.clone())
        .ok_or_else(|| Problem::from(Code::NotFound))
}

/// Whether the plugin should not be called now.
async fn rests(app: &Shared, key: &str) -> Result<bool> {
    let health = storage::installations::health(&app.db, key)
        .await
        .map_err(|_| later(5))?;
    Ok(must_rest(health.state))
}

const fn must_rest(state: Doing) -> bool {
    matches!(state, Doing::Paused | Doing::Resting | Doing::Quarantined)
}

/// A request of a source: proved, kept, answered; the plugin works it off afterwards. Where nothing else waits it
/// does so at once, and a sender who shakes hands gets the plugin's answer.
async fn take(
    State(app): State<Shared>,
    Path(parts): Path<Vec<(String, String)>>,
    request: Request,
) -> Result<Response> {
    let key = name_of(&parts)?;
    let found = open(&app, &key).await?;
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let headers = all(request.headers());
    // The bytes as they came: whatever decodes them would break the signature.
    let body =
        Bytes::from_request(request, &())
            .await
            .map_err(|e| match e.into_response().status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    Problem::new(Code::TooLarge, "a request has at most 1 MiB")
                }
                _ => Problem::from(Code::MalformedBody),
            })?;
    let hooked = hooked(&app, &found, &method, &uri, &headers, body.to_vec());
    let hooked = match proved(&app, &found, hooked, &headers).await? {
        Ok(hooked) => hooked,
        Err(answer) => return Ok(reply(answer)),
    };
    let delivery = found
        .manifest
        .webhook
        .as_ref()
        .and_then(|w| w.delivery_id.as_ref())
        .and_then(|name| headers.iter().find(|(n, _)| n == name))
        .map(|(_, value)| value.as_str())
        .filter(|id| !id.is_empty() && id.len() <= DELIVERY_BYTES);
    if let Some(id) = delivery
        && collect::knows_delivery(&app.db, &key, id)
            .await
            .map_err(|_| later(5))?
    {
        return Ok(taken());
    }
    let waiting: i64 = collect::count_hooks(&app.db, &key)
        .await
        .map_err(|_| later(5))?
        .into_iter()
        .filter(|(state, _)| state == "waiting")
        .map(|(_, n)| n)
        .sum();
    if waiting >= WAITING_LIMIT {
        return Err(later(60));
    }
    let plain = serde_json::to_vec(&hooked).map_err(|_| Problem::from(Code::Internal))?;
    let sealed = app
        .plugins
        .vault
        .seal(&hooks::place(&key), &plain)
        .map_err(|e| {
            tracing::error!(error = %e, "a request was not sealed");
            later(60)
        })?;
    let id = app.ids.next();
    let mut seat = app.plugins.waiting.sit_down(&id.to_string());
    let held = keep_it(&app, &key, id, delivery, &sealed, waiting == 0)
        .await
        .map_err(|error| {
            tracing::warn!(plugin.installation = key, error = %error, "a request was not kept");
            later(5)
        })?;
    if !held {
        return Ok(taken());
    }
    let state = storage::installations::health(&app.db, &key)
        .await
        .map_err(|_| later(5))?
        .state;
    if waiting > 0 || must_rest(state) {
        app.plugins.wake.notify_one();
        if waiting > SHORT_QUEUE || !matches!(state, Doing::Ok | Doing::New) {
            return Ok(taken());
        }
        // It has its turn behind the others.
        return match timeout(HANDSHAKE, seat.answer()).await {
            Ok(Some(answer)) => Ok(reply(answer)),
            _ => Ok(taken()),
        };
    }
    // In a task of its own: it ends whether or not the sender still waits.
    let working = app.clone();
    let hook = collect::Hook {
        id: id.to_string(),
        installation: key.clone(),
        request: Some(sealed),
        state: "waiting".to_owned(),
        attempts: 0,
        error: None,
        received_at: 0,
    };
    let work = app.tracker.spawn(async move {
        let connected = working.plugins.connect(&working, &hook.installation).await;
        let ended = match connected {
            Ok(connected) => hooks::work_off(&working, &connected, &hook).await,
            Err(failed) => Err(failed.into()),
        };
        if ended.is_err() {
            // Whatever went wrong here goes wrong again where it is counted.
            if let Err(error) = hurry(&working, &hook.installation).await {
                tracing::warn!(plugin.installation = hook.installation, error = %error, "a request waits for its worker");
            }
            working.plugins.wake.notify_one();
        }
        // A worker was quicker: the answer comes from there.
        matches!(ended, Err(super::Stop::Overtaken))
    });
    let told = async {
        tokio::select! {
            biased;
            answer = seat.answer() => answer,
            elsewhere = work => match elsewhere {
                Ok(true) => seat.answer().await,
                _ => None,
            },
        }
    };
    match timeout(HANDSHAKE, told).await {
        Ok(Some(answer)) => Ok(reply(answer)),
        _ => Ok(taken()),
    }
}

async fn hurry(app: &Shared, key: &str) -> std::result::Result<(), storage::DbError> {
    let tx = app.begin().await?;
    collect::hurry(&tx, key, "hooks").await?;
    tx.commit().await
}

async fn keep_it(
    app: &Shared,
    key: &str,
    id: uuid::Uuid,
    delivery: Option<&str>,
    sealed: &[u8],
    at_once: bool,
) -> std::result::Result<bool, storage::DbError> {
    let tx = app.begin().await?;
    let held = collect::keep_hook(&tx, id, key, delivery, sealed).await?;
    if held {
        let health = storage::installations::health(&tx, key).await?;
        match health.state {
            // Waits for a person: then all of it is worked off.
            Doing::Paused | Doing::Quarantined => {}
            // Its back-off counts.
            Doing::Resting | Doing::Failing | Doing::Stale => {
                collect::hurry_idle(&tx, key, "hooks").await?;
            }
            // The sender's own task works it off at once; a worker only when that fails, or the server does.
            Doing::New | Doing::Ok if at_once => {
                let later = tx.now() + TimeDelta::milliseconds(WORKER_AFTER_MS);
                collect::due_by(&tx, key, "hooks", later).await?;
            }
            Doing::New | Doing::Ok => collect::hurry(&tx, key, "hooks").await?,
        }
    }
    tx.commit().await?;
    Ok(held)
}

// ---------------------------------------------------------------- refused records

/// A record that was refused and waits for somebody.
#[derive(Serialize, ToSchema)]
struct RejectedRecord {
    id: String,
    /// Name of the stream; empty: a request of the source.
    stream: String,
    /// `item` (refused by the rules of voices), `record` (by the plugin) or `request`.
    source: String,
    external_id: Option<String>,
    code: String,
    detail: String,
    /// As it came, personal data masked.
    raw: String,
    /// Whether it can be worked off again from here; otherwise its stream can start over.
    redrivable: bool,
    /// How often it was refused.
    times: i64,
    created_at: DateTime<Utc>,
}

fn is_redrivable(r: &Rejected) -> bool {
    r.source == "item" || r.hook_id.is_some()
}

fn seen(app: &Shared, r: Rejected) -> RejectedRecord {
    let raw = app
        .plugins
        .vault
        .open(&keep::place(&r.installation), &r.raw)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let raw: String = domain::text::mask::mask(&raw)
        .text
        .chars()
        .take(2000)
        .collect();
    RejectedRecord {
        redrivable: is_redrivable(&r),
        raw,
        id: r.id,
        stream: r.stream,
        source: r.source,
        external_id: r.external_id,
        code: r.code,
        detail: r.detail,
        times: r.times,
        created_at: DateTime::from_timestamp_micros(r.created_at).unwrap_or_default(),
    }
}

/// Records that were refused and wait, newest first.
#[utoipa::path(get, path = "/installations/{key}/rejected", tag = "plugins", params(("key" = String, Path), Listing),
    responses((status = 200, body = List<RejectedRecord>)), security(("bearer" = ["manage_plugins"])))]
async fn list_rejected(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    Params(query): Params<Listing>,
) -> Result<Json<List<RejectedRecord>>> {
    caller.may(Operation::ManagePlugins)?;
    if storage::installations::get(&app.db, &key).await?.is_none() {
        return Err(Problem::not_found("installation"));
    }
    let limit = query.limit()?;
    let after = extract::cursor(query.cursor)?;
    let page = collect::rejected(&app.db, &key, after.as_deref(), limit).await?;
    Ok(List::page(page, |r| seen(&app, r)))
}

/// What became of a record that was worked off again.
#[derive(Serialize, ToSchema)]
struct Redriven {
    /// `accepted`, `updated` or `duplicate`; `queued`: the plugin works its request off again.
    state: &'static str,
}

/// Works a refused record off again, by the rules and with the plugin of now.
#[utoipa::path(post, path = "/installations/{key}/rejected/{id}/redrive", tag = "plugins",
    params(("key" = String, Path), ("id" = String, Path)), responses((status = 200, body = Redriven)),
    security(("bearer" = ["manage_plugins"])))]
async fn redrive(
    State(app): State<Shared>,
    caller: Caller,
    Segment((key, id)): Segment<(String, String)>,
) -> Result<Json<Redriven>> {
    caller.may(Operation::ManagePlugins)?;
    let Some(record) = collect::get_rejected(&app.db, &key, &id).await? else {
        return Err(Problem::not_found("record"));
    };
    if record.state != "waiting" {
        return Err(Problem::new(
            Code::WrongState,
            "somebody has worked it off again",
        ));
    }
    if !is_redrivable(&record) {
        return Err(Problem::new(
            Code::NotRedrivable,
            "the plugin refused it while pulling: after a fix let the stream start over",
        ));
    }
    let state = match &record.hook_id {
        Some(hook) => {
            let tx = app.begin().await?;
            if !collect::again_hook(&tx, &key, hook).await? {
                return Err(Problem::new(
                    Code::NotRedrivable,
                    "its request is not kept any more",
                ));
            }
            collect::end_rejected_of_hook(&tx, hook).await?;
            collect::hurry(&tx, &key, "hooks").await?;
            history(&app, &tx, &caller, &key, &record).await?;
            tx.commit().await?;
            app.plugins.wake.notify_one();
            "queued"
        }
        None => again(&app, &caller, &key, &record).await?,
    };
    Ok(Json(Redriven { state }))
}

async fn history(
    app: &Shared,
    tx: &storage::Tx,
    caller: &Caller,
    key: &str,
    record: &Rejected,
) -> Result<()> {
    let data = serde_json::json!({"record": record.id, "code": record.code});
    storage::events::record(
        tx,
        app.ids.next(),
        "installation",
        key,
        "installation.redriven",
        &caller.actor,
        &data,
    )
    .await?;
    Ok(())
}

/// An item that the rules refused, by the rules of now.
async fn again(
    app: &Shared,
    caller: &Caller,
    key: &str,
    record: &Rejected,
) -> Result<&'static str> {
    let plain = app
        .plugins
        .vault
        .open(&keep::place(key), &record.raw)
        .map_err(|e| {
            tracing::error!(error = %e, "a record does not open");
            Problem::from(Code::Internal)
        })?;
    let item: Incoming = serde_json::from_slice(&plain)
        .map_err(|_| Problem::new(Code::NotRedrivable, "the record cannot be read"))?;
    let channel = storage::installations::get(&app.db, key)
        .await?
        .and_then(|row| row.set.channel);
    let rules = rules(
        app,
        Options {
            channel,
            occurred_at: None,
        },
    )
    .await?;
    let arrived = Arrived {
        index: 0,
        external_id: item.external_id.clone(),
        item: Ok(item),
    };
    let prepared = prepare(app, &rules, vec![arrived]);
    if let Some(refusal) = prepared.rejected.first() {
        return Err(Problem::field(
            "record",
            refusal.code.clone(),
            refusal.detail.clone(),
        ));
    }
    let backfill = prepared.is_backfill();
    let mut receipt = Receipt::default();
    let tx = app.begin().await?;
    if !collect::end_rejected(&tx, &record.id).await? {
        return Err(Problem::new(
            Code::WrongState,
            "somebody has worked it off again",
        ));
    }
    store_batch(app, &tx, prepared.voices, backfill, &mut receipt).await?;
    history(app, &tx, caller, key, record).await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(match (receipt.accepted, receipt.updated) {
        (0, 0) => "duplicate",
        (0, _) => "updated",
        _ => "accepted",
    })
}
