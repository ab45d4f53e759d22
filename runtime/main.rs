//! The program.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before a thread is started, or anything is read.
    match patinox::compile_worker() {
        Some(done) => done,
        None => patinox_cli::main(std::env::args_os()),
    }
}
