//! Where clean-ups wait for somebody who does them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};

use super::failure::{CleanupFailure, Trouble};
use super::{CleanupFuture, Outcome, Priority, contain::contain, work};
use crate::registry::{Registered, Registry, State};

/// A queue with more room than this gives it back when it is empty.
const ROOM_KEPT: usize = 1024;

/// A clean-up, from the drop of its guard to its end. It may have begun.
pub(crate) struct Job {
    pub(super) future: CleanupFuture,
    pub(super) registered: Registered,
    pub(super) limit: Duration,
    /// What is left of the limit.
    pub(super) left: Duration,
    priority: Priority,
    reply: Option<oneshot::Sender<Outcome>>,
    /// Dropped last: who waits for it sees all that came of the job.
    pending: Pending,
}

impl Job {
    pub(super) fn new(
        future: CleanupFuture,
        registered: Registered,
        priority: Priority,
        limit: Duration,
    ) -> Self {
        let pending = Pending::new(registered.registry());
        Self {
            future,
            registered,
            limit,
            left: limit,
            priority,
            reply: None,
            pending,
        }
    }

    /// Somebody waits for the end, and hears of it.
    pub(super) fn heard(mut self) -> (Self, oneshot::Receiver<Outcome>) {
        let (reply, heard) = oneshot::channel();
        self.reply = Some(reply);
        (self, heard)
    }

    /// The clean-up has ended, or is ended here.
    pub(super) fn conclude(self, ended: Result<(), Trouble>) -> Outcome {
        let Self {
            future,
            registered,
            limit: _,
            left: _,
            priority: _,
            reply,
            pending,
        } = self;
        let dropped = contain(|| drop(future)).map_err(Trouble::panic);
        let outcome = match ended.and(dropped) {
            Ok(()) => {
                drop(registered);
                Ok(())
            }
            Err(trouble) => Err(failed(registered, trouble)),
        };
        if let Some(reply) = reply {
            // Nobody may wait any more.
            let _ = reply.send(outcome.clone());
        }
        drop(pending);
        outcome
    }
}

fn failed(registered: Registered, trouble: Trouble) -> CleanupFailure {
    let failure = trouble.with(&registered);
    registered.set_state(State::Failed);
    let registry = registered.registry().clone();
    registry.failed(registered.leave(), &failure);
    failure
}

/// Counts a job for as long as it is pending.
struct Pending(Registry);

impl Pending {
    fn new(registry: &Registry) -> Self {
        let pending = &registry.hand_over().pending;
        pending.send_if_modified(|pending| {
            *pending = pending.saturating_add(1);
            false
        });
        Self(registry.clone())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.hand_over().pending.send_if_modified(|pending| {
            *pending = pending.saturating_sub(1);
            *pending == 0
        });
    }
}

/// The jobs of one registry that wait.
///
/// There are never more of them than there were guards: a guard hands over one
/// job, which is made of what the guard held.
pub(crate) struct HandOver {
    state: Mutex<Waiting>,
    /// A job came, for whoever is at work.
    pub(super) came: Notify,
    pending: watch::Sender<usize>,
}

#[derive(Default)]
struct Waiting {
    /// By priority.
    queues: [VecDeque<Job>; 3],
    /// How many are at work on the queues. While this is 0 they are empty, unless
    /// a thread could not be started.
    workers: usize,
    /// Whether one of them is a cleaner.
    has_cleaner: bool,
}

impl Default for HandOver {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            came: Notify::new(),
            pending: watch::Sender::new(0),
        }
    }
}

impl HandOver {
    pub(crate) fn pending(&self) -> usize {
        *self.pending.borrow()
    }

    pub(crate) async fn settled(&self) {
        let mut pending = self.pending.subscribe();
        // The sender is borrowed: it does not go away.
        let _ = pending.wait_for(|pending| *pending == 0).await;
    }

    /// The next job, the highest priority first.
    pub(super) fn next(&self) -> Option<Job> {
        self.lock().next()
    }

    /// Tells another worker of what is left.
    pub(super) fn pass_on(&self) {
        let waiting = self.lock();
        if 1 < waiting.workers && !waiting.is_empty() {
            self.came.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // No foreign code runs under the lock: what it guards is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn push(&mut self, job: Job) {
        let [first, normal, last] = &mut self.queues;
        let queue = match job.priority {
            Priority::First => first,
            Priority::Normal => normal,
            Priority::Last => last,
        };
        queue.push_back(job);
    }

    fn next(&mut self) -> Option<Job> {
        let queue = self.queues.iter_mut().find(|queue| !queue.is_empty())?;
        let job = queue.pop_front();
        if queue.is_empty() {
            queue.shrink_to(ROOM_KEPT);
        }
        job
    }

    fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }
}

/// Lets a job wait for whoever is at work, or starts a thread if nobody is.
pub(super) fn hand_over(job: Job) {
    let registry = job.registered.registry().clone();
    job.registered.set_state(State::Waiting);
    let seat = {
        let mut waiting = registry.hand_over().lock();
        waiting.push(job);
        (waiting.workers == 0).then(|| Seat::taken(&registry, &mut waiting))
    };
    match seat {
        Some(seat) => work::on_a_thread(seat),
        None => registry.hand_over().came.notify_one(),
    }
}

/// The right and the duty to work on the queues of a registry. Who drops it has
/// left; if jobs wait and nobody else is there, a thread takes over.
pub(super) struct Seat {
    registry: Registry,
    is_cleaners: bool,
    may_leave_jobs: bool,
}

impl Seat {
    fn taken(registry: &Registry, waiting: &mut Waiting) -> Self {
        waiting.workers = waiting.workers.saturating_add(1);
        Self {
            registry: registry.clone(),
            is_cleaners: false,
            may_leave_jobs: false,
        }
    }

    /// The cleaner's. `None` where there is a cleaner already.
    pub(super) fn for_cleaner(registry: &Registry) -> Option<Self> {
        let mut waiting = registry.hand_over().lock();
        if waiting.has_cleaner {
            return None;
        }
        waiting.has_cleaner = true;
        let mut seat = Self::taken(registry, &mut waiting);
        seat.is_cleaners = true;
        Some(seat)
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Leaves although jobs may wait for which nobody is there. They wait for
    /// the next who comes.
    pub(super) fn give_up(mut self) {
        self.may_leave_jobs = true;
    }

    fn leave(&self) -> Option<Self> {
        let mut waiting = self.registry.hand_over().lock();
        waiting.workers = waiting.workers.saturating_sub(1);
        if self.is_cleaners {
            waiting.has_cleaner = false;
        }
        let is_needed = waiting.workers == 0 && !waiting.is_empty() && !self.may_leave_jobs;
        is_needed.then(|| Self::taken(&self.registry, &mut waiting))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(seat) = self.leave() {
            work::on_a_thread(seat);
        }
    }
}

#[cfg(test)]
mod tests;
