//! Starts and ends the task that does the clean-ups of a registry.

use std::cmp::Reverse;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::hand_over::Seat;
use super::underway::has_timers;
use super::work::Work;
use crate::registry::{Entry, Registry, State};

/// How many clean-ups run at once where nobody says.
const USUAL_AT_ONCE: NonZeroUsize = match NonZeroUsize::new(16) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

/// How a cleaner works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanerConfig {
    /// How many clean-ups run at once. Those that do begin in no order.
    pub at_once: NonZeroUsize,
}

impl Default for CleanerConfig {
    fn default() -> Self {
        Self {
            at_once: USUAL_AT_ONCE,
        }
    }
}

/// Why a cleaner could not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// It works on a tokio runtime.
    #[error("no tokio runtime with timers to clean up on")]
    NoRuntime,
    /// One is enough.
    #[error("the registry has a cleaner already")]
    Taken,
}

/// Does the clean-ups of a registry, as a task of a tokio runtime.
///
/// Dropped, it does what has been handed over, and then ends. A registry without
/// a cleaner has its clean-ups done on threads, one at a time, that end when
/// nothing is left.
#[must_use = "the cleaner ends when this is dropped"]
pub struct Cleaner {
    registry: Registry,
    tell: oneshot::Sender<Duration>,
    task: JoinHandle<Leaked>,
}

impl Cleaner {
    /// Starts on the runtime of the caller.
    ///
    /// # Errors
    ///
    /// There is no runtime with timers, or the registry has a cleaner.
    pub fn start(registry: &Registry, config: CleanerConfig) -> Result<Self, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        if !has_timers() {
            return Err(StartError::NoRuntime);
        }
        let seat = Seat::for_cleaner(registry).ok_or(StartError::Taken)?;
        let (tell, told) = oneshot::channel();
        let work = Work::new(seat, config.at_once);
        Ok(Self {
            registry: registry.clone(),
            tell,
            task: runtime.spawn(work.until_told(told)),
        })
    }

    /// Cleans up what has been handed over, waits for what is under way, and then
    /// ends, all at most until the deadline. Returns what is left.
    ///
    /// A guard that is dropped meanwhile still counts, as clean-ups drop guards
    /// of their own; one that is dropped later is cleaned up on a thread. So is
    /// what waits at the deadline, if the process lives on; what is under way
    /// then goes on. Each keeps its own limit.
    ///
    /// If the runtime of the cleaner has ended, what is left is not waited for.
    ///
    /// # Cancel safety
    ///
    /// When this is dropped before its end, the cleaner goes on to the deadline,
    /// and what is left is not told.
    pub async fn shutdown(self, deadline: Duration) -> Leaked {
        // If it is not there any more, its end says so below.
        let _ = self.tell.send(deadline);
        let left = self.task.await;
        left.unwrap_or_else(|_| Leaked::of(&self.registry))
    }
}

impl fmt::Debug for Cleaner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cleaner")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

/// What a shutdown left: all entries that were still in the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaked {
    /// The entries, those that were there for longest first.
    pub entries: Vec<Entry>,
}

impl Leaked {
    pub(super) fn of(registry: &Registry) -> Self {
        let mut entries = registry.entries();
        entries.sort_by_key(|entry| Reverse(entry.age));
        Self { entries }
    }

    /// Whether nothing was left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Those whose clean-up had not begun, or went on elsewhere.
    pub fn not_run(&self) -> impl Iterator<Item = &Entry> {
        self.of_state(State::Waiting)
    }

    /// Those whose clean-up had not ended.
    pub fn not_ended(&self) -> impl Iterator<Item = &Entry> {
        self.of_state(State::Cleaning)
    }

    /// Those whose clean-up failed, lately.
    pub fn failed(&self) -> impl Iterator<Item = &Entry> {
        self.of_state(State::Failed)
    }

    /// Those that somebody still held.
    pub fn held(&self) -> impl Iterator<Item = &Entry> {
        let entries = self.entries.iter();
        entries.filter(|entry| matches!(entry.state, State::Active | State::Idle))
    }

    fn of_state(&self, state: State) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.state == state)
    }
}

impl fmt::Display for Leaked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing is left");
        }
        write!(
            f,
            "left: {} held, {} not cleaned up, {} being cleaned up, {} failed to be",
            self.held().count(),
            self.not_run().count(),
            self.not_ended().count(),
            self.failed().count(),
        )
    }
}
