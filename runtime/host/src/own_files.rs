//! Files in folders that are ours alone, replaced as a whole.

mod list;

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

pub use self::list::ListError;
pub(crate) use self::list::{List, Stamp};

/// The file whose lock who changes something holds.
const CHANGING: &str = ".changing";

/// Waits until no other process changes something in the folder.
pub(crate) fn changing(folder: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, CHANGING, flags, Mode::RUSR | Mode::WUSR)?;
    rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Opens a file there, which is a file and no link.
pub(crate) fn read(folder: &OwnedFd, name: &str) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no file")),
    }
}

/// Puts a file there, whole or not at all. One at a time: see [`changing`].
pub(crate) fn write(folder: &OwnedFd, name: &str, bytes: &[u8], mode: Mode) -> io::Result<()> {
    let temporary = format!("{name}.new");
    let put = || -> io::Result<()> {
        // Of one who was killed.
        match rustix::fs::unlinkat(folder, &*temporary, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(folder, &*temporary, flags, mode)?);
        file.write_all(bytes)?;
        file.sync_all()?;
        rustix::fs::renameat(folder, &*temporary, folder, name)?;
        Ok(rustix::fs::fsync(folder)?)
    };
    put().inspect_err(|_| {
        let _ = rustix::fs::unlinkat(folder, &*temporary, AtFlags::empty());
    })
}

/// SHA-256 of bytes, as components are named by it: `sha256:` and 64 digits.
///
/// ```
/// let digest = patinox_host::digest(b"");
/// assert!(digest.starts_with("sha256:e3b0c44298fc1c14"));
/// ```
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    let digits = digits.iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}
