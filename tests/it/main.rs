//! Black-box tests of the whole program, and rules about the repository itself.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, like the tests themselves"
)]

mod api;
mod architecture;
mod authors;
mod defects;
mod detection;
mod evidence;
mod facts;
mod generated;
mod intake;
mod issues;
mod journey;
mod kill;
mod latency;
mod mail;
mod permissions;
mod plugins;
mod priority;
mod streams;
mod tutorial;
mod world;
