//! What runs, so that the host can end it all.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::PatinoxError;

/// How long what was told to end may take to let go of all it holds.
const LETTING_GO: Duration = Duration::from_secs(1);

/// What came of [`shutdown`](crate::Host::shutdown).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// Calls and loads that were still under way at the deadline, and were
    /// cancelled.
    pub cancelled: usize,
    /// Those of them that had still not let go a second later: an embedder's
    /// own code that blocks.
    pub stuck: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Running {
    tracker: TaskTracker,
    end: CancellationToken,
}

impl Running {
    /// Something begins: the host is not down before the token is dropped.
    pub(crate) fn begin(&self) -> TaskTrackerToken {
        self.tracker.token()
    }

    /// Does some work that has begun, unless the host is shutting down, until it
    /// is done or the host ends.
    pub(crate) async fn run<T>(
        &self,
        work: impl Future<Output = Result<T, PatinoxError>>,
    ) -> Result<T, PatinoxError> {
        // Whoever closes after this waits for it.
        if self.tracker.is_closed() {
            return Err(PatinoxError::Closing);
        }
        tokio::select! {
            biased;
            done = work => done,
            () = self.end.cancelled() => Err(patinox_sandbox::Error::Cancelled.into()),
        }
    }

    /// Lets nothing begin any more, waits for what runs, ends what still does.
    pub(crate) async fn shutdown(&self, deadline: Duration) -> Shutdown {
        self.tracker.close();
        if tokio::time::timeout(deadline, self.tracker.wait())
            .await
            .is_ok()
        {
            return Shutdown {
                cancelled: 0,
                stuck: 0,
            };
        }
        let cancelled = self.tracker.len();
        self.end.cancel();
        let _ = tokio::time::timeout(LETTING_GO, self.tracker.wait()).await;
        Shutdown {
            cancelled,
            stuck: self.tracker.len(),
        }
    }
}
