//! Components of JavaScript and Python, made by their own tools; here the manifest is put in.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, read, scaffold};

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `Cargo.toml`.
    Rust,
    /// `package.json` and `build.mjs`.
    JavaScript,
    /// `app.py`.
    Python,
}

impl Language {
    /// What the folder holds.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        [
            ("Cargo.toml", Self::Rust),
            ("package.json", Self::JavaScript),
            ("app.py", Self::Python),
        ]
        .into_iter()
        .find(|(file, _)| folder.join(file).is_file())
        .map(|(_, language)| language)
    }
}

/// Puts the SDK and the contract beside the program where they are missing, and runs `node build.mjs` or `componentize-py`; answers the component without manifest. Nothing is
/// downloaded: what is missing is named with the command that brings it.
pub fn build_script(folder: &Path, language: Language) -> Result<Vec<u8>, BuildError> {
    let failed = |path: &Path, source| BuildError::Io {
        path: path.to_owned(),
        source,
    };
    for (path, content) in scaffold::script_sdk(language) {
        let path = folder.join(path);
        if !path.exists() {
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(|e| failed(parent, e))?;
            std::fs::write(&path, content).map_err(|e| failed(&path, e))?;
        }
    }
    let target = folder.join("target");
    std::fs::create_dir_all(&target).map_err(|e| failed(&target, e))?;
    // The tools run in the plugin's folder.
    let out = target
        .canonicalize()
        .map_err(|e| failed(&target, e))?
        .join("plugin.wasm");
    let (mut command, tool, remedy) = match language {
        Language::JavaScript => {
            if !folder
                .join("node_modules/@bytecodealliance/componentize-js")
                .exists()
            {
                return Err(BuildError::Tool {
                    tool: "componentize-js".to_owned(),
                    detail: "it is not installed; run `npm install` in the plugin's folder"
                        .to_owned(),
                });
            }
            let mut command = Command::new("node");
            command.arg("build.mjs").arg(&out);
            (
                command,
                "node",
                "install Node 20 or newer: https://nodejs.org",
            )
        }
        _ => {
            // The one of the plugin's own environment, else the one of the system.
            let own = folder.join(".venv/bin/componentize-py");
            let program = if own.is_file() {
                own.canonicalize().unwrap_or(own)
            } else {
                PathBuf::from("componentize-py")
            };
            let mut command = Command::new(program);
            command
                .args([
                    "-d",
                    "wit",
                    "-w",
                    "plugin",
                    "componentize",
                    "app",
                    "--stub-wasi",
                    "-o",
                ])
                .arg(&out);
            (
                command,
                "componentize-py",
                "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
            )
        }
    };
    let output = command
        .current_dir(folder)
        .output()
        .map_err(|source| BuildError::Tool {
            tool: tool.to_owned(),
            detail: format!("{source}; {remedy}"),
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(BuildError::Tool {
            tool: tool.to_owned(),
            detail: said.trim().to_owned(),
        });
    }
    read(&out)
}
