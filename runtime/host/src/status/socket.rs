//! A socket, its name, and its end.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::{fmt, fs, process};

use rustix::fs::Stat;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::error::StatusError;
use super::folder::{StatusFolder, is_same};

/// The longest path of a socket, in bytes: the system keeps 108 with the zero at the
/// end.
pub(super) const MAX_PATH_BYTES: usize = 107;

/// So many hosts of one process can be watched.
const MAX_HOSTS: u32 = 64;

/// How a socket is called: `PID.sock`, and `PID-2.sock` for the second host of the
/// process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pid: u32,
    number: u32,
}

impl Name {
    pub(super) fn file(self) -> String {
        format!("{self}.sock")
    }

    /// What it is called before it listens. Whoever looks for hosts does not take
    /// that for one.
    fn unborn(self) -> String {
        format!("{self}.new")
    }

    /// Reads a name as a host writes it, and no other one.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let stem = file.strip_suffix(".sock")?;
        let (pid, number) = stem.split_once('-').unwrap_or((stem, "1"));
        let name = Self {
            pid: pid.parse().ok()?,
            number: number.parse().ok()?,
        };
        (name.file() == file).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => write!(f, "{}", self.pid),
            number => write!(f, "{}-{number}", self.pid),
        }
    }
}

/// A socket's name in its folder, until this is dropped.
#[derive(Debug)]
pub(super) struct Bound {
    folder: StatusFolder,
    name: Name,
    made: Stat,
}

impl Bound {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(self.name.file())
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let file = self.name.file();
        // Somebody else may have the name by now.
        let found = self.folder.look(&file);
        if found.is_some_and(|found| is_same(&found, &self.made)) {
            // What cannot be removed is removed by who finds it dead.
            let _ = self.folder.remove(&file);
        }
    }
}

/// Listens in a folder, under the first name of this process that is free. Nobody
/// but us may connect, and the name is there only once somebody listens.
pub(super) fn bind(folder: StatusFolder) -> Result<(UnixListener, Bound), StatusError> {
    let pid = process::id();
    for number in 1..=MAX_HOSTS {
        let name = Name { pid, number };
        if let Some((listener, made)) = bind_as(&folder, name)? {
            let bound = Bound { folder, name, made };
            return Ok((listener, bound));
        }
    }
    Err(StatusError::TooMany { count: MAX_HOSTS })
}

/// Listens under this name; `None` if it is somebody's.
fn bind_as(folder: &StatusFolder, name: Name) -> Result<Option<(UnixListener, Stat)>, StatusError> {
    let refused = StatusError::io("make the status socket");
    let (unborn, file) = (name.unborn(), name.file());
    let [path, wanted] = [&unborn, &file].map(|file| folder.path().join(file));
    let bytes = wanted.as_os_str().len();
    if MAX_PATH_BYTES < bytes {
        return Err(StatusError::PathTooLong { bytes });
    }
    let listener = match UnixListener::bind(&path) {
        Ok(listener) => listener,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(None),
        Err(error) => return Err(refused(error)),
    };
    let born = bear(folder, &listener, (&path, &unborn), (&wanted, name));
    let removed = folder.remove(&unborn);
    let made = born.and_then(|born| removed.map(|()| born));
    Ok(made.map_err(refused)?.map(|made| (listener, made)))
}

/// Gives a socket that listens the name by which it is found.
fn bear(
    folder: &StatusFolder,
    listener: &UnixListener,
    (path, unborn): (&Path, &str),
    (wanted, name): (&Path, Name),
) -> io::Result<Option<Stat>> {
    let file = &name.file();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    let linked = match folder.link(unborn, file) {
        // A process that had our number died, and left it.
        Err(Errno::EXIST) if folder.socket(name).is_some() && is_dead(wanted) => {
            folder.remove(file)?;
            folder.link(unborn, file)
        }
        linked => linked,
    };
    match linked {
        Ok(()) => Ok(folder.look(file)),
        Err(Errno::EXIST) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_dead(path: &Path) -> bool {
    matches!(connect(path), Err(Errno::CONNREFUSED))
}

/// Connects without waiting for whoever listens.
pub(super) fn connect(path: &Path) -> rustix::io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}
