//! Assign and improve: tasks, the mails that offer them, the pages on which owners act.

mod absence;
pub mod absence_http;
mod approval;
pub mod bulk_http;
mod chat;
mod clock;
mod due;
pub mod due_http;
mod escalation;
pub mod escalation_http;
mod evidence;
mod files;
pub mod http;
mod offer;
pub mod page;
mod parts;
mod people;
mod refusal;
pub mod refusal_http;
mod service;
pub mod sla_http;
pub mod work_http;

pub use absence::begin as absence_begins;
pub use approval::token as approval_token;
pub use clock::{recalculate, reconcile};
pub use due::{open_proposal, propose_due, set_due};
pub use escalation::{escalate, plan, reconcile_timers};
pub use evidence::{
    Evidence, Setting, Span, gather, known, label_versions, misdirected, needs_labels, overlap,
    ruled, topic_rows,
};
pub use files::{Upload, attach};
pub use http::require;
pub use offer::{Actions, alarm_withdrawn, assigner, link_token};
pub use service::{
    ActError, NewTask, Wish, act, act_in, assign, carry, check_due, contract, owner_of, schedule,
};
