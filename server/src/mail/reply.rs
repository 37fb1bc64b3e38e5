//! What a mail says of answering it, and what it says to an answer that could not act.

use super::compose::{Page, Section, Shown, section};
use super::letter::{Letter, Problem, Recipient};
use super::marks::Role;
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use domain::organisation::Locale;
use domain::tasks::kind::Track;

/// Says what can be replied, where its reader is asked for something.
pub(super) fn explain(page: &mut Page, letter: &Letter, to: &Recipient, shown: &Shown) {
    let (zh, zone) = (to.language == Locale::ZhCn, to.time_zone);
    match (shown.role, letter) {
        (
            Some(Role::Owner),
            Letter::TaskOffered { .. }
            | Letter::TaskEscalated { .. }
            | Letter::TaskReply { .. }
            | Letter::TaskDueMoved { .. }
            | Letter::TaskVerdict { link: Some(_), .. }
            | Letter::MailAnswer { yours: true, .. },
        ) => {
            page.sections.push(to_an_owner(shown, zone, zh));
            page.sections.extend(counted(&shown.track, zh));
        }
        (Some(Role::Owner), Letter::TaskNote { what, .. })
            if matches!(what.as_str(), "reminded" | "rejected" | "link") =>
        {
            page.sections.push(to_an_owner(shown, zone, zh));
            page.sections.extend(counted(&shown.track, zh));
        }
        (
            Some(Role::Approver),
            Letter::ApprovalAsked { .. }
            | Letter::TaskEscalated { .. }
            | Letter::MailAnswer { yours: true, .. },
        ) => page.sections.push(to_an_approver(zh)),
        (Some(Role::Assigner), Letter::TaskAnswer { event, .. })
            if event == "task.due_proposed" =>
        {
            page.sections.push(to_an_assigner(zh));
        }
        _ => {}
    }
}

fn lines(zh: bool, label: (&str, &str), intro: (&str, &str), items: &[(&str, &str)]) -> Section {
    let pick = |(z, e): (&str, &str)| if zh { z.to_owned() } else { e.to_owned() };
    Section {
        items: items.iter().map(|item| pick(*item)).collect(),
        ..section(&pick(label), vec![pick(intro)])
    }
}

const LABEL: (&str, &str) = ("也可以直接回复这封邮件", "Or simply reply to this mail");
const INTRO: (&str, &str) = (
    "在回复的第一行写下面的一句即可，无需登录：",
    "Write one of these as the first line of your reply; no log-in:",
);

/// A day as people write it.
fn day(at: NaiveDate, zh: bool) -> String {
    if zh {
        at.format("%-m月%-d日").to_string()
    } else {
        at.format("%b %-d").to_string()
    }
}

fn to_an_owner(shown: &Shown, zone: Tz, zh: bool) -> Section {
    // Examples that could be meant: a later date than the present one, a reminder before it.
    let due = shown.due_at.map(|at| at.with_timezone(&zone).date_naive());
    let due = due
        .or_else(|| NaiveDate::from_ymd_opt(2026, 12, 3))
        .unwrap_or_default();
    let extend = day(due + TimeDelta::days(7), zh);
    let remind = day(due - TimeDelta::days(1), zh);
    let extend = (
        format!("延期到 {extend} 原因（或：延期一周）"),
        format!("extend to {extend}, REASON (or: extend by a week)"),
    );
    let remind = (
        format!("暂缓提醒到 {remind}"),
        format!("remind me on {remind}"),
    );
    let mut section = lines(
        zh,
        LABEL,
        INTRO,
        &[
            (
                "接受（可以接着写，例如：接受，延期一周）",
                "accept (and more, for example: accept, extend by a week)",
            ),
            (
                "拒绝 原因（可加“转给 某部门”）",
                "decline REASON (and, if you like, \"to DEPARTMENT\")",
            ),
            ("转交 部门 原因", "hand over to DEPARTMENT, REASON"),
            ("提问 您的问题", "question YOUR QUESTION"),
            (&extend.0, &extend.1),
            ("进度 60% 说明", "progress 60% REMARK"),
            (&remind.0, &remind.1),
            (
                "完成 做了什么（可附文件，可写“上线时间 12月1日”）",
                "done WHAT WAS DONE (files may be attached; \"live since Dec 1\" is understood)",
            ),
        ],
    );
    if matches!(
        shown.track,
        Track::Checklist { .. } | Track::Coverage { .. }
    ) {
        section.items.retain(|line| !line.contains("60%"));
    }
    section
}

fn to_an_approver(zh: bool) -> Section {
    lines(
        zh,
        LABEL,
        INTRO,
        &[
            ("同意（可加一句话）", "approve (and a word, if you like)"),
            ("退回 原因", "reject REASON"),
        ],
    )
}

fn to_an_assigner(zh: bool) -> Section {
    lines(
        zh,
        LABEL,
        INTRO,
        &[
            ("同意", "agreed"),
            (
                "同意，最晚 12月1日（改成另一天）",
                "agreed, by Dec 1 (another day)",
            ),
            (
                "不同意 原因（维持不变）",
                "decline REASON (it stays as it is)",
            ),
        ],
    )
}

/// How the progress of a task is told that counts something; nothing where it is the owner's estimate.
fn counted(track: &Track, zh: bool) -> Option<Section> {
    let label = ("这项任务这样报进度", "How to report progress of this task");
    match track {
        Track::Percent => None,
        Track::Checklist { items } => {
            let intro = (
                "回复“清单 1、3 完成”（写编号），写错了用“取消勾选 3”：",
                "Reply \"items 1, 3 done\" with the numbers below; \"untick 3\" takes one back:",
            );
            let items = items.iter().enumerate().map(|(n, item)| {
                let sign = if item.done_at.is_some() { "☑" } else { "☐" };
                format!("{}. {sign} {}", n + 1, item.text)
            });
            Some(Section {
                items: items.collect(),
                ..lines(zh, label, intro, &[])
            })
        }
        Track::Coverage {
            group,
            total,
            trained,
        } => Some(section(
            if zh { label.0 } else { label.1 },
            vec![if zh {
                format!("{group} 已培训 {trained}/{total} 人。回复“已培训 45/{total}”即可更新。")
            } else {
                format!(
                    "{trained} of {total} ({group}) are trained. Reply \"trained 45 of {total}\"."
                )
            }],
        )),
        Track::Ticket(_) => Some(lines(
            zh,
            label,
            (
                "进度看外部工单，回复链接和状态：",
                "Its progress is an external ticket; reply with its link and state:",
            ),
            &[
                ("工单 处理中 https://…", "ticket in progress https://…"),
                (
                    "工单 已完成（或：未开始、处理中、不做）",
                    "ticket done (or: open, in progress, rejected)",
                ),
            ],
        )),
    }
}

/// Why a mail did not act, for its writer.
pub(super) fn problem_text(problem: Problem, locale: Locale) -> &'static str {
    let (zh, en) = match problem {
        Problem::Help => ("可以这样回复：", "This is what you can reply:"),
        Problem::NotUnderstood => (
            "您的话已记入任务并转给指派人。它不像一条指令，所以任务没有变化。",
            "Your words were kept with the task and passed on to whoever assigned it. They are no command, so the \
             task did not change.",
        ),
        Problem::State => (
            "任务现在的状态不允许这一步，所以没有变化。",
            "The task's present state does not allow this, so nothing changed.",
        ),
        Problem::NotYours => (
            "这项任务已不由您负责，或答复的期限已过，所以没有变化。",
            "This task is no longer yours, or the time for answers is over, so nothing changed.",
        ),
        Problem::NoReason => (
            "不接受或退回都需要说明原因。请再回复一次，例如：拒绝 人手不够，请转给某部门。",
            "A refusal needs a reason. Please reply again, for example: decline we have nobody for this.",
        ),
        Problem::NoSolution => (
            "请写明做了什么。例如：完成 已修改短信模板并上线。",
            "Please say what was done, for example: done the text message was rewritten and is live.",
        ),
        Problem::NoDate => (
            "没有看懂日期。例如：延期到 12月3日。",
            "The date could not be read. For example: extend to 2026-12-03.",
        ),
        Problem::BadDate => (
            "这个日期不可用：应在将来，两年之内。",
            "That date cannot be: it must be ahead, within two years.",
        ),
        Problem::SameDate => (
            "这就是现在的截止时间，所以没有变化。",
            "That is when the task is due already, so nothing changed.",
        ),
        Problem::BadPercent => (
            "进度请写 0% 到 100%。",
            "Progress is a number from 0% to 100%.",
        ),
        Problem::Counted => (
            "这项任务的进度是数出来的，不按百分比报。请照下面的写法回复。",
            "The progress of this task is counted, not estimated. Please reply as shown below.",
        ),
        Problem::NoItem => (
            "清单里没有这个编号，所以没有变化。清单见下面。",
            "The checklist has no item of that number, so nothing changed. It stands below.",
        ),
        Problem::BadCount => (
            "人数不对：已培训的不能比总人数多。总人数变了请一起写，例如：已培训 45/64。",
            "The figures cannot be: more people than the group has. If the group has changed say both, for example: \
             trained 45 of 64.",
        ),
        Problem::BadLink => (
            "工单链接应以 http:// 或 https:// 开头。",
            "The link of a ticket begins with http:// or https://.",
        ),
        Problem::BadReminder => (
            "提醒可以推迟到将来的某一天，最晚到任务的截止时间。例如：暂缓提醒到 12月3日。",
            "Reminders can be put off to a day ahead, at the latest to the due time. For example: remind me on Dec 3.",
        ),
        Problem::Late => (
            "上一封邮件的期限已过，所以没有变化。任务仍由您负责：这封邮件和其中的链接 7 天内有效，请再回复一次。",
            "The time of the earlier mail is over, so nothing changed. The task is still yours: this mail and its link \
             are good for 7 days. Please reply once more.",
        ),
        Problem::Decided => (
            "这次审批已经有结论，或任务已有变化，所以没有变化。",
            "That approval is decided, or the task has moved on, so nothing changed.",
        ),
        Problem::NoRuling => (
            "您的话已记入任务并转给责任人。它不是明确的“同意”或“退回”，所以审批还在等您。",
            "Your words were kept with the task and passed on to its owner. They are no clear yes or no, so the \
             approval still waits for you.",
        ),
        Problem::NoDepartment => (
            "没有找到这个部门，或该部门没有责任人。请写下面的名称之一。",
            "That department is not known, or has nobody to ask. Please write one of the names below.",
        ),
        Problem::TooLong => ("文字太长了。", "The text is too long."),
        Problem::TooLarge => (
            "邮件太大，没有读取。邮件最大 25 MB，单个附件最大 10 MB。",
            "The mail is too large and was not read: a mail has at most 25 MB, a file at most 10 MB.",
        ),
        Problem::FileLeftOut => (
            "已经处理，但有附件没有保存：只收文档、图片、录音、视频和 zip，单个最大 10 MB，每封最多 10 个。",
            "It was done, but a file was not kept: documents, pictures, recordings, films and zip are taken, at most 10 MB each \
             and 10 files a mail.",
        ),
        Problem::NoProof => (
            "回复里没有“请保留此行”的那一行，也无法确认发件人。请从原邮件重新回复，并保留引用的内容。",
            "The line to be kept is missing and the sender could not be verified. Please reply to the original mail \
             again and keep the quoted text.",
        ),
    };
    if locale == Locale::ZhCn { zh } else { en }
}
