//! `bihuan plugin …`: everything an author of plugins does, offline but for `install`, `list` and `logs`.

mod bench;
mod conform;
mod remote;
mod report;
mod stage;

use crate::app::failure;
use clap::{Subcommand, ValueEnum};
use plugin_build::package::{self, SigningKey};
use plugin_build::{Built, Language, Role, scaffold};
use plugin_host::Host;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bench::Bench;

/// What is done, and how much is said.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Also print what host and plugin log; RUST_LOG chooses more finely
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    #[command(subcommand)]
    command: Command,
}

/// What is done with plugins.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Makes a new plugin in a folder, with the SDK and the contract beside it
    New {
        /// What it is for
        #[arg(long, value_enum)]
        world: World,
        /// What it is written in
        #[arg(long, value_enum, default_value_t = Lang::Rust)]
        lang: Lang,
        /// The folder; its last part names the plugin
        dir: PathBuf,
    },
    /// Makes the component of a plugin's folder
    Build {
        /// The plugin's folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// The component to write; default: target/NAME.wasm in the folder
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Runs the component against the recorded answers in tests/*.json, and says what it used
    Test {
        /// The plugin's folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// A component made before, instead of building it
        #[arg(long)]
        component: Option<PathBuf>,
    },
    /// Checks that the component keeps to the contract, whatever happens around it
    Check {
        /// The plugin's folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// A component made before, instead of building it
        #[arg(long)]
        component: Option<PathBuf>,
        /// Writes the findings as JSON into this file; - for standard output
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Packs component, manifest and readme into one signed file
    Pack {
        /// The plugin's folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// A component made before, instead of building it
        #[arg(long)]
        component: Option<PathBuf>,
        /// Ed25519 key, PKCS #8 as PEM; made with `bihuan plugin keygen`
        #[arg(long, conflicts_with = "unsigned")]
        key: Option<PathBuf>,
        /// Leaves the signature out
        #[arg(long)]
        unsigned: bool,
        /// The package; default: target/NAME.bihuan in the folder
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Makes a key for `pack` and prints its public half
    Keygen {
        /// The file to write; must not exist
        out: PathBuf,
    },
    /// Installs a package or a component; it gets no power before an administrator grants it
    Install {
        /// NAME.bihuan or NAME.wasm
        file: PathBuf,
        /// Public keys whose packages are trusted
        #[arg(long)]
        trust: Vec<String>,
        /// Accepts what is not signed
        #[arg(long)]
        unsigned: bool,
        #[command(flatten)]
        remote: remote::Target,
    },
    /// Lists what is installed
    List {
        #[command(flatten)]
        remote: remote::Target,
    },
    /// Prints what an installation logged
    Logs {
        /// Key of the installation
        installation: String,
        /// Goes on printing what comes
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        remote: remote::Target,
    },
}

/// What a plugin is for.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum World {
    /// Brings feedback.
    Connector,
    /// Gives feedback its labels.
    Classifier,
    /// Keeps articles outside.
    KnowledgeBase,
    /// Posts into chats.
    Notifier,
}

/// What a plugin is written in.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Lang {
    /// Small and quick.
    Rust,
    /// With componentize-js.
    Js,
    /// With componentize-py.
    Python,
}

/// Runs one of the commands. Needs no settings and no database.
pub(super) async fn run(args: Args) -> failure::Result<ExitCode> {
    match args.command {
        Command::New { world, lang, dir } => new(world, lang, &dir),
        Command::Build { dir, out } => {
            let built = build(&dir, out)?;
            println!("{}", described(&built));
            Ok(ExitCode::SUCCESS)
        }
        Command::Test { dir, component } => test(&dir, component).await,
        Command::Check {
            dir,
            component,
            json,
        } => check(&dir, component, json).await,
        Command::Pack {
            dir,
            component,
            key,
            unsigned,
            out,
        } => pack(&dir, component, key, unsigned, out),
        Command::Keygen { out } => keygen(&out),
        Command::Install {
            file,
            trust,
            unsigned,
            remote,
        } => {
            let bytes = read(&file)?;
            // Looked at here as well: nothing is sent that would be refused.
            opened(&file, bytes.clone(), &trust, unsigned)?;
            remote::install(&remote, &bytes, &trust, unsigned).await
        }
        Command::List { remote } => remote::list(&remote).await,
        Command::Logs {
            installation,
            follow,
            remote,
        } => remote::logs(&remote, &installation, follow).await,
    }
}

fn new(world: World, lang: Lang, dir: &Path) -> failure::Result<ExitCode> {
    let role = match world {
        World::Connector => Role::Connector,
        World::Classifier => Role::Classifier,
        World::KnowledgeBase => Role::KnowledgeBase,
        World::Notifier => Role::Notifier,
    };
    let language = match lang {
        Lang::Rust => Language::Rust,
        Lang::Js => Language::JavaScript,
        Lang::Python => Language::Python,
    };
    let files = scaffold::create(dir, role, language)?;
    for file in files
        .iter()
        .filter(|f| !f.starts_with("vendor/") && !f.starts_with("wit/"))
    {
        println!("{}", dir.join(file).display());
    }
    let next = match language {
        Language::Rust => "",
        Language::JavaScript => "npm install && ",
        Language::Python => {
            "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && "
        }
    };
    println!("\ncd {} && {next}bihuan plugin test", dir.display());
    Ok(ExitCode::SUCCESS)
}

fn build(dir: &Path, out: Option<PathBuf>) -> failure::Result<Built> {
    let manifest = plugin_build::read_manifest(dir)?;
    let out = out.unwrap_or_else(|| dir.join("target").join(format!("{}.wasm", manifest.name)));
    Ok(plugin_build::build(dir, &out)?)
}

/// One line for the terminal.
fn described(built: &Built) -> String {
    let interface = |import: &String| {
        let name = import.split_once('/')?.1.split('@').next()?;
        (!name.ends_with("types")).then(|| name.to_owned())
    };
    let uses: Vec<String> = built.imports.iter().filter_map(interface).collect();
    format!(
        "{}: {} {} ({}), {} KiB, uses {}",
        built.path.display(),
        built.manifest.name,
        built.manifest.version,
        built.manifest.role.as_str(),
        built.size.div_ceil(1024),
        if uses.is_empty() {
            "nothing".to_owned()
        } else {
            uses.join(", ")
        }
    )
}

/// The component of a folder: given, or built now.
fn component(dir: &Path, given: Option<PathBuf>) -> failure::Result<Vec<u8>> {
    let path = match given {
        Some(path) => path,
        None => build(dir, None)?.path,
    };
    read(&path)
}

async fn test(dir: &Path, given: Option<PathBuf>) -> failure::Result<ExitCode> {
    let cases = plugin_build::case::read_cases(dir)?;
    if cases.is_empty() {
        eprintln!("{}: there is no tests/*.json", dir.display());
        return Ok(ExitCode::FAILURE);
    }
    let bench = Bench::new(component(dir, given)?).await?;
    let mut failed = 0;
    for (file, case) in &cases {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let ran = bench.case(case).await;
        println!(
            "{} {name}: {}",
            if ran.problems.is_empty() {
                "ok    "
            } else {
                "FAILED"
            },
            case.title
        );
        for (call, used) in &ran.used {
            println!("         {call}: {}", bench.spent(used));
        }
        for problem in &ran.problems {
            println!("         {problem}");
        }
        if !ran.problems.is_empty() {
            failed += 1;
            for line in bench.stage.logs() {
                println!("         log {}: {}", line.level.as_str(), line.message);
            }
        }
        bench.stage.forget_logs();
    }
    println!("{} of {} cases pass", cases.len() - failed, cases.len());
    Ok(exit(failed == 0))
}

async fn check(
    dir: &Path,
    given: Option<PathBuf>,
    json: Option<PathBuf>,
) -> failure::Result<ExitCode> {
    let cases = plugin_build::case::read_cases(dir)?;
    let report = conform::check(component(dir, given)?, &cases).await;
    let text = serde_json::to_string_pretty(&report)?;
    match json {
        Some(path) if path == Path::new("-") => println!("{text}"),
        Some(path) => {
            std::fs::write(&path, text + "\n").map_err(|e| format!("{}: {e}", path.display()))?;
            print!("{}", report.for_people());
        }
        None => print!("{}", report.for_people()),
    }
    Ok(exit(report.passed()))
}

fn pack(
    dir: &Path,
    given: Option<PathBuf>,
    key: Option<PathBuf>,
    unsigned: bool,
    out: Option<PathBuf>,
) -> failure::Result<ExitCode> {
    let key = match key {
        Some(path) => Some(SigningKey::from_pem(&String::from_utf8_lossy(&read(
            &path,
        )?))?),
        None if unsigned => None,
        None => return Err("pass --key FILE, or --unsigned to leave the signature out".into()),
    };
    let manifest = plugin_build::read_manifest(dir)?;
    let component = component(dir, given)?;
    // A signature under what every server refuses would only mislead.
    let inspected = Host::inspect(&component)?;
    if (&inspected.manifest.name, &inspected.manifest.version)
        != (&manifest.name, &manifest.version)
    {
        return Err(format!(
            "the component is {} {}, but {} says {} {}: build it anew",
            inspected.manifest.name,
            inspected.manifest.version,
            dir.join("plugin.toml").display(),
            manifest.name,
            manifest.version
        )
        .into());
    }
    let mut others = Vec::new();
    for name in ["plugin.toml", "README.md"] {
        let path = dir.join(name);
        if path.is_file() {
            others.push((name, read(&path)?));
        }
    }
    let bytes = package::pack(&component, &others, key.as_ref())?;
    let out = out.unwrap_or_else(|| {
        dir.join("target")
            .join(format!("{}.{}", manifest.name, package::EXTENSION))
    });
    if let Some(parent) = out.parent() {
        std::fs::create_dir_all(parent).map_err(|e| format!("{}: {e}", parent.display()))?;
    }
    std::fs::write(&out, &bytes).map_err(|e| format!("{}: {e}", out.display()))?;
    let signed = key.map_or("not signed".to_owned(), |k| {
        format!("signed by {}", k.public())
    });
    println!(
        "{}: {} KiB, {signed}",
        out.display(),
        bytes.len().div_ceil(1024)
    );
    Ok(ExitCode::SUCCESS)
}

fn keygen(out: &Path) -> failure::Result<ExitCode> {
    let (key, pem) = SigningKey::generate()?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options
        .open(out)
        .map_err(|e| format!("{}: {e}", out.display()))?;
    std::io::Write::write_all(&mut file, pem.as_bytes())
        .map_err(|e| format!("{}: {e}", out.display()))?;
    println!("{}", key.public());
    Ok(ExitCode::SUCCESS)
}

/// The component of a file; a package is verified first.
fn opened(
    file: &Path,
    bytes: Vec<u8>,
    trust: &[String],
    unsigned: bool,
) -> failure::Result<Vec<u8>> {
    if bytes.starts_with(b"\0asm") {
        if !unsigned {
            return Err(format!(
                "{} is a bare component, which carries no signature; pass --unsigned to accept that",
                file.display()
            )
            .into());
        }
        return Ok(bytes);
    }
    Ok(package::open(&bytes, trust, unsigned)?.component().to_vec())
}

fn read(path: &Path) -> failure::Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

fn exit(fine: bool) -> ExitCode {
    if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_signed_needs_the_flag() {
        let file = Path::new("p.wasm");
        let bare = b"\0asm....".to_vec();
        assert!(opened(file, bare.clone(), &[], false).is_err());
        assert_eq!(
            opened(file, bare.clone(), &[], true).ok(),
            Some(bare.clone())
        );
        let (key, _) = SigningKey::generate().unwrap();
        let package = package::pack(&bare, &[], Some(&key)).unwrap();
        assert_eq!(
            opened(file, package.clone(), &[key.public()], false).ok(),
            Some(bare)
        );
        assert!(opened(file, package, &["AAAA".to_owned()], false).is_err());
    }
}
