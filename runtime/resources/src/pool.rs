//! A bounded set of values that are dear to make and may be used again.
//!
//! **Promised.** There are never more values than the pool's size, those being
//! made included. Whoever finds none waits in a queue with a bound, and gets the
//! next one in the order in which he came: it is handed to him, so nobody
//! overtakes him before he is polled. Whoever stops waiting, at his deadline or by
//! dropping the future, leaves his place to the next. A value that a panic passed
//! by, or whose check did not come to its end, is never seen again.
//!
//! **What ends a value.** Its lease says so; its check fails; its age, its idle
//! time or its uses are over; the pool shrinks or closes.
//!
//! **What is yours to do.** The pool has no task of its own: call
//! [`warm`](Pool::warm) to have values made ahead, and [`evict`](Pool::evict) now
//! and then, or what is idle stays.

mod config;
mod error;
#[cfg(test)]
mod interleavings;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError};

use tokio::time::{Instant, timeout_at};

pub use config::{PoolConfig, Reuse};
pub use error::PoolError;
pub(crate) use state::{Back, Entry};
pub use state::{PoolCounts, PoolTotals};

use crate::lease::{Lease, Place};
use crate::sync::{Mutex, MutexGuard};
use state::{Entered, State};

/// What makes the values of a [`Pool`], and says whether one is still good.
pub trait Maker: Send + Sync + 'static {
    /// What is pooled.
    type Value: Send + 'static;
    /// Why one cannot be made.
    type Error: Send + 'static;

    /// Makes a value.
    fn make(&self) -> impl Future<Output = Result<Self::Value, Self::Error>> + Send;

    /// Whether a value that was used before may be used again. It is dropped
    /// where it may not, and where nobody waits for the answer.
    fn check(&self, _value: &mut Self::Value) -> impl Future<Output = bool> + Send {
        std::future::ready(true)
    }
}

/// Values that are made by a [`Maker`] and used one lease after the other. Cheap
/// to clone; every clone is the same pool.
///
/// ```
/// use std::convert::Infallible;
///
/// use patinox_resources::{Maker, Pool, PoolConfig};
///
/// struct Buffers;
///
/// impl Maker for Buffers {
///     type Value = Vec<u8>;
///     type Error = Infallible;
///
///     async fn make(&self) -> Result<Vec<u8>, Infallible> {
///         Ok(Vec::with_capacity(1 << 20))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let pool = Pool::new(PoolConfig::of(4), Buffers);
/// let mut buffer = pool.checkout(None).await?;
/// buffer.push(7);
/// drop(buffer);
/// // It is the same one, as it was left.
/// assert_eq!(pool.checkout(None).await?.as_slice(), [7]);
/// assert_eq!(pool.totals().made, 1);
/// # Ok::<(), patinox_resources::PoolError<Infallible>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pool<M: Maker>(Arc<Inner<M>>);

struct Inner<M: Maker> {
    maker: M,
    state: Mutex<State<M>>,
}

impl<M: Maker> Pool<M> {
    /// A pool without a value yet.
    #[must_use]
    pub fn new(config: PoolConfig, maker: M) -> Self {
        Self(Arc::new(Inner {
            maker,
            state: Mutex::new(State::new(config)),
        }))
    }

    /// Takes a value: one that is idle and good, a new one where there is room
    /// for it, or the next one that comes back.
    ///
    /// # Errors
    ///
    /// [`PoolError::Busy`] at once where the queue is full; [`PoolError::Late`]
    /// where the deadline passes, while it waits, checks or makes one: `None` for
    /// no deadline, and only then it needs no runtime with timers;
    /// [`PoolError::Make`] where one cannot be made; [`PoolError::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives its place in the queue back, or the value that
    /// was handed to it meanwhile; one that was being made or checked is dropped.
    pub async fn checkout(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Lease<M>, PoolError<M::Error>> {
        match deadline {
            None => self.take().await,
            Some(deadline) => {
                let taken = timeout_at(deadline, self.take()).await;
                taken.unwrap_or_else(|_| {
                    self.lock().totals.late += 1;
                    Err(PoolError::Late)
                })
            }
        }
    }

    /// Takes a value that is idle and good, and makes none and waits for none
    /// where there is none.
    ///
    /// # Cancel safety
    ///
    /// What was being checked is dropped.
    pub async fn checkout_idle(&self) -> Option<Lease<M>> {
        loop {
            let mut gone = Vec::new();
            let entry = self.lock().enter_idle(Instant::now(), &mut gone);
            drop(gone);
            let lease = Lease::new(self.clone(), entry?);
            if let Ok(lease) = self.checked(lease).await {
                return Some(lease);
            }
        }
    }

    /// Makes values until as many are idle as `ready` says, as far as there is
    /// room. How many were made.
    ///
    /// # Errors
    ///
    /// If one cannot be made; those before it stay.
    ///
    /// # Cancel safety
    ///
    /// What is being made is dropped; those before it stay.
    pub async fn warm(&self) -> Result<usize, M::Error> {
        let mut made = 0;
        loop {
            let place = self.lock().warm();
            let Some(place) = place.then(|| Place::new(self.clone())) else {
                return Ok(made);
            };
            // Unused it is idle from here on, or goes to who waits by now.
            drop(self.make(place).await?);
            made += 1;
        }
    }

    /// Lets go of every idle value that is too old or was idle too long. How many
    /// these were.
    pub fn evict(&self) -> usize {
        let gone = self.lock().evict(Instant::now());
        // Dropped outside the lock: that may take a while.
        gone.len()
    }

    /// Lets go of every idle value. How many these were.
    pub fn drain(&self) -> usize {
        let gone = self.lock().drain();
        gone.len()
    }

    /// Changes how many values there may be. If there may be more, those who wait
    /// longest have them made at once; if fewer, what is idle goes first, and the
    /// rest as they come back. How many went.
    pub fn resize(&self, size: usize) -> usize {
        let (gone, places) = self.lock().resize(size);
        for _ in 0..places {
            // Each goes to whoever is first in the queue.
            drop(Place::new(self.clone()));
        }
        gone.len()
    }

    /// Gives out nothing any more. Who waits gets [`PoolError::Closed`]; what is
    /// idle goes now, and what is out as it comes back.
    pub fn close(&self) {
        let gone = self.lock().close();
        drop(gone);
    }

    /// How many values and waiters there are now.
    #[must_use]
    pub fn counts(&self) -> PoolCounts {
        self.lock().counts()
    }

    /// What has happened so far.
    #[must_use]
    pub fn totals(&self) -> PoolTotals {
        self.lock().totals
    }

    async fn take(&self) -> Result<Lease<M>, PoolError<M::Error>> {
        let mut gone = Vec::new();
        let entered = self.lock().enter(Instant::now(), &mut gone);
        // Outside the lock: that may take a while.
        drop(gone);
        let entered = entered?;
        let mut turn = match entered {
            Entered::Value(entry) => Turn::Value(Lease::new(self.clone(), entry)),
            Entered::Place => Turn::Place(Place::new(self.clone())),
            Entered::Queued { ticket, turn } => {
                let _waiter = Waiter { pool: self, ticket };
                // The other end is dropped only when the pool closes.
                turn.await.map_err(|_| PoolError::Closed)?
            }
        };
        loop {
            turn = match turn {
                Turn::Value(lease) => match self.checked(lease).await {
                    Ok(lease) => return Ok(lease),
                    Err(place) => Turn::Place(place),
                },
                Turn::Place(place) => match place.take_idle() {
                    Ok(lease) => Turn::Value(lease),
                    Err(place) if place.is_closed() => return Err(PoolError::Closed),
                    Err(place) => {
                        let mut lease = self.make(place).await.map_err(PoolError::Make)?;
                        lease.begin();
                        return Ok(lease);
                    }
                },
            };
        }
    }

    async fn checked(&self, mut lease: Lease<M>) -> Result<Lease<M>, Place<M>> {
        // Until the answer is there nobody else may have it.
        lease.condemn();
        if self.0.maker.check(&mut lease).await {
            lease.begin();
            return Ok(lease);
        }
        self.lock().totals.unfit += 1;
        Err(lease.into_place())
    }

    async fn make(&self, place: Place<M>) -> Result<Lease<M>, M::Error> {
        let made = self.0.maker.make().await;
        let mut state = self.lock();
        match made {
            Ok(value) => {
                state.totals.made += 1;
                drop(state);
                Ok(place.fill(value, Instant::now()))
            }
            Err(error) => {
                state.totals.failed += 1;
                drop(state);
                Err(error)
            }
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<M>> {
        // Nothing that runs under the lock is anybody else's code.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is handed to whoever is first in the queue. Dropped, it goes to the next.
pub(crate) enum Turn<M: Maker> {
    /// A value, which he still has to check.
    Value(Lease<M>),
    /// Room for one.
    Place(Place<M>),
}

/// A place in the queue, given back when it is dropped.
struct Waiter<'p, M: Maker> {
    pool: &'p Pool<M>,
    ticket: u64,
}

impl<M: Maker> Drop for Waiter<'_, M> {
    fn drop(&mut self) {
        // What was handed to him meanwhile comes back by its own drop.
        let turn = self.pool.lock().leave(self.ticket);
        drop(turn);
    }
}

impl<M: Maker> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Maker> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
