//! Packages: a component with its manifest, readme and signature in one file.
//!
//! A package is a tar archive (POSIX ustar) whose bytes depend on its content alone: fixed order, no
//! times, no owners. `DIGESTS` lists the SHA-256 of every file; `SIGNATURE` signs exactly these bytes
//! with Ed25519 (RFC 8032).

use std::collections::BTreeMap;

use plugin_sdk::encoding;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// Ending of a package's name.
pub const EXTENSION: &str = "bihuan";
const COMPONENT: &str = "plugin.wasm";
const DIGESTS: &str = "DIGESTS";
const SIGNATURE: &str = "SIGNATURE";
/// Names that a package may hold, in their order.
const NAMES: [&str; 6] = [
    DIGESTS,
    SIGNATURE,
    COMPONENT,
    "plugin.toml",
    "README.md",
    "conformance.json",
];
/// Largest file of a package.
const MAX_FILE: usize = 64 << 20;

/// Why a package cannot be made or is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Not a package, or a damaged one.
    #[error("this is no package: {0}")]
    Malformed(String),
    /// A file is not the one that was listed.
    #[error("{0} is not the file that was signed")]
    Changed(String),
    /// No signature, and none was waived.
    #[error("the package is not signed; pass --unsigned to accept that")]
    Unsigned,
    /// Signed by somebody else.
    #[error("the package is signed by the key {0}, which is not among the trusted ones")]
    Untrusted(String),
    /// The signature does not fit.
    #[error("the signature is wrong")]
    BadSignature,
    /// A key cannot be read.
    #[error("this is no Ed25519 key: {0}")]
    BadKey(String),
}

/// A key that signs packages.
#[derive(Debug)]
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// Makes a new key; answers it and its PKCS #8 form as PEM, to be kept secret.
    ///
    /// # Errors
    /// [`PackageError::BadKey`] when the system has no random bytes.
    pub fn generate() -> Result<(Self, String), PackageError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| PackageError::BadKey("no random bytes".to_owned()))?;
        let coded = encoding::base64(document.as_ref());
        let lines: Vec<&str> = coded
            .as_bytes()
            .chunks(64)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        Ok((Self::from_pem(&pem)?, pem))
    }

    /// Reads PKCS #8 as PEM.
    ///
    /// # Errors
    /// [`PackageError::BadKey`].
    pub fn from_pem(pem: &str) -> Result<Self, PackageError> {
        let body: String = pem.lines().filter(|l| !l.starts_with("-----")).collect();
        let bytes = encoding::from_base64(&body)
            .ok_or_else(|| PackageError::BadKey("no PEM".to_owned()))?;
        // openssl leaves the public half out; ring itself writes it.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes)
            .map_err(|e| PackageError::BadKey(e.to_string()))?;
        Ok(Self { pair })
    }

    /// The public key, as `install --trust` takes it: base64 of its 32 bytes.
    #[must_use]
    pub fn public(&self) -> String {
        encoding::base64(self.pair.public_key().as_ref())
    }
}

/// What a package holds besides its digests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// Name to content.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The key that signed it, once verified.
    pub signer: Option<String>,
}

impl Package {
    /// The component.
    #[must_use]
    pub fn component(&self) -> &[u8] {
        self.files.get(COMPONENT).map_or(&[], Vec::as_slice)
    }
}

/// Makes a package; always the same bytes of the same files and key.
///
/// # Errors
/// [`PackageError::Malformed`] for a name that a package cannot hold.
pub fn pack(
    component: &[u8],
    others: &[(&str, Vec<u8>)],
    key: Option<&SigningKey>,
) -> Result<Vec<u8>, PackageError> {
    let mut files: BTreeMap<&str, &[u8]> = BTreeMap::from([(COMPONENT, component)]);
    for (name, content) in others {
        if !NAMES[3..].contains(name) {
            return Err(PackageError::Malformed(format!("a package has no {name}")));
        }
        files.insert(name, content);
    }
    let digests = digests(files.iter().map(|(name, content)| (*name, *content)));
    let signature = key.map(|key| {
        let signature = key.pair.sign(digests.as_bytes());
        format!("ed25519 {} {}\n", key.public(), encoding::base64(signature.as_ref()))
    });
    files.insert(DIGESTS, digests.as_bytes());
    if let Some(signature) = &signature {
        files.insert(SIGNATURE, signature.as_bytes());
    }
    let mut archive = Vec::new();
    for name in NAMES {
        if let Some(content) = files.get(name) {
            append(&mut archive, name, content);
        }
    }
    // Two empty blocks end an archive.
    archive.resize(archive.len() + 1024, 0);
    Ok(archive)
}

/// Opens a package. Signature and digests are checked before anything of it is used.
///
/// # Errors
/// Everything but [`PackageError::BadKey`] for the package, that one for a key of `trusted`.
pub fn open(bytes: &[u8], trusted: &[String], unsigned: bool) -> Result<Package, PackageError> {
    let mut files = entries(bytes)?;
    let digests_file = files
        .remove(DIGESTS)
        .ok_or_else(|| PackageError::Malformed("DIGESTS is missing".to_owned()))?;
    let signer = match files.remove(SIGNATURE) {
        None if unsigned => None,
        None => return Err(PackageError::Unsigned),
        Some(signature) => Some(verified(&digests_file, &signature, trusted, unsigned)?),
    };
    let found = digests(files.iter().map(|(n, c)| (n.as_str(), c.as_slice())));
    if found.as_bytes() != digests_file {
        let listed = String::from_utf8_lossy(&digests_file).into_owned();
        let changed = found
            .lines()
            .find(|line| !listed.lines().any(|l| l == *line))
            .and_then(|line| line.split_whitespace().nth(1))
            .unwrap_or(DIGESTS);
        return Err(PackageError::Changed(changed.to_owned()));
    }
    if !files.contains_key(COMPONENT) {
        return Err(PackageError::Malformed(format!("{COMPONENT} is missing")));
    }
    Ok(Package { files, signer })
}

/// The key that signed, when it is trusted; without any trusted key and with signatures waived, any.
fn verified(
    digests: &[u8],
    signature: &[u8],
    trusted: &[String],
    unsigned: bool,
) -> Result<String, PackageError> {
    let text = std::str::from_utf8(signature).map_err(|_| PackageError::BadSignature)?;
    let mut parts = text.split_whitespace();
    let (Some("ed25519"), Some(key), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(PackageError::BadSignature);
    };
    let key_bytes = encoding::from_base64(key)
        .filter(|k| k.len() == 32)
        .ok_or(PackageError::BadSignature)?;
    let mut is_trusted = trusted.is_empty() && unsigned;
    for one in trusted {
        let bytes = encoding::from_base64(one.trim())
            .filter(|k| k.len() == 32)
            .ok_or_else(|| PackageError::BadKey(one.clone()))?;
        is_trusted |= bytes == key_bytes;
    }
    if !is_trusted {
        return Err(PackageError::Untrusted(key.to_owned()));
    }
    let value = encoding::from_base64(value).ok_or(PackageError::BadSignature)?;
    UnparsedPublicKey::new(&ED25519, key_bytes)
        .verify(digests, &value)
        .map_err(|_| PackageError::BadSignature)?;
    Ok(key.to_owned())
}

/// One line a file: SHA-256 in hex and name, sorted by name.
fn digests<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let sorted: BTreeMap<&str, &[u8]> = files.collect();
    sorted
        .into_iter()
        .map(|(name, content)| format!("{} {name}\n", encoding::hex(digest(&SHA256, content).as_ref())))
        .collect()
}

/// One file of an archive, as POSIX.1-1988 (ustar) writes it.
fn append(archive: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\0");
    put(263, "00");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend_from_slice(&header);
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

/// The files of an archive: known names, each once, plain files only.
fn entries(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, PackageError> {
    let wrong = |what: &str| PackageError::Malformed(what.to_owned());
    let mut files = BTreeMap::new();
    let mut rest = bytes;
    loop {
        let (header, after) = rest.split_at_checked(512).ok_or_else(|| wrong("it ends too early"))?;
        if header.iter().all(|b| *b == 0) {
            return Ok(files);
        }
        let text = |from: usize, to: usize| {
            let field = &header[from..to];
            let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
            std::str::from_utf8(&field[..end]).map(str::trim).map_err(|_| wrong("a header is no text"))
        };
        let number = |from: usize, to: usize| {
            usize::from_str_radix(text(from, to)?, 8).map_err(|_| wrong("a header holds no number"))
        };
        let sum: usize = header
            .iter()
            .enumerate()
            .map(|(at, b)| if (148..156).contains(&at) { 32 } else { usize::from(*b) })
            .sum();
        if number(148, 156)? != sum {
            return Err(wrong("a header is damaged"));
        }
        let (name, size) = (text(0, 100)?, number(124, 136)?);
        if header[156] != b'0' || !NAMES.contains(&name) {
            return Err(wrong("it holds something that is no file of a package"));
        }
        if size > MAX_FILE {
            return Err(wrong("a file is too large"));
        }
        let (content, _) = after.split_at_checked(size).ok_or_else(|| wrong("it ends too early"))?;
        if files.insert(name.to_owned(), content.to_vec()).is_some() {
            return Err(wrong("a file stands twice"));
        }
        rest = after
            .get(size.next_multiple_of(512)..)
            .ok_or_else(|| wrong("it ends too early"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(key: Option<&SigningKey>) -> Vec<u8> {
        pack(b"\0asm component", &[("README.md", b"# r\n".to_vec())], key).unwrap()
    }

    #[test]
    fn a_signed_package_opens_for_those_who_trust_its_key() {
        let (key, pem) = SigningKey::generate().unwrap();
        let again = SigningKey::from_pem(&pem).unwrap();
        let bytes = made(Some(&key));
        assert_eq!(bytes, made(Some(&again)), "always the same bytes");
        let package = open(&bytes, &[key.public()], false).unwrap();
        assert_eq!(package.component(), b"\0asm component");
        assert_eq!(package.signer, Some(key.public()));
        let (other, _) = SigningKey::generate().unwrap();
        assert_eq!(
            open(&bytes, &[other.public()], true),
            Err(PackageError::Untrusted(key.public())),
            "--unsigned trusts no other signer than those given"
        );
        assert!(matches!(open(&bytes, &[], false), Err(PackageError::Untrusted(_))));
        assert!(matches!(open(&bytes, &["x".to_owned()], false), Err(PackageError::BadKey(_))));
    }

    #[test]
    fn an_unsigned_package_needs_the_flag() {
        let bytes = made(None);
        assert_eq!(open(&bytes, &[], false), Err(PackageError::Unsigned));
        assert_eq!(open(&bytes, &[], true).unwrap().signer, None);
    }

    #[test]
    fn no_byte_can_be_changed_unseen() {
        let (key, _) = SigningKey::generate().unwrap();
        let trusted = [key.public()];
        let good = made(Some(&key));
        let whole = open(&good, &trusted, false).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            // Fields that nobody reads (owner, times) and padding may differ; the files may not.
            if let Ok(package) = open(&bytes, &trusted, false) {
                assert_eq!(package, whole, "byte {at}");
            }
        }
        for end in 0..good.len() - 1024 {
            assert!(open(&good[..end], &trusted, false).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn only_the_files_of_a_package_go_in() {
        assert!(pack(b"", &[("../x", Vec::new())], None).is_err());
        let mut bytes = Vec::new();
        append(&mut bytes, "other", b"x");
        bytes.resize(bytes.len() + 1024, 0);
        assert!(matches!(open(&bytes, &[], true), Err(PackageError::Malformed(_))));
    }

    /// The archive is a real one: any tar can read it.
    #[test]
    fn tar_reads_a_package() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.bihuan");
        std::fs::write(&path, made(None)).unwrap();
        let listed = std::process::Command::new("tar").arg("-tf").arg(&path).output().unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        assert_eq!(String::from_utf8_lossy(&listed.stdout), "DIGESTS\nplugin.wasm\nREADME.md\n");
    }
}
