//! The organisation, its topics, channels, departments and detectors: small documents with a version.

use crate::tx::{Document, json, one, parse, rows};
use crate::{DbError, Read, Tx};
use domain::detection::Detector;
use domain::facts::CalendarNote;
use domain::organisation::{Channel, Department, Organisation, Topic, TopicState};
use sea_orm::Value;

/// The organisation; the default before anybody changed it.
pub async fn organisation(db: &impl Read) -> Result<Organisation, DbError> {
    match one::<Document>(db, "SELECT data FROM organisation WHERE id = 1", vec![]).await? {
        Some(row) => parse("organisation", "1", &row.data),
        None => Ok(Organisation::default()),
    }
}

/// Replaces the organisation if it still is at `expected` (`None`: whatever it is).
pub async fn save_organisation(
    tx: &Tx,
    new: &Organisation,
    expected: Option<i64>,
) -> Result<Organisation, DbError> {
    let present = organisation(tx).await?.version;
    if expected.is_some_and(|e| e != present) {
        return Err(DbError::Stale {
            table: "organisation",
            id: "1".to_owned(),
        });
    }
    let saved = Organisation {
        version: present + 1,
        ..new.clone()
    };
    tx.exec(
        "INSERT INTO organisation (id, data, version) VALUES (1, $1, $2) \
         ON CONFLICT (id) DO UPDATE SET data = excluded.data, version = excluded.version",
        vec![json(&saved).into(), saved.version.into()],
    )
    .await?;
    Ok(saved)
}

/// The secret of that name, made by `fresh` the first time. All replicas see the same.
pub async fn secret(tx: &Tx, name: &str, fresh: &str) -> Result<String, DbError> {
    tx.exec(
        "INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        vec![name.into(), fresh.into()],
    )
    .await?;
    let row = one::<Document>(
        tx,
        "SELECT value AS data FROM secret WHERE name = $1",
        vec![name.into()],
    )
    .await?;
    Ok(row.map(|r| r.data).unwrap_or_default())
}

/// Something that is kept as a document under a key.
pub trait Keyed: serde::Serialize + serde::de::DeserializeOwned + Clone + Send + Sync {
    #[doc(hidden)]
    const TABLE: &'static str;
    #[doc(hidden)]
    fn key(&self) -> &str;
    #[doc(hidden)]
    fn with_version(self, version: i64) -> Self;
    #[doc(hidden)]
    fn columns(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

impl Keyed for Channel {
    const TABLE: &'static str = "channel";
    fn key(&self) -> &str {
        &self.key
    }
    fn with_version(self, version: i64) -> Self {
        Self { version, ..self }
    }
}

impl Keyed for Department {
    const TABLE: &'static str = "department";
    fn key(&self) -> &str {
        &self.key
    }
    fn with_version(self, version: i64) -> Self {
        Self { version, ..self }
    }
}

impl Keyed for Topic {
    const TABLE: &'static str = "topic";
    fn key(&self) -> &str {
        &self.key
    }
    fn with_version(self, version: i64) -> Self {
        Self { version, ..self }
    }
    fn columns(&self) -> Vec<(&'static str, Value)> {
        let state = match self.state {
            TopicState::Active => "active",
            TopicState::Proposed => "proposed",
        };
        vec![
            ("parent", self.parent.clone().into()),
            ("state", state.into()),
        ]
    }
}

impl Keyed for Detector {
    const TABLE: &'static str = "detector";
    fn key(&self) -> &str {
        &self.key
    }
    fn with_version(self, version: i64) -> Self {
        Self { version, ..self }
    }
    fn columns(&self) -> Vec<(&'static str, Value)> {
        vec![("enabled", self.enabled.into())]
    }
}

impl Keyed for CalendarNote {
    const TABLE: &'static str = "calendar_note";
    fn key(&self) -> &str {
        &self.key
    }
    fn with_version(self, version: i64) -> Self {
        Self { version, ..self }
    }
    fn columns(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("first_day", self.from.to_string().into()),
            ("last_day", self.to.to_string().into()),
        ]
    }
}

/// Every object of a kind, in the order of the keys. These lists are small by nature.
pub async fn all<T: Keyed>(db: &impl Read) -> Result<Vec<T>, DbError> {
    let found: Vec<Document> = rows(
        db,
        &format!("SELECT data FROM {} ORDER BY key", T::TABLE),
        vec![],
    )
    .await?;
    found
        .iter()
        .map(|row| parse(T::TABLE, "", &row.data))
        .collect()
}

/// The object of that key.
pub async fn get<T: Keyed>(db: &impl Read, key: &str) -> Result<Option<T>, DbError> {
    let sql = format!("SELECT data FROM {} WHERE key = $1", T::TABLE);
    match one::<Document>(db, &sql, vec![key.into()]).await? {
        Some(row) => parse(T::TABLE, key, &row.data).map(Some),
        None => Ok(None),
    }
}

/// Creates or replaces an object, if it still is at `expected` (`None`: whatever it is).
pub async fn put<T: Keyed>(tx: &Tx, new: &T, expected: Option<i64>) -> Result<T, DbError> {
    #[derive(sea_orm::FromQueryResult)]
    struct Version {
        version: i64,
    }
    let sql = format!("SELECT version FROM {} WHERE key = $1", T::TABLE);
    let present = one::<Version>(tx, &sql, vec![new.key().into()])
        .await?
        .map_or(0, |v| v.version);
    if expected.is_some_and(|e| e != present) {
        return Err(DbError::Stale {
            table: T::TABLE,
            id: new.key().to_owned(),
        });
    }
    let saved = new.clone().with_version(present + 1);
    let mut names = vec!["key", "data", "version"];
    let mut values: Vec<Value> = vec![
        saved.key().into(),
        json(&saved).into(),
        (present + 1).into(),
    ];
    for (name, value) in saved.columns() {
        names.push(name);
        values.push(value);
    }
    let set: Vec<String> = names[1..]
        .iter()
        .map(|n| format!("{n} = excluded.{n}"))
        .collect();
    let sql = format!(
        "INSERT INTO {} ({}) VALUES {} ON CONFLICT (key) DO UPDATE SET {}",
        T::TABLE,
        names.join(", "),
        crate::tx::placeholders(1, names.len(), 1),
        set.join(", ")
    );
    tx.exec(&sql, values).await?;
    Ok(saved)
}

/// Creates an object unless its key exists. `true`: it was created.
pub async fn put_new<T: Keyed>(tx: &Tx, new: &T) -> Result<bool, DbError> {
    if get::<T>(tx, new.key()).await?.is_some() {
        return Ok(false);
    }
    put(tx, new, None).await.map(|_| true)
}

/// Removes an object. `false`: there was none.
pub async fn delete<T: Keyed>(tx: &Tx, key: &str) -> Result<bool, DbError> {
    let sql = format!("DELETE FROM {} WHERE key = $1", T::TABLE);
    Ok(tx.exec(&sql, vec![key.into()]).await? == 1)
}
