//! Cryptography for guests, over bytes that the host put together. No wasm here.

use ring::rand::SystemRandom;
use ring::{hmac, signature};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

/// Hash of a MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// Kind of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    RsaPkcs1Sha256,
    /// Fixed form (r, then s, 32 bytes each), as signed tokens want it.
    EcdsaP256Sha256,
    Ed25519,
}

fn key(hash: Hash, key: &[u8]) -> hmac::Key {
    let algorithm = match hash {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::Key::new(algorithm, key)
}

/// The hash of bytes, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn mac(secret: &[u8], hash: Hash, message: &[u8]) -> Vec<u8> {
    hmac::sign(&key(hash, secret), message).as_ref().to_vec()
}

/// In constant time; false for another length.
pub(crate) fn verify_mac(secret: &[u8], hash: Hash, message: &[u8], mac: &[u8]) -> bool {
    hmac::verify(&key(hash, secret), message, mac).is_ok()
}

/// Signs with a PKCS #8 key in PEM.
pub(crate) fn sign(pem: &[u8], kind: Signature, message: &[u8]) -> Result<Vec<u8>, String> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem)
        .map_err(|_| "the secret is no PKCS #8 key in PEM".to_owned())?;
    let der = der.secret_pkcs8_der();
    let random = SystemRandom::new();
    // The reason of a refusal names the kind of key, never anything of it.
    let bad = |e: ring::error::KeyRejected| format!("the secret is no key of this kind: {e}");
    match kind {
        Signature::RsaPkcs1Sha256 => {
            let pair = signature::RsaKeyPair::from_pkcs8(der).map_err(bad)?;
            let mut value = vec![0; pair.public().modulus_len()];
            pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut value)
                .map_err(|_| "signing failed".to_owned())?;
            Ok(value)
        }
        Signature::EcdsaP256Sha256 => {
            let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = signature::EcdsaKeyPair::from_pkcs8(algorithm, der, &random).map_err(bad)?;
            let value = pair
                .sign(&random, message)
                .map_err(|_| "signing failed".to_owned())?;
            Ok(value.as_ref().to_vec())
        }
        Signature::Ed25519 => {
            let pair = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(bad)?;
            Ok(pair.sign(message).as_ref().to_vec())
        }
    }
}

/// Checks with an SPKI key in PEM. ECDSA in fixed form or in DER.
pub(crate) fn verify(
    pem: &str,
    kind: Signature,
    message: &[u8],
    value: &[u8],
) -> Result<bool, String> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "no SPKI key in PEM".to_owned())?;
    let info = spki::SubjectPublicKeyInfoRef::try_from(der.as_ref())
        .map_err(|_| "no SPKI key".to_owned())?;
    let (oid, algorithm): (&str, &dyn signature::VerificationAlgorithm) = match kind {
        Signature::RsaPkcs1Sha256 => (
            "1.2.840.113549.1.1.1",
            &signature::RSA_PKCS1_2048_8192_SHA256,
        ),
        Signature::EcdsaP256Sha256 if value.len() == 64 => {
            ("1.2.840.10045.2.1", &signature::ECDSA_P256_SHA256_FIXED)
        }
        Signature::EcdsaP256Sha256 => ("1.2.840.10045.2.1", &signature::ECDSA_P256_SHA256_ASN1),
        Signature::Ed25519 => ("1.3.101.112", &signature::ED25519),
    };
    if info.algorithm.oid.to_string() != oid {
        return Err("the public key is of another kind".to_owned());
    }
    let public = info.subject_public_key.as_bytes().ok_or("no SPKI key")?;
    Ok(signature::UnparsedPublicKey::new(algorithm, public)
        .verify(message, value)
        .is_ok())
}
