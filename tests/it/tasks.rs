//! What happens to tasks by themselves: escalation, absence, refusals, on a clock that the tests move.

use crate::world::{
    EMMA, LI, PRODUCT, SERVICE, TOPIC, contact, furnish, issues, send, sent, text, watch,
};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, TimeZone as _, Utc};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::page::Page;
use tests::{
    Caller, Database, Engine, Options, Server, on_both_engines, report, time, until, until_within,
};

const WANG: &str = "wang.tao@telecom.example";
/// Address of somebody of the story.
pub const MANAGER: &str = "manager@telecom.example";
/// Address of somebody of the story.
pub const DEPUTY: &str = "deputy@telecom.example";
/// Address of somebody of the story.
pub const CHIEF: &str = "chief@telecom.example";
/// Address of somebody of the story.
pub const VOC: &str = "voc@telecom.example";
const PASSWORD: &str = "correct horse battery";
const CLOCK: &str = "BIHUAN_CLOCK_AHEAD";

/// The Monday of the story: in the future of the machine's clock.
fn monday() -> NaiveDate {
    let day = time::now()
        .with_timezone(&chrono_tz::Asia::Shanghai)
        .date_naive();
    let ahead = 8 - u64::from(day.weekday().num_days_from_monday());
    day + Days::new(ahead - 1 + 7 * u64::from(ahead < 3))
}

/// A time of the story: `day` 0 is its Monday, in Shanghai.
pub fn at(day: u64, hour: u32, minute: u32) -> DateTime<Utc> {
    let local = (monday() + Days::new(day))
        .and_hms_opt(hour, minute, 0)
        .expect("a time");
    chrono_tz::Asia::Shanghai
        .from_local_datetime(&local)
        .single()
        .expect("no gap there")
        .to_utc()
}

/// Starts the server again a moment after `then`.
pub fn travel(server: &mut Server, then: DateTime<Utc>) {
    let ahead = (then - time::now()).num_seconds();
    let minutes = ahead.div_euclid(60) + 1;
    server.restart_with(CLOCK, &minutes.to_string());
}

fn department(key: &str, owners: &[(&str, &str)], more: Value) -> Value {
    let owners: Vec<Value> = owners
        .iter()
        .map(|(email, name)| {
            json!({"email": email, "name": name, "language": "zh-CN", "time_zone": "Asia/Shanghai"})
        })
        .collect();
    let mut body = json!({"key": key, "name": key, "owners": owners});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// A server in the story's week with an issue, a plain calendar, a manager, a deputy and an arbiter.
pub fn office(engine: Engine) -> (Server, String) {
    let mut server = Options::new(engine).start();
    let admin = server.admin();
    furnish(&admin);
    watch(&admin);
    let voices: Vec<Value> = (0..51)
        .map(|n| contact(&format!("t{n}"), &time::just_now(60 - n), n as usize))
        .collect();
    send(&admin, &voices);
    let issue = text(&issues(&admin)[0], "id").to_owned();
    let day = json!([{"from": "09:00", "to": "18:00"}]);
    let week = json!({"mon": day, "tue": day, "wed": day, "thu": day, "fri": day});
    let calendar = json!({"key": "plain", "name": "plain", "zone": "Asia/Shanghai", "week": week});
    admin.put("/api/v1/calendars/plain", &calendar).ok();
    let mut organisation = admin.get("/api/v1/organisation").ok();
    organisation["calendar"] = json!("plain");
    organisation["arbiter_email"] = json!(CHIEF);
    admin.put("/api/v1/organisation", &organisation).ok();
    let product = department(
        PRODUCT,
        &[(LI, "李梅"), (WANG, "王涛")],
        json!({"manager_email": MANAGER, "deputy_email": DEPUTY}),
    );
    admin
        .put(&format!("/api/v1/departments/{PRODUCT}"), &product)
        .ok();
    // Without a clock of their own they live by the organisation's, which the harness chooses by the hour.
    for who in [MANAGER, DEPUTY, CHIEF, VOC] {
        let path = format!("/api/v1/mail/people/{who}");
        admin.put(&path, &json!({"zone": "Asia/Shanghai"})).ok();
    }
    let user = json!({"email": VOC, "name": "林晓", "role": "voc_owner", "password": PASSWORD});
    admin.post("/api/v1/users", &user).ok();
    sent(&server);
    travel(&mut server, at(0, 10, 0));
    (server, issue)
}

/// The VoC owner, logged in.
pub fn voc(server: &Server) -> Caller {
    let anonymous = server.anonymous();
    let credentials = json!({"email": VOC, "password": PASSWORD});
    let reply = anonymous.post("/api/v1/session", &credentials);
    let session = reply.ok();
    let set = reply.header("set-cookie").expect("a cookie").to_owned();
    anonymous
        .with("cookie", set.split(';').next().expect("a pair"))
        .with(
            "x-csrf-token",
            session["csrf_token"].as_str().expect("a token"),
        )
}

pub fn assign(caller: &Caller, issue: &str, title: &str, more: Value) -> Value {
    let mut body = json!({"title": title, "description": "说明", "department": PRODUCT,
                          "due_at": at(25, 18, 0).to_rfc3339()});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    caller
        .post(&format!("/api/v1/issues/{issue}/tasks"), &body)
        .ok()
}

pub fn task(server: &Server, id: &str) -> Value {
    server.admin().get(&format!("/api/v1/tasks/{id}")).ok()
}

fn chain(server: &Server, id: &str) -> Value {
    server
        .admin()
        .get(&format!("/api/v1/tasks/{id}/escalation"))
        .ok()
}

/// `(when, do)` of steps.
fn steps(list: &Value) -> Vec<(String, String)> {
    let all = list.as_array().expect("steps").iter();
    all.map(|s| (text(s, "when").to_owned(), text(s, "do").to_owned()))
        .collect()
}

/// Waits until no timer of a task is due and everything is sent; answers mails to `who`, oldest first.
pub fn mails(server: &Server, who: &str) -> Vec<Value> {
    settled(server);
    let mut all = server
        .admin()
        .get(&format!("/api/v1/mailbox?to={who}&limit=500"))
        .items();
    all.reverse();
    all
}

fn settled(server: &Server) {
    let database = server.database();
    let now = clock(server);
    until("nothing is due any more", || {
        let due = database.count(&format!(
            "SELECT COUNT(*) AS n FROM job WHERE kind IN ('escalate', 'absence', 'deliver') AND run_at <= {}",
            now.timestamp_micros()
        ));
        (due == 0).then_some(())
    });
    sent(server);
}

/// The server's own time.
fn clock(server: &Server) -> DateTime<Utc> {
    let minutes: i64 = server
        .setting(CLOCK)
        .and_then(|m| m.parse().ok())
        .unwrap_or(0);
    time::now() + TimeDelta::minutes(minutes)
}

pub fn action_link(mail: &Value) -> String {
    let words = text(mail, "text").split_whitespace();
    let link = words.rev().find(|w| w.contains("/a/"));
    link.unwrap_or_else(|| panic!("no link in {mail}"))
        .to_owned()
}

on_both_engines! {
    /// Unanswered: the owner is reminded, the manager told, the deputy gets it; each once, in working hours,
    /// shown in the timeline; an answer ends it.
    fn an_unanswered_task_climbs_the_ladder(engine) {
        let (mut server, issue) = office(engine);
        let id = text(&assign(&voc(&server), &issue, "梳理资费", json!({})), "id").to_owned();
        let ahead = chain(&server, &id);
        assert_eq!(ahead["policy"], "default");
        assert_eq!(
            steps(&ahead["ahead"])[..3],
            [("unanswered", "remind_owner"), ("unanswered", "tell_manager"), ("unanswered", "hand_to_deputy")]
                .map(|(w, d)| (w.to_owned(), d.to_owned()))
        );
        assert_eq!(ahead["ahead"][0]["to"], "李梅");
        let first: DateTime<Utc> = text(&ahead["ahead"][0], "act_at").parse().expect("a time");
        assert!((first - at(1, 9, 0)).abs() < TimeDelta::minutes(3), "{first}");

        // Eight hours are over on Monday evening: nobody is written to before Tuesday morning.
        travel(&mut server, at(0, 22, 0));
        assert_eq!(mails(&server, LI).len(), 2, "notice and offer");
        travel(&mut server, at(1, 9, 5));
        let reminded = mails(&server, LI);
        assert_eq!(reminded.len(), 3);
        assert!(text(&reminded[2], "subject").contains("等待您的答复"), "{}", reminded[2]["subject"]);
        assert_eq!(action_link(&reminded[2]), action_link(&reminded[1]), "the same link");
        assert_eq!(reminded[2]["headers"]["In-Reply-To"], reminded[1]["message_id"]);
        assert!(mails(&server, MANAGER).is_empty());

        travel(&mut server, at(1, 17, 5));
        let told = mails(&server, MANAGER);
        assert_eq!(told.len(), 1);
        assert!(text(&told[0], "subject").contains("李梅尚未答复"), "{}", told[0]["subject"]);
        assert!(!text(&told[0], "text").contains("/a/"), "the owner's link is the owner's");
        assert_eq!(mails(&server, LI).len(), 3, "reminded once");

        travel(&mut server, at(2, 16, 5));
        let offered = mails(&server, DEPUTY);
        assert_eq!(offered.len(), 1, "{offered:?}");
        assert!(text(&offered[0], "text").contains("李梅"), "for whom");
        let taken = mails(&server, LI);
        assert_eq!(taken.len(), 4);
        assert!(text(&taken[3], "text").contains("deputy"), "who has it: {}", taken[3]["text"]);
        let now = task(&server, &id);
        assert_eq!((text(&now, "state"), text(&now["owner"], "email")), ("assigned", DEPUTY));
        assert_eq!(now["handling"]["on_behalf_of"], "李梅");
        let old = Page::open(&server.anonymous(), &action_link(&taken[1]));
        assert_eq!(old.reply.status, 410, "the former owner's link is dead");
        let events: Vec<&Value> = now["timeline"].as_array().expect("a timeline").iter().collect();
        let kinds: Vec<&str> = events.iter().map(|e| text(e, "kind")).collect();
        assert_eq!(
            kinds,
            ["task.assigned", "task.escalated", "task.escalated", "task.escalated", "task.passed_on"]
        );
        assert_eq!(events[1]["data"]["to"], "李梅");
        assert!(events.iter().skip(1).all(|e| text(&e["actor"], "kind") == "system"));
        assert!(events[2]["data"]["late_by"].as_i64().expect("seconds") < 600, "{}", events[2]);
        // Whoever assigned it hears that it changed hands.
        assert!(mails(&server, VOC).iter().any(|m| text(m, "subject").contains("转给了代理人")));

        let page = Page::open(&server.anonymous(), &action_link(&offered[0]));
        assert_eq!(page.submit(&server.anonymous(), "accept", &[]).reply.status, 200);
        let accepted = chain(&server, &id);
        assert_eq!(steps(&accepted["done"]).len(), 3);
        assert!(steps(&accepted["ahead"]).iter().all(|(when, _)| when != "unanswered"), "{accepted}");

        // Accepted and then silent: three working days later a reminder, two more and the manager hears.
        travel(&mut server, at(7, 16, 30));
        assert_eq!(mails(&server, DEPUTY).len(), 2);
        assert_eq!(mails(&server, MANAGER).len(), 1);
        travel(&mut server, at(9, 16, 30));
        assert_eq!(mails(&server, MANAGER).len(), 2);
        assert_eq!(mails(&server, DEPUTY).len(), 2);
        // A word begins the wait anew.
        server.admin().post(&format!("/api/v1/tasks/{id}/progress"), &json!({"percent": 30})).ok();
        travel(&mut server, at(14, 12, 0));
        assert_eq!(mails(&server, DEPUTY).len(), 2);
        travel(&mut server, at(14, 17, 0));
        assert_eq!(mails(&server, DEPUTY).len(), 3);
        // Late: the owner and the manager hear, the day after next the VoC owner; then done ends it.
        travel(&mut server, at(28, 9, 5));
        assert!(text(mails(&server, DEPUTY).last().expect("a mail"), "subject").contains("已逾期"));
        assert!(text(mails(&server, MANAGER).last().expect("a mail"), "subject").contains("已逾期"));
        let before = mails(&server, VOC).len();
        server.admin().post(&format!("/api/v1/tasks/{id}/complete"), &json!({"solution": "改好了"})).ok();
        assert_eq!(chain(&server, &id)["ahead"], json!([]));
        travel(&mut server, at(31, 12, 0));
        let escalated = mails(&server, VOC);
        assert!(!escalated[before..].iter().any(|m| text(m, "subject").contains("逾期")), "{escalated:?}");
    }

    /// An edited policy is for the next owner; a department's own one beats the default.
    fn tasks_keep_the_policy_they_were_offered_with(engine) {
        let (mut server, issue) = office(engine);
        let admin = server.admin();
        let id = text(&assign(&admin, &issue, "梳理资费", json!({})), "id").to_owned();
        let policy = json!({"key": "fast", "name": "快", "departments": [PRODUCT], "steps": [
            {"when": "unanswered", "after": {"hours": 2}, "do": "tell_voc_owner", "repeat": 2}]});
        let saved = admin.put("/api/v1/escalation-policies/fast", &policy).ok();
        assert_eq!(saved["version"], 1);
        for (field, value) in [
            ("departments", json!(["nobody"])),
            ("steps", json!([{"when": "silent", "after": {"hours": 0}, "do": "remind_owner"}])),
            ("steps", json!([{"when": "silent", "after": {"hours": 1}, "do": "remind_owner", "repeat": 6}])),
        ] {
            let mut wrong = policy.clone();
            wrong[field] = value;
            admin.put("/api/v1/escalation-policies/fast", &wrong).problem(422, "invalid_field");
        }
        let mut twice = policy.clone();
        twice["key"] = json!("other");
        admin.put("/api/v1/escalation-policies/other", &twice).problem(422, "invalid_field");
        let old = chain(&server, &id);
        assert_eq!((&old["policy"], &old["policy_changed"]), (&json!("default"), &json!(true)));
        let young = text(&assign(&admin, &issue, "第二项", json!({})), "id").to_owned();
        assert_eq!(chain(&server, &young)["policy"], "fast");
        travel(&mut server, at(0, 17, 30));
        // 12, 14 and 16 o'clock were missed together: one mail that stands for three.
        let told = mails(&server, VOC);
        assert_eq!(told.len(), 1, "{told:?}");
        let done = chain(&server, &young)["done"].clone();
        assert_eq!((&done[0]["n"], &done[0]["missed"]), (&json!(3), &json!(2)));
        assert_eq!(chain(&server, &id)["done"], json!([]), "the old one waits for eight hours");
        // Reassigned, it is a new offer: today's policy holds.
        let moved = json!({"department": PRODUCT, "owner_email": WANG, "reason": "休假"});
        server.admin().post(&format!("/api/v1/tasks/{id}/reassign"), &moved).ok();
        let fresh = chain(&server, &id);
        assert_eq!((&fresh["policy"], &fresh["policy_changed"]), (&json!("fast"), &json!(false)));
        let mut edited = policy;
        edited["steps"] = json!([]);
        edited["version"] = json!(1);
        assert_eq!(server.admin().put("/api/v1/escalation-policies/fast", &edited).ok()["version"], 2);
        assert_eq!(chain(&server, &id)["policy_version"], 1);
        assert_eq!(server.admin().get("/api/v1/escalation-policies").items().len(), 2);
    }

    /// The owner puts reminders off from the page, never behind the due time; others are told as before.
    fn the_owner_puts_reminders_off(engine) {
        let (mut server, issue) = office(engine);
        let id = text(&assign(&server.admin(), &issue, "梳理资费", json!({"due_at": at(3, 12, 0)})), "id").to_owned();
        let link = action_link(mails(&server, LI).last().expect("the offer"));
        let anonymous = server.anonymous();
        let page = Page::open(&anonymous, &link);
        assert!(page.actions().contains(&"snooze".to_owned()));
        let day = |n| (monday() + Days::new(n)).to_string();
        for wrong in [day(4), "gestern".to_owned(), String::new()] {
            let refused = Page::open(&anonymous, &link).submit(&anonymous, "snooze", &[("until", &wrong)]);
            assert_eq!(refused.reply.status, 422, "{wrong}");
        }
        let done = page.submit(&anonymous, "snooze", &[("until", &day(2))]);
        assert_eq!(done.reply.status, 200, "{}", done.reply.text());
        assert!(done.visible().contains(&format!("{} 09:00", day(2))), "{}", done.visible());
        let late = json!({"until": at(4, 9, 0)});
        server.admin().post(&format!("/api/v1/tasks/{id}/snooze"), &late).problem(422, "invalid_field");
        travel(&mut server, at(1, 17, 5));
        assert_eq!(mails(&server, LI).len(), 2, "no reminder");
        assert_eq!(mails(&server, MANAGER).len(), 1, "the manager is told all the same");
        travel(&mut server, at(2, 9, 5));
        assert_eq!(mails(&server, LI).len(), 3);
        assert_eq!(text(&task(&server, &id), "state"), "assigned", "putting off is no answer");
    }

    /// Whoever is away gets nothing new; what waits for an answer is handed over on the first day.
    fn people_on_leave(engine) {
        let (mut server, issue) = office(engine);
        let voc_owner = voc(&server);
        let day = |n| (monday() + Days::new(n)).to_string();
        let away = |who: &str, from, to, substitute: Option<&str>| {
            json!({"email": who, "from": day(from), "to": day(to), "substitute": substitute, "reason": "年假"})
        };
        let open = text(&assign(&voc_owner, &issue, "先来的", json!({})), "id").to_owned();
        let taken = text(&assign(&voc_owner, &issue, "已接受", json!({})), "id").to_owned();
        voc_owner.post(&format!("/api/v1/tasks/{taken}/accept"), &json!({})).ok();
        let put = |key: &str, body: &Value| voc_owner.put(&format!("/api/v1/absences/{key}"), body);
        assert_eq!(put("li", &away("Li.Mei@telecom.example", 2, 9, Some(WANG))).ok()["email"], LI);
        put("wang", &away(WANG, 4, 4, Some(EMMA))).ok();
        // A cycle is refused at entry, with the chain; on other days there is none.
        let cycle = put("emma", &away(EMMA, 4, 5, Some(LI))).problem(422, "invalid_field");
        let detail = text(&cycle, "detail");
        assert!([LI, WANG, EMMA].iter().all(|who| detail.contains(who)), "{detail}");
        put("emma", &away(EMMA, 5, 5, Some(LI))).ok();
        put("li2", &away(LI, 9, 12, None)).problem(422, "invalid_field");
        put("x", &away(MANAGER, 3, 2, None)).problem(422, "invalid_field");
        assert_eq!(voc_owner.get("/api/v1/absences").items().len(), 3);
        put("boss", &away(MANAGER, 1, 20, Some(CHIEF))).ok();
        server.role("viewer").get("/api/v1/absences").problem(403, "not_allowed");
        assert_eq!(text(&task(&server, &open)["owner"], "email"), LI, "not yet");

        travel(&mut server, at(2, 0, 5));
        settled(&server);
        let handed = task(&server, &open);
        assert_eq!(text(&handed["owner"], "email"), WANG);
        assert_eq!(handed["handling"]["on_behalf_of"], "李梅");
        let last = handed["timeline"].as_array().and_then(|t| t.last()).expect("an event").clone();
        assert_eq!((text(&last, "kind"), text(&last["data"], "why")), ("task.passed_on", "absent"));
        assert!(text(mails(&server, WANG).last().expect("the offer"), "text").contains("李梅"));
        assert_eq!(text(&task(&server, &taken)["owner"], "email"), LI, "what was accepted stays");
        // New ones go to who is there, along the chain.
        let admin = server.admin();
        let new = assign(&admin, &issue, "新的", json!({}));
        assert_eq!((text(&new["owner"], "email"), text(&new["handling"], "on_behalf_of")), (WANG, "李梅"));
        travel(&mut server, at(4, 10, 0));
        let admin = server.admin();
        let new = assign(&admin, &issue, "更新的", json!({}));
        assert_eq!(text(&new["owner"], "email"), EMMA, "the substitute's substitute");
        let moved = json!({"department": PRODUCT, "owner_email": LI, "reason": "改派"});
        let moved = admin.post(&format!("/api/v1/tasks/{open}/reassign"), &moved).ok();
        assert_eq!((text(&moved["owner"], "email"), text(&moved["handling"], "on_behalf_of")), (EMMA, "李梅"));
        // Nobody is named: the deputy.
        admin.put("/api/v1/absences/li", &away(LI, 2, 9, None)).ok();
        let new = assign(&admin, &issue, "再一项", json!({}));
        assert_eq!(text(&new["owner"], "email"), DEPUTY);
        // A manager who is away is told through the substitute, and the mail says so.
        travel(&mut server, at(8, 9, 5));
        let told = mails(&server, CHIEF);
        assert!(!told.is_empty() && mails(&server, MANAGER).is_empty());
        assert!(text(&told[0], "text").contains("不在岗"), "{}", told[0]["text"]);
        assert_eq!(server.admin().delete("/api/v1/absences/boss").status, 204);
        server.admin().delete("/api/v1/absences/boss").problem(404, "not_found");
    }

    /// A task that nobody wants comes to the arbiter with its way; a re-route that was agreed proposes the
    /// owner of the topic; the report counts.
    fn nobody_wants_it(engine) {
        let (server, issue) = office(engine);
        let voc_owner = voc(&server);
        let admin = server.admin();
        let id = text(&assign(&voc_owner, &issue, "谁来做", json!({})), "id").to_owned();
        let act = |what: &str, body: Value| admin.post(&format!("/api/v1/tasks/{id}/{what}"), &body).ok();
        act("hand_over", json!({"department": SERVICE, "reason": "是服务的事"}));
        let back = act("hand_over", json!({"department": PRODUCT, "reason": "是资费的事"}));
        assert_eq!(back["handling"]["hops"][1]["ping_pong"], true);
        let asked = act("decline", json!({"reason": "不归我们", "department": SERVICE}));
        assert_eq!((text(&asked["owner"], "email"), &asked["handling"]["with_arbiter"]), (CHIEF, &json!(true)));
        assert_eq!(asked["proposed_department"], SERVICE);
        let mail = mails(&server, CHIEF);
        let said = text(&mail[0], "text");
        for words in ["是服务的事", "是资费的事", "不归我们", PRODUCT, SERVICE] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let told = mails(&server, VOC);
        assert!(told.iter().any(|m| text(m, "text").contains("此前已拒绝过")), "ping-pong is said");
        assert!(told.iter().any(|m| text(m, "subject").contains("需要裁定")));
        // The arbiter decides from the mail, and the decision is no hop.
        let anonymous = server.anonymous();
        let page = Page::open(&anonymous, &action_link(&mail[0]));
        let after = page.submit(&anonymous, "hand_over", &[("department", SERVICE), ("reason", "归服务")]);
        assert!(!after.actions().contains(&"hand_over".to_owned()), "no longer for the arbiter");
        let decided = task(&server, &id);
        assert_eq!((text(&decided["owner"], "email"), &decided["handling"]["with_arbiter"]), (EMMA, &json!(false)));
        assert_eq!(decided["handling"]["hops"].as_array().map(Vec::len), Some(3));
        // Once more, and it is the arbiter's at once.
        let again = act("decline", json!({"reason": "没有人手"}));
        assert_eq!(text(&again["owner"], "email"), CHIEF);

        // A refusal that names a department, agreed by the VoC owner.
        let other = text(&assign(&voc_owner, &issue, "第二项", json!({})), "id").to_owned();
        voc_owner.post(&format!("/api/v1/tasks/{other}/reroute"), &json!({})).problem(409, "wrong_state");
        let refusal = json!({"reason": "不归我们", "department": SERVICE});
        admin.post(&format!("/api/v1/tasks/{other}/decline"), &refusal).ok();
        let moved = voc_owner.post(&format!("/api/v1/tasks/{other}/reroute"), &json!({})).ok();
        assert_eq!((text(&moved, "department"), text(&moved["owner"], "email")), (SERVICE, EMMA));
        let open = voc_owner.get("/api/v1/owner-rule-proposals?state=open").items();
        assert_eq!(open.len(), 1);
        assert_eq!(
            (text(&open[0], "topic"), text(&open[0], "department"), text(&open[0], "present"), text(&open[0], "reason")),
            (TOPIC, SERVICE, PRODUCT, "不归我们")
        );
        let proposal = text(&open[0], "id").to_owned();
        voc_owner.post(&format!("/api/v1/owner-rule-proposals/{proposal}/accept"), &json!({})).ok();
        voc_owner.post(&format!("/api/v1/owner-rule-proposals/{proposal}/dismiss"), &json!({})).problem(409, "wrong_state");
        assert_eq!(admin.get(&format!("/api/v1/topics/{TOPIC}")).ok()["owner_department"], SERVICE);
        assert_eq!(open[0]["changes"][0]["kind"], "topic_owner", "{}", open[0]);

        let report = voc_owner.get(&format!("/api/v1/reports/refusals?from={}&to={0}", monday())).ok();
        let of = |key: &str| {
            let all = report["departments"].as_array().expect("departments");
            all.iter().find(|d| d["department"] == key).unwrap_or_else(|| panic!("no {key}: {report}")).clone()
        };
        let (product, service) = (of(PRODUCT), of(SERVICE));
        let counts = |d: &Value| ["offered", "declined", "handed_over", "ping_pong", "most_hops"].map(|f| d[f].as_i64());
        // Offers: two assignments, the way back and the arbiter's; the service got it three times, once by the arbiter.
        assert_eq!(counts(&product), [4, 2, 1, 1, 3].map(Some), "{product}");
        assert_eq!(counts(&service), [4, 1, 1, 1, 4].map(Some), "{service}");
        assert_eq!(product["share"], 0.75);
        assert_eq!(product["reasons"][0], json!({"reason": "不归我们", "n": 2}));
        voc_owner.get("/api/v1/reports/refusals?from=2026-02-02&to=2026-02-01").problem(400, "invalid_query");

        // Where a rule decides, what is accepted comes before it, and the next task goes there.
        let rules = "# 华东\nregion:华东 -> department:SERVICE\n* -> department:PRODUCT".replace("SERVICE", SERVICE).replace("PRODUCT", PRODUCT);
        admin.put("/api/v1/owner-rules", &json!({"text": rules})).ok();
        let ruled = text(&voc_owner.post(&format!("/api/v1/issues/{issue}/tasks"), &json!({"title": "第三项"})).ok(), "id").to_owned();
        assert_eq!(admin.post(&format!("/api/v1/tasks/{ruled}/decline"), &refusal).ok()["department"], PRODUCT);
        voc_owner.post(&format!("/api/v1/tasks/{ruled}/reroute"), &json!({})).ok();
        let open = voc_owner.get("/api/v1/owner-rule-proposals?state=open").items();
        let change = &open[0]["changes"][0];
        assert_eq!((text(&open[0], "present"), &change["kind"], &change["line"]), (PRODUCT, &json!("rule_added"), &json!(3)), "{}", open[0]);
        assert!(text(&change["sentence"], "zh").contains("第 3 行") && text(&change["sentence"], "en").contains("line 3"), "{change}");
        let accept = format!("/api/v1/owner-rule-proposals/{}/accept", text(&open[0], "id"));
        assert_eq!(voc_owner.post(&accept, &json!({})).ok()["changes"][0], *change, "what was announced was done");
        let now = admin.get("/api/v1/owner-rules").ok();
        assert_eq!(now["text"], format!("# 华东\nregion:华东 -> department:{SERVICE}\ntopic:{TOPIC} -> department:{SERVICE}\n* -> department:{PRODUCT}\n"));
        assert_eq!(now["version"], 2, "{now}");
        let route = admin.post("/api/v1/owner-rules/test", &json!({"issue_id": issue})).ok();
        assert_eq!((&route["route"]["line"], &route["route"]["department"]), (&json!(3), &json!(SERVICE)), "{route}");
        let next = voc_owner.post(&format!("/api/v1/issues/{issue}/tasks"), &json!({"title": "第四项"})).ok();
        assert_eq!(next["department"], SERVICE, "{next}");
    }

    /// Many open tasks, no power for three days: each overdue step once, however often it is killed then.
    /// `BIHUAN_TASKS=10000` measures.
    fn three_days_without_power(engine) {
        let many = std::env::var("BIHUAN_TASKS").ok().and_then(|n| n.parse::<i64>().ok()).unwrap_or(40);
        let (mut server, issue) = office(engine);
        let id = text(&assign(&server.admin(), &issue, "很多", json!({})), "id").to_owned();
        settled(&server);
        server.kill9();
        let database = server.database();
        multiply(&database, &id, many - 1);
        let timers = database.count("SELECT COUNT(*) AS n FROM job WHERE kind = 'escalate' AND state = 'ready'");
        assert_eq!(timers, many);
        let started = Instant::now();
        travel(&mut server, at(3, 10, 0));
        let mut kills = 0;
        let fired = || database.count("SELECT COUNT(*) AS n FROM escalation_step");
        for part in 1..=3 {
            until_within(Duration::from_secs(900), "steps go on", || (fired() >= many * 3 * part / 4).then_some(()));
            server.kill9();
            server.restart();
            kills += 1;
        }
        until_within(Duration::from_secs(1800), "everything is done", || {
            let moved = database.count(&format!("SELECT COUNT(*) AS n FROM task WHERE owner_email = '{DEPUTY}'"));
            let waits = database.count("SELECT COUNT(*) AS n FROM delivery WHERE state <> 'sent'");
            (moved == many && waits == 0).then_some(())
        });
        let took = started.elapsed();
        let count = |sql: &str| database.count(sql);
        assert_eq!(fired(), many * 3, "reminder, manager, deputy: each once");
        let per = "SELECT COUNT(*) AS n FROM (SELECT task_id FROM escalation_step GROUP BY task_id, assignment, step HAVING COUNT(*) > 1) AS t";
        assert_eq!(count(per), 0);
        assert_eq!(count("SELECT COUNT(*) AS n FROM event WHERE kind = 'task.escalated'"), many * 3);
        let to = |who: &str| count(&format!("SELECT COUNT(*) AS n FROM mailbox WHERE recipient = '{who}'"));
        // The notice and the first offer went out before the tasks were multiplied.
        assert_eq!(to(LI), 2 + many * 2, "a reminder and the news that it is gone");
        assert_eq!((to(MANAGER), to(DEPUTY)), (many, many));
        let late = count("SELECT MIN(late_by) AS n FROM escalation_step");
        // The deputy's step was possible on Wednesday at four: sixteen hours and a half of nights lie between.
        assert!(late > 17 * 3600, "{late}");
        assert_eq!(count("SELECT COUNT(*) AS n FROM escalation WHERE next_at IS NULL"), 0, "every chain has its next timer");
        let before = (fired(), count("SELECT COUNT(*) AS n FROM delivery"));
        server.restart();
        settled(&server);
        assert_eq!((fired(), count("SELECT COUNT(*) AS n FROM delivery")), before, "nothing twice");
        report(&format!(
            "three days without power on {engine:?}: {many} tasks, {kills} kills, {} steps and {} mails in {:.1} s, 0 lost, 0 twice",
            fired(), to(LI) + to(MANAGER) + to(DEPUTY) - 2, took.as_secs_f64()
        ));
    }
}

/// Copies a task with its chain, offer and timer `n` times, under ids of their own.
fn multiply(database: &Database, id: &str, n: i64) {
    let (series, hex) = match database.engine() {
        Engine::Sqlite => (
            format!(
                "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {n})"
            ),
            "printf('%012x', s.i)",
        ),
        Engine::Postgres => (
            format!("WITH s(i) AS (SELECT generate_series(1, {n}))"),
            "lpad(to_hex(s.i), 12, '0')",
        ),
    };
    let new = format!("'01890000-0000-7000-8000-' || {hex}");
    for (table, columns, changed) in [
        (
            "task",
            "id, issue_id, state, department, owner_email, topic, due_at, created_at, data, version",
            format!(
                "{new}, t.issue_id, t.state, t.department, t.owner_email, t.topic, t.due_at, t.created_at, \
                 replace(t.data, '{id}', {new}), t.version"
            ),
        ),
        (
            "escalation",
            "task_id, assignment, policy_key, policy_version, next_at, seq",
            format!("{new}, t.assignment, t.policy_key, t.policy_version, t.next_at, t.seq"),
        ),
        (
            "task_offer",
            "task_id, assignment, department, owner_email, topic, offered_at",
            format!("{new}, t.assignment, t.department, t.owner_email, t.topic, t.offered_at"),
        ),
        (
            "job",
            "id, kind, unique_key, payload, run_at, priority, state, attempt, max_attempts, created_at",
            format!(
                "'01890000-0000-7000-9000-' || {hex}, t.kind, replace(t.unique_key, '{id}', {new}), \
                 replace(t.payload, '{id}', {new}), t.run_at, t.priority, t.state, t.attempt, t.max_attempts, \
                 t.created_at"
            ),
        ),
    ] {
        let which = match table {
            "task" => format!("t.id = '{id}'"),
            "job" => format!("t.kind = 'escalate' AND t.unique_key LIKE 'escalate:{id}:%'"),
            _ => format!("t.task_id = '{id}'"),
        };
        let select = format!("SELECT {changed} FROM {table} t, s WHERE {which}");
        if n > 0 {
            database.run(&format!(
                "{series} INSERT INTO {table} ({columns}) {select}"
            ));
        }
    }
}
