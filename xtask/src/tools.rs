//! Installs the tools that checks and tests use.

use patinox_toolchain::versions::{CARGO_DENY, CARGO_NEXTEST};

use crate::shell::{cargo, succeeds};
use crate::steps::Steps;

/// Installs each tool that is missing; one of another version stays.
pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    for (name, version) in [("deny", CARGO_DENY), ("nextest", CARGO_NEXTEST)] {
        install(steps, name, version)?;
    }
    Ok(())
}

/// Installs one where it is missing.
pub(crate) fn install(steps: &mut Steps, name: &str, version: &str) -> anyhow::Result<()> {
    if is_there(name) {
        return Ok(());
    }
    let install = format!("install --locked cargo-{name}@{version}");
    steps.command("tool", cargo(&install))
}

/// Whether `cargo NAME` exists.
pub(crate) fn is_there(name: &str) -> bool {
    succeeds(cargo(&format!("{name} --version")))
}
