//! From where on a resource is pressed.

use super::{Level, Resource};
use crate::Hundredths;

/// From where on a resource is pressed, in percent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// From here on it is elevated.
    pub elevated: Hundredths,
    /// From here on it is critical; `None` for never.
    pub critical: Option<Hundredths>,
    /// How far below its threshold a level is left, in points of percent.
    pub hysteresis: Hundredths,
}

/// The thresholds of each resource. The defaults are for a server that shares
/// its machine with little else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Memory in use. Default: 85, 95, left 5 below.
    pub memory: Threshold,
    /// Time in which something waited for memory, of the last ten seconds.
    /// Default: 10, 40, left 5 below.
    pub memory_stall: Threshold,
    /// Swap in use. Default: 50, 90, left 10 below.
    pub swap: Threshold,
    /// Time in which something waited for a core. Default: 60, never critical,
    /// left 10 below: a host that computes all the time does its work.
    pub cpu_stall: Threshold,
    /// Time in which everything waited for a disk. Default: 40, never critical,
    /// left 10 below.
    pub io_stall: Threshold,
    /// Disks in use, the fullest of those that are written to. Default: 90, 97,
    /// left 2 below.
    pub disk: Threshold,
    /// Descriptors in use. Default: 80, 95, left 5 below.
    pub descriptors: Threshold,
    /// Processes and threads. Default: 80, 95, left 5 below.
    pub processes: Threshold,
}

/// A threshold makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// It is critical before it is elevated.
    #[error(
        "`{resource}` is critical from {critical} % on, before it is elevated, from {elevated} % on"
    )]
    Order {
        /// Of what.
        resource: Resource,
        /// Its threshold.
        elevated: Hundredths,
        /// Its threshold.
        critical: Hundredths,
    },
    /// It could never be left.
    #[error("`{resource}` is elevated from {elevated} % on, and left {hysteresis} below: never")]
    NeverLeft {
        /// Of what.
        resource: Resource,
        /// Its threshold.
        elevated: Hundredths,
        /// How far below it is left.
        hysteresis: Hundredths,
    },
    /// It could never be reached.
    #[error("`{resource}` has a threshold of {threshold} %, above 100 %")]
    NeverReached {
        /// Of what.
        resource: Resource,
        /// The threshold.
        threshold: Hundredths,
    },
}

impl Threshold {
    /// From so many percent on, left so many below.
    #[must_use]
    pub const fn new(elevated: u64, critical: Option<u64>, hysteresis: u64) -> Self {
        Self {
            elevated: Hundredths(elevated * 100),
            critical: match critical {
                Some(critical) => Some(Hundredths(critical * 100)),
                None => None,
            },
            hysteresis: Hundredths(hysteresis * 100),
        }
    }

    /// The level at a share, coming from another level.
    pub(super) fn level(&self, share: Hundredths, before: Level) -> Level {
        let rises = |threshold: Hundredths| threshold <= share;
        let stays =
            |threshold: Hundredths| threshold.0.saturating_sub(self.hysteresis.0) <= share.0;
        let is = |level: Level, threshold: Hundredths| {
            rises(threshold) || (level <= before && stays(threshold))
        };
        match self.critical {
            Some(critical) if is(Level::Critical, critical) => Level::Critical,
            _ if is(Level::Elevated, self.elevated) => Level::Elevated,
            _ => Level::Normal,
        }
    }

    fn check(&self, resource: Resource) -> Result<(), ThresholdError> {
        let Self {
            elevated,
            critical,
            hysteresis,
        } = *self;
        if let Some(critical) = critical.filter(|critical| *critical < elevated) {
            return Err(ThresholdError::Order {
                resource,
                elevated,
                critical,
            });
        }
        if elevated <= hysteresis {
            return Err(ThresholdError::NeverLeft {
                resource,
                elevated,
                hysteresis,
            });
        }
        let threshold = critical.unwrap_or(elevated);
        if Hundredths(10_000) < threshold {
            return Err(ThresholdError::NeverReached {
                resource,
                threshold,
            });
        }
        Ok(())
    }
}

impl Thresholds {
    pub(super) fn of(&self, resource: Resource) -> &Threshold {
        match resource {
            Resource::Memory => &self.memory,
            Resource::MemoryStall => &self.memory_stall,
            Resource::Swap => &self.swap,
            Resource::CpuStall => &self.cpu_stall,
            Resource::IoStall => &self.io_stall,
            Resource::Disk => &self.disk,
            Resource::Descriptors => &self.descriptors,
            Resource::Processes => &self.processes,
        }
    }

    pub(super) fn check(&self) -> Result<(), ThresholdError> {
        let mut all = Resource::ALL.iter();
        all.try_for_each(|resource| self.of(*resource).check(*resource))
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            memory: Threshold::new(85, Some(95), 5),
            memory_stall: Threshold::new(10, Some(40), 5),
            swap: Threshold::new(50, Some(90), 10),
            cpu_stall: Threshold::new(60, None, 10),
            io_stall: Threshold::new(40, None, 10),
            disk: Threshold::new(90, Some(97), 2),
            descriptors: Threshold::new(80, Some(95), 5),
            processes: Threshold::new(80, Some(95), 5),
        }
    }
}
