//! What the host sees instead of the world: recorded answers, trouble, a clock that stands still.

use async_trait::async_trait;
use plugin_build::plugin_sdk::bindings::powers::bihuan::plugin::http::HttpError;
use plugin_build::plugin_sdk::testing::{Asked, RecordedResponse, Replay};
use plugin_host::egress::{Hop, HttpFault, Received, Transport};
use plugin_host::{CompileLimits, HostConfig, LogLine};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// 2026-01-01T00:00:00Z.
const USUAL_NOW: i64 = 1_767_225_600_000;

/// What goes wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// 500 with words.
    Broken,
    /// 429 with `Retry-After: 7`.
    Busy,
    /// 401.
    Unauthorized,
    /// 200 with a page, as gateways answer.
    Page,
    /// 200 with half of the JSON.
    Half,
    /// 200 with JSON of another shape.
    Shape(&'static str),
    /// 200 with nothing.
    Empty,
    /// 200 with bytes that are no UTF-8.
    Bytes,
    /// No answer in time.
    Silence,
    /// The name is not known.
    NoName,
}

impl Trouble {
    /// Everything that happens to services.
    pub(super) const ALL: [(Self, &str); 13] = [
        (Self::Broken, "500"),
        (Self::Busy, "429 with Retry-After"),
        (Self::Unauthorized, "401"),
        (Self::Page, "200 with a page of HTML"),
        (Self::Half, "200 with half of the JSON"),
        (Self::Shape("null"), "200 with null"),
        (Self::Shape("[]"), "200 with []"),
        (Self::Shape("{\"data\":7}"), "200 with another object"),
        (
            Self::Shape("[[1],{\"id\":{}}]"),
            "200 with a list of nonsense",
        ),
        (Self::Empty, "200 with nothing"),
        (Self::Bytes, "200 with bytes that are no text"),
        (Self::Silence, "no answer in time"),
        (Self::NoName, "no such name"),
    ];

    fn answer(self, recorded: Option<RecordedResponse>) -> Result<Received, HttpFault> {
        let received = |status: u16, kind: &str, body: &[u8]| {
            Ok(Received {
                status,
                headers: vec![("content-type".to_owned(), kind.to_owned())],
                body: body.to_vec(),
            })
        };
        let json = "application/json";
        match self {
            Self::Broken => received(500, "text/plain", b"internal error"),
            Self::Unauthorized => received(401, json, b"{\"error\":\"unauthorized\"}"),
            Self::Page => received(200, "text/html", b"<html><body>please wait</body></html>"),
            Self::Shape(text) => received(200, json, text.as_bytes()),
            Self::Empty => received(200, json, b""),
            Self::Bytes => received(200, json, &[0xff, 0xfe, 0x00, 0x80]),
            Self::Silence => Err(HttpFault::Timeout),
            Self::NoName => Err(HttpFault::Dns("no such name".to_owned())),
            Self::Half => {
                let whole = recorded.map(|r| r.body()).unwrap_or_default();
                received(200, json, &whole[..whole.len() / 2])
            }
            Self::Busy => Ok(Received {
                status: 429,
                headers: vec![("retry-after".to_owned(), "7".to_owned())],
                body: Vec::new(),
            }),
        }
    }
}

/// The stage on which a component plays.
#[derive(Debug)]
pub(super) struct Stage {
    replay: Mutex<Replay>,
    /// From the how manyth request on things go wrong, and how.
    trouble: Mutex<Option<(usize, Trouble)>>,
    requests: Mutex<usize>,
    now: AtomicI64,
    random: AtomicU64,
    logs: Mutex<Vec<LogLine>>,
}

/// A panic elsewhere does not make the content useless here.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            replay: Mutex::default(),
            trouble: Mutex::default(),
            requests: Mutex::default(),
            now: AtomicI64::new(USUAL_NOW),
            random: AtomicU64::new(0),
            logs: Mutex::default(),
        })
    }

    /// A host that plays on this stage.
    pub(super) fn host(self: &Arc<Self>) -> HostConfig {
        let (clock, dice, listener) = (Arc::clone(self), Arc::clone(self), Arc::clone(self));
        HostConfig {
            transport: Arc::clone(self) as Arc<dyn Transport>,
            now_ms: Arc::new(move || clock.now.load(Ordering::Relaxed)),
            random: Arc::new(move |bytes| {
                for byte in bytes {
                    // Different bytes, the same in every run.
                    *byte = dice.random.fetch_add(0x9d, Ordering::Relaxed) as u8;
                }
                Ok(())
            }),
            logs: Arc::new(move |line| held(&listener.logs).push(line)),
            // Nobody is asked in truth, so nobody needs to be spared.
            http_per_second: 10_000,
            memory_bytes: 256 << 20,
            wall: Duration::from_secs(60),
            // An interpreter takes 13 s of computing. On an author's busy machine that may last: the computing
            // time stays bounded, the waiting says nothing of the plugin.
            compile_limits: CompileLimits {
                wall: Duration::from_secs(600),
                ..CompileLimits::default()
            },
            ..HostConfig::default()
        }
    }

    /// Sets the scene anew.
    pub(super) fn set(&self, replay: Replay, now: Option<i64>, trouble: Option<(usize, Trouble)>) {
        *held(&self.replay) = replay;
        *held(&self.trouble) = trouble;
        *held(&self.requests) = 0;
        self.now.store(now.unwrap_or(USUAL_NOW), Ordering::Relaxed);
        self.random.store(0, Ordering::Relaxed);
    }

    /// What went otherwise than recorded.
    pub(super) fn problems(&self) -> Vec<String> {
        held(&self.replay).problems()
    }

    /// How many requests were made.
    pub(super) fn requests(&self) -> usize {
        *held(&self.requests)
    }

    /// The time.
    pub(super) fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    /// What was logged so far.
    pub(super) fn logs(&self) -> Vec<LogLine> {
        held(&self.logs).clone()
    }

    /// Forgets the lines.
    pub(super) fn forget_logs(&self) {
        held(&self.logs).clear();
    }
}

#[async_trait]
impl Transport for Stage {
    async fn send(&self, hop: Hop) -> Result<Received, HttpFault> {
        let headers: Vec<(&str, &str)> = hop
            .plain
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let recorded = held(&self.replay).take(Asked {
            method: &hop.method,
            url: hop.plain.url.as_str(),
            headers: &headers,
            body: hop.plain.body.as_deref(),
            // The host put them in already; native tests compare their names.
            credentials: None,
        });
        let number = {
            let mut requests = held(&self.requests);
            *requests += 1;
            *requests
        };
        if let Some((from, trouble)) = *held(&self.trouble)
            && number > from
        {
            return trouble.answer(recorded);
        }
        let Some(recorded) = recorded else {
            return Err(HttpFault::Denied(format!(
                "nothing is recorded for {} {}",
                hop.method, hop.plain.url
            )));
        };
        let answer = recorded
            .answer(hop.plain.url.as_str())
            .map_err(|error| match error {
                HttpError::Timeout => HttpFault::Timeout,
                HttpError::Dns(d) => HttpFault::Dns(d),
                HttpError::Connect(d) => HttpFault::Connect(d),
                HttpError::Tls(d) => HttpFault::Tls(d),
                HttpError::Denied(d) => HttpFault::Denied(d),
                _ => HttpFault::Protocol("recorded".to_owned()),
            })?;
        Ok(Received {
            status: answer.status,
            headers: answer
                .headers
                .into_iter()
                .map(|h| (h.name, h.value))
                .collect(),
            body: answer.body,
        })
    }
}
