//! The conformance checks: what every plugin must keep to, whatever it is for. Nothing here touches
//! the network; the recorded cases of the plugin say what a good day looks like.

use super::bench::{Bench, Scene, article};
use super::report::Report;
use super::stage::Trouble;
use plugin_build::case::{Case, Step};
use plugin_build::lint;
use plugin_host::{
    Cursor, FailureClass, Header, HookRequest, Host, Inspection, Installation, Next, Outcome, Page,
    PluginError, PullMode, PullRequest, RemoteState, Role,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Pulls after which a stream that is never idle is one that goes in circles.
const MANY_PULLS: usize = 50;

/// Checks a component.
pub(super) async fn check(component: Vec<u8>, cases: &[(PathBuf, Case)]) -> Report {
    let mut report = Report {
        plugin: String::new(),
        version: String::new(),
        digest: String::new(),
        findings: Vec::new(),
    };
    let inspection = match Host::inspect(&component) {
        Ok(inspection) => inspection,
        Err(error) => {
            report.add("component", "", &[error.to_string()]);
            return report;
        }
    };
    report.plugin.clone_from(&inspection.manifest.name);
    report.version.clone_from(&inspection.manifest.version);
    report.digest.clone_from(&inspection.digest);
    let fine = format!(
        "{} KiB for version {} of the contract, no WASI",
        inspection.size.div_ceil(1024),
        inspection.api_version
    );
    report.add("component", &fine, &[]);
    manifest(&inspection, &mut report);
    let bench = match Bench::new(component).await {
        Ok(bench) => bench,
        Err(error) => {
            report.add("contract", "", &[error.to_string()]);
            return report;
        }
    };
    report.add(
        "contract",
        "every import and export has the contract's types",
        &[],
    );
    recorded(&bench, cases, &mut report).await;
    let first = cases.first().map(|(_, case)| case.clone());
    let case = first.clone().unwrap_or_else(empty_case);
    settings(&bench, &case, &mut report).await;
    no_grant(&bench, &case, &mut report).await;
    trouble(&bench, cases, &mut report).await;
    match bench.inspection().role {
        Role::Connector => {
            pulls(&bench, cases, &mut report).await;
            cursors(&bench, &case, first.is_some(), &mut report).await;
            webhook(&bench, &case, &mut report).await;
        }
        Role::Classifier => classifier(&bench, &case, &mut report).await,
        Role::KnowledgeBase => knowledge(&bench, &case, &mut report).await,
        Role::Notifier => {}
    }
    report
}

fn empty_case() -> Case {
    Case {
        title: String::new(),
        source: String::new(),
        settings: json!({}),
        secrets: std::collections::BTreeMap::new(),
        now: None,
        state: std::collections::BTreeMap::new(),
        exchanges: Vec::new(),
        calls: Vec::new(),
    }
}

/// What can be said without running anything.
fn manifest(inspection: &Inspection, report: &mut Report) {
    let manifest = &inspection.manifest;
    match &manifest.config_schema {
        Some(schema) => report.add(
            "settings-schema",
            "closed, no credentials in it",
            &lint::lint(schema),
        ),
        None => report.skip("settings-schema", "there are no settings"),
    }
    let asks = &manifest.asks;
    let uses = |interface: &str| {
        let start = format!("bihuan:plugin/{interface}@");
        inspection.imports.iter().any(|i| i.starts_with(&start))
    };
    let mut problems = Vec::new();
    for (interface, asked, how) in [
        ("http", !asks.hosts.is_empty(), "asks.hosts"),
        ("files", asks.files.is_some(), "asks.files"),
        ("imap", asks.imap.is_some(), "asks.imap"),
        ("secrets", !asks.secrets.is_empty(), "asks.secrets"),
    ] {
        if uses(interface) && !asked {
            problems.push(format!(
                "it imports {interface} and the manifest has no {how}"
            ));
        }
        if !uses(interface) && asked && interface != "secrets" {
            problems.push(format!(
                "the manifest has {how} and the component cannot use it"
            ));
        }
    }
    if inspection.exports("webhook") != manifest.webhook.is_some() {
        problems.push("`webhook` belongs into the manifest exactly when it is exported".to_owned());
    }
    report.add("powers", "what it imports is what it asks for", &problems);
}

/// The plugin's own cases.
async fn recorded(bench: &Bench, cases: &[(PathBuf, Case)], report: &mut Report) {
    if cases.is_empty() {
        report.skip(
            "cases",
            "there is no tests/*.json: most of the checks below need one",
        );
        return;
    }
    let mut problems = Vec::new();
    for (file, case) in cases {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let ran = bench.case(case).await;
        problems.extend(ran.problems.into_iter().map(|p| format!("{name}: {p}")));
    }
    report.add("cases", &format!("{} cases pass", cases.len()), &problems);
}

/// A call that every role has.
fn plain_call() -> Step {
    Step {
        call: "check".to_owned(),
        with: json!({}),
        expect: None,
        fails: None,
    }
}

/// Settings that fit nothing: a polite failure, never a trap.
async fn settings(bench: &Bench, case: &Case, report: &mut Report) {
    let mut problems = Vec::new();
    for given in [
        json!({}),
        json!([]),
        json!(null),
        json!({"\u{0}": {"deep": [[[[1]]]]}}),
        json!({"url": 7, "mapping": "x", "folders": {}, "accounts": 3}),
    ] {
        let broken = Case {
            settings: given.clone(),
            ..case.clone()
        };
        bench.set(&broken, Some((0, Trouble::NoName)));
        let mut scene = bench.scene(&broken);
        if let Err(error) = bench.call(&mut scene, &plain_call()).await {
            impolite(&error, &format!("settings {given}"), &mut problems);
        }
    }
    report.add(
        "settings",
        "settings that do not fit are refused politely",
        &problems,
    );
}

/// What may never come out of a plugin: traps, nonsense, `internal`.
fn impolite(error: &PluginError, during: &str, problems: &mut Vec<String>) {
    let is_internal = matches!(error, PluginError::Failed(f) if f.class == FailureClass::Internal);
    if error.is_fault_of_plugin() || is_internal {
        problems.push(format!("{during}: {error}"));
    }
}

/// The calls of the cases in an installation without any power.
async fn no_grant(bench: &Bench, case: &Case, report: &mut Report) {
    let asks = &bench.inspection().manifest.asks;
    if asks.hosts.is_empty() && asks.files.is_none() && asks.imap.is_none() {
        report.skip("no-grant", "it asks for nothing");
        return;
    }
    let mut problems = Vec::new();
    let calls = if case.calls.is_empty() {
        vec![plain_call()]
    } else {
        case.calls.clone()
    };
    bench.set(case, None);
    for call in calls {
        let mut scene = bench.scene(case);
        let powerless = Installation {
            id: scene.installation.id.clone(),
            settings: scene.installation.settings.clone(),
            ..Installation::default()
        };
        scene.installation = powerless;
        let before = bench.stage.requests();
        match bench.call(&mut scene, &call).await {
            Ok(_) => {}
            Err(PluginError::Failed(f)) if f.class != FailureClass::Config => {
                problems.push(format!(
                    "{}: fails with {} and not with config",
                    call.call,
                    f.class.as_str()
                ));
            }
            Err(error) => impolite(&error, &call.call, &mut problems),
        }
        if bench.stage.requests() != before {
            problems.push(format!("{}: reached the network", call.call));
        }
    }
    report.add(
        "no-grant",
        "without a grant it reaches nothing and says so",
        &problems,
    );
}

/// Every call of every case while the service has trouble, from its first request on and later.
async fn trouble(bench: &Bench, cases: &[(PathBuf, Case)], report: &mut Report) {
    let with_network: Vec<&Case> = cases
        .iter()
        .map(|(_, case)| case)
        .filter(|case| !case.exchanges.is_empty() && case.calls.iter().all(|c| c.fails.is_none()))
        .collect();
    if with_network.is_empty() {
        report.skip("trouble", "no case talks to the network");
        return;
    }
    let mut problems = Vec::new();
    let mut rounds = 0;
    for case in with_network {
        for from in 0..case.exchanges.len().min(3) {
            for (kind, name) in Trouble::ALL {
                bench.set(case, Some((from, kind)));
                let mut scene = bench.scene(case);
                rounds += 1;
                for call in &case.calls {
                    let Err(error) = bench.call(&mut scene, call).await else {
                        continue;
                    };
                    let during = format!("{} when request {} gets {name}", call.call, from + 1);
                    impolite(&error, &during, &mut problems);
                    if let PluginError::Failed(failure) = &error {
                        let wanted: &[FailureClass] = match kind {
                            Trouble::Busy => &[FailureClass::RateLimited],
                            Trouble::Broken | Trouble::Silence | Trouble::NoName => {
                                &[FailureClass::Transient]
                            }
                            Trouble::Unauthorized => &[FailureClass::Config],
                            _ => continue,
                        };
                        if !wanted.contains(&failure.class) {
                            problems.push(format!(
                                "{during}: fails with {}, {} would be right",
                                failure.class.as_str(),
                                wanted[0].as_str()
                            ));
                        }
                        if kind == Trouble::Busy && failure.retry_after_ms != Some(7000) {
                            problems.push(format!("{during}: Retry-After is lost"));
                        }
                    }
                    break;
                }
            }
        }
    }
    problems.sort();
    problems.dedup();
    report.add(
        "trouble",
        &format!("{rounds} rounds of trouble, each answered politely"),
        &problems,
    );
}

/// Cursors: the same one gives the same, every one replays, none goes in circles.
async fn pulls(bench: &Bench, cases: &[(PathBuf, Case)], report: &mut Report) {
    let mut problems = Vec::new();
    let mut replayed = 0;
    for (file, case) in cases {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if case
            .calls
            .iter()
            .any(|c| c.call == "pull" && c.fails.is_some())
        {
            continue;
        }
        bench.set(case, None);
        let mut scene = bench.scene(case);
        let mut cursors = BTreeSet::new();
        for (number, call) in case.calls.iter().enumerate() {
            if call.call != "pull" {
                let _ = bench.call(&mut scene, call).await;
                continue;
            }
            let before = remembered(&scene);
            let Ok((first, _)) = bench.call(&mut scene, call).await else {
                continue;
            };
            let after = remembered(&scene);
            // As after a crash: the same cursor, the same state, the same network.
            put_back(&mut scene, before);
            bench.set(case, None);
            let again = bench.call(&mut scene, call).await;
            replayed += 1;
            match again {
                Ok((again, _)) if again == first => {}
                Ok((again, _)) => problems.push(format!(
                    "{name}, call {}: the same cursor gave {first} and then {again}",
                    number + 1
                )),
                Err(error) => problems.push(format!(
                    "{name}, call {}: asked again, it fails: {error}",
                    number + 1
                )),
            }
            if first["next"] == "more"
                && first["items"] == json!([])
                && !cursors.insert(first["cursor"].to_string())
            {
                problems.push(format!("{name}: more of nothing at the same place"));
            }
            put_back(&mut scene, after);
        }
    }
    if replayed == 0 {
        report.skip("same-cursor", "no case pulls");
    } else {
        report.add(
            "same-cursor",
            &format!("{replayed} pulls, each repeated as after a crash, gave the same"),
            &problems,
        );
    }
}

type Remembered = (
    std::collections::BTreeMap<String, Vec<u8>>,
    Option<Cursor>,
    Vec<String>,
);

fn remembered(scene: &Scene) -> Remembered {
    (
        scene.installation.state.clone(),
        scene.cursor.clone(),
        scene.tokens.clone(),
    )
}

fn put_back(scene: &mut Scene, (state, cursor, tokens): Remembered) {
    scene.installation.state = state;
    scene.cursor = cursor;
    scene.tokens = tokens;
}

/// Cursors that nobody gave out, and pages of one.
async fn cursors(bench: &Bench, case: &Case, has_case: bool, report: &mut Report) {
    let Ok(connector) = bench
        .host
        .connector(&bench.compiled, bench.scene(case).installation)
    else {
        return;
    };
    if !connector.exports().puller {
        report.skip("abnormal-cursor", "it is not asked");
        return;
    }
    bench.set(case, None);
    let streams = match connector.streams().await {
        Ok(streams) => streams.value,
        Err(error) if has_case => {
            report.add("streams", "", &[error.to_string()]);
            return;
        }
        Err(_) => {
            report.skip("streams", "needs settings: write a case in tests/*.json");
            return;
        }
    };
    report.add("streams", &format!("{} streams", streams.len()), &[]);
    let Some(stream) = streams.first() else {
        return;
    };
    let request = |cursor: Option<Cursor>, max_items: u32| PullRequest {
        stream: stream.name.clone(),
        mode: PullMode::Incremental,
        cursor,
        since_ms: None,
        until_ms: None,
        max_items,
    };
    let mut problems = Vec::new();
    for (format, value) in [
        (u32::MAX, "{}".to_owned()),
        (1, String::new()),
        (1, "garbage".to_owned()),
        (
            1,
            "{\"after\":-1e300,\"from\":9223372036854775807,\"uid\":4294967295}".to_owned(),
        ),
        (1, "[".repeat(60_000)),
    ] {
        bench.set(case, None);
        let cursor = Cursor {
            format,
            value: value.clone(),
        };
        let shown: String = value.chars().take(20).collect();
        match connector.pull(request(Some(cursor), 10)).await {
            Err(PluginError::Failed(f)) if f.class == FailureClass::CursorExpired => {}
            // It could not get as far as reading it.
            Err(PluginError::Failed(f)) if f.class == FailureClass::Config => {}
            Err(PluginError::Denied { .. }) => {}
            Err(error) => problems.push(format!("cursor {format} {shown:?}: {error}")),
            Ok(_) => problems.push(format!(
                "cursor {format} {shown:?}: taken as if it were one"
            )),
        }
    }
    report.add(
        "abnormal-cursor",
        "cursors that nobody gave out make it start over",
        &problems,
    );
    circles(bench, case, &request, report).await;
}

/// Pulls a page of one item at a time until idle: no more than asked for, no circle.
async fn circles(
    bench: &Bench,
    case: &Case,
    request: &impl Fn(Option<Cursor>, u32) -> PullRequest,
    report: &mut Report,
) {
    let mut problems = Vec::new();
    let mut cursor = None;
    for number in 0.. {
        // Every pull finds the whole recording: the service still has all its records.
        bench.set(case, None);
        let fresh = bench.scene(case).installation;
        let Ok(connector) = bench.host.connector(&bench.compiled, fresh) else {
            return;
        };
        match connector.pull(request(cursor.clone(), 1)).await {
            Ok(answer) => {
                let Page {
                    items,
                    cursor: next_cursor,
                    next,
                    ..
                } = answer.value;
                if items.len() > 1 {
                    problems.push(format!("{} items where 1 was asked for", items.len()));
                    break;
                }
                if next != Next::More {
                    break;
                }
                if cursor.as_ref() == Some(&next_cursor) && items.is_empty() {
                    problems.push("it says that there is more and does not move".to_owned());
                    break;
                }
                cursor = Some(next_cursor);
            }
            Err(error) => {
                // The recording may not know the question for one item; that is no fault.
                impolite(&error, "a page of one", &mut problems);
                break;
            }
        }
        if number > MANY_PULLS {
            problems.push(format!("not idle after {MANY_PULLS} pulls of a recording"));
            break;
        }
    }
    report.add(
        "page-of-one",
        "never more items than asked for, no circles",
        &problems,
    );
}

/// Requests that no sender would make.
async fn webhook(bench: &Bench, case: &Case, report: &mut Report) {
    let Ok(connector) = bench
        .host
        .connector(&bench.compiled, bench.scene(case).installation)
    else {
        return;
    };
    if !connector.exports().webhook {
        report.skip("malformed-request", "it is not called");
        return;
    }
    bench.set(case, None);
    let mut problems = Vec::new();
    let bodies: [(&str, Vec<u8>); 8] = [
        ("nothing", Vec::new()),
        ("no JSON", b"{".to_vec()),
        ("null", b"null".to_vec()),
        (
            "a deep list",
            [b"[".repeat(5000), b"]".repeat(5000)].concat(),
        ),
        ("no text", vec![0xff; 64]),
        ("XML that never ends", b"<xml><Event><![CDATA[".to_vec()),
        ("one MiB", vec![b' '; 1 << 20]),
        (
            "a long list",
            format!("[{}0]", "{},".repeat(20_000)).into_bytes(),
        ),
    ];
    for (name, body) in bodies {
        for verified in [true, false] {
            let request = HookRequest {
                method: "POST".to_owned(),
                path: String::new(),
                query: String::new(),
                headers: vec![Header {
                    name: "content-type".to_owned(),
                    value: "application/json".to_owned(),
                }],
                body: body.clone(),
                received_at_ms: bench.stage.now(),
                verified_by_host: verified,
            };
            match connector.handle(request).await {
                Ok(answer) => {
                    let accepts =
                        matches!(&answer.value, Outcome::Accept { items, .. } if !items.is_empty());
                    if accepts && !verified {
                        problems.push(format!(
                            "{name}: took voices of a sender that nobody proved"
                        ));
                    }
                }
                Err(error) => impolite(&error, name, &mut problems),
            }
        }
    }
    report.add(
        "malformed-request",
        "what is no request of the sender is refused politely",
        &problems,
    );
}

/// Classifiers: any text, any batch, always the same.
async fn classifier(bench: &Bench, case: &Case, report: &mut Report) {
    let topics = case
        .calls
        .iter()
        .find_map(|c| c.with.get("taxonomy"))
        .map_or_else(default_topics, Value::to_string);
    let texts: Vec<String> = [
        "",
        " ",
        "资费太贵",
        "网速 很慢，套餐也贵",
        "network is down",
        "👩‍👩‍👧‍👦 emoji 信号",
        "مرحبا بالعالم",
        "a\u{301}\u{200b}\u{feff}",
        "\u{0}\u{1}控制",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([String::from("资费").repeat(10_000)])
    .collect();
    let installation = || bench.scene(case).installation;
    let mut problems = Vec::new();
    let batch = match bench.classify(installation(), &topics, &texts).await {
        Ok((batch, _)) => batch,
        Err(error) => {
            report.add("classify", "", &[error.to_string()]);
            return;
        }
    };
    for (number, text) in texts.iter().enumerate() {
        match bench
            .classify(installation(), &topics, std::slice::from_ref(text))
            .await
        {
            Ok((single, _)) if single[0] == batch[number] => {}
            Ok((single, _)) => problems.push(format!(
                "text {number}: alone {}, in a batch {}",
                single[0], batch[number]
            )),
            Err(error) => problems.push(format!("text {number}: {error}")),
        }
    }
    report.add(
        "batch-is-singles",
        &format!("{} texts, the same alone and together", texts.len()),
        &problems,
    );
    let backwards: Vec<String> = texts.iter().rev().cloned().collect();
    let mut problems = Vec::new();
    match bench.classify(installation(), &topics, &backwards).await {
        Ok((Value::Array(mut answers), _)) => {
            answers.reverse();
            if Value::Array(answers) != batch {
                problems.push("another order of the batch gives other labels".to_owned());
            }
        }
        Ok(_) => problems.push("no list".to_owned()),
        Err(error) => problems.push(error.to_string()),
    }
    report.add("order", "the order of a batch does not matter", &problems);
}

fn default_topics() -> String {
    json!({"version": 1, "topics": [
        {"key": "tariff", "words": ["资费", "套餐"]},
        {"key": "network", "words": ["网速", "信号", "network"]}
    ]})
    .to_string()
}

/// Knowledge bases that write files: publish twice, find it, take it away twice.
async fn knowledge(bench: &Bench, case: &Case, report: &mut Report) {
    if bench.inspection().manifest.asks.files.is_none() {
        report.skip("publish-twice", "it needs a service: show it in a case");
        return;
    }
    bench.set(case, None);
    let scene = bench.scene(case);
    let mut problems = Vec::new();
    let done: Result<(), PluginError> = async {
        let kb = bench
            .host
            .knowledge_base(&bench.compiled, scene.installation.clone())?;
        let one = article(&json!({}));
        if kb.lookup(one.clone()).await?.value != RemoteState::Absent {
            problems.push("an article is found before it was published".to_owned());
        }
        let first = kb.upsert(one.clone()).await?.value;
        let second = kb.upsert(one.clone()).await?.value;
        if first != second {
            problems.push("published twice, it has two receipts".to_owned());
        }
        let known = plugin_host::Article {
            external_ref: Some(first.external_ref.clone()),
            ..one
        };
        if !matches!(
            kb.lookup(known.clone()).await?.value,
            RemoteState::Unchanged(_)
        ) {
            problems.push("an article just published is not `unchanged`".to_owned());
        }
        let newer = plugin_host::Article {
            content_hash: "h2".to_owned(),
            body: "新的内容".to_owned(),
            ..known
        };
        if !matches!(kb.lookup(newer.clone()).await?.value, RemoteState::Ours(_)) {
            problems.push("an article with older content is not `ours`".to_owned());
        }
        if kb.upsert(newer).await?.value.external_ref != first.external_ref {
            problems.push("new content moved the article".to_owned());
        }
        for _ in 0..2 {
            kb.put_synonyms(&[("话费".to_owned(), "资费".to_owned())], "k")
                .await?;
            kb.retract(&first.external_ref, "k").await?;
        }
        Ok(())
    }
    .await;
    if let Err(error) = done {
        problems.push(error.to_string());
    }
    report.add(
        "publish-twice",
        "publishing, finding and taking away may be repeated",
        &problems,
    );
}
