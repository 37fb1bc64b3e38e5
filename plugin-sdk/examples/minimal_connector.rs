//! The smallest connector: a page is as many made-up tickets as were asked for. The benchmark counts them.

use plugin_sdk::connector::{Cursor, Item, Next, Page, PullRequest, Puller, StreamSpec};
use plugin_sdk::{Failure, Lifecycle};

/// Keeps nothing.
#[derive(Debug)]
pub struct Minimal;

impl Lifecycle for Minimal {}

impl Puller for Minimal {
    fn open() -> Result<Self, Failure> {
        Ok(Self)
    }

    fn streams(&self) -> Result<Vec<StreamSpec>, Failure> {
        Ok(vec![StreamSpec {
            name: "tickets".to_owned(),
            title: "工单 Tickets".to_owned(),
        }])
    }

    fn pull(&self, request: &PullRequest) -> Result<Page, Failure> {
        let ticket = |number| Item {
            external_id: format!("ticket-{number}"),
            text: Some("充值没有到账，打了两次电话也没有人处理。".to_owned()),
            ..Item::default()
        };
        Ok(Page {
            items: (0..request.max_items).map(ticket).collect(),
            rejected: Vec::new(),
            cursor: Cursor {
                format: 1,
                value: String::new(),
            },
            next: Next::Idle(None),
            ack_tokens: Vec::new(),
        })
    }
}

plugin_sdk::export!(puller: Minimal);
