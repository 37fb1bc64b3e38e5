//! The taxonomy as JSON: the host writes it, [`crate::Classifier::prepare`] receives it.
//!
//! ```json
//! { "version": 7,
//!   "topics": [
//!     { "key": "tariff_dispute", "parent": "tariff", "words": ["套餐", "资费"],
//!       "synonyms": { "月租费": "资费" },
//!       "causes": [ { "key": "unclear_rules", "words": ["没说清楚"] } ] } ],
//!   "sentiment": { "positive": ["给力"], "negative": ["坑爹"], "negations": [], "intensifiers": [] },
//!   "risk": { "words": [ { "word": "通管局", "weight": 0.9 } ] } }
//! ```
//!
//! Words are folded by the host in the same way as texts (half width, simplified, lower case).
//! `sentiment` and `risk` are added to what a classifier brings along; `null` adds nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Topics with their words, and what an organisation adds to the built-in lexicons.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taxonomy {
    /// Grows with every change; told back nowhere, only for logs.
    #[serde(default)]
    pub version: u64,
    /// Parents need not come before their children.
    pub topics: Vec<Topic>,
    /// Additions to the lexicon of feelings.
    #[serde(default)]
    pub sentiment: Option<SentimentWords>,
    /// Additions to the risk words; a word given here overrides the built-in weight.
    #[serde(default)]
    pub risk: Option<RiskWords>,
}

/// One node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Id in the answer; unique in the taxonomy.
    pub key: String,
    /// Key of the topic above it.
    #[serde(default)]
    pub parent: Option<String>,
    /// Words that speak for the topic.
    #[serde(default)]
    pub words: Vec<String>,
    /// What customers write → the word of `words` that it stands for.
    #[serde(default)]
    pub synonyms: BTreeMap<String, String>,
    /// Reasons inside the topic.
    #[serde(default)]
    pub causes: Vec<Cause>,
}

/// One reason inside a topic.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Id in the answer; unique inside its topic.
    pub key: String,
    /// Words that speak for it.
    #[serde(default)]
    pub words: Vec<String>,
}

/// Additions to the lexicon of feelings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentimentWords {
    /// Words of praise.
    #[serde(default)]
    pub positive: Vec<String>,
    /// Words of complaint.
    #[serde(default)]
    pub negative: Vec<String>,
    /// Words that turn the next one round.
    #[serde(default)]
    pub negations: Vec<String>,
    /// Words that strengthen the next one.
    #[serde(default)]
    pub intensifiers: Vec<String>,
}

/// Words that ask for a person at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskWords {
    /// Each with its weight.
    pub words: Vec<RiskWord>,
}

/// One risk word.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskWord {
    /// The word.
    pub word: String,
    /// 0.0 (none) to 1.0 (certain by itself).
    pub weight: f32,
}

impl Taxonomy {
    /// Parses and checks: keys are present and unique, parents exist without a circle, weights
    /// are in range.
    ///
    /// # Errors
    /// One sentence that names the offending key.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let taxonomy: Self = serde_json::from_str(json).map_err(|e| e.to_string())?;
        taxonomy.validate()?;
        Ok(taxonomy)
    }

    /// The checks of [`Taxonomy::from_json`].
    ///
    /// # Errors
    /// One sentence that names the offending key.
    pub fn validate(&self) -> Result<(), String> {
        let mut parents: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for topic in &self.topics {
            if topic.key.is_empty() {
                return Err("a topic has an empty key".to_owned());
            }
            if parents
                .insert(&topic.key, topic.parent.as_deref())
                .is_some()
            {
                return Err(format!("the topic {:?} stands twice", topic.key));
            }
            let mut causes = BTreeSet::new();
            for cause in &topic.causes {
                if cause.key.is_empty() || !causes.insert(&cause.key) {
                    return Err(format!(
                        "a cause of the topic {:?} is empty or stands twice",
                        topic.key
                    ));
                }
            }
        }
        for (key, parent) in &parents {
            let mut above = *parent;
            let mut steps = 0;
            while let Some(at) = above {
                let Some(next) = parents.get(at) else {
                    return Err(format!("the topic {key:?} has the unknown parent {at:?}"));
                };
                steps += 1;
                if steps > parents.len() {
                    return Err(format!("the topic {key:?} is its own ancestor"));
                }
                above = *next;
            }
        }
        for risk in self.risk.iter().flat_map(|r| &r.words) {
            if !(0.0..=1.0).contains(&risk.weight) {
                return Err(format!(
                    "the risk word {:?} has a weight outside 0..1",
                    risk.word
                ));
            }
        }
        Ok(())
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Maps have string keys and floats are checked: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(key: &str, parent: Option<&str>) -> Topic {
        Topic {
            key: key.to_owned(),
            parent: parent.map(str::to_owned),
            ..Topic::default()
        }
    }

    #[test]
    fn circles_unknown_parents_and_doubles_are_refused() {
        let of = |topics: Vec<Topic>| {
            Taxonomy {
                topics,
                ..Taxonomy::default()
            }
            .validate()
        };
        assert!(of(vec![topic("a", Some("b")), topic("b", None)]).is_ok());
        assert!(
            of(vec![topic("a", Some("b")), topic("b", Some("a"))])
                .unwrap_err()
                .contains("ancestor")
        );
        assert!(
            of(vec![topic("a", Some("x"))])
                .unwrap_err()
                .contains("unknown parent")
        );
        assert!(
            of(vec![topic("a", None), topic("a", None)])
                .unwrap_err()
                .contains("twice")
        );
    }

    #[test]
    fn a_misspelt_field_is_an_error_that_names_it() {
        let error = Taxonomy::from_json(r#"{"topics":[{"key":"a","wrods":[]}]}"#).unwrap_err();
        assert!(error.contains("wrods"), "{error}");
    }

    #[test]
    fn the_json_reads_back() {
        let json = r#"{"version":1,"topics":[{"key":"a","words":["套餐"],"synonyms":{"月租":"套餐"},
            "causes":[{"key":"c","words":["没说"]}]}],"risk":{"words":[{"word":"律师","weight":0.7}]}}"#;
        let taxonomy = Taxonomy::from_json(json).unwrap();
        assert_eq!(Taxonomy::from_json(&taxonomy.to_json()).unwrap(), taxonomy);
    }
}
