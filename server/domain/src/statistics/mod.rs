//! Textbook statistics that the rules share: no words of the loop in here, only numbers.
//!
//! Every function names its source and is compared with published implementations
//! (`cargo run -p domain --release --example oracle -- FILE…`). Undefined results are `None`, never
//! a number that looks like one.

mod beta;
pub mod confidence_sequence;
pub mod cusum;
pub mod distributions;
pub mod means;
pub mod multiplicity;
pub mod proportions;
pub mod rates;
pub mod sample_size;
pub mod sequential;
pub mod stratified;
pub mod tables;
pub mod trend;

#[cfg(test)]
mod tests;
