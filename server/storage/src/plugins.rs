//! Installed plugins: the bytes, what they ask for and what they were granted.

use crate::tx::{micros, one, parse, rows, timestamp};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use sea_orm::FromQueryResult;
use serde_json::Value;

/// An installed plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Plugin {
    /// Identity.
    pub id: String,
    /// From its manifest.
    pub name: String,
    /// From its manifest.
    pub version: String,
    /// What it is for: `classifier`, `knowledge-base`.
    pub role: String,
    /// Digest of its bytes.
    pub digest: String,
    /// `installed`, `active` or `quarantined`.
    pub state: String,
    /// Its manifest.
    pub manifest: Value,
    /// What an administrator allows it.
    pub grant: Value,
    /// Size of the component in bytes.
    pub size: i64,
    /// When it was installed.
    pub created_at: Timestamp,
    /// Counts changes.
    pub version_of_row: i64,
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    name: String,
    version: String,
    role: String,
    digest: String,
    state: String,
    manifest: String,
    grant_data: String,
    size: i64,
    created_at: i64,
    row_version: i64,
}

impl Row {
    fn read(self) -> Result<Plugin, DbError> {
        Ok(Plugin {
            manifest: parse("plugin", &self.id, &self.manifest)?,
            grant: parse("plugin", &self.id, &self.grant_data)?,
            id: self.id,
            name: self.name,
            version: self.version,
            role: self.role,
            digest: self.digest,
            state: self.state,
            size: self.size,
            created_at: timestamp(self.created_at),
            version_of_row: self.row_version,
        })
    }
}

const PLUGIN: &str = "SELECT id, name, version, role, digest, state, manifest, grant_data, \
                      CAST(LENGTH(component) AS BIGINT) AS size, created_at, row_version FROM plugin";

/// All plugins, by name and age.
pub async fn list(db: &impl Read) -> Result<Vec<Plugin>, DbError> {
    let found: Vec<Row> = rows(db, &format!("{PLUGIN} ORDER BY name, id"), vec![]).await?;
    found.into_iter().map(Row::read).collect()
}

/// The plugin of that id.
pub async fn get(db: &impl Read, id: &str) -> Result<Option<Plugin>, DbError> {
    let row: Option<Row> = one(db, &format!("{PLUGIN} WHERE id = $1"), vec![id.into()]).await?;
    row.map(Row::read).transpose()
}

/// The plugin with these bytes.
pub async fn by_digest(db: &impl Read, digest: &str) -> Result<Option<Plugin>, DbError> {
    let row: Option<Row> = one(
        db,
        &format!("{PLUGIN} WHERE digest = $1"),
        vec![digest.into()],
    )
    .await?;
    row.map(Row::read).transpose()
}

/// The active plugin of a role: the newest one.
pub async fn active(db: &impl Read, role: &str) -> Result<Option<Plugin>, DbError> {
    let sql = format!("{PLUGIN} WHERE role = $1 AND state = 'active' ORDER BY id DESC LIMIT 1");
    let row: Option<Row> = one(db, &sql, vec![role.into()]).await?;
    row.map(Row::read).transpose()
}

/// The bytes of a component.
pub async fn component(db: &impl Read, id: &str) -> Result<Option<Vec<u8>>, DbError> {
    #[derive(FromQueryResult)]
    struct Bytes {
        component: Vec<u8>,
    }
    let row: Option<Bytes> = one(
        db,
        "SELECT component FROM plugin WHERE id = $1",
        vec![id.into()],
    )
    .await?;
    Ok(row.map(|r| r.component))
}

/// Writes a new plugin.
pub async fn insert(tx: &Tx, plugin: &Plugin, component: &[u8]) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO plugin (id, name, version, role, digest, state, manifest, grant_data, component, created_at, \
         row_version) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,1)",
        vec![
            plugin.id.clone().into(),
            plugin.name.clone().into(),
            plugin.version.clone().into(),
            plugin.role.clone().into(),
            plugin.digest.clone().into(),
            plugin.state.clone().into(),
            plugin.manifest.to_string().into(),
            plugin.grant.to_string().into(),
            component.to_vec().into(),
            micros(plugin.created_at).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Changes what a plugin is allowed, and whether it is active.
pub async fn update(tx: &Tx, id: &str, state: &str, grant: &Value) -> Result<bool, DbError> {
    let changed = tx
        .exec(
            "UPDATE plugin SET state = $1, grant_data = $2, row_version = row_version + 1 WHERE id = $3",
            vec![state.into(), grant.to_string().into(), id.into()],
        )
        .await?;
    Ok(changed == 1)
}

/// Sets aside every other plugin of a role: one is active.
pub async fn retire_others(tx: &Tx, role: &str, keep: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE plugin SET state = 'installed' WHERE role = $1 AND id <> $2 AND state = 'active'",
        vec![role.into(), keep.into()],
    )
    .await?;
    Ok(())
}
