//! Connector for paged REST lists: everything about the service stands in the settings.
//!
//! ```text
//! window ─┬─ page 1 ─ page 2 ─ … ─ end ──▶ next window … until now ──▶ idle
//!         └─ no window: the list itself; a cursor is kept for the next time
//! ```

mod settings;

use plugin_sdk::connector::{Next, Page, PullRequest, Puller, StreamSpec};
use plugin_sdk::cursor::Layout;
use plugin_sdk::host::{clock, http};
use plugin_sdk::{CheckReport, Failure, FailureClass, Lifecycle, failure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use settings::{AuthKind, PagingKind, Settings, Verb, Window};

/// Name of the only stream.
const STREAM: &str = "records";
/// The optional secret.
const SECRET: &str = "access_secret";
const MINUTE: i64 = 60_000;

/// Where in the list we are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Place {
    /// Start of the window, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<i64>,
    /// End of the window while its pages are being asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<i64>,
    /// Page, offset, cursor or address to ask next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// Records of that answer that were handed over already.
    #[serde(default, skip_serializing_if = "is_zero")]
    passed: usize,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde wants"
)]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Layout for Place {
    const FORMAT: u32 = 1;
}

/// The connector with its settings.
#[derive(Debug)]
pub struct HttpJson {
    settings: Settings,
}

impl Lifecycle for HttpJson {
    fn validate_config() -> Result<(), Failure> {
        let settings = Settings::read()?;
        settings.window.as_ref().map_or(Ok(()), |window| {
            window.begun_ms()?;
            Ok(())
        })
    }

    fn check() -> Result<CheckReport, Failure> {
        let plugin = Self::open()?;
        let mut place = Place::default();
        plugin.begin_window(&mut place, None, None)?;
        let answer = plugin.ask(&place)?;
        let mapped = plugin.settings.mapping.map(&answer);
        let (found, bad) = (mapped.items.len(), mapped.rejected.len());
        if let Some(at) = mapped.absent {
            return Ok(CheckReport {
                ok: false,
                message: format!(
                    "应答里没有 {at}，请检查映射。The answer has nothing at {at}: check the mapping."
                ),
                details: serde_json::json!({"absent": at}),
            });
        }
        Ok(CheckReport {
            ok: bad == 0 || found > 0,
            message: format!(
                "第一页有 {found} 条记录，{bad} 条没有编号。The first page holds {found} records, {bad} without an identifier."
            ),
            details: serde_json::json!({"records": found, "rejected": bad, "passed_over": mapped.passed_over}),
        })
    }
}

impl Puller for HttpJson {
    fn open() -> Result<Self, Failure> {
        Settings::read().map(|settings| Self { settings })
    }

    fn streams(&self) -> Result<Vec<StreamSpec>, Failure> {
        Ok(vec![StreamSpec {
            name: STREAM.to_owned(),
            title: "记录 Records".to_owned(),
        }])
    }

    fn pull(&self, request: &PullRequest) -> Result<Page, Failure> {
        let mut place = Place::of(request.cursor.as_ref())?.unwrap_or_default();
        let waiting = Page {
            items: Vec::new(),
            rejected: Vec::new(),
            cursor: place.to_cursor()?,
            next: Next::Idle(None),
            ack_tokens: Vec::new(),
        };
        if !self.begin_window(&mut place, request.since, request.until)? {
            return Ok(waiting);
        }
        let answer = self.ask(&place)?;
        let mapped = self.settings.mapping.map(&answer);
        // No empty list: going on behind it would pass over what the answer holds. It may pass, since gateways
        // under load answer 200 with anything.
        if let Some(at) = &mapped.absent {
            return Err(failure::transient(
                "http_json.nothing_there",
                format!("the answer has nothing at {at}"),
            ));
        }
        let records = mapped.items.len() + mapped.rejected.len() + mapped.passed_over;

        // An answer may hold more than the host takes at once: it is asked again for the rest.
        let most = request.max_items.max(1) as usize;
        let passed = place.passed.min(mapped.items.len());
        let items: Vec<_> = mapped
            .items
            .iter()
            .skip(passed)
            .take(most)
            .cloned()
            .collect();
        let given = passed + items.len();
        let rejected = if passed == 0 {
            mapped.rejected
        } else {
            Vec::new()
        };
        let next = if given < mapped.items.len() {
            place.passed = given;
            Next::More
        } else {
            place.passed = 0;
            self.go_on(&mut place, &answer, records, request.until)?
        };
        Ok(Page {
            items,
            rejected,
            cursor: place.to_cursor()?,
            next,
            ack_tokens: Vec::new(),
        })
    }
}

impl HttpJson {
    /// Puts the window of the next question in; `false`: there is nothing to ask yet.
    fn begin_window(
        &self,
        place: &mut Place,
        since: Option<i64>,
        until: Option<i64>,
    ) -> Result<bool, Failure> {
        let Some(window) = &self.settings.window else {
            return Ok(true);
        };
        let from = match (place.from, since) {
            (Some(from), _) => from,
            (None, Some(since)) => since,
            (None, None) => window.begun_ms()?,
        };
        let now = clock::now_ms();
        if from > now {
            // A cursor of the future would silently skip everything until then.
            return Err(plugin_sdk::cursor::expired(
                "cursor.future",
                "the stored place lies in the future",
            ));
        }
        place.from = Some(from);
        if place.to.is_none() {
            let to = end(window, from, now, until);
            if to <= from {
                return Ok(false);
            }
            place.to = Some(to);
        }
        Ok(true)
    }

    fn ask(&self, place: &Place) -> Result<Value, Failure> {
        let s = &self.settings;
        let mut params: Vec<(String, String)> = s
            .query
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let paging = &s.paging;
        if let Some(size) = &paging.size_param {
            params.push((size.clone(), paging.size.to_string()));
        }
        let mut url = s.url.clone();
        match (paging.kind, &place.at) {
            (PagingKind::Page, at) => {
                let first = || paging.first.unwrap_or(1).to_string();
                params.push((paging.param.clone(), at.clone().unwrap_or_else(first)));
            }
            (PagingKind::Offset, at) => {
                params.push((
                    paging.param.clone(),
                    at.clone().unwrap_or_else(|| "0".to_owned()),
                ));
            }
            (PagingKind::Cursor, Some(at)) => params.push((paging.param.clone(), at.clone())),
            (PagingKind::Link, Some(at)) => {
                // The link carries all parameters itself.
                url.clone_from(at);
                params.clear();
            }
            _ => {}
        }
        let linked = paging.kind == PagingKind::Link && place.at.is_some();
        if let (Some(window), Some(from), Some(to), false) =
            (&s.window, place.from, place.to, linked)
        {
            let write = |at| window.writing.write(at, window.utc_offset_minutes);
            let start = from - window.overlap_minutes * MINUTE;
            params.push((window.from_param.clone(), write(start)));
            if let Some(param) = &window.to_param {
                params.push((param.clone(), write(to)));
            }
        }
        let mut request = match s.method {
            Verb::Get => {
                let start = http::get(url);
                params
                    .iter()
                    .fold(start, |r, (name, value)| r.query(name, value))
            }
            Verb::Post => {
                // Numbers stay numbers: services that take JSON mind.
                let value = |text: &String| match text.parse::<u64>() {
                    Ok(number) if number.to_string() == *text => Value::from(number),
                    _ => Value::String(text.clone()),
                };
                let body: Map<String, Value> = params
                    .iter()
                    .map(|(name, text)| (name.clone(), value(text)))
                    .collect();
                http::post_json(url, &body)
            }
        };
        request = request.header("accept", "application/json");
        for (name, value) in &s.headers {
            request = request.header(name, value);
        }
        let (name, secret) = (s.auth.name.clone(), SECRET.to_owned());
        let credential = match s.auth.kind {
            AuthKind::None => None,
            AuthKind::Bearer => Some(http::Credential::Bearer(secret)),
            AuthKind::Basic => Some(http::Credential::Basic(name, secret)),
            AuthKind::Header => Some(http::Credential::Header(name, secret)),
            AuthKind::Query => Some(http::Credential::Query(name, secret)),
        };
        if let Some(credential) = credential {
            request = request.credential(credential);
        }
        let answer: Value = request.json()?;
        self.refuse_error(&answer)?;
        Ok(answer)
    }

    /// Many services answer 200 and say inside that it failed.
    fn refuse_error(&self, answer: &Value) -> Result<(), Failure> {
        let Some(error) = &self.settings.error else {
            return Ok(());
        };
        let code = answer.pointer(&error.at).unwrap_or(&Value::Null);
        if error.ok.contains(code) {
            return Ok(());
        }
        let class = if error.busy.contains(code) {
            FailureClass::RateLimited
        } else {
            FailureClass::Config
        };
        // The code alone: the text beside it may repeat what was asked.
        Err(failure::new(
            class,
            "http_json.service_error",
            format!("the service answers the code {code}"),
        ))
    }

    /// Moves the place behind an answer that was taken completely.
    fn go_on(
        &self,
        place: &mut Place,
        answer: &Value,
        records: usize,
        until: Option<i64>,
    ) -> Result<Next, Failure> {
        let paging = &self.settings.paging;
        let told = |at: &Option<String>| at.as_ref().and_then(|at| answer.pointer(at));
        let may_be_more = match told(&paging.more) {
            Some(Value::Bool(more)) => *more,
            Some(Value::Number(more)) => more.as_f64() != Some(0.0),
            _ => match paging.kind {
                PagingKind::Page | PagingKind::Offset => records >= paging.size as usize,
                _ => true,
            },
        };
        let next = match paging.kind {
            PagingKind::None => None,
            PagingKind::Page | PagingKind::Offset => {
                let first = match paging.kind {
                    PagingKind::Page => paging.first.unwrap_or(1),
                    _ => 0,
                };
                let step = match paging.kind {
                    PagingKind::Page => 1,
                    _ => records as u64,
                };
                let at = match &place.at {
                    None => first,
                    Some(at) => at
                        .parse::<u64>()
                        .map_err(|e| plugin_sdk::cursor::expired("cursor.malformed", e))?,
                };
                (records > 0).then(|| (at + step).to_string())
            }
            PagingKind::Cursor | PagingKind::Link => match told(&paging.next) {
                Some(Value::String(next)) if !next.is_empty() => Some(next.clone()),
                Some(Value::Number(next)) => Some(next.to_string()),
                _ => None,
            },
        };
        // A service that names the same place again has reached its end.
        let moves = next.is_some() && next != place.at;
        if may_be_more && moves {
            place.at = next;
            return Ok(Next::More);
        }
        let Some(window) = &self.settings.window else {
            // Cursors are for ever: the next time goes on behind this one. Pages start over.
            place.at = match paging.kind {
                PagingKind::Cursor => next.or_else(|| place.at.take()),
                _ => None,
            };
            return Ok(Next::Idle(None));
        };
        place.at = None;
        place.from = place.to.take();
        let from = place.from.unwrap_or_default();
        let more = end(window, from, clock::now_ms(), until) > from
            && until.is_none_or(|until| from < until)
            // Without an end parameter one answer reached into the present already.
            && window.to_param.is_some();
        Ok(
            if more && clock::now_ms() - window.lag_minutes * MINUTE - from > MINUTE {
                Next::More
            } else {
                Next::Idle(None)
            },
        )
    }
}

/// End of the window that starts at `from`.
fn end(window: &Window, from: i64, now: i64, until: Option<i64>) -> i64 {
    let ready = now - window.lag_minutes * MINUTE;
    let ready = until.map_or(ready, |until| until.min(ready));
    // Without an end parameter the service answers up to the present.
    if window.to_param.is_none() {
        return ready;
    }
    (from + window.hours * 60 * MINUTE).min(ready)
}

plugin_sdk::export!(puller: HttpJson);
