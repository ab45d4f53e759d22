//! `patinox completions`: for a shell to read.

use std::process::ExitCode;

use clap::CommandFactory as _;
use serde_json::Value;

use crate::args::{Args, Completions};
use crate::output::Output;

pub(crate) fn run(completions: &Completions, output: Output) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(
        completions.shell,
        &mut Args::command(),
        "patinox",
        &mut script,
    );
    let script = String::from_utf8_lossy(&script);
    let script = script.trim_end();
    output.done(&Value::from(script), script)
}
