//! The console, embedded: hashed assets for ever, the page itself never from a cache.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "console/dist"]
#[allow_missing = true]
struct Dist;

/// Scripts and styles of ours only; Ant Design sets styles on elements.
pub const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const NOTICE: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>Bihuan 闭环</title>\
    <body><h1>Bihuan 闭环</h1><p>控制台尚未构建。请运行 <code>cargo xtask console</code>，再重新编译。</p>\
    <p>The console is not built. Run <code>cargo xtask console</code> and build again.</p></body></html>";

/// Answers whatever is no API call.
pub async fn serve(request: Request<Body>) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return crate::http::Problem::from(crate::http::Code::MethodNotAllowed).into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    if let Some(file) = Dist::get(path).filter(|_| !path.is_empty() && path != "index.html") {
        let cache = if path.starts_with("assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        return answer(file.data.into_owned(), file.metadata.mimetype(), cache);
    }
    let page = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.contains("text/html"));
    if path.starts_with("api/") || path.starts_with("a/") || !(page || path.is_empty()) {
        return crate::http::Problem::from(crate::http::Code::NotFound).into_response();
    }
    match Dist::get("index.html") {
        Some(file) => answer(
            file.data.into_owned(),
            "text/html; charset=utf-8",
            "no-store",
        ),
        None => answer(
            NOTICE.as_bytes().to_vec(),
            "text/html; charset=utf-8",
            "no-store",
        ),
    }
}

fn answer(bytes: Vec<u8>, kind: &str, cache: &'static str) -> Response {
    let mut response = (StatusCode::OK, bytes).into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(kind) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

/// Whether the console is in this binary.
#[must_use]
pub fn is_built() -> bool {
    Dist::get("index.html").is_some()
}
