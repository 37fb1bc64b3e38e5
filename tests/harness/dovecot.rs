//! A real IMAP server, Debian's Dovecot, with one mailbox in a temporary folder.

use crate::wait::breathe;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";

/// Dovecot with one mailbox of its own, on a port of its own.
pub struct Dovecot {
    child: Child,
    port: u16,
    home: TempDir,
    count: AtomicU64,
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Its master ends its children when it is asked to.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
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

/// What `id` answers.
pub(crate) fn told(args: &[&str]) -> String {
    let output = Command::new("id").args(args).output().expect("id").stdout;
    String::from_utf8_lossy(&output).trim().to_owned()
}

impl Dovecot {
    /// Starts one; `None`, said aloud, where Dovecot is not installed. With `CI=true` that is a failure.
    #[must_use]
    pub fn start(test: &str) -> Option<Self> {
        let Some(program) = program() else {
            let why = "dovecot is not installed: apt install dovecot-imapd";
            assert!(!crate::strict(), "{test}: {why}");
            crate::skipped(test, why);
            return None;
        };
        let home = tempfile::Builder::new()
            .prefix("bihuan-dovecot-")
            .tempdir()
            .expect("a folder");
        let at = |name: &str| home.path().join(name).display().to_string();
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .expect("a free port")
            .port();
        for folder in ["run", "mail/cur", "mail/new", "mail/tmp"] {
            fs::create_dir_all(at(folder)).expect("a folder");
        }
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
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        if is_root {
            let done = Command::new("chown")
                .args(["-R", &format!("{uid}:{gid}"), &at("mail")])
                .status();
            assert!(done.expect("chown").success());
        }
        fs::write(
            at("users"),
            format!("voc:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{}\n", at("")),
        )
        .expect("users");
        let config = format!(
            "base_dir = {run}\nstate_dir = {run}\nlog_path = {log}\nprotocols = imap\nlisten = 127.0.0.1\nssl = no\n\
             default_internal_user = {user}\ndefault_login_user = {login}\ndefault_internal_group = {group}\n\
             first_valid_uid = 0\nfirst_valid_gid = 0\nauth_mechanisms = plain\ndisable_plaintext_auth = no\n\
             mail_location = maildir:{mail}\nmail_max_userip_connections = 100\n\
             passdb {{\n driver = passwd-file\n args = {users}\n}}\nuserdb {{\n driver = passwd-file\n args = {users}\n}}\n\
             namespace inbox {{\n inbox = yes\n}}\n\
             service imap-login {{\n chroot =\n inet_listener imap {{\n port = {port}\n }}\n inet_listener imaps {{\n port = 0\n }}\n}}\n\
             service anvil {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n",
            run = at("run"),
            log = at("log"),
            mail = at("mail"),
            users = at("users"),
        );
        fs::write(at("dovecot.conf"), config).expect("a config");
        let child = Command::new(program)
            .args(["-F", "-c", &at("dovecot.conf")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dovecot starts");
        let server = Self {
            child,
            port,
            home,
            count: AtomicU64::new(0),
        };
        let started = Instant::now();
        while !server.greets() {
            let log = fs::read_to_string(server.home.path().join("log")).unwrap_or_default();
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "Dovecot does not greet: {log}"
            );
            breathe(Duration::from_millis(100));
        }
        Some(server)
    }

    fn greets(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        let mut greeting = [0_u8; 4];
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        stream.read_exact(&mut greeting).is_ok()
            && &greeting == b"* OK"
            && stream.write_all(b"a logout\r\n").is_ok()
    }

    /// The address for `BIHUAN_MAIL_IN`, looked at every second.
    #[must_use]
    pub fn url(&self) -> String {
        let password = PASSWORD.replace(' ', "%20");
        format!(
            "imap://voc:{password}@127.0.0.1:{}/INBOX?tls=none&every=1",
            self.port
        )
    }

    /// The folder of its mailbox.
    #[must_use]
    pub fn mail(&self) -> PathBuf {
        self.home.path().join("mail")
    }

    /// A mail arrives, as it is.
    pub fn deliver(&self, raw: &[u8]) {
        let n = self.count.fetch_add(1, Ordering::SeqCst);
        let name = format!("17672256{n:06}.M{n}.test");
        let (temporary, new) = (
            self.mail().join("tmp").join(&name),
            self.mail().join("new").join(&name),
        );
        fs::write(&temporary, raw).expect("a mail");
        fs::rename(temporary, new).expect("a mail");
    }

    /// Mails that carry the flag `\Seen`.
    #[must_use]
    pub fn seen(&self) -> usize {
        let names = fs::read_dir(self.mail().join("cur")).expect("a maildir");
        names
            .flatten()
            .filter(|f| {
                let name = f.file_name().to_string_lossy().into_owned();
                name.rsplit_once(":2,")
                    .is_some_and(|(_, flags)| flags.contains('S'))
            })
            .count()
    }

    /// The server loses its numbering: every mail gets a new UID under a new UIDVALIDITY.
    pub fn renumber(&self) {
        // Its number is the time in seconds: it must pass to be another one.
        breathe(Duration::from_millis(1100));
        for entry in fs::read_dir(self.mail()).expect("a maildir").flatten() {
            if entry.file_name().to_string_lossy().starts_with("dovecot") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
