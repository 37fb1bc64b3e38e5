//! Tasks: improvements that a named owner must deliver by a due time.

pub mod absence;
pub mod escalation;
mod looks;
pub mod refusal;
mod set;
mod state;
mod working;

pub use looks::next_look;
pub use set::{Fix, together};
pub use state::{
    Change, Command, Effect, FAST_TRACK_HOURS, Limits, PassOn, Progress, Refused, State, Task,
    apply, assigned, check_texts, may,
};
pub use working::{OfficeWeek, Wait, WorkingTime};

#[cfg(test)]
mod tests;
