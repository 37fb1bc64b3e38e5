//! From a letter to subject, text and HTML, in the reader's language. One layout for all: a table of
//! 600 pixels with styles on the elements, because that is what Outlook and the Chinese clients keep.

use super::letter::{Letter, Quote, Recipient};
use domain::organisation::{Bilingual, Locale};
use domain::plugins::Worry;
use domain::verification::Verdict;
use minijinja::value::Value as Jinja;
use minijinja::{AutoEscape, Environment, Output, State};
use serde::Serialize;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// A finished mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rendered {
    /// Subject, one line.
    pub subject: String,
    /// Text part.
    pub text: String,
    /// HTML part.
    pub html: String,
}

/// A block of a mail.
#[derive(Serialize)]
pub(super) struct Section {
    pub(super) label: String,
    pub(super) paragraphs: Vec<String>,
    pub(super) quotes: Vec<QuoteView>,
    pub(super) items: Vec<String>,
    pub(super) links: Vec<LinkView>,
}

#[derive(Serialize)]
pub(super) struct LinkView {
    text: String,
    url: Option<String>,
}

#[derive(Serialize)]
pub(super) struct QuoteView {
    text: String,
    from: String,
}

/// How answers to a mail find its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Tag in the subject.
    pub tag: String,
    /// Secret line, where somebody reads answers and the reader may give one.
    pub token: Option<String>,
    /// What the reader may do by answering.
    pub role: Option<super::Role>,
    /// When the task was due as the mail was written.
    pub due_at: Option<chrono::DateTime<chrono::Utc>>,
    /// What the owner's task counts.
    pub track: domain::tasks::kind::Track,
}

#[derive(Serialize)]
pub(super) struct Page {
    locale: &'static str,
    /// Stands above everything: what clients quote comes behind it.
    reply_line: Option<String>,
    pub(super) subject: String,
    pub(super) heading: String,
    greeting: String,
    pub(super) sections: Vec<Section>,
    pub(super) button: Option<Button>,
    pub(super) footer: String,
}

#[derive(Serialize)]
pub(super) struct Button {
    pub(super) label: String,
    pub(super) url: String,
    pub(super) plain: String,
}

pub(super) fn section(label: &str, paragraphs: Vec<String>) -> Section {
    Section {
        label: label.to_owned(),
        paragraphs,
        quotes: Vec::new(),
        items: Vec::new(),
        links: Vec::new(),
    }
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_formatter(escape);
    environment.set_syntax(
        minijinja::syntax::SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .unwrap_or_default(),
    );
    // Both templates are part of the program; a test renders them.
    for (name, source) in [
        ("mail.txt", include_str!("templates/mail.txt")),
        ("mail.html", include_str!("templates/mail.html")),
    ] {
        if let Err(error) = environment.add_template(name, source) {
            tracing::error!(error = %error, name, "a mail template does not parse");
        }
    }
    environment
});

/// Escapes for HTML without touching slashes: links must stand literally.
fn escape(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Jinja,
) -> Result<(), minijinja::Error> {
    let failed = |_| {
        minijinja::Error::new(
            minijinja::ErrorKind::WriteFailure,
            "the mail could not be written",
        )
    };
    if value.is_undefined() || value.is_none() {
        return Ok(());
    }
    let text = value.to_string();
    if *state.auto_escape() != AutoEscape::Html || value.is_safe() {
        return out.write_str(&text).map_err(failed);
    }
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            '\'' => out.write_str("&#39;"),
            c => out.write_char(c),
        }
        .map_err(failed)?;
    }
    Ok(())
}

/// Makes the mail. `base` is what links start with.
pub fn render(
    letter: &Letter,
    to: &Recipient,
    base: &str,
    shown: Option<&Shown>,
) -> Result<Rendered, minijinja::Error> {
    let mut page = page(letter, to, base);
    if let Some(shown) = shown {
        mark(&mut page, letter, to, shown);
    }
    let text = ENVIRONMENT
        .get_template("mail.txt")?
        .render(minijinja::value::Serde(&page))?;
    let html = ENVIRONMENT
        .get_template("mail.html")?
        .render(minijinja::value::Serde(&page))?;
    let mut subject = super::clean_name(&page.subject, 200);
    if let Some(shown) = shown {
        subject = format!("{subject} {}", domain::mail::marks::in_subject(&shown.tag));
    }
    Ok(Rendered {
        subject,
        text: tidy(&text),
        html,
    })
}

/// The line above which answers are written, and the words that act.
fn mark(page: &mut Page, letter: &Letter, to: &Recipient, shown: &Shown) {
    let Some(token) = &shown.token else { return };
    let zh = to.language == Locale::ZhCn;
    page.reply_line = Some(if zh {
        format!("—— 直接回复即可，请写在此行上方。回复时请保留此行：{token} ——")
    } else {
        format!("—— Just reply, above this line. Please keep this line: {token} ——")
    });
    super::reply::explain(page, letter, to, shown);
}

/// At most one empty line in a row.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            let _ = writeln!(out, "{line}");
        }
    }
    out.trim_start().to_owned()
}

fn quotes(all: &[Quote], zh: bool) -> Vec<QuoteView> {
    all.iter()
        .map(|q| {
            let mut from = vec![q.channel.clone()];
            from.extend(q.day.map(|d| d.to_string()));
            from.extend(q.rating.map(|r| {
                if zh {
                    format!("{r} 分")
                } else {
                    format!("rated {r} of 5")
                }
            }));
            QuoteView {
                text: q.text.clone(),
                from: from.join(" · "),
            }
        })
        .collect()
}

fn similar_section(similar: &[String], zh: bool) -> Section {
    let label = if zh {
        "类似问题的已验证做法"
    } else {
        "Proven solutions of similar problems"
    };
    if similar.is_empty() {
        let none = if zh { "还没有。" } else { "None yet." };
        return section(label, vec![none.to_owned()]);
    }
    Section {
        items: similar.to_vec(),
        ..section(label, Vec::new())
    }
}

fn page(letter: &Letter, to: &Recipient, base: &str) -> Page {
    let zh = to.language == Locale::ZhCn;
    let pick = |b: &Bilingual| b.get(to.language).to_owned();
    let say = |z: &str, e: &str| if zh { z.to_owned() } else { e.to_owned() };
    let local = |at: chrono::DateTime<chrono::Utc>| {
        at.with_timezone(&to.time_zone)
            .format("%Y-%m-%d %H:%M")
            .to_string()
    };
    let greeting = if zh {
        format!("{}，您好：", to.name)
    } else {
        format!("Hello {},", to.name)
    };
    let footer = say(
        "这封邮件由闭环（Bihuan）自动发出。链接只属于您和这项任务，请不要转发。",
        "This mail was sent by Bihuan. Its link is for you and this task only: please do not pass it on.",
    );
    let of_no_link = say(
        "这封邮件由闭环（Bihuan）自动发出。",
        "This mail was sent by Bihuan.",
    );
    let of_link = footer.clone();
    let mut page = Page {
        locale: to.language.as_str(),
        reply_line: None,
        subject: String::new(),
        heading: String::new(),
        greeting,
        sections: Vec::new(),
        button: None,
        footer,
    };
    match letter {
        Letter::IssueNotice {
            topic,
            department,
            count,
            limit,
            day,
            window,
            quotes: voices,
            similar,
            finding,
            why,
            relapse,
        } => {
            let topic = pick(topic);
            let back = if *relapse {
                say("【复发】", "[came back] ")
            } else {
                String::new()
            };
            // The figure is that of the rule's window, and the day alone only where that is the window.
            let (on, when) = match window {
                Some(window) if zh => (window.zh.clone(), window.zh.clone()),
                Some(window) => (window.en.clone(), window.en.clone()),
                None => (
                    day.to_string(),
                    say(&format!("{day} "), &format!("on {day}")),
                ),
            };
            page.subject = match finding {
                Some(what) if zh => format!("[闭环] {back}{topic}：{}（{on}）", what.zh),
                Some(what) => format!("[Bihuan] {back}{topic}: {} ({on})", what.en),
                None if zh => {
                    format!("[闭环] {back}{topic}：{when}联系 {count} 次，超过上限 {limit} 次")
                }
                None => format!(
                    "[Bihuan] {back}{topic}: {count} contacts {when}, above the limit of {limit}"
                ),
            };
            page.heading = if *relapse {
                say("问题复发", "An issue came back")
            } else {
                say("发现新问题", "A new issue")
            };
            page.footer = say(
                "这封邮件由闭环（Bihuan）自动发出。",
                "This mail was sent by Bihuan.",
            );
            let mut data = Vec::new();
            match finding {
                Some(what) if zh => data.push(format!("「{topic}」{}。", what.zh)),
                Some(what) => data.push(format!("{topic}: {}.", what.en)),
                None if zh => data.push(format!(
                    "主题「{topic}」{when}联系 {count} 次，超过设定的上限 {limit} 次。"
                )),
                None => data.push(format!(
                    "There were {count} contacts about {topic} {when}, above the limit of {limit}."
                )),
            }
            if let Some(why) = why {
                data.push(if zh {
                    format!("依据：{}。", why.zh)
                } else {
                    format!("Why: {}.", why.en)
                });
            }
            page.sections = vec![section(&say("数据", "Data"), data)];
            if !voices.is_empty() {
                page.sections.push(Section {
                    quotes: quotes(voices, zh),
                    ..section(&say("客户原声", "In customers' words"), Vec::new())
                });
            }
            page.sections.push(similar_section(similar, zh));
            let next = match (zh, department.is_empty()) {
                (true, false) => format!(
                    "客户之声负责人会评估这个问题；需要{department}处理时，您会收到任务邮件。现在无需操作。"
                ),
                (false, false) => format!(
                    "The VoC owner will look at it. If {department} has something to do, a task will \
                     follow by mail. There is nothing to do now."
                ),
                (true, true) => {
                    "您是这条规则或这个渠道的负责人。请在闭环控制台的问题页查看详情并决定下一步。"
                        .to_owned()
                }
                (false, true) => {
                    "You answer for this rule or run the loop. Look at the issue in the \
                     console and decide what comes next."
                        .to_owned()
                }
            };
            page.sections
                .push(section(&say("接下来", "What happens next"), vec![next]));
        }
        Letter::AlarmWithdrawn {
            heading,
            day,
            reason,
            task,
            ..
        } => {
            let heading = pick(heading);
            page.subject = if zh {
                format!("[闭环] 告警撤销：{heading}（{day}）")
            } else {
                format!("[Bihuan] Alarm taken back: {heading} ({day})")
            };
            page.heading = say("告警已撤销", "The alarm was taken back");
            page.footer = say(
                "这封邮件由闭环（Bihuan）自动发出。",
                "This mail was sent by Bihuan.",
            );
            let reason = pick(reason);
            let data = vec![if zh {
                format!("{day} 的告警「{heading}」已撤销。{reason}。")
            } else {
                format!("The alarm of {day} was taken back: {heading}. Why: {reason}.")
            }];
            let next = match (task, zh) {
                (None, true) => "您不需要做任何事。如果再次触发，会另发通知。".to_owned(),
                (None, false) => {
                    "There is nothing to do. Should it ring again, another notice follows."
                        .to_owned()
                }
                (Some(task), true) => {
                    format!("任务「{task}」没有关闭：是否继续，请责任人和派单人商定。")
                }
                (Some(task), false) => format!(
                    "The task \"{task}\" is not closed: whoever owns it and whoever assigned it decide \
                     whether it goes on."
                ),
            };
            page.sections = vec![
                section(&say("数据", "Data"), data),
                section(&say("接下来", "What happens next"), vec![next]),
            ];
        }
        Letter::LoopNote {
            heading,
            what,
            lines,
            link,
        } => {
            page.subject = if zh {
                format!("[闭环] {}：{}", what.zh, heading.zh)
            } else {
                format!("[Bihuan] {}: {}", what.en, heading.en)
            };
            page.heading = pick(what);
            page.sections = vec![
                section(&say("关于", "About"), vec![pick(heading)]),
                section(&say("情况", "Details"), lines.iter().map(pick).collect()),
            ];
            page.button = Some(Button {
                label: say("在控制台查看", "See it in the console"),
                url: format!("{base}{link}"),
                plain: say("在控制台查看：", "In the console:"),
            });
            page.footer = say(
                "这封邮件由闭环（Bihuan）自动发出。",
                "This mail was sent by Bihuan.",
            );
        }
        Letter::TaskOffered {
            title,
            description,
            measures,
            topic,
            assigned_by,
            due_at,
            due_rule,
            work,
            urgent,
            data,
            impact,
            contract,
            quotes: voices,
            similar,
            link,
            ..
        } => {
            let due = due_at
                .with_timezone(&to.time_zone)
                .format("%Y-%m-%d %H:%M")
                .to_string();
            let mark = if *urgent {
                say("【加急】", "[urgent] ")
            } else {
                String::new()
            };
            page.subject = if zh {
                format!("[闭环] {mark}{title}")
            } else {
                format!("[Bihuan] {mark}{title}")
            };
            page.heading = title.clone();
            let mut request = vec![if zh {
                format!("{assigned_by} 请您在 {due} 前完成：{title}")
            } else {
                format!("{assigned_by} asks you to complete this by {due}: {title}")
            }];
            if let Some(rule) = due_rule {
                request.push(if zh {
                    format!("截止时间的算法：{}。", rule.zh)
                } else {
                    format!("How that time came about: {}.", rule.en)
                });
            }
            if let Some(work) = work {
                request.push(pick(work));
            }
            if !description.is_empty() {
                request.extend(description.lines().map(str::to_owned));
            }
            page.sections = vec![
                section(&say("数据", "Data"), vec![pick(data)]),
                Section {
                    quotes: quotes(voices, zh),
                    ..section(
                        &say("场景：客户是这样说的", "Scene: what customers say"),
                        if voices.is_empty() {
                            vec![say(
                                "这个主题还没有可以引用的原声。",
                                "There are no voices to quote yet.",
                            )]
                        } else {
                            Vec::new()
                        },
                    )
                },
                section(
                    &say("影响", "Impact"),
                    vec![if zh {
                        format!("主题「{}」：{}", pick(topic), pick(impact))
                    } else {
                        format!("{}: {}", pick(topic), pick(impact))
                    }],
                ),
                Section {
                    items: measures.clone(),
                    ..section(&say("请求", "Request"), request)
                },
                section(
                    &say("怎样算有效", "How it will be judged"),
                    vec![pick(contract)],
                ),
                similar_section(similar, zh),
            ];
            page.button = Some(Button {
                label: say("打开任务（无需登录）", "Open the task (no log-in)"),
                url: format!("{base}{link}"),
                plain: say(
                    "接受、转交、报进度、完成，都在这个页面：",
                    "Accept, hand over, report or complete it on this page:",
                ),
            });
        }
        Letter::TaskTaken {
            title, department, ..
        } => {
            page.subject = if zh {
                format!("[闭环] 已转交：{title}")
            } else {
                format!("[Bihuan] Reassigned: {title}")
            };
            page.heading = say("这项任务不再由您负责", "This task is no longer yours");
            page.sections = vec![section(
                "",
                vec![if zh {
                    format!(
                        "「{title}」已交给{department}。之前邮件里的链接已失效，您无需再做什么。"
                    )
                } else {
                    format!(
                        "\"{title}\" was given to {department}. The link of the earlier mail is dead; there is \
                         nothing more to do."
                    )
                }],
            )];
            page.footer = say(
                "这封邮件由闭环（Bihuan）自动发出。",
                "This mail was sent by Bihuan.",
            );
        }
        escalated @ Letter::TaskEscalated { .. } => {
            super::escalated::fill(&mut page, escalated, to, base);
        }
        Letter::TaskCancelled { title, reason, .. } => {
            page.subject = if zh {
                format!("[闭环] 已取消：{title}")
            } else {
                format!("[Bihuan] Cancelled: {title}")
            };
            page.heading = say("这项任务已取消", "This task was cancelled");
            page.sections = vec![
                section(
                    "",
                    vec![if zh {
                        format!("「{title}」已取消，您无需再做什么。")
                    } else {
                        format!("\"{title}\" was cancelled; there is nothing more to do.")
                    }],
                ),
                section(
                    &say("原因", "Reason"),
                    reason.lines().map(str::to_owned).collect(),
                ),
            ];
            page.footer = say(
                "这封邮件由闭环（Bihuan）自动发出。",
                "This mail was sent by Bihuan.",
            );
        }
        Letter::TaskVerdict {
            title,
            verdict,
            sentence,
            link,
            ..
        } => {
            let name = verdict_name(*verdict, to.language);
            page.subject = if zh {
                format!("[闭环] {name}：{title}")
            } else {
                format!("[Bihuan] {name}: {title}")
            };
            page.heading = name.to_owned();
            page.sections = vec![
                section(&say("结论", "Verdict"), vec![pick(sentence)]),
                section(&say("任务", "Task"), vec![title.clone()]),
            ];
            page.button = link.as_ref().map(|link| Button {
                label: say("打开任务", "Open the task"),
                url: format!("{base}{link}"),
                plain: say("任务页面：", "The task's page:"),
            });
        }
        Letter::TaskReply {
            title,
            who,
            words,
            due_at,
            link,
            ..
        } => {
            let due = due_at
                .with_timezone(&to.time_zone)
                .format("%Y-%m-%d %H:%M")
                .to_string();
            page.subject = if zh {
                format!("[闭环] {who}答复了您：{title}")
            } else {
                format!("[Bihuan] {who} answered you: {title}")
            };
            page.heading = if zh {
                format!("{who}答复了您")
            } else {
                format!("{who} answered you")
            };
            page.sections = vec![
                section(
                    &say("答复", "Answer"),
                    words.lines().map(str::to_owned).collect(),
                ),
                section(&say("任务", "Task"), vec![title.clone()]),
                section(
                    &say("截止时间", "Due"),
                    vec![if zh {
                        format!(
                            "{due}。如果截止时间是按工作日历算出的，等待答复的工作时间不计在内。"
                        )
                    } else {
                        format!(
                            "{due}. Where that time was computed, the working time that you waited for \
                             the answer does not count."
                        )
                    }],
                ),
            ];
            page.button = Some(Button {
                label: say("打开任务（无需登录）", "Open the task (no log-in)"),
                url: format!("{base}{link}"),
                plain: say("任务页面：", "The task's page:"),
            });
        }
        Letter::TaskDueMoved {
            title,
            before,
            due_at,
            calendar,
            link,
            ..
        } => {
            let local = |at: &chrono::DateTime<chrono::Utc>| {
                at.with_timezone(&to.time_zone)
                    .format("%Y-%m-%d %H:%M")
                    .to_string()
            };
            let (old, new) = (local(before), local(due_at));
            page.subject = if zh {
                format!("[闭环] 截止时间改为 {new}：{title}")
            } else {
                format!("[Bihuan] Now due {new}: {title}")
            };
            page.heading = say("截止时间变了", "The due time moved");
            let calendar = pick(calendar);
            page.sections = vec![
                section(&say("任务", "Task"), vec![title.clone()]),
                section(
                    &say("截止时间", "Due"),
                    vec![if zh {
                        format!("原来是 {old}，现在是 {new}。")
                    } else {
                        format!("It was {old} and is {new} now.")
                    }],
                ),
                section(
                    &say("原因", "Why"),
                    vec![if zh {
                        format!(
                            "「{calendar}」工作日历有改动，未完成任务的截止时间按新日历重新计算。"
                        )
                    } else {
                        format!(
                            "The business calendar {calendar} was changed; due times of open tasks were \
                             computed again."
                        )
                    }],
                ),
            ];
            page.button = Some(Button {
                label: say("打开任务（无需登录）", "Open the task (no log-in)"),
                url: format!("{base}{link}"),
                plain: say("任务页面：", "The task's page:"),
            });
        }
        Letter::TaskAnswer {
            title,
            event,
            who,
            words,
            department,
            link,
            ..
        } => {
            let did = answer(event, to.language);
            page.subject = if zh {
                format!("[闭环] {who}{did}：{title}")
            } else {
                format!("[Bihuan] {who} {did}: {title}")
            };
            page.heading = if zh {
                format!("{who}{did}")
            } else {
                format!("{who} {did}")
            };
            page.sections = vec![section(&say("任务", "Task"), vec![title.clone()])];
            if !words.is_empty() {
                page.sections.push(section(
                    &say("对方的话", "In their words"),
                    words.lines().map(str::to_owned).collect(),
                ));
            }
            if let Some(department) = department {
                let label = match event.as_str() {
                    "task.handed_over" | "task.passed_on" => say("转给", "To"),
                    _ => say("建议转给", "Suggested department"),
                };
                page.sections
                    .push(section(&label, vec![department.clone()]));
            }
            page.button = Some(Button {
                label: say("在控制台查看", "See it in the console"),
                url: format!("{base}{link}"),
                plain: say("在控制台查看：", "In the console:"),
            });
            page.footer = say(
                "这封邮件由闭环（Bihuan）自动发出。",
                "This mail was sent by Bihuan.",
            );
        }
        Letter::ApprovalAsked {
            title,
            who,
            department,
            kind,
            solution,
            rest,
            work,
            files,
            link,
            ..
        } => {
            page.subject = if zh {
                format!("[闭环] 请审批：{title}")
            } else {
                format!("[Bihuan] Please approve: {title}")
            };
            page.heading = if zh {
                format!("{department}的{who}已完成，请您审批")
            } else {
                format!("{who} ({department}) asks for your approval")
            };
            let mut facts = vec![
                title.clone(),
                if zh {
                    format!("改进类型：{}", pick(kind))
                } else {
                    format!("Kind of improvement: {}", pick(kind))
                },
            ];
            facts.extend(work.as_ref().map(pick));
            page.sections = vec![
                section(&say("任务", "Task"), facts),
                section(
                    &say("做了什么", "What was done"),
                    solution.lines().map(str::to_owned).collect(),
                ),
            ];
            if let Some(rest) = rest {
                page.sections.push(section(
                    &say("未完成部分的说明", "Why something is left"),
                    rest.lines().map(str::to_owned).collect(),
                ));
            }
            if !files.is_empty() {
                page.sections.push(Section {
                    items: files.clone(),
                    ..section(
                        &say("附件（在页面上下载）", "Files (on the page)"),
                        Vec::new(),
                    )
                });
            }
            page.button = Some(Button {
                label: say("同意或退回（无需登录）", "Approve or give back (no log-in)"),
                url: format!("{base}{link}"),
                plain: say(
                    "在这个页面同意，或说明原因后退回：",
                    "Approve it, or give it back with a reason, on this page:",
                ),
            });
        }
        Letter::TaskNote {
            title,
            who,
            what,
            words,
            due_at,
            link,
            ..
        } => {
            let due = local(*due_at);
            page.heading = match (what.as_str(), zh) {
                ("due_agreed", true) => format!("{who}同意改期：{due} 前完成"),
                ("due_agreed", false) => format!("{who} agreed: now due by {due}"),
                ("due_refused", true) => format!("{who}没有同意改期，仍为 {due}"),
                ("due_refused", false) => format!("{who} did not agree: still due by {due}"),
                ("due_changed", true) => format!("{who}把期限改为 {due}"),
                ("due_changed", false) => format!("{who} moved the due date to {due}"),
                ("reminded", true) => format!("{who}提醒您：请在 {due} 前处理"),
                ("reminded", false) => format!("{who} reminds you: due by {due}"),
                ("link", true) => "您要的链接，7 天内有效".to_owned(),
                ("link", false) => "The link that you asked for, good for 7 days".to_owned(),
                ("approved", true) => format!("{who}已同意，任务完成"),
                ("approved", false) => format!("{who} approved what you did"),
                ("rejected", true) => format!("{who}没有同意，请修改后再次提交"),
                ("rejected", false) => {
                    format!("{who} did not approve it: please change it and complete it again")
                }
                ("sub_task_closed", true) => format!("{who}负责的子任务已结束"),
                ("sub_task_closed", false) => format!("A part of your task is over ({who})"),
                ("sub_tasks_closed", true) => "子任务已全部结束，可以完成主任务了".to_owned(),
                ("sub_tasks_closed", false) => {
                    "All parts of your task are over: you can complete it now".to_owned()
                }
                (_, true) => format!("{who}的回复"),
                (_, false) => format!("{who} wrote"),
            };
            page.subject = if zh {
                format!("[闭环] {}：{title}", page.heading)
            } else {
                format!("[Bihuan] {}: {title}", page.heading)
            };
            page.sections = vec![section(&say("任务", "Task"), vec![title.clone()])];
            if !words.is_empty() {
                page.sections.push(section(
                    &say("对方的话", "In their words"),
                    words.lines().map(str::to_owned).collect(),
                ));
            }
            page.button = Some(Button {
                label: say("打开任务（无需登录）", "Open the task (no log-in)"),
                url: format!("{base}{link}"),
                plain: say("任务页面：", "The task's page:"),
            });
        }
        Letter::MailAnswer {
            title,
            problem,
            state,
            due_at,
            yours,
            departments,
            words,
            link,
            ..
        } => {
            page.subject = if zh {
                format!("[闭环] 关于您的回复：{title}")
            } else {
                format!("[Bihuan] About your reply: {title}")
            };
            page.heading = say("关于您的回复", "About your reply");
            let mut now = vec![if zh {
                format!("「{title}」：{}", state.zh)
            } else {
                format!("\"{title}\": {}", state.en)
            }];
            if *yours {
                let due = local(*due_at);
                now.push(if zh {
                    format!("期限：{due}")
                } else {
                    format!("Due: {due}")
                });
            }
            page.sections = vec![
                section(
                    "",
                    vec![super::reply::problem_text(*problem, to.language).to_owned()],
                ),
                section(&say("任务现状", "How the task stands"), now),
            ];
            if !departments.is_empty() {
                page.sections.push(Section {
                    items: departments.clone(),
                    ..section(&say("部门", "Departments"), Vec::new())
                });
            }
            if !words.is_empty() {
                page.sections.push(section(
                    &say("您写的是", "You wrote"),
                    words.lines().map(str::to_owned).collect(),
                ));
            }
            page.button = link.as_ref().map(|link| Button {
                label: say("打开任务（无需登录）", "Open the task (no log-in)"),
                url: format!("{base}{link}"),
                plain: say("任务页面：", "The task's page:"),
            });
        }
        Letter::Digest { items, more } => {
            let n = items.len() + more;
            page.subject = if zh {
                format!("[闭环] {n} 条消息汇总")
            } else {
                format!("[Bihuan] {n} messages")
            };
            page.heading = if zh {
                format!("{n} 条消息")
            } else {
                format!("{n} messages")
            };
            let mut links: Vec<LinkView> = items
                .iter()
                .map(|item| LinkView {
                    text: item.subject.clone(),
                    url: item.link.as_ref().map(|link| format!("{base}{link}")),
                })
                .collect();
            if *more > 0 {
                links.push(LinkView {
                    text: if zh {
                        format!("另有 {more} 条，请在控制台的发件箱查看")
                    } else {
                        format!("and {more} more: see the outbox in the console")
                    },
                    url: None,
                });
            }
            page.sections = vec![Section {
                links,
                ..section(&say("消息", "Messages"), Vec::new())
            }];
            page.footer = say(
                "这封邮件由闭环（Bihuan）按您的设置汇总发出。链接只属于您，请不要转发。",
                "Bihuan sent this digest as you wished. Its links are for you only: please do not pass them on.",
            );
        }
        Letter::Trial {
            by,
            template: Some(name),
        } => {
            let all = super::samples::all();
            if let Some((_, sample)) = all.iter().find(|(n, l)| n == name && l != letter) {
                let shown = self::page(sample, to, base);
                page = Page {
                    subject: say("[样例] ", "[sample] ") + &shown.subject,
                    footer: if zh {
                        format!("这是{by}发出的样例，里面的链接和数字都不是真的。")
                    } else {
                        format!("A sample, sent by {by}: its links and figures are not real.")
                    },
                    ..shown
                };
            }
        }
        Letter::Trial { by, template: None } => {
            page.subject = say("[闭环] 测试邮件", "[Bihuan] A test mail");
            page.heading = say("测试邮件", "A test mail");
            page.sections = vec![section(
                "",
                vec![if zh {
                    format!("{by} 发出了这封测试邮件。收到它，说明邮件设置可用。")
                } else {
                    format!("{by} sent this test mail. That it arrived shows that mail works.")
                }],
            )];
            page.footer = say(
                "这封邮件由闭环（Bihuan）自动发出。",
                "This mail was sent by Bihuan.",
            );
        }
        Letter::OwnerUnreachable {
            title,
            more,
            uncounted,
            owner,
            email,
            reason,
            link,
            ..
        } => {
            let all = 1 + more.len() + uncounted;
            let named = match (all, zh) {
                (1, _) => title.clone(),
                (_, true) => format!("{title} 等 {all} 项任务"),
                (_, false) => format!("{title} and {} more tasks", all - 1),
            };
            page.subject = if zh {
                format!("[闭环] 邮件送不到{owner}：{named}")
            } else {
                format!("[Bihuan] {owner} cannot be reached: {named}")
            };
            let mut tasks = vec![title.clone()];
            tasks.extend(more.iter().cloned());
            if *uncounted > 0 {
                tasks.push(say(
                    &format!("另有 {uncounted} 项"),
                    &format!("and {uncounted} more"),
                ));
            }
            page.heading = say("责任人收不到邮件", "The owner cannot be reached by mail");
            page.sections = vec![
                section(
                    "",
                    vec![
                        if zh {
                            format!("发给{owner}（{email}）的邮件被退回，已停止向这个地址发信。")
                        } else {
                            format!(
                                "Mails to {owner} ({email}) come back; nothing more is sent there."
                            )
                        },
                        say(
                            "请改派任务，或更正地址后由管理员重新启用；扣留的邮件届时会补发。",
                            "Please reassign the task, or have an administrator enable the address again; mails that \
                             are held back go out then.",
                        ),
                    ],
                ),
                Section {
                    items: tasks,
                    ..section(&say("任务", "Tasks"), Vec::new())
                },
                section(
                    &say("邮件系统的答复", "What the mail system said"),
                    vec![reason.clone()],
                ),
            ];
            page.button = Some(Button {
                label: say("在控制台查看", "See it in the console"),
                url: format!("{base}{link}"),
                plain: say("在控制台查看：", "In the console:"),
            });
            page.footer = say(
                "这封邮件由闭环（Bihuan）自动发出。",
                "This mail was sent by Bihuan.",
            );
        }
        Letter::PluginTrouble {
            key,
            title,
            worry,
            operation,
            code,
            message,
            at,
            link,
        } => {
            let title = pick(title);
            let (happened, means, act) = trouble(*worry, to.language);
            page.subject = if zh {
                format!("[闭环] 插件需要处理：{title} {happened}")
            } else {
                format!("[Bihuan] A plugin needs you: {title} {happened}")
            };
            page.heading = format!("{title} {happened}");
            let at = at.with_timezone(&to.time_zone).format("%Y-%m-%d %H:%M");
            let during = operation_name(operation, to.language);
            let facts = if zh {
                vec![
                    format!("插件配置：{key}"),
                    format!("时间：{at}，{during}时"),
                    format!("原因：{message}（{code}）"),
                ]
            } else {
                vec![
                    format!("Installation: {key}"),
                    format!("When: {at}, while {during}"),
                    format!("Why: {message} ({code})"),
                ]
            };
            page.sections = vec![
                Section {
                    items: facts,
                    ..section(&say("发生了什么", "What happened"), Vec::new())
                },
                section(&say("影响", "What it means"), vec![means.to_owned()]),
                section(&say("请您", "What to do"), vec![act.to_owned()]),
            ];
            page.button = Some(Button {
                label: say("在控制台查看插件", "See the plugins in the console"),
                url: format!("{base}{link}"),
                plain: say("在控制台查看：", "In the console:"),
            });
            page.footer = say(
                "这封邮件由闭环（Bihuan）自动发给管理员，同一事件只发一次。",
                "This mail was sent by Bihuan to its administrators, once for this event.",
            );
        }
    }
    // Where there is no link, none can be passed on.
    if page.button.is_none() && page.footer == of_link {
        page.footer = of_no_link;
    }
    if letter.thread().is_some() {
        let zone = to.time_zone.name();
        page.footer.push_str(&if zh {
            format!("时间均按 {zone} 计。")
        } else {
            format!(" Times are those of {zone}.")
        });
    }
    page
}

/// What happened, what it means and what helps.
fn trouble(worry: Worry, locale: Locale) -> (&'static str, &'static str, &'static str) {
    match (worry, locale) {
        (Worry::Paused, Locale::ZhCn) => (
            "已暂停",
            "在您处理之前它不再运行。对方推送来的内容照常收下，处理后继续，不会丢失。",
            "请检查它的设置、密钥和授权。保存后它会自动继续。",
        ),
        (Worry::Paused, Locale::En) => (
            "is paused",
            "It does not run before you act. What its source sends is kept and worked off afterwards: nothing is lost.",
            "Check its settings, secrets and grants. It goes on by itself once they are saved.",
        ),
        (Worry::Resting, Locale::ZhCn) => (
            "多次出错，正在休息",
            "休息一段时间后会自动重试，间隔会越来越长。内容不会丢失，只会晚到。",
            "如果反复出现，请查看日志，升级插件或退回上一个版本。",
        ),
        (Worry::Resting, Locale::En) => (
            "failed repeatedly and rests",
            "It is tried again by itself, after longer and longer rests. Nothing is lost, it only arrives later.",
            "If it keeps happening look at its log, and upgrade the plugin or roll it back.",
        ),
        (Worry::Quarantined, Locale::ZhCn) => (
            "已隔离",
            "休息多次后仍然出错，不再自动重试。对方推送来的内容照常收下，放行后继续，不会丢失。",
            "请查看日志，升级插件或退回上一个版本；也可以在控制台点“立即运行”放行。",
        ),
        (Worry::Quarantined, Locale::En) => (
            "is quarantined",
            "It went on failing after many rests and is not tried again by itself. What its source sends is kept and \
             worked off once it is released: nothing is lost.",
            "Look at its log, then upgrade the plugin or roll it back; or release it in the console with \"Run now\".",
        ),
    }
}

fn operation_name(operation: &str, locale: Locale) -> &'static str {
    let (zh, en) = match operation {
        "pull" => ("拉取数据", "pulling data"),
        "hooks" => ("处理对方推送的内容", "working off what its source sent"),
        "acks" => ("向来源确认收到", "telling its source what was kept"),
        "check" => ("自检", "checking itself"),
        "notify" => ("发送群消息", "posting a message"),
        "publish" => ("发布知识条目", "publishing an article"),
        _ => ("运行", "running"),
    };
    if locale == Locale::ZhCn { zh } else { en }
}

fn answer(event: &str, locale: Locale) -> &'static str {
    let (zh, en) = match event {
        "task.accepted" => ("已接受任务", "accepted the task"),
        "task.declined" => ("拒绝了任务", "declined the task"),
        "task.handed_over" => ("转交了任务", "handed the task over"),
        "task.passed_on" => ("把任务转给了代理人", "passed the task on"),
        "task.referred" => (
            "再次拒绝或转交，需要裁定",
            "refused it once too often: it needs a decision",
        ),
        "task.asked" => ("有疑问", "has a question"),
        "task.commented" => ("回复了任务", "replied about the task"),
        "task.due_proposed" => ("希望改期", "proposes another due date for the task"),
        "task.completed" => ("已完成任务", "completed the task"),
        "task.submitted" => (
            "已完成任务，等待审批",
            "completed the task, which waits for an approval",
        ),
        "task.approved" => ("同意了任务的完成", "approved what was done"),
        "task.rejected" => ("没有同意，已退回", "did not approve it and gave it back"),
        "task.judged" => ("给出了结论", "reached a verdict"),
        _ => ("更新了任务", "changed the task"),
    };
    if locale == Locale::ZhCn { zh } else { en }
}

/// A verdict in the words of the field.
#[must_use]
pub fn verdict_name(verdict: Verdict, locale: Locale) -> &'static str {
    let (zh, en) = match verdict {
        Verdict::Improved => ("已验证有效", "Improved"),
        Verdict::Recovered => ("已恢复（原因未证实）", "Recovered (cause unproven)"),
        Verdict::NoEffect => ("未见效果", "No effect"),
        Verdict::Worse => ("变差（重新打开）", "Worse (reopened)"),
        Verdict::Pending => ("数据还不够", "Not enough data yet"),
        Verdict::Inconclusive => ("证据不足", "Inconclusive"),
    };
    if locale == Locale::ZhCn { zh } else { en }
}
