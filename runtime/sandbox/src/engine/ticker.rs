//! The clock of the strict profile.

use std::thread;
use std::time::Duration;

use patinox_resources::{Kind, Owner, Registry};
use wasmtime::Engine;

use super::Profile;
use crate::error::Error;

/// How often a guest on the strict profile looks at the deadline.
const TICK: Duration = Duration::from_millis(1);

/// Advances the epoch of an engine that looks at it, as long as there is one.
pub(super) fn start(profile: Profile, engine: &Engine, registry: &Registry) -> Result<(), Error> {
    if profile == Profile::Lean {
        return Ok(());
    }
    let engine = engine.weak();
    let entry = registry.register(Kind::Task, Owner::new("tick"), 0);
    let ticks = move || {
        let _entry = entry;
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
