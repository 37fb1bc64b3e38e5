//! Tasks: improvements that a named owner must deliver by a due time.

mod looks;
mod set;
mod state;
mod time;

pub use looks::next_look;
pub use set::{Fix, together};
pub use state::{
    Change, Command, Effect, Limits, Progress, Refused, State, Task, apply, assigned, check_texts,
    may,
};
pub use time::DueRule;

#[cfg(test)]
mod tests;
