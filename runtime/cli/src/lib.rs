//! The command line.
//!
//! **Owns** flags, text for people, the JSON document of `-o json`, exit codes,
//! the terminal, and the demo.
//!
//! **Never** decides anything that an embedder would decide otherwise: it
//! calls the host as any other program does.
//!
//! Read `args`, then `commands`, one file a verb; `source` and `arguments`
//! read what a person typed; `output` and `exit` are what he gets back.

#![forbid(unsafe_code)]

mod args;
mod arguments;
mod commands;
mod demo;
mod error;
mod exit;
mod output;
mod session;
mod source;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use patinox_policy::{Fault, Report};

use args::{Args, Command};
use error::Error;
use output::Output;

/// Runs the program with its arguments, the first being its own name, and
/// tells its exit code.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    match Args::try_parse_from(&arguments) {
        Ok(args) => run(args, &program_name(&arguments)),
        Err(error) => refuse(&error, &arguments),
    }
}

/// The name that the program was called by, for the commands it prints.
fn program_name(arguments: &[OsString]) -> String {
    let name = arguments.first().and_then(|name| name.to_str());
    name.unwrap_or("patinox").to_owned()
}

fn run(args: Args, program: &str) -> ExitCode {
    let output = Output::before_settings(&args.global);
    let done = match args.command {
        Command::Completions(command) => return commands::completions::run(&command),
        Command::Demo => commands::demo::run(&args.global, program),
        Command::Call(command) => commands::call::run(&args.global, command),
        Command::Inspect(command) => commands::inspect::run(&args.global, &command),
        Command::Doctor => commands::doctor::run(&args.global),
    };
    done.unwrap_or_else(|error| output.fail(&error))
}

/// Answers a command line that clap refused: in its own words for people, in
/// the one JSON document for programs.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() || !args::asks_for_json(arguments) {
        // A closed stdout or stderr leaves nobody to tell.
        let _ = error.print();
        return if error.use_stderr() {
            exit::code(Fault::Caller)
        } else {
            ExitCode::SUCCESS
        };
    }
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines.next().unwrap_or_default();
    let error = Error::Usage {
        message: message.trim_start_matches("error: ").to_owned(),
    };
    output::print_json_failure(&Report::of(&error), None);
    exit::code(Fault::Caller)
}
