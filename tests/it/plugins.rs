//! Plugins at work: granted, set up, pulled, called, switched, rolled back; and killed in the middle.

use crate::world::{COMPLAINTS, PRODUCT, TOPIC, contact, furnish, send, text, watch};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::http::Part;
use tests::wait::pass;
use tests::{
    Caller, Database, Engine, Random, Server, on_both_engines, report, until, until_within,
};

/// A source of records, asked over HTTP: `GET /items?after=N&limit=M`; and a chat, `POST /chat/…`.
pub struct Source {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    records: Mutex<Vec<Value>>,
    asked: AtomicUsize,
    /// Status of every answer but 200.
    status: AtomicU16,
    posted: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Source {
    pub fn start(records: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            records: Mutex::new(records),
            ..Shared::default()
        });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.stop.load(Ordering::Relaxed) {
                    return;
                }
                let shared = serving.clone();
                std::thread::spawn(move || answer(&shared, stream));
            }
        });
        Self { address, shared }
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }

    pub fn answer_with(&self, status: u16) {
        self.shared.status.store(status, Ordering::Relaxed);
    }

    pub fn add(&self, record: Value) {
        self.shared.records.lock().expect("records").push(record);
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(shared: &Shared, stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    if reader.read_line(&mut first).is_err() {
        return;
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    let path = first.split_whitespace().nth(1).unwrap_or_default();
    let number = |name: &str| {
        path.split(['?', '&'])
            .find_map(|p| p.strip_prefix(name)?.strip_prefix('='))
            .and_then(|v| v.parse::<usize>().ok())
    };
    shared.asked.fetch_add(1, Ordering::Relaxed);
    let status = shared.status.load(Ordering::Relaxed);
    let (status, content) = if status != 0 {
        (status, json!({"message": "not today"}))
    } else if path.starts_with("/items") {
        let records = shared.records.lock().expect("records");
        let from = number("after").unwrap_or(0).min(records.len());
        let to = (from + number("limit").unwrap_or(100)).min(records.len());
        let next = (to < records.len()).then(|| to.to_string());
        (200, json!({"data": records[from..to], "next": next}))
    } else {
        shared
            .posted
            .lock()
            .expect("posts")
            .push(String::from_utf8_lossy(&body).into_owned());
        (200, json!({"errcode": 0, "errmsg": "ok", "code": 0}))
    };
    let content = content.to_string();
    let _ = write!(
        reader.get_mut(),
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{content}",
        content.len()
    );
}

pub fn record(n: usize) -> Value {
    json!({"id": format!("R{n:05}"), "at": tests::time::on(tests::time::ago(3 + (n as u64 % 20)), (n % 1_000) as u32),
           "text": COMPLAINTS[n % COMPLAINTS.len()]})
}

pub fn plugin(admin: &Caller, name: &str) -> Value {
    admin
        .get("/api/v1/plugins")
        .items()
        .into_iter()
        .find(|p| p["name"] == name)
        .unwrap_or_else(|| {
            panic!("{name} is not in this binary: cargo xtask plugins, and build again")
        })
}

/// Grants an origin inside this machine and every secret that the plugin asks for.
pub fn grant(admin: &Caller, name: &str, origins: &[String]) -> Value {
    let plugin = plugin(admin, name);
    let hosts: Vec<Value> = origins
        .iter()
        .map(|o| json!({"origin": o, "networks": ["127.0.0.0/8"]}))
        .collect();
    let secrets: Vec<Value> = plugin["asked"]["secrets"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| s["name"].clone())
        .collect();
    let id = text(&plugin, "id");
    admin
        .put(
            &format!("/api/v1/plugins/{id}/grant"),
            &json!({"hosts": hosts, "secrets": secrets}),
        )
        .ok()
}

pub fn list_settings(source: &Source, size: usize) -> Value {
    json!({"url": format!("{}/items", source.origin()),
           "paging": {"type": "cursor", "param": "after", "size_param": "limit", "size": size, "next": "/next"},
           "mapping": {"items": "/data", "fields": {"external_id": "/id", "occurred_at": "/at", "text": "/text"}}})
}

pub fn pulled(admin: &Caller, source: &Source, size: usize) {
    grant(admin, "http-json", &[source.origin()]);
    admin
        .put(
            "/api/v1/installations/orders",
            &json!({"plugin": "http-json", "channel": "orders", "settings": list_settings(source, size),
                    "schedule": {"every_seconds": 5}}),
        )
        .ok();
}

pub fn installation(admin: &Caller, key: &str) -> Value {
    admin.get(&format!("/api/v1/installations/{key}")).ok()
}

pub fn voices(database: &Database) -> i64 {
    database.count("SELECT COUNT(*) AS n FROM feedback WHERE channel = 'orders'")
}

pub fn nothing_twice(database: &Database) {
    let twice = database.texts(
        "SELECT external_id AS t FROM feedback GROUP BY channel, external_id HAVING COUNT(*) > 1",
    );
    assert_eq!(twice, Vec::<String>::new());
}

on_both_engines! {
    /// Ten thousand records, a server that is killed again and again while it pulls them: each arrives once.
    fn a_killed_pull_neither_skips_nor_doubles(engine) {
        const ITEMS: usize = 10_000;
        let source = Source::start((0..ITEMS).map(record).collect());
        let mut server = Server::start(engine);
        let database = server.database();
        pulled(&server.admin(), &source, 100);
        let mut random = Random::of("kill pulls");
        let (mut kills, mut middle) = (0, 0);
        let rounds = std::env::var("BIHUAN_KILL_ROUNDS").ok().and_then(|s| s.parse().ok()).unwrap_or(4);
        for round in 0..rounds {
            let target = (ITEMS as i64 * (round + 1)) / (rounds + 2);
            until_within(Duration::from_secs(180), "the pull goes on", || (voices(&database) >= target).then_some(()));
            pass(Duration::from_millis(random.below(80)));
            server.kill9();
            kills += 1;
            let kept = voices(&database);
            middle += i64::from(kept < ITEMS as i64);
            server.restart();
            assert!(voices(&database) >= kept, "what was kept stays");
        }
        until_within(Duration::from_secs(240), "everything has arrived", || (voices(&database) >= ITEMS as i64).then_some(()));
        let admin = server.admin();
        until("the stream is idle", || {
            let stream = installation(&admin, "orders")["streams"][0].clone();
            (stream["error"].is_null() && stream["next_at"].is_string()).then_some(())
        });
        assert_eq!(voices(&database), ITEMS as i64);
        nothing_twice(&database);
        let stream = installation(&admin, "orders")["streams"][0].clone();
        // Each page was counted in the transaction that kept it.
        assert_eq!(stream["accepted"], ITEMS, "{stream}");
        assert_eq!(stream["rejected"], 0, "{stream}");
        report(&format!("kill pulls on {engine:?}: {ITEMS} items, {kills} kills ({middle} in the middle), {} requests, 0 lost, 0 twice", source.asked()));
    }

    /// What is refused is set aside, seen masked, and worked off again; the rest goes on.
    fn refused_records_are_set_aside(engine) {
        let mut bad = record(7);
        bad["at"] = json!("2999-01-01T00:00:00+08:00");
        bad["text"] = json!("请回电 13812345678");
        let source = Source::start(vec![record(1), bad, record(2)]);
        let server = Server::start(engine);
        let admin = server.admin();
        pulled(&admin, &source, 100);
        let database = server.database();
        until("the good ones have arrived", || (voices(&database) == 2).then_some(()));
        let refused = until("the bad one is set aside", || {
            let all = admin.get("/api/v1/installations/orders/rejected").items();
            (!all.is_empty()).then_some(all)
        });
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!(refused[0]["source"], "item");
        let raw = text(&refused[0], "raw");
        assert!(!raw.contains("13812345678"), "personal data is masked: {raw}");
        let id = text(&refused[0], "id");
        let path = format!("/api/v1/installations/orders/rejected/{id}/redrive");
        // Nothing has changed: it is refused again, and stays.
        admin.post(&path, &json!({})).problem(422, "invalid_field");
        assert_eq!(admin.get("/api/v1/installations/orders/rejected").items().len(), 1);
        let kept = database.texts("SELECT CAST(detail AS TEXT) AS t FROM plugin_rejected");
        assert!(kept.iter().all(|d| !d.contains("13812345678")), "{kept:?}");
    }

    /// A source that fails is asked again later; one that refuses the credentials waits for a person.
    fn failures_lead_to_waits_and_pauses(engine) {
        let source = Source::start(vec![record(1)]);
        source.answer_with(503);
        let server = Server::start(engine);
        let admin = server.admin();
        pulled(&admin, &source, 100);
        let failing = until("it fails and waits", || {
            let i = installation(&admin, "orders");
            (i["state"] == "failing").then_some(i)
        });
        assert!(failing["last_error"]["code"].is_string(), "{failing}");
        assert!(failing["streams"][0]["next_at"].is_string(), "{failing}");
        source.answer_with(401);
        assert_eq!(admin.post("/api/v1/installations/orders/pull", &json!({})).status, 202);
        until("wrong credentials pause it", || {
            let i = installation(&admin, "orders");
            (i["state"] == "paused").then_some(i)
        });
        let told = admin.get("/api/v1/installations/orders/history").items();
        assert!(told.iter().any(|e| e["kind"] == "installation.paused"), "{told:?}");
        // Paused means paused: it is not due again.
        let paused = installation(&admin, "orders");
        assert!(paused["streams"][0]["next_at"].is_null(), "{paused}");
        source.answer_with(0);
        assert_eq!(admin.put("/api/v1/installations/orders/secrets/access_secret", &json!({"value": "a new one"})).status, 204);
        let database = server.database();
        until("a new secret lets it go on", || (voices(&database) == 1).then_some(()));
        let well = until("it is well again", || {
            let i = installation(&admin, "orders");
            (i["state"] == "ok").then_some(i)
        });
        assert!(well["last_error"].is_null(), "what is over is no error: {well}");
    }
}

#[test]
fn nothing_works_before_it_is_granted_and_secrets_are_never_shown() {
    let source = Source::start(vec![record(1)]);
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    let fresh = plugin(&admin, "http-json");
    assert_eq!(
        (&fresh["state"], &fresh["needs_grant"]),
        (&json!("installed"), &json!(true))
    );
    let body = json!({"plugin": "http-json", "settings": list_settings(&source, 100)});
    admin
        .put("/api/v1/installations/orders", &body)
        .problem(409, "not_granted");
    let id = text(&fresh, "id");
    admin
        .post(&format!("/api/v1/plugins/{id}/activate"), &json!({}))
        .problem(409, "not_granted");
    // Beyond what it asks for nothing can be granted; plain http needs the network.
    for (grant, field) in [
        (
            json!({"hosts": [{"origin": source.origin()}]}),
            "hosts[0].networks",
        ),
        (json!({"secrets": ["other"]}), "secrets[0]"),
        (json!({"imap": true}), "imap"),
        (json!({"files": true}), "files"),
    ] {
        let problem = admin
            .put(&format!("/api/v1/plugins/{id}/grant"), &grant)
            .problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let granted = grant(&admin, "http-json", &[source.origin()]);
    assert_eq!(granted["needs_grant"], false);
    let stale = admin
        .with("If-Match", "\"1\"")
        .put(&format!("/api/v1/plugins/{id}/grant"), &json!({}));
    stale.problem(412, "stale_version");
    // Settings name their faults.
    let mut wrong = body.clone();
    wrong["settings"]["paging"]["size"] = json!(0);
    let problem = admin
        .put("/api/v1/installations/orders", &wrong)
        .problem(422, "invalid_field");
    assert_eq!(
        problem["errors"][0]["field"], "settings.paging.size",
        "{problem}"
    );
    assert_eq!(problem["errors"][0]["code"], "minimum", "{problem}");
    admin
        .put("/api/v1/installations/Orders!", &body)
        .problem(422, "invalid_field");
    let made = admin.put("/api/v1/installations/orders", &body).ok();
    assert_eq!(made["channel"], "orders", "the key where nobody said");
    // A secret goes in and never comes out.
    let secret = "s3cret-value-that-nobody-sees";
    let path = "/api/v1/installations/orders/secrets/access_secret";
    assert_eq!(admin.put(path, &json!({"value": secret})).status, 204);
    assert_eq!(admin.put(path, &json!({"value": "second"})).status, 204);
    admin
        .put(
            "/api/v1/installations/orders/secrets/other",
            &json!({"value": "x"}),
        )
        .problem(404, "not_found");
    let seen = installation(&admin, "orders");
    assert_eq!(seen["secrets"][0]["version"], 2, "{seen}");
    assert_eq!(seen["secrets"][0]["has_previous"], true, "{seen}");
    assert!(!seen.to_string().contains(secret));
    let history = admin.get("/api/v1/installations/orders/history").text();
    assert!(
        history.contains("secret_set") && !history.contains(secret),
        "{history}"
    );
    assert!(!server.log().contains(secret));
    let bytes = std::fs::read(server.sqlite_file()).expect("the database");
    assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
    // What it did is counted.
    let database = server.database();
    until("it has pulled", || (voices(&database) == 1).then_some(()));
    let calls = until("its calls are written down", || {
        let all = admin.get("/api/v1/installations/orders/calls").items();
        all.iter().any(|c| c["operation"] == "pull").then_some(all)
    });
    assert!(
        calls.iter().all(|c| c["used"]["wall_ms"].is_number()),
        "{calls:?}"
    );
    assert!(
        admin
            .get("/metrics")
            .text()
            .contains("bihuan_plugin_calls_total{plugin=\"http-json\"")
    );
    // Removed, it is gone, and its voices stay.
    assert_eq!(admin.delete("/api/v1/installations/orders").status, 204);
    admin
        .get("/api/v1/installations/orders")
        .problem(404, "not_found");
    assert_eq!(voices(&database), 1);
}

// ---------------------------------------------------------------- webhooks

const TOKEN: &str = "token-of-the-sender-0123456789";

fn called(admin: &Caller) {
    grant(admin, "webhook-json", &[]);
    admin
        .put(
            "/api/v1/installations/shop",
            &json!({"plugin": "webhook-json", "channel": "orders",
                    "settings": {"verification": "shared-token", "mapping": {"items": "/data",
                        "fields": {"external_id": "/id", "occurred_at": "/at", "text": "/text"}}}}),
        )
        .ok();
    assert_eq!(
        admin
            .put(
                "/api/v1/installations/shop/secrets/signing_secret",
                &json!({"value": TOKEN})
            )
            .status,
        204
    );
}

fn sender(server: &Server) -> Caller {
    server
        .anonymous()
        .with("authorization", &format!("Bearer {TOKEN}"))
}

on_both_engines! {
    /// A request proves itself, is kept before it is answered, and arrives once however often it is sent and
    /// however often the server is killed.
    fn requests_of_sources_arrive_once(engine) {
        let mut server = Server::start(engine);
        called(&server.admin());
        let database = server.database();
        let body = |n: usize| json!({"data": [record(n)]});
        server.anonymous().post("/hooks/shop", &body(1)).problem(401, "hook_refused");
        server.anonymous().with("authorization", "Bearer wrong").post("/hooks/shop", &body(1)).problem(401, "hook_refused");
        server.anonymous().post("/hooks/nobody", &body(1)).problem(404, "not_found");
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM webhook_inbox"), 0, "nothing of strangers is kept");
        for n in 0..200 {
            let delivery = format!("delivery-{n}");
            for _ in 0..2 {
                let reply = sender(&server).with("webhook-id", &delivery).post("/hooks/shop", &body(n));
                assert_eq!(reply.status, 200, "{}", reply.text());
            }
            if n % 50 == 25 {
                server.kill9();
                server.restart();
            }
        }
        until_within(Duration::from_secs(90), "everything was worked off", || (voices(&database) == 200).then_some(()));
        nothing_twice(&database);
        let inbox = until("the inbox is empty", || {
            let i = installation(&server.admin(), "shop")["inbox"].clone();
            (i["waiting"] == 0).then_some(i)
        });
        assert_eq!(inbox["done"], 200, "{inbox}");
        // What was worked off is not kept.
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM webhook_inbox WHERE request IS NOT NULL"), 0);
    }
}

#[test]
fn a_request_that_the_plugin_cannot_read_waits_for_a_fix() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    called(&admin);
    let mut numbered = record(1);
    numbered["nr"] = numbered["id"].take();
    let reply = sender(&server).post("/hooks/shop", &json!({"data": [numbered]}));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let refused = until("it is set aside", || {
        let all = admin.get("/api/v1/installations/shop/rejected").items();
        (!all.is_empty()).then_some(all)
    });
    assert_eq!(refused[0]["redrivable"], true, "{refused:?}");
    // The fix: another mapping. Then the same request is read.
    admin
        .put(
            "/api/v1/installations/shop",
            &json!({"plugin": "webhook-json", "channel": "orders",
                    "settings": {"verification": "shared-token", "mapping": {"items": "/data",
                        "fields": {"external_id": "/nr", "occurred_at": "/at", "text": "/text"}}}}),
        )
        .ok();
    let id = text(&refused[0], "id");
    let again = admin
        .post(
            &format!("/api/v1/installations/shop/rejected/{id}/redrive"),
            &json!({}),
        )
        .ok();
    assert_eq!(again["state"], "queued");
    let database = server.database();
    until("the voice has arrived", || {
        (voices(&database) == 1).then_some(())
    });
    assert_eq!(
        admin
            .get("/api/v1/installations/shop/rejected")
            .items()
            .len(),
        0
    );
    // A sender does not wait for one that is set aside right behind another.
    for n in 0..6 {
        let began = std::time::Instant::now();
        let reply = sender(&server).post("/hooks/shop", &json!({"x": n}));
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(began.elapsed().as_millis() < 1900, "{:?}", began.elapsed());
    }
    // Too large is refused unread; switched off is told to come back.
    let large = "x".repeat(1_100_000);
    sender(&server)
        .send(
            "POST",
            "/hooks/shop",
            Some("application/json"),
            large.as_bytes(),
        )
        .problem(413, "too_large");
    let mut off = installation(&admin, "shop");
    off = json!({"plugin": "webhook-json", "settings": off["settings"], "enabled": false});
    admin.put("/api/v1/installations/shop", &off).ok();
    let reply = sender(&server).post("/hooks/shop", &json!({"data": []}));
    assert!(reply.header("retry-after").is_some());
    reply.problem(503, "not_taking_requests");
    // Nor is the server busy when nobody has filled the secret in.
    off["enabled"] = json!(true);
    admin.put("/api/v1/installations/shop", &off).ok();
    let secret = "/api/v1/installations/shop/secrets/signing_secret";
    assert_eq!(admin.delete(secret).status, 204);
    let reply = sender(&server).post("/hooks/shop", &json!({"data": []}));
    assert!(reply.header("retry-after").is_some());
    reply.problem(503, "not_taking_requests");
}

// ---------------------------------------------------------------- chats

#[test]
fn a_department_hears_of_tasks_in_its_chat_without_anybodys_link() {
    let chat = Source::start(Vec::new());
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    watch(&admin);
    let department = admin.get(&format!("/api/v1/departments/{PRODUCT}")).ok();
    let with = |notifier: Value| json!({"key": PRODUCT, "name": PRODUCT, "owners": department["owners"], "notifier": notifier});
    admin
        .put(
            &format!("/api/v1/departments/{PRODUCT}"),
            &with(json!("nobody")),
        )
        .problem(422, "invalid_field");
    let robot = plugin(&admin, "wecom-robot");
    let origins: Vec<String> = robot["asked"]["hosts"]
        .as_array()
        .expect("hosts")
        .iter()
        .map(|h| text(h, "origin").to_owned())
        .collect();
    let id = text(&robot, "id");
    let secrets: Vec<&str> = robot["asked"]["secrets"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| text(s, "name"))
        .collect();
    let hosts: Vec<Value> = origins
        .iter()
        .map(|o| json!({"origin": o, "networks": ["127.0.0.0/8"]}))
        .collect();
    admin
        .put(
            &format!("/api/v1/plugins/{id}/grant"),
            &json!({"hosts": hosts, "secrets": secrets}),
        )
        .ok();
    admin
        .put(
            "/api/v1/installations/robot",
            &json!({"plugin": "wecom-robot", "settings": {}}),
        )
        .ok();
    for name in secrets {
        let path = format!("/api/v1/installations/robot/secrets/{name}");
        assert_eq!(
            admin
                .put(
                    &path,
                    &json!({"value": "00000000-0000-4000-8000-000000000000"})
                )
                .status,
            204
        );
    }
    // Well set up, and nobody's: the page says that nothing will be posted.
    assert_eq!(installation(&admin, "robot")["used_by"], json!([]));
    admin
        .put(
            &format!("/api/v1/departments/{PRODUCT}"),
            &with(json!("robot")),
        )
        .ok();
    assert_eq!(
        installation(&admin, "robot")["used_by"],
        json!([{"kind": "department", "key": PRODUCT, "name": PRODUCT}])
    );
    let today = tests::time::ago(0);
    let all: Vec<Value> = (0..60)
        .map(|n| contact(&format!("c{n}"), &tests::time::on(today, 0), n))
        .collect();
    send(&admin, &all);
    let issue = until("an issue is open", || {
        crate::world::issues(&admin).into_iter().next()
    });
    assert_eq!(issue["topic"], TOPIC);
    let due = tests::time::on(tests::time::ago(0) + chrono::TimeDelta::days(7), 0);
    admin
        .post(
            &format!("/api/v1/issues/{}/tasks", text(&issue, "id")),
            &json!({"title": "套餐资费说明改版", "description": "改", "department": PRODUCT, "due_at": due}),
        )
        .ok();
    let message = until("the chat is in the outbox", || {
        admin
            .get("/api/v1/outbox?limit=500")
            .items()
            .into_iter()
            .find(|d| d["kind"] == "chat")
    });
    assert_eq!(message["target"], "robot");
    let data = server
        .database()
        .texts("SELECT data AS t FROM delivery WHERE kind = 'chat'");
    assert!(data[0].contains("套餐资费说明改版"), "{data:?}");
    assert!(data[0].contains("/tasks/"), "{data:?}");
    assert!(
        !data[0].contains("/a/"),
        "a chat never gets a personal link: {data:?}"
    );
    // Its robot stands at an address that leads nowhere from here: the mail has gone all the same.
    until("the owner's mail has gone", || {
        admin
            .get("/api/v1/outbox?limit=500")
            .items()
            .into_iter()
            .find(|d| {
                d["kind"] == "mail" && d["state"] == "sent" && d["task_id"] == message["task_id"]
            })
    });
    let failed = until("the message is tried again, or given up", || {
        admin
            .get("/api/v1/outbox?limit=500")
            .items()
            .into_iter()
            .find(|d| d["kind"] == "chat" && matches!(text(d, "state"), "retry" | "dead"))
    });
    assert!(failed["last_error"].is_string(), "{failed}");
    drop(chat);
}

// ---------------------------------------------------------------- versions

/// The classifier of this binary under another version: the same component with another manifest.
fn other_version(version: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/plugins/keyword-classifier.wasm");
    let bytes = std::fs::read(&path).expect("cargo xtask plugins");
    let name = b"bihuan:manifest";
    let at = bytes
        .windows(name.len())
        .rposition(|w| w == name)
        .expect("a manifest");
    let json = at + name.len();
    let end = bytes[json..]
        .windows(11)
        .position(|w| w == b"\"version\":\"")
        .expect("a version")
        + json
        + 11;
    let old_length = bytes[end..]
        .iter()
        .position(|b| *b == b'"')
        .expect("its end");
    assert_eq!(old_length, version.len(), "the section keeps its length");
    let mut other = bytes.clone();
    other[end..end + old_length].copy_from_slice(version.as_bytes());
    other
}

on_both_engines! {
    /// A new classifier reads along, takes over without losing a voice, and can be taken back.
    fn classifiers_are_tried_switched_and_rolled_back(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let today = tests::time::ago(0);
        let some = |prefix: &str, n: usize| -> Vec<Value> {
            (0..n).map(|i| contact(&format!("{prefix}{i}"), &tests::time::on(today, 0), i)).collect()
        };
        send(&admin, &some("before", 80));
        let active = plugin(&admin, "keyword-classifier");
        let old = text(&active, "version").to_owned();
        let new: String = old.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        let component = other_version(&new);
        let parts = [Part { name: "component", file_name: Some("c.wasm"), content: &component },
                     Part { name: "unsigned", file_name: None, content: b"true" }];
        let reply = admin.post_parts("/api/v1/plugins", &parts);
        assert_eq!(reply.status, 201, "{}", reply.text());
        let fresh = reply.json();
        assert_eq!((&fresh["state"], &fresh["version"]), (&json!("installed"), &json!(new)));
        let id = text(&fresh, "id").to_owned();
        admin.get(&format!("/api/v1/plugins/{id}/shadow")).problem(404, "not_found");
        let begun = admin.post(&format!("/api/v1/plugins/{id}/shadow"), &json!({"voices": 50}));
        assert_eq!(begun.status, 202, "{}", begun.text());
        let seen = until("it has read the last voices", || {
            let s = admin.get(&format!("/api/v1/plugins/{id}/shadow")).ok();
            (s["looked_at"] == 50).then_some(s)
        });
        // The same program says the same.
        assert_eq!((&seen["changed"], &seen["state"]), (&json!(0), &json!("running")), "{seen}");
        send(&admin, &some("live", 20));
        let seen = until("it reads along", || {
            let s = admin.get(&format!("/api/v1/plugins/{id}/shadow")).ok();
            (s["looked_at"] == 70).then_some(s)
        });
        let topic = seen["topics"].as_array().expect("topics").iter().find(|t| t["topic"] == TOPIC).expect("the topic");
        assert_eq!(topic["before"], topic["after"], "{seen}");
        let database = server.database();
        let ruled = |version: &str| database.count(&format!(
            "SELECT COUNT(*) AS n FROM label WHERE ruler LIKE 'keyword-classifier@{version}#%'"
        ));
        assert_eq!(ruled(&new), 0, "whoever reads along labels nothing");
        // Voices arrive while it is switched; each gets its label from one of the two.
        let sender = admin.clone();
        let during = some("during", 300);
        let sending = std::thread::spawn(move || {
            for part in during.chunks(30) {
                let receipt = sender.post_lines("/api/v1/feedback", part).ok();
                assert_eq!(receipt["accepted"], part.len(), "{receipt}");
            }
        });
        let switched = admin.post(&format!("/api/v1/plugins/{id}/activate"), &json!({})).ok();
        assert_eq!(switched["state"], "active");
        sending.join().expect("all were taken");
        send(&admin, &some("after", 10));
        assert!(ruled(&new) >= 10, "the new one labels");
        until_within(Duration::from_secs(60), "every voice has a label", || {
            (database.count("SELECT COUNT(*) AS n FROM label") == 410).then_some(())
        });
        assert_eq!(admin.get(&format!("/api/v1/plugins/{id}/shadow")).ok()["state"], "ended");
        let back = admin.post(&format!("/api/v1/plugins/{id}/rollback"), &json!({})).ok();
        assert_eq!(back["version"], old);
        let before = ruled(&old);
        send(&admin, &some("again", 5));
        assert_eq!(ruled(&old), before + 5);
        let history: Vec<String> = admin.get(&format!("/api/v1/plugins/{id}/history")).items().iter().map(|e| text(e, "kind").to_owned()).collect();
        assert_eq!(history, ["plugin.installed", "plugin.shadow_begun", "plugin.activated"]);
        server.command(&["rebuild-facts", "--check"]).ok();
    }
}

#[test]
fn counts_of_the_stream_follow_a_source_that_grows() {
    let source = Source::start((0..5).map(record).collect());
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    pulled(&admin, &source, 2);
    let database = server.database();
    until("the first have arrived", || {
        (voices(&database) == 5).then_some(())
    });
    for n in 5..9 {
        source.add(record(n));
    }
    assert_eq!(
        admin
            .post("/api/v1/installations/orders/pull", &json!({}))
            .status,
        202
    );
    until("the others have arrived", || {
        (voices(&database) == 9).then_some(())
    });
    nothing_twice(&database);
    // From the beginning again: everything is known.
    let streams = installation(&admin, "orders")["streams"].clone();
    let name = text(&streams[0], "name").to_owned();
    let reply = admin.post(
        &format!("/api/v1/installations/orders/streams/{name}/restart"),
        &json!({}),
    );
    assert_eq!(reply.status, 202, "{}", reply.text());
    let stream = until("it was read again", || {
        let s = installation(&admin, "orders")["streams"][0].clone();
        (s["duplicates"].as_i64() >= Some(9)).then_some(s)
    });
    assert_eq!(stream["accepted"], 9, "{stream}");
    assert_eq!(voices(&database), 9);
    let by_kind: BTreeMap<String, usize> = admin
        .get("/api/v1/installations/orders/history")
        .items()
        .iter()
        .fold(BTreeMap::new(), |mut all, e| {
            *all.entry(text(e, "kind").to_owned()).or_default() += 1;
            all
        });
    assert_eq!(by_kind["installation.stream_restarted"], 1, "{by_kind:?}");
}
