//! From the voice that crosses a line to the queued mail, under load. A measurement, not a test:
//! `cargo test -p tests --test it -- --ignored latency --nocapture`, with `BIHUAN_BIN` naming a
//! release build for figures that count.

use crate::world::furnish;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tests::{Engine, Server, report, time, until_within};

/// Voices a second.
const RATE: usize = 200;
/// Seconds under load.
const SECONDS: usize = 30;
/// Voices in one request.
const REQUEST: usize = 20;
/// Voices of one topic, one after the other; it crosses its line in the middle.
const PER_TOPIC: usize = 125;
/// Contacts that are still accepted.
const LIMIT: usize = 60;
/// What the specification allows, in milliseconds.
const ALLOWED: f64 = 2000.0;

fn share(sorted: &[f64], q: f64) -> f64 {
    let place = (q * sorted.len() as f64).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1]
}

fn measure(engine: Engine) {
    let server = Server::start(engine);
    let admin = server.admin();
    furnish(&admin);
    let topics = RATE * SECONDS / PER_TOPIC;
    for n in 0..topics {
        let body = json!({"key": format!("主题{n}"), "name": format!("主题{n}"), "owner_department": crate::world::SERVICE});
        admin.put(&format!("/api/v1/topics/主题{n}"), &body).ok();
    }
    let rule = json!({"kind": "threshold", "params": {"limit": LIMIT}});
    admin.put("/api/v1/detectors/limit", &rule).ok();
    // Other rules look as well: the figure is that of a server as it is used.
    for kind in ["spike", "csat_fall", "risk"] {
        let params = if kind == "risk" {
            json!({"limit": 1_000_000})
        } else {
            json!({})
        };
        let body = json!({"kind": kind, "params": params});
        admin.put(&format!("/api/v1/detectors/{kind}"), &body).ok();
    }
    let (stop, stopped) = mpsc::channel::<()>();
    let database = server.database();
    // Another connection looks when a mail is queued: its row is there when its transaction is durable.
    let watcher = std::thread::spawn(move || {
        let mut seen: BTreeMap<String, Instant> = BTreeMap::new();
        let sql = "SELECT i.topic AS t FROM delivery d JOIN issue i ON i.id = d.issue_id";
        loop {
            let all = database.texts(sql);
            let now = Instant::now();
            for topic in all {
                seen.entry(topic).or_insert(now);
            }
            match stopped.recv_timeout(Duration::from_millis(5)) {
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                _ => return seen,
            }
        }
    });
    let (_pace, pause) = mpsc::channel::<()>();
    let started = Instant::now();
    let mut crossed: BTreeMap<String, Instant> = BTreeMap::new();
    let mut empty = Vec::new();
    for request in 0..RATE * SECONDS / REQUEST {
        let due = Duration::from_millis((request * REQUEST * 1000 / RATE) as u64);
        if let Some(wait) = due.checked_sub(started.elapsed()) {
            let _ = pause.recv_timeout(wait);
        }
        let items: Vec<Value> = (0..REQUEST)
            .map(|n| {
                let voice = request * REQUEST + n;
                json!({"channel": "phone", "external_id": format!("v{voice}"), "kind": "call",
                       "occurred_at": time::just_now(1), "topic": format!("主题{}", voice / PER_TOPIC),
                       "text": "请尽快处理我的问题，已经打过两次电话。", "customer_ref": format!("c{voice}"), "rating": 3})
            })
            .collect();
        let at = Instant::now();
        admin.post_lines("/api/v1/feedback", &items).ok();
        for n in 0..REQUEST {
            let voice = request * REQUEST + n;
            if voice % PER_TOPIC == LIMIT {
                crossed.insert(format!("主题{}", voice / PER_TOPIC), at);
            }
        }
        if request % 10 == 5 {
            let at = Instant::now();
            admin.post("/api/v1/feedback", &json!({"items": []})).ok();
            empty.push(at.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let lived = started.elapsed().as_secs_f64();
    let count = server.database();
    until_within(Duration::from_secs(60), "every mail is queued", || {
        let mails = count.count("SELECT COUNT(DISTINCT issue_id) AS n FROM delivery");
        (mails >= topics as i64).then_some(())
    });
    stop.send(()).expect("the watcher listens");
    let seen = watcher.join().expect("the watcher ends");
    let mut waits: Vec<f64> = crossed
        .iter()
        .filter_map(|(topic, at)| Some(seen.get(topic)?.duration_since(*at).as_secs_f64() * 1000.0))
        .collect();
    waits.sort_by(f64::total_cmp);
    empty.sort_by(f64::total_cmp);
    assert_eq!(waits.len(), topics, "every topic crossed its line");
    let (p50, p95, trip) = (share(&waits, 0.5), share(&waits, 0.95), share(&empty, 0.5));
    report(&format!(
        "latency {engine:?}: {} crossings at {:.0} voices/s: p50 {p50:.0} ms, p95 {p95:.0} ms (allowed {ALLOWED:.0} ms), \
         largest {:.0} ms; an empty batch's round trip {trip:.1} ms, p95 is {:.0} times that",
        waits.len(),
        (RATE * SECONDS) as f64 / lived,
        waits[waits.len() - 1],
        p95 / trip
    ));
}

#[test]
#[ignore = "a measurement of half a minute"]
fn latency_on_sqlite() {
    measure(Engine::Sqlite);
}

#[test]
#[ignore = "a measurement of half a minute"]
fn latency_on_postgres() {
    if tests::database::postgres_is_there("latency_on_postgres") {
        measure(Engine::Postgres);
    }
}
