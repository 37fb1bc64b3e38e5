//! Feelings measured on public reviews, where they are at hand (`BIHUAN_SHARED`, or `shared`
//! beside the repository). The floors are what the lexicon must keep, not what it aims at.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

use std::io::Read;
use std::path::PathBuf;

use jieba_rs::Jieba;
use keyword_classifier::KeywordClassifier;
use plugin_sdk::taxonomy::Taxonomy;
use plugin_sdk::{Classifier, Document};

fn lines(file: &str) -> Option<Vec<serde_json::Value>> {
    let shared = std::env::var_os("BIHUAN_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let bytes = std::fs::read(shared.join("data").join(file)).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

/// Accuracy over positive and negative rows (the sign decides; no evidence at all reads as a
/// complaint, which is what people write to a company for), and the share without evidence.
fn accuracy(file: &str) -> Option<(f64, f64, usize)> {
    let rows = lines(file)?;
    let jieba = Jieba::new();
    let (classifier, _) = KeywordClassifier::prepare(Taxonomy::default()).unwrap();
    let (mut right, mut silent, mut all) = (0usize, 0usize, 0usize);
    for row in rows {
        let positive = match row["sentiment"].as_str() {
            Some("positive") => true,
            Some("negative") => false,
            _ => continue,
        };
        let text = row["text"].as_str().unwrap().to_lowercase();
        let mut at = 0u32;
        let token_ends = jieba
            .cut(&text, true)
            .iter()
            .map(|t| {
                at += u32::try_from(t.word.len()).unwrap();
                at
            })
            .collect();
        let document = Document {
            text: text.clone(),
            token_ends,
            language: None,
            channel: String::new(),
            attributes: Vec::new(),
        };
        let Ok(answer) = classifier.classify(&document) else {
            continue;
        };
        if std::env::var_os("SHOW_MISTAKES").is_some()
            && (answer.sentiment > 0.0) != positive
            && text.len() < 150
        {
            eprintln!(
                "{} {:+.2} {text}",
                if positive { '+' } else { '-' },
                answer.sentiment
            );
        }
        all += 1;
        silent += usize::from(answer.sentiment == 0.0);
        right += usize::from((answer.sentiment > 0.0) == positive);
    }
    Some((right as f64 / all as f64, silent as f64 / all as f64, all))
}

#[test]
fn feelings_keep_their_measured_accuracy() {
    for (file, floor) in [
        ("zh_waimai.jsonl.gz", 0.80),
        ("zh_shopping10.jsonl.gz", 0.80),
        ("en_airline_stream.jsonl.gz", 0.75),
    ] {
        let Some((accuracy, silent, rows)) = accuracy(file) else {
            eprintln!("SKIPPED feelings_keep_their_measured_accuracy: {file} is not at hand");
            continue;
        };
        eprintln!("{file}: accuracy {accuracy:.3}, without evidence {silent:.3}, {rows} rows");
        assert!(accuracy >= floor, "{file}: {accuracy:.3} < {floor}");
    }
}
