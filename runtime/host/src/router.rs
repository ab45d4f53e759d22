//! Which pool runs a call, among those that can.
//!
//! A call of a component can run in the pool of the component's profile, or beside
//! it on demand. By default the pool has it as long as there is room
//! ([`InOrder`]); an embedder may put one of these routers in its place, or one of
//! his own. What is chosen from are [`Target`]s, not memory of this process, so
//! that other machines can be among them one day.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

pub use patinox_sandbox::{InOrder, Route, Router, Target, TargetKind, TargetName};

use crate::Host;

/// The one of which the smallest share is used; of two alike the first.
///
/// It spreads calls over pool and on demand alike, so with one of the two that is
/// slower than the other all calls are slower: for targets that are equally good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeastLoaded;

impl Router for LeastLoaded {
    fn route(&self, _: &Route<'_>, targets: &[Target]) -> Option<usize> {
        let load = |target: &Target| {
            let used = target.slots.saturating_sub(target.free_slots);
            let used = used.saturating_add(target.waiting);
            // In millionths: what is compared are shares.
            let used = u64::try_from(used).unwrap_or(u64::MAX);
            let slots = u64::try_from(target.slots).unwrap_or(u64::MAX);
            used.saturating_mul(1_000_000) / slots.max(1)
        };
        let all = targets.iter().enumerate();
        let least = all.min_by_key(|(_, target)| load(target));
        least.map(|(place, _)| place)
    }
}

/// Each in proportion to its weight, as long as it has room; by smooth weighted
/// round robin, as nginx does it: of weights 5 and 1, the second has each sixth.
#[derive(Debug)]
pub struct Weighted {
    weights: Vec<(TargetName, u32)>,
    /// What each is owed.
    owed: Mutex<Vec<i64>>,
}

impl Weighted {
    /// Targets with their weights. One that is not named, or has a weight of 0, has
    /// calls only where none of the others can run them.
    #[must_use]
    pub fn new(weights: Vec<(TargetName, u32)>) -> Self {
        let owed = Mutex::new(vec![0; weights.len()]);
        Self { weights, owed }
    }
}

impl Router for Weighted {
    fn route(&self, _: &Route<'_>, targets: &[Target]) -> Option<usize> {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = 0;
        let mut chosen: Option<(&mut i64, usize)> = None;
        for ((name, weight), owed) in self.weights.iter().zip(owed.iter_mut()) {
            let is_it = |target: &Target| target.name == *name && 0 < target.free_slots;
            let Some(place) = targets.iter().position(is_it) else {
                continue;
            };
            if *weight == 0 {
                continue;
            }
            *owed = owed.saturating_add(i64::from(*weight));
            sum += i64::from(*weight);
            if chosen.as_ref().is_none_or(|(most, _)| **most < *owed) {
                chosen = Some((owed, place));
            }
        }
        let Some((owed, place)) = chosen else {
            // None of them has room: wait for the first that there is.
            return targets.first().map(|_| 0);
        };
        *owed = owed.saturating_sub(sum);
        Some(place)
    }
}

/// All calls of a component where its calls before ran, as long as there is room, by
/// rendezvous hashing: where a target goes or comes, only those of its components
/// move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Affinity;

impl Router for Affinity {
    fn route(&self, call: &Route<'_>, targets: &[Target]) -> Option<usize> {
        let score = |target: &Target| {
            // The same each time: its keys are fixed.
            let mut hasher = DefaultHasher::new();
            (call.component, target.name).hash(&mut hasher);
            hasher.finish()
        };
        let all = targets.iter().enumerate();
        let best = all.max_by_key(|(_, target)| score(target));
        best.map(|(place, _)| place)
    }
}

impl Host {
    /// What can run calls of what has been loaded so far, as it is now.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        self.engine().targets()
    }

    /// Lets a target take no more calls, and waits until those that run there have
    /// ended. Those that wait for it go to another one, if there is one that can run
    /// them; else they end as `limit/busy`, as new ones do. Whether there is such a
    /// target and it is empty now: not if it was [undrained](Self::undrain) meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the target as it is then: taking none.
    pub async fn drain(&self, target: TargetName) -> bool {
        self.engine().set_draining(target, true) && self.engine().drained(target).await
    }

    /// Lets a target take calls again. Whether there is such a target.
    pub fn undrain(&self, target: TargetName) -> bool {
        self.engine().set_draining(target, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patinox_sandbox::Profile;

    const POOL: TargetName = TargetName {
        profile: Profile::Lean,
        kind: TargetKind::Pool,
    };
    const BESIDE: TargetName = TargetName {
        profile: Profile::Lean,
        kind: TargetKind::OnDemand,
    };

    fn target(name: TargetName, free_slots: usize) -> Target {
        Target {
            name,
            slots: 100,
            free_slots,
            waiting: 0,
            is_draining: false,
        }
    }

    /// Which of the two is chosen, again and again.
    fn routed(router: &dyn Router, free: [usize; 2], times: usize) -> String {
        let targets = [target(POOL, free[0]), target(BESIDE, free[1])];
        (0..times).map(|_| name(router, "c", &targets)).collect()
    }

    fn name(router: &dyn Router, component: &str, targets: &[Target]) -> char {
        let call = Route::of(component, Profile::Lean, 1);
        let place = router.route(&call, targets).expect("a target");
        match targets[place].name.kind {
            TargetKind::OnDemand => 'd',
            TargetKind::Pool | TargetKind::PoolWithoutScan => 'p',
        }
    }

    #[test]
    fn the_least_loaded_is_the_one_with_most_room() {
        assert_eq!(routed(&LeastLoaded, [50, 51], 1), "d");
        assert_eq!(routed(&LeastLoaded, [51, 50], 1), "p");
        assert_eq!(routed(&LeastLoaded, [50, 50], 1), "p");
        let mut small = target(BESIDE, 3);
        small.slots = 4;
        // A quarter of it is used, of the other one a half.
        assert_eq!(name(&LeastLoaded, "c", &[target(POOL, 50), small]), 'd');
        small.waiting = 2;
        assert_eq!(name(&LeastLoaded, "c", &[target(POOL, 50), small]), 'p');
    }

    #[test]
    fn weights_are_kept_and_those_without_room_left_out() {
        let router = Weighted::new(vec![(POOL, 3), (BESIDE, 1)]);
        assert_eq!(routed(&router, [9, 9], 8), "ppdpppdp");
        assert_eq!(routed(&router, [0, 9], 4), "dddd");
        assert_eq!(routed(&router, [0, 0], 2), "pp");
        let only = Weighted::new(vec![(BESIDE, 1), (POOL, 0)]);
        assert_eq!(routed(&only, [9, 9], 3), "ddd");
        assert_eq!(routed(&only, [9, 0], 1), "p");
    }

    #[test]
    fn a_component_stays_where_it_was() {
        let both = [target(POOL, 9), target(BESIDE, 9)];
        let turned = [target(BESIDE, 1), target(POOL, 1)];
        let mut seen = [0, 0];
        for number in 0..64 {
            let component = format!("sha256:{number}");
            let first = name(&Affinity, &component, &both);
            assert_eq!(name(&Affinity, &component, &turned), first);
            assert_eq!(name(&Affinity, &component, &both[..1]), 'p');
            seen[usize::from(first == 'd')] += 1;
        }
        assert!(16 < seen[0] && 16 < seen[1], "{seen:?}");
    }
}
