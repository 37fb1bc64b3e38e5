//! A document with its word boundaries.

/// Text with the places where the host's segmentation ends a word.
pub struct Text<'a> {
    /// Folded text.
    pub text: &'a str,
    /// `boundary[i]`: a word starts or ends at byte `i`. Empty when there is no segmentation.
    boundary: Vec<bool>,
}

/// How a match sits among the words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fit {
    /// A whole word, or a run of whole words.
    Words,
    /// A Latin word with an ending (`refund` in `refunds`).
    Inflected,
    /// Han characters across word boundaries.
    Inside,
    /// No match: a part of a Latin word, or a single Han character inside a word.
    No,
}

impl<'a> Text<'a> {
    /// `None` when the offsets are no ascending character boundaries of the text.
    #[must_use]
    pub fn new(text: &'a str, token_ends: &[u32]) -> Option<Self> {
        let mut boundary = Vec::new();
        if !token_ends.is_empty() {
            boundary.resize(text.len() + 1, false);
            boundary[0] = true;
            boundary[text.len()] = true;
            let mut last = 0;
            for end in token_ends {
                let end = *end as usize;
                if end < last || !text.is_char_boundary(end) {
                    return None;
                }
                boundary[end] = true;
                last = end;
            }
        }
        Some(Self { text, boundary })
    }

    /// How the match `start..end` (character boundaries, not empty) sits.
    #[must_use]
    pub fn fit(&self, start: usize, end: usize) -> Fit {
        let found = &self.text[start..end];
        let (Some(first), Some(last)) = (found.chars().next(), found.chars().next_back()) else {
            return Fit::No;
        };
        let before = self.text[..start].chars().next_back();
        let after = &self.text[end..];
        if is_latin(first) && before.is_some_and(is_latin) {
            return Fit::No;
        }
        let mut inflected = false;
        if is_latin(last) && after.starts_with(is_latin) {
            let rest = &after[..after.find(|c| !is_latin(c)).unwrap_or(after.len())];
            // Digits stay strict: 5g is not 5gb.
            if last.is_ascii_digit() || !matches!(rest, "s" | "es" | "ed" | "d" | "ing" | "'s") {
                return Fit::No;
            }
            inflected = true;
        }
        let at_start = is_latin(first) || self.is_boundary(start);
        let at_end = is_latin(last) || self.is_boundary(end);
        if at_start && at_end {
            return if inflected {
                Fit::Inflected
            } else {
                Fit::Words
            };
        }
        if found.chars().nth(1).is_none() {
            Fit::No
        } else {
            Fit::Inside
        }
    }

    fn is_boundary(&self, at: usize) -> bool {
        self.boundary.is_empty() || self.boundary[at]
    }

    /// Whether a negation stands closely before `start` in the same clause: among the last four
    /// characters (Han), or as one of the last words within twelve (Latin).
    #[must_use]
    pub fn negated(&self, start: usize) -> bool {
        let before = &self.text[..start];
        let mut from = start;
        for (place, (at, c)) in before.char_indices().rev().take(12).enumerate() {
            if is_clause_end(c) {
                break;
            }
            if place < 4 && matches!(c, '不' | '没' | '未' | '无' | '别' | '莫') {
                return true;
            }
            from = at;
        }
        before[from..].split(|c: char| !is_latin(c)).any(|word| {
            matches!(word, "not" | "no" | "never" | "without" | "cannot") || word.ends_with("n't")
        })
    }
}

/// Part of a word in a script with blanks between words: letters, digits, apostrophe.
#[must_use]
pub fn is_latin(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '\'';
    }
    // Beyond are the scripts of East Asia, which have no blanks between words; asking the tables
    // for each of their characters would cost a tenth of the whole classification.
    c < '\u{2e80}' && c.is_alphanumeric()
}

/// Han characters of the common blocks.
#[must_use]
pub fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

/// Punctuation that ends a clause: no negation reaches beyond it.
#[must_use]
pub fn is_clause_end(c: char) -> bool {
    matches!(
        c,
        ',' | '.'
            | '!'
            | '?'
            | ';'
            | ':'
            | '\n'
            | '，'
            | '。'
            | '！'
            | '？'
            | '；'
            | '：'
            | '、'
            | '…'
            | '~'
            | '～'
            | '('
            | ')'
            | '（'
            | '）'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends of the tokens, given as strings.
    fn ends(tokens: &[&str]) -> Vec<u32> {
        tokens
            .iter()
            .scan(0u32, |at, t| {
                *at += u32::try_from(t.len()).unwrap();
                Some(*at)
            })
            .collect()
    }

    #[test]
    fn whole_words_and_runs_of_words_fit_better_than_pieces() {
        let tokens = ["我", "的", "套餐", "资费", "太贵"];
        let joined = tokens.concat();
        let text = Text::new(&joined, &ends(&tokens)).unwrap();
        let of = |word: &str| {
            let start = joined.find(word).unwrap();
            text.fit(start, start + word.len())
        };
        assert_eq!(of("套餐"), Fit::Words);
        assert_eq!(of("套餐资费"), Fit::Words);
        assert_eq!(of("餐资"), Fit::Inside);
        assert_eq!(of("贵"), Fit::No, "a single character inside a word");
    }

    #[test]
    fn latin_words_only_match_at_their_borders() {
        let text = Text::new("my 5gb plan, refunds refunding prefund", &[]).unwrap();
        let of = |word: &str, nth: usize| {
            let start = text.text.match_indices(word).nth(nth).unwrap().0;
            text.fit(start, start + word.len())
        };
        assert_eq!(of("5g", 0), Fit::No);
        assert_eq!(of("plan", 0), Fit::Words);
        assert_eq!(of("refund", 0), Fit::Inflected);
        assert_eq!(of("refund", 1), Fit::Inflected);
        assert_eq!(of("refund", 2), Fit::No);
    }

    #[test]
    fn bad_offsets_are_refused() {
        assert!(Text::new("套餐", &[2]).is_none(), "inside a character");
        assert!(Text::new("套餐", &[3, 9]).is_none(), "beyond the end");
        assert!(Text::new("套餐", &[6, 3]).is_none(), "descending");
        assert!(Text::new("套餐", &[3, 6]).is_some());
    }

    #[test]
    fn a_negation_reaches_to_the_end_of_its_clause() {
        let text = Text::new("我不太满意，满意", &[]).unwrap();
        assert!(text.negated("我不太".len()));
        assert!(!text.negated("我不太满意，".len()));
        let text = Text::new("i was not at all happy", &[]).unwrap();
        assert!(text.negated("i was not at all ".len()));
    }
}
