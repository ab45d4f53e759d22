//! What lies in the folder of the store: listed, cleared, kept within bounds.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use patinox_resources::Freed;
use patinox_telemetry::Clock;

#[cfg(not(feature = "compile"))]
use super::entry::EntryKey;
use super::entry::{EntryName, Header, Kind, TRAILER_BYTES};
use super::error::{StoreError, StorePlace};
use super::folder::Folder;
use crate::engine::Profile;

/// What is set aside is kept for who wants to look at it, but not without end.
const MAX_SET_ASIDE: usize = 8;

/// Nobody writes an entry for longer than this: who began it is gone.
const STALE_AFTER: Duration = Duration::from_secs(60 * 60);

/// The folder of an [`ArtifactStore`](crate::ArtifactStore): what can be done
/// with it without the key.
///
/// Several processes may use it at once. Only what has a name as the store
/// gives it is ever listed or removed; links are never followed.
///
/// Cheap to clone.
///
/// ```
/// use patinox_sandbox::ArtifactFolder;
/// use patinox_telemetry::Clock;
///
/// let absent = std::path::Path::new("no-such-folder");
/// assert!(ArtifactFolder::open(absent, Clock::system())?.is_none());
/// # Ok::<(), patinox_sandbox::StoreError>(())
/// ```
#[derive(Clone)]
pub struct ArtifactFolder(Arc<Inner>);

struct Inner {
    folder: Folder,
    clock: Clock,
}

/// An entry of the store, by what it says of itself. Nothing is proved before
/// it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryInfo {
    /// The digest of the component: `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// What it is compiled for.
    pub profile: Profile,
    /// How many bytes it takes.
    pub bytes: u64,
    /// When it was made or last used.
    pub used: SystemTime,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleared {
    /// How many entries, those set aside among them.
    pub entries: u64,
    /// How many bytes, with what interrupted writers had left.
    pub bytes: u64,
}

/// A file of ours.
struct Item {
    name: String,
    kind: Kind,
    metadata: Metadata,
}

impl ArtifactFolder {
    /// Opens the folder; `None` where there is none yet.
    ///
    /// # Errors
    ///
    /// If it is no folder, or not ours alone.
    pub fn open(path: &Path, clock: Clock) -> Result<Option<Self>, StoreError> {
        let folder = Folder::open(path, StorePlace::Folder)?;
        Ok(folder.map(|folder| Self::of(folder, clock)))
    }

    pub(super) fn of(folder: Folder, clock: Clock) -> Self {
        Self(Arc::new(Inner { folder, clock }))
    }

    /// Where it was when it was opened, from the root on.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.folder.path()
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.0.folder
    }

    pub(super) fn now(&self) -> SystemTime {
        self.0.clock.wall()
    }

    /// The entries, the last used first. What cannot be read as one is left
    /// out.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn list(&self) -> Result<Vec<EntryInfo>, StoreError> {
        let items = self.items()?.into_iter();
        let entries = items.filter(|item| item.kind == Kind::Entry);
        let mut entries: Vec<_> = entries.filter_map(|item| self.info(&item)).collect();
        entries.sort_by(|one, other| {
            let by_use = other.used.cmp(&one.used);
            by_use.then_with(|| one.digest.cmp(&other.digest))
        });
        Ok(entries)
    }

    /// The keys of the entries of a component, by what they say of themselves.
    #[cfg(not(feature = "compile"))]
    pub(super) fn entries_of(&self, digest: [u8; 32]) -> Vec<EntryKey> {
        let items = self.items().unwrap_or_default().into_iter();
        let entries = items.filter(|item| item.kind == Kind::Entry);
        let headers = entries.filter_map(|item| self.header(&item).ok()?);
        let keys = headers.map(|header| header.key);
        keys.filter(|key| key.digest == digest).collect()
    }

    /// Removes the entries, what was set aside, and what interrupted writers
    /// left. A call that runs is not disturbed.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read, or something of it cannot be removed;
    /// the rest is removed all the same.
    pub fn clear(&self) -> Result<Cleared, StoreError> {
        let mut cleared = Cleared::default();
        let mut failed = None;
        for item in self.items()? {
            if item.kind == Kind::Temporary && !self.is_stale(&item) {
                continue;
            }
            match self.folder().remove(&item.name) {
                Ok(()) => {
                    cleared.entries += u64::from(item.kind != Kind::Temporary);
                    cleared.bytes = cleared.bytes.saturating_add(item.metadata.len());
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) => Err(StoreError::io(StorePlace::Folder, "empty")(error)),
            None => Ok(cleared),
        }
    }

    /// Removes what nobody needs, and then what has not been used for longest,
    /// until there is room for one entry of this many bytes. That entry itself,
    /// where it is there already, stays.
    ///
    /// What cannot be removed is another's trouble: nothing depends on it here.
    pub(super) fn make_room(
        &self,
        bytes: u64,
        max_bytes: u64,
        entry: &EntryName,
    ) -> Result<(), StoreError> {
        let mut items = self.items()?;
        items.retain(|item| item.name != entry.file());
        self.keep_at_most(items, |_| max_bytes.saturating_sub(bytes));
        Ok(())
    }

    /// Removes what nobody needs, and then what has not been used for longest,
    /// until half of the bytes are gone.
    pub(super) fn halve(&self) -> Result<Freed, StoreError> {
        Ok(self.keep_at_most(self.items()?, |total| total / 2))
    }

    /// Removes of these items what nobody needs, and then what has not been used
    /// for longest, until no more bytes are left than may be.
    fn keep_at_most(&self, items: Vec<Item>, most: impl FnOnce(u64) -> u64) -> Freed {
        let (stale, mut items): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| item.kind == Kind::Temporary && self.is_stale(item));
        let mut freed = Freed::default();
        let mut remove = |item: &Item| {
            let bytes = item.metadata.len();
            let is_gone = self.folder().remove(&item.name).is_ok();
            freed.attempted += 1;
            if is_gone {
                freed.count += 1;
                freed.bytes = freed.bytes.saturating_add(bytes);
            }
            if is_gone { bytes } else { 0 }
        };
        for item in &stale {
            remove(item);
        }
        // What is being written counts, but is another's.
        let sizes = items.iter().map(|item| item.metadata.len());
        let mut total = sizes.fold(0, u64::saturating_add);
        let most = most(total);
        items.retain(|item| item.kind != Kind::Temporary);
        items.sort_by_key(|item| (item.kind == Kind::Entry, item.used()));
        for item in &items {
            if total <= most {
                break;
            }
            total = total.saturating_sub(remove(item));
        }
        freed
    }

    /// Takes a bad entry out of the way, if the file that was looked at still
    /// has the name: another process may have made a good one by now.
    pub(super) fn set_aside(&self, name: &EntryName, bad: &Metadata) {
        let file = name.file();
        let there = self.folder().look(&file);
        if !there.is_ok_and(|there| (there.dev(), there.ino()) == (bad.dev(), bad.ino())) {
            return;
        }
        if self.folder().rename(&file, &name.set_aside()).is_err() {
            // Then it must go: to be met again is all that it is good for.
            let _ = self.folder().remove(&file);
        }
        self.bound_set_aside();
    }

    fn bound_set_aside(&self) {
        let Ok(mut items) = self.items() else {
            return;
        };
        items.retain(|item| item.kind == Kind::Bad);
        // Being set aside is the last change to it.
        items.sort_by_key(|item| (item.metadata.ctime(), item.metadata.ctime_nsec()));
        let excess = items.len().saturating_sub(MAX_SET_ASIDE);
        for item in items.iter().take(excess) {
            let _ = self.folder().remove(&item.name);
        }
    }

    /// What is ours by its name and no folder.
    fn items(&self) -> Result<Vec<Item>, StoreError> {
        let names = self.folder().names();
        let names = names.map_err(StoreError::io(StorePlace::Folder, "read"))?;
        let items = names.into_iter().filter_map(|name| {
            let kind = Kind::of(&name)?;
            // Another process may have removed it.
            let metadata = self.folder().look(&name).ok()?;
            (!metadata.is_dir()).then_some(Item {
                name,
                kind,
                metadata,
            })
        });
        Ok(items.collect())
    }

    fn info(&self, item: &Item) -> Option<EntryInfo> {
        if !item.metadata.is_file() {
            return None;
        }
        let header = self.header(item).ok()??;
        Some(EntryInfo {
            digest: header.key.digest_text(),
            profile: header.key.profile,
            bytes: item.metadata.len(),
            used: item.used(),
        })
    }

    fn header(&self, item: &Item) -> io::Result<Option<Header>> {
        let file = self.folder().read(&item.name)?;
        let bytes = item.metadata.len();
        let mut trailer = [0; TRAILER_BYTES];
        file.read_exact_at(&mut trailer, bytes.saturating_sub(TRAILER_BYTES as u64))?;
        let header = Header::decode(&trailer, bytes).ok();
        Ok(header.map(|(header, _)| header))
    }

    fn is_stale(&self, item: &Item) -> bool {
        let written = item.metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let age = self.now().duration_since(written);
        age.is_ok_and(|age| STALE_AFTER < age)
    }
}

impl Item {
    /// When it was last used. The store notes that itself, as the time of the
    /// last access: the system does so only now and then, and the time of the
    /// last change tells whether it has to be checked again.
    fn used(&self) -> SystemTime {
        self.metadata.accessed().unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

impl fmt::Debug for ArtifactFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArtifactFolder").finish_non_exhaustive()
    }
}
