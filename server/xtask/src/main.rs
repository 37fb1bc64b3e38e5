//! Set-up, builds and the gate of Bihuan: `cargo xtask <command>`.
//!
//! Three tool chains have to work in order (cargo for the host, cargo for components, npm), on every
//! machine, without anything installed for the purpose. So this is a small program without
//! dependencies; what each command does stands in [`args::HELP`].

mod args;
mod gate;
mod machine;
mod postgres;
mod products;
mod report;
mod shell;
mod stamp;

use std::process::{Command, ExitCode};

use args::Command as Asked;
use products::{Tree, node_problem, node_remedy};
use report::{Report, say};
use shell::Failure;

fn main() -> ExitCode {
    let asked = match args::parse(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(mistake) => {
            say(&format!("{mistake}\n\n{}", args::HELP));
            return ExitCode::from(2);
        }
    };
    let mut report = Report::default();
    let result = dispatch(&asked, &mut report);
    // `demo` became another program by now; whoever gets here may look back on the steps.
    if !matches!(asked, Asked::Help) {
        say(&format!("\n{}", report.table()));
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("FAILED: {}", failure.message));
            if let Some(remedy) = failure.remedy {
                say(&format!("  {remedy}"));
            }
            ExitCode::FAILURE
        }
    }
}

fn dispatch(asked: &Asked, report: &mut Report) -> Result<(), Failure> {
    if matches!(asked, Asked::Help) {
        say(args::HELP);
        return Ok(());
    }
    let tree = Tree::find()?;
    match asked {
        Asked::Help => Ok(()),
        Asked::Demo(args) => demo(&tree, args, report),
        Asked::Test(options) => gate::test(&tree, options, report),
        Asked::Check => gate::check(&tree, report),
        Asked::Plugins => plugins(&tree, report),
        Asked::Console => console(&tree, report),
        Asked::Accept => gate::accept(&tree, report),
    }
}

fn plugins(tree: &Tree, report: &mut Report) -> Result<(), Failure> {
    report.step("plugins", "plugins to components", || {
        products::plugins(tree)
    })
}

fn console(tree: &Tree, report: &mut Report) -> Result<(), Failure> {
    if let Some(problem) = node_problem() {
        return Err(Failure::new(problem).remedy(node_remedy()));
    }
    report.step(
        "console-install",
        "packages of the console, as locked",
        || products::npm_install(&tree.console()),
    )?;
    report.step(
        "console-build",
        "the console that the server embeds",
        || products::console_build(tree),
    )
}

fn demo(tree: &Tree, args: &[String], report: &mut Report) -> Result<(), Failure> {
    say(
        "Bihuan demo: builds plugins, console and server, then starts the server with made-up feedback.",
    );
    say(
        "The first time takes some minutes, most of it compiling; nothing is installed outside this folder",
    );
    say("but a compiler target for the plugins and the caches of cargo and npm.");
    plugins(tree, report)?;
    console(tree, report)?;
    report.step(
        "server",
        "the server, first-party plugins and console inside",
        || products::server_build(tree),
    )?;
    say(&format!("\n{}", report.table()));
    let mut server = Command::new(tree.server());
    server.arg("demo").args(args).current_dir(&tree.root);
    say(&format!("==> {}\n", shell::line(&server)));
    become_program(&mut server)
}

/// Ends in `command`: on Unix we turn into it, so that signals and the exit status are its own.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;
    let error = command.exec();
    Err(Failure::new(format!("cannot start the server: {error}")))
}

/// Ends in `command`: runs it to its end.
#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<(), Failure> {
    shell::run(command)
}
