//! Starter sets: topics with words for five industries, to be edited by people.

use domain::organisation::Topic;
use serde::Deserialize;

/// A set of topics to start from.
#[derive(Clone, Debug, Deserialize)]
pub struct StarterSet {
    /// Stable name.
    pub key: String,
    /// Chinese name.
    pub name: String,
    /// English name.
    pub name_en: String,
    /// Its topics, parents first.
    pub topics: Vec<Topic>,
}

const FILES: [&str; 5] = [
    include_str!("starter/telecom.json"),
    include_str!("starter/ecommerce.json"),
    include_str!("starter/logistics.json"),
    include_str!("starter/banking.json"),
    include_str!("starter/public_services.json"),
];

/// Every starter set. A file that does not parse is left out here and fails a test.
#[must_use]
pub fn sets() -> Vec<StarterSet> {
    FILES
        .iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::organisation::{check_topic, subtree};

    #[test]
    fn every_set_is_there_and_its_topics_are_sound() {
        let all = sets();
        let keys: Vec<&str> = all.iter().map(|s| s.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "telecom",
                "ecommerce",
                "logistics",
                "banking",
                "public_services"
            ]
        );
        for set in &all {
            assert!(!set.name.is_empty() && !set.name_en.is_empty());
            for topic in &set.topics {
                assert_eq!(
                    check_topic(topic, &set.topics, &[]),
                    Ok(()),
                    "{}",
                    topic.key
                );
                let leaf = subtree(&topic.key, &set.topics).len() == 1;
                assert!(!leaf || topic.words.len() >= 5, "{} has words", topic.key);
            }
        }
        assert!(all[0].topics.iter().any(|t| t.key == "套餐资费争议"));
    }
}
