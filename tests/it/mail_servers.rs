//! Mails on their real way: out to Postfix, into mailboxes, back through Dovecot; and a server with every
//! kind of bad day while the program is killed again and again.

use crate::mail_replies::{MEI, Reply, VOC, lapse, log_in};
use crate::world::{LI, PRODUCT, contact, furnish, issues, send, task, text, watch};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tests::postfix::RENAMED;
use tests::smtp::Mail;
use tests::wait::pass;
use tests::{
    Caller, Dovecot, Options, Postfix, Random, Server, Smtp, on_both_engines, report, time, until,
    until_within,
};

fn an_issue(server: &Server) -> Value {
    let admin = server.admin();
    furnish(&admin);
    watch(&admin);
    let voices: Vec<Value> = (0..51)
        .map(|n| contact(&format!("t{n}"), &time::just_now(60 - n), n as usize))
        .collect();
    send(&admin, &voices);
    issues(&admin)[0].clone()
}

fn assign(caller: &Caller, issue: &Value, title: &str, more: &Value) -> Option<String> {
    let due = (time::now() + chrono::TimeDelta::days(20)).to_rfc3339();
    let mut body =
        json!({"title": title, "description": "说明", "department": PRODUCT, "due_at": due});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let path = format!("/api/v1/issues/{}/tasks", text(issue, "id"));
    let body = serde_json::to_vec(&body).expect("JSON");
    let reply = caller
        .try_send("POST", &path, Some("application/json"), &body)
        .ok()?;
    Some(text(&reply.ok(), "id").to_owned())
}

fn the_mail(postfix: &Postfix, to: &str, words: &[&str]) -> Mail {
    until(&format!("a mail to {to} about {words:?}"), || {
        let all = postfix.letters_to(to);
        all.iter()
            .map(tests::Letter::read)
            .rfind(|m| words.iter().all(|w| m.subject.contains(w)))
    })
}

fn inbox(server: &Server) -> Vec<Value> {
    server.admin().get("/api/v1/inbox?limit=500").ok()["items"]
        .as_array()
        .expect("items")
        .clone()
}

on_both_engines! {
    /// Out by SMTP, through a relay that names mails anew, into a mailbox; the reply comes back by IMAP. The
    /// thread holds by what relays leave alone, a report of the real server closes an address, and what is
    /// sent while the server is away goes out when it is back.
    fn out_by_postfix_and_back_by_dovecot(engine) {
        const TEST: &str = "out_by_postfix_and_back_by_dovecot";
        let Some(dovecot) = Dovecot::start(TEST) else { return };
        let Some(postfix) = Postfix::start(TEST, &dovecot, VOC, &[LI, MEI]) else { return };
        let server = Options::new(engine)
            .set("BIHUAN_MAIL", &postfix.url())
            .set("BIHUAN_PUBLIC_URL", tests::server::PUBLIC_URL)
            .set("BIHUAN_MAIL_FROM", VOC)
            .set("BIHUAN_MAIL_IN", &dovecot.url())
            .start();
        let issue = an_issue(&server);
        let mei = log_in(&server);
        let title = "把套餐资费说清楚";
        let id = assign(&mei, &issue, title, &json!({})).expect("a task");
        let root = format!("task-{id}@");
        let read = |n: usize| until(&format!("{n} mails are read"), || {
            let all = inbox(&server);
            (all.len() == n).then(|| all[0].clone())
        });

        let offer = the_mail(&postfix, LI, &[title, "[BH-"]);
        assert!(offer.message_id.starts_with(&format!("{RENAMED}{root}")), "the relay named it anew: {}", offer.message_id);
        assert!(offer.html.contains("<table") && offer.text.contains("BH-"));
        postfix.submit(LI, VOC, &Reply::qq(&offer, LI, "接受，谢谢").raw("1"));
        let first = read(1);
        assert_eq!((text(&first, "outcome"), &first["details"]["matched_by"]), ("acted", &json!("token")), "{first}");
        assert_eq!(task(&server.admin(), &id)["state"], "accepted");

        // A question and its answer: three mails of one thread, whose root no relay has touched.
        postfix.submit(LI, VOC, &Reply::gmail(&offer, LI, "提问：是否包含老用户？").raw("2"));
        read(2);
        let question = the_mail(&postfix, MEI, &["有疑问", title]);
        assert!(question.references.iter().chain(&question.in_reply_to).all(|r| r.starts_with(&root)), "{question:?}");
        assert!(!question.references.is_empty() && question.message_id.starts_with(RENAMED));
        postfix.submit(MEI, VOC, &Reply::gmail(&question, MEI, "包含，老用户优先。").raw("3"));
        read(3);
        let answer = the_mail(&postfix, LI, &["梅姐答复了您"]);
        assert!(answer.references.iter().any(|r| r.starts_with(&root)), "{answer:?}");
        assert_eq!(offer.header("thread-topic"), answer.header("thread-topic"));
        let index = |m: &Mail| m.header("thread-index").expect("an index")[..20].to_owned();
        assert_eq!(index(&offer), index(&answer), "Outlook's thread");

        // A reply that keeps neither the quoted words nor the subject is led back by the headers alone, although
        // the mail that it answers has another name here than there.
        let mut bare = Reply::bare(&answer, LI, "进度 30% 初稿写好");
        bare.subject = "Re: 好的".to_owned();
        bare.headers = vec![
            format!("In-Reply-To: <{}>", answer.message_id),
            format!("References: {} <{}>", answer.references.iter().map(|r| format!("<{r}>")).collect::<Vec<_>>().join(" "), answer.message_id),
        ];
        postfix.submit(LI, VOC, &bare.raw("4"));
        let fourth = read(4);
        assert_eq!((text(&fourth, "outcome"), &fourth["details"]["matched_by"]), ("acted", &json!("headers")), "{fourth}");
        assert_eq!(task(&server.admin(), &id)["percent"], 30);

        // Away: what is written meanwhile waits, visibly, and goes out once.
        postfix.pause();
        assign(&mei, &issue, "等服务器回来", &json!({})).expect("a task");
        until("it waits", || (!server.admin().get("/api/v1/outbox?state=retry").items().is_empty()).then_some(()));
        postfix.go_on();
        the_mail(&postfix, LI, &["等服务器回来"]);
        until("it is written down", || server.admin().get("/api/v1/outbox?state=retry").items().is_empty().then_some(()));
        let copies = postfix.letters_to(LI).iter().filter(|l| l.read().subject.contains("等服务器回来")).count();
        assert_eq!(copies, 1);

        // Nobody of that name: Postfix takes the mails and reports, twice; then the address is closed.
        let gone = json!({"owner_email": "wang.tao@telecom.example"});
        for (n, title) in ["没有此人之一", "没有此人之二"].into_iter().enumerate() {
            assign(&mei, &issue, title, &gone).expect("a task");
            let report = read(5 + n);
            assert_eq!((text(&report, "outcome"), &report["details"]["severity"]), ("bounce", &json!("hard")), "{report}");
        }
        let addresses = server.admin().get("/api/v1/addresses").items();
        assert!(addresses[0]["disabled_at"].is_string(), "{addresses:?}");
        assert!(the_mail(&postfix, MEI, &["邮件送不到"]).text.contains("没有此人之"));
        until("every mail is marked as read", || (dovecot.seen() == 6).then_some(()));
    }
}

/// How often the program is killed here: twenty times, or as often as `BIHUAN_KILL_ROUNDS` says.
fn rounds() -> usize {
    std::env::var("BIHUAN_KILL_ROUNDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(20)
}

/// How long a mail that arrived may stand unrecorded: the answer is on its way, the row is written.
const WINDOW: Duration = Duration::from_secs(5);

on_both_engines! {
    /// A server that is slow, breaks off, does not answer, says 4xx and 5xx, and a program that is killed: no
    /// mail is lost, and one comes twice only where the program was killed between the server's yes and its
    /// own note of it, or where the server never said yes. Every copy has the Message-ID of its original.
    fn bad_days_and_power_cuts(engine) {
        const NOBODY: &str = "wang.tao@telecom.example";
        let smtp = Smtp::start();
        let mut server = Options::new(engine).mail_to(&smtp).set("BIHUAN_BOUNCE_LIMIT", "100").start();
        let issue = an_issue(&server);
        until("the notice", || (smtp.letters().len() == 1).then_some(()));
        smtp.refuse_for_ever(NOBODY);
        smtp.be_moody(Random::of("weather"));
        let database = server.database();
        let mut random = Random::of("power");
        let mut kills: Vec<Instant> = Vec::new();
        let (mut offered, mut refused) = (Vec::new(), Vec::new());
        let rounds = rounds();
        for round in 0..rounds {
            let admin = server.admin();
            for n in 0..3 {
                let title = format!("第{round}轮第{n}项");
                assign(&admin, &issue, &title, &json!({})).expect("a task");
                offered.push(title);
            }
            if round % 15 == 0 {
                let title = format!("第{round}轮没有此人");
                assign(&admin, &issue, &title, &json!({"owner_email": NOBODY})).expect("a task");
                refused.push(title);
            }
            pass(Duration::from_millis(random.below(300)));
            server.kill9();
            kills.push(Instant::now());
            lapse(&database);
            server.restart();
        }
        smtp.calm_down();
        let open = "SELECT COUNT(*) AS n FROM delivery WHERE state NOT IN ('sent','dead')";
        until_within(Duration::from_secs(180), "every mail has come to an end", || {
            // Nobody waits here for an hour between two attempts.
            database.run("UPDATE job SET run_at = 0 WHERE kind = 'deliver' AND state = 'ready'");
            (database.count(open) == 0).then_some(())
        });
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM delivery WHERE state = 'dead'"), refused.len() as i64);

        let letters = smtp.letters_to(LI);
        let mut copies: BTreeMap<String, Vec<(&tests::Letter, Mail)>> = BTreeMap::new();
        for letter in &letters {
            let mail = letter.read();
            copies.entry(mail.message_id.clone()).or_default().push((letter, mail));
        }
        for title in &offered {
            let found = copies.values().filter(|c| c[0].1.subject.contains(&format!("{title} ["))).count();
            assert_eq!(found, 1, "mails about {title}");
        }
        assert_eq!(copies.len(), offered.len() + 1, "and the notice");
        let (mut unanswered, mut killed, mut longest) = (0, 0, Duration::ZERO);
        for all in copies.values() {
            for pair in all.windows(2) {
                let ((first, original), (second, copy)) = (&pair[0], &pair[1]);
                assert_eq!((&original.subject, &original.text), (&copy.subject, &copy.text), "a copy is a copy");
                if !first.acknowledged {
                    unanswered += 1;
                    continue;
                }
                // A connection belongs to one life of the program, for the server speaks first on it. What was sent
                // may be read after the kill.
                let cut = kills.iter().find(|k| **k >= first.connected && **k <= second.connected);
                let Some(cut) = cut else {
                    panic!(
                        "{} came twice and nobody was killed in between: {:?} after its copy, over connections {:?} apart",
                        copy.subject,
                        second.at.duration_since(first.at),
                        second.connected.duration_since(first.connected),
                    )
                };
                let open = cut.saturating_duration_since(first.at);
                assert!(open < WINDOW, "{} was not noted for {open:?}", copy.subject);
                killed += 1;
                longest = longest.max(open);
            }
        }
        assert_eq!(letters.len(), copies.len() + unanswered + killed);
        report(&format!(
            "bad days and power cuts on {engine:?}: {} mails, {rounds} kills, 0 lost, {} refused for good and shown; copies: {killed} by \
             a kill between the answer and its note (at most {} ms after it), {unanswered} because no answer came; the server's days: {:?}",
            copies.len(),
            refused.len(),
            longest.as_millis(),
            smtp.days(),
        ));
    }
}
