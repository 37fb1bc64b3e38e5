//! Requests and answers of 钉钉开放平台, "自定义机器人发送群消息",
//! <https://open.dingtalk.com/document/orgapp/custom-bots-send-group-chat-messages>, and
//! "自定义机器人安全设置", <https://open.dingtalk.com/document/robots/customize-robot-security-settings>.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use dingtalk_robot::DingtalkRobot;
use plugin_sdk::notifier::{Message, Notifier, Urgency};
use plugin_sdk::testing::{Host, Replay, message};
use plugin_sdk::{Failure, FailureClass};
use serde_json::{Value, json};

/// HMAC-SHA256 computed apart (Python: hmac, base64, urllib.parse.quote).
const SIGNED: &str = "https://oapi.dingtalk.com/robot/send?timestamp=1767225600000&sign=HsQf0oukUIPuTMc2KUXzJsH4gS9KeLayIJ2tvCFD2Ew%3D";

fn posted(
    settings: Value,
    message: &Message,
    url: &str,
    body: Value,
    answer: Value,
) -> Result<(), Failure> {
    let host = Host::new()
        .now("2026-01-01T00:00:00Z")
        .settings(settings)
        .secret("access_token", "t")
        .secret("sign_secret", "SEC000000000000000000000")
        .replay(Replay::json(json!([{
            "request": {"method": "POST", "url": url, "body": {"json": body},
                        "credentials": [{"query": ["access_token", "access_token"]}]},
            "response": {"json": answer}
        }])));
    let answer = host.run(|| DingtalkRobot::open()?.notify(message));
    host.finish();
    answer
}

fn body(title: &str, text: &str, at: Value) -> Value {
    json!({"msgtype": "markdown", "markdown": {"title": title, "text": text}, "at": at})
}

fn plain() -> Value {
    body(
        "资费差评升高",
        "### 资费差评升高\n\n过去 7 天 **42** 条差评\n\n[查看 Open](https://voc.example.com/i/7)",
        json!({"atMobiles": [], "isAtAll": false}),
    )
}

#[test]
fn a_message_is_signed_with_time_and_secret() {
    posted(
        json!({}),
        &message(),
        SIGNED,
        plain(),
        json!({"errcode": 0, "errmsg": "ok"}),
    )
    .unwrap();
}

#[test]
fn a_robot_with_a_keyword_needs_no_signature() {
    let settings = json!({"sign": false, "keyword": "告警"});
    let expected = body(
        "资费差评升高 [告警]",
        "### 资费差评升高 [告警]\n\n过去 7 天 **42** 条差评\n\n[查看 Open](https://voc.example.com/i/7) @13800001111",
        json!({"atMobiles": ["13800001111"], "isAtAll": false}),
    );
    let mention = Message {
        mention: vec!["13800001111".to_owned()],
        ..message()
    };
    let url = "https://oapi.dingtalk.com/robot/send";
    posted(settings, &mention, url, expected, json!({"errcode": 0})).unwrap();
}

#[test]
fn an_urgent_message_is_for_everybody() {
    let urgent = Message {
        urgency: Urgency::Urgent,
        ..message()
    };
    let mut expected = plain();
    expected["at"]["isAtAll"] = json!(true);
    posted(json!({}), &urgent, SIGNED, expected, json!({"errcode": 0})).unwrap();
}

#[test]
fn error_codes_have_their_class() {
    for (code, class) in [
        (310_000, FailureClass::Config),
        (300_001, FailureClass::Config),
        (130_101, FailureClass::RateLimited),
        (-1, FailureClass::Transient),
        (400_105, FailureClass::InvalidInput),
    ] {
        let answer = json!({"errcode": code, "errmsg": "x"});
        let failure = posted(json!({}), &message(), SIGNED, plain(), answer).unwrap_err();
        assert_eq!(failure.class, class, "{code}");
    }
}
