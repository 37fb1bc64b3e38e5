//! How mails leave: over SMTP, or into the built-in mailbox.

use super::Outgoing;
use crate::config::Config;
use chrono::TimeDelta;
use domain::clock::Timestamp;
use domain::mail::refusal::{Ours, about_us};
use lettre::transport::smtp::PoolConfig;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Where mails go.
pub enum Transport {
    /// Kept in the database: nothing leaves the machine.
    Mailbox,
    /// To an SMTP server.
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
}

/// Why a mail did not leave.
#[derive(Debug)]
pub enum SendError {
    /// Trying again can help.
    Transient(String),
    /// The server refuses it for good.
    Permanent(String),
    /// It is not about this mail: none would go.
    Ours(Ours, String),
}

/// What keeps all mails back: a server that refused our log-in is not asked again by each of them, for providers
/// lock accounts that try too often.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Whose trouble it is.
    pub ours: Ours,
    /// In the words of the server.
    pub reason: String,
    /// When it is asked again.
    pub until: Timestamp,
    times: u32,
}

impl Refused {
    /// One that keeps only one mail back.
    #[must_use]
    pub fn once(ours: Ours, reason: String, until: Timestamp) -> Self {
        Self {
            ours,
            reason,
            until,
            times: 0,
        }
    }
}

/// The last refusal that was about us.
#[derive(Default)]
pub struct Rest(Mutex<Option<Refused>>);

impl Rest {
    /// What keeps mails back at `now`.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Option<Refused> {
        let rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rest.clone().filter(|r| r.until > now)
    }

    /// Writes down a refusal: half a minute the first time, a quarter of an hour at most.
    pub fn refused(&self, ours: Ours, reason: String, now: Timestamp) -> Refused {
        let mut rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Several workers may have asked at once: that is one refusal.
        if let Some(known) = rest.as_ref().filter(|r| r.until > now) {
            return known.clone();
        }
        let times = rest.as_ref().map_or(0, |r| r.times + 1);
        let wait = TimeDelta::seconds(30 << times.min(5)).min(TimeDelta::minutes(15));
        let refused = Refused {
            ours,
            reason,
            until: now + wait,
            times,
        };
        *rest = Some(refused.clone());
        refused
    }

    /// Nothing keeps mails back: one went, or somebody saw to it.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

type SmtpError = lettre::transport::smtp::Error;

fn words_of(error: &SmtpError) -> String {
    error.to_string().chars().take(300).collect()
}

fn ours(error: &SmtpError) -> Option<Ours> {
    about_us(error.status()?.into(), &error.to_string())
}

impl Transport {
    /// The transport that the settings name.
    pub fn new(config: &Config) -> Result<Self, String> {
        let url = config.mail.as_str();
        if url == "mailbox:" || url.is_empty() {
            return Ok(Self::Mailbox);
        }
        if !url.starts_with("smtp://") && !url.starts_with("smtps://") {
            return Err("BIHUAN_MAIL must be smtp://…, smtps://… or mailbox:".to_owned());
        }
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut tls = if url.starts_with("smtps://") {
            ""
        } else {
            "?tls=required"
        };
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            tls = match pair {
                "tls=required" => "?tls=required",
                "tls=opportunistic" => "?tls=opportunistic",
                "tls=none" => "",
                other => return Err(format!("BIHUAN_MAIL: {other} is not understood")),
            };
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&format!("{address}{tls}"))
            // The message of the error may hold the password.
            .map_err(|_| "BIHUAN_MAIL is not a valid smtp:// address".to_owned())?
            .timeout(Some(Duration::from_secs(30)))
            .pool_config(
                PoolConfig::new()
                    .max_size(4)
                    .idle_timeout(Duration::from_secs(30)),
            )
            .build();
        Ok(Self::Smtp(Box::new(transport)))
    }

    /// Whether mails leave this machine.
    #[must_use]
    pub fn leaves_machine(&self) -> bool {
        matches!(self, Self::Smtp(_))
    }

    /// Sends a message over SMTP. The mailbox has nothing to send: its caller keeps the mail.
    pub async fn send(&self, outgoing: Outgoing) -> Result<(), SendError> {
        let Self::Smtp(transport) = self else {
            return Ok(());
        };
        let Err(error) = transport.send(outgoing.message).await else {
            return Ok(());
        };
        let reason = words_of(&error);
        if let Some(whose) = ours(&error) {
            return Err(SendError::Ours(whose, reason));
        }
        // Whether it was about the mail shows when the server is asked to carry none.
        if let Err(none) = transport.test_connection().await {
            let whose = ours(&none).unwrap_or(Ours::Server);
            return Err(SendError::Ours(whose, words_of(&none)));
        }
        Err(if error.is_permanent() {
            SendError::Permanent(reason)
        } else {
            SendError::Transient(reason)
        })
    }

    /// Whether the server answers.
    pub async fn test(&self) -> Result<(), String> {
        match self {
            Self::Mailbox => Ok(()),
            Self::Smtp(transport) => match transport.test_connection().await {
                Ok(true) => Ok(()),
                Ok(false) => Err("the SMTP server did not answer".to_owned()),
                Err(e) => Err(e.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn a_refused_log_in_keeps_mails_back_longer_and_longer() {
        let rest = Rest::default();
        let start = chrono::Utc.with_ymd_and_hms(2026, 11, 22, 0, 0, 0).unwrap();
        assert!(rest.at(start).is_none());
        let (mut now, mut waits) = (start, Vec::new());
        for _ in 0..8 {
            let refused = rest.refused(Ours::LogIn, "535".to_owned(), now);
            // A second worker that was refused at the same time makes no longer wait.
            let again = rest.refused(Ours::LogIn, "535".to_owned(), now);
            assert_eq!(again.until, refused.until);
            assert!(rest.at(refused.until).is_none());
            assert!(rest.at(refused.until - TimeDelta::seconds(1)).is_some());
            waits.push((refused.until - now).num_seconds());
            now = refused.until;
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
        rest.clear();
        assert!(rest.at(start).is_none());
    }
}
