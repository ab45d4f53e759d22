//! Room on the disks that are written to.

use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use super::{Detector, Figure, Hundredths, Origin};

/// The room where a folder lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderSpace {
    /// The folder that was asked for.
    pub folder: PathBuf,
    /// What the file system has, in bytes.
    pub bytes_total: Figure<u64>,
    /// What of it is in use, in bytes. With what is available that is less than
    /// the total where some is kept for root.
    pub bytes_used: Figure<u64>,
    /// What of it a user without privileges may still write, in bytes.
    pub bytes_available: Figure<u64>,
    /// How many more files it takes; absent where it has no such bound.
    pub files_available: Option<Figure<u64>>,
}

impl FolderSpace {
    /// How much of it is in use, of what this user can use at all, in percent: as
    /// `df` counts it. `None` where there is nothing.
    #[must_use]
    pub fn percent_used(&self) -> Option<Figure<Hundredths>> {
        let used = &self.bytes_used;
        let usable = used.value.saturating_add(self.bytes_available.value);
        (0 < usable).then(|| used.with(Hundredths::percent(used.value, usable)))
    }
}

impl Detector {
    /// Reads how much room there is where a folder lies. One that is not there
    /// yet is told by the nearest folder above it.
    ///
    /// A file system that no longer answers, such as a network's, holds up
    /// whoever asks: ask on a thread that may block. The root of fixtures plays
    /// no part: a file system is asked by a call.
    #[must_use]
    pub fn folder(&self, folder: impl AsRef<Path>) -> Option<FolderSpace> {
        let folder = folder.as_ref();
        let found = folder.ancestors().find_map(|place| statvfs(place).ok())?;
        let figure = |value| Figure {
            value,
            origin: Origin::Call("statvfs"),
        };
        let blocks_used = found.f_blocks.saturating_sub(found.f_bfree);
        Some(FolderSpace {
            folder: folder.to_owned(),
            bytes_total: figure(found.f_blocks.checked_mul(found.f_frsize)?),
            bytes_used: figure(blocks_used.checked_mul(found.f_frsize)?),
            bytes_available: figure(found.f_bavail.checked_mul(found.f_frsize)?),
            files_available: (0 < found.f_files).then(|| figure(found.f_favail)),
        })
    }
}
