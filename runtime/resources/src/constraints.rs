//! What the machine can bear: how many of which size may be held at once.

use std::ops::RangeInclusive;

use crate::{FolderSpace, Machine};

/// Memory that is counted on where the machine does not say what it has.
const MEMORY_BYTES_ASSUMED: u64 = 2 << 30;

/// Of the memory that there is in all, what holders may take together: the rest
/// is for the program itself, for the kernel's cache and for others.
const MEMORY_OF: u64 = 2;

/// Of the memory that there is in all, what may be held for those that wait.
const WAITING_OF: u64 = 16;

/// Of the room that a disk has left, what a cache may take.
const DISK_OF: u64 = 10;

/// What a process on this machine may hold, from the facts of one moment.
///
/// It does not move with what is free right now: that is what
/// [`Pressure`](crate::Pressure) is for.
///
/// ```
/// use patinox_resources::{Constraints, Detector};
///
/// let constraints = Constraints::of(&Detector::new().detect());
/// // So many calls of 64 MiB each may run at once.
/// assert!(1 <= constraints.holders(64 << 20));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraints {
    /// How much memory all holders may take together, in bytes.
    pub memory_bytes: u64,
    /// How much memory may be held for those that wait, in bytes.
    pub waiting_bytes: u64,
    /// How many descriptors may still be opened; `None` for no limit.
    pub descriptors: Option<u64>,
    /// How many processes or threads may still be started; `None` for no limit.
    pub processes: Option<u64>,
}

impl Constraints {
    /// By the facts of a machine. What it does not say is taken for little.
    #[must_use]
    pub fn of(machine: &Machine) -> Self {
        let memory = machine.memory_bytes_total.as_ref();
        let memory = memory.map_or(MEMORY_BYTES_ASSUMED, |figure| figure.value);
        let left = |held: &Option<crate::Held>| held.as_ref().map(crate::Held::left);
        Self {
            memory_bytes: memory / MEMORY_OF,
            waiting_bytes: memory / WAITING_OF,
            descriptors: left(&machine.descriptors),
            processes: left(&machine.processes),
        }
    }

    /// How many holders of so many bytes each may be at once: at least one, or
    /// nothing would ever run.
    #[must_use]
    pub fn holders(&self, bytes_each: u64) -> u64 {
        let by_memory = self.memory_bytes.checked_div(bytes_each);
        by_memory.unwrap_or(u64::MAX).max(1)
    }

    /// How many processes of so many bytes each may be started at once, if each
    /// takes `descriptors` of this process.
    #[must_use]
    pub fn children(&self, bytes_each: u64, descriptors: u64) -> u64 {
        let by_descriptors = self.descriptors.map_or(u64::MAX, |left| {
            // Half are for everything else.
            (left / 2).checked_div(descriptors).unwrap_or(u64::MAX)
        });
        let by_processes = self.processes.map_or(u64::MAX, |left| left / 2);
        let by_memory = self.holders(bytes_each);
        by_memory.min(by_descriptors).min(by_processes).max(1)
    }

    /// How large a cache may become where so much room is left, in bytes: a
    /// tenth of it, within these bounds.
    #[must_use]
    pub fn cache_bytes(space: &FolderSpace, bounds: RangeInclusive<u64>) -> u64 {
        let tenth = space.bytes_available.value / DISK_OF;
        // The upper bound holds where both cannot.
        tenth.max(*bounds.start()).min(*bounds.end())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Detector;

    /// A machine with so much memory, that says no more.
    fn machine(memory_kib: Option<u64>) -> Machine {
        let root = tempfile::tempdir().unwrap();
        if let Some(kib) = memory_kib {
            fs::create_dir(root.path().join("proc")).unwrap();
            let text = format!("MemTotal: {kib} kB\n");
            fs::write(root.path().join("proc/meminfo"), text).unwrap();
        }
        Detector::below(root.path()).detect()
    }

    #[test]
    fn half_of_the_memory_is_for_holders() {
        let constraints = Constraints::of(&machine(Some(8 << 20)));
        assert_eq!(constraints.holders(64 << 20), 64);
        assert_eq!(constraints.holders(16 << 20), 256);
        assert_eq!(constraints.holders(3 << 30), 1);
        // Never none, however large.
        assert_eq!(constraints.holders(1 << 40), 1);
        assert_eq!(constraints.holders(0), u64::MAX);
        assert_eq!(constraints.waiting_bytes, 512 << 20);
    }

    #[test]
    fn a_machine_that_says_nothing_has_little() {
        let constraints = Constraints::of(&machine(None));
        assert_eq!(constraints.holders(64 << 20), 16);
        assert_eq!(
            (constraints.descriptors, constraints.processes),
            (None, None)
        );
        assert_eq!(constraints.children(64 << 20, 4), 16);
    }

    #[test]
    fn children_need_descriptors_and_places_too() {
        let constraints = Constraints {
            memory_bytes: 64 << 30,
            waiting_bytes: 8 << 30,
            descriptors: Some(100),
            processes: Some(30),
        };
        assert_eq!(constraints.children(1 << 30, 5), 10);
        assert_eq!(constraints.children(1 << 30, 1), 15);
        assert_eq!(constraints.children(32 << 30, 1), 2);
        assert_eq!(constraints.children(1 << 30, 0), 15);
    }

    #[test]
    fn a_cache_takes_a_tenth_of_what_its_disk_has_left() {
        let space = Detector::new().folder(std::env::temp_dir()).unwrap();
        let tenth = space.bytes_available.value / 10;
        let bytes = |least, most| Constraints::cache_bytes(&space, least..=most);
        assert_eq!(bytes(0, u64::MAX), tenth);
        assert_eq!(bytes(tenth + 7, u64::MAX), tenth + 7);
        assert_eq!(bytes(0, 1), 1);
        assert_eq!(bytes(9, 1), 1);
    }
}
