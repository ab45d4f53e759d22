//! Decides how a Rust guest is built on this machine.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::debian::{self, DebianPackage};
use crate::environment::Environment;
use crate::run::{ask, rustc_release};
use crate::versions::{OLDEST_GUEST_RUST, RUST, TARGET};
use crate::{Error, Language, Lock};

/// The two ways in which a Rust guest is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The pinned compiler has the target's standard library.
    Target,
    /// Debian's compiler builds the standard library from its source, and the
    /// pinned one lends its linkers.
    Debian,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Target => "the standard library of the pinned Rust",
            Self::Debian => "Debian's compiler and its standard library from source",
        })
    }
}

/// What this machine has for building Rust guests: for `patinox doctor`, set-up
/// and build scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The target that guests are built for.
    pub target: &'static str,
    /// How they are built; `None` if they cannot be.
    pub way: Option<Way>,
    /// The release of the compiler that builds them, or else of the pinned one.
    pub rustc: Option<String>,
    /// What is not there, in words; empty where there is a way.
    pub missing: Vec<String>,
    /// Debian's packages that set-up would install; empty where there is a
    /// way, and where they would not help.
    pub packages: Vec<DebianPackage>,
    /// The one command that installs what is missing.
    pub command: Option<String>,
}

/// A toolchain that builds Rust guests.
#[derive(Clone, Debug)]
pub struct Toolchain {
    pub(crate) environment: Environment,
    pub(crate) cargo: OsString,
    pub(crate) rustc: OsString,
    /// Folders with the linkers, to be searched before all others.
    pub(crate) linkers: Vec<PathBuf>,
    /// Where the C library lies, if the standard library is built from source.
    pub(crate) libc: Option<PathBuf>,
    way: Way,
    release: String,
}

impl Toolchain {
    /// Finds the toolchain for a guest in `folder`; which compiler is pinned
    /// may depend on the folder.
    ///
    /// # Errors
    ///
    /// If there is none: [`Error::MissingToolchain`] says what to install.
    pub fn find(folder: &Path) -> Result<Self, Error> {
        Machine::here().find(folder)
    }

    /// Which way was taken.
    #[must_use]
    pub fn way(&self) -> Way {
        self.way
    }

    /// The release of the compiler, as in `1.95.0`.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// What the nested `cargo` takes besides what every build takes.
    pub(crate) fn arguments(&self) -> &'static [&'static str] {
        match self.way {
            Way::Target => &[],
            Way::Debian => &["-Zbuild-std=std,panic_abort"],
        }
    }

    pub(crate) fn lock_argument(lock: Lock) -> Option<&'static str> {
        match lock {
            Lock::Keep => Some("--locked"),
            Lock::Update => None,
        }
    }
}

/// What this machine has for building Rust guests in `folder`.
#[must_use]
pub fn status(folder: &Path) -> Status {
    Machine::here().status(folder)
}

/// Where facts are read: the machine, or a test's fixture.
struct Machine {
    root: PathBuf,
    environment: Environment,
}

/// What the pinned compiler says of itself.
struct Pinned {
    release: String,
    has_target: bool,
    linkers: PathBuf,
}

impl Machine {
    fn here() -> Self {
        Self {
            root: PathBuf::from("/"),
            environment: Environment::here(),
        }
    }

    fn find(&self, folder: &Path) -> Result<Toolchain, Error> {
        let pinned = self.pinned(folder)?;
        if pinned.has_target {
            return Ok(self.target(pinned));
        }
        let lacks = self.lacks(&pinned);
        if lacks.missing.is_empty() {
            return self.debian(&pinned);
        }
        Err(Error::MissingToolchain {
            language: Language::Rust,
            missing: lacks.missing,
            command: lacks.command,
        })
    }

    fn status(&self, folder: &Path) -> Status {
        let mut status = Status {
            target: TARGET,
            way: None,
            rustc: None,
            missing: Vec::new(),
            packages: Vec::new(),
            command: None,
        };
        match self.find(folder) {
            Ok(toolchain) => {
                status.way = Some(toolchain.way);
                status.rustc = Some(toolchain.release);
            }
            Err(Error::MissingToolchain {
                missing, command, ..
            }) => {
                let pinned = self.pinned(folder).ok();
                status.packages = pinned.as_ref().map_or_else(Vec::new, |p| self.packages(p));
                status.rustc = pinned.map(|pinned| pinned.release);
                status.missing = missing;
                status.command = Some(command);
            }
            Err(_) => {
                status.missing = vec![format!("Rust {RUST}")];
                status.command = Some(format!("rustup toolchain install {RUST}"));
            }
        }
        status
    }

    fn target(&self, pinned: Pinned) -> Toolchain {
        Toolchain {
            cargo: self.environment.cargo(),
            rustc: self.environment.rustc(),
            linkers: Vec::new(),
            libc: None,
            way: Way::Target,
            release: pinned.release,
            environment: self.environment.clone(),
        }
    }

    fn debian(&self, pinned: &Pinned) -> Result<Toolchain, Error> {
        let rustc = self.root.join(debian::RUSTC_PATH).into_os_string();
        let release = rustc_release(&rustc, &self.root, &self.environment)?;
        Ok(Toolchain {
            cargo: self.root.join(debian::CARGO_PATH).into_os_string(),
            rustc,
            linkers: vec![pinned.linkers.clone(), pinned.linkers.join("gcc-ld")],
            libc: Some(self.root.join(debian::LIBC_PATH)),
            way: Way::Debian,
            release: release.version,
            environment: self.environment.clone(),
        })
    }

    fn pinned(&self, folder: &Path) -> Result<Pinned, Error> {
        let rustc = self.environment.rustc();
        let release = rustc_release(&rustc, folder, &self.environment)?;
        let arguments = [
            "--print=sysroot",
            "--print=target-libdir",
            "--target",
            TARGET,
        ];
        // A compiler that does not know the target fails here; it has no std
        // for it either.
        let answer = ask(&rustc, &arguments, folder, &self.environment).unwrap_or_default();
        let mut lines = answer.lines().map(Path::new);
        let sysroot = lines.next().unwrap_or(Path::new(""));
        Ok(Pinned {
            has_target: release.is_at_least(OLDEST_GUEST_RUST) && lines.next().is_some_and(has_std),
            linkers: sysroot.join("lib/rustlib").join(release.host).join("bin"),
            release: release.version,
        })
    }

    /// The packages that would make a guest build; none where they would not.
    fn packages(&self, pinned: &Pinned) -> Vec<DebianPackage> {
        if debian::is_debian(&self.root) && missing_linkers(&pinned.linkers).is_empty() {
            debian::missing(&self.root, &self.environment)
        } else {
            Vec::new()
        }
    }

    /// What is missing of Debian's way, or of the other where that is nearer.
    fn lacks(&self, pinned: &Pinned) -> Lacks {
        let linkers = missing_linkers(&pinned.linkers);
        if !debian::is_debian(&self.root) || !linkers.is_empty() {
            let std = format!("the standard library for `{TARGET}`");
            return Lacks {
                missing: std::iter::once(std).chain(linkers).collect(),
                command: format!("rustup target add {TARGET} --toolchain {RUST}"),
            };
        }
        let packages = debian::missing(&self.root, &self.environment);
        let missing: Vec<_> = packages.iter().map(|p| p.name.to_owned()).collect();
        Lacks {
            command: format!("apt-get install {}", missing.join(" ")),
            missing,
        }
    }
}

struct Lacks {
    missing: Vec<String>,
    command: String,
}

fn has_std(libdir: &Path) -> bool {
    let is_library =
        |entry: std::fs::DirEntry| entry.path().extension().is_some_and(|e| e == "rlib");
    libdir
        .read_dir()
        .is_ok_and(|entries| entries.filter_map(Result::ok).any(is_library))
}

/// The linkers that the pinned toolchain should have and has not.
fn missing_linkers(folder: &Path) -> Vec<String> {
    ["rust-lld", "wasm-component-ld", "gcc-ld/wasm-ld"]
        .into_iter()
        .filter(|name| !folder.join(name).is_file())
        .map(|name| format!("`{name}` beside the pinned `rustc`"))
        .collect()
}

#[cfg(test)]
mod tests;
