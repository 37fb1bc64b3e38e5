//! Textbook statistics that the rules share: no words of the loop in here, only numbers.
//!
//! Every function names its source and is compared with published implementations
//! (`cargo run -p domain --release --example oracle -- FILE…`). Undefined results are `None`, never
//! a number that looks like one.

pub mod cusum;
pub mod distributions;
pub mod proportions;
pub mod sequential;
pub mod stratified;

#[cfg(test)]
mod tests;
