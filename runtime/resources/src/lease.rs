//! A hold on a value of a pool, and on a place for one.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::thread;

use tokio::time::Instant;

use crate::pool::{Back, Entry, Maker, Pool, Turn};

/// A hold on a value of a [`Pool`]. When it is dropped the value goes to whoever
/// waits longest, or is idle; after a panic, or once it was
/// [retired](Self::retire), it goes for good and leaves its place to another.
pub struct Lease<M: Maker> {
    pool: Pool<M>,
    /// `None` once it has been given away.
    entry: Option<Entry<M::Value>>,
    /// It must not be seen again.
    is_over: bool,
}

impl<M: Maker> Lease<M> {
    pub(crate) const fn new(pool: Pool<M>, entry: Entry<M::Value>) -> Self {
        Self {
            pool,
            entry: Some(entry),
            is_over: false,
        }
    }

    /// Drops the value for good.
    pub fn retire(mut self) {
        self.condemn();
    }

    /// Takes the value out of the pool: it is no longer counted, and there is
    /// room for another.
    #[must_use = "the value is dropped; `retire` does that"]
    pub fn into_inner(mut self) -> M::Value {
        let entry = self.take();
        self.pool.lock().vacate();
        drop(Place::new(self.pool.clone()));
        entry.value
    }

    /// How often it has been leased, this time included.
    #[must_use]
    pub fn uses(&self) -> u32 {
        self.entry().uses
    }

    pub(crate) const fn condemn(&mut self) {
        self.is_over = true;
    }

    /// It was found good, and is used from here on.
    pub(crate) fn begin(&mut self) {
        self.is_over = false;
        let entry = self.entry_mut();
        entry.uses = entry.uses.saturating_add(1);
    }

    /// Drops the value, and keeps its place.
    pub(crate) fn into_place(mut self) -> Place<M> {
        let entry = self.take();
        self.pool.lock().vacate();
        let place = Place::new(self.pool.clone());
        // If its destructor panics the place is given back.
        drop(entry);
        place
    }

    fn take(&mut self) -> Entry<M::Value> {
        #[expect(clippy::expect_used, reason = "invariant: only its end takes it")]
        self.entry.take().expect("a lease holds its value")
    }

    fn entry(&self) -> &Entry<M::Value> {
        #[expect(clippy::expect_used, reason = "invariant: only its end takes it")]
        self.entry.as_ref().expect("a lease holds its value")
    }

    fn entry_mut(&mut self) -> &mut Entry<M::Value> {
        #[expect(clippy::expect_used, reason = "invariant: only its end takes it")]
        self.entry.as_mut().expect("a lease holds its value")
    }
}

impl<M: Maker> Drop for Lease<M> {
    fn drop(&mut self) {
        let Some(mut entry) = self.entry.take() else {
            return;
        };
        let is_over = self.is_over || thread::panicking();
        loop {
            let back = if is_over {
                self.pool.lock().vacate();
                Back::Over(entry)
            } else {
                self.pool.lock().put_back(entry, Instant::now())
            };
            match back {
                Back::Idle => return,
                Back::Over(over) => {
                    // Before the value is dropped: its destructor may panic.
                    let _place = Place::new(self.pool.clone());
                    drop(over);
                    return;
                }
                Back::Next(next, waiter) => {
                    let lease = Self::new(self.pool.clone(), next);
                    let Err(Turn::Value(mut lease)) = waiter.send(Turn::Value(lease)) else {
                        return;
                    };
                    // He left in this moment: the next one gets it.
                    entry = lease.take();
                }
            }
        }
    }
}

/// Room for a value, held by whoever makes it.
pub(crate) struct Place<M: Maker> {
    /// `None` once a value stands there.
    pool: Option<Pool<M>>,
}

impl<M: Maker> Place<M> {
    /// For a place that is counted already.
    pub(crate) const fn new(pool: Pool<M>) -> Self {
        Self { pool: Some(pool) }
    }

    /// Puts a new value there.
    pub(crate) fn fill(mut self, value: M::Value, now: Instant) -> Lease<M> {
        #[expect(clippy::expect_used, reason = "invariant: only its end takes it")]
        let pool = self.pool.take().expect("a place is somewhere");
        let entry = pool.lock().fill(value, now);
        Lease::new(pool, entry)
    }

    /// Has an idle value instead, if there is one.
    pub(crate) fn take_idle(mut self) -> Result<Lease<M>, Self> {
        let Some(pool) = &self.pool else {
            return Err(self);
        };
        let (entry, gone) = pool.lock().pick_for_place(Instant::now());
        drop(gone);
        match (entry, self.pool.take()) {
            (Some(entry), Some(pool)) => Ok(Lease::new(pool, entry)),
            (_, pool) => Err(Self { pool }),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        let pool = self.pool.as_ref();
        pool.is_some_and(|pool| pool.lock().is_closed())
    }
}

impl<M: Maker> Drop for Place<M> {
    fn drop(&mut self) {
        let Some(pool) = self.pool.take() else {
            return;
        };
        loop {
            let Some(waiter) = pool.lock().free_place() else {
                return;
            };
            let place = Self::new(pool.clone());
            let Err(Turn::Place(mut place)) = waiter.send(Turn::Place(place)) else {
                return;
            };
            // He left in this moment: the next one gets it.
            place.pool = None;
        }
    }
}

impl<M: Maker> Deref for Lease<M> {
    type Target = M::Value;

    fn deref(&self) -> &M::Value {
        &self.entry().value
    }
}

impl<M: Maker> DerefMut for Lease<M> {
    fn deref_mut(&mut self) -> &mut M::Value {
        &mut self.entry_mut().value
    }
}

impl<M: Maker<Value: fmt::Debug>> fmt::Debug for Lease<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("value", &self.entry().value)
            .finish_non_exhaustive()
    }
}
