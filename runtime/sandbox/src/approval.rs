//! Asking somebody whether a call may do what it was not granted, while it waits.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use patinox_policy::{Denial, Grant};

/// Asks whoever may grant something. A call that waits for an answer keeps its place and
/// its memory, and the time counts for none of its limits.
pub trait Approver: fmt::Debug + Send + Sync {
    /// Asks whether what was denied may be done after all. It is asked once for each thing
    /// that a call was denied, and for few.
    ///
    /// Cancel safety: it is dropped when the call is cancelled.
    fn ask(&self, denial: Denial) -> BoxFuture<'_, Approval>;
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// It stays denied.
    Refused,
    /// This is granted to this call, until it is over.
    Once(Grant),
    /// The component's policy has this from now on.
    Granted(Grant),
}

/// Who is asked in a call, and how long it has waited for answers.
#[derive(Clone, Debug)]
pub struct Approving {
    approver: Arc<dyn Approver>,
    waited: Arc<Mutex<Waited>>,
}

#[derive(Debug, Default)]
struct Waited {
    total: Duration,
    since: Option<Instant>,
}

impl Approving {
    /// One that nobody was asked by yet.
    #[must_use]
    pub fn new(approver: Arc<dyn Approver>) -> Self {
        Self {
            approver,
            waited: Arc::default(),
        }
    }

    /// Asks, and counts how long that takes, however it ends.
    pub(crate) async fn ask(&self, denial: Denial) -> Approval {
        self.waited().since = Some(Instant::now());
        let _waits = Waits(self);
        self.approver.ask(denial).await
    }

    /// How long the call has waited for answers until now.
    pub(crate) fn has_waited(&self) -> Duration {
        let waited = self.waited();
        let since = waited.since.map(|since| since.elapsed());
        waited.total.saturating_add(since.unwrap_or_default())
    }

    fn waited(&self) -> MutexGuard<'_, Waited> {
        self.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Waits<'a>(&'a Approving);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let mut waited = self.0.waited();
        if let Some(since) = waited.since.take() {
            waited.total = waited.total.saturating_add(since.elapsed());
        }
    }
}
