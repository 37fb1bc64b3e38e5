//! Words of a reply about what a task counts: items of its checklist, people who were trained, the ticket
//! elsewhere. Only the task's own track is understood, and only where nothing is left open: `完成 1 个模板` ticks
//! no item, and `第2项 下周完成` neither.

use super::command::{Spoken, Text};
use super::plain;
use crate::tasks::kind::{Item, TicketState, Track};

/// Words before numbers of items that say that these are done.
const DONE_BEFORE: [&str; 18] = [
    "清单",
    "已勾选",
    "勾选",
    "打勾",
    "完成了",
    "已完成",
    "完成",
    "做完了",
    "做完",
    "进度",
    "checklist",
    "ticked",
    "tick",
    "done with",
    "done",
    "completed",
    "complete",
    "finished",
];
/// Words behind them that say so.
const DONE_BEHIND: [&str; 10] = [
    "已经完成",
    "都完成",
    "完成",
    "已做完",
    "做完",
    "已勾选",
    "done",
    "completed",
    "finished",
    "ticked",
];
/// Words before them that take it back.
const UNDO: [&str; 6] = [
    "取消勾选",
    "撤销勾选",
    "去掉勾选",
    "untick",
    "uncheck",
    "undo",
];
/// Every item at once.
const ALL: [&str; 7] = [
    "清单全部完成",
    "清单全部",
    "清单都完成",
    "checklist all",
    "whole checklist",
    "all items",
    "all ticked",
];
/// What makes a number the number of an item.
const MARKS: [&str; 8] = ["第", "#", "items", "item", "steps", "step", "no.", "步骤"];
/// What says that it is yet to be, where it stands right behind.
const NOT_YET: [&str; 26] = [
    "不", "没", "未", "还", "尚", "吗", "么", "前", "后", "时间", "日期", "一半", "部分", "大半",
    "下周", "明天", "明日", "计划", "预计", "not ", "not.", "half", "by ", "will", "tomorrow",
    "next",
];

/// `3`, `3-5`: at most three digits, and no percentage, date, fraction or decimal.
fn number(text: &Text, at: usize) -> Option<(usize, usize)> {
    let end = text.skip(at, |c| c.is_ascii_digit());
    if !(1..=3).contains(&(end - at)) {
        return None;
    }
    let digits: String = text.plain[at..end].iter().collect();
    let next = text.plain.get(end).copied().unwrap_or(' ');
    let behind = text.plain.get(end + 1).copied().unwrap_or(' ');
    let decimal = next == '.' && behind.is_ascii_digit();
    if "%月日号天成/:".contains(next) || decimal {
        return None;
    }
    Some((digits.parse().ok()?, end))
}

fn blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// Numbers of items with what joins them. `true`: they are marked as such.
fn numbers(text: &Text, from: usize) -> Option<(Vec<usize>, bool, usize)> {
    let (mut found, mut marked, mut at, mut end) = (Vec::new(), false, from, from);
    loop {
        for mark in MARKS {
            if let Some(e) = text.has(at, mark) {
                marked = true;
                at = text.skip(e, blank);
                break;
            }
        }
        let Some((first, after)) = number(text, at) else {
            break;
        };
        let mut last = (first, after);
        let dash = text.skip(after, blank);
        for sign in ["-", "~", "–", "到", "至", "to "] {
            let Some(e) = text.has(dash, sign) else {
                continue;
            };
            // `第1项到第3项` is written `1到3`: only a number may follow.
            if let Some(range) = number(text, text.skip(e, |c| blank(c) || c == '第')) {
                last = range;
            }
            break;
        }
        if last.0 < first || last.0 - first > 60 {
            return None;
        }
        found.extend(first..=last.0);
        end = last.1;
        for unit in ["项", "项目", "步", "条", "件"] {
            if let Some(e) = text.has(text.skip(end, blank), unit) {
                marked = true;
                end = e;
                break;
            }
        }
        let mut next = text.skip(end, blank);
        let mut joined = false;
        for sign in [",", "和", "及", "与", "&", "+", "and "] {
            if let Some(e) = text.has(next, sign) {
                next = text.skip(e, blank);
                joined = true;
                break;
            }
        }
        // `1 3`, and `1, and 3`.
        if let Some(e) = text.has(next, "and ").filter(|_| joined) {
            next = text.skip(e, blank);
        }
        let starts = |at: usize| MARKS.iter().find_map(|m| text.has(at, m)).unwrap_or(at);
        if (!joined && next == end) || number(text, text.skip(starts(next), blank)).is_none() {
            break;
        }
        at = next;
    }
    (!found.is_empty()).then_some((found, marked, end))
}

/// The item whose words stand there, and where they end.
fn named(text: &Text, at: usize, items: &[Item]) -> Option<(usize, usize)> {
    let found = items.iter().enumerate().filter_map(|(n, item)| {
        let words: String = plain(item.text.trim()).into_iter().collect();
        let end = (!words.is_empty()).then(|| text.has(at, &words))??;
        Some((n + 1, end))
    });
    found.max_by_key(|(_, end)| *end)
}

fn not_yet(text: &Text, at: usize) -> bool {
    let at = text.skip(at, |c| blank(c) || c == '了' || c == '也');
    NOT_YET.iter().any(|word| text.has(at, word).is_some())
}

/// One line about items: their numbers, whether they are done, and where it ends.
fn ticks(text: &Text, from: usize, items: &[Item]) -> Option<(Vec<usize>, bool, usize)> {
    let lead = |words: &[&str]| {
        let longest = words.iter().filter_map(|w| text.has(from, w)).max()?;
        let glued = text.plain[from].is_ascii_alphabetic() && !text.gap(longest);
        (!glued).then_some(longest)
    };
    let (undo, before) = (lead(&UNDO), lead(&DONE_BEFORE));
    if let Some(end) = lead(&ALL) {
        let end = DONE_BEHIND
            .iter()
            .find_map(|w| text.has(text.skip(end, blank), w))
            .unwrap_or(end);
        let whole = text.gap(end) && !not_yet(text, end);
        return whole.then(|| ((1..=items.len()).collect(), true, end));
    }
    let start = undo.or(before).unwrap_or(from);
    let start = text.skip(start, |c| blank(c) || c == ':' || c == ',');
    let by_number = numbers(text, start);
    // `1. 画流程 完成` repeats the line of our own mail.
    let behind = by_number.as_ref().map_or(start, |(_, _, end)| {
        text.skip(*end, |c| blank(c) || matches!(c, '.' | ':' | ')' | ']'))
    });
    let by_name = named(text, behind, items);
    let (found, marked, end) = match (by_number, by_name) {
        (Some((numbers, _, _)), Some((n, end))) if numbers == [n] => (numbers, true, end),
        (Some((numbers, marked, end)), _) => (numbers, marked, end),
        (None, Some((n, end))) => (vec![n], true, end),
        (None, None) => return None,
    };
    let place = text.skip(end, |c| {
        blank(c) || matches!(c, '都' | '均' | '已' | '是' | ':')
    });
    let place = ["经", "are ", "is "]
        .iter()
        .find_map(|w| text.has(place, w))
        .unwrap_or(place);
    let after = DONE_BEHIND.iter().filter_map(|w| text.has(place, w)).max();
    let said = undo.or(before).is_some() || after.is_some();
    let mut end = after.unwrap_or(end);
    end = text.has(end, "了").unwrap_or(end);
    let closed = text
        .plain
        .get(end)
        .is_none_or(|c| matches!(c, ',' | '.' | ';' | '!' | '\n' | '('));
    // A blank and more words: only where nothing but an item can be meant.
    let clear = closed || (marked || after.is_some()) && text.gap(end);
    let good = said && clear && !not_yet(text, end) && !text.is_question(from);
    good.then_some((found, undo.is_none(), end))
}

fn next_line(text: &Text, at: usize) -> usize {
    text.skip(at, |c| c.is_whitespace() || ".,;!-*•·".contains(c))
}

fn checklist(text: &Text, from: usize, items: &[Item]) -> Option<Spoken> {
    let (mut done, mut undone) = (Vec::new(), Vec::new());
    let mut at = from;
    while let Some((found, ticked, end)) = ticks(text, at, items) {
        if ticked { &mut done } else { &mut undone }.extend(found);
        at = next_line(text, end);
    }
    let nothing = done.is_empty() && undone.is_empty();
    (!nothing).then(|| Spoken::Ticked {
        done,
        undone,
        comment: text.rest(at),
    })
}

fn coverage(text: &Text, from: usize, total: u32) -> Option<Spoken> {
    const LEAD: [&str; 13] = [
        "培训覆盖",
        "培训进度",
        "培训人数",
        "已培训",
        "培训了",
        "培训",
        "已参训",
        "参训",
        "覆盖",
        "进度",
        "trained",
        "coverage",
        "progress",
    ];
    let lead = LEAD.iter().filter_map(|w| text.has(from, w)).max();
    let start = text.skip(lead.unwrap_or(from), |c| {
        blank(c) || matches!(c, ':' | '了' | ',')
    });
    let digits = |at: usize| {
        let end = text.skip(at, |c| c.is_ascii_digit());
        let number: String = text.plain[at..end].iter().collect();
        (end > at && end - at <= 7).then(|| Some((number.parse::<u32>().ok()?, end)))?
    };
    let unit = |at: usize| {
        let near = text.skip(at, blank);
        ["人", "名", "位", "people", "agents", "persons"]
            .iter()
            .find_map(|w| text.has(near, w))
    };
    let (trained, mut end) = digits(start)?;
    let counted = unit(end);
    end = counted.unwrap_or(end);
    let mut whole = None;
    let near = text.skip(end, |c| blank(c) || c == ',');
    for word in ["/", "out of ", "of ", "共"] {
        if let Some((number, e)) = text
            .has(near, word)
            .and_then(|e| digits(text.skip(e, blank)))
        {
            whole = Some(number);
            end = unit(e).unwrap_or(e);
            break;
        }
    }
    // `12/3` alone may be a day: people are meant where a word says so, or the group is as large.
    let meant = lead.is_some() || counted.is_some() || whole == Some(total);
    let number = text.plain.get(end).is_some_and(|c| *c == '%') || !text.gap(end);
    let good = meant && !number && !not_yet(text, end) && !text.is_question(from);
    good.then(|| Spoken::Trained {
        trained,
        total: whole.filter(|n| *n != total),
        comment: text.rest(end),
    })
}

/// A web address, and where it ends.
fn address(text: &Text, at: usize) -> Option<(String, usize)> {
    ["https://", "http://"]
        .iter()
        .find_map(|w| text.has(at, w))?;
    let ends = |c: char| c.is_whitespace() || "，。；、）】》<>\"'".contains(c);
    let mut end = at;
    while text.original.get(end).is_some_and(|c| !ends(*c)) {
        end += 1;
    }
    let url: String = text.original[at..end].iter().collect();
    let bare = url.trim_end_matches(['.', ',', ';', ')', '!']);
    let cut = url.chars().count() - bare.chars().count();
    Some((bare.to_owned(), end - cut))
}

fn ticket(text: &Text, from: usize) -> Option<Spoken> {
    use TicketState::{Done, InProgress, Open, Rejected};
    const LEAD: [&str; 5] = ["外部工单", "工单", "external ticket", "ticket", "jira"];
    const STATES: [(&str, TicketState); 31] = [
        ("未开始", Open),
        ("待处理", Open),
        ("已提交", Open),
        ("已创建", Open),
        ("处理中", InProgress),
        ("进行中", InProgress),
        ("开发中", InProgress),
        ("测试中", InProgress),
        ("已排期", InProgress),
        ("完成", Done),
        ("上线", Done),
        ("发布", Done),
        ("解决", Done),
        ("关闭", Done),
        ("不做", Rejected),
        ("不予处理", Rejected),
        ("被拒绝", Rejected),
        ("拒绝", Rejected),
        ("驳回", Rejected),
        ("open", Open),
        ("in progress", InProgress),
        ("started", InProgress),
        ("in development", InProgress),
        ("done", Done),
        ("closed", Done),
        ("resolved", Done),
        ("released", Done),
        ("shipped", Done),
        ("rejected", Rejected),
        ("declined", Rejected),
        ("will not be done", Rejected),
    ];
    let lead = LEAD.iter().find_map(|w| text.has(from, w));
    if lead.is_none() && address(text, from).is_none() {
        return None;
    }
    let between = |at: usize| text.skip(at, |c| blank(c) || ":,-#是为状态已经".contains(c));
    let mut at = between(lead.unwrap_or(from));
    at = ["is ", "now ", "state "]
        .iter()
        .find_map(|w| text.has(at, w))
        .unwrap_or(at);
    let (mut url, mut state) = (None, None);
    loop {
        if url.is_none()
            && let Some((found, end)) = address(text, at)
        {
            url = Some(found);
            at = end;
        } else if state.is_none()
            && let Some((found, end)) = STATES
                .iter()
                .filter_map(|(w, s)| Some((*s, text.has(at, w)?)))
                .max_by_key(|(_, end)| *end)
        {
            let end = text.has(end, "了").unwrap_or(end);
            if not_yet(text, end) || !text.gap(end) {
                return None;
            }
            state = Some(found);
            at = end;
        } else {
            break;
        }
        let next = text.skip(at, |c| c.is_whitespace() || ":,-;".contains(c));
        if address(text, next).is_some() {
            at = next;
        } else {
            at = between(at);
        }
    }
    let good = (url.is_some() || state.is_some()) && !text.is_question(from);
    good.then(|| Spoken::Ticket {
        url,
        state,
        comment: text.rest(at),
    })
}

/// What stands there about what the task counts.
pub(super) fn read(text: &Text, at: usize, track: &Track) -> Option<Spoken> {
    match track {
        Track::Percent => None,
        Track::Checklist { items } => checklist(text, at, items),
        Track::Coverage { total, .. } => coverage(text, at, *total),
        Track::Ticket(_) => ticket(text, at),
    }
}
