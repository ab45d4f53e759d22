//! What a guest has open.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use patinox_policy::Mode;
use patinox_telemetry::Clock;
use rustix::io::Errno;

use super::jobs::Jobs;
use super::place::Kind;
use super::quota::Open;
use super::revoking::{Lasting, Revocable};
use crate::authority::Folder;
use crate::bindings::offered::wasi::filesystem::types::DescriptorFlags;

/// The longest path from a folder that is kept, in bytes: it is for messages, and with
/// the folder's own no longer one is ever granted.
const MAX_INSIDE_BYTES: usize = 400;

/// A file or folder that a guest has open, or the root, where nothing lies.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub enum Descriptor {
    /// The root of the guest's paths. Nothing lies in it; what is asked of it was not
    /// granted, and is told.
    Root,
    /// Something in a folder that was granted.
    Open(Opened),
}

/// What the system has open for a call. It is closed where that may block.
pub(super) struct Held {
    /// Empty only while it is dropped.
    held: Option<(OwnedFd, Option<Open>)>,
    jobs: Jobs,
}

impl Held {
    /// Folders that were granted are not counted.
    pub(super) fn new(
        fd: OwnedFd,
        (counted, jobs): (Option<Open>, Jobs),
        lasting: Lasting,
    ) -> Revocable<Self> {
        let held = Some((fd, counted));
        Revocable::new(Self { held, jobs }, lasting)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.jobs.close(self.held.take());
    }
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        #[expect(clippy::expect_used, reason = "invariant: only its drop empties it")]
        let (fd, _) = self.held.as_ref().expect("it is open");
        fd.as_fd()
    }
}

/// Something in a folder that was granted.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "it is part of what is re-exported")]
pub struct Opened {
    pub(super) fd: Revocable<Held>,
    pub(super) kind: Kind,
    pub(super) folder: Arc<Folder>,
    /// Its path from the folder, as the guest asked for it.
    pub(super) inside: String,
    /// What it was opened for.
    pub(super) open_for: OpenFor,
}

/// What something was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenFor {
    pub(super) reading: bool,
    pub(super) writing: bool,
}

impl OpenFor {
    pub(super) const READING: Self = Self {
        reading: true,
        writing: false,
    };
}

impl OpenFor {
    /// By what it stays open. A folder is opened to be read, whatever may be done in it.
    pub(super) const fn stays(self, kind: Kind) -> Mode {
        match (kind, self.writing) {
            (Kind::File, true) => Mode::Write,
            _ => Mode::Read,
        }
    }
}

impl Opened {
    /// The folder itself.
    pub(super) fn folder(fd: OwnedFd, folder: Arc<Folder>, (jobs, clock): (Jobs, Clock)) -> Self {
        let open_for = OpenFor {
            reading: true,
            writing: Mode::Write <= folder.mode(),
        };
        let lasting = Lasting::new(clock, &folder, open_for.stays(Kind::Folder));
        Self {
            open_for,
            fd: Held::new(fd, (None, jobs), lasting),
            kind: Kind::Folder,
            folder,
            inside: String::new(),
        }
    }

    /// What it was opened for, as a guest is told it.
    pub(super) fn flags(&self) -> DescriptorFlags {
        let writing = match self.kind {
            Kind::File => DescriptorFlags::WRITE,
            Kind::Folder => DescriptorFlags::MUTATE_DIRECTORY,
        };
        let mut flags = DescriptorFlags::empty();
        if self.open_for.reading {
            flags |= DescriptorFlags::READ;
        }
        if self.open_for.writing {
            flags |= writing;
        }
        flags
    }

    /// Until when it may be used so.
    pub(super) fn lasts(&self, mode: Mode, clock: Clock) -> Lasting {
        Lasting::new(clock, &self.folder, mode)
    }

    /// What the guest calls something below this.
    pub(super) fn path_of(&self, path: &str) -> String {
        self.folder.path_of(&self.join(path))
    }

    /// Its path from the folder, of something below this, as it is written: links are
    /// looked at by nobody here. Where it is too long to be granted, that of a folder
    /// above it.
    pub(super) fn join(&self, path: &str) -> String {
        plain(&self.inside, path)
    }

    /// This as a folder.
    pub(super) fn as_folder(&self) -> Result<Arc<Held>, Errno> {
        match self.kind {
            Kind::Folder => self.fd.get(),
            Kind::File => Err(Errno::NOTDIR),
        }
    }

    /// This as a file that was opened to be read.
    pub(super) fn as_file(&self) -> Result<&Revocable<Held>, Errno> {
        match (self.kind, self.open_for.reading) {
            (Kind::File, true) => Ok(&self.fd),
            (Kind::File, false) => Err(Errno::BADF),
            (Kind::Folder, _) => Err(Errno::ISDIR),
        }
    }

    /// This as a file that was opened to be written.
    pub(super) fn as_file_to_write(&self) -> Result<&Revocable<Held>, Errno> {
        match (self.kind, self.open_for.writing) {
            (Kind::File, true) => Ok(&self.fd),
            (Kind::File, false) => Err(Errno::BADF),
            (Kind::Folder, _) => Err(Errno::ISDIR),
        }
    }
}

/// A path below another one, without `.`, `..` and slashes that say nothing; of a long one
/// its beginning.
pub(super) fn plain(inside: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut bytes = 0;
    for part in inside.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => bytes -= parts.pop().map_or(0, |part| part.len() + 1),
            part if MAX_INSIDE_BYTES < bytes + part.len() + 1 => break,
            part => {
                bytes += part.len() + 1;
                parts.push(part);
            }
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use patinox_policy::Grant;
    use patinox_resources::Shared;

    use super::*;

    #[test]
    fn a_path_that_a_guest_makes_longer_and_longer_is_not_kept() {
        let grant: Grant = "fs=/tmp:ro@/data".parse().unwrap();
        let folder = Folder::of(&grant, &Shared::default()).unwrap();
        let file = tempfile::tempfile().unwrap();
        let mut opened = Opened::folder(
            file.into(),
            Arc::new(folder),
            (Jobs::new(), Clock::system()),
        );
        assert_eq!(opened.path_of("a/b"), "/data/a/b");
        assert_eq!(opened.path_of("."), "/data");
        assert_eq!(opened.path_of("./a//../b/./c/"), "/data/b/c");
        assert_eq!(opened.path_of("../../../etc"), "/data/etc");
        for _ in 0..1_000 {
            opened.inside = opened.join("./a");
        }
        assert!(opened.inside.len() <= MAX_INSIDE_BYTES, "{}", opened.inside);
        assert_eq!(opened.join("b"), opened.inside);
        assert_eq!(plain("", &"a".repeat(1 << 20)), "");
    }
}
