//! The store: entries that this machine's user made, found again by any of his
//! processes.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, FileTimes, Metadata, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use patinox_resources::Freed;
use patinox_telemetry::Clock;

use super::Artifact;
use super::contents::ArtifactFolder;
use super::entry::{self, BadEntry, EntryKey, EntryName, Header, MAX_FACTS_BYTES, TRAILER_BYTES};
use super::error::{StoreError, StorePlace};
use super::folder::{Folder, PERMISSIONS, Temporary};
use super::key;
use super::tag::TagKey;

/// What the store holds unless it is told otherwise.
const MAX_BYTES: u64 = 2 << 30;

/// How many files are remembered as checked, at most: then it is begun anew.
const MAX_CHECKED: usize = 1024;

/// Where the store lies, and how much it holds.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The folder of the entries. Made where it is missing; it must be ours
    /// and closed to others.
    pub folder: PathBuf,
    /// The file of the key, in some other folder. Made where it is missing.
    pub key_file: PathBuf,
    /// How many bytes all entries may have together.
    pub max_bytes: u64,
    /// What tells when an entry was used.
    pub clock: Clock,
    /// How code comes into memory.
    pub access: CodeAccess,
}

/// How code of the store comes into memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeAccess {
    /// Its file is mapped: what is not used is not read, and processes share it.
    #[default]
    Map,
    /// It is read, and what was read is checked each time and stays in memory. For a
    /// folder on a file system that may go away: a page of a mapped file that cannot be
    /// had ends the process.
    Read,
}

impl StoreConfig {
    /// A store of 2 GiB.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, key_file: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            key_file: key_file.into(),
            max_bytes: MAX_BYTES,
            clock: Clock::system(),
            access: CodeAccess::default(),
        }
    }
}

/// Keeps compiled code from one process to the next.
///
/// What it gives back is what was put in, made by this user with this key, for
/// the very same component, engine, machine and profile: every byte of an entry
/// is under a tag, which is checked once a file and process, through the
/// descriptor that is then mapped. A file that is not such an entry is set
/// aside, never loaded. Nobody else can change a file between the check and its
/// use: folder and files belong to us and are closed to others. Somebody with
/// our user id, or root, can do all that we can, and is outside the promise.
///
/// Several processes may use one folder at once. Cheap to clone.
///
/// ```
/// use patinox_sandbox::{ArtifactStore, StoreConfig};
///
/// # let temporary = tempfile::tempdir()?;
/// # let (cache, state) = (temporary.path().join("cache"), temporary.path().join("state"));
/// let config = StoreConfig::new(cache.join("artifacts"), state.join("artifact-key"));
/// let store = ArtifactStore::open(config)?;
/// assert!(store.folder().list()?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ArtifactStore(Arc<Inner>);

struct Inner {
    folder: ArtifactFolder,
    tag_key: TagKey,
    max_bytes: u64,
    access: CodeAccess,
    read_only: bool,
    checked: Mutex<HashMap<Identity, Stamp>>,
}

/// Device and inode.
type Identity = (u64, u64);

/// Length and time of the last write. Whoever can write a file without moving
/// these on has our user id.
type Stamp = (u64, i64, i64);

/// What the store has for a key.
#[derive(Debug)]
pub(crate) enum Found {
    /// What was put in.
    Hit { artifact: Artifact, facts: Vec<u8> },
    /// Nothing.
    Missing,
    /// A file that is no entry of ours; it is set aside.
    Bad { reason: BadEntry },
}

impl ArtifactStore {
    /// Opens the store, and makes its folder and its key where there are none.
    ///
    /// # Errors
    ///
    /// If the folder or the key is not what it must be, or cannot be made.
    /// Neither is ever replaced or given another owner or mode.
    pub fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let StoreConfig {
            folder,
            key_file,
            max_bytes,
            clock,
            access,
        } = config;
        if key_file.starts_with(&folder) {
            return Err(StoreError::KeyInside);
        }
        let folder = Folder::make(&folder, StorePlace::Folder)?;
        let key = key::read_or_make(&key_file, &folder)?;
        Ok(Self(Arc::new(Inner {
            folder: ArtifactFolder::of(folder, clock),
            tag_key: TagKey::new(&key),
            max_bytes,
            access,
            read_only: false,
            checked: Mutex::default(),
        })))
    }

    /// Its folder: to list and to clear it.
    #[must_use]
    pub fn folder(&self) -> &ArtifactFolder {
        &self.0.folder
    }

    /// Opens a store that `patinox precompile` filled, of which nothing is
    /// changed: no folder or key is made, nothing is written or set aside.
    ///
    /// # Errors
    ///
    /// If the folder or the key is missing, or not what it must be.
    pub fn open_read_only(
        folder: impl AsRef<Path>,
        key_file: impl AsRef<Path>,
    ) -> Result<Self, StoreError> {
        Self::open_read_only_as(StoreConfig::new(folder.as_ref(), key_file.as_ref()))
    }

    /// The same, of which more is said than where it lies.
    ///
    /// # Errors
    ///
    /// As [`open_read_only`](Self::open_read_only).
    pub fn open_read_only_as(config: StoreConfig) -> Result<Self, StoreError> {
        let StoreConfig {
            folder,
            key_file,
            max_bytes,
            clock,
            access,
        } = config;
        if key_file.starts_with(&folder) {
            return Err(StoreError::KeyInside);
        }
        let missing = || StoreError::io(StorePlace::Folder, "open")(io::ErrorKind::NotFound.into());
        let folder = Folder::open(&folder, StorePlace::Folder)?.ok_or_else(missing)?;
        let key = key::read_only(&key_file, &folder)?;
        Ok(Self(Arc::new(Inner {
            folder: ArtifactFolder::of(folder, clock),
            tag_key: TagKey::new(&key),
            max_bytes,
            access,
            read_only: true,
            checked: Mutex::default(),
        })))
    }

    /// What was found about a component in each of its entries, whatever engine
    /// they are for: of those that are whole and of this key.
    #[cfg(not(feature = "compile"))]
    pub(crate) fn entries_of(&self, digest: [u8; 32]) -> Vec<Vec<u8>> {
        let files = self.0.folder.entries_of(digest).into_iter();
        let found = files.filter_map(|key| {
            let file = self.files().read(&key.name().file()).ok()?;
            let (_, facts) = self.checked(&key, &file, &file.metadata().ok()?).ok()?;
            Some(facts)
        });
        found.collect()
    }

    /// Looks for an entry, and notes that it is used.
    ///
    /// It reads the whole of an entry that this process has not checked yet:
    /// call it on a thread that may block.
    pub(crate) fn get(&self, key: &EntryKey) -> Found {
        let name = key.name();
        let file = match self.files().read(&name.file()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Missing,
            Err(error) => return self.not_opened(&name, error),
        };
        let metadata = match file.metadata() {
            Ok(metadata) => metadata,
            Err(error) => return bad(error),
        };
        let found = self.checked(key, &file, &metadata);
        let found = found.and_then(|(header, facts)| {
            let code = match self.0.access {
                CodeAccess::Map => None,
                CodeAccess::Read => Some(self.read(&file, &header)?),
            };
            Ok((header, facts, code))
        });
        match found {
            Ok((header, facts, code)) => {
                // Where nothing can be written all entries stay as old as they are.
                if !self.0.read_only {
                    let _ = file.set_times(FileTimes::new().set_accessed(self.0.folder.now()));
                }
                Found::Hit {
                    artifact: match code {
                        Some(code) => Artifact::read(code),
                        None => Artifact::stored(file, header.code_bytes),
                    },
                    facts,
                }
            }
            Err(reason) => self.bad(&name, &metadata, reason),
        }
    }

    /// Keeps an entry, in place of one with the same key, and makes room for
    /// it.
    ///
    /// # Errors
    ///
    /// If it is too large, or cannot be written. Then nothing of it is kept.
    pub(crate) fn put(
        &self,
        key: &EntryKey,
        facts: &[u8],
        code: &[u8],
    ) -> Result<Artifact, StoreError> {
        if self.0.read_only {
            return Err(StoreError::ReadOnly);
        }
        let header = self.header(*key, facts, code)?;
        let name = key.name();
        let make_room = |bytes| self.0.folder.make_room(bytes, self.0.max_bytes, &name);
        make_room(header.file_bytes())?;
        let (artifact, metadata) = self
            .write(&name, &header, (facts, code))
            .map_err(StoreError::io(StorePlace::Folder, "write to"))?;
        self.remember(&metadata);
        // Others may have written meanwhile.
        make_room(header.file_bytes())?;
        Ok(artifact)
    }

    /// Whether nothing of it is changed.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.0.read_only
    }

    /// Removes half of what it has, by bytes.
    pub(crate) fn halve(&self) -> Result<Freed, StoreError> {
        self.0.folder.halve()
    }

    fn files(&self) -> &Folder {
        self.0.folder.folder()
    }

    /// A link, or a file that is closed to us too, is set aside; not a file
    /// that the system just had no descriptor for.
    fn not_opened(&self, name: &EntryName, error: io::Error) -> Found {
        let Ok(metadata) = self.files().look(&name.file()) else {
            return bad(error);
        };
        match self.check_file(&metadata) {
            Ok(_) => bad(error),
            Err(reason) => self.bad(name, &metadata, reason),
        }
    }

    fn bad(&self, name: &EntryName, metadata: &Metadata, reason: BadEntry) -> Found {
        // What cannot be read now may be good, and the next entry replaces it.
        if !self.0.read_only && !matches!(reason, BadEntry::Io(_)) {
            self.0.folder.set_aside(name, metadata);
        }
        Found::Bad { reason }
    }

    /// The header and the facts of a file that is the entry of this key.
    fn checked(
        &self,
        key: &EntryKey,
        file: &File,
        metadata: &Metadata,
    ) -> Result<(Header, Vec<u8>), BadEntry> {
        let bytes = self.check_file(metadata)?;
        let mut trailer = [0; TRAILER_BYTES];
        file.read_exact_at(&mut trailer, bytes.saturating_sub(TRAILER_BYTES as u64))?;
        let (header, tag) = Header::decode(&trailer, bytes)?;
        if header.key != *key {
            return Err(BadEntry::OtherKey);
        }
        if !self.is_remembered(metadata) {
            let read = |bytes: &mut [u8], at| file.read_exact_at(bytes, at);
            let (header, body_bytes) = (header.encode(), header.body_bytes());
            if self.0.tag_key.tag(&header, body_bytes, read)? != tag {
                return Err(BadEntry::Tag);
            }
            self.remember(metadata);
        }
        let mut facts = vec![0; usize::try_from(header.facts_bytes).unwrap_or_default()];
        file.read_exact_at(&mut facts, header.code_bytes)?;
        Ok((header, facts))
    }

    /// The code of an entry, of which what was read is checked and not the file: on
    /// some file systems it may say another thing the next time.
    fn read(&self, file: &File, header: &Header) -> Result<Vec<u8>, BadEntry> {
        let mut body = vec![0; usize::try_from(header.body_bytes()).unwrap_or_default()];
        file.read_exact_at(&mut body, 0)?;
        let mut trailer = [0; TRAILER_BYTES];
        file.read_exact_at(&mut trailer, header.body_bytes())?;
        let (_, tag) = Header::decode(&trailer, header.file_bytes())?;
        let copy = |bytes: &mut [u8], at: u64| {
            let at = usize::try_from(at).map_err(io::Error::other)?;
            let from = body.get(at..).and_then(|rest| rest.get(..bytes.len()));
            bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        };
        let found = self
            .0
            .tag_key
            .tag(&header.encode(), header.body_bytes(), copy)?;
        if found != tag {
            return Err(BadEntry::Tag);
        }
        body.truncate(usize::try_from(header.code_bytes).unwrap_or_default());
        Ok(body)
    }

    /// What can be said of a file before it is read: how long it is.
    fn check_file(&self, metadata: &Metadata) -> Result<u64, BadEntry> {
        if !metadata.is_file() {
            return Err(BadEntry::NotAFile);
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(BadEntry::NotOurs(metadata.uid()));
        }
        // None where another process has just put its own in its place.
        if 1 < metadata.nlink() {
            return Err(BadEntry::Linked(metadata.nlink()));
        }
        let mode = metadata.mode() & PERMISSIONS;
        if mode != 0o400 {
            return Err(BadEntry::Mode(mode));
        }
        let bytes = metadata.len();
        match (TRAILER_BYTES as u64..=self.0.max_bytes).contains(&bytes) {
            true => Ok(bytes),
            false => Err(BadEntry::Size(bytes)),
        }
    }

    fn header(&self, key: EntryKey, facts: &[u8], code: &[u8]) -> Result<Header, StoreError> {
        let header = Header {
            key,
            code_bytes: length(code),
            facts_bytes: length(facts),
        };
        let pieces = [
            (header.facts_bytes, MAX_FACTS_BYTES),
            (header.file_bytes(), self.0.max_bytes),
        ];
        match pieces.into_iter().find(|(bytes, allowed)| allowed < bytes) {
            Some((bytes, allowed)) => Err(StoreError::TooLarge { bytes, allowed }),
            None => Ok(header),
        }
    }

    /// Writes an entry, whole before it has its name.
    fn write(
        &self,
        name: &EntryName,
        header: &Header,
        (facts, code): (&[u8], &[u8]),
    ) -> io::Result<(Artifact, Metadata)> {
        let encoded = header.encode();
        let read = |bytes: &mut [u8], at| read_pieces(code, facts, bytes, at);
        let tag = self.0.tag_key.tag(&encoded, header.body_bytes(), read)?;
        let mut temporary = Temporary::create(self.files(), entry::temporary_name()?)?;
        let file = &mut temporary.file;
        for piece in [code, facts, &encoded, tag.as_bytes()] {
            file.write_all(piece)?;
        }
        file.set_permissions(Permissions::from_mode(0o400))?;
        let now = self.0.folder.now();
        file.set_times(FileTimes::new().set_accessed(now))?;
        file.sync_all()?;
        // What is mapped is a descriptor that cannot write, of the same file.
        let opened = self.files().read(&temporary.name)?;
        let (written, metadata) = (file.metadata()?, opened.metadata()?);
        if identity(&written) != identity(&metadata) {
            return Err(io::Error::other("another file has its name"));
        }
        self.files().rename(&temporary.name, &name.file())?;
        self.files().sync()?;
        let artifact = match self.0.access {
            CodeAccess::Map => Artifact::stored(opened, header.code_bytes),
            CodeAccess::Read => Artifact::read(code.to_vec()),
        };
        Ok((artifact, metadata))
    }

    fn is_remembered(&self, metadata: &Metadata) -> bool {
        let checked = self.0.checked.lock();
        let checked = checked.unwrap_or_else(PoisonError::into_inner);
        checked.get(&identity(metadata)) == Some(&stamp(metadata))
    }

    fn remember(&self, metadata: &Metadata) {
        let checked = self.0.checked.lock();
        let mut checked = checked.unwrap_or_else(PoisonError::into_inner);
        if MAX_CHECKED <= checked.len() {
            checked.clear();
        }
        checked.insert(identity(metadata), stamp(metadata));
    }
}

impl fmt::Debug for ArtifactStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is nobody's business.
        f.debug_struct("ArtifactStore").finish_non_exhaustive()
    }
}

fn bad(error: io::Error) -> Found {
    let reason = BadEntry::Io(error);
    Found::Bad { reason }
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Fills bytes from two pieces, as if the one followed the other.
fn read_pieces(first: &[u8], second: &[u8], bytes: &mut [u8], at: u64) -> io::Result<()> {
    let at = usize::try_from(at).map_err(io::Error::other)?;
    let rest = first.get(at..).unwrap_or_default();
    let skipped = at.saturating_sub(first.len());
    let second = second.get(skipped..).unwrap_or_default();
    rest.chain(second).read_exact(bytes)
}
