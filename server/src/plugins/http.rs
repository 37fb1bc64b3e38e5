//! Plugins over HTTP: install, grant, switch, roll back.

use super::installed::{Granted, asks_nothing, manifest};
use super::{manage, service, settings};
use crate::app::Shared;
use crate::http::extract::{Body, IfMatch, Segment};
use crate::http::{Caller, Code, FieldError, List, Problem, Result};
use axum::Json;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use plugin_build::package::{self, PackageError};
use plugin_host::{Host, HostGrant, Limits, MAX_COMPONENT_BYTES, PluginError};
use serde::{Deserialize, Serialize};
use storage::plugins::Plugin;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_plugins, install_plugin))
        .routes(routes!(get_plugin, remove_plugin))
        .routes(routes!(grant_plugin))
        .routes(routes!(activate_plugin))
        .routes(routes!(roll_back_plugin))
        .routes(routes!(plugin_history))
        .layer(DefaultBodyLimit::max(MAX_COMPONENT_BYTES + 64 * 1024))
        .merge(super::installations::http::routes())
}

/// An installed plugin.
#[derive(Serialize, ToSchema)]
#[schema(as = Plugin)]
struct PluginView {
    id: String,
    name: String,
    /// Version of the plugin.
    version: String,
    /// `classifier`, `knowledge-base`, `connector` or `notifier`.
    role: String,
    /// BLAKE3 of the component.
    digest: String,
    /// `installed`, `active` or `quarantined`.
    state: String,
    #[schema(value_type = Object)]
    manifest: serde_json::Value,
    /// What it asks for.
    #[schema(value_type = Object)]
    asked: serde_json::Value,
    /// What an administrator allows it; what counts is asked and granted.
    grant: PluginGrant,
    /// Whether somebody still has to decide what it may do.
    needs_grant: bool,
    granted_at: Option<DateTime<Utc>>,
    /// When it was made the active version last.
    active_since: Option<DateTime<Utc>>,
    size: i64,
    /// The Ed25519 key that signed it, base64; null: it came without a signature.
    signer: Option<String>,
    created_at: DateTime<Utc>,
    /// Counts changes; the ETag.
    revision: i64,
}

impl From<Plugin> for PluginView {
    fn from(p: Plugin) -> Self {
        let needs_grant = p.granted_at.is_none() && manifest(&p).is_ok_and(|m| !asks_nothing(&m));
        let grant = Granted::of(&p).into();
        Self {
            asked: p
                .manifest
                .get("asks")
                .cloned()
                .unwrap_or_else(|| serde_json::json!({})),
            needs_grant,
            granted_at: p.granted_at,
            active_since: p.active_since,
            revision: p.version_of_row,
            id: p.id,
            name: p.name,
            version: p.version,
            role: p.role,
            digest: p.digest,
            state: p.state,
            manifest: p.manifest,
            grant,
            size: p.size,
            signer: p.signer,
            created_at: p.created_at,
        }
    }
}

/// An object with its version as ETag.
pub(super) fn tagged(version: i64, object: impl Serialize) -> Response {
    let mut response = Json(object).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// One plugin with its ETag.
fn one(plugin: Plugin) -> Response {
    let revision = plugin.version_of_row;
    tagged(revision, PluginView::from(plugin))
}

/// All plugins.
#[utoipa::path(get, path = "/plugins", tag = "plugins", responses((status = 200, body = List<PluginView>)),
    security(("bearer" = ["read_plugins"])))]
async fn list_plugins(State(app): State<Shared>, caller: Caller) -> Result<Json<List<PluginView>>> {
    caller.may(Operation::ReadPlugins)?;
    let all = storage::plugins::list(&app.db).await?;
    Ok(List::whole(all.into_iter().map(PluginView::from).collect()))
}

/// A form with a component.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form for the API document")]
struct ComponentForm {
    /// A package of `bihuan plugin pack`, or a bare component.
    #[schema(value_type = String, format = Binary)]
    component: Vec<u8>,
    /// The key whose signature is accepted. Needed once: later versions from the same key need no word. Naming
    /// another key accepts a version in another hand; it inherits no grant.
    trust: Option<String>,
    /// `true` accepts what is not signed, or by whomever; without it such a package or bare component is refused.
    unsigned: Option<bool>,
}

/// What somebody sends to be installed.
#[derive(Default)]
struct Sent {
    bytes: Vec<u8>,
    trust: Vec<String>,
    unsigned: bool,
}

impl Sent {
    async fn read(mut form: Multipart) -> Result<Self> {
        let broken = || Problem::new(Code::MalformedBody, "the form is broken");
        let mut sent = Self::default();
        while let Some(part) = form.next_field().await.map_err(|_| broken())? {
            let name = part.name().unwrap_or_default().to_owned();
            let bytes = part.bytes().await.map_err(|e| {
                if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    Problem::new(Code::TooLarge, "a component has at most 32 MiB")
                } else {
                    broken()
                }
            })?;
            let text = || String::from_utf8_lossy(&bytes).trim().to_owned();
            match name.as_str() {
                "component" => sent.bytes = bytes.to_vec(),
                "trust" => sent.trust.push(text()),
                "unsigned" => sent.unsigned = text() == "true",
                _ => {}
            }
        }
        if sent.bytes.is_empty() {
            return Err(Problem::field(
                "component",
                "required",
                "send the component as a file",
            ));
        }
        Ok(sent)
    }

    /// The component, and the key whose signature of it holds.
    fn open(&self) -> Result<(Vec<u8>, Option<String>)> {
        // A component by itself has no place for a signature.
        if self.bytes.starts_with(b"\0asm") {
            return Ok((self.bytes.clone(), None));
        }
        // Whose signature it is comes first; whether that is enough depends on what is installed.
        let package = package::open(&self.bytes, &[], true).map_err(|error| {
            let (code, word) = match &error {
                PackageError::Malformed(_) => (Code::NotAComponent, "not_a_component"),
                _ => (Code::NotTrusted, "bad_signature"),
            };
            Problem {
                errors: vec![FieldError {
                    field: "component".to_owned(),
                    code: word.to_owned(),
                    detail: error.to_string(),
                }],
                ..Problem::new(code, error.to_string())
            }
        })?;
        Ok((package.component().to_vec(), package.signer))
    }

    /// Whether this signer may bring the plugin of that name. `installed` are the signers of what is there.
    fn accepts(&self, signer: Option<&str>, installed: &[Option<String>]) -> Result<()> {
        let refuse = |field: &str, code: &str, detail: String| {
            Err(Problem {
                errors: vec![FieldError {
                    field: field.to_owned(),
                    code: code.to_owned(),
                    detail: detail.clone(),
                }],
                ..Problem::new(Code::NotTrusted, detail)
            })
        };
        let named = signer.is_some_and(|s| self.trust.iter().any(|t| t == s));
        let before = installed.iter().flatten().next();
        match (signer, before) {
            _ if named => Ok(()),
            (Some(signer), Some(before)) if signer == before => Ok(()),
            (_, Some(before)) => refuse(
                "trust",
                "other_signer",
                format!(
                    "the installed version is signed by {before}, this one by {}",
                    signer.unwrap_or("nobody")
                ),
            ),
            _ if self.unsigned => Ok(()),
            (Some(signer), None) => refuse("trust", "unknown_signer", signer.to_owned()),
            (None, None) => refuse(
                "unsigned",
                "not_signed",
                "it is not signed: say unsigned=true to accept that".to_owned(),
            ),
        }
    }
}

/// What is wrong with a component, for people and programs.
fn refused(error: &PluginError) -> Problem {
    let code = match error {
        PluginError::ForbiddenImport { .. } | PluginError::UnknownImport { .. } => {
            Code::ForbiddenImport
        }
        PluginError::Incompatible { .. } | PluginError::Contract { .. } => Code::IncompatiblePlugin,
        PluginError::TooLarge { .. } => Code::TooLarge,
        _ => Code::NotAComponent,
    };
    Problem {
        errors: vec![FieldError {
            field: "component".to_owned(),
            code: error.code().to_owned(),
            detail: error.to_string(),
        }],
        ..Problem::new(code, error.to_string())
    }
}

/// Installs a package or a component. Its signature is checked; it is inspected and kept, not activated.
#[utoipa::path(post, path = "/plugins", tag = "plugins",
    request_body(content = ComponentForm, content_type = "multipart/form-data"),
    responses((status = 201, body = PluginView)), security(("bearer" = ["manage_plugins"])))]
async fn install_plugin(
    State(app): State<Shared>,
    caller: Caller,
    form: Multipart,
) -> Result<(StatusCode, Json<PluginView>)> {
    caller.may(Operation::ManagePlugins)?;
    let sent = Sent::read(form).await?;
    let (bytes, signer) = sent.open()?;
    let copy = bytes.clone();
    let inspection = tokio::task::spawn_blocking(move || Host::inspect(&copy))
        .await
        .map_err(|_| Problem::from(Code::Internal))?
        .map_err(|e| refused(&e))?;
    let installed = storage::plugins::signers(&app.db, &inspection.manifest.name).await?;
    sent.accepts(signer.as_deref(), &installed)?;
    if let Some(schema) = &inspection.manifest.config_schema {
        settings::accept(schema).map_err(|detail| Problem {
            errors: vec![FieldError {
                field: "component".to_owned(),
                code: "plugin_bad_schema".to_owned(),
                detail: detail.clone(),
            }],
            ..Problem::new(Code::NotAComponent, detail)
        })?;
    }
    // Compiling shows whether imports and exports have the contract's types.
    app.plugins
        .check(bytes.clone())
        .await
        .map_err(|e| refused(&e))?;
    let manifest = &inspection.manifest;
    let present = storage::plugins::list(&app.db).await?;
    if present.iter().any(|p| {
        p.name == manifest.name && p.version == manifest.version && p.digest != inspection.digest
    }) {
        let detail = format!(
            "{} {} is installed with other content: raise the version",
            manifest.name, manifest.version
        );
        return Err(Problem {
            errors: vec![FieldError {
                field: "component".to_owned(),
                code: "version_exists".to_owned(),
                detail: detail.clone(),
            }],
            ..Problem::new(Code::Conflict, detail)
        });
    }
    // Whoever takes a plugin over from another signer says whose code it is, not what that code may do.
    let same_signer = installed
        .iter()
        .flatten()
        .all(|s| Some(s) == signer.as_ref());
    let trusted = same_signer && caller.may(Operation::GrantPlugins).is_ok();
    let plugin = service::install(
        &app,
        &bytes,
        &inspection,
        signer,
        trusted,
        false,
        &caller.actor,
    )
    .await?;
    Ok((StatusCode::CREATED, Json(plugin.into())))
}

/// One plugin.
#[utoipa::path(get, path = "/plugins/{id}", tag = "plugins", params(("id" = String, Path)),
    responses((status = 200, body = PluginView)), security(("bearer" = ["read_plugins"])))]
async fn get_plugin(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response> {
    caller.may(Operation::ReadPlugins)?;
    Ok(one(manage::plugin(&app, &id).await?))
}

/// Removes a version that nothing uses.
#[utoipa::path(delete, path = "/plugins/{id}", tag = "plugins", params(("id" = String, Path)),
    responses((status = 204)), security(("bearer" = ["manage_plugins"])))]
async fn remove_plugin(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<StatusCode> {
    caller.may(Operation::ManagePlugins)?;
    manage::remove_plugin(&app, &caller.actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An origin that a plugin may reach.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GrantedHost {
    /// `https://host` or `https://host:port`; `http://…` only together with `networks`.
    origin: String,
    /// Methods of HTTP in capitals; empty: all that it asks for now. They are kept by name: a later version that
    /// asks for more does not get it.
    #[serde(default)]
    methods: Vec<String>,
    /// Empty: public addresses only. Otherwise the only addresses that it may lead to: `10.1.0.0/16`.
    #[serde(default)]
    networks: Vec<String>,
}

/// Limits of one call, at least 1 and no higher than the manifest asks for.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GrantedLimits {
    memory_mb: Option<u32>,
    cpu_ms: Option<u32>,
    wall_ms: Option<u32>,
    http_calls: Option<u32>,
    http_parallel: Option<u32>,
}

/// What an administrator allows a plugin.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PluginGrant {
    #[serde(default)]
    hosts: Vec<GrantedHost>,
    /// Names of secrets that it may use.
    #[serde(default)]
    secrets: Vec<String>,
    /// Whether it may write files, into a folder that the server gives it.
    #[serde(default)]
    files: bool,
    /// Whether it may read the mailbox of its installation.
    #[serde(default)]
    imap: bool,
    #[serde(default)]
    limits: GrantedLimits,
}

impl From<PluginGrant> for Granted {
    fn from(g: PluginGrant) -> Self {
        Self {
            hosts: g
                .hosts
                .into_iter()
                .map(|h| HostGrant {
                    origin: h.origin,
                    methods: h.methods,
                    networks: h.networks,
                })
                .collect(),
            secrets: g.secrets,
            files: g.files,
            imap: g.imap,
            limits: Limits {
                memory_mb: g.limits.memory_mb,
                cpu_ms: g.limits.cpu_ms,
                wall_ms: g.limits.wall_ms,
                http_calls: g.limits.http_calls,
                http_parallel: g.limits.http_parallel,
            },
        }
    }
}

impl From<Granted> for PluginGrant {
    fn from(g: Granted) -> Self {
        Self {
            hosts: g
                .hosts
                .into_iter()
                .map(|h| GrantedHost {
                    origin: h.origin,
                    methods: h.methods,
                    networks: h.networks,
                })
                .collect(),
            secrets: g.secrets,
            files: g.files,
            imap: g.imap,
            limits: GrantedLimits {
                memory_mb: g.limits.memory_mb,
                cpu_ms: g.limits.cpu_ms,
                wall_ms: g.limits.wall_ms,
                http_calls: g.limits.http_calls,
                http_parallel: g.limits.http_parallel,
            },
        }
    }
}

/// Decides what a plugin may do. It can do what it asks for and is granted here.
#[utoipa::path(put, path = "/plugins/{id}/grant", tag = "plugins", params(("id" = String, Path)),
    request_body = PluginGrant, responses((status = 200, body = PluginView)), security(("bearer" = ["grant_plugins"])))]
async fn grant_plugin(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(body): Body<PluginGrant>,
) -> Result<Response> {
    caller.may(Operation::GrantPlugins)?;
    let plugin = manage::grant(&app, &caller.actor, &id, &body.into(), expected).await?;
    Ok(one(plugin))
}

/// Switches to this version: all installations of its name, or, for a classifier, everything from now on. It gets
/// what was granted and entrusted to the version before, so whoever switches must be allowed to grant.
#[utoipa::path(post, path = "/plugins/{id}/activate", tag = "plugins", params(("id" = String, Path)),
    responses((status = 200, body = PluginView)), security(("bearer" = ["grant_plugins"])))]
async fn activate_plugin(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response> {
    caller.may(Operation::GrantPlugins)?;
    Ok(one(manage::activate(&app, &caller.actor, &id).await?))
}

/// Goes back from this version to the one before it; answers that one.
#[utoipa::path(post, path = "/plugins/{id}/rollback", tag = "plugins", params(("id" = String, Path)),
    responses((status = 200, body = PluginView)), security(("bearer" = ["manage_plugins"])))]
async fn roll_back_plugin(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response> {
    caller.may(Operation::ManagePlugins)?;
    Ok(one(manage::roll_back(&app, &caller.actor, &id).await?))
}

/// Who did what to a plugin or an installation.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginEvent {
    at: DateTime<Utc>,
    actor: String,
    /// `plugin.granted`, `installation.paused` …
    kind: String,
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

impl From<storage::events::Event> for PluginEvent {
    fn from(e: storage::events::Event) -> Self {
        Self {
            at: e.at,
            actor: e.actor.name,
            kind: e.kind,
            data: e.data,
        }
    }
}

/// The history of a plugin, oldest first.
#[utoipa::path(get, path = "/plugins/{id}/history", tag = "plugins", params(("id" = String, Path)),
    responses((status = 200, body = List<PluginEvent>)), security(("bearer" = ["read_plugins"])))]
async fn plugin_history(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<List<PluginEvent>>> {
    caller.may(Operation::ReadPlugins)?;
    let events = storage::events::of(&app.db, "plugin", &id).await?;
    Ok(List::whole(
        events.into_iter().map(PluginEvent::from).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_build::package::SigningKey;

    #[test]
    fn signatures_decide_who_may_bring_a_plugin() {
        let of = |name: &str| Some(name.to_owned());
        let code = |sent: &Sent, signer, installed: &[Option<String>]| {
            let refused = sent.accepts(signer, installed).err();
            refused
                .map(|p| p.errors[0].code.clone())
                .unwrap_or_default()
        };
        let plain = Sent::default();
        let unsigned = Sent {
            unsigned: true,
            ..Sent::default()
        };
        let trusting = Sent {
            trust: vec!["a".to_owned()],
            ..Sent::default()
        };
        // Nothing is installed.
        assert_eq!(code(&plain, None, &[]), "not_signed");
        assert_eq!(code(&unsigned, None, &[]), "");
        assert_eq!(code(&plain, Some("a"), &[]), "unknown_signer");
        assert_eq!(code(&unsigned, Some("a"), &[]), "");
        assert_eq!(code(&trusting, Some("a"), &[]), "");
        assert_eq!(code(&trusting, Some("b"), &[]), "unknown_signer");
        assert_eq!(code(&trusting, None, &[]), "not_signed");
        // What came without a signature vouches for nobody.
        assert_eq!(code(&plain, Some("a"), &[None]), "unknown_signer");
        assert_eq!(code(&unsigned, None, &[None]), "");
        // What came with one does.
        assert_eq!(code(&plain, Some("a"), &[of("a")]), "");
        assert_eq!(code(&plain, Some("b"), &[of("a")]), "other_signer");
        assert_eq!(code(&unsigned, Some("b"), &[of("a")]), "other_signer");
        assert_eq!(code(&unsigned, None, &[None, of("a")]), "other_signer");
        assert_eq!(code(&trusting, Some("a"), &[of("b")]), "");
    }

    #[test]
    fn a_damaged_package_is_refused_whatever_is_waived() {
        let (key, _) = SigningKey::generate().unwrap();
        let component = b"\0asm....".to_vec();
        let whole = package::pack(&component, &[], Some(&key)).unwrap();
        let sent = |bytes: Vec<u8>| Sent {
            bytes,
            unsigned: true,
            ..Sent::default()
        };
        assert_eq!(
            sent(whole.clone()).open().ok(),
            Some((component.clone(), Some(key.public())))
        );
        assert_eq!(sent(component.clone()).open().ok(), Some((component, None)));
        let at = whole.windows(4).position(|w| w == b"....").unwrap();
        let mut changed = whole;
        changed[at] = b'x';
        assert!(sent(changed).open().is_err());
        assert!(sent(b"anything".to_vec()).open().is_err());
    }
}
