//! Reports of the mail system: which mail did not arrive, where, and whether it ever will (RFC 3464).

use super::Incoming;

/// What became of a mail at one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nobody reads mail at this address: it will not get better by itself.
    Hard,
    /// It failed for another reason: full box, size, policy, a broken server.
    Soft,
    /// The mail system goes on trying.
    Delayed,
    /// It arrived, or was handed on.
    Delivered,
}

impl Severity {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
        }
    }
}

/// One recipient of a report (RFC 3464, 2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// `Final-Recipient`, lower case; the original one where the mail was forwarded.
    pub addresses: Vec<String>,
    /// `Status`, as `5.1.1` (RFC 3463).
    pub status: String,
    /// `Diagnostic-Code` or what the report says in words.
    pub diagnostic: String,
    /// What it means.
    pub severity: Severity,
}

/// A report about a mail of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What names the mail that it is about: our own mark, else its Message-ID without angle brackets.
    pub mail: Option<String>,
    /// Its recipients.
    pub recipients: Vec<Failed>,
}

/// Words of mail systems for an address that does not exist, where they give no useful status.
const NOBODY: [&str; 14] = [
    "user unknown",
    "unknown user",
    "no such user",
    "no such person",
    "no such recipient",
    "does not exist",
    "doesn't exist",
    "user not found",
    "mailbox not found",
    "recipient not found",
    "invalid recipient",
    "收件人不存在",
    "邮箱不存在",
    "地址不存在",
];
/// Words for other reasons, which win: "mailbox unavailable because it is full" is no dead address.
const OTHERWISE: [&str; 11] = [
    "full",
    "quota",
    "spam",
    "policy",
    "blocked",
    "blacklist",
    "too large",
    "rate",
    "已满",
    "垃圾邮件",
    "拒收",
];

/// What a status and its words mean, whatever brought them: a report, or the answer of an SMTP server.
/// RFC 3463: 5.1.x is about the address (5.1.7 and 5.1.8 about the sender's), 5.2.1 a closed box.
#[must_use]
pub fn severity(action: &str, status: &str, words: &str) -> Severity {
    match action {
        "delayed" => return Severity::Delayed,
        "delivered" | "relayed" | "expanded" => return Severity::Delivered,
        _ => {}
    }
    let words = words.to_lowercase();
    let otherwise = OTHERWISE.iter().any(|w| words.contains(w));
    match status {
        "5.1.0" | "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1" => Severity::Hard,
        s if s.starts_with('4') => Severity::Soft,
        "" | "5.0.0" | "5.5.0" | "5.4.0" | "5.4.1" | "5.4.4"
            if !otherwise && NOBODY.iter().any(|w| words.contains(w)) =>
        {
            Severity::Hard
        }
        _ => Severity::Soft,
    }
}

/// The first `n.n.n` of class 2, 4 or 5 in a text.
#[must_use]
pub fn status_in(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find_map(|start| {
        if !matches!(bytes[start], b'2' | b'4' | b'5')
            || (start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || bytes[start - 1] == b'.'))
        {
            return None;
        }
        let mut at = start + 1;
        for _ in 0..2 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            let digits = bytes[at + 1..]
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count();
            if !(1..=3).contains(&digits) {
                return None;
            }
            at += 1 + digits;
        }
        let ends = bytes
            .get(at)
            .is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'.');
        // A full stop at the end of a sentence is no fourth number.
        let stop =
            bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_none_or(|b| !b.is_ascii_digit());
        (ends || stop).then(|| &text[start..at])
    })
}

/// Whether a mail is a report, and what it says. Reports by RFC 3464, and those of daemons that write
/// only words; the latter count only where they name the mail.
#[must_use]
pub fn read(mail: &Incoming) -> Option<Report> {
    match &mail.delivery_status {
        Some(status) => Some(standard(mail, status)),
        None => informal(mail),
    }
}

/// `name: value` with folded lines joined, names in lower case.
fn fields(block: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = found.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            found.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    found
}

fn angle(id: &str) -> Option<String> {
    let inner = id.trim().trim_start_matches('<');
    let inner = inner.split(['>', ' ', '\t']).next().unwrap_or_default();
    (!inner.is_empty() && inner.len() <= 250).then(|| inner.to_owned())
}

/// What names a mail of ours in its header: our own mark, for some relays write Message-IDs of their own.
fn named(header: &str) -> Option<String> {
    let all = fields(header);
    ["x-bihuan-loop", "message-id"]
        .iter()
        .filter_map(|name| all.iter().find(|(n, _)| n == name))
        .find_map(|(_, value)| angle(value))
}

/// `rfc822; somebody@example.com`
fn address(value: &str) -> Option<String> {
    let address = value.split_once(';').map_or(value, |(_, a)| a);
    let address = address.trim().trim_matches(['<', '>']).to_lowercase();
    address.contains('@').then_some(address)
}

fn standard(mail: &Incoming, status: &str) -> Report {
    let of = |all: &[(String, String)], name: &str| {
        all.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
    };
    let normal = status.replace("\r\n", "\n");
    let recipients = normal
        .split("\n\n")
        .map(fields)
        .filter_map(|block| {
            let addresses: Vec<String> = ["final-recipient", "original-recipient"]
                .iter()
                .filter_map(|name| of(&block, name))
                .filter_map(|value| address(&value))
                .collect();
            let action = of(&block, "action").unwrap_or_default().to_lowercase();
            if addresses.is_empty() || action.is_empty() {
                return None;
            }
            let diagnostic = of(&block, "diagnostic-code").unwrap_or_default();
            let stated = of(&block, "status").unwrap_or_default();
            let stated = stated
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned();
            // Many gateways say 5.0.0 and put the useful number into the words.
            let status = match status_in(&diagnostic) {
                Some(better) if stated.is_empty() || stated.ends_with(".0.0") => better.to_owned(),
                _ => stated,
            };
            Some(Failed {
                severity: severity(&action, &status, &diagnostic),
                addresses,
                status,
                diagnostic: diagnostic.chars().take(500).collect(),
            })
        })
        .take(100)
        .collect();
    Report {
        mail: mail.reported_header.as_deref().and_then(named),
        recipients,
    }
}

/// Subjects of daemons that write no RFC 3464.
const RETURNED: [&str; 9] = [
    "系统退信",
    "退信",
    "邮件退回",
    "投递失败",
    "undeliver",
    "returned mail",
    "delivery status notification",
    "mail delivery failed",
    "failure notice",
];

fn informal(mail: &Incoming) -> Option<Report> {
    let from = mail.from.as_deref().unwrap_or_default();
    let local = from.split('@').next().unwrap_or_default();
    let daemon = matches!(local, "mailer-daemon" | "postmaster")
        || mail
            .header("return-path")
            .is_some_and(|p| p.trim_matches(['<', '>', ' ']).is_empty());
    let subject = mail.subject.to_lowercase();
    if !daemon || !RETURNED.iter().any(|w| subject.contains(w)) {
        return None;
    }
    let words = format!("{}\n{}", mail.text, mail.html_text);
    // Without the mail's own identity anybody could report anything.
    let below = |name: &str| {
        let at = words.to_ascii_lowercase().find(name)? + name.len();
        angle(words.get(at..)?)
    };
    let about = mail
        .reported_header
        .as_deref()
        .and_then(named)
        .or_else(|| below("x-bihuan-loop:"))
        .or_else(|| below("message-id:"))
        .or_else(|| mail.references.first().cloned());
    let status = status_in(&words).unwrap_or_default().to_owned();
    let mut addresses: Vec<String> = words
        .split(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.@".contains(c)))
        .map(|word| word.trim_matches('.').to_lowercase())
        .filter(|word| crate::organisation::is_email(word))
        .take(20)
        .collect();
    addresses.dedup();
    Some(Report {
        mail: about,
        recipients: vec![Failed {
            severity: severity("failed", &status, &words),
            addresses,
            status,
            diagnostic: mail
                .text
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .chars()
                .take(300)
                .collect(),
        }],
    })
}
