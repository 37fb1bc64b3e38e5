//! Callbacks and messages as WeCom documents them.
//!
//! Sources: 企业微信开发者中心, "接收消息和事件" (kf/sync_msg, kf_msg_or_event),
//! <https://developer.work.weixin.qq.com/document/path/94670>; "获取access_token",
//! <https://developer.work.weixin.qq.com/document/path/91039>; "全局错误码",
//! <https://developer.work.weixin.qq.com/document/path/90313>.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plugin_sdk::connector::{
    Cursor, HookRequest, Next, Outcome, Page, PullMode, PullRequest, Puller, Scalar, Webhook,
};
use plugin_sdk::testing::{Host, Replay};
use plugin_sdk::{Failure, FailureClass, Lifecycle};
use serde_json::{Value, json};
use wechat_kf::WechatKf;

const TOKEN: &str = "ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra996NR";

fn host() -> Host {
    Host::new()
        .settings(
            json!({"corp_id": "ww12345678910", "accounts": ["wkAJ2GCAAAZSfhHCt7IFSvLKtMPxyJTw"],
                         "ratings": {"101": 5, "102": 1}}),
        )
        .secret("kf_secret", "s")
}

fn gettoken(token: &str) -> Value {
    json!({
        "request": {"method": "GET", "url": "https://qyapi.weixin.qq.com/cgi-bin/gettoken?corpid=ww12345678910",
                    "credentials": [{"query": ["corpsecret", "kf_secret"]}]},
        "response": {"json": {"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": 7200}}
    })
}

fn sync(access: &str, body: Value, answer: Value) -> Value {
    json!({
        "request": {"method": "POST",
                    "url": format!("https://qyapi.weixin.qq.com/cgi-bin/kf/sync_msg?access_token={access}"),
                    "body": {"json": body}},
        "response": {"json": answer}
    })
}

fn ask(more: Value) -> Value {
    let mut body =
        json!({"limit": 1000, "voice_format": 0, "open_kfid": "wkAJ2GCAAAZSfhHCt7IFSvLKtMPxyJTw"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn pull(host: &Host, cursor: Option<Cursor>) -> Result<Page, Failure> {
    host.run(|| {
        <WechatKf as Puller>::open()?.pull(&PullRequest {
            stream_name: plugin_sdk::connector::stream_name("wkAJ2GCAAAZSfhHCt7IFSvLKtMPxyJTw"),
            mode: PullMode::Incremental,
            cursor,
            since: None,
            until: None,
            max_items: 1000,
        })
    })
}

fn callback(host: &Host, body: &str) -> Result<Outcome, Failure> {
    host.run(|| {
        <WechatKf as Webhook>::open()?.handle(&HookRequest {
            method: "POST".to_owned(),
            path: String::new(),
            query: String::new(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
            received_at: 1_767_225_600_000,
            verified_by_host: true,
        })
    })
}

const CALLBACK: &str = "<xml><ToUserName><![CDATA[ww12345678910]]></ToUserName><CreateTime>1348831860</CreateTime>\
    <MsgType><![CDATA[event]]></MsgType><Event><![CDATA[kf_msg_or_event]]></Event>\
    <Token><![CDATA[ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra996NR]]></Token>\
    <OpenKfId><![CDATA[wkAJ2GCAAAZSfhHCt7IFSvLKtMPxyJTw]]></OpenKfId></xml>";

fn message(id: &str, origin: u8, kind: &str, more: Value) -> Value {
    let mut message = json!({"msgid": id, "open_kfid": "wkAJ2GCAAAZSfhHCt7IFSvLKtMPxyJTw",
        "external_userid": "wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw", "send_time": 1_615_478_585, "origin": origin,
        "servicer_userid": "Zhangsan", "msgtype": kind});
    message[kind] = more;
    message
}

#[test]
fn a_callback_leads_to_messages_and_ratings() {
    let host = host();
    assert!(matches!(callback(&host, CALLBACK), Ok(Outcome::Accept(a)) if a.items.is_empty()));
    host.next_replay(Replay::json(json!([
        gettoken("accesstoken000001"),
        sync("accesstoken000001", ask(json!({"token": TOKEN})), json!({
            "errcode": 0, "errmsg": "ok", "next_cursor": "4gw7MepFLfgF2VC5npN", "has_more": 1,
            "msg_list": [
                message("from_msgid_4622416642169452483", 3, "text", json!({"content": "充值没到账", "menu_id": ""})),
                message("m2", 5, "text", json!({"content": "我查一下"})),
                message("m3", 3, "image", json!({"media_id": "2iSLeVyqzk4eX0IB5kTi9Ljfa2rt9dwfq5WKRQ4Nvvgw"})),
                message("m4", 4, "event", json!({"event_type": "session_status_change", "change_type": 3})),
                message("m5", 3, "text", json!({"content": "不满意", "menu_id": "102"})),
                {"msgid": "m6", "origin": 3}
            ]
        })),
        sync("accesstoken000001", ask(json!({"token": TOKEN, "cursor": "4gw7MepFLfgF2VC5npN"})), json!({
            "errcode": 0, "errmsg": "ok", "next_cursor": "5", "has_more": 0, "msg_list": []
        })),
    ])));
    let page = pull(&host, None).unwrap();
    assert_eq!(page.next, Next::More);
    let ids: Vec<&str> = page.items.iter().map(|i| i.external_id.as_str()).collect();
    assert_eq!(ids, ["from_msgid_4622416642169452483", "m3", "m5"]);
    let first = &page.items[0];
    assert_eq!(first.text.as_deref(), Some("充值没到账"));
    assert_eq!(first.occurred_at, Some("2021-03-11T16:03:05.000Z".into()));
    assert_eq!(first.kind.as_deref(), Some("chat"));
    assert_eq!(
        first.customer_ref.as_deref(),
        Some("wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw")
    );
    assert_eq!(page.items[1].text.as_deref(), Some("[图片]"));
    let rated = &page.items[2];
    assert_eq!(
        (rated.kind.as_deref(), rated.rating.clone()),
        (Some("survey"), Some(Scalar::Number(1.0)))
    );
    assert_eq!(first.thread_id, rated.thread_id);
    assert_eq!(page.rejected[0].external_id.as_deref(), Some("m6"));

    // The access token is kept; the callback's token still holds.
    let page = pull(&host, Some(page.cursor)).unwrap();
    assert_eq!((page.items.len(), page.next), (0, Next::Idle(None)));
    host.finish();
}

#[test]
fn tokens_end_after_their_time() {
    let host = host();
    callback(&host, CALLBACK).unwrap();
    let empty = json!({"errcode": 0, "next_cursor": "1", "has_more": 0, "msg_list": []});
    host.next_replay(Replay::json(json!([
        gettoken("a1"),
        sync("a1", ask(json!({"token": TOKEN})), empty.clone()),
    ])));
    let cursor = pull(&host, None).unwrap().cursor;
    host.pass(10 * 60_000);
    host.next_replay(Replay::json(json!([sync(
        "a1",
        ask(json!({"cursor": "1"})),
        empty.clone()
    )])));
    pull(&host, Some(cursor.clone())).unwrap();
    host.pass(7_200_000);
    host.next_replay(Replay::json(json!([
        gettoken("a2"),
        sync("a2", ask(json!({"cursor": "1"})), empty),
    ])));
    pull(&host, Some(cursor)).unwrap();
    host.finish();
}

#[test]
fn a_token_that_was_taken_back_is_replaced_once() {
    let host = host();
    host.next_replay(Replay::json(json!([
        gettoken("old"),
        sync(
            "old",
            ask(json!({})),
            json!({"errcode": 42001, "errmsg": "access_token expired"})
        ),
        gettoken("new"),
        sync(
            "new",
            ask(json!({})),
            json!({"errcode": 0, "next_cursor": "1", "has_more": 0, "msg_list": []})
        ),
    ])));
    assert_eq!(pull(&host, None).unwrap().next, Next::Idle(None));
    host.finish();
}

#[test]
fn a_spent_token_of_a_callback_is_dropped() {
    let host = host();
    callback(&host, CALLBACK).unwrap();
    let empty = json!({"errcode": 0, "next_cursor": "1", "has_more": 0, "msg_list": []});
    host.next_replay(Replay::json(json!([
        gettoken("a"),
        sync(
            "a",
            ask(json!({"token": TOKEN})),
            json!({"errcode": 95_007, "errmsg": "invalid msg token"})
        ),
        sync("a", ask(json!({})), empty),
    ])));
    pull(&host, None).unwrap();
    host.finish();
}

#[test]
fn error_codes_have_their_class() {
    for (code, class) in [
        (45009, FailureClass::RateLimited),
        (-1, FailureClass::Transient),
        (40001, FailureClass::Config),
        (60020, FailureClass::Config),
    ] {
        let host = host().replay(Replay::json(json!([{
            "request": {"method": "GET", "url": "https://qyapi.weixin.qq.com/cgi-bin/gettoken?corpid=ww12345678910",
                        "credentials": [{"query": ["corpsecret", "kf_secret"]}]},
            "response": {"json": {"errcode": code, "errmsg": "x"}}
        }])));
        assert_eq!(
            host.run(WechatKf::check).unwrap_err().class,
            class,
            "{code}"
        );
        host.finish();
    }
}

#[test]
fn other_events_and_other_accounts_keep_nothing() {
    let host = host();
    callback(
        &host,
        &CALLBACK.replace("kf_msg_or_event", "change_contact"),
    )
    .unwrap();
    callback(
        &host,
        &CALLBACK.replace("wkAJ2GCAAAZSfhHCt7IFSvLKtMPxyJTw", "wkOther"),
    )
    .unwrap();
    assert_eq!(
        host.run(|| plugin_sdk::host::state::keys("", None, 9))
            .unwrap()
            .len(),
        0
    );
    let broken = callback(&host, &CALLBACK.replace("Token", "T0ken"));
    assert_eq!(broken.unwrap_err().class, FailureClass::InvalidInput);
}

#[test]
fn a_cursor_of_another_layout_starts_over() {
    let cursor = Cursor {
        format: 9,
        value: "x".to_owned(),
    };
    let failure = pull(&host(), Some(cursor)).unwrap_err();
    assert_eq!(failure.class, FailureClass::CursorExpired);
}
