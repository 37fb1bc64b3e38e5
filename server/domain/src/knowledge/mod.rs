//! Knowledge: verified solutions, and how the next problem finds them.

use crate::clock::Timestamp;
use crate::ids::{ArticleId, IssueId, TaskId};
use crate::organisation::Bilingual;
use crate::verification::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What proves an article.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// Always `improved`: nothing else is published.
    pub verdict: Verdict,
    /// The metric that moved.
    pub metric: String,
    /// Answers and value before.
    pub before: EvidenceSide,
    /// Answers and value after.
    pub after: EvidenceSide,
    /// The change with its range.
    pub effect: EvidenceEffect,
    /// The sentence of the verdict.
    pub sentence: Bilingual,
    /// When it was computed.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub computed_at: Timestamp,
}

/// One side of the comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EvidenceSide {
    /// How many answers or contacts.
    pub n: i64,
    /// The value; shares are 0–1.
    pub value: Option<f64>,
}

/// The change with its range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EvidenceEffect {
    /// Estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A verified solution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Article {
    /// Identity.
    pub id: ArticleId,
    /// The task that proved it: one article a task.
    pub task_id: TaskId,
    /// The issue it solved.
    pub issue_id: IssueId,
    /// The issue's topic.
    pub topic: String,
    /// One line.
    pub title: String,
    /// Plain text with the solution.
    pub body: String,
    /// What proves it.
    pub evidence: Evidence,
    /// When it was written.
    pub created_at: Timestamp,
}

/// How often each word stands in a text: what the search index keeps. Words of the title count
/// three times.
#[must_use]
pub fn index(title_words: &[String], body_words: &[String]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for word in title_words {
        *counts.entry(word.clone()).or_insert(0) += 3;
    }
    for word in body_words {
        *counts.entry(word.clone()).or_insert(0) += 1;
    }
    counts
}

/// One posting of the index.
#[derive(Clone, Debug, PartialEq)]
pub struct Posting {
    /// The article.
    pub article: ArticleId,
    /// The word.
    pub word: String,
    /// How often, see [`index`].
    pub count: i64,
    /// Weighted words of the article.
    pub length: i64,
}

/// Ranks articles for a query by Okapi BM25 with k₁ = 1.2, b = 0.75 (Robertson & Zaragoza, *The
/// Probabilistic Relevance Framework*, 2009, section 3.4) and the idf of Lucene, which is never
/// negative.
///
/// `postings` are those of the query's words; `articles` is how many there are, `mean_length`
/// their mean length. Best first; equal scores in the order of their ids.
#[must_use]
pub fn rank(postings: &[Posting], articles: usize, mean_length: f64) -> Vec<(ArticleId, f64)> {
    const K1: f64 = 1.2;
    const B: f64 = 0.75;
    let mut documents: BTreeMap<&str, f64> = BTreeMap::new();
    for posting in postings {
        *documents.entry(&posting.word).or_insert(0.0) += 1.0;
    }
    let total = articles as f64;
    let mut scores: BTreeMap<ArticleId, f64> = BTreeMap::new();
    for posting in postings {
        let df = documents[posting.word.as_str()];
        let idf = ((total - df + 0.5).max(0.0) / (df + 0.5)).ln_1p();
        let tf = posting.count as f64;
        let norm = 1.0 - B + B * posting.length as f64 / mean_length.max(1.0);
        *scores.entry(posting.article).or_insert(0.0) += idf * tf * (K1 + 1.0) / (tf + K1 * norm);
    }
    let mut ranked: Vec<_> = scores.into_iter().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn posting(article: u128, word: &str, count: i64, length: i64) -> Posting {
        Posting {
            article: ArticleId(Uuid::from_u128(article)),
            word: word.into(),
            count,
            length,
        }
    }

    #[test]
    fn rare_words_weigh_more_and_long_articles_less() {
        let postings = [
            posting(1, "退款", 1, 10),
            posting(2, "退款", 1, 100),
            posting(3, "退款", 1, 10),
            posting(3, "到账", 1, 10),
        ];
        let ranked = rank(&postings, 10, 40.0);
        let order: Vec<u128> = ranked.iter().map(|(id, _)| id.0.as_u128()).collect();
        assert_eq!(order, [3, 1, 2]);
    }

    #[test]
    fn a_known_bm25_value() {
        // idf = ln(1 + (3 - 1 + .5)/(1 + .5)) = 0.98083; tf = 2, length = mean, so norm = 1:
        // 0.98083 * 2 * 2.2 / (2 + 1.2) = 1.34864
        let ranked = rank(&[posting(1, "a", 2, 5)], 3, 5.0);
        assert!((ranked[0].1 - 1.348_640).abs() < 1e-5, "{}", ranked[0].1);
    }

    #[test]
    fn the_title_counts_three_times() {
        let counts = index(&["退款".into()], &["退款".into(), "慢".into()]);
        assert_eq!(counts["退款"], 4);
        assert_eq!(counts["慢"], 1);
    }
}
