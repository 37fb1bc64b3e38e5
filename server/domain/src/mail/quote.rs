//! The last reply only. There is no standard for quoting; this knows how the common clients of China
//! and of the West do it, and errs on the side of cutting at a line that only a program writes.

use super::plain;

/// Words that stand between dashes above a quotation.
const BETWEEN_DASHES: [&str; 14] = [
    "原始邮件",
    "原始郵件",
    "原邮件",
    "原始信息",
    "回复的原邮件",
    "转发邮件",
    "转发邮件信息",
    "转发的邮件",
    "original message",
    "original",
    "forwarded message",
    "reply message",
    "回复邮件",
    "邮件原文",
];

/// First field of a block of headers above a quotation.
const FIRST_FIELD: [&str; 5] = ["from:", "发件人:", "發件人:", "寄件者:", "寄件人:"];
/// Other fields of such a block.
const OTHER_FIELD: [&str; 17] = [
    "sent:",
    "date:",
    "to:",
    "cc:",
    "subject:",
    "发送时间:",
    "发送日期:",
    "日期:",
    "时间:",
    "收件人:",
    "抄送:",
    "抄送人:",
    "主题:",
    "傳送時間:",
    "收件者:",
    "主旨:",
    "寄件日期:",
];

/// What phones and programs sign with.
const SIGNED_BY: [&str; 16] = [
    "发自我的",
    "发送自",
    "发自",
    "來自我的",
    "来自我的",
    "来自企业微信",
    "从 windows 版",
    "从我的",
    "获取 outlook for",
    "获取适用于",
    "sent from",
    "get outlook for",
    "由网易",
    "由 foxmail",
    "来自qq邮箱",
    "通过企业微信",
];

/// A line without the decorations of quoting and of HTML that was made into text.
fn bare(line: &str) -> String {
    let text: String = plain(line)
        .into_iter()
        .filter(|c| !matches!(c, '*' | '\u{200b}' | '\u{feff}' | '|'))
        .collect();
    // `发件人 :` and `From :` exist.
    text.trim().replace(" :", ":").replace("&nbsp;", " ")
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with(['>', '＞'])
}

fn has_dashes(text: &str) -> bool {
    let lead = text
        .chars()
        .take_while(|c| matches!(c, '-' | '_' | '—' | '='))
        .count();
    lead >= 2
        && BETWEEN_DASHES.contains(
            &text.trim_matches(|c: char| matches!(c, '-' | '_' | '—' | '=') || c.is_whitespace()),
        )
}

/// `在 2026年…，… 写道：`, `On … wrote:`, `… 于 … 写道：` and their wrapped halves: where they end.
fn attribution(lines: &[&str], at: usize) -> Option<usize> {
    let first = bare(lines.get(at)?.trim_start_matches(['>', ' ']));
    if first.is_empty() {
        return None;
    }
    let ends = |text: &str| {
        let text = text.trim_end();
        ["写道:", "寫道:", "wrote:", "写道", "来信:", "写:"]
            .iter()
            .any(|end| text.ends_with(end))
    };
    // A date, a clock or an address makes it a program's line and not a sentence of somebody.
    let technical = |text: &str| {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        text.contains('@') || digits >= 4
    };
    let opens = |text: &str| {
        text.starts_with("on ")
            || text.starts_with("at ")
            || text.starts_with('在')
            || text.contains('于')
            || text.contains('於')
            || text.contains('<')
            || text.starts_with(|c: char| c.is_ascii_digit())
    };
    if !opens(&first) {
        return None;
    }
    let mut joined = String::new();
    for n in 0..3 {
        let Some(line) = lines.get(at + n) else { break };
        let line = bare(line.trim_start_matches(['>', ' ']));
        if n > 0 && line.is_empty() {
            break;
        }
        joined.push_str(&line);
        joined.push(' ');
        if ends(&line) && technical(&joined) {
            return Some(at + n);
        }
    }
    None
}

/// A block of header fields as Outlook, Foxmail and Exmail put it above the quotation.
fn header_block(lines: &[&str], at: usize) -> bool {
    let starts = |text: &str, all: &[&str]| all.iter().any(|f| text.starts_with(f));
    let first = bare(lines[at].trim_start_matches(['>', ' ']));
    if !starts(&first, &FIRST_FIELD) {
        return false;
    }
    // All in one line: HTML that was made into text.
    if OTHER_FIELD.iter().any(|f| first.contains(&format!(" {f}"))) {
        return true;
    }
    lines[at + 1..]
        .iter()
        .take(6)
        .map(|line| bare(line.trim_start_matches(['>', ' '])))
        .any(|line| starts(&line, &OTHER_FIELD))
}

fn signature(line: &str) -> bool {
    if line == "-- " || line.trim() == "--" {
        return true;
    }
    let text = bare(line);
    let short = text.chars().count() <= 60;
    short && SIGNED_BY.iter().any(|s| text.starts_with(s))
}

/// A line of underscores or dashes alone: Outlook draws one above its block of headers.
fn is_rule(line: &str) -> bool {
    let text = line.trim();
    text.chars().count() >= 10 && text.chars().all(|c| matches!(c, '_' | '-' | '─' | '—'))
}

/// What the writer says now. `ours` tells lines that stand at the head of every mail of ours: what comes
/// behind one is our own mail, whatever the client did to it.
///
/// Empty when nothing but quotation is there.
#[must_use]
pub fn own_words(text: &str, ours: impl Fn(&str) -> bool) -> String {
    let normal = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = normal.lines().take(5000).collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut signed = false;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let inside = line.trim_start_matches(['>', '＞', ' ', '\t']);
        if let Some(end) = attribution(&lines, at) {
            // Where a quotation with signs follows, an answer may stand below it or in between; where
            // none follows the client quotes without signs, and all the rest is quotation.
            let next = lines[end + 1..].iter().find(|l| !l.trim().is_empty());
            if next.is_some_and(|l| is_quoted(l)) || is_quoted(line) {
                signed = false;
                at = end + 1;
                continue;
            }
            break;
        }
        if is_quoted(line) {
            signed = false;
            at += 1;
            continue;
        }
        if ours(inside) || has_dashes(&bare(inside)) || header_block(&lines, at) {
            break;
        }
        if is_rule(line)
            && lines[at + 1..]
                .iter()
                .position(|l| !l.trim().is_empty())
                .is_some_and(|n| header_block(&lines, at + 1 + n))
        {
            break;
        }
        // What follows a signature is part of it, until a quotation ends it: some answer below.
        signed = signed || signature(line);
        if !signed {
            kept.push(line.trim_end());
        }
        at += 1;
    }
    let words: String = kept
        .join("\n")
        .chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}'))
        .take(super::TEXT_LIMIT)
        .collect();
    words.trim().to_owned()
}
