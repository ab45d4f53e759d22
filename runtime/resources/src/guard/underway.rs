//! A clean-up that has begun: led to its end by whoever polls it.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::coop::{Unconstrained, unconstrained};
use tokio::time::{Instant, Sleep, sleep};

use super::Outcome;
use super::contain::contain;
use super::failure::Trouble;
use super::hand_over::{Job, hand_over};
use crate::registry::State;

/// Unconstrained, or a clean-up that always has more to do could use up the
/// turns of its own time limit.
type Timer = Pin<Box<Unconstrained<Sleep>>>;

/// A clean-up that has begun. Dropped before its end, it hands the rest over.
pub(super) struct Underway(Stage);

enum Stage {
    Here(Here),
    /// It is done elsewhere.
    Elsewhere(oneshot::Receiver<Outcome>),
    Ended,
}

struct Here {
    job: Job,
    begun: Instant,
    timer: Timer,
}

enum Step {
    Pending,
    Ended(Result<(), Trouble>),
    /// The runtime has no timers any more.
    NoTimer,
}

impl Underway {
    /// Begins a clean-up, or hands it over where there are no timers.
    pub(super) fn begin(job: Job) -> Self {
        let Some(timer) = timer(job.left) else {
            return Self(elsewhere(job));
        };
        job.registered.set_state(State::Cleaning);
        Self(Stage::Here(Here {
            job,
            begun: Instant::now(),
            timer,
        }))
    }
}

impl Future for Underway {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Self(stage) = self.get_mut();
        loop {
            let step = match stage {
                Stage::Here(here) => here.step(cx),
                Stage::Elsewhere(heard) => {
                    // A job is never dropped without an answer.
                    return Pin::new(heard)
                        .poll(cx)
                        .map(|heard| heard.unwrap_or(Ok(())));
                }
                Stage::Ended => return Poll::Ready(Ok(())),
            };
            if matches!(step, Step::Pending) {
                return Poll::Pending;
            }
            let Stage::Here(here) = mem::replace(stage, Stage::Ended) else {
                return Poll::Ready(Ok(()));
            };
            match step {
                Step::Ended(ended) => return Poll::Ready(here.job.conclude(ended)),
                Step::NoTimer | Step::Pending => *stage = elsewhere(here.rest()),
            }
        }
    }
}

impl Here {
    fn step(&mut self, cx: &mut Context<'_>) -> Step {
        let future = self.job.future.as_mut();
        match contain(|| future.poll(cx)) {
            Ok(Poll::Ready(Ok(()))) => Step::Ended(Ok(())),
            Ok(Poll::Ready(Err(error))) => Step::Ended(Err(Trouble::of(error))),
            Ok(Poll::Pending) => self.time_out(cx),
            Err(text) => Step::Ended(Err(Trouble::panic(text))),
        }
    }

    fn time_out(&mut self, cx: &mut Context<'_>) -> Step {
        let timer = self.timer.as_mut();
        match contain(|| timer.poll(cx)) {
            Ok(Poll::Pending) => Step::Pending,
            Ok(Poll::Ready(())) => Step::Ended(Err(Trouble::time_out(self.job.limit))),
            // The runtime shuts down.
            Err(_) => Step::NoTimer,
        }
    }

    /// What is left to do, in the time that is left.
    fn rest(self) -> Job {
        let mut job = self.job;
        job.left = job.left.saturating_sub(self.begun.elapsed());
        job
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if let Stage::Here(here) = mem::replace(&mut self.0, Stage::Ended) {
            hand_over(here.rest());
        }
    }
}

fn elsewhere(job: Job) -> Stage {
    let (job, heard) = job.heard();
    hand_over(job);
    Stage::Elsewhere(heard)
}

/// `None` where there is no runtime, or one without timers.
fn timer(limit: Duration) -> Option<Timer> {
    // Asked first: a panic, though caught, would be told to whoever hooks it.
    Handle::try_current().ok()?;
    contain(|| Box::pin(unconstrained(sleep(limit)))).ok()
}

/// Whether a clean-up can begin here.
pub(super) fn has_timers() -> bool {
    timer(Duration::ZERO).is_some()
}
