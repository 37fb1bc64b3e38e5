//! State, secrets, cryptography, pages and webhooks with real guests.

use std::collections::BTreeMap;

use plugin_host::{
    Cursor, FailureClass, HookRequest, Installation, Message, MetricValue, Next, Outcome,
    PluginError, SecretValue,
};
use serde_json::{Value, json};

use crate::fixtures::IMAP;
use crate::lab::{
    ASKS, Lab, NOW, TOKEN, asking, error_of, fixtures, reaching, refused, run, run_one,
};

pub fn hook(script: &Value) -> HookRequest {
    HookRequest {
        method: "POST".to_owned(),
        path: String::new(),
        query: String::new(),
        headers: vec![],
        body: script.to_string().into_bytes(),
        received_at_ms: 0,
        verified_by_host: true,
    }
}

async fn connector(lab: &Lab, installation: Installation) -> plugin_host::Connector {
    let compiled = lab.compile("acking-puller", IMAP, "{}").await;
    lab.host.connector(&compiled, installation).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_is_staged_and_sees_its_own_writes() {
    let lab = Lab::new(None);
    let kept = BTreeMap::from([
        ("a".to_owned(), b"1".to_vec()),
        ("b".to_owned(), b"2".to_vec()),
    ]);
    let installation = Installation {
        state: kept,
        ..reaching(&[])
    };
    let connector = connector(&lab, installation).await;
    let script = json!([
        {"do": "state-get", "key": "a"},
        {"do": "state-set", "key": "a", "value": "new"},
        {"do": "state-get", "key": "a"},
        {"do": "state-delete", "key": "b"},
        {"do": "state-get", "key": "b"},
        {"do": "state-set", "key": "c", "value": "3", "ttl": 1000},
        {"do": "state-keys", "prefix": "", "limit": 10},
        {"do": "state-keys", "prefix": "", "after": "a", "limit": 1},
        {"do": "state-set", "key": "d", "value": "4"},
        {"do": "state-delete", "key": "d"},
        {"do": "state-get", "key": "none"},
    ]);
    let answer = connector.pull(asking(&script)).await.unwrap();
    let told: Vec<Value> = answer
        .value
        .items
        .iter()
        .map(|i| serde_json::from_str(i.text.as_ref().unwrap()).unwrap())
        .collect();
    let expected = [
        json!("1"),
        json!(true),
        json!("new"),
        json!(true),
        Value::Null,
        json!(true),
        json!(["a", "c"]),
        json!(["c"]),
        json!(true),
        json!(true),
        Value::Null,
    ];
    for (told, expected) in told.iter().zip(expected) {
        assert_eq!(told["ok"], expected, "{told}");
    }
    assert_eq!(
        answer.staged.set,
        [
            ("a".to_owned(), b"new".to_vec(), None),
            ("c".to_owned(), b"3".to_vec(), Some(NOW + 1000))
        ]
    );
    assert_eq!(answer.staged.deleted, ["b"]);
    // The next call sees what is committed, and a failed call leaves nothing behind.
    assert_eq!(
        run_one(&connector, json!({"do": "state-get", "key": "a"})).await["ok"],
        "1"
    );
    let failing = json!([{"do": "state-set", "key": "a", "value": "x"}, {"do": "fail", "class": "transient", "message": "later"}]);
    assert!(
        matches!(error_of(&connector, &failing).await, PluginError::Failed(f) if f.class == FailureClass::Transient)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_has_quotas() {
    let lab = Lab::new(None);
    let connector = connector(&lab, reaching(&[])).await;
    let answers = run(
        &connector,
        &json!([
            {"do": "state-set", "key": "k", "bytes": 65536},
            {"do": "state-set", "key": "k", "bytes": 65537},
            {"do": "state-set", "key": "", "value": "x"},
            {"do": "state-set", "key": "x".repeat(129), "value": "x"},
            {"do": "state-set", "key": "a\nb", "value": "x"},
            {"do": "state-fill", "count": 1200, "bytes": 1},
        ]),
    )
    .await;
    assert_eq!(answers[0]["ok"], true);
    assert!(refused(&answers[1], "Quota"), "{}", answers[1]);
    for answer in &answers[2..5] {
        assert!(refused(answer, "InvalidKey"), "{answer}");
    }
    assert_eq!(answers[5]["done"], 999, "with the one above");
    let bytes = run_one(
        &connector,
        json!({"do": "state-fill", "count": 100, "bytes": 60000}),
    )
    .await;
    assert_eq!(bytes["done"], 69, "4 MiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_a_handle_and_nothing_else() {
    let lab = Lab::new(None);
    let connector = connector(&lab, reaching(&[])).await;
    let answers = run(
        &connector,
        &json!([
            {"do": "secret", "name": "token"},
            {"do": "secret", "name": "token"},
            {"do": "secret", "name": "unset"},
            {"do": "secret", "name": "other"},
            {"do": "log", "text": format!("guessed {TOKEN} \u{1b}[31m"), "field": TOKEN},
            {"do": "secrets", "name": "token", "count": 500},
        ]),
    )
    .await;
    assert_eq!(answers[0], json!({"ok": "token@3"}));
    assert_eq!(answers[0], answers[1]);
    assert!(
        refused(&answers[2], "NotSet") && refused(&answers[3], "Denied"),
        "{answers:?}"
    );
    assert_eq!(answers[5], 500);
    {
        let logs = lab.logs.lock().unwrap();
        assert_eq!(logs.len(), 1);
        assert_eq!(
            (logs[0].message.as_str(), logs[0].operation),
            ("guessed ***  [31m", "pull")
        );
        assert_eq!(logs[0].fields, [("field".to_owned(), "***".to_owned())]);
    }
    let failing =
        json!([{"do": "fail", "class": "config", "message": format!("the server said {TOKEN}\n")}]);
    assert!(
        matches!(error_of(&connector, &failing).await, PluginError::Failed(f) if f.message == "the server said *** ")
    );
    // More handles than a guest may hold end the call, not the host.
    let hoard = json!([{"do": "secrets", "name": "token", "count": 5000}]);
    assert!(matches!(
        error_of(&connector, &hoard).await,
        PluginError::TooManyHandles { .. }
    ));
    assert_eq!(
        run_one(&connector, json!({"do": "secret", "name": "token"})).await["ok"],
        "token@3"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_grant_is_named_when_the_plugin_gives_up_on_it() {
    let lab = Lab::new(None);
    let connector = connector(&lab, Installation::default()).await;
    let script = json!([
        {"do": "secret", "name": "token"},
        {"do": "fail", "class": "config", "message": "no token"},
    ]);
    let error = error_of(&connector, &script).await;
    assert!(
        matches!(&error, PluginError::Denied { capability: "secrets", detail } if detail.contains("token")),
        "{error}"
    );
    let calls = lab.calls.lock().unwrap().clone();
    let last = calls.last().unwrap();
    assert_eq!(
        (last.operation, last.outcome, last.used.denied),
        ("pull", "plugin_denied", 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn macs_follow_the_rfc_and_need_a_secret() {
    let lab = Lab::new(None);
    let jefe = BTreeMap::from([(
        "token".to_owned(),
        SecretValue::new(b"Jefe".to_vec(), 1, vec![]),
    )]);
    let connector = connector(
        &lab,
        Installation {
            secrets: jefe,
            ..reaching(&[])
        },
    )
    .await;
    let text = "what do ya want for nothing?";
    // RFC 2202 and RFC 4231, test case 2.
    let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
    let sha512 = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
    let secret = json!({"secret": "token"});
    let answers = run(
        &connector,
        &json!([
            {"do": "mac", "key": [secret], "hash": "sha256", "message": [text]},
            {"do": "mac", "key": [secret], "hash": "sha1", "message": ["what do ya ", "want for nothing?"]},
            {"do": "mac", "key": [secret], "hash": "sha512", "message": [text]},
            {"do": "mac", "key": ["Je", "fe"], "hash": "sha256", "message": [text]},
            {"do": "mac", "key": [], "hash": "sha256", "message": [secret]},
            {"do": "verify-mac", "key": [secret], "hash": "sha256", "message": [text], "mac": sha256},
            {"do": "verify-mac", "key": [secret], "hash": "sha256", "message": [text], "mac": sha1},
            // DingTalk and Feishu sign texts that hold the secret.
            {"do": "mac", "key": ["1700000000\n", secret], "hash": "sha256", "message": []},
            {"do": "mac", "key": [secret], "hash": "sha256", "message": ["1700000000\n", secret]},
        ]),
    )
    .await;
    assert_eq!(
        (&answers[0]["ok"], &answers[1]["ok"], &answers[2]["ok"]),
        (&json!(sha256), &json!(sha1), &json!(sha512))
    );
    assert!(
        refused(&answers[3], "BadKey") && refused(&answers[4], "BadKey"),
        "{answers:?}"
    );
    assert_eq!(
        (&answers[5]["ok"], &answers[6]["ok"]),
        (&json!(true), &json!(false))
    );
    assert!(answers[7]["ok"].is_string() && answers[8]["ok"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_are_made_and_checked_with_each_kind_of_key() {
    let read = |name: &str| std::fs::read(fixtures().join("keys").join(name)).unwrap();
    let lab = Lab::new(None);
    for kind in ["rsa", "ecdsa", "ed25519"] {
        let secrets = BTreeMap::from([
            (
                "token".to_owned(),
                SecretValue::new(read(&format!("{kind}.pem")), 1, vec![]),
            ),
            (
                "unset".to_owned(),
                SecretValue::new(b"no key".to_vec(), 1, vec![]),
            ),
        ]);
        let connector = connector(
            &lab,
            Installation {
                secrets,
                ..reaching(&[])
            },
        )
        .await;
        let public = String::from_utf8(read(&format!("{kind}.pub.pem"))).unwrap();
        let other = if kind == "rsa" { "ecdsa" } else { "rsa" };
        let signed = run_one(
            &connector,
            json!({"do": "sign", "name": "token", "kind": kind, "message": "text"}),
        )
        .await;
        let value = signed["ok"]
            .as_str()
            .unwrap_or_else(|| panic!("{kind}: {signed}"))
            .to_owned();
        let answers = run(
            &connector,
            &json!([
                {"do": "verify", "key": public, "kind": kind, "message": "text", "value": value},
                {"do": "verify", "key": public, "kind": kind, "message": "texts", "value": value},
                {"do": "verify", "key": public, "kind": other, "message": "text", "value": value},
                {"do": "verify", "key": "no key", "kind": kind, "message": "text", "value": value},
                {"do": "sign", "name": "unset", "kind": kind, "message": "text"},
                {"do": "sign", "name": "token", "kind": other, "message": "text"},
            ]),
        )
        .await;
        assert_eq!(
            (&answers[0]["ok"], &answers[1]["ok"]),
            (&json!(true), &json!(false)),
            "{kind}"
        );
        for answer in &answers[2..] {
            assert!(refused(answer, "BadKey"), "{kind}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_checked_and_bad_records_are_set_aside() {
    let lab = Lab::new(None);
    let connector = connector(&lab, reaching(&[])).await;
    let long = "x".repeat(513);
    let page = json!([{"do": "page", "ids": ["a", "b", "a", "", long, "c\u{7}"], "nan": true, "large": 1_100_000,
        "rejected": "not json", "acks": ["t"], "idle": 999_999_999_999u64}]);
    let page = connector.pull(asking(&page)).await.unwrap().value;
    let ids: Vec<&str> = page.items.iter().map(|i| i.external_id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    let codes: Vec<&str> = page
        .rejected
        .iter()
        .map(|r| r.failure.code.as_str())
        .collect();
    assert_eq!(
        codes,
        [
            "probe.rejected",
            "host.duplicate_id",
            "host.invalid_id",
            "host.invalid_id",
            "host.invalid_id",
            "host.item_too_large",
            "host.not_a_number"
        ]
    );
    for rejected in &page.rejected {
        assert!(
            serde_json::from_str::<Value>(&rejected.raw).is_ok(),
            "{}",
            rejected.raw
        );
        assert!(rejected.raw.len() <= 256 << 10);
        assert!(!rejected.failure.message.contains('\u{1b}'));
    }
    assert_eq!(page.rejected[0].raw, "\"not json\"");
    assert_eq!(page.next, Next::Idle(Some(86_400_000)));
    assert_eq!(page.ack_tokens, ["t"]);

    for (command, part) in [
        (json!({"do": "page", "count": 1001}), "1001 items"),
        (json!({"do": "page", "cursor": 65537}), "65537"),
        (json!({"do": "page", "acks": ["x".repeat(5000)]}), "tokens"),
    ] {
        let error = error_of(&connector, &json!([command])).await;
        assert!(
            matches!(&error, PluginError::InvalidAnswer { detail } if detail.contains(part)),
            "{error}"
        );
    }
    let full = connector
        .pull(asking(
            &json!([{"do": "page", "count": 1000, "cursor": 65536, "more": true}]),
        ))
        .await
        .unwrap();
    assert_eq!(
        (full.value.items.len(), full.value.next),
        (1000, Next::More)
    );
    for max_items in [0, 1001] {
        let request = plugin_host::PullRequest {
            max_items,
            ..asking(&json!([]))
        };
        assert!(matches!(
            connector.pull(request).await,
            Err(PluginError::Refused { .. })
        ));
    }
    let moved = connector
        .migrate_cursor(
            "tickets",
            Cursor {
                format: 1,
                value: "v".to_owned(),
            },
        )
        .await
        .unwrap();
    assert_eq!(
        moved,
        Cursor {
            format: 2,
            value: "v".to_owned()
        }
    );
    // A pure function reaches nothing.
    let script = json!([{"do": "state-get", "key": "a"}]).to_string();
    let moved = connector
        .migrate_cursor(
            &script,
            Cursor {
                format: 1,
                value: String::new(),
            },
        )
        .await
        .unwrap();
    assert!(
        moved.value.contains("not during migrate-cursor"),
        "{}",
        moved.value
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_has_secrets_only_and_replies_are_checked() {
    let lab = Lab::new(None);
    let compiled = lab.compile("webhook", ASKS, "{}").await;
    let connector = lab
        .host
        .connector(&compiled, reaching(&["https://127.0.0.1:1"]))
        .unwrap();
    let mac = run_mac();
    let good =
        json!([{"do": "verify-mac", "key": [{"secret": "token"}], "message": ["m"], "mac": mac}]);
    assert!(connector.verify(hook(&good)).await.unwrap());
    for denied in [
        json!([{"do": "state-set", "key": "a", "value": "b"}]),
        json!([{"do": "state-get", "key": "a"}]),
        json!([{"do": "http", "url": "https://127.0.0.1:1/"}]),
    ] {
        assert!(!connector.verify(hook(&denied)).await.unwrap(), "{denied}");
    }
    let answered = connector
        .handle(hook(
            &json!([{"do": "state-set", "key": "seen", "value": "1"}]),
        ))
        .await
        .unwrap();
    assert_eq!(answered.staged.set.len(), 1);
    let respond = |status: u16, kind: &str, bytes: u32| json!([{"do": "respond", "status": status, "type": kind, "bytes": bytes}]);
    for (status, kind) in [
        (200, "text/plain"),
        (299, "application/json"),
        (400, "text/plain; charset=utf-8"),
        (429, "text/plain"),
    ] {
        let outcome = connector
            .handle(hook(&respond(status, kind, 65536)))
            .await
            .unwrap()
            .value;
        assert!(
            matches!(outcome, Outcome::Respond(r) if r.status == status && r.body.len() == 65536)
        );
    }
    for (status, kind, bytes) in [
        (199, "text/plain", 1),
        (302, "text/plain", 1),
        (430, "text/plain", 1),
        (500, "text/plain", 1),
        (200, "text/html", 1),
        (200, "text/plain; charset=utf-16", 1),
        (200, "text/plain\r\nset-cookie: a=b", 1),
        (200, "", 1),
        (200, "text/plain", 65537),
    ] {
        let error = connector
            .handle(hook(&respond(status, kind, bytes)))
            .await
            .map(drop)
            .unwrap_err();
        assert!(
            matches!(error, PluginError::InvalidAnswer { .. }),
            "{status} {kind}: {error}"
        );
    }
    let outcome = connector
        .handle(hook(&json!([{"do": "reject", "why": "not\u{1b} ours"}])))
        .await
        .unwrap()
        .value;
    assert_eq!(outcome, Outcome::Reject("not  ours".to_owned()));
}

fn run_mac() -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, TOKEN.as_bytes());
    ring::hmac::sign(&key, b"m")
        .as_ref()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notifier_posts_and_what_it_used_is_told() {
    let lab = Lab::new(None);
    let compiled = lab.compile("notifier", ASKS, "{}").await;
    let notifier = lab.host.notifier(&compiled, reaching(&[])).unwrap();
    let script = json!([
        {"do": "random", "bytes": 4},
        {"do": "now"},
        {"do": "metric", "name": "tickets", "value": 3},
        {"do": "metric", "name": "unheard_of", "value": 4},
        {"do": "log", "text": "posting"},
    ]);
    let done = notifier
        .notify(Message {
            text: script.to_string(),
            ..Message::default()
        })
        .await
        .unwrap();
    let told = String::from_utf8(done.staged.set[0].1.clone()).unwrap();
    assert_eq!(
        told,
        format!("\"07070707\"\n{NOW}\nnull\nnull\nnull"),
        "frozen randomness and clock"
    );
    assert_eq!(done.used.log_lines, 1);
    assert!(done.used.memory_bytes >= 65536);
    let metrics = lab.metrics.lock().unwrap().clone();
    let told: Vec<(&str, MetricValue)> =
        metrics.iter().map(|m| (m.name.as_str(), m.value)).collect();
    // What is not declared is counted and not shown.
    assert_eq!(
        told,
        [
            ("tickets", MetricValue::Add(3)),
            ("undeclared", MetricValue::Add(1))
        ]
    );
    let script = json!([{"do": "panic", "message": "as asked"}]);
    let error = notifier
        .notify(Message {
            text: script.to_string(),
            ..Message::default()
        })
        .await
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(&error, PluginError::Trapped { message } if message.contains("as asked")),
        "{error}"
    );
    let outcomes: Vec<(&str, &str)> = lab
        .calls
        .lock()
        .unwrap()
        .iter()
        .map(|c| (c.operation, c.outcome))
        .collect();
    assert_eq!(outcomes, [("notify", "ok"), ("notify", "plugin_trapped")]);
}

/// What is left out of the log is counted, and one line says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_beyond_the_quota_are_counted() {
    let lab = Lab::new(None);
    let compiled = lab.compile("notifier", ASKS, "{}").await;
    let notifier = lab.host.notifier(&compiled, reaching(&[])).unwrap();
    let said = async |lines: usize, text: &str| {
        lab.logs.lock().unwrap().clear();
        let script: Vec<Value> = vec![json!({"do": "log", "text": text}); lines];
        let message = Message {
            text: Value::Array(script).to_string(),
            ..Message::default()
        };
        let used = notifier.notify(message).await.unwrap().used;
        let logs = lab.logs.lock().unwrap().clone();
        let told = lab.calls.lock().unwrap().last().cloned().unwrap().used;
        assert_eq!(told, used, "whoever watches is told the same");
        (used, logs)
    };
    let (used, logs) = said(200, "short").await;
    assert_eq!((used.log_dropped, logs.len()), (0, 200));
    let (used, logs) = said(230, "short").await;
    assert_eq!(
        (used.log_lines, used.log_dropped, logs.len()),
        (200, 30, 201)
    );
    let last = logs.last().unwrap();
    assert!(
        last.message.starts_with("30 more lines were dropped"),
        "{last:?}"
    );
    let (used, logs) = said(40, &"x".repeat(4000)).await;
    assert_eq!(used.log_lines + used.log_dropped, 40);
    assert!(used.log_dropped >= 20, "{used:?}");
    assert_eq!(logs.len() as u32, used.log_lines + 1);
}
