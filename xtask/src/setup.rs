//! Installs what guests are built with.

use anyhow::{Context as _, bail};
use patinox_toolchain::{DebianPackage, status};

use crate::shell::{command, root, succeeds, variable};
use crate::steps::Steps;

/// Finds the guest toolchain, or says what it will install and installs it.
///
/// Nothing is removed for it, and nothing is changed where it is there.
pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    let before = status(&root());
    if !before.packages.is_empty() {
        announce(&before.packages);
        install(steps, &before.packages)?;
    }
    let after = status(&root());
    let Some(way) = after.way else {
        let install = after.command.unwrap_or_default();
        let missing = after.missing.join(", ");
        bail!("missing: {missing}\n  install it with: {install}");
    };
    let release = after.rustc.unwrap_or_default();
    println!("guests are built for {} by {way} ({release})", after.target);
    Ok(())
}

fn announce(packages: &[DebianPackage]) {
    println!("guests cannot be built yet; this installs, from Debian:");
    for DebianPackage { name, reason } in packages {
        println!("  {name:<14}{reason}");
    }
}

fn install(steps: &mut Steps, packages: &[DebianPackage]) -> anyhow::Result<()> {
    let names: Vec<_> = packages.iter().map(|package| package.name).collect();
    let Some(prefix) = prefix()? else {
        bail!("run as root: apt-get install {}", names.join(" "));
    };
    let apt = |arguments: &[&'static str]| {
        let words = ["DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let words = prefix.iter().chain(&words).chain(arguments);
        command("env", words.copied())
    };
    steps.command("package lists", apt(&["update", "--quiet"]))?;
    let options = ["install", "--yes", "--no-install-recommends", "--no-remove"];
    let arguments: Vec<_> = options.into_iter().chain(names).collect();
    steps.command("packages", apt(&arguments))
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
