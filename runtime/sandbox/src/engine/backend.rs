//! One engine of the library's: a way to allocate, with the imports linked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use patinox_resources::Registry;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::error::Error;
use crate::imports::{self, linked::component::Linker};
use crate::router::{Router, Target, TargetKind, TargetName};
use crate::settings::{self, Tunables};
use crate::slots::Slots;
use crate::state::State;

use super::{Profile, ticker};

/// What one component may have to run from a pool. The defaults of a call's
/// limits are within it; a call that raises them runs on demand.
const COMPONENT_MEMORIES: u32 = 8;
const COMPONENT_TABLES: u32 = 64;
const COMPONENT_CORE_INSTANCES: u32 = 64;

/// The most elements of a table from a pool.
pub(super) const POOL_TABLE_ELEMENTS: u64 = 10_000;

/// Bytes of a memory that stay resident between two calls, zeroed instead of
/// given back to the kernel: more makes light calls pay for heavy ones.
const MEMORY_RESIDENT: usize = 256 << 10;
const TABLE_RESIDENT: usize = 64 << 10;

/// The same where every byte of it is written, not only what the call before
/// has written to.
const MEMORY_RESIDENT_COPIED: usize = 128 << 10;

/// The most slots that keep a component's memory for its next call.
const WARM_SLOTS: u32 = 256;

/// How a memory of the pool becomes fresh again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reset {
    /// What the kernel says was written to. It does not say so of pages that it
    /// has swapped out, so only where there is no swap.
    Written,
    /// All that stays resident.
    All,
}

/// How a backend allocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pool { slots: u32, reset: Reset },
    OnDemand { slots: u32 },
}

/// What a pool keeps of calls that have ended, for the next ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// How many memories.
    pub(super) memories: usize,
    /// How much of them and of tables is resident, in bytes.
    pub(super) bytes: u64,
}

/// One engine, its imports linked, and room for its instances.
pub(crate) struct Backend {
    /// Tells one from another; never used again.
    pub(crate) id: u64,
    pub(crate) engine: wasmtime::Engine,
    pub(crate) linker: Linker<State>,
    pub(super) slots: Slots,
    pub(super) kind: Kind,
    /// Told when an instance is gone.
    pub(super) router: Arc<dyn Router>,
    profile: Profile,
    retired: AtomicBool,
    draining: AtomicBool,
}

impl Backend {
    pub(super) fn new(
        tunables: &Tunables,
        kind: Kind,
        (registry, router): (&Registry, &Arc<dyn Router>),
    ) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let engine = wasmtime::Engine::new(&config(tunables, kind)).map_err(Error::internal)?;
        let mut linker = Linker::new(&engine, |state: &mut State| &mut state.meter);
        imports::link(&mut linker).map_err(Error::internal)?;
        ticker::start(tunables.profile, &engine, registry)?;
        let (Kind::Pool { slots, .. } | Kind::OnDemand { slots }) = kind;
        Ok(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            engine,
            linker,
            slots: Slots::new(slots),
            kind,
            router: Arc::clone(router),
            profile: tunables.profile,
            retired: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        })
    }

    /// What is kept for the next calls; nothing without a pool.
    pub(super) fn kept(&self) -> Kept {
        let Some(metrics) = self.engine.pooling_allocator_metrics() else {
            return Kept::default();
        };
        let bytes = [
            metrics.unused_memory_bytes_resident(),
            metrics.unused_table_bytes_resident(),
        ];
        let bytes = bytes.into_iter().fold(0, usize::saturating_add);
        let memories = usize::try_from(metrics.unused_warm_memories());
        Kept {
            memories: memories.unwrap_or(usize::MAX),
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        }
    }

    pub(crate) const fn is_pool(&self) -> bool {
        matches!(self.kind, Kind::Pool { .. })
    }

    /// Whether no call begins here any more.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// Lets no call begin here any more; those that wait for slots go elsewhere.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        self.slots.close();
    }

    /// Whether no instance is to be made here for now.
    pub(super) fn is_draining(&self) -> bool {
        // Ordered with the slots: whoever drains it sees those that are taken, or
        // whoever takes some sees this.
        self.draining.load(Ordering::SeqCst)
    }

    pub(super) fn set_draining(&self, is_draining: bool) {
        self.draining.store(is_draining, Ordering::SeqCst);
    }

    pub(super) const fn name(&self) -> TargetName {
        TargetName {
            profile: self.profile,
            kind: match self.kind {
                Kind::Pool {
                    reset: Reset::Written,
                    ..
                } => TargetKind::Pool,
                Kind::Pool {
                    reset: Reset::All, ..
                } => TargetKind::PoolWithoutScan,
                Kind::OnDemand { .. } => TargetKind::OnDemand,
            },
        }
    }

    /// What a router is told of it.
    pub(super) fn target(&self) -> Target {
        let (slots, free_slots) = self.slots.of_roots();
        Target {
            name: self.name(),
            slots,
            free_slots,
            waiting: self.slots.waiting(),
            is_draining: self.is_draining(),
        }
    }
}

fn config(tunables: &Tunables, kind: Kind) -> Config {
    let mut config = settings::config(tunables);
    config.allocation_strategy(match kind {
        Kind::OnDemand { .. } => InstanceAllocationStrategy::OnDemand,
        Kind::Pool { slots, reset } => {
            InstanceAllocationStrategy::Pooling(pool(tunables, slots, reset))
        }
    });
    config
}

/// Memories are what a slot stands for. Of everything else there is as much as
/// that many of the largest components need, so that nothing else runs out.
fn pool(tunables: &Tunables, slots: u32, reset: Reset) -> PoolingAllocationConfig {
    let memory = usize::try_from(tunables.memory_reservation).unwrap_or(usize::MAX);
    let elements = usize::try_from(POOL_TABLE_ELEMENTS).unwrap_or(usize::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .total_memories(slots)
        .total_core_instances(slots.saturating_mul(COMPONENT_CORE_INSTANCES))
        .total_tables(slots.saturating_mul(COMPONENT_TABLES))
        .max_memories_per_component(COMPONENT_MEMORIES)
        .max_memories_per_module(COMPONENT_MEMORIES)
        .max_tables_per_component(COMPONENT_TABLES)
        .max_tables_per_module(COMPONENT_TABLES)
        .max_core_instances_per_component(COMPONENT_CORE_INSTANCES)
        .max_memory_size(memory)
        .table_elements(elements)
        .table_keep_resident(TABLE_RESIDENT)
        .max_unused_warm_slots(slots.min(WARM_SLOTS));
    match reset {
        Reset::Written => pool
            .pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(MEMORY_RESIDENT),
        Reset::All => pool
            .pagemap_scan(Enabled::No)
            .linear_memory_keep_resident(MEMORY_RESIDENT_COPIED),
    };
    pool
}
