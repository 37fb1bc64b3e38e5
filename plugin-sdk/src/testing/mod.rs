//! A stand-in for the host, so that a plugin's tests are ordinary `cargo test` without wasm.
//!
//! ```
//! use plugin_sdk::host::{http, state};
//! use plugin_sdk::testing::{Host, Replay};
//!
//! let host = Host::new()
//!     .secret("api_token", "t0p")
//!     .now("2026-11-22T08:00:00Z")
//!     .replay(Replay::json(serde_json::json!([{
//!         "request": {
//!             "method": "GET",
//!             "url": "https://api.example.com/tickets",
//!             "credentials": [{"bearer": "api_token"}]
//!         },
//!         "response": {"status": 200, "json": {"count": 2}}
//!     }])));
//! let count = host.run(|| {
//!     let answer: serde_json::Value =
//!         http::get("https://api.example.com/tickets").bearer("api_token").json()?;
//!     state::set("count", &answer["count"])?;
//!     Ok(answer["count"].as_u64())
//! });
//! assert_eq!(count, Ok(Some(2)));
//! assert_eq!(host.state("count"), Some(serde_json::json!(2)));
//! host.finish(); // fails when an exchange was not used or a request was not expected
//! ```

#[cfg(not(target_arch = "wasm32"))]
mod files;
#[cfg(not(target_arch = "wasm32"))]
mod mailbox;
mod replay;
#[cfg(not(target_arch = "wasm32"))]
mod world;

#[cfg(not(target_arch = "wasm32"))]
pub use files::MemoryFiles;
#[cfg(not(target_arch = "wasm32"))]
pub use mailbox::{Folder, Mailbox};
pub use replay::{Asked, Body, Exchange, RecordedRequest, RecordedResponse, Replay};
#[cfg(not(target_arch = "wasm32"))]
pub use world::{Host, World};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use world::{granted_folder, with};

/// A message such as the host sends to a chat, with a link and nobody to mention.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn message() -> crate::notifier::Message {
    use crate::notifier::{Message, Urgency};
    Message {
        title: "资费差评升高".to_owned(),
        text: "过去 7 天 42 条差评".to_owned(),
        markdown: "过去 7 天 **42** 条差评".to_owned(),
        language: "zh".to_owned(),
        link: Some("https://voc.example.com/i/7".to_owned()),
        mention: Vec::new(),
        urgency: Urgency::Normal,
        idempotency_key: "n7".to_owned(),
        attributes: Vec::new(),
    }
}
