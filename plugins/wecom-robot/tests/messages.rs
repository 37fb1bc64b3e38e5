//! Requests and answers of 企业微信开发者中心, "消息推送配置说明",
//! <https://developer.work.weixin.qq.com/document/path/91770>, and "全局错误码",
//! <https://developer.work.weixin.qq.com/document/path/90313>.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plugin_sdk::notifier::{Message, Notifier, Urgency};
use plugin_sdk::testing::{Host, Replay, message};
use plugin_sdk::{Failure, FailureClass};
use serde_json::{Value, json};
use wecom_robot::WecomRobot;

fn posted(message: &Message, body: Value, answer: Value) -> Result<(), Failure> {
    let host = Host::new()
        .secret("robot_key", "693axxx6")
        .replay(Replay::json(json!([{
            "request": {"method": "POST", "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send",
                        "body": {"json": body}, "credentials": [{"query": ["key", "robot_key"]}]},
            "response": {"json": answer}
        }])));
    let answer = host.run(|| WecomRobot::open()?.notify(message));
    host.finish();
    answer
}

fn markdown() -> Value {
    json!({"msgtype": "markdown", "markdown": {"content":
        "## 资费差评升高\n过去 7 天 **42** 条差评\n[查看 Open](https://voc.example.com/i/7)"}})
}

#[test]
fn a_message_is_markdown_with_its_link() {
    posted(
        &message(),
        markdown(),
        json!({"errcode": 0, "errmsg": "ok"}),
    )
    .unwrap();
}

#[test]
fn people_are_mentioned_in_text() {
    let mention = Message {
        mention: vec!["13800001111".to_owned(), "a@b.cn".to_owned()],
        ..message()
    };
    let body = |who: Value| {
        let mut said =
            json!({"content": "资费差评升高\n过去 7 天 42 条差评\nhttps://voc.example.com/i/7"});
        for (name, list) in who.as_object().unwrap() {
            said[name] = list.clone();
        }
        json!({"msgtype": "text", "text": said})
    };
    let ok = json!({"errcode": 0, "errmsg": "ok"});
    posted(
        &mention,
        body(json!({"mentioned_mobile_list": ["13800001111"]})),
        ok.clone(),
    )
    .unwrap();
    let urgent = Message {
        urgency: Urgency::Urgent,
        ..message()
    };
    posted(&urgent, body(json!({"mentioned_list": ["@all"]})), ok).unwrap();
}

#[test]
fn a_long_message_fits_and_keeps_its_link() {
    let long = Message {
        markdown: "差".repeat(4000),
        ..message()
    };
    let content = format!("## 资费差评升高\n{}", "差".repeat(4000));
    let link = "https://voc.example.com/i/7";
    let cut = plugin_sdk::text::fit(&content, 4096 - link.len() - 16);
    let content = format!("{cut}\n[查看 Open]({link})");
    assert!(content.len() <= 4096 && cut.ends_with('…'));
    let body = json!({"msgtype": "markdown", "markdown": {"content": content}});
    posted(&long, body, json!({"errcode": 0})).unwrap();
}

#[test]
fn error_codes_have_their_class() {
    for (code, class) in [
        (45009, FailureClass::RateLimited),
        (93000, FailureClass::Config),
        (-1, FailureClass::Transient),
        (40058, FailureClass::InvalidInput),
    ] {
        let failure = posted(
            &message(),
            markdown(),
            json!({"errcode": code, "errmsg": "x"}),
        )
        .unwrap_err();
        assert_eq!(failure.class, class, "{code}");
    }
}

#[test]
fn without_its_key_it_says_so() {
    let failure = Host::new()
        .run(|| WecomRobot::open()?.notify(&message()))
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::Config);
}
