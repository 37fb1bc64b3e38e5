//! The granted mailbox, read over IMAP. No wasm here.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use async_imap::error::Error;
use async_imap::{Client, Session};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures_util::TryStreamExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use url::Host;

use crate::context::clean;
use crate::egress::{Dialer, HttpFault};
use crate::grant::{ImapGrant, ImapTls, Network};

/// Bytes of one mail that are read.
pub(crate) const MAIL_BYTES: u32 = 4 << 20;
/// Mails of one fetch.
pub(crate) const MAILS: u32 = 200;
/// Bytes of one fetch; at least one mail comes.
const FETCH_BYTES: usize = 16 << 20;
/// Bytes that one connection may bring: a server that sends without end is left.
const CONNECTION_BYTES: u64 = 64 << 20;
/// Time of one operation.
pub(crate) const OPERATION: Duration = Duration::from_secs(25);

/// Why there is no answer; follows `imap.imap-error` of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ImapFault {
    Denied(String),
    Connect(String),
    Auth(String),
    Protocol(String),
    Timeout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FolderState {
    pub uid_validity: u32,
    pub uid_next: u32,
    pub exists: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    pub uid: u32,
    pub received_at_ms: Option<i64>,
    pub raw: Vec<u8>,
    pub truncated: bool,
}

impl From<HttpFault> for ImapFault {
    fn from(fault: HttpFault) -> Self {
        match fault {
            HttpFault::Timeout => Self::Timeout,
            other => Self::Connect(other.to_string()),
        }
    }
}

impl From<Error> for ImapFault {
    fn from(error: Error) -> Self {
        match error {
            Error::ConnectionLost => Self::Connect("the server left".to_owned()),
            Error::Io(error) => Self::Connect(error.kind().to_string()),
            other => Self::Protocol(clean(&other.to_string())),
        }
    }
}

/// Any stream.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug> Stream for T {}

/// Ends after a number of bytes.
#[derive(Debug)]
struct Metered {
    inner: Box<dyn Stream>,
    left: u64,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(std::io::Error::other("the server sends without end")));
        }
        let before = buffer.filled().len();
        let done = Pin::new(&mut self.inner).poll_read(task, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        self.left = self.left.saturating_sub(read as u64);
        done
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(task, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(task)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(task)
    }
}

/// A mailbox with its connection, which is opened when it is first needed and closed with the call.
pub(crate) struct Mailbox {
    grant: ImapGrant,
    dialer: Arc<Dialer>,
    session: Option<Session<Metered>>,
}

impl Mailbox {
    pub(crate) fn new(grant: ImapGrant, dialer: Arc<Dialer>) -> Self {
        Self {
            grant,
            dialer,
            session: None,
        }
    }

    /// The connection, taken out: an operation puts it back when it ends well, so a connection is
    /// left after any error and any time-out.
    async fn ready(&mut self, folder: &str) -> Result<(Session<Metered>, String), ImapFault> {
        if !self.grant.folders.iter().any(|f| f == folder) {
            return Err(ImapFault::Denied(format!("the folder {:?}", clean(folder))));
        }
        let session = match self.session.take() {
            Some(session) => session,
            None => self.log_in().await?,
        };
        Ok((session, encoded(folder)))
    }

    async fn log_in(&self) -> Result<Session<Metered>, ImapFault> {
        let grant = &self.grant;
        let networks: Result<Vec<Network>, String> =
            grant.networks.iter().map(|n| n.parse()).collect();
        let networks = networks.map_err(ImapFault::Denied)?;
        if grant.tls == ImapTls::None && networks.is_empty() {
            return Err(ImapFault::Denied(
                "without TLS only in named networks".to_owned(),
            ));
        }
        let host = Host::parse(&grant.server).map_err(|e| ImapFault::Connect(e.to_string()))?;
        let host = match &host {
            Host::Domain(name) => Host::Domain(name.as_str()),
            Host::Ipv4(ip) => Host::Ipv4(*ip),
            Host::Ipv6(ip) => Host::Ipv6(*ip),
        };
        let stream = self.dialer.connect(&host, grant.port, &networks).await?;
        let metered = |inner: Box<dyn Stream>| Metered {
            inner,
            left: CONNECTION_BYTES,
        };
        let client = match grant.tls {
            ImapTls::Implicit => {
                let mut client =
                    Client::new(metered(Box::new(self.dialer.secure(stream, &host).await?)));
                greeting(&mut client).await?;
                client
            }
            ImapTls::None => {
                let mut client = Client::new(metered(Box::new(stream)));
                greeting(&mut client).await?;
                client
            }
            ImapTls::StartTls => {
                let mut client = Client::new(metered(Box::new(stream)));
                greeting(&mut client).await?;
                client.run_command_and_check_ok("STARTTLS", None).await?;
                // What came in the clear after the answer is dropped together with the buffer.
                let stream = client.into_inner().inner;
                Client::new(metered(Box::new(self.dialer.secure(stream, &host).await?)))
            }
        };
        let password = std::str::from_utf8(grant.password.expose())
            .map_err(|_| ImapFault::Auth("the password is no text".to_owned()))?;
        match client.login(&grant.user, password).await {
            Ok(session) => Ok(session),
            // The server's words may repeat what it was told.
            Err((Error::No(_) | Error::Bad(_), _)) => Err(ImapFault::Auth(
                "the server refused user or password".to_owned(),
            )),
            Err((error, _)) => Err(error.into()),
        }
    }

    pub(crate) async fn examine(&mut self, folder: &str) -> Result<FolderState, ImapFault> {
        let (mut session, folder) = self.ready(folder).await?;
        let found = session.examine(folder).await?;
        self.session = Some(session);
        let missing = |what: &str| ImapFault::Protocol(format!("the server tells no {what}"));
        Ok(FolderState {
            uid_validity: found.uid_validity.ok_or_else(|| missing("UIDVALIDITY"))?,
            uid_next: found.uid_next.ok_or_else(|| missing("UIDNEXT"))?,
            exists: found.exists,
        })
    }

    /// Ascending; at most `limit` above `after`.
    pub(crate) async fn fetch(
        &mut self,
        folder: &str,
        after: u32,
        limit: u32,
    ) -> Result<Vec<Mail>, ImapFault> {
        let (mut session, folder) = self.ready(folder).await?;
        session.examine(folder).await?;
        let mut mails: Vec<Mail> = Vec::new();
        if let Some(first) = after.checked_add(1) {
            // `n:*` names the last mail even when its uid is lower.
            let found = session.uid_search(format!("UID {first}:*")).await?;
            let mut uids: Vec<u32> = found.into_iter().filter(|uid| *uid > after).collect();
            uids.sort_unstable();
            uids.truncate(limit.clamp(1, MAILS) as usize);
            let mut bytes = 0;
            for uid in uids {
                let query = format!("(UID RFC822.SIZE INTERNALDATE BODY.PEEK[]<0.{MAIL_BYTES}>)");
                let parts: Vec<_> = session
                    .uid_fetch(uid.to_string(), query)
                    .await?
                    .try_collect()
                    .await?;
                // Gone between search and fetch: it is not there any more for anybody.
                let Some(part) = parts
                    .iter()
                    .find(|p| p.uid == Some(uid) && p.body().is_some())
                else {
                    continue;
                };
                let mut raw = part.body().unwrap_or_default().to_vec();
                let most = MAIL_BYTES as usize;
                let truncated =
                    raw.len() > most || part.size.is_some_and(|size| size as usize > raw.len());
                raw.truncate(most);
                if !mails.is_empty() && bytes + raw.len() > FETCH_BYTES {
                    break;
                }
                bytes += raw.len();
                mails.push(Mail {
                    uid,
                    received_at_ms: part.internal_date().map(|t| t.timestamp_millis()),
                    raw,
                    truncated,
                });
            }
        }
        self.session = Some(session);
        Ok(mails)
    }

    pub(crate) async fn mark_seen(&mut self, folder: &str, uids: &[u32]) -> Result<(), ImapFault> {
        let uids: Vec<String> = uids
            .iter()
            .filter(|u| **u > 0)
            .map(u32::to_string)
            .collect();
        let (mut session, folder) = self.ready(folder).await?;
        session.select(folder).await?;
        for some in uids.chunks(200) {
            let answers = session
                .uid_store(some.join(","), "+FLAGS.SILENT (\\Seen)")
                .await?;
            let _: Vec<_> = answers.try_collect().await?;
        }
        self.session = Some(session);
        Ok(())
    }
}

async fn greeting(client: &mut Client<Metered>) -> Result<(), ImapFault> {
    match client.read_response().await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(ImapFault::Connect(
            "the server left without a word".to_owned(),
        )),
        Err(error) => Err(ImapFault::Connect(error.kind().to_string())),
    }
}

/// A folder's name as IMAP writes it (RFC 3501, 5.1.3): base64 of UTF-16 for all but ASCII.
fn encoded(folder: &str) -> String {
    let mut out = String::new();
    let mut pending: Vec<u8> = Vec::new();
    let flush = |pending: &mut Vec<u8>, out: &mut String| {
        if !pending.is_empty() {
            out.push('&');
            out.push_str(&STANDARD_NO_PAD.encode(&pending).replace('/', ","));
            out.push('-');
            pending.clear();
        }
    };
    for c in folder.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut pending, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            pending.extend(
                c.encode_utf16(&mut units)
                    .iter()
                    .flat_map(|u| u.to_be_bytes()),
            );
        }
    }
    flush(&mut pending, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders_are_encoded() {
        assert_eq!(encoded("INBOX"), "INBOX");
        assert_eq!(encoded("A&B"), "A&-B");
        // The example of RFC 3501.
        assert_eq!(
            encoded("~peter/mail/台北/日本語"),
            "~peter/mail/&U,BTFw-/&ZeVnLIqe-"
        );
    }
}
