//! A document belongs to a topic when it holds one of the topic's words.

use plugin_sdk::taxonomy::Taxonomy;
use plugin_sdk::{
    Classification, Classifier, Document, Failure, Label, Lifecycle, ModelInfo, Polarity,
};

/// Prepared with a taxonomy.
pub struct Words {
    taxonomy: Taxonomy,
}

impl Lifecycle for Words {}

impl Classifier for Words {
    fn prepare(taxonomy: Taxonomy) -> Result<(Self, ModelInfo), Failure> {
        let info = ModelInfo {
            name: "@name@".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            max_batch: 256,
            max_text_bytes: 65_536,
        };
        Ok((Self { taxonomy }, info))
    }

    fn classify(&self, document: &Document) -> Result<Classification, Failure> {
        let speaks = |words: &[String]| words.iter().any(|w| document.text.contains(w.as_str()));
        let topics = self.taxonomy.topics.iter().filter(|t| speaks(&t.words));
        Ok(Classification {
            topics: topics
                .map(|t| Label {
                    id: t.key.clone(),
                    confidence: 0.5,
                })
                .collect(),
            sub_causes: Vec::new(),
            intents: Vec::new(),
            polarity: Polarity::Neutral,
            sentiment: 0.0,
            sentiment_confidence: 0.0,
            emotions: Vec::new(),
            risk: 0.0,
            extracted: Vec::new(),
            evidence: Vec::new(),
            attributes: Vec::new(),
        })
    }
}

plugin_sdk::export!(classifier: Words);
