//! What lies in a folder, a few at a time.

use std::collections::VecDeque;
use std::os::fd::AsFd;

use rustix::fs::{Dir, FileType};
use rustix::io::Errno;

use super::descriptor::{Count, Lasting};
use crate::bindings::offered::wasi::filesystem::types::{DescriptorType, DirectoryEntry};

/// How many are read at once.
const BATCH: usize = 256;

/// What lies in a folder and has not been told yet.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Entries {
    /// What is still to be read; lent to the thread that reads.
    left: Option<Dir>,
    read: VecDeque<DirectoryEntry>,
    lasting: Option<Lasting>,
    _counted: Option<Count>,
}

impl Entries {
    /// Nothing.
    pub(super) const fn none() -> Self {
        Self {
            left: None,
            read: VecDeque::new(),
            lasting: None,
            _counted: None,
        }
    }

    pub(super) fn of(
        folder: impl AsFd,
        (lasting, counted): (Lasting, Count),
    ) -> Result<Self, Errno> {
        Ok(Self {
            left: Some(Dir::read_from(folder)?),
            read: VecDeque::new(),
            lasting: Some(lasting),
            _counted: Some(counted),
        })
    }

    /// Whether nothing more of it may be read.
    pub(super) fn has_ended(&self) -> bool {
        self.lasting.is_some_and(|lasting| lasting.has_ended())
    }

    /// One that has been read already.
    pub(super) fn next(&mut self) -> Option<DirectoryEntry> {
        self.read.pop_front()
    }

    /// What reads on, where there may be more.
    pub(super) fn take_left(&mut self) -> Option<Dir> {
        self.left.take()
    }

    /// Takes what was read, and what reads on.
    pub(super) fn add(&mut self, (left, read): (Option<Dir>, Vec<DirectoryEntry>)) {
        self.left = left;
        self.read.extend(read);
    }
}

/// Reads some more; without a [`Dir`] there are no more.
pub(super) fn read_some(mut dir: Dir) -> Result<(Option<Dir>, Vec<DirectoryEntry>), Errno> {
    let mut read = Vec::new();
    while read.len() < BATCH {
        let Some(entry) = dir.read() else {
            return Ok((None, read));
        };
        let entry = entry?;
        let name = entry.file_name();
        // What has no name as text cannot be asked for either.
        if let Ok(name) = name.to_str()
            && !matches!(name, "." | "..")
        {
            read.push(DirectoryEntry {
                type_: type_of(entry.file_type()),
                name: name.to_owned(),
            });
        }
    }
    Ok((Some(dir), read))
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
