//! What the work of a task is: typed progress, parts, approvals, files, many at once, and waits.

use crate::tasks::{
    CHIEF, DEPUTY, MANAGER, VOC, action_link, assign, at, mails, office, task, travel, voc,
};
use crate::world::{EMMA, LI, PRODUCT, SERVICE, text};
use serde_json::{Value, json};
use tests::http::Part;
use tests::page::Page;
use tests::{Caller, Reply, Server, on_both_engines};

fn act(caller: &Caller, id: &str, verb: &str, body: Value) -> Value {
    caller
        .post(&format!("/api/v1/tasks/{id}/{verb}"), &body)
        .ok()
}

fn id_of(task: &Value) -> String {
    text(task, "id").to_owned()
}

/// The page behind the newest mail to somebody that has one.
fn page(server: &Server, who: &str) -> Page {
    let all = mails(server, who);
    let mail = all.iter().rev().find(|m| text(m, "text").contains("/a/"));
    Page::open(
        &server.anonymous(),
        &action_link(mail.expect("a mail with a page")),
    )
}

fn kinds(task: &Value) -> Vec<&str> {
    let all = task["timeline"].as_array().expect("a timeline").iter();
    all.map(|e| text(e, "kind")).collect()
}

fn upload(caller: &Caller, id: &str, name: &str, content: &[u8]) -> Reply {
    let part = Part {
        name: "file",
        file_name: Some(name),
        content,
    };
    caller.post_parts(&format!("/api/v1/tasks/{id}/attachments"), &[part])
}

/// Somebody approves script templates.
fn approvals(server: &Server, rule: Value) {
    let mut organisation = server.admin().get("/api/v1/organisation").ok();
    organisation["approvals"] = json!({ "script_template": rule });
    server
        .admin()
        .put("/api/v1/organisation", &organisation)
        .ok();
}

on_both_engines! {
    /// 45 of 60 agents: counted, shown in mail, page and API, and not complete without a word about the rest.
    fn progress_is_counted_where_it_can_be(engine) {
        let (server, issue) = office(engine);
        let boss = voc(&server);
        let coverage = json!({"kind": "training", "track": {"by": "coverage", "group": "二线客服", "total": 60}});
        let id = id_of(&assign(&boss, &issue, "培训新资费", coverage));
        let offer = mails(&server, LI).pop().expect("an offer");
        assert!(text(&offer, "text").contains("二线客服 已培训 0/60 人"), "{}", offer["text"]);
        let shown = page(&server, LI).submit(&server.anonymous(), "accept", &[]);
        assert_eq!(shown.reply.status, 200);
        assert!(!shown.actions().contains(&"progress".to_owned()), "what is counted is not estimated");
        let shown = shown.submit(&server.anonymous(), "advance", &[("trained", "45"), ("total", "60"), ("comment", "三个班")]);
        assert_eq!(shown.reply.status, 200);
        let now = task(&server, &id);
        assert_eq!((&now["percent"], text(&now, "state"), text(&now, "kind")), (&json!(75), "in_progress", "training"));
        assert_eq!((&now["track"]["trained"], &now["track"]["total"], &now["progress"][0]["figures"]),
                   (&json!(45), &json!(60), &json!("45/60")));
        // More than there are is refused, in the owner's words, and nothing is changed.
        let wrong = shown.submit(&server.anonymous(), "advance", &[("trained", "61"), ("total", "60")]);
        assert_eq!(wrong.reply.status, 422);
        assert!(wrong.visible().contains("已培训人数"), "{}", wrong.visible());
        let unfinished = shown.submit(&server.anonymous(), "complete", &[("solution", "培训完成")]);
        assert_eq!(unfinished.reply.status, 422);
        assert!(unfinished.visible().contains("剩余部分"), "{}", unfinished.visible());
        let refused = boss.post(&format!("/api/v1/tasks/{id}/complete"), &json!({"solution": "培训完成"}));
        assert_eq!(refused.problem(422, "invalid_field")["errors"][0]["code"], "unfinished");
        let done = shown.submit(&server.anonymous(), "complete", &[("solution", "培训完成"), ("rest", "十五人在休假，回来补训")]);
        assert_eq!(done.reply.status, 200);
        let now = task(&server, &id);
        assert_eq!((text(&now, "state"), &now["percent"], text(&now, "rest")), ("done", &json!(100), "十五人在休假，回来补训"));

        // A checklist of the steps that were named, ticked on the page without an account.
        let steps = json!({"kind": "process", "measures": ["画流程", "试运行"]});
        let id = id_of(&assign(&boss, &issue, "改流程", steps));
        let shown = page(&server, LI).submit(&server.anonymous(), "accept", &[]);
        let shown = shown.submit(&server.anonymous(), "advance", &[("done_1", "1")]);
        let now = task(&server, &id);
        assert_eq!((&now["percent"], &now["track"]["items"][1]["by"]), (&json!(50), &json!("李梅")), "{}", now["track"]);
        assert!(shown.visible().contains("☑ 试运行") && shown.visible().contains("☐ 画流程"), "{}", shown.visible());

        // A ticket elsewhere: link and state. A link that is none is refused.
        let id = id_of(&assign(&boss, &issue, "改界面", json!({"kind": "product_change"})));
        act(&boss, &id, "accept", json!({}));
        let bad = json!({"ticket_state": "open", "url": "javascript:alert(1)"});
        boss.post(&format!("/api/v1/tasks/{id}/advance"), &bad).problem(422, "invalid_field");
        boss.post(&format!("/api/v1/tasks/{id}/advance"), &json!({"trained": 3})).problem(422, "invalid_field");
        act(&boss, &id, "advance", json!({"ticket_state": "in_progress", "url": "https://jira.example/A-1"}));
        act(&boss, &id, "progress", json!({"percent": 100}));
        assert_eq!(task(&server, &id)["percent"], 99, "a ticket tells its own end");
        act(&boss, &id, "advance", json!({"ticket_state": "done"}));
        let now = task(&server, &id);
        assert_eq!((&now["percent"], text(&now["track"], "url")), (&json!(100), "https://jira.example/A-1"));
        let listed = boss.get("/api/v1/tasks?kind=product_change").items();
        assert_eq!(listed.len(), 1);
    }

    /// 退款慢: finance and logistics. The task above closes last, and takes what is open with it.
    fn a_parent_closes_last(engine) {
        let (server, issue) = office(engine);
        let boss = voc(&server);
        let id = id_of(&assign(&boss, &issue, "退款慢", json!({})));
        let split = |id: &str, more: Value| {
            let mut body = json!({"title": "接口提速", "department": SERVICE});
            for (name, value) in more.as_object().into_iter().flatten() {
                body[name] = value.clone();
            }
            boss.post(&format!("/api/v1/tasks/{id}/sub-tasks"), &body)
        };
        let late = split(&id, json!({"due_at": at(60, 9, 0).to_rfc3339()})).problem(422, "invalid_field");
        assert_eq!(late["errors"][0]["code"], "after_parent");
        let part = split(&id, json!({"kind": "process"})).ok();
        let child = id_of(&part);
        assert_eq!((text(&part["parent"], "id"), text(&part, "department")), (id.as_str(), SERVICE));
        assert!(text(&part["contract"]["sentence"], "en").contains("task above"), "{}", part["contract"]["sentence"]);
        let offer = mails(&server, EMMA).pop().expect("an offer of its own");
        assert!(text(&offer, "text").contains("a part of \"退款慢\""), "{}", offer["text"]);
        act(&boss, &id, "accept", json!({}));
        let refused = boss.post(&format!("/api/v1/tasks/{id}/complete"), &json!({"solution": "好了"}));
        let refused = refused.problem(409, "open_sub_tasks");
        assert!(text(&refused, "detail").contains("接口提速"), "{refused}");
        let shown = page(&server, LI).submit(&server.anonymous(), "complete", &[("solution", "好了")]);
        assert_eq!(shown.reply.status, 409);
        assert!(shown.visible().contains("还有未结束的子任务：接口提速"), "{}", shown.visible());
        boss.post(&format!("/api/v1/tasks/{id}/cancel"), &json!({"reason": "不做了"})).problem(409, "open_sub_tasks");
        // Two levels below a task, not three.
        let grandchild = id_of(&split(&child, json!({"title": "查日志", "department": PRODUCT})).ok());
        let deep = split(&grandchild, json!({})).problem(422, "invalid_field");
        assert_eq!(deep["errors"][0]["code"], "too_deep");
        act(&boss, &grandchild, "cancel", json!({"reason": "查过了"}));
        // The part is done, and is neither verified nor the end of the issue.
        act(&boss, &child, "accept", json!({}));
        act(&boss, &child, "complete", json!({"solution": "接口改为并发"}));
        assert_eq!(text(&task(&server, &child), "state"), "done");
        boss.post(&format!("/api/v1/tasks/{child}/verification/evaluate"), &json!({})).problem(409, "wrong_state");
        let issue_now = boss.get(&format!("/api/v1/issues/{issue}")).ok();
        assert_eq!(text(&issue_now, "state"), "in_progress");
        let told = mails(&server, LI).pop().expect("a mail");
        assert!(text(&told, "subject").contains("退款慢") && text(&told, "text").contains("接口改为并发"), "{}", told["text"]);
        let above = act(&boss, &id, "complete", json!({"solution": "好了"}));
        assert_eq!((text(&above, "state"), &above["sub_tasks"][0]["open"]), ("done", &json!(false)));
        assert!(kinds(&above).contains(&"task.sub_task_added") && kinds(&above).contains(&"task.sub_task_closed"));
        split(&id, json!({})).problem(409, "wrong_state");
        assert_eq!(text(&boss.get(&format!("/api/v1/issues/{issue}")).ok(), "state"), "verifying");

        // Withdrawn, it takes its open parts with it, and their owners are told.
        let id = id_of(&assign(&boss, &issue, "第二项", json!({})));
        let child = id_of(&split(&id, json!({"title": "第二项之一"})).ok());
        let grandchild = id_of(&split(&child, json!({"title": "第二项之一之一", "department": PRODUCT})).ok());
        act(&boss, &id, "cancel", json!({"reason": "不做了", "sub_tasks": "cancel"}));
        for part in [&child, &grandchild] {
            assert_eq!(text(&task(&server, part), "state"), "cancelled");
        }
        assert!(mails(&server, EMMA).iter().any(|m| text(m, "text").contains("第二项") && text(m, "subject").contains("ancelled")));
    }

    /// A script template is approved before it counts: by mail without an account; a silent approver is
    /// reminded, then the VoC owner hears; the owner's clock stands meanwhile.
    fn some_kinds_are_approved(engine) {
        let (mut server, issue) = office(engine);
        // Somebody whose hours are Shanghai's, whatever zone the organisation has at this hour of the test.
        approvals(&server, json!({"approver_email": EMMA}));
        let wrong = json!({"approver_email": "nobody"});
        let mut organisation = server.admin().get("/api/v1/organisation").ok();
        organisation["approvals"] = json!({"policy": wrong});
        server.admin().put("/api/v1/organisation", &organisation).problem(422, "invalid_field");
        let boss = voc(&server);
        let by_rule = json!({"kind": "script_template", "due_at": null});
        let id = id_of(&assign(&boss, &issue, "新话术", by_rule));
        let shown = page(&server, LI).submit(&server.anonymous(), "accept", &[]);
        let file = shown.submit(&server.anonymous(), "complete", &[("solution", "先说总价，再说分项")]);
        assert_eq!(file.reply.status, 200);
        let asked = task(&server, &id);
        assert_eq!((text(&asked, "state"), text(&asked["approval"], "approver_email")), ("awaiting_approval", EMMA));
        assert_eq!((text(&asked["due"], "waits_for"), &asked["effective_at"]), ("approval", &Value::Null));
        assert!(file.visible().contains("等待审批") && file.actions().is_empty(), "{}", file.visible());
        let mail = mails(&server, EMMA).pop().expect("a mail");
        assert!(text(&mail, "subject").contains("Please approve") && text(&mail, "text").contains("先说总价"), "{mail}");
        let link = action_link(&mail);
        let shown = Page::open(&server.anonymous(), &link);
        assert_eq!(shown.actions(), ["approve", "reject"]);
        // Looking decides nothing, and the owner's link does not approve.
        for _ in 0..3 {
            let _ = Page::open(&server.anonymous(), &link);
        }
        assert_eq!(text(&task(&server, &id), "state"), "awaiting_approval");
        let before = text(&asked, "due_at").to_owned();

        // Silent: eight working hours later a reminder with the same page, eight more and the VoC owner hears.
        travel(&mut server, at(1, 12, 0));
        let reminded = mails(&server, EMMA);
        assert!(text(reminded.last().expect("a mail"), "subject").contains("Waiting for your approval"), "{reminded:?}");
        assert_eq!(action_link(reminded.last().expect("a mail")), link);
        travel(&mut server, at(2, 12, 0));
        let told = mails(&server, VOC);
        assert!(text(told.last().expect("a mail"), "subject").contains("无人审批"), "{told:?}");

        // Two days later the session is over.
        let boss = voc(&server);
        let shown = Page::open(&server.anonymous(), &link);
        let empty = shown.submit(&server.anonymous(), "reject", &[("reason", " ")]);
        assert_eq!(empty.reply.status, 422);
        let back = shown.submit(&server.anonymous(), "reject", &[("reason", "没有写违约金")]);
        assert_eq!(back.reply.status, 200);
        let now = task(&server, &id);
        assert_eq!((text(&now, "state"), text(&now["approval"], "outcome")), ("in_progress", "rejected"));
        assert!(text(&now, "due_at") > before.as_str(), "{} moved from {before}", now["due_at"]);
        let owner = page(&server, LI);
        assert!(owner.visible().contains("没有写违约金"), "{}", owner.visible());
        assert!(text(mails(&server, LI).last().expect("a mail"), "text").contains("没有写违约金"));
        // Decided once: the same page shows the state and offers nothing.
        let again = Page::open(&server.anonymous(), &link);
        assert_eq!((again.reply.status, again.actions().len()), (200, 0));

        let _ = owner.submit(&server.anonymous(), "complete", &[("solution", "补上违约金")]);
        let link = action_link(&mails(&server, EMMA).pop().expect("a mail"));
        let shown = Page::open(&server.anonymous(), &link);
        let approved = shown.submit(&server.anonymous(), "approve", &[]);
        assert_eq!(approved.reply.status, 200);
        let now = task(&server, &id);
        assert_eq!((text(&now, "state"), text(&now, "solution")), ("done", "补上违约金"));
        assert!(!now["effective_at"].is_null());
        let story = kinds(&now);
        for kind in ["task.submitted", "task.rejected", "task.approved", "task.escalated"] {
            assert!(story.contains(&kind), "{kind} in {story:?}");
        }
        assert_eq!(text(&boss.get(&format!("/api/v1/issues/{issue}")).ok(), "state"), "verifying");

        // How long it waited, by reason and department.
        let report = boss.get(&format!("/api/v1/reports/pauses?to={}", at(20, 9, 0).date_naive())).ok();
        let row = &report["rows"][0];
        assert_eq!((text(row, "why"), text(row, "department"), &row["tasks"], &row["pauses"]),
                   ("approval", PRODUCT, &json!(1), &json!(2)), "{report}");
        let minutes = row["working_minutes"].as_i64().expect("minutes");
        assert!((1100..1250).contains(&minutes), "two days and two hours of nine: {minutes}");

        // Nobody approves their own work; reassigned, the approver's page is dead.
        approvals(&server, json!({"approver_email": LI}));
        let id = id_of(&assign(&boss, &issue, "第二套话术", json!({"kind": "script_template"})));
        act(&boss, &id, "accept", json!({}));
        let asked = act(&boss, &id, "complete", json!({"solution": "好了"}));
        assert_eq!(text(&asked["approval"], "approver_email"), MANAGER);
        let link = action_link(&mails(&server, MANAGER).pop().expect("a mail"));
        act(&boss, &id, "reassign", json!({"department": SERVICE, "reason": "换人"}));
        assert_eq!(Page::open(&server.anonymous(), &link).reply.status, 410);
    }

    /// Files: of known types, within limits, saved and never shown, seen by those who see the task.
    fn files_have_limits(engine) {
        let (server, issue) = office(engine);
        let boss = voc(&server);
        let id = id_of(&assign(&boss, &issue, "写话术", json!({})));
        let kept = upload(&boss, &id, "方案.txt", b"one").ok();
        assert_eq!((text(&kept, "name"), &kept["size"], text(&kept, "added_by")), ("方案.txt", &json!(3), "林晓"));
        assert_eq!(text(&kept, "sha256"), "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
        let again = upload(&boss, &id, "方案.txt", b"one").ok();
        assert_eq!(again["id"], kept["id"], "the same file once");
        for (name, content, code) in [
            ("run.exe", &b"MZ"[..], "type_not_allowed"),
            ("page.html", b"<script>", "type_not_allowed"),
            ("fake.pdf", b"MZ", "type_mismatch"),
        ] {
            let refused = upload(&boss, &id, name, content).problem(422, "invalid_field");
            assert_eq!(text(&refused["errors"][0], "code"), code, "{name}");
        }
        upload(&boss, &id, "big.txt", &vec![b'x'; 10 * 1024 * 1024 + 1]).problem(413, "too_large");
        let path = format!("/api/v1/tasks/{id}/attachments/{}", text(&kept, "id"));
        let saved = boss.get(&path);
        assert_eq!((saved.status, saved.header("x-content-type-options")), (200, Some("nosniff")));
        assert!(saved.header("content-disposition").expect("a name").starts_with("attachment; filename*=UTF-8''%E6%96%B9"));
        assert_eq!(saved.header("content-type"), Some("application/octet-stream"));
        // The owner of another department does not know of the task.
        let user = json!({"email": EMMA, "name": "Emma", "role": "department_owner", "department": SERVICE, "password": "correct horse battery"});
        server.admin().post("/api/v1/users", &user).ok();
        let emma = log_in(&server, EMMA);
        emma.get(&path).problem(404, "not_found");
        assert_eq!(upload(&emma, &id, "x.txt", b"x").status, 404);
        // On the signed page it can be saved, with the page's right and no other.
        let shown = page(&server, LI);
        let file = shown.reply.text().split('"').find(|w| w.contains("/files/")).expect("a link").to_owned();
        assert_eq!(server.anonymous().get(&file).status, 200);
        assert_eq!(server.anonymous().get(&format!("/a/{}/files/{}", "x".repeat(43), text(&kept, "id"))).status, 404);
        // Twenty, not twenty-one; nothing of a refused completion stays.
        for n in 1..20 {
            upload(&boss, &id, &format!("{n}.txt"), format!("file {n}").as_bytes()).ok();
        }
        let full = upload(&boss, &id, "21.txt", b"one too many").problem(422, "invalid_field");
        assert_eq!(text(&full["errors"][0], "code"), "too_many");
        assert!(kinds(&task(&server, &id)).contains(&"task.file_added"));
    }

    /// Many at once: the preview says for each what would happen and writes nothing; then it happens.
    fn many_tasks_at_once(engine) {
        let (server, issue) = office(engine);
        let boss = voc(&server);
        let ids: Vec<String> = (0..3).map(|n| id_of(&assign(&boss, &issue, &format!("第{n}项"), json!({})))).collect();
        act(&boss, &ids[2], "cancel", json!({"reason": "多余"}));
        let sent = mails(&server, EMMA).len();
        let ask = |preview: bool| {
            json!({"ids": ids, "action": "reassign", "department": SERVICE, "reason": "换部门", "preview": preview})
        };
        let preview = boss.post("/api/v1/tasks/bulk", &ask(true)).ok();
        assert_eq!((&preview["done"], &preview["refused"]), (&json!(2), &json!(1)), "{preview}");
        assert_eq!(preview["items"][0]["mails"], json!([LI, EMMA]), "{preview}");
        assert_eq!((text(&preview["items"][0], "owner_before"), text(&preview["items"][0], "owner_after")), ("李梅", "Emma Stone"));
        assert_eq!(text(&preview["items"][2], "code"), "wrong_state");
        assert_eq!((mails(&server, EMMA).len(), text(&task(&server, &ids[0])["owner"], "email")), (sent, LI), "nothing was written");
        let done = boss.post("/api/v1/tasks/bulk", &ask(false)).ok();
        assert_eq!((&done["done"], &done["refused"]), (&json!(2), &json!(1)));
        assert_eq!((mails(&server, EMMA).len(), text(&task(&server, &ids[0])["owner"], "email")), (sent + 2, EMMA));
        let twice = boss.post("/api/v1/tasks/bulk", &ask(false)).ok();
        assert_eq!((&twice["done"], text(&twice["items"][0], "code")), (&json!(0), "already_theirs"));
        let remind = json!({"ids": [ids[0], "nothing"], "action": "remind", "reason": "月底要用"});
        let reminded = boss.post("/api/v1/tasks/bulk", &remind).ok();
        assert_eq!((&reminded["done"], text(&reminded["items"][1], "code")), (&json!(1), "not_found"));
        assert!(text(mails(&server, EMMA).last().expect("a mail"), "text").contains("月底要用"));
        let soon = boss.post("/api/v1/tasks/bulk", &remind).ok();
        assert_eq!(text(&soon["items"][0], "code"), "too_soon");
        boss.post("/api/v1/tasks/bulk", &json!({"ids": ids, "action": "cancel"})).problem(422, "invalid_field");
        server.role("analyst").post("/api/v1/tasks/bulk", &remind).problem(403, "not_allowed");
        let due = at(25, 18, 0).with_timezone(&tests::time::zone()).date_naive();
        let window = boss.get(&format!("/api/v1/tasks?due_from={due}&due_to={due}")).items();
        assert_eq!(window.len(), 3, "the calendar's question");
        assert!([CHIEF, DEPUTY].iter().all(|who| mails(&server, who).is_empty()));
    }
}

fn log_in(server: &Server, email: &str) -> Caller {
    let anonymous = server.anonymous();
    let credentials = json!({"email": email, "password": "correct horse battery"});
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
