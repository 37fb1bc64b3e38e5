//! What handlers take: bodies, queries and path segments, with problems instead of framework errors.

use super::{Code, Problem};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A JSON body. Unknown fields are errors that name the field.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|v| {
                v.split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .ends_with("json")
            });
        let bytes = bytes(request, state).await?;
        // A POST without a body (accept, evaluate) needs no content type.
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        if !json && bytes != b"{}" {
            return Err(Problem::new(
                Code::UnsupportedMedia,
                "send application/json",
            ));
        }
        serde_json::from_slice(bytes)
            .map(Self)
            .map_err(|e| bad_json(&e))
    }
}

/// The bytes of a body within the limit.
pub async fn bytes<S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<axum::body::Bytes, Problem> {
    axum::body::Bytes::from_request(request, state)
        .await
        .map_err(|rejection| {
            if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                Problem::new(Code::TooLarge, "the limit counts decompressed bytes")
            } else {
                Problem::new(Code::MalformedBody, "the body could not be read to its end")
            }
        })
}

/// A problem from serde's message. The value is never repeated: it may be personal.
fn bad_json(error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    let quoted = |marker: &str| {
        message
            .split_once(marker)
            .and_then(|(_, rest)| rest.split('`').next())
            .map(|name| name.chars().take(80).collect::<String>())
    };
    if let Some(field) = quoted("unknown field `") {
        return Problem::field(field, "unknown_field", "this field does not exist here");
    }
    if let Some(field) = quoted("missing field `") {
        return Problem::field(field, "required", "this field is missing");
    }
    if let Some(field) = quoted("invalid value in `") {
        let detail = message.split_once("`: ").map_or("", |(_, detail)| detail);
        return Problem::field(field, "wrong_type", detail);
    }
    if error.is_data() {
        let detail = message
            .find("expected")
            .map_or("a value has the wrong type", |at| &message[at..]);
        return Problem::new(Code::InvalidField, detail);
    }
    Problem::new(
        Code::MalformedBody,
        format!("line {} column {}", error.line(), error.column()),
    )
}

/// Query parameters. Unknown ones are errors.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(Code::InvalidQuery, rejection.body_text())),
        }
    }
}

/// A path segment.
pub struct Segment<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // An id that is none is the same to the caller as one that does not exist.
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(_) => Err(Code::NotFound.into()),
        }
    }
}

/// The version that the caller has seen, from `If-Match`.
pub struct IfMatch(pub Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        version(&parts.headers).map(Self)
    }
}

fn version(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let tag = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    tag.parse()
        .map(Some)
        .map_err(|_| Problem::new(Code::Stale, "If-Match must hold the version as an ETag"))
}

/// Paging of a list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Where the page starts: `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// How many items: 1 to 500, normally 50.
    pub limit: Option<u64>,
}

impl Listing {
    /// The number of items, within its limits.
    pub fn limit(&self) -> Result<u64, Problem> {
        limit(self.limit)
    }
}

/// A cursor that a page of ours has given out: an id, or a time and an id.
pub fn cursor(text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let id = text.split_once('.').map_or(text.as_str(), |(time, id)| {
        if time.parse::<i64>().is_ok() { id } else { "" }
    });
    match id.parse::<uuid::Uuid>() {
        Ok(_) => Ok(Some(text)),
        Err(_) => Err(Problem::new(
            Code::InvalidQuery,
            "cursor: not one that a page has given out",
        )),
    }
}

/// The words of a parameter that takes several, comma between.
#[must_use]
pub fn words(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The number of items of a page, within its limits.
pub fn limit(asked: Option<u64>) -> Result<u64, Problem> {
    match asked.unwrap_or(50) {
        n @ 1..=500 => Ok(n),
        _ => Err(Problem::new(Code::InvalidQuery, "limit: 1 to 500")),
    }
}
