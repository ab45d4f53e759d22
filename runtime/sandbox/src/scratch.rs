//! Folders that calls get anew, and that go with them.
//!
//! All of a process lie in a folder of its own below one base, beside which a file is
//! locked for as long as the process lives: what has no lock any more was left behind by
//! one that was killed, and is removed when another begins to make some.

mod remove;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use patinox_resources::{AsyncGuard, Kind, Owner, Registry, private_folder};
use patinox_telemetry::CallId;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, Stat, fstat, statat};
use rustix::io::Errno;

/// What the name of a lock ends with.
const LOCK: &str = ".lock";

/// How often a name is tried for the folder of this process.
const ATTEMPTS: usize = 8;

/// How long a folder may take to be removed.
const REMOVED_WITHIN: Duration = Duration::from_secs(60);

/// Where a host's calls get such folders.
#[derive(Debug)]
pub(crate) struct Scratch {
    base: Option<PathBuf>,
    mine: Mutex<Option<Arc<Mine>>>,
}

/// The folder of this process.
#[derive(Debug)]
struct Mine {
    base: OwnedFd,
    folder: OwnedFd,
    name: String,
    /// Locked until it is closed.
    _lock: OwnedFd,
}

/// A folder of one call.
#[derive(Debug)]
pub(crate) struct ScratchFolder {
    mine: Arc<Mine>,
    name: String,
}

impl Scratch {
    pub(crate) fn new(base: Option<&Path>) -> Self {
        Self {
            base: base.map(Path::to_owned),
            mine: Mutex::default(),
        }
    }

    /// Looks whether calls can get folders. It waits for the disk.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.mine().map(drop)
    }

    /// Makes a folder for a call, and opens it. It waits for the disk.
    pub(crate) fn make(
        &self,
        (call, number): (CallId, usize),
        registry: &Registry,
    ) -> io::Result<(OwnedFd, AsyncGuard<ScratchFolder>)> {
        let mine = self.mine()?;
        let name = format!("{call}-{number}");
        let registered = registry.register(Kind::Folder, Owner::new("scratch"), 0);
        rustix::fs::mkdirat(&mine.folder, &*name, Mode::RWXU)?;
        let folder = ScratchFolder { mine, name };
        let opened = open_folder(&folder.mine.folder, &folder.name);
        let guard = AsyncGuard::new(registered, folder, async |folder| {
            let removed = tokio::task::spawn_blocking(move || folder.remove()).await?;
            removed.map_err(|errno| io::Error::from(errno).into())
        });
        Ok((opened?, guard.with_limit(REMOVED_WITHIN)))
    }

    fn mine(&self) -> io::Result<Arc<Mine>> {
        let Some(base) = &self.base else {
            let why = "this host has no place for folders of calls";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        };
        let mut mine = self.mine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = &*mine {
            return Ok(Arc::clone(mine));
        }
        let base = private_folder(base)?;
        sweep(&base)?;
        let made = Arc::new(Mine::make(base)?);
        *mine = Some(Arc::clone(&made));
        Ok(made)
    }
}

impl ScratchFolder {
    fn remove(&self) -> Result<(), Errno> {
        remove::tree(&self.mine.folder, self.name.as_bytes())
    }
}

impl Mine {
    fn make(base: OwnedFd) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let random = u64::from_le_bytes(random);
            let name = format!("{}-{random:016x}", std::process::id());
            // The lock comes first and goes last: what has none was left behind.
            let lock = format!("{name}{LOCK}");
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let file = match rustix::fs::openat(&base, &*lock, flags, Mode::RUSR | Mode::WUSR) {
                Err(Errno::EXIST) => continue,
                file => file?,
            };
            // Somebody who sweeps may have been faster.
            if !is_locked(&base, &lock, &file)? {
                continue;
            }
            rustix::fs::mkdirat(&base, &*name, Mode::RWXU)?;
            return Ok(Self {
                folder: open_folder(&base, &name)?,
                base,
                name,
                _lock: file,
            });
        }
        Err(Errno::EXIST.into())
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        // What cannot be removed now is left behind, and removed by the next.
        let removed = rustix::fs::unlinkat(&self.base, &*self.name, AtFlags::REMOVEDIR);
        if removed.is_ok() {
            let lock = format!("{}{LOCK}", self.name);
            let _ = rustix::fs::unlinkat(&self.base, &*lock, AtFlags::empty());
        }
    }
}

fn open_folder(parent: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Locks a file, if nobody else has, and tells whether it is still the one of that name.
fn is_locked(base: impl AsFd, name: &str, file: impl AsFd) -> Result<bool, Errno> {
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return Ok(false),
        locked => locked?,
    }
    let identity = |stat: Stat| (stat.st_dev, stat.st_ino);
    let there = statat(base, name, AtFlags::SYMLINK_NOFOLLOW).map(identity);
    Ok(there == fstat(file).map(identity))
}

/// Removes what processes that are no more have left behind.
fn sweep(base: &OwnedFd) -> io::Result<()> {
    for name in remove::names(base, usize::MAX)? {
        let Ok(name) = std::str::from_utf8(&name) else {
            continue;
        };
        let whose = name.strip_suffix(LOCK).unwrap_or(name);
        let lock = format!("{whose}{LOCK}");
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = match rustix::fs::openat(base, &*lock, flags, Mode::empty()) {
            Ok(file) => match is_locked(base, &lock, &file) {
                Ok(true) => Some(file),
                _ => continue,
            },
            Err(Errno::NOENT) => None,
            Err(_) => continue,
        };
        let removed = remove::tree(base, whose.as_bytes());
        if let (Ok(()) | Err(Errno::NOENT), Some(_)) = (removed, held) {
            let _ = rustix::fs::unlinkat(base, &*lock, AtFlags::empty());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, DirBuilder};
    use std::os::unix::fs::DirBuilderExt as _;

    use patinox_resources::Registry;

    use super::*;

    fn scratch(base: &Path) -> Scratch {
        Scratch::new(Some(base))
    }

    /// What lies below the base.
    fn found(base: &Path) -> Vec<String> {
        let names = fs::read_dir(base).unwrap().flatten();
        let mut names: Vec<_> = names
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn a_folder_is_there_for_its_call_and_then_gone() {
        let whole = tempfile::tempdir().unwrap();
        let base = whole.path().join("base");
        let (scratch, registry) = (scratch(&base), Registry::new());
        let id = CallId::new(std::time::SystemTime::UNIX_EPOCH);
        let (_, one) = scratch.make((id, 0), &registry).unwrap();
        let (_, two) = scratch.make((id, 1), &registry).unwrap();
        let mine = base.join(&scratch.mine().unwrap().name);
        assert_eq!(found(&mine), [format!("{id}-0"), format!("{id}-1")]);
        fs::create_dir(mine.join(&two.name).join("sub")).unwrap();
        fs::write(mine.join(&two.name).join("sub/a"), "a").unwrap();
        assert_eq!(registry.counts().of(Kind::Folder).entries, 2);
        one.clean().await.unwrap();
        two.clean().await.unwrap();
        assert_eq!(registry.counts().of(Kind::Folder).entries, 0);
        assert!(found(&mine).is_empty());
        drop(scratch);
        assert!(found(&base).is_empty());
    }

    #[test]
    fn what_was_left_behind_goes_and_what_is_in_use_stays() {
        let whole = tempfile::tempdir().unwrap();
        let base = whole.path().join("base");
        let alive = scratch(&base);
        let mine = alive.mine().unwrap();
        fs::create_dir_all(base.join("7-dead/call/deep")).unwrap();
        fs::write(base.join("7-dead.lock"), "").unwrap();
        fs::write(base.join("7-dead/call/deep/a"), "a").unwrap();
        fs::create_dir(base.join("8-never-locked")).unwrap();
        fs::write(base.join("9-no-folder.lock"), "").unwrap();
        let next = scratch(&base);
        next.check().unwrap();
        let other = next.mine().unwrap();
        let mut left: Vec<_> = [&mine, &other]
            .iter()
            .flat_map(|mine| [mine.name.clone(), format!("{}{LOCK}", mine.name)])
            .collect();
        left.sort_unstable();
        assert_eq!(found(&base), left);
    }

    #[test]
    fn a_place_that_others_may_look_into_is_none() {
        let whole = tempfile::tempdir().unwrap();
        let base = whole.path().join("base");
        DirBuilder::new().mode(0o755).create(&base).unwrap();
        let error = scratch(&base).check().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
        std::os::unix::fs::symlink("base", whole.path().join("link")).unwrap();
        assert!(scratch(&whole.path().join("link")).check().is_err());
        assert!(Scratch::new(None).check().is_err());
    }
}
