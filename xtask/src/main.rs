//! What the README's commands run.
//!
//! **Owns** the steps of set-up, checks, tests and benches, in their order,
//! and how long each took.
//!
//! **Never** decides how a guest is built: that is `patinox-toolchain`'s.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to a person at a terminal"
)]

mod bench;
mod check;
mod component;
mod coverage;
mod prebuilt;
mod setup;
mod shell;
mod steps;
mod test;
mod tools;

use std::process::ExitCode;

use anyhow::anyhow;
use patinox_policy::{Failure, Report};

use crate::steps::Steps;

/// One thing that `cargo xtask` does.
struct Verb {
    name: &'static str,
    about: &'static str,
    run: fn(&mut Steps, &[String]) -> anyhow::Result<()>,
}

const VERBS: [Verb; 10] = [
    Verb {
        name: "setup",
        about: "install what guests are built with; says what before it does",
        run: |steps, _| setup::run(steps),
    },
    Verb {
        name: "test",
        about: "set-up, the guests, then every test; further arguments go to the runner",
        run: test::run,
    },
    Verb {
        name: "check",
        about: "format, tidy, licences, clippy, docs, the build without default features",
        run: |steps, _| check::run(steps),
    },
    Verb {
        name: "bench",
        about: "the benches; with `--test` each runs once, in the test profile",
        run: bench::run,
    },
    Verb {
        name: "soak",
        about: "honest and hostile calls for long: `--minutes 30`; nothing may be left",
        run: bench::soak,
    },
    Verb {
        name: "coverage",
        about: "how many lines of each crate the tests run; fails where fewer do than once",
        run: coverage::run,
    },
    Verb {
        name: "prebuilt",
        about: "build the components that the program carries, into components/prebuilt",
        run: |steps, _| prebuilt::run(steps),
    },
    Verb {
        name: "tools",
        about: "install the tools that `check` and `test` use, where they are missing",
        run: |steps, _| tools::run(steps),
    },
    Verb {
        name: "cargo-component",
        about: "build a guest, `text` unless it is named, by `cargo component`",
        run: component::run,
    },
    Verb {
        name: "ci",
        about: "everything that CI runs",
        run: |steps, _| ci(steps),
    },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        if !name.is_empty() {
            eprintln!("error: there is no verb `{name}`\n");
        }
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    let mut steps = Steps::default();
    let result = (verb.run)(&mut steps, &rest);
    steps.print_summary();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn ci(steps: &mut Steps) -> anyhow::Result<()> {
    tools::run(steps)?;
    setup::run(steps)?;
    check::run(steps)?;
    test::run(steps, &[])?;
    bench::run(steps, &["--test".to_owned()])
}

fn usage() -> String {
    let mut usage = "usage: cargo xtask VERB\n\n".to_owned();
    for Verb { name, about, .. } in &VERBS {
        usage.push_str(&format!("  {name:<17}{about}\n"));
    }
    usage
}

/// An error of ours with its causes and what would help.
fn explained<T, E: Failure>(result: Result<T, E>) -> anyhow::Result<T> {
    result.map_err(|error| {
        let Report { message, hint, .. } = Report::of(&error);
        let hint = hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
        anyhow!("{message}{hint}")
    })
}
