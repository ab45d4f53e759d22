//! What runs for long, so that it can be ended.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use patinox_resources::Freed;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// What was not done at once.
#[derive(Debug, Default)]
pub(super) struct Long(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    running: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    since: Instant,
    /// Told how long it ran when it is to end.
    end: oneshot::Sender<Duration>,
}

/// Something that runs, until this is dropped.
#[derive(Debug)]
pub(super) struct Entered<'a> {
    long: &'a Long,
    key: u64,
    ended: oneshot::Receiver<Duration>,
}

impl Long {
    pub(super) fn enter(&self) -> Entered<'_> {
        let (end, ended) = oneshot::channel();
        let since = Instant::now();
        let mut entries = self.entries();
        let key = entries.next;
        entries.next = key.wrapping_add(1);
        entries.running.insert(key, Entry { since, end });
        Entered {
            long: self,
            key,
            ended,
        }
    }

    /// Ends what has run for at least so long.
    pub(super) fn end(&self, span: Duration) -> Freed {
        let now = Instant::now();
        let too_long = {
            let mut entries = self.entries();
            let running = entries.running.extract_if(|_, entry| {
                let ran = now.saturating_duration_since(entry.since);
                span <= ran
            });
            running.map(|(_, entry)| entry).collect::<Vec<_>>()
        };
        let attempted = too_long.len();
        let told = too_long.into_iter().filter_map(|entry| {
            let ran = now.saturating_duration_since(entry.since);
            entry.end.send(ran).ok()
        });
        let count = u64::try_from(told.count()).unwrap_or(u64::MAX);
        Freed {
            attempted: u64::try_from(attempted).unwrap_or(u64::MAX),
            count,
            bytes: 0,
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Nothing that runs under the lock panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entered<'_> {
    /// Waits until it is to end; how long it ran.
    pub(super) async fn ended(mut self) -> Duration {
        match (&mut self.ended).await {
            Ok(ran) => ran,
            // Whoever ends it tells so first.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.long.entries().running.remove(&self.key);
    }
}
