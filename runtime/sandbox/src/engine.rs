//! The engine: compiler and store settings, and the imports linked once.

use std::fmt;
use std::sync::Arc;

use patinox_telemetry::Clock;
use wasmtime::{Config, OptLevel, Strategy};

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

/// Compiles components and holds what all their calls share.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    engine: wasmtime::Engine,
    linker: Linker<State>,
    clock: Clock,
}

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    ///
    /// If this machine cannot run the compiled code.
    pub fn new(clock: Clock) -> Result<Self, Error> {
        let engine = wasmtime::Engine::new(&config()).map_err(Error::internal)?;
        let mut linker = Linker::new(&engine, |state: &mut State| &mut state.meter);
        imports::link(&mut linker).map_err(Error::internal)?;
        Ok(Self(Arc::new(Shared {
            engine,
            linker,
            clock,
        })))
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.engine
    }

    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.0.linker
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// Every setting that differs from the engine's own default, in one place.
fn config() -> Config {
    let mut config = Config::new();
    config.strategy(Strategy::Cranelift);
    config.cranelift_opt_level(OptLevel::Speed);
    config.consume_fuel(true);
    config.operator_cost(operator_cost());
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
