//! A caller: HTTP/1.1 over a connection of its own per request, so that nothing is hidden.

use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Somebody who asks the server.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// For messages: what was asked.
    pub asked: String,
    /// Status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without chunks.
    pub body: Vec<u8>,
}

/// A path with everything percent-encoded that must be.
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b' ' | b'"' | b'<' | b'>' | b'{' | b'}' | 0x7f.. => {
                write!(out, "%{byte:02X}").expect("a string");
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// A value of a form or query.
#[must_use]
pub fn form_encoded(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte))
            }
            b' ' => out.push('+'),
            _ => write!(out, "%{byte:02X}").expect("a string"),
        }
    }
    out
}

/// One part of a multipart body.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Name of the field.
    pub name: &'a str,
    /// File name, for files.
    pub file_name: Option<&'a str>,
    /// Content.
    pub content: &'a [u8],
}

/// Boundary of every multipart body here.
const BOUNDARY: &str = "----bihuan-test-boundary-7d83f2";

/// A multipart body and its content type.
#[must_use]
pub fn multipart(parts: &[Part<'_>]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for part in parts {
        let file = part
            .file_name
            .map(|f| format!("; filename=\"{f}\""))
            .unwrap_or_default();
        let kind = if part.file_name.is_some() {
            "\r\ncontent-type: application/octet-stream"
        } else {
            ""
        };
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{}\"{file}{kind}\r\n\r\n",
            part.name
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

impl Caller {
    /// Somebody without a name.
    #[must_use]
    pub fn anonymous(address: SocketAddr) -> Self {
        Self {
            address,
            headers: Vec::new(),
        }
    }

    /// Somebody with an API token.
    #[must_use]
    pub fn bearer(address: SocketAddr, token: &str) -> Self {
        Self::anonymous(address).with("authorization", &format!("Bearer {token}"))
    }

    /// The same caller with one more header on every request.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(n, _)| n != name);
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// Asks, whatever it is. An error: the server is not there or broke off.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> io::Result<Reply> {
        let mut head = format!(
            "{method} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            encoded(path),
            self.address
        );
        let typed = content_type.map(|t| ("content-type".to_owned(), t.to_owned()));
        for (name, value) in self.headers.iter().chain(&typed) {
            write!(head, "{name}: {value}\r\n").expect("a string");
        }
        if !body.is_empty() || !matches!(method, "GET" | "HEAD") {
            write!(head, "content-length: {}\r\n", body.len()).expect("a string");
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(10))?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        stream.set_write_timeout(Some(Duration::from_secs(120)))?;
        stream.set_nodelay(true)?;
        stream.write_all(head.as_bytes())?;
        // A server that refuses a large body answers before it has read all: read the answer anyway.
        let written = stream.write_all(body);
        let mut raw = Vec::new();
        let read = stream.read_to_end(&mut raw);
        if raw.is_empty() {
            written?;
            read?;
        }
        Reply::parse(format!("{method} {path}"), &raw, method == "HEAD")
    }

    /// Asks, whatever it is.
    #[must_use]
    pub fn send(&self, method: &str, path: &str, content_type: Option<&str>, body: &[u8]) -> Reply {
        self.try_send(method, path, content_type, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// GET.
    #[must_use]
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None, b"")
    }

    /// POST of JSON.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(
            "POST",
            path,
            Some("application/json"),
            body.to_string().as_bytes(),
        )
    }

    /// PUT of JSON.
    #[must_use]
    pub fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(
            "PUT",
            path,
            Some("application/json"),
            body.to_string().as_bytes(),
        )
    }

    /// DELETE.
    #[must_use]
    pub fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, None, b"")
    }

    /// POST of NDJSON, one value a line.
    #[must_use]
    pub fn post_lines(&self, path: &str, lines: &[Value]) -> Reply {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.send("POST", path, Some("application/x-ndjson"), text.as_bytes())
    }

    /// POST of a form's parts.
    #[must_use]
    pub fn post_parts(&self, path: &str, parts: &[Part<'_>]) -> Reply {
        let (content_type, body) = multipart(parts);
        self.send("POST", path, Some(&content_type), &body)
    }
}

impl Reply {
    fn parse(asked: String, raw: &[u8], head_only: bool) -> io::Result<Self> {
        let broken = |what: &str| io::Error::new(io::ErrorKind::UnexpectedEof, what.to_owned());
        let end = raw
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .ok_or_else(|| broken("the answer ended in its head"))?;
        let head = String::from_utf8_lossy(&raw[..end]);
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| broken("no status line"))?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()))
            .collect();
        let mut reply = Self {
            asked,
            status,
            headers,
            body: raw[end + 4..].to_vec(),
        };
        if head_only || status == 204 || status == 304 {
            return Ok(reply);
        }
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.body =
                unchunked(&reply.body).ok_or_else(|| broken("the answer ended in a chunk"))?;
        } else if let Some(length) = reply.header("content-length") {
            let length: usize = length.parse().map_err(|_| broken("bad length"))?;
            if reply.body.len() < length {
                return Err(broken("the answer ended in its body"));
            }
        }
        Ok(reply)
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!(
                "{}: {} is no JSON ({error}): {}",
                self.asked,
                self.status,
                self.text()
            )
        })
    }

    /// The JSON of an answer that must be a success.
    pub fn ok(&self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{}: {} {}",
            self.asked,
            self.status,
            self.text()
        );
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The items of an answer that must be a list.
    #[must_use]
    pub fn items(&self) -> Vec<Value> {
        let body = self.ok();
        assert!(
            body.get("next_cursor").is_some(),
            "{}: a list names its next page",
            self.asked
        );
        body["items"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| panic!("{}: no items: {body}", self.asked))
    }

    /// Asserts a problem of this status and code, and answers it.
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text());
        let kind = self.header("content-type").unwrap_or_default();
        assert!(
            kind.starts_with("application/problem+json"),
            "{}: {kind}: {}",
            self.asked,
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["code"], code, "{}: {problem}", self.asked);
        for field in ["type", "title", "detail", "request_id"] {
            assert!(
                problem[field].is_string(),
                "{}: no {field}: {problem}",
                self.asked
            );
        }
        assert!(
            problem["errors"].is_array(),
            "{}: no errors: {problem}",
            self.asked
        );
        problem
    }
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|w| w == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line])
            .ok()?
            .split(';')
            .next()?
            .trim()
            .to_owned();
        let size = usize::from_str_radix(&size, 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}
