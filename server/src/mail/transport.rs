//! How mails leave: over SMTP, or into the built-in mailbox.

use super::Outgoing;
use crate::config::Config;
use lettre::transport::smtp::PoolConfig;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
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
    /// The server does not let us in: an expired password or 授权码. That says nothing of the mail.
    Locked(String),
}

/// Replies about the log-in and not about a mail (RFC 4954, 4 and 6; 454 is worth another try anyway).
const LOCKED: [&str; 6] = ["530", "534", "535", "538", "523", "524"];

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
        transport
            .send(outgoing.message)
            .await
            .map(|_| ())
            .map_err(|e| {
                let reason = e.to_string().chars().take(300).collect();
                let code = e.status().map(|code| code.to_string()).unwrap_or_default();
                if LOCKED.contains(&code.as_str()) {
                    SendError::Locked(reason)
                } else if e.is_permanent() {
                    SendError::Permanent(reason)
                } else {
                    SendError::Transient(reason)
                }
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
