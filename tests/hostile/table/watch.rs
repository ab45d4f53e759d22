//! A neighbour whose light calls go on beside an attack.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::support::Neighbour;

/// Calls that are needed to speak of a 99th percentile.
const ENOUGH: usize = 100;

/// Calls one after the other, each of which must answer.
pub(super) struct Watch {
    shared: Arc<Shared>,
    calls: JoinHandle<Vec<Duration>>,
}

#[derive(Default)]
struct Shared {
    seen: AtomicUsize,
    over: AtomicBool,
}

impl Watch {
    pub(super) fn start(neighbour: &Neighbour) -> Self {
        let shared = Arc::new(Shared::default());
        let (neighbour, watched) = (neighbour.clone(), Arc::clone(&shared));
        let calls = tokio::spawn(async move {
            let mut took = Vec::new();
            while !watched.over.load(Ordering::Relaxed) {
                let start = Instant::now();
                neighbour.still_answers(2).await;
                took.push(start.elapsed());
                watched.seen.fetch_add(1, Ordering::Relaxed);
            }
            took
        });
        Self { shared, calls }
    }

    pub(super) fn has_enough(&self) -> bool {
        ENOUGH <= self.shared.seen.load(Ordering::Relaxed) || self.calls.is_finished()
    }

    /// Ends the calls. None has failed.
    pub(super) async fn p99(self) -> Duration {
        self.shared.over.store(true, Ordering::Relaxed);
        let mut took = self.calls.await.expect("the neighbour's calls");
        took.sort_unstable();
        took[took.len() - 1 - took.len() / 100]
    }
}
