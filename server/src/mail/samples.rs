//! One sample of every mail: what the console previews and what the tests render.

use super::letter::{DigestItem, Letter, Problem, Quote, Recipient, Thread};
use chrono::{DateTime, NaiveDate, Utc};
use domain::organisation::{Bilingual, Locale};
use domain::plugins::Worry;
use domain::tasks::escalation::{Action, When};
use domain::verification::Verdict;

fn thread(first: bool) -> Thread {
    Thread {
        root: "task-01936a2c-8c00-7000-8000-0000000000aa".into(),
        first,
        topic: "资费说明梳理".into(),
    }
}

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 20).unwrap_or_default()
}

fn due() -> DateTime<Utc> {
    day().and_hms_opt(10, 0, 0).unwrap_or_default().and_utc() + chrono::TimeDelta::days(5)
}

/// Whom a sample is for.
#[must_use]
pub fn reader(language: Locale) -> Recipient {
    Recipient {
        email: "li@example.com".into(),
        name: if language == Locale::ZhCn {
            "李雷"
        } else {
            "Li Lei"
        }
        .into(),
        language,
        time_zone: chrono_tz::Asia::Shanghai,
    }
}

/// Every kind of mail by a stable name.
#[must_use]
pub fn all() -> Vec<(&'static str, Letter)> {
    let both = |zh: &str, en: &str| Bilingual::new(zh, en);
    let title = || "梳理资费说明".to_owned();
    let quote = Quote {
        text: "<b>套餐</b>到期没有提醒".into(),
        channel: "电话".into(),
        day: Some(day()),
        rating: Some(1),
        feedback_id: "f".into(),
    };
    let mut letters = vec![
        (
            "issue_notice",
            Letter::IssueNotice {
                topic: both("套餐资费争议", "Tariff disputes"),
                department: "市场部".into(),
                count: 51,
                limit: 50,
                day: day(),
                window: Some(both(
                    "截至 2026-03-05 的 7 天内",
                    "in the 7 days to 2026-03-05",
                )),
                quotes: vec![quote.clone()],
                similar: vec![],
                finding: None,
                why: None,
                relapse: false,
            },
        ),
        (
            "task_offered",
            Letter::TaskOffered {
                thread: thread(true),
                title: title(),
                description: "第一行\n第二行".into(),
                measures: vec!["短信提醒".into()],
                topic: both("套餐资费争议", "Tariff disputes"),
                assigned_by: "林晓".into(),
                due_at: due(),
                work: Some(Box::new(both(
                    "改进类型：培训；进度按培训覆盖计：二线客服 已培训 0/60 人。",
                    "kind of improvement: Training; progress is training: 0/60 of agents trained.",
                ))),
                due_rule: Some(Box::new(both(
                    "48 个工作小时，按「中国大陆」工作日历计",
                    "48 working hours of the calendar Mainland China",
                ))),
                urgent: true,
                data: both("近 28 天联系 100 次", "100 contacts"),
                impact: both("影响 26%", "impact 26%"),
                contract: both("约 122 条评分", "about 122 ratings"),
                quotes: vec![quote],
                similar: vec!["旧办法".into()],
                link: "/a/token".into(),
            },
        ),
        (
            "task_taken",
            Letter::TaskTaken {
                thread: thread(false),
                title: title(),
                department: "财务部".into(),
            },
        ),
        (
            "task_cancelled",
            Letter::TaskCancelled {
                thread: thread(false),
                title: title(),
                reason: "问题已由其他措施解决".into(),
            },
        ),
        (
            "task_verdict",
            Letter::TaskVerdict {
                thread: thread(false),
                title: title(),
                verdict: Verdict::Improved,
                sentence: both(
                    "满意度由 70% 升到 95%。",
                    "Satisfaction rose from 70% to 95%.",
                ),
                link: None,
            },
        ),
        (
            "task_answer",
            Letter::TaskAnswer {
                thread: thread(false),
                title: title(),
                event: "task.declined".into(),
                who: "王磊".into(),
                words: "不归我们".into(),
                department: Some("财务部".into()),
                link: "/tasks/1".into(),
            },
        ),
        (
            "alarm_withdrawn",
            Letter::AlarmWithdrawn {
                thread: thread(false),
                heading: both("渠道「phone」：数据中断", "Channel phone: is silent"),
                day: day(),
                reason: both(
                    "补到数据后，规则 s 不再触发",
                    "late data arrived: rule s no longer rings",
                ),
                task: None,
            },
        ),
        (
            "issue_relapsed",
            Letter::IssueNotice {
                topic: both("坐席 a7", "Agent a7"),
                department: String::new(),
                count: 400,
                limit: 300,
                day: day(),
                window: None,
                quotes: vec![],
                similar: vec!["先致歉".into()],
                finding: Some(both("偏离本人往常水平", "drifts from the own baseline")),
                why: Some(both("比值 1.5", "ratio 1.5")),
                relapse: true,
            },
        ),
        (
            "owner_unreachable",
            Letter::OwnerUnreachable {
                thread: thread(false),
                title: title(),
                more: vec!["话术更新".into()],
                uncounted: 0,
                owner: "王涛".into(),
                email: "wang.tao@example.com".into(),
                reason: "5.1.1 user unknown".into(),
                link: "/tasks/1".into(),
            },
        ),
        (
            "digest",
            Letter::Digest {
                items: vec![
                    DigestItem {
                        subject: "[闭环] 梳理资费说明".into(),
                        link: Some("/a/token".into()),
                    },
                    DigestItem {
                        subject: "[闭环] 已取消：话术更新".into(),
                        link: None,
                    },
                ],
                more: 40,
            },
        ),
        (
            "task_reply",
            Letter::TaskReply {
                thread: thread(false),
                title: title(),
                who: "林晓".into(),
                words: "包含老用户".into(),
                due_at: due(),
                link: "/a/token".into(),
            },
        ),
        (
            "task_due_moved",
            Letter::TaskDueMoved {
                thread: thread(false),
                title: title(),
                before: due() - chrono::TimeDelta::days(1),
                due_at: due(),
                calendar: both("中国大陆", "Mainland China"),
                link: "/a/token".into(),
            },
        ),
        (
            "plugin_trouble",
            Letter::PluginTrouble {
                key: "helpdesk".into(),
                title: both("工单系统", "Help desk"),
                worry: Worry::Paused,
                operation: "pull".into(),
                code: "auth".into(),
                message: "401".into(),
                at: due(),
                link: "/settings/plugins".into(),
            },
        ),
        (
            "trial",
            Letter::Trial {
                by: "林晓".into(),
                template: None,
            },
        ),
    ];
    for (name, what) in [
        ("note_words", "words"),
        ("note_due_agreed", "due_agreed"),
        ("note_due_refused", "due_refused"),
        ("note_due_changed", "due_changed"),
        ("note_reminded", "reminded"),
        ("note_link", "link"),
        ("note_approved", "approved"),
        ("note_rejected", "rejected"),
        ("note_sub_task_closed", "sub_task_closed"),
        ("note_sub_tasks_closed", "sub_tasks_closed"),
    ] {
        let letter = Letter::TaskNote {
            thread: thread(false),
            title: title(),
            who: "林晓".into(),
            what: what.into(),
            words: "老用户优先".into(),
            due_at: due(),
            link: "/a/token".into(),
        };
        letters.push((name, letter));
    }
    for (name, problem) in [
        ("answer_help", Problem::Help),
        ("answer_not_understood", Problem::NotUnderstood),
        ("answer_state", Problem::State),
        ("answer_not_yours", Problem::NotYours),
        ("answer_no_reason", Problem::NoReason),
        ("answer_no_solution", Problem::NoSolution),
        ("answer_no_date", Problem::NoDate),
        ("answer_bad_date", Problem::BadDate),
        ("answer_bad_percent", Problem::BadPercent),
        ("answer_no_department", Problem::NoDepartment),
        ("answer_too_long", Problem::TooLong),
        ("answer_too_large", Problem::TooLarge),
        ("answer_file_left_out", Problem::FileLeftOut),
        ("answer_no_proof", Problem::NoProof),
    ] {
        let yours = !matches!(problem, Problem::NotYours | Problem::NoProof);
        let letter = Letter::MailAnswer {
            thread: thread(false),
            title: title(),
            problem,
            state: both("待接受", "waiting for your answer"),
            due_at: due(),
            yours,
            departments: if problem == Problem::NoDepartment {
                vec!["财务部".into(), "物流部".into()]
            } else {
                vec![]
            },
            words: "转交 火星部".into(),
            link: yours.then(|| "/a/token".into()),
        };
        letters.push((name, letter));
    }
    letters.push((
        "approval_asked",
        Letter::ApprovalAsked {
            thread: thread(false),
            title: title(),
            who: "王磊".into(),
            department: "市场部".into(),
            kind: both("话术模板", "Script template"),
            solution: "新话术已写好，先说总价，再说分项。".into(),
            rest: Some("英文版下月补".into()),
            work: Some(both(
                "进度按清单计：已完成 2/3 项",
                "progress is a checklist: 2/3 done",
            )),
            files: vec!["话术.docx".into()],
            link: "/a/token".into(),
        },
    ));
    let hours = chrono::TimeDelta::hours;
    for (name, when, action, instead) in [
        (
            "reminder_unanswered",
            When::Unanswered,
            Action::RemindOwner,
            false,
        ),
        ("reminder_silent", When::Silent, Action::RemindOwner, false),
        (
            "reminder_before_due",
            When::BeforeDue,
            Action::RemindOwner,
            false,
        ),
        (
            "reminder_after_due",
            When::AfterDue,
            Action::RemindOwner,
            false,
        ),
        (
            "escalated_to_manager",
            When::Unanswered,
            Action::TellManager,
            false,
        ),
        (
            "escalated_to_voc_owner",
            When::Silent,
            Action::TellVocOwner,
            true,
        ),
        (
            "escalated_to_arbiter",
            When::BeforeDue,
            Action::TellArbiter,
            false,
        ),
        (
            "escalated_after_due",
            When::AfterDue,
            Action::TellManager,
            true,
        ),
        (
            "reminder_unapproved",
            When::Unapproved,
            Action::RemindApprover,
            false,
        ),
        (
            "escalated_unapproved",
            When::Unapproved,
            Action::TellVocOwner,
            false,
        ),
    ] {
        let to_owner = matches!(action, Action::RemindOwner | Action::RemindApprover);
        let letter = Letter::TaskEscalated {
            thread: thread(false),
            title: title(),
            when,
            action,
            since: due() - hours(72),
            due_at: due(),
            owner: "王磊".into(),
            department: "市场部".into(),
            instead,
            next: to_owner.then(|| (Action::HandToDeputy, due() - hours(24))),
            link: if to_owner { "/a/token" } else { "/tasks/1" }.into(),
        };
        letters.push((name, letter));
    }
    letters.push((
        "loop_note",
        Letter::LoopNote {
            heading: both("套餐资费争议", "Tariff disputes"),
            what: both("暂缓到期", "The snooze has ended"),
            lines: vec![both("当时每天 51 次", "51 a day then")],
            link: "/issues/1".into(),
        },
    ));
    letters
}
