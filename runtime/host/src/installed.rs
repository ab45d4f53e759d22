//! The components that are installed in a folder, and the file that pins them.
//!
//! Each lies there by its digest, so that nothing that is there ever changes. The lock is
//! replaced as a whole, under the lock of a file beside it: whoever reads finds one of
//! some moment, and several processes may install at once.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use patinox_policy::{
    Code, Failure, InstalledName, InstalledNameError, RecoveryStrategy, debug_failure,
};
use patinox_resources::private_folder;
use patinox_tools::{Lock, LockError, Locked, ToolSpec};
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;
use semver::Version;
use serde_json::json;

use crate::own_files::{changing, digest, read, write};
use crate::{LoadRequest, Loaded};

/// The file that pins what is installed.
const LOCK: &str = "patinox.lock";

/// The version of what is installed without one.
const FIRST: Version = Version::new(0, 1, 0);

/// The largest lock that is read, in bytes.
const MAX_LOCK_BYTES: u64 = 16 << 20;

/// The components that are installed in a folder, which is ours alone.
#[derive(Clone, Debug)]
pub struct Installed {
    folder: PathBuf,
}

impl Installed {
    /// Those in this folder. Nothing is read before it is asked for; the folder is made
    /// when something is installed.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Where they lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is installed now. It waits for the disk, as everything here.
    ///
    /// # Errors
    ///
    /// If the lock cannot be read or is none, or the folder is not ours alone.
    pub fn lock(&self) -> Result<Lock, InstallError> {
        match self.folder.try_exists() {
            Ok(false) => Ok(Lock::default()),
            _ => read_lock(&self.open()?),
        }
    }

    /// What to load one by: its file, which has to have the digest that is pinned.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), and if it is not installed.
    pub fn request(&self, name: &InstalledName) -> Result<(LoadRequest, Locked), InstallError> {
        let locked = self.lock()?.get(name)?.clone();
        let request = LoadRequest::file(self.path(&locked)).pinned(&locked);
        Ok((request, locked))
    }

    /// What pins a component that has been loaded. Where no version is named it is 0.1.0.
    ///
    /// # Errors
    ///
    /// If these are tools of the embedder's own.
    pub fn pin(
        loaded: &Loaded,
        name: &InstalledName,
        source: &str,
    ) -> Result<Locked, InstallError> {
        let component = loaded.component().ok_or(InstallError::NoComponent)?;
        Ok(Locked {
            name: name.name().to_owned(),
            version: name.version().unwrap_or(&FIRST).clone(),
            digest: component.digest().to_owned(),
            size_bytes: component.size_bytes(),
            source: source.to_owned(),
            imports: component.imports().to_vec(),
            tools_digest: tools_digest(loaded),
        })
    }

    /// Installs a component. That it is there already is no error; then it is told.
    ///
    /// # Errors
    ///
    /// If another one has that name and version, the bytes are not those that are to be
    /// pinned, or the disk refuses something. Nothing is installed then.
    pub fn add(&self, bytes: &[u8], locked: Locked) -> Result<bool, InstallError> {
        let folder = self.open()?;
        let _changing = changing(&folder).map_err(refused("change what is installed"))?;
        if digest(bytes) != locked.digest {
            return Err(InstallError::Other);
        }
        let mut lock = read_lock(&folder)?;
        let name = file_name(&locked);
        let before = lock.as_slice().len();
        lock.add(locked)?;
        // What lies there may have been damaged.
        write(&folder, &name, bytes, Mode::RUSR).map_err(refused("write to the folder"))?;
        if lock.as_slice().len() == before {
            return Ok(false);
        }
        write_lock(&folder, &lock)?;
        Ok(true)
    }

    /// Takes one away. A call that runs ends as it began.
    ///
    /// # Errors
    ///
    /// If it is not installed, has several versions and none is named, or the disk
    /// refuses something.
    pub fn remove(&self, name: &InstalledName) -> Result<Locked, InstallError> {
        if !self.folder.try_exists().unwrap_or(true) {
            Lock::default().remove(name)?;
        }
        let folder = self.open()?;
        let _changing = changing(&folder).map_err(refused("change what is installed"))?;
        let mut lock = read_lock(&folder)?;
        let removed = lock.remove(name)?;
        write_lock(&folder, &lock)?;
        let mut left = lock.as_slice().iter();
        if !left.any(|locked| locked.digest == removed.digest) {
            match rustix::fs::unlinkat(&folder, file_name(&removed), AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(refused("remove the component")(error)),
            }
        }
        Ok(removed)
    }

    /// Looks whether the file of one has the bytes that are pinned.
    ///
    /// # Errors
    ///
    /// If it has not, or cannot be read.
    pub fn verify(&self, locked: &Locked) -> Result<(), InstallError> {
        let file = match read(&self.open()?, &file_name(locked)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = locked.full_name();
                return Err(InstallError::Gone { name });
            }
            file => file.map_err(refused("read the component"))?,
        };
        let mut bytes = Vec::new();
        let most = locked.size_bytes.saturating_add(1);
        let read = file.take(most).read_to_end(&mut bytes);
        read.map_err(refused("read the component"))?;
        match digest(&bytes) == locked.digest {
            true => Ok(()),
            false => Err(InstallError::Changed {
                name: locked.full_name(),
            }),
        }
    }

    /// Where the bytes of one lie.
    #[must_use]
    pub fn path(&self, locked: &Locked) -> PathBuf {
        self.folder.join(file_name(locked))
    }

    fn open(&self) -> Result<OwnedFd, InstallError> {
        private_folder(&self.folder).map_err(refused("open the folder"))
    }
}

/// Whether what was loaded has the bytes that are pinned.
pub(crate) fn check_bytes(pinned: &Locked, digest: &str) -> Result<(), InstallError> {
    match pinned.digest == digest {
        true => Ok(()),
        false => Err(InstallError::Changed {
            name: pinned.full_name(),
        }),
    }
}

/// Whether a file that cannot be loaded is what is pinned.
pub(crate) fn check_file(pinned: &Locked, path: &Path) -> Result<(), InstallError> {
    let name = pinned.full_name();
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(InstallError::Gone { name });
        }
        file => file.map_err(refused("read the component"))?,
    };
    let mut bytes = Vec::new();
    let mut file = file.take(pinned.size_bytes.saturating_add(1));
    let read = file.read_to_end(&mut bytes);
    read.map_err(refused("read the component"))?;
    check_bytes(pinned, &digest(&bytes))
}

/// Whether it lists the tools that are pinned.
pub(crate) fn check_tools(pinned: &Locked, loaded: &Loaded) -> Result<(), InstallError> {
    match tools_digest(loaded) == pinned.tools_digest {
        true => Ok(()),
        false => Err(InstallError::OtherTools {
            name: pinned.full_name(),
        }),
    }
}

/// Of what a component says of its tools that lists them itself; of another one that
/// follows from its bytes.
fn tools_digest(loaded: &Loaded) -> Option<String> {
    loaded
        .component()
        .filter(|component| component.is_handler())?;
    let mut said: Vec<_> = loaded
        .tools()
        .iter()
        .map(|tool| said_of(tool.spec()))
        .collect();
    said.sort_unstable();
    Some(digest(said.concat().as_bytes()))
}

/// One tool in a line of JSON, without what follows from grants.
fn said_of(spec: &ToolSpec) -> String {
    let said = json!([
        spec.name,
        spec.title,
        spec.description,
        spec.input_schema,
        spec.output_schema,
    ]);
    format!("{said}\n")
}

/// The name of the file of one: the digits of its digest.
fn file_name(locked: &Locked) -> String {
    format!("{}.wasm", locked.digest.trim_start_matches("sha256:"))
}

fn write_lock(folder: &OwnedFd, lock: &Lock) -> Result<(), InstallError> {
    let text = lock.to_string();
    let written = write(folder, LOCK, text.as_bytes(), Mode::RUSR | Mode::WUSR);
    written.map_err(refused("write to the folder"))
}

fn read_lock(folder: &OwnedFd) -> Result<Lock, InstallError> {
    let file = match read(folder, LOCK) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::default()),
        file => file.map_err(refused("read `patinox.lock`"))?,
    };
    let mut text = String::new();
    let read = file.take(MAX_LOCK_BYTES + 1).read_to_string(&mut text);
    match read.map_err(refused("read `patinox.lock`"))? {
        bytes if MAX_LOCK_BYTES < bytes as u64 => Err(InstallError::Lock(LockError::TooMany)),
        _ => Lock::parse(&text).map_err(InstallError::Lock),
    }
}

/// Why something is not installed.
///
/// It names no path: whoever gave the folder knows where it lies.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The lock, or what was asked of it.
    #[error("{}{_0}", prefix(_0))]
    Lock(LockError),
    /// The system refused something.
    #[error("cannot {doing}")]
    Io {
        /// What was refused.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The file of a component has other bytes than when it was installed.
    #[error("`{name}` is not what was installed: its bytes have changed")]
    Changed {
        /// Its name and version.
        name: String,
    },
    /// The file of a component is not there any more.
    #[error("`{name}` is not what was installed: its file is gone")]
    Gone {
        /// Its name and version.
        name: String,
    },
    /// The component lists other tools, or says something else of them.
    #[error("`{name}` does not list the tools that it listed when it was installed")]
    OtherTools {
        /// Its name and version.
        name: String,
    },
    /// Tools of the embedder's own have no bytes to pin.
    #[error("only a component can be installed")]
    NoComponent,
    /// The bytes are not those that are to be pinned.
    #[error("the component has changed while it was installed")]
    Other,
}

/// What is wrong with the file says so; what was asked of it does without.
const fn prefix(error: &LockError) -> &'static str {
    match error {
        LockError::Toml { .. } | LockError::Later { .. } | LockError::TooMany => "`patinox.lock`: ",
        _ => "",
    }
}

impl From<LockError> for InstallError {
    fn from(error: LockError) -> Self {
        Self::Lock(error)
    }
}

impl From<InstalledNameError> for InstallError {
    fn from(error: InstalledNameError) -> Self {
        Self::Lock(error.into())
    }
}

fn refused<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> InstallError {
    move |source| InstallError::Io {
        doing,
        source: source.into(),
    }
}

impl Failure for InstallError {
    fn code(&self) -> Code {
        match self {
            Self::Lock(LockError::NotInstalled { .. }) => Code::NotFound,
            Self::Lock(LockError::Toml { .. } | LockError::Later { .. } | LockError::TooMany) => {
                Code::InvalidConfig
            }
            Self::Lock(_) => Code::Usage,
            Self::Io { .. } => Code::Unreadable,
            Self::NoComponent => Code::Usage,
            Self::Changed { .. } | Self::Gone { .. } | Self::OtherTools { .. } | Self::Other => {
                Code::Untrusted
            }
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Lock(LockError::NotInstalled { versions, .. }) => {
                Some(match versions.as_slice() {
                    [] => "`patinox ls` shows what is installed".to_owned(),
                    versions => format!("there are {}", versions.join(", ")),
                })
            }
            Self::Lock(LockError::Several { versions }) => {
                Some(format!("name one of them, like `{}`", versions.first()?))
            }
            Self::Lock(LockError::Taken { .. }) => Some(
                "a version never changes: give it another one by `--as NAME@VERSION`, or remove \
                 that one first"
                    .to_owned(),
            ),
            Self::Lock(LockError::Name(_)) => {
                Some("write it like `text` or `text@1.2.0`".to_owned())
            }
            Self::Lock(_) => Some(
                "it is written by `patinox install`: put back a copy, or remove it and install \
                 anew"
                    .to_owned(),
            ),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    Some("the folder has to be ours alone, with mode `0700`".to_owned())
                }
                _ => None,
            },
            Self::Gone { .. } => Some("install it anew from where it came".to_owned()),
            Self::Changed { .. } => Some(
                "nothing of it was run; install it anew from where it came, if you trust that"
                    .to_owned(),
            ),
            Self::OtherTools { .. } => Some(
                "look at what it says now by its file, and install it anew if you trust that"
                    .to_owned(),
            ),
            Self::NoComponent | Self::Other => None,
        }
    }
}

impl std::fmt::Debug for InstallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_failure(self, f)
    }
}

#[cfg(test)]
mod tests;
