//! Pulls tickets, oldest first, a page at a time.

use plugin_sdk::connector::{Item, Next, Page, PullRequest, Puller, Rejected, StreamSpec};
use plugin_sdk::cursor::Layout;
use plugin_sdk::host::{self, http};
use plugin_sdk::{CheckReport, Failure, Lifecycle, failure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an administrator fills in; `config.schema.json` draws the form.
#[derive(Debug, Deserialize)]
struct Settings {
    url: String,
}

/// The place in the list.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Place {
    after: u64,
}

impl Layout for Place {
    const FORMAT: u32 = 1;
}

/// A record of the service.
#[derive(Debug, Deserialize)]
struct Ticket {
    id: u64,
    text: String,
    created_at: String,
    #[serde(default)]
    rating: Option<f64>,
}

/// The connector with its settings.
#[derive(Debug)]
pub struct Connector {
    settings: Settings,
}

impl Lifecycle for Connector {
    /// "Test connection": one cheap call with the settings, secrets and grants as they are.
    fn check() -> Result<CheckReport, Failure> {
        let found = Self::open()?.ask(0, 1)?.len();
        Ok(CheckReport {
            ok: true,
            message: format!("连接正常，查到 {found} 条工单。The service answers, with {found} tickets."),
            details: serde_json::json!({"tickets": found}),
        })
    }
}

impl Connector {
    /// Tickets behind a number. Trouble has the right class already: 429 waits, 5xx is tried again, 401 tells a
    /// person.
    fn ask(&self, after: u64, most: u32) -> Result<Vec<Value>, Failure> {
        http::get(&self.settings.url)
            .query("after", after.to_string())
            .query("limit", most.to_string())
            .bearer("api_token")
            .json()
    }
}

impl Puller for Connector {
    fn open() -> Result<Self, Failure> {
        host::config().map(|settings| Self { settings })
    }

    fn streams(&self) -> Result<Vec<StreamSpec>, Failure> {
        Ok(vec![StreamSpec {
            name: "tickets".to_owned(),
            title: "工单 Tickets".to_owned(),
        }])
    }

    fn pull(&self, request: &PullRequest) -> Result<Page, Failure> {
        let mut place = Place::of(request.cursor.as_ref())?.unwrap_or_default();
        let records = self.ask(place.after, request.max_items)?;
        let full = records.len() == request.max_items as usize;
        let mut items = Vec::new();
        let mut rejected = Vec::new();
        for record in records {
            if let Some(id) = record["id"].as_u64() {
                place.after = place.after.max(id);
            }
            match Ticket::deserialize(&record) {
                Ok(ticket) => items.push(Item {
                    external_id: ticket.id.to_string(),
                    occurred_at: Some(ticket.created_at.into()),
                    text: Some(ticket.text),
                    kind: Some("ticket".to_owned()),
                    rating: ticket.rating.map(Into::into),
                    ..Item::default()
                }),
                // One bad record never blocks the rest.
                Err(error) => rejected.push(Rejected {
                    external_id: record["id"].as_u64().map(|id| id.to_string()),
                    raw: record.to_string(),
                    failure: failure::invalid_input("ticket.malformed", error),
                }),
            }
        }
        Ok(Page {
            items,
            rejected,
            cursor: place.to_cursor()?,
            next: if full { Next::More } else { Next::Idle(None) },
            ack_tokens: Vec::new(),
        })
    }
}

plugin_sdk::export!(puller: Connector);
