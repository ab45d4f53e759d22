//! Who runs and who waits, by component.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use patinox_policy::Admission;
use tokio::sync::oneshot;

use super::Busy;

/// How long a call is taken to run before one of its component has ended.
const ASSUMED_HOLD: Duration = Duration::from_millis(100);

/// What a new hold time weighs in the average: one part of so many.
const AVERAGE_OF: u32 = 8;

/// Wakes whoever waits, once it is his turn.
pub(super) type Turn = oneshot::Sender<()>;

/// What one gets who came in.
#[derive(Debug)]
pub(super) struct Entry {
    /// Names him when he leaves.
    pub(super) ticket: u64,
    /// Comes true when it is his turn; `None` if it is at once.
    pub(super) turn: Option<oneshot::Receiver<()>>,
}

/// A lane for each component that has calls, and what they share.
///
/// Its size is bounded by the calls that run and wait: a lane without any is
/// dropped.
#[derive(Debug)]
pub(super) struct Lanes {
    ceilings: Admission,
    lanes: HashMap<Arc<str>, Lane>,
    /// How many wait, in all lanes together.
    waiting: u64,
    next_ticket: u64,
}

#[derive(Debug)]
struct Lane {
    /// How many have permits, those included that are yet to learn of it.
    running: u64,
    /// Those who wait, by ticket: the first one came first.
    waiting: BTreeMap<u64, Turn>,
    /// How long permits were held lately.
    hold: Duration,
}

impl Lanes {
    pub(super) fn new(ceilings: Admission) -> Self {
        Self {
            ceilings: Admission {
                // With none nobody would ever be let in.
                concurrency: ceilings.concurrency.max(1),
                ..ceilings
            },
            lanes: HashMap::new(),
            waiting: 0,
            next_ticket: 0,
        }
    }

    /// Lets somebody run or wait, if there is room for either.
    pub(super) fn enter(&mut self, component: &Arc<str>) -> Result<Entry, Busy> {
        let lane = self.lanes.entry(Arc::clone(component)).or_default();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        if lane.running < self.ceilings.concurrency {
            lane.running += 1;
            return Ok(Entry { ticket, turn: None });
        }
        // A lane that is new never comes so far, so none stays behind empty.
        if self.ceilings.queue <= self.waiting {
            let in_front = u64::try_from(lane.waiting.len()).unwrap_or(u64::MAX);
            return Err(Busy::new(self.ceilings, in_front, lane.hold));
        }
        let (turn, theirs) = oneshot::channel();
        lane.waiting.insert(ticket, turn);
        self.waiting += 1;
        Ok(Entry {
            ticket,
            turn: Some(theirs),
        })
    }

    /// Takes back what a ticket stands for: a place in the queue, or a permit,
    /// held for so long if its call ever began. Whose turn it is then is to be
    /// told so.
    pub(super) fn leave(
        &mut self,
        component: &str,
        ticket: u64,
        held: Option<Duration>,
    ) -> Option<Turn> {
        let lane = self.lanes.get_mut(component)?;
        if lane.waiting.remove(&ticket).is_some() {
            self.waiting -= 1;
            return None;
        }
        lane.average(held);
        if let Some((_, next)) = lane.waiting.pop_first() {
            // The permit changes hands: no less run than before.
            self.waiting -= 1;
            return Some(next);
        }
        lane.running -= 1;
        if lane.running == 0 {
            self.lanes.remove(component);
        }
        None
    }

    /// How many wait, in all lanes together.
    pub(super) const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// How many run, how many wait, and in how many lanes.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (u64, u64, usize) {
        let running = self.lanes.values().map(|lane| lane.running).sum();
        (running, self.waiting, self.lanes.len())
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            running: 0,
            waiting: BTreeMap::new(),
            hold: ASSUMED_HOLD,
        }
    }
}

impl Lane {
    fn average(&mut self, held: Option<Duration>) {
        let Some(held) = held else { return };
        let kept = self.hold.saturating_sub(self.hold / AVERAGE_OF);
        self.hold = kept.saturating_add(held / AVERAGE_OF);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(concurrency: u64, queue: u64) -> Lanes {
        Lanes::new(Admission { concurrency, queue })
    }

    #[test]
    fn the_hint_follows_how_long_calls_take() {
        let mut lanes = lanes(1, 0);
        let component: Arc<str> = "c".into();
        let other: Arc<str> = "other".into();
        lanes.enter(&other).unwrap();
        for ms in [100, 20, 5_000] {
            // Somebody always runs, so the lane stays.
            let mut ticket = lanes.enter(&component).unwrap().ticket;
            for _ in 0..50 {
                let held = Some(Duration::from_millis(ms));
                lanes.ceilings.queue = 1;
                let next = lanes.enter(&component).unwrap().ticket;
                lanes.ceilings.queue = 0;
                assert!(lanes.leave(&component, ticket, held).is_some());
                ticket = next;
            }
            let busy = lanes.enter(&component).unwrap_err();
            let near = Duration::from_millis(ms * 9 / 10)..Duration::from_millis(ms * 11 / 10);
            assert!(near.contains(&busy.after), "{ms}: {:?}", busy.after);
            lanes.leave(&component, ticket, None);
        }
        // What is known of one component says nothing of another.
        assert_eq!(lanes.enter(&other).unwrap_err().after, ASSUMED_HOLD);
    }

    #[test]
    fn without_concurrency_one_runs_at_a_time() {
        let mut lanes = lanes(0, 0);
        let component: Arc<str> = "c".into();
        assert!(lanes.enter(&component).unwrap().turn.is_none());
        assert!(lanes.enter(&component).is_err());
        assert_eq!(lanes.counts(), (1, 0, 1));
    }
}
