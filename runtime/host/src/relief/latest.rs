//! Hands what is newest to a thread that may take its time.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Hands values to a thread of its own, without waiting for it: what it has not
/// come to see is replaced by what is newer. The thread ends when this is dropped
/// and it has done what it is at.
#[derive(Debug)]
pub(super) struct Latest<T>(Arc<Slot<T>>);

#[derive(Debug)]
struct Slot<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
enum State<T> {
    Nothing,
    New(T),
    Over,
}

impl<T: Send + 'static> Latest<T> {
    /// Starts a thread of this name that does this with each value.
    pub(super) fn start(name: &str, mut work: impl FnMut(T) + Send + 'static) -> io::Result<Self> {
        let slot = Arc::new(Slot {
            state: Mutex::new(State::Nothing),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&slot);
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(move || {
            while let Some(value) = theirs.next() {
                work(value);
            }
        })?;
        Ok(Self(slot))
    }

    pub(super) fn tell(&self, value: T) {
        self.0.set(State::New(value));
    }
}

impl<T> Drop for Latest<T> {
    fn drop(&mut self) {
        self.0.set(State::Over);
    }
}

impl<T> Slot<T> {
    fn set(&self, state: State<T>) {
        *self.state() = state;
        self.changed.notify_one();
    }

    /// Waits for the next value; `None` once there is none any more.
    fn next(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            match std::mem::replace(&mut *state, State::Nothing) {
                State::New(value) => return Some(value),
                State::Over => return None,
                State::Nothing => {}
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that runs under the lock panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn whoever_tells_never_waits_and_only_the_newest_is_seen() {
        let (held, hold) = channel::<()>();
        let (seen, all) = channel();
        let latest = Latest::start("test", move |number: u32| {
            seen.send(number).expect("somebody listens");
            let _ = hold.recv();
        });
        let latest = latest.expect("a thread");
        latest.tell(1);
        assert_eq!(all.recv_timeout(LONG), Ok(1));
        // It is stuck with the first.
        (2..=1_000).for_each(|number| latest.tell(number));
        held.send(()).expect("it waits");
        assert_eq!(all.recv_timeout(LONG), Ok(1_000));
        held.send(()).expect("it waits");
        drop(latest);
        // The thread is gone, and its end of the channel with it.
        assert!(all.recv_timeout(LONG).is_err());
    }
}
