//! What a reply asks for: a word at its start, in Chinese or English, and the text behind it.
//!
//! The rule is caution: a word counts only where nothing turns it round (`完成不了`, `done?`, `完成度`).
//! What is not understood is a comment: it is kept and passed on, and nothing happens to the task.

use super::dates::{self, Said};
use super::{counted, plain};
use crate::tasks::kind::{TicketState, Track};
use chrono::NaiveDate;

/// What the person who is asked wants to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// Takes the task.
    Accept,
    /// Refuses it.
    Decline {
        /// Why; may be empty, then it is asked for.
        reason: String,
        /// Key of the department that should do it.
        department: Option<String>,
    },
    /// Passes it on.
    HandOver {
        /// Key of the department; `None`: the one that is named is not known.
        department: Option<String>,
        /// What was said.
        reason: String,
    },
    /// Asks something.
    Ask {
        /// The question.
        comment: String,
    },
    /// Proposes another due date.
    Due {
        /// The date; `None`: none that could be read.
        at: Option<Said>,
        /// What was said.
        comment: String,
    },
    /// Reports how far it is.
    Report {
        /// 0 to 100 when it was said rightly.
        percent: u32,
        /// What was said besides.
        comment: String,
    },
    /// Says which items of the checklist are done, by their number from 1.
    Ticked {
        /// Done by now; what was ticked before stays so.
        done: Vec<usize>,
        /// Not done after all.
        undone: Vec<usize>,
        /// What was said besides.
        comment: String,
    },
    /// Says how many people of the group were trained.
    Trained {
        /// So many.
        trained: u32,
        /// The group turned out to be larger or smaller.
        total: Option<u32>,
        /// What was said besides.
        comment: String,
    },
    /// Says where the ticket elsewhere is; at least one of both.
    Ticket {
        /// Where it can be seen.
        url: Option<String>,
        /// How far it is.
        state: Option<TicketState>,
        /// What was said besides.
        comment: String,
    },
    /// Wants no reminder before.
    Later {
        /// The date; `None`: none that could be read.
        at: Option<Said>,
    },
    /// Has done it.
    Complete {
        /// What was done.
        solution: String,
        /// When it went live, where a day is said.
        effective: Option<Said>,
    },
    /// Wants to know what can be said.
    Help,
}

/// A reply, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// What is to happen, in this order.
    pub steps: Vec<Spoken>,
    /// Words that are no command: kept and passed on.
    pub comment: Option<String>,
}

/// A department by its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its key.
    pub key: String,
    /// Its name for people.
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Accept,
    Decline,
    HandOver,
    Ask,
    Due,
    Report,
    Complete,
    Later,
    Help,
}

/// What may follow a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// An end, a blank or a sign.
    Gap,
    /// Anything.
    Any,
}

/// Words, longer ones before their own beginnings.
const WORDS: [(&str, Word, After); 102] = {
    use After::{Any, Gap};
    use Word::{Accept, Ask, Complete, Decline, Due, HandOver, Help, Later, Report};
    [
        ("无法接受", Decline, Gap),
        ("不能接受", Decline, Gap),
        ("不接受", Decline, Gap),
        ("不同意", Decline, Gap),
        ("拒绝接受", Decline, Gap),
        ("拒绝了", Decline, Any),
        ("拒绝", Decline, Gap),
        ("拒絕", Decline, Gap),
        ("婉拒", Decline, Gap),
        ("退回", Decline, Gap),
        ("接受任务", Accept, Gap),
        ("接受此任务", Accept, Gap),
        ("接受该任务", Accept, Gap),
        ("接受这个任务", Accept, Gap),
        ("接受了", Accept, Gap),
        ("接受", Accept, Gap),
        ("同意接受", Accept, Gap),
        ("同意", Accept, Gap),
        ("承接", Accept, Gap),
        ("认领", Accept, Gap),
        ("转交给", HandOver, Any),
        ("转交至", HandOver, Any),
        ("转交", HandOver, Any),
        ("轉交", HandOver, Any),
        ("移交给", HandOver, Any),
        ("移交", HandOver, Any),
        ("转给", HandOver, Any),
        ("转派给", HandOver, Any),
        ("转派", HandOver, Any),
        ("请转给", HandOver, Any),
        ("请转", HandOver, Any),
        ("提问", Ask, Gap),
        ("问题", Ask, Gap),
        ("疑问", Ask, Gap),
        ("有疑问", Ask, Gap),
        ("请问", Ask, Any),
        ("想问", Ask, Any),
        ("申请延期", Due, Any),
        ("希望延期", Due, Any),
        ("需要延期", Due, Any),
        ("请求延期", Due, Any),
        ("能否延期", Due, Any),
        ("可以延期", Due, Any),
        ("想延期", Due, Any),
        ("请延期", Due, Any),
        ("延期", Due, Any),
        ("延后", Due, Any),
        ("延迟到", Due, Any),
        ("延到", Due, Any),
        ("延至", Due, Any),
        ("推迟", Due, Any),
        ("顺延", Due, Any),
        ("完成度", Report, Any),
        ("完成进度", Report, Any),
        ("当前进度", Report, Any),
        ("目前进度", Report, Any),
        ("进度", Report, Any),
        ("進度", Report, Any),
        ("进展", Report, Any),
        ("全部完成", Complete, Gap),
        ("任务完成", Complete, Gap),
        ("完成了", Complete, Any),
        ("完成", Complete, Gap),
        ("暂不提醒", Later, Any),
        ("暂缓提醒", Later, Any),
        ("推迟提醒", Later, Any),
        ("延后提醒", Later, Any),
        ("稍后提醒", Later, Any),
        ("改天提醒", Later, Any),
        ("帮助", Help, Gap),
        ("cannot accept", Decline, Gap),
        ("can't accept", Decline, Gap),
        ("not accepted", Decline, Gap),
        ("declined", Decline, Gap),
        ("decline", Decline, Gap),
        ("rejected", Decline, Gap),
        ("reject", Decline, Gap),
        ("refuse", Decline, Gap),
        ("accepted", Accept, Gap),
        ("accept", Accept, Gap),
        ("agreed", Accept, Gap),
        ("hand over", HandOver, Gap),
        ("handover", HandOver, Gap),
        ("transfer to", HandOver, Gap),
        ("forward to", HandOver, Gap),
        ("reassign to", HandOver, Gap),
        ("question", Ask, Gap),
        ("ask", Ask, Gap),
        ("extend", Due, Gap),
        ("postpone", Due, Gap),
        ("due", Due, Gap),
        ("progress", Report, Gap),
        ("completed", Complete, Gap),
        ("complete", Complete, Gap),
        ("finished", Complete, Gap),
        ("done", Complete, Gap),
        ("remind me", Later, Gap),
        ("snooze", Later, Gap),
        ("agree", Accept, Gap),
        ("disagree", Decline, Gap),
        ("help", Help, Gap),
        ("?", Help, Gap),
    ]
};

/// What people say before they come to the point; a whole line of it, or a beginning.
const GREETINGS: [&str; 14] = [
    "您好",
    "你好",
    "大家好",
    "各位好",
    "老师好",
    "领导好",
    "早上好",
    "下午好",
    "hi",
    "hello",
    "dear",
    "good morning",
    "good afternoon",
    "hey",
];
const BEFORE: [&str; 15] = [
    "已经",
    "已",
    "我们",
    "我方",
    "我部门",
    "我部",
    "我",
    "本部门",
    "现",
    "i have",
    "i've",
    "we have",
    "we've",
    "we",
    "i",
];
/// What turns the meaning of the word before it round, or says that it is yet to be.
const NOT_YET: [&str; 24] = [
    "不",
    "吗",
    "么",
    "没",
    "未",
    "前",
    "后",
    "时间",
    "日期",
    "情况",
    "率",
    "一半",
    "一部分",
    "部分",
    "half",
    "by",
    "not",
    "soon",
    "partly",
    "partially",
    "with half",
    "yet",
    "tomorrow",
    "next",
];

pub(super) struct Text {
    pub(super) plain: Vec<char>,
    pub(super) original: Vec<char>,
}

impl Text {
    fn new(text: &str) -> Self {
        Self {
            plain: plain(text),
            original: text.chars().collect(),
        }
    }

    pub(super) fn has(&self, at: usize, word: &str) -> Option<usize> {
        let end = at + word.chars().count();
        let found = self.plain.get(at..end)?;
        found.iter().copied().eq(word.chars()).then_some(end)
    }

    pub(super) fn skip(&self, mut at: usize, which: impl Fn(char) -> bool) -> usize {
        while self.plain.get(at).is_some_and(|c| which(*c)) {
            at += 1;
        }
        at
    }

    /// An end, a blank or a sign: no letter, digit or character of a word.
    pub(super) fn gap(&self, at: usize) -> bool {
        self.plain.get(at).is_none_or(|c| !c.is_alphanumeric())
    }

    pub(super) fn rest(&self, at: usize) -> String {
        let at = self.skip(at, |c| c.is_whitespace() || ",.:;!-–—)]】」".contains(c));
        self.original[at.min(self.original.len())..]
            .iter()
            .collect::<String>()
            .trim()
            .to_owned()
    }

    /// The end of the sentence that `at` stands in.
    fn sentence(&self, at: usize) -> usize {
        let end = self.skip(at, |c| !matches!(c, '.' | '!' | '?' | '\n' | ','));
        end.min(self.plain.len())
    }

    pub(super) fn is_question(&self, at: usize) -> bool {
        let end = self.sentence(at);
        let last = end.checked_sub(1).and_then(|e| self.plain.get(e));
        self.plain.get(end) == Some(&'?') || last.is_some_and(|c| matches!(c, '吗' | '么' | '?'))
    }

    /// `60%`, `60 percent`, `百分之六十`; without a sign only where `bare` allows it.
    fn percent(&self, at: usize, bare: bool) -> Option<(u32, usize)> {
        let hundredth = self.has(at, "百分之");
        let start = hundredth.unwrap_or(at);
        let mut end = start;
        let mut value: u32 = 0;
        while let Some(d) = self.plain.get(end).and_then(|c| c.to_digit(10)) {
            value = (value * 10 + d).min(100_000);
            end += 1;
        }
        if end == start {
            let tens = |c: char| "一二三四五六七八九".chars().position(|d| d == c);
            let first = self.plain.get(start).and_then(|c| tens(*c));
            if hundredth.is_some() {
                let first = u32::try_from(first? + 1).ok()?;
                let is_ten = self.has(start + 1, "十");
                let next = is_ten.unwrap_or(start + 1);
                let ones = is_ten
                    .and_then(|p| self.plain.get(p))
                    .and_then(|c| tens(*c));
                let value = if is_ten.is_some() { first * 10 } else { first }
                    + ones.map_or(0, |o| u32::try_from(o + 1).unwrap_or(0));
                return Some((value, next + usize::from(ones.is_some())));
            }
            if let Some(end) = self.has(start + 1, "成") {
                return Some((u32::try_from(first? + 1).ok()? * 10, end));
            }
            return self.has(start, "一半").map(|end| (50, end));
        }
        if hundredth.is_some() {
            return Some((value, end));
        }
        let sign = self.skip(end, |c| c == ' ');
        for word in ["%", "percent", "per cent"] {
            if let Some(end) = self.has(sign, word) {
                return Some((value, end));
            }
        }
        if let Some(end) = self.has(end, "成").filter(|_| value <= 10) {
            return Some((value * 10, end));
        }
        (bare && self.gap(end)).then_some((value, end))
    }
}

/// Where the point begins: behind greetings, signs and "we have".
fn start(text: &Text) -> usize {
    let blank = |c: char| c.is_whitespace() || ",.!:;*#/-[(【「\"'·•".contains(c);
    let mut at = text.skip(0, blank);
    for _ in 0..3 {
        let Some(end) = GREETINGS.iter().find_map(|g| text.has(at, g)) else {
            break;
        };
        // `hi` is no beginning of `history`.
        if text.plain[at].is_ascii() && !text.gap(end) {
            break;
        }
        // A name may follow: `Hi Anna,`; `您好，接受` has its sign at once.
        let sign = text.skip(end, |c| !matches!(c, ',' | '.' | '!' | '\n' | ':'));
        let named = sign < text.plain.len() && sign - end <= 20;
        at = text.skip(if named { sign } else { end }, blank);
    }
    for before in BEFORE {
        if let Some(end) = text.has(at, before)
            && (!before.is_ascii() || text.gap(end))
        {
            at = text.skip(end, |c| c == ' ');
            break;
        }
    }
    // `我已完成`, `我们已经完成`
    for before in ["已经", "已"] {
        if let Some(end) = text.has(at, before) {
            at = end;
            break;
        }
    }
    at
}

fn word_at(text: &Text, at: usize) -> Option<(Word, usize)> {
    WORDS
        .iter()
        .filter_map(|(word, what, after)| {
            let end = text.has(at, word)?;
            let last_is_sign = word.chars().all(|c| !c.is_alphanumeric());
            let good = *after == After::Any || last_is_sign || text.gap(end);
            good.then_some((*what, end))
        })
        .max_by_key(|(_, end)| *end)
}

fn department(text: &Text, at: usize, all: &[Named]) -> Option<(String, usize)> {
    let mut at = text.skip(at, |c| c.is_whitespace() || ":,-\"'「『“".contains(c));
    for word in ["给", "至", "到", "to ", "the "] {
        if let Some(end) = text.has(at, word) {
            at = text.skip(end, |c| c.is_whitespace() || c == ':');
        }
    }
    all.iter()
        .flat_map(|d| [(d, &d.key), (d, &d.name)])
        .filter(|(_, name)| !name.is_empty())
        .filter_map(|(d, name)| {
            let name: String = plain(name).into_iter().collect();
            let end = text.has(at, &name)?;
            // `it` must not be found in `items`.
            let whole = !name.is_ascii() || text.gap(end);
            whole.then(|| (d.key.clone(), end))
        })
        .max_by_key(|(_, end)| *end)
}

/// Behind what is refused: `can't accept this task` gives no reason yet.
fn object(text: &Text, at: usize) -> usize {
    const OBJECTS: [&str; 12] = [
        "这项任务",
        "这个任务",
        "此任务",
        "该任务",
        "本任务",
        "任务",
        "this task",
        "the task",
        "that task",
        "this",
        "that",
        "it",
    ];
    let place = text.skip(at, |c| c == ' ');
    let end = OBJECTS
        .iter()
        .filter_map(|w| text.has(place, w))
        .filter(|end| text.gap(*end))
        .max();
    end.unwrap_or(at)
}

/// A department that a refusal names as the right one.
fn suggested(text: &Text, from: usize, all: &[Named]) -> Option<String> {
    const NAMES: [&str; 13] = [
        "转给",
        "转交给",
        "转交",
        "请转",
        "应由",
        "应该由",
        "由",
        "属于",
        "归",
        "找",
        "->",
        "→",
        "to ",
    ];
    (from..text.plain.len()).find_map(|at| {
        NAMES.iter().find_map(|marker| {
            let end = text.has(at, marker)?;
            department(text, end, all).map(|(key, _)| key)
        })
    })
}

/// What a reply may speak of.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The day where its writer is.
    pub today: NaiveDate,
    /// Who a task can go to.
    pub departments: &'a [Named],
    /// What the task counts.
    pub track: &'a Track,
    /// The day on which the task is due, where its writer is: `延期一周` counts from it.
    pub due: NaiveDate,
}

fn step(text: &Text, at: usize, of: Setting<'_>) -> Option<Spoken> {
    let Setting {
        today,
        departments: all,
        track,
        due,
    } = of;
    if let Some(spoken) = counted::read(text, at, track) {
        return Some(spoken);
    }
    // `60%` alone, `完成60%`, `已完成 60%`: a report, whatever the word.
    let leading = ["完成了", "完成", "done", "about", "大约", "约"]
        .iter()
        .find_map(|w| text.has(at, w))
        .map_or(at, |end| text.skip(end, |c| c == ' ' || c == ':'));
    for place in [at, leading] {
        if let Some((percent, end)) = text.percent(place, false) {
            return Some(Spoken::Report {
                percent,
                comment: text.rest(end),
            });
        }
    }
    let (word, end) = word_at(text, at)?;
    let whole = || text.rest(at);
    Some(match word {
        Word::Help => return text.rest(end).is_empty().then_some(Spoken::Help),
        Word::Ask => {
            // `请问…` and `想问…` belong to the question.
            let polite = text
                .has(at, "请问")
                .or_else(|| text.has(at, "想问"))
                .is_some();
            let comment = if polite { whole() } else { text.rest(end) };
            if comment.chars().all(|c| !c.is_alphanumeric()) {
                return None;
            }
            Spoken::Ask { comment }
        }
        Word::Due => {
            let rest = text.rest(end);
            Spoken::Due {
                at: dates::find(&rest, today).or_else(|| dates::later(&rest, due)),
                comment: whole(),
            }
        }
        Word::Later => Spoken::Later {
            at: dates::find(&text.rest(end), today),
        },
        Word::HandOver => {
            let found = department(text, end, all);
            Spoken::HandOver {
                reason: found
                    .as_ref()
                    .map_or_else(|| text.rest(end), |(_, end)| text.rest(*end)),
                department: found.map(|(key, _)| key),
            }
        }
        Word::Report => {
            let mut place = text.skip(end, |c| c.is_whitespace() || ":=,-是为到达约已".contains(c));
            for filler in ["is ", "at ", "now "] {
                place = text.has(place, filler).unwrap_or(place);
            }
            let (percent, end) = text.percent(place, true)?;
            Spoken::Report {
                percent,
                comment: text.rest(end),
            }
        }
        Word::Accept | Word::Decline | Word::Complete if text.is_question(at) => {
            Spoken::Ask { comment: whole() }
        }
        Word::Accept => Spoken::Accept,
        Word::Decline => Spoken::Decline {
            department: suggested(text, end, all),
            reason: text.rest(object(text, end)),
        },
        Word::Complete => {
            let next = text.skip(end, |c| c == ' ');
            let turned = NOT_YET.iter().any(|word| {
                text.has(next, word)
                    .is_some_and(|e| !word.is_ascii() || text.gap(e))
            });
            if turned {
                return None;
            }
            let solution = text.rest(end);
            Spoken::Complete {
                effective: effective(&solution, today),
                solution,
            }
        }
    })
}

/// `上线时间：12月1日`, `12月1日上线`, `effective 2026-12-01`: when the fix went live.
fn effective(solution: &str, today: NaiveDate) -> Option<Said> {
    let text: String = plain(solution).into_iter().collect();
    for word in [
        "上线时间",
        "上线日期",
        "生效时间",
        "生效日期",
        "effective",
        "live since",
        "went live on",
        "live on",
    ] {
        if let Some(at) = text.find(word) {
            let rest: String = text[at + word.len()..].chars().take(40).collect();
            return dates::find(&rest, today);
        }
    }
    ["上线", "生效"].iter().find_map(|word| {
        let at = text.find(word)?;
        let before: Vec<char> = text[..at].chars().rev().take(12).collect();
        let before: String = before.into_iter().rev().collect();
        dates::find(&before, today)
    })
}

/// Reads a reply that quotes nothing any more.
#[must_use]
pub fn parse(words: &str, of: Setting<'_>) -> Reply {
    let text = Text::new(words);
    let at = start(&text);
    if at >= text.plain.len() {
        // A question mark alone is a call for help; nothing at all is nothing.
        return match words.trim() {
            "" => Reply::default(),
            other => Reply {
                comment: Some(other.to_owned()),
                ..Reply::default()
            },
        };
    }
    let Some(first) = step(&text, at, of) else {
        return Reply {
            steps: Vec::new(),
            comment: Some(words.trim().to_owned()),
        };
    };
    if first != Spoken::Accept {
        return Reply {
            steps: vec![first],
            comment: None,
        };
    }
    // Whoever accepts may say more at once: until when, how far, that it is done, or a question.
    let (_, end) = word_at(&text, at).unwrap_or((Word::Accept, at));
    let rest = text.rest(end);
    let rest_text = Text::new(&rest);
    let place = start(&rest_text);
    let second = step(&rest_text, place, of).filter(|s| {
        matches!(
            s,
            Spoken::Due { at: Some(_), .. }
                | Spoken::Later { at: Some(_) }
                | Spoken::Report { .. }
                | Spoken::Complete { .. }
                | Spoken::Ticked { .. }
                | Spoken::Trained { .. }
                | Spoken::Ticket { .. }
                | Spoken::Ask { .. }
        )
    });
    match second {
        Some(second) => Reply {
            steps: vec![first, second],
            comment: None,
        },
        None => Reply {
            steps: vec![first],
            comment: (!rest.is_empty()).then_some(rest),
        },
    }
}

/// What whoever assigned a task says to a proposed date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Agrees, perhaps to another date.
    Agree(Option<Said>),
    /// Does not.
    Disagree,
    /// Says something else.
    Words,
}

/// Reads the answer of whoever assigned a task.
#[must_use]
pub fn parse_assigner(words: &str, today: NaiveDate) -> Verdict {
    let text = Text::new(words);
    let at = start(&text);
    match word_at(&text, at) {
        Some((Word::Accept, end)) if !text.is_question(at) => {
            Verdict::Agree(dates::find(&text.rest(end), today))
        }
        Some((Word::Decline, _)) if !text.is_question(at) => Verdict::Disagree,
        _ => Verdict::Words,
    }
}

/// What an approver says to a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Yes, with what was said besides.
    Approve(String),
    /// No, and why; may be empty, then it is asked for.
    Reject(String),
    /// Something else.
    Words,
}

/// Words that only an approver has, longer ones before their own beginnings.
const RULINGS: [(&str, bool); 19] = [
    ("审批不通过", false),
    ("审批通过", true),
    ("不予通过", false),
    ("不予批准", false),
    ("不批准", false),
    ("不通过", false),
    ("未通过", false),
    ("驳回", false),
    ("予以批准", true),
    ("批准", true),
    ("通过", true),
    ("not approved", false),
    ("do not approve", false),
    ("don't approve", false),
    ("give back", false),
    ("send back", false),
    ("back to the owner", false),
    ("approved", true),
    ("approve", true),
];
/// What makes a yes one with conditions: that is for people to settle.
const PROVIDED: [&str; 16] = [
    "但", "不过", "除非", "如果", "若", "前提", "先", "待", "再", "but", "unless", "if",
    "provided", "once", "except", "after",
];

/// Reads the answer of an approver: a yes with conditions is none.
#[must_use]
pub fn parse_approver(words: &str) -> Ruling {
    let text = Text::new(words);
    let at = start(&text);
    let own = RULINGS
        .iter()
        .filter_map(|(word, yes)| Some((*yes, text.has(at, word).filter(|end| text.gap(*end))?)))
        .max_by_key(|(_, end)| *end);
    let shared = word_at(&text, at).and_then(|(word, end)| match word {
        Word::Accept => Some((true, end)),
        Word::Decline => Some((false, end)),
        _ => None,
    });
    let Some((yes, end)) = own.into_iter().chain(shared).max_by_key(|(_, end)| *end) else {
        return Ruling::Words;
    };
    if text.is_question(at) {
        return Ruling::Words;
    }
    let rest = text.rest(end);
    if !yes {
        return Ruling::Reject(rest);
    }
    let said = Text::new(&rest);
    let open = (0..said.plain.len()).any(|at| {
        PROVIDED.iter().any(|word| {
            let begins = at == 0 || !said.plain[at - 1].is_ascii_alphanumeric();
            said.has(at, word)
                .is_some_and(|end| !word.is_ascii() || begins && said.gap(end))
        })
    });
    if open {
        Ruling::Words
    } else {
        Ruling::Approve(rest)
    }
}
