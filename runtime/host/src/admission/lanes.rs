//! Who runs and who waits.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::oneshot;

use super::queue::{Queue, Turn};
use super::room::{Ceilings, Lack, Need, Room};
use super::{Busy, BusyReason};

/// What one gets who came in.
#[derive(Debug)]
pub(super) struct Entry {
    /// Names him when he leaves.
    pub(super) ticket: u64,
    /// Comes true when it is his turn; `None` if it is at once.
    pub(super) turn: Option<oneshot::Receiver<Result<(), Busy>>>,
}

/// Those who are to be told something, when nothing is locked any more.
pub(super) type Told = Vec<(Turn, Result<(), Busy>)>;

/// Those who run, those who wait, and what they share.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) room: Room,
    pub(super) queue: Queue,
    /// Those whose place somebody else has, until they leave.
    displaced: HashSet<u64>,
    /// Whether the next one waits for memory: nobody overtakes him then.
    waits_for_memory: bool,
    next_ticket: u64,
}

impl Lanes {
    pub(super) fn new(ceilings: Ceilings) -> Self {
        Self {
            room: Room::new(ceilings),
            queue: Queue::default(),
            displaced: HashSet::new(),
            waits_for_memory: false,
            next_ticket: 0,
        }
    }

    /// Lets somebody run or wait, if there is room for either; whoever lost his
    /// place by that is to be told so.
    pub(super) fn enter(
        &mut self,
        need: &Need,
        bytes: impl FnOnce() -> u64,
    ) -> Result<(Entry, Told), Busy> {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let Some(lack) = self.lacks(need) else {
            self.room.take(need);
            let turn = None;
            return Ok((Entry { ticket, turn }, Told::new()));
        };
        let bytes = bytes();
        let told = self.make_place(need, bytes, lack)?;
        let (turn, theirs) = oneshot::channel();
        self.queue.push(ticket, need.clone(), bytes, turn);
        self.waits_for_memory |= lack == Lack::Memory;
        let turn = Some(theirs);
        Ok((Entry { ticket, turn }, told))
    }

    /// What there is too little of for one who comes.
    fn lacks(&self, need: &Need) -> Option<Lack> {
        if let Some(lack) = self.room.lacks(need) {
            return Some(lack);
        }
        let has_memory = !self.waits_for_memory && self.room.has_memory(need.memory_bytes);
        (!has_memory).then_some(Lack::Memory)
    }

    /// Finds a place to wait in for somebody.
    fn make_place(&mut self, need: &Need, bytes: u64, lack: Lack) -> Result<Told, Busy> {
        let Ceilings {
            admission,
            waiting_bytes,
            ..
        } = self.room.ceilings;
        let held = self.queue.bytes();
        if 0 < held && waiting_bytes < held.saturating_add(bytes) {
            let reason = BusyReason::Waiting { waiting_bytes };
            return Err(self.busy(reason, need));
        }
        if self.queue.count() < admission.queue {
            return Ok(Told::new());
        }
        let displaced = self.queue.displaced_by(&need.principal, need.priority);
        let waiter = displaced.and_then(|ticket| Some((ticket, self.queue.remove(ticket)?)));
        let Some((ticket, waiter)) = waiter else {
            return Err(self.busy(self.full(lack), need));
        };
        self.displaced.insert(ticket);
        let reason = BusyReason::Displaced(admission);
        let busy = self.busy(reason, &waiter.need);
        Ok(vec![(waiter.turn, Err(busy))])
    }

    const fn full(&self, lack: Lack) -> BusyReason {
        BusyReason::Full {
            lack,
            admission: self.room.ceilings.admission,
        }
    }

    fn busy(&self, reason: BusyReason, need: &Need) -> Busy {
        let in_front = self.queue.count_of(&need.component);
        let hold = self.room.hold(&need.component);
        let concurrency = self.room.ceilings.admission.concurrency;
        Busy::new(reason, (in_front, concurrency), hold)
    }

    /// Somebody waited for as long as he may.
    pub(super) fn waited(&self, need: &Need) -> Busy {
        let reason = BusyReason::Waited(self.room.ceilings.admission);
        self.busy(reason, need)
    }

    /// Takes back what a ticket stands for: a place in the queue, or a permit, held
    /// for so long if its call ever began. Whose turn it is then is to be told so.
    pub(super) fn leave(&mut self, need: &Need, ticket: u64, held: Option<Duration>) -> Told {
        if self.displaced.remove(&ticket) {
            return Told::new();
        }
        if self.queue.remove(ticket).is_none() {
            self.room.give_back(need, held);
        }
        self.next()
    }

    /// Those whose turn it is now.
    fn next(&mut self) -> Told {
        let mut told = Told::new();
        self.waits_for_memory = false;
        if self.queue.count() == 0 {
            return told;
        }
        while let Some(ticket) = self.queue.first(&self.room) {
            let bytes = self.queue.memory_bytes_of(ticket);
            if !self.room.has_memory(bytes) {
                // Nobody behind him goes, or one who needs much would never.
                self.waits_for_memory = true;
                break;
            }
            let Some(waiter) = self.queue.serve(ticket) else {
                break;
            };
            self.room.take(&waiter.need);
            told.push((waiter.turn, Ok(())));
        }
        told
    }

    /// How many wait, of all components together.
    pub(super) fn waiting(&self) -> u64 {
        self.queue.count()
    }

    pub(super) const fn counts_tools(&self) -> bool {
        self.room.counts_tools()
    }

    /// How many run, how many wait, and of how many components calls run.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (u64, u64, usize) {
        let (running, components) = self.room.counts();
        (running, self.waiting(), components)
    }

    /// Whether nothing is left of any call.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.room.is_empty() && self.queue.is_empty() && self.displaced.is_empty()
    }
}
