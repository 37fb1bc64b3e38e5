//! A mailbox in memory.

use std::collections::{BTreeMap, BTreeSet};

use crate::bindings::powers::bihuan::plugin::imap::{FolderState, ImapError, Mail};

/// Folders by name.
#[derive(Debug, Clone, Default)]
pub struct Mailbox {
    /// Those that are granted.
    pub folders: BTreeMap<String, Folder>,
}

/// One folder.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Changes when the server numbers the mails anew.
    pub uid_validity: u32,
    /// Ascending by uid.
    pub mails: Vec<Mail>,
    /// Uids that were marked as read.
    pub seen: BTreeSet<u32>,
}

impl Folder {
    /// A folder that holds these messages (RFC 5322) with the uids 1, 2, 3 and so on.
    #[must_use]
    pub fn of(uid_validity: u32, messages: &[&[u8]]) -> Self {
        let mut folder = Self {
            uid_validity,
            ..Self::default()
        };
        for message in messages {
            folder.add(message, None);
        }
        folder
    }

    /// Puts a message in, as a server does when one arrives.
    pub fn add(&mut self, message: &[u8], received_at: Option<i64>) {
        self.mails.push(Mail {
            uid: self.mails.last().map_or(1, |m| m.uid + 1),
            received_at,
            raw: message.to_vec(),
            truncated: false,
        });
    }

    pub(crate) fn state(&self) -> FolderState {
        FolderState {
            uid_validity: self.uid_validity,
            uid_next: self.mails.last().map_or(1, |m| m.uid + 1),
            exists: u32::try_from(self.mails.len()).unwrap_or(u32::MAX),
        }
    }
}

impl Mailbox {
    /// With one folder, `INBOX`.
    #[must_use]
    pub fn inbox(folder: Folder) -> Self {
        Self {
            folders: BTreeMap::from([("INBOX".to_owned(), folder)]),
        }
    }

    pub(crate) fn folder(&mut self, name: &str) -> Result<&mut Folder, ImapError> {
        self.folders
            .get_mut(name)
            .ok_or_else(|| ImapError::Denied(format!("the folder {name} is not granted")))
    }
}
