//! What a guest has open.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;

use super::place::Kind;
use crate::authority::Folder;

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

    /// What the guest calls something below this.
    pub(super) fn path_of(&self, path: &str) -> String {
        self.folder.path_of(&self.join(path))
    }

    /// Its path from the folder, of something below this.
    pub(super) fn join(&self, path: &str) -> String {
        match (self.inside.as_str(), path) {
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
