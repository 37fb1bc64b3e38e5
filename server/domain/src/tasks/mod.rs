//! Tasks: improvements that a named owner must deliver by a due time.

pub mod absence;
pub mod approval;
pub mod escalation;
pub mod family;
pub mod files;
pub mod kind;
mod looks;
pub mod refusal;
mod set;
mod state;
mod time;
mod working;

pub use looks::next_look;
pub use set::{Fix, together};
pub use state::{
    Change, Command, Effect, Limits, PassOn, Progress, Refused, State, Task, apply, assigned,
    check_texts, may,
};
pub use time::DueRule;
pub use working::{Wait, WorkingTime};

#[cfg(test)]
mod tests;
