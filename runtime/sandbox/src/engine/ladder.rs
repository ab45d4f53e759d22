//! How many instances a machine bears, and how they get their memory.
//!
//! Address space is what runs short first: every linear memory reserves all
//! that 32 bits reach, so that no access needs a check. Where that is too much,
//! there are fewer of them, then smaller ones, then none ahead of time.

use patinox_resources::AddressSpace;

/// How instances get their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// From a pool that is made ahead and used again: a call starts in
    /// microseconds. For whoever calls more than once.
    ///
    /// What does not fit the pool, or finds it full, is allocated on demand.
    Pool {
        /// How many instances; `None` for what the machine bears.
        slots: Option<u32>,
    },
    /// For each instance anew. For whoever calls once.
    OnDemand {
        /// How many instances at most; `None` for what the machine bears.
        slots: Option<u32>,
    },
}

impl Default for Allocation {
    fn default() -> Self {
        Self::Pool { slots: None }
    }
}

/// Address space that everything else of the process needs.
const ELSEWHERE_BYTES: u64 = 1 << 30;

/// The same where there is hardly that much.
const ELSEWHERE_BYTES_LEAST: u64 = 256 << 20;

/// Address space of a slot beside its memory: its stack, its tables.
const POOL_SLOT_BYTES: u64 = 8 << 20;

/// Memory that a call takes where it takes all of the default of `memory`.
pub(super) const BYTES_PER_CALL: u64 = 64 << 20;

/// The fewest and the most slots that a pool has where nobody asks for a
/// number.
const POOL_SLOTS: (u64, u64) = (16, 1_000);

/// The most instances on demand where nobody asks for a number: each costs
/// tens of microseconds that the kernel spends under one lock.
const ON_DEMAND_SLOTS: u64 = 256;

/// The fewest instances: one slot is kept for nested calls, and with a single
/// one beside it a component of two memories would never run.
const MIN_SLOTS: u64 = 3;

/// Mappings of the kernel that an instance takes: memory, guards and stack. The
/// process fails as a whole where it has too many.
const MAPS_PER_SLOT: u64 = 8;

/// How much address space a linear memory reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// All that 32 bits reach, and a guard: accesses are not checked.
    Wide,
    /// 256 MiB: accesses are checked, at some 7 % of computing, and no memory
    /// grows beyond that.
    Narrow,
    /// 64 MiB, which is the default of `memory`, in the same way.
    Slim,
}

impl Width {
    pub(crate) const ALL: [Self; 3] = [Self::Wide, Self::Narrow, Self::Slim];

    /// Reservation and guard, in bytes.
    pub(crate) const fn bytes(self) -> (u64, u64) {
        match self {
            Self::Wide => (4 << 30, 32 << 20),
            Self::Narrow => (256 << 20, 64 << 10),
            Self::Slim => (64 << 20, 64 << 10),
        }
    }

    const fn whole(self) -> u64 {
        let (reservation, guard) = self.bytes();
        reservation + guard
    }
}

/// One way to allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rung {
    pub(super) width: Width,
    /// Slots of the pool; `None` for no pool.
    pub(super) pool: Option<u32>,
    /// Instances on demand, beside the pool or alone.
    pub(super) on_demand: u32,
}

/// The ways to allocate on this machine, the best first. The last one always
/// works where anything does.
///
/// How many calls its memory bears matters only to a pool of no given size.
pub(super) fn rungs(space: &AddressSpace, bears: u64, allocation: Allocation) -> Vec<Rung> {
    let room = Room::of(space);
    let (wanted, asked) = match allocation {
        Allocation::Pool { slots } => {
            let slots = slots.map_or_else(|| room.pool_slots(bears), u64::from);
            (Some(slots), None)
        }
        Allocation::OnDemand { slots } => (None, slots),
    };
    let on_demand = |width| Rung {
        width,
        pool: None,
        on_demand: asked.unwrap_or_else(|| count(room.on_demand(width, 0).max(MIN_SLOTS))),
    };
    let mut rungs = Vec::new();
    for width in [Width::Wide, Width::Narrow] {
        rungs.extend(room.pools(width, wanted, 16));
    }
    for width in [Width::Wide, Width::Narrow] {
        if MIN_SLOTS <= room.on_demand(width, 0) {
            rungs.push(on_demand(width));
        }
    }
    // What is made ahead cannot be lost to something else meanwhile, so the
    // last width has a pool even of a few.
    rungs.extend(room.pools(Width::Slim, wanted, 4));
    rungs.push(on_demand(Width::Slim));
    rungs
}

/// What there is for instances.
struct Room {
    /// Address space that is left; `None` for no limit.
    address_space: Option<u64>,
    maps: u64,
}

impl Room {
    fn of(space: &AddressSpace) -> Self {
        let maps = space.map_count_max.as_ref();
        Self {
            address_space: space.left_bytes(),
            maps: maps.map_or(65_530, |figure| figure.value),
        }
    }

    /// As many as the memory of the machine bears.
    fn pool_slots(&self, bears: u64) -> u64 {
        let (least, most) = POOL_SLOTS;
        let by_maps = self.maps / 4 / MAPS_PER_SLOT;
        bears.clamp(least, most).min(by_maps.max(least))
    }

    /// Pools of as many slots as are wanted and fewer, not below the least.
    fn pools(&self, width: Width, wanted: Option<u64>, least: u64) -> Vec<Rung> {
        let Some(wanted) = wanted else {
            return Vec::new();
        };
        let fewer = [256, 64, 32, 16, 8, 4].into_iter();
        let fewer = fewer.filter(|slots| least <= *slots && *slots < wanted);
        let sizes = std::iter::once(wanted).chain(fewer);
        let borne = sizes.filter(|slots| self.bears(*slots, width));
        let rungs = borne.map(|slots| Rung {
            width,
            pool: Some(count(slots)),
            on_demand: count(self.on_demand(width, slots)),
        });
        rungs.collect()
    }

    fn bears(&self, slots: u64, width: Width) -> bool {
        let needed = slots.saturating_mul(width.whole() + POOL_SLOT_BYTES);
        self.for_width(width).is_none_or(|room| needed <= room)
    }

    /// Address space; `None` for no limit. A third is left for the other
    /// profile and for compiling.
    fn for_width(&self, width: Width) -> Option<u64> {
        let elsewhere = match width {
            Width::Wide | Width::Narrow => ELSEWHERE_BYTES,
            Width::Slim => ELSEWHERE_BYTES_LEAST,
        };
        self.address_space
            .map(|left| left.saturating_sub(elsewhere) / 3 * 2)
    }

    /// How many on demand, beside a pool of so many slots.
    fn on_demand(&self, width: Width, pool: u64) -> u64 {
        let by_maps = self.maps / 4 / MAPS_PER_SLOT;
        let by_space = self.for_width(width).map_or(u64::MAX, |room| {
            let pool = pool.saturating_mul(width.whole());
            room.saturating_sub(pool) / width.whole()
        });
        ON_DEMAND_SLOTS.min(by_maps).min(by_space).max(1)
    }
}

fn count(slots: u64) -> u32 {
    u32::try_from(slots).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    use patinox_resources::{Figure, Origin};

    const GIB: u64 = 1 << 30;

    /// Memory, and address space that is left.
    type Has = (u64, AddressSpace);

    fn machine(memory: u64, left: Option<u64>) -> Has {
        let figure = |value| Figure {
            value,
            origin: Origin::File(PathBuf::new()),
        };
        let space = AddressSpace {
            limit_bytes: left.map(figure),
            used_bytes: left.map(|_| figure(0)),
            map_count_max: Some(figure(65_530)),
        };
        (memory, space)
    }

    #[track_caller]
    fn check(has: &Has, allocation: Allocation, first: (Width, Option<u32>, u32)) {
        let (memory, space) = has;
        let rungs = rungs(space, memory / 2 / BYTES_PER_CALL, allocation);
        let rung = rungs.first().expect("the last always works");
        assert_eq!((rung.width, rung.pool, rung.on_demand), first, "{rungs:?}");
        let last = rungs.last().unwrap();
        assert_eq!((last.width, last.pool), (Width::Slim, None), "{rungs:?}");
    }

    #[test]
    fn takes_the_best_that_the_address_space_bears() {
        let pool = Allocation::default();
        check(
            &machine(24 * GIB, None),
            pool,
            (Width::Wide, Some(192), 256),
        );
        check(&machine(GIB, None), pool, (Width::Wide, Some(16), 256));
        check(
            &machine(1 << 50, None),
            pool,
            (Width::Wide, Some(1_000), 256),
        );
        let limited = |gib| machine(24 * GIB, Some(gib * GIB));
        check(&limited(4_000), pool, (Width::Wide, Some(192), 256));
        check(&limited(500), pool, (Width::Wide, Some(64), 18));
        check(&limited(100), pool, (Width::Wide, Some(16), 1));
        check(&limited(60), pool, (Width::Narrow, Some(64), 93));
        check(&limited(8), pool, (Width::Narrow, Some(16), 2));
        check(&limited(4), pool, (Width::Narrow, None, 7));
        check(&limited(2), pool, (Width::Slim, Some(16), 2));
        check(&limited(1), pool, (Width::Slim, Some(4), 3));
        let hardly = machine(24 * GIB, Some(GIB / 2));
        check(&hardly, pool, (Width::Slim, None, 3));
    }

    #[test]
    fn one_call_needs_no_pool() {
        let once = Allocation::OnDemand { slots: None };
        check(&machine(24 * GIB, None), once, (Width::Wide, None, 256));
        check(
            &machine(24 * GIB, Some(8 * GIB)),
            once,
            (Width::Narrow, None, 18),
        );
    }

    #[test]
    fn takes_the_number_that_is_asked_for() {
        let many = Allocation::Pool {
            slots: Some(10_000),
        };
        let machine = machine(24 * GIB, None);
        check(&machine, many, (Width::Wide, Some(10_000), 256));
        let few = Allocation::OnDemand { slots: Some(3) };
        check(&machine, few, (Width::Wide, None, 3));
    }
}
