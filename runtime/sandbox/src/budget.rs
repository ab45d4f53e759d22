//! What is left of the limits that the engine asks about.

use wasmtime::{ResourceLimiter, Result};

/// The most elements of one table. It admits what interpreters need.
const MAX_TABLE_ELEMENTS: usize = 10_000;
/// The most tables of a call.
const MAX_TABLES: usize = 64;
/// The most linear memories of a call.
const MAX_MEMORIES: usize = 8;
/// The most core instances of a call. Interpreters use up to 40.
const MAX_CORE_INSTANCES: usize = 64;

/// Linear memory, all memories together.
///
/// A growth beyond the limit fails for the guest as it would on a machine
/// without memory, so a guest that can cope goes on. The refusal is kept: a
/// guest that ends by a trap after one ran into the limit.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: u64,
    held: u64,
    peak: u64,
    refused: Option<u64>,
    last_growth: u64,
}

impl MemoryBudget {
    pub(crate) const fn new(limit_bytes: u64) -> Self {
        Self {
            limit: limit_bytes,
            held: 0,
            peak: 0,
            refused: None,
            last_growth: 0,
        }
    }

    /// The most that was held at once, in bytes.
    pub(crate) const fn peak(&self) -> u64 {
        self.peak
    }

    /// The total that the last refused growth would have come to, in bytes.
    pub(crate) const fn refused(&self) -> Option<u64> {
        self.refused
    }
}

impl ResourceLimiter for MemoryBudget {
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
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_count_together() {
        let mut budget = MemoryBudget::new(100);
        assert!(budget.memory_growing(0, 60, None).unwrap());
        assert!(!budget.memory_growing(0, 60, None).unwrap());
        assert_eq!(budget.refused(), Some(120));
        assert!(budget.memory_growing(60, 100, None).unwrap());
        assert_eq!(budget.peak(), 100);
    }

    #[test]
    fn a_growth_that_failed_is_given_back() {
        let mut budget = MemoryBudget::new(100);
        assert!(budget.memory_growing(0, 80, None).unwrap());
        budget
            .memory_grow_failed(wasmtime::format_err!("no address space"))
            .unwrap();
        assert!(budget.memory_growing(0, 80, None).unwrap());
    }
}
