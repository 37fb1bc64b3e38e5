//! Requests and answers of GitHub Docs, "REST API endpoints for repository contents",
//! <https://docs.github.com/en/rest/repos/contents>, and of the Gitea API, paths
//! `/repos/{owner}/{repo}/contents/{filepath}`, <https://docs.gitea.com/api/>.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use markdown_git::MarkdownGit;
use markdown_kb::file;
use plugin_sdk::testing::{Host, Replay};
use plugin_sdk::{
    Article, BodyFormat, Failure, FailureClass, KnowledgeBase, Lifecycle, RemoteState, Visibility,
    encoding,
};
use serde_json::{Value, json};

fn article() -> Article {
    Article {
        id: "0199-a".to_owned(),
        title: "套餐资费".to_owned(),
        format: BodyFormat::Markdown,
        body: "逐条确认资费。".to_owned(),
        locale: "zh-CN".to_owned(),
        path: vec!["tariff".to_owned()],
        tags: Vec::new(),
        visibility: Visibility::Internal,
        updated_at: 1_767_139_199_000,
        content_hash: "h1".to_owned(),
        idempotency_key: "k".to_owned(),
        external_ref: Some("tariff/a-0199-a.md".to_owned()),
        external_version: None,
        attributes: Vec::new(),
    }
}

const GITHUB: &str = "https://api.github.com/repos/acme/kb/contents/docs/tariff/a-0199-a.md";

fn host(exchanges: Value) -> Host {
    Host::new()
        .settings(json!({"repository": "acme/kb", "folder": "docs"}))
        .secret("access_token", "ghp")
        .replay(Replay::json(exchanges))
}

fn exchange(method: &str, url: &str, body: Value, status: u16, answer: Value) -> Value {
    let mut request =
        json!({"method": method, "url": url, "credentials": [{"bearer": "access_token"}]});
    if url.starts_with("https://api.github.com") {
        request["headers"] =
            json!({"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"});
    }
    if !body.is_null() {
        request["body"] = json!({"json": body});
    }
    json!({"request": request, "response": {"status": status, "json": answer}})
}

/// A file as the API tells it: base64 in lines of 60.
fn entry(text: &str, sha: &str) -> Value {
    let coded = encoding::base64(text.as_bytes());
    let lines: Vec<&str> = coded
        .as_bytes()
        .chunks(60)
        .map(|l| std::str::from_utf8(l).unwrap())
        .collect();
    json!({"type": "file", "encoding": "base64", "size": text.len(), "name": "a-0199-a.md",
           "path": "docs/tariff/a-0199-a.md", "content": lines.join("\n") + "\n", "sha": sha,
           "html_url": "https://github.com/acme/kb/blob/main/docs/tariff/a-0199-a.md"})
}

fn read(status: u16, answer: Value) -> Value {
    exchange(
        "GET",
        &format!("{GITHUB}?ref=main"),
        Value::Null,
        status,
        answer,
    )
}

fn absent() -> Value {
    read(
        404,
        json!({"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}),
    )
}

fn upsert(host: &Host, article: &Article) -> Result<plugin_sdk::Receipt, Failure> {
    host.run(|| MarkdownGit::open()?.upsert(article))
}

#[test]
fn an_article_is_created_with_put_and_known_by_its_sha() {
    let text = file::render(&article());
    let host = host(json!([
        absent(),
        exchange(
            "PUT",
            GITHUB,
            json!({"message": "Knowledge: 套餐资费", "branch": "main",
            "content": encoding::base64(text.as_bytes())}),
            201,
            json!({"content": {"sha": "95b966ae1c166bd92f8ae7d1c313e738c731dfc3", "type": "file",
                   "html_url": "https://github.com/acme/kb/blob/main/x"}, "commit": {"sha": "7638417db6d59f3c431d3e1f261cc637155684cd"}})
        ),
    ]));
    let receipt = upsert(&host, &article()).unwrap();
    assert_eq!(receipt.external_ref, "tariff/a-0199-a.md");
    assert_eq!(
        receipt.external_version.as_deref(),
        Some("95b966ae1c166bd92f8ae7d1c313e738c731dfc3")
    );
    // The same again: no commit.
    host.next_replay(Replay::json(json!([read(200, entry(&text, "95b9"))])));
    assert_eq!(
        upsert(&host, &article())
            .unwrap()
            .external_version
            .as_deref(),
        Some("95b9")
    );
    host.finish();
}

#[test]
fn new_content_replaces_the_version_that_was_read() {
    let old = file::render(&article());
    let new = Article {
        content_hash: "h2".to_owned(),
        body: "新的".to_owned(),
        ..article()
    };
    let put = |status: u16, answer: Value| {
        exchange(
            "PUT",
            GITHUB,
            json!({"message": "Knowledge: 套餐资费", "branch": "main", "sha": "s1",
            "content": encoding::base64(file::render(&new).as_bytes())}),
            status,
            answer,
        )
    };
    let host = host(json!([
        read(200, entry(&old, "s1")),
        put(200, json!({"content": {"sha": "s2"}, "commit": {}})),
    ]));
    assert_eq!(
        upsert(&host, &new).unwrap().external_version.as_deref(),
        Some("s2")
    );
    host.next_replay(Replay::json(json!([
        read(200, entry(&old, "s1")),
        put(
            409,
            json!({"message": "docs/tariff/a-0199-a.md does not match s1"})
        ),
    ])));
    let failure = upsert(&host, &new).unwrap_err();
    assert_eq!(
        (failure.class, failure.code.as_str()),
        (FailureClass::Transient, "markdown_git.conflict")
    );
    host.finish();
}

#[test]
fn edits_of_people_are_seen_and_kept_until_somebody_decides() {
    let edited = file::render(&article()).replace("逐条", "逐项");
    let host = host(json!([
        read(200, entry(&edited, "e1")),
        read(200, entry(&edited, "e1")),
        read(200, entry(&edited, "e1")),
        exchange(
            "PUT",
            GITHUB,
            json!({"message": "Knowledge: 套餐资费", "branch": "main", "sha": "e1",
            "content": encoding::base64(file::render(&article()).as_bytes())}),
            200,
            json!({"content": {"sha": "e2"}})
        ),
    ]));
    let state = host
        .run(|| MarkdownGit::open()?.look_up(&article()))
        .unwrap();
    let RemoteState::ChangedRemotely(receipt) = state else {
        panic!("{state:?}")
    };
    assert_eq!(
        upsert(&host, &article()).unwrap_err().code,
        "markdown.changed_outside"
    );
    let decided = Article {
        external_version: receipt.external_version,
        ..article()
    };
    assert_eq!(
        upsert(&host, &decided).unwrap().external_version.as_deref(),
        Some("e2")
    );
    host.finish();
}

#[test]
fn doubt_and_retraction_need_a_file_of_ours() {
    let ours = file::render(&article());
    let doubtful = file::ArticleFile::parse(ours.clone()).doubted("回升");
    let host = host(json!([
        read(200, entry(&ours, "s1")),
        exchange(
            "PUT",
            GITHUB,
            json!({"message": "Doubt tariff/a-0199-a.md", "branch": "main", "sha": "s1",
            "content": encoding::base64(doubtful.text().as_bytes())}),
            200,
            json!({"content": {"sha": "s2"}})
        ),
        read(200, entry(doubtful.text(), "s2")),
        exchange(
            "DELETE",
            GITHUB,
            json!({"message": "Retract tariff/a-0199-a.md", "branch": "main", "sha": "s2"}),
            200,
            json!({"content": null, "commit": {}})
        ),
        absent(),
        read(200, entry("# by hand\n", "x")),
    ]));
    let kb = || MarkdownGit::open();
    let path = "tariff/a-0199-a.md";
    assert_eq!(
        host.run(|| kb()?.flag(path, "回升"))
            .unwrap()
            .external_version
            .as_deref(),
        Some("s2")
    );
    host.run(|| kb()?.retract(path)).unwrap();
    host.run(|| kb()?.retract(path)).unwrap();
    assert_eq!(
        host.run(|| kb()?.retract(path)).unwrap_err().code,
        "markdown.not_ours"
    );
    host.finish();
}

#[test]
fn gitea_creates_with_post() {
    let url = "https://git.example.com/api/v1/repos/acme/kb/contents/synonyms.md";
    let text = file::synonyms(&[("话费".to_owned(), "资费".to_owned())]);
    let host = Host::new()
        .settings(json!({"service": "gitea", "api": "https://git.example.com/api/v1/", "repository": "acme/kb", "branch": "master"}))
        .secret("access_token", "t")
        .replay(Replay::json(json!([
            exchange("GET", &format!("{url}?ref=master"), Value::Null, 404, json!({"errors": [], "message": "not found"})),
            exchange("POST", url, json!({"message": "Synonyms", "branch": "master", "content": encoding::base64(text.as_bytes())}),
                201, json!({"content": {"sha": "a"}, "commit": {}})),
            exchange("GET", &format!("{url}?ref=master"), Value::Null, 200, entry(&text, "a")),
        ])));
    let terms = [("话费".to_owned(), "资费".to_owned())];
    for _ in 0..2 {
        host.run(|| MarkdownGit::open()?.put_synonyms(&terms))
            .unwrap();
    }
    host.finish();
}

#[test]
fn the_check_asks_whether_the_token_may_write() {
    let answer = |push: bool| {
        json!([exchange(
            "GET",
            "https://api.github.com/repos/acme/kb",
            Value::Null,
            200,
            json!({"full_name": "acme/kb", "permissions": {"admin": false, "push": push, "pull": true}})
        )])
    };
    for push in [true, false] {
        let host = host(answer(push));
        assert_eq!(host.run(MarkdownGit::check).unwrap().ok, push);
        host.finish();
    }
}

#[test]
fn wrong_settings_are_named() {
    for (settings, named) in [
        (json!({}), "repository"),
        (json!({"repository": "acme"}), "repository"),
        (json!({"repository": "acme/.."}), "repository"),
        (json!({"repository": "a/b", "service": "gitea"}), "api"),
        (json!({"repository": "a/b", "folder": "a/../b"}), "folder"),
    ] {
        let failure = Host::new()
            .settings(settings)
            .run(MarkdownGit::validate_config)
            .unwrap_err();
        assert!(failure.message.contains(named), "{}", failure.message);
    }
}
