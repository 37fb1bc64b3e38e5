//! Text of voices: one spelling for matching ([`fold`]), no personal data ([`mask()`]), and who said
//! what ([`turns`]).

mod fold;
pub mod mask;
pub mod turns;

pub use fold::{Folded, fold, simplified};
pub use mask::{Counts, Masked, mask};
