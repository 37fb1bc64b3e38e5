//! Installations of plugins: what is set for one, and what follows when its work succeeds or fails.

use crate::clock::Timestamp;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Shortest time between two pulls of a stream, in seconds.
pub const SHORTEST_EVERY: u32 = 5;
/// Longest time between two pulls of a stream, in seconds: a week.
pub const LONGEST_EVERY: u32 = 7 * 86_400;
/// Time between two pulls where nobody said, in seconds.
pub const USUAL_EVERY: u32 = 300;
/// Times that a stream may come back with `more`, no item and the same cursor.
pub const MOST_STANDSTILLS: u32 = 3;
/// First wait after a failure that may pass, in seconds; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: i64 = 5;
/// Longest wait after a failure that may pass, in seconds.
const LONGEST_WAIT: i64 = 3600;
/// A source can stretch the schedule by this much at most, in seconds.
const LONGEST_STRETCH: i64 = 86_400;

/// One installation of a plugin: the plugin with settings, under a name of the organisation's choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Installation {
    /// Stable name; part of the address of webhooks.
    pub key: String,
    /// Name of the plugin.
    pub plugin: String,
    /// Role of the plugin: `connector`, `notifier`, `knowledge-base`, `classifier`.
    pub role: String,
    /// The version that works for it.
    pub plugin_id: String,
    /// The version before: where a roll-back goes.
    pub previous_id: Option<String>,
    /// Whether it works at all.
    pub enabled: bool,
    /// What people set.
    pub set: Settings,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

/// What people set for an installation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// For people; empty: the plugin's title.
    #[serde(default)]
    pub title: String,
    /// Channel of items that name none; connectors only.
    #[serde(default)]
    pub channel: Option<String>,
    /// Settings of the plugin, as its schema says.
    #[serde(default)]
    pub settings: Value,
    /// Shape of `settings`: `config-version` of the manifest they were written for.
    #[serde(default)]
    pub config_version: u32,
    /// When streams are pulled.
    #[serde(default)]
    pub schedule: Schedule,
    /// The mailbox that the host reads for it.
    #[serde(default)]
    pub mailbox: Option<Mailbox>,
}

/// When streams are pulled. With neither member: every 300 seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = PullSchedule))]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Seconds from the end of one pull to the next: 5 to 604800.
    #[serde(default)]
    pub every_seconds: Option<u32>,
    /// Six fields from seconds to days of the week, in the organisation's zone: `0 30 2 * * *`.
    #[serde(default)]
    pub cron: Option<String>,
}

/// A mailbox that the host reads over IMAP. The password is the secret `imap_password`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mailbox {
    /// Name or address of the server.
    pub server: String,
    /// 993 unless set.
    #[serde(default = "imaps")]
    pub port: u16,
    /// `implicit` (the default), `starttls`, or `none`, which needs `networks`.
    #[serde(default = "implicit")]
    pub tls: String,
    /// Name at log-in.
    pub user: String,
    /// Folders that the plugin may read.
    #[serde(default = "inbox")]
    pub folders: Vec<String>,
    /// Networks (`10.0.0.0/8`) that the server may stand in; empty: public addresses only.
    #[serde(default)]
    pub networks: Vec<String>,
}

const fn imaps() -> u16 {
    993
}

fn implicit() -> String {
    "implicit".to_owned()
}

fn inbox() -> Vec<String> {
    vec!["INBOX".to_owned()]
}

/// Why settings of an installation are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct Invalid {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub detail: String,
}

fn refuse(field: &'static str, detail: impl Into<String>) -> Result<(), Invalid> {
    Err(Invalid {
        field,
        detail: detail.into(),
    })
}

/// Checks the name of an installation: it stands in addresses and in names of jobs.
pub fn check_key(key: &str) -> Result<(), Invalid> {
    let fine = (1..=64).contains(&key.len())
        && key
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !key.starts_with('-')
        && !key.ends_with('-');
    if fine {
        Ok(())
    } else {
        refuse("key", "1 to 64 of a-z, 0-9 and -, no - at its ends")
    }
}

impl Settings {
    /// Checks what no plugin has to be asked for.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.title.chars().count() > 120 || self.title.chars().any(char::is_control) {
            return refuse("title", "at most 120 characters, no control characters");
        }
        if let Some(channel) = &self.channel {
            crate::organisation::check_key(channel)
                .or_else(|e| refuse("channel", e.to_string()))?;
            if channel.len() > 64 {
                return refuse("channel", "at most 64 bytes");
            }
        }
        match (self.schedule.every_seconds, &self.schedule.cron) {
            (Some(_), Some(_)) => return refuse("schedule", "every_seconds or cron, not both"),
            (Some(every), None) if !(SHORTEST_EVERY..=LONGEST_EVERY).contains(&every) => {
                return refuse("schedule.every_seconds", "5 to 604800");
            }
            _ => {}
        }
        if let Some(mailbox) = &self.mailbox {
            if mailbox.server.is_empty() || mailbox.server.len() > 253 {
                return refuse("mailbox.server", "1 to 253 characters");
            }
            if mailbox.user.is_empty() || mailbox.user.len() > 320 {
                return refuse("mailbox.user", "1 to 320 characters");
            }
            if !matches!(mailbox.tls.as_str(), "implicit" | "starttls" | "none") {
                return refuse("mailbox.tls", "implicit, starttls or none");
            }
            if mailbox.tls == "none" && mailbox.networks.is_empty() {
                return refuse(
                    "mailbox.tls",
                    "without encryption only inside networks that are named",
                );
            }
            if mailbox.folders.is_empty() || mailbox.folders.len() > 32 {
                return refuse("mailbox.folders", "1 to 32 folders");
            }
        }
        Ok(())
    }
}

/// What a call led to when it did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Settings, secrets or grants are wrong: a person must act.
    Settings,
    /// The source asks for patience, in milliseconds.
    Patience(u64),
    /// Network, time-out, a busy disk: it may pass.
    Passing,
    /// The stored cursor is no longer usable.
    CursorExpired,
    /// The plugin is at fault: the breaker says how long it rests, in milliseconds, and whether it rests for good.
    Fault {
        /// Until the next try.
        rest_ms: u64,
        /// No more tries before a person has looked.
        quarantined: bool,
    },
}

/// How an installation is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = InstallationState))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing has run yet.
    #[default]
    New,
    /// The last call succeeded.
    Ok,
    /// The last call failed in a way that may pass; it is tried again.
    Failing,
    /// A person must change settings, secrets or grants.
    Paused,
    /// The plugin failed again and again and rests; it is tried again.
    Resting,
    /// A stream has brought nothing for much longer than its schedule says; it is still tried.
    Stale,
    /// The plugin failed too often: no more tries before a person has looked.
    Quarantined,
}

impl State {
    /// Whether nothing happens before a person has acted.
    #[must_use]
    pub fn waits_for_person(self) -> bool {
        matches!(self, Self::Paused | Self::Quarantined)
    }

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Ok => "ok",
            Self::Failing => "failing",
            Self::Paused => "paused",
            Self::Resting => "resting",
            Self::Stale => "stale",
            Self::Quarantined => "quarantined",
        }
    }
}

/// What follows a call that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When it is tried again; `None`: when a person has changed something.
    pub at: Option<Timestamp>,
    /// Whether the cursor is forgotten.
    pub start_over: bool,
    /// How the installation is doing now.
    pub state: State,
}

/// What follows a failure. `failures` counts those in a row before this one; `scheduled` is when the next
/// regular try would be, which patience and waits may put off and never bring forward; `seed` spreads the
/// waits of many installations.
#[must_use]
pub fn after_trouble(
    trouble: Trouble,
    failures: u32,
    now: Timestamp,
    scheduled: Timestamp,
    seed: u64,
) -> Step {
    match trouble {
        Trouble::Settings => Step {
            at: None,
            start_over: false,
            state: State::Paused,
        },
        Trouble::Patience(ms) => {
            let ms = i64::try_from(ms).unwrap_or(i64::MAX);
            let wait = TimeDelta::milliseconds(ms.clamp(1000, LONGEST_STRETCH * 1000));
            Step {
                at: Some(scheduled.max(now + wait)),
                start_over: false,
                state: State::Failing,
            }
        }
        Trouble::Passing => Step {
            at: Some(now + wait(failures, seed)),
            start_over: false,
            state: State::Failing,
        },
        Trouble::CursorExpired => Step {
            at: Some(now),
            start_over: true,
            state: State::Failing,
        },
        Trouble::Fault {
            rest_ms,
            quarantined,
        } => {
            let rest = TimeDelta::milliseconds(i64::try_from(rest_ms).unwrap_or(i64::MAX / 4));
            Step {
                at: (!quarantined).then(|| now + rest.max(wait(failures, seed))),
                start_over: false,
                state: match (quarantined, rest_ms) {
                    (true, _) => State::Quarantined,
                    (false, 0) => State::Failing,
                    (false, _) => State::Resting,
                },
            }
        }
    }
}

/// 5 s, 10 s, 20 s … up to an hour, each 20 % more or less by `seed`.
fn wait(failures: u32, seed: u64) -> TimeDelta {
    let seconds = FIRST_WAIT
        .saturating_mul(1_i64 << failures.min(12))
        .min(LONGEST_WAIT);
    let per_mille = 800 + i64::try_from(seed % 401).unwrap_or(0);
    TimeDelta::milliseconds(seconds * per_mille)
}

/// When an idle stream is pulled next: as scheduled, or later when the source knows that nothing comes
/// before.
#[must_use]
pub fn after_idle(scheduled: Timestamp, now: Timestamp, quiet_ms: Option<u64>) -> Timestamp {
    let quiet = quiet_ms.map_or(0, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
    let quiet = TimeDelta::milliseconds(quiet.min(LONGEST_STRETCH * 1000));
    scheduled.max(now + quiet)
}

/// Regular pulls that may fail one after the other before a stream is stale.
pub const MOST_MISSED: usize = 3;
/// Seconds beyond the last of them: pulls take time.
const STALE_GRACE: i64 = 60;

/// Whether a stream has been silent for too long. `missed` is when the [`MOST_MISSED`]th regular pull behind its
/// last success was due; `due` when the next one is, and `well` whether the last one succeeded: a source may say
/// that nothing comes for a day, which is no silence.
#[must_use]
pub fn is_stale(missed: Timestamp, due: Option<Timestamp>, well: bool, now: Timestamp) -> bool {
    let grace = TimeDelta::seconds(STALE_GRACE);
    let waits = well && due.is_some_and(|due| now <= due + grace);
    !waits && now > missed + grace
}

/// What an installation is after a failure. A stream that has been silent for long stays stale until something
/// succeeds, or until something worse is known.
#[must_use]
pub fn state_after(before: State, step: State) -> State {
    match (before, step) {
        (State::Stale, State::Failing) => State::Stale,
        (State::Paused | State::Quarantined, State::Failing | State::Resting) => before,
        (State::Quarantined, State::Paused) => State::Quarantined,
        _ => step,
    }
}

/// Why administrators are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worry {
    /// A person must change settings, secrets or grants.
    Paused,
    /// It failed again and again and rests.
    Resting,
    /// It failed too often.
    Quarantined,
}

/// Hours before the same worry about the same installation is worth another mail.
const QUIET_HOURS: i64 = 24;

/// What administrators are told when an installation goes from one state to another: once an event, and not again
/// for a day when it comes and goes. `told` is when they were told last, since a person has acted. An installation
/// that is still being set up (`unfinished`) worries nobody.
#[must_use]
pub fn worry(
    before: State,
    after: State,
    unfinished: bool,
    told: impl Fn(Worry) -> Option<Timestamp>,
    now: Timestamp,
) -> Option<Worry> {
    if before == after {
        return None;
    }
    let worry = match after {
        State::Paused if !unfinished => Worry::Paused,
        State::Resting => Worry::Resting,
        State::Quarantined => Worry::Quarantined,
        _ => return None,
    };
    let lately = told(worry).is_some_and(|at| now - at < TimeDelta::hours(QUIET_HOURS));
    (!lately).then_some(worry)
}

#[cfg(test)]
mod tests;
