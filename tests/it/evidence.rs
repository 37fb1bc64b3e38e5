//! Verdicts that one can trust: what they are computed from, when, and what follows from them.

use crate::world::{
    LI, OTHER, OUTAGES, PRODUCT, SERVICE, TOPIC, contact, days_ago, furnish, number, rated, send,
    sent, task, text, watch,
};
use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Value, json};
use tests::{Caller, Server, on_both_engines, time, until};

/// Topics that others are compared with.
const MEASURES: [&str; 3] = ["对照-账单", "对照-营业厅", "对照-漫游"];

/// An issue about [`TOPIC`], opened today.
fn issue(admin: &Caller) -> Value {
    watch(admin);
    let voices: Vec<Value> = (0..51)
        .map(|n| contact(&format!("today-{n}"), &time::just_now(60 - n), n as usize))
        .collect();
    send(admin, &voices);
    let all = admin.get("/api/v1/issues?limit=500").items();
    let found = all
        .iter()
        .find(|i| i["topic"] == TOPIC && i["state"] == "open");
    found.unwrap_or_else(|| panic!("no issue: {all:?}")).clone()
}

/// A task of the issue with what a person wants of its contract.
fn assign(admin: &Caller, issue: &Value, title: &str, contract: &Value) -> Value {
    let body =
        json!({"title": title, "description": "", "department": PRODUCT, "contract": contract});
    admin
        .post(
            &format!("/api/v1/issues/{}/tasks", text(issue, "id")),
            &body,
        )
        .ok()
}

fn done(admin: &Caller, id: &str, days: u64) {
    admin
        .post(&format!("/api/v1/tasks/{id}/accept"), &json!({}))
        .ok();
    let at = time::on(time::ago(days), 3600);
    let body = json!({"solution": "上线资费一页纸说明", "effective_at": at});
    admin
        .post(&format!("/api/v1/tasks/{id}/complete"), &body)
        .ok();
    // Its days are over: nobody has to ask, and no night has to come.
    until("the first verdict", || {
        let task = task(admin, id);
        (task["state"] != "done").then_some(())
    });
}

fn evaluate(admin: &Caller, id: &str) -> Value {
    admin
        .post(
            &format!("/api/v1/tasks/{id}/verification/evaluate"),
            &json!({}),
        )
        .ok()
}

fn verification(admin: &Caller, id: &str) -> Value {
    admin.get(&format!("/api/v1/tasks/{id}/verification")).ok()
}

/// Voices of the topics to compare with: their senders are sure of the topic.
fn measures(admin: &Caller, since: u64, a_day: u32, level: f64) {
    for name in MEASURES {
        admin
            .put(
                &format!("/api/v1/topics/{name}"),
                &json!({"key": name, "name": name}),
            )
            .ok();
        let mut voices = rated(&format!("{name}-"), days_ago(since, 1), a_day, level);
        for voice in &mut voices {
            voice["topic"] = json!(name);
            voice["sentiment"] = json!("neutral");
        }
        send(admin, &voices);
    }
}

/// How often something stands in the history of a task.
fn events(admin: &Caller, id: &str, kind: &str) -> usize {
    let task = task(admin, id);
    let all = task["timeline"].as_array().expect("a history");
    all.iter().filter(|e| e["kind"] == kind).count()
}

/// An issue whose ratings rose from 72 to 90 % thirty-one days ago, beside others that stayed, and the
/// contract that a fix of it is judged by.
fn what_a_fix_mended(admin: &Caller) -> (Value, Value) {
    measures(admin, 110, 24, 0.80);
    send(admin, &rated("before", days_ago(110, 32), 24, 0.72));
    send(admin, &rated("after", days_ago(30, 1), 24, 0.90));
    let wish = json!({"metric": "csat", "alarm_day": time::ago(45)});
    (issue(admin), wish)
}

on_both_engines! {
    /// The night's look does what a person's does, goes on to the next night, and nothing happens twice.
    fn a_night_judges_once(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let (issue, wish) = what_a_fix_mended(&admin);
        let id = text(&assign(&admin, &issue, "说清楚", &wish), "id").to_owned();
        done(&admin, &id, 31);
        let database = server.database();
        let jobs = |condition: &str| {
            database.count(&format!(
                "SELECT COUNT(*) AS n FROM job WHERE kind = 'verify' AND unique_key LIKE 'verify:{id}:%' AND {condition}"
            ))
        };
        assert_eq!(jobs("state = 'ready'"), 1, "the next night looks");
        // The night comes.
        let night = |n: usize| {
            let key = format!("verify:{id}:night-{n}");
            database.run(&format!("UPDATE job SET run_at = 1, unique_key = '{key}' WHERE kind = 'verify' AND state = 'ready'"));
            until(&format!("night {n}"), || (jobs("state = 'ready' AND run_at > 1") == 1).then_some(()));
        };
        night(1);
        let first = verification(&admin, &id);
        assert_eq!(first["verdict"], "improved", "{first}");
        assert_eq!(first["control"]["kind"], "other_topics", "{first}");
        assert_eq!(first["history"].as_array().map(Vec::len), Some(1), "{}", first["history"]);
        assert!(first["looks"].as_array().is_some_and(|l| l.len() > 1), "{}", first["looks"]);
        night(2);
        night(3);
        evaluate(&admin, &id);
        let last = verification(&admin, &id);
        assert_eq!(last["history"], first["history"], "the verdict is the same");
        assert_eq!(events(&admin, &id, "task.judged"), 1);
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM verification"), 1);
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM verdict_now"), 1);
        let articles = admin.get("/api/v1/knowledge/articles").items();
        assert_eq!(articles.len(), 1, "{articles:?}");
        assert_eq!(articles[0]["evidence"]["effect"]["value"], last["effect"]["value"], "the card shows the present figures");
        let verdicts: Vec<Value> = sent(&server).into_iter().filter(|d| d["subject"].as_str().is_some_and(|s| s.contains("已验证有效"))).collect();
        let mails = admin.get("/api/v1/mailbox?limit=500").items();
        let told: Vec<&Value> = mails.iter().filter(|m| text(m, "subject").contains("已验证有效")).collect();
        assert_eq!(told.len(), 1, "{verdicts:?}");
        assert_eq!(told[0]["to"], LI);
        let body = text(told[0], "text");
        let sentence = text(&first["sentence"], "zh");
        let place = |words: &str| body.find(words).unwrap_or_else(|| panic!("no {words} in {body}"));
        assert!(place(&sentence.chars().take(12).collect::<String>()) < place("说清楚"), "the sentence comes first: {body}");

        // Late data changes what it said: nothing was better after all. Nobody asks, no night comes.
        let nights = || database.texts(&format!("SELECT unique_key AS t FROM job WHERE unique_key LIKE 'verify:{id}:%'"));
        let planned = nights();
        let worse: Vec<Value> = rated("late", days_ago(30, 1), 60, 0.60);
        send(&admin, &worse);
        let late = until("another verdict", || Some(verification(&admin, &id)).filter(|v| v["verdict"] != "improved"));
        assert_eq!(nights(), planned, "the night's look stays where it is");
        let past = late["history"].as_array().expect("a history");
        assert_eq!(past.len(), 2, "{past:?}");
        assert_eq!((&past[0]["verdict"], &past[0]["occasion"]), (&json!("improved"), &json!("completion")), "{past:?}");
        assert_eq!(past[0]["sentence"], first["sentence"], "what was said then, with the figures of then");
        assert_eq!((&past[1]["verdict"], &past[1]["occasion"]), (&late["verdict"], &json!("late_data")), "{past:?}");
        assert_eq!(past[1]["sentence"], late["sentence"]);
        assert_eq!(events(&admin, &id, "task.judged"), 2);
        assert_eq!(admin.get("/api/v1/knowledge/articles").items(), Vec::<Value>::new(), "what is not proven is no knowledge");
        assert_eq!(events(&admin, &id, "task.article_withdrawn"), 1);
    }

    /// Ratings that come long after their contacts: the verdict follows by itself, once for all of them, and
    /// sees the days that whoever asked had seen.
    fn late_ratings_change_a_verdict(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        measures(&admin, 110, 24, 0.80);
        send(&admin, &rated("before", days_ago(110, 22), 24, 0.72));
        send(&admin, &rated("after", days_ago(20, 1), 24, 0.90));
        let mut silent = rated("silent", days_ago(20, 1), 20, 0.0);
        for voice in &mut silent {
            let fields = voice.as_object_mut().expect("an object");
            fields.remove("rating");
            fields.remove("rating_max");
        }
        send(&admin, &silent);
        let issue = issue(&admin);
        let wish = json!({"metric": "csat", "alarm_day": time::ago(35)});
        let id = text(&assign(&admin, &issue, "说清楚", &wish), "id").to_owned();
        done(&admin, &id, 21);
        let asked = evaluate(&admin, &id);
        assert_eq!(asked["verdict"], "improved", "{asked}");
        assert_eq!(asked["after"]["to"], time::ago(1).to_string());
        // What is said today concerns no verdict: nothing is asked for.
        let database = server.database();
        let looks = || database.count("SELECT COUNT(*) AS n FROM job WHERE unique_key LIKE 'late:%'");
        send(&admin, &[contact("now", &time::just_now(30), 1)]);
        assert_eq!(looks(), 0);
        let ratings: Vec<Value> = silent.iter().map(|v| json!({"channel": v["channel"], "external_id": v["external_id"], "rating": 1})).collect();
        admin.post("/api/v1/ratings", &json!({"items": ratings})).ok();
        // A slow machine takes longer over the ratings than a look waits: then the next one sees the rest.
        let all = number(&asked, "/after/n") + ratings.len() as f64;
        let late = until("a verdict from all ratings", || {
            Some(verification(&admin, &id)).filter(|v| number(v, "/after/n") == all && looks() == 0)
        });
        assert_ne!(late["verdict"], "improved", "{late}");
        assert_eq!(late["after"]["to"], asked["after"]["to"], "no day fewer than whoever asked had seen");
        let past = late["history"].as_array().expect("a history");
        let occasions: Vec<&Value> = past.iter().map(|p| &p["occasion"]).collect();
        assert_eq!(occasions, ["completion", "late_data"], "{past:?}");
        sent(&server);
        let mails = admin.get("/api/v1/mailbox?limit=500").items();
        for said in [&asked, &late] {
            let words: String = text(&said["sentence"], "zh").chars().take(17).collect();
            let told = mails.iter().filter(|m| text(m, "text").contains(&words)).count();
            assert_eq!(told, 1, "one mail a change: {words} in {mails:?}");
        }
        server.command(&["rebuild-facts", "--check"]).ok();
    }

    /// Late data that turns the whole window round turns the verdict round, and back again: nothing stays
    /// that contradicts its own sentence, and a task that was given back is judged anew.
    fn late_data_turns_a_verdict_round_and_back(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let (issue, wish) = what_a_fix_mended(&admin);
        let id = text(&assign(&admin, &issue, "说清楚", &wish), "id").to_owned();
        done(&admin, &id, 31);
        let first = verification(&admin, &id);
        assert_eq!(first["verdict"], "improved", "at once: {first}");
        // The early looks are as they were: only the last days are bad.
        let bad = rated("bad", days_ago(8, 1), 150, 0.0);
        send(&admin, &bad);
        let fell = until("a fall", || Some(verification(&admin, &id)).filter(|v| v["verdict"] == "worse"));
        assert!(number(&fell, "/effect/high") < 0.0, "{}", fell["effect"]);
        assert!(text(&fell["sentence"], "zh").contains("下降"), "{}", fell["sentence"]);
        assert_eq!(task(&admin, &id)["state"], "in_progress");
        assert_eq!(admin.get("/api/v1/knowledge/articles").items(), Vec::<Value>::new());
        assert_eq!(evaluate(&admin, &id)["verdict"], "worse", "whoever asks is told the same");
        // The ratings were wrong and are corrected: they were good.
        let good: Vec<Value> = bad.iter().map(|v| json!({"channel": v["channel"], "external_id": v["external_id"], "rating": 5})).collect();
        for part in good.chunks(500) {
            admin.post("/api/v1/ratings", &json!({"items": part})).ok();
        }
        let back = until("good again", || Some(verification(&admin, &id)).filter(|v| v["verdict"] == "improved"));
        let verdicts: Vec<&Value> = back["history"].as_array().expect("a history").iter().map(|p| &p["verdict"]).collect();
        assert_eq!(verdicts.first(), Some(&&json!("improved")));
        assert!(verdicts.contains(&&json!("worse")) && verdicts.last() == Some(&&json!("improved")), "{verdicts:?}");
        assert_eq!(task(&admin, &id)["state"], "verified");
        assert_eq!(admin.get("/api/v1/knowledge/articles").items().len(), 1);
    }

    /// A task that came out worse and is given to somebody else goes on being watched until something new is
    /// delivered; what late data say of the former fix ends the new owner's work only where it worked.
    fn a_worse_fix_is_watched_while_somebody_else_is_asked(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let (issue, wish) = what_a_fix_mended(&admin);
        let id = text(&assign(&admin, &issue, "说清楚", &wish), "id").to_owned();
        done(&admin, &id, 31);
        let bad = rated("bad", days_ago(8, 1), 150, 0.0);
        send(&admin, &bad);
        until("a fall", || Some(verification(&admin, &id)).filter(|v| v["verdict"] == "worse"));
        let body = json!({"department": SERVICE, "reason": "换人处理"});
        admin.post(&format!("/api/v1/tasks/{id}/reassign"), &body).ok();
        assert_eq!(task(&admin, &id)["state"], "assigned");
        assert_eq!(evaluate(&admin, &id)["verdict"], "worse", "still looked at");
        assert_eq!(task(&admin, &id)["state"], "assigned", "and still asked for");
        let good: Vec<Value> = bad.iter().map(|v| json!({"channel": v["channel"], "external_id": v["external_id"], "rating": 5})).collect();
        for part in good.chunks(500) {
            admin.post("/api/v1/ratings", &json!({"items": part})).ok();
        }
        until("it worked after all", || Some(verification(&admin, &id)).filter(|v| v["verdict"] == "improved"));
        assert_eq!(task(&admin, &id)["state"], "verified");
    }

    /// Before and after must be labelled by one classifier: what another one labelled is labelled anew,
    /// people's corrections stay, and then the verdict falls.
    fn both_windows_are_measured_with_one_ruler(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        send(&admin, &rated("before", days_ago(98, 36), 8, 0.75));
        // Complaints that the former classifier took for outages.
        let mut taken: Vec<Value> = rated("taken", days_ago(60, 50), 3, 0.0);
        for (n, voice) in taken.iter_mut().enumerate() {
            voice["text"] = json!(OUTAGES[n % OUTAGES.len()]);
        }
        send(&admin, &taken);
        send(&admin, &rated("after", days_ago(34, 1), 12, 0.95));
        let database = server.database();
        let issue = issue(&admin);
        let id = text(&assign(&admin, &issue, "一把尺", &json!({"metric": "csat", "expected_change": 0.15})), "id").to_owned();
        done(&admin, &id, 35);
        let corrected = admin.get(&format!("/api/v1/feedback?topic={OTHER}&limit=1")).items()[0].clone();
        admin.put(&format!("/api/v1/feedback/{}/labels", text(&corrected, "id")), &json!({"topic": OTHER})).ok();

        // The classifier is replaced: what it finds in outages now, it would have found then.
        let topic = json!({"key": TOPIC, "name": TOPIC, "owner_department": PRODUCT,
                           "words": ["套餐", "资费", "月租", "最低消费", "宽带", "断网", "掉线", "光猫"]});
        let tag = admin.get(&format!("/api/v1/topics/{TOPIC}"));
        let tag = tag.header("etag").unwrap_or_default().to_owned();
        admin.with("if-match", &tag).put(&format!("/api/v1/topics/{TOPIC}"), &topic).ok();
        let other = json!({"key": OTHER, "name": OTHER, "words": ["不再使用的词"]});
        let tag = admin.get(&format!("/api/v1/topics/{OTHER}"));
        let tag = tag.header("etag").unwrap_or_default().to_owned();
        admin.with("if-match", &tag).put(&format!("/api/v1/topics/{OTHER}"), &other).ok();
        let limit = (time::now() - chrono::TimeDelta::days(40)).timestamp_micros();
        database.run(&format!("UPDATE label SET ruler = REPLACE(ruler, '@', '@old-'), data = REPLACE(data, '\"classifier_version\":\"', '\"classifier_version\":\"old-') WHERE ruler <> '' AND occurred_at < {limit}"));
        let rulers = || database.texts("SELECT DISTINCT ruler AS t FROM label WHERE ruler <> ''").len();
        assert_eq!(rulers(), 2);
        let at_first = evaluate(&admin, &id);
        assert_eq!(at_first["verdict"], "pending", "{at_first}");
        assert!(at_first["missing"].as_array().expect("what is missing").iter().any(|m| m["code"] == "same_ruler"), "{at_first}");
        let verdict = until("a verdict by one ruler", || {
            Some(verification(&admin, &id)).filter(|v| rulers() == 1 && number(v, "/before/n") == f64::from(56 * 8 + 32))
        });
        assert_eq!(rulers(), 1, "everything in the windows is the present classifier's");
        assert_eq!(verdict["verdict"], "improved", "{verdict}");
        let before = number(&verdict, "/before/n");
        assert_eq!(before, f64::from(56 * 8 + 32), "what was taken for outages counts now, but for the corrected one");
        let stays = admin.get(&format!("/api/v1/feedback/{}", text(&corrected, "id"))).ok();
        assert_eq!(stays["label"]["topic"], OTHER, "a person's correction stays: {stays}");
        server.command(&["rebuild-facts", "--check"]).ok();
    }

    /// Words that nobody says take no verdict back: what was decided stands, says why, and its people are told.
    fn a_verdict_outlives_other_words_for_its_topic(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let (issue, wish) = what_a_fix_mended(&admin);
        let id = text(&assign(&admin, &issue, "说清楚", &wish), "id").to_owned();
        done(&admin, &id, 31);
        let first = until("a verdict", || Some(verification(&admin, &id)).filter(|v| v["verdict"] == "improved"));
        let tag = admin.get(&format!("/api/v1/topics/{TOPIC}"));
        let tag = tag.header("etag").unwrap_or_default().to_owned();
        let other = json!({"key": TOPIC, "name": TOPIC, "owner_department": PRODUCT, "words": ["不再使用的词"]});
        admin.with("if-match", &tag).put(&format!("/api/v1/topics/{TOPIC}"), &other).ok();
        // One more voice by the new words, so that two rulers stand side by side.
        send(&admin, &[contact("new", &time::on(time::ago(3), 60), 1)]);
        evaluate(&admin, &id);
        let kept = until("what was decided, with its reason", || {
            Some(verification(&admin, &id)).filter(|v| v["new_ruler"].is_object())
        });
        assert_eq!(kept["verdict"], "improved", "{kept}");
        assert_eq!((&kept["new_ruler"]["kept"], &kept["new_ruler"]["classifier"]), (&json!(true), &json!(false)), "{kept}");
        assert_eq!(kept["before"], first["before"], "the figures are those that decided");
        let sentence = text(&kept["sentence"], "zh");
        assert!(sentence.contains("关键词") && sentence.contains("保留"), "{sentence}");
        assert!(kept["guards"].as_array().is_some_and(|all| all.iter().any(|g| g["code"] == "new_ruler")), "{kept}");
        let past = kept["history"].as_array().expect("a history");
        let last = past.last().expect("an entry");
        assert_eq!((&last["occasion"], &last["verdict"]), (&json!("new_ruler"), &json!("improved")), "{past:?}");
        let task = admin.get(&format!("/api/v1/tasks/{id}")).ok();
        assert_eq!(task["state"], "verified", "{task}");
        assert_eq!(admin.get("/api/v1/knowledge/articles").items().len(), 1);
        // Asked again, in whatever way: the same, and nobody is told twice.
        evaluate(&admin, &id);
        assert_eq!(verification(&admin, &id)["history"], kept["history"]);
        sent(&server);
        let mails = admin.get("/api/v1/mailbox?limit=500").items();
        let told: Vec<&Value> = mails.iter().filter(|m| m["to"] == LI && text(m, "text").contains("关键词在此后改过")).collect();
        assert_eq!(told.len(), 1, "{mails:?}");
    }

    /// A contract can be seen before a task is assigned, and what cannot be decided is refused.
    fn a_contract_that_cannot_be_decided_is_refused(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        send(&admin, &rated("usual", days_ago(90, 1), 20, 0.75));
        let issue = issue(&admin);
        let path = format!("/api/v1/issues/{}/contract", text(&issue, "id"));
        let by_rule = admin.get(&path).ok();
        assert_eq!(by_rule["metric"], "csat", "{by_rule}");
        assert_eq!(by_rule["refused"], Value::Null);
        let candidates = by_rule["candidates"].as_array().expect("candidates");
        assert!(candidates.len() >= 9, "every metric is looked at: {candidates:?}");
        for language in ["zh", "en"] {
            assert!(!text(&by_rule["sentence"], language).is_empty());
        }
        assert_eq!(admin.get("/api/v1/tasks").items(), Vec::<Value>::new(), "nothing is written");
        // Nobody records handling times.
        let asked = admin.get(&format!("{path}?metric=aht")).ok();
        assert_eq!(asked["refused"]["why"], "no_answers", "{}", asked["refused"]);
        let wish = json!({"title": "更快", "description": "", "department": PRODUCT, "contract": {"metric": "aht"}});
        let refused = admin.with("accept-language", "en").post(&format!("/api/v1/issues/{}/tasks", text(&issue, "id")), &wish);
        let problem = refused.problem(422, "not_decidable");
        assert_eq!(problem["errors"][0]["field"], "contract.metric");
        assert_eq!(problem["errors"][0]["code"], "no_answers");
        assert!(!text(&problem, "detail").is_empty());
        // A tenth of a point cannot be seen either.
        let small = admin.get(&format!("{path}?metric=csat&expected_change=0.02")).ok();
        assert!(small["refused"].is_object(), "{small}");
        admin.get(&format!("{path}?metric=luck")).problem(400, "invalid_query");
        admin.get(&format!("{path}?horizon_days=400")).problem(400, "invalid_query");
        // What nobody can reach or want is refused for that reason, before and when it is assigned.
        for (metric, change) in [("csat", 0.3), ("csat", -0.1), ("volume", 0.2), ("aht", 0.1)] {
            admin.get(&format!("{path}?metric={metric}&expected_change={change}")).problem(400, "invalid_query");
            let wish = json!({"title": "更好", "description": "", "department": PRODUCT, "contract": {"metric": metric, "expected_change": change}});
            let refused = admin.post(&format!("/api/v1/issues/{}/tasks", text(&issue, "id")), &wish).problem(422, "invalid_field");
            assert_eq!(refused["errors"][0]["field"], "contract.expected_change", "{refused}");
        }
        // A horizon that is too short for the change is planned with, not only written down.
        let short = json!({"title": "更快", "description": "", "department": PRODUCT, "contract": {"metric": "csat", "expected_change": 0.08, "horizon_days": 7}});
        let refused = admin.post(&format!("/api/v1/issues/{}/tasks", text(&issue, "id")), &short).problem(422, "not_decidable");
        assert_eq!(refused["errors"][0]["field"], "contract.horizon_days", "{refused}");
        // What is shown before is what the task gets.
        let shown = admin.get(&format!("{path}?metric=csat&expected_change=0.12")).ok();
        let got = assign(&admin, &issue, "同样", &json!({"metric": "csat", "expected_change": 0.12}));
        for same in ["planned", "sentence", "candidates", "horizon_days"] {
            assert_eq!(shown[same], got["contract"][same], "{same}");
        }
        let all = json!({"metric": "csat", "expected_change": 0.12, "alarm_day": time::ago(20), "horizon_days": 42,
                         "channels": ["phone"], "guards": [{"metric": "volume", "limit": 0.15}]});
        let frozen = assign(&admin, &issue, "约定", &all);
        let contract = &frozen["contract"];
        assert_eq!(contract["metric"], "csat");
        assert_eq!(contract["chosen"], "person");
        assert_eq!(number(contract, "/expected_change"), 0.12);
        assert_eq!(contract["alarm_day"], time::ago(20).to_string());
        assert_eq!(contract["horizon_days"], 42);
        assert_eq!(contract["channels"], json!(["phone"]));
        assert_eq!(contract["guards"], json!([{"metric": "volume", "limit": 0.15}]));
    }

    /// Two fixes of one matter in one after-window: nobody can tell which did it, so they share a verdict.
    fn fixes_that_overlap_share_a_verdict(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let (issue, wish) = what_a_fix_mended(&admin);
        let first = text(&assign(&admin, &issue, "第一项", &wish), "id").to_owned();
        let second = text(&assign(&admin, &issue, "第二项", &wish), "id").to_owned();
        done(&admin, &first, 31);
        done(&admin, &second, 29);
        let said = evaluate(&admin, &second);
        assert_eq!(said["verdict"], "improved", "{said}");
        assert_eq!(said["effective_day"], time::ago(31).to_string(), "since the first of them");
        assert_eq!(said["together_with"], json!([first]));
        let set = said["set"].as_array().expect("a set");
        assert_eq!(set.len(), 2, "{set:?}");
        assert_eq!((&set[0]["task_id"], &set[0]["first"]), (&json!(first), &json!(true)));
        // The last day that can decide counts from the last fix, by the first one's contract.
        let horizon = task(&admin, &first)["contract"]["horizon_days"].as_u64().expect("days");
        let latest = time::ago(29) + Days::new(horizon);
        assert_eq!(said["latest_day"], latest.to_string());
        let shared = verification(&admin, &first);
        assert_eq!(shared["latest_day"], said["latest_day"]);
        assert_eq!(shared["together_with"], json!([second]));
        for same in ["verdict", "effect", "before", "after", "looks"] {
            assert_eq!(shared[same], said[same], "{same}");
        }
        for id in [&first, &second] {
            assert_eq!(task(&admin, id)["state"], "verified");
        }
        assert_eq!(admin.get("/api/v1/issues?limit=500").items()[0]["state"], "resolved");
        // A third one that came long after stands alone.
        let month = time::today().format("%Y-%m").to_string();
        let report = admin.get(&format!("/api/v1/reports/savings?month={month}")).ok();
        assert_eq!(report["month"], month);
        assert_eq!(report["estimated_cents"], Value::Null, "satisfaction alone is no money: {report}");
    }

    /// What comes after the verdict's days can take savings away, never add to them: three times the contacts
    /// are not three times as many avoided.
    fn what_gets_worse_after_a_verdict_saves_no_more(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        measures(&admin, 140, 40, 0.80);
        send(&admin, &rated("before", days_ago(140, 66), 40, 0.75));
        send(&admin, &rated("after", days_ago(64, 1), 20, 0.75));
        let issue = issue(&admin);
        let wish = json!({"metric": "volume", "expected_change": -0.3, "alarm_day": time::ago(80), "horizon_days": 28});
        let id = text(&assign(&admin, &issue, "少来电", &wish), "id").to_owned();
        done(&admin, &id, 65);
        let said = evaluate(&admin, &id);
        assert_eq!(said["verdict"], "improved", "{said}");
        let this_month = time::today().format("%Y-%m").to_string();
        let running = || {
            let all = admin.get(&format!("/api/v1/tasks/{id}/statements")).items();
            all.into_iter().find(|s| s["month"] == json!(this_month))
        };
        // On the first of a month it has no day yet.
        let days = u64::from(time::today().day() - 1).min(10);
        let Some(before) = running().filter(|_| days > 0) else { return };
        assert!(number(&before, "/savings/contacts_avoided/value") > 5.0, "{before}");
        send(&admin, &rated("worse", days_ago(days, 1), 100, 0.75));
        let after = until("the month counts them", || running().filter(|s| s["contacts"] != before["contacts"]));
        for figure in ["/savings/contacts_avoided/value", "/savings/contacts_avoided/high"] {
            assert!(number(&after, figure) < number(&before, figure), "{figure}: {before} {after}");
        }
    }

    /// Fewer contacts are worth something: month by month, frozen when the month is closed.
    fn avoided_contacts_have_statements(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let organisation = admin.get("/api/v1/organisation");
        let mut body = organisation.ok();
        body["unit_cost_cents_per_minute"] = json!(150);
        let tag = organisation.header("etag").unwrap_or_default().to_owned();
        admin.with("if-match", &tag).put("/api/v1/organisation", &body).ok();
        measures(&admin, 140, 40, 0.80);
        let timed = |prefix: &str, from: u64, to: u64, a_day: u32| {
            let mut voices = rated(prefix, days_ago(from, to), a_day, 0.75);
            for (n, voice) in voices.iter_mut().enumerate() {
                voice["handle_seconds"] = json!(280 + (n % 5) * 10);
            }
            send(&admin, &voices);
        };
        timed("before", 140, 66, 40);
        timed("after", 64, 1, 20);
        let issue = issue(&admin);
        let wish = json!({"metric": "volume", "expected_change": -0.3, "alarm_day": time::ago(80), "horizon_days": 28});
        let id = text(&assign(&admin, &issue, "少来电", &wish), "id").to_owned();
        done(&admin, &id, 65);
        let said = evaluate(&admin, &id);
        assert_eq!(said["verdict"], "improved", "{said}");
        let avoided = &said["savings"]["contacts_avoided"];
        assert!(number(avoided, "/low") > 300.0 && number(avoided, "/high") < 800.0, "about 28 × 20: {avoided}");
        assert!(number(&said, "/savings/freed_hours") > 20.0, "{}", said["savings"]);
        assert_eq!(said["savings"]["secured_cents"], Value::Null, "a date that was given afterwards secures nothing");
        assert!(number(&said, "/savings/estimated_cents") > 10_000.0, "{}", said["savings"]);
        let statements = admin.get(&format!("/api/v1/tasks/{id}/statements")).items();
        assert!(statements.len() >= 2, "{statements:?}");
        let this_month = time::today().format("%Y-%m").to_string();
        assert!(statements.iter().all(|s| s["frozen"] == false || s["month"] != json!(this_month)), "{statements:?}");
        let days: i64 = statements.iter().map(|s| s["savings"]["days"].as_i64().expect("days")).sum();
        assert_eq!(days, 64, "every day since the fix once");
        // The night freezes what is closed; late data does not change it any more.
        let database = server.database();
        database.run("UPDATE job SET run_at = 1, unique_key = 'verify:night' WHERE kind = 'verify' AND state = 'ready'");
        let frozen = until("a frozen month", || {
            let all = admin.get(&format!("/api/v1/tasks/{id}/statements")).items();
            let frozen: Vec<Value> = all.into_iter().filter(|s| s["frozen"] == true).collect();
            Some(frozen).filter(|f| !f.is_empty())
        });
        let month = text(&frozen[0], "month").to_owned();
        let report = admin.get(&format!("/api/v1/reports/savings?month={month}")).ok();
        assert_eq!(report["statements"][0]["contacts"], frozen[0]["contacts"], "{report}");
        assert_eq!(report["estimated_cents"], frozen[0]["savings"]["estimated_cents"], "counted once");
        let first: NaiveDate = text(&frozen[0], "from").parse().expect("a day");
        let late = [contact("late-one", &time::on(first + Days::new(1), 60), 1)];
        send(&admin, &late);
        let again = admin.get(&format!("/api/v1/tasks/{id}/statements")).items();
        assert_eq!(again[0], frozen[0], "closed is closed");
        admin.get("/api/v1/reports/savings?month=2026-13").problem(400, "invalid_query");
        let empty = admin.get("/api/v1/reports/savings?month=2020-01").ok();
        assert_eq!(empty["statements"], json!([]), "no data");
        assert_eq!((&empty["estimated_cents"], &empty["contacts_avoided"]), (&Value::Null, &Value::Null));
        // A month that has not begun has neither costs nor tickets; a running one names the one before.
        let next = admin.get("/api/v1/reports/savings?month=2099-12").ok();
        assert_eq!((&next["cost"]["month"], &next["cost"]["resolved"]), (&Value::Null, &json!(0)));
        let running = admin.get(&format!("/api/v1/reports/savings?month={this_month}")).ok();
        assert!(text(&running["cost"], "month") < this_month.as_str(), "{}", running["cost"]);
        // Who does not see the task does not see what it was worth.
        let address = format!("/api/v1/reports/savings?month={month}");
        assert_eq!(server.role("voc_owner").get(&address).ok()["statements"], report["statements"]);
        assert_eq!(server.role("department_owner").get(&address).ok()["statements"], json!([]), "of no department");
        server.role("integrator").get(&address).problem(403, "not_allowed");
    }
}

/// A task that helped, and the one article that came of it; answers the article's id.
pub fn an_article(admin: &Caller) -> String {
    furnish(admin);
    let (issue, wish) = what_a_fix_mended(admin);
    let id = text(&assign(admin, &issue, "说清楚", &wish), "id").to_owned();
    done(admin, &id, 31);
    let articles = admin.get("/api/v1/knowledge/articles").items();
    assert_eq!(articles.len(), 1, "{articles:?}");
    text(&articles[0], "id").to_owned()
}

/// A search, an agent and a silent channel are judged by what they are, never by the voices without a
/// topic.
#[test]
fn what_is_no_topic_has_its_own_contract() {
    let server = Server::start(tests::Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    let body = json!({"key": "nothing-found", "kind": "no_result_search", "scope": {},
                      "params": {"limit": 2, "window_days": 3}, "enabled": true});
    admin.put("/api/v1/detectors/nothing-found", &body).ok();
    // Calls that no topic explains, with times of their own: they must decide nothing here.
    let mut voices: Vec<Value> = Vec::new();
    for (place, day) in days_ago(90, 1).enumerate() {
        for n in 0..12 {
            let mut call = contact(&format!("other-{day}-{n}"), &time::on(day, n * 300), place);
            call["text"] = json!("您好，谢谢。");
            call["handle_seconds"] = json!(if place > 70 { 400 } else { 300 });
            voices.push(call);
            voices.push(json!({
                "channel": "help", "external_id": format!("search-{day}-{n}"), "kind": "search",
                "occurred_at": time::on(day, n * 300 + 60), "query": "怎么销户",
                "hits": i32::from(n % 3 == 0), "customer_ref": format!("searcher-{day}-{n}"),
            }));
        }
    }
    send(&admin, &voices);
    let today: Vec<Value> = (0..4)
        .map(|n| {
            json!({"channel": "help", "external_id": format!("today-{n}"), "kind": "search",
                   "occurred_at": time::just_now(60 - n), "query": "怎么销户", "hits": 0,
                   "customer_ref": format!("today-{n}")})
        })
        .collect();
    send(&admin, &today);
    let issue = until("an issue about the search", || {
        let all = admin.get("/api/v1/issues?limit=500").items();
        all.into_iter()
            .find(|i| i["subject"]["kind"] == "search_term")
    });
    let path = format!("/api/v1/issues/{}/contract", text(&issue, "id"));
    let contract = admin.get(&path).ok();
    assert_eq!(contract["metric"], "no_result_share", "{contract}");
    assert_eq!(contract["subject"], issue["subject"], "{contract}");
    let level = number(&contract, "/candidates/0/level");
    assert!((level - 2.0 / 3.0).abs() < 0.05, "{contract}");
    // What is not counted of a search is refused by name.
    let wish = json!({"title": "x", "department": PRODUCT, "contract": {"metric": "aht"}});
    let refused = admin.post(
        &format!("/api/v1/issues/{}/tasks", text(&issue, "id")),
        &wish,
    );
    refused.problem(422, "not_decidable");
    let task_of = assign(&admin, &issue, "补上文章", &json!({}));
    let id = text(&task_of, "id").to_owned();
    done(&admin, &id, 10);
    let found = evaluate(&admin, &id);
    assert_eq!(found["metric"], "no_result_share", "{found}");
    assert!(
        text(&found["sentence"], "zh").contains("怎么销户"),
        "{found}"
    );
    assert_ne!(
        found["verdict"], "worse",
        "the calls are slower, not the search"
    );
}
