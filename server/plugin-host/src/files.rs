//! The granted folder: paths, limits and durable writes. Plain file system code, without wasm.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::FileGrant;

/// Deepest path below the root.
const MAX_PARTS: usize = 8;

/// Why a file operation has no result; follows `files.file-error` of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileFault {
    InvalidPath(String),
    TooLarge(u64),
    Io(String),
}

impl From<io::Error> for FileFault {
    fn from(error: io::Error) -> Self {
        // The kind only: the text of an error may hold host paths.
        Self::Io(error.kind().to_string())
    }
}

/// The whole file, or `None`.
pub(crate) fn read(grant: &FileGrant, path: &str) -> Result<Option<Vec<u8>>, FileFault> {
    let Some(target) = resolve(grant, path, false)? else {
        return Ok(None);
    };
    let file = match File::open(&target) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let mut content = Vec::new();
    file.take(grant.max_file_bytes + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > grant.max_file_bytes {
        return Err(FileFault::TooLarge(grant.max_file_bytes));
    }
    Ok(Some(content))
}

/// Replaces the file in one step: a reader, or a crash, sees the old or the new content, whole.
pub(crate) fn write(grant: &FileGrant, path: &str, content: &[u8]) -> Result<(), FileFault> {
    if content.len() as u64 > grant.max_file_bytes {
        return Err(FileFault::TooLarge(grant.max_file_bytes));
    }
    let Some(target) = resolve(grant, path, true)? else {
        return Err(FileFault::Io("no folder".to_owned()));
    };
    let folder = target.parent().unwrap_or(&grant.root);
    let temporary = folder.join(temporary_name()?);
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, &target)?;
        // The rename is durable only when the folder is.
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        // Nothing more can be done about a left-over.
        let _ = fs::remove_file(&temporary);
    }
    Ok(written?)
}

/// Whether there was a file.
pub(crate) fn remove(grant: &FileGrant, path: &str) -> Result<bool, FileFault> {
    let Some(target) = resolve(grant, path, false)? else {
        return Ok(false);
    };
    match fs::remove_file(&target) {
        Ok(()) => {
            File::open(target.parent().unwrap_or(&grant.root))?.sync_all()?;
            Ok(true)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e.into()),
    }
}

const TEMPORARY: &str = ".bihuan-";

fn temporary_name() -> Result<String, FileFault> {
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).map_err(|e| FileFault::Io(e.to_string()))?;
    Ok(format!("{TEMPORARY}{:016x}.tmp", u64::from_le_bytes(bytes)))
}

/// Host path of a guest's path. Every existing part is looked at without following links; only
/// somebody who may already write into the folder could swap a part between look and use.
/// `None`: a folder on the way does not exist (and `make` is false).
fn resolve(grant: &FileGrant, path: &str, make: bool) -> Result<Option<PathBuf>, FileFault> {
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() > MAX_PARTS || !parts.iter().all(|p| is_part(p)) {
        return Err(FileFault::InvalidPath(path.to_owned()));
    }
    if make {
        fs::create_dir_all(&grant.root)?;
    }
    // The root itself may be reached through links: it is the operator's choice.
    let mut at = match grant.root.canonicalize() {
        Ok(root) => root,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let (name, folders) = match parts.split_last() {
        Some((name, folders)) => (*name, folders),
        None => return Err(FileFault::InvalidPath(path.to_owned())),
    };
    for part in folders {
        at.push(part);
        match kind(&at)? {
            Some(Kind::Folder) => {}
            Some(_) => return Err(FileFault::InvalidPath(path.to_owned())),
            None if make => fs::create_dir(&at)?,
            None => return Ok(None),
        }
    }
    at.push(name);
    match kind(&at)? {
        None | Some(Kind::File) => Ok(Some(at)),
        Some(_) => Err(FileFault::InvalidPath(path.to_owned())),
    }
}

enum Kind {
    File,
    Folder,
    Other,
}

fn kind(path: &Path) -> Result<Option<Kind>, FileFault> {
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_file() => Ok(Some(Kind::File)),
        Ok(data) if data.is_dir() => Ok(Some(Kind::Folder)),
        Ok(_) => Ok(Some(Kind::Other)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn is_part(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 255
        && part != "."
        && part != ".."
        && !part.starts_with(TEMPORARY)
        && !part.contains(|c: char| c.is_control() || c == '\\' || c == ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> (tempfile::TempDir, FileGrant) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("kb");
        (
            folder,
            FileGrant {
                root,
                max_file_bytes: 16,
            },
        )
    }

    #[test]
    fn a_file_is_written_read_and_removed_in_folders_that_appear() {
        let (_keep, grant) = grant();
        assert_eq!(read(&grant, "a/文.md").unwrap(), None);
        write(&grant, "a/文.md", b"one").unwrap();
        write(&grant, "a/文.md", b"two").unwrap();
        assert_eq!(read(&grant, "a/文.md").unwrap().unwrap(), b"two");
        assert_eq!(
            fs::read_dir(grant.root.join("a")).unwrap().count(),
            1,
            "no temporary file is left"
        );
        assert!(remove(&grant, "a/文.md").unwrap());
        assert!(!remove(&grant, "a/文.md").unwrap());
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let (keep, grant) = grant();
        fs::write(keep.path().join("secret"), "s").unwrap();
        for path in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../secret",
            "a/../../secret",
            "./a",
            "a//b",
            "a/",
            "a\\b",
            "c:x",
            "a\0b",
            "a\nb",
            ".bihuan-1.tmp",
            "1/2/3/4/5/6/7/8/9",
            &"x".repeat(256),
        ] {
            assert!(
                matches!(read(&grant, path), Err(FileFault::InvalidPath(_))),
                "{path:?}"
            );
            assert!(
                matches!(write(&grant, path, b""), Err(FileFault::InvalidPath(_))),
                "{path:?}"
            );
            assert!(
                matches!(remove(&grant, path), Err(FileFault::InvalidPath(_))),
                "{path:?}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_never_followed() {
        let (keep, grant) = grant();
        fs::create_dir_all(&grant.root).unwrap();
        fs::write(keep.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(keep.path(), grant.root.join("out")).unwrap();
        std::os::unix::fs::symlink(keep.path().join("secret"), grant.root.join("file")).unwrap();
        for path in ["out/secret", "file", "out"] {
            assert!(
                matches!(read(&grant, path), Err(FileFault::InvalidPath(_))),
                "{path}"
            );
            assert!(
                matches!(write(&grant, path, b"x"), Err(FileFault::InvalidPath(_))),
                "{path}"
            );
        }
        assert_eq!(fs::read(keep.path().join("secret")).unwrap(), b"s");
    }

    #[test]
    fn size_limits_hold_both_ways() {
        let (_keep, grant) = grant();
        assert_eq!(write(&grant, "a", &[0; 17]), Err(FileFault::TooLarge(16)));
        write(&grant, "a", &[0; 16]).unwrap();
        fs::write(grant.root.join("b"), [0; 17]).unwrap();
        assert_eq!(read(&grant, "b"), Err(FileFault::TooLarge(16)));
    }
}
