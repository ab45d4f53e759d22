//! A value that many read and few replace.
//!
//! Whoever reads has the value as it was at one moment, for as long as he holds
//! it, and waits for nobody. Whoever changes it makes a copy, changes that, and
//! puts it in the place of the old one, in one step; such changes take turns. A
//! change can be awaited.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch::{Receiver, Sender, channel};

/// A value that is shared, replaced as a whole, and watched. Cheap to clone;
/// every clone is the same value.
///
/// For what is read on every call and changed by people: configuration,
/// policies, a catalog. What never changes needs a plain `Arc`.
///
/// ```
/// use patinox_resources::Shared;
///
/// let names = Shared::new(vec!["text"]);
/// let before = names.load();
/// names.modify(|names| names.push("hash"));
/// assert_eq!((before.len(), names.load().len()), (1, 2));
/// ```
pub struct Shared<T>(Arc<Inner<T>>);

struct Inner<T> {
    value: ArcSwap<T>,
    /// Held by whoever changes it.
    changing: Mutex<()>,
    /// How often it was replaced.
    changes: Sender<u64>,
}

impl<T> Shared<T> {
    /// Shares a value.
    #[must_use]
    pub fn new(value: T) -> Self {
        let (changes, _) = channel(0);
        Self(Arc::new(Inner {
            value: ArcSwap::from_pointee(value),
            changing: Mutex::new(()),
            changes,
        }))
    }

    /// The value as it is now. Never waits, whoever changes it meanwhile.
    #[must_use]
    pub fn load(&self) -> Arc<T> {
        self.0.value.load_full()
    }

    /// Looks at the value as it is now. Cheaper than [`load`](Self::load): nobody
    /// counts who holds it. For a look that is short and waits for nothing.
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.value.load())
    }

    /// Puts another value in its place, and gives the old one back.
    pub fn replace(&self, value: T) -> Arc<T> {
        self.update(|old| (Some(value), Arc::clone(old)))
    }

    /// Puts in its place what comes of it, if anything does. It is called once;
    /// nobody else changes the value until it is done, so it must not wait, or
    /// change this value itself. If it panics, the value stays.
    pub fn update<R>(&self, change: impl FnOnce(&Arc<T>) -> (Option<T>, R)) -> R {
        let changing = self.0.changing.lock();
        // A change that panicked has changed nothing.
        let _changing = changing.unwrap_or_else(PoisonError::into_inner);
        let (new, answer) = change(&self.0.value.load());
        if let Some(new) = new {
            self.0.value.store(Arc::new(new));
            self.0
                .changes
                .send_modify(|count| *count = count.wrapping_add(1));
        }
        answer
    }

    /// Tells each change from now on.
    #[must_use]
    pub fn watch(&self) -> Watch<T> {
        // Asked for before the value is looked at: no change after it is missed.
        let changes = self.0.changes.subscribe();
        Watch {
            shared: self.clone(),
            changes,
        }
    }
}

impl<T: Clone> Shared<T> {
    /// Changes a copy of the value, and puts that in its place: see
    /// [`update`](Self::update).
    pub fn modify<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        self.update(|value| {
            let mut new = T::clone(value);
            let answer = change(&mut new);
            (Some(new), answer)
        })
    }
}

/// Each change of a [`Shared`] value.
#[derive(Debug)]
pub struct Watch<T> {
    shared: Shared<T>,
    changes: Receiver<u64>,
}

impl<T> Watch<T> {
    /// Waits until the value has changed since the last time, or since the watch
    /// was made, and gives it as it is then. Several changes meanwhile are one.
    ///
    /// # Cancel safety
    ///
    /// No change is lost by dropping the future.
    pub async fn changed(&mut self) -> Arc<T> {
        // It cannot end: this holds the other end too.
        let _ = self.changes.changed().await;
        self.shared.load()
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|value| f.debug_tuple("Shared").field(value).finish())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Poll, Waker};
    use std::thread;

    use super::*;

    #[test]
    fn who_holds_an_old_value_keeps_it() {
        let shared = Shared::new(1);
        let first = shared.load();
        assert_eq!(*shared.replace(2), 1);
        let copy = shared.clone();
        copy.modify(|value| *value += 1);
        assert_eq!((*first, *shared.load()), (1, 3));
        assert_eq!(shared.with(|value| *value), 3);
        assert_eq!(format!("{shared:?}"), "Shared(3)");
    }

    #[test]
    fn what_comes_to_nothing_changes_nothing() {
        let shared = Shared::new(1);
        let mut watch = shared.watch();
        let before = shared.load();
        assert_eq!(shared.update(|value| (None, **value + 1)), 2);
        assert!(Arc::ptr_eq(&before, &shared.load()));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            shared.modify(|value| {
                *value = 9;
                panic!("half way");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(*shared.load(), 1);
        assert!(poll(&mut watch).is_pending());
        // And the next change is as any other.
        shared.modify(|value| *value = 2);
        assert_eq!(poll(&mut watch), Poll::Ready(Arc::new(2)));
    }

    fn poll<T>(watch: &mut Watch<T>) -> Poll<Arc<T>> {
        let changed = watch.changed();
        let mut context = Context::from_waker(Waker::noop());
        std::pin::pin!(changed).poll(&mut context)
    }

    #[test]
    fn a_watch_misses_no_change_and_tells_several_as_one() {
        let shared = Shared::new(1);
        let mut watch = shared.watch();
        assert!(poll(&mut watch).is_pending());
        shared.replace(2);
        shared.replace(3);
        assert_eq!(poll(&mut watch), Poll::Ready(Arc::new(3)));
        assert!(poll(&mut watch).is_pending());
        shared.replace(4);
        // The future that was dropped above took nothing with it.
        assert_eq!(poll(&mut watch), Poll::Ready(Arc::new(4)));
        // A watch tells what comes after it.
        assert!(poll(&mut shared.watch()).is_pending());
    }

    /// Writers lose no change of each other's, and no reader sees half of one.
    #[test]
    fn many_threads_change_and_read_whole_values() {
        const WRITERS: u64 = 4;
        const CHANGES: u64 = 2_000;
        let shared = Shared::new((0_u64, 0_u64));
        let is_over = AtomicBool::new(false);
        let read = || {
            let mut last = 0;
            while !is_over.load(Ordering::Relaxed) {
                let (one, other) = *shared.load();
                assert_eq!(one, other);
                assert!(last <= one, "{last} {one}");
                last = one;
            }
        };
        let change = || {
            shared.modify(|(one, other)| {
                *one += 1;
                *other += 1;
            });
        };
        thread::scope(|scope| {
            // A panic of theirs comes out of the scope.
            scope.spawn(read);
            scope.spawn(read);
            let writers: Vec<_> = (0..WRITERS)
                .map(|_| scope.spawn(|| (0..CHANGES).for_each(|_| change())))
                .collect();
            for writer in writers {
                writer.join().unwrap();
            }
            is_over.store(true, Ordering::Relaxed);
        });
        assert_eq!(*shared.load(), (WRITERS * CHANGES, WRITERS * CHANGES));
    }

    /// A reader in the middle of a change, on the same thread, gets the old value
    /// and does not wait.
    #[test]
    fn readers_do_not_wait_for_a_change() {
        let shared = Shared::new(1);
        shared.modify(|value| {
            *value = 2;
            assert_eq!(*shared.load(), 1);
        });
        assert_eq!(*shared.load(), 2);
    }
}
