//! Power cuts: killed in the middle, started again, and then nothing is lost and nothing is there twice.
//!
//! The ledger of each test is printed. `BIHUAN_KILL_ROUNDS` sets how often; the gate has time for a few.

use crate::world::{
    COMPLAINTS, LI, OUTAGES, PRODUCT, contact, days_ago, furnish, issues, rated, send, text, watch,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};
use tests::http::Part;
use tests::wait::pass;
use tests::{
    Caller, Database, Engine, Options, Random, Server, Smtp, on_both_engines, report, until,
    until_within,
};

fn rounds() -> u64 {
    std::env::var("BIHUAN_KILL_ROUNDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(4)
}

/// A file with ids; the rows of one and the same customer and topic come back now and then.
fn file(prefix: &str, rows: usize) -> String {
    let mut csv = "工单编号,受理时间,工单内容,满意度,客户号码\r\n".to_owned();
    for n in 0..rows {
        let said = if n % 3 == 0 {
            OUTAGES[n % OUTAGES.len()]
        } else {
            COMPLAINTS[n % COMPLAINTS.len()]
        };
        let day = tests::time::ago(5 + (n as u64 * 7) % 90).format("%Y/%m/%d");
        csv.push_str(&format!(
            "{prefix}{n:05},{day} {}:{:02},{said},{},K{}\r\n",
            8 + n % 12,
            n % 60,
            1 + n % 5,
            n % 400
        ));
    }
    csv
}

/// No key of what people count on stands twice, and facts are what voices say.
fn nothing_twice(server: &Server, database: &Database) {
    for (table, key) in [
        ("feedback", "channel || '/' || external_id"),
        ("feedback", "id"),
        ("label", "feedback_id"),
        ("issue", "issue_key"),
        ("task", "id"),
        ("delivery", "dedupe_key"),
        ("article", "task_id"),
    ] {
        let twice = database.texts(&format!(
            "SELECT {key} AS t FROM {table} GROUP BY {key} HAVING COUNT(*) > 1"
        ));
        assert_eq!(twice, Vec::<String>::new(), "twice in {table}");
    }
    server.command(&["rebuild-facts", "--check"]).ok();
}

/// Waits until every stored voice has its label.
fn labelled(database: &Database) {
    until_within(Duration::from_secs(120), "every voice is labelled", || {
        let waiting =
            database.count("SELECT COUNT(*) AS n FROM job WHERE kind IN ('analyse', 'import')");
        let bare = database.count(
            "SELECT COUNT(*) AS n FROM feedback f WHERE NOT EXISTS (SELECT 1 FROM label l WHERE l.feedback_id = f.id)",
        );
        (waiting == 0 && bare == 0).then_some(())
    });
}

on_both_engines! {
    /// The command is killed while it imports, again and again; in the end every row is there once.
    fn a_killed_import_command_loses_and_doubles_nothing(engine) {
        const ROWS: usize = 4000;
        let server = Server::start(engine);
        furnish(&server.admin());
        let path = server.folder().join("orders.csv");
        fs::write(&path, file("C", ROWS)).expect("a file");
        let path = path.display().to_string();
        let database = server.database();
        let count = || database.count("SELECT COUNT(*) AS n FROM feedback");
        let mut random = Random::of("kill command");
        let (mut kills, mut middle, mut before) = (0, 0, 0);
        let log = server.folder().join("import.log");
        for _ in 0..rounds() {
            let mut child = server.command(&["import", &path, "--channel", "hotline"]).start(&log);
            // Somewhere between the first batch and the last.
            let started = Instant::now();
            let target = before + random.below(ROWS as u64 / 2) as i64;
            while count() <= target && started.elapsed() < Duration::from_secs(20) {
                if child.try_wait().expect("a child").is_some() {
                    break;
                }
                pass(Duration::from_millis(1 + random.below(15)));
            }
            child.kill().expect("it can be killed");
            kills += i64::from(child.wait().expect("it ends").code().is_none());
            let now = count();
            assert!(now >= before, "acknowledged rows went from {before} to {now}");
            middle += i64::from(now < ROWS as i64 && now > 0);
            before = now;
        }
        server.command(&["import", &path, "--channel", "hotline"]).ok();
        assert_eq!(count(), ROWS as i64);
        labelled(&database);
        nothing_twice(&server, &database);
        server.command(&["import", &path, "--channel", "hotline"]).ok();
        assert_eq!(count(), ROWS as i64);
        report(&format!("kill import command on {engine:?}: {ROWS} rows, {kills} kills ({middle} in the middle), 0 lost, 0 twice"));
    }

    /// The server is killed while it works through uploaded files; after each start it goes on.
    fn a_killed_server_finishes_its_imports(engine) {
        const ROWS: usize = 2500;
        let mut server = Server::start(engine);
        furnish(&server.admin());
        let mut random = Random::of("kill server");
        let (mut middle, mut imports) = (0, Vec::new());
        for round in 0..rounds() {
            let content = file(&format!("R{round}-"), ROWS);
            let parts = [
                Part { name: "file", file_name: Some("orders.csv"), content: content.as_bytes() },
                Part { name: "channel", file_name: None, content: b"hotline" },
            ];
            let reply = server.admin().post_parts("/api/v1/imports", &parts);
            assert_eq!(reply.status, 202, "{}", reply.text());
            imports.push(text(&reply.json(), "id").to_owned());
            pass(Duration::from_millis(random.below(500)));
            server.kill9();
            server.restart();
            let admin = server.admin();
            let running = |id: &String| admin.get(&format!("/api/v1/imports/{id}")).ok()["state"] == "running";
            middle += i64::from(imports.iter().any(running));
        }
        let started = Instant::now();
        let admin = server.admin();
        for id in &imports {
            let done = until_within(Duration::from_secs(120), "the import goes on after the kill", || {
                let import = admin.get(&format!("/api/v1/imports/{id}")).ok();
                assert_ne!(import["state"], "failed", "{import}");
                (import["state"] == "done").then_some(import)
            });
            let counted = ["accepted", "updated", "duplicates", "rejected"].map(|f| done[f].as_i64().expect("a count"));
            assert_eq!(counted, [ROWS as i64, 0, 0, 0], "what it says of itself: {done}");
        }
        let recovery = started.elapsed();
        let database = server.database();
        labelled(&database);
        let all = rounds() as i64 * ROWS as i64;
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM feedback"), all);
        nothing_twice(&server, &database);
        let n = rounds();
        report(&format!(
            "kill server in imports on {engine:?}: {all} rows, {n} kills ({middle} in the middle), 0 lost, 0 twice, done {:.1} s after the last start",
            recovery.as_secs_f64()
        ));
    }

    /// The server is killed while clients send: what was acknowledged is there.
    fn what_was_acknowledged_is_durable(engine) {
        let mut server = Server::start(engine);
        furnish(&server.admin());
        let mut random = Random::of("kill clients");
        let mut ledger: Vec<String> = Vec::new();
        let mut unsure: Vec<Value> = Vec::new();
        for round in 0..rounds() {
            let until_kill = Duration::from_millis(80 + random.below(300));
            let caller = server.admin();
            let client = std::thread::spawn(move || client(&caller, round));
            pass(until_kill);
            server.kill9();
            let (acknowledged, open) = client.join().expect("the client ends with the server");
            ledger.extend(acknowledged);
            unsure.extend(open);
            server.restart();
        }
        let database = server.database();
        let kept: std::collections::BTreeSet<String> =
            database.texts("SELECT external_id AS t FROM feedback").into_iter().collect();
        let lost: Vec<&String> = ledger.iter().filter(|id| !kept.contains(*id)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        // Nobody knows of the last ones: sent again they are there once.
        let admin = server.admin();
        for batch in &unsure {
            admin.post("/api/v1/feedback", batch).ok();
        }
        labelled(&database);
        let uncertain: usize = unsure.iter().map(|b| b["items"].as_array().map_or(0, Vec::len)).sum();
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM feedback"), (ledger.len() + uncertain) as i64);
        nothing_twice(&server, &database);
        let n = rounds();
        report(&format!(
            "kill server under clients on {engine:?}: {} acknowledged, {uncertain} uncertain, {n} kills, 0 lost, 0 twice",
            ledger.len()
        ));
    }

    /// The server is killed while mails go out: every mail arrives, at most one copy more per kill, and
    /// a copy has the Message-ID of its original.
    fn a_killed_mail_run_sends_every_mail(engine) {
        const TASKS: usize = 12;
        let smtp = Smtp::start();
        let mut server = Options::new(engine).mail_to(&smtp).start();
        let admin = server.admin();
        furnish(&admin);
        watch(&admin);
        let voices: Vec<Value> = (0..51).map(|n| contact(&format!("t{n}"), &tests::time::just_now(60 - n), n as usize)).collect();
        send(&admin, &voices);
        let issue = issues(&admin)[0].clone();
        until("the notice", || (smtp.letters().len() == 1).then_some(()));
        // Slow enough that a kill falls between the message and the answer.
        smtp.be_slow(Duration::from_millis(60));
        let mut random = Random::of("kill mails");
        let mut kills = 0;
        let mut tasks = Vec::new();
        for round in 0..rounds() {
            for n in 0..TASKS {
                let title = format!("任务 {round}-{n}");
                tasks.push(assign(&server.admin(), &issue, &title));
            }
            pass(Duration::from_millis(random.below(500)));
            server.kill9();
            kills += 1;
            server.restart();
        }
        let admin = server.admin();
        let all = until_within(Duration::from_secs(150), "every mail is sent", || {
            let mut all = Vec::new();
            let mut cursor = String::new();
            loop {
                let page = admin.get(&format!("/api/v1/outbox?limit=200{cursor}")).ok();
                all.extend(page["items"].as_array().expect("items").clone());
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            all.iter().all(|d| d["state"] == "sent").then_some(all)
        });
        assert_eq!(all.len(), tasks.len() + 1, "one delivery a task, one for the notice");
        // A killed attempt may still be talking to us.
        let mut copies: BTreeMap<String, usize> = BTreeMap::new();
        let letters = smtp.letters_to(LI);
        for letter in &letters {
            let mail = letter.read();
            *copies.entry(format!("{} {}", mail.message_id, mail.subject)).or_default() += 1;
        }
        assert_eq!(copies.len(), tasks.len() + 1, "every mail arrived, and a copy is a copy: {copies:?}");
        for title in &tasks {
            assert!(copies.keys().any(|k| k.contains(&format!("{title} ["))), "no mail about {title}");
        }
        let extra = letters.len() - copies.len();
        // Some mails are under way at the same time; each kill may catch each of them once.
        let most = copies.values().copied().max().unwrap_or(0);
        assert!(most <= 1 + kills, "{most} copies of one mail after {kills} kills");
        assert!(extra <= kills * 4, "{extra} copies after {kills} kills");
        let database = server.database();
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM task"), tasks.len() as i64);
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM issue"), 1);
        nothing_twice(&server, &database);
        report(&format!(
            "kill mail run on {engine:?}: {} mails, {kills} kills, 0 lost, {extra} extra copies (same Message-ID), 0 deliveries twice",
            copies.len()
        ));
    }

    /// The server is killed while it labels anew what a former classifier labelled: it goes on where it
    /// stopped, every voice counts once, and the verdict that waited for it falls once.
    fn a_killed_relabelling_counts_every_voice_once(engine) {
        let mut server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        send(&admin, &rated("before", days_ago(98, 36), 30, 0.70));
        send(&admin, &rated("after", days_ago(34, 1), 30, 0.95));
        let id = fixed(&admin, 35);
        until("the look that follows a late report", || {
            let v = admin.get(&format!("/api/v1/tasks/{id}/verification"));
            (v.status == 200 && v.ok()["verdict"] == "improved").then_some(())
        });
        let database = server.database();
        let old = |condition: &str| database.count(&format!("SELECT COUNT(*) AS n FROM label WHERE ruler LIKE '%@old-%'{condition}"));
        let labels = database.count("SELECT COUNT(*) AS n FROM label");
        let limit = (tests::time::now() - chrono::TimeDelta::days(36)).timestamp_micros();
        database.run(&format!("UPDATE label SET ruler = REPLACE(ruler, '@', '@old-'), data = REPLACE(data, '\"classifier_version\":\"', '\"classifier_version\":\"old-') WHERE ruler <> '' AND occurred_at < {limit}"));
        let all = old("");
        let pending = evaluate(&admin, &id);
        assert_eq!(pending["verdict"], "pending", "{pending}");
        let mut random = Random::of("kill relabelling");
        let (mut kills, mut middle) = (0, 0);
        let mut before = all;
        while kills < rounds() as i64 * 2 {
            // Somewhere between two of its steps, or before the first, or after the last.
            let started = Instant::now();
            while old("") == before && before > 0 && started.elapsed() < Duration::from_secs(20) {
                pass(Duration::from_millis(1 + random.below(20)));
            }
            server.kill9();
            kills += 1;
            let left = old("");
            assert!(left <= before, "labelled anew and lost: {left} of {before}");
            middle += i64::from(left > 0 && left < all);
            before = left;
            lapse(&database);
            server.restart();
        }
        let admin = server.admin();
        let verdict = until_within(Duration::from_secs(120), "a verdict by one ruler", || {
            let v = admin.get(&format!("/api/v1/tasks/{id}/verification")).ok();
            (v["verdict"] != "pending").then_some(v)
        });
        until("no job is left", || {
            (database.count("SELECT COUNT(*) AS n FROM job WHERE kind = 'relabel'") == 0).then_some(())
        });
        assert_eq!(verdict["verdict"], "improved", "{verdict}");
        assert_eq!(old(""), 0);
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM label"), labels);
        // The baseline ends before the two weeks of the alarm.
        assert_eq!(verdict["before"]["n"], 30 * (63 - 14), "every voice counts once: {verdict}");
        // What it says by two rulers is no verdict: the one of before stays until the labels are one.
        once_a_change(&server, &database, &id, &["improved"]);
        nothing_twice(&server, &database);
        report(&format!("kill relabelling on {engine:?}: {all} labels, {kills} kills ({middle} in the middle), 0 lost, 0 counted twice, 1 verdict"));
    }

    /// The server is killed while it judges, by night and because of late data: one line of history, one
    /// mail and one article for every change, however often a look begins.
    fn a_killed_look_judges_once(engine) {
        let mut server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        send(&admin, &rated("before", days_ago(110, 32), 24, 0.72));
        send(&admin, &rated("after", days_ago(30, 1), 24, 0.92));
        let id = fixed(&admin, 31);
        let database = server.database();
        let mut random = Random::of("kill looks");
        let mut kills = 0;
        let mut middle = 0;
        // The look is due, and the server dies while it is at it, before it or after it.
        let mut killed = |server: &mut Server, due: &dyn Fn(u64) -> String| {
            for round in 0..rounds() {
                let running = || database.count("SELECT COUNT(*) AS n FROM job WHERE kind = 'verify' AND state = 'running'");
                database.run(&due(round));
                let started = Instant::now();
                while running() == 0 && started.elapsed() < Duration::from_secs(1) {
                    pass(Duration::from_millis(1));
                }
                pass(Duration::from_millis(random.below(40)));
                server.kill9();
                kills += 1;
                middle += i64::from(running() > 0);
                lapse(&database);
                server.restart();
            }
            database.run(&due(rounds()));
        };
        let ready = "kind = 'verify' AND state = 'ready'";
        // A night of its own each time: the one that runs must not be taken for the next.
        killed(&mut server, &|n| format!(
            "UPDATE job SET run_at = 1, unique_key = 'verify:{id}:night-{n}' WHERE {ready} AND unique_key LIKE 'verify:{id}:%'"
        ));
        let admin = server.admin();
        let said = |wanted: &str, is: bool| {
            until_within(Duration::from_secs(60), "a verdict", || {
                let reply = admin.get(&format!("/api/v1/tasks/{id}/verification"));
                (reply.status == 200).then(|| reply.json()).filter(|v| (v["verdict"] == wanted) == is)
            })
        };
        said("improved", true);
        once_a_change(&server, &database, &id, &["improved"]);
        let night = || database.count(&format!("SELECT COUNT(*) AS n FROM job WHERE unique_key LIKE 'verify:{id}:%' AND state = 'ready' AND run_at > 1"));
        until("the next night is planned", || (night() == 1).then_some(()));

        send(&admin, &rated("late", days_ago(30, 1), 40, 0.50));
        killed(&mut server, &|_| format!("UPDATE job SET run_at = 1 WHERE {ready} AND unique_key LIKE 'late:%'"));
        let admin = server.admin();
        let late = until_within(Duration::from_secs(60), "another verdict", || {
            let v = admin.get(&format!("/api/v1/tasks/{id}/verification")).ok();
            (v["verdict"] != "improved").then_some(v)
        });
        let last = text(&late, "verdict").to_owned();
        until("no look is left", || {
            (database.count("SELECT COUNT(*) AS n FROM job WHERE unique_key LIKE 'late:%'") == 0).then_some(())
        });
        once_a_change(&server, &database, &id, &["improved", &last]);
        nothing_twice(&server, &database);
        report(&format!("kill looks on {engine:?}: {kills} kills ({middle} in the middle), 2 verdicts, 2 lines of history, 2 mails"));
    }

    /// Asked to stop, it ends what it does and loses nothing; a second server on the same file is refused.
    fn an_orderly_stop_is_orderly(engine) {
        let mut server = Server::start(engine);
        furnish(&server.admin());
        let content = file("S", 1500);
        let parts = [
            Part { name: "file", file_name: Some("orders.csv"), content: content.as_bytes() },
            Part { name: "channel", file_name: None, content: b"hotline" },
        ];
        let reply = server.admin().post_parts("/api/v1/imports", &parts);
        let id = text(&reply.ok(), "id").to_owned();
        if engine == Engine::Sqlite {
            let said = server.command(&["serve", "--listen", "127.0.0.1:0"]).fails();
            assert!(!said.contains("panicked"), "{said}");
        }
        let started = Instant::now();
        assert!(server.sigterm().success(), "{}", server.log());
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
        server.restart();
        let admin = server.admin();
        until_within(Duration::from_secs(20), "the import goes on at once: nothing waits for a lease", || {
            (admin.get(&format!("/api/v1/imports/{id}")).ok()["state"] == "done").then_some(())
        });
        let database = server.database();
        labelled(&database);
        assert_eq!(database.count("SELECT COUNT(*) AS n FROM feedback"), 1500);
        nothing_twice(&server, &database);
    }
}

/// The lease of whoever was killed has lapsed: nobody waits half a minute for it.
fn lapse(database: &Database) {
    database.run("UPDATE job SET lease_until = 1 WHERE state = 'running'");
}

/// A task about the topic of the story, done so many days ago.
fn fixed(admin: &Caller, days: u64) -> String {
    watch(admin);
    let voices: Vec<Value> = (0..51)
        .map(|n| contact(&format!("t{n}"), &tests::time::just_now(60 - n), n as usize))
        .collect();
    send(admin, &voices);
    let issue = issues(admin).remove(0);
    let body = json!({"title": "说清楚", "description": "", "department": PRODUCT,
                      "contract": {"metric": "csat", "alarm_day": tests::time::ago(days + 14)}});
    let task = admin
        .post(
            &format!("/api/v1/issues/{}/tasks", text(&issue, "id")),
            &body,
        )
        .ok();
    let id = text(&task, "id").to_owned();
    admin
        .post(&format!("/api/v1/tasks/{id}/accept"), &json!({}))
        .ok();
    let at = tests::time::on(tests::time::ago(days), 3600);
    let done = json!({"solution": "上线资费一页纸说明", "effective_at": at});
    admin
        .post(&format!("/api/v1/tasks/{id}/complete"), &done)
        .ok();
    id
}

fn evaluate(admin: &Caller, id: &str) -> Value {
    admin
        .post(
            &format!("/api/v1/tasks/{id}/verification/evaluate"),
            &json!({}),
        )
        .ok()
}

/// The history of a task's verdicts is `verdicts`, each written, told and put into the timeline once.
fn once_a_change(server: &Server, database: &Database, id: &str, verdicts: &[&str]) {
    let kept = database.texts(&format!(
        "SELECT verdict AS t FROM verification WHERE task_id = '{id}' ORDER BY computed_at, id"
    ));
    assert_eq!(kept, verdicts, "one line for each change");
    let now = database.texts(&format!(
        "SELECT verdict AS t FROM verdict_now WHERE task_id = '{id}'"
    ));
    assert_eq!(now, verdicts[verdicts.len() - 1..], "one present verdict");
    let admin = server.admin();
    let task = admin.get(&format!("/api/v1/tasks/{id}")).ok();
    let timeline = task["timeline"].as_array().expect("a history");
    let judged = timeline.iter().filter(|e| e["kind"] == "task.judged");
    assert_eq!(judged.count(), verdicts.len(), "{timeline:?}");
    crate::world::sent(server);
    let told = verdicts.iter().filter(|v| **v != "pending").count() as i64;
    let mails = database.count(&format!(
        "SELECT COUNT(*) AS n FROM delivery WHERE task_id = '{id}' AND dedupe_key LIKE '%:verdict:%'"
    ));
    assert_eq!(mails, told, "one mail for each change");
    let articles = database.count(&format!(
        "SELECT COUNT(*) AS n FROM article WHERE task_id = '{id}'"
    ));
    assert_eq!(
        articles,
        i64::from(verdicts.last() == Some(&"improved")),
        "one article of what is proven"
    );
}

fn assign(caller: &Caller, issue: &Value, title: &str) -> String {
    let due = (tests::time::now() + chrono::TimeDelta::days(3)).to_rfc3339();
    let body = json!({"title": title, "description": "说明", "department": PRODUCT, "due_at": due});
    caller
        .post(
            &format!("/api/v1/issues/{}/tasks", text(issue, "id")),
            &body,
        )
        .ok();
    title.to_owned()
}

/// Sends batch after batch until the server is gone: ids that were acknowledged, and what nobody knows of.
fn client(caller: &Caller, round: u64) -> (Vec<String>, Vec<Value>) {
    let mut acknowledged = Vec::new();
    for batch in 0.. {
        let items: Vec<Value> = (0..20)
            .map(|n| {
                contact(
                    &format!("k{round}-{batch}-{n}"),
                    &tests::time::on(tests::time::ago(9), n * 60),
                    n as usize,
                )
            })
            .collect();
        let body = json!({"items": items});
        let sent = caller.try_send(
            "POST",
            "/api/v1/feedback",
            Some("application/json"),
            body.to_string().as_bytes(),
        );
        match sent {
            Ok(reply) if reply.status == 200 => {
                acknowledged.extend(items.iter().map(|i| text(i, "external_id").to_owned()));
            }
            _ => return (acknowledged, vec![body]),
        }
    }
    unreachable!("the loop ends with the server")
}
