//! Tasks: improvements that a named owner must deliver by a due time.

mod looks;
mod set;
mod state;

pub use looks::next_look;
pub use set::{Fix, together};
pub use state::{
    Change, Command, Effect, FAST_TRACK_HOURS, Limits, Progress, Refused, State, Task, apply,
    assigned, check_texts, may,
};

#[cfg(test)]
mod tests;
