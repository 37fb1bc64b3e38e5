//! The way out: hostile servers, names and guests. Every case ends with a typed word in bounded time.

use std::sync::{Arc, Mutex};

use plugin_host::{
    Connector, HostGrant, ImapGrant, ImapTls, Installation, PluginError, SecretValue,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::fixtures::IMAP;
use crate::lab::{
    Authority, Lab, Reaction, Server, TOKEN, answer, asking, ok, reaching, refused, run, run_one,
};

async fn plain(react: impl Fn(&crate::lab::Seen) -> Reaction + Send + Sync + 'static) -> Server {
    Server::start(None, react).await
}

/// A guest that may reach one server on this machine in the clear.
async fn guest(lab: &Lab, server: &Server) -> (Connector, String) {
    let origin = server.origin("http", "127.0.0.1");
    (connector(lab, reaching(&[&origin])).await, origin)
}

async fn connector(lab: &Lab, installation: Installation) -> Connector {
    let compiled = lab.compile("acking-puller", IMAP, "{}").await;
    lab.host.connector(&compiled, installation).unwrap()
}

fn get(url: &str) -> Value {
    json!({"do": "http", "url": url})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_put_on_the_wire_and_nowhere_else() {
    let authority = Authority::new();
    let lab = Lab::new(Some(&authority));
    lab.names.set("api.test", &[&["127.0.0.1"]]);
    let server = Server::start(Some(authority.acceptor("api.test")), |_| {
        answer("200 OK", "Set-Cookie: a=b\r\nX-Answer: yes\r\n", "hello")
    })
    .await;
    let origin = server.origin("https", "api.test");
    let connector = connector(&lab, reaching(&[&origin])).await;
    let with = |kind: &str, name: &str| {
        json!({"do": "http", "url": format!("{origin}/a?b=c#d"), "headers": [["X-Mine", "1"]], "key": "once",
            "credentials": [{"secret": "token", "kind": kind, "name": name}]})
    };
    let mut form = with("form", "app_secret");
    form["method"] = json!("POST");
    form["body"] = json!("app_id=1");
    let mut object = with("json", "app_secret");
    object["method"] = json!("POST");
    object["body"] = json!(r#"{"app_id":"1"}"#);
    let script = json!([
        with("bearer", ""),
        with("basic", "me"),
        with("header", "X-Key"),
        with("query", "key"),
        form,
        object
    ]);
    let answers = run(&connector, &script).await;
    for answer in &answers {
        let got = &answer["ok"];
        assert_eq!(
            (&got["status"], &got["body"]),
            (&json!(200), &json!("hello")),
            "{answer}"
        );
        assert_eq!(got["url"], format!("{origin}/a"));
        assert!(
            got["headers"]
                .as_array()
                .unwrap()
                .contains(&json!(["x-answer", "yes"]))
        );
        assert!(
            !answer.to_string().contains("set-cookie") && !answer.to_string().contains("s3cr3t"),
            "{answer}"
        );
    }
    let seen = server.requests();
    let header = |n: usize, line: &str| assert!(seen[n].headers.contains(line), "{:?}", seen[n]);
    header(0, &format!("authorization: Bearer {TOKEN}"));
    header(0, &format!("host: api.test:{}", server.address.port()));
    header(0, "x-mine: 1");
    header(0, "idempotency-key: once");
    // base64 of `me:s3cr3t-t0ken&=`
    header(1, "authorization: Basic bWU6czNjcjN0LXQwa2VuJj0=");
    header(2, &format!("x-key: {TOKEN}"));
    assert_eq!(seen[3].line, "GET /a?b=c&key=s3cr3t-t0ken%26%3D HTTP/1.1");
    assert_eq!(seen[4].body, "app_id=1&app_secret=s3cr3t-t0ken%26%3D");
    header(4, "content-type: application/x-www-form-urlencoded");
    assert_eq!(
        serde_json::from_str::<Value>(&seen[5].body).unwrap(),
        json!({"app_id": "1", "app_secret": TOKEN})
    );
    let used = lab.calls.lock().unwrap().last().unwrap().used;
    assert_eq!((used.http_calls, used.http_bytes, used.denied), (6, 30, 0));
    assert!(!format!("{:?}", lab.logs.lock().unwrap()).contains("s3cr3t"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_granted_is_denied_before_anything_is_resolved() {
    let lab = Lab::new(None);
    lab.names.set("api.test", &[&["127.0.0.1"]]);
    lab.names.set("other.test", &[&["127.0.0.1"]]);
    let server = plain(|_| ok("")).await;
    let origin = server.origin("http", "api.test");
    let port = server.address.port();
    let mut installation = reaching(&[&origin]);
    installation.hosts.push(HostGrant {
        origin: server.origin("http", "other.test"),
        methods: vec!["GET".to_owned()],
        networks: vec!["127.0.0.0/8".to_owned()],
    });
    // Plain http without networks has no effect, whatever is stored.
    installation.hosts.push(HostGrant {
        origin: "http://lost.test".to_owned(),
        methods: vec!["GET".to_owned()],
        networks: vec![],
    });
    let connector = connector(&lab, installation).await;
    for (command, reason) in [
        (get(&format!("https://api.test:{port}/")), "Denied"),
        (get("http://api.test/"), "Denied"),
        (get(&format!("http://api.test.:{}/", port + 1)), "Denied"),
        (get(&format!("http://sub.api.test:{port}/")), "Denied"),
        (
            get(&format!("http://api.test:{port}.evil.test/")),
            "InvalidRequest",
        ),
        (
            get(&format!("http://api.test:{port}@evil.test/")),
            "InvalidRequest",
        ),
        (
            get(&format!("http://evil.test\\@api.test:{port}/")),
            "Denied",
        ),
        (get("http://lost.test/"), "Denied"),
        (get("file:///etc/passwd"), "InvalidRequest"),
        (get("/a"), "InvalidRequest"),
        (get(&format!("{origin}/\n")), "InvalidRequest"),
        (
            get(&format!("{origin}/{}", "x".repeat(9000))),
            "InvalidRequest",
        ),
        (
            json!({"do": "http", "method": "DELETE", "url": origin}),
            "Denied",
        ),
        (
            json!({"do": "http", "method": "POST", "url": server.origin("http", "other.test")}),
            "Denied",
        ),
        // The secret is for the first origin only.
        (
            json!({"do": "http", "url": server.origin("http", "other.test"), "credentials": [{"secret": "token"}]}),
            "Denied",
        ),
        (
            json!({"do": "http", "url": origin, "redirects": 11}),
            "InvalidRequest",
        ),
    ] {
        let answer = run_one(&connector, command.clone()).await;
        assert!(refused(&answer, reason), "{command}: {answer}");
    }
    assert_eq!(server.requests().len(), 0);
    assert_eq!(lab.names.asked.lock().unwrap().len(), 0);
    // The same server under its granted name, also with a dot at the end and in capitals.
    for url in [origin.clone(), format!("http://API.test.:{port}/")] {
        assert_eq!(
            run_one(&connector, get(&url)).await["ok"]["status"],
            200,
            "{url}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_cannot_be_smuggled() {
    let lab = Lab::new(None);
    let server = plain(|_| ok("")).await;
    let (connector, origin) = guest(&lab, &server).await;
    for (name, value) in [
        ("x", "a\r\nhost: evil.test"),
        ("x", "a\nb"),
        ("x", "a\0"),
        ("x\r\ny", "a"),
        ("x y", "a"),
        ("", "a"),
        ("Host", "evil.test"),
        ("content-length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("connection", "close"),
        ("TE", "trailers"),
        ("upgrade", "h2c"),
        ("expect", "100-continue"),
        ("proxy-authorization", "x"),
        ("Cookie", "a=b"),
        ("x-forwarded-for", "10.0.0.1"),
    ] {
        let answer = run_one(
            &connector,
            json!({"do": "http", "url": origin, "headers": [[name, value]]}),
        )
        .await;
        assert!(refused(&answer, "InvalidRequest"), "{name}: {answer}");
    }
    let key = run_one(
        &connector,
        json!({"do": "http", "url": origin, "key": "a\r\nb: c"}),
    )
    .await;
    assert!(refused(&key, "InvalidRequest"), "{key}");
    let mut installation = reaching(&[&origin]);
    let broken = SecretValue::new(b"a\r\nx: y".to_vec(), 1, vec![origin.clone()]);
    installation.secrets.insert("token".to_owned(), broken);
    let second = super::outside::connector(&lab, installation).await;
    for kind in ["bearer", "header"] {
        let credentials = json!([{"secret": "token", "kind": kind, "name": "x-key"}]);
        let answer = run_one(
            &second,
            json!({"do": "http", "url": origin, "credentials": credentials}),
        )
        .await;
        assert!(refused(&answer, "InvalidRequest"), "{answer}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_changes_its_answer_gains_nothing() {
    let lab = Lab::new(None);
    let server = plain(|_| ok("inside")).await;
    let origin = server.origin("http", "api.test");
    let connector = connector(&lab, reaching(&[&origin])).await;
    lab.names.set(
        "api.test",
        &[
            &["127.0.0.1"],
            &["169.254.169.254"],
            &["10.0.0.1", "::1", "0.0.0.0"],
            &["169.254.169.254", "127.0.0.1"],
            &[],
        ],
    );
    let answers = run(
        &connector,
        &json!([
            get(&origin),
            get(&origin),
            get(&origin),
            get(&origin),
            get(&origin)
        ]),
    )
    .await;
    assert_eq!(answers[0]["ok"]["body"], "inside");
    assert!(
        refused(&answers[1], "BlockedAddress") && refused(&answers[2], "BlockedAddress"),
        "{answers:?}"
    );
    assert!(
        !answers[1].to_string().contains("169.254"),
        "the inside is not described: {}",
        answers[1]
    );
    assert_eq!(
        answers[3]["ok"]["body"], "inside",
        "only the granted one is dialled"
    );
    assert!(refused(&answers[4], "Dns"));
    assert!(
        answers[4]
            .to_string()
            .contains("api.test: the name has no address"),
        "which name, and why: {}",
        answers[4]
    );
    assert_eq!(
        lab.names.asked.lock().unwrap().len(),
        5,
        "one question a request"
    );

    // Without a network only the public is reached, whatever the name says.
    let mut installation = reaching(&[
        "https://api.test",
        "https://127.0.0.1",
        "https://[::1]",
        "https://169.254.169.254",
    ]);
    installation
        .hosts
        .iter_mut()
        .for_each(|h| h.networks.clear());
    let strict = super::outside::connector(&lab, installation).await;
    for inside in [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "fd00::1",
    ] {
        lab.names.set("api.test", &[&[inside]]);
        let answer = run_one(&strict, get("https://api.test/")).await;
        assert!(refused(&answer, "BlockedAddress"), "{inside}: {answer}");
    }
    for literal in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/",
    ] {
        let answer = run_one(&strict, get(literal)).await;
        assert!(refused(&answer, "BlockedAddress"), "{literal}: {answer}");
    }
    assert!(refused(
        &run_one(&strict, get("https://unknown.test/")).await,
        "Denied"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hop_of_a_redirect_is_checked() {
    let lab = Lab::new(None);
    for name in ["api.test", "cdn.test"] {
        lab.names.set(name, &[&["127.0.0.1"]]);
    }
    let target = plain(|_| ok("moved")).await;
    let elsewhere = target.origin("http", "cdn.test");
    let to = elsewhere.clone();
    let server = plain(move |seen| {
        let path = seen.line.split(' ').nth(1).unwrap().to_owned();
        let (status, location) = match path.as_str() {
            "/same" => ("307 Temporary Redirect", "/end".to_owned()),
            "/see" => ("303 See Other", "/end".to_owned()),
            "/away" => ("307 Temporary Redirect", format!("{to}/end")),
            "/loop" => ("302 Found", "/loop".to_owned()),
            "/metadata" => (
                "302 Found",
                "http://169.254.169.254/latest/meta-data/".to_owned(),
            ),
            "/local" => ("302 Found", "http://127.0.0.1:22/".to_owned()),
            "/file" => ("302 Found", "file:///etc/passwd".to_owned()),
            "/user" => ("302 Found", "http://me@api.test/".to_owned()),
            _ => return ok("end"),
        };
        answer(status, &format!("location: {location}\r\n"), "")
    })
    .await;
    let origin = server.origin("http", "api.test");
    let connector = connector(&lab, reaching(&[&origin, &elsewhere])).await;
    let post = |path: &str| {
        json!({"do": "http", "method": "POST", "url": format!("{origin}{path}"), "redirects": 5, "body": "x=1",
            "headers": [["x-api-key", "mine"], ["accept", "text/plain"], ["content-type", "text/plain"]],
            "credentials": [{"secret": "token"}]})
    };
    assert_eq!(
        run_one(&connector, post("/same")).await["ok"]["body"],
        "end"
    );
    assert_eq!(run_one(&connector, post("/see")).await["ok"]["body"], "end");
    assert_eq!(
        run_one(&connector, post("/away")).await["ok"]["body"],
        "moved"
    );
    let seen = server.requests();
    assert_eq!(
        (seen[1].line.as_str(), seen[1].body.as_str()),
        ("POST /end HTTP/1.1", "x=1")
    );
    assert!(seen[1].headers.contains(&format!("Bearer {TOKEN}")));
    assert_eq!(
        (seen[3].line.as_str(), seen[3].body.as_str()),
        ("GET /end HTTP/1.1", "")
    );
    assert!(!seen[3].headers.contains("content-type"));
    let left = &target.requests()[0];
    assert!(left.headers.contains("accept: text/plain"));
    for lost in ["authorization", "x-api-key", "s3cr3t", "content-type"] {
        assert!(!left.headers.contains(lost), "{lost}: {left:?}");
    }
    assert_eq!(left.body, "");
    for (path, reason) in [
        ("/metadata", "Denied"),
        ("/local", "Denied"),
        ("/file", "InvalidRequest"),
        ("/user", "InvalidRequest"),
    ] {
        let answer = run_one(&connector, post(path)).await;
        assert!(refused(&answer, reason), "{path}: {answer}");
    }
    assert_eq!(
        run_one(&connector, post("/loop")).await["ok"]["status"],
        302,
        "the last hop is the answer"
    );
    let mut unfollowed = post("/away");
    unfollowed["redirects"] = json!(0);
    assert_eq!(run_one(&connector, unfollowed).await["ok"]["status"], 307);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_never_leads_out_of_tls() {
    let authority = Authority::new();
    let lab = Lab::new(Some(&authority));
    lab.names.set("api.test", &[&["127.0.0.1"]]);
    let clear = plain(|_| ok("clear")).await;
    let down = clear.origin("http", "api.test");
    let to = down.clone();
    let server = Server::start(Some(authority.acceptor("api.test")), move |_| {
        answer("302 Found", &format!("location: {to}/\r\n"), "")
    })
    .await;
    let connector = connector(
        &lab,
        reaching(&[&server.origin("https", "api.test"), &down]),
    )
    .await;
    let answer = run_one(
        &connector,
        json!({"do": "http", "url": server.origin("https", "api.test"), "redirects": 3}),
    )
    .await;
    assert!(refused(&answer, "from https to http"), "{answer}");
    assert_eq!(clear.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_must_be_the_names_and_of_a_known_authority() {
    let authority = Authority::new();
    let lab = Lab::new(Some(&authority));
    lab.names.set("api.test", &[&["127.0.0.1"]]);
    let wrong_name = Server::start(Some(authority.acceptor("other.test")), |_| ok("")).await;
    let stranger = Server::start(Some(Authority::new().acceptor("api.test")), |_| ok("")).await;
    let no_tls = plain(|_| ok("")).await;
    for (server, reason) in [
        (&wrong_name, "Tls"),
        (&stranger, "Tls"),
        (&no_tls, "Timeout"),
    ] {
        let origin = server.origin("https", "api.test");
        let connector = connector(&lab, reaching(&[&origin])).await;
        let command = json!({"do": "http", "url": origin, "timeout": 1500, "credentials": [{"secret": "token"}]});
        let answer = run_one(&connector, command).await;
        assert!(refused(&answer, reason), "{answer}");
        assert!(!format!("{:?}", server.requests()).contains("s3cr3t"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_servers_end_with_a_word() {
    let lab = Lab::new(None);
    for (reaction, reason) in [
        (Reaction::Hang(String::new()), "Timeout"),
        (
            Reaction::Hang("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_owned()),
            "Timeout",
        ),
        (Reaction::Hang("HTTP/1.1 200 OK\r\nx".to_owned()), "Timeout"),
        (answer("200 OK", "", &"x".repeat(2000)), "TooLarge(1000)"),
        (
            Reaction::Send(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(2000))),
            "TooLarge(1000)",
        ),
        (
            Reaction::Send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc".to_owned()),
            "Protocol",
        ),
        (
            Reaction::Send(
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nabc".to_owned(),
            ),
            "Protocol",
        ),
        (
            Reaction::Send(format!(
                "HTTP/1.1 200 OK\r\nx: {}\r\n\r\n",
                "x".repeat(100_000)
            )),
            "Protocol",
        ),
        (
            Reaction::Send(format!(
                "HTTP/1.1 200 OK\r\n{}\r\n",
                "a: b\r\n".repeat(1000)
            )),
            "Protocol",
        ),
        (
            Reaction::Send("SSH-2.0-OpenSSH_9.6\r\n".to_owned()),
            "Protocol",
        ),
        (Reaction::Send(String::new()), "Protocol"),
    ] {
        let said = reaction.clone();
        let server = plain(move |_| said.clone()).await;
        let (connector, origin) = guest(&lab, &server).await;
        let answer = run_one(
            &connector,
            json!({"do": "http", "url": origin, "max": 1000, "timeout": 400}),
        )
        .await;
        assert!(refused(&answer, reason), "{reason}: {answer}");
    }
    // Nobody listens.
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let origin = format!("http://127.0.0.1:{}", gone.port());
    let connector = connector(&lab, reaching(&[&origin])).await;
    assert!(refused(&run_one(&connector, get(&origin)).await, "Connect"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_has_budgets_and_a_host_is_given_its_patience() {
    let lab = Lab::with(None, |config| config.http_bytes = 5000);
    let server = plain(|seen| match seen.line.split(' ').nth(1) {
        Some("/busy") => answer("429 Too Many Requests", "retry-after: 3600\r\n", ""),
        Some(path) => ok(&path.repeat(100)),
        None => ok(""),
    })
    .await;
    let origin = server.origin("http", "127.0.0.1");
    let compiled = lab
        .compile(
            "acking-puller",
            IMAP,
            r#"{"http-calls":6,"http-parallel":2}"#,
        )
        .await;
    let connector = lab.host.connector(&compiled, reaching(&[&origin])).unwrap();
    let requests: Vec<Value> = (0..8).map(|n| get(&format!("{origin}/{n}"))).collect();
    let answers = run_one(&connector, json!({"do": "http-all", "requests": requests})).await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 8);
    for (n, answer) in answers.iter().enumerate() {
        if n < 6 {
            assert_eq!(
                answer["ok"]["body"],
                format!("/{n}").repeat(100),
                "in the order of the requests"
            );
        } else {
            assert!(refused(answer, "BudgetExceeded"), "{answer}");
        }
    }
    assert_eq!(server.requests().len(), 6);
    // 5000 bytes a call: two answers of 2000 fit, the third is cut off.
    let large = format!("{origin}/{}", "y".repeat(19));
    let answers = run(&connector, &json!([get(&large), get(&large), get(&large)])).await;
    assert!(
        answers[0]["ok"].is_object()
            && answers[1]["ok"].is_object()
            && refused(&answers[2], "TooLarge"),
        "{answers:?}"
    );
    let answers = run(
        &connector,
        &json!([get(&format!("{origin}/busy")), get(&origin)]),
    )
    .await;
    assert_eq!(answers[0]["ok"]["status"], 429);
    assert!(refused(&answers[1], "patience"), "{answers:?}");
    let before = server.requests().len();
    assert!(
        refused(&run_one(&connector, get(&origin)).await, "patience"),
        "remembered beyond the call"
    );
    assert_eq!(server.requests().len(), before);
    // Another installation has its own patience.
    let other = lab
        .host
        .connector(
            &compiled,
            Installation {
                id: "two".to_owned(),
                ..reaching(&[&origin])
            },
        )
        .unwrap();
    assert_eq!(run_one(&other, get(&origin)).await["ok"]["status"], 200);
}

/// A server of IMAP that knows one mailbox by heart.
#[derive(Clone, Default)]
struct Mails {
    log: Arc<Mutex<Vec<String>>>,
    /// Answers a search without end.
    endless: bool,
    /// Speaks TLS from the first byte.
    implicit: Option<TlsAcceptor>,
    /// Offers it.
    starting: Option<TlsAcceptor>,
}

impl Mails {
    async fn start(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mails = mails.clone();
                tokio::spawn(async move {
                    match &mails.implicit {
                        None => mails.converse(stream, "* OK ready\r\n").await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                mails.converse(stream, "* OK ready\r\n").await;
                            }
                        }
                    }
                });
            }
        });
        port
    }

    async fn converse<S: AsyncRead + AsyncWrite + Send + Unpin>(&self, stream: S, greeting: &str) {
        let mut stream = BufReader::new(stream);
        let _ = stream.write_all(greeting.as_bytes()).await;
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|n| n > 0) {
            self.log.lock().unwrap().push(line.trim_end().to_owned());
            let (tag, command) = line.split_once(' ').unwrap();
            let command = command.trim_end();
            if let ("STARTTLS", Some(tls)) = (command, &self.starting) {
                // What is said in the clear behind the answer must not be heard afterwards.
                let injected = format!("{tag} OK begin\r\n* OK [ALERT] injected\r\n");
                let _ = stream.write_all(injected.as_bytes()).await;
                if let Ok(secured) = tls.accept(stream.into_inner()).await {
                    Box::pin(self.converse_inside(secured)).await;
                }
                return;
            }
            if command.starts_with("UID SEARCH") && self.endless {
                let numbers = " 7".repeat(1 << 19);
                let _ = stream.write_all(b"* SEARCH").await;
                while stream.write_all(numbers.as_bytes()).await.is_ok() {}
                return;
            }
            let _ = stream.write_all(said(tag, command).as_bytes()).await;
            line.clear();
        }
    }

    async fn converse_inside<S: AsyncRead + AsyncWrite + Send + Unpin>(&self, stream: S) {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|n| n > 0) {
            self.log
                .lock()
                .unwrap()
                .push(format!("TLS {}", line.trim_end()));
            let (tag, command) = line.split_once(' ').unwrap();
            let _ = stream
                .write_all(said(tag, command.trim_end()).as_bytes())
                .await;
            line.clear();
        }
    }
}

/// The answer to a command.
fn said(tag: &str, command: &str) -> String {
    let mail = |uid: u32, text: &str, size: usize| {
        format!(
            "* 1 FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE \"02-Jan-2026 03:04:05 +0800\" BODY[]<0> {{{}}}\r\n{text})\r\n",
            text.len()
        )
    };
    match command {
        c if c.starts_with("LOGIN") && c.contains("s3cr3t") => format!("{tag} OK in\r\n"),
        c if c.starts_with("LOGIN") => format!("{tag} NO wrong: {c}\r\n"),
        c if c.starts_with("EXAMINE") || c.starts_with("SELECT") => format!(
            "* 3 EXISTS\r\n* OK [UIDVALIDITY 77] ok\r\n* OK [UIDNEXT 9] next\r\n{tag} OK open\r\n"
        ),
        c if c.starts_with("UID SEARCH") => format!("* SEARCH 8 5 3\r\n{tag} OK found\r\n"),
        c if c.starts_with("UID FETCH 5 ") => {
            format!("{}{tag} OK sent\r\n", mail(5, "Subject: a\r\n\r\nfive", 18))
        }
        c if c.starts_with("UID FETCH 8 ") => format!(
            "{}{tag} OK sent\r\n",
            mail(8, "Subject: b\r\n\r\neight", 9_000_000)
        ),
        c if c.starts_with("UID STORE") => format!("{tag} OK stored\r\n"),
        _ => format!("{tag} BAD what\r\n"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_behind_tls_needs_its_certificate() {
    let authority = Authority::new();
    let lab = Lab::new(Some(&authority));
    lab.names.set("mail.test", &[&["127.0.0.1"]]);
    let examine = json!({"do": "examine", "folder": "INBOX"});
    for (name, fine) in [("mail.test", true), ("other.test", false)] {
        for tls in [ImapTls::Implicit, ImapTls::StartTls] {
            let acceptor = Some(authority.acceptor(name));
            let mails = match tls {
                ImapTls::Implicit => Mails {
                    implicit: acceptor,
                    ..Mails::default()
                },
                _ => Mails {
                    starting: acceptor,
                    ..Mails::default()
                },
            };
            let port = mails.start().await;
            let imap = Some(ImapGrant {
                server: "mail.test".to_owned(),
                tls,
                ..mailbox(port, "s3cr3t")
            });
            let guest = connector(
                &lab,
                Installation {
                    imap,
                    ..reaching(&[])
                },
            )
            .await;
            let answer = run_one(&guest, examine.clone()).await;
            let said = mails.log.lock().unwrap().join("\n");
            if fine {
                assert_eq!(answer["ok"], json!([77, 9, 3]), "{tls:?}: {answer}");
                let secured = tls == ImapTls::Implicit || said.contains("TLS A");
                assert!(secured && said.contains("LOGIN"), "{said}");
            } else {
                assert!(
                    refused(&answer, "Connect") && answer.to_string().contains("TLS"),
                    "{answer}"
                );
                assert!(!said.contains("LOGIN"), "nothing in the clear: {said}");
            }
        }
    }
}

fn mailbox(port: u16, password: &str) -> ImapGrant {
    ImapGrant {
        server: "127.0.0.1".to_owned(),
        port,
        tls: ImapTls::None,
        user: "me".to_owned(),
        password: SecretValue::new(password.as_bytes().to_vec(), 1, vec![]),
        folders: vec!["INBOX".to_owned(), "投诉".to_owned()],
        networks: vec!["127.0.0.1/32".to_owned()],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_granted_mailbox_is_read_and_no_other() {
    let lab = Lab::new(None);
    let mails = Mails::default();
    let log = Arc::clone(&mails.log);
    let port = mails.start().await;
    let with = |imap: ImapGrant| {
        connector(
            &lab,
            Installation {
                imap: Some(imap),
                ..reaching(&[])
            },
        )
    };
    let guest = with(mailbox(port, "s3cr3t")).await;
    let script = json!([
        {"do": "examine", "folder": "投诉"},
        {"do": "fetch", "folder": "INBOX", "after": 3, "limit": 10},
        {"do": "fetch", "folder": "INBOX", "after": 4_294_967_295u32, "limit": 10},
        {"do": "mark-seen", "folder": "INBOX", "uids": [5, 8]},
        {"do": "examine", "folder": "Sent"},
        {"do": "examine", "folder": "INBOX\r\nA1 LOGOUT"},
    ]);
    let answers = run(&guest, &script).await;
    assert_eq!(answers[0]["ok"], json!([77, 9, 3]), "{answers:?}");
    // 02-Jan-2026 03:04:05 +0800
    assert_eq!(
        answers[1]["ok"],
        json!([
            [5, 1_767_294_245_000_i64, "Subject: a\r\n\r\nfive", false],
            [8, 1_767_294_245_000_i64, "Subject: b\r\n\r\neight", true]
        ])
    );
    assert_eq!(answers[2]["ok"], json!([]));
    assert_eq!(answers[3]["ok"], true);
    assert!(
        refused(&answers[4], "Denied") && refused(&answers[5], "Denied"),
        "{answers:?}"
    );
    let said = log.lock().unwrap().join("\n");
    assert_eq!(
        said.matches("LOGIN").count(),
        1,
        "one connection a call: {said}"
    );
    assert!(
        said.contains("EXAMINE \"&YpWLyQ-\"") && said.contains("UID SEARCH UID 4:*"),
        "{said}"
    );
    assert!(
        said.contains("BODY.PEEK[]") && said.contains("UID STORE 5,8 +FLAGS.SILENT (\\Seen)"),
        "{said}"
    );
    assert_eq!(lab.calls.lock().unwrap().last().unwrap().used.mails, 2);

    let examine = json!({"do": "examine", "folder": "INBOX"});
    let wrong = run_one(&with(mailbox(port, "guess-0")).await, examine.clone()).await;
    assert!(
        refused(&wrong, "Auth") && !wrong.to_string().contains("guess-0"),
        "{wrong}"
    );
    // The same rules of addresses as for HTTP.
    for networks in [vec![], vec!["10.0.0.0/8".to_owned()]] {
        let away = ImapGrant {
            tls: ImapTls::Implicit,
            networks,
            ..mailbox(port, "s3cr3t")
        };
        let answer = run_one(&with(away).await, examine.clone()).await;
        assert!(
            refused(&answer, "Connect") && answer.to_string().contains("blocked"),
            "{answer}"
        );
    }
    let clear = ImapGrant {
        networks: vec![],
        ..mailbox(port, "s3cr3t")
    };
    assert!(refused(
        &run_one(&with(clear).await, examine.clone()).await,
        "Denied"
    ));
    let tls = ImapGrant {
        tls: ImapTls::StartTls,
        ..mailbox(port, "s3cr3t")
    };
    assert!(
        refused(&run_one(&with(tls).await, examine).await, "Protocol"),
        "no log-in in the clear"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_without_end_is_left() {
    let lab = Lab::with(None, |config| {
        config.wall = std::time::Duration::from_secs(5)
    });
    let endless = true;
    let port = Mails {
        endless,
        ..Mails::default()
    }
    .start()
    .await;
    let imap = Some(mailbox(port, "s3cr3t"));
    let guest = connector(
        &lab,
        Installation {
            imap,
            ..reaching(&[])
        },
    )
    .await;
    let script = json!([{"do": "fetch", "folder": "INBOX", "after": 0, "limit": 10}]);
    // Whichever comes first: the bytes of a connection, or the time of the call.
    match guest.pull(asking(&script)).await {
        Ok(page) => assert!(
            page.value.items[0]
                .text
                .as_ref()
                .is_some_and(|t| t.contains("Connect"))
        ),
        Err(error) => assert!(matches!(error, PluginError::TimedOut { .. }), "{error}"),
    }
    assert_eq!(run_one(&guest, json!({"do": "nothing"})).await, Value::Null);
}
