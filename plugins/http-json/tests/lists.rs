//! Lists of real services, answered as their documentation says.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use http_json::HttpJson;
use plugin_sdk::connector::{Cursor, Next, Page, PullMode, PullRequest, Puller};
use plugin_sdk::testing::{Host, Replay};
use plugin_sdk::{Failure, FailureClass, Lifecycle};
use serde_json::{Value, json};

fn request(cursor: Option<Cursor>, max_items: u32) -> PullRequest {
    PullRequest {
        stream_name: "records".to_owned(),
        mode: PullMode::Incremental,
        cursor,
        since: None,
        until: None,
        max_items,
    }
}

fn pull(host: &Host, cursor: Option<Cursor>) -> Result<Page, Failure> {
    host.run(|| HttpJson::open()?.pull(&request(cursor, 1000)))
}

/// Pulls until idle; every page's cursor, all ids, the last cursor.
fn run(host: &Host, mut cursor: Option<Cursor>) -> (Vec<String>, Cursor) {
    let mut ids = Vec::new();
    for _ in 0..20 {
        let page = pull(host, cursor.take()).unwrap();
        ids.extend(page.items.into_iter().map(|i| i.external_id));
        if matches!(page.next, Next::Idle(_)) {
            return (ids, page.cursor);
        }
        cursor = Some(page.cursor);
    }
    panic!("never idle")
}

fn get(url: &str, credentials: Value, answer: Value) -> Value {
    json!({
        "request": {"method": "GET", "url": url, "headers": {"accept": "application/json"}, "credentials": credentials},
        "response": {"json": answer}
    })
}

fn gitlab() -> Value {
    json!({
        "url": "https://gitlab.example.com/api/v4/projects/7/issues",
        "auth": {"type": "header", "name": "PRIVATE-TOKEN"},
        "paging": {"type": "page", "param": "page", "size_param": "per_page", "size": 2},
        "window": {"from_param": "updated_after", "to_param": "updated_before",
                   "start": "2026-01-01T00:00:00Z", "hours": 24, "overlap_minutes": 10},
        "mapping": {"fields": {"external_id": "/id", "occurred_at": "/created_at",
                    "title": "/title", "text": "/description", "customer_ref": "/author/username"}}
    })
}

/// Source: GitLab Docs, "Issues API", <https://docs.gitlab.com/api/issues/> (`updated_after`,
/// `updated_before`), and "REST API", section "Offset-based pagination".
#[test]
fn numbered_pages_inside_of_a_moving_window() {
    let issue = |id: u64| {
        json!({"id": id, "iid": id, "title": "t", "description": "导出失败",
               "created_at": "2026-01-01T01:00:00.000Z", "author": {"username": "root"}})
    };
    let token = json!([{"header": ["PRIVATE-TOKEN", "access_secret"]}]);
    let url = |page: u32, from: &str, to: &str| {
        format!(
            "https://gitlab.example.com/api/v4/projects/7/issues?per_page=2&page={page}&updated_after={from}&updated_before={to}"
        )
    };
    let first = (
        "2025-12-31T23%3A50%3A00.000Z",
        "2026-01-02T00%3A00%3A00.000Z",
    );
    let second = (
        "2026-01-01T23%3A50%3A00.000Z",
        "2026-01-02T12%3A00%3A00.000Z",
    );
    let host = Host::new()
        .now("2026-01-02T12:00:00Z")
        .settings(gitlab())
        .secret("access_secret", "glpat")
        .replay(Replay::json(json!([
            get(
                &url(1, first.0, first.1),
                token.clone(),
                json!([issue(1), issue(2)])
            ),
            get(&url(2, first.0, first.1), token.clone(), json!([issue(3)])),
            get(&url(1, second.0, second.1), token.clone(), json!([])),
        ])));
    let (ids, cursor) = run(&host, None);
    assert_eq!(ids, ["1", "2", "3"]);
    // Nothing is asked while no time has passed; then only what is new.
    let still = pull(&host, Some(cursor.clone())).unwrap();
    assert_eq!((still.items.len(), &still.cursor), (0, &cursor));
    host.pass(3_600_000);
    let third = (
        "2026-01-02T11%3A50%3A00.000Z",
        "2026-01-02T13%3A00%3A00.000Z",
    );
    host.next_replay(Replay::json(json!([get(
        &url(1, third.0, third.1),
        token,
        json!([issue(4)])
    )])));
    assert_eq!(run(&host, Some(cursor)).0, ["4"]);
    host.finish();
}

/// Source: Slack API, method `conversations.history`,
/// <https://docs.slack.dev/reference/methods/conversations.history> (`oldest`, `latest`,
/// `response_metadata.next_cursor`, `ok`), and "Rate limits".
#[test]
fn cursors_and_errors_inside_of_an_answer() {
    let settings = json!({
        "url": "https://slack.com/api/conversations.history",
        "query": {"channel": "C123456"},
        "auth": {"type": "bearer"},
        "paging": {"type": "cursor", "param": "cursor", "size_param": "limit", "size": 2,
                   "next": "/response_metadata/next_cursor", "more": "/has_more"},
        "window": {"from_param": "oldest", "to_param": "latest", "writing": "unix_seconds",
                   "start": "2026-01-01T00:00:00Z"},
        "error": {"at": "/ok", "ok": [true]},
        "mapping": {"items": "/messages", "only_if": [{"at": "/subtype", "is": [null]}],
                    "fields": {"external_id": "/ts", "occurred_at": "/ts", "text": "/text", "customer_ref": "/user"}}
    });
    let base = "https://slack.com/api/conversations.history?channel=C123456&limit=2";
    let time = "&oldest=1767225600&latest=1767229200";
    let token = json!([{"bearer": "access_secret"}]);
    let answer = |messages: Value, next: &str| {
        json!({"ok": true, "messages": messages, "has_more": !next.is_empty(), "pin_count": 0,
               "response_metadata": {"next_cursor": next}})
    };
    let message =
        |ts: &str| json!({"type": "message", "user": "U012AB3CDE", "text": "太慢", "ts": ts});
    let host = Host::new()
        .now("2026-01-01T01:00:00Z")
        .settings(settings)
        .secret("access_secret", "xoxb")
        .replay(Replay::json(json!([
            get(&format!("{base}{time}"), token.clone(),
                answer(json!([message("1767225700.000200"), {"type": "message", "subtype": "channel_join", "ts": "1"}]),
                       "bmV4dF90czoxNTEyMDg1ODYxMDAwNTQz")),
            get(&format!("{base}&cursor=bmV4dF90czoxNTEyMDg1ODYxMDAwNTQz{time}"), token.clone(),
                answer(json!([message("1767225600.000100")]), "")),
        ])));
    let (ids, cursor) = run(&host, None);
    assert_eq!(ids, ["1767225700.000200", "1767225600.000100"]);
    host.pass(120_000);
    host.next_replay(Replay::json(json!([get(
        &format!("{base}&oldest=1767229200&latest=1767229320"),
        token,
        json!({"ok": false, "error": "invalid_auth"})
    )])));
    let failure = pull(&host, Some(cursor)).unwrap_err();
    assert_eq!(failure.class, FailureClass::Config);
    host.finish();
}

/// Source: Zendesk Developer Docs, "Pagination", section "Offset pagination" (`next_page`),
/// <https://developer.zendesk.com/api-reference/introduction/pagination/>.
#[test]
fn links_to_the_next_page() {
    let settings = json!({
        "url": "https://acme.zendesk.com/api/v2/tickets.json",
        "auth": {"type": "basic", "name": "agent@acme.example/token"},
        "paging": {"type": "link", "next": "/next_page"},
        "mapping": {"items": "/tickets", "fields": {"external_id": "/id", "text": "/description"}}
    });
    let auth = json!([{"basic": ["agent@acme.example/token", "access_secret"]}]);
    let second = "https://acme.zendesk.com/api/v2/tickets.json?page=2";
    let host = Host::new()
        .settings(settings)
        .secret("access_secret", "k")
        .replay(Replay::json(json!([
            get("https://acme.zendesk.com/api/v2/tickets.json", auth.clone(),
                json!({"tickets": [{"id": 35436, "description": "a"}], "next_page": second, "previous_page": null, "count": 2})),
            get(second, auth,
                json!({"tickets": [{"id": 20057623, "description": "b"}], "next_page": null, "count": 2})),
        ])));
    assert_eq!(run(&host, None).0, ["35436", "20057623"]);
    host.finish();
}

/// Source: Jira Server platform REST API, `POST /rest/api/2/search` (`startAt`, `maxResults`),
/// <https://docs.atlassian.com/software/jira/docs/api/REST/9.12.0/#api/2/search-searchUsingSearchRequest>.
#[test]
fn offsets_in_a_posted_question() {
    let settings = json!({
        "url": "https://jira.example.com/rest/api/2/search", "method": "POST",
        "query": {"jql": "project = VOC"}, "auth": {"type": "bearer"},
        "paging": {"type": "offset", "param": "startAt", "size_param": "maxResults", "size": 2},
        "mapping": {"items": "/issues", "fields": {"external_id": "/key", "title": "/fields/summary"}}
    });
    let ask = |start: u32, issues: Value| {
        json!({
            "request": {"method": "POST", "url": "https://jira.example.com/rest/api/2/search",
                        "body": {"json": {"jql": "project = VOC", "maxResults": 2, "startAt": start}},
                        "credentials": [{"bearer": "access_secret"}]},
            "response": {"json": {"startAt": start, "maxResults": 2, "total": 3, "issues": issues}}
        })
    };
    let issue = |key: &str| json!({"key": key, "fields": {"summary": "s"}});
    let host = Host::new()
        .settings(settings)
        .secret("access_secret", "pat")
        .replay(Replay::json(json!([
            ask(0, json!([issue("VOC-1"), issue("VOC-2")])),
            ask(2, json!([issue("VOC-3")])),
        ])));
    assert_eq!(run(&host, None).0, ["VOC-1", "VOC-2", "VOC-3"]);
    host.finish();
}

#[test]
fn an_answer_larger_than_a_page_is_handed_over_in_parts() {
    let settings = json!({"url": "https://a.b/list",
        "mapping": {"fields": {"external_id": "/id"}}});
    let list = json!([{"id": 1}, {"id": 2}, {"no": 0}, {"id": 3}]);
    let once = get("https://a.b/list", json!([]), list);
    let host = Host::new().settings(settings).replay(Replay::json(json!([
        once.clone(),
        once.clone(),
        once
    ])));
    let two = |cursor| {
        host.run(|| HttpJson::open()?.pull(&request(cursor, 2)))
            .unwrap()
    };
    let first = two(None);
    assert_eq!((first.items.len(), first.rejected.len()), (2, 1));
    assert_eq!(first.next, Next::More);
    let second = two(Some(first.cursor.clone()));
    assert_eq!((second.items.len(), second.rejected.len()), (1, 0));
    assert_eq!(second.next, Next::Idle(None));
    assert_eq!(
        two(Some(first.cursor)),
        second,
        "the same cursor gives the same"
    );
    host.finish();
}

#[test]
fn trouble_has_the_class_that_fits() {
    let settings =
        json!({"url": "https://a.b/list", "mapping": {"fields": {"external_id": "/id"}}});
    for (answer, class, after) in [
        (
            json!({"status": 429, "headers": {"Retry-After": "30"}}),
            FailureClass::RateLimited,
            Some(30_000),
        ),
        (json!({"status": 401}), FailureClass::Config, None),
        (
            json!({"status": 502, "text": "<html>bad gateway</html>"}),
            FailureClass::Transient,
            None,
        ),
        (
            json!({"status": 200, "text": "{\"list\": ["}),
            FailureClass::Transient,
            None,
        ),
        (json!({"error": "timeout"}), FailureClass::Transient, None),
    ] {
        let host = Host::new()
            .settings(settings.clone())
            .replay(Replay::json(json!([{
                "request": {"method": "GET", "url": "https://a.b/list"}, "response": answer
            }])));
        let failure = pull(&host, None).unwrap_err();
        assert_eq!(
            (failure.class, failure.retry_after_ms),
            (class, after),
            "{answer}"
        );
        host.finish();
    }
}

#[test]
fn abnormal_cursors_start_over() {
    let host = Host::new().settings(gitlab()).secret("access_secret", "x");
    for (format, value) in [(2, "{}"), (1, "garbage"), (1, r#"{"from":4102444800000}"#)] {
        let cursor = Cursor {
            format,
            value: value.to_owned(),
        };
        let failure = pull(&host, Some(cursor)).unwrap_err();
        assert_eq!(failure.class, FailureClass::CursorExpired, "{value}");
    }
}

#[test]
fn a_backfill_keeps_to_its_span() {
    let token = json!([{"header": ["PRIVATE-TOKEN", "access_secret"]}]);
    let url = "https://gitlab.example.com/api/v4/projects/7/issues?per_page=2&page=1\
               &updated_after=2025-11-30T23%3A50%3A00.000Z&updated_before=2025-12-01T06%3A00%3A00.000Z";
    let host = Host::new()
        .settings(gitlab())
        .secret("access_secret", "x")
        .replay(Replay::json(json!([get(url, token, json!([]))])));
    let span = |cursor| PullRequest {
        mode: PullMode::Backfill,
        since: plugin_sdk::time::from_rfc3339("2025-12-01T00:00:00Z"),
        until: plugin_sdk::time::from_rfc3339("2025-12-01T06:00:00Z"),
        ..request(cursor, 1000)
    };
    let page = host.run(|| HttpJson::open()?.pull(&span(None))).unwrap();
    assert_eq!(page.next, Next::Idle(None));
    let again = host
        .run(|| HttpJson::open()?.pull(&span(Some(page.cursor.clone()))))
        .unwrap();
    assert_eq!(again.cursor, page.cursor, "done, nothing is asked");
    host.finish();
}

#[test]
fn wrong_settings_are_named() {
    let fields = json!({"fields": {"external_id": "/id"}});
    for (settings, named) in [
        (json!({"url": "a.b", "mapping": fields}), "url"),
        (
            json!({"url": "https://a.b", "mapping": fields, "auth": {"type": "header"}}),
            "auth.name",
        ),
        (
            json!({"url": "https://a.b", "mapping": fields, "paging": {"type": "cursor", "param": "c"}}),
            "paging.next",
        ),
        (
            json!({"url": "https://a.b", "mapping": fields, "window": {"from_param": "f", "start": "today"}}),
            "window.start",
        ),
    ] {
        let failure = Host::new()
            .settings(settings)
            .run(HttpJson::validate_config)
            .unwrap_err();
        assert_eq!(failure.class, FailureClass::Config);
        assert!(failure.message.contains(named), "{}", failure.message);
    }
}

#[test]
fn the_check_says_what_the_first_page_holds() {
    let host = Host::new()
        .settings(json!({"url": "https://a.b/list", "mapping": {"fields": {"external_id": "/id"}}}))
        .replay(Replay::json(json!([get(
            "https://a.b/list",
            json!([]),
            json!([{"id": 1}, {"x": 2}])
        )])));
    let report = host.run(HttpJson::check).unwrap();
    assert!(report.ok);
    assert_eq!(report.details["records"], 1);
    assert_eq!(report.details["rejected"], 1);
    host.finish();
}

#[test]
fn a_window_that_begins_tomorrow_is_a_mistake_in_the_settings() {
    let at = |now: &str| {
        let host = Host::new().settings(gitlab()).now(now);
        (
            host.run(HttpJson::validate_config),
            pull(&host, None).map(drop),
        )
    };
    let (saved, pulled) = at("2025-12-31T23:59:59Z");
    for refused in [saved.unwrap_err(), pulled.unwrap_err()] {
        assert_eq!(refused.class, FailureClass::Config, "{refused:?}");
        assert!(
            refused
                .message
                .contains("window.start: 2026-01-01T00:00:00Z"),
            "{refused:?}"
        );
    }
    assert!(at("2026-01-01T00:00:00Z").0.is_ok());
    // A stored place of the future is another matter: the stream starts over.
    let host = Host::new().settings(gitlab()).now("2026-01-02T12:00:00Z");
    let cursor = json!({"from": 1_900_000_000_000_i64}).to_string();
    let cursor = Cursor {
        format: 1,
        value: cursor,
    };
    let refused = pull(&host, Some(cursor)).unwrap_err();
    assert_eq!(refused.class, FailureClass::CursorExpired, "{refused:?}");
}
