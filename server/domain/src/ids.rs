//! Identifiers: UUIDv7, so that they sort by the time they were made.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// Makes new identifiers. Injected, so that tests are repeatable.
pub trait Ids: Send + Sync {
    /// A new, unique UUIDv7.
    fn next(&self) -> Uuid;
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }
    };
}

id!(/// One voice.
    FeedbackId);
id!(/// A detected problem.
    IssueId);
id!(/// An improvement that an owner must deliver.
    TaskId);
id!(/// A verified solution.
    ArticleId);
id!(/// A person with an account.
    UserId);
id!(/// An effect to be carried out.
    DeliveryId);
