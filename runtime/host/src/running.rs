//! What runs, so that the host can end it all.

mod long;

use std::cmp::Reverse;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use patinox_resources::{Entry, Freed, Kind, Leaked, Registry, State};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::long::Long;
use crate::PatinoxError;

/// How long what was told to end may take to let go of all it holds.
pub(crate) const LETTING_GO: Duration = Duration::from_secs(1);

/// What came of [`shutdown`](crate::Host::shutdown).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// Calls and loads that were still under way at the deadline, and were
    /// cancelled.
    pub cancelled: usize,
    /// Those of them that had still not let go a second later: an embedder's
    /// own code that blocks.
    pub stuck: usize,
    /// What the host's registry still has of what ends with a call, the longest
    /// first, and clean-ups that failed or have not ended. Code stays for as long
    /// as what was loaded does, and threads for as long as the host, and are not
    /// counted.
    pub leaked: Leaked,
}

impl Shutdown {
    /// Waits for the clean-ups that were handed over, at most so long, and looks
    /// what is left.
    pub(crate) async fn cleaned(mut self, registry: &Registry, within: Duration) -> Self {
        // Whether all have ended is seen below.
        let _ = tokio::time::timeout(within, registry.settled()).await;
        let mut entries = registry.entries();
        entries.retain(is_left);
        entries.sort_by_key(|entry| Reverse(entry.age));
        self.leaked = Leaked { entries };
        self
    }
}

/// Whether nobody should have this any more once a host is down.
fn is_left(entry: &Entry) -> bool {
    match entry.state {
        State::Active | State::Idle => !matches!(entry.kind, Kind::Task | Kind::Artifact),
        State::Waiting | State::Cleaning | State::Failed => true,
    }
}

#[derive(Debug, Default)]
pub(crate) struct Running {
    count: AtomicUsize,
    closed: AtomicBool,
    /// Told when the last has ended after the host was closed.
    idle: Notify,
    end: CancellationToken,
    /// What could not be done at once, so that it can be ended when it takes too
    /// long.
    long: Long,
}

/// Something that runs, until this is dropped.
#[derive(Debug)]
#[must_use = "the host may be down as soon as this is dropped"]
pub(crate) struct Begun<'a>(&'a Running);

impl Running {
    /// Something begins: the host is not down before what is returned is dropped.
    ///
    /// A plain count, as every call passes here: a token that is counted for
    /// itself would make two threads wait for each other twice as often.
    pub(crate) fn begin(&self) -> Begun<'_> {
        // Ordered with `closed`: whoever closes sees this one, or this one sees
        // that it is closed.
        self.count.fetch_add(1, Ordering::SeqCst);
        Begun(self)
    }

    /// Does some work that has begun, unless the host is shutting down, until it
    /// is done or the host ends. The work stays where it is pinned: it is large.
    pub(crate) async fn run<T>(
        &self,
        work: Pin<&mut impl Future<Output = Result<T, PatinoxError>>>,
    ) -> Result<T, PatinoxError> {
        // Whoever closes after this waits for it.
        if self.closed.load(Ordering::SeqCst) {
            return Err(PatinoxError::Closing);
        }
        tokio::select! {
            biased;
            done = work => done,
            why = self.told_to_end() => Err(why),
        }
    }

    /// Waits until the host ends, or ends what has run for too long. What is done
    /// at once never comes here.
    async fn told_to_end(&self) -> PatinoxError {
        let running = self.long.enter();
        tokio::select! {
            biased;
            () = self.end.cancelled() => patinox_sandbox::Error::Cancelled.into(),
            ran = running.ended() => PatinoxError::Relieved { ran },
        }
    }

    /// Ends what has run for at least so long.
    pub(crate) fn end_longer_than(&self, span: Duration) -> Freed {
        self.long.end(span)
    }

    /// Lets nothing begin any more, waits for what runs, ends what still does.
    pub(crate) async fn shutdown(&self, deadline: Duration) -> Shutdown {
        self.closed.store(true, Ordering::SeqCst);
        if tokio::time::timeout(deadline, self.idle()).await.is_ok() {
            return Shutdown::default();
        }
        let cancelled = self.count();
        self.end.cancel();
        let _ = tokio::time::timeout(LETTING_GO, self.idle()).await;
        Shutdown {
            cancelled,
            stuck: self.count(),
            ..Shutdown::default()
        }
    }

    /// How much has begun and not ended.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Waits until nothing runs, once it is closed.
    async fn idle(&self) {
        loop {
            // It hears from here on, so the last one is not missed.
            let idle = self.idle.notified();
            if self.count() == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let Running {
            count,
            closed,
            idle,
            end: _,
            long: _,
        } = self.0;
        if count.fetch_sub(1, Ordering::SeqCst) == 1 && closed.load(Ordering::SeqCst) {
            idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn down_is_told_to_all_who_wait_for_it() {
        let running = Running::default();
        let begun = (running.begin(), running.begin());
        let long = Duration::from_secs(60);
        let all = async { tokio::join!(running.shutdown(long), running.shutdown(long)) };
        let end = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(begun.0);
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(begun.1);
        };
        let started = tokio::time::Instant::now();
        let ((one, other), ()) = tokio::join!(all, end);
        assert_eq!((one.cancelled, other.cancelled), (0, 0));
        assert_eq!(started.elapsed(), Duration::from_secs(2));
        assert!(matches!(
            running.run(pin!(async { Ok(()) })).await,
            Err(PatinoxError::Closing)
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stuck_is_counted() {
        let running = Running::default();
        let _begun = running.begin();
        let down = running.shutdown(Duration::from_secs(1)).await;
        assert_eq!((down.cancelled, down.stuck), (1, 1));
    }
}
