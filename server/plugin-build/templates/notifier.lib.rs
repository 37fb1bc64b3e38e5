//! Posts messages into a chat.

use plugin_sdk::host::http;
use plugin_sdk::notifier::{Message, Notifier};
use plugin_sdk::{Failure, Lifecycle};
use serde_json::json;

/// The robot.
pub struct Robot;

impl Lifecycle for Robot {}

impl Notifier for Robot {
    fn open() -> Result<Self, Failure> {
        Ok(Self)
    }

    fn notify(&self, message: &Message) -> Result<(), Failure> {
        http::post_json(
            "https://chat.example.com/messages",
            &json!({"title": message.title, "text": message.text, "link": message.link}),
        )
        .bearer("robot_token")
        .idempotency_key(&message.idempotency_key)
        .ok()?;
        Ok(())
    }
}

plugin_sdk::export!(notifier: Robot);
