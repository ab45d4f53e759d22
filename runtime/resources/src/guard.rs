//! A value that is cleaned up asynchronously when it is let go of.
//!
//! **Promised.** A clean-up is begun exactly once, and then led to its end, to
//! its panic or to its time limit: wherever the guard is dropped, whether or not
//! a runtime or a [`Cleaner`] is there, and whoever stops to wait for it. A drop
//! never blocks, and nothing here panics.
//!
//! **What ends it.** The process: a clean-up that still waits then never runs.
//! So whoever ends the process first calls [`Cleaner::shutdown`].
//!
//! **How.** A dropped guard becomes a job in a queue of its registry. While there
//! is a job, somebody is at work on the queue: the registry's [`Cleaner`] if it
//! has one, or else a thread that ends when the queue is empty. Who leaves looks
//! once more, under the lock of the queue, and starts that thread if need be. A
//! job that is dropped half-done, as by a runtime that shuts down, goes back into
//! the queue.

mod cleaner;
mod contain;
mod failure;
mod hand_over;
mod underway;
mod work;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use self::cleaner::{Cleaner, CleanerConfig, Leaked, StartError};
pub use self::failure::{
    CleanupError, CleanupFailure, FailureCounts, Listening, OnFailure, Reason,
};

pub(crate) use self::contain::contain;
pub(crate) use self::failure::{Failures, Trouble};
pub(crate) use self::hand_over::HandOver;

use self::hand_over::{Job, hand_over};
use self::underway::Underway;
use crate::Registered;

/// How long a clean-up may take where the guard does not say.
const USUAL_LIMIT: Duration = Duration::from_secs(5);

type Outcome = Result<(), CleanupFailure>;
type CleanupFuture = Pin<Box<dyn Future<Output = Result<(), CleanupError>> + Send>>;
type CleanupFn<T> = Box<dyn FnOnce(T) -> CleanupFuture + Send>;

/// Which clean-ups begin first. Those of one priority begin in the order in
/// which their guards were dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before all others: what others wait for, such as child processes.
    First,
    /// After the first.
    #[default]
    Normal,
    /// When no other waits: what may stay for a while, such as a cache.
    Last,
}

/// Holds a value that is cleaned up asynchronously, exactly once.
///
/// Dropping it hands the clean-up over to the [`Cleaner`] of its registry, and
/// never waits; [`clean`](Self::clean) waits for it; [`into_inner`](Self::into_inner)
/// forgets it. Until the clean-up has ended, the value has an entry in the
/// registry.
///
/// ```
/// use patinox_resources::{AsyncGuard, Cleaner, CleanerConfig, Kind, Owner, Registry};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// let cleaner = Cleaner::start(&registry, CleanerConfig::default())?;
///
/// let (hung_up, heard) = tokio::sync::oneshot::channel();
/// let entry = registry.register(Kind::Connection, Owner::NONE, 0);
/// let guard = AsyncGuard::new(entry, hung_up, async |line| {
///     line.send("goodbye").map_err(Into::into)
/// });
/// drop(guard);
/// assert_eq!(heard.await?, "goodbye");
///
/// let leaked = cleaner.shutdown(Duration::from_secs(1)).await;
/// assert!(leaked.is_empty(), "{leaked}");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "AsyncResourceGuard")]
#[must_use = "the value is cleaned up as soon as this is dropped"]
pub struct AsyncGuard<T: Send + 'static> {
    held: Option<Held<T>>,
}

struct Held<T> {
    value: T,
    registered: Registered,
    priority: Priority,
    limit: Duration,
    /// The lock is never taken: it only lets other threads borrow the value, for
    /// which they do not need the function.
    cleanup: Mutex<CleanupFn<T>>,
}

impl<T: Send + 'static> AsyncGuard<T> {
    /// Guards a value that has this entry. The function is called once, with the
    /// value, inside a tokio runtime, and its future is led to its end there.
    ///
    /// It has the usual priority, and 5 seconds.
    pub fn new<F, C>(registered: Registered, value: T, cleanup: F) -> Self
    where
        F: FnOnce(T) -> C + Send + 'static,
        C: Future<Output = Result<(), CleanupError>> + Send + 'static,
    {
        let cleanup: CleanupFn<T> = Box::new(move |value| Box::pin(cleanup(value)));
        Self {
            held: Some(Held {
                value,
                registered,
                priority: Priority::default(),
                limit: USUAL_LIMIT,
                cleanup: Mutex::new(cleanup),
            }),
        }
    }

    /// The same with another priority.
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.held_mut().priority = priority;
        self
    }

    /// The same with another time limit, counted from when the clean-up begins.
    ///
    /// It is kept where the clean-up awaits: one that blocks its thread is not
    /// stopped.
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.held_mut().limit = limit;
        self
    }

    /// The entry of the value.
    #[must_use = "the entry is only looked at"]
    pub fn registered(&self) -> &Registered {
        &self.held().registered
    }

    /// Cleans the value up at once, in no queue, and waits for the end.
    ///
    /// Without a tokio runtime that has timers, the cleaner does it.
    ///
    /// # Errors
    ///
    /// The clean-up failed, panicked or took too long. The failure is also kept,
    /// counted and told, as that of a guard that was dropped.
    ///
    /// # Cancel safety
    ///
    /// When this is dropped before its end, the rest of the clean-up is handed
    /// over to the cleaner.
    pub async fn clean(self) -> Result<(), CleanupFailure> {
        Underway::begin(self.take().into_job()).await
    }

    /// The value, which is not cleaned up any more. Its entry is gone.
    pub fn into_inner(self) -> T {
        self.take().value
    }

    fn take(mut self) -> Held<T> {
        #[expect(
            clippy::expect_used,
            reason = "invariant: only what consumes the guard empties it"
        )]
        self.held.take().expect("the guard holds its value")
    }

    fn held(&self) -> &Held<T> {
        #[expect(
            clippy::expect_used,
            reason = "invariant: only what consumes the guard empties it"
        )]
        self.held.as_ref().expect("the guard holds its value")
    }

    fn held_mut(&mut self) -> &mut Held<T> {
        #[expect(
            clippy::expect_used,
            reason = "invariant: only what consumes the guard empties it"
        )]
        self.held.as_mut().expect("the guard holds its value")
    }
}

impl<T: Send + 'static> Held<T> {
    fn into_job(self) -> Job {
        let cleanup = self.cleanup.into_inner();
        let cleanup = cleanup.unwrap_or_else(PoisonError::into_inner);
        let value = self.value;
        // The function is called where its panic is caught.
        let future = Box::pin(async move { cleanup(value).await });
        Job::new(future, self.registered, self.priority, self.limit)
    }
}

impl<T: Send + 'static> Drop for AsyncGuard<T> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            hand_over(held.into_job());
        }
    }
}

impl<T: Send + 'static> Deref for AsyncGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.held().value
    }
}

impl<T: Send + 'static> DerefMut for AsyncGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.held_mut().value
    }
}

impl<T: Send + fmt::Debug + 'static> fmt::Debug for AsyncGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held();
        f.debug_struct("AsyncGuard")
            .field("value", &held.value)
            .field("registered", &held.registered)
            .field("priority", &held.priority)
            .field("limit", &held.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
