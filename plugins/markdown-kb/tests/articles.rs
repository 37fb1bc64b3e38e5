//! The knowledge base over a folder in memory.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use markdown_kb::MarkdownKb;
use plugin_sdk::testing::MemoryFiles;
use plugin_sdk::{Article, Attribute, BodyFormat, RemoteState, Visibility};

fn article() -> Article {
    Article {
        id: "0199-a".to_owned(),
        title: "套餐资费：说清楚 *再* 办理".to_owned(),
        format: BodyFormat::Plain,
        body: "办理前\n逐条确认资费。".to_owned(),
        locale: "zh-CN".to_owned(),
        path: vec!["资费".to_owned(), "../..".to_owned()],
        tags: vec!["套餐".to_owned(), "a\"b".to_owned()],
        visibility: Visibility::Internal,
        updated_at: 1_767_139_199_000,
        content_hash: "h1".to_owned(),
        idempotency_key: "k".to_owned(),
        external_ref: None,
        external_version: None,
        attributes: vec![Attribute {
            name: "topic".to_owned(),
            value: "tariff".to_owned(),
        }],
    }
}

/// The single file of a fresh knowledge base.
fn content(kb: &MarkdownKb<&'static MemoryFiles>, files: &'static MemoryFiles) -> String {
    let path = kb.put(&article()).unwrap().external_ref;
    files.text(&path).unwrap()
}

fn fresh() -> (MarkdownKb<&'static MemoryFiles>, &'static MemoryFiles) {
    let files: &'static MemoryFiles = Box::leak(Box::default());
    (MarkdownKb::over(files), files)
}

#[test]
fn an_article_becomes_a_readable_file() {
    let (kb, files) = fresh();
    let text = content(&kb, files);
    assert_eq!(
        kb.put(&article()).unwrap().external_ref,
        "资费/套餐资费-说清楚-再-办理-0199-a.md"
    );
    for line in [
        "id: \"0199-a\"",
        "topic: \"tariff\"",
        "tags: [\"套餐\",\"a\\\"b\"]",
        "updated: \"2025-12-30T23:59:59Z\"",
        "content_hash: \"h1\"",
        "status: current",
        "# 套餐资费：说清楚 \\*再\\* 办理",
        "办理前\\",
        "逐条确认资费。",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[test]
fn look_up_tells_absent_unchanged_ours_and_edited() {
    let (kb, files) = fresh();
    assert!(matches!(kb.state(&article()).unwrap(), RemoteState::Absent));
    let receipt = kb.put(&article()).unwrap();
    assert_eq!(
        kb.state(&article()).unwrap(),
        RemoteState::Unchanged(receipt.clone())
    );
    let newer = Article {
        content_hash: "h2".to_owned(),
        ..article()
    };
    assert_eq!(
        kb.state(&newer).unwrap(),
        RemoteState::Ours(receipt.clone())
    );

    let edited = files
        .text(&receipt.external_ref)
        .unwrap()
        .replace("逐条", "大致");
    files
        .files
        .borrow_mut()
        .insert(receipt.external_ref.clone(), edited.into_bytes());
    assert!(matches!(
        kb.state(&article()).unwrap(),
        RemoteState::ChangedRemotely(_)
    ));
}

#[test]
fn an_edit_of_a_person_is_replaced_only_when_the_host_has_seen_it() {
    let (kb, files) = fresh();
    let path = kb.put(&article()).unwrap().external_ref;
    files
        .files
        .borrow_mut()
        .insert(path.clone(), b"my own notes".to_vec());
    let newer = Article {
        content_hash: "h2".to_owned(),
        external_ref: Some(path.clone()),
        ..article()
    };
    assert_eq!(kb.put(&newer).unwrap_err().code, "markdown.changed_outside");
    assert_eq!(files.text(&path).unwrap(), "my own notes");

    let RemoteState::ChangedRemotely(seen) = kb.state(&newer).unwrap() else {
        panic!("edited")
    };
    kb.put(&Article {
        external_version: seen.external_version,
        ..newer
    })
    .unwrap();
    assert!(files.text(&path).unwrap().contains("h2"));
}

#[test]
fn a_new_title_keeps_the_file_and_repeating_writes_nothing_new() {
    let (kb, files) = fresh();
    let first = kb.put(&article()).unwrap();
    assert_eq!(kb.put(&article()).unwrap(), first);
    let renamed = Article {
        title: "新标题".to_owned(),
        content_hash: "h2".to_owned(),
        external_ref: Some(first.external_ref.clone()),
        ..article()
    };
    let second = kb.put(&renamed).unwrap();
    assert_eq!(second.external_ref, first.external_ref);
    assert_ne!(second.external_version, first.external_version);
    assert_eq!(files.files.borrow().len(), 1);
}

#[test]
fn a_doubt_is_told_once_and_goes_with_new_content() {
    let (kb, files) = fresh();
    let path = kb.put(&article()).unwrap().external_ref;
    let once = kb.doubt(&path, "复发：\n三月又增多").unwrap();
    let text = files.text(&path).unwrap();
    assert!(
        text.contains("status: doubtful")
            && text.contains("> **存疑 Doubtful:** 复发： 三月又增多"),
        "{text}"
    );
    assert_eq!(kb.doubt(&path, "复发：\n三月又增多").unwrap(), once);
    kb.doubt(&path, "别的原因").unwrap();
    let text = files.text(&path).unwrap();
    assert!(
        text.contains("别的原因") && !text.contains("三月"),
        "{text}"
    );
    assert!(
        matches!(kb.state(&article()).unwrap(), RemoteState::Ours(_)),
        "our own mark is no edit"
    );
    kb.put(&article()).unwrap();
    assert!(!files.text(&path).unwrap().contains("存疑"));
}

#[test]
fn retracting_takes_our_file_and_no_other() {
    let (kb, files) = fresh();
    let path = kb.put(&article()).unwrap().external_ref;
    kb.take_away(&path).unwrap();
    kb.take_away(&path).unwrap();
    assert!(files.files.borrow().is_empty());
    files
        .files
        .borrow_mut()
        .insert("notes.md".to_owned(), b"mine".to_vec());
    assert_eq!(
        kb.take_away("notes.md").unwrap_err().code,
        "markdown.not_ours"
    );
    assert_eq!(
        kb.doubt("missing.md", "x").unwrap_err().code,
        "markdown.absent"
    );
    assert_eq!(
        kb.take_away("../x.md").unwrap_err().code,
        "markdown.bad_reference"
    );
}

#[test]
fn synonyms_replace_what_was_there() {
    let (kb, files) = fresh();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    kb.synonyms(&[pair("乱扣钱", "扣费"), pair("a|b", "c")])
        .unwrap();
    let text = files.text("synonyms.md").unwrap();
    assert!(
        text.contains("| 乱扣钱 | 扣费 |") && text.contains("| a\\|b | c |"),
        "{text}"
    );
    kb.synonyms(&[]).unwrap();
    assert!(!files.text("synonyms.md").unwrap().contains("扣费"));
}

#[test]
fn the_self_check_leaves_nothing_behind() {
    let (kb, files) = fresh();
    assert!(kb.probe().unwrap().ok);
    assert!(files.files.borrow().is_empty());
}
