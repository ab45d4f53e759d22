//! Builds a guest by `cargo-component`, which its owners retire: tried by hand,
//! and part of nothing else.

use std::fs;

use anyhow::bail;
use patinox_toolchain::{Job, Lock, Toolchain};

use crate::explained;
use crate::shell::{cargo, root, succeeds};
use crate::steps::Steps;

/// The last release.
const VERSION: &str = "0.21.1";

/// Builds the guest that is named, and says where the component lies.
pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> anyhow::Result<()> {
    if !succeeds(cargo("component --version")) {
        bail!(
            "there is no `cargo component`; install it with: cargo install --locked cargo-component@{VERSION}"
        );
    }
    let package = arguments.first().map_or("text", String::as_str);
    let folder = root().join("components");
    let target_dir = root().join("target/cargo-component");
    let job = Job {
        folder: &folder,
        target_dir: &target_dir,
        package: Some(package),
        lock: Lock::Update,
    };
    steps.work("cargo component", package, || {
        let toolchain = explained(Toolchain::find(&folder))?;
        explained(toolchain.component(&job, &mut |line| eprintln!("{line}")))
    })?;
    // What it writes among the sources is read by nobody.
    let written = folder.join("tools").join(package).join("src/bindings.rs");
    if written.exists() {
        fs::remove_file(written)?;
    }
    println!(
        "the component lies in {}",
        target_dir.join("wasm32-wasip1/release").display()
    );
    Ok(())
}
