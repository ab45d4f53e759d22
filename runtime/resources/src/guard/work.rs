//! Does the clean-ups that wait: some at once, the most urgent first.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::cleaner::{CleanerConfig, Leaked};
use super::hand_over::Seat;
use super::underway::Underway;

/// The clean-ups that one worker does.
pub(super) struct Work {
    seat: Seat,
    running: JoinSet<()>,
    at_once: usize,
}

/// The runtime goes away: what is spawned on it does not run.
struct Dying;

impl Work {
    pub(super) fn new(seat: Seat, at_once: NonZeroUsize) -> Self {
        Self {
            seat,
            running: JoinSet::new(),
            at_once: at_once.get(),
        }
    }

    /// Works until it is told to shut down by then, or until there is nobody who
    /// could tell it, and nothing to do. Returns what is left.
    pub(super) async fn until_told(mut self, mut told: oneshot::Receiver<Duration>) -> Leaked {
        let deadline = tokio::select! {
            biased;
            deadline = &mut told => deadline,
            Dying = self.serve() => return self.leave(),
        };
        match deadline {
            Ok(deadline) => self.until_settled(deadline).await,
            Err(_) => self.until_idle().await,
        }
        self.leave()
    }

    /// Works until no clean-up is pending, here or elsewhere, or for so long.
    async fn until_settled(&mut self, deadline: Duration) {
        let registry = self.seat.registry().clone();
        tokio::select! {
            biased;
            Dying = self.serve() => {}
            () = registry.settled() => {}
            () = sleep(deadline) => {}
        }
    }

    /// Works until nothing waits, and nothing runs here.
    async fn until_idle(&mut self) {
        loop {
            self.fill();
            if self.running.is_empty() || self.next_event().await.is_err() {
                return;
            }
        }
    }

    async fn serve(&mut self) -> Dying {
        loop {
            self.fill();
            if let Err(dying) = self.next_event().await {
                return dying;
            }
        }
    }

    /// Begins clean-ups while there is room.
    fn fill(&mut self) {
        while self.has_room() {
            let Some(job) = self.seat.registry().hand_over().next() else {
                return;
            };
            let underway = Underway::begin(job);
            self.running.spawn(async move {
                // Its failure has been told by now.
                let _ = underway.await;
            });
        }
        self.seat.registry().hand_over().pass_on();
    }

    /// Waits until one has come that there is room for, or one has ended.
    async fn next_event(&mut self) -> Result<(), Dying> {
        let has_room = self.has_room();
        // One of them can always happen: there is room where nothing runs.
        tokio::select! {
            biased;
            Some(ended) = self.running.join_next() => match ended {
                Err(error) if error.is_cancelled() => Err(Dying),
                Ok(()) | Err(_) => Ok(()),
            },
            () = self.seat.registry().hand_over().came.notified(), if has_room => Ok(()),
        }
    }

    fn has_room(&self) -> bool {
        self.running.len() < self.at_once
    }

    fn leave(self) -> Leaked {
        Leaked::of(self.seat.registry())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What has begun goes on where it is, under its own limit.
        self.running.detach_all();
    }
}

/// Works on a thread of its own until there is nothing to do.
pub(super) fn on_a_thread(seat: Seat) {
    let coming = Coming(Some(seat));
    let thread = thread::Builder::new().name("patinox-cleaner".to_owned());
    // Where there is no thread to be had, `coming` gives up.
    let _ = thread.spawn(move || coming.work());
}

/// Gives its seat up if it does not come to work: another try at once would fail
/// as well, and so on.
pub(super) struct Coming(pub(super) Option<Seat>);

impl Coming {
    fn work(mut self) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        let Some(seat) = self.0.take() else { return };
        let mut work = Work::new(seat, CleanerConfig::default().at_once);
        runtime.block_on(work.until_idle());
        // The runtime stays until the seat is left: it does what was detached.
        drop(work);
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        if let Some(seat) = self.0.take() {
            seat.give_up();
        }
    }
}
