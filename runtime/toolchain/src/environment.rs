//! The environment of this process, and what of it a nested `cargo` may see.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a nested `cargo` keeps of the variables that begin with `CARGO_`: how
/// to reach registries, and the job server.
const KEPT: [&str; 8] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_MAKEFLAGS",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

/// What it must not see besides: flags, wrappers and folders that are meant
/// for the build around it, and what `cargo` tells a build script.
///
/// `LD_LIBRARY_PATH` is among it because `cargo run` points it at the
/// libraries of one compiler and a guest may be built by another.
const REMOVED: [&str; 13] = [
    "CARGO",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "DEBUG",
    "HOST",
    "LD_LIBRARY_PATH",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTFLAGS",
    "TARGET",
    "__CARGO_DEFAULT_LIB_METADATA",
];

const REMOVED_PREFIXES: [&str; 5] = ["CARGO_", "DEP_", "NEXTEST", "RUSTC", "RUSTDOC"];

/// A copy of the environment: read once, and replaced by a test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// That of this process.
    pub(crate) fn here() -> Self {
        Self(std::env::vars_os().collect())
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self(pairs.collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        let value = self.0.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value)
    }

    /// The pinned compiler: what `cargo` or the user named, else that on the path.
    pub(crate) fn rustc(&self) -> OsString {
        self.get("RUSTC").unwrap_or(OsStr::new("rustc")).to_owned()
    }

    /// The pinned `cargo`.
    pub(crate) fn cargo(&self) -> OsString {
        self.get("CARGO").unwrap_or(OsStr::new("cargo")).to_owned()
    }

    /// Where `cargo` keeps what it downloads.
    pub(crate) fn cargo_home(&self) -> Option<PathBuf> {
        let home = || Some(PathBuf::from(self.get("HOME")?).join(".cargo"));
        self.get("CARGO_HOME").map(PathBuf::from).or_else(home)
    }

    /// The folders in which programs are searched, `first` before all others.
    pub(crate) fn path_after(&self, first: &[PathBuf]) -> OsString {
        let path = self.get("PATH").unwrap_or_default();
        let all = first.iter().cloned().chain(std::env::split_paths(path));
        // A folder with the separator in its name cannot be on the path.
        std::env::join_paths(all).unwrap_or_else(|_| path.to_owned())
    }

    /// A command that sees the cleaned environment and no standard input.
    pub(crate) fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.0.iter().filter(|(name, _)| !is_removed(name)))
            .stdin(Stdio::null());
        command
    }
}

fn is_removed(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let begins_with = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    REMOVED.contains(&name) || (begins_with(&REMOVED_PREFIXES) && !begins_with(&KEPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_cargo_sees_nothing_of_the_build_around_it() {
        for name in [
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_PROFILE_RELEASE_LTO",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTFLAGS",
            "CARGO_MANIFEST_DIR",
            "OUT_DIR",
        ] {
            assert!(is_removed(OsStr::new(name)), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_OURS_INDEX",
            "RUSTUP_TOOLCHAIN",
            "HTTPS_PROXY",
        ] {
            assert!(!is_removed(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn an_empty_variable_counts_as_none() {
        let environment = Environment::of(&[("RUSTC", ""), ("HOME", "/home/ada")]);
        assert_eq!(environment.rustc(), "rustc");
        assert_eq!(
            environment.cargo_home(),
            Some(PathBuf::from("/home/ada/.cargo"))
        );
    }
}
