//! A host whose outside world is a few scripted servers on this machine.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use plugin_host::egress::{Dialer, Resolver};
use plugin_host::{
    CallRecord, Compiled, Connector, Host, HostConfig, HostGrant, Installation, LogLine, Manifest,
    Metric, PluginError, PullMode, PullRequest, SecretValue,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::guests::with_section;

/// What every guest of these tests asks for, unless a test says less.
pub const ASKS: &str = r#"{"hosts":[{"origin":"*","methods":["GET","POST","PUT","HEAD"],"purpose":{"zh":"甲","en":"A"}}],
    "secrets":[{"name":"token","title":{"zh":"甲","en":"A"}},{"name":"unset","title":{"zh":"甲","en":"A"}}]}"#;

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A component of version 1.0.0 of the contract, as it was built then, without a manifest.
pub fn fixture(role: &str) -> Vec<u8> {
    std::fs::read(fixtures().join("1.0.0").join(format!("{role}.wasm"))).unwrap()
}

/// A manifest: `asks` and `limits` are JSON.
pub fn manifest(role: &str, asks: &str, limits: &str) -> Manifest {
    let (name, hook) = match role {
        "acking-puller" => ("connector", ""),
        "webhook" | "connector" => (
            "connector",
            r#","webhook":{"verify":[{"scheme":"plugin"}]}"#,
        ),
        other => (other, ""),
    };
    let json = format!(
        r#"{{"name":"probe","version":"1.0.0","role":"{name}","title":{{"zh":"甲","en":"A"}},"asks":{asks},"limits":{limits},"metrics":["tickets"]{hook}}}"#
    );
    Manifest::from_json(json.as_bytes()).unwrap()
}

pub fn with_manifest(component: Vec<u8>, manifest: &Manifest) -> Vec<u8> {
    with_section(component, "bihuan:manifest", &manifest.to_json())
}

/// Names with answers that a test may change; counts the questions.
#[derive(Default)]
pub struct Names {
    answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    pub asked: Mutex<Vec<String>>,
}

impl Names {
    /// The answers of a name, one a question; the last one stays.
    pub fn set(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers
            .iter()
            .map(|a| a.iter().map(|ip| ip.parse().unwrap()).collect());
        self.answers
            .lock()
            .unwrap()
            .insert(name.to_owned(), answers.collect());
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut all = self.answers.lock().unwrap();
        let Some(answers) = all.get_mut(name) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let last = answers.len() == 1;
        let first = answers.front().cloned().unwrap_or_default();
        if !last {
            answers.pop_front();
        }
        Ok(first)
    }
}

/// An authority that the host trusts in these tests.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A request as a server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub line: String,
    pub headers: String,
    pub body: String,
}

/// What a server does with a connection after the request.
#[derive(Clone)]
pub enum Reaction {
    /// Sends these bytes and closes.
    Send(String),
    /// Sends these bytes and then nothing, for ever.
    Hang(String),
}

pub fn ok(body: &str) -> Reaction {
    answer("200 OK", "", body)
}

pub fn answer(status: &str, headers: &str, body: &str) -> Reaction {
    Reaction::Send(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// A server of HTTP that answers by the first line of the request.
pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub async fn start(
        tls: Option<TlsAcceptor>,
        react: impl Fn(&Seen) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (log, react) = (Arc::clone(&seen), Arc::new(react));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, log, react) = (tls.clone(), Arc::clone(&log), Arc::clone(&react));
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &log, &*react).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &log, &*react).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, seen }
    }

    pub fn origin(&self, scheme: &str, name: &str) -> String {
        format!("{scheme}://{name}:{}", self.address.port())
    }

    pub fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    log: &Mutex<Vec<Seen>>,
    react: &(dyn Fn(&Seen) -> Reaction + Send + Sync),
) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let seen = loop {
        let Ok(read) = stream.read(&mut buffer).await else {
            return;
        };
        if read == 0 {
            return;
        }
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|l| {
                l.to_ascii_lowercase()
                    .strip_prefix("content-length:")
                    .map(|v| v.trim().parse::<usize>().unwrap())
            })
            .unwrap_or(0);
        if body.len() < length {
            continue;
        }
        let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        break Seen {
            line: line.to_owned(),
            headers: headers.to_owned(),
            body: body.to_owned(),
        };
    };
    log.lock().unwrap().push(seen.clone());
    match react(&seen) {
        Reaction::Send(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Reaction::Hang(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.flush().await;
            std::future::pending::<()>().await;
        }
    }
}

/// A host with everything that it tells collected.
pub struct Lab {
    pub host: Host,
    pub names: Arc<Names>,
    pub logs: Arc<Mutex<Vec<LogLine>>>,
    pub metrics: Arc<Mutex<Vec<Metric>>>,
    pub calls: Arc<Mutex<Vec<CallRecord>>>,
}

pub const NOW: i64 = 1_700_000_000_000;

impl Lab {
    pub fn new(authority: Option<&Authority>) -> Self {
        Self::with(authority, |_| ())
    }

    pub fn with(authority: Option<&Authority>, change: impl FnOnce(&mut HostConfig)) -> Self {
        let names = Arc::new(Names::default());
        let pem = authority.map(Authority::pem);
        let pems: Vec<&str> = pem.as_deref().into_iter().collect();
        let dialer = Dialer::new(Arc::clone(&names) as Arc<dyn Resolver>, &pems).unwrap();
        let logs: Arc<Mutex<Vec<LogLine>>> = Arc::default();
        let metrics: Arc<Mutex<Vec<Metric>>> = Arc::default();
        let calls: Arc<Mutex<Vec<CallRecord>>> = Arc::default();
        let (log, metric, call) = (Arc::clone(&logs), Arc::clone(&metrics), Arc::clone(&calls));
        let mut config = HostConfig {
            wall: Duration::from_secs(20),
            now_ms: Arc::new(|| NOW),
            random: Arc::new(|bytes| {
                bytes.fill(7);
                Ok(())
            }),
            logs: Arc::new(move |l| log.lock().unwrap().push(l)),
            metrics: Arc::new(move |m| metric.lock().unwrap().push(m)),
            calls: Arc::new(move |c| call.lock().unwrap().push(c)),
            ..HostConfig::default()
        }
        .with_dialer(dialer);
        change(&mut config);
        Self {
            host: Host::new(config).unwrap(),
            names,
            logs,
            metrics,
            calls,
        }
    }

    pub async fn compile(&self, role: &str, asks: &str, limits: &str) -> Compiled {
        let component = with_manifest(fixture(role), &manifest(role, asks, limits));
        self.host.compile(component).await.unwrap()
    }
}

/// May reach these origins on this machine, and has a token for them.
pub fn reaching(origins: &[&str]) -> Installation {
    let methods = || {
        ["GET", "POST", "PUT", "HEAD"]
            .iter()
            .map(|m| (*m).to_owned())
            .collect()
    };
    let hosts = origins.iter().map(|origin| HostGrant {
        origin: (*origin).to_owned(),
        methods: methods(),
        networks: vec!["127.0.0.0/8".to_owned()],
    });
    let origins = origins.iter().map(|o| (*o).to_owned()).collect();
    Installation {
        id: "one".to_owned(),
        hosts: hosts.collect(),
        secrets: BTreeMap::from([(
            "token".to_owned(),
            SecretValue::new(TOKEN.as_bytes().to_vec(), 3, origins),
        )]),
        granted_secrets: vec!["token".to_owned(), "unset".to_owned()],
        ..Installation::default()
    }
}

pub const TOKEN: &str = "s3cr3t-t0ken&=";

/// A pull whose stream is a script.
pub fn asking(script: &Value) -> PullRequest {
    PullRequest {
        stream: script.to_string(),
        mode: PullMode::Incremental,
        cursor: None,
        since_ms: None,
        until_ms: None,
        max_items: 1000,
    }
}

/// What each command of a script led to.
pub async fn run(connector: &Connector, script: &Value) -> Vec<Value> {
    let page = connector.pull(asking(script)).await.unwrap().value;
    page.items
        .iter()
        .map(|i| serde_json::from_str(i.text.as_ref().unwrap()).unwrap())
        .collect()
}

/// What one command led to.
pub async fn run_one(connector: &Connector, command: Value) -> Value {
    run(connector, &json!([command])).await.remove(0)
}

/// The error of a script.
pub async fn error_of(connector: &Connector, script: &Value) -> PluginError {
    connector.pull(asking(script)).await.map(drop).unwrap_err()
}

/// Whether a command was refused for this reason.
pub fn refused(answer: &Value, reason: &str) -> bool {
    answer["error"].as_str().is_some_and(|e| e.contains(reason))
}
