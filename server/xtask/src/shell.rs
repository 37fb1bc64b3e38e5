//! Running other programs: shown before they run, and repeatable from what is shown.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::report::say;

/// Why a run ended: a sentence, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What went wrong.
    pub(crate) message: String,
    /// The command that repeats it, or the remedy.
    pub(crate) remedy: Option<String>,
}

impl Failure {
    /// A failure without a remedy of its own.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: None,
        }
    }

    /// Adds what to do about it.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// Runs a command to its end with our terminal; anything but success is a failure that shows how to
/// repeat it.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = line(command);
    say(&format!("    $ {shown}"));
    let status = command
        .status()
        .map_err(|error| Failure::new(format!("cannot start `{shown}`: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("the command ended with {status}"))
        .remedy(format!("to repeat it:\n    {shown}")))
}

/// Standard output of a command that succeeds, trimmed; `None` when it fails or does not exist.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let out = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    out.status
        .success()
        .then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// The command as a line for a POSIX shell, with its folder and the variables we set.
pub(crate) fn line(command: &Command) -> String {
    let mut text = String::new();
    if let Some(folder) = command.get_current_dir() {
        let _ = write!(text, "cd {} && ", quoted(folder.as_os_str()));
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            let _ = write!(text, "{}={} ", name.to_string_lossy(), quoted(value));
        }
    }
    text.push_str(&quoted(command.get_program()));
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&quoted(arg));
    }
    text
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The first executable of this name on `PATH`.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// `cargo`, the one that runs us where that is known, in the repository's root.
pub(crate) fn cargo(root: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root);
    command
}

/// `npm`, in the folder of a package.
pub(crate) fn npm(folder: &Path) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_command_can_be_pasted() {
        let mut command = Command::new("cargo");
        command
            .args(["test", "--", "it's", ""])
            .env("CHROMIUM", "/opt/my browser")
            .current_dir("/src/bihuan");
        assert_eq!(
            line(&command),
            r"cd /src/bihuan && CHROMIUM='/opt/my browser' cargo test -- 'it'\''s' ''"
        );
    }

    #[test]
    fn failure_shows_how_to_repeat() {
        let failed = run(Command::new("sh").args(["-c", "exit 3"]));
        let failure = failed.unwrap_err();
        assert!(failure.message.contains('3'), "{}", failure.message);
        assert!(failure.remedy.is_some_and(|r| r.contains("sh -c 'exit 3'")));
    }

    #[test]
    fn a_program_that_is_not_there_is_no_success() {
        assert!(run(&mut Command::new("no-such-program-of-ours")).is_err());
        assert_eq!(output(&mut Command::new("no-such-program-of-ours")), None);
        assert_eq!(which("no-such-program-of-ours"), None);
    }

    #[test]
    fn output_is_trimmed_and_only_of_success() {
        let out = output(Command::new("sh").args(["-c", "echo ' 7 '"]));
        assert_eq!(out.as_deref(), Some("7"));
        assert_eq!(
            output(Command::new("sh").args(["-c", "echo 7; false"])),
            None
        );
    }
}
