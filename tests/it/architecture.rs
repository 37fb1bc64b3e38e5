//! Who may name whom. A rule that a machine checks needs no review.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the repository")
}

/// What the packages of the workspace depend on, outside of tests, by name.
fn dependencies(kinds: &[Option<&str>]) -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| {
            let named = package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter();
            (
                name(package),
                named
                    .filter(|d| kinds.contains(&d["kind"].as_str()))
                    .map(name)
                    .collect(),
            )
        })
        .collect()
}

/// The rules of the product do no I/O: every name here was decided.
#[test]
fn the_domain_depends_on_nothing_that_does_io() {
    let allowed = BTreeSet::from(
        [
            "chrono",
            "chrono-tz",
            "libm",
            "serde",
            "serde_json",
            "statrs",
            "thiserror",
            "unicode-normalization",
            "utoipa",
            "uuid",
            "zhconv",
        ]
        .map(str::to_owned),
    );
    let found = &dependencies(&[None])["domain"];
    let extra: Vec<&String> = found.difference(&allowed).collect();
    assert!(
        extra.is_empty(),
        "domain names {extra:?}: rules compute, the shell does; move it to `server`"
    );
}

/// A library is a decision; it lives behind one door.
#[test]
fn libraries_live_behind_one_door() {
    let doors = [
        ("wasmtime", &["plugin-host"][..]),
        ("sea-orm", &["storage", "tests"]),
        ("sea-orm-migration", &["migrations"]),
        ("axum", &["server"]),
        ("utoipa", &["server", "domain"]),
        ("jieba-rs", &["server"]),
        ("lettre", &["server", "tests"]),
        ("cron", &["server", "tests"]),
        ("calamine", &["server"]),
        ("jsonschema", &["server"]),
        ("wit-component", &["plugin-build"]),
        ("wit-bindgen", &["plugin-sdk"]),
    ];
    let all = dependencies(&[None, Some("build")]);
    for (library, packages) in doors {
        for (package, named) in &all {
            let allowed = packages.contains(&package.as_str());
            assert!(
                allowed || !named.contains(library),
                "{package} names {library}: only {packages:?} may"
            );
        }
    }
}

/// Arrows between our own packages point one way.
#[test]
fn packages_depend_in_one_direction() {
    let all = dependencies(&[None, Some("build")]);
    let ours: BTreeSet<String> = all.keys().cloned().collect();
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("domain", &[][..]),
        ("migrations", &[]),
        ("storage", &["domain", "migrations"]),
        ("plugin-sdk", &[]),
        ("plugin-host", &["plugin-sdk"]),
        ("plugin-build", &["plugin-sdk"]),
        ("xtask", &[]),
        (
            "server",
            &["domain", "storage", "plugin-host", "plugin-build"],
        ),
        ("keyword-classifier", &["plugin-sdk"]),
        ("dingtalk-robot", &["plugin-sdk"]),
        ("feishu-robot", &["plugin-sdk"]),
        ("http-json", &["plugin-sdk"]),
        ("mailbox", &["plugin-sdk"]),
        ("markdown-git", &["plugin-sdk", "markdown-kb"]),
        ("markdown-kb", &["plugin-sdk"]),
        ("webhook-json", &["plugin-sdk"]),
        ("wechat-kf", &["plugin-sdk"]),
        ("wecom-robot", &["plugin-sdk"]),
        ("tests", &["domain"]),
    ]);
    for (package, named) in &all {
        let may: BTreeSet<String> = allowed
            .get(package.as_str())
            .unwrap_or_else(|| panic!("{package} is new: say here whom it may name"))
            .iter()
            .map(|s| (*s).to_owned())
            .collect();
        let used: BTreeSet<String> = named.intersection(&ours).cloned().collect();
        let extra: Vec<&String> = used.difference(&may).collect();
        assert!(extra.is_empty(), "{package} names {extra:?}");
    }
    assert!(
        all["xtask"].is_empty(),
        "xtask runs before anything is built: the standard library only"
    );
}

/// One table of lints and one place for versions.
#[test]
fn every_package_inherits_what_is_decided_once() {
    // Generated bindings and one explained `unsafe` have tables of their own.
    let own = [
        "plugin-sdk",
        "plugins/keyword-classifier",
        "plugins/dingtalk-robot",
        "plugins/feishu-robot",
        "plugins/http-json",
        "plugins/mailbox",
        "plugins/markdown-git",
        "plugins/markdown-kb",
        "plugins/webhook-json",
        "plugins/wechat-kf",
        "plugins/wecom-robot",
        "server/plugin-host",
    ];
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
    let members: Vec<&str> = manifest
        .split("members = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next())
        .expect("members")
        .split(',')
        .map(|m| m.trim().trim_matches('"'))
        .filter(|m| !m.is_empty())
        .collect();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for member in members {
        let text = fs::read_to_string(root().join(member).join("Cargo.toml")).expect("a manifest");
        let inherits = text.contains("[lints]\nworkspace = true");
        assert_eq!(
            inherits,
            !own.contains(&member),
            "{member}: lints are inherited, but for {own:?}"
        );
        let mut section = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section == "[dependencies]"
                && let Some((name, how)) = line.split_once('=')
                && !how.contains("workspace = true")
                && !how.contains("path =")
            {
                let version = how.split('"').nth(1).unwrap_or_default();
                versions
                    .entry(format!("{} {version}", name.trim()))
                    .or_default()
                    .push(member.to_owned());
            }
        }
    }
    let twice: Vec<_> = versions
        .iter()
        .filter(|(_, members)| members.len() > 1)
        .collect();
    assert!(
        twice.is_empty(),
        "used twice: make it a workspace dependency: {twice:?}"
    );
}

/// A line of our sources: file below `server/src`, number, text without comments.
fn lines() -> Vec<(String, usize, String)> {
    let start = root().join("server/src");
    let mut folders = vec![start.clone()];
    let mut all = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path
                    .strip_prefix(&start)
                    .expect("below")
                    .to_string_lossy()
                    .replace('\\', "/");
                let text = fs::read_to_string(&path).expect("a source");
                let code = text.lines().enumerate().map(|(n, line)| {
                    let code = line.split("//").next().unwrap_or_default();
                    (name.clone(), n + 1, code.to_owned())
                });
                all.extend(code);
            }
        }
    }
    all
}

/// A line names `word` as a path, not inside another word.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + word.len()..];
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
            && (after.starts_with("::") || after.starts_with(';') || after.starts_with(" as "))
    })
}

/// A library, the files that may name it, and where its work is done.
type Door = (&'static str, fn(&str) -> bool, &'static str);

/// Inside the server: which file may name which library.
#[test]
fn modules_keep_to_their_doors() {
    let rules: [Door; 9] = [
        (
            "axum",
            |f| {
                f.ends_with("http.rs")
                    || f.starts_with("http/")
                    || f.ends_with("page.rs")
                    || f.starts_with("cli/")
            },
            "services are called by jobs, commands and tests alike: HTTP stays in http.rs and page.rs",
        ),
        (
            "utoipa",
            |f| f.ends_with("http.rs") || f.starts_with("http/") || f.ends_with("service.rs"),
            "descriptions stand beside handlers",
        ),
        (
            "lettre",
            |f| f.starts_with("mail/"),
            "mails go through `mail`",
        ),
        (
            "mail_parser",
            |f| f.starts_with("mail/"),
            "mails are taken apart by `mail::parse`",
        ),
        (
            "async_imap",
            |f| f == "mail/imap.rs",
            "the mailbox is read through `mail::imap`",
        ),
        (
            "jieba_rs",
            |f| f == "analysis/words.rs",
            "words come from `analysis::words`",
        ),
        (
            "plugin_host",
            // `main` only turns into the child that compiles, before there is anything else.
            |f| {
                f.starts_with("plugins/")
                    || f.starts_with("analysis/")
                    || f.starts_with("cli/")
                    || f == "main.rs"
            },
            "plugins are run by `plugins`",
        ),
        (
            "calamine",
            |f| f.starts_with("intake/file/"),
            "workbooks are read by `intake::file`",
        ),
        ("sea_orm", |_| false, "SQL lives in `storage`"),
    ];
    let mut wrong = Vec::new();
    for (file, number, code) in lines() {
        if file.ends_with("tests.rs") {
            continue;
        }
        for (library, allowed, remedy) in &rules {
            if names(&code, library) && !allowed(&file) {
                wrong.push(format!(
                    "server/src/{file}:{number} names {library}: {remedy}"
                ));
            }
        }
        for (call, door) in [("std::env::var", "config"), ("env::var(", "config")] {
            let reads = code.contains(call) && !file.starts_with(door) && !file.starts_with("cli");
            if reads {
                wrong.push(format!(
                    "server/src/{file}:{number} reads the environment: settings come from `config`"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The loop is closed by data, not by imports: a capability calls only those on its left.
#[test]
fn capabilities_call_only_those_on_their_left() {
    const ORDER: [&str; 10] = [
        "identity",
        "plugins",
        "intake",
        "analysis",
        "knowledge",
        "detection",
        "issues",
        "tasks",
        "verification",
        "notify",
    ];
    /// Who reaches to the right all the same, to whom, and why.
    const KNOWN: [(&str, &str, &str); 6] = [
        (
            "detection/withdraw.rs",
            "tasks",
            "whoever has the task of an alarm that is taken back is told in that transaction",
        ),
        (
            "intake/http.rs",
            "analysis",
            "a correction is addressed to the voice, and is analysis",
        ),
        (
            "issues/life/bulk_http.rs",
            "tasks",
            "many issues are assigned by the call that dismisses or merges many",
        ),
        (
            "plugins/service.rs",
            "analysis",
            "a classifier that was replaced must learn the taxonomy",
        ),
        (
            "tasks/http.rs",
            "notify",
            "a task shows its mail as it was rendered",
        ),
        (
            "tasks/http.rs",
            "verification",
            "a verdict is addressed to its task",
        ),
    ];
    let place = |name: &str| ORDER.iter().position(|c| *c == name);
    let mut wrong = BTreeSet::new();
    for (file, number, code) in lines() {
        let Some(own) = file.split('/').next().and_then(place) else {
            continue;
        };
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + 7..];
            let path: Vec<&str> = rest
                .split("::")
                .map(|p| {
                    p.split(|c: char| !c.is_alphanumeric() && c != '_')
                        .next()
                        .unwrap_or_default()
                })
                .collect();
            let Some(other) = path.first().and_then(|p| place(p)) else {
                continue;
            };
            let known = KNOWN
                .iter()
                .any(|(f, c, _)| *f == file && *c == ORDER[other]);
            if other > own && !known {
                wrong.insert(format!(
                    "server/src/{file}:{number}: {} calls {}, which stands on its right",
                    ORDER[own], ORDER[other]
                ));
            }
            if other != own && matches!(path.get(1), Some(&("service" | "jobs"))) && path.len() > 2
            {
                wrong.insert(format!(
                    "server/src/{file}:{number}: {} goes past the front door of {}",
                    ORDER[own], ORDER[other]
                ));
            }
        }
    }
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every Rust file below a folder, read.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.push_str(&sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
    all
}

/// What shows that we do not have what others suffer from is there, and nothing claims more than that.
#[test]
fn every_pitfall_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("server/docs/pitfalls.md")).expect("the table");
    let mut rows = 0;
    for line in text
        .lines()
        .filter(|l| l.starts_with("| ") && !l.starts_with("| what"))
    {
        rows += 1;
        let named: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        assert!(
            !named.is_empty() || line.contains("**no test yet**"),
            "a row without a test: {line}"
        );
        for name in named {
            let (place, test) = name.rsplit_once("::").unwrap_or_else(|| panic!("{name}"));
            let source = match place.strip_prefix("domain:") {
                Some(area) => sources(&root().join("server/domain/src").join(area)),
                None => fs::read_to_string(root().join(format!("tests/it/{place}.rs")))
                    .unwrap_or_default(),
            };
            let is_test = source.match_indices(&format!("fn {test}(")).any(|(at, _)| {
                let before = source[..at].trim_end();
                // A macro makes tests of what takes an engine.
                before.ends_with("#[test]")
                    || source[at..].starts_with(&format!("fn {test}(engine)"))
                    || place.starts_with("domain:")
            });
            assert!(is_test, "{name} is named, and is no test");
        }
    }
    assert!(rows > 30, "{rows} rows");
}
