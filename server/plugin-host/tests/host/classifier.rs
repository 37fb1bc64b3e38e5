//! The keyword classifier as a component.

use plugin_host::{Host, HostConfig, Installation, PluginError, Polarity};

use crate::guests::{document, keyword_classifier, markdown_kb, taxonomy};

async fn classifier(config: HostConfig) -> plugin_host::Classifier {
    let host = Host::new(config).unwrap();
    let compiled = host.compile(keyword_classifier().to_vec()).await.unwrap();
    host.classifier(&compiled, Installation::default(), &taxonomy())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_component_gives_topic_cause_feeling_and_risk() {
    let classifier = classifier(HostConfig::default()).await;
    let answers = classifier
        .classify(vec![
            document(&[
                "套餐",
                "资费",
                "没说清楚",
                "，",
                "太",
                "坑人",
                "，",
                "我",
                "要",
                "投诉到",
                "工信部",
            ]),
            document(&["今天", "星期三"]),
            document(&["网速", "很快", "，", "非常", "满意"]),
        ])
        .await
        .unwrap();
    let first = answers[0].as_ref().unwrap();
    assert_eq!(first.topics[0].id, "tariff_dispute");
    assert!(first.topics[0].confidence > 0.7, "{first:?}");
    assert_eq!(first.causes[0].id, "unclear_rules");
    assert_eq!(first.polarity, Polarity::Negative);
    assert!(first.risk > 0.8, "{first:?}");
    assert!(
        first
            .evidence
            .iter()
            .any(|e| e.label == "tariff_dispute" && e.start == 0 && e.end == 6)
    );
    assert!(
        answers[1].as_ref().unwrap().topics.is_empty(),
        "nothing explains it"
    );
    let third = answers[2].as_ref().unwrap();
    assert_eq!(
        (third.topics[0].id.as_str(), third.polarity),
        ("network_quality", Polarity::Positive)
    );
    assert_eq!(third.emotions[0].id, "satisfied");
    assert_eq!(classifier.model().unwrap().name, "keyword-classifier");
    assert!(classifier.check().await.unwrap().value.ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_component_answers_exactly_like_the_library() {
    use plugin_sdk::Classifier as _;
    let component = classifier(HostConfig::default()).await;
    let (library, _) = keyword_classifier::KeywordClassifier::prepare(taxonomy()).unwrap();
    let texts: [&[&str]; 4] = [
        &["信号", "不", "好", "，", "断网", "，", "客服", "很", "耐心"],
        &[
            "my", " ", "plan", " ", "was", " ", "charged", " ", "twice", ",", " ", "i", " ",
            "will", " ", "sue", " ", "you",
        ],
        &[
            "快递", "员", "态度", "不错", "，", "但是", "物流", "太慢", "？",
        ],
        &[],
    ];
    let answers = component
        .classify(texts.iter().map(|t| document(t)).collect())
        .await
        .unwrap();
    for (text, got) in texts.iter().zip(answers) {
        let d = document(text);
        let wanted = library
            .classify(&plugin_sdk::Document {
                text: d.text,
                token_ends: d.token_ends,
                language: None,
                channel: d.channel,
                attributes: vec![],
            })
            .unwrap();
        let got = got.unwrap();
        assert_eq!(got.topics.len(), wanted.topics.len());
        for (g, w) in got.topics.iter().zip(&wanted.topics) {
            assert_eq!((&g.id, g.confidence), (&w.id, w.confidence));
        }
        assert_eq!((got.sentiment, got.risk), (wanted.sentiment, wanted.risk));
        assert_eq!(got.evidence.len(), wanted.evidence.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_share_few_instances_which_are_recycled() {
    let config = HostConfig {
        max_instances: 3,
        classifier_instances: 2,
        batches_per_instance: 3,
        ..HostConfig::default()
    };
    let classifier = classifier(config).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..40 {
        let classifier = classifier.clone();
        calls.spawn(async move {
            let text: &[&str] = if number % 2 == 0 {
                &["套餐", "太贵"]
            } else {
                &["信号", "差"]
            };
            let answer = classifier.classify(vec![document(text); 20]).await.unwrap();
            let wanted = if number % 2 == 0 {
                "tariff_dispute"
            } else {
                "network_quality"
            };
            assert!(
                answer.len() == 20
                    && answer
                        .iter()
                        .all(|a| a.as_ref().unwrap().topics[0].id == wanted)
            );
        });
    }
    calls.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_taxonomy_applies_to_the_next_call_and_a_bad_one_changes_nothing() {
    let classifier = classifier(HostConfig::default()).await;
    let mut changed = taxonomy();
    changed.topics[0].key = "renamed".to_owned();
    classifier.set_taxonomy(&changed).await.unwrap();
    let best = |answers: Vec<Result<plugin_host::Classification, plugin_host::Failure>>| {
        answers[0].as_ref().unwrap().topics[0].id.clone()
    };
    assert_eq!(
        best(
            classifier
                .classify(vec![document(&["套餐"])])
                .await
                .unwrap()
        ),
        "renamed"
    );

    changed.topics[1].parent = Some("missing".to_owned());
    assert!(matches!(
        classifier.set_taxonomy(&changed).await,
        Err(PluginError::Refused { .. })
    ));
    assert_eq!(
        best(
            classifier
                .classify(vec![document(&["套餐"])])
                .await
                .unwrap()
        ),
        "renamed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_document_does_not_fail_its_batch() {
    let classifier = classifier(HostConfig::default()).await;
    let mut bad_offsets = document(&["套餐"]);
    bad_offsets.token_ends = vec![1];
    let mut too_long = document(&["套餐"]);
    too_long.text = "套".repeat(30_000);
    too_long.token_ends.clear();
    let answers = classifier
        .classify(vec![
            too_long,
            document(&["套餐"]),
            bad_offsets,
            document(&["信号"]),
        ])
        .await
        .unwrap();
    let code = |i: usize| {
        answers[i]
            .as_ref()
            .map(|a| a.topics[0].id.clone())
            .map_err(|f: &plugin_host::Failure| f.code.clone())
    };
    assert_eq!(code(0), Err("host.text_too_long".to_owned()));
    assert_eq!(code(1), Ok("tariff_dispute".to_owned()));
    assert_eq!(code(2), Err("document.bad_offsets".to_owned()));
    assert_eq!(code(3), Ok("network_quality".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_documents_than_a_batch_takes_are_split() {
    let classifier = classifier(HostConfig::default()).await;
    let many = vec![document(&["信号", "差"]); 2500];
    let answers = classifier.classify(many).await.unwrap();
    assert_eq!(answers.len(), 2500);
    assert!(classifier.classify(vec![]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_of_another_role_is_refused() {
    let host = Host::new(HostConfig::default()).unwrap();
    let kb = host.compile(markdown_kb().to_vec()).await.unwrap();
    let refused = host
        .classifier(&kb, Installation::default(), &taxonomy())
        .await;
    assert!(matches!(refused, Err(PluginError::Refused { .. })));
    let classifier = host.compile(keyword_classifier().to_vec()).await.unwrap();
    assert!(matches!(
        host.knowledge_base(&classifier, Installation::default()),
        Err(PluginError::Refused { .. })
    ));
}
