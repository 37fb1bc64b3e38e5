//! Requests and answers of 飞书开放平台, "自定义机器人使用指南",
//! <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use feishu_robot::FeishuRobot;
use plugin_sdk::notifier::Notifier;
use plugin_sdk::testing::{Host, Replay, message};
use plugin_sdk::{Failure, FailureClass, Lifecycle};
use serde_json::{Value, json};

fn posted(settings: Value, body: Value, answer: Value) -> Result<(), Failure> {
    let host = Host::new()
        .now("2026-01-01T00:00:00Z")
        .settings(settings)
        .secret("sign_secret", "demo")
        .replay(Replay::json(json!([{
            "request": {"method": "POST", "url": "https://open.feishu.cn/open-apis/bot/v2/hook/abc-1", "body": {"json": body}},
            "response": {"json": answer}
        }])));
    let answer = host.run(|| FeishuRobot::open()?.notify(&message()));
    host.finish();
    answer
}

/// The signature was computed apart (Python: hmac, base64).
fn card(signed: bool) -> Value {
    let mut body = json!({
        "msg_type": "interactive",
        "card": {
            "header": {"title": {"tag": "plain_text", "content": "资费差评升高"}, "template": "blue"},
            "elements": [
                {"tag": "markdown", "content": "过去 7 天 **42** 条差评"},
                {"tag": "action", "actions": [{"tag": "button", "type": "primary",
                    "text": {"tag": "plain_text", "content": "查看 Open"}, "url": "https://voc.example.com/i/7"}]}
            ]
        }
    });
    if signed {
        body["timestamp"] = json!("1767225600");
        body["sign"] = json!("OeJmDC3C7FsudJ7/9z2vZtAnXCvb3MhsqwPgUZXABqw=");
    }
    body
}

#[test]
fn a_message_is_a_signed_card() {
    let ok = json!({"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"});
    posted(json!({"hook_id": "abc-1"}), card(true), ok.clone()).unwrap();
    posted(json!({"hook_id": "abc-1", "sign": false}), card(false), ok).unwrap();
}

#[test]
fn error_codes_have_their_class() {
    for (code, class) in [
        (19_021, FailureClass::Config),
        (19_024, FailureClass::Config),
        (11_232, FailureClass::RateLimited),
        (9499, FailureClass::InvalidInput),
    ] {
        let failure = posted(
            json!({"hook_id": "abc-1"}),
            card(true),
            json!({"code": code, "msg": "x"}),
        )
        .unwrap_err();
        assert_eq!(failure.class, class, "{code}");
    }
}

#[test]
fn an_address_part_that_leads_elsewhere_is_refused() {
    for hook in ["", "../x", "a/b", "a?b"] {
        let host = Host::new().settings(json!({"hook_id": hook}));
        assert!(host.run(FeishuRobot::validate_config).is_err(), "{hook}");
    }
}
