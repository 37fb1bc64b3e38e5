//! What the command line asks for.

/// Names of the steps of `cargo xtask test`, in the order in which they run.
/// The last one runs only when it is named: its tools come from npm and PyPI and take minutes.
pub(crate) const STEPS: [&str; 12] = [
    "tools",
    "fmt",
    "plugins",
    "console-install",
    "console-check",
    "console-test",
    "console-build",
    "clippy",
    "deny",
    "tests",
    "browser",
    "examples",
];

/// Steps that are left out unless named.
const ONLY_WHEN_NAMED: [&str; 1] = ["examples"];

/// The text of `cargo xtask help`.
pub(crate) const HELP: &str = "\
cargo xtask <command>

  demo [args…]    set up, build and start `bihuan demo`; the arguments go to it
  test [--yes] [--only STEP]
                  the gate: set up, then every check and test
                    --yes    install what is missing from apt without asking
                    --only   one step with the same set-up, to repeat a failure
  check           the fast part of the gate: formatting, lints, rules, types
  plugins         build plugins/* to target/plugins/*.wasm
  console         install and build server/console
  accept          write every derived file anew, then show what changed

Steps of `test`: tools fmt plugins console-install console-check console-test
console-build clippy deny tests browser, and with --only: examples (plugins in
JavaScript and Python; needs npm and PyPI)
";

/// One command of this tool.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Print [`HELP`].
    Help,
    /// Build everything and become `bihuan demo` with these arguments.
    Demo(Vec<String>),
    /// The gate.
    Test(Test),
    /// The fast part of the gate.
    Check,
    /// Build the first-party plugins.
    Plugins,
    /// Build the console.
    Console,
    /// Write derived files anew.
    Accept,
}

/// Options of the gate.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Test {
    /// Install from apt without asking.
    pub(crate) yes: bool,
    /// Run this step alone; one of [`STEPS`].
    pub(crate) only: Option<String>,
}

impl Test {
    /// Whether `step` is asked for.
    pub(crate) fn wants(&self, step: &str) -> bool {
        match self.only.as_deref() {
            Some(only) => only == step,
            None => !ONLY_WHEN_NAMED.contains(&step),
        }
    }
}

/// Reads the arguments after the program's name. The error is a sentence for the terminal.
pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let mut args = args.into_iter();
    let Some(name) = args.next() else {
        return Ok(Command::Help);
    };
    let command = match name.as_str() {
        "help" | "--help" | "-h" => return Ok(Command::Help),
        "demo" => return Ok(Command::Demo(args.collect())),
        "test" => return parse_test(args).map(Command::Test),
        "check" => Command::Check,
        "plugins" => Command::Plugins,
        "console" => Command::Console,
        "accept" => Command::Accept,
        other => return Err(format!("there is no command `{other}`")),
    };
    match args.next() {
        Some(extra) => Err(format!("`{name}` takes no argument, but got `{extra}`")),
        None => Ok(command),
    }
}

fn parse_test(mut args: impl Iterator<Item = String>) -> Result<Test, String> {
    let mut test = Test::default();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--yes" | "-y" => test.yes = true,
            "--only" => {
                let step = args.next().ok_or("`--only` needs the name of a step")?;
                if !STEPS.contains(&step.as_str()) {
                    return Err(format!(
                        "there is no step `{step}`; there are {}",
                        STEPS.join(", ")
                    ));
                }
                test.only = Some(step);
            }
            other => return Err(format!("`test` does not know `{other}`")),
        }
    }
    Ok(test)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn nothing_asked_means_help() {
        assert_eq!(parsed(""), Ok(Command::Help));
        assert_eq!(parsed("--help"), Ok(Command::Help));
    }

    #[test]
    fn demo_hands_every_argument_on() {
        let expected = ["--seed", "7", "--help"].map(str::to_owned).to_vec();
        assert_eq!(parsed("demo --seed 7 --help"), Ok(Command::Demo(expected)));
    }

    #[test]
    fn the_gate_takes_its_options_in_any_order() {
        let expected = Test {
            yes: true,
            only: Some("clippy".to_owned()),
        };
        assert_eq!(
            parsed("test --only clippy --yes"),
            Ok(Command::Test(expected))
        );
        assert_eq!(parsed("test"), Ok(Command::Test(Test::default())));
    }

    #[test]
    fn a_typing_mistake_is_named() {
        assert_eq!(parsed("tset"), Err("there is no command `tset`".to_owned()));
        assert_eq!(
            parsed("test --yse"),
            Err("`test` does not know `--yse`".to_owned())
        );
        assert!(parsed("test --only lint").is_err_and(|e| e.contains("no step `lint`")));
        assert!(parsed("test --only").is_err());
        assert!(parsed("check --fast").is_err_and(|e| e.contains("`--fast`")));
    }

    #[test]
    fn one_step_alone_or_all() {
        let all = Test::default();
        assert!(
            STEPS
                .iter()
                .all(|step| all.wants(step) != ONLY_WHEN_NAMED.contains(step))
        );
        let one = Test {
            yes: false,
            only: Some("tests".to_owned()),
        };
        let wanted: Vec<_> = STEPS.iter().filter(|step| one.wants(step)).collect();
        assert_eq!(wanted, [&"tests"]);
    }

    #[test]
    fn the_help_names_every_step() {
        for step in STEPS {
            let named = |word: &str| word.trim_end_matches(',') == step;
            assert!(HELP.split_whitespace().any(named), "{step}");
        }
    }
}
