//! What handlers take: bodies, queries and path segments, with problems instead of framework errors.

use super::{Code, Problem};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
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
        // serde reads a list as the fields in their order; nobody means that.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            parse::<serde::de::IgnoredAny>(bytes)?;
            return Err(Problem::field("", "wrong_type", "expected an object"));
        }
        parse(bytes).map(Self)
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

/// The value of a JSON text, or a problem that names the field from the root on:
/// `contract.guards[0].limit`.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut text).map_err(|error| {
        if error.inner().is_data() {
            let fault = Fault::of(error.path(), &error.inner().to_string());
            Problem::field(fault.field, fault.code, fault.detail)
        } else if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() {
            // What is neither text nor object where one of several names should stand counts as bad
            // grammar there.
            Problem::field(dotted(error.path()), "wrong_type", "expected a text")
        } else {
            malformed(error.inner())
        }
    })?;
    text.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(
        Code::MalformedBody,
        format!("line {} column {}", error.line(), error.column()),
    )
}

/// What serde refused, in our words. The value is never repeated: it may be personal.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path from the root; empty: the whole.
    pub field: String,
    /// Stable code.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

/// Codes of values that are not as they must be.
const CODES: [&str; 6] = [
    "unknown",
    "wrong_type",
    "out_of_range",
    "bad_time",
    "bad_zone",
    "invalid",
];

/// Most characters of a path that is sent back: names of unknown fields are the caller's.
const LONGEST_PATH: usize = 200;

fn dotted(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut text = String::new();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => {
                text.push_str(&format!("[{index}]"));
                continue;
            }
            Segment::Map { key } => key.as_str(),
            Segment::Enum { variant } => variant.as_str(),
            Segment::Unknown => continue,
        };
        join(&mut text, name);
    }
    text
}

fn join(path: &mut String, name: &str) {
    if !path.is_empty() && !name.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

impl Fault {
    /// A message of serde about what stands at `path`.
    #[must_use]
    pub fn of(path: &serde_path_to_error::Path, message: &str) -> Self {
        let message = message
            .rsplit_once(" at line ")
            .map_or(message, |(head, _)| head);
        let mut field = dotted(path);
        let named = |marker: &str| {
            let (name, rest) = message.strip_prefix(marker)?.split_once('`')?;
            Some((name.to_owned(), rest.strip_prefix(": ").unwrap_or_default()))
        };
        let (code, detail) = if let Some((name, _)) = named("unknown field `") {
            // The path ends in that name already, unless a rule of our own refused it.
            if field != name && !field.ends_with(&format!(".{name}")) {
                join(&mut field, &name);
            }
            ("unknown_field", "this field does not exist here")
        } else if let Some((name, _)) = named("missing field `") {
            join(&mut field, &name);
            ("required", "this field is missing")
        } else if let Some((name, detail)) = named("invalid value in `") {
            join(&mut field, &name);
            // Read in two steps: the first one knew more.
            let known = CODES
                .iter()
                .find_map(|code| Some((*code, detail.strip_prefix(code)?.strip_prefix(": ")?)));
            known.unwrap_or_else(|| told(detail, "wrong_type"))
        } else if message.starts_with("duplicate field") {
            ("duplicate", "this field is there twice")
        } else {
            told(message, "invalid")
        };
        let detail = plain(detail);
        let field = field.chars().take(LONGEST_PATH).collect();
        Self {
            field,
            code,
            detail,
        }
    }

    /// The message of serde that [`Self::of`] reads as this again: for what is parsed in two steps.
    #[must_use]
    pub fn sentence(&self) -> String {
        let before = match self.code {
            "unknown_field" => "unknown field",
            "required" => "missing field",
            _ => "invalid value in",
        };
        format!("{before} `{}`: {}: {}", self.field, self.code, self.detail)
    }
}

/// What was expected, in words of JSON instead of those of the program: `expected i64` says nothing to
/// whoever sends a number.
fn plain(detail: &str) -> String {
    let Some(what) = detail.strip_prefix("expected ") else {
        return detail.to_owned();
    };
    let words = what.split([' ', ',']).next().unwrap_or_default();
    let said = match words {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" | "isize"
        | "integer" => "a whole number",
        "f32" | "f64" => "a number",
        "struct" | "map" => "an object",
        _ => match what {
            "a sequence" => "a list",
            "a map" => "an object",
            "a string" | "a borrowed string" | "str" | "string" => "a text",
            "a boolean" => "true or false",
            "a formatted date and time string or a unix timestamp" => {
                "a time with its offset like 2026-11-22T09:30:00+08:00"
            }
            other => other,
        },
    };
    format!("expected {said}")
}

/// Code and detail of a message that names no field. Detail: what would have been right.
fn told<'a>(message: &'a str, otherwise: &'static str) -> (&'static str, &'a str) {
    /// What chrono says of a text that is no date.
    const NO_DATE: [&str; 6] = [
        "input contains invalid characters",
        "premature end of input",
        "trailing input",
        "input is out of range",
        "no possible date and time matching input",
        "input is not enough for unique date and time",
    ];
    if NO_DATE.iter().any(|m| message.contains(m)) || message.contains("a formatted date") {
        return (
            "bad_time",
            "a day like 2026-11-22, or a time with its offset like 2026-11-22T09:30:00+08:00",
        );
    }
    if message.contains("timezone") {
        return ("bad_zone", "an IANA zone like Asia/Shanghai");
    }
    let expected = message.find("expected").map(|at| &message[at..]);
    let number = message.contains("digit found in string")
        || message.contains("float literal")
        || message.contains("parse integer from empty");
    if message.starts_with("unknown variant") {
        ("unknown", expected.unwrap_or("no such value"))
    } else if message.starts_with("invalid type") || number || message.contains("`true`") {
        let detail = expected.unwrap_or(if number { "expected a number" } else { message });
        ("wrong_type", detail)
    } else if message.starts_with("invalid value") || message.contains("number too") {
        (
            "out_of_range",
            expected.unwrap_or("outside what is possible"),
        )
    } else {
        // What a rule of ours says; serde's own messages could hold the value.
        (otherwise, expected.unwrap_or(message))
    }
}

/// Query parameters. Unknown ones are errors.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn query<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let pairs = form_urlencoded::parse(text.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs)).map_err(|error| {
        let fault = Fault::of(error.path(), &error.inner().to_string());
        Problem::query(fault.field, fault.code, fault.detail)
    })
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
#[serde(deny_unknown_fields)]
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
        Err(_) => Err(Problem::query(
            "cursor",
            "invalid",
            "not one that a page has given out",
        )),
    }
}

/// A day of the organisation's calendar or an instant, as a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(try_from = "String")]
pub enum When {
    /// `2026-11-22`: a whole day.
    Day(chrono::NaiveDate),
    /// `2026-11-22T09:30:00+08:00`.
    Time(chrono::DateTime<chrono::Utc>),
}

impl TryFrom<String> for When {
    type Error = chrono::ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.parse() {
            Ok(day) => Ok(Self::Day(day)),
            Err(_) => chrono::DateTime::parse_from_rfc3339(&text).map(|t| Self::Time(t.to_utc())),
        }
    }
}

impl When {
    /// The instant at which it begins.
    #[must_use]
    pub fn begin(self, zone: chrono_tz::Tz) -> chrono::DateTime<chrono::Utc> {
        match self {
            Self::Day(day) => domain::clock::start_of_day(day, zone),
            Self::Time(time) => time,
        }
    }

    /// The first instant that is not within it any more: the end of a day, the instant itself.
    #[must_use]
    pub fn end(self, zone: chrono_tz::Tz) -> chrono::DateTime<chrono::Utc> {
        match self {
            Self::Day(day) => domain::clock::start_of_day(day.succ_opt().unwrap_or(day), zone),
            Self::Time(time) => time,
        }
    }

    /// Its day in the organisation's calendar.
    #[must_use]
    pub fn day(self, zone: chrono_tz::Tz) -> chrono::NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Time(time) => domain::clock::local_day(time, zone),
        }
    }
}

/// Refuses a span of days or times that ends before it starts.
pub fn in_order<T: PartialOrd>(from: Option<T>, to: Option<T>) -> Result<(), Problem> {
    match (from, to) {
        (Some(from), Some(to)) if from > to => {
            Err(Problem::query("to", "out_of_range", "not before from"))
        }
        _ => Ok(()),
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
        _ => Err(Problem::query("limit", "out_of_range", "1 to 500")),
    }
}
