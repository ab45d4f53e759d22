//! An exit code, as a command would end.

/// Ends the program.
pub(crate) fn exit_with(code: u8) {
    std::process::exit(code.into())
}
