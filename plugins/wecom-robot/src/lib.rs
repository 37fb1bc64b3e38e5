//! Notifier for the group robots of WeCom. Source: 企业微信开发者中心, "消息推送配置说明"
//! (earlier 群机器人配置说明), <https://developer.work.weixin.qq.com/document/path/91770>.

use plugin_sdk::host::http;
use plugin_sdk::notifier::{Message, Notifier, Urgency};
use plugin_sdk::{Failure, FailureClass, Lifecycle, failure, text};
use serde::Deserialize;
use serde_json::{Value, json};

const URL: &str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send";
/// Longest `markdown.content` and `text.content` in bytes.
const MARKDOWN_BYTES: usize = 4096;
const TEXT_BYTES: usize = 2048;

/// The robot.
#[derive(Debug)]
pub struct WecomRobot;

impl Lifecycle for WecomRobot {}

#[derive(Deserialize)]
struct Answer {
    errcode: i64,
}

impl Notifier for WecomRobot {
    fn open() -> Result<Self, Failure> {
        Ok(Self)
    }

    fn notify(&self, message: &Message) -> Result<(), Failure> {
        let phones: Vec<&str> = text::phones(&message.mention).collect();
        // Only the form `text` mentions people by their telephone number.
        let body = if phones.is_empty() && message.urgency != Urgency::Urgent {
            let mut content = format!("## {}\n{}", message.title, message.markdown);
            if let Some(link) = &message.link {
                content = text::fit(&content, MARKDOWN_BYTES - link.len().min(2000) - 16);
                content.push_str(&format!("\n[查看 Open]({link})"));
            }
            json!({"msgtype": "markdown", "markdown": {"content": text::fit(&content, MARKDOWN_BYTES)}})
        } else {
            let mut content = format!("{}\n{}", message.title, message.text);
            if let Some(link) = &message.link {
                content = text::fit(&content, TEXT_BYTES - link.len().min(1000) - 1);
                content.push_str(&format!("\n{link}"));
            }
            let mut said = json!({"content": text::fit(&content, TEXT_BYTES)});
            if phones.is_empty() {
                said["mentioned_list"] = json!(["@all"]);
            } else {
                said["mentioned_mobile_list"] = json!(phones);
            }
            json!({"msgtype": "text", "text": said})
        };
        post(&body)
    }
}

fn post(body: &Value) -> Result<(), Failure> {
    let answer: Answer = http::post_json(URL, body)
        .credential(http::Credential::Query(
            "key".to_owned(),
            "robot_key".to_owned(),
        ))
        .json()?;
    let class = match answer.errcode {
        0 => return Ok(()),
        // 20 messages a minute.
        45009 | 45033 => FailureClass::RateLimited,
        -1 => FailureClass::Transient,
        40008 | 40058 | 44004 | 45002 => FailureClass::InvalidInput,
        _ => FailureClass::Config,
    };
    let mut failed = failure::new(
        class,
        "wecom_robot.refused",
        format!("WeCom answers the error code {}", answer.errcode),
    );
    if class == FailureClass::RateLimited {
        failed.retry_after_ms = Some(60_000);
    }
    Err(failed)
}

plugin_sdk::export!(notifier: WecomRobot);
