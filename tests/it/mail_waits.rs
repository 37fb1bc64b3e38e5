//! Mails that wait, visibly: the hour's budget, a digest, quiet hours; and what is sent again.

use crate::world::{LI, PRODUCT, contact, furnish, issues, send, sent, text, watch};
use serde_json::{Value, json};
use tests::{Database, Engine, Options, Server, Smtp, on_both_engines, time, until};

fn start(engine: Engine, smtp: &Smtp, more: &[(&str, &str)]) -> (Server, Value) {
    let mut options = Options::new(engine).mail_to(smtp);
    for (name, value) in more {
        options = options.set(name, value);
    }
    let server = options.start();
    let admin = server.admin();
    furnish(&admin);
    watch(&admin);
    let voices: Vec<Value> = (0..51)
        .map(|n| contact(&format!("t{n}"), &time::just_now(60 - n), n as usize))
        .collect();
    send(&admin, &voices);
    let issue = issues(&admin)[0].clone();
    // What must be fixed at once makes urgent mails, which are never held.
    let path = format!("/api/v1/issues/{}/quadrant", text(&issue, "id"));
    let decision = json!({"quadrant": "plan", "reason": "可以排期"});
    admin.put(&path, &decision).ok();
    (server, issue)
}

fn assign(server: &Server, issue: &Value, title: &str) -> String {
    let due = (time::now() + chrono::TimeDelta::days(20)).to_rfc3339();
    let body = json!({"title": title, "description": "", "department": PRODUCT, "due_at": due});
    let path = format!("/api/v1/issues/{}/tasks", text(issue, "id"));
    text(&server.admin().post(&path, &body).ok(), "id").to_owned()
}

fn outbox(server: &Server, state: &str) -> Vec<Value> {
    server
        .admin()
        .get(&format!("/api/v1/outbox?limit=500&state={state}"))
        .items()
}

fn waiting(server: &Server, n: usize) -> Vec<Value> {
    until(&format!("{n} mails are held"), || {
        let held = outbox(server, "held");
        (held.len() == n && outbox(server, "queued").is_empty()).then_some(held)
    })
}

/// An hour passes for everything that waits.
fn an_hour_later(database: &Database) {
    database.run("UPDATE delivery SET sent_at = sent_at - 3700000000 WHERE sent_at IS NOT NULL");
    database.run(
        "UPDATE delivery SET held_until = held_until - 3700000000 WHERE held_until IS NOT NULL",
    );
    database.run(
        "UPDATE job SET run_at = run_at - 3700000000 WHERE kind = 'deliver' AND state = 'ready'",
    );
}

on_both_engines! {
    /// Three an hour: the rest waits in the outbox with its reason and time, and goes in its order.
    fn an_hour_has_a_budget(engine) {
        let smtp = Smtp::start();
        let (server, issue) = start(engine, &smtp, &[("BIHUAN_MAIL_PER_HOUR", "3")]);
        until("the notice", || (smtp.letters().len() == 1).then_some(()));
        let ids: Vec<String> = (0..6).map(|n| assign(&server, &issue, &format!("第{n}项"))).collect();
        let held = waiting(&server, 4);
        assert_eq!(smtp.letters().len(), 3);
        for item in &held {
            assert_eq!(text(item, "hold"), "hourly_budget", "{item}");
            let until = text(item, "held_until").parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
            assert!(until > time::now(), "{item}");
        }
        // The next mail of a task that waits does not overtake the first.
        let waits = held.iter().map(|h| text(h, "task_id")).collect::<Vec<_>>();
        let behind = ids.iter().find(|id| waits.contains(&id.as_str())).expect("one that waits").clone();
        server.admin().post(&format!("/api/v1/tasks/{behind}/cancel"), &json!({"reason": "不需要了"})).ok();
        waiting(&server, 5);
        let database = server.database();
        for expected in [3 + 3, 3 + 3 + 2] {
            an_hour_later(&database);
            until("the next ones go", || (smtp.letters().len() >= expected).then_some(()));
            until("nothing is under way", || (outbox(&server, "sending").is_empty() && outbox(&server, "queued").is_empty()).then_some(()));
            assert_eq!(smtp.letters().len(), expected);
        }
        assert!(sent(&server).iter().all(|d| d["hold"].is_null()));
        let of_task: Vec<String> = smtp.letters_to(LI).iter().map(tests::Letter::read)
            .filter(|m| m.in_reply_to == [format!("task-{behind}@localhost")] || m.message_id == format!("task-{behind}@localhost"))
            .map(|m| m.subject).collect();
        assert_eq!(of_task.len(), 2, "{of_task:?}");
        assert!(of_task[1].contains("已取消"), "in their order: {of_task:?}");
    }

    /// Whoever wants one mail an hour gets one, with a link to each; urgent ones come at once.
    fn a_digest_names_what_it_carries(engine) {
        let smtp = Smtp::start();
        let (server, issue) = start(engine, &smtp, &[]);
        until("the notice", || (smtp.letters().len() == 1).then_some(()));
        let admin = server.admin();
        let path = format!("/api/v1/mail/people/{LI}");
        assert_eq!(admin.get(&path).ok()["pace"], "immediate");
        admin.put(&path, &json!({"pace": "hourly"})).ok();
        admin.put(&path, &json!({"quiet": [{"from": "00:00", "to": "00:00"}]})).problem(422, "invalid_field");
        for n in 0..3 {
            assign(&server, &issue, &format!("第{n}项"));
        }
        let held = waiting(&server, 3);
        assert!(held.iter().all(|h| text(h, "hold") == "digest"), "{held:?}");
        assert_eq!(smtp.letters().len(), 1, "the notice of before");
        an_hour_later(&server.database());
        let digest = until("the digest", || smtp.letters_to(LI).get(1).map(tests::Letter::read));
        assert!(digest.subject.contains("3 条"), "{}", digest.subject);
        for n in 0..3 {
            assert!(digest.text.contains(&format!("第{n}项")), "{}", digest.text);
        }
        assert_eq!(digest.text.matches("/a/").count(), 3, "{}", digest.text);
        let merged = outbox(&server, "merged");
        assert_eq!(merged.len(), 3);
        let all = outbox(&server, "sent");
        assert!(merged.iter().all(|m| all.iter().any(|d| d["id"] == m["merged_into"])), "{merged:?}");

        // Quiet hours around now: held until their end, one mail goes as it is, and a new wish counts at once.
        let local = time::now().with_timezone(&chrono_tz::Asia::Shanghai);
        let clock = |hours: i64| (local + chrono::TimeDelta::hours(hours)).format("%H:%M").to_string();
        admin.put(&path, &json!({"quiet": [{"from": clock(-2), "to": clock(2)}]})).ok();
        assign(&server, &issue, "夜里的一项");
        let held = waiting(&server, 1);
        assert_eq!(text(&held[0], "hold"), "quiet_hours");
        admin.put(&path, &json!({})).ok();
        until("it goes", || smtp.letters_to(LI).iter().any(|l| l.read().subject.contains("夜里的一项")).then_some(()));
        assert_eq!(outbox(&server, "held"), Vec::<Value>::new());
    }

    /// Mails and pages speak the language that a person asked for, on the person's clock.
    fn a_person_has_a_language_and_a_clock(engine) {
        let smtp = Smtp::start();
        let (server, issue) = start(engine, &smtp, &[]);
        until("the notice", || (smtp.letters().len() == 1).then_some(()));
        let admin = server.admin();
        let path = format!("/api/v1/mail/people/{LI}");
        admin.put(&path, &json!({"zone": "Mars/Olympus"})).problem(422, "invalid_field");
        admin.put(&path, &json!({"language": "de"})).problem(422, "invalid_field");
        let kept = admin.put(&path, &json!({"language": "en", "zone": "Pacific/Kiritimati"})).ok();
        assert_eq!((&kept["language"], &kept["zone"]), (&json!("en"), &json!("Pacific/Kiritimati")));
        assign(&server, &issue, "Explain the fees");
        let offer = until("the offer", || smtp.letters_to(LI).get(1).map(tests::Letter::read));
        let task = admin.get("/api/v1/tasks").items()[0].clone();
        let due: chrono::DateTime<chrono::Utc> = text(&task, "due_at").parse().expect("a time");
        let theirs = due.with_timezone(&chrono_tz::Pacific::Kiritimati).format("%Y-%m-%d %H:%M").to_string();
        assert!(offer.text.contains(&theirs), "{theirs}: {}", offer.text);
        assert!(!offer.text.contains("截止"), "no Chinese: {}", offer.text);
        let link = offer.text.split_whitespace().find(|w| w.contains("/a/")).expect("a link").to_owned();
        let page = tests::page::Page::open(&server.anonymous(), &link);
        assert!(page.visible().contains(&theirs), "{}", page.visible());
        assert!(page.visible().contains("Accept"), "{}", page.visible());
        assert_eq!(task["owner"]["language"], "zh-CN", "what the department says of her stays");
    }

    /// A log-in that is refused says nothing about a mail: all of them wait, one place says so, and go when it is
    /// mended; what is dead goes again with them.
    fn a_refused_log_in_kills_no_mail(engine) {
        let smtp = Smtp::start();
        smtp.ask_for_login("bihuan", "good");
        let (server, issue) = start(engine, &smtp, &[]);
        let admin = server.admin();
        let trouble = || admin.get("/api/v1/outbox/trouble").ok();
        sent(&server);
        assert_eq!(trouble(), json!({"dead": 0, "waiting": 0, "why": null, "error": null}));
        smtp.refuse_for_ever(LI);
        assign(&server, &issue, "先被拒收");
        until("one is dead", || outbox(&server, "dead").into_iter().next());
        smtp.take_again(LI);
        smtp.ask_for_login("bihuan", "reset by the provider");
        let before = smtp.letters().len();
        for n in 0..3 {
            assign(&server, &issue, &format!("等登录 {n}"));
        }
        let waiting = until("all wait for the log-in", || {
            let all = outbox(&server, "retry");
            (all.len() == 3 && all.iter().all(|d| d["hold"] == "mail_login")).then_some(all)
        });
        assert!(waiting.iter().all(|d| text(d, "last_error").contains("535") && d["held_until"].is_string()), "{waiting:?}");
        // Whoever reads the task gets nothing to act in its owner's name with.
        let of_one = text(&waiting[0], "task_id").to_owned();
        let mail = admin.get(&format!("/api/v1/tasks/{of_one}")).ok()["mail"].clone();
        assert_eq!((&mail["link"], text(&mail, "state")), (&Value::Null, "retry"), "{mail}");
        let shown = text(&mail, "text");
        assert!(shown.contains("等登录") && shown.contains("/a/…") && !shown.contains("BH-"), "{shown}");
        let said = trouble();
        assert_eq!((&said["dead"], &said["waiting"], text(&said, "why")), (&json!(1), &json!(3), "mail_login"), "{said}");
        // The account is not tried again by the others, nor by what is asked for too early.
        assert_eq!(admin.post("/api/v1/outbox/retry", &json!({})).ok()["queued"], 4);
        until("they wait again", || {
            let all = outbox(&server, "retry");
            (all.len() == 4 && all.iter().all(|d| d["hold"] == "mail_login")).then_some(())
        });
        assert_eq!((smtp.letters().len(), outbox(&server, "dead").len()), (before, 0));
        smtp.ask_for_login("bihuan", "good");
        assert_eq!(admin.post("/api/v1/outbox/retry", &json!({})).ok()["queued"], 4);
        until("they go", || (smtp.letters().len() == before + 4).then_some(()));
        sent(&server);
        assert_eq!(trouble()["waiting"], 0);
        assert_eq!(outbox(&server, "dead").len(), 0);
    }

    /// A dead letter is sent again under its own number; every template can be looked at and tried.
    fn dead_letters_and_previews(engine) {
        let smtp = Smtp::start();
        smtp.refuse_for_ever("wang.tao@telecom.example");
        let (server, issue) = start(engine, &smtp, &[]);
        let admin = server.admin();
        let due = (time::now() + chrono::TimeDelta::days(20)).to_rfc3339();
        let body = json!({"title": "没人收到", "description": "", "department": PRODUCT, "due_at": due,
                          "owner_email": "wang.tao@telecom.example"});
        admin.post(&format!("/api/v1/issues/{}/tasks", text(&issue, "id")), &body).ok();
        let dead = until("it is dead", || outbox(&server, "dead").into_iter().next());
        assert_eq!(admin.get("/api/v1/addresses").items()[0]["hard_bounces"], 1, "a refusal at once is a bounce");
        smtp.take_again("wang.tao@telecom.example");
        let again = format!("/api/v1/outbox/{}/retry", text(&dead, "id"));
        admin.post(&again, &json!({})).ok();
        let letter = until("it arrives", || smtp.letters_to("wang.tao@telecom.example").first().map(tests::Letter::read));
        assert!(letter.subject.contains("没人收到"));
        sent(&server);
        admin.post(&again, &json!({})).problem(409, "wrong_state");

        let templates = admin.get("/api/v1/mail/templates").items();
        assert!(templates.len() >= 25, "{}", templates.len());
        for template in &templates {
            for language in ["zh-CN", "en"] {
                let name = text(template, "name");
                let mail = admin.get(&format!("/api/v1/mail/templates/{name}?language={language}")).ok();
                assert!(text(&mail, "html").contains("<table") && !text(&mail, "text").is_empty(), "{name} {language}");
            }
        }
        admin.get("/api/v1/mail/templates/nothing").problem(404, "not_found");
        admin.post("/api/v1/mail/trial", &json!({"to": "x"})).problem(422, "invalid_field");
        admin.post("/api/v1/mail/trial", &json!({"to": "Ops@telecom.example", "language": "en"})).ok();
        let trial = until("the trial", || smtp.letters_to("ops@telecom.example").first().map(tests::Letter::read));
        assert!(trial.subject.contains("test mail"), "{}", trial.subject);
        // Every template can be sent as a sample: once more is another mail, and nobody takes it for a task.
        admin.post("/api/v1/mail/trial", &json!({"to": "ops@telecom.example", "template": "nothing"})).problem(422, "invalid_field");
        for _ in 0..2 {
            admin.post("/api/v1/mail/trial", &json!({"to": "ops@telecom.example", "template": "task_offered"})).ok();
        }
        let samples = until("the samples", || {
            let all: Vec<_> = smtp.letters_to("ops@telecom.example").iter().skip(1).map(tests::Letter::read).collect();
            (all.len() == 2).then_some(all)
        });
        assert!(samples[0].subject.starts_with("[样例]") && samples[0].text.contains("样例"), "{:?}", samples[0]);
        assert_ne!(samples[0].message_id, samples[1].message_id);
    }
}
