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
