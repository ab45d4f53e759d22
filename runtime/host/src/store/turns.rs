//! Turns of namespaces: whoever asks often waits for himself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many at once of each name; the others wait in the order in which they came.
pub(super) struct Turns {
    at_once: usize,
    names: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Turns {
    pub(super) fn of(at_once: usize) -> Self {
        Self {
            at_once,
            names: Mutex::default(),
        }
    }

    /// Waits for a turn, which lasts until it is dropped.
    ///
    /// Cancel safety: the place in the queue is given back.
    pub(super) async fn take(&self, name: &str) -> Option<(OwnedSemaphorePermit, Arc<Semaphore>)> {
        let turns = self.of_name(name);
        // Nobody closes it.
        let turn = Arc::clone(&turns).acquire_owned().await.ok()?;
        Some((turn, turns))
    }

    fn of_name(&self, name: &str) -> Arc<Semaphore> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = names.get(name).and_then(Weak::upgrade) {
            return turns;
        }
        // Names that nobody waits for are none.
        names.retain(|_, turns| 0 < turns.strong_count());
        let turns = Arc::new(Semaphore::new(self.at_once));
        names.insert(name.to_owned(), Arc::downgrade(&turns));
        turns
    }
}
