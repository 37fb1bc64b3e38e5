//! Installations over HTTP: set up, fill in secrets, test, watch.

use crate::app::Shared;
use crate::http::extract::{self, Body, IfMatch, Listing, Params, Segment};
use crate::http::{Caller, List, Problem, Result};
use crate::plugins::http::{PluginEvent, tagged};
use crate::plugins::installed::{self, Granted, Installed, Lack, secret_names};
use crate::plugins::manage::{self, Wanted};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::clock::Timestamp;
use domain::identity::Operation;
use domain::organisation::Department;
use domain::plugins::{Mailbox, Schedule, Settings, State as Doing};
use serde::{Deserialize, Serialize};
use storage::collect::{self, Work};
use storage::figures::{Call, Line};
use storage::installations::{Checked, Health};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Records of a stream that somebody looks at before they count.
const PREVIEWED: u32 = 20;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_installations))
        .routes(routes!(
            get_installation,
            put_installation,
            remove_installation
        ))
        .routes(routes!(put_secret, remove_secret))
        .routes(routes!(check_installation))
        .routes(routes!(pull_installation))
        .routes(routes!(restart_stream))
        .routes(routes!(preview_stream))
        .routes(routes!(installation_logs))
        .routes(routes!(installation_calls))
        .routes(routes!(installation_history))
}

/// A secret of an installation. Its value is never shown again.
#[derive(Serialize, ToSchema)]
struct SecretView {
    name: String,
    #[schema(value_type = Object)]
    title: serde_json::Value,
    /// Whether it works without.
    optional: bool,
    /// Whether the plugin may use it.
    granted: bool,
    /// Whether it has a value.
    set: bool,
    /// Counts values.
    version: Option<i64>,
    set_at: Option<DateTime<Utc>>,
    /// Whether the value before is still accepted from senders.
    has_previous: bool,
}

/// A stream of a connector.
#[derive(Serialize, ToSchema)]
struct StreamView {
    name: String,
    title: String,
    /// Pages kept so far.
    pages: i64,
    accepted: i64,
    updated: i64,
    duplicates: i64,
    rejected: i64,
    /// When it is pulled next; null: not before somebody changes something.
    next_at: Option<DateTime<Utc>>,
    last_ok_at: Option<DateTime<Utc>>,
    /// When the newest voice was spoken.
    newest_at: Option<DateTime<Utc>>,
    error: Option<String>,
    /// Whether it has a cursor: without one it starts at the beginning.
    started: bool,
}

impl From<Work> for StreamView {
    fn from(w: Work) -> Self {
        Self {
            name: w.name,
            title: w.progress.title,
            pages: w.seq,
            accepted: w.progress.accepted,
            updated: w.progress.updated,
            duplicates: w.progress.duplicates,
            rejected: w.progress.rejected,
            next_at: w.next_at,
            last_ok_at: w.progress.last_ok_at,
            newest_at: w.progress.newest_at,
            error: w.progress.error,
            started: w.cursor.is_some(),
        }
    }
}

/// A failure that people should see.
#[derive(Serialize, ToSchema)]
struct FailureView {
    code: String,
    message: String,
    /// `pull`, `hook`, `check` …
    operation: String,
    at: DateTime<Utc>,
}

/// Answer of a self check.
#[derive(Serialize, ToSchema)]
struct CheckView {
    ok: bool,
    message: String,
    #[schema(value_type = Object)]
    details: serde_json::Value,
    at: DateTime<Utc>,
}

impl From<Checked> for CheckView {
    fn from(c: Checked) -> Self {
        Self {
            ok: c.ok,
            message: c.message,
            details: c.details,
            at: c.at,
        }
    }
}

/// Requests of the source that wait, were worked off, or were given up.
#[derive(Default, Serialize, ToSchema)]
struct InboxView {
    waiting: i64,
    done: i64,
    dead: i64,
}

/// Who posts through a notifier.
#[derive(Serialize, ToSchema)]
struct UserView {
    /// `organisation` (for departments that name no notifier) or `department`.
    kind: &'static str,
    /// Key of the department; empty: the organisation.
    key: String,
    name: String,
}

/// A figure that the plugin measures itself.
#[derive(Serialize, ToSchema)]
struct FigureView {
    /// As its manifest declares it; `undeclared`: all others.
    name: String,
    /// What it counted.
    count: u64,
    /// How many values it measured.
    values: u64,
    /// Their sum.
    sum: f64,
}

/// An installation of a plugin.
#[derive(Serialize, ToSchema)]
#[schema(as = Installation)]
struct InstallationView {
    key: String,
    /// For people; empty: the plugin's title.
    title: String,
    /// Name of the plugin.
    plugin: String,
    /// `connector`, `notifier` or `knowledge-base`.
    role: String,
    plugin_id: String,
    plugin_version: String,
    /// The version before: where a roll-back goes.
    previous_plugin_id: Option<String>,
    enabled: bool,
    channel: Option<String>,
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    config_version: u32,
    schedule: Schedule,
    mailbox: Option<Mailbox>,
    /// How it is doing.
    state: Doing,
    /// What it lacks to work: `grant`, `secret`, `secret_grant`, `host`, `mailbox`, each with a name.
    #[schema(value_type = Vec<Object>)]
    lacks: Vec<Lack>,
    secrets: Vec<SecretView>,
    streams: Vec<StreamView>,
    /// Where its source calls; null: it is not called.
    hook_url: Option<String>,
    inbox: InboxView,
    /// Records that were refused and wait for somebody.
    rejected: i64,
    /// Failures in a row.
    failures: u32,
    last_ok_at: Option<DateTime<Utc>>,
    /// The last failure; null once it works again.
    last_error: Option<FailureView>,
    checked: Option<CheckView>,
    /// Of a notifier: who posts through it. Nobody: nothing is posted.
    used_by: Vec<UserView>,
    /// What the plugin measures itself, added up since this server started.
    figures: Vec<FigureView>,
    created_at: DateTime<Utc>,
    version: i64,
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_timestamp_micros(micros).unwrap_or_default()
}

async fn used_by(app: &Shared, key: &str) -> Result<Vec<UserView>> {
    let mut all = Vec::new();
    let organisation = storage::organisation::organisation(&app.db).await?;
    if organisation.notifier.as_deref() == Some(key) {
        all.push(UserView {
            kind: "organisation",
            key: String::new(),
            name: organisation.name,
        });
    }
    for department in storage::organisation::all::<Department>(&app.db).await? {
        if department.notifier.as_deref() == Some(key) {
            all.push(UserView {
                kind: "department",
                name: department.title().to_owned(),
                key: department.key,
            });
        }
    }
    Ok(all)
}

async fn view(app: &Shared, found: Installed) -> Result<InstallationView> {
    let key = found.row.key.clone();
    let held = storage::installations::secrets(&app.db, &key).await?;
    let granted = Granted::of(&found.plugin);
    let filled = held.iter().map(|s| s.name.clone()).collect();
    let lacks = found.lacks(&filled);
    let secrets = secret_names(&found.manifest)
        .into_iter()
        .map(|name| {
            let asked = found.manifest.asks.secret(&name);
            let kept = held.iter().find(|s| s.name == name);
            SecretView {
                title: asked.map_or_else(
                    || serde_json::json!({"zh": "邮箱密码", "en": "Password of the mailbox"}),
                    |a| serde_json::to_value(&a.title).unwrap_or_default(),
                ),
                optional: asked.is_some_and(|a| a.optional),
                granted: asked.is_none() || granted.secrets.contains(&name),
                set: kept.is_some(),
                version: kept.map(|s| s.version),
                set_at: kept.map(|s| time(s.set_at)),
                has_previous: kept.is_some_and(|s| s.previous.is_some()),
                name,
            }
        })
        .collect();
    let mut inbox = InboxView::default();
    for (state, n) in collect::count_hooks(&app.db, &key).await? {
        match state.as_str() {
            "waiting" => inbox.waiting = n,
            "done" => inbox.done = n,
            _ => inbox.dead = n,
        }
    }
    let health: Health = storage::installations::health(&app.db, &key).await?;
    let streams = collect::works(&app.db, &key)
        .await?
        .into_iter()
        .filter(|w| w.kind == "pull")
        .map(StreamView::from)
        .collect();
    let row = found.row;
    let is_notifier = row.role == "notifier";
    Ok(InstallationView {
        title: row.set.title,
        plugin: row.plugin,
        role: row.role,
        plugin_id: row.plugin_id,
        plugin_version: found.plugin.version,
        previous_plugin_id: row.previous_id,
        enabled: row.enabled,
        channel: row.set.channel,
        settings: row.set.settings,
        config_version: row.set.config_version,
        schedule: row.set.schedule,
        mailbox: row.set.mailbox,
        state: health.state,
        lacks,
        secrets,
        streams,
        hook_url: found
            .manifest
            .webhook
            .is_some()
            .then(|| format!("{}/hooks/{key}", app.config.public_url)),
        inbox,
        rejected: collect::count_rejected(&app.db, &key).await?,
        failures: health.failures,
        last_ok_at: health.last_ok_at,
        last_error: health
            .last_error
            .filter(|e| health.state != Doing::Ok || health.last_ok_at.is_none_or(|at| at < e.at))
            .map(|e| FailureView {
                code: e.code,
                message: e.message,
                operation: e.operation,
                at: e.at,
            }),
        checked: health.checked.map(CheckView::from),
        used_by: if is_notifier {
            used_by(app, &key).await?
        } else {
            Vec::new()
        },
        figures: app
            .plugins
            .ledger
            .figures(&key)
            .into_iter()
            .map(|f| FigureView {
                name: f.name,
                count: f.added,
                values: f.values,
                sum: f.sum,
            })
            .collect(),
        created_at: row.created_at,
        version: row.version,
        key,
    })
}

async fn found(app: &Shared, key: &str) -> Result<Installed> {
    installed::find(&app.db, key)
        .await?
        .ok_or_else(|| Problem::not_found("installation"))
}

/// All installations, by key.
#[utoipa::path(get, path = "/installations", tag = "plugins", responses((status = 200, body = List<InstallationView>)),
    security(("bearer" = ["read_plugins"])))]
async fn list_installations(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<List<InstallationView>>> {
    caller.may(Operation::ReadPlugins)?;
    let mut items = Vec::new();
    for row in storage::installations::list(&app.db).await? {
        items.push(view(&app, installed::of(&app.db, row).await?).await?);
    }
    Ok(List::whole(items))
}

/// One installation.
#[utoipa::path(get, path = "/installations/{key}", tag = "plugins", params(("key" = String, Path)),
    responses((status = 200, body = InstallationView)), security(("bearer" = ["read_plugins"])))]
async fn get_installation(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<Response> {
    caller.may(Operation::ReadPlugins)?;
    answer(&app, &key).await
}

async fn answer(app: &Shared, key: &str) -> Result<Response> {
    let view = view(app, found(app, key).await?).await?;
    Ok(tagged(view.version, view))
}

/// What somebody sets for an installation.
#[derive(Deserialize, ToSchema)]
#[schema(as = InstallationDraft)]
#[serde(deny_unknown_fields)]
struct InstallationBody {
    /// Name of the plugin; fixed once the installation exists.
    plugin: String,
    /// For people; empty: the plugin's title.
    #[serde(default)]
    title: String,
    /// Channel of items that name none; the key when it is left out.
    #[serde(default)]
    channel: Option<String>,
    /// As the plugin's schema says.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    #[serde(default)]
    schedule: Schedule,
    #[serde(default)]
    mailbox: Option<Mailbox>,
    /// Whether it works at all; true when left out.
    #[serde(default)]
    enabled: Option<bool>,
}

/// Makes or replaces an installation. Settings are checked against the plugin's schema and by the plugin.
#[utoipa::path(put, path = "/installations/{key}", tag = "plugins", params(("key" = String, Path)),
    request_body = InstallationBody, responses((status = 200, body = InstallationView)),
    security(("bearer" = ["manage_plugins"])))]
async fn put_installation(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(body): Body<InstallationBody>,
) -> Result<Response> {
    caller.may(Operation::ManagePlugins)?;
    if body
        .mailbox
        .as_ref()
        .is_some_and(|m| !m.networks.is_empty())
    {
        // A way into the network inside is a grant.
        caller.may(Operation::GrantPlugins)?;
    }
    let wanted = Wanted {
        plugin: body.plugin,
        enabled: body.enabled.unwrap_or(true),
        set: Settings {
            title: body.title,
            channel: body.channel,
            settings: body.settings,
            config_version: 0,
            schedule: body.schedule,
            mailbox: body.mailbox,
        },
    };
    manage::save(&app, &caller.actor, &key, wanted, expected).await?;
    answer(&app, &key).await
}

/// Removes an installation. Voices that it brought stay.
#[utoipa::path(delete, path = "/installations/{key}", tag = "plugins", params(("key" = String, Path)),
    responses((status = 204)), security(("bearer" = ["manage_plugins"])))]
async fn remove_installation(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode> {
    caller.may(Operation::ManagePlugins)?;
    manage::remove(&app, &caller.actor, &key, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The value of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecretBody {
    /// 1 to 8192 bytes; never shown again.
    value: String,
}

/// Fills in a secret. The value before stays accepted from senders until the next change.
#[utoipa::path(put, path = "/installations/{key}/secrets/{name}", tag = "plugins",
    params(("key" = String, Path), ("name" = String, Path)), request_body = SecretBody,
    responses((status = 204)), security(("bearer" = ["manage_plugins"])))]
async fn put_secret(
    State(app): State<Shared>,
    caller: Caller,
    Segment((key, name)): Segment<(String, String)>,
    Body(body): Body<SecretBody>,
) -> Result<StatusCode> {
    caller.may(Operation::ManagePlugins)?;
    manage::set_secret(&app, &caller.actor, &key, &name, Some(&body.value)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Empties a secret.
#[utoipa::path(delete, path = "/installations/{key}/secrets/{name}", tag = "plugins",
    params(("key" = String, Path), ("name" = String, Path)), responses((status = 204)),
    security(("bearer" = ["manage_plugins"])))]
async fn remove_secret(
    State(app): State<Shared>,
    caller: Caller,
    Segment((key, name)): Segment<(String, String)>,
) -> Result<StatusCode> {
    caller.may(Operation::ManagePlugins)?;
    manage::set_secret(&app, &caller.actor, &key, &name, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tests the connection: one cheap call of the plugin with its grants, settings and secrets.
#[utoipa::path(post, path = "/installations/{key}/check", tag = "plugins", params(("key" = String, Path)),
    responses((status = 200, body = CheckView)), security(("bearer" = ["manage_plugins"])))]
async fn check_installation(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<Json<CheckView>> {
    caller.may(Operation::ManagePlugins)?;
    Ok(Json(manage::check(&app, &key).await?.into()))
}

/// Makes it work now: what is scheduled for later, rests or waits for a person.
#[utoipa::path(post, path = "/installations/{key}/pull", tag = "plugins", params(("key" = String, Path)),
    responses((status = 202)), security(("bearer" = ["manage_plugins"])))]
async fn pull_installation(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<StatusCode> {
    caller.may(Operation::ManagePlugins)?;
    manage::hurry(&app, &caller.actor, &key).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Lets a stream start over. What it brings again is known: nothing is counted twice.
#[utoipa::path(post, path = "/installations/{key}/streams/{name}/restart", tag = "plugins",
    params(("key" = String, Path), ("name" = String, Path)), responses((status = 202)),
    security(("bearer" = ["manage_plugins"])))]
async fn restart_stream(
    State(app): State<Shared>,
    caller: Caller,
    Segment((key, name)): Segment<(String, String)>,
) -> Result<StatusCode> {
    caller.may(Operation::ManagePlugins)?;
    manage::restart_stream(&app, &caller.actor, &key, &name).await?;
    Ok(StatusCode::ACCEPTED)
}

/// What a stream would bring.
#[derive(Serialize, ToSchema)]
struct Preview {
    /// Voices as the plugin makes them, with the fields of `POST /feedback`; personal data masked.
    #[schema(value_type = Vec<Object>)]
    items: Vec<serde_json::Value>,
    /// What the plugin would set aside.
    rejected: Vec<PreviewRejected>,
}

/// A record that a plugin can make no voice of.
#[derive(Serialize, ToSchema)]
struct PreviewRejected {
    external_id: Option<String>,
    code: String,
    detail: String,
    /// As it came, personal data masked.
    raw: String,
}

/// Without personal data and without fields that say nothing.
pub(in crate::plugins) fn shown(value: serde_json::Value) -> Option<serde_json::Value> {
    use serde_json::Value;
    Some(match value {
        Value::Null => return None,
        Value::String(text) => Value::String(domain::text::mask::mask(&text).text),
        Value::Array(all) => Value::Array(all.into_iter().filter_map(shown).collect()),
        Value::Object(all) => Value::Object(
            all.into_iter()
                // Whose voice it is nobody has to see.
                .filter(|(name, _)| name != "customer_ref")
                .filter_map(|(name, value)| Some((name, shown(value)?)))
                .collect(),
        ),
        other => other,
    })
}

/// Looks at the first records of a stream before they count. Nothing is kept: neither voices nor the place in the
/// stream.
#[utoipa::path(post, path = "/installations/{key}/streams/{name}/preview", tag = "plugins",
    params(("key" = String, Path), ("name" = String, Path)), responses((status = 200, body = Preview)),
    security(("bearer" = ["manage_plugins"])))]
async fn preview_stream(
    State(app): State<Shared>,
    caller: Caller,
    Segment((key, name)): Segment<(String, String)>,
) -> Result<Json<Preview>> {
    caller.may(Operation::ManagePlugins)?;
    let found = found(&app, &key).await?;
    let works = collect::works(&app.db, &key).await?;
    if !works.iter().any(|w| w.kind == "pull" && w.name == name) {
        return Err(Problem::not_found("stream"));
    }
    let wrong =
        |failed: crate::plugins::Failed| Problem::field("stream", failed.code, failed.message);
    let connected = app.plugins.connect_to(&app, found).await.map_err(wrong)?;
    let (items, unusable) = connected.preview(&name, PREVIEWED).await.map_err(wrong)?;
    let cut = |text: &str| text.chars().take(2000).collect::<String>();
    Ok(Json(Preview {
        items: items
            .into_iter()
            .filter_map(|item| shown(serde_json::to_value(item).ok()?))
            .collect(),
        rejected: unusable
            .into_iter()
            .map(|r| PreviewRejected {
                external_id: r.external_id,
                code: r.code,
                detail: domain::text::mask::mask(&r.detail).text,
                raw: cut(&domain::text::mask::mask(&r.raw).text),
            })
            .collect(),
    }))
}

/// A line that a plugin wrote.
#[derive(Serialize, ToSchema)]
struct PluginLogLine {
    id: String,
    at: DateTime<Utc>,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    level: String,
    message: String,
}

impl From<Line> for PluginLogLine {
    fn from(l: Line) -> Self {
        Self {
            id: l.id,
            at: time(l.at),
            level: l.level,
            message: l.message,
        }
    }
}

/// What the plugin wrote, newest first; the last 500 lines are kept.
#[utoipa::path(get, path = "/installations/{key}/logs", tag = "plugins", params(("key" = String, Path), Listing),
    responses((status = 200, body = List<PluginLogLine>)), security(("bearer" = ["read_plugins"])))]
async fn installation_logs(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    Params(query): Params<Listing>,
) -> Result<Json<List<PluginLogLine>>> {
    caller.may(Operation::ReadPlugins)?;
    found(&app, &key).await?;
    let limit = query.limit()?;
    let after = extract::cursor(query.cursor)?;
    let page = storage::figures::lines(&app.db, &key, after.as_deref(), limit).await?;
    Ok(List::page(page, PluginLogLine::from))
}

/// A call of the plugin and what it needed.
#[derive(Serialize, ToSchema)]
struct PluginCall {
    id: String,
    at: DateTime<Utc>,
    /// Name and version of what ran.
    plugin: String,
    /// `pull`, `handle`, `check` …
    operation: String,
    /// `ok`, a failure class, or the code of the host's error.
    outcome: String,
    /// `cpu_ms`, `wall_ms`, `memory_bytes`, `http_calls`, `http_bytes`, `mails`, `log_lines`, `log_dropped`, `denied`.
    #[schema(value_type = Object)]
    used: serde_json::Value,
}

impl From<Call> for PluginCall {
    fn from(c: Call) -> Self {
        Self {
            id: c.id,
            at: c.at,
            plugin: c.plugin,
            operation: c.operation,
            outcome: c.outcome,
            used: c.used,
        }
    }
}

/// The last calls with the budgets that they used, newest first; 500 are kept.
#[utoipa::path(get, path = "/installations/{key}/calls", tag = "plugins", params(("key" = String, Path), Listing),
    responses((status = 200, body = List<PluginCall>)), security(("bearer" = ["read_plugins"])))]
async fn installation_calls(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    Params(query): Params<Listing>,
) -> Result<Json<List<PluginCall>>> {
    caller.may(Operation::ReadPlugins)?;
    found(&app, &key).await?;
    let limit = query.limit()?;
    let after = extract::cursor(query.cursor)?;
    let page = storage::figures::calls(&app.db, &key, after.as_deref(), limit).await?;
    Ok(List::page(page, PluginCall::from))
}

/// The history of an installation, oldest first.
#[utoipa::path(get, path = "/installations/{key}/history", tag = "plugins", params(("key" = String, Path)),
    responses((status = 200, body = List<PluginEvent>)), security(("bearer" = ["read_plugins"])))]
async fn installation_history(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<Json<List<PluginEvent>>> {
    caller.may(Operation::ReadPlugins)?;
    let events = storage::events::of(&app.db, "installation", &key).await?;
    Ok(List::whole(
        events.into_iter().map(PluginEvent::from).collect(),
    ))
}
