//! The one mailbox that an administrator granted. The host speaks IMAP; server, user and password
//! never come here.

pub use crate::bindings::powers::bihuan::plugin::imap::{FolderState, Mail};

use crate::bindings::powers::bihuan::plugin::imap::ImapError;
use crate::{Failure, failure};

/// How a folder stands.
///
/// # Errors
/// The host's refusal, in the class that fits.
pub fn examine(folder: &str) -> Result<FolderState, Failure> {
    raw::examine(folder).map_err(failed)
}

/// At most `limit` mails with a uid above `after`, ascending. Leaves them unread.
///
/// # Errors
/// The host's refusal, in the class that fits.
pub fn fetch(folder: &str, after: u32, limit: u32) -> Result<Vec<Mail>, Failure> {
    raw::fetch(folder, after, limit).map_err(failed)
}

/// Marks mails as read.
///
/// # Errors
/// The host's refusal, in the class that fits.
pub fn mark_seen(folder: &str, uids: &[u32]) -> Result<(), Failure> {
    raw::mark_seen(folder, uids).map_err(failed)
}

fn failed(error: ImapError) -> Failure {
    match error {
        ImapError::Denied(d) => failure::config("imap.denied", d),
        ImapError::Auth(d) => failure::config("imap.auth", d),
        ImapError::Connect(d) => failure::transient("imap.connect", d),
        ImapError::Protocol(d) => failure::transient("imap.protocol", d),
        ImapError::Timeout => failure::transient("imap.timeout", "the mail server is too slow"),
        ImapError::BudgetExceeded(d) => failure::internal("imap.budget_exceeded", d),
    }
}

#[cfg(target_arch = "wasm32")]
use crate::bindings::powers::bihuan::plugin::imap as raw;

#[cfg(not(target_arch = "wasm32"))]
mod raw {
    use super::{FolderState, ImapError, Mail};
    use crate::testing::{Mailbox, with};

    fn mailbox<T>(act: impl FnOnce(&mut Mailbox) -> Result<T, ImapError>) -> Result<T, ImapError> {
        with(|world| world.mailbox.as_mut().map(act))
            .flatten()
            .unwrap_or_else(|| Err(ImapError::Denied("no mailbox is granted".to_owned())))
    }

    pub(super) fn examine(folder: &str) -> Result<FolderState, ImapError> {
        mailbox(|m| m.folder(folder).map(|f| f.state()))
    }
    pub(super) fn fetch(folder: &str, after: u32, limit: u32) -> Result<Vec<Mail>, ImapError> {
        mailbox(|m| {
            Ok(m.folder(folder)?
                .mails
                .iter()
                .filter(|mail| mail.uid > after)
                .take(limit as usize)
                .cloned()
                .collect())
        })
    }
    pub(super) fn mark_seen(folder: &str, uids: &[u32]) -> Result<(), ImapError> {
        mailbox(|m| {
            m.folder(folder)?.seen.extend(uids);
            Ok(())
        })
    }
}
