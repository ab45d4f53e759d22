//! Everything that reads the source and runs none of it.
//!
//! The steps that compile the host all take `--workspace`, so that the engine
//! is compiled with one set of features; the cheapest come first.

use anyhow::{Context as _, bail};

use crate::shell::cargo;
use crate::steps::Steps;

/// The guests' workspace.
const GUESTS: &str = "--manifest-path components/Cargo.toml";

/// What `cargo deny` looks at without a network; advisories change from day to
/// day, and CI checks them on a schedule.
const DENIED: &str = "licenses bans sources";

/// Runs every check.
pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    steps.command("format", cargo("fmt --all --check"))?;
    let guests = format!("fmt {GUESTS} --all --check");
    steps.command("format of guests", cargo(&guests))?;
    steps.command("tidy", cargo("test --locked --quiet -p patinox-tidy"))?;
    deny(steps)?;
    let clippy = "clippy --locked --workspace --all-targets -- -D warnings";
    steps.command("clippy", cargo(clippy))?;
    let interleaved = "clippy --locked -p patinox-resources --features shuttle --all-targets";
    let interleaved = format!("{interleaved} -- -D warnings");
    steps.command("clippy of interleaved threads", cargo(&interleaved))?;
    let guests = format!("clippy {GUESTS} --locked --workspace -- -D warnings");
    steps.command("clippy of guests", cargo(&guests))?;
    let mut docs = cargo("doc --locked --workspace --no-deps");
    docs.env("RUSTDOCFLAGS", "-D warnings");
    steps.command("docs", docs)?;
    let library = "check --locked -p patinox --lib --no-default-features";
    steps.command("without default features", cargo(library))?;
    let compiles = format!("{library} --features compile");
    steps.command("with the compiler alone", cargo(&compiles))?;
    no_compiler()
}

/// Without its feature there is no compiler among what is built.
fn no_compiler() -> anyhow::Result<()> {
    const COMPILER: &str = "cranelift-codegen";
    let tree = "tree --locked -p patinox --no-default-features --edges normal --prefix none";
    let tree = cargo(tree).output().context("cargo tree")?;
    let tree = String::from_utf8_lossy(&tree.stdout);
    if tree.is_empty() || tree.contains(COMPILER) {
        bail!("a build without the feature `compile` has `{COMPILER}` in it");
    }
    Ok(())
}

fn deny(steps: &mut Steps) -> anyhow::Result<()> {
    let host = format!("deny --locked check {DENIED}");
    steps.command("licences", cargo(&host))?;
    let guests = format!("deny --locked --config deny.toml {GUESTS} check {DENIED}");
    steps.command("licences of guests", cargo(&guests))
}
