//! Where the repository is, and the commands that run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A command in the root of the repository. It has no standard input: under CI
/// there is none, and at a terminal nothing of ours asks.
pub(crate) fn command<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null());
    command
}

/// The `cargo` that runs us, with arguments between blanks.
pub(crate) fn cargo(arguments: &str) -> Command {
    let cargo = variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
    command(&cargo, arguments.split_whitespace())
}

/// Whether a command runs to a good end; what it says is dropped.
pub(crate) fn succeeds(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A variable of the environment; `None` if it is not set or empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how `cargo` tells which it is, and CI that it is CI"
    )]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}
