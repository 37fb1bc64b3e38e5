//! A real mail server, Debian's Postfix, in a temporary folder: it takes mails over SMTP, writes names of
//! its own into them as some relays do, and lays them into mailboxes, one of which Dovecot serves.

use crate::Letter;
use crate::dovecot::{self, Dovecot};
use crate::wait::breathe;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PROGRAM: &str = "/usr/sbin/postfix";

/// What Postfix writes in front of every Message-ID.
pub const RENAMED: &str = "renamed.";

/// Postfix with a configuration, a queue and a port of its own.
pub struct Postfix {
    port: u16,
    home: TempDir,
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = self.command("stop").output();
    }
}

impl Postfix {
    /// Starts one in front of `dovecot`; mails to `inbox` go to its mailbox, those to `people` to folders.
    /// Whoever else is written to does not exist: the mail is taken and comes back as a report. `None`,
    /// said aloud, where Postfix cannot run. With `CI=true` that is a failure.
    #[must_use]
    pub fn start(test: &str, dovecot: &Dovecot, inbox: &str, people: &[&str]) -> Option<Self> {
        let missing = if !Path::new(PROGRAM).is_file() {
            Some("postfix is not installed: apt install postfix")
        } else if dovecot::told(&["-u"]) != "0" {
            Some("postfix gives its rights away, so it must be started by root")
        } else {
            None
        };
        if let Some(why) = missing {
            assert!(!crate::strict(), "{test}: {why}");
            crate::skipped(test, why);
            return None;
        }
        let home = tempfile::Builder::new()
            .prefix("bihuan-postfix-")
            .tempdir()
            .expect("a folder");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let at = |name: &str| home.path().join(name).display().to_string();
        for folder in ["etc", "queue", "data", "people"] {
            fs::create_dir_all(at(folder)).expect("a folder");
        }
        let (uid, gid) = (
            dovecot::told(&["-u", "nobody"]),
            dovecot::told(&["-g", "nobody"]),
        );
        for (owner, folder) in [("postfix", "data"), (uid.as_str(), "people")] {
            let done = Command::new("chown").args([owner, &at(folder)]).status();
            assert!(done.expect("chown").success());
        }
        let domain = inbox.rsplit_once('@').expect("an address").1;
        // Paths of mailboxes count from the root of the file system.
        let mut boxes = format!("{inbox} {}/\n", &dovecot.mail().display().to_string()[1..]);
        for person in people {
            boxes.push_str(&format!("{person} {}/{person}/\n", &at("people")[1..]));
        }
        fs::write(at("etc/boxes"), boxes).expect("mailboxes");
        fs::write(
            at("etc/headers"),
            format!("/^Message-ID: *<(.*)>/ REPLACE Message-ID: <{RENAMED}$1>\n"),
        )
        .expect("header checks");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .expect("a free port")
            .port();
        fs::write(
            at("etc/main.cf"),
            format!(
                "compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\n\
                 maillog_file = {log}\nmaillog_file_prefixes = {home}\nmail_owner = postfix\nsetgid_group = postdrop\n\
                 myhostname = mx.{domain}\nmydestination =\nlocal_recipient_maps =\nalias_maps =\nalias_database =\n\
                 inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\n\
                 default_transport = error:5.1.2 nothing leaves this machine\n\
                 relay_transport = error:5.1.2 nothing leaves this machine\nsmtpd_reject_unlisted_recipient = no\n\
                 virtual_mailbox_domains = {domain}\nvirtual_mailbox_base = /\nvirtual_mailbox_maps = texthash:{boxes}\n\
                 virtual_minimum_uid = 1\nvirtual_uid_maps = static:{uid}\nvirtual_gid_maps = static:{gid}\n\
                 virtual_mailbox_limit = 0\nheader_checks = regexp:{headers}\nsmtputf8_enable = no\n",
                queue = at("queue"),
                data = at("data"),
                log = at("queue/log"),
                home = home.path().display(),
                boxes = at("etc/boxes"),
                headers = at("etc/headers"),
            ),
        )
        .expect("a config");
        fs::write(
            at("etc/master.cf"),
            format!(
                "127.0.0.1:{port} inet n - n - - smtpd\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n\
                 rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\n\
                 error unix - - n - - error\nretry unix - - n - - error\nvirtual unix - n n - - virtual\n\
                 anvil unix - - n - 1 anvil\nproxymap unix - - n - - proxymap\ntlsmgr unix - - n 1000? 1 tlsmgr\n\
                 postlog unix-dgram n - n - 1 postlogd\nshowq unix n - n - - showq\n"
            ),
        )
        .expect("services");
        let server = Self { port, home };
        server.go_on();
        Some(server)
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("-c").arg(self.home.path().join("etc"));
        command.arg(what);
        command
    }

    /// What it said of itself.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("queue/log")).unwrap_or_default()
    }

    /// Stops it: connections are refused.
    pub fn pause(&self) {
        let done = self.command("stop").output().expect("postfix");
        assert!(done.status.success(), "{}", self.log());
    }

    /// Starts it, for the first time or again.
    pub fn go_on(&self) {
        let done = self.command("start").output().expect("postfix");
        assert!(done.status.success(), "{}", self.log());
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "Postfix does not listen: {}",
                self.log()
            );
            breathe(Duration::from_millis(50));
        }
    }

    /// The address for `BIHUAN_MAIL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}?tls=none", self.port)
    }

    /// What lies in the mailbox of one of its people, oldest first.
    #[must_use]
    pub fn letters_to(&self, person: &str) -> Vec<Letter> {
        let folder = self.home.path().join("people").join(person).join("new");
        let mut files: Vec<PathBuf> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|f| f.path())
            .collect();
        files.sort_by_key(|f| (fs::metadata(f).and_then(|m| m.modified()).ok(), f.clone()));
        files
            .iter()
            .map(|file| {
                let kept = fs::read_to_string(file).expect("a mail");
                Letter::kept(person, kept.replace('\n', "\r\n").into_bytes())
            })
            .collect()
    }

    /// A client hands it a mail, whole and as it is.
    pub fn submit(&self, from: &str, to: &str, raw: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        let mut lines = BufReader::new(stream.try_clone().expect("a connection"));
        let mut answer = |expected: &str| {
            loop {
                let mut line = String::new();
                lines.read_line(&mut line).expect("an answer");
                assert!(line.starts_with(expected), "{expected} expected: {line}");
                if line.as_bytes().get(3) != Some(&b'-') {
                    return;
                }
            }
        };
        answer("220");
        let said = [
            ("EHLO client.example".to_owned(), "250"),
            (format!("MAIL FROM:<{from}> BODY=8BITMIME"), "250"),
            (format!("RCPT TO:<{to}>"), "250"),
            ("DATA".to_owned(), "354"),
        ];
        for (line, expected) in said {
            write!(stream, "{line}\r\n").expect("a command");
            answer(expected);
        }
        let mut body = Vec::new();
        for line in raw.split(|b| *b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.starts_with(b".") {
                body.push(b'.');
            }
            body.extend_from_slice(line);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b".\r\n");
        stream.write_all(&body).expect("a mail");
        answer("250");
    }
}
