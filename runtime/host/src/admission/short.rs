//! Turning calls away while the machine is short of something.

use std::sync::atomic::Ordering;
use std::time::Duration;

use patinox_resources::{
    Cause, CleanupError, Demand, Freed, Level, Pressure, Reclaim, Resource, Stage, Thresholds,
};

use super::{Busy, Gate, Priority};

/// From where on calls are turned away, as the machine runs short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PressureConfig {
    /// From where on each resource is pressed.
    pub thresholds: Thresholds,
    /// How often the machine is looked at. One look takes some 0.3 ms of a core.
    pub every: Duration,
    /// How long a call or a load may have run when something is critical: those that
    /// have run for longer are ended. Where `wall` is shorter, as it is by default,
    /// that is loads alone.
    pub stuck_after: Duration,
}

impl Default for PressureConfig {
    /// The default thresholds, each second, and a minute.
    fn default() -> Self {
        Self {
            thresholds: Thresholds::default(),
            every: Duration::from_secs(1),
            stuck_after: Duration::from_mins(1),
        }
    }
}

/// What a call cannot do without. Whoever computes, or waits for a disk, is slow;
/// whoever gets no memory or descriptor fails.
const NEEDED: [Resource; 5] = [
    Resource::Memory,
    Resource::MemoryStall,
    Resource::Swap,
    Resource::Descriptors,
    Resource::Processes,
];

/// What turns calls away.
#[derive(Clone, Debug)]
pub(crate) struct Shortage {
    pub(crate) pressure: Pressure,
    pub(crate) every: Duration,
}

impl Shortage {
    /// Whether a call may begin that nobody waits for: not while something it
    /// needs is elevated.
    pub(super) fn check(&self, priority: Priority) -> Result<(), Busy> {
        // Most often nothing is pressed.
        if priority != Priority::Background || self.pressure.level() == Level::Normal {
            return Ok(());
        }
        self.short(Level::Elevated).map_or(Ok(()), Err)
    }

    /// What a call needs and what is pressed as hard as that.
    pub(super) fn short(&self, from: Level) -> Option<Busy> {
        let reading = self.pressure.reading();
        let mut needed = NEEDED.into_iter();
        let short = needed.find(|resource| from <= reading.level_of(*resource))?;
        Some(Busy::short_of(short, self.every))
    }
}

/// New calls, while nothing else has helped.
#[derive(Debug)]
pub(crate) struct NewCalls(pub(crate) Gate);

impl Reclaim for NewCalls {
    fn name(&self) -> &'static str {
        "new calls"
    }

    fn stage(&self) -> Stage {
        Stage::RefuseWork
    }

    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError> {
        let refuses = &self.0.0.refuses;
        if demand.cause == Cause::Asked {
            refuses.asked.store(true, Ordering::Relaxed);
        } else if is_needed_critical(|resource| demand.level_of(resource)) {
            refuses.pressed.store(true, Ordering::Relaxed);
        }
        Ok(Freed::default())
    }

    /// What somebody asked for he takes back himself, and that alone.
    fn restore(&self, left: &Demand) {
        let refuses = &self.0.0.refuses;
        if left.cause == Cause::Asked {
            refuses.asked.store(false, Ordering::Relaxed);
        } else if !is_needed_critical(|resource| left.level_of(resource)) {
            refuses.pressed.store(false, Ordering::Relaxed);
        }
    }
}

/// Whether something is critical that a call cannot do without.
pub(crate) fn is_needed_critical(level_of: impl Fn(Resource) -> Level) -> bool {
    let mut needed = NEEDED.into_iter();
    needed.any(|resource| level_of(resource) == Level::Critical)
}
