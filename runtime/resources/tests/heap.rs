//! Nothing stays on the heap, however often a value is lent, cleaned up and swept.

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use patinox_resources::{
    AsyncGuard, Cleaner, CleanerConfig, Kind, Maker, Owner, Pool, PoolConfig, Registry,
    SweepLimits, sweep,
};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// How many cycles are counted.
const CYCLES: usize = 1_000_000;

/// How many come before: queues and tables have their size after these.
const BEFORE: usize = 10_000;

struct Numbers;

impl Maker for Numbers {
    type Value = u64;
    type Error = Infallible;

    async fn make(&self) -> Result<u64, Infallible> {
        Ok(7)
    }
}

/// A value is lent and comes back, another one is guarded and cleaned up, and
/// somebody looks through what there is.
async fn cycles(
    pool: &Pool<Numbers>,
    registry: &Registry,
    count: usize,
) -> Result<(), Box<dyn Error>> {
    let owner = Owner::new("a test");
    for cycle in 0..count {
        let lease = pool.checkout(None).await?;
        let entry = registry.register(Kind::Folder, owner.clone(), *lease);
        let guard = AsyncGuard::new(entry, (), async |()| Ok(()));
        let entries = registry.entries();
        assert_eq!(entries.len(), 1);
        let findings = sweep(&entries, |_| SweepLimits::default(), |_| false);
        assert_eq!(findings.len(), 0);
        if cycle % 2 == 0 {
            guard.clean().await?;
        } else {
            drop(guard);
            registry.settled().await;
        }
        drop(lease);
    }
    Ok(())
}

#[test]
fn a_million_cycles_leave_nothing_on_the_heap() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let pool = Pool::new(PoolConfig::of(4), Numbers);
        let registry = Registry::new();
        let cleaner = Cleaner::start(&registry, CleanerConfig::default()).expect("a cleaner");
        let _profiler = dhat::Profiler::builder()
            .testing()
            .trim_backtraces(Some(1))
            .build();
        cycles(&pool, &registry, BEFORE)
            .await
            .expect("no cycle fails");
        let before = dhat::HeapStats::get();
        cycles(&pool, &registry, CYCLES)
            .await
            .expect("no cycle fails");
        let after = dhat::HeapStats::get();
        let grown = (after.curr_blocks, after.curr_bytes);
        assert_eq!(grown, (before.curr_blocks, before.curr_bytes));
        // Each cycle did use it.
        let used = after.total_blocks - before.total_blocks;
        assert!(u64::try_from(CYCLES).expect("few") <= used, "{used}");
        let leaked = cleaner.shutdown(Duration::from_secs(5)).await;
        assert!(leaked.is_empty(), "{leaked}");
    });
}
