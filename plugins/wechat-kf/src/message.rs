//! From a message of `kf/sync_msg` to a voice.

use std::collections::BTreeMap;

use plugin_sdk::connector::{Item, Rejected, Scalar};
use plugin_sdk::{Attribute, failure};
use serde::Deserialize;
use serde_json::Value;

/// The customer speaks; 4 is the system, 5 an employee.
const CUSTOMER: i64 = 3;

#[derive(Deserialize)]
struct Message {
    msgid: String,
    #[serde(default)]
    open_kfid: String,
    #[serde(default)]
    external_userid: String,
    send_time: i64,
    #[serde(default)]
    origin: i64,
    #[serde(default)]
    msgtype: String,
    #[serde(default)]
    text: Text,
    #[serde(default)]
    link: Link,
    #[serde(default)]
    location: Location,
}

#[derive(Default, Deserialize)]
struct Text {
    #[serde(default)]
    content: String,
    #[serde(default)]
    menu_id: String,
}

#[derive(Default, Deserialize)]
struct Link {
    #[serde(default)]
    title: String,
    #[serde(default)]
    url: String,
}

#[derive(Default, Deserialize)]
struct Location {
    #[serde(default)]
    name: String,
    #[serde(default)]
    address: String,
}

/// A voice; `None` for what no customer said.
///
/// # Errors
/// The record, to be set aside, when it is no message at all.
pub fn read(raw: &Value, ratings: &BTreeMap<String, u8>) -> Result<Option<Item>, Box<Rejected>> {
    let message: Message = Message::deserialize(raw).map_err(|error| {
        Box::new(Rejected {
            external_id: raw["msgid"].as_str().map(str::to_owned),
            raw: raw.to_string(),
            failure: failure::invalid_input("wechat_kf.message", error),
        })
    })?;
    if message.origin != CUSTOMER || message.msgtype == "event" {
        return Ok(None);
    }
    let mark = ratings.get(&message.text.menu_id);
    let text = match message.msgtype.as_str() {
        "text" => message.text.content.clone(),
        "image" => "[图片]".to_owned(),
        "voice" => "[语音]".to_owned(),
        "video" => "[视频]".to_owned(),
        "file" => "[文件]".to_owned(),
        "link" => format!("[链接] {}", message.link.title),
        "location" => format!(
            "[位置] {} {}",
            message.location.name, message.location.address
        ),
        other => format!("[{other}]"),
    };
    let mut attributes = vec![
        attribute("msgtype", &message.msgtype),
        attribute("open_kfid", &message.open_kfid),
    ];
    if !message.text.menu_id.is_empty() {
        attributes.push(attribute("menu_id", &message.text.menu_id));
    }
    Ok(Some(Item {
        occurred_at: Some(Scalar::Text(plugin_sdk::time::rfc3339(
            message.send_time * 1000,
        ))),
        text: Some(text.trim().to_owned()),
        kind: Some(if mark.is_some() { "survey" } else { "chat" }.to_owned()),
        rating: mark.map(|mark| Scalar::Number(f64::from(*mark))),
        rating_max: mark.map(|_| Scalar::Number(5.0)),
        thread_id: Some(format!("{}:{}", message.open_kfid, message.external_userid)),
        url: (!message.link.url.is_empty()).then(|| message.link.url.clone()),
        customer_ref: (!message.external_userid.is_empty()).then_some(message.external_userid),
        external_id: message.msgid,
        attributes,
        ..Item::default()
    }))
}

fn attribute(name: &str, value: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}
