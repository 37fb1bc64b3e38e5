//! Assign and improve: tasks, the mails that offer them, the pages on which owners act.

mod chat;
mod evidence;
pub mod http;
mod offer;
pub mod page;
mod service;

pub use evidence::{
    Evidence, Setting, Span, gather, known, label_versions, misdirected, needs_labels, overlap,
    ruled, topic_rows, watched,
};
pub use http::require;
pub use offer::{Actions, link_token};
pub use service::{ActError, NewTask, Wish, act, act_in, assign, carry, contract, schedule};
