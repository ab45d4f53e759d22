//! A part of the registry: slots behind one lock, and a list of the free ones.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::entry::{Entry, EntryCounts, EntryId, Kind, Owner, State};

/// Threads take turns with them, so that few meet at one lock.
pub(super) const SHARDS: usize = 16;

/// An id is 4 bits of shard, 32 of index, 28 of generation.
pub(super) const INDEX_BITS: u32 = 32;
pub(super) const GENERATION_BITS: u32 = 28;

/// Also the last generation. Its slot is used no more: 64 bytes in 268 million
/// entries, so that no id ever comes again.
pub(super) const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

/// How many slots are copied before others may have the lock.
const SLOTS_AT_ONCE: usize = 1024;

/// The alignment keeps two locks out of one cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Shard(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    slots: Vec<Slot>,
    /// The free slot that was used last.
    free: Option<u32>,
    counts: EntryCounts,
    /// How many there ever were, without bytes.
    made: EntryCounts,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Held(Record),
    /// And the next that is free.
    Free(Option<u32>),
    /// All of its generations have been.
    Retired,
}

/// What is kept of a resource. The times are counted from when the registry was
/// made, in nanoseconds, which lasts for 584 years.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) owner: Owner,
    made: u64,
    entered: u64,
    touched: u64,
    size_bytes: u64,
    pub(crate) kind: Kind,
    pub(crate) state: State,
}

impl Record {
    pub(super) fn new(kind: Kind, owner: Owner, size_bytes: u64, now: Duration) -> Self {
        let now = nanos(now);
        Self {
            owner,
            made: now,
            entered: now,
            touched: now,
            size_bytes,
            kind,
            state: State::Active,
        }
    }

    pub(super) fn touch(&mut self, now: Duration) {
        self.touched = nanos(now);
    }

    pub(super) fn enter(&mut self, state: State, now: Duration) {
        let now = nanos(now);
        self.touched = now;
        if self.state != state {
            self.state = state;
            self.entered = now;
        }
    }

    pub(super) fn view(&self, id: EntryId, now: Duration) -> Entry {
        let now = nanos(now);
        let since = |then: u64| Duration::from_nanos(now.saturating_sub(then));
        Entry {
            id,
            kind: self.kind,
            owner: self.owner.clone(),
            state: self.state,
            size_bytes: self.size_bytes,
            age: since(self.made),
            in_state: since(self.entered),
            untouched: since(self.touched),
        }
    }
}

impl Shard {
    /// The id of the new entry, [`EntryId::NONE`] where no more fit.
    pub(super) fn insert(&self, shard: usize, record: Record) -> EntryId {
        self.lock()
            .insert(record)
            .map_or(EntryId::NONE, |(index, generation)| {
                EntryId::new(shard, index, generation)
            })
    }

    pub(super) fn remove(&self, id: EntryId) -> Option<Record> {
        self.lock().remove(id)
    }

    pub(super) fn read<R>(&self, id: EntryId, look: impl FnOnce(&Record) -> R) -> Option<R> {
        self.lock().held(id).map(|record| look(record))
    }

    pub(super) fn update(&self, id: EntryId, change: impl FnOnce(&mut Record)) {
        let mut slots = self.lock();
        let Some(record) = slots.held(id) else { return };
        let before = record.size_bytes;
        change(record);
        let (kind, after) = (record.kind, record.size_bytes);
        slots.resized(kind, before, after);
    }

    /// Looks at all entries. Others have their turn every now and then.
    pub(super) fn each(&self, shard: usize, mut look: impl FnMut(EntryId, &Record)) {
        let mut from = 0;
        loop {
            let slots = self.lock();
            let some = slots.slots.iter().enumerate().skip(from);
            for (index, slot) in some.take(SLOTS_AT_ONCE) {
                let Ok(index) = u32::try_from(index) else {
                    continue;
                };
                if let Content::Held(record) = &slot.content {
                    look(EntryId::new(shard, index, slot.generation), record);
                }
            }
            from = from.saturating_add(SLOTS_AT_ONCE);
            if slots.slots.len() <= from {
                return;
            }
        }
    }

    pub(super) fn add_to(&self, counts: &mut EntryCounts) {
        counts.add(&self.lock().counts);
    }

    pub(super) fn add_made_to(&self, counts: &mut EntryCounts) {
        counts.add(&self.lock().made);
    }

    pub(super) fn slots(&self) -> usize {
        self.lock().slots.capacity()
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // No foreign code runs under the lock: what it guards is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn insert(&mut self, record: Record) -> Option<(u32, u32)> {
        let (kind, size_bytes) = (record.kind, record.size_bytes);
        let place = match self.free {
            Some(index) => self.fill(index, record),
            None => self.push(record),
        }?;
        self.counts.tally(kind).come(size_bytes);
        self.made.tally(kind).come(0);
        Some(place)
    }

    fn fill(&mut self, index: u32, record: Record) -> Option<(u32, u32)> {
        let slot = self.slots.get_mut(usize::try_from(index).ok()?)?;
        if let Content::Free(next) = slot.content {
            self.free = next;
        }
        slot.content = Content::Held(record);
        Some((index, slot.generation))
    }

    fn push(&mut self, record: Record) -> Option<(u32, u32)> {
        let index = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(Slot {
            generation: 1,
            content: Content::Held(record),
        });
        Some((index, 1))
    }

    fn remove(&mut self, id: EntryId) -> Option<Record> {
        self.held(id)?;
        let slot = self.slots.get_mut(id.index())?;
        let left = if slot.generation < GENERATION_MASK {
            slot.generation += 1;
            Content::Free(self.free.replace(u32::try_from(id.index()).ok()?))
        } else {
            Content::Retired
        };
        let Content::Held(record) = mem::replace(&mut slot.content, left) else {
            return None;
        };
        self.counts.tally(record.kind).go(record.size_bytes);
        Some(record)
    }

    fn held(&mut self, id: EntryId) -> Option<&mut Record> {
        let slot = self.slots.get_mut(id.index())?;
        match &mut slot.content {
            Content::Held(record) if slot.generation == id.generation() => Some(record),
            Content::Held(_) | Content::Free(_) | Content::Retired => None,
        }
    }

    fn resized(&mut self, kind: Kind, before: u64, after: u64) {
        let tally = self.counts.tally(kind);
        tally.go(before);
        tally.come(after);
    }
}

impl Record {
    pub(super) fn resize(&mut self, size_bytes: u64) {
        self.size_bytes = size_bytes;
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
