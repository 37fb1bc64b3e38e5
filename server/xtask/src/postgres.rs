//! A PostgreSQL of our own for one run: in a temporary folder, on a free loopback port, gone afterwards.
//!
//! It must go away however we end, also by Ctrl-C or a kill, and the standard library knows no
//! signals. So a small shell in a process group of its own waits at the end of a pipe: when we are
//! gone, for whatever reason, the pipe closes, and the shell stops the server and removes the folder.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::machine::{as_user, postgres_user};
use crate::report::say;
use crate::shell::{Failure, line, run};

/// Small, because a test machine is; durable, because kill tests count on what was acknowledged.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 32MB
max_wal_size = 256MB
fsync = on
synchronous_commit = on
log_min_messages = warning
";

/// A running server; dropping it stops it and removes its folder.
#[derive(Debug)]
pub(crate) struct Postgres {
    url: String,
    keeper: Child,
}

impl Postgres {
    /// Starts one from the programs in `programs`.
    pub(crate) fn start(programs: &Path) -> Result<Self, Failure> {
        let user = postgres_user();
        let folder = new_folder()?;
        let keeper = keep(programs, user, &folder)?;
        // From here on the keeper cleans up, whatever happens to us.
        let mut postgres = Self {
            url: String::new(),
            keeper,
        };
        if let Some(user) = user {
            run(Command::new("chown").arg(user).arg(&folder))?;
        }
        let data = folder.join("data");
        quietly(
            &folder,
            as_user(user, &programs.join("initdb"), &folder)
                .arg("--pgdata")
                .arg(&data)
                .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
                .args(["--locale=C", "--no-sync"]),
        )?;
        let mut settings = fs::OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))?;
        settings.write_all(SETTINGS.as_bytes())?;

        let log = folder.join("server.log");
        // A free port may be taken by somebody else before the server has it.
        let mut attempts = 3;
        let port = loop {
            let port = free_port()?;
            let started = quietly(
                &folder,
                as_user(user, &programs.join("pg_ctl"), &folder)
                    .arg("start")
                    .arg("--pgdata")
                    .arg(&data)
                    .arg("--log")
                    .arg(&log)
                    .args(["--wait", "--timeout=60", "--options"])
                    .arg(format!("-p {port}")),
            );
            attempts -= 1;
            match started {
                Ok(()) => break port,
                Err(_) if attempts > 0 => {}
                Err(failure) => {
                    let log = fs::read_to_string(&log).unwrap_or_default();
                    return Err(Failure::new(format!("{}\n{log}", failure.message)));
                }
            }
        };
        postgres.url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        say(&format!("    PostgreSQL of this run: {}", postgres.url));
        Ok(postgres)
    }

    /// Where it listens, as tests want it in `BIHUAN_TEST_POSTGRES`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Starts the shell that waits for our end.
fn keep(programs: &Path, user: Option<&str>, folder: &Path) -> Result<Child, Failure> {
    let script = r#"
        cat > /dev/null
        folder=$1
        shift
        # Again and again: what we had started last may still be starting, and writing.
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
            "$@" stop --pgdata "$folder/data" --mode immediate --wait
            rm -rf -- "$folder"
            [ -e "$folder" ] || break
            sleep 1
        done
    "#;
    let stop = as_user(user, &programs.join("pg_ctl"), folder);
    let mut keeper = Command::new("sh");
    keeper
        .args(["-c", script, "sh"])
        .arg(folder)
        .arg(stop.get_program())
        .args(stop.get_args())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut keeper, 0);
    Ok(keeper.spawn()?)
}

/// A new folder that nobody else uses.
fn new_folder() -> Result<PathBuf, Failure> {
    for n in 0..1_000 {
        let name = format!("bihuan-postgres-{}-{n}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new("no free name for a temporary folder"))
}

/// A TCP port of the loopback address that was free a moment ago.
fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Runs a talkative program and shows what it said only when it fails. Its output goes to a file
/// in `folder` rather than a pipe: the server it leaves behind would keep a pipe open.
fn quietly(folder: &Path, command: &mut Command) -> Result<(), Failure> {
    let shown = line(command);
    let path = folder.join("setup.log");
    let log = fs::File::create(&path)?;
    let status = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .status();
    let said = fs::read_to_string(&path).unwrap_or_default();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!(
            "`{shown}` ended with {status}:\n{said}"
        ))),
        Err(error) => Err(Failure::new(format!("cannot start `{shown}`: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::machine::postgres_programs;

    #[test]
    fn a_server_of_our_own_answers_and_leaves_nothing_behind() {
        let Some(programs) = postgres_programs() else {
            println!("skipped: there is no PostgreSQL to start");
            return;
        };
        let postgres = Postgres::start(&programs).unwrap();
        let port = postgres
            .url()
            .rsplit_once(':')
            .and_then(|(_, rest)| rest.split_once('/'))
            .map(|(port, _)| port.parse::<u16>().unwrap())
            .unwrap();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        let name = format!("bihuan-postgres-{}-0", std::process::id());
        let folder = std::env::temp_dir().join(name);
        assert!(folder.is_dir());
        drop(postgres);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(!folder.exists());
    }
}
