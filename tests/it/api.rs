//! The manner of the interface: versions, keys of idempotence, pages, plugins that are none, readiness.

use crate::world::{PRODUCT, TOPIC, contact, furnish, issues, send, text, watch};
use serde_json::{Value, json};
use tests::http::Part;
use tests::{Engine, Server, on_both_engines, time};

on_both_engines! {
    /// Two people change one thing: the second learns of the first.
    fn a_stale_write_is_refused(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        for path in [format!("topics/{TOPIC}"), format!("departments/{PRODUCT}"), "organisation".to_owned()] {
            let path = format!("/api/v1/{path}");
            let reply = admin.get(&path);
            let tag = reply.header("etag").unwrap_or_else(|| panic!("no ETag: {path}")).to_owned();
            let mut body = reply.ok();
            body["name"] = json!("改过的名字");
            let first = admin.with("if-match", &tag).put(&path, &body);
            assert_ne!(first.ok()["version"], reply.json()["version"], "{path}");
            assert_ne!(first.header("etag"), Some(tag.as_str()), "{path}");
            body["name"] = json!("另一个名字");
            admin.with("if-match", &tag).put(&path, &body).problem(412, "stale_version");
            assert_eq!(admin.get(&path).ok()["name"], "改过的名字", "{path}");
        }
        let problem = admin.put("/api/v1/topics/x", &json!({"key": "x", "colour": "red"})).problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], "colour", "{problem}");
        admin.put("/api/v1/topics/x", &json!({"key": "y"})).problem(422, "invalid_field");
        admin.put("/api/v1/topics/x", &json!({"key": "x", "parent": "nowhere"})).problem(422, "invalid_field");
        admin.put("/api/v1/topics/x", &json!({"key": "x", "owner_department": "nowhere"})).problem(422, "invalid_field");
        admin.put("/api/v1/detectors/x", &json!({"kind": "threshold", "params": {"limit": -1}})).problem(422, "invalid_field");
        admin.delete(&format!("/api/v1/departments/{PRODUCT}")).problem(409, "conflict");
    }

    /// A POST that is sent again with its key is answered again, not done again.
    fn a_key_makes_a_post_happen_once(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        watch(&admin);
        let voices: Vec<Value> = (0..51).map(|n| contact(&format!("t{n}"), &time::just_now(60 - n), n as usize)).collect();
        send(&admin, &voices);
        let path = format!("/api/v1/issues/{}/tasks", text(&issues(&admin)[0], "id"));
        let due = (time::now() + chrono::TimeDelta::days(3)).to_rfc3339();
        let body = json!({"title": "说明资费", "description": "说明", "department": PRODUCT, "due_at": due});
        let keyed = admin.with("idempotency-key", "0190-once");
        let first = keyed.post(&path, &body).ok();
        let again = keyed.post(&path, &body).ok();
        assert_eq!(first["id"], again["id"]);
        assert_eq!(admin.get("/api/v1/tasks").items().len(), 1);
        let mut other = body.clone();
        other["title"] = json!("另一项任务");
        keyed.post(&path, &other).problem(422, "idempotency_key_reused");
        assert_eq!(admin.get("/api/v1/tasks").items().len(), 1);
        // Missing or foreign things are named.
        for (field, value) in [("title", json!("")), ("department", json!("nowhere")), ("owner_email", json!("x@nowhere.example"))] {
            let mut bad = body.clone();
            bad[field] = value;
            let problem = admin.post(&path, &bad).problem(422, "invalid_field");
            assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        }
    }

    /// Pages follow each other without holes and without repeats.
    fn pages_follow_each_other(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let voices: Vec<Value> = (0..25).map(|n| contact(&format!("t{n}"), &time::on(time::ago(4), n * 60), n as usize)).collect();
        send(&admin, &voices);
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = admin.get(&format!("/api/v1/feedback?limit=10{cursor}")).ok();
            let items = page["items"].as_array().expect("items");
            assert!(items.len() <= 10);
            seen.extend(items.iter().map(|v| text(v, "external_id").to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((all, seen.len()), (25, 25));
        assert_eq!(admin.get("/api/v1/feedback?q=合约期").items().len(), 3);
        assert_eq!(admin.get(&format!("/api/v1/feedback?topic={TOPIC}&channel=chat")).items().len(), 0);
        for bad in ["limit=0", "limit=501", "colour=red", "from=yesterday"] {
            admin.get(&format!("/api/v1/feedback?{bad}")).problem(400, "invalid_query");
        }
        admin.get("/api/v1/feedback/nothing").problem(404, "not_found");
    }

    /// Topics of an industry come with one click and never overwrite one's own.
    fn starter_sets_add_and_never_overwrite(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let sets = admin.get("/api/v1/topic-sets").ok();
        let keys: Vec<&str> = sets["items"].as_array().expect("sets").iter().map(|s| text(s, "key")).collect();
        assert_eq!(keys.len(), 5, "{keys:?}");
        assert!(keys.contains(&"telecom"));
        let mine = admin.get(&format!("/api/v1/topics/{TOPIC}")).ok();
        let added = admin.post("/api/v1/topic-sets/telecom/apply", &json!({})).ok()["added"].as_u64().expect("a number");
        assert!(added > 8, "{added}");
        assert_eq!(admin.get(&format!("/api/v1/topics/{TOPIC}")).ok(), mine);
        assert_eq!(admin.post("/api/v1/topic-sets/telecom/apply", &json!({})).ok()["added"], 0);
        admin.post("/api/v1/topic-sets/nothing/apply", &json!({})).problem(404, "not_found");
    }
}

/// What is no component of ours is refused with a clear problem; ours are listed and cannot do harm twice.
#[test]
fn a_plugin_that_is_none_is_refused() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    let upload = |content: &[u8]| {
        admin.post_parts(
            "/api/v1/plugins",
            &[Part {
                name: "component",
                file_name: Some("x.wasm"),
                content,
            }],
        )
    };
    for content in [
        &b"hello"[..],
        b"",
        b"\0asm\x01\0\0\0",
        b"\0asm\x0d\0\x01\0",
        &[0xff; 4096],
    ] {
        let reply = upload(content);
        assert_eq!(reply.status, 422, "{}", reply.text());
        let problem = reply.json();
        assert!(
            [
                "not_a_component",
                "forbidden_import",
                "incompatible_plugin",
                "invalid_field"
            ]
            .contains(&text(&problem, "code")),
            "{problem}"
        );
        assert!(!text(&problem, "detail").is_empty());
    }
    let all = admin.get("/api/v1/plugins").items();
    let active: Vec<&str> = all
        .iter()
        .filter(|p| p["state"] == "active")
        .map(|p| text(p, "name"))
        .collect();
    assert!(
        active.contains(&"keyword-classifier") && active.contains(&"markdown-kb"),
        "{active:?}"
    );
    for plugin in &all {
        assert!(text(plugin, "digest").len() >= 32, "{plugin}");
        assert!(
            plugin["manifest"].is_object() && plugin["grant"].is_object(),
            "{plugin}"
        );
    }
    assert_eq!(admin.get("/readyz").status, 200);
}

/// Whether it lives, whether it is ready, what it counts.
#[test]
fn it_says_how_it_is() {
    let server = Server::start(Engine::Sqlite);
    let anonymous = server.anonymous();
    assert_eq!(anonymous.get("/healthz").status, 200);
    assert_eq!(
        anonymous.get("/readyz").ok(),
        json!({"database": true, "classifier": true})
    );
    assert!(anonymous.get("/metrics").text().contains("# TYPE bihuan_"));
    let document = anonymous.get("/api/v1/openapi.json").ok();
    assert!(text(&document, "openapi").starts_with("3."));
    server.command(&["doctor"]).ok();
    let said = server.command(&["--version"]).ok();
    assert!(said.contains(env!("CARGO_PKG_VERSION")), "{said}");
}
