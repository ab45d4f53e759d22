//! The engine: one compiler a profile, and the imports linked once.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use patinox_telemetry::Clock;
use wasmtime::EngineWeak;

use crate::error::Error;
use crate::imports::{self, linked::component::Linker};
use crate::settings::{self, Tunables};
use crate::state::State;

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
    /// What its code is compiled with, here or in a worker.
    pub(crate) tunables: Tunables,
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
        let tunables = Tunables::wide(profile);
        let engine =
            wasmtime::Engine::new(&settings::config(&tunables)).map_err(Error::internal)?;
        let mut linker = Linker::new(&engine, |state: &mut State| &mut state.meter);
        imports::link(&mut linker).map_err(Error::internal)?;
        if profile == Profile::Strict {
            tick(engine.weak())?;
        }
        Ok(Self {
            tunables,
            engine,
            linker,
        })
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
