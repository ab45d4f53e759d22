//! What a loader can let go of.

use patinox_resources::{Cause, CleanupError, Demand, Freed, Level, Reclaim, Resource, Stage};

use super::Loader;
use crate::artifact::ArtifactStore;

/// What a process less relieves.
#[cfg(feature = "compile")]
const PROCESS: &[Resource] = &[
    Resource::Memory,
    Resource::MemoryStall,
    Resource::Swap,
    Resource::Processes,
    Resource::Descriptors,
];

impl Loader {
    /// What can be let go of: compile workers that are ready, and compiled code on
    /// the disk.
    #[must_use]
    pub fn sources(&self) -> Vec<Box<dyn Reclaim>> {
        let mut sources: Vec<Box<dyn Reclaim>> = Vec::new();
        #[cfg(feature = "compile")]
        sources.push(Box::new(ReadyWorkers(self.clone())));
        if let Some(store) = self.0.store.as_ref().filter(|store| !store.is_read_only()) {
            sources.push(Box::new(StoredCode(store.clone())));
        }
        sources
    }
}

/// Compile workers that are started ahead. While something is pressed none is.
#[cfg(feature = "compile")]
struct ReadyWorkers(Loader);

#[cfg(feature = "compile")]
impl Reclaim for ReadyWorkers {
    fn name(&self) -> &'static str {
        "ready compile workers"
    }

    fn stage(&self) -> Stage {
        Stage::EvictIdle
    }

    /// Those that were idle for long go by themselves.
    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError> {
        if !demand.is_for(PROCESS) {
            return Ok(Freed::default());
        }
        if demand.cause == Cause::Pressure {
            self.0.0.compilers.pause(true);
        }
        // What a process that waits has resident is not known.
        Ok(Freed::all(self.0.drain_workers(), 0))
    }

    fn restore(&self, left: &Demand) {
        if !left.presses(PROCESS) {
            self.0.0.compilers.pause(false);
        }
    }
}

/// Compiled code on the disk: half of it goes, what was not used for longest
/// first, once the disk is nearly full.
struct StoredCode(ArtifactStore);

impl Reclaim for StoredCode {
    fn name(&self) -> &'static str {
        "stored artifacts"
    }

    fn stage(&self) -> Stage {
        Stage::DropCaches
    }

    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError> {
        // Before that it is most often others that fill it.
        let is_full = demand.level_of(Resource::Disk) == Level::Critical;
        if demand.cause != Cause::Asked && !is_full {
            return Ok(Freed::default());
        }
        Ok(self.0.halve()?)
    }
}
