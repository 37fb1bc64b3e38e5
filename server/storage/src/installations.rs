//! Installations of plugins: settings, secrets, health, and where a roll-back returns to.

use crate::tx::{json, micros, one, parse, rows, timestamp};
use crate::{DbError, Engine, Read, Tx};
use domain::clock::Timestamp;
use domain::plugins::{Installation, State};
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};

#[derive(FromQueryResult)]
struct Row {
    key: String,
    plugin: String,
    role: String,
    plugin_id: String,
    previous_id: Option<String>,
    enabled: bool,
    data: String,
    created_at: i64,
    version: i64,
}

impl Row {
    fn read(self) -> Result<Installation, DbError> {
        Ok(Installation {
            set: parse("installation", &self.key, &self.data)?,
            key: self.key,
            plugin: self.plugin,
            role: self.role,
            plugin_id: self.plugin_id,
            previous_id: self.previous_id,
            enabled: self.enabled,
            created_at: timestamp(self.created_at),
            version: self.version,
        })
    }
}

const INSTALLATION: &str = "SELECT key, plugin, role, plugin_id, previous_id, enabled, data, created_at, version \
                            FROM installation";

/// All installations, by key.
pub async fn list(db: &impl Read) -> Result<Vec<Installation>, DbError> {
    let found: Vec<Row> = rows(db, &format!("{INSTALLATION} ORDER BY key"), vec![]).await?;
    found.into_iter().map(Row::read).collect()
}

/// Installations of a plugin, by key.
pub async fn of_plugin(db: &impl Read, plugin: &str) -> Result<Vec<Installation>, DbError> {
    let sql = format!("{INSTALLATION} WHERE plugin = $1 ORDER BY key");
    let found: Vec<Row> = rows(db, &sql, vec![plugin.into()]).await?;
    found.into_iter().map(Row::read).collect()
}

/// Enabled installations of a role, oldest first.
pub async fn of_role(db: &impl Read, role: &str) -> Result<Vec<Installation>, DbError> {
    let sql = format!("{INSTALLATION} WHERE role = $1 AND enabled = TRUE ORDER BY created_at, key");
    let found: Vec<Row> = rows(db, &sql, vec![role.into()]).await?;
    found.into_iter().map(Row::read).collect()
}

/// The installation of that key.
pub async fn get(db: &impl Read, key: &str) -> Result<Option<Installation>, DbError> {
    let row: Option<Row> = one(
        db,
        &format!("{INSTALLATION} WHERE key = $1"),
        vec![key.into()],
    )
    .await?;
    row.map(Row::read).transpose()
}

/// The same, held against changes until the transaction ends. SQLite has one writer anyway.
pub async fn lock(tx: &Tx, key: &str) -> Result<Option<Installation>, DbError> {
    let lock = match tx.engine() {
        Engine::Postgres => " FOR UPDATE",
        Engine::Sqlite => "",
    };
    let sql = format!("{INSTALLATION} WHERE key = $1{lock}");
    let row: Option<Row> = one(tx, &sql, vec![key.into()]).await?;
    row.map(Row::read).transpose()
}

/// Writes an installation whose version counts on from `installation.version`; 0: it is new.
pub async fn save(tx: &Tx, installation: &Installation) -> Result<Installation, DbError> {
    let saved = Installation {
        version: installation.version + 1,
        ..installation.clone()
    };
    let written = if installation.version == 0 {
        tx.exec(
            "INSERT INTO installation (key, plugin, role, plugin_id, previous_id, enabled, data, created_at, version) \
             VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)",
            vec![
                saved.key.clone().into(),
                saved.plugin.clone().into(),
                saved.role.clone().into(),
                saved.plugin_id.clone().into(),
                saved.previous_id.clone().into(),
                saved.enabled.into(),
                json(&saved.set).into(),
                micros(saved.created_at).into(),
                saved.version.into(),
            ],
        )
        .await?
    } else {
        tx.exec(
            "UPDATE installation SET plugin_id = $1, previous_id = $2, enabled = $3, data = $4, version = $5 \
             WHERE key = $6 AND version = $7",
            vec![
                saved.plugin_id.clone().into(),
                saved.previous_id.clone().into(),
                saved.enabled.into(),
                json(&saved.set).into(),
                saved.version.into(),
                saved.key.clone().into(),
                installation.version.into(),
            ],
        )
        .await?
    };
    if written == 1 {
        Ok(saved)
    } else {
        Err(DbError::Stale {
            table: "installation",
            id: saved.key,
        })
    }
}

/// Removes an installation with everything that belongs to it. Voices that it brought stay.
pub async fn remove(tx: &Tx, key: &str) -> Result<bool, DbError> {
    for table in [
        "plugin_secret",
        "plugin_secret_removed",
        "plugin_work",
        "plugin_state",
        "plugin_point",
        "webhook_inbox",
        "plugin_rejected",
        "plugin_ack",
        "plugin_log",
        "plugin_call",
    ] {
        tx.exec(
            &format!("DELETE FROM {table} WHERE installation = $1"),
            vec![key.into()],
        )
        .await?;
    }
    tx.exec(
        "DELETE FROM installation_health WHERE key = $1",
        vec![key.into()],
    )
    .await?;
    let removed = tx
        .exec("DELETE FROM installation WHERE key = $1", vec![key.into()])
        .await?;
    Ok(removed == 1)
}

/// A failure that people should see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// Stable word.
    pub code: String,
    /// For people.
    pub message: String,
    /// What was being done: `pull`, `hook`, `check` …
    pub operation: String,
    /// When.
    pub at: Timestamp,
}

/// Answer of the last self check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// Whether grants and settings work.
    pub ok: bool,
    /// One sentence.
    pub message: String,
    /// More.
    pub details: serde_json::Value,
    /// When.
    pub at: Timestamp,
}

/// How an installation is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// In one word.
    #[serde(default)]
    pub state: State,
    /// The breaker of each operation, as the plugin host writes it.
    #[serde(default)]
    pub breakers: std::collections::BTreeMap<String, serde_json::Value>,
    /// Failures in a row.
    #[serde(default)]
    pub failures: u32,
    /// How often a breaker has opened since the last success.
    #[serde(default)]
    pub openings: u32,
    /// When a call succeeded last.
    #[serde(default)]
    pub last_ok_at: Option<Timestamp>,
    /// The last failure; stays when it is over.
    #[serde(default)]
    pub last_error: Option<LastError>,
    /// The last self check.
    #[serde(default)]
    pub checked: Option<Checked>,
    /// When administrators were written to, by reason, since a person has acted.
    #[serde(default)]
    pub told: std::collections::BTreeMap<domain::plugins::Worry, Timestamp>,
}

/// How an installation is doing.
pub async fn health(db: &impl Read, key: &str) -> Result<Health, DbError> {
    let row: Option<crate::tx::Document> = one(
        db,
        "SELECT data FROM installation_health WHERE key = $1",
        vec![key.into()],
    )
    .await?;
    row.map_or_else(
        || Ok(Health::default()),
        |r| parse("installation_health", key, &r.data),
    )
}

/// Keeps how an installation is doing. Whoever calls it holds the installation ([`lock`]).
pub async fn set_health(tx: &Tx, key: &str, health: &Health) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO installation_health (key, state, data, changed_at) VALUES ($1,$2,$3,$4) \
         ON CONFLICT (key) DO UPDATE SET state = excluded.state, data = excluded.data, changed_at = excluded.changed_at",
        vec![
            key.into(),
            health.state.as_str().into(),
            json(health).into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    Ok(())
}

/// A secret as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Counts changes.
    pub version: i64,
    /// Sealed.
    pub sealed: Vec<u8>,
    /// The value before, sealed: senders change over one after the other.
    pub previous: Option<Vec<u8>>,
    /// When it was set, microseconds.
    pub set_at: i64,
}

/// The secrets of an installation, sealed.
pub async fn secrets(db: &impl Read, key: &str) -> Result<Vec<Secret>, DbError> {
    rows(
        db,
        "SELECT name, version, sealed, previous, set_at FROM plugin_secret WHERE installation = $1 ORDER BY name",
        vec![key.into()],
    )
    .await
}

/// Keeps a secret; the present value becomes the one before. `version` is the one that was sealed.
pub async fn set_secret(
    tx: &Tx,
    key: &str,
    name: &str,
    version: i64,
    sealed: &[u8],
) -> Result<(), DbError> {
    let written = tx
        .exec(
            "INSERT INTO plugin_secret (installation, name, version, sealed, previous, set_at) \
             VALUES ($1,$2,$3,$4,NULL,$5) ON CONFLICT (installation, name) DO UPDATE SET \
             previous = plugin_secret.sealed, sealed = excluded.sealed, version = excluded.version, \
             set_at = excluded.set_at WHERE plugin_secret.version < excluded.version",
            vec![
                key.into(),
                name.into(),
                version.into(),
                sealed.to_vec().into(),
                micros(tx.now()).into(),
            ],
        )
        .await?;
    if written == 1 {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "plugin_secret",
            id: format!("{key}/{name}"),
        })
    }
}

/// The number of the next value of a secret. It never repeats, also when the secret was removed in between: what
/// was obtained with an older value must not be taken for the present one's.
pub async fn next_secret_version(tx: &Tx, key: &str, name: &str) -> Result<i64, DbError> {
    let present = secrets(tx, key).await?;
    let present = present.iter().find(|s| s.name == name);
    let removed = crate::tx::count(
        tx,
        "SELECT version AS n FROM plugin_secret_removed WHERE installation = $1 AND name = $2",
        vec![key.into(), name.into()],
    )
    .await?;
    Ok(present.map_or(removed, |s| s.version.max(removed)) + 1)
}

/// Removes a secret, or only the value before it.
pub async fn remove_secret(
    tx: &Tx,
    key: &str,
    name: &str,
    only_previous: bool,
) -> Result<bool, DbError> {
    let sql = if only_previous {
        "UPDATE plugin_secret SET previous = NULL WHERE installation = $1 AND name = $2"
    } else {
        "DELETE FROM plugin_secret WHERE installation = $1 AND name = $2"
    };
    if !only_previous {
        tx.exec(
            "INSERT INTO plugin_secret_removed (installation, name, version) SELECT installation, name, version \
             FROM plugin_secret WHERE installation = $1 AND name = $2 \
             ON CONFLICT (installation, name) DO UPDATE SET version = excluded.version",
            vec![key.into(), name.into()],
        )
        .await?;
    }
    Ok(tx.exec(sql, vec![key.into(), name.into()]).await? == 1)
}

/// A value that a plugin keeps for itself.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Kept {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub value: Vec<u8>,
    /// When it ends, microseconds.
    pub expires_at: Option<i64>,
}

/// What a plugin keeps and has not expired.
pub async fn state(db: &impl Read, key: &str, now: Timestamp) -> Result<Vec<Kept>, DbError> {
    rows(
        db,
        "SELECT key, value, expires_at FROM plugin_state WHERE installation = $1 \
         AND (expires_at IS NULL OR expires_at > $2) ORDER BY key",
        vec![key.into(), micros(now).into()],
    )
    .await
}

/// Applies what a call has staged: values set (key, bytes, end in milliseconds since 1970) and keys deleted.
pub async fn apply_state(
    tx: &Tx,
    key: &str,
    set: &[(String, Vec<u8>, Option<i64>)],
    deleted: &[String],
) -> Result<(), DbError> {
    for name in deleted {
        tx.exec(
            "DELETE FROM plugin_state WHERE installation = $1 AND key = $2",
            vec![key.into(), name.clone().into()],
        )
        .await?;
    }
    for (name, value, expires) in set {
        tx.exec(
            "INSERT INTO plugin_state (installation, key, value, expires_at) VALUES ($1,$2,$3,$4) \
             ON CONFLICT (installation, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at",
            vec![
                key.into(),
                name.clone().into(),
                value.clone().into(),
                expires.map(|ms| ms.saturating_mul(1000)).into(),
            ],
        )
        .await?;
    }
    tx.exec(
        "DELETE FROM plugin_state WHERE installation = $1 AND expires_at <= $2",
        vec![key.into(), micros(tx.now()).into()],
    )
    .await?;
    Ok(())
}

/// Replaces everything that a plugin keeps.
pub async fn replace_state(tx: &Tx, key: &str, all: &[Kept]) -> Result<(), DbError> {
    tx.exec(
        "DELETE FROM plugin_state WHERE installation = $1",
        vec![key.into()],
    )
    .await?;
    for kept in all {
        let values: Vec<Value> = vec![
            key.into(),
            kept.key.clone().into(),
            kept.value.clone().into(),
            kept.expires_at.into(),
        ];
        tx.exec(
            "INSERT INTO plugin_state (installation, key, value, expires_at) VALUES ($1,$2,$3,$4)",
            values,
        )
        .await?;
    }
    Ok(())
}

/// Where a roll-back returns to: the version and, sealed, what was set and where its streams stood.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Point {
    /// The version of that time.
    pub plugin_id: String,
    /// Sealed.
    pub data: Vec<u8>,
}

/// The point that a roll-back of this installation returns to.
pub async fn point(db: &impl Read, key: &str) -> Result<Option<Point>, DbError> {
    one(
        db,
        "SELECT plugin_id, data FROM plugin_point WHERE installation = $1",
        vec![key.into()],
    )
    .await
}

/// Keeps the point that a roll-back returns to; `None`: there is none any more.
pub async fn set_point(tx: &Tx, key: &str, point: Option<&Point>) -> Result<(), DbError> {
    let Some(point) = point else {
        tx.exec(
            "DELETE FROM plugin_point WHERE installation = $1",
            vec![key.into()],
        )
        .await?;
        return Ok(());
    };
    tx.exec(
        "INSERT INTO plugin_point (installation, plugin_id, data, taken_at) VALUES ($1,$2,$3,$4) \
         ON CONFLICT (installation) DO UPDATE SET plugin_id = excluded.plugin_id, data = excluded.data, \
         taken_at = excluded.taken_at",
        vec![
            key.into(),
            point.plugin_id.clone().into(),
            point.data.clone().into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    Ok(())
}
