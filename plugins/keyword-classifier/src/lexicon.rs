//! The built-in lexicons, as data files that people can read and correct.

use std::collections::HashMap;

const ZH: &str = include_str!("../lexicon/zh.txt");
const EN: &str = include_str!("../lexicon/en.txt");

/// Feelings that are told apart, in the order of [`Kind::Emotion`]'s number.
pub const EMOTIONS: [&str; 4] = ["angry", "anxious", "disappointed", "satisfied"];

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Praise.
    Positive,
    /// Complaint.
    Negative,
    /// Turns the next feeling round.
    Negation,
    /// Multiplies the next feeling.
    Intensifier,
    /// What was said before counts less from here on.
    Contrast,
    /// A feeling of [`EMOTIONS`].
    Emotion(u8),
    /// Wants a person at once.
    Risk,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "positive" => Self::Positive,
            "negative" => Self::Negative,
            "negation" => Self::Negation,
            "intensifier" => Self::Intensifier,
            "contrast" => Self::Contrast,
            "risk" => Self::Risk,
            other => Self::Emotion(u8::try_from(EMOTIONS.iter().position(|e| *e == other)?).ok()?),
        })
    }

    /// Whether the entry takes part in the leftmost-longest reading of feelings.
    const fn is_feeling(self) -> bool {
        matches!(
            self,
            Self::Positive | Self::Negative | Self::Negation | Self::Intensifier | Self::Contrast
        )
    }
}

/// Entries of both languages.
#[derive(Debug, Default)]
pub struct Lexicon {
    /// One meaning a word: negations, intensifiers and contrasts before praise before complaint.
    pub feelings: HashMap<String, (Kind, f32)>,
    /// Emotions; a word may stand for several.
    pub emotions: Vec<(String, u8)>,
    /// Risk words with their weights.
    pub risks: HashMap<String, f32>,
}

impl Lexicon {
    /// Reads the data files that are part of this crate.
    #[must_use]
    pub fn built_in() -> Self {
        let mut lexicon = Self::default();
        lexicon.read(ZH, char::is_whitespace);
        lexicon.read(EN, |c| c == ',');
        lexicon
    }

    fn read(&mut self, text: &str, separator: fn(char) -> bool) {
        let mut section = None;
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with('#') {
                continue;
            }
            if let Some(head) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                section = head.split_once(' ').and_then(|(kind, weight)| {
                    Some((Kind::named(kind)?, weight.trim().parse::<f32>().ok()?))
                });
                continue;
            }
            let Some((kind, weight)) = section else {
                continue;
            };
            for word in line
                .split(separator)
                .map(str::trim)
                .filter(|w| !w.is_empty())
            {
                self.add(word, kind, weight);
            }
        }
    }

    /// Adds one entry. A feeling already known keeps the meaning of the higher order.
    pub fn add(&mut self, word: &str, kind: Kind, weight: f32) {
        match kind {
            Kind::Emotion(which) => self.emotions.push((word.to_owned(), which)),
            Kind::Risk => {
                self.risks.insert(word.to_owned(), weight);
            }
            _ if kind.is_feeling() => {
                let order = |k: Kind| match k {
                    Kind::Negation => 0,
                    Kind::Intensifier => 1,
                    Kind::Contrast => 2,
                    Kind::Positive => 3,
                    _ => 4,
                };
                let known = self
                    .feelings
                    .get(word)
                    .is_some_and(|(k, _)| order(*k) <= order(kind));
                if !known {
                    self.feelings.insert(word.to_owned(), (kind, weight));
                }
            }
            _ => {}
        }
    }

    /// Adds an organisation's own entry, which overrides whatever the word meant.
    pub fn set(&mut self, word: &str, kind: Kind, weight: f32) {
        self.feelings.insert(word.to_owned(), (kind, weight));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read_and_large_enough_to_be_useful() {
        let lexicon = Lexicon::built_in();
        let count = |kind: Kind| {
            lexicon
                .feelings
                .values()
                .filter(|(k, _)| *k == kind)
                .count()
        };
        assert!(
            count(Kind::Positive) > 400 && count(Kind::Negative) > 700,
            "{} {}",
            count(Kind::Positive),
            count(Kind::Negative)
        );
        assert_eq!(lexicon.feelings["不"].0, Kind::Negation);
        assert_eq!(lexicon.feelings["没问题"].0, Kind::Positive);
        assert_eq!(lexicon.feelings["love it"].0, Kind::Positive);
        assert!(lexicon.risks["12315"] > 0.8 && lexicon.risks.contains_key("lawyer"));
        for emotion in 0..4 {
            assert!(lexicon.emotions.iter().any(|(_, e)| *e == emotion));
        }
    }

    #[test]
    fn every_section_has_a_known_kind_and_a_weight() {
        for line in ZH.lines().chain(EN.lines()).filter(|l| l.starts_with('[')) {
            let head = line.trim_matches(['[', ']']);
            let (kind, weight) = head.split_once(' ').unwrap();
            assert!(Kind::named(kind).is_some(), "{line}");
            assert!(weight.parse::<f32>().unwrap() > 0.0, "{line}");
        }
    }
}
