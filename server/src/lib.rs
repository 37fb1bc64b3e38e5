//! The shell round the rules: what is *done*. `domain` says what is true, `storage` where it is kept.
//!
//! The loop, left to right; a capability calls only those on its left, the loop is closed by data:
//!
//! | module | step |
//! |---|---|
//! | [`intake`] | collect: API, files |
//! | [`analysis`] | analyse: words, classifier plugin, labels, facts, topics, coverage |
//! | [`knowledge`] | know: articles, search, publication |
//! | [`detection`] | detect: detectors, signals |
//! | [`issues`] | prioritise: issues, quadrants |
//! | [`tasks`] | assign, improve: tasks, action pages |
//! | [`verification`] | verify: verdicts |
//! | [`notify`] | carries effects out: mails, publications |
//!
//! Round it: [`identity`] (who may), [`organisation`] (who we are), [`calendar`] (when we work), [`plugins`], [`http`] (the wire), [`jobs`] (workers),
//! [`mail`] (SMTP or mailbox), [`config`], [`cli`], [`demo`].

pub mod analysis;
pub mod app;
pub mod calendar;
pub mod cli;
pub mod config;
pub mod demo;
pub mod detection;
pub mod http;
pub mod identity;
pub mod intake;
pub mod issues;
pub mod jobs;
pub mod knowledge;
pub mod mail;
pub mod notify;
pub mod organisation;
pub mod plugins;
pub mod reviews;
pub mod routing;
pub mod tasks;
pub mod telemetry;
pub mod verification;
