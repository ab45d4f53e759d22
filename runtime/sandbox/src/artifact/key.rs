//! The key: 32 random bytes that never lie beside what they protect.

use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::entry;
use super::error::{StoreError, StorePlace};
use super::folder::{Folder, PERMISSIONS, Temporary};

const KEY_BYTES: usize = 32;

/// How often we look again at a key that another process is just making, and
/// how long we wait between.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// Reads the key; makes one where there is none. One that is not right is
/// never replaced: somebody put it there.
pub(super) fn read_or_make(path: &Path, store: &Folder) -> Result<[u8; KEY_BYTES], StoreError> {
    let (parent, name) = split(path)?;
    let folder = Folder::make(parent, StorePlace::KeyFolder)?;
    if is_same(&folder, store).map_err(io("open"))? {
        return Err(StoreError::KeyInside);
    }
    if let Some(key) = read(&folder, name)? {
        return Ok(key);
    }
    make(&folder, name).map_err(io("make"))?;
    let gone = || io("read")(io::ErrorKind::NotFound.into());
    read(&folder, name)?.ok_or_else(gone)
}

/// Reads the key that is there.
pub(super) fn read_only(path: &Path, store: &Folder) -> Result<[u8; KEY_BYTES], StoreError> {
    let (parent, name) = split(path)?;
    let missing = || io("open")(io::ErrorKind::NotFound.into());
    let folder = Folder::open(parent, StorePlace::KeyFolder)?.ok_or_else(missing)?;
    if is_same(&folder, store).map_err(io("open"))? {
        return Err(StoreError::KeyInside);
    }
    read(&folder, name)?.ok_or_else(missing)
}

/// The folder of a path and the name in it. A bare name is one of the folder
/// that this process is in.
fn split(path: &Path) -> Result<(&Path, &str), StoreError> {
    let name = path.file_name().and_then(|name| name.to_str());
    match (path.parent(), name) {
        (Some(parent), Some(name)) if parent.as_os_str().is_empty() => Ok((Path::new("."), name)),
        (Some(parent), Some(name)) => Ok((parent, name)),
        _ => Err(io("open")(io::ErrorKind::InvalidInput.into())),
    }
}

fn io(doing: &'static str) -> impl FnOnce(io::Error) -> StoreError + Copy {
    StoreError::io(StorePlace::Key, doing)
}

fn is_same(one: &Folder, other: &Folder) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// Makes a key, whole before it has its name. Of several processes that do so
/// at once one wins, and all take its key.
fn make(folder: &Folder, name: &str) -> io::Result<()> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut temporary = Temporary::create(folder, entry::temporary_name()?)?;
    temporary.file.write_all(&key)?;
    temporary.file.sync_all()?;
    match folder.rename_new(&temporary.name, name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        renamed => renamed.and_then(|()| folder.sync()),
    }
}

fn read(folder: &Folder, name: &str) -> Result<Option<[u8; KEY_BYTES]>, StoreError> {
    let mut looks = 1;
    loop {
        let file = match folder.read(name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(not_opened(folder, name, error)),
        };
        let metadata = file.metadata().map_err(io("read"))?;
        match check(&metadata) {
            Ok(()) => return contents(&file).map(Some).map_err(io("read")),
            // It may be about to lose its first name, or have just lost its last.
            Err(StoreError::KeyLinked { links: 0 | 2 }) if looks < LOOKS => {
                thread::park_timeout(PAUSE);
                looks += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn contents(file: &File) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    file.read_exact_at(&mut key, 0)?;
    Ok(key)
}

fn check(metadata: &Metadata) -> Result<(), StoreError> {
    let (place, us) = (StorePlace::Key, rustix::process::geteuid().as_raw());
    if !metadata.is_file() {
        return Err(wrong_kind("something else"));
    }
    if metadata.uid() != us {
        return Err(StoreError::NotOurs {
            place,
            owner: metadata.uid(),
            us,
        });
    }
    let mode = metadata.mode() & PERMISSIONS;
    if mode != 0o600 {
        return Err(StoreError::Mode {
            place,
            wanted: "mode `0600`",
            mode,
        });
    }
    let links = metadata.nlink();
    if links != 1 {
        return Err(StoreError::KeyLinked { links });
    }
    let bytes = metadata.len();
    if bytes != KEY_BYTES as u64 {
        return Err(StoreError::KeyLength { bytes });
    }
    Ok(())
}

/// Says what is there that cannot be opened.
fn not_opened(folder: &Folder, name: &str, error: io::Error) -> StoreError {
    match folder.look(name) {
        Ok(metadata) if metadata.is_symlink() => wrong_kind("a symbolic link"),
        Ok(metadata) => check(&metadata).err().unwrap_or(io("open")(error)),
        Err(_) => io("open")(error),
    }
}

const fn wrong_kind(found: &'static str) -> StoreError {
    StoreError::WrongKind {
        place: StorePlace::Key,
        wanted: "a file",
        found,
    }
}
