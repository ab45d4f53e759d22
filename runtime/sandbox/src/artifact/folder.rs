//! A folder, opened once: all that follows is relative to its descriptor, so
//! nobody can put another in its place.

use std::fs::{DirBuilder, File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags};

use super::error::{StoreError, StorePlace};

/// The permission bits of a mode.
pub(super) const PERMISSIONS: u32 = 0o7777;

/// An open folder that belongs to us.
pub(super) struct Folder {
    descriptor: File,
    place: StorePlace,
    path: PathBuf,
}

impl Folder {
    /// Opens the folder, if there is one.
    pub(super) fn open(path: &Path, place: StorePlace) -> Result<Option<Self>, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(descriptor) => File::from(descriptor),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(not_opened(path, place, error.into())),
        };
        let folder = Self {
            descriptor,
            place,
            // Should the current folder change.
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        };
        folder.check()?;
        Ok(Some(folder))
    }

    /// Opens the folder, and makes it where it is missing: for us alone.
    pub(super) fn make(path: &Path, place: StorePlace) -> Result<Self, StoreError> {
        if let Some(folder) = Self::open(path, place)? {
            return Ok(folder);
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(StoreError::io(place, "make"))?;
        let gone = || StoreError::io(place, "open")(io::ErrorKind::NotFound.into());
        Self::open(path, place)?.ok_or_else(gone)
    }

    /// The folder of entries is closed to everybody else; in that of the key
    /// others may look, but change nothing.
    fn check(&self) -> Result<(), StoreError> {
        let (place, us) = (self.place, rustix::process::geteuid().as_raw());
        let metadata = self.metadata().map_err(StoreError::io(place, "open"))?;
        if metadata.uid() != us {
            return Err(StoreError::NotOurs {
                place,
                owner: metadata.uid(),
                us,
            });
        }
        let (forbidden, wanted) = match place {
            StorePlace::Folder => (0o077, "mode `0700`"),
            StorePlace::KeyFolder | StorePlace::Key => (0o022, "no one else who may write"),
        };
        let mode = metadata.mode() & PERMISSIONS;
        match mode & forbidden {
            0 => Ok(()),
            _ => Err(StoreError::Mode {
                place,
                wanted,
                mode,
            }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.descriptor.metadata()
    }

    /// Opens a file of ours for reading: no link is followed, nothing is waited
    /// for, as a pipe would have us do, and it does not count as a use.
    pub(super) fn read(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOATIME;
        self.openat(name, flags, Mode::empty())
    }

    /// What is there, without opening it; of a link, the link.
    pub(super) fn look(&self, name: &str) -> io::Result<Metadata> {
        self.openat(name, OFlags::PATH, Mode::empty())?.metadata()
    }

    /// Makes a file that is not there yet, for us alone.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        self.openat(name, flags, Mode::RUSR | Mode::WUSR)
    }

    fn openat(&self, name: &str, flags: OFlags, mode: Mode) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor: OwnedFd = rustix::fs::openat(&self.descriptor, name, flags, mode)?;
        Ok(File::from(descriptor))
    }

    /// Gives a file another name, in place of what had it.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let folder = &self.descriptor;
        Ok(rustix::fs::renameat(folder, from, folder, to)?)
    }

    /// Gives a file another name that nothing has; else `AlreadyExists`.
    pub(super) fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        let folder = &self.descriptor;
        let renamed = rustix::fs::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE);
        match renamed {
            // A file system without it, as those of a network are. For a moment
            // the file has two names.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                rustix::fs::linkat(folder, from, folder, to, AtFlags::empty())?;
                self.remove(from)
            }
            renamed => Ok(renamed?),
        }
    }

    /// Removes a name; of a link, the link. Folders stay.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        let removed = rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty());
        match removed {
            // Another process was faster.
            Err(rustix::io::Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// Makes new names last.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.descriptor.sync_all()
    }

    /// The names of what is in it, those alone that are text.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let entries = Dir::read_from(&self.descriptor)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_str().ok().map(str::to_owned)));
        names.filter_map(Result::transpose).collect()
    }
}

/// Names what is there instead of a folder.
fn not_opened(path: &Path, place: StorePlace, source: io::Error) -> StoreError {
    let found = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => "a symbolic link",
        Ok(metadata) if !metadata.is_dir() => "a file",
        _ => return StoreError::io(place, "open")(source),
    };
    StoreError::WrongKind {
        place,
        wanted: "a folder",
        found,
    }
}

/// A file that is being written: gone unless it gets a name.
pub(super) struct Temporary<'a> {
    pub(super) folder: &'a Folder,
    pub(super) name: String,
    pub(super) file: File,
}

impl<'a> Temporary<'a> {
    pub(super) fn create(folder: &'a Folder, name: String) -> io::Result<Self> {
        let file = folder.create(&name)?;
        Ok(Self { folder, name, file })
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // Where it has its name by now there is nothing to remove, and what
        // cannot be removed is stale in an hour.
        let _ = self.folder.remove(&self.name);
    }
}
