//! The only way out for guests: what they may reach, and how.
//!
//! ```text
//! request ─ parse once ─ origin and method ─ headers ─ rate ─┐
//!    ┌───────────────── every redirect again ◀───────────────┤
//!    └▶ secrets ─ Transport::send ─ resolve once ─ filter ─ dial the filtered address ─ TLS by name
//! ```

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host as UrlHost, Url};
use zeroize::Zeroizing;

use crate::address::may_dial;
use crate::grant::{HostGrant, Network};
use crate::secrets::SecretValue;

/// Longest address of a request.
const URL_BYTES: usize = 8 << 10;
/// Headers of a request.
const REQUEST_HEADERS: usize = 64;
/// Bytes of headers, either way.
const HEADER_BYTES: usize = 64 << 10;
/// Longest body of a request.
const REQUEST_BODY: usize = 8 << 20;
/// Body of an answer when the request names no limit.
pub(crate) const USUAL_RESPONSE: u64 = 8 << 20;
/// Time of a request when it names none.
pub(crate) const USUAL_TIMEOUT: Duration = Duration::from_secs(20);
/// Wait for a name.
const RESOLVE: Duration = Duration::from_secs(5);
/// Wait for one address.
const CONNECT: Duration = Duration::from_secs(5);
/// Connections at the same time, of all plugins.
const CONNECTIONS: usize = 128;
/// Addresses that are tried.
const ADDRESSES: usize = 4;
/// Silence inside a body.
const IDLE: Duration = Duration::from_secs(10);
/// What a server may ask for at most by `Retry-After`.
const MOST_PATIENCE: Duration = Duration::from_secs(3600);
/// Seconds that a request may have to wait for its turn; beyond, it is refused at once.
const MOST_WAITING: f64 = 10.0;
/// Buckets kept; beyond, full ones are forgotten.
const BUCKETS: usize = 4096;

/// Why a request has no answer; follows `http.http-error` of the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    /// The origin, the method or the secret is not granted.
    #[error("not granted: {0}")]
    Denied(String),
    /// The name leads to an address that is never dialled.
    #[error("blocked address: {0}")]
    BlockedAddress(String),
    /// The origin asked for patience, and there are so many milliseconds left.
    #[error("{origin} asked for patience: {left_ms} ms left")]
    Patience {
        /// Who asked.
        origin: String,
        /// How much longer.
        left_ms: u64,
    },
    /// The request breaks a rule.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// The name cannot be resolved.
    #[error("name not resolved: {0}")]
    Dns(String),
    /// Nobody listens.
    #[error("no connection: {0}")]
    Connect(String),
    /// The certificate is not the name's, or the handshake failed.
    #[error("TLS: {0}")]
    Tls(String),
    /// Took too long.
    #[error("time-out")]
    Timeout,
    /// The answer is larger than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// Too many requests.
    #[error("{0}")]
    BudgetExceeded(String),
    /// Not HTTP.
    #[error("protocol: {0}")]
    Protocol(String),
}

/// Where a secret stands in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// `Authorization: Bearer …`
    Bearer,
    /// `Authorization: Basic …` with this user.
    Basic(String),
    /// This header.
    Header(String),
    /// This parameter of the query.
    Query(String),
    /// This field of the form.
    Form(String),
    /// This member of the JSON object.
    Json(String),
}

/// A secret that the host puts into a request.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Where.
    pub placement: Placement,
    /// What.
    pub secret: SecretValue,
}

/// A request of a guest.
#[derive(Debug, Clone)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// Absolute.
    pub url: String,
    /// In the order given.
    pub headers: Vec<(String, String)>,
    /// Bytes to send.
    pub body: Option<Vec<u8>>,
    /// Put in by the host after all checks.
    pub credentials: Vec<Credential>,
    /// Hops that are followed, at most 10.
    pub max_redirects: u8,
    /// From now to the last byte, all hops together.
    pub timeout: Duration,
    /// Largest body of the answer.
    pub max_response_bytes: u64,
    /// Sent as `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}

/// An answer to a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Any.
    pub status: u16,
    /// After redirects, without query.
    pub url: String,
    /// In lower case, without `set-cookie`.
    pub headers: Vec<(String, String)>,
    /// Not decoded.
    pub body: Vec<u8>,
}

/// One form of a request on its way.
#[derive(Clone)]
pub struct Parts {
    /// Checked.
    pub url: Url,
    /// Checked; without those that the connection needs.
    pub headers: Vec<(String, String)>,
    /// Bytes to send.
    pub body: Option<Vec<u8>>,
}

/// One request to one server: checked, with the secrets put in.
#[derive(Clone)]
pub struct Hop {
    /// In capitals.
    pub method: String,
    /// Without secrets: what recordings keep and compare.
    pub plain: Parts,
    /// With secrets: what goes on the wire.
    pub sent: Parts,
    /// Addresses it may lead to; none: the public ones.
    pub networks: Vec<Network>,
    /// Largest body of the answer.
    pub max_response_bytes: u64,
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop")
            .field("method", &self.method)
            .field("url", &self.plain.url.as_str())
            .finish_non_exhaustive()
    }
}

/// What a server answered to one hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Any.
    pub status: u16,
    /// In lower case.
    pub headers: Vec<(String, String)>,
    /// Not decoded.
    pub body: Vec<u8>,
}

/// Carries a checked request to its server. Follows no redirect and adds nothing: what may be sent
/// is decided before.
#[async_trait]
pub trait Transport: Send + Sync {
    /// One request, one answer.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn send(&self, hop: Hop) -> Result<Received, HttpFault>;
}

/// Finds the addresses of names.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of a name, best first.
    ///
    /// # Errors
    /// When the name is unknown or nobody answers.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0))
            .await?
            .map(|a| a.ip())
            .collect())
    }
}

/// Opens connections: resolves once, filters, dials only what passed, and speaks TLS by name.
pub struct Dialer {
    resolver: Arc<dyn Resolver>,
    tls: Arc<ClientConfig>,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

impl Default for Dialer {
    fn default() -> Self {
        Self::of(Arc::new(SystemResolver), roots())
    }
}

fn roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

impl Dialer {
    fn of(resolver: Arc<dyn Resolver>, roots: RootCertStore) -> Self {
        let tls = ClientConfig::builder_with_provider(Arc::new(
            tokio_rustls::rustls::crypto::ring::default_provider(),
        ))
        .with_protocol_versions(&[
            &tokio_rustls::rustls::version::TLS13,
            &tokio_rustls::rustls::version::TLS12,
        ]);
        let tls = match tls {
            Ok(tls) => tls.with_root_certificates(roots).with_no_client_auth(),
            // Both versions are part of the provider above: there is no other way.
            Err(error) => {
                tracing::error!(target: "plugin", %error, "TLS is not available");
                ClientConfig::builder()
                    .with_root_certificates(RootCertStore::empty())
                    .with_no_client_auth()
            }
        };
        Self {
            resolver,
            tls: Arc::new(tls),
        }
    }

    /// Another resolver, and authorities beside the public ones (PEM), for networks with their own.
    ///
    /// # Errors
    /// When a certificate cannot be read.
    pub fn new(resolver: Arc<dyn Resolver>, authorities: &[&str]) -> Result<Self, String> {
        let mut roots = roots();
        for pem in authorities {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|e| format!("{e:?}"))?;
                roots.add(certificate).map_err(|e| e.to_string())?;
            }
        }
        Ok(Self::of(resolver, roots))
    }

    /// A connection to a host, which is a name or an address in its usual form.
    pub(crate) async fn connect(
        &self,
        host: &UrlHost<&str>,
        port: u16,
        networks: &[Network],
    ) -> Result<TcpStream, HttpFault> {
        let found = match host {
            UrlHost::Ipv4(ip) => vec![IpAddr::V4(*ip)],
            UrlHost::Ipv6(ip) => vec![IpAddr::V6(*ip)],
            UrlHost::Domain(name) => match timeout(RESOLVE, self.resolver.resolve(name)).await {
                Ok(Ok(found)) => found,
                // The resolver's own words: its kind is "uncategorized" for every name that does not exist.
                Ok(Err(error)) => return Err(HttpFault::Dns(format!("{name}: {error}"))),
                Err(_) => return Err(HttpFault::Dns(format!("{name}: no answer in time"))),
            },
        };
        if found.is_empty() {
            return Err(HttpFault::Dns(format!("{host}: the name has no address")));
        }
        let allowed: Vec<SocketAddr> = found
            .into_iter()
            .filter(|ip| may_dial(*ip, networks))
            .map(|ip| SocketAddr::new(ip, port))
            .take(ADDRESSES)
            .collect();
        if allowed.is_empty() {
            // The address itself stays here: it would tell a guest about the inside.
            return Err(HttpFault::BlockedAddress(format!(
                "{host} leads to no address that may be dialled"
            )));
        }
        let mut last = HttpFault::Timeout;
        for address in allowed {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    if stream.peer_addr().ok() != Some(address) {
                        return Err(HttpFault::BlockedAddress(format!(
                            "{host} answered from another address"
                        )));
                    }
                    // Small requests must not wait for more to send.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = HttpFault::Connect(error.kind().to_string()),
                Err(_) => last = HttpFault::Timeout,
            }
        }
        Err(last)
    }

    /// TLS with a certificate for the host.
    pub(crate) async fn secure<S: AsyncRead + AsyncWrite + Unpin + Send>(
        &self,
        stream: S,
        host: &UrlHost<&str>,
    ) -> Result<TlsStream<S>, HttpFault> {
        let name = match host {
            UrlHost::Domain(name) => ServerName::try_from((*name).to_owned())
                .map_err(|e| HttpFault::InvalidRequest(e.to_string()))?,
            UrlHost::Ipv4(ip) => ServerName::IpAddress(IpAddr::V4(*ip).into()),
            UrlHost::Ipv6(ip) => ServerName::IpAddress(IpAddr::V6(*ip).into()),
        };
        match timeout(
            CONNECT,
            TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream),
        )
        .await
        {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(HttpFault::Tls(error.to_string())),
            Err(_) => Err(HttpFault::Timeout),
        }
    }
}

/// HTTP/1.1 over a connection of its own for each request: a pooled connection would skip the check
/// of the address.
#[derive(Debug)]
pub struct Direct {
    dialer: Arc<Dialer>,
    /// Connections of all plugins together; the request's own time-out bounds the wait.
    places: Semaphore,
}

impl Direct {
    /// Over a dialer.
    #[must_use]
    pub fn new(dialer: Arc<Dialer>) -> Self {
        Self {
            dialer,
            places: Semaphore::new(CONNECTIONS),
        }
    }
}

#[async_trait]
impl Transport for Direct {
    async fn send(&self, hop: Hop) -> Result<Received, HttpFault> {
        let url = &hop.sent.url;
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(HttpFault::InvalidRequest(
                "the address has no host".to_owned(),
            ));
        };
        let closed = |_| HttpFault::BudgetExceeded("no connection is free".to_owned());
        let _place = self.places.acquire().await.map_err(closed)?;
        let stream = self.dialer.connect(&host, port, &hop.networks).await?;
        if url.scheme() == "https" {
            let stream = self.dialer.secure(stream, &host).await?;
            exchange(stream, &hop).await
        } else {
            exchange(stream, &hop).await
        }
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    hop: &Hop,
) -> Result<Received, HttpFault> {
    let protocol = |e: hyper::Error| HttpFault::Protocol(e.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        // Answers whose head is larger are refused below; this bounds what is read of them.
        .max_buf_size(2 * HEADER_BYTES)
        .max_headers(128)
        .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(protocol)?;
    let url = &hop.sent.url;
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = hyper::Request::builder()
        .method(hop.method.as_str())
        .uri(target)
        .header("host", authority)
        .header(
            "user-agent",
            concat!("bihuan-plugin/", env!("CARGO_PKG_VERSION")),
        );
    for (name, value) in &hop.sent.headers {
        request = request.header(name, value);
    }
    let body = Full::new(Bytes::from(hop.sent.body.clone().unwrap_or_default()));
    let request = request
        .body(body)
        .map_err(|e| HttpFault::InvalidRequest(e.to_string()))?;
    // The connection is driven here and not by a task: it ends with this call, whatever happens.
    let work = async {
        let response = sender.send_request(request).await.map_err(protocol)?;
        let status = response.status().as_u16();
        let mut headers = Vec::with_capacity(response.headers().len());
        let mut header_bytes = 0;
        for (name, value) in response.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            header_bytes += name.as_str().len() + value.len();
            headers.push((name.as_str().to_owned(), value));
        }
        if header_bytes > HEADER_BYTES {
            return Err(HttpFault::Protocol("the headers are too large".to_owned()));
        }
        let limit = hop.max_response_bytes;
        let mut content = Vec::new();
        let mut body = response.into_body();
        loop {
            let frame = timeout(IDLE, body.frame())
                .await
                .map_err(|_| HttpFault::Timeout)?;
            let Some(frame) = frame else { break };
            if let Ok(data) = frame.map_err(protocol)?.into_data() {
                if content.len() as u64 + data.len() as u64 > limit {
                    return Err(HttpFault::TooLarge(limit));
                }
                content.extend_from_slice(&data);
            }
        }
        Ok(Received {
            status,
            headers,
            body: content,
        })
    };
    tokio::pin!(work);
    tokio::pin!(connection);
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            ended = &mut connection, if open => {
                open = false;
                // An answer may still be buffered; an error shows in `work` as well.
                if let Err(error) = ended {
                    tracing::debug!(target: "plugin", %error, "a connection of a plugin ended");
                }
            }
        }
    }
}

/// A granted origin in the form of [`Url::origin`].
struct Allowed {
    origin: String,
    methods: Vec<String>,
    networks: Vec<Network>,
}

/// What one installation may reach.
pub(crate) struct Policy {
    allowed: Vec<Allowed>,
}

impl Policy {
    /// A grant that cannot be read has no effect: it denies.
    pub(crate) fn new(hosts: &[HostGrant]) -> Self {
        let allowed = hosts.iter().filter_map(|host| {
            let url = Url::parse(&host.origin).ok()?;
            let networks: Result<Vec<Network>, String> =
                host.networks.iter().map(|n| n.parse()).collect();
            let networks = networks.ok()?;
            let fine = url.scheme() == "https" || (url.scheme() == "http" && !networks.is_empty());
            fine.then(|| Allowed {
                origin: url.origin().ascii_serialization(),
                methods: host.methods.clone(),
                networks,
            })
        });
        Self {
            allowed: allowed.collect(),
        }
    }

    /// The grant for an address, or why there is none.
    fn check(&self, method: &str, url: &Url) -> Result<&Allowed, HttpFault> {
        let origin = url.origin().ascii_serialization();
        let allowed = self
            .allowed
            .iter()
            .find(|a| a.origin == origin)
            .ok_or_else(|| HttpFault::Denied(format!("the origin {origin}")))?;
        if !allowed.methods.iter().any(|m| m == method) {
            return Err(HttpFault::Denied(format!("{method} at {origin}")));
        }
        Ok(allowed)
    }
}

/// Reads an address once; everything after works on the result.
fn parse(text: &str) -> Result<Url, HttpFault> {
    let invalid = |why: &str| HttpFault::InvalidRequest(why.to_owned());
    if text.len() > URL_BYTES {
        return Err(invalid("the address is longer than 8 KiB"));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid("the address holds control characters"));
    }
    let mut url =
        Url::parse(text).map_err(|e| HttpFault::InvalidRequest(format!("the address: {e}")))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(invalid("the scheme is neither https nor http"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("the address holds a user"));
    }
    match url.host() {
        None => return Err(invalid("the address has no host")),
        Some(UrlHost::Domain(name)) if name.ends_with('.') => {
            let plain = name.trim_end_matches('.').to_owned();
            url.set_host(Some(&plain))
                .map_err(|e| HttpFault::InvalidRequest(e.to_string()))?;
        }
        Some(_) => {}
    }
    url.set_fragment(None);
    Ok(url)
}

/// Headers that belong to the connection, to the host, or to a browser.
fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "content-length"
            | "transfer-encoding"
            | "connection"
            | "keep-alive"
            | "te"
            | "trailer"
            | "upgrade"
            | "expect"
            | "cookie"
            | "cookie2"
            | "via"
            | "forwarded"
            | "http2-settings"
            | "user-agent"
    ) || name.starts_with("proxy-")
        || name.starts_with("x-forwarded-")
}

/// Headers that must not follow a redirect to another origin, whoever put them in.
fn is_sensitive(name: &str) -> bool {
    [
        "auth",
        "token",
        "key",
        "secret",
        "signature",
        "session",
        "password",
        "credential",
    ]
    .iter()
    .any(|part| name.contains(part))
}

fn check_headers(headers: &[(String, String)]) -> Result<Vec<(String, String)>, HttpFault> {
    let bytes: usize = headers.iter().map(|(n, v)| n.len() + v.len()).sum();
    if headers.len() > REQUEST_HEADERS || bytes > HEADER_BYTES {
        return Err(HttpFault::InvalidRequest("too many headers".to_owned()));
    }
    headers
        .iter()
        .map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
            if hyper::header::HeaderName::from_bytes(lower.as_bytes()).is_err() {
                return Err(HttpFault::InvalidRequest(format!(
                    "the name of the header {shown:?}"
                )));
            }
            if is_reserved(&lower) {
                return Err(HttpFault::InvalidRequest(format!(
                    "the header {shown:?} belongs to the host"
                )));
            }
            if !is_header_value(value) {
                return Err(HttpFault::InvalidRequest(format!(
                    "the value of the header {shown:?}"
                )));
            }
            Ok((lower, value.clone()))
        })
        .collect()
}

/// No control characters but the tab, so no second line.
fn is_header_value(value: &str) -> bool {
    value
        .bytes()
        .all(|b| b == b'\t' || (b >= 0x20 && b != 0x7f))
}

/// Puts secrets into a request whose address has passed every check.
fn inject(plain: &Parts, credentials: &[Credential]) -> Result<Parts, HttpFault> {
    let mut sent = plain.clone();
    let invalid = |why: &str| HttpFault::InvalidRequest(why.to_owned());
    for Credential { placement, secret } in credentials {
        let bytes = secret.expose();
        let text = || std::str::from_utf8(bytes).map_err(|_| invalid("the secret is no text"));
        let mut header = |name: &str, value: Zeroizing<String>| {
            let name = name.to_ascii_lowercase();
            if hyper::header::HeaderName::from_bytes(name.as_bytes()).is_err() || is_reserved(&name)
            {
                return Err(invalid(
                    "a credential's header belongs to the host or has no name",
                ));
            }
            if !is_header_value(&value) {
                return Err(invalid(
                    "the secret holds characters that no header can carry",
                ));
            }
            sent.headers.retain(|(n, _)| *n != name);
            sent.headers.push((name, value.to_string()));
            Ok(())
        };
        match placement {
            Placement::Bearer => header(
                "authorization",
                Zeroizing::new(format!("Bearer {}", text()?)),
            )?,
            Placement::Basic(user) => {
                if user.contains(':') || user.chars().any(char::is_control) {
                    return Err(invalid("the user of a credential"));
                }
                let mut pair = Zeroizing::new(format!("{user}:").into_bytes());
                pair.extend_from_slice(bytes);
                header(
                    "authorization",
                    Zeroizing::new(format!("Basic {}", BASE64.encode(&*pair))),
                )?;
            }
            Placement::Header(name) => header(name, Zeroizing::new(text()?.to_owned()))?,
            Placement::Query(name) => {
                sent.url.query_pairs_mut().append_pair(name, text()?);
                if sent.url.as_str().len() > 2 * URL_BYTES {
                    return Err(invalid("the address is too long with its secret"));
                }
            }
            Placement::Form(name) => {
                require_type(&mut sent, "application/x-www-form-urlencoded")?;
                let body = sent.body.take().unwrap_or_default();
                let body = String::from_utf8(body).map_err(|_| invalid("the form is no text"))?;
                let mut form = url::form_urlencoded::Serializer::new(body);
                form.append_pair(name, text()?);
                sent.body = Some(form.finish().into_bytes());
            }
            Placement::Json(name) => {
                require_type(&mut sent, "application/json")?;
                let body = sent.body.take().unwrap_or_else(|| b"{}".to_vec());
                let mut object: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_slice(&body)
                        .map_err(|_| invalid("the body is no JSON object"))?;
                object.insert(name.clone(), text()?.into());
                sent.body = serde_json::to_vec(&object).ok();
            }
        }
    }
    Ok(sent)
}

fn require_type(sent: &mut Parts, wanted: &str) -> Result<(), HttpFault> {
    match sent.headers.iter().find(|(n, _)| n == "content-type") {
        None => sent
            .headers
            .push(("content-type".to_owned(), wanted.to_owned())),
        Some((_, value)) => {
            let essence = value.split(';').next().unwrap_or_default().trim();
            if !essence.eq_ignore_ascii_case(wanted) {
                return Err(HttpFault::InvalidRequest(format!(
                    "the credential needs a body of {wanted}"
                )));
            }
        }
    }
    Ok(())
}

/// Whether a secret may be sent to an origin in the form of [`Url::origin`].
fn may_go_to(secret: &SecretValue, origin: &str) -> bool {
    let same = |text: &String| {
        Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == origin)
    };
    secret.origins().iter().any(same)
}

/// Sends a request under a policy. Never panics, never waits beyond the request's time.
pub(crate) async fn send(
    transport: &dyn Transport,
    policy: &Policy,
    rates: &Rates,
    installation: &str,
    request: Request,
) -> Result<Response, HttpFault> {
    match timeout(
        request.timeout,
        follow(transport, policy, rates, installation, request),
    )
    .await
    {
        Ok(done) => done,
        Err(_) => Err(HttpFault::Timeout),
    }
}

async fn follow(
    transport: &dyn Transport,
    policy: &Policy,
    rates: &Rates,
    installation: &str,
    request: Request,
) -> Result<Response, HttpFault> {
    let Request {
        mut method,
        url,
        headers,
        body,
        mut credentials,
        max_redirects,
        max_response_bytes,
        idempotency_key,
        ..
    } = request;
    if max_redirects > 10 {
        return Err(HttpFault::InvalidRequest(
            "more than 10 redirects".to_owned(),
        ));
    }
    if body.as_ref().is_some_and(|b| b.len() > REQUEST_BODY) {
        return Err(HttpFault::InvalidRequest(
            "the body is larger than 8 MiB".to_owned(),
        ));
    }
    let mut headers = check_headers(&headers)?;
    if let Some(key) = idempotency_key {
        headers.extend(check_headers(&[("idempotency-key".to_owned(), key)])?);
    }
    let mut plain = Parts {
        url: parse(&url)?,
        headers,
        body,
    };
    let origin = plain.url.origin().ascii_serialization();
    if let Some(lost) = credentials.iter().find(|c| !may_go_to(&c.secret, &origin)) {
        let placement = match &lost.placement {
            Placement::Bearer | Placement::Basic(_) => "authorization",
            Placement::Header(n)
            | Placement::Query(n)
            | Placement::Form(n)
            | Placement::Json(n) => n,
        };
        return Err(HttpFault::Denied(format!(
            "the secret of {placement:?} may not go to {origin}"
        )));
    }
    let mut left = max_redirects;
    loop {
        let allowed = policy.check(&method, &plain.url)?;
        rates.pass(installation, &plain.url).await?;
        let hop = Hop {
            method: method.clone(),
            sent: inject(&plain, &credentials)?,
            plain: plain.clone(),
            networks: allowed.networks.clone(),
            max_response_bytes,
        };
        let mut received = transport.send(hop).await?;
        if received.body.len() as u64 > max_response_bytes {
            return Err(HttpFault::TooLarge(max_response_bytes));
        }
        received
            .headers
            .retain(|(name, _)| !matches!(name.as_str(), "set-cookie" | "set-cookie2"));
        rates.remember(installation, &plain.url, &received, Instant::now());
        let location = received
            .headers
            .iter()
            .find(|(n, _)| n == "location")
            .map(|(_, v)| v.clone());
        let follows = matches!(received.status, 301 | 302 | 303 | 307 | 308) && left > 0;
        let (true, Some(location)) = (follows, location) else {
            let mut shown = plain.url;
            shown.set_query(None);
            return Ok(Response {
                status: received.status,
                url: shown.into(),
                headers: received.headers,
                body: received.body,
            });
        };
        left -= 1;
        let next = plain
            .url
            .join(&location)
            .map_err(|e| HttpFault::Protocol(format!("the redirect: {e}")))?;
        let next = parse(next.as_str())?;
        if plain.url.scheme() == "https" && next.scheme() == "http" {
            return Err(HttpFault::Denied(
                "a redirect from https to http".to_owned(),
            ));
        }
        let elsewhere = next.origin() != plain.url.origin();
        let rewritten =
            received.status == 303 || (matches!(received.status, 301 | 302) && method == "POST");
        if rewritten && method != "HEAD" {
            method = "GET".to_owned();
        }
        if elsewhere || rewritten {
            plain.body = None;
            plain
                .headers
                .retain(|(name, _)| !name.starts_with("content-") && name != "idempotency-key");
            credentials.retain(|c| !matches!(c.placement, Placement::Form(_) | Placement::Json(_)));
        }
        if elsewhere {
            credentials.clear();
            plain.headers.retain(|(name, _)| !is_sensitive(name));
        }
        plain.url = next;
    }
}

/// Requests a second, for each installation and host, and what hosts asked for by `Retry-After`.
pub(crate) struct Rates {
    per_second: f64,
    buckets: Mutex<HashMap<(String, String), Bucket>>,
}

struct Bucket {
    tokens: f64,
    filled: Instant,
    silent_until: Option<Instant>,
}

impl Rates {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second: f64::from(per_second.max(1)),
            buckets: Mutex::new(HashMap::new()),
        }
    }

    fn with<T>(
        &self,
        installation: &str,
        url: &Url,
        now: Instant,
        work: impl FnOnce(&mut Bucket) -> T,
    ) -> T {
        let burst = self.per_second * 2.0;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS {
            let full = Duration::from_secs_f64(MOST_WAITING + 2.0);
            buckets.retain(|_, b| {
                b.silent_until.is_some_and(|t| t > now)
                    || now.saturating_duration_since(b.filled) < full
            });
        }
        let host = url.host_str().unwrap_or_default();
        let bucket = buckets
            .entry((installation.to_owned(), host.to_owned()))
            .or_insert(Bucket {
                tokens: burst,
                filled: now,
                silent_until: None,
            });
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * self.per_second).min(burst);
        bucket.filled = now;
        work(bucket)
    }

    /// How long a request must wait for its turn.
    fn turn(&self, installation: &str, url: &Url, now: Instant) -> Result<Duration, HttpFault> {
        let per_second = self.per_second;
        self.with(installation, url, now, |bucket| {
            if let Some(until) = bucket.silent_until {
                let left = until.saturating_duration_since(now);
                if !left.is_zero() {
                    return Err(HttpFault::Patience {
                        origin: url.origin().ascii_serialization(),
                        left_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
                    });
                }
                bucket.silent_until = None;
            }
            if bucket.tokens < -MOST_WAITING * per_second {
                let text = format!("more than {per_second} requests a second to one host");
                return Err(HttpFault::BudgetExceeded(text));
            }
            bucket.tokens -= 1.0;
            Ok(Duration::from_secs_f64(
                (-bucket.tokens / per_second).max(0.0),
            ))
        })
    }

    /// Waits for a turn; the caller's time-out bounds it.
    async fn pass(&self, installation: &str, url: &Url) -> Result<(), HttpFault> {
        let wait = self.turn(installation, url, Instant::now())?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    fn remember(&self, installation: &str, url: &Url, received: &Received, now: Instant) {
        if !matches!(received.status, 429 | 503) {
            return;
        }
        let seconds = received
            .headers
            .iter()
            .find(|(n, _)| n == "retry-after")
            .and_then(|(_, v)| v.trim().parse::<u64>().ok());
        if let Some(seconds) = seconds {
            let until = now + Duration::from_secs(seconds).min(MOST_PATIENCE);
            self.with(installation, url, now, |bucket| {
                bucket.silent_until = Some(until)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(origins: &[(&str, &[&str])]) -> Policy {
        let hosts: Vec<HostGrant> = origins
            .iter()
            .map(|(origin, networks)| HostGrant {
                origin: (*origin).to_owned(),
                methods: vec!["GET".to_owned()],
                networks: networks.iter().map(|n| (*n).to_owned()).collect(),
            })
            .collect();
        Policy::new(&hosts)
    }

    #[test]
    fn origins_are_compared_after_one_reading() {
        let policy = policy(&[
            ("https://a.test:443", &[]),
            ("http://b.test", &["10.0.0.0/8"]),
            ("http://c.test", &[]),
            ("https://d.test", &["nonsense"]),
        ]);
        let check = |url: &str| policy.check("GET", &parse(url).unwrap()).is_ok();
        for good in [
            "https://a.test/x",
            "https://A.test.:443/",
            "https://ａ.test/",
            "http://b.test:80",
        ] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "https://a.test:444/",
            "http://a.test/",
            "https://a.test.evil.test/",
            "http://c.test",
            "https://d.test",
            "https://b.test",
        ] {
            assert!(!check(bad), "{bad}");
        }
        assert!(
            policy
                .check("POST", &parse("https://a.test").unwrap())
                .is_err()
        );
        let secret = SecretValue::new(b"x".to_vec(), 1, vec!["https://a.test:443".to_owned()]);
        assert!(may_go_to(&secret, "https://a.test") && !may_go_to(&secret, "https://b.test"));
        assert!(!may_go_to(
            &SecretValue::new(b"x".to_vec(), 1, vec![]),
            "https://a.test"
        ));
    }

    #[test]
    fn what_no_header_is_does_not_pass() {
        for bad in [
            "https://me:pw@a.test",
            "https://me@a.test",
            "ftp://a.test",
            "a.test",
            "https://",
            "data:,x",
            "https://a.test/\r\nx",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse("https://a.test/x?y#z").unwrap().as_str(),
            "https://a.test/x?y"
        );
        for sensitive in [
            "authorization",
            "x-api-key",
            "x-amz-security-token",
            "x-signature",
        ] {
            assert!(is_sensitive(sensitive), "{sensitive}");
        }
        assert!(!is_sensitive("accept-language"));
    }

    #[test]
    fn requests_wait_for_their_turn_and_hosts_for_their_peace() {
        let rates = Rates::new(10);
        let url = parse("https://a.test").unwrap();
        let now = Instant::now();
        for _ in 0..20 {
            assert_eq!(rates.turn("one", &url, now), Ok(Duration::ZERO), "a burst");
        }
        for place in 1..=101 {
            let wait = rates.turn("one", &url, now).unwrap().as_millis();
            assert_eq!(wait, place * 100);
        }
        let refused = |at| {
            matches!(
                rates.turn("one", &url, at),
                Err(HttpFault::BudgetExceeded(_))
            )
        };
        assert!(refused(now), "too many are waiting");
        assert_eq!(
            rates.turn("two", &url, now),
            Ok(Duration::ZERO),
            "another installation has its own"
        );
        let later = now + Duration::from_secs(60);
        assert_eq!(
            rates.turn("one", &url, later),
            Ok(Duration::ZERO),
            "filled again"
        );
        let busy = |after: &str| Received {
            status: 503,
            headers: vec![("retry-after".to_owned(), after.to_owned())],
            body: vec![],
        };
        rates.remember("one", &url, &busy("7200"), later);
        let silent = |at| match rates.turn("one", &url, at) {
            Err(HttpFault::Patience { left_ms, .. }) => left_ms,
            other => panic!("{other:?}"),
        };
        assert_eq!(silent(later), 3_600_000, "what is left of it is said");
        assert_eq!(silent(later + Duration::from_secs(3599)), 1000);
        let over = later + MOST_PATIENCE;
        assert_eq!(
            rates.turn("one", &url, over),
            Ok(Duration::ZERO),
            "at most an hour"
        );
        rates.remember("one", &url, &busy("Fri, 31 Dec 1999 23:59:59 GMT"), over);
        assert_eq!(rates.turn("one", &url, over), Ok(Duration::ZERO));
    }
}
