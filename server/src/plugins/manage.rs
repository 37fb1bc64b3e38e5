//! What people do with plugins and installations: grant, set up, switch, roll back. Every change is one
//! transaction with a line of history.

use super::failed::Failed;
use super::health;
use super::installed::{self, Granted, asks_nothing, manifest, secret_names, secret_place};
use super::{schedule, settings};
use crate::app::{App, Shared};
use crate::http::{Code, FieldError, Problem};
use domain::identity::Actor;
use domain::plugins::{Installation, Settings, State, check_key};
use plugin_host::{Manifest, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::collect;
use storage::installations::{Kept, Point};
use storage::plugins::Plugin;
use storage::{DbError, Tx};

/// Longest value of a secret in bytes.
const SECRET_BYTES: usize = 8 * 1024;
/// Roles of which one plugin works for the whole organisation.
const ALONE: [&str; 1] = ["classifier"];

/// Whether one plugin of a role works at a time.
#[must_use]
pub fn is_alone(plugin: &Plugin) -> bool {
    ALONE.contains(&plugin.role.as_str())
}

async fn record(
    app: &App,
    tx: &Tx,
    subject: (&str, &str),
    kind: &str,
    actor: &Actor,
    data: &Value,
) -> Result<(), DbError> {
    storage::events::record(tx, app.ids.next(), subject.0, subject.1, kind, actor, data).await
}

/// The plugin of an id.
pub async fn plugin(app: &App, id: &str) -> Result<Plugin, Problem> {
    storage::plugins::get(&app.db, id)
        .await?
        .ok_or_else(|| Problem::not_found("plugin"))
}

fn faults(all: Vec<settings::Fault>) -> Problem {
    let errors: Vec<FieldError> = all
        .into_iter()
        .map(|f| FieldError {
            field: f.field,
            code: f.code,
            detail: f.detail,
        })
        .collect();
    let detail = errors
        .first()
        .map(|e| format!("{}: {}", e.field, e.detail))
        .unwrap_or_default();
    Problem {
        errors,
        ..Problem::new(Code::InvalidField, detail)
    }
}

/// Changes what a plugin may do. Installations that waited for it go on.
pub async fn grant(
    app: &Shared,
    actor: &Actor,
    id: &str,
    granted: &Granted,
    expected: Option<i64>,
) -> Result<Plugin, Problem> {
    let before = plugin(app, id).await?;
    let manifest = manifest(&before)?;
    granted
        .grant(
            manifest
                .asks
                .files
                .as_ref()
                .map(|_| app.config.data_dir.clone()),
        )
        .validate(&manifest)
        .map_err(|f| Problem::field(f.field, "not_asked_for", f.detail))?;
    if granted.files && manifest.asks.files.is_none() {
        return Err(Problem::field(
            "files",
            "not_asked_for",
            "the plugin does not ask for files",
        ));
    }
    let value = serde_json::to_value(granted.clone().by_name(&manifest)).unwrap_or_default();
    let tx = app.begin().await?;
    storage::plugins::set_grant(&tx, id, &value, expected).await?;
    for row in storage::installations::of_plugin(&tx, &before.name).await? {
        if row.plugin_id == id {
            awaken(app, &tx, &row).await?;
        }
    }
    let data =
        json!({"name": before.name, "version": before.version, "from": before.grant, "to": value});
    record(app, &tx, ("plugin", id), "plugin.granted", actor, &data).await?;
    tx.commit().await?;
    app.plugins.forget(&before.role).await;
    app.plugins.wake.notify_one();
    plugin(app, id).await
}

/// Somebody changed something: what was paused goes on, what runs cannot commit what it read before.
async fn awaken(app: &App, tx: &Tx, row: &Installation) -> Result<(), DbError> {
    let health = storage::installations::health(tx, &row.key).await?;
    if matches!(
        health.state,
        State::Paused | State::Failing | State::Resting | State::Stale
    ) {
        health::reset(tx, &row.key).await?;
    }
    collect::forgive(tx, &row.key).await?;
    let held = health.state == State::Quarantined;
    let works = row.enabled && !held;
    if works {
        super::revive(app, tx, &row.key, None).await?;
    }
    collect::reschedule(tx, &row.key, None, works.then(|| tx.now())).await
}

/// What somebody sets for an installation.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Name of the plugin.
    pub plugin: String,
    /// Whether it works.
    pub enabled: bool,
    /// The rest.
    pub set: Settings,
}

/// The version that a new installation gets: the active one, else the newest that may work.
async fn version_for(app: &App, name: &str) -> Result<Plugin, Problem> {
    if let Some(active) = storage::plugins::active_of_name(&app.db, name).await? {
        return Ok(active);
    }
    let mut all: Vec<Plugin> = storage::plugins::list(&app.db)
        .await?
        .into_iter()
        .filter(|p| p.name == name && p.state != "quarantined")
        .collect();
    if all.is_empty() {
        return Err(Problem::field("plugin", "unknown", "no such plugin"));
    }
    all.reverse();
    for plugin in all {
        if plugin.granted_at.is_some() || asks_nothing(&manifest(&plugin)?) {
            return Ok(plugin);
        }
    }
    Err(Problem::new(
        Code::NotGranted,
        "decide first what the plugin may do: PUT /api/v1/plugins/{id}/grant",
    ))
}

/// What can be said of settings without the plugin.
fn check_settings(manifest: &Manifest, wanted: &Settings) -> Result<(), Problem> {
    wanted
        .check()
        .map_err(|e| Problem::field(e.field, "invalid", e.detail))?;
    if let Some(cron) = &wanted.schedule.cron {
        schedule::parse(cron).map_err(|e| Problem::field("schedule.cron", "invalid", e))?;
    }
    if let Some(mailbox) = &wanted.mailbox {
        if manifest.asks.imap.is_none() {
            return Err(Problem::field(
                "mailbox",
                "not_asked_for",
                "this plugin reads no mailbox",
            ));
        }
        for (n, network) in mailbox.networks.iter().enumerate() {
            network
                .parse::<plugin_host::Network>()
                .map_err(|e| Problem::field(format!("mailbox.networks[{n}]"), "invalid", e))?;
        }
    }
    settings::check(manifest.config_schema.as_ref(), &wanted.settings).map_err(faults)
}

/// Makes or replaces an installation.
pub async fn save(
    app: &Shared,
    actor: &Actor,
    key: &str,
    wanted: Wanted,
    expected: Option<i64>,
) -> Result<Installation, Problem> {
    check_key(key).map_err(|e| Problem::field(e.field, "bad_key", e.detail))?;
    let present = installed::find(&app.db, key).await?;
    let (plugin, manifest) = match &present {
        Some(found) if found.row.plugin != wanted.plugin => {
            return Err(Problem::field(
                "plugin",
                "fixed",
                "the plugin of an installation stays; make another installation",
            ));
        }
        Some(found) => (found.plugin.clone(), found.manifest.clone()),
        None => {
            let plugin = version_for(app, &wanted.plugin).await?;
            let manifest = manifest(&plugin)?;
            (plugin, manifest)
        }
    };
    if manifest.role == Role::Classifier {
        return Err(Problem::field(
            "plugin",
            "wrong_role",
            "classifiers are switched, they have no installations",
        ));
    }
    let mut set = wanted.set;
    if set.settings.is_null() {
        set.settings = json!({});
    }
    check_settings(&manifest, &set)?;
    set.config_version = manifest.config_version;
    if manifest.role == Role::Connector && set.channel.is_none() {
        set.channel = Some(key.to_owned());
    }
    let row = Installation {
        key: key.to_owned(),
        plugin: plugin.name.clone(),
        role: plugin.role.clone(),
        plugin_id: plugin.id.clone(),
        previous_id: None,
        enabled: wanted.enabled,
        set,
        created_at: app.now(),
        version: 0,
    };
    // The plugin has a say before anything is kept: a pure question, without any power.
    ask(app, &plugin, &row).await?;
    let tx = app.begin().await?;
    let locked = storage::installations::lock(&tx, key).await?;
    let row = match locked {
        Some(locked) => {
            if expected.is_some_and(|e| e != locked.version) {
                return Err(Code::Stale.into());
            }
            if present
                .as_ref()
                .is_none_or(|p| p.row.plugin_id != locked.plugin_id)
            {
                // Another version took over while this one was asked.
                return Err(Code::Stale.into());
            }
            Installation {
                enabled: row.enabled,
                set: row.set,
                ..locked
            }
        }
        None => row,
    };
    let fresh = row.version == 0;
    let saved = storage::installations::save(&tx, &row).await?;
    if fresh
        && storage::plugins::active_of_name(&tx, &plugin.name)
            .await?
            .is_none()
    {
        storage::plugins::activate(&tx, &plugin, false).await?;
    }
    for kind in ["check", "hooks", "acks"] {
        if manifest.role == Role::Connector || kind == "check" {
            collect::ensure(&tx, app.ids.next(), key, kind, "", "").await?;
        }
    }
    awaken(app, &tx, &saved).await?;
    let kind = if fresh {
        "installation.created"
    } else {
        "installation.changed"
    };
    let data = json!({"plugin": saved.plugin, "enabled": saved.enabled, "set": saved.set});
    record(app, &tx, ("installation", key), kind, actor, &data).await?;
    tx.commit().await?;
    app.plugins.wake.notify_one();
    Ok(saved)
}

/// Asks a version of a plugin what it says of settings.
async fn ask(app: &App, plugin: &Plugin, row: &Installation) -> Result<(), Problem> {
    app.plugins
        .validate_config(app, plugin, row)
        .await
        .map_err(|failed| Problem::field("settings", failed.code, failed.message))
}

/// Removes an installation. Voices that it brought stay.
pub async fn remove(
    app: &Shared,
    actor: &Actor,
    key: &str,
    expected: Option<i64>,
) -> Result<(), Problem> {
    let tx = app.begin().await?;
    let Some(row) = storage::installations::lock(&tx, key).await? else {
        return Err(Problem::not_found("installation"));
    };
    if expected.is_some_and(|e| e != row.version) {
        return Err(Code::Stale.into());
    }
    storage::installations::remove(&tx, key).await?;
    let data = json!({"plugin": row.plugin});
    record(
        app,
        &tx,
        ("installation", key),
        "installation.removed",
        actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    app.plugins.ledger.forget(key);
    Ok(())
}

/// Sets a secret; `None` removes it. The value before stays valid for comparing until it is removed or replaced.
pub async fn set_secret(
    app: &Shared,
    actor: &Actor,
    key: &str,
    name: &str,
    value: Option<&str>,
) -> Result<(), Problem> {
    let Some(found) = installed::find(&app.db, key).await? else {
        return Err(Problem::not_found("installation"));
    };
    if !secret_names(&found.manifest).iter().any(|n| n == name) {
        return Err(Problem::not_found("secret"));
    }
    if value.is_some_and(|v| v.is_empty() || v.len() > SECRET_BYTES) {
        return Err(Problem::field("value", "invalid", "1 to 8192 bytes"));
    }
    let tx = app.begin().await?;
    let Some(row) = storage::installations::lock(&tx, key).await? else {
        return Err(Problem::not_found("installation"));
    };
    let version = match value {
        Some(value) => {
            let version = storage::installations::next_secret_version(&tx, key, name).await?;
            let sealed = app
                .plugins
                .vault
                .seal(&secret_place(key, name), value.as_bytes())
                .map_err(|e| {
                    tracing::error!(error = %e, "a secret was not sealed");
                    Problem::from(Code::Internal)
                })?;
            storage::installations::set_secret(&tx, key, name, version, &sealed).await?;
            Some(version)
        }
        None => {
            if !storage::installations::remove_secret(&tx, key, name, false).await? {
                return Err(Problem::not_found("secret"));
            }
            None
        }
    };
    awaken(app, &tx, &row).await?;
    // The name and the number, never the value.
    let data = json!({"name": name, "version": version});
    let kind = if value.is_some() {
        "installation.secret_set"
    } else {
        "installation.secret_removed"
    };
    record(app, &tx, ("installation", key), kind, actor, &data).await?;
    tx.commit().await?;
    app.plugins.wake.notify_one();
    Ok(())
}

/// Makes an installation work now: what waited for a person, rested or was scheduled for later.
pub async fn hurry(app: &Shared, actor: &Actor, key: &str) -> Result<(), Problem> {
    let tx = app.begin().await?;
    let Some(row) = storage::installations::lock(&tx, key).await? else {
        return Err(Problem::not_found("installation"));
    };
    if !row.enabled {
        return Err(Problem::new(
            Code::WrongState,
            "this installation is switched off",
        ));
    }
    let health = storage::installations::health(&tx, key).await?;
    let stuck = matches!(
        health.state,
        State::Paused | State::Quarantined | State::Resting
    );
    if stuck {
        health::reset(&tx, key).await?;
        let data = json!({"from": health.state});
        record(
            app,
            &tx,
            ("installation", key),
            "installation.resumed",
            actor,
            &data,
        )
        .await?;
    }
    collect::forgive(&tx, key).await?;
    for kind in ["check", "pull", "hooks", "acks"] {
        collect::hurry(&tx, key, kind).await?;
    }
    super::revive(app, &tx, key, None).await?;
    tx.commit().await?;
    app.plugins.wake.notify_one();
    app.wake_workers();
    Ok(())
}

/// Lets a stream start over. What it brings again is known: nothing is counted twice.
pub async fn restart_stream(
    app: &Shared,
    actor: &Actor,
    key: &str,
    name: &str,
) -> Result<(), Problem> {
    let tx = app.begin().await?;
    if storage::installations::lock(&tx, key).await?.is_none() {
        return Err(Problem::not_found("installation"));
    }
    let works = collect::works(&tx, key).await?;
    let Some(work) = works.iter().find(|w| w.kind == "pull" && w.name == name) else {
        return Err(Problem::not_found("stream"));
    };
    collect::set_cursor(&tx, &work.id, None).await?;
    collect::hurry(&tx, key, "pull").await?;
    let data = json!({"stream": name});
    record(
        app,
        &tx,
        ("installation", key),
        "installation.stream_restarted",
        actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    app.plugins.wake.notify_one();
    Ok(())
}

// ---------------------------------------------------------------- switching versions

/// What a roll-back brings back.
#[derive(Default, Serialize, Deserialize)]
struct Saved {
    set: Settings,
    cursors: Vec<(String, Option<(i64, String)>)>,
    kept: Vec<(String, Vec<u8>, Option<i64>)>,
}

fn point_place(key: &str) -> String {
    format!("point/{key}")
}

async fn snapshot(app: &App, tx: &Tx, row: &Installation) -> Result<Point, Problem> {
    let saved = Saved {
        set: row.set.clone(),
        cursors: collect::works(tx, &row.key)
            .await?
            .into_iter()
            .filter(|w| w.kind == "pull")
            .map(|w| (w.name, w.cursor))
            .collect(),
        kept: storage::installations::state(tx, &row.key, tx.now())
            .await?
            .into_iter()
            .map(|k| (k.key, k.value, k.expires_at))
            .collect(),
    };
    let plain = serde_json::to_vec(&saved).unwrap_or_default();
    let data = app
        .plugins
        .vault
        .seal(&point_place(&row.key), &plain)
        .map_err(|e| Problem::new(Code::Internal, e.to_string()))?;
    Ok(Point {
        plugin_id: row.plugin_id.clone(),
        data,
    })
}

/// What one installation becomes with another version.
struct Moved {
    row: Installation,
    set: Settings,
    cursors: Vec<(String, Option<(i64, String)>)>,
}

/// A problem of one installation among several: which one it is stands before the field.
fn named(problem: Problem, key: &str) -> Problem {
    let errors: Vec<FieldError> = problem
        .errors
        .into_iter()
        .map(|e| FieldError {
            field: format!("installations.{key}.{}", e.field),
            ..e
        })
        .collect();
    Problem {
        detail: format!("{key}: {}", problem.detail),
        errors,
        ..problem
    }
}

/// Asks the new version what it makes of the settings and cursors of an installation.
async fn migrate(
    app: &App,
    to: &Plugin,
    manifest: &Manifest,
    row: Installation,
) -> Result<Moved, Problem> {
    let wrong = |failed: Failed| {
        Problem::field(
            format!("installations.{}", row.key),
            failed.code,
            failed.message,
        )
    };
    let mut set = row.set.clone();
    if set.config_version != manifest.config_version {
        set.settings = app
            .plugins
            .migrate_config(app, to, &row)
            .await
            .map_err(wrong)?;
        set.config_version = manifest.config_version;
    }
    check_settings(manifest, &set).map_err(|problem| named(problem, &row.key))?;
    let changed = Installation {
        set: set.clone(),
        ..row.clone()
    };
    app.plugins
        .validate_config(app, to, &changed)
        .await
        .map_err(wrong)?;
    let mut cursors = Vec::new();
    for work in collect::works(&app.db, &row.key).await? {
        if let (Some(cursor), "pull") = (&work.cursor, work.kind.as_str()) {
            let cursor = app
                .plugins
                .migrate_cursor(app, to, &changed, &work.name, cursor)
                .await
                .map_err(wrong)?;
            cursors.push((work.name, cursor));
        }
    }
    Ok(Moved { row, set, cursors })
}

/// Switches to a version: all installations of its name, or for classifiers the one that labels. Items on
/// their way are not lost: whoever reads with the version before cannot commit, and its page is read again.
pub async fn activate(app: &Shared, actor: &Actor, id: &str) -> Result<Plugin, Problem> {
    let to = plugin(app, id).await?;
    let manifest = manifest(&to)?;
    if to.state == "quarantined" {
        return Err(Problem::new(Code::WrongState, "this plugin is quarantined"));
    }
    if to.granted_at.is_none() && !asks_nothing(&manifest) {
        return Err(Problem::new(
            Code::NotGranted,
            "decide first what the plugin may do: PUT /api/v1/plugins/{id}/grant",
        ));
    }
    if to.state == "active" {
        return Ok(to);
    }
    // It must run before anything depends on it.
    app.plugins
        .try_out(app, &to)
        .await
        .map_err(|failed| Problem {
            errors: vec![FieldError {
                field: "plugin".to_owned(),
                code: failed.code.clone(),
                detail: failed.message.clone(),
            }],
            ..Problem::new(Code::IncompatiblePlugin, failed.to_string())
        })?;
    let mut moves = Vec::new();
    for row in storage::installations::of_plugin(&app.db, &to.name).await? {
        if row.plugin_id != to.id {
            moves.push(migrate(app, &to, &manifest, row).await?);
        }
    }
    let tx = app.begin().await?;
    let alone = is_alone(&to);
    let before = if alone {
        storage::plugins::active(&tx, &to.role).await?
    } else {
        storage::plugins::active_of_name(&tx, &to.name).await?
    };
    storage::plugins::activate(&tx, &to, alone).await?;
    for moved in moves {
        let locked = storage::installations::lock(&tx, &moved.row.key).await?;
        if locked.as_ref() != Some(&moved.row) {
            return Err(Code::Stale.into());
        }
        let point = snapshot(app, &tx, &moved.row).await?;
        storage::installations::set_point(&tx, &moved.row.key, Some(&point)).await?;
        let row = Installation {
            previous_id: Some(moved.row.plugin_id.clone()),
            plugin_id: to.id.clone(),
            set: moved.set,
            ..moved.row
        };
        switch(
            app,
            &tx,
            actor,
            row,
            &moved.cursors,
            "installation.upgraded",
        )
        .await?;
    }
    storage::shadow::end(&tx, id).await?;
    let data = json!({"name": to.name, "version": to.version, "before": before.map(|p| p.version)});
    record(app, &tx, ("plugin", id), "plugin.activated", actor, &data).await?;
    tx.commit().await?;
    followed(app, &to).await;
    plugin(app, id).await
}

async fn switch(
    app: &App,
    tx: &Tx,
    actor: &Actor,
    row: Installation,
    cursors: &[(String, Option<(i64, String)>)],
    kind: &str,
) -> Result<(), Problem> {
    let row = storage::installations::save(tx, &row).await?;
    for work in collect::works(tx, &row.key).await? {
        let found = cursors.iter().find(|(name, _)| *name == work.name);
        if let (Some((_, cursor)), "pull") = (found, work.kind.as_str()) {
            collect::set_cursor(tx, &work.id, cursor.as_ref()).await?;
        }
    }
    health::reset(tx, &row.key).await?;
    collect::forgive(tx, &row.key).await?;
    if row.enabled {
        super::revive(app, tx, &row.key, None).await?;
    }
    collect::reschedule(tx, &row.key, None, row.enabled.then(|| tx.now())).await?;
    let data = json!({"from": row.previous_id, "to": row.plugin_id});
    record(app, tx, ("installation", &row.key), kind, actor, &data).await?;
    Ok(())
}

/// After a switch: this replica follows at once, others before their next batch.
async fn followed(app: &Shared, plugin: &Plugin) {
    if plugin.role == "classifier"
        && let Err(error) = app.plugins.follow(app).await
    {
        tracing::error!(error = %error, "the classifier was not loaded");
    }
    app.plugins.wake.notify_one();
    app.wake_workers();
}

/// Goes back to the version that was active before: settings, cursors and state of its installations are as
/// they were; what is read twice is known.
pub async fn roll_back(app: &Shared, actor: &Actor, id: &str) -> Result<Plugin, Problem> {
    let from = plugin(app, id).await?;
    if from.state != "active" {
        return Err(Problem::new(
            Code::WrongState,
            "this version is not the active one",
        ));
    }
    let alone = is_alone(&from);
    let Some(to) = storage::plugins::active_before(&app.db, &from, alone).await? else {
        return Err(Problem::new(
            Code::WrongState,
            "there is no version before it",
        ));
    };
    app.plugins
        .try_out(app, &to)
        .await
        .map_err(|failed| Problem::new(Code::IncompatiblePlugin, failed.to_string()))?;
    let tx = app.begin().await?;
    storage::plugins::activate(&tx, &to, alone).await?;
    // Pressed twice, "back" must not lead forward again.
    storage::plugins::taken_back(&tx, &from.id).await?;
    for row in storage::installations::of_plugin(&tx, &from.name).await? {
        if row.plugin_id != from.id {
            continue;
        }
        let point = storage::installations::point(&tx, &row.key)
            .await?
            .filter(|p| p.plugin_id == to.id);
        let saved: Option<Saved> = match &point {
            Some(point) => {
                let plain = app
                    .plugins
                    .vault
                    .open(&point_place(&row.key), &point.data)
                    .map_err(|e| Problem::new(Code::Internal, e.to_string()))?;
                serde_json::from_slice(&plain).ok()
            }
            None => None,
        };
        storage::installations::set_point(&tx, &row.key, None).await?;
        let mut row = Installation {
            previous_id: None,
            plugin_id: to.id.clone(),
            ..row
        };
        let mut cursors = Vec::new();
        if let Some(saved) = saved {
            row.set = saved.set;
            cursors = saved.cursors;
            let kept: Vec<Kept> = saved
                .kept
                .into_iter()
                .map(|(key, value, expires_at)| Kept {
                    key,
                    value,
                    expires_at,
                })
                .collect();
            storage::installations::replace_state(&tx, &row.key, &kept).await?;
        }
        switch(app, &tx, actor, row, &cursors, "installation.rolled_back").await?;
    }
    let data = json!({"name": to.name, "from": from.version, "to": to.version});
    record(
        app,
        &tx,
        ("plugin", &to.id),
        "plugin.rolled_back",
        actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    followed(app, &to).await;
    plugin(app, &to.id).await
}

/// Removes a version that nothing uses.
pub async fn remove_plugin(app: &Shared, actor: &Actor, id: &str) -> Result<(), Problem> {
    let gone = plugin(app, id).await?;
    let tx = app.begin().await?;
    if !storage::plugins::remove(&tx, id).await? {
        return Err(Problem::new(Code::Conflict, "this version is in use"));
    }
    let data = json!({"name": gone.name, "version": gone.version, "digest": gone.digest});
    record(app, &tx, ("plugin", id), "plugin.removed", actor, &data).await?;
    tx.commit().await?;
    Ok(())
}

/// A self check of an installation, written down with its health.
pub async fn check(app: &Shared, key: &str) -> Result<storage::installations::Checked, Problem> {
    let Some(found) = installed::find(&app.db, key).await? else {
        return Err(Problem::not_found("installation"));
    };
    let outcome = app.plugins.check_installation(app, &found).await;
    let checked = checked(app, outcome);
    let tx = app.begin().await?;
    if storage::installations::lock(&tx, key).await?.is_some() {
        let health = storage::installations::Health {
            checked: Some(checked.clone()),
            ..storage::installations::health(&tx, key).await?
        };
        storage::installations::set_health(&tx, key, &health).await?;
    }
    tx.commit().await?;
    Ok(checked)
}

/// The outcome of a self check as it is kept.
#[must_use]
pub fn checked(
    app: &App,
    outcome: Result<(bool, String, Value), Failed>,
) -> storage::installations::Checked {
    let (ok, message, details) = match outcome {
        Ok(report) => report,
        Err(failed) => (false, failed.message, json!({"code": failed.code})),
    };
    storage::installations::Checked {
        ok,
        message: domain::text::mask::mask(&message).text,
        details: super::installations::http::shown(details).unwrap_or_default(),
        at: app.now(),
    }
}
