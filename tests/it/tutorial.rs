//! The tutorial, executed block by block.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::{Engine, Server};

/// A block of code: what stands behind the three backticks, and the lines.
struct Block {
    kind: String,
    text: String,
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-sdk/docs")
}

fn blocks(file: &str) -> Vec<Block> {
    let text = fs::read_to_string(docs().join(file)).expect("the tutorial");
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => {
                open = Some(Block {
                    kind: kind.to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// Both languages show the same commands and files, so running one runs both.
#[test]
fn both_languages_have_the_same_blocks() {
    let (en, zh) = (blocks("tutorial.md"), blocks("tutorial.zh-CN.md"));
    assert_eq!(en.len(), zh.len());
    assert!(en.len() >= 8);
    for (en, zh) in en.iter().zip(&zh) {
        assert_eq!((&en.kind, &en.text), (&zh.kind, &zh.text));
    }
}

/// A newcomer's afternoon: without network, in an empty folder, with the program alone.
#[test]
fn the_tutorial_works_command_by_command() {
    let server = Server::start(Engine::Sqlite);
    let home = tempfile::tempdir().expect("a folder");
    let program = tests::server::program()
        .canonicalize()
        .expect("the program");
    // Under its own name, whatever the one under test is called.
    let programs = home.path().join("bin");
    fs::create_dir(&programs).expect("a folder");
    std::os::unix::fs::symlink(&program, programs.join("bihuan")).expect("a link");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path)))
        .expect("a path");
    // Built once for all runs: a second one takes seconds.
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tutorial");
    let mut folder = home.path().to_owned();
    let mut ran = 0;
    for block in blocks("tutorial.md") {
        if let Some(file) = block.kind.strip_prefix("json file=") {
            fs::write(folder.join(file), &block.text).expect("a file");
            continue;
        }
        if block.kind != "sh" {
            continue;
        }
        for command in block.text.lines() {
            if let Some(into) = command.strip_prefix("cd ") {
                folder.push(into);
                continue;
            }
            let output = Command::new("sh")
                .args(["-euc", command])
                .current_dir(&folder)
                .env("PATH", &path)
                .env("CARGO_NET_OFFLINE", "true")
                .env("CARGO_TARGET_DIR", &target)
                .env_remove("CARGO_ENCODED_RUSTFLAGS")
                .env("BIHUAN_SERVER", format!("http://{}", server.address))
                .env("BIHUAN_TOKEN", tests::server::ADMIN_TOKEN)
                .output()
                .expect("sh");
            assert!(
                output.status.success(),
                "{command}\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            ran += 1;
        }
    }
    assert!(ran >= 10, "{ran}");
    let plugins = server.admin().get("/api/v1/plugins").ok();
    let installed = plugins["items"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|p| p["name"] == "helpdesk");
    assert_eq!(
        installed.expect("helpdesk is installed")["state"],
        "installed"
    );
}
