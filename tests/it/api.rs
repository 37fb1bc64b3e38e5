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

    /// Everything behind a filter comes out in one stream, whatever its size, as lines and as a table.
    fn voices_come_out_as_a_stream(engine) {
        const MANY: usize = 1203;
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let voices: Vec<Value> = (0..MANY).map(|n| contact(&format!("t{n}"), &time::on(time::ago(4), n as u32 % 1400), n)).collect();
        send(&admin, &voices);
        let formula = json!({"channel": "chat", "external_id": "f", "occurred_at": time::just_now(5), "kind": "chat",
                             "text": "=HYPERLINK(\"http://x\"),合约期\n第二行"});
        send(&admin, &[formula]);
        let reply = admin.get("/api/v1/feedback/export");
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")));
        let mut seen: Vec<String> = reply.text().lines()
            .map(|line| text(&serde_json::from_str(line).expect("a voice a line"), "external_id").to_owned()).collect();
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((all, seen.len()), (MANY + 1, MANY + 1), "no holes, no repeats");
        let table = admin.get("/api/v1/feedback/export?format=csv&channel=chat").text();
        assert!(table.starts_with("\u{feff}id,channel,external_id,"), "{table}");
        assert!(table.contains(",\"'=HYPERLINK(\"\"http://x\"\"),合约期\n第二行\","), "{table}");
        assert_eq!(table.matches("\r\n").count(), 2, "a head and a row: {table}");
        let some = admin.get("/api/v1/feedback/export?q=合约期").text();
        assert_eq!(some.lines().count(), admin.get("/api/v1/feedback?q=合约期&limit=500").items().len());
        for bad in ["format=xml", "limit=5", "from=yesterday"] {
            admin.get(&format!("/api/v1/feedback/export?{bad}")).problem(400, "invalid_query");
        }
        server.anonymous().get("/api/v1/feedback/export").problem(401, "not_authenticated");
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

/// The JSON bodies that the API takes, from its own document: method, address, properties of the body.
fn bodies(document: &Value) -> Vec<(String, String, Vec<String>)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if schema.is_null() {
                continue;
            }
            let name = text(schema, "$ref").rsplit('/').next().expect("a name");
            let properties = &document["components"]["schemas"][name]["properties"];
            let names = properties.as_object().into_iter().flatten();
            let path = path.replace("{key}", "x").replace("{id}", "x");
            all.push((
                method.clone(),
                path,
                names.map(|(n, _)| n.clone()).collect(),
            ));
        }
    }
    all
}

/// Whatever is wrong with a body or a query, the problem names the field: every operation, every property.
#[test]
fn every_refusal_names_its_field() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    let document = admin.get("/api/v1/openapi.json").ok();
    let send = |method: &str, path: &str, body: &Value| {
        let bytes = body.to_string().into_bytes();
        admin.send(
            &method.to_uppercase(),
            path,
            Some("application/json"),
            &bytes,
        )
    };
    let all = bodies(&document);
    assert!(all.len() > 20, "{}", all.len());
    let mut properties = 0;
    for (method, path, names) in &all {
        let problem = send(method, path, &json!({"zzz": 1})).problem(422, "invalid_field");
        assert_eq!(
            problem["errors"][0]["field"], "zzz",
            "{method} {path}: {problem}"
        );
        assert_eq!(
            problem["errors"][0]["code"], "unknown_field",
            "{method} {path}: {problem}"
        );
        send(method, path, &json!([])).problem(422, "invalid_field");
        let broken = admin.send(&method.to_uppercase(), path, Some("application/json"), b"{");
        broken.problem(400, "malformed_body");
        // A list of lists fits nothing that is asked for.
        for name in names
            .iter()
            .filter(|name| !matches!(name.as_str(), "params" | "items"))
        {
            let problem = send(method, path, &json!({name: [[[]]]})).problem(422, "invalid_field");
            let field = text(&problem["errors"][0], "field");
            assert!(
                field.starts_with(name.as_str()) || problem["errors"][0]["code"] == "required",
                "{method} {path} {name}: {problem}"
            );
            properties += 1;
        }
    }
    assert!(properties > 60, "{properties}");
    let mut queries = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let parameters = methods["get"]["parameters"]
            .as_array()
            .into_iter()
            .flatten();
        let names: Vec<&str> = parameters
            .filter(|p| p["in"] == "query")
            .map(|p| text(p, "name"))
            .collect();
        if names.is_empty() {
            continue;
        }
        let path = path.replace("{key}", "x").replace("{id}", "x");
        let problem = admin
            .get(&format!("{path}?zzz=1"))
            .problem(400, "invalid_query");
        assert_eq!(problem["errors"][0]["field"], "zzz", "{path}: {problem}");
        for name in names
            .iter()
            .filter(|n| matches!(**n, "from" | "day" | "days" | "limit" | "due_at"))
        {
            // What else is required comes after what is wrong.
            let required = if path.ends_with("facts") {
                "&metric=contacts"
            } else {
                ""
            };
            let q = if path.ends_with("search") { "&q=x" } else { "" };
            let problem = admin
                .get(&format!("{path}?{name}=gestern{required}{q}"))
                .problem(400, "invalid_query");
            assert_eq!(problem["errors"][0]["field"], *name, "{path}: {problem}");
            queries += 1;
        }
    }
    assert!(queries > 10, "{queries}");
}

on_both_engines! {
    /// Where the wrong value stands deep inside, or only the present time or another object makes it wrong.
    fn a_field_is_named_from_the_root_on(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        watch(&admin);
        let voices: Vec<Value> = (0..51).map(|n| contact(&format!("t{n}"), &time::just_now(60 - n), n as usize)).collect();
        send(&admin, &voices);
        let issue = text(&issues(&admin)[0], "id").to_owned();
        let tasks = format!("/api/v1/issues/{issue}/tasks");
        let task = |more: Value| {
            let mut body = json!({"title": "说明资费", "department": PRODUCT});
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            body
        };
        let detector = |more: Value| {
            let mut body = json!({"kind": "threshold", "scope": {"topic": TOPIC}, "params": {"limit": 9}});
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            body
        };
        let yesterday = time::ago(1).to_string();
        let hour_ago = (time::now() - chrono::TimeDelta::hours(1)).to_rfc3339();
        let trial = |rule: Value| json!({"detector": rule, "from": "2026-01-01", "to": "2026-01-31"});
        let rule = "/api/v1/detectors/规则";
        let table = [
            ("PUT", rule, detector(json!({"scope": {"chanel": "phone"}})), "scope.chanel", "unknown_field"),
            ("PUT", rule, detector(json!({"scope": {"channel": 1}})), "scope.channel", "wrong_type"),
            ("PUT", rule, detector(json!({"scope": {"topic": "没有"}})), "scope.topic", "unknown"),
            ("PUT", rule, detector(json!({"kind": "thresold"})), "kind", "unknown"),
            ("PUT", rule, detector(json!({"params": {"limit": "9"}})), "params.limit", "wrong_type"),
            ("PUT", rule, detector(json!({"params": {"limit": -1}})), "params.limit", "out_of_range"),
            ("PUT", rule, detector(json!({"params": {"window": "2w", "limit": 1}})), "params.window", "wrong_type"),
            ("PUT", rule, detector(json!({"params": {"limmit": 9}})), "params.limmit", "unknown_field"),
            ("PUT", rule, detector(json!({"params": {}})), "params.limit", "required"),
            ("PUT", rule, detector(json!({"owner": "李明"})), "owner", "invalid"),
            ("PUT", rule, detector(json!({"mute": {"until": "morgen", "reason": "x"}})), "mute.until", "bad_time"),
            ("PUT", rule, detector(json!({"mute": {"until": yesterday, "reason": "x"}})), "mute.until", "in_the_past"),
            ("PUT", rule, detector(json!({"mute": {"until": "2999-01-01", "reason": "x"}})), "mute.until", "out_of_range"),
            ("PUT", rule, detector(json!({"mute": {"until": yesterday}})), "mute.reason", "required"),
            ("POST", "/api/v1/detectors/backtest", trial(detector(json!({"scope": {"chanel": "x"}}))), "detector.scope.chanel", "unknown_field"),
            ("POST", "/api/v1/detectors/backtest", trial(detector(json!({"params": {"limit": "9"}}))), "detector.params.limit", "wrong_type"),
            ("POST", "/api/v1/detectors/backtest", trial(detector(json!({"params": {"limit": -9}}))), "detector.params.limit", "out_of_range"),
            ("POST", "/api/v1/detectors/backtest", trial(detector(json!({"kind": "x"}))), "detector.kind", "unknown"),
            ("POST", "/api/v1/detectors/backtest", json!({"detector": detector(json!({})), "from": "2026-02-01", "to": "2026-01-01"}), "to", "out_of_range"),
            ("POST", &tasks, task(json!({"contract": {"metric": "csatt"}})), "contract.metric", "unknown"),
            ("POST", &tasks, task(json!({"contract": {"metrik": "csat"}})), "contract.metrik", "unknown_field"),
            ("POST", &tasks, task(json!({"contract": {"guards": [{"metric": "csat", "limit": "x"}]}})), "contract.guards[0].limit", "wrong_type"),
            ("POST", &tasks, task(json!({"contract": {"guards": [{"metric": "csat", "limit": 0.1}, {"metric": "aht", "limit": 99}]}})), "contract.guards[1].limit", "out_of_range"),
            ("POST", &tasks, task(json!({"contract": {"guards": [{"metric": "csat"}]}})), "contract.guards[0].limit", "required"),
            ("POST", &tasks, task(json!({"contract": {"horizon_days": 300}})), "contract.horizon_days", "out_of_range"),
            ("POST", &tasks, task(json!({"contract": {"channels": ["phone", "fax"]}})), "contract.channels[1]", "unknown"),
            ("POST", &tasks, task(json!({"due_at": "2026-11-22"})), "due_at", "bad_time"),
            ("POST", &tasks, task(json!({"due_at": hour_ago})), "due_at", "in_the_past"),
            ("POST", &tasks, task(json!({"measures": ["a", 2]})), "measures[1]", "wrong_type"),
            ("POST", "/api/v1/tasks/x/complete", json!({"solution": "改", "effective_at": "gestern"}), "effective_at", "bad_time"),
            ("POST", "/api/v1/tasks/x/progress", json!({"percent": 300}), "percent", "out_of_range"),
            ("PUT", "/api/v1/organisation", json!({"name": "x", "zone": "Asia/Peking"}), "zone", "bad_zone"),
            ("PUT", "/api/v1/organisation", json!({"name": "x", "cut_lines": {"negative_share": 2}}), "cut_lines.negative_share", "invalid"),
            ("PUT", "/api/v1/organisation", json!({"name": "x", "tier_weights": {"金": "x"}}), "tier_weights.金", "wrong_type"),
            ("PUT", "/api/v1/departments/x", json!({"owners": [{"email": "a@b.example"}, {"email": "b"}]}), "owners[1].email", "invalid"),
            ("PUT", "/api/v1/departments/x", json!({"owners": [{"email": "a@b.example", "time_zone": "Mars"}]}), "owners[0].time_zone", "bad_zone"),
            ("PUT", "/api/v1/departments/x", json!({"owners": [{"email": "a@b.example", "language": "fr"}]}), "owners[0].language", "unknown"),
            ("PUT", "/api/v1/departments/x", json!({"deputy_email": "b"}), "deputy_email", "invalid"),
            ("PUT", "/api/v1/topics/x", json!({"causes": [{"key": "a"}, {"words": []}]}), "causes[1].key", "required"),
            ("PUT", "/api/v1/topics/x", json!({"causes": [{"key": ""}]}), "causes[0].key", "invalid"),
            ("PUT", "/api/v1/topics/x", json!({"words": ["长".repeat(61)]}), "words[0]", "invalid"),
            ("PUT", "/api/v1/topics/x", json!({"parent": "没有"}), "parent", "unknown"),
            ("PUT", "/api/v1/calendar-notes/x", json!({"name": "x", "kind": "holiday", "from": "2026-13-01", "to": "2026-01-01"}), "from", "bad_time"),
            ("PUT", "/api/v1/calendar-notes/x", json!({"name": "x", "kind": "holiday", "from": "2026-01-02", "to": "2026-01-01"}), "to", "out_of_range"),
            ("PUT", "/api/v1/calendar-notes/x", json!({"name": "x", "kind": "holiday", "from": "2026-01-01", "to": "2026-01-01", "topics": [TOPIC, "没有"]}), "topics[1]", "unknown"),
            ("POST", "/api/v1/tokens", json!({"name": "x", "role": "admin", "scopes": ["read_loop", "x"]}), "scopes[1]", "unknown"),
            ("POST", "/api/v1/tokens", json!({"name": "x"}), "role", "required"),
            ("POST", "/api/v1/ratings", json!({"items": 1}), "items", "wrong_type"),
            ("POST", "/api/v1/feedback", json!({}), "items", "required"),
        ];
        for (method, path, body, field, code) in table {
            let bytes = body.to_string().into_bytes();
            let problem = admin.send(method, path, Some("application/json"), &bytes).problem(422, "invalid_field");
            let error = &problem["errors"][0];
            assert_eq!((text(error, "field"), text(error, "code")), (field, code), "{method} {path} {body}: {problem}");
            assert!(!text(error, "detail").is_empty(), "{problem}");
        }
        // Values are never repeated: they may be personal.
        let body = json!({"kind": "13912345678", "owner": {}});
        assert!(!admin.put(rule, &body).text().contains("13912345678"));
        for (path, field, code) in [
            ("facts?metric=contacts&from=2026-02-01&to=2026-01-01", "to", "out_of_range"),
            ("facts?metric=wishes", "metric", "unknown"),
            ("facts", "metric", "required"),
            ("facts?metric=contacts&from=2026-02-30", "from", "bad_time"),
            ("facts?metric=contacts&group_by=moon", "group_by", "unknown"),
            ("feedback?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "to", "out_of_range"),
            ("feedback?limit=many", "limit", "wrong_type"),
            ("calendar-notes?from=2026-02-01&to=2026-01-01", "to", "out_of_range"),
            ("tasks?state=dreaming", "state", "unknown"),
            ("tasks?cursor=x", "cursor", "invalid"),
            (&format!("issues/{issue}/contract?horizon_days=300"), "horizon_days", "out_of_range"),
            (&format!("issues/{issue}/contract?metric=csatt"), "metric", "unknown"),
            (&format!("issues/{issue}/contract?due_at=2020-01-01T00:00:00Z"), "due_at", "in_the_past"),
        ] {
            let problem = admin.get(&format!("/api/v1/{path}")).problem(400, "invalid_query");
            let error = &problem["errors"][0];
            assert_eq!((text(error, "field"), text(error, "code")), (field, code), "{path}: {problem}");
        }
        // A day is a day wherever a span is asked for, and a time is one as well.
        let day = time::ago(3);
        send(&admin, &[contact("of-a-day", &time::on(day, 60), 0), contact("of-the-next", &time::on(time::ago(2), 60), 0)]);
        let of_day = admin.get(&format!("/api/v1/feedback?from={day}&to={day}")).items();
        let ids: Vec<&str> = of_day.iter().map(|v| text(v, "external_id")).collect();
        assert_eq!(ids, ["of-a-day"], "{of_day:?}");
        for path in ["source-gaps?from=2026-01-01&to=2026-01-02", "source-gaps?from=2026-01-01T00:00:00Z",
            "calendar-notes?to=2026-01-01T00:00:00%2B08:00", &format!("unusual-topics?day={}", time::on(day, 60).replace('+', "%2B"))] {
            admin.get(&format!("/api/v1/{path}")).ok();
        }
        // What was expected is said in words of JSON.
        for (path, body, detail) in [
            ("/api/v1/ratings", json!({"items": 1}), "expected a list"),
            ("/api/v1/ratings", json!({"items": "x"}), "expected a list"),
            ("/api/v1/detectors/backtest", json!({"detector": {"kind": "threshold", "params": {"limit": "9"}}, "from": day, "to": day}), "expected a whole number"),
        ] {
            let problem = admin.post(path, &body).problem(422, "invalid_field");
            assert_eq!(problem["errors"][0]["detail"], detail, "{problem}");
        }
        let rated = admin.post("/api/v1/ratings", &json!({"items": [{"channel": "phone", "external_id": "nobody", "rating": 1}]})).ok();
        assert_eq!((&rated["rejected"][0]["field"], &rated["rejected"][0]["code"]), (&json!("items[0].external_id"), &json!("unknown")), "{rated}");
        // Forms as well.
        for (name, content, code) in [("mapping", "[", "bad_mapping"), ("occurred_at", "gestern", "bad_time"), ("colour", "red", "unknown_field")] {
            let file = Part { name: "file", file_name: Some("x.csv"), content: "工单内容\n套餐资费太贵\n".as_bytes() };
            let channel = Part { name: "channel", file_name: None, content: b"phone" };
            let part = Part { name, file_name: None, content: content.as_bytes() };
            let problem = admin.post_parts("/api/v1/imports", &[file, channel, part]).problem(422, "invalid_field");
            let error = &problem["errors"][0];
            assert_eq!((text(error, "field"), text(error, "code")), (name, code), "{problem}");
        }
        // Items are refused one by one, each with its own path.
        let mut items = vec![contact("a1", &time::just_now(1), 0), contact("a2", "gestern", 0)];
        items.push(json!({"channel": "phone", "text": "x", "ratting": 1}));
        let receipt = admin.post("/api/v1/feedback", &json!({"items": items})).ok();
        let fields: Vec<&str> = receipt["rejected"].as_array().expect("rejected").iter().map(|r| text(r, "field")).collect();
        assert_eq!(fields, ["items[1].occurred_at", "items[2].ratting"], "{receipt}");

        // A channel may follow its rule: that is said, not refused. A mute that has passed is no obstacle.
        let kept = admin.put(rule, &detector(json!({"scope": {"channel": "fax"}}))).ok();
        assert_eq!(kept["warnings"][0]["field"], "scope.channel", "{kept}");
        assert_eq!(kept["warnings"][0]["code"], "unknown_channel", "{kept}");
        let kept = admin.put(rule, &kept).ok();
        admin.put("/api/v1/channels/fax", &json!({"name": "传真"})).ok();
        assert_eq!(admin.put(rule, &kept).ok()["warnings"], json!([]));
        let phone = admin.put(rule, &detector(json!({"scope": {"channel": "phone"}}))).ok();
        assert_eq!(phone["warnings"], json!([]));
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
            &[
                Part {
                    name: "component",
                    file_name: Some("x.wasm"),
                    content,
                },
                Part {
                    name: "unsigned",
                    file_name: None,
                    content: b"true",
                },
            ],
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
