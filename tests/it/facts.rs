//! What is charted, detected and verified is computed from facts; facts are always what feedback and
//! labels say, whatever happened in whatever order.

use crate::world::{COMPLAINTS, OTHER, OUTAGES, TOPIC, furnish, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::{Caller, Engine, Random, Server, on_both_engines, time, until};

/// Random operations of one sequence.
fn steps() -> u64 {
    std::env::var("BIHUAN_FACTS_STEPS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(120)
}

/// A voice with anything in it.
fn any_voice(random: &mut Random, id: &str) -> Value {
    let said = if random.once_in(2) {
        random.pick(&COMPLAINTS).to_string()
    } else {
        random.pick(&OUTAGES).to_string()
    };
    let mut voice =
        json!({"channel": random.pick(&["phone", "chat", "app"]), "external_id": id, "text": said});
    if !random.once_in(12) {
        let day = time::ago(random.below(40));
        voice["occurred_at"] = json!(if day == time::today() {
            time::just_now(7)
        } else {
            time::on(day, random.below(30_000) as u32)
        });
    }
    let kinds = [
        "ticket", "call", "chat", "review", "survey", "search", "voe", "email",
    ];
    voice["kind"] = json!(random.pick(&kinds));
    if random.once_in(2) {
        voice["rating"] = json!(1 + random.below(5));
    }
    if random.once_in(3) {
        voice["customer_ref"] = json!(format!("customer {}", random.below(6)));
    }
    if random.once_in(3) {
        voice["handle_seconds"] = json!(random.below(900));
    }
    if random.once_in(5) {
        voice["compensation_cents"] = json!(random.below(5000));
    }
    for (field, values) in [
        ("region", ["华东", "华南"]),
        ("business_line", ["个人", "政企"]),
        ("customer_tier", ["金卡", "普通"]),
    ] {
        if random.once_in(3) {
            voice[field] = json!(random.pick(&values));
        }
    }
    for field in ["resolved", "transferred", "invited"] {
        if random.once_in(4) {
            voice[field] = json!(random.once_in(2));
        }
    }
    if random.once_in(6) {
        voice["handled_by"] = json!(random.pick(&["bot", "human"]));
    }
    if random.once_in(6) {
        voice["topic"] = json!(random.pick(&[TOPIC, OTHER, "携号转网", "积分兑换"]));
    }
    if random.once_in(6) {
        voice["sentiment"] = json!(random.pick(&["positive", "negative", "neutral", "mixed"]));
    }
    voice
}

/// Waits until no voice waits for its label.
fn settled(server: &Server) {
    let database = server.database();
    until("no voice waits for its label", || {
        (database.count("SELECT COUNT(*) AS n FROM job WHERE kind = 'analyse'") == 0).then_some(())
    });
}

fn one_step(
    random: &mut Random,
    caller: &Caller,
    sent: &mut BTreeMap<String, Value>,
    log: &mut Vec<String>,
) {
    let path = if random.once_in(3) {
        "/api/v1/feedback"
    } else {
        "/api/v1/feedback?wait=analysed"
    };
    let post = |items: Vec<Value>| {
        let receipt = caller.post(path, &json!({"items": items})).ok();
        assert_eq!(receipt["rejected"], json!([]), "{receipt}");
    };
    let any = |random: &mut Random, sent: &BTreeMap<String, Value>| {
        let all: Vec<String> = sent.keys().cloned().collect();
        (!all.is_empty()).then(|| random.pick(&all).clone())
    };
    match random.below(10) {
        0..=3 => {
            let mut items = Vec::new();
            for _ in 0..=random.below(6) {
                let id = format!("v{}", sent.len());
                let voice = any_voice(random, &id);
                sent.insert(id, voice.clone());
                items.push(voice);
            }
            log.push(format!("send {}", json!(items)));
            post(items);
        }
        4 => {
            let Some(id) = any(random, sent) else { return };
            log.push(format!("again {id}"));
            post(vec![sent[&id].clone()]);
        }
        5 | 6 => {
            let Some(id) = any(random, sent) else { return };
            let mut voice = any_voice(random, &id);
            voice["channel"] = sent[&id]["channel"].clone();
            log.push(format!("change {voice}"));
            // The old word and the new one may come in one batch.
            let both = random.once_in(3).then(|| sent[&id].clone());
            post(both.into_iter().chain([voice.clone()]).collect());
            sent.insert(id, voice);
        }
        7 => {
            let Some(id) = any(random, sent) else { return };
            let item = json!({"channel": sent[&id]["channel"], "external_id": id, "rating": 1 + random.below(5)});
            log.push(format!("rate {item}"));
            caller
                .post("/api/v1/ratings", &json!({"items": [item]}))
                .ok();
        }
        8 => {
            let all = caller.get("/api/v1/feedback?limit=500").items();
            let labelled: Vec<Value> = all.into_iter().filter(|v| !v["label"].is_null()).collect();
            if labelled.is_empty() {
                return;
            }
            let id = text(random.pick(&labelled), "id").to_owned();
            let mut label = json!({"topic": random.pick(&[TOPIC, OTHER, ""])});
            if random.once_in(2) {
                label["sentiment"] = json!(random.pick(&["positive", "negative"]));
            }
            log.push(format!("relabel {id} {label}"));
            caller
                .put(&format!("/api/v1/feedback/{id}/labels"), &label)
                .ok();
        }
        _ => {
            let mut topic = caller.get(&format!("/api/v1/topics/{OTHER}")).ok();
            topic["words"] = json!([
                "宽带",
                "断网",
                "掉线",
                "光猫",
                random.pick(&["资费", "上门", "月租"])
            ]);
            log.push(format!("topic {topic}"));
            caller.put(&format!("/api/v1/topics/{OTHER}"), &topic).ok();
        }
    }
}

on_both_engines! {
    /// Any sequence of operations leaves facts as a rebuild would make them.
    fn facts_are_what_feedback_and_labels_say(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let mut random = Random::of("facts");
        let (mut sent, mut log) = (BTreeMap::new(), Vec::new());
        for step in 0..steps() {
            one_step(&mut random, &admin, &mut sent, &mut log);
            // Half-way too, so that a failure names a shorter sequence.
            if step % (steps() / 3).max(1) == 0 || step + 1 == steps() {
                settled(&server);
                let output = server.command(&["rebuild-facts", "--check"]).output();
                assert!(output.status.success(), "after {} steps: {}\n{}", log.len(), tests::server::both(&output), log[log.len().saturating_sub(60)..].join("\n"));
            }
        }
        let database = server.database();
        let twice = database.texts(
            "SELECT channel || '/' || external_id AS t FROM feedback GROUP BY 1 HAVING COUNT(*) > 1",
        );
        assert_eq!(twice, Vec::<String>::new(), "channel and id are the identity, whatever else changes");
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM feedback"), sent.len() as i64);
        assert!(database.count("SELECT COUNT(*) AS n FROM fact") > 20, "there is something to compare");

        // The check can fail: one figure is changed behind its back, and a rebuild puts it right.
        database.run("UPDATE topic_day SET contacts = contacts + 1 WHERE day = (SELECT MAX(day) FROM topic_day)");
        server.command(&["rebuild-facts", "--check"]).fails();
        server.command(&["rebuild-facts", "--check"]).fails();
        server.command(&["rebuild-facts"]).ok();
        server.command(&["rebuild-facts", "--check"]).ok();
    }
}

/// A rebuild must not depend on the engine: the same voices give the same figures on both.
#[test]
fn both_engines_count_alike() {
    if !tests::database::postgres_is_there("facts::both_engines_count_alike") {
        return;
    }
    let figures = [Engine::Sqlite, Engine::Postgres].map(|engine| {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let mut random = Random::of("alike");
        let items: Vec<Value> = (0..300)
            .map(|n| any_voice(&mut random, &format!("v{n}")))
            .collect();
        let receipt = admin
            .post("/api/v1/feedback?wait=analysed", &json!({"items": items}))
            .ok();
        assert_eq!(receipt["accepted"], 300, "{receipt}");
        [
            "contacts",
            "rated",
            "csat",
            "mean_rating",
            "negative_share",
            "aht",
            "repeats",
            "risky",
        ]
        .map(|metric| {
            admin
                .get(&format!(
                    "/api/v1/facts?metric={metric}&group_by=day,topic,channel"
                ))
                .ok()["items"]
                .clone()
        })
    });
    for (sqlite, postgres) in figures[0].iter().zip(&figures[1]) {
        let sorted = |all: &Value| {
            let mut all: Vec<String> = all
                .as_array()
                .expect("items")
                .iter()
                .map(ToString::to_string)
                .collect();
            all.sort();
            all
        };
        assert_eq!(sorted(sqlite), sorted(postgres));
    }
}

on_both_engines! {
    /// A rating or a new word that comes before the label is there is not lost.
    fn what_overtakes_the_label_counts(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let send = |voice: &Value| admin.post("/api/v1/feedback", &json!({"items": [voice]})).ok();
        for n in 0..40 {
            let mut voice = json!({"channel": "phone", "external_id": format!("r{n}"), "text": COMPLAINTS[0],
                                   "occurred_at": time::on(time::ago(9), 0)});
            send(&voice);
            if n % 2 == 0 {
                let mark = json!({"channel": "phone", "external_id": format!("r{n}"), "rating": 3});
                admin.post("/api/v1/ratings", &json!({"items": [mark]})).ok();
            } else {
                voice["occurred_at"] = json!(time::on(time::ago(7), 0));
                voice["text"] = json!(OUTAGES[0]);
                send(&voice);
            }
        }
        settled(&server);
        assert_eq!(crate::world::fact(&admin, "rated", TOPIC, ""), 20.0);
        assert_eq!(crate::world::fact(&admin, "contacts", TOPIC, ""), 20.0);
        assert_eq!(crate::world::fact(&admin, "contacts", OTHER, &format!("&from={}", time::ago(7))), 20.0);
        server.command(&["rebuild-facts", "--check"]).ok();
    }
}
