//! Issues: detected problems with a life of their own.

pub mod demand;
mod history;
pub mod hold;
mod kind;
pub mod quadrant;
mod split;
mod state;
#[cfg(test)]
mod tests;

pub use history::{Life, Line, line, opening, replay};
pub use hold::{Asked, Hold, Reason, Sizes, Unfit, sizes};
pub use kind::IssueKind;
pub use split::{Left, Split, Tasks, Wanted};
pub use state::{
    Belief, Command, Effect, Hypothesis, Issue, Mended, Merged, Opening, Outcome, Refused, State,
    apply, opened,
};
