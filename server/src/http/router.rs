//! Everything that can be asked over HTTP, with the layers that every request passes.

use super::problem::{REQUEST, Request as Info};
use super::{Code, Problem, console, openapi};
use crate::app::Shared;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::organisation::Locale;
use tower_http::decompression::RequestDecompressionLayer;
use utoipa_axum::router::OpenApiRouter;

/// Decompressed bytes of a request body.
pub const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// Bytes of an uploaded file.
pub const UPLOAD_LIMIT: usize = 256 * 1024 * 1024;

/// The whole server.
pub fn router(app: Shared) -> Router {
    let (api, _) = OpenApiRouter::new()
        .nest("/api/v1", openapi::api())
        .split_for_parts();
    let api = api
        .route("/api/v1/openapi.json", get(document))
        .route("/api/v1/problems", get(problems))
        .method_not_allowed_fallback(|| async { Problem::from(Code::MethodNotAllowed) });
    Router::new()
        .merge(api)
        .merge(crate::tasks::page::routes())
        .merge(crate::reviews::page::routes())
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(console::serve)
        // Innermost first: the limit counts what decompression gives out.
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(RequestDecompressionLayer::new())
        // Behind it: what a source has signed must arrive as it was sent.
        .merge(crate::intake::collect::http::hook_routes())
        .layer(middleware::from_fn_with_state(app.clone(), envelope))
        .with_state(app)
}

/// Names the request, runs it where nobody can cancel it half-way, and sets the headers that every
/// answer has.
async fn envelope(State(app): State<Shared>, request: Request<Body>, next: Next) -> Response {
    let id = app.ids.next().to_string();
    let english = request
        .headers()
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.trim_start().to_ascii_lowercase().starts_with("en"));
    let info = Info {
        id: id.clone(),
        locale: if english { Locale::En } else { Locale::ZhCn },
    };
    let method = request.method().clone();
    // Tokens of action links stand in the path: never in a log.
    let path = request.uri().path();
    let path = if path.starts_with("/a/") {
        "/a/…".to_owned()
    } else {
        path.to_owned()
    };
    let named = info.clone();
    let started = tokio::time::Instant::now();
    // A client that hangs up must not leave half a transaction behind: the work goes on without it.
    let answer = app
        .tracker
        .spawn(REQUEST.scope(info.clone(), next.run(request)))
        .await;
    let mut response = match answer {
        Ok(response) => response,
        Err(_) => {
            tracing::error!(request.id = id, %method, path, "a handler panicked");
            REQUEST
                .scope(info, async {
                    Problem::from(Code::Internal).into_response()
                })
                .await
        }
    };
    let status = response.status();
    if status.is_server_error() {
        tracing::warn!(request.id = id, %method, path, status = status.as_u16(), "request failed");
    } else {
        tracing::debug!(request.id = id, %method, path, status = status.as_u16(),
            ms = started.elapsed().as_millis() as u64, "request");
    }
    // What the framework answers by itself (a broken form, an unknown encoding) becomes a problem as well.
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let own = response
        .extensions()
        .get::<crate::intake::collect::http::AsItIs>()
        .is_none();
    if plain && own && (status.is_client_error() || status.is_server_error()) {
        let code = match status {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMedia,
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::NOT_FOUND => Code::NotFound,
            _ if status.is_client_error() => Code::MalformedBody,
            _ => Code::Internal,
        };
        response = REQUEST
            .scope(named, async { Problem::from(code).into_response() })
            .await;
    }
    let headers = response.headers_mut();
    let fixed = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), microphone=(), geolocation=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.config.public_url.starts_with("https://") {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", value);
    }
    response
}

async fn document() -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        openapi::text(),
    )
        .into_response()
}

/// Every problem code with its status and titles.
async fn problems() -> Response {
    let all: Vec<_> = Code::ALL
        .iter()
        .map(|c| {
            let titles = c.titles();
            serde_json::json!({"code": c.as_str(), "status": c.status().as_u16(), "title": titles})
        })
        .collect();
    axum::Json(serde_json::json!({ "items": all })).into_response()
}

async fn ready(State(app): State<Shared>) -> Response {
    let database = app.db.ping().await.is_ok();
    let classifier = app.plugins.has_classifier().await;
    let status = if database && classifier {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::json!({"database": database, "classifier": classifier});
    (status, axum::Json(body)).into_response()
}

/// Prometheus text: jobs and deliveries by state.
async fn metrics(State(app): State<Shared>) -> Response {
    let mut text =
        String::from("# HELP bihuan_jobs Jobs by kind and state.\n# TYPE bihuan_jobs gauge\n");
    match storage::queue::backlog(&app.db).await {
        Ok(all) => {
            for b in all {
                text.push_str(&format!(
                    "bihuan_jobs{{kind=\"{}\",state=\"{}\"}} {}\n",
                    b.kind, b.state, b.n
                ));
            }
        }
        Err(error) => return Problem::from(error).into_response(),
    }
    text.push_str("# HELP bihuan_issues Issues by state.\n# TYPE bihuan_issues gauge\n");
    match storage::issues::count_by_state(&app.db).await {
        Ok(all) => {
            for (state, n) in all {
                text.push_str(&format!("bihuan_issues{{state=\"{state}\"}} {n}\n"));
            }
        }
        Err(error) => return Problem::from(error).into_response(),
    }
    match crate::plugins::gauges::text(&app).await {
        Ok(gauges) => text.push_str(&gauges),
        Err(error) => return Problem::from(error).into_response(),
    }
    text.push_str(&app.plugins.ledger.metrics());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
