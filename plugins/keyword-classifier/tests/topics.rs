//! Topics, causes, risk and emotions by the words of a taxonomy.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use keyword_classifier::KeywordClassifier;
use plugin_sdk::taxonomy::Taxonomy;
use plugin_sdk::{Classification, Classifier, Document, Polarity};

const TAXONOMY: &str = r#"{
  "version": 3,
  "topics": [
    { "key": "billing", "words": ["账单", "费用"] },
    { "key": "billing_dispute", "parent": "billing", "words": ["扣费", "多收", "refund"],
      "synonyms": { "乱扣钱": "扣费" },
      "causes": [ { "key": "not_told", "words": ["没有告知", "不知情"] },
                  { "key": "system", "words": ["系统故障"] } ] },
    { "key": "network", "words": ["信号", "网速", "5g", "客服"] },
    { "key": "service", "words": ["客服", "态度"] } ],
  "sentiment": { "positive": ["针不戳"], "negative": ["躺平"] },
  "risk": { "words": [ { "word": "省通管", "weight": 0.95 } ] } }"#;

/// Tokens are separated by `|` in the tests.
fn classify(tokens: &str) -> Classification {
    let (classifier, _) =
        KeywordClassifier::prepare(Taxonomy::from_json(TAXONOMY).unwrap()).unwrap();
    let mut at = 0;
    let token_ends = tokens
        .split('|')
        .map(|t| {
            at += u32::try_from(t.len()).unwrap();
            at
        })
        .collect();
    let document = Document {
        text: tokens.replace('|', ""),
        token_ends,
        language: None,
        channel: "phone".to_owned(),
        attributes: vec![],
    };
    classifier.classify(&document).unwrap()
}

fn best(tokens: &str) -> Option<String> {
    classify(tokens).topics.first().map(|t| t.id.clone())
}

#[test]
fn the_best_topic_is_the_one_with_the_telling_words() {
    assert_eq!(best("信号|很|差").as_deref(), Some("network"));
    assert_eq!(
        best("被|乱扣钱|了").as_deref(),
        Some("billing_dispute"),
        "a synonym"
    );
    assert_eq!(
        best("i|' |want| |a| |refunds").as_deref(),
        Some("billing_dispute"),
        "an ending"
    );
    assert_eq!(best("今天|天气|好"), None);
    assert_eq!(
        best("prefund|5gb"),
        None,
        "parts of Latin words are no words"
    );
}

#[test]
fn a_child_wins_over_its_parent_and_the_parent_is_no_rival() {
    let both = classify("账单|里|多收|了|费用");
    assert_eq!(both.topics[0].id, "billing_dispute");
    assert!(both.topics[0].confidence > 0.6, "{both:?}");
    assert_eq!(best("账单|费用").as_deref(), Some("billing"));
}

#[test]
fn words_of_many_topics_tell_less_and_rivals_lower_the_confidence() {
    let sure = classify("态度");
    let torn = classify("态度|信号");
    assert!(
        classify("客服")
            .topics
            .iter()
            .all(|t| t.confidence < sure.topics[0].confidence)
    );
    assert!(
        torn.topics[0].confidence < sure.topics[0].confidence,
        "{torn:?}"
    );
    assert_eq!(torn.topics.len(), 2);
}

#[test]
fn whole_words_are_surer_than_pieces_and_repetition_helps_with_measure() {
    let whole = classify("扣费").topics[0].confidence;
    let piece = classify("被扣|费了").topics[0].clone();
    assert!(piece.id == "billing_dispute" && piece.confidence < whole);
    let thrice = classify("扣费|，|扣费|，|扣费").topics[0].confidence;
    assert!(thrice > whole && thrice < 1.0);
}

#[test]
fn the_cause_is_one_of_the_best_topic_and_has_its_evidence() {
    let answer = classify("扣费|没有告知|，|信号|好");
    assert_eq!(answer.sub_causes[0].id, "not_told");
    let place = answer
        .evidence
        .iter()
        .find(|s| s.label_id == "not_told")
        .unwrap();
    assert_eq!(
        &"扣费没有告知，信号好"[place.start as usize..place.end as usize],
        "没有告知"
    );
    let elsewhere = classify("信号|网速|没有告知");
    assert_eq!(
        (elsewhere.topics[0].id.as_str(), elsewhere.sub_causes.len()),
        ("network", 0)
    );
}

#[test]
fn risk_adds_up_and_a_negation_lowers_it() {
    assert!(classify("我|要|投诉到|工信部").risk > 0.85);
    assert!(classify("找|律师").risk > 0.5);
    assert!(classify("找|律师|，|去|法院").risk > classify("找|律师").risk);
    assert!(classify("不会|找|律师").risk < 0.3);
    assert!(
        classify("打给|省通管").risk > 0.9,
        "a word of the organisation"
    );
    assert!(classify("i| |will| |call| |my| |lawyer").risk > 0.5);
    assert_eq!(classify("套餐|不错").risk, 0.0);
}

#[test]
fn emotions_do_not_contradict_the_feeling() {
    let has = |text: &str, emotion: &str| classify(text).emotions.iter().any(|e| e.id == emotion);
    assert!(has("太|气人|了|，|垃圾", "angry"));
    assert!(has("很|着急|，|怎么办", "anxious"));
    assert!(has("非常|失望", "disappointed"));
    assert!(has("非常|满意|，|谢谢", "satisfied"));
    assert!(!has("不|满意", "satisfied"));
}

#[test]
fn an_organisations_own_words_of_feeling_count() {
    assert_eq!(classify("这|服务|针不戳").polarity, Polarity::Positive);
    assert_eq!(classify("客服|躺平").polarity, Polarity::Negative);
}

#[test]
fn odd_documents_are_answered_or_refused_but_never_panic() {
    assert_eq!(classify("").polarity, Polarity::Neutral);
    let (classifier, info) = KeywordClassifier::prepare(Taxonomy::default()).unwrap();
    let of = |text: &str, token_ends: Vec<u32>| {
        classifier.classify(&Document {
            text: text.to_owned(),
            token_ends,
            language: None,
            channel: String::new(),
            attributes: vec![],
        })
    };
    assert_eq!(
        of("套餐", vec![1]).unwrap_err().code,
        "document.bad_offsets"
    );
    let long = "差".repeat(info.max_text_bytes as usize / 3 + 1);
    assert_eq!(of(&long, vec![]).unwrap_err().code, "document.too_large");
    for text in [
        "\u{0}\u{fffd}🙂",
        "''''",
        "？？？！！！",
        "不不不不",
        "not not not",
    ] {
        let answer = of(text, vec![]).unwrap();
        assert!(
            answer.sentiment.abs() <= 1.0 && (0.0..=1.0).contains(&answer.sentiment_confidence)
        );
    }
}
