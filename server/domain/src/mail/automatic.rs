//! Mails that nobody wrote (RFC 3834): they are never answered and never act.

use super::Incoming;

/// Header field that every mail of ours carries.
pub const LOOP_HEADER: &str = "x-bihuan-loop";

/// Why a mail is taken for automatic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Automatic {
    /// One of our own mails came back to us.
    Own,
    /// `Auto-Submitted` other than `no` (RFC 3834, 5).
    AutoSubmitted,
    /// `Precedence: bulk`, `list`, `junk` or `auto_reply`.
    Precedence,
    /// `X-Autoreply` and its kin.
    AutoReply,
    /// `List-Id`, `List-Unsubscribe` and other fields of mailing lists (RFC 2369, RFC 2919).
    List,
    /// An empty `Return-Path`: the sender wants no answer (RFC 5321, 4.5.5).
    NullSender,
    /// The writer is the mail system itself.
    MailSystem,
    /// The subject begins as absence notices do.
    OutOfOffice,
}

impl Automatic {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own_mail",
            Self::AutoSubmitted => "auto_submitted",
            Self::Precedence => "precedence",
            Self::AutoReply => "auto_reply",
            Self::List => "mailing_list",
            Self::NullSender => "null_sender",
            Self::MailSystem => "mail_system",
            Self::OutOfOffice => "out_of_office",
        }
    }
}

/// What absence notices put before the subject that they answer. A colon must follow: tasks may well be
/// *about* automatic answers.
const ABSENT: [&str; 17] = [
    "自动回复",
    "自动答复",
    "自动應答",
    "自动应答",
    "自動回覆",
    "自動回復",
    "休假自动回复",
    "外出自动回复",
    "外出",
    "不在办公室",
    "automatic reply",
    "auto reply",
    "auto-reply",
    "autoreply",
    "out of office",
    "out of office autoreply",
    "out of the office",
];

/// Whether nobody wrote this mail, and what shows it. `own` = addresses that mails of ours come from.
#[must_use]
pub fn automatic(mail: &Incoming, own: &[&str]) -> Option<Automatic> {
    let from = mail.from.as_deref().unwrap_or_default();
    if mail.header(LOOP_HEADER).is_some()
        || own.iter().any(|address| address.eq_ignore_ascii_case(from))
    {
        return Some(Automatic::Own);
    }
    let value = |name: &str| mail.header(name).map(str::to_ascii_lowercase);
    // Parameters may follow: `auto-replied; owner-email=…`.
    let word = |text: &str| text.split([';', ' ']).next().unwrap_or_default().to_owned();
    if value("auto-submitted").is_some_and(|v| word(&v) != "no") {
        return Some(Automatic::AutoSubmitted);
    }
    if value("precedence").is_some_and(|v| {
        matches!(
            word(&v).as_str(),
            "bulk" | "list" | "junk" | "auto_reply" | "auto-reply"
        )
    }) {
        return Some(Automatic::Precedence);
    }
    let marked = [
        "x-autoreply",
        "x-autorespond",
        "x-auto-reply",
        "x-autoreply-from",
    ];
    if marked
        .iter()
        .any(|name| value(name).is_some_and(|v| v != "no" && v != "false"))
    {
        return Some(Automatic::AutoReply);
    }
    if mail.headers.iter().any(|(name, _)| {
        matches!(
            name.as_str(),
            "list-id"
                | "list-unsubscribe"
                | "list-post"
                | "list-help"
                | "list-subscribe"
                | "list-owner"
        )
    }) {
        return Some(Automatic::List);
    }
    if mail
        .header("return-path")
        .is_some_and(|path| path.trim_matches(['<', '>', ' ']).is_empty())
    {
        return Some(Automatic::NullSender);
    }
    let local = from.split('@').next().unwrap_or_default();
    if matches!(
        local,
        "mailer-daemon" | "postmaster" | "noreply" | "no-reply" | "donotreply"
    ) {
        return Some(Automatic::MailSystem);
    }
    let subject: String = super::plain(mail.subject.trim()).into_iter().collect();
    ABSENT
        .iter()
        .any(|start| {
            subject
                .strip_prefix(start)
                .is_some_and(|rest| rest.trim_start().starts_with(':') || rest.trim().is_empty())
        })
        .then_some(Automatic::OutOfOffice)
}
