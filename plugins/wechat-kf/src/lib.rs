//! Connector for 微信客服 of WeCom: a callback says that there is news and carries a token of ten
//! minutes; `kf/sync_msg` then tells the messages behind a cursor.
//!
//! The host proves and decrypts the callback (scheme `wecom`). Only what customers say becomes a
//! voice; an answer to the configured rating menu becomes a rating.

mod message;
mod xml;

use std::collections::BTreeMap;

use plugin_sdk::connector::{
    Accepted, HookRequest, Next, Outcome, Page, PullRequest, Puller, StreamSpec, Webhook,
    stream_name,
};
use plugin_sdk::cursor::Layout;
use plugin_sdk::host::{self, http, secrets, state};
use plugin_sdk::{CheckReport, Failure, FailureClass, Lifecycle, failure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const API: &str = "https://qyapi.weixin.qq.com/cgi-bin";
const SECRET: &str = "kf_secret";
/// A callback's token serves `sync_msg` for ten minutes; a minute less keeps clear of the edge.
const CALLBACK_TOKEN_MS: u64 = 9 * 60_000;

/// The settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    corp_id: String,
    accounts: Vec<String>,
    #[serde(default)]
    ratings: BTreeMap<String, u8>,
}

/// The place in an account's messages.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Place {
    cursor: String,
}

impl Layout for Place {
    const FORMAT: u32 = 1;
}

/// The connector with its settings.
#[derive(Debug)]
pub struct WechatKf {
    settings: Settings,
}

fn settings() -> Result<Settings, Failure> {
    let settings: Settings = host::config()?;
    let wrong = |text: &str| Err(failure::config("wechat_kf.settings", text));
    if settings.corp_id.trim().is_empty() {
        return wrong("corp_id: the id of the enterprise is missing");
    }
    if settings.accounts.is_empty() {
        return wrong("accounts: at least one open_kfid");
    }
    if settings
        .ratings
        .values()
        .any(|mark| !(1..=5).contains(mark))
    {
        return wrong("ratings: marks from 1 to 5");
    }
    Ok(settings)
}

impl Lifecycle for WechatKf {
    fn validate_config() -> Result<(), Failure> {
        settings().map(drop)
    }

    fn check() -> Result<CheckReport, Failure> {
        <Self as Puller>::open()?.access_token()?;
        Ok(CheckReport {
            ok: true,
            message: "企业 ID 与 Secret 有效。Corp ID and secret are accepted.".to_owned(),
            details: Value::Null,
        })
    }
}

impl Puller for WechatKf {
    fn open() -> Result<Self, Failure> {
        settings().map(|settings| Self { settings })
    }

    fn streams(&self) -> Result<Vec<StreamSpec>, Failure> {
        Ok(self
            .settings
            .accounts
            .iter()
            .map(|account| StreamSpec {
                name: stream_name(account),
                title: format!("客服账号 {account}"),
            })
            .collect())
    }

    fn pull(&self, request: &PullRequest) -> Result<Page, Failure> {
        let account = self
            .settings
            .accounts
            .iter()
            .find(|account| stream_name(account) == request.stream_name)
            .ok_or_else(|| {
                failure::config("wechat_kf.account", "the account is not in the settings")
            })?;
        let place = Place::of(request.cursor.as_ref())?.unwrap_or_default();
        let answer = self.sync(account, &place.cursor, request.max_items.clamp(1, 1000))?;
        let mut items = Vec::new();
        let mut rejected = Vec::new();
        for raw in &answer.msg_list {
            match message::read(raw, &self.settings.ratings) {
                Ok(item) => items.extend(item),
                Err(refused) => rejected.push(*refused),
            }
        }
        let cursor = Place {
            cursor: if answer.next_cursor.is_empty() {
                place.cursor
            } else {
                answer.next_cursor
            },
        };
        Ok(Page {
            items,
            rejected,
            cursor: cursor.to_cursor()?,
            // An empty list may still have more behind it, says the documentation.
            next: if answer.has_more == 1 {
                Next::More
            } else {
                Next::Idle(None)
            },
            ack_tokens: Vec::new(),
        })
    }
}

impl Webhook for WechatKf {
    fn open() -> Result<Self, Failure> {
        settings().map(|settings| Self { settings })
    }

    /// Keeps the token: the pull that follows needs it.
    fn handle(&self, request: &HookRequest) -> Result<Outcome, Failure> {
        if !request.verified_by_host {
            return Ok(Outcome::Reject("the sender is not proved".to_owned()));
        }
        let nothing = Outcome::Accept(Accepted {
            items: Vec::new(),
            rejected: Vec::new(),
        });
        let text = std::str::from_utf8(&request.body)
            .map_err(|e| failure::invalid_input("wechat_kf.not_utf8", e))?;
        if xml::text(text, "Event").as_deref() != Some("kf_msg_or_event") {
            // Other events of the same application are none of ours.
            return Ok(nothing);
        }
        let (Some(token), Some(account)) = (xml::text(text, "Token"), xml::text(text, "OpenKfId"))
        else {
            return Err(failure::invalid_input(
                "wechat_kf.callback",
                "the callback names no Token or no OpenKfId",
            ));
        };
        if self.settings.accounts.contains(&account) {
            state::set_for(&token_key(&account), &token, CALLBACK_TOKEN_MS)?;
        }
        Ok(nothing)
    }
}

fn token_key(account: &str) -> String {
    format!("callback/{account}")
}

/// Answer of `gettoken`.
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

/// Answer of `kf/sync_msg`.
#[derive(Default, Deserialize)]
struct Synced {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    next_cursor: String,
    #[serde(default)]
    has_more: i64,
    #[serde(default)]
    msg_list: Vec<Value>,
}

impl WechatKf {
    /// The kept access token, or a new one. The secret's id is part of the key: a changed secret
    /// never meets an old token.
    fn access_token(&self) -> Result<String, Failure> {
        let key = access_key()?;
        if let Some(token) = state::get::<String>(&key)? {
            return Ok(token);
        }
        let answer: Token = http::get(format!("{API}/gettoken"))
            .query("corpid", &self.settings.corp_id)
            .credential(http::Credential::Query(
                "corpsecret".to_owned(),
                SECRET.to_owned(),
            ))
            .json()?;
        refuse(answer.errcode)?;
        if answer.access_token.is_empty() {
            return Err(failure::transient(
                "wechat_kf.no_token",
                "the answer holds no access_token",
            ));
        }
        let seconds = answer.expires_in.saturating_sub(300).max(60);
        state::set_for(&key, &answer.access_token, seconds * 1000)?;
        Ok(answer.access_token)
    }

    fn sync(&self, account: &str, cursor: &str, limit: u32) -> Result<Synced, Failure> {
        let mut body = serde_json::json!({"limit": limit, "voice_format": 0, "open_kfid": account});
        if !cursor.is_empty() {
            body["cursor"] = cursor.into();
        }
        // Without it the service answers too, only less often.
        if let Some(token) = state::get::<String>(&token_key(account))? {
            body["token"] = token.into();
        }
        let ask = |body: &Value, token: &str| -> Result<Synced, Failure> {
            http::post_json(format!("{API}/kf/sync_msg"), body)
                .query("access_token", token)
                .json()
        };
        let mut answer = ask(&body, &self.access_token()?)?;
        if matches!(answer.errcode, 40014 | 42001) {
            // The token was taken back before its time: once with a new one.
            state::delete(&access_key()?)?;
            answer = ask(&body, &self.access_token()?)?;
        }
        let for_good = refuse(answer.errcode).is_err_and(|f| f.class == FailureClass::Config);
        if for_good && body.get("token").is_some() {
            // The callback's token may be spent, which has no code of its own: once without it.
            state::delete(&token_key(account))?;
            if let Some(body) = body.as_object_mut() {
                body.remove("token");
            }
            answer = ask(&body, &self.access_token()?)?;
        }
        refuse(answer.errcode)?;
        Ok(answer)
    }
}

fn access_key() -> Result<String, Failure> {
    // Ids may be long; a key holds 128 bytes.
    let id: String = secrets::id(SECRET)?.chars().take(80).collect();
    Ok(format!("access/{id}"))
}

/// What an error code means for the host. Source: "全局错误码",
/// <https://developer.work.weixin.qq.com/document/path/90313>.
fn refuse(code: i64) -> Result<(), Failure> {
    let (class, name) = match code {
        0 => return Ok(()),
        45009 | 45033 => (FailureClass::RateLimited, "rate_limited"),
        -1 | 42001 | 40014 => (FailureClass::Transient, "busy"),
        _ => (FailureClass::Config, "refused"),
    };
    Err(failure::new(
        class,
        &format!("wechat_kf.{name}"),
        format!("WeCom answers the error code {code}"),
    ))
}

plugin_sdk::export!(connector: WechatKf);
