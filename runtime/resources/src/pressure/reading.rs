//! How hard pressed each resource was at one moment, and why.

use std::fmt;

use super::{Level, Thresholds};
use crate::{Figure, FolderSpace, Hundredths, Machine, Origin, Stall};

/// What can be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Memory in use.
    Memory,
    /// Time lost waiting for memory.
    MemoryStall,
    /// Swap in use.
    Swap,
    /// Time lost waiting for a core.
    CpuStall,
    /// Time lost waiting for a disk.
    IoStall,
    /// Disks in use.
    Disk,
    /// Descriptors in use.
    Descriptors,
    /// Processes and threads.
    Processes,
}

/// How hard pressed the machine was at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What is pressed, the hardest first. Everything else is normal.
    pub pressed: Vec<Pressed>,
}

/// A resource that is pressed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Which.
    pub resource: Resource,
    /// How hard; never normal.
    pub level: Level,
    /// What it has come to, in percent.
    pub percent: Hundredths,
    /// Where that was read.
    pub origin: Origin,
}

impl Reading {
    /// The level of the hardest pressed resource.
    #[must_use]
    pub fn level(&self) -> Level {
        let pressed = self.pressed.first();
        pressed.map_or(Level::Normal, |pressed| pressed.level)
    }

    /// The level of one resource.
    #[must_use]
    pub fn level_of(&self, resource: Resource) -> Level {
        let mut pressed = self.pressed.iter();
        let pressed = pressed.find(|pressed| pressed.resource == resource);
        pressed.map_or(Level::Normal, |pressed| pressed.level)
    }

    /// The reading that follows this one.
    pub(super) fn next(&self, machine: &Machine, thresholds: &Thresholds) -> Self {
        let pressed = Resource::ALL.into_iter().filter_map(|resource| {
            let Figure { value, origin } = resource.percent(machine)?;
            let threshold = thresholds.of(resource);
            let level = threshold.level(value, self.level_of(resource));
            (level != Level::Normal).then_some(Pressed {
                resource,
                level,
                percent: value,
                origin,
            })
        });
        let mut pressed: Vec<_> = pressed.collect();
        // Those of one level stay in the order of the resources.
        pressed.sort_by_key(|pressed| std::cmp::Reverse(pressed.level));
        Self { pressed }
    }
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Memory,
        Self::MemoryStall,
        Self::Swap,
        Self::CpuStall,
        Self::IoStall,
        Self::Disk,
        Self::Descriptors,
        Self::Processes,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::MemoryStall => "memory-stall",
            Self::Swap => "swap",
            Self::CpuStall => "cpu-stall",
            Self::IoStall => "io-stall",
            Self::Disk => "disk",
            Self::Descriptors => "descriptors",
            Self::Processes => "processes",
        }
    }

    /// How much of it is in use; `None` where the machine does not say, or has
    /// none of it.
    fn percent(self, machine: &Machine) -> Option<Figure<Hundredths>> {
        let stalls = &machine.stalls;
        match self {
            Self::Memory => used(
                machine.memory_bytes_total.as_ref()?,
                machine.memory_bytes_available.as_ref()?,
            ),
            Self::Swap => used(
                machine.swap_bytes_total.as_ref()?,
                machine.swap_bytes_free.as_ref()?,
            ),
            Self::MemoryStall => some(stalls.memory.as_ref()?),
            Self::CpuStall => some(stalls.cpu.as_ref()?),
            Self::IoStall => {
                let stall = stalls.io.as_ref()?;
                Some(stall.with(stall.value.full?.ten_seconds))
            }
            Self::Disk => {
                let disks = machine.folders.iter();
                let disks = disks.filter_map(FolderSpace::percent_used);
                disks.max_by_key(|disk| disk.value)
            }
            Self::Descriptors => held(machine.descriptors.as_ref()?),
            Self::Processes => held(machine.processes.as_ref()?),
        }
    }
}

/// What is not left of a whole. The one that is left says where it was read: it
/// may be of a control group, where the whole is of the machine.
fn used(total: &Figure<u64>, left: &Figure<u64>) -> Option<Figure<Hundredths>> {
    let used = total.value.saturating_sub(left.value);
    (0 < total.value).then(|| left.with(Hundredths::percent(used, total.value)))
}

fn some(stall: &Figure<Stall>) -> Option<Figure<Hundredths>> {
    Some(stall.with(stall.value.some.ten_seconds))
}

fn held(held: &crate::Held) -> Option<Figure<Hundredths>> {
    let used = held.used.as_ref()?.value;
    let limit = &held.limit;
    Some(limit.with(Hundredths::percent(used, limit.value)))
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Pressed {
    /// For people: `memory is critical: 96.10 %, by /proc/meminfo`. The name of a
    /// control group in it is a stranger's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            resource,
            level,
            percent,
            origin,
        } = self;
        write!(f, "{resource} is {level}: {percent} %, by {origin}")
    }
}
