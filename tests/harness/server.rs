//! The program under test: the built `bihuan`, started, stopped, killed and started again on the same data.

use crate::database::{Database, Engine, PostgresDatabase};
use crate::http::Caller;
use crate::smtp::Smtp;
use crate::wait::breathe;
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The administrator's token of every server here.
pub const ADMIN_TOKEN: &str = "test-administrator-token-of-more-than-32-characters";

/// What links in mails start with when mails really go out: no loopback address, those are refused.
pub const PUBLIC_URL: &str = "http://bihuan.test";

/// The program: `BIHUAN_BIN`, else what was built beside this test.
#[must_use]
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("BIHUAN_BIN") {
        return PathBuf::from(named);
    }
    let own = std::env::current_exe().expect("the test's own path");
    let built = own
        .parent()
        .and_then(Path::parent)
        .expect("target/debug")
        .join("bihuan");
    assert!(
        built.is_file(),
        "{} is not built: cargo build --package server",
        built.display()
    );
    built
}

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Options {
    engine: Engine,
    command: &'static str,
    settings: Vec<(String, String)>,
    args: Vec<String>,
}

impl Options {
    /// A server on `engine`, everything else as a newcomer has it.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            command: "serve",
            settings: Vec::new(),
            args: Vec::new(),
        }
    }

    /// With another command than `serve`.
    #[must_use]
    pub fn command(mut self, command: &'static str) -> Self {
        self.command = command;
        self
    }

    /// With a setting from the environment.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// With mails to that server.
    #[must_use]
    pub fn mail_to(self, smtp: &Smtp) -> Self {
        self.set("BIHUAN_MAIL", &smtp.url())
            .set("BIHUAN_PUBLIC_URL", PUBLIC_URL)
    }

    /// Starts it and waits until it is ready.
    #[must_use]
    pub fn start(self) -> Server {
        Server::with(self)
    }
}

/// A command of the program beside a server, on the same data.
#[derive(Debug)]
pub struct Command {
    inner: std::process::Command,
}

impl Command {
    /// The program with these arguments and none of our own settings.
    #[must_use]
    pub fn new(args: &[&str]) -> Self {
        let mut inner = std::process::Command::new(program());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BIHUAN_") {
                inner.env_remove(name);
            }
        }
        inner
            .args(args)
            .stdin(Stdio::null())
            .env("RUST_LOG", "info,bihuan=debug,server=debug");
        Self { inner }
    }

    /// With a setting from the environment.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.inner.env(name, value);
        self
    }

    /// In that folder.
    #[must_use]
    pub fn inside(mut self, folder: &Path) -> Self {
        self.inner.current_dir(folder);
        self
    }

    /// Runs it to its end.
    #[must_use]
    pub fn output(mut self) -> Output {
        self.inner.output().expect("the program starts")
    }

    /// Runs it to its end, which must be a success; answers what it printed, both streams.
    pub fn ok(self) -> String {
        let shown = format!("{:?}", self.inner);
        let output = self.output();
        let said = both(&output);
        assert!(
            output.status.success(),
            "{shown}: {}\n{said}",
            output.status
        );
        said
    }

    /// Runs it to its end, which must be a failure; answers what it printed, both streams.
    pub fn fails(self) -> String {
        let shown = format!("{:?}", self.inner);
        let output = self.output();
        let said = both(&output);
        assert!(!output.status.success(), "{shown}: succeeded\n{said}");
        said
    }

    /// Starts it with its output in a file.
    #[must_use]
    pub fn start(mut self, log: &Path) -> Child {
        let file = append(log);
        self.inner
            .stdout(file.try_clone().expect("a log"))
            .stderr(file)
            .spawn()
            .expect("the program starts")
    }
}

/// What a program printed, on both streams.
#[must_use]
pub fn both(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn append(path: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .expect("a log file")
}

/// A running server with data of its own; gone with them when dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    options: Options,
    // Dropped in this order: the program, its database, its folder.
    child: Option<Child>,
    database: Option<PostgresDatabase>,
    folder: TempDir,
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address")
}

impl Server {
    /// A fresh server on `engine`, ready.
    #[must_use]
    pub fn start(engine: Engine) -> Self {
        Options::new(engine).start()
    }

    fn with(options: Options) -> Self {
        let database = (options.engine == Engine::Postgres).then(PostgresDatabase::create);
        let folder = tempfile::Builder::new()
            .prefix("bihuan-test-")
            .tempdir()
            .expect("a folder");
        let mut server = Self {
            address: free_address(),
            options,
            child: None,
            database,
            folder,
        };
        // A port that was free a moment ago may be somebody else's now.
        for _ in 0..3 {
            if server.launch() {
                return server;
            }
            server.address = free_address();
        }
        panic!("no port could be had\n{}", server.log());
    }

    fn settings(&self) -> Vec<(String, String)> {
        let mut all = vec![
            (
                "BIHUAN_DATA_DIR".to_owned(),
                self.data_dir().display().to_string(),
            ),
            ("BIHUAN_ADMIN_TOKEN".to_owned(), ADMIN_TOKEN.to_owned()),
        ];
        if let Some(database) = &self.database {
            all.push(("BIHUAN_DATABASE_URL".to_owned(), database.url.clone()));
        }
        all.extend(self.options.settings.clone());
        all
    }

    /// Starts the program; `false` when the port was taken.
    fn launch(&mut self) -> bool {
        let listen = self.address.to_string();
        let mut args = vec![self.options.command, "--listen", &listen];
        args.extend(self.options.args.iter().map(String::as_str));
        let before = self.log().len();
        let mut command = Command::new(&args).inside(self.folder.path());
        for (name, value) in self.settings() {
            command = command.set(&name, &value);
        }
        let mut child = command.start(&self.log_file());
        let caller = Caller::anonymous(self.address);
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("a child") {
                let log = self.log();
                let said = log.get(before..).unwrap_or(&log);
                if said.to_lowercase().contains("in use") && said.contains(&listen) {
                    return false;
                }
                panic!("the server ended at once with {status}:\n{said}");
            }
            if caller
                .try_send("GET", "/readyz", None, b"")
                .is_ok_and(|r| r.status == 200)
            {
                self.child = Some(child);
                return true;
            }
            if started.elapsed() > Duration::from_secs(180) {
                let _ = child.kill();
                panic!(
                    "the server is not ready after {:?}:\n{}",
                    started.elapsed(),
                    self.log()
                );
            }
            breathe(Duration::from_millis(20));
        }
    }

    /// The folder of its data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for files of the test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// Everything that it and its commands have logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(self.log_file())
            .map(|b| String::from_utf8_lossy(&b).into_owned())
            .unwrap_or_default()
    }

    /// A setting that it was started with.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        let found = self.options.settings.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Which engine it runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.options.engine
    }

    /// Its database, opened beside it.
    #[must_use]
    pub fn database(&self) -> Database {
        match &self.database {
            Some(database) => Database::postgres(&database.url),
            None => Database::sqlite(&self.sqlite_file()),
        }
    }

    /// The file of its SQLite database.
    #[must_use]
    pub fn sqlite_file(&self) -> PathBuf {
        self.data_dir().join("bihuan.db")
    }

    /// The administrator.
    #[must_use]
    pub fn admin(&self) -> Caller {
        Caller::bearer(self.address, ADMIN_TOKEN)
    }

    /// Somebody without a name.
    #[must_use]
    pub fn anonymous(&self) -> Caller {
        Caller::anonymous(self.address)
    }

    /// Somebody with a fresh token of `role`.
    #[must_use]
    pub fn role(&self, role: &str) -> Caller {
        let body = json!({"name": format!("test {role}"), "role": role});
        let made = self.admin().post("/api/v1/tokens", &body).ok();
        Caller::bearer(self.address, made["token"].as_str().expect("a token"))
    }

    /// A command of the program on the data of this server.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(args).inside(self.folder.path());
        for (name, value) in self.settings() {
            command = command.set(&name, &value);
        }
        command
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server can be killed");
            child.wait().expect("the server ends");
        }
    }

    /// Asks it to stop, and answers how it ended.
    pub fn sigterm(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("a running server");
        let pid = child.id().to_string();
        let asked = std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill");
        assert!(asked.success(), "kill -TERM {pid}");
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("a child") {
                return status;
            }
            if started.elapsed() > Duration::from_secs(60) {
                let _ = child.kill();
                panic!("the server does not stop:\n{}", self.log());
            }
            breathe(Duration::from_millis(20));
        }
    }

    /// Starts it again on the same data and address.
    pub fn restart(&mut self) {
        self.kill9();
        for _ in 0..50 {
            if self.launch() {
                return;
            }
            breathe(Duration::from_millis(200));
        }
        panic!("the address {} is not free any more", self.address);
    }

    /// Starts it again with other settings on the same data and address.
    pub fn restart_with(&mut self, name: &str, value: &str) {
        self.options.settings.retain(|(n, _)| n != name);
        self.options
            .settings
            .push((name.to_owned(), value.to_owned()));
        self.restart();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            crate::report(&format!(
                "---- last lines of the log of {}:\n{last}\n----",
                self.address
            ));
        }
    }
}
