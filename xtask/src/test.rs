//! Every test.

use std::path::PathBuf;

use anyhow::Context as _;
use patinox_toolchain::{Built, Job, Lock, Toolchains, guests_dir};

use crate::shell::{cargo, root, variable};
use crate::steps::Steps;
use crate::{explained, setup, tools};

/// Sets up, builds the guests, and runs the tests; `filter` goes to the runner.
pub(crate) fn run(steps: &mut Steps, filter: &[String]) -> anyhow::Result<()> {
    setup::run(steps)?;
    setup::foreign(steps)?;
    setup::terminal(steps)?;
    guests(steps)?;
    without_compiler(steps)?;
    let all = "--locked --workspace";
    let mut tests = if tools::is_there("nextest") {
        let profile = if variable("CI").is_some() {
            "ci"
        } else {
            "default"
        };
        cargo(&format!("nextest run {all} --profile {profile}"))
    } else {
        cargo(&format!("test {all} --lib --bins --tests --examples"))
    };
    tests.args(filter);
    steps.command("tests", tests)?;
    if !filter.is_empty() {
        return Ok(());
    }
    let interleaved = "test --locked -p patinox-resources --features shuttle --lib interleavings";
    steps.command("threads, interleaved", cargo(interleaved))?;
    steps.command("examples in docs", cargo(&format!("test {all} --doc")))?;
    let guests = "test --locked --workspace --manifest-path components/Cargo.toml";
    steps.command("tests of guests", cargo(guests))
}

/// Builds the host that has no compiler, and puts it where the tests find it:
/// where all is built together it has one.
fn without_compiler(steps: &mut Steps) -> anyhow::Result<()> {
    const PACKAGE: &str = "patinox-precompiled";
    let build = cargo(&format!("build --locked --package {PACKAGE}"));
    steps.command("host without a compiler", build)?;
    let program = std::env::current_exe().context("where this program lies")?;
    let built = program.with_file_name(PACKAGE);
    let folder = built.with_file_name("without-compiler");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(&built, folder.join(PACKAGE))?;
    Ok(())
}

/// Builds the guests where the build script of the tests will find them.
pub(crate) fn guests(steps: &mut Steps) -> anyhow::Result<Vec<Built>> {
    let folder = root().join("components");
    let job = Job {
        folder: &folder,
        target_dir: &target_dir()?,
        package: None,
        lock: Lock::Keep,
    };
    steps.work("guests", "in Rust, C, JavaScript and Python", || {
        let toolchains = Toolchains::find(&folder);
        let built = toolchains.build(&job, &mut |line| eprintln!("{line}"));
        let (built, left_out) = explained(built)?;
        match left_out.into_iter().next() {
            Some(left_out) => explained(Err(left_out.why)),
            None => Ok(built),
        }
    })
}

fn target_dir() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("where this program lies")?;
    guests_dir(&program).context("this program does not lie in a target folder")
}
