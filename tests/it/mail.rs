//! Mails over real SMTP on its good and bad days, and without any.

use crate::world::{LI, PRODUCT, contact, furnish, issues, send, sent, text, watch};
use serde_json::{Value, json};
use tests::page::Page;
use tests::server::PUBLIC_URL;
use tests::{Command, Engine, Letter, Options, Server, Smtp, time, until};

/// A server with an issue, its notice sent.
fn with_issue(options: Options) -> (Server, Value) {
    let server = options.start();
    let admin = server.admin();
    furnish(&admin);
    watch(&admin);
    let voices: Vec<Value> = (0..51)
        .map(|n| contact(&format!("t{n}"), &time::just_now(60 - n), n as usize))
        .collect();
    send(&admin, &voices);
    let issue = issues(&admin)[0].clone();
    (server, issue)
}

fn assign(server: &Server, issue: &Value, title: &str, more: Value) -> Value {
    let due = (time::now() + chrono::TimeDelta::days(3)).to_rfc3339();
    let mut body =
        json!({"title": title, "description": "说明", "department": PRODUCT, "due_at": due});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    server
        .admin()
        .post(
            &format!("/api/v1/issues/{}/tasks", text(issue, "id")),
            &body,
        )
        .ok()
}

/// A busy mail server is asked again, soon.
#[test]
fn a_busy_mail_server_is_asked_again() {
    let smtp = Smtp::start();
    smtp.refuse_for_now(2);
    let started = std::time::Instant::now();
    let (server, _) = with_issue(Options::new(Engine::Sqlite).mail_to(&smtp));
    let all = sent(&server);
    assert_eq!((all.len(), text(&all[0], "state")), (1, "sent"), "{all:?}");
    assert_eq!(all[0]["attempts"], 3, "{all:?}");
    assert_eq!((smtp.refused(), smtp.letters().len()), (2, 1));
    assert!(started.elapsed().as_secs() < 45, "{:?}", started.elapsed());
}

/// What a mail server refuses for good is given up and shown; others go on.
#[test]
fn an_address_that_does_not_exist_is_given_up() {
    let smtp = Smtp::start();
    let (server, issue) = with_issue(Options::new(Engine::Sqlite).mail_to(&smtp));
    sent(&server);
    smtp.refuse_for_ever("wang.tao@telecom.example");
    let lost = assign(
        &server,
        &issue,
        "没人收到",
        json!({"owner_email": "wang.tao@telecom.example"}),
    );
    assign(&server, &issue, "有人收到", json!({}));
    let all = sent(&server);
    let of = |title: &str| {
        all.iter()
            .find(|d| text(d, "subject").contains(title))
            .unwrap_or_else(|| panic!("no {title}: {all:?}"))
    };
    assert_eq!(text(of("有人收到"), "state"), "sent");
    let dead = of("没人收到");
    assert_eq!(
        (text(dead, "state"), &dead["attempts"]),
        ("dead", &json!(1)),
        "{dead}"
    );
    assert!(
        text(dead, "last_error").contains("550")
            || text(dead, "last_error").contains("no such person"),
        "{dead}"
    );
    let task = server
        .admin()
        .get(&format!("/api/v1/tasks/{}", text(&lost, "id")))
        .ok();
    assert_eq!(task["mail"]["state"], "dead", "{}", task["mail"]);
}

/// When the answer to a message is lost nobody knows; then it is sent again, recognisably the same.
#[test]
fn a_lost_answer_costs_one_copy() {
    let smtp = Smtp::start();
    smtp.hang_up_after(1);
    let (server, _) = with_issue(Options::new(Engine::Sqlite).mail_to(&smtp));
    sent(&server);
    let letters = smtp.letters_to(LI);
    assert_eq!(letters.len(), 2);
    assert_eq!(
        [letters[0].acknowledged, letters[1].acknowledged],
        [false, true]
    );
    let (first, second) = (letters[0].read(), letters[1].read());
    assert_eq!(first.message_id, second.message_id);
    assert_eq!(
        (first.subject, first.text),
        (second.subject, second.text),
        "the same words"
    );
}

/// Names and titles from people cannot bring headers of their own.
#[test]
fn names_and_titles_bring_no_headers() {
    let smtp = Smtp::start();
    smtp.ask_for_login("bihuan", "secret-of-the-mail-server");
    let (server, issue) = with_issue(Options::new(Engine::Sqlite).mail_to(&smtp));
    let admin = server.admin();
    let owner =
        json!({"email": LI, "name": "Mei\r\nBcc: all@telecom.example\u{202e}", "language": "en"});
    admin
        .put(
            &format!("/api/v1/departments/{PRODUCT}"),
            &json!({"key": PRODUCT, "name": PRODUCT, "owners": [owner]}),
        )
        .ok();
    assign(
        &server,
        &issue,
        "Plan\r\nBcc: all@telecom.example\r\n\r\n<b onmouseover=alert(1)>",
        json!({"description": "<script>alert(1)</script>\n.\nend"}),
    );
    until("the mail", || {
        (smtp.letters_to(LI).len() == 2).then_some(())
    });
    let letters = smtp.letters_to(LI);
    let letter: &Letter = letters
        .iter()
        .find(|l| l.read().subject.contains("Plan"))
        .expect("the offer");
    assert_eq!(letter.to, [LI]);
    let mail = letter.read();
    assert!(
        !mail.headers.iter().any(|(name, _)| name == "bcc"),
        "{:?}",
        mail.headers
    );
    assert!(
        !mail.html.contains("<script") && !mail.html.contains("<b onmouseover"),
        "{}",
        mail.html
    );
    assert!(
        mail.text.contains("\n.\n") || mail.text.contains("\r\n.\r\n"),
        "a line with one dot survives:\n{}",
        mail.text
    );
    let page = Page::open(&server.anonymous(), &mail.link(PUBLIC_URL));
    let html = page.reply.text();
    assert!(
        !html.contains("<script") && !html.contains("<b onmouseover"),
        "{html}"
    );
    assert!(!server.log().contains("secret-of-the-mail-server"));
    // The link is a key: no log holds it.
    let token = mail
        .link(PUBLIC_URL)
        .rsplit('/')
        .next()
        .expect("a token")
        .to_owned();
    assert!(token.len() >= 43, "256 bits: {token}");
    assert!(!server.log().contains(&token));
    assert!(
        server
            .database()
            .texts("SELECT token_hash AS t FROM action_link")
            .iter()
            .all(|h| !h.contains(&token))
    );
}

/// Links that only this machine can open are not mailed to other machines.
#[test]
fn real_mail_needs_a_real_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").display().to_string();
    let smtp = Smtp::start();
    for public in [
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:8080",
    ] {
        let command = |args: &[&str]| {
            Command::new(args)
                .set("BIHUAN_DATA_DIR", &data)
                .set("BIHUAN_MAIL", &smtp.url())
                .set("BIHUAN_PUBLIC_URL", public)
        };
        let said = command(&["serve", "--listen", "127.0.0.1:0"]).fails();
        assert!(
            said.contains("BIHUAN_PUBLIC_URL") && said.contains(public),
            "{said}"
        );
        let said = command(&["doctor"]).fails();
        assert!(
            said.contains("BIHUAN_PUBLIC_URL") || said.contains(public),
            "{said}"
        );
    }
    for (name, value) in [
        ("BIHUAN_MAIL", "pigeon://x"),
        ("BIHUAN_ADMIN_TOKEN", "short"),
        ("BIHUAN_PUBLIC_URL", "ftp://x"),
    ] {
        let said = Command::new(&["serve", "--listen", "127.0.0.1:0"])
            .set("BIHUAN_DATA_DIR", &data)
            .set(name, value)
            .fails();
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// Without SMTP every place says that nothing left the machine, and offers text and link.
#[test]
fn without_smtp_nothing_leaves_and_everything_says_so() {
    let (server, issue) = with_issue(Options::new(Engine::Sqlite));
    let task = assign(&server, &issue, "说明资费", json!({}));
    sent(&server);
    let admin = server.admin();
    assert_eq!(
        admin.get("/api/v1/session").ok()["mail"],
        json!({"leaves_machine": false, "transport": "mailbox"})
    );
    let kept = admin.get("/api/v1/mailbox").items();
    assert_eq!(kept.len(), 2);
    let mail = kept
        .iter()
        .find(|m| text(m, "subject").contains("说明资费"))
        .expect("the offer");
    assert_eq!(
        (&mail["sent_outside"], &mail["to"]),
        (&json!(false), &json!(LI))
    );
    assert!(text(mail, "message_id").starts_with('<'));
    assert_eq!(mail["headers"]["Auto-Submitted"], "auto-generated");
    let task = admin
        .get(&format!("/api/v1/tasks/{}", text(&task, "id")))
        .ok();
    let link = text(&task["mail"], "link");
    assert_eq!(task["mail"]["left_machine"], false);
    assert!(
        link.starts_with(&format!("http://{}/a/", server.address)),
        "{link}"
    );
    assert!(
        text(mail, "text").contains(link) && text(mail, "html").contains(link),
        "literally in both: {link}"
    );
    let page = Page::open(&server.anonymous(), link);
    assert_eq!(page.reply.status, 200);
    let said = server.command(&["doctor"]).ok();
    assert!(
        said.to_lowercase().contains("mailbox") || said.contains("leaves"),
        "{said}"
    );
}
