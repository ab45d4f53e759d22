//! Who has what: all that is decided under the lock. Nothing here runs code of
//! anybody else; what has to be dropped is handed out for that.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Maker, PoolConfig, PoolError, Reuse, Turn};

/// A value and its life so far.
pub(crate) struct Entry<V> {
    pub(crate) value: V,
    /// Those made before have smaller ones.
    serial: u64,
    made: Instant,
    /// Since when it is idle.
    since: Instant,
    pub(crate) uses: u32,
}

/// How many values and waiters a pool has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// How many values there may be.
    pub size: usize,
    /// Those that nobody uses.
    pub idle: usize,
    /// Those that are out.
    pub leased: usize,
    /// Those that are being made.
    pub making: usize,
    /// Those who wait for one.
    pub waiting: usize,
}

/// What has happened in a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolTotals {
    /// Values that were made.
    pub made: u64,
    /// Values that could not be made.
    pub failed: u64,
    /// Times that a value was handed out again.
    pub reused: u64,
    /// Values whose check failed.
    pub unfit: u64,
    /// Values whose life was over: by age, idleness, uses, a lease that said so,
    /// or a pool that shrank or closed.
    pub retired: u64,
    /// Those who had to wait.
    pub waited: u64,
    /// Those who were turned away at once.
    pub busy: u64,
    /// Those whose deadline passed.
    pub late: u64,
}

/// What one gets who comes in.
pub(super) enum Entered<M: Maker> {
    Value(Entry<M::Value>),
    Place,
    Queued {
        ticket: u64,
        turn: oneshot::Receiver<Turn<M>>,
    },
}

pub(crate) struct State<M: Maker> {
    config: PoolConfig,
    /// The one that came back last is the last.
    idle: VecDeque<Entry<M::Value>>,
    leased: usize,
    /// Places that are held by whoever makes a value for them.
    making: usize,
    /// Those who wait, by ticket: the first one came first.
    waiting: BTreeMap<u64, oneshot::Sender<Turn<M>>>,
    next_ticket: u64,
    next_serial: u64,
    /// The serial of the value that was given out last.
    last_serial: Option<u64>,
    is_closed: bool,
    pub(super) totals: PoolTotals,
}

pub(super) type Values<M> = Vec<Entry<<M as Maker>::Value>>;

impl<M: Maker> State<M> {
    pub(super) fn new(config: PoolConfig) -> Self {
        Self {
            config,
            idle: VecDeque::new(),
            leased: 0,
            making: 0,
            waiting: BTreeMap::new(),
            next_ticket: 0,
            next_serial: 0,
            last_serial: None,
            is_closed: false,
            totals: PoolTotals::default(),
        }
    }

    /// Lets somebody have a value, make one or wait; what was idle too long is
    /// to be dropped.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        gone: &mut Values<M>,
    ) -> Result<Entered<M>, PoolError<M::Error>> {
        if self.is_closed {
            return Err(PoolError::Closed);
        }
        let entry;
        (entry, *gone) = self.pick(now);
        if let Some(entry) = entry {
            self.leased += 1;
            return Ok(Entered::Value(entry));
        }
        if self.has_room() {
            self.making += 1;
            return Ok(Entered::Place);
        }
        if self.config.queue <= self.waiting.len() {
            self.totals.busy += 1;
            return Err(PoolError::Busy {
                size: self.config.size,
                queue: self.config.queue,
            });
        }
        self.totals.waited += 1;
        let (sender, turn) = oneshot::channel();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.insert(ticket, sender);
        Ok(Entered::Queued { ticket, turn })
    }

    /// An idle value, if there is one.
    pub(super) fn enter_idle(
        &mut self,
        now: Instant,
        gone: &mut Values<M>,
    ) -> Option<Entry<M::Value>> {
        let entry;
        (entry, *gone) = self.pick(now);
        self.leased += usize::from(entry.is_some());
        entry
    }

    /// Somebody waits no longer.
    pub(super) fn leave(&mut self, ticket: u64) -> Option<oneshot::Sender<Turn<M>>> {
        self.waiting.remove(&ticket)
    }

    /// An idle value that may be used, and those that may not.
    fn pick(&mut self, now: Instant) -> (Option<Entry<M::Value>>, Values<M>) {
        let mut gone = Vec::new();
        while let Some(entry) = self.next_idle() {
            if self.is_over(&entry, now) {
                self.totals.retired += 1;
                gone.push(entry);
                continue;
            }
            self.hand_out(&entry);
            return (Some(entry), gone);
        }
        (None, gone)
    }

    fn hand_out(&mut self, entry: &Entry<M::Value>) {
        self.last_serial = Some(entry.serial);
        if 0 < entry.uses {
            self.totals.reused += 1;
        }
    }

    fn next_idle(&mut self) -> Option<Entry<M::Value>> {
        match self.config.reuse {
            Reuse::MostRecentlyUsed => self.idle.pop_back(),
            Reuse::LeastRecentlyUsed => self.idle.pop_front(),
            Reuse::RoundRobin => {
                let last = self.last_serial;
                let by_turn = |(_, entry): &(usize, &Entry<M::Value>)| {
                    // Those after the last one come before those up to it.
                    (last.is_some_and(|last| entry.serial <= last), entry.serial)
                };
                let next = self.idle.iter().enumerate().min_by_key(by_turn)?.0;
                self.idle.remove(next)
            }
        }
    }

    /// Whether an idle value is too old, or was idle too long.
    fn is_over(&self, entry: &Entry<M::Value>, now: Instant) -> bool {
        let over = |since: Instant, max: Option<std::time::Duration>| {
            max.is_some_and(|max| max <= now.saturating_duration_since(since))
        };
        over(entry.made, self.config.max_age) || over(entry.since, self.config.max_idle)
    }

    fn is_used_up(&self, entry: &Entry<M::Value>) -> bool {
        let max = self.config.max_uses;
        max.is_some_and(|max| max.get() <= entry.uses)
    }

    fn total(&self) -> usize {
        self.idle.len() + self.leased + self.making
    }

    fn has_room(&self) -> bool {
        self.total() < self.config.size
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// A place for one more that is made ahead.
    pub(super) fn warm(&mut self) -> bool {
        let wanted = !self.is_closed && self.idle.len() < self.config.ready && self.has_room();
        if wanted {
            self.making += 1;
        }
        wanted
    }

    /// A value stands where there was a place.
    pub(crate) fn fill(&mut self, value: M::Value, now: Instant) -> Entry<M::Value> {
        self.making -= 1;
        self.leased += 1;
        let serial = self.next_serial;
        self.next_serial += 1;
        self.last_serial = Some(serial);
        Entry {
            value,
            serial,
            made: now,
            since: now,
            uses: 0,
        }
    }

    /// A place for the value of a lease that is gone.
    pub(crate) fn vacate(&mut self) {
        self.leased -= 1;
        self.making += 1;
        self.totals.retired += 1;
    }

    /// An idle value for who has a place for one; what was idle too long is to be
    /// dropped.
    pub(crate) fn pick_for_place(&mut self, now: Instant) -> (Option<Entry<M::Value>>, Values<M>) {
        let (entry, gone) = self.pick(now);
        if entry.is_some() {
            self.making -= 1;
            self.leased += 1;
        }
        (entry, gone)
    }

    /// A value comes back: it is idle now, or somebody waits for it, or it is to
    /// be dropped and what it leaves is a place.
    pub(crate) fn put_back(&mut self, mut entry: Entry<M::Value>, now: Instant) -> Back<M> {
        entry.since = now;
        let is_over = self.is_closed
            || self.config.size < self.total()
            || self.is_used_up(&entry)
            || self.is_over(&entry, now);
        if is_over {
            self.vacate();
            return Back::Over(entry);
        }
        if let Some((_, waiter)) = self.waiting.pop_first() {
            self.hand_out(&entry);
            return Back::Next(entry, waiter);
        }
        self.leased -= 1;
        self.idle.push_back(entry);
        Back::Idle
    }

    /// A place comes back. If it goes on to somebody, it is still held.
    pub(crate) fn free_place(&mut self) -> Option<oneshot::Sender<Turn<M>>> {
        // With a size that shrank it goes, as it does where nobody waits.
        if self.total() <= self.config.size
            && let Some((_, waiter)) = self.waiting.pop_first()
        {
            return Some(waiter);
        }
        self.making -= 1;
        None
    }

    pub(super) fn evict(&mut self, now: Instant) -> Values<M> {
        let all = std::mem::take(&mut self.idle);
        let (gone, stay): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|entry| self.is_over(entry, now));
        self.idle = stay.into();
        self.retire(gone)
    }

    pub(super) fn drain(&mut self) -> Values<M> {
        let gone = self.idle.drain(..).collect();
        self.retire(gone)
    }

    /// What has to go, and how many places there are for those who wait: each
    /// counts as held.
    pub(super) fn resize(&mut self, size: usize) -> (Values<M>, usize) {
        self.config.size = size;
        let too_many = self.total().saturating_sub(size).min(self.idle.len());
        let gone = self.idle.drain(..too_many).collect();
        let gone = self.retire(gone);
        let places = size.saturating_sub(self.total()).min(self.waiting.len());
        self.making += places;
        (gone, places)
    }

    pub(super) fn close(&mut self) -> (Values<M>, BTreeMap<u64, oneshot::Sender<Turn<M>>>) {
        self.is_closed = true;
        (self.drain(), std::mem::take(&mut self.waiting))
    }

    fn retire(&mut self, gone: Values<M>) -> Values<M> {
        let count = u64::try_from(gone.len()).unwrap_or(u64::MAX);
        self.totals.retired = self.totals.retired.saturating_add(count);
        gone
    }

    pub(super) fn counts(&self) -> PoolCounts {
        PoolCounts {
            size: self.config.size,
            idle: self.idle.len(),
            leased: self.leased,
            making: self.making,
            waiting: self.waiting.len(),
        }
    }
}

/// What becomes of a value that came back.
pub(crate) enum Back<M: Maker> {
    Idle,
    /// It goes to him; it counts as leased.
    Next(Entry<M::Value>, oneshot::Sender<Turn<M>>),
    /// It is to be dropped; a place for another is held.
    Over(Entry<M::Value>),
}
