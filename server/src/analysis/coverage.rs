//! What no topic explains, and the words that tell it.

use crate::app::App;
use chrono::TimeDelta;
use domain::clock::local_day;
use domain::organisation::{Topic, TopicState};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use storage::DbError;

/// Voices read on each side: a bounded sample, whatever the volume.
const SAMPLE: u64 = 1500;

/// What no topic explains.
#[derive(Debug)]
pub struct Coverage {
    /// Days looked at.
    pub days: u32,
    /// Voices in them.
    pub total: i64,
    /// Voices without a topic.
    pub unexplained: i64,
    /// Words that stand in unexplained voices more than in others.
    pub words: Vec<TellingWord>,
    /// Topics that senders named and nobody has confirmed.
    pub proposed: Vec<Topic>,
}

/// A word that tells what the unexplained voices are about.
#[derive(Debug)]
pub struct TellingWord {
    /// The word.
    pub word: String,
    /// Unexplained voices of the sample that hold it.
    pub count: i64,
    /// Signed G² (log-likelihood ratio, Dunning 1993): 3.84 is 5 % by chance for one word.
    pub score: f64,
    /// Voices that hold it, masked.
    pub examples: Vec<String>,
}

/// Looks at the last `days` days.
pub async fn coverage(app: &App, days: u32) -> Result<Coverage, DbError> {
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    let today = local_day(app.now(), zone);
    let from = today - TimeDelta::days(i64::from(days) - 1);
    let query = storage::facts::Query {
        from: Some(from),
        by_topic: true,
        ..Default::default()
    };
    let sums = storage::facts::sum(&app.db, &query).await?;
    let total: i64 = sums.iter().map(|s| s.counters.voices).sum();
    let unexplained: i64 = sums
        .iter()
        .filter(|s| s.topic.as_deref() == Some(""))
        .map(|s| s.counters.voices)
        .sum();
    let topics: Vec<Topic> = storage::organisation::all(&app.db).await?;
    let known: Vec<String> = sums
        .iter()
        .filter_map(|s| s.topic.clone())
        .filter(|t| !t.is_empty())
        .collect();
    let without = storage::feedback::latest(&app.db, &[String::new()], None, SAMPLE).await?;
    let per_topic = (SAMPLE / known.len().max(1) as u64).max(20);
    let mut with = Vec::new();
    for topic in &known {
        with.extend(
            storage::feedback::latest(&app.db, std::slice::from_ref(topic), None, per_topic)
                .await?,
        );
    }
    let words = app.words.clone();
    let texts = |all: Vec<storage::feedback::Stored>| -> Vec<String> {
        all.into_iter()
            .map(|v| v.feedback.text)
            .filter(|t| !t.is_empty())
            .collect()
    };
    let (without, with) = (texts(without), texts(with));
    let telling = tokio::task::spawn_blocking(move || telling(&words, &without, &with))
        .await
        .unwrap_or_default();
    let proposed = topics
        .into_iter()
        .filter(|t| t.state == TopicState::Proposed)
        .collect();
    Ok(Coverage {
        days,
        total,
        unexplained,
        words: telling,
        proposed,
    })
}

fn telling(words: &super::Words, without: &[String], with: &[String]) -> Vec<TellingWord> {
    let mut counts: HashMap<String, (i64, i64)> = HashMap::new();
    let mut examples: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, text) in without.iter().enumerate() {
        for word in words.whole(text).into_iter().collect::<BTreeSet<_>>() {
            let all = examples.entry(word.clone()).or_default();
            if all.len() < 3 {
                all.push(index);
            }
            counts.entry(word).or_default().0 += 1;
        }
    }
    for text in with {
        for word in words.whole(text).into_iter().collect::<BTreeSet<_>>() {
            if let Some(count) = counts.get_mut(&word) {
                count.1 += 1;
            }
        }
    }
    let (n, m) = (without.len() as f64, with.len() as f64);
    let mut found: Vec<TellingWord> = counts
        .into_iter()
        .filter(|(_, (a, _))| *a >= 3)
        .map(|(word, (a, b))| TellingWord {
            score: likelihood_ratio(a as f64, b as f64, n, m),
            count: a,
            examples: examples
                .get(&word)
                .into_iter()
                .flatten()
                .map(|i| without[*i].chars().take(160).collect())
                .collect(),
            word,
        })
        .filter(|w| w.score > 3.84)
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.word.cmp(&b.word)));
    found.truncate(40);
    found
}

/// Dunning's G² for a word in `a` of `n` texts here and `b` of `m` texts there; negative where it is
/// rarer here.
fn likelihood_ratio(a: f64, b: f64, n: f64, m: f64) -> f64 {
    if n == 0.0 {
        return 0.0;
    }
    let (ea, eb) = (n * (a + b) / (n + m), m * (a + b) / (n + m));
    let part = |o: f64, e: f64| {
        if o > 0.0 && e > 0.0 {
            o * (o / e).ln()
        } else {
            0.0
        }
    };
    // The texts without the word count as well: a word in nearly every text tells something.
    let rest = part(n - a, n - ea) + part(m - b, m - eb);
    let g = 2.0 * (part(a, ea) + part(b, eb) + rest);
    if a >= ea { g } else { -g }
}
