//! The Markdown knowledge base as a component, over a real folder.

use plugin_host::{
    Article, Attribute, BodyFormat, FailureClass, FileGrant, Host, HostConfig, Installation,
    KnowledgeBase, PluginError, RemoteState, Visibility,
};

use crate::guests::markdown_kb;

fn article() -> Article {
    Article {
        id: "0199-b".to_owned(),
        title: "物流停滞：改派第二承运商".to_owned(),
        format: BodyFormat::Plain,
        body: "超过 48 小时无轨迹即改派。".to_owned(),
        locale: "zh-CN".to_owned(),
        path: vec!["物流".to_owned()],
        tags: vec![],
        visibility: Visibility::Internal,
        updated_at_ms: 0,
        content_hash: "h1".to_owned(),
        idempotency_key: "k1".to_owned(),
        external_ref: None,
        external_version: None,
        attributes: vec![Attribute {
            name: "topic".to_owned(),
            value: "delivery".to_owned(),
        }],
    }
}

async fn base(files: Option<FileGrant>) -> KnowledgeBase {
    let host = Host::new(HostConfig::default()).unwrap();
    let compiled = host.compile(markdown_kb().to_vec()).await.unwrap();
    host.knowledge_base(
        &compiled,
        Installation {
            id: "kb".to_owned(),
            files,
            ..Installation::default()
        },
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_goes_through_its_life_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let kb = base(Some(FileGrant::new(folder.path()))).await;
    assert!(kb.check().await.unwrap().value.ok);
    assert_eq!(
        kb.lookup(article()).await.unwrap().value,
        RemoteState::Absent
    );
    let receipt = kb.upsert(article()).await.unwrap().value;
    assert_eq!(
        kb.upsert(article()).await.unwrap().value,
        receipt,
        "again after a crash: the same receipt"
    );
    assert_eq!(
        kb.lookup(article()).await.unwrap().value,
        RemoteState::Unchanged(receipt.clone())
    );
    let path = folder.path().join(&receipt.external_ref);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("超过 48 小时") && text.contains("topic: \"delivery\""),
        "{text}"
    );

    let doubtful = kb
        .flag(&receipt.external_ref, "三月复发", "k2")
        .await
        .unwrap()
        .value;
    assert_ne!(doubtful.external_version, receipt.external_version);
    assert!(std::fs::read_to_string(&path).unwrap().contains("三月复发"));

    kb.put_synonyms(&[("不动了".to_owned(), "物流停滞".to_owned())], "k3")
        .await
        .unwrap();
    assert!(
        std::fs::read_to_string(folder.path().join("synonyms.md"))
            .unwrap()
            .contains("物流停滞")
    );

    kb.retract(&receipt.external_ref, "k4").await.unwrap();
    kb.retract(&receipt.external_ref, "k4").await.unwrap();
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_grant_nothing_is_touched() {
    let kb = base(None).await;
    for error in [
        kb.upsert(article()).await.map(drop).unwrap_err(),
        kb.check().await.map(drop).unwrap_err(),
    ] {
        assert!(
            matches!(&error, PluginError::Denied { capability: "files", detail } if detail.contains("no folder")),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plugin_cannot_reach_beyond_its_folder() {
    let outer = tempfile::tempdir().unwrap();
    std::fs::write(
        outer.path().join("secret.md"),
        "---\nid: \"x\"\ncontent_hash: \"y\"\n---\n",
    )
    .unwrap();
    let kb = base(Some(FileGrant::new(outer.path().join("kb")))).await;
    for reference in ["../secret.md", "a/../../secret.md", "/secret.md"] {
        let PluginError::Failed(failure) = kb.retract(reference, "k").await.unwrap_err() else {
            panic!("{reference}")
        };
        assert_eq!(failure.class, FailureClass::InvalidInput);
    }
    assert!(outer.path().join("secret.md").exists());
    let mut climbing = article();
    climbing.path = vec!["..".to_owned(), "/etc".to_owned()];
    let receipt = kb.upsert(climbing).await.unwrap().value;
    assert!(
        receipt.external_ref.starts_with("etc/"),
        "{}",
        receipt.external_ref
    );
    assert!(outer.path().join("kb").join(&receipt.external_ref).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_the_grant_reach_the_caller_as_failures() {
    let folder = tempfile::tempdir().unwrap();
    let kb = base(Some(FileGrant {
        root: folder.path().to_owned(),
        max_file_bytes: 50,
    }))
    .await;
    let PluginError::Failed(failure) = kb.upsert(article()).await.unwrap_err() else {
        panic!("failed")
    };
    assert_eq!(
        (failure.class, failure.code.as_str()),
        (FailureClass::InvalidInput, "files.too_large")
    );
    let blocked = folder.path().join("blocked");
    std::fs::write(&blocked, "a file where a folder is wanted").unwrap();
    let kb = base(Some(FileGrant::new(&blocked))).await;
    let PluginError::Failed(failure) = kb.upsert(article()).await.unwrap_err() else {
        panic!("failed")
    };
    assert_eq!(
        (failure.class, failure.code.as_str()),
        (FailureClass::Transient, "files.io")
    );
    assert!(
        !failure.message.contains("blocked"),
        "no host paths: {}",
        failure.message
    );
}
