//! Notifier for the group robots of Feishu. Source: 飞书开放平台, "自定义机器人使用指南",
//! <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>.

use plugin_sdk::host::crypto::{self, Hash, Part};
use plugin_sdk::host::{self, clock, http};
use plugin_sdk::notifier::{Message, Notifier, Urgency};
use plugin_sdk::{Failure, FailureClass, Lifecycle, encoding, failure, text};
use serde::Deserialize;
use serde_json::json;

const URL: &str = "https://open.feishu.cn/open-apis/bot/v2/hook";
/// A request of 20 KB is refused; the card around the text needs room too.
const MARKDOWN_BYTES: usize = 17_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    hook_id: String,
    #[serde(default = "yes")]
    sign: bool,
}

const fn yes() -> bool {
    true
}

/// The robot with its settings.
#[derive(Debug)]
pub struct FeishuRobot {
    settings: Settings,
}

fn settings() -> Result<Settings, Failure> {
    let settings: Settings = host::config()?;
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if settings.hook_id.is_empty() || !settings.hook_id.chars().all(fine) {
        return Err(failure::config(
            "feishu_robot.hook_id",
            "hook_id: letters, digits and -, the last part of the robot's address",
        ));
    }
    Ok(settings)
}

impl Lifecycle for FeishuRobot {
    fn validate_config() -> Result<(), Failure> {
        settings().map(drop)
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    code: i64,
}

impl Notifier for FeishuRobot {
    fn open() -> Result<Self, Failure> {
        settings().map(|settings| Self { settings })
    }

    fn notify(&self, message: &Message) -> Result<(), Failure> {
        let colour = match message.urgency {
            Urgency::Urgent => "red",
            _ => "blue",
        };
        let content = text::fit(&message.markdown, MARKDOWN_BYTES);
        let mut elements = vec![json!({"tag": "markdown", "content": content})];
        if let Some(link) = &message.link {
            elements.push(
                json!({"tag": "action", "actions": [{"tag": "button", "type": "primary",
                "text": {"tag": "plain_text", "content": "查看 Open"}, "url": link}]}),
            );
        }
        let mut body = json!({
            "msg_type": "interactive",
            "card": {
                "header": {"title": {"tag": "plain_text", "content": message.title}, "template": colour},
                "elements": elements
            }
        });
        if self.settings.sign {
            let now = clock::now_ms().div_euclid(1000).to_string();
            body["sign"] = sign(&now)?.into();
            body["timestamp"] = now.into();
        }
        let answer: Answer =
            http::post_json(format!("{URL}/{}", self.settings.hook_id), &body).json()?;
        let class = match answer.code {
            0 => return Ok(()),
            11_232 => FailureClass::RateLimited,
            9499 => FailureClass::InvalidInput,
            _ => FailureClass::Config,
        };
        Err(failure::new(
            class,
            "feishu_robot.refused",
            format!("Feishu answers the error code {}", answer.code),
        ))
    }
}

/// Base64 of the HMAC-SHA256 of nothing, keyed by the time, a line feed and the secret.
fn sign(timestamp: &str) -> Result<String, Failure> {
    let key = [timestamp.into(), "\n".into(), Part::Secret("sign_secret")];
    Ok(encoding::base64(&crypto::mac(Hash::Sha256, &key, &[])?))
}

plugin_sdk::export!(notifier: FeishuRobot);
