//! What an administrator fills in.

use std::collections::BTreeMap;

use plugin_sdk::mapping::Mapping;
use plugin_sdk::time::Writing;
use plugin_sdk::{Failure, failure, host};
use serde::Deserialize;
use serde_json::Value;

/// The whole form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address without query.
    pub url: String,
    /// Parameters of every request.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How it is asked.
    #[serde(default)]
    pub method: Verb,
    /// Where the secret goes.
    #[serde(default)]
    pub auth: Auth,
    /// How one gets from page to page.
    #[serde(default)]
    pub paging: Paging,
    /// Which time is asked for.
    #[serde(default)]
    pub window: Option<Window>,
    /// Where an answer with status 200 says that it failed.
    #[serde(default)]
    pub error: Option<ErrorCode>,
    /// How a record becomes a voice.
    pub mapping: Mapping,
}

/// How a list is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Parameters in the query.
    #[default]
    Get,
    /// Parameters in a JSON body.
    Post,
}

/// Where the secret goes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The way.
    #[serde(default, rename = "type")]
    pub kind: AuthKind,
    /// Header, parameter or user.
    #[serde(default)]
    pub name: String,
}

/// Ways to show a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// There is none.
    #[default]
    None,
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`, `name` being the user.
    Basic,
    /// A header of this name.
    Header,
    /// A parameter of this name.
    Query,
}

/// How one gets from page to page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// The way.
    #[serde(default, rename = "type")]
    pub kind: PagingKind,
    /// Parameter with the page, the offset or the cursor.
    #[serde(default)]
    pub param: String,
    /// Number of the first page; 1 unless said.
    #[serde(default)]
    pub first: Option<u64>,
    /// Parameter with the size of a page.
    #[serde(default)]
    pub size_param: Option<String>,
    /// Records of a page.
    #[serde(default = "hundred")]
    pub size: u32,
    /// Pointer to the next cursor or to the address of the next page.
    #[serde(default)]
    pub next: Option<String>,
    /// Pointer to a truth value: whether there is more.
    #[serde(default)]
    pub more: Option<String>,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            kind: PagingKind::None,
            param: String::new(),
            first: None,
            size_param: None,
            size: hundred(),
            next: None,
            more: None,
        }
    }
}

const fn hundred() -> u32 {
    100
}

/// Ways through a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagingKind {
    /// One answer holds all.
    #[default]
    None,
    /// Pages with numbers.
    Page,
    /// How many records to pass over.
    Offset,
    /// A cursor in the answer.
    Cursor,
    /// The address of the next page in the answer.
    Link,
}

/// A time window that moves on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Parameter with the start.
    pub from_param: String,
    /// Parameter with the end.
    #[serde(default)]
    pub to_param: Option<String>,
    /// How times are written.
    #[serde(default)]
    pub writing: Writing,
    /// Zone of civil times; 480 is China.
    #[serde(default = "china")]
    pub utc_offset_minutes: i32,
    /// Where it begins, RFC 3339.
    pub start: String,
    /// Length of one window.
    #[serde(default = "day")]
    pub hours: i64,
    /// Asked again, for records that appear late.
    #[serde(default)]
    pub overlap_minutes: i64,
    /// The youngest minutes are left out: services index late.
    #[serde(default)]
    pub lag_minutes: i64,
}

const fn china() -> i32 {
    480
}
const fn day() -> i64 {
    24
}

/// Where an answer says that it failed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorCode {
    /// Pointer to the code.
    pub at: String,
    /// Codes of success.
    pub ok: Vec<Value>,
    /// Codes that mean "later".
    #[serde(default)]
    pub busy: Vec<Value>,
}

impl Settings {
    /// The settings of this installation, checked.
    ///
    /// # Errors
    /// `config`, naming the member.
    pub fn read() -> Result<Self, Failure> {
        let settings: Self = host::config()?;
        settings.mapping.validate()?;
        let wrong = |text: &str| Err(failure::config("http_json.settings", text));
        if !settings.url.starts_with("https://") && !settings.url.starts_with("http://") {
            return wrong("url: an address starts with https://");
        }
        let named = matches!(
            settings.auth.kind,
            AuthKind::Basic | AuthKind::Header | AuthKind::Query
        );
        if named && settings.auth.name.is_empty() {
            return wrong("auth.name: this way needs a name");
        }
        let paging = &settings.paging;
        let needs_param = matches!(
            paging.kind,
            PagingKind::Page | PagingKind::Offset | PagingKind::Cursor
        );
        if needs_param && paging.param.is_empty() {
            return wrong("paging.param: the parameter that carries the page or cursor");
        }
        let needs_next = matches!(paging.kind, PagingKind::Cursor | PagingKind::Link);
        if needs_next && paging.next.is_none() {
            return wrong("paging.next: where the answer says how to go on");
        }
        let pointers = [&paging.next, &paging.more];
        if pointers
            .into_iter()
            .flatten()
            .any(|at| !at.starts_with('/'))
        {
            return wrong("paging: a JSON pointer starts with /");
        }
        if paging.size == 0 || paging.size > 1000 {
            return wrong("paging.size: 1 to 1000");
        }
        if let Some(window) = &settings.window {
            window.start_ms()?;
            if window.hours < 1 || window.overlap_minutes < 0 || window.lag_minutes < 0 {
                return wrong("window: hours from 1, minutes from 0");
            }
        }
        Ok(settings)
    }
}

impl Window {
    /// Where it begins.
    ///
    /// # Errors
    /// `config` when it is no time.
    pub fn start_ms(&self) -> Result<i64, Failure> {
        plugin_sdk::time::from_rfc3339(&self.start).ok_or_else(|| {
            failure::config(
                "http_json.settings",
                "window.start: a time with its zone, such as 2026-01-01T00:00:00+08:00",
            )
        })
    }

    /// Where it begins, which must not be later than now: nothing could be asked, and waiting mends it only when
    /// nobody has mistaken a year.
    ///
    /// # Errors
    /// `config` when it is no time or has not come.
    pub fn begun_ms(&self) -> Result<i64, Failure> {
        let start = self.start_ms()?;
        if start > host::clock::now_ms() {
            return Err(failure::config(
                "http_json.settings",
                format!("window.start: {} lies in the future", self.start),
            ));
        }
        Ok(start)
    }
}
