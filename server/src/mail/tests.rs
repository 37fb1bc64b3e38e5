use super::*;
use crate::config::{Config, Flags};
use chrono::{NaiveDate, TimeZone, Utc};
use domain::organisation::{Bilingual, Locale};
use domain::tasks::escalation::{Action, When};
use domain::verification::Verdict;

fn config() -> Config {
    let flags = Flags {
        mail_from: Some("voc@example.com".into()),
        ..Flags::default()
    };
    Config::load(&flags, None).unwrap()
}

fn to(name: &str, language: Locale) -> Recipient {
    Recipient {
        email: "li@example.com".into(),
        name: name.into(),
        language,
        time_zone: chrono_tz::Asia::Shanghai,
    }
}

fn thread(first: bool) -> Thread {
    Thread {
        root: "task-1".into(),
        first,
        topic: "退款".into(),
    }
}

fn escalated(when: When, action: Action, instead: bool) -> Letter {
    let at = |day| Utc.with_ymd_and_hms(2026, 11, day, 10, 0, 0).unwrap();
    Letter::TaskEscalated {
        thread: thread(false),
        title: "梳理资费".into(),
        when,
        action,
        since: at(20),
        due_at: at(25),
        owner: "王磊".into(),
        department: "市场部".into(),
        instead,
        next: (action == Action::RemindOwner).then(|| (Action::HandToDeputy, at(21))),
        link: if action == Action::RemindOwner {
            "/a/token".into()
        } else {
            "/tasks/1".into()
        },
    }
}

/// Every reason has its own words for the owner and for the others, and says what comes next.
#[test]
fn reminders_say_what_when_and_what_next() {
    let mut subjects = std::collections::BTreeSet::new();
    for when in [
        When::Unanswered,
        When::Silent,
        When::BeforeDue,
        When::AfterDue,
    ] {
        for (action, instead) in [
            (Action::RemindOwner, false),
            (Action::TellManager, false),
            (Action::TellVocOwner, true),
        ] {
            for language in [Locale::ZhCn, Locale::En] {
                let letter = escalated(when, action, instead);
                let mail = render(&letter, &to("陈", language), "https://voc.example.com").unwrap();
                let zh = language == Locale::ZhCn;
                subjects.insert(mail.subject.clone());
                assert!(mail.subject.contains("梳理资费"), "{}", mail.subject);
                assert!(mail.text.contains("2026-11-25 18:00"), "due: {}", mail.text);
                if action == Action::RemindOwner {
                    assert!(
                        mail.text.contains("2026-11-21 18:00"),
                        "next: {}",
                        mail.text
                    );
                    assert!(mail.text.contains("https://voc.example.com/a/token"));
                } else {
                    assert!(!mail.text.contains("/a/"), "{}", mail.text);
                    assert!(mail.text.contains("王磊"), "{}", mail.text);
                }
                let away = mail.text.contains(if zh { "不在岗" } else { "is away" });
                assert_eq!(away, instead, "{}", mail.text);
            }
        }
    }
    // The manager's and the VoC owner's subject are the same words.
    assert_eq!(subjects.len(), 4 * 2 * 2);
}

fn letters() -> Vec<Letter> {
    let quote = Quote {
        text: "<b>套餐</b>到期没有提醒".into(),
        channel: "电话".into(),
        day: NaiveDate::from_ymd_opt(2026, 11, 20),
        rating: Some(1),
        feedback_id: "f".into(),
    };
    let both = |zh: &str, en: &str| Bilingual::new(zh, en);
    vec![
        Letter::IssueNotice {
            topic: both("套餐资费争议", "Tariff disputes"),
            department: "市场部".into(),
            count: 51,
            limit: 50,
            day: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
            quotes: vec![quote.clone()],
            similar: vec![],
            finding: None,
            why: None,
            relapse: false,
        },
        Letter::TaskOffered {
            thread: thread(true),
            title: "梳理资费".into(),
            description: "第一行\n第二行".into(),
            measures: vec!["短信提醒".into()],
            topic: both("套餐资费争议", "Tariff disputes"),
            assigned_by: "林晓".into(),
            due_at: Utc.with_ymd_and_hms(2026, 11, 25, 10, 0, 0).unwrap(),
            due_rule: Some(Box::new(both(
                "48 个工作小时，按「中国大陆」工作日历计",
                "48 working hours of the calendar Mainland China",
            ))),
            urgent: true,
            data: both("近 28 天来访 100 次", "100 contacts"),
            impact: both("影响 26%", "impact 26%"),
            contract: both("约 122 条评分", "about 122 ratings"),
            quotes: vec![quote],
            similar: vec!["旧办法".into()],
            link: "/a/token".into(),
        },
        Letter::TaskTaken {
            thread: thread(false),
            title: "t".into(),
            department: "d".into(),
        },
        escalated(When::Unanswered, Action::RemindOwner, false),
        escalated(When::Silent, Action::RemindOwner, false),
        escalated(When::BeforeDue, Action::RemindOwner, false),
        escalated(When::AfterDue, Action::RemindOwner, false),
        escalated(When::Unanswered, Action::TellManager, false),
        escalated(When::Silent, Action::TellVocOwner, true),
        escalated(When::BeforeDue, Action::TellArbiter, false),
        escalated(When::AfterDue, Action::TellManager, true),
        Letter::TaskCancelled {
            thread: thread(false),
            title: "t".into(),
            reason: "r".into(),
        },
        Letter::TaskVerdict {
            thread: thread(false),
            title: "t".into(),
            verdict: Verdict::Improved,
            sentence: both("好了", "better"),
            link: None,
        },
        Letter::TaskReply {
            thread: thread(false),
            title: "t".into(),
            who: "林晓".into(),
            words: "第一页".into(),
            due_at: Utc.with_ymd_and_hms(2026, 11, 25, 10, 0, 0).unwrap(),
            link: "/a/token".into(),
        },
        Letter::TaskDueMoved {
            thread: thread(false),
            title: "t".into(),
            before: Utc.with_ymd_and_hms(2026, 11, 25, 10, 0, 0).unwrap(),
            due_at: Utc.with_ymd_and_hms(2026, 11, 26, 10, 0, 0).unwrap(),
            calendar: both("中国大陆", "Mainland China"),
            link: "/a/token".into(),
        },
        Letter::TaskAnswer {
            thread: thread(false),
            title: "t".into(),
            event: "task.declined".into(),
            who: "王磊".into(),
            words: "不归我们".into(),
            department: Some("财务".into()),
            link: "/tasks/1".into(),
        },
        Letter::AlarmWithdrawn {
            thread: thread(false),
            heading: both("渠道「phone」：数据中断", "Channel phone: is silent"),
            day: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
            reason: both(
                "补到数据后，规则 s 不再触发",
                "late data arrived: rule s no longer rings",
            ),
        },
        Letter::IssueNotice {
            topic: both("坐席 a7", "Agent a7"),
            department: String::new(),
            count: 400,
            limit: 300,
            day: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
            quotes: vec![],
            similar: vec!["先致歉".into()],
            finding: Some(both("偏离本人往常水平", "drifts from the own baseline")),
            why: Some(both("比值 1.5", "ratio 1.5")),
            relapse: true,
        },
    ]
}

#[test]
fn every_letter_is_complete_in_both_languages() {
    for letter in letters() {
        for language in [Locale::ZhCn, Locale::En] {
            let mail = render(&letter, &to("李雷", language), "https://voc.example.com").unwrap();
            assert!(
                !mail.subject.is_empty() && !mail.subject.contains('\n'),
                "{letter:?}"
            );
            for part in [&mail.text, &mail.html] {
                assert!(part.contains("李雷"), "{letter:?} greets its reader");
                assert!(
                    !part.contains("{{") && !part.contains("undefined"),
                    "{letter:?}"
                );
            }
            assert!(mail.html.contains("<html lang=\"") && !mail.html.contains("<script"));
            assert!(!mail.html.contains("<img"), "no remote image in a mail");
        }
    }
}

#[test]
fn links_stand_literally_and_voices_are_escaped() {
    let mail = render(
        &letters()[1],
        &to("李雷", Locale::ZhCn),
        "https://voc.example.com",
    )
    .unwrap();
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("https://voc.example.com/a/token"), "{part}");
    }
    assert!(
        mail.html.contains("&lt;b&gt;套餐&lt;/b&gt;"),
        "a voice is never markup"
    );
    assert!(mail.text.contains("<b>套餐</b>"), "text stays text");
    assert!(mail.text.contains("第一行\n第二行"));
}

#[test]
fn a_name_with_line_breaks_is_sent_without_them() {
    // lettre 0.11.23 panics on them: `tests/it/defects.rs` shows it.
    let letter = &letters()[1];
    let evil = to("李雷\r\nBcc: everybody@example.com\u{202e}", Locale::ZhCn);
    let mail = render(letter, &evil, "https://voc.example.com").unwrap();
    let out = build(&config(), "d-1", &evil, letter.thread(), &mail).unwrap();
    let raw = String::from_utf8(out.message.formatted()).unwrap();
    let headers = raw.split("\r\n\r\n").next().unwrap();
    assert!(
        !headers
            .lines()
            .any(|l| l.to_ascii_lowercase().starts_with("bcc:")),
        "{headers}"
    );
    assert_eq!(clean_name("a\r\nb\u{202e}c\u{200b}", 80), "a bc");
}

#[test]
fn the_first_mail_is_the_root_of_its_thread() {
    let letters = letters();
    let who = to("李雷", Locale::ZhCn);
    let made = |letter: &Letter| {
        let mail = render(letter, &who, "https://voc.example.com").unwrap();
        build(&config(), "d-1", &who, letter.thread(), &mail).unwrap()
    };
    let first = made(&letters[1]);
    assert_eq!(first.message_id, "<task-1@example.com>");
    assert!(!first.headers.contains_key("In-Reply-To"));
    let later = made(&letters[2]);
    assert_eq!(later.message_id, "<d-1@example.com>");
    assert_eq!(later.headers["In-Reply-To"], "<task-1@example.com>");
    assert_eq!(later.headers["References"], "<task-1@example.com>");
    assert_eq!(later.headers["Auto-Submitted"], "auto-generated");
}

/// Headings of sections stand in the brackets of the reader's language.
#[test]
fn the_text_part_has_the_brackets_of_its_language() {
    for letter in letters() {
        let text = |language| {
            render(&letter, &to("李明", language), "https://voc.example.com")
                .unwrap()
                .text
        };
        let (zh, en) = (text(Locale::ZhCn), text(Locale::En));
        assert!(!en.contains('【') && !en.contains('】'), "{en}");
        let headings =
            |text: &str, open: char| text.lines().filter(|l| l.starts_with(open)).count();
        assert_eq!(headings(&zh, '【'), headings(&en, '['), "{zh}\n{en}");
        assert!(headings(&zh, '【') > 0 || !zh.contains("\n- "), "{zh}");
    }
}
