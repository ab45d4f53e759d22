//! The engine: compiler and store settings, and the imports linked once.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use patinox_telemetry::Clock;
use wasmtime::{Config, EngineWeak, OptLevel, Strategy};

use crate::error::Error;
use crate::imports::{self, linked::component::Linker};
use crate::state::State;

/// The guest's stack, in bytes. Deeper recursion ends as `component/stack`.
const MAX_WASM_STACK: usize = 512 << 10;

/// The native stack that a call runs on: the guest's, and room for the host's
/// functions below it.
const NATIVE_STACK: usize = 2 << 20;

/// Address space for each linear memory, and the guard behind it: all that 32
/// bits reach, so that no access needs a check.
const MEMORY_RESERVATION: u64 = 4 << 30;
const MEMORY_GUARD: u64 = 32 << 20;

/// How often a guest on the strict profile looks at the deadline.
const TICK: Duration = Duration::from_millis(1);

/// How a component is metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Compiles components and holds what all their calls share.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    lean: Compiler,
    /// Made when the first component needs it.
    strict: OnceLock<Compiler>,
    clock: Clock,
}

/// One profile's engine, and its imports linked.
pub(crate) struct Compiler {
    pub(crate) engine: wasmtime::Engine,
    pub(crate) linker: Linker<State>,
}

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    ///
    /// If this machine cannot run the compiled code.
    pub fn new(clock: Clock) -> Result<Self, Error> {
        Ok(Self(Arc::new(Shared {
            lean: Compiler::new(Profile::Lean)?,
            strict: OnceLock::new(),
            clock,
        })))
    }

    pub(crate) fn compiler(&self, profile: Profile) -> Result<&Compiler, Error> {
        match profile {
            Profile::Lean => Ok(&self.0.lean),
            Profile::Strict => {
                if let Some(strict) = self.0.strict.get() {
                    return Ok(strict);
                }
                let strict = Compiler::new(Profile::Strict)?;
                // Somebody else may have been faster; then this one is dropped,
                // and its ticker ends.
                Ok(self.0.strict.get_or_init(|| strict))
            }
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }
}

impl Compiler {
    fn new(profile: Profile) -> Result<Self, Error> {
        let engine = wasmtime::Engine::new(&config(profile)).map_err(Error::internal)?;
        let mut linker = Linker::new(&engine, |state: &mut State| &mut state.meter);
        imports::link(&mut linker).map_err(Error::internal)?;
        if profile == Profile::Strict {
            tick(engine.weak())?;
        }
        Ok(Self { engine, linker })
    }
}

/// Advances an engine's epoch, as long as there is one.
fn tick(engine: EngineWeak) -> Result<(), Error> {
    let ticks = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            // Nobody wakes it, so it returns by the time, or earlier by chance:
            // a tick too many does no harm.
            thread::park_timeout(TICK);
        }
    };
    let started = thread::Builder::new()
        .name("patinox-tick".to_owned())
        .spawn(ticks);
    started
        .map(drop)
        .map_err(|error| Error::Internal(error.into()))
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// Every setting that differs from the engine's own default, in one place.
fn config(profile: Profile) -> Config {
    let mut config = Config::new();
    config.strategy(Strategy::Cranelift);
    config.cranelift_opt_level(OptLevel::Speed);
    config.consume_fuel(true);
    config.operator_cost(operator_cost());
    config.epoch_interruption(profile == Profile::Strict);
    // Without it a fresh call costs a third; nothing we load needs it.
    config.concurrency_support(false);
    config.max_wasm_stack(MAX_WASM_STACK);
    config.async_stack_size(NATIVE_STACK);
    config.memory_reservation(MEMORY_RESERVATION);
    config.memory_guard_size(MEMORY_GUARD);
    config.memory_may_move(false);
    // No frame of a guest's stack is ever shown, so none is collected.
    config.wasm_backtrace_max_frames(None);
    // Proposals that no toolchain we load needs; each is code to attack.
    config.wasm_tail_call(false);
    config.wasm_relaxed_simd(false);
    config.wasm_memory64(false);
    config.wasm_custom_page_sizes(false);
    config.wasm_wide_arithmetic(false);
    config
}

/// Fuel by operator: the engine's own table, but growing memory costs too.
fn operator_cost() -> wasmtime::OperatorCost {
    let mut cost = wasmtime::OperatorCost::new();
    cost.variable.memory_grow_per_page = u8::MAX;
    cost
}
