//! The smallest classifier: a document belongs to a topic when it holds one of its words.
//!
//! It also shows what happens when a plugin goes wrong: the texts `panic`, `hoard` and `recurse`
//! make it fail in these ways, and tests of the host use them.
//!
//! `cargo build -p plugin-sdk --example minimal_classifier --target wasm32-unknown-unknown --profile plugin`

use plugin_sdk::taxonomy::Taxonomy;
use plugin_sdk::{
    Classification, Classifier, Document, Failure, Label, Lifecycle, ModelInfo, Polarity, host,
};

/// Prepared with a taxonomy.
pub struct Minimal {
    taxonomy: Taxonomy,
}

impl Lifecycle for Minimal {}

impl Classifier for Minimal {
    fn prepare(taxonomy: Taxonomy) -> Result<(Self, ModelInfo), Failure> {
        host::log(host::Level::Info, "prepared");
        let info = ModelInfo {
            name: "minimal".to_owned(),
            version: "0.1.0".to_owned(),
            max_batch: 100,
            max_text_bytes: 65_536,
        };
        Ok((Self { taxonomy }, info))
    }

    fn classify(&self, document: &Document) -> Result<Classification, Failure> {
        match document.text.as_str() {
            "panic" => panic!("asked to panic, seven is {}", 7),
            "hoard" => drop(std::hint::black_box(vec![1u8; 1 << 29])),
            "recurse" => drop(std::hint::black_box(Box::new(recurse(1)))),
            _ => {}
        }
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

/// Deep enough to use up any stack.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn recurse(depth: u64) -> [u64; 64] {
    let mut page = recurse(depth + 1);
    page[(depth % 64) as usize] ^= std::hint::black_box(depth);
    page
}

plugin_sdk::export!(classifier: Minimal);
