//! Which calendar counts, and what follows from an edit of it.

use crate::app::App;
use domain::calendar::{BUILT_IN, Calendar, Days};
use domain::organisation::{Bilingual, Department};
use storage::queue::NewJob;
use storage::{DbError, Read, Tx};

/// The calendar of that key as it is now.
pub async fn current(db: &impl Read, key: &str) -> Result<Option<Calendar>, DbError> {
    if key == BUILT_IN {
        return Ok(Some(Calendar::built_in()));
    }
    storage::organisation::get(db, key).await
}

/// The calendar by which tasks of a department are due: its own, else the organisation's, else the
/// built-in one.
pub async fn of_department(
    db: &impl Read,
    department: Option<&Department>,
) -> Result<Calendar, DbError> {
    let own = department.and_then(|d| d.calendar.clone());
    let key = match own {
        Some(key) => Some(key),
        None => storage::organisation::organisation(db).await?.calendar,
    };
    let found = match key {
        Some(key) => current(db, &key).await?,
        None => None,
    };
    Ok(found.unwrap_or_else(Calendar::built_in))
}

/// The calendar, ready to be asked, and kept as the edition that due times name.
pub async fn edition(tx: &Tx, calendar: &Calendar) -> Result<Days, DbError> {
    let days = Days::of(calendar);
    storage::calendars::keep_edition(tx, calendar, &days).await?;
    Ok(days)
}

/// What people call a calendar; its key where it is gone.
pub async fn title(db: &impl Read, key: &str) -> Result<Bilingual, DbError> {
    let found = current(db, key).await?;
    Ok(found.map_or_else(|| Bilingual::new(key, key), |c| c.title()))
}

/// Writes down that open tasks of a calendar are computed again, in the transaction of its edit. One
/// batch after the other: jobs of one calendar never meet.
pub async fn recalculate_soon(app: &App, tx: &Tx, key: &str) -> Result<(), DbError> {
    let job = NewJob {
        serial_key: Some(format!("recalculate:{key}")),
        ..crate::jobs::job(
            app.ids.as_ref(),
            "recalculate",
            serde_json::json!({"calendar": key}),
            tx.now(),
        )
    };
    storage::queue::enqueue(tx, &job).await.map(|_| ())
}
