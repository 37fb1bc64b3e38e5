//! What a mail says of a task that is unanswered, silent or late.

use super::compose::{Button, Page, section};
use super::letter::{Letter, Recipient};
use chrono::{DateTime, Utc};
use domain::organisation::Locale;
use domain::tasks::escalation::{Action, When};

/// Fills a page from a [`Letter::TaskEscalated`]; leaves it alone for any other letter.
pub(super) fn fill(page: &mut Page, letter: &Letter, to: &Recipient, base: &str) {
    let Letter::TaskEscalated {
        title,
        when,
        action,
        since,
        due_at,
        owner,
        department,
        instead,
        next,
        link,
        ..
    } = letter
    else {
        return;
    };
    let zh = to.language == Locale::ZhCn;
    let say = |z: &str, e: &str| if zh { z.to_owned() } else { e.to_owned() };
    let local = |at: &DateTime<Utc>| {
        at.with_timezone(&to.time_zone)
            .format("%Y-%m-%d %H:%M")
            .to_string()
    };
    let (due, since) = (local(due_at), local(since));
    let own = matches!(action, Action::RemindOwner | Action::RemindApprover) && !instead;
    let head = match (when, own, zh) {
        (When::Unanswered, true, true) => "等待您的答复".to_owned(),
        (When::Unanswered, true, false) => "Waiting for your answer".to_owned(),
        (When::Silent, true, true) => "请更新进度".to_owned(),
        (When::Silent, true, false) => "Please report progress".to_owned(),
        (When::BeforeDue, true, true) => "即将到期".to_owned(),
        (When::BeforeDue, true, false) => "Soon due".to_owned(),
        (When::AfterDue, true, true) => "已逾期".to_owned(),
        (When::AfterDue, true, false) => "Overdue".to_owned(),
        (When::Unapproved, true, true) => "等待您的审批".to_owned(),
        (When::Unapproved, true, false) => "Waiting for your approval".to_owned(),
        (When::Unapproved, false, true) => "任务无人审批".to_owned(),
        (When::Unapproved, false, false) => "Nobody has approved a task".to_owned(),
        (When::Unanswered, false, true) => format!("{owner}尚未答复"),
        (When::Unanswered, false, false) => format!("{owner} has not answered"),
        (When::Silent, false, true) => format!("{owner}没有新的进展"),
        (When::Silent, false, false) => format!("No progress from {owner}"),
        (When::BeforeDue, false, true) => format!("{owner}的任务即将到期"),
        (When::BeforeDue, false, false) => format!("A task of {owner} is soon due"),
        (When::AfterDue, false, true) => format!("{owner}的任务已逾期"),
        (When::AfterDue, false, false) => format!("A task of {owner} is overdue"),
    };
    let kind = if own {
        say("提醒", "Reminder")
    } else {
        say("升级", "Escalation")
    };
    page.subject = if zh {
        format!("[闭环] {kind}：{head}：{title}")
    } else {
        format!("[Bihuan] {kind}: {head}: {title}")
    };
    page.heading.clone_from(&head);
    let what = match (when, zh) {
        (When::Unanswered, true) => {
            format!("任务「{title}」自 {since} 起由{department}的{owner}负责，至今没有答复。")
        }
        (When::Unanswered, false) => {
            format!("\"{title}\" has been waiting for {owner} ({department}) since {since}.")
        }
        (When::Silent, true) => {
            format!("{department}的{owner}自 {since} 之后没有报告任务「{title}」的进展。")
        }
        (When::Silent, false) => {
            format!("{owner} ({department}) has reported nothing about \"{title}\" since {since}.")
        }
        (When::BeforeDue, true) => {
            format!("{department}的{owner}负责的任务「{title}」将于 {due} 到期。")
        }
        (When::BeforeDue, false) => {
            format!("\"{title}\" of {owner} ({department}) is due at {due}.")
        }
        (When::AfterDue, true) => {
            format!("{department}的{owner}负责的任务「{title}」已于 {due} 到期，尚未完成。")
        }
        (When::AfterDue, false) => {
            format!("\"{title}\" of {owner} ({department}) was due at {due} and is not done.")
        }
        (When::Unapproved, true) => {
            format!("{department}的{owner}已完成任务「{title}」，自 {since} 起等待审批。")
        }
        (When::Unapproved, false) => {
            format!(
                "{owner} ({department}) has completed \"{title}\", which has been waiting for an approval since {since}."
            )
        }
    };
    let mut facts = vec![what];
    if !matches!(when, When::BeforeDue | When::AfterDue | When::Unapproved) {
        facts.push(if zh {
            format!("截止时间：{due}。")
        } else {
            format!("It is due at {due}.")
        });
    }
    if *instead {
        facts.push(say(
            "应当收到这封邮件的人不在岗或没有设置，所以由您收到。",
            "Whoever should get this mail is away or not known: therefore it comes to you.",
        ));
    }
    let ask = if *action == Action::RemindApprover {
        say(
            "请打开下面的页面查看完成情况，并选择同意或退回。无需登录。",
            "Please open the page below, see what was done, and approve it or give it back. No log-in.",
        )
    } else if *when == When::Unapproved {
        say(
            "请与审批人联系，或在控制台代为决定。",
            "Please talk to the approver, or decide in the console.",
        )
    } else if own {
        say(
            "请打开下面的页面接受、转交、报告进度或完成；也可以在那里选择改天再提醒。",
            "Open the page below to accept, hand over, report or complete it; there you can also choose to be \
             reminded on another day.",
        )
    } else {
        say(
            "请与责任人联系，或在控制台改派。责任人答复或报告进度后，这些提醒自动停止。",
            "Please talk to the owner, or give the task to somebody else in the console. An answer or a report \
             of the owner ends these mails.",
        )
    };
    let mut ahead = vec![ask];
    if let Some((action, at)) = next {
        let at = local(at);
        let (z, e) = match action {
            Action::RemindOwner => ("再次提醒责任人", "the owner is reminded again"),
            Action::TellManager => ("通知部门负责人", "the department's manager is told"),
            Action::HandToDeputy => ("把任务交给代理人", "the task goes to the deputy"),
            Action::TellVocOwner => ("通知客户之声负责人", "the VoC owner is told"),
            Action::TellArbiter => ("通知仲裁人", "the arbiter is told"),
            Action::RemindApprover => ("再次提醒审批人", "the approver is reminded again"),
        };
        ahead.push(if zh {
            format!("如果没有变化，{at} 将{z}。")
        } else {
            format!("If nothing changes, {e} at {at}.")
        });
    }
    page.sections = vec![
        section(&say("情况", "What happened"), facts),
        section(&say("接下来", "What comes next"), ahead),
    ];
    page.button = Some(Button {
        label: if link.starts_with("/a/") {
            say("打开任务（无需登录）", "Open the task (no log-in)")
        } else {
            say("在控制台查看", "See it in the console")
        },
        url: format!("{base}{link}"),
        plain: say("任务页面：", "The task's page:"),
    });
    if !link.starts_with("/a/") {
        page.footer = say(
            "这封邮件由闭环（Bihuan）自动发出。",
            "This mail was sent by Bihuan.",
        );
    }
}
