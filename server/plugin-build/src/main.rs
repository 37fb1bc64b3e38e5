//! `plugin-build build <crate dir> --out <file>`: for xtask and for authors of plugins.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(version, about = "Makes components for Bihuan from plugin crates")]
enum Command {
    /// Builds one plugin.
    Build {
        /// Folder with Cargo.toml and plugin.toml.
        crate_dir: PathBuf,
        /// The component to write.
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    let Command::Build { crate_dir, out } = Command::parse();
    match plugin_build::build(&crate_dir, &out) {
        Ok(built) => {
            let uses: Vec<&str> = built.imports.iter().filter_map(|i| interface(i)).collect();
            let line = format!(
                "{} {} ({}): {} KiB, uses {}\n",
                built.manifest.name,
                built.manifest.version,
                built.manifest.role.as_str(),
                built.size.div_ceil(1024),
                if uses.is_empty() {
                    "nothing".to_owned()
                } else {
                    uses.join(", ")
                },
            );
            // Nobody reads it any more: the component is built all the same.
            let _ = std::io::stdout().write_all(line.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = std::io::stderr().write_all(format!("error: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// `log` of `bihuan:plugin/log@0.1.0`; `types` carries no power and is left out.
fn interface(import: &str) -> Option<&str> {
    let name = import.split_once('/')?.1.split('@').next()?;
    (name != "types").then_some(name)
}
