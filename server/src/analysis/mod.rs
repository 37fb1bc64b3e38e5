//! Analyse: words, the classifier, labels, facts; topics and what they do not explain.

mod coverage;
pub mod http;
mod service;
pub mod shadow;
mod starter;
mod words;

pub use coverage::{Coverage, coverage};
pub use service::{
    Labelled, StillUnlabelled, classify, correct, label_batch, quotes, quotes_of, rebuild, refresh,
    relabel_some, stamp, upkeep,
};
pub use starter::{StarterSet, sets};
pub use words::Words;
