//! Rules of every kind: each rings once, says why, tells the right people, and is silent when it must be.

use crate::world::{COMPLAINTS, OTHER, SERVICE, TOPIC, furnish, issues, send, sent, text};
use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Caller, Engine, Options, Server, Smtp, on_both_engines, time, until, until_within};

/// Who answers for the rules here.
const OWNER: &str = "rules@telecom.example";

fn rule(admin: &Caller, key: &str, kind: &str, params: &Value) -> Value {
    let body = json!({"key": key, "kind": kind, "params": params, "owner": OWNER});
    admin.put(&format!("/api/v1/detectors/{key}"), &body).ok()
}

fn voice(prefix: &str, n: usize, day: NaiveDate, topic: &str) -> Value {
    json!({"channel": "phone", "external_id": format!("{prefix}-{day}-{n}"), "kind": "call",
           "occurred_at": time::on(day, (n * 97) as u32), "text": "请尽快处理", "topic": topic,
           "customer_ref": format!("{prefix}-{day}-{n}")})
}

/// `a_day` voices of a topic on each of the days before yesterday, up to `days` ago.
fn usual(prefix: &str, days: u64, a_day: usize, topic: &str, more: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for back in 2..=days {
        let day = time::ago(back);
        // A little up and down, the same every time.
        for n in 0..a_day + (back % 3) as usize {
            let mut v = voice(prefix, n, day, topic);
            for (field, value) in more.as_object().into_iter().flatten() {
                v[field] = value.clone();
            }
            all.push(v);
        }
    }
    all
}

fn signals(admin: &Caller, detector: &str) -> Vec<Value> {
    admin
        .get(&format!("/api/v1/detectors/{detector}/signals"))
        .items()
}

/// The signals of a rule, once there are some.
fn rang(admin: &Caller, detector: &str) -> Vec<Value> {
    until_within(
        Duration::from_secs(60),
        &format!("{detector} rings"),
        || Some(signals(admin, detector)).filter(|all| !all.is_empty()),
    )
}

/// Waits until no day waits to be judged.
fn judged(server: &Server) {
    let database = server.database();
    until_within(Duration::from_secs(60), "every day is judged", || {
        let waiting = "SELECT COUNT(*) AS n FROM job WHERE kind IN ('detect', 'analyse', 'rated', 'counted_less')";
        (database.count(waiting) == 0).then_some(())
    });
}

fn issue_of<'a>(all: &'a [Value], detector: &str) -> &'a Value {
    all.iter()
        .find(|i| i["detector"] == detector)
        .unwrap_or_else(|| panic!("no issue of {detector} in {all:?}"))
}

/// What the mails that were kept say, by addressee.
fn mails_to(server: &Server, to: &str) -> Vec<Value> {
    sent(server);
    let all = server.admin().get("/api/v1/mailbox?limit=500").items();
    all.into_iter().filter(|m| m["to"] == to).collect()
}

on_both_engines! {
    /// The voice that crosses the line fires the rule, in its own transaction, once.
    fn immediate_rules_ring_with_the_voice_that_crosses(engine) {
        let mut server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        rule(&admin, "bad-marks", "low_rating", &json!({"max_rating": 2, "limit": 1}));
        rule(&admin, "risks", "risk", &json!({}));
        rule(&admin, "hesitation", "phrase", &json!({"phrases": ["我考慮一下", "不想用了"], "limit": 1}));
        rule(&admin, "nothing-found", "no_result_search", &json!({"limit": 2, "window_days": 3}));
        rule(&admin, "useless", "unhelpful_article", &json!({"min_views": 6, "min_votes": 4}));
        let today = |id: &str, more: Value| {
            let mut v = json!({"channel": "app", "external_id": id, "occurred_at": time::just_now(60),
                               "text": COMPLAINTS[1], "topic": TOPIC, "customer_ref": id});
            for (field, value) in more.as_object().into_iter().flatten() {
                v[field] = value.clone();
            }
            v
        };
        let count = |detector: &str| signals(&admin, detector).len();

        // One bad mark is accepted; a likelihood to recommend of six counts where there is no mark.
        send(&admin, &[today("m1", json!({"rating": 2})), today("m2", json!({"rating": 5, "nps": 2}))]);
        assert_eq!(count("bad-marks"), 0);
        send(&admin, &[today("m3", json!({"nps": 6}))]);
        assert_eq!(count("bad-marks"), 1);
        // A late bad mark counts as well, and moves the figure of the same signal.
        send(&admin, &[today("m4", json!({}))]);
        admin.post("/api/v1/ratings", &json!({"items": [{"channel": "app", "external_id": "m4", "rating": 1}]})).ok();
        judged(&server);
        let bad = signals(&admin, "bad-marks");
        assert_eq!((bad.len(), &bad[0]["count"]), (1, &json!(3)), "{bad:?}");

        // Written in another script. One who says it twice is one customer, and one is accepted.
        send(&admin, &[today("p1", json!({"text": "我考虑一下再说", "customer_ref": "same"}))]);
        assert_eq!(count("hesitation"), 0);
        send(&admin, &[today("p1", json!({"text": "我考虑一下再说", "customer_ref": "same"}))].map(|mut v| {
            v["external_id"] = json!("p2");
            v
        }));
        assert_eq!(count("hesitation"), 0);
        send(&admin, &[today("p3", json!({"text": "我考虑一下再说"}))]);
        let said = signals(&admin, "hesitation");
        assert_eq!((&said[0]["count"], &said[0]["customers"]), (&json!(3), &json!(2)), "{said:?}");

        // Nobody can say what it is about: who watches every topic is told all the same.
        let mut threat = today("r1", json!({"text": "再不解决我就打12315投诉，并且找律师起诉你们"}));
        threat.as_object_mut().expect("an object").remove("topic");
        send(&admin, &[threat]);
        assert_eq!(count("risks"), 1);

        let search = |n: usize, query: &str, hits: i64| json!({"channel": "help", "external_id": format!("q{n}"),
            "kind": "search", "query": query, "hits": hits, "occurred_at": time::just_now(30)});
        send(&admin, &[search(0, "开發票", 0), search(1, "开发票", 0), search(2, "开发票", 3)]);
        assert_eq!(count("nothing-found"), 0);
        send(&admin, &[search(3, " 开发票 ", 0)]);
        let nothing = signals(&admin, "nothing-found");
        assert_eq!((&nothing[0]["count"], &nothing[0]["subject"]), (&json!(3), &json!({"kind": "search_term", "key": "开发票"})));

        let vote = |n: usize, helpful: Option<bool>| {
            let mut v = json!({"channel": "help", "external_id": format!("a{n}"), "kind": "article_vote", "text": "文章",
                               "article": "kb-7", "occurred_at": time::just_now(20)});
            if let Some(helpful) = helpful {
                v["helpful"] = json!(helpful);
            }
            v
        };
        send(&admin, &[vote(0, None), vote(1, None), vote(2, Some(true)), vote(3, Some(false)), vote(4, Some(false))]);
        assert_eq!(count("useless"), 0, "three votes are too few");
        send(&admin, &[vote(5, Some(false))]);
        assert_eq!(count("useless"), 1);

        let all = issues(&admin);
        // Marks and phrases are about the same topic: one issue. Nobody else's is mixed with them.
        assert_eq!(all.len(), 4, "{:?}", all.iter().map(|i| &i["title"]).collect::<Vec<_>>());
        let search = issue_of(&all, "nothing-found");
        assert_eq!(text(&search["heading"], "zh"), "搜索「开发票」：多次搜不到结果");
        assert_eq!(text(&search["heading"], "en"), "Search \"开发票\": finds nothing, again and again");
        assert_eq!(search["signals"][0]["kind"], "no_result_search");
        let why = text(&search["signals"][0]["explanation"], "zh").to_owned();
        for said in ["3 次没有结果", "共 4 次", "超过上限 2 次", "nothing-found 第 1 版"] {
            assert!(why.contains(said), "{said}: {why}");
        }
        let risk = issue_of(&all, "risks");
        assert_eq!((text(risk, "topic"), text(&risk["topic_name"], "zh").is_empty()), ("", false), "{risk}");
        assert_eq!(issue_of(&all, "useless")["subject"], json!({"kind": "article", "key": "kb-7"}));

        // A topic's department is told of its topic; what has none, whoever answers for the rule.
        let to_owner = mails_to(&server, OWNER);
        assert_eq!(to_owner.len(), 3, "risk, search, article: {to_owner:?}");
        let found = to_owner.iter().find(|m| text(m, "subject").contains("开发票")).expect("of the search");
        assert!(text(found, "text").contains(&why), "the mail says why: {found}");
        assert_eq!(mails_to(&server, crate::world::LI).len(), 1, "one issue, one mail");

        // Doing it again, and dying in between, doubles nothing.
        server.restart();
        let admin = server.admin();
        admin.post("/api/v1/feedback?wait=analysed", &json!({"items": [today("m3", json!({"nps": 6})), today("m5", json!({"rating": 1}))]})).ok();
        judged(&server);
        assert_eq!(signals(&admin, "bad-marks").len(), 1);
        assert_eq!((issues(&admin).len(), mails_to(&server, crate::world::LI).len()), (4, 1));
        server.command(&["rebuild-facts", "--check"]).ok();
    }
}

on_both_engines! {
    /// Windows of minutes and hours end with a voice, those of days with a calendar day; the order in which
    /// voices arrive, duplicates and one who writes again and again change nothing.
    fn a_limit_of_hours_and_of_a_week(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        rule(&admin, "hour", "threshold", &json!({"limit": 3, "window": "1h"}));
        rule(&admin, "bad-hours", "low_rating", &json!({"limit": 1, "window": "4h"}));
        rule(&admin, "said-hours", "phrase", &json!({"limit": 1, "window": "90m", "phrases": ["不想用了"]}));
        rule(&admin, "week", "threshold", &json!({"limit": 8, "window": "7d"}));
        let refused = admin.put("/api/v1/detectors/x", &json!({"key": "x", "kind": "threshold",
            "params": {"limit": 3, "window": "25h"}}));
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert_eq!(refused.json()["errors"][0]["field"], "params.window");

        let day = time::ago(1);
        let said = |id: &str, minute: u32, more: Value| {
            let mut v = json!({"channel": "app", "external_id": id, "occurred_at": time::on(day, minute * 60),
                               "text": "请尽快处理", "topic": TOPIC, "customer_ref": id});
            for (field, value) in more.as_object().into_iter().flatten() {
                v[field] = value.clone();
            }
            v
        };
        let hour = || signals(&admin, "hour");
        // Four within 61 minutes, one of them twice; four within an hour, but of one customer.
        send(&admin, &[said("a", 0, json!({})), said("b", 20, json!({})), said("c", 40, json!({})),
                       said("d", 61, json!({}))]);
        admin.post("/api/v1/feedback?wait=analysed", &json!({"items": [said("d", 61, json!({}))]})).ok();
        assert_eq!(hour().len(), 0, "{:?}", hour());
        let same = json!({"customer_ref": "same"});
        send(&admin, &[said("s1", 300, same.clone()), said("s2", 301, same.clone()),
                       said("s3", 302, same.clone()), said("s4", 303, same)]);
        assert_eq!(hour().len(), 0, "{:?}", hour());
        // What arrives late lies between them: the window that ends with the last is too full now.
        send(&admin, &[said("e", 30, json!({"customer_ref": null}))]);
        let rang = hour();
        assert_eq!(rang.len(), 1, "{rang:?}");
        assert_eq!((&rang[0]["count"], &rang[0]["customers"], &rang[0]["anonymous"]), (&json!(4), &json!(4), &json!(1)));
        let span = |s: &Value| (text(&s["span"], "from")[11..16].to_owned(), text(&s["span"], "to")[11..16].to_owned());
        // It ends with the voice that crosses the line, not with the one that arrived last.
        assert_eq!(span(&rang[0]), ("08:40".to_owned(), "09:40".to_owned()), "{rang:?}");
        let why = text(&rang[0]["explanation"], "zh");
        assert!(why.contains("（1 小时内）4 次联系（3 位可识别客户，另有 1 条匿名），超过上限 3 次"), "{why}");

        // Marks and words by the hour.
        send(&admin, &[said("m1", 100, json!({"rating": 1})), said("m2", 350, json!({"rating": 2}))]);
        assert_eq!(signals(&admin, "bad-hours").len(), 0);
        send(&admin, &[said("m3", 339, json!({"rating": 1}))]);
        let bad = signals(&admin, "bad-hours");
        assert_eq!(bad.iter().map(span).collect::<Vec<_>>(), [("10:39".to_owned(), "14:39".to_owned())]);
        let words = json!({"text": "我真的不想用了"});
        send(&admin, &[said("w1", 400, words.clone()), said("w2", 491, words.clone())]);
        assert_eq!(signals(&admin, "said-hours").len(), 0);
        send(&admin, &[said("w3", 489, words)]);
        assert_eq!(signals(&admin, "said-hours").len(), 1);

        // The week holds more than eight by now: it rang with the voice that crossed, once, and says its days.
        let week = signals(&admin, "week");
        assert_eq!(week.len(), 1, "{week:?}");
        assert_eq!(week[0]["change_day"], time::ago(7).to_string());
        assert!(text(&week[0]["explanation"], "zh").contains("（7 天）"));

        // A back-test finds the same windows, and is no other code.
        let span = json!({"from": time::ago(3).to_string(), "to": time::ago(0).to_string()});
        for key in ["hour", "bad-hours", "said-hours", "week"] {
            let tested = admin.post(&format!("/api/v1/detectors/{key}/backtest"), &span).ok();
            let fields = |s: &Value| (s["day"].clone(), s["count"].clone(), s["span"].clone(), s["anonymous"].clone());
            let live: Vec<_> = signals(&admin, key).iter().map(fields).collect();
            let found: Vec<_> = tested["signals"].as_array().expect("signals").iter().map(fields).collect();
            assert_eq!(found.iter().map(|f| (&f.0, &f.2)).collect::<Vec<_>>(),
                       live.iter().map(|f| (&f.0, &f.2)).collect::<Vec<_>>(), "{key}");
            if key != "week" {
                assert_eq!(found, live, "{key}");
            }
        }
    }
}

on_both_engines! {
    /// Contacts of a closed day against their own history; of the running day as soon as they are beyond.
    fn a_rise_rings_at_the_close_and_at_once_when_it_is_beyond(engine) {
        let mut server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        rule(&admin, "rises", "spike", &json!({}));
        let mut history = usual("t", 75, 8, TOPIC, &json!({}));
        history.extend(usual("o", 75, 12, OTHER, &json!({})));
        send(&admin, &history);
        judged(&server);
        assert_eq!((issues(&admin), signals(&admin, "rises")), (vec![], vec![]), "history never alarms");

        // A customer who writes fifty times is no spike, on a day that is as usual otherwise.
        send(&admin, &(0..9).map(|n| voice("y", n, time::ago(1), TOPIC)).collect::<Vec<_>>());
        send(&admin, &(0..13).map(|n| voice("yo", n, time::ago(1), OTHER)).collect::<Vec<_>>());
        let one: Vec<Value> = (0..50).map(|n| {
            let mut v = voice("one", n, time::ago(1), OTHER);
            v["channel"] = json!("chat");
            v["customer_ref"] = json!("the same");
            v
        }).collect();
        send(&admin, &one);
        judged(&server);
        assert_eq!(signals(&admin, "rises"), Vec::<Value>::new());

        let yesterday: Vec<Value> = (9..60).map(|n| voice("y", n, time::ago(1), TOPIC)).collect();
        // Nobody waits for the answer: the server dies while it works.
        admin.post_lines("/api/v1/feedback", &yesterday).ok();
        server.restart();
        let admin = server.admin();
        let found = rang(&admin, "rises");
        judged(&server);
        assert_eq!(signals(&admin, "rises").len(), 1, "{found:?}");
        assert_eq!((&found[0]["day"], &found[0]["count"], &found[0]["customers"]),
            (&json!(time::ago(1)), &json!(60), &json!(60)), "{found:?}");
        let all = issues(&admin);
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(text(&all[0], "title"), format!("{TOPIC}：联系量突增"));
        assert_eq!(mails_to(&server, crate::world::LI).len(), 1);

        // Late data judges the day again: the same signal, with its new count.
        send(&admin, &(60..65).map(|n| voice("y", n, time::ago(1), TOPIC)).collect::<Vec<_>>());
        until_within(Duration::from_secs(60), "the signal follows", || {
            let all = signals(&admin, "rises");
            assert_eq!(all.len(), 1, "{all:?}");
            (all[0]["count"] == 65).then_some(())
        });
        judged(&server);
        assert_eq!((issues(&admin).len(), mails_to(&server, crate::world::LI).len()), (1, 1));

        // Today is beyond the line of a whole day already: nobody waits for midnight.
        let today: Vec<Value> = (0..90).map(|n| {
            let mut v = voice("now", n, time::ago(1), OTHER);
            v["occurred_at"] = json!(time::just_now(60 + n as u32));
            v
        }).collect();
        send(&admin, &today);
        let all = signals(&admin, "rises");
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!((&all[0]["day"], &all[0]["subject"]["key"]), (&json!(time::today()), &json!(OTHER)), "{all:?}");

        // The back-test says what was raised at the close: the same day, count, limit and sentence.
        let span = json!({"from": time::ago(70), "to": time::ago(1)});
        let tested = admin.post("/api/v1/detectors/rises/backtest", &span).ok();
        let live = &all[1];
        assert_eq!(tested["signals"].as_array().map(Vec::len), Some(1), "{tested}");
        for field in ["day", "count", "limit", "customers", "baseline", "statistic", "threshold", "subject"] {
            assert_eq!(tested["signals"][0][field], live[field], "{field}: {tested} {live}");
        }
        assert_eq!((&tested["issues"], &tested["mails"]), (&json!(1), &json!(1)));
        assert_eq!(tested["days"].as_array().map(Vec::len), Some(70));
        assert_eq!(tested["days"][69]["signal"], true);
    }
}

on_both_engines! {
    /// Satisfaction falls; the improvement that was verified is watched afterwards.
    fn a_fall_of_satisfaction_rings_once(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        rule(&admin, "falls", "csat_fall", &json!({}));
        let marked = |mut all: Vec<Value>, bad: usize| {
            for (n, v) in all.iter_mut().enumerate() {
                v["rating"] = json!(if n % 10 < bad { 1 } else { 5 });
            }
            all
        };
        let mut history = marked(usual("t", 75, 12, TOPIC, &json!({})), 2);
        history.extend(marked(usual("o", 75, 12, OTHER, &json!({})), 2));
        send(&admin, &history);
        judged(&server);
        assert_eq!(signals(&admin, "falls"), Vec::<Value>::new());
        let day = marked((0..60).map(|n| voice("y", n, time::ago(1), TOPIC)).collect(), 8);
        send(&admin, &day);
        let found = rang(&admin, "falls");
        judged(&server);
        assert_eq!((found.len(), &found[0]["day"]), (1, &json!(time::ago(1))), "{found:?}");
        let why = text(&found[0]["explanation"], "en").to_owned();
        assert!(why.contains("usually 80%") && why.contains("dissatisfied") && why.contains("falls version 1"), "{why}");
        let all = issues(&admin);
        assert_eq!((all.len(), text(&all[0], "title")), (1, format!("{TOPIC}：满意度下降").as_str()), "{all:?}");
    }
}

/// One customer who is unhappy again and again is no fall of satisfaction: many are.
#[test]
fn one_customer_alone_is_no_fall() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    rule(&admin, "falls", "csat_fall", &json!({}));
    let mut history = usual("t", 75, 12, TOPIC, &json!({}));
    history.extend(usual("o", 75, 12, OTHER, &json!({})));
    for (n, v) in history.iter_mut().enumerate() {
        v["rating"] = json!(if n % 10 < 2 { 1 } else { 5 });
    }
    send(&admin, &history);
    let bad = |prefix: &str, customer: Option<&str>| -> Vec<Value> {
        let of_day = (0..80).map(|n| voice(prefix, n, time::ago(1), TOPIC));
        of_day
            .map(|mut v| {
                v["rating"] = json!(1);
                if let Some(customer) = customer {
                    v["customer_ref"] = json!(customer);
                }
                v
            })
            .collect()
    };
    send(&admin, &bad("one", Some("13900000001")));
    judged(&server);
    assert_eq!(signals(&admin, "falls"), Vec::<Value>::new());
    send(&admin, &bad("many", None));
    // The days before are added up as well; the one counts once, not eighty times.
    let found = rang(&admin, "falls");
    let fallen = found[0]["count"].as_i64();
    assert!(fallen.is_some_and(|n| (81..100).contains(&n)), "{fallen:?}");
}

on_both_engines! {
    /// A channel that falls silent is an alarm of its own, and no improvement.
    fn a_silent_source_is_told_and_remembered(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        rule(&admin, "silence", "silent_source", &json!({}));
        let mut history = usual("p", 75, 20, TOPIC, &json!({}));
        history.extend(usual("c", 75, 20, TOPIC, &json!({"channel": "chat"})));
        send(&admin, &history);
        let on_chat = |prefix: &str, n: usize| {
            let mut v = voice(prefix, n, time::ago(1), TOPIC);
            v["channel"] = json!("chat");
            v
        };
        send(&admin, &(0..20).map(|n| on_chat("y", n)).collect::<Vec<_>>());
        let found = rang(&admin, "silence");
        judged(&server);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&found[0]["subject"], &found[0]["count"]), (&json!({"kind": "channel", "key": "phone"}), &json!(0)));
        let all = issues(&admin);
        assert_eq!(text(&all[0], "title"), "渠道「phone」：数据中断");
        assert_eq!((text(&all[0], "topic"), all[0]["contacts_since_open"].as_i64()), ("", Some(0)), "{}", all[0]);
        assert_eq!(mails_to(&server, OWNER).len(), 1, "who answers for the rule");
        let gaps = || admin.get("/api/v1/source-gaps").items();
        assert_eq!(gaps(), [json!({"channel": "phone", "from": time::ago(1), "to": null})]);
        // It arrives after all: no gap was there.
        send(&admin, &(0..20).map(|n| voice("late", n, time::ago(1), TOPIC)).collect::<Vec<_>>());
        until_within(Duration::from_secs(60), "the gap closes", || gaps().is_empty().then_some(()));
        judged(&server);
        assert_eq!(signals(&admin, "silence").len(), 1);
        // Nor was there an alarm: it closes by itself and says why. The mail is gone, so the history tells.
        let taken = signals(&admin, "silence").remove(0);
        assert!(taken["withdrawn_at"].is_string(), "{taken}");
        assert!(text(&taken["withdrawn_why"], "zh").contains("现有 20 条"), "{taken}");
        let issue = issues(&admin).remove(0);
        assert_eq!(issue["state"], "dismissed", "{issue}");
        let told = told_of(&issue, "issue.alarm_withdrawn");
        assert_eq!((&told["from"], &told["to"], &told["mails_sent"], &told["mails_withdrawn"]),
            (&json!("open"), &json!("dismissed"), &json!(1), &json!(0)), "{told}");
        assert!(text(&told["reason"], "zh").contains("现有 20 条"), "{told}");
        // Who was told of it hears that it was nothing, once.
        let mails = mails_to(&server, OWNER);
        let taken_back: Vec<&Value> = mails.iter().filter(|m| text(m, "subject").contains("告警撤销")).collect();
        assert_eq!((mails.len(), taken_back.len()), (2, 1), "{mails:?}");
        let mail = taken_back[0];
        assert!(text(mail, "text").contains("现有 20 条"), "{mail}");
        let notice = mails.iter().find(|m| m["id"] != mail["id"]).expect("the notice");
        assert_eq!(mail["headers"]["In-Reply-To"], notice["message_id"], "{mail}");
        let open = admin.get("/api/v1/issues?state=open").items();
        assert_eq!(open, Vec::<Value>::new());
    }
}

on_both_engines! {
    /// A source that falls silent is told within the hour: against what had been received of earlier days by
    /// that hour, so that one that sends once a night is never silent in the afternoon.
    fn a_source_that_falls_silent_is_told_within_the_hour(engine) {
        let day = time::ago(0);
        let noon = chrono::DateTime::parse_from_rfc3339(&time::on(day, 23_400)).expect("a time");
        let ahead = (noon.to_utc() - time::now()).num_minutes().to_string();
        let mut server = Options::new(engine).set("BIHUAN_CLOCK_AHEAD", &ahead).start();
        let admin = server.admin();
        furnish(&admin);
        rule(&admin, "silence", "silent_source", &json!({}));
        rule(&admin, "days-only", "silent_source", &json!({"within_day": false}));
        let of = |channel: &str, n: usize, day: NaiveDate| {
            let mut v = voice(channel, n, day, TOPIC);
            v["channel"] = json!(channel);
            v
        };
        let mut all = Vec::new();
        for back in 0..=60 {
            for channel in ["phone", "chat", "nightly"] {
                if back > 0 || channel == "chat" {
                    all.extend((0..20).map(|n| of(channel, n, time::ago(back))));
                }
            }
        }
        send(&admin, &all);
        judged(&server);
        assert_eq!(signals(&admin, "silence"), Vec::<Value>::new(), "all arrived just now: nothing was usual by this hour");
        let database = server.database();
        // As if it had been received when it was said; what the third source brings comes a day later.
        database.run("UPDATE feedback SET received_at = occurred_at + 1000000 WHERE channel <> 'nightly'");
        database.run("UPDATE feedback SET received_at = occurred_at + 86400000000 WHERE channel = 'nightly'");
        server.restart();
        let admin = server.admin();
        let found = rang(&admin, "silence");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&found[0]["subject"]["key"], &found[0]["day"], &found[0]["count"], &found[0]["baseline"]),
            (&json!("phone"), &json!(day), &json!(0), &json!(20.0)), "{found:?}");
        let why = text(&found[0]["explanation"], "zh");
        assert!(why.contains("15 小时内") && why.contains("往常同一时段约 20 条"), "{why}");
        assert_eq!(signals(&admin, "days-only"), Vec::<Value>::new());
        let all = issues(&admin);
        assert_eq!((all.len(), text(&all[0], "title"), &all[0]["state"]), (1, "渠道「phone」：数据中断", &json!("open")));
        assert_eq!(mails_to(&server, OWNER).len(), 1);
        // It comes after all.
        send(&admin, &(0..20).map(|n| of("phone", n, day)).collect::<Vec<_>>());
        server.database().run("UPDATE feedback SET received_at = occurred_at + 1000000 WHERE channel = 'phone'");
        server.restart();
        let admin = server.admin();
        until_within(Duration::from_secs(60), "it is taken back", || {
            signals(&admin, "silence")[0]["withdrawn_at"].is_string().then_some(())
        });
        assert_eq!(issues(&admin)[0]["state"], "dismissed");
        until("the mail about it", || (mails_to(&server, OWNER).len() == 2).then_some(()));
    }
}

on_both_engines! {
    /// A server that was away for days finds every channel silent on several of them; what arrives then takes
    /// back the alarm of every day, and not of the first alone.
    fn silence_of_several_days_is_taken_back_when_the_days_arrive(engine) {
        let mut server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        rule(&admin, "silence", "silent_source", &json!({}));
        let mut history = usual("p", 75, 20, TOPIC, &json!({}));
        history.extend(usual("c", 75, 20, TOPIC, &json!({"channel": "chat"})));
        for channel in ["phone", "chat"] {
            for back in 0..=1 {
                history.extend((0..20).map(|n| {
                    let mut v = voice(channel, n, time::ago(back), TOPIC);
                    v["channel"] = json!(channel);
                    v["occurred_at"] = json!(time::on(time::ago(back), n as u32));
                    v
                }));
            }
        }
        send(&admin, &history);
        judged(&server);
        assert_eq!(signals(&admin, "silence"), Vec::<Value>::new());
        server.restart_with("BIHUAN_CLOCK_AHEAD", "4320");
        let admin = server.admin();
        let silent: Vec<NaiveDate> = (1..=2).map(|n| time::today() + TimeDelta::days(n)).collect();
        until_within(Duration::from_secs(60), "both days of both channels ring", || {
            (signals(&admin, "silence").len() == 4).then_some(())
        });
        judged(&server);
        let late = ["phone", "chat"].iter().flat_map(|channel| {
            silent.iter().flat_map(move |day| (0..20).map(move |n| {
                let mut v = voice(channel, n, *day, TOPIC);
                v["channel"] = json!(channel);
                v
            }))
        });
        send(&admin, &late.collect::<Vec<_>>());
        until_within(Duration::from_secs(60), "every alarm is taken back", || {
            let all = signals(&admin, "silence");
            all.iter().all(|s| s["withdrawn_at"].is_string()).then_some(())
        });
        judged(&server);
        assert_eq!(signals(&admin, "silence").len(), 4);
        assert_eq!(admin.get("/api/v1/source-gaps").items(), Vec::<Value>::new());
        let states: Vec<Value> = issues(&admin).iter().map(|i| i["state"].clone()).collect();
        assert_eq!(states, [json!("dismissed"), json!("dismissed")]);
    }
}

on_both_engines! {
    /// What rang with the voice that crossed its line is taken back when a correction takes that voice away:
    /// the alarm, its issue, and by a mail to whoever was told.
    fn a_correction_takes_back_what_rang_with_the_voice(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        rule(&admin, "many", "threshold", &json!({"limit": 3}));
        rule(&admin, "hour", "threshold", &json!({"limit": 3, "window": "1h"}));
        rule(&admin, "marks", "low_rating", &json!({"max_rating": 2, "limit": 1}));
        let said = |id: &str, topic: &str| json!({"channel": "app", "external_id": id, "topic": topic,
            "text": COMPLAINTS[1], "occurred_at": time::just_now(60), "customer_ref": id});
        let four: Vec<Value> = ["a", "b", "c", "d"].iter().map(|id| said(id, TOPIC)).collect();
        send(&admin, &four);
        for id in ["a", "b"] {
            let late = json!({"items": [{"channel": "app", "external_id": id, "rating": 1}]});
            admin.post("/api/v1/ratings", &late).ok();
        }
        judged(&server);
        let standing = || ["many", "hour", "marks"].map(|rule| {
            let all = signals(&admin, rule);
            (all.len(), all.iter().filter(|s| s["withdrawn_at"].is_null()).count())
        });
        assert_eq!(standing(), [(1, 1), (1, 1), (1, 1)]);
        let issue = issues(&admin).remove(0);
        assert_eq!((issue["state"].as_str(), mails_to(&server, OWNER).len()), (Some("open"), 0), "{issue}");
        let told = sent(&server).len();
        // The mark was a slip: the counts still stand, so the issue does.
        admin.post("/api/v1/ratings", &json!({"items": [{"channel": "app", "external_id": "b", "rating": 5}]})).ok();
        judged(&server);
        assert_eq!(standing(), [(1, 1), (1, 1), (1, 0)]);
        let issue = issues(&admin).remove(0);
        assert_eq!(issue["state"], "open");
        let slip = told_of(&issue, "issue.signal_withdrawn");
        assert!(text(&slip["reason"], "zh").contains("现有 1 条低分评价"), "{slip}");
        assert!(text(&slip["reason"], "en").contains("is now 1 bad rating on"), "{slip}");
        // The system of record moves one to another topic.
        let anew = |topic: &str| {
            let items = json!({"items": [said("d", topic)]});
            admin.post("/api/v1/feedback?wait=analysed", &items).ok();
        };
        anew(OTHER);
        judged(&server);
        assert_eq!(standing(), [(1, 0), (1, 0), (1, 0)]);
        let issue = issues(&admin).remove(0);
        assert_eq!(issue["state"], "dismissed", "{issue}");
        let taken = told_of(&issue, "issue.alarm_withdrawn");
        assert!(text(&taken["reason"], "zh").starts_with("数据更正后"), "{taken}");
        assert!(text(&taken["reason"], "en").contains("data were corrected"), "{taken}");
        let mails = sent(&server);
        let back: Vec<&Value> = mails.iter().filter(|m| text(m, "subject").contains("告警撤销")).collect();
        assert_eq!((mails.len(), back.len()), (told + 1, 1), "{mails:?}");
        // It comes back, and rings again.
        anew(TOPIC);
        judged(&server);
        assert_eq!(standing(), [(1, 1), (1, 1), (1, 0)]);
        assert_eq!(issues(&admin)[0]["state"], "open");
        // And a person's correction takes it back as well.
        let all = admin.get("/api/v1/feedback?limit=50").items();
        let d = all.iter().find(|v| v["external_id"] == "d").expect("the voice");
        admin.put(&format!("/api/v1/feedback/{}/labels", text(d, "id")), &json!({"topic": OTHER})).ok();
        judged(&server);
        assert_eq!(standing(), [(1, 0), (1, 0), (1, 0)]);
    }
}

on_both_engines! {
    /// Whose task it is hears that its alarm was nothing, and decides: the task goes on.
    fn a_task_hears_that_its_alarm_was_taken_back(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        rule(&admin, "words", "phrase", &json!({"phrases": ["考虑一下"], "limit": 0}));
        let say = |words: &str| {
            let voice = json!({"channel": "app", "external_id": "v", "topic": TOPIC, "text": words,
                "occurred_at": time::just_now(60), "customer_ref": "v"});
            admin.post("/api/v1/feedback?wait=analysed", &json!({"items": [voice]})).ok();
            judged(&server);
        };
        say("丁罐头 我考虑一下");
        let issue = issues(&admin).remove(0);
        let wish = json!({"title": "说清楚", "description": "说清楚", "department": crate::world::PRODUCT, "measures": []});
        let task = admin.post(&format!("/api/v1/issues/{}/tasks", text(&issue, "id")), &wish).ok();
        let before = mails_to(&server, crate::world::LI).len();
        say("丁罐头 很好吃");
        assert!(!signals(&admin, "words")[0]["withdrawn_at"].is_null());
        let issue = issues(&admin).remove(0);
        let gone = told_of(&issue, "issue.signal_withdrawn");
        // What the rule counts, not what is said of the topic.
        assert!(text(&gone["reason"], "zh").contains("现有 0 条提到关注的话的声音"), "{gone}");
        let task = admin.get(&format!("/api/v1/tasks/{}", text(&task, "id"))).ok();
        assert_eq!((&task["state"], &issue["state"]), (&json!("assigned"), &json!("in_progress")));
        let mails = mails_to(&server, crate::world::LI);
        let told: Vec<&Value> = mails.iter().filter(|m| text(m, "subject").contains("告警撤销")).collect();
        assert_eq!((mails.len(), told.len()), (before + 1, 1), "{mails:?}");
        let words = text(told[0], "text");
        assert!(words.contains("没有关闭") && words.contains("现有 0 条"), "{words}");
        // It rings again and is taken back again: once is enough.
        say("丁罐头 我考虑一下");
        say("丁罐头 很好吃");
        assert_eq!(mails_to(&server, crate::world::LI).len(), before + 1);
    }
}

/// What the history of an issue says of one kind of event, which must stand there once.
fn told_of<'a>(issue: &'a Value, kind: &str) -> &'a Value {
    let timeline = issue["timeline"].as_array().expect("a history");
    let found: Vec<&Value> = timeline.iter().filter(|e| e["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind} in {timeline:?}");
    &found[0]["data"]
}

/// A mail that has not gone out is withdrawn with its alarm; one that rings again is told of again, and is
/// no relapse.
#[test]
fn an_alarm_of_half_a_day_is_taken_back() {
    let smtp = Smtp::start();
    let server = Options::new(Engine::Sqlite).mail_to(&smtp).start();
    let admin = server.admin();
    furnish(&admin);
    rule(&admin, "falls", "csat_fall", &json!({}));
    let marked = |mut all: Vec<Value>, bad: usize| {
        for (n, v) in all.iter_mut().enumerate() {
            v["rating"] = json!(if n % 10 < bad { 1 } else { 5 });
        }
        all
    };
    let mut history = marked(usual("t", 75, 12, TOPIC, &json!({})), 2);
    // Enough of the other topic to see, on a Sunday too, that it did not move: else the channel did.
    history.extend(marked(usual("o", 75, 40, OTHER, &json!({})), 2));
    send(&admin, &history);
    judged(&server);
    // The mail server refuses until somebody says otherwise.
    smtp.refuse_for_now(1_000_000);
    let of_yesterday = |prefix: &str, count: usize, bad: usize| {
        let voices = (0..count).map(|n| voice(prefix, n, time::ago(1), TOPIC));
        marked(voices.collect(), bad)
    };
    send(&admin, &of_yesterday("early", 60, 8));
    let found = rang(&admin, "falls");
    assert_eq!(found[0]["withdrawn_at"], Value::Null);
    until("the mail waits for another try", || {
        let all = admin.get("/api/v1/outbox?limit=500").items();
        (all.len() == 1 && all[0]["state"] == "retry").then_some(())
    });
    // The unhappy ones had been exported first.
    send(&admin, &of_yesterday("rest", 600, 1));
    let issue = until("the alarm is taken back", || {
        let all = issues(&admin);
        assert_eq!(all.len(), 1, "{all:?}");
        (all[0]["state"] == "dismissed").then(|| all[0].clone())
    });
    let told = told_of(&issue, "issue.alarm_withdrawn");
    let why = text(&told["reason"], "en");
    assert!(
        why.contains("660 ratings") && why.contains("falls"),
        "{why}"
    );
    told_of(&issue, "issue.signal_withdrawn");
    let outbox = || admin.get("/api/v1/outbox?limit=500").items();
    // At that moment it waits, or is just being refused once more: it goes no further either way.
    let mails = ["mails_withdrawn", "mails_sent"].map(|n| told[n].as_u64().expect("a count"));
    assert_eq!(mails.iter().sum::<u64>(), 1, "{told}");
    let withdrawn = until("the mail is withdrawn", || {
        let all = admin.get("/api/v1/outbox?state=withdrawn").items();
        all.first().cloned()
    });
    assert_eq!(text(&withdrawn, "last_error"), why);
    assert!(smtp.letters().is_empty());
    smtp.refuse_for_now(0);
    // Still more of the day: the fall is real after all.
    send(&admin, &of_yesterday("last", 900, 9));
    let again = until("it rings again", || {
        let all = issues(&admin);
        (all[0]["state"] == "open").then(|| all[0].clone())
    });
    assert_eq!(again["id"], issue["id"]);
    assert_eq!(signals(&admin, "falls")[0]["withdrawn_at"], Value::Null);
    until("its mail", || (smtp.letters().len() == 1).then_some(()));
    judged(&server);
    let mail = &outbox()[0];
    assert!(!text(mail, "subject").contains("复发"), "{mail}");
    assert_eq!((outbox().len(), smtp.letters().len()), (2, 1));
}

/// A notice that is being handed over at the very moment its alarm is taken back has gone out: what takes
/// it back follows it.
#[test]
fn a_notice_on_its_way_is_taken_back_when_it_has_arrived() {
    let smtp = Smtp::start();
    let server = Options::new(Engine::Sqlite).mail_to(&smtp).start();
    let admin = server.admin();
    furnish(&admin);
    rule(&admin, "falls", "csat_fall", &json!({}));
    let marked = |mut all: Vec<Value>, bad: usize| {
        for (n, v) in all.iter_mut().enumerate() {
            v["rating"] = json!(if n % 10 < bad { 1 } else { 5 });
        }
        all
    };
    let mut history = marked(usual("t", 75, 12, TOPIC, &json!({})), 2);
    history.extend(marked(usual("o", 75, 12, OTHER, &json!({})), 2));
    send(&admin, &history);
    judged(&server);
    // Every word with the mail server takes long: the handing over takes longer than the judgement.
    smtp.be_slow(Duration::from_secs(20));
    let of_yesterday = |prefix: &str, count: usize, bad: usize| {
        let voices = (0..count).map(|n| voice(prefix, n, time::ago(1), TOPIC));
        marked(voices.collect(), bad)
    };
    send(&admin, &of_yesterday("early", 60, 8));
    let database = server.database();
    until("the notice is on its way", || {
        let sending = "SELECT COUNT(*) AS n FROM delivery WHERE state = 'sending'";
        (database.count(sending) == 1).then_some(())
    });
    send(&admin, &of_yesterday("rest", 600, 1));
    let issue = until("the alarm is taken back", || {
        let all = issues(&admin);
        (all[0]["state"] == "dismissed").then(|| all[0].clone())
    });
    let told = told_of(&issue, "issue.alarm_withdrawn");
    assert_eq!(told["mails_sent"], 1, "{told}");
    let sending = "SELECT COUNT(*) AS n FROM delivery WHERE state = 'sending'";
    assert_eq!(database.count(sending), 1, "it is still on its way");
    smtp.be_slow(Duration::ZERO);
    let letters = until_within(Duration::from_secs(60), "both mails", || {
        Some(smtp.letters()).filter(|all| all.len() == 2)
    });
    let (notice, taken_back) = (letters[0].read(), letters[1].read());
    assert_eq!(taken_back.in_reply_to, [notice.message_id]);
    judged(&server);
    assert_eq!(smtp.letters().len(), 2, "once");
}

/// While a file is read the days are not judged: half of it says other things than the whole.
#[test]
fn a_day_is_judged_when_the_file_is_read() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    rule(&admin, "silence", "silent_source", &json!({}));
    let mut history = usual("p", 75, 20, TOPIC, &json!({}));
    history.extend(usual("c", 75, 20, TOPIC, &json!({"channel": "chat"})));
    send(&admin, &history);
    judged(&server);
    let database = server.database();
    // Another worker reads a file.
    database.run(&format!(
        "INSERT INTO job (id, kind, payload, run_at, priority, state, attempt, max_attempts, created_at, lease_until) \
         VALUES ('ffffffff-ffff-7fff-bfff-ffffffffffff', 'import', '{{}}', 1, 0, 'running', 1, 12, 1, {})",
        i64::MAX
    ));
    let on = |channel: &str, n: usize| {
        let mut v = voice(channel, n, time::ago(1), TOPIC);
        v["channel"] = json!(channel);
        v
    };
    send(&admin, &(0..20).map(|n| on("chat", n)).collect::<Vec<_>>());
    let waiting = || database.texts("SELECT id AS t FROM job WHERE kind = 'detect'");
    let mut seen = std::collections::BTreeSet::new();
    // Every look that comes due and finds the file still being read writes a new one.
    until("the look has been put off twice", || {
        seen.extend(waiting());
        (seen.len() >= 3).then_some(())
    });
    assert_eq!(signals(&admin, "silence"), Vec::<Value>::new());
    send(&admin, &(0..20).map(|n| on("phone", n)).collect::<Vec<_>>());
    database.run("DELETE FROM job WHERE kind = 'import'");
    judged(&server);
    assert_eq!(
        signals(&admin, "silence"),
        Vec::<Value>::new(),
        "the whole day is as usual"
    );
    assert_eq!(issues(&admin), Vec::<Value>::new());
}

/// The notice and the evidence of a rule that listens to single voices quote the voice that made it ring.
#[test]
fn an_alarm_quotes_the_voice_that_made_it_ring() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    rule(
        &admin,
        "bad-marks",
        "low_rating",
        &json!({"max_rating": 2, "limit": 0}),
    );
    rule(&admin, "risks", "risk", &json!({}));
    let said = |id: &str, words: &str, topic: &str, more: Value| {
        let mut v = json!({"channel": "app", "external_id": id, "occurred_at": time::just_now(60), "text": words,
                           "topic": topic, "customer_ref": id});
        for (field, value) in more.as_object().into_iter().flatten() {
            v[field] = value.clone();
        }
        v
    };
    let quoted = |topic: &str| {
        let all = issues(&admin);
        let issue = all.iter().find(|i| i["topic"] == topic);
        let evidence = issue.expect("an issue")["evidence"].clone();
        text(&evidence[0], "text").to_owned()
    };
    let mail = |to: &str| text(&mails_to(&server, to)[0], "text").to_owned();
    // Others are unhappier in words, and later; one mark is bad.
    send(
        &admin,
        &[
            said("a", "还可以，就是等得久了一点点", TOPIC, json!({"nps": 3})),
            said(
                "b",
                "非常生气，太失望了，再也不来了，差劲",
                TOPIC,
                json!({}),
            ),
            said("c", "今天来问一下月租的事情", TOPIC, json!({"rating": 5})),
        ],
    );
    assert!(quoted(TOPIC).contains("还可以"), "{}", quoted(TOPIC));
    let notice = mail(crate::world::LI);
    assert!(
        notice.contains("还可以") && !notice.contains("非常生气"),
        "{notice}"
    );
    // A risk of another topic, among quiet voices.
    send(
        &admin,
        &[
            said("d", "宽带很好，谢谢师傅", OTHER, json!({})),
            said(
                "e",
                "再不解决我就打12315投诉，并且找律师起诉你们",
                OTHER,
                json!({}),
            ),
        ],
    );
    assert!(quoted(OTHER).contains("律师"), "{}", quoted(OTHER));
    assert!(mail(crate::world::EMMA).contains("律师"));
    // A mark that comes late is the voice's own, whichever voice its topic's look began with.
    let third = "第三个主题";
    let body = json!({"key": third, "name": third, "owner_department": SERVICE});
    admin.put(&format!("/api/v1/topics/{third}"), &body).ok();
    send(
        &admin,
        &[
            said("f", "先说一句没有打分的话", third, json!({})),
            said("g", "后来给了低分的那一句", third, json!({})),
        ],
    );
    admin
        .post(
            "/api/v1/ratings",
            &json!({"items": [
                {"channel": "app", "external_id": "f", "rating": 5},
                {"channel": "app", "external_id": "g", "rating": 1},
            ]}),
        )
        .ok();
    until("the late mark rings", || {
        issues(&admin)
            .iter()
            .any(|i| i["topic"] == third)
            .then_some(())
    });
    assert!(quoted(third).contains("低分"), "{}", quoted(third));
}

on_both_engines! {
    /// A muted rule keeps looking and says what it would have raised; somebody is named for it.
    fn a_muted_rule_says_what_it_would_have_raised(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let put = |mute: Value| {
            let body = json!({"key": "limit", "kind": "threshold", "scope": {"topic": TOPIC}, "params": {"limit": 3}, "mute": mute});
            admin.put("/api/v1/detectors/limit", &body)
        };
        put(json!({"until": time::today(), "reason": ""})).problem(422, "invalid_field");
        put(json!({"until": time::today()})).problem(422, "invalid_field");
        put(json!(null)).ok();
        put(json!({"until": time::today(), "reason": "系统割接"})).ok();
        let now = |n: usize| {
            let mut v = voice("m", n, time::ago(1), TOPIC);
            v["occurred_at"] = json!(time::just_now(60));
            v
        };
        send(&admin, &(0..5).map(now).collect::<Vec<_>>());
        assert_eq!((issues(&admin), sent(&server)), (vec![], vec![]));
        let list = admin.get("/api/v1/detectors").items();
        let activity = &list[0]["activity"];
        assert_eq!((&activity["muted"], &activity["withheld"], &activity["raised"]), (&json!(true), &json!(1), &json!(0)), "{list:?}");
        assert_eq!(activity["withheld_signals"][0]["count"], 5, "{list:?}");
        // What the list says can be sent back as it is.
        let mut read = admin.get("/api/v1/detectors/limit").ok();
        read["mute"] = Value::Null;
        admin.put("/api/v1/detectors/limit", &read).ok();
        let events: Vec<String> = admin.get("/api/v1/detectors/limit/events").items().iter().map(|e| text(e, "kind").to_owned()).collect();
        assert_eq!(events, ["detector.created", "detector.muted", "detector.unmuted"]);
        send(&admin, &[now(5)]);
        let all = signals(&admin, "limit");
        assert_eq!((all.len(), &all[0]["withheld"], &all[0]["count"]), (1, &json!(false), &json!(6)), "{all:?}");
        assert_eq!((issues(&admin).len(), mails_to(&server, crate::world::LI).len()), (1, 1));
    }
}

/// Five topics of one department, so that a channel can move as one.
fn five_topics(admin: &Caller) -> [&'static str; 5] {
    let topics = ["甲", "乙", "丙", "丁", "戊"];
    for topic in topics {
        let body = json!({"key": topic, "name": topic, "owner_department": SERVICE});
        admin.put(&format!("/api/v1/topics/{topic}"), &body).ok();
    }
    topics
}

/// Some eight voices a day and topic, for 75 days.
fn usual_of_all(topics: &[&str]) -> Vec<Value> {
    let of = |t: &&str| usual(t, 75, 8, t, &json!({}));
    topics.iter().flat_map(of).collect()
}

/// Sixty voices of each topic yesterday.
fn yesterdays_flood(topics: &[&str]) -> Vec<Value> {
    let of = |t: &&str| -> Vec<Value> {
        (0..60)
            .map(|n| voice(&format!("y{t}"), n, time::ago(1), t))
            .collect()
    };
    topics.iter().flat_map(of).collect()
}

/// When everything in a channel moves together, that is one issue.
#[test]
fn what_moves_the_whole_channel_is_one_issue() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    let topics = five_topics(&admin);
    rule(&admin, "rises", "spike", &json!({}));
    send(&admin, &usual_of_all(&topics));
    send(&admin, &yesterdays_flood(&topics));
    rang(&admin, "rises");
    judged(&server);
    let all = signals(&admin, "rises");
    let channel = json!({"kind": "channel", "key": "phone"});
    assert!(all.iter().any(|s| s["subject"] == channel), "{all:?}");
    for s in all.iter().filter(|s| s["subject"] != channel) {
        assert_eq!(s["part_of"], channel, "{s}");
    }
    let open = issues(&admin);
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(text(&open[0], "title"), "渠道「phone」：联系量突增");
    assert_eq!(open[0]["signals"].as_array().map(Vec::len), Some(all.len()));
    let tested = admin
        .post(
            "/api/v1/detectors/rises/backtest",
            &json!({"from": time::ago(20), "to": time::ago(1)}),
        )
        .ok();
    assert_eq!(
        (
            &tested["issues"],
            tested["signals"].as_array().map(Vec::len)
        ),
        (&json!(1), Some(all.len())),
        "{tested}"
    );
}

/// What does not arrive is another matter than what arrives too much: the alarm that was taken back is
/// not revived under its old name.
#[test]
fn a_silence_and_a_flood_are_two_issues() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    let topics = five_topics(&admin);
    rule(&admin, "silence", "silent_source", &json!({}));
    rule(&admin, "rises", "spike", &json!({}));
    send(&admin, &usual_of_all(&topics));
    send(&admin, &[voice("half", 0, time::ago(1), topics[0])]);
    let silent = until("the silence", || issues(&admin).into_iter().next());
    assert_eq!(text(&silent, "title"), "渠道「phone」：数据中断");
    send(&admin, &yesterdays_flood(&topics));
    rang(&admin, "rises");
    judged(&server);
    let all = issues(&admin);
    assert_eq!(all.len(), 2, "{all:?}");
    let of = |id: &Value| all.iter().find(|i| i["id"] == *id).expect("an issue");
    assert_eq!(of(&silent["id"])["state"], "dismissed");
    assert_eq!(of(&silent["id"])["title"], "渠道「phone」：数据中断");
    let flood = issue_of(&all, "rises");
    assert_eq!(
        (&flood["state"], text(flood, "title")),
        (&json!("open"), "渠道「phone」：联系量突增"),
        "{flood}"
    );
}

/// The same rule over the same days answers the same, tried or kept, whatever its issues did since.
#[test]
fn a_back_test_does_not_ask_what_issues_did() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    send(&admin, &usual("t", 75, 8, TOPIC, &json!({})));
    for ago in [2, 1] {
        let flood: Vec<Value> = (0..90)
            .map(|n| voice(&format!("f{ago}"), n, time::ago(ago), TOPIC))
            .collect();
        send(&admin, &flood);
    }
    let span = |body: Value| {
        let mut body = body;
        body["from"] = json!(time::ago(20));
        body["to"] = json!(time::ago(1));
        body
    };
    let params = json!({"quiet_days": 0});
    let tried = |key: &str| {
        let detector = json!({"key": key, "kind": "spike", "params": params, "owner": OWNER});
        admin
            .post(
                "/api/v1/detectors/backtest",
                &span(json!({"detector": detector})),
            )
            .ok()
    };
    let found = |tested: &Value| -> Vec<(Value, Value)> {
        let signals = tested["signals"].as_array().expect("signals");
        signals
            .iter()
            .map(|s| (s["day"].clone(), s["subject"].clone()))
            .collect()
    };
    let before = tried("rises");
    assert!(found(&before).len() > 1, "{before}");
    rule(&admin, "rises", "spike", &params);
    for ago in [2, 1] {
        send(&admin, &[voice("more", 1, time::ago(ago), TOPIC)]);
    }
    rang(&admin, "rises");
    judged(&server);
    let kept = admin
        .post("/api/v1/detectors/rises/backtest", &span(json!({})))
        .ok();
    assert_eq!(found(&kept), found(&before));
    let stored = admin.get("/api/v1/detectors/rises").ok();
    let again = admin
        .post(
            "/api/v1/detectors/backtest",
            &span(json!({"detector": stored})),
        )
        .ok();
    assert_eq!(again, kept);
    let why = text(&kept["signals"][0]["explanation"], "zh");
    assert!(why.contains("第 1 版"), "{why}");
}

/// An agent who needs ever longer: the supervisor hears of it, nobody else.
#[test]
fn an_agent_who_drifts_is_the_supervisors_matter() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    let mut department = admin.get(&format!("/api/v1/departments/{SERVICE}")).ok();
    department["manager_email"] = json!("chief@telecom.example");
    admin
        .put(&format!("/api/v1/departments/{SERVICE}"), &department)
        .ok();
    rule(&admin, "drift", "agent_drift", &json!({}));
    let of = |agent: &str, seconds: i64| json!({"agent_ref": agent, "team": SERVICE, "handle_seconds": seconds});
    let mut history = usual("a", 75, 8, TOPIC, &of("agent-7", 300));
    history.extend(usual("b", 75, 8, TOPIC, &of("agent-8", 300)));
    send(&admin, &history);
    judged(&server);
    assert_eq!(signals(&admin, "drift"), Vec::<Value>::new());
    let day: Vec<Value> = (0..60)
        .map(|n| {
            let mut v = voice("y", n, time::ago(1), TOPIC);
            for (field, value) in of("agent-7", 1500).as_object().expect("fields") {
                v[field] = value.clone();
            }
            v
        })
        .collect();
    send(&admin, &day);
    let found = rang(&admin, "drift");
    judged(&server);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0]["subject"],
        json!({"kind": "agent", "key": "agent-7"})
    );
    let mails = mails_to(&server, "chief@telecom.example");
    assert_eq!(mails.len(), 1);
    assert!(
        text(&mails[0], "subject").contains("坐席 agent-7：偏离本人往常水平"),
        "{}",
        mails[0]
    );
    assert_eq!(sent(&server).len(), 1, "nobody else");
}

/// A rule is tried before it is kept: by call and by command, and nothing is written.
#[test]
fn a_rule_is_tried_on_history_before_it_is_kept() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    let mut history = usual("t", 40, 6, TOPIC, &json!({}));
    for n in 0..30 {
        let mut v = voice("x", n, time::ago(10), TOPIC);
        v["text"] = json!("我考虑一下");
        v["rating"] = json!(1);
        history.push(v);
    }
    send(&admin, &history);
    let try_out = |detector: Value| {
        let body = json!({"detector": detector, "from": time::ago(30), "to": time::today()});
        admin.post("/api/v1/detectors/backtest", &body)
    };
    let threshold =
        json!({"kind": "threshold", "scope": {"topic": TOPIC}, "params": {"limit": 20}});
    let tested = try_out(threshold.clone()).ok();
    let signal = &tested["signals"][0];
    assert_eq!(
        (
            &signal["day"],
            &signal["limit"],
            &tested["issues"],
            &tested["mails"]
        ),
        (&json!(time::ago(10)), &json!(20), &json!(1), &json!(1)),
        "{tested}"
    );
    assert!(text(&signal["explanation"], "zh").contains("超过上限 20 次"));
    assert_eq!(tested["days"].as_array().map(Vec::len), Some(31));
    assert_eq!(tested["days"][20]["limit"], 20.0);
    for (kind, params, count) in [
        ("phrase", json!({"phrases": ["我考慮一下"], "limit": 5}), 30),
        ("low_rating", json!({"limit": 5}), 30),
    ] {
        let tested = try_out(json!({"kind": kind, "params": params})).ok();
        assert_eq!(
            tested["signals"].as_array().map(Vec::len),
            Some(1),
            "{tested}"
        );
        assert_eq!(tested["signals"][0]["count"], count, "{tested}");
    }
    // The chart of a rise says what is usual of every day, and how much it may have, not of those alone
    // that ring, and never the sum of several.
    let risen = try_out(json!({"kind": "spike", "scope": {"topic": TOPIC}, "params": {}})).ok();
    let drawn = risen["days"].as_array().expect("days");
    let figures = |d: &Value| Some((d["baseline"].as_f64()?, d["limit"].as_f64()?));
    let known: Vec<(f64, f64)> = drawn.iter().filter_map(figures).collect();
    assert!(known.len() > 20, "{risen}");
    for (usual, limit) in known {
        assert!(
            (4.0..12.0).contains(&usual) && limit > usual,
            "{usual} {limit}"
        );
    }
    assert!(
        drawn
            .iter()
            .any(|d| d["signal"] == true && d["baseline"].is_number())
    );
    assert_eq!(risen["notes"].as_array().map(Vec::len), Some(1), "{risen}");
    // Days that hold nothing say so: a rule is not quiet there.
    for (from, to, says) in [(400, 300, "没有任何数据"), (60, 0, "最早的数据是")] {
        let body = json!({"detector": threshold, "from": time::ago(from), "to": time::ago(to)});
        let tested = admin.post("/api/v1/detectors/backtest", &body).ok();
        assert!(text(&tested["notes"][0], "zh").contains(says), "{tested}");
    }
    try_out(json!({"kind": "spike", "params": {"factor": 0.5}})).problem(422, "invalid_field");
    try_out(json!({"kind": "agent_drift", "scope": {"topic": TOPIC}}))
        .problem(422, "invalid_field");

    let file = server.folder().join("rule.json");
    std::fs::write(&file, threshold.to_string()).expect("a file");
    let from = time::ago(30).to_string();
    let to = time::today().to_string();
    let name = file.display().to_string();
    let args = ["backtest", "--file", &name, "--from", &from, "--to", &to];
    let said = server.command(&args).ok();
    assert!(
        said.contains(&time::ago(10).to_string()) && said.contains("超过上限 20 次"),
        "{said}"
    );
    let mut with_json = args.to_vec();
    with_json.push("--json");
    let output = server.command(&with_json).output();
    let parsed: Value = serde_json::from_slice(&output.stdout).expect("JSON on standard output");
    assert_eq!(parsed["signals"], tested["signals"]);
    server
        .command(&[
            "backtest",
            "--detector",
            "nobody",
            "--from",
            &from,
            "--to",
            &to,
        ])
        .fails();
    assert_eq!(admin.get("/api/v1/detectors").items(), Vec::<Value>::new());
    let database = server.database();
    for table in ["signal", "issue", "delivery", "detector_hit"] {
        assert_eq!(
            database.count(&format!("SELECT COUNT(*) AS n FROM {table}")),
            0,
            "{table}"
        );
    }
}

/// Planned days stay out of baselines, and can be read for charts.
#[test]
fn a_planned_event_is_no_spike() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    furnish(&admin);
    let note = |key: &str, from: NaiveDate, to: NaiveDate, topics: Value| {
        let body =
            json!({"name": "双十一", "kind": "event", "from": from, "to": to, "topics": topics});
        admin.put(&format!("/api/v1/calendar-notes/{key}"), &body)
    };
    note("sale", time::ago(1), time::ago(2), json!([])).problem(422, "invalid_field");
    note("sale", time::ago(1), time::ago(1), json!(["没有这个主题"])).problem(422, "invalid_field");
    let mut history = usual("t", 75, 8, TOPIC, &json!({}));
    history.extend(usual("o", 75, 8, OTHER, &json!({})));
    send(&admin, &history);
    let days: Vec<Value> = (0..60)
        .map(|n| voice("y", n, time::ago(1), TOPIC))
        .collect();
    send(&admin, &days);
    let tested = || {
        let body =
            json!({"detector": {"kind": "spike"}, "from": time::ago(20), "to": time::ago(1)});
        let tested = admin.post("/api/v1/detectors/backtest", &body).ok();
        tested["signals"].as_array().map(Vec::len)
    };
    assert_eq!(tested(), Some(1));
    note("sale", time::ago(1), time::ago(1), json!([OTHER])).ok();
    assert_eq!(tested(), Some(1), "of another topic");
    note("sale", time::ago(1), time::ago(1), json!([TOPIC])).ok();
    assert_eq!(tested(), Some(0));
    let kept = admin.get("/api/v1/calendar-notes").items();
    assert_eq!((kept.len(), &kept[0]["kind"]), (1, &json!("event")));
    admin.delete("/api/v1/calendar-notes/sale").ok();
    assert_eq!(tested(), Some(1));
    let unusual = admin.get("/api/v1/unusual-topics").ok();
    assert_eq!(
        (&unusual["items"][0]["topic"], &unusual["items"][0]["count"]),
        (&json!(TOPIC), &json!(60)),
        "{unusual}"
    );
}

on_both_engines! {
    /// The lines of a mail that are read first count what the rule counts, in its own window; and so does the
    /// mail that takes it back.
    fn a_mail_counts_in_the_window_of_its_rule(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let of = |key: &str, topic: &str, params: Value| {
            let body = json!({"key": key, "kind": "threshold", "scope": {"topic": topic}, "params": params});
            admin.put(&format!("/api/v1/detectors/{key}"), &body).ok();
        };
        of("week", TOPIC, json!({"limit": 5, "window": "7d"}));
        of("hour", OTHER, json!({"limit": 3, "window": "1h"}));
        let day = time::ago(1);
        // Four in the days before, two on the day itself.
        let mut week: Vec<Value> = (2..=5).map(|back| voice("w", 0, time::ago(back), TOPIC)).collect();
        week.extend((0..2).map(|n| voice("w", n, day, TOPIC)));
        send(&admin, &week);
        rang(&admin, "week");
        let hour: Vec<Value> = (0..4).map(|n| voice("h", n, day, OTHER)).collect();
        send(&admin, &hour);
        rang(&admin, "hour");
        judged(&server);
        let one = |to: &str| {
            let mut all = mails_to(&server, to);
            assert_eq!(all.len(), 1, "{all:?}");
            all.remove(0)
        };
        let (li, emma) = (one(crate::world::LI), one(crate::world::EMMA));
        let counted = format!("截至 {day} 的 7 天内联系 6 次，超过");
        for place in ["subject", "text"] {
            assert!(text(&li, place).contains(&counted), "{li}");
            let said = text(&emma, place);
            assert!(said.contains("4 contacts") && said.contains("in the 1 hour up to"), "{emma}");
            assert!(!said.contains(&format!("contacts on {day}")), "{emma}");
        }
        // Somebody names the topic of two voices anew.
        let moved = |mut v: Value, topic: &str| {
            v["topic"] = json!(topic);
            v
        };
        let again = [moved(week[0].clone(), SERVICE), moved(hour[1].clone(), SERVICE)];
        admin.post("/api/v1/feedback?wait=analysed", &json!({"items": again})).ok();
        until_within(Duration::from_secs(60), "both alarms are taken back", || {
            let both = [signals(&admin, "week"), signals(&admin, "hour")].concat();
            both.iter().all(|s| s["withdrawn_at"].is_string()).then_some(())
        });
        judged(&server);
        let taken_back = |to: &str, word: &str| {
            let all = mails_to(&server, to);
            all.into_iter().find(|m| text(m, "subject").contains(word)).expect("a mail that takes it back")
        };
        let li = taken_back(crate::world::LI, "告警撤销");
        assert!(text(&li, "text").contains(&format!("截至 {day} 的 7 天内现有 5 次联系；")), "{li}");
        let emma = taken_back(crate::world::EMMA, "taken back");
        assert!(text(&emma, "text").contains("there are now 3 contacts in the 1 hour up to"), "{emma}");
    }
}

on_both_engines! {
    /// An alarm for a day after the fix brings a resolved issue back, also where that day lies before the alarm
    /// that had opened it and before the night of the verdict; and its people hear of it.
    fn a_late_alarm_after_the_fix_brings_its_issue_back(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        crate::world::watch(&admin);
        rule(&admin, "falls", "csat_fall", &json!({}));
        use crate::world::{days_ago, rated};
        send(&admin, &rated("before", days_ago(125, 46), 24, 0.60));
        send(&admin, &rated("after", days_ago(44, 2), 24, 0.90));
        send(&admin, &rated("alarm", days_ago(1, 1), 51, 0.90));
        let id = text(&issues(&admin)[0], "id").to_owned();
        let task = admin.post(&format!("/api/v1/issues/{id}/tasks"), &json!({"title": "说清楚", "description": "说清楚",
            "department": crate::world::PRODUCT, "measures": [], "contract": {"metric": "csat", "expected_change": 0.22}})).ok();
        let task = text(&task, "id").to_owned();
        admin.post(&format!("/api/v1/tasks/{task}/accept"), &json!({})).ok();
        let done = json!({"solution": "一页纸说明", "effective_at": time::on(time::ago(45), 3600)});
        admin.post(&format!("/api/v1/tasks/{task}/complete"), &done).ok();
        let verdict = admin.post(&format!("/api/v1/tasks/{task}/verification/evaluate"), &json!({})).ok();
        assert_eq!(verdict["verdict"], "improved", "{verdict}");
        judged(&server);
        assert_eq!(issues(&admin)[0]["state"], "resolved");
        // So many contacts would be an alarm of their own.
        admin.delete(&format!("/api/v1/detectors/{}", crate::world::DETECTOR)).ok();
        let told = |word: &str| {
            let all = mails_to(&server, crate::world::LI);
            all.into_iter().filter(|m| text(m, "subject").contains(word)).count()
        };
        assert_eq!(told("复发"), 0);
        send(&admin, &rated("late", days_ago(2, 2), 60, 0.0));
        let back = until("the issue comes back", || {
            let all = issues(&admin);
            assert_eq!(all.len(), 1, "{all:?}");
            (all[0]["state"] == "relapsed").then(|| all[0].clone())
        });
        judged(&server);
        told_of(&back, "issue.relapsed");
        let rang = signals(&admin, "falls");
        assert_eq!((rang.len(), &rang[0]["day"], &rang[0]["issue_id"]), (1, &json!(time::ago(2)), &json!(id)), "{rang:?}");
        assert_eq!(told("复发"), 1);
    }
}

on_both_engines! {
    /// Whatever the goal of a verdict was, it is watched: handling time that is back where it was before the
    /// fix brings the issue back, and late data take that relapse back.
    fn a_goal_that_is_lost_again_relapses(engine) {
        let server = Options::new(engine).set("BIHUAN_HISTORY_DAYS", "200").start();
        let admin = server.admin();
        furnish(&admin);
        crate::world::watch(&admin);
        use crate::world::{days_ago, contact};
        let timed = |prefix: &str, days: (u64, u64), a_day: usize, seconds: usize| -> Vec<Value> {
            let spread = [60, 75, 90, 100, 110, 135, 165];
            days_ago(days.0, days.1)
                .flat_map(|day| (0..a_day).map(move |n| (day, n)))
                .enumerate()
                .map(|(place, (day, n))| {
                    let mut v = contact(&format!("{prefix}-{day}-{n}"), &time::on(day, n as u32 * 300), place);
                    v["handle_seconds"] = json!(seconds * spread[place % spread.len()] / 100);
                    v
                })
                .collect()
        };
        send(&admin, &timed("usual", (125, 71), 24, 300));
        send(&admin, &timed("alarm", (70, 70), 51, 300));
        send(&admin, &timed("still", (69, 46), 24, 300));
        send(&admin, &timed("after", (44, 3), 24, 200));
        let id = text(&issues(&admin)[0], "id").to_owned();
        let task = admin.post(&format!("/api/v1/issues/{id}/tasks"), &json!({"title": "更快", "description": "更快",
            "department": crate::world::PRODUCT, "measures": [], "contract": {"metric": "aht", "expected_change": -0.3, "alarm_day": time::ago(70)}})).ok();
        let task = text(&task, "id").to_owned();
        admin.post(&format!("/api/v1/tasks/{task}/accept"), &json!({})).ok();
        let done = json!({"solution": "一页纸说明", "effective_at": time::on(time::ago(45), 3600)});
        admin.post(&format!("/api/v1/tasks/{task}/complete"), &done).ok();
        let verdict = admin.post(&format!("/api/v1/tasks/{task}/verification/evaluate"), &json!({})).ok();
        assert_eq!((&verdict["verdict"], &verdict["metric"]), (&json!("improved"), &json!("aht")), "{verdict}");
        judged(&server);
        assert_eq!(issues(&admin)[0]["state"], "resolved");
        // As usual: nothing.
        send(&admin, &timed("fine", (2, 2), 24, 205));
        judged(&server);
        assert_eq!(issues(&admin)[0]["state"], "resolved");
        let before = mails_to(&server, crate::world::LI).len();
        send(&admin, &timed("again", (1, 1), 30, 330));
        let back = until("the issue relapses", || {
            let all = issues(&admin);
            assert_eq!(all.len(), 1, "{all:?}");
            (all[0]["state"] == "relapsed").then(|| all[0].clone())
        });
        judged(&server);
        assert_eq!(text(&back, "title"), format!("{TOPIC}：处理时长回到修复前"));
        let signal = &back["signals"][0];
        assert_eq!((&signal["detector"], &signal["kind"], &signal["window"], &signal["goal"]["metric"]),
            (&json!("relapse"), &json!("goal_lost"), &json!(time::ago(1)), &json!("aht")), "{signal}");
        let mails = mails_to(&server, crate::world::LI);
        assert_eq!(mails.len(), before + 1);
        let last = mails.iter().find(|m| text(m, "subject").contains("复发")).expect("a mail about it");
        assert!(text(last, "text").contains("处理时长") && text(last, "text").contains("修复前"), "{last}");
        // Nobody makes a rule of that kind: every verdict is watched without.
        let refused = admin.put("/api/v1/detectors/x", &json!({"key": "x", "kind": "goal_lost", "params": {}}));
        assert_eq!(refused.status, 422, "{}", refused.text());
        // The rest of the day arrives: it had not come back.
        admin.delete(&format!("/api/v1/detectors/{}", crate::world::DETECTOR)).ok();
        send(&admin, &timed("rest", (1, 1), 400, 190));
        until("the relapse is taken back", || (issues(&admin)[0]["state"] == "resolved").then_some(()));
    }
}

/// What was verified is watched from then on: when it comes back, the issue relapses and its people hear.
#[test]
fn what_comes_back_after_a_verdict_relapses() {
    let server = Options::new(Engine::Sqlite)
        .set("BIHUAN_HISTORY_DAYS", "200")
        .start();
    let admin = server.admin();
    furnish(&admin);
    crate::world::watch(&admin);
    use crate::world::{days_ago, rated};
    send(&admin, &rated("usual", days_ago(125, 71), 24, 0.60));
    send(&admin, &rated("alarm", days_ago(70, 70), 51, 0.60));
    send(&admin, &rated("still", days_ago(69, 46), 24, 0.60));
    let issue = issues(&admin).remove(0);
    let id = text(&issue, "id").to_owned();
    let task = admin
        .post(
            &format!("/api/v1/issues/{id}/tasks"),
            &json!({"title": "说清楚", "description": "说清楚", "department": crate::world::PRODUCT, "measures": []}),
        )
        .ok();
    let task = text(&task, "id").to_owned();
    admin
        .post(&format!("/api/v1/tasks/{task}/accept"), &json!({}))
        .ok();
    let at = time::on(time::ago(45), 3600);
    let done = json!({"solution": "一页纸说明", "effective_at": at});
    admin
        .post(&format!("/api/v1/tasks/{task}/complete"), &done)
        .ok();
    send(&admin, &rated("after", days_ago(44, 2), 24, 0.90));
    let verdict = admin
        .post(
            &format!("/api/v1/tasks/{task}/verification/evaluate"),
            &json!({}),
        )
        .ok();
    assert!(
        ["improved", "recovered"].contains(&text(&verdict, "verdict")),
        "{verdict}"
    );
    judged(&server);
    assert_eq!(issues(&admin)[0]["state"], "resolved");
    let before = mails_to(&server, crate::world::LI).len();
    // No rule watches satisfaction: the verdict itself is watched.
    send(&admin, &rated("again", days_ago(1, 1), 49, 0.20));
    let back = until("the issue relapses", || {
        let all = issues(&admin);
        assert_eq!(all.len(), 1, "{all:?}");
        (all[0]["state"] == "relapsed").then(|| all[0].clone())
    });
    judged(&server);
    let signal = &back["signals"][0];
    assert_eq!(
        (&signal["detector"], &signal["kind"], &signal["window"]),
        (&json!("relapse"), &json!("csat_fall"), &json!(time::ago(1))),
        "{back}"
    );
    assert!(
        back["timeline"]
            .as_array()
            .is_some_and(|all| all.iter().any(|e| e["kind"] == "issue.relapsed")),
        "{back}"
    );
    let mails = mails_to(&server, crate::world::LI);
    assert_eq!(mails.len(), before + 1);
    let last = mails
        .iter()
        .find(|m| text(m, "subject").contains("复发"))
        .expect("a mail about it");
    assert!(text(last, "text").contains("满意度"), "{last}");
    // The rest of the day arrives: it had not come back, and what was resolved is resolved again. So many
    // contacts would be an alarm of their own.
    admin
        .delete(&format!("/api/v1/detectors/{}", crate::world::DETECTOR))
        .ok();
    send(&admin, &rated("rest", days_ago(1, 1), 900, 0.95));
    let back = until("the relapse is taken back", || {
        let all = issues(&admin);
        (all[0]["state"] == "resolved").then(|| all[0].clone())
    });
    let told = told_of(&back, "issue.alarm_withdrawn");
    assert_eq!(
        (&told["from"], &told["to"]),
        (&json!("relapsed"), &json!("resolved")),
        "{told}"
    );
    assert_eq!(
        back["opened_at"], issue["opened_at"],
        "as before the relapse"
    );
    assert_eq!(back["alarm_day"], issue["alarm_day"]);
}
