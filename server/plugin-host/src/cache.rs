//! Machine code kept between two starts, so that a restart compiles nothing.
//!
//! One file for each component and kind of engine:
//!
//! ```text
//! "bihuan-cwasm-v2\n" │ HMAC-SHA256, 32 bytes │ length of the inspection, u32 le │ inspection, JSON │ code
//! ```
//!
//! wasmtime trusts machine code, so a file is worth as much as its record: the HMAC covers what
//! the code was made for, the component, the inspection and the code, and it is checked over the
//! very bytes in memory that are loaded then. Whatever is wrong with a file, the component is
//! compiled again; a file is never a reason to fail. The megabytes are hashed with BLAKE3, three times as fast as
//! SHA-256, which the HMAC over those few digests keeps.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ring::digest::{Context, Digest, SHA256};
use ring::hmac;
use wasmtime::Engine;

use crate::Inspection;
use crate::compile::{Artifact, Code};

const MAGIC: &[u8; 16] = b"bihuan-cwasm-v2\n";
/// Bytes before the inspection.
const HEAD: usize = MAGIC.len() + 32 + 4;
/// Largest file that is looked at, in bytes.
const MAX_FILE: u64 = 512 << 20;
/// Bytes of all files; the oldest go first.
const MAX_ALL: u64 = 2 << 30;

/// Where machine code is kept, and the key that says it is ours.
#[derive(Clone)]
pub struct CacheConfig {
    /// A folder of its own, made with mode 0700 when it is missing.
    pub dir: PathBuf,
    /// Secret of this installation. Whoever has it can make the host run any machine code.
    pub key: [u8; 32],
}

impl std::fmt::Debug for CacheConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheConfig")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl CacheConfig {
    /// The folder `plugin-cache` of a data directory, with the key in `plugin-cache.key` beside it
    /// (mode 0600), which is drawn when it is missing.
    ///
    /// # Errors
    /// When the directory cannot be written or the key file is not 32 bytes of our own.
    pub fn in_data_dir(data_dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(data_dir)?;
        let file = data_dir.join("plugin-cache.key");
        let key = match read_key(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                draw_key(data_dir, &file)?;
                read_key(&file)?
            }
            other => other?,
        };
        Ok(Self {
            dir: data_dir.join("plugin-cache"),
            key,
        })
    }
}

fn read_key(file: &Path) -> io::Result<[u8; 32]> {
    let mut opened = open_own(file)?;
    let mut key = [0; 32];
    opened.read_exact(&mut key)?;
    Ok(key)
}

/// Draws a key; when another process is quicker, its key stays.
fn draw_key(data_dir: &Path, file: &Path) -> io::Result<()> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|e| io::Error::other(e.to_string()))?;
    let temporary = write_temporary(data_dir, &[&key])?;
    // A link never replaces a file, and the key in it is whole from the first moment.
    let linked = fs::hard_link(&temporary, file);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Opens a file that only we can have written, following no link.
fn open_own(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    let file = options.open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("not a file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if about.mode() & 0o022 != 0 {
            return Err(io::Error::other("others can write it"));
        }
    }
    Ok(file)
}

/// A new file of mode 0600 under a name that nobody knows.
fn write_temporary(dir: &Path, parts: &[&[u8]]) -> io::Result<PathBuf> {
    let mut name = [0; 8];
    getrandom::fill(&mut name).map_err(|e| io::Error::other(e.to_string()))?;
    let path = dir.join(format!(".new-{}", hex(&name)));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&path)?;
    let written = parts.iter().try_for_each(|part| file.write_all(part));
    if let Err(error) = written {
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    Ok(path)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The cache of one host.
pub(crate) struct Cache {
    dir: PathBuf,
    key: hmac::Key,
    /// Digest of everything that the code is made for.
    made_for: Digest,
}

/// Feeds what wasmtime hashes into SHA-256: 64 bits are no proof.
struct Feed(Context);

impl Hasher for Feed {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

impl Cache {
    pub(crate) fn open(config: &CacheConfig, engine: &Engine) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        match builder.create(&config.dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let about = fs::symlink_metadata(&config.dir)?;
        if !about.is_dir() {
            return Err(io::Error::other(format!(
                "{} is no folder",
                config.dir.display()
            )));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Fails for a folder of another user, which is then not used.
            fs::set_permissions(&config.dir, fs::Permissions::from_mode(0o700))?;
        }
        let mut feed = Feed(Context::new(&SHA256));
        // Holds wasmtime's version, the target and its processor features, and every setting
        // that changes code.
        engine.precompile_compatibility_hash().hash(&mut feed);
        for more in [
            std::env::consts::ARCH,
            std::env::consts::OS,
            env!("CARGO_PKG_VERSION"),
        ] {
            feed.0.update(more.as_bytes());
        }
        Ok(Self {
            dir: config.dir.clone(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &config.key),
            made_for: feed.0.finish(),
        })
    }

    fn path(&self, component: &blake3::Hash) -> PathBuf {
        let made_for = self.made_for.as_ref();
        let made_for = hex(made_for.get(..8).unwrap_or(made_for));
        self.dir
            .join(format!("{}-{made_for}.cwasm", component.to_hex()))
    }

    /// What the HMAC is of. Every part has a fixed length: no two records share a text.
    fn record(&self, component: &blake3::Hash, inspection: &[u8], code: &[u8]) -> Vec<u8> {
        [
            b"cwasm-v2".as_slice(),
            self.made_for.as_ref(),
            component.as_bytes(),
            blake3::hash(inspection).as_bytes(),
            blake3::hash(code).as_bytes(),
        ]
        .concat()
    }

    /// What is kept of a component. A file that is not as we wrote it is thrown away.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<Artifact> {
        let component = blake3::hash(bytes);
        let path = self.path(&component);
        match self.read(&path, &component) {
            Ok(artifact) => Some(artifact),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(target: "plugin", %error, "machine code in the cache is not ours: compiled again");
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    fn read(&self, path: &Path, component: &blake3::Hash) -> io::Result<Artifact> {
        let broken = || io::Error::other("the record is broken");
        let mut file = open_own(path)?;
        let size = file.metadata()?.len();
        if size > MAX_FILE {
            return Err(broken());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).map_err(io::Error::other)?);
        (&mut file).take(MAX_FILE).read_to_end(&mut bytes)?;
        let (head, rest) = bytes.split_at_checked(HEAD).ok_or_else(broken)?;
        let (magic, head) = head.split_at(MAGIC.len());
        let (mac, length) = head.split_at(32);
        let length = u32::from_le_bytes(length.try_into().map_err(io::Error::other)?) as usize;
        let (inspection, code) = rest.split_at_checked(length).ok_or_else(broken)?;
        if magic != MAGIC {
            return Err(broken());
        }
        // Compares in constant time.
        hmac::verify(&self.key, &self.record(component, inspection, code), mac)
            .map_err(|_| io::Error::other("the record is not ours"))?;
        let inspection: Inspection = serde_json::from_slice(inspection)?;
        bytes.drain(..HEAD + length);
        Ok(Artifact {
            inspection,
            code: Code(bytes),
        })
    }

    /// Keeps what was compiled.
    pub(crate) fn keep(&self, bytes: &[u8], artifact: &Artifact) -> io::Result<()> {
        let component = blake3::hash(bytes);
        let inspection = serde_json::to_vec(&artifact.inspection)?;
        let mac = hmac::sign(
            &self.key,
            &self.record(&component, &inspection, &artifact.code.0),
        );
        let length = u32::try_from(inspection.len()).map_err(io::Error::other)?;
        // No sync: a file torn by a power cut has no valid record.
        let temporary = write_temporary(
            &self.dir,
            &[
                MAGIC,
                mac.as_ref(),
                &length.to_le_bytes(),
                &inspection,
                &artifact.code.0,
            ],
        )?;
        let kept = fs::rename(&temporary, self.path(&component));
        if kept.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        kept?;
        self.shrink(MAX_ALL)
    }

    /// Removes the oldest files until all together have at most `most` bytes.
    fn shrink(&self, most: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let about = entry.metadata()?;
            files.push((about.modified()?, about.len(), entry.path()));
        }
        files.sort();
        let mut all: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if all <= most {
                break;
            }
            // Another process may have been quicker.
            let _ = fs::remove_file(path);
            all -= size;
        }
        Ok(())
    }
}
