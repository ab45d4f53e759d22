//! What an engine can let go of.

use std::sync::{Mutex, PoisonError};

use patinox_resources::{Cause, CleanupError, Demand, Freed, Kind, Reclaim, Resource, Stage};

use super::Engine;
use super::backend::Kept;
use super::profiled::Chosen;
use crate::component::WeakComponent;

/// What all of this relieves.
pub(crate) const MEMORY: &[Resource] = &[Resource::Memory, Resource::MemoryStall, Resource::Swap];

/// What is kept of less than this is not worth another pool.
const LEAST_BYTES: u64 = 1 << 20;

/// Calls never have fewer slots of a pool.
const LEAST_SLOTS: usize = 16;

impl Engine {
    /// What can be let go of: memory that the pools keep for the next calls, and
    /// slots of the pools.
    #[must_use]
    pub fn sources(&self) -> Vec<Box<dyn Reclaim>> {
        vec![
            Box::new(WarmMemories {
                engine: self.clone(),
                calls: Mutex::default(),
            }),
            Box::new(PoolSlots(self.clone())),
        ]
    }

    /// Puts pools that keep nothing in the place of those where no call runs. Where
    /// there is no address space for another one, the pool stays with what it keeps.
    fn replace_pools(&self) -> Freed {
        let mut freed = Freed::default();
        for chosen in self.made() {
            let (kept, is_replaced) = chosen.replace_pool(LEAST_BYTES);
            let replaced = if is_replaced { kept } else { Kept::default() };
            let all = Freed::all(kept.memories, 0).count;
            let gone = Freed::all(replaced.memories, replaced.bytes);
            freed.attempted = freed.attempted.saturating_add(all);
            freed.count = freed.count.saturating_add(gone.count);
            freed.bytes = freed.bytes.saturating_add(gone.bytes);
        }
        let components: Vec<_> = {
            let components = self.components();
            components
                .iter()
                .filter_map(WeakComponent::upgrade)
                .collect()
        };
        for component in components {
            component.unlink_retired();
        }
        freed
    }

    /// What has been made of the two profiles.
    pub(super) fn made(&self) -> impl Iterator<Item = &Chosen> {
        let profiled = [&self.0.lean, &self.0.strict];
        profiled
            .into_iter()
            .filter_map(|profiled| profiled.chosen.get())
    }
}

/// Memory that the pools keep for the next calls.
struct WarmMemories {
    engine: Engine,
    /// How many instances had ever been made at the last look for what is idle.
    calls: Mutex<Option<usize>>,
}

impl WarmMemories {
    /// Whether no call has begun since the last look.
    fn is_idle(&self) -> bool {
        let made = self.engine.registry().made().of(Kind::Instance).entries;
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.replace(made) == Some(made)
    }
}

impl Reclaim for WarmMemories {
    fn name(&self) -> &'static str {
        "warm memories"
    }

    fn stage(&self) -> Stage {
        Stage::EvictIdle
    }

    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError> {
        let is_wanted = match demand.cause {
            Cause::Idle => self.is_idle(),
            Cause::Pressure | Cause::Asked => demand.is_for(MEMORY),
        };
        if !is_wanted {
            return Ok(Freed::default());
        }
        Ok(self.engine.replace_pools())
    }
}

/// Slots of the pools: half as many for calls after each step, of those that are
/// free.
struct PoolSlots(Engine);

impl Reclaim for PoolSlots {
    fn name(&self) -> &'static str {
        "pool slots"
    }

    fn stage(&self) -> Stage {
        Stage::ShrinkPools
    }

    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError> {
        if !demand.is_for(MEMORY) {
            return Ok(Freed::default());
        }
        let slots = self.0.made().filter_map(Chosen::pool_slots);
        let gone = slots.map(|slots| slots.withhold(LEAST_SLOTS));
        Ok(Freed::all(gone.sum(), 0))
    }

    fn restore(&self, left: &Demand) {
        if left.presses(MEMORY) {
            return;
        }
        for slots in self.0.made().filter_map(Chosen::pool_slots) {
            slots.restore();
        }
    }
}

#[cfg(feature = "compile")]
#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use patinox_policy::{Limits, LoadLimits, Policy};
    use patinox_resources::{Reading, Reclaimer};

    use super::*;
    use crate::component::Component;
    use crate::engine::{Allocation, EngineConfig};
    use crate::sandbox::{Run, Sandbox};
    use crate::value::Arguments;

    /// A component with six memories, each of which a call writes to.
    fn writer(engine: &Engine) -> Sandbox {
        let instances = "(core instance (instantiate $module))".repeat(5);
        let text = format!(
            r#"(component
                (core module $module
                    (memory 8)
                    (func $write (memory.fill (i32.const 0) (i32.const 7) (i32.const 400000)))
                    (start $write)
                    (func (export "run")))
                {instances}
                (core instance $last (instantiate $module))
                (func (export "run") (canon lift (core func $last "run"))))"#
        );
        let bytes = wat::parse_str(text).expect("a component");
        let component = Component::new(engine, &bytes, &LoadLimits::default());
        Sandbox::new(component.expect("a component"), Policy::default()).expect("a sandbox")
    }

    async fn call(sandbox: &Sandbox) {
        let export = sandbox.component().exports().first().expect("a function");
        let run = Run::new(Limits::default());
        let outcome = sandbox.call(export, &Arguments(Vec::new()), &run).await;
        outcome.result.expect("an answer");
    }

    #[tokio::test]
    async fn what_was_kept_goes_once_no_call_has_come_for_a_minute() {
        let engine = Engine::new(EngineConfig {
            allocation: Allocation::Pool { slots: Some(16) },
            ..EngineConfig::default()
        });
        let sandbox = writer(&engine);
        call(&sandbox).await;
        let reclaimer = Reclaimer::new(engine.sources(), |_| {});
        let start = Instant::now();
        let look = |seconds| {
            let now = start + Duration::from_secs(seconds);
            let steps = reclaimer.look(&Reading::default(), now);
            steps.iter().map(|step| step.freed.bytes).sum::<u64>()
        };
        // From the first look on it is counted.
        assert_eq!([look(0), look(60)], [0, 0]);
        call(&sandbox).await;
        assert_eq!(look(120), 0);
        let freed = look(180);
        assert!(6 * (256 << 10) <= freed, "{freed}");
        // Nothing more is kept, and calls go on.
        assert_eq!(look(240), 0);
        call(&sandbox).await;
    }
}
