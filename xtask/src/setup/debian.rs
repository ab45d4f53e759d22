//! Packages of Debian.

use anyhow::{Context as _, bail};

use crate::shell::{command, succeeds, variable};
use crate::steps::Steps;

/// What cannot be done before packages for guests are there.
pub(super) const GUESTS: &str = "guests cannot be built yet";

/// Says what cannot be done yet, what it installs for that, and why, and installs it.
pub(super) fn install(
    steps: &mut Steps,
    lacking: &str,
    packages: &[(&str, &str)],
) -> anyhow::Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    println!("{lacking}; this installs, from Debian:");
    for (name, reason) in packages {
        println!("  {name:<14}{reason}");
    }
    let names: Vec<_> = packages.iter().map(|(name, _)| *name).collect();
    let Some(prefix) = prefix()? else {
        bail!("run as root: apt-get install {}", names.join(" "));
    };
    let apt = |arguments: &[&str]| {
        let words = ["DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let words = prefix.iter().chain(&words).chain(arguments);
        command("env", words.copied())
    };
    steps.command("package lists", apt(&["update", "--quiet"]))?;
    let options = ["install", "--yes", "--no-install-recommends", "--no-remove"];
    let arguments: Vec<_> = options.into_iter().chain(names).collect();
    steps.command("packages", apt(&arguments))
}

/// Installs packages where a program of theirs does not start, asked for its version.
pub(super) fn install_missing(
    steps: &mut Steps,
    lacking: &str,
    [program, version]: [&str; 2],
    packages: &[(&str, &str)],
) -> anyhow::Result<()> {
    if succeeds(command(program, [version])) {
        return Ok(());
    }
    if !std::path::Path::new("/etc/debian_version").exists() {
        let names: Vec<_> = packages.iter().map(|(name, _)| *name).collect();
        bail!(
            "`{program}` does not start; install {}",
            names.join(" and ")
        );
    }
    install(steps, lacking, packages)
}

/// What stands before a command that only root may run; `None` where we are
/// not root and cannot become it.
fn prefix() -> anyhow::Result<Option<Vec<&'static str>>> {
    if is_root()? {
        return Ok(Some(Vec::new()));
    }
    if !succeeds(command("sudo", ["--version"])) {
        return Ok(None);
    }
    // Without a terminal nobody could answer the question for a password.
    let ask = variable("CI").map(|_| "--non-interactive");
    let words = ["sudo"].into_iter().chain(ask).chain(["env"]);
    Ok(Some(words.collect()))
}

fn is_root() -> anyhow::Result<bool> {
    let output = command("id", ["-u"]).output().context("`id -u`")?;
    Ok(output.stdout.trim_ascii() == b"0")
}
