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

    /// Lets somebody run, if there is room for him; else tells what he lacks.
    pub(super) fn begin(&mut self, need: &Need) -> Result<u64, Lack> {
        self.room.try_take(need, !self.waits_for_memory)?;
        Ok(self.ticket())
    }

    /// Lets somebody wait who lacks something, if there is a place for him, or run,
    /// if there is room by now; whoever lost his place by that is to be told so.
    pub(super) fn wait(&mut self, need: &Need, bytes: u64) -> Result<(Entry, Told), Busy> {
        let lack = match self.begin(need) {
            Ok(ticket) => return Ok((Entry { ticket, turn: None }, Told::new())),
            Err(lack) => lack,
        };
        let mut told = self.make_place(need, bytes, lack)?;
        let ticket = self.ticket();
        let (turn, theirs) = oneshot::channel();
        self.queue.push(ticket, need.clone(), bytes, turn);
        // Whoever lost his place may have held up others.
        told.extend(self.next());
        let turn = Some(theirs);
        Ok((Entry { ticket, turn }, told))
    }

    /// Whether somebody would find no place to wait in, however little he brings.
    pub(super) fn refuses(&self, need: &Need, lack: Lack) -> Option<Busy> {
        let is_full = self.room.ceilings.admission.queue <= self.queue.count();
        let displaced = || self.queue.displaced_by(&need.principal, need.priority);
        (is_full && displaced().is_none()).then(|| self.busy(self.full(lack), need))
    }

    fn ticket(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }

    /// Finds a place to wait in for somebody, which another one may have to give.
    fn make_place(&mut self, need: &Need, bytes: u64, lack: Lack) -> Result<Told, Busy> {
        let Ceilings {
            admission,
            waiting_bytes,
            ..
        } = self.room.ceilings;
        let held = self.queue.bytes();
        let fits = |held: u64| held == 0 || held.saturating_add(bytes) <= waiting_bytes;
        if fits(held) && self.queue.count() < admission.queue {
            return Ok(Told::new());
        }
        let displaced = self.queue.displaced_by(&need.principal, need.priority);
        // Nobody gives his place for nothing.
        let displaced = displaced.filter(|ticket| fits(held - self.queue.bytes_of(*ticket)));
        let waiter = displaced.and_then(|ticket| Some((ticket, self.queue.remove(ticket)?)));
        let Some((ticket, waiter)) = waiter else {
            let reason = match fits(held) {
                true => self.full(lack),
                false => BusyReason::Waiting { waiting_bytes },
            };
            return Err(self.busy(reason, need));
        };
        self.displaced.insert(ticket);
        let busy = self.busy(BusyReason::Displaced(admission), &waiter.need);
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
        loop {
            // Nobody who needs memory goes before one who waits for it, or one who
            // needs much would never.
            let may_go = |bytes| bytes == 0 || !self.waits_for_memory;
            let Some(ticket) = self.queue.first(&self.room, may_go) else {
                return told;
            };
            if !self.room.has_memory(self.queue.memory_bytes_of(ticket)) {
                self.waits_for_memory = true;
                continue;
            }
            let Some(waiter) = self.queue.serve(ticket) else {
                return told;
            };
            self.room.take(&waiter.need);
            told.push((waiter.turn, Ok(())));
        }
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
