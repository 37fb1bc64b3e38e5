//! Embeds the first-party plugins that `cargo xtask plugins` has built, and none if it has not.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = here.join("../target/plugins");
    let mut source = String::from(
        "/// Components that come with this binary.\nstatic FIRST_PARTY: &[(&str, &[u8])] = &[\n",
    );
    // All of them together are smaller than one script guest.
    for name in [
        "keyword-classifier",
        "markdown-kb",
        "dingtalk-robot",
        "feishu-robot",
        "http-json",
        "mailbox",
        "markdown-git",
        "webhook-json",
        "wechat-kf",
        "wecom-robot",
    ] {
        let file = folder.join(format!("{name}.wasm"));
        println!("cargo::rerun-if-changed={}", file.display());
        if let Ok(file) = fs::canonicalize(&file) {
            let _ = writeln!(
                source,
                "    ({name:?}, include_bytes!({:?})),",
                file.display().to_string()
            );
        }
    }
    source.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("first_party.rs");
    if let Err(error) = fs::write(&out, source) {
        println!("cargo::error=cannot write {}: {error}", out.display());
    }
}
