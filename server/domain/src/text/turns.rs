//! Who said what, in transcripts that came as one text.
//!
//! A transcript is a text whose lines (or, once that is clear, sentences) begin with a speaker:
//! `客服:`, `坐席1001：`, `机器人:`, `用户:`, `[14:13] 客户：`, `agent:`, `【顾客】` … A text of another shape has no
//! turns and is the customer's. One lone `客服：` is not enough: reviews say `客服：态度很好`.

use crate::intake::feedback::Speaker;

/// A turn of a split text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitTurn<'a> {
    /// Who speaks.
    pub speaker: Speaker,
    /// What was said, without the prefix, trimmed. Never empty.
    pub text: &'a str,
}

/// Words for speakers; longer ones first where one begins another.
const ROLES: [(&str, Speaker); 62] = [
    ("智能客服", Speaker::Bot),
    ("智能助手", Speaker::Bot),
    ("智能机器人", Speaker::Bot),
    ("客服机器人", Speaker::Bot),
    ("机器人客服", Speaker::Bot),
    ("机器人", Speaker::Bot),
    ("機器人", Speaker::Bot),
    ("系统消息", Speaker::Bot),
    ("系统", Speaker::Bot),
    ("自动回复", Speaker::Bot),
    ("chatbot", Speaker::Bot),
    ("robot", Speaker::Bot),
    ("bot", Speaker::Bot),
    ("system", Speaker::Bot),
    ("ivr", Speaker::Bot),
    ("人工客服", Speaker::Agent),
    ("在线客服", Speaker::Agent),
    ("客服人员", Speaker::Agent),
    ("客服代表", Speaker::Agent),
    ("客服专员", Speaker::Agent),
    ("客服", Speaker::Agent),
    ("坐席", Speaker::Agent),
    ("座席", Speaker::Agent),
    ("话务员", Speaker::Agent),
    ("接线员", Speaker::Agent),
    ("工作人员", Speaker::Agent),
    ("服务人员", Speaker::Agent),
    ("人工", Speaker::Agent),
    ("商家", Speaker::Agent),
    ("卖家", Speaker::Agent),
    ("店家", Speaker::Agent),
    ("customer service", Speaker::Agent),
    ("customer support", Speaker::Agent),
    ("representative", Speaker::Agent),
    ("operator", Speaker::Agent),
    ("support", Speaker::Agent),
    ("advisor", Speaker::Agent),
    ("agent", Speaker::Agent),
    ("staff", Speaker::Agent),
    ("rep", Speaker::Agent),
    ("来电人", Speaker::Customer),
    ("来电者", Speaker::Customer),
    ("投诉人", Speaker::Customer),
    ("反映人", Speaker::Customer),
    ("用户", Speaker::Customer),
    ("用戶", Speaker::Customer),
    ("客户", Speaker::Customer),
    ("客戶", Speaker::Customer),
    ("顾客", Speaker::Customer),
    ("顧客", Speaker::Customer),
    ("买家", Speaker::Customer),
    ("访客", Speaker::Customer),
    ("市民", Speaker::Customer),
    ("会员", Speaker::Customer),
    ("乘客", Speaker::Customer),
    ("我", Speaker::Customer),
    ("customer", Speaker::Customer),
    ("visitor", Speaker::Customer),
    ("caller", Speaker::Customer),
    ("client", Speaker::Customer),
    ("guest", Speaker::Customer),
    ("user", Speaker::Customer),
];

/// A speaker's prefix at byte `start`; what is said begins at `said`.
#[derive(Clone, Copy)]
struct Prefix {
    speaker: Speaker,
    start: usize,
    said: usize,
}

/// Splits a transcript into turns; no turns where the text is none.
#[must_use]
pub fn split(text: &str) -> Vec<SplitTurn<'_>> {
    let prefixes = prefixes(text);
    let customers = prefixes.iter().any(|p| p.speaker == Speaker::Customer);
    if prefixes.is_empty() || (prefixes.len() == 1 && !customers) {
        return Vec::new();
    }
    let mut turns = Vec::with_capacity(prefixes.len() + 1);
    let mut add = |speaker: Speaker, from: usize, to: usize| {
        let said = text[from..to].trim();
        if !said.is_empty() {
            turns.push(SplitTurn {
                speaker,
                text: said,
            });
        }
    };
    if let Some(first) = prefixes.first() {
        add(Speaker::Customer, 0, first.start);
    }
    for (i, prefix) in prefixes.iter().enumerate() {
        let end = prefixes.get(i + 1).map_or(text.len(), |next| next.start);
        add(prefix.speaker, prefix.said, end);
    }
    turns
}

/// All prefixes, in order; none unless the first line that says something begins with one, or two
/// lines do.
fn prefixes(text: &str) -> Vec<Prefix> {
    if !text.contains([':', '：', ']', '】']) {
        return Vec::new();
    }
    let mut at_lines = Vec::new();
    let mut first_line = false;
    let mut seen_text = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            if let Some(prefix) = line_prefix(text, start, start + line.len()) {
                first_line |= !seen_text;
                at_lines.push(prefix);
            }
            seen_text = true;
        }
        start += line.len();
    }
    if at_lines.is_empty() || (!first_line && at_lines.len() < 2) {
        return Vec::new();
    }
    let mut all = Vec::with_capacity(at_lines.len());
    for (i, prefix) in at_lines.iter().enumerate() {
        all.push(*prefix);
        let end = at_lines.get(i + 1).map_or(text.len(), |next| next.start);
        inline_prefixes(text, prefix.said, end, &mut all);
    }
    all
}

/// Prefixes inside a line, after white space or the end of a sentence.
fn inline_prefixes(text: &str, from: usize, to: usize, all: &mut Vec<Prefix>) {
    let mut after_break = false;
    let mut skip = from;
    for (offset, c) in text[from..to].char_indices() {
        let at = from + offset;
        if at >= skip
            && after_break
            && !c.is_whitespace()
            && let Some(prefix) = role_at(text, at, at, to, false)
        {
            skip = prefix.said;
            all.push(prefix);
        }
        after_break = c.is_whitespace()
            || matches!(
                c,
                '。' | '！'
                    | '？'
                    | '；'
                    | '!'
                    | '?'
                    | ';'
                    | '.'
                    | '|'
                    | '｜'
                    | '…'
                    | '~'
                    | '～'
                    | '】'
                    | '”'
                    | '"'
            );
    }
}

/// A prefix at the start of a line, after an optional time in any brackets.
fn line_prefix(text: &str, start: usize, end: usize) -> Option<Prefix> {
    let line = &text[start..end];
    let mut tried = 0;
    for (offset, c) in line.char_indices() {
        let decoration = c.is_whitespace()
            || c.is_ascii_digit()
            || matches!(
                c,
                ':' | '：'
                    | '/'
                    | '-'
                    | '.'
                    | ','
                    | '['
                    | ']'
                    | '('
                    | ')'
                    | '（'
                    | '）'
                    | '【'
                    | '】'
                    | '<'
                    | '>'
                    | '年'
                    | '月'
                    | '日'
                    | '时'
                    | '分'
                    | '秒'
                    | 'T'
                    | '*'
                    | '#'
                    | '—'
            );
        if (!decoration || c == 'T')
            && let Some(prefix) = role_at(text, start, start + offset, end, true)
        {
            return Some(prefix);
        }
        tried += 1;
        if !decoration || tried > 48 {
            return None;
        }
    }
    None
}

/// A speaker's word at `at` with its colon; `start` is where the turn's decoration begins.
fn role_at(text: &str, start: usize, at: usize, end: usize, line: bool) -> Option<Prefix> {
    let rest = &text[at..end];
    let (word, speaker) = ROLES.iter().find(|(word, _)| {
        rest.len() >= word.len()
            && rest.as_bytes()[..word.len()].eq_ignore_ascii_case(word.as_bytes())
    })?;
    let bracketed = text[start..at].ends_with(['[', '【', '<', '（', '(']);
    let mut taken = 0;
    let mut depth = 0i32;
    let mut digits = 0;
    for (offset, c) in rest[word.len()..].char_indices() {
        let after = at + word.len() + offset + c.len_utf8();
        match c {
            // A colon inside a time is no end: `客服 14:13:22:`, `我11:33下单`.
            ':' | '：' if digits > 0 && text[after..].starts_with(|c: char| c.is_ascii_digit()) => {
            }
            ':' | '：' if depth <= 0 => {
                return Some(Prefix {
                    speaker: *speaker,
                    start,
                    said: after,
                });
            }
            ':' | '：' => {}
            ']' | '】' | '>' if bracketed && depth == 0 && line => {
                // `【客服】您好` needs no colon; `[客服]: 您好` has one.
                let said = &text[after..end];
                let trimmed = said.trim_start();
                let said = match trimmed.strip_prefix([':', '：']) {
                    Some(rest) => end - rest.len(),
                    None => after,
                };
                return Some(Prefix {
                    speaker: *speaker,
                    start,
                    said,
                });
            }
            ')' | '）' if bracketed && depth == 0 => {}
            // 我 has no number and no name.
            _ if *word == "我" => return None,
            '(' | '（' | '[' | '【' => depth += 1,
            ')' | '）' | ']' | '】' => depth -= 1,
            '小' | '专' | '员' | '美' if taken < 4 && *speaker == Speaker::Agent => {}
            _ if depth > 0 => {}
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '#' | ' ' | '/' | '.') => {}
            _ => return None,
        }
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        taken += 1;
        if taken > 28 {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use Speaker::{Agent, Bot, Customer};
    use proptest::prelude::*;

    fn turns(text: &str) -> Vec<(Speaker, &str)> {
        split(text)
            .into_iter()
            .map(|t| (t.speaker, t.text))
            .collect()
    }

    #[test]
    fn lines_with_speakers() {
        assert_eq!(
            turns("机器人:请问有什么可以帮您\n用户：流量扣错了\n还多收了十块\n客服：我帮您查一下"),
            [
                (Bot, "请问有什么可以帮您"),
                (Customer, "流量扣错了\n还多收了十块"),
                (Agent, "我帮您查一下")
            ]
        );
        assert_eq!(
            turns("[2025-12-04 14:13:22] 坐席1001: 您好\n[14:13:40] 客户: 宽带断了\n"),
            [(Agent, "您好"), (Customer, "宽带断了")]
        );
        assert_eq!(
            turns("客服小美(14:13:22)：在的\n顾客 14:13:30：快递丢了"),
            [(Agent, "在的"), (Customer, "快递丢了")]
        );
        assert_eq!(
            turns("【客服】您好\n【用户】退款"),
            [(Agent, "您好"), (Customer, "退款")]
        );
        assert_eq!(
            turns("[客服]: 您好\n[用户]: 退款"),
            [(Agent, "您好"), (Customer, "退款")]
        );
        assert_eq!(
            turns("Agent: Hello\nCustomer: My bill is wrong\nagent: sorry"),
            [
                (Agent, "Hello"),
                (Customer, "My bill is wrong"),
                (Agent, "sorry")
            ]
        );
        assert_eq!(
            turns("我：怎么退订\n客服：您好"),
            [(Customer, "怎么退订"), (Agent, "您好")]
        );
    }

    #[test]
    fn all_in_one_line() {
        assert_eq!(
            turns("客服:您好。用户:套餐资费为什么变了？客服:我查一下 用户:快点"),
            [
                (Agent, "您好。"),
                (Customer, "套餐资费为什么变了？"),
                (Agent, "我查一下"),
                (Customer, "快点")
            ]
        );
    }

    #[test]
    fn other_texts_are_the_customers() {
        for text in [
            "昨天打了客服电话没人接",
            "客服：态度很好，物流：很快",
            "外形外观：好看\n客服：耐心\n速度：快",
            "我11:33下单，13:22才送到",
            "他对我说：等着吧",
            "客户诉求：退还话费",
            "请联系客服：没人理",
            "时间：14:13",
            "",
            ":",
        ] {
            assert_eq!(turns(text), [], "{text}");
        }
    }

    #[test]
    fn a_heading_above_the_transcript_is_kept() {
        assert_eq!(
            turns("宽带投诉\n客服：您好\n用户：断网三天"),
            [
                (Customer, "宽带投诉"),
                (Agent, "您好"),
                (Customer, "断网三天")
            ]
        );
    }

    proptest! {
        #[test]
        fn turns_are_parts_of_the_text_in_order(text in "((客服|用户|机器人|agent|我)[:：]?|[\\PC\n\\[\\]。 0-9:]{0,6}){0,12}") {
            let mut from = 0;
            for turn in split(&text) {
                prop_assert!(!turn.text.is_empty());
                let at = text[from..].find(turn.text);
                prop_assert!(at.is_some());
                from += at.unwrap() + turn.text.len();
            }
        }
    }
}
