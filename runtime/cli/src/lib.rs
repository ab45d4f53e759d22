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

mod heaps;
mod judges;

mod args;
mod usage;

mod commands;
mod demo;

mod again;
mod arguments;
mod session;
mod source;

mod error;
mod exit;
mod grants;
mod output;
mod permitted;
mod prompt;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use again::Again;
use args::{Args, Command};
use output::Output;
use session::Session;

/// Runs the program with its arguments, the first being its own name, and
/// tells its exit code.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    heaps::share(&arguments);
    match Args::try_parse_from(&arguments) {
        Ok(args) => run(args, &arguments),
        Err(error) => usage::answer(&error, &arguments),
    }
}

fn run(args: Args, arguments: &[OsString]) -> ExitCode {
    let output = Output::before_settings(&args.global);
    if let Command::Completions(command) = args.command {
        // A shell reads them when it starts: no setting may be in the way.
        return commands::completions::run(&command, output);
    }
    let again = Again::new(arguments).with(&args);
    let (limits, threads) = (args.command.limits(), args.command.threads());
    let mut global = args.global;
    // A file that is refused could not be trusted else.
    global.no_project |= matches!(args.command, Command::Trust(_));
    let session = match Session::start(&global, limits, threads, again) {
        Ok(session) => session,
        Err(error) => return output.fail(&error),
    };
    let output = session.output;
    let done = match args.command {
        Command::Demo => commands::demo::run(session),
        Command::Call(command) => commands::call::run(session, command),
        Command::Explain(command) => commands::explain::run(session, &command),
        Command::Inspect(command) => commands::inspect::run(session, &command),
        Command::Install(command) => commands::installed::install(session, &command),
        Command::Ls => commands::installed::ls(&session),
        Command::Show(command) => commands::installed::show(&session, &command),
        Command::Rm(command) => commands::installed::rm(&session, &command),
        Command::Verify(command) => commands::installed::verify(session, &command),
        Command::Grant(command) => commands::grant::run(session, &command.verb),
        Command::Audit(command) => commands::audit::run(&session, &command.verb),
        Command::Trust(command) => commands::trust::run(&session, &command),
        Command::Precompile(command) => commands::precompile::run(session, &command),
        Command::Cache(command) => commands::cache::run(&session, &command),
        Command::Doctor(command) => commands::doctor::run(session, &command),
        Command::Top(command) => commands::top::run(session, command),
        Command::Completions(command) => Ok(commands::completions::run(&command, output)),
    };
    done.unwrap_or_else(|error| output.fail(&error))
}
