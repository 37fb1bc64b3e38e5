//! Feeling of a text: praise and complaint by lexicon, with negation, strength and contrast.

use crate::lexicon::{Kind, Lexicon};
use crate::search::{Matches, Search};
use crate::text::{Fit, Text, is_clause_end, is_han};
use crate::topics::saturated;

/// Characters over which a negation or an intensifier reaches its word.
const REACH: usize = 5;
/// What a negation without a word to turn counts as a complaint (还没有, didn't).
const DANGLING: f32 = 0.5;
/// What a question mark counts as a complaint; at most three count.
const QUESTION: f32 = 0.4;

/// Sums of one text.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Feeling {
    /// Sum of praise, ≥ 0.
    pub praise: f32,
    /// Sum of complaint, ≥ 0.
    pub complaint: f32,
}

impl Feeling {
    /// -1.0 (all complaint) to 1.0 (all praise); 0 when there is nothing.
    #[must_use]
    pub fn score(self) -> f32 {
        let sum = self.praise + self.complaint;
        if sum <= 0.0 {
            0.0
        } else {
            ((self.praise - self.complaint) / (sum + 0.5)).clamp(-1.0, 1.0)
        }
    }

    /// 0.0 to 1.0: grows with the amount of evidence and with its agreement.
    #[must_use]
    pub fn confidence(self) -> f32 {
        let sum = self.praise + self.complaint;
        (self.score().abs() * saturated(sum / 2.0)).clamp(0.0, 1.0)
    }
}

/// Finds feelings.
pub struct Feelings {
    words: Search,
    entries: Vec<(Kind, f32)>,
}

impl Feelings {
    /// # Errors
    /// The automaton's error when the lexicon is far too large.
    pub fn new(lexicon: &Lexicon) -> Result<Self, String> {
        let mut words: Vec<_> = lexicon.feelings.iter().collect();
        words.sort_by_key(|(word, _)| *word);
        let list: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
        Ok(Self {
            words: Search::new(&list, Matches::Longest)?,
            entries: words.into_iter().map(|(_, entry)| *entry).collect(),
        })
    }

    /// Reads one text.
    #[must_use]
    pub fn read(&self, text: &Text<'_>) -> Feeling {
        let mut feeling = Feeling::default();
        let mut reader = Reader::default();
        let mut last_end = 0;
        self.words.each(text.text, |found| {
            let fit = text.fit(found.start, found.end);
            if fit == Fit::No {
                return;
            }
            reader.pass(&text.text[last_end..found.start], &mut feeling);
            last_end = found.end;
            let (kind, weight) = self.entries[found.word];
            match kind {
                Kind::Negation => {
                    reader.negations += 1;
                    reader.reach = 0;
                }
                Kind::Intensifier => {
                    reader.strength *= weight;
                    reader.reach = 0;
                }
                Kind::Contrast => {
                    reader.settle(&mut feeling);
                    feeling.praise *= 0.6;
                    feeling.complaint *= 0.6;
                }
                Kind::Positive => reader.found(weight, true, &mut feeling),
                Kind::Negative => reader.found(weight, false, &mut feeling),
                Kind::Emotion(_) | Kind::Risk => {}
            }
        });
        reader.pass(&text.text[last_end..], &mut feeling);
        reader.settle(&mut feeling);
        let questions = text.text.matches('?').count() + text.text.matches('？').count();
        feeling.complaint += QUESTION * questions.min(3) as f32;
        feeling
    }
}

/// What stands before the next word of feeling.
struct Reader {
    negations: u32,
    strength: f32,
    reach: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            negations: 0,
            strength: 1.0,
            reach: 0,
        }
    }
}

impl Reader {
    /// Text between two entries: beyond a clause or the reach, what was pending has no word.
    fn pass(&mut self, gap: &str, feeling: &mut Feeling) {
        if self.negations == 0 && self.strength == 1.0 {
            return;
        }
        let mut in_word = false;
        for c in gap.chars() {
            if is_clause_end(c) {
                self.reach = REACH + 1;
                break;
            }
            // A Latin word counts as much as two Han characters.
            if is_han(c) {
                self.reach += 1;
                in_word = false;
            } else if c.is_alphanumeric() {
                if !in_word {
                    self.reach += 2;
                }
                in_word = true;
            } else {
                in_word = false;
            }
        }
        if self.reach > REACH {
            self.settle(feeling);
        }
    }

    /// Forgets what is pending; an unused negation is a small complaint.
    fn settle(&mut self, feeling: &mut Feeling) {
        if self.negations % 2 == 1 {
            feeling.complaint += DANGLING;
        }
        *self = Self::default();
    }

    fn found(&mut self, weight: f32, praise: bool, feeling: &mut Feeling) {
        let value = weight * self.strength;
        match (praise, self.negations % 2 == 1) {
            (true, false) => feeling.praise += value,
            // 不好: a full complaint. 不差: only faint praise.
            (true, true) => feeling.complaint += value,
            (false, false) => feeling.complaint += value,
            (false, true) => feeling.praise += value * 0.3,
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(text: &str) -> f32 {
        let feelings = Feelings::new(&Lexicon::built_in()).unwrap();
        feelings.read(&Text::new(text, &[]).unwrap()).score()
    }

    #[test]
    fn praise_and_complaint_in_both_languages() {
        for good in [
            "非常好吃，送得很快",
            "客服态度很好，问题解决了",
            "great service, very friendly staff",
            "没有问题，很满意",
        ] {
            assert!(score(good) > 0.3, "{good} {}", score(good));
        }
        for bad in [
            "太难吃了，再也不点了",
            "客服态度恶劣，一直推诿",
            "worst app ever, it crashes",
            "信号差，上不了网",
        ] {
            assert!(score(bad) < -0.3, "{bad} {}", score(bad));
        }
        assert_eq!(score("今天星期三"), 0.0);
    }

    #[test]
    fn a_negation_turns_the_word_that_follows_within_its_clause() {
        assert!(score("不是很满意") < 0.0);
        assert!(score("not happy at all") < 0.0);
        assert!(score("the driver was not very helpful") < 0.0);
        assert!(score("不麻烦，满意") > 0.0);
        assert!(score("不知道。满意") > score("不知道满意"));
    }

    #[test]
    fn strength_and_contrast_move_the_balance() {
        let feelings = Feelings::new(&Lexicon::built_in()).unwrap();
        let read = |t: &str| feelings.read(&Text::new(t, &[]).unwrap());
        assert!(read("特别满意").praise > read("满意").praise);
        assert!(read("有点麻烦").complaint < read("麻烦").complaint);
        assert!(score("味道不错，但是送得太慢") < score("送得太慢，但是味道不错"));
    }
}
