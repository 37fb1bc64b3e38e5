//! Topics, causes, risk and emotions: every word of the taxonomy is searched in one pass.

use std::collections::{BTreeMap, BTreeSet};

use plugin_sdk::taxonomy::Taxonomy;
use plugin_sdk::{Label, Span};

use crate::lexicon::{EMOTIONS, Lexicon};
use crate::search::{Matches, Search};
use crate::text::{Fit, Text, is_han};

/// Below this score nothing is explained: weaker than one piece of an ordinary word.
const FLOOR: f32 = 0.45;
/// Score at which the confidence without a rival is 0.6.
const SCALE: f32 = 1.2;
/// Topics in the answer.
const MAX_TOPICS: usize = 3;
/// A topic below this share of the best one's score is not named.
const WORTH_NAMING: f32 = 0.3;
/// Evidence spans in the answer.
const MAX_SPANS: usize = 6;
/// Words of a cause speak for its topic too, but less.
const CAUSE_FOR_TOPIC: f32 = 0.5;
/// What a topic gets from the words of its parent: with 0.4 of its words it wins over it.
const FROM_PARENT: f32 = 0.6;
/// A match in the first characters of the text counts more: people begin with the matter.
const EARLY_BYTES: usize = 90;
const EARLY: f32 = 1.15;

/// What a found word speaks for.
#[derive(Debug, Clone, Copy)]
enum Target {
    Topic { topic: u32, word: u32 },
    Cause { topic: u32, cause: u32, word: u32 },
    Emotion(u8),
    Risk(f32),
}

struct Topic {
    key: String,
    parent: Option<usize>,
    causes: Vec<String>,
}

/// What the words of a text say.
#[derive(Debug, Default)]
pub struct Found {
    /// Best first.
    pub topics: Vec<Label>,
    /// Causes inside the best topic, best first.
    pub causes: Vec<Label>,
    /// Places that speak for the best topic, its cause and the risk, in order of place.
    pub evidence: Vec<Span>,
    /// 0.0 to 1.0.
    pub risk: f32,
    /// Confidence of each of [`EMOTIONS`], 0.0 when absent.
    pub emotions: [f32; EMOTIONS.len()],
}

/// Searches all words at once.
pub struct Topics {
    words: Search,
    targets: Vec<Vec<Target>>,
    topics: Vec<Topic>,
    /// Weight of each word of topics and causes: idf × length.
    weights: Vec<f32>,
}

/// One match.
struct Hit {
    topic: u32,
    /// `u32::MAX` for a word of the topic itself.
    cause: u32,
    word: u32,
    quality: f32,
    start: u32,
    end: u32,
}

const NO_CAUSE: u32 = u32::MAX;

impl Topics {
    /// # Errors
    /// The automaton's error when the taxonomy is far too large.
    pub fn new(taxonomy: &Taxonomy, lexicon: &Lexicon) -> Result<Self, String> {
        let index: BTreeMap<&str, usize> = taxonomy
            .topics
            .iter()
            .enumerate()
            .map(|(i, t)| (t.key.as_str(), i))
            .collect();
        let topics: Vec<Topic> = taxonomy
            .topics
            .iter()
            .map(|t| Topic {
                key: t.key.clone(),
                parent: t.parent.as_deref().and_then(|p| index.get(p).copied()),
                causes: t.causes.iter().map(|c| c.key.clone()).collect(),
            })
            .collect();

        // Which topics know a word: a word of many topics tells little.
        let mut known_by: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        let mut meanings: Vec<(String, String, Meaning)> = Vec::new();
        for (number, topic) in taxonomy.topics.iter().enumerate() {
            for word in &topic.words {
                meanings.push((fold(word), fold(word), Meaning::Topic(number)));
            }
            for (surface, canonical) in &topic.synonyms {
                meanings.push((fold(surface), fold(canonical), Meaning::Topic(number)));
            }
            for (cause, c) in topic.causes.iter().enumerate() {
                for word in &c.words {
                    meanings.push((fold(word), fold(word), Meaning::Cause(number, cause)));
                }
            }
        }
        meanings.retain(|(surface, canonical, _)| !surface.is_empty() && !canonical.is_empty());
        for (surface, _, meaning) in &meanings {
            known_by
                .entry(surface.clone())
                .or_default()
                .insert(meaning.topic());
        }

        let all = taxonomy.topics.len() as f32 + 1.0;
        let mut patterns: BTreeMap<String, Vec<Target>> = BTreeMap::new();
        let mut weights = Vec::new();
        let mut numbers: BTreeMap<(String, Meaning), u32> = BTreeMap::new();
        for (surface, canonical, meaning) in meanings {
            let df = known_by.get(&surface).map_or(1, BTreeSet::len) as f32;
            let idf = (all / df).ln() / all.ln();
            // Synonyms share the number of their word, so that both together count as repetition.
            let word = *numbers.entry((canonical, meaning)).or_insert_with(|| {
                weights.push(0.0);
                weights.len() as u32 - 1
            });
            weights[word as usize] =
                f32::max(weights[word as usize], idf * length_factor(&surface));
            patterns.entry(surface).or_default().push(match meaning {
                Meaning::Topic(topic) => Target::Topic {
                    topic: topic as u32,
                    word,
                },
                Meaning::Cause(topic, cause) => Target::Cause {
                    topic: topic as u32,
                    cause: cause as u32,
                    word,
                },
            });
        }
        for (word, emotion) in &lexicon.emotions {
            patterns
                .entry(word.clone())
                .or_default()
                .push(Target::Emotion(*emotion));
        }
        for (word, weight) in &lexicon.risks {
            patterns
                .entry(word.clone())
                .or_default()
                .push(Target::Risk(*weight));
        }
        let (words, targets): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        Ok(Self {
            words: Search::new(&words, Matches::Overlapping)?,
            targets,
            topics,
            weights,
        })
    }

    /// Reads one text.
    #[must_use]
    pub fn read(&self, text: &Text<'_>) -> Found {
        let mut hits: Vec<Hit> = Vec::new();
        let mut calm = 1.0f32;
        let mut feelings = [0u32; EMOTIONS.len()];
        let mut risk_spans = Vec::new();
        self.words.each(text.text, |found| {
            let (start, end) = (found.start, found.end);
            let quality = match text.fit(start, end) {
                Fit::No => return,
                Fit::Words => 1.0,
                Fit::Inflected => 0.9,
                Fit::Inside => 0.6,
            };
            for target in &self.targets[found.word] {
                let (topic, cause, word) = match *target {
                    Target::Topic { topic, word } => (topic, NO_CAUSE, word),
                    Target::Cause { topic, cause, word } => (topic, cause, word),
                    Target::Emotion(which) => {
                        feelings[which as usize] += u32::from(!text.negated(start));
                        continue;
                    }
                    Target::Risk(weight) => {
                        let weight = if text.negated(start) {
                            weight * 0.3
                        } else {
                            weight * quality
                        };
                        calm *= 1.0 - weight.clamp(0.0, 1.0);
                        risk_spans.push(Span {
                            start: start as u32,
                            end: end as u32,
                            label_id: "risk".to_owned(),
                        });
                        continue;
                    }
                };
                hits.push(Hit {
                    topic,
                    cause,
                    word,
                    quality,
                    start: start as u32,
                    end: end as u32,
                });
            }
        });
        let mut answer = self.rank(&mut hits);
        answer.risk = (1.0 - calm).clamp(0.0, 1.0);
        for (confidence, count) in answer.emotions.iter_mut().zip(feelings) {
            *confidence = saturated(0.9 * count as f32);
        }
        answer.evidence.extend(risk_spans);
        answer.evidence.truncate(MAX_SPANS);
        answer.evidence.sort_by_key(|s| (s.start, s.end));
        answer
    }

    /// Scores topics and causes from all matches.
    fn rank(&self, hits: &mut [Hit]) -> Found {
        if hits.is_empty() {
            return Found::default();
        }
        hits.sort_unstable_by_key(|h| (h.topic, h.cause, h.word, h.start));
        // Sorted by topic, then cause (the topic's own words last): one entry for each.
        let mut own: Vec<(u32, f32)> = Vec::with_capacity(8);
        let mut causes: Vec<(u32, u32, f32)> = Vec::new();
        let same = |a: &Hit, b: &Hit| (a.topic, a.cause, a.word) == (b.topic, b.cause, b.word);
        for group in hits.chunk_by(same) {
            let Some(first) = group.first() else { continue };
            let quality = group.iter().map(|h| h.quality).fold(0.0, f32::max);
            let early = if (first.start as usize) < EARLY_BYTES {
                EARLY
            } else {
                1.0
            };
            let repeated = if group.len() == 1 {
                1.0
            } else {
                1.0 + 0.5 * (group.len() as f32).ln()
            };
            let score = self.weights[first.word as usize] * quality * early * repeated;
            let for_topic = if first.cause == NO_CAUSE {
                score
            } else {
                match causes.last_mut() {
                    Some((topic, cause, sum)) if (*topic, *cause) == (first.topic, first.cause) => {
                        *sum += score;
                    }
                    _ => causes.push((first.topic, first.cause, score)),
                }
                score * CAUSE_FOR_TOPIC
            };
            match own.last_mut() {
                Some((topic, sum)) if *topic == first.topic => *sum += for_topic,
                _ => own.push((first.topic, for_topic)),
            }
        }
        let of = |topic: usize| {
            own.iter()
                .find(|(t, _)| *t as usize == topic)
                .map(|(_, s)| *s)
        };
        let mut ranked: Vec<(u32, f32)> = own
            .iter()
            .map(|(topic, score)| {
                let parent = self.topics[*topic as usize].parent.and_then(of);
                (*topic, score + FROM_PARENT * parent.unwrap_or(0.0))
            })
            .filter(|(_, score)| *score >= FLOOR)
            .collect();
        ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));

        let mut found = Found::default();
        let Some(&(best, best_score)) = ranked.first() else {
            return found;
        };
        ranked.retain(|(_, score)| *score >= best_score * WORTH_NAMING);
        for (place, (topic, score)) in ranked.iter().take(MAX_TOPICS).enumerate() {
            // A rival is a topic of another branch: a parent does not contradict its child.
            let rival = if place == 0 {
                ranked
                    .iter()
                    .skip(1)
                    .find(|(other, _)| !self.related(best, *other))
                    .map_or(0.0, |(_, s)| *s)
            } else {
                best_score
            };
            found.topics.push(label(
                &self.topics[*topic as usize].key,
                confidence(*score, rival),
            ));
        }
        // Later places never look surer than the first.
        let ceiling = found.topics.first().map_or(1.0, |l| l.confidence);
        for label in found.topics.iter_mut().skip(1) {
            label.confidence = label.confidence.min(ceiling);
        }

        causes.retain(|(topic, _, _)| *topic == best);
        causes.sort_unstable_by(|a, b| b.2.total_cmp(&a.2).then(a.1.cmp(&b.1)));
        for (place, (_, cause, score)) in causes.iter().enumerate().take(2) {
            let other = if place == 0 { 1 } else { 0 };
            let rival = causes.get(other).map_or(0.0, |(_, _, s)| *s);
            let name = &self.topics[best as usize].causes[*cause as usize];
            found.causes.push(label(name, confidence(*score, rival)));
        }

        for hit in hits.iter().filter(|h| h.topic == best).take(MAX_SPANS) {
            let topic = &self.topics[best as usize];
            let id = if hit.cause == NO_CAUSE {
                &topic.key
            } else {
                &topic.causes[hit.cause as usize]
            };
            found.evidence.push(Span {
                start: hit.start,
                end: hit.end,
                label_id: id.clone(),
            });
        }
        found
    }

    fn related(&self, a: u32, b: u32) -> bool {
        let above = |from: u32, to: u32| {
            let mut at = self.topics[from as usize].parent;
            while let Some(parent) = at {
                if parent as u32 == to {
                    return true;
                }
                at = self.topics[parent].parent;
            }
            false
        };
        above(a, b) || above(b, a)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    Topic(usize),
    Cause(usize, usize),
}

impl Meaning {
    const fn topic(self) -> usize {
        match self {
            Self::Topic(topic) | Self::Cause(topic, _) => topic,
        }
    }
}

/// 0.0 to 1.0: grows with the score, and with its distance to the rival.
fn confidence(score: f32, rival: f32) -> f32 {
    let margin = ((score - rival) / score).clamp(0.0, 1.0);
    saturated(score / SCALE) * (0.6 + 0.4 * margin)
}

/// 0 at 0, towards 1: close to `1 - exp(-x)`, and the same bits on every machine.
pub(crate) fn saturated(x: f32) -> f32 {
    1.0 - 1.0 / (1.0 + x + 0.5 * x * x)
}

fn label(id: &str, confidence: f32) -> Label {
    Label {
        id: id.to_owned(),
        confidence: confidence.clamp(0.0, 1.0),
    }
}

/// The host folds words like texts; this only forgives upper case and stray blanks.
pub(crate) fn fold(word: &str) -> String {
    word.trim().to_lowercase()
}

/// Longer words are surer.
fn length_factor(word: &str) -> f32 {
    let han = word.chars().filter(|c| is_han(*c)).count();
    if han == 0 {
        return match (word.contains(' '), word.len()) {
            (true, _) => 1.4,
            (false, 0..=2) => 0.7,
            (false, _) => 1.0,
        };
    }
    match word.chars().count() {
        1 => 0.5,
        2 => 1.0,
        3 => 1.2,
        _ => 1.5,
    }
}
