//! What lies in a folder, a few at a time.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, statat};
use rustix::io::Errno;

use super::jobs::Jobs;
use super::quota::Open;
use super::revoking::{Lasting, Revocable};
use crate::bindings::offered::wasi::filesystem::types::{DescriptorType, DirectoryEntry};

/// How many are looked at at once.
const BATCH: usize = 256;

/// What lies in a folder and has not been told yet.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Entries {
    /// What is still to be read.
    left: Option<Revocable<Left>>,
    read: VecDeque<DirectoryEntry>,
    /// What came instead of more.
    failed: Option<Errno>,
    lasting: Option<Lasting>,
}

/// A folder that is read, and closed where that may block.
pub(super) struct Left {
    /// Empty only while it is dropped.
    dir: Mutex<Option<(Dir, Open)>>,
    jobs: Jobs,
}

impl Left {
    fn dir(&self) -> MutexGuard<'_, Option<(Dir, Open)>> {
        self.dir.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        let dir = self.dir().take();
        self.jobs.close(dir);
    }
}

/// Some of what lies in a folder.
pub(super) struct Part {
    /// Whether there may be more.
    is_left: bool,
    read: Vec<DirectoryEntry>,
    failed: Option<Errno>,
}

impl Entries {
    /// Nothing.
    pub(super) const fn none() -> Self {
        Self {
            left: None,
            read: VecDeque::new(),
            failed: None,
            lasting: None,
        }
    }

    pub(super) fn of(
        folder: impl AsFd,
        (lasting, counted, jobs): (Lasting, Open, Jobs),
    ) -> Result<Self, Errno> {
        let dir = Mutex::new(Some((Dir::read_from(folder)?, counted)));
        Ok(Self {
            left: Some(Revocable::new(Left { dir, jobs }, lasting.clone())),
            lasting: Some(lasting),
            ..Self::none()
        })
    }

    /// Whether nothing more of it may be read.
    pub(super) fn has_ended(&self) -> bool {
        self.lasting.as_ref().is_some_and(Lasting::has_ended)
    }

    /// One that has been read already; then what came instead of more, once.
    pub(super) fn next(&mut self) -> Result<Option<DirectoryEntry>, Errno> {
        match (self.read.pop_front(), self.failed) {
            (None, Some(_)) => Err(self.failed.take().unwrap_or(Errno::IO)),
            (next, _) => Ok(next),
        }
    }

    /// What reads on, where there may be more.
    pub(super) const fn left(&self) -> Option<&Revocable<Left>> {
        self.left.as_ref()
    }

    /// Takes what was read.
    pub(super) fn add(&mut self, some: Part) {
        if !some.is_left {
            self.left = None;
        }
        self.failed = some.failed;
        self.read.extend(some.read);
    }
}

/// Reads some more, and looks at no more than that: a folder may be full of what no guest
/// can name.
pub(super) fn read_some(left: &Left) -> Result<Part, Errno> {
    let mut part = Part {
        is_left: false,
        read: Vec::new(),
        failed: None,
    };
    let mut dir = left.dir();
    let Some((dir, _)) = &mut *dir else {
        return Err(Errno::BADF);
    };
    for _ in 0..BATCH {
        match dir.read() {
            Some(Ok(entry)) => part.read.extend(told(dir, &entry)),
            Some(Err(errno)) => {
                part.failed = Some(errno);
                return Ok(part);
            }
            None => return Ok(part),
        }
    }
    part.is_left = true;
    Ok(part)
}

/// What has no name as text cannot be asked for either.
fn told(dir: &Dir, entry: &DirEntry) -> Option<DirectoryEntry> {
    let name = entry.file_name().to_str().ok()?;
    if matches!(name, "." | "..") {
        return None;
    }
    let kind = match entry.file_type() {
        // Some file systems do not say it with the name.
        FileType::Unknown => {
            let stat = statat(dir.fd().ok()?, name, AtFlags::SYMLINK_NOFOLLOW);
            stat.map_or(FileType::Unknown, |stat| {
                FileType::from_raw_mode(stat.st_mode)
            })
        }
        kind => kind,
    };
    Some(DirectoryEntry {
        type_: type_of(kind),
        name: name.to_owned(),
    })
}

/// What a guest calls a kind of file.
pub(super) const fn type_of(kind: FileType) -> DescriptorType {
    match kind {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::Unknown => DescriptorType::Unknown,
    }
}
