//! How many instances live at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::timeout_at;

/// How deep calls nest at most; a call deeper down finds no share.
const MAX_DEPTH: usize = 4;

/// One slot in so many is kept for nested calls.
const RESERVED_OF: usize = 4;

/// Which depth each reserved slot goes to, over and over: one to each depth
/// first, and in all to each depth about half of what the one above it has, as
/// few calls nest and fewer nest twice.
const RESERVED_FOR: [usize; 8] = [1, 2, 3, 4, 1, 1, 2, 1];

/// The room that the live instances of a host share, in slots: an instance
/// takes as many as its component has memories, and at least one.
///
/// Root calls share one part; each depth of nested calls has a part of its own
/// that no other depth and no root call takes from. So a nested call, whose
/// parent holds slots while it waits for it, never waits for slots itself, and
/// no crowd of parents stands still waiting for its children.
///
/// # Fairness
///
/// Root calls get slots in the order in which they came: one that needs many
/// is not overtaken by those that need few, but holds them up until enough are
/// free.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use patinox_sandbox::{NoSlot, Slots};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let slots = Slots::new(2);
/// let soon = Instant::now() + Duration::from_millis(10);
/// let tool = slots.take(1, 0, soon).await?;
/// assert_eq!(slots.take(1, 0, soon).await.unwrap_err(), NoSlot::Late);
/// let nested = slots.take(1, 1, soon).await?;
/// assert_eq!(slots.take(1, 1, soon).await.unwrap_err(), NoSlot::Busy);
/// drop((tool, nested));
/// assert_eq!(slots.free(), 2);
/// # Ok::<(), NoSlot>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Slots(Arc<[Share; MAX_DEPTH + 1]>);

/// The slots of one depth.
#[derive(Debug)]
struct Share {
    free: Arc<Semaphore>,
    total: usize,
    /// How many of them nobody gets for now.
    withheld: AtomicUsize,
    /// How many calls wait for some of them.
    waiting: AtomicUsize,
}

/// One call waits, until this is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn on(share: &'a Share) -> Self {
        share.waiting.fetch_add(1, Ordering::Relaxed);
        Self(&share.waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The slots of one live instance; they are given back when it is dropped.
#[derive(Debug)]
#[must_use = "the instance may live only as long as its slots are held"]
pub struct Slot {
    _held: OwnedSemaphorePermit,
}

/// Why there are no slots for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSlot {
    /// It takes more slots than calls of its depth have in all: no wait helps.
    #[error("an instance takes {weight} slots, of {share} that there are for it")]
    TooHeavy {
        /// How many it takes.
        weight: u32,
        /// How many there are.
        share: usize,
    },
    /// A nested call found none free, and none waits.
    #[error("no slot is free for a nested call")]
    Busy,
    /// The deadline passed while it waited.
    #[error("no slot came free before the deadline")]
    Late,
    /// Nobody gets any more of these: there are others in their place.
    #[error("these slots are closed")]
    Closed,
}

impl From<TryAcquireError> for NoSlot {
    fn from(error: TryAcquireError) -> Self {
        match error {
            TryAcquireError::NoPermits => Self::Busy,
            TryAcquireError::Closed => Self::Closed,
        }
    }
}

impl Slots {
    /// So many slots.
    ///
    /// A quarter of them is kept for nested calls, if there are two or more at
    /// least one: of 2 one, of 16 one for each depth, of 256 32, 16, 8 and 8.
    #[must_use]
    pub fn new(total: u32) -> Self {
        let shares = shares(usize::try_from(total).unwrap_or(usize::MAX));
        Self(Arc::new(shares.map(|total| {
            let total = total.min(Semaphore::MAX_PERMITS);
            Share {
                free: Arc::new(Semaphore::new(total)),
                total,
                withheld: AtomicUsize::new(0),
                waiting: AtomicUsize::new(0),
            }
        })))
    }

    /// How many of so many root calls would share.
    pub(crate) fn roots_of(total: u32) -> usize {
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        total.saturating_sub(reserved_of(total))
    }

    /// Takes the slots of an instance of so many memories, for a call so deep:
    /// 0 is a root call, 1 the call that its tool makes.
    ///
    /// A root call waits for its turn until the deadline; a nested one waits
    /// never. Those that wait are bounded by whoever admits root calls.
    ///
    /// # Errors
    ///
    /// [`NoSlot::TooHeavy`] at once; [`NoSlot::Busy`] for a nested call where
    /// too few are free, which is always where there are none for its depth;
    /// [`NoSlot::Late`] at the deadline; [`NoSlot::Closed`], also for those that
    /// wait, once these are [closed](Self::close). What is free at once is given
    /// whatever the deadline is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses its place and takes nothing: those behind it
    /// move up in their order.
    pub async fn take(&self, weight: u32, depth: u32, deadline: Instant) -> Result<Slot, NoSlot> {
        if 0 < depth {
            return self.try_take(weight, depth);
        }
        let weight = weight.max(1);
        let [share, ..] = &*self.0;
        share.fits(weight)?;
        match self.try_take(weight, depth) {
            Err(NoSlot::Busy) => {}
            taken => return taken,
        }
        let _waits = Waits::on(share);
        let taken = Arc::clone(&share.free).acquire_many_owned(weight);
        let held = timeout_at(deadline.into(), taken).await;
        let held = held.map_err(|_| NoSlot::Late)?;
        held.map(|held| Slot { _held: held })
            .map_err(|_| NoSlot::Closed)
    }

    /// Whether a root call of this weight gets its slots some day.
    #[must_use]
    pub fn bear(&self, weight: u32) -> bool {
        let [root, ..] = &*self.0;
        root.fits(weight.max(1)).is_ok()
    }

    /// Takes what is free at once, as [`take`](Self::take) does, and never
    /// waits.
    ///
    /// # Errors
    ///
    /// [`NoSlot::TooHeavy`], and [`NoSlot::Busy`] where too few are free or
    /// others wait.
    pub fn try_take(&self, weight: u32, depth: u32) -> Result<Slot, NoSlot> {
        let weight = weight.max(1);
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        let share = self.0.get(depth).ok_or(NoSlot::Busy)?;
        if 0 < depth && share.total == 0 {
            return Err(NoSlot::Busy);
        }
        share.fits(weight)?;
        let held = Arc::clone(&share.free).try_acquire_many_owned(weight)?;
        Ok(Slot { _held: held })
    }

    /// How many root calls wait for some.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let [root, ..] = &*self.0;
        root.waiting.load(Ordering::Relaxed)
    }

    /// Gives out no more of them, and has those that wait hear of it. What is held
    /// is held until it is given back.
    pub fn close(&self) {
        for share in &*self.0 {
            share.free.close();
        }
    }

    /// Closes them if nobody holds one. Whether they are closed.
    pub(crate) fn close_unused(&self) -> bool {
        let taken = self.0.iter().map(|share| {
            let withheld = share.withheld.load(Ordering::Relaxed);
            let all = share.total.saturating_sub(withheld);
            let all = u32::try_from(all).ok()?;
            Arc::clone(&share.free).try_acquire_many_owned(all).ok()
        });
        // Held until they are closed, so that nobody takes one meanwhile.
        let taken: Option<Vec<_>> = taken.collect();
        if taken.is_some() {
            self.close();
        }
        taken.is_some()
    }

    /// Whether somebody holds one.
    pub(crate) fn are_used(&self) -> bool {
        self.0.iter().any(|share| {
            let withheld = share.withheld.load(Ordering::Relaxed);
            share.free.available_permits() < share.total.saturating_sub(withheld)
        })
    }

    /// How many root calls share, and how many of these are free.
    #[must_use]
    pub fn of_roots(&self) -> (usize, usize) {
        let [root, ..] = &*self.0;
        let withheld = root.withheld.load(Ordering::Relaxed);
        let there = root.total.saturating_sub(withheld);
        (there, root.free.available_permits())
    }

    /// Gives root calls half as many from now on, of those that are free, and never
    /// fewer than so many. How many fewer these are.
    pub(crate) fn withhold(&self, least: usize) -> usize {
        let [root, ..] = &*self.0;
        let (there, _) = self.of_roots();
        let gone = root
            .free
            .forget_permits(there.saturating_sub((there / 2).max(least)));
        root.withheld.fetch_add(gone, Ordering::Relaxed);
        gone
    }

    /// Withholds as many as those that these take the place of.
    pub(crate) fn withhold_as(&self, before: &Self) {
        let ([root, ..], [before, ..]) = (&*self.0, &*before.0);
        let gone = root
            .free
            .forget_permits(before.withheld.load(Ordering::Relaxed));
        root.withheld.fetch_add(gone, Ordering::Relaxed);
    }

    /// Takes back what was withheld.
    pub(crate) fn restore(&self) {
        let [root, ..] = &*self.0;
        root.free
            .add_permits(root.withheld.swap(0, Ordering::Relaxed));
    }

    /// How many are free, of all shares together.
    #[must_use]
    pub fn free(&self) -> usize {
        let free = self.0.iter().map(|share| share.free.available_permits());
        free.sum()
    }
}

impl Share {
    fn fits(&self, weight: u32) -> Result<(), NoSlot> {
        let fits = usize::try_from(weight).is_ok_and(|weight| weight <= self.total);
        fits.then_some(()).ok_or(NoSlot::TooHeavy {
            weight,
            share: self.total,
        })
    }
}

/// How many of a total are kept for nested calls.
fn reserved_of(total: usize) -> usize {
    match total {
        0 | 1 => 0,
        _ => (total / RESERVED_OF).max(1),
    }
}

/// What root calls and each depth get of a total.
fn shares(total: usize) -> [usize; MAX_DEPTH + 1] {
    let reserved = reserved_of(total);
    let rounds = reserved / RESERVED_FOR.len();
    let rest = reserved % RESERVED_FOR.len();
    let mut shares = [0; MAX_DEPTH + 1];
    for (depth, share) in shares.iter_mut().enumerate() {
        let in_all = RESERVED_FOR.iter().filter(|one| **one == depth).count();
        let in_rest = RESERVED_FOR.iter().take(rest);
        *share = rounds * in_all + in_rest.filter(|one| **one == depth).count();
    }
    let [root, ..] = &mut shares;
    *root = total - reserved;
    shares
}

#[cfg(test)]
mod tests;
