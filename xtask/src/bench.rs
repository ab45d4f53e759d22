//! The benches.

use crate::shell::cargo;
use crate::steps::Steps;

/// Runs the benches; with `--test` each once and in the test profile, so that
/// CI builds the engine no second time.
pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> anyhow::Result<()> {
    let once = arguments.iter().any(|argument| argument == "--test");
    let mut command = if once {
        cargo("test --locked --workspace --bench * --")
    } else {
        cargo("bench --locked --workspace --bench * --")
    };
    command.args(arguments);
    let name = if once { "benches, once" } else { "benches" };
    steps.command(name, command)
}

/// Honest and hostile calls for so many minutes.
pub(crate) fn soak(steps: &mut Steps, arguments: &[String]) -> anyhow::Result<()> {
    let mut command = cargo("bench --locked --bench soak --");
    command.args(arguments);
    steps.command("soak", command)
}
