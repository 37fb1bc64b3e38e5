//! Classifies feedback by the words of the taxonomy: topic, cause, feeling, emotion and risk.
//!
//! Works without a single labelled text, in Chinese and English, and says nothing where no word
//! speaks. The same code runs as a component and as a library.

mod lexicon;
mod search;
mod sentiment;
mod text;
mod topics;

use plugin_sdk::taxonomy::Taxonomy;
use plugin_sdk::{
    Classification, Classifier, Document, Failure, Label, Lifecycle, ModelInfo, Polarity, failure,
};

use lexicon::{EMOTIONS, Kind, Lexicon};
use sentiment::Feelings;
use text::Text;
use topics::Topics;

/// Longest text in bytes; the host never sends more.
const MAX_TEXT: usize = 64 * 1024;
/// Below this distance from 0 the feeling is neutral.
const NEUTRAL: f32 = 0.12;

/// The classifier, prepared with one taxonomy.
pub struct KeywordClassifier {
    topics: Topics,
    feelings: Feelings,
}

impl Lifecycle for KeywordClassifier {}

impl Classifier for KeywordClassifier {
    fn prepare(taxonomy: Taxonomy) -> Result<(Self, ModelInfo), Failure> {
        let mut lexicon = Lexicon::built_in();
        if let Some(own) = &taxonomy.sentiment {
            let lists = [
                (&own.positive, Kind::Positive, 1.5),
                (&own.negative, Kind::Negative, 1.5),
                (&own.negations, Kind::Negation, 1.0),
                (&own.intensifiers, Kind::Intensifier, 1.5),
            ];
            for (words, kind, weight) in lists {
                for word in words
                    .iter()
                    .map(|w| topics::fold(w))
                    .filter(|w| !w.is_empty())
                {
                    lexicon.set(&word, kind, weight);
                }
            }
        }
        for risk in taxonomy.risk.iter().flat_map(|r| &r.words) {
            let word = topics::fold(&risk.word);
            if !word.is_empty() {
                lexicon.add(&word, Kind::Risk, risk.weight);
            }
        }
        let too_large = |e| failure::invalid_input("taxonomy.too_large", e);
        let prepared = Self {
            topics: Topics::new(&taxonomy, &lexicon).map_err(too_large)?,
            feelings: Feelings::new(&lexicon).map_err(too_large)?,
        };
        let info = ModelInfo {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            max_batch: 1000,
            max_text_bytes: MAX_TEXT as u32,
        };
        Ok((prepared, info))
    }

    fn classify(&self, document: &Document) -> Result<Classification, Failure> {
        if document.text.len() > MAX_TEXT {
            return Err(failure::invalid_input(
                "document.too_large",
                format!("more than {MAX_TEXT} bytes"),
            ));
        }
        let Some(text) = Text::new(&document.text, &document.token_ends) else {
            return Err(failure::invalid_input(
                "document.bad_offsets",
                "token-ends are not ends of characters, ascending",
            ));
        };
        let found = self.topics.read(&text);
        let feeling = self.feelings.read(&text);
        let score = feeling.score();
        let weaker = feeling.praise.min(feeling.complaint);
        let polarity = if weaker >= 1.5 && score.abs() < 0.25 {
            Polarity::Mixed
        } else if score > NEUTRAL {
            Polarity::Positive
        } else if score < -NEUTRAL {
            Polarity::Negative
        } else {
            Polarity::Neutral
        };
        // An emotion must not contradict the feeling of the whole text.
        let emotions = EMOTIONS
            .iter()
            .zip(found.emotions)
            .filter(|(name, confidence)| {
                *confidence > 0.0
                    && if **name == "satisfied" {
                        score > 0.0
                    } else {
                        score < 0.2
                    }
            })
            .map(|(name, confidence)| Label {
                id: (*name).to_owned(),
                confidence,
            })
            .collect();
        Ok(Classification {
            topics: found.topics,
            sub_causes: found.causes,
            intents: Vec::new(),
            polarity,
            sentiment: score,
            sentiment_confidence: feeling.confidence(),
            emotions,
            risk: found.risk,
            extracted: Vec::new(),
            evidence: found.evidence,
            attributes: Vec::new(),
        })
    }
}

plugin_sdk::export!(classifier: KeywordClassifier);
