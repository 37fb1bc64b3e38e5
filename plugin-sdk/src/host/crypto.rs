//! Signatures and message authentication codes with secrets that the plugin cannot read.

pub use crate::bindings::powers::bihuan::plugin::crypto::{Hash, Signature};

use crate::bindings::powers::bihuan::plugin::crypto::CryptoError;
use crate::{Failure, failure};

/// A piece of a key or of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Known bytes.
    Bytes(&'a [u8]),
    /// The secret of this name.
    Secret(&'a str),
}

impl<'a> From<&'a str> for Part<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

/// HMAC (RFC 2104) of the joined parts; the key must hold at least one secret.
///
/// # Errors
/// `config` when a secret is missing; `internal` when the key holds none.
pub fn mac(hash: Hash, key: &[Part<'_>], message: &[Part<'_>]) -> Result<Vec<u8>, Failure> {
    imp::mac(hash, key, message)
}

/// Whether `mac` is the one of key and message, in constant time.
///
/// # Errors
/// As [`mac`].
pub fn verify_mac(
    hash: Hash,
    key: &[Part<'_>],
    message: &[Part<'_>],
    mac: &[u8],
) -> Result<bool, Failure> {
    imp::verify_mac(hash, key, message, mac)
}

/// Signs with the secret `key`, a PKCS #8 key in PEM. Tests outside of the host cannot sign.
///
/// # Errors
/// `config` when the secret is missing or no such key.
pub fn sign(key: &str, signature: Signature, message: &[u8]) -> Result<Vec<u8>, Failure> {
    imp::sign(key, signature, message)
}

/// Whether `value` is a signature of `message` by the holder of `public_key` (SPKI in PEM). Tests
/// outside of the host cannot tell.
///
/// # Errors
/// `config` when the key is none.
pub fn verify(
    public_key: &str,
    signature: Signature,
    message: &[u8],
    value: &[u8],
) -> Result<bool, Failure> {
    imp::verify(public_key, signature, message, value)
}

fn failed(error: CryptoError) -> Failure {
    match error {
        CryptoError::BadKey(d) => failure::config("crypto.bad_key", d),
        CryptoError::Unsupported(d) => failure::internal("crypto.unsupported", d),
        CryptoError::BudgetExceeded(d) => failure::internal("crypto.budget_exceeded", d),
    }
}

#[cfg(target_arch = "wasm32")]
mod imp {
    use super::{Failure, Hash, Part, Signature, failed};
    use crate::bindings::powers::bihuan::plugin::crypto as raw;
    use crate::host::secrets::{Secret, handle};

    /// Handles of the secrets among the parts, in their order.
    fn handles(parts: &[Part<'_>]) -> Result<Vec<Secret>, Failure> {
        parts
            .iter()
            .filter_map(|part| match part {
                Part::Secret(name) => Some(handle(name)),
                Part::Bytes(_) => None,
            })
            .collect()
    }

    fn raw_parts<'a>(parts: &[Part<'_>], handles: &'a [Secret]) -> Vec<raw::Part<'a>> {
        let mut next = handles.iter();
        parts
            .iter()
            .filter_map(|part| match part {
                Part::Bytes(bytes) => Some(raw::Part::Bytes(bytes.to_vec())),
                Part::Secret(_) => next.next().map(raw::Part::Secret),
            })
            .collect()
    }

    pub(super) fn mac(
        hash: Hash,
        key: &[Part<'_>],
        message: &[Part<'_>],
    ) -> Result<Vec<u8>, Failure> {
        let (k, m) = (handles(key)?, handles(message)?);
        raw::mac(&raw_parts(key, &k), hash, &raw_parts(message, &m)).map_err(failed)
    }

    pub(super) fn verify_mac(
        hash: Hash,
        key: &[Part<'_>],
        message: &[Part<'_>],
        mac: &[u8],
    ) -> Result<bool, Failure> {
        let (k, m) = (handles(key)?, handles(message)?);
        raw::verify_mac(&raw_parts(key, &k), hash, &raw_parts(message, &m), mac).map_err(failed)
    }

    pub(super) fn sign(
        key: &str,
        signature: Signature,
        message: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        raw::sign(&handle(key)?, signature, message).map_err(failed)
    }

    pub(super) fn verify(
        public_key: &str,
        signature: Signature,
        message: &[u8],
        value: &[u8],
    ) -> Result<bool, Failure> {
        raw::verify(public_key, signature, message, value).map_err(failed)
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use super::{CryptoError, Failure, Hash, Part, Signature, failed};
    use crate::host::secrets::value;
    use hmac::{Hmac, KeyInit, Mac};

    fn joined(parts: &[Part<'_>]) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        for part in parts {
            match part {
                Part::Bytes(bytes) => out.extend_from_slice(bytes),
                Part::Secret(name) => out.extend_from_slice(value(name)?.as_bytes()),
            }
        }
        Ok(out)
    }

    pub(super) fn mac(
        hash: Hash,
        key: &[Part<'_>],
        message: &[Part<'_>],
    ) -> Result<Vec<u8>, Failure> {
        if !key.iter().any(|p| matches!(p, Part::Secret(_))) {
            return Err(failed(CryptoError::BadKey(
                "the key holds no secret".to_owned(),
            )));
        }
        let (key, message) = (joined(key)?, joined(message)?);
        fn run<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Result<Vec<u8>, Failure> {
            let mut mac = <M as KeyInit>::new_from_slice(key)
                .map_err(|e| failed(CryptoError::BadKey(e.to_string())))?;
            mac.update(message);
            Ok(mac.finalize().into_bytes().to_vec())
        }
        match hash {
            Hash::Sha1 => run::<Hmac<sha1::Sha1>>(&key, &message),
            Hash::Sha256 => run::<Hmac<sha2::Sha256>>(&key, &message),
            Hash::Sha512 => run::<Hmac<sha2::Sha512>>(&key, &message),
        }
    }

    pub(super) fn verify_mac(
        hash: Hash,
        key: &[Part<'_>],
        message: &[Part<'_>],
        given: &[u8],
    ) -> Result<bool, Failure> {
        // Only tests come here: nobody measures its time.
        Ok(mac(hash, key, message)? == given)
    }

    pub(super) fn sign(key: &str, _: Signature, _: &[u8]) -> Result<Vec<u8>, Failure> {
        value(key)?;
        Err(only_in_the_host())
    }

    pub(super) fn verify(_: &str, _: Signature, _: &[u8], _: &[u8]) -> Result<bool, Failure> {
        Err(only_in_the_host())
    }

    fn only_in_the_host() -> Failure {
        failed(CryptoError::Unsupported(
            "signatures exist in the host only: test them with `bihuan plugin test`".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_have_the_vectors_of_the_standards() {
        let host = crate::testing::Host::new().secret("k", "Jefe");
        let sign = |hash| {
            host.run(|| {
                mac(
                    hash,
                    &[Part::Secret("k")],
                    &["what do ya want ".into(), "for nothing?".into()],
                )
            })
        };
        // RFC 2202 section 3, test case 2; RFC 4231 section 4.3.
        for (hash, expected) in [
            (Hash::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (
                Hash::Sha256,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
        ] {
            assert_eq!(crate::encoding::hex(&sign(hash).unwrap()), expected);
        }
        assert_eq!(sign(Hash::Sha512).unwrap().len(), 64);
        let none = host.run(|| mac(Hash::Sha256, &["k".into()], &[]));
        assert_eq!(none.unwrap_err().code, "crypto.bad_key");
        let missing = host.run(|| mac(Hash::Sha256, &[Part::Secret("x")], &[]));
        assert_eq!(missing.unwrap_err().code, "secrets.not_set");
    }
}
