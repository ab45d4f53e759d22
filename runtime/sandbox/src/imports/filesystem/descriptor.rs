//! What a guest has open.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::SystemTime;

use patinox_telemetry::Clock;
use rustix::io::Errno;

use super::place::Kind;
use crate::authority::Folder;

/// The longest path from a folder that is kept, in bytes: it is for messages, and no
/// longer one is ever granted.
const MAX_INSIDE_BYTES: usize = 512;

/// A path that is longer. Nothing can be granted by it.
const UNTOLD: &str = "\0";

/// Until when a grant lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lasting {
    clock: Clock,
    until: Option<SystemTime>,
}

impl Lasting {
    pub(super) const fn new(clock: Clock, until: Option<SystemTime>) -> Self {
        Self { clock, until }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.until.is_some_and(|until| until <= self.clock.steady())
    }
}

/// A file or folder that a guest has open, or the root, where nothing lies.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub enum Descriptor {
    /// The root of the guest's paths. Nothing lies in it; what is asked of it was not
    /// granted, and is told.
    Root,
    /// Something in a folder that was granted.
    Open(Opened),
}

/// How many files and folders a call has open, streams of them included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<()>);

impl Count {
    /// One more, for as long as it is held; `None` if there are so many already.
    pub(super) fn one_more(&self, most: usize) -> Option<Self> {
        // One is ours.
        (Arc::strong_count(&self.0) <= most).then(|| self.clone())
    }
}

/// What the system has open for a call.
pub(super) struct Held {
    fd: OwnedFd,
    /// Folders that were granted are not counted.
    _counted: Option<Count>,
}

impl Held {
    pub(super) fn new(fd: OwnedFd, counted: Count) -> Arc<Self> {
        let _counted = Some(counted);
        Arc::new(Self { fd, _counted })
    }
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Something in a folder that was granted.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "it is part of what is re-exported")]
pub struct Opened {
    pub(super) fd: Arc<Held>,
    pub(super) kind: Kind,
    pub(super) folder: Arc<Folder>,
    /// Its path from the folder, as the guest asked for it.
    pub(super) inside: String,
}

impl Opened {
    /// The folder itself.
    pub(super) fn folder(fd: OwnedFd, folder: Folder) -> Self {
        Self {
            fd: Arc::new(Held { fd, _counted: None }),
            kind: Kind::Folder,
            folder: Arc::new(folder),
            inside: String::new(),
        }
    }

    /// Until when it may be read.
    pub(super) fn lasts(&self, clock: Clock) -> Lasting {
        Lasting::new(clock, self.folder.expires())
    }

    /// What the guest calls something below this.
    pub(super) fn path_of(&self, path: &str) -> String {
        self.folder.path_of(&self.join(path))
    }

    /// Its path from the folder, of something below this.
    pub(super) fn join(&self, path: &str) -> String {
        match (self.inside.as_str(), path) {
            // From there a guest could go on for ever.
            (inside, path) if MAX_INSIDE_BYTES < inside.len() + path.len() => UNTOLD.to_owned(),
            (UNTOLD, _) => UNTOLD.to_owned(),
            ("", path) => path.to_owned(),
            (inside, "" | ".") => inside.to_owned(),
            (inside, path) => format!("{inside}/{path}"),
        }
    }

    /// This as a folder.
    pub(super) fn as_folder(&self) -> Result<&Arc<Held>, Errno> {
        match self.kind {
            Kind::Folder => Ok(&self.fd),
            Kind::File => Err(Errno::NOTDIR),
        }
    }

    /// This as a file.
    pub(super) fn as_file(&self) -> Result<&Arc<Held>, Errno> {
        match self.kind {
            Kind::File => Ok(&self.fd),
            Kind::Folder => Err(Errno::ISDIR),
        }
    }
}

#[cfg(test)]
mod tests {
    use patinox_policy::Grant;

    use super::*;

    #[test]
    fn a_path_that_a_guest_makes_longer_and_longer_is_not_kept() {
        let grant: Grant = "fs=/tmp:ro@/data".parse().unwrap();
        let folder = Folder::of(&grant).unwrap();
        let file = tempfile::tempfile().unwrap();
        let mut opened = Opened::folder(file.into(), folder);
        assert_eq!(opened.path_of("a/b"), "/data/a/b");
        assert_eq!(opened.path_of("."), "/data");
        for _ in 0..1_000 {
            opened.inside = opened.join("./a");
        }
        assert_eq!(opened.inside, UNTOLD);
        assert_eq!(opened.join("b"), UNTOLD);
    }

    #[test]
    fn no_more_are_open_than_may_be() {
        let count = Count::default();
        let held: Vec<_> = (0..3).map(|_| count.one_more(3).unwrap()).collect();
        assert!(count.one_more(3).is_none());
        drop(held);
        assert!(count.one_more(3).is_some());
    }
}
