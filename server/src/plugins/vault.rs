//! Seals what must not be readable in the database: secrets of installations, and requests and records
//! that are not masked yet.
//!
//! A sealed value is a version byte, 24 random bytes and the ciphertext with its tag (ChaCha20-Poly1305, RFC
//! 8439). Every value has a key of its own, made of the master key and the random bytes, so the number of
//! values has no practical limit. What it belongs to is authenticated with it: a sealed value moved to
//! another row does not open.

use crate::app::failure;
use crate::config::Config;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::sync::OnceLock;

const FORMAT: u8 = 1;
const SALT: usize = 24;

/// Where the master key comes from; read when it is needed first.
pub struct Vault {
    given: Option<String>,
    file: PathBuf,
    master: OnceLock<[u8; 32]>,
}

/// Why a value cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key cannot be read or made.
    #[error("the key of the secrets cannot be used: {0}")]
    Key(String),
    /// Another key, another row, or changed bytes.
    #[error(
        "a sealed value does not open: was it sealed with another key? All replicas need the same BIHUAN_SECRET_KEY"
    )]
    Closed,
}

impl Vault {
    /// The vault of this data folder, or of the key that the settings give.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            given: config.secret_key.clone(),
            file: config.data_dir.join("secret.key"),
            master: OnceLock::new(),
        }
    }

    fn master(&self) -> Result<&[u8; 32], VaultError> {
        if let Some(key) = self.master.get() {
            return Ok(key);
        }
        let key = match &self.given {
            // Any long string will do: it is hashed into a key, never used as one.
            Some(given) => {
                blake3::derive_key("bihuan 2026-11 secrets of installations", given.as_bytes())
            }
            None => self
                .kept_key()
                .map_err(|e| VaultError::Key(e.to_string()))?,
        };
        Ok(self.master.get_or_init(|| key))
    }

    /// The key in the data folder, made with mode 0600 where there is none. Of two processes that start
    /// together one makes it, and both read it.
    fn kept_key(&self) -> failure::Result<[u8; 32]> {
        let read = || -> failure::Result<Option<[u8; 32]>> {
            match std::fs::read_to_string(&self.file) {
                Ok(text) => {
                    let bytes = BASE64.decode(text.trim())?;
                    let key = bytes
                        .try_into()
                        .map_err(|_| format!("{} does not hold 32 bytes", self.file.display()))?;
                    Ok(Some(key))
                }
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
                Err(e) => Err(format!("{}: {e}", self.file.display()).into()),
            }
        };
        if let Some(key) = read()? {
            return Ok(key);
        }
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(|e| e.to_string())?;
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(|e| e.to_string())?;
        let draft = self
            .file
            .with_extension(format!("{:016x}", u64::from_be_bytes(name)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        file.write_all(BASE64.encode(fresh).as_bytes())?;
        file.sync_all()?;
        // Linking fails where the name exists: nobody ever reads half a key or replaces one.
        let linked = std::fs::hard_link(&draft, &self.file);
        std::fs::remove_file(&draft)?;
        match linked {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e.into()),
        }
        read()?.ok_or_else(|| format!("{} is gone", self.file.display()).into())
    }

    fn key(&self, salt: &[u8]) -> Result<LessSafeKey, VaultError> {
        let key = blake3::keyed_hash(self.master()?, salt);
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_bytes())
            .map_err(|_| VaultError::Key("32 bytes are no key".to_owned()))?;
        Ok(LessSafeKey::new(key))
    }

    /// Seals a value that belongs to `place`.
    pub fn seal(&self, place: &str, value: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(|e| VaultError::Key(e.to_string()))?;
        let mut body = value.to_vec();
        // The key is used once, so any nonce will do.
        self.key(&salt)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key([0; 12]),
                Aad::from(place.as_bytes()),
                &mut body,
            )
            .map_err(|_| VaultError::Key("the value is too long".to_owned()))?;
        let mut sealed = Vec::with_capacity(1 + SALT + body.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&salt);
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens a value that was sealed for `place`.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (&format, rest) = sealed.split_first().ok_or(VaultError::Closed)?;
        if format != FORMAT || rest.len() < SALT {
            return Err(VaultError::Closed);
        }
        let (salt, body) = rest.split_at(SALT);
        let mut body = body.to_vec();
        let length = self
            .key(salt)?
            .open_in_place(
                Nonce::assume_unique_for_key([0; 12]),
                Aad::from(place.as_bytes()),
                &mut body,
            )
            .map_err(|_| VaultError::Closed)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(given: Option<&str>, folder: &std::path::Path) -> Vault {
        Vault {
            given: given.map(str::to_owned),
            file: folder.join("secret.key"),
            master: OnceLock::new(),
        }
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let folder = tempfile::tempdir().unwrap();
        let one = vault(None, folder.path());
        let sealed = one.seal("a/b", b"hunter2").unwrap();
        assert!(!sealed.windows(7).any(|w| w == b"hunter2"));
        // Another process finds the same key.
        let two = vault(None, folder.path());
        assert_eq!(two.open("a/b", &sealed).unwrap(), b"hunter2");
        assert!(matches!(two.open("a/c", &sealed), Err(VaultError::Closed)));
        assert_ne!(one.seal("a/b", b"hunter2").unwrap(), sealed);
        for cut in 0..sealed.len() {
            assert!(two.open("a/b", &sealed[..cut]).is_err(), "{cut}");
        }
        let mut bent = sealed.clone();
        for at in 0..bent.len() {
            bent[at] ^= 1;
            assert!(two.open("a/b", &bent).is_err(), "{at}");
            bent[at] ^= 1;
        }
        let other = vault(Some("another key of enough characters"), folder.path());
        assert!(other.open("a/b", &sealed).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        vault(None, folder.path()).seal("x", b"y").unwrap();
        let mode = std::fs::metadata(folder.path().join("secret.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        // Nothing but the key stays behind.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(folder.path().join("secret.key"), "short").unwrap();
        assert!(vault(None, folder.path()).seal("x", b"y").is_err());
    }
}
