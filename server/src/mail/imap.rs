//! The mailbox that answers come to, over IMAP (RFC 3501).
//!
//! Unlike what plugins do, this is the operator's own mailbox: it may stand in the intranet.

use async_imap::error::Error;
use async_imap::{Client, Session};
use domain::mail::RAW_LIMIT;
use futures_util::TryStreamExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto, pki_types::ServerName};
use url::Url;

/// Time of one operation.
const OPERATION: Duration = Duration::from_secs(60);
/// Bytes that are read of a mail that is too large: its header and the beginning of its text.
const HEAD: usize = 256 * 1024;

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    Implicit,
    StartTls,
    None,
}

/// The mailbox as the settings name it.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    host: String,
    port: u16,
    tls: Security,
    user: String,
    password: String,
    folder: String,
    /// Wait between two looks.
    pub every: Duration,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({})", self.name())
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            out.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).ok()
}

impl Account {
    /// `imaps://user:password@host:993/INBOX`, or `imap://…?tls=required|none`; `&every=15` sets the wait
    /// between two looks in seconds. Messages never hold the password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("BIHUAN_MAIL_IN: {what}");
        let url =
            Url::parse(text).map_err(|_| wrong("is not imaps://user:password@host:port/folder"))?;
        let implicit = match url.scheme() {
            "imaps" => true,
            "imap" => false,
            _ => return Err(wrong("must begin with imaps:// or imap://")),
        };
        let host = url
            .host_str()
            .filter(|h| !h.is_empty())
            .ok_or_else(|| wrong("names no host"))?
            .trim_matches(['[', ']'])
            .to_owned();
        let part = |text: &str| decoded(text).filter(|t| !t.chars().any(char::is_control));
        let user = part(url.username())
            .filter(|u| !u.is_empty())
            .ok_or_else(|| wrong("names no user (write @ in it as %40)"))?;
        let password = part(url.password().unwrap_or_default())
            .filter(|p| !p.is_empty())
            .ok_or_else(|| wrong("has no password"))?;
        let folder =
            part(url.path().trim_matches('/')).ok_or_else(|| wrong("the folder cannot be read"))?;
        if !folder.is_ascii() {
            return Err(wrong("a folder has an ASCII name here; INBOX is usual"));
        }
        let mut tls = if implicit {
            Security::Implicit
        } else {
            Security::StartTls
        };
        let mut every = Duration::from_secs(15);
        for (name, value) in url.query_pairs() {
            match (name.as_ref(), value.as_ref()) {
                ("tls", "required") if !implicit => tls = Security::StartTls,
                ("tls", "none") if !implicit => tls = Security::None,
                ("every", seconds) => {
                    let seconds = seconds
                        .parse()
                        .ok()
                        .filter(|s| (1..=3600).contains(s))
                        .ok_or_else(|| wrong("every is 1 to 3600 seconds"))?;
                    every = Duration::from_secs(seconds);
                }
                _ => {
                    return Err(wrong(
                        "only tls=required|none (imap://) and every=SECONDS are understood",
                    ));
                }
            }
        }
        Ok(Self {
            port: url.port().unwrap_or(if implicit { 993 } else { 143 }),
            folder: if folder.is_empty() {
                "INBOX".to_owned()
            } else {
                folder
            },
            host,
            tls,
            user,
            password,
            every,
        })
    }

    /// The mailbox's name: without the password.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}@{}:{}/{}", self.user, self.host, self.port, self.folder)
    }
}

/// Any stream.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug> Stream for T {}

type Wire = Box<dyn Stream>;

/// A mail as it stands on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its number in the mailbox.
    pub uid: u32,
    /// Its bytes on the server.
    pub size: u32,
    /// Its bytes, or the first ones of it.
    pub raw: Vec<u8>,
    /// Whether these are all.
    pub whole: bool,
}

/// An open mailbox.
pub struct Mailbox {
    session: Session<Wire>,
    folder: String,
}

/// For the operator; the server's words may repeat what it was told, so log-ins get none.
fn said(error: &Error) -> String {
    let text: String = match error {
        Error::Io(error) => error.kind().to_string(),
        other => other.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

async fn within<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
    match timeout(OPERATION, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(said(&error)),
        Err(_) => Err("the mail server does not answer".to_owned()),
    }
}

fn connector() -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn secure(stream: impl Stream + 'static, host: &str) -> Result<Wire, Error> {
    let io = |text: String| Error::Io(std::io::Error::other(text));
    let name = ServerName::try_from(host.to_owned()).map_err(|e| io(e.to_string()))?;
    let stream = connector().map_err(io)?.connect(name, stream).await?;
    Ok(Box::new(stream))
}

async fn greeting(client: &mut Client<Wire>) -> Result<(), Error> {
    match client.read_response().await? {
        Some(_) => Ok(()),
        None => Err(Error::ConnectionLost),
    }
}

impl Mailbox {
    /// Connects, logs in and says who is there: NetEase refuses to open a box to programs that do not
    /// (RFC 2971).
    pub async fn open(account: &Account) -> Result<Self, String> {
        let client = within(async {
            let tcp = TcpStream::connect((account.host.as_str(), account.port)).await?;
            let mut client = match account.tls {
                Security::Implicit => Client::new(secure(tcp, &account.host).await?),
                Security::StartTls | Security::None => Client::new(Box::new(tcp) as Wire),
            };
            greeting(&mut client).await?;
            if account.tls == Security::StartTls {
                client.run_command_and_check_ok("STARTTLS", None).await?;
                // What came in the clear after the answer is dropped together with the buffer.
                let stream = client.into_inner();
                client = Client::new(secure(stream, &account.host).await?);
            }
            Ok(client)
        })
        .await?;
        let session = match timeout(OPERATION, client.login(&account.user, &account.password)).await
        {
            Ok(Ok(session)) => session,
            Ok(Err((Error::No(_) | Error::Bad(_), _))) => {
                return Err("the mail server refused user or password".to_owned());
            }
            Ok(Err((error, _))) => return Err(said(&error)),
            Err(_) => return Err("the mail server does not answer".to_owned()),
        };
        let mut mailbox = Self {
            session,
            folder: account.folder.clone(),
        };
        let knows = within(mailbox.session.capabilities()).await?.has_str("ID");
        if knows {
            within(
                mailbox
                    .session
                    .id([("name", Some("bihuan")), ("version", Some("1"))]),
            )
            .await?;
        }
        Ok(mailbox)
    }

    /// Selects the folder anew, so that what has just come is seen; answers its UIDVALIDITY.
    pub async fn select(&mut self) -> Result<u32, String> {
        let found = within(self.session.select(&self.folder)).await?;
        found
            .uid_validity
            .ok_or_else(|| "the mail server tells no UIDVALIDITY".to_owned())
    }

    /// Numbers above `after`, ascending, at most 500.
    pub async fn after(&mut self, after: u32) -> Result<Vec<u32>, String> {
        let Some(first) = after.checked_add(1) else {
            return Ok(Vec::new());
        };
        let found = within(self.session.uid_search(format!("UID {first}:*"))).await?;
        // `n:*` names the last mail even when its number is lower.
        let mut uids: Vec<u32> = found.into_iter().filter(|uid| *uid > after).collect();
        uids.sort_unstable();
        uids.truncate(500);
        Ok(uids)
    }

    /// A mail; of one that is too large only the beginning. `None`: it is gone.
    pub async fn fetch(&mut self, uid: u32) -> Result<Option<Fetched>, String> {
        let sizes = within(async {
            self.session
                .uid_fetch(uid.to_string(), "(UID RFC822.SIZE)")
                .await?
                .try_collect::<Vec<_>>()
                .await
        })
        .await?;
        let Some(size) = sizes
            .iter()
            .find(|p| p.uid == Some(uid))
            .and_then(|p| p.size)
        else {
            return Ok(None);
        };
        let whole = size as usize <= RAW_LIMIT;
        let most = if whole { RAW_LIMIT } else { HEAD };
        let found = within(async {
            self.session
                .uid_fetch(uid.to_string(), format!("(UID BODY.PEEK[]<0.{most}>)"))
                .await?
                .try_collect::<Vec<_>>()
                .await
        })
        .await?;
        Ok(found
            .iter()
            .find(|p| p.uid == Some(uid))
            .and_then(|p| p.body())
            .map(|body| Fetched {
                uid,
                size,
                raw: body[..body.len().min(most)].to_vec(),
                whole,
            }))
    }

    /// Marks mails as read: a courtesy to people who look into the mailbox.
    pub async fn mark_seen(&mut self, uids: &[u32]) -> Result<(), String> {
        let list: Vec<String> = uids.iter().map(u32::to_string).collect();
        within(async {
            self.session
                .uid_store(list.join(","), "+FLAGS.SILENT (\\Seen)")
                .await?
                .try_collect::<Vec<_>>()
                .await
                .map(|_| ())
        })
        .await
    }

    /// Says good-bye.
    pub async fn close(mut self) {
        let _ = within(self.session.logout()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_from_addresses() {
        let account =
            Account::parse("imaps://voc%40example.com:p%3Aw%2Fd@imap.example.com").unwrap();
        assert_eq!(account.user, "voc@example.com");
        assert_eq!(account.password, "p:w/d");
        assert_eq!(
            (account.port, account.folder.as_str(), account.tls),
            (993, "INBOX", Security::Implicit)
        );
        let account = Account::parse("imap://u:p@127.0.0.1:1143/Tasks?tls=none&every=1").unwrap();
        assert_eq!(
            (account.port, account.tls, account.every.as_secs()),
            (1143, Security::None, 1)
        );
        assert_eq!(
            Account::parse("imap://u:p@h").unwrap().tls,
            Security::StartTls
        );
        assert_eq!(account.name(), "u@127.0.0.1:1143/Tasks");
        for wrong in [
            "imaps://h",
            "imaps://u@h",
            "imaps://u:@h",
            "pop://u:secret@h",
            "imaps://u:secret@h?tls=none",
            "imap://u:secret@h?every=0",
            "nonsense",
            "imaps://u:secret%0d%0aX@h",
        ] {
            let said = Account::parse(wrong).unwrap_err();
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn nobody_prints_the_password() {
        let account = Account::parse("imaps://u:secret@h").unwrap();
        assert!(!format!("{account:?}").contains("secret"));
    }
}
