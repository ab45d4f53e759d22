//! What an engine can let go of.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

use patinox_resources::{Cause, CleanupError, Demand, Freed, Kind, Reclaim, Resource, Stage};

use super::Engine;
use super::backend::{Backend, Kept};
use crate::component::WeakComponent;
use crate::error::Error;

/// What all of this relieves.
pub(crate) const MEMORY: &[Resource] = &[Resource::Memory, Resource::MemoryStall, Resource::Swap];

/// What is kept of less than this is not worth another pool.
const LEAST_BYTES: u64 = 1 << 20;

/// A pool never has fewer slots.
const LEAST_SLOTS: u32 = 16;

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

    /// Puts pools of other sizes in the place of those that there are.
    fn replace_pools(
        &self,
        slots: impl Fn(&Backend, u32, Option<u32>) -> Option<u32>,
    ) -> Result<Kept, Error> {
        let mut kept = Kept::default();
        for profiled in [&self.0.lean, &self.0.strict] {
            let Some(chosen) = profiled.chosen.get() else {
                continue;
            };
            let replaced = chosen.replace_pool(|main, now| slots(main, now, chosen.full()))?;
            kept.memories = kept.memories.saturating_add(replaced.memories);
            kept.bytes = kept.bytes.saturating_add(replaced.bytes);
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
        Ok(kept)
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
        let kept = self.engine.replace_pools(|main, slots, _| {
            // What runs would hold the old one, and take up both.
            let is_worth_it = LEAST_BYTES <= main.kept().bytes;
            (is_worth_it && (demand.cause != Cause::Idle || main.live() == 0)).then_some(slots)
        })?;
        Ok(Freed::all(kept.memories, kept.bytes))
    }
}

/// Slots of the pools: half as many after each step.
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
        let gone = Cell::new(0_usize);
        let kept = self.0.replace_pools(|main, slots, _| {
            let live = u32::try_from(main.live()).unwrap_or(u32::MAX);
            let fewer = (slots / 2).max(live).max(LEAST_SLOTS);
            let less = slots.checked_sub(fewer).filter(|less| 0 < *less)?;
            gone.update(|gone| gone.saturating_add(usize::try_from(less).unwrap_or(0)));
            Some(fewer)
        })?;
        Ok(Freed::all(gone.get(), kept.bytes))
    }

    fn restore(&self, left: &Demand) {
        if left.presses(MEMORY) {
            return;
        }
        // Where there is no room for that, it stays as small as it is.
        let _ = self
            .0
            .replace_pools(|_, slots, full| full.filter(|full| slots < *full));
    }
}

#[cfg(feature = "compile")]
#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use patinox_policy::{Limits, LoadLimits};
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
        Sandbox::new(component.expect("a component"), &[]).expect("a sandbox")
    }

    async fn call(sandbox: &Sandbox) {
        let export = sandbox.component().exports().first().expect("a function");
        let run = Run::new(Limits::default());
        let outcome = sandbox.call(export, &Arguments(Vec::new()), run).await;
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
