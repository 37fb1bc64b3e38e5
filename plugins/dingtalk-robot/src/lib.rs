//! Notifier for the group robots of DingTalk. Sources: 钉钉开放平台, "自定义机器人发送群消息",
//! <https://open.dingtalk.com/document/orgapp/custom-bots-send-group-chat-messages>, and
//! "自定义机器人安全设置", <https://open.dingtalk.com/document/robots/customize-robot-security-settings>.

use plugin_sdk::host::crypto::{self, Hash, Part};
use plugin_sdk::host::{self, clock, http};
use plugin_sdk::notifier::{Message, Notifier, Urgency};
use plugin_sdk::{Failure, FailureClass, Lifecycle, encoding, failure, text};
use serde::Deserialize;
use serde_json::json;

const URL: &str = "https://oapi.dingtalk.com/robot/send";
/// A message of 20,000 bytes is refused; the rest of it needs room too.
const MARKDOWN_BYTES: usize = 18_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "yes")]
    sign: bool,
    #[serde(default)]
    keyword: String,
}

const fn yes() -> bool {
    true
}

/// The robot with its settings.
#[derive(Debug)]
pub struct DingtalkRobot {
    settings: Settings,
}

impl Lifecycle for DingtalkRobot {
    fn validate_config() -> Result<(), Failure> {
        host::config::<Settings>().map(drop)
    }
}

#[derive(Deserialize)]
struct Answer {
    errcode: i64,
}

impl Notifier for DingtalkRobot {
    fn open() -> Result<Self, Failure> {
        host::config().map(|settings| Self { settings })
    }

    fn notify(&self, message: &Message) -> Result<(), Failure> {
        let phones: Vec<&str> = text::phones(&message.mention).collect();
        let mut title = message.title.clone();
        if !self.settings.keyword.is_empty() && !title.contains(&self.settings.keyword) {
            title = format!("{title} [{}]", self.settings.keyword);
        }
        let mut content = text::fit(
            &format!("### {title}\n\n{}", message.markdown),
            MARKDOWN_BYTES,
        );
        if let Some(link) = &message.link {
            content.push_str(&format!("\n\n[查看 Open]({link})"));
        }
        // A mention counts only when it stands in the text too.
        for phone in &phones {
            content.push_str(&format!(" @{phone}"));
        }
        let everybody = phones.is_empty() && message.urgency == Urgency::Urgent;
        let body = json!({
            "msgtype": "markdown",
            "markdown": {"title": title, "text": content},
            "at": {"atMobiles": phones, "isAtAll": everybody}
        });
        let mut request = http::post_json(URL, &body).credential(http::Credential::Query(
            "access_token".to_owned(),
            "access_token".to_owned(),
        ));
        if self.settings.sign {
            let now = clock::now_ms().to_string();
            request = request.query("timestamp", &now).query("sign", sign(&now)?);
        }
        let answer: Answer = request.json()?;
        let class = match answer.errcode {
            0 => return Ok(()),
            // More than 20 messages in a minute.
            130_101 | 410_100 => FailureClass::RateLimited,
            -1 => FailureClass::Transient,
            400_101 | 400_105 | 460_101 => FailureClass::InvalidInput,
            _ => FailureClass::Config,
        };
        let mut failed = failure::new(
            class,
            "dingtalk_robot.refused",
            format!("DingTalk answers the error code {}", answer.errcode),
        );
        if class == FailureClass::RateLimited {
            // The robot is silenced for ten minutes then.
            failed.retry_after_ms = Some(600_000);
        }
        Err(failed)
    }
}

/// Base64 of HMAC-SHA256 over the time, a line feed and the secret, keyed by the secret itself.
fn sign(timestamp: &str) -> Result<String, Failure> {
    let secret = Part::Secret("sign_secret");
    let mac = crypto::mac(
        Hash::Sha256,
        &[secret],
        &[timestamp.into(), "\n".into(), secret],
    )?;
    Ok(encoding::base64(&mac))
}

plugin_sdk::export!(notifier: DingtalkRobot);
