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
    /// What it is for: `classifier`, `knowledge-base`, `connector`, `notifier`.
    pub role: String,
    /// Digest of its bytes.
    pub digest: String,
    /// `installed`, `active` or `quarantined`.
    pub state: String,
    /// Its manifest.
    pub manifest: Value,
    /// What an administrator allows it.
    pub grant: Value,
    /// When somebody decided about it.
    pub granted_at: Option<Timestamp>,
    /// When it was made active last.
    pub active_since: Option<Timestamp>,
    /// Size of the component in bytes.
    pub size: i64,
    /// The Ed25519 key that signed its package, base64; `None`: it came without a signature.
    pub signer: Option<String>,
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
    granted_at: Option<i64>,
    active_since: Option<i64>,
    size: i64,
    signer: Option<String>,
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
            granted_at: self.granted_at.map(timestamp),
            active_since: self.active_since.map(timestamp),
            size: self.size,
            signer: self.signer,
            created_at: timestamp(self.created_at),
            version_of_row: self.row_version,
        })
    }
}

const PLUGIN: &str = "SELECT id, name, version, role, digest, state, manifest, grant_data, granted_at, active_since, \
                      CAST(LENGTH(component) AS BIGINT) AS size, signer, created_at, row_version FROM plugin";

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
         granted_at, active_since, signer, row_version) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,1)",
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
            plugin.granted_at.map(micros).into(),
            plugin.active_since.map(micros).into(),
            plugin.signer.clone().into(),
        ],
    )
    .await?;
    Ok(())
}

/// Who signed the versions of a plugin that are installed, newest first; `None`: nobody.
pub async fn signers(db: &impl Read, name: &str) -> Result<Vec<Option<String>>, DbError> {
    #[derive(FromQueryResult)]
    struct Signed {
        signer: Option<String>,
    }
    let found: Vec<Signed> = rows(
        db,
        "SELECT signer FROM plugin WHERE name = $1 ORDER BY id DESC",
        vec![name.into()],
    )
    .await?;
    Ok(found.into_iter().map(|s| s.signer).collect())
}

/// Changes what a plugin is allowed, if it still is at `expected` (`None`: whatever it is).
pub async fn set_grant(
    tx: &Tx,
    id: &str,
    grant: &Value,
    expected: Option<i64>,
) -> Result<(), DbError> {
    let changed = tx
        .exec(
            "UPDATE plugin SET grant_data = $1, granted_at = $2, row_version = row_version + 1 \
             WHERE id = $3 AND ($4 < 0 OR row_version = $4)",
            vec![
                grant.to_string().into(),
                micros(tx.now()).into(),
                id.into(),
                expected.unwrap_or(-1).into(),
            ],
        )
        .await?;
    if changed == 1 {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "plugin",
            id: id.to_owned(),
        })
    }
}

/// Makes a plugin the active one, beside those of other names or, for roles of which one works, alone.
pub async fn activate(tx: &Tx, plugin: &Plugin, alone: bool) -> Result<(), DbError> {
    let (column, value) = if alone {
        ("role", &plugin.role)
    } else {
        ("name", &plugin.name)
    };
    tx.exec(
        &format!(
            "UPDATE plugin SET state = 'installed', row_version = row_version + 1 \
             WHERE {column} = $1 AND id <> $2 AND state = 'active'"
        ),
        vec![value.clone().into(), plugin.id.clone().into()],
    )
    .await?;
    tx.exec(
        "UPDATE plugin SET state = 'active', active_since = $1, row_version = row_version + 1 WHERE id = $2",
        vec![micros(tx.now()).into(), plugin.id.clone().into()],
    )
    .await?;
    Ok(())
}

/// Forgets that a version was active: whoever went back from it does not go back to it.
pub async fn leave(tx: &Tx, id: &str) -> Result<(), DbError> {
    let sql = "UPDATE plugin SET active_since = NULL, row_version = row_version + 1 WHERE id = $1";
    tx.exec(sql, vec![id.into()]).await?;
    Ok(())
}

/// The plugin that was active before `plugin`, of the same name or, with `alone`, of the same role.
pub async fn active_before(
    db: &impl Read,
    plugin: &Plugin,
    alone: bool,
) -> Result<Option<Plugin>, DbError> {
    let (column, value) = if alone {
        ("role", &plugin.role)
    } else {
        ("name", &plugin.name)
    };
    let sql = format!(
        "{PLUGIN} WHERE {column} = $1 AND id <> $2 AND active_since IS NOT NULL \
         AND state <> 'quarantined' ORDER BY active_since DESC, id DESC LIMIT 1"
    );
    let row: Option<Row> = one(
        db,
        &sql,
        vec![value.clone().into(), plugin.id.clone().into()],
    )
    .await?;
    row.map(Row::read).transpose()
}

/// The active version of a name; where none was activated, `None`.
pub async fn active_of_name(db: &impl Read, name: &str) -> Result<Option<Plugin>, DbError> {
    let sql = format!("{PLUGIN} WHERE name = $1 AND state = 'active' ORDER BY id DESC LIMIT 1");
    let row: Option<Row> = one(db, &sql, vec![name.into()]).await?;
    row.map(Row::read).transpose()
}

/// Removes a plugin that nothing uses. `false`: an installation, or its role, uses it.
pub async fn remove(tx: &Tx, id: &str) -> Result<bool, DbError> {
    let removed = tx
        .exec(
            "DELETE FROM plugin WHERE id = $1 AND state <> 'active' AND NOT EXISTS \
             (SELECT 1 FROM installation i WHERE i.plugin_id = $1 OR i.previous_id = $1)",
            vec![id.into()],
        )
        .await?;
    Ok(removed == 1)
}
