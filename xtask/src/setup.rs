//! Installs what guests are built with.

mod debian;
mod python;

use std::path::PathBuf;

use anyhow::bail;
use patinox_toolchain::{Language, LanguageStatus, Toolchains, status};

use crate::shell::{command, root};
use crate::steps::Steps;

/// Finds what builds guests in each language, or says what it will install and
/// installs it.
///
/// Nothing is removed for it, and nothing is changed where it is there. What is
/// not Debian's lies in `components`: `.venv` and `node_modules`.
pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    rust(steps)?;
    for language in missing() {
        match language {
            Language::Rust => {}
            Language::C | Language::Python => python::install(steps)?,
            Language::JavaScript => javascript(steps)?,
        }
    }
    for status in Toolchains::status(&components()) {
        let LanguageStatus {
            language,
            programs,
            missing,
            command,
            ..
        } = status;
        if !missing.is_empty() {
            let (missing, install) = (missing.join(", "), command.unwrap_or_default());
            bail!("missing for {language}: {missing}\n  install it with: {install}");
        }
        println!("guests in {language} are built by {}", programs.join(", "));
    }
    Ok(())
}

/// The folder of the guests.
fn components() -> PathBuf {
    root().join("components")
}

fn missing() -> impl Iterator<Item = Language> {
    // Asked anew for each: what serves one may serve another.
    let languages = [Language::C, Language::JavaScript, Language::Python];
    languages.into_iter().filter(|language| {
        let all = Toolchains::status(&components());
        let mut lacking = all.iter().filter(|status| !status.missing.is_empty());
        lacking.any(|status| status.language == *language)
    })
}

fn rust(steps: &mut Steps) -> anyhow::Result<()> {
    let before = status(&root());
    let packages = before.packages.iter();
    let packages: Vec<_> = packages.map(|p| (p.name, p.reason)).collect();
    debian::install(steps, debian::GUESTS, &packages)?;
    let after = status(&root());
    let Some(way) = after.way else {
        let install = after.command.unwrap_or_default();
        let missing = after.missing.join(", ");
        bail!("missing: {missing}\n  install it with: {install}");
    };
    let release = after.rustc.unwrap_or_default();
    println!(
        "guests in Rust are built for {} by {way} ({release})",
        after.target
    );
    Ok(())
}

fn javascript(steps: &mut Steps) -> anyhow::Result<()> {
    let node = [
        ("nodejs", "what the tools for JavaScript run on"),
        ("npm", "their packages"),
    ];
    debian::install_missing(steps, debian::GUESTS, ["npm", "--version"], &node)?;
    println!("guests in JavaScript cannot be built yet; this installs, from npm:");
    println!("  what components/package-lock.json names, into components/node_modules");
    packages(steps, "packages of npm", components())
}

/// Installs the tools of others, whose components the tests load.
pub(crate) fn foreign(steps: &mut Steps) -> anyhow::Result<()> {
    let folder = root().join("tests/foreign");
    // Written last, by who was not interrupted.
    if folder.join("node_modules/.package-lock.json").exists() {
        return Ok(());
    }
    println!("the tests load what others' tools build; this installs, from npm:");
    println!("  what tests/foreign/package-lock.json names, into tests/foreign/node_modules");
    packages(steps, "tools of others", folder)
}

/// Installs what reads the profiles of a compiler of this version of LLVM.
pub(crate) fn profiles(steps: &mut Steps, version: &str) -> anyhow::Result<()> {
    let (program, package) = (format!("llvm-cov-{version}"), format!("llvm-{version}"));
    let packages = [(package.as_str(), "reads which lines were run")];
    let lacking = "lines cannot be counted yet";
    debian::install_missing(steps, lacking, [&program, "--version"], &packages)
}

/// Installs what shows the screen of `patinox top` to its tests.
pub(crate) fn terminal(steps: &mut Steps) -> anyhow::Result<()> {
    let lacking = "the screen of `patinox top` cannot be tested yet";
    let tmux = [("tmux", "a terminal that a test can read")];
    debian::install_missing(steps, lacking, ["tmux", "-V"], &tmux)
}

/// What the lock file of a folder names, and nothing newer, each by its digest.
///
/// Not `npm ci`: it insists on packages for other systems that were never
/// published.
fn packages(steps: &mut Steps, name: &'static str, folder: PathBuf) -> anyhow::Result<()> {
    let options = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    let mut install = command("npm", ["install"].into_iter().chain(options));
    install.current_dir(folder);
    steps.command(name, install)
}
