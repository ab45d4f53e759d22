//! The engine: a profile's compiler settings, and where its instances get
//! their memory.

mod backend;
mod ladder;
mod place;
mod profiled;
mod relief;
mod ticker;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use patinox_resources::{Detector, Registry};
use patinox_telemetry::Clock;
use serde::{Deserialize, Serialize};

pub(crate) use backend::Backend;
pub use ladder::Allocation;
pub(crate) use ladder::Width;
pub(crate) use place::Placed;

use crate::authority::Variables;
use crate::component::WeakComponent;
use crate::error::Error;
use crate::imports::Imports;
use crate::router::{InOrder, Router};
use crate::scratch::Scratch;
use crate::settings::Tunables;
use crate::storage::KeyValue;
use profiled::{Chosen, Profiled, SwapState};

/// How a component is metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// By fuel. For components in which fuel sees all work.
    Lean,
    /// By fuel and by time. For components with others inside them: values that
    /// pass from one to the other are copied by the engine, and fuel does not
    /// see that.
    Strict,
}

impl Profile {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lean => "lean",
            Self::Strict => "strict",
        }
    }
}

/// What an engine is made of.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// How instances get their memory.
    pub allocation: Allocation,
    /// What tells what the machine has.
    pub detector: Detector,
    /// What tells guests the time.
    pub clock: Clock,
    /// What the embedder himself offers to components.
    pub imports: Imports,
    /// The variables of the host that may be handed on, where they are granted.
    pub variables: Variables,
    /// Below which folder calls get folders of their own, where that is granted: it is
    /// made, and ours alone. Without one that cannot be granted.
    pub scratch: Option<PathBuf>,
    /// Where guests keep what is granted to them. Without one that cannot be granted.
    pub key_value: Option<Arc<dyn KeyValue>>,
    /// Where it is written down who holds what.
    pub registry: Registry,
    /// Chooses where each instance runs.
    pub router: Arc<dyn Router>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            allocation: Allocation::default(),
            detector: Detector::default(),
            clock: Clock::default(),
            imports: Imports::default(),
            variables: Variables::default(),
            scratch: None,
            key_value: None,
            registry: Registry::default(),
            router: Arc::new(InOrder),
        }
    }
}

/// How the instances of a profile get their memory on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocated {
    /// How many memories the pool has; `None` where there is no pool.
    pub pool_slots: Option<u32>,
    /// How many memories there are on demand, beside the pool or alone.
    pub on_demand_slots: u32,
    /// How many of them all no call holds at this moment.
    pub free_slots: usize,
    /// How many of them all are for calls that no other call makes; the others are
    /// kept for those that do.
    pub call_slots: usize,
    /// How many of these no call holds at this moment.
    pub free_call_slots: usize,
    /// How many calls wait for some of them.
    pub waiting_calls: usize,
    /// Address space for each memory, in bytes: no memory grows beyond it.
    pub memory_reservation_bytes: u64,
    /// Whether the kernel is asked what a call has written to. Never where
    /// memory can be swapped out.
    pub pagemap_scan: bool,
}

/// Runs components, and holds what all their calls share.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    config: EngineConfig,
    lean: Profiled,
    strict: Profiled,
    scratch: Arc<Scratch>,
    /// Watched from the first pool on.
    swap: OnceLock<SwapState>,
    /// All that is linked, so that it can be unlinked where no call begins any
    /// more.
    components: Mutex<Vec<WeakComponent>>,
}

impl Engine {
    /// Makes an engine. What runs a profile is made when the first component
    /// needs it, by what the machine has left then.
    #[must_use]
    pub fn new(config: EngineConfig) -> Self {
        let profiled = |profile| Profiled::new(profile, config.registry.clone());
        Self(Arc::new(Shared {
            lean: profiled(Profile::Lean),
            strict: profiled(Profile::Strict),
            scratch: Arc::new(Scratch::new(config.scratch.as_deref())),
            config,
            swap: OnceLock::new(),
            components: Mutex::default(),
        }))
    }

    /// How the instances of a profile get their memory.
    ///
    /// # Errors
    ///
    /// If this machine cannot run compiled code.
    pub fn allocated(&self, profile: Profile) -> Result<Allocated, Error> {
        self.chosen(profile)?.describe(self.0.swap.get())
    }

    /// The same of a profile for which something has been loaded; `None` for
    /// another one, which is not made for this.
    #[must_use]
    pub fn allocated_so_far(&self, profile: Profile) -> Option<Result<Allocated, Error>> {
        let chosen = self.profiled(profile).chosen.get()?;
        Some(chosen.describe(self.0.swap.get()))
    }

    /// What a component is compiled with.
    pub(crate) fn tunables(&self, profile: Profile) -> Result<Tunables, Error> {
        Ok(self.chosen(profile)?.tunables)
    }

    /// Where a component is linked first: in the pool, if there is one.
    pub(crate) fn main(&self, profile: Profile) -> Result<Arc<Backend>, Error> {
        self.chosen(profile)?.main(self.0.swap.get())
    }

    /// Where a component is linked that does not fit the pool.
    pub(crate) fn beside(&self, profile: Profile) -> Result<Arc<Backend>, Error> {
        self.chosen(profile)?.beside()
    }

    /// A component has been linked.
    pub(crate) fn remember(&self, component: WeakComponent) {
        let mut components = self.components();
        // Room is made for one more: those that are gone leave theirs.
        if components.len() == components.capacity() {
            components.retain(WeakComponent::is_there);
        }
        components.push(component);
    }

    fn components(&self) -> MutexGuard<'_, Vec<WeakComponent>> {
        let components = self.0.components.lock();
        components.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn imports(&self) -> &Imports {
        &self.0.config.imports
    }

    #[cfg(feature = "compile")]
    pub(crate) fn detector(&self) -> &Detector {
        &self.0.config.detector
    }

    pub(crate) fn variables(&self) -> &Variables {
        &self.0.config.variables
    }

    pub(crate) fn scratch(&self) -> &Arc<Scratch> {
        &self.0.scratch
    }

    /// Where guests keep what is granted to them; `None` where nothing can be.
    #[must_use]
    pub fn key_value(&self) -> Option<&Arc<dyn KeyValue>> {
        self.0.config.key_value.as_ref()
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.config.registry
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.config.clock
    }

    fn profiled(&self, profile: Profile) -> &Profiled {
        match profile {
            Profile::Lean => &self.0.lean,
            Profile::Strict => &self.0.strict,
        }
    }

    fn chosen(&self, profile: Profile) -> Result<&Chosen, Error> {
        let EngineConfig {
            allocation,
            detector,
            clock: _,
            imports: _,
            variables: _,
            scratch: _,
            key_value: _,
            registry: _,
            router,
        } = &self.0.config;
        self.profiled(profile)
            .chosen((*allocation, router), detector, &self.0.swap)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
