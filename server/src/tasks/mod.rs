//! Assign and improve: tasks, the mails that offer them, the pages on which owners act.

pub mod http;
mod offer;
pub mod page;
mod service;

pub use offer::{Actions, link_token};
pub use service::{ActError, NewTask, act, act_in, assign, carry, schedule};
