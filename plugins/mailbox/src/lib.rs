//! Connector for one mailbox. The host speaks IMAP; here a message (RFC 5322, MIME) becomes a voice.

mod mail;

use plugin_sdk::connector::{
    Acker, Next, Page, PullRequest, Puller, Rejected, StreamSpec, stream_name,
};
use plugin_sdk::cursor::{Layout, expired};
use plugin_sdk::host::{self, imap};
use plugin_sdk::{CheckReport, Failure, Lifecycle, failure};
use serde::{Deserialize, Serialize};

/// Most mails of one page: each may be large.
const MAX_MAILS: u32 = 50;

/// The settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "inbox")]
    folders: Vec<String>,
    #[serde(default)]
    start: Start,
    #[serde(default)]
    mark_seen: bool,
    #[serde(default)]
    own_addresses: Vec<String>,
}

fn inbox() -> Vec<String> {
    vec!["INBOX".to_owned()]
}

/// Where a folder begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Start {
    /// With the oldest mail.
    #[default]
    All,
    /// Behind the newest.
    New,
}

/// The place in a folder.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    /// The server's numbering; another one makes `uid` meaningless.
    validity: u32,
    /// Everything up to here was read.
    uid: u32,
}

impl Layout for Place {
    const FORMAT: u32 = 1;
}

/// The connector with its settings.
#[derive(Debug)]
pub struct Mailbox {
    settings: Settings,
}

fn settings() -> Result<Settings, Failure> {
    let settings: Settings = host::config()?;
    if settings.folders.is_empty() || settings.folders.iter().any(|f| f.trim().is_empty()) {
        return Err(failure::config(
            "mailbox.folders",
            "folders: at least one, none empty",
        ));
    }
    Ok(settings)
}

impl Lifecycle for Mailbox {
    fn validate_config() -> Result<(), Failure> {
        settings().map(drop)
    }

    fn check() -> Result<CheckReport, Failure> {
        let settings = settings()?;
        let mut mails = 0;
        for folder in &settings.folders {
            mails += imap::examine(folder)?.exists;
        }
        Ok(CheckReport {
            ok: true,
            message: format!(
                "邮箱可以读取，共 {mails} 封。The mailbox can be read and holds {mails} mails."
            ),
            details: serde_json::json!({"mails": mails}),
        })
    }
}

impl Puller for Mailbox {
    fn open() -> Result<Self, Failure> {
        settings().map(|settings| Self { settings })
    }

    fn streams(&self) -> Result<Vec<StreamSpec>, Failure> {
        Ok(self
            .settings
            .folders
            .iter()
            .map(|folder| StreamSpec {
                name: stream_name(folder),
                title: format!("文件夹 Folder {folder}"),
            })
            .collect())
    }

    fn pull(&self, request: &PullRequest) -> Result<Page, Failure> {
        let folder = self
            .settings
            .folders
            .iter()
            .find(|folder| stream_name(folder) == request.stream_name)
            .ok_or_else(|| {
                failure::config("mailbox.folder", "the folder is not in the settings")
            })?;
        let state = imap::examine(folder)?;
        let last = state.uid_next.saturating_sub(1);
        let place = match Place::of(request.cursor.as_ref())? {
            Some(place) if place.validity != state.uid_validity => {
                // The server numbered the folder anew. Identifiers come from the mails themselves,
                // so reading it again doubles nothing.
                return Err(expired(
                    "mailbox.renumbered",
                    "the server numbered the folder anew",
                ));
            }
            Some(place) if place.uid > last => {
                return Err(expired(
                    "cursor.future",
                    "the stored place lies behind the last mail",
                ));
            }
            Some(place) => place,
            None => Place {
                validity: state.uid_validity,
                uid: match self.settings.start {
                    Start::All => 0,
                    Start::New => last,
                },
            },
        };
        let limit = request.max_items.clamp(1, MAX_MAILS);
        let mails = if place.uid < last {
            imap::fetch(folder, place.uid, limit)?
        } else {
            Vec::new()
        };
        let uid = mails.last().map_or(last, |mail| mail.uid).max(place.uid);
        let mut page = Page {
            items: Vec::new(),
            rejected: Vec::new(),
            cursor: Place {
                validity: place.validity,
                uid,
            }
            .to_cursor()?,
            next: if uid < last {
                Next::More
            } else {
                Next::Idle(None)
            },
            ack_tokens: Vec::new(),
        };
        for mail in &mails {
            match mail::read(mail, folder, &self.settings.own_addresses) {
                mail::Read::Voice(item) => page.items.push(*item),
                mail::Read::Own => {}
                mail::Read::Unreadable => page.rejected.push(Rejected {
                    external_id: Some(mail::identity(&mail.raw)),
                    raw: serde_json::json!({"folder": folder, "uid": mail.uid, "bytes": mail.raw.len()})
                        .to_string(),
                    failure: failure::invalid_input("mailbox.no_message", "this is no e-mail message"),
                }),
            }
            if self.settings.mark_seen {
                page.ack_tokens
                    .push(format!("{} {} {folder}", place.validity, mail.uid));
            }
        }
        // The same mail twice in one folder: a copy that somebody made.
        let mut seen = std::collections::BTreeSet::new();
        page.items
            .retain(|item| seen.insert(item.external_id.clone()));
        Ok(page)
    }
}

impl Acker for Mailbox {
    /// Marks mails as read, folder by folder; those of an older numbering are left alone.
    fn ack(tokens: &[String]) -> Result<(), Failure> {
        let mut folders: std::collections::BTreeMap<(&str, &str), Vec<u32>> = Default::default();
        for token in tokens {
            let mut parts = token.splitn(3, ' ');
            if let (Some(validity), Some(Ok(uid)), Some(folder)) =
                (parts.next(), parts.next().map(str::parse), parts.next())
            {
                folders.entry((folder, validity)).or_default().push(uid);
            }
        }
        for ((folder, validity), uids) in folders {
            if imap::examine(folder)?.uid_validity.to_string() == validity {
                imap::mark_seen(folder, &uids)?;
            }
        }
        Ok(())
    }
}

plugin_sdk::export!(acking_puller: Mailbox);
