//! Black-box tests of the whole program, and rules about the repository itself.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, like the tests themselves"
)]

mod api;
mod architecture;
mod authors;
mod calendar;
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
mod mail_replies;
mod mail_servers;
mod mail_waits;
mod permissions;
mod plugins;
mod plugins_life;
mod priority;
mod streams;
mod tasks;
mod tutorial;
mod work;
mod world;
