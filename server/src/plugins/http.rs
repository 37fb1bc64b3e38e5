//! Plugins over HTTP: list and install.

use super::service;
use crate::app::Shared;
use crate::http::{Caller, Code, FieldError, List, Problem, Result};
use axum::Json;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use plugin_host::{Host, MAX_COMPONENT_BYTES, PluginError};
use serde::Serialize;
use storage::plugins::Plugin;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_plugins, install_plugin))
        .layer(DefaultBodyLimit::max(MAX_COMPONENT_BYTES + 64 * 1024))
}

/// An installed plugin.
#[derive(Serialize, ToSchema)]
#[schema(as = Plugin)]
struct PluginView {
    id: String,
    name: String,
    version: String,
    /// `classifier` or `knowledge-base`.
    role: String,
    /// BLAKE3 of the component.
    digest: String,
    /// `installed` or `active`.
    state: String,
    #[schema(value_type = Object)]
    manifest: serde_json::Value,
    /// What it asks for.
    #[schema(value_type = Object)]
    asked: serde_json::Value,
    /// What it may do.
    #[schema(value_type = Object)]
    grant: serde_json::Value,
    size: i64,
    created_at: DateTime<Utc>,
}

impl From<Plugin> for PluginView {
    fn from(p: Plugin) -> Self {
        Self {
            asked: p.manifest.get("asks").cloned().unwrap_or_default(),
            id: p.id,
            name: p.name,
            version: p.version,
            role: p.role,
            digest: p.digest,
            state: p.state,
            manifest: p.manifest,
            grant: p.grant,
            size: p.size,
            created_at: p.created_at,
        }
    }
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
    #[schema(value_type = String, format = Binary)]
    component: Vec<u8>,
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

/// Installs a component. It is inspected and kept, not activated.
#[utoipa::path(post, path = "/plugins", tag = "plugins",
    request_body(content = ComponentForm, content_type = "multipart/form-data"),
    responses((status = 201, body = PluginView)), security(("bearer" = ["manage_plugins"])))]
async fn install_plugin(
    State(app): State<Shared>,
    caller: Caller,
    mut form: Multipart,
) -> Result<(StatusCode, Json<PluginView>)> {
    caller.may(Operation::ManagePlugins)?;
    let mut component = None;
    while let Some(part) = form
        .next_field()
        .await
        .map_err(|_| Problem::new(Code::MalformedBody, "the form is broken"))?
    {
        if part.name() == Some("component") {
            let bytes = part.bytes().await.map_err(|e| {
                if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    Problem::new(Code::TooLarge, "a component has at most 32 MiB")
                } else {
                    Problem::new(Code::MalformedBody, "the form is broken")
                }
            })?;
            component = Some(bytes.to_vec());
        }
    }
    let Some(bytes) = component.filter(|b| !b.is_empty()) else {
        return Err(Problem::field(
            "component",
            "required",
            "send the component as a file",
        ));
    };
    let copy = bytes.clone();
    let inspection = tokio::task::spawn_blocking(move || Host::inspect(&copy))
        .await
        .map_err(|_| Problem::from(Code::Internal))?
        .map_err(|e| refused(&e))?;
    // Compiling shows whether imports and exports have the contract's types.
    app.plugins
        .check(bytes.clone())
        .await
        .map_err(|e| refused(&e))?;
    let plugin = service::install(&app, &bytes, &inspection, false).await?;
    Ok((StatusCode::CREATED, Json(plugin.into())))
}
