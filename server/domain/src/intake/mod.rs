//! Intake: what arrives, what it must look like, and the clean record that it becomes.
//!
//! [`feedback`] holds the record of the API, of an import's row and of a connector, and
//! [`feedback::normalise`] turns it into a clean [`feedback::Feedback`] or a typed refusal.
//! [`values`] reads times, durations, marks and yes/no as people write them. [`mapping`] knows
//! which column of a customer's file is which field.

pub mod feedback;
pub mod mapping;
pub mod values;

pub use feedback::{
    Class, Code, FIELDS, Feedback, Incoming, Kind, Rejection, Rules, Speaker, Turn, normalise,
};

#[cfg(test)]
mod tests;
