//! What this machine has, what the tests want of it beyond Rust and Node, and how it gets there.

use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::products::{node_problem, node_remedy};
use crate::report::{Outcome, say};
use crate::shell::{Failure, output, run, which};

/// Something from apt that tests want.
struct Wish {
    package: &'static str,
    what_for: &'static str,
    is_there: fn() -> bool,
}

const WISHES: [Wish; 4] = [
    Wish {
        package: "chromium",
        what_for: "the browser test of the console",
        is_there: || chromium().is_some(),
    },
    Wish {
        package: "postgresql",
        what_for: "every storage and journey test once more on PostgreSQL",
        is_there: || postgres_programs().is_some(),
    },
    Wish {
        package: "dovecot-imapd",
        what_for: "the test of the mailbox connector against a real server",
        is_there: || Path::new("/usr/sbin/dovecot").is_file() || which("dovecot").is_some(),
    },
    Wish {
        package: "postfix",
        what_for: "the test of mails that go through a real server and come back",
        is_there: || Path::new("/usr/sbin/postfix").is_file(),
    },
];

/// Whether a missing thing is a failure: `CI=true` alone decides.
pub(crate) fn strict() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Whether we run as root.
pub(crate) fn is_root() -> bool {
    cfg!(unix) && output(Command::new("id").arg("-u")).is_some_and(|id| id == "0")
}

/// The browser for tests: the one named by `CHROMIUM`, else Debian's.
pub(crate) fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let debian = PathBuf::from("/usr/bin/chromium");
    if debian.is_file() {
        return Some(debian);
    }
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(which)
}

/// The folder with `initdb` and `pg_ctl`: Debian keeps them off `PATH`, one folder a version.
pub(crate) fn postgres_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok();
    let folders = versions.into_iter().flatten().flatten().map(|e| e.path());
    newest(folders).or_else(|| {
        let initdb = which("initdb")?;
        let folder = initdb.parent()?;
        folder
            .join("pg_ctl")
            .is_file()
            .then(|| folder.to_path_buf())
    })
}

/// Of folders named by version the highest that holds a server.
fn newest(versions: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    versions
        .filter(|folder| folder.join("bin/initdb").is_file())
        .max_by_key(|folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            // 9.6 before 10: compare numbers, not letters.
            let parts = name.split('.').map(|part| part.parse().unwrap_or(0));
            parts.collect::<Vec<u32>>()
        })
        .map(|folder| folder.join("bin"))
}

/// What happens about packages that are missing.
#[derive(Debug, PartialEq, Eq)]
enum Consent {
    Install,
    Ask,
    LeaveOut,
}

fn consent(yes: bool, strict: bool, root: bool, terminal: bool) -> Consent {
    match (yes || strict || root, terminal) {
        (true, _) => Consent::Install,
        (false, true) => Consent::Ask,
        (false, false) => Consent::LeaveOut,
    }
}

/// Names what is missing, installs it where that is allowed, and says what will be left out.
pub(crate) fn ensure(yes: bool) -> Result<Outcome, Failure> {
    if let Some(problem) = node_problem() {
        if strict() {
            return Err(Failure::new(problem).remedy(node_remedy()));
        }
        say(&format!(
            "    {problem}: the console's checks will be skipped; {}",
            node_remedy()
        ));
    }
    let missing: Vec<_> = WISHES.iter().filter(|wish| !(wish.is_there)()).collect();
    if missing.is_empty() {
        say("    everything is there");
        return Ok(Outcome::Done);
    }
    for wish in &missing {
        say(&format!(
            "    missing: {} (for {})",
            wish.package, wish.what_for
        ));
    }
    let packages: Vec<_> = missing.iter().map(|wish| wish.package).collect();
    let install = match consent(yes, strict(), is_root(), std::io::stdin().is_terminal()) {
        Consent::Install => true,
        Consent::Ask => agreed(&packages)?,
        Consent::LeaveOut => false,
    };
    let installed = if install { apt(&packages) } else { Ok(()) };
    let absent: Vec<_> = missing
        .iter()
        .filter(|wish| !(wish.is_there)())
        .map(|wish| wish.package)
        .collect();
    if absent.is_empty() {
        return Ok(Outcome::Done);
    }
    if strict() || yes {
        installed?;
        return Err(Failure::new(format!(
            "still missing: {}",
            absent.join(", ")
        )));
    }
    if let Err(failure) = installed {
        say(&format!("    {}", failure.message));
    }
    Ok(Outcome::Skipped(format!(
        "without {}; install by hand or run `cargo xtask test --yes`",
        absent.join(", ")
    )))
}

fn agreed(packages: &[&str]) -> Result<bool, Failure> {
    let mut terminal = std::io::stderr();
    write!(
        terminal,
        "    apt-get install {}? [y/N] ",
        packages.join(" ")
    )?;
    terminal.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "j" | "是"))
}

fn apt(packages: &[&str]) -> Result<(), Failure> {
    if which("apt-get").is_none() {
        return Err(Failure::new(format!(
            "there is no apt-get here: install {} by other means",
            packages.join(", ")
        )));
    }
    let apt_get = || {
        let mut command = if is_root() {
            Command::new("env")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.arg("env");
            sudo
        };
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    };
    run(apt_get().arg("update"))?;
    run(apt_get()
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages))
}

/// The user that runs PostgreSQL for us: `None` when it is ourselves, for the server refuses root.
pub(crate) fn postgres_user() -> Option<&'static str> {
    if !is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let packaged = users.lines().any(|line| line.starts_with("postgres:"));
    Some(if packaged { "postgres" } else { "nobody" })
}

/// `program` as that user, in a folder which that user may enter.
pub(crate) fn as_user(user: Option<&str>, program: &Path, folder: &Path) -> Command {
    let mut command = match user {
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.current_dir(folder);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_surprised_by_an_installation() {
        assert_eq!(consent(false, false, false, true), Consent::Ask);
        assert_eq!(consent(false, false, false, false), Consent::LeaveOut);
        for (yes, ci, root) in [
            (true, false, false),
            (false, true, false),
            (false, false, true),
        ] {
            assert_eq!(consent(yes, ci, root, true), Consent::Install);
            assert_eq!(consent(yes, ci, root, false), Consent::Install);
        }
    }

    #[test]
    fn the_newest_server_is_taken_by_number() {
        let base = std::env::temp_dir().join(format!("xtask-{}-versions", std::process::id()));
        for version in ["9.6", "15", "17"] {
            fs::create_dir_all(base.join(version).join("bin")).unwrap();
        }
        for version in ["9.6", "15"] {
            fs::write(base.join(version).join("bin/initdb"), "").unwrap();
        }
        let found = newest(["9.6", "17", "15"].map(|v| base.join(v)).into_iter());
        assert_eq!(
            found,
            Some(base.join("15/bin")),
            "17 holds only client programs"
        );
        fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn another_user_only_where_one_is_named() {
        let program = Path::new("/opt/pg/initdb");
        let plain = as_user(None, program, Path::new("/"));
        assert_eq!(plain.get_program(), program);
        let other = as_user(Some("postgres"), program, Path::new("/"));
        let args: Vec<_> = other.get_args().collect();
        assert_eq!(other.get_program(), "runuser");
        assert_eq!(args, ["-u", "postgres", "--", "/opt/pg/initdb"]);
    }
}
