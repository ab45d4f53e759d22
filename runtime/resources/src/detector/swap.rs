//! Whether memory can leave for swap, and word of it when that changes.

use std::fmt;
use std::fs::File;
use std::io::{self, Seek as _};
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::groups::Groups;
use super::{Detector, Figure, whole};

const SWAPS: &str = "/proc/swaps";

/// How long a change can go unseen that the kernel does not tell: one in a
/// control group, or in a fixture.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The least time between two looks, so that a file which always claims to have
/// changed costs little.
const PAUSE: Duration = Duration::from_millis(10);

/// Whether memory of this process can be swapped out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The machine has no swap.
    Absent,
    /// It has, or may have, but a control group keeps this process out of it.
    Forbidden,
    /// It has, or what it has cannot be read.
    Present,
}

/// Watches whether memory can be swapped out, on a thread of its own, until it
/// is dropped.
///
/// Swap that comes or goes is told at once, a change of a control group within
/// a quarter of a second.
#[must_use = "it watches until it is dropped"]
pub struct SwapWatch {
    watched: Arc<Watched>,
    thread: Option<JoinHandle<()>>,
}

/// What the watch and its thread share.
struct Watched {
    swap: Mutex<Swap>,
    looks: AtomicU64,
    is_over: AtomicBool,
    /// Ends a wait of the thread.
    wake: OwnedFd,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    /// The list of swaps has changed.
    Change,
    /// The time is over, or the watch is.
    Timeout,
    /// The list of swaps cannot be waited for.
    Failure,
}

impl Detector {
    /// Whether memory of this process can be swapped out, read anew.
    #[must_use]
    pub fn swap(&self) -> Figure<Swap> {
        self.swap_in(&Groups::of(self))
    }

    pub(super) fn swap_in(&self, groups: &Groups<'_>) -> Figure<Swap> {
        self.swap_by(self.read(SWAPS), groups)
    }

    fn swap_by(&self, list: Option<String>, groups: &Groups<'_>) -> Figure<Swap> {
        if list.is_some_and(|list| is_empty(&list)) {
            return Figure::in_file(Swap::Absent, SWAPS);
        }
        match groups.swap_forbidden() {
            Some(file) => Figure::in_file(Swap::Forbidden, file),
            None => Figure::in_file(Swap::Present, SWAPS),
        }
    }

    /// The list of swaps: the one that is open already where no other can be
    /// opened, so that a process without descriptors does not take no answer for
    /// swap.
    fn swaps(&self, open: Option<&File>) -> Option<String> {
        match File::open(self.place(Path::new(SWAPS))) {
            Ok(list) => whole(list),
            Err(error) if is_exhausted(&error) => {
                let mut open = open?;
                open.rewind().ok()?;
                whole(open)
            }
            Err(_) => None,
        }
    }

    /// Calls back each time that it changes whether memory can be swapped out.
    ///
    /// How it is at first is not told: [`SwapWatch::swap`] says it. No change
    /// after that look is missed, unless it is undone before it is seen.
    ///
    /// The callback runs on the thread of the watch. If it panics, that call is
    /// over and the watch goes on.
    ///
    /// # Errors
    ///
    /// If the machine refuses a thread or a file descriptor. A list of swaps
    /// that cannot be read is none: it counts as [`Swap::Present`].
    pub fn watch_swap(&self, on_change: impl Fn(Swap) + Send + 'static) -> io::Result<SwapWatch> {
        // Opened before the first look: from here on the kernel tells changes.
        let list = File::open(self.place(Path::new(SWAPS))).ok();
        let watched = Arc::new(Watched {
            swap: Mutex::new(self.swap().value),
            looks: AtomicU64::new(1),
            is_over: AtomicBool::new(false),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        });
        let thread = thread::Builder::new().name("patinox-swap".to_owned());
        let (detector, shared) = (self.clone(), Arc::clone(&watched));
        let thread = thread.spawn(move || shared.watch(&detector, list, on_change))?;
        Ok(SwapWatch {
            watched,
            thread: Some(thread),
        })
    }
}

/// Whether a file could not be opened for want of descriptors.
fn is_exhausted(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

/// Whether a list of swaps is one, and names none.
fn is_empty(list: &str) -> bool {
    let mut lines = list.lines();
    let has_heading = lines
        .next()
        .is_some_and(|line| line.starts_with("Filename"));
    has_heading && lines.all(|line| line.trim().is_empty())
}

impl SwapWatch {
    /// What the last look found. The first is over when the watch is made.
    #[must_use]
    pub fn swap(&self) -> Swap {
        *self.watched.swap()
    }
}

impl Drop for SwapWatch {
    /// Ends the thread, and waits only for a callback that is running.
    fn drop(&mut self) {
        self.watched.is_over.store(true, Ordering::Release);
        // Whatever refuses this, the wait ends by itself soon.
        let _ = rustix::io::write(&self.watched.wake, &1_u64.to_ne_bytes());
        let Some(thread) = self.thread.take() else {
            return;
        };
        thread.thread().unpark();
        // A callback that drops its own watch must not wait for itself.
        if thread.thread().id() != thread::current().id() {
            // The thread catches what a callback throws.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for SwapWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwapWatch")
            .field("swap", &self.swap())
            .field("looks", &self.watched.looks)
            .finish_non_exhaustive()
    }
}

impl Watched {
    fn watch(&self, detector: &Detector, mut list: Option<File>, on_change: impl Fn(Swap)) {
        while !self.is_over.load(Ordering::Acquire) {
            match wait(&self.wake, list.as_ref(), LOOK_EVERY) {
                Woken::Timeout => self.look(detector, list.as_ref(), &on_change),
                Woken::Change => {
                    self.look(detector, list.as_ref(), &on_change);
                    wait(&self.wake, None::<&File>, PAUSE);
                }
                Woken::Failure => list = None,
            }
        }
    }

    fn look(&self, detector: &Detector, list: Option<&File>, on_change: &impl Fn(Swap)) {
        if self.is_over.load(Ordering::Acquire) {
            return;
        }
        self.looks.fetch_add(1, Ordering::Relaxed);
        let groups = Groups::of(detector);
        let swap = detector.swap_by(detector.swaps(list), &groups).value;
        let before = mem::replace(&mut *self.swap(), swap);
        if before != swap {
            tell(on_change, swap);
        }
    }

    fn swap(&self) -> MutexGuard<'_, Swap> {
        self.swap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until the list of swaps changes, the watch is over, or the time is.
fn wait(wake: &OwnedFd, list: Option<&impl AsFd>, timeout: Duration) -> Woken {
    let mut polled = vec![PollFd::new(wake, PollFlags::IN)];
    // Only `PRI` tells a change; `IN` holds at any time.
    polled.extend(list.map(|list| PollFd::new(list, PollFlags::PRI)));
    let told = Timespec::try_from(timeout)
        .map_err(|_| Errno::INVAL)
        .and_then(|timeout| poll(&mut polled, Some(&timeout)));
    if told.is_err_and(|error| error != Errno::INTR) {
        // `poll` fails for want of memory or descriptors; then time is all.
        thread::park_timeout(timeout);
        return Woken::Timeout;
    }
    let events = polled.get(1).map_or(PollFlags::empty(), PollFd::revents);
    if events.contains(PollFlags::PRI) {
        Woken::Change
    } else if events.is_empty() {
        Woken::Timeout
    } else {
        Woken::Failure
    }
}

fn tell(on_change: &impl Fn(Swap), swap: Swap) {
    // The callback's state is its own, and so is what a panic leaves of it.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| on_change(swap))) {
        // The payload's own destructor may panic too.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    }
}

#[cfg(test)]
mod tests;
