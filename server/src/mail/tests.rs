use super::*;
use crate::config::{Config, Flags};
use chrono::{NaiveDate, TimeZone, Utc};
use domain::organisation::{Bilingual, Locale};
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
        Letter::TaskAnswer {
            thread: thread(false),
            title: "t".into(),
            event: "task.declined".into(),
            who: "王磊".into(),
            words: "不归我们".into(),
            department: Some("财务".into()),
            link: "/tasks/1".into(),
        },
        Letter::LoopNote {
            heading: both("套餐资费争议", "Tariff disputes"),
            what: both("暂缓到期", "The snooze has ended"),
            lines: vec![both("当时每天 51 次", "51 a day then")],
            link: "/issues/1".into(),
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
