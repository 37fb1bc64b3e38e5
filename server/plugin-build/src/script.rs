//! Components from JavaScript (componentize-js) and Python (componentize-py), both without WASI.
//!
//! Both tools take a picture of an interpreter that has run the top level of the program. They are
//! not downloaded here: JavaScript finds its tool in the plugin's `node_modules`, Python in the
//! plugin's `.venv` or on the path.

use std::path::{Path, PathBuf};
use std::process::Command;

use plugin_sdk::manifest::{Manifest, Role};

use crate::component::seal;
use crate::{BuildError, read};

/// The SDK of JavaScript, put beside the program.
pub const JS_SDK: &str = include_str!("../../../plugin-sdk/js/bihuan.js");
/// The SDK of Python, put beside the program.
pub const PYTHON_SDK: &str = include_str!("../../../plugin-sdk/python/bihuan.py");

/// Language of a plugin that is no crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// `src/main.js`, a module.
    JavaScript,
    /// `app.py`.
    Python,
}

/// What the folder holds; `None`: a crate, or nothing known.
#[must_use]
pub fn language(folder: &Path) -> Option<Script> {
    if folder.join("Cargo.toml").exists() {
        None
    } else if folder.join("src/main.js").exists() {
        Some(Script::JavaScript)
    } else if folder.join("app.py").exists() {
        Some(Script::Python)
    } else {
        None
    }
}

/// Makes the component in a folder of its own: the sources, the SDK and the contract side by side,
/// because both tools refuse links and what lies outside of the program's folder.
///
/// # Errors
/// [`BuildError::NoTool`] when the tool is not there, [`BuildError::Script`] with its own words.
pub fn build_script(
    folder: &Path,
    script: Script,
    manifest: &Manifest,
    exports: &[String],
) -> Result<Vec<u8>, BuildError> {
    let stage = tempfile::tempdir().map_err(|source| io(Path::new("temporary folder"), source))?;
    let wit = stage.path().join("wit");
    create(&wit)?;
    for (name, text) in plugin_sdk::WIT_FILES {
        write(&wit.join(name), text.as_bytes())?;
    }
    write(&wit.join("this.wit"), world(manifest, exports).as_bytes())?;
    let folder = folder.canonicalize().map_err(|source| io(folder, source))?;
    let out = stage.path().join("component.wasm");
    let program = match script {
        Script::JavaScript => {
            let source = stage.path().join("src");
            copy(&folder.join("src"), &source, "js")?;
            write(&source.join("bihuan.js"), JS_SDK.as_bytes())?;
            let tool = folder.join("node_modules/.bin/componentize-js");
            if !tool.exists() {
                return Err(BuildError::NoTool {
                    tool: "componentize-js",
                    hint: "run `npm ci` in the folder of the plugin",
                });
            }
            let mut command = Command::new(tool);
            command
                .args(["src/main.js", "--wit", "wit", "--world-name", WORLD])
                .arg("--out")
                .arg(&out);
            for feature in ["random", "stdio", "clocks", "http", "fetch-event"] {
                command.args(["--disable", feature]);
            }
            command
        }
        Script::Python => {
            copy(&folder, stage.path(), "py")?;
            write(&stage.path().join("bihuan.py"), PYTHON_SDK.as_bytes())?;
            let own = folder.join(".venv/bin/componentize-py");
            let tool = if own.exists() {
                own
            } else {
                PathBuf::from("componentize-py")
            };
            let mut command = Command::new(tool);
            command
                .args(["--wit-path", "wit", "--world", WORLD])
                .args(["componentize", "app", "--stub-wasi", "--output"])
                .arg(&out);
            command
        }
    };
    run(program, stage.path(), script)?;
    seal(read(&out)?, manifest)
}

/// Name of the world made for one script.
const WORLD: &str = "this";

/// A world with what the manifest asks for and nothing else: the tools of script languages keep
/// every import of their world, and the list of imports is what an administrator reads.
fn world(manifest: &Manifest, exports: &[String]) -> String {
    let asks = &manifest.asks;
    let mut lines = vec!["include base;".to_owned()];
    let mut import = |name: &str, asked: bool| {
        if asked {
            lines.push(format!("import {name};"));
        }
    };
    import("state", manifest.role != Role::Classifier);
    import("http", !asks.hosts.is_empty());
    import("secrets", !asks.secrets.is_empty());
    import("crypto", !asks.secrets.is_empty());
    import("files", asks.files.is_some());
    import("imap", asks.imap.is_some());
    lines.extend(exports.iter().map(|e| format!("export {e};")));
    format!(
        "package bihuan:plugin@{};\nworld {WORLD} {{ {} }}\n",
        plugin_sdk::API_VERSION,
        lines.join(" ")
    )
}

fn run(mut program: Command, stage: &Path, script: Script) -> Result<(), BuildError> {
    let done = program.current_dir(stage).output().map_err(|source| {
        if source.kind() == std::io::ErrorKind::NotFound && script == Script::Python {
            BuildError::NoTool {
                tool: "componentize-py",
                hint: "run `python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1` in the folder of the plugin",
            }
        } else {
            BuildError::NoCargo {
                program: program.get_program().to_string_lossy().into_owned(),
                source,
            }
        }
    })?;
    if done.status.success() {
        return Ok(());
    }
    let mut said = String::from_utf8_lossy(&done.stderr).into_owned();
    said.push_str(&String::from_utf8_lossy(&done.stdout));
    Err(BuildError::Script(said.trim().to_owned()))
}

/// Copies the sources of one language, folder by folder; what the tools made themselves stays out.
fn copy(from: &Path, to: &Path, extension: &str) -> Result<(), BuildError> {
    create(to)?;
    let entries = std::fs::read_dir(from).map_err(|source| io(from, source))?;
    for entry in entries {
        let path = entry.map_err(|source| io(from, source))?.path();
        let name = path.file_name().unwrap_or_default();
        let hidden = name.to_string_lossy().starts_with(['.', '_']);
        if path.is_dir() {
            if !hidden && name != "node_modules" && name != "tests" {
                copy(&path, &to.join(name), extension)?;
            }
        } else if path.extension().is_some_and(|e| e == extension) {
            write(&to.join(name), &read(&path)?)?;
        }
    }
    Ok(())
}

fn create(folder: &Path) -> Result<(), BuildError> {
    std::fs::create_dir_all(folder).map_err(|source| io(folder, source))
}

fn write(path: &Path, content: &[u8]) -> Result<(), BuildError> {
    std::fs::write(path, content).map_err(|source| io(path, source))
}

fn io(path: &Path, source: std::io::Error) -> BuildError {
    BuildError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/examples");

    #[test]
    fn the_language_is_seen_from_the_files() {
        let examples = Path::new(EXAMPLES);
        assert_eq!(
            language(&examples.join("reviews-js")),
            Some(Script::JavaScript)
        );
        assert_eq!(
            language(&examples.join("forms-python")),
            Some(Script::Python)
        );
        assert_eq!(
            language(&examples.join("../keyword-classifier")),
            None,
            "a crate"
        );
    }

    #[test]
    fn the_world_of_a_script_has_what_the_manifest_asks_for() {
        let examples = Path::new(EXAMPLES);
        let made = |name: &str, export: &str| {
            let manifest = crate::read_manifest(&examples.join(name)).unwrap();
            world(&manifest, &[export.to_owned()])
        };
        let pulls = made("reviews-js", "puller");
        assert!(pulls.contains("import http;") && pulls.contains("export puller;"));
        assert!(!pulls.contains("imap") && !pulls.contains("files"));
        let called = made("forms-python", "webhook");
        assert!(
            called.contains("import secrets;") && !called.contains("http"),
            "{called}"
        );
    }

    #[test]
    fn a_missing_tool_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        create(&folder.path().join("src")).unwrap();
        write(&folder.path().join("src/main.js"), b"export {};").unwrap();
        let manifest = crate::read_manifest(&Path::new(EXAMPLES).join("reviews-js")).unwrap();
        let error = build_script(
            folder.path(),
            Script::JavaScript,
            &manifest,
            &["puller".to_owned()],
        )
        .unwrap_err()
        .to_string();
        assert!(
            error.contains("componentize-js") && error.contains("npm ci"),
            "{error}"
        );
    }
}
