//! Plugins through hard times: they crash, wait for a person, are told what was kept, go back to a former version,
//! publish into somebody else's repository, post into a chat; and nothing is lost meanwhile.

use crate::evidence::an_article;
use crate::plugins::{
    Source, grant, installation, list_settings, nothing_twice, plugin, pulled, record, voices,
};
use crate::world::{PRODUCT, contact, furnish, send, text, watch};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::http::Part;
use tests::wait::stays;
use tests::{Caller, Command, Database, Engine, Server, on_both_engines, until, until_within};

// ---------------------------------------------------------------- somebody else's service

/// A request as the other side sees it.
#[derive(Clone, Debug)]
struct Asked {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Asked {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// A service on this machine that answers as a test says.
struct Service {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
}

impl Service {
    fn start(react: impl Fn(&Asked) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (asked, stop) = (
            Arc::<Mutex<Vec<Asked>>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let (log, ends, react) = (asked.clone(), stop.clone(), Arc::new(react));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let (log, react) = (log.clone(), react.clone());
                std::thread::spawn(move || serve(stream, &log, &*react));
            }
        });
        Self {
            address,
            asked,
            stop,
        }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("requests").clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, log: &Mutex<Vec<Asked>>, react: &dyn Fn(&Asked) -> (u16, Value)) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    if reader.read_line(&mut first).is_err() || first.is_empty() {
        return;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers
        .get("content-length")
        .and_then(|l| l.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    let mut words = first.split_whitespace().map(str::to_owned);
    let asked = Asked {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers,
        body,
    };
    log.lock().expect("requests").push(asked.clone());
    let (status, content) = react(&asked);
    let content = content.to_string();
    let _ = write!(
        reader.get_mut(),
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{content}",
        content.len()
    );
}

// ---------------------------------------------------------------- components

const MANIFEST: &str = "bihuan:manifest";

fn leb(bytes: &[u8], at: &mut usize) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return value;
        }
    }
}

fn put_leb(mut value: usize, out: &mut Vec<u8>) {
    loop {
        let byte = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        out.push(if value == 0 { byte } else { byte | 0x80 });
        if value == 0 {
            return;
        }
    }
}

/// A component with another manifest: what was in it (null: none) goes through `change`.
fn with_manifest(component: &[u8], change: impl FnOnce(Value) -> Value) -> Vec<u8> {
    let mut out = component[..8].to_vec();
    let mut manifest = Value::Null;
    let mut at = 8;
    while at < component.len() {
        let start = at;
        let id = component[at];
        at += 1;
        let length = leb(component, &mut at);
        let (content, end) = (at, at + length);
        at = end;
        if id == 0 {
            let mut inside = content;
            let named = leb(component, &mut inside);
            if &component[inside..inside + named] == MANIFEST.as_bytes() {
                manifest = serde_json::from_slice(&component[inside + named..end]).expect("JSON");
                continue;
            }
        }
        out.extend_from_slice(&component[start..end]);
    }
    let json = serde_json::to_vec(&change(manifest)).expect("JSON");
    let mut section = Vec::new();
    put_leb(MANIFEST.len(), &mut section);
    section.extend_from_slice(MANIFEST.as_bytes());
    section.extend_from_slice(&json);
    out.push(0);
    put_leb(section.len(), &mut out);
    out.extend_from_slice(&section);
    out
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A plugin of this binary.
fn first_party(name: &str) -> Vec<u8> {
    let path = repository().join(format!("target/plugins/{name}.wasm"));
    std::fs::read(&path).expect("cargo xtask plugins")
}

/// A guest of the host's tests.
fn guest(name: &str) -> Vec<u8> {
    let path = repository().join(format!("server/plugin-host/tests/fixtures/{name}.wasm"));
    std::fs::read(&path).expect("a fixture")
}

/// The manifest of a guest.
fn asks(name: &str, version: &str, role: &str) -> Value {
    let title = json!({"zh": "测试插件", "en": "Plugin of a test"});
    json!({"name": name, "version": version, "role": role, "title": title,
           "asks": {"hosts": [{"origin": "*", "methods": ["GET", "POST"], "purpose": title}]}})
}

fn sent(admin: &Caller, file: &[u8], more: &[(&str, &str)]) -> tests::http::Reply {
    let mut parts = vec![Part {
        name: "component",
        file_name: Some("a file"),
        content: file,
    }];
    parts.extend(more.iter().map(|(name, value)| Part {
        name,
        file_name: None,
        content: value.as_bytes(),
    }));
    admin.post_parts("/api/v1/plugins", &parts)
}

fn upload(admin: &Caller, component: &[u8]) -> Value {
    let reply = sent(admin, component, &[("unsigned", "true")]);
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()
}

fn told(admin: &Caller, key: &str, kind: &str) -> usize {
    let all = admin
        .get(&format!("/api/v1/installations/{key}/history?limit=500"))
        .items();
    all.iter().filter(|e| e["kind"] == kind).count()
}

/// Letters to one address, oldest first.
fn letters(admin: &Caller, to: &str) -> Vec<Value> {
    let mut all = admin.get("/api/v1/mailbox?limit=500").items();
    all.retain(|m| m["to"] == to);
    all.reverse();
    all
}

const ADMINISTRATOR: &str = "root@telecom.example";

fn an_administrator(admin: &Caller, language: &str) {
    let body = json!({"email": ADMINISTRATOR, "name": "管理员", "role": "admin", "language": language,
                      "password": "correct horse battery staple"});
    let reply = admin.post("/api/v1/users", &body);
    assert_eq!(reply.status, 201, "{}", reply.text());
}

// ---------------------------------------------------------------- acknowledgements

on_both_engines! {
    /// A source hears of what was kept once it is kept and not before, however often it fails to listen and
    /// however often the server is killed.
    fn a_source_is_told_after_the_commit(engine) {
        const PAGES: usize = 30;
        let deaf = Arc::new(AtomicBool::new(true));
        let hears = deaf.clone();
        let source = Service::start(move |_| if hears.load(Ordering::Relaxed) { (503, json!({})) } else { (200, json!({})) });
        let mut server = Server::start(engine);
        let admin = server.admin();
        upload(&admin, &with_manifest(&guest("steered"), |_| {
            let mut manifest = asks("steered", "1.0.0", "connector");
            manifest["config-schema"] = json!({"type": "object"});
            manifest["asks"]["imap"] = json!({"purpose": manifest["title"]});
            manifest
        }));
        let id = text(&plugin(&admin, "steered"), "id").to_owned();
        admin.put(&format!("/api/v1/plugins/{id}/grant"), &json!({"hosts": [{"origin": source.origin(), "networks": ["127.0.0.0/8"]}]})).ok();
        let pages: Vec<Value> = (0..PAGES).map(|n| json!({"ids": [format!("i{n}")], "acks": [format!("token-{n}")]})).collect();
        let settings = json!({"streams": ["tickets"], "pages": pages,
                              "ack": [{"do": "http", "method": "POST", "url": format!("{}/ack", source.origin())}]});
        let mailbox = json!({"server": "127.0.0.1", "user": "nobody", "tls": "none", "networks": ["127.0.0.0/8"]});
        let body = json!({"plugin": "steered", "channel": "orders", "settings": settings, "mailbox": mailbox, "schedule": {"every_seconds": 5}});
        admin.put("/api/v1/installations/acked", &body).ok();
        // A guest that imports the mailbox has one to ask for; nobody opens it here.
        let reply = admin.put(&format!("/api/v1/plugins/{id}/grant"), &json!({"imap": true, "hosts": [{"origin": source.origin(), "networks": ["127.0.0.0/8"]}]}));
        reply.ok();
        assert_eq!(admin.put("/api/v1/installations/acked/secrets/imap_password", &json!({"value": "x"})).status, 204);
        let database = server.database();
        until_within(Duration::from_secs(60), "all pages are kept", || (voices(&database) == PAGES as i64).then_some(()));
        until("the source was told and did not listen", || (!source.asked().is_empty()).then_some(()));
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM plugin_ack"), PAGES as i64, "what was not heard is still owed");
        server.kill9();
        deaf.store(false, Ordering::Relaxed);
        let before = source.asked().len();
        server.restart();
        assert_eq!(server.admin().post("/api/v1/installations/acked/pull", &json!({})).status, 202);
        until_within(Duration::from_secs(60), "nothing is owed", || (database.count("SELECT COUNT(*) AS n FROM plugin_ack") == 0).then_some(()));
        let heard: Vec<String> = source.asked()[before..]
            .iter()
            .filter(|a| a.method == "POST" && a.path == "/ack")
            .flat_map(|a| String::from_utf8_lossy(&a.body).split(',').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        for n in 0..PAGES {
            assert!(heard.contains(&format!("token-{n}")), "{n}: {heard:?}");
        }
        // What the plugin staged while it told its source is kept with that.
        let kept = database.count("SELECT COUNT(*) AS n FROM plugin_state WHERE installation = 'acked' AND key = 'acked'");
        assert_eq!(kept, 1);
        assert_eq!(voices(&database), PAGES as i64);
        nothing_twice(&database);
    }
}

// ---------------------------------------------------------------- crashes

const TOKEN: &str = "token-of-the-sender-0123456789";

/// Every rest of a breaker is over, and everything is due.
fn rests_are_over(database: &Database) {
    let healths = database
        .texts("SELECT data AS t FROM installation_health")
        .into_iter()
        .zip(database.texts("SELECT key AS t FROM installation_health"));
    for (before, key) in healths {
        let mut data: Value = serde_json::from_str(&before).expect("JSON");
        for breaker in data["breakers"].as_object_mut().into_iter().flatten() {
            let state = &mut breaker.1["state"];
            if state["until_ms"].is_number() {
                state["until_ms"] = json!(1);
            }
        }
        let quoted = |text: &str| text.replace('\'', "''");
        // What the server has written meanwhile stays.
        database.run(&format!(
            "UPDATE installation_health SET data = '{}' WHERE key = '{key}' AND data = '{}'",
            quoted(&data.to_string()),
            quoted(&before)
        ));
    }
    database.run("UPDATE plugin_work SET next_at = 1 WHERE next_at IS NOT NULL");
}

fn crashing(admin: &Caller) {
    upload(
        admin,
        &with_manifest(&guest("1.0.0/webhook"), |_| {
            let mut manifest = asks("crasher", "1.0.0", "connector");
            let title = manifest["title"].clone();
            manifest["asks"]["secrets"] = json!([{"name": "shared", "title": title}]);
            manifest["webhook"] = json!({"verify": [{"scheme": "shared-token", "header": "x-token", "secret": "shared"}]});
            manifest
        }),
    );
    let id = text(&plugin(admin, "crasher"), "id").to_owned();
    admin
        .put(
            &format!("/api/v1/plugins/{id}/grant"),
            &json!({"secrets": ["shared"]}),
        )
        .ok();
    let body =
        json!({"plugin": "crasher", "title": "会崩溃的插件", "channel": "orders", "settings": {}});
    admin.put("/api/v1/installations/crasher", &body).ok();
    let path = "/api/v1/installations/crasher/secrets/shared";
    assert_eq!(admin.put(path, &json!({"value": TOKEN})).status, 204);
}

on_both_engines! {
    /// A plugin that goes on crashing rests longer and longer, is quarantined, and is released by a person; what
    /// was sent meanwhile is kept, what crashed it is set aside, and administrators hear of it once.
    fn a_crashing_plugin_is_quarantined_and_released(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        an_administrator(&admin, "zh-CN");
        crashing(&admin);
        let database = server.database();
        let hook = |script: &Value| {
            let reply = server.anonymous().with("x-token", TOKEN).post("/hooks/crasher", script);
            assert_eq!(reply.status, 200, "{}", reply.text());
        };
        // Nobody reads personal data in them, nor what would turn a line round.
        let crash = json!([{"do": "panic", "message": "the guest's own words \u{202e}号码13800138000"}]);
        for _ in 0..12 {
            hook(&crash);
        }
        let state = || text(&installation(&admin, "crasher"), "state").to_owned();
        until("it fails", || (state() == "failing").then_some(()));
        let failed = installation(&admin, "crasher");
        let message = text(&failed["last_error"], "message");
        assert!(message.contains("the guest's own words") && !message.contains("138001") && !message.contains('\u{202e}'), "{failed}");
        let lines = until("it has said so", || {
            let all = admin.get("/api/v1/installations/crasher/logs?limit=500").items();
            (!all.is_empty()).then_some(all)
        });
        for line in &lines {
            let words = text(line, "message");
            assert!(words.contains("the guest's own words") && !words.contains("138001") && !words.ends_with("panic=true"), "{line}");
        }
        let mut rounds = 0;
        until_within(Duration::from_secs(120), "it is quarantined", || {
            rounds += 1;
            rests_are_over(&database);
            (state() == "quarantined").then_some(())
        });
        assert!(told(&admin, "crasher", "installation.resting") >= 1);
        assert_eq!(told(&admin, "crasher", "installation.quarantined"), 1);
        let aside = admin.get("/api/v1/installations/crasher/rejected?limit=500").items();
        assert!(!aside.is_empty(), "what crashed it three times is set aside");
        // One letter an event, however often it rested.
        let mails = until("letters", || {
            Some(letters(&admin, ADMINISTRATOR)).filter(|m| m.iter().any(|m| text(m, "subject").ends_with("已隔离")))
        });
        let subjects: Vec<&str> = mails.iter().map(|m| text(m, "subject")).collect();
        assert_eq!(subjects, ["[闭环] 插件需要处理：会崩溃的插件 多次出错，正在休息", "[闭环] 插件需要处理：会崩溃的插件 已隔离"]);
        assert!(text(&mails[1], "text").contains("the guest's own words"), "{}", mails[1]);
        // It is not called any more, and what is sent is kept.
        let handled = || {
            let all = admin.get("/api/v1/installations/crasher/calls?limit=500").items();
            all.iter().filter(|c| c["operation"] == "handle").count()
        };
        // Figures are written down once a second.
        tests::wait::pass(Duration::from_millis(2500));
        let calls = handled();
        let good = json!([{"do": "now"}]);
        hook(&good);
        rests_are_over(&database);
        stays(Duration::from_secs(2), "it is left alone", || {
            state() == "quarantined" && handled() == calls
        });
        let metrics = admin.get("/metrics").text();
        assert!(metrics.contains("bihuan_plugin_installations{plugin=\"crasher\",state=\"quarantined\"} 1"), "{metrics}");
        assert!(metrics.contains("bihuan_plugin_breakers{plugin=\"crasher\",operation=\"hooks\",state=\"quarantined\"} 1"), "{metrics}");
        assert!(metrics.contains(&format!("bihuan_plugin_dead_letters{{plugin=\"crasher\"}} {}", aside.len())), "{metrics}");
        // A new secret mends no crash: only a person's word releases it.
        let path = "/api/v1/installations/crasher/secrets/shared";
        assert_eq!(admin.put(path, &json!({"value": TOKEN})).status, 204);
        assert_eq!(state(), "quarantined");
        // What crashes it is dropped at its source: here by hand.
        database.run("UPDATE webhook_inbox SET state = 'dead' WHERE state = 'waiting' AND id <> (SELECT MAX(w.id) FROM webhook_inbox w)");
        assert_eq!(admin.post("/api/v1/installations/crasher/pull", &json!({})).status, 202);
        until("what was kept is worked off", || (voices(&database) == 1).then_some(()));
        until("it is well again", || (state() == "ok").then_some(()));
        assert_eq!(letters(&admin, ADMINISTRATOR).len(), 2);
    }

    /// A plugin that says that there is more, for ever, and brings nothing is at fault like one that crashes: it rests.
    fn a_plugin_that_stands_still_rests(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        upload(&admin, &with_manifest(&guest("steered"), |_| {
            let mut manifest = asks("steered", "1.0.0", "connector");
            manifest["config-schema"] = json!({"type": "object"});
            manifest["asks"]["imap"] = json!({"purpose": manifest["title"]});
            manifest
        }));
        let id = text(&plugin(&admin, "steered"), "id").to_owned();
        admin.put(&format!("/api/v1/plugins/{id}/grant"), &json!({"imap": true})).ok();
        let mailbox = json!({"server": "127.0.0.1", "user": "nobody", "tls": "none", "networks": ["127.0.0.0/8"]});
        let settings = json!({"streams": ["tickets"], "stays": true});
        let body = json!({"plugin": "steered", "channel": "orders", "settings": settings, "mailbox": mailbox});
        admin.put("/api/v1/installations/circle", &body).ok();
        assert_eq!(admin.put("/api/v1/installations/circle/secrets/imap_password", &json!({"value": "x"})).status, 204);
        let database = server.database();
        let state = || text(&installation(&admin, "circle"), "state").to_owned();
        until_within(Duration::from_secs(60), "it rests", || {
            database.run("UPDATE plugin_work SET next_at = 1 WHERE next_at IS NOT NULL AND kind = 'pull'");
            (state() == "resting").then_some(())
        });
        let one = installation(&admin, "circle");
        assert_eq!(text(&one["last_error"], "code"), "no_progress", "{one}");
        assert_eq!(told(&admin, "circle", "installation.resting"), 1);
    }

    /// A stream that fails for a person's reason stops the others of its installation too, visibly; and a stream
    /// that is silent for long is told from one that has nothing.
    fn silence_is_seen(engine) {
        let source = Source::start(vec![record(1)]);
        let server = Server::start(engine);
        let admin = server.admin();
        pulled(&admin, &source, 100);
        let database = server.database();
        let state = || text(&installation(&admin, "orders"), "state").to_owned();
        until("it has pulled", || (voices(&database) == 1 && state() == "ok").then_some(()));
        source.answer_with(503);
        until("it fails", || (state() == "failing").then_some(()));
        // Two hours pass.
        let works = database.texts("SELECT data AS t FROM plugin_work WHERE kind = 'pull'");
        let mut data: Value = serde_json::from_str(&works[0]).expect("JSON");
        data["last_ok_at"] = json!((tests::time::now() - chrono::TimeDelta::hours(2)).to_rfc3339());
        database.run(&format!("UPDATE plugin_work SET data = '{data}' WHERE kind = 'pull'"));
        until_within(Duration::from_secs(60), "it is stale", || (state() == "stale").then_some(()));
        assert_eq!(told(&admin, "orders", "installation.stale"), 1);
        let metrics = admin.get("/metrics").text();
        let age = metrics.lines().find_map(|l| l.strip_prefix("bihuan_plugin_pull_age_seconds{plugin=\"http-json\"} ")).expect("an age");
        assert!(age.parse::<f64>().expect("seconds") >= 7_200.0, "{age}");
        // Another failure does not make it look better.
        database.run("UPDATE plugin_work SET next_at = 1 WHERE kind = 'pull'");
        let asked = source.asked();
        until("it is tried all the same", || (source.asked() > asked).then_some(()));
        assert_eq!(state(), "stale");
        source.answer_with(0);
        database.run("UPDATE plugin_work SET next_at = 1 WHERE kind = 'pull'");
        until("it is well again", || (state() == "ok").then_some(()));
        assert_eq!(told(&admin, "orders", "installation.recovered"), 1);
    }
}

// ---------------------------------------------------------------- versions

on_both_engines! {
    /// A connector is upgraded, brings more, is killed, and goes back to its former version: the cursor goes back
    /// with it, and nothing is skipped or doubled.
    fn a_connector_goes_back_without_losing_an_item(engine) {
        let source = Source::start((0..40).map(record).collect());
        let mut server = Server::start(engine);
        pulled(&server.admin(), &source, 7);
        let database = server.database();
        let arrived = |n: i64| until(&format!("{n} have arrived"), || (voices(&database) == n).then_some(()));
        arrived(40);
        let admin = server.admin();
        let old = plugin(&admin, "http-json");
        let fresh = upload(&admin, &with_manifest(&first_party("http-json"), |mut m| {
            m["version"] = json!("9.9.9");
            m
        }));
        let id = text(&fresh, "id").to_owned();
        // It asks for what the former one was granted: that holds.
        assert_eq!(fresh["needs_grant"], false, "{fresh}");
        let active = admin.post(&format!("/api/v1/plugins/{id}/activate"), &json!({})).ok();
        assert_eq!(active["version"], "9.9.9");
        let upgraded = installation(&admin, "orders");
        assert_eq!((&upgraded["plugin_version"], &upgraded["previous_plugin_id"]), (&json!("9.9.9"), &old["id"]), "{upgraded}");
        for n in 40..80 {
            source.add(record(n));
        }
        assert_eq!(admin.post("/api/v1/installations/orders/pull", &json!({})).status, 202);
        until("some have arrived", || (voices(&database) > 45).then_some(()));
        server.kill9();
        // Whoever sees items also finds the call that brought them: both were kept in one step.
        let brought = "SELECT COUNT(*) AS n FROM plugin_call WHERE installation = 'orders' AND operation = 'pull' \
                       AND outcome = 'ok' AND plugin = 'http-json@";
        let calls = |version: &str| database.count(&format!("{brought}{version}'"));
        assert!(calls("9.9.9") >= 1, "{}", calls("9.9.9"));
        assert!(calls(old["version"].as_str().expect("a version")) >= 6, "forty in pages of seven");
        server.restart();
        arrived(80);
        let admin = server.admin();
        let asked = source.asked();
        let back = admin.post(&format!("/api/v1/plugins/{id}/rollback"), &json!({})).ok();
        assert_eq!(back["id"], old["id"], "{back}");
        // A second press does not bring back what was left.
        let again = format!("/api/v1/plugins/{}/rollback", text(&old, "id"));
        admin.post(&again, &json!({})).problem(409, "wrong_state");
        let rolled = installation(&admin, "orders");
        assert_eq!(rolled["plugin_version"], old["version"], "{rolled}");
        for n in 80..100 {
            source.add(record(n));
        }
        assert_eq!(admin.post("/api/v1/installations/orders/pull", &json!({})).status, 202);
        arrived(100);
        nothing_twice(&database);
        // Where the former version stood: what the other one brought is read again, and known.
        let stream = until("the stream is idle", || {
            let s = installation(&admin, "orders")["streams"][0].clone();
            (s["duplicates"].as_i64() >= Some(40) && s["error"].is_null()).then_some(s)
        });
        assert_eq!(stream["accepted"], 100, "{stream}");
        assert!(source.asked() - asked >= 9, "sixty records in pages of seven");
        assert_eq!((told(&admin, "orders", "installation.upgraded"), told(&admin, "orders", "installation.rolled_back")), (1, 1));
    }
}

/// What a version that asks for more has to wait for.
#[test]
fn more_power_needs_another_grant() {
    let source = Source::start(vec![record(1)]);
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    pulled(&admin, &source, 100);
    let wider = upload(
        &admin,
        &with_manifest(&first_party("http-json"), |mut m| {
            m["version"] = json!("9.9.9");
            let another = json!({"name": "another", "title": m["title"].clone()});
            let secrets = m["asks"]["secrets"].as_array_mut().expect("secrets");
            secrets.push(another);
            m
        }),
    );
    assert_eq!(wider["needs_grant"], true, "{wider}");
    let id = text(&wider, "id");
    admin
        .post(&format!("/api/v1/plugins/{id}/activate"), &json!({}))
        .problem(409, "not_granted");
    let database = server.database();
    until("the old one works", || {
        (voices(&database) == 1).then_some(())
    });
}

/// What is granted is kept by name: it can be read and put back, and a later version that asks for more at the
/// same place does not get it.
#[test]
fn a_grant_does_not_grow() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    let asking = |version: &str, methods: Value, secrets: usize| {
        upload(
            &admin,
            &with_manifest(&first_party("http-json"), |mut m| {
                m["name"] = json!("growing");
                m["version"] = json!(version);
                m["limits"] = json!({"http-calls": 20});
                let title = m["title"].clone();
                let host = json!({"origin": "https://api.example.com", "methods": methods, "purpose": title});
                m["asks"] = json!({"hosts": [host]});
                let secret =
                    |n| json!({"name": format!("key{n}"), "title": title, "optional": true});
                m["asks"]["secrets"] = (0..secrets).map(secret).collect();
                m
            }),
        )
    };
    let first = asking("1.0.0", json!(["GET"]), 1);
    let path = format!("/api/v1/plugins/{}/grant", text(&first, "id"));
    let grant = json!({"hosts": [{"origin": "https://api.example.com"}], "limits": {"memory_mb": 32, "http_calls": 7}});
    let granted = admin.put(&path, &grant).ok();
    assert_eq!(granted["grant"]["hosts"][0]["methods"], json!(["GET"]));
    assert_eq!(granted["grant"]["limits"]["http_calls"], 7, "{granted}");
    let again = admin.put(&path, &granted["grant"]).ok();
    assert_eq!(
        again["grant"], granted["grant"],
        "what was read can be put back"
    );
    for (limits, field) in [
        (json!({"http_calls": 21}), "limits.http_calls"),
        (json!({"memory_mb": 0}), "limits.memory_mb"),
    ] {
        let problem = admin
            .put(&path, &json!({"limits": limits}))
            .problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    admin
        .post(
            &format!("/api/v1/plugins/{}/activate", text(&first, "id")),
            &json!({}),
        )
        .ok();
    // The secret was refused: a version that asks for the same needs no second word for that.
    let same = asking("1.0.1", json!(["GET"]), 1);
    assert_eq!(
        (&same["needs_grant"], &same["grant"]),
        (&json!(false), &granted["grant"])
    );
    for wider in [
        asking("1.1.0", json!(["GET", "DELETE"]), 1),
        asking("1.2.0", json!(["GET"]), 2),
    ] {
        assert_eq!(wider["needs_grant"], true, "{wider}");
        assert_eq!(wider["grant"], granted["grant"], "the proposal: {wider}");
    }
}

/// An administrator may grant less than was asked for: the rest is denied when it is asked for, and nothing else
/// stops.
#[test]
fn less_power_than_asked_is_enough() {
    let source = Source::start(vec![record(1)]);
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    upload(
        &admin,
        &with_manifest(&first_party("http-json"), |mut m| {
            m["name"] = json!("two-hosts");
            let mut other = m["asks"]["hosts"][0].clone();
            other["origin"] = json!("https://api.example.com");
            m["asks"]["hosts"]
                .as_array_mut()
                .expect("hosts")
                .push(other);
            m
        }),
    );
    grant(&admin, "two-hosts", &[source.origin()]);
    let body = json!({"plugin": "two-hosts", "channel": "orders", "settings": list_settings(&source, 100)});
    let made = admin.put("/api/v1/installations/orders", &body).ok();
    assert_eq!(
        made["lacks"],
        json!([{"kind": "host", "name": "https://api.example.com"}])
    );
    // What is read can be put back; limits that leave nothing are refused.
    let two = plugin(&admin, "two-hosts");
    let path = format!("/api/v1/plugins/{}/grant", text(&two, "id"));
    let mut granted = two["grant"].clone();
    granted["limits"] = json!({"memory_mb": 32, "http_calls": 3});
    let limited = admin.put(&path, &granted).ok()["grant"].clone();
    assert_eq!(
        (
            &limited["limits"]["memory_mb"],
            &limited["limits"]["http_calls"]
        ),
        (&json!(32), &json!(3))
    );
    assert_eq!(admin.put(&path, &limited).ok()["grant"], limited);
    granted["limits"] = json!({"cpu_ms": 0});
    admin.put(&path, &granted).problem(422, "invalid_field");
    let database = server.database();
    until("it works with what it has", || {
        (voices(&database) == 1).then_some(())
    });
}

/// A package goes in with the signature of somebody who is trusted, or with an explicit word; from then on the
/// plugin comes from the same hand.
#[test]
fn signatures_are_looked_at_by_the_server() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let key = |name: &str| {
        let said = Command::new(&["plugin", "keygen", &path(name)]).ok();
        said.trim().lines().last().expect("a key").to_owned()
    };
    let (ours, theirs) = (key("ours.pem"), key("theirs.pem"));
    let pack = |version: &str, key: Option<&str>| {
        let component = with_manifest(&first_party("http-json"), |mut m| {
            m["name"] = json!("packed");
            m["version"] = json!(version);
            m
        });
        std::fs::create_dir_all(folder.path().join("packed")).expect("a folder");
        std::fs::write(folder.path().join("packed.wasm"), component).expect("a component");
        let source = repository().join("plugins/http-json");
        for name in ["plugin.toml", "config.schema.json"] {
            let text = std::fs::read_to_string(source.join(name)).expect("a file");
            let text = text
                .replace("name = \"http-json\"", "name = \"packed\"")
                .replace("version = \"1.0.0\"", &format!("version = \"{version}\""));
            std::fs::write(folder.path().join("packed").join(name), text).expect("a file");
        }
        let out = path(&format!("packed-{version}.bihuan"));
        let (dir, component) = (path("packed"), path("packed.wasm"));
        let mut args = vec![
            "plugin",
            "pack",
            &dir,
            "--component",
            &component,
            "--out",
            &out,
        ];
        let key = key.map(path);
        match &key {
            Some(key) => args.extend(["--key", key]),
            None => args.push("--unsigned"),
        }
        Command::new(&args).ok();
        std::fs::read(&out).expect("the package")
    };
    let refused = |reply: tests::http::Reply| {
        let problem = reply.problem(422, "not_trusted");
        text(&problem["errors"][0], "code").to_owned()
    };
    let bare = first_party("http-json");
    assert_eq!(
        refused(sent(&admin, &bare, &[("unsigned", "false")])),
        "not_signed"
    );
    assert_eq!(refused(sent(&admin, &bare, &[])), "not_signed");
    assert_eq!(
        refused(sent(&admin, &pack("1.0.0", None), &[])),
        "not_signed"
    );
    let first = pack("1.0.0", Some("ours.pem"));
    let problem = sent(&admin, &first, &[]).problem(422, "not_trusted");
    assert_eq!(
        problem["errors"][0]["detail"], ours,
        "whose key it is: {problem}"
    );
    assert_eq!(
        refused(sent(&admin, &first, &[("trust", &theirs)])),
        "unknown_signer"
    );
    let mut changed = first.clone();
    let at = changed
        .windows(4)
        .position(|w| w == b"\0asm")
        .expect("a component")
        + 100;
    changed[at] ^= 1;
    assert_eq!(
        refused(sent(&admin, &changed, &[("unsigned", "true")])),
        "bad_signature"
    );
    let plugins = admin.get("/api/v1/plugins").items();
    assert!(
        plugins.iter().all(|p| p["name"] != "packed"),
        "nothing of it was kept"
    );
    let reply = sent(&admin, &first, &[("trust", &ours)]);
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(reply.json()["signer"], ours);
    // The same hand needs no word; another one, or none, is no successor.
    let reply = sent(&admin, &pack("1.1.0", Some("ours.pem")), &[]);
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(
        refused(sent(
            &admin,
            &pack("1.2.0", Some("theirs.pem")),
            &[("unsigned", "true")]
        )),
        "other_signer"
    );
    assert_eq!(
        refused(sent(&admin, &pack("1.2.0", None), &[("unsigned", "true")])),
        "other_signer"
    );
    // In another hand it is another's plugin: what the first was granted does not go with the name.
    let origin = json!({"hosts": [{"origin": "https://api.example.com"}]});
    let id = text(&reply.json(), "id").to_owned();
    let granted = admin
        .put(&format!("/api/v1/plugins/{id}/grant"), &origin)
        .ok();
    assert_eq!(granted["needs_grant"], false, "{granted}");
    admin
        .post(&format!("/api/v1/plugins/{id}/activate"), &json!({}))
        .ok();
    let reply = sent(&admin, &pack("1.2.1", Some("ours.pem")), &[]);
    assert_eq!(reply.json()["needs_grant"], false, "{}", reply.text());
    let other = pack("1.2.2", Some("theirs.pem"));
    let reply = sent(&admin, &other, &[("trust", &theirs)]);
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(reply.json()["needs_grant"], true, "{}", reply.text());
    // The command sends the package as it is.
    let file = path("packed-1.3.0.bihuan");
    pack("1.3.0", Some("ours.pem"));
    let said = Command::new(&["plugin", "install", &file, "--trust", &ours])
        .set("BIHUAN_SERVER", &format!("http://{}", server.address))
        .set("BIHUAN_TOKEN", tests::server::ADMIN_TOKEN)
        .ok();
    assert!(said.contains("packed 1.3.0"), "{said}");
    let newest = admin.get("/api/v1/plugins").items();
    let newest = newest
        .iter()
        .find(|p| p["version"] == "1.3.0")
        .expect("installed");
    assert_eq!(newest["signer"], ours);
}

/// Whoever may install and set up plugins must not get at what an administrator entrusted to other code: another
/// version of theirs has no grant, and switching is the administrator's.
#[test]
fn an_integrator_cannot_put_other_code_in_place() {
    let source = Source::start(vec![record(1)]);
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    pulled(&admin, &source, 100);
    let integrator = server.role("integrator");
    let other = |name: &str, version: &str| {
        with_manifest(&first_party(name), |mut m| {
            m["version"] = json!(version);
            m
        })
    };
    let fresh = upload(&integrator, &other("http-json", "9.9.9"));
    assert_eq!(fresh["needs_grant"], true, "{fresh}");
    let id = text(&fresh, "id");
    let activate = format!("/api/v1/plugins/{id}/activate");
    integrator
        .post(&activate, &json!({}))
        .problem(403, "not_allowed");
    admin
        .post(&activate, &json!({}))
        .problem(409, "not_granted");
    // A classifier asks for nothing, and labels everything.
    let labels = upload(&integrator, &other("keyword-classifier", "9.9.9"));
    let path = format!("/api/v1/plugins/{}/activate", text(&labels, "id"));
    integrator
        .post(&path, &json!({}))
        .problem(403, "not_allowed");
    // The same version with other bytes is no version.
    let changed = with_manifest(&first_party("http-json"), |mut m| {
        m["title"]["en"] = json!("Another one");
        m
    });
    let problem = sent(&admin, &changed, &[("unsigned", "true")]).problem(409, "conflict");
    assert_eq!(problem["errors"][0]["code"], "version_exists", "{problem}");
    let database = server.database();
    until("the old one works on", || {
        (voices(&database) == 1).then_some(())
    });
}

/// A mapping that does not fit is said, and what was sent is kept for it; a look before it counts keeps nothing.
#[test]
fn nothing_is_thrown_away_by_a_mapping_that_does_not_fit() {
    let mut personal = record(1);
    personal["text"] = json!("请回电 13812345678");
    let source = Source::start(vec![personal, record(2)]);
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    let database = server.database();
    grant(&admin, "http-json", &[source.origin()]);
    let mut settings = list_settings(&source, 100);
    settings["mapping"]["items"] = json!("/rows");
    let body = |settings: &Value| json!({"plugin": "http-json", "channel": "orders", "settings": settings, "schedule": {"every_seconds": 604_800}});
    admin
        .put("/api/v1/installations/orders", &body(&settings))
        .ok();
    let failing = until("it says so", || {
        let i = installation(&admin, "orders");
        (i["state"] == "failing").then_some(i)
    });
    assert!(
        text(&failing["last_error"], "message").contains("/rows"),
        "{failing}"
    );
    let checked = admin
        .post("/api/v1/installations/orders/check", &json!({}))
        .ok();
    assert_eq!(checked["ok"], false, "{checked}");
    // Looked at before it counts.
    let stream = text(&failing["streams"][0], "name").to_owned();
    settings["mapping"]["items"] = json!("/data");
    let mut off = body(&settings);
    off["enabled"] = json!(false);
    admin.put("/api/v1/installations/orders", &off).ok();
    let path = format!("/api/v1/installations/orders/streams/{stream}/preview");
    let seen = admin.post(&path, &json!({})).ok();
    assert_eq!(seen["items"].as_array().map(Vec::len), Some(2), "{seen}");
    assert!(!seen.to_string().contains("13812345678"), "{seen}");
    assert_eq!(seen["items"][1]["external_id"], record(2)["id"]);
    assert_eq!(voices(&database), 0, "nothing is kept");
    assert_eq!(
        installation(&admin, "orders")["streams"][0]["started"],
        false
    );
    server
        .role("viewer")
        .post(&path, &json!({}))
        .problem(403, "not_allowed");
    admin
        .put("/api/v1/installations/orders", &body(&settings))
        .ok();
    until("the right one brings them", || {
        (voices(&database) == 2).then_some(())
    });
    // What is pushed and does not fit waits for the fix.
    grant(&admin, "webhook-json", &[]);
    let hook = |items: &str| {
        json!({"plugin": "webhook-json", "channel": "orders", "settings": {"verification": "shared-token",
        "mapping": {"items": items, "fields": {"external_id": "/id", "occurred_at": "/at", "text": "/text"}}}})
    };
    admin
        .put("/api/v1/installations/shop", &hook("/reviews"))
        .ok();
    let secret = "/api/v1/installations/shop/secrets/signing_secret";
    assert_eq!(admin.put(secret, &json!({"value": TOKEN})).status, 204);
    let sender = server
        .anonymous()
        .with("authorization", &format!("Bearer {TOKEN}"));
    let reply = sender.post("/hooks/shop", &json!({"review": [record(3)]}));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let aside = until("it is set aside", || {
        let all = admin.get("/api/v1/installations/shop/rejected").items();
        all.into_iter().next()
    });
    assert_eq!(
        (&aside["code"], &aside["redrivable"]),
        (&json!("webhook_json.nothing_there"), &json!(true)),
        "{aside}"
    );
    admin
        .put("/api/v1/installations/shop", &hook("/review"))
        .ok();
    let redrive = format!(
        "/api/v1/installations/shop/rejected/{}/redrive",
        text(&aside, "id")
    );
    admin.post(&redrive, &json!({})).ok();
    until("it has arrived", || (voices(&database) == 3).then_some(()));
}

// ---------------------------------------------------------------- knowledge bases

/// The contents API of Gitea, as far as it is needed: files with a SHA each; a change must name the present one.
fn gitea(files: &Mutex<BTreeMap<String, (String, u64)>>, asked: &Asked) -> (u16, Value) {
    let authorised = asked.headers.get("authorization").map(String::as_str);
    if authorised != Some("Bearer the-token-of-the-repository") {
        return (401, json!({"message": "token is required"}));
    }
    let (path, _) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let Some(name) = path.strip_prefix("/api/v1/repos/voc/wiki/contents/") else {
        return (200, json!({"permissions": {"push": true}}));
    };
    let mut files = files.lock().expect("files");
    let present = files.get(name).cloned();
    let entry = |content: &str, sha: u64| json!({"type": "file", "encoding": "base64", "content": content, "sha": sha.to_string(), "html_url": format!("http://git/{name}")});
    let body = asked.json();
    match (asked.method.as_str(), present) {
        ("GET", Some((content, sha))) => (200, entry(&content, sha)),
        ("GET", None) => (404, json!({"message": "not found"})),
        ("POST", Some(_)) => (422, json!({"message": "already exists"})),
        ("PUT", Some((_, sha))) if body["sha"].as_str() != Some(sha.to_string().as_str()) => {
            (409, json!({"message": "sha does not match"}))
        }
        ("POST", None) | ("PUT", Some(_)) => {
            let content = text(&body, "content").to_owned();
            let sha = u64::try_from(content.len()).expect("a length");
            files.insert(name.to_owned(), (content.clone(), sha));
            (201, json!({"content": entry(&content, sha)}))
        }
        _ => (405, json!({})),
    }
}

/// An article goes into somebody's repository: once, however often it is asked for; not over what somebody else
/// wrote there; and a wrong token holds it up without losing it.
#[test]
fn an_article_is_published_into_a_repository() {
    let files = Arc::new(Mutex::new(BTreeMap::new()));
    let there = files.clone();
    let service = Service::start(move |asked| gitea(&there, asked));
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    an_administrator(&admin, "en");
    let article = an_article(&admin);
    grant(&admin, "markdown-git", &[service.origin()]);
    let settings = json!({"service": "gitea", "api": format!("{}/api/v1", service.origin()), "repository": "voc/wiki", "folder": "kb"});
    let made = json!({"plugin": "markdown-git", "title": "Wiki", "settings": settings});
    admin.put("/api/v1/installations/wiki", &made).ok();
    let token = "/api/v1/installations/wiki/secrets/access_token";
    assert_eq!(
        admin.put(token, &json!({"value": "a wrong token"})).status,
        204
    );
    let publish = || {
        let reply = admin.post(
            &format!("/api/v1/knowledge/articles/{article}/publish"),
            &json!({}),
        );
        assert_eq!(reply.status, 202, "{}", reply.text());
    };
    let publication = || {
        let article = admin
            .get(&format!("/api/v1/knowledge/articles/{article}"))
            .ok();
        let all = article["publications"].as_array().expect("a list").clone();
        all.into_iter().find(|p| p["target"] == "wiki")
    };
    publish();
    until("the wrong token is refused", || {
        publication().filter(|p| p["state"] == "dead")
    });
    assert_eq!(installation(&admin, "wiki")["state"], "paused");
    let mail = until("an administrator is told", || {
        letters(&admin, ADMINISTRATOR).into_iter().next()
    });
    assert_eq!(
        text(&mail, "subject"),
        "[Bihuan] A plugin needs you: Wiki is paused"
    );
    assert!(files.lock().expect("files").is_empty());
    // The right one lets it go out by itself.
    let right = json!({"value": "the-token-of-the-repository"});
    assert_eq!(admin.put(token, &right).status, 204);
    let sent = until("it is published", || {
        publication().filter(|p| p["state"] == "sent")
    });
    let (name, first) = {
        let files = files.lock().expect("files");
        assert_eq!(files.len(), 1, "{files:?}");
        let (name, (content, _)) = files.iter().next().expect("a file");
        (name.clone(), content.clone())
    };
    let reference = text(&sent, "reference");
    assert_eq!(
        tests::http::form_encoded(&format!("kb/{reference}")),
        name.replace('/', "%2F"),
        "{sent}"
    );
    until("it is well again", || {
        (installation(&admin, "wiki")["state"] == "ok").then_some(())
    });
    // Once more: nothing is written again.
    let writes = || {
        let all = service.asked();
        all.iter().filter(|a| a.method != "GET").count()
    };
    let before = writes();
    publish();
    stays(Duration::from_secs(2), "nothing is written", || {
        writes() == before
    });
    assert_eq!(files.lock().expect("files")[&name].0, first);
    assert_eq!(letters(&admin, ADMINISTRATOR).len(), 1);
    assert!(!server.log().contains("the-token-of-the-repository"));
}

// ---------------------------------------------------------------- chats

/// The robot of this binary, pointed at another address: its code, byte for byte, but for the address.
fn robot_at(origin: &str) -> Vec<u8> {
    const URL: &str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send";
    let path = URL
        .strip_prefix("https://qyapi.weixin.qq.com")
        .expect("a path");
    let more = URL.len() - origin.len() - path.len();
    let other = format!("{origin}/{}{path}", "x".repeat(more - 1));
    let mut component = with_manifest(&first_party("wecom-robot"), |mut m| {
        m["version"] = json!("9.9.9");
        m["asks"]["hosts"][0]["origin"] = json!(origin);
        m["asks"]["secrets"][0]["hosts"] = json!([origin]);
        m
    });
    let at = component
        .windows(URL.len())
        .position(|w| w == URL.as_bytes())
        .expect("its address");
    component[at..at + URL.len()].copy_from_slice(other.as_bytes());
    component
}

/// A department hears of a task in its group, once, although the robot's key was wrong at first.
#[test]
fn a_message_reaches_its_group() {
    let chat = Service::start(|asked| {
        let known = asked
            .path
            .ends_with("/cgi-bin/webhook/send?key=the-key-of-the-group");
        (
            200,
            json!({"errcode": if known { 0 } else { 93_000 }, "errmsg": ""}),
        )
    });
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    watch(&admin);
    an_administrator(&admin, "zh-CN");
    let robot = upload(&admin, &robot_at(&chat.origin()));
    let id = text(&robot, "id");
    let grant = json!({"hosts": [{"origin": chat.origin(), "networks": ["127.0.0.0/8"]}], "secrets": ["robot_key"]});
    admin
        .put(&format!("/api/v1/plugins/{id}/grant"), &grant)
        .ok();
    admin
        .post(&format!("/api/v1/plugins/{id}/activate"), &json!({}))
        .ok();
    admin
        .put(
            "/api/v1/installations/group",
            &json!({"plugin": "wecom-robot", "settings": {}}),
        )
        .ok();
    let key = "/api/v1/installations/group/secrets/robot_key";
    assert_eq!(admin.put(key, &json!({"value": "a wrong key"})).status, 204);
    let department = admin.get(&format!("/api/v1/departments/{PRODUCT}")).ok();
    let with = json!({"key": PRODUCT, "name": PRODUCT, "owners": department["owners"], "notifier": "group"});
    admin
        .put(&format!("/api/v1/departments/{PRODUCT}"), &with)
        .ok();
    let today = tests::time::ago(0);
    let all: Vec<Value> = (0..60)
        .map(|n| contact(&format!("c{n}"), &tests::time::on(today, 0), n))
        .collect();
    send(&admin, &all);
    let issue = until("an issue is open", || {
        crate::world::issues(&admin).into_iter().next()
    });
    let due = tests::time::on(today + chrono::TimeDelta::days(7), 0);
    admin
        .post(
            &format!("/api/v1/issues/{}/tasks", text(&issue, "id")),
            &json!({"title": "套餐资费说明改版", "description": "改", "department": PRODUCT, "due_at": due}),
        )
        .ok();
    let message = |state: &str| {
        let all = admin.get("/api/v1/outbox?limit=500").items();
        all.into_iter()
            .find(|d| d["kind"] == "chat" && d["state"] == state)
    };
    until("the wrong key is refused", || message("dead"));
    assert_eq!(installation(&admin, "group")["state"], "paused");
    until("an administrator is told", || {
        letters(&admin, ADMINISTRATOR).into_iter().next()
    });
    let right = json!({"value": "the-key-of-the-group"});
    assert_eq!(admin.put(key, &right).status, 204);
    until("the message has gone", || message("sent"));
    let posted: Vec<Asked> = chat
        .asked()
        .into_iter()
        .filter(|a| a.path.ends_with("the-key-of-the-group"))
        .collect();
    assert_eq!(posted.len(), 1, "{posted:?}");
    let said = posted[0].json();
    assert_eq!(said["msgtype"], "markdown", "{said}");
    let content = text(&said["markdown"], "content");
    assert!(
        content.contains("套餐资费说明改版") && content.contains("/tasks/"),
        "{content}"
    );
    assert!(!content.contains("/a/"), "{content}");
    assert_eq!(installation(&admin, "group")["state"], "ok");
    assert_eq!(letters(&admin, ADMINISTRATOR).len(), 1);
}

// ---------------------------------------------------------------- requests that wait for an answer

/// Whoever shakes hands gets the plugin's answer, whoever works the request off: a sender that gets an empty page
/// takes the address for a wrong one.
#[test]
fn a_handshake_is_always_answered() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    grant(&admin, "webhook-json", &[]);
    let settings = json!({"verification": "shared-token", "challenge": "/challenge",
                          "mapping": {"items": "/data", "fields": {"external_id": "/id", "occurred_at": "/at", "text": "/text"}}});
    let body = json!({"plugin": "webhook-json", "channel": "orders", "settings": settings});
    admin.put("/api/v1/installations/shop", &body).ok();
    let secret = "/api/v1/installations/shop/secrets/signing_secret";
    assert_eq!(admin.put(secret, &json!({"value": TOKEN})).status, 204);
    let sender = server
        .anonymous()
        .with("authorization", &format!("Bearer {TOKEN}"));
    for n in 0..80 {
        let challenge = format!("challenge-{n}");
        let reply = sender.post("/hooks/shop", &json!({"challenge": challenge}));
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(reply.text().contains(&challenge), "{n}: {:?}", reply.text());
    }
    // Together with others that bring something.
    let mut senders = Vec::new();
    for part in 0..4 {
        let sender = sender.clone();
        senders.push(std::thread::spawn(move || {
            for n in 0..15 {
                let reply = sender.post("/hooks/shop", &json!({"data": [record(part * 15 + n)]}));
                assert_eq!(reply.status, 200, "{}", reply.text());
            }
        }));
    }
    for n in 0..15 {
        // Behind others a sender waits for a moment only: then it is taken, and never mixed up with theirs.
        let challenge = format!("busy-{n}");
        let reply = sender.post("/hooks/shop", &json!({"challenge": challenge}));
        let said = reply.text();
        assert!(
            said.is_empty() || said.contains(&challenge),
            "{n}: {said:?}"
        );
    }
    for sender in senders {
        sender.join().expect("a sender");
    }
    let database = server.database();
    until("all have arrived", || {
        (voices(&database) == 60).then_some(())
    });
    nothing_twice(&database);
}

// ---------------------------------------------------------------- logs

/// A child that ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `bihuan plugin logs --follow` prints what was logged, and what comes, each line once.
#[test]
fn logs_are_followed() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    crashing(&admin);
    let say = |words: &str| {
        let script = json!([{"do": "log", "text": words, "field": "of the guest"}]);
        let reply = server
            .anonymous()
            .with("x-token", TOKEN)
            .post("/hooks/crasher", &script);
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    say("the first line");
    until("the line is written down", || {
        let lines = admin.get("/api/v1/installations/crasher/logs").items();
        (!lines.is_empty()).then_some(())
    });
    let url = format!("http://{}", server.address);
    let command = |more: &[&str]| {
        let args: Vec<&str> = ["plugin", "logs", "crasher"]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        Command::new(&args)
            .set("BIHUAN_SERVER", &url)
            .set("BIHUAN_TOKEN", tests::server::ADMIN_TOKEN)
    };
    let once = command(&[]).ok();
    assert!(
        once.contains("the first line") && once.contains("field=of the guest"),
        "{once}"
    );
    let mut child = std::process::Command::new(tests::server::program())
        .args(["plugin", "logs", "-f", "crasher"])
        .env("BIHUAN_SERVER", &url)
        .env("BIHUAN_TOKEN", tests::server::ADMIN_TOKEN)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .spawn()
        .expect("the program");
    let out = child.stdout.take().expect("its output");
    let _ending = Ending(child);
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = seen.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            lines.lock().expect("lines").push(line);
        }
    });
    let count = |words: &str| {
        let seen = seen.lock().expect("lines");
        seen.iter().filter(|l| l.contains(words)).count()
    };
    until("what was there is printed", || {
        (count("the first line") > 0).then_some(())
    });
    say("the second line");
    until("what comes is printed", || {
        (count("the second line") > 0).then_some(())
    });
    say("the third line");
    until("and what comes then", || {
        (count("the third line") > 0).then_some(())
    });
    // Each as often as it was logged.
    let logged = admin.get("/api/v1/installations/crasher/logs").items();
    for words in ["the first line", "the second line"] {
        let times = logged.iter().filter(|l| text(l, "message").contains(words));
        assert_eq!(count(words), times.count(), "{words}");
    }
}
