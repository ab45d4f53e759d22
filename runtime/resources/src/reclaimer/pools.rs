//! Pools as sources of relief.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Demand, Freed, Reclaim, Stage};
use crate::guard::CleanupError;
use crate::pool::{Maker, Pool};
use crate::pressure::Resource;

/// Lets go of the idle values of a pool.
#[derive(Debug)]
pub struct EvictIdle<M: Maker> {
    name: &'static str,
    pool: Pool<M>,
    relieves: &'static [Resource],
}

impl<M: Maker> EvictIdle<M> {
    /// On demand, or where one of these resources is pressed, every idle value
    /// goes; else those that were idle for longer than the pool keeps them.
    #[must_use]
    pub const fn new(name: &'static str, pool: Pool<M>, relieves: &'static [Resource]) -> Self {
        Self {
            name,
            pool,
            relieves,
        }
    }
}

impl<M: Maker + 'static> Reclaim for EvictIdle<M> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn stage(&self) -> Stage {
        Stage::EvictIdle
    }

    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError> {
        let gone = match demand.is_for(self.relieves) {
            true => self.pool.drain(),
            false => self.pool.evict(),
        };
        Ok(Freed::all(gone, 0))
    }
}

/// Has a pool keep fewer values, half as many at each step, until the pressure is
/// over.
#[derive(Debug)]
pub struct ShrinkPool<M: Maker> {
    name: &'static str,
    pool: Pool<M>,
    relieves: &'static [Resource],
    least: usize,
    /// What it had before; nothing if it has that now.
    full: AtomicUsize,
}

impl<M: Maker> ShrinkPool<M> {
    /// Where one of these resources is pressed, or on demand; never fewer than
    /// this many are left.
    #[must_use]
    pub const fn new(
        name: &'static str,
        pool: Pool<M>,
        relieves: &'static [Resource],
        least: usize,
    ) -> Self {
        Self {
            name,
            pool,
            relieves,
            least,
            full: AtomicUsize::new(0),
        }
    }
}

impl<M: Maker + 'static> Reclaim for ShrinkPool<M> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn stage(&self) -> Stage {
        Stage::ShrinkPools
    }

    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError> {
        let size = self.pool.counts().size;
        let less = (size / 2).max(self.least);
        if size <= less || !demand.is_for(self.relieves) {
            return Ok(Freed::default());
        }
        // Of several steps the first one.
        let relaxed = Ordering::Relaxed;
        let _ = self.full.compare_exchange(0, size, relaxed, relaxed);
        Ok(Freed::all(self.pool.resize(less), 0))
    }

    fn restore(&self, left: &Demand) {
        if left.presses(self.relieves) {
            return;
        }
        let full = self.full.swap(0, Ordering::Relaxed);
        if 0 < full {
            self.pool.resize(full);
        }
    }
}
