//! Issues: detected problems with a life of their own.

mod history;
pub mod hold;
pub mod quadrant;
mod state;
#[cfg(test)]
mod tests;

pub use history::{Life, Line, line, replay};
pub use hold::{Asked, Hold, Reason, Sizes, Unfit, sizes};
pub use state::{
    Belief, Command, Effect, Hypothesis, Issue, Merged, Opening, Refused, State, apply, opened,
};
