//! Commands and what they lead to.

use plugin_sdk::bindings::base::bihuan::plugin::types::Header;
use plugin_sdk::bindings::base::bihuan::plugin::{clock, log, metrics, random};
use plugin_sdk::bindings::powers::bihuan::plugin::{crypto, http, secrets, state};
use plugin_sdk::{Failure, FailureClass, failure};
use serde_json::{Value, json};

/// A JSON list; anything else is no command at all.
#[allow(dead_code, reason = "the steered guest has its commands in its settings")]
pub fn commands(script: &str) -> Result<Vec<Value>, Failure> {
    if !script.starts_with('[') {
        return Ok(Vec::new());
    }
    serde_json::from_str(script).map_err(|e| failure::new(FailureClass::Internal, "probe.script", e.to_string()))
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// Keeps something in the state, where the test finds it among the staged writes.
#[allow(dead_code, reason = "not every role notes something")]
pub fn note(key: &str, value: &[u8]) -> Result<(), Failure> {
    state::set(key, value, None).map_err(|e| failure::new(FailureClass::Config, "probe.state", format!("{e:?}")))
}

fn answer<T, E: std::fmt::Debug>(result: Result<T, E>, ok: impl FnOnce(T) -> Value) -> Value {
    match result {
        Ok(value) => json!({ "ok": ok(value) }),
        Err(error) => json!({ "error": format!("{error:?}") }),
    }
}

/// What a command leads to. `fail` and what is not known are failures of the call.
pub fn run(command: &Value) -> Result<Value, Failure> {
    let of = |name: &str| text(&command[name]);
    Ok(match command["do"].as_str().unwrap_or_default() {
        "http" => answer(send(command), |r| r),
        "http-all" => {
            let empty = Vec::new();
            let list = command["requests"].as_array().unwrap_or(&empty);
            let handles: Vec<Vec<Held>> = list.iter().map(held).collect::<Result<_, _>>()?;
            let requests: Vec<http::Request<'_>> =
                list.iter().zip(&handles).map(|(c, h)| request(c, h)).collect();
            let answers = http::send_all(&requests);
            Value::Array(answers.into_iter().map(|r| answer(r, response)).collect())
        }
        "state-set" => {
            let value = match command["bytes"].as_u64() {
                Some(bytes) => vec![b'x'; bytes as usize],
                None => of("value").into_bytes(),
            };
            answer(state::set(&of("key"), &value, command["ttl"].as_u64()), |()| json!(true))
        }
        "state-fill" => {
            let mut done = 0;
            let mut error = None;
            for n in 0..number(&command["count"]) {
                match state::set(&format!("fill-{n}"), &vec![b'x'; number(&command["bytes"]) as usize], None) {
                    Ok(()) => done += 1,
                    Err(e) => {
                        error = Some(format!("{e:?}"));
                        break;
                    }
                }
            }
            json!({ "done": done, "error": error })
        }
        "state-get" => answer(state::get(&of("key")), |v| match v {
            Some(v) => json!(String::from_utf8_lossy(&v)),
            None => Value::Null,
        }),
        "state-delete" => answer(state::delete(&of("key")), |()| json!(true)),
        "state-keys" => answer(
            state::keys(&of("prefix"), command["after"].as_str(), number(&command["limit"]) as u32),
            |k| json!(k),
        ),
        "secret" => answer(secrets::get(&of("name")), |s| json!(s.id())),
        "secrets" => {
            let mut held = Vec::new();
            for _ in 0..number(&command["count"]) {
                if let Ok(secret) = secrets::get(&of("name")) {
                    held.push(secret);
                }
            }
            json!(held.len())
        }
        "mac" => {
            let secrets = all_secrets(command)?;
            let (key, message) = (parts(&command["key"], &secrets), parts(&command["message"], &secrets));
            answer(crypto::mac(&key, hash(command), &message), |m| json!(hex(&m)))
        }
        "verify-mac" => {
            let secrets = all_secrets(command)?;
            let (key, message) = (parts(&command["key"], &secrets), parts(&command["message"], &secrets));
            answer(crypto::verify_mac(&key, hash(command), &message, &from_hex(&of("mac"))), |ok| json!(ok))
        }
        "sign" => match secrets::get(&of("name")) {
            Err(error) => json!({ "error": format!("{error:?}") }),
            Ok(key) => answer(crypto::sign(&key, kind(command), of("message").as_bytes()), |s| json!(hex(&s))),
        },
        "verify" => answer(
            crypto::verify(&of("key"), kind(command), of("message").as_bytes(), &from_hex(&of("value"))),
            |ok| json!(ok),
        ),
        #[cfg(any(feature = "acking-puller", feature = "connector", feature = "steered"))]
        "examine" => {
            use plugin_sdk::bindings::powers::bihuan::plugin::imap;
            answer(imap::examine(&of("folder")), |s| json!([s.uid_validity, s.uid_next, s.exists]))
        }
        #[cfg(any(feature = "acking-puller", feature = "connector", feature = "steered"))]
        "fetch" => {
            use plugin_sdk::bindings::powers::bihuan::plugin::imap;
            let got = imap::fetch(&of("folder"), number(&command["after"]) as u32, number(&command["limit"]) as u32);
            answer(got, |mails| {
                mails
                    .iter()
                    .map(|m| json!([m.uid, m.received_at, String::from_utf8_lossy(&m.raw), m.truncated]))
                    .collect()
            })
        }
        #[cfg(any(feature = "acking-puller", feature = "connector", feature = "steered"))]
        "mark-seen" => {
            use plugin_sdk::bindings::powers::bihuan::plugin::imap;
            let empty = Vec::new();
            let uids: Vec<u32> = command["uids"].as_array().unwrap_or(&empty).iter().map(|u| number(u) as u32).collect();
            answer(imap::mark_seen(&of("folder"), &uids), |()| json!(true))
        }
        "log" => {
            let fields = [log::Field { key: "field".to_owned(), value: of("field") }];
            log::log(log::Level::Info, &of("text"), &fields);
            Value::Null
        }
        "metric" => {
            metrics::add(&of("name"), number(&command["value"]));
            Value::Null
        }
        "random" => json!(hex(&random::bytes(number(&command["bytes"]) as u32))),
        "now" => json!(clock::now()),
        "nothing" => Value::Null,
        "fail" => {
            let class = match of("class").as_str() {
                "config" => FailureClass::Config,
                "rate-limited" => FailureClass::RateLimited,
                "transient" => FailureClass::Transient,
                "invalid-input" => FailureClass::InvalidInput,
                "cursor-expired" => FailureClass::CursorExpired,
                _ => FailureClass::Internal,
            };
            return Err(failure::new(class, "probe.asked", of("message")));
        }
        "panic" => panic!("{}", of("message")),
        other => return Err(failure::new(FailureClass::Internal, "probe.unknown", other.to_owned())),
    })
}

/// A credential of a command with its handle.
struct Held {
    kind: String,
    name: String,
    secret: secrets::Secret,
}

fn held(command: &Value) -> Result<Vec<Held>, Failure> {
    let empty = Vec::new();
    let list = command["credentials"].as_array().unwrap_or(&empty);
    list.iter()
        .map(|c| {
            let secret = secrets::get(&text(&c["secret"]))
                .map_err(|e| failure::new(FailureClass::Config, "probe.secret", format!("{e:?}")))?;
            Ok(Held { kind: text(&c["kind"]), name: text(&c["name"]), secret })
        })
        .collect()
}

fn request<'a>(command: &Value, held: &'a [Held]) -> http::Request<'a> {
    let method = match command["method"].as_str().unwrap_or("GET") {
        "HEAD" => http::Method::Head,
        "POST" => http::Method::Post,
        "PUT" => http::Method::Put,
        "PATCH" => http::Method::Patch,
        "DELETE" => http::Method::Delete,
        "OPTIONS" => http::Method::Options,
        _ => http::Method::Get,
    };
    let empty = Vec::new();
    let headers = command["headers"].as_array().unwrap_or(&empty);
    http::Request {
        method,
        url: text(&command["url"]),
        headers: headers.iter().map(|h| Header { name: text(&h[0]), value: text(&h[1]) }).collect(),
        body: command["body"].as_str().map(|b| b.as_bytes().to_vec()),
        credentials: held
            .iter()
            .map(|h| match h.kind.as_str() {
                "basic" => http::Credential::Basic((h.name.clone(), &h.secret)),
                "header" => http::Credential::Header((h.name.clone(), &h.secret)),
                "query" => http::Credential::Query((h.name.clone(), &h.secret)),
                "form" => http::Credential::Form((h.name.clone(), &h.secret)),
                "json" => http::Credential::Json((h.name.clone(), &h.secret)),
                _ => http::Credential::Bearer(&h.secret),
            })
            .collect(),
        max_redirects: number(&command["redirects"]) as u8,
        timeout_ms: command["timeout"].as_u64().map(|t| t as u32),
        max_response_bytes: command["max"].as_u64().map(|t| t as u32),
        idempotency_key: command["key"].as_str().map(str::to_owned),
    }
}

fn send(command: &Value) -> Result<Value, String> {
    let held = held(command).map_err(|f| f.message)?;
    http::send(&request(command, &held)).map(response).map_err(|e| format!("{e:?}"))
}

fn response(r: http::Response) -> Value {
    let headers: Vec<Value> = r.headers.iter().map(|h| json!([h.name, h.value])).collect();
    json!({ "status": r.status, "url": r.url, "headers": headers, "body": String::from_utf8_lossy(&r.body) })
}

/// The secrets that the parts of a command name.
fn all_secrets(command: &Value) -> Result<Vec<(String, secrets::Secret)>, Failure> {
    let mut found = Vec::new();
    for list in [&command["key"], &command["message"]] {
        for part in list.as_array().into_iter().flatten() {
            if let Some(name) = part["secret"].as_str() {
                let secret = secrets::get(name)
                    .map_err(|e| failure::new(FailureClass::Config, "probe.secret", format!("{e:?}")))?;
                found.push((name.to_owned(), secret));
            }
        }
    }
    Ok(found)
}

fn parts<'a>(list: &Value, held: &'a [(String, secrets::Secret)]) -> Vec<crypto::Part<'a>> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|part| match part["secret"].as_str() {
            Some(name) => match held.iter().find(|(n, _)| n == name) {
                Some((_, secret)) => crypto::Part::Secret(secret),
                None => crypto::Part::Bytes(Vec::new()),
            },
            None => crypto::Part::Bytes(text(part).into_bytes()),
        })
        .collect()
}

fn hash(command: &Value) -> crypto::Hash {
    match command["hash"].as_str() {
        Some("sha1") => crypto::Hash::Sha1,
        Some("sha512") => crypto::Hash::Sha512,
        _ => crypto::Hash::Sha256,
    }
}

fn kind(command: &Value) -> crypto::Signature {
    match command["kind"].as_str() {
        Some("rsa") => crypto::Signature::RsaPkcs1Sha256,
        Some("ecdsa") => crypto::Signature::EcdsaP256Sha256,
        _ => crypto::Signature::Ed25519,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).filter_map(|n| u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()).collect()
}

/// Changes the page as the command says.
#[cfg(any(feature = "acking-puller", feature = "connector", feature = "steered"))]
pub fn page(page: &mut plugin_sdk::connector::Page, command: &Value) {
    use plugin_sdk::connector::{Item, Next, Rejected, Scalar};
    if let Some(bytes) = command["cursor"].as_u64() {
        page.cursor.value = "c".repeat(bytes as usize);
    }
    for id in command["ids"].as_array().into_iter().flatten() {
        page.items.push(Item {
            external_id: text(id),
            rating: Some(Scalar::Number(f64::from(4))),
            ..Item::default()
        });
    }
    for n in 0..number(&command["count"]) {
        page.items.push(Item { external_id: format!("n{n}"), ..Item::default() });
    }
    if let Some(bytes) = command["large"].as_u64() {
        page.items.push(Item { external_id: "large".to_owned(), text: Some("x".repeat(bytes as usize)), ..Item::default() });
    }
    if command["nan"] == true {
        page.items.push(Item { external_id: "nan".to_owned(), rating: Some(Scalar::Number(f64::NAN)), ..Item::default() });
    }
    if let Some(raw) = command["rejected"].as_str() {
        page.rejected.push(Rejected {
            external_id: Some("r\u{7}1".to_owned()),
            raw: raw.to_owned(),
            failure: failure::new(FailureClass::InvalidInput, "probe.rejected", "bad\u{1b}[31m".to_owned()),
        });
    }
    for token in command["acks"].as_array().into_iter().flatten() {
        page.ack_tokens.push(text(token));
    }
    if command["more"] == true {
        page.next = Next::More;
    }
    if let Some(ms) = command["idle"].as_u64() {
        page.next = Next::Idle(Some(ms));
    }
}
