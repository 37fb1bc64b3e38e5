//! Who may do what: every operation of the interface by every role, and the doors around it.

use domain::identity::{Operation, Role, allows};
use serde_json::{Value, json};
use tests::http::{Part, multipart};
use tests::{Caller, Engine, Reply, Server};

/// A value of a schema: what is required and nothing more.
fn example(schema: &Value, document: &Value, depth: usize) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let target = document
            .pointer(name.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("no {name}"));
        return example(target, document, depth);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[several]
            .as_array()
            .and_then(|all| all.iter().find(|s| s["type"] != "null"))
        {
            return example(first, document, depth);
        }
    }
    let kind = match &schema["type"] {
        Value::Array(several) => several
            .iter()
            .find(|k| *k != "null")
            .cloned()
            .unwrap_or_default(),
        one => one.clone(),
    };
    match (kind.as_str().unwrap_or("object"), schema["format"].as_str()) {
        ("string", Some("date-time")) => json!("2026-01-02T03:04:05Z"),
        ("string", Some("date")) => json!("2026-01-02"),
        ("string", Some("uuid")) => json!("01890000-0000-7000-8000-000000000000"),
        ("string", _) => json!("x"),
        ("integer", _) => json!(1),
        ("number", _) => json!(0.5),
        ("boolean", _) => json!(true),
        ("array", _) => json!([]),
        _ if depth > 6 => json!({}),
        _ => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let fields = required.iter().filter_map(Value::as_str);
            fields
                .map(|name| {
                    (
                        name.to_owned(),
                        example(&schema["properties"][name], document, depth + 1),
                    )
                })
                .collect()
        }
    }
}

/// One operation of the interface.
struct Call {
    method: String,
    /// As in the document.
    template: String,
    path: String,
    /// `None`: for everybody.
    scope: Option<Operation>,
    body: Option<(String, Vec<u8>)>,
}

impl Call {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    fn by(&self, caller: &Caller) -> Reply {
        let (kind, body) = self
            .body
            .as_ref()
            .map_or((None, &[][..]), |(k, b)| (Some(k.as_str()), b.as_slice()));
        caller.send(&self.method, &self.path, kind, body)
    }
}

/// Every operation of the document; one without a scope fails the test.
fn calls(document: &Value) -> Vec<Call> {
    let mut all = Vec::new();
    for (template, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if !["get", "post", "put", "delete", "patch"].contains(&method.as_str()) {
                continue;
            }
            let name = format!("{} {template}", method.to_uppercase());
            let security = operation["security"]
                .as_array()
                .unwrap_or_else(|| panic!("{name} says nothing of who may do it"));
            let scopes: Vec<&str> = security
                .iter()
                .filter_map(|s| s.as_object())
                .flat_map(|s| s.values())
                .flat_map(|v| v.as_array().into_iter().flatten())
                .filter_map(Value::as_str)
                .collect();
            let open = security
                .iter()
                .any(|s| s.as_object().is_some_and(serde_json::Map::is_empty));
            let scope = match (scopes.as_slice(), open) {
                ([], true) => None,
                ([one], false) => Some(
                    Operation::parse(one).unwrap_or_else(|| panic!("{name}: no such scope: {one}")),
                ),
                _ => panic!("{name}: exactly one scope, not {security:?}"),
            };
            let mut path = template.clone();
            while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
                let value = if path[from..to].contains("key") {
                    "nothing-of-that-name"
                } else {
                    "01890000-0000-7000-8000-000000000000"
                };
                path.replace_range(from..=to, value);
            }
            let query: Vec<String> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|p| p["in"] == "query" && p["required"] == true)
                .map(|p| {
                    let value = if p["name"] == "metric" {
                        json!("contacts")
                    } else {
                        example(&p["schema"], document, 0)
                    };
                    format!(
                        "{}={}",
                        p["name"].as_str().expect("a name"),
                        value.as_str().map_or(value.to_string(), str::to_owned)
                    )
                })
                .collect();
            if !query.is_empty() {
                path = format!("{path}?{}", query.join("&"));
            }
            let content = operation["requestBody"]["content"].as_object();
            let body = content
                .and_then(|all| all.iter().next())
                .map(|(kind, media)| {
                    if kind.starts_with("multipart/") {
                        return multipart(&[Part {
                            name: "nothing",
                            file_name: None,
                            content: b"x",
                        }]);
                    }
                    (
                        kind.clone(),
                        example(&media["schema"], document, 0)
                            .to_string()
                            .into_bytes(),
                    )
                });
            all.push(Call {
                method: method.to_uppercase(),
                template: template.clone(),
                path,
                scope,
                body,
            });
        }
    }
    all
}

/// The table of tables: every operation × every role, and nobody.
#[test]
fn every_operation_by_every_role() {
    let server = Server::start(Engine::Sqlite);
    let document = server.admin().get("/api/v1/openapi.json").ok();
    let calls = calls(&document);
    assert!(calls.len() > 40, "{} operations", calls.len());
    let roles: Vec<(Role, Caller)> = Role::ALL
        .into_iter()
        .map(|r| (r, server.role(r.as_str())))
        .collect();
    let mut wrong = Vec::new();
    let mut table = String::new();
    for call in &calls {
        let name = call.name();
        let anonymous = call.by(&server.anonymous());
        match call.scope {
            Some(_) if anonymous.status != 401 => {
                wrong.push(format!("{name} by nobody: {}, not 401", anonymous.status))
            }
            None if anonymous.status == 403 => wrong.push(format!("{name} by nobody: 403")),
            _ => {}
        }
        table.push_str(&format!("{name:<60} {}", anonymous.status));
        for (role, caller) in &roles {
            let reply = call.by(caller);
            table.push_str(&format!(" {}", reply.status));
            let Some(scope) = call.scope else { continue };
            let refused = matches!(reply.status, 401 | 403);
            let expected = allows(*role, scope);
            if expected && refused
                || !expected && reply.status != 403
                || reply.status >= 500 && reply.status != 503
            {
                let what = if expected { "may" } else { "may not" };
                wrong.push(format!(
                    "{name} by {} ({what} {}): {} {}",
                    role.as_str(),
                    scope.as_str(),
                    reply.status,
                    reply.text()
                ));
            }
        }
        table.push('\n');
    }
    assert!(wrong.is_empty(), "{}\n\n{table}", wrong.join("\n"));
    for operation in Operation::ALL {
        assert!(
            calls.iter().any(|c| c.scope == Some(operation)),
            "nothing needs {}",
            operation.as_str()
        );
    }
}

/// A token with scopes does those and nothing else; one that ended does nothing.
#[test]
fn tokens_do_what_they_are_limited_to() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    let token = |body: Value| admin.post("/api/v1/tokens", &body);
    let made =
        token(json!({"name": "sender", "role": "integrator", "scopes": ["send_feedback"]})).ok();
    let secret = made["token"].as_str().expect("shown once").to_owned();
    let sender = Caller::bearer(server.address, &secret);
    let item = json!({"items": [{"channel": "x", "external_id": "1", "text": "hello"}]});
    assert_eq!(sender.post("/api/v1/feedback", &item).ok()["accepted"], 1);
    sender.get("/api/v1/topics").problem(403, "not_allowed");
    assert!(
        !admin.get("/api/v1/tokens").text().contains(&secret),
        "never shown again"
    );
    token(json!({"name": "x", "role": "king"})).problem(422, "invalid_field");
    token(json!({"name": "x", "role": "viewer", "scopes": ["fly"]})).problem(422, "invalid_field");
    // Scopes narrow a role and never widen it.
    let made = token(json!({"name": "narrow", "role": "viewer", "scopes": ["manage_access"]})).ok();
    let narrow = Caller::bearer(server.address, made["token"].as_str().expect("a token"));
    narrow.get("/api/v1/tokens").problem(403, "not_allowed");
    let ended =
        token(json!({"name": "old", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"})).ok();
    Caller::bearer(server.address, ended["token"].as_str().expect("a token"))
        .get("/api/v1/topics")
        .problem(401, "not_authenticated");
    let all = admin.get("/api/v1/tokens").items();
    let id = all
        .iter()
        .find(|t| t["name"] == "sender")
        .and_then(|t| t["id"].as_str())
        .expect("its id")
        .to_owned();
    assert_eq!(admin.delete(&format!("/api/v1/tokens/{id}")).status, 204);
    sender
        .post("/api/v1/feedback", &item)
        .problem(401, "not_authenticated");
    for nonsense in ["Bearer", "Bearer ", "Basic YTpi", "voc_x"] {
        server
            .anonymous()
            .with("authorization", nonsense)
            .get("/api/v1/topics")
            .problem(401, "not_authenticated");
    }
    // None of the secrets is kept as it is.
    let kept = server
        .database()
        .texts("SELECT secret_hash AS t FROM api_token")
        .join(" ");
    assert!(!kept.contains(&secret));
    assert!(
        !server.log().contains(&secret) && !server.log().contains(tests::server::ADMIN_TOKEN),
        "no secret in the log"
    );
}

/// A session's cookie alone writes nothing: the page that writes must have read its token.
#[test]
fn a_session_needs_its_token_to_write() {
    let server = Server::start(Engine::Sqlite);
    let password = "correct horse battery";
    let user = json!({"email": "Mei@telecom.example", "name": "李梅", "role": "voc_owner", "password": password});
    server.admin().post("/api/v1/users", &user).ok();
    let weak = json!({"email": "x@telecom.example", "role": "viewer", "password": "short"});
    server
        .admin()
        .post("/api/v1/users", &weak)
        .problem(422, "invalid_field");
    let anonymous = server.anonymous();
    let credentials = json!({"email": "mei@telecom.example", "password": password});
    let reply = anonymous.post("/api/v1/session", &credentials);
    let session = reply.ok();
    assert_eq!(session["user"]["role"], "voc_owner");
    assert_eq!(session["mail"]["leaves_machine"], false);
    let set = reply.header("set-cookie").expect("a cookie").to_owned();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite="),
        "{set}"
    );
    assert!(
        !set.contains("Secure"),
        "on http a LAN without certificates works: {set}"
    );
    let cookie = set.split(';').next().expect("a pair");
    let csrf = session["csrf_token"].as_str().expect("a token");
    let page = anonymous.with("cookie", cookie);
    page.get("/api/v1/topics").ok();
    let topic = json!({"key": "停机", "name": "停机"});
    page.put("/api/v1/topics/停机", &topic)
        .problem(403, "csrf_refused");
    page.with("x-csrf-token", "guessed")
        .put("/api/v1/topics/停机", &topic)
        .problem(403, "csrf_refused");
    let foreign = page
        .with("x-csrf-token", csrf)
        .with("sec-fetch-site", "cross-site");
    foreign
        .put("/api/v1/topics/停机", &topic)
        .problem(403, "csrf_refused");
    anonymous
        .with("sec-fetch-site", "cross-site")
        .post("/api/v1/session", &credentials)
        .problem(403, "csrf_refused");
    assert!(
        page.get("/api/v1/topics").items().is_empty(),
        "nothing was written"
    );
    let mine = page.with("x-csrf-token", csrf);
    mine.put("/api/v1/topics/停机", &topic).ok();
    assert_eq!(mine.delete("/api/v1/session").status, 204);
    mine.get("/api/v1/session")
        .problem(401, "not_authenticated");

    // A planted cookie is worth nothing: a log-in makes a session of its own.
    let planted = anonymous
        .with("cookie", "bihuan=planted-by-somebody")
        .post("/api/v1/session", &credentials);
    let fresh = planted.header("set-cookie").expect("a cookie").to_owned();
    assert!(!fresh.contains("planted-by-somebody"));
    let kept = server.database();
    let secret = fresh
        .split(';')
        .next()
        .and_then(|p| p.split('=').nth(1))
        .expect("a value");
    assert_eq!(
        kept.count(&format!(
            "SELECT COUNT(*) AS n FROM session WHERE id_hash = '{secret}'"
        )),
        0,
        "stored hashed"
    );
    assert!(kept.texts("SELECT password_hash AS t FROM account")[0].starts_with("$argon2id$"));

    // Once disabled, the session is over at once.
    let mine = anonymous.with("cookie", fresh.split(';').next().expect("a pair"));
    mine.get("/api/v1/session").ok();
    let id = server.admin().get("/api/v1/users").items()[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    server
        .admin()
        .put(&format!("/api/v1/users/{id}"), &json!({"disabled": true}))
        .ok();
    mine.get("/api/v1/session")
        .problem(401, "not_authenticated");
}

/// Guessing a password is slow work; other people are not locked out by it.
#[test]
fn guessing_passwords_is_stopped() {
    let server = Server::start(Engine::Sqlite);
    let password = "correct horse battery";
    for who in ["mei", "tao"] {
        let user = json!({"email": format!("{who}@telecom.example"), "role": "viewer", "password": password});
        server.admin().post("/api/v1/users", &user).ok();
    }
    let anonymous = server.anonymous();
    let log_in = |who: &str, password: &str| {
        anonymous.post(
            "/api/v1/session",
            &json!({"email": format!("{who}@telecom.example"), "password": password}),
        )
    };
    let mut tries = 0;
    let refused = loop {
        let reply = log_in("mei", "wrong horse battery");
        tries += 1;
        if reply.status == 429 {
            break reply;
        }
        reply.problem(401, "wrong_credentials");
        assert!(tries < 30, "thirty guesses and still welcome");
    };
    refused.problem(429, "too_many_attempts");
    let wait: u64 = refused
        .header("retry-after")
        .and_then(|s| s.parse().ok())
        .expect("when to come back");
    assert!(wait > 0);
    log_in("mei", password).problem(429, "too_many_attempts");
    log_in("tao", password).ok();
    // Somebody who does not exist is told the same as somebody who mistyped.
    let nobody = log_in("nobody", password).problem(401, "wrong_credentials");
    let mistyped = log_in("tao", "wrong").problem(401, "wrong_credentials");
    assert_eq!(
        (&nobody["title"], &nobody["detail"]),
        (&mistyped["title"], &mistyped["detail"])
    );
    assert!(!server.log().contains("wrong horse battery"));
}

/// What every answer carries, and what the console's page may load.
#[test]
fn answers_carry_their_armour() {
    let server = Server::start(Engine::Sqlite);
    let admin = server.admin();
    for path in [
        "/api/v1/topics",
        "/api/v1/nothing",
        "/healthz",
        "/",
        "/issues",
    ] {
        let reply = admin.get(path);
        let header = |name: &str| reply.header(name).unwrap_or_default().to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        let csp = header("content-security-policy");
        assert!(
            csp.contains("frame-ancestors 'none'") && !csp.contains("unsafe-eval"),
            "{path}: {csp}"
        );
        let scripts = csp
            .split(';')
            .find(|d| d.trim().starts_with("script-src"))
            .unwrap_or_default();
        assert!(!scripts.contains("unsafe-inline"), "{path}: {csp}");
        assert!(!header("x-request-id").is_empty());
    }
    admin.get("/api/v1/nothing").problem(404, "not_found");
    let reply = admin.send("PATCH", "/api/v1/topics", Some("application/json"), b"{}");
    reply.problem(405, "method_not_allowed");
    admin
        .get("/api/v1/issues?colour=red")
        .problem(400, "invalid_query");
}
