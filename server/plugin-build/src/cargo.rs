//! cargo as a child process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::BuildError;

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "plugin";
/// Searching and comparing take 16 bytes at once; joined with flags of the plugin's own configuration.
const SIMD: &str = r#"target.wasm32-unknown-unknown.rustflags=["-Ctarget-feature=+simd128"]"#;

/// Builds the crate's core module and answers where it stands. The target folder is cargo's own
/// choice: `CARGO_TARGET_DIR` when set, else the workspace's.
pub fn build_module(crate_dir: &Path) -> Result<PathBuf, BuildError> {
    let manifest_path = crate_dir.join("Cargo.toml");
    let metadata = run(
        Command::new(cargo())
            .args([
                "metadata",
                "--format-version=1",
                "--no-deps",
                "--manifest-path",
            ])
            .arg(&manifest_path)
            .stderr(Stdio::inherit()),
        crate_dir,
    )?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&metadata).map_err(|e| BuildError::Metadata(e.to_string()))?;
    let (package, library) = library(&metadata, &manifest_path)?;
    let target_dir = metadata["target_directory"]
        .as_str()
        .ok_or_else(|| BuildError::Metadata("no target_directory".to_owned()))?;

    let status = Command::new(cargo())
        .args([
            "build",
            "--quiet",
            "--lib",
            "--target",
            TARGET,
            "--profile",
            PROFILE,
            "--package",
            &package,
            "--config",
            SIMD,
        ])
        .arg("--manifest-path")
        .arg(&manifest_path)
        // Flags meant for the machine's own processor (or a coverage run) break wasm builds.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .map_err(|source| BuildError::NoCargo {
            program: cargo(),
            source,
        })?;
    if !status.success() {
        return Err(BuildError::Cargo(crate_dir.to_owned()));
    }
    Ok(Path::new(target_dir)
        .join(TARGET)
        .join(PROFILE)
        .join(format!("{library}.wasm")))
}

fn cargo() -> String {
    // Set by cargo itself for the processes it starts (xtask, tests).
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn run(command: &mut Command, crate_dir: &Path) -> Result<Vec<u8>, BuildError> {
    let output = command.output().map_err(|source| BuildError::NoCargo {
        program: cargo(),
        source,
    })?;
    if !output.status.success() {
        return Err(BuildError::Cargo(crate_dir.to_owned()));
    }
    Ok(output.stdout)
}

/// Name of the package whose manifest is `manifest_path`, and of its cdylib's file.
fn library(
    metadata: &serde_json::Value,
    manifest_path: &Path,
) -> Result<(String, String), BuildError> {
    let wanted = manifest_path
        .canonicalize()
        .map_err(|source| BuildError::Io {
            path: manifest_path.to_owned(),
            source,
        })?;
    let packages = metadata["packages"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let package = packages
        .iter()
        .find(|p| {
            p["manifest_path"]
                .as_str()
                .is_some_and(|m| Path::new(m).canonicalize().is_ok_and(|m| m == wanted))
        })
        .ok_or_else(|| {
            BuildError::Metadata(format!("no package at {}", manifest_path.display()))
        })?;
    let name = package["name"].as_str().unwrap_or_default().to_owned();
    let is_cdylib = |t: &&serde_json::Value| {
        t["crate_types"]
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(|k| k.as_str() == Some("cdylib")))
    };
    let target = package["targets"]
        .as_array()
        .and_then(|targets| targets.iter().find(is_cdylib))
        .ok_or_else(|| {
            BuildError::Metadata(format!(
                "{name} has no library with crate-type = [\"cdylib\", \"rlib\"]"
            ))
        })?;
    Ok((
        name,
        target["name"]
            .as_str()
            .unwrap_or_default()
            .replace('-', "_"),
    ))
}
