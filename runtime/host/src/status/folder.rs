//! Where the sockets of a user's hosts lie: a folder that is his, closed to all
//! others, and no link.

use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::environment;
use super::error::StatusError;
use super::socket::{self, Name};

/// The permission bits of a mode.
const PERMISSIONS: u32 = 0o7777;

/// At most so many hosts are looked for in a folder.
pub const MAX_SOCKETS: usize = 64;

/// A folder of sockets, opened once: whoever puts another in its place later has
/// nothing of it.
#[derive(Debug)]
pub struct StatusFolder {
    descriptor: OwnedFd,
    path: PathBuf,
}

/// What is at the other end of a socket.
#[derive(Debug)]
pub enum Knock {
    /// A host, which writes a line each second: see [`Status`](super::Status).
    Host(UnixStream),
    /// Nobody any more. The socket was removed.
    Removed,
}

/// A socket that lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatusSocket {
    name: Name,
    path: PathBuf,
}

impl StatusSocket {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl StatusFolder {
    /// Where a host of ours puts its socket unless it is told otherwise:
    /// `patinox` in `$XDG_RUNTIME_DIR`, where that is an absolute path of a folder
    /// that is ours; else `patinox-UID` in the temporary folder.
    #[must_use]
    pub fn usual() -> PathBuf {
        runtime().unwrap_or_else(temporary)
    }

    /// Where hosts of ours may have put their sockets, the usual place first: a
    /// service has not always the environment of who looks at it.
    #[must_use]
    pub fn all() -> Vec<PathBuf> {
        runtime().into_iter().chain([temporary()]).collect()
    }

    /// Opens a folder, if there is one.
    ///
    /// # Errors
    ///
    /// If it is not ours, open to others, a link or no folder.
    pub fn open(path: &Path) -> Result<Option<Self>, StatusError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(not_opened(path, error.into())),
        };
        let folder = Self {
            descriptor,
            path: path.to_owned(),
        };
        folder.check()?;
        Ok(Some(folder))
    }

    /// Opens a folder, and makes it where it is missing: for us alone.
    pub(super) fn make(path: &Path) -> Result<Self, StatusError> {
        if let Some(folder) = Self::open(path)? {
            return Ok(folder);
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(StatusError::io("make the status folder"))?;
        let gone = || StatusError::io("open the status folder")(io::ErrorKind::NotFound);
        Self::open(path)?.ok_or_else(gone)
    }

    fn check(&self) -> Result<(), StatusError> {
        let us = rustix::process::geteuid().as_raw();
        let found = rustix::fs::fstat(&self.descriptor);
        let found = found.map_err(StatusError::io("open the status folder"))?;
        if found.st_uid != us {
            return Err(StatusError::NotOurs {
                owner: found.st_uid,
                us,
            });
        }
        match found.st_mode & PERMISSIONS {
            mode if mode & 0o077 != 0 => Err(StatusError::Mode { mode }),
            _ => Ok(()),
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The sockets in it that have a name as a host gives it, by process; at most
    /// [`MAX_SOCKETS`].
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn sockets(&self) -> Result<Vec<StatusSocket>, StatusError> {
        let refused = StatusError::io("read the status folder");
        let entries = Dir::read_from(&self.descriptor).map_err(refused)?;
        let mut sockets = Vec::new();
        for entry in entries {
            let entry = entry.map_err(refused)?;
            let name = entry.file_name().to_str().ok().and_then(Name::parse);
            if let Some(name) = name
                && self.socket(name).is_some()
            {
                let path = self.path.join(name.file());
                sockets.push(StatusSocket { name, path });
            }
        }
        sockets.sort();
        sockets.truncate(MAX_SOCKETS);
        Ok(sockets)
    }

    /// Connects to a socket, without waiting, and removes it if its host is dead.
    ///
    /// Nothing but a socket of ours that has a host's name and that nobody listens at
    /// is ever removed.
    ///
    /// # Errors
    ///
    /// If nobody answers for another reason: the host is stopped, or so many knock
    /// that it has no time.
    pub fn knock(&self, socket: &StatusSocket) -> io::Result<Knock> {
        let before = self.socket(socket.name);
        match socket::connect(&socket.path) {
            Ok(stream) => Ok(Knock::Host(stream)),
            // It has gone by itself.
            Err(Errno::NOENT) => Ok(Knock::Removed),
            Err(Errno::CONNREFUSED) => {
                let after = self.socket(socket.name);
                if let (Some(before), Some(after)) = (before, after)
                    && is_same(&before, &after)
                {
                    self.remove(&socket.name.file())?;
                }
                Ok(Knock::Removed)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What is known of a socket of ours with this name, if there is one.
    pub(super) fn socket(&self, name: Name) -> Option<Stat> {
        let found = self.look(&name.file())?;
        let is_ours = found.st_uid == rustix::process::geteuid().as_raw();
        let kind = FileType::from_raw_mode(found.st_mode);
        (is_ours && kind == FileType::Socket).then_some(found)
    }

    /// What is known of a name; of a link, of the link.
    pub(super) fn look(&self, name: &str) -> Option<Stat> {
        rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).ok()
    }

    /// Gives what has one name another one too, that nothing has.
    pub(super) fn link(&self, from: &str, to: &str) -> rustix::io::Result<()> {
        let folder = &self.descriptor;
        rustix::fs::linkat(folder, from, folder, to, AtFlags::empty())
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            // Somebody was faster.
            Err(Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }
}

fn runtime() -> Option<PathBuf> {
    let us = rustix::process::geteuid().as_raw();
    let is_ours = |found: Metadata| found.is_dir() && found.uid() == us;
    let folder = environment::runtime_folder()?;
    let found = folder.metadata();
    found.is_ok_and(is_ours).then(|| folder.join("patinox"))
}

fn temporary() -> PathBuf {
    let us = rustix::process::geteuid().as_raw();
    environment::temporary_folder().join(format!("patinox-{us}"))
}

/// Where calls get folders of their own unless the host is told otherwise.
pub(crate) fn scratch_folder() -> PathBuf {
    let us = rustix::process::geteuid().as_raw();
    environment::temporary_folder().join(format!("patinox-scratch-{us}"))
}

/// Whether both are the same file.
pub(super) const fn is_same(one: &Stat, other: &Stat) -> bool {
    one.st_dev == other.st_dev && one.st_ino == other.st_ino
}

/// Names what is there instead of a folder.
fn not_opened(path: &Path, source: io::Error) -> StatusError {
    let found = match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => "a symbolic link",
        Ok(found) if !found.is_dir() => "a file",
        _ => return StatusError::io("open the status folder")(source),
    };
    StatusError::WrongKind { found }
}
