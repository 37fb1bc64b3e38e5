//! One spelling: half width, Simplified, lower case.
//!
//! Topic words and texts are folded by the same function and then compared, so what counts is that
//! equal meanings fold alike, not that the result is good style. Traditional characters are
//! replaced one by one; ambiguous ones (乾 → 干) take the commonest.

use std::borrow::Cow;
use std::sync::OnceLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// A folded text and where its parts come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded<'a> {
    /// The folded text; borrowed where folding changes nothing.
    pub text: Cow<'a, str>,
    /// (byte in the folded text, byte in the original), wherever the distance between the two
    /// changes; ascending. Empty when all offsets are equal.
    steps: Vec<(u32, u32)>,
    original_len: u32,
}

impl Folded<'_> {
    /// The byte offset in the original that byte `at` of the folded text comes from: exact at the
    /// characters' borders, rounded down to a border of the original inside expanded characters.
    #[must_use]
    pub fn original_offset(&self, at: usize) -> usize {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let index = self.steps.partition_point(|(folded, _)| *folded <= at);
        let Some((folded, original)) = index.checked_sub(1).and_then(|i| self.steps.get(i)) else {
            let limit = self
                .steps
                .first()
                .map_or(self.original_len, |(_, original)| *original);
            return at.min(limit) as usize;
        };
        let offset = original + (at - folded);
        // Never past the next step: an expanded character has more folded bytes than original ones.
        let limit = self
            .steps
            .get(index)
            .map_or(self.original_len, |(_, original)| *original);
        offset.min(limit) as usize
    }
}

/// What happens to a character: itself, another one, or (0) the long way.
fn table() -> &'static [u16; 0x1_0000] {
    static TABLE: OnceLock<Box<[u16; 0x1_0000]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Box::new([0u16; 0x1_0000]);
        let simple = traditional_table();
        for code in 1..0x1_0000u32 {
            let Some(c) = char::from_u32(code) else {
                continue;
            };
            // Marks may join the character before them: not a matter of one character alone.
            if is_combining_mark(c) || canonical_combining_class(c) != 0 || is_jamo(c) {
                continue;
            }
            let mut folded = fold_long(c.encode_utf8(&mut [0; 4]), simple).into_iter();
            if let (Some(only), None) = (folded.next(), folded.next())
                && let Ok(only) = u16::try_from(only as u32)
                && let Some(entry) = table.get_mut(code as usize)
            {
                *entry = only;
            }
        }
        table
    })
}

fn is_jamo(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{ff9e}' | '\u{ff9f}' | '\u{ffa0}'..='\u{ffdc}')
}

/// Traditional → Simplified of the Basic Multilingual Plane, 0 = unchanged.
fn traditional_table() -> &'static [u16; 0x1_0000] {
    static TABLE: OnceLock<Box<[u16; 0x1_0000]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Box::new([0u16; 0x1_0000]);
        for line in include_str!("traditional.txt")
            .lines()
            .filter(|l| !l.starts_with('#'))
        {
            let mut chars = line.chars();
            while let (Some(from), Some(to)) = (chars.next(), chars.next()) {
                if let Some(entry) = table.get_mut(from as usize) {
                    *entry = u16::try_from(to as u32).unwrap_or(0);
                }
            }
        }
        table
    })
}

/// The Simplified form of one character; itself where there is none.
#[must_use]
pub fn simplified(c: char) -> char {
    simplified_in(c, traditional_table())
}

fn simplified_in(c: char, table: &[u16; 0x1_0000]) -> char {
    match table.get(c as usize) {
        Some(&to) if to != 0 => char::from_u32(u32::from(to)).unwrap_or(c),
        _ => c,
    }
}

/// The long way, for any text.
fn fold_long(text: &str, traditional: &[u16; 0x1_0000]) -> Vec<char> {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .nfkc()
        .map(|c| simplified_in(c, traditional))
        .collect()
}

/// Folds `text`: NFKC (half width), lower case, Simplified.
#[must_use]
pub fn fold(text: &str) -> Folded<'_> {
    let original_len = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let table = table();
    let mapped = |c: char| table.get(c as usize).copied().unwrap_or(0);
    // Where folding begins to change something.
    let Some(start) = text
        .char_indices()
        .find(|(_, c)| u32::from(mapped(*c)) != *c as u32)
    else {
        return Folded {
            text: Cow::Borrowed(text),
            steps: Vec::new(),
            original_len,
        };
    };
    // A mark may change the character before it.
    let start = text[..start.0]
        .char_indices()
        .next_back()
        .map_or(0, |(at, _)| at);
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..start]);
    let mut steps: Vec<(u32, u32)> = Vec::new();
    let mut distance = 0i64;
    let mut note = |out: &String, at: usize, distance: &mut i64| {
        let now = at as i64 - out.len() as i64;
        if now != *distance {
            *distance = now;
            steps.push((out.len() as u32, at as u32));
        }
    };
    let mut chars = text[start..]
        .char_indices()
        .map(|(at, c)| (at + start, c))
        .peekable();
    while let Some((at, c)) = chars.next() {
        note(&out, at, &mut distance);
        let to = mapped(c);
        let alone = chars.peek().is_none_or(|(_, next)| mapped(*next) != 0);
        if to != 0 && alone {
            if let Some(c) = char::from_u32(u32::from(to)) {
                out.push(c);
            }
            continue;
        }
        // A cluster: this character and all that follow it which do not stand alone.
        let mut end = at + c.len_utf8();
        while let Some((at, c)) = chars.next_if(|(_, next)| mapped(*next) == 0) {
            end = at + c.len_utf8();
        }
        out.extend(fold_long(&text[at..end], traditional_table()));
    }
    note(&out, text.len(), &mut distance);
    Folded {
        text: Cow::Owned(out),
        steps,
        original_len,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_spelling_for_width_script_and_case() {
        for (text, folded) in [
            ("套餐资费", "套餐资费"),
            ("套餐資費爭議", "套餐资费争议"),
            ("ＡＰＰ　１２３", "app 123"),
            ("Wi-Fi", "wi-fi"),
            ("ｶﾞ", "ガ"),
            ("①㈱ﬁ", "1(株)fi"),
            ("e\u{301}", "é"),
            ("", ""),
        ] {
            assert_eq!(fold(text).text, folded, "{text}");
        }
        assert!(
            matches!(fold("我要退费 abc 123，好的").text, Cow::Owned(_)),
            "the comma has a half width"
        );
        assert!(matches!(fold("我要退费 abc 123").text, Cow::Borrowed(_)));
    }

    #[test]
    fn offsets_lead_back_to_the_original() {
        let text = "ＡＰＰ登錄不了";
        let folded = fold(text);
        let at = folded.text.find("登录").unwrap();
        assert_eq!(&text[folded.original_offset(at)..], "登錄不了");
        assert_eq!(folded.original_offset(folded.text.len()), text.len());
        // Folded parts that are longer than what they come from.
        let folded = fold("»㈱x");
        assert_eq!(
            (folded.text.as_ref(), folded.original_offset(7)),
            ("»(株)x", 5)
        );
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC*") {
            let once = fold(&text).text.into_owned();
            prop_assert_eq!(fold(&once).text.into_owned(), once);
        }

        #[test]
        fn offsets_are_ascending_borders(text in "(\\PC|[Ａ-Ｚ①㈱ﬁ資é\u{301}ｶﾞ]){0,40}") {
            let folded = fold(&text);
            let mut last = 0;
            for (at, _) in folded.text.char_indices() {
                let from = folded.original_offset(at);
                prop_assert!(from >= last && from <= text.len());
                last = from;
            }
            prop_assert_eq!(folded.original_offset(folded.text.len()), text.len());
        }
    }
}
