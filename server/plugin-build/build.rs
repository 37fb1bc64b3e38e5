//! Embeds the SDK's source, so that `bihuan plugin new` works without the repository and offline.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let sdk = here.join("../../plugin-sdk");
    let mut files = Vec::new();
    for folder in ["src", "wit"] {
        println!("cargo::rerun-if-changed={}", sdk.join(folder).display());
        collect(&sdk.join(folder), &mut files);
    }
    files.sort();
    let mut source = String::from(
        "/// Path below the SDK and content.\npub(crate) static SDK: &[(&str, &str)] = &[\n",
    );
    for file in files {
        let name = file
            .strip_prefix(&sdk)
            .unwrap_or(&file)
            .display()
            .to_string();
        let name = name.replace('\\', "/");
        let _ = writeln!(
            source,
            "    ({name:?}, include_str!({:?})),",
            file.display().to_string()
        );
    }
    source.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("sdk.rs");
    if let Err(error) = fs::write(&out, source) {
        println!("cargo::error=cannot write {}: {error}", out.display());
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        println!("cargo::error=cannot read {}", folder.display());
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs" || e == "wit") {
            files.push(path);
        }
    }
}
