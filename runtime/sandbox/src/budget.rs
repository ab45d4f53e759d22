//! What is left of the limits that the engine asks about.

use patinox_policy::Limits;
use wasmtime::{ResourceLimiter, Result};

/// Linear memory, all memories together; tables, and how many of what.
///
/// A growth beyond the limit fails for the guest as it would on a machine
/// without memory, so a guest that can cope goes on. The refusal is kept: a
/// guest that ends by a trap after one ran into the limit.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    held: u64,
    peak: u64,
    refused: Option<u64>,
    last_growth: u64,
    table_elements: usize,
    table_refused: Option<u64>,
    tables: usize,
    memories: usize,
    core_instances: usize,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        let count = |limit| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            limit: limits.memory_bytes,
            held: 0,
            peak: 0,
            refused: None,
            last_growth: 0,
            table_elements: count(limits.table_elements),
            table_refused: None,
            tables: count(limits.tables),
            memories: count(limits.memories),
            core_instances: count(limits.core_instances),
        }
    }

    /// The most memory that was held at once, in bytes.
    pub(crate) const fn memory_peak(&self) -> u64 {
        self.peak
    }

    /// The total that the last refused growth of a memory would have come to,
    /// in bytes.
    pub(crate) const fn memory_refused(&self) -> Option<u64> {
        self.refused
    }

    /// The elements that a table was refused.
    pub(crate) const fn table_refused(&self) -> Option<u64> {
        self.table_refused
    }
}

impl ResourceLimiter for Budget {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let growth = u64::try_from(desired.saturating_sub(current))?;
        let total = self.held.saturating_add(growth);
        if self.limit < total {
            self.refused = Some(total);
            self.last_growth = 0;
            return Ok(false);
        }
        self.held = total;
        self.last_growth = growth;
        self.peak = self.peak.max(total);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> Result<()> {
        self.held = self.held.saturating_sub(self.last_growth);
        self.last_growth = 0;
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

    fn budget(memory_bytes: u64) -> Budget {
        Budget::new(&Limits {
            memory_bytes,
            ..Limits::default()
        })
    }

    #[test]
    fn memories_count_together() {
        let mut budget = budget(100);
        assert!(budget.memory_growing(0, 60, None).unwrap());
        assert!(!budget.memory_growing(0, 60, None).unwrap());
        assert_eq!(budget.memory_refused(), Some(120));
        assert!(budget.memory_growing(60, 100, None).unwrap());
        assert_eq!(budget.memory_peak(), 100);
    }

    #[test]
    fn a_growth_that_failed_is_given_back() {
        let mut budget = budget(100);
        assert!(budget.memory_growing(0, 80, None).unwrap());
        budget
            .memory_grow_failed(wasmtime::format_err!("no address space"))
            .unwrap();
        assert!(budget.memory_growing(0, 80, None).unwrap());
    }
}
