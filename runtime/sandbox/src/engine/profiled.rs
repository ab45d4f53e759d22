//! The engines of one profile: made when they are needed.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use patinox_resources::{
    Constraints, Detector, Kind as Held, Owner, Registered, Registry, Shared, Swap, SwapWatch,
};

use tokio::sync::Notify;

use super::backend::{Backend, Kept, Kind, Reset};
use super::ladder::{Allocation, BYTES_PER_CALL, Rung, Width, rungs};
use super::{Allocated, Profile};
use crate::error::Error;
use crate::router::{Router, Target, TargetKind, TargetName};
use crate::settings::Tunables;
use crate::slots::Slots;

/// The engines of one profile, all with the same tunables: what is compiled
/// for one runs on each.
pub(super) struct Profiled {
    profile: Profile,
    registry: Registry,
    pub(super) chosen: OnceLock<Chosen>,
    /// Held while a choice is made: two at once would take the address space
    /// twice.
    choosing: Mutex<()>,
}

/// What the machine bears.
pub(super) struct Chosen {
    registry: Registry,
    router: Arc<dyn Router>,
    pub(super) tunables: Tunables,
    rung: Rung,
    main: Shared<Arc<Backend>>,
    beside: OnceLock<Arc<Backend>>,
    making: Mutex<()>,
    /// Told when one of them begins or ends to drain.
    pub(super) changed: Notify,
}

/// What tells whether memory can be swapped out.
///
/// Unknown counts as yes.
pub(super) struct SwapState {
    watch: Option<SwapWatch>,
    _entry: Registered,
}

impl SwapState {
    fn watch(detector: &Detector, registry: &Registry) -> Self {
        let entry = registry.register(Held::Task, Owner::new("swap"), 0);
        // Nothing is to be done at the change: every call looks.
        Self {
            watch: detector.watch_swap(|_| {}).ok(),
            _entry: entry,
        }
    }

    fn can_swap(&self) -> bool {
        let swap = self.watch.as_ref().map(SwapWatch::swap);
        !matches!(swap, Some(Swap::Absent | Swap::Forbidden))
    }

    fn reset(&self) -> Reset {
        if self.can_swap() {
            Reset::All
        } else {
            Reset::Written
        }
    }
}

impl Profiled {
    pub(super) const fn new(profile: Profile, registry: Registry) -> Self {
        Self {
            profile,
            registry,
            chosen: OnceLock::new(),
            choosing: Mutex::new(()),
        }
    }

    /// The engines, chosen by what the machine has left at the first call.
    pub(super) fn chosen(
        &self,
        (allocation, router): (Allocation, &Arc<dyn Router>),
        detector: &Detector,
        swap: &OnceLock<SwapState>,
    ) -> Result<&Chosen, Error> {
        if let Some(chosen) = self.chosen.get() {
            return Ok(chosen);
        }
        let choosing = self.choosing.lock();
        let _choosing = choosing.unwrap_or_else(PoisonError::into_inner);
        if let Some(chosen) = self.chosen.get() {
            return Ok(chosen);
        }
        let space = detector.address_space();
        let bears = match allocation {
            Allocation::Pool { slots: None } => {
                Constraints::of(&detector.detect()).holders(BYTES_PER_CALL)
            }
            // Nobody asks.
            _ => 0,
        };
        let rungs = rungs(&space, bears, allocation);
        let reset = || {
            let swap = swap.get_or_init(|| SwapState::watch(detector, &self.registry));
            swap.reset()
        };
        let chosen = Chosen::by(self.profile, (&self.registry, router), rungs, reset)?;
        Ok(self.chosen.get_or_init(|| chosen))
    }
}

impl Chosen {
    /// Climbs down until an engine can be made.
    fn by(
        profile: Profile,
        (registry, router): (&Registry, &Arc<dyn Router>),
        rungs: Vec<Rung>,
        reset: impl Fn() -> Reset,
    ) -> Result<Self, Error> {
        let mut refused = None;
        for rung in rungs {
            let (memory_reservation, memory_guard) = rung.width.bytes();
            let tunables = Tunables {
                profile,
                memory_reservation,
                memory_guard,
            };
            let kind = match rung.pool {
                Some(slots) => Kind::Pool {
                    slots,
                    reset: reset(),
                },
                None => Kind::OnDemand {
                    slots: rung.on_demand,
                },
            };
            match Backend::new(&tunables, kind, (registry, router)) {
                Ok(main) => {
                    return Ok(Self {
                        registry: registry.clone(),
                        router: Arc::clone(router),
                        tunables,
                        rung,
                        main: Shared::new(Arc::new(main)),
                        beside: OnceLock::new(),
                        making: Mutex::new(()),
                        changed: Notify::new(),
                    });
                }
                Err(error) => refused = Some(error),
            }
        }
        let nowhere = || Error::Internal("no way to allocate instances".into());
        Err(refused.unwrap_or_else(nowhere))
    }

    /// Where calls run. Once memory can be swapped out, a pool that asks the
    /// kernel what was written to takes no more calls: another takes its place,
    /// and the old one goes when its last call has ended.
    pub(super) fn main(&self, swap: Option<&SwapState>) -> Result<Arc<Backend>, Error> {
        let is_safe = |kind| match kind {
            Kind::Pool {
                reset: Reset::Written,
                ..
            } => swap.is_some_and(|swap| !swap.can_swap()),
            _ => true,
        };
        let main = self.main.with(Arc::clone);
        if is_safe(main.kind) {
            return Ok(main);
        }
        self.main.update(|main| {
            let main: &Arc<Backend> = main;
            let Kind::Pool {
                slots,
                reset: Reset::Written,
            } = main.kind
            else {
                return (None, Ok(Arc::clone(main)));
            };
            match self.safe(slots) {
                Ok(safe) => {
                    // Whoever drained it, or has it smaller, does not mean this kernel.
                    safe.set_draining(main.is_draining() || safe.is_draining());
                    if safe.is_pool() {
                        safe.slots.withhold_as(&main.slots);
                    }
                    main.retire();
                    (Some(Arc::clone(&safe)), Ok(safe))
                }
                Err(error) => (None, Err(error)),
            }
        })
    }

    /// Has another pool take the place of this one, if there is a pool where no
    /// call runs and that keeps that much. The old one takes no more calls, and
    /// goes with what it keeps when nothing is linked there. Tells what it keeps,
    /// and whether that goes: not where there is no room for another one beside it.
    pub(super) fn replace_pool(&self, least_bytes: u64) -> (Kept, bool) {
        self.main.update(|main| {
            let kept = main.kept();
            if !main.is_pool() || kept.bytes < least_bytes || main.slots.are_used() {
                return (None, (Kept::default(), false));
            }
            let Ok(next) = self.backend_of(main.kind) else {
                return (None, (kept, false));
            };
            // Beside what runs there would be room for as many calls again.
            if !main.slots.close_unused() {
                return (None, (Kept::default(), false));
            }
            main.retire();
            next.slots.withhold_as(&main.slots);
            next.set_draining(main.is_draining());
            (Some(Arc::new(next)), (kept, true))
        })
    }

    fn backend_of(&self, kind: Kind) -> Result<Backend, Error> {
        Backend::new(&self.tunables, kind, (&self.registry, &self.router))
    }

    /// The slots of the pool, if there is one.
    pub(super) fn pool_slots(&self) -> Option<Slots> {
        self.main
            .with(|main| main.is_pool().then(|| main.slots.clone()))
    }

    /// A pool that asks the kernel nothing. Where there is no address space for a
    /// second one, the calls run without.
    fn safe(&self, slots: u32) -> Result<Arc<Backend>, Error> {
        let kind = Kind::Pool {
            slots,
            reset: Reset::All,
        };
        match self.backend_of(kind) {
            Ok(safe) => Ok(Arc::new(safe)),
            Err(_) => self.beside(),
        }
    }

    /// Where what does not fit the pool runs.
    pub(super) fn beside(&self) -> Result<Arc<Backend>, Error> {
        if let Some(beside) = self.beside.get() {
            return Ok(Arc::clone(beside));
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(beside) = self.beside.get() {
            return Ok(Arc::clone(beside));
        }
        let kind = Kind::OnDemand {
            slots: self.rung.on_demand,
        };
        let beside = Arc::new(self.backend_of(kind)?);
        Ok(Arc::clone(self.beside.get_or_init(|| beside)))
    }

    /// What is beside the pool, made or not.
    pub(super) fn target_beside(&self) -> Target {
        self.beside.get().map_or_else(
            || {
                // Made when a call needs it first.
                let slots = Slots::roots_of(self.rung.on_demand);
                Target {
                    name: TargetName {
                        profile: self.tunables.profile,
                        kind: TargetKind::OnDemand,
                    },
                    slots,
                    free_slots: slots,
                    waiting: 0,
                    is_draining: false,
                }
            },
            |beside| beside.target(),
        )
    }

    /// All that there is.
    pub(super) fn targets(&self) -> Vec<Target> {
        let main = self.main.with(|main| (main.target(), main.is_pool()));
        let beside = main.1.then(|| self.target_beside());
        [main.0].into_iter().chain(beside).collect()
    }

    /// The one of this name; made, if it is what there is beside the pool.
    pub(super) fn backend(&self, name: TargetName) -> Option<Arc<Backend>> {
        let main = self.main.with(Arc::clone);
        if main.name() == name {
            return Some(main);
        }
        let is_beside = main.is_pool()
            && name.kind == TargetKind::OnDemand
            && name.profile == self.tunables.profile;
        if is_beside { self.beside().ok() } else { None }
    }

    /// Whether calls that find the pool full run beside it. Where address space
    /// is that short, only what is made ahead can be counted on.
    pub(super) fn spills(&self) -> bool {
        self.rung.width != Width::Slim
    }

    /// What has been chosen, for people.
    pub(super) fn describe(&self, swap: Option<&SwapState>) -> Result<Allocated, Error> {
        let main = self.main(swap)?;
        let (pool_slots, reset) = match main.kind {
            Kind::Pool { slots, reset } => (Some(slots), Some(reset)),
            Kind::OnDemand { .. } => (None, None),
        };
        let beside = pool_slots.map(|_| self.target_beside());
        let main_target = main.target();
        // Where address space is short, none that find the pool full go there.
        let spilled = beside.filter(|_| self.spills());
        let sum = |of: fn(&Target) -> usize| {
            let of_beside = spilled.as_ref().map_or(0, of);
            of(&main_target).saturating_add(of_beside)
        };
        let free_beside = match self.beside.get() {
            _ if pool_slots.is_none() => 0,
            Some(beside) => beside.slots.free(),
            None => usize::try_from(self.rung.on_demand).unwrap_or(usize::MAX),
        };
        Ok(Allocated {
            pool_slots,
            on_demand_slots: self.rung.on_demand,
            free_slots: main.slots.free().saturating_add(free_beside),
            call_slots: sum(|target| target.slots),
            free_call_slots: sum(|target| target.free_slots),
            waiting_calls: sum(|target| target.waiting),
            memory_reservation_bytes: self.tunables.memory_reservation,
            pagemap_scan: reset == Some(Reset::Written),
        })
    }
}
