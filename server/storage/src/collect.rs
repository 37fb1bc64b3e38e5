//! What connectors do again and again: streams with their cursors and leases, requests of sources, records
//! that were refused, and what sources want to be told.

use crate::queue::database_clock;
use crate::tx::{Page, json, micros, one, parse, rows, timestamp};
use crate::{Db, DbError, Engine, Read, Tx};
use domain::clock::Timestamp;
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is known of a piece of work beside its cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// For people, from the plugin.
    #[serde(default)]
    pub title: String,
    /// New voices so far.
    #[serde(default)]
    pub accepted: i64,
    /// Voices with new content so far.
    #[serde(default)]
    pub updated: i64,
    /// Voices that were there already so far.
    #[serde(default)]
    pub duplicates: i64,
    /// Records that were refused so far.
    #[serde(default)]
    pub rejected: i64,
    /// Failures in a row.
    #[serde(default)]
    pub failures: u32,
    /// Pages in a row that said `more` and did not move.
    #[serde(default)]
    pub standstills: u32,
    /// Why the last run failed; `None`: it did not.
    #[serde(default)]
    pub error: Option<String>,
    /// When the last page was kept.
    #[serde(default)]
    pub last_ok_at: Option<Timestamp>,
    /// When the newest voice was spoken.
    #[serde(default)]
    pub newest_at: Option<Timestamp>,
}

/// A piece of work of an installation, done again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Identity.
    pub id: String,
    /// Of which installation.
    pub installation: String,
    /// `pull`, `hooks`, `acks` or `check`.
    pub kind: String,
    /// Name of the stream; empty for other kinds.
    pub name: String,
    /// The cursor: the plugin's number of its layout, and the text.
    pub cursor: Option<(i64, String)>,
    /// Counts commits.
    pub seq: i64,
    /// Whoever was given a lower number may not commit.
    pub lease_epoch: i64,
    /// When it is due; `None`: not before somebody changes something.
    pub next_at: Option<Timestamp>,
    /// The rest.
    pub progress: Progress,
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    installation: String,
    kind: String,
    name: String,
    format: Option<i64>,
    value: Option<String>,
    seq: i64,
    lease_epoch: i64,
    next_at: Option<i64>,
    data: String,
}

impl Row {
    fn read(self) -> Result<Work, DbError> {
        Ok(Work {
            progress: parse("plugin_work", &self.id, &self.data)?,
            cursor: self.format.zip(self.value),
            id: self.id,
            installation: self.installation,
            kind: self.kind,
            name: self.name,
            seq: self.seq,
            lease_epoch: self.lease_epoch,
            next_at: self.next_at.map(timestamp),
        })
    }
}

const COLUMNS: &str =
    "id, installation, kind, name, format, value, seq, lease_epoch, next_at, data";

/// Work of an installation, by kind and name.
pub async fn works(db: &impl Read, installation: &str) -> Result<Vec<Work>, DbError> {
    let sql =
        format!("SELECT {COLUMNS} FROM plugin_work WHERE installation = $1 ORDER BY kind, name");
    let found: Vec<Row> = rows(db, &sql, vec![installation.into()]).await?;
    found.into_iter().map(Row::read).collect()
}

/// Makes sure that a piece of work exists; answers whether it is new.
pub async fn ensure(
    tx: &Tx,
    id: Uuid,
    installation: &str,
    kind: &str,
    name: &str,
    title: &str,
) -> Result<bool, DbError> {
    let progress = Progress {
        title: title.to_owned(),
        ..Progress::default()
    };
    let written = tx
        .exec(
            "INSERT INTO plugin_work (id, installation, kind, name, seq, lease_epoch, lease_until, next_at, data) \
             VALUES ($1,$2,$3,$4,0,0,0,$5,$6) ON CONFLICT (installation, kind, name) DO NOTHING",
            vec![
                id.to_string().into(),
                installation.into(),
                kind.into(),
                name.into(),
                micros(tx.now()).into(),
                json(&progress).into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// Makes work due at `at`, or never (`None`): of one kind, or of all. Whoever is at it may go on and cannot
/// commit.
pub async fn reschedule(
    tx: &Tx,
    installation: &str,
    kind: Option<&str>,
    at: Option<Timestamp>,
) -> Result<(), DbError> {
    tx.exec(
        "UPDATE plugin_work SET next_at = $1, lease_epoch = lease_epoch + 1, lease_until = 0 \
         WHERE installation = $2 AND ($3 = '' OR kind = $3)",
        vec![
            at.map(micros).into(),
            installation.into(),
            kind.unwrap_or_default().into(),
        ],
    )
    .await?;
    Ok(())
}

/// Makes work of one kind due now where it waits for later, without taking it from whoever is at it.
pub async fn hurry(tx: &Tx, installation: &str, kind: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE plugin_work SET next_at = $1 WHERE installation = $2 AND kind = $3 AND (next_at IS NULL OR next_at > $1)",
        vec![micros(tx.now()).into(), installation.into(), kind.into()],
    )
    .await?;
    Ok(())
}

/// Makes work of one kind due at `at` at the latest, without taking it from whoever is at it.
pub async fn due_by(tx: &Tx, installation: &str, kind: &str, at: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "UPDATE plugin_work SET next_at = $1 WHERE installation = $2 AND kind = $3 AND (next_at IS NULL OR next_at > $1)",
        vec![micros(at).into(), installation.into(), kind.into()],
    )
    .await?;
    Ok(())
}

/// Forgets the failures in a row of all work of an installation: its waits begin anew. Whoever is at it now may
/// count on.
pub async fn forgive(tx: &Tx, installation: &str) -> Result<(), DbError> {
    for work in works(tx, installation).await? {
        if work.progress.failures == 0 {
            continue;
        }
        let progress = Progress {
            failures: 0,
            ..work.progress
        };
        tx.exec(
            "UPDATE plugin_work SET data = $1 WHERE id = $2",
            vec![json(&progress).into(), work.id.into()],
        )
        .await?;
    }
    Ok(())
}

/// Makes work of one kind due now where it waits for nothing.
pub async fn hurry_idle(tx: &Tx, installation: &str, kind: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE plugin_work SET next_at = $1 WHERE installation = $2 AND kind = $3 AND next_at IS NULL",
        vec![micros(tx.now()).into(), installation.into(), kind.into()],
    )
    .await?;
    Ok(())
}

/// Forgets a cursor: the stream starts over. `value`: it goes on there instead.
pub async fn set_cursor(tx: &Tx, id: &str, cursor: Option<&(i64, String)>) -> Result<(), DbError> {
    tx.exec(
        "UPDATE plugin_work SET format = $1, value = $2, seq = seq + 1, lease_epoch = lease_epoch + 1, \
         lease_until = 0 WHERE id = $3",
        vec![
            cursor.map(|c| c.0).into(),
            cursor.map(|c| c.1.clone()).into(),
            id.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Removes streams that do not exist any more.
pub async fn forget_streams(tx: &Tx, installation: &str, keep: &[String]) -> Result<(), DbError> {
    let present = works(tx, installation).await?;
    for work in present {
        if work.kind == "pull" && !keep.contains(&work.name) {
            tx.exec(
                "DELETE FROM plugin_work WHERE id = $1",
                vec![work.id.into()],
            )
            .await?;
        }
    }
    Ok(())
}

/// Whether something is due. A plain read: asking costs no write lock.
pub async fn is_due(db: &Db, now: Timestamp) -> Result<bool, DbError> {
    let clock = database_clock(db.engine());
    let n = crate::tx::count(
        db,
        &format!(
            "SELECT COUNT(*) AS n FROM plugin_work WHERE next_at <= $1 AND lease_until < {clock}"
        ),
        vec![micros(now).into()],
    )
    .await?;
    Ok(n > 0)
}

/// Takes up to `free` pieces of work that are due and that nobody is at. The lease runs on the database's
/// clock.
pub async fn claim(
    db: &Db,
    now: Timestamp,
    lease_seconds: i64,
    free: u64,
) -> Result<Vec<Work>, DbError> {
    let clock = database_clock(db.engine());
    let lock = match db.engine() {
        Engine::Postgres => "FOR UPDATE SKIP LOCKED",
        Engine::Sqlite => "",
    };
    let sql = format!(
        "UPDATE plugin_work SET lease_epoch = lease_epoch + 1, lease_until = {clock} + $1 \
         WHERE id IN (SELECT w.id FROM plugin_work w WHERE w.next_at <= $2 AND w.lease_until < {clock} \
         ORDER BY w.next_at, w.id LIMIT $3 {lock}) RETURNING {COLUMNS}"
    );
    let tx = db.begin(now).await?;
    let found: Vec<Row> = rows(
        &tx,
        &sql,
        vec![
            (lease_seconds * 1_000_000).into(),
            micros(now).into(),
            i64::try_from(free).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    tx.commit().await?;
    found.into_iter().map(Row::read).collect()
}

/// Prolongs a lease. `false`: somebody else has the work now; stop.
pub async fn renew(
    db: &Db,
    work: &Work,
    lease_seconds: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let clock = database_clock(db.engine());
    let tx = db.begin(now).await?;
    let held = tx
        .exec(
            &format!(
                "UPDATE plugin_work SET lease_until = {clock} + $1 WHERE id = $2 AND lease_epoch = $3"
            ),
            vec![
                (lease_seconds * 1_000_000).into(),
                work.id.clone().into(),
                work.lease_epoch.into(),
            ],
        )
        .await?;
    tx.commit().await?;
    Ok(held == 1)
}

/// Moves work on, in the transaction that kept its results: compare-and-set on `seq` and `lease_epoch` as
/// `work` carries them. Fails when somebody else has moved or taken it: then nothing of the transaction may be
/// kept.
pub async fn advance(
    tx: &Tx,
    work: &Work,
    cursor: Option<&(i64, String)>,
    progress: &Progress,
) -> Result<(), DbError> {
    let moved = tx
        .exec(
            "UPDATE plugin_work SET format = $1, value = $2, seq = seq + 1, data = $3 \
             WHERE id = $4 AND seq = $5 AND lease_epoch = $6",
            vec![
                cursor.map(|c| c.0).into(),
                cursor.map(|c| c.1.clone()).into(),
                json(progress).into(),
                work.id.clone().into(),
                work.seq.into(),
                work.lease_epoch.into(),
            ],
        )
        .await?;
    if moved == 1 {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "plugin_work",
            id: work.id.clone(),
        })
    }
}

/// Gives work back, due at `next_at`. `false`: somebody else has it now.
pub async fn release(
    tx: &Tx,
    work: &Work,
    progress: &Progress,
    next_at: Option<Timestamp>,
) -> Result<bool, DbError> {
    let given = tx
        .exec(
            "UPDATE plugin_work SET next_at = $1, lease_until = 0, data = $2 WHERE id = $3 AND lease_epoch = $4",
            vec![
                next_at.map(micros).into(),
                json(progress).into(),
                work.id.clone().into(),
                work.lease_epoch.into(),
            ],
        )
        .await?;
    Ok(given == 1)
}

// ---------------------------------------------------------------- requests of sources

/// A request as it came, sealed.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Hook {
    /// Identity, in the order of arrival.
    pub id: String,
    /// For which installation.
    pub installation: String,
    /// The sealed request; gone when it was worked off without a refusal.
    pub request: Option<Vec<u8>>,
    /// `waiting`, `done` or `dead`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it came, microseconds.
    pub received_at: i64,
}

/// Keeps a request. `false`: one of the same delivery was kept before.
pub async fn keep_hook(
    tx: &Tx,
    id: Uuid,
    installation: &str,
    delivery_id: Option<&str>,
    request: &[u8],
) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO webhook_inbox (id, installation, delivery_id, request, state, attempts, received_at) \
             VALUES ($1,$2,$3,$4,'waiting',0,$5) ON CONFLICT (installation, delivery_id) DO NOTHING",
            vec![
                id.to_string().into(),
                installation.into(),
                delivery_id.map(str::to_owned).into(),
                request.to_vec().into(),
                micros(tx.now()).into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// Whether a delivery was kept before.
pub async fn knows_delivery(
    db: &impl Read,
    installation: &str,
    delivery_id: &str,
) -> Result<bool, DbError> {
    let n = crate::tx::count(
        db,
        "SELECT COUNT(*) AS n FROM webhook_inbox WHERE installation = $1 AND delivery_id = $2",
        vec![installation.into(), delivery_id.into()],
    )
    .await?;
    Ok(n > 0)
}

/// The oldest requests that wait, behind `after`.
pub async fn waiting_hooks(
    db: &impl Read,
    installation: &str,
    after: &str,
    most: u64,
) -> Result<Vec<Hook>, DbError> {
    rows(
        db,
        "SELECT id, installation, request, state, attempts, error, received_at FROM webhook_inbox \
         WHERE installation = $1 AND state = 'waiting' AND id > $2 ORDER BY id LIMIT $3",
        vec![
            installation.into(),
            after.into(),
            i64::try_from(most).unwrap_or(i64::MAX).into(),
        ],
    )
    .await
}

/// How many requests stand in each state.
pub async fn count_hooks(
    db: &impl Read,
    installation: &str,
) -> Result<Vec<(String, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct N {
        state: String,
        n: i64,
    }
    let found: Vec<N> = rows(
        db,
        "SELECT state, COUNT(*) AS n FROM webhook_inbox WHERE installation = $1 GROUP BY state ORDER BY state",
        vec![installation.into()],
    )
    .await?;
    Ok(found.into_iter().map(|r| (r.state, r.n)).collect())
}

/// Ends a waiting request. `keep`: its content stays, to be worked off again. Fails when it does not wait any
/// more: then nothing of the transaction may be kept.
pub async fn end_hook(
    tx: &Tx,
    id: &str,
    state: &str,
    error: Option<&str>,
    keep: bool,
) -> Result<(), DbError> {
    let ended = tx
        .exec(
            "UPDATE webhook_inbox SET state = $1, attempts = attempts + 1, error = $2, \
             request = CASE WHEN $3 THEN request ELSE NULL END WHERE id = $4 AND state = 'waiting'",
            vec![
                state.into(),
                error.map(short).into(),
                keep.into(),
                id.into(),
            ],
        )
        .await?;
    if ended == 1 {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "webhook_inbox",
            id: id.to_owned(),
        })
    }
}

/// Counts a failed attempt; answers how many there were.
pub async fn count_attempt(tx: &Tx, id: &str, error: &str) -> Result<i64, DbError> {
    #[derive(FromQueryResult)]
    struct N {
        attempts: i64,
    }
    let row: Option<N> = one(
        tx,
        "UPDATE webhook_inbox SET attempts = attempts + 1, error = $1 WHERE id = $2 RETURNING attempts",
        vec![short(error).into(), id.into()],
    )
    .await?;
    Ok(row.map_or(0, |r| r.attempts))
}

/// Lets a request that ended wait again. `false`: it is not there any more, or its content is not.
pub async fn again_hook(tx: &Tx, installation: &str, id: &str) -> Result<bool, DbError> {
    let changed = tx
        .exec(
            "UPDATE webhook_inbox SET state = 'waiting', attempts = 0 WHERE id = $1 AND installation = $2 \
             AND request IS NOT NULL",
            vec![id.into(), installation.into()],
        )
        .await?;
    Ok(changed == 1)
}

/// Removes what was worked off before `before`; repeats of a delivery come within days.
pub async fn sweep(tx: &Tx, before: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "DELETE FROM webhook_inbox WHERE received_at < $1 AND state = 'done' AND request IS NULL",
        vec![micros(before).into()],
    )
    .await?;
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(1000).collect()
}

// ---------------------------------------------------------------- refused records

/// A record or a request that was refused and waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Rejected {
    /// Identity.
    pub id: String,
    /// Of which installation.
    pub installation: String,
    /// The same record refused again is counted, not kept twice.
    pub fingerprint: String,
    /// Name of the stream; empty: a request of the source.
    pub stream: String,
    /// `item` (refused by the rules of voices), `record` (by the plugin) or `request`.
    pub source: String,
    /// The source's id, unless it is personal.
    pub external_id: Option<String>,
    /// Stable word.
    pub code: String,
    /// For people.
    pub detail: String,
    /// Sealed.
    pub raw: Vec<u8>,
    /// The request that it came with.
    pub hook_id: Option<String>,
    /// `waiting` or `redriven`.
    pub state: String,
    /// How often it was refused.
    pub times: i64,
    /// When it was refused first, microseconds.
    pub created_at: i64,
}

const REJECTED: &str = "SELECT id, installation, fingerprint, stream, source, external_id, code, detail, raw, hook_id, \
                        state, times, created_at FROM plugin_rejected";

/// Sets records aside. One that was set aside before is counted.
pub async fn set_aside(tx: &Tx, all: &[Rejected]) -> Result<(), DbError> {
    for r in all {
        tx.exec(
            "INSERT INTO plugin_rejected (id, installation, fingerprint, stream, source, external_id, code, detail, raw, \
             hook_id, state, times, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,'waiting',1,$11) \
             ON CONFLICT (installation, fingerprint) DO UPDATE SET code = excluded.code, detail = excluded.detail, \
             raw = excluded.raw, hook_id = excluded.hook_id, state = 'waiting', times = plugin_rejected.times + 1",
            vec![
                r.id.clone().into(),
                r.installation.clone().into(),
                r.fingerprint.clone().into(),
                r.stream.clone().into(),
                r.source.clone().into(),
                r.external_id.clone().into(),
                r.code.clone().into(),
                short(&r.detail).into(),
                r.raw.clone().into(),
                r.hook_id.clone().into(),
                micros(tx.now()).into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Refused records that wait, newest first.
pub async fn rejected(
    db: &impl Read,
    installation: &str,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Rejected>, DbError> {
    let mut values: Vec<Value> = vec![
        installation.into(),
        i64::try_from(limit + 1).unwrap_or(i64::MAX).into(),
    ];
    let mut sql = format!("{REJECTED} WHERE installation = $1 AND state = 'waiting'");
    if let Some(after) = after {
        values.push(after.into());
        sql.push_str(" AND id < $3");
    }
    sql.push_str(" ORDER BY id DESC LIMIT $2");
    let found: Vec<Rejected> = rows(db, &sql, values).await?;
    Ok(Page::cut(found, limit, |r| r.id.clone()))
}

/// How many refused records wait.
pub async fn count_rejected(db: &impl Read, installation: &str) -> Result<i64, DbError> {
    crate::tx::count(
        db,
        "SELECT COUNT(*) AS n FROM plugin_rejected WHERE installation = $1 AND state = 'waiting'",
        vec![installation.into()],
    )
    .await
}

/// One refused record.
pub async fn get_rejected(
    db: &impl Read,
    installation: &str,
    id: &str,
) -> Result<Option<Rejected>, DbError> {
    one(
        db,
        &format!("{REJECTED} WHERE installation = $1 AND id = $2"),
        vec![installation.into(), id.into()],
    )
    .await
}

/// Takes a refused record off the list. `false`: somebody has done so.
pub async fn end_rejected(tx: &Tx, id: &str) -> Result<bool, DbError> {
    let changed = tx
        .exec(
            "UPDATE plugin_rejected SET state = 'redriven' WHERE id = $1 AND state = 'waiting'",
            vec![id.into()],
        )
        .await?;
    Ok(changed == 1)
}

/// Takes what came with a request off the list: it is worked off again.
pub async fn end_rejected_of_hook(tx: &Tx, hook: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE plugin_rejected SET state = 'redriven' WHERE hook_id = $1 AND state = 'waiting'",
        vec![hook.into()],
    )
    .await?;
    Ok(())
}

// ---------------------------------------------------------------- what sources are told

/// Something that a source wants to be told.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Ack {
    /// Identity.
    pub id: String,
    /// The plugin's word for it.
    pub token: String,
}

/// Writes down what a source wants to be told, in the transaction of the items.
pub async fn owe_acks(
    tx: &Tx,
    installation: &str,
    tokens: &[(Uuid, String)],
) -> Result<(), DbError> {
    for (id, token) in tokens {
        tx.exec(
            "INSERT INTO plugin_ack (id, installation, token, attempts, created_at) VALUES ($1,$2,$3,0,$4)",
            vec![
                id.to_string().into(),
                installation.into(),
                token.clone().into(),
                micros(tx.now()).into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// The oldest words that a source was not told yet.
pub async fn owed_acks(db: &impl Read, installation: &str, most: u64) -> Result<Vec<Ack>, DbError> {
    rows(
        db,
        "SELECT id, token FROM plugin_ack WHERE installation = $1 ORDER BY id LIMIT $2",
        vec![
            installation.into(),
            i64::try_from(most).unwrap_or(i64::MAX).into(),
        ],
    )
    .await
}

/// The source was told.
pub async fn paid_acks(tx: &Tx, acks: &[Ack]) -> Result<(), DbError> {
    for ack in acks {
        tx.exec(
            "DELETE FROM plugin_ack WHERE id = $1",
            vec![ack.id.clone().into()],
        )
        .await?;
    }
    Ok(())
}
