//! Requests as services post them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plugin_sdk::connector::{HookRequest, Outcome, Scalar, Webhook};
use plugin_sdk::testing::Host;
use plugin_sdk::{Failure, FailureClass, Lifecycle};
use serde_json::{Value, json};
use webhook_json::WebhookJson;

fn request(body: &[u8]) -> HookRequest {
    HookRequest {
        method: "POST".to_owned(),
        path: String::new(),
        query: String::new(),
        headers: Vec::new(),
        body: body.to_vec(),
        received_at: 1_767_225_600_000,
        verified_by_host: true,
    }
}

fn handled(settings: Value, body: &[u8]) -> Result<Outcome, Failure> {
    Host::new()
        .settings(settings)
        .run(|| WebhookJson::open()?.handle(&request(body)))
}

/// Source: Typeform, "Webhooks" and "Example payload",
/// <https://www.typeform.com/developers/webhooks/example-payload/>: `form_response.token` identifies
/// the response, `submitted_at` dates it, `answers` holds the values in the order of the form.
#[test]
fn an_answered_form_is_one_voice() {
    let settings = json!({"mapping": {
        "items": "/form_response",
        "fields": {
            "external_id": "/token",
            "occurred_at": "/submitted_at",
            "text": "/answers/0/text",
            "rating": "/answers/1/number",
            "kind": {"value": "survey"}
        },
        "attributes": {"form": {"from": "body", "at": "/form_response/form_id"}}
    }});
    let body = json!({
        "event_id": "01H", "event_type": "form_response",
        "form_response": {
            "form_id": "lT4Z3j", "token": "a3a12ec67a1365927098a606107fac15",
            "submitted_at": "2026-01-18T18:17:02Z", "landed_at": "2026-01-18T18:07:02Z",
            "answers": [
                {"type": "text", "text": "等了四十分钟没人接", "field": {"id": "DlXFaesGBpoF", "type": "long_text"}},
                {"type": "number", "number": 2, "field": {"id": "SMEUb7VJz92Q", "type": "rating"}}
            ]
        }
    });
    let Outcome::Accept(accepted) = handled(settings, body.to_string().as_bytes()).unwrap() else {
        panic!("not accepted")
    };
    let [voice] = accepted.items.as_slice() else {
        panic!("{accepted:?}")
    };
    assert_eq!(voice.external_id, "a3a12ec67a1365927098a606107fac15");
    assert_eq!(voice.text.as_deref(), Some("等了四十分钟没人接"));
    assert_eq!(voice.rating, Some(Scalar::Number(2.0)));
    assert_eq!(voice.occurred_at, Some("2026-01-18T18:17:02Z".into()));
    assert_eq!(voice.attributes[0].value, "lT4Z3j");
}

/// Source: GitHub Docs, "Webhook events and payloads", section `issues`,
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#issues>.
#[test]
fn only_the_actions_that_count_become_voices() {
    let settings = json!({"mapping": {
        "only_if": [{"at": "/action", "is": ["opened", "reopened"]}],
        "fields": {
            "external_id": "/issue/node_id",
            "occurred_at": "/issue/created_at",
            "title": "/issue/title",
            "text": "/issue/body",
            "url": "/issue/html_url",
            "customer_ref": "/issue/user/login"
        }
    }});
    let body = |action: &str| {
        json!({"action": action, "issue": {
            "node_id": "I_kwDOA", "title": "导出失败", "body": null, "created_at": "2026-01-02T03:04:05Z",
            "html_url": "https://github.com/o/r/issues/7", "user": {"login": "octocat"}
        }})
        .to_string()
    };
    for (action, voices) in [("opened", 1), ("labeled", 0)] {
        let outcome = handled(settings.clone(), body(action).as_bytes()).unwrap();
        let Outcome::Accept(accepted) = outcome else {
            panic!("{action}")
        };
        assert_eq!(accepted.items.len(), voices, "{action}");
        assert!(accepted.rejected.is_empty());
    }
}

/// Source: Feishu Open Platform, "Request URL configuration" (url_verification),
/// <https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case>.
#[test]
fn a_challenge_is_sent_back_and_keeps_nothing() {
    let settings =
        json!({"challenge": "/challenge", "mapping": {"fields": {"external_id": "/id"}}});
    let body = br#"{"challenge":"ajls384kdjx98XX","token":"xxxxxx","type":"url_verification"}"#;
    let Outcome::Respond(reply) = handled(settings, body).unwrap() else {
        panic!("no answer")
    };
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, br#"{"challenge":"ajls384kdjx98XX"}"#);
}

#[test]
fn what_is_no_record_is_set_aside_and_what_is_no_json_refused() {
    let settings = json!({"mapping": {"items": "/list", "fields": {"external_id": "/id"}}});
    let body = br#"{"list":[{"id":"1"},{"text":"nobody"},7]}"#;
    let Outcome::Accept(accepted) = handled(settings.clone(), body).unwrap() else {
        panic!("not accepted")
    };
    assert_eq!((accepted.items.len(), accepted.rejected.len()), (1, 2));
    let failure = handled(settings.clone(), b"{").unwrap_err();
    assert_eq!(failure.class, FailureClass::InvalidInput);
    let unproved = Host::new().settings(settings).run(|| {
        WebhookJson::open()?.handle(&HookRequest {
            verified_by_host: false,
            ..request(body)
        })
    });
    assert!(matches!(unproved, Ok(Outcome::Reject(_))));
}

#[test]
fn too_much_at_once_is_refused_as_a_whole() {
    let settings = json!({"mapping": {"fields": {"external_id": "/id"}}});
    let many: Vec<Value> = (0..5001).map(|id| json!({"id": id})).collect();
    let failure = handled(settings, Value::from(many).to_string().as_bytes()).unwrap_err();
    assert_eq!(failure.code, "webhook_json.too_many");
}

#[test]
fn wrong_settings_are_named() {
    for (settings, named) in [
        (json!({}), "mapping"),
        (
            json!({"mapping": {"fields": {"external_id": "id"}}}),
            "external_id",
        ),
        (
            json!({"mapping": {"fields": {"external_id": "/id"}}, "challenge": "x"}),
            "challenge",
        ),
        (
            json!({"mapping": {"fields": {"external_id": "/id"}}, "chalenge": "/x"}),
            "chalenge",
        ),
    ] {
        let failure = Host::new()
            .settings(settings)
            .run(WebhookJson::validate_config)
            .unwrap_err();
        assert_eq!(failure.class, FailureClass::Config);
        assert!(failure.message.contains(named), "{}", failure.message);
    }
}
