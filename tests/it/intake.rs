//! Collecting: the same voice counts once, a bad one spoils nothing, and what is personal never gets in.

use crate::world::{
    COMPLAINTS, DETECTOR, OTHER, OUTAGES, TOPIC, contact, days_ago, fact, furnish, issues, number,
    send, text, watch,
};
use chrono::{Datelike as _, NaiveDate};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tests::files::{Cell, csv, gbk, xlsx};
use tests::http::Part;
use tests::{Caller, Engine, Options, Server, on_both_engines, report, skipped, time, until};

fn furnished(engine: Engine) -> Server {
    let server = Server::start(engine);
    furnish(&server.admin());
    server
}

fn post(caller: &Caller, items: &[Value]) -> Value {
    caller
        .post("/api/v1/feedback?wait=analysed", &json!({"items": items}))
        .ok()
}

/// accepted, updated, duplicates, rejected.
fn tally(receipt: &Value) -> (i64, i64, i64, usize) {
    let n = |field: &str| {
        receipt[field]
            .as_i64()
            .unwrap_or_else(|| panic!("no {field} in {receipt}"))
    };
    (
        n("accepted"),
        n("updated"),
        n("duplicates"),
        receipt["rejected"].as_array().expect("a list").len(),
    )
}

fn voices(server: &Server) -> i64 {
    server
        .database()
        .count("SELECT COUNT(*) AS n FROM feedback")
}

on_both_engines! {
    /// Acknowledged is kept, and kept once.
    fn sent_again_it_is_the_same_voice(engine) {
        let server = furnished(engine);
        let sender = server.role("integrator");
        let day = time::on(time::ago(5), 0);
        let items = [contact("a", &day, 0), contact("b", &day, 1), contact("c", &day, 2)];
        assert_eq!(tally(&post(&sender, &items)), (3, 0, 0, 0));
        assert_eq!(tally(&post(&sender, &items)), (0, 0, 3, 0), "the same once more");
        assert_eq!(voices(&server), 3);

        // Other content is a new revision of the same voice, and only the new one counts.
        let mut changed = items[1].clone();
        changed["rating"] = json!(1);
        changed["occurred_at"] = json!(time::on(time::ago(4), 0));
        assert_eq!(tally(&post(&sender, &[items[0].clone(), changed.clone()])), (0, 1, 1, 0));
        assert_eq!(voices(&server), 3);
        let admin = server.admin();
        assert_eq!(fact(&admin, "contacts", TOPIC, ""), 3.0);
        assert_eq!(fact(&admin, "contacts", TOPIC, &format!("&from={}", time::ago(4))), 1.0, "moved to its new day");
        assert_eq!(fact(&admin, "rated", TOPIC, ""), 1.0);
        let all = admin.get("/api/v1/feedback").items();
        let b = all.iter().find(|v| v["external_id"] == "b").expect("it is there");
        assert_eq!((&b["revision"], &b["rating"]), (&json!(2), &json!(1)), "{b}");

        // Twice in one batch: once, and the last word counts.
        let d = contact("d", &day, 3);
        let mut d2 = d.clone();
        d2["rating"] = json!(5);
        let receipt = post(&sender, &[d.clone(), d.clone(), d2]);
        assert_eq!(tally(&receipt), (1, 1, 1, 0), "{receipt}");
        assert_eq!(voices(&server), 4);

        // Another channel's id is another voice; without an id the content is the identity.
        let mut other = items[0].clone();
        other["channel"] = json!("chat");
        let mut nameless = items[0].clone();
        nameless.as_object_mut().expect("an object").remove("external_id");
        assert_eq!(tally(&post(&sender, &[other, nameless.clone(), nameless])), (2, 0, 1, 0));
        assert_eq!(voices(&server), 6);
        server.command(&["rebuild-facts", "--check"]).ok();
    }

    /// Ratings that come later count on the day of their contact.
    fn late_ratings_count_on_the_day_of_the_contact(engine) {
        let server = furnished(engine);
        let admin = server.admin();
        let day = time::ago(6);
        send(&admin, &[contact("a", &time::on(day, 0), 0), contact("b", &time::on(day, 60), 1)]);
        let rate = |items: Value| admin.post("/api/v1/ratings", &json!({"items": items})).ok();
        let mark = json!({"channel": "phone", "external_id": "a", "rating": 2, "rating_max": 5, "rated_at": time::just_now(5)});
        let receipt = rate(json!([mark, {"channel": "phone", "external_id": "nobody", "rating": 4},
                                  {"channel": "phone", "external_id": "b", "rating": 9}]));
        assert_eq!(receipt["updated"], 1, "{receipt}");
        let refused: Vec<i64> = receipt["rejected"].as_array().expect("a list").iter().filter_map(|r| r["index"].as_i64()).collect();
        assert_eq!(refused, [1, 2], "{receipt}");
        let only = format!("&from={day}&to={day}");
        assert_eq!(fact(&admin, "rated", TOPIC, &only), 1.0);
        assert_eq!(fact(&admin, "rated", TOPIC, ""), 1.0, "and on no other day");
        assert_eq!(fact(&admin, "csat", TOPIC, &only), 0.0, "two of five is not satisfied");
        let again = rate(json!([mark]));
        assert_eq!((&again["updated"], &again["duplicates"]), (&json!(0), &json!(1)));
        assert_eq!(rate(json!([{"channel": "phone", "external_id": "a", "rating": 5}]))["updated"], 1);
        assert_eq!(fact(&admin, "rated", TOPIC, ""), 1.0, "a changed mark is one mark");
        assert_eq!(fact(&admin, "csat", TOPIC, ""), 1.0);
        server.command(&["rebuild-facts", "--check"]).ok();
    }

    /// A bad item never spoils its batch, and its sender learns which field it was.
    fn a_bad_item_is_refused_by_name(engine) {
        let server = furnished(engine);
        let admin = server.admin();
        let good = |id: &str| contact(id, &time::just_now(9), 0);
        let with = |id: &str, field: &str, value: Value| {
            let mut voice = good(id);
            voice[field] = value;
            voice
        };
        let tomorrow = (time::now() + chrono::TimeDelta::hours(30)).to_rfc3339();
        let many: serde_json::Map<String, Value> = (0..65).map(|n| (format!("a{n}"), json!("x"))).collect();
        let cases = [
            (with("x1", "colour", json!("red")), "unknown_field", "colour"),
            (with("x2", "rating", json!(7)), "rating_out_of_range", "rating"),
            (with("x3", "occurred_at", json!(tomorrow)), "future_time", "occurred_at"),
            (with("x4", "occurred_at", json!("yesterday")), "bad_time", "occurred_at"),
            (with("x5", "text", json!("长".repeat(22_000))), "too_long", "text"),
            (with("x6", "kind", json!("gossip")), "unknown_kind", "kind"),
            (with("x7", "attributes", Value::Object(many)), "too_many", "attributes"),
            (with("x8", "text", json!(17)), "wrong_type", "text"),
            (with("x9", "nps", json!(11)), "out_of_range", "nps"),
            (with("x10", "turns", json!([{"speaker": "customer", "text": "你好"}])), "conflict", "turns"),
            (with("x11", "channel", Value::Null), "missing_field", "channel"),
            (json!({"channel": "phone", "external_id": "x12"}), "empty", "text"),
        ];
        let mut items: Vec<Value> = vec![good("first")];
        items.extend(cases.iter().map(|(item, _, _)| item.clone()));
        items.push(good("last"));
        let receipt = post(&admin, &items);
        assert_eq!(tally(&receipt), (2, 0, 0, cases.len()), "{receipt}");
        for (place, ((item, code, field), refusal)) in
            cases.iter().zip(receipt["rejected"].as_array().expect("a list")).enumerate()
        {
            assert_eq!(refusal["index"], place + 1, "{refusal}");
            assert_eq!(refusal["code"], *code, "{refusal}");
            assert_eq!(refusal["external_id"], item["external_id"], "{refusal}");
            assert!(text(refusal, "detail").contains(field), "{refusal}");
        }

        // One line that is no JSON costs that line.
        let lines = format!("{}\n{{\"channel\": oops\n\n{}\n", good("n1"), good("n2"));
        let receipt = admin.send("POST", "/api/v1/feedback?wait=analysed", Some("application/x-ndjson"), lines.as_bytes()).ok();
        assert_eq!(tally(&receipt), (2, 0, 0, 1), "{receipt}");
        assert_eq!(receipt["rejected"][0]["index"], 1);

        // Compressed bodies are read; what counts against the limit is what comes out.
        let packed = |bytes: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        };
        let gzip = admin.with("content-encoding", "gzip");
        let body = json!({"items": [good("z1")]}).to_string();
        let receipt = gzip.send("POST", "/api/v1/feedback?wait=analysed", Some("application/json"), &packed(body.as_bytes())).ok();
        assert_eq!(tally(&receipt), (1, 0, 0, 0), "{receipt}");
        let bomb = packed(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 200_000);
        let reply = gzip.send("POST", "/api/v1/feedback", Some("application/json"), &bomb);
        reply.problem(413, "too_large");
        let large = vec![b' '; 17 << 20];
        admin.send("POST", "/api/v1/feedback", Some("application/json"), &large).problem(413, "too_large");

        // The request itself must make sense.
        admin.send("POST", "/api/v1/feedback", Some("application/json"), b"{\"items\": [").problem(400, "malformed_body");
        admin.send("POST", "/api/v1/feedback", Some("text/plain"), b"hello").problem(415, "unsupported_media_type");
        let problem = admin.post("/api/v1/feedback", &json!({"items": [], "colour": 1})).problem(422, "invalid_field");
        assert!(!problem["errors"].as_array().expect("a list").is_empty(), "{problem}");
        assert_eq!(admin.get("/healthz").status, 200);
    }

    /// What has no day is kept and counted apart; searches, votes and remarks are no contacts.
    fn only_contacts_with_a_day_are_counted(engine) {
        let server = furnished(engine);
        let admin = server.admin();
        let undated = json!({"channel": "web", "external_id": "u", "text": COMPLAINTS[0]});
        let at = time::on(time::ago(3), 0);
        let kind = |id: &str, kind: &str| {
            let mut voice = contact(id, &at, 1);
            voice["kind"] = json!(kind);
            voice
        };
        let items = [undated, kind("s", "search"), kind("v", "voe"), kind("q", "survey"), kind("c", "chat"),
                     json!({"channel": "help", "external_id": "av", "kind": "article_vote", "article": "A1", "helpful": false, "occurred_at": at})];
        assert_eq!(tally(&post(&admin, &items)), (6, 0, 0, 0));
        let overview = admin.get("/api/v1/overview").ok();
        assert_eq!(overview["undated"], 1, "{overview}");
        assert_eq!(overview["contacts"], 1, "{overview}");
        assert_eq!(fact(&admin, "contacts", TOPIC, "&class=search"), 0.0);
        assert_eq!(fact(&admin, "voices", TOPIC, "&class=search"), 1.0);
        let found = admin.get("/api/v1/feedback?q=套餐费").items();
        assert!(found.iter().any(|v| v["external_id"] == "u"), "kept for search: {found:?}");
        server.command(&["rebuild-facts", "--check"]).ok();
    }

    /// A topic nobody knows is proposed, said, and shown; a person makes it one.
    fn an_unknown_topic_is_proposed(engine) {
        let server = furnished(engine);
        let admin = server.admin();
        let mut voice = contact("p", &time::just_now(3), 0);
        voice["topic"] = json!("线上选号");
        let receipt = post(&admin, &[voice]);
        assert_eq!(tally(&receipt), (1, 0, 0, 0));
        let warnings = receipt["warnings"].to_string();
        assert!(warnings.contains("unknown_topic") && warnings.contains("线上选号"), "{warnings}");
        let topic = admin.get("/api/v1/topics/线上选号").ok();
        assert_eq!(topic["state"], "proposed");
        let coverage = admin.get("/api/v1/coverage?days=28").ok();
        assert!(coverage["proposed"].to_string().contains("线上选号"), "{coverage}");
        let mut confirmed = topic.clone();
        confirmed["state"] = json!("active");
        confirmed["words"] = json!(["选号"]);
        admin.put("/api/v1/topics/线上选号", &confirmed).ok();
        // The next voice is known by its words.
        let next = json!({"channel": "phone", "external_id": "p2", "occurred_at": time::just_now(2), "text": "选号页面一直转圈，选号选不了。"});
        post(&admin, &[next]);
        assert_eq!(fact(&admin, "contacts", "线上选号", ""), 2.0);
        // Stale: somebody changed it meanwhile.
        let stale = admin.with("if-match", "\"1\"").put("/api/v1/topics/线上选号", &confirmed);
        stale.problem(412, "stale_version");
    }

    /// A year of voices raises nothing; what it would have raised stands in the back-test.
    fn history_never_alarms(engine) {
        let server = furnished(engine);
        let admin = server.admin();
        watch(&admin);
        let mut year: Vec<Value> = Vec::new();
        for (n, day) in days_ago(364, 3).enumerate() {
            // A bad day every two months, with eighty contacts.
            let count = if n % 60 == 17 { 80 } else { 5 };
            year.extend((0..count).map(|c| contact(&format!("y{n}-{c}"), &time::on(day, c * 60), n + c as usize)));
        }
        // The same file reaches into the present, where it is too much as well.
        year.extend((0..55).map(|n| contact(&format!("now-{n}"), &time::just_now(120 - n), n as usize)));
        let started = Instant::now();
        for part in year.chunks(1500) {
            // As a bulk load comes: every request reaches back.
            let mut lines = vec![contact(&format!("anchor-{}", text(&part[0], "external_id")), &time::on(time::ago(300), 0), 0)];
            lines.extend_from_slice(part);
            admin.post_lines("/api/v1/feedback", &lines).ok();
        }
        let database = server.database();
        until("all labels", || {
            (database.count("SELECT COUNT(*) AS n FROM job WHERE kind = 'analyse'") == 0).then_some(())
        });
        report(&format!("history on {engine:?}: {} voices in {:.1} s", year.len(), started.elapsed().as_secs_f64()));
        let open = issues(&admin);
        assert_eq!(open.len(), 1, "only the present: {open:?}");
        assert_eq!(open[0]["signals"][0]["window"], time::today().to_string());
        assert_eq!(admin.get("/api/v1/outbox").items(), Vec::<Value>::new(), "no mail");
        assert_eq!(admin.get("/api/v1/mailbox").items(), Vec::<Value>::new(), "no mail");
        let span = json!({"from": time::ago(364).to_string(), "to": time::ago(3).to_string()});
        let tested = admin.post(&format!("/api/v1/detectors/{DETECTOR}/backtest"), &span).ok();
        let bad_days = (0..362).filter(|n| n % 60 == 17).count();
        assert_eq!(tested["signals"].as_array().expect("signals").len(), bad_days, "{tested}");
        assert_eq!(issues(&admin).len(), 1, "a back-test raises nothing");
    }

    /// Exports as they are: GBK, title rows, Chinese headers, Excel; by command and by upload; twice.
    fn files_of_customers_are_read_as_they_are(engine) {
        let server = furnished(engine);
        let admin = server.admin();
        let day = time::ago(20);
        let table = orders(day, 40);
        let file = server.folder().join("工单明细.csv");
        fs::write(&file, gbk(&csv(&table))).expect("a file");
        let path = file.display().to_string();
        let before = voices(&server);
        let dry = server.command(&["import", &path, "--channel", "热线", "--dry-run"]).ok();
        assert_eq!(voices(&server), before, "a dry run writes nothing: {dry}");
        server.command(&["import", &path, "--channel", "热线"]).ok();
        assert_eq!(voices(&server), 40);
        let said = server.command(&["import", &path, "--channel", "热线"]).ok();
        assert_eq!(voices(&server), 40, "run again it adds nothing: {said}");
        until("the running server labels what the command stored", || {
            (fact(&admin, "contacts", TOPIC, "&channel=热线") == 20.0).then_some(())
        });
        let all = admin.get("/api/v1/feedback?channel=热线&limit=500").items();
        let first = all.iter().find(|v| v["external_id"] == "GD0000").unwrap_or_else(|| panic!("no GD0000 in {all:?}"));
        assert_eq!(first["text"], COMPLAINTS[0]);
        assert_eq!(first["rating"], 4, "满意 is a good mark: {first}");
        assert_eq!(first["agent_ref"], "8001");
        let at = chrono::DateTime::parse_from_rfc3339(text(first, "occurred_at")).expect("a time");
        assert_eq!(at.with_timezone(&time::zone()).format("%Y-%m-%d %H:%M").to_string(), format!("{day} 09:00"), "the organisation's zone");
        assert_eq!(fact(&admin, "rated", TOPIC, "&channel=热线") + fact(&admin, "rated", OTHER, "&channel=热线"), 30.0, "未评价 is not rated");

        // The same by upload, looked at first; the command's rows are not doubled.
        let bytes = gbk(&csv(&table));
        let part = |name: &'static str| Part { name: "file", file_name: Some(name), content: &bytes };
        let preview = admin.post_parts("/api/v1/imports/preview", &[part("orders.csv")]).ok();
        assert_eq!(preview["title_rows"], 2, "{preview}");
        assert_eq!(preview["format"], "csv", "{preview}");
        assert!(text(&preview, "encoding").to_lowercase().contains("gb"), "{preview}");
        let field = |header: &str| {
            let columns = preview["columns"].as_array().expect("columns");
            columns.iter().find(|c| c["header"] == header).map(|c| c["field"].clone()).unwrap_or_default()
        };
        assert_eq!((field("受理时间"), field("工单内容"), field("满意度"), field("坐席工号")),
                   (json!("occurred_at"), json!("text"), json!("rating"), json!("agent_ref")), "{preview}");
        let channel = |value: &'static str| Part { name: "channel", file_name: None, content: value.as_bytes() };
        let again = uploaded(&admin, &[part("orders.csv"), channel("热线")]);
        assert_eq!((&again["duplicates"], &again["accepted"]), (&json!(40), &json!(0)), "{again}");
        assert_eq!(voices(&server), 40);

        // A spreadsheet: dates as numbers, durations as text, and one row nobody can use.
        let book = workbook(day, 12);
        let excel = Part { name: "file", file_name: Some("回访.xlsx"), content: &book };
        let done = uploaded(&admin, &[excel.clone(), channel("回访")]);
        assert_eq!((&done["state"], &done["accepted"], &done["rejected"]), (&json!("done"), &json!(12), &json!(1)), "{done}");
        let refused = admin.get(&format!("/api/v1/imports/{}/rejected", text(&done, "id")));
        assert!(refused.text().contains("time") || refused.text().contains("时间"), "{}", refused.text());
        let all = until("its voices", || {
            Some(admin.get("/api/v1/feedback?channel=回访&limit=500").items()).filter(|all| all.len() == 12)
        });
        let first = all.iter().min_by_key(|v| text(v, "occurred_at").to_owned()).expect("the first row");
        let at = chrono::DateTime::parse_from_rfc3339(text(first, "occurred_at")).expect("a time");
        assert_eq!(at.with_timezone(&time::zone()).format("%Y-%m-%d %H:%M").to_string(), format!("{day} 12:00"));
        assert_eq!(number(first, "/figures/talk_seconds"), 205.0, "{}", first["figures"]);
        let again = uploaded(&admin, &[excel, channel("回访")]);
        assert_eq!(again["duplicates"], 12, "{again}");
        assert_eq!(voices(&server), 52);


        // What is no file of feedback is said to be none.
        let reply = admin.post_parts("/api/v1/imports", &[Part { name: "file", file_name: Some("x.pdf"), content: b"%PDF-1.7\n\x00\x01\x02" }, channel("x")]);
        assert_eq!(reply.status, 422, "{}", reply.text());
        server.command(&["rebuild-facts", "--check"]).ok();
    }

    /// Telephone numbers, cards, addresses and names: in whatever way they arrive, no answer, mail, log
    /// or byte of the database holds them.
    fn personal_data_never_gets_in(engine) {
        // Everything that is logged at all.
        let mut server = Options::new(engine).set("RUST_LOG", "debug,sqlx=info,hyper=info").start();
        let admin = server.admin();
        furnish(&admin);
        watch(&admin);
        let speech = format!(
            "{}我是王建国先生，电话{PHONE}，或者１３９８７６５４３２１，身份证{ID_CARD}，卡号{CARD}，邮箱{MAIL}。",
            COMPLAINTS[0]
        );
        let mut items: Vec<Value> = (0..52).map(|n| contact(&format!("c{n}"), &time::just_now(200 - n), n as usize)).collect();
        for (n, voice) in items.iter_mut().enumerate() {
            voice["text"] = json!(format!("{speech}（{n}）"));
            // Three people: one who is more than half of a count crosses no line.
            voice["customer_ref"] = json!([PHONE, MAIL, ID_CARD][n % 3]);
        }
        items[0]["external_id"] = json!(PHONE);
        items[1]["external_id"] = json!(MAIL);
        items[2]["external_id"] = json!(ID_CARD);
        items[3]["title"] = json!(format!("请回电 {PHONE}"));
        items[4]["attributes"] = json!({"备注": format!("联系 {MAIL}"), "联系电话": PHONE});
        items[5]["text"] = json!("");
        items[5]["turns"] = json!([{"speaker": "agent", "text": format!("请问是{PHONE}吗？")}, {"speaker": "customer", "text": speech}]);
        items[6]["text"] = json!(format!("客服：您好，请报一下手机号。\n用户：{PHONE}，{}", COMPLAINTS[1]));
        items[7]["agent_ref"] = json!(PHONE);
        items[8]["thread_id"] = json!(MAIL);
        items[9]["region"] = json!(format!("上海 {PHONE}"));
        items[10]["url"] = json!(format!("https://crm.example/c?phone={PHONE}"));
        items[11]["kind"] = json!("search");
        items[11]["query"] = json!(format!("{PHONE} 套餐"));
        let mut answers = vec![admin.post("/api/v1/feedback?wait=analysed", &json!({"items": items})).text()];
        // Refusals must not repeat what they refuse.
        let bad = json!([
            {"channel": "phone", "external_id": PHONE, "text": speech, "rating": speech},
            {"channel": "phone", "external_id": MAIL, "text": speech, "colour": speech},
            {"channel": "phone", "text": [speech]},
            {"channel": "phone", "external_id": "t", "text": speech, "occurred_at": speech},
            {"channel": "phone", "external_id": "t", "text": speech, "handled_by": speech},
            {"channel": PHONE, "external_id": "t2", "text": "套餐"},
        ]);
        answers.push(admin.post("/api/v1/feedback", &json!({"items": bad})).text());
        answers.push(admin.post("/api/v1/ratings", &json!({"items": [
            {"channel": "phone", "external_id": PHONE, "rating": 3}, {"channel": "phone", "external_id": MAIL, "rating": speech}]})).text());
        answers.push(admin.send("POST", "/api/v1/feedback", Some("application/json"), format!("{{\"items\": [{speech}").as_bytes()).text());
        answers.push(admin.post("/api/v1/feedback", &json!({"items": speech})).text());

        // A file with all of it, and with rows that are refused.
        let mut table = orders(time::ago(10), 6);
        table.push(vec!["GD9990".into(), "not a time".into(), speech.clone(), "5".into(), PHONE.into(), "宽带".into()]);
        table.push(vec![PHONE.into(), "2026/1/5 10:00".into(), speech.clone(), "满意".into(), "8002".into(), PHONE.into()]);
        let bytes = csv(&table).into_bytes();
        let file = Part { name: "file", file_name: Some("orders.csv"), content: &bytes };
        answers.push(admin.post_parts("/api/v1/imports/preview", std::slice::from_ref(&file)).text());
        let import = uploaded(&admin, &[file, Part { name: "channel", file_name: None, content: "热线".as_bytes() }]);
        assert_eq!(import["rejected"], 1, "{import}");
        answers.push(admin.get(&format!("/api/v1/imports/{}/rejected", text(&import, "id"))).text());
        let path = server.folder().join("orders.csv");
        fs::write(&path, &bytes).expect("a file");
        answers.push(server.command(&["import", &path.display().to_string(), "--channel", "门店"]).ok());

        // The issue, its task and the mails quote customers.
        let issue = issues(&admin).first().cloned().expect("an issue");
        let due = (time::now() + chrono::TimeDelta::days(2)).to_rfc3339();
        let body = json!({"title": "说明资费", "description": "", "department": crate::world::PRODUCT, "due_at": due});
        let task = admin.post(&format!("/api/v1/issues/{}/tasks", text(&issue, "id")), &body).ok();
        let mails = until("two mails", || Some(admin.get("/api/v1/mailbox").items()).filter(|m| m.len() == 2));
        assert!(mails.iter().any(|m| text(m, "text").contains("套餐费")), "they quote: {mails:?}");
        let page = tests::page::Page::open(&server.anonymous(), text(&task["mail"], "link"));
        answers.push(page.reply.text());
        for path in ["feedback?limit=500", "issues", "tasks", "mailbox", "outbox", "imports", "coverage", "topics", "channels",
                     "overview", "quadrants", "facts?metric=contacts&group_by=day,topic,channel", "knowledge/articles", "plugins"] {
            answers.push(admin.get(&format!("/api/v1/{path}")).text());
        }
        answers.push(admin.get(&format!("/api/v1/issues/{}", text(&issue, "id"))).text());
        answers.push(admin.get("/metrics").text());
        let all = answers.join("\n");
        assert!(all.contains("〔手机号〕") && all.contains("〔身份证号〕") && all.contains("〔银行卡号〕") && all.contains("〔邮箱〕"), "masked, not lost");
        is_clean("an answer of the API, a mail or a command", all.as_bytes());
        is_clean("the log", server.log().as_bytes());
        assert!(server.sigterm().success(), "an orderly stop");
        is_clean("the log after the stop", server.log().as_bytes());
        let database = server.database();
        match engine {
            Engine::Sqlite => {
                database.run("PRAGMA wal_checkpoint(TRUNCATE)");
                drop(database);
                for entry in fs::read_dir(server.data_dir()).expect("the data folder").flatten() {
                    if entry.path().is_file() {
                        is_clean(&format!("{}", entry.file_name().display()), &fs::read(entry.path()).expect("a file"));
                    }
                }
            }
            Engine::Postgres => {
                for table in database.tables() {
                    let rows = database.texts(&format!("SELECT row_to_json(x)::text AS t FROM {table} x"));
                    is_clean(&format!("the table {table}"), rows.join("\n").as_bytes());
                }
            }
        }
    }
}

/// A mobile number that exists nowhere.
const PHONE: &str = "13812345678";
/// The example of GB 11643: its check digit is right.
const ID_CARD: &str = "11010519491231002X";
/// Passes the check of ISO/IEC 7812.
const CARD: &str = "6222021234567890128";
const MAIL: &str = "wang.jianguo@mail.example";

fn is_clean(place: &str, bytes: &[u8]) {
    let needles: [&[u8]; 7] = [
        PHONE.as_bytes(),
        "１３９８７６５４３２１".as_bytes(),
        b"13987654321",
        ID_CARD.as_bytes(),
        CARD.as_bytes(),
        MAIL.as_bytes(),
        "王建国先生".as_bytes(),
    ];
    for needle in needles {
        if let Some(at) = bytes.windows(needle.len()).position(|w| w == needle) {
            let around = &bytes[at.saturating_sub(160)..(at + 160).min(bytes.len())];
            panic!(
                "{} stands in {place}, at {at}: {}",
                String::from_utf8_lossy(needle),
                String::from_utf8_lossy(around)
            );
        }
    }
}

/// Uploads a file and waits until it is done.
fn uploaded(caller: &Caller, parts: &[Part<'_>]) -> Value {
    let reply = caller.post_parts("/api/v1/imports", parts);
    assert_eq!(reply.status, 202, "{}", reply.text());
    let id = text(&reply.json(), "id").to_owned();
    until("the import is done", || {
        let import = caller.get(&format!("/api/v1/imports/{id}")).ok();
        assert_ne!(import["state"], "failed", "{import}");
        (import["state"] == "done").then_some(import)
    })
}

/// An export of work orders: two title rows, Chinese headers, half about tariffs, half about outages.
fn orders(day: NaiveDate, n: usize) -> Vec<Vec<String>> {
    let row = |cells: [&str; 6]| cells.map(str::to_owned).to_vec();
    let mut rows = vec![
        row(["云信通讯客服中心工单明细表", "", "", "", "", ""]),
        row(["导出人：系统", "", "", "", "", ""]),
        row([
            "工单编号",
            "受理时间",
            "工单内容",
            "满意度",
            "坐席工号",
            "业务类型",
        ]),
    ];
    for k in 0..n {
        let at = format!(
            "{}/{}/{} {}:{:02}",
            day.year(),
            day.month(),
            day.day(),
            9 + k / 60,
            k % 60
        );
        let said = if k % 2 == 0 {
            COMPLAINTS[k / 2 % COMPLAINTS.len()]
        } else {
            OUTAGES[k / 2 % OUTAGES.len()]
        };
        let mark = ["满意", "不满意", "非常满意", "未评价"][k % 4];
        rows.push(vec![
            format!("GD{k:04}"),
            at,
            said.to_owned(),
            mark.to_owned(),
            format!("80{:02}", 1 + k % 5),
            "个人业务".to_owned(),
        ]);
    }
    rows
}

/// A spreadsheet with dates as numbers; its last row has a date that nobody can mean.
fn workbook(day: NaiveDate, n: usize) -> Vec<u8> {
    let serial = f64::from(
        day.signed_duration_since(NaiveDate::from_ymd_opt(1899, 12, 30).expect("a day"))
            .num_days() as i32,
    );
    let text = |s: &str| Cell::Text(s.to_owned());
    let mut rows = vec![vec![
        text("回访时间"),
        text("反馈内容"),
        text("满意度"),
        text("通话时长"),
    ]];
    for k in 0..n {
        rows.push(vec![
            Cell::Number(serial + 0.5 + k as f64 / 1440.0),
            text(OUTAGES[k % OUTAGES.len()]),
            Cell::Number(1.0 + (k % 5) as f64),
            text("00:03:25"),
        ]);
    }
    rows.push(vec![
        text("昨天下午"),
        text(OUTAGES[1]),
        Cell::Number(3.0),
        text("00:01:00"),
    ]);
    xlsx(&rows)
}

/// Real exports, where they are at hand: none of them is part of this repository.
#[test]
fn real_exports_are_read() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared =
        std::env::var_os("BIHUAN_SHARED").map_or_else(|| here.join("../../shared"), PathBuf::from);
    let folder = shared.join("data/raw_samples");
    if !folder.is_dir() {
        skipped(
            "real_exports_are_read",
            "no folder of real exports (BIHUAN_SHARED)",
        );
        return;
    }
    let server = furnished(Engine::Sqlite);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("a folder")
        .flatten()
        .map(|e| e.path())
        .collect();
    files.retain(|file| !file.to_string_lossy().contains(".rejected."));
    files.sort();
    assert!(!files.is_empty(), "an empty folder");
    for (n, file) in files.iter().enumerate() {
        let channel = format!("file{n}");
        // A copy: refused rows are written beside the file.
        let name = file.file_name().unwrap_or_default().display().to_string();
        let copy = server.folder().join(&name);
        fs::copy(file, &copy).expect("a copy");
        let path = copy.display().to_string();
        let count = || {
            server.database().count(&format!(
                "SELECT COUNT(*) AS n FROM feedback WHERE channel = '{channel}'"
            ))
        };
        let started = Instant::now();
        let said = server
            .command(&["import", &path, "--channel", &channel])
            .ok();
        let (first, seconds) = (count(), started.elapsed().as_secs_f64());
        assert!(first > 100, "{path}: {first} voices\n{said}");
        server
            .command(&["import", &path, "--channel", &channel])
            .ok();
        assert_eq!(count(), first, "{path}: run again it adds nothing");
        report(&format!("{name}: {first} voices in {seconds:.1} s"));
    }
    server.command(&["rebuild-facts", "--check"]).ok();
}
