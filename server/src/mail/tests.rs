use super::*;
use crate::config::{Config, Flags};
use chrono::{TimeZone, Utc};
use domain::organisation::Locale;
use domain::tasks::escalation::{Action, When};

const DELIVERY: &str = "01936a2c-9c00-7000-8000-0000000000bb";

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
                let mail = render(
                    &letter,
                    &to("陈", language),
                    "https://voc.example.com",
                    None,
                )
                .unwrap();
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

/// Offers come second: several tests look at them.
fn letters() -> Vec<Letter> {
    samples::all()
        .into_iter()
        .map(|(_, letter)| letter)
        .collect()
}

#[test]
fn every_letter_is_complete_in_both_languages() {
    for letter in letters() {
        for language in [Locale::ZhCn, Locale::En] {
            let mail = render(
                &letter,
                &to("李雷", language),
                "https://voc.example.com",
                None,
            )
            .unwrap();
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

/// A digest that cannot name every mail counts the rest.
#[test]
fn a_digest_names_some_and_counts_the_rest() {
    let items = (0..40)
        .map(|n| DigestItem {
            subject: format!("第{n}封"),
            link: (n > 0).then(|| format!("/a/{n}")),
        })
        .collect();
    let letter = Letter::Digest { items, more: 37 };
    for language in [Locale::ZhCn, Locale::En] {
        let mail = render(
            &letter,
            &to("李雷", language),
            "https://voc.example.com",
            None,
        )
        .unwrap();
        assert!(
            mail.text.contains("第39封") && mail.text.contains("37"),
            "{}",
            mail.text
        );
        assert!(mail.subject.contains("77"), "{}", mail.subject);
        assert!(
            mail.text
                .contains("- 第39封 — https://voc.example.com/a/39\n"),
            "{}",
            mail.text
        );
        assert_eq!(mail.html.matches("<a href=").count(), 39);
    }
}

/// What Outlook's engine and the Chinese clients keep, element by element; the two marked ones they drop without
/// harm. Padding belongs to cells: Outlook ignores it elsewhere.
const KEPT: [(&str, &[&str], &[&str]); 14] = [
    ("html", &["lang"], &[]),
    ("head", &[], &[]),
    ("meta", &["charset", "name", "content"], &[]),
    ("title", &[], &[]),
    ("style", &[], &[]),
    (
        "body",
        &["class"],
        &["margin", "padding", "background-color"],
    ),
    (
        "table",
        &[
            "role",
            "class",
            "width",
            "cellpadding",
            "cellspacing",
            "border",
        ],
        // Dropped without harm: max-width, for the attribute says the same.
        &["width", "max-width", "background-color", "border"],
    ),
    ("tr", &[], &[]),
    (
        "td",
        &["align", "class"],
        // Dropped without harm: word-break.
        &[
            "padding",
            "background-color",
            "color",
            "font-family",
            "font-size",
            "font-weight",
            "line-height",
            "border-left",
            "border-top",
            "word-break",
        ],
    ),
    (
        "p",
        &["class"],
        &["margin", "color", "font-size", "font-weight", "line-height"],
    ),
    ("span", &["class"], &["color", "font-size", "line-height"]),
    (
        "a",
        &["href", "class"],
        &[
            "color",
            "font-family",
            "font-size",
            "font-weight",
            "line-height",
            "text-decoration",
        ],
    ),
    ("br", &[], &[]),
    ("!doctype", &["html"], &[]),
];

/// Attributes of the inside of a tag, in order.
fn attributes(inside: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = inside.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace());
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"').unwrap(),
            None => ("", after),
        };
        found.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    found
}

#[test]
fn html_holds_only_what_clients_keep() {
    let shown = Shown {
        tag: "SAMPLE0000".into(),
        token: Some("BH-00000-00000-00000-00000".into()),
        role: Some(Role::Owner),
        due_at: None,
        track: Default::default(),
    };
    for letter in letters() {
        for language in [Locale::ZhCn, Locale::En] {
            let base = "https://voc.example.com";
            let mail = render(&letter, &to("李雷", language), base, Some(&shown)).unwrap();
            assert!(mail.html.starts_with("<!doctype html>"), "{}", mail.html);
            // Larger mails are cut off by Gmail.
            assert!(mail.html.len() < 100 * 1024);
            let mut open: Vec<&str> = Vec::new();
            for part in mail.html.split('<').skip(1) {
                let (tag, _) = part.split_once('>').unwrap();
                let (name, inside) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
                if let Some(name) = name.strip_prefix('/') {
                    assert_eq!(open.pop(), Some(name), "tags nest: {tag}");
                    continue;
                }
                let (_, named, styled) = KEPT
                    .iter()
                    .find(|(kept, ..)| *kept == name)
                    .unwrap_or_else(|| panic!("no client is known to keep <{tag}>"));
                if !matches!(name, "meta" | "br" | "!doctype") {
                    open.push(name);
                }
                for (attribute, value) in attributes(inside) {
                    if attribute == "style" {
                        for rule in value.split(';').filter(|r| !r.is_empty()) {
                            let (property, value) = rule.split_once(':').unwrap();
                            assert!(styled.contains(&property), "{property} on <{name}>");
                            let lower = value.to_lowercase();
                            assert!(!lower.contains("url(") && !lower.contains("expression"));
                        }
                    } else {
                        assert!(
                            named.contains(&attribute.as_str()),
                            "{attribute} on <{name}>"
                        );
                    }
                    if attribute == "href" {
                        assert!(value.starts_with(base), "a link to our own page: {value}");
                    }
                }
            }
            assert_eq!(open, Vec::<&str>::new(), "every tag is closed");
            // The one block of rules is for the dark: without it a mail is complete.
            let (_, rules) = mail.html.split_once("<style>").unwrap();
            let (rules, _) = rules.split_once("</style>").unwrap();
            assert!(
                rules
                    .trim()
                    .starts_with("@media (prefers-color-scheme:dark){")
            );
            assert!(!rules.contains("url(") && !rules.contains("@import"));
        }
    }
}

#[test]
fn links_stand_literally_and_voices_are_escaped() {
    let mail = render(
        &letters()[1],
        &to("李雷", Locale::ZhCn),
        "https://voc.example.com",
        None,
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
    let mail = render(letter, &evil, "https://voc.example.com", None).unwrap();
    let out = build(&config(), "d-1", &evil, letter, &mail).unwrap();
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
        let mail = render(letter, &who, "https://voc.example.com", None).unwrap();
        build(&config(), DELIVERY, &who, letter, &mail).unwrap()
    };
    let first = made(&letters[1]);
    assert_eq!(
        first.message_id,
        "<task-01936a2c-8c00-7000-8000-0000000000aa@example.com>"
    );
    assert!(!first.headers.contains_key("In-Reply-To"));
    let later = made(&letters[2]);
    assert_eq!(later.message_id, format!("<{DELIVERY}@example.com>"));
    assert_eq!(
        later.headers["In-Reply-To"],
        "<task-01936a2c-8c00-7000-8000-0000000000aa@example.com>"
    );
    assert_eq!(
        later.headers["References"],
        "<task-01936a2c-8c00-7000-8000-0000000000aa@example.com>"
    );
    assert_eq!(later.headers["Auto-Submitted"], "auto-generated");
}

/// Headings of sections stand in the brackets of the reader's language.
#[test]
fn the_text_part_has_the_brackets_of_its_language() {
    for letter in letters() {
        let text = |language| {
            render(
                &letter,
                &to("李明", language),
                "https://voc.example.com",
                None,
            )
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

fn shown(role: Role) -> Shown {
    Shown {
        tag: "7K3QX9M2TC".into(),
        token: Some("BH-7K3QX-9M2TC-4PDHW-0ABCD".into()),
        role: Some(role),
        due_at: None,
        track: Default::default(),
    }
}

/// What a mail is marked with is found again in every reply to it, whatever the letter and the language.
#[test]
fn marks_stand_above_everything_that_clients_quote() {
    for letter in letters() {
        for language in [Locale::ZhCn, Locale::En] {
            let mail = render(
                &letter,
                &to("李雷", language),
                "https://voc.example.com",
                Some(&shown(Role::Owner)),
            )
            .unwrap();
            assert!(
                mail.subject.ends_with("[BH-7K3QX9M2TC]"),
                "{}",
                mail.subject
            );
            assert_eq!(
                domain::mail::marks::tag_in(&mail.subject).as_deref(),
                Some("7K3QX9M2TC")
            );
            let first = mail.text.lines().next().unwrap();
            assert_eq!(
                domain::mail::marks::tokens_in(first),
                ["7K3QX9M2TC4PDHW0ABCD"],
                "{first}"
            );
            assert!(mail.html.contains("BH-7K3QX-9M2TC-4PDHW-0ABCD"));
            let reply = format!("接受\n{}", mail.text);
            let own = domain::mail::quote::own_words(&reply, |l| {
                !domain::mail::marks::tokens_in(l).is_empty()
            });
            assert_eq!(own, "接受");
        }
    }
    let bare = Shown {
        token: None,
        ..shown(Role::Owner)
    };
    let mail = render(
        &letters()[1],
        &to("李雷", Locale::ZhCn),
        "https://voc.example.com",
        Some(&bare),
    )
    .unwrap();
    assert!(
        !mail.text.contains("回复"),
        "nobody reads answers: {}",
        mail.text
    );
    let told = render(
        &letters()[1],
        &to("李雷", Locale::ZhCn),
        "https://voc.example.com",
        Some(&shown(Role::Assigner)),
    )
    .unwrap();
    assert!(!told.text.contains("转交 部门"), "{}", told.text);
}

/// Every mail that asks its reader for something says what can be replied, for what the task counts.
#[test]
fn mails_say_what_can_be_replied() {
    use domain::tasks::kind::{Kind, Ticket, Track, Wanted};
    let made = |shown: &Shown, name: &str, language| {
        let all = samples::all();
        let (_, letter) = all.iter().find(|(n, _)| *n == name).unwrap();
        render(
            letter,
            &to("李雷", language),
            "https://voc.example.com",
            Some(shown),
        )
        .unwrap()
        .text
    };
    let items = Wanted::Checklist(vec!["画流程".into(), "试运行".into()]);
    let people = Wanted::Coverage {
        group: "二线客服".into(),
        total: 60,
    };
    let list = Track::new(Kind::Process, Some(items), &[]).unwrap();
    let coverage = Track::new(Kind::Training, Some(people), &[]).unwrap();
    for (track, zh, en) in [
        (list, "2. ☐ 试运行", "items 1, 3 done"),
        (coverage, "已培训 45/60", "trained 45 of 60"),
        (
            Track::Ticket(Ticket::default()),
            "工单 处理中",
            "ticket in progress",
        ),
    ] {
        let estimated = matches!(track, Track::Ticket(_));
        let shown = Shown {
            track,
            ..shown(Role::Owner)
        };
        for name in ["task_offered", "task_reply", "note_rejected", "answer_help"] {
            let text = made(&shown, name, Locale::ZhCn);
            assert!(
                text.contains(zh) && text.contains("转交 部门"),
                "{name}: {text}"
            );
            assert_eq!(text.contains("60% 说明"), estimated, "{name}: {text}");
            assert!(made(&shown, name, Locale::En).contains(en), "{name}");
        }
    }
    let approver = made(&shown(Role::Approver), "approval_asked", Locale::ZhCn);
    assert!(
        approver.contains("退回 原因") && !approver.contains("转交 部门"),
        "{approver}"
    );
    let due = Utc.with_ymd_and_hms(2026, 12, 4, 10, 0, 0).unwrap();
    let dated = Shown {
        due_at: Some(due),
        ..shown(Role::Owner)
    };
    let text = made(&dated, "task_offered", Locale::ZhCn);
    assert!(
        text.contains("延期到 12月11日") && text.contains("暂缓提醒到 12月3日"),
        "{text}"
    );
    assert!(text.contains("Asia/Shanghai"), "whose clock: {text}");
    assert!(
        text.contains("】\n"),
        "labels stand in lines of their own: {text}"
    );
}

/// Whoever gets a due date gets it for the calendar; the mail around it stays what it is.
#[test]
fn a_due_date_comes_with_its_event() {
    for (name, letter) in samples::all() {
        let who = to("李雷", Locale::ZhCn);
        let mail = render(&letter, &who, "https://voc.example.com", None).unwrap();
        let raw = build(&config(), DELIVERY, &who, &letter, &mail)
            .unwrap()
            .message
            .formatted();
        let parsed = parse::parse(&raw).unwrap();
        let message = mail_parser::MessageParser::default().parse(&raw).unwrap();
        assert_eq!(
            (message.text_body_count(), message.html_body_count()),
            (1, 1),
            "{name}"
        );
        let calendar = message.attachments().find_map(|p| p.text_contents());
        assert_eq!(calendar.is_some(), letter.due().is_some(), "{name}");
        if let Some(calendar) = calendar {
            assert!(
                calendar.contains("METHOD:PUBLISH") && calendar.contains("DTEND:20261125T100000Z"),
                "{calendar}"
            );
            assert!(
                calendar
                    .replace("\r\n ", "")
                    .contains("UID:task-01936a2c-8c00-7000-8000-0000000000aa@example.com")
            );
        }
        assert!(
            domain::mail::automatic(&parsed.mail, &[]).is_some(),
            "{name} answers nobody's absence"
        );
    }
}
