//! Makes a component from a plugin's crate: cargo for `wasm32-unknown-unknown`, the manifest as a
//! custom section, wit-component. Knows no wasmtime, so it builds in seconds.
//!
//! ```text
//! crate with plugin.toml ──cargo──▶ core module ──wit-component──▶ component
//!                                                  + section bihuan:manifest
//! ```

mod cargo;
pub mod case;
mod component;
pub mod lint;
mod manifest;
pub mod package;
pub mod scaffold;
mod script;

use std::path::{Path, PathBuf};

pub use component::{assemble, attach, imports};
pub use manifest::read_manifest;
pub use plugin_sdk;
pub use plugin_sdk::manifest::{Manifest, Role};
pub use script::Language;

/// Why no component was made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// `plugin.toml` or the schema beside it cannot be used.
    #[error("{path}: {detail}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// cargo could not be started.
    #[error("cannot run {program}: {source}")]
    NoCargo {
        /// What was started.
        program: String,
        /// Why it did not start.
        source: std::io::Error,
    },
    /// cargo ended with an error; its messages went to the terminal.
    #[error("cargo failed for {0}")]
    Cargo(PathBuf),
    /// cargo said something unexpected.
    #[error("cannot understand cargo: {0}")]
    Metadata(String),
    /// A dependency needs JavaScript glue.
    #[error(
        "a dependency of this plugin wants wasm-bindgen (often chrono's `wasmbind` or uuid's `js`): switch that feature off"
    )]
    WasmBindgen,
    /// WASI is not offered by the host.
    #[error(
        "the component imports {0}: there is no WASI in Bihuan; build for wasm32-unknown-unknown and use the SDK"
    )]
    Wasi(String),
    /// The module does not fit the contract.
    #[error("cannot make a component: {0}")]
    Encode(String),
    /// A tool of another language is missing or failed.
    #[error("{tool}: {detail}")]
    Tool {
        /// Its name.
        tool: String,
        /// What it said, or how to get it.
        detail: String,
    },
    /// The folder holds no plugin.
    #[error("{0} holds none of Cargo.toml, package.json and app.py")]
    NoPlugin(PathBuf),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
}

/// What was built.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The component.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: usize,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its imports: the powers it uses.
    pub imports: Vec<String>,
}

/// Builds the plugin in `crate_dir` (`plugin.toml`, and `Cargo.toml`, `package.json` or `app.py`)
/// into the file `out`, whose folder is made. The file is replaced only when its content changes.
///
/// # Errors
/// The first step that fails.
pub fn build(crate_dir: &Path, out: &Path) -> Result<Built, BuildError> {
    let manifest = read_manifest(crate_dir)?;
    let component = match Language::of(crate_dir) {
        None => return Err(BuildError::NoPlugin(crate_dir.to_owned())),
        Some(Language::Rust) => assemble(&read(&cargo::build_module(crate_dir)?)?, &manifest)?,
        Some(language) => attach(script::build_script(crate_dir, language)?, &manifest)?,
    };
    let imports = imports(&component)?;
    write_if_changed(out, &component)?;
    Ok(Built {
        path: out.to_owned(),
        size: component.len(),
        manifest,
        imports,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    std::fs::read(path).map_err(|source| BuildError::Io {
        path: path.to_owned(),
        source,
    })
}

/// An unchanged file keeps its time, so that whatever embeds it is not built again.
fn write_if_changed(path: &Path, content: &[u8]) -> Result<(), BuildError> {
    if std::fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let failed = |source| BuildError::Io {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    std::fs::write(&temporary, content).map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)
}
