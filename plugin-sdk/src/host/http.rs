//! HTTP to the origins that an administrator granted.
//!
//! ```no_run
//! # use plugin_sdk::{Failure, host::http};
//! # #[derive(serde::Deserialize)] struct Tickets { next: Option<String> }
//! # fn main() -> Result<(), Failure> {
//! let tickets: Tickets = http::get("https://api.example.com/tickets")
//!     .query("limit", "100")
//!     .bearer("api_token")
//!     .json()?;
//! # Ok(()) }
//! ```

pub use crate::bindings::powers::bihuan::plugin::http::{HttpError, Method, Response};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failure, FailureClass, Header, failure};

/// A secret by its name in the manifest, and where the host puts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// `Authorization: Bearer …`
    Bearer(String),
    /// `Authorization: Basic …`: user, secret.
    Basic(String, String),
    /// Header, secret.
    Header(String, String),
    /// Parameter of the query, secret.
    Query(String, String),
    /// Field of the form that is the body, secret.
    Form(String, String),
    /// Member of the JSON object that is the body, secret.
    Json(String, String),
}

impl Credential {
    /// Name of the secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        match self {
            Self::Bearer(name)
            | Self::Basic(_, name)
            | Self::Header(_, name)
            | Self::Query(_, name)
            | Self::Form(_, name)
            | Self::Json(_, name) => name,
        }
    }
}

/// A request that is being put together.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is sent before `send`, `ok` or `json`"]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<Header>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) max_redirects: u8,
    pub(crate) timeout_ms: Option<u32>,
    pub(crate) max_response_bytes: Option<u32>,
    pub(crate) idempotency_key: Option<String>,
    /// Why the body could not be made.
    wrong: Option<String>,
}

/// A request of any method; `url` is absolute.
pub fn request(method: Method, url: impl Into<String>) -> Request {
    Request {
        method,
        url: url.into(),
        headers: Vec::new(),
        body: None,
        credentials: Vec::new(),
        max_redirects: 0,
        timeout_ms: None,
        max_response_bytes: None,
        idempotency_key: None,
        wrong: None,
    }
}

/// `GET`.
pub fn get(url: impl Into<String>) -> Request {
    request(Method::Get, url)
}

/// `POST` of a value as JSON.
pub fn post_json<T: Serialize + ?Sized>(url: impl Into<String>, body: &T) -> Request {
    request(Method::Post, url).json_body(body)
}

/// Sends several requests, as many at once as granted; answers in their order.
#[must_use]
pub fn send_all(requests: Vec<Request>) -> Vec<Result<Response, Failure>> {
    // What cannot be sent keeps its place among the answers.
    let mut answers: Vec<Option<Result<Response, Failure>>> = Vec::with_capacity(requests.len());
    let mut sendable = Vec::new();
    for request in requests {
        match &request.wrong {
            Some(wrong) => answers.push(Some(Err(failure::internal("http.body", wrong)))),
            None => {
                answers.push(None);
                sendable.push(request);
            }
        }
    }
    let mut sent = imp::send_all(sendable).into_iter();
    answers
        .into_iter()
        .map(|answer| {
            answer.or_else(|| sent.next()).unwrap_or_else(|| {
                Err(failure::internal(
                    "http.answers",
                    "the host answered too few requests",
                ))
            })
        })
        .collect()
}

impl Request {
    /// A parameter of the query, encoded.
    pub fn query(mut self, name: &str, value: impl AsRef<str>) -> Self {
        let sign = if self.url.contains('?') { '&' } else { '?' };
        let (name, value) = (
            crate::encoding::percent(name),
            crate::encoding::percent(value.as_ref()),
        );
        self.url.push_str(&format!("{sign}{name}={value}"));
        self
    }

    /// A header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push(Header {
            name: name.to_owned(),
            value: value.into(),
        });
        self
    }

    /// `Authorization: Bearer` with this secret.
    pub fn bearer(self, secret: &str) -> Self {
        self.credential(Credential::Bearer(secret.to_owned()))
    }

    /// A secret anywhere else.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credentials.push(credential);
        self
    }

    /// The body and its type.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// A value as JSON.
    pub fn json_body<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body("application/json", body),
            Err(error) => {
                self.wrong = Some(error.to_string());
                self
            }
        }
    }

    /// Follows so many redirects, each checked like a first request; 0 unless said.
    pub fn redirects(mut self, at_most: u8) -> Self {
        self.max_redirects = at_most;
        self
    }

    /// Less patience than the host has.
    pub fn timeout_ms(mut self, ms: u32) -> Self {
        self.timeout_ms = Some(ms);
        self
    }

    /// A smaller answer than the host allows.
    pub fn max_response_bytes(mut self, bytes: u32) -> Self {
        self.max_response_bytes = Some(bytes);
        self
    }

    /// Sent as `Idempotency-Key`: the host may then repeat a POST by itself.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Sends it; any status is an answer.
    ///
    /// # Errors
    /// What kept the host from getting an answer, in the class that fits.
    pub fn send(self) -> Result<Response, Failure> {
        match &self.wrong {
            Some(wrong) => Err(failure::internal("http.body", wrong)),
            None => imp::send(self),
        }
    }

    /// Sends it; only 2xx is an answer.
    ///
    /// # Errors
    /// As [`Request::send`], and [`Response::ok`] for any other status.
    pub fn ok(self) -> Result<Response, Failure> {
        self.send()?.ok()
    }

    /// Sends it and reads the JSON of a 2xx answer.
    ///
    /// # Errors
    /// As [`Request::ok`]; `transient` when the answer is no such JSON, as gateways under load
    /// answer 200 with a page.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Failure> {
        self.ok()?.json()
    }
}

impl Response {
    /// The first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(name))
            .map(|h| h.value.as_str())
    }

    /// The body, with bytes that are no UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `transient` when it is none or does not fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|e| {
            failure::transient(
                "http.not_json",
                format!("{}: {e}", origin_and_path(&self.url)),
            )
        })
    }

    /// Itself when its status is 2xx.
    ///
    /// # Errors
    /// `rate-limited` for 429, `transient` for 408, 425 and 5xx, both with the time of
    /// `Retry-After`; `config` for what only a person can mend (401, 402, 403, 404, 405, 410 and
    /// redirects that were not followed); `invalid-input` for the rest.
    pub fn ok(self) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let class = match self.status {
            429 => FailureClass::RateLimited,
            408 | 425 | 500.. => FailureClass::Transient,
            300..=399 | 401..=405 | 410 => FailureClass::Config,
            _ => FailureClass::InvalidInput,
        };
        // Where it stands, never what it says: an answer may repeat a customer's words.
        let message = format!("{} answers {}", origin_and_path(&self.url), self.status);
        let mut failure = failure::new(class, &format!("http.status_{}", self.status), message);
        failure.retry_after_ms = self.retry_after_ms();
        Err(failure)
    }

    /// What `Retry-After` says, in seconds or as a date; at most a day.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        const DAY: u64 = 86_400_000;
        let text = self.header("retry-after")?.trim();
        let ms = match text.parse::<u64>() {
            Ok(seconds) => seconds.saturating_mul(1000),
            Err(_) => {
                let until = crate::time::from_http_date(text)?;
                u64::try_from(until - super::clock::now_ms()).unwrap_or(0)
            }
        };
        Some(ms.min(DAY))
    }
}

/// An address without its query, which may hold what does not belong into logs.
fn origin_and_path(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn failed(error: HttpError) -> Failure {
    match error {
        HttpError::Denied(d) => failure::config("http.denied", d),
        HttpError::BlockedAddress(d) => failure::config("http.blocked_address", d),
        HttpError::InvalidRequest(d) => failure::internal("http.invalid_request", d),
        HttpError::Dns(d) => failure::transient("http.dns", d),
        HttpError::Connect(d) => failure::transient("http.connect", d),
        HttpError::Tls(d) => failure::config("http.tls", d),
        HttpError::Timeout => failure::transient("http.timeout", "no answer in time"),
        HttpError::TooLarge(limit) => failure::invalid_input(
            "http.too_large",
            format!("the answer is larger than {limit} bytes"),
        ),
        HttpError::BudgetExceeded(d) => failure::internal("http.budget_exceeded", d),
        HttpError::Protocol(d) => failure::transient("http.protocol", d),
    }
}

#[cfg(target_arch = "wasm32")]
mod imp {
    use super::{Credential, Failure, Request, Response, failed};
    use crate::bindings::powers::bihuan::plugin::http as raw;
    use crate::host::secrets::{Secret, handle};

    fn secrets(request: &Request) -> Result<Vec<Secret>, Failure> {
        request
            .credentials
            .iter()
            .map(|c| handle(c.secret()))
            .collect()
    }

    fn raw_request<'a>(request: &Request, secrets: &'a [Secret]) -> raw::Request<'a> {
        let put = |(credential, secret): (&Credential, &'a Secret)| match credential {
            Credential::Bearer(_) => raw::Credential::Bearer(secret),
            Credential::Basic(user, _) => raw::Credential::Basic((user.clone(), secret)),
            Credential::Header(name, _) => raw::Credential::Header((name.clone(), secret)),
            Credential::Query(name, _) => raw::Credential::Query((name.clone(), secret)),
            Credential::Form(name, _) => raw::Credential::Form((name.clone(), secret)),
            Credential::Json(name, _) => raw::Credential::Json((name.clone(), secret)),
        };
        raw::Request {
            method: request.method,
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            credentials: request.credentials.iter().zip(secrets).map(put).collect(),
            max_redirects: request.max_redirects,
            timeout_ms: request.timeout_ms,
            max_response_bytes: request.max_response_bytes,
            idempotency_key: request.idempotency_key.clone(),
        }
    }

    pub(super) fn send(request: Request) -> Result<Response, Failure> {
        let secrets = secrets(&request)?;
        raw::send(&raw_request(&request, &secrets)).map_err(failed)
    }

    pub(super) fn send_all(requests: Vec<Request>) -> Vec<Result<Response, Failure>> {
        let secrets: Vec<Result<Vec<Secret>, Failure>> = requests.iter().map(secrets).collect();
        let ready: Vec<raw::Request<'_>> = requests
            .iter()
            .zip(&secrets)
            .filter_map(|(request, secrets)| Some(raw_request(request, secrets.as_ref().ok()?)))
            .collect();
        let mut answers = if ready.is_empty() {
            Vec::new()
        } else {
            raw::send_all(&ready)
        }
        .into_iter();
        drop(ready);
        secrets
            .into_iter()
            .map(|secrets| {
                secrets?;
                match answers.next() {
                    Some(answer) => answer.map_err(failed),
                    None => Err(crate::failure::internal(
                        "http.answers",
                        "the host answered too few requests",
                    )),
                }
            })
            .collect()
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use super::{Failure, HttpError, Request, Response, failed};
    use crate::testing::with;

    pub(super) fn send(request: Request) -> Result<Response, Failure> {
        for credential in &request.credentials {
            crate::host::secrets::value(credential.secret())?;
        }
        with(|world| world.answer(&request))
            .unwrap_or_else(|| Err(HttpError::Denied("no host".to_owned())))
            .map_err(failed)
    }

    pub(super) fn send_all(requests: Vec<Request>) -> Vec<Result<Response, Failure>> {
        requests.into_iter().map(send).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
        Response {
            status,
            url: "https://a.b/c?secret=1".to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| Header {
                    name: (*name).to_owned(),
                    value: (*value).to_owned(),
                })
                .collect(),
            body: b"customer's words".to_vec(),
        }
    }

    #[test]
    fn a_status_says_what_the_host_does_next() {
        use FailureClass::{Config, InvalidInput, RateLimited, Transient};
        for (status, class) in [
            (302, Config),
            (400, InvalidInput),
            (401, Config),
            (403, Config),
            (404, Config),
            (408, Transient),
            (409, InvalidInput),
            (422, InvalidInput),
            (429, RateLimited),
            (500, Transient),
            (503, Transient),
        ] {
            let failure = answer(status, &[]).ok().unwrap_err();
            assert_eq!(failure.class, class, "{status}");
            assert_eq!(failure.code, format!("http.status_{status}"));
            assert!(!failure.message.contains("words") && !failure.message.contains("secret"));
        }
        assert_eq!(answer(204, &[]).ok().unwrap().status, 204);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        let host = crate::testing::Host::new().now("1994-11-06T08:49:07Z");
        let after =
            |value| host.run(|| Ok(answer(429, &[("Retry-After", value)]).retry_after_ms()));
        assert_eq!(after("7"), Ok(Some(7000)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Ok(Some(30_000)));
        assert_eq!(after("99999999999999999999"), Ok(None));
        assert_eq!(after("9999999"), Ok(Some(86_400_000)));
        assert_eq!(after("soon"), Ok(None));
    }

    #[test]
    fn queries_are_encoded() {
        let url = get("https://a.b/c")
            .query("q", "资 费&x")
            .query("n", "1")
            .url;
        assert_eq!(url, "https://a.b/c?q=%E8%B5%84%20%E8%B4%B9%26x&n=1");
    }
}
