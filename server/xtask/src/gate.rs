//! The gate (`test`), its fast part (`check`) and the writing of derived files (`accept`).

use std::fs;
use std::process::Command;

use crate::args::Test;
use crate::machine::{self, strict};
use crate::postgres::Postgres;
use crate::products::{self, Tree, node_problem, node_remedy};
use crate::report::{Outcome, Report, say};
use crate::shell::{Failure, cargo, npm, output, run};

/// Every check there is, in the order of what it costs to learn of a mistake.
pub(crate) fn test(tree: &Tree, options: &Test, report: &mut Report) -> Result<(), Failure> {
    if options.yes || strict() {
        say("Missing packages are installed without asking.");
    }
    let mut step = |name: &str, what: &str, run: &dyn Fn() -> Result<Outcome, Failure>| {
        if options.wants(name) {
            report
                .step(name, what, run)
                .map_err(|failure| repeatable(failure, name))
        } else {
            Ok(())
        }
    };
    step(
        "tools",
        "Chromium and PostgreSQL, from apt where missing",
        &|| machine::ensure(options.yes),
    )?;
    step("fmt", "formatting", &|| fmt(tree))?;
    step("plugins", "plugins to components", &|| {
        products::plugins(tree)
    })?;
    step(
        "console-install",
        "packages of the console, as locked",
        &|| with_node(|| products::npm_install(&tree.console())),
    )?;
    step("console-check", "types and style of the console", &|| {
        console_script(tree, &["run", "check"])
    })?;
    step("console-test", "tests of the console", &|| {
        console_script(tree, &["test"])
    })?;
    step(
        "console-build",
        "the console that the server embeds",
        &|| with_node(|| products::console_build(tree)),
    )?;
    step("clippy", "lints", &|| clippy(tree))?;
    step("deny", "licences, sources, who may depend on what", &|| {
        deny(tree)
    })?;
    step("tests", "every test of the workspace", &|| tests(tree))?;
    step("browser", "the console in a real browser", &|| {
        browser(tree)
    })?;
    step("examples", "plugins in JavaScript and Python", &|| {
        examples(tree)
    })
}

/// Formatting, lints, the rules' own tests, the console's types.
pub(crate) fn check(tree: &Tree, report: &mut Report) -> Result<(), Failure> {
    report.step("fmt", "formatting", || fmt(tree))?;
    report.step("clippy", "lints", || clippy(tree))?;
    report.step("domain", "tests of the rules", || {
        run(cargo(&tree.root).args(["test", "--quiet", "--package", "domain"]))?;
        Ok(Outcome::Done)
    })?;
    report.step("console-check", "types and style of the console", || {
        with_node(|| {
            products::npm_install(&tree.console())?;
            console_script(tree, &["run", "check"])
        })
    })
}

/// Writes `openapi.json`, the console's client and every snapshot anew.
pub(crate) fn accept(tree: &Tree, report: &mut Report) -> Result<(), Failure> {
    report.step("server", "the server that knows its interface", || {
        products::workspace_build(tree)
    })?;
    report.step("openapi", "server/openapi.json", || {
        let document = output(Command::new(tree.server()).arg("openapi"))
            .filter(|document| !document.is_empty())
            .ok_or_else(|| Failure::new("`bihuan openapi` printed nothing or failed"))?;
        fs::write(tree.root.join("server/openapi.json"), document + "\n")?;
        Ok(Outcome::Done)
    })?;
    report.step("client", "the console's typed client", || {
        with_node(|| {
            products::npm_install(&tree.console())?;
            run(npm(&tree.console()).args(["run", "api"]))?;
            Ok(Outcome::Done)
        })
    })?;
    report.step("snapshots", "what the tests compare with", || {
        run(cargo(&tree.root)
            .args(["test", "--package", "tests"])
            .env("UPDATE", "1")
            .env("INSTA_UPDATE", "always")
            .env("BIHUAN_BIN", tree.server()))?;
        Ok(Outcome::Done)
    })?;
    run(Command::new("git")
        .args(["--no-pager", "diff", "--stat"])
        .current_dir(&tree.root))
}

fn repeatable(failure: Failure, step: &str) -> Failure {
    let again = format!("the step alone, with its set-up:\n    cargo xtask test --only {step}");
    let remedy = match &failure.remedy {
        Some(remedy) => format!("{remedy}\n  {again}"),
        None => again,
    };
    failure.remedy(remedy)
}

fn fmt(tree: &Tree) -> Result<Outcome, Failure> {
    run(cargo(&tree.root).args(["fmt", "--all", "--check"]))?;
    Ok(Outcome::Done)
}

fn clippy(tree: &Tree) -> Result<Outcome, Failure> {
    run(cargo(&tree.root)
        .args(["clippy", "--workspace", "--all-targets", "--quiet"])
        .args(["--", "-D", "warnings"]))?;
    Ok(Outcome::Done)
}

/// cargo-deny takes minutes to install, so it is used where it is and named where it is not; the
/// rule that matters most, who may name which crate, is also a test of the workspace.
fn deny(tree: &Tree) -> Result<Outcome, Failure> {
    if output(cargo(&tree.root).args(["deny", "--version"])).is_none() {
        return Ok(Outcome::Skipped("cargo-deny is not installed".to_owned()));
    }
    run(cargo(&tree.root).args(["deny", "check", "bans", "licenses", "sources"]))?;
    Ok(Outcome::Done)
}

fn tests(tree: &Tree) -> Result<Outcome, Failure> {
    products::workspace_build(tree)?;
    let postgres = match machine::postgres_programs() {
        Some(programs) => Some(Postgres::start(&programs)?),
        None if strict() => return Err(Failure::new("PostgreSQL is not installed")),
        None => None,
    };
    let mut command = cargo(&tree.root);
    command
        .args(["test", "--workspace"])
        .env("BIHUAN_BIN", tree.server());
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        command.env("RUST_TEST_THREADS", (3 * cores()).to_string());
    }
    match &postgres {
        Some(postgres) => {
            command.env("BIHUAN_TEST_POSTGRES", postgres.url());
        }
        None => say("    SKIPPED: the tests on PostgreSQL, it is not installed"),
    }
    run(&mut command)?;
    Ok(Outcome::Done)
}

/// The tests drive servers and wait for them: one test per core would leave the machine half idle.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Their tools are installed here, which is why nobody gets this step without asking for it.
fn examples(tree: &Tree) -> Result<Outcome, Failure> {
    let folder = tree.root.join("plugins/examples");
    with_node(|| {
        products::workspace_build(tree)?;
        run(npm(&folder.join("javascript")).args(["install", "--no-audit", "--no-fund"]))?;
        let python = folder.join("python");
        run(Command::new("python3")
            .args(["-m", "venv", ".venv"])
            .current_dir(&python))?;
        run(Command::new(python.join(".venv/bin/pip"))
            .args(["install", "--quiet", "--requirement", "requirements.txt"])
            .current_dir(&python))?;
        run(cargo(&tree.root)
            .args(["test", "--workspace", "--test", "it", "--"])
            .args(["--ignored", "examples_in_javascript_and_python"])
            .env("BIHUAN_BIN", tree.server()))?;
        Ok(Outcome::Done)
    })
}

fn browser(tree: &Tree) -> Result<Outcome, Failure> {
    let folder = tree.root.join("tests/browser");
    if !folder.join("package.json").is_file() {
        return Ok(Outcome::Skipped("there is no tests/browser".to_owned()));
    }
    let Some(chromium) = machine::chromium() else {
        return missing("Chromium is not installed", "apt install chromium");
    };
    with_node(|| {
        products::workspace_build(tree)?;
        products::npm_install(&folder)?;
        run(npm(&folder)
            .arg("test")
            .env("BIHUAN_BIN", tree.server())
            .env("CHROMIUM", &chromium))?;
        Ok(Outcome::Done)
    })
}

fn console_script(tree: &Tree, args: &[&str]) -> Result<Outcome, Failure> {
    with_node(|| {
        run(npm(&tree.console()).args(args))?;
        Ok(Outcome::Done)
    })
}

/// Does something that needs Node, or says that there is none.
pub(crate) fn with_node(
    run: impl FnOnce() -> Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    match node_problem() {
        Some(problem) => missing(&problem, &node_remedy()),
        None => run(),
    }
}

/// A missing thing: a failure in CI, a named gap elsewhere.
fn missing(problem: &str, remedy: &str) -> Result<Outcome, Failure> {
    if strict() {
        Err(Failure::new(problem).remedy(remedy))
    } else {
        Ok(Outcome::Skipped(format!("{problem}; {remedy}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_keeps_its_command_and_names_itself() {
        let failure = Failure::new("broken").remedy("to repeat it:\n    cargo clippy");
        let remedy = repeatable(failure, "clippy").remedy.unwrap();
        assert!(remedy.contains("cargo clippy"), "{remedy}");
        assert!(
            remedy.ends_with("cargo xtask test --only clippy"),
            "{remedy}"
        );
    }
}
