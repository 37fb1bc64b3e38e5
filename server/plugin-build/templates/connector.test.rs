//! Natively, without wasm: `cargo test`.

use @crate@::Connector;
use plugin_sdk::connector::{PullMode, PullRequest, Puller};
use plugin_sdk::testing::{Host, Replay};
use plugin_sdk::FailureClass;

fn request() -> PullRequest {
    PullRequest {
        stream_name: "tickets".to_owned(),
        mode: PullMode::Incremental,
        cursor: None,
        since: None,
        until: None,
        max_items: 2,
    }
}

#[test]
fn a_busy_service_is_asked_again_later() {
    let host = Host::new()
        .settings(serde_json::json!({"url": "https://api.example.com/tickets"}))
        .secret("api_token", "t")
        .replay(Replay::json(serde_json::json!([{
            "request": {
                "method": "GET",
                "url": "https://api.example.com/tickets?after=0&limit=2",
                "credentials": [{"bearer": "api_token"}]
            },
            "response": {"status": 429, "headers": {"Retry-After": "30"}}
        }])));
    let failure = host.run(|| Connector::open()?.pull(&request())).unwrap_err();
    assert_eq!(failure.class, FailureClass::RateLimited);
    assert_eq!(failure.retry_after_ms, Some(30_000));
}
