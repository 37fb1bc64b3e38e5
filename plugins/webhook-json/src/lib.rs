//! Connector for services that post JSON: a mapping of pointers says which part of a request is a
//! voice. The host proves the sender before anything here runs.

use plugin_sdk::connector::{Accepted, HookRequest, Outcome, Reply, Webhook};
use plugin_sdk::mapping::Mapping;
use plugin_sdk::{CheckReport, Failure, Lifecycle, failure, host};
use serde::Deserialize;
use serde_json::Value;

/// Most items of one request, as the host takes them.
const MAX_ITEMS: usize = 5000;

/// The settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    mapping: Mapping,
    /// Pointer to what a service wants back when it asks whether the address is right.
    #[serde(default)]
    challenge: Option<String>,
    /// Read by the host: the scheme of the manifest to use.
    #[serde(default, rename = "verification")]
    _verification: Option<String>,
}

/// The connector with its settings.
#[derive(Debug)]
pub struct WebhookJson {
    settings: Settings,
}

fn settings() -> Result<Settings, Failure> {
    let settings: Settings = host::config()?;
    settings.mapping.validate()?;
    if let Some(at) = &settings.challenge
        && !at.starts_with('/')
    {
        return Err(failure::config(
            "webhook_json.challenge",
            "challenge: a JSON pointer starts with /",
        ));
    }
    Ok(settings)
}

impl Lifecycle for WebhookJson {
    fn validate_config() -> Result<(), Failure> {
        settings().map(drop)
    }

    fn check() -> Result<CheckReport, Failure> {
        settings()?;
        Ok(CheckReport {
            ok: true,
            message: "设置有效，等待对方推送。The settings are valid; waiting for the sender."
                .to_owned(),
            details: Value::Null,
        })
    }
}

impl Webhook for WebhookJson {
    fn open() -> Result<Self, Failure> {
        Ok(Self {
            settings: settings()?,
        })
    }

    fn handle(&self, request: &HookRequest) -> Result<Outcome, Failure> {
        if !request.verified_by_host {
            return Ok(Outcome::Reject("the sender is not proved".to_owned()));
        }
        let document: Value = serde_json::from_slice(&request.body)
            .map_err(|e| failure::invalid_input("webhook_json.not_json", e))?;
        let challenge = self.settings.challenge.as_ref();
        if let Some(Value::String(text)) = challenge.and_then(|at| document.pointer(at)) {
            let body = serde_json::json!({"challenge": text}).to_string();
            return Ok(Outcome::Respond(Reply {
                status: 200,
                content_type: "application/json".to_owned(),
                body: body.into_bytes(),
            }));
        }
        let mapped = self.settings.mapping.map(&document);
        if let Some(at) = &mapped.absent {
            return Err(failure::invalid_input(
                "webhook_json.nothing_there",
                format!("the request has nothing at {at}"),
            ));
        }
        if mapped.items.len() > MAX_ITEMS {
            return Err(failure::invalid_input(
                "webhook_json.too_many",
                format!(
                    "{} records in one request, at most {MAX_ITEMS}",
                    mapped.items.len()
                ),
            ));
        }
        Ok(Outcome::Accept(Accepted {
            items: mapped.items,
            rejected: mapped.rejected,
        }))
    }
}

plugin_sdk::export!(webhook: WebhookJson);
