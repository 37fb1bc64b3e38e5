//! The command line. The only place that prints.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line prints"
)]

mod admin;
mod backtest;
mod import;
mod plugin;
mod serve;

use crate::config::{Config, Flags};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "bihuan",
    version,
    about = "Bihuan 闭环: closed-loop improvement for Voice-of-Customer teams"
)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Migrates the database, then runs everything
    Serve {
        /// Address to listen on
        #[arg(long, env = "BIHUAN_LISTEN")]
        listen: Option<String>,
    },
    /// As serve, with a generated organisation and 120 days of made-up feedback
    Demo {
        /// Address to listen on
        #[arg(long, env = "BIHUAN_LISTEN")]
        listen: Option<String>,
        /// Another seed makes another organisation's luck
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Do not serve: print the verdicts of the three fixes over this many seeds
        #[arg(long)]
        verdicts_over: Option<u64>,
    },
    /// Imports files: CSV, xlsx, xls, JSONL, gzip of them, or - for standard input
    Import {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Channel of their voices
        #[arg(long)]
        channel: String,
        /// JSON file: header → field
        #[arg(long)]
        mapping: Option<PathBuf>,
        /// Header of the column that holds topics
        #[arg(long)]
        topics_from: Option<String>,
        /// Read and check, keep nothing
        #[arg(long)]
        dry_run: bool,
        /// Time of rows that have none
        #[arg(long)]
        occurred_at: Option<String>,
        /// Where refused rows go; default: FILE.rejected.csv beside the file
        #[arg(long)]
        rejected: Option<PathBuf>,
    },
    /// API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Brings the database up to date and ends
    Migrate,
    /// Checks the installation and says what to do
    Doctor,
    /// Computes all facts anew from feedback and labels
    RebuildFacts {
        /// Only compare; ends with 1 when something differs
        #[arg(long)]
        check: bool,
    },
    /// Runs a rule over stored history and prints what it would have raised; nothing is written or sent
    Backtest(backtest::Args),
    /// Plugins: make, test, check, pack, install
    Plugin(plugin::Args),
    /// Prints the API description
    Openapi,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Makes a token and prints its secret, once
    Create {
        /// admin, voc_owner, department_owner, analyst, integrator or viewer
        #[arg(long)]
        role: String,
        /// For people
        #[arg(long)]
        name: String,
        /// Days until it ends
        #[arg(long)]
        days: Option<i64>,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Makes an account; the password is read from standard input
    Add {
        /// Log-in name
        #[arg(long)]
        email: String,
        /// For people
        #[arg(long, default_value = "")]
        name: String,
        /// admin, voc_owner, department_owner, analyst, integrator or viewer
        #[arg(long)]
        role: String,
        /// Department of a department owner
        #[arg(long)]
        department: Option<String>,
    },
}

/// The same for `bihuan plugin …`, which needs no server: its help and its errors name no setting of one.
#[derive(Parser)]
#[command(
    name = "bihuan",
    version,
    about = "Bihuan 闭环: what authors of plugins do"
)]
struct Author {
    #[command(subcommand)]
    command: OfAuthors,
}

#[derive(Subcommand)]
enum OfAuthors {
    /// Plugins: make, test, check, pack, install
    Plugin(plugin::Args),
}

impl Cli {
    /// What was typed. Ends the process when it cannot be understood.
    fn typed() -> Self {
        if std::env::args_os()
            .nth(1)
            .is_none_or(|word| word != "plugin")
        {
            return Self::parse();
        }
        let OfAuthors::Plugin(args) = Author::parse().command;
        Self {
            flags: Flags::default(),
            command: Command::Plugin(args),
        }
    }
}

/// Runs the command of this process.
pub fn run() -> ExitCode {
    let cli = Cli::typed();
    let listen = match &cli.command {
        Command::Serve { listen } | Command::Demo { listen, .. } => listen.clone(),
        _ => None,
    };
    let mut flags = cli.flags.clone();
    if let Command::Demo { seed, .. } = cli.command
        && flags.data_dir.is_none()
    {
        // Every seed is a history of its own.
        let folder = if seed == 1 {
            "data/demo".to_owned()
        } else {
            format!("data/demo-{seed}")
        };
        flags.data_dir = Some(PathBuf::from(folder));
    }
    let config = match Config::load(&flags, listen) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("bihuan: {error}");
            return ExitCode::from(2);
        }
    };
    let quiet = matches!(&cli.command, Command::Plugin(args) if !args.verbose);
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    crate::telemetry::init(&wanted, config.log_json, quiet);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("bihuan: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(dispatch(cli.command, config));
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bihuan: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command, config: Config) -> crate::app::failure::Result<ExitCode> {
    match command {
        Command::Serve { .. } => serve::serve(config).await,
        Command::Demo {
            seed,
            verdicts_over: None,
            ..
        } => serve::demo(config, seed).await,
        Command::Demo {
            verdicts_over: Some(seeds),
            ..
        } => {
            let measured = tokio::task::spawn_blocking(move || {
                crate::demo::generator::measure(1..=seeds.max(1))
            })
            .await?;
            print!("{measured}");
            Ok(ExitCode::SUCCESS)
        }
        Command::Import {
            files,
            channel,
            mapping,
            topics_from,
            dry_run,
            occurred_at,
            rejected,
        } => {
            import::import(
                config,
                files,
                channel,
                mapping,
                topics_from,
                dry_run,
                occurred_at,
                rejected,
            )
            .await
        }
        Command::Token(TokenCommand::Create { role, name, days }) => {
            admin::create_token(config, &role, &name, days).await
        }
        Command::User(UserCommand::Add {
            email,
            name,
            role,
            department,
        }) => admin::add_user(config, &email, &name, &role, department).await,
        Command::Migrate => admin::migrate(config).await,
        Command::Doctor => admin::doctor(config).await,
        Command::RebuildFacts { check } => admin::rebuild_facts(config, check).await,
        Command::Backtest(args) => backtest::run(config, args).await,
        Command::Plugin(args) => plugin::run(args).await,
        Command::Openapi => {
            print!("{}", crate::http::openapi::text());
            Ok(ExitCode::SUCCESS)
        }
    }
}
