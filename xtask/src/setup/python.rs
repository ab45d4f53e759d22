//! Packages of `PyPI`, in an environment of their own.

use crate::shell::{command, succeeds};
use crate::steps::Steps;

use super::{components, debian};

/// Makes the environment, and installs what the list of requirements names,
/// each by its digest.
pub(super) fn install(steps: &mut Steps) -> anyhow::Result<()> {
    println!("guests in C and Python cannot be built yet; this installs, from PyPI:");
    println!("  what components/requirements.txt names, into components/.venv");
    let environment = components().join(".venv");
    let python = environment.join("bin/python3");
    if !succeeds(command(
        &python.to_string_lossy(),
        ["-m", "pip", "--version"],
    )) {
        if !succeeds(command("python3", ["-c", "import ensurepip, venv"])) {
            let packages = [
                ("python3", "what the tools for Python run on"),
                ("python3-venv", "environments of Python"),
            ];
            debian::install(steps, debian::GUESTS, &packages)?;
        }
        let environment = environment.to_string_lossy();
        let make = command("python3", ["-m", "venv", "--clear", &environment]);
        steps.command("environment of Python", make)?;
    }
    let requirements = components().join("requirements.txt");
    let requirements = requirements.to_string_lossy();
    let options = ["-m", "pip", "install", "--quiet", "--require-hashes"];
    let arguments = options.into_iter().chain(["--requirement", &requirements]);
    let install = command(&python.to_string_lossy(), arguments);
    steps.command("packages of PyPI", install)
}
