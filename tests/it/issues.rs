//! The life of an issue as a VoC owner leads it: put aside with a reason and an end, back by itself
//! when it grows, merged, split; who gets it, and why.

use crate::world::{
    EMMA, LI, OTHER, OUTAGES, PRODUCT, SERVICE, TOPIC, contact, furnish, issues, send, sent, text,
    watch,
};
use domain::issues::{Life, replay};
use serde_json::{Value, json};
use tests::page::Page;
use tests::{Caller, Server, on_both_engines, time, until};

/// Who runs the loop in these tests.
const VOC: &str = "zhou.min@telecom.example";

fn contacts(prefix: &str, n: usize) -> Vec<Value> {
    (0..n)
        .map(|i| contact(&format!("{prefix}-{i}"), &time::just_now(600), i))
        .collect()
}

/// A server with its organisation, a VoC owner and one issue that rang with 51 contacts.
fn with_issue(engine: tests::Engine) -> (Server, Caller, String) {
    let server = Server::start(engine);
    let admin = server.admin();
    furnish(&admin);
    let user = json!({"email": VOC, "name": "周敏", "role": "voc_owner", "password": "correct horse battery"});
    admin.post("/api/v1/users", &user).ok();
    watch(&admin);
    send(&admin, &contacts("first", 51));
    let all = issues(&admin);
    assert_eq!(all.len(), 1, "{all:?}");
    let id = text(&all[0], "id").to_owned();
    (server, admin, id)
}

fn issue(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/api/v1/issues/{id}")).ok()
}

fn act(caller: &Caller, id: &str, what: &str, body: &Value) -> Value {
    caller
        .post(&format!("/api/v1/issues/{id}/{what}"), body)
        .ok()
}

fn kinds(issue: &Value) -> Vec<String> {
    issue["timeline"]
        .as_array()
        .expect("a timeline")
        .iter()
        .map(|e| text(e, "kind").to_owned())
        .collect()
}

fn how_often(issue: &Value, kind: &str) -> usize {
    kinds(issue).iter().filter(|k| *k == kind).count()
}

/// What the history says of an issue is what the issue is.
fn told_by_its_history(issue: &Value) {
    let timeline = issue["timeline"].as_array().expect("a timeline");
    let life: Life = replay(timeline.iter().map(|e| (text(e, "kind"), &e["data"])))
        .unwrap_or_else(|| panic!("never opened: {issue}"));
    assert_eq!(life.state.as_str(), text(issue, "state"), "{issue}");
    let until = life
        .held
        .as_ref()
        .map(|h| json!(h.until))
        .unwrap_or_default();
    assert_eq!(until, issue["held"]["until"], "{issue}");
    let into = life.merged_into.map(|id| json!(id.to_string()));
    assert_eq!(into.unwrap_or_default(), issue["merged_into"], "{issue}");
}

/// Mails to somebody about an issue, by subject.
fn mails_to(server: &Server, email: &str) -> Vec<String> {
    sent(server);
    let all = server.admin().get("/api/v1/mailbox?limit=500").items();
    all.iter()
        .filter(|m| text(m, "to").contains(email))
        .map(|m| text(m, "subject").to_owned())
        .collect()
}

on_both_engines! {
    /// Dismissed with a reason and a day of review: quiet while it stays as large, back when it grows.
    fn what_is_dismissed_comes_back_when_it_grows(engine) {
        let (server, admin, id) = with_issue(engine);
        let call = |body: Value| admin.post(&format!("/api/v1/issues/{id}/dismiss"), &body);
        let wrong = call(json!({"reason": "because"})).problem(422, "invalid_field");
        assert_eq!(wrong["errors"][0]["field"], "reason");
        let wrong = call(json!({"reason": "other"})).problem(422, "invalid_field");
        assert_eq!(wrong["errors"][0]["field"], "text");
        let wrong = call(json!({"reason": "accepted_risk", "factor": 20})).problem(422, "invalid_field");
        assert_eq!(wrong["errors"][0]["field"], "factor");
        let far = json!(time::today() + chrono::TimeDelta::days(400));
        let wrong = call(json!({"reason": "accepted_risk", "until": far})).problem(422, "invalid_field");
        assert_eq!((&wrong["errors"][0]["field"], &wrong["errors"][0]["code"]), (&json!("until"), &json!("out_of_range")));
        let version = issue(&admin, &id)["version"].as_i64().expect("a version");
        let stale = admin.with("if-match", &format!("\"{}\"", version + 7));
        stale.post(&format!("/api/v1/issues/{id}/dismiss"), &json!({"reason": "accepted_risk"})).problem(412, "stale_version");
        assert_eq!(issue(&admin, &id)["state"], "open", "nothing of this happened");

        // Once, however often it is asked.
        let once = admin.with("idempotency-key", "dismiss-1").with("if-match", &format!("\"{version}\""));
        let body = json!({"reason": "accepted_risk", "text": "续约前就是这样，电话 13800138000"});
        let gone = once.post(&format!("/api/v1/issues/{id}/dismiss"), &body).ok();
        assert_eq!(gone["state"], "dismissed", "{gone}");
        assert_eq!((&gone["held"]["reason"], &gone["held"]["factor"]), (&json!("accepted_risk"), &json!(3.0)));
        assert_eq!(gone["held"]["sizes"], json!({"contacts": 51.0}));
        assert!(!gone["held"].to_string().contains("13800138000"), "numbers are masked: {}", gone["held"]);
        let again = once.post(&format!("/api/v1/issues/{id}/dismiss"), &body);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let gone = issue(&admin, &id);
        assert_eq!(how_often(&gone, "issue.dismissed"), 1, "{:?}", kinds(&gone));
        told_by_its_history(&gone);
        let listed = admin.get("/api/v1/issues?state=dismissed").items();
        assert_eq!(listed.len(), 1);

        let before = mails_to(&server, LI).len();
        send(&admin, &contacts("more", 60));
        let quiet = issue(&admin, &id);
        assert_eq!((&quiet["state"], &quiet["count"]), (&json!("dismissed"), &json!(111)), "it counts on and nobody is told");
        assert_eq!(mails_to(&server, LI).len(), before);
        send(&admin, &contacts("flood", 45));
        let back = issue(&admin, &id);
        assert_eq!(back["state"], "relapsed", "156 is three times 51: {back}");
        assert_eq!(back["held"], Value::Null);
        assert_eq!(how_often(&back, "issue.relapsed"), 1);
        told_by_its_history(&back);
        assert_eq!(mails_to(&server, LI).len(), before + 1, "its department is told once");
        send(&admin, &contacts("later", 10));
        assert_eq!(mails_to(&server, LI).len(), before + 1);
    }

    /// A snooze ends on its day: once, and those who run the loop hear of it.
    fn a_snooze_ends_by_itself(engine) {
        let (server, admin, id) = with_issue(engine);
        let wrong = admin.post(&format!("/api/v1/issues/{id}/snooze"), &json!({})).problem(422, "invalid_field");
        assert_eq!((&wrong["errors"][0]["field"], &wrong["errors"][0]["code"]), (&json!("until"), &json!("required")));
        let wrong = admin.post(&format!("/api/v1/issues/{id}/snooze"), &json!({"until": "2020-01-01"})).problem(422, "invalid_field");
        assert_eq!(wrong["errors"][0]["code"], "in_the_past");
        act(&admin, &id, "snooze", &json!({"factor": 2.5, "text": "等新版上线"}));
        // Changed before it ended: the former end is no more.
        let soon = time::now() + chrono::TimeDelta::seconds(2);
        let asleep = act(&admin, &id, "snooze", &json!({"until": soon.to_rfc3339()}));
        assert_eq!((&asleep["state"], &asleep["held"]["from"]), (&json!("snoozed"), &json!("open")));
        told_by_its_history(&asleep);
        let awake = until("it is open again", || {
            let now = issue(&admin, &id);
            (now["state"] == "open").then_some(now)
        });
        assert_eq!(how_often(&awake, "issue.woken"), 1);
        told_by_its_history(&awake);
        let mails = mails_to(&server, VOC);
        assert_eq!(mails.iter().filter(|s| s.contains("暂缓到期")).count(), 1, "{mails:?}");
        admin.post(&format!("/api/v1/issues/{id}/reopen"), &json!({"reason": "x"})).problem(409, "wrong_state");
        act(&admin, &id, "dismiss", &json!({"reason": "known_event"}));
        admin.post(&format!("/api/v1/issues/{id}/reopen"), &json!({"reason": " "})).problem(422, "invalid_field");
        let open = act(&admin, &id, "reopen", &json!({"reason": "活动已经结束，还在发生"}));
        assert_eq!(open["state"], "open");
        told_by_its_history(&open);
    }

    /// Three days off: what was due meanwhile happens once, and no reminder comes after the fact.
    fn after_days_off_a_snooze_ends_once(engine) {
        let (mut server, admin, id) = with_issue(engine);
        let day = time::today() + chrono::TimeDelta::days(10);
        let asleep = act(&admin, &id, "snooze", &json!({"until": day}));
        let ends = text(&asleep["held"], "until").to_owned();
        let jobs = "SELECT COUNT(*) AS n FROM job WHERE kind = 'hold'";
        assert_eq!(server.database().count(jobs), 2, "its end, and a reminder before");
        server.kill9();
        let past = (time::now() - chrono::TimeDelta::days(3)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let database = server.database();
        database.run(&format!("UPDATE issue SET data = REPLACE(data, '{ends}', '{past}')"));
        database.run("UPDATE job SET run_at = 1 WHERE kind = 'hold'");
        server.restart();
        let admin = server.admin();
        let awake = until("it is open again", || {
            let now = issue(&admin, &id);
            (now["state"] == "open").then_some(now)
        });
        until("nothing is left to do", || (server.database().count(jobs) == 0).then_some(()));
        assert_eq!((how_often(&awake, "issue.woken"), how_often(&awake, "issue.reminded")), (1, 0));
        let mails = mails_to(&server, VOC);
        assert_eq!(mails.iter().filter(|s| s.contains("暂缓到期")).count(), 1, "{mails:?}");
        server.restart();
        let awake = issue(&server.admin(), &id);
        assert_eq!(how_often(&awake, "issue.woken"), 1);
    }

    /// The reminder comes before the end, once.
    fn a_reminder_comes_before_the_end(engine) {
        let (server, admin, id) = with_issue(engine);
        act(&admin, &id, "dismiss", &json!({"reason": "accepted_risk"}));
        let jobs = "SELECT COUNT(*) AS n FROM job WHERE kind = 'hold'";
        assert_eq!(server.database().count(jobs), 2);
        server.database().run("UPDATE job SET run_at = 1 WHERE kind = 'hold' AND unique_key LIKE '%:remind'");
        until("the reminder is written", || (server.database().count(jobs) == 1).then_some(()));
        let kept = issue(&admin, &id);
        assert_eq!((&kept["state"], how_often(&kept, "issue.reminded")), (&json!("dismissed"), 1));
        let mails = mails_to(&server, VOC);
        assert_eq!(mails.iter().filter(|s| s.contains("即将到期")).count(), 1, "{mails:?}");
    }

    /// What somebody works on is not put aside; a task brings back what was.
    fn a_task_and_a_snooze_exclude_each_other(engine) {
        let (_server, admin, id) = with_issue(engine);
        act(&admin, &id, "snooze", &json!({"factor": 2}));
        let task = json!({"title": "重写资费说明", "department": PRODUCT});
        let task = admin.post(&format!("/api/v1/issues/{id}/tasks"), &task).ok();
        let busy = issue(&admin, &id);
        assert_eq!((&busy["state"], &busy["held"]), (&json!("in_progress"), &Value::Null));
        told_by_its_history(&busy);
        admin.post(&format!("/api/v1/issues/{id}/dismiss"), &json!({"reason": "not_a_problem"})).problem(409, "wrong_state");
        admin.post(&format!("/api/v1/tasks/{}/cancel", text(&task, "id")), &json!({"reason": "弄错了"})).ok();
        let gone = act(&admin, &id, "dismiss", &json!({"reason": "not_a_problem"}));
        assert_eq!(gone["state"], "dismissed");
        told_by_its_history(&gone);
    }

    /// Owner rules: refused with their place, tried before they hold, used for notices and new tasks.
    fn owner_rules_say_who_gets_it(engine) {
        let (server, admin, id) = with_issue(engine);
        let none = admin.get("/api/v1/owner-rules").ok();
        assert_eq!((&none["text"], &none["version"]), (&json!(""), &json!(0)));
        let put = |text: &str| admin.put("/api/v1/owner-rules", &json!({"text": text}));
        let wrong = put(&format!("topic:{TOPIC} -> department:{SERVICE}\ntopic:火星 -> department:没有的部门")).problem(422, "invalid_field");
        let places: Vec<(&str, &str)> = wrong["errors"].as_array().expect("errors").iter()
            .map(|e| (text(e, "field"), text(e, "code"))).collect();
        assert_eq!(places, [("text[2:7]", "unknown_topic"), ("text[2:24]", "unknown_department")], "{wrong}");
        assert!(text(&wrong["errors"][0], "detail").contains("第 2 行第 7 列"), "{wrong}");
        let wrong = admin.with("accept-language", "en").put("/api/v1/owner-rules", &json!({"text": "topic:x"})).problem(422, "invalid_field");
        assert!(text(&wrong["errors"][0], "detail").contains("line 1 column 8"), "{wrong}");
        assert_eq!(admin.get("/api/v1/owner-rules").ok()["version"], 0, "nothing of this was kept");

        let ask = |body: Value| admin.post("/api/v1/owner-rules/test", &body).ok();
        let now = ask(json!({"issue_id": id}));
        assert_eq!((&now["route"]["by"], &now["route"]["department"], &now["route"]["owner"]), (&json!("topic"), &json!(PRODUCT), &json!(LI)));
        // Tried before it holds: what would change.
        let rules = format!("# 华东的宽带归客服\ntopic:{OTHER} region:华东 -> department:{PRODUCT} owner:wang.tao@telecom.example\ntopic:{TOPIC} -> department:{SERVICE}\n");
        let tried = ask(json!({"text": rules}));
        assert_eq!((&tried["looked_at"], &tried["moves"][0]["issue_id"]), (&json!(1), &json!(id)), "{tried}");
        assert_eq!(tried["moves"][0]["then"]["department"], SERVICE);
        assert_eq!(ask(json!({"issue_id": id}))["route"]["department"], PRODUCT, "a try changes nothing");

        let saved = put(&rules).ok();
        assert_eq!((&saved["version"], &saved["rules"][0]["line"]), (&json!(1), &json!(2)), "{saved}");
        let stale = admin.with("if-match", "\"0\"");
        stale.put("/api/v1/owner-rules", &json!({"text": ""})).problem(412, "stale_version");
        let got = ask(json!({"topic": OTHER, "region": "华东"}));
        assert_eq!((&got["route"]["line"], &got["route"]["owner"]), (&json!(2), &json!("wang.tao@telecom.example")), "{got}");
        assert_eq!(ask(json!({"topic": OTHER}))["route"]["by"], "topic");
        assert_eq!(ask(json!({}))["route"]["by"], "loop");
        admin.post("/api/v1/owner-rules/test", &json!({"topic": "火星"})).problem(422, "invalid_field");
        server.role("viewer").put("/api/v1/owner-rules", &json!({"text": ""})).problem(403, "not_allowed");
        assert_eq!(ask(json!({"issue_id": id}))["route"]["department"], SERVICE);

        // A task without a department goes where the rules say.
        let task = admin.post(&format!("/api/v1/issues/{id}/tasks"), &json!({"title": "核对资费说明"})).ok();
        assert_eq!((&task["department"], &task["owner"]["email"]), (&json!(SERVICE), &json!(EMMA)), "{task}");
    }

    /// A notice goes where the rules say, and where nobody is named to who decides.
    fn notices_follow_the_rules(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        watch(&admin);
        let rules = format!("topic:{TOPIC}/* -> department:{SERVICE}");
        admin.put("/api/v1/owner-rules", &json!({"text": rules})).ok();
        send(&admin, &contacts("first", 51));
        assert_eq!((mails_to(&server, EMMA).len(), mails_to(&server, LI).len()), (1, 0));

        let orphan = json!({"key": OTHER, "name": OTHER, "words": ["宽带", "断网", "掉线", "光猫"]});
        admin.put(&format!("/api/v1/topics/{OTHER}"), &orphan).ok();
        let mut organisation = admin.get("/api/v1/organisation").ok();
        organisation["arbiter_email"] = json!("boss@telecom.example");
        admin.put("/api/v1/organisation", &organisation).ok();
        let body = json!({"key": "宽带每日上限", "kind": "threshold", "scope": {"topic": OTHER},
                          "params": {"limit": 3, "window": "1d"}, "enabled": true});
        admin.put("/api/v1/detectors/宽带每日上限", &body).ok();
        let outages: Vec<Value> = (0..4).map(|n| json!({"channel": "chat", "external_id": format!("o{n}"),
            "occurred_at": time::just_now(60), "kind": "chat", "text": OUTAGES[n % OUTAGES.len()],
            "customer_ref": format!("c{n}")})).collect();
        send(&admin, &outages);
        let mails = mails_to(&server, "boss@telecom.example");
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert!(mails[0].contains(OTHER), "{mails:?}");
    }

    /// A merge sends signals and tasks to the other issue, says before what it does, and can be taken back.
    fn a_merge_redirects_and_can_be_taken_back(engine) {
        let (server, admin, id) = with_issue(engine);
        let body = json!({"key": "宽带每日上限", "kind": "threshold", "scope": {"topic": OTHER},
                          "params": {"limit": 3, "window": "1d"}, "enabled": true});
        admin.put("/api/v1/detectors/宽带每日上限", &body).ok();
        let outages = |prefix: &str, n: usize| -> Vec<Value> { (0..n).map(|n| json!({"channel": "chat",
            "external_id": format!("{prefix}{n}"), "occurred_at": time::just_now(60), "kind": "chat",
            "text": OUTAGES[n % OUTAGES.len()], "customer_ref": format!("{prefix}-{n}")})).collect() };
        send(&admin, &outages("a", 4));
        let other = issues(&admin).into_iter().find(|i| i["topic"] == OTHER).expect("an issue of the other topic");
        let from = text(&other, "id").to_owned();
        let task = json!({"title": "检查光猫", "department": SERVICE});
        let task = admin.post(&format!("/api/v1/issues/{from}/tasks"), &task).ok();

        let merge = |from: &str, body: Value| admin.post(&format!("/api/v1/issues/{from}/merge"), &body);
        merge(&from, json!({"into": "nothing"})).problem(422, "invalid_field");
        merge(&from, json!({"into": from})).problem(409, "wrong_state");
        let preview = merge(&from, json!({"into": id, "preview": true})).ok();
        assert_eq!((&preview["signals"], &preview["tasks"], &preview["tasks_under_way"]), (&json!(1), &json!(1), &json!(1)), "{preview}");
        assert_eq!(issue(&admin, &from)["state"], "in_progress", "a preview does nothing");
        assert_eq!(merge(&from, json!({"into": id})).ok()["state"], "dismissed");
        let gone = issue(&admin, &from);
        assert_eq!((&gone["merged_into"], &gone["tasks"]), (&json!(id), &json!([])), "{gone}");
        told_by_its_history(&gone);
        let target = issue(&admin, &id);
        assert_eq!((&target["state"], &target["tasks"][0]["id"]), (&json!("in_progress"), &task["id"]), "{target}");
        assert_eq!(target["merged"][0]["id"], json!(from));
        assert_eq!(target["signals"].as_array().expect("signals").len(), 2, "evidence of both");
        assert_eq!(how_often(&target, "issue.absorbed"), 1);
        told_by_its_history(&target);
        // No loops, and nothing happens to what is somewhere else.
        merge(&id, json!({"into": from})).problem(409, "wrong_state");
        merge(&from, json!({"into": id})).problem(409, "wrong_state");
        admin.post(&format!("/api/v1/issues/{from}/tasks"), &json!({"title": "x", "department": SERVICE})).problem(409, "wrong_state");

        // What rings next, rings there: one that was there already only counts on.
        let body = json!({"key": "宽带每日下限", "kind": "threshold", "scope": {"topic": OTHER},
                          "params": {"limit": 5, "window": "1d"}, "enabled": true});
        admin.put("/api/v1/detectors/宽带每日下限", &body).ok();
        send(&admin, &outages("b", 4));
        let target = issue(&admin, &id);
        assert_eq!(how_often(&target, "issue.signal_joined"), 1, "{:?}", kinds(&target));
        assert_eq!(issues(&admin).len(), 2, "no third issue");
        assert_eq!(issue(&admin, &from)["state"], "dismissed");

        let undo = |reason: &str| admin.post(&format!("/api/v1/issues/{from}/unmerge"), &json!({"reason": reason}));
        undo("").problem(422, "invalid_field");
        let back = undo("不是同一个原因").ok();
        assert_eq!((&back["state"], &back["merged_into"], &back["tasks"][0]["id"]), (&json!("in_progress"), &Value::Null, &task["id"]), "{back}");
        let own: Vec<String> = issue(&admin, &from)["signals"].as_array().expect("signals").iter().map(|s| text(s, "detector").to_owned()).collect();
        assert_eq!(own, ["宽带每日上限"], "its own alarm, though it grew meanwhile");
        told_by_its_history(&back);
        undo("再来一次").problem(409, "wrong_state");
        let target = issue(&admin, &id);
        assert_eq!((&target["state"], &target["tasks"], &target["merged"]), (&json!("open"), &json!([]), &json!([])), "{target}");
        told_by_its_history(&target);
        let moves = admin.get(&format!("/api/v1/tasks/{}", text(&task, "id"))).ok();
        let moved = moves["timeline"].as_array().expect("a timeline").iter().filter(|e| e["kind"] == "task.issue_changed").count();
        assert_eq!(moved, 2, "there and back");
        drop(server);
    }

    /// A split takes rule, signals, task and cause along; both sides are right, what rings next rings there,
    /// and the way back restores what was.
    fn a_split_is_the_mirror_of_a_merge(engine) {
        let (server, admin, id) = with_issue(engine);
        let low = json!({"key": "资费低分", "kind": "low_rating", "scope": {"topic": TOPIC}, "params": {"limit": 2}, "enabled": true});
        admin.put("/api/v1/detectors/资费低分", &low).ok();
        let bad = |prefix: &str, n: usize| -> Vec<Value> { contacts(prefix, n).into_iter().map(|mut v| {
            v["rating"] = json!(1);
            v["rating_max"] = json!(5);
            v
        }).collect() };
        send(&admin, &bad("bad", 4));
        let suppose = |text: &str, department: &str| admin.post(&format!("/api/v1/issues/{id}/hypotheses"), &json!({"text": text, "department": department})).ok();
        suppose("合约到期提醒没有发出", PRODUCT);
        suppose("客服口径不一致", SERVICE);
        let mut tasks = Vec::new();
        for department in [PRODUCT, SERVICE] {
            let task = json!({"title": format!("{department}先查"), "department": department});
            tasks.push(text(&admin.post(&format!("/api/v1/issues/{id}/tasks"), &task).ok(), "id").to_owned());
        }
        let before = issue(&admin, &id);
        let rules = |issue: &Value| -> Vec<String> { issue["signals"].as_array().expect("signals").iter().map(|s| text(s, "detector").to_owned()).collect() };
        let mut both = rules(&before);
        both.sort();
        assert_eq!(both, ["资费争议每日上限", "资费低分"].map(str::to_owned).into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>());

        let split = |body: Value| admin.post(&format!("/api/v1/issues/{id}/split"), &body);
        let field = |body: Value| split(body).problem(422, "invalid_field")["errors"][0]["field"].clone();
        assert_eq!(field(json!({"title": "一半", "reason": "两件事"})), "rules", "nothing would go along");
        assert_eq!(field(json!({"title": "", "reason": "两件事", "rules": ["资费低分"]})), "title");
        assert_eq!(field(json!({"title": "一半", "reason": "", "rules": ["资费低分"]})), "reason");
        assert_eq!(field(json!({"title": "一半", "reason": "两件事", "rules": ["没有的规则"]})), "rules[0]");
        assert_eq!(field(json!({"title": "一半", "reason": "两件事", "tasks": [id]})), "tasks[0]", "of another issue");
        assert_eq!(field(json!({"title": "一半", "reason": "两件事", "hypotheses": [3]})), "hypotheses[0]");
        assert_eq!(issue(&admin, &id)["version"], before["version"], "nothing of this happened");

        let wish = json!({"title": "低分：客服口径", "reason": "口径问题归客服", "rules": ["资费低分"], "tasks": [tasks[1]], "hypotheses": [2]});
        let mut look = wish.clone();
        look["preview"] = json!(true);
        let preview = split(look).ok();
        assert_eq!((&preview["signals"], &preview["signals_left"], &preview["tasks"], &preview["tasks_left"], &preview["rings"]),
            (&json!(1), &json!(1), &json!(1), &json!(1), &json!(true)), "{preview}");
        let now = issue(&admin, &id);
        for field in ["version", "state", "signals", "tasks", "hypotheses", "timeline", "parts"] {
            assert_eq!(now[field], before[field], "a preview changes nothing: {field}");
        }
        assert_eq!(issues(&admin).len(), 1);

        let once = admin.with("idempotency-key", "split-1");
        let moved = once.post(&format!("/api/v1/issues/{id}/split"), &wish).ok();
        let again = once.post(&format!("/api/v1/issues/{id}/split"), &wish);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let part_id = text(&moved, "part_id").to_owned();
        let (whole, part) = (issue(&admin, &id), issue(&admin, &part_id));
        assert_eq!(issues(&admin).len(), 2);
        for side in [&whole, &part] {
            told_by_its_history(side);
            assert_eq!(side["state"], "in_progress");
        }
        assert_eq!((rules(&whole), rules(&part)), (vec!["资费争议每日上限".to_owned()], vec!["资费低分".to_owned()]));
        assert_eq!((&whole["count"], &part["count"]), (&before["count"], &json!(4)));
        assert_eq!((&whole["tasks"][0]["id"], &part["tasks"][0]["id"]), (&json!(tasks[0]), &json!(tasks[1])));
        assert_eq!((&whole["hypotheses"][0]["number"], &part["hypotheses"][0]["number"]), (&json!(1), &json!(2)));
        assert_eq!((&part["split"]["from"], &whole["parts"][0]["id"]), (&json!(id), &json!(part_id)));
        assert_eq!((how_often(&whole, "issue.split_off"), &part["split"]["reason"]), (1, &json!("口径问题归客服")));

        // New voices of the rule follow the part, others stay.
        send(&admin, &bad("worse", 3));
        let (whole, part) = (issue(&admin, &id), issue(&admin, &part_id));
        assert_eq!((&whole["count"], &part["count"]), (&json!(58), &json!(7)));
        assert_eq!(issues(&admin).len(), 2, "no third issue");

        let rejoin = |body: Value| admin.post(&format!("/api/v1/issues/{part_id}/rejoin"), &body);
        rejoin(json!({"reason": ""})).problem(422, "invalid_field");
        assert_eq!(rejoin(json!({"reason": "还是一件事", "preview": true})).ok()["signals"], 1);
        assert_eq!(issue(&admin, &part_id)["state"], "in_progress", "a preview changes nothing");
        rejoin(json!({"reason": "还是一件事"})).ok();
        let (whole, part) = (issue(&admin, &id), issue(&admin, &part_id));
        told_by_its_history(&whole);
        told_by_its_history(&part);
        assert_eq!((&part["state"], &part["merged_into"], &part["signals"]), (&json!("dismissed"), &json!(id), &json!([])));
        for field in ["state", "kind", "detector", "title", "alarm_day", "opened_at", "hypotheses"] {
            assert_eq!(whole[field], before[field], "{field}");
        }
        let ids = |issue: &Value| -> std::collections::BTreeSet<String> { issue["tasks"].as_array().expect("tasks").iter().map(|t| text(t, "id").to_owned()).collect() };
        assert_eq!((ids(&whole), rules(&whole).len()), (ids(&before), 2));
        send(&admin, &bad("last", 2));
        assert_eq!((rules(&issue(&admin, &id)).len(), issues(&admin).len()), (2, 2));
        assert_eq!(issue(&admin, &part_id)["signals"], json!([]), "its rule rings for the whole again");
        rejoin(json!({"reason": "再来"})).problem(409, "wrong_state");
        admin.post(&format!("/api/v1/issues/{part_id}/unmerge"), &json!({"reason": "再来"})).problem(409, "wrong_state");
        server.role("viewer").post(&format!("/api/v1/issues/{id}/split"), &wish).problem(403, "not_allowed");
    }

    /// What was split off is quiet when dismissed, comes back by its own rule, and leaves the other alone;
    /// a single signal stays where a person put it.
    fn a_part_lives_its_own_life(engine) {
        let (server, admin, id) = with_issue(engine);
        let low = json!({"key": "资费低分", "kind": "low_rating", "scope": {"topic": TOPIC}, "params": {"limit": 2}, "enabled": true});
        admin.put("/api/v1/detectors/资费低分", &low).ok();
        let bad = |prefix: &str, n: usize| -> Vec<Value> { contacts(prefix, n).into_iter().map(|mut v| {
            v["rating"] = json!(1);
            v["rating_max"] = json!(5);
            v
        }).collect() };
        send(&admin, &bad("bad", 4));
        let moved = admin.post(&format!("/api/v1/issues/{id}/split"), &json!({"title": "低分", "reason": "另一件事", "kind": "churn_risk", "rules": ["资费低分"]})).ok();
        let part = text(&moved, "part_id").to_owned();
        assert_eq!(issue(&admin, &part)["kind"], "churn_risk");
        act(&admin, &part, "dismiss", &json!({"reason": "accepted_risk", "factor": 2}));
        send(&admin, &bad("more", 5));
        assert_eq!((&issue(&admin, &part)["state"], &issue(&admin, &id)["state"]), (&json!("relapsed"), &json!("open")));
        // A single signal: its day counts on where it was put.
        let whole = issue(&admin, &id);
        let signal = text(&whole["signals"][0], "id").to_owned();
        let moved = admin.post(&format!("/api/v1/issues/{id}/split"), &json!({"title": "促销日", "reason": "只是那一天", "signals": [signal]})).ok();
        let day = text(&moved, "part_id").to_owned();
        assert_eq!((&moved["rings"], &issue(&admin, &id)["count"]), (&json!(false), &json!(0)));
        send(&admin, &contacts("later", 3));
        assert_eq!((&issue(&admin, &day)["count"], &issue(&admin, &id)["signals"]), (&json!(63), &json!([])));
        drop(server);
    }

    /// Many ask for what we do not offer: an opportunity by its topic, placed by demand, filtered, verified
    /// by how often it is still asked for; its revenue is a person's figure.
    fn an_opportunity_is_no_problem(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        watch(&admin);
        let mut topic = admin.get(&format!("/api/v1/topics/{TOPIC}")).ok();
        topic["issue_kind"] = json!("opportunity");
        admin.put(&format!("/api/v1/topics/{TOPIC}"), &topic).ok();
        send(&admin, &contacts("first", 51));
        let all = admin.get("/api/v1/issues?kind=opportunity").items();
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(admin.get("/api/v1/issues?kind=problem").items().len(), 0);
        admin.get("/api/v1/issues?kind=nothing").problem(400, "invalid_query");
        let id = text(&all[0], "id").to_owned();
        let chance = issue(&admin, &id);
        assert_eq!((&chance["impact"]["basis"], &chance["impact"]["parts"]), (&json!("demand"), &json!([])), "{chance}");
        assert!(text(&chance["impact"]["explanation"], "zh").contains("机会看需求"), "{chance}");
        assert!(text(&chance, "title").contains("很多客户想要"), "{chance}");
        let task = json!({"title": "上线新套餐", "department": PRODUCT});
        let task = admin.post(&format!("/api/v1/issues/{id}/tasks"), &task).ok();
        assert_eq!((&task["contract"]["metric"], &task["fast_track"]), (&json!("volume"), &json!(false)), "{task}");
        assert!(text(&task["contract"]["sentence"], "en").contains("whether anybody uses it"), "{task}");

        let report = |body: Value| admin.put(&format!("/api/v1/issues/{id}/outcome"), &body);
        report(json!({"revenue_cents": -1, "text": "x"})).problem(422, "invalid_field");
        let with = report(json!({"revenue_cents": 300_000_000, "text": "三个月课程收入，财务口径"})).ok();
        assert_eq!((&with["outcome"]["revenue_cents"], how_often(&with, "issue.outcome_reported")), (&json!(300_000_000), 1));
        let call = |kind: &str, reason: &str| admin.put(&format!("/api/v1/issues/{id}/kind"), &json!({"kind": kind, "reason": reason}));
        call("problem", "").problem(422, "invalid_field");
        let problem = call("problem", "其实是资费说明不清").ok();
        assert_eq!((&problem["kind"], how_often(&problem, "issue.kind_changed")), (&json!("problem"), 1));
        report(json!({"revenue_cents": 1, "text": "x"})).problem(422, "invalid_field");
        send(&admin, &contacts("more", 5));
        assert_eq!((&issue(&admin, &id)["count"], issues(&admin).len()), (&json!(56), 1), "signals join it as before");

        // A rule may say otherwise than its topic: who speaks of leaving is a churn risk beside it.
        let phrase = json!({"key": "要走", "kind": "phrase", "scope": {"topic": TOPIC}, "params": {"phrases": ["太失望了"], "limit": 2}, "raises": "churn_risk", "enabled": true});
        admin.put("/api/v1/detectors/要走", &phrase).ok();
        let leaving: Vec<Value> = (0..3).map(|n| contact(&format!("leave-{n}"), &time::just_now(60), 5)).collect();
        send(&admin, &leaving);
        let leaving = admin.get("/api/v1/issues?kind=churn_risk").items();
        assert_eq!(leaving.len(), 1, "{:?}", issues(&admin));
        assert!(["fix_now", "plan"].contains(&text(&leaving[0], "quadrant")), "bad whatever marks they give: {}", leaving[0]);
    }

    /// One decision about many: said before it is done, each by itself, never more than a hundred.
    fn many_issues_are_decided_at_once(engine) {
        let (server, admin, id) = with_issue(engine);
        let body = json!({"key": "宽带每日上限", "kind": "threshold", "scope": {"topic": OTHER},
                          "params": {"limit": 3, "window": "1d"}, "enabled": true});
        admin.put("/api/v1/detectors/宽带每日上限", &body).ok();
        let outages: Vec<Value> = (0..4).map(|n| json!({"channel": "chat", "external_id": format!("o{n}"),
            "occurred_at": time::just_now(60), "kind": "chat", "text": OUTAGES[n % OUTAGES.len()],
            "customer_ref": format!("c{n}")})).collect();
        send(&admin, &outages);
        let seen = || -> Vec<Value> { issues(&admin).iter().map(|i| json!({"id": i["id"], "version": i["version"]})).collect() };
        let bulk = |body: Value| admin.post("/api/v1/issues/bulk", &body);
        bulk(json!({"issues": [], "snooze": {"factor": 2}})).problem(422, "invalid_field");
        bulk(json!({"issues": seen()})).problem(422, "invalid_field");
        bulk(json!({"issues": seen(), "snooze": {"factor": 2}, "dismiss": {"reason": "duplicate"}})).problem(422, "invalid_field");
        let many: Vec<Value> = (0..101).map(|n| json!({"id": format!("{n}"), "version": 1})).collect();
        bulk(json!({"issues": many, "snooze": {"factor": 2}})).problem(422, "invalid_field");
        let twice = [seen(), seen()].concat();
        bulk(json!({"issues": twice, "snooze": {"factor": 2}})).problem(422, "invalid_field");

        // One task for each, by the owner rules; the preview says who would get it.
        let assign = json!({"issues": seen(), "preview": true, "assign": {"title": "先查：{issue}"}});
        let look = bulk(assign.clone()).ok();
        assert_eq!((&look["done"], &look["failed"]), (&json!(2), &json!(0)), "{look}");
        let mut departments: Vec<&str> = look["items"].as_array().expect("items").iter().map(|i| text(i, "department")).collect();
        departments.sort_unstable();
        let mut both = [PRODUCT, SERVICE];
        both.sort_unstable();
        assert_eq!(departments, both);
        assert_eq!(admin.get("/api/v1/tasks").items().len(), 0, "a preview does nothing");
        sent(&server);
        let mut assign = assign;
        assign["preview"] = json!(false);
        // Somebody changed one of them meanwhile: it is left alone and said.
        act(&admin, &id, "hypotheses", &json!({"text": "合约到期提醒没有发出"}));
        let once = admin.with("idempotency-key", "bulk-1");
        let done = once.post("/api/v1/issues/bulk", &assign).ok();
        assert_eq!((&done["done"], &done["failed"]), (&json!(1), &json!(1)), "{done}");
        let failed = done["items"].as_array().expect("items").iter().find(|i| i["ok"] == false).expect("one failed");
        assert_eq!((&failed["id"], &failed["code"]), (&json!(id), &json!("stale_version")));
        let again = once.post("/api/v1/issues/bulk", &assign);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let tasks = admin.get("/api/v1/tasks").items();
        assert_eq!(tasks.len(), 1);
        assert!(text(&tasks[0], "title").contains(OTHER), "{tasks:?}");

        // What somebody works on is not put aside; the other one is.
        let done = bulk(json!({"issues": seen(), "dismiss": {"reason": "known_event"}})).ok();
        assert_eq!((&done["done"], &done["failed"]), (&json!(1), &json!(1)), "{done}");
        assert_eq!(issue(&admin, &id)["state"], "dismissed");
        let busy = done["items"].as_array().expect("items").iter().find(|i| i["ok"] == false).expect("one failed");
        assert_eq!(busy["code"], "wrong_state");
        // Merged into one: the target itself cannot go.
        let into = text(busy, "id").to_owned();
        let done = bulk(json!({"issues": seen(), "merge": {"into": into}})).ok();
        assert_eq!((&done["done"], &done["failed"], &issue(&admin, &id)["merged_into"]), (&json!(1), &json!(1), &json!(into)), "{done}");
        server.role("viewer").post("/api/v1/issues/bulk", &json!({"issues": seen(), "snooze": {"factor": 2}})).problem(403, "not_allowed");
    }

    /// 退款慢: finance and logistics each get a task, each with its supposed cause.
    fn several_causes_and_departments(engine) {
        let (_server, admin, id) = with_issue(engine);
        let suppose = |body: Value| admin.post(&format!("/api/v1/issues/{id}/hypotheses"), &body);
        suppose(json!({"text": ""})).problem(422, "invalid_field");
        suppose(json!({"text": "x", "department": "没有的部门"})).problem(422, "invalid_field");
        suppose(json!({"text": "合约到期提醒没有发出", "department": PRODUCT})).ok();
        let two = suppose(json!({"text": "客服口径不一致", "department": SERVICE})).ok();
        assert_eq!((&two["hypotheses"][0]["state"], &two["hypotheses"][1]["number"]), (&json!("open"), &json!(2)), "{two}");
        for department in [PRODUCT, SERVICE] {
            let task = json!({"title": format!("{department}先查"), "department": department});
            admin.post(&format!("/api/v1/issues/{id}/tasks"), &task).ok();
        }
        let judge = |n: i64, body: Value| admin.put(&format!("/api/v1/issues/{id}/hypotheses/{n}"), &body);
        judge(3, json!({"state": "confirmed"})).problem(404, "not_found");
        judge(1, json!({"state": "confirmed", "reason": "抽查 20 单，17 单没有提醒"})).ok();
        judge(2, json!({"state": "rejected"})).ok();
        let now = issue(&admin, &id);
        let states: Vec<&str> = now["hypotheses"].as_array().expect("a list").iter().map(|h| text(h, "state")).collect();
        assert_eq!(states, ["confirmed", "rejected"]);
        let mut departments: Vec<&str> = now["tasks"].as_array().expect("tasks").iter().map(|t| text(t, "department")).collect();
        departments.sort_unstable();
        let mut both = [PRODUCT, SERVICE];
        both.sort_unstable();
        assert_eq!(departments, both);
        assert_eq!((how_often(&now, "issue.hypothesis_added"), how_often(&now, "issue.hypothesis_judged")), (2, 2));
    }

    /// A bad mark opens a ticket for one person: once, analysed, called back, closed; 7 is no detractor.
    fn a_bad_mark_gets_a_review_ticket(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let voice = |id: &str, more: Value| {
            let mut voice = contact(id, &time::just_now(600), 0);
            for (name, value) in more.as_object().into_iter().flatten() {
                voice[name] = value.clone();
            }
            voice
        };
        let voices = [
            voice("bad", json!({"rating": 1, "rating_max": 5})),
            voice("fine", json!({"rating": 4, "rating_max": 5})),
            voice("detractor", json!({"nps": 6})),
            voice("passive", json!({"nps": 7})),
            voice("old", json!({"rating": 1, "rating_max": 5, "occurred_at": time::on(time::ago(30), 0)})),
        ];
        send(&admin, &voices);
        let duplicate = admin.post_lines("/api/v1/feedback?wait=analysed", &voices).ok();
        assert_eq!(duplicate["duplicates"], 5, "{duplicate}");
        let all = admin.get("/api/v1/review-tickets").items();
        assert_eq!(all.len(), 2, "{all:?}");
        let bad = all.iter().find(|t| t["reason"]["kind"] == "low_rating").expect("a ticket of the bad mark");
        assert_eq!((&bad["department"], &bad["owner"], &bad["topic"]), (&json!(PRODUCT), &json!(LI), &json!(TOPIC)));
        assert!(text(bad, "text").contains("套餐"), "{bad}");
        assert!(all.iter().any(|t| t["reason"] == json!({"kind": "detractor", "nps": 6})), "{all:?}");

        let path = format!("/api/v1/review-tickets/{}", text(bad, "id"));
        let act = |what: &str, body: Value| admin.post(&format!("{path}/{what}"), &body);
        let closing = json!({"outcome": "recovered", "text": "客户满意"});
        let early = act("close", closing.clone()).problem(422, "invalid_field");
        assert_eq!(early["errors"][0]["code"], "not_analysed");
        act("analyse", json!({"cause": ""})).problem(422, "invalid_field");
        assert_eq!(act("analyse", json!({"cause": "资费说明不清", "text": "短信没有写明"})).ok()["state"], "analysed");
        let early = act("close", closing.clone()).problem(422, "invalid_field");
        assert_eq!(early["errors"][0]["code"], "not_called");
        assert_eq!(act("call_back", json!({"reached": false, "text": "无人接听"})).ok()["state"], "analysed");
        assert_eq!(act("call_back", json!({"reached": true, "text": "道歉并退还差额，电话 13800138000"})).ok()["state"], "called_back");
        let stale = admin.with("if-match", "\"1\"");
        stale.post(&format!("{path}/close"), &closing).problem(412, "stale_version");
        let closed = act("close", closing.clone()).ok();
        assert_eq!((&closed["state"], &closed["outcome"]), (&json!("closed"), &json!("recovered")));
        assert!(!closed.to_string().contains("13800138000"), "numbers are masked: {closed}");
        act("close", closing).problem(409, "wrong_state");
        assert_eq!(admin.get("/api/v1/review-tickets?state=open").items().len(), 1);
        server.role("viewer").post(&format!("{path}/analyse"), &json!({"cause": "x"})).problem(403, "not_allowed");
        assert_eq!(server.role("viewer").get(&path).ok()["text"], Value::Null, "who may not read voices does not");
    }

    /// A ticket is done from its mail, without an account: looking never acts, a form acts once, and the link
    /// dies when it is somebody else's or when its time is over.
    fn a_review_is_done_from_the_mail(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let voices: Vec<Value> = contacts("bad", 2).into_iter().map(|mut v| {
            v["rating"] = json!(1);
            v["rating_max"] = json!(5);
            v
        }).collect();
        send(&admin, &voices);
        let told = || {
            let jobs = "SELECT COUNT(*) AS n FROM job WHERE kind = 'reviews'";
            server.database().run("UPDATE job SET run_at = 1 WHERE kind = 'reviews'");
            until("the list is written", || (server.database().count(jobs) == 0).then_some(()));
            sent(&server);
        };
        told();
        let links = |email: &str| -> Vec<String> {
            let all = admin.get("/api/v1/mailbox?limit=500").items();
            let texts = all.iter().filter(|m| text(m, "to").contains(email)).map(|m| text(m, "text").to_owned());
            texts.flat_map(|t| t.split("/r/").skip(1).map(|rest| format!("/r/{}", &rest[..43])).collect::<Vec<_>>()).collect()
        };
        let all = links(LI);
        assert_eq!(all.len(), 2, "a link for each ticket");
        let phone = server.anonymous();
        let tickets = || admin.get("/api/v1/review-tickets").items();
        let before = tickets();
        for link in &all {
            for method in ["GET", "HEAD", "GET"] {
                let reply = phone.send(method, link, None, &[]);
                assert_eq!(reply.status, 200, "{method}");
                assert_eq!(reply.header("cache-control"), Some("no-store"));
            }
        }
        assert_eq!(tickets(), before, "looking does nothing");
        let page = Page::open(&phone, &all[0]);
        assert!(page.reply.text().len() < 50_000);
        assert_eq!(page.actions(), ["analyse", "call_back", "close"]);
        assert!(page.visible().contains("套餐"), "{}", page.visible());
        let early = page.submit(&phone, "close", &[("outcome", "recovered"), ("text", "好了")]);
        assert_eq!(early.reply.status, 422, "{}", early.visible());
        let stale = Page::open(&phone, &all[0]);
        let form = page.form("analyse");
        let fields = [("cause", "资费说明不清"), ("text", "短信没有写明，电话 13800138000")];
        let done = page.press(&phone, &form, &fields);
        assert_eq!(done.reply.status, 200, "{}", done.visible());
        assert_eq!(done.actions()[0], "call_back", "the next step first");
        assert!(!done.reply.text().contains("13800138000"), "numbers are masked");
        let again = page.press(&phone, &form, &fields);
        assert!(again.visible().contains("没有重复执行"), "{}", again.visible());
        assert_eq!(stale.submit(&phone, "call_back", &[("reached", "yes"), ("text", "x")]).reply.status, 409);
        let done = done.submit(&phone, "call_back", &[("reached", "yes"), ("text", "道歉并退还差额")]);
        let done = done.submit(&phone, "close", &[("outcome", "recovered"), ("text", "客户满意")]);
        assert_eq!((done.reply.status, done.actions().len()), (200, 0), "{}", done.visible());
        let closed = tickets().into_iter().find(|t| t["state"] == "closed").expect("a closed ticket");
        assert_eq!((&closed["outcome"], &closed["calls"][0]["by"]), (&json!("recovered"), &json!("李梅")));
        let uses = closed["timeline"].as_array().expect("a timeline").iter().filter(|e| e["actor"]["via"] == "link").count();
        assert_eq!(uses, 3, "every use is in the history: {closed}");

        // Somebody else's from now on.
        let open = tickets().into_iter().find(|t| t["state"] == "open").expect("an open ticket");
        let path = format!("/api/v1/review-tickets/{}/reassign", text(&open, "id"));
        let wrong = admin.post(&path, &json!({"department": SERVICE, "reason": ""})).problem(422, "invalid_field");
        assert_eq!(wrong["errors"][0]["field"], "reason");
        server.role("viewer").post(&path, &json!({"department": SERVICE, "reason": "x"})).problem(403, "not_allowed");
        let other = admin.post(&path, &json!({"department": SERVICE, "reason": "归客服"})).ok();
        assert_eq!((&other["owner"], &other["department"]), (&json!(EMMA), &json!(SERVICE)));
        let dead = Page::open(&phone, &all[1]);
        assert_eq!((dead.reply.status, dead.actions().len()), (410, 0));
        assert!(!dead.reply.text().contains("套餐"), "not a word about the ticket");
        told();
        let theirs = links(EMMA);
        assert_eq!((theirs.len(), Page::open(&phone, &theirs[0]).reply.status), (1, 200));
        server.database().run("UPDATE review_link SET expires_at = 1");
        assert_eq!(Page::open(&phone, &theirs[0]).reply.status, 410);
        assert_eq!(Page::open(&phone, &format!("/r/{}", "x".repeat(43))).reply.status, 404);
        assert_eq!(Page::open(&phone, "/r/x").reply.status, 404);
    }

    /// A hundred bad marks of one topic are one mail, and no more tickets than the day's limit.
    fn a_hundred_bad_marks_are_one_mail(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let mut organisation = admin.get("/api/v1/organisation").ok();
        organisation["review"]["max_nps"] = json!(7);
        let wrong = admin.put("/api/v1/organisation", &organisation).problem(422, "invalid_field");
        assert_eq!(wrong["errors"][0]["field"], "review.max_nps");
        organisation["review"] = json!({"most_per_topic_and_day": 30});
        admin.put("/api/v1/organisation", &organisation).ok();
        let voices: Vec<Value> = contacts("bad", 100).into_iter().map(|mut v| {
            v["rating"] = json!(1);
            v["rating_max"] = json!(5);
            v
        }).collect();
        send(&admin, &voices);
        let all = admin.get("/api/v1/review-tickets?limit=500").items();
        let gathered: i64 = all.iter().filter_map(|t| t["gathered"].as_i64()).sum();
        assert_eq!((all.len(), gathered), (30, 70));
        assert_eq!(mails_to(&server, LI).len(), 0, "the list comes in the morning");
        let jobs = "SELECT COUNT(*) AS n FROM job WHERE kind = 'reviews'";
        assert_eq!(server.database().count(jobs), 1);
        server.database().run("UPDATE job SET run_at = 1 WHERE kind = 'reviews'");
        until("the list is written", || (server.database().count(jobs) == 0).then_some(()));
        let mails = mails_to(&server, LI);
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert!(mails[0].contains("30 张新工单"), "{mails:?}");
    }
}
