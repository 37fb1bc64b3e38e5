//! An installation made ready to run: its plugin compiled, its power worked out, its secrets opened.

use super::failed::{Failed, Kind};
use super::service::Plugins;
use crate::app::App;
use domain::plugins::Installation;
use plugin_host::{
    Compiled, Effective, FileGrant, Grant, HostGrant, ImapGrant, ImapTls, Limits, Manifest,
    SecretValue, effective,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use storage::plugins::Plugin;
use storage::{DbError, Read};

/// Code of the failure of an installation that lacks something.
pub const INCOMPLETE: &str = "incomplete";
/// Name of the secret with the password of an installation's mailbox.
pub const IMAP_PASSWORD: &str = "imap_password";

/// What an administrator grants, as it goes over the wire and is kept. Which folder "files" means is the
/// server's to say: a grant that named one could reach anything the server can.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// Origins that it may reach.
    #[serde(default)]
    pub hosts: Vec<HostGrant>,
    /// Names of secrets that it may use.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Whether it may write files, into a folder that the server gives it.
    #[serde(default)]
    pub files: bool,
    /// Whether it may read the mailbox of its installation.
    #[serde(default)]
    pub imap: bool,
    /// Lower limits than the manifest asks for.
    #[serde(default)]
    pub limits: Limits,
}

impl Granted {
    /// What is kept with a plugin; what cannot be read grants nothing.
    #[must_use]
    pub fn of(plugin: &Plugin) -> Self {
        serde_json::from_value(plugin.grant.clone()).unwrap_or_default()
    }

    /// Everything that a manifest asks for, but origins that an administrator has to name.
    #[must_use]
    pub fn everything(manifest: &Manifest) -> Self {
        let asks = &manifest.asks;
        let all = Self {
            hosts: asks
                .hosts
                .iter()
                .filter(|h| h.origin != "*" && h.origin.starts_with("https://"))
                .map(|h| HostGrant {
                    origin: h.origin.clone(),
                    methods: Vec::new(),
                    networks: Vec::new(),
                })
                .collect(),
            secrets: asks.secrets.iter().map(|s| s.name.clone()).collect(),
            files: asks.files.is_some(),
            imap: asks.imap.is_some(),
            limits: Limits::default(),
        };
        all.by_name(manifest)
    }

    /// The same with every method named: "all that it asks for" would grow with what a later version asks for.
    #[must_use]
    pub fn by_name(mut self, manifest: &Manifest) -> Self {
        for host in self.hosts.iter_mut().filter(|h| h.methods.is_empty()) {
            host.methods = plugin_host::asked_methods(manifest, &host.origin);
        }
        self
    }

    /// Whether this holds all that `new` asks for beyond what `old` asked for. What was asked for before was
    /// decided when this was granted: what was refused then stays refused and needs no second word.
    #[must_use]
    pub fn covers(&self, new: &Manifest, old: &Manifest) -> bool {
        let (asked, known) = (Self::everything(new), Self::everything(old));
        let has = |g: &Self, host: &HostGrant, method: &String| {
            let mut of_origin = g.hosts.iter().filter(|h| h.origin == host.origin);
            of_origin.any(|h| h.methods.contains(method))
        };
        let hosts = asked.hosts.iter().all(|host| {
            let mut methods = host.methods.iter();
            methods.all(|m| has(self, host, m) || has(&known, host, m))
        });
        let secrets = new.asks.secrets.iter().all(|secret| {
            old.asks.secret(&secret.name).map_or_else(
                || self.secrets.contains(&secret.name),
                |before| {
                    // A secret that may now go elsewhere is another power; empty: to all of its origins.
                    let mut goes = secret.hosts.iter();
                    before.hosts.is_empty()
                        || !secret.hosts.is_empty() && goes.all(|h| before.hosts.contains(h))
                },
            )
        });
        hosts
            && secrets
            && (self.files || known.files || !asked.files)
            && (self.imap || known.imap || !asked.imap)
    }

    /// In the host's words.
    #[must_use]
    pub fn grant(&self, folder: Option<std::path::PathBuf>) -> Grant {
        Grant {
            hosts: self.hosts.clone(),
            secrets: self.secrets.clone(),
            files: folder.filter(|_| self.files).map(FileGrant::new),
            imap: self.imap,
            limits: self.limits,
        }
    }
}

/// The manifest of a kept plugin.
pub fn manifest(plugin: &Plugin) -> Result<Manifest, DbError> {
    serde_json::from_value(plugin.manifest.clone()).map_err(|e| DbError::Corrupt {
        table: "plugin",
        column: "manifest",
        id: plugin.id.clone(),
        detail: e.to_string(),
    })
}

/// Whether a manifest asks for any power at all.
#[must_use]
pub fn asks_nothing(manifest: &Manifest) -> bool {
    let asks = &manifest.asks;
    asks.hosts.is_empty() && asks.secrets.is_empty() && asks.files.is_none() && asks.imap.is_none()
}

/// Names of secrets that an installation of this plugin can have.
#[must_use]
pub fn secret_names(manifest: &Manifest) -> Vec<String> {
    let mut names: Vec<String> = manifest
        .asks
        .secrets
        .iter()
        .map(|s| s.name.clone())
        .collect();
    if manifest.asks.imap.is_some() {
        names.push(IMAP_PASSWORD.to_owned());
    }
    names
}

/// Something without which an installation cannot work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum Lack {
    /// Nobody has decided about what the plugin asks for.
    Grant,
    /// A secret is not granted.
    SecretGrant(String),
    /// A secret has no value.
    Secret(String),
    /// An origin that it asks for is not granted.
    Host(String),
    /// The mailbox is not granted, or nobody has said which.
    Mailbox,
}

impl Lack {
    fn sentence(&self) -> String {
        match self {
            Self::Grant => "nobody has decided yet what the plugin may do".to_owned(),
            Self::SecretGrant(name) => format!("the secret {name} is not granted"),
            Self::Secret(name) => format!("the secret {name} has no value"),
            Self::Host(origin) => format!("{origin} is not granted"),
            Self::Mailbox => "the mailbox is not granted or not set".to_owned(),
        }
    }
}

/// An installation with the version that works for it.
pub struct Installed {
    /// What is set.
    pub row: Installation,
    /// The version that works for it.
    pub plugin: Plugin,
    /// What that version says of itself.
    pub manifest: Manifest,
}

/// An installation and its plugin; `None`: there is none of that key.
pub async fn find(db: &impl Read, key: &str) -> Result<Option<Installed>, DbError> {
    match storage::installations::get(db, key).await? {
        Some(row) => of(db, row).await.map(Some),
        None => Ok(None),
    }
}

/// An installation with its plugin.
pub async fn of(db: &impl Read, row: Installation) -> Result<Installed, DbError> {
    let Some(plugin) = storage::plugins::get(db, &row.plugin_id).await? else {
        return Err(DbError::Corrupt {
            table: "installation",
            column: "plugin_id",
            id: row.key,
            detail: "the plugin is gone".to_owned(),
        });
    };
    Ok(Installed {
        manifest: manifest(&plugin)?,
        plugin,
        row,
    })
}

impl Installed {
    /// The folder that "files" means for it: articles go where they always went.
    #[must_use]
    pub fn folder(&self, app: &App) -> std::path::PathBuf {
        if self.plugin.role == "knowledge-base" {
            app.config.knowledge_dir.clone()
        } else {
            app.config.data_dir.join("plugin-files").join(&self.row.key)
        }
    }

    /// Asked for and granted.
    #[must_use]
    pub fn power(&self, app: &App) -> Effective {
        let granted = Granted::of(&self.plugin).grant(Some(self.folder(app)));
        effective(&self.manifest, &granted)
    }

    /// What it lacks; `filled` are the names of its secrets that have a value.
    #[must_use]
    pub fn lacks(&self, filled: &BTreeSet<String>) -> Vec<Lack> {
        if self.plugin.granted_at.is_none() && !asks_nothing(&self.manifest) {
            return vec![Lack::Grant];
        }
        let granted = Granted::of(&self.plugin);
        let mut lacks = Vec::new();
        for secret in self.manifest.asks.secrets.iter().filter(|s| !s.optional) {
            if !granted.secrets.contains(&secret.name) {
                lacks.push(Lack::SecretGrant(secret.name.clone()));
            } else if !filled.contains(&secret.name) {
                lacks.push(Lack::Secret(secret.name.clone()));
            }
        }
        for host in &self.manifest.asks.hosts {
            let any = host.origin == "*" && !granted.hosts.is_empty();
            if !any && !granted.hosts.iter().any(|g| g.origin == host.origin) {
                lacks.push(Lack::Host(host.origin.clone()));
            }
        }
        if self.manifest.asks.imap.is_some() {
            if !granted.imap || self.row.set.mailbox.is_none() {
                lacks.push(Lack::Mailbox);
            } else if !filled.contains(IMAP_PASSWORD) {
                lacks.push(Lack::Secret(IMAP_PASSWORD.to_owned()));
            }
        }
        lacks
    }
}

/// Where a secret belongs: what is sealed for one place does not open in another.
#[must_use]
pub fn secret_place(installation: &str, name: &str) -> String {
    format!("secret/{installation}/{name}")
}

impl Plugins {
    /// The secrets of an installation, opened, with the origins that each may be sent to.
    pub(super) async fn secrets(
        &self,
        db: &impl Read,
        key: &str,
        origins: &BTreeMap<String, Vec<String>>,
    ) -> Result<BTreeMap<String, SecretValue>, Failed> {
        let mut open = BTreeMap::new();
        for secret in storage::installations::secrets(db, key).await? {
            let origins = match origins.get(&secret.name) {
                Some(origins) => origins.clone(),
                None if secret.name == IMAP_PASSWORD => Vec::new(),
                // Not granted: it stays closed.
                None => continue,
            };
            let place = secret_place(key, &secret.name);
            let version = u32::try_from(secret.version).unwrap_or(u32::MAX);
            let mut value =
                SecretValue::new(self.vault.open(&place, &secret.sealed)?, version, origins);
            if let Some(previous) = &secret.previous {
                value = value.with_previous(self.vault.open(&place, previous)?);
            }
            open.insert(secret.name, value);
        }
        Ok(open)
    }

    /// Everything that a call needs, or why there can be none.
    pub(super) async fn ready(
        &self,
        app: &App,
        installed: &Installed,
    ) -> Result<(Compiled, plugin_host::Installation), Failed> {
        let row = &installed.row;
        let power = installed.power(app);
        let mut secrets = self.secrets(&app.db, &row.key, &power.secrets).await?;
        let filled: BTreeSet<String> = secrets.keys().cloned().collect();
        // An origin that is not granted is denied when it is asked for: the administrator may grant less.
        let lacks = installed.lacks(&filled);
        if let Some(lack) = lacks.iter().find(|l| !matches!(l, Lack::Host(_))) {
            return Err(Failed::new(Kind::Settings, INCOMPLETE, lack.sentence()));
        }
        let password = secrets.remove(IMAP_PASSWORD);
        let imap = match (&row.set.mailbox, password, power.imap) {
            (Some(mailbox), Some(password), true) => Some(ImapGrant {
                server: mailbox.server.clone(),
                port: mailbox.port,
                tls: match mailbox.tls.as_str() {
                    "starttls" => ImapTls::StartTls,
                    "none" => ImapTls::None,
                    _ => ImapTls::Implicit,
                },
                user: mailbox.user.clone(),
                password,
                folders: mailbox.folders.clone(),
                networks: mailbox.networks.clone(),
            }),
            _ => None,
        };
        let state = storage::installations::state(&app.db, &row.key, app.now())
            .await?
            .into_iter()
            .map(|kept| (kept.key, kept.value))
            .collect();
        let compiled = self.compiled(&app.db, &installed.plugin).await?;
        let ready = plugin_host::Installation {
            id: row.key.clone(),
            settings: row.set.settings.to_string(),
            files: power.files,
            hosts: power.hosts,
            granted_secrets: power.secrets.into_keys().collect(),
            secrets,
            imap,
            state,
            limits: power.limits,
        };
        Ok((compiled, ready))
    }
}
