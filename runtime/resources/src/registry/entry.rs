//! What is known of one resource.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::shard::{GENERATION_BITS, GENERATION_MASK, INDEX_BITS};
use crate::text;

/// A longer name is cut: it may come from a request, and every entry shares it.
const MAX_OWNER_BYTES: usize = 128;

/// What kind of resource it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A live instance of a component.
    Instance,
    /// A pooled value that is lent.
    Lease,
    /// A connection.
    Connection,
    /// A temporary folder.
    Folder,
    /// A child process.
    Process,
    /// A background task.
    Task,
    /// A mapped artifact.
    Artifact,
}

impl Kind {
    /// All kinds, in order.
    pub const ALL: [Self; 7] = [
        Self::Instance,
        Self::Lease,
        Self::Connection,
        Self::Folder,
        Self::Process,
        Self::Task,
        Self::Artifact,
    ];

    /// The kind as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Lease => "lease",
            Self::Connection => "connection",
            Self::Folder => "folder",
            Self::Process => "process",
            Self::Task => "task",
            Self::Artifact => "artifact",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It is used.
    Active,
    /// It waits to be used.
    Idle,
    /// Its guard is gone, and its clean-up waits for its turn.
    Waiting,
    /// It is being cleaned up.
    Cleaning,
    /// Its clean-up failed: it may be there still.
    Failed,
}

impl State {
    /// The state as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Cleaning => "cleaning",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who holds a resource: a short name, which clones share, or nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(Option<Arc<str>>);

impl Owner {
    /// Nobody: the process itself.
    pub const NONE: Self = Self(None);

    /// An owner of this name, cut where it is longer than 128 bytes.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Some(Arc::from(text::head(name, MAX_OWNER_BYTES))))
    }

    /// The name. `None` for nobody.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("nobody"))
    }
}

/// The number of an entry. No other entry of its registry ever has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(u64);

impl EntryId {
    /// Generations begin at 1, so this never names an entry.
    pub(super) const NONE: Self = Self(0);

    /// From the highest bit: shard, index in it, generation of the slot.
    pub(super) fn new(shard: usize, index: u32, generation: u32) -> Self {
        let shard = u64::try_from(shard).unwrap_or(0);
        let place = (shard << INDEX_BITS) | u64::from(index);
        Self((place << GENERATION_BITS) | u64::from(generation))
    }

    pub(super) fn shard(self) -> usize {
        usize::try_from(self.0 >> (INDEX_BITS + GENERATION_BITS)).unwrap_or(0)
    }

    pub(super) fn index(self) -> usize {
        let index = (self.0 >> GENERATION_BITS) & u64::from(u32::MAX);
        usize::try_from(index).unwrap_or(usize::MAX)
    }

    pub(super) fn generation(self) -> u32 {
        u32::try_from(self.0 & u64::from(GENERATION_MASK)).unwrap_or(0)
    }

    /// The plain number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl From<u64> for EntryId {
    /// Any number will do: it names an entry, or none.
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryId({self})")
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What was known of a resource at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: EntryId,
    /// What it is.
    pub kind: Kind,
    /// Who holds it.
    pub owner: Owner,
    /// What happens to it.
    pub state: State,
    /// How much it takes up, in bytes.
    pub size_bytes: u64,
    /// How long it has been there.
    pub age: Duration,
    /// How long it has been in this state.
    pub in_state: Duration,
    /// How long it has not been touched. A change of its state touches it.
    pub untouched: Duration,
}

/// How many entries there are of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub entries: usize,
    /// How much they take up together, in bytes; at most `u64::MAX`.
    pub size_bytes: u64,
}

/// How many entries there are, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryCounts([Tally; Kind::ALL.len()]);

impl EntryCounts {
    /// Of one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Count {
        let mut counts = *self;
        counts.tally(kind).view()
    }

    /// Of all kinds.
    #[must_use]
    pub fn total(&self) -> Count {
        let mut total = Tally::default();
        for tally in &self.0 {
            total.add(tally);
        }
        total.view()
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.add(theirs);
        }
    }

    pub(super) fn tally(&mut self, kind: Kind) -> &mut Tally {
        let Self([instance, lease, connection, folder, process, task, artifact]) = self;
        match kind {
            Kind::Instance => instance,
            Kind::Lease => lease,
            Kind::Connection => connection,
            Kind::Folder => folder,
            Kind::Process => process,
            Kind::Task => task,
            Kind::Artifact => artifact,
        }
    }
}

/// It is exact: sizes of 64 bits, fewer than 2^64 of them, cannot overflow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    entries: usize,
    size_bytes: u128,
}

impl Tally {
    pub(super) fn come(&mut self, size_bytes: u64) {
        self.entries = self.entries.saturating_add(1);
        self.size_bytes = self.size_bytes.saturating_add(u128::from(size_bytes));
    }

    pub(super) fn go(&mut self, size_bytes: u64) {
        self.entries = self.entries.saturating_sub(1);
        self.size_bytes = self.size_bytes.saturating_sub(u128::from(size_bytes));
    }

    fn add(&mut self, other: &Self) {
        self.entries = self.entries.saturating_add(other.entries);
        self.size_bytes = self.size_bytes.saturating_add(other.size_bytes);
    }

    fn view(&self) -> Count {
        Count {
            entries: self.entries,
            size_bytes: u64::try_from(self.size_bytes).unwrap_or(u64::MAX),
        }
    }
}
