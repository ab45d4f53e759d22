//! Who waits, and in which order.
//!
//! Calls that somebody waits for come first, then those of which nothing is known,
//! then the others. Each eighth turn is another one's, of these two by turns, so that
//! nobody starves. Among calls of one component and priority, principals have their
//! turn one after the other, whoever has sent more: each call gets a tag when it
//! comes, the next number of its principal, and the smallest tag is first. That is
//! start-time fair queueing (Goyal, Vin and Cheng, 1996) where every call costs the
//! same. Calls of one principal stay in their order. Components do not wait for each
//! other, but where they want the same memory: then in the order of their coming.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use patinox_policy::Principal;
use tokio::sync::oneshot;

use super::room::{Need, Room};
use super::{Busy, Priority};

/// One turn in so many is for those who are not first otherwise.
const TURNED_OF: u64 = 8;

const LAST_OF_TURN: u64 = TURNED_OF - 1;

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
    turns: u64,
}

/// Calls of one component and priority.
#[derive(Debug, Default)]
struct Lane {
    /// The tag of the last one whose turn came.
    now: u64,
    /// The last tag of each principal of whom calls wait here, and how many do.
    tags: HashMap<Principal, (u64, usize)>,
    groups: HashMap<Group, BTreeSet<Place>>,
    /// The first of each group.
    heads: BTreeMap<Place, Group>,
}

/// A principal of whom calls wait.
#[derive(Debug, Default)]
struct Standing {
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
        let lanes = self.lanes.entry(Arc::clone(&need.component)).or_default();
        let place = lanes.get_mut(rank).map_or((0, ticket), |lane| {
            lane.insert((need.tool.clone(), need.principal.clone()), ticket)
        });
        let standing = self.principals.entry(need.principal.clone()).or_default();
        standing.waiting.insert((rank, place), ticket);
        self.recount(&need.principal, before);
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

    /// The one whose turn it is, where there is room for him but for memory, among
    /// those who need so much.
    pub(super) fn first(&self, room: &Room, needs: impl Fn(u64) -> bool) -> Option<u64> {
        let ranks = match (self.turns % TURNED_OF, self.turns / TURNED_OF % 2) {
            (LAST_OF_TURN, 0) => [2, 1, 0],
            (LAST_OF_TURN, _) => [1, 2, 0],
            _ => [0, 1, 2],
        };
        let mut ranks = ranks.into_iter();
        ranks.find_map(|rank| self.first_of(rank, room, &needs))
    }

    fn first_of(&self, rank: usize, room: &Room, needs: impl Fn(u64) -> bool) -> Option<u64> {
        let open = self
            .lanes
            .iter()
            .filter(|(component, _)| !room.is_full(component));
        let firsts = open.filter_map(|(component, lanes)| {
            let heads = &lanes.get(rank)?.heads;
            let mut may_go = heads.iter().filter(|((_, ticket), (tool, principal))| {
                let lack = room.lacks_within(component, tool.as_ref(), principal);
                lack.is_none() && needs(self.memory_bytes_of(*ticket))
            });
            may_go.next().map(|((_, ticket), _)| *ticket)
        });
        // Tags of two components say nothing of each other.
        firsts.min()
    }

    /// His turn has come.
    pub(super) fn serve(&mut self, ticket: u64) -> Option<Waiter> {
        let waiter = self.remove(ticket)?;
        let (tag, _) = waiter.place;
        let lanes = self.lanes.get_mut(&waiter.need.component);
        if let Some(lane) = lanes.and_then(|lanes| lanes.get_mut(rank(waiter.need.priority))) {
            lane.now = lane.now.max(tag);
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

    /// What the arguments of one who waits take up.
    pub(super) fn bytes_of(&self, ticket: u64) -> u64 {
        self.waiters.get(&ticket).map_or(0, |waiter| waiter.bytes)
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
    /// Gives somebody a place behind those of his principal.
    fn insert(&mut self, group: Group, ticket: u64) -> Place {
        let (_, principal) = &group;
        let (last, waiting) = self.tags.entry(principal.clone()).or_default();
        // Whoever has not come for long is owed nothing for that.
        *last = (*last).max(self.now).saturating_add(1);
        *waiting += 1;
        let place = (*last, ticket);
        let places = self.groups.entry(group.clone()).or_default();
        // Tags grow, so he is the first of his group only if he is alone.
        if places.is_empty() {
            self.heads.insert(place, group);
        }
        places.insert(place);
        place
    }

    fn remove(&mut self, group: &Group, place: Place) {
        let Some(places) = self.groups.get_mut(group) else {
            return;
        };
        places.remove(&place);
        let (_, principal) = group;
        if let Some((_, waiting)) = self.tags.get_mut(principal) {
            *waiting -= 1;
            if *waiting == 0 {
                self.tags.remove(principal);
            }
        }
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
