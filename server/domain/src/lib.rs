//! The rules of Bihuan: what is true, whatever the database, the clock or the network.
//!
//! Pure code only. A function takes the present state, what happened and the time, and answers
//! the new state and its effects, or a typed refusal. The shell (`server`) loads, asks, and
//! records state, event and effects in one transaction.
//!
//! Modules carry the names of the loop:
//! [`intake`] → [`analysis`] → [`facts`] → [`detection`] → [`issues`] → [`tasks`] →
//! [`verification`] → [`knowledge`].

pub mod analysis;
pub mod calendar;
pub mod clock;
pub mod detection;
pub mod facts;
pub mod identity;
pub mod ids;
pub mod intake;
pub mod issues;
pub mod knowledge;
pub mod mail;
pub mod organisation;
pub mod plugins;
pub mod reviews;
pub mod routing;
pub mod statistics;
pub mod tasks;
pub mod text;
pub mod verification;
