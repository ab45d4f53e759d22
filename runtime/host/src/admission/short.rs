//! Turning calls away while the machine is short of something.

use std::time::Duration;

use patinox_resources::{Level, Pressure, Resource, Thresholds};

use super::{Busy, Priority};

/// From where on calls are turned away, as the machine runs short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PressureConfig {
    /// From where on each resource is pressed.
    pub thresholds: Thresholds,
    /// How often the machine is looked at. One look takes some 0.3 ms of a core.
    pub every: Duration,
}

impl Default for PressureConfig {
    /// The default thresholds, each second.
    fn default() -> Self {
        Self {
            thresholds: Thresholds::default(),
            every: Duration::from_secs(1),
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
    /// Whether a call may begin: not while something it needs is critical, and
    /// where nobody waits for it not while something is elevated.
    pub(super) fn check(&self, priority: Priority) -> Result<(), Busy> {
        // Most often nothing is pressed.
        if self.pressure.level() == Level::Normal {
            return Ok(());
        }
        let from = match priority {
            Priority::Interactive | Priority::Normal => Level::Critical,
            Priority::Background => Level::Elevated,
        };
        let reading = self.pressure.reading();
        let mut needed = NEEDED.into_iter();
        let short = needed.find(|resource| from <= reading.level_of(*resource));
        short.map_or(Ok(()), |resource| Err(Busy::short_of(resource, self.every)))
    }
}
