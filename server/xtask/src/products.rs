//! What has to be built before the server can show anything: plugins, console, server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::{Outcome, say};
use crate::shell::{Failure, cargo, npm, output, run, which};
use crate::stamp;

const WASM_TARGET: &str = "wasm32-unknown-unknown";
/// The oldest Node that the console's tools take.
const NODE: (u32, u32) = (20, 19);

/// The repository and where its products go.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Top of the repository.
    pub(crate) root: PathBuf,
    /// Where cargo puts binaries: the folder we ourselves were started from, so that
    /// `CARGO_TARGET_DIR` and every other setting of cargo hold for us without being read.
    binaries: PathBuf,
}

impl Tree {
    /// Finds both. Cargo tells where the package lies; without cargo the place of compilation counts.
    pub(crate) fn find() -> Result<Self, Failure> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package
            .ancestors()
            .nth(2)
            .filter(|root| root.join("Cargo.toml").is_file())
            .ok_or_else(|| Failure::new("start me as `cargo xtask` inside the repository"))?;
        let exe = std::env::current_exe()?;
        let binaries = exe
            .parent()
            .ok_or_else(|| Failure::new("my own executable has no folder"))?;
        Ok(Self {
            root: root.to_path_buf(),
            binaries: binaries.to_path_buf(),
        })
    }

    /// The server's executable.
    pub(crate) fn server(&self) -> PathBuf {
        let name = format!("bihuan{}", std::env::consts::EXE_SUFFIX);
        self.binaries.join(name)
    }

    /// The console's package.
    pub(crate) fn console(&self) -> PathBuf {
        self.root.join("server/console")
    }

    fn stamp(&self, name: &str) -> PathBuf {
        self.root.join("target/stamps").join(name)
    }
}

/// Builds every plugin whose sources changed to `target/plugins/<name>.wasm`, the folder that the
/// server embeds, whatever cargo's own target folder is.
pub(crate) fn plugins(tree: &Tree) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::Fresh;
    for name in plugin_names(&tree.root)? {
        let product = tree
            .root
            .join("target/plugins")
            .join(format!("{name}.wasm"));
        let stamp = tree.stamp(&format!("plugin-{name}"));
        let print = stamp::fingerprint(&tree.root, &plugin_inputs(&name))?;
        if stamp::is_fresh(&stamp, &print, std::slice::from_ref(&product)) {
            continue;
        }
        ensure_wasm_target(&tree.root)?;
        if let Some(folder) = product.parent() {
            fs::create_dir_all(folder)?;
        }
        say(&format!("    building the component {name}"));
        run(cargo(&tree.root)
            .args(["run", "--quiet", "--package", "plugin-build", "--", "build"])
            .arg(format!("plugins/{name}"))
            .arg("--out")
            .arg(format!("target/plugins/{name}.wasm")))?;
        stamp::write(&stamp, &print)?;
        outcome = Outcome::Done;
    }
    Ok(outcome)
}

/// The folders of `plugins/` that are packages, sorted.
fn plugin_names(root: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("plugins"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// All that a component is made from: itself, the contract, the maker, versions and profile.
fn plugin_inputs(name: &str) -> Vec<PathBuf> {
    let own = PathBuf::from("plugins").join(name);
    let shared = [
        "plugin-sdk",
        "server/plugin-build",
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain.toml",
    ];
    // The file format of articles is shared.
    let lent = (name == "markdown-git").then(|| PathBuf::from("plugins/markdown-kb"));
    std::iter::once(own)
        .chain(lent)
        .chain(shared.map(PathBuf::from))
        .collect()
}

/// Adds the target that components are compiled for, when it is missing.
fn ensure_wasm_target(root: &Path) -> Result<(), Failure> {
    let installed = output(
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(root),
    )
    .is_some_and(|sysroot| has_wasm_target(Path::new(&sysroot)));
    if installed {
        return Ok(());
    }
    say(&format!(
        "    the compiler lacks the target {WASM_TARGET}: adding it"
    ));
    let remedy = format!(
        "plugins are compiled for {WASM_TARGET}. Either\n    \
         rustup target add {WASM_TARGET}\n  \
         (needs https://static.rust-lang.org or the mirror in RUSTUP_DIST_SERVER), or, where rustc comes\n  \
         from Debian or Ubuntu, the package of the same version as rustc:\n    \
         apt install libstd-rust-dev-wasm32"
    );
    if which("rustup").is_none() {
        return Err(Failure::new("there is no rustup to add a target with").remedy(remedy));
    }
    run(Command::new("rustup")
        .args(["target", "add", WASM_TARGET])
        .current_dir(root))
    .map_err(|failure| failure.remedy(remedy))
}

fn has_wasm_target(sysroot: &Path) -> bool {
    sysroot
        .join("lib/rustlib")
        .join(WASM_TARGET)
        .join("lib")
        .is_dir()
}

/// What is wrong with Node on this machine, if anything.
pub(crate) fn node_problem() -> Option<String> {
    let Some(version) = output(Command::new("node").arg("--version")) else {
        return Some("Node is not installed".to_owned());
    };
    if !node_is_new_enough(&version) {
        return Some(format!("Node {version} is too old"));
    }
    which(if cfg!(windows) { "npm.cmd" } else { "npm" })
        .is_none()
        .then(|| "npm is not installed".to_owned())
}

/// What to do about [`node_problem`].
pub(crate) fn node_remedy() -> String {
    let (major, minor) = NODE;
    format!(
        "the console is built with Node {major}.{minor} or newer and its npm: https://nodejs.org"
    )
}

fn node_is_new_enough(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.');
    let mut next = || parts.next().and_then(|part| part.parse::<u32>().ok());
    match (next(), next()) {
        (Some(major), Some(minor)) => (major, minor) >= NODE,
        _ => false,
    }
}

/// Installs the packages of a Node project exactly as locked, when the lock changed.
pub(crate) fn npm_install(folder: &Path) -> Result<Outcome, Failure> {
    // The stamp lies inside what it speaks of: deleting node_modules deletes it too.
    let stamp = folder.join("node_modules/.bihuan-stamp");
    let inputs = ["package.json", "package-lock.json", ".npmrc"].map(PathBuf::from);
    let print = stamp::fingerprint(folder, &inputs)?;
    if stamp::is_fresh(&stamp, &print, &[]) {
        return Ok(Outcome::Fresh);
    }
    run(npm(folder).args(["ci", "--no-audit", "--no-fund"]))?;
    stamp::write(&stamp, &print)?;
    Ok(Outcome::Done)
}

/// Builds the console when its sources changed.
pub(crate) fn console_build(tree: &Tree) -> Result<Outcome, Failure> {
    let stamp = tree.stamp("console");
    let print = stamp::fingerprint(&tree.root, &[PathBuf::from("server/console")])?;
    let page = tree.console().join("dist/index.html");
    if stamp::is_fresh(&stamp, &print, std::slice::from_ref(&page)) {
        return Ok(Outcome::Fresh);
    }
    run(npm(&tree.console()).args(["run", "build"]))?;
    if !page.is_file() {
        return Err(Failure::new("the build left no dist/index.html"));
    }
    // Taken again: the build may have written files of its own beside the sources.
    let print = stamp::fingerprint(&tree.root, &[PathBuf::from("server/console")])?;
    stamp::write(&stamp, &print)?;
    Ok(Outcome::Done)
}

/// Builds the server with what was built before embedded. Cargo knows what is fresh.
pub(crate) fn server_build(tree: &Tree) -> Result<Outcome, Failure> {
    built(tree, &["build", "--package", "server"])
}

/// Builds the server as `cargo test --workspace` sees it. The tests' own dependencies switch features
/// on; built alone, the server would have half of its dependencies compiled a second time.
pub(crate) fn workspace_build(tree: &Tree) -> Result<Outcome, Failure> {
    built(tree, &["build", "--workspace", "--all-targets"])
}

fn built(tree: &Tree, args: &[&str]) -> Result<Outcome, Failure> {
    run(cargo(&tree.root).args(args))?;
    let server = tree.server();
    if !server.is_file() {
        return Err(Failure::new(format!("cargo left no {}", server.display())));
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_compare_as_numbers() {
        for good in ["v20.19.0", "v20.20.2", "v22.0.0", "v100.1.0", "24.4.1"] {
            assert!(node_is_new_enough(good), "{good}");
        }
        for bad in ["v20.9.0", "v18.20.4", "v9.99.0", "v20", "", "unknown"] {
            assert!(!node_is_new_enough(bad), "{bad}");
        }
    }

    #[test]
    fn a_component_is_made_from_itself_the_contract_and_the_maker() {
        let inputs = plugin_inputs("markdown-kb");
        let expected = ["plugins/markdown-kb", "plugin-sdk", "server/plugin-build"];
        for folder in expected.map(PathBuf::from) {
            assert!(inputs.contains(&folder), "{}", folder.display());
        }
        assert!(!inputs.contains(&PathBuf::from("plugins/keyword-classifier")));
    }

    #[test]
    fn the_plugins_of_the_repository_are_found() {
        let tree = Tree::find().unwrap();
        let names = plugin_names(&tree.root).unwrap();
        assert!(
            names.contains(&"keyword-classifier".to_owned()),
            "{names:?}"
        );
        assert!(names.is_sorted());
    }
}
