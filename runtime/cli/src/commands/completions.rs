//! `patinox completions`: for a shell to read.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Args, Completions};

pub(crate) fn run(completions: &Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(
        completions.shell,
        &mut Args::command(),
        "patinox",
        &mut script,
    );
    crate::output::print_stdout(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}
