//! Folders that are ours alone.

use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags, fstat};

/// Opens a folder that is ours alone, and makes it where it is missing, with the folders
/// on the way to it. It waits for the disk.
///
/// ```
/// use std::os::unix::fs::PermissionsExt as _;
///
/// let whole = tempfile::tempdir()?;
/// let folder = whole.path().join("state/ours");
/// patinox_resources::private_folder(&folder)?;
/// assert_eq!(folder.metadata()?.permissions().mode() & 0o777, 0o700);
/// assert!(patinox_resources::private_folder("/".as_ref()).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// If it cannot be made or opened, is a link or no folder, belongs to somebody else, or
/// lets others in.
pub fn private_folder(path: &Path) -> io::Result<OwnedFd> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, Mode::empty())?;
    let found = fstat(&folder)?;
    let is_ours = found.st_uid == rustix::process::geteuid().as_raw();
    match is_ours && found.st_mode & 0o077 == 0 {
        true => Ok(folder),
        false => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the folder is not ours alone, with mode `0700`",
        )),
    }
}
