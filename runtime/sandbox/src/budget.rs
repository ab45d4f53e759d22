//! What is left of the limits that the engine asks about.

use patinox_policy::Limits;
use patinox_resources::Registered;
use wasmtime::{ResourceLimiter, Result};

/// Linear memory, all memories together; tables, and how many of what.
///
/// A growth beyond the limit fails for the guest as it would on a machine
/// without memory, so a guest that can cope goes on. The refusal is kept: a
/// guest that ends by a trap after one ran into the limit.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    /// How far each memory can grow: its address space, in bytes.
    reach: u64,
    held: u64,
    peak: u64,
    refused: Option<Refusal>,
    /// What the engine may still say it could not do.
    last: Option<Growth>,
    table_elements: usize,
    table_refused: Option<u64>,
    tables: usize,
    memories: usize,
    core_instances: usize,
    /// Where it is written down how much memory the call holds.
    entry: Option<Registered>,
    /// What stands there.
    written: u64,
}

/// Growth that is not written down by itself: each time costs as much as growing
/// by a page.
const UNWRITTEN_BYTES: u64 = 1 << 20;

/// A growth of a memory that was refused, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What it would have come to: all memories, or the one that reached its end.
    pub(crate) total: u64,
    /// The most that this may be.
    pub(crate) allowed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Growth {
    bytes: u64,
    peak_before: u64,
    /// Why it cannot be, where that is known.
    refusal: Option<Refusal>,
}

impl Budget {
    /// The budget of one call, on an engine that gives each memory so much
    /// address space.
    pub(crate) fn new(limits: &Limits, reach: u64) -> Self {
        let count = |limit| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            limit: limits.memory_bytes,
            reach,
            held: 0,
            peak: 0,
            refused: None,
            last: None,
            table_elements: count(limits.table_elements),
            table_refused: None,
            tables: count(limits.tables),
            memories: count(limits.memories),
            core_instances: count(limits.core_instances),
            entry: None,
            written: 0,
        }
    }

    /// Writes down from now on how much memory is held.
    pub(crate) fn write_down(&mut self, entry: Registered) {
        self.entry = Some(entry);
    }

    /// Writes down what is held, but for a last part of a MiB.
    fn note(&mut self) {
        let unwritten = self.held.abs_diff(self.written);
        if 0 < self.written && unwritten < UNWRITTEN_BYTES {
            return;
        }
        if let Some(entry) = &self.entry {
            entry.set_size_bytes(self.held);
            self.written = self.held;
        }
    }

    /// The most memory that was held at once, in bytes.
    pub(crate) const fn memory_peak(&self) -> u64 {
        self.peak
    }

    /// The last growth of a memory that was refused.
    pub(crate) const fn memory_refused(&self) -> Option<Refusal> {
        self.refused
    }

    /// The elements that a table was refused.
    pub(crate) const fn table_refused(&self) -> Option<u64> {
        self.table_refused
    }
}

impl ResourceLimiter for Budget {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let growth = u64::try_from(desired.saturating_sub(current))?;
        let total = self.held.saturating_add(growth);
        self.last = None;
        if self.limit < total {
            self.refused = Some(Refusal {
                total,
                allowed: self.limit,
            });
            return Ok(false);
        }
        // A memory may begin beyond its reach, so only the engine can tell.
        let within_its_type = maximum.is_none_or(|maximum| desired <= maximum);
        let desired = u64::try_from(desired)?;
        let beyond = within_its_type && self.reach < desired;
        self.last = Some(Growth {
            bytes: growth,
            peak_before: self.peak,
            refusal: beyond.then_some(Refusal {
                total: desired,
                allowed: self.reach,
            }),
        });
        self.held = total;
        self.peak = self.peak.max(total);
        self.note();
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> Result<()> {
        // It is the growth that was asked for last, but for memories with pages of
        // one byte, which the settings turn off.
        let Some(last) = self.last.take() else {
            return Ok(());
        };
        self.held = self.held.saturating_sub(last.bytes);
        self.peak = last.peak_before;
        self.refused = last.refusal.or(self.refused);
        self.note();
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        if self.table_elements < desired {
            self.table_refused = u64::try_from(desired).ok();
            return Ok(false);
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.core_instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn budget(memory_bytes: u64) -> Budget {
        let limits = Limits {
            memory_bytes,
            ..Limits::default()
        };
        Budget::new(&limits, 64 << 20)
    }

    fn refuse(budget: &mut Budget) {
        let error = wasmtime::format_err!("the engine could not");
        budget.memory_grow_failed(error).unwrap();
    }

    #[test]
    fn memories_count_together() {
        let mut budget = budget(100);
        assert!(budget.memory_growing(0, 60, None).unwrap());
        assert!(!budget.memory_growing(0, 60, None).unwrap());
        let refusal = Refusal {
            total: 120,
            allowed: 100,
        };
        assert_eq!(budget.memory_refused(), Some(refusal));
        assert!(budget.memory_growing(60, 100, None).unwrap());
        assert_eq!(budget.memory_peak(), 100);
    }

    #[test]
    fn a_growth_that_failed_is_given_back() {
        let mut budget = budget(100);
        assert!(budget.memory_growing(0, 80, None).unwrap());
        assert_eq!(budget.memory_peak(), 80);
        refuse(&mut budget);
        assert_eq!((budget.memory_refused(), budget.memory_peak()), (None, 0));
        assert!(budget.memory_growing(0, 80, None).unwrap());
    }

    #[test]
    fn a_growth_beyond_the_reach_is_a_refusal() {
        let mut budget = budget(1 << 30);
        assert!(budget.memory_growing(0, MIB, None).unwrap());
        assert!(budget.memory_growing(MIB, 65 * MIB, None).unwrap());
        refuse(&mut budget);
        let refusal = Refusal {
            total: 65 << 20,
            allowed: 64 << 20,
        };
        assert_eq!(budget.memory_refused(), Some(refusal));
    }

    /// Where a memory's own type ends first, the guest asked for what it cannot
    /// have anywhere.
    #[test]
    fn a_growth_beyond_its_type_is_none() {
        let mut budget = budget(1 << 30);
        assert!(budget.memory_growing(0, 65 * MIB, Some(MIB)).unwrap());
        refuse(&mut budget);
        assert_eq!(budget.memory_refused(), None);
    }
}
