//! What authors of plugins do with `bihuan plugin`, and what the first plugins answer to it.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tests::{Command, Engine, Server};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the repository")
}

/// Folder and component of every plugin of the repository that was built.
fn plugins() -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(repository().join("plugins"))
        .expect("plugins")
        .flatten()
    {
        let folder = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if folder.join("plugin.toml").is_file() {
            let component = repository()
                .join("target/plugins")
                .join(format!("{name}.wasm"));
            assert!(
                component.is_file(),
                "{name} is not built: cargo xtask plugins"
            );
            found.push((folder, component));
        }
    }
    found.sort();
    found
}

/// Every plugin of ours plays its recorded cases in the real host and passes the conformance checks.
#[test]
fn our_plugins_pass_their_cases_and_the_checks() {
    let mut checked = 0;
    for (folder, component) in plugins() {
        let (dir, component) = (
            folder.to_str().expect("a path"),
            component.to_str().expect("a path"),
        );
        if folder.join("tests").read_dir().is_ok_and(|mut files| {
            files.any(|f| f.is_ok_and(|f| f.path().extension().is_some_and(|e| e == "json")))
        }) {
            let said = Command::new(&["plugin", "test", dir, "--component", component]).ok();
            assert!(said.contains("cases pass"), "{said}");
        }
        let report = Command::new(&[
            "plugin",
            "check",
            dir,
            "--component",
            component,
            "--json",
            "-",
        ])
        .output();
        let report: Value = serde_json::from_slice(&report.stdout).expect("a report");
        let findings = report["findings"].as_array().expect("findings");
        let failed: Vec<&Value> = findings
            .iter()
            .filter(|f| f["outcome"] == "failed")
            .collect();
        assert!(failed.is_empty(), "{dir}: {failed:#?}");
        let passed = findings.iter().filter(|f| f["outcome"] == "passed").count();
        assert!(passed >= 4, "{dir}: {report:#}");
        checked += 1;
    }
    assert!(checked >= 10, "{checked}");
}

/// A case that does not fit is a failure that names the call and the field.
#[test]
fn a_case_that_does_not_fit_fails_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let tests = folder.path().join("tests");
    fs::create_dir(&tests).expect("a folder");
    let case = fs::read_to_string(repository().join("plugins/wecom-robot/tests/markdown.json"))
        .expect("a case");
    fs::write(
        tests.join("wrong.json"),
        case.replace("\"text\": \"42 条", "\"text\": \"43 条"),
    )
    .expect("a file");
    let component = repository().join("target/plugins/wecom-robot.wasm");
    let said = Command::new(&[
        "plugin",
        "test",
        ".",
        "--component",
        component.to_str().expect("a path"),
    ])
    .inside(folder.path())
    .fails();
    assert!(
        said.contains("was not expected: POST") || said.contains("call 1 (notify)"),
        "{said}"
    );
}

/// A package is trusted by its key, and what is installed has no power.
#[test]
fn a_signed_package_is_installed_by_those_who_trust_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| Command::new(&[&["plugin"], args].concat()).inside(folder.path());
    let public = run(&["keygen", "key.pem"]).ok().trim().to_owned();
    let other = run(&["keygen", "other.pem"]).ok().trim().to_owned();
    let dir = repository().join("plugins/http-json");
    let component = repository().join("target/plugins/http-json.wasm");
    let (dir, component) = (
        dir.to_str().expect("a path"),
        component.to_str().expect("a path"),
    );
    run(&["pack", dir, "--component", component, "--out", "p.bihuan"]).fails();
    run(&[
        "pack",
        dir,
        "--component",
        component,
        "--key",
        "key.pem",
        "--out",
        "p.bihuan",
    ])
    .ok();
    run(&[
        "pack",
        dir,
        "--component",
        component,
        "--key",
        "key.pem",
        "--out",
        "again.bihuan",
    ])
    .ok();
    let read = |name: &str| fs::read(folder.path().join(name)).expect("a package");
    assert!(
        read("p.bihuan") == read("again.bihuan"),
        "the same files and key make the same bytes"
    );

    let server = Server::start(Engine::Sqlite);
    let address = format!("http://{}", server.address);
    let install = |args: &[&str]| {
        run(&[&["install"], args].concat())
            .set("BIHUAN_SERVER", &address)
            .set("BIHUAN_TOKEN", tests::server::ADMIN_TOKEN)
    };
    for args in [
        &["p.bihuan"][..],
        &["p.bihuan", "--trust", &other],
        &[component],
    ] {
        let said = install(args).fails();
        assert!(
            said.contains("signed") || said.contains("signature"),
            "{said}"
        );
    }
    let said = install(&["p.bihuan", "--trust", &public]).ok();
    assert!(said.contains("http-json 1.0.0"), "{said}");
    let listed = run(&[
        "list",
        "--server",
        &address,
        "--token",
        tests::server::ADMIN_TOKEN,
    ])
    .ok();
    assert!(listed.contains(" http-json 1.0.0 "), "{listed}");
    let wrong = |locale: &str| {
        run(&["list", "--server", &address, "--token", "wrong"])
            .set("LC_ALL", locale)
            .fails()
    };
    let said = wrong("C");
    assert!(said.contains("401: log in first"), "{said}");
    assert!(wrong("zh_CN.UTF-8").contains("401: 请先登录"));
}

/// Nothing is signed that no server would take.
#[test]
fn what_no_server_takes_is_not_packed() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = repository().join("plugins/http-json");
    let built = |name: &str| repository().join(format!("target/plugins/{name}.wasm"));
    let junk = folder.path().join("junk.wasm");
    fs::write(&junk, b"\0asm\x0d\0\x01\0 and nothing more").expect("a file");
    let pack = |component: &Path| {
        let (dir, component) = (dir.to_str(), component.to_str());
        let (dir, component) = (dir.expect("a path"), component.expect("a path"));
        let args = [
            "plugin",
            "pack",
            dir,
            "--component",
            component,
            "--unsigned",
            "--out",
            "p.bihuan",
        ];
        Command::new(&args).inside(folder.path())
    };
    pack(&junk).fails();
    let said = pack(&built("webhook-json")).fails();
    assert!(said.contains("the component is webhook-json"), "{said}");
    assert!(
        !folder.path().join("p.bihuan").exists(),
        "nothing is written"
    );
    pack(&built("http-json")).ok();
}

/// Authors need no server: neither help nor usage names its settings, whatever the environment holds.
#[test]
fn the_help_for_authors_is_about_plugins() {
    for args in [&["plugin", "new", "--help"][..], &["plugin", "--help"]] {
        let said = Command::new(args)
            .set("BIHUAN_ADMIN_TOKEN", tests::server::ADMIN_TOKEN)
            .ok();
        for setting in ["--mail", "--database-url", "--publish", "--admin-token"] {
            assert!(!said.contains(setting), "{setting}: {said}");
        }
    }
    let said = Command::new(&["plugin", "new", "x"])
        .set("BIHUAN_ADMIN_TOKEN", tests::server::ADMIN_TOKEN)
        .fails();
    assert!(
        said.contains("--world") && !said.contains("--admin-token"),
        "{said}"
    );
}

/// What `new` makes works as it stands, in every world: its case passes and it keeps to the contract. Nothing is
/// said beside that, unless somebody asks.
#[test]
fn what_new_makes_passes_at_once() {
    let home = tempfile::tempdir().expect("a folder");
    let target = repository().join("target/tutorial");
    let target = target.to_str().expect("a path");
    for world in ["classifier", "knowledge-base", "notifier"] {
        let folder = home.path().join(format!("my-{world}"));
        let dir = folder.to_str().expect("a path");
        let made = Command::new(&["plugin", "new", "--world", world, dir]).ok();
        assert!(made.contains("bihuan plugin test"), "{made}");
        let run = |args: &[&str]| {
            Command::new(&[&["plugin"], args].concat())
                .inside(&folder)
                .set("CARGO_NET_OFFLINE", "true")
                .set("CARGO_TARGET_DIR", target)
                .set("RUST_LOG", "")
        };
        let said = run(&["test"]).ok();
        assert!(said.contains("1 of 1 cases pass"), "{said}");
        assert!(!said.contains("INFO"), "{said}");
        let component = format!("target/my-{world}.wasm");
        let said = run(&["check", "--component", &component]).ok();
        assert!(!said.contains("INFO"), "{said}");
        let said = run(&["-v", "check", "--component", &component]).ok();
        assert!(said.contains("INFO"), "{said}");
    }
}

/// Components of JavaScript and Python run in the host as those of Rust do. Kept out of the usual
/// run: their tools come from npm and PyPI and take minutes. `cargo test -p tests --test it --
/// --ignored examples_in_javascript_and_python`, after `npm ci` and `pip install` in the folders.
#[test]
#[ignore = "needs npm and PyPI packages: cargo xtask test --only examples"]
fn examples_in_javascript_and_python() {
    for example in ["javascript", "python"] {
        let folder = repository().join("plugins/examples").join(example);
        let dir = folder.to_str().expect("a path");
        let built = Command::new(&["plugin", "build", dir]).ok();
        assert!(!built.contains("wasi"), "{built}");
        let name = if example == "python" {
            "tickets-python"
        } else {
            "tickets-js"
        };
        let component = folder.join("target").join(format!("{name}.wasm"));
        let component = component.to_str().expect("a path");
        Command::new(&["plugin", "test", dir, "--component", component]).ok();
        Command::new(&["plugin", "check", dir, "--component", component]).ok();

        // What `new` makes in the other worlds, with the tools that were installed beside the example.
        let (lang, tools) = match example {
            "python" => ("python", ".venv"),
            _ => ("js", "node_modules"),
        };
        for world in ["classifier", "knowledge-base", "notifier"] {
            let home = tempfile::tempdir().expect("a folder");
            let made = home.path().join(format!("my-{world}"));
            let dir = made.to_str().expect("a path");
            Command::new(&["plugin", "new", "--world", world, "--lang", lang, dir]).ok();
            std::os::unix::fs::symlink(folder.join(tools), made.join(tools)).expect("a link");
            Command::new(&["plugin", "build", dir]).ok();
            let component = made.join(format!("target/my-{world}.wasm"));
            let component = component.to_str().expect("a path");
            let said = Command::new(&["plugin", "test", dir, "--component", component]).ok();
            assert!(said.contains("1 of 1 cases pass"), "{lang} {said}");
            Command::new(&["plugin", "check", dir, "--component", component]).ok();
        }
    }
}
