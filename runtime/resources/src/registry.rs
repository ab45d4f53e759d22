//! Who holds what: every managed resource of this process has an entry here.
//!
//! **Promised.** An entry lives exactly as long as its [`Registered`]. An id that
//! has gone never names another entry. What a registry takes up follows the most
//! entries that it held at one time, never how many came and went. Whatever
//! another thread does, no call waits longer than a few short critical sections,
//! and no code of a user runs in one.

mod entry;
mod registered;
mod shard;

use std::array;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

pub use self::entry::{Count, Entry, EntryCounts, EntryId, Kind, Owner, State};
pub use self::registered::Registered;

use self::shard::{Record, SHARDS, Shard};
use crate::guard::{CleanupFailure, FailureCounts, Failures, HandOver, Listening, OnFailure};

/// Keeps an entry for every managed resource. Clones are cheap and share all of it.
///
/// It also knows the clean-ups of its [`AsyncGuard`](crate::AsyncGuard)s: those
/// that wait, and those that failed.
///
/// ```
/// use patinox_resources::{Kind, Owner, Registry};
///
/// let registry = Registry::new();
/// let owner = Owner::new("call 7");
/// let folder = registry.register(Kind::Folder, owner.clone(), 4096);
/// folder.set_size_bytes(8192);
///
/// let entries = registry.of(Kind::Folder);
/// assert_eq!(entries[0].owner, owner);
/// assert_eq!(entries[0].size_bytes, 8192);
///
/// drop(folder);
/// assert_eq!(registry.counts().total().entries, 0);
/// ```
#[doc(alias = "ResourceRegistry")]
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    shards: [Shard; SHARDS],
    made: Instant,
    hand_over: HandOver,
    failures: Failures,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            shards: array::from_fn(|_| Shard::default()),
            made: Instant::now(),
            hand_over: HandOver::default(),
            failures: Failures::default(),
        }))
    }

    /// Makes an entry, which is [`Active`](State::Active), and lives until what
    /// is returned is dropped.
    ///
    /// A thread makes all of its entries in one of 16 parts, each behind a lock of
    /// its own. A part has room for 2^32 entries, which is more than fit into
    /// memory; there would be no entry for one more.
    #[must_use = "the entry is gone as soon as this is dropped"]
    pub fn register(&self, kind: Kind, owner: Owner, size_bytes: u64) -> Registered {
        self.register_since(kind, owner, size_bytes, Instant::now())
    }

    /// As [`register`](Self::register), for what began at a moment that is known
    /// already: its age counts from then on.
    #[must_use = "the entry is gone as soon as this is dropped"]
    pub fn register_since(
        &self,
        kind: Kind,
        owner: Owner,
        size_bytes: u64,
        began: Instant,
    ) -> Registered {
        let began = began.saturating_duration_since(self.0.made);
        let record = Record::new(kind, owner, size_bytes, began);
        let home = home();
        let id = self.shard(home).insert(home, record);
        Registered::new(self.clone(), id, kind)
    }

    /// The entry of this id. `None` once it is gone.
    #[must_use]
    pub fn entry(&self, id: EntryId) -> Option<Entry> {
        let now = self.now();
        self.shard(id.shard())
            .read(id, |record| record.view(id, now))
    }

    /// All entries, in no order.
    ///
    /// Entries that come, change or go meanwhile may be seen or not.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.entries_that(|_| true)
    }

    /// All entries of a kind, in no order.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Vec<Entry> {
        self.entries_that(|record| record.kind == kind)
    }

    pub(crate) fn entries_that(&self, is_asked_for: impl Fn(&Record) -> bool) -> Vec<Entry> {
        let now = self.now();
        let mut found = Vec::new();
        for (number, shard) in (0..).zip(&self.0.shards) {
            shard.each(number, |id, record| {
                if is_asked_for(record) {
                    found.push(record.view(id, now));
                }
            });
        }
        found
    }

    /// How many entries there are of each kind, and their bytes. It does not walk
    /// through the entries.
    #[must_use]
    pub fn counts(&self) -> EntryCounts {
        let mut counts = EntryCounts::default();
        for shard in &self.0.shards {
            shard.add_to(&mut counts);
        }
        counts
    }

    /// How many entries were ever made of each kind, without bytes.
    #[must_use]
    pub fn made(&self) -> EntryCounts {
        let mut counts = EntryCounts::default();
        for shard in &self.0.shards {
            shard.add_made_to(&mut counts);
        }
        counts
    }

    /// How many entries there is room for without asking for memory.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.0.shards.iter().map(Shard::slots).sum()
    }

    /// The clean-ups that failed, the last 64, the oldest first.
    ///
    /// While a failure is kept here, the entry of what may not have been cleaned
    /// up stays too, as [`Failed`](State::Failed).
    #[must_use]
    pub fn failures(&self) -> Vec<CleanupFailure> {
        self.0.failures.kept()
    }

    /// Forgets the failures that are kept, and with them their entries.
    pub fn forget_failures(&self) {
        for id in self.0.failures.forget() {
            self.remove(id);
        }
    }

    /// Tells somebody of every clean-up that fails, until what is returned is
    /// dropped. There may be several who are told.
    pub fn listen(&self, listener: impl OnFailure + 'static) -> Listening {
        Listening::begin(self, Arc::new(listener))
    }

    pub(crate) fn failures_of(&self) -> &Failures {
        &self.0.failures
    }

    /// How many clean-ups failed in all, by reason.
    #[must_use]
    pub fn failure_counts(&self) -> FailureCounts {
        self.0.failures.counts()
    }

    /// How many clean-ups have been handed over or begun, and not ended.
    #[must_use]
    pub fn cleanups_pending(&self) -> usize {
        self.0.hand_over.pending()
    }

    /// Waits until no clean-up waits or is under way.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    pub async fn settled(&self) {
        self.0.hand_over.settled().await;
    }

    pub(crate) fn hand_over(&self) -> &HandOver {
        &self.0.hand_over
    }

    /// Keeps a failure and the entry of this id, and tells of it.
    pub(crate) fn failed(&self, id: EntryId, failure: &CleanupFailure) {
        if let Some(oldest) = self.0.failures.keep(id, failure.clone()) {
            self.remove(oldest);
        }
        self.0.failures.tell(failure);
    }

    fn remove(&self, id: EntryId) {
        // Its owner is dropped after the lock is.
        drop(self.shard(id.shard()).remove(id));
    }

    /// Asks no clock: it may be called for each growth.
    fn resize(&self, id: EntryId, size_bytes: u64) {
        let shard = self.shard(id.shard());
        shard.update(id, |record| record.resize(size_bytes));
    }

    fn update(&self, id: EntryId, change: impl FnOnce(&mut Record, Duration)) {
        let now = self.now();
        self.shard(id.shard())
            .update(id, |record| change(record, now));
    }

    /// The time since the registry was made.
    fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.0.made)
    }

    fn shard(&self, number: usize) -> &Shard {
        let [first, ..] = &self.0.shards;
        self.0.shards.get(number).unwrap_or(first)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("total", &self.counts().total())
            .field("cleanups_pending", &self.cleanups_pending())
            .field("failures", &self.failure_counts())
            .finish()
    }
}

/// The shard in which this thread makes its entries.
fn home() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static HOME: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    // Not there while the thread ends.
    HOME.try_with(|home| *home).unwrap_or(0)
}

#[cfg(test)]
mod tests;
