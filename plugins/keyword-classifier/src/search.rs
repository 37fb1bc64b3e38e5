//! Many words searched in one text at once.
//!
//! The automata are aho-corasick's; the walk over them is ours. A sandbox looks at its clock in every turn of a
//! loop, so a turn takes eight bytes, and nothing is called through a table of functions.

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::{Anchored, MatchKind, StartKind, dfa, nfa::contiguous};

/// Bytes of words up to which the search is a table: about 300 bytes for each, at worst 24 MiB of the
/// instance's memory. Larger taxonomies get the smaller and slower automaton.
const TABLE_BYTES: usize = 24 << 10;

/// A word that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its number in the list of words.
    pub word: usize,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// Which matches are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matches {
    /// All of them, by their ends.
    Overlapping,
    /// The longest from each place on, without overlaps.
    Longest,
}

/// Searches all words at once. No word may be empty.
pub struct Search {
    automaton: Kind,
    matches: Matches,
}

enum Kind {
    Table(dfa::DFA),
    Small(contiguous::NFA),
}

impl Search {
    /// # Errors
    /// The automaton's error when the words are far too many.
    pub fn new<W: AsRef<[u8]>>(words: &[W], matches: Matches) -> Result<Self, String> {
        let kind = match matches {
            Matches::Overlapping => MatchKind::Standard,
            Matches::Longest => MatchKind::LeftmostLongest,
        };
        let bytes: usize = words.iter().map(|w| w.as_ref().len()).sum();
        let automaton = if bytes <= TABLE_BYTES {
            let table = dfa::DFA::builder()
                .match_kind(kind)
                .start_kind(StartKind::Unanchored)
                .prefilter(false)
                .build(words);
            Kind::Table(table.map_err(|e| e.to_string())?)
        } else {
            let small = contiguous::NFA::builder()
                .match_kind(kind)
                .prefilter(false)
                .build(words);
            Kind::Small(small.map_err(|e| e.to_string())?)
        };
        Ok(Self { automaton, matches })
    }

    /// Tells every match, in order.
    pub fn each(&self, text: &str, tell: impl FnMut(Found)) {
        match (&self.automaton, self.matches) {
            (Kind::Table(a), Matches::Overlapping) => overlapping(a, text.as_bytes(), tell),
            (Kind::Table(a), Matches::Longest) => longest(a, text.as_bytes(), tell),
            (Kind::Small(a), Matches::Overlapping) => overlapping(a, text.as_bytes(), tell),
            (Kind::Small(a), Matches::Longest) => longest(a, text.as_bytes(), tell),
        }
    }
}

/// The next state that says something, and the place behind its byte; any state at the end of the text.
#[inline(always)]
fn speaks<A: Automaton>(a: &A, mut state: StateID, text: &[u8], mut at: usize) -> (StateID, usize) {
    while let Some(eight) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        for byte in eight {
            state = a.next_state(Anchored::No, state, *byte);
            at += 1;
            if a.is_special(state) {
                return (state, at);
            }
        }
    }
    while let Some(byte) = text.get(at) {
        state = a.next_state(Anchored::No, state, *byte);
        at += 1;
        if a.is_special(state) {
            break;
        }
    }
    (state, at)
}

fn found<A: Automaton>(a: &A, state: StateID, place: usize, end: usize) -> Found {
    let word = a.match_pattern(state, place);
    Found {
        word: word.as_usize(),
        start: end - a.pattern_len(word),
        end,
    }
}

fn overlapping<A: Automaton>(a: &A, text: &[u8], mut tell: impl FnMut(Found)) {
    let Ok(mut state) = a.start_state(Anchored::No) else {
        return;
    };
    let mut at = 0;
    while at < text.len() {
        (state, at) = speaks(a, state, text, at);
        if a.is_match(state) {
            for place in 0..a.match_len(state) {
                tell(found(a, state, place, at));
            }
        }
    }
}

fn longest<A: Automaton>(a: &A, text: &[u8], mut tell: impl FnMut(Found)) {
    let Ok(start) = a.start_state(Anchored::No) else {
        return;
    };
    let (mut state, mut at) = (start, 0);
    let mut best = None;
    loop {
        if at < text.len() {
            (state, at) = speaks(a, state, text, at);
            if a.is_match(state) {
                best = Some(found(a, state, 0, at));
            }
            if !a.is_dead(state) && at < text.len() {
                continue;
            }
        }
        // Nothing longer comes: on behind the best, or to the end.
        let Some(one) = best.take() else { return };
        tell(one);
        (state, at) = (start, one.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aho_corasick::AhoCorasick;

    /// Words and texts of four letters, so that words begin, end and overlap everywhere.
    fn drawn(seed: &mut u64, most: u64) -> String {
        let mut next = || {
            *seed ^= *seed << 13;
            *seed ^= *seed >> 7;
            *seed ^= *seed << 17;
            *seed >> 20
        };
        let letters = 1 + next() % most;
        (0..letters)
            .map(|_| ['a', 'b', '不', '好'][(next() % 4) as usize])
            .collect()
    }

    fn as_found(m: aho_corasick::Match) -> Found {
        Found {
            word: m.pattern().as_usize(),
            start: m.start(),
            end: m.end(),
        }
    }

    #[test]
    fn finds_what_the_library_finds() {
        let mut seed = 0x9e37_79b9_7f4a_7c15;
        for round in 0..300 {
            let mut words: Vec<String> = (0..1 + round % 9).map(|_| drawn(&mut seed, 5)).collect();
            if round % 50 == 0 {
                // So long that the table is given up. Not one letter again and again: the library's own
                // table takes minutes over that.
                let letters = 0..=TABLE_BYTES as u32 / 3;
                words.push(letters.filter_map(|n| char::from_u32(0x4e00 + n)).collect());
            }
            let text = drawn(&mut seed, 60);
            for (matches, kind) in [
                (Matches::Overlapping, MatchKind::Standard),
                (Matches::Longest, MatchKind::LeftmostLongest),
            ] {
                let theirs = AhoCorasick::builder()
                    .match_kind(kind)
                    .build(&words)
                    .unwrap();
                let expected: Vec<Found> = match matches {
                    Matches::Overlapping => {
                        theirs.find_overlapping_iter(&text).map(as_found).collect()
                    }
                    Matches::Longest => theirs.find_iter(&text).map(as_found).collect(),
                };
                let mut got = Vec::new();
                Search::new(&words, matches)
                    .unwrap()
                    .each(&text, |one| got.push(one));
                assert_eq!(got, expected, "{words:?} in {text:?}");
            }
        }
    }
}
