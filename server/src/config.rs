//! Settings: a flag beats an environment variable, which beats the config file, which beats the default.

use clap::Args;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Settings as flags and environment variables.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Folder of the database and of files that plugins write
    #[arg(long, env = "BIHUAN_DATA_DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// sqlite:PATH or postgres://user:password@host/database
    #[arg(
        long,
        env = "BIHUAN_DATABASE_URL",
        global = true,
        hide_env_values = true
    )]
    pub database_url: Option<String>,
    /// What links in mails start with
    #[arg(long, env = "BIHUAN_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// smtp://user:password@host:port?tls=required|opportunistic|none, or mailbox:
    #[arg(long, env = "BIHUAN_MAIL", global = true, hide_env_values = true)]
    pub mail: Option<String>,
    /// Sender of every mail
    #[arg(long, env = "BIHUAN_MAIL_FROM", global = true)]
    pub mail_from: Option<String>,
    /// Where answers to mails go
    #[arg(long, env = "BIHUAN_MAIL_REPLY_TO", global = true)]
    pub mail_reply_to: Option<String>,
    /// imaps://user:password@host:993/INBOX or imap://…?tls=required|none: the mailbox that answers to mails
    /// come to
    #[arg(long, env = "BIHUAN_MAIL_IN", global = true, hide_env_values = true)]
    pub mail_in: Option<String>,
    /// Hard bounces after which nothing more is sent to an address
    #[arg(long, env = "BIHUAN_BOUNCE_LIMIT", global = true)]
    pub bounce_limit: Option<i64>,
    /// Mails an hour over SMTP; 0: as many as there are
    #[arg(long, env = "BIHUAN_MAIL_PER_HOUR", global = true)]
    pub mail_per_hour: Option<i64>,
    /// An administrator's API token of at least 32 characters, for provisioning and tests
    #[arg(
        long,
        env = "BIHUAN_ADMIN_TOKEN",
        global = true,
        hide_env_values = true
    )]
    pub admin_token: Option<String>,
    /// Voices older than this many days never raise anything
    #[arg(long, env = "BIHUAN_HISTORY_DAYS", global = true)]
    pub history_days: Option<i64>,
    /// Seals the secrets of plugins; at least 32 characters, the same for all replicas (default: the file
    /// secret.key in the data folder)
    #[arg(long, env = "BIHUAN_SECRET_KEY", global = true, hide_env_values = true)]
    pub secret_key: Option<String>,
    /// Folder that the Markdown knowledge base writes to
    #[arg(long, env = "BIHUAN_KNOWLEDGE_DIR", global = true)]
    pub knowledge_dir: Option<PathBuf>,
    /// Publish every proven article by itself (default: by hand)
    #[arg(long, env = "BIHUAN_PUBLISH", global = true)]
    pub publish: Option<bool>,
    /// Rehearsal: minutes that the program's clock is ahead of the machine's. Refused where mails leave this
    /// machine
    #[arg(
        long,
        env = "BIHUAN_CLOCK_AHEAD",
        global = true,
        allow_hyphen_values = true
    )]
    pub clock_ahead: Option<i64>,
    /// Logs as JSON
    #[arg(long, env = "BIHUAN_LOG_JSON", global = true)]
    pub log_json: Option<bool>,
    /// YAML file with these settings
    #[arg(long, env = "BIHUAN_CONFIG", global = true)]
    pub config: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Option<String>,
    data_dir: Option<PathBuf>,
    database_url: Option<String>,
    public_url: Option<String>,
    mail: Option<String>,
    mail_from: Option<String>,
    mail_reply_to: Option<String>,
    mail_in: Option<String>,
    bounce_limit: Option<i64>,
    mail_per_hour: Option<i64>,
    admin_token: Option<String>,
    history_days: Option<i64>,
    secret_key: Option<String>,
    knowledge_dir: Option<PathBuf>,
    publish: Option<bool>,
    clock_ahead: Option<i64>,
    log_json: Option<bool>,
}

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens.
    pub listen: String,
    /// Folder of the database.
    pub data_dir: PathBuf,
    database_url: Option<String>,
    /// What links in mails start with, without a slash at the end.
    pub public_url: String,
    /// `smtp://…` or `mailbox:`.
    pub mail: String,
    /// Sender of every mail.
    pub mail_from: String,
    /// Where answers go.
    pub mail_reply_to: Option<String>,
    /// The mailbox that answers come to; `None`: nobody reads them.
    pub mail_in: Option<String>,
    /// Hard bounces after which an address is closed.
    pub bounce_limit: i64,
    /// Mails an hour over SMTP; `None`: as many as there are.
    pub mail_per_hour: Option<i64>,
    /// An administrator's token.
    pub admin_token: Option<String>,
    /// Voices older than this never raise anything.
    pub history_days: i64,
    /// Seals the secrets of plugins; `None`: a file in the data folder does.
    pub secret_key: Option<String>,
    /// Folder of the Markdown knowledge base.
    pub knowledge_dir: PathBuf,
    /// Publish every proven article by itself.
    pub publish: bool,
    /// Minutes that the clock is ahead of the machine's: a rehearsal.
    pub clock_ahead: i64,
    /// Logs as JSON.
    pub log_json: bool,
}

impl Config {
    /// Puts the settings together. `listen` comes from the command that serves.
    pub fn load(flags: &Flags, listen: Option<String>) -> Result<Self, String> {
        let file = match &flags.config {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|e| format!("cannot read the config file {}: {e}", path.display()))?;
                serde_yaml_ng::from_str(&text)
                    .map_err(|e| format!("the config file {}: {e}", path.display()))?
            }
            None => File::default(),
        };
        let flags = flags.clone();
        let listen = listen
            .or(file.listen)
            .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let data_dir = flags
            .data_dir
            .or(file.data_dir)
            .unwrap_or_else(|| PathBuf::from("data"));
        let public_url = flags
            .public_url
            .or(file.public_url)
            .unwrap_or_else(|| format!("http://{listen}"))
            .trim_end_matches('/')
            .to_owned();
        if !(public_url.starts_with("http://") || public_url.starts_with("https://"))
            || public_url
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "<>\"'".contains(c))
        {
            return Err(
                "the public URL must start with http:// or https:// and be one word".to_owned(),
            );
        }
        let admin_token = flags
            .admin_token
            .or(file.admin_token)
            .filter(|t| !t.is_empty());
        if admin_token.as_ref().is_some_and(|t| t.len() < 32) {
            return Err("BIHUAN_ADMIN_TOKEN needs at least 32 characters".to_owned());
        }
        let secret_key = flags
            .secret_key
            .or(file.secret_key)
            .filter(|k| !k.is_empty());
        if secret_key.as_ref().is_some_and(|k| k.len() < 32) {
            return Err("BIHUAN_SECRET_KEY needs at least 32 characters".to_owned());
        }
        let history_days = flags.history_days.or(file.history_days).unwrap_or(2);
        if !(1..=3650).contains(&history_days) {
            return Err("history_days must be 1 to 3650".to_owned());
        }
        let clock_ahead = flags.clock_ahead.or(file.clock_ahead).unwrap_or(0);
        if !(-525_600..=5_256_000).contains(&clock_ahead) {
            return Err("clock_ahead must be -525600 to 5256000 minutes".to_owned());
        }
        let mail_from = flags
            .mail_from
            .or(file.mail_from)
            .unwrap_or_else(|| "bihuan@localhost".to_owned());
        let mail_reply_to = flags.mail_reply_to.or(file.mail_reply_to);
        for address in std::iter::once(&mail_from).chain(&mail_reply_to) {
            if !domain::organisation::is_email(address) {
                return Err(format!("{address:?} is not an e-mail address"));
            }
        }
        let bounce_limit = flags.bounce_limit.or(file.bounce_limit).unwrap_or(2);
        if !(1..=100).contains(&bounce_limit) {
            return Err("bounce_limit must be 1 to 100".to_owned());
        }
        let mail_per_hour = flags.mail_per_hour.or(file.mail_per_hour).unwrap_or(0);
        if !(0..=1_000_000).contains(&mail_per_hour) {
            return Err("mail_per_hour must be 0 to 1000000".to_owned());
        }
        Ok(Self {
            knowledge_dir: flags
                .knowledge_dir
                .or(file.knowledge_dir)
                .unwrap_or_else(|| data_dir.join("knowledge")),
            listen,
            data_dir,
            database_url: flags.database_url.or(file.database_url),
            public_url,
            mail: flags
                .mail
                .or(file.mail)
                .unwrap_or_else(|| "mailbox:".to_owned()),
            mail_from,
            mail_reply_to,
            mail_in: flags.mail_in.or(file.mail_in).filter(|m| !m.is_empty()),
            bounce_limit,
            mail_per_hour: (mail_per_hour > 0).then_some(mail_per_hour),
            admin_token,
            history_days,
            secret_key,
            publish: flags.publish.or(file.publish).unwrap_or(false),
            clock_ahead,
            log_json: flags.log_json.or(file.log_json).unwrap_or(false),
        })
    }

    /// The database's address.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data_dir.join("bihuan.db").display()))
    }

    /// Folder that must exist before SQLite opens its file.
    #[must_use]
    pub fn sqlite_folder(&self) -> Option<PathBuf> {
        let url = self.database_url();
        let path = url.strip_prefix("sqlite:")?.split('?').next()?;
        Path::new(path)
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .map(Path::to_path_buf)
    }

    /// Whether mails go to another machine.
    #[must_use]
    pub fn mail_leaves_machine(&self) -> bool {
        self.mail.starts_with("smtp")
    }

    /// Real mail with links that only this machine can open helps nobody.
    pub fn check_mail(&self) -> Result<(), String> {
        if self.clock_ahead != 0 && self.mail_leaves_machine() && !is_loopback(&self.mail) {
            return Err(
                "with another clock than the machine's (BIHUAN_CLOCK_AHEAD) people would get mails before \
                 their time: use BIHUAN_MAIL=mailbox:"
                    .to_owned(),
            );
        }
        if self.mail_leaves_machine() && is_loopback(&self.public_url) {
            return Err(format!(
                "mail goes out over SMTP, but the public address {} is this machine only: the links in the mails \
                 would not open. Set BIHUAN_PUBLIC_URL to the address under which departments reach this server, \
                 or BIHUAN_MAIL=mailbox: to keep mails here",
                self.public_url
            ));
        }
        Ok(())
    }
}

/// Whether an address leads to this machine only.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = if let Some(v6) = host.strip_prefix('[') {
        v6.split(']').next().unwrap_or_default()
    } else {
        host.split(':').next().unwrap_or_default()
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") || host.is_empty() {
        return true;
    }
    match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(v4)) => v4.is_loopback() || v4.is_unspecified(),
        Ok(std::net::IpAddr::V6(v6)) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_recognised() {
        for here in [
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://voc.localhost:1/x",
            "http://[::1]:8080",
            "http://0.0.0.0:80",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "https://voc.example.com",
            "http://10.0.0.5:8080",
            "http://[2001:db8::1]/",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn real_mail_with_links_to_this_machine_is_refused() {
        let flags = Flags {
            mail: Some("smtp://mail.example.com".into()),
            ..Flags::default()
        };
        assert!(Config::load(&flags, None).unwrap().check_mail().is_err());
        let flags = Flags {
            public_url: Some("https://voc.example.com/".into()),
            ..flags
        };
        let config = Config::load(&flags, None).unwrap();
        assert!(config.check_mail().is_ok());
        assert_eq!(config.public_url, "https://voc.example.com");
        assert!(
            Config::load(&Flags::default(), None)
                .unwrap()
                .check_mail()
                .is_ok()
        );
    }

    #[test]
    fn a_rehearsal_writes_to_nobody_outside() {
        let flags = Flags {
            clock_ahead: Some(60),
            public_url: Some("https://voc.example.com".into()),
            ..Flags::default()
        };
        let with = |mail: &str| {
            let mail = Some(mail.to_owned());
            Config::load(
                &Flags {
                    mail,
                    ..flags.clone()
                },
                None,
            )
            .unwrap()
        };
        assert!(with("smtp://mail.example.com").check_mail().is_err());
        assert!(
            with("smtp://u:p@127.0.0.1:2525?tls=none")
                .check_mail()
                .is_ok()
        );
        assert!(with("mailbox:").check_mail().is_ok());
        let far = Flags {
            clock_ahead: Some(i64::MAX),
            ..flags.clone()
        };
        assert!(Config::load(&far, None).is_err());
    }

    #[test]
    fn an_unknown_key_of_the_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bihuan.yaml");
        std::fs::write(&path, "listen: 127.0.0.1:1\nlissten: x\n").unwrap();
        let flags = Flags {
            config: Some(path),
            ..Flags::default()
        };
        let error = Config::load(&flags, None).unwrap_err();
        assert!(error.contains("lissten"), "{error}");
    }

    #[test]
    fn a_short_administrator_token_is_refused() {
        let flags = Flags {
            admin_token: Some("short".into()),
            ..Flags::default()
        };
        assert!(Config::load(&flags, None).is_err());
    }
}
