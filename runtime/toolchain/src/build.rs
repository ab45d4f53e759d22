//! Builds guests with a nested `cargo`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::guest::Source;
use crate::run::{Finished, run};
use crate::versions::TARGET;
use crate::{Error, Guest, Toolchain, debian, docs, guest};

/// What `cargo` separates flags with in `CARGO_ENCODED_RUSTFLAGS`.
const FLAG_SEPARATOR: &str = "\u{1f}";

/// What is to be built.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The folder of the workspace or package.
    pub folder: &'a Path,
    /// Where `cargo` keeps what it builds.
    pub target_dir: &'a Path,
    /// One package of the workspace; `None` for all.
    pub package: Option<&'a str>,
    /// What may happen to `Cargo.lock`.
    pub lock: Lock,
}

/// What a build may do to `Cargo.lock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Nothing: a lock file that does not fit is an error.
    Keep,
    /// Add what the manifest asks for.
    Update,
}

/// A guest that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The guest.
    pub guest: Guest,
    /// The component as its toolchain left it, without descriptions.
    pub path: PathBuf,
}

impl Built {
    /// The finished component: with the descriptions that its WIT has.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no component, or its WIT does not parse.
    pub fn component(&self) -> Result<Vec<u8>, Error> {
        let bytes = fs::read(&self.path).map_err(|source| Error::Read {
            path: self.path.clone(),
            source,
        })?;
        docs::embed(&bytes, &self.guest.wit)
    }
}

impl Toolchain {
    /// Builds guests, in release mode, and tells each line of `cargo`'s
    /// progress while it runs.
    ///
    /// The paths of the machine are taken out of what is built.
    ///
    /// # Errors
    ///
    /// If the source does not build: [`Error::Build`] has the end of what the
    /// compiler said.
    pub fn build(&self, job: &Job<'_>, on_line: &mut dyn FnMut(&str)) -> Result<Vec<Built>, Error> {
        let guests = guest::list(&self.environment, job.folder)?;
        // Before the flags: they name the folders that it may create.
        checked("cargo fetch", &mut self.fetch(job), on_line)?;
        let finished = checked("cargo build", &mut self.compile(job), on_line)?;
        Ok(pair(guests, &finished.stdout))
    }

    /// Builds a guest by `cargo component`, for who uses that still; nothing of
    /// ours depends on it. It leaves `src/bindings.rs` in the guest's folder.
    ///
    /// # Errors
    ///
    /// As [`Self::build`], and if there is no `cargo component`.
    pub fn component(&self, job: &Job<'_>, on_line: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let mut command = self.cargo(
            "component",
            &Job {
                lock: Lock::Update,
                ..*job
            },
        );
        command
            .args(["build", "--release", "--target", TARGET])
            .args(job.package.map(|package| format!("--package={package}")))
            .env("CARGO_TARGET_DIR", job.target_dir)
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags(job));
        if self.libc.is_some() {
            // As an argument it is taken for the name of a package.
            command.env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
        }
        checked("cargo component build", &mut command, on_line).map(drop)
    }

    fn fetch(&self, job: &Job<'_>) -> Command {
        let mut command = self.cargo("fetch", job);
        command.args(["--quiet", "--target", TARGET]);
        command
    }

    fn compile(&self, job: &Job<'_>) -> Command {
        let mut command = self.cargo("build", job);
        command
            .args(["--release", "--target", TARGET])
            .arg("--message-format=json-render-diagnostics")
            .arg("--target-dir")
            .arg(job.target_dir)
            .args(self.arguments())
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags(job));
        match job.package {
            Some(package) => command.args(["--package", package]),
            None => command.arg("--workspace"),
        };
        command
    }

    fn cargo(&self, verb: &str, job: &Job<'_>) -> Command {
        let mut command = self.environment.command(&self.cargo);
        command
            .arg(verb)
            .args(Self::lock_argument(job.lock))
            .current_dir(job.folder)
            .env("RUSTC", &self.rustc)
            .env("PATH", self.environment.path_after(&self.linkers));
        if self.libc.is_some() {
            // `-Zbuild-std` is not for released compilers otherwise.
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }

    /// Flags for the compiler: where the C library lies, and names for the
    /// folders of this machine, which panic messages would show otherwise.
    fn flags(&self, job: &Job<'_>) -> OsString {
        let mut flags = Vec::new();
        if let Some(libc) = &self.libc {
            flags.push("-L".into());
            flags.push(concat(&["native=".as_ref(), libc.as_os_str()]));
        }
        for (path, name) in self.named_folders(job) {
            let parts = ["--remap-path-prefix=".as_ref(), path.as_os_str()];
            flags.push(concat(&[&concat(&parts), "=".as_ref(), name.as_ref()]));
        }
        flags.join(FLAG_SEPARATOR.as_ref())
    }

    fn named_folders(&self, job: &Job<'_>) -> Vec<(PathBuf, &'static str)> {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let home = self.environment.cargo_home().unwrap_or_default();
        // Each registry has a folder, and its name is that of the registry's host.
        let registries = folders(&home.join("registry/src"));
        let mut named = vec![
            (absolute(job.folder), "/guest"),
            (absolute(job.target_dir), "/target"),
            (Path::new("/").join(debian::SOURCE_PATH), "/rust"),
            (home.join("git/checkouts"), "/git"),
        ];
        named.extend(registries.into_iter().map(|path| (path, "/registry")));
        named
    }
}

fn concat(parts: &[&OsStr]) -> OsString {
    parts.iter().copied().collect()
}

/// The folders in a folder, in the order of their names.
fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = path.read_dir().into_iter().flatten();
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

pub(crate) fn checked(
    told: &str,
    command: &mut Command,
    on_line: &mut dyn FnMut(&str),
) -> Result<Finished, Error> {
    let finished = run(command, on_line)?;
    if finished.status.success() {
        return Ok(finished);
    }
    Err(Error::Build {
        command: told.to_owned(),
        output: finished.tail,
    })
}

/// One line of `cargo`'s messages, as far as it interests us.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Finds the component of each guest in the messages of a build. A guest that
/// the build left out has none.
fn pair(guests: Vec<Guest>, messages: &[u8]) -> Vec<Built> {
    let lines = messages.split(|byte| *byte == b'\n');
    let parsed = lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let artifacts = parsed.filter(|message| message.reason == "compiler-artifact");
    let mut components: BTreeMap<String, PathBuf> = artifacts
        .filter_map(|message| {
            let mut files = message.filenames.into_iter();
            let file = files.find(|file| file.extension().is_some_and(|e| e == "wasm"))?;
            Some((message.package_id, file))
        })
        .collect();
    guests
        .into_iter()
        .filter_map(|guest| {
            let Source::Cargo { id } = &guest.source else {
                return None;
            };
            let path = components.remove(id)?;
            Some(Built { guest, path })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    #[test]
    fn pairs_a_guest_with_its_component() {
        let guest = |name: &str| Guest {
            name: name.to_owned(),
            wit: crate::Wit::default(),
            language: Language::Rust,
            source: Source::Cargo {
                id: format!("path+file:///guests/{name}#0.1.0"),
            },
        };
        let messages = br#"{"reason":"compiler-artifact","package_id":"dep","filenames":["/t/dep.rlib"]}
{"reason":"compiler-artifact","package_id":"path+file:///guests/a-b#0.1.0","filenames":["/t/a_b.wasm"],"new":1}
not json
{"reason":"build-finished","success":true}
"#;
        let built = pair(vec![guest("left-out"), guest("a-b")], messages);
        assert_eq!(built.len(), 1);
        assert_eq!(built[0].guest.name, "a-b");
        assert_eq!(built[0].path, Path::new("/t/a_b.wasm"));
    }
}
