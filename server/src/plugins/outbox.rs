//! Messages and articles that a plugin could not deliver, and that go out again once somebody has mended it.

use crate::app::App;
use crate::jobs::job;
use chrono::TimeDelta;
use storage::queue::NewJob;
use storage::{DbError, Tx};

/// A message for a chat that is older than this has been overtaken by mails.
const CHAT_DAYS: i64 = 1;
/// Articles are worth publishing however late.
const ARTICLE_DAYS: i64 = 3650;

/// Puts what was given up for `target` back into the outbox: articles, and messages of the last day. `only`: of
/// that dedupe key. Answers how many.
pub async fn revive(
    app: &App,
    tx: &Tx,
    target: &str,
    only: Option<&str>,
) -> Result<usize, DbError> {
    let mut revived = 0;
    for (kind, days) in [("chat", CHAT_DAYS), ("publication", ARTICLE_DAYS)] {
        let since = tx.now() - TimeDelta::days(days);
        for (id, serial_key) in storage::notify::revive(tx, kind, target, since, only).await? {
            let payload = serde_json::json!({"delivery": id});
            let job = NewJob {
                unique_key: Some(format!("deliver:{id}")),
                serial_key: Some(serial_key),
                priority: 5,
                ..job(app.ids.as_ref(), "deliver", payload, tx.now())
            };
            storage::queue::enqueue(tx, &job).await?;
            revived += 1;
        }
    }
    Ok(revived)
}
