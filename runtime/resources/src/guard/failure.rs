//! Clean-ups that failed: kept, counted, told.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::contain::contain;
use crate::registry::{EntryId, Kind, Owner, Registered, Registry};
use crate::shared::Shared;
use crate::text;

/// How many failures are kept, each of which keeps an entry.
const KEPT_MAX: usize = 64;

/// An error may be its own source: a longer chain is cut.
const MAX_CHAIN: usize = 16;

/// A longer text of an error is cut.
const MAX_LINK_BYTES: usize = 1024;

/// What a clean-up fails with: any error, as `?` makes it.
pub type CleanupError = Box<dyn Error + Send + Sync>;

/// Why a clean-up failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It ended with an error.
    Error,
    /// It panicked, or what it left did when it was dropped.
    Panic,
    /// It had not ended at its time limit.
    TimeOut,
}

impl Reason {
    /// The reason as words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "failed",
            Self::Panic => "panicked",
            Self::TimeOut => "took too long",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A clean-up that failed: what it was to clean up may be there still.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clean-up of a {kind} of {owner} {reason}: {}", chain.join(": "))]
pub struct CleanupFailure {
    /// What was to be cleaned up.
    pub kind: Kind,
    /// Who held it.
    pub owner: Owner,
    /// How long it had been there.
    pub age: Duration,
    /// Why the clean-up failed.
    pub reason: Reason,
    /// The error and its sources, or the text of the panic, or the time limit. A
    /// text is cut after 1 KiB, the sources after the sixteenth.
    pub chain: Vec<String>,
}

/// Is told of each clean-up that fails.
///
/// A closure will do. It is called where the clean-up ended, so it must not
/// block. Should it panic, that is counted, and hurts nobody.
pub trait OnFailure: Send + Sync {
    /// A clean-up has failed.
    fn failed(&self, failure: &CleanupFailure);
}

impl<F: Fn(&CleanupFailure) + Send + Sync> OnFailure for F {
    fn failed(&self, failure: &CleanupFailure) {
        self(failure);
    }
}

/// Somebody is told of the clean-ups that fail, until this is dropped: see
/// [`Registry::listen`].
#[must_use = "nobody is told any more as soon as this is dropped"]
pub struct Listening {
    registry: Registry,
    listener: Arc<dyn OnFailure>,
}

impl Listening {
    pub(crate) fn begin(registry: &Registry, listener: Arc<dyn OnFailure>) -> Self {
        registry.failures_of().add(Arc::clone(&listener));
        Self {
            registry: registry.clone(),
            listener,
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.registry.failures_of().remove(&self.listener);
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

/// How many clean-ups failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureCounts {
    /// Those that ended with an error.
    pub errors: u64,
    /// Those that panicked.
    pub panics: u64,
    /// Those that took too long.
    pub time_outs: u64,
    /// How often a listener was not told: it panicked.
    pub untold: u64,
}

impl FailureCounts {
    /// All that failed.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self {
            errors,
            panics,
            time_outs,
            untold: _,
        } = *self;
        errors.saturating_add(panics).saturating_add(time_outs)
    }
}

/// How a clean-up ended that did not end well.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(super) reason: Reason,
    pub(crate) chain: Vec<String>,
}

impl Trouble {
    /// What an error says of itself, and its sources. It ends here.
    pub(crate) fn of(error: CleanupError) -> Self {
        let told = contain(|| chain_of(&*error));
        // Apart: a destructor that panics while a panic unwinds ends the process.
        let _ = contain(|| drop(error));
        told.map_or_else(Self::panic, |chain| Self {
            reason: Reason::Error,
            chain,
        })
    }

    pub(super) fn panic(text: String) -> Self {
        Self {
            reason: Reason::Panic,
            chain: vec![text],
        }
    }

    pub(super) fn time_out(limit: Duration) -> Self {
        Self {
            reason: Reason::TimeOut,
            chain: vec![format!("it had not ended after {limit:?}")],
        }
    }

    pub(super) fn with(self, registered: &Registered) -> CleanupFailure {
        let entry = registered.entry();
        let (owner, age) = entry
            .map(|entry| (entry.owner, entry.age))
            .unwrap_or_default();
        CleanupFailure {
            kind: registered.kind(),
            owner,
            age,
            reason: self.reason,
            chain: self.chain,
        }
    }
}

fn chain_of(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut chain = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next
        && chain.len() < MAX_CHAIN
    {
        chain.push(text::shown(&error, MAX_LINK_BYTES));
        next = error.source();
    }
    chain
}

/// The failures of one registry.
#[derive(Default)]
pub(crate) struct Failures {
    kept: Mutex<VecDeque<(EntryId, CleanupFailure)>>,
    errors: AtomicU64,
    panics: AtomicU64,
    time_outs: AtomicU64,
    untold: AtomicU64,
    listeners: Shared<Vec<Arc<dyn OnFailure>>>,
}

impl Failures {
    fn add(&self, listener: Arc<dyn OnFailure>) {
        self.listeners.modify(|listeners| listeners.push(listener));
    }

    fn remove(&self, gone: &Arc<dyn OnFailure>) {
        let is_other = |one: &Arc<dyn OnFailure>| !Arc::ptr_eq(one, gone);
        self.listeners
            .modify(|listeners| listeners.retain(is_other));
    }

    /// Counts a failure and keeps it with its entry. Returns the entry of the one
    /// that had to make room.
    pub(crate) fn keep(&self, id: EntryId, failure: CleanupFailure) -> Option<EntryId> {
        let counter = match failure.reason {
            Reason::Error => &self.errors,
            Reason::Panic => &self.panics,
            Reason::TimeOut => &self.time_outs,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.lock();
        let oldest = if kept.len() < KEPT_MAX {
            None
        } else {
            kept.pop_front()
        };
        kept.push_back((id, failure));
        oldest.map(|(id, _)| id)
    }

    pub(crate) fn tell(&self, failure: &CleanupFailure) {
        for listener in &*self.listeners.load() {
            if contain(|| listener.failed(failure)).is_err() {
                self.untold.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn kept(&self) -> Vec<CleanupFailure> {
        let kept = self.lock();
        kept.iter().map(|(_, failure)| failure.clone()).collect()
    }

    pub(crate) fn forget(&self) -> Vec<EntryId> {
        self.lock().drain(..).map(|(id, _)| id).collect()
    }

    pub(crate) fn counts(&self) -> FailureCounts {
        FailureCounts {
            errors: self.errors.load(Ordering::Relaxed),
            panics: self.panics.load(Ordering::Relaxed),
            time_outs: self.time_outs.load(Ordering::Relaxed),
            untold: self.untold.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(EntryId, CleanupFailure)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
