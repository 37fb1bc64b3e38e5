//! The owner rules: one text with a version.

use crate::tx::{Document, json, micros, one, parse};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use domain::identity::Actor;
use serde::{Deserialize, Serialize};

/// The rules as they were last written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnerRules {
    /// As written.
    pub text: String,
    /// Who wrote them.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

/// The rules; `None`: nobody has written any.
pub async fn rules(db: &impl Read) -> Result<Option<OwnerRules>, DbError> {
    match one::<Document>(db, "SELECT data FROM owner_rules WHERE id = 1", vec![]).await? {
        Some(row) => parse("owner_rules", "1", &row.data).map(Some),
        None => Ok(None),
    }
}

/// Replaces the rules if they still are at `expected` (`None`: whatever they are; 0: there are none).
pub async fn put(
    tx: &Tx,
    text: &str,
    by: &Actor,
    expected: Option<i64>,
) -> Result<OwnerRules, DbError> {
    let stale = || DbError::Stale {
        table: "owner_rules",
        id: "1".to_owned(),
    };
    let present = rules(tx).await?.map_or(0, |r| r.version);
    if expected.is_some_and(|e| e != present) {
        return Err(stale());
    }
    let new = OwnerRules {
        text: text.to_owned(),
        by: by.clone(),
        at: Timestamp::from_timestamp_micros(micros(tx.now())).unwrap_or_else(|| tx.now()),
        version: present + 1,
    };
    // Two who write at once: the second finds another version than it read.
    let written = tx
        .exec(
            "INSERT INTO owner_rules (id, data, version) VALUES (1, $1, $2) \
             ON CONFLICT (id) DO UPDATE SET data = excluded.data, version = excluded.version \
             WHERE owner_rules.version = $3",
            vec![json(&new).into(), new.version.into(), present.into()],
        )
        .await?;
    if written == 1 { Ok(new) } else { Err(stale()) }
}
