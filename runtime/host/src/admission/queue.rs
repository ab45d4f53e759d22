//! Who waits, and in which order.
//!
//! Calls that somebody waits for come first, then those of which nothing is known,
//! then the others; each eighth time the other way round, so that nobody starves.
//! Among calls of one priority, principals have their turn one after the other,
//! whoever has sent more: each call gets a tag when it comes, the next number of
//! its principal, and the smallest tag is first. That is start-time fair queueing
//! (Goyal, Vin and Cheng, 1996) where every call costs the same. Calls of one
//! principal stay in their order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use patinox_policy::Principal;
use tokio::sync::oneshot;

use super::room::{Need, Room};
use super::{Busy, Priority};

/// One turn in so many goes by the priorities the other way round.
const TURNED_OF: u64 = 8;

/// How many priorities there are.
const RANKS: usize = 3;

/// Wakes whoever waits: it is his turn, or it never will be.
pub(super) type Turn = oneshot::Sender<Result<(), Busy>>;

/// The place of a call among those of its priority.
type Place = (u64, u64);

/// Calls that need the same: tool and principal, of one component.
type Group = (Option<Arc<str>>, Principal);

/// A call that waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) need: Need,
    pub(super) turn: Turn,
    /// What its arguments take up.
    bytes: u64,
    place: Place,
}

/// All that wait. Its size is bounded by their number.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiters: HashMap<u64, Waiter>,
    /// By component.
    lanes: HashMap<Arc<str>, [Lane; RANKS]>,
    principals: HashMap<Principal, Standing>,
    /// The same principals by how many calls of each wait.
    crowds: BTreeSet<(usize, Principal)>,
    bytes: u64,
    /// The tag of the last one whose turn came, by priority.
    now: [u64; RANKS],
    turns: u64,
}

/// Calls of one component and priority.
#[derive(Debug, Default)]
struct Lane {
    groups: HashMap<Group, BTreeSet<Place>>,
    /// The first of each group.
    heads: BTreeMap<Place, Group>,
}

/// A principal of whom calls wait.
#[derive(Debug, Default)]
struct Standing {
    /// His last tags.
    tags: [u64; RANKS],
    /// By priority and place, so that the last one is the last whose turn comes.
    waiting: BTreeMap<(usize, Place), u64>,
}

const fn rank(priority: Priority) -> usize {
    match priority {
        Priority::Interactive => 0,
        Priority::Normal => 1,
        Priority::Background => 2,
    }
}

impl Queue {
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.waiters.len()).unwrap_or(u64::MAX)
    }

    /// How much the arguments of those that wait take up.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many of a component wait.
    pub(super) fn count_of(&self, component: &str) -> u64 {
        let lanes = self.lanes.get(component).into_iter().flatten();
        let groups = lanes.flat_map(|lane| lane.groups.values());
        let waiting: usize = groups.map(BTreeSet::len).sum();
        u64::try_from(waiting).unwrap_or(u64::MAX)
    }

    pub(super) fn push(&mut self, ticket: u64, need: Need, bytes: u64, turn: Turn) {
        let rank = rank(need.priority);
        let before = self.standing(&need.principal);
        let standing = self.principals.entry(need.principal.clone()).or_default();
        // Whoever has not come for long is owed nothing for that.
        let now = self.now.get(rank).copied().unwrap_or_default();
        let tag = standing.tags.get_mut(rank).map_or(now, |last| {
            *last = (*last).max(now).saturating_add(1);
            *last
        });
        let place = (tag, ticket);
        standing.waiting.insert((rank, place), ticket);
        self.recount(&need.principal, before);
        let lanes = self.lanes.entry(Arc::clone(&need.component)).or_default();
        if let Some(lane) = lanes.get_mut(rank) {
            lane.insert((need.tool.clone(), need.principal.clone()), place);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        let waiter = Waiter {
            need,
            turn,
            bytes,
            place,
        };
        self.waiters.insert(ticket, waiter);
    }

    /// Takes one out; `None` if he does not wait.
    pub(super) fn remove(&mut self, ticket: u64) -> Option<Waiter> {
        let waiter = self.waiters.remove(&ticket)?;
        let Waiter { need, place, .. } = &waiter;
        let rank = rank(need.priority);
        let before = self.standing(&need.principal);
        if let Some(standing) = self.principals.get_mut(&need.principal) {
            standing.waiting.remove(&(rank, *place));
            if standing.waiting.is_empty() {
                self.principals.remove(&need.principal);
            }
        }
        self.recount(&need.principal, before);
        if let Some(lanes) = self.lanes.get_mut(&need.component) {
            if let Some(lane) = lanes.get_mut(rank) {
                lane.remove(&(need.tool.clone(), need.principal.clone()), *place);
            }
            if lanes.iter().all(|lane| lane.heads.is_empty()) {
                self.lanes.remove(&need.component);
            }
        }
        self.bytes = self.bytes.saturating_sub(waiter.bytes);
        Some(waiter)
    }

    /// The one whose turn it is, where there is room for him but for memory.
    pub(super) fn first(&self, room: &Room) -> Option<u64> {
        let ranks = 0..RANKS;
        let is_turned = self.turns % TURNED_OF == TURNED_OF - 1;
        if is_turned {
            ranks.rev().find_map(|rank| self.first_of(rank, room))
        } else {
            ranks.into_iter().find_map(|rank| self.first_of(rank, room))
        }
    }

    fn first_of(&self, rank: usize, room: &Room) -> Option<u64> {
        let open = self
            .lanes
            .iter()
            .filter(|(component, _)| !room.is_full(component));
        let firsts = open.filter_map(|(component, lanes)| {
            let heads = &lanes.get(rank)?.heads;
            let mut may_go = heads.iter().filter(|(_, (tool, principal))| {
                room.lacks_within(component, tool.as_ref(), principal)
                    .is_none()
            });
            may_go.next().map(|(place, _)| *place)
        });
        firsts.min().map(|(_, ticket)| ticket)
    }

    /// His turn has come.
    pub(super) fn serve(&mut self, ticket: u64) -> Option<Waiter> {
        let waiter = self.remove(ticket)?;
        let (tag, _) = waiter.place;
        if let Some(now) = self.now.get_mut(rank(waiter.need.priority)) {
            *now = (*now).max(tag);
        }
        self.turns = self.turns.wrapping_add(1);
        Some(waiter)
    }

    /// Who gives his place to somebody who comes, if there is one: the last of the
    /// principal of whom most wait, where that is by two more than his own; or
    /// a call of his own that is wanted less soon.
    pub(super) fn displaced_by(&self, principal: &Principal, priority: Priority) -> Option<u64> {
        let (most, crowd) = self.crowds.last()?;
        if self.standing(principal) + 2 <= *most {
            let crowd = self.principals.get(crowd)?;
            return crowd.waiting.last_key_value().map(|(_, ticket)| *ticket);
        }
        let own = self.principals.get(principal)?;
        let ((last, _), ticket) = own.waiting.last_key_value()?;
        (rank(priority) < *last).then_some(*ticket)
    }

    /// How much memory one who waits may come to take.
    pub(super) fn memory_bytes_of(&self, ticket: u64) -> u64 {
        let waiter = self.waiters.get(&ticket);
        waiter.map_or(0, |waiter| waiter.need.memory_bytes)
    }

    /// Whether nothing is left of any call.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
            && self.lanes.is_empty()
            && self.principals.is_empty()
            && self.crowds.is_empty()
            && self.bytes == 0
    }

    fn standing(&self, principal: &Principal) -> usize {
        let known = self.principals.get(principal);
        known.map_or(0, |standing| standing.waiting.len())
    }

    fn recount(&mut self, principal: &Principal, before: usize) {
        let now = self.standing(principal);
        self.crowds.remove(&(before, principal.clone()));
        if 0 < now {
            self.crowds.insert((now, principal.clone()));
        }
    }
}

impl Lane {
    fn insert(&mut self, group: Group, place: Place) {
        let places = self.groups.entry(group.clone()).or_default();
        // Tags grow, so he is the first of his group only if he is alone.
        if places.is_empty() {
            self.heads.insert(place, group);
        }
        places.insert(place);
    }

    fn remove(&mut self, group: &Group, place: Place) {
        let Some(places) = self.groups.get_mut(group) else {
            return;
        };
        places.remove(&place);
        let next = places.first().copied();
        if self.heads.remove(&place).is_some()
            && let Some(next) = next
        {
            self.heads.insert(next, group.clone());
        }
        if next.is_none() {
            self.groups.remove(group);
        }
    }
}
