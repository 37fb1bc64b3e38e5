//! From a letter to subject, text and HTML, in the reader's language. One layout for all: a table of
//! 600 pixels with styles on the elements, because that is what Outlook and the Chinese clients keep.

use super::letter::{Letter, Quote, Recipient};
use domain::organisation::{Bilingual, Locale};
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
struct Section {
    label: String,
    paragraphs: Vec<String>,
    quotes: Vec<QuoteView>,
    items: Vec<String>,
}

#[derive(Serialize)]
struct QuoteView {
    text: String,
    from: String,
}

#[derive(Serialize)]
struct Page {
    locale: &'static str,
    subject: String,
    heading: String,
    greeting: String,
    sections: Vec<Section>,
    button: Option<Button>,
    footer: String,
}

#[derive(Serialize)]
struct Button {
    label: String,
    url: String,
    plain: String,
}

fn section(label: &str, paragraphs: Vec<String>) -> Section {
    Section {
        label: label.to_owned(),
        paragraphs,
        quotes: Vec::new(),
        items: Vec::new(),
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
pub fn render(letter: &Letter, to: &Recipient, base: &str) -> Result<Rendered, minijinja::Error> {
    let page = page(letter, to, base);
    let text = ENVIRONMENT
        .get_template("mail.txt")?
        .render(minijinja::value::Serde(&page))?;
    let html = ENVIRONMENT
        .get_template("mail.html")?
        .render(minijinja::value::Serde(&page))?;
    let subject = super::clean_name(&page.subject, 200);
    Ok(Rendered {
        subject,
        text: tidy(&text),
        html,
    })
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
    let greeting = if zh {
        format!("{}，您好：", to.name)
    } else {
        format!("Hello {},", to.name)
    };
    let footer = say(
        "这封邮件由闭环（Bihuan）自动发出。链接只属于您和这项任务，请不要转发。",
        "This mail was sent by Bihuan. Its link is for you and this task only: please do not pass it on.",
    );
    let mut page = Page {
        locale: to.language.as_str(),
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
            page.subject = match finding {
                Some(what) if zh => format!("[闭环] {back}{topic}：{}（{day}）", what.zh),
                Some(what) => format!("[Bihuan] {back}{topic}: {} ({day})", what.en),
                None if zh => {
                    format!("[闭环] {back}{topic}：{day} 来访 {count} 次，超过上限 {limit} 次")
                }
                None => format!(
                    "[Bihuan] {back}{topic}: {count} contacts on {day}, above the limit of {limit}"
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
                    "{day}，主题「{topic}」来访 {count} 次，超过设定的上限 {limit} 次。"
                )),
                None => data.push(format!(
                    "On {day} there were {count} contacts about {topic}, above the limit of {limit}."
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
            page.sections = vec![
                section(&say("数据", "Data"), data),
                section(
                    &say("接下来", "What happens next"),
                    vec![say(
                        "您不需要做任何事。如果再次触发，会另发通知。",
                        "There is nothing to do. Should it ring again, another notice follows.",
                    )],
                ),
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
                say("【限时 48 小时】", "[48 hours] ")
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
                page.sections.push(section(
                    &say("建议转给", "Suggested department"),
                    vec![department.clone()],
                ));
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
    }
    page
}

fn answer(event: &str, locale: Locale) -> &'static str {
    let (zh, en) = match event {
        "task.accepted" => ("已接受任务", "accepted the task"),
        "task.declined" => ("拒绝了任务", "declined the task"),
        "task.handed_over" => ("转交了任务", "handed the task over"),
        "task.asked" => ("有疑问", "has a question"),
        "task.completed" => ("已完成任务", "completed the task"),
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
