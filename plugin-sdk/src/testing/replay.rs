//! Recorded exchanges of HTTP: what a plugin must ask and what the service answers. The same files
//! serve native tests and `bihuan plugin test`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bindings::powers::bihuan::plugin::http::{HttpError, Response};
use crate::host::http::Credential;
use crate::{Header, encoding};

/// A body of a request or of an answer: at most one of the three.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// A value; bodies are compared as values, so spaces and the order of members do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Text, compared character by character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Any bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl Body {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match (&self.json, &self.text, &self.base64) {
            (Some(value), ..) => Some(value.to_string().into_bytes()),
            (_, Some(text), _) => Some(text.clone().into_bytes()),
            (_, _, Some(coded)) => encoding::from_base64(coded),
            _ => None,
        }
    }

    /// Whether these bytes are this body.
    #[must_use]
    pub fn is(&self, bytes: Option<&[u8]>) -> bool {
        match &self.json {
            Some(value) => bytes
                .and_then(|b| serde_json::from_slice::<Value>(b).ok())
                .is_some_and(|given| given == *value),
            None => self.bytes().unwrap_or_default() == bytes.unwrap_or_default(),
        }
    }
}

/// What the plugin must ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRequest {
    /// In capitals.
    pub method: String,
    /// The whole address with its query, without secrets.
    pub url: String,
    /// Those that matter; others are not looked at. Names in any case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// `None`: there must be no body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// Exactly these, by the names of their secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<Credential>,
}

/// What the service answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedResponse {
    /// The status; 200 unless said.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers of the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A value as body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Text as body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Bytes as body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// No answer at all: `timeout`, `dns`, `connect`, `tls`, `protocol`, `denied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

const fn ok() -> u16 {
    200
}

impl RecordedResponse {
    /// The body.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        Body {
            json: self.json.clone(),
            text: self.text.clone(),
            base64: self.base64.clone(),
        }
        .bytes()
        .unwrap_or_default()
    }

    /// As the host hands it to the plugin.
    ///
    /// # Errors
    /// The recorded error.
    pub fn answer(&self, url: &str) -> Result<Response, HttpError> {
        let detail = || "recorded".to_owned();
        match self.error.as_deref() {
            None => {}
            Some("timeout") => return Err(HttpError::Timeout),
            Some("dns") => return Err(HttpError::Dns(detail())),
            Some("connect") => return Err(HttpError::Connect(detail())),
            Some("tls") => return Err(HttpError::Tls(detail())),
            Some("denied") => return Err(HttpError::Denied(detail())),
            Some(_) => return Err(HttpError::Protocol(detail())),
        }
        let mut headers: Vec<Header> = self
            .headers
            .iter()
            .map(|(name, value)| Header {
                name: name.to_ascii_lowercase(),
                value: value.clone(),
            })
            .collect();
        if self.json.is_some() && !headers.iter().any(|h| h.name == "content-type") {
            headers.push(Header {
                name: "content-type".to_owned(),
                value: "application/json".to_owned(),
            });
        }
        Ok(Response {
            status: self.status,
            url: url.split('?').next().unwrap_or_default().to_owned(),
            headers,
            body: self.body(),
        })
    }
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What the plugin must ask.
    pub request: RecordedRequest,
    /// What the service answers.
    pub response: RecordedResponse,
}

/// Recorded exchanges. A request takes the first one that fits and was not used yet.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    exchanges: Vec<(Exchange, bool)>,
    /// Requests that nothing was recorded for.
    unexpected: Vec<String>,
}

/// A request as it is compared with recordings.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// In capitals.
    pub method: &'a str,
    /// With its query.
    pub url: &'a str,
    /// Name and value.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body without secrets.
    pub body: Option<&'a [u8]>,
    /// Names of secrets; `None`: not known here, not compared.
    pub credentials: Option<&'a [Credential]>,
}

impl Replay {
    /// These exchanges.
    #[must_use]
    pub fn new(exchanges: Vec<Exchange>) -> Self {
        Self {
            exchanges: exchanges.into_iter().map(|e| (e, false)).collect(),
            unexpected: Vec::new(),
        }
    }

    /// A list of exchanges, or an object whose member `exchanges` is one.
    ///
    /// # Panics
    /// When it is neither: a test with a broken recording must fail.
    #[must_use]
    pub fn json(mut value: Value) -> Self {
        let list = match value.get_mut("exchanges") {
            Some(list) => list.take(),
            None => value,
        };
        match serde_json::from_value(list) {
            Ok(exchanges) => Self::new(exchanges),
            Err(error) => panic!("this is no recording: {error}"),
        }
    }

    /// [`Replay::json`] of a text, usually `include_str!("recordings/list.json")`.
    ///
    /// # Panics
    /// As [`Replay::json`].
    #[must_use]
    pub fn of(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(value) => Self::json(value),
            Err(error) => panic!("this is no JSON: {error}"),
        }
    }

    /// The recorded answer to a request; `None`: there is none, which [`Replay::problems`] tells.
    pub fn take(&mut self, asked: Asked<'_>) -> Option<RecordedResponse> {
        let found = self
            .exchanges
            .iter_mut()
            .find(|(exchange, used)| !used && fits(&exchange.request, asked));
        let Some((exchange, used)) = found else {
            let body = asked.body.map(String::from_utf8_lossy).unwrap_or_default();
            self.unexpected.push(format!(
                "{} {} {:?} with {:?} and the body {body}",
                asked.method, asked.url, asked.headers, asked.credentials
            ));
            return None;
        };
        *used = true;
        Some(exchange.response.clone())
    }

    /// What went otherwise than recorded.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let unused = self
            .exchanges
            .iter()
            .filter(|(_, used)| !used)
            .map(|(e, _)| format!("was never asked: {} {}", e.request.method, e.request.url));
        self.unexpected
            .iter()
            .map(|asked| format!("was not expected: {asked}"))
            .chain(unused)
            .collect()
    }
}

fn fits(recorded: &RecordedRequest, asked: Asked<'_>) -> bool {
    let has = |(name, value): (&String, &String)| {
        asked
            .headers
            .iter()
            .any(|(n, v)| n.eq_ignore_ascii_case(name) && v == value)
    };
    let body = match &recorded.body {
        Some(body) => body.is(asked.body),
        None => asked.body.is_none_or(<[u8]>::is_empty),
    };
    recorded.method == asked.method
        && recorded.url == asked.url
        && recorded.headers.iter().all(has)
        && body
        && asked
            .credentials
            .is_none_or(|given| given == recorded.credentials)
}
