//! Answers by mail: a whole task without a page, over a real IMAP server.

use crate::world::{
    EMMA, LI, PRODUCT, SERVICE, contact, days_ago, furnish, issues, rated, send, task, text, watch,
};
use serde_json::{Value, json};
use std::time::Duration;
use tests::page::Page;
use tests::smtp::Mail;
use tests::wait::pass;
use tests::{
    Caller, Database, Dovecot, Engine, Options, Random, Server, Smtp, on_both_engines, report,
    time, until, until_within,
};

/// The mailbox that answers come to, and what mails come from.
pub const VOC: &str = "voc@telecom.example";
/// Who assigns the tasks.
pub const MEI: &str = "mei@telecom.example";

/// A mail that a client writes.
#[derive(Clone, Default)]
pub struct Reply<'a> {
    pub from: &'a str,
    /// Set in every header of its own line.
    pub headers: Vec<String>,
    pub subject: String,
    words: &'a str,
    /// What the client puts below.
    quoted: String,
    charset: &'a str,
    file: Option<(&'a str, Vec<u8>)>,
}

impl<'a> Reply<'a> {
    /// As QQ does it.
    pub fn qq(to: &Mail, from: &'a str, words: &'a str) -> Self {
        Self {
            from,
            headers: vec![
                format!("In-Reply-To: <{}>", to.message_id),
                format!("References: <{}>", to.message_id),
            ],
            subject: format!("回复：{}", to.subject),
            words,
            quoted: format!(
                "\r\n\r\n------------------&nbsp;原始邮件&nbsp;------------------\r\n发件人: \"Bihuan 闭环\" <{VOC}>;\r\n\
                 发送时间: 2026年11月22日(星期天) 上午10:00\r\n主题: {}\r\n\r\n{}",
                to.subject, to.text
            ),
            charset: "utf-8",
            file: None,
        }
    }

    /// As Gmail does it.
    pub fn gmail(to: &Mail, from: &'a str, words: &'a str) -> Self {
        let quoted: String = to.text.lines().map(|l| format!("> {l}\r\n")).collect();
        Self {
            subject: format!("Re: {}", to.subject),
            quoted: format!(
                "\r\n\r\nOn Sun, Nov 22, 2026 at 10:00 AM Bihuan <{VOC}> wrote:\r\n\r\n{quoted}"
            ),
            ..Self::qq(to, from, words)
        }
    }

    /// Without anything that leads back, but for the subject.
    pub fn bare(to: &Mail, from: &'a str, words: &'a str) -> Self {
        Self {
            headers: Vec::new(),
            quoted: String::new(),
            ..Self::qq(to, from, words)
        }
    }

    pub fn raw(&self, id: &str) -> Vec<u8> {
        let encoding =
            encoding_rs::Encoding::for_label(self.charset.as_bytes()).expect("a charset");
        let text = format!("{}{}\r\n", self.words, self.quoted);
        let (body, _, lost) = encoding.encode(&text);
        assert!(!lost || self.charset != "utf-8");
        let mut head = format!(
            "Return-Path: <{}>\r\nFrom: <{}>\r\nTo: <{VOC}>\r\nDate: Sun, 22 Nov 2026 10:05:00 +0800\r\n\
             Message-ID: <{id}@client.example>\r\nSubject: {}\r\nMIME-Version: 1.0\r\n",
            self.from, self.from, self.subject
        );
        for header in &self.headers {
            head.push_str(&format!("{header}\r\n"));
        }
        let part = format!(
            "Content-Type: text/plain; charset={}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
            self.charset
        );
        let mut raw = Vec::new();
        match &self.file {
            None => {
                raw.extend_from_slice(format!("{head}{part}").as_bytes());
                raw.extend_from_slice(&body);
            }
            Some((name, content)) => {
                raw.extend_from_slice(
                    format!(
                        "{head}Content-Type: multipart/mixed; boundary=b0\r\n\r\n--b0\r\n{part}"
                    )
                    .as_bytes(),
                );
                raw.extend_from_slice(&body);
                raw.extend_from_slice(
                    format!(
                        "\r\n--b0\r\nContent-Type: application/pdf; name=\"{name}\"\r\n\
                         Content-Disposition: attachment; filename=\"{name}\"\r\n\
                         Content-Transfer-Encoding: 8bit\r\n\r\n"
                    )
                    .as_bytes(),
                );
                raw.extend_from_slice(content);
                raw.extend_from_slice(b"\r\n--b0--\r\n");
            }
        }
        raw
    }
}

/// A subject as RFC 2047 writes it, a few letters a word.
fn encoded(subject: &str) -> String {
    let letters: Vec<char> = subject.chars().collect();
    let words: Vec<String> = letters
        .chunks(7)
        .map(|some| {
            let bytes = some.iter().collect::<String>().into_bytes();
            let hex: String = bytes.iter().map(|b| format!("={b:02X}")).collect();
            format!("=?UTF-8?Q?{hex}?=")
        })
        .collect();
    words.join("\r\n ")
}

/// A server that sends to `smtp` and reads `dovecot`, with an issue; whoever assigns has an address.
struct World {
    server: Server,
    smtp: Smtp,
    dovecot: Dovecot,
    mei: Caller,
    issue: Value,
}

pub fn log_in(server: &Server) -> Caller {
    let password = "correct horse battery";
    let user = json!({"email": MEI, "name": "梅姐", "role": "voc_owner", "password": password});
    server.admin().post("/api/v1/users", &user).ok();
    let anonymous = server.anonymous();
    let reply = anonymous.post(
        "/api/v1/session",
        &json!({"email": MEI, "password": password}),
    );
    let csrf = text(&reply.ok(), "csrf_token").to_owned();
    let set = reply.header("set-cookie").expect("a cookie").to_owned();
    let cookie = set.split(';').next().expect("a pair");
    anonymous.with("cookie", cookie).with("x-csrf-token", &csrf)
}

impl World {
    fn start(test: &str, engine: Engine, history: bool) -> Option<Self> {
        let dovecot = Dovecot::start(test)?;
        let smtp = Smtp::start();
        let server = Options::new(engine)
            .mail_to(&smtp)
            .set("BIHUAN_MAIL_FROM", VOC)
            .set("BIHUAN_MAIL_IN", &dovecot.url())
            .start();
        let admin = server.admin();
        furnish(&admin);
        watch(&admin);
        if history {
            send(&admin, &rated("before", days_ago(98, 36), 30, 0.70));
            send(&admin, &rated("after", days_ago(34, 1), 30, 0.95));
        }
        let voices: Vec<Value> = (0..51)
            .map(|n| contact(&format!("t{n}"), &time::just_now(60 - n), n as usize))
            .collect();
        send(&admin, &voices);
        let issue = issues(&admin)[0].clone();
        let mei = log_in(&server);
        Some(Self {
            server,
            smtp,
            dovecot,
            mei,
            issue,
        })
    }

    fn assign(&self, title: &str, more: Value) -> String {
        let due = (time::now() + chrono::TimeDelta::days(3)).to_rfc3339();
        let mut body =
            json!({"title": title, "description": "说明", "department": PRODUCT, "due_at": due});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let path = format!("/api/v1/issues/{}/tasks", text(&self.issue, "id"));
        text(&self.mei.post(&path, &body).ok(), "id").to_owned()
    }

    fn task(&self, id: &str) -> Value {
        task(&self.server.admin(), id)
    }

    /// The mail to `to` whose subject holds all of `words`.
    fn mail(&self, to: &str, words: &[&str]) -> Mail {
        until(&format!("a mail to {to} about {words:?}"), || {
            self.mails(to, words).into_iter().next_back()
        })
    }

    fn mails(&self, to: &str, words: &[&str]) -> Vec<Mail> {
        self.smtp
            .letters_to(to)
            .iter()
            .map(tests::Letter::read)
            .filter(|m| words.iter().all(|w| m.subject.contains(w)))
            .collect()
    }

    /// The line of the inbox about the mail of that number.
    fn read(&self, id: &str, raw: &[u8]) -> Value {
        let before = self.inbox().len();
        self.dovecot.deliver(raw);
        until(&format!("mail {id} is read"), || {
            let all = self.inbox();
            (all.len() > before).then(|| all[0].clone())
        })
    }

    fn inbox(&self) -> Vec<Value> {
        self.server.admin().get("/api/v1/inbox?limit=500").ok()["items"]
            .as_array()
            .expect("items")
            .clone()
    }

    fn kinds(&self, id: &str) -> Vec<String> {
        self.task(id)["timeline"]
            .as_array()
            .expect("a timeline")
            .iter()
            .map(|e| text(e, "kind").to_owned())
            .collect()
    }

    fn deliveries(&self) -> usize {
        self.server
            .database()
            .count("SELECT COUNT(*) AS n FROM delivery") as usize
    }
}

on_both_engines! {
    /// From the offer to the verdict without a page: QQ in GBK, Outlook, Gmail, a file, a date that is
    /// agreed, a question that is answered.
    fn a_whole_task_by_mail_only(engine) {
        let Some(world) = World::start("a_whole_task_by_mail_only", engine, true) else { return };
        let title = "把套餐资费说清楚";
        let id = world.assign(title, json!({"contract": {"metric": "csat", "alarm_day": time::ago(49)}}));
        let offer = world.mail(LI, &[title, "[BH-"]);
        assert_eq!(offer.reply_to.as_deref(), Some(VOC));
        assert!(offer.text.lines().next().expect("a line").contains("BH-"), "{}", offer.text);
        assert!(offer.html.contains("请保留此行") && offer.text.contains("延期到"), "{}", offer.text);
        assert_eq!(offer.header("thread-index").expect("an index").len(), 32, "22 bytes");

        let gbk = Reply { charset: "gbk", ..Reply::qq(&offer, "li.mei@qq.com", "接受，谢谢") };
        let read = world.read("1", &gbk.raw("1"));
        assert_eq!((text(&read, "outcome"), &read["details"]["matched_by"]), ("acted", &json!("token")), "{read}");
        assert_eq!(world.task(&id)["state"], "accepted");
        let told = world.mail(MEI, &["已接受任务", title]);
        assert_eq!(told.in_reply_to, std::slice::from_ref(&offer.message_id));
        assert_eq!(told.header("thread-index").expect("an index").len(), 36, "27 bytes");

        let outlook = Reply {
            quoted: format!("\r\n\r\n________________________________\r\n发件人: Bihuan <{VOC}>\r\n发送时间: 2026年11月22日\r\n\
                             收件人: 李梅\r\n主题: {}\r\n\r\n{}", offer.subject, offer.text),
            ..Reply::qq(&offer, LI, "进度：６０％，短信模板已写好")
        };
        world.read("2", &outlook.raw("2"));
        let now = world.task(&id);
        assert_eq!((&now["state"], &now["percent"], &now["progress"][0]["comment"]),
                   (&json!("in_progress"), &json!(60), &json!("短信模板已写好")), "{now}");

        world.read("3", &Reply::gmail(&offer, LI, "提问：是否包含老用户？").raw("3"));
        let question = world.mail(MEI, &["有疑问", title]);
        assert!(question.text.contains("是否包含老用户"), "{}", question.text);
        // Whoever assigned it answers by mail too.
        let read = world.read("4", &Reply::gmail(&question, MEI, "包含，老用户优先。").raw("4"));
        assert_eq!((text(&read, "outcome"), &read["details"]["commands"]), ("acted", &json!(["answer"])), "{read}");
        assert!(world.mail(LI, &["梅姐答复了您"]).text.contains("老用户优先"));
        // A word more, without a question: passed on.
        let read = world.read("4b", &Reply::gmail(&question, MEI, "辛苦了").raw("4b"));
        assert_eq!(read["outcome"], "commented", "{read}");
        assert!(world.mail(LI, &["梅姐的回复"]).text.contains("辛苦了"));

        let day = (time::now() + chrono::TimeDelta::days(9)).with_timezone(&chrono_tz::Asia::Shanghai).date_naive();
        world.read("5", &Reply::qq(&offer, LI, &format!("延期到{}，供应商排期", day.format("%Y年%-m月%-d日"))).raw("5"));
        let before = world.task(&id)["due_at"].clone();
        let wish = world.mail(MEI, &["希望改期", title]);
        // The owner's six in the evening, on the clock of whoever reads it.
        let six = day.and_hms_opt(10, 0, 0).expect("a time").and_utc().with_timezone(&time::zone());
        assert!(wish.text.contains(&six.format("%Y-%m-%d %H:%M").to_string()), "{}", wish.text);
        world.read("6", &Reply::gmail(&wish, MEI, "同意").raw("6"));
        let after = world.task(&id)["due_at"].clone();
        assert_ne!(before, after);
        assert_eq!(after, json!(format!("{day}T10:00:00Z")), "six in the evening in Shanghai");
        world.mail(LI, &["同意改期"]);

        let live = time::ago(35);
        let words = format!("完成：短信写清月租和合约期，降档改为线上。上线时间 {live}");
        let done = Reply { file: Some(("方案.pdf", vec![b'%'; 5000])), ..Reply::gmail(&offer, LI, &words) };
        let read = world.read("7", &done.raw("7"));
        assert_eq!(read["details"]["files"], json!(["方案.pdf"]), "{read}");
        let now = world.task(&id);
        // The first look may have come by now.
        assert!(["done", "verifying", "verified"].contains(&text(&now, "state")), "{now}");
        assert_eq!((&now["attachments"][0]["name"], &now["attachments"][0]["size"]), (&json!("方案.pdf"), &json!(5000)));
        let completed = now["timeline"].as_array().expect("events").iter().find(|e| e["kind"] == "task.completed").expect("it").clone();
        assert_eq!((&completed["actor"]["via"], &completed["actor"]["name"]), (&json!("mail"), &json!("李梅")), "{completed}");

        let verdict = until_within(Duration::from_secs(90), "a verdict", || {
            let v = world.server.admin().get(&format!("/api/v1/tasks/{id}/verification"));
            (v.status == 200).then(|| v.ok()).filter(|v| v["verdict"] == "improved")
        });
        assert_eq!(verdict["verdict"], "improved");
        world.mail(LI, &["已验证有效", title]);
        until("every mail is marked as read", || (world.dovecot.seen() == 8).then_some(()));

        // Everything again under new numbers: nothing happens twice.
        let version = world.task(&id)["version"].clone();
        let deliveries = world.deliveries();
        world.dovecot.renumber();
        let database = world.server.database();
        until("the mailbox is read anew", || {
            (database.count("SELECT COUNT(*) AS n FROM mail_cursor WHERE last_uid = 8") == 1
                && database.count("SELECT COUNT(*) AS n FROM inbound_mail i, mail_cursor c WHERE i.uid_validity = c.uid_validity") == 0)
                .then_some(())
        });
        assert_eq!((world.task(&id)["version"].clone(), world.deliveries(), world.inbox().len()), (version, deliveries, 8));
        assert!(!world.server.log().contains("correct%20horse") && !world.server.log().contains("correct horse"));
    }

    /// Nobody is answered who did not write, and whoever does not speak our words gets one help.
    fn no_loops_and_one_help(engine) {
        let Some(world) = World::start("no_loops_and_one_help", engine, false) else { return };
        let id = world.assign("自动回复话术优化", json!({}));
        let offer = world.mail(LI, &["自动回复话术优化"]);
        let count = world.deliveries();
        let absent = Reply {
            headers: vec!["Auto-Submitted: auto-replied".into(), "X-Auto-Response-Suppress: All".into()],
            subject: format!("自动回复: {}", offer.subject),
            ..Reply::qq(&offer, LI, "接受")
        };
        for n in 0..3 {
            let read = world.read("absent", &absent.raw(&format!("absent{n}")));
            assert_eq!((text(&read, "outcome"), &read["details"]["reason"]), ("ignored", &json!("auto_submitted")));
        }
        let plain = Reply { headers: vec![], subject: format!("自动回复：{}", offer.subject), ..absent.clone() };
        assert_eq!(world.read("plain", &plain.raw("plain"))["details"]["reason"], "out_of_office");
        let own = world.smtp.letters_to(LI)[0].raw.clone();
        assert_eq!(world.read("own", &own)["details"]["reason"], "own_mail");
        let spam = Reply { from: "spam@elsewhere.example", subject: "offer".into(), words: "accept", charset: "utf-8", ..Reply::default() };
        assert_eq!(world.read("spam", &spam.raw("spam"))["outcome"], "unmatched");
        assert_eq!(world.deliveries(), count, "nobody was answered");
        assert_eq!(world.task(&id)["state"], "assigned");

        for (n, words) in ["建议先做灰度，电话 13912345678", "还有，先看看数据"].into_iter().enumerate() {
            let read = world.read("words", &Reply::qq(&offer, LI, words).raw(&format!("words{n}")));
            assert_eq!(read["outcome"], "commented", "{read}");
        }
        assert_eq!(world.kinds(&id).iter().filter(|k| *k == "task.commented").count(), 2);
        until("both are passed on", || (world.mails(MEI, &["回复了任务"]).len() == 2).then_some(()));
        let help = world.mail(LI, &["关于您的回复"]);
        assert!(help.text.contains("拒绝 原因") && !help.text.contains("13912345678"), "{}", help.text);
        assert_eq!(help.header("auto-submitted"), Some("auto-generated"));
        // Commands that cannot be are answered, but not for ever.
        for n in 0..7 {
            let read = world.read("decline", &Reply::qq(&offer, LI, "拒绝").raw(&format!("decline{n}")));
            assert_eq!((text(&read, "outcome"), &read["details"]["problem"]), ("answered", &json!("no_reason")), "{read}");
            assert_eq!(read["details"]["answered"], json!(n < 5), "{read}");
        }
        until("one help, five answers", || (world.mails(LI, &["关于您的回复"]).len() == 6).then_some(()));
        assert_eq!(world.task(&id)["state"], "assigned");
    }

    /// Who may act: the secret line is a right of its own; a subject alone needs the owner's address.
    fn what_proves_a_right(engine) {
        let Some(world) = World::start("what_proves_a_right", engine, false) else { return };
        let id = world.assign("说明资费", json!({}));
        let offer = world.mail(LI, &["说明资费"]);
        let stranger = world.read("a", &Reply::bare(&offer, "wang.tao@telecom.example", "接受").raw("a"));
        assert_eq!((text(&stranger, "outcome"), &stranger["details"]["reason"]), ("unmatched", &json!("not_the_person")));
        let mut forged = Reply::bare(&offer, LI, "接受");
        forged.headers = vec!["Authentication-Results: mx.telecom.example; spf=fail; dkim=none; dmarc=fail".into()];
        let read = world.read("b", &forged.raw("b"));
        assert_eq!((text(&read, "outcome"), &read["details"]["reason"]), ("refused", &json!("no_proof")), "{read}");
        assert_eq!(world.task(&id)["state"], "assigned");
        world.mail(LI, &["关于您的回复"]);
        let mut headers = Reply::bare(&offer, LI, "接受");
        headers.subject = "Re: hello".into();
        headers.headers = vec![format!("In-Reply-To: <{}>", offer.message_id)];
        let read = world.read("c", &headers.raw("c"));
        assert_eq!((text(&read, "outcome"), &read["details"]["matched_by"]), ("acted", &json!("headers")), "{read}");
        assert_eq!(world.task(&id)["state"], "accepted");
        // Some clients encode the whole subject and break it wherever it gets too long, through the tag too.
        let mut coded = Reply::bare(&offer, LI, "进度 10%");
        coded.subject = encoded(&coded.subject);
        assert!(!coded.subject.contains("[BH-"), "{}", coded.subject);
        let read = world.read("d", &coded.raw("d"));
        assert_eq!((text(&read, "outcome"), &read["details"]["matched_by"]), ("acted", &json!("subject")), "{read}");

        // Somebody forwarded the mail: whoever holds the secret acts, and the history says from where.
        let read = world.read("e", &Reply::gmail(&offer, "colleague@telecom.example", &format!("转交 {SERVICE} 归你们")).raw("e"));
        assert_eq!(read["outcome"], "acted", "{read}");
        let now = world.task(&id);
        assert_eq!((&now["state"], text(&now["owner"], "email")), (&json!("assigned"), EMMA));
        let note = now["timeline"].as_array().expect("events").iter().rev().find(|e| e["kind"] == "task.mail_received").expect("a note").clone();
        assert_eq!(note["data"]["from"], "colleague@telecom.example", "{note}");
        // With the task went the right.
        let read = world.read("f", &Reply::gmail(&offer, LI, "完成：都好了").raw("f"));
        assert_eq!((text(&read, "outcome"), &read["details"]["reason"]), ("refused", &json!("not_yours")), "{read}");
        until("the former owner is told", || (world.mails(LI, &["关于您的回复"]).len() == 2).then_some(()));
        let english = world.mail(EMMA, &["说明资费", "[BH-"]);
        assert!(english.text.contains("keep this line"), "{}", english.text);
        world.read("g", &Reply::gmail(&english, EMMA, "Accepted, extend to Dec 24").raw("g"));
        assert_eq!(world.task(&id)["state"], "accepted");
        assert!(world.kinds(&id).contains(&"task.due_proposed".to_owned()));
    }

    /// What led nowhere is put to its task by somebody who looks at it: words and files, and no command.
    fn a_stray_mail_is_put_to_its_task(engine) {
        let Some(world) = World::start("a_stray_mail_is_put_to_its_task", engine, false) else { return };
        let id = world.assign("补充材料", json!({}));
        let stray = Reply {
            from: "li.mei@private.example", subject: "完成情况".into(), words: "完成：都做好了，电话 13912345678", charset: "utf-8",
            file: Some(("证明.pdf", vec![b'%'; 700])), ..Reply::default()
        };
        let read = world.read("stray", &stray.raw("stray"));
        assert_eq!(read["outcome"], "unmatched", "{read}");
        let mail = format!("/api/v1/inbox/{}", text(&read, "id"));
        let shown = world.mei.get(&mail).ok();
        assert_eq!(shown["files"], json!(["证明.pdf"]), "{shown}");
        assert!(text(&shown, "words").contains("都做好了") && !text(&shown, "words").contains("13912345678"), "{shown}");
        world.server.role("viewer").get(&mail).problem(403, "not_allowed");
        let attach = format!("{mail}/attach");
        world.server.role("viewer").post(&attach, &json!({"task_id": id})).problem(403, "not_allowed");
        world.mei.post(&attach, &json!({"task_id": "x"})).problem(422, "invalid_field");
        world.mei.post(&attach, &json!({"task_id": text(&read, "id")})).problem(422, "invalid_field");
        let now = world.mei.post(&attach, &json!({"task_id": id})).ok();
        assert_eq!((text(&now, "outcome"), text(&now, "task_id"), &now["details"]["was"]), ("attached", id.as_str(), &json!("unmatched")), "{now}");
        world.mei.post(&attach, &json!({"task_id": id})).problem(409, "wrong_state");
        let task = world.task(&id);
        assert_eq!((&task["state"], &task["attachments"][0]["name"]), (&json!("assigned"), &json!("证明.pdf")), "{task}");
        let note = task["timeline"].as_array().expect("events").iter().rev().find(|e| e["kind"] == "task.mail_attached").expect("a note").clone();
        assert_eq!((&note["actor"]["name"], &note["data"]["from"]), (&json!("梅姐"), &json!("li.mei@private.example")), "{note}");
        assert_eq!(world.server.admin().get("/api/v1/inbox?outcome=attached").ok()["items"].as_array().expect("items").len(), 1);
    }

    /// What a task counts is told by reply, from the offer on: who reports or delivers has taken it. A figure that
    /// would be swallowed is refused with what can be said.
    fn progress_is_counted_by_mail(engine) {
        let Some(world) = World::start("progress_is_counted_by_mail", engine, false) else { return };
        let commands = |read: &Value| read["details"]["commands"].clone();
        let id = world.assign("改流程", json!({"kind": "process", "measures": ["画流程", "试运行", "培训新人"]}));
        let offer = world.mail(LI, &["改流程"]);
        assert!(offer.text.contains("2. ☐ 试运行") && !offer.text.contains("60% 说明"), "{}", offer.text);
        let read = world.read("1", &Reply::qq(&offer, LI, "第1项和第3项已完成，流程图见附件").raw("1"));
        assert_eq!((text(&read, "outcome"), commands(&read)), ("acted", json!(["accept", "advance"])), "{read}");
        let now = world.task(&id);
        assert_eq!((text(&now, "state"), &now["percent"], &now["progress"][0]["comment"]),
                   ("in_progress", &json!(66), &json!("流程图见附件")), "{now}");
        assert_eq!((&now["track"]["items"][2]["by"], &now["track"]["items"][1]["done_at"]), (&json!("李梅"), &Value::Null));
        world.read("2", &Reply::gmail(&offer, LI, "untick 3").raw("2"));
        assert_eq!(world.task(&id)["percent"], 33, "the first stays ticked");
        for (n, (words, problem)) in [("进度 66%", "counted"), ("完成 7", "no_item"), ("暂缓提醒到 2019年1月1日", "bad_reminder")].into_iter().enumerate() {
            let read = world.read("3", &Reply::qq(&offer, LI, words).raw(&format!("3{n}")));
            assert_eq!((text(&read, "outcome"), &read["details"]["problem"]), ("answered", &json!(problem)), "{words}: {read}");
        }
        let told = until("the answers are there", || Some(world.mails(LI, &["关于您的回复"])).filter(|m| m.len() == 3));
        assert!(told.iter().all(|m| m.text.contains("1. ☑ 画流程")), "{}", told[0].text);
        assert_eq!(world.task(&id)["percent"], 33);
        world.read("4", &Reply::qq(&offer, LI, "暂缓提醒到明天").raw("4"));
        assert!(world.kinds(&id).contains(&"task.snoozed".to_owned()), "{:?}", world.kinds(&id));

        let coverage = json!({"kind": "training", "track": {"by": "coverage", "group": "agents", "total": 60}, "owner_email": EMMA, "department": SERVICE});
        let id = world.assign("New tariffs", coverage);
        let offer = world.mail(EMMA, &["New tariffs"]);
        assert!(offer.text.contains("trained 45 of 60"), "{}", offer.text);
        let read = world.read("5", &Reply::gmail(&offer, EMMA, "Trained 45 of 64, nights follow").raw("5"));
        assert_eq!(commands(&read), json!(["accept", "advance"]), "{read}");
        let now = world.task(&id);
        assert_eq!((&now["track"]["trained"], &now["track"]["total"], &now["percent"]), (&json!(45), &json!(64), &json!(70)));
        let read = world.read("6", &Reply::gmail(&offer, EMMA, "trained 70").raw("6"));
        assert_eq!(read["details"]["problem"], "bad_count", "{read}");

        let id = world.assign("改界面", json!({"kind": "product_change"}));
        let offer = world.mail(LI, &["改界面"]);
        let read = world.read("7", &Reply::qq(&offer, LI, "接受，工单 处理中 https://jira.example/A-1").raw("7"));
        assert_eq!(commands(&read), json!(["accept", "advance"]), "{read}");
        let now = world.task(&id);
        assert_eq!((text(&now["track"], "url"), text(&now["track"], "ticket_state")), ("https://jira.example/A-1", "in_progress"));
        world.read("8", &Reply::qq(&offer, LI, "工单已完成").raw("8"));
        assert_eq!(world.task(&id)["percent"], 100);
        // One mail from the offer to the end.
        let id = world.assign("补发通知", json!({}));
        let offer = world.mail(LI, &["补发通知"]);
        let read = world.read("9", &Reply::qq(&offer, LI, "接受，完成 已补发短信").raw("9"));
        assert_eq!(commands(&read), json!(["accept", "complete"]), "{read}");
        assert_eq!(world.task(&id)["solution"], "已补发短信");
    }

    /// An approver decides by one word; a yes with conditions is none; what was decided stays so.
    fn an_approver_decides_by_mail(engine) {
        let Some(world) = World::start("an_approver_decides_by_mail", engine, false) else { return };
        let mut organisation = world.server.admin().get("/api/v1/organisation").ok();
        organisation["approvals"] = json!({"script_template": {"approver_email": null}});
        world.server.admin().put("/api/v1/organisation", &organisation).ok();
        let id = world.assign("新话术", json!({"kind": "script_template"}));
        let offer = world.mail(LI, &["新话术"]);
        world.read("1", &Reply::qq(&offer, LI, "完成 已改第三句").raw("1"));
        assert_eq!(world.task(&id)["state"], "awaiting_approval");
        // Nobody else is named: whoever gave the task approves it.
        let asked = world.mail(MEI, &["请审批"]);
        assert!(asked.text.contains("退回 原因") && asked.text.contains("已改第三句"), "{}", asked.text);
        for (n, (words, outcome, problem)) in
            [("同意，但请先补截图", "commented", "no_ruling"), ("退回", "answered", "no_reason")].into_iter().enumerate()
        {
            let read = world.read("2", &Reply::gmail(&asked, MEI, words).raw(&format!("2{n}")));
            assert_eq!((text(&read, "outcome"), &read["details"]["problem"]), (outcome, &json!(problem)), "{read}");
            assert_eq!(world.task(&id)["state"], "awaiting_approval", "{words}");
        }
        assert!(world.mail(LI, &["梅姐的回复"]).text.contains("请先补截图"), "the owner hears of it");
        let help = world.mails(MEI, &["关于您的回复"]);
        assert!(help.iter().all(|m| m.text.contains("退回 原因") && m.text.contains("/a/")), "{help:?}");
        let read = world.read("3", &Reply::gmail(&asked, MEI, "退回 缺截图").raw("3"));
        assert_eq!(read["details"]["commands"], json!(["reject"]), "{read}");
        assert_eq!(world.task(&id)["state"], "in_progress");
        assert!(world.mail(LI, &["没有同意"]).text.contains("缺截图"));
        // That round is over, whatever is said to its mail.
        let read = world.read("4", &Reply::gmail(&asked, MEI, "同意").raw("4"));
        assert_eq!((text(&read, "outcome"), &read["details"]["reason"]), ("refused", &json!("decided")), "{read}");
        world.read("5", &Reply::qq(&offer, LI, "完成 已补截图").raw("5"));
        let again = until("the second round", || Some(world.mails(MEI, &["请审批"])).filter(|m| m.len() == 2)).remove(1);
        let stranger = world.read("6", &Reply::bare(&again, LI, "同意").raw("6"));
        assert_ne!(stranger["outcome"], "acted", "nobody approves their own work: {stranger}");
        let read = world.read("7", &Reply::qq(&again, MEI, "同意，辛苦了").raw("7"));
        assert_eq!(read["details"]["commands"], json!(["approve"]), "{read}");
        let now = world.task(&id);
        assert!(["done", "verifying"].contains(&text(&now, "state")), "{now}");
        let event = now["timeline"].as_array().expect("events").iter().find(|e| e["kind"] == "task.approved").expect("it").clone();
        assert_eq!((&event["actor"]["via"], &event["data"]["comment"]), (&json!("mail"), &json!("辛苦了")), "{event}");
    }

    /// A link that has expired while its task is still its reader's is mailed anew to them and to nobody else, from
    /// the page and by a reply; nothing is done before.
    fn who_is_late_gets_a_new_link(engine) {
        let Some(world) = World::start("who_is_late_gets_a_new_link", engine, false) else { return };
        let id = world.assign("到期三", json!({}));
        let offer = world.mail(LI, &["到期三"]);
        let link = offer.link(tests::server::PUBLIC_URL);
        let anonymous = world.server.anonymous();
        let database = world.server.database();
        let expire = || database.run("UPDATE action_link SET expires_at = 1");
        expire();
        let page = Page::open(&anonymous, &link);
        assert_eq!(page.reply.status, 410);
        assert!(page.visible().contains("仍由您负责"), "{}", page.visible());
        for _ in 0..2 {
            let sent = page.submit(&anonymous, "renew", &[]);
            assert_eq!(sent.reply.status, 200, "{}", sent.visible());
        }
        let mail = world.mail(LI, &["您要的链接", "到期三"]);
        assert_eq!(mail.link(tests::server::PUBLIC_URL), link);
        assert_eq!(world.mails(LI, &["您要的链接"]).len(), 1, "once an hour");
        assert_eq!(Page::open(&anonymous, &link).reply.status, 200);
        expire();
        let read = world.read("late", &Reply::qq(&offer, LI, "接受").raw("late"));
        assert_eq!((text(&read, "outcome"), &read["details"]["reason"]), ("refused", &json!("late")), "{read}");
        assert_eq!(world.task(&id)["state"], "assigned");
        let answer = world.mail(LI, &["关于您的回复"]);
        assert!(answer.text.contains("再回复一次") && answer.text.contains("/a/"), "{}", answer.text);
        world.read("again", &Reply::qq(&answer, LI, "接受").raw("again"));
        assert_eq!(world.task(&id)["state"], "accepted");
    }

    /// The console settles a date that was asked for, as the word of a mail does.
    fn the_console_agrees_to_a_date(engine) {
        let Some(world) = World::start("the_console_agrees_to_a_date", engine, false) else { return };
        let id = world.assign("供应商排期", json!({}));
        let path = format!("/api/v1/tasks/{id}/due");
        let offer = world.mail(LI, &["供应商排期"]);
        world.mei.post(&format!("{path}/refuse"), &json!({"reason": "没有人问"})).problem(409, "wrong_state");
        let read = world.read("1", &Reply::qq(&offer, LI, "延期一周，供应商排期").raw("1"));
        assert_eq!(read["details"]["commands"], json!(["due"]), "{read}");
        let before = world.task(&id);
        let wish = &before["proposed_due"];
        assert_eq!((text(wish, "by"), text(wish, "comment")), ("李梅", "延期一周，供应商排期"), "{wish}");
        assert!(world.mail(MEI, &["希望改期"]).text.contains("现在是"), "the present date stands beside it");
        let wished = text(wish, "due_at").to_owned();
        world.server.role("viewer").post(&path, &json!({"due_at": wished})).problem(403, "not_allowed");
        world.mei.post(&format!("{path}/refuse"), &json!({"reason": " "})).problem(422, "invalid_field");
        let kept = world.mei.post(&format!("{path}/refuse"), &json!({"reason": "客户在等，电话 13912345678"})).ok();
        assert_eq!((&kept["proposed_due"], &kept["due_at"]), (&Value::Null, &before["due_at"]));
        let told = world.mail(LI, &["没有同意改期"]);
        assert!(told.text.contains("客户在等") && !told.text.contains("13912345678"), "{}", told.text);
        world.read("2", &Reply::qq(&offer, LI, "延期一周，还是不行").raw("2"));
        world.mei.post(&path, &json!({"due_at": "2020-01-01T00:00:00Z"})).problem(422, "invalid_field");
        let agreed = world.mei.with("idempotency-key", "agree-once").post(&path, &json!({"due_at": wished, "comment": "可以"})).ok();
        assert_eq!((text(&agreed, "due_at"), &agreed["proposed_due"]), (wished.as_str(), &Value::Null));
        world.mei.with("idempotency-key", "agree-once").post(&path, &json!({"due_at": wished, "comment": "可以"})).ok();
        assert!(world.mail(LI, &["梅姐同意改期"]).text.contains("可以"));
        let events = world.kinds(&id);
        let count = |kind: &str| events.iter().filter(|k| *k == kind).count();
        assert_eq!(["task.due_proposed", "task.due_refused", "task.due_changed"].map(count), [2, 1, 1], "{events:?}");
    }

    /// The page asks for another date as a reply does, and the assigner's word by mail settles it.
    fn the_page_asks_for_another_date(engine) {
        let Some(world) = World::start("the_page_asks_for_another_date", engine, false) else { return };
        let id = world.assign("供应商排期", json!({}));
        let link = world.mail(LI, &["供应商排期"]).link(tests::server::PUBLIC_URL);
        let anonymous = world.server.anonymous();
        let page = Page::open(&anonymous, &link);
        let page = page.submit(&anonymous, "accept", &[]);
        let day = (time::now() + chrono::TimeDelta::days(9)).with_timezone(&chrono_tz::Asia::Shanghai).date_naive();
        let before = world.task(&id)["due_at"].clone();
        for wrong in ["", "2020-01-01", "2999-01-01"] {
            let said = Page::open(&anonymous, &link).submit(&anonymous, "extend", &[("due", wrong)]);
            assert_eq!(said.reply.status, 422, "{wrong}: {}", said.visible());
        }
        assert!(!world.kinds(&id).contains(&"task.due_proposed".to_owned()));
        let form = page.form("extend");
        let filled = [("due", day.to_string()), ("comment", "供应商要两周".to_owned())];
        let filled: Vec<(&str, &str)> = filled.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let page = page.press(&anonymous, &form, &filled);
        assert_eq!(page.reply.status, 200, "{}", page.visible());
        assert!(page.visible().contains(&format!("{day} 18:00")) && page.visible().contains("等待指派人同意"), "{}", page.visible());
        let again = page.press(&anonymous, &form, &filled);
        assert!(again.visible().contains("没有重复执行"), "{}", again.visible());
        assert_eq!(world.kinds(&id).iter().filter(|k| *k == "task.due_proposed").count(), 1, "pressed twice, asked once");
        assert_eq!(world.task(&id)["due_at"], before, "asked is not agreed");
        let wish = world.mail(MEI, &["希望改期", "供应商排期"]);
        assert!(wish.text.contains("供应商要两周"), "{}", wish.text);
        world.read("yes", &Reply::gmail(&wish, MEI, "同意").raw("yes"));
        assert_eq!(world.task(&id)["due_at"], json!(format!("{day}T10:00:00Z")));
        assert!(!Page::open(&anonymous, &link).visible().contains("等待指派人同意"));
    }

    /// Bytes of mails are kept for 90 days and no longer; what became of them stays.
    fn old_mails_are_forgotten(engine) {
        let Some(mut world) = World::start("old_mails_are_forgotten", engine, false) else { return };
        let spam = |n: &str| Reply { from: "spam@elsewhere.example", subject: n.into(), words: "hello", charset: "utf-8", ..Reply::default() };
        let old = world.read("old", &spam("old").raw("old"));
        let young = world.read("young", &spam("young").raw("young"));
        let day = 86_400_000_000_i64;
        let database = world.server.database();
        for (mail, days) in [(&old, 91), (&young, 89)] {
            database.run(&format!("UPDATE inbound_mail SET read_at = read_at - {} WHERE id = '{}'", days * day, text(mail, "id")));
        }
        world.server.restart();
        until("the old one is forgotten", || {
            (database.count("SELECT COUNT(*) AS n FROM inbound_mail WHERE raw IS NULL") == 1).then_some(())
        });
        let raw = |mail: &Value| world.server.admin().get(&format!("/api/v1/inbox/{}/raw", text(mail, "id")));
        raw(&old).problem(404, "not_found");
        assert!(raw(&young).text().contains("hello"));
        assert_eq!(world.inbox().len(), 2, "their lines stay");
    }

    /// A dead address is closed, its tasks are flagged, what would go there waits, and an administrator
    /// opens it again.
    fn bounces_close_an_address(engine) {
        let Some(world) = World::start("bounces_close_an_address", engine, false) else { return };
        let wang = "wang.tao@telecom.example";
        let to_wang = json!({"owner_email": wang});
        let first = world.assign("第一项", to_wang.clone());
        let mails: Vec<Mail> = ["第一项", "第二项"].map(|title| {
            if title == "第二项" {
                world.assign(title, to_wang.clone());
            }
            world.mail(wang, &[title])
        }).to_vec();
        let dsn = |about: &str, at: &str, n: usize| format!(
            "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.telecom.example\r\nTo: <{VOC}>\r\nSubject: Undelivered Mail Returned to Sender\r\n\
             Auto-Submitted: auto-replied\r\nMessage-ID: <dsn{n}@mx>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n\
             Final-Recipient: rfc822; {at}\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{about}>\r\nSubject: x\r\n\r\n--b--\r\n"
        );
        let addresses = || world.server.admin().get("/api/v1/addresses").items();
        // A report about another address closes nobody's.
        assert_eq!(world.read("x", dsn(&mails[0].message_id, LI, 9).as_bytes())["details"]["reason"], "not_about_its_recipient");
        assert_eq!(world.read("y", dsn("nobody@example.com", wang, 8).as_bytes())["details"]["reason"], "not_about_our_mail");
        let read = world.read("1", dsn(&mails[0].message_id, wang, 1).as_bytes());
        assert_eq!((text(&read, "outcome"), &read["details"]["severity"]), ("bounce", &json!("hard")), "{read}");
        // The same mail comes back twice: one bounce.
        world.read("1b", dsn(&mails[0].message_id, wang, 11).as_bytes());
        assert_eq!((&addresses()[0]["hard_bounces"], &addresses()[0]["disabled_at"]), (&json!(1), &Value::Null));
        assert_eq!(world.task(&first)["owner"]["unreachable"], false);
        world.read("2", dsn(&mails[1].message_id, wang, 2).as_bytes());
        assert!(addresses()[0]["disabled_at"].is_string(), "{:?}", addresses());
        let came_back: Vec<Value> = world.server.admin().get("/api/v1/outbox?state=sent").items().into_iter().filter(|d| d["bounced"] == "hard").collect();
        assert_eq!(came_back.len(), 2, "{came_back:?}");
        assert!(text(&came_back[0], "bounce_reason").contains("user unknown") && came_back[0]["target"] == wang);
        assert_eq!(world.task(&first)["owner"]["unreachable"], true);
        assert!(world.kinds(&first).contains(&"task.owner_unreachable".to_owned()));
        // One fact is one mail, however many tasks it is about.
        let told = world.mail(MEI, &["邮件送不到王涛", "等 2 项任务"]);
        assert!(told.text.contains("第一项") && told.text.contains("第二项"), "{}", told.text);
        assert_eq!(world.mails(MEI, &["邮件送不到王涛"]).len(), 1);

        let sent = world.smtp.letters_to(wang).len();
        let third = world.assign("第三项", to_wang);
        let held = until("the offer is held", || {
            world.server.admin().get("/api/v1/outbox?state=held").items().into_iter().next()
        });
        assert_eq!((text(&held, "hold"), &held["held_until"], text(&held, "task_id")), ("address_disabled", &Value::Null, third.as_str()));
        assert!(world.kinds(&third).contains(&"task.owner_unreachable".to_owned()));
        assert_eq!(world.smtp.letters_to(wang).len(), sent);
        let path = format!("/api/v1/addresses/{wang}/enable");
        world.mei.post(&path, &json!({})).problem(403, "not_allowed");
        assert_eq!(world.server.admin().post(&path, &json!({})).ok()["released"], 1);
        world.mail(wang, &["第三项"]);
        assert!(addresses().is_empty());
        assert_eq!(world.task(&first)["owner"]["unreachable"], false);
    }
}

/// Leases of a killed server lapse at once instead of after half a minute.
pub fn lapse(database: &Database) {
    database.run("UPDATE mail_cursor SET lease_until = 0");
    database.run("UPDATE job SET lease_until = 0 WHERE state = 'running'");
}

fn rounds() -> u64 {
    std::env::var("BIHUAN_KILL_ROUNDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(4)
}

on_both_engines! {
    /// Killed while it reads: every mail acts, and acts once.
    fn a_killed_reader_acts_once(engine) {
        const MAILS: u64 = 15;
        let Some(mut world) = World::start("a_killed_reader_acts_once", engine, false) else { return };
        let id = world.assign("逐条上报", json!({}));
        let offer = world.mail(LI, &["逐条上报"]);
        world.read("accept", &Reply::qq(&offer, LI, "接受").raw("accept"));
        let mut random = Random::of("kill reader");
        let (mut middle, mut sent) = (0, 0);
        let database = world.server.database();
        let read = |database: &Database| database.count("SELECT COUNT(*) AS n FROM inbound_mail") as u64 - 1;
        for round in 0..rounds() {
            for n in 0..MAILS {
                let words = format!("进度 {}% 第{round}-{n}封", n);
                world.dovecot.deliver(&Reply::gmail(&offer, LI, &words).raw(&format!("r{round}-{n}")));
                sent += 1;
            }
            // Somewhere between the first and the last mail of the round, as it happens.
            let target = sent - MAILS + random.below(MAILS);
            let started = std::time::Instant::now();
            while read(&database) <= target && started.elapsed() < Duration::from_secs(20) {
                pass(Duration::from_millis(1 + random.below(10)));
            }
            world.server.kill9();
            middle += u64::from(read(&database) < sent);
            lapse(&database);
            world.server.restart();
        }
        until_within(Duration::from_secs(120), "every mail is read", || (read(&database) == sent).then_some(()));
        let now = world.task(&id);
        let mut comments: Vec<&str> = now["progress"].as_array().expect("reports").iter().map(|p| text(p, "comment")).collect();
        assert_eq!(comments.len() as u64, sent, "reports of {sent} mails");
        comments.sort_unstable();
        comments.dedup();
        assert_eq!(comments.len() as u64, sent, "none twice");
        let events = world.kinds(&id);
        assert_eq!(events.iter().filter(|k| *k == "task.progress").count() as u64, sent);
        assert_eq!(events.iter().filter(|k| *k == "task.mail_received").count() as u64, sent + 1);
        let n = rounds();
        report(&format!("kill reader of mails on {engine:?}: {sent} mails, {n} kills ({middle} in the middle), 0 lost, 0 acted twice"));
    }
}
