//! The chat of a department hears of what its owner gets by mail. E-mail stays the rule; a chat has many readers,
//! so it never carries a personal action link, only the task's page in the console.

use crate::app::App;
use crate::mail::Letter;
use crate::plugins::Note;
use domain::organisation::{Department, Locale};
use domain::tasks::Task;
use domain::verification::Verdict;
use storage::{DbError, Tx};

/// Writes the message of a letter into the outbox, where the department or the organisation names a notifier.
pub(super) async fn tell(
    app: &App,
    tx: &Tx,
    task: &Task,
    letter: &Letter,
    mail_key: &str,
) -> Result<(), DbError> {
    let organisation = storage::organisation::organisation(tx).await?;
    let department = storage::organisation::get::<Department>(tx, &task.department).await?;
    let notifier = department
        .as_ref()
        .and_then(|d| d.notifier.clone())
        .or(organisation.notifier);
    let Some(notifier) = notifier else {
        return Ok(());
    };
    let name = department.map_or_else(|| task.department.clone(), |d| d.title().to_owned());
    let due = task
        .due_at
        .with_timezone(&organisation.zone)
        .format("%Y-%m-%d %H:%M")
        .to_string();
    let Some((title, text)) = says(letter, task, &name, &due, organisation.locale) else {
        return Ok(());
    };
    let link = format!("{}/tasks/{}", app.config.public_url, task.id);
    let see = match organisation.locale {
        Locale::ZhCn => "操作请用责任人收到的邮件。",
        Locale::En => "To act, the owner uses the mail.",
    };
    let key = format!("chat:{mail_key}");
    let note = Note {
        markdown: format!("**{title}**\n\n{text}\n\n[{}]({link})\n\n{see}", task.title),
        text: format!("{text}\n{see}"),
        title,
        language: organisation.locale.as_str().to_owned(),
        link: Some(link),
        key: key.clone(),
    };
    let mut delivery = storage::notify::delivery(
        app.ids.next(),
        "chat",
        &notifier,
        key,
        // A line of its own: a chat that is down never holds up a mail.
        format!("chat:{notifier}:{}", task.id),
        serde_json::to_value(note).unwrap_or_default(),
        tx.now(),
    );
    delivery.task_id = Some(task.id.to_string());
    delivery.issue_id = Some(task.issue_id.to_string());
    crate::mail::enqueue(app, tx, &delivery).await.map(|_| ())
}

/// Title and text; `None`: nothing for a chat.
fn says(
    letter: &Letter,
    task: &Task,
    department: &str,
    due: &str,
    locale: Locale,
) -> Option<(String, String)> {
    let zh = locale == Locale::ZhCn;
    let owner = task.owner.display_name();
    match letter {
        Letter::TaskOffered { title, urgent, .. } => Some(if zh {
            let mark = if *urgent { "【加急】" } else { "" };
            (
                format!("{mark}新的改进任务：{title}"),
                format!("{department}，责任人 {owner}，截止 {due}。"),
            )
        } else {
            let mark = if *urgent { "[urgent] " } else { "" };
            (
                format!("{mark}New improvement task: {title}"),
                format!("{department}, owner {owner}, due {due}."),
            )
        }),
        Letter::TaskCancelled { title, .. } => Some(if zh {
            (
                format!("任务已取消：{title}"),
                format!("{department}，责任人 {owner}。"),
            )
        } else {
            (
                format!("Task withdrawn: {title}"),
                format!("{department}, owner {owner}."),
            )
        }),
        Letter::TaskVerdict {
            title,
            verdict,
            sentence,
            ..
        } => {
            let word = verdict_word(*verdict, zh);
            Some(if zh {
                (format!("效果验证：{title} — {word}"), sentence.zh.clone())
            } else {
                (format!("Verified: {title} — {word}"), sentence.en.clone())
            })
        }
        Letter::TaskDueMoved { title, .. } => Some(if zh {
            (
                format!("截止时间变更：{title}"),
                format!("{department}，责任人 {owner}，新的截止时间 {due}。"),
            )
        } else {
            (
                format!("Due time moved: {title}"),
                format!("{department}, owner {owner}, now due {due}."),
            )
        }),
        Letter::IssueNotice { .. }
        | Letter::PluginTrouble { .. }
        | Letter::TaskReply { .. }
        | Letter::LoopNote { .. }
        | Letter::AlarmWithdrawn { .. }
        | Letter::TaskTaken { .. }
        | Letter::TaskEscalated { .. }
        | Letter::TaskAnswer { .. }
        | Letter::TaskNote { .. }
        | Letter::ApprovalAsked { .. }
        | Letter::MailAnswer { .. }
        | Letter::Digest { .. }
        | Letter::Trial { .. }
        | Letter::OwnerUnreachable { .. } => None,
    }
}

fn verdict_word(verdict: Verdict, zh: bool) -> &'static str {
    match (verdict, zh) {
        (Verdict::Improved, true) => "已验证有效",
        (Verdict::Improved, false) => "improved",
        (Verdict::Recovered, true) => "已恢复（原因未证实）",
        (Verdict::Recovered, false) => "recovered, cause not proven",
        (Verdict::NoEffect, true) => "未见效果",
        (Verdict::NoEffect, false) => "no effect",
        (Verdict::Worse, true) => "变差，已重新打开",
        (Verdict::Worse, false) => "worse, reopened",
        (Verdict::Pending, true) => "数据还不够",
        (Verdict::Pending, false) => "not enough data yet",
        (Verdict::Inconclusive, true) => "证据不足",
        (Verdict::Inconclusive, false) => "inconclusive",
    }
}
