//! The component over a real IMAP server, Debian's Dovecot: the host dials, logs in and fetches, the
//! component reads. Skipped by name where Dovecot is missing, a failure there when `CI=true`.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plugin_host::{
    Host, HostConfig, ImapGrant, ImapTls, Installation, Next, PluginError, PullMode, PullRequest,
    SecretValue,
};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PASSWORD: &str = "correct horse";

/// Dovecot with one mailbox of its own, on a port of its own.
struct Dovecot {
    child: Child,
    port: u16,
    home: tempfile::TempDir,
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Its master ends its children when it is asked to.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(&pid).status();
        let _ = self.child.wait();
    }
}

impl Dovecot {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name).display().to_string();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        for folder in ["run", "mail/cur", "mail/new", "mail/tmp"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        let told = |args: &[&str]| {
            let output = Command::new("id").args(args).output().unwrap().stdout;
            String::from_utf8(output).unwrap().trim().to_owned()
        };
        // Its log-in process refuses to be root; then the users of Debian's package do the work.
        let is_root = told(&["-u"]) == "0";
        let (user, group, login) = if is_root {
            (
                "dovecot".to_owned(),
                "dovecot".to_owned(),
                "dovenull".to_owned(),
            )
        } else {
            (told(&["-un"]), told(&["-gn"]), told(&["-un"]))
        };
        let who: &[&str] = if is_root { &["nobody"] } else { &[] };
        let (uid, gid) = (
            told(&[&["-u"], who].concat()),
            told(&[&["-g"], who].concat()),
        );
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if is_root {
            let owner = format!("{uid}:{gid}");
            let done = Command::new("chown")
                .args(["-R", &owner, &at("mail")])
                .status();
            assert!(done.unwrap().success());
        }
        fs::write(
            at("users"),
            format!("voc:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{}\n", at("")),
        )
        .unwrap();
        let config = format!(
            "base_dir = {run}\nstate_dir = {run}\nlog_path = {log}\nprotocols = imap\nlisten = 127.0.0.1\nssl = no\n\
             default_internal_user = {user}\ndefault_login_user = {login}\ndefault_internal_group = {group}\n\
             first_valid_uid = 0\nfirst_valid_gid = 0\nauth_mechanisms = plain\ndisable_plaintext_auth = no\n\
             mail_location = maildir:{mail}\n\
             passdb {{\n driver = passwd-file\n args = {users}\n}}\nuserdb {{\n driver = passwd-file\n args = {users}\n}}\n\
             namespace inbox {{\n inbox = yes\n}}\n\
             service imap-login {{\n chroot =\n inet_listener imap {{\n port = {port}\n }}\n inet_listener imaps {{\n port = 0\n }}\n}}\n\
             service anvil {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n",
            run = at("run"),
            log = at("log"),
            mail = at("mail"),
            users = at("users"),
        );
        fs::write(at("dovecot.conf"), config).unwrap();
        let child = Command::new(program().unwrap())
            .args(["-F", "-c", &at("dovecot.conf")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port, home };
        server.until_it_greets();
        server
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "waits for another process, on the test's own thread"
    )]
    fn until_it_greets(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                let mut greeting = [0u8; 4];
                stream
                    .set_read_timeout(Some(Duration::from_secs(5)))
                    .unwrap();
                if stream.read_exact(&mut greeting).is_ok() && &greeting == b"* OK" {
                    stream.write_all(b"a logout\r\n").unwrap();
                    return;
                }
            }
            let log = fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "Dovecot does not greet: {log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A mail arrives.
    fn deliver(&self, number: u32, text: &str) {
        let mail = format!(
            "From: Zhang <zhang@example.com>\r\nDate: Thu, 1 Jan 2026 09:30:00 +0800\r\n\
             Message-ID: <{number}@example.com>\r\nSubject: =?GBK?B?v+20+A==?=\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        );
        let folder = self.home.path().join("mail");
        let name = format!("17672256{number:02}.M{number}.test");
        fs::write(folder.join("tmp").join(&name), mail).unwrap();
        fs::rename(
            folder.join("tmp").join(&name),
            folder.join("new").join(&name),
        )
        .unwrap();
    }

    /// Mails that carry the flag `\Seen`.
    fn seen(&self) -> usize {
        let names = fs::read_dir(self.home.path().join("mail/cur"))
            .unwrap()
            .flatten();
        names
            .filter(|f| {
                let name = f.file_name().to_string_lossy().into_owned();
                name.rsplit_once(":2,")
                    .is_some_and(|(_, flags)| flags.contains('S'))
            })
            .count()
    }

    fn installation(&self, password: &str, settings: &str) -> Installation {
        Installation {
            id: "mail".to_owned(),
            settings: settings.to_owned(),
            imap: Some(ImapGrant {
                server: "127.0.0.1".to_owned(),
                port: self.port,
                tls: ImapTls::None,
                user: "voc".to_owned(),
                password: SecretValue::new(password.as_bytes().to_vec(), 1, Vec::new()),
                folders: vec!["INBOX".to_owned()],
                networks: vec!["127.0.0.0/8".to_owned()],
            }),
            ..Installation::default()
        }
    }
}

fn program() -> Option<PathBuf> {
    [
        "/usr/sbin/dovecot",
        "/usr/local/sbin/dovecot",
        "/usr/bin/dovecot",
    ]
    .map(PathBuf::from)
    .into_iter()
    .find(|p| p.is_file())
}

/// What stands in the way of this test here.
fn missing() -> Option<String> {
    let component = component();
    if program().is_none() {
        return Some("dovecot is not installed: apt install dovecot-imapd".to_owned());
    }
    (!component.is_file())
        .then(|| format!("{} is not built: cargo xtask plugins", component.display()))
}

fn component() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins/mailbox.wasm")
}

#[test]
fn mails_of_a_real_server_become_voices_once() {
    if let Some(why) = missing() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
        let _ = writeln!(std::io::stderr(), "skipped: dovecot: {why}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(story());
}

async fn story() {
    let server = Dovecot::start();
    let host = Host::new(HostConfig::default()).unwrap();
    let compiled = host.compile(fs::read(component()).unwrap()).await.unwrap();
    let stream = plugin_sdk::connector::stream_name("INBOX");
    let request = |cursor, max_items| PullRequest {
        stream: stream.clone(),
        mode: PullMode::Incremental,
        cursor,
        since_ms: None,
        until_ms: None,
        max_items,
    };
    let settings = r#"{"mark_seen": true}"#;
    let connector = host
        .connector(&compiled, server.installation(PASSWORD, settings))
        .unwrap();

    for number in 1..=5 {
        server.deliver(number, "宽带太慢");
    }
    let mut cursor = None;
    let mut ids = Vec::new();
    loop {
        let page = connector.pull(request(cursor, 2)).await.unwrap().value;
        assert!(page.items.len() <= 2);
        ids.extend(page.items.iter().map(|i| i.external_id.clone()));
        for item in &page.items {
            assert_eq!(item.text.as_deref(), Some("宽带太慢"));
            assert_eq!(item.title.as_deref(), Some("宽带"));
            assert_eq!(item.customer_ref.as_deref(), Some("zhang@example.com"));
        }
        cursor = Some(page.cursor);
        connector.ack(&page.ack_tokens).await.unwrap();
        if page.next != Next::More {
            break;
        }
    }
    ids.sort();
    let all: Vec<String> = (1..=5).map(|n| format!("{n}@example.com")).collect();
    assert_eq!(ids, all);
    assert_eq!(server.seen(), 5, "marked as read after they were kept");

    // Nothing new, then one more.
    let page = connector
        .pull(request(cursor.clone(), 100))
        .await
        .unwrap()
        .value;
    assert_eq!((page.items.len(), Some(&page.cursor)), (0, cursor.as_ref()));
    server.deliver(6, "还是慢");
    let page = connector
        .pull(request(cursor.clone(), 100))
        .await
        .unwrap()
        .value;
    assert_eq!(page.items[0].external_id, "6@example.com");

    // The server loses its numbering: start over, with the same identifiers.
    for entry in fs::read_dir(server.home.path().join("mail"))
        .unwrap()
        .flatten()
    {
        if entry.file_name().to_string_lossy().starts_with("dovecot") {
            let _ = fs::remove_file(entry.path());
        }
    }
    // Its number is the time in seconds: it must pass to be another one.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let renumbered = connector.pull(request(cursor, 100)).await.unwrap_err();
    assert!(
        matches!(&renumbered, PluginError::Failed(f) if f.code == "mailbox.renumbered"),
        "{renumbered}"
    );
    let again = connector.pull(request(None, 100)).await.unwrap().value;
    assert_eq!(again.items.len(), 6);

    // A wrong password is for a person, not for another try.
    let wrong = host
        .connector(&compiled, server.installation("wrong", "{}"))
        .unwrap();
    let refused = wrong.pull(request(None, 1)).await.unwrap_err();
    assert!(
        matches!(&refused, PluginError::Failed(f) if f.code == "imap.auth"),
        "{refused}"
    );
}
