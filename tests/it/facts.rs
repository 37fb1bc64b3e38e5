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
        "ticket",
        "call",
        "chat",
        "review",
        "survey",
        "search",
        "voe",
        "email",
        "article_vote",
    ];
    let kind = random.pick(&kinds);
    voice["kind"] = json!(kind);
    match *kind {
        "search" => {
            voice["query"] = json!(random.pick(&["发票", " 发票 ", "改套餐", "Invoice"]));
            voice["hits"] = json!(random.below(3));
        }
        "article_vote" => {
            voice["article"] = json!(random.pick(&["kb-1", "kb-2"]));
            if !random.once_in(3) {
                voice["helpful"] = json!(random.once_in(2));
            }
        }
        _ => {}
    }
    if random.once_in(3) {
        voice["agent_ref"] = json!(format!("agent-{}", random.below(3)));
        voice["team"] = json!(random.pick(&["一组", "二组"]));
    }
    if random.once_in(6) {
        voice["nps"] = json!(random.below(11));
    }
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
    for field in [
        "resolved",
        "resolved_first_contact",
        "transferred",
        "invited",
    ] {
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
        assert!(database.count("SELECT COUNT(*) AS n FROM detail_day") > 20, "beside topics too");
        assert!(database.count("SELECT COUNT(*) AS n FROM customer_day WHERE n > 0") > 5, "who did what as well");
        // Counted another way: pairs of customer and place, and the voices of nobody.
        let places = "SELECT COUNT(*) AS n FROM (SELECT DISTINCT l.customer_hash, f.class, l.topic, f.day, \
                      CASE WHEN l.customer_hash = '' THEN f.id ELSE '' END FROM label l JOIN feedback f \
                      ON f.id = l.feedback_id WHERE f.day IS NOT NULL) AS p";
        let customers = "SELECT CAST(SUM(customers) AS BIGINT) AS n FROM topic_day";
        assert_eq!(database.count(customers), database.count(places));

        // The check can fail: one figure is changed behind its back, and a rebuild puts it right.
        database.run("UPDATE topic_day SET contacts = contacts + 1 WHERE day = (SELECT MAX(day) FROM topic_day)");
        server.command(&["rebuild-facts", "--check"]).fails();
        server.command(&["rebuild-facts", "--check"]).fails();
        server.command(&["rebuild-facts"]).ok();
        server.command(&["rebuild-facts", "--check"]).ok();
        // The rows beside topics and who stands for whom are checked as well.
        for change in [
            "UPDATE detail_day SET voices = voices + 1 WHERE kind = 'agent'",
            "UPDATE customer_day SET n = n + 1",
            "DELETE FROM customer_day",
            "UPDATE label SET first_of_day = (NOT first_of_day) WHERE customer_hash <> ''",
        ] {
            database.run(change);
            server.command(&["rebuild-facts", "--check"]).fails();
            server.command(&["rebuild-facts"]).ok();
            server.command(&["rebuild-facts", "--check"]).ok();
            assert_eq!(database.count(customers), database.count(places), "after {change}");
        }
    }
}

on_both_engines! {
    /// One person who writes again and again is one customer, wherever the labels move.
    fn customers_are_counted_once_a_day_and_topic(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let day = time::ago(20);
        let voice = |n: usize, customer: Option<&str>, topic: &str| {
            let mut v = json!({"channel": "phone", "external_id": format!("c{n}"), "text": "请处理", "topic": topic,
                               "occurred_at": time::on(day, n as u32)});
            if let Some(customer) = customer {
                v["customer_ref"] = json!(customer);
            }
            v
        };
        let send = |items: Vec<Value>| {
            admin.post("/api/v1/feedback?wait=analysed", &json!({"items": items})).ok();
        };
        let customers = |topic: &str| crate::world::fact(&admin, "customers", topic, "");
        send(vec![
            voice(0, Some("a"), TOPIC), voice(1, Some("a"), TOPIC), voice(2, Some("b"), TOPIC),
            voice(3, None, TOPIC), voice(4, None, TOPIC), voice(5, Some("a"), OTHER),
        ]);
        assert_eq!((customers(TOPIC), customers(OTHER)), (4.0, 1.0), "a, b and two of nobody; a");
        // The same customers in another batch and on another channel are known.
        let mut chat = voice(6, Some("b"), TOPIC);
        chat["channel"] = json!("chat");
        send(vec![chat, voice(7, Some("a"), TOPIC)]);
        assert_eq!(customers(TOPIC), 4.0);
        let id = |external: &str| {
            let all = admin.get("/api/v1/feedback?limit=500").items();
            let found = all.iter().find(|v| v["external_id"] == external).expect("the voice");
            text(found, "id").to_owned()
        };
        // The one that stood for its customer leaves: another takes its place, until none is left.
        for (left, (external, expected)) in [("c0", (4.0, 1.0)), ("c1", (4.0, 1.0)), ("c7", (3.0, 1.0))].into_iter().enumerate() {
            admin.put(&format!("/api/v1/feedback/{}/labels", id(external)), &json!({"topic": OTHER})).ok();
            assert_eq!((customers(TOPIC), customers(OTHER)), expected, "{left}");
        }
        // A revision moves it as well: to another day, and the customer behind it counts there.
        let mut later = voice(2, Some("b"), TOPIC);
        later["occurred_at"] = json!(time::on(time::ago(19), 0));
        send(vec![later]);
        assert_eq!(customers(TOPIC), 4.0, "b yesterday by chat, b today, two of nobody");
        // Both voices of one customer change in one batch: neither stands for anybody on the old day.
        let moved = |n: usize| {
            let mut v = voice(n, Some("a"), OTHER);
            v["occurred_at"] = json!(time::on(time::ago(18), n as u32));
            v
        };
        send(vec![moved(0), moved(5), moved(1)]);
        let on = |day| crate::world::fact(&admin, "customers", OTHER, &format!("&from={day}&to={day}"));
        assert_eq!((on(day), on(time::ago(18))), (1.0, 1.0), "c7 stays behind");
        server.command(&["rebuild-facts", "--check"]).ok();
    }
}

on_both_engines! {
    /// Agents, teams, search terms and articles have figures of their own.
    fn facts_beside_topics_are_counted(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let at = |n: u32| time::on(time::ago(9), n);
        let mut items = Vec::new();
        for n in 0..6_u32 {
            items.push(json!({"channel": "phone", "external_id": format!("k{n}"), "kind": "call", "text": COMPLAINTS[0],
                "occurred_at": at(n), "agent_ref": if n < 4 { "agent-7" } else { "agent-8" }, "team": "一组",
                "rating": if n == 0 { 1 } else { 5 }, "handle_seconds": 100 * (n + 1), "resolved_first_contact": n % 2 == 0,
                "nps": if n < 2 { 6 * n } else { 5 + n }}));
            items.push(json!({"channel": "help", "external_id": format!("s{n}"), "kind": "search",
                "query": if n < 4 { "開  發票" } else { "开 发票" }, "hits": i64::from(n > 2), "occurred_at": at(n)}));
            let mut vote = json!({"channel": "help", "external_id": format!("v{n}"), "kind": "article_vote",
                "article": "kb-1", "text": "文章", "occurred_at": at(n)});
            if n > 0 {
                vote["helpful"] = json!(n > 3);
            }
            items.push(vote);
        }
        let receipt = admin.post("/api/v1/feedback?wait=analysed", &json!({"items": items})).ok();
        assert_eq!((&receipt["accepted"], &receipt["rejected"]), (&json!(18), &json!([])), "{receipt}");
        let items = |query: &str| admin.get(&format!("/api/v1/facts?{query}")).ok()["items"].clone();
        assert_eq!(items("metric=contacts&group_by=agent"),
            json!([{"agent": "agent-7", "value": 4.0, "n": 4}, {"agent": "agent-8", "value": 2.0, "n": 2}]));
        assert_eq!(items("metric=csat&group_by=agent")[0], json!({"agent": "agent-7", "value": 0.75, "n": 4}));
        assert_eq!(items("metric=aht&group_by=team"), json!([{"team": "一组", "value": 350.0, "n": 6}]));
        assert_eq!(items("metric=no_result&group_by=search_term"),
            json!([{"search_term": "开 发票", "value": 3.0, "n": 6}]));
        assert_eq!(items("metric=unhelpful_share&group_by=article"),
            json!([{"article": "kb-1", "value": 0.6, "n": 5}]));
        assert_eq!(items(&format!("metric=unhelpful&group_by=day,article&from={}", time::ago(9))),
            json!([{"day": time::ago(9), "article": "kb-1", "value": 3.0, "n": 5}]));
        assert_eq!(items("metric=fcr"), json!([{"value": 0.5, "n": 6}]));
        assert_eq!(items("metric=nps"), json!([{"value": 0.0, "n": 6}]), "two promoters, two detractors");
        assert_eq!(items("metric=no_result_share"), json!([{"value": 0.5, "n": 6}]));
        assert_eq!(items("metric=unhelpful")[0]["value"], 3.0);
        for wrong in ["metric=contacts&group_by=agent,topic", "metric=contacts&group_by=agent,team",
                      "metric=customers&group_by=agent", "metric=contacts&group_by=agent&topic=x", "metric=contacts&group_by=month"] {
            admin.get(&format!("/api/v1/facts?{wrong}")).problem(400, "invalid_query");
        }
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

on_both_engines! {
    /// A database of an earlier version has voices, but none of the newer figures: the first start
    /// makes them.
    fn the_first_start_after_a_migration_makes_facts_anew(engine) {
        let mut server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let mut random = Random::of("upgrade");
        let items: Vec<Value> = (0..80).map(|n| any_voice(&mut random, &format!("v{n}"))).collect();
        admin.post("/api/v1/feedback?wait=analysed", &json!({"items": items})).ok();
        let database = server.database();
        let customers = "SELECT CAST(SUM(customers) AS BIGINT) AS n FROM fact";
        let before = database.count(customers);
        // What migration 2 leaves behind on a database that has labels.
        for change in [
            "UPDATE label SET first_of_day = FALSE",
            "UPDATE fact SET customers = 0, nps_n = 0, fcr_known = 0",
            "UPDATE topic_day SET customers = 0, nps_n = 0, fcr_known = 0",
            "DELETE FROM detail_day",
            "INSERT INTO upkeep (name) VALUES ('rebuild-facts')",
        ] {
            database.run(change);
        }
        server.kill9();
        server.restart();
        assert_eq!(server.database().count(customers), before);
        assert_eq!(server.database().count("SELECT COUNT(*) AS n FROM upkeep"), 0);
        server.command(&["rebuild-facts", "--check"]).ok();
    }
}

on_both_engines! {
    /// One person who does it again and again crosses no line; with a second one it is crossed, whatever narrows the rule.
    fn lines_are_crossed_by_customers(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let rule = |key: &str, kind: &str, scope: Value, params: Value| {
            let body = json!({"kind": kind, "scope": scope, "params": params});
            admin.put(&format!("/api/v1/detectors/{key}"), &body).ok();
        };
        rule("all", "threshold", json!({"topic": TOPIC}), json!({"limit": 9}));
        rule("by-chat", "threshold", json!({"topic": TOPIC, "channel": "chat"}), json!({"limit": 5}));
        rule("bad", "low_rating", json!({"topic": TOPIC}), json!({"max_rating": 2, "limit": 5}));
        rule("risky", "risk", json!({"topic": TOPIC}), json!({"limit": 5}));
        rule("searches", "no_result_search", json!({}), json!({"limit": 3, "window_days": 3}));
        rule("articles", "unhelpful_article", json!({}), json!({"min_views": 5, "min_votes": 4}));
        let keys = ["all", "by-chat", "bad", "risky", "searches", "articles"];
        let send = |items: &[Value]| {
            admin.post("/api/v1/feedback?wait=analysed", &json!({"items": items})).ok();
        };
        let signals = |key: &str| admin.get(&format!("/api/v1/detectors/{key}/signals")).items();
        let voice = |id: String, who: Option<String>, channel: &str| {
            let mut v = json!({"channel": channel, "external_id": id, "occurred_at": time::just_now(60), "topic": TOPIC,
                               "text": "再不解决我就打12315投诉，并且找律师起诉你们", "rating": 1});
            if let Some(who) = who {
                v["customer_ref"] = json!(who);
            }
            v
        };
        let besides = |id: String, who: String| [
            json!({"channel": "help", "external_id": format!("s{id}"), "kind": "search", "query": "发票抬头", "hits": 0,
                   "occurred_at": time::just_now(60), "customer_ref": who}),
            json!({"channel": "help", "external_id": format!("v{id}"), "kind": "article_vote", "article": "kb-1",
                   "helpful": false, "occurred_at": time::just_now(60), "customer_ref": who}),
        ];
        // Thirty times the same person, by phone and by chat.
        for n in 0..30 {
            let channel = if n % 3 == 0 { "chat" } else { "phone" };
            let mut items = vec![voice(format!("a{n}"), Some("same".into()), channel)];
            items.extend(besides(format!("a{n}"), "same".into()));
            send(&items);
        }
        for key in keys {
            assert_eq!(signals(key), Vec::<Value>::new(), "{key}");
        }
        // Others join in, who called before they came by chat: each counts once, wherever.
        for n in 0..4 {
            let who = || format!("other-{n}");
            let mut items = vec![voice(format!("p{n}"), Some(who()), "phone"), voice(format!("c{n}"), Some(who()), "chat")];
            items.extend(besides(format!("o{n}"), who()));
            send(&items);
        }
        for (key, customers) in [("searches", 5), ("articles", 5)] {
            assert_eq!(signals(key)[0]["customers"], customers, "{key}: {:?}", signals(key));
        }
        // A voice of nobody stands for itself: the sixth.
        send(&[voice("nobody".into(), None, "chat")]);
        for key in ["all", "by-chat", "bad", "risky"] {
            assert_eq!(signals(key)[0]["customers"], 6, "{key}: {:?}", signals(key));
        }
        assert_eq!(signals("bad")[0]["count"], 39);
        let today = time::ago(0).to_string();
        for key in keys {
            let tried = admin.post(&format!("/api/v1/detectors/{key}/backtest"), &json!({"from": today, "to": today})).ok();
            let live: Vec<Value> = signals(key).iter().map(|s| s["customers"].clone()).collect();
            let past: Vec<Value> = tried["signals"].as_array().expect("signals").iter().map(|s| s["customers"].clone()).collect();
            assert_eq!(past.len(), live.len(), "{key}: {tried}");
            if matches!(key, "all" | "by-chat" | "bad" | "risky") {
                assert_eq!(past, live, "{key}");
            }
        }
        server.command(&["rebuild-facts", "--check"]).ok();
    }
}
