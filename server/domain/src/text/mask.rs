//! Personal data out, before anything else sees a text.
//!
//! Found: mainland mobile numbers, landlines with area code, ID cards (18 digits with their check,
//! 15 digits with a date), bank cards (16 to 19 digits with the Luhn check), e-mail addresses, and
//! names before 先生, 女士, 小姐, 太太. Digits may be full width, in groups and with a country code.
//! Each is replaced by a readable placeholder; masking twice is masking once.

use super::fold::simplified;
use serde::{Deserialize, Serialize};
use std::ops::{AddAssign, Range};

/// How much was masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Mobile numbers.
    pub mobile: u32,
    /// Landlines.
    pub landline: u32,
    /// ID cards.
    pub id_card: u32,
    /// Bank cards.
    pub bank_card: u32,
    /// E-mail addresses.
    pub email: u32,
    /// Names.
    pub name: u32,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u32 {
        let Self {
            mobile,
            landline,
            id_card,
            bank_card,
            email,
            name,
        } = self;
        mobile + landline + id_card + bank_card + email + name
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self {
            mobile,
            landline,
            id_card,
            bank_card,
            email,
            name,
        } = other;
        self.mobile += mobile;
        self.landline += landline;
        self.id_card += id_card;
        self.bank_card += bank_card;
        self.email += email;
        self.name += name;
    }
}

/// A text without personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The text with placeholders.
    pub text: String,
    /// What they stand for.
    pub found: Counts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Mobile,
    Landline,
    IdCard,
    BankCard,
    Email,
    Surname,
    Name,
}

impl Found {
    fn placeholder(self) -> &'static str {
        match self {
            Self::Mobile => "〔手机号〕",
            Self::Landline => "〔电话〕",
            Self::IdCard => "〔身份证号〕",
            Self::BankCard => "〔银行卡号〕",
            Self::Email => "〔邮箱〕",
            Self::Surname => "〔姓氏〕",
            Self::Name => "〔姓名〕",
        }
    }
}

/// Replaces personal data by placeholders.
#[must_use]
pub fn mask(text: &str) -> Masked {
    let hits = find(text);
    let mut found = Counts::default();
    if hits.is_empty() {
        return Masked {
            text: text.to_owned(),
            found,
        };
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut from = 0;
    for (range, what) in hits {
        match what {
            Found::Mobile => found.mobile += 1,
            Found::Landline => found.landline += 1,
            Found::IdCard => found.id_card += 1,
            Found::BankCard => found.bank_card += 1,
            Found::Email => found.email += 1,
            Found::Surname | Found::Name => found.name += 1,
        }
        out.push_str(&text[from..range.start]);
        out.push_str(what.placeholder());
        from = range.end;
    }
    out.push_str(&text[from..]);
    Masked { text: out, found }
}

/// Whether an identifier is a phone number, ID card or e-mail address. Bank cards and names are
/// not asked for: one long number in ten passes the Luhn check.
#[must_use]
pub fn is_personal(id: &str) -> bool {
    find(id).iter().any(|(_, what)| {
        matches!(
            what,
            Found::Mobile | Found::IdCard | Found::Email | Found::Landline
        )
    })
}

/// All hits, ascending, without overlap.
fn find(text: &str) -> Vec<(Range<usize>, Found)> {
    let bytes = text.as_bytes();
    let mut hits: Vec<(Range<usize>, Found)> = Vec::new();
    // Addresses first: their digits must not be taken for a number.
    let mut emails: Vec<Range<usize>> = Vec::new();
    if bytes.contains(&b'@') || text.contains('＠') {
        find_emails(text, &mut emails);
    }
    let mut emails = emails.into_iter().peekable();
    let mut i = 0;
    while i < bytes.len() {
        if let Some(email) = emails.next_if(|e| e.start <= i) {
            if email.start >= hits.last().map_or(0, |h| h.0.end) {
                i = email.end;
                hits.push((email, Found::Email));
                continue;
            }
            continue;
        }
        match bytes[i] {
            b'0'..=b'9' => {
                let end = emails.peek().map_or(bytes.len(), |e| e.start);
                i = numbers(text, i, end, &mut hits);
            }
            // The lead byte of full-width digits.
            0xef if digit_at(bytes, i).is_some() => {
                let end = emails.peek().map_or(bytes.len(), |e| e.start);
                i = numbers(text, i, end, &mut hits);
            }
            // The lead byte of 先, 女, 小 and 太.
            0xe5 => {
                let rest = &bytes[i..];
                if HONORIFICS.iter().any(|h| rest.starts_with(h.as_bytes()))
                    && !rest.starts_with("小姐姐".as_bytes())
                {
                    let from = hits.last().map_or(0, |h| h.0.end);
                    if let Some(hit) = name_before(text, from, i) {
                        hits.push(hit);
                    }
                }
                i += 3;
            }
            _ => i += 1,
        }
    }
    hits
}

// ---------------------------------------------------------------- e-mail

fn find_emails(text: &str, emails: &mut Vec<Range<usize>>) {
    let half = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    };
    let mut last = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| matches!(c, '@' | '＠')) {
        let mut start = at;
        for (i, c) in text[last..at].char_indices().rev() {
            let c = half(c);
            if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-')) {
                break;
            }
            start = last + i;
        }
        if start == at {
            continue;
        }
        // labels: byte ranges of the name's parts.
        let from = at + c.len_utf8();
        let mut end = None;
        let mut letters = 0;
        let mut label = 0;
        let mut labels = 0;
        for (i, c) in text[from..].char_indices() {
            let here = from + i;
            let c = half(c);
            if c.is_ascii_alphanumeric() || c == '-' {
                label += 1;
                letters += usize::from(c.is_ascii_alphabetic());
                if labels > 0 && label >= 2 && letters == label {
                    end = Some(here + text[here..].chars().next().map_or(1, char::len_utf8));
                }
            } else if matches!(c, '.' | '。' | '｡') && label > 0 {
                labels += 1;
                label = 0;
                letters = 0;
            } else {
                break;
            }
        }
        if let Some(end) = end {
            emails.push(start..end);
            last = end;
        }
    }
}

// ---------------------------------------------------------------- numbers

/// The digit that begins at byte `i` and its length.
fn digit_at(bytes: &[u8], i: usize) -> Option<(u8, usize)> {
    match bytes.get(i)? {
        d @ b'0'..=b'9' => Some((d - b'0', 1)),
        0xef => match bytes.get(i + 1..i + 3)? {
            [0xbc, d @ 0x90..=0x99] => Some((d - 0x90, 3)),
            _ => None,
        },
        _ => None,
    }
}

/// What may stand between the digits of one number, and its length.
fn separator_at(text: &str, i: usize) -> Option<(char, usize)> {
    let c = text[i..].chars().next()?;
    let known = matches!(
        c,
        ' ' | '\u{a0}' | '\u{3000}' | '\u{2002}'
            ..='\u{200d}'
                | '\u{202f}'
                | '\u{2060}'
                | '\u{feff}'
                | '\t'
                | '-'
                | '‐'
                | '‑'
                | '‒'
                | '–'
                | '—'
                | '－'
                | '_'
                | '.'
                | '·'
                | '•'
                | '．'
                | '/'
                | '~'
                | '('
                | ')'
                | '（'
                | '）'
                | '*'
    );
    known.then(|| (c, c.len_utf8()))
}

fn is_blank_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Digits without anything between them: a range of the run's digits.
#[derive(Clone, Copy)]
struct Group {
    from: usize,
    to: usize,
    /// The separator in front; `None` for the first.
    before: Option<char>,
}

/// Longest number that is looked for, in digits (`0086` and a landline, a card).
const LONGEST: usize = 19;

/// Reads the digits from byte `start` on, as far as they may belong together, adds what they are
/// to `hits`, and answers where reading goes on.
fn numbers(text: &str, start: usize, limit: usize, hits: &mut Vec<(Range<usize>, Found)>) -> usize {
    let bytes = text.as_bytes();
    // Value and bytes of each digit; 10 is the X of an ID card.
    let mut digits: Vec<(u8, Range<usize>)> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut i = start;
    let mut before = None;
    loop {
        let from = digits.len();
        while i < limit
            && let Some((value, len)) = digit_at(bytes, i)
        {
            digits.push((value, i..i + len));
            i += len;
        }
        if i < limit
            && let Some(len) = x_at(text, i)
            && ends_id_card(&digits)
        {
            digits.push((10, i..i + len));
            i += len;
        }
        groups.push(Group {
            from,
            to: digits.len(),
            before,
        });
        // Up to three separators, of which one may be visible, and then another digit.
        let mut next = i;
        let mut visible = None;
        let mut seen = 0;
        let mut blank = ' ';
        while next < limit
            && seen < 3
            && let Some((c, len)) = separator_at(text, next)
        {
            if !is_blank_separator(c) {
                if visible.is_some() {
                    break;
                }
                visible = Some(c);
            } else {
                blank = c;
            }
            seen += 1;
            next += len;
        }
        // An X of its own after the last group: `… 002 X`.
        let more = seen > 0 && next < limit && digit_at(bytes, next).is_some();
        if !more {
            if seen > 0
                && next < limit
                && let Some(len) = x_at(text, next)
                && ends_id_card(&digits)
            {
                groups.push(Group {
                    from: digits.len(),
                    to: digits.len() + 1,
                    before: Some(visible.unwrap_or(blank)),
                });
                digits.push((10, next..next + len));
                i = next + len;
            }
            break;
        }
        before = Some(visible.unwrap_or(blank));
        i = next;
    }
    if digits.len() >= 10 {
        classify(text, &digits, &groups, hits);
    }
    i
}

/// Whether an X would make an ID card of the last 17 digits.
fn ends_id_card(digits: &[(u8, Range<usize>)]) -> bool {
    let Some(last) = digits
        .len()
        .checked_sub(17)
        .and_then(|from| digits.get(from..))
    else {
        return false;
    };
    let values: Vec<u8> = last.iter().map(|d| d.0).chain([10]).collect();
    id_card(&values)
}

/// An X that is no letter of a word.
fn x_at(text: &str, i: usize) -> Option<usize> {
    let mut chars = text[i..].chars();
    let c = chars
        .next()
        .filter(|c| matches!(c, 'x' | 'X' | 'ｘ' | 'Ｘ'))?;
    let next = chars.next();
    next.is_none_or(|n| !n.is_ascii_alphanumeric())
        .then(|| c.len_utf8())
}

fn classify(
    text: &str,
    digits: &[(u8, Range<usize>)],
    groups: &[Group],
    hits: &mut Vec<(Range<usize>, Found)>,
) {
    let values: Vec<u8> = digits.iter().map(|d| d.0).collect();
    let mut g = 0;
    while g < groups.len() {
        let mut hit = None;
        // One group alone first, then as many as may belong together, longest first.
        let mut last = g;
        while last + 1 < groups.len() && groups[last + 1].to - groups[g].from <= LONGEST {
            last += 1;
        }
        for to in std::iter::once(g).chain((g + 1..=last).rev()) {
            let range = groups[g].from..groups[to].to;
            if let Some(what) = kind_of(&values[range.clone()], &groups[g..=to], text, digits) {
                hit = Some((to, range, what));
                break;
            }
        }
        let Some((to, range, what)) = hit else {
            g += 1;
            continue;
        };
        let mut from = digits[range.start].1.start;
        let end = digits[range.end - 1].1.end;
        // The opening bracket and the plus sign of what was taken.
        if text[from..end].contains([')', '）'])
            && let Some(c) = text[..from]
                .chars()
                .next_back()
                .filter(|c| matches!(c, '(' | '（'))
            && !text[from..end].contains(['(', '（'])
        {
            from -= c.len_utf8();
        }
        if let Some(c) = text[..from]
            .chars()
            .next_back()
            .filter(|c| matches!(c, '+' | '＋'))
        {
            from -= c.len_utf8();
            if let Some(c) = text[..from]
                .chars()
                .next_back()
                .filter(|c| matches!(c, '(' | '（'))
                && text[from..end].contains([')', '）'])
            {
                from -= c.len_utf8();
            }
        }
        let from = from.max(hits.last().map_or(0, |h| h.0.end));
        hits.push((from..end, what));
        g = to + 1;
    }
}

/// What the digits of one or several groups are.
fn kind_of(
    values: &[u8],
    groups: &[Group],
    text: &str,
    digits: &[(u8, Range<usize>)],
) -> Option<Found> {
    let plain = !values.contains(&10);
    let n = values.len();
    if n == 18 && id_card(values) {
        return Some(Found::IdCard);
    }
    if !plain {
        return None;
    }
    match n {
        11 if mobile(values) && mobile_groups(groups) => return Some(Found::Mobile),
        13 if values.starts_with(&[8, 6]) && mobile(&values[2..]) => return Some(Found::Mobile),
        15 if values.starts_with(&[0, 0, 8, 6]) && mobile(&values[4..]) => {
            return Some(Found::Mobile);
        }
        15 if old_id_card(values) && (groups.len() == 1 || size(&groups[0]) >= 6) => {
            return Some(Found::IdCard);
        }
        _ => {}
    }
    if landline(values) && landline_groups(groups) {
        return Some(Found::Landline);
    }
    // +86 10 1234 5678: the area code has lost its 0.
    if values.starts_with(&[8, 6])
        && groups.len() > 1
        && size(&groups[0]) == 2
        && text[..digits[groups[0].from].1.start].ends_with(['+', '＋'])
    {
        let mut with_zero = vec![0];
        with_zero.extend_from_slice(&values[2..]);
        let rest = if values.get(2) == Some(&0) {
            &values[2..]
        } else {
            &with_zero[..]
        };
        if landline(rest) {
            return Some(Found::Landline);
        }
    }
    if (16..=19).contains(&n) && bank_card(values) && card_groups(groups) {
        return Some(Found::BankCard);
    }
    None
}

fn size(group: &Group) -> usize {
    group.to - group.from
}

fn mobile(values: &[u8]) -> bool {
    values.len() == 11 && values[0] == 1 && (3..=9).contains(&values[1])
}

/// Dates and times are digits in groups of two too: a number that begins with a group of two must
/// go on in twos.
fn mobile_groups(groups: &[Group]) -> bool {
    groups.len() == 1
        || size(&groups[0]) != 2
        || groups[..groups.len() - 1].iter().all(|g| size(g) == 2)
}

/// Area codes: 010, 02x with 8 digits; 03xx to 09xx with 7 or 8.
fn landline(values: &[u8]) -> bool {
    let local = match values {
        [0, 1, 0, local @ ..] | [0, 2, _, local @ ..] if local.len() == 8 => local,
        [0, 3..=9, _, _, local @ ..] if matches!(local.len(), 7 | 8) => local,
        _ => return false,
    };
    (2..=9).contains(&local[0])
}

/// In one piece, or with the area code a group of its own.
fn landline_groups(groups: &[Group]) -> bool {
    match groups {
        [_] => true,
        [area, rest @ ..] => {
            matches!(size(area), 3 | 4) && rest.len() <= 2 && rest.iter().all(|g| size(g) >= 3)
        }
        [] => false,
    }
}

/// First two digits of an ID card: provinces (GB/T 2260).
const PROVINCES: [u8; 36] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91,
];

fn province(values: &[u8]) -> bool {
    PROVINCES.contains(&(values[0] * 10 + values[1]))
}

fn two(values: &[u8]) -> u32 {
    u32::from(values[0]) * 10 + u32::from(values[1])
}

fn date(year: u32, month: u32, day: u32) -> bool {
    i32::try_from(year)
        .ok()
        .and_then(|year| chrono::NaiveDate::from_ymd_opt(year, month, day))
        .is_some()
}

/// GB 11643: province, date of birth, and the check modulo 11.
fn id_card(values: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [u8; 11] = [1, 0, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    if values.len() != 18 || values[..17].contains(&10) || !province(values) {
        return false;
    }
    let century = two(&values[6..8]);
    if !matches!(century, 18..=20)
        || !date(
            century * 100 + two(&values[8..10]),
            two(&values[10..12]),
            two(&values[12..14]),
        )
    {
        return false;
    }
    let sum: u32 = WEIGHTS
        .iter()
        .zip(values)
        .map(|(w, v)| w * u32::from(*v))
        .sum();
    CHECKS[(sum % 11) as usize] == values[17]
}

/// The ID cards before 1999: no century and no check.
fn old_id_card(values: &[u8]) -> bool {
    values.len() == 15
        && province(values)
        && date(
            1900 + two(&values[6..8]),
            two(&values[8..10]),
            two(&values[10..12]),
        )
}

/// Luhn. No issuer begins with 0, 1 or 7, and 20 to 21 is the year of a time or order number.
fn bank_card(values: &[u8]) -> bool {
    if matches!(values[0], 0 | 1 | 7) || (values[0] == 2 && values[1] < 2) {
        return false;
    }
    if values.iter().all(|v| *v == values[0]) {
        return false;
    }
    let sum: u32 = values
        .iter()
        .rev()
        .enumerate()
        .map(|(i, v)| {
            let v = u32::from(*v);
            match (i % 2, v * 2) {
                (0, _) => v,
                (_, double) if double > 9 => double - 9,
                (_, double) => double,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// One or two pieces; equal groups and a rest; or issuer and number. All with the same separator.
fn card_groups(groups: &[Group]) -> bool {
    let [first, rest @ ..] = groups else {
        return false;
    };
    let Some(second) = rest.first() else {
        return true;
    };
    if rest.iter().any(|g| g.before != second.before) {
        return false;
    }
    let equal = groups[..groups.len() - 1]
        .iter()
        .all(|g| size(g) == size(first))
        && rest.last().is_some_and(|g| size(g) <= size(first));
    rest.len() == 1
        || equal
        || (size(first) == 6 && rest.len() <= 2)
        || (size(first) == 4 && rest.len() <= 4)
}

// ---------------------------------------------------------------- names

const HONORIFICS: [&str; 4] = ["先生", "女士", "小姐", "太太"];

/// Surnames of one character, the usual ones first. Left out: those that are far more often
/// another word before 先生 (和, 时, 有, 都, 应, 能, 向, 单 …).
const SURNAMES: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎\
    余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟\
    安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦柳邢路岳齐梅莫庄辛祝左涂谷祁舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲游阳裴\
    席卫查屈鲍覃霍翁隋植甘景薄柏宁柯阮桂闵桑简佟初卓沙麻池缪窦娄戚岑栾冉巫滕匡雍濮狄仇蒲司邬祖褚冷辜邝蓝肖付闫尚";

/// The hundred that may begin a whole name.
const USUAL: usize = 100;

const COMPOUND: [&str; 44] = [
    "欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "夏侯",
    "宇文", "长孙", "轩辕", "端木", "独孤", "南宫", "西门", "申屠", "钟离", "闻人", "澹台", "公冶",
    "宗政", "濮阳", "淳于", "单于", "太叔", "仲孙", "百里", "呼延", "东郭", "南门", "完颜", "纳兰",
    "司空", "左丘", "拓跋", "赫连", "第五", "公羊", "万俟", "鲜于",
];

/// Words that end in a surname and are none.
const WORDS: [&str; 78] = [
    "感谢", "谢谢", "多谢", "答谢", "致谢", "酬谢", "任何", "如何", "为何", "因何", "几何", "由于",
    "对于", "关于", "至于", "属于", "位于", "等于", "终于", "在于", "对方", "双方", "地方", "官方",
    "警方", "我方", "甲方", "乙方", "各方", "最高", "现金", "奖金", "保安", "早安", "晚安", "平安",
    "公安", "其余", "非常", "平常", "经常", "正常", "日常", "也许", "允许", "或许", "主任", "信任",
    "责任", "担任", "付钱", "退钱", "价钱", "花钱", "给钱", "扣钱", "交易", "容易", "贸易", "阶段",
    "明白", "表白", "依赖", "健康", "中文", "英文", "大陆", "历史", "盖章", "完成", "变成", "马路",
    "一路", "紧张", "汽车", "相关", "有关", "无关",
];

/// Characters after which a whole name may begin.
const BEFORE_NAME: &str = "是叫为给找和与跟同由被让请向对户客员系到名位主人者师理的及或替帮问把";

/// Characters that are not part of a given name.
const NEVER_GIVEN: &str = "的是和给找请跟被把位个姓叫让说了在我你他她们这那没不谢";

fn surname(c: char, usual: bool) -> bool {
    let c = simplified(c);
    if usual {
        SURNAMES.chars().take(USUAL).any(|s| s == c)
    } else {
        SURNAMES.contains(c)
    }
}

/// The name in front of the honorific at `at`, looked for from byte `from` on.
fn name_before(text: &str, from: usize, at: usize) -> Option<(Range<usize>, Found)> {
    let head = &text[from..at];
    let gap = head
        .chars()
        .next_back()
        .filter(|c| matches!(c, ' ' | '\u{3000}'))
        .map_or(0, char::len_utf8);
    let head = &head[..head.len() - gap];
    // The last characters, nearest first, with the byte where each begins.
    let near: Vec<(usize, char)> = head
        .char_indices()
        .rev()
        .take(5)
        .map(|(i, c)| (from + i, c))
        .collect();
    let (first_at, first) = *near.first()?;
    if !is_han(first) {
        return None;
    }
    let pair = |i: usize| -> Option<String> {
        Some(
            [simplified(near.get(i + 1)?.1), simplified(near.get(i)?.1)]
                .iter()
                .collect(),
        )
    };
    let compound = |i: usize| pair(i).is_some_and(|p| COMPOUND.contains(&p.as_str()));
    if compound(0) {
        return Some((near[1].0..at, Found::Surname));
    }
    let given = |upto: usize| {
        near[..upto]
            .iter()
            .all(|(_, c)| is_han(*c) && !NEVER_GIVEN.contains(*c))
    };
    for upto in [2, 1] {
        if compound(upto) && given(upto) {
            return Some((near[upto + 1].0..at, Found::Name));
        }
    }
    let whole = |upto: usize| {
        let (start, c) = *near.get(upto)?;
        (surname(c, true) && given(upto)).then_some((start, near.get(upto + 1).map(|n| n.1)))
    };
    let word_in =
        |upto: usize| (0..=upto).any(|i| pair(i).is_some_and(|p| WORDS.contains(&p.as_str())));
    // A whole name, where something in front says that it begins there.
    for upto in [2, 1] {
        if let Some((start, before)) = whole(upto)
            && before.is_none_or(|b| !is_han(b) || BEFORE_NAME.contains(b))
            && !word_in(upto)
        {
            return Some((start..at, Found::Name));
        }
    }
    if surname(first, false) {
        if pair(0).is_some_and(|p| WORDS.contains(&p.as_str())) {
            return None;
        }
        return Some((first_at..at, Found::Surname));
    }
    for upto in [2, 1] {
        if let Some((start, _)) = whole(upto)
            && !word_in(upto)
        {
            return Some((start..at, Found::Name));
        }
    }
    None
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
