//! Proof that a request comes from its source, by the schemes that manifests name. Runs before any
//! plugin, so that only proved senders ever reach one. Pure: no clock, no network, no wasm.

use std::collections::BTreeMap;

use aes::Aes256;
use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD as BASE64};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use plugin_sdk::manifest::{Encoding, Scheme, Webhook};
use ring::digest;
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::crypto::{Hash, verify_mac};
use crate::secrets::SecretValue;
use crate::shapes::{Header, Reply};

/// How far a sender's clock may be away, either way.
const TOLERANCE_SECONDS: i64 = 300;
/// Signatures that are compared in one request.
const SIGNATURES: usize = 16;
/// WeCom's keys are base64 whose last character may carry bits that mean nothing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Behind the installation's address.
    pub path: &'a str,
    /// Without `?`, not decoded.
    pub query: &'a str,
    /// All of them, in any case.
    pub headers: &'a [Header],
    /// The exact bytes.
    pub body: &'a [u8],
}

/// A request whose sender is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// What the plugin is to see: the bytes received, or what they held when they were encrypted.
    pub body: Vec<u8>,
    /// A handshake that the host answers by itself; the plugin is not called.
    pub reply: Option<Reply>,
}

/// Why a request is not taken. Says nothing that helps to forge one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header or parameter is missing, or stands twice.
    #[error("{0} is missing")]
    Missing(String),
    /// A part cannot be read.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// The proof does not fit.
    #[error("the signature does not fit")]
    Signature,
    /// Sent too long ago, or in the future.
    #[error("the request is older or newer than {TOLERANCE_SECONDS} seconds")]
    Time,
    /// Proved, and meant for somebody else.
    #[error("the message is for another receiver")]
    Receiver,
    /// A secret is not filled in: nobody can be proved.
    #[error("the secret {0:?} is not filled in")]
    NoSecret(String),
    /// The scheme `plugin`: ask [`crate::Connector::verify`].
    #[error("the plugin proves its senders by itself")]
    ByPlugin,
}

impl Refusal {
    /// Stable word for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "webhook_incomplete",
            Self::Malformed(_) => "webhook_malformed",
            Self::Signature => "webhook_signature",
            Self::Time => "webhook_time",
            Self::Receiver => "webhook_receiver",
            Self::NoSecret(_) => "webhook_no_secret",
            Self::ByPlugin => "webhook_by_plugin",
        }
    }
}

/// The scheme to use: the one that the settings' member `verification` names, else the first.
#[must_use]
pub fn scheme<'a>(webhook: &'a Webhook, settings: &Value) -> Option<&'a Scheme> {
    match settings.get("verification").and_then(Value::as_str) {
        Some(name) => webhook.verify.iter().find(|s| s.name() == name),
        None => webhook.verify.first(),
    }
}

/// The headers that the plugin may see: those that the manifest names and `content-type`, in lower
/// case. What carries credentials or belongs to the connection is left out even when named.
#[must_use]
pub fn visible_headers(webhook: &Webhook, headers: &[Header]) -> Vec<Header> {
    const NEVER: [&str; 6] = [
        "cookie",
        "authorization",
        "proxy-authorization",
        "connection",
        "transfer-encoding",
        "host",
    ];
    headers
        .iter()
        .map(|h| Header {
            name: h.name.to_ascii_lowercase(),
            value: h.value.clone(),
        })
        .filter(|h| h.name == "content-type" || webhook.headers.contains(&h.name))
        .filter(|h| !NEVER.contains(&h.name.as_str()))
        .collect()
}

/// Proves the sender of a request. Secrets are compared in constant time; where a secret has an
/// earlier value as well, either is accepted.
///
/// # Errors
/// Why the request must not be taken.
pub fn verify(
    scheme: &Scheme,
    secrets: &BTreeMap<String, SecretValue>,
    settings: &Value,
    request: &Request<'_>,
    now_ms: i64,
) -> Result<Proved, Refusal> {
    let secret = |name: &str| {
        secrets
            .get(name)
            .filter(|s| s.accepted().all(|v| !v.is_empty()))
            .ok_or_else(|| Refusal::NoSecret(name.to_owned()))
    };
    let as_received = || Proved {
        body: request.body.to_vec(),
        reply: None,
    };
    match scheme {
        Scheme::StandardWebhooks { secret: name } => {
            let secret = secret(name)?;
            let id = single(request, "webhook-id")?;
            let time = timestamp(request, "webhook-timestamp", now_ms)?;
            let given = single(request, "webhook-signature")?;
            let message = [id.as_bytes(), b".", time.as_bytes(), b".", request.body].concat();
            let given: Vec<Vec<u8>> = given
                .split_ascii_whitespace()
                .filter_map(|s| s.strip_prefix("v1,"))
                .filter_map(|s| BASE64.decode(s).ok())
                .take(SIGNATURES)
                .collect();
            for value in secret.accepted() {
                let key = match value.strip_prefix(b"whsec_") {
                    Some(text) => LENIENT
                        .decode(text)
                        .map_err(|_| Refusal::NoSecret(name.clone()))?,
                    None => value.to_vec(),
                };
                if given
                    .iter()
                    .any(|g| verify_mac(&key, Hash::Sha256, &message, g))
                {
                    return Ok(as_received());
                }
            }
            Err(Refusal::Signature)
        }
        Scheme::Hmac {
            secret: name,
            header,
            prefix,
            encoding,
            timestamp_header,
        } => {
            let secret = secret(name)?;
            let given = single(request, header)?;
            let given = given
                .strip_prefix(prefix.as_str())
                .ok_or(Refusal::Malformed("the signature"))?;
            let given = match encoding {
                Encoding::Hex => from_hex(given),
                Encoding::Base64 => BASE64.decode(given).ok(),
            }
            .ok_or(Refusal::Malformed("the signature"))?;
            let message = match timestamp_header {
                None => request.body.to_vec(),
                Some(header) => {
                    let time = timestamp(request, header, now_ms)?;
                    [time.as_bytes(), b".", request.body].concat()
                }
            };
            let fits = secret
                .accepted()
                .any(|key| verify_mac(key, Hash::Sha256, &message, &given));
            if fits {
                Ok(as_received())
            } else {
                Err(Refusal::Signature)
            }
        }
        Scheme::SharedToken {
            secret: name,
            header,
        } => {
            let secret = secret(name)?;
            let mut given = single(request, header)?;
            if header.eq_ignore_ascii_case("authorization")
                && let Some((kind, token)) = given.split_once(' ')
                && kind.eq_ignore_ascii_case("bearer")
            {
                given = token.trim_start();
            }
            // Of hashes, so that not even the length shows.
            let given = blake3::hash(given.as_bytes());
            let fits = secret
                .accepted()
                .any(|value| bool::from(blake3::hash(value).as_bytes().ct_eq(given.as_bytes())));
            if fits {
                Ok(as_received())
            } else {
                Err(Refusal::Signature)
            }
        }
        Scheme::Wecom {
            token,
            aes_key,
            receiver,
        } => {
            let receiver = settings
                .get(receiver)
                .and_then(Value::as_str)
                .filter(|r| !r.is_empty());
            let receiver = receiver.ok_or(Refusal::Receiver)?;
            wecom(
                secret(token)?,
                secret(aes_key)?,
                aes_key,
                receiver,
                request,
                now_ms,
            )
        }
        Scheme::Plugin => Err(Refusal::ByPlugin),
    }
}

/// The only value of a header: two would let sender and host read different ones.
fn single<'a>(request: &Request<'a>, name: &str) -> Result<&'a str, Refusal> {
    let mut found = request
        .headers
        .iter()
        .filter(|h| h.name.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (Some(header), None) => Ok(header.value.trim()),
        _ => Err(Refusal::Missing(name.to_owned())),
    }
}

/// The text of a time in Unix seconds, when it is near.
fn timestamp<'a>(request: &Request<'a>, name: &str, now_ms: i64) -> Result<&'a str, Refusal> {
    let text = single(request, name)?;
    near(text, now_ms).map(|()| text)
}

fn near(text: &str, now_ms: i64) -> Result<(), Refusal> {
    let seconds: i64 = text.parse().map_err(|_| Refusal::Malformed("the time"))?;
    let away = now_ms
        .div_euclid(1000)
        .saturating_sub(seconds)
        .saturating_abs();
    if away > TOLERANCE_SECONDS {
        Err(Refusal::Time)
    } else {
        Ok(())
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

fn wecom(
    token: &SecretValue,
    aes_key: &SecretValue,
    aes_name: &str,
    receiver: &str,
    request: &Request<'_>,
    now_ms: i64,
) -> Result<Proved, Refusal> {
    let parameter = |name: &str| {
        let mut found =
            url::form_urlencoded::parse(request.query.as_bytes()).filter(|(n, _)| n == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value.into_owned()),
            _ => Err(Refusal::Missing(name.to_owned())),
        }
    };
    let (given, time, nonce) = (
        parameter("msg_signature")?,
        parameter("timestamp")?,
        parameter("nonce")?,
    );
    let handshake = request.method == "GET";
    let encrypted = if handshake {
        parameter("echostr")?
    } else {
        encrypted_part(request.body)?
    };
    let given = from_hex(&given).ok_or(Refusal::Malformed("msg_signature"))?;
    let fits = token.accepted().any(|token| {
        let mut parts = [
            token,
            time.as_bytes(),
            nonce.as_bytes(),
            encrypted.as_bytes(),
        ];
        parts.sort_unstable();
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &parts.concat());
        bool::from(digest.as_ref().ct_eq(&given))
    });
    if !fits {
        return Err(Refusal::Signature);
    }
    near(&time, now_ms)?;
    let cipher = BASE64
        .decode(&encrypted)
        .map_err(|_| Refusal::Malformed("the message"))?;
    let mut wrong = Refusal::Malformed("the message");
    for key in aes_key.accepted() {
        let key = LENIENT
            .decode(key)
            .map_err(|_| Refusal::NoSecret(aes_name.to_owned()))?;
        let Some((message, id)) = decrypt(&key, &cipher) else {
            continue;
        };
        if id != receiver.as_bytes() {
            wrong = Refusal::Receiver;
            continue;
        }
        return Ok(if handshake {
            Proved {
                body: Vec::new(),
                reply: Some(Reply {
                    status: 200,
                    content_type: "text/plain".to_owned(),
                    body: message,
                }),
            }
        } else {
            Proved {
                body: message,
                reply: None,
            }
        });
    }
    Err(wrong)
}

/// Message and receiver: 16 random bytes, the length, the message, the receiver, padding to 32.
fn decrypt(key: &[u8], cipher: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut plain = cipher.to_vec();
    if plain.is_empty() || key.len() != 32 {
        return None;
    }
    let decryptor = cbc::Decryptor::<Aes256>::new_from_slices(key, key.get(..16)?).ok()?;
    let plain = decryptor.decrypt_padded::<NoPadding>(&mut plain).ok()?;
    let padding = usize::from(*plain.last()?);
    if !(1..=32).contains(&padding) {
        return None;
    }
    let plain = plain.get(..plain.len().checked_sub(padding)?)?;
    let length = u32::from_be_bytes(plain.get(16..20)?.try_into().ok()?) as usize;
    let end = length.checked_add(20)?;
    Some((plain.get(20..end)?.to_vec(), plain.get(end..)?.to_vec()))
}

/// The encrypted text inside XML, or JSON as newer robots send it. It is signed, so reading it wrongly
/// can only make the signature fail.
fn encrypted_part(body: &[u8]) -> Result<String, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::Malformed("the body"))?;
    if text.trim_start().starts_with('{') {
        let json: Value = serde_json::from_str(text).map_err(|_| Refusal::Malformed("the body"))?;
        let found = json.get("encrypt").and_then(Value::as_str);
        return found
            .map(str::to_owned)
            .ok_or_else(|| Refusal::Missing("encrypt".to_owned()));
    }
    let inner = text
        .split_once("<Encrypt>")
        .and_then(|(_, rest)| rest.split_once("</Encrypt>"))
        .map(|(inner, _)| inner.trim())
        .ok_or_else(|| Refusal::Missing("Encrypt".to_owned()))?;
    let inner = inner
        .strip_prefix("<![CDATA[")
        .and_then(|i| i.strip_suffix("]]>"))
        .unwrap_or(inner);
    Ok(inner.to_owned())
}

#[cfg(test)]
mod tests {
    use cbc::cipher::BlockModeEncrypt;

    use super::*;
    use crate::crypto::mac;

    const NOW: i64 = 1_649_367_553_000;

    fn secrets(values: &[(&str, &str)]) -> BTreeMap<String, SecretValue> {
        let value = |v: &str| SecretValue::new(v.as_bytes().to_vec(), 1, vec![]);
        values
            .iter()
            .map(|(n, v)| ((*n).to_owned(), value(v)))
            .collect()
    }

    fn headers(list: &[(&str, &str)]) -> Vec<Header> {
        let header = |(name, value): &(&str, &str)| Header {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        list.iter().map(header).collect()
    }

    fn post<'a>(headers: &'a [Header], body: &'a [u8]) -> Request<'a> {
        Request {
            method: "POST",
            path: "",
            query: "",
            headers,
            body,
        }
    }

    fn run(
        scheme: &Scheme,
        secrets: &BTreeMap<String, SecretValue>,
        list: &[(&str, &str)],
        body: &[u8],
        now: i64,
    ) -> Result<Proved, Refusal> {
        let headers = headers(list);
        verify(scheme, secrets, &Value::Null, &post(&headers, body), now)
    }

    fn standard() -> Scheme {
        Scheme::StandardWebhooks {
            secret: "k".to_owned(),
        }
    }

    #[test]
    fn the_published_vectors_of_standard_webhooks_fit() {
        for (secret, id, time, body, signature) in [
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "1614265330",
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                "1649367553",
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
        ] {
            let now: i64 = time.parse::<i64>().unwrap() * 1000;
            let secrets = secrets(&[("k", secret)]);
            let several = format!("v1,AAAA v1a,xyz {signature}");
            for signature in [signature, several.as_str()] {
                let list = [
                    ("Webhook-Id", id),
                    ("webhook-timestamp", time),
                    ("webhook-signature", signature),
                ];
                let run = |now| run(&standard(), &secrets, &list, body.as_bytes(), now);
                assert_eq!(run(now).unwrap().body, body.as_bytes());
                assert!(run(now + 300_999).is_ok() && run(now - 300_000).is_ok());
                assert_eq!(run(now + 301_000), Err(Refusal::Time));
                assert_eq!(run(now - 301_000), Err(Refusal::Time));
            }
            let list = [
                ("webhook-id", "msg_other"),
                ("webhook-timestamp", time),
                ("webhook-signature", signature),
            ];
            assert_eq!(
                run(&standard(), &secrets, &list, body.as_bytes(), now),
                Err(Refusal::Signature)
            );
        }
    }

    #[test]
    fn a_secret_may_be_plain_and_may_change() {
        let body = b"{}";
        let sign = |key: &[u8]| {
            format!(
                "v1,{}",
                BASE64.encode(mac(key, Hash::Sha256, b"i.1649367553.{}"))
            )
        };
        let both = SecretValue::new(b"new".to_vec(), 2, vec![]).with_previous(b"old".to_vec());
        let secrets = BTreeMap::from([("k".to_owned(), both)]);
        for (key, fits) in [("new", true), ("old", true), ("older", false), ("", false)] {
            let signature = sign(key.as_bytes());
            let list = [
                ("webhook-id", "i"),
                ("webhook-timestamp", "1649367553"),
                ("webhook-signature", signature.as_str()),
            ];
            assert_eq!(
                run(&standard(), &secrets, &list, body, NOW).is_ok(),
                fits,
                "{key}"
            );
        }
    }

    #[test]
    fn what_is_missing_or_doubled_is_refused() {
        let secrets = secrets(&[("k", "new"), ("empty", "")]);
        let full = [
            ("webhook-id", "i"),
            ("webhook-timestamp", "1649367553"),
            ("webhook-signature", "v1,AAAA"),
        ];
        for missing in 0..3 {
            let mut list = full.to_vec();
            let (name, _) = list.remove(missing);
            assert_eq!(
                run(&standard(), &secrets, &list, b"", NOW),
                Err(Refusal::Missing(name.to_owned()))
            );
            list.extend([full[missing], full[missing]]);
            assert_eq!(
                run(&standard(), &secrets, &list, b"", NOW),
                Err(Refusal::Missing(name.to_owned()))
            );
        }
        for name in ["empty", "other"] {
            let scheme = Scheme::StandardWebhooks {
                secret: name.to_owned(),
            };
            assert_eq!(
                run(&scheme, &secrets, &full, b"", NOW),
                Err(Refusal::NoSecret(name.to_owned()))
            );
        }
        assert_eq!(
            run(&Scheme::Plugin, &secrets, &full, b"", NOW),
            Err(Refusal::ByPlugin)
        );
    }

    #[test]
    fn an_hmac_in_a_header_as_github_writes_it() {
        // The example of GitHub's documentation.
        let secrets = secrets(&[("k", "It's a Secret to Everybody")]);
        let scheme = |encoding, timestamp_header: Option<&str>| Scheme::Hmac {
            secret: "k".to_owned(),
            header: "x-hub-signature-256".to_owned(),
            prefix: "sha256=".to_owned(),
            encoding,
            timestamp_header: timestamp_header.map(str::to_owned),
        };
        let hex = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let list = [("X-Hub-Signature-256", hex)];
        assert!(
            run(
                &scheme(Encoding::Hex, None),
                &secrets,
                &list,
                b"Hello, World!",
                NOW
            )
            .is_ok()
        );
        assert_eq!(
            run(
                &scheme(Encoding::Hex, None),
                &secrets,
                &list,
                b"Hello, World?",
                NOW
            ),
            Err(Refusal::Signature)
        );
        for bad in ["757107ea", "sha256=75710", "sha256=zz", "sha1=00"] {
            let list = [("X-Hub-Signature-256", bad)];
            assert_eq!(
                run(
                    &scheme(Encoding::Hex, None),
                    &secrets,
                    &list,
                    b"Hello, World!",
                    NOW
                ),
                Err(Refusal::Malformed("the signature")),
                "{bad}"
            );
        }
        assert_eq!(
            run(
                &scheme(Encoding::Hex, None),
                &secrets,
                &[("X-Hub-Signature-256", "sha256=75")],
                b"Hello, World!",
                NOW
            ),
            Err(Refusal::Signature)
        );
        let signed = mac(
            b"It's a Secret to Everybody",
            Hash::Sha256,
            b"1649367553.body",
        );
        let signed = format!("sha256={}", BASE64.encode(signed));
        let list = [
            ("x-hub-signature-256", signed.as_str()),
            ("x-time", "1649367553"),
        ];
        let timed = scheme(Encoding::Base64, Some("x-time"));
        assert!(run(&timed, &secrets, &list, b"body", NOW).is_ok());
        assert_eq!(
            run(&timed, &secrets, &list, b"body", NOW + 400_000),
            Err(Refusal::Time)
        );
        assert_eq!(
            run(&timed, &secrets, &list[..1], b"body", NOW),
            Err(Refusal::Missing("x-time".to_owned()))
        );
    }

    #[test]
    fn a_shared_token_in_a_header() {
        let secrets = secrets(&[("k", "s3cret-token")]);
        let scheme = |header: &str| Scheme::SharedToken {
            secret: "k".to_owned(),
            header: header.to_owned(),
        };
        for (header, value, fits) in [
            ("x-token", "s3cret-token", true),
            ("x-token", "Bearer s3cret-token", false),
            ("authorization", "Bearer s3cret-token", true),
            ("authorization", "bearer  s3cret-token", true),
            ("authorization", "s3cret-token", true),
            ("x-token", "s3cret-toke", false),
            ("x-token", "s3cret-token2", false),
            ("x-token", "", false),
        ] {
            assert_eq!(
                run(&scheme(header), &secrets, &[(header, value)], b"", NOW).is_ok(),
                fits,
                "{header}: {value}"
            );
        }
    }

    const AES_KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
    const TOKEN: &str = "QDG6eK";
    const CORP: &str = "wx5823bf96d3bd56c7";

    fn callback() -> (Scheme, BTreeMap<String, SecretValue>, Value) {
        let scheme = Scheme::Wecom {
            token: "token".to_owned(),
            aes_key: "aes".to_owned(),
            receiver: "corp_id".to_owned(),
        };
        (
            scheme,
            secrets(&[("token", TOKEN), ("aes", AES_KEY)]),
            serde_json::json!({ "corp_id": CORP }),
        )
    }

    /// The example of WeCom's documentation of callbacks: the check of an address.
    #[test]
    fn the_published_handshake_of_wecom_is_answered() {
        let (scheme, secrets, settings) = callback();
        let query = "msg_signature=5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3&timestamp=1409659589&nonce=263014780\
            &echostr=P9nAzCzyDtyTWESHep1vC5X9xho%2FqYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp%2B4RPcs8TgAE7OaBO%2BFZXvnaqQ%3D%3D";
        let request = |query| Request {
            method: "GET",
            path: "",
            query,
            headers: &[],
            body: b"",
        };
        let now = 1_409_659_600_000;
        let proved = verify(&scheme, &secrets, &settings, &request(query), now).unwrap();
        let reply = proved.reply.unwrap();
        assert_eq!(
            (reply.status, reply.body.as_slice()),
            (200, b"1616140317555161061".as_slice())
        );
        assert_eq!(
            verify(&scheme, &secrets, &settings, &request(query), now + 600_000),
            Err(Refusal::Time)
        );
        let forged = query.replace("5c45", "5c46");
        assert_eq!(
            verify(&scheme, &secrets, &settings, &request(&forged), now),
            Err(Refusal::Signature)
        );
        let other = serde_json::json!({ "corp_id": "wx0000000000000000" });
        assert_eq!(
            verify(&scheme, &secrets, &other, &request(query), now),
            Err(Refusal::Receiver)
        );
        assert_eq!(
            verify(&scheme, &secrets, &Value::Null, &request(query), now),
            Err(Refusal::Receiver)
        );
    }

    fn encrypt(message: &[u8], receiver: &str, padding_block: usize) -> String {
        let key = LENIENT.decode(AES_KEY).unwrap();
        let mut plain = vec![7; 16];
        plain.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        plain.extend(message);
        plain.extend(receiver.as_bytes());
        let padding = padding_block - plain.len() % padding_block;
        plain.extend(vec![u8::try_from(padding).unwrap(); padding]);
        let length = plain.len();
        let encryptor = cbc::Encryptor::<Aes256>::new_from_slices(&key, &key[..16]).unwrap();
        BASE64.encode(
            encryptor
                .encrypt_padded::<NoPadding>(&mut plain, length)
                .unwrap(),
        )
    }

    fn signed(encrypted: &str) -> String {
        let mut parts = [TOKEN, "1649367553", "n", encrypted];
        parts.sort_unstable();
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes());
        let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        format!("msg_signature={hex}&timestamp=1649367553&nonce=n")
    }

    #[test]
    fn messages_of_wecom_are_decrypted_and_only_for_the_receiver() {
        let (scheme, secrets, settings) = callback();
        let run = |encrypted: &str, body: &str| {
            let query = signed(encrypted);
            let request = Request {
                method: "POST",
                path: "",
                query: &query,
                headers: &[],
                body: body.as_bytes(),
            };
            verify(&scheme, &secrets, &settings, &request, NOW)
        };
        for message in ["<xml><Content>你好</Content></xml>", "", &"长".repeat(40)] {
            let encrypted = encrypt(message.as_bytes(), CORP, 32);
            for body in [
                format!(
                    "<xml><ToUserName><![CDATA[x]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
                ),
                format!("<xml><Encrypt>{encrypted}</Encrypt></xml>"),
                format!(r#"{{"encrypt":"{encrypted}"}}"#),
            ] {
                let proved = run(&encrypted, &body).unwrap();
                assert_eq!(
                    (proved.body.as_slice(), proved.reply),
                    (message.as_bytes(), None)
                );
            }
            assert_eq!(
                run(&encrypted, "<xml></xml>"),
                Err(Refusal::Missing("Encrypt".to_owned()))
            );
        }
        let stranger = encrypt(b"x", "wxother", 32);
        assert_eq!(
            run(&stranger, &format!("<Encrypt>{stranger}</Encrypt>")),
            Err(Refusal::Receiver)
        );
        // Signed by somebody who knows the token and not the key.
        let broken = BASE64.encode([1; 64]);
        assert_eq!(
            run(&broken, &format!("<Encrypt>{broken}</Encrypt>")),
            Err(Refusal::Malformed("the message"))
        );
        let odd = BASE64.encode([1; 33]);
        assert_eq!(
            run(&odd, &format!("<Encrypt>{odd}</Encrypt>")),
            Err(Refusal::Malformed("the message"))
        );
    }

    #[test]
    fn the_plugin_sees_what_its_manifest_names() {
        let webhook: Webhook = serde_json::from_value(serde_json::json!({
            "verify": [{"scheme": "plugin"}, {"scheme": "shared-token", "secret": "k", "header": "x"}],
            "headers": ["x-event", "authorization"],
        }))
        .unwrap();
        let all = headers(&[
            ("X-Event", "a"),
            ("x-event", "b"),
            ("Content-Type", "c"),
            ("X-Other", "d"),
            ("Cookie", "e"),
            ("Authorization", "f"),
        ]);
        let seen = visible_headers(&webhook, &all);
        assert_eq!(
            seen,
            headers(&[("x-event", "a"), ("x-event", "b"), ("content-type", "c")])
        );
        assert_eq!(
            super::scheme(&webhook, &Value::Null).unwrap().name(),
            "plugin"
        );
        let chosen = serde_json::json!({"verification": "shared-token"});
        assert_eq!(
            super::scheme(&webhook, &chosen).unwrap().name(),
            "shared-token"
        );
        let unknown = serde_json::json!({"verification": "none"});
        assert!(super::scheme(&webhook, &unknown).is_none());
    }
}
